//! [`At`]: one address at one level, what it answered, and whether it is alive and serves the zone at all.
//!
//! The rows of the decision table over it are in `cause_way` (does an answer come), `cause_content` (what is in it) and
//! `cause_pace` (when).

use std::net::IpAddr;

use super::evidence_reading::{Negative, Reading};
use super::{Code, DnsMessage, LevelEvidence, Observation, Probe, ProbeKind, ServerEvidence};

/// One address at one level.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) address: IpAddr,
    /// The zone whose server it is, the name only.
    pub(super) zone: &'a str,
    pub(super) server: &'a ServerEvidence,
    pub(super) level: &'a LevelEvidence,
    pub(super) probes: &'a [Probe],
    /// Those at the apex of the zone, as a level.
    pub(super) apex: &'a [Probe],
    /// What the line itself costs, in microseconds.
    pub(super) line_us: u64,
    /// A name below the level that exists, by the word of this address or of a delegation.
    pub(super) below: Option<&'a str>,
}

/// A fault and what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Symptom {
    pub(super) code: Code,
    pub(super) flavour: Flavour,
    pub(super) seen: String,
}

/// A variety of a fault that asks for other words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Flavour {
    /// As the code says.
    #[default]
    Plain,
    /// EDNS is fine; answers over 512 octets do not arrive.
    Size,
    /// The name is denied together with the whole zone: the server answers from a zone above.
    OtherZone,
    /// It is about DNSKEY, not about CAA.
    Keys,
    /// It is about DS at the parent.
    ParentDs,
    /// Signatures whose time has not come.
    TooEarly,
    /// An address that the parent's glue gives and the zone itself does not.
    StaleGlue,
    /// A name server host without a usable address.
    NoAddress,
    /// The address serves the zone, but answers nothing or only errors at this name.
    ThisName,
    /// UDP is silent, TCP is not.
    UdpOnly,
    /// Signed by keys that other servers of the zone do not publish.
    OtherKeys,
    /// A part of the servers does not serve the zone.
    NotServed,
    /// At the end of a chain of aliases.
    AfterAlias,
    /// EDNS is rejected with a code that resolvers do not try without EDNS after.
    NoFallback,
    /// Later than a CA waits.
    TooSlow,
    /// A wrong denial in a signed zone, which validating resolvers refuse.
    Unproven,
    /// One OPT record too many.
    TwoOpt,
    /// Data that has not the form of its type.
    Unreadable,
    /// The denial record leaves out a type that the question was not about.
    Bitmap,
    /// Names in the zones below are concerned: there is no referral for CAA.
    Below,
    /// A name server host within the zone, and no address of it at the parent.
    NoGlue,
    /// A name server host that is an alias.
    AliasHost,
    /// A CAA record whose tag has no characters.
    NoTag,
    /// Questions with the CD bit are concerned, not those with EDNS.
    Checking,
    /// The SOA record of a negative answer has data that is none.
    SoaData,
    /// TCP works, and what it delivers is an error.
    TcpError,
    /// A name has two aliases.
    TwoAliases,
    /// The DNAME above a name makes it longer than a name can be.
    TooLong,
    /// No signature at all.
    Unsigned,
    /// Signed by a key that the zone does not publish.
    UnknownKey,
    /// Signed, and the keys are not signed by the one that the DS record is for.
    KeysUnsigned,
    /// More signatures that do not hold than a resolver tries.
    TooManySignatures,
}

impl Flavour {
    /// Whether a CA's lookup fails by a fault of this variety, if every server has it.
    pub(super) fn breaks(self, code: Code) -> bool {
        match self {
            Self::NoFallback | Self::TooSlow | Self::Unreadable | Self::Unproven | Self::Checking => true,
            Self::Bitmap | Self::TwoOpt | Self::NoTag | Self::AliasHost => false,
            _ => code.breaks_lookup(),
        }
    }

    /// Whether a fault of this variety concerns only what the zone says where it has no record. What the parent says of DS, and
    /// a server that does not know the zone, keep records back as well.
    pub(super) fn is_about_absence(self, code: Code) -> bool {
        match self {
            Self::SoaData => true,
            Self::ParentDs | Self::OtherZone | Self::AfterAlias => false,
            _ => code.is_about_absence(),
        }
    }
}

impl Symptom {
    pub(super) fn new(code: Code, seen: impl Into<String>) -> Self {
        Self { code, flavour: Flavour::Plain, seen: seen.into() }
    }

    pub(super) fn of(code: Code, flavour: Flavour, seen: impl Into<String>) -> Self {
        Self { code, flavour, seen: seen.into() }
    }
}

/// Whether the address answers at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Health {
    Alive,
    /// Nothing answers; what was tried.
    Dead(String),
    /// This host has no way to the address; it may be fine.
    NoRoute,
}

/// The answer about CAA that counts at this address.
pub(super) struct Answer<'a> {
    pub(super) kind: ProbeKind,
    pub(super) message: &'a DnsMessage,
    pub(super) bytes: &'a [u8],
    pub(super) reading: Reading,
}

/// Whether a resolver can work with it, over TCP if it is truncated.
pub(super) fn works(reading: &Reading) -> bool {
    reading.is_usable() || *reading == Reading::Truncated
}

/// Whether it says that the name does not exist.
pub(super) fn denies_name(reading: &Reading) -> bool {
    matches!(reading, Reading::NxDomain(_))
}

impl<'a> At<'a> {
    pub(super) fn probe(&self, kind: ProbeKind) -> Option<&'a Probe> {
        self.probes.iter().chain(&self.server.probes).find(|p| p.kind == kind)
    }

    /// The reading of a probe, of the level or of the apex; `None` if it was not sent.
    pub(super) fn reading(&self, kind: ProbeKind) -> Option<Reading> {
        self.probe(kind).map(|probe| self.judged(probe.reading(self.zone)))
    }

    /// The same in words, with what the server says of it.
    pub(super) fn told(&self, kind: ProbeKind) -> String {
        match (self.probe(kind), self.reading(kind)) {
            (Some(_), Some(reading)) if works(&reading) => reading.words(),
            (Some(probe), _) => probe.told(self.zone),
            (None, _) => "not asked".to_owned(),
        }
    }

    /// NS records of the zone in place of an answer: at a server that holds the zone a malformed negative answer.
    fn judged(&self, reading: Reading) -> Reading {
        match reading {
            Reading::ReferralSelf if self.serves() => Reading::NoData(Negative::NsInstead),
            other => other,
        }
    }

    pub(super) fn works(&self, kind: ProbeKind) -> bool {
        self.reading(kind).is_some_and(|r| works(&r))
    }

    /// Whether the address holds the zone: it gave an authoritative answer, or the NS records of the apex.
    pub(super) fn serves(&self) -> bool {
        let holds = |probe: &Probe| {
            let (message, reading) = probe.best(self.zone);
            let apex = probe.kind == ProbeKind::ApexNs && reading == Reading::Records;
            apex || (reading.is_usable() && message.is_some_and(|(message, _)| message.flags.aa))
        };
        self.server.probes.iter().chain(self.probes).any(holds)
    }

    /// The question as a CA's resolver asks it.
    pub(super) fn caa(&self) -> Reading {
        self.reading(ProbeKind::Caa).unwrap_or(Reading::Silent)
    }

    /// The answer about CAA by the way that works, the CA's own way first.
    pub(super) fn answer(&self) -> Option<Answer<'a>> {
        use ProbeKind::{Caa, CaaLarge, CaaLowerCase, CaaPlainest, CaaSmall, CaaTcp, CaaWithoutEdns};
        [Caa, CaaTcp, CaaLowerCase, CaaWithoutEdns, CaaPlainest, CaaSmall, CaaLarge].into_iter().find_map(|kind| {
            let (message, reading) = self.probes.iter().find(|p| p.kind == kind)?.best(self.zone);
            let (message, bytes) = message?;
            let reading = self.judged(reading);
            reading.is_usable().then_some(Answer { kind, message, bytes, reading })
        })
    }

    /// Whether anything at all came back from this address.
    pub(super) fn health(&self, ipv6_works: Option<bool>) -> Health {
        let all: Vec<&Observation> = self.server.probes.iter().chain(self.probes).flat_map(|p| &p.tries).collect();
        let silent = |o: &&&Observation| matches!(o, Observation::Silence { strays: 0, .. } | Observation::Network(_));
        if all.iter().any(|o| !silent(&o)) {
            return Health::Alive;
        }
        if self.address.is_ipv6() && ipv6_works == Some(false) {
            return Health::NoRoute;
        }
        let words = all.iter().find_map(|o| match o {
            Observation::Network(why) => Some(why.clone()),
            Observation::Message { .. } | Observation::Unreadable { .. } | Observation::Silence { .. } => None,
        });
        let tries = all.len();
        Health::Dead(words.unwrap_or_else(|| format!("no answer to {tries} questions over UDP and TCP")))
    }

    /// Every fault this address shows at this level, apart from DNSSEC.
    pub(super) fn symptoms(&self) -> Vec<Symptom> {
        let mut found = super::cause_way::symptoms(self);
        found.extend(super::cause_content::symptoms(self));
        found.extend(super::cause_pace::slow(self));
        found
    }
}
