//! Lists of domains as people keep them: one a line. What is no domain to audit is told with its line, never skipped in
//! silence.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};
use std::sync::Arc;

use crate::name::{DomainName, NameError, is_public_suffix};

/// Octets of a line that are read; a name has at most 253.
const MAX_LINE: u64 = 4096;

/// The domains to audit, each once, with where it was named first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Domains {
    named: BTreeMap<DomainName, Place>,
    /// How often a domain was named again.
    pub repeated: u64,
    /// How many entries were refused.
    pub refused: u64,
}

/// Where a domain was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as it was given, `standard input` or `command line`.
    pub source: Arc<str>,
    /// The line, from 1; the position for arguments.
    pub line: u64,
}

/// An entry that is not audited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Where it stands.
    pub place: Place,
    /// Why, in one clause; quotes the entry with control characters escaped.
    pub why: Refusal,
}

/// Why an entry is not audited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a DNS name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A public suffix.
    #[error("`{name}` is a public suffix, nobody's domain; name a domain below it")]
    PublicSuffix {
        /// The suffix.
        name: DomainName,
    },
    /// A wildcard name.
    #[error("`*.{name}` is a name of certificates, not a domain; `{name}` would be one")]
    Wildcard {
        /// The name without `*.`.
        name: DomainName,
    },
    /// An URL.
    #[error("`{}` is an URL; write the domain alone", text.escape_debug())]
    Url {
        /// The beginning of the line.
        text: String,
    },
    /// An address, or a name below a TLD of digits, which there are none of.
    #[error("`{name}` is an IP address or ends in digits alone; no domain does")]
    Address {
        /// What was parsed.
        name: DomainName,
    },
    /// Not text, or a line without an end.
    #[error("not a line of text: {0}")]
    NoText(&'static str),
}

impl Domains {
    /// No domains.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one argument or line, if it is a domain to audit.
    ///
    /// # Errors
    /// Why it is not; counted too.
    pub fn add(&mut self, text: &str, place: Place) -> Result<(), Refused> {
        match judge(text) {
            Ok(name) => {
                let mut known = true;
                self.named.entry(name).or_insert_with(|| {
                    known = false;
                    place
                });
                self.repeated += u64::from(known);
                Ok(())
            }
            Err(why) => {
                self.refused += 1;
                Err(Refused { place, why })
            }
        }
    }

    /// Reads a list: one domain a line; blank lines and what follows `#` are comments.
    ///
    /// `told` hears of every refused line, in order.
    ///
    /// # Errors
    /// The reader's.
    pub fn read(
        &mut self,
        reader: &mut dyn BufRead,
        source: &str,
        told: &mut dyn FnMut(Refused),
    ) -> std::io::Result<()> {
        let source: Arc<str> = source.into();
        let mut octets = Vec::new();
        for line in 1.. {
            octets.clear();
            if reader.take(MAX_LINE).read_until(b'\n', &mut octets)? == 0 {
                return Ok(());
            }
            let place = Place { source: Arc::clone(&source), line };
            let mut refuse = |why| {
                self.refused += 1;
                told(Refused { place: place.clone(), why });
            };
            if !octets.ends_with(b"\n") && octets.len() as u64 == MAX_LINE && skip_line(reader)? {
                refuse(Refusal::NoText("longer than 4096 octets"));
                continue;
            }
            let Ok(text) = std::str::from_utf8(&octets) else {
                refuse(Refusal::NoText("not UTF-8"));
                continue;
            };
            let text = if line == 1 { text.trim_start_matches('\u{feff}') } else { text };
            let text = text.split('#').next().unwrap_or("").trim();
            if text.is_empty() {
                continue;
            }
            if let Err(refused) = self.add(text, place) {
                told(refused);
            }
        }
        Ok(())
    }

    /// Adds a domain that a dump holds; nothing is refused or counted.
    pub fn insert(&mut self, name: DomainName, place: Place) {
        self.named.entry(name).or_insert(place);
    }

    /// Each domain with where it was named first, in order of their text.
    pub fn iter(&self) -> impl Iterator<Item = (&DomainName, &Place)> {
        self.named.iter()
    }

    /// How many domains there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.named.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// Keeps the domains that `keep` wants.
    pub fn retain(&mut self, keep: impl Fn(&DomainName) -> bool) {
        self.named.retain(|name, _| keep(name));
    }
}

/// Reads to the end of the line; returns whether anything was left of it.
fn skip_line(reader: &mut dyn BufRead) -> std::io::Result<bool> {
    let mut any = false;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(any);
        }
        let end = memchr::memchr(b'\n', buffer);
        let used = end.map_or(buffer.len(), |end| end + 1);
        any |= end != Some(0);
        reader.consume(used);
        if end.is_some() {
            return Ok(any);
        }
    }
}

fn judge(text: &str) -> Result<DomainName, Refusal> {
    if text.contains("://") {
        return Err(Refusal::Url { text: text.chars().take(80).collect() });
    }
    if let Some(name) = text.strip_prefix("*.").and_then(|rest| DomainName::parse(rest).ok()) {
        return Err(Refusal::Wildcard { name });
    }
    let name = DomainName::parse(text)?;
    // An address parses as a name; its last label has no letter, and no TLD is like that (RFC 3696 §2).
    if name.labels().next_back().is_some_and(|tld| tld.bytes().all(|octet| octet.is_ascii_digit())) {
        return Err(Refusal::Address { name });
    }
    if is_public_suffix(&name) {
        return Err(Refusal::PublicSuffix { name });
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &[u8]) -> (Domains, Vec<String>) {
        let mut domains = Domains::new();
        let mut told = Vec::new();
        let mut tell = |refused: Refused| told.push(format!("{}: {}", refused.place.line, refused.why));
        domains.read(&mut &text[..], "list", &mut tell).unwrap();
        (domains, told)
    }

    #[test]
    fn junk_lines_are_named_and_the_rest_is_audited() {
        let list = "\u{feff}# mine\r\nexample.net\r\n\n  Example.ORG. # the old one\nnot a name\nco.uk\nexample.net\n\
                    *.example.com\nhttps://example.com/\nevil\u{1b}[31m.example\n192.0.2.1\nlast.example.com";
        let (domains, told) = read(list.as_bytes());
        let names: Vec<_> = domains.iter().map(|(name, place)| format!("{}:{name}", place.line)).collect();
        assert_eq!(names, ["2:example.net", "4:example.org", "12:last.example.com"]);
        assert_eq!((domains.repeated, domains.refused), (1, 6));
        assert_eq!(
            told,
            [
                "5: `not a name` has the character ` `; letters, digits, `-` and `_` are allowed",
                "6: `co.uk` is a public suffix, nobody's domain; name a domain below it",
                "8: `*.example.com` is a name of certificates, not a domain; `example.com` would be one",
                "9: `https://example.com/` is an URL; write the domain alone",
                "10: `evil\\u{1b}[31m.example` has the character `\\u{1b}`; letters, digits, `-` and `_` are allowed",
                "11: `192.0.2.1` is an IP address or ends in digits alone; no domain does",
            ]
        );
    }

    #[test]
    fn endless_lines_and_odd_octets_cost_one_line_each() {
        let mut list = vec![b'x'; 100_000];
        list.extend_from_slice(b"\n\xff\xfe\nexample.net\n");
        let (domains, told) = read(&list);
        assert_eq!(domains.len(), 1);
        assert_eq!(told, ["1: not a line of text: longer than 4096 octets", "2: not a line of text: not UTF-8"]);
    }

    proptest! {
        #[test]
        fn every_line_is_a_domain_or_told(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            let (domains, told) = read(&text);
            let lines = text.split(|&octet| octet == b'\n').count() as u64;
            prop_assert!(domains.len() as u64 + domains.repeated + domains.refused <= lines);
            prop_assert_eq!(domains.refused, told.len() as u64);
        }
    }
}
