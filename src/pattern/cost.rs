//! What it costs to tell the texts of a column, in bits: the measure by which two readings of the same labels are compared.
//!
//! Codes that are cheap to compute and close to ideal ones; what counts is that the same texts cost the same whatever the
//! reading is, so that only structure makes a difference.

use hashbrown::HashTable;

use super::{hash, letters, words};

/// Bits of one decimal digit.
pub(super) const DIGIT: f64 = std::f64::consts::LOG2_10;
/// Bits of one letter drawn evenly.
pub(super) const LETTER: f64 = 4.700_439_718_141_092;
/// Bits of one letter or digit drawn evenly.
pub(super) const ALPHANUMERIC: f64 = 5.169_925_001_442_312;

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) fn float(count: usize) -> f64 {
    count as f64
}

/// Bits to tell `rows` choices that fall on `part` in so many cases, and elsewhere otherwise.
pub(super) fn choice(part: usize, rows: usize) -> f64 {
    entropy([part, rows - part])
}

/// Bits to tell, row by row, which of several cases it is: `Σ c log2(n / c)`.
pub(super) fn entropy(counts: impl IntoIterator<Item = usize> + Clone) -> f64 {
    let rows: usize = counts.clone().into_iter().sum();
    let bits = |count: usize| float(count) * (float(rows) / float(count)).log2();
    counts.into_iter().filter(|&count| count > 0).map(bits).sum()
}

/// Bits to point `count` times at one of the things that `rows` rows point at.
fn entropy_of(count: usize, rows: usize) -> f64 {
    float(count) * (float(rows) / float(count)).log2()
}

/// Bits to spell a text for the first time.
pub(super) fn spell(text: &str) -> f64 {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits > 0 {
        return DIGIT * float(digits) + 1.0 + letters::bits_per_letter(text) * float(text.len() - digits);
    }
    let spelled = letters::bits_per_letter(text) * float(text.len() + 1);
    if spelled > 10.0 && words::is_known_host(text) { 10.0 } else { spelled }
}

/// A text of a column, what it costs to spell it, and the hash by which it is counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spelled<'a> {
    pub(super) text: &'a str,
    pub(super) bits: f64,
    pub(super) key: u64,
}

impl<'a> Spelled<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { bits: spell(text), ..Self::free(text) }
    }

    /// A text that is not spelled: a separator, an id, a form everybody knows.
    pub(super) fn free(text: &'a str) -> Self {
        Self { text, bits: 0.0, key: hash::hash(text.as_bytes()) }
    }
}

/// A distinct thing of a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted<'a> {
    pub(super) text: &'a str,
    pub(super) count: usize,
    /// Bits to spell it.
    bits: f64,
    /// The hash of the thing.
    key: u64,
}

/// How often each distinct thing stands in a column, in order of first rows. Two things of one hash count as one.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts<'a> {
    pub(super) of: Vec<Counted<'a>>,
    pub(super) rows: usize,
    /// Where a key is, once there are more than [`FEW`].
    index: HashTable<u32>,
}

/// Keys that are looked through one by one: most columns have no more.
const FEW: usize = 12;

impl<'a> Counts<'a> {
    /// Counts a text.
    pub(super) fn add(&mut self, cell: Spelled<'a>) {
        self.add_run(cell.key, || (cell.text, cell.bits));
    }

    /// Counts what has this key, told as a text with its bits when it is new.
    pub(super) fn add_run(&mut self, key: u64, told: impl FnOnce() -> (&'a str, f64)) {
        self.rows += 1;
        if let Some(at) = self.find(key) {
            self.of[at].count += 1;
            return;
        }
        let (text, bits) = told();
        let at = self.of.len();
        if at == self.of.capacity() {
            self.of.reserve(FEW.max(at));
        }
        self.of.push(Counted { text, count: 1, bits, key });
        let of = &self.of;
        let place = |at: usize| u32::try_from(at).expect("fewer things than rows");
        if at == FEW {
            self.index.reserve(4 * FEW, |&at| of[at as usize].key);
            (0..=FEW).for_each(|at| _ = self.index.insert_unique(of[at].key, place(at), |&at| of[at as usize].key));
        } else if at > FEW {
            self.index.insert_unique(key, place(at), |&at| of[at as usize].key);
        }
    }

    fn find(&self, key: u64) -> Option<usize> {
        if self.of.len() <= FEW {
            return self.of.iter().position(|known| known.key == key);
        }
        self.index.find(key, |&at| self.of[at as usize].key == key).map(|&at| at as usize)
    }

    /// What all rows hold.
    pub(super) fn constant(&self) -> Option<&'a str> {
        if let [only] = self.of[..] { Some(only.text) } else { None }
    }

    /// Bits of the rows after the first one of a thing that stands in `count` rows.
    fn again(&self, count: usize) -> f64 {
        if count == 1 { 0.0 } else { float(count - 1) * (float(self.rows) / float(count)).log2() }
    }

    /// Bits to tell which rows hold something new.
    fn novel(&self) -> f64 {
        if self.of.len() == 1 { 0.0 } else { choice(self.of.len(), self.rows) }
    }

    /// Things that are told once and pointed at afterwards.
    pub(super) fn listed(&self) -> f64 {
        self.novel() + self.of.iter().map(|one| one.bits + self.again(one.count)).sum::<f64>()
    }

    /// Bits to tell a column whose things stand in a list of `known` that was told before.
    pub(super) fn pointed(&self, known: usize) -> f64 {
        let first = float(known.max(1)).log2();
        self.novel() + self.of.iter().map(|one| first + self.again(one.count)).sum::<f64>()
    }

    /// Bits to tell a column: listed text by text, or octet by octet.
    pub(super) fn bits(&self) -> f64 {
        self.listed().min(self.even())
    }

    /// The same, where it takes so many bits to tell which rows hold something new; the others point at what was told, as
    /// often as it comes again.
    pub(super) fn bits_given(&self, novel: f64) -> f64 {
        let repeats = self.rows - self.of.len();
        let again = |count: usize| if count == 1 { 0.0 } else { entropy_of(count - 1, repeats) };
        let told: f64 = self.of.iter().map(|one| one.bits + again(one.count)).sum();
        (told + novel).min(self.even())
    }

    /// What a row costs, by its text.
    pub(super) fn rate(&self) -> Rate<'_, 'a> {
        let rows = float(self.rows);
        let even = (self.even() < self.listed()).then(|| entropy(self.widths()) / rows);
        Rate { counts: self, even, novel: self.novel() / rows }
    }

    /// Texts whose octets are drawn evenly.
    fn even(&self) -> f64 {
        let octets: f64 = self.of.iter().map(|one| unit(one.text) * float(one.text.len() * one.count)).sum();
        octets + entropy(self.widths())
    }

    fn widths(&self) -> [usize; 64] {
        let mut widths = [0; 64];
        for one in &self.of {
            widths[one.text.len().min(63)] += one.count;
        }
        widths
    }
}

/// What a row of a column costs, its share of what all rows have in common included.
pub(super) struct Rate<'c, 'a> {
    counts: &'c Counts<'a>,
    /// Where it is cheaper to draw the octets of most texts evenly: bits of the width.
    even: Option<f64>,
    /// Bits to tell whether a listed text is new.
    novel: f64,
}

impl Rate<'_, '_> {
    /// Bits of a row that holds a text of the column.
    pub(super) fn bits(&self, cell: Spelled<'_>) -> f64 {
        let (count, bits) = self.counts.find(cell.key).map_or((1, 0.0), |at| {
            let one = &self.counts.of[at];
            (one.count, one.bits)
        });
        let listed = (bits + self.counts.again(count)) / float(count) + self.novel;
        // A text that comes again and again among others drawn evenly is listed all the same; one bit tells which.
        self.even.map_or(listed, |width| (unit(cell.text) * float(cell.text.len()) + width).min(listed + 1.0))
    }
}

/// Bits of an octet of a run of letters, or of digits.
fn unit(run: &str) -> f64 {
    if run.as_bytes()[0].is_ascii_digit() { DIGIT } else { LETTER }
}

impl<'a> FromIterator<Spelled<'a>> for Counts<'a> {
    fn from_iter<I: IntoIterator<Item = Spelled<'a>>>(cells: I) -> Self {
        let mut counts = Self::default();
        for cell in cells {
            counts.add(cell);
        }
        counts
    }
}

/// Bits of ids: the octets of an alphabet, and the width where it changes.
pub(super) fn id_bits<'a>(texts: impl Iterator<Item = &'a str>) -> f64 {
    let (mut octets, mut widths) = (0, [0_usize; 64]);
    for text in texts {
        octets += text.len();
        widths[text.len().min(63)] += 1;
    }
    5.0 * float(octets) + entropy(widths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_repeat_are_cheaper_than_new_ones_and_noise_is_dearest() {
        let cost = |texts: &[&str]| {
            texts.iter().map(|text| Spelled::new(text)).collect::<Counts<'_>>().bits() / float(texts.len())
        };
        let repeated = cost(&["garden", "river", "garden", "river", "river", "garden", "garden", "river"]);
        let words = cost(&["garden", "river", "harvest", "motor", "signal", "panel", "winter", "stone"]);
        let noise = cost(&["qxzkvjwp", "xkcdwqhz", "bvtzqmwr", "jxqkzvhw"]);
        assert!(repeated < 9.0 && words > repeated && noise > words, "{repeated} {words} {noise}");
    }

    #[test]
    fn what_is_always_the_same_costs_nothing_more() {
        let few: Counts<'_> = ["app"; 3].map(Spelled::new).into_iter().collect();
        let many: Counts<'_> = ["app"; 300].map(Spelled::new).into_iter().collect();
        assert!((few.bits() - many.bits()).abs() < 1e-9);
    }
}
