//! Readers on small inputs of each kind, damaged ones, and any octets.

mod kept;

use std::io::Write;
use std::sync::LazyLock;

use super::*;
use crate::issuance::Issuances;
use crate::name::DomainName;
use proptest::prelude::*;

fn collect(input: &[u8]) -> Result<(Summary, Issuances), DumpError> {
    let mut collection = Collection::new(None);
    let summary = read(std::io::Cursor::new(input.to_vec()), "test", &mut collection)?;
    Ok((summary, collection.finish()))
}

fn names_only(input: &[u8]) -> Result<(Summary, Collection), DumpError> {
    let mut collection = Collection::names_only(None);
    let summary = read(std::io::Cursor::new(input.to_vec()), "test", &mut collection)?;
    Ok((summary, collection))
}

fn names(issued: &Issuances) -> Vec<String> {
    let mut names: Vec<_> = issued.tree.sans().map(|san| issued.tree.subject_alt_name(san).to_string()).collect();
    names.sort();
    names
}

const RECORD: &str = r#"{"issuer_ca_id":1,"issuer_name":"C=US, CN=T","common_name":"a.example","name_value":"a.example\n*.a.example","id":9007199254740993,"not_before":"2024-01-09T18:11:15","not_after":"2024-04-08T18:11:14","serial_number":"03","result_count":3}"#;
const OTHER: &str = r#"{"name_value":"b.example","min_cert_id":1,"issuer_name":"C=US, CN=T"}"#;

#[test]
fn each_shape_of_a_list_is_read() {
    let bom = format!("\u{feff}[{RECORD},\r\n{OTHER}]\r\n");
    for input in [
        format!("[{RECORD},{OTHER}]"),
        format!("{RECORD}{OTHER}"),
        format!("{RECORD}\n{OTHER}\n"),
        format!("[{RECORD}][{OTHER}]"),
        bom,
    ] {
        let (summary, issued) = collect(input.as_bytes()).unwrap();
        assert_eq!((summary.kind, summary.records, summary.unreadable), (Kind::CrtshJson, 2, 0), "{input}");
        assert_eq!(names(&issued), ["*.a.example", "a.example", "b.example"]);
        assert_eq!((issued.certificates(), summary.stopped), (2, None));
        let (_, collection) = names_only(input.as_bytes()).unwrap();
        assert_eq!(collection.counts().entries, 3);
    }
}

#[test]
fn names_come_in_any_encoding_and_with_any_line_break() {
    let list = "# hosts\na.example\n*.b.example\tc1\n\nc.example\n";
    for text in [list.to_owned(), list.replace('\n', "\r\n"), list.replace('\n', "\r")] {
        let wide: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for input in [text.clone().into_bytes(), wide, [b"\xef\xbb\xbf", text.as_bytes()].concat()] {
            let (summary, issued) = collect(&input).unwrap();
            assert_eq!((summary.kind, summary.records, summary.skipped), (Kind::NameList, 3, 1), "{text:?}");
            assert_eq!(names(&issued), ["*.b.example", "a.example", "c.example"]);
        }
    }
}

#[test]
fn a_page_that_was_saved_in_place_of_an_answer_is_quoted() {
    for (input, expected) in [
        ("<html><h1>502 Bad Gateway</h1></html>", "502 Bad Gateway"),
        (
            "[BEGIN_HEADERS]\nContent-Type: application/json\n[END_HEADERS]\n<BR>Unsupported use of '%'</BODY>",
            "Unsupported use of '%'",
        ),
    ] {
        let error = collect(input.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`test` starts with `{}", &input[..6])), "{error}");
        assert!(error.ends_with(&format!("a web page in place of an answer: {expected}")), "{error}");
    }
}

#[test]
fn a_bad_record_costs_that_record() {
    for (damage, reason) in [
        (r#"{"name_value":"x.example}"#, "`,` or `}` was expected"),
        (r#"{"name_value":}"#, "a value was expected"),
        (r#"{"id":1}"#, "no `name_value`"),
        ("<BR>message", "no JSON object"),
        (r#"{"name_value":{"a":1}}"#, "no `name_value`"),
    ] {
        let input = format!("[{RECORD},{damage},{OTHER}]");
        let (summary, issued) = collect(input.as_bytes()).unwrap();
        assert_eq!(names(&issued), ["*.a.example", "a.example", "b.example"], "{damage}");
        let (offset, told) = summary.first_unreadable.unwrap();
        assert_eq!((summary.unreadable, offset), (1, RECORD.len() as u64 + 2), "{damage}");
        assert!(told.starts_with(&format!("{reason}: `{}", &damage[..4])), "{told}");
    }
}

#[test]
fn an_input_that_ends_early_says_so() {
    for (input, records) in [
        (format!("[{RECORD},{OTHER}"), 2),
        (format!("[{RECORD},"), 1),
        (format!("[{RECORD},{}", &OTHER[..20]), 1),
        (format!("{RECORD}\n{}", &OTHER[..20]), 1),
    ] {
        let (summary, _) = collect(input.as_bytes()).unwrap();
        assert_eq!(summary.records, records, "{input}");
        assert!(summary.stopped.is_some(), "{input}");
    }
}

#[test]
fn invalid_utf8_costs_the_name_it_is_in() {
    let mut input = format!("[{RECORD},").into_bytes();
    input.extend_from_slice(b"{\"name_value\":\"b\xfcro.example\\nc.example\",\"common_name\":\"\xc3\"}]");
    let (summary, issued) = collect(&input).unwrap();
    assert_eq!(summary.records, 2);
    assert_eq!(names(&issued), ["*.a.example", "a.example", "c.example"]);
    assert_eq!(issued.drops.count(DropClass::Character), 1);
}

#[test]
fn long_records_and_endless_openings_are_bounded() {
    let long = format!("[{{\"name_value\":\"{}\"}},{OTHER}]", "n.example\\n".repeat(20_000));
    let (summary, issued) = collect(long.as_bytes()).unwrap();
    assert_eq!((summary.records, issued.counts.entries), (2, 20_001));
    let endless = format!("[{RECORD},{{\"name_value\":\"{}", "x".repeat(MAX_RECORD + (1 << 20)));
    let (summary, _) = collect(endless.as_bytes()).unwrap();
    assert_eq!((summary.records, summary.unreadable), (1, 1));
    for opening in ["[", "{", "[{", "{\"a\":[", "\""] {
        assert!(collect(opening.repeat(300_000).as_bytes()).is_err(), "{opening}");
        let after = format!("[{RECORD},{}", opening.repeat(300_000));
        let (summary, _) = collect(after.as_bytes()).unwrap();
        assert_eq!(summary.records, 1, "{opening}");
        assert!(summary.unreadable > 0 || summary.stopped.is_some(), "{opening}");
    }
}

#[test]
fn an_input_of_no_known_kind_says_how_it_starts() {
    for (input, expected) in [
        (&b"{\"tree_size\":1}"[..], "{\"tree_size\":1}"),
        (b"\x7fELF\x01\x02", "no text, octets 7f 45 4c 46 01 02"),
        (b"bell\x07 and words", "bell\\u{7} and words"),
        (b"two words and more\nof them", "two words"),
        (b"localhost\n", "localhost"),
    ] {
        let Err(DumpError::Unrecognised { head, .. }) = collect(input) else { panic!("{input:?} was read") };
        assert!(head.starts_with(expected), "{head}");
    }
    for input in ["", " \r\n", "[]\n"] {
        assert_eq!(collect(input.as_bytes()).unwrap().0.kind, Kind::Empty);
    }
    let refused = br#"{"code":"rate_limited","message":"You have exceeded the rate limit"}"#;
    assert!(matches!(collect(refused), Err(DumpError::Refusal { .. })));
    assert!(matches!(collect(b"SQLite format 3\0..."), Err(DumpError::CaseFile { .. })));
}

#[test]
fn a_name_list_may_carry_the_certificate_of_each_name() {
    let input = "# names\na.example\tc1\nb.example\tc1\r\n*.a.example\tc2\n\nx@a.example\tc2\nc.example\n";
    let (summary, issued) = collect(input.as_bytes()).unwrap();
    assert_eq!((summary.kind, summary.records, summary.skipped), (Kind::NameList, 5, 1));
    assert_eq!((issued.certificates(), issued.distinct_names()), (2, 4));
    let long = format!("a.example\n{}\nb.example\n", "x".repeat(300_000));
    let (summary, issued) = collect(long.as_bytes()).unwrap();
    assert_eq!((summary.first_unreadable.unwrap().0, names(&issued).len()), (10, 2));
}

#[test]
fn our_own_lines_are_read_back() {
    let (_, issued) = collect(format!("[{RECORD},{OTHER}]").as_bytes()).unwrap();
    let mut lines = Vec::new();
    write_issuances(&issued, &mut lines).unwrap();
    let (summary, again) = collect(&lines).unwrap();
    assert_eq!((summary.kind, summary.unreadable), (Kind::Issuances, 0));
    assert_eq!(again.issuances.len(), 2);
    for (one, other) in issued.issuances.iter().zip(&again.issuances) {
        assert_eq!((&one.names, &one.serial, one.not_before), (&other.names, &other.serial, other.not_before));
    }
}

#[test]
fn our_own_lines_are_ascii_whatever_an_issuer_calls_itself() {
    let hostile = RECORD.replace("CN=T", "CN=\u{202e}T\u{9b}31m");
    assert_ne!(hostile, RECORD);
    let (_, issued) = collect(format!("[{hostile}]").as_bytes()).unwrap();
    let mut lines = Vec::new();
    write_issuances(&issued, &mut lines).unwrap();
    let (line, end) = lines.split_at(lines.len() - 1);
    assert!(line.iter().all(|octet| (b' '..=b'~').contains(octet)) && end == b"\n");
    let (_, again) = collect(&lines).unwrap();
    assert_eq!(again.issuers[0].name, issued.issuers[0].name);
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_inputs_are_read_and_damaged_ones_say_so() {
    let text = format!("[{RECORD},{OTHER}]");
    let two_members = [gzip(&text.as_bytes()[..50]), gzip(&text.as_bytes()[50..])].concat();
    for input in [gzip(text.as_bytes()), two_members, zstd::encode_all(text.as_bytes(), 3).unwrap()] {
        let (summary, issued) = collect(&input).unwrap();
        assert_eq!((summary.records, summary.stopped, names(&issued).len()), (2, None, 3));
    }
    let long = format!("[{}]", vec![RECORD; 20_000].join(","));
    let whole = gzip(long.as_bytes());
    let (summary, _) = collect(&whole[..whole.len() / 2]).unwrap();
    assert!(summary.records > 0 && summary.stopped.is_some());
    // However short the input is: what came before the fault counts.
    let packed = gzip(text.as_bytes());
    let wrong_checksum = [&packed[..packed.len() - 8], &[0; 8]].concat();
    for (damaged, records) in [
        (packed[..packed.len() - 20].to_vec(), 0..2),
        (packed[..packed.len() - 4].to_vec(), 2..3),
        (wrong_checksum, 2..3),
        ([&packed[..], b"garbage"].concat(), 2..3),
        ([&packed[..], &[0; 512]].concat(), 2..3),
    ] {
        let (summary, _) = collect(&damaged).unwrap();
        assert!(records.contains(&summary.records), "{summary:?}");
        assert!(summary.stopped.as_deref().is_some_and(|why| why.contains("reading stopped")), "{summary:?}");
    }
    assert!(matches!(collect(&packed[..12]), Err(DumpError::Read { .. })), "nothing came out");
    let twice = collect(&gzip(&packed)).unwrap_err().to_string();
    assert!(twice.contains("starts with `no text, octets 1f 8b"), "{twice}");
}

#[test]
fn a_decompression_bomb_is_stopped() {
    struct Repeat(u64);
    impl std::io::Read for Repeat {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let octets = usize::try_from(self.0).unwrap_or(usize::MAX).min(buffer.len());
            buffer[..octets].fill(b' ');
            self.0 -= octets as u64;
            Ok(octets)
        }
    }
    let start = format!("[{RECORD},");
    let bomb = zstd::encode_all(start.as_bytes().chain(Repeat(600 << 20)), 1).unwrap();
    let (summary, _) = collect(&bomb).unwrap();
    assert_eq!(summary.records, 1);
    assert!(summary.stopped.unwrap().contains("bomb"));
}

/// Two certificates of two names each in every kind of input that holds certificates.
fn certificates() -> Vec<(Vec<u8>, Kind)> {
    use base64::Engine;
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = |name: &str| {
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned(), format!("*.{name}")]).unwrap();
        params.serial_number = Some(name.as_bytes()[..1].to_vec().into());
        params.self_signed(&key).unwrap()
    };
    let certificates = [certificate("a.example"), certificate("b.example")];
    let pem =
        format!("text\n{}\n-----BEGIN X-----\nAA==\n-----END X-----\n{}", certificates[0].pem(), certificates[1].pem());
    let der: Vec<u8> = certificates.iter().flat_map(|certificate| certificate.der().to_vec()).collect();
    let sized = |der: &[u8]| [&u32::try_from(der.len()).unwrap().to_be_bytes()[1..], der].concat();
    let time = 1_700_000_000_000_u64.to_be_bytes();
    let signed = |der: &[u8]| [&time[..], &[0, 0], &sized(der), &[0, 0]].concat();
    let precertificate = |der: &[u8]| {
        [&time[..], &[0, 1], &[7; 32], &sized(b"tbs"), &[0, 0]]
            .concat()
            .into_iter()
            .chain(sized(der))
            .collect::<Vec<_>>()
    };
    let chain = [&[0, 32][..], &[9; 32]].concat();
    let data_tile =
        [signed(certificates[0].der()), chain.clone(), precertificate(certificates[1].der()), chain].concat();
    let encode = |octets: &[u8]| base64::engine::general_purpose::STANDARD.encode(octets);
    let leaf = |octets: Vec<u8>| encode(&[&[0, 0][..], &octets].concat());
    let entries = format!(
        r#"{{"entries":[{{"leaf_input":"{}","extra_data":""}},{{"leaf_input":"{}","extra_data":"{}"}}]}}"#,
        leaf(signed(certificates[0].der())),
        leaf(precertificate(b"")[..2 + 8 + 32 + 6 + 2].to_vec()),
        encode(&sized(certificates[1].der()))
    );
    vec![
        (pem.into_bytes(), Kind::Pem),
        (der, Kind::Der),
        (data_tile, Kind::DataTile),
        (entries.clone().into_bytes(), Kind::GetEntries),
        (format!("{entries}\n{entries}").into_bytes(), Kind::GetEntries),
    ]
}

#[test]
fn certificates_are_read_in_pem_der_tiles_and_get_entries() {
    for (input, kind) in certificates() {
        let (summary, issued) = collect(&input).unwrap();
        assert_eq!((summary.kind, summary.unreadable, &summary.stopped), (kind, 0, &None), "{kind:?}");
        assert_eq!((issued.certificates(), issued.distinct_names()), (2, 4), "{kind:?}");
        assert_eq!(names_only(&input).unwrap().1.counts().entries, summary.records * 2, "{kind:?}");
        let (cut, _) = collect(&input[..input.len() - 3]).unwrap();
        assert!(cut.unreadable > 0 || cut.stopped.is_some() || kind == Kind::Pem, "{kind:?}");
    }
}

#[test]
fn scope_is_applied_while_reading() {
    let mut collection = Collection::new(Some(DomainName::parse("b.example").unwrap()));
    let input = format!("[{RECORD},{OTHER}]");
    read(std::io::Cursor::new(input.into_bytes()), "test", &mut collection).unwrap();
    let issued = collection.finish();
    assert_eq!(
        (issued.certificates(), issued.drops.count(DropClass::OutOfScope), issued.foreign_common_names.count),
        (1, 2, 1)
    );
}

/// How many of [`EVERY_KIND`] are compressed; they come last.
const COMPRESSED: usize = 2;

/// An input of each kind, some of them compressed.
static EVERY_KIND: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let issuances = {
        let (_, issued) = collect(format!("[{RECORD},{OTHER}]").as_bytes()).unwrap();
        let mut lines = Vec::new();
        write_issuances(&issued, &mut lines).unwrap();
        lines
    };
    let mut inputs: Vec<Vec<u8>> = certificates().into_iter().map(|(input, _)| input).collect();
    let cert_spotter = r#"{"id":"1","tbs_sha256":"ab","cert_sha256":"cd","dns_names":["a.example","*.a.example"],"issuer":{"name":"C=US, CN=T"},"not_before":"2024-01-09T18:11:15Z","not_after":"2024-04-08T18:11:14-00:00","cert":{"type":"cert","data":"MA=="}}"#;
    let tile = r#"{"Timestamp":1700000000000,"Subject":{"CN":"a.example"},"DNS":["a.example","b.example"]}"#;
    let texts = [
        format!("[{RECORD},{OTHER},{RECORD}]"),
        format!("{RECORD}\n{OTHER}\n"),
        format!("[{cert_spotter},{cert_spotter}]"),
        format!("{tile}\n{tile}\n"),
        "# hosts\na.example\n*.b.example\tc1\nc@d.example\n".to_owned(),
    ];
    inputs.extend(texts.map(String::into_bytes));
    inputs.push(issuances);
    let small = inputs[5..].concat();
    inputs.push(zstd::encode_all(&small[..], 1).unwrap());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&small).unwrap();
    inputs.push(gzip.finish().unwrap());
    inputs
});

/// What a fuzzer does to an input: octets changed, taken out, doubled, cut off.
#[derive(Debug, Clone)]
enum Damage {
    Change(usize, u8),
    Remove(usize, usize),
    Double(usize, usize),
    Cut(usize),
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        let (at, length) = (any::<usize>(), 1..40_usize);
        prop_oneof![
            4 => (at, any::<u8>()).prop_map(|(at, octet)| Self::Change(at, octet)),
            // What has a meaning somewhere.
            4 => (any::<usize>(), proptest::sample::select(&b"[]{}\",:\\\n\t-.*\x00\x30\x82\xff"[..]))
                .prop_map(|(at, octet)| Self::Change(at, octet)),
            2 => (any::<usize>(), length.clone()).prop_map(|(at, length)| Self::Remove(at, length)),
            2 => (any::<usize>(), length).prop_map(|(at, length)| Self::Double(at, length)),
            1 => any::<usize>().prop_map(Self::Cut),
        ]
    }

    fn to(&self, input: &mut Vec<u8>) {
        let place = |at: usize| at % input.len().max(1);
        let end = |at: usize, length: usize| (place(at) + length).min(input.len());
        match *self {
            Self::Change(at, octet) => {
                let at = place(at);
                input.get_mut(at).into_iter().for_each(|old| *old = octet);
            }
            Self::Remove(at, length) => drop(input.drain(place(at)..end(at, length))),
            Self::Double(at, length) => input.extend_from_within(place(at)..end(at, length)),
            Self::Cut(at) => input.truncate(place(at)),
        }
    }
}

/// A file that comes a few octets at a time.
struct Drip(Vec<u8>, usize, usize);

impl Read for Drip {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.1).min(self.0.len() - self.2);
        buffer[..length].copy_from_slice(&self.0[self.2..self.2 + length]);
        self.2 += length;
        Ok(length)
    }
}

proptest! {
    #[test]
    fn damage_to_any_kind_is_read_alike_in_both_modes_and_in_any_pieces(
        which in 0..EVERY_KIND.len(), damage in proptest::collection::vec(Damage::any(), 1..6), piece in 1..300_usize,
    ) {
        let mut input = EVERY_KIND[which].clone();
        for damage in &damage {
            damage.to(&mut input);
        }
        let whole = collect(&input);
        let mut collection = Collection::new(None);
        let pieces = read(Drip(input.clone(), piece, 0), "test", &mut collection);
        match (&whole, pieces) {
            // How much comes out of a damaged compression before the fault depends on the pieces.
            _ if which >= EVERY_KIND.len() - COMPRESSED => {}
            (Ok((summary, issued)), Ok(other)) => {
                prop_assert_eq!(summary, &other);
                prop_assert_eq!(names(issued), names(&collection.finish()));
            }
            (Err(one), Err(other)) => prop_assert_eq!(one.to_string(), other.to_string()),
            (one, other) => prop_assert!(false, "{:?} {:?}", one.as_ref().map(|(summary, _)| summary), other),
        }
        match (whole, names_only(&input)) {
            (Ok((summary, issued)), Ok((other, collection))) => {
                prop_assert_eq!(summary, other);
                prop_assert_eq!(issued.distinct_names(), collection.tree().sans().count() as u64);
            }
            (Err(_), Err(_)) => {}
            (one, other) => prop_assert!(false, "{:?} {:?}", one.map(|(summary, _)| summary), other.map(|(summary, _)| summary)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = (collect(&octets).is_ok(), names_only(&octets).is_ok());
    }

    #[test]
    fn damage_to_one_record_leaves_most_of_the_others(
        damage in proptest::collection::vec(any::<u8>(), 1..6), at in 0..RECORD.len(), record in 0..8_usize,
    ) {
        let mut records = vec![RECORD.to_owned().into_bytes(); 10];
        let end = (at + damage.len()).min(RECORD.len());
        records[record + 1][at..end].copy_from_slice(&damage[..end - at]);
        let mut input = b"[".to_vec();
        input.extend(records.join(&b','));
        input.push(b']');
        let (summary, _) = collect(&input).unwrap();
        prop_assert!(summary.records >= 8, "{summary:?}");
    }

    #[test]
    fn both_modes_see_the_same_names(names in proptest::collection::vec("[a-zA-Z*.@ \\\\é\\x00\"]{0,12}", 0..12)) {
        let rows: Vec<_> = names.chunks(3).map(|chunk| serde_json::json!({ "name_value": chunk.join("\n") })).collect();
        let input = serde_json::to_vec(&rows).unwrap();
        if let (Ok((_, issued)), Ok((_, collection))) = (collect(&input), names_only(&input)) {
            prop_assert_eq!(issued.distinct_names(), collection.tree().sans().count() as u64);
            prop_assert_eq!(&issued.drops, collection.drops());
            prop_assert_eq!(issued.counts, collection.counts());
        }
    }
}
