//! Progress on standard error: a line that moves on a terminal, now and then a plain line elsewhere, nothing with `-q`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::context::Context;
use super::env::Env;
use crate::source::live::{Event, Wait};

/// Time between two plain lines.
const PLAIN: Duration = Duration::from_secs(10);

/// Where progress is shown.
pub struct Progress {
    bar: Option<ProgressBar>,
    plain: bool,
    last: Mutex<Instant>,
    done: AtomicU64,
}

impl Progress {
    /// Progress for a person or a log.
    pub fn new(env: &Env, context: &Context) -> Self {
        let bar = (!context.quiet && env.stderr_is_terminal).then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::with_template("{spinner} {wide_msg}").expect("a template written here"));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        let plain = !context.quiet && !env.stderr_is_terminal;
        Self { bar, plain, last: Mutex::new(Instant::now()), done: AtomicU64::new(0) }
    }

    /// What happened during a fetch.
    pub fn fetch(&self, event: &Event) {
        let seconds = |time: &Duration| time.as_secs_f64().ceil();
        let (line, news) = match event {
            Event::Asking { service, request, budget } => {
                (format!("{service}: request {request} of at most {budget}"), false)
            }
            Event::Waiting { service, wait, time } => {
                let why = match wait {
                    Wait::Rate => "our own limit",
                    Wait::Asked => "the service asks us to wait",
                    Wait::Failure => "trying again",
                };
                (format!("{service}: next request in {} s ({why})", seconds(time)), *wait != Wait::Rate)
            }
            Event::Page { service, kept, records, certificates, names } => {
                let kept = if *kept { ", kept from before" } else { "" };
                (format!("{service}: {records} records{kept}; {certificates} certificates, {names} names so far"), true)
            }
            Event::Failed { service, why } => (format!("{service}: {why}"), true),
            Event::Ended { service, complete: true, .. } => (format!("{service}: complete"), true),
            Event::Ended { service, why, .. } => {
                (format!("{service}: not complete: {}", why.as_deref().unwrap_or("it has more")), true)
            }
        };
        self.show(&line, news);
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
        if let Some(bar) = &self.bar {
            bar.set_message(format!("CAA: {done} of {total} lookups"));
        } else if self.plain && self.is_time() {
            Self::print(&format!("CAA: {done} of {total} lookups"));
        }
    }

    /// One stage begins.
    pub fn stage(&self, line: &str) {
        self.show(line, false);
    }

    fn show(&self, line: &str, news: bool) {
        match &self.bar {
            Some(bar) => bar.set_message(line.to_owned()),
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
