//! Words with an id of one width glued to them: `noded7f3q2`, `angularowcgjs`, `8c1f02eatrial`.
//!
//! No separator says where the word ends, so the column does: cut at the right width, the words repeat and what is left
//! is random. Decided by what is cheaper to tell, as everything is.

use std::collections::{HashMap, HashSet};

use super::class;
use super::cost::{self, Counts, float};
use super::hash::{self, MixBuilder};
use super::texts::{self, Text};

/// Widths of an id that are tried.
const WIDTHS: std::ops::RangeInclusive<usize> = 3..=12;
/// Letters of a word at least.
const WORD: usize = 2;
/// Texts that a word must stand in to be one.
const OFTEN: usize = 2;
/// Texts with a letter behind a digit that a column must have, and texts that are so built.
const TURNS: usize = 5;
const BUILT: usize = 10;
/// Bits that such a reading must save.
const READING: f64 = 80.0;

/// Words and where the id stands beside them.
#[derive(Debug, Default)]
pub(super) struct Glued<'a> {
    words: HashSet<&'a str, MixBuilder>,
    width: usize,
    /// The word stands before the id.
    word_first: bool,
}

impl<'a> Glued<'a> {
    /// Looks at the texts of a column: letters and digits only, with repeats, and how many names each stands for.
    pub(super) fn of(column: &[(&'a str, f64)]) -> Self {
        let long = || column.iter().map(|(text, _)| *text).filter(|text| text.len() >= WORD + WIDTHS.start());
        if long().filter(|text| texts::has_turn(text)).take(TURNS).count() < TURNS {
            return Self::default();
        }
        // Half of the rows at least, before anything is priced: of most columns no reading is left.
        let rows = long().count();
        let can_be = |&(width, first): &(usize, bool)| {
            2 * long().filter(|text| split(text, width, first).is_some()).count() >= rows
        };
        let readings: Vec<(usize, bool)> =
            WIDTHS.flat_map(|width| [(width, true), (width, false)]).filter(can_be).collect();
        if readings.is_empty() {
            return Self::default();
        }
        let mut texts = texts::structured(column);
        texts.retain(|text| text.octets.len() >= WORD + WIDTHS.start());
        texts.sort_unstable_by_key(|text| text.octets);
        let read = |(width, word_first)| reading(&texts, width, word_first);
        let best = readings.into_iter().filter_map(read).max_by(|a, b| a.0.total_cmp(&b.0));
        best.map(|(_, glued)| glued).unwrap_or_default()
    }

    /// The two parts of a text of the column that is so built, and whether the first one is the word.
    pub(super) fn cut(&self, text: &'a str) -> Option<(&'a str, &'a str, bool)> {
        let (one, other) = split(text, self.width, self.word_first)?;
        let word = if self.word_first { one } else { other };
        self.words.contains(word).then_some((one, other, self.word_first))
    }
}

/// The parts of a text with an id of this width at one end.
fn split(text: &str, width: usize, word_first: bool) -> Option<(&str, &str)> {
    let at = if word_first { text.len().checked_sub(width)? } else { width };
    let (one, other) = text.split_at_checked(at)?;
    let word = if word_first { one } else { other };
    (word.len() >= WORD && word.bytes().all(|octet| octet.is_ascii_lowercase())).then_some((one, other))
}

/// What one reading of the column saves, where it can be told.
fn reading<'a>(texts: &[Text<'a>], width: usize, word_first: bool) -> Option<(f64, Glued<'a>)> {
    let parts = |text: &Text<'a>| {
        let (one, other) = split(text.octets, width, word_first)?;
        Some(if word_first { (one, other) } else { (other, one) })
    };
    let mut times: HashMap<&str, usize, MixBuilder> = HashMap::default();
    for (word, _) in texts.iter().filter_map(parts) {
        *times.entry(word).or_default() += 1;
    }
    let is_built = |text: &&Text<'a>| parts(text).is_some_and(|(word, _)| times[word] >= OFTEN);
    let built: Vec<&Text<'a>> = texts.iter().filter(is_built).collect();
    // Most of the column, or words with a few letters in common would do.
    if built.len() < BUILT || 3 * built.len() < 2 * texts.len() {
        return None;
    }
    let mut words = Counts::default();
    for (word, _) in built.iter().filter_map(|text| parts(text)) {
        words.add_run(hash::hash(word.as_bytes()), || (word, cost::spell(word)));
    }
    let ids: Vec<&str> = built.iter().filter_map(|text| parts(text)).map(|(_, id)| id).collect();
    // One word before all ids is a constant that they begin with; one behind them is told here only.
    let lone = words.of.len() == 1;
    if lone && word_first || !are_random(&built, &ids) {
        return None;
    }
    let told = words.listed() + float(width * built.len()) * octet_bits(ids.iter().copied()) + READING;
    // As one id, which can begin or end with what all have in common.
    let shared = if lone { 0 } else { shared_end(&built, word_first) };
    let octet = octet_bits(built.iter().map(|text| text.octets));
    let otherwise = |text: &&Text<'a>| text.structured.min(octet * float(text.octets.len() - shared));
    let saved = built.iter().map(otherwise).sum::<f64>() - told;
    if saved <= 0.0 {
        return None;
    }
    let known: HashSet<&str, MixBuilder> = words.of.iter().map(|word| word.text).collect();
    let rare = rare_words(texts.iter().filter_map(parts), &known, &ids, built.len());
    Some((saved, Glued { words: known.into_iter().chain(rare).collect(), width, word_first }))
}

/// Words that stand too seldom to repeat: where what is left has the look of an id, and as many others as chance explains.
fn rare_words<'a>(
    all: impl Iterator<Item = (&'a str, &'a str)>,
    known: &HashSet<&'a str, MixBuilder>,
    ids: &[&str],
    built: usize,
) -> Vec<&'a str> {
    let alphabet = ids.iter().fold(0, |seen, id| seen | class::charset(id));
    let longest = known.iter().map(|word| word.len()).max().unwrap_or(0);
    let shortest = known.iter().map(|word| word.len()).min().unwrap_or(0);
    let fits = |(word, id): &(&str, &str)| {
        (shortest..=longest).contains(&word.len()) && class::charset(id) & !alphabet == 0 && !known.contains(word)
    };
    let (turning, others): (Vec<_>, Vec<_>) = all.filter(fits).partition(|(_, id)| texts::has_turn(id));
    if 8 * turning.len() > built {
        return Vec::new();
    }
    let plain = plain_chance(ids);
    let expected = float(turning.len()) * plain / (1.0 - plain).max(0.05);
    let chance = !turning.is_empty() && float(others.len()) <= 3.0 * expected + 1.0;
    let others = others.into_iter().filter(|_| chance);
    turning.into_iter().chain(others).map(|(word, _)| word).collect()
}

/// Bits of one octet of texts drawn evenly from the characters that are seen in them.
fn octet_bits<'t>(texts: impl Iterator<Item = &'t str>) -> f64 {
    f64::from(texts.fold(0, |seen, text| seen | class::charset(text)).count_ones().max(1)).log2()
}

/// How many octets all texts have in common at the end where their words stand.
fn shared_end(texts: &[&Text<'_>], first: bool) -> usize {
    let one = texts[0].octets.as_bytes();
    let shared = |text: &&Text<'_>| {
        let other = text.octets.as_bytes();
        if first {
            one.iter().zip(other).take_while(|(a, b)| a == b).count()
        } else {
            one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count()
        }
    };
    texts.iter().map(shared).min().unwrap_or(0)
}

/// Whether as many ids have a letter behind a digit as chance lets expect.
fn are_random(built: &[&Text<'_>], ids: &[&str]) -> bool {
    let turning: f64 = built.iter().zip(ids).filter(|(_, id)| texts::has_turn(id)).map(|(text, _)| text.weight).sum();
    let all: f64 = built.iter().map(|text| text.weight).sum();
    digit_share(ids) > 0.05 && turning >= 0.6 * (1.0 - plain_chance(ids)) * all
}

fn digit_share(ids: &[&str]) -> f64 {
    let digits: usize = ids.iter().map(|id| id.bytes().filter(u8::is_ascii_digit).count()).sum();
    float(digits) / float(ids.iter().map(|id| id.len()).sum())
}

/// The chance of letters first, then digits: all splits together.
fn plain_chance(ids: &[&str]) -> f64 {
    let (share, width) = (digit_share(ids), ids[0].len());
    let power = |base: f64, times: usize| std::iter::repeat_n(base, times).product::<f64>();
    (0..=width).map(|letters| power(1.0 - share, letters) * power(share, width - letters)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts<'a>(texts: &[&'a str]) -> Vec<Option<(&'a str, &'a str)>> {
        let column: Vec<(&str, f64)> = texts.iter().map(|text| (*text, 1.0)).collect();
        let glued = Glued::of(&column);
        texts.iter().map(|text| glued.cut(text).map(|(one, other, _)| (one, other))).collect()
    }

    const NODES: [&str; 16] = [
        "node8x2kq1",
        "noded7f3q2",
        "react7i5h0p",
        "reactsqp1k9",
        "angularowcgjs",
        "angular4vh701",
        "node240177",
        "react0e8j5r",
        "angularicy1mp",
        "nodem9rc7j",
        "reactak5939",
        "angularlqv004",
        "node5h9q0z",
        "angular1yl7p0",
        "reactv6x2j8",
        "nodeb7hjf1",
    ];

    #[test]
    fn a_word_ends_where_the_ids_behind_it_begin() {
        let cut = cuts(&NODES);
        assert!(cut.iter().all(|parts| parts.is_some_and(|(word, id)| word.len() >= 4 && id.len() == 6)), "{cut:?}");
        assert_eq!((cut[4], cut[6]), (Some(("angular", "owcgjs")), Some(("node", "240177"))));
        // The other way round.
        let turned = NODES.map(|text| {
            let word = text.len() - 6;
            format!("{}{}", &text[word..], &text[..word])
        });
        let turned: Vec<&str> = turned.iter().map(String::as_str).collect();
        assert_eq!(cuts(&turned)[4], Some(("owcgjs", "angular")));
    }

    #[test]
    fn one_word_behind_all_ids_is_told_from_them() {
        let ids = [
            "0b066cbe", "f3be73bb", "e24b1ea4", "71d3d677", "788175bc", "000ce8f5", "12109bde", "2555ce3f", "3a5308cc",
            "4a82095d", "c802ba61", "95bffefa",
        ];
        let texts = ids.map(|id| format!("{id}trial"));
        let cut = cuts(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(cut, ids.map(|id| Some((id, "trial"))));
    }

    #[test]
    fn words_with_numbers_compounds_and_plain_ids_are_not_cut() {
        let numbers: Vec<String> =
            (0..30).map(|at| format!("{}{:03}", ["web", "db", "cache"][at % 3], at * 7)).collect();
        let compounds: Vec<String> = ["garten", "praxis", "schule"]
            .iter()
            .flat_map(|one| ["berger", "walter", "huber24", "lang", "mp3shop"].map(|other| format!("{one}{other}")))
            .collect();
        let ids: Vec<String> = NODES.iter().map(|text| format!("k{}", &text[text.len() - 6..])).collect();
        for texts in [numbers, compounds, ids] {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            assert!(cuts(&texts).iter().all(Option::is_none), "{:?}", cuts(&texts));
        }
    }
}
