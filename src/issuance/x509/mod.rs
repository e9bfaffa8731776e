//! Certificates to records: DER in, names and dates out.
//!
//! A header walk goes straight to what is asked for; `x509-parser` reads whatever the walk finds unusual. Nothing is
//! verified: precertificates, expired and self-signed certificates are read alike.

mod distinguished_name;
mod walk;

use std::borrow::Cow;

use x509_parser::asn1_rs::FromDer;
use x509_parser::extensions::{GeneralName, SubjectAlternativeName};
use x509_parser::nom::Parser;

use super::{Form, Record, time};
use crate::name::DropClass;

/// Octets of DER that are read at most: many times the largest real certificate.
pub const MAX_DER: usize = 1 << 20;
/// Alternative names that are read at most; the rest is counted.
pub const MAX_NAMES: usize = 100_000;

/// Why a certificate cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// More than [`MAX_DER`].
    #[error("a certificate of {0} octets; {MAX_DER} are allowed")]
    TooLarge(usize),
    /// Not a certificate, or a damaged one.
    #[error("no X.509 certificate: {0}")]
    NotACertificate(String),
    /// The certificate is whole but its list of names is not.
    #[error("a certificate with damaged alternative names")]
    AlternativeNames,
}

/// One entry of the subjectAltName extension (RFC 5280 §4.2.1.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlternativeName<'a> {
    /// A dNSName: an IA5String by rule, any octets in fact, which become U+FFFD.
    Dns(Cow<'a, str>),
    /// An entry of another kind, as text for people.
    Other(DropClass, Cow<'a, str>),
}

/// What both readers find in a certificate.
struct Parts<'a> {
    serial: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
    not_before: Option<i64>,
    not_after: Option<i64>,
    /// The content of each subjectAltName extension; one in any sane certificate.
    alternative_names: Vec<&'a [u8]>,
    poison: bool,
}

const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// 1.3.6.1.4.1.11129.2.4.3 (RFC 6962 §3.1).
const POISON: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x03];

/// Hands out each alternative name of a certificate and returns how many were left out at [`MAX_NAMES`].
///
/// # Errors
/// [`CertificateError`] where the certificate or its list of names is damaged; names may have been handed out by then.
pub fn alternative_names<'a>(
    der: &'a [u8],
    mut take: impl FnMut(AlternativeName<'a>),
) -> Result<u64, CertificateError> {
    if der.len() > MAX_DER {
        return Err(CertificateError::TooLarge(der.len()));
    }
    let mut left_out = 0;
    let mut taken = 0;
    let mut bounded = |tag, content| {
        taken += 1;
        if taken <= MAX_NAMES { take(name_of(tag, content)) } else { left_out += 1 }
    };
    match walk::alternative_names(der) {
        Some(None) => {}
        Some(Some(names)) => each_name(names, &mut bounded)?,
        None => {
            for names in deep(der)?.alternative_names {
                each_name(names, &mut bounded)?;
            }
        }
    }
    Ok(left_out)
}

/// Reads a certificate as a record: names of all kinds, issuer, serial number, validity, and which form it is.
///
/// # Errors
/// [`CertificateError`] where the certificate or its list of names is damaged.
pub fn read(der: &[u8]) -> Result<Record<'_>, CertificateError> {
    if der.len() > MAX_DER {
        return Err(CertificateError::TooLarge(der.len()));
    }
    let parts = match walk::parts(der) {
        Some(parts) if parts.not_before.is_some() && parts.not_after.is_some() => parts,
        // A certificate with impossible times still has names.
        unusual => deep(der).or_else(|error| unusual.ok_or(error))?,
    };
    let mut record = Record {
        common_name: distinguished_name::common_name(parts.subject),
        issuer: Some(distinguished_name::text(parts.issuer).into()),
        serial: Some(hex(parts.serial).into()),
        not_before: parts.not_before,
        not_after: parts.not_after,
        form: Some(if parts.poison { Form::Precertificate } else { Form::Final }),
        ..Record::default()
    };
    for names in parts.alternative_names {
        each_name(names, &mut |tag, content| {
            if record.names.len() + record.other_names.len() >= MAX_NAMES {
                record.omitted_names += 1;
                return;
            }
            match name_of(tag, content) {
                AlternativeName::Dns(name) => record.names.push(name),
                AlternativeName::Other(class, text) => record.other_names.push((class, text)),
            }
        })?;
    }
    Ok(record)
}

/// The length of the DER value at the start of a text that may go on: how certificates are told apart in a stream.
#[must_use]
pub fn der_length(text: &[u8]) -> Option<usize> {
    let (_, rest) = walk::value(text)?;
    (text.first() == Some(&0x30)).then_some(text.len() - rest.len())
}

/// The certificates of a PKCS #7 or CMS `SignedData` structure (RFC 5652 §5.1, RFC 2315 §9.1), each as its DER; `None` for
/// anything else. Certificates of other standards in it (RFC 5652 §10.2.2) are left out.
#[must_use]
pub fn bundled(der: &[u8]) -> Option<Vec<&[u8]>> {
    walk::signed_data(der)
}

fn each_name<'a>(names: &'a [u8], take: &mut impl FnMut(u8, &'a [u8])) -> Result<(), CertificateError> {
    if walk::each_name(names, take) {
        return Ok(());
    }
    // The walk takes nothing before it has seen that the list is whole, so nothing is told twice here.
    let Ok((_, parsed)) = SubjectAlternativeName::from_der(names) else {
        return Err(CertificateError::AlternativeNames);
    };
    for name in parsed.general_names {
        match name {
            GeneralName::OtherName(_, content) => take(0, content),
            GeneralName::RFC822Name(text) => take(1, text.as_bytes()),
            GeneralName::DNSName(text) => take(2, text.as_bytes()),
            GeneralName::X400Address(any) => take(3, any.data),
            GeneralName::DirectoryName(name) => take(4, name.as_raw()),
            GeneralName::EDIPartyName(any) => take(5, any.data),
            GeneralName::URI(text) => take(6, text.as_bytes()),
            GeneralName::IPAddress(octets) => take(7, octets),
            GeneralName::RegisteredID(_) => take(8, &[]),
            GeneralName::Invalid(tag, content) => take(u8::try_from(tag.0).unwrap_or(u8::MAX), content),
        }
    }
    Ok(())
}

fn name_of(tag: u8, content: &[u8]) -> AlternativeName<'_> {
    let class = match tag {
        2 => return AlternativeName::Dns(String::from_utf8_lossy(content)),
        1 => DropClass::Email,
        6 => DropClass::Uri,
        7 => return AlternativeName::Other(DropClass::IpAddress, address(content).into()),
        4 => return AlternativeName::Other(DropClass::OtherKind, distinguished_name::text(content).into()),
        _ => {
            return AlternativeName::Other(
                DropClass::OtherKind,
                format!("general name [{tag}] {}", hex(content)).into(),
            );
        }
    };
    AlternativeName::Other(class, String::from_utf8_lossy(content))
}

fn address(octets: &[u8]) -> String {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return std::net::Ipv4Addr::from(octets).to_string();
    }
    match <[u8; 16]>::try_from(octets) {
        Ok(octets) => std::net::Ipv6Addr::from(octets).to_string(),
        Err(_) => hex(octets),
    }
}

/// Hex of the first 64 octets: serial numbers have 20, and examples need no more.
pub(super) fn hex(octets: &[u8]) -> String {
    use std::fmt::Write;
    octets.iter().take(64).fold(String::with_capacity(2 * octets.len().min(64)), |mut text, octet| {
        write!(text, "{octet:02x}").expect("writing to a String does not fail");
        text
    })
}

/// The parts of a certificate through `x509-parser`, extensions left unparsed.
fn deep(der: &[u8]) -> Result<Parts<'_>, CertificateError> {
    let mut parser = x509_parser::certificate::X509CertificateParser::new().with_deep_parse_extensions(false);
    let parsed = parser.parse(der);
    let (_, certificate) = parsed.map_err(|error| {
        let reason = match error {
            x509_parser::nom::Err::Incomplete(_) => "cut off".to_owned(),
            x509_parser::nom::Err::Error(error) | x509_parser::nom::Err::Failure(error) => error.to_string(),
        };
        CertificateError::NotACertificate(reason)
    })?;
    let tbs = certificate.tbs_certificate;
    let with = |oid: &'static [u8]| tbs.extensions().iter().filter(move |extension| extension.oid.as_bytes() == oid);
    Ok(Parts {
        serial: tbs.raw_serial(),
        issuer: tbs.issuer.as_raw(),
        subject: tbs.subject.as_raw(),
        not_before: Some(tbs.validity.not_before.timestamp()),
        not_after: Some(tbs.validity.not_after.timestamp()),
        alternative_names: with(SUBJECT_ALT_NAME).map(|extension| extension.value).collect(),
        poison: with(POISON).next().is_some(),
    })
}

/// A time by its DER tag.
fn der_time(tag: u8, content: &[u8]) -> Option<i64> {
    match (tag, content.len()) {
        (0x17, 13) | (0x18, 15) => time::der_seconds(content),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
