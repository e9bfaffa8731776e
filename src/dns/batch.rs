//! [`Batch`]: many levels through one resolver: bounded in flight, paced, retried, each level asked once.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::breaker::Breaker;
use super::exchange::{Exchange, Question};
use super::lookup::{Asker, Cost, Patience};
use super::resolver::Resolver;
use crate::caa::{Lookup, LookupFailure, LookupOutcome};
use crate::limit::{Endpoint, Throttle};
use crate::name::{NameTree, NodeId};

/// Questions in flight that backing off never goes below.
const LEAST_IN_FLIGHT: usize = 8;
/// A failure this slow holds up others, in milliseconds.
const SLOW_MS: u64 = 1000;

/// How a batch is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchPlan {
    /// Levels in flight at most. Resolvers lose answers beyond a few hundred.
    pub in_flight: usize,
    /// How long each transmission may take.
    pub timeout: Duration,
    /// Transmissions after the first one, after silence only.
    pub retries: u8,
    /// Whether to ask again after a failure: with checking disabled after SERVFAIL, and for an address.
    pub follow_up: bool,
    /// Whether zones whose servers do not answer are spared most of their levels.
    pub spare: bool,
}

impl Default for BatchPlan {
    fn default() -> Self {
        Self { in_flight: 192, timeout: Duration::from_secs(4), retries: 2, follow_up: true, spare: true }
    }
}

/// What a batch did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchTally {
    /// Levels asked.
    pub levels: u64,
    /// What it cost.
    pub cost: Cost,
    /// Levels not asked, since their zone did not answer for many before them.
    pub inferred: u64,
    /// Those zones with the number of levels inferred in each, in the order of the tree.
    pub dead_zones: Vec<(String, u64)>,
}

/// A way to ask many levels.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// What carries the questions.
    pub exchange: &'a dyn Exchange,
    /// What paces them.
    pub throttle: &'a Throttle,
    /// How they are asked.
    pub plan: BatchPlan,
}

impl Batch<'_> {
    /// Asks `resolver` for CAA at each of `levels`, those near the TLD first, and tells each lookup as it ends, in no
    /// certain order. Every level is told once; a level listed twice is asked twice.
    ///
    /// Several resolvers are asked side by side by several calls.
    pub async fn run(
        &self,
        resolver: &Resolver,
        tree: &NameTree,
        levels: impl IntoIterator<Item = NodeId>,
        mut done: impl FnMut(NodeId, Lookup),
    ) -> BatchTally {
        let endpoint = Endpoint::Resolver(resolver.name.clone());
        let patience = Patience {
            timeout: self.plan.timeout,
            tries: self.plan.retries.saturating_add(1),
            follow_up: self.plan.follow_up,
        };
        let asker = Asker { exchange: self.exchange, throttle: self.throttle, resolver, endpoint: &endpoint, patience };
        let mut queue = by_depth(tree, levels);
        let (mut breaker, mut tally, mut owners) = (Breaker::default(), BatchTally::default(), Owners::default());
        let mut window = Window::new(self.plan.in_flight, self.plan.timeout);
        let mut running = FuturesUnordered::new();
        let mut samples = 0_usize;
        loop {
            let mut wait = None;
            while running.len() < window.open {
                let Some(level) = queue.front().copied() else { break };
                if self.plan.spare && samples == 0 && !breaker.may_ask(tree, level) {
                    queue.pop_front();
                    continue;
                }
                if !self.is_kept(resolver, tree.name(level))
                    && let Err(time) = self.throttle.try_turn(&endpoint)
                {
                    wait = Some(time);
                    break;
                }
                queue.pop_front();
                samples = samples.saturating_sub(1);
                running.push(async move { (level, asker.lookup(tree.name(level)).await) });
            }
            let ended = match wait {
                None => running.next().await,
                Some(time) => {
                    let turn = pin!(tokio::time::sleep(time));
                    tokio::select! {
                        biased;
                        Some(ended) = running.next() => Some(ended),
                        () = turn => continue,
                    }
                }
            };
            let Some((level, (mut lookup, cost))) = ended else {
                // Nothing runs and nothing waits: the queue is empty.
                queue.extend(breaker.last_samples());
                samples = queue.len();
                if samples == 0 {
                    break;
                }
                continue;
            };
            tally.levels += 1;
            tally.cost.add(&cost);
            window.note(&lookup);
            match (self.plan.spare, is_slow_failure(&lookup)) {
                (true, true) => breaker.failed(tree, level),
                (true, false) => queue.extend(breaker.answered(tree, level)),
                (false, _) => {}
            }
            owners.share(&mut lookup);
            done(level, lookup);
        }
        let transport = resolver.servers[0].transport();
        for (zone, aside) in breaker.finish() {
            let count = aside.len() as u64;
            tally.inferred += count;
            tally.dead_zones.push((tree.name(zone).to_owned(), count));
            for level in aside {
                let outcome = LookupOutcome::Failed(LookupFailure::NotAsked);
                done(level, Lookup { tries: 0, ..Lookup::bare(outcome, transport) });
            }
        }
        tally
    }
}

impl Batch<'_> {
    /// Whether the answer is at hand, so that it needs no turn.
    fn is_kept(&self, resolver: &Resolver, name: &str) -> bool {
        self.exchange.keeps() && self.exchange.is_kept(&resolver.servers[0], &Question::to_resolver(name))
    }
}

/// Levels near the TLD first: what they tell of a zone saves questions below it. Otherwise in the order given.
fn by_depth(tree: &NameTree, levels: impl IntoIterator<Item = NodeId>) -> VecDeque<NodeId> {
    let mut depths: Vec<Vec<NodeId>> = Vec::new();
    for level in levels {
        let depth = tree.levels(level).count();
        if depths.len() < depth {
            depths.resize_with(depth, Vec::new);
        }
        depths[depth - 1].push(level);
    }
    depths.into_iter().flatten().collect()
}

fn is_slow_failure(lookup: &Lookup) -> bool {
    let LookupOutcome::Failed(failure) = &lookup.outcome else { return false };
    match failure {
        LookupFailure::Timeout(_) => true,
        LookupFailure::Network(_) | LookupFailure::NotAsked => false,
        LookupFailure::ServFail
        | LookupFailure::Refused
        | LookupFailure::FormErr
        | LookupFailure::NotImp
        | LookupFailure::OtherRcode(_)
        | LookupFailure::Truncated
        | LookupFailure::Malformed(_)
        | LookupFailure::Referral
        | LookupFailure::AliasLoop => lookup.rtt_ms.is_none_or(|time| time >= SLOW_MS),
    }
}

/// How many levels may be in flight: fewer after losses, more again while all goes well.
struct Window {
    open: usize,
    most: usize,
    in_row: usize,
    pause: Duration,
    narrowed: Option<Instant>,
}

impl Window {
    fn new(most: usize, pause: Duration) -> Self {
        let most = most.max(1);
        Self { open: most, most, in_row: 0, pause, narrowed: None }
    }

    /// An answer that needed more than one try was lost on the way: too much at once. Silence in every try is a loss too if
    /// nothing else answered since the last one; else it is the zone that is silent.
    fn note(&mut self, lookup: &Lookup) {
        let silent = matches!(lookup.outcome, LookupOutcome::Failed(LookupFailure::Timeout(_)));
        if lookup.tries <= 1 && !silent {
            self.in_row += 1;
            if self.in_row.is_multiple_of(8) && self.open < self.most {
                self.open += 1;
            }
            return;
        }
        let lost = !silent || self.in_row == 0;
        self.in_row = 0;
        if lost && self.narrowed.is_none_or(|at| at.elapsed() > self.pause) {
            self.open = (self.open / 2).max(LEAST_IN_FLIGHT.min(self.most));
            self.narrowed = Some(Instant::now());
        }
    }
}

/// The SOA owner of the last answer: its neighbours have the same and share it.
#[derive(Default)]
struct Owners(Option<Arc<str>>);

impl Owners {
    fn share(&mut self, lookup: &mut Lookup) {
        let Some(owner) = &lookup.soa_owner else { return };
        match &self.0 {
            Some(known) if known == owner => lookup.soa_owner = Some(Arc::clone(known)),
            Some(_) | None => self.0 = Some(Arc::clone(owner)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caa::{Soa, Transport};

    #[test]
    fn losses_narrow_the_window_and_answers_widen_it_again() {
        let mut window = Window::new(64, Duration::ZERO);
        let good = Lookup::bare(LookupOutcome::NoData(Soa::Present), Transport::Udp);
        let late = Lookup { tries: 2, ..good.clone() };
        let silent =
            Lookup { tries: 3, ..Lookup::bare(LookupOutcome::Failed(LookupFailure::Timeout(1)), Transport::Udp) };
        window.note(&good);
        window.note(&silent);
        assert_eq!(window.open, 64, "others answer: the zone is silent, not the resolver");
        window.note(&silent);
        assert_eq!(window.open, 32);
        for _ in 0..8 {
            std::thread::sleep(Duration::from_millis(1));
            window.note(&late);
        }
        assert_eq!(window.open, LEAST_IN_FLIGHT);
        for _ in 0..8 * 60 {
            window.note(&good);
        }
        assert_eq!(window.open, 64);
    }

    #[test]
    fn levels_near_the_tld_come_first() {
        let mut tree = NameTree::new();
        for name in ["a.b.example.net", "x.org"] {
            tree.insert_level(&crate::name::DomainName::parse(name).unwrap());
        }
        let order: Vec<_> = by_depth(&tree, tree.nodes()).into_iter().map(|level| tree.name(level)).collect();
        assert_eq!(order, ["net", "org", "example.net", "x.org", "b.example.net", "a.b.example.net"]);
    }
}
