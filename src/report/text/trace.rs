//! The trace for people: the climb as a tree, then each zone with its servers, their answers and the commands that ask again.
//!
//! Addresses of a zone that answer alike share one block unless each is wanted by itself.

use std::io::{self, Write};

use super::page::{Look, Page};
use super::trace_zone;
use crate::finding::Severity;
use crate::report::digest::{counted, list};
use crate::report::trace::{LevelState, Trace, TraceLevel};
use crate::report::{Style, idn};

pub(in crate::report) fn write(trace: &Trace, style: &Style, each: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(out, style);
    answer(trace, &mut page)?;
    climb(trace, &mut page)?;
    page.section("ZONES", "from the root; what each server answers, and the command that asks the same")?;
    for zone in &trace.zones {
        page.gap()?;
        trace_zone::write(trace, zone, each, &mut page)?;
    }
    coverage(trace, &mut page)
}

/// The conclusion in one sentence.
fn answer(trace: &Trace, page: &mut Page<'_>) -> io::Result<()> {
    let star = if trace.wildcard { "*." } else { "" };
    let (look, word, said) = conclusion(trace);
    let name = format!("{star}{}", trace.name);
    let said = format!(": {said}");
    page.wrapped("", 2, &[(look, word), (Look::Plain, " "), (Look::Name, &name), (Look::Strong, &said)])?;
    if let Some(unicode) = idn::unicode_form(&trace.name) {
        page.wrapped("  ", 2, &[(Look::Plain, &trace.name), (Look::Plain, " is "), (Look::Name, &unicode)])?;
    }
    let coverage = &trace.coverage;
    let figures = format!(
        "{} to {} of {}. {}, {}.",
        counted(coverage.questions, "question"),
        counted(coverage.addresses as u64, "address"),
        counted(trace.zones.len() as u64, "zone"),
        trace.tool,
        trace.time
    );
    page.wrapped("  ", 2, &[(Look::Faint, &figures)])
}

fn conclusion(trace: &Trace) -> (Look, &'static str, String) {
    if trace.coverage.answering == 0 {
        return (Look::Bad, "UNKNOWN", "no name server answered anything, not even the root's".to_owned());
    }
    let worst = trace.causes().next().filter(|(_, cause)| cause.severity < Severity::Note);
    let more = trace.causes().filter(|(_, cause)| cause.severity < Severity::Note).count().saturating_sub(1);
    let others = if more > 0 { format!(", and {} more below", counted(more as u64, "cause")) } else { String::new() };
    if let Some((_, cause)) = worst {
        let (look, word) = weight(cause.severity);
        let at = list(&cause.levels, 2);
        return (look, word, format!("{} at {at}{others}", cause.cause.code.title()));
    }
    let set = trace.levels.iter().rfind(|level| level.climbed && level.state == LevelState::Records);
    let decides = match set {
        Some(level) => format!("the CAA set at {} decides", level.name),
        None => "no level has a CAA record".to_owned(),
    };
    let counts = if trace.causes().next().is_some() { " where it counts" } else { "" };
    (Look::Good, "OK", format!("every name server answers as it should{counts}; {decides}"))
}

fn weight(severity: Severity) -> (Look, &'static str) {
    match severity {
        Severity::Error => (Look::Bad, "FAIL"),
        Severity::Warning => (Look::Warn, "WARN"),
        Severity::Note => (Look::Faint, "note"),
    }
}

fn look(state: LevelState) -> Look {
    match state {
        LevelState::Records | LevelState::NoData => Look::Good,
        LevelState::NxDomain | LevelState::Alias => Look::Plain,
        LevelState::Differs => Look::Warn,
        LevelState::Failed => Look::Bad,
        LevelState::NotAsked => Look::Faint,
    }
}

/// The levels as a tree below the root, then the targets of aliases.
fn climb(trace: &Trace, page: &mut Page<'_>) -> io::Result<()> {
    page.section("CLIMB", "from the TLD to the name, as the zones' own servers answer")?;
    let used = LevelState::ALL.iter().filter(|state| trace.levels.iter().any(|level| level.state == **state));
    let legend: Vec<String> = used.map(|state| format!("{} {}", state.letter(), state.words())).collect();
    page.wrapped("  ", 2, &[(Look::Faint, &legend.join(", "))])?;
    page.tree_line(&[(Look::Plain, " ")], "", 5, &[(Look::Name, "."), (Look::Faint, "  the root")])?;
    for (deep, level) in trace.levels.iter().filter(|level| level.climbed).enumerate() {
        one_level(level, deep, page)?;
    }
    for level in trace.levels.iter().filter(|level| !level.climbed) {
        one_level(level, 0, page)?;
    }
    Ok(())
}

fn one_level(level: &TraceLevel, deep: usize, page: &mut Page<'_>) -> io::Result<()> {
    let corner = if page.style().ascii { "`- " } else { "└─ " };
    // Very deep names keep room for words.
    let deep = deep.min(page.style().width / 8);
    let strokes = if level.climbed { format!("{}{corner}", "   ".repeat(deep)) } else { String::new() };
    let hang = 5 + strokes.chars().count();
    let letter = level.state.letter().to_string();
    let mut remarks = Vec::new();
    if level.zone == level.name {
        remarks.push("zone".to_owned());
    }
    if !level.climbed {
        remarks.push("target of an alias".to_owned());
    }
    remarks.push(match level.answers.as_slice() {
        [] => level.state.words().to_owned(),
        [one] => one.clone(),
        several => format!("servers differ: {}", list(several, 3)),
    });
    if level.shielded {
        remarks.push("does not count: a CAA set closer to the name ends the climb".to_owned());
    }
    let remarks = format!("  {}", remarks.join("; "));
    let spans = [(Look::Name, level.name.as_str()), (look(level.state), &remarks)];
    page.tree_line(&[(look(level.state), &letter)], &strokes, hang, &spans)?;
    let indent = " ".repeat(hang);
    trace_zone::records(&level.records, hang, page)?;
    for cause in &level.causes {
        page.wrapped(&indent, hang + 2, &[(Look::Warn, "! "), (Look::Warn, cause)])?;
    }
    Ok(())
}

fn coverage(trace: &Trace, page: &mut Page<'_>) -> io::Result<()> {
    page.section("COVERAGE", "what was asked, and what was not")?;
    let coverage = &trace.coverage;
    let complete = if coverage.complete { (Look::Good, "complete") } else { (Look::Warn, "not complete") };
    let answering = format!(": {} of {} addresses answered", coverage.answering, coverage.addresses);
    page.wrapped("  ", 2, &[complete, (Look::Plain, &answering)])?;
    if coverage.ipv6 == Some(false) {
        page.wrapped("  ", 2, &[(Look::Plain, "IPv6 does not work from here: IPv6 addresses are left aside")])?;
    }
    for limit in coverage.limits.iter().chain(&coverage.cautions) {
        page.wrapped("  ", 2, &[(Look::Plain, limit)])?;
    }
    Ok(())
}
