//! What every rendering says alike: the answer and what to know first, the state of a level, verdicts in groups, advice.
//!
//! Sentences quote data in backticks; a renderer decides what a quoted text looks like. Knows no format.

mod advice;
mod answer;
mod servers;
mod state;
mod verdicts;
mod words;

pub(super) use advice::{advised, effects};
pub(super) use answer::{Conclusion, answer};
pub(super) use servers::{Health, Matrix, health, matrices};
pub(super) use state::{
    State, column_words, disagrees, failure_words, is_notable, level_words, state_counts, used_views, view_columns,
    view_facts, view_words,
};
pub(super) use verdicts::{
    VerdictGroup, allowance, concerns, forms, lookups, new_names, pattern_numbers, seen, shapes, verdict_groups,
};
pub(crate) use words::{counted, dropped_words, thousands};
pub(super) use words::{dropped, elided, issuer, issuers, list, such_as};
