//! The header walk: from tag to tag of a certificate in strict DER (X.690 §10.1), looking only where needed.
//!
//! Whatever is not exactly as RFC 5280 §4.1 draws it makes the walk give up; it never guesses.

use super::{POISON, Parts, SUBJECT_ALT_NAME, der_time};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
const BIT_STRING: u8 = 0x03;
const BOOLEAN: u8 = 0x01;

/// The tag, the content and what follows the first value of a text; `None` unless its length is in the shortest form.
pub(super) fn tag_value(text: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = text.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => match rest {
            [length @ 0x80..=0xff, rest @ ..] => (usize::from(*length), rest),
            _ => return None,
        },
        0x82 => match rest {
            [high @ 1..=255, low, rest @ ..] => (usize::from(*high) << 8 | usize::from(*low), rest),
            _ => return None,
        },
        0x83 => match rest {
            [high @ 1..=255, middle, low, rest @ ..] => {
                (usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low), rest)
            }
            _ => return None,
        },
        _ => return None,
    };
    (length <= rest.len()).then(|| (tag, &rest[..length], &rest[length..]))
}

/// The content of the first value and what follows it.
pub(super) fn value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    tag_value(text).map(|(_, content, rest)| (content, rest))
}

/// The content of the first value if it has this tag, and what follows.
pub(super) fn expect(tag: u8, text: &[u8]) -> Option<(&[u8], &[u8])> {
    tag_value(text).filter(|(found, ..)| *found == tag).map(|(_, content, rest)| (content, rest))
}

/// The fields of a TBSCertificate up to the subject, and the extensions.
struct Frame<'a> {
    serial: &'a [u8],
    issuer: &'a [u8],
    validity: &'a [u8],
    subject: &'a [u8],
    extensions: &'a [u8],
}

fn frame(der: &[u8]) -> Option<Frame<'_>> {
    let (certificate, trailing) = expect(SEQUENCE, der)?;
    let (tbs, rest) = expect(SEQUENCE, certificate)?;
    let (_, rest) = expect(SEQUENCE, rest)?;
    let (_, rest) = expect(BIT_STRING, rest)?;
    if !rest.is_empty() || !trailing.is_empty() {
        return None;
    }
    let (version, rest) = expect(0xa0, tbs)?;
    if version != [INTEGER, 1, 2] {
        return None;
    }
    let (serial, rest) = expect(INTEGER, rest)?;
    let (_, rest) = expect(SEQUENCE, rest)?;
    let (_, after_issuer) = expect(SEQUENCE, rest)?;
    let issuer = &rest[..rest.len() - after_issuer.len()];
    let (validity, rest) = expect(SEQUENCE, after_issuer)?;
    let (_, after_subject) = expect(SEQUENCE, rest)?;
    let subject = &rest[..rest.len() - after_subject.len()];
    let (_, rest) = expect(SEQUENCE, after_subject)?;
    let (extensions, rest) = expect(0xa3, rest)?;
    let (extensions, after) = expect(SEQUENCE, extensions)?;
    (rest.is_empty() && after.is_empty() && !serial.is_empty()).then_some(Frame {
        serial,
        issuer,
        validity,
        subject,
        extensions,
    })
}

/// The type and content of the first extension, and what follows it.
fn extension(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (extension, following) = expect(SEQUENCE, text)?;
    let (kind, rest) = expect(OBJECT_IDENTIFIER, extension)?;
    let (tag, mut content, mut rest) = tag_value(rest)?;
    match (tag, content) {
        (BOOLEAN, [0 | 0xff]) => (content, rest) = expect(OCTET_STRING, rest)?,
        (OCTET_STRING, _) => {}
        _ => return None,
    }
    rest.is_empty().then(|| {
        rest = following;
        (kind, content, rest)
    })
}

/// The content of the one subjectAltName extension, `Some(None)` without one; `None` where the walk gives up.
#[allow(clippy::option_option, reason = "that there is none and that it cannot be told are two answers")]
pub(super) fn alternative_names(der: &[u8]) -> Option<Option<&[u8]>> {
    let mut rest = frame(der)?.extensions;
    let mut found = None;
    while !rest.is_empty() {
        let (kind, content, following) = extension(rest)?;
        if kind == SUBJECT_ALT_NAME && found.replace(content).is_some() {
            return None;
        }
        rest = following;
    }
    Some(found)
}

/// The times of a validity, each `None` unless in the form of RFC 5280 §4.1.2.5.
fn times(validity: &[u8]) -> (Option<i64>, Option<i64>) {
    let Some((from_tag, from, rest)) = tag_value(validity) else { return (None, None) };
    let to = tag_value(rest).filter(|(.., rest)| rest.is_empty());
    (der_time(from_tag, from), to.and_then(|(tag, to, _)| der_time(tag, to)))
}

/// All parts of a certificate; `None` where the walk gives up. Unusual times are left out.
pub(super) fn parts(der: &[u8]) -> Option<Parts<'_>> {
    let Frame { serial, issuer, validity, subject, extensions } = frame(der)?;
    let (not_before, not_after) = times(validity);
    let mut parts =
        Parts { serial, issuer, subject, not_before, not_after, alternative_names: Vec::new(), poison: false };
    let mut rest = extensions;
    while !rest.is_empty() {
        let (kind, content, following) = extension(rest)?;
        if kind == SUBJECT_ALT_NAME {
            parts.alternative_names.push(content);
        }
        parts.poison |= kind == POISON;
        rest = following;
    }
    Some(parts)
}

/// Hands out the tag number and content of each general name; `false`, with nothing handed out, where the walk gives up.
pub(super) fn each_name<'a>(names: &'a [u8], take: &mut impl FnMut(u8, &'a [u8])) -> bool {
    let Some((list, [])) = expect(SEQUENCE, names) else { return false };
    let mut rest = list;
    while !rest.is_empty() {
        match tag_value(rest) {
            // Context-specific tags 0 to 8; the constructed ones are x509-parser's business only where it decodes them.
            Some((0x81 | 0x82 | 0x86 | 0x87 | 0xa4, _, following)) => rest = following,
            Some(_) | None => return false,
        }
    }
    rest = list;
    while let Some((tag, content, following)) = tag_value(rest) {
        take(tag & 0x1f, content);
        rest = following;
    }
    true
}

/// 1.2.840.113549.1.7.2 (RFC 5652 §5.1).
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];

/// The certificates of a SignedData; `None` where it is none.
pub(super) fn signed_data(der: &[u8]) -> Option<Vec<&[u8]>> {
    let (content_info, _) = expect(SEQUENCE, der)?;
    let (_, content) = expect(OBJECT_IDENTIFIER, content_info).filter(|(kind, _)| *kind == SIGNED_DATA)?;
    let (content, _) = expect(0xa0, content)?;
    let (signed_data, _) = expect(SEQUENCE, content)?;
    let (_, rest) = expect(INTEGER, signed_data)?;
    let (_, rest) = expect(SET, rest)?;
    let (_, rest) = expect(SEQUENCE, rest)?;
    let mut certificates = Vec::new();
    let (mut rest, _) = expect(0xa0, rest).unwrap_or_default();
    while let Some((tag, _, following)) = tag_value(rest) {
        if tag == SEQUENCE {
            certificates.push(&rest[..rest.len() - following.len()]);
        }
        rest = following;
    }
    rest.is_empty().then_some(certificates)
}

/// The relative names of a DER Name, in order: the object identifier, the tag and the content of each attribute.
pub(super) fn attributes<'a>(name: &'a [u8], mut take: impl FnMut(&'a [u8], u8, &'a [u8])) {
    let Some((mut sets, _)) = expect(SEQUENCE, name) else { return };
    while let Some((mut set, rest)) = expect(SET, sets) {
        while let Some((attribute, rest)) = expect(SEQUENCE, set) {
            if let Some((kind, value)) = expect(OBJECT_IDENTIFIER, attribute)
                && let Some((tag, content, _)) = tag_value(value)
            {
                take(kind, tag, content);
            }
            set = rest;
        }
        sets = rest;
    }
}
