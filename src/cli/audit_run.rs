//! The run of an audit: gather what is to be audited, go through it, keep and write rows; again and again with `--watch`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::atomic::AtomicU32;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};

use super::Failure;
use super::audit::Audit as Args;
use super::audit_forecast::forecast;
use super::audit_gather::{Work, gather};
use super::audit_hook::{self, Hook, Told};
use super::audit_output::Render;
use super::audit_plan::Plan;
use super::audit_stop::{stop_in_time, stop_on_signals};
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::interrupt;
use super::live::{http, no_http, tell_unused, timestamp};
use super::output::refuse_stream;
use super::progress::Progress;
use crate::audit::diff::Change;
use crate::audit::dns::Dns;
use crate::audit::fetch::Fetcher;
use crate::audit::file::{AuditFile, State};
use crate::audit::ledger::Ledger;
use crate::audit::partition::Part;
use crate::audit::policy::Policy;
use crate::audit::row::DomainRow;
use crate::audit::run::{Audit, AuditError, wanted};
use crate::audit::shard::Shard;
use crate::audit::stop::{Halt, Stop};
use crate::investigate::TOOL;
use crate::name::DomainName;
use crate::source::live::{Event, Http};

/// What stays the same over all rounds.
struct Session<'a> {
    context: &'a Context,
    args: &'a Args,
    plan: Plan,
    render: Render<'a>,
    dns: Dns,
    http: Http,
    runtime: tokio::runtime::Runtime,
    clock: Box<dyn Fn() -> i64 + Send + Sync>,
    stop: Arc<Stop>,
    hook: Option<std::path::PathBuf>,
}

/// Where rows go as they are finished.
struct Rows<'a> {
    out: Option<Box<dyn Write + 'a>>,
    /// All rows, or only new ones and those that changed.
    all: bool,
}

/// Runs `ctclimb audit` without an action.
pub fn audit(env: &mut Env, context: &Context, args: &Args) -> Result<Exit, Failure> {
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let session = Session::new(env, context, args)?;
    tell_unused(env, context, &args.lookups);
    // Until the work is known there is nothing to end cleanly: an interrupt ends the program, also in the middle of a read.
    interrupt::hint(&format!("stopped; {}", session.hint()));
    let work = gather(env, context, args, shard, &session.stop)?;
    stop_on_signals(&session.stop);
    if session.stop.is_asked() {
        return Ok(session.interrupted(env));
    }
    let settings = [("tool", TOOL.to_owned()), ("options", session.plan.options.clone()), ("shard", shard.to_string())];
    let file = AuditFile::open(args.file.as_deref(), &settings, timestamp(context.now))?;
    file.set_setting("facts", &serde_json::to_string(&work.facts).context("the facts of the input cannot be kept")?)?;
    if let Some(domains) = &work.domains {
        file.plan(domains.iter().map(|(name, place)| (name.as_str(), &*place.source, place.line)))?;
    }
    let first = session.plan.max_age.into_iter().chain(session.plan.watch).min();
    let since = first.map_or(i64::MIN, |age| ago(age, context.now));
    if args.from.is_empty() && (args.sources.dry_run || !context.quiet) {
        let told = forecast(&session.plan, context, &file, work.domains.as_ref(), since, args.sources.dry_run)?;
        for line in &told {
            env.say(line);
        }
        if args.sources.dry_run {
            return Ok(Exit::Complete);
        }
    }
    session.rounds(env, &Mutex::new(file), work, since)
}

fn ago(age: Duration, now: i64) -> i64 {
    now.saturating_sub(i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
}

impl<'a> Session<'a> {
    fn new(env: &Env, context: &'a Context, args: &'a Args) -> Result<Self, Failure> {
        let plan = Plan::new(context, args)?;
        let input = args.from.first().map(|path| path.display().to_string());
        let file = args.file.as_deref();
        refuse_stream("--file", file)?;
        let render = Render::new(context, &args.outputs, file.map(|file| ("--file", file)), input)?;
        if args.no_dns && render.policy().is_some_and(Policy::needs_dns) {
            return Err(Failure::Usage(anyhow!("the policy asks for CAA, which `--no-dns` does not look up")));
        }
        let find = |program: &std::path::PathBuf| audit_hook::find(program, env.var("PATH")).map_err(Failure::Usage);
        let hook = args.on_change.as_ref().map(find).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot start the network runtime")?;
        let dns = {
            let _inside = runtime.enter();
            plan.dns(context, args)?
        };
        let (now, fixed) = (env.now, (!context.now_is_real).then_some(context.now));
        let clock = Box::new(move || fixed.unwrap_or_else(now));
        let stop = Arc::new(Stop::default());
        stop_in_time(&stop, plan.max_time);
        let http = if args.from.is_empty() { http(env, context)? } else { no_http()? };
        Ok(Self { context, args, plan, render, dns, http, runtime, clock, stop, hook })
    }

    /// Round after round until there is no further one.
    fn rounds(&self, env: &mut Env, file: &Mutex<AuditFile>, work: Work, mut since: i64) -> Result<Exit, Failure> {
        let Work { domains, mut parts, facts } = work;
        loop {
            let begun = Instant::now();
            let (streams, told) = self.round(env, file, since, domains.as_ref(), parts.take())?;
            for complaint in &told.complaints {
                env.say(&format!("ctclimb: {complaint}"));
            }
            if told.failed > 0 {
                let failed = told.failed;
                env.say(&format!("ctclimb: {failed} changes were not told; the next run tells them again"));
            }
            let halt = self.stop.why();
            match &halt {
                Some(Halt::NobodyReads) => return Ok(Exit::Interrupted),
                Some(Halt::Interrupted) => return Ok(self.interrupted(env)),
                Some(Halt::Bound(why)) => env.say(&format!("ctclimb: stopped: {why}; {}", self.hint())),
                None => {}
            }
            let lock = file.lock().unwrap_or_else(PoisonError::into_inner);
            let mut exit = self.render.end(env, self.context, &lock, &facts, streams, self.append()?)?;
            drop(lock);
            if exit == Exit::Complete && told.failed > 0 {
                exit = Exit::Incomplete;
            }
            // Whoever asks for the end from here on is heard while we wait.
            let Some(interval) = self.plan.watch.filter(|_| halt.is_none()) else { return Ok(exit) };
            let asked =
                async { tokio::time::timeout(interval.saturating_sub(begun.elapsed()), self.stop.asked()).await };
            if self.runtime.block_on(asked).is_ok() {
                match self.stop.why() {
                    Some(Halt::Bound(why)) => {
                        env.say(&format!("ctclimb: stopped: {why}; {}", self.hint()));
                        return Ok(exit);
                    }
                    Some(Halt::Interrupted | Halt::NobodyReads) | None => return Ok(self.interrupted(env)),
                }
            }
            // What the last round made is stale now, whatever the clock says.
            since = i64::MAX;
            file.lock().unwrap_or_else(PoisonError::into_inner).begin_run()?;
            if let Dns::Live(live) = &self.dns {
                live.name_servers.forget_before(since).map_err(anyhow::Error::from)?;
            }
        }
    }

    /// Goes once through everything that is not settled; whether rows went out as they were finished, and what became of
    /// telling the program that wants to know.
    fn round(
        &self,
        env: &mut Env,
        file: &Mutex<AuditFile>,
        since: i64,
        domains: Option<&crate::audit::input::Domains>,
        parts: Option<Vec<Part>>,
    ) -> Result<(bool, Told), Failure> {
        let progress = Progress::new(env, self.context);
        let streams = self.render.streams(self.context, self.plan.watch.is_some());
        let hook = self.hook.clone().map(|program| Hook {
            program,
            timeout: self.plan.hook_timeout,
            file,
            stop: &self.stop,
            clock: self.clock.as_ref(),
        });
        let mut rows = Rows { out: None, all: since != i64::MAX };
        if streams {
            let append = self.append()?;
            rows.out = Some(match append {
                Some(append) => Box::new(append),
                None => Box::new(&mut env.stdout),
            });
            if rows.all {
                self.stream_settled(file, since, &mut rows)?;
            }
        }
        std::thread::scope(|scope| {
            let (wake, woken) = mpsc::channel();
            let telling = hook.as_ref().map(|hook| scope.spawn(move || hook.work(&woken)));
            let ended = self.go_through(file, since, domains, parts, &mut rows, &progress, &wake);
            drop(wake);
            let told = match telling.map(std::thread::ScopedJoinHandle::join) {
                Some(Ok(told)) => told?,
                Some(Err(panic)) => std::panic::resume_unwind(panic),
                None => Told::default(),
            };
            ended.map(|()| (streams, told))
        })
    }

    #[allow(clippy::too_many_arguments, reason = "what differs from round to round")]
    fn go_through(
        &self,
        file: &Mutex<AuditFile>,
        since: i64,
        domains: Option<&crate::audit::input::Domains>,
        parts: Option<Vec<Part>>,
        rows: &mut Rows<'_>,
        progress: &Progress,
        wake: &Sender<()>,
    ) -> Result<(), Failure> {
        let ledger = Ledger { file, throttle: &self.plan.throttle };
        let real = jiff::Timestamp::now().as_millisecond();
        ledger.restore(&self.plan.fetch.services, &self.plan.resolvers, real)?;
        let audit = Audit {
            file,
            treatment: &self.plan.treatment,
            dns: &self.dns,
            threads: self.plan.threads,
            since,
            clock: self.clock.as_ref(),
            stop: &self.stop,
            tell: self.hook.is_some(),
        };
        let mut count = 0_u64;
        let mut on_row = |row: &DomainRow, change: Option<&Change>| -> Result<(), AuditError> {
            count += 1;
            progress.stage(&format!("{count} domains audited; the last: {}", row.domain));
            if change.is_some() {
                // Nobody listens when there is no program to tell.
                let _ = wake.send(());
            }
            self.stream(rows, row, change)
        };
        if let Some(parts) = parts {
            let wanted = domains.map(|domains| wanted(domains.iter().map(|(name, _)| name)));
            return Ok(self.runtime.block_on(audit.dumps(parts, &wanted, &mut on_row))?);
        }
        let clock = || timestamp((self.clock)());
        let on_event = |domain: Option<&DomainName>, event: &Event| progress.of_many(domain, event);
        let fetcher = Fetcher {
            plan: self.plan.fetch.clone(),
            transport: &self.http,
            ledger,
            cases: self.plan.cases.clone(),
            requests: self.plan.max_requests,
            sent: AtomicU32::new(0),
            tool: TOOL,
            clock: &clock,
            on_event: &on_event,
            halted: std::sync::OnceLock::new(),
            rests: tokio::sync::Mutex::new(0),
        };
        let names: Vec<&DomainName> = domains.iter().flat_map(|domains| domains.iter().map(|(name, _)| name)).collect();
        self.runtime.block_on(audit.domains(names, &fetcher, &mut on_row))?;
        if let Some(why) = fetcher.halted.into_inner() {
            self.stop.ask(Halt::Bound(why));
        }
        Ok(())
    }

    /// Writes a row as it is finished.
    fn stream(&self, rows: &mut Rows<'_>, row: &DomainRow, change: Option<&Change>) -> Result<(), AuditError> {
        let wanted = rows.all || change.is_some();
        let Some(out) = rows.out.as_mut().filter(|_| wanted) else { return Ok(()) };
        match self.render.stream(row, change, out) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                // Nobody reads: what is done is kept, the rest can wait, unless other results are wanted of it.
                if self.render.has_others() {
                    rows.out = None;
                } else {
                    self.stop.ask(Halt::NobodyReads);
                }
                Ok(())
            }
            Err(error) => {
                let file = self.context.output.as_ref().map(|path| format!("`{}`", path.display()));
                let place = file.as_deref().unwrap_or("standard output");
                Err(std::io::Error::new(error.kind(), format!("cannot write to {place}: {error}")).into())
            }
            Ok(()) => Ok(()),
        }
    }

    /// The rows an earlier run finished, so that this run's output is whole.
    fn stream_settled(&self, file: &Mutex<AuditFile>, since: i64, rows: &mut Rows<'_>) -> Result<(), Failure> {
        let file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if !file.goes_on() {
            return Ok(());
        }
        Ok(file.each(|domain, _, _, state, _| -> Result<(), AuditError> {
            match state {
                State::Done(row) if file.is_settled(domain, since)? => self.stream(rows, &row, None),
                State::Done(_) | State::Failed(_) | State::Pending => Ok(()),
            }
        })?)
    }

    /// The file that the lines of a watch are appended to.
    fn append(&self) -> Result<Option<BufWriter<File>>, Failure> {
        let watched = self.context.output.as_ref().filter(|_| self.render.appends(self.plan.watch.is_some()));
        let open = |path: &std::path::PathBuf| {
            let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
            file.map(BufWriter::new).with_context(|| format!("cannot write `{}`", path.display()))
        };
        Ok(watched.map(open).transpose()?)
    }

    fn hint(&self) -> String {
        match &self.args.file {
            Some(file) => format!("the same command goes on from `{}`", file.display()),
            None => "nothing was kept; with `--file` the next run would go on from here".to_owned(),
        }
    }

    fn interrupted(&self, env: &mut Env) -> Exit {
        env.say(&format!("ctclimb: stopped; {}", self.hint()));
        Exit::Interrupted
    }
}
