//! What is still readable of a damaged case file, copied into a new one.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::{CaseError, schema};

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
/// [`CaseError`] when the damaged file cannot be opened at all or the new one cannot be written.
pub fn salvage(damaged: &Path, new: &Path) -> Result<Salvaged, CaseError> {
    std::fs::metadata(damaged).map_err(CaseError::File)?;
    std::fs::OpenOptions::new().write(true).create_new(true).open(new).map_err(CaseError::File)?;
    let from = super::connect(damaged, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
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

/// Copies one table until reading fails; a failure to write is an error. Gives the rows and whether the end was seen.
fn copy(from: &Connection, to: &Connection, table: &str, columns: &[&str]) -> Result<(u64, bool), CaseError> {
    let list = columns.join(", ");
    let marks = vec!["?"; columns.len()].join(", ");
    let mut insert = to.prepare(&format!("INSERT OR IGNORE INTO {table} ({list}) VALUES ({marks})"))?;
    let Ok(mut select) = from.prepare(&format!("SELECT {list} FROM {table}")) else { return Ok((0, false)) };
    let Ok(mut rows) = select.query([]) else { return Ok((0, false)) };
    let mut copied = 0;
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok((copied, true)),
            Err(_) => return Ok((copied, false)),
        };
        let values: Result<Vec<Value>, _> = (0..columns.len()).map(|index| row.get(index)).collect();
        let Ok(values) = values else { continue };
        match insert.execute(params_from_iter(values)) {
            Ok(changed) => copied += changed as u64,
            // A row that a table of ours cannot hold is part of the damage.
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
