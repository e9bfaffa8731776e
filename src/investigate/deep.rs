//! Which levels the zones' own name servers are asked about. Pure.

use super::judge::Lookups;
use super::levels::Selection;
use super::views::is_odd;
use crate::name::{DomainName, NameTree, NodeId};

/// Levels whose name servers are asked because they look odd, at most: many failures mostly have one cause.
pub const SUSPICIOUS: usize = 32;

/// How far the name servers are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Deep {
    /// Never.
    Never,
    /// About levels that fail, disagree or answer without an SOA record.
    #[default]
    Odd,
    /// About every level.
    All,
}

/// The levels to ask the name servers about, towards the TLD first, and how many more look odd but are left out.
#[must_use]
pub fn deep_levels(deep: Deep, tree: &NameTree, selection: &Selection, lookups: &Lookups) -> (Vec<DomainName>, usize) {
    // Where no resolver answers anything the line is the trouble, and every name server would seem dead too.
    let answered = || lookups.values().flatten().any(|(_, lookup)| lookup.rcode.is_some());
    let wanted: Box<dyn Fn(NodeId) -> bool> = match deep {
        Deep::All => Box::new(|_| true),
        Deep::Odd if answered() => Box::new(|level| {
            is_odd(lookups.get(&level).map_or(&[][..], Vec::as_slice).iter().map(|(_, lookup)| lookup))
        }),
        Deep::Odd | Deep::Never => Box::new(|_| false),
    };
    let levels = selection.levels.iter().filter(|level| wanted(**level));
    let mut levels: Vec<DomainName> = levels.map(|&level| tree.domain_name(level)).collect();
    let left_out = if deep == Deep::All { 0 } else { levels.len().saturating_sub(SUSPICIOUS) };
    levels.truncate(levels.len() - left_out);
    (levels, left_out)
}

/// What is told of levels that were left out.
#[must_use]
pub fn left_out_note(left_out: usize) -> Option<String> {
    (left_out > 0)
        .then(|| format!("{left_out} more odd levels were not asked at their name servers; `--deep` asks all"))
}
