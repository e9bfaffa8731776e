//! The overview as plain texts for the template. No markup.

use std::collections::BTreeMap;

use super::super::totals::{Listed, Summary, Totals};
use crate::audit::row::rank;
use crate::report::{counted, safe_text, thousands, unicode_form};

/// Rows of the small tables.
const MOST: usize = 200;

/// The whole page.
#[derive(askama::Template)]
#[template(path = "overview.html", config = "src/audit/output/html/askama.toml")]
pub(super) struct Overview {
    tone: &'static str,
    word: &'static str,
    answer: String,
    figures: String,
    tables: Vec<Small>,
    domains: Vec<Domain>,
    more_domains: Option<String>,
    codes: Vec<String>,
    complete: bool,
    coverage: Vec<String>,
    made: String,
}

/// A table of counts.
struct Small {
    id: &'static str,
    title: &'static str,
    remark: &'static str,
    unit: &'static str,
    what: &'static str,
    rows: Vec<(String, &'static str, String, String)>,
    more: Option<String>,
}

/// One line of the table of domains. Numbers stand beside their text, to be sorted by.
struct Domain {
    severity: &'static str,
    tone: &'static str,
    rank: u8,
    findings: u64,
    name: String,
    unicode: Option<String>,
    certificates: (u64, String),
    names: (u64, String),
    patterns: (u64, String),
    wildcards: (u64, String),
    deepest: String,
    caa: String,
    codes: String,
    causes: String,
}

impl Overview {
    pub(super) fn of(totals: &Totals, summary: &Summary<'_>) -> Self {
        let count = |severity: &str| totals.severities.get(severity).copied().unwrap_or(0);
        let (errors, warnings) = (count("error"), count("warning"));
        let (tone, word) = match (errors, warnings, summary.complete) {
            (1.., _, _) => ("bad", "ERRORS"),
            (0, 1.., _) => ("warn", "WARNINGS"),
            (0, 0, false) => ("warn", "INCOMPLETE"),
            (0, 0, true) => ("good", "OK"),
        };
        let listed = totals.listed();
        Self {
            tone,
            word,
            answer: format!(
                "{} of {} audited: {}, {}, {}.",
                thousands(summary.done),
                counted(summary.domains, "domain"),
                counted(errors, "error"),
                counted(warnings, "warning"),
                counted(count("note"), "note")
            ),
            figures: format!(
                "{}, {} in {}, {} of them with wildcards; {} asked.",
                counted(summary.certificates, "certificate"),
                counted(summary.names, "name"),
                counted(summary.patterns, "pattern"),
                thousands(summary.wildcard_patterns),
                counted(summary.levels_asked, "level")
            ),
            tables: tables(totals),
            more_domains: more(usize::try_from(totals.done).unwrap_or(usize::MAX), listed.len()),
            domains: listed.iter().map(domain).collect(),
            codes: totals.codes.keys().map(|code| clean(code)).collect(),
            complete: summary.complete,
            coverage: coverage(summary, totals),
            made: format!("Made by {}.", summary.tool),
        }
    }
}

fn clean(raw: &str) -> String {
    safe_text(raw).into_owned()
}

fn more(all: usize, shown: usize) -> Option<String> {
    (all > shown).then(|| thousands((all - shown) as u64))
}

fn tables(totals: &Totals) -> Vec<Small> {
    let plain = |counts: &BTreeMap<String, u64>| {
        counts.iter().map(|(what, count)| (*count, "", clean(what))).collect::<Vec<_>>()
    };
    let codes = totals.codes.iter().map(|(code, (severity, count))| (*count, word(severity), clean(code)));
    let covers = totals.covers.iter().map(|(cover, count)| (*count, "", (*cover).to_owned()));
    [
        ("findings", "Findings", "By how many domains have them.", ["domains", "finding"], codes.collect()),
        (
            "wildcards",
            "Wildcard patterns",
            "By the record that decides about the least covered of their names: issuewild, issue alone, nothing, or unknown \
             where a lookup failed.",
            ["patterns", "decided by"],
            covers.collect(),
        ),
        (
            "caa",
            "CAA at the registered domain",
            "What the lookup gave.",
            ["domains", "state"],
            plain(&totals.registered),
        ),
        ("issuers", "Issuers", "By certificates.", ["certificates", "issuer"], plain(&totals.issuers)),
    ]
    .into_iter()
    .filter(|(.., rows)| !rows.is_empty())
    .map(|(id, title, remark, [unit, what], mut rows): (_, _, _, _, Vec<(u64, &'static str, String)>)| {
        rows.sort_by(|a, b| (rank(b.1), b.0).cmp(&(rank(a.1), a.0)).then_with(|| a.2.cmp(&b.2)));
        let more = more(rows.len(), MOST);
        rows.truncate(MOST);
        let rows = rows.into_iter().map(|(count, severity, what)| (thousands(count), severity, tone(severity), what));
        let rows = rows.map(|(count, severity, tone, what)| (count, tone, severity.to_owned(), what)).collect();
        Small { id, title, remark, unit, what, rows, more }
    })
    .collect()
}

fn word(severity: &str) -> &'static str {
    match severity {
        "error" => "error",
        "warning" => "warning",
        "note" => "note",
        _ => "",
    }
}

fn tone(severity: &str) -> &'static str {
    match severity {
        "error" => "bad",
        "warning" => "warn",
        _ => "dim",
    }
}

fn domain(listed: &Listed) -> Domain {
    let severity = ["none", "note", "warning", "error"][usize::from(listed.rank.min(3))];
    let number = |count: u64| (count, thousands(count));
    Domain {
        severity,
        tone: tone(severity),
        rank: listed.rank,
        findings: listed.findings,
        name: clean(&listed.domain),
        unicode: unicode_form(&listed.domain),
        certificates: number(listed.certificates),
        names: number(listed.names),
        patterns: number(listed.patterns),
        wildcards: number(listed.wildcard_patterns),
        deepest: listed.deepest_wildcard.map_or_else(String::new, |labels| labels.to_string()),
        caa: clean(&listed.caa),
        codes: clean(&listed.codes),
        causes: clean(&listed.causes),
    }
}

/// What is missing, one sentence each.
fn coverage(summary: &Summary<'_>, totals: &Totals) -> Vec<String> {
    let waiting = summary.domains.saturating_sub(summary.done + summary.failed);
    let gaps = [
        (waiting, "not audited yet"),
        (summary.failed, "tried in vain"),
        (summary.incomplete, "with something missing"),
    ];
    let told = gaps.into_iter().filter(|(count, _)| *count > 0);
    let mut lines: Vec<String> = told.map(|(count, what)| format!("{} {what}.", counted(count, "domain"))).collect();
    lines.extend(totals.failure_lines());
    if summary.input.refused > 0 {
        lines.push(format!("{} of the list refused.", counted(summary.input.refused, "entry")));
    }
    let dropped = summary.input.dropped.iter();
    lines.extend(dropped.map(|(class, count)| format!("Dropped {} {}.", thousands(*count), clean(class))));
    lines.extend(summary.input.gaps.iter().take(MOST).map(|gap| clean(gap)));
    lines
}
