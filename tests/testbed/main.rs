//! The broken zones of the test bed, served by real servers: every expected cause is found and none besides, the right servers
//! are named, and Unbound and BIND fail where the causes say that a lookup fails.
//!
//! Needs the packages that `README.md` names; without them the test says `skipped`, and fails where `CI=true`.
//! `ZONES=a.bed,b.bed` looks at some zones only, and prints what was found.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

mod bed;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bed::{Bed, Place};
use ctclimb::caa::evidence_name::{is_at_or_below, parent};
use ctclimb::caa::{AuthoritativeView, Cause, Code, Security, Transport, causes, security};
use ctclimb::dns::{Exchange, ExchangeError, Question, RootHints, Server, Sockets, ViewOptions, authoritative_view};
use ctclimb::limit::{Rate, Rates, Throttle};
use ctclimb::name::DomainName;
use futures::future::join_all;

/// How long a resolver is waited for. What it does not say by then, no CA waits for.
const PATIENCE: Duration = Duration::from_secs(12);

/// Questions that the resolvers have open at the same time.
const AT_ONCE: usize = 120;

/// What must be found at a name and the levels above it, up to a zone.
struct Row {
    zone: String,
    name: String,
    must: BTreeSet<String>,
    may: BTreeSet<String>,
    /// Addresses that must be blamed, and no others.
    servers: Option<BTreeSet<String>>,
}

fn list(text: &str) -> BTreeSet<String> {
    text.split(',').filter(|code| *code != "-").map(str::to_owned).collect()
}

fn rows(bed: &Bed, only: Option<&String>) -> Vec<Row> {
    let rows = bed.table("expected.tsv").into_iter().map(|row| Row {
        zone: row[0].clone(),
        name: row[1].clone(),
        must: list(&row[2]),
        may: list(&row[3]),
        servers: row.get(4).map(|servers| list(servers)),
    });
    rows.filter(|row| only.is_none_or(|only| list(only).contains(&row.zone))).collect()
}

fn levels(name: &str) -> Vec<&str> {
    std::iter::successors(Some(name), |name| parent(name)).filter(|name| *name != ".").collect()
}

async fn view(bed: &Bed, rows: &[Row]) -> AuthoritativeView {
    let names: BTreeSet<&str> = rows.iter().flat_map(|row| levels(&row.name)).collect();
    let names: Vec<DomainName> = names.into_iter().map(|name| DomainName::parse(name).unwrap()).collect();
    let hints = std::fs::read_to_string(bed.directory.join("root.hints")).unwrap();
    let hints = RootHints::parse("root.hints", &hints).unwrap();
    let options = ViewOptions { hints, port: bed.port, ..ViewOptions::default() };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
    let throttle = Throttle::new(Rates { server: Rate::Unlimited, ..Rates::default() });
    let view = authoritative_view(&names, &options, &Sockets::new(), &throttle, now).await;
    println!("{} queries for {} levels", view.queries, names.len());
    view
}

/// What is wrong with the causes found for one row.
fn compare(row: &Row, view: &AuthoritativeView, loud: bool) -> Vec<String> {
    let names = levels(&row.name).into_iter().filter(|name| is_at_or_below(name, &row.zone));
    let found: Vec<(&str, Cause)> =
        names.flat_map(|name| causes(view, name).into_iter().map(move |c| (name, c))).collect();
    let mut faults = Vec::new();
    for (name, cause) in &found {
        if loud {
            println!("{name}: {} [{}]\n    seen: {}\n    fix: {}", cause.code, cause.who, cause.evidence, cause.fix);
        }
        faults.extend(wording(cause).map(|fault| format!("{name}: {}: {fault}", cause.code)));
    }
    let got: BTreeSet<String> = found.iter().map(|(_, cause)| cause.code.to_string()).collect();
    if !row.must.is_subset(&got) || !got.iter().all(|code| row.must.contains(code) || row.may.contains(code)) {
        faults.push(format!("{}: expected {:?} (may {:?}), found {got:?}", row.name, row.must, row.may));
    }
    if let Some(servers) = &row.servers {
        let blamed: BTreeSet<String> = found
            .iter()
            .flat_map(|(_, cause)| &cause.servers)
            .filter_map(|s| s.address)
            .map(|a| a.to_string())
            .collect();
        if blamed != *servers {
            faults.push(format!("{}: blames {blamed:?}, not {servers:?}", row.name));
        }
    }
    faults
}

/// What a reader would miss in a cause.
fn wording(cause: &Cause) -> Option<&'static str> {
    let unnamed = cause.servers.iter().any(|server| server.name.is_empty());
    let sentences = cause.fix.ends_with(['.', ')']) && cause.fix.starts_with(char::is_uppercase);
    match () {
        () if unnamed => Some("a server without a name"),
        () if cause.evidence.is_empty() || cause.who.is_empty() => Some("no evidence, or nobody to act"),
        // An alias is told by the name that was asked for, in lower case.
        () if !sentences && !cause.evidence.contains('→') => Some("the fix is no sentence"),
        () => None,
    }
}

#[tokio::test]
async fn every_expected_cause_is_found_and_none_besides() {
    let bed = match Bed::start("every_expected_cause_is_found_and_none_besides") {
        Place::Up(bed) => bed,
        Place::Elsewhere(passed) => return assert!(passed, "the test failed inside the bed; see above"),
        Place::Missing => return,
    };
    let only = std::env::var("ZONES").ok();
    let rows = rows(&bed, only.as_ref());
    let view = view(&bed, &rows).await;
    let mut faults: Vec<String> = rows.iter().flat_map(|row| compare(row, &view, only.is_some())).collect();
    if only.is_none() {
        faults.extend(secured(&view));
        faults.extend(registries(&view));
    }
    if bed.port == 53 {
        faults.extend(resolvers(&bed, &rows, &view, only.is_some()).await);
        if only.as_deref().is_none_or(|only| only.contains("oddresolvers")) {
            faults.extend(odd_resolvers(&bed));
        }
    } else {
        println!("skipped: Unbound and BIND follow referrals on port 53 only");
    }
    assert!(faults.is_empty(), "{} faults in {} rows:\n{}", faults.len(), rows.len(), faults.join("\n"));
}

/// How far DNSSEC reaches, and what may be taken for permission: only what is proven to be insecure.
fn secured(view: &AuthoritativeView) -> Vec<String> {
    let table = [
        ("www.signed.bed", Security::Secure),
        ("www.signed3.bed", Security::Secure),
        ("www.rsa.bed", Security::Secure),
        ("www.rollover.bed", Security::Secure),
        ("www.kid.spar.bed", Security::Secure),
        ("x.w.wildsigned.bed", Security::Secure),
        ("www.plain.bed", Security::Insecure),
        ("www.island.bed", Security::Insecure),
        ("www.dsalgorithm.bed", Security::Insecure),
        ("www.dsdigest.bed", Security::Insecure),
        ("www.kid.optout.bed", Security::Insecure),
        ("www.drop257.bed", Security::Insecure),
        ("deadzone.alias.bed", Security::Insecure),
        ("www.badsig.bed", Security::Bogus),
        ("www.future.bed", Security::Bogus),
        ("www.old.bed", Security::Secure),
        ("www.ending.bed", Security::Secure),
        ("www.dszsk.bed", Security::Secure),
        ("www.dssha1.bed", Security::Secure),
        ("www.dsboth.bed", Security::Secure),
        ("www.rsasha1.bed", Security::Secure),
        ("www.iter.bed", Security::Secure),
        ("www.kskaway.bed", Security::Bogus),
        ("www.keygone.bed", Security::Bogus),
        ("www.keyold.bed", Security::Bogus),
        ("www.manysig.bed", Security::Bogus),
        ("www.kid.dsdrop.bed", Security::Bogus),
        ("www.exptld", Security::Bogus),
        // A signed name that leads into an unsigned zone: the name's own zone is not insecure.
        ("out.aliassigned.bed", Security::Unknown),
        ("www.secblackhole.bed", Security::Unknown),
        ("www.sednsformerr.bed", Security::Unknown),
    ];
    let wrong = table.into_iter().filter(|(name, expected)| security(view, name) != *expected);
    wrong.map(|(name, expected)| format!("{name}: {:?}, expected {expected:?}", security(view, name))).collect()
}

/// A fault at a top-level domain is the registry's.
fn registries(view: &AuthoritativeView) -> Vec<String> {
    let mut faults = Vec::new();
    let tlds =
        ["droptld", "slowtld", "nosoatld", "refusetld", "halftld", "exptld", "servfailtld", "lametld", "droppedtld"];
    for tld in tlds.into_iter().chain(["co.uk"]) {
        let found = causes(view, tld);
        if found.is_empty() || !found.iter().all(|cause| cause.who.starts_with(&format!("the registry of {tld}"))) {
            faults.push(format!("{tld}: blames {:?}", found.iter().map(|cause| &cause.who).collect::<Vec<_>>()));
        }
    }
    faults
}

/// Whether two recursive resolvers fail where the causes say that a CA's lookup fails, and only there; what is otherwise
/// stands in `resolvers.tsv` with its reason.
async fn resolvers(bed: &Bed, rows: &[Row], view: &AuthoritativeView, loud: bool) -> Vec<String> {
    let known: BTreeMap<(String, String), String> =
        bed.table("resolvers.tsv").into_iter().map(|row| ((row[0].clone(), row[1].clone()), row[2].clone())).collect();
    let sockets = Sockets::new();
    let breaks = |row: &Row| causes(view, &row.name).iter().any(|cause| cause.breaks_lookup);
    let expected =
        |row: &Row, resolver: &str| match known.get(&(row.name.clone(), resolver.to_owned())).map(String::as_str) {
            Some("either") => None,
            Some(word) => Some(word == "answers"),
            None => Some(!breaks(row)),
        };
    // Those that take long begin first.
    let mut in_order: Vec<&Row> = rows.iter().collect();
    in_order.sort_by_key(|row| !breaks(row));
    let asked = in_order.into_iter().flat_map(|row| {
        [("unbound", "127.53.0.200:53"), ("bind", "127.0.0.1:53")].map(|(resolver, address)| (row, resolver, address))
    });
    let turns = tokio::sync::Semaphore::new(AT_ONCE);
    let said = join_all(asked.map(async |(row, resolver, address)| {
        let _turn = turns.acquire().await.unwrap();
        let server = Server::Plain(address.parse::<SocketAddr>().unwrap(), Transport::Udp);
        let question = Question::to_resolver(&row.name);
        let mut answer = sockets.ask(&server, &question, PATIENCE).await;
        // A busy machine drops datagrams, and whoever wants an answer asks again.
        if matches!(answer, Err(ExchangeError::Timeout { .. })) && expected(row, resolver) == Some(true) {
            answer = sockets.ask(&server, &question, PATIENCE).await;
        }
        let words = match &answer {
            Ok(reply) => reply.message.as_ref().map_or_else(ToString::to_string, |m| format!("rcode {}", m.rcode)),
            Err(ExchangeError::Timeout { .. }) => "silence".to_owned(),
            Err(error) => error.to_string(),
        };
        let answers = answer.is_ok_and(|reply| reply.message.is_ok_and(|m| matches!(m.rcode, 0 | 3)));
        (row, resolver, answers, words)
    }));
    let mut faults = Vec::new();
    for (row, resolver, answers, words) in said.await {
        let Some(expected) = expected(row, resolver) else { continue };
        if loud {
            println!(
                "{}: {resolver} says {words}; the causes say {}",
                row.name,
                if breaks(row) { "fails" } else { "answers" }
            );
        }
        if answers != expected {
            let wanted = if expected { "an answer" } else { "a failure" };
            faults.push(format!("{}: {resolver} gives {words}, expected {wanted}", row.name));
        }
    }
    faults
}

/// Names without a fault of their own: through a resolver that changes or refuses what it is asked, alone or beside a sound one,
/// nothing is laid to their charge.
fn odd_resolvers(bed: &Bed) -> Vec<String> {
    let rows = bed.table("oddresolvers.tsv");
    let asked = rows.iter().flat_map(|row| [(row, false), (row, true)]);
    std::thread::scope(|scope| {
        let runs: Vec<_> = asked.map(|(row, beside)| scope.spawn(move || odd_resolver(bed, row, beside))).collect();
        runs.into_iter().flat_map(|run| run.join().unwrap()).collect()
    })
}

fn odd_resolver(bed: &Bed, row: &[String], beside: bool) -> Vec<String> {
    let run = |format: &str| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_ctclimb"));
        program.args(["caa", "-f", format, "www.plain.bed", "nothere.plain.bed", "www.signed.bed"]);
        program.args(["--issuer", "ca.example", "-r", &row[0], "--root-hints"]).arg(bed.directory.join("root.hints"));
        if beside {
            program.args(["-r", "127.53.0.200"]);
        }
        program.output().unwrap()
    };
    let output = run("json");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |list: &str, field: &str| -> BTreeSet<String> {
        let items = report[list].as_array().unwrap().iter().filter(|item| item["severity"] != "note");
        items.map(|item| item[field].as_str().unwrap().to_owned()).collect()
    };
    let (used, aside) = (row[2] == "used", list("resolver-unusable"));
    let verdicts = if used || beside { list("permit") } else { BTreeSet::new() };
    let findings = if used { BTreeSet::new() } else { aside };
    let exit = if used || beside { 0 } else { 3 };
    let expected = (verdicts, findings, Some(exit));
    let got = (of("checked", "verdict"), of("findings", "code"), output.status.code());
    let streamed = String::from_utf8(run("jsonl").stdout).unwrap();
    let lines = streamed.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let checked = lines.filter(|line| line["type"] == "checked");
    let streamed: BTreeSet<String> = checked.map(|line| line["verdict"].as_str().unwrap().to_owned()).collect();
    let how = if beside { "beside a sound one" } else { "alone" };
    if got == expected && streamed == expected.0 {
        return Vec::new();
    }
    vec![format!("{} {how}: {got:?}, streamed {streamed:?}, expected {expected:?}", row[1])]
}

#[test]
fn codes_of_the_tables_exist() {
    for line in include_str!("expected.tsv").lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let columns: Vec<&str> = line.split('\t').collect();
        for code in list(columns[2]).union(&list(columns[3])) {
            assert!(Code::parse(code).is_some(), "{line}");
        }
    }
}
