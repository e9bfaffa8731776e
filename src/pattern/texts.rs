//! The distinct texts of a column of letters and digits, and what each costs as words and numbers.

use std::collections::{BTreeMap, HashMap};

use super::class::{self, Charset};
use super::cost::{self, Counts, Rate, Spelled, float};
use super::hash::{self, MixBuilder};
use super::letters;

/// Bits that one more family of ids must save.
pub(super) const FAMILY: f64 = 40.0;
/// Bits of one more skeleton, and of each run in it. Words, numbers, and words with a number are there anyway.
const SKELETON: f64 = 60.0;
const RUN: f64 = 12.0;
/// Bits of a text told by itself, and of each octet in it.
const LONE: f64 = 12.0;
const LONE_OCTET: f64 = 6.2;
/// Octets of a text that does not by chance have the letters of another one at the same places.
const COUNTED: usize = 7;
/// Letters without digits are noise above this many bits a letter; spoken words cost about 4.0, random letters 5.5.
pub(super) const NOISE: f64 = 4.95;

/// One distinct text of the column.
pub(super) struct Text<'a> {
    pub(super) octets: &'a str,
    pub(super) times: usize,
    /// How many names it stands for.
    pub(super) weight: f64,
    pub(super) charset: Charset,
    /// Mean bits a letter.
    pub(super) letters: f64,
    /// A digit stands before a letter.
    pub(super) scrambled: bool,
    /// What it costs to tell once as words and numbers.
    pub(super) structured: f64,
}

impl<'a> Text<'a> {
    /// A text that no row was counted of yet.
    fn new(octets: &'a str, structured: f64) -> Self {
        let charset = class::charset(octets);
        let letters = letters::bits_per_letter(octets);
        let scrambled = charset & class::DIGITS != 0 && is_scrambled(octets);
        // One text without its like is a name of its own, told octet by octet: it is no witness for a family.
        let structured = structured.min(LONE + LONE_OCTET * float(octets.len()));
        Self { octets, times: 0, weight: 0.0, charset, letters, scrambled, structured }
    }

    /// Whether a digit stands before a letter behind what it begins with.
    pub(super) fn is_scrambled_after(&self, prefix: &str) -> bool {
        self.scrambled && (prefix.is_empty() || is_scrambled(&self.octets[prefix.len()..]))
    }

    /// Whether it is letters only.
    pub(super) fn is_plain(&self) -> bool {
        self.charset & !class::LETTERS == 0
    }
}

/// The runs of letters and of digits of a text.
pub(super) fn runs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.as_bytes().first()?.is_ascii_digit();
        let len = rest.bytes().take_while(|octet| octet.is_ascii_digit() == first).count();
        let (run, tail) = rest.split_at(len);
        rest = tail;
        Some(run)
    })
}

/// How letters and digits take turns: the number of runs and what the first one is.
pub(super) fn skeleton(text: &str) -> (usize, bool) {
    (runs(text).count(), text.as_bytes()[0].is_ascii_digit())
}

/// The distinct texts with what each costs as words and numbers.
pub(super) fn structured<'a>(column: &[(&'a str, f64)]) -> Vec<Text<'a>> {
    let mut groups: BTreeMap<(usize, bool), Vec<(&'a str, f64)>> = BTreeMap::new();
    for &(text, weight) in column {
        groups.entry(skeleton(text)).or_default().push((text, weight));
    }
    let mut texts = Vec::new();
    for ((count, digits_first), group) in groups {
        let rows = group.len();
        let mut columns: Vec<Counts<'a>> = vec![Counts::default(); count];
        let mut cells: Vec<Spelled<'a>> = Vec::with_capacity(rows * count);
        for (text, _) in &group {
            for (column, run) in columns.iter_mut().zip(runs(text)) {
                let cell = Spelled::free(run);
                column.add_run(cell.key, || (run, cost::spell(run)));
                cells.push(cell);
            }
        }
        let price = match (count, digits_first) {
            (1, _) | (2, false) => 0.0,
            (2, true) => FAMILY / 2.0,
            _ => SKELETON + RUN * float(count),
        };
        let shared = price / float(rows) + (float(column.len()) / float(rows)).log2();
        let rates: Vec<Rate<'_, 'a>> = columns.iter().map(Counts::rate).collect();
        let mut distinct: HashMap<&'a str, usize, MixBuilder> = HashMap::default();
        for ((text, weight), cells) in group.into_iter().zip(cells.chunks_exact(count)) {
            let at = *distinct.entry(text).or_insert(texts.len());
            if at == texts.len() {
                let bits: f64 = cells.iter().zip(&rates).map(|(cell, rate)| rate.bits(*cell)).sum();
                texts.push(Text::new(text, bits + shared));
            }
            texts[at].times += 1;
            texts[at].weight += weight;
        }
    }
    count_again(&mut texts);
    texts
}

/// Texts that differ in their digits only are one text and a counter: `emf1pwuc01`, `emf1pwuc02`.
fn count_again(texts: &mut [Text<'_>]) {
    let told = |text: &Text<'_>| text.scrambled && text.octets.len() >= COUNTED;
    // The letters and where the digits are.
    let key = |text: &Text<'_>| {
        let mut masked = [0; 63];
        for (masked, octet) in masked.iter_mut().zip(text.octets.bytes()) {
            *masked = if octet.is_ascii_digit() { b'0' } else { octet };
        }
        hash::hash(&masked[..text.octets.len().min(63)])
    };
    let keys: Vec<u64> = texts.iter().map(|text| if told(text) { key(text) } else { 0 }).collect();
    let mut alike: HashMap<u64, f64, MixBuilder> = HashMap::default();
    for (_, key) in texts.iter().zip(&keys).filter(|(text, _)| told(text)) {
        *alike.entry(*key).or_default() += 1.0;
    }
    for (text, key) in texts.iter_mut().zip(&keys).filter(|(text, _)| told(text)) {
        let digits = text.octets.bytes().filter(u8::is_ascii_digit).count();
        let again = cost::DIGIT * float(digits) + (LONE + LONE_OCTET * float(text.octets.len())) / alike[key];
        text.structured = text.structured.min(again);
    }
}

/// Whether a digit comes before a letter somewhere: no word with a number looks so, but for one before a word: `4you`.
pub(super) fn is_scrambled(text: &str) -> bool {
    has_turn(text) && !is_numbered_word(text)
}

/// Whether a letter follows a digit.
pub(super) fn has_turn(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| pair[0].is_ascii_digit() && pair[1].is_ascii_lowercase())
}

/// Whether a word stands behind a short number: `2gozaklad`, `1awarsztat`.
fn is_numbered_word(text: &str) -> bool {
    let word = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = text.len() - word.len();
    (1..=2).contains(&number)
        && word.len() >= 6
        && word.bytes().all(|octet| octet.is_ascii_lowercase())
        && letters::bits_per_letter(word) < NOISE
}
