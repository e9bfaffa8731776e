//! [`Breaker`]: stops asking below a zone whose servers do not answer, and starts again when one does.
//!
//! A dead zone of 100,000 names would hold every place in flight for an hour. Below a zone that failed slowly many times in
//! a row, levels are set aside and only one in ever more of them is asked. If one answers, all that were set aside are asked
//! after all; if none does, they are reported as not asked, and how many.

use std::collections::{HashMap, HashSet};

use crate::name::{NameTree, NodeId};

/// Slow failures in a row below a level that failed itself, before its other levels are set aside.
const BELOW_DEAD: u32 = 8;
/// The same below a level that answered, or was not asked.
const BELOW_ANY: u32 = 64;
/// Levels set aside before the first one is asked in between; doubled each time.
const FIRST_PROBE: usize = 16;
/// Levels asked at the end below a zone that did not fail itself.
const LAST_SAMPLES: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Breaker {
    zones: HashMap<NodeId, Zone>,
    failed: HashSet<NodeId>,
}

#[derive(Debug)]
struct Zone {
    in_row: u32,
    aside: Vec<NodeId>,
    next_probe: usize,
    sampled: bool,
}

impl Breaker {
    /// Whether to ask a level now; otherwise it was set aside.
    pub(super) fn may_ask(&mut self, tree: &NameTree, level: NodeId) -> bool {
        if self.zones.is_empty() {
            return true;
        }
        for zone in tree.levels(level).skip(1) {
            let limit = if self.failed.contains(&zone) { BELOW_DEAD } else { BELOW_ANY };
            if let Some(state) = self.zones.get_mut(&zone)
                && state.in_row >= limit
            {
                if state.aside.len() >= state.next_probe {
                    state.next_probe *= 2;
                    return true;
                }
                state.aside.push(level);
                return false;
            }
        }
        true
    }

    /// A level failed slowly.
    pub(super) fn failed(&mut self, tree: &NameTree, level: NodeId) {
        self.failed.insert(level);
        for zone in tree.levels(level).skip(1) {
            let fresh = || Zone { in_row: 0, aside: Vec::new(), next_probe: FIRST_PROBE, sampled: false };
            self.zones.entry(zone).or_insert_with(fresh).in_row += 1;
        }
    }

    /// A level answered, or failed at once. Gives the levels that were set aside for its sake.
    pub(super) fn answered(&mut self, tree: &NameTree, level: NodeId) -> Vec<NodeId> {
        if self.zones.is_empty() {
            return Vec::new();
        }
        let zones = tree.levels(level).skip(1);
        zones.filter_map(|zone| self.zones.remove(&zone)).flat_map(|zone| zone.aside).collect()
    }

    /// Levels to ask before the rest is given up: some below each zone that did not fail itself, where failures in a row may
    /// have been chance. None at the second call for a zone.
    pub(super) fn last_samples(&mut self) -> Vec<NodeId> {
        let mut samples = Vec::new();
        for (zone, state) in &mut self.zones {
            if !self.failed.contains(zone) && !std::mem::replace(&mut state.sampled, true) {
                let step = state.aside.len().div_ceil(LAST_SAMPLES).max(1);
                let mut place = 0..;
                state.aside.retain(|level| {
                    let chosen = place.next().is_some_and(|place: usize| place.is_multiple_of(step));
                    if chosen {
                        samples.push(*level);
                    }
                    !chosen
                });
            }
        }
        samples.sort();
        samples
    }

    /// What is still set aside: zones with their levels, in the order of the tree.
    pub(super) fn finish(self) -> Vec<(NodeId, Vec<NodeId>)> {
        let mut zones: Vec<_> = self
            .zones
            .into_iter()
            .map(|(zone, state)| (zone, state.aside))
            .filter(|(_, aside)| !aside.is_empty())
            .collect();
        zones.sort();
        zones
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::DomainName;

    fn tree(count: usize) -> (NameTree, Vec<NodeId>) {
        let mut tree = NameTree::new();
        let levels =
            (0..count).map(|index| tree.insert_level(&DomainName::parse(&format!("n{index}.dead.net")).unwrap()));
        let levels = levels.collect();
        (tree, levels)
    }

    fn node(tree: &NameTree, name: &str) -> NodeId {
        tree.get(&DomainName::parse(name).unwrap()).unwrap()
    }

    #[test]
    fn below_a_dead_zone_few_are_asked_and_the_rest_is_told() {
        let (tree, levels) = tree(1000);
        let zone = node(&tree, "dead.net");
        let mut breaker = Breaker::default();
        breaker.failed(&tree, zone);
        let mut asked = 0;
        for level in &levels {
            if breaker.may_ask(&tree, *level) {
                asked += 1;
                breaker.failed(&tree, *level);
            }
        }
        assert_eq!(asked, 8 + 6, "8 in a row, then after 16, 32, 64, 128, 256 and 512");
        let left = breaker.finish();
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].0, left[0].1.len()), (zone, 1000 - asked));
    }

    #[test]
    fn one_answer_brings_back_what_was_set_aside() {
        let (tree, levels) = tree(100);
        let mut breaker = Breaker::default();
        breaker.failed(&tree, node(&tree, "dead.net"));
        for level in &levels[..8] {
            breaker.failed(&tree, *level);
        }
        assert!(!breaker.may_ask(&tree, levels[8]) && !breaker.may_ask(&tree, levels[9]));
        assert_eq!(breaker.answered(&tree, levels[3]), [levels[8], levels[9]]);
        assert!(breaker.may_ask(&tree, levels[8]));
        assert!(breaker.finish().is_empty());
    }

    #[test]
    fn below_a_zone_that_did_not_fail_itself_some_are_asked_at_the_end() {
        let (tree, levels) = tree(200);
        let mut breaker = Breaker::default();
        for level in &levels[..64] {
            assert!(breaker.may_ask(&tree, *level));
            breaker.failed(&tree, *level);
        }
        let aside = levels[64..84].iter().filter(|level| !breaker.may_ask(&tree, **level)).count();
        assert_eq!(aside, 19);
        let samples = breaker.last_samples();
        assert_eq!(samples.len(), 7);
        assert!(breaker.last_samples().is_empty());
        assert_eq!(breaker.answered(&tree, samples[0]).len(), 12, "the others are asked after all");
    }

    #[test]
    fn many_dead_domains_do_not_condemn_their_tld() {
        let mut tree = NameTree::new();
        let mut breaker = Breaker::default();
        for index in 0..40 {
            let level = tree.insert_level(&DomainName::parse(&format!("dead{index}.net")).unwrap());
            assert!(breaker.may_ask(&tree, level));
            breaker.failed(&tree, level);
        }
    }
}
