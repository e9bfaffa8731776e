//! `ctclimb investigate`: fetch, group, look up, diagnose, report. Readable from top to bottom.

use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, anyhow};

use super::Failure;
use super::analyze::{SAMPLE, levels, script, scripted};
use super::args::{Investigate, Lookups as LookupArgs};
use super::context::Context;
use super::deep::DeepPlan;
use super::env::Env;
use super::exit::Exit;
use super::explain::read_history;
use super::forecast::Foretold;
use super::live::{
    RESOLVERS, batch, block_on, domain, fetch_plan, http, open_case, rates, resolvers, throttle, timestamp,
};
use super::name_table::NameTable;
use super::output::write_result;
use super::patterns::settings;
use super::present::present;
use super::progress::Progress;
use crate::case::{Case, DnsExchange};
use crate::dns::{Recorder, Resolver, Sockets};
use crate::investigate::{Gathered, Grouped, Judging, LookupPlan, assemble, look_up};
use crate::issuance::Collection;
use crate::limit::Throttle;
use crate::source::live::{FetchOutcome, FetchPlan, Http, ServiceOutcome, fetch};

/// Runs the command.
pub fn run(env: &mut Env, context: &Context, args: &Investigate) -> Result<Exit, Failure> {
    let text = args.domain.as_deref().or(args.domain_option.as_deref());
    let domain = domain(text.ok_or_else(|| Failure::Usage(anyhow!("a domain is needed")))?)?;
    let grouping = settings(context, &args.grouping)?;
    let plan = fetch_plan(context, domain.clone(), &args.sources, &args.limits)?;
    let script = args.lookups.climb.dns.as_deref().map(script).transpose()?;
    let resolvers = if script.is_some() { Vec::new() } else { resolvers(context, &args.lookups)? };
    let batch = batch(context, &args.limits)?;
    let deep = DeepPlan::new(context, &args.lookups, &args.limits)?;
    let throttle = throttle(rates(context, &args.limits)?);
    let http = http(env, context)?;
    let errors = args.error.as_deref().map(|path| read_history(env, context, path)).transpose()?;
    let mut case = open_case(env, context, &domain, &args.sources)?;
    if args.sources.dry_run {
        let foretold = Foretold { context, args, plan: &plan, http: &http, throttle: &throttle, resolvers: &resolvers };
        let text = foretold.text(case.as_mut())?;
        write_result(env, context.output.as_deref(), |out| out.write_all(text.as_bytes()))?;
        return Ok(Exit::Complete);
    }
    let file = args.sources.case.as_ref().map(|path| format!(" --case '{}'", path.display())).unwrap_or_default();
    let where_to_resume =
        format!("ctclimb: stopped; the same command goes on where this one ended: ctclimb investigate {domain}{file}");

    let mut collection = Collection::new(Some(domain.clone()));
    let progress = Progress::new(env, context);
    let fetched = fetch_into(context, &plan, &http, &throttle, case.as_mut(), &progress, &mut collection)?;
    let Some(outcome) = fetched else {
        drop(progress);
        env.say(&where_to_resume);
        return Ok(Exit::Interrupted);
    };
    if outcome.is_failure() {
        drop(progress);
        return Err(no_source(env, &outcome));
    }

    let mut issued = collection.finish();
    progress.stage("grouping names");
    let grouped = Grouped::new(&issued, &grouping);
    let (counts, selection) = levels(&mut issued, &grouped, sample(context, args));

    let mut authoritative = None;
    let (lookups, tally) = if let Some(script) = &script {
        (scripted(&issued, &selection, script), crate::investigate::LookupTally::default())
    } else {
        let recorded = Mutex::new(Vec::new());
        let looked_up = block_on(async {
            let sockets = Sockets::new();
            let clock = jiff::Timestamp::now;
            let sink = |exchange: DnsExchange| recorded.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
            let exchange = Recorder::new(&sockets, &clock, &sink);
            let repeat = args.lookups.repeat.unwrap_or(1);
            let plan = LookupPlan { resolvers: &resolvers, exchange: &exchange, throttle: &throttle, batch, repeat };
            let total = (selection.levels.len() * resolvers.len()) as u64 * u64::from(repeat);
            progress.lookups(total);
            let told = |server: &str, level, lookup: &_| {
                progress.lookup(total);
                progress.answered(server, issued.tree.name(level), lookup);
            };
            let found = look_up(&plan, &issued.tree, &selection.levels, &told).await;
            if !args.lookups.no_deep {
                progress.stage("asking the name servers");
            }
            let (tree, lookups) = (&issued.tree, &found.0);
            let view = deep.view(tree, &selection, lookups, &exchange, &throttle).await;
            (found, view)
        })?;
        let recorded = recorded.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(case) = &mut case {
            keep_dns(case, &resolvers, &recorded)?;
        }
        let Some((found, view)) = looked_up else {
            drop(progress);
            env.say(&where_to_resume);
            return Ok(Exit::Interrupted);
        };
        authoritative = view;
        found
    };
    drop(progress);

    let table = NameTable::new(context, &issued, &grouped)?;
    let report = assemble(Gathered {
        domain: Some(domain),
        issued: &issued,
        grouped,
        counts: &counts,
        selection: &selection,
        lookups,
        authoritative: authoritative.as_ref(),
        judging: judging(context, &args.lookups),
        errors: errors.as_ref(),
        sources: outcome.services.iter().map(ServiceOutcome::coverage).collect(),
        unreadable: std::collections::BTreeMap::new(),
        queries: tally.queries,
        notes: outcome.services.iter().flat_map(|service| service.notes.clone()).chain(tally.notes).collect(),
        written: None,
        now: context.now,
    });
    if let Some(case) = &mut case {
        case.set_setting("report_time", &report.time).map_err(anyhow::Error::from)?;
        context.say(env, &format!("ctclimb: kept in {}", case.path().display()));
    }
    present(env, context, &report, table.as_ref().map(|table| (table, &issued)), args.redact)
}

/// Says why each source gave nothing.
fn no_source(env: &mut Env, outcome: &FetchOutcome) -> Failure {
    for service in &outcome.services {
        let why = service.error.as_deref().unwrap_or("nothing came");
        env.say(&format!("ctclimb: {}: {why}", service.service.title()));
    }
    Failure::Work(anyhow!("no source of certificates could be used"))
}

/// For whom names are judged.
pub fn judging(context: &Context, lookups: &LookupArgs) -> Judging {
    let asked = lookups.climb.issuer.clone();
    Judging {
        issuers: if asked.is_empty() { context.file.issuer.clone().unwrap_or_default() } else { asked },
        method: lookups.climb.method.clone(),
        account_uri: lookups.climb.account_uri.clone(),
    }
}

/// Fetches into a collection; `None` when interrupted.
pub fn fetch_into(
    context: &Context,
    plan: &FetchPlan,
    http: &Http,
    throttle: &Throttle,
    case: Option<&mut Case>,
    progress: &Progress,
    collection: &mut Collection,
) -> Result<Option<FetchOutcome>, Failure> {
    // With `--now` the whole run takes place at that time.
    let now = context.now;
    let clock = move || if context.now_is_real { jiff::Timestamp::now() } else { timestamp(now) };
    let fetched = block_on(fetch(
        plan,
        http,
        throttle,
        &clock,
        case,
        &mut |event| progress.fetch(event),
        &mut |service, record| {
            let origin = collection.origin(service.title());
            collection.add(record, origin);
        },
    ))?;
    fetched.transpose().context("the case file cannot be used").map_err(Failure::Work)
}

/// Keeps what the resolvers answered, and who they were, in place of an earlier run's.
fn keep_dns(case: &mut Case, resolvers: &[Resolver], recorded: &[DnsExchange]) -> anyhow::Result<()> {
    let named: Vec<(String, Vec<String>)> = resolvers
        .iter()
        .map(|resolver| (resolver.name.clone(), resolver.servers.iter().map(ToString::to_string).collect()))
        .collect();
    case.forget_dns()?;
    case.record_dns(recorded)?;
    case.set_setting(RESOLVERS, &serde_json::to_string(&named)?)?;
    Ok(())
}

/// Names of each pattern to climb; `None` for all.
pub fn sample(context: &Context, args: &Investigate) -> Option<usize> {
    let climb = &args.lookups.climb;
    (!climb.all_names).then(|| climb.sample.or(context.file.sample).unwrap_or(SAMPLE))
}
