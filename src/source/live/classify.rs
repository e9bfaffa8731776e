//! What a reply is, before its list is read: by status, and by the sentences that services hide in HTML.

use std::time::Duration;

use jiff::Timestamp;

use super::request::Reply;
use super::told::Told;
use crate::source::reply::Odd;

/// Most characters of a quoted sentence.
const QUOTED: usize = 200;

/// What a reply turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// A page.
    Page(PageFacts),
    /// No page now; the same request may succeed later.
    Transient {
        /// Why, in one line.
        why: String,
        /// Whole records came before the fault.
        partial: bool,
    },
    /// The service gave up after its own deadline; once more may help, then the request is too big.
    Slow {
        /// Why.
        why: String,
    },
    /// We asked too often.
    RateLimited {
        /// Why.
        why: String,
        /// When the service wants to be asked again, if it says so.
        wait: Option<Duration>,
    },
    /// The service cannot answer this; the same request would fail again.
    TooBig {
        /// Why.
        why: String,
    },
    /// The service does not serve us, whatever we ask.
    Refused {
        /// Why.
        why: String,
    },
}

/// What a page holds, as far as the next request depends on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageFacts {
    /// Records.
    pub records: u64,
    /// Objects that are no records.
    pub odd: Option<Odd>,
    /// Rows used of the service's cap, where it tells.
    pub rows: Option<u64>,
    /// Where the next page starts, where the service has pages.
    pub cursor: Option<String>,
    /// The page will not change, however old.
    pub lasting: bool,
    /// What is odd about it, one sentence.
    pub note: Option<String>,
    /// Who issued what, where that matters.
    pub told: Told,
}

impl PageFacts {
    /// Whether the page says that there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.records == 0 && self.odd.is_none() && self.told.issuers.is_empty()
    }
}

/// Judges a reply by its status; `None` for a success, whose body is to be read.
pub(super) fn by_status(reply: &Reply) -> Option<Reading> {
    let quote = || {
        let text = sentence(&reply.body);
        if text.is_empty() { format!("status {}", reply.status) } else { format!("status {}: {text}", reply.status) }
    };
    let wait = retry_after(reply);
    match reply.status {
        200 => None,
        429 => Some(Reading::RateLimited { why: quote(), wait }),
        503 if text_area(&reply.body).is_some() => Some(database_error(&reply.body)),
        503 if reply.body.trim_ascii() == b"ERROR" => Some(Reading::Slow { why: quote() }),
        // nginx answers 503 to what its limit_req refuses, unless it is told otherwise.
        503 if wait.is_some() || contains(&reply.body, b"nginx") => Some(Reading::RateLimited { why: quote(), wait }),
        // A success without the whole list is an accident of somebody in between.
        201..=299 | 408 | 425 | 500.. => Some(Reading::Transient { why: quote(), partial: false }),
        // Everything else is about us or about the address, not about the moment.
        _ => Some(Reading::Refused { why: quote() }),
    }
}

/// The message of a database behind a web page, and whether trying again makes sense.
fn database_error(body: &[u8]) -> Reading {
    by_message(sentence(body))
}

/// Judges an error sentence of crt.sh.
pub(super) fn by_message(why: String) -> Reading {
    let lower = why.to_lowercase();
    if lower.contains("statement timeout") {
        Reading::TooBig { why }
    } else if ["unsupported", "invalid value", "not permitted"].iter().any(|word| lower.contains(word)) {
        Reading::Refused { why }
    } else {
        Reading::Transient { why, partial: false }
    }
}

/// When the service wants to be asked again: seconds, or a date (RFC 9110 §10.2.3).
pub(super) fn retry_after(reply: &Reply) -> Option<Duration> {
    let text = reply.retry_after.as_deref()?.trim();
    if !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit()) {
        // More digits than fit are for ever.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let date: Timestamp = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let seconds = date.as_second().saturating_sub(reply.asked_at.as_second());
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// The text of an HTML page, or of a plain answer, as one short line: no markup, no control characters.
///
/// Where the page has a TEXTAREA, its content is the message and the rest is decoration.
#[must_use]
pub fn sentence(body: &[u8]) -> String {
    let body = text_area(body).unwrap_or(body);
    let start = &body[..body.len().min(16 << 10)];
    if !is_text(start) {
        let octets: Vec<String> = start.iter().take(8).map(|octet| format!("{octet:02x}")).collect();
        return format!("no text, octets {} ...", octets.join(" "));
    }
    let text = String::from_utf8_lossy(start);
    let plain = decode_entities(&without_tags(&text));
    let words: Vec<&str> =
        plain.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let line = words.join(" ");
    let mut short: String = line.chars().take(QUOTED).collect();
    if short.len() < line.len() {
        short.push_str("...");
    }
    short.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\"")
}

/// Whether a text is one: hardly any control characters, and no more than a few octets that are no UTF-8.
fn is_text(body: &[u8]) -> bool {
    let odd = |c: char| c == char::REPLACEMENT_CHARACTER || (c.is_control() && !c.is_ascii_whitespace());
    let text = String::from_utf8_lossy(body);
    let (all, odd) = text.chars().fold((0, 0), |(all, count), c| (all + 1, count + usize::from(odd(c))));
    odd * 8 <= all
}

fn text_area(body: &[u8]) -> Option<&[u8]> {
    let start = find(body, b"<textarea")?;
    let open = start + body[start..].iter().position(|&octet| octet == b'>')? + 1;
    let end = find(&body[open..], b"</textarea").map_or(body.len(), |end| open + end);
    Some(&body[open..end])
}

/// Drops tags, and the content of elements that hold no text for readers.
fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        plain.push_str(&rest[..open]);
        plain.push(' ');
        let tag = &rest[open..];
        let hidden = ["script", "style", "title"].into_iter().find(|name| {
            tag.as_bytes().get(1..=name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
        });
        let end = match hidden.filter(|&name| name != "title") {
            Some(name) => find(tag.as_bytes(), format!("</{name}").as_bytes()).unwrap_or(tag.len()),
            None => 0,
        };
        let Some(close) = tag[end..].find('>') else { return plain };
        rest = &tag[end + close + 1..];
    }
    plain.push_str(rest);
    plain
}

fn decode_entities(text: &str) -> String {
    // `&amp;` last: what it gives must not be decoded again.
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain))
}

/// Where `needle`, in lower case, starts in `text` of any case.
pub(super) fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len()).position(|window| window.eq_ignore_ascii_case(needle))
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    find(text, needle).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status,
            content_type: Some("text/html".into()),
            retry_after: None,
            body: body.into(),
            asked_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_or_nothing() {
        for (text, expected) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("99999999999999999999999", Some(u64::from(u32::MAX))),
            ("Fri, 02 Jan 2026 03:05:05 GMT", Some(60)),
            ("Fri, 02 Jan 2026 03:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
            ("", None),
        ] {
            let reply = Reply { retry_after: Some(text.into()), ..reply(429, "") };
            assert_eq!(retry_after(&reply), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_page_becomes_its_sentence() {
        for (page, expected) in [
            ("<html><style>p{}</style><body><p>Too&nbsp;many &lt;requests&gt;</p>\r\n</body>", "Too many <requests>"),
            ("<TEXTAREA rows=2>ERROR:  canceling\nstatement</TEXTAREA>other", "ERROR: canceling statement"),
            ("plain \u{1b}[31m text\u{202e}", "plain [31m text\\u{202e}"),
            ("<unclosed", ""),
            ("\u{1f}\u{8b}\u{8}\0\u{3}", "no text, octets 1f c2 8b 08 00 03 ..."),
            ("&amp;lt;", "&lt;"),
        ] {
            assert_eq!(sentence(page.as_bytes()), expected, "{page}");
        }
        assert!(sentence("x ".repeat(1000).as_bytes()).len() <= QUOTED + 3);
    }

    #[test]
    fn a_status_says_whether_trying_again_makes_sense() {
        let name = |status, body| match by_status(&reply(status, body)) {
            None => "read",
            Some(Reading::Page(_)) => "page",
            Some(Reading::Transient { .. }) => "transient",
            Some(Reading::Slow { .. }) => "slow",
            Some(Reading::RateLimited { .. }) => "limited",
            Some(Reading::TooBig { .. }) => "too big",
            Some(Reading::Refused { .. }) => "refused",
        };
        for (status, body, expected) in [
            (200, "[]", "read"),
            (429, "", "limited"),
            (503, "<center>nginx</center>", "limited"),
            (503, "ERROR", "slow"),
            (503, "<TEXTAREA>ERROR: canceling statement due to statement timeout</TEXTAREA>", "too big"),
            (503, "<TEXTAREA>FATAL: terminating connection due to conflict with recovery</TEXTAREA>", "transient"),
            (503, "<TEXTAREA>server conn crashed?</TEXTAREA>", "transient"),
            (502, "<center>nginx</center>", "transient"),
            (504, "", "transient"),
            (520, "", "transient"),
            (403, "blocked", "refused"),
            (404, "", "refused"),
            (302, "", "refused"),
            (204, "", "transient"),
            (206, "[{", "transient"),
            (300, "", "refused"),
            (401, "", "refused"),
            (999, "", "transient"),
        ] {
            assert_eq!(name(status, body), expected, "{status} {body}");
        }
    }

    proptest! {
        #[test]
        fn any_body_has_a_short_sentence_without_control_characters(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let text = sentence(&body);
            prop_assert!(!text.chars().any(char::is_control));
        }

        #[test]
        fn any_near_html_has_a_sentence(body in "(<|>|</|textarea|script|style|title|&lt;|é|x| ){0,30}") {
            let _ = (sentence(body.as_bytes()), by_status(&reply(503, &body)));
        }
    }
}
