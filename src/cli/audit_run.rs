//! The run of an audit: gather what is to be audited, go through it, keep and write rows; again and again with `--watch`.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};

use super::Failure;
use super::analyze::{SAMPLE, script};
use super::audit::Audit as Args;
use super::audit_output::Render;
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::fetched::{coverage, fetch_into};
use super::inputs::inputs;
use super::interrupt;
use super::live::{batch, fetch_plan, http, rates, resolvers, timestamp};
use super::patterns::settings;
use super::progress::Progress;
use crate::audit::diff::Change;
use crate::audit::dns::{Dns, Live};
use crate::audit::domain::Treatment;
use crate::audit::file::AuditFile;
use crate::audit::input::{Domains, Place};
use crate::audit::partition::{Facts, Part, Partition};
use crate::audit::policy::Policy;
use crate::audit::row::DomainRow;
use crate::audit::run::{Audit, AuditError, Fetched, wanted};
use crate::audit::shard::Shard;
use crate::case::Case;
use crate::dns::Sockets;
use crate::investigate::{Judging, TOOL};
use crate::issuance::Collection;
use crate::limit::Throttle;
use crate::name::DomainName;
use crate::source::dump::{self, Input};
use crate::source::live::Http;

/// What is to be audited.
struct Work {
    /// The domains named; `None` for all that the dumps hold.
    domains: Option<Domains>,
    /// The records of dumps.
    parts: Option<Vec<Part>>,
    facts: Facts,
}

/// What stays the same over all rounds.
struct Session<'a> {
    context: &'a Context,
    args: &'a Args,
    render: Render<'a>,
    dns: Dns,
    http: Http,
    throttle: Arc<Throttle>,
    stop: Arc<AtomicBool>,
}

/// Runs `ctclimb audit` without an action.
pub fn audit(env: &mut Env, context: &Context, args: &Args) -> Result<Exit, Failure> {
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let duration = |text: &Option<String>| text.as_deref().map(super::settings::duration).transpose();
    let max_age = duration(&args.max_age).map_err(Failure::Usage)?;
    let interval = duration(&args.watch).map_err(Failure::Usage)?;
    let mut treatment = treatment(context, args)?;
    let session = session(env, context, args)?;
    let work = gather(env, args, shard)?;
    let settings = [("tool", TOOL.to_owned()), ("options", options(args, &treatment)?), ("shard", shard.to_string())];
    let mut file = AuditFile::open(args.file.as_deref(), &settings, timestamp(context.now))?;
    file.set_setting("facts", &serde_json::to_string(&work.facts).context("the facts of the input cannot be kept")?)?;
    if let Some(domains) = &work.domains {
        file.plan(domains.iter().map(|(name, place)| (name.as_str(), &*place.source, place.line)))?;
    }
    let ago = |age: Duration, now: i64| now.saturating_sub(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    let mut since = max_age.map_or(i64::MIN, |age| ago(age, context.now));
    let Work { domains, mut parts, facts } = work;
    loop {
        let streams = session.render.streams(context) && interval.is_none();
        let ended = session.round(env, &mut file, &treatment, since, domains.as_ref(), parts.take(), streams)?;
        let Some(interval) = interval else {
            if ended {
                return session.render.end(env, context, &file, &facts, streams);
            }
            return Ok(session.interrupted(env));
        };
        if !ended || !session.wait(interval) {
            return Ok(session.interrupted(env));
        }
        treatment.now = (env.now)();
        // What the last round made is stale now.
        since = treatment.now;
    }
}

fn treatment(context: &Context, args: &Args) -> Result<Treatment, Failure> {
    let issuers = match (args.lookups.issuer.as_slice(), &context.file.issuer) {
        ([], Some(kept)) => kept.clone(),
        (named, _) => named.to_vec(),
    };
    Ok(Treatment {
        grouping: settings(context, &args.grouping)?,
        sample: (!args.lookups.all_names).then(|| args.lookups.sample.or(context.file.sample).unwrap_or(SAMPLE)),
        judging: Judging {
            issuers,
            method: args.lookups.method.clone(),
            account_uri: args.lookups.account_uri.clone(),
        },
        now: context.now,
    })
}

fn session<'a>(env: &Env, context: &'a Context, args: &'a Args) -> Result<Session<'a>, Failure> {
    let input = args.from.first().map(|path| path.display().to_string());
    let render = Render::new(context, &args.outputs, input)?;
    if args.no_dns && render.policy().is_some_and(Policy::needs_dns) {
        return Err(Failure::Usage(anyhow!("the policy asks for CAA, which `--no-dns` does not look up")));
    }
    let throttle = Arc::new(Throttle::new(rates(context, &args.limits)?));
    let dns = match args.lookups.dns.as_deref().map(script).transpose()? {
        Some(script) => Dns::Script(script),
        None if args.no_dns => Dns::None,
        None => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.context("cannot start the network runtime")?;
            let exchange = runtime.block_on(async { Box::new(Sockets::new()) });
            let (throttle, plan) = (Arc::clone(&throttle), batch(context, &args.limits)?);
            Dns::Live(Live { exchange, throttle, resolvers: resolvers(context, &args.lookups)?, plan, runtime })
        }
    };
    Ok(Session { context, args, render, dns, http: http(env, context)?, throttle, stop: interrupt::flag() })
}

/// What rows depend on beside the input: shards and later runs must agree on it.
fn options(args: &Args, treatment: &Treatment) -> Result<String, Failure> {
    let dns = match &args.lookups.dns {
        Some(path) => {
            use sha2::Digest as _;
            let text = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
            let hash = sha2::Sha256::digest(&text);
            format!("script {}", hash.iter().take(8).map(|octet| format!("{octet:02x}")).collect::<String>())
        }
        None if args.no_dns => "none".to_owned(),
        None => format!("resolvers {}", args.lookups.resolver.join(" ")),
    };
    let grouping = &treatment.grouping;
    let join: Vec<&str> = grouping.join.iter().map(regex::Regex::as_str).collect();
    let options = serde_json::json!({
        "detail": format!("{:?}", grouping.detail).to_lowercase(),
        "max_patterns": grouping.max_patterns,
        "keep": grouping.keep,
        "join": join,
        "sample": treatment.sample,
        "issuers": treatment.judging.issuers,
        "method": treatment.judging.method,
        "account_uri": treatment.judging.account_uri,
        "dns": dns,
        "from": if args.from.is_empty() { "services" } else { "dumps" },
        "sources": args.sources.source,
        "expired": args.sources.expired,
    });
    Ok(options.to_string())
}

/// Reads lists and dumps; names every entry that is refused.
fn gather(env: &mut Env, args: &Args, shard: Shard) -> Result<Work, Failure> {
    let mut domains = Domains::new();
    let mut refused = Vec::new();
    for (line, text) in (1..).zip(&args.domains) {
        let place = Place { source: "command line".into(), line };
        refused.extend(domains.add(text, place).err());
    }
    let from_stdin = args.list.as_deref() == Some(Path::new("-"))
        || (args.list.is_none() && args.domains.is_empty() && args.from.is_empty() && !env.stdin_is_terminal);
    let mut told = |error| refused.push(error);
    if from_stdin {
        let mut reader = BufReader::new(env.take_stdin());
        domains.read(&mut reader, "standard input", &mut told).context("cannot read standard input")?;
    } else if let Some(path) = &args.list {
        let complain = || format!("cannot read `{}`", path.display());
        let mut reader = BufReader::new(File::open(path).with_context(complain)?);
        domains.read(&mut reader, &path.display().to_string(), &mut told).with_context(complain)?;
    }
    for refused in &refused {
        env.say(&format!("ctclimb: {}, line {}: {}", refused.place.source, refused.place.line, refused.why));
    }
    if args.strict && !refused.is_empty() {
        return Err(Failure::Usage(anyhow!("{} entries are no domains to audit; nothing was done", refused.len())));
    }
    let named = args.list.is_some() || !args.domains.is_empty() || from_stdin;
    if named && domains.is_empty() || !named && args.from.is_empty() {
        return Err(Failure::Usage(anyhow!("no domain to audit; see `ctclimb audit --help`")));
    }
    let (parts, mut facts) = if args.from.is_empty() {
        (None, Facts::default())
    } else {
        let (parts, facts) = read_dumps(env, args, shard)?;
        (Some(parts), facts)
    };
    facts.repeated = domains.repeated;
    facts.refused = domains.refused;
    if named {
        facts.domains = domains.len() as u64;
        domains.retain(|name| shard.holds(name));
    }
    Ok(Work { domains: named.then_some(domains), parts, facts })
}

fn read_dumps(env: &mut Env, args: &Args, shard: Shard) -> Result<(Vec<Part>, Facts), Failure> {
    let complain = "cannot use the directory for temporary files";
    let partition = Arc::new(Mutex::new(Partition::new(shard).context(complain)?));
    let taking = Arc::clone(&partition);
    let mut collection = Collection::forwarding(move |record| {
        taking.lock().unwrap_or_else(PoisonError::into_inner).add(record);
    });
    let (mut gaps, mut used, mut unreadable) = (Vec::new(), 0, 0);
    for input in inputs(env, &args.from, "audit")? {
        let label = input.label();
        let reader: Box<dyn Read + Send> = match input {
            Input::Stdin => env.take_stdin(),
            Input::File(path) => Box::new(File::open(path).with_context(|| format!("cannot read `{label}`"))?),
        };
        match dump::read(reader, &label, &mut collection) {
            Ok(summary) => {
                used += 1;
                unreadable += summary.unreadable;
                if let Some((offset, why)) = &summary.first_unreadable {
                    let count = summary.unreadable;
                    gaps.push(format!("{label}: {count} records cannot be read, the first at octet {offset}: {why}"));
                }
                gaps.extend(summary.stopped.map(|why| format!("{label}: {why}")));
                if summary.truncated {
                    gaps.push(format!("{label}: the service had more than it gave"));
                }
            }
            Err(error) => {
                env.say(&format!("ctclimb: {:#}", anyhow::Error::from(error)));
                gaps.push(format!("{label}: cannot be used"));
            }
        }
    }
    if used == 0 {
        return Err(Failure::Work(anyhow!("none of the inputs can be used")));
    }
    drop(collection);
    let partition = Arc::into_inner(partition).ok_or_else(|| anyhow!("the input is still being read"))?;
    let (parts, mut facts) =
        partition.into_inner().unwrap_or_else(PoisonError::into_inner).finish().context(complain)?;
    facts.gaps = gaps;
    if unreadable > 0 {
        facts.dropped.insert("unreadable-record".to_owned(), unreadable);
    }
    Ok((parts, facts))
}

impl Session<'_> {
    /// Goes once through everything that is not done; whether the end was reached.
    #[allow(clippy::too_many_arguments, reason = "what differs from round to round")]
    fn round(
        &self,
        env: &mut Env,
        file: &mut AuditFile,
        treatment: &Treatment,
        since: i64,
        domains: Option<&Domains>,
        parts: Option<Vec<Part>>,
        streams: bool,
    ) -> Result<bool, Failure> {
        let progress = Progress::new(env, self.context);
        if streams {
            self.stream_done(env, file, since)?;
        }
        let stop = || self.stop.load(Ordering::Relaxed);
        let threads = self.args.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        let mut audit = Audit { file, treatment, dns: &self.dns, threads, since, stop: &stop };
        let mut on_row = |row: &DomainRow, change: Option<&Change>| -> Result<(), AuditError> {
            if streams && let Err(error) = self.render.stream(row, &mut env.stdout) {
                if error.kind() != std::io::ErrorKind::BrokenPipe {
                    return Err(error.into());
                }
                // Nobody reads: what is done is kept, the rest can wait.
                self.stop.store(true, Ordering::Relaxed);
            }
            if let (Some(change), Some(program)) = (change, &self.args.on_change) {
                tell(program, change)?;
            }
            Ok(())
        };
        let ended = if let Some(parts) = parts {
            let wanted = domains.map(|domains| wanted(domains.iter().map(|(name, _)| name)));
            audit.dumps(parts, &wanted, &mut on_row)?
        } else {
            let names: Vec<&DomainName> = domains.iter().flat_map(|domains| domains.iter().map(|(n, _)| n)).collect();
            audit.domains(names, &mut |domain| self.fetch(domain, treatment, &progress), &mut on_row)?
        };
        Ok(ended)
    }

    /// The rows an earlier run finished, so that this run's output is whole.
    fn stream_done(&self, env: &mut Env, file: &AuditFile, since: i64) -> Result<(), Failure> {
        for domain in file.done(since)?.into_iter().collect::<std::collections::BTreeSet<_>>() {
            if let Some(row) = file.row(&domain)? {
                self.render.stream(&row, &mut env.stdout).context("cannot write to standard output")?;
            }
        }
        Ok(())
    }

    fn fetch(&self, domain: &DomainName, treatment: &Treatment, progress: &Progress) -> Fetched {
        let tell = |failure: Failure| match failure {
            Failure::Usage(error) | Failure::Work(error) => format!("{error:#}"),
        };
        let mut plan = fetch_plan(self.context, domain.clone(), &self.args.sources, &self.args.limits).map_err(tell)?;
        if let Some(age) = self.args.watch.as_deref().and_then(|text| super::settings::duration(text).ok()) {
            plan.freshness = age / 2;
        }
        let mut case = self.case(domain, treatment).map_err(|error| format!("{error:#}"))?;
        let mut collection = Collection::new(Some(domain.clone()));
        let (http, throttle) = (&self.http, &self.throttle);
        let fetched = fetch_into(self.context, &plan, http, throttle, case.as_mut(), progress, &mut collection);
        let Some(outcome) = fetched.map_err(tell)? else {
            self.stop.store(true, Ordering::Relaxed);
            return Err("interrupted".to_owned());
        };
        if outcome.is_failure() {
            let why = outcome.services.iter().filter_map(|service| service.error.clone());
            return Err(why.collect::<Vec<_>>().join("; "));
        }
        let issued = collection.finish();
        let sources = coverage(&outcome, &issued);
        Ok((issued, sources))
    }

    /// The case file of a domain, in the directory beside the audit file; none without an audit file.
    fn case(&self, domain: &DomainName, treatment: &Treatment) -> anyhow::Result<Option<Case>> {
        let Some(file) = self.args.file.as_ref().filter(|_| !self.args.sources.no_case) else { return Ok(None) };
        let mut directory = file.clone().into_os_string();
        directory.push(".cases");
        // A domain name holds letters, digits, `-`, `_` and dots only, and is no longer than a file name may be.
        let path = Path::new(&directory).join(format!("{domain}.ctclimb"));
        Ok(Some(Case::open(&path, TOOL, timestamp(treatment.now))?))
    }

    fn interrupted(&self, env: &mut Env) -> Exit {
        let hint = match &self.args.file {
            Some(file) => format!("the same command goes on from `{}`", file.display()),
            None => "nothing was kept; with `--file` the next run would go on from here".to_owned(),
        };
        env.say(&format!("ctclimb: stopped; {hint}"));
        Exit::Interrupted
    }

    /// Waits for the next round; `false` when interrupted.
    fn wait(&self, interval: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < interval {
            if self.stop.load(Ordering::Relaxed) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(200).min(interval));
        }
        true
    }
}

/// Runs a program for a change: the domain and what changed are its arguments, never through a shell; the change as JSON
/// is its standard input. What becomes of it is its own business.
fn tell(program: &Path, change: &Change) -> Result<(), AuditError> {
    let mut child = Command::new(program)
        .arg(&change.domain)
        .args(change.words())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| {
            std::io::Error::new(error.kind(), format!("`{}` cannot be run: {error}", program.display()))
        })?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read is none of our business.
        let _ = serde_json::to_writer(&mut stdin, change);
    }
    child.wait()?;
    Ok(())
}
