//! Forms that a token can have: addresses, dates, versions, regions; and the alphabets of opaque ids.
//!
//! Nothing here sees more than the text it is given.

use super::region::{is_region_word, region, word_region};
use super::token::{Kind, Token};

/// The known form that begins at the first token, and how many tokens it takes. The tokens begin at a part; `inside`
/// says whether something stands before them.
pub(super) fn typed_run(label: &str, tokens: &[Token], inside: bool) -> Option<(Kind, usize)> {
    let first = tokens[0].of(label);
    if tokens[0].kind == Kind::Word && !is_hex(first) {
        // Words begin no form but a region.
        return word_region(label, tokens);
    }
    let doubled = || tokens.windows(2).any(|pair| pair[0].kind == Kind::Dash && pair[1].kind == Kind::Dash);
    if !inside && doubled() && is_short_ipv6(label) {
        return Some((Kind::Ipv6, tokens.len()));
    }
    if tokens.len() < 3 {
        let alone = tokens[0].kind == Kind::Word && is_region_word(first);
        return alone.then_some((Kind::Region, 1));
    }

    let mut parts = [""; 9];
    let mut count = 0;
    // Parts joined by single dashes, from the first token on.
    for (at, token) in tokens.iter().enumerate() {
        match (at % 2, token.kind) {
            (1, Kind::Dash) => {}
            (0, Kind::Word | Kind::Digits | Kind::Mixed) if count < parts.len() => {
                parts[count] = token.of(label);
                count += 1;
            }
            _ => break,
        }
    }
    let parts = &parts[..count];
    let tokens_of = |parts: usize| 2 * parts - 1;
    let ends = |parts: usize| tokens.get(tokens_of(parts)).is_none_or(|next| next.kind.is_separator());
    if ends(5) && is_uuid(parts) {
        return Some((Kind::Uuid, tokens_of(5)));
    }
    if count == 8
        && !inside
        && parts.iter().all(|part| part.len() <= 4 && is_hex(part))
        && parts.iter().any(|p| p.len() > 2)
    {
        return Some((Kind::Ipv6, tokens_of(8)));
    }
    if count == 6 && parts.iter().all(|part| part.len() == 2 && is_hex(part)) {
        return Some((Kind::Mac, tokens_of(6)));
    }
    if let Some(found) = version(parts) {
        return Some((Kind::Version, tokens_of(found)));
    }
    if count >= 3 && is_date(parts[0], parts[1], parts[2]) {
        return Some((Kind::Date, tokens_of(3)));
    }
    // Four numbers, and no fifth: five in a row are no address.
    if count >= 4
        && is_octet(parts[0].trim_start_matches(|c: char| c.is_ascii_lowercase()))
        && parts[1..4].iter().all(|part| is_octet(part))
        && parts.get(4).is_none_or(|fifth| !is_octet(fifth))
        && !(inside
            && label[..usize::from(tokens[0].start)].ends_with('-')
            && label[..usize::from(tokens[0].start) - 1].rsplit('-').next().is_some_and(is_octet))
    {
        return Some((Kind::Ipv4, tokens_of(4)));
    }
    if parts.first().is_some_and(|part| is_region_word(part)) {
        return Some((Kind::Region, 1));
    }
    region(parts).map(|found| (Kind::Region, tokens_of(found)))
}

fn is_uuid(parts: &[&str]) -> bool {
    parts.len() >= 5 && parts.iter().zip([8, 4, 4, 4, 12]).all(|(part, len)| part.len() == len && is_hex(part))
}

/// An IPv6 address with dashes for colons and a run of zeros left out: `2001-db8--1a2f-33` (RFC 4291 section 2.2).
fn is_short_ipv6(label: &str) -> bool {
    let Some((before, after)) = label.split_once("--") else { return false };
    let mut groups = before.split('-').chain(after.split('-').filter(|group| !group.is_empty()));
    let count = groups.clone().count();
    let long = groups.clone().filter(|group| group.len() >= 3).count();
    let hex = groups.all(|group| (1..=4).contains(&group.len()) && is_hex(group));
    // A global address begins with 2 or 3 (RFC 4291 section 2.4), a unique local or link-local one with f.
    let prefix = before.len() >= 3 && matches!(before.as_bytes()[0], b'2' | b'3' | b'f');
    hex && prefix && (2..=7).contains(&count) && long >= 2 && before.bytes().any(|octet| octet.is_ascii_digit())
}

fn is_octet(text: &str) -> bool {
    all_digits(text) && text.len() <= 3 && text.parse::<u16>().is_ok_and(|octet| octet < 256)
}

pub(super) fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit())
}

/// Whether all octets are hexadecimal digits.
pub(super) fn is_hex(text: &str) -> bool {
    text.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f'))
}

/// A plausible day, the parts being year, month, day.
pub(super) fn is_date(year: &str, month: &str, day: &str) -> bool {
    let number =
        |text: &str, len: usize| (text.len() == len && all_digits(text)).then(|| text.parse::<u16>().ok()).flatten();
    number(year, 4).is_some_and(|year| (1970..=2099).contains(&year))
        && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(day, 2).is_some_and(|day| (1..=31).contains(&day))
}

/// Whether digits are a plausible day, `20240229`, with or without a time of that day to the minute or second.
pub(super) fn is_compact_date(text: &str) -> bool {
    let below = |part: &str, end: u8| part.parse::<u8>().is_ok_and(|number| number < end);
    if !matches!(text.len(), 8 | 12 | 14) || !all_digits(text) {
        return false;
    }
    let (day, time) = text.split_at(8);
    is_date(&day[..4], &day[4..6], &day[6..])
        && (time.is_empty()
            || below(&time[..2], 24) && below(&time[2..4], 60) && (time.len() == 4 || below(&time[4..], 60)))
}

fn version(parts: &[&str]) -> Option<usize> {
    let first = parts.first()?.strip_prefix('v')?;
    let short = |text: &&str| text.len() <= 4 && all_digits(text);
    if !short(&first) {
        return None;
    }
    let more = parts[1..].iter().take(3).take_while(|part| short(part)).count();
    (more >= 1).then_some(1 + more)
}

/// The characters of a set of texts: bits 0..26 letters, 26..36 digits, 36 `-`, 37 `_`.
pub(super) type Charset = u64;

pub(super) const LETTERS: Charset = (1 << 26) - 1;
pub(super) const DIGITS: Charset = ((1 << 10) - 1) << 26;
pub(super) const HEX_LETTERS: Charset = 0b11_1111;
const HEX: Charset = DIGITS | HEX_LETTERS;
/// RFC 4648: `a-z2-7`.
pub(super) const BASE32: Charset = LETTERS | 0b1111_1100 << 26;

/// The bit of one octet.
pub(super) const fn bit(octet: u8) -> Charset {
    match octet {
        b'a'..=b'z' => 1 << (octet - b'a'),
        b'0'..=b'9' => 1 << (26 + octet - b'0'),
        b'-' => 1 << 36,
        _ => 1 << 37,
    }
}

/// [`bit`] of every octet.
const BITS: [Charset; 256] = {
    let mut bits = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let narrow = octet as u8;
        bits[octet] = bit(narrow);
        octet += 1;
    }
    bits
};

/// The characters of a text.
pub(super) fn charset(text: &str) -> Charset {
    text.bytes().fold(0, |set, octet| set | BITS[usize::from(octet)])
}

fn set_of(text: &str) -> Charset {
    charset(text)
}

/// The alphabet an opaque column is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Alphabet {
    Digits,
    Hex,
    /// RFC 4648: `a-z2-7`.
    Base32,
    /// RFC 4648 extended hex: `0-9a-v`.
    Base32Hex,
    /// Crockford: no `i l o u`.
    Crockford,
    /// z-base-32: no `0 2 l v`.
    ZBase32,
    /// The random suffixes of Kubernetes: no vowels, no `0 1 3`.
    K8s,
    Letters,
    Base36,
}

impl Alphabet {
    /// The name in templates.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Digits => "num",
            Self::Hex => "hex",
            Self::Base32 | Self::Base32Hex | Self::Crockford | Self::ZBase32 => "base32",
            Self::K8s => "k8s",
            Self::Letters => "letters",
            Self::Base36 => "base36",
        }
    }

    /// Which variant of the name, where there are several.
    pub(super) fn variant(self) -> &'static str {
        match self {
            Self::Base32 => "RFC 4648, a-z and 2-7",
            Self::Base32Hex => "RFC 4648 extended hex, 0-9 and a-v",
            Self::Crockford => "Crockford, without i l o u",
            Self::ZBase32 => "z-base-32, without 0 2 l v",
            Self::K8s => "Kubernetes suffix, without vowels and 0 1 3",
            Self::Digits => "digits only",
            Self::Hex => "0-9 and a-f",
            Self::Letters => "letters only",
            Self::Base36 => "a-z and 0-9",
        }
    }

    /// The members of the alphabet.
    pub(super) fn set(self) -> Charset {
        match self {
            Self::Digits => DIGITS,
            Self::Hex => HEX,
            Self::Base32 => BASE32,
            Self::Base32Hex => DIGITS | set_of("abcdefghijklmnopqrstuv"),
            Self::Crockford => (LETTERS | DIGITS) & !set_of("ilou"),
            Self::ZBase32 => (LETTERS | DIGITS) & !set_of("02lv"),
            Self::K8s => set_of("bcdfghjklmnpqrstvwxz2456789"),
            Self::Letters => LETTERS,
            Self::Base36 => LETTERS | DIGITS,
        }
    }

    /// The narrowest alphabet that the characters of a column allow, when `symbols` characters were seen in all.
    ///
    /// With `symbols` drawn from 36 characters, the chance that none falls outside an alphabet of s is (s/36)^symbols;
    /// an alphabet is believed below one in a thousand.
    pub(super) fn of(seen: Charset, symbols: u64) -> Self {
        let candidates = [
            Self::Digits,
            Self::Hex,
            Self::K8s,
            Self::Letters,
            Self::Base32,
            Self::Base32Hex,
            Self::Crockford,
            Self::ZBase32,
        ];
        let fits = |alphabet: &Self| {
            let size = f64::from(alphabet.set().count_ones());
            // Letters alone may be base32 that drew no digit yet.
            let all = if *alphabet == Self::Letters { 32.0 } else { 36.0 };
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let chance = (size / all).powf(symbols as f64);
            seen & !alphabet.set() == 0 && chance < 0.001
        };
        candidates.into_iter().find(fits).unwrap_or(Self::Base36)
    }

    /// The alphabet as a class of a regular expression.
    pub(super) fn regex(self) -> String {
        match self {
            Self::Digits => "[0-9]".to_owned(),
            Self::Hex => "[0-9a-f]".to_owned(),
            Self::Base32 => "[a-z2-7]".to_owned(),
            Self::Base32Hex => "[0-9a-v]".to_owned(),
            Self::Letters => "[a-z]".to_owned(),
            Self::Base36 => "[a-z0-9]".to_owned(),
            Self::Crockford | Self::ZBase32 | Self::K8s => class_of(self.set()),
        }
    }
}

/// A set of characters as a class of a regular expression, ranges where three or more follow each other.
pub(super) fn class_of(set: Charset) -> String {
    let letters: Vec<u8> = (b'a'..=b'z').filter(|&octet| set & bit(octet) != 0).collect();
    let digits: Vec<u8> = (b'0'..=b'9').filter(|&octet| set & bit(octet) != 0).collect();
    let mut class = String::from("[");
    for octets in [letters, digits] {
        for run in octets.chunk_by(|a, b| a + 1 == *b) {
            match run {
                [first, .., last] if run.len() > 2 => class.extend([char::from(*first), '-', char::from(*last)]),
                _ => class.extend(run.iter().map(|&octet| char::from(octet))),
            }
        }
    }
    if set & bit(b'_') != 0 {
        class.push('_');
    }
    if set & bit(b'-') != 0 {
        class.push_str("\\-");
    }
    class.push(']');
    class
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_known_by_their_grammar() {
        for (text, expected) in [
            ("us-east-1", Some(3)),
            ("us-gov-west-1", Some(4)),
            ("us-east-1a", Some(3)),
            ("us-east-1z", None),
            ("europe-west12", Some(2)),
            ("asia-northeast1", Some(2)),
            ("northamerica-northeast1", Some(2)),
            ("cloudgouv-eu-west-1", None),
            ("us-west", None),
            ("my-shop-1", None),
        ] {
            assert_eq!(region(&text.split('-').collect::<Vec<_>>()), expected, "{text}");
        }
        for word in [
            "westeurope",
            "eastus2",
            "uksouth",
            "australiasoutheast",
            "southcentralus",
            "japaneast",
            "southafricanorth",
        ] {
            assert!(is_region_word(word), "{word}");
        }
        for word in ["west", "westend", "europe", "homeeast", "eastme"] {
            assert!(!is_region_word(word), "{word}");
        }
    }

    #[test]
    fn an_alphabet_is_believed_only_on_enough_symbols() {
        assert_eq!(Alphabet::of(charset("deadbeef01"), 64), Alphabet::Hex);
        assert_eq!(Alphabet::of(charset("deadbeef01"), 4), Alphabet::Base36);
        assert_eq!(Alphabet::of(charset("abcxyz234567"), 520), Alphabet::Base32);
        assert_eq!(Alphabet::of(charset("bcdfz2456789"), 100), Alphabet::K8s);
        assert_eq!(Alphabet::of(charset("abcdefghjkmnpqrstvwxyz0189"), 260), Alphabet::Crockford);
        assert_eq!(Alphabet::of(LETTERS | DIGITS, 1000), Alphabet::Base36);
        assert_eq!(Alphabet::of(LETTERS, 300), Alphabet::Letters);
        assert_eq!(Alphabet::of(charset("qwertyuiop"), 30), Alphabet::Base36);
    }

    #[test]
    fn a_day_may_have_a_time_behind_it() {
        for text in ["20240229", "202402291259", "20240229235959"] {
            assert!(is_compact_date(text), "{text}");
        }
        for text in ["20241301", "202402292460", "20240229236059", "2024022912", "20240229x2"] {
            assert!(!is_compact_date(text), "{text}");
        }
    }

    #[test]
    fn a_class_lists_ranges() {
        assert_eq!(class_of(Alphabet::K8s.set()), "[b-df-hj-np-tv-xz24-9]");
        assert_eq!(class_of(charset("a_-")), "[a_\\-]");
    }
}
