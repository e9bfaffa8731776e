//! What the authoritative servers of each zone answered to each probe, as plain data.
//!
//! The `dns` room gathers it, [`causes`](super::causes) decides over it, the report and `trace` print it. No sockets here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::message::octets;
use super::{DnsMessage, Transport};

/// What was learned from the authoritative side about a set of levels: the zones above them, each once, and the levels.
///
/// Names are lower case in presentation form without the final dot; the root is `.`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthoritativeView {
    /// Every zone on the way, from the root down.
    pub zones: BTreeMap<String, ZoneEvidence>,
    /// Every level that was probed: those asked for, and the targets of aliases met there.
    pub levels: BTreeMap<String, LevelEvidence>,
    /// What was left out because a bound was reached, one sentence each.
    pub limits: BTreeSet<String>,
    /// What a private root cannot show, though nothing was left out; one sentence each.
    pub cautions: BTreeSet<String>,
    /// Messages sent, repeats included.
    pub queries: u64,
    /// The time signatures were checked against, in seconds since 1970.
    pub now: u64,
    /// What the line itself costs: the shortest round trip to any server met, in microseconds.
    pub line_us: Option<u64>,
    /// Whether questions to IPv6 addresses leave this host at all; `None` when there was no occasion to find out.
    pub ipv6_works: Option<bool>,
    /// Whether the walk started at the servers built into the program, so that the root's keys can be compared with the
    /// published anchors.
    pub public_root: bool,
    /// What servers of the public root answered to the forms of question that looked faulty elsewhere. They are known to be
    /// sound: a fault that they show too lies between them and this host. Empty where nothing looked faulty.
    pub line: LevelEvidence,
}

/// One zone: its delegation and how each address behaves at its apex.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneEvidence {
    /// The apex.
    pub name: String,
    /// The zone it was delegated from; `None` for the root.
    pub parent: Option<String>,
    /// Whether the cut was seen as a referral. `false`: the same servers hold parent and child, and the cut shows only by
    /// the SOA record.
    pub referred: bool,
    /// Hosts named by the parent's referral.
    pub parent_ns: BTreeSet<String>,
    /// Hosts named by the zone's own servers.
    pub child_ns: BTreeSet<String>,
    /// What each of these hosts resolved to.
    pub hosts: BTreeMap<String, HostEvidence>,
    /// What the parent's servers said of DS at this name.
    pub ds: DsEvidence,
    /// Which of them said it; several where the answer proves too little and others were asked for a better one.
    pub ds_servers: BTreeSet<IpAddr>,
    /// Each address and its answers at the apex, in order of address.
    pub servers: BTreeMap<IpAddr, ServerEvidence>,
}

/// One name server host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostEvidence {
    /// Addresses the referral carried along (glue).
    pub glue: BTreeSet<IpAddr>,
    /// Addresses its own zone gives.
    pub addresses: BTreeSet<IpAddr>,
    /// The host name is an alias, which NS may not name (RFC 2181 §10.3); the target.
    pub alias: Option<String>,
    /// Why no address was found, or why some were not used.
    pub trouble: Option<String>,
}

/// What the parent's servers said of DS at a cut.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DsEvidence {
    /// Not asked.
    #[default]
    Unknown,
    /// None of these addresses gave a usable answer; how they fared.
    Failed(BTreeMap<IpAddr, String>),
    /// A reply with DS records, as received.
    Present(#[serde(with = "octets")] Vec<u8>),
    /// A reply without DS, as received; NSEC or NSEC3 records in it may prove the absence.
    Absent(#[serde(with = "octets")] Vec<u8>),
}

/// What one address of a zone showed apart from any level.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerEvidence {
    /// The hosts that have this address, of those the zone names.
    pub hosts: BTreeSet<String>,
    /// NS, DNSKEY and the other questions at the apex.
    pub probes: Vec<Probe>,
    /// One question over and over, sent together and apart, when answers came and went.
    pub stress: Option<Stress>,
}

/// One question over and over: what tells a lossy server from a limiting one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stress {
    /// Answered or not, in order of sending: all at once.
    pub together: Vec<bool>,
    /// Answered or not, in order of sending: more than a second apart.
    pub apart: Vec<bool>,
    /// What came in place of an answer, in words: `silence`, `refused`.
    pub otherwise: BTreeSet<String>,
}

/// One level and what every address of its zone answered there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelEvidence {
    /// The level.
    pub name: String,
    /// The zone that holds it, as far down as the walk came.
    pub zone: String,
    /// Probes at the level, by address. Addresses that are dead for the whole zone were not probed again.
    pub servers: BTreeMap<IpAddr, Vec<Probe>>,
    /// Where aliases led, if the name is one.
    pub alias: Option<AliasEvidence>,
    /// Names below this one that are known to exist: some server gave NOERROR for them.
    pub known_below: BTreeSet<String>,
}

/// Where the aliases at a level led.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasEvidence {
    /// The names on the way, the first target first; at least one.
    pub chain: Vec<String>,
    /// How it ended.
    pub end: AliasEnd,
}

/// How a chain of aliases ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AliasEnd {
    /// At a name that is no alias; the level evidence of the last name of the chain says how it answers.
    Target,
    /// At a name that was on the way before.
    Loop,
    /// Not followed further: too many links.
    TooLong,
}

/// What a probe is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProbeKind {
    /// P1: CAA as a CA's resolver asks: mixed case, EDNS 1232 with DO, UDP.
    Caa,
    /// P2: a type every server knows (A), otherwise as P1.
    Control,
    /// P3: CAA without EDNS.
    CaaWithoutEdns,
    /// P4: CAA in lower case.
    CaaLowerCase,
    /// P5: CAA over TCP.
    CaaTcp,
    /// P3 and P4 in one: CAA in lower case without EDNS.
    CaaPlainest,
    /// P6: a type nobody knows.
    UnknownType,
    /// P8: CAA with room for 512 octets.
    CaaSmall,
    /// P8: CAA with room for 4096 octets.
    CaaLarge,
    /// NS at the apex: the child's own list, and a sign of life.
    ApexNs,
    /// A at the apex without EDNS: a sign of life.
    ApexPlain,
    /// SOA at the apex over TCP: a sign of life.
    ApexTcp,
    /// P7: DNSKEY at the apex.
    Dnskey,
    /// P1 at the apex with CD set, as some validating resolvers set it in all that they ask name servers. Only the bit differs
    /// from a question that was answered: a server may have no answer to a question of another type, with the bit or without.
    ApexCheckingDisabled,
    /// The type nobody knows, at a name that the same server gives addresses for: NXDOMAIN here is a lie.
    ExistingName,
    /// CAA as in P1 at a zone that the server delegates: the answer is a referral, as for any type.
    CaaBelow,
}

impl ProbeKind {
    /// Whether it is asked with CD set (RFC 4035 section 3.2.2).
    #[must_use]
    pub fn checking_disabled(self) -> bool {
        self == Self::ApexCheckingDisabled
    }

    /// A word for a matrix or a tree.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Caa => "caa",
            Self::Control => "control",
            Self::CaaWithoutEdns => "caa-without-edns",
            Self::CaaLowerCase => "caa-lower-case",
            Self::CaaTcp => "caa-tcp",
            Self::CaaPlainest => "caa-plainest",
            Self::UnknownType => "unknown-type",
            Self::CaaSmall => "caa-512",
            Self::CaaLarge => "caa-4096",
            Self::ApexNs => "apex-ns",
            Self::ApexPlain => "apex-plain",
            Self::ApexTcp => "apex-tcp",
            Self::Dnskey => "dnskey",
            Self::ApexCheckingDisabled => "apex-checking-disabled",
            Self::ExistingName => "existing-name",
            Self::CaaBelow => "caa-below",
        }
    }
}

/// One question to one address, and what came of each try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// What it is for.
    pub kind: ProbeKind,
    /// The name as sent, case kept.
    pub name: String,
    /// The type asked for.
    pub rtype: u16,
    /// Advertised payload, or no EDNS at all.
    pub payload: Option<u16>,
    /// UDP or TCP.
    pub transport: Transport,
    /// One a try, in order; at least one.
    pub tries: Vec<Observation>,
}

/// What one try gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Observation {
    /// A reply that could be read.
    Message {
        /// What we read.
        message: Box<DnsMessage>,
        /// The octets, for signatures.
        #[serde(with = "octets")]
        bytes: Vec<u8>,
        /// Round trip in microseconds.
        rtt_us: u64,
    },
    /// A reply to this question that cannot be read.
    Unreadable {
        /// What the reader stumbled over.
        why: String,
        /// How many octets came.
        octets: usize,
        /// Round trip in microseconds.
        rtt_us: u64,
    },
    /// Nothing that fits the question within the time.
    Silence {
        /// How long we waited, in milliseconds.
        after_ms: u64,
        /// Replies that came from the server but carry another id or question.
        strays: u32,
    },
    /// The operating system said no: port closed, no route, connection closed without an answer.
    Network(String),
}

impl Probe {
    /// The tries that gave a readable message, in order, with their round trips in microseconds.
    pub fn messages(&self) -> impl Iterator<Item = (&DnsMessage, &[u8], u64)> {
        self.tries.iter().filter_map(|t| match t {
            Observation::Message { message, bytes, rtt_us } => Some((&**message, bytes.as_slice(), *rtt_us)),
            Observation::Unreadable { .. } | Observation::Silence { .. } | Observation::Network(_) => None,
        })
    }

    /// The first readable message.
    #[must_use]
    pub fn first(&self) -> Option<&DnsMessage> {
        self.messages().next().map(|(message, _, _)| message)
    }

    /// The `dig` command that asks the same at `address`, octet for octet but for the id.
    #[must_use]
    pub fn dig(&self, address: IpAddr, port: u16) -> String {
        let port = if port == 53 { String::new() } else { format!(" -p {port}") };
        let edns = match self.payload {
            Some(octets) => format!("+dnssec +bufsize={octets}"),
            None => "+noedns".to_owned(),
        };
        let checking = if self.kind.checking_disabled() { "+cdflag " } else { "" };
        let transport = if self.transport == Transport::Tcp { "+tcp" } else { "+ignore" };
        let kind = match super::evidence_name::mnemonic(self.rtype) {
            Some(word) => word.to_owned(),
            None => format!("TYPE{}", self.rtype),
        };
        let name = shell_word(&self.name);
        format!("dig @{address}{port} +norecurse +noadflag {checking}+nocookie {edns} {transport} {kind} {name}")
    }
}

/// A name as one word of a shell command: hostile names must not become commands when the line is pasted.
fn shell_word(name: &str) -> String {
    let dotted = if name == "." { ".".to_owned() } else { format!("{name}.") };
    if dotted.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')) && !dotted.starts_with('-')
    {
        dotted
    } else {
        format!("-q '{}'", dotted.replace('\'', "\\039"))
    }
}
