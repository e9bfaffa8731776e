//! The summary of an audit for a terminal: what was audited, what is wrong and how often, and the worst domains.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::{Listed, Summary, Totals};
use crate::audit::partition::Facts;
use crate::audit::row::rank;
use crate::report::{counted, safe_text, thousands};

/// Lines of each part.
const ROWS: usize = 20;

/// Writes the summary.
///
/// # Errors
/// The writer's.
pub fn write(totals: &Totals, domains: u64, input: &Facts, color: bool, out: &mut dyn Write) -> io::Result<()> {
    let summary = totals.summary(domains, input);
    headline(&summary, totals, out)?;
    let tag = |severity: &str| paint(severity, &format!("{severity:<8}"), color);
    let codes = totals.codes.iter().map(|(code, (severity, count))| Line {
        rank: rank(severity),
        count: *count,
        tag: tag(severity),
        what: code.clone(),
    });
    part("Findings, by how many domains have them", codes.collect(), out)?;
    let plain = |count: &u64, what: &str| Line { rank: 0, count: *count, tag: String::new(), what: what.to_owned() };
    let covers = totals.covers.iter().map(|(cover, count)| plain(count, cover));
    part("Wildcard patterns, by what CAA says about them", covers.collect(), out)?;
    let states = totals.registered.iter().map(|(state, count)| plain(count, state));
    part("Domains, by CAA at the registered domain", states.collect(), out)?;
    let issuers = totals.issuers.iter().map(|(issuer, count)| plain(count, issuer));
    part("Certificates, by issuer", issuers.collect(), out)?;
    let worst: Vec<Listed> = totals.listed().into_iter().filter(|listed| listed.rank >= 2).take(ROWS).collect();
    if !worst.is_empty() {
        writeln!(out, "\nWorst domains")?;
        for Listed { rank, findings, domain, codes, .. } in worst {
            let severity = tag(["", "note", "warning", "error"][usize::from(rank)]);
            writeln!(out, "  {findings:>5} {severity} {}  {}", safe_text(&domain), safe_text(&codes))?;
        }
    }
    Ok(())
}

/// A word in the colour of its severity; the word says the same without.
fn paint(severity: &str, word: &str, color: bool) -> String {
    let style = match severity {
        "error" => AnsiColor::Red.on_default().bold(),
        "warning" => AnsiColor::Yellow.on_default(),
        _ => Style::new(),
    };
    if color { format!("{style}{word}{style:#}") } else { word.to_owned() }
}

fn headline(summary: &Summary<'_>, totals: &Totals, out: &mut dyn Write) -> io::Result<()> {
    let count = |severity: &str, noun: &str| counted(totals.severities.get(severity).copied().unwrap_or(0), noun);
    writeln!(
        out,
        "{} of {} audited: {}, {}, {}",
        thousands(summary.done),
        counted(summary.domains, "domain"),
        count("error", "error"),
        count("warning", "warning"),
        count("note", "note")
    )?;
    writeln!(
        out,
        "{}, {} in {}, {} of them with wildcards; {} asked",
        counted(summary.certificates, "certificate"),
        counted(summary.names, "name"),
        counted(summary.patterns, "pattern"),
        thousands(summary.wildcard_patterns),
        counted(summary.levels_asked, "level")
    )?;
    if summary.failed > 0 {
        writeln!(out, "{} failed", counted(summary.failed, "domain"))?;
        totals.failure_lines().try_for_each(|line| writeln!(out, "  {line}"))?;
    }
    let gaps = [
        (summary.incomplete, "domain", "with something missing"),
        (summary.input.refused, "entry", "of the list refused"),
    ];
    for (count, noun, what) in gaps.into_iter().filter(|(count, ..)| *count > 0) {
        writeln!(out, "{} {what}", counted(count, noun))?;
    }
    for gap in &summary.input.gaps {
        writeln!(out, "input: {}", safe_text(gap))?;
    }
    writeln!(out, "{}", if summary.complete { "complete" } else { "NOT complete" })
}

/// A line of counts.
struct Line {
    rank: u8,
    count: u64,
    tag: String,
    what: String,
}

fn part(title: &str, mut rows: Vec<Line>, out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_by(|a, b| (b.rank, b.count).cmp(&(a.rank, a.count)).then_with(|| a.what.cmp(&b.what)));
    writeln!(out, "\n{title}")?;
    for Line { count, tag, what, .. } in rows.iter().take(ROWS) {
        let space = if tag.is_empty() { "" } else { " " };
        writeln!(out, "  {:>9}  {tag}{space}{}", thousands(*count), safe_text(what))?;
    }
    if rows.len() > ROWS {
        writeln!(out, "  and {} more", rows.len() - ROWS)?;
    }
    Ok(())
}
