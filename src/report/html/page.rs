//! The page as plain texts for the templates: what is shown, how much of it, and in which tone. No markup.

use super::cards::{
    AdviceCard, FindingCard, SourceRow, VerdictRow, ZoneTable, advice_card, finding_card, source_row, verdict_row,
    zone_table,
};
use super::chart::{self, Chart, Lane};
use super::levels::{LevelLine, level_line};
use super::patterns::{PatternRow, issuers, pattern_row};
use crate::finding::{Finding, Severity};
use crate::report::digest::{self, Conclusion, State, counted, thousands};
use crate::report::json::ISLAND;
use crate::report::tree::tree;
use crate::report::{Report, idn, safe};

/// Lines of the tree, findings, verdict groups: more than a person reads, few enough for a browser.
const MOST: usize = 500;
/// Letters side by side in the tree.
const MOST_VIEWS: usize = 12;

/// The whole page.
#[derive(askama::Template)]
#[template(path = "report.html", config = "src/report/html/askama.toml")]
pub(super) struct Page {
    domain: Option<String>,
    tone: &'static str,
    word: &'static str,
    answer: Vec<Part>,
    short: Vec<(&'static str, Vec<Part>)>,
    records: String,
    tiles: Vec<(String, String)>,
    sections: Vec<(&'static str, &'static str)>,
    views: Vec<String>,
    legend: Vec<Mark>,
    levels: Vec<LevelLine>,
    advice: Vec<AdviceCard>,
    other_advice: Vec<Part>,
    mind: Vec<Vec<Part>>,
    findings: Vec<FindingCard>,
    more_findings: Option<String>,
    remarks: Vec<FindingCard>,
    more_remarks: Option<String>,
    chart: Option<Chart>,
    lanes: Vec<Lane>,
    span: String,
    weeks: Vec<(String, String)>,
    patterns: Vec<PatternRow>,
    more_patterns: Option<String>,
    issuers: Vec<String>,
    verdicts: Vec<VerdictRow>,
    more_verdicts: Option<String>,
    zones: Vec<ZoneTable>,
    more_zones: Option<String>,
    complete: bool,
    lookups: Vec<Part>,
    sources: Vec<SourceRow>,
    dropped: Vec<(String, String, String)>,
    notes: Vec<Vec<Part>>,
    more_notes: Option<String>,
    made: String,
    /// Whether the data of the page is all there is.
    whole: bool,
}

/// A piece of a sentence: prose, or quoted data.
pub(super) struct Part {
    pub(super) code: bool,
    pub(super) text: String,
}

/// A letter with its tone, and the words it stands for.
pub(super) struct Mark {
    pub(super) tone: &'static str,
    pub(super) letter: char,
    pub(super) words: String,
}

impl Page {
    pub(super) fn of(report: &Report) -> Self {
        let answer = digest::answer(report);
        let advised = digest::advised(report);
        let groups = digest::verdict_groups(report);
        let numbers = digest::pattern_numbers(report);
        let servers = digest::view_columns(report, MOST_VIEWS);
        let (notes, findings): (Vec<&Finding>, Vec<&Finding>) =
            report.findings.iter().partition(|finding| finding.severity == Severity::Note);
        let chart = report.timeline.as_ref().and_then(chart::chart);
        let timeline = report.timeline.as_ref().filter(|_| chart.is_some());
        let mut page = Self {
            domain: report.domain.as_deref().map(named),
            tone: match answer.conclusion {
                Conclusion::Fails => "bad",
                Conclusion::Denied | Conclusion::Unknown => "warn",
                Conclusion::Works => "good",
            },
            word: answer.conclusion.word(),
            answer: parts(&answer.sentence),
            short: answer.lines.iter().map(|(label, text)| (*label, parts(text))).collect(),
            records: lines(&answer.records),
            tiles: tiles(report),
            sections: Vec::new(),
            views: views(&servers),
            legend: State::ALL.map(|state| letter(state, state.words().into())).into(),
            levels: if report.levels.iter().all(|level| level.views.is_empty()) {
                Vec::new()
            } else {
                tree(&report.levels, MOST).iter().map(|line| level_line(line, &servers)).collect()
            },
            advice: advised.best.iter().map(|(advice, own)| advice_card(report, advice, own)).collect(),
            other_advice: parts(&digest::list(&advised.others, 8)),
            mind: advised.shared.iter().map(|remark| parts(remark)).collect(),
            findings: findings.iter().take(MOST).map(|finding| finding_card(finding)).collect(),
            more_findings: more(findings.len(), MOST),
            remarks: notes.iter().take(MOST).map(|finding| finding_card(finding)).collect(),
            more_remarks: more(notes.len(), MOST),
            lanes: timeline.map(|timeline| chart::lanes(timeline, &report.patterns)).unwrap_or_default(),
            span: timeline.map(chart::span).unwrap_or_default(),
            weeks: timeline.map(chart::weeks).unwrap_or_default(),
            chart,
            patterns: report
                .patterns
                .iter()
                .take(ISLAND)
                .enumerate()
                .map(|(at, pattern)| pattern_row(at, pattern))
                .collect(),
            more_patterns: more(report.patterns.len(), ISLAND),
            issuers: issuers(report),
            verdicts: groups.iter().take(MOST).map(|group| verdict_row(group, &numbers)).collect(),
            more_verdicts: more(groups.len(), MOST),
            zones: report.zones.iter().take(MOST).map(zone_table).collect(),
            more_zones: more(report.zones.len(), MOST),
            complete: report.coverage.complete,
            lookups: parts(&format!("{}.", digest::lookups(report).join("; "))),
            sources: report.coverage.sources.iter().map(source_row).collect(),
            dropped: report
                .coverage
                .dropped
                .iter()
                .map(|(class, dropped)| {
                    let words = clean(&digest::dropped(class, dropped.count));
                    (thousands(dropped.count), words, clean(&dropped.example))
                })
                .collect(),
            notes: report.coverage.notes.iter().take(MOST).map(|note| parts(note)).collect(),
            more_notes: more(report.coverage.notes.len(), MOST),
            whole: [report.levels.len(), report.checked.len(), report.patterns.len()]
                .iter()
                .all(|many| *many <= ISLAND),
            made: clean(&format!("Made by {}, {}.", report.tool, report.time)),
        };
        page.sections = page.contents();
        page
    }

    /// The parts that the page has, by id and title.
    fn contents(&self) -> Vec<(&'static str, &'static str)> {
        [
            (!self.levels.is_empty(), "levels", "Levels"),
            (!self.advice.is_empty(), "advice", "Advice"),
            (!self.findings.is_empty() || !self.remarks.is_empty(), "findings", "Findings"),
            (self.chart.is_some(), "timeline", "Timeline"),
            (!self.patterns.is_empty(), "patterns", "Patterns"),
            (!self.verdicts.is_empty(), "verdicts", "Verdicts"),
            (!self.zones.is_empty(), "servers", "Servers"),
            (true, "coverage", "Coverage"),
        ]
        .into_iter()
        .filter_map(|(there, id, title)| there.then_some((id, title)))
        .collect()
    }
}

/// The figures of a report: number and noun.
fn tiles(report: &Report) -> Vec<(String, String)> {
    let figures = [
        (report.names, "name"),
        (report.certificates, "certificate"),
        (report.patterns.len() as u64, "pattern"),
        (report.coverage.levels_asked, "level"),
        (report.findings.len() as u64, "finding"),
    ];
    let tile = |(count, noun): (u64, &str)| {
        let text = counted(count, noun);
        let (number, noun) = text.split_once(' ').unwrap_or((&text, ""));
        (number.to_owned(), if noun.starts_with("level") { format!("{noun} asked") } else { noun.to_owned() })
    };
    figures.into_iter().filter(|(count, noun)| *count > 0 || *noun == "name").map(tile).collect()
}

/// The headings of the letters in the tree; one for all views where they are too many.
fn views(servers: &[&str]) -> Vec<String> {
    match servers {
        [] => vec!["worst view".into()],
        several => several.iter().map(|server| clean(digest::column_words(server))).collect(),
    }
}

/// Text that may hold anything, bounded, with invisible characters written out.
pub(super) fn clean(raw: &str) -> String {
    safe::bounded(&safe::text(raw), 4_000).into_owned()
}

/// A name, and its Unicode form where that is safe.
pub(super) fn named(name: &str) -> String {
    match idn::unicode_form(name) {
        Some(unicode) => format!("{} ({unicode})", clean(name)),
        None => clean(name),
    }
}

/// Records one a line.
pub(super) fn lines(records: &[String]) -> String {
    records.iter().map(|record| clean(record)).collect::<Vec<_>>().join("\n")
}

/// A sentence cut at its backticks; one without a partner stays a character.
pub(super) fn parts(sentence: &str) -> Vec<Part> {
    let pieces: Vec<&str> = sentence.split('`').collect();
    if pieces.len().is_multiple_of(2) {
        return vec![Part { code: false, text: clean(sentence) }];
    }
    let parts = pieces.iter().enumerate().map(|(at, piece)| Part { code: at % 2 == 1, text: clean(piece) });
    parts.filter(|part| !part.text.is_empty()).collect()
}

fn more(all: usize, shown: usize) -> Option<String> {
    (all > shown).then(|| thousands((all - shown) as u64))
}

pub(super) fn letter(state: State, words: String) -> Mark {
    let tone = match state {
        State::Records => "good",
        State::NoData => "fine",
        State::NxDomain | State::NotAsked => "dim",
        State::Failed => "bad",
    };
    Mark { tone, letter: state.letter(), words }
}
