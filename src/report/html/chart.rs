//! Certificates per week as stacked bars: geometry only, the template draws and escapes.

use crate::report::digest::{counted, thousands};
use crate::report::{Timeline, TimelineSeries, safe};

/// Series with a colour of their own; the rest are drawn together.
const COLOURS: usize = 5;
const WIDTH: usize = 960;
const LEFT: usize = 50;
const TOP: usize = 10;
const BASE: usize = 170;

/// A stacked bar chart.
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) summary: String,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) base: usize,
    pub(super) label_y: usize,
    pub(super) most: String,
    pub(super) bars: Vec<Bar>,
    pub(super) ticks: Vec<(String, String)>,
    /// Class of the colour, and whose it is.
    pub(super) legend: Vec<(&'static str, String)>,
}

/// One piece of a stack.
pub(super) struct Bar {
    pub(super) class: &'static str,
    pub(super) x: String,
    pub(super) y: String,
    pub(super) width: String,
    pub(super) height: String,
    pub(super) title: String,
}

const CLASSES: [&str; COLOURS + 1] = ["c0", "c1", "c2", "c3", "c4", "c5"];

/// Draws series, largest first at the base; `None` where there is nothing to show.
pub(super) fn chart(
    title: &'static str,
    timeline: &Timeline,
    series: &[TimelineSeries],
    name: &dyn Fn(&str) -> String,
) -> Option<Chart> {
    let weeks = series.iter().map(|series| series.weeks.len()).max()?;
    let mut sorted: Vec<(&TimelineSeries, u64)> = series.iter().map(|s| (s, s.weeks.iter().sum())).collect();
    sorted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.key.cmp(&b.0.key)));
    let own = if sorted.len() <= COLOURS + 1 { sorted.len() } else { COLOURS };
    let mut layers: Vec<(String, Vec<u64>)> = sorted[..own]
        .iter()
        .map(|(series, _)| (safe::text(&name(&series.key)).into_owned(), series.weeks.clone()))
        .collect();
    if sorted.len() > own {
        let mut rest = vec![0; weeks];
        for (series, _) in &sorted[own..] {
            for (sum, count) in rest.iter_mut().zip(&series.weeks) {
                *sum += count;
            }
        }
        layers.push((format!("{} more", thousands((sorted.len() - own) as u64)), rest));
    }
    let totals: Vec<u64> =
        (0..weeks).map(|week| layers.iter().filter_map(|(_, counts)| counts.get(week)).sum()).collect();
    let most = totals.iter().copied().max().filter(|most| *most > 0)?;
    let days = WeekStarts::from(&timeline.start);
    Some(Chart {
        title,
        summary: format!(
            "{} in {}, {} in the busiest",
            counted(totals.iter().sum(), "certificate"),
            counted(weeks as u64, "week"),
            thousands(most)
        ),
        width: WIDTH,
        height: BASE + 24,
        base: BASE,
        label_y: BASE + 16,
        most: thousands(most),
        bars: bars(&layers, weeks, most, &days),
        ticks: ticks(weeks, &days),
        legend: layers.into_iter().enumerate().map(|(at, (label, _))| (CLASSES[at.min(COLOURS)], label)).collect(),
    })
}

/// Certificates of each week with its Monday, over all series.
pub(super) fn weeks(timeline: &Timeline) -> Vec<(String, String)> {
    let series = if timeline.issuers.is_empty() { &timeline.patterns } else { &timeline.issuers };
    let count = series.iter().map(|series| series.weeks.len()).max().unwrap_or(0);
    let days = WeekStarts::from(&timeline.start);
    (0..count)
        .map(|week| (days.of(week), thousands(series.iter().filter_map(|series| series.weeks.get(week)).sum())))
        .collect()
}

/// Thousandths of the drawing's unit as a decimal text: exact, the same on every machine.
fn decimal(thousandths: u64) -> String {
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
}

/// Where a week begins, in thousandths.
fn place(week: usize, weeks: usize) -> u64 {
    (LEFT * 1000 + (WIDTH - LEFT) * 1000 * week / weeks.max(1)) as u64
}

fn bars(layers: &[(String, Vec<u64>)], weeks: usize, most: u64, days: &WeekStarts) -> Vec<Bar> {
    let full = ((BASE - TOP) * 1000) as u64;
    let scaled = |count: u64| u64::try_from(u128::from(count) * u128::from(full) / u128::from(most)).unwrap_or(full);
    let mut bars = Vec::new();
    for week in 0..weeks {
        let (from, to) = (place(week, weeks), place(week + 1, weeks));
        let gap = ((to - from) / 8).min(2000);
        let mut stacked = 0;
        for (at, (label, counts)) in layers.iter().enumerate() {
            let count = counts.get(week).copied().unwrap_or(0);
            if count == 0 {
                continue;
            }
            let (low, high) = (scaled(stacked), scaled(stacked + count));
            stacked += count;
            bars.push(Bar {
                class: CLASSES[at.min(COLOURS)],
                x: decimal(from),
                y: decimal((BASE * 1000) as u64 - high),
                width: decimal(to - from - gap),
                height: decimal(high - low),
                title: format!("week of {}: {}, {label}", days.of(week), counted(count, "certificate")),
            });
        }
    }
    bars
}

fn ticks(weeks: usize, days: &WeekStarts) -> Vec<(String, String)> {
    let step = weeks.div_ceil(8).max(1);
    (0..weeks).step_by(step).map(|week| (decimal(place(week, weeks)), days.of(week))).collect()
}

/// The Mondays after the first one.
struct WeekStarts<'a> {
    start: &'a str,
    date: Option<jiff::civil::Date>,
}

impl<'a> WeekStarts<'a> {
    fn from(start: &'a str) -> Self {
        Self { start, date: start.parse().ok() }
    }

    fn of(&self, week: usize) -> String {
        let days = i64::try_from(week).unwrap_or(i64::MAX).saturating_mul(7).min(4_000_000);
        match self.date.and_then(|date| date.checked_add(jiff::Span::new().days(days)).ok()) {
            Some(date) => date.to_string(),
            None => format!("{} + {week} weeks", safe::text(self.start)),
        }
    }
}
