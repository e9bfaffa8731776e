//! How an audit is told: lines as it goes, tables and pages at the end. Pure: rows in, octets out.

mod html;
mod jsonl;
mod sarif;
mod table;
mod text;
mod totals;

pub use html::{LISTED, write as write_html};
pub use jsonl::{write_change, write_failed, write_row, write_summary};
pub use sarif::{Sarif, SarifPlace, uri_of};
pub use table::Table;
pub use text::write as write_text;
pub use totals::{Listed, Summary, Totals};
