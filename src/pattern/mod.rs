//! What the names of a domain have in common: thousands of names become a handful of [`Pattern`]s.
//!
//! [`Summary`] collects what was seen and merges exactly; [`learn`] turns it into [`Patterns`]. Both are pure: no I/O, no
//! clock, no order of arrival in the result. Labels are read from the root side, as the DNS does: at each place of the
//! tree the labels are split into constants and families, and everything below a family is looked at together.

mod affix;
mod below;
mod bounds;
mod certificates;
mod class;
mod columns;
mod cost;
mod describe;
mod ends;
mod facts;
mod form;
mod glued;
mod grow;
mod hash;
mod hosts;
mod ids;
mod language;
mod learn;
mod letters;
mod listed;
mod merge;
mod model;
mod observation;
mod octets;
mod periods;
mod pool;
mod population;
#[cfg(test)]
mod quality;
mod reading;
mod region;
mod render;
mod roles;
mod rooted;
mod roots;
mod rootset;
mod runs;
mod said;
#[cfg(test)]
mod services;
mod settings;
mod short;
mod shown;
mod summary;
mod table;
mod texts;
mod token;
mod unlucky;
mod wire;
mod words;

pub use learn::learn;
pub use listed::Listed;
pub use observation::{Limits, NameIndex, Observation};
pub use said::{Forms, IssuerCount, LevelTemplate, Pattern, Patterns, Periods};
pub use settings::{Detail, Settings};
pub use shown::{BY_FORM, Column};
pub use summary::Summary;
pub use wire::{PartialError, VERSION as PARTIAL_VERSION, merge_partials, write_partial};
