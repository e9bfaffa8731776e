//! Where a result goes: standard output, or a file that is either whole or not there.

use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};

use super::env::Env;
use super::interrupt::Unfinished;

/// Writes a result with `write`: to `path` atomically (a temporary file beside it, then a rename), or to standard output.
///
/// A closed pipe is quiet: whoever reads has what it wanted.
///
/// # Errors
/// The file cannot be written; nothing is left behind.
pub fn write_result(
    env: &mut Env,
    path: Option<&Path>,
    write: impl FnOnce(&mut (dyn Write + Send)) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    match path {
        None => {
            let mut out = BufWriter::with_capacity(1 << 16, &mut env.stdout);
            match write(&mut out).and_then(|()| out.flush()) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    // What is left in the buffer has no reader: do not try again when it is dropped.
                    let _ = out.into_parts();
                    Ok(())
                }
                result => result.context("cannot write to standard output"),
            }
        }
        Some(path) => {
            let complain = || format!("cannot write `{}`", path.display());
            // A device or a pipe cannot be renamed over, and cannot be half-written in the sense that matters.
            if path.metadata().is_ok_and(|meta| !meta.is_file()) {
                let file = std::fs::OpenOptions::new().write(true).open(path).with_context(complain)?;
                let mut out = BufWriter::new(file);
                return write(&mut out).and_then(|()| out.flush()).with_context(complain);
            }
            let temporary = temporary_beside(path).with_context(complain)?;
            let _unfinished = Unfinished::new(temporary.path());
            let mut out = BufWriter::with_capacity(1 << 16, temporary);
            write(&mut out).with_context(complain)?;
            let temporary = out.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(complain)?;
            make_readable(&temporary).with_context(complain)?;
            temporary.persist(path).map_err(|error| error.error).with_context(complain)?;
            Ok(())
        }
    }
}

/// A file in the directory of `path`, to be renamed to it. What goes wrong is told without the temporary name.
pub fn temporary_beside(path: &Path) -> anyhow::Result<tempfile::NamedTempFile> {
    let directory = directory_of(path);
    if !directory.is_dir() {
        bail!("there is no directory `{}`", directory.display());
    }
    tempfile::Builder::new().prefix(".ctclimb-").tempfile_in(&directory).map_err(|error| match error.raw_os_error() {
        Some(code) => std::io::Error::from_raw_os_error(code).into(),
        None => match error.get_ref().and_then(std::error::Error::source) {
            Some(inner) => anyhow!("{inner}"),
            None => error.into(),
        },
    })
}

/// The directory a file lies in; the present one for a bare file name.
pub fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// A temporary file is private to its owner; a result is as readable as any new file.
#[cfg(unix)]
pub fn make_readable(file: &tempfile::NamedTempFile) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
pub fn make_readable(_: &tempfile::NamedTempFile) -> std::io::Result<()> {
    Ok(())
}
