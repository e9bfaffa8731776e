use std::str::FromStr;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{CAA, CNAME, NULL, SOA};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use proptest::prelude::*;

use super::*;
use crate::caa::{CaaRecord, LookupOutcome, classify, rcode, rtype};
use crate::dns::EdnsQuery;

fn question(name: &str) -> Question {
    Question {
        name: name.into(),
        rtype: rtype::CAA,
        recursion_desired: true,
        checking_disabled: false,
        edns: Some(EdnsQuery { payload: 1232, dnssec_ok: true }),
    }
}

/// A response with one question and raw records: owner, type, data.
fn response(name: &str, rcode: u8, sections: [&[(&str, u16, &[u8])]; 3]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(7, &Question { edns: None, ..question(name) }, &mut bytes).unwrap();
    bytes[2] |= 0x80;
    bytes[3] = 0x80 | rcode;
    for (section, records) in sections.iter().enumerate() {
        bytes[7 + 2 * section] = u8::try_from(records.len()).unwrap();
        for (owner, rtype, data) in *records {
            name::write(owner, &mut bytes).unwrap();
            bytes.extend(rtype.to_be_bytes());
            bytes.extend([0, 1, 0, 0, 1, 44]);
            bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            bytes.extend(*data);
        }
    }
    bytes
}

fn caa(flags: u8, tag: &[u8], value: &[u8]) -> RecordData {
    RecordData::Caa(CaaRecord { flags, tag: tag.to_vec(), value: value.to_vec() })
}

#[test]
fn a_question_reads_back_with_its_case_and_its_flags() {
    let mut bytes = Vec::new();
    let asked = Question { checking_disabled: true, ..question("A.exAmple.NET") };
    encode(0xbeef, &asked, &mut bytes).unwrap();
    let read = Message::from_vec(&bytes).unwrap();
    assert_eq!(read.metadata.id, 0xbeef);
    assert!(read.metadata.recursion_desired && read.metadata.checking_disabled && read.metadata.authentic_data);
    assert_eq!(read.queries[0].name().to_ascii(), "A.exAmple.NET.");
    assert_eq!(read.queries[0].query_type(), RecordType::CAA);
    let edns = read.edns.unwrap();
    assert_eq!((edns.max_payload(), edns.flags().dnssec_ok), (1232, true));
    encode(1, &Question { recursion_desired: false, edns: None, ..question(".") }, &mut bytes).unwrap();
    let read = Message::from_vec(&bytes).unwrap();
    assert!(!read.metadata.recursion_desired && read.edns.is_none() && read.queries[0].name().is_root());
}

#[test]
fn odd_caa_records_are_read_beside_good_ones() {
    let long = [b'x'; 40];
    let mut long_tag = vec![128, 40];
    long_tag.extend(long);
    long_tag.extend(b"v");
    let answers: [(&str, u16, &[u8]); 7] = [
        ("a.example", 257, b"\0\x05issueca.example"),
        ("a.example", 257, &long_tag),
        ("a.example", 257, b"\0\x03a-bvalue"),
        ("a.example", 257, b"\x01\0value"),
        ("a.example", 257, b""),
        ("a.example", 257, b"\x80"),
        ("a.example", 257, b"\0\x09issue"),
    ];
    let message = decode(&response("a.example", 0, [&answers, &[], &[]]), &question("a.example")).unwrap();
    let data: Vec<_> = message.answers.into_iter().map(|record| record.data).collect();
    let expected = [
        caa(0, b"issue", b"ca.example"),
        caa(128, &long, b"v"),
        caa(0, b"a-b", b"value"),
        caa(1, b"", b"value"),
        caa(0, b"", b""),
        caa(128, b"", b""),
        RecordData::Opaque(b"\0\x09issue".to_vec()),
    ];
    assert_eq!(data, expected);
}

#[test]
fn the_question_is_compared() {
    let asked = question("A.example");
    for (name, expected) in [
        ("A.example", QuestionEcho::Same),
        ("a.example", QuestionEcho::CaseChanged),
        ("b.example", QuestionEcho::Other),
        ("x.a.example", QuestionEcho::Other),
        ("example", QuestionEcho::Other),
        (".", QuestionEcho::Other),
        ("A\\.example", QuestionEcho::Other),
    ] {
        let bytes = response(name, 0, [&[], &[], &[]]);
        assert_eq!(decode(&bytes, &asked).unwrap().question, expected, "{name}");
    }
    let other_type = Question { rtype: rtype::A, ..asked.clone() };
    assert_eq!(decode(&response("A.example", 0, [&[], &[], &[]]), &other_type).unwrap().question, QuestionEcho::Other);
    let escaped = question("a\\046b.example");
    let same = decode(&response("a\\.b.example", 0, [&[], &[], &[]]), &escaped).unwrap();
    assert_eq!(same.question, QuestionEcho::Same);
    assert_eq!(decode(b"\0\x07\x80\x01\0\0\0\0\0\0\0\0", &asked).unwrap().question, QuestionEcho::Missing);
}

#[test]
fn edns_extends_the_rcode_and_carries_errors() {
    let options = b"\0\x0a\0\x02xy\0\x0f\0\x05\0\x06bad\0\x0f\0\x02\0\x16";
    let mut bytes = response("a.example", 0, [&[], &[], &[]]);
    bytes[11] = 2;
    for extension in [[1, 0, 0x80, 0], [9, 9, 9, 9]] {
        bytes.extend(b"\0\0\x29\x04\xd0");
        bytes.extend(extension);
        bytes.extend(u16::try_from(options.len()).unwrap().to_be_bytes());
        bytes.extend(options);
    }
    let message = decode(&bytes, &question("a.example")).unwrap();
    assert_eq!(message.rcode, rcode::BADVERS);
    let edns = message.edns.unwrap();
    assert_eq!((edns.version, edns.payload, edns.dnssec_ok), (0, 1232, true));
    assert_eq!(edns.ede, [Ede { code: 6, text: "bad".into() }, Ede { code: 22, text: String::new() }]);
}

#[test]
fn a_cut_message_is_an_error_unless_it_says_so() {
    let mut soa = [0; 22];
    (soa[5], soa[21]) = (1, 60);
    let mut bytes = response("a.example", 0, [&[], &[("example", 6, &soa)], &[]]);
    let whole = decode(&bytes, &question("a.example")).unwrap();
    assert_eq!(whole.authority[0].data, RecordData::Soa { serial: 1, minimum: 60 });
    bytes.pop();
    assert!(decode(&bytes, &question("a.example")).is_err());
    bytes[2] |= 2;
    assert!(decode(&bytes, &question("a.example")).unwrap().authority.is_empty());
    bytes[2] |= 0x08;
    assert_eq!(decode(&bytes, &question("a.example")), Err(WireError::Opcode(1)));
    bytes[2] &= 0x7f;
    assert_eq!(decode(&bytes, &question("a.example")), Err(WireError::NotAResponse));
}

#[test]
fn a_record_of_another_class_is_no_caa_record() {
    let mut bytes = response("a.example", 0, [&[("a.example", 257, b"\0\x05issue;")], &[], &[]]);
    let class_at = bytes.len() - 8 - 8 + 1;
    assert_eq!(bytes[class_at], 1);
    bytes[class_at] = 3;
    let message = decode(&bytes, &question("a.example")).unwrap();
    assert_eq!(message.answers[0].data, RecordData::Opaque(b"\0\x05issue;".to_vec()));
}

#[test]
fn a_set_of_a_thousand_records_is_read_whole() {
    let mut bytes = response("a.example", 0, [&[], &[], &[]]);
    bytes[6..8].copy_from_slice(&1001_u16.to_be_bytes());
    for index in 0..1001_u16 {
        bytes.extend(b"\xc0\x0c\x01\x01\0\x01\0\0\0\0\0\x0d\0\x05issueca");
        bytes.extend(format!("{index:04}").bytes());
    }
    assert_eq!(decode(&bytes, &question("a.example")).unwrap().answers.len(), 1001);
}

fn hickory_name() -> impl Strategy<Value = Name> {
    prop_oneof![
        9 => proptest::collection::vec("[a-zA-Z0-9_-]{1,12}", 1..6)
            .prop_map(|labels| Name::from_labels(labels.iter().map(String::as_bytes)).unwrap()),
        1 => Just(Name::root()),
    ]
}

fn hickory_record() -> impl Strategy<Value = Record> {
    let caa = (any::<bool>(), "[a-zA-Z0-9]{1,15}", proptest::collection::vec(any::<u8>(), 0..40)).prop_map(
        |(critical, tag, value)| {
            let mut caa = CAA::new_issue(critical, None, Vec::new());
            (caa.tag, caa.value) = (tag, value);
            RData::CAA(caa)
        },
    );
    let soa = (hickory_name(), hickory_name(), any::<u32>(), any::<u32>())
        .prop_map(|(mname, rname, serial, minimum)| RData::SOA(SOA::new(mname, rname, serial, 1, 2, 3, minimum)));
    let data = prop_oneof![
        caa,
        soa,
        hickory_name().prop_map(|name| RData::CNAME(CNAME(name))),
        any::<u32>().prop_map(|address| RData::A(std::net::Ipv4Addr::from(address).into())),
        any::<u128>().prop_map(|address| RData::AAAA(std::net::Ipv6Addr::from(address).into())),
        proptest::collection::vec(any::<u8>(), 1..20)
            .prop_map(|octets| RData::Unknown { code: RecordType::Unknown(65280), rdata: NULL::with(octets) }),
    ];
    (hickory_name(), 0..1_u32 << 31, data).prop_map(|(owner, ttl, data)| Record::from_rdata(owner, ttl, data))
}

fn hickory_message() -> impl Strategy<Value = Message> {
    let records = || proptest::collection::vec(hickory_record(), 0..5);
    (hickory_name(), records(), records(), records(), 0_u16..12, any::<[bool; 6]>(), any::<bool>()).prop_map(
        |(name, answers, authorities, additionals, code, flags, edns)| {
            let mut message = Message::new(7, MessageType::Response, OpCode::Query);
            message.add_query(Query::query(name, RecordType::CAA));
            message.answers = answers;
            message.authorities = authorities;
            message.additionals = additionals;
            message.metadata.response_code = ResponseCode::from(0, u8::try_from(code).unwrap());
            let metadata = &mut message.metadata;
            [
                metadata.authoritative,
                metadata.truncation,
                metadata.recursion_desired,
                metadata.recursion_available,
                metadata.authentic_data,
                metadata.checking_disabled,
            ] = flags;
            if edns {
                message.set_edns(Edns::new());
            }
            message
        },
    )
}

/// A name of hickory's as this program writes it.
fn text(name: &Name) -> String {
    let mut wire = Vec::new();
    for label in name {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend(label);
    }
    wire.push(0);
    name::read(&wire, 0).unwrap().0
}

fn agree(fact: &RecordFact, record: &Record) -> Result<(), TestCaseError> {
    prop_assert_eq!(&fact.owner, &text(&record.name));
    prop_assert_eq!(fact.rtype, u16::from(record.record_type()));
    prop_assert_eq!(fact.ttl, record.ttl);
    if record.dns_class != DNSClass::IN {
        return Ok(());
    }
    match (&fact.data, &record.data) {
        (RecordData::Caa(ours), RData::CAA(theirs)) => {
            prop_assert_eq!(
                (ours.flags, &ours.tag[..], &ours.value),
                (theirs.flags(), theirs.tag.as_bytes(), &theirs.value)
            );
        }
        (RecordData::Soa { serial, minimum }, RData::SOA(theirs)) => {
            prop_assert_eq!((*serial, *minimum), (theirs.serial, theirs.minimum));
        }
        (RecordData::Cname(ours), RData::CNAME(theirs)) => prop_assert_eq!(ours, &text(&theirs.0)),
        (RecordData::Ns(ours), RData::NS(theirs)) => prop_assert_eq!(ours, &text(&theirs.0)),
        (RecordData::Address(ours), RData::A(theirs)) => prop_assert_eq!(*ours, std::net::IpAddr::from(theirs.0)),
        (RecordData::Address(ours), RData::AAAA(theirs)) => prop_assert_eq!(*ours, std::net::IpAddr::from(theirs.0)),
        (RecordData::Opaque(ours), RData::Unknown { rdata, .. }) => prop_assert_eq!(ours, &rdata.anything),
        (ours, theirs) => {
            let read_by_one =
                [rtype::CAA, rtype::SOA, rtype::CNAME, rtype::NS, rtype::A, rtype::AAAA].contains(&fact.rtype);
            prop_assert!(!read_by_one, "{ours:?} against {theirs:?}");
        }
    }
    Ok(())
}

fn agree_on(ours: &DnsMessage, theirs: &Message) -> Result<(), TestCaseError> {
    let metadata = &theirs.metadata;
    prop_assert_eq!(ours.rcode, u16::from(metadata.response_code));
    let flags = Flags {
        aa: metadata.authoritative,
        tc: metadata.truncation,
        rd: metadata.recursion_desired,
        ra: metadata.recursion_available,
        ad: metadata.authentic_data,
        cd: metadata.checking_disabled,
    };
    prop_assert_eq!(ours.flags, flags);
    for (ours, theirs) in [
        (&ours.answers, &theirs.answers),
        (&ours.authority, &theirs.authorities),
        (&ours.additional, &theirs.additionals),
    ] {
        prop_assert_eq!(ours.len(), theirs.len());
        for (fact, record) in ours.iter().zip(theirs) {
            agree(fact, record)?;
        }
    }
    prop_assert_eq!(ours.edns.as_ref().map(|edns| edns.payload), theirs.edns.as_ref().map(Edns::max_payload));
    Ok(())
}

proptest! {
    #[test]
    fn what_hickory_writes_is_read_alike(message in hickory_message()) {
        let bytes = message.to_vec().unwrap();
        let asked = question(&text(message.queries[0].name()));
        let ours = decode(&bytes, &asked).unwrap();
        prop_assert_eq!(ours.question, QuestionEcho::Same);
        agree_on(&ours, &Message::from_vec(&bytes).unwrap())?;
    }

    /// Damaged messages: no panic, and what hickory still reads as a whole we read the same way.
    #[test]
    fn what_both_read_of_damage_is_alike(
        message in hickory_message(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let mut bytes = message.to_vec().unwrap();
        for (place, octet) in damage {
            // The header's opcode, the counts and the question are compared by other tests.
            let place = HEADER + place.index(bytes.len() - HEADER);
            bytes[place] = octet;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        let asked = question(&text(message.queries[0].name()));
        let ours = decode(&bytes, &asked);
        if let (Ok(theirs), false) = (Message::from_vec(&bytes), message.metadata.truncation) {
            prop_assert!(ours.is_ok(), "{ours:?} but hickory reads {theirs:?}");
            let opts = bytes.windows(2).filter(|pair| pair == &[0, 41]).count();
            let odd_class = theirs.all_sections().any(|record| record.dns_class != DNSClass::IN);
            if opts < 2 && !odd_class {
                agree_on(&ours.unwrap(), &theirs)?;
            }
        }
    }

    /// An answer with CAA records, damaged behind its question: what comes of it may be a failure, other records or an alias,
    /// but never "no CAA".
    #[test]
    fn no_damage_turns_a_caa_answer_into_an_empty_one(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), cut in 0..20_usize
    ) {
        let answers: [(&str, u16, &[u8]); 2] =
            [("a.example", 257, b"\0\x05issueca.example"), ("a.example", 257, b"\0\x05iodefx")];
        let mut bytes = response("a.example", 0, [&answers, &[], &[]]);
        let behind = HEADER + 11 + 4;
        for (place, octet) in damage {
            let place = behind + place.index(bytes.len() - behind);
            bytes[place] = octet;
        }
        bytes.truncate(bytes.len() - cut.min(bytes.len() - behind));
        if let Ok(message) = decode(&bytes, &question("a.example")) {
            let classified = classify("a.example", &message);
            let empty = matches!(classified.outcome, LookupOutcome::NoData(_) | LookupOutcome::NxDomain(_));
            prop_assert!(!empty || !classified.aliases.is_empty(), "{message:?}");
        }
    }

    #[test]
    fn any_octets_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes, &question("a.example"));
    }

    #[test]
    fn any_octets_behind_a_good_header_are_read_or_refused(
        counts in any::<[u8; 4]>(), rest in proptest::collection::vec(any::<u8>(), 0..300)
    ) {
        let mut bytes = vec![0, 7, 0x84, 0, 0, counts[0] % 3, 0, counts[1] % 8, 0, counts[2] % 8, 0, counts[3] % 8];
        bytes.extend(rest);
        let _ = decode(&bytes, &question("a.example"));
    }

    #[test]
    fn any_text_is_a_question_or_refused(name in any::<String>()) {
        let mut bytes = Vec::new();
        if encode(7, &question(&name), &mut bytes).is_ok() {
            bytes[2] |= 0x80;
            bytes.truncate(bytes.len() - 11);
            bytes[11] = 0;
            prop_assert_eq!(decode(&bytes, &question(&name)).unwrap().question, QuestionEcho::Same);
        }
    }
}

#[test]
fn dnssec_records_are_read() {
    // DNSKEY and DS of RFC 4034 §5.4.
    let key = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==",
    )
    .unwrap();
    let mut dnskey = vec![1, 0, 3, 5];
    dnskey.extend(key);
    let nsec = b"\x04host\x07example\x03com\0\0\x06\x40\x01\0\0\0\x03";
    let name = Name::from_str("host.example.com").unwrap().to_ascii();
    let answers: [(&str, u16, &[u8]); 3] =
        [("k", 48, &dnskey), ("k", 43, b"\xec\x45\x05\x01\x2b\xb1"), ("k", 47, nsec)];
    let message = decode(&response("k", 0, [&answers, &[], &[]]), &question("k")).unwrap();
    assert!(matches!(message.answers[0].data, RecordData::Dnskey { flags: 256, algorithm: 5, key_tag: 60485, .. }));
    assert!(matches!(&message.answers[1].data, RecordData::Ds { key_tag: 60485, digest, .. } if digest == b"\x2b\xb1"));
    assert_eq!(message.answers[2].data, RecordData::Nsec { next: name, types: vec![1, 15, 46, 47] });
}
