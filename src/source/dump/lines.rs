//! Inputs made of lines: PEM bundles and name lists.

use std::borrow::Cow;
use std::io::Read;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::window::Window;
use super::{Sink, Summary, certificates};
use crate::issuance::{Record, x509};

/// Octets a line may have.
const MAX_LINE: usize = 64 << 10;

/// Forgiving where openssl is: padding may lack, and the bits after the end may be anything.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

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

/// What is between two lines of dashes.
struct Block {
    offset: u64,
    certificate: bool,
    base64: Vec<u8>,
    too_long: bool,
}

/// PEM blocks (RFC 7468), with any text before, between and behind them.
pub(super) fn pem(window: &mut Window<impl Read>, summary: &mut Summary, sink: &mut Sink<'_>) {
    let mut block: Option<Block> = None;
    each_line(window, |offset, line, _| {
        let line = line.trim_ascii();
        if let Some(label) = line.strip_prefix(b"-----BEGIN ").and_then(|rest| rest.strip_suffix(b"-----")) {
            if let Some(open) = block.take() {
                summary.bad(open.offset, "a PEM block without its end", &open.base64);
            }
            let certificate = matches!(label, b"CERTIFICATE" | b"X509 CERTIFICATE" | b"TRUSTED CERTIFICATE");
            block = Some(Block { offset, certificate, base64: Vec::new(), too_long: false });
        } else if line.starts_with(b"-----END ") {
            if let Some(block) = block.take() {
                finish(block, summary, sink);
            }
        } else if let Some(block) = &mut block
            && block.certificate
            && !line.contains(&b':')
        {
            block.too_long |= block.base64.len() + line.len() > 2 * x509::MAX_DER;
            if !block.too_long {
                block.base64.extend(line.iter().filter(|octet| !octet.is_ascii_whitespace()));
            }
        }
    });
    if let Some(block) = block {
        summary.bad(block.offset, "a PEM block without its end", &block.base64);
        summary.stop("the input ends in a PEM block");
    }
}

fn finish(block: Block, summary: &mut Summary, sink: &mut Sink<'_>) {
    let Block { offset, certificate, base64, too_long } = block;
    if !certificate {
        summary.skipped += 1;
        return;
    }
    if too_long {
        summary.bad(offset, "a PEM block over 2 MiB", &base64);
        return;
    }
    let Ok(mut der) = BASE64.decode(&base64) else {
        summary.bad(offset, "a PEM block that is no base64", &base64);
        return;
    };
    // OpenSSL's trusted certificates carry settings behind the certificate.
    if let Some(length) = x509::der_length(&der) {
        der.truncate(length);
    }
    match certificates::give(&der, None, sink) {
        Ok(()) => summary.records += 1,
        Err(reason) => summary.bad(offset, &reason, &base64),
    }
}
