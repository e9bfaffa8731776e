//! [`authoritative_view`]: what the name servers of every zone above some levels answer, gathered from the root down.
//!
//! First the way down, then the servers of each zone, zones and addresses at the same time, each address at its own pace.
//! Aliases met on the way become levels themselves. Decides nothing: [`caa`](crate::caa) reads the evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use futures::future::join_all;

use super::exchange::Exchange;
use super::hints::RootHints;
use super::probe::{Prober, shows_life};
use super::probe_ask::Asker;
use super::probe_stress::{stress, unsteady};
use super::walk_zone::Walk;
use crate::caa::evidence_name::{depth, is_at_or_below, is_below, key};
use crate::caa::evidence_reading::{Reading, alias_at};
use crate::caa::{
    AliasEnd, AliasEvidence, AuthoritativeView, DsEvidence, LevelEvidence, Probe, ProbeKind, RecordData,
    ServerEvidence, rtype,
};
use crate::limit::Throttle;
use crate::name::DomainName;

/// Links of a chain of aliases that are followed.
const ALIASES: usize = 12;
/// Targets of aliases that are looked at beside the levels asked for, for each of these.
const TARGETS: usize = 4;
/// Levels looked at in one zone: its servers show the same faults at the others.
const LEVELS: usize = 64;
/// Rounds of walking and probing: each may turn up hosts and aliases for the next.
const ROUNDS: usize = ALIASES + 2;
/// Addresses asked of zones that only lie on the way.
const ON_THE_WAY: usize = 2;
/// Addresses that are asked over and over in one view.
const STRESSED: usize = 64;
/// Questions for the way down, whatever the number of levels.
const ROOM_FOR_THE_WAY: u64 = 500;

/// How a view is gathered.
#[derive(Debug, Clone)]
pub struct ViewOptions {
    /// Where the walk starts.
    pub hints: RootHints,
    /// The port of every name server.
    pub port: u16,
    /// How long each transmission may take.
    pub timeout: Duration,
    /// Messages sent at most for each level, on average; the rest is left out and told.
    pub questions_per_level: u32,
}

impl Default for ViewOptions {
    fn default() -> Self {
        Self { hints: RootHints::public(), port: 53, timeout: Duration::from_secs(5), questions_per_level: 600 }
    }
}

/// Asks the name servers of every zone above `levels`, and about the levels themselves.
///
/// `now` is the time to check signatures against, in seconds since 1970. One question is one turn of the address's quota.
pub async fn authoritative_view(
    levels: &[DomainName],
    options: &ViewOptions,
    exchange: &dyn Exchange,
    throttle: &Throttle,
    now: i64,
) -> AuthoritativeView {
    let names: BTreeSet<String> = levels.iter().map(|level| level.as_str().to_owned()).collect();
    let budget = ROOM_FOR_THE_WAY + u64::from(options.questions_per_level) * names.len() as u64;
    let asker = Asker::new(exchange, throttle, options.port, options.timeout, budget);
    let mut gathering = Gathering {
        asker: &asker,
        walk: Walk::new(&asker, &options.hints),
        servers: BTreeMap::new(),
        levels: BTreeMap::new(),
    };
    try_ipv6(&asker, options).await;
    gathering.gather(names).await;
    gathering.deny_existing().await;
    gathering.stress().await;
    gathering.into_view(&asker, u64::try_from(now).unwrap_or(0), options.hints.public)
}

/// Asks some IPv6 addresses of the root, so that a host without IPv6 does not blame the servers.
async fn try_ipv6(asker: &Asker<'_>, options: &ViewOptions) {
    let six = options.hints.servers.iter().map(|(_, address)| *address).filter(IpAddr::is_ipv6).take(4);
    let six: Vec<IpAddr> = six.collect();
    let asked =
        join_all(six.clone().into_iter().map(|address| {
            asker.probe(ProbeKind::ApexPlain, address, ".", rtype::NS, super::probe_ask::Form::PLAIN, 1)
        }));
    // Answers are remembered by the asker; two seconds are long for any root server.
    if tokio::time::timeout(Duration::from_secs(2), asked).await.is_err() {
        for address in six {
            asker.gave_up(address);
        }
    }
}

/// What has been gathered so far.
struct Gathering<'a> {
    asker: &'a Asker<'a>,
    walk: Walk<'a>,
    /// By zone and address.
    servers: BTreeMap<(String, IpAddr), ServerEvidence>,
    levels: BTreeMap<String, LevelEvidence>,
}

/// One address of one zone and what is to be asked there.
struct Job {
    zone: String,
    address: IpAddr,
    /// The questions at the apex are still to be asked, and DNSKEY among them.
    apex: Option<bool>,
    levels: Vec<String>,
}

impl Gathering<'_> {
    /// Walks and probes until neither new hosts nor new aliases turn up.
    async fn gather(&mut self, mut wanted: BTreeSet<String>) {
        let most = wanted.len() * (1 + TARGETS) + TARGETS;
        for _ in 0..ROUNDS {
            for name in &wanted {
                self.walk.want(name);
            }
            self.walk.run().await;
            for name in self.few_of_each_zone(wanted) {
                let zone = self.walk.zone_of(&name);
                let level = LevelEvidence { name: name.clone(), zone, ..LevelEvidence::default() };
                self.levels.insert(name, level);
            }
            let jobs = self.jobs();
            if jobs.is_empty() {
                return;
            }
            let asker = self.asker;
            for (job, apex, levels) in join_all(jobs.into_iter().map(|job| work(asker, job))).await {
                self.take(&job, apex, levels);
            }
            self.tell_child_hosts();
            wanted = self.targets();
            if self.levels.len() + wanted.len() > most {
                let left = self.levels.len() + wanted.len() - most;
                self.asker.limit(format!("{left} targets of aliases were not looked at"));
                wanted = wanted.into_iter().take(most.saturating_sub(self.levels.len())).collect();
            }
        }
    }

    /// The names nearest to the top of each zone, as many as may be looked at.
    fn few_of_each_zone(&self, names: BTreeSet<String>) -> Vec<String> {
        let mut by_zone: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in names {
            by_zone.entry(self.walk.zone_of(&name)).or_default().push(name);
        }
        let mut chosen = Vec::new();
        for (zone, mut names) in by_zone {
            let known = self.levels.values().filter(|level| level.zone == zone).count();
            let most = LEVELS.saturating_sub(known);
            names.sort_by_cached_key(|name| (depth(name), name.clone()));
            if names.len() > most {
                self.asker.limit(format!("{} of {} names in {zone} were looked at", most, names.len()));
                names.truncate(most);
            }
            chosen.extend(names);
        }
        chosen
    }

    /// What is still to be asked at every address of the zones in play.
    fn jobs(&self) -> Vec<Job> {
        let mut by_zone: BTreeMap<String, Vec<&LevelEvidence>> = BTreeMap::new();
        for level in self.levels.values() {
            for zone in self.walk.chain(&level.zone) {
                by_zone.entry(zone).or_default();
            }
            by_zone.entry(level.zone.clone()).or_default().push(level);
        }
        let mut jobs = Vec::new();
        for (zone, levels) in by_zone {
            let servers = self.walk.servers(&zone);
            let in_chain = self
                .walk
                .zones
                .get(&zone)
                .is_some_and(|zone| zone.parent.is_none() || !matches!(zone.ds, DsEvidence::Absent(_)));
            let mut addresses: Vec<IpAddr> = servers.keys().copied().collect();
            if levels.is_empty() {
                let done = self.servers.keys().filter(|(of, _)| *of == zone).count();
                addresses = self.asker.best_first(&servers.keys().copied().collect(), &zone);
                addresses.truncate(if done > 0 || !in_chain { 0 } else { ON_THE_WAY });
            }
            for address in addresses {
                let known = self.servers.get(&(zone.clone(), address));
                let unrouted = address.is_ipv6() && self.asker.ipv6_works() == Some(false);
                let dead = known.is_some_and(|server| !shows_life(&server.probes)) || (known.is_some() && unrouted);
                let open = levels.iter().filter(|level| !dead && !level.servers.contains_key(&address));
                let job = Job {
                    zone: zone.clone(),
                    address,
                    apex: known.is_none().then_some(in_chain),
                    levels: open.map(|level| level.name.clone()).collect(),
                };
                if job.apex.is_some() || !job.levels.is_empty() {
                    jobs.push(job);
                }
            }
        }
        jobs
    }

    fn take(&mut self, job: &Job, apex: Vec<Probe>, levels: Vec<(String, Vec<Probe>)>) {
        if job.apex.is_some() {
            let evidence = ServerEvidence { probes: apex, ..ServerEvidence::default() };
            self.servers.insert((job.zone.clone(), job.address), evidence);
        }
        for (name, probes) in levels {
            if let Some(level) = self.levels.get_mut(&name) {
                level.servers.insert(job.address, probes);
            }
        }
    }

    /// Tells the walk which hosts the zones' own servers name.
    fn tell_child_hosts(&mut self) {
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

    /// Targets of aliases that are no levels yet.
    fn targets(&self) -> BTreeSet<String> {
        let targets = self.levels.values().filter_map(next_alias);
        targets.filter(|target| target != "." && !self.levels.contains_key(target)).collect()
    }

    /// Where a server denies a level for every type, asks whether it denies names it gives addresses for as well.
    async fn deny_existing(&mut self) {
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

    /// Asks over and over where answers came and went, one zone of an address after the other.
    async fn stress(&mut self) {
        let mut by_address: BTreeMap<IpAddr, Vec<(String, Probe)>> = BTreeMap::new();
        for ((zone, address), server) in &self.servers {
            let of_levels = self.levels.values().filter(|level| level.zone == *zone);
            let of_levels = of_levels.filter_map(|level| level.servers.get(address)).flatten();
            if let Some(question) = unsteady(of_levels.chain(&server.probes)) {
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
                seen.push(((zone, address), stress(asker, address, &question).await));
            }
            seen
        }));
        for (place, seen) in all.await.into_iter().flatten() {
            if let Some(server) = self.servers.get_mut(&place).filter(|_| !seen.together.is_empty()) {
                server.stress = Some(seen);
            }
        }
    }

    fn into_view(mut self, asker: &Asker<'_>, now: u64, public_root: bool) -> AuthoritativeView {
        self.tell_aliases();
        self.tell_known_below();
        let on_the_way: BTreeSet<String> =
            self.levels.values().flat_map(|level| self.walk.chain(&level.zone)).collect();
        let hosts: BTreeMap<String, _> = on_the_way.iter().map(|z| (z.clone(), self.walk.servers(z))).collect();
        let mut zones = std::mem::take(&mut self.walk.zones);
        zones.retain(|name, _| on_the_way.contains(name));
        for ((zone, address), mut evidence) in self.servers {
            if let Some(zone) = zones.get_mut(&zone) {
                let of = hosts.get(&zone.name).and_then(|servers| servers.get(&address));
                evidence.hosts = of.cloned().unwrap_or_default();
                zone.servers.insert(address, evidence);
            }
        }
        AuthoritativeView {
            zones,
            levels: self.levels,
            limits: asker.limits(),
            queries: asker.sent(),
            now,
            line_us: asker.quickest_us(),
            ipv6_works: asker.ipv6_works(),
            public_root,
        }
    }

    fn tell_aliases(&mut self) {
        let links: BTreeMap<String, String> =
            self.levels.values().filter_map(|level| Some((level.name.clone(), next_alias(level)?))).collect();
        for level in self.levels.values_mut() {
            level.alias = chain(&links, &level.name);
        }
    }

    fn tell_known_below(&mut self) {
        let mut exist: BTreeSet<String> = BTreeSet::new();
        for level in self.levels.values() {
            let positive = |probe: &Probe| {
                let usable = matches!(
                    probe.reading(&level.zone),
                    Reading::Records | Reading::Alias(_) | Reading::NoData(_) | Reading::ReferralDown(_)
                );
                usable && probe.messages().any(|(message, ..)| message.rcode == 0)
            };
            if level.servers.values().flatten().any(positive) {
                exist.insert(level.name.clone());
            }
        }
        exist.extend(self.walk.zones.keys().cloned());
        let hosts = self.walk.zones.values().flat_map(|zone| &zone.hosts);
        exist.extend(hosts.filter(|(_, host)| !host.addresses.is_empty()).map(|(name, _)| name.clone()));
        for level in self.levels.values_mut() {
            level.known_below = exist.iter().filter(|name| is_below(name, &level.name)).take(8).cloned().collect();
        }
    }
}

/// Asks what is to be asked at one address: first the apex, then the levels if there is life.
async fn work(asker: &Asker<'_>, job: Job) -> (Job, Vec<Probe>, Vec<(String, Vec<Probe>)>) {
    let prober = Prober { asker, zone: &job.zone, address: job.address };
    let unrouted = job.address.is_ipv6() && asker.ipv6_works() == Some(false);
    let apex = match job.apex {
        Some(keys) if !unrouted => prober.apex(keys).await,
        Some(_) | None => Vec::new(),
    };
    let alive = job.apex.is_none() || shows_life(&apex);
    let levels = join_all(job.levels.iter().filter(|_| alive).map(|level| async {
        let probes = prober.level(level).await;
        (level.clone(), probes)
    }));
    let levels = levels.await;
    (job, apex, levels)
}

/// Where a level leads in one link, if a server says that it is an alias.
fn next_alias(level: &LevelEvidence) -> Option<String> {
    let mut probes = level.servers.values().flatten().filter(|probe| probe.rtype == rtype::CAA);
    probes.find_map(|probe| match probe.best(&level.zone) {
        (Some((message, _)), Reading::Alias(_)) => alias_at(message, &level.name),
        _ => None,
    })
}

/// The chain that begins at `name`.
fn chain(links: &BTreeMap<String, String>, name: &str) -> Option<AliasEvidence> {
    let mut way = vec![links.get(name)?.clone()];
    loop {
        let last = way.last()?;
        if last == name || way[..way.len() - 1].contains(last) {
            return Some(AliasEvidence { chain: way, end: AliasEnd::Loop });
        }
        match links.get(last) {
            None => return Some(AliasEvidence { chain: way, end: AliasEnd::Target }),
            Some(_) if way.len() >= ALIASES => return Some(AliasEvidence { chain: way, end: AliasEnd::TooLong }),
            Some(next) => way.push(next.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_aliases_ends_at_a_name_in_a_loop_or_at_the_bound() {
        let links = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
        let two = links(&[("a", "b"), ("b", "c")]);
        assert_eq!(
            chain(&two, "a").unwrap(),
            AliasEvidence { chain: vec!["b".into(), "c".into()], end: AliasEnd::Target }
        );
        assert_eq!(chain(&two, "c"), None);
        let round = links(&[("a", "b"), ("b", "c"), ("c", "b")]);
        assert_eq!(chain(&round, "a").unwrap().end, AliasEnd::Loop);
        assert_eq!(chain(&links(&[("a", "a")]), "a").unwrap().end, AliasEnd::Loop);
        let long = (0..40).map(|i| (i.to_string(), (i + 1).to_string())).collect();
        assert_eq!(chain(&long, "0").unwrap().end, AliasEnd::TooLong);
    }
}
