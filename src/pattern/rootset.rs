//! [`RootSet`]: the roots of all names, and which of them a name is under.

use hashbrown::HashTable;

use super::ends::Ends;
use super::hash;
use super::rooted::RootRow;
use crate::name;

/// Roots in order of their first name.
#[derive(Debug, Clone, Default)]
pub(super) struct RootSet {
    pub(super) rows: Vec<RootRow>,
    /// By the text of a root.
    by_text: HashTable<u32>,
    ends: Ends,
}

impl RootSet {
    /// The root that a canonical name is under: its registered domain, or the name itself where it has none.
    pub(super) fn of(&mut self, name: &str) -> u32 {
        if let Some(root) = self.ends.get(name) {
            return root;
        }
        let (domain, labels) = name::registered_domain_by(name);
        let root = self.named(domain.unwrap_or(name));
        if let Some(labels) = labels {
            self.ends.insert(name, labels, root);
        }
        root
    }

    /// The same, if there is such a root.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.ends.get(name).or_else(|| {
            let (domain, _) = name::registered_domain_by(name);
            self.at(domain.unwrap_or(name))
        })
    }

    fn at(&self, text: &str) -> Option<u32> {
        let same = |&at: &u32| self.rows[at as usize].text == text;
        self.by_text.find(hash::hash(text.as_bytes()), same).copied()
    }

    /// The root of this text.
    pub(super) fn named(&mut self, text: &str) -> u32 {
        if let Some(found) = self.at(text) {
            return found;
        }
        let at = u32::try_from(self.rows.len()).expect("fewer roots than names");
        self.rows.push(RootRow::new(text));
        let Self { rows, by_text, .. } = self;
        let key = |at: u32| hash::hash(rows[at as usize].text.as_bytes());
        by_text.insert_unique(key(at), at, |&at| key(at));
        at
    }
}

impl std::ops::Index<u32> for RootSet {
    type Output = RootRow;

    fn index(&self, at: u32) -> &RootRow {
        &self.rows[at as usize]
    }
}

impl std::ops::IndexMut<u32> for RootSet {
    fn index_mut(&mut self, at: u32) -> &mut RootRow {
        &mut self.rows[at as usize]
    }
}
