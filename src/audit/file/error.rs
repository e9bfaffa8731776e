//! [`AuditFileError`]: why an audit file cannot be used, and what to do about it.

use std::path::PathBuf;

use crate::case::{CaseError, Holder};

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
    #[error("`{}` has schema version {found}, this program reads {version}; a newer ctclimb is needed", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that this program reads.
        version: u32,
    },
    /// Begun with other settings.
    #[error("`{}` was begun with {name} {found}, not {asked}; choose another file with `--file`", path.display())]
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
    /// SQLite cannot read it: cut short, overwritten, on a bad disk.
    #[error("`{}` is damaged ({what}); what was audited cannot be read back, so begin again with another `--file`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says, or which row.
        what: String,
    },
    /// In use by another process.
    #[error("`{}` is in use: {holder}; wait for it, or choose another file with `--file`", path.display())]
    Held {
        /// The file.
        path: PathBuf,
        /// Who writes to it.
        holder: Holder,
    },
    /// It cannot be looked at, or the lock beside it cannot be made.
    #[error("cannot use `{}`", path.display())]
    Hold {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CaseError,
    },
    /// It is not there, cannot be written, the disk is full.
    #[error("cannot use `{}`", path.display())]
    Sqlite {
        /// The file; empty for a temporary one.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

impl AuditFileError {
    /// What SQLite said about the file at `path`.
    pub(super) fn sqlite(path: &std::path::Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(DatabaseCorrupt) => Self::Damaged { path, what: source.to_string() },
            Some(NotADatabase) => Self::NotOurs { path, why: "it is no SQLite database" },
            _ => Self::Sqlite { path, source },
        }
    }
}
