//! `ctclimb caa` as a process against scripted resolvers: what is sent, what is told, and what people get to read.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use serde_json::Value;

use crate::dns_program::{document, lines, program, run, run_with, stderr, stdout};
use crate::dns_server::{Act, DnsServer, Query};

const CAA: u16 = 257;
const A: u16 = 1;

/// The options of a quick run at one resolver, without the name servers.
fn at(server: &DnsServer) -> Vec<String> {
    ["-r", &server.address.to_string(), "--rate", "resolver=unlimited", "--no-deep"].map(str::to_owned).to_vec()
}

fn command(names: &[&str], more: &[&str], server: &DnsServer) -> std::process::Command {
    let options = at(server);
    let mut command = program(&["caa", "--now", "2026-01-02T03:04:05Z"]);
    command.args(names).args(options).args(more);
    if !more.contains(&"--timeout") {
        // Long enough for any answer on a busy machine.
        command.args(["--timeout", "20s"]);
    }
    command
}

/// No data, with the SOA record of the TLD.
fn empty(query: &Query) -> Vec<Act> {
    let tld = query.name.rsplit('.').next().unwrap().to_owned();
    query.reply(0).soa(&tld).send()
}

fn of_type<'v>(lines: &'v [Value], kind: &str) -> Vec<&'v Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

fn coverage(lines: &[Value]) -> &Value {
    of_type(lines, "coverage")[0]
}

/// The distinct questions a server saw, and how many.
fn asked(server: &DnsServer) -> (BTreeSet<String>, usize) {
    let log = server.log();
    (log.iter().map(|query| format!("{} {}", query.name, query.rtype)).collect(), log.len())
}

#[tokio::test]
async fn each_distinct_level_is_asked_once_whatever_the_number_of_names() {
    let server = DnsServer::start(empty).await;
    let names: String = (0..300)
        .map(|n| format!("n{n}.g{}.example.net\nN{n}.G{}.Example.NET.\n*.n{n}.g{}.example.net\n", n % 7, n % 7, n % 7))
        .collect();
    let output = run_with(command(&[], &["-f", "jsonl"], &server), names.into_bytes()).await;
    let lines = lines(&output);
    let (distinct, all) = asked(&server);
    // 300 names, 7 groups, the domain, the TLD.
    assert_eq!((distinct.len(), all), (309, 309), "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(of_type(&lines, "level").len(), 309);
    assert_eq!(of_type(&lines, "checked").len(), 600, "the wildcard form is judged by itself");
    assert_eq!((&coverage(&lines)["queries"], &coverage(&lines)["levels_asked"]), (&309.into(), &309.into()));
    let summary = lines.last().unwrap();
    assert_eq!(
        (&summary["type"], &summary["levels"], &summary["checked"]),
        (&"summary".into(), &309.into(), &600.into())
    );
}

#[tokio::test]
async fn retries_and_what_is_asked_after_a_failure_are_counted_as_they_arrive() {
    let server = DnsServer::start(|query| match (query.name.as_str(), query.rtype, query.nth) {
        // Lost once, then there.
        ("a.example.net", CAA, 0) => Vec::new(),
        ("b.example.net", CAA, _) => query.reply(2).send(),
        ("c.example.net", CAA, _) if !query.tcp => query.reply(0).flags(2, 0).send(),
        _ => empty(query),
    })
    .await;
    let names = ["a.example.net", "b.example.net", "c.example.net"];
    let output = run(command(&names, &["-f", "jsonl", "--timeout", "1s"], &server)).await;
    let lines = lines(&output);
    // 5 levels; one retry; with CD and for an address after SERVFAIL; over TCP after truncation.
    assert_eq!(asked(&server).1, 5 + 1 + 2 + 1);
    assert_eq!(coverage(&lines)["queries"], 9);
    let tries = |name: &str| {
        let level = of_type(&lines, "level").into_iter().find(|level| level["name"] == name).unwrap();
        (level["views"][0]["tries"].as_u64().unwrap(), level["views"][0]["transport"].as_str().unwrap().to_owned())
    };
    assert_eq!(tries("a.example.net"), (2, "udp".into()));
    assert_eq!(tries("c.example.net"), (1, "tcp".into()));
    assert_eq!(output.status.code(), Some(1), "a lookup fails");
}

#[tokio::test]
async fn lines_come_while_lookups_still_run() {
    let open = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&open);
    let server = DnsServer::start(move |query| {
        if query.name == "late.example.net" && !gate.load(Ordering::SeqCst) {
            return Vec::new();
        }
        empty(query)
    })
    .await;
    let mut command = command(
        &["late.example.net", "soon.example.net"],
        &["-f", "jsonl", "--timeout", "500ms", "--retries", "200"],
        &server,
    );
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let reader = BufReader::new(child.stdout.take().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || reader.lines().try_for_each(|line| sender.send(line.unwrap()).ok()));
    let seen = tokio::task::spawn_blocking(move || {
        let mut seen = Vec::new();
        // The verdict of the one name is read before the other one is answered at all.
        while let Ok(line) = receiver.recv_timeout(Duration::from_secs(60)) {
            if line.contains("\"checked\"") && line.contains("soon.example.net") {
                open.store(true, Ordering::SeqCst);
            }
            seen.push(line);
        }
        seen
    });
    let seen = seen.await.unwrap();
    assert!(child.wait().unwrap().success());
    let place =
        |what: &str| seen.iter().position(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {seen:?}"));
    assert!(place("\"name\":\"soon.example.net\"") < place("\"name\":\"late.example.net\""));
    assert!(seen.last().unwrap().contains("\"summary\""));
}

#[tokio::test]
async fn a_reader_that_leaves_ends_the_run_quietly() {
    let server = DnsServer::start(empty).await;
    let names: String = (0..20_000).map(|n| format!("n{n}.example.net\n")).collect();
    let mut command = command(&["-l", "-"], &["-f", "jsonl"], &server);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), names.as_bytes()).unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(first.starts_with("{\"type\":"), "{first}");
        // The pipe is closed here.
        child.wait_with_output().unwrap()
    });
    let output = output.await.unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(3), String::new()));
    assert!(server.log().len() < 20_001, "asking went on for nobody");
}

#[tokio::test]
async fn sorted_lines_are_the_same_in_every_run_and_the_same_lines_as_in_any_order() {
    let server = DnsServer::start(|query| match query.name.len() % 4 {
        0 => query.reply(3).soa("net").send(),
        1 => query.reply(0).caa(&query.name, 0, "issue", "ca.example").send(),
        2 => query.reply(0).send(),
        _ => empty(query),
    })
    .await;
    let names: String = (0..200).map(|n| format!("n{n}.g{}.example.net\n", n % 9)).collect();
    let lines_of = async |more: &[&str]| {
        let all = [&["-f", "jsonl", "-q"], more].concat();
        let output = run_with(command(&[], &all, &server), names.clone().into_bytes()).await;
        // Times differ from run to run.
        let text = stdout(&output);
        let still = |line: &str| {
            let Some((before, rest)) = line.split_once("\"rtt_ms\":") else { return line.to_owned() };
            let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{before}\"rtt_ms\":0{after}")
        };
        text.lines().map(still).collect::<Vec<String>>()
    };
    let (first, second, mut any) = (lines_of(&["--sorted"]).await, lines_of(&["--sorted"]).await, lines_of(&[]).await);
    assert_eq!(first, second);
    let mut sorted = first;
    sorted.sort();
    any.sort();
    assert_eq!(any, sorted);
}

#[tokio::test]
async fn forged_answers_are_passed_over_and_counted_in_the_coverage() {
    let server = DnsServer::start(|query| {
        let good = query.reply(0).soa("net").0;
        let wrong_id = query.reply(0).caa(&query.name, 0, "issue", ";").with(|bytes| bytes[0] ^= 1).0;
        let wrong_name = query.reply(0).with(|bytes| bytes[13] = b'~').0;
        let wrong_type = query
            .reply(0)
            .with(|bytes| {
                let end = bytes.len();
                bytes[end - 3] ^= 1;
            })
            .0;
        let a_query = query.reply(0).with(|bytes| bytes[2] &= 0x7f).0;
        let mut acts: Vec<Act> = [wrong_id, wrong_name, wrong_type, a_query].map(Act::Send).to_vec();
        // In another case it is the same question, and an answer. An octet of the id may be a letter too.
        acts.push(Act::Send([&good[..12], &good[12..].to_ascii_uppercase()].concat()));
        acts
    })
    .await;
    let output = run(command(&["a.example.net"], &["-f", "json"], &server)).await;
    let told = document(&output);
    for level in told["levels"].as_array().unwrap() {
        assert_eq!(level["views"][0]["outcome"], "nodata", "{level}");
    }
    let notes = told["coverage"]["notes"].to_string();
    assert!(notes.contains("12 datagrams from resolvers") && notes.contains("were passed over"), "{notes}");
}

#[tokio::test]
async fn a_resolver_that_is_down_gives_exit_3_and_says_what_to_try() {
    let closed = DnsServer::start(empty).await.address.to_string();
    let silent = DnsServer::start(|_| Vec::new()).await;
    for (resolver, class) in [(closed, "network error"), (silent.address.to_string(), "timeout")] {
        let arguments = ["caa", "www.example.net", "-r", &resolver, "--timeout", "200ms", "--retries", "0"];
        let output = run(program(&arguments)).await;
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(3), "{text}");
        for said in [
            "NO VERDICT",
            "no resolver answered",
            &format!("failed ({class})"),
            "Choose another resolver (`-r`)",
            "INCOMPLETE",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert!(!text.contains("ADVICE"), "there is nothing to weigh a record against: {text}");
        let output = run(program(&[&arguments[..], &["-f", "jsonl"]].concat())).await;
        let summary = lines(&output).pop().unwrap();
        assert_eq!((&summary["complete"], output.status.code()), (&false.into(), Some(3)));
    }
}

#[tokio::test]
async fn a_dead_zone_is_sampled_and_what_was_not_asked_is_told() {
    let server =
        DnsServer::start(|query| if query.name.ends_with("dead.net") { Vec::new() } else { empty(query) }).await;
    let names: String = (0..300).map(|n| format!("n{n}.dead.net\nn{n}.live.net\n")).collect();
    let more = ["-f", "jsonl", "--timeout", "300ms", "--retries", "0", "--concurrency", "16"];
    let output = run_with(command(&[], &more, &server), names.into_bytes()).await;
    let lines = lines(&output);
    let not_asked = of_type(&lines, "level").iter().filter(|level| level["views"][0]["class"] == "not-asked").count();
    let coverage = coverage(&lines);
    assert!(not_asked > 100, "{not_asked}");
    assert_eq!(coverage["levels_inferred"], not_asked);
    let notes = coverage["notes"].to_string();
    assert!(notes.contains(&format!("{not_asked} levels below dead.net were not asked at")), "{notes}");
    assert_eq!(of_type(&lines, "level").len(), 603, "every level has its line all the same");
    let of_live = |query: &Query| query.name.ends_with("live.net") && query.rtype == CAA;
    assert_eq!(server.log().iter().filter(|query| of_live(query)).count(), 301);
    assert_eq!((output.status.code(), &coverage["complete"]), (Some(1), &false.into()));
}

#[tokio::test]
async fn repeated_rounds_show_what_fails_only_now_and_then() {
    let server = DnsServer::start(|query| {
        if query.name == "www.example.net" && query.rtype == CAA && query.nth % 3 == 2 {
            query.reply(2).send()
        } else {
            empty(query)
        }
    })
    .await;
    let output = run(command(&["www.example.net"], &["-f", "json", "--repeat", "4"], &server)).await;
    let told = document(&output);
    let level = told["levels"].as_array().unwrap().iter().find(|level| level["name"] == "www.example.net").unwrap();
    let outcomes: Vec<&str> =
        level["views"].as_array().unwrap().iter().map(|v| v["outcome"].as_str().unwrap()).collect();
    // The third question is the failing one; its follow-up with checking disabled is the fourth of that name and type.
    assert_eq!(outcomes.len(), 4);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "failed").count(), 1, "{outcomes:?}");
    let codes = told["findings"].to_string();
    assert!(codes.contains("lookup-fails"), "{codes}");
    let caa = server.log().iter().filter(|query| query.rtype == CAA).count();
    assert_eq!(caa, 4 * 3 + 1, "each level in each round, and once more after the failure");
}

#[tokio::test]
async fn resolvers_that_disagree_are_told_side_by_side() {
    let open = DnsServer::start(empty).await;
    let closed = DnsServer::start(|query| match (query.name.as_str(), query.rtype) {
        ("example.net", CAA) => query.reply(0).caa("example.net", 0, "issue", ";").send(),
        ("net", _) => query.reply(5).send(),
        _ => empty(query),
    })
    .await;
    let other = closed.address.to_string();
    let output = run(command(&["www.example.net"], &["-r", &other, "-f", "json"], &open)).await;
    let told = document(&output);
    let views: Vec<(String, usize)> = told["levels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|level| (level["name"].as_str().unwrap().to_owned(), level["views"].as_array().unwrap().len()))
        .collect();
    assert_eq!(views, [("net".into(), 2), ("example.net".into(), 2), ("www.example.net".into(), 2)]);
    let codes: BTreeSet<&str> =
        told["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
    assert!(codes.contains("resolvers-disagree"), "{codes:?}");
    assert_eq!(told["checked"][0]["verdict"], "deny", "what one view shows a CA may see: {}", told["checked"]);
    assert_eq!(asked(&open).1, 3);
    // REFUSED at the TLD is followed by the question for an address.
    assert_eq!(asked(&closed).1, 4);
    assert!(closed.log().iter().any(|query| query.rtype == A));
}

#[tokio::test]
async fn limits_are_kept_as_they_were_asked_for() {
    let silent = DnsServer::start(|_| Vec::new()).await;
    let more = ["-f", "jsonl", "--timeout", "150ms", "--retries", "0", "--concurrency", "1"];
    let output = run(command(&["a.example.net", "b.example.net"], &more, &silent)).await;
    // One try of each level and the question for an address after it.
    assert_eq!(asked(&silent).1, 2 * 4, "{}", stderr(&output));
    let first: Vec<String> = silent.log().iter().map(|query| query.name.clone()).collect();
    assert_eq!(first[..4], ["net", "net", "example.net", "example.net"], "one level after the other");
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_refused_with_what_to_write() {
    for (arguments, said) in [
        (&["-r", "dns.example"][..], "`tls://HOST`"),
        (&["-r", ""], "expected `system`"),
        (&["-r", "127.0.0.1:99999"], "`192.0.2.1:5300`"),
        (&["-r", "127.0.0.1:0"], "`192.0.2.1:5300`"),
        (&["-r", "192.0.2.1,192.0.2.2"], "is no resolver"),
        (&["-r", "https://a b/"], "is no resolver"),
        (&["-r", "\u{1b}[31m"], "is no resolver"),
        (&["--timeout", "0"], "more than 0"),
        (&["--timeout", "800"], "write `800ms`"),
        (&["--timeout", "5d"], "write 800ms, 5s, 10m or 2h"),
        (&["--retries", "300"], "0..=255"),
        (&["--concurrency", "0"], "from 1 to 10000"),
        (&["--concurrency", "100000"], "from 1 to 10000"),
        (&["--repeat", "0"], "1..=1000"),
        (&["--rate", "resolver=fast"], "5/s, 12/m, 100/h or unlimited"),
        (&["--rate", "crtsh=unlimited"], "other people's machines"),
        (&["--rate", "nobody=1"], "known are crtsh, certspotter, resolver and server"),
        (&["--port", "0"], "1 to 65535"),
        (&["--deep", "--no-deep"], "cannot be used with"),
    ] {
        let output = run(program(&[&["caa", "a.example"], arguments].concat())).await;
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(said) && !told.contains('\u{1b}'), "{arguments:?}: {told}");
    }
    let hints = run(program(&["caa", "a.example", "--root-hints", "/nonexistent/hints", "-r", "127.0.0.1:9"])).await;
    assert_eq!(hints.status.code(), Some(4), "before anything is asked");
    assert!(stdout(&hints).is_empty() && stderr(&hints).contains("cannot read the root hints"), "{}", stderr(&hints));
}

#[tokio::test]
async fn names_are_read_as_people_write_them() {
    let server = DnsServer::start(empty).await;
    let long = vec!["a"; 127].join(".");
    for (given, climbed) in [
        ("WWW.Example.NET.", "www.example.net"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.example.net", "example.net"),
        ("_acme-challenge.www.example.net", "_acme-challenge.www.example.net"),
        ("net", "net"),
        (long.as_str(), long.as_str()),
    ] {
        let before = server.log().len();
        let output = run(command(&[given], &["-f", "json"], &server)).await;
        let told = document(&output);
        assert_eq!((&told["checked"][0]["name"], output.status.code()), (&climbed.into(), Some(0)), "{given}");
        assert_eq!(told["checked"][0]["wildcard"], given.starts_with("*."));
        let asked: Vec<String> = server.log()[before..].iter().map(|query| query.name.clone()).collect();
        assert_eq!(asked.len(), climbed.split('.').count(), "{given}: {asked:?}");
        assert!(asked.contains(&climbed.to_owned()));
    }
    for (given, said) in
        [(".", "is the root"), ("a..b", "empty-label"), ("a@b.example", "email"), ("192.0.2.1", "ip-address")]
    {
        let output = run(command(&[given], &[], &server)).await;
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}

#[tokio::test]
async fn lines_of_a_list_that_are_no_names_are_counted_and_shown() {
    let server = DnsServer::start(empty).await;
    let junk = b"www.example.net\n# a comment\n\nnot a name\n\x1b[31mx.example.net\nuser@example.net\nwww.EXAMPLE.net.\n10.0.0.1\n\xff\xfe.net\n*.example.net\n";
    for format in ["json", "jsonl"] {
        let output = run_with(command(&["-l", "-"], &["-f", format], &server), junk.to_vec()).await;
        let coverage =
            if format == "json" { document(&output)["coverage"].clone() } else { coverage(&lines(&output)).clone() };
        let dropped = coverage["dropped"].as_object().unwrap();
        let counts: Vec<(&str, u64)> =
            dropped.iter().map(|(class, told)| (class.as_str(), told["count"].as_u64().unwrap())).collect();
        assert_eq!(counts, [("blank", 1), ("character", 1), ("control", 1), ("email", 1), ("ip-address", 1)]);
        assert_eq!(dropped["control"]["example"], "\\u{1b}[31mx.example.net");
        assert!(stderr(&output).contains("5 lines are no DNS names"), "{}", stderr(&output));
        assert_eq!((output.status.code(), &coverage["levels_asked"]), (Some(0), &3.into()));
    }
    let nothing = run_with(command(&[], &[], &server), b"".to_vec()).await;
    assert_eq!((nothing.status.code(), stderr(&nothing)), (Some(2), "ctclimb: there is no name to look up\n".into()));
}
