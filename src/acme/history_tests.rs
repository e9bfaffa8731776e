use super::*;
use proptest::prelude::*;
use std::fmt::Write as _;

fn none(_: &DomainName) -> Option<String> {
    None
}

fn of_text(text: &str) -> HistoryReport {
    let mut history = History::new(Some(1_706_745_600));
    text.lines().for_each(|line| history.add_line(line));
    history.finish(&none)
}

/// What each client writes of one failed authorization, name `a.example.net`, level `net`, 2023-12-20T10:00:00Z.
const CLIENTS: &[(&str, &str)] = &[
    (
        "certbot",
        "2023-12-20 10:00:00,123:DEBUG:acme.client:Received response:\nHTTP 200\nContent-Type: application/json\n\n{\n  \"identifier\": {\n    \"type\": \"dns\",\n    \"value\": \"a.example.net\"\n  },\n  \"status\": \"invalid\",\n  \"expires\": \"2023-12-27T10:00:00Z\",\n  \"challenges\": [\n    {\n      \"type\": \"dns-01\",\n      \"status\": \"invalid\",\n      \"error\": {\n        \"type\": \"urn:ietf:params:acme:error:dns\",\n        \"detail\": \"DNS problem: networking error looking up CAA for net\",\n        \"status\": 400\n      },\n      \"validated\": \"2023-12-20T10:00:00Z\"\n    }\n  ]\n}\n",
    ),
    (
        "certbot, summary",
        "2023-12-20 10:00:00,500:DEBUG:certbot._internal.display.obj:Notifying user:\nCertbot failed to authenticate some domains (authenticator: dns-x). The Certificate Authority reported these problems:\n  Domain: a.example.net\n  Type:   dns\n  Detail: DNS problem: networking error looking up CAA for net\n",
    ),
    (
        "lego",
        "2023/12/20 10:00:00 Could not obtain certificates:\n\terror: one or more domains had a problem:\n[a.example.net] acme: error: 400 :: urn:ietf:params:acme:error:dns :: DNS problem: networking error looking up CAA for net, problem: \"\"\n",
    ),
    (
        "acme.sh",
        "[Wed Dec 20 10:00:00 UTC 2023] a.example.net:Verify error:DNS problem: networking error looking up CAA for net\n",
    ),
    (
        "acme.sh, debug",
        "[Wed Dec 20 10:00:00 UTC 2023] response='{\"identifier\":{\"type\":\"dns\",\"value\":\"a.example.net\"},\"status\":\"invalid\",\"expires\":\"2024-01-01T00:00:00Z\",\"challenges\":[{\"type\":\"dns-01\",\"error\":{\"type\":\"urn:ietf:params:acme:error:dns\",\"detail\":\"DNS problem: networking error looking up CAA for net\",\"status\":400}}]}'\n",
    ),
    (
        "cert-manager",
        "E1220 10:00:00.123456       1 controller.go:208] \"cert-manager/challenges: error\" err=\"acme: authorization error for a.example.net: 400 urn:ietf:params:acme:error:dns: DNS problem: networking error looking up CAA for net\"\n",
    ),
    (
        "cert-manager, json",
        "{\"ts\":1703066400123.4,\"logger\":\"cert-manager\",\"msg\":\"failed\",\"error\":\"acme: authorization error for a.example.net: 400 urn:ietf:params:acme:error:dns: DNS problem: networking error looking up CAA for net\"}\n",
    ),
    (
        "Caddy",
        "{\"level\":\"error\",\"ts\":1703066400.123,\"logger\":\"tls.issuance.acme.acme_client\",\"msg\":\"challenge failed\",\"identifier\":\"a.example.net\",\"challenge_type\":\"dns-01\",\"problem\":{\"type\":\"urn:ietf:params:acme:error:dns\",\"title\":\"\",\"detail\":\"DNS problem: networking error looking up CAA for net\",\"instance\":\"\",\"subproblems\":[]}}\n",
    ),
    (
        "Java",
        "2023-12-20 10:00:00,123 ERROR [pool-1-thread-2] c.e.Certificates - order failed for a.example.net\norg.example.AcmeServerException: While processing CAA for a.example.net: DNS problem: networking error looking up CAA for net\n\tat c.e.Certificates.order(Certificates.java:12)\n",
    ),
    (
        "Docker around Traefik",
        "{\"log\":\"time=\\\"2023-12-20T10:00:00Z\\\" level=error msg=\\\"Unable to obtain ACME certificate for domains \\\\\\\"a.example.net\\\\\\\": acme: error: 400 :: urn:ietf:params:acme:error:dns :: While processing CAA for a.example.net: DNS problem: networking error looking up CAA for net, url: \\\"\\n\",\"stream\":\"stderr\",\"time\":\"2023-12-20T10:00:00.5Z\"}\n",
    ),
    (
        "syslog",
        "Dec 20 10:00:00 host prog[1]: [a.example.net] acme: error: 400 :: urn:ietf:params:acme:error:dns :: DNS problem: networking error looking up CAA for net\n",
    ),
    (
        "win-acme",
        " 2023-12-20 10:00:00.000 +00:00 [EROR] {\"type\":\"urn:ietf:params:acme:error:dns\",\"detail\":\"While processing CAA for a.example.net: DNS problem: networking error looking up CAA for net\",\"status\":400}\n",
    ),
];

#[test]
fn each_clients_log_gives_one_error_with_its_name_and_time() {
    for (client, log) in CLIENTS {
        let report = of_text(log);
        assert_eq!(report.errors, 1, "{client}: {report:?}");
        assert_eq!(report.levels[0].key, "net", "{client}");
        assert_eq!(report.zones.first().map(|zone| zone.key.as_str()), Some("example.net"), "{client}");
        assert_eq!(report.classes[0].first.as_deref(), Some("2023-12-20T10:00:00Z"), "{client}");
        assert_eq!(report.other_errors, BTreeMap::new(), "{client}");
    }
}

#[test]
fn logs_of_all_clients_in_one_stream_are_told_apart() {
    let all: String = CLIENTS.iter().map(|(_, log)| *log).collect();
    let report = of_text(&all);
    assert_eq!(report.errors, CLIENTS.len() as u64);
    assert_eq!(report.zones[0].count, CLIENTS.len() as u64);
}

#[test]
fn a_summary_counts_only_without_its_problems() {
    let summary = "403 urn:ietf:params:acme:error:caa: Error finalizing order :: Rechecking CAA for \"a.example.net\" and 1 more identifiers failed. Refer to sub-problems for more information";
    let problems = "\\n\\turn:ietf:params:acme:error:caa: [dns: a.example.net] Error finalizing order :: While processing CAA for a.example.net: CAA record for example.net prevents issuance\\n\\turn:ietf:params:acme:error:caa: [dns: b.example.net] Error finalizing order :: While processing CAA for b.example.net: CAA record for example.net prevents issuance";
    assert_eq!(of_text(summary).classes[0].key, "recheck-failed");
    let whole = of_text(&format!("reason: \"{summary}; subproblems:{problems}\""));
    assert_eq!((whole.errors, whole.classes[0].key.as_str()), (2, "policy-denies"));
    let lines = format!("{summary}\n{}", problems.replace("\\n", "\n").replace("\\t", "\t"));
    assert_eq!(of_text(&lines).errors, 2);
}

#[test]
fn a_type_and_its_folded_detail_belong_together() {
    let log = "  Reason: Failed to finalize Order: 403 urn:ietf:params:acme:error:caa: Error\n      finalizing order :: While processing CAA for a.example.net: CAA record for\n      example.net prevents issuance\n";
    assert_eq!((of_text(log).errors, of_text(log).classes[0].key.as_str()), (1, "policy-denies"));
    let other = "403 urn:ietf:params:acme:error:caa: the set does not permit this CA\nnext line\n";
    assert_eq!((of_text(other).errors, of_text(other).classes[0].key.as_str()), (1, "policy-denies"));
    let both = format!("{other}x urn:ietf:params:acme:error:dns :: DNS problem: SERVFAIL looking up CAA for net - x\n");
    assert_eq!(of_text(&both.replace("next line\n", "")).errors, 2);
}

#[test]
fn other_acme_errors_are_counted_apart() {
    let log = "2023-12-20 10:00:00 acme: error: 429 :: urn:ietf:params:acme:error:rateLimited :: too many certificates\n\
               2023-12-20 10:00:01 acme: error: 400 :: urn:ietf:params:acme:error:dns :: DNS problem: NXDOMAIN looking up TXT for _acme-challenge.a.example\n\
               2023-12-20 10:00:02 acme: error: 400 :: urn:ietf:params:acme:error:dns :: DNS problem: SERVFAIL looking up CAA for a.example - x\n";
    let report = of_text(log);
    assert_eq!(report.errors, 1);
    let folded = of_text(
        "[type] urn:ietf:params:acme:error:dns\n[detail] DNS problem: NXDOMAIN looking up TXT for _acme-challenge.a.example\n",
    );
    assert_eq!(folded.other_errors.values().sum::<u64>(), 1);
    let others: Vec<_> = report.other_errors.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    assert_eq!(others, [("dns (TXT lookup)", 1), ("rateLimited", 1)]);
}

#[test]
fn a_fivefold_rise_in_a_log_is_found_with_its_class() {
    let mut log = String::new();
    for day in 1..=30 {
        let (good, bad) = (20, if day < 21 { 4 } else { 40 });
        for count in 0..good + bad {
            let minute = count * 1440 / (good + bad);
            let class = if count % (good + bad) < good { "SERVFAIL" } else { "networking error" };
            let _ = writeln!(
                log,
                "2023-11-{day:02} {:02}:{:02}:00 While processing CAA for {count}.x.example.net: DNS problem: {class} looking up CAA for net",
                minute / 60,
                minute % 60
            );
        }
    }
    let report = of_text(&log);
    assert_eq!(report.rate.as_ref().unwrap().since.as_deref(), Some("2023-11-21T00:00:00Z"));
    let class = &report.rate_by_class["networking-error"];
    assert!((9.0..11.0).contains(&class.factor.unwrap()), "{class:?}");
    assert_eq!(report.rate_by_class["serv-fail"].since, None);
    assert_eq!(report.series_seconds, Some(86_400));
    assert!(report.series.iter().all(|series| series.counts.len() == 30));
}

#[test]
fn patterns_come_from_whoever_knows_them() {
    let mut history = History::new(None);
    for count in 0..50 {
        history.add_line(&format!(
            "While processing CAA for {count}.x.example.net: DNS problem: SERVFAIL looking up CAA for net - x"
        ));
    }
    assert_eq!(history.names().len(), 50);
    let report =
        history.finish(&|name| name.as_str().ends_with(".x.example.net").then(|| "{num}.x.example.net".into()));
    assert_eq!((report.patterns.len(), report.patterns[0].count), (1, 50));
    assert_eq!(report.rate, None, "no times, no rate");
}

#[test]
fn a_long_log_is_counted_exactly_and_sampled_for_the_rest() {
    let mut history = History::bounded(None, Bounds { keys: 100, sample: 500 });
    for count in 0..2_000u32 {
        history.add_line(&format!("DNS problem: networking error looking up CAA for n{count}.example.net"));
    }
    let report = history.finish(&|_| Some("{num}".into()));
    assert_eq!((report.errors, report.levels.len()), (2_000, 100));
    assert_eq!((report.patterns[0].count, report.explained[0].count), (2_000, 2_000));
    assert!(report.notes.iter().any(|note| note.ends_with("not counted by level: 1900.")), "{:?}", report.notes);
}

proptest! {
    #[test]
    fn any_lines_are_read(lines in proptest::collection::vec(any::<String>(), 0..20)) {
        let mut history = History::new(None);
        for line in &lines {
            history.add_line(line);
        }
        prop_assert_eq!(history.finish(&none).lines, lines.len() as u64);
    }

    #[test]
    fn cut_and_doubled_client_logs_are_read(cuts in proptest::collection::vec((0usize..12, 0usize..400), 1..8)) {
        let log: String = cuts.iter().map(|(client, at)| {
            let log = CLIENTS[client % CLIENTS.len()].1;
            &log[..super::super::detail::floor(log, *at)]
        }).collect();
        let mut out = Vec::new();
        super::super::write_history(&mut out, &of_text(&log), 80).unwrap();
        prop_assert!(out.iter().all(|octet| *octet == b'\n' || (b' '..=b'~').contains(octet)));
    }
}
