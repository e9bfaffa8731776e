//! What the CT search services answer, as records: pure readers of whole reply bodies and of single rows.
//!
//! A body that is not what its service documents is an error, never an empty list. Knows no HTTP.

pub mod certspotter;
pub mod crtsh;

use super::json::{self, Walk};

/// A reply body that is not the list it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// Nothing but white space.
    #[error("an empty body")]
    Empty,
    /// No JSON list: an HTML page, a sentence, another type of JSON.
    #[error("no JSON list: it starts with `{head}`")]
    NotAList {
        /// The first characters, control characters escaped.
        head: String,
    },
    /// The body ends before the list does.
    #[error("cut off at octet {offset}, after {records} whole records")]
    Cut {
        /// Whole records before the end.
        records: usize,
        /// Length of what came.
        offset: usize,
    },
    /// A list that goes over into something else: crt.sh appends an HTML sentence when it fails in mid-answer.
    #[error("no JSON from octet {offset} on, after {records} whole records: `{head}`")]
    Broken {
        /// Whole records before the fault.
        records: usize,
        /// Where the fault is.
        offset: usize,
        /// The characters from there on, control characters escaped.
        head: String,
    },
    /// An object of the list lacks what makes it a record.
    #[error("record {index} has no `{field}`")]
    Incomplete {
        /// Position in the list, from 0.
        index: usize,
        /// The missing field.
        field: &'static str,
    },
    /// The service refused, in the JSON way of Cert Spotter.
    #[error("{code}: {message}")]
    Refused {
        /// `rate_limited`, `not_allowed_by_plan`, ...
        code: String,
        /// For people.
        message: String,
    },
}

/// The first characters of a text that is not what it should be, control characters escaped.
#[must_use]
pub fn head(text: &[u8]) -> String {
    let end = text.len().min(240);
    let text = String::from_utf8_lossy(&text[..end]);
    let mut head = String::new();
    for c in text.trim_start_matches('\u{feff}').chars().take(60) {
        // Quotes are harmless, and JSON is easier to read with plain ones.
        if matches!(c, '"' | '\'') { head.push(c) } else { head.extend(c.escape_debug()) }
    }
    head
}

/// One row being read: takes fields as they come, then says what it is.
pub(crate) trait Row<'a>: Default {
    /// Takes one field.
    fn field(&mut self, name: &'a [u8], value: json::Value<'a>);
}

/// Reads a body that is one list of objects, or objects one after the other (older dumps), and hands out each.
///
/// # Errors
/// [`ReplyError`] for anything else. Objects before a fault have been handed out by then.
pub(crate) fn rows<'a, R: Row<'a>>(
    body: &'a [u8],
    mut take: impl FnMut(usize, R) -> Result<(), ReplyError>,
) -> Result<usize, ReplyError> {
    let start = if body.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut at = json::skip_blank(body, start);
    let listed = match body.get(at) {
        None => return Err(ReplyError::Empty),
        Some(b'[') => true,
        Some(b'{') => false,
        Some(_) => return Err(ReplyError::NotAList { head: head(body) }),
    };
    let mut records = 0;
    let broken = |records, offset: usize| Err(ReplyError::Broken { records, offset, head: head(&body[offset..]) });
    at = json::skip_blank(body, at + usize::from(listed));
    loop {
        match body.get(at) {
            Some(b'{') => {}
            Some(b']') if listed => {
                let end = json::skip_blank(body, at + 1);
                return if end == body.len() { Ok(records) } else { broken(records, end) };
            }
            None if !listed => return Ok(records),
            None => return Err(ReplyError::Cut { records, offset: at }),
            Some(_) if records == 0 => return Err(ReplyError::NotAList { head: head(body) }),
            Some(_) => return broken(records, at),
        }
        let mut row = R::default();
        match json::object(&body[at..], |name, value| row.field(name, value)) {
            Walk::Whole(length) => at = json::skip_blank(body, at + length),
            Walk::Cut => return Err(ReplyError::Cut { records, offset: body.len() }),
            Walk::Broken(offset, _) => return broken(records, at + offset),
        }
        take(records, row)?;
        records += 1;
        if body.get(at) == Some(&b',') {
            at = json::skip_blank(body, at + 1);
        }
    }
}
