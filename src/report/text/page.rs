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
        self.wrapped_after(lead, lead.width(), hang, spans)
    }

    fn wrapped_after(&mut self, lead: &str, columns: usize, hang: usize, spans: &[Span<'_>]) -> io::Result<()> {
        let width = self.style.width.max(8);
        // Deep indentation on a narrow terminal leaves no room for words.
        let hang = if hang * 2 > width { 2 } else { hang };
        let mut texts = Vec::with_capacity(spans.len());
        for (look, raw) in spans {
            texts.push((*look, self.printable(raw)));
        }
        let lines = broken(words(&texts), width.saturating_sub(columns), width - hang);
        for (at, line) in lines.iter().enumerate() {
            let mut text = if at == 0 { lead.to_owned() } else { " ".repeat(hang) };
            for (place, word) in line.iter().enumerate() {
                if place > 0 {
                    text.push(' ');
                }
                for (look, piece) in &word.pieces {
                    text.push_str(&self.inked(*look, piece));
                }
            }
            writeln!(self.out, "{}", text.trim_end())?;
        }
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
        self.wrapped_after(&lead, 4 + letters.len() + strokes.width(), hang, spans)
    }

    /// A label and its text in two columns; one after the other where the page is narrow.
    pub(super) fn labelled(&mut self, label: &str, columns: usize, text: &str) -> io::Result<()> {
        let indent = self.label_columns(columns);
        if indent < columns {
            let label = if label.is_empty() { String::new() } else { format!("{label}: ") };
            return self.wrapped("  ", indent, &[(Look::Faint, &label), (Look::Plain, text)]);
        }
        let lead = format!("  {}", self.inked(Look::Faint, &format!("{label:<columns$}")));
        self.wrapped_after(&lead, indent, indent, &[(Look::Plain, text)])
    }

    /// Where the texts after labels begin.
    pub(super) fn label_columns(&self, columns: usize) -> usize {
        if self.style.width < 4 * columns { 4 } else { columns + 2 }
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

/// What stands between two blanks; its pieces may look different.
#[derive(Debug, Clone, Default)]
struct Word {
    pieces: Vec<(Look, String)>,
    columns: usize,
}

impl Word {
    fn push(&mut self, look: Look, piece: &str) {
        if !piece.is_empty() {
            self.columns += piece.width();
            self.pieces.push((look, piece.to_owned()));
        }
    }

    /// What fits into `room` columns, one character at least, and the rest.
    fn cut(mut self, room: usize) -> (Self, Self) {
        let (mut first, mut rest) = (Self::default(), Self::default());
        for (look, piece) in std::mem::take(&mut self.pieces) {
            let mut taken = 0;
            let mut columns = first.columns;
            for c in piece.chars() {
                let wide = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
                let begun = taken > 0 || !first.pieces.is_empty();
                if !rest.pieces.is_empty() || (columns + wide > room && begun) {
                    break;
                }
                taken += c.len_utf8();
                columns += wide;
            }
            first.push(look, &piece[..taken]);
            rest.push(look, &piece[taken..]);
        }
        (first, rest)
    }
}

fn words(spans: &[(Look, Cow<'_, str>)]) -> Vec<Word> {
    let mut words = vec![Word::default()];
    for (look, text) in spans {
        for (place, piece) in text.split(' ').enumerate() {
            if place > 0 {
                words.push(Word::default());
            }
            if let Some(word) = words.last_mut() {
                word.push(*look, piece);
            }
        }
    }
    words
}

/// Words in lines of at most `first` columns, then `room`; a word wider than a line is cut, a short last word gets company.
fn broken(words: Vec<Word>, first: usize, room: usize) -> Vec<Vec<Word>> {
    let mut lines: Vec<Vec<Word>> = vec![Vec::new()];
    let mut used = 0;
    for mut word in words {
        loop {
            let all = if lines.len() == 1 { first } else { room };
            let line = lines.last_mut().expect("there is always one");
            let blank = usize::from(!line.is_empty());
            if used + blank + word.columns <= all {
                used += blank + word.columns;
                // A line begins with a word; before the first of all, blanks are meant.
                if !(word.pieces.is_empty() && line.is_empty() && lines.len() > 1) {
                    lines.last_mut().expect("there is always one").push(word);
                }
                break;
            }
            if line.is_empty() {
                let (piece, rest) = word.cut(all.max(1));
                line.push(piece);
                word = rest;
            }
            lines.push(Vec::new());
            used = 0;
        }
    }
    keep_company(&mut lines, room);
    lines
}

/// A short word alone on the last line takes the word before it along.
fn keep_company(lines: &mut [Vec<Word>], room: usize) {
    const SHORT: usize = 9;
    let [.., before, last] = lines else { return };
    let alone = matches!(last.as_slice(), [one] if one.columns <= SHORT);
    let full = before.iter().filter(|word| !word.pieces.is_empty()).count() > 3;
    let fits = before.last().is_some_and(|word| word.columns > 0 && word.columns < room / 2);
    if alone
        && full
        && fits
        && let Some(word) = before.pop()
    {
        last.insert(0, word);
    }
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
    fn a_short_last_word_does_not_stand_alone() {
        let style = Style { width: 20, ..Style::default() };
        let text = page(&style, |page| page.wrapped("", 0, &[(Look::Plain, "one two three four no five")]));
        assert_eq!(text, "one two three four\nno five\n");
        let text = page(&style, |page| page.wrapped("", 0, &[(Look::Plain, "one two three four end")]));
        assert_eq!(text, "one two three\nfour end\n");
    }

    #[test]
    fn looks_change_inside_a_word() {
        let style = Style { width: 12, ..Style::default() };
        let text =
            page(&style, |page| page.wrapped("  ", 2, &[(Look::Name, "abcdef"), (Look::Plain, ": ghijklmnopqr")]));
        assert_eq!(text, "  abcdef:\n  ghijklmnop\n  qr\n");
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
