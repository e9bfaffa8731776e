//! Labels of a place that are short ids: the nibbles of an address (RFC 3596 section 2.5), the two digits of a shard.
//!
//! Too short for one of them to look drawn at random: the place tells, by how letters and digits are mixed over all of them.

use std::collections::BTreeMap;

use super::class;
use super::cost::float;
use super::form::{Form, Piece, Shape, Style};
use super::grow::Place;
use super::population::Member;
use super::texts;
use super::words;

/// Octets of a short id; what is longer has a look of its own.
const WIDEST: usize = 3;

/// The labels that are short ids of one width, where these are most of the place.
pub(super) fn ids(members: &[Member<'_>], place: Place) -> Option<(Form, Vec<usize>)> {
    let mut widths: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, member) in members.iter().enumerate() {
        let plain = member.label.bytes().all(|octet| octet.is_ascii_alphanumeric());
        if plain && member.label.len() <= WIDEST {
            widths.entry(member.label.len()).or_default().push(at);
        }
    }
    let (width, found) = widths.into_iter().max_by_key(|(_, found)| found.len())?;
    let labels: Vec<&str> = found.iter().map(|&at| members[at].label).collect();
    let are_ids = if width == 1 { are_nibbles(&labels, place.short) } else { are_drawn(&labels, place.short) };
    let octets = u8::try_from(width).ok()?;
    let piece = Piece::Opaque { min: octets, max: octets, dashed: false };
    let form = Form { style: Style::Table, shapes: vec![Shape { pieces: vec![piece] }] };
    (are_ids && 5 * found.len() >= 4 * members.len()).then_some((form, found))
}

/// Whether single characters are hexadecimal digits; `below` short ids, fewer of them tell.
fn are_nibbles(labels: &[&str], below: bool) -> bool {
    let digits = labels.iter().filter(|label| label.as_bytes()[0].is_ascii_digit()).count();
    let mixed = digits >= 2 && labels.len() - digits >= 2;
    labels.iter().all(|label| class::is_hex(label)) && (below && labels.len() >= 3 || labels.len() >= 5 && mixed)
}

/// Whether letters and digits of labels of one width are mixed as chance mixes them: now this first, now that, and letters
/// alone or digits alone about as often as the alphabet lets expect.
fn are_drawn(labels: &[&str], below: bool) -> bool {
    let hexadecimal = labels.iter().all(|label| class::is_hex(label));
    let (digits, enough) = if hexadecimal { (10.0 / 16.0, if below { 3 } else { 5 }) } else { (10.0 / 36.0, 8) };
    if labels.len() < enough || labels.iter().filter(|label| words::is_known_word(label)).count() > 1 {
        return false;
    }
    let mut masks: BTreeMap<Vec<bool>, usize> = BTreeMap::new();
    for label in labels {
        *masks.entry(label.bytes().map(|octet| octet.is_ascii_digit()).collect()).or_default() += 1;
    }
    let of_one =
        |digit: bool| masks.iter().filter(|(mask, _)| mask.iter().all(|&is| is == digit)).map(|(_, n)| n).sum();
    let (plain, numbers): (usize, usize) = (of_one(false), of_one(true));
    let mixed = labels.len() - plain - numbers;
    let turned = labels.iter().filter(|label| texts::has_turn(label)).count();
    let rows = float(labels.len());
    let expected = |share: f64| rows * (0..labels[0].len()).map(|_| share).product::<f64>();
    let few = |count: usize, share: f64| float(count) <= 1.5 * expected(share) + 2.0;
    let both =
        if below { turned > 0 } else { turned > 0 && mixed - turned.min(mixed) > 0 || turned >= 3 && masks.len() >= 4 };
    both && 4 * mixed >= labels.len() && few(plain, 1.0 - digits) && few(numbers, digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_ids(labels: &[&str], short: bool) -> bool {
        let members: Vec<Member<'_>> = labels.iter().map(|label| Member::new(label, [false; 3], 1.0)).collect();
        ids(&members, Place { short, ..Place::INSIDE }).is_some()
    }

    #[test]
    fn two_digits_of_a_shard_are_ids() {
        assert!(are_ids(&["fd", "1b", "a4", "ad", "59"], false));
        assert!(are_ids(&["0", "7", "a", "f", "3"], false));
        assert!(are_ids(&["61", "4e", "0c"], true) && !are_ids(&["61", "4e", "0c"], false));
        assert!(are_ids(&["s5s", "b29", "5ku", "2nd", "xzg", "952", "q0w", "7zz", "kfe"], false));
    }

    #[test]
    fn codes_counters_and_words_are_none() {
        for labels in [
            &["de", "at", "ch", "be", "fr", "ae", "ad"][..],
            &["a1", "a2", "b1", "b2", "c1", "c2"],
            &["01", "02", "03", "04", "05"],
            &["1a", "2a", "3b", "4b", "5a", "6b"],
            &["app", "api", "web", "s3", "k8s", "vpn", "cdn", "dev", "db2", "h2o"],
            &[
                "10", "20", "30", "1a", "b1", "40", "50", "60", "70", "80", "90", "11", "12", "13", "14", "15", "16",
                "17",
            ],
        ] {
            assert!(!are_ids(labels, false), "{labels:?}");
        }
    }
}
