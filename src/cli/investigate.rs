//! `ctclimb investigate`: fetch, group, look up, diagnose, report. Readable from top to bottom.

use anyhow::anyhow;

use super::Failure;
use super::analyze::{SAMPLE, levels, script_and_text};
use super::args::{Climb, Investigate};
use super::asked::{Asking, Found, ask};
use super::context::Context;
use super::deep::DeepPlan;
use super::env::Env;
use super::exit::Exit;
use super::explain::read_history_and_text;
use super::fetched::{fetch_into, notes, tell_budget, unreadable};
use super::forecast::Foretold;
use super::inputs::refuse_file;
use super::interrupt;
use super::live::{
    batch, domain, fetch_plan, http, open_case, peek_case, rates, resolvers, resume_hint, stand_in, tell_unused,
    throttle,
};
use super::name_table::NameTable;
use super::output::write_result;
use super::patterns::Chosen;
use super::present::present;
use super::progress::Progress;
use super::stored::Choices;
use super::valid;
use crate::investigate::{Gathered, Grouped, Judging, assemble};
use crate::issuance::Collection;
use crate::source::live::{FetchOutcome, FetchPlan};

/// Runs the command.
pub fn run(env: &mut Env, context: &Context, args: &Investigate) -> Result<Exit, Failure> {
    let text = args.domain.as_deref().or(args.domain_option.as_deref());
    let text = text.ok_or_else(|| Failure::Usage(anyhow!("a domain is needed")))?;
    refuse_file(text, "`ctclimb analyze FILE` reads certificates and names from one")?;
    let domain = domain(text)?;
    let chosen = Chosen::new(context, &args.grouping);
    let grouping = chosen.settings().map_err(Failure::Usage)?;
    let mut plan = fetch_plan(context, domain.clone(), &args.sources, &args.limits)?;
    plan.stand_in = stand_in(env, context, &args.sources);
    let script = args.lookups.climb.dns.as_deref().map(script_and_text).transpose()?;
    tell_unused(env, context, &args.lookups);
    let resolvers = if script.is_some() { Vec::new() } else { resolvers(context, &args.lookups)? };
    let batch = batch(context, &args.limits)?;
    let deep = DeepPlan::new(context, &args.lookups, &args.limits)?;
    let throttle = throttle(rates(context, &args.limits)?);
    let http = http(env, context)?;
    let judging = judging(context, &args.lookups.climb);
    let errors = args.error.as_deref().map(|path| read_history_and_text(env, context, path)).transpose()?;
    let (errors, error_text) = errors.map_or((None, None), |(errors, text)| (Some(errors), Some(text)));
    if args.sources.dry_run {
        let mut case = peek_case(env, context, &domain, &args.sources)?;
        let foretold = Foretold { context, args, plan: &plan, http: &http, throttle: &throttle, resolvers: &resolvers };
        let text = foretold.text(case.as_mut())?;
        write_result(env, context.output.as_deref(), |out| out.write_all(text.as_bytes()))?;
        return Ok(Exit::Complete);
    }
    let mut case = open_case(env, context, &domain, &args.sources)?;
    let where_to_resume = resume_hint(context, case.as_ref());
    interrupt::hint(&where_to_resume);
    tell_budget(env, context, &plan, &throttle);

    let mut collection = Collection::new(Some(domain.clone()));
    let progress = Progress::new(env, context);
    let fetched = fetch_into(context, &plan, &http, &throttle, case.as_mut(), &progress, &mut collection)?;
    let Some(outcome) = fetched else {
        drop(progress);
        env.say(&format!("ctclimb: {where_to_resume}"));
        return Ok(Exit::Interrupted);
    };
    if outcome.is_failure() {
        drop(progress);
        return Err(no_source(env, &plan, &outcome));
    }

    let mut issued = collection.finish();
    progress.stage("grouping names");
    let grouped = Grouped::new(&issued, &grouping);
    let (counts, selection) = levels(&mut issued, &grouped, sample(context, args));

    let repeat = args.lookups.repeat.unwrap_or(1);
    let asking =
        Asking { script: script.as_ref(), resolvers: &resolvers, batch, repeat, deep: &deep, throttle: &throttle };
    if let Some(case) = &mut case {
        let errors_left_out = error_text.as_ref().is_some_and(Option::is_none);
        let (sample, judging, errors) = (sample(context, args), judging.clone(), error_text.flatten());
        Choices { sample, grouping: chosen, judging, errors, errors_left_out }.keep(case)?;
    }
    let found = ask(context, &progress, &asking, &issued, &selection, case.as_mut())?;
    drop(progress);
    let Some(Found { lookups, tally, authoritative, .. }) = found else {
        env.say(&format!("ctclimb: {where_to_resume}"));
        return Ok(Exit::Interrupted);
    };

    let table = NameTable::new(context, &issued, &grouped)?;
    let report = assemble(Gathered {
        domain: Some(domain),
        issued: &issued,
        grouped,
        counts: &counts,
        selection: &selection,
        lookups,
        authoritative: authoritative.as_ref(),
        judging,
        errors: errors.as_ref(),
        sources: outcome.coverage(&issued),
        unreadable: unreadable(&outcome),
        queries: tally.queries,
        notes: notes(&outcome).into_iter().chain(tally.notes).collect(),
        unfinished: false,
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
fn no_source(env: &mut Env, plan: &FetchPlan, outcome: &FetchOutcome) -> Failure {
    for service in &outcome.services {
        let why = service.error.as_deref().unwrap_or("nothing came");
        env.say(&format!("ctclimb: {}: {why}", service.service.title()));
    }
    let hint = if plan.offline {
        "without `--offline` the same command asks the services"
    } else {
        "the same command tries again, and `analyze` reads answers that were saved in another way"
    };
    let domain = &plan.domain;
    Failure::Work(anyhow!(
        "no source of certificates could be used; {hint}; `ctclimb caa {domain}` looks up CAA of the domain alone"
    ))
}

/// For whom names are judged.
pub fn judging(context: &Context, climb: &Climb) -> Judging {
    let asked = climb.issuer.clone();
    let issuers = if asked.is_empty() { context.file.issuer.clone().unwrap_or_default() } else { asked };
    // Judged when they were read; here they only get the form that CAs know themselves by.
    let issuers = issuers.into_iter().map(|issuer| valid::issuer(&issuer).unwrap_or(issuer)).collect();
    Judging { issuers, method: climb.method.clone(), account_uri: climb.account_uri.clone() }
}

/// Names of each pattern to climb; `None` for all.
pub fn sample(context: &Context, args: &Investigate) -> Option<usize> {
    let climb = &args.lookups.climb;
    (!climb.all_names).then(|| climb.sample.or(context.file.sample).unwrap_or(SAMPLE))
}
