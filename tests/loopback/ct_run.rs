//! One fetch against the fake CT service, with everything it brought.

use std::path::Path;
use std::time::Duration;

use ctclimb::case::Case;
use ctclimb::issuance::{Collection, Issuances};
use ctclimb::limit::{Rate, Rates, Throttle};
use ctclimb::name::DomainName;
use ctclimb::source::live::{
    ApiKey, Budget, Event, FetchError, FetchOutcome, FetchPlan, Http, HttpSettings, Patience, Service, ServiceOutcome,
    fetch,
};
use jiff::Timestamp;

use super::ct_service::CtService;

/// When the tests take place.
pub(crate) const NOW: &str = "2026-11-23T12:00:00Z";

/// What a test varies; the rest is quick.
pub(crate) struct Setup {
    pub(crate) plan: FetchPlan,
    pub(crate) http: HttpSettings,
    pub(crate) throttle: Throttle,
    pub(crate) now: Timestamp,
}

/// What a fetch brought.
pub(crate) struct Fetched {
    pub(crate) outcome: FetchOutcome,
    pub(crate) issuances: Issuances,
    pub(crate) events: Vec<Event>,
    pub(crate) records: Vec<String>,
}

impl Setup {
    /// Asks `service` for `domain` with waits of milliseconds and no spacing.
    pub(crate) fn new(service: &CtService, domain: &str, services: &[Service]) -> Self {
        let mut plan = FetchPlan::new(DomainName::parse(domain).unwrap(), services.to_vec());
        plan.patience = Patience { first_wait: Duration::from_millis(2), ..Patience::default() };
        plan.budget = Budget { requests: 40, time: Duration::from_secs(60) };
        let http = HttpSettings {
            crtsh: service.url(),
            certspotter: service.url(),
            certspotter_key: ApiKey::new("k_secret"),
            ..HttpSettings::default()
        };
        let rates = Rates { crtsh: Rate::Unlimited, certspotter: Rate::Unlimited, ..Rates::default() };
        Self { plan, http, throttle: Throttle::new(rates), now: NOW.parse().unwrap() }
    }

    /// Fetches without a case file.
    pub(crate) async fn fetch(&self) -> Fetched {
        self.fetch_with(&self.throttle).await
    }

    /// Fetches without a case file under a limiter that others share.
    pub(crate) async fn fetch_with(&self, throttle: &Throttle) -> Fetched {
        self.run(None, throttle).await.unwrap()
    }

    /// Fetches into the case file at `path`.
    pub(crate) async fn fetch_case(&self, path: &Path) -> Fetched {
        let mut case = Case::open(path, "ctclimb test", self.now).unwrap();
        self.fetch_into(Some(&mut case)).await.unwrap()
    }

    /// Fetches into an open case file.
    pub(crate) async fn fetch_into(&self, case: Option<&mut Case>) -> Result<Fetched, FetchError> {
        self.run(case, &self.throttle).await
    }

    async fn run(&self, case: Option<&mut Case>, throttle: &Throttle) -> Result<Fetched, FetchError> {
        let transport = Http::new(self.http.clone()).unwrap();
        let mut collection = Collection::new(Some(self.plan.domain.clone()));
        let (mut events, mut records) = (Vec::new(), Vec::new());
        let now = self.now;
        let outcome = fetch(
            &self.plan,
            &transport,
            throttle,
            &|| now,
            case,
            &mut |event| events.push(event.clone()),
            &mut |service, record| {
                let origin = collection.origin(service.as_str());
                collection.add(record, origin);
                records.push(format!("{service} {:?}", record.names));
            },
        )
        .await?;
        Ok(Fetched { outcome, issuances: collection.finish(), events, records })
    }
}

impl Fetched {
    /// The outcome of the only service.
    pub(crate) fn only(&self) -> &ServiceOutcome {
        let [only] = self.outcome.services.as_slice() else { panic!("one service was asked") };
        only
    }

    /// The error of the only service; it must have one.
    pub(crate) fn error(&self) -> &str {
        self.only().error.as_deref().expect("an error")
    }

    /// The distinct names in scope, sorted as text.
    pub(crate) fn names(&self) -> Vec<String> {
        let tree = &self.issuances.tree;
        let mut names: Vec<String> = tree.sans().map(|san| tree.subject_alt_name(san).to_string()).collect();
        names.sort();
        names
    }
}
