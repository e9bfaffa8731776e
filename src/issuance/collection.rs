//! [`Collection`]: records in, one event per certificate kept.
//!
//! Events with the strongest identity merge on arrival; what two sources tell with different identities is matched at the
//! end, in `merge`, when all is known.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use hashbrown::HashTable;

use super::event::{Event, identity, key_hash, same_key};
use super::handing::{Forward, Lists, Taker};
use super::issuer::IssuerTable;
use super::merge::{self, Gathered};
use super::origins::OriginSets;
use super::{Drops, Issuances, Noticed, Record};
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
    origins: OriginSets,
    /// The names of the record at hand.
    names: Vec<SanId>,
    forward: Option<Forward>,
    lists: Option<Lists>,
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
        Self { forward: Some(Taker(Arc::new(Mutex::new(take)))), ..Self::default() }
    }

    /// The names in scope that no certificate is told of go to `take`, many at a time and the last of them with
    /// [`Collection::finish`], and are not kept here: canonical names, each with whether `*.` stood before it.
    #[must_use]
    pub fn handing_lists(self, take: impl FnMut(&[(&str, bool)]) + Send + 'static) -> Self {
        Self { lists: Some(Lists::new(take)), ..self }
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
        if let Some(forward) = &self.forward {
            return forward.lock()(record);
        }
        self.begin();
        self.names(record.names.iter().map(Cow::as_ref));
        for (class, text) in &record.other_names {
            self.other_name(*class, text);
        }
        if let Some(common_name) = &record.common_name {
            if record.names.is_empty() && record.other_names.is_empty() {
                self.other_name(DropClass::CommonName, common_name);
            }
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
        if let Some(san) = self.parse(text) {
            let san = self.tree.insert_ref(&san);
            self.take(san);
        }
    }

    /// A name in scope; anything else is counted as dropped.
    fn parse<'a>(&mut self, text: &'a str) -> Option<SanRef<'a>> {
        let class = match SanRef::parse(text) {
            Ok(san) if self.in_scope(&san) => return Some(san),
            Ok(_) => DropClass::OutOfScope,
            Err(class) => class,
        };
        self.drops.add(class, text);
        None
    }

    /// Takes the one entry of a record that is of no certificate.
    pub(crate) fn listed(&mut self, text: &str) {
        if let Some(forward) = &self.forward {
            let record = Record { names: vec![text.into()], ..Record::default() };
            return forward.lock()(&record);
        }
        self.begin();
        if self.lists.is_none() {
            self.name(text);
            self.end();
        } else if let Some(san) = self.parse(text) {
            self.counts.entries += 1;
            self.counts.wildcard_entries += u64::from(san.wildcard());
            if let Some(lists) = &mut self.lists {
                lists.add(&san);
            }
        } else {
            self.end();
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
        let event = Event::new(identity, record, self.issuers.of(record), &self.names);
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
    pub fn finish(mut self) -> Issuances {
        self.hand_over();
        let Self { tree, counts, drops, foreign_common_names, issuers, events, origins, scope, .. } = self;
        merge::finish(&tree, issuers, events, origins, Gathered { scope, counts, drops, foreign_common_names })
    }

    /// The same with the names in the order they were read, which saves a copy of them all; for names without certificates.
    #[must_use]
    pub fn finish_as_read(mut self) -> Issuances {
        self.hand_over();
        if !self.events.is_empty() {
            return self.finish();
        }
        let Self { tree, counts, drops, foreign_common_names, issuers, origins, scope, .. } = self;
        merge::without_certificates(tree, issuers, origins, Gathered { scope, counts, drops, foreign_common_names })
    }

    fn hand_over(&mut self) {
        if let Some(lists) = &mut self.lists {
            lists.hand_over();
        }
    }
}
