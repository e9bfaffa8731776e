//! [`DomainName`]: a DNS name in canonical form, parsed once and trusted afterwards.

use std::fmt;

/// Octets a name may have in presentation form without the final dot (RFC 1035 §2.3.4).
pub(super) const MAX_NAME: usize = 253;
/// Octets a label may have (RFC 1035 §2.3.4).
pub(super) const MAX_LABEL: usize = 63;

/// A DNS name in canonical form: lower-case A-labels, no trailing dot.
///
/// Labels of 1 to 63 octets out of `a-z 0-9 - _`, 253 octets in all (RFC 1035 §2.3.4). Underscores are allowed because
/// names with them exist and resolve. A wildcard is not a name: `*.example.net` is a
/// [`SubjectAltName`](super::SubjectAltName).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct DomainName(String);

/// Why a string is not a [`DomainName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A label is empty or longer than 63 octets.
    #[error("`{}` has a label of {octets} octets; 1 to 63 are allowed", name.escape_debug())]
    LabelLength {
        /// The whole name as given.
        name: String,
        /// How long the offending label is.
        octets: usize,
    },
    /// The name is longer than 253 octets.
    #[error("a name of {octets} octets; 253 are allowed")]
    NameLength {
        /// How long the name is.
        octets: usize,
    },
    /// A character that no host name has.
    #[error("`{}` has the character `{}`; letters, digits, `-` and `_` are allowed", name.escape_debug(), character.escape_debug())]
    Character {
        /// The whole name as given.
        name: String,
        /// The first offending character.
        character: char,
    },
    /// An internationalised name that IDNA does not accept.
    #[error("`{}` is no valid internationalised name", name.escape_debug())]
    Idna {
        /// The whole name as given.
        name: String,
    },
}

impl DomainName {
    /// Parses a name as people type it: any case, trailing dot or not, U-labels or A-labels.
    ///
    /// # Errors
    /// [`NameError`] quotes the offending text with control characters escaped, so the message can stand alone.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let name = if text.is_ascii() {
            text.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii(text).map_err(|_| NameError::Idna { name: text.chars().take(MAX_NAME).collect() })?
        };
        check(&name)?;
        Ok(Self(name))
    }

    /// Takes a text that is known to be canonical: a name held by a tree, a slice of a parsed name.
    pub(super) fn from_canonical(text: &str) -> Self {
        debug_assert!(check(text).is_ok(), "`{text}` is no canonical name");
        Self(text.to_owned())
    }

    /// The name as text, lower-case and without a trailing dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The labels as read, leftmost first; at least one.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }

    /// The name one label closer to the root; `None` for a TLD.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.split_once('.').map(|(_, rest)| Self(rest.to_owned()))
    }

    /// The name, then each parent, nearest first, ending with the single-label TLD.
    ///
    /// `a.example.net` gives 3 items. RFC 8659 §3 asks in this order and never asks the root.
    pub fn ancestors(&self) -> impl Iterator<Item = DomainName> {
        std::iter::successors(Some(self.clone()), Self::parent)
    }

    /// Labels between this name and its TLD; 0 for a TLD.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.bytes().filter(|&octet| octet == b'.').count()
    }

    /// Whether this name is `other` or below it, compared by labels: `notexample.com` is not below `example.com`.
    #[must_use]
    pub fn is_at_or_below(&self, other: &DomainName) -> bool {
        is_at_or_below(&self.0, &other.0)
    }
}

/// The label-wise scope test over canonical texts.
pub(super) fn is_at_or_below(name: &str, ancestor: &str) -> bool {
    name.strip_suffix(ancestor).is_some_and(|left| left.is_empty() || left.ends_with('.'))
}

fn check(name: &str) -> Result<(), NameError> {
    if name.len() > MAX_NAME {
        return Err(NameError::NameLength { octets: name.len() });
    }
    if let Some(octets) = name.split('.').map(str::len).find(|octets| !(1..=MAX_LABEL).contains(octets)) {
        return Err(NameError::LabelLength { name: name.to_owned(), octets });
    }
    match name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '.')) {
        Some(character) => Err(NameError::Character { name: name.to_owned(), character }),
        None => Ok(()),
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for DomainName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_and_the_final_dot_do_not_matter() {
        assert_eq!(DomainName::parse("WWW.Example.NET."), DomainName::parse("www.example.net"));
    }

    #[test]
    fn a_u_label_becomes_its_a_label() {
        assert_eq!(DomainName::parse("bücher.example").unwrap().as_str(), "xn--bcher-kva.example");
    }

    #[test]
    fn the_climb_ends_at_the_tld() {
        let levels: Vec<_> = DomainName::parse("a.example.net").unwrap().ancestors().map(|n| n.to_string()).collect();
        assert_eq!(levels, ["a.example.net", "example.net", "net"]);
    }

    #[test]
    fn scope_is_decided_by_labels() {
        let domain = DomainName::parse("example.com").unwrap();
        for (name, inside) in [
            ("example.com", true),
            ("a.example.com", true),
            ("notexample.com", false),
            ("example.com.evil.org", false),
            ("com", false),
        ] {
            assert_eq!(DomainName::parse(name).unwrap().is_at_or_below(&domain), inside, "{name}");
        }
    }

    #[test]
    fn each_fault_is_named() {
        assert!(matches!(DomainName::parse("a..b"), Err(NameError::LabelLength { octets: 0, .. })));
        assert!(matches!(DomainName::parse(&"x".repeat(64)), Err(NameError::LabelLength { octets: 64, .. })));
        assert!(matches!(DomainName::parse(&"ab.".repeat(90)), Err(NameError::NameLength { octets: 269 })));
        assert!(matches!(DomainName::parse("a b.example"), Err(NameError::Character { character: ' ', .. })));
        assert!(matches!(DomainName::parse(""), Err(NameError::LabelLength { octets: 0, .. })));
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused_and_what_parses_is_stable(text in any::<String>()) {
            if let Ok(name) = DomainName::parse(&text) {
                prop_assert_eq!(DomainName::parse(name.as_str()), Ok(name.clone()));
                prop_assert!(name.as_str().len() <= 253);
            }
        }
    }
}
