//! [`OriginSets`]: which sources reported what, as small numbers.

use std::collections::{BTreeSet, HashMap};

/// The empty set in [`OriginSets`].
pub(super) const NO_ORIGINS: u32 = 0;

/// The distinct sets of sources, so that an event holds one number.
#[derive(Debug, Clone)]
pub(super) struct OriginSets {
    labels: Vec<String>,
    by_label: HashMap<String, u32>,
    sets: Vec<Box<[u32]>>,
    by_set: HashMap<Box<[u32]>, u32>,
    /// (set, one more source) to the set of both.
    joined: HashMap<(u32, u32), u32, foldhash::fast::RandomState>,
}

impl Default for OriginSets {
    fn default() -> Self {
        let empty = Box::<[u32]>::default();
        Self {
            labels: Vec::new(),
            by_label: HashMap::new(),
            sets: vec![empty.clone()],
            by_set: HashMap::from([(empty, NO_ORIGINS)]),
            joined: HashMap::default(),
        }
    }
}

impl OriginSets {
    pub(super) fn label(&mut self, label: &str) -> u32 {
        if let Some(&known) = self.by_label.get(label) {
            return known;
        }
        let id = u32::try_from(self.labels.len()).expect("fewer than 2^32 sources fit in memory");
        self.labels.push(label.to_owned());
        self.by_label.insert(label.to_owned(), id);
        id
    }

    pub(super) fn with(&mut self, set: u32, label: u32) -> u32 {
        if let Some(&known) = self.joined.get(&(set, label)) {
            return known;
        }
        let mut members: BTreeSet<u32> = self.sets[set as usize].iter().copied().collect();
        members.insert(label);
        let members: Box<[u32]> = members.into_iter().collect();
        let joined = self.intern(members);
        self.joined.insert((set, label), joined);
        joined
    }

    /// The set of all members of two sets.
    pub(super) fn union(&mut self, one: u32, other: u32) -> u32 {
        self.sets[other as usize].clone().iter().fold(one, |set, &label| self.with(set, label))
    }

    fn intern(&mut self, members: Box<[u32]>) -> u32 {
        let next = u32::try_from(self.sets.len()).expect("fewer than 2^32 sets fit in memory");
        let Self { sets, by_set, .. } = self;
        *by_set.entry(members).or_insert_with_key(|members| {
            sets.push(members.clone());
            next
        })
    }

    /// The labels sorted, and each set as sorted positions of them.
    pub(super) fn into_sorted(self) -> (Vec<String>, Vec<Box<[u32]>>) {
        let mut order: Vec<u32> = (0..).take(self.labels.len()).collect();
        order.sort_by(|&one, &other| self.labels[one as usize].cmp(&self.labels[other as usize]));
        let mut new = vec![0; order.len()];
        for (at, &old) in (0..).zip(&order) {
            new[old as usize] = at;
        }
        let renumber = |set: Box<[u32]>| {
            let mut set: Box<[u32]> = set.iter().map(|&label| new[label as usize]).collect();
            set.sort_unstable();
            set
        };
        let sets = self.sets.into_iter().map(renumber).collect();
        let labels = order.iter().map(|&old| self.labels[old as usize].clone()).collect();
        (labels, sets)
    }
}
