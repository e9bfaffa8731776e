//! [`security`]: what the name servers' own records prove of the DNSSEC chain to a level (RFC 4035 §4.3).

use super::cause_dnssec::zone_faults;
use super::cause_line::Line;
use super::cause_signed::answer_faults;
use super::cause_zone::at;
use super::dnssec_chain::{Chain, chain, zone_keys};
use super::{AuthoritativeView, LevelEvidence, Security};

/// DNSSEC at a level, for the allowance of the Baseline Requirements. An alias is as secure as the least secure of the
/// zones it leads through, and proven to be insecure only if all of them are.
#[must_use]
pub fn security(view: &AuthoritativeView, level: &str) -> Security {
    if Line::of(view).is_blind() {
        return Security::Unknown;
    }
    let Some(evidence) = view.levels.get(level) else { return Security::Unknown };
    let targets = evidence.alias.iter().flat_map(|alias| &alias.chain).filter(|name| *name != level);
    let all: Vec<Security> = std::iter::once(evidence)
        .map(|evidence| of_level(view, evidence))
        .chain(targets.map(|name| view.levels.get(name).map_or(Security::Unknown, |level| of_level(view, level))))
        .collect();
    let any = |wanted| all.contains(&wanted);
    if any(Security::Bogus) {
        Security::Bogus
    } else if any(Security::Unknown) {
        Security::Unknown
    } else if any(Security::Secure) {
        // A signed link that leads into an unsigned zone: a failure there may still not be pardoned.
        if all.iter().all(|one| *one == Security::Secure) { Security::Secure } else { Security::Unknown }
    } else {
        Security::Insecure
    }
}

/// DNSSEC of a zone by its keys and its delegation, whatever its answers are.
#[must_use]
pub fn zone_security(view: &AuthoritativeView, zone: &str) -> Security {
    if Line::of(view).is_blind() {
        return Security::Unknown;
    }
    let Some(zone) = view.zones.get(zone) else { return Security::Unknown };
    // From the root down: what is broken above counts before what is proven below.
    let mut way = vec![zone];
    while let Some(parent) = way.last().and_then(|zone| zone.parent.as_ref()).and_then(|name| view.zones.get(name)) {
        way.push(parent);
    }
    for zone in way.into_iter().rev() {
        if zone_faults(view, zone).iter().any(|fault| fault.symptom.code.is_dnssec()) {
            return Security::Bogus;
        }
        match chain(view, &zone.name) {
            Chain::Signed => {}
            Chain::Unsigned { proven: true } => return Security::Insecure,
            Chain::Unsigned { proven: false } | Chain::Unknown => return Security::Unknown,
        }
    }
    // Keys that nobody saw prove nothing.
    if zone_keys(view, &zone.name).is_empty() { Security::Unknown } else { Security::Secure }
}

fn of_level(view: &AuthoritativeView, level: &LevelEvidence) -> Security {
    let (trust, zone) = (zone_security(view, &level.zone), view.zones.get(&level.zone));
    let Some(zone) = zone.filter(|_| trust == Security::Secure) else { return trust };
    let mut checked = false;
    for address in level.servers.keys() {
        let at = at(view, zone, level, *address);
        let faults = at.and_then(|at| answer_faults(view, &at, &at.answer()?));
        match faults {
            Some(faults) if faults.iter().any(|fault| fault.code.is_dnssec()) => return Security::Bogus,
            Some(_) => checked = true,
            None => {}
        }
    }
    if checked { Security::Secure } else { Security::Unknown }
}
