//! Lookups that an audit file keeps: of levels that several domains share, and of domains that are not finished.

use rusqlite::params;

use super::{AuditFile, AuditFileError};

/// A level, a view, which of its answers this is, and the lookup as JSON.
pub type KeptLevel = (String, String, u32, String);

impl AuditFile {
    /// Keeps a lookup; one transaction.
    ///
    /// # Errors
    /// SQLite's.
    pub fn keep_level(&self, level: &str, view: &str, nth: u32, lookup: &str, now: i64) -> Result<(), AuditFileError> {
        let sql = "INSERT OR REPLACE INTO levels (name, view, nth, asked_at, lookup) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.sql(|connection| connection.prepare_cached(sql)?.execute(params![level, view, nth, now, lookup])).map(drop)
    }

    /// Lookups kept at or after `since`.
    ///
    /// # Errors
    /// SQLite's.
    pub fn levels(&self, since: i64) -> Result<Vec<KeptLevel>, AuditFileError> {
        let sql = "SELECT name, view, nth, lookup FROM levels WHERE asked_at >= ?1 ORDER BY name, view, nth";
        self.sql(|connection| {
            let mut statement = connection.prepare(sql)?;
            statement
                .query_map([since], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
                .collect::<Result<_, _>>()
        })
    }

    /// Forgets lookups that no unfinished domain needs; one transaction.
    ///
    /// # Errors
    /// SQLite's.
    pub fn forget_levels<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<(), AuditFileError> {
        self.sql(|connection| {
            let transaction = connection.unchecked_transaction()?;
            {
                let mut delete = transaction.prepare_cached("DELETE FROM levels WHERE name = ?1")?;
                for name in names {
                    delete.execute([name])?;
                }
            }
            transaction.commit()
        })
    }
}
