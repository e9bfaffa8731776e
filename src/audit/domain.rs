//! One domain of an audit: from what was issued to its row, through the pipeline that `investigate` has too.

use std::collections::{BTreeMap, BTreeSet};

use super::policy::has_tag;
use super::row::{Cover, CoverageRow, DomainRow, FindingRow, IssuerCount, IssuerRow, LevelRow, PatternRow, VerdictRow};
use crate::caa::AuthoritativeView;
use crate::finding::Severity;
use crate::finding::issuer::caa_domains;
use crate::investigate::{
    Gathered, Grouped, Judging, LevelCounts, Lookups, Selection, assemble_row, select, stable_labels,
};
use crate::issuance::Issuances;
use crate::name::{DomainName, NodeId, registered_domain};
use crate::pattern::{Pattern, Settings};
use crate::report::{LevelReport, Report, SourceCoverage};

/// How every domain of an audit is treated.
#[derive(Debug, Clone, Default)]
pub struct Treatment {
    /// How names are grouped.
    pub grouping: Settings,
    /// Names of each pattern that are climbed; `None` for all.
    pub sample: Option<usize>,
    /// For whom names are judged.
    pub judging: Judging,
}

/// What was looked up for a domain.
#[derive(Default)]
pub struct Told<'a> {
    /// What each view said of each level; empty when DNS is not asked.
    pub lookups: Lookups,
    /// What the name servers themselves said.
    pub authoritative: Option<&'a AuthoritativeView>,
    /// What was left out, one sentence each.
    pub notes: Vec<String>,
    /// Whether this was just asked, and not read from a scenario.
    pub live: bool,
    /// When the domain is concluded, seconds since 1970 UTC.
    pub now: i64,
}

/// A domain whose names are known and whose levels are not asked yet.
pub struct Prepared {
    /// The domain.
    pub domain: DomainName,
    /// What was issued.
    pub issued: Issuances,
    /// What each search service gave; empty for dumps.
    pub sources: Vec<SourceCoverage>,
    grouped: Grouped,
    counts: LevelCounts,
    selection: Selection,
}

impl Prepared {
    /// Groups the names and chooses the levels.
    #[must_use]
    pub fn new(domain: DomainName, mut issued: Issuances, sources: Vec<SourceCoverage>, treatment: &Treatment) -> Self {
        // The domain itself is a level of the audit, whether or not a certificate was seen.
        let own = issued.tree.insert_level(&domain);
        let grouped = Grouped::new(&issued, &treatment.grouping);
        let stable: Vec<usize> =
            grouped.patterns.patterns.iter().map(|pattern| stable_labels(&pattern.template)).collect();
        let pattern_of = |name| grouped.of(name);
        let counts = LevelCounts::new(&issued.tree, &pattern_of, &stable, Some(own));
        let selection = select(&issued.tree, &counts, &pattern_of, treatment.sample);
        Self { domain, issued, sources, grouped, counts, selection }
    }

    /// The levels to ask, towards the TLD first.
    pub fn levels(&self) -> &[NodeId] {
        &self.selection.levels
    }

    /// The names and levels chosen.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Concludes.
    #[must_use]
    pub fn conclude(self, told: Told<'_>, treatment: &Treatment) -> DomainRow {
        let Told { lookups, authoritative, notes, live, now } = told;
        let shared = |node: &NodeId| registered_domain(self.issued.tree.name(*node)).is_none();
        let own_levels = lookups.keys().filter(|node| !shared(node)).count() as u64;
        let asked = !lookups.is_empty();
        let issuers = issuers(&self.issued);
        let wildcards: Vec<_> = self.issued.tree.sans().filter(|name| name.wildcard()).collect();
        let labels = |name: &str| name.split('.').count() as u64;
        let root = registered_domain(self.domain.as_str()).map_or(1, labels);
        let mut deepest: BTreeMap<usize, u64> = BTreeMap::new();
        for name in &wildcards {
            let depth = labels(self.issued.tree.name(name.node())).saturating_sub(root) + 1;
            let pattern = self.grouped.of(*name).unwrap_or(usize::MAX);
            deepest.entry(pattern).and_modify(|most| *most = depth.max(*most)).or_insert(depth);
        }
        let report = assemble_row(Gathered {
            issued: &self.issued,
            grouped: self.grouped,
            counts: &self.counts,
            selection: &self.selection,
            lookups,
            authoritative,
            judging: treatment.judging.clone(),
            errors: None,
            domain: Some(self.domain.clone()),
            sources: self.sources,
            unreadable: BTreeMap::new(),
            queries: 0,
            notes,
            unfinished: false,
            written: None,
            now,
        });
        DomainRow {
            domain: self.domain.to_string(),
            checked_at: live.then(|| jiff::Timestamp::from_second(now).unwrap_or_default().to_string()),
            records: report.records,
            certificates: report.certificates,
            names: report.names,
            wildcard_names: wildcards.len() as u64,
            deepest_wildcard: deepest.values().max().copied(),
            patterns: patterns(&report, &deepest, asked),
            issuers,
            levels: report.levels.iter().filter(|level| asked && stays(level, &self.domain)).map(level).collect(),
            verdicts: verdicts(&report),
            causes: causes(&report),
            findings: findings(&report),
            coverage: coverage(&report, own_levels),
        }
    }
}

fn issuers(issued: &Issuances) -> Vec<IssuerRow> {
    let mut counts = vec![0; issued.issuers.len()];
    for issuance in &issued.issuances {
        if let Some(issuer) = issuance.issuer {
            counts[issuer.0 as usize] += 1;
        }
    }
    let row = |(issuer, certificates): (&crate::issuance::Issuer, u64)| IssuerRow {
        name: issuer.name.clone(),
        caa_domains: caa_domains(issuer).all().to_vec(),
        certificates,
    };
    issued.issuers.iter().zip(counts).filter(|(_, count)| *count > 0).map(row).collect()
}

fn patterns(report: &Report, deepest: &BTreeMap<usize, u64>, asked: bool) -> Vec<PatternRow> {
    let row = |(at, pattern): (usize, &Pattern)| {
        let wildcard_names = pattern.wildcard.wildcard + pattern.wildcard.both;
        let cover = (asked && wildcard_names > 0).then(|| cover(report, &pattern.id)).flatten();
        PatternRow {
            id: pattern.id.clone(),
            template: pattern.template.clone(),
            names: pattern.names,
            wildcard_names,
            certificates: pattern.certificates,
            issuers: pattern
                .issuers
                .iter()
                .map(|issuer| IssuerCount { name: issuer.name.clone(), certificates: issuer.certificates })
                .collect(),
            deepest_wildcard: deepest.get(&at).copied(),
            covered_by: cover.as_ref().map(|(cover, _)| *cover),
            covered_at: cover.and_then(|(_, level)| level),
            first_seen: pattern.first_seen.map(|time| time.to_string()),
            last_seen: pattern.last_seen.map(|time| time.to_string()),
        }
    };
    report.patterns.iter().enumerate().map(row).collect()
}

/// What decides about the least covered wildcard of a pattern, and where; `None` when none of them was climbed.
fn cover(report: &Report, pattern: &str) -> Option<(Cover, Option<String>)> {
    let wildcards = report.checked.iter().filter(|c| c.wildcard && c.pattern.as_deref() == Some(pattern));
    let covers = wildcards.map(|checked| {
        let Some(at) = &checked.decided_at else { return (Cover::Nothing, None) };
        if checked.verdict == "fail" {
            return (Cover::Unknown, Some(at.clone()));
        }
        let level = report.levels.iter().find(|level| level.name == *at);
        let has = |tag| level.is_some_and(|l| l.views.iter().flat_map(|v| &v.records).any(|r| has_tag(r, tag)));
        let cover = match (has("issuewild"), has("issue")) {
            (true, _) => Cover::Issuewild,
            (false, true) => Cover::Issue,
            (false, false) => Cover::Nothing,
        };
        (cover, Some(at.clone()))
    });
    covers.min()
}

/// Whether a level stays when one-off labels come and go; the domain and its ancestors always do.
fn stays(level: &LevelReport, domain: &DomainName) -> bool {
    level.stable || DomainName::parse(&level.name).is_ok_and(|name| domain.is_at_or_below(&name))
}

fn level(level: &LevelReport) -> LevelRow {
    let outcomes: BTreeSet<&str> = level.views.iter().map(|view| view.outcome).collect();
    let state = match outcomes.first() {
        Some(only) if outcomes.len() == 1 => *only,
        Some(_) => "disagree",
        None => "unknown",
    };
    let records: BTreeSet<&String> = level.views.iter().flat_map(|view| &view.records).collect();
    let codes: BTreeSet<String> = level.causes.iter().map(|cause| cause.code.as_str().to_owned()).collect();
    LevelRow {
        name: level.name.clone(),
        state: state.to_owned(),
        class: level.views.iter().find_map(|view| view.class).map(str::to_owned),
        records: records.into_iter().cloned().collect(),
        causes: codes.into_iter().collect(),
    }
}

fn verdicts(report: &Report) -> Vec<VerdictRow> {
    let mut rows: BTreeMap<Option<&str>, VerdictRow> = BTreeMap::new();
    for checked in &report.checked {
        let issuer = checked.issuer.as_deref();
        let row = rows
            .entry(issuer)
            .or_insert_with(|| VerdictRow { issuer: issuer.map(str::to_owned), ..VerdictRow::default() });
        match checked.verdict {
            "permit" => row.permit += 1,
            "deny" => row.deny += 1,
            _ => row.fail += 1,
        }
    }
    rows.into_values().collect()
}

fn causes(report: &Report) -> Vec<String> {
    let codes = report.levels.iter().flat_map(|level| &level.causes).map(|cause| cause.code.as_str());
    codes.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
}

fn findings(report: &Report) -> Vec<FindingRow> {
    let row = |finding: &crate::finding::Finding| FindingRow {
        code: finding.code.clone(),
        severity: match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
        .to_owned(),
        level: finding.level.clone(),
        patterns: finding.patterns.clone(),
        issuer: None,
        exception: None,
        text: finding.text.clone(),
        who: finding.who.clone(),
        fix: finding.fix.clone(),
    };
    report.findings.iter().map(row).collect()
}

fn coverage(report: &Report, levels_asked: u64) -> CoverageRow {
    let coverage = &report.coverage;
    let mut notes = coverage.notes.clone();
    for source in &coverage.sources {
        match (&source.error, source.truncated) {
            (Some(error), _) => notes.push(format!("{}: {error}", source.name)),
            (None, true) => notes.push(format!("{}: the answer was cut", source.name)),
            (None, false) => {}
        }
    }
    CoverageRow {
        complete: coverage.complete,
        requests: coverage.sources.iter().map(|source| source.requests).sum(),
        levels_asked,
        sampled: coverage.sampled,
        dropped: coverage.dropped.iter().map(|(class, dropped)| (class.clone(), dropped.count)).collect(),
        notes,
    }
}
