//! What a reply is, before its list is read: by status, and by the sentences of the service.

use std::time::Duration;

use jiff::Timestamp;

use super::request::Reply;
use super::told::Told;
use crate::source::reply::{Odd, find, sentence, text_area};

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
        503 if wait.is_some() || find(&reply.body, b"nginx").is_some() => {
            Some(Reading::RateLimited { why: quote(), wait })
        }
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
        fn any_near_html_has_a_sentence(body in "(<|>|</|textarea|script|style|title|&lt;|é|x| ){0,30}") {
            let _ = (sentence(body.as_bytes()), by_status(&reply(503, &body)));
        }
    }
}
