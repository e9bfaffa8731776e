//! The lookups of a run: every chosen level through every resolver, side by side, live or from a recording.

use std::cell::RefCell;
use std::collections::BTreeMap;

use futures::future::join_all;

use super::judge::Lookups;
use crate::caa::Lookup;
use crate::case::DnsExchange;
use crate::dns::{Batch, BatchPlan, BatchTally, Exchange, Replay, Resolver};
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
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
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
    let found = RefCell::new(BTreeMap::<NodeId, Vec<(usize, String, Lookup)>>::new());
    let take = |place: usize, level, lookup| {
        let resolver = &plan.resolvers[place % plan.resolvers.len()].name;
        done(resolver, level, &lookup);
        found.borrow_mut().entry(level).or_default().push((place, resolver.clone(), lookup));
    };
    let tally = look_up_each(plan, tree, levels, &take).await;
    let in_order = |(level, mut views): (NodeId, Vec<(usize, String, Lookup)>)| {
        views.sort_by_key(|(place, ..)| *place);
        (level, views.into_iter().map(|(_, resolver, lookup)| (resolver, lookup)).collect())
    };
    (found.into_inner().into_iter().map(in_order).collect(), tally)
}

/// Looks up all levels; `take` gets each lookup as it ends, with its place among those of its level: resolvers in their
/// order, round by round.
pub async fn look_up_each(
    plan: &LookupPlan<'_>,
    tree: &NameTree,
    levels: &[NodeId],
    take: &dyn Fn(usize, NodeId, Lookup),
) -> LookupTally {
    let mut tally = LookupTally::default();
    let passed_over = plan.exchange.passed_over();
    for round in 0..plan.repeat.max(1) as usize {
        let batch = Batch { exchange: plan.exchange, throttle: plan.throttle, plan: plan.batch };
        let views = plan.resolvers.iter().enumerate().map(|(at, resolver)| async move {
            let place = round * plan.resolvers.len() + at;
            let levels = levels.iter().copied();
            (resolver, batch.run(resolver, tree, levels, |level, lookup| take(place, level, lookup)).await)
        });
        for (resolver, of_batch) in join_all(views).await {
            tally.add(resolver, &of_batch);
        }
    }
    let passed_over = plan.exchange.passed_over() - passed_over;
    if passed_over > 0 {
        tally.notes.push(format!(
            "{passed_over} datagrams from resolvers fitted no question (another id, name or type) and were passed over"
        ));
    }
    tally
}

impl LookupTally {
    fn add(&mut self, resolver: &Resolver, batch: &BatchTally) {
        self.queries += batch.cost.queries;
        self.notes.extend(batch.dead_zones.iter().map(|(zone, levels)| {
            format!("{levels} levels below {zone} were not asked at {resolver}: the levels before them got no answer")
        }));
    }
}

/// How the lookups that are told again were made.
#[derive(Debug, Clone)]
pub struct ReplayPlan {
    /// Who was asked.
    pub resolvers: Vec<Resolver>,
    /// Tries after the first one.
    pub retries: u8,
    /// How often everything was asked.
    pub repeat: u32,
}

/// The same from recorded messages: nothing is sent, nobody is burdened. What was not asked then is not asked now.
pub async fn replay(messages: Vec<DnsExchange>, kept: &ReplayPlan, tree: &NameTree, levels: &[NodeId]) -> Lookups {
    let exchange = Replay::new(messages);
    let throttle = Throttle::new(Rates { resolver: Rate::Unlimited, ..Rates::default() });
    let batch = BatchPlan { retries: kept.retries, spare: false, ..BatchPlan::default() };
    let plan =
        LookupPlan { resolvers: &kept.resolvers, exchange: &exchange, throttle: &throttle, batch, repeat: kept.repeat };
    look_up(&plan, tree, levels, &|_, _, _| {}).await.0
}
