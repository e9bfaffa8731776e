//! The case file and DNS: what was answered is kept as it comes, told again octet for octet, and not asked for twice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ctclimb::case::Case;

use crate::ct_service::{CtService, json};
use crate::dns_program::{program, run, stderr, stdout};
use crate::dns_server::{Act, DnsServer, Query};
use crate::dns_world::{World, healthy};

const CAA: u16 = 257;

/// A certificate search service with two certificates of `x.test`.
async fn certificates() -> CtService {
    CtService::start(|_| {
        let record = |id: u32, names: &str| {
            format!(
                "{{\"issuer_ca_id\":1,\"issuer_name\":\"C=US, O=Let's Encrypt, CN=R3\",\"common_name\":\"x.test\",\
                 \"name_value\":\"{names}\",\"id\":{id},\"entry_timestamp\":\"2026-01-02T00:00:00\",\
                 \"not_before\":\"2026-01-01T00:00:00\",\"not_after\":\"2026-04-01T00:00:00\",\
                 \"serial_number\":\"03{id:030x}\",\"result_count\":2}}"
            )
        };
        json(format!("[{},{}]", record(1, "www.x.test\\nx.test"), record(2, "*.pay.x.test\\napi.x.test")))
    })
    .await
}

/// The resolver of these tests: empty answers, without SOA for `x.test` itself, and a failure.
fn resolve(query: &Query) -> Vec<Act> {
    match (query.name.as_str(), query.rtype) {
        ("x.test", CAA) => query.reply(0).send(),
        ("api.x.test", CAA) => query.reply(2).send(),
        ("pay.x.test", CAA) if query.nth == 0 => Vec::new(),
        _ => query.reply(0).soa("test").send(),
    }
}

/// The servers of `x.test`: CAA without SOA, and one of the two never answers for `api`.
fn faulty(query: &Query) -> Option<Vec<Act>> {
    let name = query.name.to_ascii_lowercase();
    let ours = name.ends_with("x.test") && !["127.0.0.1", "127.0.0.2"].contains(&query.to.to_string().as_str());
    match (ours && query.rtype == CAA, name.starts_with("api"), query.to.to_string() == "127.0.0.4") {
        (true, true, true) => Some(Vec::new()),
        (true, ..) => Some(query.reply(0).flags(4, 0).send()),
        _ => None,
    }
}

struct Setup {
    service: CtService,
    resolver: DnsServer,
    world: World,
    directory: tempfile::TempDir,
}

impl Setup {
    async fn new(resolve: impl Fn(&Query) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self {
            service: certificates().await,
            resolver: DnsServer::start(resolve).await,
            world: World::start(faulty).await,
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn case(&self) -> PathBuf {
        self.directory.path().join("x.test.ctclimb")
    }

    fn investigate(&self, more: &[&str]) -> Command {
        let case = self.case().display().to_string();
        let resolver = self.resolver.address.to_string();
        let mut command = program(&["investigate", "x.test", "--case", &case, "-r", &resolver]);
        command.args(["--rate", "unlimited", "--rate", "crtsh=100/s", "--timeout", "1s"]);
        command.args(self.world.options().iter().filter(|option| *option != "--rate" && *option != "unlimited"));
        command.args(more).env("CTCLIMB_CRTSH_URL", self.service.url());
        command
    }

    fn report(&self, more: &[&str]) -> Command {
        let case = self.case().display().to_string();
        let mut command = program(&["report", &case]);
        // Nobody may be asked.
        command.args(more).env("CTCLIMB_CRTSH_URL", "http://127.0.0.1:9");
        command
    }

    fn packets(&self) -> (usize, usize, usize) {
        (self.service.asked().len(), self.resolver.log().len(), self.world.server.log().len())
    }
}

#[tokio::test]
async fn a_report_from_the_case_file_is_the_same_octets_in_every_format() {
    let setup = Setup::new(resolve).await;
    let chosen = [
        "--issuer",
        "letsencrypt.org",
        "--issuer",
        "other.example",
        "--all-names",
        "--repeat",
        "2",
        "--detail",
        "high",
    ];
    let live = run(setup.investigate(&[&["-f", "json"], &chosen[..]].concat())).await;
    let packets = setup.packets();
    let told: serde_json::Value = serde_json::from_slice(&live.stdout).unwrap_or_else(|_| panic!("{}", stderr(&live)));
    assert!(packets.2 > 10, "the name servers were asked");
    assert_eq!(told["zones"].as_array().unwrap().len(), 3);
    assert_eq!(told["coverage"]["queries"], packets.1 + packets.2);
    let again = run(setup.report(&["-f", "json"])).await;
    assert_eq!(stdout(&again), stdout(&live), "{}", stderr(&again));
    assert_eq!(again.status.code(), live.status.code());
    for format in ["text", "markdown", "html", "jsonl", "csv"] {
        let case = setup.case().display().to_string();
        let report = run(setup.report(&["-f", format])).await;
        let analyze = run(program(&["analyze", &case, "-f", format])).await;
        assert!(!report.stdout.is_empty(), "{}", stderr(&report));
        assert_eq!(stdout(&report), stdout(&analyze), "{format}");
    }
    assert_eq!(setup.packets(), packets, "nobody was asked again");
    // What is asked for now wins over what was asked for then.
    let case = setup.case().display().to_string();
    let other = run(program(&["analyze", &case, "-f", "json", "--issuer", "third.example"])).await;
    let other: serde_json::Value = serde_json::from_slice(&other.stdout).unwrap();
    assert_eq!(other["checked"][0]["issuer"], "third.example");
}

#[tokio::test]
async fn a_scenario_and_acme_errors_are_told_again_too() {
    let setup = Setup::new(resolve).await;
    let scenario = setup.directory.path().join("answers.toml");
    std::fs::write(&scenario, "default = \"nodata\"\n[answers]\n\"test\" = \"timeout\"\n").unwrap();
    let errors = setup.directory.path().join("errors.txt");
    std::fs::write(&errors, "DNS problem: query timed out looking up CAA for test\n").unwrap();
    let (scenario, errors) = (scenario.display().to_string(), errors.display().to_string());
    let live = run(setup.investigate(&["-f", "json", "--dns", &scenario, "--error", &errors])).await;
    assert!(stdout(&live).contains("reported-error-confirmed"), "{}", stderr(&live));
    std::fs::remove_file(&scenario).unwrap();
    std::fs::remove_file(&errors).unwrap();
    let again = run(setup.report(&["-f", "json"])).await;
    assert_eq!(stdout(&again), stdout(&live), "{}", stderr(&again));
}

/// How often each question reached a server.
fn counted(log: &[Query]) -> BTreeMap<(String, u16, String), usize> {
    let mut counted = BTreeMap::new();
    for query in log {
        *counted.entry((query.name.clone(), query.rtype, query.to.to_string())).or_default() += 1;
    }
    counted
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..1200 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} did not happen");
}

fn messages(case: &Path) -> usize {
    let Ok(case) = Case::open_read_only(case) else { return 0 };
    case.dns_run().ok().flatten().and_then(|stored| case.dns_messages(stored.run).ok()).map_or(0, |all| all.len())
}

#[tokio::test]
async fn a_killed_run_keeps_what_it_was_told_and_the_next_one_asks_only_for_the_rest() {
    // One level is not answered until the run was killed.
    let gate = Arc::new(AtomicUsize::new(0));
    let open = Arc::clone(&gate);
    let setup = Setup::new(move |query| {
        if query.name == "www.x.test" && open.load(Ordering::SeqCst) == 0 { Vec::new() } else { resolve(query) }
    })
    .await;
    let more = ["-f", "json", "--retries", "200", "-q"];
    let mut child = setup.investigate(&more).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Four of the five levels, and what was asked after the failing one.
    until("keeping the answers", || messages(&setup.case()) >= 7).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let unfinished = run(setup.report(&["-f", "json"])).await;
    let told: serde_json::Value = serde_json::from_slice(&unfinished.stdout).unwrap();
    assert_eq!(told["coverage"]["complete"], false);
    let www = told["levels"].as_array().unwrap().iter().find(|level| level["name"] == "www.x.test").unwrap();
    assert_eq!(www["views"][0]["class"], "not-asked", "its silence did not last: {www}");
    assert!(told["coverage"]["notes"].to_string().contains("did not come to their end"), "{told}");

    let before = counted(&setup.resolver.log());
    gate.store(1, Ordering::SeqCst);
    let second = run(setup.investigate(&more)).await;
    let second_told: serde_json::Value =
        serde_json::from_slice(&second.stdout).unwrap_or_else(|_| panic!("{}", stderr(&second)));
    let after = counted(&setup.resolver.log());
    for (question, count) in &before {
        if question.0 != "www.x.test" {
            assert_eq!(after[question], *count, "{question:?} was asked again");
        }
    }
    let www = ("www.x.test".to_owned(), CAA, "127.0.0.1".to_owned());
    assert!(after[&www] > before[&www], "what was open is asked");
    assert_eq!(second_told["coverage"]["levels_asked"], 5);
    let again = run(setup.report(&["-f", "json"])).await;
    assert_eq!(stdout(&again), stdout(&second), "{}", stderr(&again));

    // A run that ended is not gone on with: the next one asks anew.
    let third = run(setup.investigate(&["-f", "json", "-q"])).await;
    assert!(third.status.code().is_some());
    let anew = counted(&setup.resolver.log());
    assert_eq!(anew[&("test".to_owned(), CAA, "127.0.0.1".to_owned())], 2);
}

#[tokio::test]
async fn a_run_killed_among_the_name_servers_goes_on_there() {
    let gate = Arc::new(AtomicUsize::new(0));
    let open = Arc::clone(&gate);
    let mut setup = Setup::new(resolve).await;
    setup.world = World::start(move |query| {
        // The second server of the zone hangs until the run was killed.
        if query.to.to_string() == "127.0.0.4" && open.load(Ordering::SeqCst) == 0 { Some(Vec::new()) } else { None }
    })
    .await;
    let more = ["-f", "json", "--deep", "-q", "--timeout", "20s"];
    let command = setup.investigate(&[]);
    // The option may be given once.
    let mut command = replace_timeout(&command, &more);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("asking the second server", || {
        setup.world.server.log().iter().any(|query| query.to.to_string() == "127.0.0.4")
    })
    .await;
    let answered = |setup: &Setup| setup.world.server.log().iter().filter(|q| q.to.to_string() != "127.0.0.4").count();
    until("keeping the walk", || messages(&setup.case()) >= setup.resolver.log().len() + answered(&setup) / 2).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let (resolver, world) = (setup.resolver.log().len(), setup.world.server.log().len());
    let kept = messages(&setup.case());
    gate.store(1, Ordering::SeqCst);
    let second = run(replace_timeout(&setup.investigate(&[]), &more)).await;
    assert!(!second.stdout.is_empty(), "{}", stderr(&second));
    assert_eq!(setup.resolver.log().len(), resolver, "no resolver was asked again");
    let of_root = |log: &[Query]| log.iter().filter(|query| query.to.to_string() == "127.0.0.1").count();
    let log = setup.world.server.log();
    assert_eq!(of_root(&log[world..]), 0, "the way from the root was kept: {kept} messages");
    let again = run(setup.report(&["-f", "json"])).await;
    assert_eq!(stdout(&again), stdout(&second), "{}", stderr(&again));
}

/// Waits before each answer, so that a run can be killed among its questions.
fn slowly(acts: Vec<Act>) -> Vec<Act> {
    [vec![Act::Wait(Duration::from_millis(200))], acts].concat()
}

/// The lines of a report without its times and ports, which no two runs share.
fn timeless(output: &std::process::Output, setup: &Setup) -> Vec<String> {
    let port = format!(":{}\"", setup.resolver.address.port());
    let line = |line: &str| match line.rsplit_once(", ") {
        Some((left, right)) if right.contains(" ms\"") => left.to_owned(),
        _ => line.replace(&port, "\""),
    };
    assert!(!output.stdout.is_empty(), "{}", stderr(output));
    stdout(output).lines().filter(|text| !text.contains("\"rtt_ms\"")).map(line).collect()
}

#[tokio::test]
async fn a_run_killed_again_and_again_asks_what_one_run_asks_and_reports_the_same() {
    let setup = || async {
        let mut setup = Setup::new(|query| slowly(query.reply(0).soa("test").send())).await;
        setup.world = World::start(|query| Some(slowly(healthy(query).send()))).await;
        setup
    };
    // No answer is ever late here, so that no question is asked twice for that.
    let more = ["-f", "json", "--deep", "-q", "--timeout", "60s", "--now", "2026-01-02T00:00:00Z"];
    let (one, other) = (setup().await, setup().await);
    let whole = run(replace_timeout(&one.investigate(&[]), &more)).await;

    let asked = |setup: &Setup| setup.resolver.log().len() + setup.world.server.log().len();
    let (mut kills, mut kept, mut lost) = (0, 0, 0);
    while kills < 3 {
        let mut command = replace_timeout(&other.investigate(&[]), &more);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("keeping more", || messages(&other.case()) > kept || child.try_wait().unwrap().is_some()).await;
        assert!(child.try_wait().unwrap().is_none(), "it ended after {kills} kills");
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        kept = messages(&other.case());
        // What it sent before it died may still lie in the servers' sockets.
        tokio::time::sleep(Duration::from_millis(300)).await;
        // What is on its way to the servers or the disk when the program dies is asked for again, and nothing else.
        lost = asked(&other) - kept;
    }
    let resumed = run(replace_timeout(&other.investigate(&[]), &more)).await;
    assert_eq!(asked(&other) - lost, asked(&one), "{}", stderr(&resumed));
    assert!(kept > 0 && lost < asked(&one), "{kept} kept, {lost} lost");
    let (told, expected) = (timeless(&resumed, &other), timeless(&whole, &one));
    for (told, expected) in told.iter().zip(&expected) {
        assert_eq!(told, expected);
    }
    assert_eq!(told.len(), expected.len());
    assert_eq!(resumed.status.code(), whole.status.code());
}

/// The command with other options in place of its `--timeout`.
fn replace_timeout(command: &Command, options: &[&str]) -> Command {
    let mut arguments: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
    let at = arguments.iter().position(|argument| argument == "--timeout").unwrap();
    arguments.drain(at..at + 2);
    let mut other = program(&[]);
    other.args(arguments).args(options);
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            other.env(name, value);
        }
    }
    other
}
