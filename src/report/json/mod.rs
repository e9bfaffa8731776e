//! The report for programs: one JSON document, or one typed object a line with a summary last.
//!
//! Everything outside printable ASCII is written as `\uXXXX`, so a terminal that shows the file stays whole.

mod explained;
mod layout;

use std::io::{self, Write};

pub use explained::{write_explained_json, write_explained_lines};
use layout::{Ascii, Island, serialize};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, PrettyFormatter};

use super::idn::unicode_form;
use super::{Advice, Checked, Coverage, LevelReport, Report, Timeline, Zone};
use crate::finding::Finding;
use crate::pattern::Pattern;

/// Elements of one list that stand inside an HTML page; a browser has to hold them all.
pub(super) const ISLAND: usize = 20_000;

/// Writes the report as one document, indented.
pub(super) fn write_document(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write_value(&Document::of(report, usize::MAX), out)
}

/// Writes any value as one document, indented.
pub(super) fn write_value(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serialize(value, Ascii(PrettyFormatter::new()), out)?;
    out.write_all(b"\n")
}

/// Writes one line an element, then the summary.
pub(super) fn write_lines(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    lines("pattern", report.patterns.iter().map(with_unicode), out)?;
    lines("level", report.levels.iter().map(with_unicode), out)?;
    lines("checked", report.checked.iter().map(with_unicode), out)?;
    lines("finding", report.findings.iter(), out)?;
    lines("advice", report.advice.iter(), out)?;
    lines("timeline", report.timeline.iter(), out)?;
    lines("zone", report.zones.iter(), out)?;
    lines("coverage", std::iter::once(&report.coverage), out)?;
    lines("summary", std::iter::once(Summary::of(report, report.levels.len() as u64, report.checked.len() as u64)), out)
}

/// Writes the line of one level.
pub(super) fn write_level(level: &LevelReport, out: &mut dyn Write) -> io::Result<()> {
    lines("level", std::iter::once(with_unicode(level)), out)
}

/// Writes what follows the levels and verdicts of a report, whose lines were written before: so many of each.
pub(super) fn write_closing(report: &Report, levels: u64, checked: u64, out: &mut dyn Write) -> io::Result<()> {
    lines("finding", report.findings.iter(), out)?;
    lines("advice", report.advice.iter(), out)?;
    lines("zone", report.zones.iter(), out)?;
    lines("coverage", std::iter::once(&report.coverage), out)?;
    lines("summary", std::iter::once(Summary::of(report, levels, checked)), out)
}

/// Writes a value in ASCII on no line of its own.
pub(crate) fn compact(value: &(impl Serialize + ?Sized), out: &mut dyn Write) -> io::Result<()> {
    serialize(value, Ascii(CompactFormatter), out)
}

/// Writes the report as one compact document that may stand inside an HTML `script` element; no list longer than
/// [`ISLAND`].
pub(super) fn write_island(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serialize(&Document::of(report, ISLAND), Ascii(Island), out)
}

fn lines<T: Serialize>(kind: &'static str, elements: impl Iterator<Item = T>, out: &mut dyn Write) -> io::Result<()> {
    for element in elements {
        compact(&Line { kind, element }, out)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// The whole document: the fields of [`Report`], with the Unicode form beside names that have one.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: &'a str,
    time: &'a str,
    domain: Option<&'a str>,
    domain_unicode: Option<String>,
    records: u64,
    certificates: u64,
    names: u64,
    patterns: Elements<'a, Pattern>,
    levels: Elements<'a, LevelReport>,
    checked: Elements<'a, Checked>,
    findings: &'a [Finding],
    advice: &'a [Advice],
    timeline: Option<&'a Timeline>,
    zones: &'a [Zone],
    coverage: &'a Coverage,
}

impl<'a> Document<'a> {
    fn of(report: &'a Report, most: usize) -> Self {
        Self {
            schema: report.schema,
            tool: &report.tool,
            time: &report.time,
            domain: report.domain.as_deref(),
            domain_unicode: report.domain.as_deref().and_then(unicode_form),
            records: report.records,
            certificates: report.certificates,
            names: report.names,
            patterns: Elements(first(&report.patterns, most)),
            levels: Elements(first(&report.levels, most)),
            checked: Elements(first(&report.checked, most)),
            findings: first(&report.findings, most),
            advice: &report.advice,
            timeline: report.timeline.as_ref(),
            zones: first(&report.zones, most),
            coverage: &report.coverage,
        }
    }
}

fn first<T>(list: &[T], most: usize) -> &[T] {
    &list[..list.len().min(most)]
}

/// A list whose elements are written with the Unicode form of their names.
struct Elements<'a, T>(&'a [T]);

impl<T: Named + Serialize> Serialize for Elements<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(with_unicode))
    }
}

/// An element and what stands beside its fields.
#[derive(Serialize)]
struct WithUnicode<'a, T, B> {
    #[serde(flatten)]
    element: &'a T,
    #[serde(flatten)]
    beside: B,
}

fn with_unicode<T: Named>(element: &T) -> WithUnicode<'_, T, T::Beside> {
    WithUnicode { element, beside: element.beside() }
}

/// What has names in A-label form, which it keeps.
trait Named {
    type Beside: Serialize;
    fn beside(&self) -> Self::Beside;
}

/// Beside `name`; `null` where the name is all ASCII, or its Unicode form could deceive.
#[derive(Serialize)]
struct NameUnicode {
    name_unicode: Option<String>,
}

/// Beside `examples`, one for each.
#[derive(Serialize)]
struct ExamplesUnicode {
    examples_unicode: Vec<Option<String>>,
}

impl Named for LevelReport {
    type Beside = NameUnicode;
    fn beside(&self) -> NameUnicode {
        NameUnicode { name_unicode: unicode_form(&self.name) }
    }
}

impl Named for Checked {
    type Beside = NameUnicode;
    fn beside(&self) -> NameUnicode {
        NameUnicode { name_unicode: unicode_form(&self.name) }
    }
}

impl Named for Pattern {
    type Beside = ExamplesUnicode;
    fn beside(&self) -> ExamplesUnicode {
        ExamplesUnicode { examples_unicode: self.examples.iter().map(|name| unicode_form(name)).collect() }
    }
}

/// An element with its type.
#[derive(Serialize)]
struct Line<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    element: T,
}

/// The last line: without it a file was cut.
#[derive(Serialize)]
struct Summary<'a> {
    complete: bool,
    schema: &'static str,
    tool: &'a str,
    time: &'a str,
    domain: Option<&'a str>,
    records: u64,
    certificates: u64,
    names: u64,
    patterns: usize,
    levels: u64,
    checked: u64,
    findings: usize,
    advice: usize,
}

impl<'a> Summary<'a> {
    fn of(report: &'a Report, levels: u64, checked: u64) -> Self {
        Self {
            complete: report.coverage.complete,
            schema: report.schema,
            tool: &report.tool,
            time: &report.time,
            domain: report.domain.as_deref(),
            records: report.records,
            certificates: report.certificates,
            names: report.names,
            patterns: report.patterns.len(),
            levels,
            checked,
            findings: report.findings.len(),
            advice: report.advice.len(),
        }
    }
}
