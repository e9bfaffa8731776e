//! [`LookupOutcome`]: every way a CAA query can end, and [`Lookup`]: the outcome with the facts it rests on.

use std::fmt;
use std::sync::Arc;

use super::{CaaRecord, Ede, rcode};

/// What one CAA query at one name taught us.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum LookupOutcome {
    /// One or more CAA records; this level ends the climb.
    Records(Vec<CaaRecord>),
    /// The name exists without CAA: NOERROR and an empty answer (RFC 2308 §2.2).
    NoData(Soa),
    /// The name does not exist (RFC 2308 §2.1).
    NxDomain(Soa),
    /// No usable answer; a CA cannot know what is published here.
    Failed(LookupFailure),
}

/// Whether a negative answer carried the SOA record that RFC 2308 §3 asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Soa {
    /// An SOA whose owner is the name or one of its ancestors.
    Present,
    /// An SOA of some other name.
    Foreign,
    /// None.
    Missing,
}

/// One way a lookup fails. A new failure class is a new variant here.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum LookupFailure {
    /// SERVFAIL.
    ServFail,
    /// REFUSED.
    Refused,
    /// FORMERR.
    FormErr,
    /// NOTIMP.
    NotImp,
    /// Another response code.
    OtherRcode(u16),
    /// Still truncated where it counts: over TCP, or TCP did not work.
    Truncated,
    /// No answer within this many milliseconds, all tries together.
    Timeout(u64),
    /// The network or the operating system refused: port closed, unreachable, TLS or HTTP failure.
    Network(String),
    /// A reply came that cannot be read, or that answers another question.
    Malformed(String),
    /// A referral: the server neither knows nor recurses.
    Referral,
    /// A CNAME or DNAME chain that comes back to itself, or is longer than 16 links.
    AliasLoop,
    /// Not asked: the zone's servers did not answer for many levels before this one.
    NotAsked,
}

impl LookupFailure {
    /// The class as it stands in reports: `servfail`, `timeout`, `network-error`, ...
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::ServFail => "servfail",
            Self::Refused => "refused",
            Self::FormErr => "formerr",
            Self::NotImp => "notimp",
            Self::OtherRcode(_) => "rcode",
            Self::Truncated => "truncated",
            Self::Timeout(_) => "timeout",
            Self::Network(_) => "network-error",
            Self::Malformed(_) => "malformed",
            Self::Referral => "referral",
            Self::AliasLoop => "alias-loop",
            Self::NotAsked => "not-asked",
        }
    }
}

impl LookupOutcome {
    /// The outcome as it stands in reports: `records`, `nodata`, `nxdomain` or `failed`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Records(_) => "records",
            Self::NoData(_) => "nodata",
            Self::NxDomain(_) => "nxdomain",
            Self::Failed(_) => "failed",
        }
    }
}

/// How a question travelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// DNS over UDP.
    Udp,
    /// DNS over TCP (RFC 7766), by choice or after a truncated answer.
    Tcp,
    /// DNS over TLS (RFC 7858).
    Tls,
    /// DNS over HTTPS (RFC 8484).
    Https,
    /// Answered from a scenario file.
    Script,
}

/// What one view (a resolver, or a scenario) says of CAA at one level: the outcome and the facts it rests on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Lookup {
    /// How it ended.
    pub outcome: LookupOutcome,
    /// Response code, if a readable reply came.
    pub rcode: Option<u16>,
    /// Owner of the SOA record of a negative answer, if one came; shared by the levels of one zone.
    #[serde(with = "shared_text")]
    pub soa_owner: Option<Arc<str>>,
    /// Extended DNS errors of the reply.
    pub ede: Vec<Ede>,
    /// The resolver marked the answer as authenticated (AD).
    pub authenticated: bool,
    /// Names the query was led to by CNAME or DNAME, in order.
    pub aliases: Vec<String>,
    /// After SERVFAIL: what the same question gave with checking disabled (CD=1); an answer there means DNSSEC is why.
    pub checking_disabled: Option<Box<LookupOutcome>>,
    /// After a failure: whether an A query at the same name got a usable answer.
    pub address_answers: Option<bool>,
    /// Time of the last try in milliseconds; `None` when nothing came.
    pub rtt_ms: Option<u64>,
    /// Transmissions, the first included.
    pub tries: u8,
    /// How the answer came, or the last try went.
    pub transport: Transport,
}

impl Lookup {
    /// Whether the question was asked again after a failure, with checking disabled or without.
    #[must_use]
    pub fn was_retried(&self) -> bool {
        self.tries > 1 || self.checking_disabled.is_some()
    }

    /// An outcome with nothing else known: one try, no reply.
    #[must_use]
    pub fn bare(outcome: LookupOutcome, transport: Transport) -> Self {
        Self {
            outcome,
            rcode: None,
            soa_owner: None,
            ede: Vec::new(),
            authenticated: false,
            aliases: Vec::new(),
            checking_disabled: None,
            address_answers: None,
            rtt_ms: None,
            tries: 1,
            transport,
        }
    }
}

/// One clause for people, as in "the lookup failed: no answer within 5000 ms".
impl fmt::Display for LookupFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServFail => f.write_str("SERVFAIL"),
            Self::Refused => f.write_str("REFUSED"),
            Self::FormErr => f.write_str("FORMERR"),
            Self::NotImp => f.write_str("NOTIMP"),
            Self::OtherRcode(code) => f.write_str(&rcode::name(*code)),
            Self::Truncated => f.write_str("the answer is truncated"),
            Self::Timeout(after_ms) => write!(f, "no answer within {after_ms} ms"),
            Self::Network(text) | Self::Malformed(text) => f.write_str(text),
            Self::Referral => f.write_str("a referral in place of an answer"),
            Self::AliasLoop => f.write_str("a chain of aliases without end"),
            Self::NotAsked => f.write_str("not asked, since the lookups before it got no answer"),
        }
    }
}

/// A shared text as JSON has it: a text.
mod shared_text {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "the form serde calls")]
    pub(super) fn serialize<S: Serializer>(text: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
        text.as_deref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<str>>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Arc::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_lookups_fit_into_memory() {
        assert!(size_of::<Lookup>() <= 144, "{}", size_of::<Lookup>());
    }
}
