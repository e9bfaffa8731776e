//! [`LevelFacts`]: one level with everything that was learnt of it, and what follows for the climb.

use std::collections::{BTreeMap, BTreeSet};

use crate::caa::{CaaRecord, Cause, Direct, Lookup, LookupFailure, LookupOutcome, Observed, Soa, Transport};
use crate::name::{DomainName, SuffixKind, is_known_tld, is_public_suffix, public_suffix};

/// One level of the climb with what each view says of it.
#[derive(Debug, Clone)]
pub struct LevelFacts {
    /// The name of the level.
    pub name: DomainName,
    /// Whether the level stays when one-off labels come and go.
    pub stable: bool,
    /// What each view said: the resolver, or `script`, and its lookup; several of one resolver when repeated.
    pub lookups: Vec<(String, Lookup)>,
    /// What is wrong here, from all evidence.
    pub causes: Vec<Cause>,
    /// Apex of the zone that holds the level, where known.
    pub zone: Option<DomainName>,
    /// What the zone's name servers say themselves, where they were asked and show no fault.
    pub direct: Option<Direct>,
}

impl LevelFacts {
    /// What is known of the level over all views but those in `ignored`.
    pub(super) fn observed(&self, ignored: &[&str]) -> Observed {
        let lookups: Vec<&Lookup> = self.used(ignored).map(|(_, lookup)| lookup).collect();
        let failed = lookups.iter().filter(|lookup| self.failure(lookup).is_some()).count();
        if failed > 0 {
            #[allow(clippy::cast_precision_loss, reason = "a handful of views")]
            let share = failed as f64 / lookups.len() as f64;
            return Observed::Failed { empty_answers_only: self.about_empty_answers(), share };
        }
        match lookups.iter().any(|lookup| matches!(lookup.outcome, LookupOutcome::Records(_))) {
            _ if lookups.is_empty() => Observed::Unknown,
            true => Observed::Set,
            false => Observed::Empty,
        }
    }

    /// The lookups that were made, in the views that count.
    pub(super) fn used<'a>(&'a self, ignored: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a Lookup)> {
        let made = |lookup: &Lookup| !matches!(lookup.outcome, LookupOutcome::Failed(LookupFailure::NotAsked));
        self.lookups
            .iter()
            .map(|(view, lookup)| (view.as_str(), lookup))
            .filter(move |(view, lookup)| !ignored.contains(view) && made(lookup))
    }

    /// Why a lookup at this level fails, as a class; a TLD that is said not to exist is a failure too.
    pub(super) fn failure(&self, lookup: &Lookup) -> Option<&'static str> {
        match &lookup.outcome {
            LookupOutcome::Failed(failure) => Some(failure.class()),
            LookupOutcome::NxDomain(_) if self.name.depth() == 0 => Some("nxdomain"),
            LookupOutcome::Records(_) | LookupOutcome::NoData(_) | LookupOutcome::NxDomain(_) => None,
        }
    }

    /// Whether every cause that breaks the lookup concerns empty answers only, so that a set here would be read.
    fn about_empty_answers(&self) -> bool {
        self.causes.iter().any(|cause| cause.about_absence)
            && self.causes.iter().all(|cause| cause.about_absence || !cause.code.breaks_lookup())
    }

    /// The records found here by any view, sorted, without repetition.
    pub(super) fn set(&self) -> Vec<CaaRecord> {
        let mut set: Vec<CaaRecord> = self
            .lookups
            .iter()
            .filter_map(|(_, lookup)| match &lookup.outcome {
                LookupOutcome::Records(records) => Some(records.iter().cloned()),
                LookupOutcome::NoData(_) | LookupOutcome::NxDomain(_) | LookupOutcome::Failed(_) => None,
            })
            .flatten()
            .collect();
        set.sort_unstable();
        set.dedup();
        set
    }

    /// The target, if the level is an alias: nothing else may stand beside a CNAME (RFC 1034 §3.6.2).
    pub(super) fn alias(&self) -> Option<&str> {
        self.lookups.iter().find_map(|(_, lookup)| lookup.aliases.first()).map(String::as_str)
    }

    /// Whether the level would be a TLD that nobody knows: it does not exist, and the Public Suffix List has no such TLD.
    pub(super) fn is_no_tld(&self, ignored: &[&str]) -> bool {
        let mut used = self.used(ignored).peekable();
        self.name.parent().is_none()
            && !is_known_tld(self.name.as_str())
            && used.peek().is_some()
            && used.all(|(_, lookup)| matches!(lookup.outcome, LookupOutcome::NxDomain(_)))
            && !self.exists()
    }

    /// Whether the name servers themselves say that the level exists.
    fn exists(&self) -> bool {
        let outcome = self.direct.as_ref().and_then(|direct| direct.outcome.as_ref());
        matches!(outcome, Some(LookupOutcome::Records(_) | LookupOutcome::NoData(_)))
    }

    /// Whether strangers share the level, so that no domain owner can publish there.
    pub(super) fn nobodys(&self, scope: Option<&DomainName>) -> bool {
        nobodys(&self.name, scope)
    }
}

/// Whether a negative answer came without the SOA record of its zone.
pub(super) fn lacks_soa(lookup: &Lookup) -> bool {
    match &lookup.outcome {
        LookupOutcome::NoData(soa) | LookupOutcome::NxDomain(soa) => *soa != Soa::Present,
        LookupOutcome::Records(_) | LookupOutcome::Failed(_) => false,
    }
}

/// Whether a level is a TLD, a public suffix, or lies above the domain of which strangers hold parts.
pub(super) fn nobodys(level: &DomainName, scope: Option<&DomainName>) -> bool {
    if is_public_suffix(level) {
        return true;
    }
    match scope {
        // Who investigates a hosting platform's own domain owns it.
        Some(scope) if level.is_at_or_below(scope) => false,
        Some(scope) => {
            let (suffix, kind) = public_suffix(scope.as_str());
            kind == SuffixKind::Private && level.as_str().len() <= suffix.len()
        }
        None => public_suffix(level.as_str()) == (level.as_str(), SuffixKind::Private),
    }
}

/// Views that failed at every level they were asked for: the trouble is theirs, or lies before them.
///
/// Silence everywhere is enough, be it at one level alone, unless the name servers themselves show at every level why there
/// is none to be had. Other failures count only if at a TLD where this one failed another view got an answer, or the name
/// servers themselves give one without fault: they may be a scenario's, or the truth. Who denies a TLD that is there
/// denies what lies below with it.
#[must_use]
pub fn dead_views(levels: &[LevelFacts]) -> Vec<&str> {
    #[derive(Default)]
    struct Record {
        asked: u64,
        failed: u64,
        silent: u64,
        /// Levels below the TLD that are said not to exist.
        denied: u64,
        contradicted: bool,
        /// A TLD is said not to exist that its name servers answer for.
        denies_tld: bool,
        /// At some level nothing the name servers do accounts for the failure.
        unexplained: bool,
    }
    let mut views: BTreeMap<&str, Record> = BTreeMap::new();
    for level in levels {
        let tld = level.name.depth() == 0;
        let answered = level.lookups.iter().any(|(_, lookup)| level.failure(lookup).is_none());
        let tld_answers = tld && (answered || level.exists());
        for (view, lookup) in &level.lookups {
            if lookup.transport == Transport::Script {
                continue;
            }
            let silent = matches!(
                &lookup.outcome,
                LookupOutcome::Failed(LookupFailure::Network(_) | LookupFailure::Timeout(_) | LookupFailure::NotAsked)
            );
            // Replies came, and none that is to the question.
            let unfit = matches!(&lookup.outcome, LookupOutcome::Failed(LookupFailure::Malformed(_)));
            let silent = silent || unfit && lookup.rcode.is_none();
            let denies = matches!(lookup.outcome, LookupOutcome::NxDomain(_));
            let record = views.entry(view).or_default();
            record.asked += 1;
            record.failed += u64::from(level.failure(lookup).is_some());
            record.silent += u64::from(silent);
            record.denied += u64::from(denies && !tld);
            record.contradicted |= tld_answers;
            record.denies_tld |= denies && tld && level.exists();
            record.unexplained |= !level.causes.iter().any(Cause::accounts_for_failure);
        }
    }
    let dead = |record: &Record| {
        let silent = record.silent == record.asked && record.unexplained;
        let useless = record.failed + if record.denies_tld { record.denied } else { 0 };
        useless == record.asked && (silent || record.contradicted && record.asked > 1)
    };
    views.into_iter().filter(|(_, record)| dead(record)).map(|(view, _)| view).collect()
}

/// Views that never pass on an SOA record, or not where the name servers send it: forwarders that strip the authority
/// section, or make up answers. What they leave out says nothing of the name servers.
pub(super) fn stripping_views(levels: &[LevelFacts]) -> Vec<&str> {
    let sent = |level: &LevelFacts| {
        let outcome = level.direct.as_ref().and_then(|direct| direct.outcome.as_ref());
        matches!(outcome, Some(LookupOutcome::NoData(Soa::Present) | LookupOutcome::NxDomain(Soa::Present)))
    };
    let dropped =
        |level: &LevelFacts, lookup: &Lookup| lookup.transport != Transport::Script && lacks_soa(lookup) && sent(level);
    let caught: BTreeSet<&str> = levels
        .iter()
        .flat_map(|level| level.lookups.iter().filter(|(_, lookup)| dropped(level, lookup)))
        .map(|(view, _)| view.as_str())
        .collect();
    let mut views: BTreeMap<&str, bool> = caught.iter().map(|view| (*view, false)).collect();
    for level in levels {
        for (view, lookup) in &level.lookups {
            let script = lookup.transport == Transport::Script;
            let negative = matches!(lookup.outcome, LookupOutcome::NoData(_) | LookupOutcome::NxDomain(_));
            if negative || script {
                let shows = script || !lacks_soa(lookup);
                if !caught.contains(view.as_str()) {
                    *views.entry(view).or_default() |= shows;
                }
            }
        }
    }
    views.into_iter().filter(|(_, shows)| !shows).map(|(view, _)| view).collect()
}
