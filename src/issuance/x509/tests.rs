//! The walk held against `x509-parser`, on generated and damaged certificates.

use super::*;
use proptest::prelude::*;
use rcgen::{CertificateParams, CustomExtension, DnType, KeyPair, SanType};
use std::sync::LazyLock;

static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate().unwrap());

fn certificate(names: Vec<SanType>, poison: bool, common_name: Option<&str>) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "US");
    params.distinguished_name.push(DnType::OrganizationName, "Test, Inc.");
    if let Some(common_name) = common_name {
        params.distinguished_name.push(DnType::CommonName, common_name);
    }
    if poison {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 3], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    }
    params.self_signed(&*KEY).unwrap().der().to_vec()
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

/// The reference: `x509-parser` alone.
fn reference(der: &[u8]) -> Option<Vec<(u8, Vec<u8>)>> {
    let parts = deep(der).ok()?;
    let mut names = Vec::new();
    for content in parts.alternative_names {
        let (_, parsed) = SubjectAlternativeName::from_der(content).ok()?;
        for name in parsed.general_names {
            names.push(match name {
                GeneralName::RFC822Name(text) => (1, text.as_bytes().to_vec()),
                GeneralName::DNSName(text) => (2, text.as_bytes().to_vec()),
                GeneralName::URI(text) => (6, text.as_bytes().to_vec()),
                GeneralName::IPAddress(octets) => (7, octets.to_vec()),
                GeneralName::Invalid(tag, content) => (u8::try_from(tag.0).unwrap_or(255), content.to_vec()),
                _ => (0, Vec::new()),
            });
        }
    }
    Some(names)
}

fn ours(der: &[u8]) -> Option<Vec<AlternativeName<'_>>> {
    let mut names = Vec::new();
    alternative_names(der, |name| names.push(name)).ok().map(|_| names)
}

/// Wherever `x509-parser` reads names, so do we, and the same ones in the same order.
fn agrees(der: &[u8]) -> Result<(), TestCaseError> {
    let Some(expected) = reference(der) else { return Ok(()) };
    let expected: Vec<_> = expected.iter().filter(|(tag, _)| matches!(tag, 1 | 2 | 6 | 7)).collect();
    let found = ours(der).expect("what x509-parser reads is read");
    let plain = |name: &&AlternativeName<'_>| !matches!(name, AlternativeName::Other(DropClass::OtherKind, _));
    let found: Vec<_> = found.iter().filter(plain).cloned().collect();
    let expected: Vec<_> = expected.into_iter().map(|(tag, content)| name_of(*tag, content)).collect();
    prop_assert_eq!(&found, &expected);
    let record = read(der).expect("what x509-parser reads is read");
    let names = expected.iter().filter_map(|name| match name {
        AlternativeName::Dns(name) => Some(name.clone()),
        AlternativeName::Other(..) => None,
    });
    prop_assert_eq!(record.names, names.collect::<Vec<_>>());
    let parts = deep(der).unwrap();
    prop_assert_eq!((record.not_before, record.not_after), (parts.not_before, parts.not_after));
    prop_assert_eq!(record.serial.unwrap(), hex(parts.serial));
    prop_assert_eq!(record.form == Some(Form::Precertificate), parts.poison);
    Ok(())
}

#[test]
fn names_of_all_kinds_are_told_apart() {
    let der = certificate(
        vec![
            dns("*.a.example"),
            SanType::Rfc822Name("x@a.example".try_into().unwrap()),
            SanType::URI("https://a.example/".try_into().unwrap()),
            SanType::IpAddress("192.0.2.1".parse().unwrap()),
            SanType::IpAddress("2001:db8::1".parse().unwrap()),
            dns("a.example"),
        ],
        true,
        Some("a.example"),
    );
    let record = read(&der).unwrap();
    assert_eq!(record.names, ["*.a.example", "a.example"]);
    let others: Vec<_> = record.other_names.iter().map(|(class, text)| format!("{class} {text}")).collect();
    assert_eq!(
        others,
        ["email x@a.example", "uri https://a.example/", "ip-address 192.0.2.1", "ip-address 2001:db8::1"]
    );
    assert_eq!(record.issuer.as_deref(), Some("C=US, O=\"Test, Inc.\", CN=a.example"));
    assert_eq!((record.common_name.as_deref(), record.form), (Some("a.example"), Some(Form::Precertificate)));
    assert!(walk::parts(&der).is_some(), "an ordinary certificate needs no fall-back");
}

#[test]
fn impossible_times_cost_the_times_and_not_the_names() {
    let whole = certificate(vec![dns("a.example")], false, None);
    let time = whole.windows(2).position(|pair| pair == [0x17, 13]).unwrap();
    let mut der = whole.clone();
    der[time + 4..time + 6].copy_from_slice(b"77");
    assert!(deep(&der).is_err());
    let (damaged, whole) = (read(&der).unwrap(), read(&whole).unwrap());
    assert_eq!((damaged.names, damaged.not_before, damaged.not_after), (whole.names, None, whole.not_after));
}

#[test]
fn certificates_without_names_and_with_the_poison_are_read() {
    let record = certificate(vec![], false, None);
    let record = read(&record).unwrap();
    assert!(record.names.is_empty() && record.form == Some(Form::Final));
}

#[test]
fn what_is_too_large_or_no_certificate_is_refused() {
    assert_eq!(read(&vec![0x30; MAX_DER + 1]), Err(CertificateError::TooLarge(MAX_DER + 1)));
    for der in [&b""[..], b"\x30", b"\x30\x00", b"\x30\x80\x00\x00", b"-----BEGIN"] {
        assert!(matches!(read(der), Err(CertificateError::NotACertificate(_))), "{der:?}");
    }
}

#[test]
fn names_beyond_the_bound_are_counted() {
    let mut names = Vec::new();
    for _ in 0..MAX_NAMES + 5 {
        names.extend_from_slice(&[0x82, 1, b'a']);
    }
    let length = names.len();
    let mut list = vec![0x30, 0x83];
    list.extend_from_slice(&u32::try_from(length).unwrap().to_be_bytes()[1..]);
    list.extend_from_slice(&names);
    let mut params = CertificateParams::default();
    params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 17], list));
    let der = params.self_signed(&*KEY).unwrap().der().to_vec();
    let record = read(&der).unwrap();
    assert_eq!((record.names.len(), record.omitted_names), (MAX_NAMES, 5));
    assert_eq!(alternative_names(&der, |_| {}), Ok(5));
}

fn any_name() -> impl Strategy<Value = SanType> {
    prop_oneof![
        "(\\*\\.)?[a-z0-9-]{1,63}(\\.[a-z]{2,6}){1,3}".prop_map(|name| dns(&name)),
        "[ -~]{0,40}".prop_map(|name| dns(&name)),
        "[a-z]{1,8}@[a-z]{1,8}".prop_map(|name| SanType::Rfc822Name(name.as_str().try_into().unwrap())),
        "[a-z]{1,8}:[a-z]{1,8}".prop_map(|name| SanType::URI(name.as_str().try_into().unwrap())),
        any::<[u8; 4]>().prop_map(|octets| SanType::IpAddress(octets.into())),
        any::<[u8; 16]>().prop_map(|octets| SanType::IpAddress(octets.into())),
    ]
}

proptest! {
    #[test]
    fn the_walk_and_x509_parser_find_the_same(
        names in proptest::collection::vec(any_name(), 0..40), poison: bool, common_name in "[a-z.]{1,20}",
    ) {
        let der = certificate(names, poison, Some(&common_name));
        prop_assert!(reference(&der).is_some());
        agrees(&der)?;
    }

    #[test]
    fn a_damaged_certificate_gives_the_same_or_an_error(
        names in proptest::collection::vec(any_name(), 1..6), poison: bool,
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4), cut in 0..2000_usize,
    ) {
        let mut der = certificate(names, poison, Some("a.example"));
        for (at, octet) in damage {
            let at = at.index(der.len());
            der[at] = octet;
        }
        agrees(&der)?;
        der.truncate(cut);
        agrees(&der)?;
    }

    #[test]
    fn any_octets_are_a_certificate_or_not(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = (read(&octets), alternative_names(&octets, |_| {}), der_length(&octets));
    }
}
