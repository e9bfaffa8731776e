//! Ids that look like words by chance: letters only, beside siblings with digits that hold the same kind of names.

use std::collections::BTreeMap;

use super::below::{Below, Kinds};
use super::columns::is_word;
use super::cost::float;
use super::grow::Branch;

/// Siblings with digits that tell of an alphabet.
const MIXED: usize = 4;
/// Ids up to this width have letters only often enough.
const WIDEST: usize = 8;

/// By branch: whether it is such an id. Two hexadecimal digits are letters only in one of seven cases, three digits and
/// letters in three of eight: words of one width are no column of their own where there are no more of them than that.
pub(super) fn unlucky(branches: &[Branch<'_>], kinds: &Kinds) -> Vec<bool> {
    let mut groups: BTreeMap<(Below, usize), Vec<usize>> = BTreeMap::new();
    for (at, kind) in kinds.iter().enumerate() {
        let label = branches[at].label;
        if let Some(kind) = kind
            && label.len() <= WIDEST
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric())
        {
            groups.entry((*kind, label.len())).or_default().push(at);
        }
    }
    let mut found = vec![false; branches.len()];
    for ((_, width), group) in groups {
        let (plain, with_digits): (Vec<usize>, Vec<usize>) = group.iter().partition(|&&at| is_word(branches[at].label));
        let mixed: Vec<&str> =
            with_digits.iter().map(|&at| branches[at].label).filter(|label| is_mixed(label)).collect();
        if plain.is_empty() || mixed.len() < MIXED || !are_scattered(&mixed) {
            continue;
        }
        let digits: usize =
            with_digits.iter().map(|&at| branches[at].label.bytes().filter(u8::is_ascii_digit).count()).sum();
        let share = float(digits) / float(width * group.len());
        let exponent = i32::try_from(width).expect("a label has at most 63 octets");
        let expected = float(group.len()) * (1.0 - share).powi(exponent);
        if float(plain.len()) <= 1.5 * expected + 2.0 {
            for at in plain {
                found[at] = true;
            }
        }
    }
    found
}

fn is_mixed(label: &str) -> bool {
    label.bytes().any(|octet| octet.is_ascii_digit()) && label.bytes().any(|octet| octet.is_ascii_lowercase())
}

/// Whether the digits stand now here, now there: in `pop1`, `pop2` they do not.
fn are_scattered(labels: &[&str]) -> bool {
    let mut places: BTreeMap<Vec<bool>, usize> = BTreeMap::new();
    for label in labels {
        *places.entry(label.bytes().map(|octet| octet.is_ascii_digit()).collect()).or_default() += 1;
    }
    places.values().all(|&count| 4 * count <= 3 * labels.len() + 1)
}
