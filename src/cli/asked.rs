//! The lookups of an investigation: made, kept in the case file as answers come, gone on with after a kill, and told again.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Failure;
use super::analyze::scripted;
use super::context::Context;
use super::deep::DeepPlan;
use super::interrupt::block_on;
use super::live::timestamp;
use super::progress::Progress;
use crate::caa::AuthoritativeView;
use crate::case::{Case, CaseError, DnsExchange, DnsRun, StoredDnsRun};
use crate::dns::{BatchPlan, Exchange, Recorder, Resolver, Resumed, Script, Sockets};
use crate::investigate::{Deep, LookupPlan, LookupTally, Lookups, ReplayPlan, Selection, look_up, replay};
use crate::issuance::Issuances;
use crate::limit::Throttle;

/// An answer of a killed run that is older is asked for again: DNS changes.
const FRESH: Duration = Duration::from_secs(3600);
/// Messages that wait for the disk together: so many, or for so long. A killed run loses no more than these.
const TOGETHER: usize = 512;
const WAIT: Duration = Duration::from_millis(300);
/// Octets of messages that one case file keeps.
const MOST: u64 = 256 << 20;

/// Who is asked, and how.
pub struct Asking<'a> {
    /// Answers instead of the network.
    pub script: Option<&'a (String, Script)>,
    /// Who is asked.
    pub resolvers: &'a [Resolver],
    /// How levels are asked.
    pub batch: BatchPlan,
    /// How often everything is asked.
    pub repeat: u32,
    /// Which name servers are asked besides.
    pub deep: &'a DeepPlan,
    /// What paces the questions.
    pub throttle: &'a Throttle,
}

/// What the lookups gave.
pub struct Found {
    /// What each view said of each level.
    pub lookups: Lookups,
    /// What it cost, and what was left out.
    pub tally: LookupTally,
    /// What the name servers showed.
    pub authoritative: Option<AuthoritativeView>,
    /// Whether the lookups did not come to their end.
    pub unfinished: bool,
}

/// The plan of a run of lookups, as the case file keeps it: the same text, the same run.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// Resolvers by name, with their servers.
    resolvers: Vec<(String, Vec<String>)>,
    timeout_ms: u64,
    retries: u8,
    repeat: u32,
    name_servers: String,
    /// The scenario in place of all that.
    script: Option<String>,
}

impl Kept {
    fn of(asking: &Asking<'_>) -> Self {
        let servers = |resolver: &Resolver| resolver.servers.iter().map(ToString::to_string).collect();
        Self {
            resolvers: asking.resolvers.iter().map(|resolver| (resolver.name.clone(), servers(resolver))).collect(),
            timeout_ms: u64::try_from(asking.batch.timeout.as_millis()).unwrap_or(u64::MAX),
            retries: asking.batch.retries,
            repeat: asking.repeat,
            name_servers: asking.deep.plan(),
            script: asking.script.map(|(text, _)| text.clone()),
        }
    }

    fn replay(&self) -> anyhow::Result<ReplayPlan> {
        let resolver = |(name, servers): &(String, Vec<String>)| {
            let servers = servers.iter().map(|server| Ok(Resolver::parse(server)?.servers));
            let servers = servers.collect::<anyhow::Result<Vec<_>>>()?.concat();
            Ok(Resolver { name: name.clone(), servers })
        };
        let resolvers = self.resolvers.iter().map(resolver).collect::<anyhow::Result<_>>()?;
        Ok(ReplayPlan { resolvers, retries: self.retries, repeat: self.repeat })
    }
}

/// Makes the lookups, and keeps each answer as it comes; `None` when interrupted, with what came kept.
///
/// # Errors
/// The case file cannot be written.
pub fn ask(
    context: &Context,
    progress: &Progress,
    asking: &Asking<'_>,
    issued: &Issuances,
    selection: &Selection,
    mut case: Option<&mut Case>,
) -> Result<Option<Found>, Failure> {
    let now = context.now;
    let clock = move || if context.now_is_real { Timestamp::now() } else { timestamp(now) };
    let plan = serde_json::to_string(&Kept::of(asking)).map_err(anyhow::Error::from)?;
    let unusable = "the case file cannot be used";
    let (mut run, mut kept) = (None, Vec::new());
    if let Some(case) = case.as_deref_mut() {
        let begun = case.begin_dns(&plan, clock()).context(unusable)?;
        if begun.resumed {
            case.forget_stale_dns(begun, clock(), FRESH).context(unusable)?;
            kept = case.dns_messages(begun).context(unusable)?;
            progress.stage(&format!("{} answers are kept of the run that stopped", kept.len()));
        }
        run = Some(begun);
    }
    let (found, left_out) = match asking.script {
        Some((_, script)) => {
            let lookups = scripted(issued, selection, script);
            (Some(Found { lookups, tally: LookupTally::default(), authoritative: None, unfinished: false }), 0)
        }
        None => keeping(case.as_deref_mut().zip(run), |sink| {
            block_on(async {
                let sockets = Sockets::new();
                let recorder = Recorder::new(&sockets, &clock, sink);
                look_at(progress, asking, issued, selection, &Resumed::new(kept, &recorder)).await
            })
        })?,
    };
    let Some(mut found) = found else { return Ok(None) };
    if left_out > 0 {
        let mib = MOST >> 20;
        found.tally.notes.push(format!("{left_out} DNS messages are not kept: a case file holds {mib} MiB of them"));
    }
    if let (Some(case), Some(run)) = (case, run) {
        let told = serde_json::to_string(&found.tally).map_err(anyhow::Error::from)?;
        case.end_dns(run, &told, found.authoritative.as_ref(), clock()).context(unusable)?;
    }
    Ok(Some(found))
}

/// Both views, the resolvers' first.
async fn look_at(
    progress: &Progress,
    asking: &Asking<'_>,
    issued: &Issuances,
    selection: &Selection,
    exchange: &dyn Exchange,
) -> Found {
    let Asking { resolvers, batch, repeat, throttle, deep, .. } = *asking;
    let plan = LookupPlan { resolvers, exchange, throttle, batch, repeat };
    let total = (selection.levels.len() * resolvers.len()) as u64 * u64::from(repeat);
    progress.lookups(total);
    let told = |server: &str, level, lookup: &_| {
        progress.lookup(total);
        progress.answered(server, issued.tree.name(level), lookup);
    };
    let (lookups, tally) = look_up(&plan, &issued.tree, &selection.levels, &told).await;
    if deep.deep != Deep::Never {
        progress.stage("asking the name servers");
    }
    let authoritative = deep.view(&issued.tree, selection, &lookups, exchange, throttle).await;
    Found { lookups, tally, authoritative, unfinished: false }
}

/// Runs `ask` with a sink whose messages go to the case file in short order, on a thread of its own. Gives also how many
/// found no room.
fn keeping<T>(
    case: Option<(&mut Case, DnsRun)>,
    ask: impl FnOnce(&(dyn Fn(DnsExchange) + Send + Sync)) -> anyhow::Result<T>,
) -> Result<(T, u64), Failure> {
    let Some((case, run)) = case else { return Ok((ask(&|_| {})?, 0)) };
    std::thread::scope(|scope| {
        let (sender, receiver) = channel();
        let writer = scope.spawn(move || write(case, run, &receiver));
        // A writer that failed takes no more; why is told at the end.
        let asked = ask(&|exchange| drop(sender.send(exchange)));
        drop(sender);
        let written = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let left_out = written.context("the DNS messages cannot be kept")?;
        Ok((asked?, left_out))
    })
}

/// Writes messages in few transactions until no more come; gives how many found no room.
fn write(case: &mut Case, run: DnsRun, messages: &Receiver<DnsExchange>) -> Result<u64, CaseError> {
    let (mut octets, mut left_out) = (case.dns_octets(run)?, 0);
    while let Ok(first) = messages.recv() {
        let mut together = vec![first];
        let until = Instant::now() + WAIT;
        while together.len() < TOGETHER
            && let Ok(next) = messages.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            together.push(next);
        }
        together.retain(|exchange| {
            octets += exchange.reply.as_ref().map_or(0, |bytes| bytes.len() as u64);
            let fits = octets <= MOST;
            left_out += u64::from(!fits);
            fits
        });
        case.record_dns(run, &together)?;
    }
    Ok(left_out)
}

/// The lookups again, from what a case file keeps. Nothing is sent.
///
/// # Errors
/// The case file cannot be read.
pub fn again(case: &Case, issued: &Issuances, selection: &Selection) -> anyhow::Result<Found> {
    let Some(stored) = case.dns_run()? else {
        let notes = vec!["the file keeps no lookups; `investigate` makes them".to_owned()];
        let tally = LookupTally { queries: 0, notes };
        return Ok(Found { lookups: Lookups::new(), tally, authoritative: None, unfinished: true });
    };
    let StoredDnsRun { run, plan, told, view, unfinished_since } = stored;
    let kept: Kept = serde_json::from_str(&plan)?;
    let messages = case.dns_messages(run)?;
    let queries = messages.len() as u64;
    let mut tally = match &told {
        Some(told) => serde_json::from_str(told)?,
        None => LookupTally {
            queries,
            notes: vec!["the lookups did not come to their end; `investigate` goes on with them".to_owned()],
        },
    };
    if unfinished_since {
        tally.notes.push("a later run of lookups did not come to its end and is not part of this".to_owned());
    }
    let lookups = if let Some(text) = &kept.script {
        scripted(issued, selection, &Script::parse("the scenario of the case file", text)?)
    } else {
        let plan = kept.replay()?;
        let replayed = block_on(replay(messages, &plan, &issued.tree, &selection.levels))?;
        replayed.ok_or_else(|| anyhow::anyhow!("interrupted"))?
    };
    Ok(Found { lookups, tally, authoritative: view, unfinished: told.is_none() })
}
