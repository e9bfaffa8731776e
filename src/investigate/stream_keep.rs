//! [`Keep`]: which levels and names of a stream are remembered for its findings, the same in every run whatever the order.
//!
//! All of them in a run of moderate size. Beyond that a sample of the names with all their levels, the levels nearest to the
//! TLD that fail, look odd or hold records, and names that are not permitted.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::levels::stable_hash;
use crate::name::{NameTree, NodeId, SanId};

/// Names that findings are drawn from.
const NAMES: usize = 2_000;
/// More names that are not permitted.
const REFUSED: usize = 500;
/// Levels of each kind that findings are drawn from, beside those of the names.
const LEVELS: usize = 1_000;

/// What makes a level worth remembering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It fails, or looks odd.
    Odd,
    /// It holds records.
    Records,
}

/// Who is remembered.
pub(super) struct Keep<'a> {
    tree: &'a NameTree,
    /// By node: a level of the sample.
    of_sample: Vec<bool>,
    sample: BTreeSet<SanId>,
    whole: bool,
    odd: Nearest<'a>,
    records: Nearest<'a>,
    refused: First,
}

/// The names that come first by a hash of their text, so many of them.
struct First {
    most: usize,
    by_hash: BinaryHeap<(u64, SanId)>,
    left_out: u64,
}

impl First {
    fn new(most: usize) -> Self {
        Self { most, by_hash: BinaryHeap::new(), left_out: 0 }
    }

    fn offer(&mut self, tree: &NameTree, name: SanId) {
        let offered = (stable_hash(tree.name(name.node()).as_bytes()), name);
        if self.by_hash.len() < self.most {
            self.by_hash.push(offered);
            return;
        }
        self.left_out += 1;
        if let Some(mut last) = self.by_hash.peek_mut()
            && offered < *last
        {
            *last = offered;
        }
    }

    fn names(&self) -> impl Iterator<Item = SanId> {
        self.by_hash.iter().map(|(_, name)| *name)
    }
}

/// The levels nearest to the TLD, then by name.
struct Nearest<'a> {
    levels: BTreeMap<(usize, &'a str), NodeId>,
    left_out: u64,
}

impl<'a> Keep<'a> {
    pub(super) fn new(tree: &'a NameTree) -> Self {
        let mut chosen = First::new(NAMES);
        let mut names = 0;
        for name in tree.sans() {
            names += 1;
            chosen.offer(tree, name);
        }
        let sample: BTreeSet<SanId> = chosen.names().collect();
        let mut of_sample = vec![false; tree.len()];
        for level in sample.iter().flat_map(|name| tree.levels(name.node())) {
            of_sample[level.index()] = true;
        }
        let nearest = || Nearest { levels: BTreeMap::new(), left_out: 0 };
        Self {
            tree,
            of_sample,
            whole: names == sample.len(),
            sample,
            odd: nearest(),
            records: nearest(),
            refused: First::new(REFUSED),
        }
    }

    /// Whether to remember a level that ended, and the level to forget for it.
    pub(super) fn level(&mut self, level: NodeId, kind: Option<Kind>) -> (bool, Option<NodeId>) {
        if self.of_sample[level.index()] {
            return (true, None);
        }
        let nearest = match kind {
            None => return (false, None),
            Some(Kind::Odd) => &mut self.odd,
            Some(Kind::Records) => &mut self.records,
        };
        nearest.levels.insert((self.tree.levels(level).count(), self.tree.name(level)), level);
        if nearest.levels.len() <= LEVELS {
            return (true, None);
        }
        nearest.left_out += 1;
        match nearest.levels.pop_last() {
            Some((_, farthest)) if farthest == level => (false, None),
            farthest => (true, farthest.map(|(_, level)| level)),
        }
    }

    /// Remembers a name that is not permitted, if it is among the first by hash.
    pub(super) fn refused(&mut self, name: SanId) {
        if self.whole || self.sample.contains(&name) {
            return;
        }
        self.refused.offer(self.tree, name);
    }

    /// The names remembered, in order of their text; a wildcard after its bare name.
    pub(super) fn names(&self) -> Vec<SanId> {
        let mut names: Vec<SanId> = self.sample.iter().copied().chain(self.refused.names()).collect();
        names.sort_by_key(|name| (self.tree.name(name.node()), name.wildcard()));
        names
    }

    /// What the findings do not see, one sentence each.
    pub(super) fn notes(&self, names: u64) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.whole {
            let more = self.refused.by_hash.len();
            notes.push(format!(
                "findings and advice are drawn from {} of {names} names, and from {more} more that are not permitted; \
                 each line is complete (`--sorted` keeps everything in memory and draws them from all)",
                self.sample.len()
            ));
        }
        let mut left_out = |count: u64, what: &str| {
            if count > 0 {
                notes.push(format!("{count} more {what} have their lines, but no part in findings"));
            }
        };
        left_out(self.odd.left_out, "levels that fail or look odd");
        left_out(self.records.left_out, "levels with CAA records");
        left_out(self.refused.left_out, "names that are not permitted");
        notes
    }
}
