//! The report as a post for a Discourse forum: verdict, table of levels, advice, the rest folded away; never too long.
//!
//! Data stands in code spans and fences only, so it can neither link, mention, load an image nor leave its place.

#![allow(clippy::format_push_string, clippy::format_collect)] // a few hundred short texts; the plain form reads best

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::digest::{self, State, counted, thousands};
use super::tree::{Node, tree};
use super::{Advice, LevelReport, Report, Style, safe};
use crate::finding::{Finding, Severity};
use crate::pattern::Pattern;

/// Characters of one name, record or text.
const LONGEST: usize = 600;
/// Room kept in every section for the line that counts what was left out.
const MORE: usize = 120;

/// Writes the post, at most `style.max_chars` characters long.
pub(super) fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(post(report, style).as_bytes())
}

/// A part of the post: what opens and closes it, and items of which as many are shown as fit.
struct Section {
    before: String,
    items: Vec<String>,
    after: String,
}

impl Section {
    fn open(title: &str, items: Vec<String>) -> Self {
        Self { before: format!("\n**{title}**\n\n"), items, after: String::new() }
    }

    fn folded(title: &str, items: Vec<String>) -> Self {
        Self { before: format!("\n[details=\"{title}\"]\n\n"), items, after: "\n[/details]\n".into() }
    }

    fn frame(&self) -> usize {
        chars(&self.before) + chars(&self.after) + MORE
    }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

fn post(report: &Report, style: &Style) -> String {
    let (conclusion, sentence) = digest::answer(report);
    let mut post = format!("**{}** {}\n", conclusion.word(), prose(&sentence));
    if let Some(pattern) = report.patterns.first() {
        let of = format!("{} of {}", thousands(pattern.names), counted(report.names, "name"));
        post += &format!("\nLargest pattern: {} ({of}).\n", code(&pattern.template));
    }
    let sections: Vec<Section> = [
        levels(report, style),
        advice(report),
        findings(report),
        patterns(report),
        verdicts(report),
        commands(report),
        coverage(report),
    ]
    .into_iter()
    .filter(|section| !section.items.is_empty())
    .collect();
    let limit = style.max_chars;
    if chars(&post) > limit {
        return safe::bounded("The report does not fit into so few characters.\n", limit).chars().take(limit).collect();
    }
    // Every part keeps room for its frame; what remains goes to the parts in order, coverage served first.
    let mut room = limit - chars(&post);
    let fits: Vec<bool> = sections
        .iter()
        .rev()
        .map(|section| {
            let frame = section.frame();
            let fits = frame <= room;
            room -= if fits { frame } else { 0 };
            fits
        })
        .collect();
    let fits: Vec<bool> = fits.into_iter().rev().collect();
    let mut shown = vec![0; sections.len()];
    let last = sections.len().saturating_sub(1);
    for at in std::iter::once(last).chain(0..last).filter(|at| fits.get(*at) == Some(&true)) {
        for item in &sections[at].items {
            let needs = chars(item);
            if needs > room {
                break;
            }
            room -= needs;
            shown[at] += 1;
        }
    }
    for (at, section) in sections.iter().enumerate().filter(|(at, _)| fits[*at]) {
        post += &section.before;
        post.extend(section.items[..shown[at]].iter().map(String::as_str));
        let rest = section.items.len() - shown[at];
        if rest > 0 {
            post += &format!(
                "\n*{} more; the `json` and `html` forms of this report have them.*\n",
                thousands(rest as u64)
            );
        }
        post += &section.after;
    }
    post
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
    for line in tree(&report.levels, style.rows * 2) {
        items.push(match line.node {
            Node::Level(level) => level_row(level),
            Node::More(count, states) => {
                format!("| | *{} more* | {} | |\n", thousands(count), digest::state_counts(&states))
            }
        });
    }
    let before =
        "\n| | level, from the TLD to the names | CAA lookup | causes |\n| --- | --- | --- | --- |\n".to_owned();
    Section { before, items, after: String::new() }
}

fn level_row(level: &LevelReport) -> String {
    let causes: Vec<String> = level.causes.iter().map(|cause| code(cause.code.as_str())).collect();
    let records: Vec<String> = level
        .views
        .iter()
        .find(|view| !view.records.is_empty())
        .map(|view| view.records.iter().take(4).map(|record| code(record)).collect())
        .unwrap_or_default();
    let said = if records.is_empty() { digest::level_words(level) } else { records.join(" ") };
    let unicode = super::idn::unicode_form(&level.name).map(|form| format!(" ({})", code(&form))).unwrap_or_default();
    let letter = State::of_level(level).letter();
    let said = if records.is_empty() { prose(&said) } else { said };
    format!("| {letter} | {}{unicode} | {said} | {} |\n", code(&level.name), causes.join(" "))
}

fn advice(report: &Report) -> Section {
    Section::open("Where a CAA set would end the climb", report.advice.iter().map(one_advice).collect())
}

fn one_advice(advice: &Advice) -> String {
    let mut item = format!(
        "- At {}: decides {} ({} seen).",
        code(&advice.level),
        counted(advice.decides_names, "name"),
        counted(advice.decides_certificates, "certificate")
    );
    let names = |levels: &[String]| digest::list(&levels.iter().map(|level| code(level)).collect::<Vec<_>>(), 5);
    if !advice.cures.is_empty() {
        item += &format!(" Makes irrelevant, towards the TLD: {}.", names(&advice.cures));
    }
    if !advice.leaves.is_empty() {
        item += &format!(" Does **not** help, closer to the names: {}.", names(&advice.leaves));
    }
    for warning in &advice.warnings {
        item += &format!(" {}", prose(warning));
    }
    item.push('\n');
    if !advice.records.is_empty() {
        let block = fenced("text", advice.records.iter().map(String::as_str));
        // Inside the list item, so the list goes on after it.
        item.push('\n');
        item.extend(block.lines().map(|line| format!("  {line}\n")));
        item.push('\n');
    }
    item
}

fn findings(report: &Report) -> Section {
    Section::folded("Findings: what is wrong, and who can mend it", report.findings.iter().map(one_finding).collect())
}

fn one_finding(finding: &Finding) -> String {
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
    item.push('\n');
    item
}

fn patterns(report: &Report) -> Section {
    Section::folded("Patterns: what the names have in common", report.patterns.iter().map(one_pattern).collect())
}

fn one_pattern(pattern: &Pattern) -> String {
    let mut facts = vec![counted(pattern.names, "name"), counted(pattern.certificates, "certificate")];
    facts.extend(digest::seen(pattern));
    let issuers: Vec<String> = pattern.issuers.iter().map(|issuer| code(&issuer.name)).collect();
    if !issuers.is_empty() {
        facts.push(format!("issued by {}", digest::list(&issuers, 3)));
    }
    let mut item = format!("- {}: {}", code(&pattern.template), facts.join("; "));
    if let Some(example) = pattern.examples.first().filter(|example| **example != pattern.template) {
        item += &format!("; such as {}", code(example));
    }
    for fact in pattern.shapes.iter().take(2).chain(pattern.notes.iter().take(2)) {
        item += &format!("; {}", prose(fact));
    }
    item.push('\n');
    item
}

fn verdicts(report: &Report) -> Section {
    let items = digest::verdict_groups(report)
        .iter()
        .map(|group| {
            let check = group.example;
            let star = if check.wildcard { "*." } else { "" };
            let issuer = check.issuer.as_deref().map_or("any issuer".into(), code);
            format!(
                "- **{}** {} for {issuer}, such as {}: {}\n",
                check.verdict,
                counted(group.count, "name"),
                code(&format!("{star}{}", check.name)),
                prose(&check.reason)
            )
        })
        .collect();
    Section::folded("Verdicts: what a CA would conclude", items)
}

/// How anyone can see the same: one query a bad view, and one a server that a cause names.
fn commands(report: &Report) -> Section {
    let mut lines = Vec::new();
    let mut seen = BTreeSet::new();
    for level in report.levels.iter().filter(|level| digest::is_notable(level)) {
        let views = level.views.iter().filter(|view| State::of_view(view) == State::Failed || digest::disagrees(level));
        let resolvers = views.filter(|view| view.server.parse::<std::net::IpAddr>().is_ok());
        let resolvers = resolvers.map(|view| (view.server.clone(), true));
        let servers = level.causes.iter().flat_map(|cause| &cause.servers).filter_map(|server| server.address);
        for (server, recurse) in resolvers.chain(servers.map(|address| (address.to_string(), false))) {
            lines.extend(safe::dig(&level.name, Some(&server), recurse).filter(|line| seen.insert(line.clone())));
        }
    }
    let items = lines.chunks(20).map(|lines| fenced("text", lines.iter().map(String::as_str))).collect();
    Section::folded("Commands that show the same", items)
}

fn coverage(report: &Report) -> Section {
    let coverage = &report.coverage;
    let word = if coverage.complete { "complete" } else { "**incomplete**" };
    let mut items = vec![format!(
        "- {word}; made by {} at {}; {} in {}\n",
        prose(&report.tool),
        code(&report.time),
        counted(report.names, "name"),
        counted(report.certificates, "certificate")
    )];
    for source in &coverage.sources {
        let cut = if source.truncated { "; **cut short**" } else { "" };
        let error = source.error.as_deref().map(|error| format!("; {}", prose(error))).unwrap_or_default();
        let (records, certificates) = (counted(source.records, "record"), counted(source.certificates, "certificate"));
        items.push(format!("- {}: {records}, {certificates}{cut}{error}\n", code(&source.name)));
    }
    if coverage.levels_asked > 0 {
        items.push(format!(
            "- {} asked with {}, {} not asked for silent servers; {} stand behind a sample\n",
            counted(coverage.levels_asked, "level"),
            counted(coverage.queries, "query"),
            thousands(coverage.levels_inferred),
            counted(coverage.sampled, "name")
        ));
    }
    for (class, dropped) in &coverage.dropped {
        let count = thousands(dropped.count);
        items.push(format!("- dropped {count} {}, such as {}\n", code(class), code(&dropped.example)));
    }
    items.extend(coverage.notes.iter().map(|note| format!("- {}\n", prose(note))));
    Section::folded("Coverage: what was asked for and what was obtained", items)
}
