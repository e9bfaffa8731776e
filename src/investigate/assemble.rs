//! From what was gathered to the report: the one place where all rooms meet. Pure.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::group::Grouped;
use super::judge::{Judging, Lookups, judge};
use super::levels::{LevelCounts, Selection};
use super::stream::StreamTotals;
use super::timeline::timeline;
use super::views::{view, was_answered, was_asked};
use crate::acme::HistoryReport;
use crate::caa::{self, AuthoritativeView, Cause, Code, Lookup, LookupOutcome, Security, causes_of_lookup};
use crate::finding::{Evidence, Grounds, LevelFacts, advise, dead_views, diagnose};
use crate::issuance::Issuances;
use crate::name::{DomainName, NodeId, is_public_suffix};
use crate::report::{Coverage, Dropped, LevelReport, Report, SCHEMA, SourceCoverage, View, counted};

/// Everything one run gathered, before anything is concluded.
pub struct Gathered<'a> {
    /// What was issued, or the names to look up.
    pub issued: &'a Issuances,
    /// Its patterns.
    pub grouped: Grouped,
    /// Names and stability of every level.
    pub counts: &'a LevelCounts,
    /// The names and levels chosen.
    pub selection: &'a Selection,
    /// What each view said of each level.
    pub lookups: Lookups,
    /// What the name servers themselves said.
    pub authoritative: Option<&'a AuthoritativeView>,
    /// For whom names are judged.
    pub judging: Judging,
    /// ACME errors to tie to what was found.
    pub errors: Option<&'a HistoryReport>,
    /// The domain asked for.
    pub domain: Option<DomainName>,
    /// What each source gave.
    pub sources: Vec<SourceCoverage>,
    /// Records that could not be read, by class.
    pub unreadable: BTreeMap<String, Dropped>,
    /// Queries sent, retries included.
    pub queries: u64,
    /// What else is missing or bounded.
    pub notes: Vec<String>,
    /// Whether the lookups did not come to their end.
    pub unfinished: bool,
    /// What was written before, where `lookups` are only those kept for findings.
    pub written: Option<StreamTotals>,
    /// The time of the report, seconds since 1970 UTC.
    pub now: i64,
}

/// Program and version, as reports name them.
pub const TOOL: &str = concat!("ctclimb ", env!("CARGO_PKG_VERSION"));

/// Concludes and tells: findings, verdicts, advice, coverage.
#[must_use]
pub fn assemble(gathered: Gathered<'_>) -> Report {
    conclude(gathered, true)
}

/// The same without advice and timeline, which take as long again: for rows, which tell neither.
#[must_use]
pub fn assemble_row(gathered: Gathered<'_>) -> Report {
    conclude(gathered, false)
}

fn conclude(gathered: Gathered<'_>, in_full: bool) -> Report {
    let Gathered { issued, counts, selection, .. } = gathered;
    let facts: Vec<LevelFacts> = selection.levels.iter().map(|&level| level_facts(&gathered, level)).collect();
    let security = |level: NodeId| {
        let lookups = gathered.lookups.get(&level).map_or(&[][..], Vec::as_slice);
        let name = issued.tree.domain_name(level);
        security_at(&name, lookups.iter().map(|(_, lookup)| lookup), gathered.authoritative)
    };
    let set_aside: BTreeSet<&str> = dead_views(&facts).into_iter().collect();
    let is_used = |view: &str| !set_aside.contains(view);
    let judged = judged(&gathered.lookups, &is_used);
    let checked = judge(issued, &gathered.grouped, selection, &judged, &gathered.judging, &security);
    let ids: Vec<&str> = gathered.grouped.patterns.patterns.iter().map(|pattern| pattern.id.as_str()).collect();
    let timeline = in_full.then(|| timeline(issued, &|name| gathered.grouped.of(name), &ids)).flatten();
    let (timeline, undated) = match timeline {
        Some((timeline, left_out)) => (Some(timeline), left_out),
        None => (None, 0),
    };
    let mut coverage = coverage(&gathered, undated);
    // What no resolver could be asked for was not obtained.
    let asked = || gathered.lookups.values().flatten();
    coverage.complete &= asked().next().is_none() || asked().any(|(view, _)| is_used(view));
    let reported: Vec<DomainName> = gathered.errors.map(reported_levels).unwrap_or_default();
    let grounds = Grounds {
        issuances: issued,
        levels: &facts,
        reported: &reported,
        issuers: &gathered.judging.issuers,
        incomplete: gathered.sources.iter().any(|source| source.truncated),
    };
    // Where no answer came there is nothing to weigh a record against.
    let advice = if in_full && answered(&gathered) { advise(&grounds) } else { Vec::new() };
    let incomplete: Vec<(String, String)> =
        gathered.sources.iter().filter_map(|source| Some((source.name.clone(), gap(source)?))).collect();
    let findings = diagnose(&Evidence {
        levels: &facts,
        checked: &checked,
        patterns: &gathered.grouped.patterns.patterns,
        issuances: Some(issued),
        issuers_requested: !gathered.judging.issuers.is_empty(),
        errors: gathered.errors.map_or(&[][..], |errors| &errors.explained),
        history: gathered.errors,
        sources_incomplete: &incomplete,
    });
    let levels = facts
        .iter()
        .zip(&selection.levels)
        .map(|(facts, &level)| level_report(facts, counts, level, &is_used))
        .collect();
    Report {
        schema: SCHEMA,
        tool: TOOL.to_owned(),
        time: rfc3339(gathered.now),
        domain: gathered.domain.as_ref().map(ToString::to_string),
        records: issued.counts.records,
        certificates: issued.certificates(),
        names: issued.distinct_names(),
        findings,
        zones: gathered.authoritative.map(super::zones::zones).unwrap_or_default(),
        patterns: gathered.grouped.patterns.patterns,
        levels,
        checked,
        advice,
        timeline,
        coverage,
    }
}

fn level_facts(gathered: &Gathered<'_>, level: NodeId) -> LevelFacts {
    LevelFacts {
        name: gathered.issued.tree.domain_name(level),
        stable: gathered.counts.stable(level),
        lookups: gathered.lookups.get(&level).cloned().unwrap_or_default(),
        causes: causes(gathered, level),
        zone: None,
        direct: gathered.authoritative.and_then(|view| {
            let name = gathered.issued.tree.name(level);
            caa::direct(view, name)
        }),
    }
}

/// What the views of a level show by themselves; what several show counts once.
fn causes(gathered: &Gathered<'_>, level: NodeId) -> Vec<Cause> {
    let name = gathered.issued.tree.domain_name(level);
    let lookups = gathered.lookups.get(&level).map_or(&[][..], Vec::as_slice);
    let mut causes = causes_of_lookups(&name, lookups.iter().map(|(_, lookup)| lookup));
    if let Some(view) = gathered.authoritative.filter(|view| view.levels.contains_key(name.as_str())) {
        let told = caa::causes(view, name.as_str());
        causes.retain(|cause| match cause.code {
            // A resolver drops the SOA it finds wrong; what the servers themselves send is the better witness.
            Code::NegativeWithoutSoa | Code::ForeignSoa => false,
            Code::AliasLoop => told.iter().all(|other| other.code != cause.code),
            // What a resolver says of the servers counts only where they show nothing themselves.
            _ => told.is_empty(),
        });
        causes.extend(told);
    }
    causes.sort();
    causes.dedup();
    causes
}

/// What the views show by themselves, sorted; what several show counts once.
pub(super) fn causes_of_lookups<'l>(level: &DomainName, lookups: impl Iterator<Item = &'l Lookup>) -> Vec<Cause> {
    let mut causes: Vec<Cause> = lookups.flat_map(|lookup| causes_of_lookup(level, lookup)).collect();
    causes.sort();
    causes.dedup();
    causes
}

/// What is known of the DNSSEC chain to a level: from its name servers where they were asked, else from the views.
pub(super) fn security_at<'l>(
    level: &DomainName,
    lookups: impl Iterator<Item = &'l Lookup> + Clone,
    authoritative: Option<&AuthoritativeView>,
) -> Security {
    match authoritative.map(|view| caa::security(view, level.as_str())) {
        Some(told) if told != Security::Unknown => told,
        Some(_) | None => security(lookups),
    }
}

/// What the views tell of the DNSSEC chain to a level: an authenticated answer proves it, an answer with checking disabled
/// after SERVFAIL shows that it is broken. That there is none takes the name servers to prove.
fn security<'l>(mut lookups: impl Iterator<Item = &'l Lookup> + Clone) -> Security {
    let answered = |outcome: &LookupOutcome| !matches!(outcome, LookupOutcome::Failed(_));
    let bogus = |lookup: &Lookup| lookup.checking_disabled.as_deref().is_some_and(answered);
    if lookups.clone().any(bogus) {
        Security::Bogus
    } else if lookups.any(|lookup| lookup.authenticated) {
        Security::Secure
    } else {
        Security::Unknown
    }
}

/// Why a source is not complete, in one clause.
fn gap(source: &SourceCoverage) -> Option<String> {
    match (&source.error, source.truncated) {
        (Some(error), _) => Some(error.clone()),
        (None, true) => Some("the service cut its answer; what it gave is a sample".to_owned()),
        (None, false) => None,
    }
}

/// The lookups that verdicts rest on: those of resolvers that could be used.
fn judged<'l>(lookups: &'l Lookups, is_used: &dyn Fn(&str) -> bool) -> Cow<'l, Lookups> {
    if lookups.values().flatten().all(|(view, _)| is_used(view)) {
        return Cow::Borrowed(lookups);
    }
    let kept = |of: &Vec<(String, Lookup)>| of.iter().filter(|(view, _)| is_used(view)).cloned().collect();
    Cow::Owned(lookups.iter().map(|(level, of)| (*level, kept(of))).collect())
}

fn level_report(
    facts: &LevelFacts,
    counts: &LevelCounts,
    level: NodeId,
    is_used: &dyn Fn(&str) -> bool,
) -> LevelReport {
    LevelReport {
        name: facts.name.to_string(),
        depth: facts.name.depth(),
        stable: facts.stable,
        names_below: counts.names_below(level),
        public_suffix: is_public_suffix(&facts.name),
        views: facts
            .lookups
            .iter()
            .map(|(server, lookup)| View { set_aside: !is_used(server), ..view(server, lookup) })
            .collect(),
        causes: facts.causes.clone(),
    }
}

fn reported_levels(errors: &HistoryReport) -> Vec<DomainName> {
    errors.levels.iter().filter_map(|count| DomainName::parse(&count.key).ok()).collect()
}

fn coverage(gathered: &Gathered<'_>, undated: u64) -> Coverage {
    let issued = gathered.issued;
    let mut dropped = gathered.unreadable.clone();
    for (class, noticed) in issued.drops.iter() {
        let entry = Dropped { count: noticed.count, example: noticed.example.clone() };
        dropped.insert(class.as_str().to_owned(), entry);
    }
    let foreign = &issued.foreign_common_names;
    if foreign.count > 0 {
        let entry = Dropped { count: foreign.count, example: foreign.example.clone() };
        dropped.insert("common-name-out-of-scope".to_owned(), entry);
    }
    let mut notes = gathered.notes.clone();
    notes.extend(gathered.authoritative.iter().flat_map(|view| view.limits.iter().chain(&view.cautions).cloned()));
    let mut note = |count: u64, noun: &str, text: &str| {
        if count > 0 {
            notes.push(format!("{} {text}", counted(count, noun)));
        }
    };
    note(issued.counts.omitted_names, "name", "not read, of certificates with over 100,000 names");
    let (names, dates) = issued.contradictions();
    note(names, "certificate", "with names that a report of all its names does not have: they are kept");
    note(dates, "certificate", "with another validity in one report than in another: the widest is kept");
    note(gathered.grouped.patterns.uncovered_rows, "name", "beyond the limit of names per domain, in no pattern");
    note(undated, "certificate", "too old for the timeline");
    let lookups = || gathered.lookups.values().flatten().map(|(_, lookup)| lookup);
    let inferred = || lookups().filter(|lookup| !was_asked(lookup)).count() as u64;
    let inferred = gathered.written.map_or_else(inferred, |written| written.inferred);
    note(inferred, "lookup", "not made: the servers of the zone above had not answered many before");
    let sources_complete = gathered.sources.iter().all(|source| source.error.is_none() && !source.truncated);
    let unreadable = gathered.unreadable.values().any(|dropped| dropped.count > 0);
    let uncovered = gathered.grouped.patterns.uncovered_rows + issued.counts.omitted_names;
    // A lookup that failed is a result; one that no view got any answer for is a gap only if all are.
    let answered = gathered.lookups.is_empty() || answered(gathered) || explained(gathered);
    Coverage {
        complete: sources_complete
            && !unreadable
            && uncovered == 0
            && inferred == 0
            && answered
            && !gathered.unfinished,
        sources: gathered.sources.clone(),
        dropped,
        levels_asked: gathered.written.map_or(gathered.lookups.len() as u64, |written| written.levels),
        levels_inferred: inferred,
        queries: gathered.queries + gathered.authoritative.map_or(0, |view| view.queries),
        sampled: if gathered.lookups.is_empty() { 0 } else { gathered.selection.sampled },
        notes,
    }
}

/// Whether any view got any answer.
fn answered(gathered: &Gathered<'_>) -> bool {
    match gathered.written {
        Some(written) => written.answered,
        None => gathered.lookups.values().flatten().any(|(_, lookup)| was_answered(lookup)),
    }
}

/// Whether the name servers show at every level why no view got an answer.
fn explained(gathered: &Gathered<'_>) -> bool {
    let told = |level: &NodeId| causes(gathered, *level).iter().any(Cause::accounts_for_failure);
    let all_at_hand = gathered.written.is_none_or(|written| written.levels == gathered.lookups.len() as u64);
    all_at_hand && gathered.lookups.keys().all(told)
}

fn rfc3339(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}
