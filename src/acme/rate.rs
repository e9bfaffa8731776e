//! Whether the rate of errors changed: baseline, factor and since when, by a plain and robust statistic.
//!
//! The log's span is cut into equal buckets. The cut into two parts that fits counts of independent events best is taken
//! as a change if it is far from chance and at least a factor of two, also with the fullest bucket of each part left
//! out; then each part is looked at in the same way. Spread beyond chance (bursts) is estimated from neighbouring
//! buckets and raises the bar.

use std::collections::BTreeMap;

use serde::Serialize;

use super::time::rfc3339;

/// Widths of buckets in seconds: one to fifteen minutes, one and six hours, a day, a week.
const WIDTHS: [i64; 7] = [60, 300, 900, 3600, 21_600, DAY, 7 * DAY];
const DAY: i64 = 86_400;
/// Distinct buckets kept before the width grows.
const KEPT: usize = 4096;
/// Buckets of an analysis below one week of log.
const FINE: i64 = 120;
/// From this length on a day is the bucket, so that day and night do not look like changes.
const WEEK: i64 = 7 * DAY;
/// Parts that a history is cut into at most.
const PARTS: usize = 6;
/// Events needed before anything is said.
const LEAST: u64 = 12;

/// Counts of events in time, exact, with bounded memory: the width of the buckets grows when they are too many.
#[derive(Debug, Clone, Default)]
pub(super) struct Buckets {
    width: usize,
    counts: BTreeMap<i64, u64>,
}

impl Buckets {
    pub(super) fn add(&mut self, second: i64) {
        *self.counts.entry(second.div_euclid(WIDTHS[self.width])).or_default() += 1;
        if self.counts.len() > KEPT && self.width + 1 < WIDTHS.len() {
            let ratio = WIDTHS[self.width + 1] / WIDTHS[self.width];
            self.width += 1;
            for (bucket, count) in std::mem::take(&mut self.counts) {
                *self.counts.entry(bucket.div_euclid(ratio)).or_default() += count;
            }
        }
    }

    /// Counts per bucket of `width` seconds from the one that holds `first` to the one that holds `last`.
    pub(super) fn counts(&self, grid: Grid) -> Vec<u64> {
        let mut counts = vec![0; grid.length()];
        for (bucket, count) in &self.counts {
            let at = (bucket * WIDTHS[self.width]).div_euclid(grid.width) - grid.first;
            if let Some(sum) = usize::try_from(at).ok().and_then(|at| counts.get_mut(at)) {
                *sum += count;
            }
        }
        counts
    }

    fn least_width(&self) -> i64 {
        WIDTHS[self.width]
    }
}

/// The buckets of an analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    /// Seconds of one bucket.
    pub(super) width: i64,
    first: i64,
    last: i64,
    from: i64,
    to: i64,
}

impl Grid {
    /// The grid for a log from `from` to `to` seconds, never finer than `buckets` are kept.
    pub(super) fn new(from: i64, to: i64, buckets: &Buckets) -> Self {
        let span = to - from;
        let wanted = match span {
            _ if span >= 400 * DAY => 7 * DAY,
            _ if span >= WEEK => DAY,
            _ => *WIDTHS.iter().find(|width| span / **width <= FINE).unwrap_or(&DAY),
        };
        let width = wanted.max(buckets.least_width());
        Self { width, first: from.div_euclid(width), last: to.div_euclid(width), from, to }
    }

    fn length(self) -> usize {
        usize::try_from(self.last - self.first + 1).unwrap_or(0)
    }

    /// Start of a bucket in seconds since 1970.
    pub(super) fn start(self, bucket: usize) -> i64 {
        (self.first + i64::try_from(bucket).unwrap_or(0)) * self.width
    }

    /// The part of each bucket that the log covers, in buckets: 1 except at both ends.
    fn exposure(self, bucket: usize) -> f64 {
        let (start, end) = (self.start(bucket), self.start(bucket) + self.width);
        let covered = end.min(self.to + 1) - start.max(self.from);
        #[allow(clippy::cast_precision_loss, reason = "both are below 2^40")]
        let part = covered.max(1) as f64 / self.width as f64;
        part
    }
}

/// Whether and how the rate of events changed over a log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rate {
    /// Seconds of one bucket.
    pub bucket_seconds: i64,
    /// Events a day in the first part of the log.
    pub baseline_per_day: f64,
    /// When the rate left the baseline, RFC 3339 UTC; `null` if it did not.
    pub since: Option<String>,
    /// Rate of the part that begins then, over the baseline; `null` if nothing changed or the baseline is zero.
    pub factor: Option<f64>,
    /// The parts of the log, oldest first; one part if nothing changed.
    pub segments: Vec<Segment>,
}

/// A part of the log with one rate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Segment {
    /// Start, RFC 3339 UTC.
    pub from: String,
    /// End, RFC 3339 UTC.
    pub to: String,
    /// Events.
    pub errors: u64,
    /// Events a day.
    pub per_day: f64,
    /// Rate over the baseline; `null` where the baseline is zero.
    pub factor: Option<f64>,
}

impl Rate {
    /// The whole in one clause, by days where the buckets are days: `from 2023-11-21 to 2023-12-22 10 a day, 4.8 times the
    /// 2.08 a day before; since then 2.17 a day`.
    #[must_use]
    pub fn told(&self) -> String {
        let when = |time: &str| match self.bucket_seconds {
            DAY.. => time.split('T').next().unwrap_or(time).to_owned(),
            _ => time.strip_suffix(":00Z").map_or_else(|| time.to_owned(), |minutes| format!("{minutes}Z")),
        };
        let [first, change, later @ ..] = self.segments.as_slice() else {
            return format!("even, {} a day", figure(self.baseline_per_day));
        };
        let size = match change.factor {
            Some(factor) => {
                let (now, before) = (figure(change.per_day), figure(first.per_day));
                format!("{now} a day, {} times the {before} a day before", figure(factor))
            }
            None => format!("{} a day, none before", figure(change.per_day)),
        };
        let mut told = match later {
            [] => format!("since {} {size}", when(&change.from)),
            [next, ..] => format!("from {} to {} {size}", when(&change.from), when(&next.from)),
        };
        for (at, part) in later.iter().enumerate() {
            let factor = match part.factor {
                Some(0.9..=1.1) => ", as at the beginning".to_owned(),
                Some(factor) => format!(", {factor} times that of the beginning"),
                None => String::new(),
            };
            let lead = match at + 1 == later.len() {
                true if later.len() == 1 => "since then".to_owned(),
                true => format!("since {}", when(&part.from)),
                false => format!("then, to {},", when(&part.to)),
            };
            told.push_str(&format!("; {lead} {} a day{factor}", figure(part.per_day)));
        }
        told
    }
}

/// A rate or factor with as many digits as say something: `1131`, `38.3`, `2.08`.
fn figure(number: f64) -> String {
    let digits = match number.abs() {
        ..10.0 => 100.0,
        ..100.0 => 10.0,
        _ => 1.0,
    };
    ((number * digits).round() / digits).to_string()
}

/// Cuts a history into parts of one rate each; `None` when there are too few events or buckets to say anything.
pub(super) fn rate(counts: &[u64], grid: Grid) -> Option<Rate> {
    let events: u64 = counts.iter().sum();
    if events < LEAST || counts.len() < 4 || counts.len() != grid.length() {
        return None;
    }
    let data = Data::new(counts, grid);
    let mut cuts = vec![0, counts.len()];
    data.cut(0, counts.len(), &mut cuts);
    cuts.sort_unstable();
    #[allow(clippy::cast_precision_loss, reason = "a width is below 2^20")]
    let per_day = DAY as f64 / grid.width as f64;
    let baseline = data.rate(cuts[0], cuts[1]) * per_day;
    let factor = |rate: f64| (baseline > 0.0).then(|| rounded(rate / baseline));
    let segments: Vec<Segment> = cuts
        .windows(2)
        .map(|part| {
            let rate = data.rate(part[0], part[1]) * per_day;
            Segment {
                from: rfc3339(grid.start(part[0]).max(grid.from)),
                to: rfc3339((grid.start(part[1])).min(grid.to)),
                errors: counts[part[0]..part[1]].iter().sum(),
                per_day: rounded(rate),
                factor: factor(rate),
            }
        })
        .collect();
    let change = segments.get(1);
    Some(Rate {
        bucket_seconds: grid.width,
        baseline_per_day: rounded(baseline),
        since: change.map(|segment| segment.from.clone()),
        factor: change.and_then(|segment| segment.factor),
        segments,
    })
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

struct Data<'a> {
    counts: &'a [u64],
    exposures: Vec<f64>,
    /// Sums of counts and of exposures before each bucket.
    sums: Vec<(f64, f64)>,
    /// How much wider than chance neighbouring buckets spread; at least 1.
    spread: f64,
}

#[allow(clippy::cast_precision_loss, reason = "counts and lengths are far below 2^52")]
impl<'a> Data<'a> {
    fn new(counts: &'a [u64], grid: Grid) -> Self {
        let exposures: Vec<f64> = (0..counts.len()).map(|bucket| grid.exposure(bucket)).collect();
        let mut sums = vec![(0.0, 0.0)];
        for (count, exposure) in counts.iter().zip(&exposures) {
            let (events, time) = sums[sums.len() - 1];
            sums.push((events + *count as f64, time + exposure));
        }
        // Each squared step between neighbours is twice the variance; the median step ignores the few true changes.
        let mut steps: Vec<f64> = counts
            .windows(2)
            .filter(|pair| pair[0] + pair[1] > 0)
            .map(|pair| {
                let (one, two) = (pair[0] as f64, pair[1] as f64);
                (one - two).powi(2) / (one + two)
            })
            .collect();
        steps.sort_by(f64::total_cmp);
        // The median of a squared standard normal is 0.455.
        let spread = steps.get(steps.len() / 2).map_or(1.0, |median| (median / 0.455).max(1.0));
        Self { counts, exposures, sums, spread }
    }

    fn total(&self, from: usize, to: usize) -> (f64, f64) {
        (self.sums[to].0 - self.sums[from].0, self.sums[to].1 - self.sums[from].1)
    }

    /// Events per bucket.
    fn rate(&self, from: usize, to: usize) -> f64 {
        let (events, time) = self.total(from, to);
        if time > 0.0 { events / time } else { 0.0 }
    }

    /// Events per bucket without the fullest bucket, if there are enough buckets to do without it.
    fn rate_without_peak(&self, from: usize, to: usize) -> f64 {
        let peak = (from..to).max_by_key(|bucket| self.counts[*bucket]);
        match peak {
            Some(peak) if to - from >= 3 => {
                let (events, time) = self.total(from, to);
                (events - self.counts[peak] as f64).max(0.0) / (time - self.exposures[peak]).max(f64::MIN_POSITIVE)
            }
            _ => self.rate(from, to),
        }
    }

    fn likelihood(&self, from: usize, to: usize) -> f64 {
        let (events, time) = self.total(from, to);
        if events > 0.0 && time > 0.0 { events * (events / time).ln() } else { 0.0 }
    }

    fn cut(&self, from: usize, to: usize, cuts: &mut Vec<usize>) {
        if to - from < 2 || cuts.len() > PARTS {
            return;
        }
        let whole = self.likelihood(from, to);
        let gain = |at: usize| 2.0 * (self.likelihood(from, at) + self.likelihood(at, to) - whole) / self.spread;
        let Some(at) = (from + 1..to).max_by(|a, b| gain(*a).total_cmp(&gain(*b))) else { return };
        let bar = 16.0 + 2.0 * ((to - from) as f64).ln();
        let apart = |one: f64, two: f64| one.max(two) >= 2.0 * one.min(two) && one.max(two) > 0.0;
        let changed = gain(at) > bar
            && apart(self.rate(from, at), self.rate(at, to))
            && apart(self.rate_without_peak(from, at), self.rate_without_peak(at, to));
        if changed {
            cuts.push(at);
            self.cut(from, at, cuts);
            self.cut(at, to, cuts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A day in 2023, so that buckets of days begin at it.
    const START: i64 = 19_650 * DAY;

    fn of_days(days: &[u64]) -> Option<Rate> {
        let mut buckets = Buckets::default();
        for (day, count) in days.iter().enumerate() {
            for event in 0..*count {
                buckets.add(START + i64::try_from(day).unwrap() * DAY + i64::try_from(event * 7919 % 86_400).unwrap());
            }
        }
        let grid = Grid::new(START, START + i64::try_from(days.len()).unwrap() * DAY - 1, &buckets);
        rate(&buckets.counts(grid), grid)
    }

    #[test]
    fn a_fivefold_rise_is_dated_and_measured() {
        let days = [20, 22, 19, 21, 18, 20, 23, 17, 20, 21, 100, 98, 103, 99, 101, 97, 104, 100];
        let rate = of_days(&days).unwrap();
        assert_eq!(rate.segments.len(), 2);
        assert_eq!(rate.since.as_deref(), Some(rfc3339(START + 10 * DAY).as_str()));
        assert!((4.8..5.2).contains(&rate.factor.unwrap()), "{rate:?}");
        assert!(
            rate.told().starts_with("since 2023-10-30 100") && rate.told().ends_with(" a day before"),
            "{}",
            rate.told()
        );
        assert!((19.0..21.0).contains(&rate.baseline_per_day), "{rate:?}");
    }

    #[test]
    fn a_rise_and_its_end_are_both_seen() {
        let mut days = vec![10; 12];
        days.extend([60; 10]);
        days.extend([11; 9]);
        let factors: Vec<_> = of_days(&days).unwrap().segments.iter().map(|part| part.factor.unwrap()).collect();
        assert_eq!(factors.len(), 3, "{factors:?}");
        assert!(factors[1] > 5.0 && factors[2] < 1.5, "{factors:?}");
        let told = of_days(&days).unwrap().told();
        assert_eq!(
            told,
            "from 2023-11-01 to 2023-11-11 60 a day, 6 times the 10 a day before; \
             since then 11 a day, as at the beginning"
        );
    }

    #[test]
    fn an_even_log_has_one_part() {
        for days in
            [vec![20, 24, 17, 22, 19, 21, 18, 25, 16, 20, 22, 19], vec![3; 40], vec![0, 5, 1, 7, 0, 4, 9, 2, 0, 6]]
        {
            let rate = of_days(&days).unwrap();
            assert!(rate.told().starts_with("even, "), "{}", rate.told());
            assert_eq!((rate.segments.len(), rate.since), (1, None), "{days:?}");
        }
    }

    #[test]
    fn one_burst_is_no_change_of_rate() {
        let mut days = vec![5; 30];
        days[14] = 300;
        let rate = of_days(&days).unwrap();
        assert!(
            rate.segments.iter().all(|part| part.factor.is_some_and(|factor| factor < 2.0) || part.errors == 300),
            "{rate:?}"
        );
    }

    #[test]
    fn errors_that_were_never_seen_before_have_no_factor() {
        let mut days = vec![0; 10];
        days.extend([30; 10]);
        let rate = of_days(&days).unwrap();
        assert_eq!(rate.told(), "since 2023-10-30 30 a day, none before");
        assert_eq!((rate.since.is_some(), rate.factor), (true, None));
    }

    #[test]
    fn too_few_events_say_nothing() {
        assert_eq!(of_days(&[1, 0, 2, 0, 1, 0, 0, 1, 0]), None);
    }

    proptest! {
        #[test]
        fn the_parts_hold_every_event_once(times in proptest::collection::vec(0i64..4_000_000_000, 0..300)) {
            let mut buckets = Buckets::default();
            for time in &times {
                buckets.add(*time);
            }
            if let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) {
                let grid = Grid::new(*first, *last, &buckets);
                if let Some(rate) = rate(&buckets.counts(grid), grid) {
                    let sum: u64 = rate.segments.iter().map(|part| part.errors).sum();
                    prop_assert_eq!(sum, times.len() as u64);
                }
            }
        }
    }
}
