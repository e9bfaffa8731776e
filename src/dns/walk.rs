//! [`authoritative_view`]: what the name servers of every zone above some levels answer, gathered from the root down.
//!
//! First the way down, then the servers of each zone, zones and addresses at the same time, each address at its own pace.
//! Aliases met on the way become levels themselves. What is asked again on suspicion is in `walk_more`, how it all becomes a
//! view in `walk_view`. Decides nothing: [`caa`](crate::caa) reads the evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use futures::future::join_all;

use super::exchange::Exchange;
use super::hints::RootHints;
use super::probe::{Prober, shows_life};
use super::probe_ask::Asker;
use super::walk_zone::{LABELS, Walk};
use crate::caa::evidence_name::depth;
use crate::caa::{AuthoritativeView, DsEvidence, LevelEvidence, Probe, ProbeKind, ServerEvidence, rtype};
use crate::limit::Throttle;
use crate::name::DomainName;

/// Links of a chain of aliases that are followed.
pub(super) const ALIASES: usize = 12;
/// Targets of aliases that are looked at beside the levels asked for, for each of these.
const TARGETS: usize = 4;
/// Levels looked at in one zone: its servers show the same faults at the others.
const LEVELS: usize = 64;
/// Rounds of walking and probing: each may turn up hosts and aliases for the next.
const ROUNDS: usize = ALIASES + 2;
/// Addresses asked of zones that only lie on the way.
const ON_THE_WAY: usize = 2;
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
    let (names, too_deep): (BTreeSet<String>, BTreeSet<String>) =
        names.into_iter().partition(|name| depth(name) <= LABELS);
    let budget = ROOM_FOR_THE_WAY + u64::from(options.questions_per_level) * names.len() as u64;
    let asker = Asker::new(exchange, throttle, options.port, options.timeout, budget);
    let mut gathering = Gathering {
        asker: &asker,
        walk: Walk::new(&asker, &options.hints),
        servers: BTreeMap::new(),
        levels: BTreeMap::new(),
    };
    if let Some(example) = too_deep.first() {
        let many = too_deep.len();
        asker.limit(format!(
            "{many} names of more than {LABELS} labels were not asked at their name servers: {example}"
        ));
    }
    try_ipv6(&asker, options).await;
    gathering.gather(names).await;
    gathering.deny_existing().await;
    gathering.refer_below().await;
    gathering.stress().await;
    let line = if options.hints.public { gathering.line().await } else { LevelEvidence::default() };
    gathering.into_view(&asker, line, u64::try_from(now).unwrap_or(0), options.hints.public)
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
pub(super) struct Gathering<'a> {
    pub(super) asker: &'a Asker<'a>,
    pub(super) walk: Walk<'a>,
    /// By zone and address.
    pub(super) servers: BTreeMap<(String, IpAddr), ServerEvidence>,
    pub(super) levels: BTreeMap<String, LevelEvidence>,
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
        let most = wanted.len() * (1 + TARGETS) + TARGETS + ALIASES;
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
            self.confirm_glue();
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
