//! What hangs below the members of a family, looked at together: roles that stand below many members side by side, and
//! values of which each member has one.

use super::columns::WORDS;
use super::grow::{Branch, Row, dedup_from};
use super::population::Member;
use super::settings::Settings;
use super::token::{Kind, Token};
use super::words::is_known_host;

/// How many times as often as the next one a word stands that is a constant below a family.
const HEAVY: usize = 6;

/// Below a family that names end at: words that stand below several of its members are roles, such as `www`.
pub(super) fn roles(branches: &[Branch<'_>], members: &[Member<'_>]) -> Vec<usize> {
    let places: Vec<usize> = branches.iter().map(places).collect();
    let most = places.iter().copied().max().unwrap_or(0);
    let often = |at: &usize| {
        places[*at] >= 3 && 10 * places[*at] >= most && !members[*at].tokens.iter().any(|token| token.kind.is_typed())
    };
    (0..members.len()).filter(often).collect()
}

/// Below a family: a word that stands below most of its members, the next one below hardly any, is no value of a list.
pub(super) fn heavy(branches: &[Branch<'_>], members: &[Member<'_>]) -> Vec<usize> {
    let mut often: Vec<(usize, usize)> = branches.iter().enumerate().map(|(at, branch)| (places(branch), at)).collect();
    often.sort_unstable_by(|a, b| b.cmp(a));
    let all: usize = often.iter().map(|(places, _)| places).sum();
    match often[..] {
        [(most, at), (next, _), ..] if most >= HEAVY * next.max(2) && 5 * most >= 3 * all => {
            let is_typed = members[at].tokens.iter().any(|token| token.kind.is_typed());
            if is_typed { Vec::new() } else { vec![at] }
        }
        _ => Vec::new(),
    }
}

/// How many places of a pooled node a label stands at.
fn places(branch: &Branch<'_>) -> usize {
    let mut places: Vec<&str> = branch.rows.iter().map(Row::place).collect();
    places.sort_unstable();
    places.dedup();
    places.len()
}

/// Below a family: words that stand below many of its members, five or more of them about equally often.
pub(super) fn values(branches: &[Branch<'_>], members: &[Member<'_>], settings: &Settings) -> Option<Vec<usize>> {
    let is_word = |member: &Member<'_>| {
        matches!(member.tokens[..], [Token { kind: Kind::Word, .. }])
            && !settings.keep.iter().any(|keep| keep == member.label)
    };
    let words: Vec<usize> = (0..members.len()).filter(|&at| is_word(&members[at])).collect();
    let mut often: Vec<usize> = words.iter().map(|&at| places(&branches[at])).filter(|&places| places >= 2).collect();
    often.sort_unstable();
    let even = often.last().is_some_and(|most| *most <= 5 * often[often.len() / 2]);
    let known = words.iter().filter(|&&at| is_known_host(members[at].label)).count();
    let others =
        members.iter().filter(|member| member.tokens.len() > 1 || member.tokens[0].kind == Kind::Mixed).count();
    let open = others >= 2 && 8 * others >= words.len();
    let services = often.len() >= 2 && words.len() >= 6 && 10 * known >= 7 * words.len();
    let closed = (5..=WORDS).contains(&often.len()) && 2 * often.len() >= words.len() || services;
    if words.len() == members.len() && (3..=WORDS).contains(&words.len()) {
        let mut places: Vec<usize> = branches.iter().map(places).collect();
        places.sort_unstable();
        let (all, most): (usize, usize) = (places.iter().sum(), places[places.len() - 1]);
        // A few words below a member or two each are no lines of their own.
        let thin = most < 4 && words.len() <= 4;
        let values = all >= 2 * words.len() && most <= 4 * places[places.len() / 2] && stand_apart(branches);
        let letters = words.iter().all(|&at| members[at].label.len() == 1) && places[0] > 1;
        if thin || values || letters {
            return Some(words);
        }
    }
    (closed && !open && words.len() <= 60 && even).then_some(words)
}

/// Whether hardly two of the labels below a family stand below one member: one value each, where roles stand together.
fn stand_apart(branches: &[Branch<'_>]) -> bool {
    let mut members: Vec<&str> = Vec::new();
    for branch in branches {
        let first = members.len();
        let above = |row: &Row<'_>| row.place().trim_start_matches('.')[branch.label.len()..].len();
        members.extend(branch.rows.iter().map(|row| &row.place()[row.place().len() - above(row)..]));
        members[first..].sort_unstable();
        dedup_from(&mut members, first);
    }
    let all = members.len();
    members.sort_unstable();
    members.dedup();
    2 * all <= 3 * members.len()
}
