//! The zones of the authoritative view as the report shows them.

use crate::caa::evidence_name::depth;
use crate::caa::{AuthoritativeView, Security, ServerEvidence, ZoneEvidence, security, zone_security};
use crate::report::{Zone, ZoneServer};

/// Every zone, towards the root first, with what each address answered to each probe.
pub(super) fn zones(view: &AuthoritativeView) -> Vec<Zone> {
    let mut zones: Vec<&ZoneEvidence> = view.zones.values().collect();
    zones.sort_by_key(|zone| (depth(&zone.name), &zone.name));
    zones.into_iter().map(|zone| shown(view, zone)).collect()
}

fn shown(view: &AuthoritativeView, zone: &ZoneEvidence) -> Zone {
    // An alias speaks for the zones it leads through as well.
    let of_zone = || view.levels.values().filter(|level| level.zone == zone.name);
    let level = of_zone().find(|level| level.alias.is_none()).or_else(|| of_zone().next());
    let told = level.map_or_else(|| zone_security(view, &zone.name), |level| security(view, &level.name));
    let dnssec = match told {
        Security::Secure => "secure",
        Security::Insecure => "insecure",
        Security::Bogus => "bogus",
        Security::Unknown => "unknown",
    };
    let server = |(address, evidence): (&std::net::IpAddr, &ServerEvidence)| {
        let mut probes = std::collections::BTreeMap::new();
        let levels = view.levels.values().filter(|level| level.zone == zone.name);
        let of_levels = levels.filter_map(|level| level.servers.get(address)).flatten();
        for probe in evidence.probes.iter().chain(of_levels) {
            let name = probe.kind.word().to_owned();
            let quickest = probe.messages().map(|(_, _, rtt)| rtt / 1000).min();
            let time = quickest.map_or_else(String::new, |ms| format!(", {ms} ms"));
            let text = format!("{}{time}", probe.reading(&zone.name).words());
            probes.entry(format!("{name} {}", probe.name.to_ascii_lowercase())).or_insert(text);
        }
        let name = evidence.hosts.iter().cloned().collect::<Vec<_>>().join(", ");
        ZoneServer { name, address: address.to_string(), probes }
    };
    Zone { name: zone.name.clone(), dnssec, servers: zone.servers.iter().map(server).collect() }
}
