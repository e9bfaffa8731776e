//! Whether an answer about CAA comes at all from one address, and what stands in its way.
//!
//! Rows are tried in order, and the first that fits explains it.

use super::cause_pace::unsteady;
use super::cause_server::{At, Flavour, Symptom, works};
use super::evidence_name::{is_below, key};
use super::evidence_reading::Reading;
use super::{Code, Probe, ProbeKind, RecordData, rcode};

type Row = fn(&At) -> Vec<Symptom>;

/// What keeps the answer from coming.
pub(super) fn symptoms(at: &At) -> Vec<Symptom> {
    const ROWS: [Row; 9] =
        [loses, edns_and_case, tcp_unavailable, lame, too_long, failing, caa_only, malformed, silent_at_this_name];
    if works(&at.caa()) && unsteady(at).is_none() {
        return [tcp_unavailable(at), checking_disabled(at)].concat();
    }
    ROWS.iter().map(|row| row(at)).find(|found| !found.is_empty()).unwrap_or_default()
}

fn one(code: Code, seen: impl Into<String>) -> Vec<Symptom> {
    vec![Symptom::new(code, seen)]
}

/// The same question is answered at one time and not at another.
fn loses(at: &At) -> Vec<Symptom> {
    unsteady(at).into_iter().collect()
}

/// The question is answered without EDNS, or in lower case, or only without both.
fn edns_and_case(at: &At) -> Vec<Symptom> {
    let (no_edns, lower) = (at.works(ProbeKind::CaaWithoutEdns), at.works(ProbeKind::CaaLowerCase));
    let plainest = at.works(ProbeKind::CaaPlainest);
    // Where CAA gets no answer in any form, the apex shows whether EDNS is a fault of its own.
    let apex = !at.works(ProbeKind::ApexNs) && at.works(ProbeKind::ApexPlain) && !at.works(ProbeKind::Control);
    let mut found = Vec::new();
    if no_edns && at.caa().is_silence() && at.works(ProbeKind::CaaSmall) {
        found.push(too_large(at));
    } else if no_edns || (!lower && (plainest || apex)) {
        found.push(edns(at, plainest || no_edns));
    }
    if !no_edns && (lower || plainest) {
        let code = if at.caa().is_silence() { Code::CaseDropped } else { Code::CaseSensitive };
        let seen = format!("with capitals: {}; in lower case: answered", at.told(ProbeKind::Caa));
        found.push(Symptom::new(code, seen));
    }
    if !found.is_empty() && !no_edns && !lower && !plainest {
        // EDNS is at fault, and CAA gets no answer even without it.
        let code = match at.reading(ProbeKind::CaaPlainest) {
            Some(r) if r.is_silence() => Some(Code::CaaDropped),
            Some(Reading::Error(_) | Reading::ReferralUp(_) | Reading::ReferralSelf) => Some(Code::CaaRejected),
            _ => None,
        };
        let seen = "without EDNS: A is answered, CAA is not";
        found.extend(code.map(|code| Symptom::new(code, seen)));
    }
    found
}

/// The small answers arrive, with EDNS and without; the large one does not.
fn too_large(at: &At) -> Symptom {
    let large = match at.reading(ProbeKind::CaaLarge) {
        Some(reading) => format!("; for 4096: {}", reading.words()),
        None => String::new(),
    };
    let seen = format!(
        "asked with room for 1232 octets: silence; for 512: {}{large}; without EDNS: {}",
        at.told(ProbeKind::CaaSmall),
        at.told(ProbeKind::CaaWithoutEdns)
    );
    Symptom::of(Code::EdnsDropped, Flavour::Size, seen)
}

/// EDNS itself is at fault, as CAA shows, or else the apex.
fn edns(at: &At, by_caa: bool) -> Symptom {
    let kind = if by_caa { ProbeKind::Caa } else { ProbeKind::ApexNs };
    let code = match at.reading(kind).unwrap_or_else(|| at.caa()) {
        Reading::Silent | Reading::Unreachable(_) => Code::EdnsDropped,
        Reading::Error(rcode::BADVERS) => Code::EdnsBadvers,
        _ => Code::EdnsRejected,
    };
    // FORMERR and NOTIMP are what a server without EDNS says (RFC 6891 §7).
    let no_fallback =
        code == Code::EdnsRejected && !matches!(at.reading(kind), Some(Reading::Error(rcode::FORMERR | rcode::NOTIMP)));
    let flavour = if no_fallback { Flavour::NoFallback } else { Flavour::Plain };
    Symptom::of(code, flavour, format!("with EDNS: {}; without: answered", at.told(kind)))
}

/// What came of the question with the CD bit.
fn unchecked(at: &At) -> Option<Reading> {
    at.apex.iter().find(|probe| probe.kind == ProbeKind::ApexCheckingDisabled).map(|probe| probe.reading(at.zone))
}

/// Whether a resolver makes of the answer to a question with CD that it should try without EDNS, and so without CD.
pub(super) fn tried_without_edns(at: &At) -> bool {
    matches!(unchecked(at), Some(Reading::Error(rcode::FORMERR | rcode::NOTIMP)))
}

/// The same question is answered without the CD bit, and not with it.
fn checking_disabled(at: &At) -> Vec<Symptom> {
    let reading = unchecked(at);
    let code = match &reading {
        Some(reading) if works(reading) => return Vec::new(),
        Some(Reading::Silent | Reading::Unreachable(_)) => Code::EdnsDropped,
        Some(_) => Code::EdnsRejected,
        None => return Vec::new(),
    };
    let said = reading.map_or_else(String::new, |reading| reading.words());
    let seen = format!("CAA of {} with CD set: {said}; without CD: answered", at.zone);
    vec![Symptom::of(code, Flavour::Checking, seen)]
}

/// The answer does not fit into a datagram, and TCP does not deliver it.
fn tcp_unavailable(at: &At) -> Vec<Symptom> {
    let truncated = [ProbeKind::Caa, ProbeKind::CaaWithoutEdns, ProbeKind::CaaLowerCase];
    if !truncated.into_iter().any(|kind| at.reading(kind) == Some(Reading::Truncated)) {
        return Vec::new();
    }
    match at.reading(ProbeKind::CaaTcp) {
        Some(tcp) if !tcp.is_usable() => {
            let flavour = if matches!(tcp, Reading::Error(_)) { Flavour::TcpError } else { Flavour::Plain };
            let seen = truncated_and("CAA", &at.told(ProbeKind::CaaTcp));
            vec![Symptom::of(Code::TcpUnavailable, flavour, seen)]
        }
        Some(_) | None => Vec::new(),
    }
}

/// What came of a truncated answer.
pub(super) fn truncated_and(what: &str, over_tcp: &str) -> String {
    let over_tcp = over_tcp.strip_prefix("over TCP: ").unwrap_or(over_tcp);
    format!("{what} over UDP: truncated; over TCP: {over_tcp}")
}

/// Whether the server says that the zone is not its own.
fn sends_away(reading: &Reading) -> bool {
    matches!(reading, Reading::Error(rcode::REFUSED | rcode::NOTAUTH) | Reading::ReferralUp(_) | Reading::ReferralSelf)
}

fn both(at: &At) -> String {
    format!("A: {}; CAA: {}", at.told(ProbeKind::Control), at.told(ProbeKind::Caa))
}

/// The server does not have the zone.
fn lame(at: &At) -> Vec<Symptom> {
    let control = at.reading(ProbeKind::Control).unwrap_or(Reading::Silent);
    let away = sends_away(&control) || (!works(&control) && sends_away(&at.caa()));
    if away && !at.serves() { one(Code::LameDelegation, both(at)) } else { Vec::new() }
}

/// A DNAME above the name makes of it one that is longer than names can be: the server is right (RFC 6672 §2.2), and a CA
/// has no answer.
fn too_long(at: &At) -> Vec<Symptom> {
    let Some(message) = at.probe(ProbeKind::Caa).and_then(Probe::first).filter(|m| m.rcode == rcode::YXDOMAIN) else {
        return Vec::new();
    };
    let dname = message.answers.iter().find_map(|r| match &r.data {
        RecordData::Dname(target) if is_below(&at.level.name, &r.owner) => Some((&r.owner, target)),
        _ => None,
    });
    let seen = |(owner, target): (&String, &String)| {
        let (owner, target) = (key(owner), key(target));
        let seen = format!("YXDOMAIN: the DNAME record at {owner} makes it a name below {target} of over 255 octets");
        Symptom::of(Code::AliasTargetBroken, Flavour::TooLong, seen)
    };
    dname.map(seen).into_iter().collect()
}

/// Every type is answered with an error, of the whole zone or of this name.
fn failing(at: &At) -> Vec<Symptom> {
    let error = |r: &Reading| matches!(r, Reading::Error(_) | Reading::ReferralUp(_) | Reading::ReferralSelf);
    let control = at.reading(ProbeKind::Control).unwrap_or(Reading::Silent);
    let fails = error(&control) || (!works(&control) && error(&at.caa()));
    if !fails || matches!(at.caa(), Reading::Malformed(_)) {
        return Vec::new();
    }
    let flavour = if at.serves() { Flavour::ThisName } else { Flavour::Plain };
    vec![Symptom::of(Code::ServerFailure, flavour, both(at))]
}

/// Other types are answered, CAA is not.
fn caa_only(at: &At) -> Vec<Symptom> {
    if !at.works(ProbeKind::Control) {
        return Vec::new();
    }
    let unknown = match at.probe(ProbeKind::UnknownType) {
        Some(_) => format!("; TYPE65280: {}", at.told(ProbeKind::UnknownType)),
        None => String::new(),
    };
    let seen = format!("{}{unknown}", both(at));
    match at.caa() {
        Reading::Silent | Reading::Unreachable(_) => one(Code::CaaDropped, seen),
        Reading::Error(_) | Reading::ReferralUp(_) | Reading::ReferralSelf => one(Code::CaaRejected, seen),
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

/// The address is alive, but says nothing about this name.
fn silent_at_this_name(at: &At) -> Vec<Symptom> {
    if !at.caa().is_silence() || at.probes.is_empty() {
        return Vec::new();
    }
    let (flavour, more) = if at.works(ProbeKind::CaaTcp) {
        (Flavour::UdpOnly, "; over TCP it is answered")
    } else if at.serves() {
        (Flavour::ThisName, "; questions about the apex of the zone are")
    } else {
        (Flavour::Plain, "")
    };
    let seen = format!("no question about {} is answered over UDP{more}", at.level.name);
    vec![Symptom::of(Code::ServerUnreachable, flavour, seen)]
}
