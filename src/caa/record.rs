//! [`CaaRecord`]: one CAA resource record, octets kept as published.

use std::fmt;

/// One CAA record (RFC 8659 §4.1).
///
/// Tag and value are octets: a hostile or broken zone may publish anything, and what cannot be understood still counts
/// as a record of the set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct CaaRecord {
    /// The flags octet; 128 is "issuer critical".
    pub flags: u8,
    /// The property tag as published, any case.
    pub tag: Vec<u8>,
    /// The property value as published.
    pub value: Vec<u8>,
}

impl CaaRecord {
    /// Whether the tag is `tag`, compared without case (RFC 8659 §4.1).
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tag.eq_ignore_ascii_case(tag.as_bytes())
    }

    /// Reads the data of a record as it comes on the wire: flags, length of the tag, tag, value (RFC 8659 §4.1).
    ///
    /// A tag of any octets and any length is kept. Data that ends before the tag is a record with an empty one, as common
    /// readers have it, so that the set is not taken for empty. `None` when the tag is longer than the data.
    #[must_use]
    pub fn from_rdata(data: &[u8]) -> Option<Self> {
        let (flags, rest) = data.split_first().unwrap_or((&0, &[]));
        let (length, rest) = rest.split_first().unwrap_or((&0, &[]));
        let (tag, value) = rest.split_at_checked(usize::from(*length))?;
        Some(Self { flags: *flags, tag: tag.to_vec(), value: value.to_vec() })
    }

    /// Reads the presentation form (RFC 8659 §4.1.1), or the generic one, `\\# 9 0003...` (RFC 3597 §5).
    ///
    /// `None` for generic data that is no CAA record.
    ///
    /// # Errors
    /// [`RecordError`] says what was expected.
    pub fn parse(text: &str) -> Result<Option<Self>, RecordError> {
        let refused = |expected| RecordError { text: text.to_owned(), expected };
        if let Some(generic) = text.trim().strip_prefix("\\#") {
            let generic = generic.trim_start();
            let (length, hex) = generic.split_once(char::is_whitespace).unwrap_or((generic, ""));
            let data = hex_octets(hex).ok_or_else(|| refused("pairs of hexadecimal digits"))?;
            if length.parse() != Ok(data.len()) {
                return Err(refused("the number of octets behind `\\#`, then as many"));
            }
            return Ok(Self::from_rdata(&data));
        }
        let words =
            |text: &str| text.split_once([' ', '\t']).map(|(word, rest)| (word.to_owned(), rest.trim().to_owned()));
        let (flags, rest) = words(text.trim()).ok_or_else(|| refused("flags, tag and value"))?;
        let flags = flags.parse().map_err(|_| refused("flags from 0 to 255, tag and value"))?;
        let (tag, value) = words(&rest).ok_or_else(|| refused("flags, tag and value"))?;
        let quoted = value.strip_prefix('"');
        let value = match quoted {
            Some(value) => unescape(value, Some(b'"')),
            None => unescape(&value, None),
        };
        let (tag, value) =
            (unescape(&tag, None), value.ok_or_else(|| refused("one value, closed by a quote if opened by one"))?);
        Ok(Some(Self { flags, tag: tag.ok_or_else(|| refused("a tag without blanks"))?, value }))
    }
}

/// A text that is no CAA record in presentation form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no CAA record; expected {expected}, as `0 issue \"ca.example\"`", text.escape_debug())]
pub struct RecordError {
    /// The text as given.
    pub text: String,
    /// What was expected.
    pub expected: &'static str,
}

fn hex_octets(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
    let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

/// Octets of a character string (RFC 1035 §5.1): `\\DDD` and `\\X` are read. With `end`, that octet must close the text; without,
/// the text must have no blank.
fn unescape(text: &str, end: Option<u8>) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        match octet {
            b'\\' => {
                let first = rest.next()?;
                if first.is_ascii_digit() {
                    let digits = [first, rest.next()?, rest.next()?];
                    let value = std::str::from_utf8(&digits).ok()?.parse::<u8>().ok()?;
                    octets.push(value);
                } else {
                    octets.push(first);
                }
            }
            _ if Some(octet) == end => return rest.next().is_none().then_some(octets),
            b' ' | b'\t' | b'"' if end.is_none() => return None,
            _ => octets.push(octet),
        }
    }
    end.is_none().then_some(octets)
}

/// Presentation form: `0 issue "ca.example"` (RFC 8659 §4.1.1), every octet outside printable ASCII as `\\DDD`.
impl fmt::Display for CaaRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.flags)?;
        escape(&self.tag, b" ", f)?;
        f.write_str(" \"")?;
        escape(&self.value, b"", f)?;
        f.write_str("\"")
    }
}

fn escape(octets: &[u8], also: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for &octet in octets {
        match octet {
            b'"' | b'\\' => write!(f, "\\{}", char::from(octet))?,
            0x20..=0x7e if !also.contains(&octet) => write!(f, "{}", char::from(octet))?,
            _ => write!(f, "\\{octet:03}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn presentation_forms_are_read() {
        let record =
            |flags, tag: &[u8], value: &[u8]| Some(CaaRecord { flags, tag: tag.to_vec(), value: value.to_vec() });
        for (text, expected) in [
            ("0 issue \"ca.example\"", record(0, b"issue", b"ca.example")),
            (" 128\tissue   ca.example ", record(128, b"issue", b"ca.example")),
            ("0 issue \"ca.example; a=b\"", record(0, b"issue", b"ca.example; a=b")),
            ("0 issue \"\"", record(0, b"issue", b"")),
            ("0 a\\032b \"\\\"\\255\"", record(0, b"a b", b"\"\xff")),
            ("\\# 8 0005 6973737565 3b", record(0, b"issue", b";")),
            ("\\# 0", record(0, b"", b"")),
            ("\\# 3 000961", None),
        ] {
            assert_eq!(CaaRecord::parse(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "0",
            "0 issue",
            "256 issue x",
            "-1 issue x",
            "0 issue \"x",
            "0 issue x y",
            "0 issue \"x\" y",
            "\\# 2 00",
            "\\# 1 0",
            "\\# x 00",
            "0 issue \"\\300\"",
        ] {
            assert!(CaaRecord::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(
            flags in any::<u8>(),
            tag in proptest::collection::vec(any::<u8>(), 1..20),
            value in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let record = CaaRecord { flags, tag, value };
            prop_assert_eq!(CaaRecord::parse(&record.to_string()), Ok(Some(record)));
        }

        #[test]
        fn any_text_is_a_record_or_refused(text in any::<String>(), data in any::<Vec<u8>>()) {
            let _ = CaaRecord::parse(&text);
            let _ = CaaRecord::from_rdata(&data);
        }
    }
}
