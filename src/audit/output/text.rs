//! The summary of an audit for a terminal: what was audited, what is wrong and how often, and the worst domains.

use std::io::{self, Write};

use super::{Summary, Totals};
use crate::report::safe_text;

/// Lines of each part.
const ROWS: usize = 20;

/// Writes the summary.
///
/// # Errors
/// The writer's.
pub fn write(
    totals: &mut Totals,
    domains: u64,
    input: &crate::audit::partition::Facts,
    out: &mut dyn Write,
) -> io::Result<()> {
    totals.worst();
    let summary = totals.summary(domains, input);
    headline(&summary, totals, out)?;
    let codes = totals.codes.iter().map(|(code, (severity, count))| (*count, format!("{severity:<8} {code}")));
    part("Findings, by how many domains have them", codes.collect(), out)?;
    let covers = totals.covers.iter().map(|(cover, count)| (*count, (*cover).to_owned()));
    part("Wildcard patterns, by what CAA says about them", covers.collect(), out)?;
    let states = totals.registered.iter().map(|(state, count)| (*count, state.clone()));
    part("Domains, by CAA at the registered domain", states.collect(), out)?;
    let issuers = totals.issuers.iter().map(|(issuer, count)| (*count, issuer.clone()));
    part("Certificates, by issuer", issuers.collect(), out)?;
    if !totals.worst.is_empty() {
        writeln!(out, "\nWorst domains")?;
        for (rank, count, domain, codes) in totals.worst.iter().take(ROWS) {
            let severity = ["", "note", "warning", "error"][usize::from(*rank)];
            writeln!(out, "  {count:>5} {severity:<8} {}  {}", safe_text(domain), safe_text(codes))?;
        }
    }
    Ok(())
}

fn headline(summary: &Summary<'_>, totals: &Totals, out: &mut dyn Write) -> io::Result<()> {
    let count = |severity: &str| totals.severities.get(severity).copied().unwrap_or(0);
    writeln!(
        out,
        "{} of {} domains audited: {} errors, {} warnings, {} notes",
        summary.done,
        summary.domains,
        count("error"),
        count("warning"),
        count("note")
    )?;
    writeln!(
        out,
        "{} certificates, {} names in {} patterns, {} of them with wildcards; {} levels asked",
        summary.certificates, summary.names, summary.patterns, summary.wildcard_patterns, summary.levels_asked
    )?;
    let gaps = [
        (summary.failed, "domains failed"),
        (summary.incomplete, "domains are incomplete"),
        (summary.input.refused, "entries of the list were refused"),
    ];
    for (count, what) in gaps.into_iter().filter(|(count, _)| *count > 0) {
        writeln!(out, "{count} {what}")?;
    }
    for gap in &summary.input.gaps {
        writeln!(out, "input: {}", safe_text(gap))?;
    }
    writeln!(out, "{}", if summary.complete { "complete" } else { "NOT complete" })
}

fn part(title: &str, mut rows: Vec<(u64, String)>, out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    writeln!(out, "\n{title}")?;
    for (count, what) in rows.iter().take(ROWS) {
        writeln!(out, "  {count:>9}  {}", safe_text(what))?;
    }
    if rows.len() > ROWS {
        writeln!(out, "  and {} more", rows.len() - ROWS)?;
    }
    Ok(())
}
