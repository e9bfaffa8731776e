//! Where an audit's lookups come from: nowhere, a scenario, or resolvers. A level that several domains share is asked once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::domain::Prepared;
use super::name_servers::NameServers;
use crate::caa::{Lookup, LookupFailure, LookupOutcome};
use crate::dns::{Batch, BatchPlan, Exchange, Resolver, Script};
use crate::investigate::Lookups;
use crate::limit::Throttle;
use crate::name::{DomainName, NameTree, NodeId, registered_domain};

/// Where lookups come from.
pub enum Dns {
    /// Nowhere: rows say nothing of CAA.
    None,
    /// A scenario file.
    Script(Script),
    /// Resolvers.
    Live(Box<Live>),
}

/// Resolvers, and what paces questions to them.
pub struct Live {
    /// How questions travel.
    pub exchange: Box<dyn Exchange>,
    /// Limits, shared by all domains.
    pub throttle: Arc<Throttle>,
    /// Each is a view of its own.
    pub resolvers: Vec<Resolver>,
    /// How they are asked.
    pub plan: BatchPlan,
    /// How often everything is asked; 0 counts as 1.
    pub repeat: u32,
    /// Whether and how the zones' own name servers are asked.
    pub name_servers: NameServers,
}

/// Lookups that need not be made again: shared levels, and what a killed run had asked for unfinished domains.
#[derive(Debug, Default)]
pub struct Memory {
    by_level: BTreeMap<String, Vec<(String, Lookup)>>,
}

/// A level, a view, which of its answers this is (from 0), and what the view said.
pub struct Told<'a> {
    /// The level.
    pub level: &'a str,
    /// The resolver.
    pub view: &'a str,
    /// How many answers of this view to this question came before.
    pub nth: u32,
    /// The answer.
    pub lookup: &'a Lookup,
}

impl Memory {
    /// Takes a lookup.
    pub fn insert(&mut self, level: String, view: String, lookup: Lookup) {
        self.by_level.entry(level).or_default().push((view, lookup));
    }

    /// How often a view was asked about a level.
    fn answers(&self, level: &str, view: &str) -> u32 {
        let views = self.by_level.get(level).map_or(&[][..], Vec::as_slice);
        u32::try_from(views.iter().filter(|(known, _)| known == view).count()).unwrap_or(u32::MAX)
    }

    /// Forgets levels.
    pub fn forget<'a>(&mut self, levels: impl IntoIterator<Item = &'a str>) {
        for level in levels {
            self.by_level.remove(level);
        }
    }
}

/// Whether several registered domains share a level: a public suffix, or closer to the root.
#[must_use]
pub fn is_shared(level: &str) -> bool {
    registered_domain(level).is_none()
}

/// What a scenario says of the levels of a domain.
#[must_use]
pub fn scripted(prepared: &Prepared, script: &Script) -> Lookups {
    let tree = &prepared.issued.tree;
    let answer = |level| script.lookups(&tree.domain_name(level));
    prepared.levels().iter().map(|&level| (level, answer(level))).collect()
}

impl Live {
    /// Asks every level of `chunk` as often as wanted, less what is in memory, all resolvers side by side. `told` hears of
    /// each lookup as it ends; levels that a breaker spared are not told, so that they are asked another time.
    pub async fn ask(&self, chunk: &[Prepared], memory: &mut Memory, told: &mut dyn FnMut(&Told<'_>)) {
        let mut tree = NameTree::new();
        let levels: BTreeSet<&str> = chunk
            .iter()
            .flat_map(|prepared| prepared.levels().iter().map(|&level| prepared.issued.tree.name(level)))
            .collect();
        let nodes: Vec<NodeId> =
            levels.iter().filter_map(|level| Some(tree.insert_level(&DomainName::parse(level).ok()?))).collect();
        for _ in 0..self.repeat.max(1) {
            self.ask_once(&tree, &nodes, memory, told).await;
        }
    }

    /// Asks every level once that was not asked often enough.
    async fn ask_once(&self, tree: &NameTree, nodes: &[NodeId], memory: &mut Memory, told: &mut dyn FnMut(&Told<'_>)) {
        let batch = Batch { exchange: self.exchange.as_ref(), throttle: &self.throttle, plan: self.plan };
        let found = Mutex::new((Vec::new(), told));
        let known = &*memory;
        let all = self.resolvers.iter().map(|resolver| {
            let answers = |node: NodeId| known.answers(tree.name(node), &resolver.name);
            let missing: Vec<NodeId> =
                nodes.iter().copied().filter(|&node| answers(node) < self.repeat.max(1)).collect();
            let found = &found;
            async move {
                let done = |node: NodeId, lookup: Lookup| {
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    let (level, nth) = (tree.name(node), answers(node));
                    if lookup.outcome != LookupOutcome::Failed(LookupFailure::NotAsked) {
                        (found.1)(&Told { level, view: &resolver.name, nth, lookup: &lookup });
                    }
                    found.0.push((level.to_owned(), resolver.name.clone(), lookup));
                };
                batch.run(resolver, tree, missing, done).await;
            }
        });
        futures::future::join_all(all).await;
        let (found, _) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (level, view, lookup) in found {
            memory.insert(level, view, lookup);
        }
    }

    /// What memory holds of the levels of one domain; views in the order of the resolvers.
    #[must_use]
    pub fn lookups(&self, prepared: &Prepared, memory: &Memory) -> Lookups {
        let tree = &prepared.issued.tree;
        let of = |level: NodeId| {
            let views = memory.by_level.get(tree.name(level))?;
            let in_order =
                self.resolvers.iter().flat_map(|resolver| views.iter().filter(|(view, _)| *view == resolver.name));
            Some((level, in_order.cloned().collect()))
        };
        prepared.levels().iter().filter_map(|&level| of(level)).collect()
    }
}
