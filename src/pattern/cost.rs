//! What it costs to tell the texts of a column, in bits: the measure by which two readings of the same labels are compared.
//!
//! Codes that are cheap to compute and close to ideal ones; what counts is that the same texts cost the same whatever the
//! reading is, so that only structure makes a difference.

use std::collections::HashMap;
use std::hash::Hash;

use super::hash::MixBuilder;
use super::{letters, words};

/// Bits of one decimal digit.
pub(super) const DIGIT: f64 = std::f64::consts::LOG2_10;
/// Bits of one letter drawn evenly.
pub(super) const LETTER: f64 = 4.700_439_718_141_092;

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

/// A text of a column and what it costs to spell it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spelled<'a> {
    pub(super) text: &'a str,
    pub(super) bits: f64,
}

impl<'a> Spelled<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, bits: spell(text) }
    }
}

/// How often each distinct thing stands in a column, by what names it, with the bits to spell it.
#[derive(Debug, Clone)]
pub(super) struct Counts<K> {
    pub(super) of: HashMap<K, (usize, f64), MixBuilder>,
    pub(super) rows: usize,
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self { of: HashMap::default(), rows: 0 }
    }
}

impl<K: Eq + Hash + Copy> Counts<K> {
    pub(super) fn add(&mut self, key: K, spelled: impl FnOnce() -> f64) {
        self.of.entry(key).or_insert_with(|| (0, spelled())).0 += 1;
        self.rows += 1;
    }

    /// What all rows hold.
    pub(super) fn constant(&self) -> Option<K> {
        (self.of.len() == 1).then(|| self.of.keys().next().copied()).flatten()
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
        self.novel() + self.of.values().map(|&(count, spelled)| spelled + self.again(count)).sum::<f64>()
    }

    /// Bits to tell a column whose things stand in a list of `known` that was told before.
    pub(super) fn pointed(&self, known: usize) -> f64 {
        let first = float(known.max(1)).log2();
        self.novel() + self.of.values().map(|&(count, _)| first + self.again(count)).sum::<f64>()
    }
}

impl<'a> Counts<&'a str> {
    /// Bits to tell a column: listed text by text, or octet by octet.
    pub(super) fn bits(&self) -> f64 {
        self.listed().min(self.even())
    }

    /// The same, where it takes so many bits to tell which rows hold something new; the others point at what was told, as
    /// often as it comes again.
    pub(super) fn bits_given(&self, novel: f64) -> f64 {
        let repeats = self.rows - self.of.len();
        let again = |count: usize| if count == 1 { 0.0 } else { entropy_of(count - 1, repeats) };
        let told: f64 = self.of.values().map(|&(count, spelled)| spelled + again(count)).sum();
        (told + novel).min(self.even())
    }

    /// What a row costs, by its text.
    pub(super) fn rate(&self) -> Rate<'_, 'a> {
        let even = self.even() < self.listed();
        let shared = if even { entropy(self.widths()) } else { self.novel() };
        Rate { counts: self, even, shared: shared / float(self.rows) }
    }

    /// Texts whose octets are drawn evenly.
    fn even(&self) -> f64 {
        let octets: f64 = self.of.iter().map(|(text, &(count, _))| unit(text) * float(text.len() * count)).sum();
        octets + entropy(self.widths())
    }

    fn widths(&self) -> [usize; 64] {
        let mut widths = [0; 64];
        for (text, (count, _)) in &self.of {
            widths[text.len().min(63)] += count;
        }
        widths
    }
}

/// What a row of a column costs, its share of what all rows have in common included.
pub(super) struct Rate<'c, 'a> {
    counts: &'c Counts<&'a str>,
    even: bool,
    shared: f64,
}

impl Rate<'_, '_> {
    /// Bits of a row that holds `text`.
    pub(super) fn bits(&self, text: &str) -> f64 {
        if self.even {
            return unit(text) * float(text.len()) + self.shared;
        }
        let (count, spelled) = self.counts.of.get(text).copied().unwrap_or((1, 0.0));
        (spelled + self.counts.again(count)) / float(count) + self.shared
    }
}

/// Bits of an octet of a run of letters, or of digits.
fn unit(run: &str) -> f64 {
    if run.as_bytes()[0].is_ascii_digit() { DIGIT } else { LETTER }
}

impl<'a> FromIterator<Spelled<'a>> for Counts<&'a str> {
    fn from_iter<I: IntoIterator<Item = Spelled<'a>>>(cells: I) -> Self {
        let mut counts = Self::default();
        for cell in cells {
            counts.add(cell.text, || cell.bits);
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
            texts.iter().map(|text| Spelled::new(text)).collect::<Counts<&str>>().bits() / float(texts.len())
        };
        let repeated = cost(&["garden", "river", "garden", "river", "river", "garden", "garden", "river"]);
        let words = cost(&["garden", "river", "harvest", "motor", "signal", "panel", "winter", "stone"]);
        let noise = cost(&["qxzkvjwp", "xkcdwqhz", "bvtzqmwr", "jxqkzvhw"]);
        assert!(repeated < 9.0 && words > repeated && noise > words, "{repeated} {words} {noise}");
    }

    #[test]
    fn what_is_always_the_same_costs_nothing_more() {
        let few: Counts<&str> = ["app"; 3].map(Spelled::new).into_iter().collect();
        let many: Counts<&str> = ["app"; 300].map(Spelled::new).into_iter().collect();
        assert!((few.bits() - many.bits()).abs() < 1e-9);
    }
}
