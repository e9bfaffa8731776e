//! The names of one root side by side, and which of them are kept when there are too many.

use std::collections::BinaryHeap;

use hashbrown::HashTable;

use super::observation::NameIndex;

pub(super) const BARE: u8 = 1;
pub(super) const WILDCARD: u8 = 2;
/// Times of which nothing is known: no minimum and no maximum yet.
pub(super) const NEVER: (i64, i64) = (i64::MAX, i64::MIN);
/// The name fell out of the sample of its root.
const DROPPED: u8 = 4;
/// Names that are looked through one by one: most roots have no more.
const FEW: usize = 8;
/// Names that wait together at least, before they are settled.
const WAITING: usize = 1024;

/// What is known of one distinct name, beside the others of its root.
#[derive(Debug, Clone, Copy)]
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
    /// Half a hash and the place of each settled name, once there are more than [`FEW`]: growth, and most that is not
    /// found, then need no look at the names.
    index: HashTable<(u32, u32)>,
    /// The names before this place are settled: no two of them have one text. Those behind it wait.
    settled: usize,
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
            index: HashTable::new(),
            settled: 0,
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

    /// Where a name is, if it is here and does not wait.
    pub(super) fn find(&self, name: &str, hash: u64) -> Option<u32> {
        if self.settled <= FEW {
            let same = |row: &NameRow| row.hash == hash && self.name(row) == name;
            return self.names[..self.settled].iter().position(same).map(place);
        }
        let same = |&(other, at): &(u32, u32)| other == half(hash) && self.name(&self.names[at as usize]) == name;
        self.index.find(spread(half(hash)), same).map(|&(_, at)| at)
    }

    /// Adds a name that is not here, and says where it is.
    pub(super) fn push(&mut self, index: NameIndex, name: &str, hash: u64, (seen, rows): (u8, u32)) -> u32 {
        let at = self.names.len();
        self.write(index, name, hash, (seen, rows));
        self.see(at);
        self.kept += 1;
        place(at)
    }

    /// Settles the name at a place, which is the first one that is not.
    fn see(&mut self, at: usize) {
        self.settled = at + 1;
        let first = match at {
            ..FEW => return,
            FEW => 0,
            _ => at,
        };
        for at in first..=at {
            let half = half(self.names[at].hash);
            self.index.insert_unique(spread(half), (half, place(at)), |&(half, _)| spread(half));
        }
    }

    fn write(&mut self, name: NameIndex, text: &str, hash: u64, (seen, rows): (u8, u32)) {
        if self.names.is_empty() {
            // Of a million roots most have one name.
            self.names.reserve_exact(1);
        }
        self.names.push(NameRow {
            hash,
            start: u32::try_from(self.names_text.len()).expect("the names under one root are bounded"),
            name,
            rows,
            octets: u8::try_from(text.len()).expect("a name has at most 253 octets"),
            seen,
        });
        self.names_text.push_str(text);
    }

    /// Adds one row of a name that may be here already; it waits until as many names do as are settled.
    ///
    /// A look-up in a large table waits for memory. Names that wait are settled root by root, where the table of a root is
    /// at hand.
    pub(super) fn wait(&mut self, name: &str, hash: u64, seen: u8, most: usize) {
        if hash >= self.threshold {
            self.rows += 1;
            return;
        }
        self.write(NameIndex(0), name, hash, (seen, 1));
        if self.names.len() - self.settled >= self.settled.max(WAITING) {
            self.settle(most);
        }
    }

    /// Settles what waits: of one text the first row stays, and a form seen before is no new row. At most so many names
    /// are kept.
    pub(super) fn settle(&mut self, most: usize) {
        let (mut end, mut wasted) = (self.settled, 0);
        if self.names.len() > FEW {
            self.index.reserve(self.names.len() - self.index.len(), |&(half, _)| spread(half));
        }
        for at in self.settled..self.names.len() {
            let row = self.names[at];
            if let Some(known) = self.find(self.name(&row), row.hash) {
                let known = &mut self.names[known as usize];
                let new = u32::from(row.seen & !known.seen != 0);
                self.rows += u64::from(new);
                if known.kept() {
                    self.kept_rows += u64::from(new);
                    known.rows += new;
                    known.seen |= row.seen;
                }
                wasted += usize::from(row.octets);
            } else {
                self.names[end] = row;
                self.see(end);
                end += 1;
                self.kept += 1;
                self.rows += 1;
                self.kept_rows += 1;
            }
        }
        self.names.truncate(end);
        if wasted > 0 {
            self.close_up();
        }
        if self.kept > most {
            let mut hashes: Vec<u64> = self.names.iter().filter(|row| row.kept()).map(|row| row.hash).collect();
            let (_, &mut threshold, _) = hashes.select_nth_unstable(most);
            self.lower(threshold);
        }
    }

    /// Writes the texts anew, without those that no row has.
    fn close_up(&mut self) {
        let mut text = String::with_capacity(self.names.iter().map(|row| usize::from(row.octets)).sum());
        for row in &mut self.names {
            let start = row.start as usize;
            row.start = u32::try_from(text.len()).expect("no longer than it was");
            text.push_str(&self.names_text[start..start + usize::from(row.octets)]);
        }
        self.names_text = text;
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

    /// Lowers the threshold, and drops the names that are not below it.
    pub(super) fn lower(&mut self, threshold: u64) {
        self.threshold = self.threshold.min(threshold);
        self.crowded = None;
        let above = |row: &NameRow| row.kept() && row.hash >= threshold;
        let dropped: Vec<u32> = self.names.iter().zip(0..).filter(|(row, _)| above(row)).map(|(_, at)| at).collect();
        for at in dropped {
            self.drop_name(at);
        }
    }

    /// Drops a name.
    pub(super) fn drop_name(&mut self, at: u32) {
        let name = &mut self.names[at as usize];
        name.seen |= DROPPED;
        self.kept -= 1;
        self.kept_rows -= u64::from(name.rows);
    }
}

/// The form of a name: with `*.` or without.
pub(super) fn form(wildcard: bool) -> u8 {
    if wildcard { WILDCARD } else { BARE }
}

/// The half of a hash that stands in the table.
fn half(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or_default()
}

/// A whole hash of half of one: the table takes its place from the low bits and its tag from the high ones.
fn spread(half: u32) -> u64 {
    u64::from(half).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn place(at: usize) -> u32 {
    u32::try_from(at).expect("fewer than 2^31 names")
}
