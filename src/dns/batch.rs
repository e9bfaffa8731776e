//! [`Batch`]: many levels through one resolver: bounded in flight, paced, retried, each level asked once.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::breaker::Breaker;
use super::exchange::{Exchange, ExchangeError, Question, Reply};
use super::flow::{Ended, Flow};
use super::lookup::{Asker, Cost, Owners, Patience, Ways, negative};
use super::resolver::Resolver;
use crate::caa::{Lookup, LookupFailure, LookupOutcome, Transport};
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
    /// Transmissions after the first one, after silence only. Unless there are none, one more goes over TCP where no datagram
    /// came from the resolver so far.
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
        done: impl FnMut(NodeId, Lookup),
    ) -> BatchTally {
        let endpoint = Endpoint::Resolver(resolver.name.clone());
        let patience = Patience {
            timeout: self.plan.timeout,
            tries: self.plan.retries.saturating_add(1),
            follow_up: self.plan.follow_up,
        };
        let ways = Ways::default();
        let asker = Asker {
            exchange: self.exchange,
            throttle: self.throttle,
            resolver,
            endpoint: &endpoint,
            patience,
            ways: &ways,
        };
        let turns = self.throttle.turns(&endpoint);
        let mut course = Course::new(self.plan, tree, levels, &ways, done);
        let mut flow = self.exchange.flow(&resolver.servers[0], self.plan.timeout);
        let mut running = FuturesUnordered::new();
        // What came of first transmissions that is no plain answer.
        let mut odd = Vec::new();
        let lookup = |level, first| async move { (level, asker.lookup(tree.name(level), first).await) };
        loop {
            running.extend(odd.drain(..).map(|(level, first)| lookup(level, Some(first))));
            let mut turn = None;
            while running.len() + flow.as_ref().map_or(0, Flow::waiting) < course.window.open {
                let Some(level) = course.next() else { break };
                if !self.is_kept(resolver, tree.name(level))
                    && let Err(time) = turns.try_turn()
                {
                    course.put_back(level);
                    turn = Some(Box::pin(tokio::time::sleep(time)));
                    break;
                }
                match flow.as_mut().filter(|_| !ways.only_tcp()).map(|flow| flow.ask(level, tree.name(level))) {
                    Some(Ok(())) => {}
                    Some(Err(error)) => running.push(lookup(level, Some(Err(error)))),
                    None => running.push(lookup(level, None)),
                }
            }
            if let Some(flow) = &mut flow {
                flow.flush(&mut |level, ended| course.first(level, ended, &mut odd));
            }
            let idle = running.is_empty() && odd.is_empty() && flow.as_ref().is_none_or(|flow| flow.waiting() == 0);
            if idle && turn.is_none() {
                if course.sample() {
                    continue;
                }
                break;
            }
            poll_fn(|cx| {
                let mut ready = !odd.is_empty();
                if let Some(flow) = &mut flow {
                    let mut ended = |level, ended: Ended<'_>| course.first(level, ended, &mut odd);
                    ready |= flow.poll(cx, &mut ended).is_ready();
                }
                while let Poll::Ready(Some((level, (lookup, cost)))) = running.poll_next_unpin(cx) {
                    course.ended(level, lookup, &cost);
                    ready = true;
                }
                ready |= turn.as_mut().is_some_and(|turn| turn.as_mut().poll(cx).is_ready());
                if ready { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        course.finish(resolver.servers[0].transport())
    }

    /// Whether the answer is at hand, so that it needs no turn.
    fn is_kept(&self, resolver: &Resolver, name: &str) -> bool {
        self.exchange.keeps() && self.exchange.is_kept(&resolver.servers[0], &Question::to_resolver(name))
    }
}

/// Where a batch stands: what is to be asked, and what came of it so far.
struct Course<'t, F> {
    tree: &'t NameTree,
    queue: VecDeque<NodeId>,
    /// Whether zones whose servers do not answer are spared.
    spare: bool,
    breaker: Breaker,
    /// Levels at the head of the queue that are asked whatever the breaker says.
    samples: usize,
    window: Window,
    owners: Owners,
    tally: BatchTally,
    ways: &'t Ways,
    done: F,
}

impl<'t, F: FnMut(NodeId, Lookup)> Course<'t, F> {
    fn new(
        plan: BatchPlan,
        tree: &'t NameTree,
        levels: impl IntoIterator<Item = NodeId>,
        ways: &'t Ways,
        done: F,
    ) -> Self {
        Self {
            tree,
            ways,
            queue: by_depth(tree, levels),
            spare: plan.spare,
            breaker: Breaker::default(),
            samples: 0,
            window: Window::new(plan.in_flight, plan.timeout),
            owners: Owners::default(),
            tally: BatchTally::default(),
            done,
        }
    }

    /// The next level to ask.
    fn next(&mut self) -> Option<NodeId> {
        loop {
            let level = self.queue.pop_front()?;
            if self.samples > 0 {
                self.samples -= 1;
                return Some(level);
            }
            if !self.spare || self.breaker.may_ask(self.tree, level) {
                return Some(level);
            }
        }
    }

    /// A level that has to wait for its turn.
    fn put_back(&mut self, level: NodeId) {
        self.queue.push_front(level);
        self.samples += 1;
    }

    /// Queues some levels below zones that may be dead; whether there are any.
    fn sample(&mut self) -> bool {
        self.queue.extend(self.breaker.last_samples());
        self.samples = self.queue.len();
        self.samples > 0
    }

    /// What came of a level's first transmission: its end where it is plain.
    fn first(&mut self, level: NodeId, ended: Ended<'_>, odd: &mut Vec<(NodeId, Result<Reply, ExchangeError>)>) {
        let name = self.tree.name(level);
        match ended {
            Ok(datagram) => match negative(name, datagram.bytes, datagram.rtt_us, &mut self.owners) {
                Some(lookup) => {
                    self.ways.udp_answers();
                    self.ended(level, lookup, &Cost { queries: 1, ..Cost::default() });
                }
                None => odd.push((level, Ok(datagram.reply(&Question::to_resolver(name))))),
            },
            Err(error) => odd.push((level, Err(error))),
        }
    }

    /// The lookup of a level ended.
    fn ended(&mut self, level: NodeId, mut lookup: Lookup, cost: &Cost) {
        self.tally.levels += 1;
        self.tally.cost.add(cost);
        self.window.note(&lookup);
        match (self.spare, is_slow_failure(&lookup)) {
            (true, true) => self.breaker.failed(self.tree, level),
            (true, false) => self.queue.extend(self.breaker.answered(self.tree, level)),
            (false, _) => {}
        }
        if let Some(owner) = &lookup.soa_owner {
            lookup.soa_owner = Some(self.owners.shared(owner));
        }
        (self.done)(level, lookup);
    }

    /// Tells of the levels that were never asked.
    fn finish(mut self, transport: Transport) -> BatchTally {
        for (zone, aside) in self.breaker.finish() {
            let count = aside.len() as u64;
            self.tally.inferred += count;
            self.tally.dead_zones.push((self.tree.name(zone).to_owned(), count));
            for level in aside {
                let outcome = LookupOutcome::Failed(LookupFailure::NotAsked);
                (self.done)(level, Lookup { tries: 0, ..Lookup::bare(outcome, transport) });
            }
        }
        self.tally
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caa::Soa;

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
