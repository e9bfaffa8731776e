//! Which texts of a column are opaque ids rather than words and numbers.
//!
//! Decided by what is cheaper to tell: each text as letters and digits of an alphabet, or as words and numbers of the
//! skeletons (`word number word`) that the column has. Random ids fall into ever other skeletons and repeat no word.

use std::collections::HashSet;

use super::class::{self, Charset};
use super::cost::{self, float};
use super::hash::MixBuilder;
use super::letters;
use super::texts::{FAMILY, NOISE, Text, is_scrambled, runs, skeleton, structured};

/// Bits that one more width of a family of ids must save.
const WIDTH: f64 = 6.0;
/// Octets of a text that can be an id beside others of other widths.
const SCATTERED: usize = 7;

/// The texts of a column that are ids.
#[derive(Debug, Clone, Default)]
pub(super) struct Ids<'a> {
    texts: HashSet<&'a str, MixBuilder>,
}

/// The ids of one width.
struct Width<'a> {
    octets: usize,
    alphabet: Charset,
    saved: f64,
    ids: Vec<&'a str>,
}

impl<'a> Ids<'a> {
    /// Looks at the texts of a column: letters and digits only, with repeats, and how many names each stands for.
    pub(super) fn of(column: &[(&'a str, f64)]) -> Self {
        let scrambled = column.iter().filter(|(text, _)| is_scrambled(text)).count();
        if scrambled < 2 && !may_be_noise(column) {
            return Self::default();
        }
        let mut texts = structured(column);
        texts.sort_unstable_by(|a, b| (a.octets.len(), a.octets).cmp(&(b.octets.len(), b.octets)));
        let all = Letters::of(&texts);
        let widths: Vec<Width<'a>> = texts
            .chunk_by(|a, b| a.octets.len() == b.octets.len())
            .filter_map(|group| ids_of_width(group, noise_limit(all, Letters::of(group))))
            .filter(|width| width.saved > 2.0 * WIDTH)
            .collect();
        let mut found = Self::default();
        for cluster in widths.chunk_by(|a, b| b.octets - a.octets <= 2 + a.octets / 8) {
            let saved: f64 = cluster.iter().map(|width| width.saved - WIDTH).sum();
            if saved <= FAMILY {
                continue;
            }
            found.texts.extend(cluster.iter().flat_map(|width| width.ids.iter().copied()));
            // What stands between the widths and next to them, and is one by its look.
            let (mut low, mut high) = (cluster[0].octets, cluster[cluster.len() - 1].octets);
            let alphabet = cluster.iter().fold(0, |all, width| all | width.alphabet);
            let looks = |text: &Text<'a>| text.scrambled && text.charset & !alphabet == 0 && text.octets.len() >= 5;
            for group in texts.chunk_by(|a, b| a.octets.len() == b.octets.len()) {
                let width = group[0].octets.len();
                let near = width < low && low - width <= 4 || width > high && width - high <= 2 + high / 8;
                if near && cluster.len() > 1 && group.iter().all(looks) {
                    (low, high) = (low.min(width), high.max(width));
                }
            }
            let dear = |text: &Text<'a>| text.structured > cost::ALPHANUMERIC * float(text.octets.len()) - 4.0;
            let inside =
                texts.iter().filter(|text| (low..=high).contains(&text.octets.len()) && looks(text) && dear(text));
            if cluster.len() > 1 {
                found.texts.extend(inside.map(|text| text.octets));
            }
        }
        found.texts.extend(scattered(&texts).into_iter().map(|text| text.octets));
        found
    }

    /// Whether a text of the column is an id.
    pub(super) fn takes(&self, text: &str) -> bool {
        self.texts.contains(text)
    }
}

/// Whether some texts of a column can be letters without sense.
fn may_be_noise(column: &[(&str, f64)]) -> bool {
    let is_plain = |text: &&str| text.len() >= 5 && text.bytes().all(|octet| octet.is_ascii_lowercase());
    let texts = column.iter().map(|(text, _)| *text).filter(is_plain);
    texts.filter(|text| letters::bits_per_letter(text) > NOISE).take(2).count() == 2
}

/// The alphabets that ids are written in, the narrowest first.
const ALPHABETS: [(Charset, f64); 4] = [
    (class::DIGITS | class::HEX_LETTERS, 4.0),
    (class::BASE32, 5.0),
    (class::LETTERS, cost::LETTER),
    (class::DIGITS | class::LETTERS, cost::ALPHANUMERIC),
];

/// The ids among the texts of one width, by the alphabet that saves most.
fn ids_of_width<'a>(texts: &[Text<'a>], limit: f64) -> Option<Width<'a>> {
    let width = texts[0].octets.len();
    if are_counters(texts) {
        return None;
    }
    let prefix = prefix(texts);
    // The characters that were seen, where there are enough of them to tell an alphabet from.
    let seen =
        texts.iter().fold(0, |seen, text| seen | class::charset(&text.octets[text.octets.len().min(prefix.len())..]));
    let symbols = seen.count_ones();
    let own = (texts.len() * width >= 4 * 36 && symbols > 16).then(|| (seen, f64::from(symbols).log2()));
    let candidates = ALPHABETS.iter().copied().chain(own).filter_map(|(alphabet, bits)| {
        let fits = |text: &&Text<'a>| {
            text.octets.starts_with(prefix) && class::charset(&text.octets[prefix.len()..]) & !alphabet == 0
        };
        let fitting: Vec<&Text<'a>> = texts.iter().filter(fits).collect();
        let noise = alphabet == class::LETTERS;
        // Few characters look drawn at random in any abbreviation. What all begin with is no part of the id.
        let enough = if width <= 4 { 4 } else { 2 };
        let scrambled = fitting.iter().filter(|text| text.is_scrambled_after(prefix)).count();
        let numbered =
            |text: &&Text<'a>| text.scrambled || alphabet == class::BASE32 && text.charset & class::DIGITS != 0;
        let missed = texts.iter().filter(numbered).filter(|text| !fits(text)).count();
        if noise && !is_noise(&fitting, limit) || !noise && (scrambled < enough || 10 * missed > scrambled) {
            return None;
        }
        let each = even_bits(&fitting, prefix.len(), bits);
        // As words, letters without sense are spelled.
        let told = |text: &Text<'a>| if noise { cost::spell(text.octets) } else { text.structured };
        let saved = |text: &Text<'a>| (told(text) - each) * float(text.times);
        let all: f64 = fitting.iter().map(|text| saved(text)).sum();
        let by_chance = plain_by_chance(&fitting, width - prefix.len());
        let wordy = |text: &Text<'a>| !text.scrambled && text.letters < limit;
        let some: Vec<&Text<'a>> = fitting.iter().copied().filter(|text| !wordy(text) && saved(text) > -4.0).collect();
        let told = cost::choice(some.len(), texts.len());
        let part = some.iter().map(|text| saved(text)).sum::<f64>() - told;
        let unlucky = fitting.iter().filter(|text| !text.scrambled).count();
        let whole = by_chance && all + 8.0 * float(unlucky + 1) >= part;
        let (saved, ids) = if whole { (all, fitting) } else { (part, some) };
        Some(Width {
            octets: width,
            alphabet: alphabet | class::charset(prefix),
            saved,
            ids: ids.into_iter().map(|text| text.octets).collect(),
        })
    });
    candidates.max_by(|a, b| a.saved.total_cmp(&b.saved))
}

/// Few ids of ever other widths: no width has enough of them to tell, all together have.
fn scattered<'a, 'b>(texts: &'b [Text<'a>]) -> Vec<&'b Text<'a>> {
    let long: Vec<&Text<'a>> = texts.iter().filter(|text| text.octets.len() >= SCATTERED).collect();
    let scrambled: Vec<&Text<'a>> = long.iter().copied().filter(|text| text.scrambled).collect();
    // Texts of one width were looked at together.
    if scrambled.chunk_by(|a, b| a.octets.len() == b.octets.len()).count() < 3 {
        return Vec::new();
    }
    let alphabets = ALPHABETS.iter().copied().filter(|(alphabet, _)| *alphabet != class::LETTERS);
    let candidates = alphabets.filter_map(|(alphabet, bits)| {
        let fits = |text: &&&Text<'a>| text.charset & !alphabet == 0;
        let fitting: Vec<&Text<'a>> = scrambled.iter().filter(fits).copied().collect();
        let others = scrambled.len() - fitting.len();
        // Words of that size in the same alphabet would be ids by chance.
        let plain: Vec<&Text<'a>> = long.iter().filter(|text| !text.scrambled).filter(fits).copied().collect();
        if fitting.len() < 4 || 4 * (others + plain.len()) > fitting.len() || !are_senseless(&fitting) {
            return None;
        }
        let saved = |text: &&Text<'a>| (text.structured - bits * float(text.octets.len())) * float(text.times) - WIDTH;
        let saved = fitting.iter().map(saved).sum::<f64>() - FAMILY;
        // An id whose digits happen to stand last, or first.
        let mixed = plain.into_iter().filter(|text| skeleton(text.octets).0 == 2);
        (saved > 0.0).then(|| (saved, fitting.iter().copied().chain(mixed).collect::<Vec<_>>()))
    });
    candidates.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, ids)| ids).unwrap_or_default()
}

/// Whether the letters between digits spell nothing: short runs of them, or letters in no order of a language.
fn are_senseless(texts: &[&Text<'_>]) -> bool {
    let letters = |run: &&str| run.as_bytes()[0].is_ascii_lowercase();
    let runs: Vec<&str> = texts.iter().flat_map(|text| runs(text.octets)).filter(letters).collect();
    let octets: usize = runs.iter().map(|run| run.len()).sum();
    let bits: f64 = runs.iter().map(|run| letters::bits_per_letter(run) * float(run.len())).sum();
    let hexadecimal = texts.iter().all(|text| text.charset & !(class::DIGITS | class::HEX_LETTERS) == 0);
    let short = hexadecimal && octets <= 3 * runs.len();
    octets >= 8 && (short || bits > NOISE * float(octets))
}

/// Whether all texts have the same letters between their digits: `20260702t084450`, `r5i0n10`.
fn are_counters(texts: &[Text<'_>]) -> bool {
    let letters = |text: &Text<'_>| -> Vec<u8> { text.octets.bytes().filter(u8::is_ascii_lowercase).collect() };
    let mut scrambled = texts.iter().filter(|text| text.scrambled);
    let Some(first) = scrambled.next().map(letters) else { return false };
    scrambled.clone().count() >= 2 && scrambled.all(|text| letters(text) == first)
}

/// What all scrambled texts begin with, where chance does not explain it.
fn prefix<'a>(texts: &[Text<'a>]) -> &'a str {
    let mut scrambled = texts.iter().filter(|text| text.scrambled);
    let Some(first) = scrambled.next().map(|text| text.octets) else { return "" };
    let (mut shared, mut rows) = (first.len(), 1);
    for text in scrambled {
        shared = shared.min(first.bytes().zip(text.octets.bytes()).take_while(|(a, b)| a == b).count());
        rows += 1;
    }
    if rows >= 4 && shared + 3 <= first.len() { &first[..shared] } else { "" }
}

/// The letters of texts that are letters only, four and more of them, and their bits.
#[derive(Debug, Clone, Copy, Default)]
struct Letters {
    count: usize,
    bits: f64,
}

impl Letters {
    fn of(texts: &[Text<'_>]) -> Self {
        let plain = texts.iter().filter(|text| text.octets.len() >= 4 && text.is_plain());
        plain.fold(Self::default(), |all, text| Self {
            count: all.count + text.octets.len(),
            bits: all.bits + text.letters * float(text.octets.len()),
        })
    }
}

/// Bits a letter above which letters of one width are noise: more in a language that is spelled in other ways than English
/// is, as the texts of other widths show.
fn noise_limit(all: Letters, own: Letters) -> f64 {
    let letters = all.count - own.count;
    if letters < 60 { NOISE } else { NOISE.max((all.bits - own.bits) / float(letters) + 0.5) }
}

/// Whether letters alone are noise over all texts: no language is written so.
fn is_noise(texts: &[&Text<'_>], limit: f64) -> bool {
    let plain = || texts.iter().filter(|text| text.octets.len() >= 5);
    let letters: usize = plain().map(|text| text.octets.len()).sum();
    let bits: f64 = plain().map(|text| text.letters * float(text.octets.len())).sum();
    plain().count() >= 4 && bits > limit * float(letters)
}

/// Whether chance explains the texts that are no scrambled ones, were all ids.
fn plain_by_chance(texts: &[&Text<'_>], width: usize) -> bool {
    let scrambled: Vec<&&Text<'_>> = texts.iter().filter(|text| text.scrambled).collect();
    if scrambled.is_empty() {
        return true;
    }
    // The share of digits at each place.
    let mut shares = vec![0.0; width];
    for text in &scrambled {
        let tail = &text.octets.as_bytes()[text.octets.len() - width..];
        for (share, octet) in shares.iter_mut().zip(tail) {
            *share += f64::from(u8::from(octet.is_ascii_digit())) / float(scrambled.len());
        }
    }
    let all = shares.iter().sum::<f64>() / float(width);
    // Few rows say little of one place.
    let weight = float(scrambled.len()) / float(scrambled.len() + 8);
    let placed: Vec<f64> = shares.into_iter().map(|share| weight * share + (1.0 - weight) * all).collect();
    // Letters, then digits: all splits together.
    let plain = |shares: &[f64]| -> f64 {
        let split = |letters: usize| {
            let (before, after) = shares.split_at(letters);
            before.iter().map(|share| 1.0 - share).chain(after.iter().copied()).product::<f64>()
        };
        (0..=width).map(split).sum()
    };
    let chance = plain(&placed).max(plain(&vec![all; width]));
    // A sample has as many of each skeleton: what counts is how many names they stand for.
    let stands_for = |scrambled: bool| -> f64 {
        texts.iter().filter(|text| text.scrambled == scrambled).map(|text| text.weight).sum()
    };
    let expected = stands_for(true) * chance / (1.0 - chance).max(0.05);
    let plain = texts.len() - scrambled.len();
    stands_for(false) <= 3.0 * expected + 2.0 * stands_for(false) / float(plain.max(1))
}

/// Bits of an id of one width, `bits` an octet; fewer where all have a digit, or all have a letter, at one place.
fn even_bits(texts: &[&Text<'_>], from: usize, bits: f64) -> f64 {
    let scrambled: Vec<&[u8]> = texts.iter().filter(|text| text.scrambled).map(|text| text.octets.as_bytes()).collect();
    let Some(first) = scrambled.first() else {
        return bits * float(texts.first().map_or(0, |text| text.octets.len()) - from);
    };
    if scrambled.len() < 8 {
        return bits * float(first.len() - from);
    }
    let place = |at: usize| {
        let digits = scrambled.iter().filter(|text| text[at].is_ascii_digit()).count();
        match (digits, digits == scrambled.len()) {
            (_, true) => bits.min(cost::DIGIT),
            (0, _) => bits.min(cost::LETTER),
            _ => bits,
        }
    };
    (from..first.len()).map(place).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids<'a>(texts: &[&'a str]) -> Vec<&'a str> {
        let column: Vec<(&str, f64)> = texts.iter().map(|text| (*text, 1.0)).collect();
        let ids = Ids::of(&column);
        texts.iter().copied().filter(|text| ids.takes(text)).collect()
    }

    #[test]
    fn a_few_ids_of_ever_other_widths_are_ids() {
        let hexadecimal = ["39abfad26", "bc57dfcde8e", "d0170a36", "4c5e242ad9a3f", "7c87ec25ad6c"];
        assert_eq!(ids(&hexadecimal), hexadecimal);
        let mut mixed = hexadecimal.to_vec();
        mixed.extend(["shop", "backend", "webmail2"]);
        assert_eq!(ids(&mixed), hexadecimal);
    }

    #[test]
    fn one_host_without_its_like_makes_no_family_of_others() {
        let hosts = ["auspwlyncfe101", "auspwlyncfe102", "auspwlyncfe104", "poapwlyncfe101", "u2vmltguap3web"];
        assert!(ids(&hosts).is_empty());
    }

    #[test]
    fn hosts_that_differ_in_their_numbers_are_none() {
        assert!(
            ids(&["usculxcas02v", "usculxcas14v", "usculxoff04v", "usculxoff11v", "uslvexcas01v", "uslvexcas07v"])
                .is_empty()
        );
        let counted: Vec<String> =
            ["c101", "c102", "c103", "s301", "s302", "s303"].map(|end| format!("ausx7cp{end}")).into();
        assert!(ids(&counted.iter().map(String::as_str).collect::<Vec<_>>()).is_empty());
    }

    #[test]
    fn words_around_a_number_are_none() {
        assert!(ids(&["mp3player", "web2print", "route66diner", "studio54club", "area51games"]).is_empty());
        assert!(ids(&["h264encoder", "s3gateway", "k8smaster", "web2print2go"]).is_empty());
    }
}
