//! [`AuditFile`]: one audit in one SQLite file. A finished domain is one transaction; kill the program and go on.
//!
//! Tables are documented in the schema below; the file may come from a stranger, so only our own tables are read.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::row::DomainRow;
use crate::case::{CaseError, Hold};

/// Marks an audit file among SQLite files: `CTCA`.
const APPLICATION_ID: i32 = 0x4354_4341;
/// Version of the tables.
const VERSION: u32 = 1;
/// The tables.
const SCHEMA: &str = "
-- What the audit was made with, one row a setting: `tool`, `options`, `shard`, `facts` of the input.
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

-- Every domain. `finished_at` (seconds since 1970 UTC) and `row` (JSON) are NULL until it is done; `error` says why a try
-- gave nothing. `source` and `line`: where the input names it.
CREATE TABLE domains (
    id INTEGER PRIMARY KEY,
    domain TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    line INTEGER NOT NULL,
    finished_at INTEGER,
    error TEXT,
    row TEXT
) STRICT;

-- Lookups of levels that several domains share, and those of domains that are not finished; JSON, seconds since 1970 UTC.
CREATE TABLE levels (
    name TEXT NOT NULL,
    view TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    lookup TEXT NOT NULL,
    PRIMARY KEY (name, view)
) STRICT, WITHOUT ROWID;

-- What changed when a domain was audited again; JSON.
CREATE TABLE changes (
    id INTEGER PRIMARY KEY,
    domain TEXT NOT NULL,
    found_at INTEGER NOT NULL,
    change TEXT NOT NULL
) STRICT;
";

/// An audit file that is open.
#[derive(Debug)]
pub struct AuditFile {
    connection: Connection,
    path: PathBuf,
    // Released after the connection is closed: fields are dropped in order.
    _hold: Option<Hold>,
}

/// An audit file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuditFileError {
    /// Another kind of file, or altered.
    #[error("`{}` is not an audit file of this program: {why}", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: &'static str,
    },
    /// Newer than this program.
    #[error("`{}` has schema version {found}, this program reads {VERSION}; a newer ctclimb is needed", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// Begun with other settings.
    #[error("`{}` was begun with {name} `{found}`, not `{asked}`; choose another file with `--file`", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// The setting.
        name: String,
        /// Its value in the file.
        found: String,
        /// The value asked for.
        asked: String,
    },
    /// A row that cannot be read.
    #[error("the row of `{domain}` is damaged: {source}")]
    Row {
        /// The domain.
        domain: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// In use by another process, or the disk.
    #[error("cannot use `{}`: {source}", path.display())]
    Hold {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CaseError,
    },
    /// What SQLite says.
    #[error("cannot use the audit file: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// What happened to a domain so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Not audited yet.
    Pending,
    /// Tried in vain, for this reason.
    Failed(String),
    /// Its row.
    Done(Box<DomainRow>),
}

/// How far an audit is.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Status {
    /// Settings, sorted by name.
    pub settings: std::collections::BTreeMap<String, String>,
    /// Domains in the file.
    pub domains: u64,
    /// Of these, audited.
    pub done: u64,
    /// Of these, tried in vain.
    pub failed: u64,
    /// Of these, not tried yet.
    pub pending: u64,
    /// When the oldest and the newest row was made, seconds since 1970 UTC.
    pub finished: Option<(i64, i64)>,
    /// Changes noted.
    pub changes: u64,
}

impl AuditFile {
    /// Opens the audit at `path`, or begins one there; `None` works in a temporary file that is gone at the end.
    ///
    /// # Errors
    /// [`AuditFileError`]: in use, not ours, or begun with other settings.
    pub fn open(path: Option<&Path>, settings: &[(&str, String)], now: Timestamp) -> Result<Self, AuditFileError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        // SQLite keeps a database without a name in a temporary file.
        let shown = path.unwrap_or(Path::new("")).to_owned();
        let tool = settings.iter().find(|(name, _)| *name == "tool").map_or("ctclimb", |(_, tool)| tool.as_str());
        let hold = path.map(|path| Hold::take(path, tool, now)).transpose();
        let hold = hold.map_err(|source| AuditFileError::Hold { path: shown.clone(), source })?;
        let connection = connect(&shown, flags)?;
        let file = Self { connection, path: shown, _hold: hold };
        if file.number("application_id")? == 0 && file.number("user_version")? == 0 && file.objects()?.is_empty() {
            file.connection.execute_batch("PRAGMA journal_mode = WAL;")?;
            file.connection.execute_batch(&format!(
                "BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
            ))?;
        }
        file.check()?;
        // A killed program loses nothing; a power cut may lose the last domains, never the file (sqlite.org/wal.html).
        file.connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
        for (name, asked) in settings {
            match file.setting(name)? {
                None => file.set_setting(name, asked)?,
                Some(found) if found == *asked => {}
                Some(found) => {
                    let (path, name, asked) = (file.path.clone(), (*name).to_owned(), asked.clone());
                    return Err(AuditFileError::Other { path, name, found, asked });
                }
            }
        }
        Ok(file)
    }

    /// Opens an audit for reading, also while another process writes to it.
    ///
    /// # Errors
    /// [`AuditFileError`]: not ours, or not there.
    pub fn open_read_only(path: &Path) -> Result<Self, AuditFileError> {
        // A file in write-ahead mode takes a writable connection to be read; `query_only` keeps it as it is.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = connect(path, flags).or_else(|_| connect(path, read_only))?;
        connection.execute_batch("PRAGMA query_only = ON;")?;
        let file = Self { connection, path: path.to_owned(), _hold: None };
        file.check()?;
        Ok(file)
    }

    fn number(&self, name: &str) -> rusqlite::Result<i64> {
        self.connection.pragma_query_value(None, name, |row| row.get(0))
    }

    fn objects(&self) -> rusqlite::Result<Vec<(String, String, Option<String>)>> {
        let mut statement = self.connection.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
    }

    /// A stranger's file may hold triggers and views: the schema must be exactly ours.
    fn check(&self) -> Result<(), AuditFileError> {
        let not_ours = |why| AuditFileError::NotOurs { path: self.path.clone(), why };
        match self.number("application_id") {
            Ok(id) if id == i64::from(APPLICATION_ID) => {}
            Ok(_) | Err(rusqlite::Error::SqliteFailure(..)) => return Err(not_ours("it lacks the mark of one")),
            Err(error) => return Err(error.into()),
        }
        let found = self.number("user_version")?;
        if found > i64::from(VERSION) {
            return Err(AuditFileError::Newer { path: self.path.clone(), found });
        }
        let fresh = Connection::open_in_memory()?;
        fresh.execute_batch(SCHEMA)?;
        let fresh = Self { connection: fresh, path: PathBuf::new(), _hold: None };
        if fresh.objects()? == self.objects()? { Ok(()) } else { Err(not_ours("its tables were altered")) }
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One setting.
    ///
    /// # Errors
    /// SQLite's.
    pub fn setting(&self, name: &str) -> Result<Option<String>, AuditFileError> {
        let mut statement = self.connection.prepare_cached("SELECT value FROM settings WHERE name = ?1")?;
        Ok(statement.query_row([name], |row| row.get(0)).optional()?)
    }

    /// Writes a setting.
    ///
    /// # Errors
    /// SQLite's.
    pub fn set_setting(&self, name: &str, value: &str) -> Result<(), AuditFileError> {
        let sql = "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2";
        self.connection.prepare_cached(sql)?.execute([name, value])?;
        Ok(())
    }

    /// Adds domains that the file does not have yet, with where the input names them; all or none.
    ///
    /// # Errors
    /// SQLite's.
    pub fn plan<'a>(
        &mut self,
        domains: impl IntoIterator<Item = (&'a str, &'a str, u64)>,
    ) -> Result<(), AuditFileError> {
        let transaction = self.connection.transaction()?;
        {
            let sql = "INSERT OR IGNORE INTO domains (domain, source, line) VALUES (?1, ?2, ?3)";
            let mut insert = transaction.prepare_cached(sql)?;
            for (domain, source, line) in domains {
                insert.execute(params![domain, source, i64::try_from(line).unwrap_or(i64::MAX)])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// The domains that were audited at or after `since` (seconds since 1970 UTC).
    ///
    /// # Errors
    /// SQLite's.
    pub fn done(&self, since: i64) -> Result<HashSet<String>, AuditFileError> {
        let sql = "SELECT domain FROM domains WHERE row IS NOT NULL AND finished_at >= ?1";
        let mut statement = self.connection.prepare(sql)?;
        Ok(statement.query_map([since], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// Every domain of the file in order of the names.
    ///
    /// # Errors
    /// SQLite's.
    pub fn domains(&self) -> Result<Vec<String>, AuditFileError> {
        let mut statement = self.connection.prepare("SELECT domain FROM domains ORDER BY domain")?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// The row of a domain, if it was audited.
    ///
    /// # Errors
    /// A damaged row.
    pub fn row(&self, domain: &str) -> Result<Option<DomainRow>, AuditFileError> {
        let mut statement = self.connection.prepare_cached("SELECT row FROM domains WHERE domain = ?1")?;
        let text: Option<Option<String>> = statement.query_row([domain], |row| row.get(0)).optional()?;
        text.flatten().map(|text| parse(domain, &text)).transpose()
    }

    /// Keeps the row of a finished domain, and how it differs from the row before; one transaction. Lookups kept for it
    /// alone are no longer needed.
    ///
    /// # Errors
    /// SQLite's; nothing was kept.
    pub fn finish(&mut self, row: &DomainRow, now: i64, change: Option<&str>) -> Result<(), AuditFileError> {
        let text = serde_json::to_string(row).expect("a row has texts and numbers only");
        let transaction = self.connection.transaction()?;
        transaction
            .prepare_cached(
                "INSERT INTO domains (domain, source, line, finished_at, row) VALUES (?1, '', 0, ?2, ?3) \
                 ON CONFLICT (domain) DO UPDATE SET finished_at = ?2, row = ?3, error = NULL",
            )?
            .execute(params![row.domain, now, text])?;
        if let Some(change) = change {
            transaction
                .prepare_cached("INSERT INTO changes (domain, found_at, change) VALUES (?1, ?2, ?3)")?
                .execute(params![row.domain, now, change])?;
        }
        Ok(transaction.commit()?)
    }

    /// Notes that a domain could not be audited; a row of an earlier time stays.
    ///
    /// # Errors
    /// SQLite's.
    pub fn fail(&self, domain: &str, error: &str) -> Result<(), AuditFileError> {
        let sql = "UPDATE domains SET error = ?2 WHERE domain = ?1";
        self.connection.prepare_cached(sql)?.execute([domain, error])?;
        Ok(())
    }

    /// Every domain with where the input names it and its state, in order of the names or as they were planned.
    ///
    /// # Errors
    /// A damaged row; what `each` answers.
    pub fn each<E: From<AuditFileError>>(
        &self,
        sorted: bool,
        mut each: impl FnMut(&str, &str, u64, State) -> Result<(), E>,
    ) -> Result<(), E> {
        let order = if sorted { "domain" } else { "id" };
        let sql = format!("SELECT domain, source, line, error, row FROM domains ORDER BY {order}");
        let mut statement = self.connection.prepare(&sql).map_err(AuditFileError::from)?;
        let mut rows = statement.query([]).map_err(AuditFileError::from)?;
        while let Some(row) = rows.next().map_err(AuditFileError::from)? {
            let (domain, source, line, state) = read_state(row)?;
            each(&domain, &source, line, state)?;
        }
        Ok(())
    }

    /// How far the audit is.
    ///
    /// # Errors
    /// SQLite's.
    pub fn status(&self) -> Result<Status, AuditFileError> {
        let mut statement = self.connection.prepare("SELECT name, value FROM settings")?;
        let settings = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        let sql = "SELECT count(*), count(row), count(*) FILTER (WHERE row IS NULL AND error IS NOT NULL), \
                   min(finished_at), max(finished_at), (SELECT count(*) FROM changes) FROM domains";
        let count = |row: &rusqlite::Row<'_>, at| row.get::<_, i64>(at).map(|n| u64::try_from(n).unwrap_or(0));
        Ok(self.connection.query_row(sql, [], |row| {
            let (domains, done, failed) = (count(row, 0)?, count(row, 1)?, count(row, 2)?);
            let finished = row.get::<_, Option<i64>>(3)?.zip(row.get::<_, Option<i64>>(4)?);
            let changes = count(row, 5)?;
            let pending = domains.saturating_sub(done + failed);
            Ok(Status { settings, domains, done, failed, pending, finished, changes })
        })?)
    }

    /// Keeps lookups, each as (level, view, JSON); one transaction.
    ///
    /// # Errors
    /// SQLite's.
    pub fn keep_levels(&mut self, lookups: &[(String, String, String)], now: i64) -> Result<(), AuditFileError> {
        let transaction = self.connection.transaction()?;
        {
            let sql = "INSERT OR REPLACE INTO levels (name, view, asked_at, lookup) VALUES (?1, ?2, ?3, ?4)";
            let mut insert = transaction.prepare_cached(sql)?;
            for (name, view, lookup) in lookups {
                insert.execute(params![name, view, now, lookup])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Lookups kept at or after `since`, as (level, view, JSON).
    ///
    /// # Errors
    /// SQLite's.
    pub fn levels(&self, since: i64) -> Result<Vec<(String, String, String)>, AuditFileError> {
        let sql = "SELECT name, view, lookup FROM levels WHERE asked_at >= ?1 ORDER BY name, view";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([since], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets lookups that no unfinished domain needs.
    ///
    /// # Errors
    /// SQLite's.
    pub fn forget_levels(&mut self, names: &[String]) -> Result<(), AuditFileError> {
        let transaction = self.connection.transaction()?;
        {
            let mut delete = transaction.prepare_cached("DELETE FROM levels WHERE name = ?1")?;
            for name in names {
                delete.execute([name])?;
            }
        }
        Ok(transaction.commit()?)
    }
}

fn read_state(row: &rusqlite::Row<'_>) -> Result<(String, String, u64, State), AuditFileError> {
    let domain: String = row.get(0)?;
    let line = u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0);
    let (error, text): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
    let state = match (text, error) {
        (Some(text), _) => State::Done(Box::new(parse(&domain, &text)?)),
        (None, Some(error)) => State::Failed(error),
        (None, None) => State::Pending,
    };
    Ok((domain, row.get(1)?, line, state))
}

fn parse(domain: &str, text: &str) -> Result<DomainRow, AuditFileError> {
    serde_json::from_str(text).map_err(|source| AuditFileError::Row { domain: domain.to_owned(), source })
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }

    fn settings(options: &str) -> [(&'static str, String); 2] {
        [("tool", "ctclimb 0.1.0".to_owned()), ("options", options.to_owned())]
    }

    fn row(domain: &str) -> DomainRow {
        DomainRow { domain: domain.to_owned(), certificates: 3, ..DomainRow::default() }
    }

    #[test]
    fn an_audit_goes_on_where_it_stopped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.audit");
        let mut file = AuditFile::open(Some(&path), &settings("x"), now()).unwrap();
        file.plan([("b.example", "list", 1), ("a.example", "list", 2), ("c.example", "list", 3)]).unwrap();
        file.finish(&row("a.example"), 100, None).unwrap();
        file.fail("c.example", "no answer").unwrap();
        drop(file);
        let file = AuditFile::open(Some(&path), &settings("x"), now()).unwrap();
        let status = file.status().unwrap();
        assert_eq!((status.domains, status.done, status.failed, status.pending), (3, 1, 1, 1));
        assert!(file.done(100).unwrap().contains("a.example") && file.done(101).unwrap().is_empty());
        let mut seen = Vec::new();
        let each = |domain: &str, _: &str, line, _| {
            seen.push((domain.to_owned(), line));
            Ok::<_, AuditFileError>(())
        };
        file.each(true, each).unwrap();
        assert_eq!(seen, [("a.example".into(), 2), ("b.example".into(), 1), ("c.example".into(), 3)]);
    }

    #[test]
    fn other_options_and_a_second_writer_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.audit");
        let file = AuditFile::open(Some(&path), &settings("x"), now()).unwrap();
        assert!(matches!(AuditFile::open(Some(&path), &settings("x"), now()), Err(AuditFileError::Hold { .. })));
        AuditFile::open_read_only(&path).unwrap().status().unwrap();
        drop(file);
        assert!(matches!(AuditFile::open(Some(&path), &settings("y"), now()), Err(AuditFileError::Other { .. })));
    }

    #[test]
    fn a_stranger_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.audit");
        std::fs::write(&path, "not a database at all, but long enough to be looked at as one").unwrap();
        assert!(AuditFile::open_read_only(&path).is_err());
        let path = directory.path().join("b.audit");
        drop(AuditFile::open(Some(&path), &settings("x"), now()).unwrap());
        Connection::open(&path).unwrap().execute_batch("CREATE VIEW v AS SELECT 1").unwrap();
        assert!(matches!(AuditFile::open_read_only(&path), Err(AuditFileError::NotOurs { .. })));
    }
}
