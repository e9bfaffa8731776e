//! The report for a terminal: the answer first, then what it rests on, what to do, and what is not known.
//!
//! Directions are "towards the TLD" and "closer to the names", never up and down. Knows no escape sequence: see `page`.

mod act;
mod levels;
mod page;
pub(super) mod trace;
mod trace_zone;

use std::io::{self, Write};

use page::{Look, Page};

use super::digest::{self, Conclusion, State, counted};
use super::{Report, Style, idn};
use crate::pattern::Pattern;

/// Where everything is that a section left out.
const REST: &str = "`-f json`, `-f csv` and `-f html` have them all";
/// Columns of the labels under the answer.
const LABEL: usize = 12;

/// Writes the report as text.
pub(super) fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(out, style);
    answer(report, &mut page)?;
    patterns(report, &mut page)?;
    levels::write(report, &mut page)?;
    verdicts(report, &mut page)?;
    act::findings(report, &mut page)?;
    act::advice(report, &mut page)?;
    levels::servers(report, &mut page)?;
    act::coverage(report, &mut page)
}

/// The first screen: conclusion, figures, and the questions a reader asks next.
fn answer(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let answer = digest::answer(report);
    let look = match answer.conclusion {
        Conclusion::Fails => Look::Bad,
        Conclusion::Denied | Conclusion::Unknown => Look::Warn,
        Conclusion::Works => Look::Good,
    };
    page.wrapped("", 2, &[(look, answer.conclusion.word()), (Look::Plain, " "), (Look::Strong, &answer.sentence)])?;
    if let Some(unicode) = report.domain.as_deref().and_then(idn::unicode_form) {
        let domain = report.domain.as_deref().unwrap_or_default();
        page.wrapped("  ", 2, &[(Look::Plain, domain), (Look::Plain, " is "), (Look::Name, &unicode)])?;
    }
    let held = [(report.certificates, "certificate"), (report.patterns.len() as u64, "pattern")];
    let held: Vec<String> =
        held.into_iter().filter(|(count, _)| *count > 0).map(|(count, noun)| counted(count, noun)).collect();
    let held = if held.is_empty() { String::new() } else { format!(" in {}", digest::list(&held, 2)) };
    let figures = format!("{}{held}. {}, {}.", counted(report.names, "name"), report.tool, report.time);
    page.wrapped("  ", 2, &[(Look::Faint, &figures)])?;
    if answer.lines.is_empty() {
        return Ok(());
    }
    page.gap()?;
    for (label, text) in &answer.lines {
        page.labelled(label, LABEL, text)?;
    }
    let indent = page.label_columns(LABEL);
    answer.records.iter().take(8).try_for_each(|record| page.copyable(indent, record))
}

fn patterns(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    if report.patterns.is_empty() {
        return Ok(());
    }
    page.section("PATTERNS", "what the names have in common")?;
    let rows = page.style().rows;
    for (index, pattern) in report.patterns.iter().take(rows).enumerate() {
        let number = format!("{:>3}  ", index + 1);
        let facts = pattern_facts(pattern);
        let forms = digest::forms(pattern).map(|forms| format!(", {forms}")).unwrap_or_default();
        if pattern.single {
            let forms = if pattern.template.starts_with("*.") { String::new() } else { forms };
            let unicode = idn::unicode_form(&pattern.template).map(|form| format!(" ({form})")).unwrap_or_default();
            let facts = format!("{forms}: {facts}");
            page.wrapped(
                &number,
                5,
                &[(Look::Name, &pattern.template), (Look::Name, &unicode), (Look::Plain, &facts)],
            )?;
            continue;
        }
        page.wrapped(&number, 5, &[(Look::Name, &pattern.template), (Look::Plain, &forms)])?;
        page.wrapped("     ", 5, &[(Look::Plain, &facts)])?;
        if let [first, rest @ ..] = pattern.examples.as_slice() {
            let examples = match rest.first() {
                Some(second) if first.len() + second.len() < 50 => format!("{first}, {second}"),
                _ => first.clone(),
            };
            page.wrapped("     ", 5, &[(Look::Faint, "such as "), (Look::Faint, &examples)])?;
        }
        for shape in digest::shapes(pattern).iter().take(2) {
            page.wrapped("     ", 5, &[(Look::Plain, shape)])?;
        }
    }
    page.more(report.patterns.len().saturating_sub(rows), REST)
}

/// Counts, issuers and dates of a pattern in one sentence.
fn pattern_facts(pattern: &Pattern) -> String {
    let mut facts = Vec::new();
    match (pattern.single, pattern.certificates) {
        (_, 0) => facts.push(counted(pattern.names, "name")),
        (true, certificates) => facts.push(counted(certificates, "certificate")),
        (false, certificates) => {
            facts.push(format!("{} in {}", counted(pattern.names, "name"), counted(certificates, "certificate")));
        }
    }
    facts.extend(digest::seen(pattern));
    if let Some(rate) = digest::new_names(pattern).filter(|_| !pattern.single) {
        facts.push(rate);
    }
    let issuers = digest::issuers(pattern);
    if !issuers.is_empty() {
        facts.push(format!("issued by {}", digest::list(&issuers, 4)));
    }
    facts.join("; ")
}

fn verdicts(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    if report.checked.is_empty() {
        return Ok(());
    }
    page.section("VERDICTS", "what a CA would conclude, per issuer")?;
    let numbers = digest::pattern_numbers(report);
    let groups = digest::verdict_groups(report);
    let rows = page.style().rows;
    for group in groups.iter().take(rows) {
        let check = group.example;
        let (look, word) = match check.verdict {
            "permit" => (Look::Good, "permit"),
            "deny" => (Look::Warn, "DENY"),
            _ => (Look::Bad, "FAIL"),
        };
        let issuer = check.issuer.as_deref().map_or("any issuer".into(), digest::issuer);
        let of = group.of_patterns(&numbers);
        let because = group.because();
        let joint = if because.starts_with("at ") { " " } else { ": " };
        let because = format!("{of} for {issuer}{joint}{because}");
        let example = group.such_as().map(|name| format!("; such as {name}")).unwrap_or_default();
        let names = format!(" {}", group.names());
        let allowance = match digest::allowance(check.br_failure_allowance) {
            "" => String::new(),
            told => format!("; {told}"),
        };
        page.wrapped(
            "  ",
            9,
            &[
                (look, &format!("{word:6}")),
                (if group.count == 1 { Look::Name } else { Look::Plain }, &names),
                (Look::Plain, &because),
                (Look::Plain, &allowance),
                (Look::Faint, &example),
            ],
        )?;
    }
    page.more(groups.len().saturating_sub(rows), REST)
}

/// How a state looks.
fn look(state: State) -> Look {
    match state {
        State::Records | State::NoData => Look::Good,
        State::NxDomain => Look::Plain,
        State::Failed => Look::Bad,
        State::NotAsked => Look::Faint,
    }
}
