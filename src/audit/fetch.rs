//! [`Fetcher`]: the certificates of one domain after the other from the search services, all under the same limits. A service
//! that fails again and again is left in peace for a while, instead of failing for every domain that is left.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use jiff::Timestamp;

use super::ledger::Ledger;
use super::run::{AuditError, Fetch, Fetched, NotFetched};
use crate::case::{Case, CaseError};
use crate::issuance::Collection;
use crate::name::DomainName;
use crate::source::live::{Budget, Event, FetchError, FetchOutcome, FetchPlan, ServiceOutcome, Transport, Wait, fetch};

/// Domains that are fetched at a time: while one waits for a service, another may ask the next one.
const AT_ONCE: usize = 4;
/// A service that failed several times in a row rests this many times the first wait after a failure; ten minutes by default.
const REST: u32 = 60;
/// Rests in a row after which a service is given up.
const RESTS: u32 = 3;

/// What the domains of an audit are fetched with.
pub struct Fetcher<'a, T> {
    /// What is fetched of every domain; the domain of the plan does not count.
    pub plan: FetchPlan,
    /// How requests travel.
    pub transport: &'a T,
    /// The limits, and what remembers them.
    pub ledger: Ledger<'a>,
    /// The directory of the case files, one a domain; `None` keeps none.
    pub cases: Option<PathBuf>,
    /// Requests in all; `None` without a bound.
    pub requests: Option<u32>,
    /// Requests sent so far.
    pub sent: AtomicU32,
    /// Program and version, for the case files.
    pub tool: &'static str,
    /// Gives the time that counts for the age of replies.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// Is told what happens, and to which domain; to a service as a whole without one.
    pub on_event: &'a (dyn Fn(Option<&DomainName>, &Event) + Sync),
    /// Why nothing more is asked in this run; what was fetched before is still finished.
    pub halted: OnceLock<String>,
    /// Held while a service rests; the number of rests in a row.
    pub rests: tokio::sync::Mutex<u32>,
}

impl<T: Transport> Fetch for Fetcher<'_, T> {
    fn at_once(&self) -> usize {
        // A bound on requests is kept exactly only if they are counted one domain after the other.
        if self.requests.is_some() { 1 } else { AT_ONCE }
    }

    fn fetch<'a>(&'a self, domain: &'a DomainName) -> LocalBoxFuture<'a, Result<Fetched, AuditError>> {
        self.until_settled(domain).boxed_local()
    }
}

impl<T: Transport> Fetcher<'_, T> {
    async fn until_settled(&self, domain: &DomainName) -> Result<Fetched, AuditError> {
        loop {
            let mut plan = FetchPlan { domain: domain.clone(), ..self.plan.clone() };
            if let Some(most) = self.requests.filter(|_| !plan.offline) {
                let left = most.saturating_sub(self.sent.load(Ordering::Relaxed));
                if left == 0 {
                    self.halted.get_or_init(|| format!("the {most} requests of `--max-requests` are used up"));
                }
                plan.budget.requests = plan.budget.requests.min(left);
            }
            if self.halted.get().is_some() {
                return Ok(Err(NotFetched::Halted));
            }
            let (outcome, collection) = match self.once(&plan).await {
                Ok(fetched) => fetched,
                // A case file that cannot be used is the trouble of one domain.
                Err(AuditError::Case(error)) => return Ok(Err(NotFetched::Failed(error.to_string()))),
                Err(error) => return Err(error),
            };
            let Some(dead) = outcome.services.iter().find(|service| self.is_dead(service)) else {
                if outcome.services.iter().any(|service| service.sent > 0 && service.error.is_none()) {
                    *self.rests.lock().await = 0;
                }
                return Ok(settled(&outcome, collection));
            };
            if !self.rest(dead).await {
                return Ok(Err(NotFetched::Halted));
            }
        }
    }

    async fn once(&self, plan: &FetchPlan) -> Result<(FetchOutcome, Collection), AuditError> {
        let mut case = self.cases.as_deref().map(|directory| self.open(directory, &plan.domain)).transpose()?;
        let mut collection = Collection::new(Some(plan.domain.clone()));
        let failed = Mutex::new(None);
        let mut on_event = |event: &Event| {
            if matches!(event, Event::Asking { .. }) {
                self.sent.fetch_add(1, Ordering::Relaxed);
            }
            if let Err(error) = self.ledger.note(event, Timestamp::now().as_millisecond()) {
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
            (self.on_event)(Some(&plan.domain), event);
        };
        let throttle = self.ledger.throttle;
        let outcome =
            fetch(plan, self.transport, throttle, self.clock, case.as_mut(), &mut on_event, &mut |service, record| {
                let origin = collection.origin(service.title());
                collection.add(record, origin);
            })
            .await
            .map_err(|FetchError(error)| error)?;
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error.into()),
            None => Ok((outcome, collection)),
        }
    }

    fn open(&self, directory: &Path, domain: &DomainName) -> Result<Case, CaseError> {
        // A domain name holds letters, digits, `-`, `_` and dots only, and is no longer than a file name may be.
        Case::open(&directory.join(format!("{domain}.ctclimb")), self.tool, (self.clock)())
    }

    /// Whether a service is not asked any more because it failed too often in a row.
    fn is_dead(&self, outcome: &ServiceOutcome) -> bool {
        let failures = self.ledger.throttle.failures(&outcome.service.endpoint());
        outcome.error.is_some() && failures >= self.plan.patience.failures_in_a_row
    }

    /// Leaves a service in peace for a while; `false` when that was done often enough.
    async fn rest(&self, dead: &ServiceOutcome) -> bool {
        let endpoint = dead.service.endpoint();
        let throttle = self.ledger.throttle;
        let mut rests = self.rests.lock().await;
        // Another domain waited for the same service, and it may be asked again.
        if throttle.failures(&endpoint) < self.plan.patience.failures_in_a_row {
            return true;
        }
        if *rests >= RESTS {
            let why = dead.error.as_deref().unwrap_or("no answer");
            let service = dead.service.title();
            self.halted.get_or_init(|| format!("{service} does not answer, also after {RESTS} rests ({why})"));
            return false;
        }
        *rests += 1;
        let time = self.plan.patience.first_wait.saturating_mul(REST);
        (self.on_event)(None, &Event::Waiting { service: dead.service, wait: Wait::Failure, time });
        tokio::time::sleep(time).await;
        throttle.answered(&endpoint);
        true
    }
}

/// What an outcome means for a domain.
fn settled(outcome: &FetchOutcome, collection: Collection) -> Fetched {
    if outcome.is_failure() {
        let why = outcome.services.iter().filter_map(|service| service.error.clone());
        return Err(NotFetched::Failed(why.collect::<Vec<_>>().join("; ")));
    }
    let issued = collection.finish();
    let sources = outcome.coverage(&issued);
    Ok((issued, sources))
}

/// A plan for one domain of many, made from the plan for a domain alone: nobody knows how long it waits for its turn, so
/// only the requests are bounded.
#[must_use]
pub fn plan_of_many(mut plan: FetchPlan, fresh: Option<Duration>) -> FetchPlan {
    plan.budget.time = Duration::from_secs(365 * 24 * 3600);
    plan.budget.requests = Budget::default().requests;
    plan.freshness = fresh.map_or(plan.freshness, |fresh| fresh.min(plan.freshness));
    plan
}
