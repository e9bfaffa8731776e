//! JSON lines: a `domain` line, a `pattern` line for each of its patterns, at last a `summary` line. ASCII only.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::{RowSink, Summary};
use crate::audit::diff::Change;
use crate::audit::row::{CoverageRow, DomainRow, FindingRow, IssuerRow, LevelRow, PatternRow, SCHEMA, VerdictRow};
use crate::report::unicode_form;

/// A domain without the patterns, which have lines of their own.
#[derive(Serialize)]
struct DomainLine<'a> {
    schema: &'static str,
    r#type: &'static str,
    domain: &'a str,
    domain_unicode: Option<String>,
    checked_at: Option<&'a str>,
    records: u64,
    certificates: u64,
    names: u64,
    patterns: usize,
    wildcard_patterns: usize,
    wildcard_names: u64,
    deepest_wildcard: Option<u64>,
    issuers: &'a [IssuerRow],
    levels: &'a [LevelRow],
    verdicts: &'a [VerdictRow],
    causes: &'a [String],
    findings: &'a [FindingRow],
    coverage: &'a CoverageRow,
}

#[derive(Serialize)]
struct PatternLine<'a> {
    schema: &'static str,
    r#type: &'static str,
    domain: &'a str,
    wildcard: bool,
    #[serde(flatten)]
    pattern: &'a PatternRow,
}

/// Writes the lines of one domain.
///
/// # Errors
/// The writer's.
pub fn write_row(row: &DomainRow, out: &mut dyn Write) -> io::Result<()> {
    let line = DomainLine {
        schema: SCHEMA,
        r#type: "domain",
        domain: &row.domain,
        domain_unicode: unicode_form(&row.domain),
        checked_at: row.checked_at.as_deref(),
        records: row.records,
        certificates: row.certificates,
        names: row.names,
        patterns: row.patterns.len(),
        wildcard_patterns: row.wildcards().count(),
        wildcard_names: row.wildcard_names,
        deepest_wildcard: row.deepest_wildcard,
        issuers: &row.issuers,
        levels: &row.levels,
        verdicts: &row.verdicts,
        causes: &row.causes,
        findings: &row.findings,
        coverage: &row.coverage,
    };
    write_line(&line, out)?;
    for pattern in &row.patterns {
        let wildcard = pattern.wildcard_names > 0;
        write_line(&PatternLine { schema: SCHEMA, r#type: "pattern", domain: &row.domain, wildcard, pattern }, out)?;
    }
    Ok(())
}

#[derive(Serialize)]
struct ChangeLine<'a> {
    schema: &'static str,
    r#type: &'static str,
    words: Vec<&'static str>,
    #[serde(flatten)]
    change: &'a Change,
}

/// Writes how a domain differs from its row before.
///
/// # Errors
/// The writer's.
pub fn write_change(change: &Change, out: &mut dyn Write) -> io::Result<()> {
    write_line(&ChangeLine { schema: SCHEMA, r#type: "change", words: change.words(), change }, out)
}

/// Writes the line of a domain that could not be audited.
///
/// # Errors
/// The writer's.
pub fn write_failed(domain: &str, error: &str, out: &mut dyn Write) -> io::Result<()> {
    let line = BTreeMap::from([("domain", domain), ("error", error), ("schema", SCHEMA), ("type", "failed")]);
    write_line(&line, out)
}

/// The lines of an audit as they are written.
pub struct Lines<W: Write> {
    /// Where they go.
    pub out: W,
    /// The rows are out already; only domains that could not be audited are missing.
    pub streamed: bool,
}

impl<W: Write> RowSink for Lines<W> {
    fn row(&mut self, row: &DomainRow) -> io::Result<()> {
        if self.streamed { Ok(()) } else { write_row(row, &mut self.out) }
    }

    fn failed(&mut self, domain: &str, error: &str) -> io::Result<()> {
        write_failed(domain, error, &mut self.out)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the last line.
///
/// # Errors
/// The writer's.
pub fn write_summary(summary: &Summary<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_line(summary, out)
}

/// A line of JSON in which everything outside ASCII is escaped: names and issuers are hostile, terminals are trusting.
pub(super) fn write_line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_json::to_string(value).map_err(io::Error::other)?;
    write_ascii(&text, out)?;
    out.write_all(b"\n")
}

/// JSON text with `\u` escapes for all that is not printable ASCII; only strings can hold such characters.
pub(super) fn write_ascii(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let plain = |c: char| matches!(c, ' '..='~' | '\n');
    let mut rest = text;
    while let Some(at) = rest.find(|c| !plain(c)) {
        out.write_all(&rest.as_bytes()[..at])?;
        let odd = rest[at..].chars().next().unwrap_or_default();
        for unit in odd.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}")?;
        }
        rest = &rest[at + odd.len_utf8()..];
    }
    out.write_all(rest.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_ascii_leaves_and_it_reads_back() {
        let row = DomainRow {
            domain: "example.net".into(),
            issuers: vec![IssuerRow { name: "O=\u{202e}\u{1b}[31m\u{85}Té\u{1f600}".into(), ..IssuerRow::default() }],
            patterns: vec![PatternRow { template: "*.example.net".into(), wildcard_names: 1, ..PatternRow::default() }],
            ..DomainRow::default()
        };
        let mut out = Vec::new();
        write_row(&row, &mut out).unwrap();
        assert!(out.iter().all(|octet| matches!(octet, b' '..=b'~' | b'\n')));
        let lines: Vec<serde_json::Value> =
            out.split(|&o| o == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["issuers"][0]["name"], row.issuers[0].name);
        assert_eq!((&lines[1]["type"], &lines[1]["wildcard"]), (&"pattern".into(), &true.into()));
    }
}
