//! The page loop: ask under limits, try again, give up in time, keep everything, hand out records at the end.
//!
//! Records are handed out when all services are done, by service and page: the order never depends on who was faster,
//! and a run that was killed and resumed hands out what an uninterrupted one would have.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use super::ask::{Asked, ask};
use super::keep::{self, Found, KeptPage};
use super::kinds::Kinds;
use super::plan::{FetchOutcome, FetchPlan, ServiceOutcome, started};
use super::progress::{Event, SoFar};
use super::request::{Service, Transport};
use super::source::{Completeness, Source, source, sources};
use super::told;
use crate::case::{Case, CaseError, CursorState, Run};
use crate::issuance::Record;
use crate::limit::Throttle;
use crate::name::{DomainName, SanRef};
use crate::source::reply::Odd;

/// Gives the time; the real one or a test's.
pub type Clock<'a> = &'a (dyn Fn() -> Timestamp + Sync);
/// Is told what happens.
pub type OnEvent<'a> = &'a mut (dyn FnMut(&Event) + Send);
/// Takes the records, by service in the order of the plan.
pub type OnRecord<'a> = &'a mut (dyn FnMut(Service, &Record<'_>) + Send);

/// A fetch could not go on; what was kept before is intact.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct FetchError(#[from] pub CaseError);

/// Fetches the certificates of a domain from all services of a plan, each at its own pace.
///
/// A service that fails is part of the outcome, not an error.
///
/// # Errors
/// [`FetchError`] when the case file cannot be used.
pub async fn fetch<T: Transport>(
    plan: &FetchPlan,
    transport: &T,
    throttle: &Throttle,
    clock: Clock<'_>,
    mut case: Option<&mut Case>,
    on_event: OnEvent<'_>,
    on_record: OnRecord<'_>,
) -> Result<FetchOutcome, FetchError> {
    let run = match case.as_deref_mut() {
        Some(case) if plan.offline => Some(case.reading_run()),
        Some(case) => {
            plan.keep_in(case, clock())?;
            Some(case.begin_run(&plan.run_text(), clock())?)
        }
        None => None,
    };
    let as_of = started(case.as_deref(), clock())?;
    let shared = Mutex::new(Shared { case, run, on_event, seen: Seen::new(plan.domain.clone()) });
    let deadline = Instant::now().checked_add(plan.budget.time);
    let desk = Desk { plan, transport, throttle, clock, deadline, shared: &shared };
    let mut services: Vec<Reading> = sources(plan, as_of).into_iter().map(Reading::new).collect();
    for outcome in join_all(services.iter_mut().map(|service| desk.read(service))).await {
        outcome?;
    }
    if services.iter().all(|service| service.pages.is_empty())
        && let Some(stand_in) = plan.stand_in
    {
        services.extend(desk.stand_in(stand_in, as_of).await?);
    }
    // A service that could not answer for the whole domain may answer for labels that another one knows.
    let starved: Vec<usize> = (0..services.len()).filter(|&index| services[index].source.wants_names()).collect();
    if !starved.is_empty() {
        let names = desk.names(&services)?;
        for index in starved {
            services[index].source.take_names(&names);
            desk.read(&mut services[index]).await?;
        }
    }
    let mut outcome = FetchOutcome { services: Vec::new() };
    for service in &services {
        desk.hand_out(service, on_record)?;
        outcome.services.push(desk.conclude(service)?);
    }
    let mut shared = desk.shared();
    let (run, now) = (shared.run, clock());
    if let (Some(case), Some(run), false) = (shared.case.as_deref_mut(), run, plan.offline) {
        case.finish_run(run, now)?;
    }
    Ok(outcome)
}

/// One service while it is read.
pub(super) struct Reading {
    pub(super) source: Box<dyn Source>,
    /// What the used pages have cost.
    pub(super) requests: u32,
    /// Sent in this run, by this process or by one that was killed.
    pub(super) spent: u32,
    /// Sent by this process.
    pub(super) sent: u32,
    pages: Vec<KeptPage>,
    records: u64,
    odd: Option<Odd>,
    notes: BTreeSet<String>,
    stopped: Option<String>,
}

impl Reading {
    fn new(source: Box<dyn Source>) -> Self {
        Self {
            source,
            requests: 0,
            spent: 0,
            sent: 0,
            pages: Vec::new(),
            records: 0,
            odd: None,
            notes: BTreeSet::new(),
            stopped: None,
        }
    }

    fn service(&self) -> Service {
        self.source.service()
    }

    fn pages(&self) -> u32 {
        u32::try_from(self.pages.len()).unwrap_or(u32::MAX)
    }
}

/// What all services share.
pub(super) struct Shared<'a> {
    pub(super) case: Option<&'a mut Case>,
    pub(super) run: Option<Run>,
    on_event: OnEvent<'a>,
    seen: Seen,
}

impl Shared<'_> {
    pub(super) fn tell(&mut self, event: &Event) {
        (self.on_event)(event);
    }

    /// The case file and the run to read it for.
    pub(super) fn open_case(&self) -> Option<(&Case, Run)> {
        self.case.as_deref().zip(self.run)
    }
}

/// Distinct certificates and names so far, as hashes: for progress only.
struct Seen {
    domain: DomainName,
    certificates: HashSet<u64>,
    names: HashSet<u64>,
    kinds: Kinds,
}

impl Seen {
    fn new(domain: DomainName) -> Self {
        Self { domain, certificates: HashSet::new(), names: HashSet::new(), kinds: Kinds::default() }
    }

    fn record(&mut self, record: &Record<'_>) {
        self.certificates.insert(told::identity(record));
        for san in record.names.iter().filter_map(|name| SanRef::parse(name).ok()) {
            if san.is_at_or_below(&self.domain) && self.names.insert(told::hash(&(san.name(), san.wildcard()))) {
                let before = san.name().strip_suffix(self.domain.as_str()).unwrap_or_default();
                self.kinds.add(before, san.wildcard());
            }
        }
    }

    fn so_far(&self) -> SoFar {
        let [certificates, names] = [self.certificates.len(), self.names.len()].map(|count| count as u64);
        SoFar { certificates, names, kinds: self.kinds.count() }
    }
}

/// Everything a service is read with.
pub(super) struct Desk<'a, 'b, T> {
    pub(super) plan: &'a FetchPlan,
    pub(super) transport: &'a T,
    pub(super) throttle: &'a Throttle,
    pub(super) clock: Clock<'a>,
    pub(super) deadline: Option<Instant>,
    pub(super) shared: &'a Mutex<Shared<'b>>,
}

impl<'b, T: Transport> Desk<'_, 'b, T> {
    pub(super) fn shared(&self) -> MutexGuard<'_, Shared<'b>> {
        // A panic elsewhere ends the program; what is in here stays consistent between two statements.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a service to its end, or as far as it goes.
    async fn read(&self, service: &mut Reading) -> Result<(), CaseError> {
        if let Some((case, run)) = self.shared().open_case() {
            service.spent = case.requests(run, service.service().as_str())?;
        }
        while let (Some(request), None) = (service.source.next(), &service.stopped) {
            let found = match self.shared().open_case() {
                Some(open) => keep::find(service.source.as_ref(), &request, self.plan, open, (self.clock)())?,
                None => None,
            };
            if let Some(found) = found {
                self.use_found(service, found)?;
            } else if self.plan.offline {
                let kept =
                    self.shared().open_case().map(|(case, _)| case.cursor(request.service.as_str())).transpose()?;
                let why = kept.flatten().and_then(|cursor| cursor.error);
                service.stopped = Some(why.unwrap_or_else(|| "not in the case file".into()));
                self.use_strays(service)?;
            } else {
                match ask(self, service, &request).await? {
                    Asked::Settled { settled, page } => {
                        if let Some(page) = page {
                            self.count(service, page, false)?;
                        }
                        service.source.settle(&settled);
                    }
                    Asked::Older { found, why } => {
                        self.use_found(service, *found)?;
                        service.notes.insert(why);
                    }
                    Asked::Stopped(why) => service.stopped = Some(why),
                }
            }
        }
        let why = Self::why_incomplete(service, &service.source.completeness());
        let ended = Event::Ended { service: service.service(), complete: why.is_none(), why };
        self.shared().tell(&ended);
        Ok(())
    }

    /// Reads the service that stands in; `None` offline where nothing of it is kept.
    async fn stand_in(&self, service: Service, as_of: Timestamp) -> Result<Option<Reading>, CaseError> {
        let mut reading = Reading::new(source(service, self.plan, as_of));
        if let (Some(case), false) = (self.shared().case.as_deref_mut(), self.plan.offline) {
            self.plan.keep_stand_in(case)?;
        }
        self.read(&mut reading).await?;
        Ok((!self.plan.offline || !reading.pages.is_empty()).then_some(reading))
    }

    fn use_found(&self, service: &mut Reading, found: Found) -> Result<(), CaseError> {
        service.requests += found.tries;
        service.notes.extend(found.note);
        if let Some(page) = found.page {
            self.count(service, page, true)?;
        }
        service.source.settle(&found.settled);
        Ok(())
    }

    /// What is kept but cannot be reached still tells names.
    fn use_strays(&self, service: &mut Reading) -> Result<(), CaseError> {
        let strays = match self.shared().open_case() {
            Some((case, _)) => keep::strays(service.source.as_ref(), &service.pages, case)?,
            None => Vec::new(),
        };
        if !strays.is_empty() {
            service.notes.insert(format!(
                "{} kept pages are used although what leads to them is not in the case file",
                strays.len()
            ));
        }
        strays.into_iter().try_for_each(|page| self.count(service, page, true))
    }

    fn count(&self, service: &mut Reading, page: KeptPage, kept: bool) -> Result<(), CaseError> {
        service.records += page.records;
        Odd::add(&mut service.odd, page.odd.as_ref());
        service.notes.extend(page.note.clone());
        let mut shared = self.shared();
        let body = page.body(shared.case.as_deref())?;
        service.source.records(&page.request, &body, &mut |record| shared.seen.record(record));
        let (records, so_far) = (page.records, shared.seen.so_far());
        service.pages.push(page);
        let pages = service.pages();
        shared.tell(&Event::Page { service: service.service(), kept, records, pages, so_far });
        Ok(())
    }

    /// All names of all pages so far.
    fn names(&self, services: &[Reading]) -> Result<BTreeSet<String>, CaseError> {
        let mut names = BTreeSet::new();
        for service in services {
            self.each_record(service, &mut |record| {
                let sans = record.names.iter().filter_map(|name| SanRef::parse(name).ok());
                names.extend(sans.map(|san| san.to_san().to_string()));
            })?;
        }
        Ok(names)
    }

    fn hand_out(
        &self,
        service: &Reading,
        on_record: &mut (dyn FnMut(Service, &Record<'_>) + Send),
    ) -> Result<(), CaseError> {
        self.each_record(service, &mut |record| on_record(service.service(), record))
    }

    fn each_record(&self, service: &Reading, take: &mut dyn FnMut(&Record<'_>)) -> Result<(), CaseError> {
        for page in &service.pages {
            let body = page.body(self.shared().case.as_deref())?;
            service.source.records(&page.request, &body, take);
        }
        Ok(())
    }

    /// Why not all that a service has was read, if so.
    fn why_incomplete(service: &Reading, completeness: &Completeness) -> Option<String> {
        let reasons =
            [service.stopped.clone(), completeness.incomplete.clone(), service.odd.as_ref().map(Odd::to_string)];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// What came of a service, kept for later readers of the case file.
    fn conclude(&self, service: &Reading) -> Result<ServiceOutcome, CaseError> {
        let completeness = service.source.completeness();
        let error = Self::why_incomplete(service, &completeness);
        let mut notes: Vec<String> = completeness.notes;
        notes.extend(service.notes.iter().cloned());
        let state = CursorState { cursor: service.source.cursor(), complete: error.is_none(), error: error.clone() };
        let now = (self.clock)();
        if let (Some(case), false) = (self.shared().case.as_deref_mut(), self.plan.offline) {
            case.set_cursor(service.service().as_str(), &state, now)?;
        }
        Ok(ServiceOutcome {
            service: service.service(),
            requests: service.requests,
            sent: service.sent,
            asked_at: service.pages.iter().map(|page| page.asked_at).min(),
            query: service.pages.first().map(|page| page.request.target.clone()),
            pages: service.pages(),
            records: service.records,
            odd: service.odd.clone(),
            rows_used: completeness.rows_used,
            complete: error.is_none(),
            truncated: completeness.truncated,
            expired_included: completeness.expired_included,
            error,
            notes,
        })
    }
}
