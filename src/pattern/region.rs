//! Regions of the large clouds, known by a grammar of blocs, places and directions rather than by a list.

use super::class::all_digits;
use super::token::{Kind, Token};

const DIRECTIONS: [&str; 12] = [
    "north",
    "south",
    "east",
    "west",
    "central",
    "northeast",
    "northwest",
    "southeast",
    "southwest",
    "northcentral",
    "southcentral",
    "westcentral",
];
/// Continents, countries and blocs as clouds write them before or after a direction.
const PLACES: [&str; 46] = [
    "us",
    "usgov",
    "europe",
    "asia",
    "asiapacific",
    "pacific",
    "uk",
    "ukraine",
    "india",
    "indiacentral",
    "japan",
    "australia",
    "brazil",
    "canada",
    "france",
    "germany",
    "italy",
    "korea",
    "norway",
    "poland",
    "qatar",
    "sweden",
    "switzerland",
    "spain",
    "uae",
    "africa",
    "southamerica",
    "northamerica",
    "me",
    "israel",
    "mexico",
    "china",
    "newzealand",
    "southafrica",
    "usdod",
    "jioindia",
    "austria",
    "belgium",
    "chile",
    "denmark",
    "finland",
    "greece",
    "indonesia",
    "malaysia",
    "taiwan",
    "saudiarabia",
];
const BLOCS: [&str; 18] =
    ["us", "eu", "ap", "ca", "sa", "me", "af", "il", "cn", "mx", "uk", "jp", "au", "in", "kr", "ru", "de", "fr"];

fn short_number(text: &str) -> bool {
    (1..=2).contains(&text.len()) && all_digits(text)
}

/// The number of a region without the letter of an availability zone behind it.
pub(super) fn zoneless(number: &str) -> &str {
    number.strip_suffix(|c: char| matches!(c, 'a'..='f')).unwrap_or(number)
}

/// `eu-west-1`, `us-gov-east-1`, `europe-west4`: how many parts the region takes.
pub(super) fn region(parts: &[&str]) -> Option<usize> {
    let (first, second) = (*parts.first()?, *parts.get(1)?);
    // A direction, `gov` or `iso`: most words are told from them by their first letter.
    if !matches!(second.as_bytes().first(), Some(b'n' | b's' | b'e' | b'w' | b'c' | b'g' | b'i')) {
        return None;
    }
    if BLOCS.contains(&first) {
        // A zone of a region has a letter behind its number: `us-east-1a`.
        let (direction, number) = if second == "gov" || second == "iso" || second == "isob" {
            (parts.get(2), parts.get(3))
        } else {
            (Some(&second), parts.get(2))
        };
        if direction.is_some_and(|word| DIRECTIONS.contains(word))
            && number.is_some_and(|text| short_number(zoneless(text)))
        {
            return Some(if second == "gov" || second.starts_with("iso") { 4 } else { 3 });
        }
    }
    let direction = second.trim_end_matches(|c: char| c.is_ascii_digit());
    (PLACES.contains(&first) && short_number(&second[direction.len()..]) && DIRECTIONS.contains(&direction))
        .then_some(2)
}

/// `westeurope`, `eastus2`, `uksouth`: a direction and a place in one word.
pub(super) fn is_region_word(label: &str) -> bool {
    let word = label.strip_suffix(|c: char| matches!(c, '1'..='9')).unwrap_or(label);
    if word.len() < 6 || !word.bytes().all(|octet| octet.is_ascii_lowercase()) {
        return false;
    }
    // Every direction begins with one of these and ends with one of those.
    let octets = word.as_bytes();
    let begins = octets.first_chunk().is_some_and(|head| [b"nort", b"sout", b"east", b"west", b"cent"].contains(&head));
    let ends = octets.last_chunk().is_some_and(|tail| [b"orth", b"outh", b"east", b"west", b"tral"].contains(&tail));
    if !begins && !ends {
        return false;
    }
    let place = |text: &str| PLACES.contains(&text) && text != "me";
    DIRECTIONS.iter().any(|direction| {
        word.strip_prefix(direction).is_some_and(place) || word.strip_suffix(direction).is_some_and(place)
    })
}

/// A region that begins with a word: `westeurope`, `eu-west-1`.
pub(super) fn word_region(label: &str, tokens: &[Token]) -> Option<(Kind, usize)> {
    if is_region_word(tokens[0].of(label)) {
        return Some((Kind::Region, 1));
    }
    let mut parts = [""; 4];
    let mut count = 0;
    for (at, token) in tokens.iter().enumerate().take(7) {
        match (at % 2, token.kind) {
            (1, Kind::Dash) => {}
            (0, Kind::Word | Kind::Digits | Kind::Mixed) => {
                parts[count] = token.of(label);
                count += 1;
            }
            _ => break,
        }
    }
    region(&parts[..count]).map(|found| (Kind::Region, 2 * found - 1))
}
