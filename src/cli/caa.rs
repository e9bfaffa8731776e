//! `ctclimb caa`: all levels of all names, looked up and judged.

use std::fs::File;
use std::io::Read;

use anyhow::{Context as _, anyhow};

use super::Failure;
use super::analyze::{script, scripted};
use super::args::Caa;
use super::context::Context;
use super::deep;
use super::env::Env;
use super::exit::Exit;
use super::interrupt::block_on;
use super::investigate::judging;
use super::live::{batch, rates, resolvers, throttle};
use super::name_table::NameTable;
use super::present::present;
use super::progress::Progress;
use crate::dns::Sockets;
use crate::investigate::{
    Gathered, Grouped, LevelCounts, LookupPlan, LookupTally, Selection, assemble, look_up, select,
};
use crate::issuance::{Collection, Issuances};
use crate::limit::Rate;
use crate::source::dump;

/// Runs the command.
pub fn run(env: &mut Env, context: &Context, args: &Caa) -> Result<Exit, Failure> {
    let script = args.lookups.climb.dns.as_deref().map(script).transpose()?;
    let resolvers = if script.is_some() { Vec::new() } else { resolvers(context, &args.lookups)? };
    let batch = batch(context, &args.limits)?;
    let rates = rates(context, &args.limits)?;
    let issued = names(env, context, args)?;
    let grouped = Grouped::none();
    let counts = LevelCounts::new(&issued.tree, &|_| None, &[], None);
    let selection = select(&issued.tree, &counts, &|_| None, None);
    if args.dry_run {
        return dry_run(env, &issued, &selection, resolvers.len(), rates.resolver);
    }
    let mut authoritative = None;
    let (lookups, tally) = if let Some(script) = &script {
        (scripted(&issued, &selection, script), LookupTally::default())
    } else {
        let progress = Progress::new(env, context);
        let repeat = args.lookups.repeat.unwrap_or(1);
        let throttle = throttle(rates);
        let total = (selection.levels.len() * resolvers.len()) as u64 * u64::from(repeat);
        let looked_up = block_on(async {
            let sockets = Sockets::new();
            let plan = LookupPlan { resolvers: &resolvers, exchange: &sockets, throttle: &throttle, batch, repeat };
            progress.lookups(total);
            let told = |server: &str, level, lookup: &_| {
                progress.lookup(total);
                progress.answered(server, issued.tree.name(level), lookup);
            };
            look_up(&plan, &issued.tree, &selection.levels, &told).await
        })?;
        drop(progress);
        let Some(found) = looked_up else {
            env.say("ctclimb: stopped");
            return Ok(Exit::Interrupted);
        };
        let asked = block_on(async {
            let sockets = Sockets::new();
            deep::view(context, &args.lookups, &issued.tree, &selection, &found.0, &sockets, &throttle).await
        })?;
        let Some(view) = asked else {
            env.say("ctclimb: stopped");
            return Ok(Exit::Interrupted);
        };
        authoritative = view?;
        found
    };
    let table = NameTable::new(context, &issued, &grouped)?;
    let report = assemble(Gathered {
        domain: None,
        issued: &issued,
        grouped,
        counts: &counts,
        selection: &selection,
        lookups,
        authoritative: authoritative.as_ref(),
        judging: judging(context, &args.lookups),
        errors: None,
        sources: Vec::new(),
        unreadable: std::collections::BTreeMap::new(),
        queries: tally.queries,
        notes: tally.notes,
        now: context.now,
    });
    present(env, context, &report, table.as_ref().map(|table| (table, &issued)), args.redact)
}

/// The names of the arguments, of `--list`, or of standard input when neither is given.
fn names(env: &mut Env, context: &Context, args: &Caa) -> Result<Issuances, Failure> {
    let mut collection = Collection::new(None);
    let refused = |collection: &Collection, text: &str| {
        let class = collection.drops().iter().next().map_or_else(String::new, |(class, _)| format!(" ({class})"));
        Failure::Usage(anyhow!("`{}` is no DNS name{class}", text.escape_debug()))
    };
    for text in &args.names {
        collection.begin();
        collection.name(text);
        if !collection.end() {
            return Err(refused(&collection, text));
        }
    }
    let stdin = args.names.is_empty() && args.list.is_none();
    if stdin && env.stdin_is_terminal {
        return Err(Failure::Usage(anyhow!("a name is needed; see `ctclimb caa --help`")));
    }
    let list = args.list.as_ref().filter(|path| path.as_os_str() != "-");
    if stdin || args.list.is_some() {
        let (input, label): (Box<dyn Read + Send>, _) = match list {
            Some(path) => {
                let file = File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
                (Box::new(file), path.display().to_string())
            }
            None => (env.take_stdin(), "standard input".to_owned()),
        };
        dump::read(input, &label, &mut collection).map_err(anyhow::Error::from)?;
        let dropped = collection.drops().total();
        if dropped > 0 {
            context.say(env, &format!("ctclimb: {dropped} lines are no DNS names; see coverage"));
        }
    }
    let issued = collection.finish();
    if issued.tree.is_empty() {
        return Err(Failure::Usage(anyhow!("there is no name to look up")));
    }
    Ok(issued)
}

fn dry_run(
    env: &mut Env,
    issued: &Issuances,
    selection: &Selection,
    resolvers: usize,
    rate: Rate,
) -> Result<Exit, Failure> {
    let queries = u32::try_from(selection.levels.len()).unwrap_or(u32::MAX);
    let time = rate.time_for(queries).as_secs();
    let mut text = format!(
        "{} levels of {} names at {resolvers} resolvers: {} queries and retries, at least {time} s\n",
        selection.levels.len(),
        issued.distinct_names(),
        selection.levels.len() * resolvers
    );
    for &level in &selection.levels {
        text.push_str(issued.tree.name(level));
        text.push('\n');
    }
    super::output::write_result(env, None, |out| out.write_all(text.as_bytes()))?;
    Ok(Exit::Complete)
}
