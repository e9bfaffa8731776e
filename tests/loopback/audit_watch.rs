//! Audits again and again: what has become stale is asked anew, what changed is noted, and a program hears of it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::Ordering;

use super::audit_world::{Ended, NOW, World, ended, run, text, until};

fn quick(world: &World, file: &str) -> Command {
    let mut command = world.audit(file);
    command.args(["--rate", "crtsh=1000/s", "--rate", "resolver=unlimited"]);
    command
}

/// A program that appends its arguments and its standard input to a file.
#[cfg(unix)]
fn hook(world: &World, name: &str, body: &str) -> (PathBuf, PathBuf) {
    use std::os::unix::fs::PermissionsExt as _;
    let (program, log) = (world.path(name), world.path(&format!("{name}.log")));
    std::fs::write(&program, format!("#!/bin/sh\n{body}\n").replace("LOG", text(&log))).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    (program, log)
}

/// Reads lines of a program that runs, until one of a type has come.
async fn lines_until(child: &mut Child, kind: &'static str) -> Vec<serde_json::Value> {
    let out = child.stdout.take().unwrap();
    let (lines, out) = tokio::task::spawn_blocking(move || {
        let mut reader = BufReader::new(out);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert!(reader.read_line(&mut line).unwrap() > 0, "the program ended after {lines:#?}");
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            let last = value["type"] == kind;
            lines.push(value);
            if last {
                // Whole lines only are written, and the reader holds none of the next one for long.
                assert!(reader.buffer().is_empty() || reader.buffer().ends_with(b"\n"));
                return (lines, reader.into_inner());
            }
        }
    })
    .await
    .unwrap();
    child.stdout = Some(out);
    lines
}

fn of(lines: &[serde_json::Value], kind: &str) -> usize {
    lines.iter().filter(|line| line["type"] == kind).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_older_than_the_age_allowed_is_asked_again() {
    let world = World::start(4).await;
    let at = |time: &str, more: &[&str]| {
        let mut command = quick(&world, "aged");
        command.args(["--now", time]).args(more);
        command
    };
    let asked = || (world.crtsh.asked().len(), world.resolvers[0].log().len());
    let first = run(at("2026-11-23T12:00:00Z", &["--max-age", "2h"])).await;
    assert_eq!(first.lines("domain").len(), 4, "{}", first.stderr);
    let once = asked();
    let young = run(at("2026-11-23T13:59:59Z", &["--max-age", "2h"])).await;
    assert_eq!(young.lines("domain"), first.lines("domain"));
    assert_eq!(asked(), once, "two hours are not over");
    world.protected.store(true, Ordering::SeqCst);
    let old = run(at("2026-11-23T14:00:01Z", &["--max-age", "2h"])).await;
    assert_eq!(asked(), (2 * once.0, 2 * once.1), "everything is asked again, once");
    let changed = old.lines("change");
    // d0 and d3 had CAA before.
    assert_eq!(changed.len(), 2, "{changed:#?}");
    assert_eq!(changed[0]["words"], serde_json::json!(["changed-caa"]));
    assert_eq!(changed[0]["caa"][0]["after"], "records | 0 issue \"letsencrypt.org\"");
    let rows = old.lines("domain");
    assert!(rows.iter().all(|row| row["checked_at"] == "2026-11-23T14:00:01Z"), "{rows:#?}");
    let mut command = world.program();
    command.args(["audit", "changes", text(&world.path("aged")), "-f", "json"]);
    let noted = run(command).await;
    let noted: Vec<serde_json::Value> = noted
        .stdout
        .split(|&o| o == b'\n')
        .filter(|l| !l.is_empty())
        .map(|l| serde_json::from_slice(l).unwrap())
        .collect();
    assert_eq!((noted.len(), &noted[0]["found_at"]), (2, &"2026-11-23T14:00:01Z".into()), "{noted:#?}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_appends_what_changed_and_tells_a_program() {
    let world = World::start(4).await;
    let (program, log) = hook(&world, "hook", "echo \"$@\" >> LOG; cat >> LOG");
    let mut command = quick(&world, "watched");
    command.args(["--watch", "300ms", "--on-change"]).arg(&program);
    let mut child = command.spawn().unwrap();
    let first = lines_until(&mut child, "summary").await;
    assert_eq!((of(&first, "domain"), of(&first, "change")), (4, 0));
    let second = lines_until(&mut child, "summary").await;
    assert_eq!(second.len(), 1, "nothing changed: {second:#?}");
    assert!(!log.exists());
    world.protected.store(true, Ordering::SeqCst);
    // The round under way may have asked before.
    let mut changed = lines_until(&mut child, "summary").await;
    while of(&changed, "change") < 2 {
        changed.extend(lines_until(&mut child, "summary").await);
    }
    assert_eq!((of(&changed, "domain"), of(&changed, "change")), (2, 2), "{changed:#?}");
    until("the program was told", || std::fs::read_to_string(&log).is_ok_and(|told| told.lines().count() == 4)).await;
    super::audit_world::signal(&child, "INT");
    let stopped = ended(child).await;
    assert_eq!(stopped.code, Some(130), "{}", stopped.stderr);
    let told = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    let [arguments, change] = lines[..2] else { panic!("{told}") };
    assert!(arguments == "d1.test changed-caa" || arguments == "d2.example changed-caa", "{told}");
    let change: serde_json::Value = serde_json::from_str(change).unwrap();
    assert_eq!(change["domain"], arguments.split(' ').next().unwrap());
    assert_eq!(change["caa"][0]["before"], "nodata");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_program_did_not_take_is_reported_and_told_again() {
    let world = World::start(2).await;
    let told = |program: &Path, now: &str, more: &[&str]| {
        let mut command = quick(&world, "told");
        command.args(["--now", now, "--max-age", "1h", "--fail-on", "never", "--on-change"]).arg(program).args(more);
        command
    };
    let (fails, _) = hook(&world, "fails", "exit 3");
    let (hangs, _) = hook(&world, "hangs", "exec sleep 600");
    let (works, log) = hook(&world, "works", "echo \"$@\" >> LOG");
    let first = run(told(&works, NOW, &[])).await;
    assert_eq!((first.code, log.exists()), (Some(0), false), "nothing changed: {}", first.stderr);
    world.protected.store(true, Ordering::SeqCst);
    let failed = run(told(&fails, "2026-11-23T14:00:00Z", &[])).await;
    assert_eq!(failed.code, Some(3), "something asked for was not done: {}", failed.stderr);
    assert!(failed.stderr.contains("fails for d1.test: ended with exit status: 3"), "{}", failed.stderr);
    assert!(failed.stderr.contains("1 changes were not told; the next run tells them again"), "{}", failed.stderr);
    let hung = run(told(&hangs, "2026-11-23T14:10:00Z", &["--on-change-timeout", "200ms"])).await;
    assert!(hung.stderr.contains("hangs for d1.test: killed after 200 ms without an end"), "{}", hung.stderr);
    let told_again = run(told(&works, "2026-11-23T14:20:00Z", &[])).await;
    assert_eq!(told_again.code, Some(0), "{}", told_again.stderr);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "d1.test changed-caa\n");
    run(told(&works, "2026-11-23T14:30:00Z", &[])).await;
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "d1.test changed-caa\n", "once is enough");
    let missing = run(told(&world.path("absent"), "2026-11-23T14:40:00Z", &[])).await;
    assert_eq!(missing.code, Some(2), "{}", missing.stderr);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_was_killed_does_not_ask_what_is_still_fresh() {
    let world = World::start(4).await;
    let output = world.path("rows.jsonl");
    let watch = || {
        let mut command = quick(&world, "again");
        command.args(["--watch", "1h", "-o"]).arg(&output);
        command
    };
    let rounds = || std::fs::read_to_string(&output).map_or(0, |told| told.matches("\"summary\"").count());
    let mut child = watch().spawn().unwrap();
    until("a round", || rounds() == 1).await;
    child.kill().unwrap();
    let killed: Ended = ended(child).await;
    assert_eq!(killed.code, None, "{}", killed.stderr);
    let asked = (world.crtsh.asked().len(), world.resolvers[0].log().len());
    let child = watch().spawn().unwrap();
    until("another round", || rounds() == 2).await;
    super::audit_world::signal(&child, "INT");
    assert_eq!(ended(child).await.code, Some(130));
    assert_eq!((world.crtsh.asked().len(), world.resolvers[0].log().len()), asked);
}
