//! Binary inputs: certificates in DER one behind the other, and data tiles of static-ct logs.

use std::io::Read;

use super::window::Window;
use super::{Entry, Sink, Summary};
use crate::issuance::x509;

/// Hands one certificate to the sink.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn give(der: &[u8], logged: Option<i64>, sink: &mut Sink<'_>) -> Result<(), String> {
    if sink.names_only() && give_names(der, sink).map_err(|error| error.to_string())? {
        return Ok(());
    }
    let mut record = x509::read(der).map_err(|error| error.to_string())?;
    record.logged = logged;
    sink.record(&record);
    Ok(())
}

/// Hands the names of a certificate to a sink that wants nothing else; `false`, with nothing handed over, if it has none.
fn give_names(der: &[u8], sink: &mut Sink<'_>) -> Result<bool, x509::CertificateError> {
    let mut names: Vec<x509::AlternativeName<'_>> = Vec::new();
    x509::alternative_names(der, |name| names.push(name))?;
    if names.is_empty() {
        return Ok(false);
    }
    sink.entries(names.iter().map(|name| match name {
        x509::AlternativeName::Dns(name) => Entry::Name(name),
        x509::AlternativeName::Other(class, text) => Entry::Other(*class, text),
    }));
    Ok(true)
}

/// Certificates in DER, one behind the other; line breaks between them are passed over.
pub(super) fn der(window: &mut Window<impl Read>, summary: &mut Summary, sink: &mut Sink<'_>) {
    loop {
        window.at_least(1);
        let blank = window.text().iter().take_while(|octet| octet.is_ascii_whitespace()).count();
        if blank > 0 {
            window.pass(blank);
            continue;
        }
        if window.text().is_empty() {
            return;
        }
        while x509::der_length(window.text()).is_none() && !window.ended() && window.text().len() <= x509::MAX_DER {
            window.more();
        }
        let offset = window.offset();
        let Some(length) = x509::der_length(window.text()) else {
            // Without its length nobody knows where the next one starts.
            summary.bad(offset, "no whole DER certificate of at most 1 MiB", window.text());
            summary.stop(&format!("nothing could be read from octet {offset} on"));
            return;
        };
        take(&window.text()[..length], None, offset, summary, sink);
        window.pass(length);
    }
}

/// Takes a certificate, or all of a PKCS #7 structure; what cannot be read is counted.
pub(super) fn take(der: &[u8], logged: Option<i64>, offset: u64, summary: &mut Summary, sink: &mut Sink<'_>) {
    let bundled = x509::bundled(der);
    for der in bundled.as_deref().unwrap_or(&[der]) {
        match give(der, logged, sink) {
            Ok(()) => summary.records += 1,
            Err(reason) => summary.bad(offset, &reason, der),
        }
    }
}

/// The entries of a data tile: `TileLeaf` structures one behind the other (C2SP static-ct-api, "Log Entries").
pub(super) fn data_tile(window: &mut Window<impl Read>, summary: &mut Summary, sink: &mut Sink<'_>) {
    loop {
        if !window.at_least(1) {
            return;
        }
        while tile_leaf(window.text()).is_none() && !window.ended() && window.text().len() <= 4 * x509::MAX_DER {
            window.more();
        }
        let offset = window.offset();
        let Some(TileLeaf { logged, certificate, length }) = tile_leaf(window.text()) else {
            summary.bad(offset, "no whole TileLeaf", window.text());
            summary.stop(&format!("nothing could be read from octet {offset} on"));
            return;
        };
        take(certificate, Some(logged), offset, summary, sink);
        window.pass(length);
    }
}

/// One entry of a data tile.
struct TileLeaf<'a> {
    logged: i64,
    certificate: &'a [u8],
    length: usize,
}

fn tile_leaf(text: &[u8]) -> Option<TileLeaf<'_>> {
    let (logged, certificate, rest) = timestamped_entry(text)?;
    let (extensions, rest) = rest.split_first_chunk::<2>()?;
    let rest = rest.get(usize::from(u16::from_be_bytes(*extensions))..)?;
    let (certificate, rest) = match certificate {
        Some(certificate) => (certificate, rest),
        None => sized(rest)?,
    };
    let (chain, rest) = rest.split_first_chunk::<2>()?;
    let rest = rest.get(usize::from(u16::from_be_bytes(*chain))..)?;
    Some(TileLeaf { logged, certificate, length: text.len() - rest.len() })
}

/// Whether a text may be the start of a data tile: a time between 2010 and 2100 and a known type of entry.
pub(super) fn looks_like_data_tile(text: &[u8]) -> bool {
    let Some((time, rest)) = text.split_first_chunk::<8>() else { return false };
    (1_262_304_000_000..4_102_444_800_000).contains(&u64::from_be_bytes(*time)) && matches!(rest, [0, 0 | 1, ..])
}

/// (time, certificate, rest); see [`timestamped_entry`].
type SignedEntry<'a> = (i64, Option<&'a [u8]>, &'a [u8]);

/// When an entry was logged (milliseconds), its certificate unless it is a precertificate, and what follows the signed part.
fn timestamped_entry(text: &[u8]) -> Option<SignedEntry<'_>> {
    let (time, rest) = text.split_first_chunk::<8>()?;
    let logged = i64::try_from(u64::from_be_bytes(*time)).ok()?;
    match rest {
        [0, 0, rest @ ..] => sized(rest).map(|(certificate, rest)| (logged, Some(certificate), rest)),
        [0, 1, rest @ ..] => sized(rest.get(32..)?).map(|(_, rest)| (logged, None, rest)),
        _ => None,
    }
}

/// When a `MerkleTreeLeaf` (RFC 6962 §3.4) was logged, and its certificate unless it is a precertificate.
pub(super) fn leaf(text: &[u8]) -> Option<(i64, Option<&[u8]>)> {
    let entry = text.strip_prefix(&[0, 0])?;
    timestamped_entry(entry).map(|(logged, certificate, _)| (logged, certificate))
}

/// The content behind a length of three octets, and what follows.
pub(super) fn sized(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let ([high, middle, low], rest) = text.split_first_chunk::<3>()?;
    rest.split_at_checked(usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low))
}
