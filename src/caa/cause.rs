//! [`Cause`]: why a level fails or is at risk, who must act, and what to do, in words that can be forwarded.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use super::Code;

/// One cause at one level.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cause {
    /// What is wrong.
    pub code: Code,
    /// Who must act: `the operator of the name servers of example.net`.
    pub who: String,
    /// What to do, as a paragraph to send to whoever must act. Names in it come from the network: escape before printing.
    pub fix: String,
    /// The servers concerned, in order; empty where the cause is not about servers.
    pub servers: Vec<NamedServer>,
    /// Whether a CA sees "no CAA" where a policy may be published, instead of an error.
    pub hides_policy: bool,
    /// What was seen that shows it, one sentence.
    pub evidence: String,
    /// Whether a CA's lookup at the level fails because of this, every time and not only now and then.
    #[serde(skip)]
    pub breaks_lookup: bool,
    /// Whether it concerns only what is said where there is no record, so that a CAA record at the level would be read.
    #[serde(skip)]
    pub about_absence: bool,
}

impl Cause {
    /// Whether name servers themselves show that no resolver can look up CAA at the level, so that the silence of one is theirs.
    #[must_use]
    pub fn accounts_for_failure(&self) -> bool {
        self.breaks_lookup && !self.servers.is_empty()
    }
}

/// What a remedy says that another one does not: the sentences after those both begin with. Remedies of one fault at several
/// levels begin alike, and only the levels that the reader owns have something that the reader can do.
#[must_use]
pub fn added<'a>(fix: &str, other: &'a str) -> Option<&'a str> {
    let alike = fix.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let begins = match (alike == fix.len(), other.is_char_boundary(alike)) {
        (true, true) => alike,
        _ => other.as_bytes()[..alike].windows(2).rposition(|pair| pair == b". ").map_or(0, |at| at + 1),
    };
    Some(other[begins..].trim_start()).filter(|more| !more.is_empty() && !fix.contains(more))
}

/// An address of a name server and the host name it goes by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct NamedServer {
    /// The host name, as the delegation gives it; hostile.
    pub name: String,
    /// The address; `None` for a host that has none.
    pub address: Option<IpAddr>,
}

/// `ns1.example.net (192.0.2.1)`.
impl fmt::Display for NamedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name.as_str(), self.address) {
            ("", Some(address)) => write!(f, "{address}"),
            (name, Some(address)) => write!(f, "{name} ({address})"),
            (name, None) => write!(f, "{name} (no address)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_remedy_adds_is_its_sentences_after_the_common_ones() {
        let registry = "The name server a.b of net drops it. It must answer.";
        let own = "The name server a.b of net drops it. It must answer. A CAA record at x.net helps.";
        assert_eq!(added(registry, own), Some("A CAA record at x.net helps."));
        assert_eq!(added(own, registry), None);
        assert_eq!(added(own, own), None);
        let other = own.replace("x.net", "x.org");
        assert_eq!(added(own, &other), Some("A CAA record at x.org helps."));
        assert_eq!(added(registry, "Move.\u{e9}"), Some("Move.\u{e9}"));
        assert_eq!(added("\u{e8}", "\u{e9}"), Some("\u{e9}"));
    }
}
