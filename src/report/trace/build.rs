//! From the evidence to the value that is shown. Decides nothing that [`caa`](crate::caa) has not decided.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{
    LevelState, TRACE_SCHEMA, Trace, TraceCause, TraceCoverage, TraceDs, TraceHost, TraceLevel, TraceProbe,
    TraceServer, TraceStress, TraceZone,
};
use crate::caa::evidence_name::{depth, key, mnemonic};
use crate::caa::evidence_reading::{Reading, read};
use crate::caa::{
    AuthoritativeView, Cause, DnsMessage, DsEvidence, Flags, LevelEvidence, Observation, Probe, ProbeKind, RecordData,
    Security, ServerEvidence, Transport, ZoneEvidence, added, causes, rcode, rtype, security,
};
use crate::finding::Severity;
use crate::name::SubjectAltName;

/// What was traced, and how.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The name.
    pub name: &'a SubjectAltName,
    /// The port of the name servers.
    pub port: u16,
    /// Program and version.
    pub tool: &'a str,
    /// RFC 3339 UTC.
    pub time: String,
}

impl Trace {
    /// The trace that the evidence tells. `view` was gathered for all levels of the name.
    #[must_use]
    pub fn new(view: &AuthoritativeView, asked: &Asked<'_>) -> Self {
        let climb: Vec<String> = asked.name.name.ancestors().map(|level| level.as_str().to_owned()).collect();
        let mut levels: Vec<&LevelEvidence> = view.levels.values().collect();
        levels.sort_by_key(|level| (!climb.contains(&level.name), depth(&level.name), &level.name));
        let mut levels: Vec<TraceLevel> = levels.into_iter().map(|level| level_of(level, &climb)).collect();
        shield(&mut levels);
        let mut placed = place_causes(view, &mut levels);
        let mut zones: Vec<&ZoneEvidence> = view.zones.values().collect();
        zones.sort_by_key(|zone| (depth(&zone.name), &zone.name));
        let zones: Vec<TraceZone> = zones
            .into_iter()
            .map(|zone| {
                let causes = placed.remove(&zone.name).unwrap_or_default();
                zone_of(view, zone, causes, asked.port)
            })
            .collect();
        let coverage = coverage(view, &zones);
        Self {
            schema: TRACE_SCHEMA,
            tool: asked.tool.to_owned(),
            time: asked.time.clone(),
            name: asked.name.name.to_string(),
            wildcard: asked.name.wildcard,
            levels,
            zones,
            coverage,
        }
    }
}

fn coverage(view: &AuthoritativeView, zones: &[TraceZone]) -> TraceCoverage {
    let servers = || zones.iter().flat_map(|zone| &zone.servers);
    let addresses: BTreeSet<&str> = servers().map(|server| server.address.as_str()).collect();
    let answering: BTreeSet<&str> = servers().filter(|server| server.alive).map(|s| s.address.as_str()).collect();
    TraceCoverage {
        complete: view.limits.is_empty() && !answering.is_empty(),
        questions: view.queries,
        addresses: addresses.len(),
        answering: answering.len(),
        ipv6: view.ipv6_works,
        line_ms: view.line_us.map(|us| us / 1000),
        limits: view.limits.clone(),
        cautions: view.cautions.clone(),
    }
}

/// What one server's answer to the CA's own question amounts to, and its words.
fn state_at(probes: &[Probe], zone: &str) -> Option<(LevelState, String)> {
    let of = |kind| probes.iter().find(|probe| probe.kind == kind).map(|probe| probe.reading(zone));
    let first = of(ProbeKind::Caa)?;
    // A resolver asks again over TCP after a truncated answer.
    let reading = match &first {
        Reading::Truncated => of(ProbeKind::CaaTcp).filter(Reading::is_usable).unwrap_or(first),
        _ => first,
    };
    let state = match &reading {
        Reading::Records => LevelState::Records,
        Reading::NoData(_) | Reading::ReferralDown(_) => LevelState::NoData,
        Reading::NxDomain(_) => LevelState::NxDomain,
        Reading::Alias(_) => LevelState::Alias,
        Reading::ReferralUp(_)
        | Reading::ReferralSelf
        | Reading::Error(_)
        | Reading::Truncated
        | Reading::Malformed(_)
        | Reading::Silent
        | Reading::Unreachable(_) => LevelState::Failed,
    };
    Some((state, reading.words()))
}

fn level_of(level: &LevelEvidence, climb: &[String]) -> TraceLevel {
    let seen: Vec<(LevelState, String)> =
        level.servers.values().filter_map(|probes| state_at(probes, &level.zone)).collect();
    let states: BTreeSet<LevelState> = seen.iter().map(|(state, _)| *state).collect();
    let state = match states.iter().collect::<Vec<_>>().as_slice() {
        [] => LevelState::NotAsked,
        [one] => **one,
        _ => LevelState::Differs,
    };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, words) in &seen {
        *counts.entry(words).or_default() += 1;
    }
    let mut answers: Vec<(&str, usize)> = counts.into_iter().collect();
    answers.sort_by_key(|(words, count)| (std::cmp::Reverse(*count), *words));
    let records: BTreeSet<String> =
        level.servers.values().flatten().filter_map(|probe| probe.best(&level.zone).0).flat_map(|m| caa(m.0)).collect();
    TraceLevel {
        name: level.name.clone(),
        climbed: climb.contains(&level.name),
        zone: level.zone.clone(),
        state,
        answers: answers.into_iter().map(|(words, _)| words.to_owned()).collect(),
        records: records.into_iter().collect(),
        aliases: level.alias.as_ref().map(|alias| alias.chain.clone()).unwrap_or_default(),
        shielded: false,
        causes: Vec::new(),
    }
}

/// Marks levels beyond the set at which the climb ends: the one closest to the name.
fn shield(levels: &mut [TraceLevel]) {
    let ends = levels.iter().rposition(|level| level.climbed && level.state == LevelState::Records);
    for level in levels.iter_mut().take(ends.unwrap_or(0)) {
        level.shielded = true;
    }
}

/// Puts each cause into the zone of the level closest to the TLD at which it shows, with all levels at which it does.
fn place_causes(view: &AuthoritativeView, levels: &mut [TraceLevel]) -> BTreeMap<String, Vec<TraceCause>> {
    let mut placed: BTreeMap<String, Vec<TraceCause>> = BTreeMap::new();
    let mut places: BTreeMap<(Cause, String), (String, usize)> = BTreeMap::new();
    let mut grown = BTreeSet::new();
    for level in levels.iter_mut() {
        for cause in causes(view, &level.name) {
            level.causes.push(cause.code.as_str());
            // The words of the remedy name the level; what else is the same makes it the same cause.
            let same = Cause { fix: String::new(), evidence: String::new(), ..cause.clone() };
            let severity = severity(&cause, level);
            let owner = (same, if level.climbed { String::new() } else { level.name.clone() });
            if let Some((zone, at)) = places.get(&owner) {
                if let Some(known) = placed.get_mut(zone).and_then(|causes| causes.get_mut(*at)) {
                    known.levels.push(level.name.clone());
                    known.severity = known.severity.min(severity);
                    // Once, for the level closest to the TLD that somebody owns.
                    if let Some(more) = added(&known.cause.fix, &cause.fix).filter(|_| grown.insert(owner)) {
                        known.cause.fix = format!("{} {more}", known.cause.fix);
                    }
                }
                continue;
            }
            let here = placed.entry(level.zone.clone()).or_default();
            places.insert(owner, (level.zone.clone(), here.len()));
            here.push(TraceCause { severity, levels: vec![level.name.clone()], cause });
        }
    }
    placed
}

/// How bad a cause is for the name: an error where its lookup fails at a level that counts.
fn severity(cause: &Cause, level: &TraceLevel) -> Severity {
    let fails = matches!(level.state, LevelState::Failed | LevelState::NotAsked | LevelState::Alias);
    match (level.shielded, cause.code.breaks_lookup()) {
        (true, _) => Severity::Note,
        (false, true) if fails || cause.code.as_str().starts_with("dnssec-") => Severity::Error,
        (false, _) => Severity::Warning,
    }
}

fn zone_of(view: &AuthoritativeView, zone: &ZoneEvidence, causes: Vec<TraceCause>, port: u16) -> TraceZone {
    let mut levels: Vec<&LevelEvidence> = view.levels.values().filter(|level| level.zone == zone.name).collect();
    levels.sort_by_key(|level| (depth(&level.name), &level.name));
    let dnssec = levels.first().map(|level| match security(view, &level.name) {
        Security::Secure => "secure",
        Security::Insecure => "insecure",
        Security::Bogus => "bogus",
        Security::Unknown => "unknown",
    });
    // Of the parent's servers the first that answers shows the delegation.
    let above = zone.parent.as_ref().and_then(|parent| view.zones.get(parent));
    let of_parent = above.and_then(|parent| {
        let alive = parent.servers.iter().find(|(_, server)| alive(server.probes.iter()));
        alive.or_else(|| parent.servers.iter().next()).map(|(address, _)| *address)
    });
    let ask = |kind: u16| of_parent.map(|address| at_parent(&zone.name, kind).dig(address, port));
    TraceZone {
        name: zone.name.clone(),
        parent: zone.parent.clone(),
        referred: zone.referred,
        dnssec,
        ds: ds_of(zone),
        parent_ns: zone.parent_ns.clone(),
        child_ns: zone.child_ns.clone(),
        hosts: hosts_of(zone),
        dig_ns: ask(rtype::NS),
        dig_ds: ask(rtype::DS),
        causes,
        servers: zone
            .servers
            .iter()
            .map(|(address, server)| server_of(zone, *address, server, &levels, port))
            .collect(),
    }
}

/// The question about a cut, as the walk asks it.
fn at_parent(zone: &str, rtype: u16) -> Probe {
    Probe {
        kind: ProbeKind::ApexNs,
        name: zone.to_owned(),
        rtype,
        payload: Some(1232),
        transport: Transport::Udp,
        tries: Vec::new(),
    }
}

fn ds_of(zone: &ZoneEvidence) -> TraceDs {
    let (state, failures) = match &zone.ds {
        DsEvidence::Unknown => ("unknown", Vec::new()),
        DsEvidence::Failed(fared) => {
            ("failed", fared.iter().map(|(address, words)| format!("{address}: {words}")).collect())
        }
        DsEvidence::Present(_) => ("present", Vec::new()),
        DsEvidence::Absent(_) => ("absent", Vec::new()),
    };
    let records = zone.ds.records(&zone.name);
    TraceDs { state, records, failures }
}

fn hosts_of(zone: &ZoneEvidence) -> Vec<TraceHost> {
    let texts = |set: &BTreeSet<IpAddr>| set.iter().map(ToString::to_string).collect();
    let mut hosts: Vec<TraceHost> = zone
        .hosts
        .iter()
        .map(|(name, host)| TraceHost {
            name: name.clone(),
            glue: texts(&host.glue),
            addresses: texts(&host.addresses),
            alias: host.alias.clone(),
            trouble: host.trouble.clone(),
        })
        .collect();
    // Hosts beyond the bound are named without an address.
    for name in zone.parent_ns.union(&zone.child_ns).filter(|name| !zone.hosts.contains_key(*name)) {
        hosts.push(TraceHost {
            name: name.clone(),
            glue: Vec::new(),
            addresses: Vec::new(),
            alias: None,
            trouble: Some("not looked at".to_owned()),
        });
    }
    hosts
}

fn server_of(
    zone: &ZoneEvidence,
    address: IpAddr,
    server: &ServerEvidence,
    levels: &[&LevelEvidence],
    port: u16,
) -> TraceServer {
    let of_levels = levels.iter().filter_map(|level| level.servers.get(&address)).flatten();
    let all: Vec<&Probe> = server.probes.iter().chain(of_levels).collect();
    TraceServer {
        address: address.to_string(),
        hosts: server.hosts.iter().cloned().collect(),
        alive: alive(all.iter().copied()),
        probes: all.into_iter().map(|probe| probe_of(probe, &zone.name, address, port)).collect(),
        stress: server.stress.as_ref().map(|stress| TraceStress {
            together: stress.together.clone(),
            apart: stress.apart.clone(),
            otherwise: stress.otherwise.clone(),
        }),
    }
}

/// Whether anything at all came back.
fn alive<'p>(mut probes: impl Iterator<Item = &'p Probe>) -> bool {
    probes.any(|probe| {
        probe.tries.iter().any(|observation| match observation {
            Observation::Message { .. } | Observation::Unreadable { .. } => true,
            Observation::Silence { strays, .. } => *strays > 0,
            Observation::Network(_) => false,
        })
    })
}

fn probe_of(probe: &Probe, zone: &str, address: IpAddr, port: u16) -> TraceProbe {
    let (message, reading) = probe.best(zone);
    let message = message.map(|(message, _)| message);
    let rtts = probe.tries.iter().filter_map(|observation| match observation {
        Observation::Message { rtt_us, .. } | Observation::Unreadable { rtt_us, .. } => Some(rtt_us / 1000),
        Observation::Silence { .. } | Observation::Network(_) => None,
    });
    let soa = |message: &DnsMessage| message.authority.iter().find(|r| r.rtype == rtype::SOA).map(|r| key(&r.owner));
    TraceProbe {
        number: number(probe.kind),
        kind: probe.kind.word(),
        level: key(&probe.name),
        name: probe.name.clone(),
        rtype: mnemonic(probe.rtype).map_or_else(|| format!("TYPE{}", probe.rtype), str::to_owned),
        transport: probe.transport,
        payload: probe.payload,
        dig: probe.dig(address, port),
        outcome: reading.words(),
        usable: reading.is_usable(),
        rcode: message.map(|message| rcode::name(message.rcode)),
        flags: message.map(|message| flags(message.flags)).unwrap_or_default(),
        soa: message.and_then(soa),
        records: message.map(caa).unwrap_or_default(),
        ede: message.and_then(|message| message.edns.clone()).map(|edns| edns.ede).unwrap_or_default(),
        octets: message.map(|message| message.octets),
        rtt_ms: rtts.min(),
        tries: probe.tries.iter().map(|o| read(o, &probe.name, probe.rtype, zone).words()).collect(),
    }
}

fn caa(message: &DnsMessage) -> Vec<String> {
    let records = message.answers.iter().filter(|record| record.rtype == rtype::CAA);
    records
        .map(|record| match &record.data {
            RecordData::Caa(caa) => caa.to_string(),
            _ => "(a CAA record that cannot be read)".to_owned(),
        })
        .collect()
}

fn flags(flags: Flags) -> Vec<&'static str> {
    let Flags { aa, tc, rd, ra, ad, cd } = flags;
    let all = [(aa, "aa"), (tc, "tc"), (rd, "rd"), (ra, "ra"), (ad, "ad"), (cd, "cd")];
    all.into_iter().filter_map(|(set, word)| set.then_some(word)).collect()
}

/// The number the documentation gives a probe.
fn number(kind: ProbeKind) -> Option<&'static str> {
    match kind {
        ProbeKind::Caa => Some("P1"),
        ProbeKind::Control => Some("P2"),
        ProbeKind::CaaWithoutEdns => Some("P3"),
        ProbeKind::CaaLowerCase => Some("P4"),
        ProbeKind::CaaPlainest => Some("P3+P4"),
        ProbeKind::CaaTcp => Some("P5"),
        ProbeKind::UnknownType => Some("P6"),
        ProbeKind::Dnskey => Some("P7"),
        ProbeKind::ApexCheckingDisabled => Some("P7+CD"),
        ProbeKind::CaaSmall | ProbeKind::CaaLarge => Some("P8"),
        ProbeKind::ApexNs
        | ProbeKind::ApexPlain
        | ProbeKind::ApexTcp
        | ProbeKind::ExistingName
        | ProbeKind::CaaBelow => None,
    }
}
