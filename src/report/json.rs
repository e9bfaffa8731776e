//! The report for programs: one JSON document, or one typed object a line with a summary last.
//!
//! Everything outside printable ASCII is written as `\uXXXX`, so a terminal that shows the file stays whole.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::Report;

/// Writes the report as one document, indented.
pub(super) fn write_document(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serialize(report, Ascii(PrettyFormatter::new()), out)?;
    out.write_all(b"\n")
}

/// Writes one line an element, then the summary.
pub(super) fn write_lines(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    lines("pattern", &report.patterns, out)?;
    lines("level", &report.levels, out)?;
    lines("checked", &report.checked, out)?;
    lines("finding", &report.findings, out)?;
    lines("advice", &report.advice, out)?;
    if let Some(timeline) = &report.timeline {
        lines("timeline", std::slice::from_ref(timeline), out)?;
    }
    lines("zone", &report.zones, out)?;
    lines("coverage", std::slice::from_ref(&report.coverage), out)?;
    lines("summary", &[Summary::of(report)], out)
}

/// Writes the report as one compact document that may stand inside an HTML `script` element.
pub(super) fn write_island(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serialize(report, Ascii(Island), out)
}

fn lines<T: Serialize>(kind: &'static str, elements: &[T], out: &mut dyn Write) -> io::Result<()> {
    for element in elements {
        serialize(&Line { kind, element }, Ascii(CompactFormatter), out)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn serialize<T: Serialize, F: Formatter>(value: &T, formatter: F, out: &mut dyn Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, formatter)).map_err(io::Error::from)
}

/// An element with its type.
#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    element: &'a T,
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
    levels: usize,
    checked: usize,
    findings: usize,
    advice: usize,
}

impl<'a> Summary<'a> {
    fn of(report: &'a Report) -> Self {
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
            levels: report.levels.len(),
            checked: report.checked.len(),
            findings: report.findings.len(),
            advice: report.advice.len(),
        }
    }
}

/// Writes strings in ASCII, and leaves the rest of the layout to `F`.
struct Ascii<F>(F);

/// The layout of the document inside an HTML page: compact, and no character that HTML gives a meaning.
struct Island;

/// What a layout wants escaped beyond what JSON and ASCII ask for.
trait Layout: Formatter {
    fn also_escapes(c: char) -> bool;
}

impl Layout for CompactFormatter {
    fn also_escapes(_: char) -> bool {
        false
    }
}

impl Layout for PrettyFormatter<'_> {
    fn also_escapes(_: char) -> bool {
        false
    }
}

impl Formatter for Island {}

impl Layout for Island {
    fn also_escapes(c: char) -> bool {
        matches!(c, '<' | '>' | '&')
    }
}

impl<F: Layout> Formatter for Ascii<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let plain = |c: char| matches!(c, ' '..='~') && !F::also_escapes(c);
        let mut rest = fragment;
        while let Some(at) = rest.find(|c| !plain(c)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let Some(c) = rest[at..].chars().next() else { break };
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_ascii_and_read_back() {
        let hostile = "\u{9b}31m \u{202e} <script> & \u{1f600} \u{7f}";
        for (text, tags) in [
            (compact(hostile, Ascii(CompactFormatter)), true),
            (compact(hostile, Ascii(Island)), false),
            (compact(hostile, Ascii(PrettyFormatter::new())), true),
        ] {
            assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)), "{text}");
            assert_eq!(text.contains('<') || text.contains('>') || text.contains('&'), tags, "{text}");
            assert_eq!(serde_json::from_str::<String>(&text).unwrap(), hostile);
        }
    }

    fn compact<F: Formatter>(text: &str, formatter: F) -> String {
        let mut bytes = Vec::new();
        serialize(&text, formatter, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }
}
