//! DER to its DNS names: the header walk beside x509-parser's own default. `cargo bench --bench certificates`.

use ctclimb::issuance::x509::{AlternativeName, alternative_names};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

const CERTIFICATES: usize = 500;
const NAMES: usize = 5;

fn main() {
    divan::main();
}

/// Certificates of one key; the number of names is the mean of real ones.
fn certificates() -> Vec<Vec<u8>> {
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = |index: usize| {
        let names: Vec<String> = (0..NAMES).map(|name| format!("n{name}.host-{index}.example.net")).collect();
        let mut params = rcgen::CertificateParams::new(names).expect("names");
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        params.is_ca = rcgen::IsCa::ExplicitNoCa;
        let scts = rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], vec![4; 244]);
        params.custom_extensions = vec![scts];
        params.use_authority_key_identifier_extension = true;
        params.self_signed(&key).expect("a certificate").der().to_vec()
    };
    (0..CERTIFICATES).map(certificate).collect()
}

#[divan::bench]
fn header_walk(bencher: divan::Bencher<'_, '_>) {
    let certificates = certificates();
    bencher.counter(divan::counter::ItemsCount::new(CERTIFICATES)).bench(|| {
        let mut octets = 0;
        for der in &certificates {
            let take = |name| {
                if let AlternativeName::Dns(name) = name {
                    octets += name.len();
                }
            };
            alternative_names(der, take).expect("a certificate");
        }
        octets
    });
}

#[divan::bench]
fn x509_parser_default(bencher: divan::Bencher<'_, '_>) {
    let certificates = certificates();
    bencher.counter(divan::counter::ItemsCount::new(CERTIFICATES)).bench(|| {
        let mut octets = 0;
        for der in &certificates {
            let (_, certificate) = X509Certificate::from_der(der).expect("a certificate");
            let names = certificate.subject_alternative_name().expect("one extension").expect("with names");
            for name in &names.value.general_names {
                if let GeneralName::DNSName(name) = name {
                    octets += name.len();
                }
            }
        }
        octets
    });
}
