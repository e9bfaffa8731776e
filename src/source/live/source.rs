//! [`Source`]: a search service without its I/O.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::certspotter::CertSpotter;
use super::classify::{PageFacts, Reading};
use super::crtsh::Crtsh;
use super::pg::CrtshPg;
use super::plan::FetchPlan;
use super::request::{PageRequest, Reply, Service};
use crate::issuance::Record;

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// With a page.
    Page(Box<PageFacts>),
    /// The service cannot answer it, for this reason.
    TooBig(String),
    /// Without an answer, for this reason.
    GivenUp(String),
}

/// How much of what a service has was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completeness {
    /// Something was cut and could not be had otherwise.
    pub truncated: bool,
    /// Why not all was read; `None` when it was.
    pub incomplete: Option<String>,
    /// Most rows of its cap that one answer used.
    pub rows_used: Option<u64>,
    /// Expired certificates are in it.
    pub expired_included: bool,
    /// What else a reader should know.
    pub notes: Vec<String>,
}

/// A search service for issued certificates, without its I/O: plans requests, reads replies, never sends or waits.
///
/// The requests depend on nothing but the replies, so kept replies lead to the same next request.
pub trait Source: Send {
    /// Which service it is.
    fn service(&self) -> Service;

    /// The next request, the same until it is settled; `None` at the end.
    fn next(&self) -> Option<PageRequest>;

    /// What a reply to the next request is. What cannot be read is never an empty page.
    fn read(&self, reply: &Reply) -> Reading;

    /// Tells how the next request ended; the one after it depends on that.
    fn settle(&mut self, settled: &Settled);

    /// Hands out the records of a body, as far as they are whole.
    fn records(&self, request: &PageRequest, body: &[u8], take: &mut dyn FnMut(&Record<'_>));

    /// How much was read.
    fn completeness(&self) -> Completeness;

    /// Where the next page starts, for services with lasting cursors.
    fn cursor(&self) -> Option<String> {
        None
    }

    /// Whether names from elsewhere would tell what to ask for next.
    fn wants_names(&self) -> bool {
        false
    }

    /// Takes names from elsewhere, canonical, with their `*.`.
    fn take_names(&mut self, _names: &BTreeSet<String>) {}
}

/// The sources of a plan, in its order, as of `now`.
pub(super) fn sources(plan: &FetchPlan, now: Timestamp) -> Vec<Box<dyn Source>> {
    plan.services.iter().map(|service| source(*service, plan, now)).collect()
}

/// One source for the domain of a plan, as of `now`.
pub(super) fn source(service: Service, plan: &FetchPlan, now: Timestamp) -> Box<dyn Source> {
    match service {
        Service::Crtsh => Box::new(Crtsh::new(plan.domain.clone(), plan.expired)),
        Service::Certspotter => Box::new(CertSpotter::new(plan.domain.clone(), plan.expired)),
        Service::CrtshPg => Box::new(CrtshPg::new(plan.domain.clone(), plan.expired, now)),
    }
}
