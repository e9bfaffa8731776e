//! Small worlds for the tests of this room: certificates and levels written as text.

use std::borrow::Cow;

use super::LevelFacts;
use crate::caa::{CaaRecord, Cause, Code, Direct, Lookup, LookupFailure, LookupOutcome, Soa, Transport};
use crate::issuance::{Collection, Issuances, Record};
use crate::name::DomainName;

pub(super) fn name(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

/// One certificate a line: issuer `|` names with blanks between.
pub(super) fn issued(scope: &str, lines: &[&str]) -> Issuances {
    let mut collection = Collection::new(Some(name(scope)));
    let origin = collection.origin("story");
    for (serial, line) in lines.iter().enumerate() {
        let (issuer, names) = line.split_once('|').unwrap();
        collection.add(
            &Record {
                names: names.split_whitespace().map(Cow::Borrowed).collect(),
                issuer: Some(Cow::Borrowed(issuer.trim())).filter(|issuer| !issuer.is_empty()),
                serial: Some(Cow::Owned(format!("{:x}", serial + 1))),
                not_before: Some(1_700_000_000),
                ..Record::default()
            },
            origin,
        );
    }
    collection.finish()
}

/// Levels with their outcome in one word; a `~` before the name marks a level that comes and goes, `+code` adds a cause, and
/// what the name servers say themselves stands behind a `/`.
pub(super) fn levels(lines: &[(&str, &str)]) -> Vec<LevelFacts> {
    lines.iter().map(|(level, outcome)| fact(level, outcome)).collect()
}

fn fact(level: &str, outcome: &str) -> LevelFacts {
    let mut causes = Vec::new();
    let mut lookups = Vec::new();
    let (outcome, direct) = outcome.split_once('/').map_or((outcome, None), |(outcome, word)| (outcome, Some(word)));
    let direct = direct.map(|word| Direct { outcome: Some(lookup(word.trim()).outcome) });
    for (view, word) in outcome.split(',').enumerate() {
        let (word, code) = word.split_once('+').map_or((word, None), |(word, code)| (word, Code::parse(code)));
        lookups.push((format!("192.0.2.{view}"), lookup(word.trim())));
        causes.extend(code.map(|code| Cause {
            code,
            who: "the operator".into(),
            fix: "repair it".into(),
            servers: Vec::new(),
            hides_policy: code.hides_policy(),
            evidence: "seen".into(),
            breaks_lookup: code.breaks_lookup(),
            about_absence: code.is_about_absence(),
        }));
    }
    let name = name(level.trim_start_matches('~'));
    LevelFacts { stable: !level.starts_with('~'), lookups, causes, zone: None, direct, name }
}

fn lookup(word: &str) -> Lookup {
    let outcome = match word {
        "nodata" | "alias" => LookupOutcome::NoData(Soa::Present),
        "nosoa" => LookupOutcome::NoData(Soa::Missing),
        "nxdomain" => LookupOutcome::NxDomain(Soa::Present),
        "servfail" => LookupOutcome::Failed(LookupFailure::ServFail),
        "timeout" => LookupOutcome::Failed(LookupFailure::Timeout(5000)),
        record => LookupOutcome::Records(record.split('&').map(caa).collect()),
    };
    Lookup {
        outcome,
        rcode: None,
        soa_owner: None,
        ede: Vec::new(),
        authenticated: false,
        aliases: if word == "alias" { vec!["target.example".into()] } else { Vec::new() },
        checking_disabled: None,
        address_answers: None,
        rtt_ms: Some(10),
        tries: 1,
        transport: Transport::Udp,
    }
}

/// `0 issue ca.example`.
fn caa(text: &str) -> CaaRecord {
    let parts: Vec<&str> = text.trim().splitn(3, ' ').collect();
    CaaRecord {
        flags: parts[0].parse().unwrap(),
        tag: parts[1].into(),
        value: parts.get(2).unwrap_or(&"").as_bytes().into(),
    }
}
