//! Public suffixes and registered domains, by the Public Suffix List built into the program.
//!
//! The list colours the advice and roots the patterns; it never shortens a climb (RFC 8659 §3 goes to the TLD).

use super::{DomainName, domain_name};

/// Which section of the Public Suffix List a suffix comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SuffixKind {
    /// The ICANN section, or a TLD that the list does not know.
    Icann,
    /// The private section: a hosting platform under which strangers have names.
    Private,
}

/// The public suffix of a canonical name and its section, longest rule first (private rules included).
///
/// `a.github.io` gives `github.io` and [`SuffixKind::Private`]; a TLD gives itself.
#[must_use]
pub fn public_suffix(name: &str) -> (&str, SuffixKind) {
    match psl::suffix(name.as_bytes()) {
        Some(suffix) => {
            let kind = match suffix.typ() {
                Some(psl::Type::Private) => SuffixKind::Private,
                Some(psl::Type::Icann) | None => SuffixKind::Icann,
            };
            (&name[name.len() - suffix.as_bytes().len()..], kind)
        }
        None => (name, SuffixKind::Icann),
    }
}

/// The registered domain of a canonical name: one label below the suffix of the **ICANN** section.
///
/// Private suffixes do not count: `x.y.github.io` gives `github.io`, because that is what somebody registered. `None`
/// when the name is itself a public suffix.
#[must_use]
pub fn registered_domain(name: &str) -> Option<&str> {
    let mut suffix = public_suffix(name);
    // A private suffix is itself a name below an ICANN suffix: look again one label closer to the root.
    while suffix.1 == SuffixKind::Private {
        suffix = public_suffix(suffix.0.split_once('.')?.1);
    }
    let left = name.strip_suffix(suffix.0)?.strip_suffix('.')?;
    let start = left.rfind('.').map_or(0, |dot| dot + 1);
    Some(&name[start..])
}

/// Whether a name is a public suffix of the ICANN section, such as `co.uk`: nobody's domain.
#[must_use]
pub fn is_public_suffix(name: &DomainName) -> bool {
    registered_domain(name.as_str()).is_none()
}

/// Whether the TLD of a canonical name is on the list: a name under another one can have no publicly trusted certificate.
#[must_use]
pub fn is_known_tld(name: &str) -> bool {
    let tld = name.rsplit('.').next().unwrap_or(name);
    psl::suffix(tld.as_bytes()).is_some_and(|suffix| suffix.is_known())
}

/// The version of the built-in list: the release of the crate that carries it.
#[must_use]
pub fn suffix_list_version() -> &'static str {
    "psl 2.1.247"
}

const _: () = assert!(domain_name::MAX_NAME < 256);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registered_domains_come_from_the_icann_section() {
        for (name, expected) in [
            ("www.example.net", Some("example.net")),
            ("example.net", Some("example.net")),
            ("a.b.example.co.uk", Some("example.co.uk")),
            ("co.uk", None),
            ("net", None),
            ("x.y.github.io", Some("github.io")),
            ("github.io", Some("github.io")),
            ("a.s3.eu-west-1.amazonaws.com", Some("amazonaws.com")),
            ("a.unknown-tld-zz", Some("a.unknown-tld-zz")),
        ] {
            assert_eq!(registered_domain(name), expected, "{name}");
        }
    }

    #[test]
    fn the_version_is_that_of_the_crate_in_the_lock_file() {
        let lock = include_str!("../../Cargo.lock");
        let (_, after) = lock.split_once("name = \"psl\"\nversion = \"").unwrap();
        assert_eq!(suffix_list_version(), format!("psl {}", after.split_once('"').unwrap().0));
    }

    #[test]
    fn a_private_suffix_is_marked() {
        assert_eq!(public_suffix("a.github.io"), ("github.io", SuffixKind::Private));
        assert_eq!(public_suffix("www.example.co.uk"), ("co.uk", SuffixKind::Icann));
    }
}
