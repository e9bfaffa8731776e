//! PEM blocks (RFC 7468) with any text before, between and behind them, as people keep and send them: quoted in mail,
//! indented, on one line, or with `\n` spelled out as in JSON and in environment variables.

use std::io::Read;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memmem;

use super::window::Window;
use super::{Sink, Summary, certificates};
use crate::issuance::x509;
use crate::name::SanRef;
use crate::source::reply;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
/// Octets a label may have.
const MAX_LABEL: usize = 64;
/// Octets of text that a block may have.
const MAX_BLOCK: usize = 2 * x509::MAX_DER;

/// Forgiving where openssl is: padding may lack, and the bits after the end may be anything.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Whether a block starts anywhere in a text.
pub(super) fn starts_in(text: &[u8]) -> bool {
    memmem::find(text, BEGIN).is_some()
}

/// Reads all blocks.
pub(super) fn read(window: &mut Window<impl Read>, summary: &mut Summary, sink: &mut Sink<'_>) {
    // What else there is, a few of it.
    let mut others: Vec<String> = Vec::new();
    loop {
        match memmem::find(window.text(), BEGIN) {
            Some(at) => {
                outside(&window.text()[..at], window.offset(), summary);
                window.pass(at);
                if let Some(label) = block(window, summary, sink)
                    && others.len() < 4
                    && !others.contains(&label)
                {
                    others.push(label);
                }
            }
            None if window.ended() => {
                outside(window.text(), window.offset(), summary);
                if summary.records + summary.unreadable == 0 && summary.skipped > 0 {
                    summary.stop(&format!("no certificate in it, only other PEM blocks ({})", others.join(", ")));
                }
                return;
            }
            None => {
                // The last line may go on, or hold the start of a block.
                let text = window.text();
                let whole = memchr::memrchr(b'\n', text).map_or(0, |end| end + 1);
                let passed = whole.max(text.len().saturating_sub(MAX_BLOCK));
                outside(&text[..passed], window.offset(), summary);
                window.pass(passed);
                window.more();
            }
        }
    }
}

/// Counts lines outside of blocks that are names: a list in front of or behind certificates is no comment on them.
fn outside(text: &[u8], offset: u64, summary: &mut Summary) {
    let mut at = 0;
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        let name = std::str::from_utf8(line).ok().map(str::trim).filter(|name| name.contains('.'));
        if name.is_some_and(|name| SanRef::parse(name).is_ok()) {
            summary.bad(offset + at, "a name outside of the PEM blocks: give lists as files of their own", line);
        }
        at += line.len() as u64;
    }
}

/// Whether a block of this label holds a certificate, or several in one structure.
fn is_certificate(label: &[u8]) -> bool {
    matches!(
        label,
        b"CERTIFICATE" | b"X509 CERTIFICATE" | b"TRUSTED CERTIFICATE" | b"PKCS7" | b"PKCS #7 SIGNED DATA" | b"CMS"
    )
}

/// Takes the block that starts here; returns its label if it holds no certificate.
fn block(window: &mut Window<impl Read>, summary: &mut Summary, sink: &mut Sink<'_>) -> Option<String> {
    let offset = window.offset();
    window.at_least(BEGIN.len() + MAX_LABEL + DASHES.len());
    let rest = &window.text()[BEGIN.len()..];
    let Some(length) = memmem::find(&rest[..rest.len().min(MAX_LABEL + DASHES.len())], DASHES) else {
        summary.bad(offset, "a PEM block without a label", window.text());
        window.pass(BEGIN.len());
        return None;
    };
    let label = rest[..length].to_vec();
    window.pass(BEGIN.len() + label.len() + DASHES.len());
    let ends = |text: &[u8]| memmem::find(text, DASHES);
    while window.text().len() <= MAX_BLOCK + MAX_LABEL && !window.ended() {
        match ends(window.text()) {
            Some(end) if window.text().len() >= end + END.len() + MAX_LABEL => break,
            Some(_) | None => window.more(),
        }
    }
    let text = window.text();
    let Some(end) = ends(text).filter(|end| *end <= MAX_BLOCK) else {
        if text.len() > MAX_BLOCK {
            summary.bad(offset, "a PEM block over 2 MiB", text.trim_ascii_start());
        } else {
            summary.bad(offset, "a PEM block without its end", text.trim_ascii_start());
            summary.stop("the input ends in a PEM block");
        }
        window.pass(text.len());
        return None;
    };
    let mut other = None;
    let mark = &text[end..];
    if mark.starts_with(END) {
        if is_certificate(&label) {
            finish(&text[..end], offset, summary, sink);
        } else {
            summary.skipped += 1;
            other = Some(reply::head(&label));
        }
        // The label at the end is not compared: it is the same in anything but a slip.
        let mark_end = ends(&mark[END.len()..mark.len().min(END.len() + MAX_LABEL)]).unwrap_or(0);
        window.pass(end + END.len() + mark_end + if mark_end > 0 { DASHES.len() } else { 0 });
    } else {
        summary.bad(offset, "a PEM block without its end", text.trim_ascii_start());
        // The start of another block is looked at again; other dashes are passed.
        window.pass(if mark.starts_with(BEGIN) { end } else { end + DASHES.len() });
    }
    other
}

fn finish(text: &[u8], offset: u64, summary: &mut Summary, sink: &mut Sink<'_>) {
    let base64 = base64(text);
    let Ok(mut der) = BASE64.decode(&base64) else {
        return summary.bad(offset, "a PEM block that is no base64", &base64);
    };
    // OpenSSL's trusted certificates carry settings behind the certificate.
    if let Some(length) = x509::der_length(&der) {
        der.truncate(length);
    }
    certificates::take(&der, None, offset, summary, sink);
}

/// The base64 of a block: without headers (RFC 1421), marks of quoting, and backslashes with what they stand for.
fn base64(text: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(text.len());
    let mut octets = text.iter().copied();
    while let Some(octet) = octets.next() {
        match octet {
            b'\\' => lines.push(octets.next().map_or(b'\n', |escaped| if escaped == b'/' { b'/' } else { b'\n' })),
            _ => lines.push(octet),
        }
    }
    let is_data = |line: &&[u8]| !line.contains(&b':');
    let data = lines.split(|octet| matches!(octet, b'\n' | b'\r')).filter(is_data).flatten();
    data.copied().filter(|octet| !octet.is_ascii_whitespace() && *octet != b'>').collect()
}
