//! `ctclimb trace` over a small hierarchy: what it says, what it sends, and that its `dig` lines send the same.

use std::collections::BTreeSet;
use std::process::Command;

use crate::dns_program::{document, program, run, stderr, stdout};
use crate::dns_server::{Act, DnsServer, Query};
use crate::dns_world::{World, healthy};

const CAA: u16 = 257;
const DS: u16 = 43;

async fn trace(world: &World, name: &str, more: &[&str]) -> std::process::Output {
    let options = world.options();
    let mut arguments = vec!["trace", name, "--now", "2026-01-02T03:04:05Z"];
    arguments.extend(options.iter().map(String::as_str));
    arguments.extend(more);
    run(program(&arguments)).await
}

/// Whether a query came to a server of `x.test`.
fn at_the_child(query: &Query) -> bool {
    matches!(query.to.to_string().as_str(), "127.0.0.3" | "127.0.0.4")
}

/// Negative CAA answers of `x.test` without their SOA record.
fn without_soa(query: &Query) -> Option<Vec<Act>> {
    let ours = query.rtype == CAA && query.name.to_ascii_lowercase().ends_with("x.test") && at_the_child(query);
    ours.then(|| query.reply(0).flags(4, 0).send())
}

#[tokio::test]
async fn a_healthy_hierarchy_is_told_zone_by_zone_with_as_many_questions_as_arrived() {
    let world = World::start(|_| None).await;
    let output = trace(&world, "*.WWW.x.test.", &["-f", "json"]).await;
    let told = document(&output);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let texts = |list: &serde_json::Value, key: &str| -> Vec<String> {
        list.as_array().unwrap().iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(texts(&told["zones"], "name"), [".", "test", "x.test"]);
    assert_eq!(texts(&told["levels"], "name"), ["test", "x.test", "www.x.test"]);
    assert_eq!(texts(&told["levels"], "state"), ["nodata"; 3]);
    assert_eq!(told["wildcard"], true);
    assert_eq!(texts(&told["zones"][2]["servers"], "address"), ["127.0.0.3", "127.0.0.4"]);
    assert_eq!(told["zones"][2]["hosts"][0]["glue"], serde_json::json!(["127.0.0.3", "127.0.0.4"]));
    assert_eq!(told["zones"][2]["ds"]["state"], "absent");
    assert_eq!(told["coverage"]["questions"], world.server.log().len());
    assert!(stderr(&output).is_empty(), "{}", stderr(&output));
}

#[tokio::test]
async fn a_cause_is_told_at_its_zone_and_decides_the_exit_code() {
    let world = World::start(without_soa).await;
    let output = trace(&world, "www.x.test", &[]).await;
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(text.starts_with("WARN www.x.test: empty answers lack the SOA record at x.test and www.x.test"), "{text}");
    let zone = text.split("\n  x.test  delegated by test").nth(1).unwrap();
    assert!(zone.contains("! warning negative-without-soa at x.test and www.x.test"), "{text}");
    assert!(zone.contains("2 addresses answer alike: 127.0.0.3 ns.x.test; 127.0.0.4 ns.x.test"), "{text}");
    let strict = trace(&world, "www.x.test", &["--fail-on", "warning", "-q"]).await;
    assert_eq!((strict.status.code(), stderr(&strict)), (Some(1), String::new()));
}

#[tokio::test]
async fn caa_that_is_dropped_is_an_error_with_every_probe_on_suspicion() {
    let dropped = |query: &Query| {
        let ours = query.rtype == CAA && at_the_child(query);
        ours.then(Vec::new)
    };
    let world = World::start(dropped).await;
    let output = trace(&world, "x.test", &["-f", "json", "--timeout", "300ms"]).await;
    let told = document(&output);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(told["zones"][2]["causes"][0]["code"], "caa-dropped");
    let probes = told["zones"][2]["servers"][0]["probes"].as_array().unwrap();
    let numbers: BTreeSet<&str> = probes.iter().filter_map(|probe| probe["number"].as_str()).collect();
    assert_eq!(numbers, BTreeSet::from(["P1", "P2", "P3", "P3+P4", "P4", "P5", "P6"]));
    assert_eq!(told["coverage"]["questions"], world.server.log().len());
}

#[tokio::test]
async fn a_parent_that_does_not_tell_ds_is_told_with_what_it_answered() {
    let refused = |query: &Query| (query.rtype == DS && query.name == "x.test").then(|| query.reply(5).send());
    let world = World::start(refused).await;
    let told = document(&trace(&world, "x.test", &["-f", "json"]).await);
    let ds = &told["zones"][2]["ds"];
    assert_eq!((&ds["state"], ds["failures"].as_array().unwrap().len()), (&"failed".into(), 1), "{ds}");
    assert!(ds["failures"][0].as_str().unwrap().starts_with("127.0.0.2: "), "{ds}");
    let text = stdout(&trace(&world, "x.test", &[]).await);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("DS not told by its parent: 127.0.0.2: refused"), "{text}");
}

/// The message without its id.
fn sent(query: &Query) -> (String, bool, Vec<u8>) {
    (query.to.to_string(), query.tcp, query.bytes[2..].to_vec())
}

#[tokio::test]
async fn every_dig_line_asks_the_same_octet_for_octet() {
    if Command::new("dig").arg("-v").output().is_err() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "this test needs dig");
        println!("skipped: no dig here");
        return;
    }
    let odd = |query: &Query| match (query.rtype, query.tcp, query.to.to_string().as_str()) {
        // Every form of the question is tried at the one, and TCP at the other.
        (CAA, false, "127.0.0.3") => Some(query.reply(4).flags(4, 0).send()),
        (CAA, false, "127.0.0.4") => Some(query.reply(0).flags(6, 0).send()),
        _ => None,
    };
    let world = World::start(odd).await;
    let told = document(&trace(&world, "www.x.test", &["-f", "json"]).await);
    let of_program: Vec<_> = world.server.log().iter().map(sent).collect();
    let before = of_program.len();
    let mut commands = Vec::new();
    for zone in told["zones"].as_array().unwrap() {
        let probes = zone["servers"].as_array().unwrap().iter().flat_map(|server| server["probes"].as_array().unwrap());
        commands.extend(probes.map(|probe| probe["dig"].as_str().unwrap().to_owned()));
        commands
            .extend([&zone["dig_ns"], &zone["dig_ds"]].into_iter().filter_map(|dig| dig.as_str().map(str::to_owned)));
    }
    for command in &commands {
        // The line as a person pastes it.
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{command} +tries=1 +timeout=20")]);
        let output = run(shell).await;
        assert!(output.status.success(), "{command}: {}", stdout(&output));
    }
    let of_dig: Vec<_> = world.server.log()[before..].iter().map(sent).collect();
    assert_eq!(of_dig.len(), commands.len(), "one question each");
    let kinds: BTreeSet<bool> = of_dig.iter().map(|(_, tcp, _)| *tcp).collect();
    assert_eq!(kinds.len(), 2, "over UDP and over TCP");
    // The walk shows a cut by SOA; what a person asks for is NS.
    let cuts = told["zones"].as_array().unwrap().iter().filter(|zone| !zone["dig_ns"].is_null()).count();
    let strange = of_dig.iter().filter(|question| !of_program.contains(question)).count();
    assert!(strange <= cuts, "{strange} questions that the program did not ask");
}

#[tokio::test]
async fn where_nobody_answers_the_trace_says_what_to_try() {
    let closed = DnsServer::start(|query| healthy(query).send()).await.address.port().to_string();
    let hints = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(hints.path(), "127.0.0.1\n").unwrap();
    let hints = hints.path().display().to_string();
    let output = run(program(&["trace", "x.test", "--root-hints", &hints, "--port", &closed])).await;
    assert_eq!(output.status.code(), Some(4));
    assert!(stdout(&output).starts_with("UNKNOWN x.test: "), "{}", stdout(&output));
    for said in ["no name server answered", "ctclimb caa x.test", "--root-hints"] {
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}

#[tokio::test]
async fn what_cannot_be_traced_is_refused_with_a_reason() {
    for (arguments, code, said) in [
        (&["."][..], 2, "is the root"),
        (&["a b"], 2, "is no DNS name (blank)"),
        (&["\u{1b}[31m.test"], 2, "is no DNS name"),
        (&["x.test", "--port", "0"], 2, "1 to 65535"),
        (&["x.test", "--root-hints", "/nonexistent/hints"], 4, "cannot read the root hints"),
        (&["x.test", "-f", "html"], 2, "it has text and json"),
        (&["x.test", "--rate", "server=0"], 2, "write a rate as"),
        (&["x.test", "--timeout", "never"], 2, "write 800ms"),
        (&[], 2, "NAME"),
    ] {
        let output = run(program(&[&["trace"], arguments].concat())).await;
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(said) && !told.contains('\u{1b}'), "{arguments:?}: {told}");
    }
}
