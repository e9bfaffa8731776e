//! Shards become one audit, and nothing is lost or counted twice on the way: whatever does not add up is refused.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::file::{AuditFile, AuditFileError, Finish, Kept, State, differing};
use super::partition::Facts;
use super::shard::Shard;
use crate::name::DomainName;

/// Shards that cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A file.
    #[error(transparent)]
    File(#[from] AuditFileError),
    /// Made with another version or other options.
    #[error(
        "`{}` has {name} {found}, `{}` has {expected}; shards must be made alike",
        path.display(),
        first.display()
    )]
    Differs {
        /// The file.
        path: PathBuf,
        /// The first of the files.
        first: PathBuf,
        /// The setting.
        name: &'static str,
        /// Its value there, or what of it is different.
        found: String,
        /// Its value in the first file, or what of it is different.
        expected: String,
    },
    /// A shard twice, or another number of shards.
    #[error("`{}` is shard {shard}, which does not go with the others: {why}", path.display())]
    Shard {
        /// The file.
        path: PathBuf,
        /// What it says to be.
        shard: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Shards are missing.
    #[error("shards are missing: {missing}")]
    Missing {
        /// Which.
        missing: String,
    },
    /// A shard is not finished.
    #[error("`{}` is not finished: `{domain}` has no row yet; run the same command on it again", path.display())]
    Unfinished {
        /// The file.
        path: PathBuf,
        /// A domain without a row.
        domain: String,
    },
    /// A domain that is not of its shard.
    #[error("`{}` has `{domain}`, which belongs to another shard", path.display())]
    Stray {
        /// The file.
        path: PathBuf,
        /// The domain.
        domain: String,
    },
    /// Counts that do not add up.
    #[error("{what}: {found} came in, {expected} were expected")]
    Count {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
}

/// What shards have in common.
const ALIKE: [&str; 2] = ["tool", "options"];

/// Merges the shards in `files` into a new audit file at `into`, or a temporary one.
///
/// # Errors
/// [`MergeError`] for whatever does not add up; a file at `into` is then not a finished audit.
pub fn merge(files: &[PathBuf], into: Option<&Path>, now: Timestamp) -> Result<AuditFile, MergeError> {
    let shards = files.iter().map(|path| AuditFile::open_read_only(path)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = shards.first() else { return Err(MergeError::Missing { missing: "all".to_owned() }) };
    let setting = |file: &AuditFile, name: &str| Ok::<_, MergeError>(file.setting(name)?.unwrap_or_default());
    for file in &shards {
        for name in ALIKE.into_iter().chain(["facts"]) {
            let (found, expected) = (setting(file, name)?, setting(first, name)?);
            if found != expected {
                let (found, expected) = differing(&found, &expected);
                let (path, first) = (file.path().to_owned(), first.path().to_owned());
                let name = if name == "facts" { "input" } else { name };
                return Err(MergeError::Differs { path, first, name, found, expected });
            }
        }
    }
    check_shards(&shards)?;
    let mut settings = vec![("shard", Shard::WHOLE.to_string())];
    for name in ALIKE {
        settings.push((name, setting(first, name)?));
    }
    let merged = AuditFile::open(into, &settings, now)?;
    let facts = setting(first, "facts")?;
    merged.set_setting("facts", &facts)?;
    let mut came_in = 0;
    for file in &shards {
        let shard: Shard = setting(file, "shard")?.parse().unwrap_or(Shard::WHOLE);
        file.each(|domain, source, line, state, at| {
            let path = || file.path().to_owned();
            if !DomainName::parse(domain).is_ok_and(|name| shard.holds(&name)) {
                return Err(MergeError::Stray { path: path(), domain: domain.to_owned() });
            }
            let finished = match state {
                State::Pending => return Err(MergeError::Unfinished { path: path(), domain: domain.to_owned() }),
                State::Failed(error) => Err(error),
                State::Done(row) => Ok(row),
            };
            merged.plan([(domain, source, line)])?;
            match finished {
                Ok(row) => merged.finish(Finish { row: &row, at, change: None, tell: false })?,
                Err(error) => merged.fail(domain, &error)?,
            }
            came_in += 1;
            Ok(())
        })?;
        take_changes(file, &merged)?;
    }
    let went_out = merged.status()?.domains;
    if came_in != went_out {
        return Err(MergeError::Count { what: "domains, each once", found: came_in, expected: went_out });
    }
    let expected = serde_json::from_str::<Facts>(&facts).map(|facts| facts.domains).unwrap_or_default();
    if came_in != expected {
        return Err(MergeError::Count { what: "domains of the input", found: came_in, expected });
    }
    Ok(merged)
}

/// Takes over what a shard noted of changes.
fn take_changes(file: &AuditFile, merged: &AuditFile) -> Result<(), MergeError> {
    let mut after = 0;
    loop {
        let changes = file.changes(Kept::All, after, 1000)?;
        let Some(last) = changes.last() else { return Ok(()) };
        after = last.id;
        changes.iter().try_for_each(|noted| merged.take_change(noted))?;
    }
}

/// Every shard is there, each once.
fn check_shards(files: &[AuditFile]) -> Result<(), MergeError> {
    let mut of = None;
    let mut seen = BTreeSet::new();
    for file in files {
        let text = file.setting("shard")?.unwrap_or_default();
        let refuse = |why| MergeError::Shard { path: file.path().to_owned(), shard: text.clone(), why };
        let shard: Shard = text.parse().map_err(|_| refuse("that is no shard"))?;
        if *of.get_or_insert(shard.of()) != shard.of() {
            return Err(refuse("the others are of another number"));
        }
        if !seen.insert(shard.index()) {
            return Err(refuse("it is there twice"));
        }
    }
    let of = of.unwrap_or(0);
    let missing: Vec<String> =
        (1..=of).filter(|index| !seen.contains(index)).take(20).map(|index| format!("{index}/{of}")).collect();
    if missing.is_empty() { Ok(()) } else { Err(MergeError::Missing { missing: missing.join(", ") }) }
}
