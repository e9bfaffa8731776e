//! Certificates as files hold them: PEM bundles with anything between the blocks, and DER.

use std::io;

use memchr::memmem;

use super::Summary;
use super::window::Window;
use crate::issuance::{Collection, Origin, x509};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
/// Labels of PEM blocks that are certificates (RFC 7468 §5.1, and what OpenSSL writes).
const LABELS: &[&str] = &["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "PRECERTIFICATE"];
/// A certificate of the largest size in base64, and room for line ends.
const MAX_BLOCK: usize = x509::MAX_DER * 3 / 2;

/// Reads every certificate block; blocks of other kinds (keys, requests) are passed over.
pub(super) fn read_pem(
    window: &mut Window,
    collection: &mut Collection,
    origin: Origin,
    summary: &mut Summary,
) -> io::Result<()> {
    loop {
        let Some(at) = memmem::find(window.rest(), BEGIN) else {
            // The mark may be cut by the end of what is in memory.
            let keep = window.rest().len().min(BEGIN.len() - 1);
            window.consume(window.rest().len() - keep);
            if !window.more()? {
                return Ok(());
            }
            continue;
        };
        window.consume(at);
        let Some(octets) = block(window)? else {
            summary.unreadable(window.offset(), "a PEM block that does not end");
            window.consume(BEGIN.len().min(window.rest().len()));
            continue;
        };
        take_block(window, octets, collection, origin, summary);
        window.consume(octets);
    }
}

/// The length of the block at the start of the window, its last line included.
fn block(window: &mut Window) -> io::Result<Option<usize>> {
    loop {
        let rest = window.rest();
        // A block that has not ended where the next one begins never ends.
        let next = memmem::find(&rest[BEGIN.len()..], BEGIN).map(|at| at + BEGIN.len());
        if let Some(end) = memmem::find(rest, END)
            && next.is_none_or(|next| end < next)
        {
            let line = memchr::memchr(b'\n', &rest[end..]).map(|at| end + at + 1);
            if line.is_some() || window.at_end() {
                return Ok(Some(line.unwrap_or(rest.len())));
            }
        } else if next.is_some() || rest.len() > MAX_BLOCK {
            return Ok(None);
        }
        if !window.more()? && window.at_end() && memmem::find(window.rest(), END).is_none() {
            return Ok(None);
        }
    }
}

fn take_block(window: &Window, octets: usize, collection: &mut Collection, origin: Origin, summary: &mut Summary) {
    let text = &window.rest()[..octets];
    match pem::parse(text) {
        Ok(block) if LABELS.contains(&block.tag()) => match x509::read(block.contents()) {
            Ok(record) => {
                summary.records += 1;
                collection.add(&record, origin);
            }
            Err(error) => summary.unreadable(window.offset(), &error.to_string()),
        },
        Ok(_) => {}
        Err(error) => summary.unreadable(window.offset(), &format!("a PEM block: {error}")),
    }
}

/// Reads certificates in DER, one or several one after the other.
pub(super) fn read_der(
    window: &mut Window,
    collection: &mut Collection,
    origin: Origin,
    summary: &mut Summary,
) -> io::Result<()> {
    while !window.rest().is_empty() || window.more()? {
        let Some(length) = der_length(window)? else {
            summary.unreadable(window.offset(), "no DER sequence");
            return Ok(());
        };
        window.fill_to(length)?;
        let whole = window.rest().len() >= length;
        let octets = length.min(window.rest().len());
        match x509::read(&window.rest()[..octets]) {
            Ok(record) => {
                summary.records += 1;
                collection.add(&record, origin);
            }
            Err(error) => summary.unreadable(window.offset(), &error.to_string()),
        }
        if !whole {
            return Ok(());
        }
        window.consume(length);
    }
    Ok(())
}

/// The length of the sequence at the start of the window, its header included (X.690 §8.1.3).
fn der_length(window: &mut Window) -> io::Result<Option<usize>> {
    window.fill_to(5)?;
    let length = match *window.rest() {
        [0x30, 0x82, a, b, ..] => 4 + usize::from(u16::from_be_bytes([a, b])),
        [0x30, 0x83, a, b, c, ..] => 5 + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)),
        _ => return Ok(None),
    };
    Ok((length <= x509::MAX_DER).then_some(length))
}
