//! Progress on standard error: a line that moves on a terminal, now and then a plain line elsewhere, nothing with `-q`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::context::Context;
use super::env::Env;
use crate::caa::{Lookup, LookupOutcome};
use crate::report::safe_text;
use crate::source::live::{Event, Wait};

/// Time between two plain lines.
const PLAIN: Duration = Duration::from_secs(10);

/// Lookups from which on not each one moves the line.
const MANY: u64 = 2000;

/// Where progress is shown.
pub struct Progress {
    bar: Option<ProgressBar>,
    plain: bool,
    verbose: bool,
    last: Mutex<Instant>,
    done: AtomicU64,
}

impl Progress {
    /// Progress for a person or a log.
    pub fn new(env: &Env, context: &Context) -> Self {
        let bar = (!context.quiet && env.stderr_is_terminal).then(|| {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{spinner} {wide_msg}").expect("a template written here");
            let unicode = env.locale_has_unicode().unwrap_or(false);
            bar.set_style(if unicode { style } else { style.tick_chars("|/-\\ ") });
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        let plain = !context.quiet && !env.stderr_is_terminal;
        Self { bar, plain, verbose: context.verbose, last: Mutex::new(Instant::now()), done: AtomicU64::new(0) }
    }

    /// Progress for nobody.
    pub fn silent() -> Self {
        Self { bar: None, plain: false, verbose: false, last: Mutex::new(Instant::now()), done: AtomicU64::new(0) }
    }

    /// What happened during a fetch.
    pub fn fetch(&self, event: &Event) {
        let seconds = |time: &Duration| time.as_secs_f64().ceil();
        let (line, news) = match event {
            Event::Asking { service, request, budget } => {
                (format!("{}: request {request} of at most {budget}", service.title()), self.verbose)
            }
            Event::Waiting { service, wait, time } => {
                let why = match wait {
                    Wait::Rate => "our own limit",
                    Wait::Asked => "the service asks us to wait",
                    Wait::Failure => "trying again",
                };
                let line = format!("{}: next request in {} s ({why})", service.title(), seconds(time));
                (line, *wait != Wait::Rate)
            }
            Event::Page { service, kept, records, certificates, names } => {
                let kept = if *kept { ", kept from before" } else { "" };
                let service = service.title();
                (format!("{service}: {records} records{kept}; {certificates} certificates, {names} names so far"), true)
            }
            Event::Failed { service, why } => (format!("{}: {why}", service.title()), true),
            Event::Ended { service, complete: true, .. } => (format!("{}: complete", service.title()), true),
            Event::Ended { service, why, .. } => {
                let why = why.as_deref().unwrap_or("it has more");
                (format!("{}: not complete: {why}", service.title()), true)
            }
        };
        self.show(&line, news);
    }

    /// Lookups begin.
    pub fn lookups(&self, total: u64) {
        self.stage(&format!("CAA: 0 of {total} lookups"));
    }

    /// What happened during one of many fetches: troubles are told, the rest now and then.
    pub fn of_many(&self, event: &Event) {
        match event {
            Event::Waiting { wait: Wait::Rate, .. }
            | Event::Asking { .. }
            | Event::Page { .. }
            | Event::Ended { complete: true, .. } => {}
            Event::Waiting { .. } | Event::Failed { .. } | Event::Ended { .. } => self.fetch(event),
        }
    }

    /// One more lookup of `total` is done.
    pub fn lookup(&self, total: u64) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        // Of many thousand a second nobody reads each.
        if total > MANY && done < total && !done.is_multiple_of(64) {
            return;
        }
        if let Some(bar) = &self.bar {
            bar.set_message(format!("CAA: {done} of {total} lookups"));
        } else if self.plain && self.is_time() {
            Self::print(&format!("CAA: {done} of {total} lookups"));
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
        if let Some(bar) = &self.bar {
            bar.set_message(format!("name servers: {asked} questions asked, the last {what}"));
        } else if self.plain && self.is_time() {
            Self::print(&format!("name servers: {asked} questions asked, the last {what}"));
        }
    }

    /// One stage begins.
    pub fn stage(&self, line: &str) {
        self.show(line, self.verbose);
    }

    /// A line that stays, above the one that moves.
    fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(format!("ctclimb: {line}")),
            None => Self::print(line),
        }
    }

    fn show(&self, line: &str, news: bool) {
        match &self.bar {
            Some(bar) => {
                bar.set_message(line.to_owned());
                if self.verbose {
                    self.line(line);
                }
            }
            None if self.plain && (news || self.is_time()) => Self::print(line),
            None => {}
        }
    }

    fn is_time(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
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
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
