//! JSON objects from a stream: a list, several lists, one a line or one behind the other, or lists within objects.
//!
//! After a fault the next place is sought where a whole record of the format can be read. A record of another format is
//! read as what it is: replies of several services are put one behind the other by `cat`.

use std::io::Read;

use memchr::memchr;

use super::window::Window;
use super::{MAX_RECORD, Sink, Summary, formats, recognise};
use crate::source::json::{self, Walk};
use crate::source::reply::Row;

/// A format whose records are JSON objects.
pub(super) trait Format {
    /// Its record, being read.
    type Row<'a>: Row<'a>;

    /// Hands the record to the sink.
    ///
    /// # Errors
    /// Why the object is no record of this format.
    fn give(row: Self::Row<'_>, summary: &mut Summary, sink: &mut Sink<'_>) -> Result<(), String>;
}

/// Where the reader is.
#[derive(Default)]
struct Place {
    /// A fault was counted, and no record has been read since.
    lost: bool,
    /// Lists that are open.
    open_lists: i64,
    /// The object that is no record itself and holds some, as a service or a tool wraps them.
    wrapper: Option<Wrapper>,
}

struct Wrapper {
    /// Where it ends.
    end: u64,
    /// Lists that were open where it started.
    open_lists: i64,
}

/// Reads the stream to its end.
pub(super) fn read<F: Format>(window: &mut Window<impl Read>, summary: &mut Summary, sink: &mut Sink<'_>) {
    let mut place = Place::default();
    loop {
        let offset = window.offset();
        let text = window.text();
        // A wrapper has been seen whole, so its end is at hand.
        let inside = place
            .wrapper
            .as_ref()
            .map(|wrapper| usize::try_from(wrapper.end.saturating_sub(offset)).unwrap_or(usize::MAX));
        let near = &text[..inside.map_or(text.len(), |inside| inside.min(text.len()))];
        let at = if place.lost { memchr(b'{', near) } else { to_object(near, &mut place.open_lists) };
        let Some(at) = at else {
            window.pass(near.len());
            if let Some(wrapper) = place.wrapper.take() {
                place.open_lists = wrapper.open_lists;
                continue;
            }
            if window.ended() {
                if place.open_lists > 0 && !place.lost {
                    summary.stop("the list has no end");
                }
                return;
            }
            window.more();
            continue;
        };
        if text[at] != b'{' && inside.is_some() {
            // What else a wrapper tells: `"total": 5`.
            let next = memchr(b'{', &near[at..]).map_or(near.len(), |next| at + next);
            window.pass(next);
            continue;
        }
        window.pass(at);
        let offset = window.offset();
        let text = window.text();
        if text[0] != b'{' {
            summary.bad(offset, "no JSON object", text);
            place.lost = true;
            continue;
        }
        match object::<F>(text, offset, window.ended(), &mut place, summary, sink) {
            Some(octets) => window.pass(octets),
            None => window.more(),
        }
    }
}

/// Takes the object at the start of the text; returns how many octets to pass, or `None` if more are needed first.
fn object<F: Format>(
    text: &[u8],
    offset: u64,
    ended: bool,
    place: &mut Place,
    summary: &mut Summary,
    sink: &mut Sink<'_>,
) -> Option<usize> {
    let mut row = F::Row::default();
    let fault = match json::object(text, |name, value| row.field(name, value)) {
        Walk::Whole(length) => match F::give(row, summary, sink) {
            Ok(()) => {
                summary.records += 1;
                place.lost = false;
                return Some(length);
            }
            Err(reason) => return Some(no_record(&text[..length], offset, &reason, place, summary, sink)),
        },
        Walk::Cut if !ended && text.len() < MAX_RECORD => return None,
        Walk::Cut if ended => {
            if !place.lost {
                summary.stop("the input ends in a record");
            }
            "the input ends in it"
        }
        Walk::Cut => "longer than 16 MiB",
        Walk::Broken(_, reason) => reason,
    };
    if !place.lost {
        summary.bad(offset, fault, text);
    }
    place.lost = true;
    Some(1)
}

/// Takes a whole object that is no record of the format; returns how many octets to pass.
fn no_record(
    object: &[u8],
    offset: u64,
    reason: &str,
    place: &mut Place,
    summary: &mut Summary,
    sink: &mut Sink<'_>,
) -> usize {
    if formats::give_any(object, summary, sink) {
        summary.records += 1;
        place.lost = false;
        return object.len();
    }
    // In search of a record, an object that is none is part of the fault already counted; in a wrapper, it is what else
    // that tells.
    if place.lost || place.wrapper.is_some() {
        return 1;
    }
    let within = &object[1..object.len().min(recognise::HEAD)];
    if recognise::object_kind(object).is_none() && recognise::json_kind(within, 0, false).is_some() {
        let end = offset + object.len() as u64;
        place.wrapper = Some(Wrapper { end, open_lists: place.open_lists });
        return 1;
    }
    summary.bad(offset, reason, object);
    object.len()
}

/// The position of the next octet that is no separator between objects.
fn to_object(text: &[u8], open_lists: &mut i64) -> Option<usize> {
    for (at, octet) in text.iter().enumerate() {
        match octet {
            b'[' => *open_lists += 1,
            b']' => *open_lists -= 1,
            // The byte order mark; the closing brace of an object that held a list of records.
            b' ' | b'\n' | b'\r' | b'\t' | b',' | 0xef | 0xbb | 0xbf | b'}' | 0x1e => {}
            _ => return Some(at),
        }
    }
    None
}
