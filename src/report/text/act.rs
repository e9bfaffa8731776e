//! What is wrong and who must act, where a CAA record helps, and what was not obtained.

use std::io;

use super::REST;
use super::page::{Look, Page};
use crate::finding::Severity;
use crate::report::digest::{self, counted, thousands};
use crate::report::{Report, SourceCoverage, safe};

/// Characters of an example of what was dropped.
const EXAMPLE: usize = 60;

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
        if let Some(patterns) = digest::concerns(&finding.patterns, &numbers) {
            page.wrapped("    ", 4, &[(Look::Faint, &patterns)])?;
        }
    }
    page.more(report.findings.len().saturating_sub(rows), REST)
}

pub(super) fn advice(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    if report.advice.is_empty() {
        return Ok(());
    }
    page.section("ADVICE", "where a CAA set would end the climb, best first")?;
    let advised = digest::advised(report);
    for (index, (advice, remarks)) in advised.best.iter().enumerate() {
        let effects = format!(": {}.", digest::list(&digest::effects(report, advice), 3));
        page.wrapped(&format!("{:>3}  At ", index + 1), 5, &[(Look::Name, &advice.level), (Look::Plain, &effects)])?;
        for record in &advice.records {
            page.copyable(7, record)?;
        }
        remark_list(remarks, page)?;
    }
    if !advised.others.is_empty() {
        let others = format!("Fewer names each: {}", digest::list(&advised.others, 5));
        page.wrapped("     ", 5, &[(Look::Plain, &others)])?;
    }
    if !advised.shared.is_empty() {
        page.wrapped("     ", 5, &[(Look::Strong, "Mind, wherever you publish:")])?;
        remark_list(&advised.shared, page)?;
    }
    Ok(())
}

fn remark_list(remarks: &[impl AsRef<str>], page: &mut Page<'_>) -> io::Result<()> {
    remarks.iter().try_for_each(|remark| page.wrapped("     - ", 7, &[(Look::Plain, remark.as_ref())]))
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
        let example = safe::bounded(&dropped.example, EXAMPLE);
        let what = digest::dropped(class, dropped.count);
        let text = format!("dropped {} {what}{}", thousands(dropped.count), digest::such_as(&example));
        page.wrapped("  ", 4, &[(Look::Plain, &text)])?;
    }
    if coverage.levels_asked > 0 || coverage.queries > 0 {
        page.wrapped("  ", 4, &[(Look::Plain, &digest::lookups(report).join("; "))])?;
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
