//! How CT search services behave, good and bad, and what must come of it: one test a behaviour.

use std::time::Duration;

use base64::Engine as _;
use ctclimb::case::Case;
use ctclimb::issuance::Collection;
use ctclimb::limit::{Rate, Rates, Throttle};
use ctclimb::name::DropClass;
use ctclimb::source::dump;
use ctclimb::source::live::{Budget, Event, FetchPlan, Service, Wait};

use super::ct_run::{Fetched, Setup};
use super::ct_service::{Act, Asked, Certificate, CtService, FakeCrtsh, answer, head, html, issuance, json, record};

const CRTSH: &[Service] = &[Service::Crtsh];
const CERTSPOTTER: &[Service] = &[Service::Certspotter];
const BOTH: &[Service] = &[Service::Crtsh, Service::Certspotter];

/// Headers that crt.sh writes into the body when it fails.
const BEGIN: &str = "[BEGIN_HEADERS]\nContent-Type: application/json\nAccess-Control-Allow-Origin: *\n[END_HEADERS]\n";

/// One fetch of `example.com` from a crt.sh that answers as told, and how often it was asked.
async fn crtsh(script: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static) -> (Fetched, usize) {
    let service = CtService::start(script).await;
    let fetched = Setup::new(&service, "example.com", CRTSH).fetch().await;
    (fetched, service.asked().len())
}

/// As [`crtsh`], of Cert Spotter.
async fn certspotter(script: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static) -> (Fetched, usize) {
    let service = CtService::start(script).await;
    let fetched = Setup::new(&service, "example.com", CERTSPOTTER).fetch().await;
    (fetched, service.asked().len())
}

fn good() -> Vec<Act> {
    json(format!("[{}]", record(1, 1, 1, &["a.example.com"], 1)))
}

/// `first` once, then a good answer.
async fn crtsh_after(first: Vec<Act>) -> (Fetched, usize) {
    crtsh(move |asked| if asked.nth == 0 { first.clone() } else { good() }).await
}

fn assert_recovered((fetched, asked): &(Fetched, usize)) {
    assert!(fetched.only().complete, "{:?}", fetched.only());
    assert_eq!((fetched.names(), *asked), (vec!["a.example.com".to_owned()], 2));
}

#[tokio::test]
async fn b01_an_empty_list_is_success_without_certificates() {
    let (fetched, asked) = crtsh(|_| json("[]")).await;
    assert!(fetched.outcome.is_complete() && !fetched.outcome.is_failure());
    assert_eq!((fetched.only().records, fetched.only().pages, asked), (0, 1, 1));
}

#[tokio::test]
async fn b02_a_refusal_in_html_is_shown_without_tags_and_not_repeated() {
    let page = format!("{BEGIN}<BR><BR>Unsupported use of '%'</BODY>");
    let (fetched, asked) = crtsh(move |_| html(200, &page)).await;
    assert_eq!((fetched.error(), asked), ("Unsupported use of '%'", 1));
    assert!(fetched.outcome.is_failure());
}

#[tokio::test]
async fn b03_an_error_in_mid_answer_is_tried_again_and_else_kept_under_a_mark() {
    let two = format!("{},{}", record(1, 1, 1, &["a.example.com"], 1), record(1, 2, 2, &["b.example.com"], 1));
    let page = format!("{BEGIN}[{two}<BR><BR>server closed the connection</BODY>");
    assert_recovered(&crtsh_after(html(200, &page)).await);
    let (fetched, asked) = crtsh(move |_| html(200, &page)).await;
    assert_eq!(asked, 3, "three failures in a row");
    assert!(!fetched.only().complete);
    assert!(fetched.error().starts_with("in part only"), "{}", fetched.error());
    assert!(fetched.error().contains("server closed the connection") && !fetched.error().contains('<'));
    assert_eq!(fetched.names(), ["a.example.com", "b.example.com"]);
}

#[tokio::test]
async fn b04_the_database_message_behind_an_error_page_decides() {
    let page = |message: &str| {
        let text = format!("<html><B>6.02</B><TEXTAREA rows=5>ERROR:  {message}\nCONTEXT: x</TEXTAREA></html>");
        html(503, &text)
    };
    for message in ["canceling statement due to conflict with recovery", "server conn crashed?"] {
        assert_recovered(&crtsh_after(page(message)).await);
    }
    let service = CtService::start(move |_| page("canceling statement due to statement timeout")).await;
    let fetched = Setup::new(&service, "example.com", CRTSH).fetch().await;
    let targets = service.targets();
    let mut distinct = targets.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), targets.len(), "the same query is not repeated: {targets:?}");
    assert!(targets[1].contains("group=icaid"), "{targets:?}");
    let error = fetched.error();
    assert!(
        fetched.only().truncated && error.contains("cannot answer") && error.contains("statement timeout"),
        "{error}"
    );
}

#[tokio::test]
async fn b05_the_deadline_of_the_front_end_is_tried_once_more_then_asked_differently() {
    let error = || answer(503, "text/plain", "", "ERROR");
    assert_recovered(&crtsh_after(error()).await);
    let service = CtService::start(move |asked| match asked.parameter("group").or(asked.parameter("excludeCAs")) {
        None => error(),
        Some("icaid") => json(r#"[{"issuer_ca_id":7,"issuer_name":"CN=7","name_value":"","id":1,"num_certs":3,"result_count":3},{"issuer_ca_id":8,"issuer_name":"CN=8","name_value":"","id":1,"num_certs":1,"result_count":1}]"#),
        Some("7") => json(format!("[{}]", record(8, 1, 1, &["b.example.com"], 1))),
        Some(_) => json(format!("[{}]", record(7, 2, 2, &["a.example.com"], 1))),
    })
    .await;
    let fetched = Setup::new(&service, "example.com", CRTSH).fetch().await;
    let plain = |target: &&String| !target.contains("excludeCAs") && !target.contains("group");
    assert_eq!(service.targets().iter().filter(plain).count(), 2, "one retry, then split");
    assert_eq!(fetched.names(), ["a.example.com", "b.example.com"]);
    assert!(fetched.only().complete, "{:?}", fetched.only());
}

#[tokio::test]
async fn b06_a_gateway_that_fails_is_tried_again_a_few_times_and_named() {
    for status in [502, 504] {
        let page = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>";
        assert_recovered(&crtsh_after(html(status, page)).await);
        let (fetched, asked) = crtsh(move |_| html(status, page)).await;
        assert_eq!(asked, 3);
        let error = fetched.error();
        assert!(
            error.contains(&status.to_string()) && error.contains("Bad Gateway") && !error.contains('<'),
            "{error}"
        );
        let waits = fetched.events.iter().filter(|event| matches!(event, Event::Waiting { wait: Wait::Failure, .. }));
        assert_eq!(waits.count(), 2, "it backs off between tries");
    }
}

#[tokio::test]
async fn b07_retry_after_is_obeyed_within_the_budget_and_else_the_run_stops_resumable() {
    let limited = |header: &str| answer(429, "text/html", header, "<html>Too Many Requests</html>");
    // In seconds, as a date that has passed, absent, zero: the next try succeeds.
    for header in ["Retry-After: 1\r\n", "Retry-After: Fri, 02 Jan 2026 03:04:05 GMT\r\n", "", "Retry-After: 0\r\n"] {
        let outcome = crtsh_after(limited(header)).await;
        assert_recovered(&outcome);
        let asked =
            |event: &Event| matches!(event, Event::Waiting { wait: Wait::Asked, time, .. } if time.as_secs() == 1);
        assert_eq!(outcome.0.events.iter().any(asked), header.contains(": 1"), "{header}");
    }
    let date = jiff::Timestamp::now() + Duration::from_secs(7200);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date).unwrap();
    for header in ["Retry-After: 3600\r\n".to_owned(), format!("Retry-After: {date}\r\n")] {
        let (fetched, asked) = crtsh(move |_| limited(&header)).await;
        assert_eq!(asked, 1, "no second try before its time");
        let error = fetched.error();
        assert!(error.contains("rate limited") && error.contains("the same command goes on"), "{error}");
    }
}

#[tokio::test]
async fn b08_a_503_of_the_rate_limiter_counts_as_429_and_the_default_limits_prevent_it() {
    let page = "<html><center><h1>503 Service Temporarily Unavailable</h1></center><hr><center>nginx</center></html>";
    assert_recovered(&crtsh_after(html(503, page)).await);
    let Rate::Per { count, period, burst } = Rates::default().crtsh else { panic!("crt.sh is limited") };
    assert!(burst <= 5 && period / count >= Duration::from_secs(1), "below 60 a minute and bursts of 5");
}

#[tokio::test]
async fn b09_a_blocked_user_agent_stops_the_source_at_once_with_the_text() {
    let text = "Your user agent is blocked. See https://groups.example/g/crtsh";
    let (fetched, asked) = crtsh(move |_| answer(403, "text/plain", "", text)).await;
    assert_eq!(asked, 1);
    assert!(fetched.error().contains(text), "{}", fetched.error());
}

#[tokio::test]
async fn b10_a_missing_path_is_a_source_that_is_not_there() {
    let (fetched, asked) = crtsh(|_| html(404, "<h1>404 Not Found</h1>")).await;
    assert!(fetched.outcome.is_failure() && asked == 1);
    assert!(fetched.error().contains("404"), "{}", fetched.error());
}

#[tokio::test]
async fn b11_a_body_that_is_empty_or_cut_is_tried_again_and_never_nothing() {
    let whole = format!("[{},{}]", record(1, 1, 1, &["a.example.com"], 1), record(1, 2, 2, &["bücher.example.com"], 1));
    let inside_character = whole.find('ü').unwrap() + 1;
    let longer = |body: &[u8]| {
        let mut octets =
            head(200, &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len() + 9));
        octets.extend_from_slice(body);
        vec![Act::Send(octets)]
    };
    let unchunked = {
        let mut octets = head(200, "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n");
        octets.extend_from_slice(b"5\r\n[{\"id");
        vec![Act::Send(octets)]
    };
    for bad in [
        json(""),
        json(" \n"),
        json(&whole[..20]),
        json(&whole.as_bytes()[..inside_character]),
        json(&whole[..whole.len() - 1]),
        longer(whole.as_bytes()),
        longer(b"[]"),
        unchunked,
        vec![],
        vec![Act::Send(b"HTTP/1.1 200".to_vec())],
    ] {
        assert_recovered(&crtsh_after(bad.clone()).await);
        let (fetched, asked) = crtsh(move |_| bad.clone()).await;
        assert!(!fetched.outcome.is_complete() && asked == 3, "{:?}", fetched.only());
    }
}

#[tokio::test]
async fn b12_html_under_a_json_type_is_a_failure() {
    let page = || json("<html><body>We are <b>busy</b></body></html>");
    assert_recovered(&crtsh_after(page()).await);
    let (fetched, _) = crtsh(move |_| page()).await;
    assert!(fetched.error().contains("We are busy"), "{}", fetched.error());
    assert!(fetched.outcome.is_failure());
}

#[tokio::test]
async fn b13_objects_one_after_the_other_are_read_and_noted() {
    for between in ["", "\n"] {
        let one = record(1, 1, 1, &["a.example.com"], 1);
        let two = record(1, 2, 2, &["b.example.com"], 1);
        let (fetched, _) = crtsh(move |_| json(format!("{one}{between}{two}"))).await;
        assert_eq!(fetched.names(), ["a.example.com", "b.example.com"]);
        assert!(
            fetched.only().complete && fetched.only().notes.iter().any(|note| note.contains("one after the other"))
        );
    }
}

#[tokio::test]
async fn b14_old_and_new_shapes_and_big_numbers_are_read() {
    let body = r#"[
        {"min_cert_id":1,"min_entry_timestamp":"2018-01-01T00:00:00","issuer_ca_id":1,"issuer_name":"CN=x","name_value":"old.example.com","not_before":"2018-01-01T00:00:00","not_after":"2018-04-01T00:00:00"},
        {"issuer_ca_id":-1,"id":28000000000,"name_value":"new.example.com","surprise":{"deep":[1,{"x":null}]},"serial_number":"00ab"}
    ]"#;
    let (fetched, _) = crtsh(move |_| json(body)).await;
    assert_eq!(fetched.names(), ["new.example.com", "old.example.com"]);
    assert_eq!((fetched.only().records, fetched.only().odd.as_ref()), (2, None));
}

#[tokio::test]
async fn b15_nulls_are_values() {
    let body = r#"[{"issuer_ca_id":1,"issuer_name":"CN=x","common_name":null,"name_value":"a.example.com","id":1,"entry_timestamp":null,"not_before":null,"not_after":null,"serial_number":"01","result_count":1}]"#;
    let (fetched, _) = crtsh(move |_| json(body)).await;
    assert_eq!(fetched.names(), ["a.example.com"]);
    assert!(fetched.only().complete);
}

#[tokio::test]
async fn b16_times_have_any_number_of_digits_and_are_utc() {
    let times =
        ["2023-12-02T16:04:41", "2023-12-02T16:04:41.9", "2023-12-02T16:04:41.99", "2023-12-02T16:04:41.123456"];
    let records: Vec<String> = (0..)
        .zip(times)
        .map(|(n, time)| {
            let record = record(1, n, n, &["a.example.com"], 1).replace("2026-10-02T16:04:41.99", time);
            record.replace("2026-10-02T15:04:41", "2023-12-02T15:04:41")
        })
        .collect();
    let (fetched, _) = crtsh(move |_| json(format!("[{}]", records.join(",")))).await;
    assert_eq!(fetched.issuances.certificates(), 4);
    let begins: Vec<_> = fetched.issuances.issuances.iter().map(|issuance| issuance.not_before).collect();
    assert_eq!(begins, [Some(1_701_529_481); 4]);
}

#[tokio::test]
async fn b17_whatever_is_no_name_is_counted_by_class_and_wildcards_stay() {
    let names = [
        "A.Example.COM.",
        "*.w.example.com",
        "_acme.example.com",
        "xn--bcher-kva.example.com",
        "admin@example.com",
        "PayPal, Inc.",
        "https://example.com/x",
        "192.0.2.1",
        "*",
        "f*o.example.com",
        "",
        "r.example.com\\r",
        "b\\\\303\\\\251.example.com",
    ];
    let long = format!("{}.example.com", "x".repeat(64));
    let huge = format!("{}example.com", "abcdefg.".repeat(32));
    let mut all = names.to_vec();
    all.extend([long.as_str(), huge.as_str()]);
    let body = format!("[{}]", record(1, 1, 1, &all, 1));
    let (fetched, _) = crtsh(move |_| json(body.clone())).await;
    let expected =
        ["*.w.example.com", "_acme.example.com", "a.example.com", "r.example.com", "xn--bcher-kva.example.com"];
    assert_eq!(fetched.names(), expected);
    for class in [
        DropClass::Email,
        DropClass::Blank,
        DropClass::Uri,
        DropClass::IpAddress,
        DropClass::OddWildcard,
        DropClass::Empty,
        DropClass::Character,
        DropClass::LabelLength,
        DropClass::NameLength,
    ] {
        assert!(fetched.issuances.drops.count(class) > 0, "{class}");
    }
}

#[tokio::test]
async fn b18_scope_is_decided_by_labels() {
    let names = ["a.example.com", "notexample.com", "example.com.evil.org", "other.test"];
    let body = format!("[{}]", record(1, 1, 1, &names, 4));
    let (fetched, _) = crtsh(move |_| json(body.clone())).await;
    assert_eq!(fetched.names(), ["a.example.com"]);
    assert_eq!(fetched.issuances.drops.count(DropClass::OutOfScope), 3);
}

#[tokio::test]
async fn b19_a_precertificate_and_its_certificate_count_once() {
    let Some(body) = super::shared_data("ct/crtsh/gctu.edu.gh.2024-01.json") else { return };
    let service = CtService::start(move |_| json(&body)).await;
    let fetched = Setup::new(&service, "gctu.edu.gh", CRTSH).fetch().await;
    assert_eq!((fetched.only().records, fetched.issuances.certificates()), (907, 454));
    assert_eq!(fetched.only().rows_used, Some(5445));
    assert!(!fetched.only().truncated);
}

/// `count` certificates of an issuer, names made by `name`.
fn certificates(issuer: i64, count: usize, name: impl Fn(usize) -> String) -> Vec<Certificate> {
    (0..count).map(|n| Certificate { issuer, names: vec![name(n)], expired: false }).collect()
}

async fn capped(certificates: Vec<Certificate>) -> (Fetched, Vec<String>) {
    // 100 rows a record: an answer holds 100 records.
    let database = FakeCrtsh { certificates, rows: 100 };
    let service = CtService::start(move |asked| database.answer(asked)).await;
    let fetched = Setup::new(&service, "example.com", CRTSH).fetch().await;
    (fetched, service.targets())
}

#[tokio::test]
async fn b20_a_cut_answer_is_narrowed_first_without_duplicates() {
    let (fetched, targets) = capped(certificates(1, 80, |n| format!("n{n}.example.com"))).await;
    assert_eq!(targets.len(), 2);
    assert!(targets[1].contains("deduplicate=Y"));
    assert_eq!(fetched.names().len(), 80);
    assert!(fetched.only().complete && !fetched.only().truncated);
}

#[tokio::test]
async fn b20_a_cut_answer_is_narrowed_by_issuers_next() {
    // The largest comes first, so that the arbitrary subset shows nothing else.
    let mut all = certificates(1, 99, |n| format!("a{n}.example.com"));
    all.extend(certificates(2, 60, |n| format!("b{n}.example.com")));
    all.extend(certificates(3, 60, |n| format!("c{n}.example.com")));
    let (fetched, targets) = capped(all).await;
    assert_eq!(fetched.names().len(), 219, "{targets:#?}");
    assert!(fetched.only().complete && !fetched.only().truncated, "{:?}", fetched.only());
    assert!(targets.iter().any(|target| target.contains("excludeCAs=1&")), "{targets:#?}");
    assert!(fetched.only().notes.iter().any(|note| note.contains("narrower searches")));
}

#[tokio::test]
async fn b20_a_cut_answer_of_one_issuer_is_split_by_labels_and_called_a_sample() {
    let mut all = certificates(1, 80, |n| format!("n{n}.deep.example.com"));
    all.extend(certificates(1, 70, |n| format!("n{n}.other.example.com")));
    let (fetched, targets) = capped(all).await;
    assert!(targets.iter().any(|target| target.contains("dNSName=deep.example.com")), "{targets:#?}");
    assert!(targets.iter().any(|target| target.contains("dNSName=other.example.com")), "{targets:#?}");
    assert_eq!(fetched.names().len(), 150);
    assert!(fetched.only().truncated && fetched.error().contains("sampled"));
}

#[tokio::test]
async fn b20_few_records_that_use_all_rows_are_a_cut_answer_too() {
    let body = format!("[{}]", record(1, 1, 1, &["a.example.com"], 10_000));
    let (fetched, _) = crtsh(move |_| json(body.clone())).await;
    assert!(fetched.only().truncated && !fetched.outcome.is_complete());
    assert_eq!(fetched.only().rows_used, Some(10_000));
}

#[tokio::test]
async fn b20_narrowing_keeps_to_the_budget() {
    let all = (0..40)
        .flat_map(|issuer| certificates(issuer + 1, 30, move |n| format!("n{n}.i{issuer}.example.com")))
        .collect();
    let database = FakeCrtsh { certificates: all, rows: 100 };
    let service = CtService::start(move |asked| database.answer(asked)).await;
    let mut setup = Setup::new(&service, "example.com", CRTSH);
    setup.plan.budget.requests = 7;
    let fetched = setup.fetch().await;
    assert_eq!(service.asked().len(), 7);
    assert!(fetched.only().truncated && fetched.error().contains("budget of 7 requests"), "{:?}", fetched.only());
}

#[tokio::test]
async fn b21_a_domain_with_a_hyphen_loses_no_names() {
    let names = ["my-domain.com", "www.my-domain.com", "*.x.my-domain.com"];
    let certificates = names.map(|name| Certificate { issuer: 1, names: vec![name.into()], expired: false }).to_vec();
    let database = FakeCrtsh { certificates, rows: 1 };
    let service = CtService::start(move |asked| database.answer(asked)).await;
    let fetched = Setup::new(&service, "my-domain.com", CRTSH).fetch().await;
    assert_eq!(fetched.names(), ["*.x.my-domain.com", "my-domain.com", "www.my-domain.com"]);
    assert!(service.targets()[0].contains("dNSName=my-domain.com&match=ILIKE&exclude=expired"));
}

#[tokio::test]
async fn b21_expired_certificates_come_when_asked_for() {
    let mut all = certificates(1, 1, |_| "new.example.com".into());
    all.push(Certificate { issuer: 1, names: vec!["old.example.com".into()], expired: true });
    let database = FakeCrtsh { certificates: all, rows: 1 };
    let service = CtService::start(move |asked| database.answer(asked)).await;
    let mut setup = Setup::new(&service, "example.com", CRTSH);
    assert_eq!(setup.fetch().await.names(), ["new.example.com"]);
    setup.plan.expired = true;
    let fetched = setup.fetch().await;
    assert_eq!(fetched.names(), ["new.example.com", "old.example.com"]);
    assert!(fetched.only().expired_included);
}

#[tokio::test]
async fn b22_a_slow_answer_is_awaited_and_an_endless_silence_is_not() {
    let late = |asked: &Asked| {
        let mut acts = if asked.nth == 0 { vec![Act::Wait(Duration::from_millis(300))] } else { vec![] };
        acts.extend(good());
        acts
    };
    let (fetched, asked) = crtsh(late).await;
    assert!(fetched.only().complete && asked == 1);
    let service = CtService::start(|asked| {
        // Headers first, then silence in mid-body; then silence from the start.
        let start = head(200, "Content-Type: application/json\r\nContent-Length: 100\r\n");
        if asked.nth == 0 { vec![Act::Send(start), Act::Hang] } else { vec![Act::Hang] }
    })
    .await;
    let mut setup = Setup::new(&service, "example.com", CRTSH);
    setup.http.silence = Duration::from_millis(100);
    let fetched = setup.fetch().await;
    assert!(fetched.error().contains("no complete answer within"), "{}", fetched.error());
}

#[tokio::test]
async fn b22_a_drip_without_end_is_cut_at_the_deadline_of_the_request() {
    let service = CtService::start(|_| {
        let start = head(200, "Content-Type: application/json\r\n");
        let drip = [Act::Send(b" ".to_vec()), Act::Wait(Duration::from_millis(20))];
        std::iter::once(Act::Send(start)).chain(drip.into_iter().cycle().take(10_000)).collect()
    })
    .await;
    let mut setup = Setup::new(&service, "example.com", CRTSH);
    setup.http.request = Duration::from_millis(300);
    setup.plan.patience.retries = 0;
    let fetched = setup.fetch().await;
    assert!(fetched.error().contains("no complete answer within 0.3 s"), "{}", fetched.error());
}

#[tokio::test]
async fn b22_a_drip_without_end_is_cut_at_the_end_of_the_run() {
    let service = CtService::start(|_| {
        let start = head(200, "Content-Type: application/json\r\n");
        let drip = [Act::Send(b" ".to_vec()), Act::Wait(Duration::from_millis(20))];
        std::iter::once(Act::Send(start)).chain(drip.into_iter().cycle().take(10_000)).collect()
    })
    .await;
    let mut setup = Setup::new(&service, "example.com", CRTSH);
    setup.plan.budget.time = Duration::from_secs(1);
    let fetched = setup.fetch().await;
    assert_eq!(fetched.error(), "the 1 s of this run are over; the same command goes on");
}

#[tokio::test]
async fn b22_a_run_that_was_dropped_goes_on_where_it_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("case");
    let service = CtService::start(|asked| match asked.parameter("after") {
        None => json(format!("[{}]", issuance(1, &["a.example.com"]))),
        Some("1") if asked.nth == 1 => vec![Act::Hang],
        Some("1") => json(format!("[{}]", issuance(2, &["b.example.com"]))),
        Some(_) => json("[]"),
    })
    .await;
    let setup = Setup::new(&service, "example.com", CERTSPOTTER);
    let stopped = tokio::time::timeout(Duration::from_millis(700), setup.fetch_case(&path)).await;
    assert!(stopped.is_err());
    let fetched = setup.fetch_case(&path).await;
    assert_eq!(fetched.names(), ["a.example.com", "b.example.com"]);
    let first_page = service.targets().iter().filter(|target| !target.contains("after=")).count();
    assert_eq!(first_page, 1, "nothing is asked twice");
}

#[tokio::test]
async fn b23_an_empty_answer_after_a_full_one_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("case");
    let service = CtService::start(|asked| if asked.nth == 1 { json("[]") } else { good() }).await;
    let mut setup = Setup::new(&service, "example.com", CRTSH);
    assert_eq!(setup.fetch_case(&path).await.names(), ["a.example.com"]);
    setup.now += Duration::from_secs(48 * 3600);
    let second = setup.fetch_case(&path).await;
    assert_eq!(second.names(), ["a.example.com"]);
    assert!(second.only().notes.iter().any(|note| note.contains("empty answer")), "{:?}", second.only());
    // Within its freshness the doubtful answer is not asked for again, and not believed either.
    assert_eq!(setup.fetch_case(&path).await.names(), ["a.example.com"]);
    assert_eq!(service.asked().len(), 2);
    setup.now += Duration::from_secs(48 * 3600);
    let third = setup.fetch_case(&path).await;
    assert_eq!((third.names().len(), third.only().notes.len()), (1, 0));
}

#[tokio::test]
async fn b24_calls_to_one_host_never_overlap() {
    let service = CtService::start(|_| {
        let mut acts = vec![Act::Wait(Duration::from_millis(30))];
        acts.extend(good());
        acts
    })
    .await;
    let setup = Setup::new(&service, "example.com", CRTSH);
    futures::future::join_all((0..4).map(|_| setup.fetch())).await;
    let asked = service.asked();
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|asked| asked.at_once == 1), "one request in flight");
}

#[tokio::test]
async fn b25_all_pages_are_read_to_the_empty_one() {
    let page = |from: usize, count: usize| {
        let issuances: Vec<String> =
            (from..from + count).map(|id| issuance(id, &[&format!("n{id}.example.com")])).collect();
        json(format!("[{}]", issuances.join(",")))
    };
    let service = CtService::start(move |asked| match asked.parameter("after") {
        None => page(1, 100),
        Some("100") => page(101, 113),
        Some("213") => page(214, 1),
        Some(_) => json("[]"),
    })
    .await;
    let setup = Setup::new(&service, "example.com", CERTSPOTTER);
    let fetched = setup.fetch().await;
    assert_eq!((fetched.only().records, fetched.only().pages, service.asked().len()), (214, 4, 4));
    assert!(fetched.only().complete);
    let asked = service.asked().remove(0);
    assert_eq!(asked.headers["authorization"], "Bearer k_secret");
    assert!(asked.headers["user-agent"].starts_with("ctclimb/"));
}

#[tokio::test]
async fn b25_a_cursor_that_repeats_or_is_missing_ends_the_pages_as_incomplete() {
    let (fetched, asked) = certspotter(|_| json(format!("[{}]", issuance(1, &["a.example.com"])))).await;
    assert_eq!((asked, fetched.error()), (2, "the same cursor came twice"));
    let without = issuance(1, &["a.example.com"]).replace(r#""id":"1","#, "");
    let (fetched, asked) = certspotter(move |_| json(format!("[{without}]"))).await;
    assert!(asked == 1 && fetched.error().contains("no id"), "{}", fetched.error());
    assert_eq!(fetched.names(), ["a.example.com"]);
}

#[tokio::test]
async fn b25_more_pages_than_the_budget_stop_with_the_cursor_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("case");
    let service = CtService::start(|asked| {
        let after: usize = asked.parameter("after").map_or(0, |after| after.parse().unwrap());
        if after == 5 {
            json("[]")
        } else {
            json(format!("[{}]", issuance(after + 1, &[&format!("n{after}.example.com")])))
        }
    })
    .await;
    let mut setup = Setup::new(&service, "example.com", CERTSPOTTER);
    setup.plan.budget.requests = 2;
    let first = setup.fetch_case(&path).await;
    assert!(first.error().contains("budget of 2 requests"), "{}", first.error());
    let case = Case::open_read_only(&path).unwrap();
    assert_eq!(case.cursor("certspotter").unwrap().unwrap().cursor.as_deref(), Some("2"));
    drop(case);
    setup.fetch_case(&path).await;
    let third = setup.fetch_case(&path).await;
    assert!(third.only().complete && service.asked().len() == 6, "{:?}", third.only());
    assert_eq!(third.names().len(), 5);
}

#[tokio::test]
async fn b26_ids_dates_and_issuers_come_in_several_shapes() {
    let body = r#"[
        {"id":7,"dns_names":["a.example.com"],"issuer":"C=US, O=Text","not_before":"2016-11-01T13:44:39-00:00","not_after":"2017-01-30T13:44:39-00:00"},
        {"id":"8","dns_names":["b.example.com"],"issuer":null,"not_before":"2026-10-02T15:04:41Z","not_after":null,"tbs_sha256":null}
    ]"#;
    let (fetched, asked) = certspotter(move |asked| if asked.nth == 0 { json(body) } else { json("[]") }).await;
    assert_eq!((fetched.names(), asked), (vec!["a.example.com".into(), "b.example.com".into()], 2));
    assert!(fetched.only().complete);
}

#[tokio::test]
async fn b27_a_limit_on_page_k_keeps_the_pages_before_and_resumes_exactly_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("case");
    let service = CtService::start(|asked| {
        let after: usize = asked.parameter("after").map_or(0, |after| after.parse().unwrap());
        match (after, asked.nth) {
            (3, 3) => answer(
                429,
                "application/json",
                "Retry-After: 3600\r\n",
                r#"{"code":"rate_limited","message":"slow down"}"#,
            ),
            (5, _) => json("[]"),
            _ => json(format!("[{}]", issuance(after + 1, &[&format!("n{after}.example.com")]))),
        }
    })
    .await;
    let setup = Setup::new(&service, "example.com", CERTSPOTTER);
    let first = setup.fetch_case(&path).await;
    assert_eq!((first.names().len(), service.asked().len()), (3, 4));
    assert!(first.error().contains("rate limited"), "{}", first.error());
    let later = Setup::new(&service, "example.com", CERTSPOTTER).fetch_case(&path).await;
    assert!(later.only().complete && later.names().len() == 5);
    let expected = ["3", "4", "5"].map(str::to_owned);
    let asked = service.asked();
    let resumed: Vec<String> = asked[4..].iter().map(|asked| asked.parameter("after").unwrap().to_owned()).collect();
    assert_eq!(resumed, expected);
}

#[tokio::test]
async fn b28_an_error_object_is_an_error_with_its_message_whatever_the_status() {
    for (status, code, tries) in [
        (200, "not_allowed_by_plan", 1),
        (403, "not_allowed_by_plan", 1),
        (404, "not_found", 1),
        (429, "rate_limited", 4),
        (410, "api_discontinued", 1),
        (500, "internal_error", 3),
    ] {
        let body = format!(r#"{{"code":"{code}","message":"the eTLD\u001b[31m rule"}}"#);
        let (fetched, asked) = certspotter(move |_| answer(status, "application/json", "", &body)).await;
        let error = fetched.error();
        assert!(error.contains(code) && error.contains("the eTLD") && !error.contains('\u{1b}'), "{error}");
        assert_eq!(asked, tries, "{status} {code}");
    }
}

#[tokio::test]
async fn b29_one_source_down_is_told_and_the_other_used() {
    let service = CtService::start(|asked| match (asked.is_certspotter(), asked.parameter("after")) {
        (false, _) => html(502, "<h1>502 Bad Gateway</h1>"),
        (true, None) => json(format!("[{}]", issuance(1, &["a.example.com"]))),
        (true, Some(_)) => json("[]"),
    })
    .await;
    let mut setup = Setup::new(&service, "example.com", BOTH);
    setup.plan.expired = true;
    let fetched = setup.fetch().await;
    assert_eq!(fetched.names(), ["a.example.com"]);
    let [crtsh, certspotter] = fetched.outcome.services.as_slice() else { panic!("two services") };
    assert!(crtsh.error.as_deref().unwrap().contains("502") && certspotter.complete);
    assert!(certspotter.notes.iter().any(|note| note.contains("unexpired certificates only")));
    assert!(!fetched.outcome.is_complete() && !fetched.outcome.is_failure());
}

#[tokio::test]
async fn b29_another_source_stands_in_where_nobody_named_one_and_the_first_is_down() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("case");
    for (up, asked) in [(false, 1), (true, 0)] {
        let service = CtService::start(move |asked| match asked.is_certspotter() {
            true if asked.parameter("after").is_some() => json("[]"),
            true => json(format!("[{}]", issuance(1, &["a.example.com"]))),
            false if up => json("[]"),
            false => html(403, "blocked"),
        })
        .await;
        let mut setup = Setup::new(&service, "example.com", &[Service::Crtsh]);
        setup.plan.stand_in = Some(Service::Certspotter);
        let fetched = setup.fetch_case(&path).await;
        assert_eq!(fetched.outcome.services.len(), 1 + asked);
        assert_eq!(service.targets().iter().filter(|target| target.starts_with("/v1")).count(), 2 * asked);
        assert_eq!((fetched.names().len(), fetched.outcome.is_complete()), (asked, up));
        // Who reads the case file later sees both.
        let mut case = Case::open_read_only(&path).unwrap();
        setup.plan = FetchPlan::of_case(&case).unwrap().unwrap();
        assert_eq!(setup.plan.services.len(), 1 + asked);
        assert_eq!(setup.fetch_into(Some(&mut case)).await.unwrap().names().len(), asked);
        drop(case);
        std::fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn b29_both_sources_down_is_a_failure_with_both_reasons() {
    let service = CtService::start(|asked| {
        if asked.is_certspotter() { html(404, "<h1>Not Found</h1>") } else { html(502, "<h1>Bad Gateway</h1>") }
    })
    .await;
    let fetched = Setup::new(&service, "example.com", BOTH).fetch().await;
    assert!(fetched.outcome.is_failure());
    let errors: Vec<_> = fetched.outcome.services.iter().map(|service| service.error.clone().unwrap()).collect();
    assert!(errors[0].contains("502") && errors[1].contains("404"), "{errors:?}");
}

#[tokio::test]
async fn b29_an_answer_too_big_is_asked_for_by_the_labels_another_source_knows() {
    let page = "<TEXTAREA>canceling statement due to statement timeout</TEXTAREA>";
    let service = CtService::start(move |asked| match (asked.is_certspotter(), asked.parameter("after")) {
        (true, None) => json(format!("[{}]", issuance(1, &["x.shop.example.com", "*.mail.example.com"]))),
        (true, Some(_)) => json("[]"),
        (false, _) => match asked.parameter("dNSName") {
            Some("shop.example.com") => json(format!("[{}]", record(1, 1, 1, &["y.shop.example.com"], 1))),
            Some("mail.example.com") => json("[]"),
            _ => html(503, page),
        },
    })
    .await;
    let fetched = Setup::new(&service, "example.com", BOTH).fetch().await;
    assert_eq!(fetched.names(), ["*.mail.example.com", "x.shop.example.com", "y.shop.example.com"]);
    assert!(fetched.outcome.services[0].truncated);
}

/// A precertificate as logs hold it: the critical poison (RFC 6962 §3.1), and names of all kinds.
fn precertificate() -> rcgen::Certificate {
    let text = |text: &str| text.try_into().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.subject_alt_names = vec![
        rcgen::SanType::DnsName(text("*.a.example.com")),
        rcgen::SanType::Rfc822Name(text("x@example.com")),
        rcgen::SanType::URI(text("https://b.example.com/")),
        rcgen::SanType::IpAddress("192.0.2.1".parse().unwrap()),
        rcgen::SanType::DnsName(text("a.example.com")),
    ];
    let mut poison = rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 3], vec![5, 0]);
    poison.set_criticality(true);
    params.custom_extensions.push(poison);
    params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap()
}

#[tokio::test]
async fn b31_a_precertificate_with_names_of_all_kinds_is_read_as_pem_and_in_an_answer() {
    let certificate = precertificate();
    let mut collection = Collection::new(None);
    dump::read(std::io::Cursor::new(certificate.pem()), "saved from ?d=", &mut collection).unwrap();
    let der = base64::engine::general_purpose::STANDARD.encode(certificate.der());
    let body = format!(r#"[{{"id":"1","cert_der":"{der}","not_before":"2025-01-01T00:00:00Z"}}]"#);
    let service = CtService::start(move |asked| if asked.nth == 0 { json(&body) } else { json("[]") }).await;
    let fetched = Setup::new(&service, "example.com", CERTSPOTTER).fetch().await;
    for issued in [collection.finish(), fetched.issuances] {
        assert_eq!((issued.certificates(), issued.distinct_names()), (1, 2));
        for class in [DropClass::Email, DropClass::Uri, DropClass::IpAddress] {
            assert_eq!(issued.drops.count(class), 1, "{class}");
        }
    }
}

#[tokio::test]
async fn b31_the_certificate_in_an_answer_is_read() {
    let Some(pem) = super::any_navigli_leaf() else { return };
    let der: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let body = format!(r#"[{{"id":"1","cert_der":"{der}","not_before":"2025-01-01T00:00:00Z"}}]"#);
    let service = CtService::start(move |asked| if asked.nth == 0 { json(&body) } else { json("[]") }).await;
    let fetched = Setup::new(&service, "example.com", CERTSPOTTER).fetch().await;
    assert_eq!(fetched.records.len(), 1);
    assert!(!fetched.records[0].ends_with("[]"), "the names come from the certificate: {}", fetched.records[0]);
}

#[tokio::test]
async fn b32_gzip_chunks_and_redirects_on_the_host_are_followed() {
    use std::io::Write;
    let body = format!("[{}]", record(1, 1, 1, &["a.example.com"], 1));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(body.as_bytes()).unwrap();
    let packed = answer(200, "application/json", "Content-Encoding: gzip\r\n", gzip.finish().unwrap());
    let (left, right) = body.split_at(30);
    let chunks = format!("{:x}\r\n{left}\r\n{:x}\r\n{right}\r\n0\r\n\r\n", left.len(), right.len());
    let mut chunked = head(200, "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n");
    chunked.extend_from_slice(chunks.as_bytes());
    for whole in [packed, vec![Act::Send(chunked)]] {
        let (fetched, _) = crtsh(move |_| whole.clone()).await;
        assert_eq!(fetched.names(), ["a.example.com"]);
    }
    let (fetched, asked) = crtsh(|asked| {
        if asked.target.starts_with("/test/") {
            good()
        } else {
            answer(302, "text/html", "Location: /test/json\r\n", "")
        }
    })
    .await;
    assert_eq!((fetched.names().len(), asked), (1, 2));
}

#[tokio::test]
async fn b32_a_redirect_to_another_host_is_refused() {
    for target in ["https://evil.example/", "http://localhost:9/", "http://127.0.0.1:9/", "https://127.0.0.1/"] {
        let header = format!("Location: {target}\r\n");
        let (fetched, asked) = crtsh(move |_| answer(302, "text/html", &header, "")).await;
        assert_eq!(asked, 1);
        let error = fetched.error();
        assert!(error.contains("redirect") && error.contains("refused") && !error.contains("evil"), "{error}");
    }
    let (fetched, asked) = crtsh(|_| answer(302, "text/html", "Location: /again\r\n", "")).await;
    assert!(fetched.error().contains("more than 3 times") && asked == 4, "{} {asked}", fetched.error());
}

#[tokio::test]
async fn a_body_of_brackets_or_a_bomb_is_bounded() {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        gzip.write_all(&vec![b'['; 1 << 16]).unwrap();
    }
    let bomb = answer(200, "application/json", "Content-Encoding: gzip\r\n", gzip.finish().unwrap());
    let endless = {
        let head = head(200, "Content-Type: application/json\r\n");
        std::iter::once(Act::Send(head)).chain(std::iter::repeat_n(Act::Send(vec![b'['; 1 << 16]), 64)).collect()
    };
    for acts in [bomb, endless] {
        let service = CtService::start(move |_| Vec::clone(&acts)).await;
        let mut setup = Setup::new(&service, "example.com", CRTSH);
        setup.http.octets = 1 << 20;
        let fetched = setup.fetch().await;
        assert!(fetched.error().contains("more than 1048576 octets"), "{:?}", fetched.only());
        assert!(fetched.outcome.is_failure());
    }
    // Below the bound, brackets are no list of records and no deep recursion.
    let (fetched, _) = crtsh(|_| json(vec![b'['; 1 << 20])).await;
    assert!(fetched.outcome.is_failure());
}

#[tokio::test]
async fn a_budget_of_time_ends_the_run_before_it_waits_past_it() {
    let service = CtService::start(|asked| json(format!("[{}]", issuance(asked.nth + 1, &["a.example.com"])))).await;
    let mut setup = Setup::new(&service, "example.com", CERTSPOTTER);
    let every = Rate::Per { count: 1, period: Duration::from_secs(3600), burst: 2 };
    setup.throttle = Throttle::new(Rates { certspotter: every, ..Rates::default() });
    setup.plan.budget = Budget { requests: 100, time: Duration::from_secs(5) };
    let fetched = setup.fetch().await;
    assert_eq!(service.asked().len(), 2);
    assert!(fetched.error().contains("the same command goes on"), "{}", fetched.error());
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_stood_in_for_by_an_older_answer() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("case");
    let service = CtService::start(|asked| if asked.nth == 0 { good() } else { html(502, "down") }).await;
    let mut setup = Setup::new(&service, "example.com", CRTSH);
    setup.fetch_case(&path).await;
    setup.now += Duration::from_secs(48 * 3600);
    let fetched = setup.fetch_case(&path).await;
    assert_eq!(fetched.names(), ["a.example.com"]);
    assert!(fetched.error().contains("2026-11-23") || fetched.error().contains("is used"), "{}", fetched.error());
}

#[tokio::test]
async fn no_port_open_is_a_failure_that_names_no_url_and_no_key() {
    let service = CtService::start(|_| good()).await;
    let mut setup = Setup::new(&service, "example.com", BOTH);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    setup.http.crtsh = format!("http://{closed}/");
    setup.http.certspotter = format!("http://{closed}/");
    let fetched = setup.fetch().await;
    assert!(fetched.outcome.is_failure());
    for service in &fetched.outcome.services {
        let error = service.error.as_deref().unwrap();
        assert!(
            error.contains("no connection") && !error.contains("dNSName") && !error.contains("k_secret"),
            "{error}"
        );
    }
}
