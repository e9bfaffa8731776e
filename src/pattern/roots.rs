//! The names of one root side by side in memory, and the sample to learn from.

use std::collections::HashMap;

use super::hash::{self, MixBuilder};
use super::octets::Octets;
use super::rooted::{NameRow, RootRow};
use super::settings::Settings;
use super::words;

/// Sampled names of one root at most; with more skeletons, fewer names of each.
const SAMPLED: usize = 2048;

/// The names of one root that are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'s> {
    root: &'s RootRow,
    pub(super) rows: &'s [NameRow],
}

impl<'s> Names<'s> {
    pub(super) fn of(root: &'s RootRow) -> Self {
        Self { root, rows: &root.names }
    }

    /// The part left of the root without the dot, empty for the root itself.
    pub(super) fn left(&self, at: u32) -> &'s str {
        self.root.left(&self.rows[at as usize])
    }

    /// When a name was seen; see [`RootRow::times`].
    pub(super) fn times(&self, at: u32) -> (i64, i64) {
        self.root.times(at as usize)
    }

    /// The positions of the names.
    pub(super) fn positions(&self) -> impl Iterator<Item = u32> + use<'s> {
        self.rows.iter().zip(0..).filter(|(row, _)| row.kept()).map(|(_, at)| at)
    }

    /// The names to learn from: of each skeleton those with the smallest hashes.
    pub(super) fn sample(&self, among: &[u32], settings: &Settings) -> Vec<Sampled<'s>> {
        let mut skeletons: HashMap<u64, Kept, MixBuilder> = HashMap::default();
        for &at in among {
            let kept = skeletons.entry(skeleton(self.left(at))).or_default();
            kept.add(self.rows[at as usize].hash, at, settings.sample);
        }
        // Of too many skeletons, those with the smallest keys.
        let mut kept: Vec<(u64, Kept)> = skeletons.into_iter().collect();
        kept.sort_unstable_by_key(|(key, _)| *key);
        kept.truncate(SAMPLED);
        let each = fair_share(kept.iter().map(|(_, kept)| kept.seen), settings.sample);
        let mut chosen = Vec::new();
        for (_, mut kept) in kept {
            kept.rows.sort_unstable();
            kept.rows.truncate(each);
            #[expect(clippy::cast_precision_loss, reason = "a share")]
            let weight = kept.seen as f64 / kept.rows.len() as f64;
            chosen.extend(kept.rows.into_iter().map(|(_, at)| Sampled { left: self.left(at), weight }));
        }
        chosen
    }
}

/// How many names of each skeleton fit into the sample, where those with fewer leave their share to the others.
fn fair_share(counts: impl Iterator<Item = u64>, most: usize) -> usize {
    let mut counts: Vec<usize> = counts.map(|count| usize::try_from(count).unwrap_or(usize::MAX)).collect();
    counts.sort_unstable();
    let mut left = SAMPLED;
    for (at, &count) in counts.iter().enumerate() {
        let share = left / (counts.len() - at);
        if count > share || count >= most {
            return share.clamp(1, most);
        }
        left -= count;
    }
    most
}

/// A name to learn from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sampled<'a> {
    /// The part left of the root.
    pub(super) left: &'a str,
    /// Names it stands for, itself included.
    pub(super) weight: f64,
}

/// The names of one skeleton with the smallest hashes.
#[derive(Debug)]
struct Kept {
    rows: Vec<(u64, u32)>,
    /// Names with this hash or a larger one are none of them.
    limit: u64,
    seen: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Self { rows: Vec::new(), limit: u64::MAX, seen: 0 }
    }
}

impl Kept {
    fn add(&mut self, hash: u64, at: u32, most: usize) {
        self.seen += 1;
        if hash >= self.limit {
            return;
        }
        self.rows.push((hash, at));
        if self.rows.len() >= 2 * most {
            let (_, &mut (limit, _), _) = self.rows.select_nth_unstable(most);
            self.limit = limit;
            self.rows.truncate(most);
        }
    }
}

/// The context-free key of a name: letters, digits or both between separators, which come first and whether they take
/// turns, and the width of what is long. No tokens; eight octets at a time.
fn skeleton(left: &str) -> u64 {
    let mut key = u64::from(!left.contains('.') && words::is_known_host(left));
    let mut part = Part::default();
    for chunk in left.as_bytes().chunks(64) {
        let classes = Octets::of_octets(chunk);
        let mut start = 0;
        for at in classes.separators() {
            part.add(classes.part(start, at));
            key = hash::mix(part.key(key), u64::from(chunk[at]));
            (part, start) = (Part::default(), at + 1);
        }
        part.add(classes.part(start, chunk.len()));
    }
    part.key(key)
}

/// What stands between two separators.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    len: usize,
    /// How often letters and digits take turns.
    turns: u32,
    begins_with_digit: bool,
    ends_with_digit: bool,
}

impl Part {
    /// Adds octets without a separator.
    fn add(&mut self, octets: Octets) {
        let Some(last) = octets.len().checked_sub(1) else { return };
        if self.len == 0 {
            self.begins_with_digit = octets.is_digit(0);
        } else {
            self.turns += u32::from(self.ends_with_digit != octets.is_digit(0));
        }
        self.turns += octets.turns();
        self.ends_with_digit = octets.is_digit(last);
        self.len += octets.len();
    }

    /// The key with this part.
    fn key(self, key: u64) -> u64 {
        let Self { len, turns, begins_with_digit, .. } = self;
        let width = if len > 12 { len as u64 } else { 0 };
        let part = width << 8 | u64::from(turns.min(2)) << 1 | u64::from(begins_with_digit) | 1 << 16;
        if len == 0 { key } else { hash::mix(key, part) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skeletons_of_few_names_leave_their_share_to_the_others() {
        let few = std::iter::repeat_n(1, 1000);
        assert_eq!(fair_share(few.clone().chain([87, 500]), 64), 64);
        assert_eq!(fair_share(few.chain(std::iter::repeat_n(500, 100)), 64), 10);
        assert_eq!(fair_share(std::iter::repeat_n(9, SAMPLED), 64), 1);
        assert_eq!(fair_share([3, 5].into_iter(), 64), 64);
    }
}
