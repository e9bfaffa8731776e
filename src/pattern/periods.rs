//! How often names get a new certificate: the gaps between certificates of one name, told as medians of a pattern.

use std::collections::BTreeMap;

use super::observation::NameIndex;
use super::said::{Patterns, Periods};
use super::summary::Summary;

const DAY: i64 = 86_400;

/// Tells the periods of every pattern some of whose names had several certificates.
///
/// Certificates of one name that start within a day of each other are one renewal: clients ask again, and services issue
/// for several keys at once.
pub(super) fn tell(summary: &Summary, result: &mut Patterns) {
    let dated = summary.edges.iter().filter_map(|&(certificate, name)| {
        let (start, end) = summary.certificates[certificate as usize].validity;
        (start != i64::MAX && summary.kept(NameIndex(name >> 1))).then_some((name >> 1, start, end))
    });
    let mut dated: Vec<(u32, i64, i64)> = dated.collect();
    dated.sort_unstable();
    dated.dedup();
    let mut gaps: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    let mut lives: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    for rows in dated.chunk_by(|a, b| a.0 == b.0) {
        let pattern = result.assignment[rows[0].0 as usize];
        let mut before: Option<i64> = None;
        for &(_, start, end) in rows {
            if before.is_some_and(|before| start - before < DAY) {
                continue;
            }
            if let Some(before) = before {
                gaps.entry(pattern).or_default().push(start - before);
                if end != i64::MIN && end > start {
                    lives.entry(pattern).or_default().push(end - start);
                }
            }
            before = Some(start);
        }
    }
    for (at, gaps) in &mut gaps {
        result.patterns[*at as usize].periods = Some(Periods {
            renewals: gaps.len() as u64,
            renewal_days: median_days(gaps),
            valid_days: lives.get_mut(at).map(|lives| median_days(lives)),
        });
    }
}

/// The median, rounded to days.
fn median_days(seconds: &mut [i64]) -> u64 {
    let middle = seconds.len() / 2;
    let (_, median, _) = seconds.select_nth_unstable(middle);
    u64::try_from((*median + DAY / 2) / DAY).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::{Observation, Settings, learn};
    use super::*;

    #[test]
    fn the_period_is_the_median_over_names_and_repeats_within_a_day_are_one_renewal() {
        let mut summary = Summary::new();
        for (name, days) in
            [("a1.example.net", [0, 60, 121]), ("a2.example.net", [3, 63, 122]), ("a3.example.net", [5, 64, 64])]
        {
            for (at, day) in days.into_iter().enumerate() {
                let start = 1_700_000_000 + day * DAY + i64::try_from(at).unwrap();
                summary.add(&Observation {
                    name,
                    wildcard: false,
                    certificate: Some(u64::try_from(start).unwrap()),
                    issuer: None,
                    not_before: Some(start),
                    not_after: Some(start + 90 * DAY),
                });
            }
        }
        let patterns = learn(&summary, &Settings::default()).patterns;
        let periods = patterns[0].periods.expect("three names with several certificates");
        assert_eq!(periods, Periods { renewals: 5, renewal_days: 60, valid_days: Some(90) });
        assert!(patterns[0].notes.iter().any(|note| note.contains("about every 60 days")), "{:?}", patterns[0].notes);
    }
}
