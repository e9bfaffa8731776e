//! What a CAA set at one level would change for the names below it.
//!
//! A CA scans from the name towards the TLD and stops at the first failure or set (RFC 8659 §3). So a set hides every
//! failure beyond it and none before it; a failure at its own level ends only if it concerns empty answers, which a set
//! replaces. A CA that asks all levels at once still waits for all of them: nothing becomes faster.

use crate::name::DomainName;

/// What is known of CAA at one level, over all views and repeats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Observed {
    /// The level answers, and has no CAA record.
    Empty,
    /// The level answers with a set.
    Set,
    /// Lookups fail, always or sometimes.
    Failed {
        /// Only empty answers are at fault: a set at this level would be read (missing SOA, unproven denial).
        empty_answers_only: bool,
        /// The part of the lookups that failed, above 0 up to 1.
        share: f64,
    },
    /// Not asked.
    Unknown,
}

impl Observed {
    /// Whether a lookup at the level failed at least once.
    #[must_use]
    pub fn fails(self) -> bool {
        matches!(self, Self::Failed { .. })
    }

    /// The part of lookups that succeeded; 1 where nothing is known.
    fn success(self) -> f64 {
        match self {
            Self::Failed { share, .. } => (1.0 - share).clamp(0.0, 1.0),
            Self::Empty | Self::Set | Self::Unknown => 1.0,
        }
    }
}

/// What a CAA set at one level would change.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Failing levels that would not count any more, closest to the names first.
    pub cures: Vec<DomainName>,
    /// Failing levels at or below the set, which go on failing, in order of their names.
    pub leaves: Vec<DomainName>,
    /// Chance that a check from a name at the level passes all levels, now: the product over the levels that count.
    pub chance_before: f64,
    /// The same with the set.
    pub chance_after: f64,
}

/// Computes the effect of a set at `at`, given every level that is known, in any order.
#[must_use]
pub fn effect<'a>(levels: impl IntoIterator<Item = (&'a DomainName, Observed)>, at: &DomainName) -> Effect {
    let (mut towards_tld, mut own, mut leaves) = (Vec::new(), Observed::Unknown, Vec::new());
    for (level, observed) in levels {
        if level == at {
            own = observed;
        } else if at.is_at_or_below(level) {
            towards_tld.push((level, observed));
        } else if level.is_at_or_below(at) && observed.fails() {
            leaves.push(level.clone());
        }
    }
    towards_tld.sort_by_key(|(level, _)| std::cmp::Reverse(level.depth()));
    // What lies beyond a set that exists is hidden already.
    let counting = match own {
        Observed::Set => 0,
        Observed::Empty | Observed::Failed { .. } | Observed::Unknown => {
            towards_tld.iter().position(|(_, observed)| *observed == Observed::Set).unwrap_or(towards_tld.len())
        }
    };
    let beyond = &towards_tld[..counting];
    let mut cures: Vec<DomainName> =
        beyond.iter().filter(|(_, observed)| observed.fails()).map(|(level, _)| (*level).clone()).collect();
    let chance_after = match own {
        Observed::Failed { empty_answers_only: true, .. } => {
            cures.insert(0, at.clone());
            1.0
        }
        Observed::Failed { .. } => {
            leaves.push(at.clone());
            own.success()
        }
        Observed::Empty | Observed::Set | Observed::Unknown => 1.0,
    };
    leaves.sort();
    let chance_before = own.success() * beyond.iter().map(|(_, observed)| observed.success()).product::<f64>();
    Effect { cures, leaves, chance_before, chance_after }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FAILS: Observed = Observed::Failed { empty_answers_only: false, share: 1.0 };
    const NO_SOA: Observed = Observed::Failed { empty_answers_only: true, share: 1.0 };

    fn name(text: &str) -> DomainName {
        DomainName::parse(text).unwrap()
    }

    fn of(levels: &[(&str, Observed)], at: &str) -> (Vec<String>, Vec<String>) {
        let levels: Vec<_> = levels.iter().map(|(level, observed)| (name(level), *observed)).collect();
        let effect = effect(levels.iter().map(|(level, observed)| (level, *observed)), &name(at));
        let texts = |levels: Vec<DomainName>| levels.iter().map(DomainName::to_string).collect();
        (texts(effect.cures), texts(effect.leaves))
    }

    #[test]
    fn a_set_hides_what_lies_towards_the_tld_and_nothing_else() {
        let levels = [
            ("a.x.example.net", FAILS),
            ("x.example.net", Observed::Empty),
            ("example.net", FAILS),
            ("net", FAILS),
            ("other.example", FAILS),
        ];
        assert_eq!(
            of(&levels, "x.example.net"),
            (vec!["example.net".into(), "net".into()], vec!["a.x.example.net".into()])
        );
    }

    #[test]
    fn a_failure_at_the_level_itself_ends_only_if_it_is_about_empty_answers() {
        assert_eq!(
            of(&[("example.net", NO_SOA), ("net", Observed::Empty)], "example.net"),
            (vec!["example.net".into()], vec![])
        );
        assert_eq!(
            of(&[("example.net", FAILS), ("net", FAILS)], "example.net"),
            (vec!["net".into()], vec!["example.net".into()])
        );
    }

    #[test]
    fn what_a_set_hides_already_is_no_cure() {
        let levels = [("x.example.net", Observed::Empty), ("example.net", Observed::Set), ("net", FAILS)];
        assert_eq!(of(&levels, "x.example.net"), (vec![], vec![]));
        assert_eq!(of(&levels, "example.net"), (vec![], vec![]));
    }

    #[test]
    fn the_chance_is_the_product_over_the_levels_that_count() {
        let half = Observed::Failed { empty_answers_only: false, share: 0.5 };
        let levels = [(name("example.net"), half), (name("net"), half)];
        let effect = effect(levels.iter().map(|(level, observed)| (level, *observed)), &name("example.net"));
        assert!((effect.chance_before - 0.25).abs() < 1e-9 && (effect.chance_after - 0.5).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn a_set_never_makes_a_check_worse(states in proptest::collection::vec(0usize..5, 4)) {
            let observed = [Observed::Empty, Observed::Set, FAILS, NO_SOA, Observed::Unknown];
            let levels: Vec<_> = ["a.x.example.net", "x.example.net", "example.net", "net"]
                .iter().zip(&states).map(|(level, state)| (name(level), observed[*state])).collect();
            for (at, _) in &levels {
                let effect = effect(levels.iter().map(|(level, observed)| (level, *observed)), at);
                prop_assert!(effect.chance_after >= effect.chance_before);
                prop_assert!(effect.cures.iter().all(|level| at.is_at_or_below(level)));
                prop_assert!(effect.leaves.iter().all(|level| level.is_at_or_below(at)));
            }
        }
    }
}
