//! Dumps as people keep, send and join them: wrapped, mixed, quoted, with what stood around them.

use super::*;

const SPOTTER: &str = r#"{"id":"9","tbs_sha256":"aa","dns_names":["s.example"],"issuer":{"name":"CN=T"},"not_before":"2026-08-02T23:38:02Z"}"#;

#[test]
fn records_within_other_objects_are_read() {
    for input in [
        format!(r#"{{"data":[{RECORD},{OTHER}],"total":2,"next":null}}"#),
        format!(r#"{{"status":{{"code_of":1,"text":"a {{ b"}},"page":{{"items":[{RECORD},{OTHER}]}}}}"#),
        format!("{{\"page\":1,\"data\":[{RECORD}]}}\n{{\"page\":2,\"data\":[{OTHER}]}}\n"),
        format!(r#"[{{"data":[{RECORD}]}},{{"data":[{OTHER}]}}]"#),
    ] {
        let (summary, issued) = collect(input.as_bytes()).unwrap();
        assert_eq!(names(&issued), ["*.a.example", "a.example", "b.example"], "{input}");
        assert_eq!((summary.records, issued.certificates(), summary.stopped), (2, 2, None), "{input}");
    }
    let cut = format!(r#"[{{"data":[{RECORD},{OTHER}],"total":2}}"#);
    let (summary, _) = collect(cut.as_bytes()).unwrap();
    assert_eq!((summary.records, summary.stopped.as_deref()), (2, Some("the list has no end")));
    let in_the_middle = format!(r#"{{"data":[{RECORD},{{"name_value":7}},{OTHER}"#);
    let (summary, issued) = collect(in_the_middle.as_bytes()).unwrap();
    assert_eq!((summary.records, issued.certificates()), (2, 2));
    assert!(summary.stopped.is_some() && summary.unreadable > 0, "{summary:?}");
}

#[test]
fn a_wrapper_with_texts_that_look_like_records_is_bounded_and_told() {
    let text = RECORD.replace('\\', "\\\\").replace('"', "\\\"");
    let input = format!(r#"{{"query":"{text}","data":[{OTHER}]}}{RECORD}"#);
    let (summary, issued) = collect(input.as_bytes()).unwrap();
    assert!(names(&issued).contains(&"b.example".to_owned()), "{summary:?}");
    assert!(names(&issued).contains(&"a.example".to_owned()), "{summary:?}");
}

#[test]
fn replies_of_several_services_one_behind_the_other_are_all_read() {
    let own = {
        let mut out = Vec::new();
        let (_, issued) = collect(br#"{"name_value":"own.example","id":5,"serial_number":"07"}"#).unwrap();
        write_issuances(&issued, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let tile = r#"{"Timestamp":1700000000000,"DNS":["tile.example"]}"#;
    for input in [
        format!("[{RECORD}]\n[{SPOTTER}]\n{own}{tile}\n"),
        format!("{tile}\n{own}[{SPOTTER}][{RECORD}]"),
        format!("[{SPOTTER}][{RECORD}]{tile}{own}"),
    ] {
        let (summary, issued) = collect(input.as_bytes()).unwrap();
        assert_eq!((summary.records, summary.unreadable, summary.stopped), (4, 0, None), "{input}");
        let expected = ["*.a.example", "a.example", "own.example", "s.example", "tile.example"];
        assert_eq!(names(&issued), expected, "{input}");
        assert_eq!(names_only(input.as_bytes()).unwrap().1.counts().records, 4, "{input}");
    }
    let (summary, _) = collect(b"[]\n[ ]\n[]").unwrap();
    assert_eq!(summary.kind, Kind::Empty);
}

#[test]
fn a_reply_with_its_headers_is_read() {
    for headers in [
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
        "HTTP/2 200\ncontent-type: application/json\n\n",
        "HTTP/1.1 301 Moved\r\nLocation: /x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let (summary, issued) = collect(format!("{headers}[{RECORD}]").as_bytes()).unwrap();
        assert_eq!((summary.kind, summary.records, issued.certificates()), (Kind::CrtshJson, 1, 1), "{headers}");
    }
    let page = collect(b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html><h1>502 Bad Gateway</h1></html>").unwrap_err();
    assert!(page.to_string().ends_with("a web page in place of an answer: 502 Bad Gateway"), "{page}");
    assert!(collect(b"HTTP/1.1 200 OK\r\nwithout an end").is_err());
}

#[test]
fn frames_to_skip_and_wide_characters_without_a_mark_are_known() {
    let text = format!("[{RECORD}]");
    let skipped = [&b"\x50\x2a\x4d\x18\x04\0\0\0abcd"[..], &zstd::encode_all(text.as_bytes(), 3).unwrap()].concat();
    let wide = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    for input in [skipped, wide(u16::to_le_bytes), wide(u16::to_be_bytes)] {
        assert_eq!(collect(&input).unwrap().0.records, 1, "{}", input[..8].escape_ascii());
    }
}

/// A certificate in PEM, with these names.
fn pem(names: &[&str], common_name: &str) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
    params.self_signed(&key).unwrap().pem()
}

#[test]
fn pem_is_read_however_it_was_sent() {
    let (first, second) = (pem(&["p.example"], "p"), pem(&["q.example"], "q"));
    let both = format!("{first}{second}");
    let quoted = |mark: &str| both.lines().map(|line| format!("{mark}{line}\n")).collect::<String>();
    for input in [
        both.clone(),
        both.replace('\n', "\r\n"),
        both.replace('\n', " "),
        both.replace('\n', "\\n"),
        quoted("> "),
        quoted("\t> > "),
        format!("Hello,\n\nthese are www.example and others.\n{both}-- \nregards\n"),
        format!(r#"{{"first":"{}","second":"{}"}}"#, first.replace('\n', "\\n"), second.replace('\n', "\\r\\n")),
        format!(r#"{{"first":"{}"}}"#, both.replace('\n', "\\n").replace('/', "\\/")),
        format!("CERT='{first}'\nNEXT='{second}'\n"),
        format!("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n{both}"),
    ] {
        let (summary, issued) = collect(input.as_bytes()).unwrap();
        assert_eq!(names(&issued), ["p.example", "q.example"], "{input}");
        assert_eq!((summary.kind, summary.records, summary.unreadable), (Kind::Pem, 2, 0), "{input}");
        assert_eq!(summary.stopped, None, "{input}");
    }
}

#[test]
fn what_is_lost_of_pem_is_told() {
    let whole = pem(&["p.example"], "p");
    let without_end: String =
        whole.lines().filter(|line| !line.contains("END")).map(|line| format!("{line}\n")).collect();
    for (input, records, expected) in [
        (format!("{without_end}{whole}"), 1, "without its end"),
        (format!("{whole}{without_end}"), 1, "without its end"),
        (format!("{whole}-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"), 1, "no base64"),
        (format!("{whole}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 1, "no X.509 certificate"),
        (format!("{whole}-----BEGIN {}", "x".repeat(300)), 1, "without a label"),
        (format!("{whole}lost.example\n*.lost.example\n"), 1, "a name outside of the PEM blocks"),
        (format!("lost.example\n{whole}"), 1, "a name outside of the PEM blocks"),
        (format!("{whole}-----BEGIN CERTIFICATE-----\n{}", "AAAA\n".repeat(600_000)), 1, "over 2 MiB"),
    ] {
        let (summary, issued) = collect(input.as_bytes()).unwrap();
        assert_eq!((summary.records, issued.certificates()), (records, 1), "{expected}");
        let (_, told) = summary.first_unreadable.unwrap();
        assert!(told.contains(expected), "{told}");
    }
    let (summary, _) =
        collect(b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n").unwrap();
    assert_eq!(summary.stopped.as_deref(), Some("no certificate in it, only other PEM blocks (CERTIFICATE REQUEST)"));
}

/// A DER value.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let length = match length {
        0..=0x7f => vec![u8::try_from(length).unwrap()],
        0x80..=0xff => vec![0x81, u8::try_from(length).unwrap()],
        _ => [&[0x82], &length.to_be_bytes()[..]].concat(),
    };
    [&[tag][..], &length, content].concat()
}

/// A SignedData without signatures, as bundles of certificates are written (RFC 2315 §9).
fn bundle(certificates: &[u8]) -> Vec<u8> {
    let data = der(0x30, &der(0x06, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]));
    let signed = [&[2, 1, 1][..], &der(0x31, &[]), &data, &der(0xa0, certificates), &der(0x31, &[])].concat();
    let kind = der(0x06, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]);
    der(0x30, &[kind, der(0xa0, &der(0x30, &signed))].concat())
}

#[test]
fn a_bundle_of_certificates_is_read() {
    use base64::Engine;
    let key = rcgen::KeyPair::generate().unwrap();
    let one = |name: &str| {
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    };
    // An attribute certificate beside them (RFC 5652 §10.2.2) is none of ours.
    let content = [one("p.example"), der(0xa1, &[1]), one("q.example")].concat();
    let octets = bundle(&content);
    let base64 = base64::engine::general_purpose::STANDARD.encode(&octets);
    let pem = |label: &str| format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n").into_bytes();
    for input in [octets.clone(), pem("PKCS7"), pem("CMS"), pem("CERTIFICATE")] {
        let (summary, issued) = collect(&input).unwrap();
        assert_eq!(names(&issued), ["p.example", "q.example"]);
        assert_eq!((summary.records, summary.unreadable, summary.stopped), (2, 0, None));
        assert_eq!(names_only(&input).unwrap().1.counts().records, 2);
    }
    for at in 0..octets.len() {
        let mut damaged = octets.clone();
        damaged[at] ^= 0x41;
        if let Ok((summary, _)) = collect(&damaged) {
            assert!(summary.records <= 3, "{summary:?}");
        }
    }
}

#[test]
fn a_certificate_without_alternative_names_is_told_by_its_common_name() {
    let input = pem(&[], "old.example");
    let (summary, issued) = collect(input.as_bytes()).unwrap();
    assert_eq!((summary.records, issued.certificates()), (1, 0));
    assert_eq!(issued.drops.count(DropClass::CommonName), 1);
    let (_, collection) = names_only(input.as_bytes()).unwrap();
    assert_eq!((collection.drops().count(DropClass::CommonName), collection.counts().records), (1, 1));
}
