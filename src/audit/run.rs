//! [`Audit`]: domain after domain to its row, each kept when it is finished; what an earlier run finished is not done again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::LocalBoxFuture;
use futures::stream::{self, Stream, StreamExt};

use super::diff::Change;
use super::dns::{Dns, Memory, scripted};
use super::domain::{Prepared, Told, Treatment};
use super::file::{AuditFile, AuditFileError, Finish};
use super::partition::{Part, PartReader};
use super::row::DomainRow;
use super::stop::Stop;
use crate::case::CaseError;
use crate::issuance::{Collection, Issuances};
use crate::name::{DomainName, registered_domain};
use crate::report::SourceCoverage;

/// An audit cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The audit file.
    #[error(transparent)]
    File(#[from] AuditFileError),
    /// A case file.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// The temporary files or the output.
    #[error("cannot go on")]
    Io(#[from] std::io::Error),
}

/// Hears of every row as it is finished, with how it differs from the row before, if there was one.
pub type OnRow<'a> = &'a mut dyn FnMut(&DomainRow, Option<&Change>) -> Result<(), AuditError>;

/// Why there is nothing of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFetched {
    /// It was tried in vain, for this reason.
    Failed(String),
    /// The run ends; another one tries.
    Halted,
}

/// What a fetch of one domain gives: certificates and what each service told.
pub type Fetched = Result<(Issuances, Vec<SourceCoverage>), NotFetched>;

/// Gets what was issued for a domain.
pub trait Fetch {
    /// How many domains are worth fetching at a time.
    fn at_once(&self) -> usize;
    /// Fetches one domain.
    fn fetch<'a>(&'a self, domain: &'a DomainName) -> LocalBoxFuture<'a, Result<Fetched, AuditError>>;
}

/// Finds nothing: for domains that the dumps do not hold.
struct Nothing;

impl Fetch for Nothing {
    fn at_once(&self) -> usize {
        1
    }

    fn fetch<'a>(&'a self, domain: &'a DomainName) -> LocalBoxFuture<'a, Result<Fetched, AuditError>> {
        let nothing = Collection::new(Some(domain.clone())).finish();
        Box::pin(std::future::ready(Ok(Ok((nothing, Vec::new())))))
    }
}

/// The domains asked for, by their registered domain; `None` for all that the dumps hold.
pub type Wanted = Option<BTreeMap<String, Vec<DomainName>>>;

/// A domain on its way to its lookups, or the reason why there is nothing to look up.
pub(super) type Offered = Result<Result<Prepared, (DomainName, NotFetched)>, AuditError>;

/// How an audit is run.
#[derive(Clone, Copy)]
pub struct Audit<'a> {
    /// Where rows are kept.
    pub file: &'a Mutex<AuditFile>,
    /// How each domain is treated.
    pub treatment: &'a Arc<Treatment>,
    /// Where lookups come from.
    pub dns: &'a Dns,
    /// Threads that group and judge.
    pub threads: usize,
    /// Rows made before this are made again, seconds since 1970 UTC.
    pub since: i64,
    /// Gives the time, seconds since 1970 UTC.
    pub clock: &'a (dyn Fn() -> i64 + Sync),
    /// Ends the run cleanly.
    pub stop: &'a Stop,
    /// Whether somebody is to be told of changes.
    pub tell: bool,
}

impl Audit<'_> {
    /// Audits the domains of dumps. Every domain wanted gets a row, also one that the dumps do not hold.
    ///
    /// # Errors
    /// [`AuditError`]; what was finished before is kept.
    pub async fn dumps(&self, parts: Vec<Part>, wanted: &Wanted, on_row: OnRow<'_>) -> Result<(), AuditError> {
        match self.dns {
            Dns::None | Dns::Script(_) => self.in_threads(parts, wanted, on_row)?,
            Dns::Live(live) => {
                let offered = self.offer_dumps(parts, wanted);
                self.until_stopped(self.look_up(live, Box::pin(offered), repeated(wanted), on_row)).await?;
            }
        }
        let rest: Vec<&DomainName> = wanted.iter().flat_map(BTreeMap::values).flatten().collect();
        self.domains(rest, &Nothing, on_row).await
    }

    /// Audits domains with what `fetch` gives for each.
    ///
    /// # Errors
    /// [`AuditError`]; what was finished before is kept.
    pub async fn domains(
        &self,
        domains: Vec<&DomainName>,
        fetch: &dyn Fetch,
        on_row: OnRow<'_>,
    ) -> Result<(), AuditError> {
        let counts = match self.dns {
            Dns::Live(_) => count_repeated(domains.iter().copied()),
            Dns::None | Dns::Script(_) => BTreeMap::new(),
        };
        let open = stream::iter(domains).filter_map(async |domain| match self.is_settled(domain.as_str()) {
            Ok(true) => None,
            Ok(false) => Some(Ok(domain)),
            Err(error) => Some(Err(error)),
        });
        let offered = open.map(|domain| self.offer_fetched(domain, fetch)).buffer_unordered(fetch.at_once());
        let offered = Box::pin(offered);
        match self.dns {
            Dns::Live(live) => self.until_stopped(self.look_up(live, offered, counts, on_row)).await,
            Dns::None | Dns::Script(_) => self.until_stopped(self.conclude_each(offered, on_row)).await,
        }
    }

    /// Does some work until it is done or the end is asked for.
    async fn until_stopped(&self, work: impl Future<Output = Result<(), AuditError>>) -> Result<(), AuditError> {
        tokio::select! {
            biased;
            () = self.stop.asked() => Ok(()),
            done = work => done,
        }
    }

    pub(super) fn file(&self) -> MutexGuard<'_, AuditFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_settled(&self, domain: &str) -> Result<bool, AuditError> {
        Ok(self.file().is_settled(domain, self.since)?)
    }

    async fn offer_fetched(&self, domain: Result<&DomainName, AuditError>, fetch: &dyn Fetch) -> Offered {
        let domain = domain?;
        match fetch.fetch(domain).await? {
            Ok((issued, sources)) => Ok(Ok(self.prepare(domain.clone(), issued, sources).await)),
            Err(why) => Ok(Err((domain.clone(), why))),
        }
    }

    fn offer_dumps<'d>(&'d self, parts: Vec<Part>, wanted: &'d Wanted) -> impl Stream<Item = Offered> + 'd {
        let readers = stream::iter(parts).map(|part| Ok::<_, AuditError>(part.read()?));
        readers.flat_map(move |reader| match reader {
            Err(error) => stream::once(async { Err(error) }).left_stream(),
            Ok(reader) => stream::unfold((reader, Vec::new()), move |state| self.next_of(state, wanted)).right_stream(),
        })
    }

    /// The next domain of a part that is not settled; `waiting` are those of the registered domain just met, last first.
    async fn next_of<'d>(&'d self, (mut reader, mut waiting): Place, wanted: &'d Wanted) -> Option<(Offered, Place)> {
        loop {
            while let Some((target, records)) = waiting.pop() {
                match self.is_settled(target.as_str()) {
                    Ok(true) => {}
                    Ok(false) => {
                        let issued = reader.issued(&target, &records);
                        let prepared = self.prepare(target, issued, Vec::new()).await;
                        return Some((Ok(Ok(prepared)), (reader, waiting)));
                    }
                    Err(error) => return Some((Err(error), (reader, waiting))),
                }
            }
            let (domain, records) = reader.next_domain()?;
            let records: Arc<[usize]> = records.into();
            waiting.extend(targets(&domain, wanted).map(|target| (target, Arc::clone(&records))));
            waiting.reverse();
        }
    }

    /// Groups on a thread of its own: answers of resolvers and services shall not wait for it.
    async fn prepare(&self, domain: DomainName, issued: Issuances, sources: Vec<SourceCoverage>) -> Prepared {
        let treatment = Arc::clone(self.treatment);
        let work = move || Prepared::new(domain, issued, sources, &treatment);
        tokio::task::spawn_blocking(work).await.expect("grouping ends unless it panics")
    }

    /// Judges and keeps one after the other; lookups take no time.
    async fn conclude_each(
        &self,
        mut offered: impl Stream<Item = Offered> + Unpin,
        on_row: OnRow<'_>,
    ) -> Result<(), AuditError> {
        while let Some(offered) = offered.next().await {
            match offered? {
                Ok(prepared) => {
                    let told = self.told(&prepared);
                    self.keep(&prepared.conclude(told, self.treatment), on_row)?;
                }
                Err((domain, why)) => self.not_fetched(&domain, &why)?,
            }
        }
        Ok(())
    }

    /// What is known of a domain without asking anybody.
    fn told(&self, prepared: &Prepared) -> Told<'static> {
        let lookups = match self.dns {
            Dns::Script(script) => scripted(prepared, script),
            Dns::None | Dns::Live(_) => BTreeMap::new(),
        };
        Told { lookups, now: (self.clock)(), ..Told::default() }
    }

    pub(super) fn not_fetched(&self, domain: &DomainName, why: &NotFetched) -> Result<(), AuditError> {
        match why {
            NotFetched::Failed(why) => Ok(self.file().fail(domain.as_str(), why)?),
            NotFetched::Halted => Ok(()),
        }
    }

    /// Groups, judges and keeps on all threads; lookups take no time.
    fn in_threads(&self, parts: Vec<Part>, wanted: &Wanted, on_row: OnRow<'_>) -> Result<(), AuditError> {
        use std::hash::BuildHasher as _;
        let hasher = foldhash::fast::RandomState::default();
        let settled = self.file().settled(self.since, |domain| hasher.hash_one(domain))?;
        let queue = Mutex::new(std::collections::VecDeque::from(parts));
        let (treatment, dns, stop, clock) = (self.treatment.as_ref(), self.dns, self.stop, self.clock);
        let work = |rows: &std::sync::mpsc::SyncSender<std::io::Result<DomainRow>>| {
            while !stop.is_asked() {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(part) = next else { return };
                let mut reader = match part.read() {
                    Ok(reader) => reader,
                    Err(error) => return drop(rows.send(Err(error))),
                };
                while let Some((domain, records)) = reader.next_domain().filter(|_| !stop.is_asked()) {
                    let open = |target: &DomainName| !settled.contains(&hasher.hash_one(target.as_str()));
                    for target in targets(&domain, wanted).filter(open) {
                        let issued = reader.issued(&target, &records);
                        let prepared = Prepared::new(target, issued, Vec::new(), treatment);
                        let lookups = match dns {
                            Dns::Script(script) => scripted(&prepared, script),
                            Dns::None | Dns::Live(_) => BTreeMap::new(),
                        };
                        let told = Told { lookups, now: clock(), ..Told::default() };
                        // The other end is gone when the audit cannot go on.
                        if rows.send(Ok(prepared.conclude(told, treatment))).is_err() {
                            return;
                        }
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            let (send, receive) = std::sync::mpsc::sync_channel(ROWS_WAITING);
            for _ in 0..self.threads.max(1) {
                let (send, work) = (send.clone(), &work);
                scope.spawn(move || work(&send));
            }
            drop(send);
            receive.into_iter().try_for_each(|row| self.keep(&row?, on_row))
        })
    }

    pub(super) fn keep(&self, row: &DomainRow, on_row: OnRow<'_>) -> Result<(), AuditError> {
        let change = {
            let file = self.file();
            let before = file.row(&row.domain)?;
            let change = before.map(|before| Change::between(Some(&before), Some(row)));
            let change = change.filter(|change| !change.is_empty());
            let text = change.as_ref().map(|change| serde_json::to_string(change).expect("a change has texts only"));
            file.finish(Finish { row, at: (self.clock)(), change: text.as_deref(), tell: self.tell })?;
            change
        };
        on_row(row, change.as_ref())
    }

    /// What an earlier run was told of levels that are still needed.
    pub(super) fn remembered(&self, repeat: u32) -> Result<Memory, AuditError> {
        let mut memory = Memory::default();
        for (level, view, nth, lookup) in self.file().levels(self.since)? {
            // Kept by another version of this program, or of more repetitions than are wanted now: not used.
            if let (true, Ok(lookup)) = (nth < repeat, serde_json::from_str(&lookup)) {
                memory.insert(level, view, lookup);
            }
        }
        Ok(memory)
    }
}

/// A part that is being read, and the domains just met that are not offered yet, with their records.
type Place = (PartReader, Vec<(DomainName, Arc<[usize]>)>);

/// Rows on their way from the threads to the file.
const ROWS_WAITING: usize = 256;

/// The domains to audit of a registered domain: itself, or those of the list that are at or below it.
fn targets<'a>(registered: &DomainName, wanted: &'a Wanted) -> impl Iterator<Item = DomainName> + use<'a> {
    let all = wanted.is_none().then(|| registered.clone());
    let named = wanted.as_ref().and_then(|wanted| wanted.get(registered.as_str()));
    all.into_iter().chain(named.into_iter().flatten().cloned())
}

/// The domains of a list by their registered domain.
#[must_use]
pub fn wanted<'a>(domains: impl IntoIterator<Item = &'a DomainName>) -> BTreeMap<String, Vec<DomainName>> {
    let mut wanted: BTreeMap<String, Vec<DomainName>> = BTreeMap::new();
    for domain in domains {
        wanted.entry(root(domain).to_owned()).or_default().push(domain.clone());
    }
    wanted
}

/// The registered domain that a domain's own levels are shared below.
pub(super) fn root(domain: &DomainName) -> &str {
    registered_domain(domain.as_str()).unwrap_or(domain.as_str())
}

/// Registered domains of which several domains are to be audited, with how many.
pub(super) type Repeated = BTreeMap<String, usize>;

fn repeated(wanted: &Wanted) -> Repeated {
    let several = wanted.iter().flatten().filter(|(_, domains)| domains.len() > 1);
    several.map(|(root, domains)| (root.clone(), domains.len())).collect()
}

fn count_repeated<'a>(domains: impl Iterator<Item = &'a DomainName>) -> Repeated {
    let mut counts: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    for domain in domains {
        *counts.entry(root(domain)).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(root, count)| (root.to_owned(), count)).collect()
}
