//! [`Summary`]: what was seen of each name, as a set that merges exactly.
//!
//! `merge(summary(A), summary(B))` equals `summary(A ∪ B)` in any order and any sharding, because every part of it is a
//! union, a minimum, a maximum or a sum. Memory follows the distinct names and certificates and is bounded per root:
//! beyond [`Limits::names_per_root`] the names with the smallest content hash stay. A kept name was never dropped before,
//! so what is known of it is complete.

use std::collections::HashMap;

use super::hash::{self, MixBuilder};
use super::observation::{Limits, NameIndex, Observation};
use super::rooted::{BARE, NameRow, RootRow, WILDCARD, form};
use super::rootset::RootSet;

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
    pub(super) roots: RootSet,
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

    /// The summary of names that are all settled.
    pub(super) fn of_roots(limits: Limits, mut roots: RootSet) -> Self {
        let mut places = Vec::with_capacity(roots.rows.iter().map(|root| root.names.len()).sum());
        for (root, row) in (0..).zip(&mut roots.rows) {
            for (at, name) in (0..).zip(&mut row.names) {
                name.name = next_index(places.len());
                places.push(Place { root, at });
            }
        }
        Self { limits, places, roots, ..Self::default() }
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

    pub(super) fn row(&self, name: NameIndex) -> &NameRow {
        let place = self.places[name.index()];
        &self.roots[place.root].names[place.at as usize]
    }

    /// The root that a name is under.
    pub(super) fn root_of(&self, name: NameIndex) -> &RootRow {
        &self.roots[self.places[name.index()].root]
    }

    /// Widens the time in which a name was seen.
    pub(super) fn widen(&mut self, name: NameIndex, times: (i64, i64)) {
        let place = self.places[name.index()];
        self.roots[place.root].widen(place.at as usize, times);
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
        let root_at = self.roots.of(name);
        let root = &mut self.roots[root_at];
        root.rows += u64::from(rows);
        if let Some(at) = root.find(name, hash) {
            let row = &mut root.names[at as usize];
            if !row.kept() {
                return None;
            }
            row.seen |= seen;
            row.rows = row.rows.saturating_add(rows);
            root.kept_rows += u64::from(rows);
            return Some(row.name);
        }
        if hash >= root.threshold {
            return None;
        }
        root.kept_rows += u64::from(rows);
        let index = next_index(self.places.len());
        let at = root.push(index, name, hash, (seen, rows));
        self.places.push(Place { root: root_at, at });
        if root.kept > self.limits.names_per_root
            && let Some(dropped) = root.one_too_many()
        {
            root.drop_name(dropped);
        }
        root.names[at as usize].kept().then_some(index)
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
        for root in &other.roots.rows {
            let at = self.roots.named(&root.text);
            let known = &mut self.roots[at];
            known.rows += root.rows - root.kept_rows;
            if root.threshold < known.threshold {
                known.lower(root.threshold);
            }
        }
        for &(certificate, name) in &other.edges {
            let row = other.certificates[certificate as usize];
            if let Some(moved) = moved[(name >> 1) as usize] {
                self.link(row.id, issuers.get(row.issuer as usize).copied(), row.validity, (moved, name & 1 == 1));
            }
        }
    }

    /// Counts rows of names that another summary had already dropped.
    pub(super) fn add_overflow(&mut self, root: &str, rows: u64, threshold: u64) {
        let at = self.roots.named(root);
        self.roots[at].rows += rows;
        self.roots[at].lower(threshold);
    }

    /// The text of a name, without `*.`.
    #[must_use]
    pub fn name(&self, name: NameIndex) -> &str {
        self.root_of(name).name(self.row(name))
    }

    /// The index of a canonical name, if it is kept.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<NameIndex> {
        let root = &self.roots[self.roots.find(name)?];
        let row = &root.names[root.find(name, hash::hash(name.as_bytes()))? as usize];
        row.kept().then_some(row.name)
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
        self.roots[place.root].times(place.at as usize)
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
        self.roots.rows.iter().map(|root| root.rows).sum()
    }
}

fn next_index(count: usize) -> NameIndex {
    NameIndex(u32::try_from(count).ok().filter(|&at| at < 1 << 31).expect("fewer than 2^31 names"))
}
