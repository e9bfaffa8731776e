//! [`Search`]: which questions to put to crt.sh, one depending on the answers before.
//!
//! crt.sh gives at most 10,000 matched rows, any of them, without saying so. A question whose answer reaches that is put
//! differently: without duplicates; without the largest issuers, until the rest fits; each of those alone, the smallest
//! first; for the labels below the name. What is still cut then is a sample, and once answers bring nothing but more of the
//! same, the search ends.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::super::kinds::Kinds;
use super::super::told::{Sketch, Told};
use super::region::Region;
use crate::name::{DomainName, SanRef};

/// Issuers left out of one question at most: what a URL easily holds.
const MAX_PEELED: usize = 40;
/// New certificates that an answer must bring to show that there is nothing new.
const ENOUGH: u64 = 500;
/// Issuers in a row whose certificates brought nothing new, after which larger ones are not asked for.
const QUIET: u32 = 3;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) name: DomainName,
    pub(super) narrowing: Narrowing,
    /// Precertificate and certificate as one row: half the rows, for a costlier search.
    pub(super) deduplicate: bool,
}

/// How a question is narrowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Narrowing {
    /// Not at all.
    None,
    /// To counts by issuer, where no sample tells the issuers.
    IssuerCounts,
    /// To the issuers that are not peeled off.
    Rest,
    /// To this issuer: every other known one is left out.
    Only(i64),
}

/// When a question is put: those of an earlier rank first, within a rank in the order they came up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// The domain itself, until what is left of it fits.
    Whole,
    /// An issuer of the domain alone.
    Issuer,
    /// A label for the first time.
    Label,
    /// An issuer that is larger than one which did not fit.
    LargeIssuer,
    /// What did not fit of a label.
    Deeper,
}

/// What an answer added to what was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    /// A kind of names that was not known.
    Kinds,
    /// Many certificates, and no new kind.
    Nothing,
    /// Too few certificates to say.
    Unclear,
}

/// The questions so far and to come.
#[derive(Debug)]
pub(super) struct Search {
    domain: DomainName,
    queue: BTreeMap<(Rank, u32), Query>,
    queued: u32,
    regions: BTreeMap<DomainName, Region>,
    /// The costlier search may be asked for.
    deduplicate: bool,
    seen: HashSet<u64>,
    kinds: Kinds,
    /// New certificates since the last new kind.
    since_new: u64,
    /// Issuers in a row that brought nothing new.
    quiet: u32,
    cut: u32,
    labels_asked: u32,
    /// The name whose answer never came, and whose labels nobody knows.
    starved: bool,
    ended_early: bool,
}

impl Search {
    pub(super) fn new(domain: DomainName) -> Self {
        let mut search = Self {
            domain: domain.clone(),
            queue: BTreeMap::new(),
            queued: 0,
            regions: BTreeMap::new(),
            deduplicate: true,
            seen: HashSet::new(),
            kinds: Kinds::default(),
            since_new: 0,
            quiet: 0,
            cut: 0,
            labels_asked: 0,
            starved: false,
            ended_early: false,
        };
        search.push(Rank::Whole, Query { name: domain, narrowing: Narrowing::None, deduplicate: false });
        search
    }

    /// The question to put next.
    pub(super) fn next(&self) -> Option<&Query> {
        self.queue.first_key_value().map(|(_, query)| query)
    }

    /// Issuers to leave out of a question.
    pub(super) fn excluded(&self, query: &Query) -> Vec<i64> {
        let Some(region) = self.regions.get(&query.name) else { return Vec::new() };
        match query.narrowing {
            Narrowing::None | Narrowing::IssuerCounts => Vec::new(),
            Narrowing::Rest => region.peeled.clone(),
            Narrowing::Only(issuer) => region.known().filter(|&other| other != issuer).collect(),
        }
    }

    /// Puts the same question again, later to be narrowed.
    pub(super) fn again(&mut self, query: Query) {
        self.push(Rank::Whole, query);
    }

    /// Takes the question that was put from the queue.
    pub(super) fn take(&mut self) -> Option<Query> {
        self.queue.pop_first().map(|(_, query)| query)
    }

    /// The answer to a question came; `cut` if it may not be all.
    pub(super) fn answered(&mut self, query: Query, told: &Told, cut: bool) {
        let news = self.learn(&query.name, told);
        if query.narrowing == Narrowing::IssuerCounts {
            if told.issuers.is_empty() { self.starve() } else { self.peel(&query.name) }
        } else if cut {
            self.cut += 1;
            self.hush(&query, news);
            self.narrow(query, news != News::Nothing);
        } else {
            self.fitted(&query);
        }
        self.follow_labels();
    }

    /// crt.sh cannot answer a question.
    pub(super) fn too_big(&mut self, query: Query) {
        self.cut += 1;
        match query.narrowing {
            // The costlier search is what was too much.
            _ if query.deduplicate => {
                self.deduplicate = false;
                let rank = self.rank_of(&query);
                match query.narrowing {
                    Narrowing::None => self.narrow(query, true),
                    _ => self.push(rank, Query { deduplicate: false, ..query }),
                }
            }
            // What timed out would time out again with the costlier search: other questions.
            Narrowing::None if self.regions.get(&query.name).is_none_or(|region| region.issuers.is_empty()) => {
                self.deduplicate = false;
                self.push(self.rank_of(&query), Query { narrowing: Narrowing::IssuerCounts, ..query });
            }
            Narrowing::IssuerCounts => {
                self.region(&query.name).open = true;
                if query.name == self.domain {
                    self.starve();
                }
            }
            Narrowing::None | Narrowing::Rest | Narrowing::Only(_) => self.narrow(query, true),
        }
        self.follow_labels();
    }

    /// No answer came.
    pub(super) fn given_up(&mut self, query: &Query) {
        self.region(&query.name).open = true;
    }

    /// Takes names from elsewhere: crt.sh may be asked for their labels.
    pub(super) fn take_names(&mut self, names: &BTreeSet<String>) {
        let domain = self.domain.clone();
        for san in names.iter().filter_map(|text| SanRef::parse(text).ok()) {
            self.region(&domain).meet(san.name(), san.wildcard(), &domain);
        }
        self.starved = false;
        self.follow_labels();
    }

    /// Whether names from elsewhere would lead to further questions.
    pub(super) fn wants_names(&self) -> bool {
        self.starved || (self.is_open() && !self.ended_early)
    }

    /// An answer was cut, or too much to ask for.
    pub(super) fn was_cut(&self) -> bool {
        self.cut > 0
    }

    /// Something cannot be had, or was not asked for yet.
    pub(super) fn is_open(&self) -> bool {
        !self.queue.is_empty() || self.regions.get(&self.domain).is_some_and(|region| region.open)
    }

    /// Certificates told, kinds of their names, and certificates since the last new kind.
    pub(super) fn sample(&self) -> (u64, u64, u64) {
        (self.seen.len() as u64, self.kinds.count(), self.since_new)
    }

    /// Labels that were asked for.
    pub(super) fn labels_asked(&self) -> u32 {
        self.labels_asked
    }

    /// The search ended because nothing new came.
    pub(super) fn ended_early(&self) -> bool {
        self.ended_early
    }

    fn push(&mut self, rank: Rank, query: Query) {
        self.queued += 1;
        self.queue.insert((rank, self.queued), query);
    }

    fn rank_of(&self, query: &Query) -> Rank {
        match query.narrowing {
            _ if query.name != self.domain => Rank::Deeper,
            Narrowing::None | Narrowing::IssuerCounts | Narrowing::Rest => Rank::Whole,
            Narrowing::Only(_) => Rank::Issuer,
        }
    }

    fn region(&mut self, name: &DomainName) -> &mut Region {
        self.regions.entry(name.clone()).or_default()
    }

    fn learn(&mut self, name: &DomainName, told: &Told) -> News {
        let mut regions = [name.clone(), self.domain.clone()].to_vec();
        regions.dedup();
        for name in &regions {
            let region = self.region(name);
            for Sketch { names, .. } in &told.certificates {
                for (name_of, wildcard) in names {
                    region.meet(name_of, *wildcard, name);
                }
            }
        }
        let region = self.region(name);
        for (&issuer, &rows) in &told.issuers {
            let seen = region.issuers.entry(issuer).or_default();
            *seen = (*seen).max(rows);
        }
        let (mut new, mut kinds) = (0_u64, 0_u64);
        for Sketch { identity, names } in &told.certificates {
            if !self.seen.insert(*identity) {
                continue;
            }
            new += 1;
            self.since_new += 1;
            for (name, wildcard) in names {
                let before = name.strip_suffix(self.domain.as_str()).unwrap_or_default();
                if self.kinds.add(before, *wildcard) {
                    kinds += 1;
                    self.since_new = 0;
                }
            }
        }
        match (kinds, new) {
            (1.., _) => News::Kinds,
            (0, ENOUGH..) => News::Nothing,
            (0, _) => News::Unclear,
        }
    }

    /// Ends the search by issuers once what they issue brings nothing but more of the same.
    fn hush(&mut self, query: &Query, news: News) {
        if query.name != self.domain || !matches!(query.narrowing, Narrowing::Only(_)) {
            return;
        }
        match news {
            News::Kinds => self.quiet = 0,
            News::Nothing => self.quiet += 1,
            News::Unclear => {}
        }
        if self.quiet >= QUIET {
            let before = self.queue.len();
            self.queue.retain(|(rank, _), _| *rank < Rank::LargeIssuer);
            self.ended_early |= self.queue.len() < before;
        }
    }

    /// A question did not fit into an answer: puts it differently. What is left of a label is asked for as long as there is
    /// something new to expect.
    fn narrow(&mut self, query: Query, hopeful: bool) {
        match query.narrowing {
            Narrowing::None if !query.deduplicate && self.deduplicate => {
                self.push(self.rank_of(&query), Query { deduplicate: true, ..query });
            }
            Narrowing::None | Narrowing::IssuerCounts | Narrowing::Rest => {
                let label = query.name != self.domain;
                // A label's own labels need not wait for its issuers: it is a sample anyway.
                self.region(&query.name).open |= label;
                if !label || (hopeful && self.quiet < QUIET) {
                    self.peel(&query.name);
                }
            }
            Narrowing::Only(_) => {
                self.region(&query.name).open = true;
                if query.name == self.domain {
                    self.put_off_larger_issuers();
                } else if !hopeful {
                    self.queue.retain(|_, other| other.name != query.name);
                }
            }
        }
    }

    /// An answer was whole.
    fn fitted(&mut self, query: &Query) {
        if query.narrowing != Narrowing::Rest {
            return;
        }
        let deduplicate = self.deduplicate;
        let rank = self.rank_of(&Query { narrowing: Narrowing::Only(0), ..query.clone() });
        let region = self.region(&query.name);
        if region.known().count() < 2 {
            // Nothing but this issuer: alone it is what was cut before.
            region.open = true;
            return;
        }
        // The smallest first: if that does not fit, the others do not either.
        let mut alone = region.peeled.clone();
        alone.sort_by_key(|issuer| (region.issuers.get(issuer).copied().unwrap_or(0), *issuer));
        for issuer in alone {
            self.push(rank, Query { name: query.name.clone(), narrowing: Narrowing::Only(issuer), deduplicate });
        }
    }

    fn put_off_larger_issuers(&mut self) {
        let put_off: Vec<Query> = std::iter::from_fn(|| {
            let key = *self.queue.range((Rank::Issuer, 0)..(Rank::Label, 0)).next()?.0;
            self.queue.remove(&key)
        })
        .collect();
        for query in put_off {
            self.push(Rank::LargeIssuer, query);
        }
    }

    /// Leaves out the largest issuers that are still in: one, then two more, then four more.
    fn peel(&mut self, name: &DomainName) {
        let deduplicate = self.deduplicate;
        let region = self.region(name);
        let mut left: Vec<i64> = region.known().filter(|issuer| !region.peeled.contains(issuer)).collect();
        // Most rows first; among equals the smallest number, so that the same answers give the same questions.
        left.sort_by_key(|issuer| (Reverse(region.issuers[issuer]), *issuer));
        left.truncate((region.peeled.len() + 1).min(MAX_PEELED - region.peeled.len()));
        if left.is_empty() {
            region.open = true;
            return;
        }
        region.peeled.extend(left);
        let query = Query { name: name.clone(), narrowing: Narrowing::Rest, deduplicate };
        self.push(self.rank_of(&query), query);
    }

    fn starve(&mut self) {
        let domain = self.domain.clone();
        self.region(&domain).open = true;
        self.starved = true;
    }

    /// Asks for the labels below what does not fit. Labels that no answer showed stay unknown: a sample.
    fn follow_labels(&mut self) {
        let open: Vec<DomainName> =
            self.regions.iter().filter(|(_, region)| region.open).map(|(name, _)| name.clone()).collect();
        for name in open {
            for label in self.regions[&name].worth_asking() {
                let Ok(child) = DomainName::parse(&format!("{label}.{name}")) else { continue };
                if self.regions.contains_key(&child) {
                    continue;
                }
                self.regions.insert(child.clone(), Region::default());
                self.labels_asked += 1;
                let deduplicate = self.deduplicate;
                self.push(Rank::Label, Query { name: child, narrowing: Narrowing::None, deduplicate });
            }
        }
    }
}
