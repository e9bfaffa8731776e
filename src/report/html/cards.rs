//! Advice, findings, verdicts, servers and sources as rows and cards of plain texts.

use std::collections::BTreeMap;

use super::page::{Mark, Part, clean, lines, named, parts};
use crate::finding::{Finding, Severity};
use crate::report::digest::{self, Health, thousands};
use crate::report::{Advice, Report, SourceCoverage, Zone};

/// Servers of one zone, more than any zone has.
const SERVERS: usize = 500;
/// Names of one zone whose matrix is drawn.
const MATRICES: usize = 40;

pub(super) struct AdviceCard {
    pub(super) level: String,
    pub(super) effects: Vec<Part>,
    pub(super) records: String,
    pub(super) remarks: Vec<Vec<Part>>,
}

pub(super) fn advice_card(report: &Report, advice: &Advice, own: &[&str]) -> AdviceCard {
    let effects = digest::list(&digest::effects(report, advice), 3);
    let mut letters = effects.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    AdviceCard {
        level: named(&advice.level),
        effects: parts(&format!("{first}{}.", letters.as_str())),
        records: lines(&advice.records),
        remarks: own.iter().map(|remark| parts(remark)).collect(),
    }
}

pub(super) struct FindingCard {
    pub(super) severity: &'static str,
    pub(super) tone: &'static str,
    pub(super) code: String,
    pub(super) level: Option<String>,
    pub(super) text: Vec<Part>,
    pub(super) who: Vec<Part>,
    pub(super) fix: Vec<Part>,
}

pub(super) fn finding_card(finding: &Finding) -> FindingCard {
    let (severity, tone) = match finding.severity {
        Severity::Error => ("error", "bad"),
        Severity::Warning => ("warning", "warn"),
        Severity::Note => ("note", "dim"),
    };
    FindingCard {
        severity,
        tone,
        code: clean(&finding.code),
        level: finding.level.as_deref().map(named),
        text: parts(&finding.text),
        who: finding.who.as_deref().map(parts).unwrap_or_default(),
        fix: finding.fix.as_deref().map(parts).unwrap_or_default(),
    }
}

pub(super) struct VerdictRow {
    pub(super) tone: &'static str,
    pub(super) verdict: &'static str,
    pub(super) count: String,
    pub(super) issuer: String,
    pub(super) because: Vec<Part>,
    pub(super) allowance: &'static str,
    pub(super) example: String,
}

pub(super) fn verdict_row(group: &digest::VerdictGroup<'_>, numbers: &BTreeMap<&str, usize>) -> VerdictRow {
    let check = group.example;
    let star = if check.wildcard { "*." } else { "" };
    VerdictRow {
        tone: match check.verdict {
            "permit" => "good",
            "deny" => "warn",
            _ => "bad",
        },
        verdict: check.verdict,
        count: format!("{}{}", thousands(group.count), group.of_patterns(numbers)),
        issuer: clean(&check.issuer.as_deref().map_or("any".into(), digest::issuer)),
        because: parts(&group.because()),
        allowance: digest::allowance(check.br_failure_allowance),
        example: clean(&format!("{star}{}", check.name)),
    }
}

pub(super) struct ZoneTable {
    pub(super) name: String,
    pub(super) dnssec: &'static str,
    pub(super) tone: &'static str,
    /// Its servers where none was asked anything.
    pub(super) servers: String,
    pub(super) matrices: Vec<MatrixTable>,
    pub(super) more: Option<String>,
}

/// What the servers answered about one name.
pub(super) struct MatrixTable {
    pub(super) name: String,
    pub(super) probes: Vec<String>,
    pub(super) servers: Vec<(String, Vec<Mark>)>,
}

pub(super) fn zone_table(zone: &Zone) -> ZoneTable {
    let matrices = digest::matrices(zone);
    let one = |matrix: &digest::Matrix<'_>| MatrixTable {
        name: named(matrix.name),
        probes: matrix.probes.iter().map(|probe| clean(probe)).collect(),
        servers: matrix
            .servers
            .iter()
            .take(SERVERS)
            .map(|(server, cells)| {
                (clean(&format!("{} {}", server.name, server.address)), cells.iter().map(|cell| result(cell)).collect())
            })
            .collect(),
    };
    let servers: Vec<String> = zone.servers.iter().map(|s| format!("{} {}", s.name, s.address)).collect();
    ZoneTable {
        name: named(&zone.name),
        dnssec: zone.dnssec,
        tone: match zone.dnssec {
            "secure" => "good",
            "bogus" => "bad",
            _ => "dim",
        },
        servers: if matrices.is_empty() { clean(&digest::list(&servers, 8)) } else { String::new() },
        matrices: matrices.iter().take(MATRICES).map(one).collect(),
        more: (matrices.len() > MATRICES).then(|| thousands((matrices.len() - MATRICES) as u64)),
    }
}

/// A probe's result in words, with its letter and tone.
fn result(words: &str) -> Mark {
    let (tone, letter) = match digest::health(words) {
        _ if words.is_empty() => ("", ' '),
        Health::Fine => ("fine", '+'),
        Health::Odd => ("warn", '!'),
        Health::Bad => ("bad", 'F'),
    };
    Mark { tone, letter, words: clean(words) }
}

pub(super) struct SourceRow {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) requests: String,
    pub(super) records: String,
    pub(super) certificates: String,
    pub(super) trouble: String,
}

pub(super) fn source_row(source: &SourceCoverage) -> SourceRow {
    let cut = source.truncated.then_some("cut short");
    let trouble: Vec<&str> = cut.into_iter().chain(source.error.as_deref()).collect();
    SourceRow {
        name: clean(&source.name),
        kind: clean(&source.kind),
        requests: thousands(source.requests),
        records: thousands(source.records),
        certificates: thousands(source.certificates),
        trouble: clean(&trouble.join("; ")),
    }
}
