//! [`NameServers`]: the zones' own name servers, asked about the levels of many domains. What was asked of the servers that
//! many domains share (the root, the TLDs, the hosts of providers) is remembered and not asked again.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;

use super::domain::Prepared;
use crate::caa::AuthoritativeView;
use crate::case::{Case, CaseError, DnsExchange, DnsRun};
use crate::dns::{Exchange, ExchangeError, Question, Recorder, Replay, Reply, Server, ViewOptions, authoritative_view};
use crate::investigate::{Deep, Lookups, deep_levels, left_out_note};
use crate::limit::Throttle;
use crate::name::registered_domain;

/// Exchanges that are remembered at most; the oldest go first.
const REMEMBERED: usize = 50_000;
/// Domains whose name servers are asked in one view: levels beyond a bound for each zone would be left out.
const DOMAINS: usize = 32;

/// The plan of the run of lookups in the case file of name servers.
const PLAN: &str = "name servers that many domains share";

/// Whether and how name servers are asked, and what they said before.
pub struct NameServers {
    /// How far.
    pub deep: Deep,
    /// From where, at which port.
    pub options: ViewOptions,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    exchanges: Vec<DnsExchange>,
    /// Where they are kept for a run that goes on; none without an audit file.
    case: Option<(Case, DnsRun)>,
}

/// The view of some domains of a chunk, in the order of the chunk: which view, and what was left out of it.
pub struct Views {
    views: Vec<AuthoritativeView>,
    of: Vec<Option<(usize, Option<String>)>>,
}

impl Views {
    /// The view of a domain by its place in the chunk, and a note on what it leaves out.
    #[must_use]
    pub fn of(&self, place: usize) -> (Option<&AuthoritativeView>, Option<&str>) {
        match self.of.get(place) {
            Some(Some((view, note))) => (self.views.get(*view), note.as_deref()),
            Some(None) | None => (None, None),
        }
    }
}

impl NameServers {
    /// Nobody was asked yet, except what `case` holds.
    ///
    /// # Errors
    /// The case file's.
    pub fn new(deep: Deep, options: ViewOptions, case: Option<Case>) -> Result<Self, CaseError> {
        // One run without an end: each one goes on with what the one before was told.
        let begin = |mut case: Case| case.begin_dns(PLAN, Timestamp::now()).map(|run| (case, run));
        let case = case.map(begin).transpose()?;
        let exchanges = case.as_ref().map_or(Ok(Vec::new()), |(case, run)| case.dns_messages(*run))?;
        Ok(Self { deep, options, seen: Mutex::new(Seen { exchanges, case }) })
    }

    /// Asks about the levels of a chunk that ask for it, some domains at a time; `lookups` is what the resolvers said.
    ///
    /// # Errors
    /// The case file's.
    pub async fn ask(
        &self,
        chunk: &[Prepared],
        lookups: &[Lookups],
        exchange: &dyn Exchange,
        throttle: &Throttle,
        now: i64,
    ) -> Result<Views, CaseError> {
        let mut views = Views { views: Vec::new(), of: chunk.iter().map(|_| None).collect() };
        let mut waiting = Vec::new();
        for (place, (prepared, lookups)) in chunk.iter().zip(lookups).enumerate() {
            let (levels, left_out) = deep_levels(self.deep, &prepared.issued.tree, prepared.selection(), lookups);
            if !levels.is_empty() {
                waiting.push((place, levels, left_out_note(left_out)));
            }
        }
        for group in waiting.chunks(DOMAINS) {
            let levels: BTreeSet<_> = group.iter().flat_map(|(_, levels, _)| levels.iter().cloned()).collect();
            let levels: Vec<_> = levels.into_iter().collect();
            let remember = self.remember();
            let sink = |exchange: DnsExchange| remember.take(exchange);
            let clock = Timestamp::now;
            let recorder = Recorder::new(exchange, &clock, &sink);
            let remembering = Remembering { known: &remember.replay, ask: &recorder };
            let view = authoritative_view(&levels, &self.options, &remembering, throttle, now).await;
            for (place, _, note) in group {
                views.of[*place] = Some((views.views.len(), note.clone()));
            }
            views.views.push(view);
            let own = group.iter().filter_map(|(place, _, _)| registered_domain(chunk[*place].domain.as_str()));
            self.forget(&own.collect())?;
            remember.result()?;
        }
        Ok(views)
    }

    /// Forgets what was said before `since`, seconds since 1970 UTC.
    ///
    /// # Errors
    /// The case file's.
    pub fn forget_before(&self, since: i64) -> Result<(), CaseError> {
        self.retain(|exchange| exchange.asked_at.as_second() >= since)
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self) -> Remember<'_> {
        let replay = Replay::new(self.seen().exchanges.iter().cloned());
        Remember { servers: self, replay, failed: Mutex::new(None) }
    }

    /// Forgets what was asked about names that no other domain shares, and the oldest of too many.
    fn forget(&self, own: &BTreeSet<&str>) -> Result<(), CaseError> {
        let is_own = |name: &str| registered_domain(&name.to_ascii_lowercase()).is_some_and(|name| own.contains(name));
        self.retain(|exchange| !is_own(&exchange.name))
    }

    fn retain(&self, keep: impl Fn(&DnsExchange) -> bool) -> Result<(), CaseError> {
        let mut seen = self.seen();
        let before = seen.exchanges.len();
        seen.exchanges.retain(keep);
        let beyond = seen.exchanges.len().saturating_sub(REMEMBERED);
        seen.exchanges.drain(..beyond);
        let Seen { exchanges, case: Some((case, run)) } = &mut *seen else { return Ok(()) };
        if exchanges.len() < before {
            case.replace_dns(*run, exchanges)?;
        }
        Ok(())
    }
}

/// What one view is gathered with: what is known, and where the rest goes.
struct Remember<'a> {
    servers: &'a NameServers,
    replay: Replay,
    failed: Mutex<Option<CaseError>>,
}

impl Remember<'_> {
    fn take(&self, exchange: DnsExchange) {
        let mut seen = self.servers.seen();
        if let Some((case, run)) = &mut seen.case
            && let Err(error) = case.record_dns(*run, std::slice::from_ref(&exchange))
        {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
        seen.exchanges.push(exchange);
    }

    fn result(self) -> Result<(), CaseError> {
        self.failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

/// Answers from what is known, and asks for the rest.
struct Remembering<'a> {
    known: &'a Replay,
    ask: &'a Recorder<'a>,
}

impl Exchange for Remembering<'_> {
    fn ask<'a>(
        &'a self,
        server: &'a Server,
        question: &'a Question,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Reply, ExchangeError>> {
        async move {
            match self.known.ask(server, question, timeout).await {
                Err(ExchangeError::NotRecorded) => self.ask.ask(server, question, timeout).await,
                known => known,
            }
        }
        .boxed()
    }
}
