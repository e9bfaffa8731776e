//! The state of a level in a letter and in words: per view, over all views, and whether a reader should look at it.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{list, thousands};
use crate::caa::Transport;
use crate::report::{LevelReport, Report, View};

/// The views of a level that conclusions rest on; all of them where none could be used.
pub(in crate::report) fn used_views(level: &LevelReport) -> impl Iterator<Item = &View> {
    let none = level.views.iter().all(|view| view.set_aside);
    level.views.iter().filter(move |view| none || !view.set_aside)
}

/// What one view, or all views together, say of a level. Later is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::report) enum State {
    NotAsked,
    Records,
    NoData,
    NxDomain,
    Failed,
}

impl State {
    pub(in crate::report) const ALL: [State; 5] =
        [State::Records, State::NoData, State::NxDomain, State::Failed, State::NotAsked];

    /// What a view says of its level; a TLD that is said not to exist is a failure.
    pub(in crate::report) fn of_view(level: &LevelReport, view: &View) -> Self {
        match (view.outcome, view.class) {
            ("records", _) => Self::Records,
            ("nodata", _) => Self::NoData,
            ("nxdomain", _) if level.depth > 0 => Self::NxDomain,
            (_, Some("not-asked")) => Self::NotAsked,
            _ => Self::Failed,
        }
    }

    /// The worst of all views that count: a CA may meet it.
    pub(in crate::report) fn of_level(level: &LevelReport) -> Self {
        used_views(level).map(|view| Self::of_view(level, view)).max().unwrap_or(Self::NotAsked)
    }

    pub(in crate::report) fn letter(self) -> char {
        match self {
            Self::NotAsked => '-',
            Self::Records => 'R',
            Self::NoData => 'N',
            Self::NxDomain => 'X',
            Self::Failed => 'F',
        }
    }

    pub(in crate::report) fn words(self) -> &'static str {
        match self {
            Self::NotAsked => "not asked",
            Self::Records => "CAA records",
            Self::NoData => "no CAA",
            Self::NxDomain => "no such name",
            Self::Failed => "failed",
        }
    }
}

/// How a failed lookup ended, as people of this field write it: `SERVFAIL`, `timeout`.
pub(in crate::report) fn failure_words(view: &View) -> String {
    match (view.class, &view.rcode) {
        _ if view.outcome == "nxdomain" => "NXDOMAIN".into(),
        (Some("servfail"), _) => "SERVFAIL".into(),
        (Some("refused"), _) => "REFUSED".into(),
        (Some("formerr"), _) => "FORMERR".into(),
        (Some("notimp"), _) => "NOTIMP".into(),
        (Some("rcode") | None, Some(rcode)) => rcode.clone(),
        (Some("network-error"), _) => "network error".into(),
        (Some("malformed"), _) => "unreadable reply".into(),
        (Some("referral"), _) => "referral".into(),
        (Some("alias-loop"), _) => "alias loop".into(),
        (Some(class), _) => class.into(),
        (None, None) => "failed".into(),
    }
}

/// What one view says, in a few words: `failed (timeout)`, `no CAA, no SOA`.
pub(in crate::report) fn view_words(level: &LevelReport, view: &View) -> String {
    match State::of_view(level, view) {
        State::Failed => format!("failed ({})", failure_words(view)),
        state @ (State::NoData | State::NxDomain) if view.soa.is_none() => format!("{}, no SOA", state.words()),
        state => state.words().into(),
    }
}

/// Who a view is: the resolver, or the scenario file that stands for one.
pub(in crate::report) fn server_words(view: &View) -> &str {
    if view.transport == Transport::Script && view.server == "script" { "the scenario file" } else { &view.server }
}

/// One view of one level in full: server, result, what came with it, effort.
pub(in crate::report) fn view_facts(level: &LevelReport, view: &View) -> String {
    let words = view_words(level, view);
    let mut facts = Vec::new();
    if let Some(rcode) = view.rcode.as_ref().filter(|rcode| !words.contains(rcode.as_str())) {
        facts.push(rcode.clone());
    }
    facts.insert(0, words);
    if let Some(soa) = &view.soa {
        facts.push(format!("SOA of {soa}"));
    }
    for ede in &view.ede {
        facts.push(format!("extended error {} {}", ede.code, ede.text).trim_end().to_owned());
    }
    if let Some(word) = view.checking_disabled {
        facts.push(format!("with checking disabled: {word}"));
    }
    if !view.aliases.is_empty() {
        facts.push(format!("alias of {}", list(&view.aliases, 3)));
    }
    if let Some(rtt) = view.rtt_ms.filter(|_| view.transport != Transport::Script) {
        facts.push(format!("{} ms", thousands(rtt)));
    }
    if view.tries > 1 {
        facts.push(format!("{} tries", view.tries));
    }
    if view.set_aside {
        facts.push("left aside".into());
    }
    format!("{}: {}", server_words(view), facts.join(", "))
}

/// What the views say of a level: their common words, or each different one with how many say it, worst first.
pub(in crate::report) fn level_words(level: &LevelReport) -> String {
    let mut words: BTreeMap<(State, String), usize> = BTreeMap::new();
    for view in used_views(level) {
        *words.entry((State::of_view(level, view), view_words(level, view))).or_default() += 1;
    }
    let all = used_views(level).count();
    let mut several: Vec<String> = words
        .iter()
        .rev()
        .map(|((_, words), count)| if all == *count { words.clone() } else { format!("{words} at {count} of {all}") })
        .collect();
    match several.len() {
        0 => State::NotAsked.words().into(),
        1 => several.remove(0),
        _ => several.join("; "),
    }
}

/// How the lookup at a level fails and where: `timeout at resolver A; resolver B gets an answer`.
pub(in crate::report) fn failing_views(level: &LevelReport) -> String {
    let mut failing: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut fine: Vec<&str> = Vec::new();
    for view in used_views(level) {
        match State::of_view(level, view) {
            State::Failed => failing.entry(failure_words(view)).or_default().push(server_words(view)),
            State::NotAsked => {}
            State::Records | State::NoData | State::NxDomain => fine.push(server_words(view)),
        }
    }
    let failed: usize = failing.values().map(Vec::len).sum();
    let mut parts: Vec<String> = Vec::new();
    let one_way = failing.len() == 1;
    for (words, servers) in &failing {
        parts.push(match (fine.is_empty(), one_way, servers.len()) {
            (true, true, 1) => words.clone(),
            (true, true, 2) if distinct(servers).len() == 2 => format!("{words} at both resolvers"),
            (true, true, all) => format!("{words} at all {all} resolvers"),
            _ => format!("{words} at {}", some_of(servers, failed + fine.len())),
        });
    }
    if !fine.is_empty() {
        let verb = if distinct(&fine).len() == 1 { "gets" } else { "get" };
        parts.push(format!("{} {verb} an answer", some_of(&fine, failed + fine.len())));
    }
    parts.join("; ")
}

fn distinct<'a>(servers: &[&'a str]) -> BTreeSet<&'a str> {
    servers.iter().copied().collect()
}

/// Up to three servers by name, more as a share; several lookups of one server as a share too.
fn some_of(servers: &[&str], all: usize) -> String {
    let names: Vec<String> = distinct(servers).into_iter().map(str::to_owned).collect();
    match names.len() {
        1 if servers.len() > 1 => format!("{} ({} of {all} lookups)", names[0], servers.len()),
        1..=3 if names.len() == servers.len() => list(&names, 3),
        _ => format!("{} of {all} lookups", servers.len()),
    }
}

/// Whether views of one level contradict each other, in the outcome or in what came with it.
pub(in crate::report) fn disagrees(level: &LevelReport) -> bool {
    let words: BTreeSet<String> = used_views(level).map(|view| view_words(level, view)).collect();
    words.len() > 1
}

/// `failed`, or `2 failed, 5 no CAA`: worst first.
pub(in crate::report) fn state_counts(states: &BTreeMap<State, u64>) -> String {
    if states.len() == 1 {
        return states.keys().map(|state| state.words()).collect();
    }
    let counts = states.iter().rev().map(|(state, count)| format!("{} {}", thousands(*count), state.words()));
    counts.collect::<Vec<_>>().join(", ")
}

/// Whether a reader should look at the level: it fails, the views differ, or a cause was found.
pub(in crate::report) fn is_notable(level: &LevelReport) -> bool {
    State::of_level(level) == State::Failed || disagrees(level) || !level.causes.is_empty()
}

/// The servers that speak in the views, in order of first appearance; empty when they are more than fit a matrix.
pub(in crate::report) fn view_columns(report: &Report, most: usize) -> Vec<&str> {
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

/// How a server that speaks in the views is called.
pub(in crate::report) fn column_words(server: &str) -> &str {
    if server == "script" { "the scenario file" } else { server }
}
