//! DER to [`Record`]: the names of a certificate or precertificate, and what tells it apart.

use std::borrow::Cow;

use x509_parser::certificate::X509CertificateParser;
use x509_parser::extensions::{GeneralName, SubjectAlternativeName};
use x509_parser::nom::Parser as _;
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{Form, Record};

/// Octets of a certificate that are read; larger ones are refused.
pub const MAX_DER: usize = 1 << 20;
/// Names of one certificate that are taken; the others are counted in [`Record::omitted_names`].
const MAX_NAMES: usize = 100_000;
/// The poison extension that makes a precertificate unusable (RFC 6962 §3.1): 1.3.6.1.4.1.11129.2.4.3.
const POISON: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x03];

/// Why octets are not a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// More than [`MAX_DER`] octets.
    #[error("a certificate of {0} octets; at most 1 MiB is read")]
    TooLarge(usize),
    /// Not the DER form of RFC 5280 §4.1.
    #[error("no certificate: {0}")]
    Malformed(String),
    /// A subjectAltName extension that does not follow RFC 5280 §4.2.1.6.
    #[error("its subjectAltName cannot be read: {0}")]
    Names(String),
}

/// Reads one certificate.
///
/// Entries of the subjectAltName that are no DNS names are handed on as texts, so that they are dropped by class and
/// counted. Octets after the certificate are forgiven.
///
/// # Errors
/// [`CertificateError`].
pub fn read(der: &[u8]) -> Result<Record<'_>, CertificateError> {
    if der.len() > MAX_DER {
        return Err(CertificateError::TooLarge(der.len()));
    }
    // What an extension holds is looked at for the two that matter, not for all.
    let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
    let (_, certificate) = parser.parse(der).map_err(|error| CertificateError::Malformed(error.to_string()))?;
    let mut record = Record {
        issuer: Some(certificate.issuer().to_string().into()),
        serial: Some(
            certificate.tbs_certificate.raw_serial().iter().map(|&octet| hex(octet)).collect::<String>().into(),
        ),
        not_before: Some(certificate.validity().not_before.timestamp()),
        not_after: Some(certificate.validity().not_after.timestamp()),
        common_name: common_name(&certificate).map(Cow::Owned),
        form: Some(form(&certificate)),
        ..Record::default()
    };
    let names = certificate.extensions().iter().filter(|extension| extension.oid == OID_X509_EXT_SUBJECT_ALT_NAME);
    for extension in names {
        take_names(extension.value, &mut record)?;
    }
    Ok(record)
}

fn hex(octet: u8) -> String {
    format!("{octet:02x}")
}

fn form(certificate: &X509Certificate<'_>) -> Form {
    if certificate.extensions().iter().any(|extension| extension.oid.as_bytes() == POISON) {
        Form::Precertificate
    } else {
        Form::Final
    }
}

fn common_name(certificate: &X509Certificate<'_>) -> Option<String> {
    certificate.subject().iter_common_name().next()?.as_str().ok().map(str::to_owned)
}

fn take_names<'a>(value: &'a [u8], record: &mut Record<'a>) -> Result<(), CertificateError> {
    let (_, parsed) =
        SubjectAlternativeName::from_der(value).map_err(|error| CertificateError::Names(error.to_string()))?;
    for name in parsed.general_names {
        if record.names.len() == MAX_NAMES {
            record.omitted_names += 1;
        } else {
            record.names.push(text_of(&name));
        }
    }
    Ok(())
}

/// A DNS name as it stands, any other kind in a spelling that no DNS name has.
fn text_of<'a>(name: &GeneralName<'a>) -> Cow<'a, str> {
    match name {
        GeneralName::DNSName(text) => Cow::Borrowed(text),
        // An address without a host part must not pass for a name.
        GeneralName::RFC822Name(text) if text.contains('@') => Cow::Borrowed(text),
        GeneralName::RFC822Name(text) => format!("@{text}").into(),
        GeneralName::URI(text) if text.contains("://") => Cow::Borrowed(text),
        GeneralName::URI(text) => format!("uri://{text}").into(),
        GeneralName::IPAddress(octets) => ip_text(octets).into(),
        GeneralName::DirectoryName(name) => format!("directory name: {name}").into(),
        GeneralName::OtherName(oid, _) => format!("other name: {oid}").into(),
        GeneralName::RegisteredID(oid) => format!("registered id: {oid}").into(),
        GeneralName::X400Address(_) => "x400 address: (not shown)".into(),
        GeneralName::EDIPartyName(_) => "edi party name: (not shown)".into(),
        // Kept apart by the replacement character: never a valid name, and still an example to show.
        GeneralName::Invalid(_, octets) => format!("\u{fffd}{}", String::from_utf8_lossy(octets)).into(),
    }
}

fn ip_text(octets: &[u8]) -> String {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return std::net::Ipv4Addr::from(octets).to_string();
    }
    match <[u8; 16]>::try_from(octets) {
        Ok(octets) => std::net::Ipv6Addr::from(octets).to_string(),
        Err(_) => format!("ip address: {} octets", octets.len()),
    }
}
