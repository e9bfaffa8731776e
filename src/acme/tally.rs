//! Counts by key, with the first and last time of each.

use std::collections::BTreeMap;

use serde::Serialize;

use super::time::rfc3339;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    pub(super) first: Option<i64>,
    pub(super) last: Option<i64>,
}

impl Span {
    pub(super) fn add(&mut self, time: i64) {
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) span: Span,
}

impl Tally {
    pub(super) fn add(&mut self, time: Option<i64>) {
        self.count += 1;
        if let Some(time) = time {
            self.span.add(time);
        }
    }

    pub(super) fn count(&self, key: &str) -> Count {
        Count {
            key: key.to_owned(),
            count: self.count,
            first: self.span.first.map(rfc3339),
            last: self.span.last.map(rfc3339),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Keyed {
    pub(super) tallies: BTreeMap<String, Tally>,
    pub(super) left_out: u64,
}

impl Keyed {
    pub(super) fn add(&mut self, key: &str, time: Option<i64>, most: usize) {
        if let Some(tally) = self.tallies.get_mut(key) {
            tally.add(time);
        } else if self.tallies.len() < most {
            self.tallies.entry(key.to_owned()).or_default().add(time);
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn counts(&self) -> Vec<Count> {
        ranked(self.tallies.iter().map(|(key, tally)| tally.count(key)).collect())
    }
}

/// Most first, then by key.
pub(super) fn ranked(mut counts: Vec<Count>) -> Vec<Count> {
    counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
    counts
}

/// How often one class, level, zone or pattern stands in the errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The class, level, zone, pattern, ...
    pub key: String,
    /// Errors.
    pub count: u64,
    /// First time, RFC 3339 UTC.
    pub first: Option<String>,
    /// Last time, RFC 3339 UTC.
    pub last: Option<String>,
}
