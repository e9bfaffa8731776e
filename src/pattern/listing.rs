//! [`Listing`]: the names of plain lists on their way into a [`Summary`].

use super::summary::{BATCH, Summary};

/// A [`Summary`] to which names are added one by one, and which looks them up side by side.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    summary: Summary,
    /// The names that wait, end to end, and of each where it ends and whether `*.` stood before it.
    text: String,
    waiting: Vec<(usize, bool)>,
}

impl Listing {
    /// Adds a canonical name without `*.`. The same name in the same form counts once.
    pub fn add(&mut self, name: &str, wildcard: bool) {
        self.text.push_str(name);
        self.waiting.push((self.text.len(), wildcard));
        if self.waiting.len() == BATCH {
            self.flush();
        }
    }

    /// The summary of all names that were added.
    #[must_use]
    pub fn finish(mut self) -> Summary {
        self.flush();
        self.summary
    }

    fn flush(&mut self) {
        let mut names = [("", false); BATCH];
        let mut start = 0;
        for (name, &(end, wildcard)) in names.iter_mut().zip(&self.waiting) {
            *name = (&self.text[start..end], wildcard);
            start = end;
        }
        self.summary.list(&names[..self.waiting.len()]);
        self.text.clear();
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Observation;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_list_is_the_set_of_its_names(
            rows in proptest::collection::vec(("[a-c]{1,2}", "[ab]", any::<bool>()), 0..80),
        ) {
            let rows: Vec<(String, bool)> =
                rows.into_iter().map(|(label, root, wildcard)| (format!("{label}.{root}.example"), wildcard)).collect();
            let mut listing = Listing::default();
            for (name, wildcard) in &rows {
                listing.add(name, *wildcard);
            }
            let mut one_by_one = Summary::new();
            for (name, wildcard) in rows.iter().collect::<BTreeSet<_>>() {
                one_by_one.add(&Observation::of_name(name, *wildcard));
            }
            prop_assert_eq!(listing.finish().to_bytes(), one_by_one.to_bytes());
        }
    }
}
