//! The lookups of a run: every chosen level through every resolver, side by side, live or from a recording.

use std::time::Duration;

use futures::future::join_all;

use super::judge::Lookups;
use crate::caa::Lookup;
use crate::case::DnsExchange;
use crate::dns::{Batch, BatchPlan, Exchange, Replay, Resolver};
use crate::limit::{Rate, Rates, Throttle};
use crate::name::{NameTree, NodeId};

/// How the levels of a run are looked up.
pub struct LookupPlan<'a> {
    /// Who is asked.
    pub resolvers: &'a [Resolver],
    /// What carries the questions.
    pub exchange: &'a dyn Exchange,
    /// What paces them.
    pub throttle: &'a Throttle,
    /// How they are asked.
    pub batch: BatchPlan,
    /// How often everything is asked.
    pub repeat: u32,
}

/// What the lookups gave beside the answers.
#[derive(Debug, Default)]
pub struct LookupTally {
    /// Queries sent, of every kind.
    pub queries: u64,
    /// What was left out, one sentence each.
    pub notes: Vec<String>,
}

/// Looks up all levels; `done` is told of each answer with the resolver's name as it comes.
pub async fn look_up(
    plan: &LookupPlan<'_>,
    tree: &NameTree,
    levels: &[NodeId],
    done: &(dyn Fn(&str, NodeId, &Lookup) + Sync),
) -> (Lookups, LookupTally) {
    let mut lookups = Lookups::new();
    let mut tally = LookupTally::default();
    for _ in 0..plan.repeat.max(1) {
        let batch = Batch { exchange: plan.exchange, throttle: plan.throttle, plan: plan.batch };
        let views = plan.resolvers.iter().map(|resolver| async move {
            let mut found = Vec::with_capacity(levels.len());
            let tally = batch
                .run(resolver, tree, levels.iter().copied(), |level, lookup| {
                    done(&resolver.name, level, &lookup);
                    found.push((level, lookup));
                })
                .await;
            (resolver, found, tally)
        });
        for (resolver, found, cost) in join_all(views).await {
            tally.queries += cost.cost.queries;
            tally.notes.extend(cost.dead_zones.iter().map(|(zone, levels)| {
                format!(
                    "{levels} levels below {zone} were not asked at {resolver}: the levels before them got no answer"
                )
            }));
            for (level, lookup) in found {
                lookups.entry(level).or_default().push((resolver.name.clone(), lookup));
            }
        }
    }
    (lookups, tally)
}

/// The same from recorded messages: nothing is sent, nobody is burdened.
pub async fn replay(
    messages: Vec<DnsExchange>,
    resolvers: &[Resolver],
    tree: &NameTree,
    levels: &[NodeId],
) -> (Lookups, LookupTally) {
    let exchange = Replay::new(messages);
    let throttle = Throttle::new(Rates { resolver: Rate::Unlimited, ..Rates::default() });
    let batch = BatchPlan { timeout: Duration::from_secs(1), ..BatchPlan::default() };
    let plan = LookupPlan { resolvers, exchange: &exchange, throttle: &throttle, batch, repeat: 1 };
    let (lookups, tally) = look_up(&plan, tree, levels, &|_, _, _| {}).await;
    (lookups, LookupTally { queries: 0, ..tally })
}
