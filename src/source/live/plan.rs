//! What to fetch, within which bounds, and what came of it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::request::{PageRequest, Service};
use super::sources;
use crate::case::{Case, CaseError};
use crate::issuance::Issuances;
use crate::limit::{Rate, Throttle};
use crate::name::DomainName;
use crate::report::SourceCoverage;
use crate::source::reply::Odd;

/// What to fetch for one domain, and how much of other people's machines and of our time it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchPlan {
    /// The domain: its certificates and those of all names below it.
    pub domain: DomainName,
    /// The services, in the order of the report.
    pub services: Vec<Service>,
    /// Asked where none of them gives a page.
    pub stand_in: Option<Service>,
    /// Also expired certificates, from the services that have them.
    pub expired: bool,
    /// When to stop.
    pub budget: Budget,
    /// When to try again.
    pub patience: Patience,
    /// Kept replies younger than this are not asked for again.
    pub freshness: Duration,
    /// Only what is kept, of any age; nothing is sent.
    pub offline: bool,
}

/// When a fetch stops, done or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Requests to each service in one run, retries included.
    pub requests: u32,
    /// Time of one run, waiting included.
    pub time: Duration,
}

impl Budget {
    /// The most requests that a rate and the time allow.
    #[must_use]
    pub fn most_requests(&self, rate: Rate) -> u32 {
        self.requests.min(rate.requests_in(self.time))
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self { requests: 40, time: Duration::from_secs(15 * 60) }
    }
}

/// When a request is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Further tries after the first, for failures that may pass.
    pub retries: u32,
    /// Wait before the second try; three times as long before each later one.
    pub first_wait: Duration,
    /// Failures in a row after which a service is not asked again in this run.
    pub failures_in_a_row: u32,
}

impl Default for Patience {
    /// 10 s, 30 s, 90 s; three failures in a row.
    fn default() -> Self {
        Self { retries: 3, first_wait: Duration::from_secs(10), failures_in_a_row: 3 }
    }
}

/// The part of a plan that says what is asked, as a case file keeps it.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    domain: String,
    services: Vec<String>,
    expired: bool,
}

const SETTING: &str = "fetch";
const STARTED: &str = "fetch-started";

impl FetchPlan {
    /// A plan with the default bounds: unexpired certificates, replies good for 24 hours.
    #[must_use]
    pub fn new(domain: DomainName, services: Vec<Service>) -> Self {
        Self {
            domain,
            services,
            stand_in: None,
            expired: false,
            budget: Budget::default(),
            patience: Patience::default(),
            freshness: Duration::from_secs(24 * 3600),
            offline: false,
        }
    }

    /// The plan of the fetch that filled a case file, to be run again without one request; `None` if there was none.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be read.
    pub fn of_case(case: &Case) -> Result<Option<Self>, CaseError> {
        let Some(text) = case.setting(SETTING)? else { return Ok(None) };
        let Ok(kept) = serde_json::from_str::<Kept>(&text) else { return Ok(None) };
        let Ok(domain) = DomainName::parse(&kept.domain) else { return Ok(None) };
        let services = kept.services.iter().filter_map(|name| Service::parse(name)).collect();
        Ok(Some(Self { expired: kept.expired, offline: true, ..Self::new(domain, services) }))
    }

    /// Keeps what is asked, and since when: a later fetch of still fresh replies must ask in the same words.
    pub(super) fn keep_in(&self, case: &mut Case, now: Timestamp) -> Result<(), CaseError> {
        let age = now.as_second().saturating_sub(started(Some(case), now)?.as_second());
        let old = u64::try_from(age).is_ok_and(|age| age >= self.freshness.as_secs());
        if old || case.setting(STARTED)?.is_none() {
            case.set_setting(STARTED, &now.to_string())?;
        }
        case.set_setting(SETTING, &self.kept())
    }

    fn kept(&self) -> String {
        let kept = Kept {
            domain: self.domain.to_string(),
            services: self.services.iter().map(ToString::to_string).collect(),
            expired: self.expired,
        };
        serde_json::to_string(&kept).expect("texts and a flag are always JSON")
    }

    /// Keeps that the stand-in was asked too, for later readers of the case file.
    pub(super) fn keep_stand_in(&self, case: &mut Case) -> Result<(), CaseError> {
        let services = self.services.iter().copied().chain(self.stand_in).collect();
        case.set_setting(SETTING, &Self { services, ..self.clone() }.kept())
    }

    /// What makes a run another run: the same text goes on where a killed run stopped.
    pub(super) fn run_text(&self) -> String {
        let Budget { requests, time } = self.budget;
        format!("{} requests={requests} time={}s", self.kept(), time.as_secs())
    }
}

/// What a fetch gave, and what it did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOutcome {
    /// One entry a service, in the order of the plan.
    pub services: Vec<ServiceOutcome>,
}

impl FetchOutcome {
    /// What each service gave, for the report; `issued` is what all of them came to.
    #[must_use]
    pub fn coverage(&self, issued: &Issuances) -> Vec<SourceCoverage> {
        let by_origin = issued.certificates_by_origin();
        let mut sources: Vec<SourceCoverage> = self.services.iter().map(ServiceOutcome::coverage).collect();
        for source in &mut sources {
            source.certificates = by_origin.get(source.name.as_str()).copied().unwrap_or(0);
        }
        sources
    }

    /// Whether every service gave all it has.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.services.iter().all(|service| service.complete)
    }

    /// Whether no service gave a single page.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.services.iter().all(|service| service.pages == 0)
    }
}

/// What one service gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceOutcome {
    /// The service.
    pub service: Service,
    /// Requests that the pages used have cost, failed tries included, now or in the run that fetched them.
    pub requests: u32,
    /// Requests sent just now.
    pub sent: u32,
    /// When the oldest page used was asked for.
    pub asked_at: Option<Timestamp>,
    /// What the first page used was the answer to.
    pub query: Option<String>,
    /// Pages used.
    pub pages: u32,
    /// Records in them.
    pub records: u64,
    /// What in them is no record.
    pub odd: Option<Odd>,
    /// Most rows that one answer used of those the service gives at most; `None` where it does not tell.
    pub rows_used: Option<u64>,
    /// The end was reached and nothing was cut.
    pub complete: bool,
    /// The service gives only part of what it has, and asking differently did not get the rest: a sample.
    pub truncated: bool,
    /// Whether expired certificates were asked for and the service has them.
    pub expired_included: bool,
    /// Why it is not complete, in one line without markup.
    pub error: Option<String>,
    /// What else a reader should know, one sentence each.
    pub notes: Vec<String>,
}

impl ServiceOutcome {
    /// What the service gave, but for the number of certificates, which is known once all are merged.
    #[must_use]
    pub fn coverage(&self) -> SourceCoverage {
        SourceCoverage {
            name: self.service.title().to_owned(),
            kind: "search service".to_owned(),
            requests: u64::from(self.requests),
            records: self.records,
            certificates: 0,
            truncated: self.truncated,
            error: self.error.clone(),
            asked_at: self
                .asked_at
                .map(|time| jiff::Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()),
            query: self.query.clone(),
            rows_used: self.rows_used,
            expired: Some(self.expired_included),
        }
    }
}

/// What a fetch would do: for `--dry-run`, and before a long run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// The service.
    pub service: Service,
    /// Replies that are kept and still good.
    pub kept: u32,
    /// The next request; `None` when all is kept.
    pub next: Option<PageRequest>,
    /// The most requests that will be made.
    pub requests: u32,
    /// The least time that so many take under the limits.
    pub time: Duration,
}

/// The day a fetch goes by: that of the one which filled the case file, while its replies are good for this one.
pub(super) fn started(case: Option<&Case>, now: Timestamp) -> Result<Timestamp, CaseError> {
    let kept = case.map(|case| case.setting(STARTED)).transpose()?.flatten();
    Ok(kept.and_then(|text| text.parse().ok()).unwrap_or(now))
}

/// Says what [`fetch`](super::fetch) would do, without sending anything.
///
/// # Errors
/// [`CaseError`] when the case file cannot be read.
pub fn forecast(
    plan: &FetchPlan,
    throttle: &Throttle,
    case: Option<&Case>,
    now: Timestamp,
) -> Result<Vec<Forecast>, CaseError> {
    let mut forecasts = Vec::new();
    for mut source in sources(plan, started(case, now)?) {
        let service = source.service();
        let kept = match case {
            Some(case) => super::keep::replay(source.as_mut(), plan, case, now)?,
            None => 0,
        };
        let next = source.next();
        let rate = throttle.rate(&service.endpoint());
        let requests = if next.is_none() || plan.offline { 0 } else { plan.budget.most_requests(rate) };
        let time = rate.time_for(requests);
        forecasts.push(Forecast { service, kept, next, requests, time });
    }
    Ok(forecasts)
}
