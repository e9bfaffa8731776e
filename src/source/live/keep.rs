//! The pages a fetch has: in the case file if there is one, else compressed in memory.

use std::time::Duration;

use jiff::Timestamp;

use super::classify::{PageFacts, Reading};
use super::plan::FetchPlan;
use super::request::{PageRequest, Reply};
use super::source::{Settled, Source};
use crate::case::{Case, CaseError, ReplyState, Run, StoredReply};
use crate::source::reply::Odd;

/// A page that was used, with its body at hand.
#[derive(Debug)]
pub(super) struct KeptPage {
    pub(super) request: PageRequest,
    pub(super) asked_at: Timestamp,
    pub(super) records: u64,
    pub(super) odd: Option<Odd>,
    pub(super) note: Option<String>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Stored(i64),
    Packed { octets: usize, packed: Vec<u8> },
}

impl KeptPage {
    /// A page of the case file.
    pub(super) fn stored(request: PageRequest, asked_at: Timestamp, facts: &PageFacts, id: i64) -> Self {
        Self::new(request, asked_at, facts, Body::Stored(id))
    }

    /// A page that is nowhere else.
    pub(super) fn packed(
        request: PageRequest,
        asked_at: Timestamp,
        facts: &PageFacts,
        body: &[u8],
    ) -> Result<Self, CaseError> {
        let packed = zstd::bulk::compress(body, 1).map_err(CaseError::File)?;
        Ok(Self::new(request, asked_at, facts, Body::Packed { octets: body.len(), packed }))
    }

    fn new(request: PageRequest, asked_at: Timestamp, facts: &PageFacts, body: Body) -> Self {
        let PageFacts { records, ref odd, ref note, .. } = *facts;
        Self { request, asked_at, records, odd: odd.clone(), note: note.clone(), body }
    }

    pub(super) fn body(&self, case: Option<&Case>) -> Result<Vec<u8>, CaseError> {
        match (&self.body, case) {
            (Body::Stored(id), Some(case)) => case.body(*id),
            (Body::Stored(_), None) => Ok(Vec::new()),
            (Body::Packed { octets, packed }, _) => zstd::bulk::decompress(packed, *octets).map_err(CaseError::File),
        }
    }
}

/// What the case file has for a request.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) settled: Settled,
    /// The page to be used, if it is one.
    pub(super) page: Option<KeptPage>,
    /// Requests it took.
    pub(super) tries: u32,
    pub(super) note: Option<String>,
}

/// Looks for a reply to the next request of a source that is good enough not to ask again.
pub(super) fn find(
    source: &dyn Source,
    request: &PageRequest,
    plan: &FetchPlan,
    (case, run): (&Case, Run),
    now: Timestamp,
) -> Result<Option<Found>, CaseError> {
    let service = request.service.as_str();
    let Some(newest) = case.newest_reply(run, service, &request.target)? else {
        if !plan.offline {
            return Ok(None);
        }
        let partial = case.newest_partial(run, service, &request.target)?;
        return partial.map(|stored| partial_page(source, request, &stored, case)).transpose();
    };
    if !plan.offline && !newest.lasting && !newest.of_this_run && is_stale(&newest, plan.freshness, now) {
        return Ok(None);
    }
    match newest.state {
        ReplyState::Page => page(source, request, &newest, case, None),
        ReplyState::TooBig => {
            let settled = Settled::TooBig(newest.why.clone().unwrap_or_default());
            Ok(Some(Found { settled, page: None, tries: newest.tries, note: None }))
        }
        ReplyState::Doubtful => match case.newest_full_page(run, service, &request.target)? {
            Some(full) => page(source, request, &full, case, Some(doubt(&full))),
            None => page(source, request, &newest, case, None),
        },
        ReplyState::Partial | ReplyState::Failed => Ok(None),
    }
}

/// An older page to fall back on when the service does not answer, or answers with nothing.
pub(super) fn older_page(
    source: &dyn Source,
    request: &PageRequest,
    (case, run): (&Case, Run),
) -> Result<Option<(StoredReply, Found)>, CaseError> {
    let Some(full) = case.newest_full_page(run, request.service.as_str(), &request.target)? else { return Ok(None) };
    let found = page(source, request, &full, case, None)?;
    Ok(found.map(|found| (full, found)))
}

pub(super) fn doubt(full: &StoredReply) -> String {
    format!("an empty answer came where there were {} records at {}; those are used", full.records, full.asked_at)
}

fn is_stale(stored: &StoredReply, freshness: Duration, now: Timestamp) -> bool {
    let age = now.as_second().saturating_sub(stored.asked_at.as_second());
    u64::try_from(age).is_ok_and(|age| age >= freshness.as_secs())
}

/// A stored page, read again: a reply that another version of this program took for a page may be none for this one.
fn page(
    source: &dyn Source,
    request: &PageRequest,
    stored: &StoredReply,
    case: &Case,
    note: Option<String>,
) -> Result<Option<Found>, CaseError> {
    let Reading::Page(facts) = source.read(&reply_of(stored, case)?) else { return Ok(None) };
    Ok(Some(Found {
        page: Some(KeptPage::stored(request.clone(), stored.asked_at, &facts, stored.id)),
        settled: Settled::Page(Box::new(facts)),
        tries: stored.tries,
        note,
    }))
}

fn partial_page(
    source: &dyn Source,
    request: &PageRequest,
    stored: &StoredReply,
    case: &Case,
) -> Result<Found, CaseError> {
    let reply = reply_of(stored, case)?;
    let why = stored.why.clone().unwrap_or_default();
    Ok(Found {
        settled: Settled::GivenUp(why),
        page: Some(KeptPage::stored(
            request.clone(),
            stored.asked_at,
            &partial_facts(source, request, &reply),
            stored.id,
        )),
        tries: stored.tries,
        note: None,
    })
}

/// Pages of a service that nothing leads to: one before them is lost.
pub(super) fn strays(source: &dyn Source, used: &[KeptPage], case: &Case) -> Result<Vec<KeptPage>, CaseError> {
    let mut strays = Vec::new();
    for (target, stored) in case.pages(source.service().as_str())? {
        let request = PageRequest { service: source.service(), target };
        if used.iter().any(|page| page.request == request) {
            continue;
        }
        let facts = partial_facts(source, &request, &reply_of(&stored, case)?);
        strays.push(KeptPage::stored(request, stored.asked_at, &facts, stored.id));
    }
    Ok(strays)
}

/// What the whole records of a broken reply amount to.
pub(super) fn partial_facts(source: &dyn Source, request: &PageRequest, reply: &Reply) -> PageFacts {
    let mut facts = PageFacts::default();
    source.records(request, &reply.body, &mut |_| facts.records += 1);
    facts
}

fn reply_of(stored: &StoredReply, case: &Case) -> Result<Reply, CaseError> {
    Ok(Reply {
        status: stored.status,
        content_type: stored.content_type.clone(),
        retry_after: None,
        body: case.body(stored.id)?,
        asked_at: stored.asked_at,
    })
}

/// Takes a source through all that is kept and still good; gives how many replies that were.
pub(super) fn replay(source: &mut dyn Source, plan: &FetchPlan, case: &Case, now: Timestamp) -> Result<u32, CaseError> {
    let mut kept = 0;
    while let Some(request) = source.next() {
        let Some(found) = find(source, &request, plan, (case, case.reading_run()), now)? else { break };
        source.settle(&found.settled);
        kept += 1;
    }
    Ok(kept)
}
