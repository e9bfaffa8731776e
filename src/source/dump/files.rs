//! Which files an argument means: a file, the files of a directory in order, standard input.

use std::io;
use std::path::{Path, PathBuf};

/// Directories within directories that are followed.
const DEPTH: usize = 32;

/// One input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Input {
    /// How messages and coverage name it.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Stdin => "standard input".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// The inputs that arguments mean, in the order given; a directory stands for its files, sorted. `-` or nothing is
/// standard input.
///
/// # Errors
/// A path that is not there, with its name.
pub fn expand(arguments: &[PathBuf]) -> io::Result<Vec<Input>> {
    if arguments.is_empty() {
        return Ok(vec![Input::Stdin]);
    }
    let mut inputs = Vec::new();
    for path in arguments {
        if path.as_os_str() == "-" {
            if inputs.contains(&Input::Stdin) {
                return Err(io::Error::other("`-` can be given once only"));
            }
            inputs.push(Input::Stdin);
        } else if path.is_dir() {
            directory(path, DEPTH, &mut inputs)?;
        } else {
            path.metadata().map_err(|error| named(&error, path))?;
            inputs.push(Input::File(path.clone()));
        }
    }
    Ok(inputs)
}

fn directory(path: &Path, depth: usize, inputs: &mut Vec<Input>) -> io::Result<()> {
    if depth == 0 {
        return Err(io::Error::other(format!("`{}` is nested too deeply", path.display())));
    }
    let entries = path.read_dir().map_err(|error| named(&error, path))?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>().map_err(|e| named(&e, path))?;
    paths.sort();
    for path in paths {
        // Hidden files and whatever is no file (sockets, dangling links) were not meant.
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        match path.metadata() {
            Ok(meta) if meta.is_dir() && !hidden && !path.is_symlink() => directory(&path, depth - 1, inputs)?,
            Ok(meta) if meta.is_file() && !hidden => inputs.push(Input::File(path)),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

fn named(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}
