//! The rows of an audit as a Parquet table: a row a domain and a row a pattern, with the types of their values.

use std::io::{self, Write};

use super::RowSink;
use crate::audit::row::{Cover, DomainRow, PatternRow};
use crate::report::parquet::{Cell, Table};

/// The columns; the second kind of row leaves those null or empty that do not apply. Times are UTC.
const MESSAGE: &str = "message audit {
    REQUIRED BYTE_ARRAY type (STRING);
    REQUIRED BYTE_ARRAY domain (STRING);
    OPTIONAL BYTE_ARRAY pattern (STRING);
    OPTIONAL BYTE_ARRAY template (STRING);
    OPTIONAL INT64 certificates;
    OPTIONAL INT64 names;
    OPTIONAL INT64 patterns;
    OPTIONAL INT64 wildcard_patterns;
    OPTIONAL INT64 wildcard_names;
    OPTIONAL INT64 deepest_wildcard;
    REQUIRED group issuers (LIST) { REPEATED group list { REQUIRED group element {
        REQUIRED BYTE_ARRAY name (STRING);
        REQUIRED INT64 certificates; } } }
    REQUIRED group levels (LIST) { REPEATED group list { REQUIRED group element {
        REQUIRED BYTE_ARRAY name (STRING);
        REQUIRED BYTE_ARRAY state (STRING);
        OPTIONAL BYTE_ARRAY class (STRING);
        REQUIRED BYTE_ARRAY records (STRING); } } }
    REQUIRED group verdicts (LIST) { REPEATED group list { REQUIRED group element {
        OPTIONAL BYTE_ARRAY issuer (STRING);
        REQUIRED INT64 permit;
        REQUIRED INT64 deny;
        REQUIRED INT64 fail; } } }
    OPTIONAL BYTE_ARRAY covered_by (STRING);
    OPTIONAL BYTE_ARRAY covered_at (STRING);
    OPTIONAL INT64 first_seen (TIMESTAMP(MILLIS, true));
    OPTIONAL INT64 last_seen (TIMESTAMP(MILLIS, true));
    REQUIRED group causes (LIST) { REPEATED group list { REQUIRED BYTE_ARRAY element (STRING); } }
    REQUIRED group findings (LIST) { REPEATED group list { REQUIRED group element {
        REQUIRED BYTE_ARRAY code (STRING);
        REQUIRED BYTE_ARRAY severity (STRING);
        OPTIONAL BYTE_ARRAY level (STRING); } } }
    OPTIONAL INT64 checked_at (TIMESTAMP(MILLIS, true));
    OPTIONAL BOOLEAN complete;
    OPTIONAL BYTE_ARRAY error (STRING);
}";

/// The table that is being written.
pub struct ParquetTable<W: Write + Send>(Table<W>);

impl<W: Write + Send> ParquetTable<W> {
    /// Begins the table.
    ///
    /// # Errors
    /// The writer's.
    pub fn new(out: W) -> io::Result<Self> {
        Table::new(MESSAGE, out).map(Self)
    }

    fn pattern(&mut self, domain: &str, pattern: &PatternRow) -> io::Result<()> {
        let issuers =
            pattern.issuers.iter().map(|issuer| vec![Cell::Text(&issuer.name), Cell::Count(issuer.certificates)]);
        self.0.row(&[
            Cell::Text("pattern"),
            Cell::Text(domain),
            Cell::Text(&pattern.id),
            Cell::Text(&pattern.template),
            Cell::Count(pattern.certificates),
            Cell::Count(pattern.names),
            Cell::Null,
            Cell::Null,
            Cell::Count(pattern.wildcard_names),
            Cell::count(pattern.deepest_wildcard),
            Cell::Records(2, issuers.collect()),
            Cell::Records(4, Vec::new()),
            Cell::Records(4, Vec::new()),
            Cell::text(pattern.covered_by.map(Cover::as_str)),
            Cell::text(pattern.covered_at.as_deref()),
            Cell::time(pattern.first_seen.as_deref()),
            Cell::time(pattern.last_seen.as_deref()),
            Cell::Texts(Vec::new()),
            Cell::Records(3, Vec::new()),
            Cell::Null,
            Cell::Null,
            Cell::Null,
        ])
    }
}

impl<W: Write + Send> RowSink for ParquetTable<W> {
    fn row(&mut self, row: &DomainRow) -> io::Result<()> {
        let issuers = row.issuers.iter().map(|issuer| vec![Cell::Text(&issuer.name), Cell::Count(issuer.certificates)]);
        let records: Vec<String> = row.levels.iter().map(|level| level.records.join(" | ")).collect();
        let levels = row.levels.iter().zip(&records).map(|(level, records)| {
            let class = Cell::text(level.class.as_deref());
            vec![Cell::Text(&level.name), Cell::Text(&level.state), class, Cell::Text(records)]
        });
        let verdicts = row.verdicts.iter().map(|verdict| {
            let [permit, deny, fail] = [verdict.permit, verdict.deny, verdict.fail].map(Cell::Count);
            vec![Cell::text(verdict.issuer.as_deref()), permit, deny, fail]
        });
        let findings = row.findings.iter().map(|finding| {
            vec![Cell::Text(&finding.code), Cell::Text(&finding.severity), Cell::text(finding.level.as_deref())]
        });
        self.0.row(&[
            Cell::Text("domain"),
            Cell::Text(&row.domain),
            Cell::Null,
            Cell::Null,
            Cell::Count(row.certificates),
            Cell::Count(row.names),
            Cell::Count(row.patterns.len() as u64),
            Cell::Count(row.wildcards().count() as u64),
            Cell::Count(row.wildcard_names),
            Cell::count(row.deepest_wildcard),
            Cell::Records(2, issuers.collect()),
            Cell::Records(4, levels.collect()),
            Cell::Records(4, verdicts.collect()),
            Cell::Null,
            Cell::Null,
            Cell::Null,
            Cell::Null,
            Cell::Texts(row.causes.iter().map(String::as_str).collect()),
            Cell::Records(3, findings.collect()),
            Cell::time(row.checked_at.as_deref()),
            Cell::Flag(row.coverage.complete),
            Cell::Null,
        ])?;
        row.patterns.iter().try_for_each(|pattern| self.pattern(&row.domain, pattern))
    }

    fn failed(&mut self, domain: &str, error: &str) -> io::Result<()> {
        let mut cells = vec![Cell::Text("failed"), Cell::Text(domain)];
        cells.extend(std::iter::repeat_n(Cell::Null, 8));
        cells.extend([2, 4, 4].map(|fields| Cell::Records(fields, Vec::new())));
        cells.extend(std::iter::repeat_n(Cell::Null, 4));
        cells.extend([Cell::Texts(Vec::new()), Cell::Records(3, Vec::new()), Cell::Null, Cell::Flag(false)]);
        cells.push(Cell::Text(error));
        self.0.row(&cells)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_row_fits_its_columns() {
        let mut table = Box::new(ParquetTable::new(Vec::new()).unwrap());
        table.row(&DomainRow { patterns: vec![PatternRow::default()], ..DomainRow::default() }).unwrap();
        table.failed("a.example", "no answer").unwrap();
        table.finish().unwrap();
    }
}
