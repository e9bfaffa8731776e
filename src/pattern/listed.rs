//! [`Listed`]: the names of plain lists on their way to a [`Summary`].

use super::hash;
use super::observation::Limits;
use super::rooted;
use super::rootset::RootSet;
use super::summary::Summary;

/// Names of plain lists, of which nothing is known but that they are there. As a set: a name in a form seen before is no new
/// row.
///
/// Cheaper than [`Summary::add`] name by name: repeats are found root by root, many at a time.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    limits: Limits,
    roots: RootSet,
}

impl Listed {
    /// An empty set with the usual limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty set that keeps at most what `limits` say.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Adds canonical names, each with whether `*.` stood before it.
    pub fn add(&mut self, names: &[(&str, bool)]) {
        for &(name, wildcard) in names {
            let root = self.roots.of(name);
            let hash = hash::hash(name.as_bytes());
            self.roots[root].wait(name, hash, rooted::form(wildcard), self.limits.names_per_root);
        }
    }

    /// The summary of the names.
    #[must_use]
    pub fn finish(mut self) -> Summary {
        for root in &mut self.roots.rows {
            root.settle(self.limits.names_per_root);
        }
        Summary::of_roots(self.limits, self.roots)
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
            cut in 0usize..80,
            names_per_root in prop_oneof![Just(3), Just(1000)],
        ) {
            let limits = Limits { names_per_root };
            let rows: Vec<(String, bool)> =
                rows.into_iter().map(|(label, root, wildcard)| (format!("{label}.{root}.example"), wildcard)).collect();
            let names: Vec<(&str, bool)> = rows.iter().map(|(name, wildcard)| (name.as_str(), *wildcard)).collect();
            let mut listed = Listed::with_limits(limits);
            let (first, second) = names.split_at(cut.min(names.len()));
            listed.add(first);
            for root in &mut listed.roots.rows {
                root.settle(if names_per_root > 3 { names_per_root } else { usize::MAX });
            }
            listed.add(second);
            let mut one_by_one = Summary::with_limits(limits);
            for (name, wildcard) in rows.iter().collect::<BTreeSet<_>>() {
                one_by_one.add(&Observation::of_name(name, *wildcard));
            }
            let listed = listed.finish();
            prop_assert_eq!(listed.to_bytes(), one_by_one.to_bytes());
            for name in listed.names() {
                prop_assert_eq!(listed.get(listed.name(name)), Some(name));
            }
        }
    }

    #[test]
    fn names_that_come_again_and_again_take_no_room() {
        let names: Vec<String> = (0..3000).map(|at| format!("n{at}.example.net")).collect();
        let names: Vec<(&str, bool)> = names.iter().map(|name| (name.as_str(), false)).collect();
        let mut listed = Listed::new();
        for _ in 0..10 {
            listed.add(&names);
        }
        let summary = listed.finish();
        assert_eq!((summary.count(), summary.rows()), (3000, 3000));
        assert_eq!(summary.name(summary.get("n7.example.net").unwrap()), "n7.example.net");
    }
}
