//! Certificates per week, by pattern and by issuer.

use std::collections::BTreeMap;

use crate::issuance::Issuances;
use crate::name::SanId;
use crate::report::{Timeline, TimelineSeries};

/// Series of each kind that are shown; the rest is summed up in one.
const SERIES: usize = 12;
/// Weeks that a timeline may have: dates in certificates are hostile too.
const WEEKS: usize = 1_200;
/// The key of the series that sums up the smaller ones.
const OTHERS: &str = "others";

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;
/// 1970-01-05, a Monday.
const FIRST_MONDAY: i64 = 4 * DAY;

/// Counts the certificates that began in each week; `None` when no certificate has a date.
///
/// A certificate counts once for each pattern that one of its names is in. Certificates older than [`WEEKS`] before the
/// newest are left out; their number is the second value.
pub fn timeline(
    issued: &Issuances,
    pattern_of: &dyn Fn(SanId) -> Option<usize>,
    pattern_ids: &[&str],
) -> Option<(Timeline, u64)> {
    let week_of = |seconds: i64| (seconds - FIRST_MONDAY).div_euclid(WEEK);
    let weeks = || issued.issuances.iter().filter_map(|issuance| issuance.not_before).map(week_of);
    let newest = weeks().max()?;
    let oldest_kept = newest - i64::try_from(WEEKS).unwrap_or(i64::MAX) + 1;
    let first = weeks().filter(|&week| week >= oldest_kept).min()?;
    let length = usize::try_from(newest - first + 1).ok()?;
    let mut by_pattern: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    let mut by_issuer: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    let mut left_out = 0;
    for issuance in &issued.issuances {
        let Some(week) = issuance.not_before.map(week_of) else { continue };
        let Ok(at) = usize::try_from(week - first) else {
            left_out += 1;
            continue;
        };
        let mut patterns: Vec<usize> = issuance.names.iter().filter_map(|&san| pattern_of(san)).collect();
        patterns.sort_unstable();
        patterns.dedup();
        for pattern in patterns {
            by_pattern.entry(pattern).or_insert_with(|| vec![0; length])[at] += 1;
        }
        let issuer = issued.issuer(issuance).map_or("unknown", |issuer| issuer.name.as_str());
        by_issuer.entry(issuer).or_insert_with(|| vec![0; length])[at] += 1;
    }
    let patterns = by_pattern.into_iter().map(|(pattern, weeks)| (pattern_ids[pattern], weeks));
    let start = jiff::Timestamp::from_second(FIRST_MONDAY + first * WEEK).ok()?;
    let timeline = Timeline {
        start: start.strftime("%Y-%m-%d").to_string(),
        patterns: largest(patterns),
        issuers: largest(by_issuer.into_iter()),
    };
    Some((timeline, left_out))
}

/// The largest series, most certificates first, and the sum of the others.
fn largest<'a>(series: impl Iterator<Item = (&'a str, Vec<u64>)>) -> Vec<TimelineSeries> {
    let mut series: Vec<_> = series.map(|(key, weeks)| TimelineSeries { key: key.to_owned(), weeks }).collect();
    let total = |series: &TimelineSeries| series.weeks.iter().sum::<u64>();
    series.sort_by(|one, other| total(other).cmp(&total(one)).then_with(|| one.key.cmp(&other.key)));
    if series.len() > SERIES {
        let rest = series.split_off(SERIES);
        let mut sum = vec![0; rest[0].weeks.len()];
        for small in rest {
            sum.iter_mut().zip(small.weeks).for_each(|(sum, count)| *sum += count);
        }
        series.push(TimelineSeries { key: OTHERS.to_owned(), weeks: sum });
    }
    series
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuance::{Collection, Record};

    fn issued(days: &[i64]) -> Issuances {
        let mut collection = Collection::new(None);
        let origin = collection.origin("test");
        for (n, day) in days.iter().enumerate() {
            let record = Record {
                names: vec![format!("n{n}.example.net").into(), format!("*.n{n}.example.net").into()],
                issuer: Some("CN=Test CA".into()),
                serial: Some(format!("{n:x}1").into()),
                not_before: Some(day * DAY),
                ..Record::default()
            };
            collection.add(&record, origin);
        }
        collection.finish()
    }

    #[test]
    fn a_certificate_counts_once_in_its_week() {
        // 2023-11-20 is a Monday.
        let monday = 19_681;
        let issued = issued(&[monday, monday + 6, monday + 7, monday + 21]);
        let (timeline, left_out) = timeline(&issued, &|_| Some(0), &["p1"]).unwrap();
        assert_eq!((timeline.start.as_str(), left_out), ("2023-11-20", 0));
        assert_eq!(timeline.patterns[0].weeks, [2, 1, 0, 1]);
        assert_eq!(timeline.issuers[0].key, "CN=Test CA");
    }

    #[test]
    fn absurd_dates_are_left_out_and_counted() {
        let (timeline, left_out) = timeline(&issued(&[-700_000, 19_681]), &|_| Some(0), &["p1"]).unwrap();
        assert_eq!((timeline.patterns[0].weeks.len(), left_out), (1, 1));
        assert!(super::timeline(&issued(&[]), &|_| Some(0), &[]).is_none());
    }
}
