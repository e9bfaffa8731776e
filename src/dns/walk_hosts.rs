//! The name server hosts of zones: who they are, which addresses they have, and which of these may be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::hints::is_public;
use super::walk_zone::Walk;
use crate::caa::HostEvidence;
use crate::caa::evidence_name::{depth, is_at_or_below};

/// Name server hosts of one zone that are looked at.
pub(super) const HOSTS: usize = 13;
/// Addresses of one zone that are asked.
const ADDRESSES: usize = 16;
/// The same for the root, which is nobody's suspect.
const ROOT_ADDRESSES: usize = 4;
/// Hosts whose addresses are looked for in one view.
const ALL_HOSTS: usize = 2000;
/// Aliases followed from a host name; none is allowed (RFC 2181 §10.3), and resolvers follow some.
const HOST_ALIASES: usize = 4;

impl Walk<'_> {
    /// Adds hosts that the zone's own servers name, with the addresses they gave along.
    pub(super) fn child_hosts(&mut self, zone: &str, hosts: &BTreeMap<String, BTreeSet<IpAddr>>) {
        let Some(evidence) = self.zones.get_mut(zone) else { return };
        let mut wanted = Vec::new();
        for (host, addresses) in hosts {
            evidence.child_ns.insert(host.clone());
            if let Some(known) = evidence.hosts.get_mut(host) {
                known.addresses.extend(addresses);
            } else if evidence.hosts.len() < HOSTS {
                evidence
                    .hosts
                    .insert(host.clone(), HostEvidence { addresses: addresses.clone(), ..Default::default() });
                if addresses.is_empty() {
                    wanted.push(host.clone());
                }
            } else {
                self.asker.limit(too_many_hosts(zone));
            }
        }
        for host in wanted {
            self.want_host(&host);
        }
    }

    pub(super) fn want_host(&mut self, host: &str) {
        if self.hosts.contains_key(host) {
            return;
        }
        if self.hosts.len() >= ALL_HOSTS {
            self.asker.limit(format!("addresses were looked for of {ALL_HOSTS} name servers, and of no more"));
            return;
        }
        self.hosts.insert(host.to_owned(), None);
        self.open_hosts.insert(host.to_owned());
        self.want(host);
    }

    /// Looks up the hosts of a zone that lie below it and of which only the parent's glue is known.
    pub(super) fn confirm_glue(&mut self, zone: &str) {
        // Of top-level domains the glue is kept by IANA from the same source, and their servers are spared the questions.
        let answers = self.asker.any_answered(&self.addresses(zone));
        let Some(evidence) = self.zones.get(zone).filter(|_| depth(zone) > 1 && answers) else { return };
        let unconfirmed = |(name, host): &(&String, &HostEvidence)| {
            host.addresses.is_empty() && !host.glue.is_empty() && is_at_or_below(name, zone)
        };
        let wanted: Vec<String> = evidence.hosts.iter().filter(unconfirmed).map(|(name, _)| name.clone()).collect();
        for host in wanted {
            self.want_host(&host);
        }
    }

    pub(super) fn may_ask(&self, address: IpAddr) -> bool {
        self.private_space || is_public(address)
    }

    pub(super) fn has_address(&self, zone: &str) -> bool {
        !self.addresses(zone).is_empty()
    }

    pub(super) fn addresses(&self, zone: &str) -> BTreeSet<IpAddr> {
        let Some(zone) = self.zones.get(zone) else { return BTreeSet::new() };
        let all = zone.hosts.iter().flat_map(|(host, evidence)| self.of_host(host, evidence));
        all.filter(|address| self.may_ask(*address)).collect()
    }

    /// Every address of a host: that came along, that its zone gives, that its alias leads to.
    fn of_host(&self, host: &str, evidence: &HostEvidence) -> BTreeSet<IpAddr> {
        evidence.glue.union(&self.own_addresses(host, evidence)).copied().collect()
    }

    /// The addresses of a host without the parent's glue.
    fn own_addresses(&self, host: &str, evidence: &HostEvidence) -> BTreeSet<IpAddr> {
        let mut all = evidence.addresses.clone();
        let mut at = host;
        for _ in 0..HOST_ALIASES {
            let Some(Some(found)) = self.hosts.get(at) else { break };
            all.extend(&found.addresses);
            let Some(target) = &found.alias else { break };
            at = target;
        }
        all
    }

    /// Writes what was found of each host into the zones that name it.
    pub(super) fn tell_zones(&mut self) {
        let mut told = Vec::new();
        for (name, zone) in &self.zones {
            for (host, evidence) in &zone.hosts {
                let all = self.of_host(host, evidence);
                let found = self.hosts.get(host).and_then(Option::as_ref);
                let refused: Vec<String> = all.iter().filter(|a| !self.may_ask(**a)).map(ToString::to_string).collect();
                let trouble = if refused.is_empty() {
                    found.and_then(|f| f.trouble.clone()).filter(|_| all.is_empty())
                } else {
                    Some(format!("not asked, for it is no address of the public Internet: {}", refused.join(", ")))
                };
                let addresses = self.own_addresses(host, evidence);
                let alias = found.and_then(|f| f.alias.clone());
                let glue = evidence.glue.clone();
                told.push((name.clone(), host.clone(), HostEvidence { glue, addresses, alias, trouble }));
            }
        }
        for (zone, host, evidence) in told {
            if let Some(zone) = self.zones.get_mut(&zone) {
                zone.hosts.insert(host, evidence);
            }
        }
    }

    /// The addresses of a zone to probe, with the hosts that have them; bounded.
    pub(super) fn servers(&self, zone: &str) -> BTreeMap<IpAddr, BTreeSet<String>> {
        let mut all: BTreeMap<IpAddr, BTreeSet<String>> = BTreeMap::new();
        if let Some(evidence) = self.zones.get(zone) {
            for (host, known) in &evidence.hosts {
                for address in self.of_host(host, known).into_iter().filter(|address| self.may_ask(*address)) {
                    all.entry(address).or_default().insert(host.clone());
                }
            }
        }
        let most = if zone == "." { ROOT_ADDRESSES } else { ADDRESSES };
        if all.len() > most {
            self.asker.limit(format!("{zone} has {} name server addresses, {most} of them were asked", all.len()));
            all = all.into_iter().take(most).collect();
        }
        all
    }
}

pub(super) fn too_many_hosts(zone: &str) -> String {
    format!("{zone} has more than {HOSTS} name servers; no more were looked at")
}
