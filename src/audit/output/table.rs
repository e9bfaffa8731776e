//! One table for spreadsheets: a row a domain and a row a pattern. Cells that a spreadsheet would run are defused.

use std::io::{self, Write};

use super::RowSink;
use crate::audit::row::{Cover, DomainRow};
use crate::report::safe_csv_cell;

/// The columns in order; the second kind of row leaves those empty that do not apply.
const COLUMNS: [&str; 21] = [
    "type",
    "domain",
    "pattern",
    "template",
    "certificates",
    "names",
    "patterns",
    "wildcard_patterns",
    "wildcard_names",
    "deepest_wildcard",
    "issuers",
    "caa_state",
    "caa_records",
    "covered_by",
    "covered_at",
    "first_seen",
    "last_seen",
    "causes",
    "findings",
    "worst",
    "complete",
];

/// What separates several values in one cell.
const BETWEEN: &str = " | ";

/// A table that is being written.
pub struct Table<W: Write>(csv::Writer<W>);

impl<W: Write> Table<W> {
    /// Writes the head.
    ///
    /// # Errors
    /// The writer's.
    pub fn new(delimiter: u8, out: W) -> io::Result<Self> {
        let mut csv = csv::WriterBuilder::new().delimiter(delimiter).from_writer(out);
        csv.write_record(COLUMNS).map_err(of_writer)?;
        Ok(Self(csv))
    }

    fn write(&mut self, cells: &[&str; COLUMNS.len()]) -> io::Result<()> {
        let cells = cells.map(safe_csv_cell);
        self.0.write_record(cells.iter().map(|cell| cell.as_bytes())).map_err(of_writer)
    }
}

/// The writer's own error, whose kind matters to whoever reads it.
fn of_writer(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

impl<W: Write> RowSink for Table<W> {
    fn row(&mut self, row: &DomainRow) -> io::Result<()> {
        let registered = crate::name::registered_domain(&row.domain).unwrap_or(&row.domain);
        let caa = row.level(registered);
        let issuers: Vec<&str> = row.issuers.iter().map(|issuer| issuer.name.as_str()).collect();
        let codes: std::collections::BTreeSet<&str> =
            row.findings.iter().map(|finding| finding.code.as_str()).collect();
        let codes: Vec<&str> = codes.into_iter().collect();
        let number = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
        let worst = ["", "note", "warning", "error"][usize::from(row.worst())];
        self.write(&[
            "domain",
            &row.domain,
            "",
            "",
            &row.certificates.to_string(),
            &row.names.to_string(),
            &row.patterns.len().to_string(),
            &row.wildcards().count().to_string(),
            &row.wildcard_names.to_string(),
            &number(row.deepest_wildcard),
            &issuers.join(BETWEEN),
            caa.map_or("", |level| &level.state),
            &caa.map_or_else(String::new, |level| level.records.join(BETWEEN)),
            "",
            "",
            "",
            "",
            &row.causes.join(BETWEEN),
            &codes.join(BETWEEN),
            worst,
            if row.coverage.complete { "true" } else { "false" },
        ])?;
        for pattern in &row.patterns {
            let issuers: Vec<&str> = pattern.issuers.iter().map(|issuer| issuer.name.as_str()).collect();
            self.write(&[
                "pattern",
                &row.domain,
                &pattern.id,
                &pattern.template,
                &pattern.certificates.to_string(),
                &pattern.names.to_string(),
                "",
                "",
                &pattern.wildcard_names.to_string(),
                &number(pattern.deepest_wildcard),
                &issuers.join(BETWEEN),
                "",
                "",
                pattern.covered_by.map_or("", Cover::as_str),
                pattern.covered_at.as_deref().unwrap_or(""),
                pattern.first_seen.as_deref().unwrap_or(""),
                pattern.last_seen.as_deref().unwrap_or(""),
                "",
                "",
                "",
                "",
            ])?;
        }
        Ok(())
    }

    fn failed(&mut self, domain: &str, error: &str) -> io::Result<()> {
        let mut cells = [""; COLUMNS.len()];
        (cells[0], cells[1], cells[18], cells[20]) = ("failed", domain, error, "false");
        self.write(&cells)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.0.flush()
    }
}
