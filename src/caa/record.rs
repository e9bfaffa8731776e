//! [`CaaRecord`]: one CAA resource record, octets kept as published.

use std::fmt;

/// One CAA record (RFC 8659 §4.1).
///
/// Tag and value are octets: a hostile or broken zone may publish anything, and what cannot be understood still counts
/// as a record of the set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
}

/// Presentation form: `0 issue "ca.example"` (RFC 8659 §4.1.1), every octet outside printable ASCII as `\DDD`.
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
