//! Lists of names, one a line.

use std::borrow::Cow;
use std::io::Read;

use super::window::Window;
use super::{Sink, Summary};
use crate::issuance::Record;

/// Octets a line may have.
const MAX_LINE: usize = 64 << 10;

/// Hands out each line without its end, with its offset; a line over the bound is cut there, and told so.
fn each_line(window: &mut Window<impl Read>, mut take: impl FnMut(u64, &[u8], bool)) {
    let mut rest_of_long_line = false;
    loop {
        // A line break of an old Mac ends a line too; that of Windows leaves an empty one behind.
        let found = memchr::memchr2(b'\n', b'\r', window.text());
        let (length, whole) = match found {
            Some(length) => (length, true),
            None if window.ended() => (window.text().len(), true),
            None if window.text().len() > MAX_LINE => (window.text().len(), false),
            None => {
                window.more();
                continue;
            }
        };
        if found.is_none() && length == 0 {
            return;
        }
        if !rest_of_long_line {
            let line = &window.text()[..length];
            let long = length > MAX_LINE;
            take(window.offset(), if long { &line[..MAX_LINE] } else { line }, long);
        }
        rest_of_long_line = !whole;
        window.pass(length + usize::from(found.is_some()));
    }
}

/// Names, one a line: the first column is a name, the second, if there, a label of its certificate. `#` starts a comment.
pub(super) fn names(window: &mut Window<impl Read>, summary: &mut Summary, sink: &mut Sink<'_>) {
    let mut first = true;
    each_line(window, |offset, line, long| {
        let line = if std::mem::take(&mut first) { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        let line = line.trim_ascii_end();
        if line.starts_with(b"#") {
            summary.skipped += 1;
        } else if long {
            summary.bad(offset, "a line over 64 KiB", line);
        } else if !line.is_empty() {
            let text = std::str::from_utf8(line).map_or_else(|_| String::from_utf8_lossy(line), Cow::Borrowed);
            let tab = memchr::memchr(b'\t', text.as_bytes());
            let (name, rest) = tab.map_or((&*text, ""), |tab| (&text[..tab], &text[tab + 1..]));
            let label = rest.split('\t').next().map(str::trim).filter(|label| !label.is_empty());
            // A name without a label is of no certificate: nothing but itself is to be kept.
            if sink.names_only() || label.is_none() {
                sink.listed(name);
            } else {
                let label = label.map(Into::into);
                sink.record(&Record { names: vec![name.into()], label, ..Record::default() });
            }
            summary.records += 1;
        }
    });
}
