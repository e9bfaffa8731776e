//! One writer at a time: a lock of the operating system beside the case file, with a note who holds it.
//!
//! The system frees the lock of a killed program, so a stale note hinders nobody.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::CaseError;

/// Who holds a case file, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    note: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.note {
            Some(note) => write!(f, "{note} writes to it"),
            None => f.write_str("another program writes to it"),
        }
    }
}

/// The lock, and the note beside the case file; both go when dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    path: PathBuf,
    file: File,
}

impl Hold {
    pub(crate) fn take(case: &Path, tool: &str, now: Timestamp) -> Result<Self, CaseError> {
        let mut name = case.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        // A note may be removed by its holder between our opening and our locking it: then the lock is worth nothing.
        for _ in 0..16 {
            let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let mut file = options.map_err(CaseError::File)?;
            match file.try_lock() {
                Ok(()) if is_still_there(&file, &path) => {
                    let note = format!("process {} ({tool}, since {now})", std::process::id());
                    // Without the note the lock holds all the same.
                    let _ = file.set_len(0).and_then(|()| file.write_all(note.as_bytes()));
                    return Ok(Self { path, file });
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(CaseError::Held(Holder { note: read(&mut file) })),
                Err(TryLockError::Error(error)) => return Err(CaseError::File(error)),
            }
        }
        Err(CaseError::Held(Holder { note: None }))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // First the note, then the lock: whoever locks the removed file sees that it is gone.
        let _ = std::fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

fn read(file: &mut File) -> Option<String> {
    let mut note = Vec::new();
    file.rewind().ok()?;
    file.take(200).read_to_end(&mut note).ok()?;
    let note = String::from_utf8_lossy(&note).escape_debug().to_string();
    (!note.is_empty()).then_some(note)
}

#[cfg(unix)]
fn is_still_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let inode = |metadata: &std::fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), std::fs::metadata(path)), (Ok(ours), Ok(there)) if inode(&ours) == inode(&there))
}

#[cfg(not(unix))]
fn is_still_there(_file: &File, path: &Path) -> bool {
    path.exists()
}
