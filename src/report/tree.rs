//! The levels of a report as a tree from the TLD, cut to a number of lines: notable levels stay, like ones are counted.

use std::collections::{BTreeMap, BTreeSet};

use super::LevelReport;
use super::digest::{State, is_notable, level_words};

/// Siblings without levels below them that say the same: as many are shown, the rest is counted.
const ALIKE: usize = 12;

/// One line of the tree.
pub(super) struct TreeLine<'a> {
    /// For each step from the outermost level to this one: whether another sibling follows. Empty for a TLD.
    pub(super) follows: Vec<bool>,
    /// What stands on it.
    pub(super) node: Node<'a>,
}

/// What a line of the tree shows.
pub(super) enum Node<'a> {
    /// A level.
    Level(&'a LevelReport),
    /// Levels left out at this place: how many, with how many in each state.
    More(u64, BTreeMap<State, u64>),
}

/// Arranges levels, keeping about `most` of them: those that need attention first, then in the order given.
///
/// One-off siblings that say the same are shown once; what is left out is counted where it would stand.
pub(super) fn tree(levels: &[LevelReport], most: usize) -> Vec<TreeLine<'_>> {
    let index: BTreeMap<&str, usize> = levels.iter().enumerate().map(|(at, level)| (level.name.as_str(), at)).collect();
    let parents: Vec<Option<usize>> = levels.iter().map(|level| parent(&level.name, &index)).collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); levels.len()];
    let mut roots = Vec::new();
    for (at, above) in parents.iter().enumerate() {
        match above {
            Some(above) => children[*above].push(at),
            None => roots.push(at),
        }
    }
    let kept = keep(levels, &parents, &children, most);
    let mut lines = Vec::new();
    let drawing = Drawing { levels, children: &children, kept: &kept };
    drawing.siblings(&roots, &[], true, &mut lines);
    lines
}

/// The nearest ancestor that is a level of the report.
fn parent(name: &str, index: &BTreeMap<&str, usize>) -> Option<usize> {
    let mut rest = name;
    while let Some((_, above)) = rest.split_once('.') {
        if let Some(at) = index.get(above) {
            return Some(*at);
        }
        rest = above;
    }
    None
}

fn keep(levels: &[LevelReport], parents: &[Option<usize>], children: &[Vec<usize>], most: usize) -> BTreeSet<usize> {
    let mut seen: BTreeMap<(Option<usize>, bool, String), usize> = BTreeMap::new();
    let mut first_of_kind = Vec::new();
    for (at, level) in levels.iter().enumerate() {
        if !children[at].is_empty() {
            first_of_kind.push(at);
            continue;
        }
        let codes: Vec<&str> = level.causes.iter().map(|cause| cause.code.as_str()).collect();
        let kind = format!("{} {}", level_words(level), codes.join(" "));
        let alike = seen.entry((parents[at], level.stable, kind)).or_default();
        *alike += 1;
        if *alike <= if level.stable { ALIKE } else { 1 } {
            first_of_kind.push(at);
        }
    }
    let notable = first_of_kind.iter().filter(|at| is_notable(&levels[**at]));
    let stable = first_of_kind.iter().filter(|at| levels[**at].stable);
    let mut kept = BTreeSet::new();
    for &at in notable.chain(stable).chain(&first_of_kind) {
        let mut next = Some(at);
        let mut path = Vec::new();
        while let Some(step) = next.filter(|step| !kept.contains(step)) {
            path.push(step);
            next = parents[step];
        }
        if kept.len() + path.len() <= most.max(1) {
            kept.extend(path);
        }
        if kept.len() >= most {
            break;
        }
    }
    kept
}

struct Drawing<'a, 'b> {
    levels: &'a [LevelReport],
    children: &'b [Vec<usize>],
    kept: &'b BTreeSet<usize>,
}

impl<'a> Drawing<'a, '_> {
    /// Writes siblings and all that is closer to the names. Recursion is as deep as names have labels, 127 at most.
    fn siblings(&self, siblings: &[usize], before: &[bool], outermost: bool, lines: &mut Vec<TreeLine<'a>>) {
        let (shown, hidden): (Vec<usize>, Vec<usize>) = siblings.iter().partition(|at| self.kept.contains(at));
        let mut states: BTreeMap<State, u64> = BTreeMap::new();
        let mut stack = hidden;
        while let Some(at) = stack.pop() {
            *states.entry(State::of_level(&self.levels[at])).or_default() += 1;
            stack.extend(&self.children[at]);
        }
        let place = |last: bool| {
            let mut follows = before.to_vec();
            if !outermost {
                follows.push(!last);
            }
            follows
        };
        for (number, &at) in shown.iter().enumerate() {
            let follows = place(number + 1 == shown.len() && states.is_empty());
            lines.push(TreeLine { follows: follows.clone(), node: Node::Level(&self.levels[at]) });
            self.siblings(&self.children[at], &follows, false, lines);
        }
        if !states.is_empty() {
            lines.push(TreeLine { follows: place(true), node: Node::More(states.values().sum(), states) });
        }
    }
}

impl TreeLine<'_> {
    /// The strokes before the name: `│  └─ `, or `|  +- ` in ASCII.
    pub(super) fn strokes(&self, ascii: bool) -> String {
        let (pass, blank, tee, corner) =
            if ascii { ("|  ", "   ", "|- ", "`- ") } else { ("│  ", "   ", "├─ ", "└─ ") };
        let Some((last, before)) = self.follows.split_last() else { return String::new() };
        let mut strokes: String = before.iter().map(|follows| if *follows { pass } else { blank }).collect();
        strokes.push_str(if *last { tee } else { corner });
        strokes
    }
}
