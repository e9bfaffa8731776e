//! One request until it is settled: wait for a turn, send, judge, keep, try again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::classify::{PageFacts, Reading};
use super::fetch::{Desk, Reading as Service};
use super::keep::{self, Found, KeptPage};
use super::progress::{Event, Wait};
use super::request::{PageRequest, Reply, Transport, TransportError};
use super::source::Settled;
use crate::case::{CaseError, CursorState, IssuanceRow, NewReply, ReplyState};
use crate::issuance::Record;
use crate::limit::in_words;

/// How asking ended.
pub(super) enum Asked {
    /// The request is settled; the page, if there is one to use.
    Settled { settled: Settled, page: Option<KeptPage> },
    /// An older page stands in, because of this.
    Older { found: Box<Found>, why: String },
    /// The service is not asked any more in this run.
    Stopped(String),
}

/// What to do after a try.
enum Next {
    Done(Asked),
    Again { wait: Wait, time: Duration },
}

/// Asks until there is an answer, no hope, or no budget.
pub(super) async fn ask<T: Transport>(
    desk: &Desk<'_, '_, T>,
    service: &mut Service,
    request: &PageRequest,
) -> Result<Asked, CaseError> {
    let patience = desk.plan.patience;
    let mut failed = match desk.shared().open_case() {
        Some((case, run)) => case.failed_tries(run, request.service.as_str(), &request.target)?,
        None => 0,
    };
    // Tries that a killed run paid for count like our own.
    service.requests += failed;
    let mut waits = ExponentialBuilder::default()
        .with_min_delay(patience.first_wait)
        .with_factor(3.0)
        .with_max_delay(patience.first_wait.saturating_mul(9))
        .without_max_times()
        .with_jitter()
        .build();
    let endpoint = request.service.endpoint();
    loop {
        if desk.throttle.failures(&endpoint) >= patience.failures_in_a_row {
            let row = format!("{} failed {} times in a row", request.service.title(), patience.failures_in_a_row);
            // The reason of the last failure is worth more than their number.
            let why = service.source.completeness().incomplete.map_or(row.clone(), |why| format!("{row}: {why}"));
            return Ok(Asked::Stopped(why));
        }
        if service.spent >= desk.plan.budget.requests {
            let why =
                format!("the budget of {} requests is used up; the same command goes on", desk.plan.budget.requests);
            return Ok(Asked::Stopped(why));
        }
        let Ok(_alone) = in_time(desk, desk.throttle.alone(&endpoint)).await else {
            return Ok(Asked::Stopped(out_of_time(desk, Duration::ZERO)));
        };
        if let Err(why) = turn(desk, request).await {
            return Ok(Asked::Stopped(why));
        }
        (service.spent, service.sent, service.requests) = (service.spent + 1, service.sent + 1, service.requests + 1);
        let asking =
            Event::Asking { service: request.service, request: service.spent, budget: desk.plan.budget.requests };
        desk.shared().tell(&asking);
        // One clock for everything that is kept, whatever the transport goes by.
        let asked_at = (desk.clock)();
        let Ok(sent) = in_time(desk, desk.transport.send(request)).await else {
            return Ok(Asked::Stopped(out_of_time(desk, Duration::ZERO)));
        };
        let sent = sent.map(|reply| Reply { asked_at, ..reply });
        let (reading, reply) = match sent {
            Ok(reply) => (service.source.read(&reply), Some(reply)),
            Err(error) => (of_transport(&error), None),
        };
        let wait = waits.next().unwrap_or(patience.first_wait);
        let trial = Trial { request, reply: reply.as_ref(), asked_at, tries: failed + 1, wait };
        match judge(desk, service, &trial, reading)? {
            Next::Done(asked) => return Ok(asked),
            Next::Again { wait, time } => {
                failed += 1;
                if let Err(why) = pause(desk, request, wait, time).await {
                    return Ok(Asked::Stopped(why));
                }
            }
        }
    }
}

/// One try with its reply, if one came.
struct Trial<'a> {
    request: &'a PageRequest,
    reply: Option<&'a Reply>,
    asked_at: Timestamp,
    /// Tries of this request in this run, this one included.
    tries: u32,
    /// How long to wait if it is to be tried again.
    wait: Duration,
}

impl Trial<'_> {
    fn body(&self) -> &[u8] {
        self.reply.map_or(&[], |reply| &reply.body)
    }
}

/// What no reply means.
fn of_transport(error: &TransportError) -> Reading {
    let why = error.to_string();
    match error {
        TransportError::Timeout { .. } | TransportError::Connect(_) | TransportError::Broken(_) => {
            Reading::Transient { why, partial: false }
        }
        TransportError::TooLarge { .. } => Reading::TooBig { why },
        TransportError::Redirect(_) | TransportError::Unsupported(_) => Reading::Refused { why },
        TransportError::Database { state, message } => match state.as_str() {
            // query_canceled covers the statement timeout; the rest of class 57 is the server's own trouble.
            "57014" => Reading::TooBig { why },
            // What a pooler says when the server behind it goes, under the code of a violated protocol.
            "08P01" if message.contains("server conn crashed") || message.contains("server_login") => {
                Reading::Transient { why, partial: false }
            }
            // Parameters that a pooler refuses, syntax, missing rights: the same statement fails for ever.
            "08P01" => Reading::Refused { why },
            _ if state.starts_with("42") || state.starts_with("28") || state.starts_with("3D") => {
                Reading::Refused { why }
            }
            _ if message.contains("statement timeout") => Reading::TooBig { why },
            _ => Reading::Transient { why, partial: false },
        },
    }
}

/// Decides what a try means, and keeps what came.
fn judge<T: Transport>(
    desk: &Desk<'_, '_, T>,
    service: &Service,
    trial: &Trial<'_>,
    reading: Reading,
) -> Result<Next, CaseError> {
    let endpoint = trial.request.service.endpoint();
    let plan = desk.plan;
    match reading {
        Reading::Page(facts) => {
            desk.throttle.answered(&endpoint);
            accept(desk, service, trial, facts).map(Next::Done)
        }
        Reading::TooBig { why } => {
            desk.throttle.answered(&endpoint);
            store(desk, service, trial, ReplyState::TooBig, Some(&why), None)?;
            Ok(Next::Done(Asked::Settled { settled: Settled::TooBig(why), page: None }))
        }
        Reading::Slow { why } if trial.tries >= 2 => judge(desk, service, trial, Reading::TooBig { why }),
        Reading::Slow { why } => {
            store(desk, service, trial, ReplyState::Failed, Some(&why), None)?;
            tell_failure(desk, trial, &why);
            Ok(Next::Again { wait: Wait::Failure, time: trial.wait })
        }
        Reading::Refused { why } => {
            store(desk, service, trial, ReplyState::Failed, Some(&why), None)?;
            tell_failure(desk, trial, &why);
            Ok(Next::Done(Asked::Stopped(why)))
        }
        Reading::RateLimited { why, wait } => {
            store(desk, service, trial, ReplyState::Failed, Some(&why), None)?;
            tell_failure(desk, trial, &why);
            if trial.tries > plan.patience.retries {
                let times = if trial.tries == 1 { String::new() } else { format!(" {} times in a row", trial.tries) };
                let why = format!("rate limited{times}: {why}; the same command goes on");
                return Ok(Next::Done(Asked::Stopped(why)));
            }
            let (wait, time) = match wait {
                Some(time) => (Wait::Asked, time),
                None => (Wait::Failure, trial.wait),
            };
            // Not only this request: nobody asks the service before.
            desk.throttle.pause(&endpoint, time);
            Ok(Next::Again { wait, time })
        }
        Reading::Transient { why, partial } => {
            let state = if partial { ReplyState::Partial } else { ReplyState::Failed };
            let id = store(desk, service, trial, state, Some(&why), None)?;
            tell_failure(desk, trial, &why);
            let in_a_row = desk.throttle.failed(&endpoint);
            if in_a_row >= plan.patience.failures_in_a_row || trial.tries > plan.patience.retries {
                let facts = trial
                    .reply
                    .filter(|_| partial)
                    .map(|reply| keep::partial_facts(service.source.as_ref(), trial.request, reply));
                return give_up(desk, service, trial, why, facts.zip(Some(id))).map(Next::Done);
            }
            Ok(Next::Again { wait: Wait::Failure, time: trial.wait })
        }
    }
}

/// Takes a page, unless it is empty where there was something before.
fn accept<T: Transport>(
    desk: &Desk<'_, '_, T>,
    service: &Service,
    trial: &Trial<'_>,
    facts: PageFacts,
) -> Result<Asked, CaseError> {
    if facts.is_empty() {
        let older = match desk.shared().open_case() {
            Some(open) => keep::older_page(service.source.as_ref(), trial.request, open)?,
            None => None,
        };
        if let Some((stored, mut found)) = older {
            let why = keep::doubt(&stored);
            store(desk, service, trial, ReplyState::Doubtful, Some(&why), None)?;
            // This request was counted when it was sent.
            found.tries = 0;
            return Ok(Asked::Older { found: Box::new(found), why });
        }
    }
    let id = store(desk, service, trial, ReplyState::Page, facts.note.as_deref(), Some(&facts))?;
    let page = kept_page(trial, &facts, id)?;
    Ok(Asked::Settled { settled: Settled::Page(Box::new(facts)), page: Some(page) })
}

/// No more tries: an older page, else the whole records of a broken one, else nothing.
fn give_up<T: Transport>(
    desk: &Desk<'_, '_, T>,
    service: &Service,
    trial: &Trial<'_>,
    why: String,
    partial: Option<(PageFacts, Option<i64>)>,
) -> Result<Asked, CaseError> {
    let older = match desk.shared().open_case() {
        Some(open) => keep::older_page(service.source.as_ref(), trial.request, open)?,
        None => None,
    };
    if let Some((stored, mut found)) = older {
        let why = format!("no answer ({why}); the one of {} is used", stored.asked_at);
        (found.tries, found.settled) = (0, Settled::GivenUp(why.clone()));
        return Ok(Asked::Older { found: Box::new(found), why });
    }
    let Some((facts, id)) = partial else {
        return Ok(Asked::Settled { settled: Settled::GivenUp(why), page: None });
    };
    let page = kept_page(trial, &facts, id)?;
    let why = format!("in part only: {why}");
    Ok(Asked::Settled { settled: Settled::GivenUp(why), page: Some(page) })
}

/// The page of a try, which is in the case file under `id` or nowhere else.
fn kept_page(trial: &Trial<'_>, facts: &PageFacts, id: Option<i64>) -> Result<KeptPage, CaseError> {
    let request = trial.request.clone();
    match id {
        Some(id) => Ok(KeptPage::stored(request, trial.asked_at, facts, id)),
        None => KeptPage::packed(request, trial.asked_at, facts, trial.body()),
    }
}

/// Keeps a try in the case file, with its records and the cursor it paid for. Gives its number there.
fn store<T: Transport>(
    desk: &Desk<'_, '_, T>,
    service: &Service,
    trial: &Trial<'_>,
    state: ReplyState,
    why: Option<&str>,
    facts: Option<&PageFacts>,
) -> Result<Option<i64>, CaseError> {
    let mut shared = desk.shared();
    let run = shared.run;
    let (Some(case), Some(run)) = (shared.case.as_deref_mut(), run) else { return Ok(None) };
    let body = trial.body();
    let reply = NewReply {
        service: trial.request.service.as_str(),
        request: &trial.request.target,
        asked_at: trial.asked_at,
        status: trial.reply.map(|reply| reply.status),
        content_type: trial.reply.and_then(|reply| reply.content_type.as_deref()),
        state,
        why,
        lasting: facts.is_some_and(|facts| facts.lasting),
        records: facts.map_or(0, |facts| facts.records),
        tries: trial.tries,
        body,
    };
    let mut rows = Vec::new();
    if facts.is_some() {
        service.source.records(trial.request, body, &mut |record| rows.push(row(record)));
    }
    let cursor = facts.and_then(|facts| facts.cursor.clone()).map(|cursor| CursorState {
        cursor: Some(cursor),
        complete: false,
        error: None,
    });
    case.store_reply(run, &reply, &rows, cursor.as_ref()).map(Some)
}

fn row(record: &Record<'_>) -> IssuanceRow {
    let owned = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
    let names = record.names.join("\n");
    let issuer = owned(&record.issuer);
    let who = issuer.as_deref().unwrap_or("?");
    let identity = match (&record.serial, &record.tbs_sha256) {
        (Some(serial), _) => format!("serial {serial} of {who}"),
        (None, Some(tbs)) => format!("tbs {tbs}"),
        (None, None) => format!("{:?} {:?} {who} {names}", record.not_before, record.not_after),
    };
    let serial = owned(&record.serial);
    IssuanceRow { identity, issuer, serial, not_before: record.not_before, not_after: record.not_after, names }
}

fn tell_failure<T: Transport>(desk: &Desk<'_, '_, T>, trial: &Trial<'_>, why: &str) {
    desk.shared().tell(&Event::Failed { service: trial.request.service, why: why.to_owned() });
}

/// Waits for something, but not beyond the end of the run.
async fn in_time<T: Transport, F: Future>(desk: &Desk<'_, '_, T>, work: F) -> Result<F::Output, ()> {
    match desk.deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, work).await.map_err(|_| ()),
        None => Ok(work.await),
    }
}

/// Waits until the service may be asked; not beyond the end of the run.
async fn turn<T: Transport>(desk: &Desk<'_, '_, T>, request: &PageRequest) -> Result<(), String> {
    while let Err(time) = desk.throttle.try_turn(&request.service.endpoint()) {
        pause(desk, request, Wait::Rate, time).await?;
    }
    if desk.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
        return Err(out_of_time(desk, Duration::ZERO));
    }
    Ok(())
}

async fn pause<T: Transport>(
    desk: &Desk<'_, '_, T>,
    request: &PageRequest,
    wait: Wait,
    time: Duration,
) -> Result<(), String> {
    if desk.deadline.is_some_and(|deadline| Instant::now().checked_add(time).is_none_or(|end| end > deadline)) {
        return Err(match wait {
            Wait::Asked => {
                format!(
                    "rate limited: {} wants to be asked again in {}; the same command goes on then",
                    request.service.title(),
                    in_words(time)
                )
            }
            Wait::Rate | Wait::Failure => out_of_time(desk, time),
        });
    }
    desk.shared().tell(&Event::Waiting { service: request.service, wait, time });
    sleep(time).await;
    Ok(())
}

fn out_of_time<T: Transport>(desk: &Desk<'_, '_, T>, next: Duration) -> String {
    let budget = desk.plan.budget.time.as_secs();
    if next.as_secs() < 2 {
        return format!("the {budget} s of this run are over; the same command goes on");
    }
    // Whole minutes: the exact time differs from run to run and helps nobody.
    let minutes = next.as_secs().div_ceil(60);
    format!(
        "the next request is allowed in {minutes} min, after the {budget} s of this run; the same command goes on then"
    )
}
