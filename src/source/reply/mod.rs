//! What the CT search services answer, as records: pure readers of whole bodies and of single objects.
//!
//! A body that is not what its service documents is an error, never an empty list. Knows no HTTP.

pub(crate) mod certspotter;
pub(crate) mod crtsh;
mod page;

use std::fmt;

use super::json::{self, Walk};
pub use page::sentence;
pub(crate) use page::{find, text_area};
use page::{is_text, octets};

/// A reply body that is not the list it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// Nothing but white space.
    #[error("an empty body")]
    Empty,
    /// No JSON list: an HTML page, a sentence, another type of JSON.
    #[error("no list of records: it starts with `{head}`")]
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
}

/// The first characters of a text that is not what it should be, control characters escaped; octets where it is no text.
#[must_use]
pub fn head(text: &[u8]) -> String {
    let start = &text[..text.len().min(240)];
    if !is_text(start) {
        return octets(start);
    }
    let text = String::from_utf8_lossy(start);
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

/// Parts of an answer that are no records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// How many.
    pub count: u64,
    /// Where the first of them is and how it starts, control characters escaped.
    pub first: String,
}

impl Odd {
    /// Counts one more; `first` says what it is.
    pub(crate) fn count(odd: &mut Option<Self>, first: impl FnOnce() -> String) {
        odd.get_or_insert_with(|| Self { count: 0, first: first() }).count += 1;
    }

    /// Adds those of another answer.
    pub(crate) fn add(odd: &mut Option<Self>, other: Option<&Self>) {
        match (odd.as_mut(), other) {
            (Some(odd), Some(other)) => odd.count += other.count,
            (None, Some(other)) => *odd = Some(other.clone()),
            (_, None) => {}
        }
    }
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => write!(f, "1 part of the answer is no record: {}", self.first),
            count => write!(f, "{count} parts of the answer are no records, the first: {}", self.first),
        }
    }
}

/// Hands out what the objects of a list are, and tells of those that are nothing.
///
/// # Errors
/// [`ReplyError`] for anything but a list. Objects before a fault have been handed out by then.
pub(crate) fn each<'a, R: Row<'a>, E>(
    body: &'a [u8],
    read: impl Fn(&R) -> Option<E>,
    mut take: impl FnMut(E),
) -> Result<Option<Odd>, ReplyError> {
    let mut odd = None;
    rows(body, |offset, row: Option<R>| match row.as_ref().and_then(&read) {
        Some(entry) => take(entry),
        None => Odd::count(&mut odd, || format!("octet {offset}: `{}`", head(&body[offset..]))),
    })?;
    Ok(odd)
}

/// Hands out every whole object of a body, wherever it starts; `take` tells whether it is a record.
///
/// After a fault each object is tried, also those within others, until one is a record again.
pub(crate) fn salvage<'a, R: Row<'a>>(body: &'a [u8], mut take: impl FnMut(R) -> bool) {
    let (mut at, mut lost) = (without_mark(body), false);
    while at < body.len() {
        if !lost {
            at = between(body, at);
        }
        let Some(found) = body.get(at..).and_then(|rest| memchr::memchr(b'{', rest)) else { return };
        lost |= found > 0;
        at += found;
        let mut row = R::default();
        match json::object(&body[at..], |name, value| row.field(name, value)) {
            Walk::Whole(length) => {
                let record = take(row);
                at += if record || !lost { length } else { 1 };
                lost &= !record;
            }
            Walk::Cut | Walk::Broken(..) => (at, lost) = (at + 1, true),
        }
    }
}

/// The position of the next octet from `at` on that neither separates the objects of a list nor belongs to a plain value.
fn between(body: &[u8], mut at: usize) -> usize {
    while let Some(octet) = body.get(at) {
        at = match (octet, json::plain_element(body, at)) {
            (b'[' | b']' | b',' | b' ' | b'\n' | b'\r' | b'\t', _) => at + 1,
            (_, Some(end)) => end,
            (_, None) => return at,
        };
    }
    at
}

/// Where a body starts, behind a byte order mark.
fn without_mark(body: &[u8]) -> usize {
    if body.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
}

/// Whether a body has a record anywhere.
pub(crate) fn has_records<'a, R: Row<'a>, E>(body: &'a [u8], read: impl Fn(&R) -> Option<E>) -> bool {
    let mut found = false;
    salvage(body, |row| {
        let record = read(&row).is_some();
        found |= record;
        record
    });
    found
}

/// Reads a body that is one list of objects, or objects one after the other (older dumps), and hands out each with the
/// octet it starts at; a plain value among the objects of a list is handed out as no row.
///
/// # Errors
/// [`ReplyError`] for anything else. Objects before a fault have been handed out by then.
fn rows<'a, R: Row<'a>>(body: &'a [u8], mut take: impl FnMut(usize, Option<R>)) -> Result<(), ReplyError> {
    let mut at = json::skip_blank(body, without_mark(body));
    let listed = match body.get(at) {
        None => return Err(ReplyError::Empty),
        Some(b'[') => true,
        Some(b'{') => false,
        Some(_) => return Err(ReplyError::NotAList { head: head(body) }),
    };
    let (mut records, mut plain) = (0, false);
    let broken = |records, offset: usize| Err(ReplyError::Broken { records, offset, head: head(&body[offset..]) });
    at = json::skip_blank(body, at + usize::from(listed));
    loop {
        match body.get(at) {
            Some(b'{') => {}
            Some(b']') if listed && plain && records == 0 => return Err(ReplyError::NotAList { head: head(body) }),
            Some(b']') if listed => {
                let end = json::skip_blank(body, at + 1);
                return if end == body.len() { Ok(()) } else { broken(records, end) };
            }
            None if !listed => return Ok(()),
            None => return Err(ReplyError::Cut { records, offset: at }),
            Some(_) => match json::plain_element(body, at).filter(|_| listed) {
                Some(end) => {
                    take(at, None);
                    plain = true;
                    at = behind_comma(body, end);
                    continue;
                }
                None if records == 0 => return Err(ReplyError::NotAList { head: head(body) }),
                None => return broken(records, at),
            },
        }
        let mut row = R::default();
        let offset = at;
        match json::object(&body[at..], |name, value| row.field(name, value)) {
            Walk::Whole(length) => at = behind_comma(body, at + length),
            Walk::Cut => return Err(ReplyError::Cut { records, offset: body.len() }),
            Walk::Broken(fault, _) => return broken(records, at + fault),
        }
        take(offset, Some(row));
        records += 1;
    }
}

/// The next octet behind an element and the comma that may follow it.
fn behind_comma(body: &[u8], end: usize) -> usize {
    let at = json::skip_blank(body, end);
    if body.get(at) == Some(&b',') { json::skip_blank(body, at + 1) } else { at }
}
