//! Why a case file cannot be used.

use super::Holder;

/// A case file cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// Another program writes to it.
    #[error("the case file is in use: {0}; wait for it, or choose another file with `--case`")]
    Held(Holder),
    /// Made by a newer version of this program.
    #[error(
        "the case file has schema version {file}, newer than version {tool} of this program; a newer ctclimb is needed"
    )]
    Newer {
        /// Version of the file.
        file: u32,
        /// Newest version this program knows.
        tool: u32,
    },
    /// Made by an older version, and opened for reading only.
    #[error(
        "the case file has schema version {file}, this program reads {tool}; run `fetch` or `investigate` on it once to bring it up to date"
    )]
    Older {
        /// Version of the file.
        file: u32,
        /// Version this program reads.
        tool: u32,
    },
    /// No case file, or no longer one.
    #[error("{0}")]
    Damaged(Damage),
    /// The disk is full. What was stored before is intact.
    #[error("the disk is full; what was stored before is intact, the same command goes on from there")]
    Full,
    /// Nothing more can be written for another reason. What was stored before is intact.
    #[error(
        "nothing more can be written (a quota, a limit of file sizes, a failing disk?); what was stored before is intact, the same command goes on from there"
    )]
    Unwritable,
    /// What the operating system says about the file.
    #[error("{0}")]
    File(std::io::Error),
    /// What SQLite says, where no other variant says it better.
    #[error("{0}")]
    Sqlite(rusqlite::Error),
}

/// What is wrong with a file that should be a case file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Another kind of file.
    #[error("not a case file of ctclimb")]
    NotACase,
    /// A SQLite file whose pages do not hold together.
    #[error(
        "the case file is damaged: {0}; `ctclimb report FILE --salvage NEW` copies what is readable into a new file"
    )]
    Pages(String),
    /// Tables, triggers or views that no version of this program makes.
    #[error(
        "the case file was altered: its tables are not those of its version; `ctclimb report FILE --salvage NEW` copies what is readable into a new file"
    )]
    Schema,
    /// A stored body that is not what its hash says.
    #[error(
        "the case file is damaged: reply {0} is not what its hash says; `ctclimb report FILE --salvage NEW` copies what is readable into a new file"
    )]
    Reply(i64),
    /// A stored view of the name servers that is none.
    #[error(
        "the case file is damaged: what it keeps of the name servers cannot be read; the lookups can be made again with `investigate`"
    )]
    View,
}

impl CaseError {
    /// Whether [`salvage`](super::salvage) may help.
    #[must_use]
    pub fn may_be_salvaged(&self) -> bool {
        match self {
            Self::Damaged(Damage::Pages(_) | Damage::Schema | Damage::Reply(_)) => true,
            Self::Damaged(Damage::NotACase | Damage::View)
            | Self::Held(_)
            | Self::Newer { .. }
            | Self::Older { .. }
            | Self::Full
            | Self::Unwritable
            | Self::File(_)
            | Self::Sqlite(_) => false,
        }
    }
}

impl From<rusqlite::Error> for CaseError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        use rusqlite::ffi;
        let extended = |error: &rusqlite::Error| error.sqlite_error().map_or(0, |error| error.extended_code);
        let text = |error: &rusqlite::Error| error.to_string().escape_debug().to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::SystemIoFailure)
                if matches!(
                    extended(&error),
                    ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_TRUNCATE
                ) =>
            {
                Self::Unwritable
            }
            Some(ErrorCode::NotADatabase) => Self::Damaged(Damage::NotACase),
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(Damage::Pages(text(&error))),
            _ => Self::Sqlite(error),
        }
    }
}
