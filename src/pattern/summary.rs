//! [`Summary`]: what was seen of each name, as a set that merges exactly.
//!
//! `merge(summary(A), summary(B))` equals `summary(A ∪ B)` in any order and any sharding, because every part of it is a
//! union, a minimum, a maximum or a sum. Memory follows the distinct names and certificates and is bounded per root:
//! beyond [`Limits::names_per_root`] the names with the smallest content hash stay. A kept name was never dropped before,
//! so what is known of it is complete.

use std::collections::{BinaryHeap, HashMap};

use hashbrown::HashTable;

use super::hash::{self, MixBuilder};
use crate::name;

/// One row of input: a name of a certificate, or of a plain list.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// Canonical name, lower case, without `*.`.
    pub name: &'a str,
    /// Whether `*.` stood before the name.
    pub wildcard: bool,
    /// An id of the certificate that is the same for all rows of it and on all machines, such as part of its hash.
    pub certificate: Option<u64>,
    /// An index that [`Summary::issuer`] gave.
    pub issuer: Option<u32>,
    /// Start of validity, Unix seconds.
    pub not_before: Option<i64>,
    /// End of validity, Unix seconds.
    pub not_after: Option<i64>,
}

impl<'a> Observation<'a> {
    /// A name from a plain list: nothing is known of a certificate.
    #[must_use]
    pub fn of_name(name: &'a str, wildcard: bool) -> Self {
        Self { name, wildcard, certificate: None, issuer: None, not_before: None, not_after: None }
    }
}

/// What a [`Summary`] keeps at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Distinct names kept under one root; more are counted as overflow.
    pub names_per_root: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { names_per_root: 4 << 20 }
    }
}

/// A distinct name of a [`Summary`], in order of its first row. Dense, so it can index a `Vec`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameIndex(pub(super) u32);

impl NameIndex {
    /// The position of the name: 0 for the first one.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

pub(super) const BARE: u8 = 1;
pub(super) const WILDCARD: u8 = 2;
/// The name fell out of the sample of its root.
const DROPPED: u8 = 4;

/// What is known of one distinct name.
#[derive(Debug, Clone)]
pub(super) struct NameRow {
    pub(super) hash: u64,
    start: usize,
    pub(super) root: u32,
    octets: u8,
    pub(super) root_octets: u8,
    pub(super) seen: u8,
    pub(super) first: i64,
    pub(super) last: i64,
}

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

/// One root and what fell out of its sample.
#[derive(Debug, Clone)]
pub(super) struct RootRow {
    /// A name below the root, and how many octets of its tail are the root.
    pub(super) text: String,
    pub(super) names: usize,
    pub(super) rows: u64,
    /// Rows of names that are kept.
    pub(super) kept_rows: u64,
    /// Names kept have a hash below this.
    pub(super) threshold: u64,
}

/// What was seen of each name; see the module's head.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    limits: Limits,
    text: String,
    pub(super) names: Vec<NameRow>,
    rows_of: Vec<u32>,
    /// The kept names of roots at their limit, largest hash first.
    crowded: HashMap<u32, BinaryHeap<(u64, u32)>, MixBuilder>,
    /// Hash and position of each name; the hash beside it keeps growth and misses off the names.
    index: HashTable<(u64, u32)>,
    pub(super) roots: Vec<RootRow>,
    root_index: HashMap<String, u32, MixBuilder>,
    pub(super) certificates: Vec<CertificateRow>,
    /// By id and validity: two that differ in their validity are two certificates, whoever gave them one id.
    certificate_index: HashMap<(u64, (i64, i64)), u32, MixBuilder>,
    /// Certificate and name with its wildcard bit, in order of arrival, with repeats.
    pub(super) edges: Vec<(u32, u32)>,
    pub(super) issuers: Vec<String>,
}

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
        let name = self.add_rows(row.name, if row.wildcard { WILDCARD } else { BARE }, 1)?;
        let known = &mut self.names[name.index()];
        if let Some(time) = row.not_before {
            known.first = known.first.min(time);
            known.last = known.last.max(time);
        }
        if let Some(id) = row.certificate {
            let validity = (row.not_before.unwrap_or(i64::MAX), row.not_after.unwrap_or(i64::MIN));
            self.link(id, row.issuer, validity, (name, row.wildcard));
        }
        Some(name)
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
        let (text, names) = (&self.text, &self.names);
        let found = self.index.find(hash, |&(known, at)| known == hash && slice(text, &names[at as usize]) == name);
        if let Some(&(_, at)) = found {
            let row = &mut self.names[at as usize];
            let root = &mut self.roots[row.root as usize];
            root.rows += u64::from(rows);
            if row.seen & DROPPED != 0 {
                return None;
            }
            root.kept_rows += u64::from(rows);
            self.rows_of[at as usize] = self.rows_of[at as usize].saturating_add(rows);
            row.seen |= seen;
            return Some(NameIndex(at));
        }
        let root_text = name::registered_domain(name).unwrap_or(name);
        let root = self.root(root_text);
        let known = &mut self.roots[root as usize];
        known.rows += u64::from(rows);
        if hash >= known.threshold {
            return None;
        }
        known.kept_rows += u64::from(rows);
        known.names += 1;
        let crowded = known.names > self.limits.names_per_root;
        let at = u32::try_from(self.names.len()).ok().filter(|&at| at < 1 << 31).expect("fewer than 2^31 names");
        self.names.push(NameRow {
            hash,
            start: self.text.len(),
            root,
            octets: u8::try_from(name.len()).expect("a name has at most 253 octets"),
            root_octets: u8::try_from(root_text.len()).expect("a root is part of a name"),
            seen,
            first: i64::MAX,
            last: i64::MIN,
        });
        self.rows_of.push(rows);
        self.text.push_str(name);
        self.index.insert_unique(hash, (hash, at), |&(hash, _)| hash);
        if crowded {
            self.thin(root);
        }
        (self.names[at as usize].seen & DROPPED == 0).then_some(NameIndex(at))
    }

    /// Drops the name with the largest hash of a crowded root.
    fn thin(&mut self, root: u32) {
        let names = &self.names;
        let heap = self.crowded.entry(root).or_insert_with(|| {
            let kept = |at: &u32| names[*at as usize].root == root && names[*at as usize].seen & DROPPED == 0;
            let all = 0..u32::try_from(names.len()).expect("fewer than 2^31 names");
            all.filter(kept).map(|at| (names[at as usize].hash, at)).collect()
        });
        let newest = u32::try_from(names.len() - 1).expect("fewer than 2^31 names");
        if heap.len() < self.roots[root as usize].names {
            heap.push((names[newest as usize].hash, newest));
        }
        if let Some((hash, at)) = heap.pop() {
            self.drop_name(root, at);
            self.roots[root as usize].threshold = hash;
        }
    }

    fn drop_name(&mut self, root: u32, at: u32) {
        let known = &mut self.roots[root as usize];
        known.kept_rows -= u64::from(self.rows_of[at as usize]);
        known.names -= 1;
        self.names[at as usize].seen |= DROPPED;
    }

    fn root(&mut self, text: &str) -> u32 {
        if let Some(&found) = self.root_index.get(text) {
            return found;
        }
        let at = u32::try_from(self.roots.len()).expect("fewer roots than names");
        self.roots.push(RootRow { text: text.to_owned(), names: 0, rows: 0, kept_rows: 0, threshold: u64::MAX });
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
        let mut moved = Vec::with_capacity(other.names.len());
        for (at, row) in other.names.iter().enumerate() {
            if row.seen & DROPPED != 0 {
                moved.push(None);
                continue;
            }
            let name = self.add_rows(slice(&other.text, row), row.seen, other.rows_of[at]);
            if let Some(name) = name {
                let known = &mut self.names[name.index()];
                known.first = known.first.min(row.first);
                known.last = known.last.max(row.last);
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
        let known = &mut self.roots[root as usize];
        known.threshold = known.threshold.min(threshold);
        self.crowded.remove(&root);
        for at in 0..u32::try_from(self.names.len()).expect("fewer than 2^31 names") {
            let row = &self.names[at as usize];
            if row.root == root && row.seen & DROPPED == 0 && row.hash >= threshold {
                self.drop_name(root, at);
            }
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
        slice(&self.text, &self.names[name.index()])
    }

    /// The index of a canonical name, if it is kept.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<NameIndex> {
        let hash = hash::hash(name.as_bytes());
        let &(_, found) = self.index.find(hash, |&(known, at)| known == hash && self.name(NameIndex(at)) == name)?;
        self.kept(found).then_some(NameIndex(found))
    }

    pub(super) fn kept(&self, at: u32) -> bool {
        self.names[at as usize].seen & DROPPED == 0
    }

    pub(super) fn rows_of(&self, at: u32) -> u32 {
        self.rows_of[at as usize]
    }

    /// The names that are kept, in order of their indexes.
    pub fn names(&self) -> impl Iterator<Item = NameIndex> + '_ {
        (0..u32::try_from(self.names.len()).expect("fewer than 2^31 names")).filter(|&at| self.kept(at)).map(NameIndex)
    }

    /// Whether the name was seen without `*.`, and with it.
    #[must_use]
    pub fn forms(&self, name: NameIndex) -> (bool, bool) {
        let seen = self.names[name.index()].seen;
        (seen & BARE != 0, seen & WILDCARD != 0)
    }

    /// Rows added, kept or not.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.roots.iter().map(|root| root.rows).sum()
    }
}

fn slice<'a>(text: &'a str, row: &NameRow) -> &'a str {
    &text[row.start..row.start + usize::from(row.octets)]
}
