//! What the user may ask of the grouping.

use regex::Regex;

/// How readily patterns are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// Few patterns: what can be one line is one line.
    Low,
    /// One line a naming scheme.
    #[default]
    Normal,
    /// Many patterns: joined only where the names leave no doubt.
    High,
}

impl Detail {
    /// What one more pattern costs, in bits, when two descriptions of the same names are compared.
    pub(super) fn price(self) -> f64 {
        match self {
            Self::Low => 400.0,
            Self::Normal => 40.0,
            Self::High => 0.0,
        }
    }
}

/// The settings of [`learn`](super::learn).
#[derive(Debug, Clone)]
pub struct Settings {
    /// How readily patterns are joined.
    pub detail: Detail,
    /// At most so many patterns a root, single names aside; the least supported ones are joined first.
    pub max_patterns: Option<usize>,
    /// Labels, or parts of labels, that are always constants.
    pub keep: Vec<String>,
    /// Names that match one of these are one pattern a root and expression. Matched against the whole name without `*.`.
    pub join: Vec<Regex>,
    /// Names a skeleton that are looked at to learn; all names are assigned.
    pub sample: usize,
    /// Threads to use; the result does not depend on it.
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { detail: Detail::Normal, max_patterns: None, keep: Vec::new(), join: Vec::new(), sample: 64, threads: 1 }
    }
}
