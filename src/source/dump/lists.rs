//! Plain lists: one name a line, and in a second column, after a TAB, the label of the certificate that holds it.

use std::borrow::Cow;
use std::io;

use super::Summary;
use super::window::Window;
use crate::issuance::{Collection, Origin, Record};

/// Octets of a line that are read.
const MAX_LINE: usize = 64 << 10;

/// Reads lines to the end. Blank lines and lines that start with `#` are no records.
pub(super) fn read(
    window: &mut Window,
    collection: &mut Collection,
    origin: Origin,
    summary: &mut Summary,
) -> io::Result<()> {
    if window.rest().starts_with(b"\xef\xbb\xbf") {
        window.consume(3);
    }
    loop {
        let rest = window.rest();
        match memchr::memchr(b'\n', rest) {
            Some(end) => {
                line(&rest[..end], collection, origin, summary);
                window.consume(end + 1);
            }
            None if rest.len() > MAX_LINE => {
                summary.unreadable(window.offset(), "a line of over 64 KiB");
                pass_over_line(window)?;
            }
            None if window.more()? => {}
            None => {
                line(window.rest(), collection, origin, summary);
                window.consume(window.rest().len());
                return Ok(());
            }
        }
    }
}

fn pass_over_line(window: &mut Window) -> io::Result<()> {
    loop {
        if let Some(end) = memchr::memchr(b'\n', window.rest()) {
            window.consume(end + 1);
            return Ok(());
        }
        window.consume(window.rest().len());
        if !window.more()? {
            return Ok(());
        }
    }
}

fn line(line: &[u8], collection: &mut Collection, origin: Origin, summary: &mut Summary) {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches('\r');
    if text.trim().is_empty() || text.starts_with('#') {
        return;
    }
    summary.records += 1;
    let mut columns = text.split('\t');
    let name = columns.next().unwrap_or_default();
    let label = columns.next().map(str::trim).filter(|label| !label.is_empty());
    if label.is_none() {
        collection.begin();
        collection.name(name);
        collection.end();
        return;
    }
    let record = Record { names: vec![Cow::Borrowed(name)], label: label.map(Cow::Borrowed), ..Record::default() };
    collection.add(&record, origin);
}
