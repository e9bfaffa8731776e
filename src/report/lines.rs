//! The lines of `jsonl` one by one, for a run that tells what it learns while it goes on: the same bytes as a whole report's.

use std::io::{self, Write};

use serde::Serialize;

use super::{Checked, LevelReport, Report, json, unicode_form};
use crate::caa::{Cause, Lookup, LookupOutcome, Transport, rcode};

/// A level apart from what the views say: the beginning of its line.
#[derive(Debug, Clone, Copy)]
pub struct LevelHead<'a> {
    /// The level; canonical: letters, digits, `-`, `_` and dots, which JSON leaves as they are.
    pub name: &'a str,
    /// 0 for a TLD.
    pub depth: usize,
    /// As in [`LevelReport`].
    pub stable: bool,
    /// As in [`LevelReport`].
    pub names_below: u64,
    /// As in [`LevelReport`].
    pub public_suffix: bool,
}

/// Writes the line of one level as the report has it.
///
/// # Errors
/// What `out` answers.
pub fn write_level(level: &LevelReport, out: &mut dyn Write) -> io::Result<()> {
    json::write_level(level, out)
}

/// Replaces `line` by the line of one level, the same octets as [`write_level`] gives; made for hundred thousands a second.
///
/// `views`: the view's name as JSON, and its lookup.
pub fn level_line<'l>(
    level: &LevelHead<'_>,
    views: impl Iterator<Item = (&'l str, &'l Lookup)>,
    causes: &[Cause],
    line: &mut Vec<u8>,
) {
    line.clear();
    text(line, "{\"type\":\"level\",\"name\":\"");
    text(line, level.name);
    text(line, "\",\"depth\":");
    number(line, level.depth as u64);
    text(line, if level.stable { ",\"stable\":true" } else { ",\"stable\":false" });
    text(line, ",\"names_below\":");
    number(line, level.names_below);
    text(line, if level.public_suffix { ",\"public_suffix\":true" } else { ",\"public_suffix\":false" });
    text(line, ",\"views\":[");
    for (place, (server, lookup)) in views.enumerate() {
        text(line, if place > 0 { ",{\"server\":" } else { "{\"server\":" });
        text(line, server);
        view(line, lookup);
    }
    text(line, "],\"causes\":");
    list(line, causes);
    end(level.name, line);
}

fn view(line: &mut Vec<u8>, lookup: &Lookup) {
    let quoted = |line: &mut Vec<u8>, key: &str, word: Option<&str>| {
        text(line, key);
        match word {
            Some(word) => [&b"\""[..], word.as_bytes(), b"\""].iter().for_each(|part| line.extend_from_slice(part)),
            None => text(line, "null"),
        }
    };
    // What nearly every line says is one piece.
    match &lookup.outcome {
        LookupOutcome::NoData(_) => text(line, ",\"outcome\":\"nodata\",\"class\":null"),
        LookupOutcome::NxDomain(_) => text(line, ",\"outcome\":\"nxdomain\",\"class\":null"),
        LookupOutcome::Records(_) => text(line, ",\"outcome\":\"records\",\"class\":null"),
        LookupOutcome::Failed(failure) => quoted(line, ",\"outcome\":\"failed\",\"class\":", Some(failure.class())),
    }
    match lookup.rcode {
        Some(rcode::NOERROR) => text(line, ",\"rcode\":\"NOERROR\""),
        Some(rcode::NXDOMAIN) => text(line, ",\"rcode\":\"NXDOMAIN\""),
        code => quoted(line, ",\"rcode\":", code.map(rcode::name).as_deref()),
    }
    text(line, ",\"soa\":");
    match lookup.soa_owner.as_deref() {
        Some(owner) if owner.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')) => {
            quoted(line, "", Some(owner));
        }
        owner => other(line, &owner),
    }
    match &lookup.outcome {
        LookupOutcome::NoData(_) | LookupOutcome::NxDomain(_) if lookup.ede.is_empty() && lookup.aliases.is_empty() => {
            text(line, ",\"ede\":[],\"records\":[],\"aliases\":[]");
        }
        outcome => {
            text(line, ",\"ede\":");
            list(line, &lookup.ede);
            text(line, ",\"records\":");
            match outcome {
                LookupOutcome::Records(set) => list(line, &set.iter().map(ToString::to_string).collect::<Vec<_>>()),
                _ => text(line, "[]"),
            }
            text(line, ",\"aliases\":");
            list(line, &lookup.aliases);
        }
    }
    text(line, if lookup.authenticated { ",\"authenticated\":true" } else { ",\"authenticated\":false" });
    match &lookup.checking_disabled {
        None => text(line, ",\"checking_disabled\":null"),
        Some(outcome) => quoted(line, ",\"checking_disabled\":", Some(outcome.word())),
    }
    text(line, ",\"rtt_ms\":");
    match lookup.rtt_ms {
        Some(time) => number(line, time),
        None => text(line, "null"),
    }
    text(line, ",\"tries\":");
    number(line, lookup.tries.into());
    let transport = match lookup.transport {
        Transport::Udp => ",\"transport\":\"udp\"}",
        Transport::Tcp => ",\"transport\":\"tcp\"}",
        Transport::Tls => ",\"transport\":\"tls\"}",
        Transport::Https => ",\"transport\":\"https\"}",
        Transport::Script => ",\"transport\":\"script\"}",
    };
    text(line, transport);
}

/// The Unicode form of the name, which stands behind everything else.
fn end(name: &str, line: &mut Vec<u8>) {
    text(line, ",\"name_unicode\":");
    // Most names have no label in A-label form.
    match if name.contains("xn--") { unicode_form(name) } else { None } {
        Some(form) => other(line, &form),
        None => text(line, "null"),
    }
    text(line, "}\n");
}

fn text(line: &mut Vec<u8>, text: &str) {
    line.extend_from_slice(text.as_bytes());
}

fn number(line: &mut Vec<u8>, mut number: u64) {
    let start = line.len();
    loop {
        line.push(b"0123456789"[(number % 10) as usize]);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    line[start..].reverse();
}

fn list<T: Serialize>(line: &mut Vec<u8>, items: &[T]) {
    if items.is_empty() {
        text(line, "[]");
    } else {
        other(line, items);
    }
}

fn other(line: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    json::compact(value, line).expect("writing to memory does not fail");
}

/// A text as JSON writes it.
#[must_use]
pub fn json_text(raw: &str) -> String {
    let mut bytes = Vec::new();
    other(&mut bytes, raw);
    String::from_utf8(bytes).expect("the writer writes ASCII")
}

/// The line of a verdict without the name: names that the same level decides for the same issuer share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedTail(String);

/// What stands behind the name in [`Checked`], in the same order.
#[derive(Serialize)]
struct BehindName<'a> {
    wildcard: bool,
    pattern: &'a Option<String>,
    issuer: &'a Option<String>,
    verdict: &'a str,
    decided_at: &'a Option<String>,
    reason: &'a str,
    br_failure_allowance: &'a str,
}

impl CheckedTail {
    /// What the line of `checked` says of other names as well.
    #[must_use]
    pub fn of(checked: &Checked) -> Self {
        let Checked { name: _, wildcard, pattern, issuer, verdict, decided_at, reason, br_failure_allowance } = checked;
        let behind =
            BehindName { wildcard: *wildcard, pattern, issuer, verdict, decided_at, reason, br_failure_allowance };
        let mut bytes = Vec::new();
        json::compact(&behind, &mut bytes).expect("writing to memory does not fail");
        let text = String::from_utf8(bytes).expect("the writer writes ASCII");
        Self(text.trim_start_matches('{').trim_end_matches('}').to_owned())
    }
}

/// Replaces `line` by the line of one verdict. `name` is canonical, as in [`LevelHead`].
pub fn checked_line(name: &str, tail: &CheckedTail, line: &mut Vec<u8>) {
    line.clear();
    for part in ["{\"type\":\"checked\",\"name\":\"", name, "\",", &tail.0] {
        text(line, part);
    }
    end(name, line);
}

/// Writes what follows when all levels and verdicts were written, so many of each: findings, advice, zones, coverage, and
/// the summary last.
///
/// # Errors
/// What `out` answers.
pub fn write_closing(report: &Report, levels: u64, checked: u64, out: &mut dyn Write) -> io::Result<()> {
    json::write_closing(report, levels, checked, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::story;

    #[test]
    fn a_verdict_in_two_parts_is_the_same_line() {
        let mut checked = story().checked.swap_remove(0);
        for name in ["www.example.net", "xn--bcher-kva.example.net", "xn--pypal-4ve.example"] {
            name.clone_into(&mut checked.name);
            let report = Report { checked: vec![checked.clone()], ..story() };
            let mut whole = Vec::new();
            json::write_lines(&report, &mut whole).unwrap();
            let mut parts = Vec::new();
            checked_line(&checked.name, &CheckedTail::of(&checked), &mut parts);
            let whole = String::from_utf8(whole).unwrap();
            assert_eq!(
                String::from_utf8(parts).unwrap().trim_end(),
                whole.lines().find(|l| l.contains("\"checked\",")).unwrap()
            );
        }
    }

    #[test]
    fn the_lines_of_a_report_are_those_of_its_parts() {
        let mut report = story();
        (report.patterns, report.timeline) = (Vec::new(), None);
        let mut whole = Vec::new();
        json::write_lines(&report, &mut whole).unwrap();
        let (mut parts, mut line) = (Vec::new(), Vec::new());
        report.levels.iter().for_each(|level| write_level(level, &mut parts).unwrap());
        for checked in &report.checked {
            checked_line(&checked.name, &CheckedTail::of(checked), &mut line);
            parts.append(&mut line);
        }
        write_closing(&report, report.levels.len() as u64, report.checked.len() as u64, &mut parts).unwrap();
        assert_eq!(String::from_utf8(parts), String::from_utf8(whole));
    }
}
