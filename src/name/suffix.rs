//! Public suffixes and registered domains, by the Public Suffix List built into the program.
//!
//! The list colours the advice and roots the patterns; it never shortens a climb (RFC 8659 §3 goes to the TLD).

use psl::Psl;

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
    let found = Found::of(name);
    (&name[name.len() - found.octets..], found.kind)
}

/// The suffix of a name by the list.
struct Found {
    octets: usize,
    kind: SuffixKind,
    /// Whether a rule of the list names it.
    known: bool,
    /// Labels that were looked at, from the right; one more than the name has where its end was.
    labels: usize,
}

impl Found {
    fn of(name: &str) -> Self {
        let (mut parts, mut labels) = (name.as_bytes().rsplit(|&octet| octet == b'.'), 0);
        let mut counted = std::iter::from_fn(|| {
            labels += 1;
            parts.next()
        });
        let counted: &mut dyn Iterator<Item = &[u8]> = &mut counted;
        let psl::Info { len, typ } = psl::List.find(counted);
        let kind = if typ == Some(psl::Type::Private) { SuffixKind::Private } else { SuffixKind::Icann };
        Self { octets: if len == 0 { name.len() } else { len }, kind, known: typ.is_some(), labels }
    }
}

/// The registered domain of a canonical name: one label below the suffix of the **ICANN** section.
///
/// Private suffixes do not count: `x.y.github.io` gives `github.io`, because that is what somebody registered. `None`
/// when the name is itself a public suffix.
#[must_use]
pub fn registered_domain(name: &str) -> Option<&str> {
    registered_domain_by(name).0
}

/// The registered domain of a canonical name, and how many of its labels, from the right, decide that: every name that
/// ends in these has the same one. `None` where the whole name decides.
pub(crate) fn registered_domain_by(name: &str) -> (Option<&str>, Option<usize>) {
    let (mut suffix, mut labels) = (name, 0);
    loop {
        let found = Found::of(suffix);
        suffix = &suffix[suffix.len() - found.octets..];
        labels = labels.max(found.labels);
        if found.kind == SuffixKind::Icann {
            break;
        }
        // A private suffix is itself a name below an ICANN suffix: look again one label closer to the root.
        let Some((_, parent)) = suffix.split_once('.') else { return (None, None) };
        suffix = parent;
    }
    let Some(left) = name.strip_suffix(suffix).and_then(|left| left.strip_suffix('.')) else { return (None, None) };
    let domain = &name[left.rfind('.').map_or(0, |dot| dot + 1)..];
    let count = |name: &str| 1 + name.bytes().filter(|&octet| octet == b'.').count();
    (Some(domain), Some(labels.max(count(domain))).filter(|_| labels <= count(name)))
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
    Found::of(tld).known
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
    fn the_labels_that_decide_a_registered_domain_are_told() {
        for (name, labels) in [
            ("a.b.example.net", Some(2)),
            ("a.b.example.co.uk", Some(3)),
            // `*.kawasaki.jp` is a suffix, `kawasaki.jp` alone is a domain.
            ("x.example.b.kawasaki.jp", Some(4)),
            ("kawasaki.jp", None),
            ("co.uk", None),
            ("a.example.unknown-tld-zz", Some(2)),
            ("unknown-tld-zz", None),
        ] {
            assert_eq!(registered_domain_by(name).1, labels, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn names_with_the_same_deciding_labels_have_the_same_domain(
            tail in proptest::sample::select(vec![
                "com", "net", "co.uk", "uk", "jp", "kawasaki.jp", "city.kawasaki.jp", "kobe.jp", "ck", "www.ck", "github.io",
                "k12.ma.us", "pvt.k12.ma.us", "amazonaws.com", "compute.amazonaws.com", "er", "com.br", "nom.br", "zz",
            ]),
            one in "[a-c]{1,2}(\\.[a-c]{1,2}){0,3}",
            other in "[a-c]{1,2}(\\.[a-c]{1,2}){0,3}",
        ) {
            let (one, other) = (format!("{one}.{tail}"), format!("{other}.{tail}"));
            let (domain, labels) = registered_domain_by(&one);
            let last = |name: &str, labels: usize| -> Vec<String> {
                name.rsplit('.').take(labels).map(str::to_owned).collect()
            };
            if let Some(labels) = labels && last(&one, labels) == last(&other, labels) {
                proptest::prop_assert_eq!(registered_domain(&other), domain);
            }
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
