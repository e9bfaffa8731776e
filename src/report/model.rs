//! The report as data: field names are the contract of the `json` and `jsonl` formats.
//!
//! Times are RFC 3339 UTC texts, durations whole milliseconds, unknown values `null`. Every list is sorted where it is
//! made, so the same input gives the same bytes.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::caa::Ede;
use crate::finding::Finding;
pub use crate::finding::{Advice, Checked};
use crate::pattern::Pattern;

/// Name and major version of the format.
pub const SCHEMA: &str = "ctclimb/1";

/// Everything one run has to say about one domain, or about a set of names.
#[derive(Debug, Clone)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Program and version: `ctclimb 0.1.0`.
    pub tool: String,
    /// When the report was made, RFC 3339 UTC.
    pub time: String,
    /// The domain asked for; `null` when names of several domains were analysed.
    pub domain: Option<String>,
    /// Records read from all sources, before merging.
    pub records: u64,
    /// Certificates: a precertificate and its certificate count once.
    pub certificates: u64,
    /// Distinct names in scope, `*.` forms counted apart.
    pub names: u64,
    /// Naming patterns, most names first.
    pub patterns: Vec<Pattern>,
    /// Levels that were asked, or that all patterns share; towards the TLD first.
    pub levels: Vec<LevelReport>,
    /// Verdict per name and issuer.
    pub checked: Vec<Checked>,
    /// What is wrong or risky, worst first.
    pub findings: Vec<Finding>,
    /// Where a CAA record would help, best first.
    pub advice: Vec<Advice>,
    /// Certificates per week, by pattern and by issuer; `null` without dates.
    pub timeline: Option<Timeline>,
    /// Zones seen by the authoritative view, towards the root first.
    pub zones: Vec<Zone>,
    /// What was asked for and what was obtained.
    pub coverage: Coverage,
}

/// One level of the climb with what each view says of it.
#[derive(Debug, Clone, Serialize)]
pub struct LevelReport {
    /// The name of the level.
    pub name: String,
    /// 0 for a TLD, 1 one label closer to the names, ...
    pub depth: usize,
    /// Whether the level stays when one-off labels come and go: a record here makes sense.
    pub stable: bool,
    /// Distinct names of certificates at or below this level, `*.` forms counted apart.
    pub names_below: u64,
    /// Whether the level is a public suffix or closer to the root: not the domain owner's to change.
    pub public_suffix: bool,
    /// One entry a resolver, a scenario, or the name servers themselves.
    pub views: Vec<View>,
    /// What is wrong at this level, from all evidence.
    pub causes: Vec<crate::caa::Cause>,
}

/// What one view says of a level.
#[derive(Debug, Clone, Serialize)]
pub struct View {
    /// The resolver or name server, or `script`.
    pub server: String,
    /// `records`, `nodata`, `nxdomain` or `failed`.
    pub outcome: &'static str,
    /// Failure class (`servfail`, `timeout`, ...); `null` unless failed.
    pub class: Option<&'static str>,
    /// Response code mnemonic; `null` when no readable reply came.
    pub rcode: Option<String>,
    /// Owner of the SOA record of a negative answer; `null` where none came.
    pub soa: Option<String>,
    /// Extended DNS errors (RFC 8914).
    pub ede: Vec<Ede>,
    /// CAA records in presentation form.
    pub records: Vec<String>,
    /// Names the query was led to by CNAME or DNAME.
    pub aliases: Vec<String>,
    /// AD flag: the resolver validated the answer.
    pub authenticated: bool,
    /// Outcome word of the same question with checking disabled, asked after SERVFAIL.
    pub checking_disabled: Option<&'static str>,
    /// Milliseconds of the last try.
    pub rtt_ms: Option<u64>,
    /// Transmissions.
    pub tries: u8,
    /// `udp`, `tcp`, `tls`, `https`, `script`.
    pub transport: crate::caa::Transport,
    /// The resolver could not be used at any level: nothing is concluded from what it says. Left out where `false`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub set_aside: bool,
}

/// Certificates per week.
#[derive(Debug, Clone, Serialize)]
pub struct Timeline {
    /// First day of the first week, `YYYY-MM-DD`, a Monday.
    pub start: String,
    /// One series a pattern (its id) with one count a week.
    pub patterns: Vec<TimelineSeries>,
    /// One series an issuer (its name) with one count a week.
    pub issuers: Vec<TimelineSeries>,
}

/// Counts per week from [`Timeline::start`] on.
#[derive(Debug, Clone, Serialize)]
pub struct TimelineSeries {
    /// Pattern id or issuer name.
    pub key: String,
    /// Certificates that began in each week.
    pub weeks: Vec<u64>,
}

/// A zone on the way from the root, as the authoritative view saw it.
#[derive(Debug, Clone, Serialize)]
pub struct Zone {
    /// Apex of the zone.
    pub name: String,
    /// `secure`, `insecure`, `bogus` or `unknown`.
    pub dnssec: &'static str,
    /// Its servers, by name and address.
    pub servers: Vec<ZoneServer>,
}

/// One address of one name server with the result of each probe.
#[derive(Debug, Clone, Serialize)]
pub struct ZoneServer {
    /// Host name of the server.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Probe name to result in a few words: `caa` → `nodata, soa, 12 ms`.
    pub probes: BTreeMap<String, String>,
}

/// What was asked for and what was obtained; in every format, always.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Coverage {
    /// Everything asked for was obtained.
    pub complete: bool,
    /// One entry an endpoint or input file.
    pub sources: Vec<SourceCoverage>,
    /// Entries that are not DNS names in scope, and records that could not be read, by class.
    pub dropped: BTreeMap<String, Dropped>,
    /// Distinct levels asked.
    pub levels_asked: u64,
    /// Levels whose outcome was inferred and not asked, because the zone's servers were silent.
    pub levels_inferred: u64,
    /// DNS queries sent, retries included.
    pub queries: u64,
    /// Names of patterns that were not climbed because a sample stands for them; 0 with `--all-names`.
    pub sampled: u64,
    /// What else is missing or bounded, one sentence each.
    pub notes: Vec<String>,
}

/// What one source gave.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SourceCoverage {
    /// Endpoint or file.
    pub name: String,
    /// Kind of data: `crt.sh json`, `pem`, ...
    pub kind: String,
    /// Requests made; 0 for files.
    pub requests: u64,
    /// Records read.
    pub records: u64,
    /// Certificates after merging precertificates, within this source.
    pub certificates: u64,
    /// The service or a bound cut the answer.
    pub truncated: bool,
    /// Why the source is incomplete; `null` when it is not.
    pub error: Option<String>,
    /// When the oldest answer used was asked for (RFC 3339); `null` for files.
    pub asked_at: Option<String>,
    /// What was asked for first: path and query, or statement; `null` for files.
    pub query: Option<String>,
    /// Most rows that one answer used, where the service has a cap and tells.
    pub rows_used: Option<u64>,
    /// Whether expired certificates were asked for and the service has them; `null` for files.
    pub expired: Option<bool>,
}

/// Entries dropped for one reason.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Dropped {
    /// How many.
    pub count: u64,
    /// One of them, control characters escaped.
    pub example: String,
}
