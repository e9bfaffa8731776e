//! The answer in one sentence, and the few lines under it that a reader needs first: what, where, who, which record.
//!
//! Sentences quote data in backticks; a renderer decides what a quoted text looks like.

use std::collections::BTreeMap;

use super::state::{State, failing_views, used_views};
use super::verdicts::{deciding_levels, forms, verdict_groups, verdict_rank};
use super::words::{counted, list, quote, share, thousands};
use crate::caa::{Cause, Code};
use crate::finding::{Finding, FindingCode, Severity};
use crate::report::{Advice, LevelReport, Report};

/// The conclusion of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Conclusion {
    Fails,
    Denied,
    Works,
    Unknown,
}

impl Conclusion {
    pub(in crate::report) fn word(self) -> &'static str {
        match self {
            Self::Fails => "FAIL",
            Self::Denied => "DENY",
            Self::Works => "OK",
            Self::Unknown => "NO VERDICT",
        }
    }
}

/// The first screen: a conclusion, a sentence, and what a reader asks next.
pub(in crate::report) struct Answer {
    pub(in crate::report) conclusion: Conclusion,
    /// One sentence, two where something is missing.
    pub(in crate::report) sentence: String,
    /// Label and text, in the order of the questions.
    pub(in crate::report) lines: Vec<(&'static str, String)>,
    /// The zone-file lines of the best advice.
    pub(in crate::report) records: Vec<String>,
}

/// The answer of a report.
pub(in crate::report) fn answer(report: &Report) -> Answer {
    let subject = match (&report.domain, report.checked.first()) {
        (Some(domain), _) => quote(domain),
        (None, Some(only)) if report.names == 1 => quote(&only.name),
        (None, _) => counted(report.names, "name"),
    };
    let mut views = report.levels.iter().flat_map(|level| &level.views).peekable();
    // Where no server gave any readable reply, nothing was learnt of the domain.
    let silent = views.peek().is_some() && views.all(|view| view.rcode.is_none() && view.outcome == "failed");
    // Unless the name servers show at every level why no resolver can answer.
    let explained = |level: &LevelReport| level.causes.iter().any(Cause::accounts_for_failure);
    let mut views = report.levels.iter().flat_map(|level| &level.views).peekable();
    let unusable = views.peek().is_some() && views.all(|view| view.set_aside);
    let unanswered = unusable || silent && !report.levels.iter().all(explained);
    let (conclusion, mut sentence) = if unanswered {
        let how = if silent { "no resolver answered" } else { "no resolver gave a usable answer" };
        (Conclusion::Unknown, format!("{subject}: {how}, so nothing is known of CAA."))
    } else if report.checked.is_empty() {
        unchecked(report, &subject)
    } else {
        checked(report, &subject)
    };
    if report.names == 0 && !report.checked.is_empty() && !unanswered {
        sentence.push_str(" No names of certificates were found, so the domain itself was checked.");
    }
    if !report.coverage.complete {
        sentence.push_str(" Not all that was asked for was obtained: see coverage.");
    }
    let mut lines = Vec::new();
    lines.extend(pattern(report).map(|text| ("Names", text)));
    lines.extend(reported(report).map(|text| ("The CA", text)));
    lines.extend(error_rate(report).map(|text| ("Errors", text)));
    let mut records = Vec::new();
    match conclusion {
        Conclusion::Fails => {
            failures(report, &mut lines);
            records = publish(report, &mut lines);
        }
        Conclusion::Denied => denial(report, &mut lines),
        Conclusion::Works => {
            lines.push(("CAA", sets(report)));
            lines.extend(risk(report).map(|text| ("At risk", text)));
        }
        Conclusion::Unknown if unanswered => {
            let text = "choose another resolver (`-r`), or look at the network between; the domain has no part in it";
            lines.push(("Do", text.into()));
        }
        Conclusion::Unknown => {}
    }
    Answer { conclusion, sentence, lines, records }
}

fn unchecked(report: &Report, subject: &str) -> (Conclusion, String) {
    let failing: Vec<&LevelReport> = report.levels.iter().filter(|l| State::of_level(l) == State::Failed).collect();
    if !failing.is_empty() {
        return (Conclusion::Fails, format!("{subject}: the CAA lookup fails at {}.", named(&failing)));
    }
    let asked = report.levels.iter().filter(|level| State::of_level(level) != State::NotAsked).count() as u64;
    let found = if report.names == 0 { " No names of certificates were found." } else { "" };
    if asked > 0 {
        return (
            Conclusion::Unknown,
            format!("{subject}: {} asked for CAA, none fails.{found}", counted(asked, "level")),
        );
    }
    if report.names == 0 {
        return (Conclusion::Unknown, format!("{subject}: no names of certificates were found."));
    }
    let patterns = counted(report.patterns.len() as u64, "pattern");
    let names = counted(report.names, "name");
    let names = if subject == names { String::new() } else { format!("{names} in ") };
    (Conclusion::Unknown, format!("{subject}: {names}{patterns}; CAA was not looked up."))
}

fn checked(report: &Report, subject: &str) -> (Conclusion, String) {
    let mut worst: BTreeMap<(&str, bool), u8> = BTreeMap::new();
    for check in &report.checked {
        let rank = worst.entry((&check.name, check.wildcard)).or_default();
        *rank = (*rank).max(verdict_rank(check.verdict));
    }
    let total = worst.len() as u64;
    let with = |rank: u8| worst.values().filter(|worst| **worst == rank).count() as u64;
    let of = |count: u64| share(count, total, "name");
    let (fails, denied) = (with(2), with(1));
    if fails > 0 {
        let levels: Vec<&LevelReport> =
            deciding_levels(report, "fail").iter().filter_map(|(level, _)| level_named(report, level)).collect();
        let place = if levels.is_empty() { String::new() } else { format!(" at {}", named(&levels)) };
        let stand = match report.coverage.sampled {
            0 => String::new(),
            _ => format!(", which stand for {}", thousands(report.names)),
        };
        let sentence = format!("{subject}: the CAA lookup fails{place}; that blocks {} checked{stand}.", of(fails));
        return (Conclusion::Fails, sentence);
    }
    if denied > 0 {
        let levels: Vec<String> = deciding_levels(report, "deny").iter().map(|(level, _)| quote(level)).collect();
        let by = if levels.is_empty() { String::new() } else { format!(" at {}", list(&levels, 3)) };
        let mut issuers: Vec<String> = verdict_groups(report)
            .iter()
            .filter(|group| group.example.verdict == "deny")
            .filter_map(|group| group.example.issuer.as_deref().map(|issuer| quote(&super::issuer(issuer))))
            .collect();
        issuers.dedup();
        let whom = match issuers.as_slice() {
            [one] => format!(" to {one}"),
            _ => String::new(),
        };
        return (Conclusion::Denied, format!("{subject}: the CAA set{by} denies {} checked{whom}.", of(denied)));
    }
    let failing: Vec<&LevelReport> = report.levels.iter().filter(|l| State::of_level(l) == State::Failed).collect();
    let mut sentence = format!("{subject}: CAA lookups work and permit {} checked.", of(total));
    if !failing.is_empty() {
        sentence = format!("{sentence} The lookup fails at {}, where no verdict depends on it.", named(&failing));
    }
    (Conclusion::Works, sentence)
}

fn level_named<'a>(report: &'a Report, name: &str) -> Option<&'a LevelReport> {
    report.levels.iter().find(|level| level.name == name)
}

/// Levels with how they fail, three at most: `net` (timeout at resolver A; resolver B gets an answer).
fn named(levels: &[&LevelReport]) -> String {
    let class = |level: &&LevelReport| match level.views.iter().filter(|view| view.class.is_some()).count() {
        0 if level.views.is_empty() => quote(&level.name),
        _ => format!("{} ({})", quote(&level.name), brief(level)),
    };
    let texts: Vec<String> = levels.iter().take(4).map(class).collect();
    match levels.len() {
        0..=3 => list(&texts, 3),
        all => format!("{} and {}", texts[..3].join(", "), counted((all - 3) as u64, "more level")),
    }
}

/// How a level fails, in a word or two: `timeout`, `timeout at 1 of 2`.
fn brief(level: &LevelReport) -> String {
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    for view in used_views(level).filter(|view| State::of_view(level, view) == State::Failed) {
        *words.entry(super::failure_words(view)).or_default() += 1;
    }
    let failed: usize = words.values().sum();
    let all = used_views(level).count();
    let share = if failed < all { format!(" in {failed} of {all} lookups") } else { String::new() };
    format!("{}{share}", words.into_keys().collect::<Vec<_>>().join(", "))
}

/// The pattern that holds most of the names, where there is one worth naming.
fn pattern(report: &Report) -> Option<String> {
    let largest = report.patterns.iter().max_by_key(|pattern| pattern.names).filter(|pattern| !pattern.single)?;
    let certificates = match largest.certificates {
        0 => String::new(),
        some => format!(", {} of {}", thousands(some), counted(report.certificates, "certificate")),
    };
    let forms = forms(largest).map(|forms| format!(" ({forms})")).unwrap_or_default();
    let of = if largest.names == report.names {
        format!("all {}", counted(report.names, "name"))
    } else {
        format!("{} of {}", thousands(largest.names), counted(report.names, "name"))
    };
    Some(format!("{}{forms}: {of}{certificates}", quote(&largest.template)))
}

/// What the CA itself said, if the user brought an error: its first sentence, and whether the level fails now.
fn reported(report: &Report) -> Option<String> {
    let told = report.findings.iter().find(|finding| finding.text.starts_with("The CA reported"))?;
    let first = told.text.split_once(". ").map_or(told.text.as_str(), |(first, _)| first).trim_end_matches('.');
    let said = first.trim_start_matches("The CA ");
    let Some(level) = told.level.as_deref() else { return Some(said.to_owned()) };
    let now = match level_named(report, level).map(State::of_level) {
        Some(State::Failed) => "; the lookup there fails in this run too",
        Some(State::Records | State::NoData | State::NxDomain) => "; CAA can be looked up there now",
        Some(State::NotAsked) | None => "",
    };
    Some(format!("{said}, at {}{now}", quote(level)))
}

/// How the rate of the errors changed, if the user brought a log and it did.
fn error_rate(report: &Report) -> Option<String> {
    let code = FindingCode::ErrorRateChanged.as_str();
    let text = report.findings.iter().find(|finding| finding.code == code)?.text.split_once(": ")?.1;
    Some(text.trim_end_matches('.').to_owned())
}

/// The failing levels that decide, with their causes and who can mend them.
fn failures(report: &Report, lines: &mut Vec<(&'static str, String)>) {
    let mut deciding: Vec<&LevelReport> =
        deciding_levels(report, "fail").iter().filter_map(|(level, _)| level_named(report, level)).collect();
    if deciding.is_empty() {
        deciding = report.levels.iter().filter(|level| State::of_level(level) == State::Failed).collect();
    }
    for level in deciding.iter().take(2) {
        let place = if level.depth == 0 { " (the TLD)" } else { "" };
        let mut how: Vec<String> = level
            .causes
            .iter()
            .take(2)
            .map(|cause| format!("{} ({})", cause.code.title(), quote(cause.code.as_str())))
            .collect();
        how.push(failing_views(level));
        how.retain(|part| !part.is_empty());
        lines.push(("Fails", format!("at {}{place}: {}", quote(&level.name), how.join("; "))));
    }
    if deciding.len() > 2 {
        let more = counted((deciding.len() - 2) as u64, "more level");
        lines.push(("", format!("and at {more}, see the findings")));
    }
    let mut whos: Vec<String> = deciding.iter().take(2).filter_map(|level| blamed(report, &level.name)).collect();
    whos.dedup();
    let labels = std::iter::once("Who").chain(std::iter::repeat(""));
    lines.extend(labels.zip(whos));
}

/// Who can mend a level: what the worst finding about it says, else its first cause.
fn blamed(report: &Report, level: &str) -> Option<String> {
    let about = |finding: &&Finding| finding.level.as_deref() == Some(level) && finding.who.is_some();
    let mut findings: Vec<&Finding> = report.findings.iter().filter(about).collect();
    findings.sort_by_key(|finding| finding.severity);
    let told = findings.first().and_then(|finding| finding.who.clone());
    let cause = || level_named(report, level).and_then(|level| level.causes.first()).map(|cause| cause.who.clone());
    told.or_else(cause)
}

/// Where a record helps; its lines.
fn publish(report: &Report, lines: &mut Vec<(&'static str, String)>) -> Vec<String> {
    let cure = |advice: &&Advice| !advice.cures.is_empty() && advice.leaves.is_empty();
    let Some(advice) = report.advice.iter().find(cure) else {
        if !report.checked.is_empty() {
            let text =
                "no CAA record by itself: none would end the climb before all that fails; the servers must be mended";
            lines.push(("What helps", text.into()));
        }
        return Vec::new();
    };
    let at = quote(&advice.level);
    let what = match advice.records.len() {
        0 => format!("a CAA set at {at} (which CAs to list is not known)"),
        1 => format!("one CAA record at {at}"),
        more => format!("{more} CAA records at {at}"),
    };
    let effects = list(&super::effects(report, advice), 3);
    lines.push(("What helps", format!("{what}: {effects}. It denies every CA that it does not list.")));
    advice.records.clone()
}

fn denial(report: &Report, lines: &mut Vec<(&'static str, String)>) {
    let groups = verdict_groups(report);
    let denied: Vec<_> = groups.iter().filter(|group| group.example.verdict == "deny").collect();
    for group in denied.iter().take(2) {
        let check = group.example;
        let star = if check.wildcard { "*." } else { "" };
        let name = quote(&format!("{star}{}", check.name));
        let names = match group.count {
            1 => name,
            more => format!("{}, such as {name}", counted(more, "name")),
        };
        let issuer = check.issuer.as_deref().map_or("any issuer".into(), |issuer| quote(&super::issuer(issuer)));
        lines.push(("Denied", format!("{issuer} for {names}, {}", group.because())));
    }
    if denied.len() > 2 {
        lines.push(("", format!("and {} more, see the verdicts", thousands((denied.len() - 2) as u64))));
    }
    let worst = report
        .findings
        .iter()
        .filter(|finding| finding.code == Code::PolicyDenies.as_str())
        .min_by_key(|finding| finding.severity);
    if let Some(finding) = worst {
        lines.extend(finding.who.clone().map(|who| ("Who", who)));
        let fix = finding.fix.clone().filter(|_| finding.severity == Severity::Error);
        lines.extend(fix.map(|fix| ("Do", fix)));
    }
}

/// The worst that works today by luck or leniency.
fn risk(report: &Report) -> Option<String> {
    let warned = |finding: &&Finding| finding.severity < Severity::Note && finding.level.is_some();
    let warnings: Vec<&Finding> = report.findings.iter().filter(warned).collect();
    let first = warnings.iter().find(|finding| title(&finding.code).is_some())?;
    let more = match warnings.len() {
        1 => String::new(),
        more => format!("; and {} more, see the findings", thousands(more as u64 - 1)),
    };
    let level = first.level.as_deref().unwrap_or_default();
    Some(format!("at {}: {} ({}){more}", quote(level), title(&first.code)?, quote(&first.code)))
}

/// The headline of a code.
fn title(code: &str) -> Option<&'static str> {
    let known = FindingCode::ALL.into_iter().find(|known| known.as_str() == code);
    Code::parse(code).map(Code::title).or_else(|| known.map(FindingCode::title))
}

/// Where sets stand, in one clause.
fn sets(report: &Report) -> String {
    let with: Vec<String> = report
        .levels
        .iter()
        .filter(|level| level.views.iter().any(|view| !view.records.is_empty()))
        .map(|level| quote(&level.name))
        .collect();
    match with.len() {
        0 => "no level from the names to the TLD has a CAA record: any public CA may issue".into(),
        _ => format!("the climb ends at the set of {}", list(&with, 4)),
    }
}
