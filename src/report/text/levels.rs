//! The tree of levels with one letter a view, and the matrix of servers by probes.

use std::borrow::Cow;
use std::io;

use super::page::{Look, Page, Span};
use super::{REST, look};
use crate::report::digest::{self, Health, State, counted, thousands};
use crate::report::tree::{Node, tree};
use crate::report::{LevelReport, Report, idn};

/// Views that fit one column each; with more, one column shows the worst.
const MOST_COLUMNS: usize = 8;

pub(super) fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    if report.levels.iter().all(|level| level.views.is_empty()) {
        return Ok(());
    }
    page.section("LEVELS", "from the TLD to the names")?;
    let legend: Vec<String> = State::ALL.iter().map(|state| format!("{} {}", state.letter(), state.words())).collect();
    page.wrapped("  ", 2, &[(Look::Faint, &legend.join(", "))])?;
    let columns = digest::view_columns(report, MOST_COLUMNS);
    match columns.as_slice() {
        [] => {}
        [one] => page.wrapped("  ", 2, &[(Look::Faint, "as seen by "), (Look::Faint, digest::column_words(one))])?,
        several => {
            let names: Vec<&str> = several.iter().map(|server| digest::column_words(server)).collect();
            page.wrapped("  ", 2, &[(Look::Faint, "letters from left to right: "), (Look::Faint, &names.join(", "))])?;
        }
    }
    for line in tree(&report.levels, page.style().rows * 2) {
        let strokes = line.strokes(page.style().ascii);
        let lead_columns = 4 + columns.len().max(1) + strokes.chars().count();
        match line.node {
            Node::Level(level) => level_lines(level, &columns, &strokes, lead_columns, page)?,
            Node::More(count, states) => {
                let text = format!("{} more: {}", thousands(count), digest::state_counts(&states));
                let lead = format!("  {}  {strokes}", " ".repeat(columns.len().max(1)));
                page.wrapped(&lead, lead_columns, &[(Look::Faint, &text)])?;
            }
        }
    }
    Ok(())
}

fn level_lines(
    level: &LevelReport,
    columns: &[&str],
    strokes: &str,
    hang: usize,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let states: Vec<State> = if columns.is_empty() {
        vec![State::of_level(level)]
    } else {
        columns.iter().map(|server| state_at(level, server)).collect()
    };
    let texts: Vec<String> = states.iter().map(|state| state.letter().to_string()).collect();
    let letters: Vec<Span<'_>> =
        states.iter().zip(&texts).map(|(state, letter)| (look(*state), letter.as_str())).collect();
    let unicode = idn::unicode_form(&level.name).map(|unicode| format!(" ({unicode})")).unwrap_or_default();
    let mut remarks = vec![digest::level_words(level)];
    if level.names_below > 0 {
        remarks.push(counted(level.names_below, "name"));
    }
    if level.public_suffix && level.depth > 0 {
        remarks.push("a public suffix".into());
    } else if !level.stable && level.depth > 0 {
        remarks.push("one-off".into());
    }
    let remarks = format!("  {}", remarks.join("; "));
    let state = look(State::of_level(level));
    // A one-off name with its remark goes on one line if it can.
    let room = page.style().width.saturating_sub(hang + remarks.chars().count());
    let mark = if page.style().ascii { "..." } else { "\u{2026}" };
    let name = if level.stable { Cow::Borrowed(level.name.as_str()) } else { digest::elided(&level.name, room, mark) };
    page.tree_line(&letters, strokes, hang, &[(Look::Name, &name), (Look::Name, &unicode), (state, &remarks)])?;
    let indent = " ".repeat(hang);
    if digest::is_notable(level) {
        let differ = digest::disagrees(level);
        for view in digest::used_views(level).filter(|view| differ || State::of_view(level, view) == State::Failed) {
            let facts = digest::view_facts(level, view);
            // What says no more than the line above need not be said again.
            if differ || !facts.ends_with(&format!(": {}", digest::view_words(level, view))) {
                page.wrapped(&indent, hang + 2, &[(Look::Faint, &facts)])?;
            }
        }
    }
    if let Some(view) = level.views.iter().find(|view| !view.records.is_empty()) {
        for record in view.records.iter().take(6) {
            page.wrapped(&indent, hang + 2, &[(Look::Plain, "CAA "), (Look::Plain, record)])?;
        }
        if view.records.len() > 6 {
            page.wrapped(&indent, hang + 2, &[(Look::Faint, &format!("and {} more records", view.records.len() - 6))])?;
        }
    }
    for cause in &level.causes {
        let hides = if cause.hides_policy { " (may hide a published policy)" } else { "" };
        let evidence = format!(": {}", cause.evidence);
        let spans =
            [(Look::Warn, "! "), (Look::Warn, cause.code.as_str()), (Look::Plain, hides), (Look::Plain, &evidence)];
        page.wrapped(&indent, hang + 2, &spans)?;
    }
    Ok(())
}

fn state_at(level: &LevelReport, server: &str) -> State {
    let views = level.views.iter().filter(|view| view.server == server);
    views.map(|view| State::of_view(level, view)).max().unwrap_or(State::NotAsked)
}

/// What each address of the zones' name servers answered to each probe.
pub(super) fn servers(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    if report.zones.is_empty() {
        return Ok(());
    }
    page.section("SERVERS", "the zones on the way from the root, asked directly")?;
    let rows = page.style().rows;
    for zone in report.zones.iter().take(rows) {
        let remark = format!("  DNSSEC {}; {}", zone.dnssec, counted(zone.servers.len() as u64, "address"));
        page.wrapped("  ", 4, &[(Look::Name, &zone.name), (Look::Plain, &remark)])?;
        let (odd, fine): (Vec<_>, Vec<_>) = digest::matrices(zone).into_iter().partition(digest::Matrix::has_trouble);
        let servers: Vec<String> = zone.servers.iter().map(|s| format!("{} {}", s.name, s.address)).collect();
        if odd.is_empty() && !servers.is_empty() {
            let what = if fine.is_empty() { "" } else { ": every probe got a proper answer" };
            let told = format!("{}{what}", digest::list(&servers, 8));
            page.wrapped("    ", 4, &[(Look::Faint, &told)])?;
        }
        for matrix in odd.iter().take(rows) {
            matrix_lines(matrix, page)?;
        }
        page.more(odd.len().saturating_sub(rows), REST)?;
    }
    page.more(report.zones.len().saturating_sub(rows), REST)
}

/// What each server answered about one name.
fn matrix_lines(matrix: &digest::Matrix<'_>, page: &mut Page<'_>) -> io::Result<()> {
    page.wrapped("    ", 4, &[(Look::Faint, "asked about "), (Look::Name, matrix.name)])?;
    let rows = page.style().rows;
    for (server, cells) in matrix.servers.iter().take(rows) {
        let name = format!("{} {}", server.name, server.address);
        page.wrapped("      ", 8, &[(Look::Name, name.trim())])?;
        let told: Vec<(Look, String)> = matrix
            .probes
            .iter()
            .zip(cells)
            .filter(|(_, words)| !words.is_empty())
            .enumerate()
            .flat_map(|(at, (probe, words))| {
                let look = match digest::health(words) {
                    Health::Fine => Look::Plain,
                    Health::Odd => Look::Warn,
                    Health::Bad => Look::Bad,
                };
                let between = if at == 0 { "" } else { "; " };
                [(Look::Faint, format!("{between}{probe} ")), (look, (*words).to_owned())]
            })
            .collect();
        let spans: Vec<Span<'_>> = told.iter().map(|(look, text)| (*look, text.as_str())).collect();
        page.wrapped("        ", 8, &spans)?;
    }
    page.more(matrix.servers.len().saturating_sub(rows), REST)
}
