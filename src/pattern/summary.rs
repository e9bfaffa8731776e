//! [`Summary`]: what was seen of each name, as a set that merges exactly.
//!
//! `merge(summary(A), summary(B))` equals `summary(A ∪ B)` in any order and any sharding, because every part of it is a
//! union, a minimum, a maximum or a sum. Memory follows the distinct names and certificates and is bounded per root:
//! beyond [`Limits::names_per_root`] the names with the smallest content hash stay. A kept name was never dropped before,
//! so what is known of it is complete.

use std::collections::HashMap;

use hashbrown::HashTable;

use super::ends::Ends;
use super::hash::{self, MixBuilder};
use super::observation::{Limits, NameIndex, Observation};
use super::rooted::{BARE, NameRow, RootRow, WILDCARD};
use crate::name;

/// What is known of one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CertificateRow {
    pub(super) id: u64,
    /// An index into the issuers, or `NONE`.
    pub(super) issuer: u32,
    /// Start and end of validity, Unix seconds; `i64::MAX` and `i64::MIN` where unknown.
    pub(super) validity: (i64, i64),
}

/// No issuer is known.
pub(super) const NONE: u32 = u32::MAX;

/// Where a name is: its root, and its place there.
#[derive(Debug, Clone, Copy)]
struct Place {
    root: u32,
    at: u32,
}

/// What was seen of each name; see the module's head.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    limits: Limits,
    /// By [`NameIndex`].
    places: Vec<Place>,
    /// Half a hash and the index of each name: growth, and most that is not found, then need no look at the names.
    index: HashTable<(u32, u32)>,
    pub(super) roots: Vec<RootRow>,
    root_index: HashMap<String, u32, MixBuilder>,
    ends: Ends,
    pub(super) certificates: Vec<CertificateRow>,
    /// By id and validity: two that differ in their validity are two certificates, whoever gave them one id.
    certificate_index: HashMap<(u64, (i64, i64)), u32, MixBuilder>,
    /// Certificate and name with its wildcard bit, in order of arrival, with repeats.
    pub(super) edges: Vec<(u32, u32)>,
    pub(super) issuers: Vec<String>,
}

/// Names that are looked up side by side.
const BATCH: usize = 16;

impl Summary {
    /// An empty summary with the usual limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty summary that keeps at most what `limits` say.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The limits it was made with.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The index of an issuer's name for [`Observation::issuer`]; equal names have equal indexes.
    pub fn issuer(&mut self, name: &str) -> u32 {
        if let Some(found) = self.issuers.iter().position(|known| known == name) {
            return u32::try_from(found).expect("fewer than 2^32 issuers");
        }
        self.issuers.push(name.to_owned());
        u32::try_from(self.issuers.len() - 1).expect("fewer than 2^32 issuers")
    }

    /// Adds one row. `None` when the name is beyond the limit of its root: counted, not kept.
    ///
    /// The same row twice counts once where it names a certificate.
    pub fn add(&mut self, row: &Observation<'_>) -> Option<NameIndex> {
        let name = self.add_rows(row.name, form(row.wildcard), 1)?;
        if let Some(time) = row.not_before {
            self.widen(name, (time, time));
        }
        if let Some(id) = row.certificate {
            let validity = (row.not_before.unwrap_or(i64::MAX), row.not_after.unwrap_or(i64::MIN));
            self.link(id, row.issuer, validity, (name, row.wildcard));
        }
        Some(name)
    }

    /// Adds canonical names of a plain list, each with whether `*.` stood before it; a form seen before is no new row.
    ///
    /// In a large table each look-up waits for memory; made for a batch beforehand, the waits go on side by side.
    pub fn list(&mut self, names: &[(&str, bool)]) {
        for names in names.chunks(BATCH) {
            let (mut hashes, mut halves, mut known) = ([0; BATCH], [0; BATCH], [false; BATCH]);
            for (at, (name, _)) in names.iter().enumerate() {
                hashes[at] = hash::hash(name.as_bytes());
                halves[at] = half(hashes[at]);
            }
            for (known, &half) in known.iter_mut().zip(&halves[..names.len()]) {
                *known = self.index.find(spread(half), |entry| entry.0 == half).is_some();
            }
            for (at, &(name, wildcard)) in names.iter().enumerate() {
                let hash = hashes[at];
                let earlier = || halves[..at].contains(&halves[at]);
                match if known[at] || earlier() { self.find(name, hash) } else { None } {
                    Some(found) if self.row(found).seen & form(wildcard) != 0 => {}
                    found => _ = self.add_found(found, name, hash, (form(wildcard), 1)),
                }
            }
        }
    }

    fn find(&self, name: &str, hash: u64) -> Option<NameIndex> {
        let same = |&(other, at): &(u32, u32)| other == half(hash) && self.name(NameIndex(at)) == name;
        self.index.find(spread(half(hash)), same).map(|&(_, at)| NameIndex(at))
    }

    pub(super) fn row(&self, name: NameIndex) -> &NameRow {
        let place = self.places[name.index()];
        &self.roots[place.root as usize].names[place.at as usize]
    }

    /// The root that a name is under.
    pub(super) fn root_of(&self, name: NameIndex) -> &RootRow {
        &self.roots[self.places[name.index()].root as usize]
    }

    /// Widens the time in which a name was seen.
    pub(super) fn widen(&mut self, name: NameIndex, times: (i64, i64)) {
        let place = self.places[name.index()];
        self.roots[place.root as usize].widen(place.at as usize, times);
    }

    /// Notes that a certificate holds a name.
    pub(super) fn link(
        &mut self,
        id: u64,
        issuer: Option<u32>,
        validity: (i64, i64),
        (name, wildcard): (NameIndex, bool),
    ) {
        let certificate = self.certificate(id, issuer.unwrap_or(NONE), validity);
        self.edges.push((certificate, name.0 << 1 | u32::from(wildcard)));
    }

    /// Adds `rows` rows of a name seen in the forms `seen`.
    pub(super) fn add_rows(&mut self, name: &str, seen: u8, rows: u32) -> Option<NameIndex> {
        let hash = hash::hash(name.as_bytes());
        self.add_found(self.find(name, hash), name, hash, (seen, rows))
    }

    /// Adds `rows` rows of a name, given whether it is known.
    fn add_found(
        &mut self,
        found: Option<NameIndex>,
        name: &str,
        hash: u64,
        (seen, rows): (u8, u32),
    ) -> Option<NameIndex> {
        if let Some(index) = found {
            let place = self.places[index.index()];
            let root = &mut self.roots[place.root as usize];
            root.rows += u64::from(rows);
            let row = &mut root.names[place.at as usize];
            if !row.kept() {
                return None;
            }
            row.seen |= seen;
            row.rows = row.rows.saturating_add(rows);
            root.kept_rows += u64::from(rows);
            return Some(index);
        }
        let root_at = self.root_by_end(name);
        let root = &mut self.roots[root_at as usize];
        root.rows += u64::from(rows);
        if hash >= root.threshold {
            return None;
        }
        root.kept_rows += u64::from(rows);
        let at = u32::try_from(self.places.len()).ok().filter(|&at| at < 1 << 31).expect("fewer than 2^31 names");
        let place = Place { root: root_at, at: u32::try_from(root.names.len()).expect("fewer than 2^31 names") };
        root.push(NameIndex(at), name, hash, (seen, rows));
        self.places.push(place);
        self.index.insert_unique(spread(half(hash)), (half(hash), at), |&(half, _)| spread(half));
        if root.kept > self.limits.names_per_root
            && let Some(dropped) = root.one_too_many()
        {
            root.drop_name(dropped);
        }
        root.names[place.at as usize].kept().then_some(NameIndex(at))
    }

    /// The root of a name.
    fn root_by_end(&mut self, name: &str) -> u32 {
        if let Some(root) = self.ends.get(name) {
            return root;
        }
        let (domain, labels) = name::registered_domain_by(name);
        let root = self.root(domain.unwrap_or(name));
        if let Some(labels) = labels {
            self.ends.insert(name, labels, root);
        }
        root
    }

    fn root(&mut self, text: &str) -> u32 {
        if let Some(&found) = self.root_index.get(text) {
            return found;
        }
        let at = u32::try_from(self.roots.len()).expect("fewer roots than names");
        self.roots.push(RootRow::new(text));
        self.root_index.insert(text.to_owned(), at);
        at
    }

    fn certificate(&mut self, id: u64, issuer: u32, validity: (i64, i64)) -> u32 {
        let next = u32::try_from(self.certificates.len()).expect("fewer than 2^32 certificates");
        let at = *self.certificate_index.entry((id, validity)).or_insert(next);
        if at == next {
            self.certificates.push(CertificateRow { id, issuer, validity });
        } else if issuer != NONE {
            // Two reports that disagree: the one whose name sorts first, whatever came first.
            let known = &mut self.certificates[at as usize];
            if known.issuer == NONE || self.issuers[issuer as usize] < self.issuers[known.issuer as usize] {
                known.issuer = issuer;
            }
        }
        at
    }

    /// Takes in another summary: as if its rows had been added here.
    ///
    /// Names keep the indexes they have here; new ones follow.
    pub fn merge(&mut self, other: &Summary) {
        let issuers: Vec<u32> = other.issuers.iter().map(|name| self.issuer(name)).collect();
        let mut moved = Vec::with_capacity(other.places.len());
        for at in 0..other.count() {
            let (index, row) = (NameIndex(at), other.row(NameIndex(at)));
            let name = if row.kept() { self.add_rows(other.name(index), row.seen, other.rows_of(index)) } else { None };
            if let Some(name) = name {
                self.widen(name, other.times(index));
            }
            moved.push(name);
        }
        for root in &other.roots {
            let at = self.root(&root.text);
            let known = &mut self.roots[at as usize];
            known.rows += root.rows - root.kept_rows;
            if root.threshold < known.threshold {
                self.lower(at, root.threshold);
            }
        }
        for &(certificate, name) in &other.edges {
            let row = other.certificates[certificate as usize];
            if let Some(moved) = moved[(name >> 1) as usize] {
                self.link(row.id, issuers.get(row.issuer as usize).copied(), row.validity, (moved, name & 1 == 1));
            }
        }
    }

    /// Drops the names of a root whose hash is not below `threshold`.
    fn lower(&mut self, root: u32, threshold: u64) {
        let root = &mut self.roots[root as usize];
        for at in root.above(threshold) {
            root.drop_name(at);
        }
    }

    /// Counts rows of names that another summary had already dropped.
    pub(super) fn add_overflow(&mut self, root: &str, rows: u64, threshold: u64) {
        let at = self.root(root);
        self.roots[at as usize].rows += rows;
        self.lower(at, threshold);
    }

    /// The text of a name, without `*.`.
    #[must_use]
    pub fn name(&self, name: NameIndex) -> &str {
        let place = self.places[name.index()];
        let root = &self.roots[place.root as usize];
        root.name(&root.names[place.at as usize])
    }

    /// The index of a canonical name, if it is kept.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<NameIndex> {
        self.find(name, hash::hash(name.as_bytes())).filter(|&name| self.kept(name))
    }

    pub(super) fn kept(&self, name: NameIndex) -> bool {
        self.row(name).kept()
    }

    pub(super) fn rows_of(&self, name: NameIndex) -> u32 {
        self.row(name).rows
    }

    /// When the first and the last certificate of a name began, `NEVER` where that is not known.
    fn times(&self, name: NameIndex) -> (i64, i64) {
        let place = self.places[name.index()];
        self.roots[place.root as usize].times(place.at as usize)
    }

    /// How many names have an index, those among them that were dropped.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.places.len()).expect("fewer than 2^31 names")
    }

    /// The names that are kept, in order of their indexes.
    pub fn names(&self) -> impl Iterator<Item = NameIndex> + '_ {
        (0..self.count()).map(NameIndex).filter(|&name| self.kept(name))
    }

    /// Whether the name was seen without `*.`, and with it.
    #[must_use]
    pub fn forms(&self, name: NameIndex) -> (bool, bool) {
        let seen = self.row(name).seen;
        (seen & BARE != 0, seen & WILDCARD != 0)
    }

    /// Rows added, kept or not.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.roots.iter().map(|root| root.rows).sum()
    }
}

fn form(wildcard: bool) -> u8 {
    if wildcard { WILDCARD } else { BARE }
}

/// The half of a hash that stands in the table.
fn half(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or_default()
}

/// A whole hash of half of one: the table takes its place from the low bits and its tag from the high ones.
fn spread(half: u32) -> u64 {
    u64::from(half).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_list_is_the_set_of_its_names(
            rows in proptest::collection::vec(("[a-c]{1,2}", "[ab]", any::<bool>()), 0..80),
            cut in 0usize..80,
        ) {
            let rows: Vec<(String, bool)> =
                rows.into_iter().map(|(label, root, wildcard)| (format!("{label}.{root}.example"), wildcard)).collect();
            let names: Vec<(&str, bool)> = rows.iter().map(|(name, wildcard)| (name.as_str(), *wildcard)).collect();
            let mut listed = Summary::new();
            let (first, second) = names.split_at(cut.min(names.len()));
            listed.list(first);
            listed.list(second);
            let mut one_by_one = Summary::new();
            for (name, wildcard) in rows.iter().collect::<BTreeSet<_>>() {
                one_by_one.add(&Observation::of_name(name, *wildcard));
            }
            prop_assert_eq!(listed.to_bytes(), one_by_one.to_bytes());
        }
    }
}
