//! The pipeline for one domain, or for one set of dumps: the only room that sees every other.

mod assemble;
mod deep;
mod group;
mod judge;
mod levels;
mod lookups;
#[cfg(feature = "parquet")]
mod name_table;
mod stream;
mod stream_keep;
mod stream_outcomes;
mod timeline;
mod views;
mod zones;

pub use assemble::{Gathered, TOOL, assemble, assemble_row};
pub use deep::{Deep, SUSPICIOUS, deep_levels, left_out_note};
pub use group::{Grouped, summarise};
pub use judge::{Judging, Lookups, judge};
pub use levels::{LevelCounts, Selection, select, stable_labels};
pub use lookups::{LookupPlan, LookupTally, ReplayPlan, look_up, look_up_each, replay};
#[cfg(feature = "parquet")]
pub use name_table::NameTable;
pub use stream::{Left, Stream, StreamPlan, StreamTotals};
