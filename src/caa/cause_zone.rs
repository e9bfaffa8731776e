//! [`causes`]: the decision table over every address of a level's zone and the zones above it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::cause_line::Line;
use super::cause_server::{At, Flavour, Health, Symptom, denies_name};
use super::cause_text::{self, Blame};
use super::dnssec_chain::{self, Chain};
use super::evidence_name::{is_at_or_below, key};
use super::{
    AuthoritativeView, Cause, Code, LevelEvidence, NamedServer, Probe, ProbeKind, ServerEvidence, ZoneEvidence,
    cause_alias, cause_compare, cause_dnssec, cause_signed, cause_way,
};

/// What a fault was seen at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The zone, no single server.
    Zone,
    /// A host that has no address to ask.
    Host(String),
    /// An address.
    Address(IpAddr),
}

/// Faults found so far: whose zone, which code, and what each place showed.
#[derive(Default)]
pub(super) struct Found(BTreeMap<(String, Code), BTreeMap<Place, Symptom>>);

impl Found {
    /// Whether some address of a zone that is alive shows nothing that keeps its answer from a CA.
    fn has_sound(&self, zone: &str, alive: &BTreeSet<IpAddr>) -> bool {
        let of_zone = self.0.iter().filter(|((of, _), _)| of == zone).flat_map(|(_, seen)| seen);
        let breaking = of_zone.filter(|(_, symptom)| {
            let not_served = symptom.code == Code::InconsistentServers && symptom.flavour == Flavour::NotServed;
            not_served || symptom.flavour.breaks(symptom.code)
        });
        let broken: BTreeSet<&Place> = breaking.map(|(place, _)| place).collect();
        alive.iter().any(|address| !broken.contains(&Place::Address(*address)))
    }

    /// Adds a fault; what a place showed first stays.
    pub(super) fn add(&mut self, zone: &str, place: Place, symptom: Symptom) {
        self.0.entry((zone.to_owned(), symptom.code)).or_default().entry(place).or_insert(symptom);
    }
}

/// The addresses of a zone by how they fare at one level.
#[derive(Default)]
pub(super) struct Standing {
    pub(super) alive: BTreeSet<IpAddr>,
    pub(super) silent: BTreeMap<IpAddr, Symptom>,
    pub(super) unrouted: Vec<IpAddr>,
}

/// Every cause at a level, from the authoritative side; empty where nothing is wrong or nothing was asked.
#[must_use]
pub fn causes(view: &AuthoritativeView, level: &str) -> Vec<Cause> {
    causes_at(view, level, true)
}

pub(super) fn causes_at(view: &AuthoritativeView, name: &str, follow: bool) -> Vec<Cause> {
    let line = Line::of(view);
    let Some(level) = view.levels.get(name) else { return Vec::new() };
    let Some(zone) = view.zones.get(&level.zone).filter(|_| !line.is_blind()) else { return Vec::new() };
    let mut found = Found::default();
    let standing = servers(view, zone, level, &mut found);
    let up = |zone: &&ZoneEvidence| zone.parent.as_deref().and_then(|parent| view.zones.get(parent));
    let way: Vec<&ZoneEvidence> = std::iter::successors(Some(zone), up).collect();
    // From above: what a zone shows for itself comes before what it says of the zone below it.
    for zone in way.into_iter().rev() {
        for fault in cause_dnssec::zone_faults(view, zone) {
            let place = fault.address.map_or(Place::Zone, Place::Address);
            found.add(&fault.zone, place, fault.symptom);
        }
        if zone.name != level.zone {
            on_the_way(view, zone, &mut found);
        }
    }
    let sound = found.has_sound(&zone.name, &standing.alive);
    let mut causes: Vec<Cause> = Vec::new();
    for ((of, code), seen) in found.0.into_iter().filter(|((_, code), _)| !line.explains(*code)) {
        let Some(of) = view.zones.get(&of) else { continue };
        // Of a zone above, only a part of the servers may have been asked.
        let partial = if of.name == zone.name { sound } else { seen.len() < of.servers.len() };
        causes.push(cause(of, name, code, &seen, partial));
    }
    if follow {
        causes.extend(cause_alias::causes(view, zone, level));
    }
    causes.sort();
    causes.dedup_by(|a, b| a.code == b.code && a.who == b.who);
    causes
}

/// Faults of a zone above that keep a resolver from learning where the zones below it are: every server leaves questions
/// unanswered or answers too late whatever type is asked for, or gives no referral when CAA is.
fn on_the_way(view: &AuthoritativeView, zone: &ZoneEvidence, found: &mut Found) {
    let Some(apex) = view.levels.get(&zone.name).filter(|apex| apex.zone == zone.name) else { return };
    let concerns_all = |at: &At, symptom: &Symptom| match symptom.code {
        Code::EdnsDropped | Code::CaseDropped => !at.works(ProbeKind::Control),
        Code::SlowServer => symptom.flavour == Flavour::TooSlow && at.is_late(ProbeKind::Control),
        Code::CaaDropped | Code::CaaRejected | Code::CaaNxdomain | Code::CaseSensitive => {
            at.reading(ProbeKind::CaaBelow).is_some_and(|below| !below.is_usable() || denies_name(&below))
        }
        _ => false,
    };
    let mut shown: Vec<(IpAddr, Symptom)> = Vec::new();
    for address in apex.servers.keys().copied() {
        let Some(at) = at(view, zone, apex, address) else { return };
        match at.symptoms().into_iter().find(|symptom| concerns_all(&at, symptom)) {
            Some(symptom) => shown.push((address, not_referred(&at, symptom))),
            None => return,
        }
    }
    for (address, symptom) in shown {
        found.add(&zone.name, Place::Address(address), symptom);
    }
}

/// The fault in the words for names below, if it was asked for there.
fn not_referred(at: &At, symptom: Symptom) -> Symptom {
    match at.probe(ProbeKind::CaaBelow) {
        Some(probe) if matches!(symptom.code, Code::CaaDropped | Code::CaaRejected | Code::CaaNxdomain) => {
            let seen = format!(
                "asked for CAA at {}, which it delegates: {}; no referral",
                key(&probe.name),
                at.told(ProbeKind::CaaBelow)
            );
            Symptom::of(symptom.code, Flavour::Below, seen)
        }
        Some(_) | None => symptom,
    }
}

/// One address at one level.
pub(super) fn at<'a>(
    view: &'a AuthoritativeView,
    zone: &'a ZoneEvidence,
    level: &'a LevelEvidence,
    address: IpAddr,
) -> Option<At<'a>> {
    let server: &ServerEvidence = zone.servers.get(&address)?;
    Some(At {
        address,
        zone: &zone.name,
        server,
        level,
        probes: level.servers.get(&address).map_or(&[], Vec::as_slice),
        apex: view.levels.get(&zone.name).and_then(|apex| apex.servers.get(&address)).map_or(&[], Vec::as_slice),
        line_us: view.line_us.unwrap_or(0),
        below: below(view, level, address),
    })
}

/// A name below a level that exists by the word of this address, or by that of the walk if all the zone's servers deny the
/// level: an old copy of the zone at one server is another fault.
fn below<'a>(view: &'a AuthoritativeView, level: &'a LevelEvidence, address: IpAddr) -> Option<&'a str> {
    let exists = |of: &LevelEvidence, probes: &[Probe]| {
        probes.iter().any(|probe| {
            let (message, reading) = probe.best(&of.zone);
            reading.is_usable() && message.is_some_and(|(message, _)| message.rcode == super::rcode::NOERROR)
        })
    };
    let here = level.known_below.iter().find(|name| {
        let known = view.levels.get(*name);
        known.is_some_and(|known| known.servers.get(&address).is_some_and(|probes| exists(known, probes)))
    });
    let denied_by_all = || !level.servers.values().any(|probes| exists(level, probes));
    here.or_else(|| level.known_below.first().filter(|_| denied_by_all())).map(String::as_str)
}

/// What every address of the zone shows at the level.
fn servers(view: &AuthoritativeView, zone: &ZoneEvidence, level: &LevelEvidence, found: &mut Found) -> Standing {
    let mut standing = Standing::default();
    for &address in zone.servers.keys() {
        let Some(at) = at(view, zone, level, address) else { continue };
        match at.health(view.ipv6_works) {
            Health::Dead(seen) => {
                let symptom = dead(zone, address, seen);
                standing.silent.insert(address, symptom);
            }
            Health::NoRoute => standing.unrouted.push(address),
            Health::Alive => {
                standing.alive.insert(address);
                shown(view, &at, zone, &mut standing, found);
            }
        }
    }
    standing.alive.retain(|address| !standing.silent.contains_key(address));
    unreachable(zone, &standing, found);
    alias_hosts(zone, found);
    cause_compare::differences(view, zone, level, &standing, found);
    standing
}

/// What a living address shows.
fn shown(view: &AuthoritativeView, at: &At, zone: &ZoneEvidence, standing: &mut Standing, found: &mut Found) {
    let symptoms = at.symptoms();
    let made_up = symptoms.iter().any(|s| cause_compare::hides_answer(s.code));
    let faults = at.answer().and_then(|answer| cause_signed::answer_faults(view, at, &answer));
    let unproven = made_up && faults.as_ref().is_some_and(|faults| faults.iter().any(|s| s.code.is_dnssec()));
    for symptom in faults.into_iter().flatten().filter(|_| !made_up) {
        found.add(&zone.name, Place::Address(at.address), symptom);
    }
    for mut symptom in symptoms {
        match symptom.code {
            Code::LameDelegation => continue,
            Code::ServerUnreachable => {
                standing.silent.insert(at.address, symptom);
                continue;
            }
            // Without EDNS there are no signatures.
            // A resolver that tries without EDNS leaves CD out as well, and needs no signatures here.
            _ if symptom.flavour == Flavour::Checking => {
                let signed = dnssec_chain::chain(view, &zone.name) == Chain::Signed;
                if !signed && cause_way::tried_without_edns(at) {
                    continue;
                }
            }
            Code::EdnsRejected if dnssec_chain::chain(view, &zone.name) == Chain::Signed => {
                symptom.flavour = Flavour::NoFallback;
            }
            // What hides a policy elsewhere is refused where absence must be proven.
            Code::CaaNxdomain | Code::CaseSensitive if unproven => symptom.flavour = Flavour::Unproven,
            _ => {}
        }
        found.add(&zone.name, Place::Address(at.address), symptom);
    }
}

/// A dead address; glue that the zone itself does not confirm is a fault of the delegation.
fn dead(zone: &ZoneEvidence, address: IpAddr, seen: String) -> Symptom {
    let stale = zone.hosts.iter().find(|(_, host)| {
        host.glue.contains(&address) && !host.addresses.is_empty() && !host.addresses.contains(&address)
    });
    match stale {
        Some((name, host)) => {
            let own: Vec<String> = host.addresses.iter().map(ToString::to_string).collect();
            let seen = format!(
                "{seen}; the address is glue of the delegation, {} itself gives {name} {}",
                zone.name,
                own.join(", ")
            );
            Symptom::of(Code::ServerUnreachable, Flavour::StaleGlue, seen)
        }
        None => Symptom::new(Code::ServerUnreachable, seen),
    }
}

/// Addresses that are silent, hosts without one, and zones that can be reached by IPv6 only.
fn unreachable(zone: &ZoneEvidence, standing: &Standing, found: &mut Found) {
    let code = if standing.alive.is_empty() { Code::ServerUnreachable } else { Code::ServerPartlyUnreachable };
    let mut add = |place, flavour, seen: String| found.add(&zone.name, place, Symptom::of(code, flavour, seen));
    for (address, symptom) in &standing.silent {
        let unasked: Vec<String> = standing.unrouted.iter().map(ToString::to_string).collect();
        let more = if standing.alive.is_empty() && !unasked.is_empty() {
            format!("; IPv6 does not work from here, so {} was not asked", unasked.join(", "))
        } else {
            String::new()
        };
        add(Place::Address(*address), symptom.flavour, format!("{}{more}", symptom.seen));
    }
    for (name, host) in &zone.hosts {
        let asked = zone.servers.values().any(|server| server.hosts.contains(name));
        if let Some(why) = host.trouble.as_ref().filter(|_| !asked) {
            let within = host.glue.is_empty() && is_at_or_below(name, &zone.name);
            let flavour = if within { Flavour::NoGlue } else { Flavour::NoAddress };
            add(Place::Host(name.clone()), flavour, format!("{name}: {why}"));
        }
    }
    if standing.alive.is_empty() && standing.silent.is_empty() {
        for address in &standing.unrouted {
            let seen = "the zone has only IPv6 addresses, and none can be reached from here";
            add(Place::Address(*address), Flavour::Plain, seen.to_owned());
        }
        if zone.servers.is_empty() && !zone.hosts.values().any(|host| host.trouble.is_some()) {
            add(Place::Zone, Flavour::Plain, "no name server of the zone has a usable address".to_owned());
        }
    }
}

/// Hosts of the NS records that are aliases.
fn alias_hosts(zone: &ZoneEvidence, found: &mut Found) {
    for (name, host) in &zone.hosts {
        if let Some(target) = host.alias.as_ref().filter(|_| host.trouble.is_none()) {
            let seen = format!("the NS records name {name}, an alias for {target}");
            let symptom = Symptom::of(Code::ServerPartlyUnreachable, Flavour::AliasHost, seen);
            found.add(&zone.name, Place::Host(name.clone()), symptom);
        }
    }
}

/// One cause out of what every place showed.
pub(super) fn cause(
    zone: &ZoneEvidence,
    level: &str,
    code: Code,
    seen: &BTreeMap<Place, Symptom>,
    others_work: bool,
) -> Cause {
    let mut servers: Vec<NamedServer> = seen.keys().filter_map(|place| named(zone, place)).collect();
    if servers.is_empty() && zone.servers.is_empty() {
        servers = zone.hosts.keys().map(|host| NamedServer { name: host.clone(), address: None }).collect();
    }
    servers.sort();
    let flavours: BTreeSet<Flavour> = seen.values().map(|symptom| symptom.flavour).collect();
    let partial = others_work && seen.keys().any(|place| matches!(place, Place::Address(_)));
    let flavour = flavours.first().copied().filter(|_| flavours.len() == 1).unwrap_or_default();
    let shown: Vec<String> = servers.iter().map(NamedServer::to_string).collect();
    let blame = Blame { code, flavour, zone: &zone.name, level, servers: &shown, partial };
    Cause {
        code,
        who: cause_text::who(&blame),
        fix: cause_text::fix(&blame),
        servers,
        hides_policy: code.hides_policy() && flavour != Flavour::Unproven,
        evidence: evidence(zone, seen),
        breaks_lookup: !partial && flavour.breaks(code),
        about_absence: seen.values().all(|symptom| symptom.flavour.is_about_absence(code)),
    }
}

/// What was seen, server by server where they differ.
fn evidence(zone: &ZoneEvidence, seen: &BTreeMap<Place, Symptom>) -> String {
    let kinds: BTreeSet<&str> = seen.values().map(|symptom| symptom.seen.as_str()).collect();
    let one = |(place, symptom): (&Place, &Symptom)| match named(zone, place).filter(|_| kinds.len() > 1) {
        Some(server) => format!("{server}: {}", symptom.seen),
        None => symptom.seen.clone(),
    };
    let mut all: Vec<String> = seen.iter().map(one).collect();
    all.dedup();
    all.join("; ")
}

fn named(zone: &ZoneEvidence, place: &Place) -> Option<NamedServer> {
    match place {
        Place::Zone => None,
        Place::Host(name) => Some(NamedServer { name: name.clone(), address: None }),
        Place::Address(address) => {
            let hosts = zone.servers.get(address).map(|s| s.hosts.iter().cloned().collect::<Vec<_>>().join(", "));
            Some(NamedServer { name: hosts.unwrap_or_default(), address: Some(*address) })
        }
    }
}
