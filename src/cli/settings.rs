//! Settings that live in three places: a flag wins over an environment variable over the configuration file over the
//! default. `config show` prints each with its origin.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;

use super::args::{ColorChoice, DetailArg, FailOn};
use super::config_file;
use super::env::Env;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// An environment variable.
    Environment(&'static str),
    /// The configuration file.
    File,
    /// Built in.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("command line"),
            Self::Environment(name) => write!(f, "environment, {name}"),
            Self::File => f.write_str("configuration file"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone)]
pub struct Setting<T> {
    /// The value in force.
    pub value: T,
    /// Its origin.
    pub origin: Origin,
}

/// The configuration file: TOML, every key optional, unknown keys refused.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each key is the option of the same name")]
pub struct FileSettings {
    pub resolver: Option<Vec<String>>,
    pub rate: Option<Vec<String>>,
    pub concurrency: Option<usize>,
    pub timeout: Option<String>,
    pub retries: Option<u8>,
    pub source: Option<Vec<String>>,
    pub sample: Option<usize>,
    pub issuer: Option<Vec<String>>,
    pub detail: Option<DetailArg>,
    pub max_patterns: Option<usize>,
    pub keep: Option<Vec<String>>,
    pub join: Option<Vec<String>>,
    pub root_hints: Option<PathBuf>,
    pub port: Option<u16>,
    pub color: Option<ColorChoice>,
    pub fail_on: Option<FailOn>,
    pub max_requests: Option<u32>,
    pub max_time: Option<String>,
    pub case_directory: Option<PathBuf>,
    pub crtsh_url: Option<String>,
    pub certspotter_url: Option<String>,
    pub crtsh_pg: Option<String>,
    pub certspotter_key: Option<String>,
}

/// `; did you mean ...?` with the known word that looks most like what was typed; empty where none does.
pub fn nearest(typed: &str, known: &[&str]) -> String {
    let likeness = |word: &&&str| strsim::jaro_winkler(&typed.to_lowercase(), word);
    let best = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match best.filter(|word| likeness(word) > 0.8) {
        Some(word) => format!("; did you mean `{word}`?"),
        None => String::new(),
    }
}

impl FileSettings {
    /// Reads the text of a configuration file, and judges every value as that of the option is judged.
    ///
    /// # Errors
    /// It is not TOML, or has a key that is not known or a value that the key does not take; with the place, and with what
    /// would do.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        config_file::judge(text)?;
        Ok(toml::from_str(text)?)
    }

    /// Reads the configuration file: the one named, else `config.toml` in the configuration directory if it is there.
    ///
    /// # Errors
    /// A named file that cannot be read, a file that is not TOML, an unknown key.
    pub fn load(env: &Env, named: Option<&Path>) -> anyhow::Result<(Self, Option<PathBuf>)> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => match config_directory(env).map(|directory| directory.join("ctclimb/config.toml")) {
                Some(path) if path.is_file() => path,
                _ => return Ok((Self::default(), None)),
            },
        };
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read the configuration file `{}`", path.display()))?;
        let settings =
            Self::parse(&text).with_context(|| format!("the configuration file `{}` is not right", path.display()))?;
        Ok((settings, Some(path)))
    }
}

/// `$XDG_CONFIG_HOME`, else `~/.config`; the same on every system, as command-line tools do.
fn config_directory(env: &Env) -> Option<PathBuf> {
    base_directory(env, "XDG_CONFIG_HOME", ".config")
}

/// `$XDG_DATA_HOME`, else `~/.local/share`: where case files live.
pub fn data_directory(env: &Env) -> Option<PathBuf> {
    base_directory(env, "XDG_DATA_HOME", ".local/share")
}

fn base_directory(env: &Env, variable: &str, below_home: &str) -> Option<PathBuf> {
    // Relative paths in these variables are to be ignored (XDG Base Directory Specification, "Basics").
    let named = env.var(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(etcetera::home_dir().ok()?.join(below_home)))
}

/// The first of the layers that has a value, with its origin.
pub fn pick<T>(
    flag: Option<T>,
    environment: Option<(&'static str, T)>,
    file: Option<T>,
    default: impl FnOnce() -> T,
) -> Setting<T> {
    let layers = [
        flag.map(|value| Setting { value, origin: Origin::Flag }),
        environment.map(|(name, value)| Setting { value, origin: Origin::Environment(name) }),
        file.map(|value| Setting { value, origin: Origin::File }),
    ];
    let found = layers.into_iter().flatten().next();
    found.unwrap_or_else(|| Setting { value: default(), origin: Origin::Default })
}

/// Parses `800ms`, `5s`, `10m`, `2h`; a bare number is seconds.
///
/// # Errors
/// Anything else, with the forms that are understood.
pub fn duration(text: &str) -> anyhow::Result<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => Some(1),
        "" | "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let parsed = number.parse::<u64>().ok().zip(milliseconds).and_then(|(n, unit)| n.checked_mul(unit));
    match parsed {
        Some(0) => bail!("`{}` is no time to wait; more than 0 is needed", text.escape_debug()),
        Some(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        None => bail!("`{}` is no time; write 800ms, 5s, 10m or 2h", text.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
        let origin = |flag, environment, file| pick(flag, environment, file, || 0).origin;
        assert_eq!(origin(Some(1), Some(("X", 2)), Some(3)), Origin::Flag);
        assert_eq!(origin(None, Some(("X", 2)), Some(3)), Origin::Environment("X"));
        assert_eq!(origin(None, None, Some(3)), Origin::File);
        assert_eq!(origin(None, None, None), Origin::Default);
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("800ms").unwrap(), Duration::from_millis(800));
        assert_eq!(duration("5").unwrap(), Duration::from_secs(5));
        assert_eq!(duration("10m").unwrap(), Duration::from_mins(10));
        for text in ["", "0s", "5d", "-5s", "s", "99999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
