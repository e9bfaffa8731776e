//! Where an audit's lookups come from: nowhere, a scenario, or resolvers. A level that several domains share is asked once.

use std::collections::{BTreeMap, BTreeSet};

use super::domain::Prepared;
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
    Live(Live),
}

/// Resolvers, and what paces questions to them.
pub struct Live {
    /// How questions travel.
    pub exchange: Box<dyn Exchange>,
    /// Limits, shared by all domains.
    pub throttle: std::sync::Arc<Throttle>,
    /// Each is a view of its own.
    pub resolvers: Vec<Resolver>,
    /// How they are asked.
    pub plan: BatchPlan,
    /// Where questions wait for answers.
    pub runtime: tokio::runtime::Runtime,
}

/// Lookups that need not be made again: shared levels, and what a killed run had asked for unfinished domains.
#[derive(Debug, Default)]
pub struct Memory {
    by_level: BTreeMap<String, Vec<(String, Lookup)>>,
}

/// A level, a view, and what the view said.
pub type Told = (String, String, Lookup);

impl Memory {
    /// Takes a lookup.
    pub fn insert(&mut self, (level, view, lookup): Told) {
        let views = self.by_level.entry(level).or_default();
        if views.iter().all(|(known, _)| *known != view) {
            views.push((view, lookup));
        }
    }

    fn has(&self, level: &str, view: &str) -> bool {
        self.by_level.get(level).is_some_and(|views| views.iter().any(|(known, _)| known == view))
    }

    /// Forgets the levels that no other domain shares.
    pub fn forget_own(&mut self) {
        self.by_level.retain(|level, _| is_shared(level));
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
    /// Asks every level of `chunk` that is not in memory, each once, all resolvers side by side. `told` hears of each
    /// lookup as it ends; levels that a breaker spared are not told, so that they are asked another time.
    pub fn ask(&self, chunk: &[Prepared], memory: &mut Memory, told: &mut dyn FnMut(&Told)) {
        let mut tree = NameTree::new();
        let levels: BTreeSet<&str> = chunk
            .iter()
            .flat_map(|prepared| prepared.levels().iter().map(|&level| prepared.issued.tree.name(level)))
            .collect();
        let nodes: Vec<NodeId> =
            levels.iter().filter_map(|level| Some(tree.insert_level(&DomainName::parse(level).ok()?))).collect();
        let batch = Batch { exchange: self.exchange.as_ref(), throttle: &self.throttle, plan: self.plan };
        let found = std::sync::Mutex::new((Vec::new(), told));
        let (tree, known) = (&tree, &*memory);
        let all = self.resolvers.iter().map(|resolver| {
            let missing: Vec<NodeId> =
                nodes.iter().copied().filter(|&node| !known.has(tree.name(node), &resolver.name)).collect();
            let found = &found;
            async move {
                let done = |node: NodeId, lookup: Lookup| {
                    let entry = (tree.name(node).to_owned(), resolver.name.clone(), lookup);
                    let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    if entry.2.outcome != LookupOutcome::Failed(LookupFailure::NotAsked) {
                        (found.1)(&entry);
                    }
                    found.0.push(entry);
                };
                batch.run(resolver, tree, missing, done).await;
            }
        });
        self.runtime.block_on(futures::future::join_all(all));
        let (found, _) = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        for entry in found {
            memory.insert(entry);
        }
    }

    /// What memory holds of the levels of one domain; views in the order of the resolvers.
    #[must_use]
    pub fn lookups(&self, prepared: &Prepared, memory: &Memory) -> Lookups {
        let tree = &prepared.issued.tree;
        let of = |level: NodeId| {
            let views = memory.by_level.get(tree.name(level))?;
            let in_order =
                self.resolvers.iter().filter_map(|resolver| views.iter().find(|(view, _)| *view == resolver.name));
            Some((level, in_order.cloned().collect()))
        };
        prepared.levels().iter().filter_map(|&level| of(level)).collect()
    }
}
