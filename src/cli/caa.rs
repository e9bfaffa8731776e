//! `ctclimb caa`: all levels of all names, looked up and judged.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;

use anyhow::{Context as _, anyhow};

use super::Failure;
use super::analyze::{script, scripted};
use super::args::{Caa, Format};
use super::caa_stream;
use super::context::Context;
use super::deep::DeepPlan;
use super::env::Env;
use super::exit::Exit;
use super::inputs::{only_once, refuse_file};
use super::interrupt::block_on;
use super::investigate::judging;
use super::live::{batch, rates, resolvers, tell_unused, throttle};
use super::name_table::NameTable;
use super::output::write_result;
use super::present::present;
use super::progress::Progress;
use crate::caa::AuthoritativeView;
use crate::dns::{BatchPlan, Resolver, Script, Sockets};
use crate::investigate::{
    Deep, Gathered, Grouped, Judging, LevelCounts, LookupPlan, LookupTally, Lookups, Selection, assemble, look_up,
    select,
};
use crate::issuance::{Collection, Issuances};
use crate::limit::{Rate, Rates, in_words};
use crate::report::counted;
use crate::source::dump;

/// What is looked up, and how.
pub struct Job<'a> {
    /// The names.
    pub issued: &'a Issuances,
    /// Answers instead of the network.
    pub script: Option<&'a Script>,
    /// Who is asked.
    pub resolvers: &'a [Resolver],
    /// How levels are asked.
    pub batch: BatchPlan,
    /// How often in a second.
    pub rates: Rates,
    /// How often everything is asked.
    pub repeat: u32,
    /// For whom names are judged.
    pub judging: Judging,
    /// Which name servers are asked besides.
    pub deep: DeepPlan,
}

/// Runs the command.
pub fn run(env: &mut Env, context: &Context, args: &Caa) -> Result<Exit, Failure> {
    let script = args.lookups.climb.dns.as_deref().map(script).transpose()?;
    tell_unused(env, context, &args.lookups);
    let resolvers = if script.is_some() { Vec::new() } else { resolvers(context, &args.lookups)? };
    let (batch, rates) = (batch(context, &args.limits)?, rates(context, &args.limits)?);
    let deep = DeepPlan::new(context, &args.lookups, &args.limits)?;
    let issued = names(env, context, args)?;
    let judging = judging(context, &args.lookups.climb);
    // Issuers of single certificates are only known to the whole.
    let issuers_known = !judging.issuers.is_empty() || issued.issuers.is_empty();
    let repeat = args.lookups.repeat.unwrap_or(1);
    let (issued, script) = (&issued, script.as_ref());
    let job = Job { issued, script, resolvers: &resolvers, batch, rates, repeat, judging, deep };
    if streams(context, args) && issuers_known {
        return caa_stream::run(env, context, &job);
    }
    let counts = LevelCounts::new(&issued.tree, &|_| None, &[], None);
    let selection = select(&issued.tree, &counts, &|_| None, None);
    if args.dry_run {
        let text = dry_run(issued, &selection, resolvers.len(), rates.resolver);
        write_result(env, context.output.as_deref(), |out| out.write_all(text.as_bytes()))?;
        return Ok(Exit::Complete);
    }
    let found = match script {
        Some(script) => Some((scripted(issued, &selection, script), LookupTally::default(), None)),
        None => ask(env, context, &job, &selection)?,
    };
    let Some((lookups, tally, authoritative)) = found else {
        env.say("ctclimb: stopped");
        return Ok(Exit::Interrupted);
    };
    let grouped = Grouped::none();
    let table = NameTable::new(context, issued, &grouped)?;
    let report = assemble(Gathered {
        domain: None,
        issued,
        grouped,
        counts: &counts,
        selection: &selection,
        lookups,
        authoritative: authoritative.as_ref(),
        judging: job.judging,
        errors: None,
        sources: Vec::new(),
        unreadable: std::collections::BTreeMap::new(),
        queries: tally.queries,
        notes: tally.notes,
        unfinished: false,
        written: None,
        now: context.now,
    });
    present(env, context, &report, table.as_ref().map(|table| (table, issued)), args.redact)
}

/// Whether lines are written as they come.
fn streams(context: &Context, args: &Caa) -> bool {
    context.format == Some(Format::Jsonl) && !args.redact && !args.sorted && !args.lookups.deep && !args.dry_run
}

type Found = (Lookups, LookupTally, Option<AuthoritativeView>);

/// Asks the resolvers, then the name servers; `None` when interrupted.
fn ask(env: &Env, context: &Context, job: &Job<'_>, selection: &Selection) -> Result<Option<Found>, Failure> {
    let progress = Progress::new(env, context);
    let throttle = throttle(job.rates);
    let total = (selection.levels.len() * job.resolvers.len()) as u64 * u64::from(job.repeat);
    let tree = &job.issued.tree;
    let found = block_on(async {
        let sockets = Sockets::new();
        let Job { resolvers, batch, repeat, .. } = *job;
        let plan = LookupPlan { resolvers, exchange: &sockets, throttle: &throttle, batch, repeat };
        progress.lookups(total);
        let told = |server: &str, level, lookup: &_| {
            progress.lookup(total);
            progress.answered(server, tree.name(level), lookup);
        };
        let (lookups, tally) = look_up(&plan, tree, &selection.levels, &told).await;
        if job.deep.deep != Deep::Never {
            progress.stage("asking the name servers");
        }
        let view = job.deep.view(tree, selection, &lookups, &sockets, &throttle).await;
        (lookups, tally, view)
    })?;
    Ok(found)
}

/// The names of the arguments, of `--list`, or of standard input when neither is given.
fn names(env: &mut Env, context: &Context, args: &Caa) -> Result<Issuances, Failure> {
    let mut collection = Collection::new(None);
    let refused = |collection: &Collection, text: &str| {
        let class = collection.drops().iter().next().map_or_else(String::new, |(class, _)| format!(" ({class})"));
        Failure::Usage(anyhow!("`{}` is no DNS name{class}", text.escape_debug()))
    };
    let listed = args.list.iter().map(|path| path.as_os_str());
    let stdin = only_once(args.names.iter().map(OsStr::new).chain(listed))?;
    for text in args.names.iter().filter(|text| *text != "-") {
        if text == "." {
            return Err(Failure::Usage(anyhow!(
                "`.` is the root, which is never asked for CAA; name a TLD or a name below"
            )));
        }
        refuse_file(text, "`--list FILE` reads the names that stand in one")?;
        collection.begin();
        collection.name(text);
        if !collection.end() {
            return Err(refused(&collection, text));
        }
    }
    let nothing = args.names.is_empty() && args.list.is_none();
    if nothing && env.stdin_is_terminal {
        return Err(Failure::Usage(anyhow!("a name is needed; see `ctclimb caa --help`")));
    }
    let mut lists: Vec<(Box<dyn Read + Send>, String)> = Vec::new();
    if stdin || nothing {
        lists.push((env.take_stdin(), "standard input".to_owned()));
    }
    if let Some(path) = args.list.as_ref().filter(|path| path.as_os_str() != "-") {
        let file = File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        lists.push((Box::new(file), path.display().to_string()));
    }
    for (input, label) in lists {
        dump::read(input, &label, &mut collection).map_err(anyhow::Error::from)?;
    }
    let dropped = collection.drops().total();
    if dropped > 0 {
        let are = if dropped == 1 { "is no DNS name" } else { "are no DNS names" };
        context.say(env, &format!("ctclimb: {} {are}; see coverage", counted(dropped, "line")));
    }
    // Lines as they come need no order, and a second copy of the names may be large.
    let issued = if streams(context, args) { collection.finish_as_read() } else { collection.finish() };
    if issued.tree.is_empty() {
        return Err(Failure::Usage(anyhow!("there is no name to look up")));
    }
    Ok(issued)
}

/// What would be asked.
fn dry_run(issued: &Issuances, selection: &Selection, resolvers: usize, rate: Rate) -> String {
    let queries = u32::try_from(selection.levels.len()).unwrap_or(u32::MAX);
    let time = rate.time_for(queries);
    let mut text = format!(
        "{} of {} at {}: {} and retries, at least {}\n",
        counted(selection.levels.len() as u64, "level"),
        counted(issued.distinct_names(), "name"),
        counted(resolvers as u64, "resolver"),
        counted((selection.levels.len() * resolvers) as u64, "query"),
        in_words(time),
    );
    for &level in &selection.levels {
        text.push_str(issued.tree.name(level));
        text.push('\n');
    }
    text
}
