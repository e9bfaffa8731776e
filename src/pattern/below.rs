//! What kind of labels hangs below each label of a place, learned over all of them at once.

use std::collections::{BTreeMap, HashMap};

use super::columns::is_word;
use super::form::{Piece, Style};
use super::grow::{Branch, Place};
use super::hash::{self, MixBuilder};
use super::population::{self, Member};
use super::settings::Settings;

/// What most of the labels below a label are, learned from the labels below all of its siblings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Below {
    family: u64,
    /// More than words is in it.
    pub(super) specific: bool,
    /// Names go on below them.
    inner: bool,
}

/// By label of a place: what hangs below it, where that can be told.
pub(super) type Kinds = Vec<Option<Below>>;

/// For the labels that names only go on below: what hangs below each.
pub(super) fn kinds(branches: &[Branch<'_>], settings: &Settings) -> Kinds {
    let is_kept = |label: &str| settings.keep.iter().any(|keep| keep == label);
    let told = |at: &usize| {
        let branch = &branches[*at];
        branch.label.len() <= 24 && branch.is_inner() && !is_kept(branch.label)
    };
    let mut kinds = vec![None; branches.len()];
    let inner: Vec<usize> = (0..branches.len()).filter(told).collect();
    if inner.len() < 2 {
        return kinds;
    }
    let mut all: Vec<&str> = inner.iter().flat_map(|&at| branches[at].children.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    if all.len() < 4 {
        return kinds;
    }
    let members: Vec<Member<'_>> = all.iter().map(|label| Member::new(label, [false; 3], 1.0)).collect();
    let members: Vec<&Member<'_>> = members.iter().collect();
    let mut family_of: HashMap<&str, (u64, bool), MixBuilder> = HashMap::default();
    for (form, found) in population::split(&members, Place::INSIDE, settings) {
        let special = |piece: &Piece| matches!(piece, Piece::Digits | Piece::Opaque { .. } | Piece::Typed(_));
        let codes = || found.len() >= 6 && found.iter().all(|&at| members[at].label.len() == 2);
        let specific = form.style != Style::Slug
            && (form.shapes.iter().any(|shape| shape.pieces.iter().any(special) || shape.variables() >= 2) || codes());
        // Families of the same constant words are of one kind.
        let words = |piece: &Piece| match piece {
            Piece::Const(text) => text.bytes().filter(u8::is_ascii_lowercase).collect(),
            _ => Vec::new(),
        };
        let constant: Vec<u8> = form.shapes[0].pieces.iter().map(words).max_by_key(Vec::len).unwrap_or_default();
        let family = if constant.len() >= 3 {
            hash::hash(&constant)
        } else if specific {
            hash::hash(members[found[0]].label.as_bytes())
        } else {
            0
        };
        family_of.extend(found.into_iter().map(|at| (members[at].label, (family, specific))));
    }
    for at in inner {
        let (rows, children) = (branches[at].rows, &branches[at].children);
        let mut counts: BTreeMap<(u64, bool), usize> = BTreeMap::new();
        for child in children {
            match family_of.get(child) {
                Some(found) => *counts.entry(*found).or_default() += 1,
                None if is_word(child) => *counts.entry((0, false)).or_default() += 1,
                None => {}
            }
        }
        let most = counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)));
        if let Some(((family, specific), _)) = most.filter(|(_, count)| 5 * count >= 3 * children.len()) {
            let deep = rows.iter().filter(|row| row.below.contains('.')).count();
            kinds[at] = Some(Below { family, specific, inner: 2 * deep >= rows.len() });
        }
    }
    kinds
}
