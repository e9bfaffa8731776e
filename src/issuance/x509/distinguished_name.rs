//! Distinguished names of certificates as text, in the spelling of [`canonical_name`](crate::issuance::canonical_name).

use std::borrow::Cow;
use std::fmt::Write;

use super::walk::attributes;
use crate::issuance::issuer::{canonical_key, push_attribute};

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The whole name as text, in the order of the certificate. What is no DER gives an empty text.
pub(super) fn text(name: &[u8]) -> String {
    let mut out = String::new();
    attributes(name, |kind, tag, content| push_attribute(&mut out, &key(kind), &value(tag, content)));
    out
}

/// The last common name: the most specific one (RFC 6125 §2.3.1 speaks of it so).
pub(super) fn common_name(name: &[u8]) -> Option<Cow<'_, str>> {
    let mut found = None;
    attributes(name, |kind, tag, content| {
        if kind == COMMON_NAME {
            found = Some(value(tag, content));
        }
    });
    found
}

fn key(oid: &[u8]) -> Cow<'static, str> {
    match oid {
        COMMON_NAME => "CN".into(),
        [0x55, 0x04, 0x06] => "C".into(),
        [0x55, 0x04, 0x0a] => "O".into(),
        _ => canonical_key(&dotted(oid)).into(),
    }
}

/// `2.5.4.3` of its DER content; parts beyond 64 bits are cut.
fn dotted(oid: &[u8]) -> String {
    let mut out = String::new();
    let mut part = 0_u64;
    for &octet in oid {
        part = part << 7 | u64::from(octet & 0x7f);
        if octet & 0x80 == 0 {
            let written = if out.is_empty() {
                let first = (part / 40).min(2);
                write!(out, "{first}.{}", part - first * 40)
            } else {
                write!(out, ".{part}")
            };
            written.expect("writing to a String does not fail");
            part = 0;
        }
    }
    out
}

/// An attribute value by its string type; octets that fit none become U+FFFD.
fn value(tag: u8, content: &[u8]) -> Cow<'_, str> {
    const T61_STRING: u8 = 0x14;
    const UNIVERSAL_STRING: u8 = 0x1c;
    const BMP_STRING: u8 = 0x1e;
    match tag {
        BMP_STRING => {
            let units = content.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>().into()
        }
        UNIVERSAL_STRING => {
            let units = content.chunks_exact(4).map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]));
            units.map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>().into()
        }
        // In practice T61String is ISO 8859-1 or UTF-8.
        T61_STRING if std::str::from_utf8(content).is_err() => content.iter().map(|&octet| char::from(octet)).collect(),
        _ => String::from_utf8_lossy(content),
    }
}
