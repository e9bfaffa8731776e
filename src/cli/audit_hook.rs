//! `--on-change PROGRAM`: a program hears of every change, one after the other, beside the audit. Its arguments never pass
//! through a shell; a change that it did not take is told again by the next run.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::anyhow;

use crate::audit::diff::Change;
use crate::audit::file::{AuditFile, AuditFileError, Kept, Noted};
use crate::audit::stop::{Halt, Stop};

/// Time between two looks at a program that runs.
const LOOK: Duration = Duration::from_millis(10);
/// Complaints that are kept in words.
const COMPLAINTS: usize = 20;

/// The program that is told of changes.
pub struct Hook<'a> {
    /// What is run.
    pub program: PathBuf,
    /// How long it may take for one change.
    pub timeout: Duration,
    /// Where changes are kept, and that they were told.
    pub file: &'a Mutex<AuditFile>,
    /// Ends the telling between two changes.
    pub stop: &'a Stop,
    /// Gives the time, seconds since 1970 UTC.
    pub clock: &'a (dyn Fn() -> i64 + Sync),
}

/// What became of telling.
#[derive(Debug, Default)]
pub struct Told {
    /// Changes the program took.
    pub taken: u64,
    /// Changes it did not take; they are told again by the next run.
    pub failed: u64,
    /// The first complaints.
    pub complaints: Vec<String>,
}

/// Finds the program that is to be run, before anything else is done.
///
/// # Errors
/// It is not there, or not to be run.
pub fn find(program: &Path, search: Option<&str>) -> anyhow::Result<PathBuf> {
    let runnable = |path: &Path| path.metadata().is_ok_and(|meta| meta.is_file() && is_executable(&meta));
    let bare = program.components().count() == 1 && !program.has_root();
    let found = if bare {
        std::env::split_paths(search.unwrap_or_default()).map(|path| path.join(program)).find(|path| runnable(path))
    } else {
        Some(program.to_owned()).filter(|path| runnable(path))
    };
    found.ok_or_else(|| {
        anyhow!("`--on-change {}`: there is no program of that name, or nobody may run it", program.display())
    })
}

#[cfg(unix)]
fn is_executable(meta: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    meta.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &std::fs::Metadata) -> bool {
    true
}

impl Hook<'_> {
    /// Tells of what is there whenever `wake` says that there may be more, until its other end is gone.
    ///
    /// # Errors
    /// The audit file's.
    pub fn work(&self, wake: &Receiver<()>) -> Result<Told, AuditFileError> {
        let (mut told, mut after) = (Told::default(), 0);
        loop {
            let more = wake.recv().is_ok();
            while wake.try_recv().is_ok() {}
            while let Some(noted) = self.next(after)?.filter(|_| !self.is_interrupted()) {
                after = noted.id;
                match self.tell(&noted) {
                    Ok(()) => {
                        told.taken += 1;
                        self.file().told(noted.id, (self.clock)())?;
                    }
                    Err(why) => {
                        told.failed += 1;
                        if told.complaints.len() < COMPLAINTS {
                            told.complaints.push(format!("{} for {}: {why}", self.program.display(), noted.domain));
                        }
                    }
                }
            }
            if !more {
                return Ok(told);
            }
        }
    }

    fn file(&self) -> std::sync::MutexGuard<'_, AuditFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_interrupted(&self) -> bool {
        matches!(self.stop.why(), Some(Halt::Interrupted | Halt::NobodyReads))
    }

    fn next(&self, after: i64) -> Result<Option<Noted>, AuditFileError> {
        Ok(self.file().changes(Kept::Untold, after, 1)?.pop())
    }

    /// Runs the program for one change.
    fn tell(&self, noted: &Noted) -> Result<(), String> {
        let change: Change = serde_json::from_str(&noted.change).map_err(|error| error.to_string())?;
        let mut child = Command::new(&self.program)
            .arg(argument(&change.domain))
            .args(change.words())
            .stdin(Stdio::piped())
            .stdout(std::io::stderr())
            .spawn()
            .map_err(|error| format!("cannot be run: {error}"))?;
        if let Some(mut stdin) = child.stdin.take() {
            let line = format!("{}\n", noted.change);
            // Beside the waiting: a program that does not read shall not hold us. Its closing the pipe is no fault.
            std::thread::spawn(move || stdin.write_all(line.as_bytes()));
        }
        self.wait(&mut child)
    }

    fn wait(&self, child: &mut Child) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("ended with {status}")),
                Ok(None) if begun.elapsed() >= self.timeout => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(format!("killed after {} ms without an end", self.timeout.as_millis()));
                }
                Ok(None) => std::thread::sleep(LOOK),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

/// A domain as an argument: one that begins with `-` would be taken for an option, so its first octet is escaped as in zone
/// files (RFC 1035 §5.1).
fn argument(domain: &str) -> String {
    match domain.strip_prefix('-') {
        Some(rest) => format!("\\045{rest}"),
        None => domain.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_never_an_option() {
        assert_eq!(argument("-rf.example"), "\\045rf.example");
        assert_eq!(argument("a-b.example"), "a-b.example");
    }

    #[test]
    fn a_program_is_looked_for_as_a_shell_would() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hook");
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        let search = directory.path().to_str().unwrap();
        assert!(find(&path, None).is_err() && find(Path::new("hook"), Some(search)).is_err(), "not executable");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            assert_eq!(find(Path::new("hook"), Some(search)).unwrap(), path);
            assert_eq!(find(&path, None).unwrap(), path);
        }
        assert!(find(Path::new("hook"), None).is_err());
    }
}
