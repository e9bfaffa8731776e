//! The report for a terminal: the answer first, then what it rests on, what to do, and what is not known.
//!
//! Directions are "towards the TLD" and "closer to the names", never up and down. Knows no escape sequence: see `page`.

mod act;
mod levels;
mod page;

use std::io::{self, Write};

use page::{Look, Page};

use super::digest::{self, Conclusion, State, counted, thousands};
use super::{Report, Style, idn};
use crate::pattern::Pattern;

/// Where everything is that a section left out.
const REST: &str = "`-f json`, `-f csv` and `-f html` have them all";

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

fn answer(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let (conclusion, sentence) = digest::answer(report);
    let look = match conclusion {
        Conclusion::Fails => Look::Bad,
        Conclusion::Denied | Conclusion::Unknown => Look::Warn,
        Conclusion::Works => Look::Good,
    };
    page.wrapped("", 2, &[(look, conclusion.word()), (Look::Plain, " "), (Look::Strong, &sentence)])?;
    if let Some(unicode) = report.domain.as_deref().and_then(idn::unicode_form) {
        let domain = report.domain.as_deref().unwrap_or_default();
        page.wrapped("  ", 2, &[(Look::Plain, domain), (Look::Plain, " is "), (Look::Name, &unicode)])?;
    }
    let figures = format!(
        "{} in {} and {}. {}, {}.",
        counted(report.names, "name"),
        counted(report.certificates, "certificate"),
        counted(report.patterns.len() as u64, "pattern"),
        report.tool,
        report.time
    );
    page.wrapped("  ", 2, &[(Look::Faint, &figures)])
}

fn patterns(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    if report.patterns.is_empty() {
        return Ok(());
    }
    page.section("PATTERNS", "what the names have in common")?;
    let rows = page.style().rows;
    for (index, pattern) in report.patterns.iter().take(rows).enumerate() {
        let number = format!("{:>3}  ", index + 1);
        page.wrapped(&number, 5, &[(Look::Name, &pattern.template)])?;
        page.wrapped("     ", 5, &[(Look::Plain, &pattern_facts(pattern))])?;
        if let [first, rest @ ..] = pattern.examples.as_slice()
            && *first != pattern.template
        {
            let examples = match rest.first() {
                Some(second) if first.len() + second.len() < 50 => format!("{first}, {second}"),
                _ => first.clone(),
            };
            page.wrapped("     ", 5, &[(Look::Faint, "such as "), (Look::Faint, &examples)])?;
        }
        for fact in pattern.shapes.iter().take(3).chain(pattern.notes.iter().take(4)) {
            page.wrapped("     ", 5, &[(Look::Plain, fact)])?;
        }
    }
    page.more(report.patterns.len().saturating_sub(rows), REST)
}

/// Counts, wildcards, issuers and dates of a pattern in one sentence.
fn pattern_facts(pattern: &Pattern) -> String {
    let mut facts = vec![counted(pattern.names, "name"), counted(pattern.certificates, "certificate")];
    let wildcard = &pattern.wildcard;
    let forms = [(wildcard.bare, "bare only"), (wildcard.wildcard, "wildcard only"), (wildcard.both, "both")];
    let forms: Vec<String> = forms
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, form)| format!("{} {form}", thousands(*count)))
        .collect();
    if wildcard.wildcard + wildcard.both > 0 && !forms.is_empty() {
        facts.push(forms.join(", "));
    }
    facts.extend(digest::seen(pattern));
    let issuers: Vec<String> = pattern
        .issuers
        .iter()
        .map(|issuer| {
            if pattern.issuers.len() == 1 {
                issuer.name.clone()
            } else {
                format!("{} ({})", issuer.name, thousands(issuer.certificates))
            }
        })
        .collect();
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
        let issuer = check.issuer.as_deref().unwrap_or("any issuer");
        let whom = match check.pattern.as_deref().and_then(|id| numbers.get(id)) {
            Some(number) => format!(" {} of pattern {number} for {issuer}: ", counted(group.count, "name")),
            None => format!(" {} for {issuer}: ", counted(group.count, "name")),
        };
        let star = if check.wildcard { "*." } else { "" };
        let example = format!(" ({}{star}{})", if group.count > 1 { "such as " } else { "" }, check.name);
        let allowance = match check.br_failure_allowance {
            "possible" => "; the Baseline Requirements would allow the CA to go on",
            "forbidden" => "; the Baseline Requirements forbid the CA to go on",
            _ => "",
        };
        page.wrapped(
            "  ",
            4,
            &[
                (look, word),
                (Look::Plain, &whom),
                (Look::Plain, &check.reason),
                (Look::Faint, &example),
                (Look::Plain, allowance),
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
