//! The page as plain texts for the template: what is shown, how much of it, and in which tone. No markup.

use std::collections::{BTreeMap, BTreeSet};

use super::chart::{self, Chart};
use crate::finding::{Finding, Severity};
use crate::pattern::Pattern;
use crate::report::digest::{self, Conclusion, State, counted, thousands};
use crate::report::tree::{Node, TreeLine, tree};
use crate::report::{Advice, Report, SourceCoverage, Zone, idn, safe};

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
    figures: String,
    sections: Vec<(&'static str, &'static str)>,
    advice: Vec<AdviceCard>,
    more_advice: Option<String>,
    views: String,
    legend: Vec<Mark>,
    levels: Vec<LevelLine>,
    facts: Vec<(String, String)>,
    findings: Vec<FindingCard>,
    more_findings: Option<String>,
    charts: Vec<Chart>,
    weeks: Vec<(String, String)>,
    patterns: Vec<PatternRow>,
    issuers: Vec<String>,
    verdicts: Vec<VerdictRow>,
    more_verdicts: Option<String>,
    zones: Vec<ZoneTable>,
    more_zones: Option<String>,
    complete: bool,
    lookups: String,
    sources: Vec<SourceRow>,
    dropped: Vec<(String, String, String)>,
    notes: Vec<Vec<Part>>,
    more_notes: Option<String>,
    made: String,
}

/// A piece of a sentence: prose, or quoted data.
struct Part {
    code: bool,
    text: String,
}

struct Mark {
    tone: &'static str,
    letter: char,
    words: String,
}

struct AdviceCard {
    level: String,
    decides: String,
    cures: Option<String>,
    leaves: Option<String>,
    records: String,
    warnings: Vec<Vec<Part>>,
}

struct LevelLine {
    states: Vec<Mark>,
    strokes: String,
    name: String,
    unicode: Option<String>,
    said: String,
    records: Vec<String>,
    causes: Vec<(&'static str, String)>,
}

struct FindingCard {
    severity: &'static str,
    code: String,
    level: Option<String>,
    text: Vec<Part>,
    who: Vec<Part>,
    fix: Vec<Part>,
}

struct PatternRow {
    form: &'static str,
    template: String,
    names: (u64, String),
    certificates: (u64, String),
    first: String,
    last: String,
    issuers: String,
    example: String,
    notes: Vec<String>,
}

struct VerdictRow {
    tone: &'static str,
    verdict: &'static str,
    count: String,
    issuer: String,
    decided_at: String,
    reason: String,
    example: String,
}

struct ZoneTable {
    name: String,
    dnssec: &'static str,
    probes: Vec<String>,
    servers: Vec<(String, Vec<Mark>)>,
}

struct SourceRow {
    name: String,
    kind: String,
    requests: String,
    records: String,
    certificates: String,
    trouble: String,
}

impl Page {
    pub(super) fn of(report: &Report) -> Self {
        let (conclusion, sentence) = digest::answer(report);
        let groups = digest::verdict_groups(report);
        let servers = digest::view_columns(report, MOST_VIEWS);
        let charts = charts(report);
        let mut page = Self {
            domain: report.domain.as_deref().map(named),
            tone: match conclusion {
                Conclusion::Fails => "bad",
                Conclusion::Denied | Conclusion::Unknown => "warn",
                Conclusion::Works => "good",
            },
            word: conclusion.word(),
            answer: parts(&sentence),
            figures: format!(
                "{} in {} and {}.",
                counted(report.names, "name"),
                counted(report.certificates, "certificate"),
                counted(report.patterns.len() as u64, "pattern")
            ),
            sections: Vec::new(),
            advice: report.advice.iter().take(MOST).map(advice_card).collect(),
            more_advice: more(report.advice.len(), MOST),
            views: clean(&servers.join(", ")),
            legend: State::ALL.map(|state| letter(state, state.words().into())).into(),
            levels: tree(&report.levels, MOST).iter().map(|line| level_line(line, &servers)).collect(),
            facts: facts(report),
            findings: report.findings.iter().take(MOST).map(finding_card).collect(),
            more_findings: more(report.findings.len(), MOST),
            weeks: if charts.is_empty() {
                Vec::new()
            } else {
                report.timeline.as_ref().map(chart::weeks).unwrap_or_default()
            },
            charts,
            patterns: report.patterns.iter().map(pattern_row).collect(),
            issuers: issuers(report),
            verdicts: groups.iter().take(MOST).map(verdict_row).collect(),
            more_verdicts: more(groups.len(), MOST),
            zones: report.zones.iter().take(MOST).map(zone_table).collect(),
            more_zones: more(report.zones.len(), MOST),
            complete: report.coverage.complete,
            lookups: lookups(report),
            sources: report.coverage.sources.iter().map(source_row).collect(),
            dropped: report
                .coverage
                .dropped
                .iter()
                .map(|(class, dropped)| (thousands(dropped.count), clean(class), clean(&dropped.example)))
                .collect(),
            notes: report.coverage.notes.iter().take(MOST).map(|note| parts(note)).collect(),
            more_notes: more(report.coverage.notes.len(), MOST),
            made: clean(&format!("Made by {}, {}.", report.tool, report.time)),
        };
        page.sections = page.contents();
        page
    }

    /// The parts that the page has, by id and title.
    fn contents(&self) -> Vec<(&'static str, &'static str)> {
        [
            (!self.advice.is_empty(), "advice", "Advice"),
            (!self.levels.is_empty(), "levels", "Levels"),
            (!self.findings.is_empty(), "findings", "Findings"),
            (!self.charts.is_empty(), "timeline", "Timeline"),
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

/// Text that may hold anything, bounded, with invisible characters written out.
fn clean(raw: &str) -> String {
    safe::bounded(&safe::text(raw), 4_000).into_owned()
}

/// A name, and its Unicode form where that is safe.
fn named(name: &str) -> String {
    match idn::unicode_form(name) {
        Some(unicode) => format!("{} ({unicode})", clean(name)),
        None => clean(name),
    }
}

/// A sentence cut at its backticks; one without a partner stays a character.
fn parts(sentence: &str) -> Vec<Part> {
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

fn tone(state: State) -> &'static str {
    match state {
        State::Records | State::NoData => "good",
        State::NxDomain | State::NotAsked => "dim",
        State::Failed => "bad",
    }
}

fn letter(state: State, words: String) -> Mark {
    Mark { tone: tone(state), letter: state.letter(), words }
}

fn advice_card(advice: &Advice) -> AdviceCard {
    let levels = |levels: &[String]| (!levels.is_empty()).then(|| clean(&digest::list(levels, 8)));
    AdviceCard {
        level: named(&advice.level),
        decides: format!(
            "{} ({} seen)",
            counted(advice.decides_names, "name"),
            counted(advice.decides_certificates, "certificate")
        ),
        cures: levels(&advice.cures),
        leaves: levels(&advice.leaves),
        records: advice.records.iter().map(|record| clean(record)).collect::<Vec<_>>().join("\n"),
        warnings: advice.warnings.iter().map(|warning| parts(warning)).collect(),
    }
}

fn level_line(line: &TreeLine<'_>, servers: &[&str]) -> LevelLine {
    let strokes = line.strokes(false);
    let level = match &line.node {
        Node::Level(level) => level,
        Node::More(count, states) => {
            let blank = (0..servers.len().max(1)).map(|_| Mark { tone: "", letter: '\u{b7}', words: String::new() });
            let said = format!("{} more: {}", thousands(*count), digest::state_counts(states));
            let (name, unicode) = (String::new(), None);
            return LevelLine {
                states: blank.collect(),
                strokes,
                name,
                unicode,
                said,
                records: vec![],
                causes: vec![],
            };
        }
    };
    let states = if servers.is_empty() {
        vec![letter(State::of_level(level), digest::level_words(level))]
    } else {
        let view_at = |server: &&str| {
            let views = level.views.iter().filter(|view| view.server == *server);
            match views.max_by_key(|view| State::of_view(view)) {
                Some(view) => letter(State::of_view(view), clean(&format!("{server}: {}", digest::view_words(view)))),
                None => letter(State::NotAsked, clean(&format!("{server}: not asked"))),
            }
        };
        servers.iter().map(view_at).collect()
    };
    let mut said = vec![digest::level_words(level)];
    if level.names_below > 0 {
        said.push(counted(level.names_below, "name"));
    }
    if level.public_suffix {
        said.push("a public suffix".into());
    } else if !level.stable {
        said.push("one-off".into());
    }
    let records = level.views.iter().find(|view| !view.records.is_empty()).map(|view| view.records.as_slice());
    LevelLine {
        states,
        strokes,
        name: clean(&level.name),
        unicode: idn::unicode_form(&level.name),
        said: clean(&said.join("; ")),
        records: records.unwrap_or_default().iter().take(8).map(|record| clean(record)).collect(),
        causes: level.causes.iter().map(|cause| (cause.code.as_str(), clean(&cause.evidence))).collect(),
    }
}

/// What each view said, for levels that need attention.
fn facts(report: &Report) -> Vec<(String, String)> {
    let notable = report.levels.iter().filter(|level| digest::is_notable(level)).take(MOST);
    notable
        .flat_map(|level| level.views.iter().map(move |view| (clean(&level.name), clean(&digest::view_facts(view)))))
        .take(4 * MOST)
        .collect()
}

fn finding_card(finding: &Finding) -> FindingCard {
    FindingCard {
        severity: match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        },
        code: clean(&finding.code),
        level: finding.level.as_deref().map(named),
        text: parts(&finding.text),
        who: finding.who.as_deref().map(parts).unwrap_or_default(),
        fix: finding.fix.as_deref().map(parts).unwrap_or_default(),
    }
}

fn charts(report: &Report) -> Vec<Chart> {
    let Some(timeline) = &report.timeline else { return Vec::new() };
    let templates: BTreeMap<&str, &str> =
        report.patterns.iter().map(|pattern| (pattern.id.as_str(), pattern.template.as_str())).collect();
    let pattern = |key: &str| clean(templates.get(key).unwrap_or(&key));
    [
        chart::chart("By pattern", timeline, &timeline.patterns, &pattern),
        chart::chart("By issuer", timeline, &timeline.issuers, &clean),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn issuers(report: &Report) -> Vec<String> {
    let names: BTreeSet<&str> =
        report.patterns.iter().flat_map(|pattern| &pattern.issuers).map(|issuer| issuer.name.as_str()).collect();
    names.into_iter().take(100).map(clean).collect()
}

fn pattern_row(pattern: &Pattern) -> PatternRow {
    let forms = &pattern.wildcard;
    let day = |time: Option<jiff::Timestamp>| time.map(|time| time.to_string().chars().take(10).collect());
    let issuers: Vec<String> =
        pattern.issuers.iter().map(|issuer| format!("{} ({})", issuer.name, thousands(issuer.certificates))).collect();
    PatternRow {
        form: match (forms.bare > 0, forms.wildcard > 0, forms.both > 0) {
            (_, _, true) | (true, true, false) => "wildcard bare",
            (false, true, false) => "wildcard",
            (_, false, false) => "bare",
        },
        template: clean(&pattern.template),
        names: (pattern.names, thousands(pattern.names)),
        certificates: (pattern.certificates, thousands(pattern.certificates)),
        first: day(pattern.first_seen).unwrap_or_default(),
        last: day(pattern.last_seen).unwrap_or_default(),
        issuers: clean(&digest::list(&issuers, 4)),
        example: pattern.examples.first().map(|example| clean(example)).unwrap_or_default(),
        notes: pattern.shapes.iter().take(2).chain(pattern.notes.iter().take(3)).map(|note| clean(note)).collect(),
    }
}

fn verdict_row(group: &digest::VerdictGroup<'_>) -> VerdictRow {
    let check = group.example;
    let star = if check.wildcard { "*." } else { "" };
    VerdictRow {
        tone: match check.verdict {
            "permit" => "good",
            "deny" => "warn",
            _ => "bad",
        },
        verdict: check.verdict,
        count: thousands(group.count),
        issuer: clean(check.issuer.as_deref().unwrap_or("any")),
        decided_at: clean(check.decided_at.as_deref().unwrap_or("no level")),
        reason: clean(&check.reason),
        example: clean(&format!("{star}{}", check.name)),
    }
}

fn zone_table(zone: &Zone) -> ZoneTable {
    let probes: BTreeSet<&str> =
        zone.servers.iter().flat_map(|server| server.probes.keys().map(String::as_str)).collect();
    let servers = zone.servers.iter().take(MOST).map(|server| {
        let cell = |probe: &&str| result(server.probes.get(*probe).map_or("", String::as_str));
        (clean(&format!("{} {}", server.name, server.address)), probes.iter().map(cell).collect())
    });
    ZoneTable {
        name: named(&zone.name),
        dnssec: zone.dnssec,
        servers: servers.collect(),
        probes: probes.iter().map(|probe| clean(probe)).collect(),
    }
}

/// A probe's result in words, with the letter and tone that its words call for.
fn result(words: &str) -> Mark {
    const BAD: [&str; 12] = [
        "timeout",
        "no answer",
        "refused",
        "servfail",
        "formerr",
        "notimp",
        "error",
        "malformed",
        "unreachable",
        "failed",
        "silent",
        "badvers",
    ];
    const ODD: [&str; 8] = ["no soa", "without soa", "foreign", "no aa", "truncated", "referral", "lost", "case"];
    let lower = words.to_lowercase();
    let (tone, letter) = if BAD.iter().any(|bad| lower.contains(bad)) {
        ("bad", 'F')
    } else if ODD.iter().any(|odd| lower.contains(odd)) {
        ("warn", '!')
    } else {
        ("good", '+')
    };
    Mark { tone, letter, words: clean(words) }
}

fn lookups(report: &Report) -> String {
    let coverage = &report.coverage;
    format!(
        "{} asked with {}; {} not asked because servers were silent; {} stand behind a sample.",
        counted(coverage.levels_asked, "level"),
        counted(coverage.queries, "query"),
        thousands(coverage.levels_inferred),
        counted(coverage.sampled, "name")
    )
}

fn source_row(source: &SourceCoverage) -> SourceRow {
    let cut = source.truncated.then_some("cut short");
    let trouble: Vec<&str> = cut.into_iter().chain(source.error.as_deref()).collect();
    SourceRow {
        name: clean(&source.name),
        kind: clean(&source.kind),
        requests: thousands(source.requests),
        records: thousands(source.records),
        certificates: thousands(source.certificates),
        trouble: clean(&trouble.join("; ")),
    }
}
