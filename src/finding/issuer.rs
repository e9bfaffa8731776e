//! Which CAA domain names an issuer: from Cert Spotter where it tells, else from a table written by hand.
//!
//! The table's sources are the CAs' practice statements (section 4.2 or 4.2.1, where the Baseline Requirements want the
//! domains named) and their help pages, as known in 2026; CCADB collects the same. A CA that is not in it is said to be
//! unknown and never guessed.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use crate::issuance::Issuer;

/// One CA and the domains it recognises in CAA records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownCa {
    /// The CA as people call it.
    pub name: &'static str,
    /// CAA domains, the one to publish first.
    pub domains: &'static [&'static str],
    /// Beginnings of the issuer's organisation, in words of lower-case letters and digits.
    organisations: &'static [&'static str],
    /// Beginnings of the issuer's common name, in the same form; they win over organisations.
    common_names: &'static [&'static str],
}

const fn ca(
    name: &'static str,
    domains: &'static [&'static str],
    organisations: &'static [&'static str],
    common_names: &'static [&'static str],
) -> KnownCa {
    KnownCa { name, domains, organisations, common_names }
}

/// The table. Common names stand where a CA issues from intermediates that carry another organisation's name.
pub const TABLE: &[KnownCa] = &[
    ca(
        "Let's Encrypt",
        &["letsencrypt.org"],
        &["let s encrypt", "internet security research group", "isrg"],
        &["let s encrypt"],
    ),
    ca("Google Trust Services", &["pki.goog"], &["google trust services", "google inc", "google llc"], &["gts ca"]),
    ca(
        "DigiCert",
        &["digicert.com", "symantec.com", "geotrust.com", "rapidssl.com", "thawte.com", "digitalcertvalidation.com"],
        &["digicert", "geotrust", "thawte", "symantec", "verisign", "rapidssl", "baltimore", "cybertrust inc"],
        &[
            "digicert",
            "geotrust",
            "thawte",
            "rapidssl",
            "cloudflare inc ecc ca",
            "cloudflare inc rsa ca",
            "trustasia tls rsa ca",
            "encryption everywhere",
        ],
    ),
    ca(
        "Sectigo",
        &["sectigo.com", "comodo.com", "comodoca.com", "usertrust.com", "trust-provider.com"],
        &[
            "sectigo",
            "comodo",
            "the usertrust network",
            "zerossl",
            "gandi",
            "cpanel",
            "internet2",
            "geant vereniging",
            "corporation service company",
        ],
        &[
            "sectigo",
            "comodo",
            "zerossl",
            "gandi",
            "cpanel",
            "incommon",
            "trustasia rsa dv tls ca g2",
            "trustasia ecc dv tls ca g2",
        ],
    ),
    ca("GlobalSign", &["globalsign.com"], &["globalsign"], &["globalsign", "alphassl"]),
    ca(
        "Amazon Trust Services",
        &["amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"],
        &["amazon"],
        &["amazon rsa", "amazon ecdsa"],
    ),
    ca("Entrust", &["entrust.net", "affirmtrust.com"], &["entrust"], &["entrust"]),
    ca("AffirmTrust", &["affirmtrust.com"], &["affirmtrust"], &["affirmtrust"]),
    ca("GoDaddy", &["godaddy.com", "starfieldtech.com"], &["godaddy"], &["go daddy"]),
    ca("Starfield", &["starfieldtech.com", "godaddy.com"], &["starfield technologies"], &["starfield"]),
    ca("Buypass", &["buypass.com", "buypass.no"], &["buypass"], &["buypass"]),
    ca("SSL.com", &["ssl.com"], &["ssl corporation", "ssl corp"], &["ssl com", "cloudflare tls issuing"]),
    ca("Certum", &["certum.pl", "certum.eu"], &["asseco", "unizeto", "certum"], &["certum"]),
    ca("Actalis", &["actalis.it"], &["actalis"], &["actalis"]),
    ca(
        "HARICA",
        &["harica.gr"],
        &["hellenic academic and research institutions", "greek universities network"],
        &["harica", "geant tls"],
    ),
    ca("QuoVadis", &["quovadisglobal.com", "digicert.com"], &["quovadis"], &["quovadis"]),
    ca("SwissSign", &["swisssign.com", "swisssign.net"], &["swisssign"], &["swisssign"]),
    ca("Telia", &["telia.com", "telia.fi", "telia.se"], &["telia", "teliasonera"], &["telia"]),
    ca("Microsoft", &["microsoft.com"], &["microsoft"], &["microsoft azure", "microsoft tls"]),
    ca("TrustAsia", &["trustasia.com"], &["trustasia"], &["trustasia"]),
    ca(
        "WISeKey",
        &["wisekey.com", "hightrusted.com", "certifyid.com", "oiste.org"],
        &["wisekey", "oiste foundation"],
        &["wisekey", "oiste wisekey"],
    ),
    ca("IdenTrust", &["identrust.com"], &["identrust", "digital signature trust"], &["identrust", "hydrantid"]),
    ca("Apple", &["pki.apple.com"], &["apple inc"], &["apple public"]),
    ca("Certainly", &["certainly.com"], &["certainly"], &["certainly"]),
    ca("Certigna", &["certigna.fr"], &["dhimyotis", "certigna", "tessi"], &["certigna"]),
    ca("D-Trust", &["d-trust.net", "dtrust.de", "d-trust.de", "dtrust.net"], &["d trust"], &["d trust"]),
    ca("Deutsche Telekom", &["telesec.de"], &["t systems", "deutsche telekom"], &["telesec", "telekom security"]),
    ca("FNMT", &["fnmt.es"], &["fnmt"], &["ac sector publico"]),
    ca("ACCV", &["accv.es"], &["accv", "istec", "infraestructures i serveis"], &["accv"]),
    ca("Izenpe", &["izenpe.com", "izenpe.eus"], &["izenpe"], &["izenpe"]),
    ca("Firmaprofesional", &["firmaprofesional.com"], &["firmaprofesional"], &["ac firmaprofesional"]),
    ca("Camerfirma", &["camerfirma.com"], &["ac camerfirma", "camerfirma"], &["camerfirma"]),
    ca("KPN", &["kpn.com"], &["kpn"], &["kpn"]),
    ca("eMudhra", &["emsign.com"], &["emudhra"], &["emsign"]),
    ca("SECOM", &["secomtrust.net"], &["secom trust"], &["secom", "nii open domain ca"]),
    ca("JPRS", &["jprs.jp"], &["japan registry services"], &["jprs"]),
    ca("Cybertrust Japan", &["cybertrust.ne.jp"], &["cybertrust japan"], &["cybertrust japan"]),
    ca("TWCA", &["twca.com.tw"], &["taiwan ca"], &["twca"]),
    ca(
        "Chunghwa Telecom",
        &["pki.hinet.net", "publicca.hinet.net", "eca.hinet.net", "epki.com.tw"],
        &["chunghwa telecom"],
        &["hipki", "public certification authority g"],
    ),
    ca("CFCA", &["cfca.com.cn"], &["china financial certification authority", "cfca"], &["cfca"]),
    ca(
        "GDCA",
        &["gdca.com.cn"],
        &["guang dong certificate authority", "global digital cybersecurity authority"],
        &["gdca"],
    ),
    ca("iTrusChina", &["itrus.com.cn"], &["itruschina"], &["vtrus"]),
    ca(
        "SHECA",
        &["sheca.com"],
        &["shanghai electronic certification", "shanghai electronic certificate", "unitrust"],
        &["sheca", "xinchacha trust"],
    ),
    ca("Disig", &["disig.sk"], &["disig"], &["ca disig"]),
    ca("Microsec", &["e-szigno.hu"], &["microsec"], &["e szigno"]),
    ca("NetLock", &["netlock.hu", "netlock.net", "netlock.eu"], &["netlock"], &["netlock"]),
    ca(
        "Trustwave",
        &["trustwave.com", "securetrust.com"],
        &["trustwave", "securetrust", "viking cloud", "vikingcloud"],
        &["trustwave"],
    ),
    ca("Hongkong Post", &["hongkongpost.gov.hk"], &["hongkong post", "certizen"], &["hongkong post"]),
    ca("certSIGN", &["certsign.ro"], &["certsign"], &["certsign"]),
    ca("Atos", &["atos.net"], &["atos", "eviden"], &["atos trustedroot"]),
    ca("KIR", &["elektronicznypodpis.pl"], &["krajowa izba rozliczeniowa"], &["szafir"]),
    ca("Kamu SM", &["kamusm.gov.tr"], &["turkiye bilimsel", "tubitak"], &["tubitak kamu sm", "kamu sm"]),
];

/// Common names of intermediates that say nothing by themselves; they count only where no organisation stands beside.
const BARE: &[(&str, &[&str])] = &[
    (
        "letsencrypt.org",
        &["r3", "r4", "r5", "r6", "r10", "r11", "r12", "r13", "r14", "e1", "e2", "e5", "e6", "e7", "e8", "e9"],
    ),
    ("pki.goog", &["wr1", "wr2", "wr3", "wr4", "wr5", "we1", "we2", "we3", "we4", "we5"]),
];

/// What is known of an issuer's CAA domains.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaaDomains {
    /// The domain to publish, and the others the CA answers to.
    Known {
        /// The one to publish.
        publish: String,
        /// All of them, that one included, sorted.
        all: Vec<String>,
    },
    /// Nobody told, and the table does not have it.
    Unknown,
}

impl CaaDomains {
    /// All domains the CA answers to; empty where unknown.
    #[must_use]
    pub fn all(&self) -> &[String] {
        match self {
            Self::Known { all, .. } => all,
            Self::Unknown => &[],
        }
    }

    /// The domain to publish.
    #[must_use]
    pub fn publish(&self) -> Option<&str> {
        match self {
            Self::Known { publish, .. } => Some(publish),
            Self::Unknown => None,
        }
    }
}

/// The CAA domains of an issuer: what its records told (Cert Spotter's `caa_domains`) first, then the table.
#[must_use]
pub fn caa_domains(issuer: &Issuer) -> CaaDomains {
    of_name(&issuer.name, &issuer.caa_domains)
}

/// The CAA domains for an issuer's name as a source spells it, and what a source told of its domains.
#[must_use]
pub fn of_name(name: &str, told: &BTreeSet<String>) -> CaaDomains {
    let told: BTreeSet<String> = told.iter().filter(|domain| is_domain(domain)).cloned().collect();
    let known = known_ca(name).map_or(&[][..], |ca| ca.domains).iter().copied();
    let all: BTreeSet<String> = if told.is_empty() { known.clone().map(str::to_owned).collect() } else { told };
    let first = known.clone().find(|domain| all.contains(*domain)).map(str::to_owned);
    match first.or_else(|| all.first().cloned()) {
        Some(publish) => CaaDomains::Known { publish, all: all.into_iter().collect() },
        None => CaaDomains::Unknown,
    }
}

fn is_domain(text: &str) -> bool {
    crate::name::DomainName::parse(text).is_ok_and(|name| name.as_str() == text && name.depth() > 0)
}

/// Names whose CA is remembered on each thread.
const REMEMBERED: usize = 1024;

thread_local! {
    /// An audit asks about the same few issuers for every one of a million domains.
    static KNOWN: RefCell<HashMap<String, Option<&'static KnownCa>>> = RefCell::default();
}

/// The CA of the table that issues under this name: a distinguished name, a friendly name, or a common name.
#[must_use]
pub fn known_ca(name: &str) -> Option<&'static KnownCa> {
    KNOWN.with_borrow_mut(|known| {
        if let Some(ca) = known.get(name) {
            return *ca;
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let ca = find_ca(name);
        known.insert(name.to_owned(), ca);
        ca
    })
}

fn find_ca(name: &str) -> Option<&'static KnownCa> {
    let (organisation, common_name) = (attribute(name, "O"), attribute(name, "CN"));
    let plain = !name.contains('=');
    let by = |text: &str, keys: fn(&KnownCa) -> &'static [&'static str]| {
        let words = words(text);
        let matching = |ca: &&KnownCa| keys(ca).iter().any(|key| begins(&words, key));
        // The longest key wins: `trustasia tls rsa ca` before `trustasia`.
        let length = |ca: &&KnownCa| keys(ca).iter().filter(|key| begins(&words, key)).map(|key| key.len()).max();
        TABLE.iter().filter(matching).max_by_key(length)
    };
    let organisations: fn(&KnownCa) -> &'static [&'static str] = |ca| ca.organisations;
    let common_names: fn(&KnownCa) -> &'static [&'static str] = |ca| ca.common_names;
    if plain {
        return by(name, organisations).or_else(|| by(name, common_names)).or_else(|| bare(name));
    }
    let common_name = common_name.as_deref().unwrap_or_default();
    match organisation {
        Some(organisation) => by(common_name, common_names).or_else(|| by(&organisation, organisations)),
        None => by(common_name, common_names).or_else(|| bare(common_name)),
    }
}

fn bare(common_name: &str) -> Option<&'static KnownCa> {
    let words = words(common_name);
    let (domain, _) = BARE.iter().find(|(_, names)| names.contains(&words.as_str()))?;
    TABLE.iter().find(|ca| ca.domains[0] == *domain)
}

/// The value of one attribute of a distinguished name in the spelling of [`crate::issuance::canonical_name`].
fn attribute(name: &str, key: &str) -> Option<String> {
    let mut rest = name;
    loop {
        let (found, value) = rest.split_once('=')?;
        let (value, after) = if let Some(quoted) = value.strip_prefix('"') {
            let mut escaped = false;
            let end = quoted.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            })?;
            (quoted[..end].replace('\\', ""), &quoted[end + 1..])
        } else {
            let end = value.find(", ").unwrap_or(value.len());
            (value[..end].to_owned(), &value[end..])
        };
        if found.trim_start_matches([',', ' ']) == key {
            return Some(value);
        }
        rest = after;
    }
}

/// Lower-case words of letters and digits with one blank between them.
fn words(text: &str) -> String {
    let mut words = String::new();
    for character in text.chars() {
        // Letters with marks are written without them in the table.
        let character = match character.to_lowercase().next().unwrap_or(character) {
            'ü' => 'u',
            'ä' | 'á' | 'à' => 'a',
            'é' | 'è' => 'e',
            'ı' | 'í' => 'i',
            'ó' | 'ö' => 'o',
            'ş' => 's',
            'ğ' => 'g',
            other => other,
        };
        if character.is_ascii_alphanumeric() {
            words.push(character);
        } else if !words.is_empty() && !words.ends_with(' ') {
            words.push(' ');
        }
    }
    words.truncate(words.trim_end().len());
    words
}

/// Whether `words` begin with the whole words of `key`.
fn begins(words: &str, key: &str) -> bool {
    words.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn publish(name: &str) -> Option<String> {
        of_name(name, &BTreeSet::new()).publish().map(str::to_owned)
    }

    #[test]
    fn issuers_are_known_by_organisation_and_common_name() {
        for (name, expected) in [
            ("C=US, O=Let's Encrypt, CN=R3", Some("letsencrypt.org")),
            ("C=US, O=Let's Encrypt, CN=E6", Some("letsencrypt.org")),
            ("C=US, O=Internet Security Research Group, CN=ISRG Root X1", Some("letsencrypt.org")),
            ("C=US, O=Google Trust Services LLC, CN=GTS CA 1P5", Some("pki.goog")),
            ("C=US, O=Google Trust Services, CN=WE1", Some("pki.goog")),
            ("C=US, O=DigiCert Inc, CN=GeoTrust TLS RSA CA G1", Some("digicert.com")),
            ("C=US, O=\"thawte, Inc.\", CN=thawte SSL CA - G2", Some("digicert.com")),
            ("C=US, O=\"Cloudflare, Inc.\", CN=Cloudflare Inc ECC CA-3", Some("digicert.com")),
            ("C=US, O=SSL Corporation, CN=Cloudflare TLS Issuing ECC CA 3", Some("ssl.com")),
            ("C=AT, O=ZeroSSL, CN=ZeroSSL RSA Domain Secure Site CA", Some("sectigo.com")),
            (
                "C=GB, ST=Greater Manchester, L=Salford, O=Sectigo Limited, CN=Sectigo RSA Domain Validation Secure Server CA",
                Some("sectigo.com"),
            ),
            ("C=US, O=Amazon, CN=Amazon RSA 2048 M02", Some("amazon.com")),
            (
                "C=US, ST=Arizona, L=Scottsdale, O=\"GoDaddy.com, Inc.\", OU=http://certs.godaddy.com/repository/, CN=Go Daddy Secure Certificate Authority - G2",
                Some("godaddy.com"),
            ),
            ("C=BE, O=GlobalSign nv-sa, CN=AlphaSSL CA - SHA256 - G4", Some("globalsign.com")),
            ("C=CN, O=\"TrustAsia Technologies, Inc.\", CN=TrustAsia RSA DV TLS CA G2", Some("sectigo.com")),
            ("C=CN, O=\"TrustAsia Technologies, Inc.\", CN=TrustAsia DV TLS RSA CA 2025", Some("trustasia.com")),
            (
                "C=TR, L=Gebze - Kocaeli, O=Türkiye Bilimsel ve Teknolojik Araştırma Kurumu - TÜBİTAK, CN=x",
                Some("kamusm.gov.tr"),
            ),
            ("C=DE, O=D-Trust GmbH, CN=D-TRUST SSL CA 2 2020", Some("d-trust.net")),
            ("Let's Encrypt", Some("letsencrypt.org")),
            ("R3", Some("letsencrypt.org")),
            ("CN=WR2", Some("pki.goog")),
            ("C=XX, O=Unheard Of Ltd, CN=R3", None),
            ("C=XX, O=Amazonia Ltd, CN=x", None),
            ("crt.sh CA 183267", None),
            ("", None),
        ] {
            assert_eq!(publish(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn what_a_source_tells_wins_and_the_usual_domain_is_published() {
        let told: BTreeSet<String> = ["usertrust.com", "comodo.com", "sectigo.com"].map(String::from).into();
        let known = of_name("Sectigo", &told);
        assert_eq!((known.publish(), known.all().len()), (Some("sectigo.com"), 3));
        let told = BTreeSet::from(["ca.example".to_owned(), "bad name\u{1b}".to_owned()]);
        assert_eq!(of_name("C=XX, O=Unheard Of Ltd", &told).publish(), Some("ca.example"));
        assert_eq!(of_name("C=XX, O=Unheard Of Ltd", &BTreeSet::new()), CaaDomains::Unknown);
    }

    #[test]
    fn the_table_is_well_formed() {
        for ca in TABLE {
            assert!(!ca.domains.is_empty() && ca.domains.iter().all(|domain| is_domain(domain)), "{}", ca.name);
            for key in ca.organisations.iter().chain(ca.common_names) {
                assert_eq!(words(key), *key, "{}", ca.name);
            }
        }
    }

    proptest! {
        #[test]
        fn any_issuer_name_is_known_or_not(name in any::<String>()) {
            let _ = publish(&name);
        }

        #[test]
        fn any_distinguished_name_is_known_or_not(name in "([OCN]{1,2}=\"?[a-zA-Z, \\\\\"]{0,9}\"?(, )?){0,4}") {
            let _ = publish(&name);
        }
    }
}
