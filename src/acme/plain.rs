//! Text as logs, mails and forum posts carry it, brought back to what the CA wrote: escapes, entities, typographic quotes.

use std::borrow::Cow;

/// Characters kept of a text that is quoted in a report.
const QUOTE: usize = 400;
/// How often a log may be wrapped in a log: each pass takes one layer of escapes off.
const LAYERS: usize = 4;

/// Takes escapes and entities off, so that the grammar sees what the CA wrote.
///
/// The result is never longer than the input. Line breaks become blanks.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    let odd = |text: &str| text.bytes().any(|octet| matches!(octet, b'\\' | b'&' | b'\n' | b'\r' | b'\t' | 0x80..));
    if !odd(text) {
        return Cow::Borrowed(text);
    }
    let mut text = pass(text);
    for _ in 1..LAYERS {
        if !text.bytes().any(|octet| matches!(octet, b'\\' | b'&')) {
            break;
        }
        text = pass(&text);
    }
    Cow::Owned(text)
}

fn pass(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let taken = match character {
            '\\' => escape(rest, &mut out),
            '&' => entity(rest, &mut out),
            _ => {
                match character {
                    '\u{2018}' | '\u{2019}' | '\u{201b}' => out.push('\''),
                    '\u{201c}' | '\u{201d}' | '\u{201e}' => out.push('"'),
                    '\u{2013}' | '\u{2014}' => out.push('-'),
                    '\u{a0}' | '\t' | '\n' | '\r' => out.push(' '),
                    '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => {}
                    other => out.push(other),
                }
                character.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}

/// Reads one backslash escape; gives the octets taken.
fn escape(rest: &str, out: &mut String) -> usize {
    match rest.as_bytes().get(1) {
        Some(b'n' | b'r' | b't') => out.push(' '),
        Some(&octet @ (b'"' | b'\'' | b'\\' | b'/')) => out.push(char::from(octet)),
        Some(b'u') => {
            let digits = rest.get(2..6).filter(|digits| digits.bytes().all(|octet| octet.is_ascii_hexdigit()));
            let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
            if let Some(code) = code {
                out.push(code);
                return 6;
            }
            out.push('\\');
            return 1;
        }
        _ => {
            out.push('\\');
            return 1;
        }
    }
    2
}

/// Reads one HTML entity; gives the octets taken.
fn entity(rest: &str, out: &mut String) -> usize {
    const ENTITIES: &[(&str, char)] = &[
        ("&quot;", '"'),
        ("&#34;", '"'),
        ("&#39;", '\''),
        ("&#x27;", '\''),
        ("&apos;", '\''),
        ("&amp;", '&'),
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&nbsp;", ' '),
    ];
    if let Some((entity, character)) = ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity)) {
        out.push(*character);
        entity.len()
    } else {
        out.push('&');
        1
    }
}

/// A text fit to be quoted: at most 400 characters, everything outside printable ASCII escaped, blanks joined.
pub(super) fn quotable(text: &str) -> String {
    let mut out = String::new();
    let mut kept = 0;
    for word in text.split_whitespace() {
        if kept > 0 {
            out.push(' ');
        }
        for character in word.chars() {
            if kept >= QUOTE {
                out.push_str("...");
                return out;
            }
            kept += 1;
            match character {
                ' '..='~' => out.push(character),
                other => out.extend(other.escape_unicode()),
            }
        }
        kept += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn layers_of_escapes_come_off() {
        for (text, expected) in [
            (r#"\"detail\": \"x\""#, r#""detail": "x""#),
            (r#"\\\"x\\\""#, r#""x""#),
            (r"a\nb\tc", "a b c"),
            (r"domain\u0027s", "domain's"),
            ("domain\u{2019}s", "domain's"),
            ("domain&#39;s &amp;quot;", "domain's \""),
            ("ends with \\", "ends with \\"),
            (r"\u12", r"\u12"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn quoted_texts_are_short_and_printable() {
        assert_eq!(quotable("a\u{1b}[31m  b\n\u{202e}c"), "a\\u{1b}[31m b \\u{202e}c");
        assert!(quotable(&"x ".repeat(1000)).len() < 500);
    }

    proptest! {
        #[test]
        fn any_text_becomes_plain_and_never_longer(text in any::<String>()) {
            prop_assert!(plain(&text).len() <= text.len());
            prop_assert!(quotable(&text).bytes().all(|octet| (b' '..=b'~').contains(&octet)));
        }
    }
}
