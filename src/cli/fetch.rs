//! `ctclimb fetch`: certificates only, kept in the case file and written as NDJSON.

use std::io::{BufRead as _, BufReader, Read as _};

use anyhow::{Context as _, anyhow};

use super::args::{Fetch, Format};
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::forecast::forecast_text;
use super::investigate::fetch_into;
use super::live::{domain, fetch_plan, http, open_case, rates, throttle, timestamp};
use super::output::write_result;
use super::progress::Progress;
use super::{Failure, wrong_format};
use crate::issuance::Collection;
use crate::name::DomainName;
use crate::source::dump::write_issuances;
use crate::source::live::forecast;

/// Octets of a list of domains.
const LIST: u64 = 64 << 20;

/// Runs the command.
pub fn run(env: &mut Env, context: &Context, args: &Fetch) -> Result<Exit, Failure> {
    if let Some(format) = context.format.filter(|format| *format != Format::Jsonl) {
        return Err(wrong_format("fetch", format, "jsonl"));
    }
    let domains = domains(env, args)?;
    let throttle = throttle(rates(context, &args.limits)?);
    let http = http(env, context)?;
    if args.sources.case.is_some() && domains.len() > 1 {
        return Err(Failure::Usage(anyhow!("`--case` names one file; for several domains leave it out")));
    }
    let (mut complete, mut failed, mut lines) = (true, 0, Vec::new());
    for domain in &domains {
        let plan = fetch_plan(context, domain.clone(), &args.sources, &args.limits)?;
        let mut case = open_case(env, context, domain, &args.sources)?;
        if args.sources.dry_run {
            let told =
                forecast(&plan, &throttle, case.as_ref(), timestamp(context.now)).map_err(anyhow::Error::from)?;
            lines.extend_from_slice(forecast_text(&http, &told).as_bytes());
            continue;
        }
        let mut collection = Collection::new(Some(domain.clone()));
        let progress = Progress::new(env, context);
        let outcome = fetch_into(context, &plan, &http, &throttle, case.as_mut(), &progress, &mut collection)?;
        drop(progress);
        let Some(outcome) = outcome else {
            env.say("ctclimb: stopped; the same command goes on where this one ended");
            return Ok(Exit::Interrupted);
        };
        for service in outcome.services.iter().filter(|service| !service.complete) {
            let why = service.error.as_deref().unwrap_or("it gives only part of what it has");
            env.say(&format!("ctclimb: {domain}: {}: {why}", service.service.title()));
        }
        complete &= outcome.is_complete();
        failed += usize::from(outcome.is_failure());
        let issued = collection.finish();
        context.say(
            env,
            &format!("ctclimb: {domain}: {} certificates, {} names", issued.certificates(), issued.distinct_names()),
        );
        write_issuances(&issued, &mut lines).context("cannot hold the result")?;
    }
    if failed == domains.len() && !args.sources.dry_run {
        return Err(Failure::Work(anyhow!("no source of certificates could be used")));
    }
    write_result(env, context.output.as_deref(), |out| out.write_all(&lines))?;
    Ok(if complete { Exit::Complete } else { Exit::Incomplete })
}

fn domains(env: &mut Env, args: &Fetch) -> Result<Vec<DomainName>, Failure> {
    let mut texts = args.domains.clone();
    if let Some(path) = &args.list {
        let input: Box<dyn std::io::Read> = if path.as_os_str() == "-" {
            env.take_stdin()
        } else {
            Box::new(std::fs::File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?)
        };
        for line in BufReader::new(input.take(LIST)).lines() {
            let line = line.with_context(|| format!("cannot read `{}`", path.display()))?;
            let text = line.trim();
            if !text.is_empty() && !text.starts_with('#') {
                texts.push(text.to_owned());
            }
        }
    }
    let mut domains = Vec::new();
    for text in &texts {
        let domain = domain(text)?;
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    if domains.is_empty() {
        return Err(Failure::Usage(anyhow!("a domain is needed; see `ctclimb fetch --help`")));
    }
    Ok(domains)
}
