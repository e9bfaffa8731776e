//! [`Collection`]: records in, one event per certificate kept.
//!
//! Events with the strongest identity merge on arrival; what two sources tell with different identities is matched at the
//! end, in `merge`, when all is known.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashTable;

use super::issuer::IssuerTable;
use super::merge::{self, Issuances};
use super::{Drops, Form, IssuerId, Noticed, Record};
use crate::name::{BATCH, DomainName, DropClass, NameTree, SanId, SanRef, registered_domain};

/// A source registered with [`Collection::origin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(u32);

/// What one record adds to [`Counts`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    entries: u64,
    wildcard_entries: u64,
}

/// How much came in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records read.
    pub records: u64,
    /// Names in scope, repetitions counted.
    pub entries: u64,
    /// Of these, names with `*.`.
    pub wildcard_entries: u64,
    /// Records that hold no DNS name in scope.
    pub records_without_names: u64,
    /// Names that the certificates hold but their sources did not give.
    pub omitted_names: u64,
}

/// What makes two records the same certificate; the strongest one that the record allows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Identity {
    /// The serial number, unique below an issuer (RFC 5280 §4.1.2.2).
    Serial(Box<[u8]>),
    /// SHA-256 of the TBSCertificate without CT extensions.
    Tbs(Box<[u8]>),
    /// The label of a name list.
    Label(Box<str>),
    /// Issuer, validity and names, where nothing better is told.
    Content,
    /// When it was logged, and names, where not even the validity is told.
    Logged(i64),
}

/// One certificate event while records come in.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) identity: Identity,
    pub(super) issuer: Option<IssuerId>,
    /// Sorted, without repetition.
    pub(super) names: Box<[SanId]>,
    pub(super) tbs: Option<Box<[u8]>>,
    pub(super) not_before: Option<i64>,
    pub(super) not_after: Option<i64>,
    pub(super) first_logged: Option<i64>,
    pub(super) precertificate: bool,
    pub(super) final_form: bool,
    pub(super) names_differ: bool,
    pub(super) dates_differ: bool,
    pub(super) origins: u32,
}

impl Event {
    /// Takes over what another report of the same certificate says.
    ///
    /// The outcome does not depend on the order: names are joined, the validity is the widest told, and a difference is
    /// any report that is not like the others.
    pub(super) fn join(&mut self, other: Event) {
        self.names_differ |= other.names_differ;
        if self.names != other.names {
            // Lines of a list bring one name each: that they differ is their nature.
            self.names_differ |= !matches!(self.identity, Identity::Label(_));
            let mut names = std::mem::take(&mut self.names).into_vec();
            names.extend_from_slice(&other.names);
            names.sort_unstable();
            names.dedup();
            self.names = names.into();
        }
        self.dates_differ |=
            other.dates_differ || differ(self.not_before, other.not_before) || differ(self.not_after, other.not_after);
        self.not_before = self.not_before.into_iter().chain(other.not_before).min();
        self.not_after = self.not_after.max(other.not_after);
        self.first_logged = self.first_logged.into_iter().chain(other.first_logged).min();
        self.precertificate |= other.precertificate;
        self.final_form |= other.final_form;
        if self.tbs.is_none() || (other.tbs.is_some() && other.tbs < self.tbs) {
            self.tbs = other.tbs.or(self.tbs.take());
        }
    }
}

fn differ(one: Option<i64>, other: Option<i64>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one != other)
}

/// Everything read so far: the names, who issued them, and each certificate once.
///
/// In names-only mode no certificate is kept: memory follows the distinct names alone.
#[derive(Debug, Clone, Default)]
pub struct Collection {
    tree: NameTree,
    scope: Option<DomainName>,
    names_only: bool,
    counts: Counts,
    drops: Drops,
    foreign_common_names: Noticed,
    issuers: IssuerTable,
    events: Vec<Event>,
    index: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    origins: merge::OriginSets,
    /// The names of the record at hand.
    names: Vec<SanId>,
    forward: Option<Forward>,
}

type Take = dyn FnMut(&Record<'_>) + Send;

/// Who gets the records instead.
#[derive(Clone)]
struct Forward(Arc<Mutex<Take>>);

impl fmt::Debug for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Forward")
    }
}

impl Collection {
    /// An empty collection of the names at or below `scope`; without a scope, of all names.
    #[must_use]
    pub fn new(scope: Option<DomainName>) -> Self {
        Self { scope, ..Self::default() }
    }

    /// An empty collection that keeps names and counts but no certificates.
    #[must_use]
    pub fn names_only(scope: Option<DomainName>) -> Self {
        Self { scope, names_only: true, ..Self::default() }
    }

    /// A collection that keeps nothing: each record goes to `take`, which may part them or store them elsewhere.
    #[must_use]
    pub fn forwarding(take: impl FnMut(&Record<'_>) + Send + 'static) -> Self {
        Self { forward: Some(Forward(Arc::new(Mutex::new(take)))), ..Self::default() }
    }

    /// Whether only names and counts are kept, so that readers may leave out the rest of a record.
    #[must_use]
    pub fn keeps_names_only(&self) -> bool {
        self.names_only
    }

    /// Registers a source: a file, an endpoint. The same label is the same origin.
    pub fn origin(&mut self, label: &str) -> Origin {
        Origin(self.origins.label(label))
    }

    /// Takes one record.
    pub fn add(&mut self, record: &Record<'_>, origin: Origin) {
        if let Some(Forward(take)) = &self.forward {
            return take.lock().unwrap_or_else(PoisonError::into_inner)(record);
        }
        self.begin();
        self.names(record.names.iter().map(Cow::as_ref));
        for (class, text) in &record.other_names {
            self.other_name(*class, text);
        }
        if let Some(common_name) = &record.common_name {
            self.notice_common_name(common_name);
        }
        self.counts.omitted_names += record.omitted_names;
        if !self.end() || self.names_only {
            return;
        }
        self.names.sort_unstable();
        self.names.dedup();
        self.keep(record, origin);
    }

    /// Starts a record that is told name by name; see [`Collection::name`] and [`Collection::end`].
    pub fn begin(&mut self) {
        self.names.clear();
        self.counts.records += 1;
    }

    /// Takes entries of the record at hand.
    pub fn names<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        if self.scope.is_some() {
            names.into_iter().for_each(|name| self.name(name));
            return;
        }
        // A name met before needs no parsing; most names of a dump are.
        let mut names = names.into_iter();
        let mut batch = [("", false); BATCH];
        let mut found = [None; BATCH];
        loop {
            let mut filled = 0;
            for (place, text) in batch.iter_mut().zip(&mut names) {
                *place = text.strip_prefix("*.").map_or((text, false), |name| (name, true));
                filled += 1;
            }
            self.tree.see(&batch[..filled], &mut found);
            for (&(name, wildcard), san) in batch[..filled].iter().zip(&found) {
                match san {
                    Some(san) => self.take(*san),
                    None if wildcard => self.name(&format!("*.{name}")),
                    None => self.name(name),
                }
            }
            if filled < BATCH {
                return;
            }
        }
    }

    /// Takes one entry of the record at hand.
    pub fn name(&mut self, text: &str) {
        match SanRef::parse(text) {
            Ok(san) if self.in_scope(&san) => {
                let san = self.tree.insert_ref(&san);
                self.take(san);
            }
            Ok(_) => self.drops.add(DropClass::OutOfScope, text),
            Err(class) => self.drops.add(class, text),
        }
    }

    fn take(&mut self, san: SanId) {
        self.counts.entries += 1;
        self.counts.wildcard_entries += u64::from(san.wildcard());
        self.names.push(san);
    }

    /// Counts a record like one before, of which nothing was dropped: its names are known. For names-only mode.
    pub(crate) fn again(&mut self, told: Told) {
        let Told { entries, wildcard_entries } = told;
        self.counts.records += 1;
        self.counts.entries += entries;
        self.counts.wildcard_entries += wildcard_entries;
        self.counts.records_without_names += u64::from(entries == 0);
    }

    /// What the record at hand, or the last one, told; `None` if some of it was dropped since `dropped` entries were.
    pub(crate) fn told(&self, dropped: u64) -> Option<Told> {
        let wildcard_entries = self.names.iter().filter(|name| name.wildcard()).count() as u64;
        let told = Told { entries: self.names.len() as u64, wildcard_entries };
        (self.drops.total() == dropped).then_some(told)
    }

    /// Takes one entry of the record at hand that is known to be no DNS name.
    pub fn other_name(&mut self, class: DropClass, text: &str) {
        self.drops.add(class, text);
    }

    /// Ends a record; returns whether it holds a name in scope.
    pub fn end(&mut self) -> bool {
        self.counts.records_without_names += u64::from(self.names.is_empty());
        !self.names.is_empty()
    }

    fn in_scope(&self, san: &SanRef<'_>) -> bool {
        self.scope.as_ref().is_none_or(|scope| san.is_at_or_below(scope))
    }

    /// Notices a common name out of scope; without a scope, one whose registered domain is that of no name of the record.
    fn notice_common_name(&mut self, text: &str) {
        let Ok(san) = SanRef::parse(text) else { return };
        let names = || self.names.iter().map(|name| self.tree.name(name.node()));
        let foreign = match &self.scope {
            Some(scope) => !san.is_at_or_below(scope),
            None if names().any(|name| name == san.name()) => false,
            None => {
                let own = registered_domain(san.name()).unwrap_or(san.name());
                !self.names.is_empty() && names().all(|name| registered_domain(name).unwrap_or(name) != own)
            }
        };
        if foreign {
            self.foreign_common_names.add(text);
        }
    }

    fn keep(&mut self, record: &Record<'_>, origin: Origin) {
        let Some(identity) = identity(record) else { return };
        let event = Event {
            identity,
            issuer: self.issuers.of(record),
            names: self.names.as_slice().into(),
            tbs: record.tbs_sha256.as_deref().map(octets_of_hex),
            not_before: record.not_before,
            not_after: record.not_after,
            first_logged: record.logged,
            precertificate: record.form == Some(Form::Precertificate),
            final_form: record.form == Some(Form::Final),
            names_differ: false,
            dates_differ: false,
            origins: merge::NO_ORIGINS,
        };
        let Self { events, index, hasher, .. } = self;
        let hash = key_hash(hasher, &event);
        let same = |&at: &u32| same_key(&events[at as usize], &event);
        let at = if let Some(&at) = index.find(hash, same) {
            events[at as usize].join(event);
            at
        } else {
            let at = u32::try_from(events.len()).expect("fewer than 2^32 certificates fit in memory");
            events.push(event);
            index.insert_unique(hash, at, |&other| key_hash(hasher, &events[other as usize]));
            at
        };
        let event = &mut events[at as usize];
        event.origins = self.origins.with(event.origins, origin.0);
    }

    /// The names, their levels and forms seen so far.
    #[must_use]
    pub fn tree(&self) -> &NameTree {
        &self.tree
    }

    /// How much came in so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Certificates known so far; may shrink when sources are matched at the end. 0 in names-only mode.
    #[must_use]
    pub fn certificates_so_far(&self) -> usize {
        self.events.len()
    }

    /// The entries dropped so far.
    #[must_use]
    pub fn drops(&self) -> &Drops {
        &self.drops
    }

    /// Matches what different sources told and puts everything into an order that does not depend on that of the input.
    #[must_use]
    pub fn finish(self) -> Issuances {
        let Self { tree, counts, drops, foreign_common_names, issuers, events, origins, scope, .. } = self;
        merge::finish(&tree, issuers, events, origins, merge::Told { scope, counts, drops, foreign_common_names })
    }

    /// The same with the names in the order they were read, which saves a copy of them all; for names without certificates.
    #[must_use]
    pub fn finish_as_read(self) -> Issuances {
        if !self.events.is_empty() {
            return self.finish();
        }
        let Self { tree, counts, drops, foreign_common_names, issuers, origins, scope, .. } = self;
        let told = merge::Told { scope, counts, drops, foreign_common_names };
        merge::without_certificates(tree, issuers, origins, told)
    }
}

/// `None` for a record of a plain name list: a name without any certificate.
fn identity(record: &Record<'_>) -> Option<Identity> {
    let told = |text: &Option<Cow<'_, str>>| text.as_deref().filter(|text| !text.is_empty()).map(octets_of_hex);
    if let Some(serial) = told(&record.serial) {
        let zeros = serial.iter().take_while(|&&octet| octet == 0).count().min(serial.len().saturating_sub(1));
        return Some(Identity::Serial(serial[zeros..].into()));
    }
    if let Some(tbs) = told(&record.tbs_sha256) {
        return Some(Identity::Tbs(tbs));
    }
    if let Some(label) = &record.label {
        return Some(Identity::Label(label.as_ref().into()));
    }
    if record.not_before.is_some() || record.not_after.is_some() || record.issuer.is_some() {
        return Some(Identity::Content);
    }
    record.logged.map(Identity::Logged)
}

/// The octets of a hex text of even or odd length; another text stands for itself, so that nothing merges by accident.
fn octets_of_hex(text: &str) -> Box<[u8]> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let Some(digits) = digits else { return text.as_bytes().into() };
    let (first, rest) = digits.split_at(digits.len() % 2);
    first.iter().copied().chain(rest.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1])).collect()
}

fn key_hash(hasher: &foldhash::fast::RandomState, event: &Event) -> u64 {
    let mut state = hasher.build_hasher();
    (&event.identity, event.issuer).hash(&mut state);
    match event.identity {
        Identity::Serial(_) | Identity::Tbs(_) | Identity::Label(_) => {}
        Identity::Content => (event.not_before, event.not_after, &event.names).hash(&mut state),
        Identity::Logged(_) => event.names.hash(&mut state),
    }
    state.finish()
}

fn same_key(one: &Event, other: &Event) -> bool {
    (&one.identity, one.issuer) == (&other.identity, other.issuer)
        && match one.identity {
            Identity::Serial(_) | Identity::Tbs(_) | Identity::Label(_) => true,
            Identity::Content => {
                (one.not_before, one.not_after, &one.names) == (other.not_before, other.not_after, &other.names)
            }
            Identity::Logged(_) => one.names == other.names,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuance::Issuance;
    use proptest::prelude::*;

    fn record<'a>(names: &[&'a str], serial: Option<&'a str>) -> Record<'a> {
        Record {
            names: names.iter().map(|&name| Cow::Borrowed(name)).collect(),
            issuer: Some("C=US, O=Test CA, CN=T1".into()),
            serial: serial.map(Cow::Borrowed),
            not_before: Some(0),
            not_after: Some(7_776_000),
            ..Record::default()
        }
    }

    fn collect(records: &[Record<'_>]) -> Issuances {
        let mut collection = Collection::new(None);
        let origin = collection.origin("test");
        for record in records {
            collection.add(record, origin);
        }
        collection.finish()
    }

    fn names(issued: &Issuances, issuance: &Issuance) -> Vec<String> {
        issuance.names.iter().map(|&name| issued.tree.subject_alt_name(name).to_string()).collect()
    }

    #[test]
    fn a_precertificate_and_its_certificate_are_one_issuance() {
        let mut precertificate = record(&["a.example", "*.a.example"], Some("0003FD"));
        precertificate.form = Some(Form::Precertificate);
        let mut certificate = record(&["*.a.example", "A.example."], Some("3fd"));
        certificate.form = Some(Form::Final);
        certificate.issuer = Some("CN=T1,O=Test CA,C=US".into());
        let issued = collect(&[certificate, precertificate]);
        assert_eq!((issued.counts.records, issued.certificates(), issued.distinct_names()), (2, 1, 2));
        let issuance = &issued.issuances[0];
        assert!(issuance.precertificate && issuance.final_form && !issuance.names_differ && !issuance.dates_differ);
        assert_eq!(names(&issued, issuance), ["a.example", "*.a.example"]);
        assert_eq!(*issuance.serial, [3, 0xfd]);
    }

    #[test]
    fn without_serials_equal_content_is_one_issuance() {
        let issued =
            collect(&[record(&["a.example"], None), record(&["a.example"], None), record(&["b.example"], None)]);
        assert_eq!(issued.certificates(), 2);
    }

    #[test]
    fn sources_with_and_without_serials_agree_on_the_number() {
        let tbs = |digest: &'static str| Record { tbs_sha256: Some(digest.into()), ..record(&["a.example"], None) };
        // Two serials and two digests of the same second and names: two certificates, not four and not one.
        let two = [record(&["a.example"], Some("1")), record(&["a.example"], Some("2")), tbs("aa"), tbs("bb")];
        assert_eq!(collect(&two).certificates(), 2);
        assert_eq!(collect(&[tbs("aa"), tbs("bb"), record(&["a.example"], Some("1"))]).certificates(), 2);
        // crt.sh lists the names that match, Cert Spotter all.
        let all = Record { tbs_sha256: Some("cc".into()), ..record(&["a.example", "b.example"], None) };
        let issued = collect(&[record(&["a.example"], Some("1")), all]);
        assert_eq!((issued.certificates(), issued.issuances[0].names.len()), (1, 2));
        assert!(!issued.issuances[0].names_differ);
    }

    #[test]
    fn contradictions_are_noted_and_nothing_is_lost() {
        let mut late = record(&["b.example"], Some("1"));
        late.not_before = Some(5);
        let issued = collect(&[record(&["a.example"], Some("1")), late]);
        let issuance = &issued.issuances[0];
        assert!(issuance.names_differ && issuance.dates_differ);
        assert_eq!((issuance.names.len(), issuance.not_before), (2, Some(0)));
    }

    #[test]
    fn lines_with_one_label_are_one_certificate_and_lines_without_are_none() {
        let line = |name, label: Option<&'static str>| Record {
            names: vec![Cow::Borrowed(name)],
            label: label.map(Cow::Borrowed),
            ..Record::default()
        };
        let issued = collect(&[line("a.example", Some("c1")), line("b.example", Some("c1")), line("c.example", None)]);
        assert_eq!((issued.certificates(), issued.distinct_names(), issued.counts.records), (1, 3, 3));
    }

    #[test]
    fn names_out_of_scope_are_counted_and_common_names_noticed() {
        let mut collection = Collection::new(Some(DomainName::parse("example.com").unwrap()));
        let origin = collection.origin("test");
        let mut entry =
            record(&["notexample.com", "example.com.evil.org", "www.example.com", "x@example.com"], Some("1"));
        entry.common_name = Some("example.org".into());
        collection.add(&entry, origin);
        collection.add(&record(&["example.net"], Some("2")), origin);
        let issued = collection.finish();
        assert_eq!(issued.drops.count(DropClass::OutOfScope), 3);
        assert_eq!(issued.drops.count(DropClass::Email), 1);
        assert_eq!(issued.foreign_common_names, Noticed { count: 1, example: "example.org".into() });
        assert_eq!((issued.certificates(), issued.counts.records_without_names), (1, 1));
    }

    #[test]
    fn without_a_scope_a_common_name_of_another_registered_domain_is_noticed() {
        let mut own = record(&["www.example.com"], Some("1"));
        own.common_name = Some("mail.example.com".into());
        let mut foreign = record(&["www.example.com"], Some("2"));
        foreign.common_name = Some("mail.example.org".into());
        let issued = collect(&[own, foreign]);
        assert_eq!(issued.foreign_common_names, Noticed { count: 1, example: "mail.example.org".into() });
    }

    #[test]
    fn each_source_of_a_certificate_is_kept() {
        let mut collection = Collection::new(None);
        let (one, other) = (collection.origin("z.json"), collection.origin("a.pem"));
        collection.add(&record(&["a.example"], Some("1")), one);
        collection.add(&record(&["a.example"], Some("1")), other);
        collection.add(&record(&["b.example"], Some("2")), one);
        let issued = collection.finish();
        let origins: Vec<Vec<_>> = issued.issuances.iter().map(|issuance| issued.origins(issuance).collect()).collect();
        assert_eq!(origins, [vec!["a.pem", "z.json"], vec!["z.json"]]);
        assert_eq!(issued.certificates_by_origin().into_iter().collect::<Vec<_>>(), [("a.pem", 1), ("z.json", 2)]);
    }

    fn any_record() -> impl Strategy<Value = Record<'static>> {
        let names = proptest::collection::vec("(\\*\\.)?[abc]\\.(example|test)", 0..3);
        let serial = proptest::option::of("[12]");
        let digest = proptest::option::of("[ab]{2}");
        (names, serial, digest, 0..2_i64, 0..3_u8).prop_map(|(names, serial, digest, not_before, issuer)| Record {
            names: names.into_iter().map(Cow::Owned).collect(),
            issuer: (issuer > 0).then(|| format!("CN=T{issuer}").into()),
            serial: serial.map(Cow::Owned),
            tbs_sha256: digest.map(Cow::Owned),
            not_before: Some(not_before),
            not_after: Some(9),
            ..Record::default()
        })
    }

    proptest! {
        #[test]
        fn the_order_of_records_does_not_matter(
            records in proptest::collection::vec(any_record(), 0..12),
            keys in proptest::collection::vec(any::<u32>(), 12),
        ) {
            let mut shuffled: Vec<_> = records.iter().cloned().zip(keys).collect();
            shuffled.sort_by_key(|(_, key)| *key);
            let shuffled: Vec<_> = shuffled.into_iter().map(|(record, _)| record).collect();
            let (one, other) = (collect(&records), collect(&shuffled));
            let print = |issued: &Issuances| {
                let rows: Vec<_> = issued.issuances.iter().map(|issuance| {
                    let origins: Vec<String> = issued.origins(issuance).map(str::to_owned).collect();
                    (names(issued, issuance), issuance.clone(), origins)
                }).collect();
                (rows, issued.issuers.clone(), issued.drops.clone(), issued.counts)
            };
            prop_assert_eq!(print(&one), print(&other));
        }
    }
}
