//! Where results go: standard output, a device or a pipe as it is, or a file that is either whole or not there.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use tempfile::NamedTempFile;

use super::Failure;
use super::env::Env;
use super::interrupt::Unfinished;
use super::live::is_case;

/// Octets that are written at once.
const PIECE: usize = 1 << 16;

/// Writes a result with `write`: to `path` atomically (a temporary file beside it, then a rename), or to standard output.
///
/// A closed pipe is quiet: whoever reads has what it wanted.
///
/// # Errors
/// The file cannot be written; nothing is left behind.
pub fn write_result(
    env: &mut Env,
    path: Option<&Path>,
    write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> anyhow::Result<()> {
    let Some(path) = path.filter(|path| !is_stream(path)) else {
        let mut out = BufWriter::with_capacity(PIECE, Noting::new(&mut env.stdout));
        let written = write(&mut out).and_then(|()| out.flush());
        // What is left in the buffer has no reader: do not try again when it is dropped.
        return match out.into_parts().0.failure {
            Some(failure) if failure.kind() == ErrorKind::BrokenPipe => Ok(()),
            Some(failure) => Err(failure).context("cannot write to standard output"),
            None => Ok(written?),
        };
    };
    let mut pending = Pending::begin(path)?;
    let written = write(&mut pending);
    pending.is_fine()?;
    written?;
    pending.keep(env)
}

/// A writer that remembers why it failed, whatever becomes of its error on the way through those who write.
struct Noting<W> {
    out: W,
    failure: Option<io::Error>,
}

impl<W> Noting<W> {
    fn new(out: W) -> Self {
        Self { out, failure: None }
    }

    fn noted<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &done
            && error.kind() != ErrorKind::Interrupted
        {
            self.failure = Some(io::Error::new(error.kind(), error.to_string()));
        }
        done
    }
}

impl<W: Write> Write for Noting<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let written = self.out.write(octets);
        self.noted(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.noted(flushed)
    }
}

/// A result on its way to where it goes.
pub struct Pending {
    out: BufWriter<Noting<Place>>,
    path: PathBuf,
    _unfinished: Option<Unfinished>,
}

/// Where the octets of a result go until it is whole.
enum Place {
    /// A file beside that of the result.
    Beside(NamedTempFile),
    /// A device or a pipe: it cannot be renamed over, and cannot be half-written in the sense that matters.
    Through(File),
    /// A file without a name, for standard output: one result after another, each in one piece.
    Held(File),
}

impl Pending {
    /// Begins a result that will be at `path`; `-` is standard output.
    ///
    /// # Errors
    /// Nothing can be written there, or something is there that no result is to replace.
    pub fn begin(path: &Path) -> anyhow::Result<Self> {
        let place = Place::new(path).with_context(|| complaint(path))?;
        let unfinished = match &place {
            Place::Beside(file) => Some(Unfinished::new(file.path())),
            Place::Through(_) | Place::Held(_) => None,
        };
        Ok(Self {
            out: BufWriter::with_capacity(PIECE, Noting::new(place)),
            path: path.to_owned(),
            _unfinished: unfinished,
        })
    }

    /// Whether all could be written so far: several results may be written at a time, and their errors look alike.
    ///
    /// # Errors
    /// Why this one could not.
    pub fn is_fine(&mut self) -> anyhow::Result<()> {
        match self.out.get_mut().failure.take() {
            Some(failure) => Err(failure).with_context(|| complaint(&self.path)),
            None => Ok(()),
        }
    }

    /// Puts the result in its place.
    ///
    /// # Errors
    /// The disk is full, the place cannot be taken.
    pub fn keep(self, env: &mut Env) -> anyhow::Result<()> {
        let complain = || complaint(&self.path);
        match self.out.into_inner().map_err(io::IntoInnerError::into_error).with_context(complain)?.out {
            Place::Through(_) => Ok(()),
            Place::Beside(file) => {
                // Who reaches it through a link still does.
                let place = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
                if let Ok(old) = place.metadata() {
                    file.as_file().set_permissions(old.permissions()).with_context(complain)?;
                }
                file.persist(place).map(drop).map_err(|error| error.error).with_context(complain)
            }
            Place::Held(mut file) => {
                file.rewind().context("cannot hold the result")?;
                write_result(env, None, |out| io::copy(&mut file, out).map(drop))
            }
        }
    }
}

impl Write for Pending {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.out.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Place {
    fn new(path: &Path) -> anyhow::Result<Self> {
        if is_stream(path) {
            return Ok(Self::Held(tempfile::tempfile().context("cannot use the directory for temporary files")?));
        }
        match path.metadata() {
            Ok(meta) if meta.is_dir() => bail!("it is a directory; name a file"),
            Ok(meta) if !meta.is_file() => Ok(Self::Through(File::options().write(true).open(path)?)),
            Ok(_) if is_case(path) => {
                bail!("it is a case file or an audit file, which would be lost; name another file")
            }
            Ok(_) => {
                // A file that is not to be written is not to be replaced either.
                File::options().write(true).open(path)?;
                temporary_beside(&path.canonicalize()?).map(Self::Beside)
            }
            Err(_) => temporary_beside(path).map(Self::Beside),
        }
    }
}

impl Write for Place {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Beside(file) => file.write(octets),
            Self::Through(file) | Self::Held(file) => file.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Beside(file) => file.flush(),
            Self::Through(file) | Self::Held(file) => file.flush(),
        }
    }
}

/// Finds out before hours of work whether a result can be written at their end.
///
/// # Errors
/// It cannot.
pub fn check(path: &Path) -> anyhow::Result<()> {
    match path.metadata() {
        _ if is_stream(path) => Ok(()),
        // To open a pipe is to wait for its reader.
        Ok(meta) if !meta.is_file() && !meta.is_dir() => Ok(()),
        Ok(_) | Err(_) => Pending::begin(path).map(drop),
    }
}

/// Finds out before the work whether every result has a place of its own: `output` that of `--output`, if it has one,
/// `others` the options with a file of theirs, `kept` one with a file that is worked on. As everywhere, `-` is standard
/// output, which takes one of them.
///
/// # Errors
/// Two results would go to one place, or one cannot be written.
pub fn check_places(
    output: Option<&Path>,
    others: &[(&str, Option<&Path>)],
    kept: Option<(&str, &Path)>,
) -> Result<(), Failure> {
    let others = others.iter().filter_map(|(option, path)| Some((*option, (*path)?)));
    let results: Vec<(&str, &Path)> =
        std::iter::once(("--output", output.unwrap_or(Path::new("-")))).chain(others).collect();
    let all: Vec<(&str, &Path)> = results.iter().copied().chain(kept).collect();
    for (at, (option, path)) in all.iter().enumerate() {
        let Some((before, _)) = all[..at].iter().find(|(_, other)| is_one_place(path, other)) else { continue };
        let why = match (is_stream(path), *before) {
            (true, "--output") => {
                format!(
                    "`{option} -`: standard output has the result already; send that to a file with `--output FILE`"
                )
            }
            (true, before) => format!("`{option} -`: standard output has what `{before} -` writes; name a file"),
            (false, before) => {
                format!("`{option}` and `{before}` both write `{}`; name a file for each", path.display())
            }
        };
        return Err(Failure::Usage(anyhow!(why)));
    }
    Ok(results.iter().try_for_each(|(_, path)| check(path))?)
}

/// Refuses `-` where a file is kept to be read again.
///
/// # Errors
/// It is `-`.
pub fn refuse_stream(option: &str, path: Option<&Path>) -> Result<(), Failure> {
    match path.filter(|path| is_stream(path)) {
        None => Ok(()),
        Some(_) => Err(Failure::Usage(anyhow!(
            "`{option} -`: a stream cannot be read again, as this file is; name a file (`./-` for one called `-`)"
        ))),
    }
}

/// Whether a path stands for standard output.
pub fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether what is written to one is written over what is written to the other. A device takes any number.
fn is_one_place(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| match (path.canonicalize(), path.file_name()) {
        (Ok(path), _) => path,
        (Err(_), Some(name)) => directory_of(path).canonicalize().unwrap_or_default().join(name),
        (Err(_), None) => path.to_owned(),
    };
    match (is_stream(one), is_stream(other)) {
        (true, true) => true,
        (false, false) => real(one) == real(other) && one.metadata().map_or(true, |meta| meta.is_file()),
        _ => false,
    }
}

fn complaint(path: &Path) -> String {
    format!("cannot write `{}`", path.display())
}

/// A file in the directory of `path`, to be renamed to it, as readable as any new file. What goes wrong is told without
/// the temporary name.
fn temporary_beside(path: &Path) -> anyhow::Result<NamedTempFile> {
    let directory = directory_of(path);
    if !directory.is_dir() {
        bail!("there is no directory `{}`", directory.display());
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".ctclimb-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(&directory).map_err(|error| match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code).into(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_is_known_before() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        check(&at("new")).unwrap();
        assert!(check(directory.path()).is_err());
        assert!(check(&at("absent/new")).is_err());
        assert_eq!(directory.path().read_dir().unwrap().count(), 0, "nothing is left behind");
        std::fs::write(at("kept"), b"SQLite format 3\0").unwrap();
        assert!(check(&at("kept")).unwrap_err().root_cause().to_string().contains("which would be lost"));
    }

    #[test]
    fn every_result_has_a_place_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        let (a, b, dash, same) = (at("a"), at("b"), PathBuf::from("-"), at("sub/../a"));
        for (output, csv, html, fits) in [
            (None, Some(&a), Some(&b), true),
            (Some(&a), Some(&dash), Some(&b), true),
            (None, Some(&dash), None, false),
            (Some(&a), Some(&dash), Some(&dash), false),
            (Some(&a), Some(&same), None, false),
            (None, Some(&b), Some(&b), false),
        ] {
            let others = [("--csv", csv.map(PathBuf::as_path)), ("--html", html.map(PathBuf::as_path))];
            let checked = check_places(output.map(PathBuf::as_path), &others, None);
            assert_eq!(checked.is_ok(), fits, "{output:?} {csv:?} {html:?}");
            assert!(matches!(checked, Ok(()) | Err(Failure::Usage(_))));
        }
        let null = Path::new("/dev/null");
        assert!(!null.exists() || check_places(Some(null), &[("--csv", Some(null))], None).is_ok());
        assert!(check_places(Some(&a), &[], Some(("--file", &same))).is_err());
    }
}
