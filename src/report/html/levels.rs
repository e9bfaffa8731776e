//! The lines of the tree of levels: a letter a view, the name behind its strokes, and what was seen.

use super::page::{Mark, clean, letter};
use crate::report::digest::{self, State, thousands};
use crate::report::tree::{Node, TreeLine};
use crate::report::{LevelReport, idn};

/// Views told in full at one level.
const VIEWS: usize = 16;

pub(super) struct LevelLine {
    pub(super) notable: bool,
    pub(super) states: Vec<Mark>,
    pub(super) strokes: String,
    pub(super) name: String,
    pub(super) full: String,
    pub(super) unicode: Option<String>,
    pub(super) tags: Vec<&'static str>,
    pub(super) names: String,
    pub(super) said: String,
    pub(super) records: Vec<String>,
    /// Code and evidence.
    pub(super) causes: Vec<(&'static str, String)>,
    pub(super) facts: Vec<String>,
}

pub(super) fn level_line(line: &TreeLine<'_>, servers: &[&str]) -> LevelLine {
    let strokes = line.strokes(false);
    match &line.node {
        Node::Level(level) => one_level(level, strokes, servers),
        Node::More(count, states) => LevelLine {
            notable: false,
            states: (0..servers.len().max(1))
                .map(|_| Mark { tone: "", letter: '\u{b7}', words: String::new() })
                .collect(),
            strokes,
            name: String::new(),
            full: String::new(),
            unicode: None,
            tags: Vec::new(),
            names: String::new(),
            said: format!("{} more: {}", thousands(*count), digest::state_counts(states)),
            records: Vec::new(),
            causes: Vec::new(),
            facts: Vec::new(),
        },
    }
}

fn one_level(level: &LevelReport, strokes: String, servers: &[&str]) -> LevelLine {
    let view_at = |server: &&str| {
        let views = level.views.iter().filter(|view| view.server == *server);
        let called = digest::column_words(server);
        match views.max_by_key(|view| State::of_view(level, view)) {
            Some(view) => {
                let words = format!("{called}: {}", digest::view_words(level, view));
                letter(State::of_view(level, view), clean(&words))
            }
            None => letter(State::NotAsked, clean(&format!("{called}: not asked"))),
        }
    };
    let states = match servers {
        [] => vec![letter(State::of_level(level), clean(&digest::level_words(level)))],
        several => several.iter().map(view_at).collect(),
    };
    let tags = [(level.public_suffix, "public suffix"), (!level.stable, "one-off")];
    let records = level.views.iter().find(|view| !view.records.is_empty()).map(|view| view.records.as_slice());
    let notable = digest::is_notable(level);
    let facts = level.views.iter().take(VIEWS).map(|view| clean(&digest::view_facts(level, view)));
    LevelLine {
        notable: notable && State::of_level(level) == State::Failed,
        states,
        strokes,
        name: if level.stable { clean(&level.name) } else { clean(&digest::elided(&level.name, 48, "\u{2026}")) },
        full: clean(&level.name),
        unicode: idn::unicode_form(&level.name),
        tags: tags.into_iter().filter_map(|(there, tag)| there.then_some(tag)).collect(),
        names: if level.names_below > 0 { thousands(level.names_below) } else { String::new() },
        said: clean(&digest::level_words(level)),
        records: records.unwrap_or_default().iter().take(8).map(|record| clean(record)).collect(),
        causes: level.causes.iter().map(|cause| (cause.code.as_str(), clean(&cause.evidence))).collect(),
        facts: if notable { facts.collect() } else { Vec::new() },
    }
}
