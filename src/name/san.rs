//! [`SubjectAltName`]: a name as a certificate carries it, and why an entry of a certificate is no DNS name.

use std::borrow::Cow;
use std::fmt;

use super::DomainName;
use super::domain_name::{MAX_LABEL, MAX_NAME};

/// One dNSName of a certificate: a [`DomainName`] and whether `*.` stood before it.
///
/// The CAA climb of `*.example.net` starts at `example.net` (RFC 8659 §3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectAltName {
    /// The name without `*.`.
    pub name: DomainName,
    /// Whether `*.` stood before the name.
    pub wildcard: bool,
}

impl SubjectAltName {
    /// Parses a SAN entry as certificates and CT services spell it.
    ///
    /// # Errors
    /// The [`DropClass`] that says why the entry is not a DNS name.
    pub fn parse(text: &str) -> Result<Self, DropClass> {
        SanRef::parse(text).map(|san| san.to_san())
    }
}

impl fmt::Display for SubjectAltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.wildcard { "*." } else { "" }, self.name)
    }
}

/// A [`SubjectAltName`] that borrows its text: what the bulk readers pass on, without an allocation for canonical input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SanRef<'a> {
    name: Cow<'a, str>,
    wildcard: bool,
}

/// Why an entry of a certificate or of a CT answer is not a DNS name. Entries are counted by class, never lost silently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DropClass {
    /// Nothing but white space.
    Empty,
    /// `user@host`.
    Email,
    /// A text with a scheme, `https://...`.
    Uri,
    /// An IPv4 or IPv6 address.
    IpAddress,
    /// White space inside, as organisation names have.
    Blank,
    /// A control character.
    Control,
    /// A name that starts or ends with a dot too many, or has two dots in a row.
    EmptyLabel,
    /// A label over 63 octets.
    LabelLength,
    /// More than 253 octets.
    NameLength,
    /// A bare `*`, or `*` elsewhere than as the whole leftmost label (RFC 6125 §6.4.3 has them, public CAs do not issue them).
    OddWildcard,
    /// A character no host name has, or an internationalised name that IDNA refuses.
    Character,
    /// An entry of a certificate of yet another kind: a directory name, a registered identifier, ...
    OtherKind,
    /// The common name of a certificate without alternative names: a CA's own, or one too old to be of the Web PKI.
    CommonName,
    /// A valid DNS name outside the domain that was asked for.
    OutOfScope,
}

impl DropClass {
    /// The class as it stands in reports, `kebab-case`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Email => "email",
            Self::Uri => "uri",
            Self::IpAddress => "ip-address",
            Self::Blank => "blank",
            Self::Control => "control",
            Self::EmptyLabel => "empty-label",
            Self::LabelLength => "label-length",
            Self::NameLength => "name-length",
            Self::OddWildcard => "odd-wildcard",
            Self::Character => "character",
            Self::OtherKind => "other-kind",
            Self::CommonName => "common-name",
            Self::OutOfScope => "out-of-scope",
        }
    }
}

impl fmt::Display for DropClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'a> SanRef<'a> {
    /// Parses a SAN entry: any case, surrounding white space and a trailing dot are forgiven, `*.` is kept as a property.
    ///
    /// # Errors
    /// The [`DropClass`] that says why the entry is not a DNS name.
    pub fn parse(text: &'a str) -> Result<Self, DropClass> {
        let star = |text: &'a str| text.strip_prefix("*.").map_or((text, false), |rest| (rest, true));
        let (name, wildcard) = star(text);
        if is_canonical(name.as_bytes()) {
            return Ok(Self { name: Cow::Borrowed(name), wildcard });
        }
        let (text, wildcard) = star(text.trim_matches([' ', '\t', '\r', '\n']));
        let text = text.strip_suffix('.').unwrap_or(text);
        let mut shape = Shape::of(text);
        let mut name = Cow::Borrowed(text);
        if shape.non_ascii && !shape.has_reason_before_idna() {
            name = idna::domain_to_ascii(text).map_err(|_| DropClass::Character)?.into();
            shape = Shape::of(&name);
        }
        if let Some(class) = shape.refusal(&name, wildcard) {
            return Err(class);
        }
        if shape.upper {
            name = Cow::Owned(name.to_ascii_lowercase());
        }
        Ok(Self { name, wildcard })
    }

    /// The name without `*.`, canonical.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether `*.` stood before the name.
    #[must_use]
    pub fn wildcard(&self) -> bool {
        self.wildcard
    }

    /// Whether the name is `domain` or below it, compared by labels.
    #[must_use]
    pub fn is_at_or_below(&self, domain: &DomainName) -> bool {
        super::domain_name::is_at_or_below(&self.name, domain.as_str())
    }

    /// The owned form.
    #[must_use]
    pub fn to_san(&self) -> SubjectAltName {
        SubjectAltName { name: DomainName::from_canonical(&self.name), wildcard: self.wildcard }
    }
}

/// Whether octets are a name as it stands in reports, the common case of every bulk input: no capital, nothing odd, and no
/// IPv4 address. Octets are compared rather than looked up, so that many are judged at once.
fn is_canonical(name: &[u8]) -> bool {
    let is_plain = |octet: u8| {
        octet.wrapping_sub(b'a') < 26
            || octet.wrapping_sub(b'0') < 10
            || octet == b'.'
            || octet == b'-'
            || octet == b'_'
    };
    if name.len() > MAX_NAME || !name.iter().fold(true, |all, &octet| all & is_plain(octet)) {
        return false;
    }
    let mut start = 0;
    for dot in memchr::memchr_iter(b'.', name) {
        if dot == start || dot - start > MAX_LABEL {
            return false;
        }
        start = dot + 1;
    }
    let last = &name[start..];
    last.len() <= MAX_LABEL && last.iter().any(|octet| !octet.is_ascii_digit())
}

/// What one pass over the octets tells of a text.
#[derive(Default)]
struct Shape {
    upper: bool,
    non_ascii: bool,
    star: bool,
    blank: bool,
    control: bool,
    at: bool,
    colon: bool,
    other: bool,
    empty_label: bool,
    long_label: bool,
    digits_only_tld: bool,
    octets: usize,
}

/// What an octet adds to a [`Shape`], one bit each.
mod octet {
    pub(super) const UPPER: u16 = 1;
    pub(super) const NON_ASCII: u16 = 1 << 1;
    pub(super) const STAR: u16 = 1 << 2;
    pub(super) const BLANK: u16 = 1 << 3;
    pub(super) const CONTROL: u16 = 1 << 4;
    pub(super) const AT: u16 = 1 << 5;
    pub(super) const COLON: u16 = 1 << 6;
    pub(super) const OTHER: u16 = 1 << 7;
    pub(super) const DOT: u16 = 1 << 8;
    pub(super) const NO_DIGIT: u16 = 1 << 9;

    /// By octet. A table, for every octet of every name is looked at.
    pub(super) const CLASS: [u16; 256] = {
        let mut class = [0; 256];
        let mut octet = 0_u8;
        loop {
            class[octet as usize] = match octet {
                b'0'..=b'9' => 0,
                b'a'..=b'z' | b'-' | b'_' => NO_DIGIT,
                b'A'..=b'Z' => NO_DIGIT | UPPER,
                b'.' => DOT,
                b'*' => NO_DIGIT | STAR,
                b' ' => NO_DIGIT | BLANK,
                b'@' => NO_DIGIT | AT,
                b':' => NO_DIGIT | COLON,
                0..0x20 | 0x7f => NO_DIGIT | CONTROL,
                0x80.. => NO_DIGIT | NON_ASCII,
                _ => NO_DIGIT | OTHER,
            };
            if octet == u8::MAX {
                break class;
            }
            octet += 1;
        }
    };
}

impl Shape {
    fn of(text: &str) -> Self {
        let (mut all, mut of_label) = (0, 0);
        let (mut label, mut longest, mut empty_label) = (0, 0, false);
        for octet in text.bytes() {
            let class = octet::CLASS[usize::from(octet)];
            if class & octet::DOT == 0 {
                label += 1;
                of_label |= class;
            } else {
                empty_label |= label == 0;
                longest = longest.max(label);
                all |= of_label;
                (label, of_label) = (0, 0);
            }
        }
        all |= of_label;
        let has = |class| all & class != 0;
        Self {
            upper: has(octet::UPPER),
            non_ascii: has(octet::NON_ASCII),
            star: has(octet::STAR),
            blank: has(octet::BLANK),
            control: has(octet::CONTROL),
            at: has(octet::AT),
            colon: has(octet::COLON),
            other: has(octet::OTHER),
            empty_label: empty_label || label == 0,
            long_label: longest.max(label) > MAX_LABEL,
            digits_only_tld: of_label & octet::NO_DIGIT == 0,
            octets: text.len(),
        }
    }

    fn has_reason_before_idna(&self) -> bool {
        self.star || self.blank || self.control || self.at || self.colon || self.other
    }

    fn refusal(&self, text: &str, wildcard: bool) -> Option<DropClass> {
        // The common case costs one test: nothing odd at all, and no IPv4 address.
        let odd = self.has_reason_before_idna() || self.non_ascii || self.empty_label || self.long_label;
        if !odd && self.octets <= MAX_NAME && !self.digits_only_tld {
            return None;
        }
        if text.is_empty() {
            return Some(if wildcard { DropClass::OddWildcard } else { DropClass::Empty });
        }
        if self.control {
            return Some(DropClass::Control);
        }
        if text.parse::<std::net::IpAddr>().is_ok() {
            return Some(DropClass::IpAddress);
        }
        if self.colon && text.contains("://") {
            return Some(DropClass::Uri);
        }
        if self.blank {
            return Some(DropClass::Blank);
        }
        if self.at {
            return Some(DropClass::Email);
        }
        if self.star {
            return Some(DropClass::OddWildcard);
        }
        if self.other || self.colon || self.non_ascii {
            return Some(DropClass::Character);
        }
        if self.empty_label {
            return Some(DropClass::EmptyLabel);
        }
        if self.octets > MAX_NAME {
            return Some(DropClass::NameLength);
        }
        self.long_label.then_some(DropClass::LabelLength)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn class(text: &str) -> Result<String, DropClass> {
        SubjectAltName::parse(text).map(|san| san.to_string())
    }

    #[test]
    fn the_wildcard_is_kept_as_a_property() {
        let san = SubjectAltName::parse("*.A.Example.NET.").unwrap();
        assert_eq!((san.name.as_str(), san.wildcard), ("a.example.net", true));
        assert_eq!(class("*.example.net").unwrap(), "*.example.net");
    }

    #[test]
    fn entries_that_are_no_dns_names_have_a_class() {
        let long = format!("{}.example", "a".repeat(64));
        let huge = "abc.".repeat(70) + "example";
        for (text, expected) in [
            ("", DropClass::Empty),
            ("*", DropClass::OddWildcard),
            ("*.", DropClass::OddWildcard),
            ("a.*.example", DropClass::OddWildcard),
            ("f*o.example", DropClass::OddWildcard),
            ("webmaster@python.org", DropClass::Email),
            ("PayPal, Inc.", DropClass::Blank),
            ("https://example.net/x", DropClass::Uri),
            ("192.0.2.1", DropClass::IpAddress),
            ("2001:db8::1", DropClass::IpAddress),
            ("a\u{0}b.example", DropClass::Control),
            ("a\u{1b}[31m.example", DropClass::Control),
            ("a..example", DropClass::EmptyLabel),
            (".example.net", DropClass::EmptyLabel),
            (long.as_str(), DropClass::LabelLength),
            (huge.as_str(), DropClass::NameLength),
            ("a<b>.example", DropClass::Character),
            ("\\303\\251.example", DropClass::Character),
        ] {
            assert_eq!(class(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn odd_but_real_names_stay() {
        for text in ["_dmarc.example.net", "xn--bcher-kva.example", "-a.example", "123.example", "a--b.example"] {
            assert_eq!(class(text).as_deref(), Ok(text));
        }
        assert_eq!(class(" www.Example.NET\r").as_deref(), Ok("www.example.net"));
        assert_eq!(class("bücher.example").as_deref(), Ok("xn--bcher-kva.example"));
    }

    proptest! {
        #[test]
        fn the_short_way_and_the_long_way_agree(text in "(\\*\\.)?[a-zA-Z0-9._*-]{0,70}(\\.[a-z0-9]{0,4}){0,3}") {
            // A blank before a text is forgiven, but not by the short way.
            let blank = format!(" {text}");
            prop_assert_eq!(SanRef::parse(&text), SanRef::parse(&blank));
        }

        #[test]
        fn any_text_is_a_name_or_has_a_class(text in any::<String>()) {
            if let Ok(san) = SubjectAltName::parse(&text) {
                prop_assert_eq!(SubjectAltName::parse(&san.to_string()), Ok(san.clone()));
                prop_assert_eq!(DomainName::parse(san.name.as_str()), Ok(san.name));
            }
        }
    }
}
