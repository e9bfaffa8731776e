//! One issuance per certificate, whoever reported it: the last step, when all records are in.
//!
//! Reports with a serial number are told apart by it. A report without one (older crt.sh dumps, Cert Spotter) is matched
//! to one with the same TBSCertificate, else to one with the same issuer, validity and names, each taken at most once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::collection::{Event, Identity};
use super::issuer::{Issuer, IssuerTable};
use super::x509::hex;
use super::{Counts, Drops, IssuerId, Noticed};
use crate::name::{DomainName, NameTree, SanId};

/// The empty set in [`OriginSets`].
pub(super) const NO_ORIGINS: u32 = 0;

/// One certificate issued; its precertificate and final form count once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuance {
    /// The DNS names in scope, sorted, without repetition, never empty.
    pub names: Box<[SanId]>,
    /// Who issued it, if known.
    pub issuer: Option<IssuerId>,
    /// Start of validity, seconds since 1970 UTC.
    pub not_before: Option<i64>,
    /// End of validity, seconds since 1970 UTC.
    pub not_after: Option<i64>,
    /// First time a log or service took it, milliseconds since 1970 UTC, if told.
    pub first_logged: Option<i64>,
    /// Serial number without leading zeros, empty if not told.
    pub serial: Box<[u8]>,
    /// Whether its precertificate was among the records, where a source tells.
    pub precertificate: bool,
    /// Whether the final certificate was among the records, where a source tells.
    pub final_form: bool,
    /// Two records told different sets of names in scope; all of them are kept.
    pub names_differ: bool,
    /// Two records told different validity; the widest is kept.
    pub dates_differ: bool,
    origins: u32,
}

impl Issuance {
    /// The serial number in lower-case hex without leading zero octets, if told.
    #[must_use]
    pub fn serial_text(&self) -> Option<String> {
        (!self.serial.is_empty()).then(|| hex(&self.serial))
    }
}

/// Everything that was issued, in an order that depends on the records alone, not on the order they came in.
#[derive(Debug, Clone, Default)]
pub struct Issuances {
    /// The domain asked for; `None` when all names are in scope.
    pub scope: Option<DomainName>,
    /// All names in scope and their levels, numbered by their texts alone.
    pub tree: NameTree,
    /// The issuers, sorted by name.
    pub issuers: Vec<Issuer>,
    /// The certificates, oldest first.
    pub issuances: Vec<Issuance>,
    /// How much came in.
    pub counts: Counts,
    /// Entries that are no DNS names in scope.
    pub drops: Drops,
    /// Records whose common name is a DNS name out of scope; without a scope, below no registered domain of their names.
    pub foreign_common_names: Noticed,
    labels: Vec<String>,
    sets: Vec<Box<[u32]>>,
}

impl Issuances {
    /// Certificates: a precertificate and its certificate count once.
    #[must_use]
    pub fn certificates(&self) -> u64 {
        self.issuances.len() as u64
    }

    /// Distinct names, `*.` forms counted apart.
    #[must_use]
    pub fn distinct_names(&self) -> u64 {
        self.tree.sans().count() as u64
    }

    /// The sources that reported an issuance, sorted.
    pub fn origins<'a>(&'a self, issuance: &Issuance) -> impl Iterator<Item = &'a str> + use<'a> {
        self.sets[issuance.origins as usize].iter().map(|&label| self.labels[label as usize].as_str())
    }

    /// How many certificates each source reported, by its label.
    #[must_use]
    pub fn certificates_by_origin(&self) -> BTreeMap<&str, u64> {
        let mut by_set = vec![0; self.sets.len()];
        for issuance in &self.issuances {
            by_set[issuance.origins as usize] += 1;
        }
        let mut by_label: BTreeMap<_, _> = self.labels.iter().map(|label| (label.as_str(), 0)).collect();
        for (set, count) in self.sets.iter().zip(by_set) {
            for &label in set {
                *by_label.entry(&self.labels[label as usize]).or_default() += count;
            }
        }
        by_label
    }

    /// The issuer of an issuance.
    #[must_use]
    pub fn issuer(&self, issuance: &Issuance) -> Option<&Issuer> {
        issuance.issuer.map(|id| &self.issuers[id.0 as usize])
    }
}

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

    fn union(&mut self, one: u32, other: u32) -> u32 {
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
    fn into_sorted(self) -> (Vec<String>, Vec<Box<[u32]>>) {
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

/// What a collection hands over unchanged.
pub(super) struct Told {
    pub(super) scope: Option<DomainName>,
    pub(super) counts: Counts,
    pub(super) drops: Drops,
    pub(super) foreign_common_names: Noticed,
}

pub(super) fn finish(
    tree: &NameTree,
    issuers: IssuerTable,
    mut events: Vec<Event>,
    mut origins: OriginSets,
    told: Told,
) -> Issuances {
    let (issuers, issuer_ids) = issuers.into_sorted();
    let (tree, sans) = in_text_order(tree);
    for event in &mut events {
        event.issuer = event.issuer.map(|old| issuer_ids[old.0 as usize]);
        for name in &mut event.names {
            *name = SanId::new(sans[name.node().index()], name.wildcard());
        }
        event.names.sort_unstable();
    }
    events.sort_by(|one, other| order(one).cmp(&order(other)));
    let mut issuances: Vec<_> = unite(events, &mut origins).into_iter().map(issuance).collect();
    issuances.sort_by(|one, other| final_order(one).cmp(&final_order(other)));
    let (labels, sets) = origins.into_sorted();
    let Told { scope, counts, drops, foreign_common_names } = told;
    Issuances { scope, tree, issuers, issuances, counts, drops, foreign_common_names, labels, sets }
}

/// Names alone, in the order of the tree.
pub(super) fn without_certificates(tree: NameTree, issuers: IssuerTable, origins: OriginSets, told: Told) -> Issuances {
    let (issuers, _) = issuers.into_sorted();
    let (labels, sets) = origins.into_sorted();
    let Told { scope, counts, drops, foreign_common_names } = told;
    Issuances { scope, tree, issuers, issuances: Vec::new(), counts, drops, foreign_common_names, labels, sets }
}

/// The same names, inserted in text order; and the new node of each old one.
fn in_text_order(tree: &NameTree) -> (NameTree, Vec<crate::name::NodeId>) {
    let mut nodes: Vec<_> = tree.nodes().collect();
    nodes.sort_unstable_by(|&one, &other| tree.name(one).cmp(tree.name(other)));
    let mut sorted = NameTree::new();
    for &node in &nodes {
        for (seen, wildcard) in [(tree.bare_seen(node), false), (tree.wildcard_seen(node), true)] {
            if seen {
                sorted.insert(&tree.subject_alt_name(SanId::new(node, wildcard)));
            }
        }
    }
    let new = tree.nodes().map(|node| sorted.insert_level(&tree.domain_name(node))).collect();
    (sorted, new)
}

type Order<'a> = (Option<i64>, Option<i64>, Option<IssuerId>, &'a [SanId], &'a Identity);

fn order(event: &Event) -> Order<'_> {
    (event.not_before, event.not_after, event.issuer, &event.names, &event.identity)
}

type FinalOrder<'a> = (Option<i64>, Option<i64>, Option<IssuerId>, &'a [SanId], &'a [u8], Option<i64>);

fn final_order(issuance: &Issuance) -> FinalOrder<'_> {
    let Issuance { not_before, not_after, issuer, names, serial, first_logged, .. } = issuance;
    (*not_before, *not_after, *issuer, names, serial, *first_logged)
}

fn issuance(event: Event) -> Issuance {
    Issuance {
        serial: match event.identity {
            Identity::Serial(serial) => serial,
            Identity::Tbs(_) | Identity::Label(_) | Identity::Content | Identity::Logged(_) => Box::default(),
        },
        names: event.names,
        issuer: event.issuer,
        not_before: event.not_before,
        not_after: event.not_after,
        first_logged: event.first_logged,
        precertificate: event.precertificate,
        final_form: event.final_form,
        names_differ: event.names_differ,
        dates_differ: event.dates_differ,
        origins: event.origins,
    }
}

/// Matches sorted events of different identity.
fn unite(events: Vec<Event>, origins: &mut OriginSets) -> Vec<Event> {
    let weak = |event: &Event| matches!(event.identity, Identity::Tbs(_) | Identity::Content);
    if !events.iter().any(weak) {
        return events;
    }
    let mut slots: Vec<Option<Event>> = events.into_iter().map(Some).collect();
    by_tbs(&mut slots, origins);
    by_content(&mut slots, origins);
    slots.into_iter().flatten().collect()
}

/// One event takes over another, which leaves an empty slot.
fn absorb(slots: &mut [Option<Event>], keeper: usize, other: usize, origins: &mut OriginSets) {
    if let Some(other) = slots[other].take()
        && let Some(event) = &mut slots[keeper]
    {
        event.origins = origins.union(event.origins, other.origins);
        // That their names differ is no contradiction: crt.sh lists the names that match, Cert Spotter all of them.
        let differ = event.names_differ || other.names_differ;
        event.issuer = event.issuer.or(other.issuer);
        event.join(other);
        event.names_differ = differ;
    }
}

/// Reports of one TBSCertificate are one certificate, even where the issuer is spelled in words that do not compare.
fn by_tbs(slots: &mut [Option<Event>], origins: &mut OriginSets) {
    let mut keepers: HashMap<Box<[u8]>, usize> = HashMap::new();
    for wanted_serial in [true, false] {
        for at in 0..slots.len() {
            let Some(Event { identity, tbs: Some(tbs), .. }) = &slots[at] else { continue };
            match (identity, keepers.get(tbs)) {
                (Identity::Tbs(_), Some(&keeper)) if !wanted_serial => absorb(slots, keeper, at, origins),
                (Identity::Serial(_), None) if wanted_serial => drop(keepers.insert(tbs.clone(), at)),
                (Identity::Tbs(_), None) if !wanted_serial => drop(keepers.insert(tbs.clone(), at)),
                _ => {}
            }
        }
    }
}

/// Within one issuer and validity: first equal names, then names of which one set holds the other.
fn by_content(slots: &mut [Option<Event>], origins: &mut OriginSets) {
    let mut groups: BTreeMap<(IssuerId, i64, i64), Vec<usize>> = BTreeMap::new();
    for (at, event) in slots.iter().enumerate() {
        if let Some(Event { issuer: Some(issuer), not_before: Some(from), not_after: Some(to), .. }) = event {
            groups.entry((*issuer, *from, *to)).or_default().push(at);
        }
    }
    for group in groups.into_values().filter(|group| group.len() > 1) {
        // A Tbs report is a certificate of its own, so each serial takes at most one; a Content report is any of them.
        for weak_is_tbs in [true, false] {
            match_within(slots, &group, weak_is_tbs, origins);
        }
    }
}

fn match_within(slots: &mut [Option<Event>], group: &[usize], weak_is_tbs: bool, origins: &mut OriginSets) {
    let mut taken = BTreeSet::new();
    for fits in [same_names, either_holds_the_other] {
        // Keepers with the same names are in one run of a map, so a large group stays cheap where names are equal.
        let mut keepers: BTreeMap<Vec<SanId>, Vec<usize>> = BTreeMap::new();
        for &at in group {
            if let Some(event) = &slots[at]
                && is_keeper(event, weak_is_tbs)
                && !taken.contains(&at)
            {
                keepers.entry(event.names.to_vec()).or_default().push(at);
            }
        }
        for &at in group {
            let Some(event) = &slots[at] else { continue };
            if !is_weak(event, weak_is_tbs) {
                continue;
            }
            let Some(keeper) = fits(&mut keepers, event, weak_is_tbs) else { continue };
            if weak_is_tbs {
                taken.insert(keeper);
            }
            absorb(slots, keeper, at, origins);
        }
    }
}

fn is_weak(event: &Event, tbs: bool) -> bool {
    match event.identity {
        Identity::Tbs(_) => tbs,
        Identity::Content => !tbs,
        Identity::Serial(_) | Identity::Label(_) | Identity::Logged(_) => false,
    }
}

/// What a weak report may be matched to. A serial that knows its TBSCertificate is no match for another TBSCertificate.
fn is_keeper(event: &Event, weak_is_tbs: bool) -> bool {
    match event.identity {
        Identity::Serial(_) => !weak_is_tbs || event.tbs.is_none(),
        Identity::Tbs(_) => !weak_is_tbs,
        Identity::Content | Identity::Label(_) | Identity::Logged(_) => false,
    }
}

type Keepers = BTreeMap<Vec<SanId>, Vec<usize>>;

fn same_names(keepers: &mut Keepers, event: &Event, once: bool) -> Option<usize> {
    let run = keepers.get_mut(event.names.as_ref())?;
    if once { (!run.is_empty()).then(|| run.remove(0)) } else { run.first().copied() }
}

/// How many keepers of one issuer and validity are compared name by name: bounds the work on hostile input.
const COMPARED: usize = 1024;

fn either_holds_the_other(keepers: &mut Keepers, event: &Event, once: bool) -> Option<usize> {
    let fits = |names: &[SanId]| subset(names, &event.names) || subset(&event.names, names);
    let mut candidates = keepers.iter_mut().take(COMPARED);
    let (_, run) = candidates.find(|(names, run)| !run.is_empty() && fits(names))?;
    Some(if once { run.remove(0) } else { run[0] })
}

/// Whether sorted `small` is part of sorted `large`.
fn subset(small: &[SanId], large: &[SanId]) -> bool {
    small.len() <= large.len() && small.iter().all(|name| large.binary_search(name).is_ok())
}
