//! [`Reading`]: what one reply of an authoritative server amounts to, seen from the zone it should speak for.

use super::evidence_name::{is_at_or_below, is_below, key};
use super::{DnsMessage, Observation, Probe, QuestionEcho, RecordData, RecordFact, rcode, rtype};

/// Links of an alias chain followed within one message and over several.
pub const MAX_ALIASES: usize = 16;

/// What one reply, or its absence, amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// Records of the type asked for, at the name asked for.
    Records,
    /// An alias at the name; the last name the message leads to.
    Alias(String),
    /// The name exists without the type.
    NoData(Negative),
    /// The name does not exist.
    NxDomain(Negative),
    /// NS records of a zone at or below the name's parent zone: a proper referral down to it.
    ReferralDown(String),
    /// NS records of a zone that is not on the way: the server sends the asker away.
    ReferralUp(String),
    /// The NS records of the zone itself, without AA: only the zone above is loaded there.
    ReferralSelf,
    /// An error code.
    Error(u16),
    /// Marked as truncated.
    Truncated,
    /// Unreadable, of another question, or with an answer to something else.
    Malformed(String),
    /// Nothing.
    Silent,
    /// The operating system could not send or receive; its word.
    Unreachable(String),
}

/// What stood in the authority section of a negative answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Negative {
    /// The SOA of the zone, or of a zone further down that holds the name.
    Sound,
    /// No SOA.
    WithoutSoa,
    /// The SOA stands in the answer section, where nobody looks for it.
    SoaInAnswer,
    /// An SOA record whose data is none (RFC 1035 §3.3.13).
    SoaUnreadable,
    /// NS records of the zone itself.
    NsInstead,
    /// The SOA of this other zone.
    Foreign(String),
    /// The records asked for are there, under a code that denies the name. Resolvers pass on the code, and a CA goes by it.
    WithRecords,
}

impl Reading {
    /// A reply that a resolver can work with.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        match self {
            Self::Records | Self::Alias(_) | Self::NoData(_) | Self::NxDomain(_) | Self::ReferralDown(_) => true,
            Self::ReferralUp(_)
            | Self::ReferralSelf
            | Self::Error(_)
            | Self::Truncated
            | Self::Malformed(_)
            | Self::Silent
            | Self::Unreachable(_) => false,
        }
    }

    /// Nothing came back at all.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Silent | Self::Unreachable(_))
    }

    /// The negative part, if it is a negative answer.
    #[must_use]
    pub fn negative(&self) -> Option<&Negative> {
        match self {
            Self::NoData(negative) | Self::NxDomain(negative) => Some(negative),
            Self::Records
            | Self::Alias(_)
            | Self::ReferralDown(_)
            | Self::ReferralUp(_)
            | Self::ReferralSelf
            | Self::Error(_)
            | Self::Truncated
            | Self::Malformed(_)
            | Self::Silent
            | Self::Unreachable(_) => None,
        }
    }

    /// A few words for a matrix or a tree: `nodata`, `nxdomain, no soa`, `refused`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Records => "records".to_owned(),
            Self::Alias(target) => format!("alias to {target}"),
            Self::NoData(negative) => format!("nodata{}", negative.words()),
            Self::NxDomain(negative) => format!("nxdomain{}", negative.words()),
            Self::ReferralDown(zone) => format!("referral to {zone}"),
            Self::ReferralUp(zone) => format!("referral up to {zone}"),
            Self::ReferralSelf => "referral to the zone itself".to_owned(),
            Self::Error(code) => rcode::name(*code).to_ascii_lowercase(),
            Self::Truncated => "truncated".to_owned(),
            Self::Malformed(why) => format!("malformed: {why}"),
            Self::Silent => "silence".to_owned(),
            Self::Unreachable(why) => why.clone(),
        }
    }
}

impl Negative {
    fn words(&self) -> String {
        match self {
            Self::Sound => String::new(),
            Self::WithoutSoa => ", no soa".to_owned(),
            Self::SoaInAnswer => ", soa in the answer section".to_owned(),
            Self::SoaUnreadable => ", soa unreadable".to_owned(),
            Self::NsInstead => ", ns instead of soa".to_owned(),
            Self::Foreign(owner) => format!(", soa of {owner}"),
            Self::WithRecords => ", with records".to_owned(),
        }
    }
}

/// Reads one observation as an answer about `rtype` at `name` from a server of `zone`.
#[must_use]
pub fn read(observation: &Observation, name: &str, rtype: u16, zone: &str) -> Reading {
    match observation {
        Observation::Message { message, .. } => read_message(message, name, rtype, zone),
        Observation::Unreadable { why, .. } => Reading::Malformed(why.clone()),
        Observation::Silence { strays: 0, .. } => Reading::Silent,
        Observation::Silence { strays, .. } => {
            let many = if *strays == 1 { "a reply".to_owned() } else { format!("{strays} replies") };
            Reading::Malformed(format!("{many} with another id or question, or cut short"))
        }
        Observation::Network(why) => Reading::Unreachable(why.clone()),
    }
}

/// Reads one message, as [`read`] does.
#[must_use]
pub fn read_message(message: &DnsMessage, name: &str, rtype: u16, zone: &str) -> Reading {
    let error = !matches!(message.rcode, rcode::NOERROR | rcode::NXDOMAIN);
    match message.question {
        QuestionEcho::Other => return Reading::Malformed("answers another question".to_owned()),
        QuestionEcho::Missing if !error && !message.flags.tc => {
            return Reading::Malformed("comes without the question".to_owned());
        }
        QuestionEcho::Missing | QuestionEcho::Same | QuestionEcho::CaseChanged => {}
    }
    if error {
        return Reading::Error(message.rcode);
    }
    if message.flags.tc {
        return Reading::Truncated;
    }
    let (end, links) = follow(message, name);
    if links > 0 {
        return Reading::Alias(end);
    }
    let asked = |r: &&RecordFact| r.rtype == rtype && r.owner.eq_ignore_ascii_case(name);
    if message.answers.iter().any(|r| asked(&r)) {
        let denied = message.rcode == rcode::NXDOMAIN;
        return if denied { Reading::NxDomain(Negative::WithRecords) } else { Reading::Records };
    }
    let stranger = message.answers.iter().find(|r| !matches!(r.rtype, rtype::SOA | rtype::RRSIG));
    if let Some(stranger) = stranger.or_else(|| message.answers.first().filter(|r| r.rtype == rtype::RRSIG)) {
        let what = super::evidence_name::mnemonic(stranger.rtype)
            .map_or_else(|| format!("TYPE{}", stranger.rtype), str::to_owned);
        return Reading::Malformed(format!("the answer holds {what} records that were not asked for"));
    }
    let negative = negative(message, name, zone);
    if message.rcode == rcode::NXDOMAIN {
        return Reading::NxDomain(negative);
    }
    if negative == Negative::WithoutSoa || negative == Negative::NsInstead {
        let cut = message.authority.iter().find(|r| r.rtype == rtype::NS).map(|r| key(&r.owner));
        match cut {
            Some(cut) if is_below(&cut, zone) && is_at_or_below(name, &cut) => return Reading::ReferralDown(cut),
            Some(cut) if cut != key(zone) => return Reading::ReferralUp(cut),
            Some(_) if !message.flags.aa => return Reading::ReferralSelf,
            Some(_) | None => {}
        }
    }
    Reading::NoData(negative)
}

/// Follows the aliases in the answer section from `name`; the name they lead to and how many there were.
///
/// A chain that comes back to itself ends there.
#[must_use]
pub fn follow(message: &DnsMessage, name: &str) -> (String, usize) {
    let mut at = key(name);
    for links in 0..MAX_ALIASES {
        match alias_at(message, &at) {
            Some(target) => at = target,
            None => return (at, links),
        }
    }
    (at, MAX_ALIASES)
}

/// Where the answer section leads from `name`, one step: by a CNAME there, or by a DNAME above it (RFC 6672 §2.2).
#[must_use]
pub fn alias_at(message: &DnsMessage, name: &str) -> Option<String> {
    let cname = message.answers.iter().find_map(|r| match &r.data {
        RecordData::Cname(target) if r.owner.eq_ignore_ascii_case(name) => Some(key(target)),
        _ => None,
    });
    cname.or_else(|| {
        message.answers.iter().find_map(|r| match &r.data {
            RecordData::Dname(target) if is_below(name, &r.owner) => {
                let keep = super::evidence_name::depth(name) - super::evidence_name::depth(&r.owner);
                let kept: Vec<&str> = super::evidence_name::labels(name).take(keep).collect();
                let target = key(target);
                let long = if target == "." { kept.join(".") } else { format!("{}.{target}", kept.join(".")) };
                (long.len() <= 1004).then(|| key(&long))
            }
            _ => None,
        })
    })
}

fn negative(message: &DnsMessage, name: &str, zone: &str) -> Negative {
    let soas = |records: &[RecordFact]| {
        let soas = records.iter().filter(|r| matches!(r.data, RecordData::Soa { .. }));
        soas.map(|r| key(&r.owner)).collect::<Vec<_>>()
    };
    let sound = |owner: &String| is_at_or_below(name, owner) && is_at_or_below(owner, zone);
    let owners = soas(&message.authority);
    if owners.iter().any(sound) {
        Negative::Sound
    } else if let Some(owner) = owners.into_iter().next() {
        Negative::Foreign(owner)
    } else if message.authority.iter().any(|r| r.rtype == rtype::SOA) {
        Negative::SoaUnreadable
    } else if message.authority.iter().any(|r| r.rtype == rtype::NS && r.owner.eq_ignore_ascii_case(zone)) {
        Negative::NsInstead
    } else if !soas(&message.answers).is_empty() {
        Negative::SoaInAnswer
    } else {
        Negative::WithoutSoa
    }
}

/// Octets of a server's own words that are repeated.
const OWN_WORDS: usize = 80;

impl Probe {
    /// [`reading`](Self::reading) in words, with the extended error the server gave.
    #[must_use]
    pub fn told(&self, zone: &str) -> String {
        let (message, reading) = self.best(zone);
        let ede = message.and_then(|(message, _)| message.edns.as_ref()?.ede.first());
        let Some(ede) = ede.filter(|_| !reading.is_usable()) else { return reading.words() };
        let text: String = ede.text.chars().take(OWN_WORDS).collect();
        let colon = if text.is_empty() { "" } else { ": " };
        format!("{} (extended error {}, {}{colon}{text})", reading.words(), ede.code, super::ede_title(ede.code))
    }

    /// The reading that counts: the first usable one, else the first that is not silence, else the first.
    #[must_use]
    pub fn reading(&self, zone: &str) -> Reading {
        self.best(zone).1
    }

    /// The message behind [`reading`](Self::reading), if it is one, and the reading.
    #[must_use]
    pub fn best(&self, zone: &str) -> (Option<(&DnsMessage, &[u8])>, Reading) {
        let rank = |reading: &Reading| match reading {
            r if r.is_usable() => 0,
            r if r.is_silence() => 2,
            _ => 1,
        };
        let readings = self.tries.iter().map(|o| {
            let message = match o {
                Observation::Message { message, bytes, .. } => Some((&**message, bytes.as_slice())),
                Observation::Unreadable { .. } | Observation::Silence { .. } | Observation::Network(_) => None,
            };
            (message, read(o, &self.name, self.rtype, zone))
        });
        readings.min_by_key(|(_, reading)| rank(reading)).unwrap_or((None, Reading::Silent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caa::Flags;

    fn message(rcode: u16, answers: Vec<RecordFact>, authority: Vec<RecordFact>) -> DnsMessage {
        DnsMessage {
            rcode,
            flags: Flags { aa: true, ..Flags::default() },
            question: QuestionEcho::Same,
            answers,
            authority,
            additional: Vec::new(),
            edns: None,
            octets: 0,
        }
    }

    fn record(owner: &str, data: RecordData) -> RecordFact {
        let rtype = match &data {
            RecordData::Soa { .. } => rtype::SOA,
            RecordData::Ns(_) => rtype::NS,
            RecordData::Cname(_) => rtype::CNAME,
            RecordData::Dname(_) => rtype::DNAME,
            RecordData::Address(_) => rtype::A,
            _ => rtype::CAA,
        };
        RecordFact { owner: owner.to_owned(), rtype, ttl: 60, data }
    }

    fn soa(owner: &str) -> RecordFact {
        record(owner, RecordData::Soa { serial: 1, minimum: 60 })
    }

    fn ns(owner: &str) -> RecordFact {
        record(owner, RecordData::Ns("ns.example".to_owned()))
    }

    #[test]
    fn a_negative_answer_is_judged_by_its_authority_section() {
        let a = record("www.z.bed", RecordData::Address([192, 0, 2, 1].into()));
        let cut_soa = RecordFact { data: RecordData::Opaque(vec![0; 4]), ..soa("z.bed") };
        let table = [
            (vec![], vec![soa("z.bed")], Reading::NoData(Negative::Sound)),
            (vec![], vec![soa("WWW.Z.bed")], Reading::NoData(Negative::Sound)),
            (vec![], vec![soa("bed")], Reading::NoData(Negative::Foreign("bed".into()))),
            (vec![], vec![soa("x.z.bed")], Reading::NoData(Negative::Foreign("x.z.bed".into()))),
            (vec![], vec![], Reading::NoData(Negative::WithoutSoa)),
            (vec![], vec![cut_soa], Reading::NoData(Negative::SoaUnreadable)),
            (vec![soa("z.bed")], vec![], Reading::NoData(Negative::SoaInAnswer)),
            (vec![], vec![ns("z.bed")], Reading::NoData(Negative::NsInstead)),
            (vec![], vec![ns(".")], Reading::ReferralUp(".".into())),
            (vec![], vec![ns("bed")], Reading::ReferralUp("bed".into())),
            (vec![], vec![ns("www.z.bed")], Reading::ReferralDown("www.z.bed".into())),
            (vec![a], vec![], Reading::Malformed("the answer holds A records that were not asked for".into())),
        ];
        for (answers, authority, expected) in table {
            let message = message(rcode::NOERROR, answers, authority);
            assert_eq!(read_message(&message, "www.z.bed", rtype::CAA, "z.bed"), expected);
        }
        let nx = message(rcode::NXDOMAIN, vec![], vec![]);
        assert_eq!(read_message(&nx, "a.z.bed", rtype::CAA, "z.bed"), Reading::NxDomain(Negative::WithoutSoa));
        let caa = RecordFact { rtype: rtype::CAA, ..record("a.z.bed", RecordData::Opaque(Vec::new())) };
        let both = message(rcode::NXDOMAIN, vec![caa], vec![]);
        assert_eq!(read_message(&both, "a.z.bed", rtype::CAA, "z.bed"), Reading::NxDomain(Negative::WithRecords));
    }

    #[test]
    fn aliases_are_followed_by_cname_and_dname_and_never_for_ever() {
        let dname = record("dn.z.bed", RecordData::Dname("caa.bed".to_owned()));
        let reply = message(rcode::NOERROR, vec![dname], vec![]);
        assert_eq!(follow(&reply, "x.dn.z.bed"), ("x.caa.bed".to_owned(), 1));
        let link = |from: &str, to: &str| record(from, RecordData::Cname(to.to_owned()));
        let reply = message(rcode::NOERROR, vec![link("a", "b"), link("b", "a")], vec![]);
        assert_eq!(follow(&reply, "a").1, MAX_ALIASES);
    }
}
