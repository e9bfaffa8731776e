//! [`DomainRow`]: what an audit keeps and tells of one domain, and [`PatternRow`] of one of its patterns.
//!
//! Plain data; field names are the contract of the `jsonl` output. Every list is sorted where it is made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Name and major version of the lines of an audit.
pub const SCHEMA: &str = "ctclimb.audit/1";

/// One audited domain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainRow {
    /// The domain as asked for; in dumps the registered domain.
    pub domain: String,
    /// When its DNS was looked up, RFC 3339 UTC; `null` when that was not done live.
    pub checked_at: Option<String>,
    /// Records read, before merging.
    pub records: u64,
    /// Certificates: a precertificate and its certificate count once.
    pub certificates: u64,
    /// Distinct names, `*.` forms counted apart.
    pub names: u64,
    /// Distinct names with `*.`.
    pub wildcard_names: u64,
    /// How many labels the deepest `*` stands below the registered domain: 1 for `*.example.net`; `null` without wildcards.
    pub deepest_wildcard: Option<u64>,
    /// Patterns, most names first.
    pub patterns: Vec<PatternRow>,
    /// Issuers by name, with how many certificates each issued.
    pub issuers: Vec<IssuerRow>,
    /// CAA at each stable level, towards the TLD first; empty when DNS was not asked.
    pub levels: Vec<LevelRow>,
    /// Verdicts on the names that were climbed, by issuer.
    pub verdicts: Vec<VerdictRow>,
    /// Codes of what is wrong at any level, sorted, each once.
    pub causes: Vec<String>,
    /// What is wrong or risky, worst first; violated rules of the policy included.
    pub findings: Vec<FindingRow>,
    /// What was asked for and what was obtained.
    pub coverage: CoverageRow,
}

/// One pattern of a domain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatternRow {
    /// Stable id.
    pub id: String,
    /// How its names look: `*.{base32:52}.xnw6x.example.net`.
    pub template: String,
    /// Distinct names, both forms counted.
    pub names: u64,
    /// Distinct names with `*.`.
    pub wildcard_names: u64,
    /// Certificates that hold such a name.
    pub certificates: u64,
    /// Issuers by name, with how many certificates each issued.
    pub issuers: Vec<IssuerCount>,
    /// How many labels the `*` stands below the registered domain, at most; `null` without wildcards.
    pub deepest_wildcard: Option<u64>,
    /// What decides about its wildcards; `null` without wildcards or without DNS.
    pub covered_by: Option<Cover>,
    /// The level whose set does, of the least covered wildcard; `null` where no level has one.
    pub covered_at: Option<String>,
    /// Begin of the oldest certificate, RFC 3339 UTC.
    pub first_seen: Option<String>,
    /// Begin of the newest certificate, RFC 3339 UTC.
    pub last_seen: Option<String>,
}

/// What CAA says about the wildcards of a pattern. The least covered name decides; ordered from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cover {
    /// No level has a set that restricts issuance.
    Nothing,
    /// A level that would decide cannot be looked up.
    Unknown,
    /// `issue` alone, which stands for wildcards too (RFC 8659 §4.3).
    Issue,
    /// `issuewild`.
    Issuewild,
}

impl Cover {
    /// The word in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Unknown => "unknown",
            Self::Issue => "issue",
            Self::Issuewild => "issuewild",
        }
    }
}

/// How many certificates an issuer issued.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerCount {
    /// Distinguished name, or the source's name.
    pub name: String,
    /// Certificates.
    pub certificates: u64,
}

/// One issuer of a domain's certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerRow {
    /// Distinguished name, or the source's name.
    pub name: String,
    /// The domains by which CAA records name it, sorted; empty when they are not known.
    pub caa_domains: Vec<String>,
    /// Certificates.
    pub certificates: u64,
}

/// CAA at one level.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelRow {
    /// Its name.
    pub name: String,
    /// `records`, `nodata`, `nxdomain` or `failed`; `disagree` when the resolvers do.
    pub state: String,
    /// Failure class; `null` unless failed.
    pub class: Option<String>,
    /// The records in presentation form, sorted.
    pub records: Vec<String>,
    /// Codes of what is wrong here, sorted.
    pub causes: Vec<String>,
}

/// Verdicts for one issuer over the names that were climbed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictRow {
    /// CAA domain or name; `null` when no issuer is known.
    pub issuer: Option<String>,
    /// Names it may issue for.
    pub permit: u64,
    /// Names CAA forbids it to issue for.
    pub deny: u64,
    /// Names for which a lookup that counts fails.
    pub fail: u64,
}

/// One finding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRow {
    /// What kind.
    pub code: String,
    /// `error`, `warning` or `note`.
    pub severity: String,
    /// The level it is about.
    pub level: Option<String>,
    /// Ids of the patterns it concerns.
    pub patterns: Vec<String>,
    /// The issuer it is about, by name; only a rule about issuers tells one.
    #[serde(default)]
    pub issuer: Option<String>,
    /// The exception of the policy that covers it, in force or not.
    #[serde(default)]
    pub exception: Option<ExceptionRow>,
    /// The statement.
    pub text: String,
    /// Who must act.
    pub who: Option<String>,
    /// What to do.
    pub fix: Option<String>,
}

/// An exception that a policy makes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionRow {
    /// Its name.
    pub name: String,
    /// Why it was made.
    pub reason: String,
    /// The last day it holds, `YYYY-MM-DD`, UTC.
    pub expires: String,
    /// Whether it still holds; the finding is a note then.
    pub in_force: bool,
}

/// What was asked for and what was obtained, of one domain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageRow {
    /// Everything asked for was obtained.
    pub complete: bool,
    /// Requests to search services.
    pub requests: u64,
    /// Distinct levels asked for this domain; levels shared with other domains are asked once and counted in the summary.
    pub levels_asked: u64,
    /// Names of patterns that a sample stands for.
    pub sampled: u64,
    /// Entries that are no names of the domain, by class.
    pub dropped: BTreeMap<String, u64>,
    /// What is missing or bounded, one sentence each.
    pub notes: Vec<String>,
}

impl DomainRow {
    /// The pattern rows that have wildcards.
    pub fn wildcards(&self) -> impl Iterator<Item = &PatternRow> {
        self.patterns.iter().filter(|pattern| pattern.wildcard_names > 0)
    }

    /// The worst severity of its findings, by rank: 3 for an error, 0 for none.
    #[must_use]
    pub fn worst(&self) -> u8 {
        self.findings.iter().map(|finding| rank(&finding.severity)).max().unwrap_or(0)
    }

    /// CAA at a level, if it was asked.
    #[must_use]
    pub fn level(&self, name: &str) -> Option<&LevelRow> {
        self.levels.iter().find(|level| level.name == name)
    }
}

/// A severity as a number that grows with it: 0 is none, 3 an error.
#[must_use]
pub fn rank(severity: &str) -> u8 {
    match severity {
        "error" => 3,
        "warning" => 2,
        "note" => 1,
        _ => 0,
    }
}
