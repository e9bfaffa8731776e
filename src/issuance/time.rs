//! Times as CT services and certificates spell them, to seconds or milliseconds since 1970 UTC.
//!
//! Pure arithmetic on the proleptic Gregorian calendar; knows no clock and no time zone but offsets.

/// Milliseconds since 1970 UTC of `YYYY-MM-DD`, optionally with `T` or a blank and `HH:MM:SS`, a fraction of any length
/// and `Z` or an offset. Without an offset the time is UTC, as crt.sh means it.
#[must_use]
pub fn milliseconds(text: &str) -> Option<i64> {
    let octets = text.as_bytes();
    let digits = |from: usize, to: usize| number(octets.get(from..to)?);
    let is = |at: usize, wanted: &[u8]| octets.get(at).is_some_and(|octet| wanted.contains(octet));
    if !is(4, b"-") || !is(7, b"-") {
        return None;
    }
    let day = days(digits(0, 4)?, digits(5, 7)?, digits(8, 10)?)?;
    if octets.len() == 10 {
        return Some(day * 86_400_000);
    }
    if !is(10, b"Tt ") || !is(13, b":") || !is(16, b":") {
        return None;
    }
    let second = second_of_day(digits(11, 13)?, digits(14, 16)?, digits(17, 19)?)?;
    let rest = &octets[19..];
    let (fraction, rest) = match rest.strip_prefix(b".") {
        Some(rest) => rest.split_at(rest.iter().take_while(|octet| octet.is_ascii_digit()).count()),
        None => (&[][..], rest),
    };
    let digit = |at: usize| fraction.get(at).map_or(0, |octet| i64::from(octet - b'0'));
    let millisecond = digit(0) * 100 + digit(1) * 10 + digit(2);
    Some((day * 86_400 + second - offset(rest)?) * 1000 + millisecond)
}

/// Seconds since 1970 UTC; see [`milliseconds`].
#[must_use]
pub fn seconds(text: &str) -> Option<i64> {
    milliseconds(text).map(|time| time.div_euclid(1000))
}

/// Seconds since 1970 UTC of a UTCTime or GeneralizedTime as DER writes them (RFC 5280 §4.1.2.5): `YYMMDDHHMMSSZ` or
/// `YYYYMMDDHHMMSSZ`.
#[must_use]
pub fn der_seconds(text: &[u8]) -> Option<i64> {
    let (year, rest) = match text.len() {
        13 => {
            let year = number(&text[..2])?;
            (if year < 50 { 2000 + year } else { 1900 + year }, &text[2..])
        }
        15 => (number(&text[..4])?, &text[4..]),
        _ => return None,
    };
    if rest[10] != b'Z' {
        return None;
    }
    let at = |from: usize| number(&rest[from..from + 2]);
    Some(days(year, at(0)?, at(2)?)? * 86_400 + second_of_day(at(4)?, at(6)?, at(8)?)?)
}

fn number(octets: &[u8]) -> Option<i64> {
    octets.iter().try_fold(0, |sum, octet| octet.is_ascii_digit().then(|| sum * 10 + i64::from(octet - b'0')))
}

fn second_of_day(hour: i64, minute: i64, second: i64) -> Option<i64> {
    // A leap second counts as the second after it.
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

/// Seconds east of UTC of nothing, `Z`, `+HH:MM`, `+HHMM` or `+HH`.
fn offset(text: &[u8]) -> Option<i64> {
    let (sign, rest) = match text {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest.len() {
        2 => (number(rest)?, 0),
        4 => (number(&rest[..2])?, number(&rest[2..])?),
        5 if rest[2] == b':' => (number(&rest[..2])?, number(&rest[3..])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Days since 1970-01-01, with March as the first month so that the leap day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_spelling_of_a_time_is_read() {
        for (text, expected) in [
            ("1970-01-01T00:00:00", Some(0)),
            ("2023-12-02T16:04:41.99", Some(1_701_533_081_990)),
            ("2023-12-02T16:04:41.9", Some(1_701_533_081_900)),
            ("2023-12-02T16:04:41.123456", Some(1_701_533_081_123)),
            ("2026-08-02T23:38:02Z", Some(1_785_713_882_000)),
            ("2016-11-01T13:44:39-00:00", Some(1_478_007_879_000)),
            ("2016-11-01T15:44:39+02:00", Some(1_478_007_879_000)),
            ("2016-11-01 13:44:39", Some(1_478_007_879_000)),
            ("2000-02-29", Some(951_782_400_000)),
            ("1969-12-31T23:59:59", Some(-1000)),
            ("", None),
            ("2023-13-02T16:04:41", None),
            ("2023-12-02T16:04", None),
            ("2023-12-02T16:04:41 CET", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }

    #[test]
    fn the_times_of_certificates_are_read() {
        for (text, expected) in [
            ("700101000000Z", Some(0)),
            ("491231235959Z", Some(2_524_607_999)),
            ("500101000000Z", Some(-631_152_000)),
            ("20500101000000Z", Some(2_524_608_000)),
            ("2050010100000Z", None),
            ("20500101000000+", None),
        ] {
            assert_eq!(der_seconds(text.as_bytes()), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_not(text in any::<String>(), octets in proptest::collection::vec(any::<u8>(), 0..20)) {
            let _ = (milliseconds(&text), der_seconds(&octets));
        }

        #[test]
        fn each_printed_second_is_read_back(second in -62_135_596_800_i64..253_402_300_799) {
            let time = jiff::Timestamp::from_second(second).unwrap();
            prop_assert_eq!(seconds(&time.to_string()), Some(second));
            let der = time.strftime("%Y%m%d%H%M%SZ").to_string();
            prop_assert_eq!(der_seconds(der.as_bytes()), Some(second));
        }
    }
}
