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

/// What is known of one distinct name, beside the others of its root.
#[derive(Debug, Clone)]
pub(super) struct NameRow {
    pub(super) hash: u64,
    /// Where its text starts in that of the root.
    start: u32,
    pub(super) name: NameIndex,
    pub(super) first: i64,
    pub(super) last: i64,
    octets: u8,
    pub(super) seen: u8,
}

impl NameRow {
    /// Whether the name did not fall out of the sample of its root.
    pub(super) fn kept(&self) -> bool {
        self.seen & DROPPED == 0
    }
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

/// One root, its names side by side, and what fell out of its sample.
#[derive(Debug, Clone)]
pub(super) struct RootRow {
    pub(super) text: String,
    /// The texts of its names.
    names_text: String,
    /// Its names in order of their first row, with those that were dropped.
    pub(super) names: Vec<NameRow>,
    /// How many of them are kept.
    kept: usize,
    pub(super) rows: u64,
    /// Rows of names that are kept.
    pub(super) kept_rows: u64,
    /// Names kept have a hash below this.
    pub(super) threshold: u64,
    /// The kept names of a root at its limit, largest hash first.
    crowded: Option<BinaryHeap<(u64, u32)>>,
}

impl RootRow {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            names_text: String::new(),
            names: Vec::new(),
            kept: 0,
            rows: 0,
            kept_rows: 0,
            threshold: u64::MAX,
            crowded: None,
        }
    }

    /// The text of one of its names.
    pub(super) fn name(&self, row: &NameRow) -> &str {
        &self.names_text[row.start as usize..row.start as usize + usize::from(row.octets)]
    }

    fn push(&mut self, index: NameIndex, name: &str, hash: u64, seen: u8) {
        self.names.push(NameRow {
            hash,
            start: u32::try_from(self.names_text.len()).expect("the names under one root are bounded"),
            name: index,
            first: i64::MAX,
            last: i64::MIN,
            octets: u8::try_from(name.len()).expect("a name has at most 253 octets"),
            seen,
        });
        self.names_text.push_str(name);
        self.kept += 1;
    }
}

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
    rows_of: Vec<u32>,
    /// Half a hash and the index of each name: growth, and most that is not found, then need no look at the names.
    index: HashTable<(u32, u32)>,
    pub(super) roots: Vec<RootRow>,
    root_index: HashMap<String, u32, MixBuilder>,
    /// By the last labels of names, the root that they decide, or that more labels do.
    ends: HashMap<Box<str>, Decided, MixBuilder>,
    pub(super) certificates: Vec<CertificateRow>,
    /// By id and validity: two that differ in their validity are two certificates, whoever gave them one id.
    certificate_index: HashMap<(u64, (i64, i64)), u32, MixBuilder>,
    /// Certificate and name with its wildcard bit, in order of arrival, with repeats.
    pub(super) edges: Vec<(u32, u32)>,
    pub(super) issuers: Vec<String>,
}

/// What the last labels of a name decide.
#[derive(Debug, Clone, Copy)]
enum Decided {
    Root(u32),
    /// Nothing without the next label.
    Further,
}

/// Names that are looked up side by side.
pub(super) const BATCH: usize = 16;

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
            self.widen(name, time, time);
        }
        if let Some(id) = row.certificate {
            let validity = (row.not_before.unwrap_or(i64::MAX), row.not_after.unwrap_or(i64::MIN));
            self.link(id, row.issuer, validity, (name, row.wildcard));
        }
        Some(name)
    }

    /// Adds names of a plain list, each with whether `*.` stood before it; a form seen before is no new row.
    ///
    /// In a large table each look-up waits for memory; made for a batch beforehand, the waits go on side by side.
    pub(super) fn list(&mut self, names: &[(&str, bool)]) {
        for names in names.chunks(BATCH) {
            let mut hashes = [0; BATCH];
            for (hash, (name, _)) in hashes.iter_mut().zip(names) {
                *hash = hash::hash(name.as_bytes());
            }
            let mut known = [false; BATCH];
            for (known, &hash) in known.iter_mut().zip(&hashes[..names.len()]) {
                *known = self.index.find(spread(half(hash)), |entry| entry.0 == half(hash)).is_some();
            }
            for (at, &(name, wildcard)) in names.iter().enumerate() {
                let hash = hashes[at];
                let earlier = hashes[..at].iter().any(|&other| half(other) == half(hash));
                match if known[at] || earlier { self.find(name, hash) } else { None } {
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

    fn row_mut(&mut self, name: NameIndex) -> &mut NameRow {
        let place = self.places[name.index()];
        &mut self.roots[place.root as usize].names[place.at as usize]
    }

    /// The root that a name is under.
    pub(super) fn root_of(&self, name: NameIndex) -> &RootRow {
        &self.roots[self.places[name.index()].root as usize]
    }

    /// Widens the time in which a name was seen.
    pub(super) fn widen(&mut self, name: NameIndex, first: i64, last: i64) {
        let row = self.row_mut(name);
        row.first = row.first.min(first);
        row.last = row.last.max(last);
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
            root.kept_rows += u64::from(rows);
            self.rows_of[index.index()] = self.rows_of[index.index()].saturating_add(rows);
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
        root.push(NameIndex(at), name, hash, seen);
        self.places.push(place);
        self.rows_of.push(rows);
        self.index.insert_unique(spread(half(hash)), (half(hash), at), |&(half, _)| spread(half));
        if self.roots[root_at as usize].kept > self.limits.names_per_root {
            self.thin(root_at);
        }
        self.row(NameIndex(at)).kept().then_some(NameIndex(at))
    }

    /// Drops the name with the largest hash of a crowded root.
    fn thin(&mut self, root: u32) {
        let known = &mut self.roots[root as usize];
        let (names, count) = (&known.names, u32::try_from(known.names.len()).expect("fewer than 2^31 names"));
        let kept = (0..count).filter(|&at| names[at as usize].kept());
        let mut rows = kept.map(|at| (names[at as usize].hash, at));
        let heap = match &mut known.crowded {
            Some(heap) => {
                heap.extend(rows.next_back());
                heap
            }
            none => none.insert(rows.collect()),
        };
        if let Some((hash, at)) = heap.pop() {
            known.threshold = hash;
            self.drop_name(root, at);
        }
    }

    fn drop_name(&mut self, root: u32, at: u32) {
        let known = &mut self.roots[root as usize];
        let row = &mut known.names[at as usize];
        row.seen |= DROPPED;
        known.kept -= 1;
        known.kept_rows -= u64::from(self.rows_of[row.name.index()]);
    }

    /// The root of a name. The list of suffixes is asked once for all names whose ends decide alike.
    fn root_by_end(&mut self, name: &str) -> u32 {
        let mut dots = name.bytes().enumerate().rev().filter(|(_, octet)| *octet == b'.').map(|(dot, _)| dot);
        dots.next();
        while let dot = dots.next()
            && let Some(decided) = self.ends.get(&name[dot.map_or(0, |dot| dot + 1)..])
        {
            match decided {
                Decided::Root(root) => return *root,
                Decided::Further if dot.is_some() => {}
                Decided::Further => break,
            }
        }
        let (domain, labels) = name::registered_domain_by(name);
        let root = self.root(domain.unwrap_or(name));
        if let Some(labels) = labels {
            let end =
                |labels: usize| name.rmatch_indices('.').nth(labels - 1).map_or(name, |(dot, _)| &name[dot + 1..]);
            for fewer in 2..labels {
                self.ends.insert(end(fewer).into(), Decided::Further);
            }
            self.ends.insert(end(labels).into(), Decided::Root(root));
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
                self.widen(name, row.first, row.last);
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
        known.crowded = None;
        for at in 0..known.names.len() {
            let row = &self.roots[root as usize].names[at];
            if row.kept() && row.hash >= threshold {
                self.drop_name(root, u32::try_from(at).expect("fewer than 2^31 names"));
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
        self.rows_of[name.index()]
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
#[expect(clippy::cast_possible_truncation, reason = "half of the hash is wanted")]
fn half(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// A whole hash of half of one: the table takes its place from the low bits and its tag from the high ones.
fn spread(half: u32) -> u64 {
    u64::from(half).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
