//! Which widths of a column hold opaque ids rather than words with numbers.
//!
//! A single text rarely tells; a column does: ids of one width have their digits in ever other places.

use std::collections::{BTreeMap, BTreeSet};

use super::letters;

/// The opaque widths of a column, and how far texts without the look of an id are taken in.
#[derive(Debug, Clone, Default)]
pub(super) struct Opaque {
    /// Per width: whether texts of letters only are taken in without a look at their letters, and the letters that all
    /// ids begin with.
    widths: BTreeMap<usize, (Intake, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intake {
    /// As many unlucky texts as chance explains: all are ids.
    All,
    /// More texts of letters than chance explains: only those that look random.
    Random,
}

/// Whether a digit comes before a letter somewhere: no word with a number looks so.
fn is_scrambled(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| pair[0].is_ascii_digit() && pair[1].is_ascii_lowercase())
}

fn changes(text: &str) -> usize {
    text.as_bytes().windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count()
}

/// Where the digits are, as bits.
fn mask(text: &str) -> u64 {
    text.bytes().fold(0, |mask, octet| mask << 1 | u64::from(octet.is_ascii_digit()))
}

/// Whether one text alone is surely an id: long, and with many changes between letters and digits.
pub(super) fn is_surely_opaque(text: &str) -> bool {
    let changes = changes(text);
    (text.len() >= 16 && changes >= 3) || (text.len() >= 10 && changes >= 4) || (text.len() >= 7 && changes >= 5)
}

impl Opaque {
    /// Looks at the distinct texts of a column: letters and digits only.
    pub(super) fn of(texts: &BTreeSet<&str>) -> Self {
        let mut opaque = Self::default();
        let mut by_width: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for text in texts {
            by_width.entry(text.len()).or_default().push(text);
        }
        for (&width, texts) in &by_width {
            let stem = stem(texts);
            let bare: Vec<&str> = texts.iter().filter_map(|text| text.strip_prefix(stem)).collect();
            if is_opaque(&bare, width - stem.len()) {
                let intake = if by_width.len() == 1 { Intake::All } else { intake(&bare, width - stem.len()) };
                opaque.widths.insert(width, (intake, stem.to_owned()));
            }
        }
        opaque.add_range(&by_width);
        opaque
    }

    /// Ids of changing width: too few of each width, enough together.
    fn add_range(&mut self, by_width: &BTreeMap<usize, Vec<&str>>) {
        let looks = |text: &&&str| is_scrambled(text) && changes(text) >= 2;
        let scrambled: Vec<(usize, usize)> = by_width
            .iter()
            .filter(|(width, _)| **width >= 5)
            .map(|(&width, texts)| (width, texts.iter().filter(looks).count()))
            .filter(|&(_, ids)| ids > 0)
            .collect();
        for cluster in scrambled.chunk_by(|a, b| b.0 - a.0 <= 3) {
            let (min, max) = (cluster[0].0, cluster[cluster.len() - 1].0);
            let inside = || by_width.range(min..=max).flat_map(|(_, texts)| texts);
            let ids = cluster.iter().map(|(_, ids)| ids).sum::<usize>();
            let masks: BTreeSet<(usize, u64)> = inside().filter(looks).map(|text| (text.len(), mask(text))).collect();
            if cluster.len() < 2 || ids < 4 || 2 * ids < inside().count() || 2 * masks.len() < ids.min(100) {
                continue;
            }
            for width in min..=max {
                let texts = by_width.get(&width).map(Vec::as_slice).unwrap_or_default();
                self.widths.entry(width).or_insert_with(|| (intake(texts, width), String::new()));
            }
        }
    }

    /// Whether a text of the column is an id and looks like one.
    pub(super) fn takes_scrambled(&self, text: &str) -> bool {
        self.widths.get(&text.len()).is_some_and(|(_, stem)| text.starts_with(stem)) && is_scrambled(text)
    }

    /// Whether a text of the column is an id.
    pub(super) fn takes(&self, text: &str) -> bool {
        let Some((intake, stem)) = self.widths.get(&text.len()) else { return is_surely_opaque(text) };
        let Some(text) = text.strip_prefix(stem.as_str()) else { return false };
        let letters = text.trim_end_matches(|c: char| c.is_ascii_digit());
        is_scrambled(text) || *intake == Intake::All || letters.is_empty() || letters::looks_random(letters)
    }
}

/// The letters that all texts with the look of ids begin with, where there are enough of them.
fn stem<'a>(texts: &[&'a str]) -> &'a str {
    let ids: Vec<&'a str> = texts.iter().copied().filter(|text| is_scrambled(text)).collect();
    let Some(first) = ids.first() else { return "" };
    let shared =
        |text: &&str| first.bytes().zip(text.bytes()).take_while(|(a, b)| a == b && a.is_ascii_lowercase()).count();
    let len = ids.iter().map(shared).min().unwrap_or(0);
    if ids.len() >= 4 && len >= 2 && len + 4 <= first.len() { &first[..len] } else { "" }
}

fn is_opaque(texts: &[&str], width: usize) -> bool {
    let scrambled: Vec<&&str> = texts.iter().filter(|text| is_scrambled(text)).collect();
    let masks: BTreeSet<u64> = scrambled.iter().map(|text| mask(text)).collect();
    let sure = texts.iter().filter(|text| is_surely_opaque(text)).count();
    if sure >= 2 || (sure == 1 && texts.len() <= 2) {
        return true;
    }
    if width < 4 || masks.len() < 2 {
        return false;
    }
    let few = width >= 6 && scrambled.len() >= 2 && 2 * scrambled.len() >= texts.len();
    few || (scrambled.len() >= 3
        && 10 * scrambled.len() >= 3 * texts.len()
        && 3 * masks.len() >= scrambled.len().min(18))
}

/// Whether chance explains the texts that do not look like ids.
fn intake(texts: &[&str], width: usize) -> Intake {
    let scrambled: Vec<&&str> = texts.iter().filter(|text| is_scrambled(text)).collect();
    if scrambled.is_empty() {
        return Intake::All;
    }
    let digits = scrambled.iter().flat_map(|text| text.bytes()).filter(u8::is_ascii_digit).count();
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let (share, ids) = (digits as f64 / (scrambled.len() * width) as f64, scrambled.len() as f64);
    // The chance of letters followed by digits only, all splits together.
    let chance = |from: usize| -> f64 {
        (from..=width)
            .map(|letters| {
                let (letters, digits) =
                    (i32::try_from(letters).unwrap_or(64), i32::try_from(width - letters).unwrap_or(64));
                (1.0 - share).powi(letters) * share.powi(digits)
            })
            .sum()
    };
    let expected = |from| ids * chance(from) / (1.0 - chance(0)).max(0.05);
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let plain = texts.iter().filter(|text| !is_scrambled(text)).count() as f64;
    if plain <= 3.0 * expected(0) + 2.0 { Intake::All } else { Intake::Random }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opaque(texts: &[&str]) -> Opaque {
        Opaque::of(&texts.iter().copied().collect())
    }

    #[test]
    fn a_column_of_ids_takes_its_unlucky_members() {
        let ids = ["k3v9x2ab", "9ab3kd0e", "xk2m4nv8", "abcdefgh", "q7w8e9r1", "m1n2b3v4", "12345678"];
        let column = opaque(&ids);
        assert!(ids.iter().all(|id| column.takes(id)));
        assert!(!column.takes("web") && !column.takes("kenrara12"));
    }

    #[test]
    fn words_with_numbers_are_no_ids() {
        let column = opaque(&["web1", "web2", "app1", "ams12sw034", "fra01sw001", "lhr02sw117", "lhr03sw118"]);
        assert!(!column.takes("web1") && !column.takes("ams12sw034"));
    }

    #[test]
    fn ids_of_changing_width_are_seen_together() {
        let ids = ["7f3a9b0c1", "ab93c8d2e0f1", "9c8b7a6d5e4f3", "0a1b2c3d"];
        let column = opaque(&ids);
        assert!(ids.iter().all(|id| column.takes(id)));
    }
}
