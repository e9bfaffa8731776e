//! Progress on standard error: a line a service that moves on a terminal, now and then a plain line elsewhere, nothing
//! with `-q`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::context::Context;
use super::env::Env;
use crate::caa::{Lookup, LookupOutcome};
use crate::limit::in_words;
use crate::name::DomainName;
use crate::report::{counted, safe_text, thousands};
use crate::source::live::{Event, Service, SoFar, Wait};

/// Time between two plain lines, and the shortest wait that is worth one.
const PLAIN: Duration = Duration::from_secs(10);
/// How often what moves moves.
const TICK: Duration = Duration::from_millis(200);

/// Lookups from which on not each one moves the line.
const MANY: u64 = 2000;

/// Where progress is shown.
pub struct Progress {
    shown: Shown,
    verbose: bool,
    last: Mutex<Instant>,
    done: AtomicU64,
}

enum Shown {
    Nowhere,
    /// In plain lines.
    Plain,
    /// On a terminal.
    Moving(Box<Moving>),
}

/// The lines of a terminal: one for each service, one for what they gave together, or one for the stage that is on.
struct Moving {
    lines: MultiProgress,
    services: Mutex<BTreeMap<Service, Line>>,
    below: ProgressBar,
    /// That `below` has something to say.
    begun: Once,
    unicode: bool,
}

/// The line of a service.
struct Line {
    bar: ProgressBar,
    /// When the next request goes out.
    until: Arc<Mutex<Option<Instant>>>,
    /// Its requests so far, in words.
    requests: String,
}

impl Progress {
    /// Progress for a person or a log.
    pub fn new(env: &Env, context: &Context) -> Self {
        let shown = match (context.quiet, env.stderr_is_terminal) {
            (true, _) => Shown::Nowhere,
            (false, false) => Shown::Plain,
            (false, true) => Shown::Moving(Box::new(Moving::new(env.locale_has_unicode().unwrap_or(false)))),
        };
        Self { shown, verbose: context.verbose, last: Mutex::new(Instant::now()), done: AtomicU64::new(0) }
    }

    /// Progress for nobody.
    pub fn silent() -> Self {
        Self { shown: Shown::Nowhere, verbose: false, last: Mutex::new(Instant::now()), done: AtomicU64::new(0) }
    }

    /// What happened during a fetch.
    pub fn fetch(&self, event: &Event) {
        self.fetch_of(None, event);
    }

    /// What happened during a fetch, of a domain that is to be named where there are several.
    fn fetch_of(&self, domain: Option<&DomainName>, event: &Event) {
        let named = |line: String| domain.map_or(line.clone(), |domain| format!("{domain}: {line}"));
        match &self.shown {
            Shown::Nowhere => {}
            // What is kept comes too fast for a line each.
            Shown::Plain if matches!(event, Event::Page { kept: true, .. }) && !self.is_time() => {}
            Shown::Plain => {
                if let Some(line) = plain(event, self.verbose) {
                    Self::print(&named(line));
                }
            }
            // What went wrong stays to be read; it is not the end yet.
            Shown::Moving(moving) if matches!(event, Event::Failed { .. }) => {
                moving.line(&named(plain(event, false).unwrap_or_default()));
            }
            Shown::Moving(moving) => moving.fetch(event),
        }
    }

    /// What happened during one of many fetches: troubles are told, the rest now and then.
    pub fn of_many(&self, domain: Option<&DomainName>, event: &Event) {
        match event {
            Event::Waiting { wait: Wait::Rate, .. }
            | Event::Asking { .. }
            | Event::Page { .. }
            | Event::Ended { complete: true, .. } => {}
            Event::Waiting { .. } | Event::Failed { .. } | Event::Ended { .. } => self.fetch_of(domain, event),
        }
    }

    /// Lookups begin.
    pub fn lookups(&self, total: u64) {
        self.stage(&format!("CAA: 0 of {} lookups", thousands(total)));
    }

    /// One more lookup of `total` is done.
    pub fn lookup(&self, total: u64) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        // Of many thousand a second nobody reads each.
        if total <= MANY || done >= total || done.is_multiple_of(64) {
            self.counted(|| format!("CAA: {} of {} lookups", thousands(done), thousands(total)));
        }
    }

    /// What one lookup came to; told only to who wants to know all.
    pub fn answered(&self, server: &str, level: &str, lookup: &Lookup) {
        if self.verbose {
            let tries = if lookup.tries > 1 { format!(", {} tries", lookup.tries) } else { String::new() };
            let time = lookup.rtt_ms.map(|ms| format!(", {ms} ms")).unwrap_or_default();
            let outcome = match &lookup.outcome {
                LookupOutcome::Failed(failure) => failure.to_string(),
                outcome => outcome.word().to_owned(),
            };
            self.line(&safe_text(&format!("{server}: CAA {level}: {outcome}{time}{tries}")));
        }
    }

    /// A name server was asked one more question.
    pub fn question(&self, what: &str) {
        let asked = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.counted(|| format!("name servers: {} questions asked, the last {what}", thousands(asked)));
    }

    /// A count that grows: on a terminal at once, elsewhere now and then.
    fn counted(&self, line: impl Fn() -> String) {
        match &self.shown {
            Shown::Plain if self.is_time() => Self::print(&line()),
            Shown::Nowhere | Shown::Plain => {}
            Shown::Moving(moving) => moving.stage(line()),
        }
    }

    /// A line that stays, above those that move.
    fn line(&self, line: &str) {
        match &self.shown {
            Shown::Moving(moving) => moving.line(line),
            Shown::Plain | Shown::Nowhere => Self::print(line),
        }
    }

    /// One stage begins.
    pub fn stage(&self, line: &str) {
        match &self.shown {
            Shown::Plain if self.verbose || self.is_time() => Self::print(line),
            Shown::Nowhere | Shown::Plain => {}
            Shown::Moving(moving) => {
                if self.verbose {
                    moving.line(line);
                }
                moving.stage(line.to_owned());
            }
        }
    }

    fn is_time(&self) -> bool {
        let mut last = lock(&self.last);
        let due = last.elapsed() >= PLAIN;
        if due {
            *last = Instant::now();
        }
        due
    }

    #[allow(clippy::print_stderr, reason = "progress comes from other threads than the one that holds the streams")]
    fn print(line: &str) {
        eprintln!("ctclimb: {line}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Shown::Moving(moving) = &self.shown {
            moving.clear();
        }
    }
}

impl Line {
    fn show(&self, message: String, until: Option<Instant>) {
        *lock(&self.until) = until;
        self.bar.set_message(message);
    }
}

impl Moving {
    fn new(unicode: bool) -> Self {
        let lines = MultiProgress::new();
        let below = lines.add(ProgressBar::new_spinner());
        below.set_style(style("{spinner} {wide_msg}", unicode));
        Self { lines, services: Mutex::default(), below, begun: Once::new(), unicode }
    }

    /// Says what is below the services; before there is anything to say, that line is not there.
    fn below(&self, message: String) {
        self.below.set_message(message);
        self.begun.call_once(|| self.below.enable_steady_tick(TICK));
    }

    fn fetch(&self, event: &Event) {
        match event {
            Event::Asking { service, request, budget } => self.with_line(*service, |line| {
                line.requests = format!("request {request} of at most {budget}");
                line.show(line.requests.clone(), None);
            }),
            Event::Waiting { service, wait, time } => self.with_line(*service, |line| {
                let comma = if line.requests.is_empty() { "" } else { "; " };
                line.show(format!("{}{comma}{}", line.requests, why(*wait)), Instant::now().checked_add(*time));
            }),
            Event::Page { so_far, .. } => self.below(what(so_far)),
            Event::Failed { .. } => {}
            Event::Ended { service, complete, .. } => {
                let end = if *complete { "complete" } else { "ended" };
                self.with_line(*service, |line| line.show(end.to_owned(), None));
            }
        }
    }

    fn line(&self, line: &str) {
        // A closed terminal is no reason to stop.
        let _ = self.lines.println(format!("ctclimb: {line}"));
    }

    fn with_line(&self, service: Service, change: impl FnOnce(&mut Line)) {
        change(lock(&self.services).entry(service).or_insert_with(|| self.new_line(service)));
    }

    fn new_line(&self, service: Service) -> Line {
        let until: Arc<Mutex<Option<Instant>>> = Arc::default();
        let shown = Arc::clone(&until);
        let left = move |_: &ProgressState, out: &mut dyn Write| {
            let left = lock(&shown).and_then(|until| until.checked_duration_since(Instant::now()));
            if let Some(left) = left.filter(|left| !left.is_zero()) {
                // A closed line is no reason to stop.
                let _ = write!(out, "next request in {}; ", in_words(left));
            }
        };
        let style = style("{spinner} {prefix}: {left}{wide_msg}", self.unicode);
        let bar = self.lines.insert_before(&self.below, ProgressBar::new_spinner());
        bar.set_style(style.with_key("left", left));
        bar.set_prefix(service.title());
        bar.enable_steady_tick(TICK);
        Line { bar, until, requests: String::new() }
    }

    fn stage(&self, line: String) {
        for (_, line) in std::mem::take(&mut *lock(&self.services)) {
            line.bar.finish_and_clear();
            self.lines.remove(&line.bar);
        }
        self.below(line);
    }

    fn clear(&self) {
        // A closed terminal is no reason to stop.
        let _ = self.lines.clear();
        // Lines that tick on must not come back.
        self.lines.set_draw_target(ProgressDrawTarget::hidden());
    }
}

/// An event as a line of a log; `None` where it says too little for who does not want to know all.
fn plain(event: &Event, verbose: bool) -> Option<String> {
    match event {
        Event::Asking { service, request, budget } if verbose => {
            Some(format!("{}: request {request} of at most {budget}", service.title()))
        }
        Event::Waiting { time, .. } if *time < PLAIN && !verbose => None,
        Event::Waiting { service, wait, time } => {
            Some(format!("{}: next request in {}; {}", service.title(), in_words(*time), why(*wait)))
        }
        Event::Page { service, kept, records, pages, so_far } => {
            let kept = if *kept { ", kept from before" } else { "" };
            let records = counted(*records, "record");
            Some(format!("{}: page {pages}: {records}{kept}; {} so far", service.title(), what(so_far)))
        }
        Event::Failed { service, why } => Some(format!("{}: {why}", service.title())),
        Event::Ended { service, complete: true, .. } => Some(format!("{}: complete", service.title())),
        // Why a service is not complete is told at the end.
        Event::Asking { .. } | Event::Ended { .. } => None,
    }
}

/// How a line moves, in characters that the terminal knows.
fn style(template: &str, unicode: bool) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("a template written here");
    if unicode { style } else { style.tick_chars("|/-\\ ") }
}

fn what(so_far: &SoFar) -> String {
    let SoFar { certificates, names, kinds } = *so_far;
    let (certificates, names) = (counted(certificates, "certificate"), counted(names, "name"));
    format!("{certificates}, {names}, about {}", counted(kinds, "pattern"))
}

fn why(wait: Wait) -> &'static str {
    match wait {
        Wait::Rate => "our own limit",
        Wait::Asked => "the service asks us to wait",
        Wait::Failure => "trying again",
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
