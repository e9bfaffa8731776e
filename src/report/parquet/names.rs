//! The names of a report as a table: a row a name, with its pattern, its issuers and times, CAA at each of its levels, and
//! the verdicts on it. Columns that a command knows nothing about are null or empty, so that tables of all commands fit
//! together.

use std::io::{self, Write};

use super::{Cell, Table};

/// The columns. Times are UTC.
const MESSAGE: &str = "message names {
    REQUIRED BYTE_ARRAY name (STRING);
    REQUIRED BOOLEAN wildcard;
    OPTIONAL BYTE_ARRAY root (STRING);
    OPTIONAL BYTE_ARRAY pattern (STRING);
    OPTIONAL BYTE_ARRAY template (STRING);
    OPTIONAL INT64 certificates;
    REQUIRED group issuers (LIST) { REPEATED group list { REQUIRED BYTE_ARRAY element (STRING); } }
    OPTIONAL INT64 first_seen (TIMESTAMP(MILLIS, true));
    OPTIONAL INT64 last_seen (TIMESTAMP(MILLIS, true));
    REQUIRED group levels (LIST) { REPEATED group list { REQUIRED group element {
        REQUIRED BYTE_ARRAY name (STRING);
        OPTIONAL BYTE_ARRAY state (STRING); } } }
    REQUIRED group verdicts (LIST) { REPEATED group list { REQUIRED group element {
        OPTIONAL BYTE_ARRAY issuer (STRING);
        REQUIRED BYTE_ARRAY verdict (STRING);
        OPTIONAL BYTE_ARRAY decided_at (STRING); } } }
}";

/// One name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameRow<'a> {
    /// The name without `*.`.
    pub name: &'a str,
    /// Whether it stands for `*.` and the name.
    pub wildcard: bool,
    /// Its registered domain.
    pub root: Option<&'a str>,
    /// Id of its pattern.
    pub pattern: Option<&'a str>,
    /// Template of its pattern.
    pub template: Option<&'a str>,
    /// Certificates that hold it.
    pub certificates: Option<u64>,
    /// Their issuers, sorted.
    pub issuers: Vec<&'a str>,
    /// Begin of the oldest of them, seconds since 1970 UTC.
    pub first_seen: Option<i64>,
    /// Begin of the newest of them, seconds since 1970 UTC.
    pub last_seen: Option<i64>,
    /// CAA at its levels from the name to the TLD, each with its state; a level that was not asked has none.
    pub levels: Vec<(&'a str, Option<&'a str>)>,
    /// Issuer, verdict and deciding level; empty for names that a sample stands for.
    pub verdicts: Vec<(Option<&'a str>, &'a str, Option<&'a str>)>,
}

/// The table of names that is being written.
pub struct Names<W: Write + Send>(Table<W>);

impl<W: Write + Send> Names<W> {
    /// Begins the table.
    ///
    /// # Errors
    /// The writer's.
    pub fn new(out: W) -> io::Result<Self> {
        Table::new(MESSAGE, out).map(Self)
    }

    /// Writes a name.
    ///
    /// # Errors
    /// The writer's.
    pub fn row(&mut self, row: &NameRow<'_>) -> io::Result<()> {
        let time = |seconds: Option<i64>| seconds.map_or(Cell::Null, |time| Cell::Time(time.saturating_mul(1000)));
        let levels = row.levels.iter().map(|(name, state)| vec![Cell::Text(name), Cell::text(*state)]);
        let verdicts = row.verdicts.iter();
        let verdicts =
            verdicts.map(|(issuer, verdict, at)| vec![Cell::text(*issuer), Cell::Text(verdict), Cell::text(*at)]);
        self.0.row(&[
            Cell::Text(row.name),
            Cell::Flag(row.wildcard),
            Cell::text(row.root),
            Cell::text(row.pattern),
            Cell::text(row.template),
            Cell::count(row.certificates),
            Cell::Texts(row.issuers.clone()),
            time(row.first_seen),
            time(row.last_seen),
            Cell::Records(2, levels.collect()),
            Cell::Records(3, verdicts.collect()),
        ])
    }

    /// Ends the table.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(self) -> io::Result<()> {
        self.0.finish()
    }
}
