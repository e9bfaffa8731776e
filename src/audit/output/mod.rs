//! How an audit is told: lines as it goes, tables and pages at the end. Pure: rows in, octets out.

mod html;
mod jsonl;
#[cfg(feature = "parquet")]
mod parquet;
mod sarif;
mod table;
mod text;
mod totals;

use std::io;

use crate::audit::row::DomainRow;

pub use html::{LISTED, write as write_html};
pub use jsonl::{Lines, write_change, write_row, write_summary};
#[cfg(feature = "parquet")]
pub use parquet::ParquetTable;
pub use sarif::{Sarif, SarifPlace, uri_of};
pub use table::Table;
pub use text::write as write_text;
pub use totals::{Listed, Summary, Totals};

/// A table that rows go into, one after the other.
pub trait RowSink {
    /// Takes the row of a domain.
    ///
    /// # Errors
    /// The writer's.
    fn row(&mut self, row: &DomainRow) -> io::Result<()>;
    /// Takes a domain that could not be audited.
    ///
    /// # Errors
    /// The writer's.
    fn failed(&mut self, domain: &str, error: &str) -> io::Result<()>;
    /// Ends the table.
    ///
    /// # Errors
    /// The writer's.
    fn finish(self: Box<Self>) -> io::Result<()>;
}
