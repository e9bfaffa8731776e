//! What it costs to tell the texts of a column, in bits: the measure by which two readings of the same labels are compared.
//!
//! Codes that are cheap to compute and close to ideal ones; what counts is that the same texts cost the same whatever the
//! reading is, so that only structure makes a difference.

use std::collections::HashMap;

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

/// Bits to spell a text for the first time.
pub(super) fn spell(text: &str) -> f64 {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits > 0 {
        return DIGIT * float(digits) + 1.0 + letters::bits_per_letter(text) * float(text.len() - digits);
    }
    let spelled = letters::bits_per_letter(text) * float(text.len() + 1);
    if spelled > 10.0 && words::is_known_host(text) { 10.0 } else { spelled }
}

/// The distinct texts of a column and how often each stands there.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts<'a> {
    pub(super) of: HashMap<&'a str, usize, MixBuilder>,
    pub(super) rows: usize,
}

impl<'a> Counts<'a> {
    pub(super) fn add(&mut self, text: &'a str) {
        *self.of.entry(text).or_default() += 1;
        self.rows += 1;
    }

    /// Whether all rows hold one text.
    pub(super) fn constant(&self) -> Option<&'a str> {
        (self.of.len() == 1).then(|| self.of.keys().next().copied()).flatten()
    }

    /// Bits to tell a column: listed text by text, or octet by octet.
    pub(super) fn bits(&self) -> f64 {
        self.listed().min(self.even())
    }

    /// What a row costs, by its text.
    pub(super) fn rate(&self) -> Rate<'_, 'a> {
        let rows = float(self.rows);
        let even = self.even() < self.listed();
        let shared = match (even, self.of.len()) {
            (true, _) => entropy(self.widths()),
            (false, 1) => 0.0,
            (false, distinct) => choice(distinct, self.rows),
        };
        Rate { counts: self, even, shared: shared / rows }
    }

    /// Texts that are told once and pointed at afterwards.
    pub(super) fn listed(&self) -> f64 {
        if self.of.len() == 1 {
            return self.of.keys().map(|text| spell(text)).sum();
        }
        let again = |count: usize| float(count - 1) * (float(self.rows) / float(count)).log2();
        choice(self.of.len(), self.rows) + self.of.iter().map(|(text, &count)| spell(text) + again(count)).sum::<f64>()
    }

    /// Bits to tell a column whose texts stand in a list of `known` texts that was told before.
    pub(super) fn pointed(&self, known: usize) -> f64 {
        let again = |count: usize| float(count - 1) * (float(self.rows) / float(count)).log2();
        let first = float(known.max(1)).log2();
        let novel = if self.of.len() == 1 { 0.0 } else { choice(self.of.len(), self.rows) };
        novel + self.of.values().map(|&count| first + again(count)).sum::<f64>()
    }

    /// Texts whose octets are drawn evenly.
    fn even(&self) -> f64 {
        let octets: f64 = self.of.iter().map(|(text, &count)| unit(text) * float(text.len() * count)).sum();
        octets + entropy(self.widths())
    }

    fn widths(&self) -> [usize; 64] {
        let mut widths = [0; 64];
        for (text, count) in &self.of {
            widths[text.len().min(63)] += count;
        }
        widths
    }
}

/// What a row of a column costs, its share of what all rows have in common included.
pub(super) struct Rate<'c, 'a> {
    counts: &'c Counts<'a>,
    even: bool,
    shared: f64,
}

impl Rate<'_, '_> {
    /// Bits of a row that holds `text`.
    pub(super) fn bits(&self, text: &str) -> f64 {
        if self.even {
            return unit(text) * float(text.len()) + self.shared;
        }
        let count = float(self.counts.of.get(text).copied().unwrap_or(1));
        (spell(text) + (count - 1.0) * (float(self.counts.rows) / count).log2()) / count + self.shared
    }
}

/// Bits of an octet of a run of letters, or of digits.
fn unit(run: &str) -> f64 {
    if run.as_bytes()[0].is_ascii_digit() { DIGIT } else { LETTER }
}

impl<'a> FromIterator<&'a str> for Counts<'a> {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        let mut counts = Self::default();
        for text in texts {
            counts.add(text);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_repeat_are_cheaper_than_new_ones_and_noise_is_dearest() {
        let cost = |texts: &[&str]| texts.iter().copied().collect::<Counts>().bits() / float(texts.len());
        let repeated = cost(&["garden", "river", "garden", "river", "river", "garden", "garden", "river"]);
        let words = cost(&["garden", "river", "harvest", "motor", "signal", "panel", "winter", "stone"]);
        let noise = cost(&["qxzkvjwp", "xkcdwqhz", "bvtzqmwr", "jxqkzvhw"]);
        assert!(repeated < 9.0 && words > repeated && noise > words, "{repeated} {words} {noise}");
    }

    #[test]
    fn what_is_always_the_same_costs_nothing_more() {
        let few: Counts = ["app"; 3].into_iter().collect();
        let many: Counts = ["app"; 300].into_iter().collect();
        assert!((few.bits() - many.bits()).abs() < 1e-9);
    }
}
