//! The case file: everything one investigation was told, as received, in one SQLite file.
//!
//! Knows texts and octets, nothing of services or DNS. A page and the cursor it paid for are one transaction, so a
//! killed program loses at most the request in flight.

mod dns;
mod error;
mod hold;
mod replies;
mod salvage;
mod schema;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

pub use dns::{DnsExchange, DnsRun, StoredDnsRun};
pub use error::{CaseError, Damage};
pub(crate) use hold::Hold;
pub use hold::Holder;
pub use replies::{CursorState, IssuanceRow, NewReply, ReplyState, Run, StoredReply};
pub use salvage::{Salvaged, salvage};

/// The first octets of a SQLite file (SQLite file format §1.3.1).
pub const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// An open case file: one writer, any number of readers.
#[derive(Debug)]
pub struct Case {
    connection: Connection,
    path: PathBuf,
    writable: bool,
    // Released after the connection is closed: fields are dropped in order.
    _hold: Option<hold::Hold>,
}

impl Case {
    /// Opens a case file for writing and makes it if it is not there. `tool` is the program and its version.
    ///
    /// # Errors
    /// [`CaseError::Held`] when another program writes to it, [`CaseError::Newer`], [`CaseError::Damaged`], or what the
    /// operating system says.
    pub fn open(path: &Path, tool: &str, now: Timestamp) -> Result<Self, CaseError> {
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory).map_err(CaseError::File)?;
        }
        let hold = hold::Hold::take(path, tool, now)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        look_at(path, flags).map_err(CaseError::File)?;
        let mut connection = connect(path, flags)?;
        match schema::version(&connection)? {
            Some(version) if version == schema::VERSION => {}
            found => schema::migrate(&mut connection, found.unwrap_or(0))?,
        }
        schema::check(&connection)?;
        // A rollback journal and not a write-ahead log: between two transactions the one file is all there is to share.
        connection
            .execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")?;
        let mut case = Self { connection, path: path.to_owned(), writable: true, _hold: Some(hold) };
        if case.setting("tool")?.is_none() {
            case.set_setting("tool", tool)?;
        }
        Ok(case)
    }

    /// Opens an existing case file for reading only; it is not changed in any way.
    ///
    /// # Errors
    /// [`CaseError::Newer`], [`CaseError::Older`], [`CaseError::Damaged`], or what the operating system says.
    pub fn open_read_only(path: &Path) -> Result<Self, CaseError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        look_at(path, flags).map_err(CaseError::File)?;
        let connection = connect(path, flags)?;
        match schema::version(&connection)? {
            None => return Err(CaseError::Damaged(Damage::NotACase)),
            Some(version) if version < schema::VERSION => {
                return Err(CaseError::Older { file: version, tool: schema::VERSION });
            }
            Some(_) => schema::check(&connection)?,
        }
        Ok(Self { connection, path: path.to_owned(), writable: false, _hold: None })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this program may write to it.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.writable
    }

    /// A setting of the investigation, as it was stored.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be read.
    pub fn setting(&self, name: &str) -> Result<Option<String>, CaseError> {
        let mut statement = self.connection.prepare_cached("SELECT value FROM settings WHERE name = ?1")?;
        Ok(statement.query_row([name], |row| row.get(0)).optional()?)
    }

    /// Stores a setting, in place of an earlier value.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be written.
    pub fn set_setting(&mut self, name: &str, value: &str) -> Result<(), CaseError> {
        let sql = "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2";
        self.connection.prepare_cached(sql)?.execute([name, value])?;
        Ok(())
    }

    /// All settings by name.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be read.
    pub fn settings(&self) -> Result<Vec<(String, String)>, CaseError> {
        let mut statement = self.connection.prepare("SELECT name, value FROM settings ORDER BY name")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Says of a path that cannot be a file of ours what the system says: SQLite has one message for all of these.
///
/// # Errors
/// It is a directory, or is not there and is not to be made.
pub(crate) fn look_at(path: &Path, flags: OpenFlags) -> std::io::Result<()> {
    match path.metadata() {
        Ok(found) if found.is_dir() => Err(std::io::ErrorKind::IsADirectory.into()),
        Err(error) if !flags.contains(OpenFlags::SQLITE_OPEN_CREATE) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Opens a SQLite file that somebody else may have made: nothing in it runs.
///
/// # Errors
/// It is no SQLite file, or cannot be opened.
pub(crate) fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    Ok(connection)
}

#[cfg(test)]
mod tests;
