//! How we tell it: [`Report`], one plain value, and one function of it per format.
//!
//! Pure: a renderer writes into what it is given; no clock, no files, no network types.

mod model;

pub use model::{
    Advice, Checked, Coverage, Dropped, LevelReport, Report, SCHEMA, SourceCoverage, Timeline, TimelineSeries, View,
    Zone, ZoneServer,
};
