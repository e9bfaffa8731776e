//! The broken zones of the test bed, served by real servers: every expected cause is found, and none besides.
//!
//! Needs the packages that `README.md` names; without them the test says `skipped`, and fails where `CI=true`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use ctclimb::caa::{Security, causes, evidence_name::parent, security};
use ctclimb::dns::{RootHints, Sockets, ViewOptions, authoritative_view};
use ctclimb::limit::{Rate, Rates, Throttle};
use ctclimb::name::DomainName;

/// A bed that was started for this test and ends with it.
struct Bed {
    home: PathBuf,
    directory: tempfile::TempDir,
}

const PORT: u16 = 5957;

impl Bed {
    fn start() -> Option<Self> {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testbed");
        let there = |tool: &str| {
            let paths = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
            std::env::split_paths(&paths).any(|p| p.join(tool).exists())
        };
        let needed = ["nsd", "knotd", "dnsdist", "unbound", "named", "dig", "ldns-signzone", "python3"];
        let missing: Vec<&str> = needed.into_iter().filter(|tool| !there(tool)).collect();
        if !missing.is_empty() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "the test bed needs {missing:?}");
            println!("skipped: {missing:?} not installed");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
        let started = Command::new("sh")
            .arg(home.join("start.sh"))
            .arg(directory.path())
            .arg(PORT.to_string())
            .env("PATH", path)
            .status()
            .unwrap();
        let bed = Self { home, directory };
        assert!(started.success(), "the bed does not start");
        Some(bed)
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = Command::new("sh").arg(self.home.join("stop.sh")).arg(self.directory.path()).status();
    }
}

fn list(text: &str) -> BTreeSet<String> {
    text.split(',').filter(|code| *code != "-").map(str::to_owned).collect()
}

#[tokio::test]
async fn every_expected_cause_is_found_and_none_besides() {
    let Some(bed) = Bed::start() else { return };
    let text = std::fs::read_to_string(bed.home.join("expected.tsv")).unwrap();
    let rows: Vec<Vec<&str>> =
        text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).map(|l| l.split('\t').collect()).collect();
    let only = std::env::var("ZONES").ok();
    let rows: Vec<&Vec<&str>> = rows.iter().filter(|r| only.as_ref().is_none_or(|o| list(o).contains(r[0]))).collect();
    let mut levels = BTreeSet::new();
    for row in &rows {
        let mut at = Some(row[1]);
        while let Some(name) = at.filter(|n| *n != ".") {
            levels.insert(name.to_owned());
            at = parent(name);
        }
    }
    let hints =
        RootHints::parse("root.hints", &std::fs::read_to_string(bed.directory.path().join("root.hints")).unwrap());
    let options = ViewOptions { hints: hints.unwrap(), port: PORT, ..ViewOptions::default() };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
    let throttle = Throttle::new(Rates { server: Rate::Unlimited, ..Rates::default() });
    let levels: Vec<DomainName> = levels.iter().map(|l| DomainName::parse(l).unwrap()).collect();
    let view = authoritative_view(&levels, &options, &Sockets::new(), &throttle, now).await;
    println!("{} queries for {} levels", view.queries, levels.len());
    let mut faults = Vec::new();
    let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for row in &rows {
        let mut at = Some(row[1]);
        while let Some(name) = at.filter(|n| *n != "." && ctclimb::caa::evidence_name::is_at_or_below(n, row[0])) {
            for cause in causes(&view, name) {
                if only.is_some() {
                    println!("{name}: {} [{}] {}", cause.code, cause.who, cause.evidence);
                }
                found.entry(row[0]).or_default().insert(cause.code.to_string());
            }
            at = parent(name);
        }
        let got = found.get(row[0]).cloned().unwrap_or_default();
        let (must, may) = (list(row[2]), list(row[3]));
        if !must.is_subset(&got) || !got.iter().all(|code| must.contains(code) || may.contains(code)) {
            faults.push(format!("{}: expected {must:?} (may {may:?}), found {got:?}", row[0]));
        }
    }
    if only.is_none() {
        for (name, expected) in [
            ("www.signed.bed", Security::Secure),
            ("www.signed3.bed", Security::Secure),
            ("www.plain.bed", Security::Insecure),
            ("www.island.bed", Security::Insecure),
            ("www.badsig.bed", Security::Bogus),
        ] {
            let got = security(&view, name);
            if got != expected {
                faults.push(format!("{name}: {got:?}, expected {expected:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{} of {} zones:\n{}", faults.len(), rows.len(), faults.join("\n"));
}
