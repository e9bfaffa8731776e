//! Causes at a level that is an alias: the chain itself, and the faults of the zones it leads to.

use std::collections::BTreeMap;

use super::cause_server::Symptom;
use super::cause_zone::{Place, cause, causes_at};
use super::{AliasEnd, AliasEvidence, AuthoritativeView, Cause, Code, LevelEvidence, ZoneEvidence};

/// Links shown of a chain.
const SHOWN: usize = 4;

/// What the aliases at a level lead to.
pub(super) fn causes(view: &AuthoritativeView, zone: &ZoneEvidence, level: &LevelEvidence) -> Vec<Cause> {
    let Some(alias) = &level.alias else { return Vec::new() };
    let way = way(&level.name, alias);
    match alias.end {
        AliasEnd::Loop | AliasEnd::TooLong => {
            let end = if alias.end == AliasEnd::Loop { "" } else { " and on; not followed further" };
            let symptom = Symptom::new(Code::AliasLoop, format!("{way}{end}"));
            let seen: BTreeMap<Place, Symptom> =
                level.servers.keys().map(|address| (Place::Address(*address), symptom.clone())).collect();
            vec![cause(zone, &level.name, Code::AliasLoop, &seen, false)]
        }
        AliasEnd::Target => {
            let targets = alias.chain.iter().filter(|target| **target != level.name);
            let mut found: Vec<Cause> = Vec::new();
            for target in targets {
                let elsewhere = view.levels.get(target).is_some_and(|at| at.zone != zone.name);
                for inner in causes_at(view, target, false) {
                    if elsewhere && inner.breaks_lookup && inner.code.breaks_lookup() {
                        // What comes after a link that cannot be looked up does not count.
                        found.push(broken(&level.name, target, &way, &inner));
                        return found;
                    }
                    if inner.code != Code::CnameAtApex {
                        found.push(passed_on(&level.name, &way, inner));
                    }
                }
            }
            found
        }
    }
}

fn way(name: &str, alias: &AliasEvidence) -> String {
    let mut names = vec![name];
    names.extend(alias.chain.iter().map(String::as_str));
    if names.len() > SHOWN + 2 {
        let left = names.len() - SHOWN - 1;
        let last = names[names.len() - 1];
        return format!("{} → ({left} more) → {last}", names[..SHOWN].join(" → "));
    }
    names.join(" → ")
}

/// The lookup fails at a target in another zone: its operator is to blame.
fn broken(name: &str, target: &str, way: &str, inner: &Cause) -> Cause {
    Cause {
        code: Code::AliasTargetBroken,
        who: inner.who.clone(),
        fix: format!(
            "{name} is an alias: {way}. The CAA lookup follows it and fails at {target} ({}). {} Or the owner of {name} points the alias elsewhere.",
            inner.code.title(),
            inner.fix
        ),
        servers: inner.servers.clone(),
        hides_policy: false,
        evidence: format!("{way}: {}", inner.evidence),
        breaks_lookup: true,
        about_absence: false,
    }
}

/// A fault on the way that does not break the lookup by itself, or that the alias shares with its own zone.
fn passed_on(name: &str, way: &str, inner: Cause) -> Cause {
    Cause {
        fix: format!("{} ({name} is an alias: {way}.)", inner.fix),
        evidence: format!("{way}: {}", inner.evidence),
        about_absence: false,
        ..inner
    }
}
