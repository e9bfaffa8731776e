//! Hostile text made printable, one function a place where it may land: terminal, Markdown, CSV cell, shell line.
//!
//! Names come from anyone who can get a certificate, records and texts from the servers of the party under
//! investigation. Nothing of them reaches an output except through this room; HTML adds its own escapes on top.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with everything invisible, reordering or control-like written out: `\u{1b}`, `\u{202e}`.
///
/// Letters, marks and symbols of all scripts stay, except combining marks, whose place depends on what stands before.
#[must_use]
pub fn text(raw: &str) -> Cow<'_, str> {
    escape(raw, is_plain)
}

/// As [`text`], and all that is not ASCII written out too.
#[must_use]
pub fn ascii(raw: &str) -> Cow<'_, str> {
    escape(raw, |c| c.is_ascii() && is_plain(c))
}

fn escape(raw: &str, keep: fn(char) -> bool) -> Cow<'_, str> {
    if raw.chars().all(keep) {
        return Cow::Borrowed(raw);
    }
    let mut printable = String::with_capacity(raw.len() + 16);
    for c in raw.chars() {
        if keep(c) {
            printable.push(c);
        } else {
            push_escape(&mut printable, c);
        }
    }
    Cow::Owned(printable)
}

fn push_escape(printable: &mut String, c: char) {
    write!(printable, "\\u{{{:x}}}", u32::from(c)).expect("writing to a String cannot fail");
}

/// Whether a character shows as itself, in its place, on every terminal and in every browser.
pub(super) fn is_plain(c: char) -> bool {
    match c {
        ' '..='~' => true,
        // Letters by category, blank to the eye.
        '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}' => false,
        c if c.is_ascii() => false,
        // What `escape_debug` leaves alone is printable and no extending mark (std's tables of Cc, Cf, Cn, Co, Z*, M*).
        c => c.escape_debug().len() == 1,
    }
}

/// Bounds a text to `most` characters, with a mark and the number of those left out.
#[must_use]
pub(super) fn bounded(raw: &str, most: usize) -> Cow<'_, str> {
    match raw.char_indices().nth(most) {
        None => Cow::Borrowed(raw),
        Some((end, _)) => Cow::Owned(format!("{} [{} more characters]", &raw[..end], raw[end..].chars().count())),
    }
}

/// A Markdown code span that shows the text and nothing else: no link, no mention, no end of the span from inside.
///
/// Backtick and vertical bar are written out, so the span may stand in a table cell and needs one backtick only.
#[must_use]
pub(super) fn markdown_code(raw: &str) -> String {
    let mut span = String::with_capacity(raw.len() + 2);
    span.push('`');
    for c in raw.trim().chars() {
        if is_plain(c) && !matches!(c, '`' | '|') {
            span.push(c);
        } else {
            push_escape(&mut span, c);
        }
    }
    if span.len() == 1 {
        span.push(' ');
    }
    span.push('`');
    span
}

/// A sentence of ours that may hold names and values: every word that is not plain prose goes into a code span.
///
/// Code spans the sentence brings along are kept as one span; what is left is words of letters, digits and common
/// punctuation, which no Markdown dialect makes anything of.
#[must_use]
pub(super) fn markdown_prose(raw: &str) -> String {
    let mut prose = String::with_capacity(raw.len() + 16);
    let spans: Vec<&str> = raw.split('`').collect();
    let balanced = spans.len() % 2 == 1;
    for (index, part) in spans.iter().enumerate() {
        if balanced && index % 2 == 1 {
            prose.push_str(&markdown_code(part));
            continue;
        }
        for (place, word) in part.split([' ', '\n', '\t', '\r']).enumerate() {
            if place > 0 {
                prose.push(' ');
            }
            push_word(&mut prose, word);
        }
        if !balanced && index + 1 < spans.len() {
            prose.push(' ');
        }
    }
    // A line that begins like a list item, heading or quote is impossible: such words are in code spans. A number with
    // a dot is the one exception.
    prose
}

fn push_word(prose: &mut String, word: &str) {
    let opening = word.len() - word.trim_start_matches(['(', '"', '\'']).len();
    let core_end = word.trim_end_matches([',', '.', ';', ':', ')', '?', '!', '"', '\'']).len().max(opening);
    let core = &word[opening..core_end];
    if is_prose(core) {
        prose.push_str(word);
    } else {
        prose.push_str(&word[..opening]);
        prose.push_str(&markdown_code(core));
        prose.push_str(&word[core_end..]);
    }
}

/// Letters, digits and joining punctuation that mean nothing to Markdown; a dot inside makes a word a name.
fn is_prose(core: &str) -> bool {
    let harmless =
        |c: char| is_plain(c) && (c.is_alphanumeric() || matches!(c, '-' | '\'' | ',' | '/' | '%' | '+' | '='));
    let decimal = |core: &str| core.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '%'));
    (core.chars().all(harmless) && !core.starts_with(['-', '+', '=']) && !core.contains("://") && !core.contains("--"))
        || (decimal(core) && core.matches('.').count() <= 2 && !core.ends_with('.'))
        || core == "-"
}

/// A fence of backticks longer than any run of them in the text, three at least.
#[must_use]
pub(super) fn markdown_fence(text: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat((longest + 1).max(3))
}

/// A cell of CSV or TSV that no spreadsheet takes for a formula: an apostrophe goes before `= + - @` and their wide forms.
#[must_use]
pub fn csv_cell(raw: &str) -> Cow<'_, str> {
    let printable = text(raw);
    let formula = printable
        .trim_start()
        .starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '\u{2212}', '|', '%']);
    if formula { Cow::Owned(format!("'{printable}")) } else { printable }
}

/// Whether a name or address may stand in a command line that people copy.
#[must_use]
pub(super) fn shell_word(raw: &str) -> bool {
    !raw.is_empty()
        && !raw.starts_with('-')
        && raw.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'*' | b'-'))
}

/// The `dig` command that asks for CAA at `name`, at one server or by the system's resolver.
///
/// `None` where a name would need quoting, or the server is neither a host name nor an IP address.
#[must_use]
pub(super) fn dig(name: &str, server: Option<&str>, recurse: bool) -> Option<String> {
    if !shell_word(name) {
        return None;
    }
    let at = match server {
        None => String::new(),
        Some(server) if shell_word(server) || server.parse::<std::net::IpAddr>().is_ok() => format!(" @{server}"),
        Some(_) => return None,
    };
    let recursion = if recurse { "" } else { " +norecurse" };
    // Quoted although these characters need it not: whoever copies the line need not think about it.
    Some(format!("dig +dnssec{recursion} CAA '{name}'{at}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_invisible_or_a_command_is_written_out() {
        for (raw, printable) in [
            ("plain text, \\ and \"quotes\"", "plain text, \\ and \"quotes\""),
            ("\x1b[2Jgone", "\\u{1b}[2Jgone"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\u{202e}b\u{2066}c", "a\\u{202e}b\\u{2066}c"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("line\nfeed\u{2028}", "line\\u{a}feed\\u{2028}"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
            ("e\u{301}", "e\\u{301}"),
            ("Sécurité 証明書", "Sécurité 証明書"),
            ("blank\u{3164}\u{a0}", "blank\\u{3164}\\u{a0}"),
        ] {
            assert_eq!(text(raw), printable);
        }
        assert_eq!(ascii("Sécurité"), "S\\u{e9}curit\\u{e9}");
    }

    #[test]
    fn a_code_span_cannot_be_left() {
        assert_eq!(markdown_code("a`b|c\nd"), "`a\\u{60}b\\u{7c}c\\u{a}d`");
        assert_eq!(markdown_code(""), "` `");
    }

    #[test]
    fn names_in_prose_become_code_and_prose_stays() {
        for (raw, markdown) in [
            ("The registry of net must act.", "The registry of net must act."),
            ("It fails at a.example.net, so retry.", "It fails at `a.example.net`, so retry."),
            ("Ask `x y` again (12.5 ms).", "Ask `x y` again (12.5 ms)."),
            ("ping @admin and #tag :cat:", "ping `@admin` and `#tag` `:cat`:"),
            ("an unbalanced ` tick", "an unbalanced   tick"),
            ("![x](http://evil.example/p.png)", "`![x](http://evil.example/p.png`)"),
            ("<img src=x>", "`<img` `src=x>`"),
            ("**bold** _under_", "`**bold**` `_under_`"),
            ("[details=\"x\"]", "`[details=\"x\"]`"),
        ] {
            assert_eq!(markdown_prose(raw), markdown, "{raw}");
        }
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(markdown_fence("none"), "```");
        assert_eq!(markdown_fence("````"), "`````");
    }

    #[test]
    fn formulas_are_defused() {
        for (raw, cell) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-foo.example", "'-foo.example"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "\\u{9}=1"),
            ("  =1", "'  =1"),
            ("a.example", "a.example"),
        ] {
            assert_eq!(csv_cell(raw), cell);
        }
    }

    #[test]
    fn a_command_is_offered_for_host_names_only() {
        assert_eq!(dig("a.example", None, true).as_deref(), Some("dig +dnssec CAA 'a.example'"));
        assert_eq!(
            dig("a.example", Some("2001:db8::1"), false).as_deref(),
            Some("dig +dnssec +norecurse CAA 'a.example' @2001:db8::1")
        );
        assert_eq!(dig("*.a.example", None, true).as_deref(), Some("dig +dnssec CAA '*.a.example'"));
        assert_eq!(dig("a;reboot", None, true), None);
        assert_eq!(dig("-f/etc/passwd", None, true), None);
        assert_eq!(dig("a.example", Some("$(id)"), true), None);
    }

    proptest! {
        #[test]
        fn no_control_character_passes(raw in any::<String>()) {
            for printable in [text(&raw).into_owned(), csv_cell(&raw).into_owned(), markdown_code(&raw), markdown_prose(&raw)] {
                prop_assert!(printable.chars().all(is_plain), "{:?}", printable);
            }
            prop_assert!(ascii(&raw).is_ascii());
        }

        #[test]
        fn a_code_span_has_two_backticks(raw in any::<String>()) {
            prop_assert_eq!(markdown_code(&raw).matches('`').count(), 2);
            prop_assert_eq!(markdown_prose(&raw).matches('`').count() % 2, 0);
        }
    }
}
