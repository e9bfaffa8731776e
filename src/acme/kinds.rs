//! [`Kinds`]: the errors of a log by what one explanation covers, each with what all of its kind have in common.

use std::collections::BTreeMap;

use super::detail::AcmeError;
use super::explain::Explained;
use super::{ErrorClass, Perspective};
use crate::name::DomainName;

/// Kinds told apart by level; beyond, by the rest only.
pub(super) const KINDS: usize = 1000;
/// Explanations in the report.
const EXPLAINED: usize = 12;

/// Class, level, perspective, recheck, and whether the wording is Boulder's.
type Kind = (ErrorClass, Option<DomainName>, Perspective, bool, bool);

/// Errors by kind.
#[derive(Debug, Default)]
pub(super) struct Kinds(BTreeMap<Kind, Common>);

/// What the errors of a kind have in common.
#[derive(Debug, Clone, Default)]
struct Common {
    count: u64,
    name: Told<(DomainName, bool)>,
    reason: Told<String>,
    problem: Told<String>,
    /// Of the first.
    text: String,
}

/// A value that errors tell or leave out.
#[derive(Debug, Clone, Default)]
enum Told<T> {
    #[default]
    Nowhere,
    Always(T),
    /// Different ones.
    Various,
}

impl<T: Clone + PartialEq> Told<T> {
    fn add(&mut self, value: Option<&T>) {
        if let Some(value) = value {
            match self {
                Self::Nowhere => *self = Self::Always(value.clone()),
                Self::Always(known) if known == value => {}
                Self::Always(_) | Self::Various => *self = Self::Various,
            }
        }
    }

    fn join(&mut self, other: &Self) {
        match other {
            Self::Nowhere => {}
            Self::Always(value) => self.add(Some(value)),
            Self::Various => *self = Self::Various,
        }
    }

    fn get(&self) -> Option<&T> {
        match self {
            Self::Always(value) => Some(value),
            Self::Nowhere | Self::Various => None,
        }
    }
}

impl Common {
    fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.name.join(&other.name);
        self.reason.join(&other.reason);
        self.problem.join(&other.problem);
    }

    /// As one error of `kind`.
    fn error(&self, kind: &Kind) -> AcmeError {
        let (class, level, perspective, recheck, boulder) = kind;
        let reason = match &self.reason {
            Told::Various => Some("various reasons".to_owned()),
            told => told.get().cloned(),
        };
        AcmeError {
            class: *class,
            level: level.clone(),
            name: self.name.get().map(|(name, _)| name.clone()),
            wildcard: self.name.get().is_some_and(|(_, wildcard)| *wildcard),
            perspective: *perspective,
            recheck: *recheck,
            reason,
            problem: self.problem.get().cloned(),
            boulder: *boulder,
            text: self.text.clone(),
        }
    }
}

impl Kinds {
    /// Counts an error.
    pub(super) fn add(&mut self, error: &AcmeError) {
        let mut kind = (error.class, error.level.clone(), error.perspective, error.recheck, error.boulder);
        if self.0.len() >= KINDS && !self.0.contains_key(&kind) {
            kind.1 = None;
        }
        let common = self.0.entry(kind).or_insert_with(|| Common { text: error.text.clone(), ..Common::default() });
        common.count += 1;
        common.name.add(error.name.clone().map(|name| (name, error.wildcard)).as_ref());
        common.reason.add(error.reason.as_ref());
        common.problem.add(error.problem.as_ref());
    }

    /// The most frequent, explained. One explanation a class, perspective, and TLD or not suffices for a log; the levels
    /// are counted beside it.
    pub(super) fn explained(&self) -> Vec<Explained> {
        let mut kinds: Vec<(&Kind, &Common)> = self.0.iter().collect();
        kinds.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(b.0)));
        let covers = |(class, level, perspective, ..): &Kind| {
            (*class, level.as_ref().is_some_and(|level| level.depth() == 0), *perspective)
        };
        let mut explained: Vec<(&Kind, Common)> = Vec::new();
        for (kind, common) in kinds {
            if let Some((_, known)) = explained.iter_mut().find(|(known, _)| covers(known) == covers(kind)) {
                known.join(common);
            } else if explained.len() < EXPLAINED {
                explained.push((kind, common.clone()));
            }
        }
        explained.into_iter().map(|(kind, common)| Explained::new(common.error(kind), common.count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acme::explain;

    fn of(texts: &[&str]) -> Vec<Explained> {
        let mut kinds = Kinds::default();
        for text in texts {
            for one in explain(text) {
                kinds.add(&one.error);
            }
        }
        kinds.explained()
    }

    #[test]
    fn one_error_keeps_its_name_its_reason_and_its_text() {
        let text =
            "While processing CAA for *.a.example.net: DNS problem: looking up CAA for example.net: DNSSEC: Bogus";
        let explained = of(&[text]);
        assert_eq!(explained, explain(text));
        let error = &explained[0].error;
        assert_eq!((error.name.as_ref().unwrap().as_str(), error.wildcard), ("a.example.net", true));
        assert_eq!((error.reason.as_deref(), error.text.as_str()), (Some("DNSSEC: Bogus"), text));
    }

    #[test]
    fn several_errors_keep_what_they_share() {
        let text = |name: &str, reason: &str| {
            format!("While processing CAA for {name}: DNS problem: looking up CAA for example.net: {reason}")
        };
        let (a, b) = (text("a.example.net", "DNSSEC: Bogus"), text("b.example.net", "DNSSEC: Bogus"));
        let nameless = "DNS problem: looking up CAA for example.net: DNSSEC: Bogus";
        let same = &of(&[&a, &a, nameless])[0];
        assert_eq!((same.count, same.error.name.as_ref().unwrap().as_str()), (3, "a.example.net"));
        let names = &of(&[&a, &b, &a])[0];
        assert_eq!((names.error.name.as_ref(), names.error.reason.as_deref()), (None, Some("DNSSEC: Bogus")));
        let reasons = &of(&[&a, &text("a.example.net", "DNSSEC: Signature Expired")])[0];
        assert_eq!(reasons.error.reason.as_deref(), Some("various reasons"));
        assert!(reasons.error.name.is_some() && reasons.meaning.contains("various reasons"), "{reasons:?}");
    }
}
