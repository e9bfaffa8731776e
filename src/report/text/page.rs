//! [`Page`]: lines of a terminal, wrapped and coloured, from which no sequence of the data can escape.
//!
//! All texts pass [`safe`](crate::report::safe) here and nowhere else; only this file writes ANSI codes.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ink};
use unicode_width::UnicodeWidthStr as _;

use crate::report::{Style, safe};

/// Characters of one piece of text; what is longer is cut with a note.
const LONGEST: usize = 4_000;

/// How a piece of text looks, where colours are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Plain,
    Strong,
    Faint,
    Good,
    Warn,
    Bad,
    Name,
}

impl Look {
    fn ink(self) -> Ink {
        match self {
            Self::Plain => Ink::new(),
            Self::Strong => Ink::new().bold(),
            Self::Faint => Ink::new().dimmed(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Warn => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Name => AnsiColor::Cyan.on_default(),
        }
    }
}

/// A piece of a line.
pub(super) type Span<'a> = (Look, &'a str);

/// The page a text report is written on.
pub(super) struct Page<'a> {
    out: &'a mut dyn Write,
    style: &'a Style,
}

impl<'a> Page<'a> {
    pub(super) fn new(out: &'a mut dyn Write, style: &'a Style) -> Self {
        Self { out, style }
    }

    pub(super) fn style(&self) -> &Style {
        self.style
    }

    /// An empty line.
    pub(super) fn gap(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// An empty line and a headline with a remark.
    pub(super) fn section(&mut self, title: &str, remark: &str) -> io::Result<()> {
        self.gap()?;
        self.wrapped("", 2, &[(Look::Strong, title), (Look::Faint, " "), (Look::Faint, remark)])
    }

    /// A paragraph after `lead` (ours, already indented), continued `hang` columns from the left.
    pub(super) fn wrapped(&mut self, lead: &str, hang: usize, spans: &[Span<'_>]) -> io::Result<()> {
        self.wrapped_after(lead.to_owned(), lead.width(), hang, spans)
    }

    fn wrapped_after(&mut self, lead: String, columns: usize, hang: usize, spans: &[Span<'_>]) -> io::Result<()> {
        let width = self.style.width.max(8);
        // Deep indentation on a narrow terminal leaves no room for words.
        let hang = if hang * 2 > width { 2 } else { hang };
        let mut line = Line { text: lead, columns, filled: false };
        for (look, raw) in spans {
            let printable = self.printable(raw);
            for (place, word) in printable.split(' ').enumerate() {
                let space = usize::from(place > 0);
                if line.filled && line.columns + space + word.width() > width {
                    self.finish(&mut line, hang)?;
                } else if space == 1 && line.filled {
                    line.text.push(' ');
                    line.columns += 1;
                }
                self.push_word(&mut line, *look, word, width, hang)?;
            }
        }
        writeln!(self.out, "{}", line.text.trim_end())
    }

    /// Adds a word, broken where it is wider than a line.
    fn push_word(&mut self, line: &mut Line, look: Look, word: &str, width: usize, hang: usize) -> io::Result<()> {
        let mut rest = word;
        while !rest.is_empty() {
            let room = width.saturating_sub(line.columns).max(1);
            let mut taken = 0;
            let mut columns = 0;
            for c in rest.chars() {
                let wide = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
                if columns + wide > room && taken > 0 {
                    break;
                }
                taken += c.len_utf8();
                columns += wide;
            }
            line.text.push_str(&self.inked(look, &rest[..taken]));
            line.columns += columns;
            line.filled = true;
            rest = &rest[taken..];
            if !rest.is_empty() {
                self.finish(line, hang)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, line: &mut Line, hang: usize) -> io::Result<()> {
        writeln!(self.out, "{}", line.text.trim_end())?;
        *line = Line { text: " ".repeat(hang), columns: hang, filled: false };
        Ok(())
    }

    /// A line of the tree: letters with their own looks, strokes (ours), then a wrapped text.
    pub(super) fn tree_line(
        &mut self,
        letters: &[Span<'_>],
        strokes: &str,
        hang: usize,
        spans: &[Span<'_>],
    ) -> io::Result<()> {
        let mut lead = String::from("  ");
        for (look, letter) in letters {
            lead.push_str(&self.inked(*look, letter));
        }
        lead.push_str("  ");
        lead.push_str(strokes);
        self.wrapped_after(lead, 4 + letters.len() + strokes.width(), hang, spans)
    }

    fn inked(&self, look: Look, piece: &str) -> String {
        if !self.style.color || look == Look::Plain {
            return piece.to_owned();
        }
        let ink = look.ink();
        format!("{ink}{piece}{ink:#}")
    }

    /// A line that must not be broken, because people copy it.
    pub(super) fn copyable(&mut self, indent: usize, raw: &str) -> io::Result<()> {
        let printable = self.printable(raw).into_owned();
        writeln!(self.out, "{}{printable}", " ".repeat(indent))
    }

    /// A table with a header, fitted to the width; where it is too narrow for the columns, rows become lists.
    pub(super) fn table(&mut self, header: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
        let indent = 2;
        let room = self.style.width.saturating_sub(indent);
        if room < header.len() * 12 {
            for row in rows {
                for (place, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                    let lead = if place == 0 { "  " } else { "    " };
                    let name =
                        if place == 0 { String::new() } else { format!("{}: ", header[place.min(header.len() - 1)]) };
                    self.wrapped(lead, 6, &[(Look::Faint, &name), (Look::Plain, cell)])?;
                }
            }
            return Ok(());
        }
        let mut table = comfy_table::Table::new();
        table
            .force_no_tty()
            .load_style(comfy_table::presets::NOTHING)
            .set_content_arrangement(comfy_table::ContentArrangement::Dynamic)
            .set_width(u16::try_from(room).unwrap_or(u16::MAX))
            .set_header(header.iter().map(|title| self.printable(title).into_owned()));
        for row in rows {
            table.add_row(row.iter().map(|cell| self.printable(cell).into_owned()));
        }
        for line in table.lines() {
            writeln!(self.out, "{}{}", " ".repeat(indent - 1), line.trim_end())?;
        }
        Ok(())
    }

    /// Says how many rows were left out of a section.
    pub(super) fn more(&mut self, count: usize, what: &str) -> io::Result<()> {
        if count == 0 {
            return Ok(());
        }
        let text = format!("{} more; {what}", crate::report::digest::thousands(count as u64));
        self.wrapped("  ", 4, &[(Look::Faint, &text)])
    }

    fn printable<'t>(&self, raw: &'t str) -> Cow<'t, str> {
        let printable = if self.style.ascii { safe::ascii(raw) } else { safe::text(raw) };
        match printable {
            Cow::Borrowed(text) => safe::bounded(text, LONGEST),
            Cow::Owned(text) => Cow::Owned(safe::bounded(&text, LONGEST).into_owned()),
        }
    }
}

/// A line under construction.
struct Line {
    text: String,
    columns: usize,
    /// Whether a word stands on it.
    filled: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(style: &Style, write: impl FnOnce(&mut Page<'_>) -> io::Result<()>) -> String {
        let mut bytes = Vec::new();
        write(&mut Page::new(&mut bytes, style)).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn words_wrap_with_a_hanging_indent_and_long_words_break() {
        let style = Style { width: 20, ..Style::default() };
        let text =
            page(&style, |page| page.wrapped("- ", 2, &[(Look::Plain, "one two three four five-and-twenty-times")]));
        assert_eq!(text, "- one two three four\n  five-and-twenty-ti\n  mes\n");
    }

    #[test]
    fn wide_letters_count_twice() {
        let style = Style { width: 10, ..Style::default() };
        let text = page(&style, |page| page.wrapped("", 0, &[(Look::Plain, "証明書証明書")]));
        assert_eq!(text, "証明書証明\n書\n");
    }

    #[test]
    fn colour_never_changes_the_letters() {
        let plain = Style { width: 30, ..Style::default() };
        let color = Style { color: true, ..plain.clone() };
        let write =
            |page: &mut Page<'_>| page.wrapped("", 2, &[(Look::Bad, "F"), (Look::Name, " a.example fails \x1b[31m")]);
        let stripped = anstream::adapter::strip_str(&page(&color, write)).to_string();
        assert_eq!(stripped, page(&plain, write));
    }
}
