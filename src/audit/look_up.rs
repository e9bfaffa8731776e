//! Lookups of many domains at a time, while others are still fetched: one batch of questions after the other, each about
//! all that is ready, so that a level which several domains share is asked once.

use futures::future::{LocalBoxFuture, OptionFuture};
use futures::stream::{Stream, StreamExt};

use super::dns::{Live, Memory, Told as Answer, is_shared};
use super::domain::{Prepared, Told};
use super::name_servers::Views;
use super::run::{Audit, AuditError, Offered, OnRow, Repeated, root};
use crate::investigate::Lookups;

/// Domains whose levels are asked together.
const CHUNK: usize = 256;

/// A chunk whose questions are answered.
struct Answered {
    chunk: Vec<Prepared>,
    lookups: Vec<Lookups>,
    views: Views,
    memory: Memory,
}

impl Audit<'_> {
    /// Looks up, judges and keeps what is offered. `repeated` are registered domains that come more than once.
    pub(super) async fn look_up(
        &self,
        live: &Live,
        mut offered: impl Stream<Item = Offered> + Unpin,
        mut repeated: Repeated,
        on_row: OnRow<'_>,
    ) -> Result<(), AuditError> {
        let mut memory = self.remembered(live.repeat.max(1))?;
        let (mut ready, mut more) = (Vec::new(), true);
        let mut asking: OptionFuture<LocalBoxFuture<'_, Result<Answered, AuditError>>> = None.into();
        let mut is_asking = false;
        while more || is_asking || !ready.is_empty() {
            if !is_asking && !ready.is_empty() {
                let (chunk, memory) = (std::mem::take(&mut ready), std::mem::take(&mut memory));
                asking = Some(Box::pin(self.ask(live, chunk, memory)) as LocalBoxFuture<'_, _>).into();
                is_asking = true;
            }
            tokio::select! {
                Some(answered) = &mut asking, if is_asking => {
                    is_asking = false;
                    memory = self.conclude(answered?, &mut repeated, on_row)?;
                }
                next = offered.next(), if more && ready.len() < CHUNK => match next {
                    None => more = false,
                    Some(offered) => match offered? {
                        Ok(prepared) => ready.push(prepared),
                        Err((domain, why)) => {
                            less(&mut repeated, root(&domain));
                            self.not_fetched(&domain, &why)?;
                        }
                    },
                },
            }
        }
        Ok(())
    }

    /// Asks the levels of a chunk: the resolvers, then where that is wanted the name servers.
    async fn ask(&self, live: &Live, chunk: Vec<Prepared>, mut memory: Memory) -> Result<Answered, AuditError> {
        let mut kept = Ok(());
        // Kept as it comes: what a killed run was told is not asked again.
        let mut told = |answer: &Answer<'_>| {
            if kept.is_ok() {
                let text = serde_json::to_string(answer.lookup).expect("a lookup has texts and numbers only");
                kept = self.file().keep_level(answer.level, answer.view, answer.nth, &text, (self.clock)());
            }
        };
        live.ask(&chunk, &mut memory, &mut told).await;
        kept?;
        let lookups: Vec<Lookups> = chunk.iter().map(|prepared| live.lookups(prepared, &memory)).collect();
        let now = (self.clock)();
        let servers = &live.name_servers;
        let views = servers.ask(&chunk, &lookups, live.exchange.as_ref(), &live.throttle, now).await?;
        Ok(Answered { chunk, lookups, views, memory })
    }

    /// Judges and keeps the domains of a chunk, and forgets the levels that nobody needs any more.
    fn conclude(&self, answered: Answered, repeated: &mut Repeated, on_row: OnRow<'_>) -> Result<Memory, AuditError> {
        let Answered { chunk, lookups, views, mut memory } = answered;
        let mut own: Vec<(String, Vec<String>)> = Vec::new();
        for (place, (prepared, lookups)) in chunk.into_iter().zip(lookups).enumerate() {
            let names = prepared.levels().iter().map(|&level| prepared.issued.tree.name(level));
            let names = names.filter(|name| !is_shared(name)).map(str::to_owned).collect();
            let root = root(&prepared.domain).to_owned();
            let (authoritative, note) = views.of(place);
            let notes = note.map(str::to_owned).into_iter().collect();
            let told = Told { lookups, authoritative, notes, live: true, now: (self.clock)() };
            self.keep(&prepared.conclude(told, self.treatment), on_row)?;
            less(repeated, &root);
            own.push((root, names));
        }
        own.retain(|(root, _)| !repeated.contains_key(root));
        let names = || own.iter().flat_map(|(_, names)| names).map(String::as_str);
        self.file().forget_levels(names())?;
        memory.forget(names());
        Ok(memory)
    }
}

/// One domain less of a registered domain is waiting.
fn less(repeated: &mut Repeated, root: &str) {
    if let Some(count) = repeated.get_mut(root) {
        *count -= 1;
        if *count == 0 {
            repeated.remove(root);
        }
    }
}
