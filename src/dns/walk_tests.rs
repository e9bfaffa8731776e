//! The walk over a small world of zones that answers at once, without sockets.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::exchange::{Exchange, ExchangeError, Question, Reply, Server};
use super::hints::RootHints;
use super::walk::{ViewOptions, authoritative_view};
use crate::caa::evidence_name::{depth, is_at_or_below};
use crate::caa::{
    AliasEnd, AuthoritativeView, DnsMessage, DsEvidence, EdnsFact, Flags, QuestionEcho, RecordData, RecordFact, rcode,
    rtype,
};
use crate::limit::{Rate, Rates, Throttle};
use crate::name::DomainName;

/// Which zones an address holds, and the records of each zone.
#[derive(Default)]
struct World {
    at: BTreeMap<IpAddr, Vec<&'static str>>,
    records: Vec<(&'static str, &'static str, RecordData)>,
    asked: Mutex<Vec<(IpAddr, String, u16)>>,
}

impl World {
    /// Lines of `ADDRESS ZONE` and `ZONE OWNER TYPE DATA`.
    fn new(text: &'static str) -> Self {
        let mut world = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match *line.split_whitespace().collect::<Vec<_>>() {
                [address, zone] => world.at.entry(address.parse().unwrap()).or_default().push(zone),
                [zone, owner, kind, data] => {
                    let data = match kind {
                        "NS" => RecordData::Ns(data.to_owned()),
                        "A" => RecordData::Address(data.parse().unwrap()),
                        "CNAME" => RecordData::Cname(data.to_owned()),
                        other => panic!("{other}"),
                    };
                    world.records.push((zone, owner, data));
                }
                _ => panic!("{line}"),
            }
        }
        world
    }

    fn answer(&self, zones: &[&str], name: &str, kind: u16) -> DnsMessage {
        let mut message = DnsMessage {
            rcode: rcode::NOERROR,
            flags: Flags { aa: true, ..Flags::default() },
            question: QuestionEcho::Same,
            answers: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            edns: Some(EdnsFact::default()),
            octets: 100,
        };
        let holds = |zone: &&&str| is_at_or_below(name, zone) && !(kind == rtype::DS && **zone == name);
        let Some(zone) = zones.iter().filter(holds).max_by_key(|zone| depth(zone)) else {
            return DnsMessage { rcode: rcode::REFUSED, ..message };
        };
        let soa = || record(zone, RecordData::Soa { serial: 1, minimum: 60 });
        let of_zone = || self.records.iter().filter(|(of, ..)| of == zone);
        let cut = of_zone().find(|(_, owner, data)| {
            matches!(data, RecordData::Ns(_)) && owner != zone && is_at_or_below(name, owner) && kind != rtype::DS
        });
        if let Some((_, cut, _)) = cut {
            message.flags.aa = false;
            message.authority.extend(of_zone().filter(|(_, o, _)| o == cut).map(|(_, o, d)| record(o, d.clone())));
            let glue = of_zone().filter(|(_, _, data)| matches!(data, RecordData::Address(_)));
            message.additional.extend(glue.map(|(_, owner, data)| record(owner, data.clone())));
            return message;
        }
        let here =
            || of_zone().filter(|(_, owner, _)| *owner == name).map(|(_, owner, data)| record(owner, data.clone()));
        message.answers.extend(here().filter(|r| r.rtype == kind || r.rtype == rtype::CNAME));
        if kind == rtype::SOA && name == *zone {
            message.answers.push(soa());
        }
        if message.answers.is_empty() {
            message.authority.push(soa());
            if !of_zone().any(|(_, owner, _)| is_at_or_below(owner, name)) && name != *zone {
                message.rcode = rcode::NXDOMAIN;
            }
        }
        message
    }
}

fn record(owner: &str, data: RecordData) -> RecordFact {
    let rtype = match data {
        RecordData::Ns(_) => rtype::NS,
        RecordData::Address(_) => rtype::A,
        RecordData::Cname(_) => rtype::CNAME,
        _ => rtype::SOA,
    };
    RecordFact { owner: owner.to_owned(), rtype, ttl: 60, data }
}

impl Exchange for World {
    fn ask<'a>(
        &'a self,
        server: &'a Server,
        question: &'a Question,
        _: Duration,
    ) -> BoxFuture<'a, Result<Reply, ExchangeError>> {
        let Server::Plain(address, _) = server else { panic!("{server}") };
        let name = question.name.to_ascii_lowercase();
        self.asked.lock().unwrap().push((address.ip(), name.clone(), question.rtype));
        let reply = match self.at.get(&address.ip()) {
            None => Err(ExchangeError::Timeout { after_ms: 5000, strays: 0 }),
            Some(zones) => {
                let message = Ok(self.answer(zones, &name, question.rtype));
                Ok(Reply { bytes: Vec::new(), message, rtt_us: 1000, strays: 0 })
            }
        };
        async move { reply }.boxed()
    }
}

fn view(world: &World, root: &str, levels: &[&str]) -> AuthoritativeView {
    view_through(world, root, levels)
}

fn view_through(world: &dyn Exchange, root: &str, levels: &[&str]) -> AuthoritativeView {
    view_from(world, RootHints::parse("hints", root).unwrap(), levels)
}

fn view_from(world: &dyn Exchange, hints: RootHints, levels: &[&str]) -> AuthoritativeView {
    let options = ViewOptions { hints, ..ViewOptions::default() };
    let throttle = Throttle::new(Rates { server: Rate::Unlimited, ..Rates::default() });
    let levels: Vec<DomainName> = levels.iter().map(|level| DomainName::parse(level).unwrap()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(authoritative_view(&levels, &options, world, &throttle, 1_700_000_000))
}

const WORLD: &str = "
    10.0.0.1 .
    10.0.0.2 net
    10.0.0.3 org
    10.0.0.4 example.net
    10.0.0.4 sub.example.net
    10.0.0.5 host.org
    . net NS ns.net
    . ns.net A 10.0.0.2
    . org NS ns.org
    . ns.org A 10.0.0.3
    net net NS ns.net
    net example.net NS ns.host.org
    net round.net NS ns.trip.org
    net dead.net NS ns.dead.net
    net ns.dead.net A 10.0.0.9
    net inside.net NS ns.inside.net
    org host.org NS ns.host.org
    org ns.host.org A 10.0.0.5
    org trip.org NS ns.round.net
    host.org host.org NS ns.host.org
    host.org ns.host.org A 10.0.0.4
    example.net example.net NS ns.host.org
    example.net www.example.net CNAME end.host.org
    example.net a.deep.example.net A 10.1.1.1
    example.net one.example.net CNAME two.example.net
    example.net two.example.net CNAME one.example.net
    sub.example.net sub.example.net NS ns.host.org
    sub.example.net www.sub.example.net A 10.1.1.1
";

#[test]
fn zones_are_found_by_referral_and_by_soa_and_hosts_without_glue_are_looked_up() {
    let world = World::new(WORLD);
    let seen = view(&world, "root 10.0.0.1", &["www.sub.example.net", "a.deep.example.net", "deep.example.net", "net"]);
    let place = |name: &str| (seen.levels[name].zone.as_str(), seen.levels[name].servers.len());
    assert_eq!(place("www.sub.example.net"), ("sub.example.net", 1));
    assert_eq!(place("a.deep.example.net"), ("example.net", 1));
    assert_eq!(place("net"), ("net", 1));
    let zone = &seen.zones["example.net"];
    assert_eq!((zone.parent.as_deref(), zone.referred), (Some("net"), true));
    assert_eq!(
        zone.servers.keys().collect::<Vec<_>>(),
        ["10.0.0.4".parse::<IpAddr>().unwrap()].iter().collect::<Vec<_>>()
    );
    assert!(matches!(zone.ds, DsEvidence::Absent(_)) && zone.hosts["ns.host.org"].glue.is_empty());
    assert!(!seen.zones["sub.example.net"].referred);
    assert!(!seen.zones.contains_key("host.org"), "zones of hosts are not on the way");
    assert!(seen.levels["deep.example.net"].known_below.contains("a.deep.example.net"));
}

#[test]
fn delegations_in_a_circle_and_without_glue_end_with_the_reason() {
    let world = World::new(WORLD);
    let seen = view(&world, "root 10.0.0.1", &["www.round.net", "www.inside.net"]);
    for (zone, host) in [("round.net", "ns.trip.org"), ("inside.net", "ns.inside.net")] {
        let zone = &seen.zones[zone];
        assert!(zone.servers.is_empty());
        let trouble = zone.hosts[host].trouble.clone().unwrap_or_default();
        assert!(trouble.contains("cannot be found without it"), "{trouble}");
    }
    assert_eq!(seen.levels["www.round.net"].zone, "round.net");
}

#[test]
fn targets_of_aliases_become_levels_and_loops_end() {
    let world = World::new(WORLD);
    let seen = view(&world, "root 10.0.0.1", &["www.example.net", "one.example.net"]);
    let alias = seen.levels["www.example.net"].alias.clone().unwrap();
    assert_eq!((alias.chain, alias.end), (vec!["end.host.org".to_owned()], AliasEnd::Target));
    assert_eq!(seen.levels["end.host.org"].zone, "host.org");
    assert_eq!(seen.levels["one.example.net"].alias.as_ref().unwrap().end, AliasEnd::Loop);
}

#[test]
fn a_dead_zone_costs_the_same_however_many_names_it_has() {
    let world = World::new(WORLD);
    let names: Vec<String> = (0..300).map(|index| format!("n{index}.dead.net")).collect();
    let seen = view(&world, "root 10.0.0.1", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let dead: IpAddr = "10.0.0.9".parse().unwrap();
    let asked = world.asked.lock().unwrap().iter().filter(|(address, ..)| *address == dead).count();
    assert!(asked < 20, "{asked}");
    assert!(seen.levels.values().all(|level| level.zone == "dead.net" && level.servers.is_empty()));
    assert!(seen.limits.iter().any(|limit| limit.contains("64 of 300 names in dead.net")), "{:?}", seen.limits);
}

#[test]
fn a_public_root_does_not_lead_into_private_space() {
    let mut world = World::new(WORLD);
    let root: IpAddr = "193.0.14.129".parse().unwrap();
    world.at.insert(root, vec!["."]);
    let seen = view(&world, "k.root 193.0.14.129", &["net"]);
    assert!(seen.zones["net"].servers.is_empty());
    assert!(seen.zones["net"].hosts["ns.net"].trouble.as_ref().unwrap().contains("10.0.0.2"));
    assert!(world.asked.lock().unwrap().iter().all(|(address, ..)| *address == root));
    // A CA cannot reach them either.
    let found = crate::caa::causes(&seen, "net");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].code, crate::caa::Code::ServerUnreachable);
    assert!(found[0].evidence.contains("no address of the public Internet: 10.0.0.2"), "{found:?}");
}

/// Every question gets a referral one label further down, for ever.
struct Endless(Mutex<u32>);

impl Exchange for Endless {
    fn ask<'a>(
        &'a self,
        _: &'a Server,
        question: &'a Question,
        _: Duration,
    ) -> BoxFuture<'a, Result<Reply, ExchangeError>> {
        let mut asked = self.0.lock().unwrap();
        *asked += 1;
        let name = question.name.to_ascii_lowercase();
        let labels: Vec<&str> = name.split('.').collect();
        let down = labels[labels.len().saturating_sub(1 + usize::try_from(*asked % 5).unwrap())..].join(".");
        let message = DnsMessage {
            rcode: rcode::NOERROR,
            flags: Flags::default(),
            question: QuestionEcho::Same,
            answers: Vec::new(),
            authority: vec![record(&down, RecordData::Ns("ns.net".to_owned()))],
            additional: vec![record("ns.net", RecordData::Address([10, 0, 0, 2].into()))],
            edns: None,
            octets: 100,
        };
        async move { Ok(Reply { bytes: Vec::new(), message: Ok(message), rtt_us: 1000, strays: 0 }) }.boxed()
    }
}

#[test]
fn referrals_without_end_come_to_an_end() {
    let endless = Endless(Mutex::default());
    let seen = view_through(&endless, "root 10.0.0.1", &["a.b.c.d.e.f.net", "net"]);
    let asked = *endless.0.lock().unwrap();
    assert!(asked < 500, "{asked}");
    assert!(seen.zones.len() <= 8, "{:?}", seen.zones.keys());
}

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

#[test]
fn of_a_thousand_name_servers_a_few_are_asked_and_that_is_told() {
    let mut text = WORLD.to_owned();
    for index in 0..1000 {
        text += &format!(
            "net many.net NS ns{index}.many.net\nnet ns{index}.many.net A 10.9.{}.{}\n",
            index / 250,
            index % 250 + 1
        );
    }
    let world = World::new(leaked(text));
    let seen = view(&world, "root 10.0.0.1", &["www.many.net"]);
    let zone = &seen.zones["many.net"];
    assert_eq!((zone.hosts.len(), zone.servers.len()), (13, 13));
    assert!(
        seen.limits.iter().any(|limit| limit.contains("many.net has more than 13 name servers")),
        "{:?}",
        seen.limits
    );
    let many =
        world.asked.lock().unwrap().iter().filter(|(address, ..)| address.to_string().starts_with("10.9.")).count();
    assert!(many < 13 * 12, "{many}");
}

#[test]
fn a_chain_of_fifty_aliases_is_followed_for_a_while_and_that_is_told() {
    let mut text = WORLD.to_owned();
    for index in 0..50 {
        text += &format!("example.net c{index}.example.net CNAME c{}.example.net\n", index + 1);
    }
    let world = World::new(leaked(text));
    let seen = view(&world, "root 10.0.0.1", &["c0.example.net"]);
    let alias = seen.levels["c0.example.net"].alias.clone().unwrap();
    assert_eq!((alias.chain.len(), alias.end), (12, AliasEnd::TooLong));
    assert!(seen.limits.iter().any(|limit| limit.contains("aliases from c0.example.net were followed for 12 links")));
}

#[test]
fn a_name_of_127_labels_is_left_out_and_that_is_told() {
    let world = World::new(
        "10.0.0.1 .
        10.0.0.2 n
        . n NS ns.n
        . ns.n A 10.0.0.2
        n n NS ns.n",
    );
    let deep = format!("{}n", "a.".repeat(126));
    let levels: Vec<&str> = std::iter::successors(Some(deep.as_str()), |name| Some(name.split_once('.')?.1)).collect();
    assert_eq!(levels.len(), 127);
    let seen = view(&world, "root 10.0.0.1", &levels);
    assert_eq!(seen.levels.len(), 40);
    assert!(seen.limits.iter().any(|limit| limit.starts_with("87 names of more than 40 labels")), "{:?}", seen.limits);
    assert!(seen.levels.values().all(|level| level.zone == "n"));
}

#[test]
fn glue_that_the_zone_does_not_confirm_leads_to_both_addresses() {
    let world = World::new(
        "
        10.0.0.1 .
        10.0.0.2 net
        10.0.0.4 moved.net
        10.0.0.5 moved.net
        . net NS ns.net
        . ns.net A 10.0.0.2
        net moved.net NS ns1.moved.net
        net moved.net NS ns2.moved.net
        net ns1.moved.net A 10.0.0.4
        net ns2.moved.net A 10.0.0.9
        moved.net moved.net NS ns1.moved.net
        moved.net moved.net NS ns2.moved.net
        moved.net ns1.moved.net A 10.0.0.4
        moved.net ns2.moved.net A 10.0.0.5
    ",
    );
    let seen = view(&world, "root 10.0.0.1", &["moved.net"]);
    let zone = &seen.zones["moved.net"];
    let addresses: Vec<String> = zone.servers.keys().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.0.0.4", "10.0.0.5", "10.0.0.9"]);
    let found = crate::caa::causes(&seen, "moved.net");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].code, crate::caa::Code::ServerPartlyUnreachable);
    assert!(found[0].evidence.contains("moved.net itself gives ns2.moved.net 10.0.0.5"), "{found:?}");
}

#[test]
fn a_root_that_does_not_answer_blames_nobody() {
    let world = World::default();
    let hints = RootHints::public();
    let seen = view_from(&world, hints, &["www.example.net", "example.net", "net"]);
    assert!(seen.levels.keys().all(|level| crate::caa::causes(&seen, level).is_empty()));
    assert!(seen.limits.iter().any(|limit| limit.contains("lets no DNS questions out")), "{:?}", seen.limits);
}
