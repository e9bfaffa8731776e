//! Certificates per week: bars stacked by issuer, and a lane for each pattern. Geometry only; the template draws.

use std::collections::BTreeMap;

use super::page::clean;
use crate::pattern::Pattern;
use crate::report::digest::{self, counted, thousands};
use crate::report::{Timeline, TimelineSeries, safe};

/// Series with a colour of their own; the rest are drawn together.
const COLOURS: usize = 5;
const WIDTH: usize = 960;
const LEFT: usize = 50;
const TOP: usize = 10;
const BASE: usize = 190;
/// Size of a lane.
const LANE: (usize, usize) = (600, 28);

/// A stacked bar chart.
pub(super) struct Chart {
    pub(super) summary: String,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) label_y: usize,
    /// Height and number of each line behind the bars.
    pub(super) grid: Vec<(String, String)>,
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

/// One pattern's certificates over the same weeks, to its own scale.
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) summary: String,
    pub(super) bars: Vec<Bar>,
    pub(super) total: String,
    pub(super) most: String,
}

const CLASSES: [&str; COLOURS + 1] = ["c0", "c1", "c2", "c3", "c4", "c5"];

/// Draws the issuers, largest first at the base; `None` where there is nothing to show.
pub(super) fn chart(timeline: &Timeline) -> Option<Chart> {
    let weeks = weeks_of(timeline);
    let layers = layers(&timeline.issuers, weeks);
    let totals: Vec<u64> =
        (0..weeks).map(|week| layers.iter().filter_map(|(_, counts)| counts.get(week)).sum()).collect();
    let most = totals.iter().copied().max().filter(|most| *most > 0)?;
    let (step, top) = scale(most);
    let days = WeekStarts::from(&timeline.start);
    Some(Chart {
        summary: format!(
            "{} in {}, {} in the busiest",
            counted(totals.iter().sum(), "certificate"),
            counted(weeks as u64, "week"),
            thousands(most)
        ),
        width: WIDTH,
        height: BASE + 24,
        label_y: BASE + 16,
        grid: (0..=top / step)
            .map(|line| (decimal((BASE * 1000) as u64 - scaled(line * step, top, BASE - TOP)), thousands(line * step)))
            .collect(),
        bars: bars(&layers, weeks, top, &days),
        ticks: ticks(weeks, &days),
        legend: layers.into_iter().enumerate().map(|(at, (label, _))| (CLASSES[at.min(COLOURS)], label)).collect(),
    })
}

/// Each pattern that has a series, most certificates first.
pub(super) fn lanes(timeline: &Timeline, patterns: &[Pattern]) -> Vec<Lane> {
    let templates: BTreeMap<&str, &str> =
        patterns.iter().map(|pattern| (pattern.id.as_str(), pattern.template.as_str())).collect();
    let weeks = weeks_of(timeline);
    let days = WeekStarts::from(&timeline.start);
    let lane = |series: &TimelineSeries| {
        let most = series.weeks.iter().copied().max().unwrap_or(0);
        let total: u64 = series.weeks.iter().sum();
        let template = templates.get(series.key.as_str()).map(|template| clean(template));
        let name = template.unwrap_or_else(|| clean(&format!("{} patterns", series.key)));
        let (width, height) = LANE;
        let bars = series.weeks.iter().enumerate().filter(|(_, count)| **count > 0).map(|(week, count)| {
            // What is there is seen, however little.
            let tall = scaled(*count, most, height).max(1500);
            let (from, to) = (place(week, weeks, 0, width), place(week + 1, weeks, 0, width));
            Bar {
                class: CLASSES[0],
                x: decimal(from),
                y: decimal((height * 1000) as u64 - tall),
                width: decimal(to - from - gap(from, to)),
                height: decimal(tall),
                title: format!("week of {}: {}", days.of(week), counted(*count, "certificate")),
            }
        });
        Lane {
            summary: format!("{name}: {}, {} in the busiest week", counted(total, "certificate"), thousands(most)),
            bars: bars.collect(),
            total: thousands(total),
            most: thousands(most),
            name,
        }
    };
    timeline.patterns.iter().map(lane).collect()
}

/// The time that the weeks cover: `2023-11-20 to 2023-12-18`.
pub(super) fn span(timeline: &Timeline) -> String {
    let days = WeekStarts::from(&timeline.start);
    format!("{} to {}", days.of(0), days.of(weeks_of(timeline).saturating_sub(1)))
}

/// Certificates of each week with its Monday.
pub(super) fn weeks(timeline: &Timeline) -> Vec<(String, String)> {
    let days = WeekStarts::from(&timeline.start);
    (0..weeks_of(timeline))
        .map(|week| {
            let sum = timeline.issuers.iter().filter_map(|series| series.weeks.get(week)).sum();
            (days.of(week), thousands(sum))
        })
        .collect()
}

fn weeks_of(timeline: &Timeline) -> usize {
    let series = timeline.issuers.iter().chain(&timeline.patterns);
    series.map(|series| series.weeks.len()).max().unwrap_or(0)
}

/// The largest series by name, and the sum of the others.
fn layers(series: &[TimelineSeries], weeks: usize) -> Vec<(String, Vec<u64>)> {
    let mut sorted: Vec<(&TimelineSeries, u64)> = series.iter().map(|s| (s, s.weeks.iter().sum())).collect();
    sorted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.key.cmp(&b.0.key)));
    let own = if sorted.len() <= COLOURS + 1 { sorted.len() } else { COLOURS };
    let mut layers: Vec<(String, Vec<u64>)> =
        sorted[..own].iter().map(|(series, _)| (clean(&digest::issuer(&series.key)), series.weeks.clone())).collect();
    if sorted.len() > own {
        let mut rest = vec![0; weeks];
        for (series, _) in &sorted[own..] {
            for (sum, count) in rest.iter_mut().zip(&series.weeks) {
                *sum += count;
            }
        }
        layers.push((format!("{} more", thousands((sorted.len() - own) as u64)), rest));
    }
    layers
}

/// The step of the grid, 1, 2 or 5 times a power of ten, and the next multiple of it that holds `most`.
fn scale(most: u64) -> (u64, u64) {
    let steps = (0..19).flat_map(|power| [1, 2, 5].map(|factor| factor * 10_u64.pow(power)));
    let step = steps.into_iter().find(|step| most.div_ceil(*step) <= 4).unwrap_or(5_000_000_000_000_000_000);
    (step, most.div_ceil(step).saturating_mul(step))
}

/// Thousandths of the drawing's unit as a decimal text: exact, the same on every machine.
fn decimal(thousandths: u64) -> String {
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
}

/// The height of a count in thousandths, where `top` is `full` units high.
fn scaled(count: u64, top: u64, full: usize) -> u64 {
    let full = (full * 1000) as u64;
    u64::try_from(u128::from(count) * u128::from(full) / u128::from(top.max(1))).unwrap_or(full)
}

/// Where a week begins between two edges, in thousandths.
fn place(week: usize, weeks: usize, left: usize, right: usize) -> u64 {
    (left * 1000 + (right - left) * 1000 * week / weeks.max(1)) as u64
}

fn gap(from: u64, to: u64) -> u64 {
    ((to - from) / 8).min(2000)
}

fn bars(layers: &[(String, Vec<u64>)], weeks: usize, top: u64, days: &WeekStarts) -> Vec<Bar> {
    let mut bars = Vec::new();
    for week in 0..weeks {
        let (from, to) = (place(week, weeks, LEFT, WIDTH), place(week + 1, weeks, LEFT, WIDTH));
        let mut stacked = 0;
        for (at, (label, counts)) in layers.iter().enumerate() {
            let count = counts.get(week).copied().unwrap_or(0);
            if count == 0 {
                continue;
            }
            let (low, high) = (scaled(stacked, top, BASE - TOP), scaled(stacked + count, top, BASE - TOP));
            stacked += count;
            bars.push(Bar {
                class: CLASSES[at.min(COLOURS)],
                x: decimal(from),
                y: decimal((BASE * 1000) as u64 - high),
                width: decimal(to - from - gap(from, to)),
                height: decimal(high - low),
                title: format!("week of {}: {}, {label}", days.of(week), counted(count, "certificate")),
            });
        }
    }
    bars
}

fn ticks(weeks: usize, days: &WeekStarts) -> Vec<(String, String)> {
    let step = weeks.div_ceil(8).max(1);
    (0..weeks).step_by(step).map(|week| (decimal(place(week, weeks, LEFT, WIDTH)), days.of(week))).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_has_round_steps_and_holds_the_busiest_week() {
        for (most, expected) in [
            (1, (1, 1)),
            (4, (1, 4)),
            (5, (2, 6)),
            (9, (5, 10)),
            (17, (5, 20)),
            (243, (100, 300)),
            (611, (200, 800)),
            (u64::MAX / 4, (2_000_000_000_000_000_000, 6_000_000_000_000_000_000)),
        ] {
            assert_eq!(scale(most), expected, "{most}");
        }
    }
}
