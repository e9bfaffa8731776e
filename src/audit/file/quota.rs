//! What an audit file remembers of the limits: a program that is killed and started again has not rested.

use rusqlite::params;

use super::{AuditFile, AuditFileError};

/// How far a service is from being rested.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quota {
    /// The service's name.
    pub endpoint: String,
    /// When it may be asked as if nobody had asked, milliseconds since 1970 UTC.
    pub rested_at: i64,
    /// Before when it wants no question at all, milliseconds since 1970 UTC.
    pub paused_until: i64,
}

impl AuditFile {
    /// Keeps how far a service is from being rested.
    ///
    /// # Errors
    /// SQLite's.
    pub fn keep_quota(&self, quota: &Quota) -> Result<(), AuditFileError> {
        let sql = "INSERT INTO quotas (endpoint, rested_at, paused_until) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (endpoint) DO UPDATE SET rested_at = ?2, paused_until = ?3";
        let Quota { endpoint, rested_at, paused_until } = quota;
        self.sql(|connection| connection.prepare_cached(sql)?.execute(params![endpoint, rested_at, paused_until]))
            .map(drop)
    }

    /// What was kept.
    ///
    /// # Errors
    /// SQLite's.
    pub fn quotas(&self) -> Result<Vec<Quota>, AuditFileError> {
        self.sql(|connection| {
            let mut statement = connection.prepare("SELECT endpoint, rested_at, paused_until FROM quotas")?;
            let quota = |row: &rusqlite::Row<'_>| {
                Ok(Quota { endpoint: row.get(0)?, rested_at: row.get(1)?, paused_until: row.get(2)? })
            };
            statement.query_map([], quota)?.collect()
        })
    }
}
