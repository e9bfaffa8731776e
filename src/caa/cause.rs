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
