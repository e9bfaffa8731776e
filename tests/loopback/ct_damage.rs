//! Damage that no list of behaviours has: each ends in the right class, loses nothing silently, and never in a panic.

use std::io::Write;

use ctclimb::source::live::Service;

use super::ct_run::{Fetched, Setup};
use super::ct_service::{Act, CtService, answer, head, html, issuance, json, record};

/// What must come of a damaged answer that comes again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// It is a page: complete, at the first try.
    Whole,
    /// It is a page, and what in it is no record is told.
    Odd,
    /// Tried again, then its whole records are kept under a mark.
    InPart,
    /// Tried again, then given up without a certificate.
    Nothing,
    /// Given up at the first try.
    Refused,
}

fn class(fetched: &Fetched, asked: usize) -> Class {
    let only = fetched.only();
    match (only.complete, only.records, asked) {
        (true, _, 1) => Class::Whole,
        (false, 1.., 1) if only.odd.is_some() => Class::Odd,
        (false, 1.., 3) if fetched.error().starts_with("in part only") => Class::InPart,
        (false, 0, 3) if fetched.outcome.is_failure() => Class::Nothing,
        (false, 0, 1) if fetched.outcome.is_failure() => Class::Refused,
        _ => panic!("{asked} requests: {only:?}"),
    }
}

/// Plays one answer over and over; gives its class, the names, and the error.
async fn play(acts: Vec<Act>) -> (Class, String, String) {
    let service = CtService::start(move |_| acts.clone()).await;
    let fetched = Setup::new(&service, "example.com", &[Service::Crtsh]).fetch().await;
    let error = fetched.only().error.clone().unwrap_or_default();
    assert!(!error.chars().any(char::is_control), "{error:?}");
    let short: Vec<String> = fetched.names().iter().map(|name| name.replace(".example.com", "")).collect();
    (class(&fetched, service.asked().len()), short.join(" "), error)
}

fn a() -> String {
    record(1, 1, 1, &["a.example.com"], 1)
}

fn b() -> String {
    record(1, 2, 2, &["b.example.com"], 1)
}

fn both() -> String {
    format!("[{},{}]", a(), b())
}

#[tokio::test]
async fn lists_that_are_odd_or_broken_somewhere() {
    let between = |middle: &str| json(format!("[{},{middle},{}]", a(), b()));
    let first = |from: &str, to: &str| json(both().replacen(from, to, 1));
    let deep =
        format!("[{},{{\"name_value\":\"d.example.com\",\"x\":{}{}}}]", a(), "[".repeat(100_000), "]".repeat(100_000));
    let giant = format!("[{},{}]", record(1, 3, 3, &[&"g".repeat(3 << 20), "c.example.com"], 1), a());
    for (what, acts, expected) in [
        ("a byte order mark", json(format!("\u{feff}{}", both())), (Class::Whole, "a b")),
        ("line breaks of an old Mac", first("\":", "\":\r"), (Class::Whole, "a b")),
        ("numbers with a point", first("\"id\":1,", "\"id\":1.5e3,"), (Class::Whole, "a b")),
        ("a key twice", first("\"id\":1,", "\"id\":1,\"id\":2,"), (Class::Whole, "a b")),
        ("the year 0", first("2026-10-02T15", "0000-01-01T15"), (Class::Whole, "a b")),
        ("the year 9999 with a zone", first("2026-12-31T15:04:40", "9999-12-31T23:59:59+02:00"), (Class::Whole, "a b")),
        ("dates that are none", first("\"2026-10-02T15:04:41\"", "[{}]"), (Class::Whole, "a b")),
        (
            "a lone surrogate beside a name",
            first("a.example.com\",\"id", "\\ud800.example.com\\na.example.com\",\"id"),
            (Class::Whole, "a b"),
        ),
        ("a name in escapes", first("\"name_value\":\"a.", "\"name_value\":\"\\u0063."), (Class::Whole, "b c")),
        ("a NUL in a name", first("\"name_value\":\"a.", "\"name_value\":\"a\\u0000."), (Class::Whole, "b")),
        ("a raw NUL in a name", first("\"name_value\":\"a.", "\"name_value\":\"a\0."), (Class::Whole, "b")),
        ("a name of three million octets", json(giant), (Class::Whole, "a c")),
        ("rows below zero", first("\"result_count\":1", "\"result_count\":-1"), (Class::Whole, "a b")),
        ("an object without names", between("{\"id\":7}"), (Class::Odd, "a b")),
        ("names that are a number", between("{\"name_value\":7}"), (Class::Odd, "a b")),
        ("a number among objects", between("5"), (Class::Odd, "a b")),
        ("null among objects", between("null"), (Class::Odd, "a b")),
        ("null before objects", json(format!("[null,{}]", both().trim_matches(['[', ']']))), (Class::Odd, "a b")),
        ("a sentence among objects", between("\"{ sorry\""), (Class::Odd, "a b")),
        ("a list among objects", between("[1]"), (Class::InPart, "a b")),
        ("nothing but null", json("[null]"), (Class::Nothing, "")),
        ("no number", first("\"id\":1,", "\"id\":NaN,"), (Class::InPart, "b")),
        ("lists within lists", json(deep), (Class::InPart, "a")),
        (
            "a second list behind the first",
            json(format!("{}[{}]", both(), record(1, 3, 3, &["c.example.com"], 1))),
            (Class::InPart, "a b c"),
        ),
        ("words behind the list", json(format!("{}garbage", both())), (Class::InPart, "a b")),
        ("a list within an object", json(format!("{{\"results\":{}}}", both())), (Class::Nothing, "")),
        ("a list within a text", json(format!("{:?}", both())), (Class::Nothing, "")),
        ("no object at all", json("{}"), (Class::Nothing, "")),
        ("null", json("null"), (Class::Nothing, "")),
        (
            "two octets a character",
            json(both().encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
            (Class::Nothing, ""),
        ),
        ("a comma-separated table", answer(200, "text/csv", "", "id,name\n1,a.example.com\n"), (Class::Nothing, "")),
    ] {
        let (class, names, error) = play(acts).await;
        assert_eq!((class, names.as_str()), expected, "{what}: {error}");
    }
}

#[tokio::test]
async fn pages_of_somebody_in_between() {
    let login = "<html><head><title>Sign in</title><script>var x = '<b>';</script></head><body>Please <a href=/>sign in</a></body></html>";
    for (what, acts, expected, told) in [
        ("a login page", html(200, login), Class::Nothing, "Sign in Please sign in"),
        ("a login page that calls itself JSON", json(login), Class::Nothing, "Please sign in"),
        ("no content", answer(204, "application/json", "", ""), Class::Nothing, "status 204"),
        ("part of the content", answer(206, "application/json", "", &both()[..40]), Class::Nothing, "status 206"),
        ("a list under a failure", answer(500, "application/json", "", both()), Class::Nothing, "status 500"),
        ("words under a failure", answer(503, "application/json", "", r#"{"error":"busy"}"#), Class::Nothing, "busy"),
        ("a list under a refusal", answer(403, "application/json", "", both()), Class::Refused, "status 403"),
        ("a status of nobody", answer(999, "text/plain", "", "odd"), Class::Nothing, "odd"),
        ("a choice", answer(300, "text/html", "", ""), Class::Refused, "status 300"),
    ] {
        let (class, names, error) = play(acts).await;
        assert_eq!((class, names.as_str()), (expected, ""), "{what}: {error}");
        assert!(error.contains(told), "{what}: {error}");
    }
}

fn gzip(text: &str, damage: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    let mut packed = packer.finish().unwrap();
    damage(&mut packed);
    packed
}

fn packed(coding: &str, octets: &[u8]) -> Vec<Act> {
    answer(200, "application/json", &format!("Content-Encoding: {coding}\r\n"), octets)
}

fn raw(headers: &str, body: &str) -> Vec<Act> {
    let mut octets = head(200, headers);
    octets.extend_from_slice(body.as_bytes());
    vec![Act::Send(octets)]
}

#[tokio::test]
async fn transfers_that_lie_or_break_off() {
    let whole = both();
    let length = whole.len();
    let last = |packed: &mut Vec<u8>, octet: usize| {
        let at = packed.len() - octet;
        packed[at] ^= 1;
    };
    let zstd = zstd::bulk::compress(whole.as_bytes(), 3).unwrap();
    let chunk = |size: &str, body: &str| raw("Transfer-Encoding: chunked\r\n", &format!("{size}\r\n{body}"));
    let endless = (0..600).map(|_| Act::Send(format!("X-Filler: {}\r\n", "y".repeat(1000)).into_bytes()));
    let head_without_end: Vec<Act> =
        std::iter::once(Act::Send(b"HTTP/1.1 200 OK\r\n".to_vec())).chain(endless).collect();
    for (what, acts, expected) in [
        ("a checksum that is wrong", packed("gzip", &gzip(&whole, |packed| last(packed, 8))), Class::Nothing),
        ("a length that is wrong", packed("gzip", &gzip(&whole, |packed| last(packed, 4))), Class::Nothing),
        ("a cut in what is packed", packed("gzip", &gzip(&whole, |packed| packed.truncate(60))), Class::Nothing),
        (
            "octets behind what is packed",
            packed("gzip", &gzip(&whole, |packed| packed.extend(b"garbage"))),
            Class::Whole,
        ),
        ("packed by name only", packed("gzip", whole.as_bytes()), Class::Nothing),
        ("a cut in brotli", packed("br", b"\x1b\x0f\x00\xf8"), Class::Nothing),
        ("zstd", packed("zstd", &zstd), Class::Whole),
        ("a cut in zstd", packed("zstd", &zstd[..zstd.len() - 9]), Class::Nothing),
        ("a length too short", raw(&format!("Content-Length: {}\r\n", length / 4), &whole), Class::Nothing),
        ("a length too long", raw(&format!("Content-Length: {}\r\n", length + 1), &whole), Class::Nothing),
        ("a length below zero", raw("Content-Length: -5\r\n", &whole), Class::Nothing),
        ("two lengths", raw(&format!("Content-Length: 3\r\nContent-Length: {length}\r\n"), &whole), Class::Nothing),
        ("a chunk cut off", chunk("ffff", &whole), Class::Nothing),
        ("a chunk without a size", chunk("zz", &whole), Class::Nothing),
        ("no header", vec![Act::Send(whole.clone().into_bytes())], Class::Nothing),
        ("a header without an end", head_without_end, Class::Nothing),
        ("nothing", vec![], Class::Nothing),
    ] {
        let (class, _, error) = play(acts).await;
        assert_eq!(class, expected, "{what}: {error}");
    }
}

#[tokio::test]
async fn an_issuance_that_is_none_is_passed_by_and_told() {
    let service = CtService::start(|asked| match asked.parameter("after") {
        None => json(format!("[{},{{\"id\":\"2\",\"oops\":1}}]", issuance(1, &["a.example.com"]))),
        Some("2") => json(r#"[{"id":"3","cert_der":"AAAA","not_before":"2026-01-01T00:00:00Z"}]"#),
        Some("3") => json(format!("[{}]", issuance(4, &["b.example.com"]))),
        Some(_) => json("[]"),
    })
    .await;
    let fetched = Setup::new(&service, "example.com", &[Service::Certspotter]).fetch().await;
    assert_eq!((fetched.names().join(" "), service.asked().len()), ("a.example.com b.example.com".to_owned(), 4));
    let error = fetched.error();
    assert!(error.starts_with("2 parts of the answer are no records") && error.contains("oops"), "{error}");
}
