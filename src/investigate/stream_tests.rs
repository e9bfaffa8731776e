//! Streams against whole reports: the same lines, whatever the order in which lookups end.

use std::collections::BTreeSet;

use super::*;
use crate::caa::{
    CaaRecord, Ede, LevelEvidence, LookupFailure, Observation, Probe, ProbeKind, ServerEvidence, Transport,
    ZoneEvidence,
};
use crate::investigate::views::view;
use crate::investigate::{Gathered, Grouped, assemble, select};
use crate::issuance::{Collection, Issuances};
use crate::report::{Format, LevelReport, Style, write};

fn records(text: &str) -> LookupOutcome {
    LookupOutcome::Records(vec![CaaRecord::parse(text).unwrap().unwrap()])
}

fn failed(failure: LookupFailure) -> LookupOutcome {
    LookupOutcome::Failed(failure)
}

/// Lookups of every kind.
fn kinds() -> Vec<Lookup> {
    let outcomes = [
        LookupOutcome::NoData(Soa::Present),
        LookupOutcome::NxDomain(Soa::Present),
        LookupOutcome::NoData(Soa::Missing),
        LookupOutcome::NxDomain(Soa::Foreign),
        records("0 issue \"ca.example\""),
        records("128 unknown \"\u{7}\""),
        failed(LookupFailure::ServFail),
        failed(LookupFailure::OtherRcode(17)),
        failed(LookupFailure::Timeout(6000)),
        failed(LookupFailure::Network("\u{1b}[31m \"refused\"".into())),
        failed(LookupFailure::NotAsked),
        failed(LookupFailure::AliasLoop),
    ];
    let plain = |outcome| Lookup { rcode: Some(0), rtt_ms: Some(12), ..Lookup::bare(outcome, Transport::Udp) };
    let mut lookups: Vec<Lookup> = outcomes.into_iter().map(plain).collect();
    for (place, lookup) in lookups.iter_mut().enumerate() {
        lookup.rcode = [Some(0), Some(3), Some(2), Some(17), None][place % 5];
        lookup.soa_owner = [Some("example.net"), None, Some("a\"\\b\u{202e}\u{9b}.net")][place % 3].map(Into::into);
        lookup.rtt_ms = [Some(0), Some(1_234_567), None][place % 3];
        lookup.tries = u8::try_from(place % 4).unwrap();
        lookup.authenticated = place % 2 == 1;
        lookup.transport =
            [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Https, Transport::Script][place % 5];
        if place % 3 == 1 {
            lookup.ede = vec![Ede { code: 22, text: "\u{1b}]0;owned\u{7}".into() }];
            lookup.aliases = vec!["b.example".into(), "c\u{2028}.example".into()];
            lookup.checking_disabled = Some(Box::new(LookupOutcome::NoData(Soa::Present)));
        }
    }
    lookups
}

#[test]
fn a_level_line_made_fast_is_the_same_line() {
    let lookups = kinds();
    let views = ["192.0.2.1", "tls://\u{1b}[31m\"odd\"", "third"];
    let servers: Vec<String> = views.iter().map(|view| json_text(view)).collect();
    for place in 0..lookups.len() {
        for count in 1..=3 {
            let some: Vec<(usize, &Lookup)> =
                (0..count).map(|view| (view, &lookups[(place + view) % lookups.len()])).collect();
            let name = crate::name::DomainName::parse("a-b_c.example.co.uk").unwrap();
            let causes = causes_of_lookups(&name, some.iter().map(|(_, lookup)| *lookup));
            let report = LevelReport {
                name: name.to_string(),
                depth: 3,
                stable: place % 2 == 0,
                names_below: 1_000_000 * place as u64,
                public_suffix: place % 3 == 0,
                views: some.iter().map(|(at, lookup)| view(views[*at], lookup)).collect(),
                causes: causes.clone(),
            };
            let head = LevelHead {
                name: name.as_str(),
                depth: report.depth,
                stable: report.stable,
                names_below: report.names_below,
                public_suffix: report.public_suffix,
            };
            let (mut slow, mut fast) = (Vec::new(), Vec::new());
            write_level(&report, &mut slow).unwrap();
            level_line(&head, some.iter().map(|(at, lookup)| (&*servers[*at], *lookup)), &causes, &mut fast);
            assert_eq!(String::from_utf8(fast), String::from_utf8(slow));
        }
    }
}

fn issued(names: &[String]) -> Issuances {
    let mut collection = Collection::new(None);
    for name in names {
        collection.begin();
        collection.name(name);
        collection.end();
    }
    collection.finish_as_read()
}

/// What the view at `place` says of a level: anything, but always the same.
fn said(level: &str, place: usize, kinds: &[Lookup]) -> Lookup {
    let hash = super::super::levels::stable_hash(format!("{level} {place}").as_bytes());
    // Most levels are plain, as in life.
    if hash.is_multiple_of(3) { kinds[(hash / 3) as usize % kinds.len()].clone() } else { kinds[0].clone() }
}

fn sorted(bytes: &[u8]) -> Vec<String> {
    let mut lines: Vec<String> = std::str::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The lines of a stream whose lookups end in an order that `seed` makes, and those of a whole report.
fn both(names: &[String], views: usize, judging: &Judging, hold: usize, seed: u64) -> (Vec<u8>, Vec<u8>) {
    let (issued, kinds) = (issued(names), kinds());
    let counts = LevelCounts::new(&issued.tree, &|_| None, &[], None);
    let views: Vec<String> = (0..views).map(|view| format!("view {view}")).collect();
    let gathered = |lookups, selection| Gathered {
        domain: None,
        issued: &issued,
        grouped: Grouped::none(),
        counts: &counts,
        selection,
        lookups,
        authoritative: None,
        judging: judging.clone(),
        errors: None,
        sources: Vec::new(),
        unreadable: BTreeMap::new(),
        queries: 7,
        notes: Vec::new(),
        unfinished: false,
        written: None,
        now: 1_700_000_000,
    };
    let plan = StreamPlan { tree: &issued.tree, counts: &counts, judging, views: &views, hold };
    let mut streamed = Vec::new();
    let mut stream = Stream::new(plan, &mut streamed);
    let mut order: Vec<(u64, NodeId, usize)> = Vec::new();
    for level in issued.tree.nodes() {
        for place in 0..views.len() {
            let key = format!("{seed} {} {place}", issued.tree.name(level));
            order.push((super::super::levels::stable_hash(key.as_bytes()), level, place));
        }
    }
    order.sort_unstable();
    for (_, level, place) in order {
        stream.take(place, level, said(issued.tree.name(level), place, &kinds));
    }
    let Left { selection, lookups, notes } = stream.left();
    assert!(notes.is_empty(), "{notes:?}");
    let report = assemble(Gathered { written: Some(stream.totals()), ..gathered(lookups, &selection) });
    stream.settle_failures(None, &report.levels, &report.checked);
    stream.close(&report).unwrap();

    let selection = select(&issued.tree, &counts, &|_| None, None);
    let lookups = selection.levels.iter().map(|&level| {
        let name = issued.tree.name(level);
        (level, views.iter().enumerate().map(|(at, view)| (view.clone(), said(name, at, &kinds))).collect())
    });
    let whole = assemble(gathered(lookups.collect(), &selection));
    let mut lines = Vec::new();
    write(&whole, Format::Jsonl, &Style::default(), &mut lines).unwrap();
    (streamed, lines)
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = (0..60).map(|n| format!("n{n}.g{}.example{}.net", n % 5, n % 3)).collect();
    names.extend((0..20).map(|n| format!("*.n{n}.g{}.example{}.net", n % 5, n % 3)));
    names.extend([
        "org".to_owned(),
        "example.org".to_owned(),
        "*.example.org".to_owned(),
        "deep.er.and.deep.er.example.org".to_owned(),
    ]);
    names
}

#[test]
fn a_stream_has_the_lines_of_the_whole_report_in_any_order() {
    let someone = Judging { issuers: vec!["ca.example".into(), "other.example".into()], ..Judging::default() };
    for (views, judging, hold, seed) in [
        (1, Judging::default(), 0, 1),
        (1, someone.clone(), 4, 2),
        (3, Judging::default(), 1000, 3),
        (2, someone, 1, 4),
    ] {
        let (streamed, whole) = both(&names(), views, &judging, hold, seed);
        assert_eq!(sorted(&streamed), sorted(&whole), "{views} views, {hold} held back");
        let last = std::str::from_utf8(&streamed).unwrap().lines().last().unwrap().to_owned();
        assert!(last.starts_with("{\"type\":\"summary\""), "{last}");
    }
}

#[test]
fn the_order_of_lookups_changes_the_order_of_lines_only() {
    let judging = Judging::default();
    let (first, _) = both(&names(), 2, &judging, 3, 1);
    let (second, _) = both(&names(), 2, &judging, 3, 2);
    assert_ne!(first, second);
    assert_eq!(sorted(&first), sorted(&second));
}

#[test]
fn of_many_names_every_line_is_written_and_the_findings_say_what_they_rest_on() {
    let names: Vec<String> = (0..6_000).map(|n| format!("n{n}.example.net")).collect();
    let issued = issued(&names);
    let counts = LevelCounts::new(&issued.tree, &|_| None, &[], None);
    let (views, judging) = (vec!["view".to_owned()], Judging::default());
    let plan = StreamPlan { tree: &issued.tree, counts: &counts, judging: &judging, views: &views, hold: 2 };
    let mut bytes = Vec::new();
    let mut stream = Stream::new(plan, &mut bytes);
    for level in issued.tree.nodes() {
        let outcome = match issued.tree.name(level).len() % 2 {
            0 => failed(LookupFailure::ServFail),
            _ => LookupOutcome::NoData(Soa::Present),
        };
        stream.take(0, level, Lookup { rcode: Some(0), ..Lookup::bare(outcome, Transport::Udp) });
    }
    let left = stream.left();
    assert!(left.selection.names.len() < 3_000 && left.lookups.len() < 6_000);
    assert!(left.notes[0].contains("of 6000 names"), "{:?}", left.notes);
    stream.settle_failures(None, &[], &[]);
    let totals = stream.totals();
    assert_eq!((totals.levels, totals.checked, totals.answered), (6_002, 6_000, true));
    drop(stream);
    let text = String::from_utf8(bytes).unwrap();
    let distinct: BTreeSet<&str> = text.lines().collect();
    assert_eq!(distinct.len(), 6_002 - 2 + 6_000, "two levels are still held back");
}

/// A writer that takes a little and then no more.
struct Narrow(usize);

impl Write for Narrow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.0 = self.0.saturating_sub(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_had_enough_is_noticed() {
    let issued = issued(&names());
    let counts = LevelCounts::new(&issued.tree, &|_| None, &[], None);
    let (views, judging) = (vec!["view".to_owned()], Judging::default());
    let plan = StreamPlan { tree: &issued.tree, counts: &counts, judging: &judging, views: &views, hold: 0 };
    let mut narrow = Narrow(500);
    let mut stream = Stream::new(plan, &mut narrow);
    for level in issued.tree.nodes() {
        stream.take(0, level, kinds()[0].clone());
    }
    assert!(stream.is_broken());
    assert_eq!(stream.into_fault().kind(), io::ErrorKind::BrokenPipe);
}

/// A TLD none of whose servers answers, with these levels in it.
fn dead_tld(levels: &[&str]) -> AuthoritativeView {
    let address = "192.0.2.1".parse().unwrap();
    let silence = Observation::Silence { after_ms: 5000, strays: 0 };
    let probe = Probe {
        kind: ProbeKind::ApexNs,
        name: "net".into(),
        rtype: 2,
        payload: Some(1232),
        transport: Transport::Udp,
        tries: vec![silence],
    };
    let server =
        ServerEvidence { hosts: ["ns.net".to_owned()].into(), probes: vec![probe], ..ServerEvidence::default() };
    let zone = ZoneEvidence {
        name: "net".into(),
        parent: Some(".".into()),
        servers: [(address, server)].into(),
        ..ZoneEvidence::default()
    };
    let level = |name: &&str| {
        let level = LevelEvidence {
            name: (*name).to_owned(),
            zone: "net".into(),
            servers: [(address, Vec::new())].into(),
            ..LevelEvidence::default()
        };
        (level.name.clone(), level)
    };
    AuthoritativeView {
        zones: [(zone.name.clone(), zone)].into(),
        levels: levels.iter().map(level).collect(),
        ..AuthoritativeView::default()
    }
}

#[test]
fn silence_that_name_servers_explain_is_no_gap_in_lines_as_they_come() {
    let issued = issued(&["example.net".to_owned()]);
    let counts = LevelCounts::new(&issued.tree, &|_| None, &[], None);
    let selection = select(&issued.tree, &counts, &|_| None, None);
    let silent = Lookup::bare(failed(LookupFailure::Timeout(6000)), Transport::Udp);
    let complete = |view: &AuthoritativeView, written: Option<StreamTotals>| {
        let lookups = selection.levels.iter().map(|&level| (level, vec![("view".to_owned(), silent.clone())]));
        let gathered = Gathered {
            domain: None,
            issued: &issued,
            grouped: Grouped::none(),
            counts: &counts,
            selection: &selection,
            lookups: lookups.collect(),
            authoritative: Some(view),
            judging: Judging::default(),
            errors: None,
            sources: Vec::new(),
            unreadable: BTreeMap::new(),
            queries: 2,
            notes: Vec::new(),
            unfinished: false,
            written,
            now: 1_700_000_000,
        };
        assemble(gathered).coverage.complete
    };
    let written = |levels| Some(StreamTotals { levels, checked: 1, inferred: 0, answered: false });
    let (explained, in_part) = (dead_tld(&["net", "example.net"]), dead_tld(&["net"]));
    assert!(complete(&explained, None) && complete(&explained, written(2)));
    assert!(!complete(&in_part, None) && !complete(&in_part, written(2)));
    assert!(!complete(&explained, written(3)), "one level is not at hand");
}
