//! Names as servers write them: presentation form with escapes, compared by labels and without case.
//!
//! [`DomainName`](crate::name::DomainName) is for names people have certificates for; a server may put anything on the wire.

use super::rtype;

/// The mnemonic of a record type, if this program knows it.
#[must_use]
pub fn mnemonic(code: u16) -> Option<&'static str> {
    Some(match code {
        rtype::A => "A",
        rtype::NS => "NS",
        rtype::CNAME => "CNAME",
        rtype::SOA => "SOA",
        rtype::TXT => "TXT",
        rtype::AAAA => "AAAA",
        rtype::DNAME => "DNAME",
        rtype::DS => "DS",
        rtype::RRSIG => "RRSIG",
        rtype::NSEC => "NSEC",
        rtype::DNSKEY => "DNSKEY",
        rtype::NSEC3 => "NSEC3",
        rtype::CAA => "CAA",
        _ => return None,
    })
}

/// A name in the form evidence is keyed by: lower case, no final dot, the root as `.`.
#[must_use]
pub fn key(name: &str) -> String {
    let bare = name.strip_suffix('.').filter(|n| !n.ends_with('\\')).unwrap_or(name);
    if bare.is_empty() { ".".to_owned() } else { bare.to_ascii_lowercase() }
}

/// The labels of a name, leftmost first, escapes kept; none for the root.
pub fn labels(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = if name == "." { "" } else { name };
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (label, left) = split(rest);
        rest = left;
        Some(label)
    })
}

/// The name one label closer to the root; `None` for the root.
#[must_use]
pub fn parent(name: &str) -> Option<&str> {
    if name == "." {
        return None;
    }
    let (_, rest) = split(name);
    Some(if rest.is_empty() { "." } else { rest })
}

/// How many labels a name has; 0 for the root.
#[must_use]
pub fn depth(name: &str) -> usize {
    labels(name).count()
}

/// Whether `name` is `zone` or below it, by labels and without case.
#[must_use]
pub fn is_at_or_below(name: &str, zone: &str) -> bool {
    let mut at = Some(name);
    let wanted = depth(zone);
    let surplus = depth(name).checked_sub(wanted);
    let Some(surplus) = surplus else { return false };
    for _ in 0..surplus {
        at = at.and_then(parent);
    }
    at.is_some_and(|at| at.eq_ignore_ascii_case(zone) || (wanted == 0 && at == "."))
}

/// Whether `name` is below `zone`, and not `zone` itself.
#[must_use]
pub fn is_below(name: &str, zone: &str) -> bool {
    is_at_or_below(name, zone) && depth(name) > depth(zone)
}

/// The name with every second letter in upper case: the same every time, so that a run can be repeated.
#[must_use]
pub fn mixed_case(name: &str) -> String {
    let mut upper = false;
    name.chars()
        .map(|c| {
            if c.is_ascii_alphabetic() {
                upper = !upper;
                if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
            } else {
                c
            }
        })
        .collect()
}

fn split(name: &str) -> (&str, &str) {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'.' => return (&name[..at], &name[at + 1..]),
            _ => at += 1,
        }
    }
    (name, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn labels_and_parents_respect_escaped_dots() {
        assert_eq!(labels(r"a\.b.example").collect::<Vec<_>>(), [r"a\.b", "example"]);
        assert_eq!(parent(r"a\.b.example"), Some("example"));
        assert_eq!(parent("example"), Some("."));
        assert_eq!(parent("."), None);
        assert_eq!(depth("."), 0);
    }

    #[test]
    fn scope_is_decided_by_labels_without_case() {
        for (name, zone, expected) in [
            ("WWW.Example.net", "example.NET", true),
            ("notexample.net", "example.net", false),
            ("example.net", "example.net", true),
            ("net", "example.net", false),
            ("example.net", ".", true),
            (".", ".", true),
            (".", "net", false),
            (r"a\.example.net", "example.net", false),
        ] {
            assert_eq!(is_at_or_below(name, zone), expected, "{name} {zone}");
        }
        assert!(is_below("a.net", "net") && !is_below("net", "net"));
    }

    #[test]
    fn mixed_case_has_a_capital_wherever_there_is_a_letter() {
        assert_eq!(mixed_case("www.plain.bed"), "WwW.pLaIn.BeD");
        assert_eq!(mixed_case("1.2"), "1.2");
    }

    proptest! {
        #[test]
        fn any_text_is_split_without_a_panic(name in "\\PC{0,40}", zone in "\\PC{0,40}") {
            let _ = (labels(&name).count(), parent(&name), is_at_or_below(&name, &zone), key(&name), mixed_case(&name));
        }
    }
}
