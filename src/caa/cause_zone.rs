//! [`causes`]: the decision table over every address of a level's zone, and [`security`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::cause_dnssec::{self, Chain};
use super::cause_server::{At, Health};
use super::cause_text;
use super::evidence_name::parent;
use super::evidence_reading::Reading;
use super::{
    AliasEnd, AuthoritativeView, Cause, Code, LevelEvidence, NamedServer, RecordData, Security, ServerEvidence,
    ZoneEvidence, rtype,
};

/// Faults found so far: per code, what each server showed.
type Found = BTreeMap<Code, BTreeMap<Option<IpAddr>, String>>;

/// Every cause at a level, from the authoritative side; empty where nothing is wrong or nothing was asked.
#[must_use]
pub fn causes(view: &AuthoritativeView, level: &str) -> Vec<Cause> {
    causes_at(view, level, true)
}

/// DNSSEC at a level, for the allowance of the Baseline Requirements.
#[must_use]
pub fn security(view: &AuthoritativeView, level: &str) -> Security {
    let Some(evidence) = view.levels.get(level) else { return Security::Unknown };
    match cause_dnssec::chain(view, &evidence.zone) {
        Chain::Unsigned { proven: true } => Security::Insecure,
        Chain::Unsigned { proven: false } | Chain::Unknown => Security::Unknown,
        Chain::Signed => {
            let bogus = causes_at(view, level, false).iter().any(|c| c.code.as_str().starts_with("dnssec-"));
            if bogus { Security::Bogus } else { Security::Secure }
        }
    }
}

fn causes_at(view: &AuthoritativeView, name: &str, follow: bool) -> Vec<Cause> {
    let Some(level) = view.levels.get(name) else { return Vec::new() };
    let Some(zone) = view.zones.get(&level.zone) else { return Vec::new() };
    let mut found = Found::new();
    servers(view, zone, level, &mut found);
    let mut causes: Vec<Cause> = found.into_iter().map(|(code, seen)| cause(zone, name, code, &seen)).collect();
    let mut above = zone.parent.as_deref();
    while let Some(ancestor) = above.and_then(|a| view.zones.get(a)) {
        let mut found = Found::new();
        dnssec(view, ancestor, &mut found);
        causes.extend(found.into_iter().map(|(code, seen)| cause(ancestor, name, code, &seen)));
        above = ancestor.parent.as_deref();
    }
    if follow {
        causes.extend(alias(view, zone, level));
    }
    causes.sort();
    causes.dedup_by(|a, b| a.code == b.code && a.who == b.who);
    causes
}

fn servers(view: &AuthoritativeView, zone: &ZoneEvidence, level: &LevelEvidence, found: &mut Found) {
    let none = ServerEvidence::default();
    let at = |address: IpAddr| At {
        address,
        zone: &zone.name,
        server: zone.servers.get(&address).unwrap_or(&none),
        level,
        probes: level.servers.get(&address).map_or(&[], Vec::as_slice),
        line_us: view.line_us.unwrap_or(0),
    };
    let mut add = |code, address: IpAddr, seen: String| {
        found.entry(code).or_default().entry(Some(address)).or_insert(seen);
    };
    let (mut dead, mut lame, mut unrouted, mut alive) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for address in zone.servers.keys().copied() {
        match at(address).health(view.ipv6_works) {
            Health::Dead(seen) => dead.push((address, seen)),
            Health::NoRoute => unrouted.push(address),
            Health::Alive => alive.push(address),
        }
    }
    let mut answers: BTreeMap<IpAddr, String> = BTreeMap::new();
    for &address in &alive {
        let at = at(address);
        let symptoms = at.symptoms();
        let hidden = |code| matches!(code, Code::CaaNxdomain | Code::CaseSensitive | Code::EmptyNonTerminalNxdomain);
        if let Some(answer) = at.answer().filter(|_| !symptoms.iter().any(|s| hidden(s.code))) {
            answers.insert(address, summary(&answer.reading, answer.message, &level.name));
            for (code, seen) in cause_dnssec::answer_faults(view, &at, &answer) {
                add(code, address, seen);
            }
        }
        for symptom in symptoms {
            match symptom.code {
                Code::LameDelegation => lame.push((address, symptom.seen)),
                Code::ServerUnreachable => dead.push((address, symptom.seen)),
                code => add(code, address, symptom.seen),
            }
        }
    }
    let silent: BTreeSet<IpAddr> = dead.iter().map(|(a, _)| *a).collect();
    let rest: Vec<IpAddr> = alive.iter().copied().filter(|a| !silent.contains(a)).collect();
    let code = if rest.is_empty() { Code::ServerUnreachable } else { Code::ServerPartlyUnreachable };
    for (address, seen) in dead {
        add(code, address, seen);
    }
    if rest.is_empty() && silent.is_empty() {
        for address in unrouted {
            add(
                Code::ServerUnreachable,
                address,
                "the zone has only IPv6 addresses, and none can be reached from here".into(),
            );
        }
    }
    let all_lame = lame.len() == rest.len();
    for (address, seen) in lame {
        let code = if all_lame { Code::LameDelegation } else { Code::InconsistentServers };
        add(code, address, format!("does not serve the zone: {seen}"));
    }
    let kinds: BTreeSet<&String> = answers.values().collect();
    if kinds.len() > 1 {
        for (address, seen) in &answers {
            add(Code::InconsistentServers, *address, seen.clone());
        }
    }
    if zone.servers.is_empty() {
        found
            .entry(Code::ServerUnreachable)
            .or_default()
            .insert(None, "no name server of the zone has a usable address".into());
    }
    dnssec(view, zone, found);
}

fn dnssec(view: &AuthoritativeView, zone: &ZoneEvidence, found: &mut Found) {
    for (code, address, seen) in cause_dnssec::zone_faults(view, zone) {
        found.entry(code).or_default().entry(address).or_insert(seen);
    }
}

/// An answer in a few words, such that equal answers give equal words.
fn summary(reading: &Reading, message: &super::DnsMessage, name: &str) -> String {
    match reading {
        Reading::Records => {
            let set: BTreeSet<String> =
                message
                    .answers
                    .iter()
                    .filter(|r| r.rtype == rtype::CAA && r.owner.eq_ignore_ascii_case(name))
                    .map(|r| {
                        if let RecordData::Caa(record) = &r.data { record.to_string() } else { format!("{:?}", r.data) }
                    })
                    .collect();
            let shown: Vec<&str> = set.iter().map(String::as_str).collect();
            format!("CAA {}", shown.join(", "))
        }
        Reading::NoData(_) => "no CAA record".to_owned(),
        Reading::NxDomain(_) => "the name does not exist".to_owned(),
        Reading::Alias(_) => super::evidence_reading::alias_at(message, name)
            .map_or_else(|| "alias".to_owned(), |t| format!("alias to {t}")),
        other => other.words(),
    }
}

fn alias(view: &AuthoritativeView, zone: &ZoneEvidence, level: &LevelEvidence) -> Vec<Cause> {
    let Some(alias) = &level.alias else { return Vec::new() };
    let mut seen: BTreeMap<Option<IpAddr>, String> = BTreeMap::new();
    let way = [vec![level.name.clone()], alias.chain.clone()].concat().join(" → ");
    match alias.end {
        AliasEnd::Loop | AliasEnd::TooLong => {
            seen.extend(level.servers.keys().map(|a| (Some(*a), way.clone())));
            vec![cause(zone, &level.name, Code::AliasLoop, &seen)]
        }
        AliasEnd::Target => {
            let Some(target) = alias.chain.last().filter(|t| **t != level.name) else { return Vec::new() };
            let broken: Vec<Cause> =
                causes_at(view, target, false).into_iter().filter(|c| c.code.breaks_lookup()).collect();
            let Some(first) = broken.first() else { return Vec::new() };
            vec![Cause {
                code: Code::AliasTargetBroken,
                who: first.who.clone(),
                fix: format!(
                    "{} is an alias: {way}. The CAA lookup follows it and fails at {target} ({}). {} Or point the alias elsewhere.",
                    level.name,
                    first.code.title(),
                    first.fix
                ),
                servers: first.servers.clone(),
                hides_policy: false,
                evidence: format!("{way}: {}", first.evidence),
            }]
        }
    }
}

fn cause(zone: &ZoneEvidence, level: &str, code: Code, seen: &BTreeMap<Option<IpAddr>, String>) -> Cause {
    let mut servers: Vec<NamedServer> = seen.keys().flatten().map(|a| named(zone, *a)).collect();
    if servers.is_empty() && zone.servers.is_empty() {
        servers = zone.hosts.keys().map(|host| NamedServer { name: host.clone(), address: None }).collect();
    }
    servers.sort();
    let mut evidence: Vec<String> = Vec::new();
    let kinds: BTreeSet<&String> = seen.values().collect();
    if kinds.len() == 1 {
        evidence.extend(seen.values().next().cloned());
    } else {
        evidence.extend(
            seen.iter().map(|(a, text)| a.map_or_else(|| text.clone(), |a| format!("{}: {text}", named(zone, a)))),
        );
    }
    let at = if code.as_str().starts_with("dnssec-") || matches!(code, Code::ServerUnreachable) {
        zone.name.as_str()
    } else {
        level
    };
    let shown: Vec<String> = servers.iter().map(NamedServer::to_string).collect();
    Cause {
        code,
        who: cause_text::who(code, &zone.name, parent(&zone.name).unwrap_or(".")),
        fix: cause_text::fix(code, &zone.name, at, &shown),
        servers,
        hides_policy: code.hides_policy(),
        evidence: evidence.join("; "),
    }
}

fn named(zone: &ZoneEvidence, address: IpAddr) -> NamedServer {
    let hosts = zone.servers.get(&address).map(|s| s.hosts.iter().cloned().collect::<Vec<_>>().join(", "));
    NamedServer { name: hosts.unwrap_or_default(), address: Some(address) }
}
