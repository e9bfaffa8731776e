//! The names of one root side by side, and which of them are kept when there are too many.

use std::collections::BinaryHeap;

use super::observation::NameIndex;

pub(super) const BARE: u8 = 1;
pub(super) const WILDCARD: u8 = 2;
/// Times of which nothing is known: no minimum and no maximum yet.
pub(super) const NEVER: (i64, i64) = (i64::MAX, i64::MIN);
/// The name fell out of the sample of its root.
const DROPPED: u8 = 4;

/// What is known of one distinct name, beside the others of its root.
#[derive(Debug, Clone)]
pub(super) struct NameRow {
    pub(super) hash: u64,
    /// Where its text starts in that of the root.
    start: u32,
    pub(super) name: NameIndex,
    pub(super) rows: u32,
    octets: u8,
    pub(super) seen: u8,
}

impl NameRow {
    /// Whether the name did not fall out of the sample of its root.
    pub(super) fn kept(&self) -> bool {
        self.seen & DROPPED == 0
    }
}

/// One root, its names side by side, and what fell out of its sample.
#[derive(Debug, Clone)]
pub(super) struct RootRow {
    pub(super) text: String,
    /// The texts of its names.
    names_text: String,
    /// Its names in order of their first row, with those that were dropped.
    pub(super) names: Vec<NameRow>,
    /// By name, from when to when it was seen; of a plain list nothing is known, and nothing is kept.
    times: Vec<(i64, i64)>,
    /// How many of them are kept.
    pub(super) kept: usize,
    pub(super) rows: u64,
    /// Rows of names that are kept.
    pub(super) kept_rows: u64,
    /// Names kept have a hash below this.
    pub(super) threshold: u64,
    /// The kept names of a root at its limit, largest hash first.
    crowded: Option<BinaryHeap<(u64, u32)>>,
}

impl RootRow {
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            names_text: String::new(),
            names: Vec::new(),
            times: Vec::new(),
            kept: 0,
            rows: 0,
            kept_rows: 0,
            threshold: u64::MAX,
            crowded: None,
        }
    }

    /// The text of one of its names.
    pub(super) fn name(&self, row: &NameRow) -> &str {
        &self.names_text[row.start as usize..row.start as usize + usize::from(row.octets)]
    }

    /// The part of a name left of the root without the dot, empty for the root itself.
    pub(super) fn left(&self, row: &NameRow) -> &str {
        let text = self.name(row);
        &text[..text.len().saturating_sub(self.text.len() + 1)]
    }

    /// When the first and the last certificate of a name began, Unix seconds; [`NEVER`] where that is not known.
    pub(super) fn times(&self, at: usize) -> (i64, i64) {
        self.times.get(at).copied().unwrap_or(NEVER)
    }

    /// Widens the time in which a name was seen.
    pub(super) fn widen(&mut self, at: usize, (first, last): (i64, i64)) {
        if (first, last) == NEVER {
            return;
        }
        if self.times.len() <= at {
            self.times.resize(at + 1, NEVER);
        }
        let times = &mut self.times[at];
        *times = (times.0.min(first), times.1.max(last));
    }

    /// Adds a name that is not here.
    pub(super) fn push(&mut self, index: NameIndex, name: &str, hash: u64, (seen, rows): (u8, u32)) {
        self.names.push(NameRow {
            hash,
            start: u32::try_from(self.names_text.len()).expect("the names under one root are bounded"),
            name: index,
            rows,
            octets: u8::try_from(name.len()).expect("a name has at most 253 octets"),
            seen,
        });
        self.names_text.push_str(name);
        self.kept += 1;
    }

    /// The kept name with the largest hash, when the last one made them too many; names to come need a smaller hash.
    pub(super) fn one_too_many(&mut self) -> Option<u32> {
        let (names, count) = (&self.names, u32::try_from(self.names.len()).expect("fewer than 2^31 names"));
        let kept = (0..count).filter(|&at| names[at as usize].kept());
        let mut rows = kept.map(|at| (names[at as usize].hash, at));
        let heap = match &mut self.crowded {
            Some(heap) => {
                heap.extend(rows.next_back());
                heap
            }
            none => none.insert(rows.collect()),
        };
        let (hash, at) = heap.pop()?;
        self.threshold = hash;
        Some(at)
    }

    /// Lowers the threshold; the names that are above it now.
    pub(super) fn above(&mut self, threshold: u64) -> Vec<u32> {
        self.threshold = self.threshold.min(threshold);
        self.crowded = None;
        let rows = self.names.iter().zip(0..);
        rows.filter(|(row, _)| row.kept() && row.hash >= threshold).map(|(_, at)| at).collect()
    }

    /// Drops a name.
    pub(super) fn drop_name(&mut self, at: u32) {
        let name = &mut self.names[at as usize];
        name.seen |= DROPPED;
        self.kept -= 1;
        self.kept_rows -= u64::from(name.rows);
    }
}
