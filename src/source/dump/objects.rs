//! JSON objects from a stream: a list, several lists, one a line or one behind the other.
//!
//! After a fault the next place is sought where a whole record of the format can be read.

use std::io::Read;

use memchr::memchr;

use super::window::Window;
use super::{MAX_RECORD, Sink, Summary};
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

/// Reads the stream to its end.
pub(super) fn read<F: Format>(window: &mut Window<impl Read>, summary: &mut Summary, sink: &mut Sink<'_>) {
    let mut lost = false;
    let mut open_lists = 0_i64;
    loop {
        let text = window.text();
        let at = if lost { memchr(b'{', text) } else { to_object(text, &mut open_lists) };
        let Some(at) = at else {
            window.pass(text.len());
            if window.ended() {
                if open_lists > 0 && !lost {
                    summary.stop("the list has no end");
                }
                return;
            }
            window.more();
            continue;
        };
        window.pass(at);
        let offset = window.offset();
        let text = window.text();
        if text[0] != b'{' {
            summary.bad(offset, "no JSON object", text);
            lost = true;
            continue;
        }
        match object::<F>(text, offset, window.ended(), &mut lost, summary, sink) {
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
    lost: &mut bool,
    summary: &mut Summary,
    sink: &mut Sink<'_>,
) -> Option<usize> {
    let mut row = F::Row::default();
    let fault = match json::object(text, |name, value| row.field(name, value)) {
        Walk::Whole(length) => match F::give(row, summary, sink) {
            Ok(()) => {
                summary.records += 1;
                *lost = false;
                return Some(length);
            }
            // In search of a record, an object that is none is part of the fault already counted.
            Err(_) if *lost => return Some(1),
            Err(reason) => {
                summary.bad(offset, &reason, text);
                return Some(length);
            }
        },
        Walk::Cut if !ended && text.len() < MAX_RECORD => return None,
        Walk::Cut if ended => {
            if !*lost {
                summary.stop("the input ends in a record");
            }
            "the input ends in it"
        }
        Walk::Cut => "longer than 16 MiB",
        Walk::Broken(_, reason) => reason,
    };
    if !*lost {
        summary.bad(offset, fault, text);
    }
    *lost = true;
    Some(1)
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
