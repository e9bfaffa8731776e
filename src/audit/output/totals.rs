//! [`Totals`]: sums over the rows of an audit; the same for the same rows in any order.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::audit::dns::is_shared;
use crate::audit::partition::Facts;
use crate::audit::row::{Cover, DomainRow, rank};
use crate::report::{safe_text, thousands};

/// What a page or table shows of one domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// How bad its worst finding is: 3 for an error, 0 for none.
    pub rank: u8,
    /// Findings that bad.
    pub findings: u64,
    /// The domain.
    pub domain: String,
    /// Certificates.
    pub certificates: u64,
    /// Names.
    pub names: u64,
    /// Patterns.
    pub patterns: u64,
    /// Patterns with wildcards.
    pub wildcard_patterns: u64,
    /// How deep the deepest wildcard stands.
    pub deepest_wildcard: Option<u64>,
    /// State of CAA at the registered domain.
    pub caa: String,
    /// Codes of its worst findings.
    pub codes: String,
    /// Codes of what is wrong at its levels.
    pub causes: String,
}

/// Sums over rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Domains with a row.
    pub done: u64,
    /// Domains that could not be audited.
    pub failed: u64,
    /// Why, of the first [`Totals::NAMED`] of them by name.
    pub failures: BTreeMap<String, String>,
    /// Domains whose coverage is not complete.
    pub incomplete: u64,
    /// Certificates; one with names of several domains counts for each.
    pub certificates: u64,
    /// Distinct names.
    pub names: u64,
    /// Patterns.
    pub patterns: u64,
    /// Patterns with wildcards.
    pub wildcard_patterns: u64,
    /// Levels asked below public suffixes.
    pub own_levels: u64,
    /// Public suffixes and what is above them, asked once for all.
    pub shared_levels: BTreeSet<String>,
    /// Findings by severity.
    pub severities: BTreeMap<String, u64>,
    /// Domains by the codes of their findings, with the severity.
    pub codes: BTreeMap<String, (String, u64)>,
    /// Certificates by issuer.
    pub issuers: BTreeMap<String, u64>,
    /// Patterns with wildcards by what decides about them.
    pub covers: BTreeMap<&'static str, u64>,
    /// Domains by state of CAA at the registered domain.
    pub registered: BTreeMap<String, u64>,
    /// How many domains are listed.
    most: usize,
    listed: Vec<Listed>,
}

/// The last line of an audit.
#[derive(Debug, Clone, Serialize)]
pub struct Summary<'a> {
    /// `summary`
    pub r#type: &'static str,
    /// [`SCHEMA`](crate::audit::row::SCHEMA).
    pub schema: &'static str,
    /// Program and version.
    pub tool: &'a str,
    /// Domains that were to be audited.
    pub domains: u64,
    /// Of these, with a row.
    pub done: u64,
    /// Of these, tried in vain.
    pub failed: u64,
    /// Of those done, with something missing.
    pub incomplete: u64,
    /// Certificates.
    pub certificates: u64,
    /// Names.
    pub names: u64,
    /// Patterns.
    pub patterns: u64,
    /// Patterns with wildcards.
    pub wildcard_patterns: u64,
    /// Distinct levels asked; those that domains share count once.
    pub levels_asked: u64,
    /// Findings by severity.
    pub findings: &'a BTreeMap<String, u64>,
    /// Domains by code of finding.
    pub codes: BTreeMap<&'a str, u64>,
    /// What the input held.
    pub input: &'a Facts,
    /// Every domain was audited and nothing asked for is missing.
    pub complete: bool,
}

impl Totals {
    /// Sums that list so many domains, the worst first.
    #[must_use]
    pub fn listing(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Domains that could not be audited of which more than the number is told.
    pub const NAMED: usize = 20;

    /// Takes a domain that could not be audited.
    pub fn fail(&mut self, domain: &str, why: &str) {
        self.failed += 1;
        self.failures.insert(domain.to_owned(), why.to_owned());
        if self.failures.len() > Self::NAMED {
            self.failures.pop_last();
        }
    }

    /// Each domain that could not be audited with the reason, as far as they are told, and how many more there are.
    pub fn failure_lines(&self) -> impl Iterator<Item = String> + '_ {
        let more = self.failed.saturating_sub(self.failures.len() as u64);
        let lines = self.failures.iter().map(|(domain, why)| safe_text(&format!("{domain}: {why}")).into_owned());
        lines.chain((more > 0).then(|| format!("and {} more", thousands(more))))
    }

    /// Takes a row.
    pub fn add(&mut self, row: &DomainRow) {
        self.done += 1;
        self.incomplete += u64::from(!row.coverage.complete);
        self.certificates += row.certificates;
        self.names += row.names;
        self.patterns += row.patterns.len() as u64;
        self.own_levels += row.coverage.levels_asked;
        for level in row.levels.iter().filter(|level| is_shared(&level.name)) {
            if !self.shared_levels.contains(&level.name) {
                self.shared_levels.insert(level.name.clone());
            }
        }
        for pattern in row.wildcards() {
            self.wildcard_patterns += 1;
            *self.covers.entry(pattern.covered_by.map_or("not asked", Cover::as_str)).or_default() += 1;
        }
        for issuer in &row.issuers {
            *self.issuers.entry(issuer.name.clone()).or_default() += issuer.certificates;
        }
        let registered = crate::name::registered_domain(&row.domain).unwrap_or(&row.domain);
        let state = row.level(registered).map_or("not asked", |level| level.state.as_str());
        *self.registered.entry(state.to_owned()).or_default() += 1;
        let state = state.to_owned();
        let mut codes: BTreeMap<&str, &str> = BTreeMap::new();
        for finding in &row.findings {
            *self.severities.entry(finding.severity.clone()).or_default() += 1;
            let severity = codes.entry(&finding.code).or_insert(&finding.severity);
            if rank(&finding.severity) > rank(severity) {
                *severity = &finding.severity;
            }
        }
        for (code, severity) in &codes {
            let entry = self.codes.entry((*code).to_owned()).or_insert_with(|| ((*severity).to_owned(), 0));
            if rank(severity) > rank(&entry.0) {
                (*severity).clone_into(&mut entry.0);
            }
            entry.1 += 1;
        }
        let rank_of = row.worst();
        let worst: Vec<&str> = codes.iter().filter(|(_, s)| rank(s) == rank_of).map(|(code, _)| *code).collect();
        self.listed.push(Listed {
            rank: rank_of,
            findings: row.findings.iter().filter(|finding| rank(&finding.severity) == rank_of).count() as u64,
            domain: row.domain.clone(),
            certificates: row.certificates,
            names: row.names,
            patterns: row.patterns.len() as u64,
            wildcard_patterns: row.wildcards().count() as u64,
            deepest_wildcard: row.deepest_wildcard,
            caa: state,
            codes: worst.join(" "),
            causes: row.causes.join(" "),
        });
        if self.listed.len() > 2 * self.most + 1000 {
            self.listed = self.listed();
        }
    }

    /// The worst domains, worst first, as many as are to be listed.
    #[must_use]
    pub fn listed(&self) -> Vec<Listed> {
        let mut listed = self.listed.clone();
        listed.sort_by(|a, b| (b.rank, b.findings).cmp(&(a.rank, a.findings)).then_with(|| a.domain.cmp(&b.domain)));
        listed.truncate(self.most);
        listed
    }

    /// The last line.
    #[must_use]
    pub fn summary<'a>(&'a self, domains: u64, input: &'a Facts) -> Summary<'a> {
        let audited = self.done == domains && self.failed == 0;
        Summary {
            r#type: "summary",
            schema: crate::audit::row::SCHEMA,
            tool: crate::investigate::TOOL,
            domains,
            done: self.done,
            failed: self.failed,
            incomplete: self.incomplete,
            certificates: self.certificates,
            names: self.names,
            patterns: self.patterns,
            wildcard_patterns: self.wildcard_patterns,
            levels_asked: self.own_levels + self.shared_levels.len() as u64,
            findings: &self.severities,
            codes: self.codes.iter().map(|(code, (_, count))| (code.as_str(), *count)).collect(),
            input,
            complete: audited && self.incomplete == 0 && input.gaps.is_empty() && input.refused == 0,
        }
    }
}
