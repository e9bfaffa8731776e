//! [`AuditFile`]: one audit in one SQLite file. A finished domain is one transaction; kill the program and go on.
//!
//! Tables are documented in the schema below; the file may come from a stranger, so only our own tables are read.

mod changes;
mod error;
mod levels;
mod quota;
mod rows;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

pub use changes::{Kept, Noted};
pub use error::AuditFileError;
pub use quota::Quota;
pub use rows::{Finish, State, Status};

use crate::case::{self, CaseError, Hold};
use crate::report::safe_text;

/// Marks an audit file among SQLite files: `CTCA`.
const APPLICATION_ID: i32 = 0x4354_4341;
/// Version of the tables.
const VERSION: u32 = 1;
/// The tables. Times are seconds since 1970 UTC where nothing else is said.
const SCHEMA: &str = "
-- What the audit was made with, one row a setting: `tool`, `options`, `shard`, `facts` of the input.
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

-- Every domain. `finished_at` and `row` (JSON) are NULL until it is done; `complete` says whether the row has all that was
-- asked for; `error` says why the last try gave nothing; `run` is the run of that try. `source` and `line`: where the input
-- names it.
CREATE TABLE domains (
    id INTEGER PRIMARY KEY,
    domain TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    line INTEGER NOT NULL,
    run INTEGER,
    finished_at INTEGER,
    complete INTEGER,
    error TEXT,
    row TEXT
) STRICT;

-- Lookups of levels that several domains share, and those of domains that are not finished; JSON. `nth` counts the answers
-- of one view from 0.
CREATE TABLE levels (
    name TEXT NOT NULL,
    view TEXT NOT NULL,
    nth INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    lookup TEXT NOT NULL,
    PRIMARY KEY (name, view, nth)
) STRICT, WITHOUT ROWID;

-- What changed when a domain was audited again; JSON. `told_at` is NULL until a program that wants to know was told.
CREATE TABLE changes (
    id INTEGER PRIMARY KEY,
    domain TEXT NOT NULL,
    found_at INTEGER NOT NULL,
    told_at INTEGER,
    change TEXT NOT NULL
) STRICT;

-- When each service may be asked again as if nobody had asked (`rested_at`), and before when not at all (`paused_until`);
-- milliseconds since 1970 UTC.
CREATE TABLE quotas (endpoint TEXT PRIMARY KEY, rested_at INTEGER NOT NULL, paused_until INTEGER NOT NULL) STRICT;
";

/// An audit file that is open.
#[derive(Debug)]
pub struct AuditFile {
    connection: Connection,
    path: PathBuf,
    /// The number of this run, from 1.
    run: i64,
    // Released after the connection is closed: fields are dropped in order.
    _hold: Option<Hold>,
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
        let hold = hold.map_err(|source| match source {
            CaseError::Held(holder) => AuditFileError::Held { path: shown.clone(), holder },
            source => AuditFileError::Hold { path: shown.clone(), source },
        })?;
        let connection = connect(&shown, flags)?;
        let mut file = Self { connection, path: shown, run: 1, _hold: hold };
        if file.is_new()? {
            file.sql(|connection| {
                connection.execute_batch("PRAGMA journal_mode = WAL;")?;
                connection.execute_batch(&format!(
                    "BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
                ))
            })?;
        }
        file.check()?;
        // A killed program loses nothing; a power cut may lose the last domains, never the file (sqlite.org/wal.html).
        file.sql(|connection| connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"))?;
        for (name, asked) in settings {
            match file.setting(name)? {
                None => file.set_setting(name, asked)?,
                Some(found) if found == *asked => {}
                Some(found) => {
                    let (found, asked) = differing(&found, asked);
                    let (path, name) = (file.path.clone(), (*name).to_owned());
                    return Err(AuditFileError::Other { path, name, found, asked });
                }
            }
        }
        file.begin_run()?;
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
        let file = Self { connection, path: path.to_owned(), run: 0, _hold: None };
        file.sql(|connection| connection.execute_batch("PRAGMA query_only = ON;"))?;
        file.check()?;
        Ok(file)
    }

    /// Does something with the connection; what goes wrong is told with the file's name.
    fn sql<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, AuditFileError> {
        work(&self.connection).map_err(|source| AuditFileError::sqlite(&self.path, source))
    }

    fn number(&self, name: &str) -> Result<i64, AuditFileError> {
        self.sql(|connection| connection.pragma_query_value(None, name, |row| row.get(0)))
    }

    fn objects(&self) -> Result<Vec<(String, String, Option<String>)>, AuditFileError> {
        self.sql(|connection| {
            let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        })
    }

    fn is_new(&self) -> Result<bool, AuditFileError> {
        Ok(self.number("application_id")? == 0 && self.number("user_version")? == 0 && self.objects()?.is_empty())
    }

    /// A stranger's file may hold triggers and views: the schema must be exactly ours.
    fn check(&self) -> Result<(), AuditFileError> {
        let not_ours = |why| AuditFileError::NotOurs { path: self.path.clone(), why };
        if self.number("application_id")? != i64::from(APPLICATION_ID) {
            return Err(not_ours("it lacks the mark of one"));
        }
        let found = self.number("user_version")?;
        if found > i64::from(VERSION) {
            return Err(AuditFileError::Newer { path: self.path.clone(), found, version: VERSION });
        }
        let fresh = Connection::open_in_memory().and_then(|fresh| fresh.execute_batch(SCHEMA).map(|()| fresh));
        let connection = fresh.map_err(|source| AuditFileError::sqlite(&self.path, source))?;
        let fresh = Self { connection, path: PathBuf::new(), run: 0, _hold: None };
        if fresh.objects()? == self.objects()? { Ok(()) } else { Err(not_ours("its tables were altered")) }
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether an earlier run has done something in this file.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.run > 1
    }

    /// One setting.
    ///
    /// # Errors
    /// SQLite's.
    pub fn setting(&self, name: &str) -> Result<Option<String>, AuditFileError> {
        self.sql(|connection| {
            let mut statement = connection.prepare_cached("SELECT value FROM settings WHERE name = ?1")?;
            statement.query_row([name], |row| row.get(0)).optional()
        })
    }

    /// Writes a setting.
    ///
    /// # Errors
    /// SQLite's.
    pub fn set_setting(&self, name: &str, value: &str) -> Result<(), AuditFileError> {
        let sql = "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2";
        self.sql(|connection| connection.prepare_cached(sql)?.execute([name, value])).map(drop)
    }
}

/// Two values of one setting, shortened to what they differ in: of options those that are not alike.
pub(in crate::audit) fn differing(found: &str, asked: &str) -> (String, String) {
    use serde_json::{Map, Value};
    let options = |text: &str| serde_json::from_str::<Map<String, Value>>(text);
    let quoted = || (format!("`{}`", safe_text(found)), format!("`{}`", safe_text(asked)));
    let (Ok(one), Ok(other)) = (options(found), options(asked)) else { return quoted() };
    let names: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let unlike: Vec<&String> = names.into_iter().filter(|name| one.get(*name) != other.get(*name)).collect();
    let words = |options: &Map<String, Value>| {
        let word = |name: &&String| match options.get(*name) {
            Some(Value::String(text)) => format!("{name}={text}"),
            other => format!("{name}={}", other.unwrap_or(&Value::Null)),
        };
        format!("`{}`", safe_text(&unlike.iter().map(word).collect::<Vec<_>>().join(" ")))
    };
    (words(&one), words(&other))
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, AuditFileError> {
    case::look_at(path, flags)
        .map_err(|error| AuditFileError::Hold { path: path.to_owned(), source: CaseError::File(error) })?;
    case::connect(path, flags).map_err(|source| AuditFileError::sqlite(path, source))
}
