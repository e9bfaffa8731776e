//! [`Walk`]: from the root to the zones that hold some names, each cut, DS and host asked for once.
//!
//! Work is done as soon as what it needs is known, many zones at a time. Nothing waits for itself: when no question is left
//! that could be asked, hosts without an address are those whose delegations lead in a circle or to dead ends.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};

use super::hints::{RootHints, is_public};
use super::probe_ask::Asker;
use super::walk_hosts::{HOSTS, too_many_hosts};
use super::walk_step::{self, Cut, Found, Step};
use crate::caa::evidence_name::{depth, is_at_or_below, parent};
use crate::caa::{DsEvidence, HostEvidence, ZoneEvidence};

/// Steps without an answer at a zone that never gave one, after which no more are tried.
const HOPELESS: u32 = 3;
/// Labels of a name that are walked down.
pub(super) const LABELS: usize = 40;

/// What is known of the way down so far.
pub(super) struct Walk<'a> {
    pub(super) asker: &'a Asker<'a>,
    /// Zones by apex. Hosts and delegation only: how servers answer is not the walk's.
    pub(super) zones: BTreeMap<String, ZoneEvidence>,
    /// The zone that holds a name.
    place: BTreeMap<String, String>,
    /// Names to place that are not asked for yet, and those that are.
    open_names: BTreeSet<String>,
    asked_names: BTreeSet<String>,
    pub(super) hosts: BTreeMap<String, Option<Found>>,
    pub(super) open_hosts: BTreeSet<String>,
    open_ds: BTreeSet<String>,
    /// How the steps at a zone went.
    luck: BTreeMap<String, Luck>,
    pub(super) private_space: bool,
}

/// Steps at a zone: one that gave no answer yet is asked one thing at a time, and given up after few.
#[derive(Debug, Clone, Copy, Default)]
struct Luck {
    answered: u32,
    unanswered: u32,
    in_flight: u32,
}

#[derive(Debug, Clone)]
enum Task {
    Step(String),
    Ds(String),
    Host(String),
}

enum Done {
    Step { name: String, zone: String, step: Step },
    Ds { apex: String, ds: DsEvidence, servers: BTreeSet<IpAddr> },
    Host { host: String, found: Found },
}

impl<'a> Walk<'a> {
    pub(super) fn new(asker: &'a Asker<'a>, hints: &RootHints) -> Self {
        let mut root = ZoneEvidence { name: ".".to_owned(), referred: true, ..ZoneEvidence::default() };
        for (host, address) in &hints.servers {
            root.parent_ns.insert(host.clone());
            root.hosts.entry(host.clone()).or_default().glue.insert(*address);
        }
        Self {
            asker,
            zones: BTreeMap::from([(".".to_owned(), root)]),
            place: BTreeMap::from([(".".to_owned(), ".".to_owned())]),
            open_names: BTreeSet::new(),
            asked_names: BTreeSet::new(),
            hosts: BTreeMap::new(),
            open_hosts: BTreeSet::new(),
            open_ds: BTreeSet::new(),
            luck: BTreeMap::new(),
            // A private root delegates to private addresses; the public root must not lead into the user's own network.
            private_space: hints.servers.iter().any(|(_, address)| !is_public(*address)),
        }
    }

    /// Wants to know which zone holds `name`.
    pub(super) fn want(&mut self, name: &str) {
        if depth(name) > LABELS {
            self.asker.limit(format!("a name of more than {LABELS} labels was met and not walked down to: {name}"));
            return;
        }
        let mut at = Some(name);
        while let Some(name) = at {
            let known = self.place.contains_key(name) || self.asked_names.contains(name);
            if known || !self.open_names.insert(name.to_owned()) {
                break;
            }
            at = parent(name);
        }
    }

    /// Asks until all is known that can be.
    pub(super) async fn run(&mut self) {
        let mut open = FuturesUnordered::new();
        loop {
            self.give_up();
            for task in self.ready() {
                open.extend(self.start(task));
            }
            match open.next().await {
                Some(done) => self.apply(done),
                None => break,
            }
        }
        // Whatever is still open cannot be asked: its zone has no address.
        for name in std::mem::take(&mut self.open_names) {
            let zone = self.nearest(&name);
            self.place.insert(name, zone);
        }
        for host in std::mem::take(&mut self.open_hosts) {
            let trouble = match self.place.get(&host) {
                Some(zone) => format!("its address is known only to {zone}, whose servers cannot be found without it"),
                None => "its zone was not found".to_owned(),
            };
            self.hosts.insert(host, Some(Found { trouble: Some(trouble), ..Found::default() }));
        }
        self.tell_zones();
    }

    fn nearest(&self, name: &str) -> String {
        let mut at = Some(name);
        while let Some(name) = at {
            if let Some(zone) = self.place.get(name) {
                return zone.clone();
            }
            at = parent(name);
        }
        ".".to_owned()
    }

    /// Places names at zones whose servers do not answer, without asking them again and again.
    fn give_up(&mut self) {
        loop {
            let above = |name: &String| self.place.get(parent(name)?).cloned();
            let open = self.open_names.iter().filter_map(|name| Some((name.clone(), above(name)?)));
            let hopeless = |zone: &String| self.luck.get(zone).is_some_and(|luck| luck.is_hopeless());
            let given_up: Vec<_> = open.filter(|(_, zone)| hopeless(zone)).collect();
            if given_up.is_empty() {
                return;
            }
            for (name, zone) in given_up {
                self.open_names.remove(&name);
                self.place.insert(name, zone);
            }
        }
    }

    /// What can be asked now.
    fn ready(&self) -> Vec<Task> {
        let mut tasks: Vec<Task> = self.open_ds.iter().cloned().map(Task::Ds).collect();
        let mut tried: BTreeSet<&str> = BTreeSet::new();
        for name in &self.open_names {
            let Some(zone) = parent(name).and_then(|above| self.place.get(above)) else { continue };
            let luck = self.luck.get(zone).copied().unwrap_or_default();
            let known_to_answer = luck.answered > 0;
            if (known_to_answer || luck.in_flight == 0)
                && self.has_address(zone)
                && (tried.insert(zone) || known_to_answer)
            {
                tasks.push(Task::Step(name.clone()));
            }
        }
        let hosts = self.open_hosts.iter().filter(|host| self.place.get(*host).is_some_and(|z| self.has_address(z)));
        tasks.extend(hosts.cloned().map(Task::Host));
        tasks
    }

    fn start(&mut self, task: Task) -> Option<BoxFuture<'a, Done>> {
        match &task {
            Task::Step(name) => {
                self.open_names.remove(name);
                self.asked_names.insert(name.clone());
            }
            Task::Ds(apex) => drop(self.open_ds.remove(apex)),
            Task::Host(host) => drop(self.open_hosts.remove(host)),
        }
        let asker = self.asker;
        let ordered = |zone: &str, name: &str| asker.best_first(&self.addresses(zone), name);
        Some(match task {
            Task::Step(name) => {
                let zone = self.place.get(parent(&name)?)?.clone();
                let addresses = ordered(&zone, &name);
                self.luck.entry(zone.clone()).or_default().in_flight += 1;
                async move {
                    let step = walk_step::step(asker, &zone, &addresses, &name).await;
                    Done::Step { name, zone, step }
                }
                .boxed()
            }
            Task::Ds(apex) => {
                let parent = self.zones.get(self.zones.get(&apex)?.parent.as_ref()?)?;
                let signed = parent.parent.is_none() || !matches!(parent.ds, DsEvidence::Absent(_));
                let addresses = ordered(&parent.name, &apex);
                async move {
                    let (ds, servers) = walk_step::ds(asker, &addresses, &apex, signed).await;
                    Done::Ds { apex, ds, servers }
                }
                .boxed()
            }
            Task::Host(host) => {
                let zone = self.place.get(&host)?.clone();
                let addresses = ordered(&zone, &host);
                async move {
                    let found = walk_step::host(asker, &zone, &addresses, &host).await;
                    Done::Host { host, found }
                }
                .boxed()
            }
        })
    }

    fn apply(&mut self, done: Done) {
        if let Done::Step { zone, step, .. } = &done {
            let silent = !self.asker.any_answered(&self.addresses(zone));
            let luck = self.luck.entry(zone.clone()).or_default();
            luck.in_flight = luck.in_flight.saturating_sub(1);
            match step {
                Step::Inside | Step::Cut(_) => luck.answered += 1,
                Step::Unanswered => luck.unanswered += if silent { HOPELESS } else { 1 },
            }
        }
        match done {
            Done::Step { name, zone, step: Step::Inside | Step::Unanswered } => {
                self.asked_names.remove(&name);
                self.place.insert(name, zone);
            }
            Done::Step { name, zone, step: Step::Cut(cut) } => self.apply_cut(name, &zone, cut),
            Done::Ds { apex, ds, servers } => {
                if let Some(zone) = self.zones.get_mut(&apex) {
                    (zone.ds, zone.ds_servers) = (ds, servers);
                }
            }
            Done::Host { host, found } => {
                if let Some(target) = found.alias.clone().filter(|_| found.addresses.is_empty()) {
                    self.want_host(&target);
                }
                self.hosts.insert(host, Some(found));
            }
        }
    }

    fn apply_cut(&mut self, name: String, above: &str, cut: Cut) {
        let apex = cut.apex.clone();
        if !self.zones.contains_key(&apex) {
            let mut zone = ZoneEvidence {
                name: apex.clone(),
                parent: Some(above.to_owned()),
                referred: cut.referred,
                ..ZoneEvidence::default()
            };
            if cut.hosts.len() > HOSTS {
                self.asker.limit(too_many_hosts(&apex));
            }
            let mut wanted = Vec::new();
            for host in cut.hosts.iter().take(HOSTS) {
                let glue = cut.glue.get(host).cloned().unwrap_or_default();
                if !glue.iter().any(|address| self.may_ask(*address)) {
                    wanted.push(host.clone());
                }
                zone.hosts.insert(host.clone(), HostEvidence { glue, ..HostEvidence::default() });
            }
            if cut.referred {
                zone.parent_ns = cut.hosts;
            } else {
                zone.child_ns = cut.hosts;
            }
            self.zones.insert(apex.clone(), zone);
            self.open_ds.insert(apex.clone());
            for host in wanted {
                self.want_host(&host);
            }
        }
        for (held, zone) in &mut self.place {
            if zone.as_str() == above && is_at_or_below(held, &apex) {
                zone.clone_from(&apex);
            }
        }
        self.place.insert(apex.clone(), apex.clone());
        self.open_names.remove(&apex);
        self.asked_names.remove(&name);
        if name != apex {
            // The cut is above the name: go on from there. The name's parent lies in the new zone now, so this ends.
            self.open_names.insert(name);
        }
    }

    /// The zone that holds a name that was wanted, as far down as the walk came.
    pub(super) fn zone_of(&self, name: &str) -> String {
        self.nearest(name)
    }

    /// The zone and those above it, the root last.
    pub(super) fn chain(&self, zone: &str) -> Vec<String> {
        let above = |name: &String| self.zones.get(name).and_then(|zone| zone.parent.clone());
        std::iter::successors(Some(zone.to_owned()), above).take(LABELS + 1).collect()
    }
}

impl Luck {
    fn is_hopeless(self) -> bool {
        self.answered == 0 && self.unanswered >= HOPELESS
    }
}
