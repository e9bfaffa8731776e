//! The domains of an audit file: planned, tried, finished.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, OptionalExtension, params};

use super::{AuditFile, AuditFileError};
use crate::audit::row::DomainRow;

/// What happened to a domain so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Not audited yet.
    Pending,
    /// Tried in vain, for this reason.
    Failed(String),
    /// Its row; a later try in vain is told in its coverage.
    Done(Box<DomainRow>),
}

/// How far an audit is.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Status {
    /// Settings, sorted by name.
    pub settings: BTreeMap<String, String>,
    /// Domains in the file.
    pub domains: u64,
    /// Of these, audited.
    pub done: u64,
    /// Of those audited, with something missing.
    pub incomplete: u64,
    /// Of those audited, tried again in vain.
    pub stale: u64,
    /// Of these, tried in vain, without a row.
    pub failed: u64,
    /// Of these, not tried yet.
    pub pending: u64,
    /// When the oldest and the newest row was made, seconds since 1970 UTC.
    pub finished: Option<(i64, i64)>,
    /// Changes noted.
    pub changes: u64,
}

/// A row that is finished, with how it came about.
#[derive(Debug, Clone, Copy)]
pub struct Finish<'a> {
    /// The row.
    pub row: &'a DomainRow,
    /// When it was made, seconds since 1970 UTC.
    pub at: i64,
    /// How it differs from the row before it, as JSON; `None` without a difference or a row before.
    pub change: Option<&'a str>,
    /// Whether somebody is still to be told of the change.
    pub tell: bool,
}

impl AuditFile {
    /// Begins another run: what earlier runs left incomplete is open again.
    ///
    /// # Errors
    /// SQLite's.
    pub fn begin_run(&mut self) -> Result<(), AuditFileError> {
        let last: Option<i64> =
            self.sql(|connection| connection.query_row("SELECT max(run) FROM domains", [], |row| row.get(0)))?;
        self.run = last.unwrap_or(0).saturating_add(1);
        Ok(())
    }

    /// Adds domains that the file does not have yet, with where the input names them; all or none.
    ///
    /// # Errors
    /// SQLite's.
    pub fn plan<'a>(&self, domains: impl IntoIterator<Item = (&'a str, &'a str, u64)>) -> Result<(), AuditFileError> {
        self.sql(|connection| {
            let transaction = connection.unchecked_transaction()?;
            {
                let sql = "INSERT OR IGNORE INTO domains (domain, source, line) VALUES (?1, ?2, ?3)";
                let mut insert = transaction.prepare_cached(sql)?;
                for (domain, source, line) in domains {
                    insert.execute(params![domain, source, i64::try_from(line).unwrap_or(i64::MAX)])?;
                }
            }
            transaction.commit()
        })
    }

    /// Whether a domain needs nothing more in this run: it was tried in it, or an earlier run made a complete row at or
    /// after `since` (seconds since 1970 UTC).
    ///
    /// # Errors
    /// SQLite's.
    pub fn is_settled(&self, domain: &str, since: i64) -> Result<bool, AuditFileError> {
        let sql = "SELECT 1 FROM domains WHERE domain = ?1 AND (run = ?2 OR (complete = 1 AND finished_at >= ?3))";
        self.sql(|connection| connection.prepare_cached(sql)?.exists(params![domain, self.run, since]))
    }

    /// The domains of [`AuditFile::is_settled`], each as `hash` gives it: a set that a million of them fit in.
    ///
    /// # Errors
    /// SQLite's.
    pub fn settled(&self, since: i64, hash: impl Fn(&str) -> u64) -> Result<HashSet<u64>, AuditFileError> {
        let sql = "SELECT domain FROM domains WHERE run = ?1 OR (complete = 1 AND finished_at >= ?2)";
        self.sql(|connection| {
            let mut statement = connection.prepare(sql)?;
            statement.query_map([self.run, since], |row| Ok(hash(row.get_ref(0)?.as_str()?)))?.collect()
        })
    }

    /// Up to `most` domains of the file behind `after`, in order of the names.
    ///
    /// # Errors
    /// SQLite's.
    pub fn domains_after(&self, after: &str, most: u32) -> Result<Vec<String>, AuditFileError> {
        self.sql(|connection| {
            let sql = "SELECT domain FROM domains WHERE domain > ?1 ORDER BY domain LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_map(params![after, most], |row| row.get(0))?.collect()
        })
    }

    /// The row of a domain, if it was audited.
    ///
    /// # Errors
    /// A damaged row.
    pub fn row(&self, domain: &str) -> Result<Option<DomainRow>, AuditFileError> {
        let text: Option<Option<String>> = self.sql(|connection| {
            let mut statement = connection.prepare_cached("SELECT row FROM domains WHERE domain = ?1")?;
            statement.query_row([domain], |row| row.get(0)).optional()
        })?;
        text.flatten().map(|text| self.parse(domain, &text)).transpose()
    }

    /// Keeps the row of a finished domain, and how it differs from the row before; one transaction.
    ///
    /// # Errors
    /// SQLite's; nothing was kept.
    pub fn finish(&self, finish: Finish<'_>) -> Result<(), AuditFileError> {
        let Finish { row, at, change, tell } = finish;
        let text = serde_json::to_string(row).expect("a row has texts and numbers only");
        let keep = |connection: &Connection| {
            let sql = "INSERT INTO domains (domain, source, line, run, finished_at, complete, row) \
                       VALUES (?1, '', 0, ?2, ?3, ?4, ?5) ON CONFLICT (domain) \
                       DO UPDATE SET run = ?2, finished_at = ?3, complete = ?4, row = ?5, error = NULL";
            let mut insert = connection.prepare_cached(sql)?;
            insert.execute(params![row.domain, self.run, at, row.coverage.complete, text])
        };
        self.sql(|connection| {
            // One statement is a transaction by itself.
            let Some(change) = change else { return keep(connection).map(drop) };
            let transaction = connection.unchecked_transaction()?;
            keep(&transaction)?;
            transaction
                .prepare_cached("INSERT INTO changes (domain, found_at, told_at, change) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![row.domain, at, (!tell).then_some(at), change])?;
            transaction.commit()
        })
    }

    /// Notes that a domain could not be audited; a row of an earlier time stays.
    ///
    /// # Errors
    /// SQLite's.
    pub fn fail(&self, domain: &str, error: &str) -> Result<(), AuditFileError> {
        let sql = "UPDATE domains SET error = ?2, run = ?3 WHERE domain = ?1";
        self.sql(|connection| connection.prepare_cached(sql)?.execute(params![domain, error, self.run])).map(drop)
    }

    /// Every domain with where the input names it, its state and when its row was made (seconds since 1970 UTC, 0 without
    /// one), in order of the names.
    ///
    /// # Errors
    /// A damaged row; what `each` answers.
    pub fn each<E: From<AuditFileError>>(
        &self,
        mut each: impl FnMut(&str, &str, u64, State, i64) -> Result<(), E>,
    ) -> Result<(), E> {
        let broken = |source| AuditFileError::sqlite(&self.path, source);
        let sql = "SELECT domain, source, line, error, row, finished_at FROM domains ORDER BY domain";
        let mut statement = self.connection.prepare(sql).map_err(broken)?;
        let mut rows = statement.query([]).map_err(broken)?;
        while let Some(row) = rows.next().map_err(broken)? {
            let (domain, source): (String, String) = (row.get(0).map_err(broken)?, row.get(1).map_err(broken)?);
            let line = u64::try_from(row.get::<_, i64>(2).map_err(broken)?).unwrap_or(0);
            let (error, text): (Option<String>, Option<String>) =
                (row.get(3).map_err(broken)?, row.get(4).map_err(broken)?);
            let at: Option<i64> = row.get(5).map_err(broken)?;
            let state = self.state(&domain, text.as_deref(), error, at)?;
            each(&domain, &source, line, state, at.unwrap_or(0))?;
        }
        Ok(())
    }

    /// How far the audit is.
    ///
    /// # Errors
    /// SQLite's.
    pub fn status(&self) -> Result<Status, AuditFileError> {
        let sql = "SELECT count(*), count(row), count(*) FILTER (WHERE row IS NULL AND error IS NOT NULL), \
                   count(*) FILTER (WHERE complete = 0), count(*) FILTER (WHERE row IS NOT NULL AND error IS NOT NULL), \
                   (SELECT count(*) FROM changes), min(finished_at), max(finished_at) FROM domains";
        self.sql(|connection| {
            let mut statement = connection.prepare("SELECT name, value FROM settings")?;
            let settings = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
            connection.query_row(sql, [], |row| {
                let count = |at| row.get::<_, i64>(at).map(|n| u64::try_from(n).unwrap_or(0));
                let (domains, done, failed) = (count(0)?, count(1)?, count(2)?);
                Ok(Status {
                    settings,
                    domains,
                    done,
                    incomplete: count(3)?,
                    stale: count(4)?,
                    failed,
                    pending: domains.saturating_sub(done + failed),
                    finished: row.get::<_, Option<i64>>(6)?.zip(row.get::<_, Option<i64>>(7)?),
                    changes: count(5)?,
                })
            })
        })
    }

    fn state(
        &self,
        domain: &str,
        text: Option<&str>,
        error: Option<String>,
        at: Option<i64>,
    ) -> Result<State, AuditFileError> {
        match (text, error) {
            (Some(text), error) => {
                let mut row = self.parse(domain, text)?;
                if let Some(error) = error {
                    let made = jiff::Timestamp::from_second(at.unwrap_or(0)).unwrap_or_default();
                    row.coverage.complete = false;
                    row.coverage.notes.push(format!("this is of {made}; a later try gave nothing: {error}"));
                }
                Ok(State::Done(Box::new(row)))
            }
            (None, Some(error)) => Ok(State::Failed(error)),
            (None, None) => Ok(State::Pending),
        }
    }

    fn parse(&self, domain: &str, text: &str) -> Result<DomainRow, AuditFileError> {
        serde_json::from_str(text).map_err(|error| AuditFileError::Damaged {
            path: self.path.clone(),
            what: format!("the row of `{}`: {error}", domain.escape_debug()),
        })
    }
}
