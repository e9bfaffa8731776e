//! What is still readable of a damaged case file, copied into a new one.

use std::io::Read as _;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Statement, params_from_iter};

use super::{CaseError, Damage, MAGIC, schema};

/// What was copied, and where reading had to stop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Rows copied, by table.
    pub rows: Vec<(&'static str, u64)>,
    /// Tables that could not be read to their end.
    pub cut: Vec<&'static str>,
}

/// The tables with their columns. A table later in the list refers to earlier ones only.
const TABLES: [(&str, &[&str]); 7] = [
    ("settings", &["name", "value"]),
    ("runs", &["id", "plan", "started_at", "finished_at"]),
    (
        "replies",
        &[
            "id",
            "run",
            "service",
            "request",
            "asked_at",
            "status",
            "content_type",
            "state",
            "why",
            "lasting",
            "records",
            "tries",
            "octets",
            "sha256",
            "body",
        ],
    ),
    ("issuances", &["service", "identity", "reply", "issuer", "serial", "not_before", "not_after", "names"]),
    ("cursors", &["service", "cursor", "complete", "error", "changed_at"]),
    (
        "dns_messages",
        &[
            "id",
            "server",
            "name",
            "rtype",
            "recursion_desired",
            "checking_disabled",
            "edns_payload",
            "dnssec_ok",
            "asked_at",
            "rtt_us",
            "error",
            "message",
            "run",
        ],
    ),
    ("dns_runs", &["id", "plan", "started_at", "ended_at", "told", "view_octets", "view"]),
];

/// Copies every row that can be read from a damaged case file into a new one, which must not exist yet.
///
/// # Errors
/// [`CaseError`] when the damaged file cannot be opened at all, never was a database, or the new one cannot be written.
pub fn salvage(damaged: &Path, new: &Path) -> Result<Salvaged, CaseError> {
    let mut head = Vec::new();
    std::fs::File::open(damaged)
        .and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut head))
        .map_err(CaseError::File)?;
    // Without its first octets SQLite reads nothing of a file.
    if head != MAGIC {
        return Err(CaseError::Damaged(Damage::NotACase));
    }
    std::fs::OpenOptions::new().write(true).create_new(true).open(new).map_err(CaseError::File)?;
    let from = super::connect(damaged, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // So that SQLite reads a file that is shorter than it should be; it is opened for reading only.
    from.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
    from.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    let mut to = super::connect(new, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    schema::migrate(&mut to, 0)?;
    let mut salvaged = Salvaged::default();
    for (table, columns) in TABLES {
        let transaction = to.transaction()?;
        let (rows, whole) = copy(&from, &transaction, table, columns)?;
        transaction.commit()?;
        salvaged.rows.push((table, rows));
        if !whole {
            salvaged.cut.push(table);
        }
    }
    Ok(salvaged)
}

/// Copies one table as far as it can be read; a failure to write is an error. Gives the rows and whether all were seen.
fn copy(
    from: &Connection,
    to: &Connection,
    table: &str,
    columns: &'static [&'static str],
) -> Result<(u64, bool), CaseError> {
    let mut copy = Copy { from, columns, insert: insert(to, table, columns)?, copied: 0 };
    let all = format!("SELECT {} FROM {table}", columns.join(", "));
    // Where there is no such table, or its columns are others, no row of it can be asked for.
    if from.prepare(&all).is_err() {
        return Ok((0, false));
    }
    if copy.rows(&all, [])? == Seen::All {
        return Ok((copy.copied, true));
    }
    // Behind the damage: from the other end, then one by one.
    copy.rows(&format!("{all} ORDER BY {} DESC", columns[0]), [])?;
    if columns[0] == "id" {
        let last: i64 = from.query_row(&format!("SELECT max(id) FROM {table}"), [], |row| row.get(0)).unwrap_or(LOOKED);
        for id in 1..=last.min(LOOKED) {
            copy.rows(&format!("{all} WHERE id = ?1"), [id])?;
        }
    }
    Ok((copy.copied, false))
}

/// Rows that are looked for one by one.
const LOOKED: i64 = 100_000;

/// How far reading went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    All,
    Part,
}

struct Copy<'a> {
    from: &'a Connection,
    columns: &'a [&'static str],
    insert: Statement<'a>,
    copied: u64,
}

fn insert<'a>(to: &'a Connection, table: &str, columns: &[&str]) -> rusqlite::Result<Statement<'a>> {
    let marks = vec!["?"; columns.len()].join(", ");
    // A row that came before stays.
    to.prepare(&format!("INSERT OR IGNORE INTO {table} ({}) VALUES ({marks})", columns.join(", ")))
}

impl Copy<'_> {
    /// Copies the rows of a statement until reading fails.
    fn rows(&mut self, sql: &str, parameters: impl rusqlite::Params) -> Result<Seen, CaseError> {
        let Ok(mut select) = self.from.prepare_cached(sql) else { return Ok(Seen::Part) };
        let Ok(mut rows) = select.query(parameters) else { return Ok(Seen::Part) };
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(Seen::All),
                Err(_) => return Ok(Seen::Part),
            };
            let values: Result<Vec<Value>, _> = (0..self.columns.len()).map(|index| row.get(index)).collect();
            let Ok(values) = values else { continue };
            match self.insert.execute(params_from_iter(values)) {
                Ok(changed) => self.copied += changed as u64,
                // A row that a table of ours cannot hold is part of the damage.
                Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
