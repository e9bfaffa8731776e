//! How JSON is laid out: everything outside printable ASCII as `\uXXXX`, and inside HTML no character of its markup.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

pub(super) fn serialize<T: Serialize + ?Sized, F: Formatter>(
    value: &T,
    formatter: F,
    out: &mut dyn Write,
) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, formatter)).map_err(io::Error::from)
}

/// Writes strings in ASCII, and leaves the rest of the layout to `F`.
pub(super) struct Ascii<F>(pub(super) F);

/// The layout of the document inside an HTML page: compact, and no character that HTML gives a meaning.
pub(super) struct Island;

/// What a layout wants escaped beyond what JSON and ASCII ask for.
pub(super) trait Layout: Formatter {
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
