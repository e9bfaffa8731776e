//! The rows of the pattern table, each with what it rests on folded away.

use std::collections::BTreeSet;

use super::page::clean;
use crate::pattern::Pattern;
use crate::report::digest::{self, thousands};
use crate::report::{Report, idn};

/// Rows that hold their details; those after them keep them in the data of the page.
const DETAILED: usize = 1_000;

pub(super) struct PatternRow {
    /// What the filter by form looks for.
    pub(super) form: &'static str,
    pub(super) template: String,
    pub(super) unicode: Option<String>,
    pub(super) forms: String,
    pub(super) names: (u64, String),
    pub(super) certificates: (u64, String),
    pub(super) new: (String, String),
    pub(super) first: String,
    pub(super) last: String,
    pub(super) issuers: String,
    /// Label, lines, and whether they are data.
    pub(super) details: Vec<(&'static str, Vec<String>, bool)>,
}

pub(super) fn pattern_row(at: usize, pattern: &Pattern) -> PatternRow {
    let forms = &pattern.wildcard;
    let day = |time: Option<jiff::Timestamp>| time.map(|time| time.to_string().chars().take(10).collect());
    let issuers = digest::issuers(pattern);
    PatternRow {
        form: match (forms.bare > 0, forms.wildcard > 0, forms.both > 0) {
            (_, _, true) | (true, true, false) => "wildcard bare",
            (false, true, false) => "wildcard",
            (_, false, false) => "bare",
        },
        template: clean(&pattern.template),
        unicode: idn::unicode_form(&pattern.template),
        forms: digest::forms(pattern).unwrap_or_default().replace('`', ""),
        names: (pattern.names, thousands(pattern.names)),
        certificates: (pattern.certificates, thousands(pattern.certificates)),
        new: match pattern.per_week.filter(|_| !pattern.single) {
            Some(rate) => (format!("{rate:.2}"), format!("{rate:.0}")),
            None => ("0".into(), String::new()),
        },
        first: day(pattern.first_seen).unwrap_or_default(),
        last: day(pattern.last_seen).unwrap_or_default(),
        issuers: clean(&digest::list(&issuers, 4)),
        details: if at < DETAILED && !pattern.single { details(pattern) } else { Vec::new() },
    }
}

fn details(pattern: &Pattern) -> Vec<(&'static str, Vec<String>, bool)> {
    let example = |name: &String| match idn::unicode_form(name) {
        Some(unicode) => format!("{} ({unicode})", clean(name)),
        None => clean(name),
    };
    let column = |column: &crate::pattern::Column| clean(&format!("{}: {}", column.shown, column.reason));
    let all = [
        ("Such as", pattern.examples.iter().map(example).collect::<Vec<_>>(), true),
        ("Varies", pattern.columns.iter().take(12).map(column).collect(), false),
        ("On one certificate", digest::shapes(pattern).iter().map(|shape| clean(shape)).collect(), false),
        ("Climb", pattern.levels.iter().take(12).map(|level| clean(&level.template)).collect(), true),
        ("What follows", pattern.notes.iter().map(|note| clean(&note.replace('`', ""))).collect(), false),
        ("Regex", vec![expression(pattern)], true),
    ];
    all.into_iter().filter(|(_, lines, _)| !lines.is_empty()).collect()
}

/// Octets of an expression that can be read, or copied, in a table.
const READABLE: usize = 1000;

/// The expression of a pattern. One that leaves hundreds of hosts out is for programs; a part of it would be another one.
fn expression(pattern: &Pattern) -> String {
    match pattern.regex.len() {
        ..=READABLE => clean(&pattern.regex),
        octets => format!("{} characters long, in the JSON report", digest::thousands(octets as u64)),
    }
}

/// The issuers there are, for the filter.
pub(super) fn issuers(report: &Report) -> Vec<String> {
    let names: BTreeSet<String> = report
        .patterns
        .iter()
        .flat_map(|pattern| &pattern.issuers)
        .map(|issuer| clean(&digest::issuer(&issuer.name)))
        .collect();
    names.into_iter().take(100).collect()
}
