//! The report as a post for a Discourse forum: verdict, table of levels, advice, the rest folded away; never too long.
//!
//! Data stands in code spans and fences only, so it can neither link, mention, load an image nor leave its place.

#![allow(clippy::format_push_string, clippy::format_collect)] // a few hundred short texts; the plain form reads best

mod explained;
mod post;

use std::collections::BTreeSet;
use std::io::{self, Write};

pub use explained::write_explained_markdown;
use post::Section;

use super::digest::{self, State, counted, thousands};
use super::tree::{Node, tree};
use super::{Advice, LevelReport, Report, Style, safe};
use crate::finding::{Finding, Severity};
use crate::pattern::Pattern;

/// Characters of one name, record or text.
const LONGEST: usize = 600;

/// Writes the post, at most `style.max_chars` characters long.
pub(super) fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let sections = vec![
        levels(report, style),
        advice(report),
        findings(report),
        patterns(report),
        verdicts(report),
        commands(report),
        coverage(report),
    ];
    out.write_all(post::post(opening(report), sections, style.max_chars).as_bytes())
}

/// The verdict, and the few lines that answer what a reader asks first.
fn opening(report: &Report) -> String {
    let answer = digest::answer(report);
    let mut opening = format!("**{}** {}\n", answer.conclusion.word(), prose(&answer.sentence));
    if let Some(unicode) = report.domain.as_deref().and_then(super::idn::unicode_form) {
        let domain = report.domain.as_deref().unwrap_or_default();
        opening += &format!("\n{} is {}.\n", code(domain), code(&unicode));
    }
    opening.push('\n');
    for (label, text) in &answer.lines {
        let label = if label.is_empty() { String::new() } else { format!("**{label}:** ") };
        opening += &format!("- {label}{}\n", prose(text));
    }
    if !answer.records.is_empty() {
        opening += &format!("\n{}", fenced("text", answer.records.iter().take(8).map(String::as_str)));
    }
    opening
}

fn code(raw: &str) -> String {
    safe::markdown_code(&safe::bounded(raw, LONGEST))
}

fn prose(raw: &str) -> String {
    safe::markdown_prose(&safe::bounded(raw, 2 * LONGEST))
}

/// A block that people copy, in a fence that its text cannot end.
fn fenced<'a>(language: &str, lines: impl Iterator<Item = &'a str>) -> String {
    let text: String = lines.map(|line| format!("{}\n", safe::bounded(&safe::text(line), LONGEST))).collect();
    let fence = safe::markdown_fence(&text);
    format!("{fence}{language}\n{text}{fence}\n")
}

fn levels(report: &Report, style: &Style) -> Section {
    let mut items: Vec<String> = Vec::new();
    if report.levels.iter().all(|level| level.views.is_empty()) {
        return Section::table("", items);
    }
    let timed = report.levels.iter().any(|level| slowest(level).is_some());
    for line in tree(&report.levels, style.rows * 2) {
        items.push(match line.node {
            Node::Level(level) => level_row(level, timed),
            Node::More(count, states) => {
                let ms = if timed { " |" } else { "" };
                format!("| | *{} more* | | {} |{ms} |\n", thousands(count), digest::state_counts(&states))
            }
        });
    }
    let (title, rule) = if timed { (" ms |", " ---: |") } else { ("", "") };
    let header = format!(
        "| | level, from the TLD to the names | names | CAA lookup |{title} causes |\n\
         | --- | --- | ---: | --- |{rule} --- |\n"
    );
    Section::table(&header, items)
}

fn level_row(level: &LevelReport, timed: bool) -> String {
    let causes: Vec<String> = level.causes.iter().map(|cause| code(cause.code.as_str())).collect();
    let records: Vec<String> = level
        .views
        .iter()
        .find(|view| !view.records.is_empty())
        .map(|view| view.records.iter().take(4).map(|record| code(record)).collect())
        .unwrap_or_default();
    let agree = records.is_empty() || digest::disagrees(level);
    let words = if agree { prose(&digest::level_words(level)) } else { String::new() };
    let said = [words, records.join(" ")].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
    let unicode = super::idn::unicode_form(&level.name).map(|form| format!(" ({})", code(&form))).unwrap_or_default();
    let letter = State::of_level(level).letter();
    let name = if level.stable { level.name.as_str().into() } else { digest::elided(&level.name, 40, "\u{2026}") };
    let ms = if timed { format!(" {} |", slowest(level).map(thousands).unwrap_or_default()) } else { String::new() };
    format!(
        "| {letter} | {}{unicode} | {} | {said} |{ms} {} |\n",
        code(&name),
        thousands(level.names_below),
        causes.join(" ")
    )
}

/// The longest time in milliseconds that a view needed; `None` where no message was sent.
fn slowest(level: &LevelReport) -> Option<u64> {
    let sent = level.views.iter().filter(|view| view.transport != crate::caa::Transport::Script);
    sent.filter_map(|view| view.rtt_ms).max()
}

fn advice(report: &Report) -> Section {
    let advised = digest::advised(report);
    let mut items: Vec<String> =
        advised.best.iter().enumerate().map(|(at, (advice, own))| one_advice(report, at + 1, advice, own)).collect();
    let mut after = String::new();
    if !advised.others.is_empty() {
        after += &format!("Fewer names each: {}.\n\n", prose(&digest::list(&advised.others, 5)));
    }
    if !advised.shared.is_empty() {
        after += "Mind, wherever you publish:\n\n";
        after.extend(advised.shared.iter().map(|remark| format!("- {}\n", prose(remark))));
    }
    if let Some(last) = items.last_mut() {
        last.push('\n');
        *last += &after;
    }
    Section::folded("Advice: levels compared, and what to mind before publishing", items)
}

fn one_advice(report: &Report, number: usize, advice: &Advice, own: &[&str]) -> String {
    let mut item =
        format!("{number}. At {}: {}.", code(&advice.level), prose(&digest::list(&digest::effects(report, advice), 3)));
    for remark in own {
        item += &format!(" {}", prose(remark));
    }
    item.push('\n');
    if !advice.records.is_empty() {
        let block = fenced("text", advice.records.iter().map(String::as_str));
        // Inside the list item, so the list goes on after it.
        item.push('\n');
        item.extend(block.lines().map(|line| format!("   {line}\n")));
    }
    item
}

fn findings(report: &Report) -> Section {
    let numbers = digest::pattern_numbers(report);
    let one = |finding: &Finding| {
        let word = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let place = finding.level.as_deref().map(|level| format!(" at {}", code(level))).unwrap_or_default();
        let mut item = format!("- **{word}** {}{place}: {}", code(&finding.code), prose(&finding.text));
        for (title, text) in [("Who", &finding.who), ("Do", &finding.fix)] {
            if let Some(text) = text {
                item += &format!(" *{title}:* {}.", prose(text.trim_end_matches('.')));
            }
        }
        if let Some(patterns) = digest::concerns(&finding.patterns, &numbers) {
            item += &format!(" {patterns}.");
        }
        item + "\n"
    };
    Section::folded("Findings: what is wrong, and who can mend it", report.findings.iter().map(one).collect())
}

fn patterns(report: &Report) -> Section {
    let items = report.patterns.iter().enumerate().map(|(at, pattern)| one_pattern(at + 1, pattern)).collect();
    Section::folded("Patterns: what the names have in common", items)
}

fn one_pattern(number: usize, pattern: &Pattern) -> String {
    let mut facts = vec![counted(pattern.names, "name")];
    if pattern.certificates > 0 {
        facts.push(counted(pattern.certificates, "certificate"));
    }
    facts.extend(digest::forms(pattern).map(|forms| prose(&forms)));
    facts.extend(digest::seen(pattern));
    facts.extend(digest::new_names(pattern).filter(|_| !pattern.single));
    let issuers: Vec<String> = pattern.issuers.iter().map(|issuer| code(&digest::issuer(&issuer.name))).collect();
    if !issuers.is_empty() {
        facts.push(format!("issued by {}", digest::list(&issuers, 3)));
    }
    let mut item = format!("{number}. {}: {}", code(&pattern.template), facts.join("; "));
    if let Some(example) = pattern.examples.first().filter(|_| !pattern.single) {
        item += &format!("; such as {}", code(example));
    }
    for shape in digest::shapes(pattern).iter().take(2) {
        item += &format!("; {}", prose(shape));
    }
    item.push('\n');
    item
}

fn verdicts(report: &Report) -> Section {
    let numbers = digest::pattern_numbers(report);
    let one = |group: &digest::VerdictGroup<'_>| {
        let check = group.example;
        let issuer = check.issuer.as_deref().map_or("any issuer".into(), |issuer| code(&digest::issuer(issuer)));
        let names = if group.count == 1 { code(&group.names()) } else { group.names() };
        let such = group.such_as().map(|name| format!("; such as {}", code(&name))).unwrap_or_default();
        let because = group.because();
        let joint = if because.starts_with("at ") { " " } else { ": " };
        let allowance = match digest::allowance(check.br_failure_allowance) {
            "" => String::new(),
            told => format!("; {}", prose(told)),
        };
        format!(
            "- **{}** {names}{} for {issuer}{joint}{}{allowance}{such}\n",
            check.verdict,
            group.of_patterns(&numbers),
            prose(&because)
        )
    };
    Section::folded("Verdicts: what a CA would conclude", digest::verdict_groups(report).iter().map(one).collect())
}

/// How anyone can see the same: one query a bad view, and one a server that a cause names.
fn commands(report: &Report) -> Section {
    let mut lines = Vec::new();
    let mut seen = BTreeSet::new();
    for level in report.levels.iter().filter(|level| digest::is_notable(level)) {
        let differ = digest::disagrees(level);
        let views = digest::used_views(level).filter(|view| differ || State::of_view(level, view) == State::Failed);
        let resolvers = views.filter(|view| view.server.parse::<std::net::IpAddr>().is_ok());
        let mut asked: Vec<(Option<String>, bool)> = resolvers.map(|view| (Some(view.server.clone()), true)).collect();
        let servers = level.causes.iter().flat_map(|cause| &cause.servers).filter_map(|server| server.address);
        asked.extend(servers.map(|address| (Some(address.to_string()), false)));
        if asked.is_empty() {
            asked.push((None, true));
        }
        for (server, recurse) in asked {
            lines.extend(safe::dig(&level.name, server.as_deref(), recurse).filter(|line| seen.insert(line.clone())));
        }
    }
    let items = lines.chunks(20).map(|lines| fenced("sh", lines.iter().map(String::as_str))).collect();
    Section::folded("Commands that show the same", items)
}

fn coverage(report: &Report) -> Section {
    let coverage = &report.coverage;
    let word = if coverage.complete { "complete" } else { "**incomplete**" };
    let mut items = vec![format!(
        "- {word}; {} in {}; made by {} at {}\n",
        counted(report.names, "name"),
        counted(report.certificates, "certificate"),
        prose(&report.tool),
        code(&report.time),
    )];
    for source in &coverage.sources {
        let cut = if source.truncated { "; **cut short**" } else { "" };
        let error = source.error.as_deref().map(|error| format!("; {}", prose(error))).unwrap_or_default();
        let (records, certificates) = (counted(source.records, "record"), counted(source.certificates, "certificate"));
        items.push(format!("- {}: {records}, {certificates}{cut}{error}\n", code(&source.name)));
    }
    if coverage.levels_asked > 0 {
        items.push(format!("- {}\n", digest::lookups(report).join("; ")));
    }
    for (class, dropped) in &coverage.dropped {
        let count = thousands(dropped.count);
        let example = Some(&dropped.example).filter(|example| !example.is_empty());
        let example = example.map(|example| code(&safe::bounded(example, 100))).unwrap_or_default();
        let what = prose(&digest::dropped(class, dropped.count));
        items.push(format!("- dropped {count} {what}{}\n", digest::such_as(&example)));
    }
    items.extend(coverage.notes.iter().map(|note| format!("- {}\n", prose(note))));
    Section::folded("Coverage: what was asked for and what was obtained", items)
}
