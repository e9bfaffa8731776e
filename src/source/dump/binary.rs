//! Entries of CT logs in their binary forms: static-ct data tiles and the leaves of `get-entries`.

use std::borrow::Cow;
use std::io;

use super::Summary;
use super::window::Window;
use crate::issuance::{Collection, Origin, x509};

/// A log entry: when the log took it, and the certificate or precertificate.
pub(super) struct LogEntry<'a> {
    /// Milliseconds since 1970 UTC.
    pub(super) logged: i64,
    pub(super) der: &'a [u8],
}

/// A reader of length-prefixed fields (RFC 8446 §3.4).
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn octets(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, octets: usize) -> Option<usize> {
        let digits = self.octets(octets)?;
        digits.iter().try_fold(0_usize, |number, &digit| Some(number.checked_mul(256)? | usize::from(digit)))
    }

    fn prefixed(&mut self, octets: usize) -> Option<&'a [u8]> {
        let length = self.number(octets)?;
        self.octets(length)
    }
}

const X509_ENTRY: usize = 0;
const PRECERT_ENTRY: usize = 1;
/// SHA-256 of the issuer's key, before the TBSCertificate of a precertificate.
const KEY_HASH: usize = 32;

/// A MerkleTreeLeaf and its extra data (RFC 6962 §3.4, §4.6).
pub(super) fn read_merkle_leaf<'a>(leaf: &'a [u8], extra: &'a [u8]) -> Result<LogEntry<'a>, Cow<'static, str>> {
    let cut = "a log entry that is cut";
    let mut fields = Fields(leaf);
    let version = fields.number(2).ok_or(cut)?;
    if version != 0 {
        return Err(format!("a log entry of version and type {version:#06x}").into());
    }
    let logged = i64::try_from(fields.number(8).ok_or(cut)?).map_err(|_| "a log entry of the far future")?;
    let der = match fields.number(2).ok_or(cut)? {
        X509_ENTRY => fields.prefixed(3),
        // The leaf holds the TBSCertificate only; the precertificate itself leads the extra data.
        PRECERT_ENTRY => Fields(extra).prefixed(3),
        other => return Err(format!("a log entry of type {other}").into()),
    };
    Ok(LogEntry { logged, der: der.ok_or(cut)? })
}

/// The first entry of a data tile and its length; `None` if it is not whole.
fn tile_leaf(octets: &[u8]) -> Option<Result<(LogEntry<'_>, usize), Cow<'static, str>>> {
    let mut fields = Fields(octets);
    let logged = fields.number(8)?;
    let entry_type = fields.number(2)?;
    let Ok(logged) = i64::try_from(logged) else { return Some(Err("a timestamp of the far future".into())) };
    let der = match entry_type {
        X509_ENTRY => {
            let der = fields.prefixed(3)?;
            fields.prefixed(2)?;
            der
        }
        PRECERT_ENTRY => {
            fields.octets(KEY_HASH)?;
            fields.prefixed(3)?;
            fields.prefixed(2)?;
            fields.prefixed(3)?
        }
        other => return Some(Err(format!("an entry of type {other}").into())),
    };
    // Fingerprints of the chain.
    fields.prefixed(2)?;
    Some(Ok((LogEntry { logged, der }, octets.len() - fields.0.len())))
}

/// Reads a data tile, or several one after the other (C2SP static-ct-api, "Log Entries").
pub(super) fn read_data_tile(
    window: &mut Window,
    collection: &mut Collection,
    origin: Origin,
    summary: &mut Summary,
) -> io::Result<()> {
    loop {
        if window.rest().is_empty() && !window.more()? {
            return Ok(());
        }
        let (offset, full) = (window.offset(), window.is_full());
        match tile_leaf(window.rest()) {
            Some(Ok((LogEntry { logged, der }, octets))) => {
                match x509::read(der) {
                    Ok(mut record) => {
                        record.logged = Some(logged);
                        summary.records += 1;
                        collection.add(&record, origin);
                    }
                    Err(error) => summary.unreadable(offset, &error.to_string()),
                }
                window.consume(octets);
                continue;
            }
            // Lengths lead from entry to entry: past a broken one nothing can be found.
            Some(Err(why)) => {
                summary.unreadable(offset, &why);
                summary.stopped = Some(format!("no entry can be found after octet {offset}"));
                return Ok(());
            }
            None => {}
        }
        if full || !window.more()? {
            summary.unreadable(offset, "the tile ends inside an entry");
            return Ok(());
        }
    }
}
