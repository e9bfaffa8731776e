//! What was not taken: entries by class and things noticed, each counted with one example.

use std::collections::BTreeMap;

use crate::name::DropClass;

/// Characters of an example that are kept.
const EXAMPLE_LENGTH: usize = 120;

/// How often something was met, and one example of it with control characters escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noticed {
    /// How often.
    pub count: u64,
    /// The smallest of them in text order, so that it does not depend on the order of input; cut after 120 characters.
    pub example: String,
}

impl Noticed {
    pub(super) fn add(&mut self, text: &str) {
        self.count += 1;
        if self.count == 1 || escape(text) < self.example {
            self.example = escape(text);
        }
    }
}

/// A hostile text as printable ASCII and visible letters, cut to a bound.
fn escape(text: &str) -> String {
    text.escape_debug().take(EXAMPLE_LENGTH).collect()
}

/// Entries that are no DNS name in scope, by class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drops(BTreeMap<DropClass, Noticed>);

impl Drops {
    pub(super) fn add(&mut self, class: DropClass, text: &str) {
        self.0.entry(class).or_default().add(text);
    }

    /// The classes met, in the order of [`DropClass`].
    pub fn iter(&self) -> impl Iterator<Item = (DropClass, &Noticed)> {
        self.0.iter().map(|(&class, noticed)| (class, noticed))
    }

    /// How many entries of one class were met.
    #[must_use]
    pub fn count(&self, class: DropClass) -> u64 {
        self.0.get(&class).map_or(0, |noticed| noticed.count)
    }

    /// How many entries were dropped in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().map(|noticed| noticed.count).sum()
    }
}
