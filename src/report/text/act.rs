//! What is wrong and who must act, where a CAA record helps, and what was not obtained.

use std::io;

use super::REST;
use super::page::{Look, Page};
use crate::finding::Severity;
use crate::report::digest::{self, counted, thousands};
use crate::report::{Advice, Report, SourceCoverage};

pub(super) fn findings(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    if report.findings.is_empty() {
        return Ok(());
    }
    page.section("FINDINGS", "what is wrong, and who can mend it")?;
    let numbers = digest::pattern_numbers(report);
    let rows = page.style().rows;
    for finding in report.findings.iter().take(rows) {
        let (look, word) = match finding.severity {
            Severity::Error => (Look::Bad, "error"),
            Severity::Warning => (Look::Warn, "warning"),
            Severity::Note => (Look::Faint, "note"),
        };
        let place = finding.level.as_deref().map(|level| format!(" at {level}")).unwrap_or_default();
        let code = format!(" {}", finding.code);
        page.wrapped("  ", 4, &[(look, word), (Look::Strong, &code), (Look::Name, &place)])?;
        page.wrapped("    ", 4, &[(Look::Plain, &finding.text)])?;
        if let Some(who) = &finding.who {
            page.wrapped("    ", 9, &[(Look::Faint, "Who: "), (Look::Plain, who)])?;
        }
        if let Some(fix) = &finding.fix {
            page.wrapped("    ", 9, &[(Look::Faint, "Do:  "), (Look::Plain, fix)])?;
        }
        let known: Vec<String> =
            finding.patterns.iter().filter_map(|id| numbers.get(id.as_str())).map(usize::to_string).collect();
        if !known.is_empty() {
            let noun = if known.len() == 1 { "Pattern: " } else { "Patterns: " };
            page.wrapped("    ", 6, &[(Look::Faint, noun), (Look::Plain, &digest::list(&known, 12))])?;
        }
    }
    page.more(report.findings.len().saturating_sub(rows), REST)
}

pub(super) fn advice(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    if report.advice.is_empty() {
        return Ok(());
    }
    page.section("ADVICE", "where a CAA set would end the climb, best first")?;
    let rows = page.style().rows;
    for (index, advice) in report.advice.iter().take(rows).enumerate() {
        one_advice(index + 1, advice, page)?;
    }
    page.more(report.advice.len().saturating_sub(rows), REST)
}

fn one_advice(number: usize, advice: &Advice, page: &mut Page<'_>) -> io::Result<()> {
    let decides = format!(
        " decides {}, {} seen",
        counted(advice.decides_names, "name"),
        counted(advice.decides_certificates, "certificate")
    );
    let lead = format!("{number:>3}  At ");
    page.wrapped(&lead, 5, &[(Look::Name, &advice.level), (Look::Plain, &decides)])?;
    if !advice.cures.is_empty() {
        let cures = digest::list(&advice.cures, 6);
        page.wrapped(
            "     ",
            7,
            &[
                (Look::Good, "Makes irrelevant"),
                (Look::Plain, " the failure at "),
                (Look::Name, &cures),
                (Look::Plain, ", towards the TLD"),
            ],
        )?;
    }
    if !advice.leaves.is_empty() {
        let leaves = digest::list(&advice.leaves, 6);
        page.wrapped(
            "     ",
            7,
            &[
                (Look::Bad, "Does not help"),
                (Look::Plain, " the failure at "),
                (Look::Name, &leaves),
                (Look::Plain, ", closer to the names"),
            ],
        )?;
    }
    if !advice.records.is_empty() {
        page.wrapped("     ", 5, &[(Look::Plain, "Publish:")])?;
    }
    for record in &advice.records {
        page.copyable(7, record)?;
    }
    for warning in &advice.warnings {
        page.wrapped("     ", 7, &[(Look::Warn, "Mind: "), (Look::Plain, warning)])?;
    }
    Ok(())
}

pub(super) fn coverage(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let coverage = &report.coverage;
    let (look, word) = if coverage.complete { (Look::Good, "complete") } else { (Look::Bad, "INCOMPLETE") };
    page.section("COVERAGE", "what was asked for and what was obtained")?;
    page.wrapped("  ", 4, &[(look, word)])?;
    let rows = page.style().rows;
    for source in coverage.sources.iter().take(rows) {
        page.wrapped(
            "  ",
            4,
            &[(Look::Name, &source.name), (Look::Plain, &source_facts(source)), (Look::Bad, &trouble(source))],
        )?;
    }
    page.more(coverage.sources.len().saturating_sub(rows), REST)?;
    for (class, dropped) in &coverage.dropped {
        let text = format!("dropped {} {class}, such as {}", thousands(dropped.count), dropped.example);
        page.wrapped("  ", 4, &[(Look::Plain, &text)])?;
    }
    if coverage.levels_asked > 0 || coverage.queries > 0 {
        let mut facts = vec![format!(
            "{} asked with {}",
            counted(coverage.levels_asked, "level"),
            counted(coverage.queries, "query")
        )];
        if coverage.levels_inferred > 0 {
            facts.push(format!(
                "{} not asked because the zone's servers were silent",
                thousands(coverage.levels_inferred)
            ));
        }
        if coverage.sampled > 0 {
            facts.push(format!(
                "{} not climbed because a sample of their pattern stands for them (`--all-names` asks all)",
                counted(coverage.sampled, "name")
            ));
        }
        page.wrapped("  ", 4, &[(Look::Plain, &facts.join("; "))])?;
    }
    for note in coverage.notes.iter().take(rows) {
        page.wrapped("  ", 4, &[(Look::Plain, note)])?;
    }
    page.more(coverage.notes.len().saturating_sub(rows), REST)
}

fn source_facts(source: &SourceCoverage) -> String {
    let mut facts = Vec::new();
    if !source.kind.is_empty() && source.kind != source.name {
        facts.push(format!(" ({})", source.kind));
    }
    let requests =
        if source.requests > 0 { format!("{}, ", counted(source.requests, "request")) } else { String::new() };
    facts.push(format!(
        ": {requests}{}, {}",
        counted(source.records, "record"),
        counted(source.certificates, "certificate")
    ));
    facts.concat()
}

fn trouble(source: &SourceCoverage) -> String {
    let truncated = if source.truncated { "; CUT SHORT" } else { "" };
    let error = source.error.as_deref().map(|error| format!("; {error}")).unwrap_or_default();
    format!("{truncated}{error}")
}
