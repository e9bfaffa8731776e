//! [`HistoryReport`]: what a log says of CAA errors, as data.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Count, Explained, Rate};

/// Counts per bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Series {
    /// `all`, `class`, `level`, `zone` or `pattern`.
    pub by: &'static str,
    /// Which one; `all` for all.
    pub key: String,
    /// Errors per bucket from [`HistoryReport::series_start`] on; estimated from the sample where one had to be taken.
    pub counts: Vec<u64>,
}

/// What a log says of CAA errors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryReport {
    /// Lines read.
    pub lines: u64,
    /// CAA errors.
    pub errors: u64,
    /// First and last time in the log, errors or not, RFC 3339 UTC.
    pub log_from: Option<String>,
    /// See [`HistoryReport::log_from`].
    pub log_to: Option<String>,
    /// CAA errors by class, most first.
    pub classes: Vec<Count>,
    /// By the level they name.
    pub levels: Vec<Count>,
    /// By registered domain of the certificate's name, or of the level where the text does not name it.
    pub zones: Vec<Count>,
    /// By naming pattern of the certificate's name.
    pub patterns: Vec<Count>,
    /// By perspective of the CA.
    pub perspectives: Vec<Count>,
    /// ACME errors that are not about CAA, by type; not part of the counts above.
    pub other_errors: BTreeMap<String, u64>,
    /// Whether the rate of all CAA errors changed; `null` without times or with too few errors.
    pub rate: Option<Rate>,
    /// The same per class.
    pub rate_by_class: BTreeMap<&'static str, Rate>,
    /// Seconds of a bucket of the series.
    pub series_seconds: Option<i64>,
    /// Start of the first bucket, RFC 3339 UTC.
    pub series_start: Option<String>,
    /// Counts over time.
    pub series: Vec<Series>,
    /// The most frequent kinds of error, explained.
    pub explained: Vec<Explained>,
    /// What is missing, estimated or assumed, one sentence each.
    pub notes: Vec<String>,
}
