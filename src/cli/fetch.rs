//! `ctclimb fetch`: certificates only, kept in the case file and written as NDJSON.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead as _, BufWriter, Read, Seek};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use super::args::{Fetch, Format};
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::fetched::{fetch_into, forecast_text, is_full_disk, tell_budget, tell_outcome};
use super::inputs::{only_once, refuse_file};
use super::interrupt;
use super::live::{domain, fetch_plan, http, open_case, peek_case, rates, resume_hint, stand_in, throttle};
use super::output::write_result;
use super::progress::Progress;
use super::{Failure, wrong_format};
use crate::issuance::Collection;
use crate::limit::Throttle;
use crate::name::DomainName;
use crate::source::dump::write_issuances;
use crate::source::live::Http;

/// Octets of a list of domains.
const LIST: u64 = 64 << 20;

/// How the fetch of one domain ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    Incomplete,
    /// No source could be used.
    Failed,
    Interrupted,
}

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
    if args.sources.dry_run {
        return dry_run(env, context, args, &domains, &http, &throttle);
    }
    // The result is as large as the domains make it, and is written when it is whole.
    let spool = tempfile::tempfile().context("cannot use the directory for temporary files")?;
    let mut lines = BufWriter::new(spool);
    let mut ends = Vec::new();
    for domain in &domains {
        match one(env, context, args, domain, (&http, &throttle), &mut lines) {
            Ok(End::Interrupted) => return Ok(Exit::Interrupted),
            Ok(end) => ends.push(end),
            // What one domain's case file is in the way of need not keep the others waiting.
            Err(Failure::Work(error)) if domains.len() > 1 && !is_full_disk(&error) => {
                env.say(&format!("ctclimb: {domain}: {error:#}"));
                ends.push(End::Failed);
            }
            Err(failure) => return Err(failure),
        }
    }
    if ends.iter().all(|end| *end == End::Failed) {
        return Err(Failure::Work(anyhow!("no source of certificates could be used")));
    }
    let mut spool =
        lines.into_inner().map_err(|error| anyhow!(error.into_error())).context("cannot hold the result")?;
    spool.rewind().context("cannot hold the result")?;
    write_result(env, context.output.as_deref(), |out| std::io::copy(&mut spool, out).map(|_| ()))?;
    Ok(if ends.iter().all(|end| *end == End::Complete) { Exit::Complete } else { Exit::Incomplete })
}

/// Fetches one domain and writes its certificates.
fn one(
    env: &mut Env,
    context: &Context,
    args: &Fetch,
    domain: &DomainName,
    (http, throttle): (&Http, &Throttle),
    lines: &mut BufWriter<File>,
) -> Result<End, Failure> {
    let mut plan = fetch_plan(context, domain.clone(), &args.sources, &args.limits)?;
    plan.stand_in = stand_in(env, context, &args.sources);
    let mut case = open_case(env, context, domain, &args.sources)?;
    let hint = resume_hint(context, case.as_ref());
    interrupt::hint(&hint);
    tell_budget(env, context, &plan, throttle);
    let mut collection = Collection::new(Some(domain.clone()));
    let progress = Progress::new(env, context);
    let outcome = fetch_into(context, &plan, http, throttle, case.as_mut(), &progress, &mut collection);
    drop(progress);
    let Some(outcome) = outcome? else {
        env.say(&format!("ctclimb: {hint}"));
        return Ok(End::Interrupted);
    };
    let issued = collection.finish();
    tell_outcome(env, context, &plan, &outcome, &issued);
    write_issuances(&issued, lines).context("cannot hold the result")?;
    Ok(match (outcome.is_failure(), outcome.is_complete()) {
        (true, _) => End::Failed,
        (false, true) => End::Complete,
        (false, false) => End::Incomplete,
    })
}

fn dry_run(
    env: &mut Env,
    context: &Context,
    args: &Fetch,
    domains: &[DomainName],
    http: &Http,
    throttle: &Throttle,
) -> Result<Exit, Failure> {
    let mut text = String::new();
    for domain in domains {
        let mut plan = fetch_plan(context, domain.clone(), &args.sources, &args.limits)?;
        plan.stand_in = stand_in(env, context, &args.sources);
        let case = peek_case(env, context, domain, &args.sources)?;
        text.push_str(&forecast_text(context, &plan, http, throttle, case.as_ref())?);
    }
    write_result(env, context.output.as_deref(), |out| out.write_all(text.as_bytes()))?;
    Ok(Exit::Complete)
}

fn domains(env: &mut Env, args: &Fetch) -> Result<Vec<DomainName>, Failure> {
    let listed = args.list.iter().map(|path| path.as_os_str());
    let named = || args.domains.iter().chain(&args.domain_options);
    let stdin = only_once(named().map(OsStr::new).chain(listed))?;
    let nothing = named().next().is_none() && args.list.is_none() && !env.stdin_is_terminal;
    let typed = named().filter(|text| *text != "-");
    typed.clone().try_for_each(|text| refuse_file(text, "`--list FILE` reads the domains that stand in one"))?;
    let mut texts: Vec<(String, String)> = typed.map(|text| (String::new(), text.clone())).collect();
    let lists = args.list.iter().filter(|path| path.as_os_str() != "-").map(PathBuf::as_path);
    for path in lists.chain((stdin || nothing).then(|| Path::new("-"))) {
        let input: Box<dyn Read> = if path.as_os_str() == "-" {
            env.take_stdin()
        } else {
            Box::new(File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?)
        };
        let label = if path.as_os_str() == "-" { "standard input".into() } else { path.to_string_lossy() };
        let mut list = Vec::new();
        input.take(LIST + 1).read_to_end(&mut list).with_context(|| format!("cannot read `{label}`"))?;
        if list.len() as u64 > LIST {
            return Err(Failure::Usage(anyhow!("`{label}` is over 64 MiB: fetch fewer domains at a time")));
        }
        for (number, line) in (1..).zip(list.lines()) {
            let line = line.with_context(|| format!("cannot read `{label}`"))?;
            let text = line.trim_start_matches('\u{feff}').split('#').next().unwrap_or_default().trim();
            if !text.is_empty() {
                texts.push((format!("{label}, line {number}: "), text.to_owned()));
            }
        }
    }
    let (mut domains, mut seen) = (Vec::new(), BTreeSet::new());
    for (place, text) in &texts {
        let domain = domain(text).map_err(|failure| match failure {
            Failure::Usage(error) => Failure::Usage(anyhow!("{place}{error:#}")),
            work @ Failure::Work(_) => work,
        })?;
        if seen.insert(domain.clone()) {
            domains.push(domain);
        }
    }
    if domains.is_empty() {
        return Err(Failure::Usage(anyhow!("a domain is needed; see `ctclimb fetch --help`")));
    }
    Ok(domains)
}
