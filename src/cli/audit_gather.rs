//! What an audit is about: the lists and dumps it was given, read before anything is asked.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, anyhow};

use super::Failure;
use super::audit::Audit as Args;
use super::context::Context;
use super::env::Env;
use super::inputs::{inputs, only_once, refuse_file};
use super::live::is_case;
use super::stored;
use crate::audit::input::{Domains, Place, Refused};
use crate::audit::partition::{Facts, Part, Partition};
use crate::audit::shard::Shard;
use crate::audit::stop::Stop;
use crate::issuance::Collection;
use crate::report::safe_text;
use crate::source::dump::{self, Input, Kind};
use crate::source::live::{FetchOutcome, ServiceOutcome};

/// Refused entries of lists that are named; more are counted.
const NAMED: u64 = 1000;

/// The place of what was typed.
pub const COMMAND_LINE: &str = "command line";

/// What is to be audited.
pub struct Work {
    /// The domains named; `None` for all that the dumps hold.
    pub domains: Option<Domains>,
    /// The records of dumps.
    pub parts: Option<Vec<Part>>,
    /// What the input held.
    pub facts: Facts,
}

/// Reads lists and dumps; names every entry that is refused. What is not of `shard` is read and not kept.
///
/// # Errors
/// Nothing to audit, a list or temporary file that cannot be read or written, no dump that can be used.
pub fn gather(env: &mut Env, context: &Context, args: &Args, shard: Shard, stop: &Arc<Stop>) -> Result<Work, Failure> {
    let listed = args.list.iter().chain(&args.from).map(|path| path.as_os_str());
    only_once(args.named().map(OsStr::new).chain(listed))?;
    let instead = "`--list FILE` reads the domains that stand in one, `--from FILE` certificates and names";
    args.named().try_for_each(|text| refuse_file(text, instead))?;
    let from_stdin = args.list.as_deref() == Some(Path::new("-"))
        || args.named().any(|text| text == "-")
        || (args.list.is_none() && args.named().next().is_none() && args.from.is_empty() && !env.stdin_is_terminal);
    let domains = read_lists(env, args, from_stdin)?;
    let named = args.list.is_some() || args.named().next().is_some() || from_stdin;
    if named && domains.is_empty() || !named && args.from.is_empty() {
        return Err(Failure::Usage(anyhow!("no domain to audit; see `ctclimb audit --help`")));
    }
    let (parts, mut facts) = if args.from.is_empty() {
        (None, Facts::default())
    } else {
        let (parts, facts) = read_dumps(env, context, args, shard, stop)?;
        (Some(parts), facts)
    };
    facts.repeated = domains.repeated;
    facts.refused = domains.refused;
    if named {
        facts.domains = domains.len() as u64;
    }
    let mut domains = named.then_some(domains);
    if let Some(domains) = &mut domains {
        domains.retain(|name| shard.holds(name));
    }
    Ok(Work { domains, parts, facts })
}

fn read_lists(env: &mut Env, args: &Args, from_stdin: bool) -> Result<Domains, Failure> {
    let mut domains = Domains::new();
    let mut told = 0;
    // Not `env.say`: a list of junk is told line by line, not held in memory.
    let Env { stderr, stdin, .. } = env;
    let mut tell = |Refused { place, why }: Refused| {
        told += 1;
        if told <= NAMED {
            // A closed standard error is no reason to stop.
            let unit = if &*place.source == COMMAND_LINE { "domain" } else { "line" };
            let _ = writeln!(stderr, "ctclimb: {}, {unit} {}: {why}", safe_text(&place.source), place.line);
        }
    };
    for (line, text) in (1..).zip(args.named().filter(|text| *text != "-")) {
        let place = Place { source: COMMAND_LINE.into(), line };
        domains.add(text, place).unwrap_or_else(&mut tell);
    }
    if from_stdin {
        let stdin = std::mem::replace(stdin, Box::new(io::empty()));
        let read = domains.read(&mut BufReader::new(stdin), "standard input", &mut tell);
        read.context("cannot read standard input")?;
    }
    if let Some(path) = args.list.as_ref().filter(|path| path.as_os_str() != "-") {
        let complain = || format!("cannot read `{}`", path.display());
        let mut reader = BufReader::new(File::open(path).with_context(complain)?);
        domains.read(&mut reader, &path.display().to_string(), &mut tell).with_context(complain)?;
    }
    if told > NAMED {
        env.say(&format!("ctclimb: and {} more entries that are no domains to audit", told - NAMED));
    }
    if args.strict && domains.refused > 0 {
        let why = anyhow!("{} entries are no domains to audit; nothing was done", domains.refused);
        return Err(Failure::Usage(why));
    }
    Ok(domains)
}

/// A reader that ends when the run shall end.
struct Stoppable {
    inner: Box<dyn Read + Send>,
    stop: Arc<Stop>,
}

impl Read for Stoppable {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_asked() {
            return Err(io::Error::other("stopped"));
        }
        self.inner.read(buffer)
    }
}

fn read_dumps(
    env: &mut Env,
    context: &Context,
    args: &Args,
    shard: Shard,
    stop: &Arc<Stop>,
) -> Result<(Vec<Part>, Facts), Failure> {
    let complain = "cannot use the directory for temporary files";
    let partition = Arc::new(Mutex::new(Partition::new(shard).context(complain)?));
    let taking = Arc::clone(&partition);
    let mut collection = Collection::forwarding(move |record| {
        taking.lock().unwrap_or_else(PoisonError::into_inner).add(record);
    });
    let mut read = Facts::default();
    let (mut used, mut unreadable) = (0, 0);
    for input in inputs(env, &args.from, "audit")? {
        if stop.is_asked() {
            break;
        }
        let label = input.label();
        if let Input::File(path) = &input
            && is_case(path)
        {
            match stored::read(env, context, path, &mut collection) {
                Ok(outcome) => {
                    used += 1;
                    read.gaps.extend(gaps_of_case(&label, &outcome));
                }
                Err(Failure::Work(error)) => {
                    env.say(&format!("ctclimb: {error:#}"));
                    read.gaps.push(format!("{label}: cannot be used"));
                }
                Err(failure) => return Err(failure),
            }
            continue;
        }
        let inner: Box<dyn Read + Send> = match input {
            Input::Stdin => env.take_stdin(),
            Input::File(path) => Box::new(File::open(path).with_context(|| format!("cannot read `{label}`"))?),
        };
        let reader = Stoppable { inner, stop: Arc::clone(stop) };
        match dump::read(reader, &label, &mut collection) {
            Ok(summary) => {
                used += 1;
                if summary.kind == Kind::Empty {
                    context.say(env, &format!("ctclimb: `{}` is empty", safe_text(&label)));
                }
                unreadable += summary.unreadable;
                read.gaps.extend(gaps(&label, &summary));
            }
            Err(error) => {
                env.say(&format!("ctclimb: {:#}", anyhow::Error::from(error)));
                read.gaps.push(format!("{label}: cannot be used"));
            }
        }
    }
    if used == 0 && !stop.is_asked() {
        return Err(Failure::Work(anyhow!("none of the inputs can be used")));
    }
    drop(collection);
    let partition = Arc::into_inner(partition).ok_or_else(|| anyhow!("the input is still being read"))?;
    let partition = partition.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (parts, mut facts) = partition.finish().context(complain)?;
    facts.gaps = read.gaps;
    if unreadable > 0 {
        facts.dropped.insert("unreadable-record".to_owned(), unreadable);
    }
    Ok((parts, facts))
}

/// What the services did not give to a case file, one sentence each.
fn gaps_of_case(label: &str, outcome: &FetchOutcome) -> Vec<String> {
    let gap = |service: &ServiceOutcome| {
        let title = service.service.title();
        let why = service.error.as_deref().map(|why| format!("{label}: {title}: {why}"));
        why.or_else(|| service.truncated.then(|| format!("{label}: {title} had more than it gave")))
    };
    outcome.services.iter().filter_map(gap).collect()
}

/// What is missing of an input, one sentence each.
fn gaps(label: &str, summary: &dump::Summary) -> Vec<String> {
    let mut gaps = Vec::new();
    if let Some((offset, why)) = &summary.first_unreadable {
        let count = summary.unreadable;
        gaps.push(format!("{label}: {count} records cannot be read, the first at octet {offset}: {why}"));
    }
    gaps.extend(summary.stopped.as_ref().map(|why| format!("{label}: {why}")));
    if summary.truncated {
        gaps.push(format!("{label}: the service had more than it gave"));
    }
    gaps
}
