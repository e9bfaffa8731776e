//! Changes that an audit file keeps, and who has been told of them.

use rusqlite::params;

use super::{AuditFile, AuditFileError};

/// A change as it was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// Its number in the file.
    pub id: i64,
    /// The domain.
    pub domain: String,
    /// When it was found, seconds since 1970 UTC.
    pub found_at: i64,
    /// The change, JSON.
    pub change: String,
}

/// Which changes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// All.
    All,
    /// Those that nobody was told of yet.
    Untold,
}

impl AuditFile {
    /// Up to `most` changes after the one with the number `after`, oldest first.
    ///
    /// # Errors
    /// SQLite's.
    pub fn changes(&self, which: Kept, after: i64, most: u32) -> Result<Vec<Noted>, AuditFileError> {
        let untold = if which == Kept::Untold { "AND told_at IS NULL" } else { "" };
        let sql =
            format!("SELECT id, domain, found_at, change FROM changes WHERE id > ?1 {untold} ORDER BY id LIMIT ?2");
        self.sql(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let noted = |row: &rusqlite::Row<'_>| {
                Ok(Noted { id: row.get(0)?, domain: row.get(1)?, found_at: row.get(2)?, change: row.get(3)? })
            };
            statement.query_map(params![after, most], noted)?.collect()
        })
    }

    /// Notes that a change was told.
    ///
    /// # Errors
    /// SQLite's.
    pub fn told(&self, id: i64, now: i64) -> Result<(), AuditFileError> {
        let sql = "UPDATE changes SET told_at = ?2 WHERE id = ?1";
        self.sql(|connection| connection.prepare_cached(sql)?.execute([id, now])).map(drop)
    }

    /// Takes over a change from another file.
    ///
    /// # Errors
    /// SQLite's.
    pub fn take_change(&self, noted: &Noted) -> Result<(), AuditFileError> {
        let sql = "INSERT INTO changes (domain, found_at, told_at, change) VALUES (?1, ?2, ?2, ?3)";
        let Noted { domain, found_at, change, .. } = noted;
        self.sql(|connection| connection.prepare_cached(sql)?.execute(params![domain, found_at, change])).map(drop)
    }
}
