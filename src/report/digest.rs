//! What every rendering says alike: the answer in one sentence, the state of a level, verdicts in groups.
//!
//! Sentences quote data in backticks; a renderer decides what a quoted text looks like. Knows no format.

use std::collections::{BTreeMap, BTreeSet};

use super::{Checked, LevelReport, Report, View};
use crate::pattern::Pattern;

/// What one view, or all views together, say of a level. Later is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    NotAsked,
    Records,
    NoData,
    NxDomain,
    Failed,
}

impl State {
    pub(super) const ALL: [State; 5] = [State::Records, State::NoData, State::NxDomain, State::Failed, State::NotAsked];

    pub(super) fn of_view(view: &View) -> Self {
        match (view.outcome, view.class) {
            ("records", _) => Self::Records,
            ("nodata", _) => Self::NoData,
            ("nxdomain", _) => Self::NxDomain,
            (_, Some("not-asked")) => Self::NotAsked,
            _ => Self::Failed,
        }
    }

    /// The worst of all views: a CA may meet it.
    pub(super) fn of_level(level: &LevelReport) -> Self {
        level.views.iter().map(Self::of_view).max().unwrap_or(Self::NotAsked)
    }

    pub(super) fn letter(self) -> char {
        match self {
            Self::NotAsked => '-',
            Self::Records => 'R',
            Self::NoData => 'N',
            Self::NxDomain => 'X',
            Self::Failed => 'F',
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::NotAsked => "not asked",
            Self::Records => "CAA records",
            Self::NoData => "no CAA",
            Self::NxDomain => "no such name",
            Self::Failed => "failed",
        }
    }
}

/// What one view says, in a few words: `failed (timeout)`, `no CAA, no SOA`.
pub(super) fn view_words(view: &View) -> String {
    match State::of_view(view) {
        State::Failed => match (view.class, &view.rcode) {
            (Some("rcode") | None, Some(rcode)) => format!("failed ({rcode})"),
            (Some(class), _) => format!("failed ({class})"),
            (None, None) => "failed".into(),
        },
        state @ (State::NoData | State::NxDomain) if view.soa.is_none() => format!("{}, no SOA", state.words()),
        state => state.words().into(),
    }
}

/// One view of one level in full: server, result, what came with it, effort.
pub(super) fn view_facts(view: &View) -> String {
    let mut facts = vec![view_words(view)];
    if let Some(rcode) = &view.rcode {
        facts.push(rcode.clone());
    }
    if let Some(soa) = &view.soa {
        facts.push(format!("SOA of {soa}"));
    }
    for ede in &view.ede {
        facts.push(format!("EDE {} {}", ede.code, ede.text).trim_end().to_owned());
    }
    if let Some(word) = view.checking_disabled {
        facts.push(format!("with checking disabled: {word}"));
    }
    if !view.aliases.is_empty() {
        facts.push(format!("alias of {}", list(&view.aliases, 3)));
    }
    if let Some(rtt) = view.rtt_ms {
        facts.push(format!("{} ms", thousands(rtt)));
    }
    match view.tries {
        0 | 1 => {}
        2 => facts.push("2 tries".into()),
        tries => facts.push(format!("{tries} tries")),
    }
    format!("{}: {}", view.server, facts.join(", "))
}

/// What the views say of a level: their common words, or each different one, worst first.
pub(super) fn level_words(level: &LevelReport) -> String {
    let mut words: Vec<(State, String)> =
        level.views.iter().map(|view| (State::of_view(view), view_words(view))).collect();
    words.sort_by(|a, b| b.cmp(a));
    words.dedup();
    match words.as_slice() {
        [] => State::NotAsked.words().into(),
        [(_, one)] => one.clone(),
        several => several.iter().map(|(_, words)| words.as_str()).collect::<Vec<_>>().join("; elsewhere "),
    }
}

/// Whether views of one level contradict each other, in the outcome or in what came with it.
pub(super) fn disagrees(level: &LevelReport) -> bool {
    let words: BTreeSet<String> = level.views.iter().map(view_words).collect();
    words.len() > 1
}

/// `failed`, or `2 failed, 5 no CAA`: worst first.
pub(super) fn state_counts(states: &BTreeMap<State, u64>) -> String {
    if states.len() == 1 {
        return states.keys().map(|state| state.words()).collect();
    }
    let counts = states.iter().rev().map(|(state, count)| format!("{} {}", thousands(*count), state.words()));
    counts.collect::<Vec<_>>().join(", ")
}

/// Whether a reader should look at the level: it fails, the views differ, or a cause was found.
pub(super) fn is_notable(level: &LevelReport) -> bool {
    State::of_level(level) == State::Failed || disagrees(level) || !level.causes.is_empty()
}

/// The servers that speak in the views, in order of first appearance; empty when they are more than fit a matrix.
pub(super) fn view_columns(report: &Report, most: usize) -> Vec<&str> {
    let mut servers: Vec<&str> = Vec::new();
    for view in report.levels.iter().flat_map(|level| &level.views) {
        if !servers.contains(&view.server.as_str()) {
            servers.push(&view.server);
            if servers.len() > most {
                return Vec::new();
            }
        }
    }
    servers
}

/// How a verdict counts; later is worse.
pub(super) fn verdict_rank(verdict: &str) -> u8 {
    match verdict {
        "permit" => 0,
        "deny" => 1,
        _ => 2,
    }
}

/// The conclusion of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conclusion {
    Fails,
    Denied,
    Works,
    Unknown,
}

impl Conclusion {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Fails => "FAIL",
            Self::Denied => "DENY",
            Self::Works => "OK",
            Self::Unknown => "NO VERDICT",
        }
    }
}

/// The answer: a conclusion and one or two sentences.
pub(super) fn answer(report: &Report) -> (Conclusion, String) {
    let subject = match &report.domain {
        Some(domain) => quote(domain),
        None => counted(report.names, "name"),
    };
    let mut views = report.levels.iter().flat_map(|level| &level.views).peekable();
    // Where no server gave any readable reply, nothing was learnt of the domain.
    let unanswered = views.peek().is_some() && views.all(|view| view.rcode.is_none() && view.outcome == "failed");
    let (conclusion, mut sentence) = if unanswered {
        (Conclusion::Unknown, format!("{subject}: no resolver answered, so nothing is known of CAA."))
    } else if report.checked.is_empty() {
        unchecked(report, &subject)
    } else {
        checked(report, &subject)
    };
    if !report.coverage.complete {
        sentence.push_str(" Not all that was asked for was obtained: see coverage.");
    }
    (conclusion, sentence)
}

fn unchecked(report: &Report, subject: &str) -> (Conclusion, String) {
    let failing: Vec<&LevelReport> = report.levels.iter().filter(|l| State::of_level(l) == State::Failed).collect();
    if !failing.is_empty() {
        let levels: Vec<&str> = failing.iter().map(|level| level.name.as_str()).collect();
        return (Conclusion::Fails, format!("{subject}: CAA lookups fail at {}.", levels_list(report, &levels)));
    }
    if !report.levels.is_empty() {
        let asked = counted(report.levels.len() as u64, "level");
        return (Conclusion::Unknown, format!("{subject}: {asked} asked for CAA, none fails."));
    }
    if report.names == 0 {
        return (Conclusion::Unknown, format!("{subject}: no names of certificates were found."));
    }
    let patterns = counted(report.patterns.len() as u64, "pattern");
    let names = counted(report.names, "name");
    (Conclusion::Unknown, format!("{subject}: {names} in {patterns}; CAA was not looked up."))
}

fn checked(report: &Report, subject: &str) -> (Conclusion, String) {
    let mut worst: BTreeMap<(&str, bool), u8> = BTreeMap::new();
    for check in &report.checked {
        let rank = worst.entry((&check.name, check.wildcard)).or_default();
        *rank = (*rank).max(verdict_rank(check.verdict));
    }
    let total = worst.len() as u64;
    let with = |rank: u8| worst.values().filter(|worst| **worst == rank).count() as u64;
    let of = |count: u64| {
        if count == total && total == 1 {
            "the name checked".to_owned()
        } else if count == total {
            format!("all {} checked", counted(total, "name"))
        } else {
            format!("{} of {} checked", thousands(count), counted(total, "name"))
        }
    };
    let (fails, denied) = (with(2), with(1));
    if fails > 0 {
        let levels = deciding_levels(report, "fail");
        let places = if levels.is_empty() { String::new() } else { format!(", at {}", levels_list(report, &levels)) };
        let mut sentence = format!("{subject}: the CAA lookup fails for {}{places}.", of(fails));
        if let Some(advice) = report.advice.iter().find(|advice| !advice.cures.is_empty()) {
            let names = counted(advice.decides_names, "name");
            let level = quote(&advice.level);
            sentence = format!("{sentence} A CAA set at {level} would end the climb before that for {names}.");
        }
        return (Conclusion::Fails, sentence);
    }
    if denied > 0 {
        let issuers: BTreeSet<&str> = report
            .checked
            .iter()
            .filter(|check| check.verdict == "deny")
            .filter_map(|check| check.issuer.as_deref())
            .collect();
        let issuers: Vec<String> = issuers.into_iter().map(quote).collect();
        let whom = if issuers.is_empty() { String::new() } else { format!(" {}", list(&issuers, 3)) };
        let levels = deciding_levels(report, "deny");
        let places: Vec<String> = levels.into_iter().map(quote).collect();
        let by = if places.is_empty() { String::new() } else { format!(", by the records at {}", list(&places, 3)) };
        return (Conclusion::Denied, format!("{subject}: CAA denies{whom} for {}{by}.", of(denied)));
    }
    let failing: Vec<&str> =
        report.levels.iter().filter(|l| State::of_level(l) == State::Failed).map(|l| l.name.as_str()).collect();
    let mut sentence = format!("{subject}: CAA lookups work and permit {}.", of(total));
    if !failing.is_empty() {
        let places = levels_list(report, &failing);
        sentence = format!("{sentence} Lookups fail at {places}, where no verdict depends on it.");
    }
    (Conclusion::Works, sentence)
}

/// The levels that decided a verdict, most frequent first.
fn deciding_levels<'a>(report: &'a Report, verdict: &str) -> Vec<&'a str> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for check in report.checked.iter().filter(|check| check.verdict == verdict) {
        if let Some(level) = &check.decided_at {
            *counts.entry(level).or_default() += 1;
        }
    }
    let mut levels: Vec<(&str, u64)> = counts.into_iter().collect();
    levels.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| depth(a.0).cmp(&depth(b.0))).then_with(|| a.0.cmp(b.0)));
    levels.into_iter().map(|(level, _)| level).collect()
}

fn depth(name: &str) -> usize {
    name.split('.').count()
}

/// `net` (failed (timeout)), each level with its failure, three at most.
fn levels_list(report: &Report, levels: &[&str]) -> String {
    let named: Vec<String> = levels
        .iter()
        .take(4)
        .map(|name| {
            let class = report
                .levels
                .iter()
                .find(|level| level.name == **name)
                .and_then(|level| level.views.iter().find(|view| State::of_view(view) == State::Failed))
                .and_then(|view| if view.class == Some("rcode") { view.rcode.as_deref() } else { view.class });
            match class {
                Some(class) => format!("{} ({class})", quote(name)),
                None => quote(name),
            }
        })
        .collect();
    let mut text = list(&named[..named.len().min(3)], 3);
    if levels.len() > 3 {
        text = format!("{text} and {} more", thousands((levels.len() - 3) as u64));
    }
    text
}

/// Verdicts that are alike but for the name.
pub(super) struct VerdictGroup<'a> {
    /// The first of them.
    pub(super) example: &'a Checked,
    /// How many they are.
    pub(super) count: u64,
}

/// Verdicts by all but their names, worst first, then by number.
pub(super) fn verdict_groups(report: &Report) -> Vec<VerdictGroup<'_>> {
    type Key<'a> = (&'a str, Option<&'a str>, Option<&'a str>, Option<&'a str>, &'a str, &'a str);
    let mut groups: BTreeMap<Key<'_>, VerdictGroup<'_>> = BTreeMap::new();
    for check in &report.checked {
        let key = (
            check.verdict,
            check.pattern.as_deref(),
            check.issuer.as_deref(),
            // A level that only this name has would make a group of its own of every name.
            check.decided_at.as_deref().filter(|level| *level != check.name),
            if check.decided_at.as_deref() == Some(check.name.as_str()) { "" } else { check.reason.as_str() },
            check.br_failure_allowance,
        );
        groups.entry(key).or_insert(VerdictGroup { example: check, count: 0 }).count += 1;
    }
    let mut groups: Vec<VerdictGroup<'_>> = groups.into_values().collect();
    groups.sort_by(|a, b| {
        let rank = |group: &VerdictGroup<'_>| verdict_rank(group.example.verdict);
        rank(b).cmp(&rank(a)).then(b.count.cmp(&a.count)).then_with(|| a.example.name.cmp(&b.example.name))
    });
    groups
}

/// Where a pattern stands in the report, counted from 1, by its id.
pub(super) fn pattern_numbers(report: &Report) -> BTreeMap<&str, usize> {
    report.patterns.iter().enumerate().map(|(index, pattern)| (pattern.id.as_str(), index + 1)).collect()
}

/// When the certificates of a pattern began, by day: `seen 2023-11-20 to 2023-12-21`.
pub(super) fn seen(pattern: &Pattern) -> Option<String> {
    let day = |time: jiff::Timestamp| time.to_string().chars().take_while(|c| *c != 'T').collect::<String>();
    let (first, last) = (day(pattern.first_seen?), day(pattern.last_seen?));
    Some(if first == last { format!("seen {first}") } else { format!("seen {first} to {last}") })
}

/// Data inside a sentence: in backticks, of which it holds none itself.
pub(super) fn quote(data: &str) -> String {
    format!("`{}`", data.replace('`', "\\u{60}"))
}

/// `1 name`, `4,812 names`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let number = thousands(count);
    match noun.strip_suffix('y') {
        _ if count == 1 => format!("{number} {noun}"),
        Some(stem) => format!("{number} {stem}ies"),
        None if noun.ends_with('s') => format!("{number} {noun}es"),
        None => format!("{number} {noun}s"),
    }
}

/// `4,812`.
pub(crate) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `a`, `a and b`, `a, b and 3 more`.
pub(super) fn list(items: &[String], most: usize) -> String {
    let shown = &items[..items.len().min(most)];
    let rest = items.len() - shown.len();
    match (shown, rest) {
        ([], 0) => String::new(),
        ([one], 0) => one.clone(),
        ([first @ .., last], 0) => format!("{} and {last}", first.join(", ")),
        (shown, rest) => format!("{} and {} more", shown.join(", "), thousands(rest as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lists_read_well() {
        assert_eq!(counted(1, "query"), "1 query");
        assert_eq!(counted(1_234_567, "query"), "1,234,567 queries");
        assert_eq!(counted(0, "name"), "0 names");
        assert_eq!(counted(2, "address"), "2 addresses");
        let items: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        assert_eq!(list(&items, 3), "a, b and c");
        assert_eq!(list(&items, 2), "a, b and 1 more");
    }
}
