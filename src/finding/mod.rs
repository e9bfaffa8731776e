//! What we tell the reader: [`Finding`], one statement with its severity, who must act, and what to do.
//!
//! Pure: decides from patterns, verdicts and causes; knows nothing of formats.

mod advice;
pub mod code;
mod code_facts;
mod diagnose;
mod error_patterns;
mod failing;
pub mod issuer;
mod level;
mod notes;
mod policy;
mod reach;
mod reported;
#[cfg(test)]
mod story;

use serde::Serialize;

pub use advice::{Advice, Grounds, advise};
pub use code::{Documented, FindingCode, every_code};
pub use diagnose::{Checked, Evidence, diagnose};
pub use error_patterns::error_patterns;
pub use level::{LevelFacts, dead_views};

/// How bad a finding is. `error` is what `--fail-on` stops at by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Issuance fails or is refused.
    Error,
    /// Issuance works today, by luck or by leniency.
    Warning,
    /// Worth knowing.
    Note,
}

/// One statement of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of finding: a cause code, or one of the codes of this room.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// The level it is about, if one.
    pub level: Option<String>,
    /// Ids of the patterns it concerns.
    pub patterns: Vec<String>,
    /// The statement, one or two sentences.
    pub text: String,
    /// Who must act.
    pub who: Option<String>,
    /// What to do.
    pub fix: Option<String>,
}
