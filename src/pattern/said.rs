//! [`Pattern`]: what is said of a family of names, as reports print it.

use jiff::Timestamp;
use serde::Serialize;

use super::observation::NameIndex;
use super::shown::Column;

/// A family of names, or a single name that belongs to none.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Pattern {
    /// Stable: a hash of the root and the template without `*.`, 16 hexadecimal digits.
    pub id: String,
    /// The registered domain.
    pub root: String,
    /// As read, leftmost label first; `*.` before it when only wildcards were seen.
    pub template: String,
    /// Anchored, over the whole name with its `*.`; matches the pattern's own names and those of no other pattern.
    pub regex: String,
    /// Distinct names, `*.` forms counted.
    pub names: u64,
    /// Distinct names without regard to `*.`.
    pub distinct: u64,
    /// Distinct certificates that hold one of the names.
    pub certificates: u64,
    /// In which forms the names were seen.
    pub wildcard: Forms,
    /// Issuers of those certificates, most frequent first.
    pub issuers: Vec<IssuerCount>,
    /// Earliest start of validity.
    pub first_seen: Option<Timestamp>,
    /// Latest start of validity.
    pub last_seen: Option<Timestamp>,
    /// A few names, always the same ones for the same input.
    pub examples: Vec<String>,
    /// What varies, leftmost first, with reasons.
    pub columns: Vec<Column>,
    /// Whether it is one name that belongs to no family.
    pub single: bool,
    /// New names a week between the first and the last.
    pub per_week: Option<f64>,
    /// Days between one certificate of a name and its next one, and days that a certificate is valid: medians.
    pub periods: Option<Periods>,
    /// Decimal logarithm of how many names the pattern allows.
    pub language_log10: f64,
    /// Binary logarithm of the share of the allowed names that was seen: near 0 for counters, far below for random ids.
    pub density: f64,
    /// The levels of the climb, from the names themselves to the TLD.
    pub levels: Vec<LevelTemplate>,
    /// What the names on one certificate have in common, most frequent first.
    pub shapes: Vec<String>,
    /// What follows from all this.
    pub notes: Vec<String>,
}

/// How often names of a pattern get a new certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Periods {
    /// Certificates that followed an earlier one of the same name.
    pub renewals: u64,
    /// Median of the days between the starts of two certificates of one name in a row.
    pub renewal_days: u64,
    /// Median of the days that certificates are valid; `null` where no end is known.
    pub valid_days: Option<u64>,
}

/// How many distinct names were seen in which form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Forms {
    /// Only without `*.`.
    pub bare: u64,
    /// Only with `*.`.
    pub wildcard: u64,
    /// With and without.
    pub both: u64,
}

/// An issuer and how many certificates with names of the pattern it issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IssuerCount {
    /// The issuer's name as the input has it.
    pub name: String,
    /// Distinct certificates.
    pub certificates: u64,
}

/// One level of the climb from the names of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LevelTemplate {
    /// The level with what varies in braces; a plain name when nothing varies.
    pub template: String,
    /// Distinct levels of the pattern's names; 1 when all names share it.
    pub distinct: u64,
    /// Distinct names of the pattern at or below these levels.
    pub names: u64,
}

/// The result of [`learn`](super::learn).
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    /// Sorted by root, then most names first, then template.
    pub patterns: Vec<Pattern>,
    /// Rows of names that were beyond the limit of their root: counted, in no pattern.
    pub uncovered_rows: u64,
    /// Roots that lost names to that limit.
    pub uncovered_roots: Vec<String>,
    pub(super) assignment: Vec<u32>,
}

impl Patterns {
    /// The position of the pattern of a name in [`Patterns::patterns`]; `None` for a name that is not kept.
    #[must_use]
    pub fn of(&self, name: NameIndex) -> Option<usize> {
        self.assignment.get(name.index()).filter(|&&at| at != u32::MAX).map(|&at| at as usize)
    }
}
