//! Every name with what is known of it, for tables that other engines read. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::group::Grouped;
use crate::issuance::Issuances;
use crate::name::{SanId, registered_domain};
use crate::report::parquet::names::{NameRow, Names};
use crate::report::{Checked, LevelReport, Report};

/// What the certificates say of one name.
#[derive(Debug, Clone, Default)]
struct Fact {
    pattern: Option<usize>,
    certificates: u64,
    issuers: BTreeSet<u32>,
    first_seen: Option<i64>,
    last_seen: Option<i64>,
}

/// What certificates and grouping say of every name.
pub struct NameTable(Vec<(SanId, Fact)>);

impl NameTable {
    /// Gathers it, in order of the names.
    #[must_use]
    pub fn new(issued: &Issuances, grouped: &Grouped) -> Self {
        let tree = &issued.tree;
        let at = |name: SanId| 2 * name.node().index() + usize::from(name.wildcard());
        let mut facts = vec![Fact::default(); 2 * tree.len()];
        for issuance in &issued.issuances {
            for &name in &issuance.names {
                let fact = &mut facts[at(name)];
                fact.certificates += 1;
                fact.issuers.extend(issuance.issuer.map(|issuer| issuer.0));
                let begin = issuance.not_before.or(issuance.first_logged.map(|time| time / 1000));
                fact.first_seen = fact.first_seen.into_iter().chain(begin).min();
                fact.last_seen = fact.last_seen.max(begin);
            }
        }
        let mut names: Vec<SanId> = tree.sans().collect();
        names.sort_by(|a, b| (tree.name(a.node()), a.wildcard()).cmp(&(tree.name(b.node()), b.wildcard())));
        let of = |name: SanId| (name, Fact { pattern: grouped.of(name), ..std::mem::take(&mut facts[at(name)]) });
        Self(names.into_iter().map(of).collect())
    }

    /// Writes the table; `issued` is what it was gathered from, and what was looked up and concluded comes from the report
    /// on the same names.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&self, issued: &Issuances, report: &Report, out: impl Write + Send) -> io::Result<()> {
        let states: BTreeMap<&str, &str> =
            report.levels.iter().filter_map(|level| Some((level.name.as_str(), state(level)?))).collect();
        let mut verdicts: BTreeMap<(&str, bool), Vec<&Checked>> = BTreeMap::new();
        for checked in &report.checked {
            verdicts.entry((&checked.name, checked.wildcard)).or_default().push(checked);
        }
        let mut table = Names::new(out)?;
        let tree = &issued.tree;
        for (name, fact) in &self.0 {
            let text = tree.name(name.node());
            let pattern = fact.pattern.and_then(|at| report.patterns.get(at));
            let levels = tree.levels(name.node()).map(|level| tree.name(level));
            let checked = verdicts.get(&(text, name.wildcard())).map_or(&[][..], Vec::as_slice);
            let known = !issued.issuances.is_empty();
            let mut issuers: Vec<&str> =
                fact.issuers.iter().map(|issuer| issued.issuers[*issuer as usize].name.as_str()).collect();
            issuers.sort_unstable();
            table.row(&NameRow {
                name: text,
                wildcard: name.wildcard(),
                root: registered_domain(text),
                pattern: pattern.map(|pattern| pattern.id.as_str()),
                template: pattern.map(|pattern| pattern.template.as_str()),
                certificates: known.then_some(fact.certificates),
                issuers,
                first_seen: fact.first_seen,
                last_seen: fact.last_seen,
                levels: if states.is_empty() {
                    Vec::new()
                } else {
                    levels.map(|level| (level, states.get(level).copied())).collect()
                },
                verdicts: checked
                    .iter()
                    .map(|checked| (checked.issuer.as_deref(), checked.verdict, checked.decided_at.as_deref()))
                    .collect(),
            })?;
        }
        table.finish()
    }
}

/// What the views say of a level, in one word; `None` when nobody was asked.
fn state(level: &LevelReport) -> Option<&'static str> {
    let outcomes: BTreeSet<&'static str> = level.views.iter().map(|view| view.outcome).collect();
    match outcomes.len() {
        0 => None,
        1 => outcomes.first().copied(),
        _ => Some("disagree"),
    }
}
