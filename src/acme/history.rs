//! [`History`]: many errors over time, from a log of any length with bounded memory.

use std::collections::{BTreeMap, BinaryHeap};
use std::hash::BuildHasher;

use super::detail::AcmeError;
use super::history_report::{HistoryReport, Series};
use super::kinds::{KINDS, Kinds};
use super::rate::{Buckets, Grid, Rate, rate};
use super::stream::{Event, LINE, Reader};
use super::tally::{Count, Keyed, Span, Tally, ranked};
use super::time::rfc3339;
use super::{ErrorClass, Perspective};
use crate::name::{DomainName, registered_domain};

/// What a history keeps at most.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Levels, and zones, counted exactly; the rest is counted together.
    keys: usize,
    /// Errors kept one by one, to learn patterns from and to draw series of levels, zones and patterns.
    sample: usize,
}

const BOUNDS: Bounds = Bounds { keys: 10_000, sample: 65_536 };
/// Series of each kind in the report.
const SERIES: usize = 10;

/// Reads a log line by line and counts the CAA errors in it.
///
/// Memory does not follow the length of the log: keys, explanations and the sample are bounded, and what a bound leaves
/// out is counted and said in [`HistoryReport::notes`].
#[derive(Debug)]
pub struct History {
    bounds: Bounds,
    reader: Reader,
    events: Vec<Event>,
    lines: u64,
    errors: u64,
    without_time: u64,
    span: Span,
    all: Buckets,
    classes: BTreeMap<ErrorClass, (Tally, Buckets)>,
    perspectives: BTreeMap<Perspective, Tally>,
    levels: Keyed,
    zones: Keyed,
    kinds: Kinds,
    others: BTreeMap<String, u64>,
    sample: BinaryHeap<Kept>,
}

/// What a series is drawn by.
type KeyOf<'a> = &'a dyn Fn(&Kept) -> Option<String>;

/// One error of the sample, ordered by the hash of its place in the log: the smallest hashes stay.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kept {
    hash: u64,
    place: u64,
    time: Option<i64>,
    level: Option<DomainName>,
    name: Option<DomainName>,
}

impl Default for History {
    fn default() -> Self {
        Self::new(None)
    }
}

impl History {
    /// An empty history. Times without a year (syslog, klog) take the latest that lies before `now`, seconds since 1970, or
    /// the one closest to the times before them; without `now`, and before any other time, they are not used.
    #[must_use]
    pub fn new(now: Option<i64>) -> Self {
        Self::bounded(now, BOUNDS)
    }

    fn bounded(now: Option<i64>, bounds: Bounds) -> Self {
        Self {
            bounds,
            reader: Reader::new(now),
            events: Vec::new(),
            lines: 0,
            errors: 0,
            without_time: 0,
            span: Span::default(),
            all: Buckets::default(),
            classes: BTreeMap::new(),
            perspectives: BTreeMap::new(),
            levels: Keyed::default(),
            zones: Keyed::default(),
            kinds: Kinds::default(),
            others: BTreeMap::new(),
            sample: BinaryHeap::new(),
        }
    }

    /// Reads one line, with or without its line end; at most 1 MiB of it.
    pub fn add_line(&mut self, line: &str) {
        self.lines += 1;
        let mut events = std::mem::take(&mut self.events);
        self.reader.line(line, &mut events);
        if let Some(time) = self.reader.time {
            self.span.add(time);
        }
        self.take(&mut events);
        self.events = events;
    }

    /// Errors counted so far.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// The names of the errors kept in the sample, in order of the names, without repetition: what patterns are learnt from.
    #[must_use]
    pub fn names(&self) -> Vec<&DomainName> {
        let mut names: Vec<&DomainName> = self.sample.iter().filter_map(|kept| kept.name.as_ref()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Ends an open mention or document at the end of a file; [`History::finish`] does so too.
    pub fn end_of_input(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        self.reader.finish(&mut events);
        self.take(&mut events);
        self.events = events;
    }

    fn take(&mut self, events: &mut Vec<Event>) {
        for event in events.drain(..) {
            match event {
                Event::Error(error, time) => self.count(*error, time),
                Event::Other(kind) => {
                    let known = self.others.contains_key(&kind) || self.others.len() < KINDS;
                    *self.others.entry(if known { kind } else { "more".into() }).or_default() += 1;
                }
            }
        }
    }

    fn count(&mut self, error: AcmeError, time: Option<i64>) {
        self.errors += 1;
        match time {
            Some(time) => {
                self.span.add(time);
                self.all.add(time);
            }
            None => self.without_time += 1,
        }
        let class = self.classes.entry(error.class).or_default();
        class.0.add(time);
        if let Some(time) = time {
            class.1.add(time);
        }
        self.perspectives.entry(error.perspective).or_default().add(time);
        if let Some(level) = &error.level {
            self.levels.add(level.as_str(), time, self.bounds.keys);
        }
        let name = error.name.clone().or_else(|| error.level.clone().filter(|level| level.depth() > 0));
        if let Some(zone) = name.as_ref().and_then(|name| registered_domain(name.as_str())) {
            self.zones.add(zone, time, self.bounds.keys);
        }
        self.kinds.add(&error);
        let hash = foldhash::quality::FixedState::default().hash_one(self.errors);
        let kept = Kept { hash, place: self.errors, time, level: error.level, name };
        self.sample.push(kept);
        if self.sample.len() > self.bounds.sample {
            self.sample.pop();
        }
    }

    /// The report. `pattern_of` gives the naming pattern of a name, if one is known; see [`History::names`].
    #[must_use]
    pub fn finish(mut self, pattern_of: &dyn Fn(&DomainName) -> Option<String>) -> HistoryReport {
        self.end_of_input();
        let grid = match (self.span.first, self.span.last) {
            (Some(first), Some(last)) if !self.classes.is_empty() => Some(Grid::new(first, last, &self.all)),
            _ => None,
        };
        let mut kept = std::mem::take(&mut self.sample).into_vec();
        kept.sort_unstable_by_key(|kept| kept.place);
        let patterns = self.patterns(&kept, pattern_of);
        let mut classes: Vec<Count> =
            self.classes.iter().map(|(class, (tally, _))| tally.count(class.as_str())).collect();
        classes = ranked(classes);
        HistoryReport {
            lines: self.lines,
            errors: self.errors,
            log_from: self.span.first.map(rfc3339),
            log_to: self.span.last.map(rfc3339),
            levels: self.levels.counts(),
            zones: self.zones.counts(),
            perspectives: ranked(self.perspectives.iter().map(|(seen, tally)| tally.count(seen.as_str())).collect()),
            other_errors: self.others.clone(),
            rate: grid.and_then(|grid| rate(&self.all.counts(grid), grid)),
            rate_by_class: grid.map(|grid| self.rate_by_class(grid)).unwrap_or_default(),
            series_seconds: grid.map(|grid| grid.width),
            series_start: grid.map(|grid| rfc3339(grid.start(0))),
            series: grid.map(|grid| self.series(grid, &kept, pattern_of)).unwrap_or_default(),
            explained: self.kinds.explained(),
            notes: self.notes(),
            classes,
            patterns,
        }
    }

    fn patterns(&self, kept: &[Kept], pattern_of: &dyn Fn(&DomainName) -> Option<String>) -> Vec<Count> {
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        for kept in kept {
            if let Some(pattern) = kept.name.as_ref().and_then(pattern_of) {
                tallies.entry(pattern).or_default().add(kept.time);
            }
        }
        let count = |(key, tally): (&String, &Tally)| {
            let mut count = tally.count(key);
            count.count = self.scaled(count.count);
            count
        };
        ranked(tallies.iter().map(count).collect())
    }

    /// A count of the sample as an estimate of the count in the log.
    fn scaled(&self, count: u64) -> u64 {
        let sampled = self.errors.min(self.bounds.sample as u64).max(1);
        u64::try_from(u128::from(count) * u128::from(self.errors) / u128::from(sampled)).unwrap_or(u64::MAX)
    }

    fn rate_by_class(&self, grid: Grid) -> BTreeMap<&'static str, Rate> {
        self.classes
            .iter()
            .filter_map(|(class, (_, buckets))| Some((class.as_str(), rate(&buckets.counts(grid), grid)?)))
            .collect()
    }

    fn series(&self, grid: Grid, kept: &[Kept], pattern_of: &dyn Fn(&DomainName) -> Option<String>) -> Vec<Series> {
        let mut series = vec![Series { by: "all", key: "all".into(), counts: self.all.counts(grid) }];
        for (class, (_, buckets)) in &self.classes {
            series.push(Series { by: "class", key: class.as_str().into(), counts: buckets.counts(grid) });
        }
        let level: KeyOf<'_> = &|kept| kept.level.as_ref().map(DomainName::to_string);
        let zone: KeyOf<'_> =
            &|kept| kept.name.as_ref().and_then(|name| registered_domain(name.as_str())).map(str::to_owned);
        let pattern: KeyOf<'_> = &|kept| kept.name.as_ref().and_then(pattern_of);
        for (by, key_of) in [("level", level), ("zone", zone), ("pattern", pattern)] {
            let mut keyed: BTreeMap<String, (u64, Buckets)> = BTreeMap::new();
            for kept in kept {
                if let (Some(key), Some(time)) = (key_of(kept), kept.time) {
                    let (count, buckets) = keyed.entry(key).or_default();
                    *count += 1;
                    buckets.add(time);
                }
            }
            let mut most: Vec<_> = keyed.into_iter().collect();
            most.sort_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
            series.extend(most.into_iter().take(SERIES).map(|(key, (_, buckets))| Series {
                by,
                key,
                counts: buckets.counts(grid).into_iter().map(|count| self.scaled(count)).collect(),
            }));
        }
        series
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.errors > 0 {
            notes.push("Every mention of an error is counted; a client may log one error more than once. Counts are errors, not errors per attempt.".into());
        }
        let Bounds { keys, sample } = self.bounds;
        for (count, what) in [
            (self.without_time, "Errors without a time, left out of everything over time".to_owned()),
            (
                self.errors.saturating_sub(sample as u64),
                format!(
                    "Errors beyond the sample of {sample}, which patterns and series of levels, zones and patterns are estimated from"
                ),
            ),
            (
                self.levels.left_out,
                format!("Errors that name a level beyond the first {keys} distinct ones, not counted by level"),
            ),
            (
                self.zones.left_out,
                format!("Errors of a zone beyond the first {keys} distinct ones, not counted by zone"),
            ),
            (self.reader.cut_lines, format!("Lines longer than {LINE} octets, read up to there")),
        ] {
            if count > 0 {
                notes.push(format!("{what}: {count}."));
            }
        }
        if self.reader.zone_assumed && self.errors > 0 {
            notes.push("Some times state no zone; they are taken as UTC.".into());
        }
        notes
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
