//! A small hierarchy by hand: what the trace says of it, what hostile texts become, and what stays on a line.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use unicode_width::UnicodeWidthStr as _;

use super::*;
use crate::caa::evidence_name::mixed_case;
use crate::caa::{
    AuthoritativeView, CaaRecord, DnsMessage, DsEvidence, EdnsFact, Flags, HostEvidence, LevelEvidence, Observation,
    Probe, ProbeKind, QuestionEcho, RecordData, RecordFact, ServerEvidence, Stress, Transport, ZoneEvidence, rtype,
};
use crate::name::SubjectAltName;
use crate::report::{fixture, safe};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn message(answers: Vec<RecordFact>, authority: Vec<RecordFact>) -> Observation {
    let message = DnsMessage {
        rcode: 0,
        flags: Flags { aa: true, ..Flags::default() },
        question: QuestionEcho::Same,
        answers,
        authority,
        additional: Vec::new(),
        edns: None,
        octets: 60,
    };
    Observation::Message { message: Box::new(message), bytes: vec![0; 12], rtt_us: 3_400 }
}

fn record(owner: &str, rtype: u16, data: RecordData) -> RecordFact {
    RecordFact { owner: owner.to_owned(), rtype, ttl: 60, data }
}

fn soa(owner: &str) -> Vec<RecordFact> {
    vec![record(owner, rtype::SOA, RecordData::Soa { serial: 1, minimum: 60 })]
}

fn probe(kind: ProbeKind, name: &str, rtype: u16, tries: Vec<Observation>) -> Probe {
    Probe { kind, name: name.to_owned(), rtype, payload: Some(1232), transport: Transport::Udp, tries }
}

fn ns(zone: &str, host: &str) -> Probe {
    let answer = message(vec![record(zone, rtype::NS, RecordData::Ns(host.to_owned()))], Vec::new());
    probe(ProbeKind::ApexNs, zone, rtype::NS, vec![answer])
}

/// The two questions at a level, answered with no data.
fn empty(level: &str, zone: &str, with_soa: bool) -> Vec<Probe> {
    let name = mixed_case(level);
    let authority = || if with_soa { soa(zone) } else { Vec::new() };
    vec![
        probe(ProbeKind::Caa, &name, rtype::CAA, vec![message(Vec::new(), authority())]),
        probe(ProbeKind::Control, &name, rtype::A, vec![message(Vec::new(), soa(zone))]),
    ]
}

fn zone(name: &str, parent: Option<&str>, host: &str, addresses: &[&str]) -> ZoneEvidence {
    let glue: BTreeSet<IpAddr> = addresses.iter().map(|text| address(text)).collect();
    let hosts = BTreeSet::from([host.to_owned()]);
    ZoneEvidence {
        name: name.to_owned(),
        parent: parent.map(str::to_owned),
        referred: true,
        parent_ns: hosts.clone(),
        child_ns: hosts.clone(),
        hosts: BTreeMap::from([(host.to_owned(), HostEvidence { glue: glue.clone(), ..HostEvidence::default() })]),
        ds: if parent.is_some() { DsEvidence::Absent(Vec::new()) } else { DsEvidence::Unknown },
        ds_servers: BTreeSet::new(),
        servers: glue
            .into_iter()
            .map(|address| {
                let server =
                    ServerEvidence { hosts: hosts.clone(), probes: vec![ns(name, host)], ..ServerEvidence::default() };
                (address, server)
            })
            .collect(),
    }
}

/// The root, `test`, and `x.test` whose two servers send no SOA; `host` is the name of these.
fn view(host: &str) -> AuthoritativeView {
    let zones = [
        zone(".", None, "a.root", &["192.0.2.1"]),
        zone("test", Some("."), "ns.test", &["192.0.2.2"]),
        zone("x.test", Some("test"), host, &["192.0.2.3", "2001:db8::3"]),
    ];
    let level = |name: &str, zone: &str, at: &[&str]| LevelEvidence {
        name: name.to_owned(),
        zone: zone.to_owned(),
        servers: at.iter().map(|text| (address(text), empty(name, zone, zone != "x.test"))).collect(),
        ..LevelEvidence::default()
    };
    let levels = [
        level("test", "test", &["192.0.2.2"]),
        level("x.test", "x.test", &["192.0.2.3", "2001:db8::3"]),
        level("www.x.test", "x.test", &["192.0.2.3", "2001:db8::3"]),
    ];
    AuthoritativeView {
        zones: zones.into_iter().map(|zone| (zone.name.clone(), zone)).collect(),
        levels: levels.into_iter().map(|level| (level.name.clone(), level)).collect(),
        queries: 17,
        line_us: Some(3_400),
        ..AuthoritativeView::default()
    }
}

fn trace(view: &AuthoritativeView) -> Trace {
    let name = SubjectAltName::parse("*.www.x.test").unwrap();
    let time = "2026-01-02T03:04:05Z".to_owned();
    Trace::new(view, &Asked { name: &name, port: 5300, tool: "ctclimb 0", time })
}

fn text(trace: &Trace, style: &Style, each: bool) -> String {
    let mut bytes = Vec::new();
    trace.write_text(style, each, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The caa set at a level, from every address.
fn publish(view: &mut AuthoritativeView, level: &str) {
    let set = record(level, rtype::CAA, RecordData::Caa(CaaRecord::parse("0 issue \"ca.test\"").unwrap().unwrap()));
    for probes in view.levels.get_mut(level).unwrap().servers.values_mut() {
        probes[0].tries = vec![message(vec![set.clone()], Vec::new())];
    }
}

/// Silence to every CAA question at one address.
fn silence(view: &mut AuthoritativeView, level: &str, at: &str) {
    let probes = view.levels.get_mut(level).unwrap().servers.get_mut(&address(at)).unwrap();
    probes[0].tries = vec![Observation::Silence { after_ms: 5000, strays: 0 }; 3];
}

#[test]
fn a_cause_stands_once_where_it_arises_with_all_its_levels() {
    let trace = trace(&view("ns.x.test"));
    let causes: Vec<_> = trace.causes().map(|(zone, c)| (&*zone.name, c.cause.code.as_str(), &c.levels[..])).collect();
    let levels = ["x.test".to_owned(), "www.x.test".to_owned()];
    assert_eq!(causes, [("x.test", "negative-without-soa", &levels[..])]);
    assert_eq!(trace.zones[2].causes[0].severity, Severity::Warning);
    let codes: Vec<usize> = trace.levels.iter().map(|level| level.causes.len()).collect();
    assert_eq!(codes, [0, 1, 1]);
    assert_eq!((trace.coverage.addresses, trace.coverage.answering, trace.coverage.complete), (4, 4, true));
}

#[test]
fn the_text_names_the_way_the_servers_and_the_commands() {
    let text = text(&trace(&view("ns.x.test")), &Style::default(), false);
    for said in [
        "WARN *.www.x.test: empty answers lack the SOA record at x.test and www.x.test",
        "  N        └─ www.x.test  nodata, no soa",
        "  x.test  delegated by test; DNSSEC insecure; no DS",
        "NS, parent and zone agree: ns.x.test",
        "ns.x.test  192.0.2.3 (glue), 2001:db8::3 (glue)",
        "! warning negative-without-soa at x.test and www.x.test",
        "2 addresses answer alike: 192.0.2.3 ns.x.test; 2001:db8::3 ns.x.test",
        "P1    CAA www.x.test:  nodata, no soa; 3 ms",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

#[test]
fn commands_are_whole_when_their_lines_are_joined() {
    let trace = trace(&view("ns.x.test"));
    let narrow = text(&trace, &Style { width: 60, ..Style::default() }, true);
    let joined = narrow.replace(" \\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ");
    let commands: Vec<&String> =
        trace.zones.iter().flat_map(|z| &z.servers).flat_map(|s| &s.probes).map(|p| &p.dig).collect();
    assert_eq!(commands.len(), 4 + 2 + 2 * 4);
    for command in commands {
        assert!(joined.contains(command.as_str()), "{command}\n{narrow}");
    }
    let dig = &trace.zones[2].servers[1].probes[1].dig;
    assert_eq!(
        dig,
        "dig @2001:db8::3 -p 5300 +norecurse +noadflag +nocookie +dnssec +bufsize=1232 +ignore CAA X.tEsT."
    );
}

#[test]
fn servers_that_differ_are_told_apart_and_counted() {
    let mut view = view("ns.x.test");
    silence(&mut view, "www.x.test", "2001:db8::3");
    let trace = trace(&view);
    assert_eq!(trace.levels[2].state, LevelState::Differs);
    let text = text(&trace, &Style::default(), false);
    assert!(text.contains("servers differ: nodata, no soa and silence"), "{text}");
    assert!(!text.contains("answer alike"), "{text}");
    assert!(text.contains("CAA www.x.test:  silence; the same in 3 tries"), "{text}");
    let each = super::tests::text(&super::tests::trace(&super::tests::view("ns.x.test")), &Style::default(), true);
    assert!(!each.contains("answer alike"), "each address by itself, as asked");
}

#[test]
fn a_set_closer_to_the_name_makes_a_fault_a_note() {
    let mut view = view("ns.x.test");
    publish(&mut view, "www.x.test");
    silence(&mut view, "test", "192.0.2.2");
    let trace = trace(&view);
    assert!(trace.levels[0].shielded && trace.levels[1].shielded && !trace.levels[2].shielded);
    assert!(trace.causes().all(|(_, cause)| cause.severity == Severity::Note), "{:?}", trace.zones[1].causes);
    assert!(trace.causes().next().is_some());
    let text = text(&trace, &Style::default(), false);
    assert!(
        text.starts_with(
            "OK *.www.x.test: every name server answers as it should where it counts; the CAA\n  set at www.x.test decides"
        ),
        "{text}"
    );
    assert!(text.contains("CAA 0 issue \"ca.test\""), "{text}");
}

#[test]
fn a_level_without_any_answer_is_an_error() {
    let mut view = view("ns.x.test");
    silence(&mut view, "test", "192.0.2.2");
    let trace = trace(&view);
    let (zone, worst) = trace.causes().next().unwrap();
    assert_eq!((zone.name.as_str(), worst.severity), ("test", Severity::Error));
    assert!(text(&trace, &Style::default(), false).starts_with("FAIL *.www.x.test: "));
}

#[test]
fn nobody_answering_is_no_verdict() {
    let mut view = view("ns.x.test");
    for zone in view.zones.values_mut() {
        zone.servers.values_mut().for_each(|server| server.probes.clear());
    }
    view.levels.values_mut().for_each(|level| level.servers.clear());
    let trace = trace(&view);
    assert!(!trace.coverage.complete);
    assert!(text(&trace, &Style::default(), false).starts_with("UNKNOWN *.www.x.test: no name server answered"));
}

/// Hostile texts wherever servers put texts.
fn hostile() -> AuthoritativeView {
    let mut view = view(fixture::HOSTILE);
    let bad = || fixture::HOSTILE.to_owned();
    let zone = view.zones.get_mut("x.test").unwrap();
    zone.child_ns.insert(bad());
    let host = HostEvidence { alias: Some(bad()), trouble: Some(bad()), ..HostEvidence::default() };
    zone.hosts.insert("b.test".to_owned(), host);
    let level = view.levels.get_mut("www.x.test").unwrap();
    let set = RecordData::Caa(CaaRecord { flags: 0, tag: bad().into_bytes(), value: bad().into_bytes() });
    let edns = EdnsFact { ede: vec![Ede { code: 22, text: bad() }], ..EdnsFact::default() };
    for probes in level.servers.values_mut() {
        let name = format!("{}.x.test", "a'\\;$(reboot)\\032b");
        probes.push(probe(
            ProbeKind::CaaTcp,
            &name,
            rtype::CAA,
            vec![message(vec![record(&name, rtype::CAA, set.clone())], soa(&bad()))],
        ));
        if let Observation::Message { message, .. } = &mut probes[0].tries[0] {
            message.edns = Some(edns.clone());
        }
        probes[1].tries =
            vec![Observation::Network(bad()), Observation::Unreadable { why: bad(), octets: 3, rtt_us: 1 }];
    }
    let server = view.zones.get_mut("x.test").unwrap().servers.values_mut().next().unwrap();
    server.stress = Some(Stress { together: vec![true, false], apart: vec![true], otherwise: [bad()].into() });
    view.limits.insert(bad());
    view
}

#[test]
fn hostile_texts_stay_texts_at_every_width() {
    let trace = trace(&hostile());
    for width in [20, 40, 80, 200] {
        for ascii in [false, true] {
            let plain = text(&trace, &Style { width, ascii, ..Style::default() }, true);
            assert!(plain.chars().all(|c| c == '\n' || safe::is_plain(c)), "{plain}");
            assert!(!ascii || plain.is_ascii());
            for line in plain.lines() {
                let one_word = line.trim().trim_end_matches(" \\").split(' ').count() == 1;
                assert!(
                    line.width() <= width || one_word || line.contains("-q '"),
                    "{} of {width}: {line}",
                    line.width()
                );
            }
            let colored = text(&trace, &Style { width, ascii, color: true, ..Style::default() }, true);
            assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
        }
    }
}

#[test]
fn a_hostile_name_is_one_word_of_its_command() {
    let trace = trace(&hostile());
    let odd = trace.zones[2].servers[0].probes.iter().find(|probe| probe.kind == "caa-tcp").unwrap();
    assert!(odd.dig.ends_with("CAA -q 'a\\039\\;$(reboot)\\032b.x.test.'"), "{}", odd.dig);
}

#[test]
fn the_schema_holds_and_the_document_is_ascii() {
    let schema = serde_json::from_str(include_str!("../../../fixtures/schema/trace.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for view in [view("ns.x.test"), hostile(), AuthoritativeView::default()] {
        let mut bytes = Vec::new();
        trace(&view).write_json(&mut bytes).unwrap();
        assert!(bytes.iter().all(|b| matches!(b, b'\n' | b' '..=b'~')));
        validator.validate(&serde_json::from_slice(&bytes).unwrap()).unwrap();
    }
    assert!(!validator.is_valid(&serde_json::json!({"schema": "ctclimb-trace/1"})));
}
