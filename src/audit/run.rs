//! [`Audit`]: domain after domain to its row, each kept when it is finished; what an earlier run finished is not done again.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Mutex, PoisonError, mpsc};

use super::diff::Change;
use super::dns::{Dns, Live, Memory, is_shared, scripted};
use super::domain::{Prepared, Treatment};
use super::file::{AuditFile, AuditFileError};
use super::partition::{Part, PartReader};
use super::row::DomainRow;
use crate::investigate::Lookups;
use crate::issuance::{Collection, Issuances};
use crate::name::{DomainName, registered_domain};
use crate::report::SourceCoverage;

/// Domains whose levels are asked together.
const CHUNK: usize = 256;
/// Rows on their way from the threads to the file.
const ROWS_WAITING: usize = 256;

/// An audit cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The audit file.
    #[error(transparent)]
    File(#[from] AuditFileError),
    /// The temporary files or the output.
    #[error("cannot go on: {0}")]
    Io(#[from] std::io::Error),
}

/// Hears of every row as it is finished, with how it differs from the row before, if there was one.
pub type OnRow<'a> = &'a mut dyn FnMut(&DomainRow, Option<&Change>) -> Result<(), AuditError>;

/// What a fetch of one domain gives: certificates and what each service told, or why there is nothing.
pub type Fetched = Result<(Issuances, Vec<SourceCoverage>), String>;

/// The domains asked for, by their registered domain; `None` for all that the dumps hold.
pub type Wanted = Option<BTreeMap<String, Vec<DomainName>>>;

/// How an audit is run.
pub struct Audit<'a> {
    /// Where rows are kept.
    pub file: &'a mut AuditFile,
    /// How each domain is treated.
    pub treatment: &'a Treatment,
    /// Where lookups come from.
    pub dns: &'a Dns,
    /// Threads that group and judge.
    pub threads: usize,
    /// Rows made before this are made again, seconds since 1970 UTC.
    pub since: i64,
    /// Asked between domains; `true` ends the run cleanly.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

impl Audit<'_> {
    /// Audits the domains of dumps. Every domain wanted gets a row, also one that the dumps do not hold.
    ///
    /// Returns whether the end was reached.
    ///
    /// # Errors
    /// [`AuditError`]; what was finished before is kept.
    pub fn dumps(&mut self, parts: Vec<Part>, wanted: &Wanted, on_row: OnRow<'_>) -> Result<bool, AuditError> {
        let done = self.file.done(self.since)?;
        match self.dns {
            Dns::None | Dns::Script(_) => self.in_threads(parts, wanted, &done, on_row)?,
            Dns::Live(live) => {
                let mut memory = self.remembered()?;
                let mut chunk = Vec::new();
                for part in parts {
                    let mut reader = part.read()?;
                    while let Some((domain, records)) = self.next_domain(&mut reader) {
                        for target in targets(&domain, wanted).filter(|target| !done.contains(target.as_str())) {
                            let issued = reader.issued(&target, &records);
                            chunk.push(Prepared::new(target, issued, Vec::new(), self.treatment));
                        }
                        if chunk.len() >= CHUNK {
                            self.live(live, std::mem::take(&mut chunk), &mut memory, on_row)?;
                        }
                    }
                }
                self.live(live, chunk, &mut memory, on_row)?;
            }
        }
        if (self.stop)() {
            return Ok(false);
        }
        let nothing = |domain: &DomainName| Ok((Collection::new(Some(domain.clone())).finish(), Vec::new()));
        self.domains(wanted.iter().flat_map(BTreeMap::values).flatten(), &mut { nothing }, on_row)
    }

    /// Audits domains one after the other with what `fetch` gives for each.
    ///
    /// Returns whether the end was reached.
    ///
    /// # Errors
    /// [`AuditError`]; what was finished before is kept.
    pub fn domains<'d>(
        &mut self,
        domains: impl IntoIterator<Item = &'d DomainName>,
        fetch: &mut dyn FnMut(&DomainName) -> Fetched,
        on_row: OnRow<'_>,
    ) -> Result<bool, AuditError> {
        let done = self.file.done(self.since)?;
        let mut memory = self.remembered()?;
        for domain in domains.into_iter().filter(|domain| !done.contains(domain.as_str())) {
            if (self.stop)() {
                return Ok(false);
            }
            let (issued, sources) = match fetch(domain) {
                Ok(fetched) => fetched,
                Err(_) if (self.stop)() => return Ok(false),
                Err(error) => {
                    self.file.fail(domain.as_str(), &error)?;
                    continue;
                }
            };
            let prepared = Prepared::new(domain.clone(), issued, sources, self.treatment);
            match self.dns {
                Dns::None => self.keep(&prepared.conclude(Lookups::new(), None, self.treatment), on_row)?,
                Dns::Script(script) => {
                    let lookups = scripted(&prepared, script);
                    self.keep(&prepared.conclude(lookups, None, self.treatment), on_row)?;
                }
                Dns::Live(live) => self.live(live, vec![prepared], &mut memory, on_row)?,
            }
        }
        Ok(!(self.stop)())
    }

    fn next_domain(&self, reader: &mut PartReader) -> Option<(DomainName, Vec<usize>)> {
        if (self.stop)() { None } else { reader.next_domain() }
    }

    fn remembered(&self) -> Result<Memory, AuditError> {
        let mut memory = Memory::default();
        for (level, view, lookup) in self.file.levels(self.since)? {
            // Kept by another version of this program: asked again.
            if let Ok(lookup) = serde_json::from_str(&lookup) {
                memory.insert((level, view, lookup));
            }
        }
        Ok(memory)
    }

    /// Groups, judges and keeps on all threads; lookups take no time.
    fn in_threads(
        &mut self,
        parts: Vec<Part>,
        wanted: &Wanted,
        done: &HashSet<String>,
        on_row: OnRow<'_>,
    ) -> Result<(), AuditError> {
        let queue = Mutex::new(VecDeque::from(parts));
        let (treatment, dns, stop) = (self.treatment, self.dns, self.stop);
        let work = |rows: &mpsc::SyncSender<std::io::Result<DomainRow>>| {
            while !stop() {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(part) = next else { return };
                let mut reader = match part.read() {
                    Ok(reader) => reader,
                    Err(error) => return drop(rows.send(Err(error))),
                };
                while let Some((domain, records)) = reader.next_domain().filter(|_| !stop()) {
                    for target in targets(&domain, wanted).filter(|target| !done.contains(target.as_str())) {
                        let issued = reader.issued(&target, &records);
                        let prepared = Prepared::new(target, issued, Vec::new(), treatment);
                        let lookups = match dns {
                            Dns::Script(script) => scripted(&prepared, script),
                            Dns::None | Dns::Live(_) => Lookups::new(),
                        };
                        // The other end is gone when the audit cannot go on.
                        if rows.send(Ok(prepared.conclude(lookups, None, treatment))).is_err() {
                            return;
                        }
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            let (send, receive) = mpsc::sync_channel(ROWS_WAITING);
            for _ in 0..self.threads.max(1) {
                let (send, work) = (send.clone(), &work);
                scope.spawn(move || work(&send));
            }
            drop(send);
            receive.into_iter().try_for_each(|row| self.keep(&row?, on_row))
        })
    }

    /// Asks the levels of a chunk, judges, keeps.
    fn live(
        &mut self,
        live: &Live,
        chunk: Vec<Prepared>,
        memory: &mut Memory,
        on_row: OnRow<'_>,
    ) -> Result<(), AuditError> {
        let now = self.treatment.now;
        let mut kept = Ok(());
        // Kept as it comes: what a killed run was told is not asked again.
        live.ask(&chunk, memory, &mut |(level, view, lookup)| {
            if kept.is_ok() {
                let text = serde_json::to_string(lookup).expect("a lookup has texts and numbers only");
                kept = self.file.keep_levels(&[(level.clone(), view.clone(), text)], now);
            }
        });
        kept?;
        let checked_at = jiff::Timestamp::from_second(now).ok().map(|time| time.to_string());
        let mut own = Vec::new();
        for prepared in chunk {
            let names = prepared.levels().iter().map(|&level| prepared.issued.tree.name(level));
            own.extend(names.filter(|name| !is_shared(name)).map(str::to_owned));
            let lookups = live.lookups(&prepared, memory);
            self.keep(&prepared.conclude(lookups, checked_at.clone(), self.treatment), on_row)?;
        }
        self.file.forget_levels(&own)?;
        memory.forget_own();
        Ok(())
    }

    fn keep(&mut self, row: &DomainRow, on_row: OnRow<'_>) -> Result<(), AuditError> {
        let before = self.file.row(&row.domain)?;
        let change = before.map(|before| Change::between(Some(&before), Some(row))).filter(|change| !change.is_empty());
        let text = change.as_ref().map(|change| serde_json::to_string(change).expect("a change has texts only"));
        self.file.finish(row, self.treatment.now, text.as_deref())?;
        on_row(row, change.as_ref())
    }
}

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
        let registered = registered_domain(domain.as_str()).unwrap_or(domain.as_str());
        wanted.entry(registered.to_owned()).or_default().push(domain.clone());
    }
    wanted
}
