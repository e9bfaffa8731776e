//! The header walk against `x509-parser`: wherever that reads names, so do we, and the same ones.

#![no_main]

use ctclimb::issuance::x509::{self, AlternativeName};
use libfuzzer_sys::fuzz_target;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate};

fuzz_target!(|der: &[u8]| {
    let mut names = Vec::new();
    let walked = x509::alternative_names(der, |name| {
        if let AlternativeName::Dns(name) = name {
            names.push(name.into_owned());
        }
    });
    let record = x509::read(der);
    if let (Ok(_), Ok(record)) = (&walked, &record) {
        assert_eq!(names, record.names);
    }
    let Ok((_, parsed)) = X509Certificate::from_der(der) else { return };
    let mut expected = Vec::new();
    for extension in parsed.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(list) => {
                expected.extend(list.general_names.iter().filter_map(|name| match name {
                    GeneralName::DNSName(name) => Some((*name).to_owned()),
                    // No text, but a dNSName all the same: it is told, and counted by whoever judges names.
                    GeneralName::Invalid(tag, octets) if tag.0 == 2 => {
                        Some(String::from_utf8_lossy(octets).into_owned())
                    }
                    _ => None,
                }));
            }
            // A list that neither reads.
            _ if extension.oid.as_bytes() == [0x55, 0x1d, 0x11] => return,
            _ => {}
        }
    }
    let record = record.expect("what x509-parser reads is read");
    assert_eq!(record.names, expected);
    assert_eq!(record.not_before, Some(parsed.validity().not_before.timestamp()));
});
