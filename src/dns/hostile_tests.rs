//! Whatever octets come as an answer: a class and a verdict on the server, never a panic, never a "no CAA" that was not said.

use proptest::prelude::*;

use super::diagnosis_kit::{Packet, SignedWorld, caa, message, observe, probe, view_of};
use super::exchange::Question;
use super::wire;
use crate::caa::evidence_name::mixed_case;
use crate::caa::evidence_reading::{Negative, Reading, read};
use crate::caa::{LookupOutcome, Observation, QuestionEcho, ServerEvidence, causes, classify, rtype, security};

const WORDS: [&str; 22] = [
    "nodata",
    "nosoa",
    "nsinstead",
    "soa=test",
    "soainanswer",
    "nxdomain",
    "nxnosoa",
    "records=x",
    "alias=t.other",
    "aliasa=t.z.test",
    "aliascaa=t.z.test",
    "refused",
    "servfail",
    "formerr",
    "badvers",
    "tc",
    "up",
    "self",
    "down=www.z.test",
    "wrongtype",
    "rrsig",
    "odd",
];

/// The octets of a reply that is well formed or was.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let damaged =
        (0..WORDS.len(), proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), 0..4_usize);
    let damaged = damaged.prop_map(|(word, changes, cut)| {
        let Observation::Message { bytes, .. } = observe(WORDS[word], "z.test", "wWw.Z.tEsT", rtype::CAA) else {
            return vec![0; 12];
        };
        let mut bytes = bytes;
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        bytes.truncate(bytes.len() - cut * usize::from(cut > 1));
        bytes
    });
    prop_oneof![4 => damaged, 1 => proptest::collection::vec(any::<u8>(), 0..600)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_caa_is_only_what_a_whole_answer_to_the_question_says(bytes in octets()) {
        let question = Question::to_resolver("wWw.Z.tEsT");
        let Ok(message) = wire::decode(&bytes, &question) else { return Ok(()) };
        let count = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        if !message.flags.tc {
            prop_assert_eq!(message.answers.len(), usize::from(count(6)), "no record of the answer is lost");
        }
        let says_nothing = |what: &str| {
            prop_assert!(bytes[2] & 0x80 != 0 && matches!(message.rcode, 0 | 3) && !message.flags.tc, "{}", what);
            prop_assert!(matches!(message.question, QuestionEcho::Same | QuestionEcho::CaseChanged), "{}", what);
            prop_assert_eq!(count(4), 1);
            let spurious = message.answers.iter().any(|r| r.rtype == rtype::CAA && r.owner.eq_ignore_ascii_case("www.z.test"));
            prop_assert!(!spurious || message.rcode == 3, "{} although the answer holds CAA", what);
            Ok(())
        };
        if let LookupOutcome::NoData(_) | LookupOutcome::NxDomain(_) = classify(&question.name, &message).outcome {
            says_nothing("classify")?;
        }
        let observation = Observation::Message { message: Box::new(message.clone()), bytes: bytes.clone(), rtt_us: 1 };
        let reading = read(&observation, &question.name, rtype::CAA, "z.test");
        if let Reading::NoData(_) | Reading::NxDomain(_) = reading {
            says_nothing("read")?;
            let holds = message.answers.iter().any(|r| r.rtype == rtype::CAA && r.owner.eq_ignore_ascii_case("www.z.test"));
            prop_assert_eq!(reading == Reading::NxDomain(Negative::WithRecords), holds, "what is denied and given is told");
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_octets_in_any_probe_give_causes_of_bounded_size(
        replies in proptest::collection::vec(octets(), 8),
        kinds in proptest::collection::vec(0..12_usize, 8),
    ) {
        const KINDS: [&str; 12] =
            ["caa", "a", "plain", "lower", "tcp", "plainest", "unknown", "512", "4096", "ns", "dnskey", "existing"];
        let mut view = view_of("z.test", "www.z.test", &["caa=nodata", "caa=nodata"]);
        let mut apex = Vec::new();
        let mut level = Vec::new();
        for (octets, kind) in replies.iter().zip(kinds) {
            let empty = probe(KINDS[kind], "z.test", "www.z.test", Vec::new());
            let seen = message(octets, &empty.name, empty.rtype, 1000);
            let probe = probe(KINDS[kind], "z.test", "www.z.test", vec![seen]);
            if matches!(KINDS[kind], "ns" | "dnskey" | "existing") { apex.push(probe) } else { level.push(probe) }
        }
        let first = "192.0.2.1".parse().unwrap();
        view.zones.get_mut("z.test").unwrap().servers.insert(first, ServerEvidence { probes: apex, ..Default::default() });
        view.levels.get_mut("www.z.test").unwrap().servers.insert(first, level);
        for cause in causes(&view, "www.z.test") {
            prop_assert!(cause.evidence.len() < 20_000 && cause.fix.len() < 20_000);
        }
        let _ = security(&view, "www.z.test");
    }

    #[test]
    fn any_octets_in_a_signed_zone_give_a_verdict(bytes in octets(), keys in octets(), ds in octets()) {
        let mut world = SignedWorld::new();
        let (good_keys, nodata) = (world.good_keys(), world.good_nodata());
        world.serve(&good_keys, &[("caa", nodata)]);
        let asked = mixed_case("www.z.test");
        let first = "192.0.2.1".parse().unwrap();
        let seen = vec![message(&bytes, &asked, rtype::CAA, 1000)];
        world.view.levels.get_mut("www.z.test").unwrap().servers.insert(first, vec![probe("caa", "z.test", "www.z.test", seen)]);
        let _ = (causes(&world.view, "www.z.test"), security(&world.view, "www.z.test"));
        let seen = vec![message(&keys, "z.test", rtype::DNSKEY, 1000)];
        let zone = world.view.zones.get_mut("z.test").unwrap();
        zone.servers.get_mut(&first).unwrap().probes = vec![probe("dnskey", "z.test", "z.test", seen)];
        zone.ds = crate::caa::DsEvidence::Present(ds.clone());
        let _ = (causes(&world.view, "www.z.test"), security(&world.view, "www.z.test"));
        world.view.zones.get_mut("z.test").unwrap().ds = crate::caa::DsEvidence::Absent(ds);
        let _ = (causes(&world.view, "www.z.test"), security(&world.view, "www.z.test"));
    }
}

#[test]
fn a_set_of_a_thousand_records_is_read_whole_and_shown_in_part() {
    let set = |from: usize| Packet {
        answers: (from..from + 1000).map(|index| caa("www.z.test", &format!("ca{index}.example"))).collect(),
        ..Packet::default()
    };
    let question = Question::to_resolver("www.z.test");
    let octets = set(0).octets("www.z.test", rtype::CAA);
    let read = wire::decode(&octets, &question).unwrap();
    let LookupOutcome::Records(records) = classify("www.z.test", &read).outcome else { panic!("no set") };
    assert_eq!(records.len(), 1000);
    let mut view = view_of("z.test", "www.z.test", &["ns=records a=records", "ns=records a=records"]);
    for (place, from) in [(0, 0), (1, 1)] {
        let asked = mixed_case("www.z.test");
        let seen = message(&set(from).octets(&asked, rtype::CAA), &asked, rtype::CAA, 1000);
        let probes = view.levels.get_mut("www.z.test").unwrap().servers.get_mut(&super::diagnosis_kit::address(place));
        probes.unwrap().push(probe("caa", "z.test", "www.z.test", vec![seen]));
    }
    let found = causes(&view, "www.z.test");
    assert_eq!(found.len(), 1);
    assert!(found[0].evidence.contains("and 996 more") && found[0].evidence.len() < 1000, "{}", found[0].evidence);
}
