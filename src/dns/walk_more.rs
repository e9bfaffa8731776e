//! What is asked once the first answers are in: hosts that only the zones' own servers name, targets of aliases, and closer
//! looks where something is suspicious.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use futures::future::join_all;

use super::probe::Prober;
use super::probe_stress::{stress, unsteady};
use super::walk::Gathering;
use crate::caa::evidence_name::{is_at_or_below, key};
use crate::caa::evidence_reading::{Reading, alias_at};
use crate::caa::{LevelEvidence, Probe, ProbeKind, RecordData, rtype};

/// Addresses that are asked over and over in one view.
const STRESSED: usize = 64;
/// Addresses of the root that are asked in the forms that looked faulty elsewhere.
const OF_THE_ROOT: usize = 2;
/// Different targets of one alias that are looked at.
const TARGETS: usize = 4;
/// A name the root's servers refer for, with letters in it.
const ANY_TLD: &str = "net";

impl Gathering<'_> {
    /// Tells the walk which hosts the zones' own servers name.
    pub(super) fn tell_child_hosts(&mut self) {
        let mut named: BTreeMap<String, BTreeMap<String, BTreeSet<IpAddr>>> = BTreeMap::new();
        for ((zone, _), server) in &self.servers {
            let probes = server.probes.iter().filter(|probe| probe.rtype == rtype::NS);
            for (message, ..) in probes.flat_map(Probe::messages) {
                let hosts = named.entry(zone.clone()).or_default();
                for record in &message.answers {
                    if let RecordData::Ns(host) = &record.data
                        && record.owner.eq_ignore_ascii_case(zone)
                    {
                        hosts.entry(key(host)).or_default();
                    }
                }
                for record in &message.additional {
                    if let RecordData::Address(address) = record.data
                        && is_at_or_below(&record.owner, zone)
                        && let Some(addresses) = hosts.get_mut(&key(&record.owner))
                    {
                        addresses.insert(address);
                    }
                }
            }
        }
        for (zone, hosts) in named {
            self.walk.child_hosts(&zone, &hosts);
        }
    }

    /// Hosts below their own zone are looked up there, where the parent's glue is all that is known of them: an address that
    /// moved shows as a difference.
    pub(super) fn confirm_glue(&mut self) {
        let zones: BTreeSet<&String> = self.levels.values().map(|level| &level.zone).collect();
        for zone in zones {
            self.walk.confirm_glue(zone);
        }
    }

    /// Targets of aliases that are no levels yet.
    pub(super) fn targets(&self) -> BTreeSet<String> {
        let targets = self.levels.values().flat_map(next_aliases);
        targets.filter(|target| target != "." && !self.levels.contains_key(target)).collect()
    }

    /// Where a server denies a level for every type, asks whether it denies names it gives addresses for as well.
    pub(super) async fn deny_existing(&mut self) {
        let mut jobs: BTreeSet<(String, IpAddr)> = BTreeSet::new();
        let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for level in self.levels.values() {
            for (address, probes) in &level.servers {
                let says = |kind, wanted: fn(&Reading) -> bool| {
                    probes.iter().any(|probe| probe.kind == kind && wanted(&probe.reading(&level.zone)))
                };
                let denied = |reading: &Reading| matches!(reading, Reading::NxDomain(_));
                if says(ProbeKind::Control, denied) && says(ProbeKind::Caa, denied) {
                    jobs.insert((level.zone.clone(), *address));
                }
                if says(ProbeKind::Control, |reading| *reading == Reading::Records) {
                    known.entry(level.zone.clone()).or_default().insert(level.name.clone());
                }
            }
        }
        for (name, zone) in &self.walk.zones {
            known.entry(name.clone()).or_default().extend(zone.hosts.keys().cloned());
        }
        let asker = self.asker;
        let none = BTreeSet::new();
        let found = join_all(jobs.into_iter().map(|(zone, address)| {
            let names = known.get(&zone).unwrap_or(&none);
            async move {
                let probes = Prober { asker, zone: &zone, address }.existing(names).await;
                ((zone, address), probes)
            }
        }));
        for (place, probes) in found.await {
            if let Some(server) = self.servers.get_mut(&place) {
                server.probes.extend(probes);
            }
        }
    }

    /// Where a server does something else for CAA than for other types, asks whether it still refers to the zones below.
    pub(super) async fn refer_below(&mut self) {
        let mut jobs: BTreeMap<(String, IpAddr), String> = BTreeMap::new();
        let mut below: BTreeMap<&String, &String> = BTreeMap::new();
        for zone in self.walk.zones.values() {
            // What both zones' servers have in common shows at the zone below itself.
            let apart = |parent: &String| self.walk.addresses(parent).is_disjoint(&self.walk.addresses(&zone.name));
            below.extend(zone.parent.as_ref().filter(|parent| apart(parent)).map(|parent| (parent, &zone.name)));
        }
        for level in self.levels.values() {
            let Some(cut) = below.get(&level.zone) else { continue };
            let odd = level.servers.iter().filter(|(_, probes)| differs_for_caa(probes, &level.zone));
            jobs.extend(odd.map(|(address, _)| ((level.zone.clone(), *address), (*cut).clone())));
        }
        let asker = self.asker;
        let found = join_all(jobs.into_iter().map(|((zone, address), cut)| async move {
            let probe = Prober { asker, zone: &zone, address }.below(&cut).await;
            ((zone, address), probe)
        }));
        for (place, probe) in found.await {
            if let Some(server) = self.servers.get_mut(&place) {
                server.probes.extend(probe);
            }
        }
    }

    /// Asks over and over where answers came and went, one zone of an address after the other.
    pub(super) async fn stress(&mut self) {
        let mut by_address: BTreeMap<IpAddr, Vec<(String, Probe)>> = BTreeMap::new();
        for ((zone, address), server) in &self.servers {
            let of_levels = self.levels.values().filter(|level| level.zone == *zone);
            let of_levels = of_levels.filter_map(|level| level.servers.get(address)).flatten();
            if let Some(question) = unsteady(of_levels.chain(&server.probes), zone) {
                by_address.entry(*address).or_default().push((zone.clone(), question.clone()));
            }
        }
        if by_address.len() > STRESSED {
            let left = by_address.len() - STRESSED;
            self.asker.limit(format!("{left} addresses that answered now and then were not looked at more closely"));
        }
        let asker = self.asker;
        let all = join_all(by_address.into_iter().take(STRESSED).map(async |(address, questions)| {
            let mut seen = Vec::new();
            for (zone, question) in questions {
                let fared = stress(asker, address, &question, &zone).await;
                seen.push(((zone, address), fared));
            }
            seen
        }));
        for (place, seen) in all.await.into_iter().flatten() {
            if let Some(server) = self.servers.get_mut(&place).filter(|_| !seen.together.is_empty()) {
                server.stress = Some(seen);
            }
        }
    }

    /// Whether the root's servers, which are known to be sound, seem to have faults too, if anything looked faulty at all.
    pub(super) async fn line(&self) -> LevelEvidence {
        let mut line = LevelEvidence { name: ANY_TLD.to_owned(), zone: ".".to_owned(), ..LevelEvidence::default() };
        let faulty = self.levels.values().any(|level| {
            let mut probes = level.servers.values().flatten();
            probes.any(|probe| !probe.reading(&level.zone).is_usable())
        });
        let answers = |probes: &[Probe]| probes.iter().any(|probe| probe.first().is_some());
        let root = self.servers.iter().filter(|((zone, _), server)| zone == "." && answers(&server.probes));
        if faulty {
            let asker = self.asker;
            let asked = join_all(
                root.map(|((_, address), _)| *address)
                    .take(OF_THE_ROOT)
                    .map(async |address| (address, Prober { asker, zone: ".", address }.line(ANY_TLD).await)),
            );
            line.servers.extend(asked.await);
        }
        line
    }
}

/// Whether CAA as a CA asks it fares worse than another type, or than in lower case.
fn differs_for_caa(probes: &[Probe], zone: &str) -> bool {
    let reading = |kind| probes.iter().find(|probe| probe.kind == kind).map(|probe| probe.reading(zone));
    let exists = |kind| reading(kind).is_some_and(|r| r.is_usable() && !matches!(r, Reading::NxDomain(_)));
    let bad = !exists(ProbeKind::Caa) && reading(ProbeKind::Caa) != Some(Reading::Truncated);
    bad && (exists(ProbeKind::Control) || exists(ProbeKind::CaaLowerCase))
}

/// Where a level leads in one link, by the word of each server that says it is an alias.
fn next_aliases(level: &LevelEvidence) -> BTreeSet<String> {
    let probes = level.servers.values().flatten().filter(|probe| probe.rtype == rtype::CAA);
    let targets: BTreeSet<String> = probes
        .filter_map(|probe| match probe.best(&level.zone) {
            (Some((message, _)), Reading::Alias(_)) => alias_at(message, &level.name),
            _ => None,
        })
        .collect();
    targets.into_iter().take(TARGETS).collect()
}

/// Where a level leads in one link, if a server says that it is an alias.
pub(super) fn next_alias(level: &LevelEvidence) -> Option<String> {
    next_aliases(level).pop_first()
}
