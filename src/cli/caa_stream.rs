//! `ctclimb caa -f jsonl`: each line as soon as it is known, in bounded memory.

use std::cell::RefCell;
use std::io::{self, Write};
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};

use super::Failure;
use super::caa::Job;
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::interrupt::block_on;
use super::live::throttle;
use super::output::write_result;
use super::present::exit;
use super::progress::Progress;
use crate::caa::{AuthoritativeView, Lookup};
use crate::dns::Sockets;
use crate::investigate::{
    Deep, Gathered, Grouped, Left, LevelCounts, LookupPlan, LookupTally, Stream, StreamPlan, assemble, look_up_each,
};
use crate::name::NodeId;

/// A reader waits at most this long for a line that is known.
const FLUSH: Duration = Duration::from_millis(200);

/// Runs the command.
pub fn run(env: &mut Env, context: &Context, job: &Job<'_>) -> Result<Exit, Failure> {
    let progress = Progress::new(env, context);
    let mut ended = None;
    let written = write_result(env, context.output.as_deref(), |out| match lines(context, job, &progress, out) {
        Ok(exit) => {
            let whole = exit != Exit::Interrupted;
            ended = Some(Ok(exit));
            // A file that was to be replaced stays as it was.
            if whole { Ok(()) } else { Err(io::ErrorKind::Interrupted.into()) }
        }
        Err(Stop::Writing(error)) => Err(error),
        Err(Stop::Failure(failure)) => {
            ended = Some(Err(failure));
            Err(io::ErrorKind::Other.into())
        }
    });
    drop(progress);
    match ended {
        Some(Ok(Exit::Interrupted)) => {
            env.say("ctclimb: stopped; without a `summary` line at the end the result is not whole");
            Ok(Exit::Interrupted)
        }
        Some(ended) => {
            let exit = ended?;
            written?;
            Ok(exit)
        }
        // Whoever read the lines had enough, or the disk had.
        None => written.map(|()| Exit::Incomplete).map_err(Failure::Work),
    }
}

/// Why no more lines come.
enum Stop {
    Writing(io::Error),
    Failure(Failure),
}

fn lines(context: &Context, job: &Job<'_>, progress: &Progress, out: &mut dyn Write) -> Result<Exit, Stop> {
    let tree = &job.issued.tree;
    let counts = LevelCounts::new(tree, &|_| None, &[], None);
    let views = views(job);
    let hold = if job.script.is_some() { 0 } else { job.deep.most_odd() };
    let plan = StreamPlan { tree, counts: &counts, judging: &job.judging, views: &views, hold };
    let stream = RefCell::new(Stream::new(plan, out));
    let levels: Vec<NodeId> = tree.nodes().collect();
    let total = (levels.len() * views.len()) as u64;
    progress.lookups(total);
    let take = |place: usize, level: NodeId, lookup: Lookup| {
        progress.lookup(total);
        progress.answered(&views[place], tree.name(level), &lookup);
        stream.borrow_mut().take(place, level, lookup);
    };
    let asked = match job.script {
        Some(script) => {
            for &level in &levels {
                let lookups = script.lookups(&tree.domain_name(level));
                lookups.into_iter().enumerate().for_each(|(place, (_, lookup))| take(place, level, lookup));
            }
            let left = stream.borrow_mut().left();
            Some(Some((left, LookupTally::default(), None)))
        }
        None => block_on(ask(job, progress, &stream, &levels, &take)).map_err(|error| Stop::Failure(error.into()))?,
    };
    let mut stream = stream.into_inner();
    let Some(asked) = asked else {
        stream.flush();
        return Ok(Exit::Interrupted);
    };
    let Some((left, tally, authoritative)) = asked else {
        return Err(Stop::Writing(stream.into_fault()));
    };
    let Left { selection, lookups, notes } = left;
    let report = assemble(Gathered {
        domain: None,
        issued: job.issued,
        grouped: Grouped::none(),
        counts: &counts,
        selection: &selection,
        lookups,
        authoritative: authoritative.as_ref(),
        judging: job.judging.clone(),
        errors: None,
        sources: Vec::new(),
        unreadable: std::collections::BTreeMap::new(),
        queries: tally.queries,
        notes: tally.notes.into_iter().chain(notes).collect(),
        unfinished: false,
        written: Some(stream.totals()),
        now: context.now,
    });
    stream.settle_failures(authoritative.as_ref(), &report.levels, &report.checked);
    stream.close(&report).map_err(Stop::Writing)?;
    Ok(exit(context, &report))
}

/// The views of each level, round by round.
fn views(job: &Job<'_>) -> Vec<String> {
    if let Some(script) = job.script {
        let any = job.issued.tree.nodes().next().map(|level| script.lookups(&job.issued.tree.domain_name(level)));
        return any.into_iter().flatten().map(|(view, _)| view).collect();
    }
    let round = || job.resolvers.iter().map(|resolver| resolver.name.clone());
    (0..job.repeat).flat_map(|_| round()).collect()
}

type Asked = (Left, LookupTally, Option<AuthoritativeView>);

/// Asks the resolvers, then the name servers of levels that look odd; `None` when nobody takes the lines any more.
async fn ask<'a>(
    job: &Job<'a>,
    progress: &Progress,
    stream: &RefCell<Stream<'a>>,
    levels: &[NodeId],
    take: &dyn Fn(usize, NodeId, Lookup),
) -> Option<Asked> {
    let tree = &job.issued.tree;
    let (sockets, throttle) = (Sockets::new(), throttle(job.rates));
    let Job { resolvers, batch, repeat, .. } = *job;
    let plan = LookupPlan { resolvers, exchange: &sockets, throttle: &throttle, batch, repeat };
    let lookups = pin!(look_up_each(&plan, tree, levels, take));
    let tally = match select(lookups, pin!(flushing(stream))).await {
        Either::Left((tally, _)) => tally,
        Either::Right(((), _)) => return None,
    };
    let left = stream.borrow_mut().left();
    if job.deep.deep != Deep::Never {
        progress.stage("asking the name servers");
    }
    let view = job.deep.view(tree, &left.selection, &left.lookups, &sockets, &throttle).await;
    Some((left, tally, view))
}

/// Passes lines on now and then; ends when nobody takes them.
async fn flushing(stream: &RefCell<Stream<'_>>) {
    loop {
        tokio::time::sleep(FLUSH).await;
        let mut stream = stream.borrow_mut();
        stream.flush();
        if stream.is_broken() {
            return;
        }
    }
}
