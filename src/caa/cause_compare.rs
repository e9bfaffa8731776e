//! What shows only when the servers of a zone are held against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::cause_server::{Answer, At, Flavour, Symptom};
use super::cause_zone::{Found, Place, Standing, at};
use super::evidence_reading::{Reading, alias_at};
use super::{
    AliasEnd, AuthoritativeView, Code, DnsMessage, LevelEvidence, ProbeKind, RecordData, ZoneEvidence, cause_signed,
    rtype,
};

/// Records shown of a set.
const SHOWN: usize = 4;

/// Faults after which an answer says nothing of what is published: a device made it up.
pub(super) fn hides_answer(code: Code) -> bool {
    matches!(code, Code::CaaNxdomain | Code::CaseSensitive | Code::EmptyNonTerminalNxdomain)
}

/// Servers that do not serve the zone, answers that differ, and signatures that only a part of the servers can confirm.
pub(super) fn differences(
    view: &AuthoritativeView,
    zone: &ZoneEvidence,
    level: &LevelEvidence,
    standing: &Standing,
    found: &mut Found,
) {
    let mut lame: Vec<(IpAddr, Symptom)> = Vec::new();
    let mut answers: BTreeMap<IpAddr, (String, String)> = BTreeMap::new();
    let mut tags: BTreeMap<IpAddr, (BTreeSet<u16>, BTreeSet<u16>)> = BTreeMap::new();
    for address in standing.alive.iter().copied() {
        let Some(at) = at(view, zone, level, address) else { continue };
        let symptoms = at.symptoms();
        if let Some(symptom) = symptoms.iter().find(|s| s.code == Code::LameDelegation) {
            lame.push((address, symptom.clone()));
        }
        if symptoms.iter().any(|s| hides_answer(s.code)) {
            continue;
        }
        let Some(answer) = at.answer() else { continue };
        if let Some(content) = content(view, &at, &answer) {
            answers.insert(address, (content, told(&answer)));
        }
        if cause_signed::answer_faults(view, &at, &answer).is_some_and(|faults| faults.is_empty()) {
            tags.extend(cause_signed::tags(&at, &answer).map(|tags| (address, tags)));
        }
    }
    let serves = |address: &IpAddr| at(view, zone, level, *address).is_some_and(|at| at.answer().is_some());
    let others_serve =
        standing.alive.iter().any(|address| lame.iter().all(|(lame, _)| lame != address) && serves(address));
    for (address, symptom) in lame {
        let symptom = if others_serve {
            let seen = format!("does not serve the zone: {}", symptom.seen);
            Symptom::of(Code::InconsistentServers, Flavour::NotServed, seen)
        } else {
            symptom
        };
        found.add(&zone.name, Place::Address(address), symptom);
    }
    if answers.values().map(|(content, _)| content).collect::<BTreeSet<_>>().len() > 1 {
        for (address, (_, told)) in answers {
            found.add(&zone.name, Place::Address(address), Symptom::new(Code::InconsistentServers, told));
        }
    }
    other_keys(zone, &tags, found);
}

/// A validator takes the keys from one server and the answer from another: some key must be common to them.
fn other_keys(zone: &ZoneEvidence, tags: &BTreeMap<IpAddr, (BTreeSet<u16>, BTreeSet<u16>)>, found: &mut Found) {
    for (address, (used, _)) in tags {
        let without = tags.iter().find(|(_, (_, published))| !used.is_empty() && used.is_disjoint(published));
        if let Some((other, _)) = without {
            let used: Vec<String> = used.iter().map(ToString::to_string).collect();
            let seen = format!("signs with key {}, which {other} does not publish", used.join(", "));
            let symptom = Symptom::of(Code::InconsistentServers, Flavour::OtherKeys, seen);
            found.add(&zone.name, Place::Address(*address), symptom);
        }
    }
}

/// What an answer says of CAA, such that equal answers give equal words; `None` where it cannot be compared.
fn content(view: &AuthoritativeView, at: &At, answer: &Answer) -> Option<String> {
    let name = &at.level.name;
    match &answer.reading {
        Reading::Records => Some(set(answer.message, name).into_iter().collect::<Vec<_>>().join(", ")),
        Reading::NoData(_) => Some("no CAA record".to_owned()),
        Reading::NxDomain(_) => Some("the name does not exist".to_owned()),
        Reading::Alias(_) => {
            let target = alias_at(answer.message, name)?;
            let control = at.probe(ProbeKind::Control)?.best(at.zone).0?.0;
            // A server that leads elsewhere each time does not differ from its fellows by that.
            let steady = alias_at(control, name).is_none_or(|other| other == target);
            // Nor does one that leads elsewhere for good, if the same is found there; a target not looked at tells nothing.
            let looked_at = view.levels.contains_key(&target);
            (steady && looked_at).then(|| at_target(view, &target).unwrap_or_else(|| format!("alias to {target}")))
        }
        // Below a cut that only a part of the servers shows.
        _ => None,
    }
}

/// What is found where an alias leads, if every server there says the same.
fn at_target(view: &AuthoritativeView, target: &str) -> Option<String> {
    let name = match view.levels.get(target).and_then(|level| level.alias.as_ref()) {
        Some(alias) => alias.chain.last().filter(|_| alias.end == AliasEnd::Target)?,
        None => target,
    };
    let level = view.levels.get(name)?;
    let zone = view.zones.get(&level.zone)?;
    let mut said = BTreeSet::new();
    for address in level.servers.keys() {
        let at = at(view, zone, level, *address)?;
        let answer = at.answer()?;
        said.insert(match &answer.reading {
            Reading::Records => set(answer.message, name).into_iter().collect::<Vec<_>>().join(", "),
            Reading::NoData(_) | Reading::NxDomain(_) => "no CAA record".to_owned(),
            _ => return None,
        });
    }
    said.pop_first().filter(|_| said.is_empty())
}

fn set(message: &DnsMessage, name: &str) -> BTreeSet<String> {
    let here = message.answers.iter().filter(|r| r.rtype == rtype::CAA && r.owner.eq_ignore_ascii_case(name));
    here.map(|r| match &r.data {
        RecordData::Caa(record) => record.to_string(),
        other => format!("{other:?}"),
    })
    .collect()
}

/// An answer in a few words, with the serial number where it came along.
fn told(answer: &Answer) -> String {
    let serial = answer.message.authority.iter().find_map(|r| match r.data {
        super::RecordData::Soa { serial, .. } => Some(format!(" (serial {serial})")),
        _ => None,
    });
    let words = match &answer.reading {
        Reading::Records => {
            let owner = answer.message.answers.iter().find(|r| r.rtype == rtype::CAA).map(|r| r.owner.clone());
            let all = set(answer.message, &owner.unwrap_or_default());
            let shown: Vec<&str> = all.iter().take(SHOWN).map(String::as_str).collect();
            let more = all.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("CAA {}{more}", shown.join(", "))
        }
        Reading::NoData(_) => "no CAA record".to_owned(),
        Reading::NxDomain(_) => "the name does not exist".to_owned(),
        other => other.words(),
    };
    words + &serial.unwrap_or_default()
}
