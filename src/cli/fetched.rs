//! Certificates from the search services: what will be asked, the asking, and what came of it, in words.

use std::collections::BTreeMap;

use anyhow::Context as _;
use jiff::Timestamp;

use super::Failure;
use super::context::Context;
use super::env::Env;
use super::interrupt::block_on;
use super::live::timestamp;
use super::progress::Progress;
use crate::case::{Case, CaseError};
use crate::issuance::{Collection, Issuances};
use crate::limit::{Rate, Throttle, in_words};
use crate::report::{Dropped, SourceCoverage, counted, thousands};
use crate::source::live::{FetchOutcome, FetchPlan, Forecast, Http, ROW_CAP, Service, ServiceOutcome, fetch, forecast};

/// Fetches into a collection; `None` when interrupted.
pub fn fetch_into(
    context: &Context,
    plan: &FetchPlan,
    http: &Http,
    throttle: &Throttle,
    case: Option<&mut Case>,
    progress: &Progress,
    collection: &mut Collection,
) -> Result<Option<FetchOutcome>, Failure> {
    // With `--now` the whole run takes place at that time.
    let now = context.now;
    let clock = move || if context.now_is_real { Timestamp::now() } else { timestamp(now) };
    let fetched = block_on(fetch(
        plan,
        http,
        throttle,
        &clock,
        case,
        &mut |event| progress.fetch(event),
        &mut |service, record| {
            let origin = collection.origin(service.title());
            collection.add(record, origin);
        },
    ))?;
    fetched.transpose().context("the case file cannot be used").map_err(Failure::Work)
}

/// Whether a failure is one that the next domain would meet too.
pub fn is_full_disk(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| matches!(cause.downcast_ref(), Some(CaseError::Full | CaseError::Unwritable)))
}

/// Says what the services will be asked for at most, before anything is sent.
pub fn tell_budget(env: &mut Env, context: &Context, plan: &FetchPlan, throttle: &Throttle) {
    if plan.offline {
        return;
    }
    let ask = |service: &Service| {
        let rate = throttle.rate(&service.endpoint());
        let requests = counted(u64::from(plan.budget.most_requests(rate)), "request");
        format!("{} (at most {requests}, {})", service.title(), rate_in_words(rate))
    };
    let services: Vec<String> = plan.services.iter().map(ask).collect();
    let time = in_words(plan.budget.time);
    let instead =
        plan.stand_in.as_ref().map_or_else(String::new, |service| format!("; if that fails, {}", ask(service)));
    let services = services.join(" and ");
    context.say(env, &format!("ctclimb: {}: asking {services} for at most {time}{instead}", plan.domain));
}

fn rate_in_words(rate: Rate) -> String {
    match rate {
        Rate::Per { count, period, .. } => match period.as_secs() {
            1 => format!("{count} a second"),
            60 => format!("{count} a minute"),
            3600 => format!("{count} an hour"),
            seconds => format!("{count} in {seconds} s"),
        },
        Rate::Unlimited => "without a limit".to_owned(),
    }
}

/// What would be asked, and how long that takes at least, one line a service.
///
/// # Errors
/// The case file cannot be read.
pub fn forecast_text(
    context: &Context,
    plan: &FetchPlan,
    http: &Http,
    throttle: &Throttle,
    case: Option<&Case>,
) -> anyhow::Result<String> {
    let mut text = String::new();
    for Forecast { service, kept, next, requests, time } in forecast(plan, throttle, case, timestamp(context.now))? {
        let (domain, title) = (&plan.domain, service.title());
        let replies = counted(u64::from(kept), "reply");
        text.push_str(&match next {
            None => format!("{domain}: {title}: nothing to ask; {replies} kept and still good\n"),
            Some(next) => {
                let url = http.url(&next).unwrap_or(next.target);
                let requests = counted(u64::from(requests), "request");
                let time = in_words(time);
                let kept = if kept > 0 { format!("{replies} kept; ") } else { String::new() };
                format!("{domain}: {title}: {kept}at most {requests}, which take at least {time}; first {url}\n")
            }
        });
    }
    if let Some(service) = plan.stand_in {
        text.push_str(&format!("{}: {}: only if that does not answer\n", plan.domain, service.title()));
    }
    Ok(text)
}

/// What the services gave, but for the number of certificates, which is known once all are merged.
pub fn asked_services(outcome: &FetchOutcome) -> Vec<SourceCoverage> {
    outcome.services.iter().map(ServiceOutcome::coverage).collect()
}

/// What in the answers is no record, for the report.
pub fn unreadable(outcome: &FetchOutcome) -> BTreeMap<String, Dropped> {
    let mut dropped = Dropped::default();
    for (service, odd) in outcome.services.iter().filter_map(|service| Some((service.service, service.odd.as_ref()?))) {
        if dropped.count == 0 {
            dropped.example = format!("{}, {}", service.title(), odd.first);
        }
        dropped.count += odd.count;
    }
    if dropped.count == 0 { BTreeMap::new() } else { BTreeMap::from([("unreadable-record".to_owned(), dropped)]) }
}

/// What else a reader should know of the answers, one sentence each.
pub fn notes(outcome: &FetchOutcome) -> Vec<String> {
    let of = |service: &ServiceOutcome| {
        let own = std::iter::once(asked(service)).flatten();
        own.chain(service.notes.iter().cloned()).collect::<Vec<_>>()
    };
    outcome.services.iter().flat_map(of).collect()
}

fn to_the_second(time: Timestamp) -> String {
    timestamp(time.as_second()).to_string()
}

/// When and for what a service was asked, and how much room its answers had.
fn asked(service: &ServiceOutcome) -> Option<String> {
    let when = to_the_second(service.asked_at?);
    let expired = if service.expired_included { "expired ones included" } else { "unexpired ones only" };
    let rows = match service.rows_used {
        Some(rows) if service.service == Service::Crtsh => {
            format!("; the fullest answer used {} of {} rows", thousands(rows), thousands(ROW_CAP))
        }
        Some(_) | None => String::new(),
    };
    Some(format!("{} was asked at {when} for certificates, {expired}{rows}", service.service.title()))
}

/// Says what came of a fetch: how much, what is missing and why, what was dropped.
pub fn tell_outcome(env: &mut Env, context: &Context, plan: &FetchPlan, outcome: &FetchOutcome, issued: &Issuances) {
    let (domain, offline) = (&plan.domain, plan.offline);
    let say = |env: &mut Env, text: &str| context.say(env, &format!("ctclimb: {domain}: {text}"));
    if !outcome.is_failure() {
        let sources = issued.certificates_by_origin();
        let from: Vec<String> =
            sources.iter().map(|(name, count)| format!("{} from {name}", thousands(*count))).collect();
        let from = if from.is_empty() { String::new() } else { format!(" ({})", from.join(", ")) };
        let certificates = counted(issued.certificates(), "certificate");
        say(env, &format!("{certificates}{from}, {}", counted(issued.distinct_names(), "name")));
        if issued.issuances.is_empty() && !outcome.services.iter().any(|service| service.expired_included) {
            say(env, "unexpired certificates were asked for; `--expired` asks for all");
        }
    }
    if !offline && outcome.is_complete() && outcome.services.iter().all(|service| service.sent == 0) {
        say(env, "nothing was asked: what is kept is still good (`--fresh` asks again)");
    }
    for service in outcome.services.iter().filter(|service| !service.complete) {
        let why = service.error.as_deref().unwrap_or("it gives only part of what it has");
        // Also for those who want results only: this is a result that is missing.
        env.say(&format!("ctclimb: {domain}: {}: {why}", service.service.title()));
    }
    for note in notes(outcome) {
        say(env, &note);
    }
    for (class, noticed) in issued.drops.iter() {
        say(env, &format!("dropped {} {class}, such as `{}`", thousands(noticed.count), noticed.example));
    }
}
