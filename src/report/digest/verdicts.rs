//! Verdicts that are alike, as one; and the levels that decided them.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{counted, list, ranges, thousands};
use crate::pattern::Pattern;
use crate::report::{Checked, Report};

/// How a verdict counts; later is worse.
pub(in crate::report) fn verdict_rank(verdict: &str) -> u8 {
    match verdict {
        "permit" => 0,
        "deny" => 1,
        _ => 2,
    }
}

/// The levels that decided a verdict, most frequent first.
pub(in crate::report) fn deciding_levels<'a>(report: &'a Report, verdict: &str) -> Vec<(&'a str, u64)> {
    let mut counts: BTreeMap<&str, BTreeSet<(&str, bool)>> = BTreeMap::new();
    for check in report.checked.iter().filter(|check| check.verdict == verdict) {
        if let Some(level) = &check.decided_at {
            counts.entry(level).or_default().insert((&check.name, check.wildcard));
        }
    }
    let depth = |name: &str| name.split('.').count();
    let mut levels: Vec<(&str, u64)> = counts.into_iter().map(|(level, names)| (level, names.len() as u64)).collect();
    levels.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| depth(a.0).cmp(&depth(b.0))).then_with(|| a.0.cmp(b.0)));
    levels
}

/// Verdicts that are alike but for the name and its pattern.
pub(in crate::report) struct VerdictGroup<'a> {
    /// The first of them.
    pub(in crate::report) example: &'a Checked,
    /// How many they are.
    pub(in crate::report) count: u64,
    /// Where the level that decided stands: it, or "each name itself".
    pub(in crate::report) at: Option<&'a str>,
    patterns: BTreeSet<&'a str>,
}

impl VerdictGroup<'_> {
    /// The patterns by number: ` of pattern 1`, ` of patterns 1 to 3`; empty where it says nothing.
    pub(in crate::report) fn of_patterns(&self, numbers: &BTreeMap<&str, usize>) -> String {
        let known: Vec<usize> = self.patterns.iter().filter_map(|id| numbers.get(id).copied()).collect();
        match known.len() {
            0 => String::new(),
            all if all == numbers.len() && all > 1 => format!(" of all {all} patterns"),
            1 => format!(" of pattern {}", known[0]),
            _ => format!(" of patterns {}", ranges(&known)),
        }
    }

    /// Whose verdicts they are: the one name, or how many.
    pub(in crate::report) fn names(&self) -> String {
        let check = self.example;
        match self.count {
            1 => format!("{}{}", if check.wildcard { "*." } else { "" }, check.name),
            count => counted(count, "name"),
        }
    }

    /// One of several names.
    pub(in crate::report) fn such_as(&self) -> Option<String> {
        let check = self.example;
        (self.count > 1).then(|| format!("{}{}", if check.wildcard { "*." } else { "" }, check.name))
    }

    /// The reason with its level: `at net: the lookup failed: no answer within 5000 ms`.
    pub(in crate::report) fn because(&self) -> String {
        let only = self.example.decided_at.as_deref().filter(|_| self.count == 1);
        match self.at.or(only) {
            Some(level) => format!("at `{level}`: {}", self.example.reason),
            None if self.example.decided_at.is_some() => format!("each at the name itself: {}", self.example.reason),
            None => self.example.reason.clone(),
        }
    }
}

/// Verdicts by all but their names and patterns, worst first, then by number.
pub(in crate::report) fn verdict_groups(report: &Report) -> Vec<VerdictGroup<'_>> {
    type Key<'a> = (&'a str, Option<&'a str>, Option<&'a str>, &'a str, &'a str);
    let mut groups: BTreeMap<Key<'_>, VerdictGroup<'_>> = BTreeMap::new();
    for check in &report.checked {
        // A level that only this name has would make a group of its own of every name.
        let own = check.decided_at.as_deref() == Some(check.name.as_str());
        let at = check.decided_at.as_deref().filter(|_| !own);
        let reason = if own { "" } else { check.reason.as_str() };
        let key = (check.verdict, check.issuer.as_deref(), at, reason, check.br_failure_allowance);
        let group =
            groups.entry(key).or_insert(VerdictGroup { example: check, count: 0, at, patterns: BTreeSet::new() });
        group.count += 1;
        group.patterns.extend(check.pattern.as_deref());
    }
    let mut groups: Vec<VerdictGroup<'_>> = groups.into_values().collect();
    groups.sort_by(|a, b| {
        let rank = |group: &VerdictGroup<'_>| verdict_rank(group.example.verdict);
        rank(b).cmp(&rank(a)).then(b.count.cmp(&a.count)).then_with(|| a.example.name.cmp(&b.example.name))
    });
    groups
}

/// What the Baseline Requirements say of going on after a failed lookup; empty where nothing failed.
pub(in crate::report) fn allowance(word: &str) -> &'static str {
    match word {
        "possible" => {
            "the zone is proven to be without DNSSEC, so the Baseline Requirements (4.2.2.1, formerly 3.2.2.8) let a CA go on after a retry; Let's Encrypt does not"
        }
        "forbidden" => {
            "the zone is not proven to be without DNSSEC, so no CA may take the failure for permission (Baseline Requirements 4.2.2.1, formerly 3.2.2.8)"
        }
        _ => "",
    }
}

/// Where a pattern stands in the report, counted from 1, by its id.
pub(in crate::report) fn pattern_numbers(report: &Report) -> BTreeMap<&str, usize> {
    report.patterns.iter().enumerate().map(|(index, pattern)| (pattern.id.as_str(), index + 1)).collect()
}

/// The patterns that a finding concerns: `Pattern 1`, `Patterns 1 to 3`; nothing where it concerns all there are.
pub(in crate::report) fn concerns(ids: &[String], numbers: &BTreeMap<&str, usize>) -> Option<String> {
    let known: Vec<usize> = ids.iter().filter_map(|id| numbers.get(id.as_str()).copied()).collect();
    match known.len() {
        0 => None,
        all if all == numbers.len() => None,
        1 => Some(format!("Pattern {}", known[0])),
        _ => Some(format!("Patterns {}", ranges(&known))),
    }
}

/// When the certificates of a pattern began, by day: `2023-11-20 to 2023-12-21`.
pub(in crate::report) fn seen(pattern: &Pattern) -> Option<String> {
    let day = |time: jiff::Timestamp| time.to_string().chars().take_while(|c| *c != 'T').collect::<String>();
    let (first, last) = (day(pattern.first_seen?), day(pattern.last_seen?));
    Some(if first == last { first } else { format!("{first} to {last}") })
}

/// In which forms the names of a pattern were seen, where wildcards are among them.
pub(in crate::report) fn forms(pattern: &Pattern) -> Option<String> {
    let forms = &pattern.wildcard;
    if forms.wildcard + forms.both == 0 {
        return None;
    }
    let parts: Vec<String> = [
        (forms.both, "both with and without `*.`"),
        (forms.wildcard, "with `*.` only"),
        (forms.bare, "without `*.` only"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(
        |(count, words)| {
            if count == pattern.distinct { words.to_owned() } else { format!("{} {words}", thousands(count)) }
        },
    )
    .collect();
    Some(list(&parts, 3))
}

/// `about 243 new names a week`, where they come that fast.
pub(in crate::report) fn new_names(pattern: &Pattern) -> Option<String> {
    let rate = pattern.per_week.filter(|rate| *rate >= 1.0)?;
    Some(format!("about {rate:.0} new names a week"))
}

/// What the names on one certificate have in common, where that says more than the template: `2,400 certificates hold ...`.
pub(in crate::report) fn shapes(pattern: &Pattern) -> Vec<String> {
    let bare = pattern.template.trim_start_matches("*.");
    let told = |shape: &String| {
        let Some((count, held)) = shape.split_once(": ") else { return Some(shape.clone()) };
        let Ok(count) = count.parse::<u64>() else { return Some(shape.clone()) };
        let plain = held.ends_with(", the same name") || held.trim_start_matches("*.") == bare;
        let verb = if count == 1 { "holds" } else { "hold" };
        (!plain).then(|| format!("{} {verb} {held}", counted(count, "certificate")))
    };
    pattern.shapes.iter().filter_map(told).collect()
}

/// What the lookups came to: levels, queries, what was spared and what a sample stands for.
pub(in crate::report) fn lookups(report: &Report) -> Vec<String> {
    let coverage = &report.coverage;
    let asked = counted(coverage.levels_asked, "level");
    let mut views = report.levels.iter().flat_map(|level| &level.views).peekable();
    let scripted = views.peek().is_some() && views.all(|view| view.transport == crate::caa::Transport::Script);
    let mut facts = vec![if scripted && coverage.queries == 0 {
        format!("{asked} answered by the scenario file, no query sent")
    } else {
        format!("{asked} asked with {}", counted(coverage.queries, "query"))
    }];
    if coverage.levels_inferred > 0 {
        facts.push(format!("{} not asked because the zone's servers were silent", thousands(coverage.levels_inferred)));
    }
    if coverage.sampled > 0 {
        facts.push(format!(
            "{} not climbed because a sample of their pattern stands for them (`--all-names` asks all)",
            counted(coverage.sampled, "name")
        ));
    }
    facts
}
