//! What one address shows at one level: the rows of the decision table that need no other server.
//!
//! Rows about the way of a question are tried in order, and the first that fits explains it; rows about the content of an
//! answer are all tried.

use std::net::IpAddr;

use super::evidence_reading::{Negative, Reading};
use super::{
    Code, DnsMessage, LevelEvidence, Observation, Probe, ProbeKind, QuestionEcho, ServerEvidence, Stress, rcode,
};

/// From here on an answer comes late: a CA's resolver with a second for a level has no room for a second server.
const SLOW_US: u64 = 500_000;

/// One address at one level.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) address: IpAddr,
    /// The zone whose server it is, the name only.
    pub(super) zone: &'a str,
    pub(super) server: &'a ServerEvidence,
    pub(super) level: &'a LevelEvidence,
    pub(super) probes: &'a [Probe],
    /// What the line itself costs, in microseconds.
    pub(super) line_us: u64,
}

/// A fault and what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Symptom {
    pub(super) code: Code,
    pub(super) seen: String,
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

fn works(reading: &Reading) -> bool {
    reading.is_usable() || *reading == Reading::Truncated
}

impl<'a> At<'a> {
    /// The reading of a probe, of the level or of the apex; `None` if it was not sent.
    pub(super) fn reading(&self, kind: ProbeKind) -> Option<Reading> {
        let all = self.probes.iter().chain(&self.server.probes);
        all.filter(|p| p.kind == kind).map(|p| p.reading(self.zone)).next()
    }

    fn works(&self, kind: ProbeKind) -> bool {
        self.reading(kind).is_some_and(|r| works(&r))
    }

    /// The question as a CA's resolver asks it.
    fn caa(&self) -> Reading {
        self.reading(ProbeKind::Caa).unwrap_or(Reading::Silent)
    }

    /// The answer about CAA by the way that works, the CA's own way first.
    pub(super) fn answer(&self) -> Option<Answer<'a>> {
        use ProbeKind::{Caa, CaaLarge, CaaLowerCase, CaaPlainest, CaaSmall, CaaTcp, CaaWithoutEdns};
        [Caa, CaaTcp, CaaLowerCase, CaaWithoutEdns, CaaPlainest, CaaSmall, CaaLarge].into_iter().find_map(|kind| {
            let (message, reading) = self.probes.iter().find(|p| p.kind == kind)?.best(self.zone);
            let (message, bytes) = message?;
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
        let way: [fn(&At) -> Vec<Symptom>; 8] =
            [unsteady, edns_and_case, tcp_unavailable, lame, failing, caa_only, malformed, silent_here];
        let mut found: Vec<Symptom> = if works(&self.caa()) && self.loss().is_none() {
            tcp_unavailable(self)
        } else {
            way.iter().map(|row| row(self)).find(|f| !f.is_empty()).unwrap_or_default()
        };
        let content: [fn(&At) -> Option<Symptom>; 7] = [
            case_not_preserved,
            hidden_by_case,
            caa_nxdomain,
            negative_answer,
            not_authoritative,
            empty_non_terminal,
            cname_beside_data,
        ];
        found.extend(content.iter().filter_map(|row| row(self)));
        found.extend(slow(self));
        found
    }

    /// Losses shown by asking over and over, if there are enough to speak of.
    fn loss(&self) -> Option<Symptom> {
        self.server.stress.as_ref().and_then(judge_stress)
    }
}

fn one(code: Code, seen: impl Into<String>) -> Vec<Symptom> {
    vec![Symptom { code, seen: seen.into() }]
}

/// The same question is answered at one time and lost at another.
fn unsteady(at: &At) -> Vec<Symptom> {
    at.loss().into_iter().collect()
}

/// Answers apart and losses together are a limit; losses at any pace are a bad line.
pub(super) fn judge_stress(stress: &Stress) -> Option<Symptom> {
    let lost = |tries: &[bool]| tries.iter().filter(|answered| !**answered).count();
    let (together, apart) = (lost(&stress.together), lost(&stress.apart));
    let (sent, lost) = (stress.together.len() + stress.apart.len(), together + apart);
    // Nothing answered is a steady state and no loss; one in five is where loss begins to matter.
    if lost == sent || lost < 2 || lost * 5 < sent {
        return None;
    }
    let seen = format!(
        "of {} questions sent together {together} were lost, of {} sent more than a second apart {apart}",
        stress.together.len(),
        stress.apart.len()
    );
    let begins = stress.together.iter().position(|answered| !answered).unwrap_or(0);
    let stays_silent = stress.together[begins..].iter().all(|answered| !answered);
    let limited = apart == 0 || (apart * 3 <= stress.apart.len() && begins > 0 && stays_silent);
    let code = if limited && !stress.apart.is_empty() { Code::RateLimited } else { Code::LossyServer };
    Some(Symptom { code, seen })
}

/// The question is answered without EDNS, or in lower case, or only without both.
fn edns_and_case(at: &At) -> Vec<Symptom> {
    let asked = at.caa();
    let (no_edns, lower) = (at.works(ProbeKind::CaaWithoutEdns), at.works(ProbeKind::CaaLowerCase));
    let plainest = at.works(ProbeKind::CaaPlainest);
    // Where CAA gets no answer in any form, the apex shows whether EDNS is a fault of its own.
    let apex = !at.works(ProbeKind::ApexNs) && at.works(ProbeKind::ApexPlain) && !at.works(ProbeKind::Control);
    let mut found = Vec::new();
    if no_edns || (!lower && (plainest || apex)) {
        let reading =
            if plainest || no_edns { asked.clone() } else { at.reading(ProbeKind::ApexNs).unwrap_or(asked.clone()) };
        let code = match reading {
            Reading::Silent | Reading::Unreachable(_) => Code::EdnsDropped,
            Reading::Error(rcode::BADVERS) => Code::EdnsBadvers,
            _ => Code::EdnsRejected,
        };
        let room = |kind, octets| at.works(kind).then_some(octets);
        let size = room(ProbeKind::CaaLarge, 4096).or(room(ProbeKind::CaaSmall, 512));
        let also = size.map_or_else(String::new, |n| format!("; with room for {n} octets it is answered too"));
        found.extend(one(code, format!("with EDNS: {}; without: answered{also}", reading.words())));
    }
    if !no_edns && (lower || plainest) {
        let code = if asked.is_silence() { Code::CaseDropped } else { Code::CaseSensitive };
        found.extend(one(code, format!("with capitals: {}; in lower case: answered", asked.words())));
    }
    if !found.is_empty() && !no_edns && !lower && !plainest {
        // EDNS is at fault, and CAA gets no answer even without it.
        let code = match at.reading(ProbeKind::CaaPlainest) {
            Some(r) if r.is_silence() => Some(Code::CaaDropped),
            Some(Reading::Error(_) | Reading::ReferralUp(_)) => Some(Code::CaaRejected),
            _ => None,
        };
        found.extend(
            code.map(|code| Symptom { code, seen: "CAA without EDNS fares no better, A is answered".to_owned() }),
        );
    }
    found
}

/// The answer does not fit into a datagram, and TCP does not deliver it.
fn tcp_unavailable(at: &At) -> Vec<Symptom> {
    let truncated = [ProbeKind::Caa, ProbeKind::CaaWithoutEdns, ProbeKind::CaaLowerCase];
    if !truncated.into_iter().any(|kind| at.reading(kind) == Some(Reading::Truncated)) {
        return Vec::new();
    }
    match at.reading(ProbeKind::CaaTcp) {
        Some(tcp) if !tcp.is_usable() => {
            one(Code::TcpUnavailable, format!("over UDP: truncated; over TCP: {}", tcp.words()))
        }
        Some(_) | None => Vec::new(),
    }
}

fn sends_away(reading: &Reading) -> bool {
    /// "Server not authoritative for zone" (RFC 2136 §2.2).
    const NOTAUTH: u16 = 9;
    matches!(reading, Reading::Error(rcode::REFUSED | NOTAUTH) | Reading::ReferralUp(_))
}

/// The server does not have the zone.
fn lame(at: &At) -> Vec<Symptom> {
    let control = at.reading(ProbeKind::Control).unwrap_or(Reading::Silent);
    if sends_away(&control) {
        one(Code::LameDelegation, format!("A: {}; CAA: {}", control.words(), at.caa().words()))
    } else {
        Vec::new()
    }
}

/// The server answers every type with an error.
fn failing(at: &At) -> Vec<Symptom> {
    match at.reading(ProbeKind::Control) {
        Some(control @ Reading::Error(_)) if !matches!(at.caa(), Reading::Malformed(_)) => {
            one(Code::ServerFailure, format!("A: {}; CAA: {}", control.words(), at.caa().words()))
        }
        _ => Vec::new(),
    }
}

/// Other types are answered, CAA is not.
fn caa_only(at: &At) -> Vec<Symptom> {
    let control = at.reading(ProbeKind::Control);
    if !control.as_ref().is_some_and(works) {
        return Vec::new();
    }
    let unknown =
        at.reading(ProbeKind::UnknownType).map_or_else(String::new, |r| format!("; TYPE65280: {}", r.words()));
    let seen = format!("A: {}; CAA: {}{unknown}", control.map_or_else(String::new, |r| r.words()), at.caa().words());
    match at.caa() {
        Reading::Silent | Reading::Unreachable(_) => one(Code::CaaDropped, seen),
        Reading::Error(_) | Reading::ReferralUp(_) => one(Code::CaaRejected, seen),
        _ => Vec::new(),
    }
}

/// Replies come, but none that can be used.
fn malformed(at: &At) -> Vec<Symptom> {
    match at.caa() {
        Reading::Malformed(why) => one(Code::MalformedAnswer, why),
        _ => Vec::new(),
    }
}

/// The address answers for the zone, but nothing about this name.
fn silent_here(at: &At) -> Vec<Symptom> {
    let over_tcp = if at.works(ProbeKind::CaaTcp) { "; over TCP it is answered" } else { "" };
    let reading = at.caa();
    if reading.is_silence() && !at.probes.is_empty() {
        one(Code::ServerUnreachable, format!("no question about this name is answered over UDP{over_tcp}"))
    } else {
        Vec::new()
    }
}

fn case_not_preserved(at: &At) -> Option<Symptom> {
    let probe = at.probes.iter().find(|p| p.kind == ProbeKind::Caa)?;
    let changed = probe.messages().any(|(m, _, _)| m.question == QuestionEcho::CaseChanged);
    changed.then(|| Symptom {
        code: Code::CaseNotPreserved,
        seen: format!("asked for {}, the question came back in another case", probe.name),
    })
}

fn denies_name(reading: &Reading) -> bool {
    matches!(reading, Reading::NxDomain(_))
}

/// NXDOMAIN for capitals only.
fn hidden_by_case(at: &At) -> Option<Symptom> {
    let lower = at.reading(ProbeKind::CaaLowerCase)?;
    let exists = lower.is_usable() && !denies_name(&lower);
    (denies_name(&at.caa()) && exists).then(|| Symptom {
        code: Code::CaseSensitive,
        seen: format!("with capitals: nxdomain; in lower case: {}", lower.words()),
    })
}

/// NXDOMAIN for CAA only.
fn caa_nxdomain(at: &At) -> Option<Symptom> {
    let control = at.reading(ProbeKind::Control)?;
    let exists = control.is_usable() && !denies_name(&control);
    let also_lower = at.reading(ProbeKind::CaaLowerCase).is_none_or(|r| denies_name(&r));
    (exists && also_lower && denies_name(&at.answer()?.reading))
        .then(|| Symptom { code: Code::CaaNxdomain, seen: format!("A: {}; CAA: nxdomain", control.words()) })
}

fn negative_answer(at: &At) -> Option<Symptom> {
    if hidden_by_case(at).is_some() || caa_nxdomain(at).is_some() {
        return None;
    }
    let answer = at.answer()?;
    let (code, seen) = match answer.reading.negative()? {
        Negative::Sound => return None,
        Negative::WithoutSoa => (Code::NegativeWithoutSoa, "the authority section is empty".to_owned()),
        Negative::SoaInAnswer => (Code::NegativeWithoutSoa, "the SOA stands in the answer section".to_owned()),
        Negative::NsInstead => (Code::NsInsteadOfSoa, "the authority section holds the zone's NS records".to_owned()),
        Negative::Foreign(owner) => (Code::ForeignSoa, format!("the SOA is that of {owner}, the zone is {}", at.zone)),
    };
    Some(Symptom { code, seen: format!("{}: {seen}", answer.reading.words().split(',').next().unwrap_or_default()) })
}

fn not_authoritative(at: &At) -> Option<Symptom> {
    let answer = at.answer()?;
    // A wrong NXDOMAIN comes from a device in front of the server; that is the fault to name.
    let made_up = hidden_by_case(at).is_some() || caa_nxdomain(at).is_some();
    let counts = !made_up && !matches!(answer.reading, Reading::ReferralDown(_));
    (counts && !answer.message.flags.aa).then(|| Symptom {
        code: Code::NotAuthoritative,
        seen: format!(
            "{}, without AA{}",
            answer.reading.words(),
            if answer.message.flags.ra { ", with RA: a resolver" } else { "" }
        ),
    })
}

/// NXDOMAIN for every type although the name exists.
fn empty_non_terminal(at: &At) -> Option<Symptom> {
    let answer = at.answer()?;
    let control = at.reading(ProbeKind::Control)?;
    if !denies_name(&answer.reading) || !denies_name(&control) || hidden_by_case(at).is_some() {
        return None;
    }
    let seen = if let Some(below) = at.level.known_below.first() {
        format!("nxdomain, although {below} exists")
    } else {
        let lie = at.server.probes.iter().find(|p| p.kind == ProbeKind::ExistingName)?;
        if !denies_name(&lie.reading(at.zone)) {
            return None;
        }
        format!("nxdomain, and the same for a type that {} lacks, a name the server gives addresses for", lie.name)
    };
    Some(Symptom { code: Code::EmptyNonTerminalNxdomain, seen })
}

/// A CNAME for CAA where other types have data of their own, or at the apex.
fn cname_beside_data(at: &At) -> Option<Symptom> {
    let answer = at.answer()?;
    let Reading::Alias(target) = &answer.reading else { return None };
    let name = at.level.name.as_str();
    let own = |m: &DnsMessage, rtype| m.answers.iter().any(|r| r.rtype == rtype && r.owner.eq_ignore_ascii_case(name));
    if !own(answer.message, super::rtype::CNAME) {
        return None;
    }
    let control = at.probes.iter().find(|p| p.kind == ProbeKind::Control).and_then(Probe::first);
    let beside = control.is_some_and(|m| own(m, super::rtype::A) && !own(m, super::rtype::CNAME));
    let apex = name == at.zone;
    (apex || beside).then(|| Symptom {
        code: Code::CnameAtApex,
        seen: format!(
            "CAA leads to {target}, {}",
            if apex { "at the apex of the zone" } else { "A has data of its own" }
        ),
    })
}

/// Every answer comes late, beyond what the line itself costs.
fn slow(at: &At) -> Option<Symptom> {
    let times = |probes: &[Probe]| -> Vec<u64> {
        probes.iter().flat_map(|p| p.messages().map(|(_, _, rtt)| rtt).collect::<Vec<_>>()).collect()
    };
    let caa: Vec<Probe> = at.probes.iter().filter(|p| p.kind == ProbeKind::Caa).cloned().collect();
    let (caa, all) = (times(&caa), [times(at.probes), times(&at.server.probes)].concat());
    // One late answer is chance: CAA thrice, or everything.
    let enough = |times: &[u64]| times.len() >= 3;
    let quickest = if enough(&caa) { caa.iter().min() } else { all.iter().min().filter(|_| enough(&all)) }?;
    let own = quickest.saturating_sub(at.line_us);
    (own >= SLOW_US)
        .then(|| Symptom { code: Code::SlowServer, seen: format!("the quickest answer took {} ms", quickest / 1000) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stress(together: &str, apart: &str) -> Option<Code> {
        let read = |text: &str| text.chars().map(|c| c == '+').collect();
        judge_stress(&Stress { together: read(together), apart: read(apart) }).map(|s| s.code)
    }

    #[test]
    fn losses_together_are_a_limit_and_losses_at_any_pace_a_bad_line() {
        for (together, apart, expected) in [
            ("++----", "+++", Some(Code::RateLimited)),
            ("+-----", "++-", Some(Code::RateLimited)),
            ("--+--+", "--+", Some(Code::LossyServer)),
            ("++++--", "+--", Some(Code::LossyServer)),
            ("------", "---", None),
            ("++++++", "+++", None),
            ("+++-++", "+++", None),
            ("------", "+++", Some(Code::RateLimited)),
        ] {
            assert_eq!(stress(together, apart), expected, "{together} {apart}");
        }
    }
}
