//! Points in time as logs write them, to seconds since 1970 UTC. The clock is never read.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Octets of a line that are searched: a log's time stands at its start.
const HEAD: usize = 160;
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Hour, minute, second.
type Clock = (i64, i64, i64);

/// A point in time read from a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Seconds since 1970 UTC.
    pub(super) second: i64,
    /// No zone or offset stood beside it, so UTC is taken.
    pub(super) zone_assumed: bool,
}

/// From where a time without a year (syslog, klog) takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lent {
    /// The latest that is not after this second, a day aside: a log tells of the past.
    Until(i64),
    /// The one closest to this second, which the log told before: years end within logs.
    Near(i64),
}

impl Lent {
    /// The stamp of a time without a year.
    fn stamp(self, month: i64, day: i64, clock: Clock, offset: Option<i64>) -> Option<Stamp> {
        let (Self::Until(known) | Self::Near(known)) = self;
        let year = TimeZone::UTC.to_datetime(jiff::Timestamp::from_second(known).ok()?).year();
        // Back to a leap year, for the 29th of February.
        let all = (-8..=1).filter_map(|back| stamp(i64::from(year) + back, month, day, clock, offset));
        match self {
            Self::Until(now) => all.filter(|stamp| stamp.second <= now.saturating_add(86_400)).max_by_key(|s| s.second),
            Self::Near(before) => all.min_by_key(|stamp| stamp.second.abs_diff(before)),
        }
    }
}

/// Finds the time at the start of a line; forms without a year take it from `lent`.
pub(super) fn find(line: &str, lent: Option<Lent>) -> Option<Stamp> {
    let head = &line.as_bytes()[..line.len().min(HEAD)];
    let digit = memchr::memchr3(b'0', b'1', b'2', head).or_else(|| head.iter().position(u8::is_ascii_digit))?;
    // `"expires": "2024-..."` inside a document and `valid until ...` in prose are no times of the log.
    if head.first() == Some(&b'"') || of_the_matter(&head[..digit]) {
        return None;
    }
    numeric(head).or_else(|| epoch(head)).or_else(|| worded(head, lent)).or_else(|| loose(head))
}

fn of_the_matter(lead: &[u8]) -> bool {
    ["expire", "valid", "until", "not after", "notafter"].iter().any(|word| contains(lead, word.as_bytes()))
}

/// Reads a number or text of a JSON log: seconds, milliseconds, microseconds or nanoseconds since 1970, or any form of
/// [`find`].
pub(super) fn of_json(value: &serde_json::Value) -> Option<Stamp> {
    match value {
        serde_json::Value::Number(number) => number.as_f64().and_then(of_number),
        serde_json::Value::String(text) => match text.parse::<f64>() {
            Ok(number) => of_number(number),
            Err(_) => find(text, None),
        },
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => None,
    }
}

fn of_number(number: f64) -> Option<Stamp> {
    let scale = [(1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (1e8, 1.0)].iter().find(|(least, _)| number >= *least)?.1;
    #[allow(clippy::cast_possible_truncation, reason = "below 1e11, checked by the range of jiff")]
    let second = (number / scale) as i64;
    of_second(second)
}

fn of_second(second: i64) -> Option<Stamp> {
    let time = jiff::Timestamp::from_second(second).ok()?;
    let year = TimeZone::UTC.to_datetime(time).year();
    (1990..=2200).contains(&year).then_some(Stamp { second, zone_assumed: false })
}

/// `2023-12-20T10:00:00.123Z`, `2023/12/20 10:00:00`, `2023-12-20 10:00:00,123`, `20231220100000`.
fn numeric(head: &[u8]) -> Option<Stamp> {
    for start in 0..head.len().saturating_sub(13) {
        if start > 0 && head[start - 1].is_ascii_digit() {
            continue;
        }
        let here = &head[start..];
        let Some(year) = digits(here, 4).filter(|year| (1990..=2200).contains(year)) else { continue };
        let separated = matches!((here[4], here[7]), (b'-', b'-') | (b'/', b'/'))
            && matches!(here.get(10), Some(b'T' | b't' | b' ' | b'_'))
            && here.len() >= 19;
        if separated {
            let (Some(month), Some(day)) = (digits(&here[5..], 2), digits(&here[8..], 2)) else { continue };
            let Some((clock, taken)) = clock(&here[11..]) else { continue };
            if of_the_matter(&head[..start]) {
                return None;
            }
            return stamp(year, month, day, clock, offset(&here[11 + taken..]));
        }
        let compact = here.iter().take_while(|octet| octet.is_ascii_digit()).count() == 14;
        if compact {
            let part = |at| digits(&here[at..], 2);
            let clock = (part(8)?, part(10)?, part(12)?);
            return stamp(year, part(4)?, part(6)?, clock, None);
        }
    }
    None
}

/// `ts=1703066400.123`, `1703066400`.
fn epoch(head: &[u8]) -> Option<Stamp> {
    let text =
        std::str::from_utf8(&head[..head.iter().position(|octet| !octet.is_ascii()).unwrap_or(head.len())]).ok()?;
    let from =
        ["ts=", "time=", "timestamp="].iter().find_map(|key| text.find(key).map(|at| at + key.len())).unwrap_or(0);
    let number = text[from..].trim_start_matches(['"', '[']);
    let length = number.bytes().take_while(|octet| octet.is_ascii_digit() || *octet == b'.').count();
    let whole = number[..length].split('.').next().unwrap_or_default();
    if !matches!(whole.len(), 10 | 13 | 16 | 19) {
        return None;
    }
    number[..length].trim_end_matches('.').parse().ok().and_then(of_number)
}

/// Forms with the month in letters, in any order of their parts, and klog's `E1220 10:00:00.123`.
fn worded(head: &[u8], lent: Option<Lent>) -> Option<Stamp> {
    let edge = |octet: &u8| matches!(octet, b' ' | b'[' | b']' | b',' | b'(' | b')' | b'"' | b'<' | b'>' | b'=');
    let words: Vec<&[u8]> = head.split(edge).filter(|word| !word.is_empty()).take(14).collect();
    let at = words.iter().position(|word| clock(word).is_some() || clf(word).is_some())?;
    if let Some((year, month, day, clock)) = clf(words[at]) {
        return stamp(year, month, day, clock, words.get(at + 1).and_then(|word| offset(word)));
    }
    let (mut time, _) = clock(words[at])?;
    if let Some([b'I' | b'W' | b'E' | b'F' | b'D', date @ ..]) = at.checked_sub(1).map(|before| words[before])
        && date.len() == 4
    {
        return lent?.stamp(digits(date, 2)?, digits(&date[2..], 2)?, time, None);
    }
    // The parts stand close around the clock: `Wed Dec 20 10:00:00 UTC 2023`, `Wed 27 Jul 2022 02:55:41 AM UTC`.
    let near = &words[at.saturating_sub(4)..words.len().min(at + 4)];
    let month = near.iter().find_map(|word| month(word))?;
    let number = |word: &&[u8], octets: std::ops::RangeInclusive<usize>| {
        (octets.contains(&word.len()) && word.iter().all(u8::is_ascii_digit))
            .then(|| digits(word, word.len()))
            .flatten()
    };
    let before = &words[at.saturating_sub(4)..at];
    let day = before
        .iter()
        .rev()
        .find_map(|word| number(word, 1..=2))
        .or_else(|| near.iter().find_map(|word| number(word, 1..=2)))?;
    let year = near.iter().find_map(|word| number(word, 4..=4).filter(|year| (1990..=2200).contains(year)));
    let after = &words[at + 1..words.len().min(at + 4)];
    match after.first().map(|word| word.to_ascii_lowercase()).as_deref() {
        Some(b"pm") if time.0 < 12 => time.0 += 12,
        Some(b"am") if time.0 == 12 => time.0 = 0,
        _ => {}
    }
    let zone = after.iter().find_map(|word| offset(word));
    match year {
        Some(year) => stamp(year, month, day, time, zone),
        None => lent?.stamp(month, day, time, zone),
    }
}

/// `12/20/2023 4:05:06 PM`, `20.12.2023 16:05:06`, `2023/1/2 16:05:06`: parts without leading zeros, in local orders.
///
/// With the year last and `/` between, the month comes first unless it cannot.
fn loose(head: &[u8]) -> Option<Stamp> {
    let edge = |octet: &u8| matches!(octet, b' ' | b'[' | b']' | b',' | b'(' | b')' | b'"' | b'T');
    let words: Vec<&[u8]> = head.split(edge).filter(|word| !word.is_empty()).take(8).collect();
    let numbers = |word: &[u8], mark: u8| -> Option<[i64; 3]> {
        let parts: Vec<i64> = word
            .split(|octet| *octet == mark)
            .map(|part| digits(part, part.len()).filter(|_| (1..=4).contains(&part.len())))
            .collect::<Option<_>>()?;
        parts.try_into().ok()
    };
    for pair in words.windows(2) {
        let date = [b'/', b'.', b'-'].iter().find_map(|mark| Some((*mark, numbers(pair[0], *mark)?)));
        let time = pair[1].split(|octet| *octet == b'.').next().and_then(|time| numbers(time, b':'));
        if let (Some((mark, date)), Some([mut hour, minute, second])) = (date, time) {
            let (year, month, day) = match date {
                [year @ 1990..=2200, month, day] => (year, month, day),
                [day, month, year @ 1990..=2200] if mark != b'/' || day > 12 => (year, month, day),
                [month, day, year @ 1990..=2200] => (year, month, day),
                _ => continue,
            };
            let after = words.iter().skip_while(|word| !std::ptr::eq(**word, pair[1])).nth(1);
            match after.map(|word| word.to_ascii_lowercase()).as_deref() {
                Some(b"pm") if hour < 12 => hour += 12,
                Some(b"am") if hour == 12 => hour = 0,
                _ => {}
            }
            return stamp(year, month, day, (hour, minute, second), None);
        }
    }
    None
}

/// `20/Dec/2023:10:00:00` of web server logs.
fn clf(word: &[u8]) -> Option<(i64, i64, i64, Clock)> {
    if word.len() < 20 || word[2] != b'/' || word[6] != b'/' || word[11] != b':' {
        return None;
    }
    Some((digits(&word[7..], 4)?, month(&word[3..6])?, digits(word, 2)?, clock(&word[12..])?.0))
}

fn month(word: &[u8]) -> Option<i64> {
    let head = word.get(..3)?.to_ascii_lowercase();
    let known = word.len() <= 9 && word.iter().all(u8::is_ascii_alphabetic);
    let at = MONTHS.iter().position(|month| known && month.as_bytes() == head)?;
    i64::try_from(at + 1).ok()
}

/// Hour, minute and second at the start, and the octets taken, a fraction included.
fn clock(text: &[u8]) -> Option<(Clock, usize)> {
    if text.len() < 8 || text[2] != b':' || text[5] != b':' {
        return None;
    }
    let clock = (digits(text, 2)?, digits(&text[3..], 2)?, digits(&text[6..], 2)?);
    let fraction = match text.get(8) {
        Some(b'.' | b',') => 1 + text[9..].iter().take_while(|octet| octet.is_ascii_digit()).count(),
        _ => 0,
    };
    Some((clock, 8 + fraction))
}

/// Seconds east of UTC: `Z`, `UTC`, `GMT`, `+01:00`, ` +0100`, `+08`.
fn offset(text: &[u8]) -> Option<i64> {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    if text.starts_with(b"Z") || text.starts_with(b"UTC") || text.starts_with(b"GMT") {
        return Some(0);
    }
    let sign = match text.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = digits(&text[1..], 2).filter(|hours| *hours <= 14)?;
    let rest = text.get(3..).unwrap_or_default();
    let minutes = digits(rest.strip_prefix(b":").unwrap_or(rest), 2).unwrap_or(0);
    Some(sign * (hours * 3600 + minutes * 60))
}

fn digits(text: &[u8], count: usize) -> Option<i64> {
    // No part of a time is longer; more would not fit a number.
    let text = text.get(..count).filter(|text| text.len() <= 9)?;
    text.iter().try_fold(0, |sum, octet| octet.is_ascii_digit().then(|| sum * 10 + i64::from(octet - b'0')))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

fn stamp(year: i64, month: i64, day: i64, clock: Clock, offset: Option<i64>) -> Option<Stamp> {
    let small = |number: i64| i8::try_from(number).ok();
    let year = i16::try_from(year).ok()?;
    // A leap second counts as the second before it.
    let second = clock.2.min(59);
    let civil =
        DateTime::new(year, small(month)?, small(day)?, small(clock.0)?, small(clock.1)?, small(second)?, 0).ok()?;
    let utc = TimeZone::UTC.to_timestamp(civil).ok()?.as_second();
    Some(Stamp { second: utc - offset.unwrap_or(0), zone_assumed: offset.is_none() })
}

/// RFC 3339 UTC text of seconds since 1970; empty for a time outside the calendar.
pub(super) fn rfc3339(second: i64) -> String {
    jiff::Timestamp::from_second(second).map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2023-12-20T10:00:00Z.
    const THEN: i64 = 1_703_066_400;

    #[test]
    fn the_usual_forms_of_logs_are_read() {
        for line in [
            "2023-12-20T10:00:00Z x",
            "2023-12-20T10:00:00.123456789Z x",
            "2023-12-20T11:00:00+01:00 x",
            "2023-12-20T11:00:00.5+0100 x",
            "2023-12-20 10:00:00,123:DEBUG:acme.client:Received response:",
            "2023/12/20 10:00:00 [INFO] acme: x",
            "time=\"2023-12-20T10:00:00Z\" level=error",
            "[2023-12-20 10:00:00] x",
            "[Wed Dec 20 10:00:00 UTC 2023] x",
            "[Wed Dec 20 10:00:00.123456 2023] [md:error] x",
            "[Wed 20 Dec 2023 10:00:00 AM UTC] x",
            "[Wed Dec 20 06:00:00 PM +08 2023] x",
            "Wed, 20 Dec 2023 10:00:00 +0000 x",
            "Date: Wed, 20 Dec 2023 10:00:00 GMT",
            "127.0.0.1 - - [20/Dec/2023:10:00:00 +0000] x",
            "E1220 10:00:00.123456       1 controller.go:208] x",
            "Dec 20 10:00:00 host certbot[123]: x",
            "<14>Dec 20 10:00:00 host certbot[123]: x",
            "1703066400.123 x",
            "level=error ts=1703066400.123 caller=x",
            "[staging.example] 20231220100000 [DEBUG] acmetool: x",
            "cert-manager-7d4 | 2023-12-20T10:00:00Z x",
            "12/20/2023 10:00:00 AM x",
            "20.12.2023 10:00:00 x",
            "20/12/2023 10:00:00 x",
            "[2023/12/20 10:00:00 AM] x",
        ] {
            for lent in [Lent::Until(THEN + 40 * 86_400), Lent::Near(THEN - 90 * 86_400)] {
                assert_eq!(find(line, Some(lent)).map(|stamp| stamp.second), Some(THEN), "{line}");
            }
        }
    }

    #[test]
    fn a_year_that_is_not_written_is_that_of_the_past() {
        let year = |line: &str, lent| find(line, Some(lent)).map(|stamp| rfc3339(stamp.second)[..4].to_owned());
        // 2024-02-01, when autumn was last year and January this one.
        let now = Lent::Until(1_706_745_600);
        assert_eq!(year("Sep  1 10:00:00 host x", now).as_deref(), Some("2023"));
        assert_eq!(year("Jan 31 10:00:00 host x", now).as_deref(), Some("2024"));
        assert_eq!(year("Feb 29 10:00:00 host x", now).as_deref(), Some("2020"));
        assert_eq!(year("Jan  1 00:00:05 host x", Lent::Near(1_704_067_190)).as_deref(), Some("2024"));
        assert_eq!(year("Dec 31 23:59:59 host x", Lent::Near(1_704_067_200)).as_deref(), Some("2023"));
    }

    #[test]
    fn parts_without_leading_zeros_are_read() {
        for line in ["2/1/2023 4:05:06 PM", "1.2.2023 16:05:06", "2023/2/1 16:05:06 PM [INFO] x", "2023-2-1 16:05:06"] {
            assert_eq!(
                find(line, None).map(|stamp| rfc3339(stamp.second)).as_deref(),
                Some("2023-02-01T16:05:06Z"),
                "{line}"
            );
        }
    }

    #[test]
    fn other_numbers_are_no_time() {
        for line in [
            "",
            "400 urn:ietf:params:acme:error:dns",
            "  \"expires\": \"2023-12-20T10:00:00Z\"",
            "\"expires\": \"2023-12-20T10:00:00Z\"",
            "Certificate is valid until 2023-12-20 10:00:00",
            "order 12345678901234567890 failed",
            "2023-13-40T10:00:00Z",
            "2023-12-20",
            "Dec 20 10:00:00 without a year",
        ] {
            assert_eq!(find(line.trim_start(), None), None, "{line}");
        }
    }

    #[test]
    fn json_times_come_in_every_unit() {
        for value in ["1703066400", "1703066400.9", "1703066400123", "\"1703066400123456\"", "\"2023-12-20T10:00:00Z\""]
        {
            let value: serde_json::Value = serde_json::from_str(value).unwrap();
            assert_eq!(of_json(&value).map(|stamp| stamp.second), Some(THEN), "{value}");
        }
        assert_eq!(of_json(&serde_json::json!(400)), None);
    }

    proptest! {
        #[test]
        fn any_line_gives_a_time_or_none(line in any::<String>(), second in any::<i64>()) {
            let _ = find(&line, Some(Lent::Until(second)));
            let _ = find(&line, Some(Lent::Near(second)));
        }

        #[test]
        fn any_line_of_digits_and_marks_gives_a_time_or_none(line in "[0-9:/ T.,+Z\\-a-z\\[]{0,60}|[0-9]{1,30}[/.:-][0-9 :]{0,30}") {
            let _ = find(&line, Some(Lent::Near(THEN)));
        }
    }
}
