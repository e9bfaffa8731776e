//! An audit of many domains, killed again and again: the servers' logs show that no limit was broken, that nothing was asked
//! twice but what was in flight at a kill, and that a TLD is asked once for all domains.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use super::audit_world::{Ended, NOW, World, ended, run, text, until};
use super::ct_service::CtService;

/// Domains audited; the figure is 500: `CTCLIMB_TEST_DOMAINS=500`.
const DOMAINS: usize = 30;
const KILLS: usize = 3;
/// Questions in flight at each resolver.
const IN_FLIGHT: usize = 4;
/// What messages may be late by on a busy machine, in seconds.
const LATE: f64 = 0.25;

fn domains() -> usize {
    std::env::var("CTCLIMB_TEST_DOMAINS").ok().and_then(|text| text.parse().ok()).unwrap_or(DOMAINS)
}

/// Requests a second to Cert Spotter: so few that the burst shows if a new start were given another one.
fn spotter_rate() -> usize {
    if domains() > 100 { 40 } else { 8 }
}

fn limited(world: &World, file: &str) -> Command {
    let mut command = world.audit(file);
    command.args(["--now", NOW, "--sorted", "--source", "crtsh", "--source", "certspotter"]);
    command.args(["--concurrency", &IN_FLIGHT.to_string(), "--rate", "crtsh=25/s", "--rate", "resolver=200/s"]);
    command.args(["--rate", &format!("certspotter={}/s", spotter_rate())]);
    command
}

/// Whether no stretch of a log has more than a burst and what the rate allows.
fn keeps(times: &[Instant], rate: usize, burst: usize) -> Result<(), String> {
    for (from, begin) in times.iter().enumerate() {
        for (to, end) in times.iter().enumerate().skip(from) {
            let time = end.duration_since(*begin).as_secs_f64() + LATE;
            #[allow(clippy::cast_precision_loss, reason = "a log of a few thousand")]
            let allowed = burst as f64 + rate as f64 * time;
            #[allow(clippy::cast_precision_loss, reason = "a log of a few thousand")]
            if (to - from + 1) as f64 > allowed {
                return Err(format!("{} in {time:.3} s, with a burst of {burst} and {rate} a second", to - from + 1));
            }
        }
    }
    Ok(())
}

fn times(service: &CtService) -> Vec<Instant> {
    service.asked().iter().map(|asked| asked.at).collect()
}

fn counts(service: &CtService) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for target in service.targets() {
        *counts.entry(target).or_default() += 1;
    }
    counts
}

/// Questions beyond the first of each.
fn again(counts: &BTreeMap<String, usize>) -> usize {
    counts.values().map(|count| count - 1).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_kills_break_no_limit_and_ask_nothing_twice() {
    let whole_world = World::start(domains()).await;
    let whole = run(limited(&whole_world, "whole")).await;
    assert_eq!(whole.lines("domain").len(), domains(), "{}", whole.stderr);
    let (expected_crtsh, expected_spotter) = (counts(&whole_world.crtsh), counts(&whole_world.certspotter));
    assert_eq!((again(&expected_crtsh), again(&expected_spotter)), (0, 0), "an undisturbed run asks everything once");
    for resolver in 0..2 {
        let questions = whole_world.questions(resolver);
        assert_eq!(again(&questions), 0, "{questions:?}");
        assert!(questions["example 257"] == 1 && questions["test 257"] == 1, "{questions:?}");
    }

    let world = World::start(domains()).await;
    for kill in 1..=KILLS {
        let mut child = limited(&world, "killed").spawn().unwrap();
        let enough = expected_spotter.len() * kill / (KILLS + 1);
        until("enough requests", || world.certspotter.asked().len() >= enough).await;
        // On Unix this is kill -9.
        child.kill().unwrap();
        let killed = ended(child).await;
        assert_eq!(killed.code, None, "it ended before it could be killed: {}", killed.stderr);
    }
    let last = run(limited(&world, "killed")).await;
    assert!(last.stdout == whole.stdout, "the rows of an undisturbed run: {}", last.stderr);
    assert_eq!(last.code, whole.code);

    for (service, expected, rate, burst) in
        [(&world.crtsh, expected_crtsh, 25, 1), (&world.certspotter, expected_spotter, spotter_rate(), 10)]
    {
        let counts = counts(service);
        assert!(counts.keys().eq(expected.keys()), "the same requests");
        assert!(again(&counts) <= KILLS, "one request is in flight at a kill: {counts:#?}");
        keeps(&times(service), rate, burst).unwrap();
        let overlapping = service.asked().iter().filter(|asked| asked.at_once > 1).count();
        assert!(overlapping <= KILLS, "one request at a time, but for what a kill left behind");
    }
    for resolver in 0..2 {
        let (questions, undisturbed) = (world.questions(resolver), whole_world.questions(resolver));
        assert!(questions.keys().eq(undisturbed.keys()), "the same questions");
        assert!(again(&questions) <= KILLS * IN_FLIGHT, "{questions:#?}");
        assert_eq!((questions["example 257"], questions["test 257"]), (1, 1), "a TLD is asked once for all domains");
        let times: Vec<Instant> = world.resolvers[resolver].log().iter().map(|query| query.at).collect();
        keeps(&times, 200, 5).unwrap();
    }
}

#[test]
fn a_broken_limit_would_show() {
    let start = Instant::now();
    let at = |ms: u64| start + Duration::from_millis(ms);
    let spaced: Vec<_> = (0..40).map(|n| at(n * 125)).collect();
    keeps(&spaced, 8, 1).unwrap();
    let burst_again: Vec<_> = spaced.iter().copied().chain((0..10).map(|_| at(5000))).collect();
    keeps(&burst_again, 8, 1).unwrap_err();
}

fn summary(ended: &Ended) -> serde_json::Value {
    ended.lines("summary").pop().unwrap_or_else(|| panic!("no summary: {}", ended.stderr))
}

/// No limits on the test's own machines.
fn unlimited(mut command: Command) -> Command {
    command.args(["--rate", "crtsh=1000/s", "--rate", "resolver=unlimited"]);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_on_requests_ends_the_run_and_the_same_command_goes_on() {
    let world = World::start(12).await;
    let bounded = |most: &str| {
        let mut command = unlimited(world.audit("bounded"));
        command.args(["--max-requests", most]);
        command
    };
    let first = run(bounded("5")).await;
    assert_eq!(first.code, Some(3), "{}", first.stderr);
    assert_eq!(world.crtsh.asked().len(), 5, "exactly so many");
    assert!(first.stderr.contains("the 5 requests of `--max-requests` are used up"), "{}", first.stderr);
    let told = summary(&first);
    assert!(told["complete"] == false && told["done"] == 5, "{told}");
    let second = run(bounded("100")).await;
    let told = summary(&second);
    assert!(told["complete"] == true && told["done"] == 12, "{told}");
    assert_eq!(again(&counts(&world.crtsh)), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_asks_nobody_and_says_how_much_it_would_be() {
    let world = World::start(12).await;
    let mut command = world.audit("dry");
    command.args(["--dry-run"]);
    let told = run(command).await;
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    for line in [
        "12 of 12 domains are to be audited",
        "crt.sh: at least 12 questions, which take 55 s",
        "at least 14 questions",
    ] {
        assert!(told.stderr.contains(line), "{}", told.stderr);
    }
    assert!(world.crtsh.asked().is_empty() && world.resolvers[0].log().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_and_one_below_it_share_their_levels() {
    let world = World::start(2).await;
    std::fs::write(world.path("list"), "d0.example\nwww.d0.example\nd1.test\n").unwrap();
    let done = run(unlimited(world.audit("nested"))).await;
    assert_eq!(done.lines("domain").len(), 3, "{}", done.stderr);
    let questions = world.questions(0);
    assert_eq!(again(&questions), 0, "{questions:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_asked_as_often_as_wanted_and_one_failure_counts() {
    let world = World::start(2).await;
    let mut command = unlimited(world.audit("repeated"));
    command.args(["--repeat", "3"]);
    let done = run(command).await;
    assert_eq!(done.lines("domain").len(), 2, "{}", done.stderr);
    assert!(world.questions(0).values().all(|count| *count == 3), "{:?}", world.questions(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_replies_are_enough_offline() {
    let world = World::start(3).await;
    let cases = world.path("cases");
    let with = |file: &str, more: &[&str]| {
        let mut command = unlimited(world.audit(file));
        command.args(["--case", text(&cases)]).args(more);
        command
    };
    let first = run(with("first", &[])).await;
    assert_eq!(world.crtsh.asked().len(), 3, "{}", first.stderr);
    let second = run(with("second", &["--offline"])).await;
    assert_eq!(second.lines("domain").len(), 3, "{}", second.stderr);
    assert_eq!(world.crtsh.asked().len(), 3, "nothing was fetched");
    let third = run(with("third", &["--fresh"])).await;
    assert_eq!((third.lines("domain").len(), world.crtsh.asked().len()), (3, 6), "{}", third.stderr);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_stops_cleanly_and_says_how_to_go_on() {
    for signal in ["INT", "TERM"] {
        let world = World::start(20).await;
        let slow = || {
            let mut command = world.audit("interrupted");
            command.args(["--rate", "crtsh=10/s", "--rate", "resolver=unlimited"]);
            command
        };
        let child = slow().spawn().unwrap();
        until("some requests", || world.crtsh.asked().len() > 4).await;
        super::audit_world::signal(&child, signal);
        let stopped = ended(child).await;
        assert_eq!(stopped.code, Some(130), "{}", stopped.stderr);
        assert!(stopped.stderr.contains("the same command goes on from"), "{}", stopped.stderr);
        assert!(world.crtsh.asked().len() < 20);
        let done = run(slow()).await;
        assert_eq!(summary(&done)["done"], 20, "{}", done.stderr);
        assert!(again(&counts(&world.crtsh)) <= 1, "no more than what was in flight");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_goes_away_ends_the_run_in_silence() {
    let world = World::start(20).await;
    let mut command = world.audit("pipe");
    command.args(["--rate", "crtsh=20/s", "--rate", "resolver=unlimited"]);
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let stopped = ended(child).await;
    assert_eq!((stopped.code, stopped.stderr.as_str()), (Some(130), ""));
    assert!(world.crtsh.asked().len() < 20, "nothing is asked for nobody");
    assert!(world.path("pipe").exists());
}
