//! Many levels through one resolver: each asked once, what is asked again and why, and what a dead zone costs.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use ctclimb::caa::{Lookup, LookupFailure, LookupOutcome, Soa, Transport};
use ctclimb::dns::{Batch, BatchPlan, BatchTally, Recorder, Replay, Resolver, Server, Sockets};
use ctclimb::limit::{Rate, Rates, Throttle};
use ctclimb::name::{DomainName, NameTree};
use jiff::Timestamp;

use crate::dns_server::{Act, DnsServer, Query};

/// What a server does with a query.
type Answer = fn(&Query) -> Vec<Act>;

fn plan(timeout: u64) -> BatchPlan {
    BatchPlan { timeout: Duration::from_millis(timeout), ..BatchPlan::default() }
}

/// Generous: an answer is never taken for lost on a busy machine.
fn patient() -> BatchPlan {
    plan(20_000)
}

fn throttle() -> Throttle {
    Throttle::new(Rates { resolver: Rate::Unlimited, ..Rates::default() })
}

fn tree(names: &[&str]) -> NameTree {
    let mut tree = NameTree::new();
    for name in names {
        tree.insert_level(&DomainName::parse(name).unwrap());
    }
    tree
}

fn resolver(server: &DnsServer) -> Resolver {
    Resolver::parse(&server.address.to_string()).unwrap()
}

/// Runs over all levels of the names: lookups by level.
async fn run(names: &[&str], plan: BatchPlan, server: &DnsServer) -> (BTreeMap<String, Lookup>, BatchTally) {
    let (tree, sockets, throttle) = (tree(names), Sockets::new(), throttle());
    let batch = Batch { exchange: &sockets, throttle: &throttle, plan };
    let mut lookups = BTreeMap::new();
    let tally = batch
        .run(&resolver(server), &tree, tree.nodes(), |level, lookup| {
            assert!(lookups.insert(tree.name(level).to_owned(), lookup).is_none());
        })
        .await;
    assert_eq!(lookups.len(), tree.len());
    (lookups, tally)
}

async fn one(plan: BatchPlan, answer: impl Fn(&Query) -> Vec<Act> + Send + Sync + 'static) -> (Lookup, BatchTally) {
    let server = DnsServer::start(answer).await;
    let (lookups, tally) = run(&["example"], plan, &server).await;
    assert_eq!(server.log().len() as u64, tally.cost.queries);
    (lookups["example"].clone(), tally)
}

#[tokio::test]
async fn every_level_is_asked_once() {
    let server = DnsServer::start(|query| match &*query.name {
        "example.net" => query.reply(0).caa("example.net", 0, "issue", "ca.example").send(),
        "b.example.net" => query.reply(3).soa("example.net").send(),
        _ => query.reply(0).soa("net").send(),
    })
    .await;
    let (lookups, tally) = run(&["a.b.example.net", "b.example.net", "c.example.net"], patient(), &server).await;
    assert_eq!((tally.levels, tally.cost.queries, tally.cost.retries), (5, 5, 0));
    assert_eq!(server.log().len(), 5);
    assert!(matches!(&lookups["example.net"].outcome, LookupOutcome::Records(records) if records.len() == 1));
    assert_eq!(lookups["b.example.net"].outcome, LookupOutcome::NxDomain(Soa::Present));
    assert_eq!(lookups["b.example.net"].soa_owner.as_deref(), Some("example.net"));
    assert_eq!(lookups["net"].outcome, LookupOutcome::NoData(Soa::Present));
    assert_eq!((lookups["net"].tries, lookups["net"].transport), (1, Transport::Udp));
}

#[tokio::test]
async fn silence_is_asked_again_and_nothing_else() {
    let lost_once = |query: &Query| if query.nth == 0 { Vec::new() } else { query.reply(0).send() };
    let (lookup, tally) = one(plan(2000), lost_once).await;
    assert_eq!((lookup.outcome, lookup.tries), (LookupOutcome::NoData(Soa::Missing), 2));
    assert_eq!((tally.cost.queries, tally.cost.retries), (2, 1));

    let (lookup, tally) = one(plan(100), |_| Vec::new()).await;
    assert_eq!((lookup.outcome, lookup.tries), (LookupOutcome::Failed(LookupFailure::Timeout(300)), 3));
    assert_eq!((tally.cost.queries, tally.cost.retries, tally.cost.follow_ups), (5, 2, 1));
    assert_eq!((tally.cost.over_tcp, lookup.address_answers), (1, Some(false)), "nothing came over UDP: TCP once");
    let (_, tally) = one(BatchPlan { retries: 0, ..plan(100) }, |_| Vec::new()).await;
    assert_eq!((tally.cost.queries, tally.cost.retries, tally.cost.over_tcp), (2, 0, 0));

    let (lookup, tally) = one(patient(), |query| query.reply(5).send()).await;
    assert_eq!((lookup.outcome, lookup.tries), (LookupOutcome::Failed(LookupFailure::Refused), 1));
    assert_eq!((tally.cost.retries, tally.cost.follow_ups), (0, 1));
}

#[tokio::test]
async fn a_resolver_whose_datagrams_are_lost_is_asked_over_tcp() {
    let server = DnsServer::start(|query| if query.tcp { query.reply(0).soa("net").send() } else { Vec::new() }).await;
    let (lookups, tally) =
        run(&["a.example.net", "b.example.net"], BatchPlan { in_flight: 1, ..plan(100) }, &server).await;
    for (name, lookup) in &lookups {
        assert_eq!(
            (&lookup.outcome, lookup.transport),
            (&LookupOutcome::NoData(Soa::Present), Transport::Tcp),
            "{name}"
        );
    }
    // What is learnt of the first level spares the others their tries.
    assert_eq!((tally.levels, tally.cost.retries, tally.cost.over_tcp), (4, 2, 1));
    assert_eq!(server.log().iter().filter(|query| !query.tcp).count(), 3);
    // Once a datagram came back, silence is a matter of what was asked for.
    let lost =
        |query: &Query| if query.name == "net" || query.tcp { query.reply(0).soa("net").send() } else { Vec::new() };
    let server = DnsServer::start(lost).await;
    let (lookups, tally) = run(&["example.net"], plan(100), &server).await;
    assert_eq!(lookups["example.net"].outcome, LookupOutcome::Failed(LookupFailure::Timeout(300)));
    assert_eq!(tally.cost.over_tcp, 0);
}

#[tokio::test]
async fn after_servfail_the_unchecked_answer_and_an_address_are_asked_for() {
    let bogus = |query: &Query| match (query.rtype, query.checking_disabled()) {
        (257, false) => query.reply(2).record(2, "", 41, b"\0\x0f\0\x02\0\x07").send(),
        (257, true) => query.reply(0).caa(&query.name, 0, "issue", ";").send(),
        _ => query.reply(2).send(),
    };
    let (lookup, tally) = one(patient(), bogus).await;
    assert_eq!(lookup.outcome, LookupOutcome::Failed(LookupFailure::ServFail));
    assert_eq!(lookup.ede[0].code, 7);
    assert!(matches!(lookup.checking_disabled.as_deref(), Some(LookupOutcome::Records(_))));
    assert_eq!((lookup.address_answers, lookup.rcode), (Some(false), Some(2)));
    assert_eq!((tally.cost.queries, tally.cost.follow_ups), (3, 2));
    let none = BatchPlan { follow_up: false, ..patient() };
    let (lookup, tally) = one(none, |query| query.reply(2).send()).await;
    assert_eq!((lookup.checking_disabled, tally.cost.queries), (None, 1));
}

#[tokio::test]
async fn a_truncated_answer_is_asked_for_over_tcp() {
    let big = |query: &Query| {
        let reply = query.reply(0);
        if query.tcp { reply.caa(&query.name, 0, "issue", ";").send() } else { reply.flags(2, 0).send() }
    };
    let (lookup, tally) = one(patient(), big).await;
    assert!(matches!(lookup.outcome, LookupOutcome::Records(_)));
    assert_eq!((lookup.transport, tally.cost.over_tcp, tally.cost.queries), (Transport::Tcp, 1, 2));
    let no_tcp = |query: &Query| if query.tcp { vec![Act::Close] } else { query.reply(0).flags(2, 0).send() };
    let (lookup, _) = one(patient(), no_tcp).await;
    assert_eq!(lookup.outcome, LookupOutcome::Failed(LookupFailure::Truncated));
    let silent_tcp = |query: &Query| if query.tcp { Vec::new() } else { query.reply(0).flags(2, 0).send() };
    let (lookup, _) = one(BatchPlan { retries: 0, follow_up: false, ..plan(1000) }, silent_tcp).await;
    assert_eq!(lookup.outcome, LookupOutcome::Failed(LookupFailure::Truncated));
}

#[tokio::test]
async fn damaged_answers_are_failures_and_never_no_data() {
    let cut = |query: &Query| query.reply(0).soa("example").with(|bytes| bytes.truncate(bytes.len() - 3)).send();
    let header_only = |query: &Query| {
        let header = |bytes: &mut Vec<u8>| {
            bytes.truncate(12);
            bytes[5] = 0;
        };
        query.reply(1).with(header).send()
    };
    let wrong_id = |query: &Query| query.reply(0).with(|bytes| bytes[0] ^= 1).send();
    let other_name = |query: &Query| query.reply(0).caa("other.example", 0, "issue", ";").send();
    let cases: [(&str, Answer); 4] =
        [("malformed", cut), ("formerr", header_only), ("malformed", wrong_id), ("malformed", other_name)];
    for (class, answer) in cases {
        let once = BatchPlan { retries: 0, follow_up: false, ..plan(1000) };
        let (lookup, _) = one(once, answer).await;
        let LookupOutcome::Failed(failure) = &lookup.outcome else { panic!("{lookup:?}") };
        assert_eq!(failure.class(), class, "{failure}");
    }
}

#[tokio::test]
async fn a_closed_port_is_told_at_once_for_every_level() {
    let closed = DnsServer::start(|_| Vec::new()).await.address;
    let (tree, sockets, throttle) = (tree(&["a.example", "b.example"]), Sockets::new(), throttle());
    let batch = Batch { exchange: &sockets, throttle: &throttle, plan: patient() };
    let resolver = Resolver::parse(&closed.to_string()).unwrap();
    let mut failures = Vec::new();
    let tally = batch.run(&resolver, &tree, tree.nodes(), |_, lookup| failures.push(lookup.outcome)).await;
    assert!(failures.iter().all(|outcome| matches!(outcome, LookupOutcome::Failed(LookupFailure::Network(_)))));
    assert_eq!((failures.len(), tally.cost.queries), (3, 3));
}

#[tokio::test]
async fn a_dead_zone_is_sampled_and_the_rest_told_as_not_asked() {
    let server =
        DnsServer::start(|query| if query.name.ends_with("dead.net") { Vec::new() } else { query.reply(0).send() });
    let server = server.await;
    let mut names: Vec<_> = (0..400).map(|index| format!("n{index}.dead.net")).collect();
    names.extend((0..50).map(|index| format!("n{index}.live.net")));
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let quick = BatchPlan { in_flight: 16, retries: 0, follow_up: false, ..plan(600) };
    let (lookups, tally) = run(&names, quick, &server).await;
    let not_asked =
        lookups.values().filter(|lookup| lookup.outcome == LookupOutcome::Failed(LookupFailure::NotAsked)).count();
    assert_eq!(not_asked as u64, tally.inferred);
    assert!(tally.inferred > 300, "{tally:?}");
    assert_eq!(tally.dead_zones, [("dead.net".to_owned(), tally.inferred)]);
    assert_eq!(tally.levels + tally.inferred, lookups.len() as u64);
    let answered = |name: &str| lookups[name].outcome == LookupOutcome::NoData(Soa::Missing);
    assert!((0..50).all(|index| answered(&format!("n{index}.live.net"))));
}

#[tokio::test]
async fn a_second_server_is_asked_after_the_first_was_silent() {
    let (silent, good) =
        (DnsServer::start(|_| Vec::new()).await, DnsServer::start(|query| query.reply(0).send()).await);
    let servers = [&silent, &good].map(|server| Server::Plain(server.address, Transport::Udp)).to_vec();
    let resolver = Resolver { name: "system".into(), servers };
    let (tree, sockets, throttle) = (tree(&["example"]), Sockets::new(), throttle());
    let batch = Batch { exchange: &sockets, throttle: &throttle, plan: plan(1500) };
    let mut lookups = Vec::new();
    batch.run(&resolver, &tree, tree.nodes(), |_, lookup| lookups.push(lookup)).await;
    assert_eq!((&lookups[0].outcome, lookups[0].tries), (&LookupOutcome::NoData(Soa::Missing), 2));
}

#[tokio::test]
async fn a_recording_replays_to_the_same_lookups_without_a_packet() {
    let server = DnsServer::start(|query| match (&*query.name, query.rtype) {
        ("example.net", 257) => query.reply(2).send(),
        ("a.example.net", _) if query.nth == 0 => Vec::new(),
        _ => query.reply(0).soa("net").send(),
    })
    .await;
    let (tree, sockets, throttle) = (tree(&["a.example.net", "b.example.net"]), Sockets::new(), throttle());
    let told = Mutex::new(Vec::new());
    let (clock, sink) = (|| Timestamp::UNIX_EPOCH, |exchange| told.lock().unwrap().push(exchange));
    let recorder = Recorder::new(&sockets, &clock, &sink);
    let resolver = resolver(&server);
    let collect = async |exchange| {
        let mut lookups = BTreeMap::new();
        let batch = Batch { exchange, throttle: &throttle, plan: plan(500) };
        let tally =
            batch.run(&resolver, &tree, tree.nodes(), |level, lookup| drop(lookups.insert(level, lookup))).await;
        (lookups, tally)
    };
    let live = collect(&recorder).await;
    let packets = server.log().len();
    let replay = Replay::new(std::mem::take(&mut *told.lock().unwrap()));
    assert_eq!(collect(&replay).await, live);
    assert_eq!(server.log().len(), packets);
}

#[tokio::test]
async fn a_lossy_way_loses_no_level() {
    // Two of three first tries are lost, and one of three second tries.
    let server = DnsServer::start(|query| {
        let number: usize = query.name.trim_start_matches('n').split('.').next().unwrap().parse().unwrap_or(0);
        let lost = match query.nth {
            0 => !number.is_multiple_of(3),
            1 => number % 3 == 1,
            _ => false,
        };
        if lost { Vec::new() } else { query.reply(3).soa("example").send() }
    })
    .await;
    let names: Vec<_> = (0..90).map(|index| format!("n{index}.example")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let (lookups, tally) = run(&names, plan(1500), &server).await;
    assert!(lookups.values().all(|lookup| lookup.outcome == LookupOutcome::NxDomain(Soa::Present)));
    assert_eq!(tally.cost.queries, server.log().len() as u64);
    assert_eq!((tally.levels, tally.cost.queries), (91, 91 + tally.cost.retries));
    assert!(tally.cost.retries >= 90, "{tally:?}");
}

#[tokio::test]
async fn resolvers_are_asked_side_by_side_and_may_disagree() {
    let good = DnsServer::start(|query| query.reply(0).caa(&query.name, 0, "issue", ";").send()).await;
    let blind = DnsServer::start(|query| query.reply(3).soa("").send()).await;
    let (tree, sockets, throttle) = (tree(&["example"]), Sockets::new(), throttle());
    let batch = Batch { exchange: &sockets, throttle: &throttle, plan: patient() };
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let (good, blind) = (resolver(&good), resolver(&blind));
    futures::join!(
        batch.run(&good, &tree, tree.nodes(), |_, lookup| first.push(lookup.outcome)),
        batch.run(&blind, &tree, tree.nodes(), |_, lookup| second.push(lookup.outcome)),
    );
    assert!(matches!(&first[..], [LookupOutcome::Records(_)]));
    assert_eq!(second, [LookupOutcome::NxDomain(Soa::Present)]);
}
