//! The files that an audit writes beside its result, each whole or not there at all.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::output::{make_readable, temporary_beside};
use crate::audit::output::uri_of;

/// A file that is whole or not there.
pub struct Atomic {
    /// Where its octets go.
    pub out: BufWriter<tempfile::NamedTempFile>,
    path: PathBuf,
}

impl Atomic {
    /// Begins a file that will be at `path`.
    ///
    /// # Errors
    /// Nothing can be written beside `path`.
    pub fn new(path: &Path) -> anyhow::Result<Self> {
        let complain = || format!("cannot write `{}`", path.display());
        let file = temporary_beside(path).with_context(complain)?;
        Ok(Self { out: BufWriter::new(file), path: path.to_owned() })
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// The disk is full, the place cannot be taken.
    pub fn keep(self) -> anyhow::Result<()> {
        let complain = || format!("cannot write `{}`", self.path.display());
        let file = self.out.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(complain)?;
        make_readable(&file).with_context(complain)?;
        file.persist(&self.path).map_err(|error| error.error).with_context(complain)?;
        Ok(())
    }
}

/// Finds out before hours of work whether a file can be written at their end.
///
/// # Errors
/// It cannot.
pub fn check(path: &Path) -> anyhow::Result<()> {
    match path.metadata() {
        Ok(meta) if meta.is_dir() => bail!("cannot write `{}`: it is a directory", path.display()),
        // A device or a pipe is written to as it is.
        Ok(meta) if !meta.is_file() => Ok(()),
        Ok(_) | Err(_) => Atomic::new(path).map(drop),
    }
}

/// Where a code host finds a file: relative to the directory we are in, which is where its repository begins; absolute for
/// what is elsewhere.
pub fn artifact(path: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let relative = Path::new(path).strip_prefix(&here).ok().and_then(Path::to_str).unwrap_or(path);
    match relative.strip_prefix("./").unwrap_or(relative) {
        absolute if absolute.starts_with('/') => format!("file://{}", uri_of(absolute)),
        relative => uri_of(relative),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_host_finds_a_file_from_the_root_of_its_repository() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(artifact("lists/my domains.txt"), "lists/my%20domains.txt");
        assert_eq!(artifact("./list.txt"), "list.txt");
        assert_eq!(artifact(here.join("list.txt").to_str().unwrap()), "list.txt");
        assert_eq!(artifact("/nowhere/list.txt"), "file:///nowhere/list.txt");
    }

    #[test]
    fn what_cannot_be_written_is_known_before() {
        let directory = tempfile::tempdir().unwrap();
        check(&directory.path().join("new")).unwrap();
        assert!(check(directory.path()).is_err());
        assert!(check(&directory.path().join("absent/new")).is_err());
        assert_eq!(directory.path().read_dir().unwrap().count(), 0, "nothing is left behind");
    }
}
