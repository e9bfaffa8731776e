//! What a CA's error text says: one error explained, or the history of a log by the million lines.
//!
//! Pure: text in, plain values out. Knows names and CAA, nothing of live lookups, files or the clock.

mod class;
mod detail;
mod document;
mod explain;
mod history;
mod history_report;
mod kinds;
mod other;
mod plain;
mod rate;
mod stream;
mod tally;
mod text;
mod time;
mod wording;

pub use class::{ErrorClass, Perspective};
pub use detail::AcmeError;
pub use explain::{Explained, explain};
pub use history::History;
pub use history_report::{HistoryReport, Series};
pub use other::meaning as other_meaning;
pub use rate::{Rate, Segment};
pub use tally::Count;
pub use text::{write_explained, write_history};
