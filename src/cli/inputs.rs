//! Inputs from the command line into one collection, and what each of them gave.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use super::Failure;
use super::context::Context;
use super::env::Env;
use super::fetched::{asked_services, unreadable};
use super::live::{domain_name, is_case};
use super::progress::Progress;
use super::stored;
use crate::issuance::{Collection, Drops, Issuances};
use crate::name::{DomainName, is_known_tld};
use crate::report::{Dropped, SourceCoverage, dropped_words, safe_text};
use crate::source::dump::{self, Input, Kind, Summary};
use crate::source::live::FetchOutcome;

/// What reading the inputs came to, beside the collection itself.
#[derive(Debug, Default)]
pub struct Told {
    /// One entry an input.
    pub sources: Vec<SourceCoverage>,
    /// Records that could not be read, by class.
    pub unreadable: BTreeMap<String, Dropped>,
}

impl Told {
    /// Whether every input was read to its end.
    pub fn complete(&self) -> bool {
        self.sources.iter().all(|source| source.error.is_none() && !source.truncated) && self.unreadable.is_empty()
    }

    fn note(&mut self, label: &str, summary: &Summary) {
        if let Some((offset, why)) = &summary.first_unreadable {
            let dropped = self.unreadable.entry("unreadable-record".to_owned()).or_default();
            if dropped.count == 0 {
                dropped.example = format!("{label}, octet {offset}: {why}");
            }
            dropped.count += summary.unreadable;
        }
        self.sources.push(SourceCoverage {
            name: label.to_owned(),
            kind: summary.kind.as_str().to_owned(),
            records: summary.records,
            truncated: summary.truncated,
            error: summary.stopped.clone(),
            ..SourceCoverage::default()
        });
    }

    /// An input that gave nothing.
    fn failed(&mut self, env: &mut Env, label: String, error: &anyhow::Error) {
        env.say(&format!("ctclimb: {error:#}"));
        let error = Some(format!("{error:#}"));
        self.sources.push(SourceCoverage { name: label, error, ..SourceCoverage::default() });
    }

    /// What a case file holds of the services. A service that several of them asked is one source.
    fn take_in(&mut self, outcome: &FetchOutcome) {
        for new in asked_services(outcome) {
            match self.sources.iter_mut().find(|old| old.name == new.name && old.kind == new.kind) {
                None => self.sources.push(new),
                Some(old) => {
                    old.requests += new.requests;
                    old.records += new.records;
                    old.truncated |= new.truncated;
                    old.error = old.error.take().or(new.error);
                    old.asked_at = [old.asked_at.take(), new.asked_at].into_iter().flatten().min();
                    old.expired = old.expired.min(new.expired);
                }
            }
        }
        for (class, new) in unreadable(outcome) {
            let dropped = self.unreadable.entry(class).or_default();
            if dropped.count == 0 {
                dropped.example = new.example;
            }
            dropped.count += new.count;
        }
    }

    /// Tells what was dropped, what could not be read and what a service cut, for commands whose result has no coverage.
    pub fn say(&self, env: &mut Env, context: &Context, drops: &Drops) {
        for (class, noticed) in drops.iter() {
            let what = dropped_words(class.as_str(), noticed.count, &noticed.example);
            context.say(env, &format!("ctclimb: dropped {what}"));
        }
        for (class, dropped) in &self.unreadable {
            let what = dropped_words(class, dropped.count, "");
            context.say(env, &format!("ctclimb: {what}, the first: {}", dropped.example));
        }
        for source in self.sources.iter().filter(|source| source.truncated) {
            let why = "has 10,000 matched rows, which is where crt.sh cuts an answer: there may be more names";
            context.say(env, &format!("ctclimb: `{}` {why}", source.name));
        }
    }

    /// Fills in how many certificates each input brought.
    pub fn count_certificates(&mut self, issued: &Issuances) {
        let by_origin = issued.certificates_by_origin();
        for source in &mut self.sources {
            source.certificates = by_origin.get(source.name.as_str()).copied().unwrap_or(0);
        }
    }
}

/// The inputs that the arguments mean.
///
/// # Errors
/// A path that is not there; nothing given while standard input is a terminal, or empty. Who means an empty input says `-`.
pub fn inputs(env: &mut Env, arguments: &[PathBuf], command: &str) -> Result<Vec<Input>, Failure> {
    if arguments.is_empty() {
        let nothing = if env.stdin_is_terminal {
            Some("nothing to read: give files, or pipe something in")
        } else {
            let empty = env.stdin_is_empty().context("cannot read standard input")?;
            empty.then_some("standard input is empty: give files, or `-` if that is meant")
        };
        if let Some(nothing) = nothing {
            return Err(Failure::Usage(anyhow!("{nothing}; see `ctclimb {command} --help`")));
        }
    }
    only_once(arguments.iter().map(|path| path.as_os_str()))?;
    let inputs = dump::expand(arguments).context("cannot find the input")?;
    if inputs.is_empty() {
        let named: Vec<String> =
            arguments.iter().map(|path| format!("`{}`", safe_text(&path.to_string_lossy()))).collect();
        return Err(Failure::Work(anyhow!("there is no file to read in {}", named.join(", "))));
    }
    Ok(inputs)
}

/// Whether `-` is among what was typed.
///
/// # Errors
/// It is there twice: standard input can be read once.
pub fn only_once<'a>(arguments: impl Iterator<Item = &'a OsStr>) -> Result<bool, Failure> {
    match arguments.filter(|argument| *argument == "-").count() {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Failure::Usage(anyhow!("standard input (`-`) can be given once only"))),
    }
}

/// Reads all inputs into `collection`. An input that gives nothing is an error only if it is the only one; otherwise it is
/// told and the rest goes on.
///
/// # Errors
/// No input could be used.
pub fn read_all(
    env: &mut Env,
    context: &Context,
    inputs: Vec<Input>,
    collection: &mut Collection,
) -> Result<Told, Failure> {
    let mut told = Told::default();
    let count = inputs.len();
    let mut used = 0;
    for input in inputs {
        let label = input.label();
        if let Input::File(path) = &input
            && is_case(path)
        {
            match stored::read(env, context, path, collection) {
                Ok(outcome) => {
                    used += 1;
                    told.take_in(&outcome);
                }
                Err(Failure::Work(error)) if count > 1 => told.failed(env, label, &error),
                Err(failure) => return Err(failure),
            }
            continue;
        }
        let progress = Progress::new(env, context);
        progress.stage(&format!("reading {}", safe_text(&label)));
        let read = read_one(env, input, &label, collection);
        drop(progress);
        match read {
            Ok(summary) => {
                used += 1;
                if let Some(why) = &summary.stopped {
                    context.say(env, &format!("ctclimb: `{label}`: {why}"));
                }
                if summary.kind == Kind::Empty {
                    context.say(env, &format!("ctclimb: `{label}` is empty"));
                }
                told.note(&label, &summary);
            }
            Err(error) if count == 1 => return Err(Failure::Work(error)),
            Err(error) => told.failed(env, label, &error),
        }
    }
    if used == 0 {
        return Err(Failure::Work(anyhow!("none of the {count} inputs can be used")));
    }
    Ok(told)
}

fn read_one(env: &mut Env, input: Input, label: &str, collection: &mut Collection) -> anyhow::Result<Summary> {
    let reader: Box<dyn Read + Send> = match input {
        Input::Stdin => env.take_stdin(),
        Input::File(path) => Box::new(File::open(path).with_context(|| format!("cannot read `{label}`"))?),
    };
    Ok(dump::read(reader, label, collection)?)
}

/// Refuses what was typed for a name and is a file: no TLD is called as it ends. `instead` says what takes files.
///
/// # Errors
/// A file that is no name.
pub fn refuse_file(typed: &str, instead: &str) -> Result<(), Failure> {
    let end = typed.rsplit('.').next().unwrap_or(typed);
    if is_known_tld(&end.to_ascii_lowercase()) || !Path::new(typed).is_file() {
        return Ok(());
    }
    let typed = typed.escape_debug();
    Err(Failure::Usage(anyhow!("`{typed}` is a file here, and no TLD is called `{}`: {instead}", end.escape_debug())))
}

/// The scope that `--domain` names.
///
/// # Errors
/// No domain name.
pub fn scope(domain: Option<&str>) -> Result<Option<DomainName>, Failure> {
    domain.map(domain_name).transpose()
}
