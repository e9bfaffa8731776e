//! One zone of a trace: its name servers, its causes, and every answer with the command that asks again.

use std::collections::BTreeSet;
use std::io;

use super::page::{Look, Page, Span};
use crate::caa::Transport;
use crate::finding::Severity;
use crate::report::digest::list;
use crate::report::trace::{Trace, TraceCause, TraceHost, TraceProbe, TraceServer, TraceStress, TraceZone};

/// Hosts of one zone that are shown with their addresses.
const HOSTS: usize = 26;
/// CAA records shown of one answer.
const RECORDS: usize = 6;

pub(super) fn write(trace: &Trace, zone: &TraceZone, each: bool, page: &mut Page<'_>) -> io::Result<()> {
    let mut remarks: Vec<String> = Vec::new();
    match &zone.parent {
        None => remarks.push("the root".to_owned()),
        Some(parent) if zone.referred => remarks.push(format!("delegated by {}", shown_zone(parent))),
        Some(parent) => remarks.push(format!("below {}, at the same servers", shown_zone(parent))),
    }
    if let Some(dnssec) = zone.dnssec {
        remarks.push(format!("DNSSEC {dnssec}"));
    }
    if zone.parent.is_some() {
        remarks.push(match zone.ds.state {
            "present" => format!("DS {}", list(&zone.ds.records, 4)),
            "absent" => "no DS".to_owned(),
            "failed" => format!("DS not told by its parent: {}", list(&zone.ds.failures, 4)),
            _ => "DS not known".to_owned(),
        });
    }
    let remarks = format!("  {}", remarks.join("; "));
    page.wrapped("  ", 4, &[(Look::Strong, &zone.name), (Look::Plain, &remarks)])?;
    name_servers(zone, page)?;
    for command in zone.dig_ns.iter().chain(&zone.dig_ds) {
        dig(command, 4, page)?;
    }
    for cause in &zone.causes {
        one_cause(cause, page)?;
    }
    if zone.servers.is_empty() {
        page.wrapped("    ", 6, &[(Look::Bad, "no address to ask")])?;
    }
    for alike in grouped(&zone.servers, each) {
        servers(trace, &alike, page)?;
    }
    Ok(())
}

/// A zone's name in a sentence.
fn shown_zone(name: &str) -> &str {
    if name == "." { "the root" } else { name }
}

fn name_servers(zone: &TraceZone, page: &mut Page<'_>) -> io::Result<()> {
    let names = |set: &BTreeSet<String>| list(&set.iter().cloned().collect::<Vec<_>>(), HOSTS);
    let (parent, child) = (&zone.parent_ns, &zone.child_ns);
    let by_parent = if zone.parent.is_none() { "NS by the hints: " } else { "NS by the parent: " };
    if parent == child || parent.is_empty() || child.is_empty() {
        let who = match (parent.is_empty(), child.is_empty()) {
            (true, true) => return page.wrapped("    ", 6, &[(Look::Bad, "no NS records seen")]),
            (false, false) => "NS, parent and zone agree: ",
            (false, true) => by_parent,
            (true, false) => "NS by the zone: ",
        };
        let all = names(if parent.is_empty() { child } else { parent });
        page.wrapped("    ", 6, &[(Look::Faint, who), (Look::Plain, &all)])?;
    } else {
        page.wrapped("    ", 6, &[(Look::Faint, by_parent), (Look::Plain, &names(parent))])?;
        page.wrapped("    ", 6, &[(Look::Faint, "NS by the zone:   "), (Look::Plain, &names(child))])?;
    }
    for host in zone.hosts.iter().take(HOSTS) {
        one_host(host, page)?;
    }
    if zone.hosts.len() > HOSTS {
        let text = format!("and {} more hosts; `-f json` has them all", zone.hosts.len() - HOSTS);
        page.wrapped("    ", 6, &[(Look::Faint, &text)])?;
    }
    Ok(())
}

fn one_host(host: &TraceHost, page: &mut Page<'_>) -> io::Result<()> {
    let mut texts: Vec<String> = Vec::new();
    for address in &host.glue {
        let also = if host.addresses.contains(address) { " (glue, and by its zone)" } else { " (glue)" };
        texts.push(format!("{address}{also}"));
    }
    texts.extend(host.addresses.iter().filter(|address| !host.glue.contains(address)).cloned());
    if let Some(alias) = &host.alias {
        texts.push(format!("an alias of {alias}, which a name server may not be"));
    }
    let addresses = texts.join(", ");
    let trouble = host.trouble.as_deref().unwrap_or_default();
    let between = if texts.is_empty() || trouble.is_empty() { "" } else { "; " };
    page.wrapped(
        "    ",
        6,
        &[
            (Look::Plain, &host.name),
            (Look::Plain, "  "),
            (Look::Plain, &addresses),
            (Look::Plain, between),
            (Look::Warn, trouble),
        ],
    )
}

fn one_cause(cause: &TraceCause, page: &mut Page<'_>) -> io::Result<()> {
    let (look, word) = match cause.severity {
        Severity::Error => (Look::Bad, "! error "),
        Severity::Warning => (Look::Warn, "! warning "),
        Severity::Note => (Look::Faint, "! note "),
    };
    let at = format!(" at {}", list(&cause.levels, 4));
    page.wrapped("    ", 6, &[(look, word), (Look::Strong, cause.cause.code.as_str()), (Look::Name, &at)])?;
    let hides =
        if cause.cause.hides_policy { ". A CA reads it as \"no CAA record\": a policy may be hidden" } else { "" };
    page.wrapped("      ", 6, &[(Look::Plain, &cause.cause.evidence), (Look::Plain, hides)])?;
    if !cause.cause.servers.is_empty() {
        let servers: Vec<String> = cause.cause.servers.iter().map(ToString::to_string).collect();
        page.wrapped("      ", 11, &[(Look::Faint, "At:  "), (Look::Plain, &list(&servers, 8))])?;
    }
    page.wrapped("      ", 11, &[(Look::Faint, "Who: "), (Look::Plain, &cause.cause.who)])?;
    page.wrapped("      ", 11, &[(Look::Faint, "Do:  "), (Look::Plain, &cause.cause.fix)])
}

/// Addresses that answer alike, in the order of their first one.
fn grouped(servers: &[TraceServer], each: bool) -> Vec<Vec<&TraceServer>> {
    let mut groups: Vec<Vec<&TraceServer>> = Vec::new();
    for server in servers {
        match groups.iter_mut().find(|group| !each && answers_alike(group[0], server)) {
            Some(group) => group.push(server),
            None => groups.push(vec![server]),
        }
    }
    groups
}

/// Whether two addresses answer every probe alike, times apart.
fn answers_alike(one: &TraceServer, other: &TraceServer) -> bool {
    let alike = |(a, b): (&TraceProbe, &TraceProbe)| {
        (a.kind, &a.name, a.transport, a.payload) == (b.kind, &b.name, b.transport, b.payload)
            && (&a.outcome, &a.rcode, &a.flags, &a.soa, &a.records)
                == (&b.outcome, &b.rcode, &b.flags, &b.soa, &b.records)
            && a.ede == b.ede
            && a.tries == b.tries
    };
    one.stress.is_none()
        && other.stress.is_none()
        && one.probes.len() == other.probes.len()
        && one.probes.iter().zip(&other.probes).all(alike)
}

fn servers(trace: &Trace, alike: &[&TraceServer], page: &mut Page<'_>) -> io::Result<()> {
    let named = |server: &&TraceServer| format!("{} {}", server.address, server.hosts.join(", ")).trim().to_owned();
    let all: Vec<String> = alike.iter().map(named).collect();
    let count = if alike.len() > 1 { format!("{} addresses answer alike: ", alike.len()) } else { String::new() };
    page.wrapped("    ", 8, &[(Look::Faint, &count), (Look::Name, &all.join("; "))])?;
    let first = alike[0];
    if first.probes.is_empty() {
        let why = if trace.coverage.ipv6 == Some(false) && first.address.contains(':') {
            "not asked: IPv6 does not work from here"
        } else {
            "not asked"
        };
        return page.wrapped("      ", 8, &[(Look::Faint, why)]);
    }
    for (place, probe) in first.probes.iter().enumerate() {
        let times: Vec<u64> = alike.iter().filter_map(|server| server.probes[place].rtt_ms).collect();
        one_probe(probe, &times, page)?;
    }
    if let Some(stress) = &first.stress {
        page.wrapped("      ", 8, &[(Look::Warn, &stressed(stress))])?;
    }
    Ok(())
}

fn stressed(stress: &TraceStress) -> String {
    let answered = |all: &[bool]| all.iter().filter(|answered| **answered).count();
    let otherwise: Vec<&str> = stress.otherwise.iter().map(String::as_str).collect();
    let otherwise = if otherwise.is_empty() { String::new() } else { format!("; else {}", otherwise.join(", ")) };
    format!(
        "asked over and over: {} of {} answered when sent together, {} of {} when sent apart{otherwise}",
        answered(&stress.together),
        stress.together.len(),
        answered(&stress.apart),
        stress.apart.len()
    )
}

fn one_probe(probe: &TraceProbe, times: &[u64], page: &mut Page<'_>) -> io::Result<()> {
    let number = format!("{:<6}", probe.number.unwrap_or("apex"));
    let question = format!("{} {}{}", probe.rtype, probe.level, manner(probe));
    let facts = facts(probe, times);
    let result = if probe.usable { Look::Good } else { Look::Bad };
    let spans: [Span<'_>; 5] = [
        (Look::Faint, &number),
        (Look::Plain, &question),
        (Look::Plain, ":  "),
        (result, &probe.outcome),
        (Look::Plain, &facts),
    ];
    page.wrapped("      ", 12, &spans)?;
    records(&probe.records, 12, page)?;
    dig(&probe.dig, 12, page)
}

/// How the question was put, where it is not put as a CA's resolver does.
fn manner(probe: &TraceProbe) -> String {
    let mut manner = Vec::new();
    match probe.payload {
        None => manner.push("without EDNS".to_owned()),
        Some(1232) => {}
        Some(octets) => manner.push(format!("with room for {octets} octets")),
    }
    if probe.transport == Transport::Tcp {
        manner.push("over TCP".to_owned());
    }
    if matches!(probe.kind, "caa-lower-case" | "caa-plainest") {
        manner.push("in lower case".to_owned());
    }
    if manner.is_empty() { String::new() } else { format!(" {}", manner.join(" ")) }
}

/// What else came with an answer, and how long it took.
fn facts(probe: &TraceProbe, times: &[u64]) -> String {
    let mut facts = Vec::new();
    if let Some(soa) = &probe.soa {
        facts.push(format!("SOA of {soa}"));
    }
    if probe.usable && !probe.flags.contains(&"aa") {
        facts.push("not authoritative".to_owned());
    }
    for ede in &probe.ede {
        facts.push(format!("EDE {} {}", ede.code, ede.text).trim_end().to_owned());
    }
    if let (Some(least), Some(most)) = (times.iter().min(), times.iter().max()) {
        facts.push(if least == most { format!("{least} ms") } else { format!("{least} to {most} ms") });
    }
    facts.extend(tries(probe));
    if facts.is_empty() { String::new() } else { format!("; {}", facts.join("; ")) }
}

/// How many transmissions it took, and what came of each where that differs.
fn tries(probe: &TraceProbe) -> Option<String> {
    let mut runs: Vec<(&str, usize)> = Vec::new();
    for outcome in &probe.tries {
        match runs.last_mut() {
            Some((last, count)) if *last == outcome => *count += 1,
            _ => runs.push((outcome, 1)),
        }
    }
    let told = |(outcome, count): &(&str, usize)| match count {
        1 => (*outcome).to_owned(),
        count => format!("{count} times {outcome}"),
    };
    match runs.as_slice() {
        [] | [(_, 1)] => None,
        [(_, count)] => Some(format!("the same in {count} tries")),
        several => Some(format!("in turn {}", several.iter().map(told).collect::<Vec<_>>().join(", "))),
    }
}

/// A command on lines that can be copied as they are: broken at blanks, with a backslash at each end.
fn dig(command: &str, indent: usize, page: &mut Page<'_>) -> io::Result<()> {
    let width = page.style().width;
    let (mut line, mut at) = (String::new(), indent);
    for word in command.split(' ') {
        // A blank before the word, a blank and a backslash behind it.
        if !line.is_empty() && at + line.chars().count() + word.chars().count() + 3 > width {
            page.copyable(at, &format!("{line} \\"))?;
            line.clear();
            at = indent + 2;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    page.copyable(at, &line)
}

/// CAA records of an answer, and how many more there are.
pub(super) fn records(records: &[String], hang: usize, page: &mut Page<'_>) -> io::Result<()> {
    let indent = " ".repeat(hang);
    for record in records.iter().take(RECORDS) {
        page.wrapped(&indent, hang + 2, &[(Look::Plain, "CAA "), (Look::Plain, record)])?;
    }
    if records.len() > RECORDS {
        let text = format!("and {} more records; `-f json` has them all", records.len() - RECORDS);
        page.wrapped(&indent, hang + 2, &[(Look::Faint, &text)])?;
    }
    Ok(())
}
