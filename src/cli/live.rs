//! What the commands that touch the network share: services, resolvers, limits, the case file, and a clean stop.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;

use super::Failure;
use super::args::{Limits, Lookups as LookupArgs, Sources};
use super::config_file::judge_environment;
use super::context::Context;
use super::env::Env;
use super::output::refuse_stream;
use super::rate;
use super::settings::{data_directory, duration};
use super::valid;
use crate::case::{Case, CaseError};
use crate::dns::{BatchPlan, Resolver};
use crate::investigate::TOOL;
use crate::limit::{Rates, Throttle};
use crate::name::{DomainName, DropClass, NameError, SubjectAltName, is_public_suffix};
use crate::report::safe_text;
use crate::source::live::{ApiKey, FetchPlan, Http, HttpSettings, Service};

/// The domain of an investigation.
///
/// # Errors
/// No domain name, or a public suffix, which is nobody's domain.
pub fn domain(text: &str) -> Result<DomainName, Failure> {
    let domain = domain_name(text)?;
    if domain.depth() == 0 {
        return Err(Failure::Usage(anyhow!(
            "`{domain}` is one label, which is a TLD if anything: the names below it are other people's domains; write a \
             domain such as `example.net`"
        )));
    }
    if is_public_suffix(&domain) {
        return Err(Failure::Usage(anyhow!(
            "`{domain}` is a public suffix: the names below it are other people's domains"
        )));
    }
    Ok(domain)
}

/// A domain that somebody wrote; `*.` before it is passed over.
///
/// # Errors
/// No domain name: an address, a URL and the like by what they are, all else by what is wrong in it.
pub fn domain_name(text: &str) -> Result<DomainName, Failure> {
    let text = text.strip_prefix("*.").unwrap_or(text);
    if text.trim_matches(['.', ' ']).is_empty() {
        return Err(Failure::Usage(anyhow!("`{}` is no domain; write one such as `example.net`", text.escape_debug())));
    }
    match SubjectAltName::parse(text) {
        Err(class @ (DropClass::Email | DropClass::IpAddress | DropClass::Uri)) => Err(Failure::Usage(anyhow!(
            "`{}` is no domain name ({class}); write the domain alone, such as `example.net`",
            text.escape_debug()
        ))),
        _ => DomainName::parse(text).map_err(|error| {
            let pasted = matches!(error, NameError::Character { character: '/' | ':' | '@' | '[' | '?' | '#', .. });
            let hint = if pasted { "; write the domain alone, such as `example.net`" } else { "" };
            Failure::Usage(anyhow!("{error}{hint}"))
        }),
    }
}

/// The limits in force.
pub fn rates(context: &Context, limits: &Limits) -> Result<Rates, Failure> {
    let texts =
        if limits.rate.is_empty() { context.file.rate.clone().unwrap_or_default() } else { limits.rate.clone() };
    rate::parse(&texts).map_err(Failure::Usage)
}

/// How levels are asked.
pub fn batch(context: &Context, limits: &Limits) -> Result<BatchPlan, Failure> {
    let mut plan = BatchPlan::default();
    if let Some(asked) = limits.concurrency.or(context.file.concurrency) {
        plan.in_flight = asked;
    }
    if let Some(time) = timeout(context, limits.timeout.as_deref())? {
        plan.timeout = time;
    }
    if let Some(retries) = limits.retries.or(context.file.retries) {
        plan.retries = retries;
    }
    Ok(plan)
}

/// The time for one try that was asked for, on the command line or in the configuration file.
///
/// # Errors
/// A text that is no time, or a time that is too long for one try.
pub fn timeout(context: &Context, asked: Option<&str>) -> Result<Option<Duration>, Failure> {
    let Some(text) = asked.or(context.file.timeout.as_deref()) else { return Ok(None) };
    valid::try_time(text).map(Some).map_err(|why| Failure::Usage(anyhow!("`--timeout`: {why}")))
}

/// The resolvers to ask.
pub fn resolvers(context: &Context, lookups: &LookupArgs) -> Result<Vec<Resolver>, Failure> {
    let named = match (lookups.resolver.as_slice(), &context.file.resolver) {
        ([], Some(kept)) => kept.clone(),
        ([], None) => vec!["system".to_owned()],
        (named, _) => named.to_vec(),
    };
    let mut resolvers = Vec::new();
    for text in named {
        let resolver = Resolver::parse(&text).map_err(|error| Failure::Usage(error.into()))?;
        if !resolvers.contains(&resolver) {
            resolvers.push(resolver);
        }
    }
    Ok(resolvers)
}

/// Tells which options about the network were given beside a scenario file, where they do nothing.
pub fn tell_unused(env: &mut Env, context: &Context, lookups: &LookupArgs) {
    let given = [
        ("`--resolver`", !lookups.resolver.is_empty()),
        ("`--deep`", lookups.deep),
        ("`--root-hints`", lookups.root_hints.is_some()),
        ("`--port`", lookups.port.is_some()),
    ];
    let given: Vec<&str> = given.into_iter().filter(|(_, given)| *given).map(|(option, _)| option).collect();
    if lookups.climb.dns.is_some() && !given.is_empty() {
        let (last, verb) = (given.join(", "), if given.len() == 1 { "does" } else { "do" });
        context.say(env, &format!("ctclimb: `--dns` answers in place of the network: {last} {verb} nothing beside it"));
    }
}

/// What to fetch for a domain.
pub fn fetch_plan(
    context: &Context,
    domain: DomainName,
    sources: &Sources,
    limits: &Limits,
) -> Result<FetchPlan, Failure> {
    refuse_stream("--case", sources.case.as_deref())?;
    let named = match (sources.source.as_slice(), &context.file.source) {
        ([], Some(kept)) => kept.clone(),
        ([], None) => vec!["crtsh".to_owned()],
        (named, _) => named.to_vec(),
    };
    let mut services = Vec::new();
    for text in &named {
        let service = valid::service(text).map_err(|why| Failure::Usage(anyhow!("`--source`: {why}")))?;
        if !services.contains(&service) {
            services.push(service);
        }
    }
    let mut plan = FetchPlan::new(domain, services);
    plan.expired = sources.expired;
    plan.offline = sources.offline;
    if sources.fresh {
        plan.freshness = Duration::ZERO;
    }
    if let Some(retries) = limits.retries.or(context.file.retries) {
        plan.patience.retries = u32::from(retries);
    }
    if let Some(requests) = sources.max_requests.or(context.file.max_requests) {
        plan.budget.requests = requests;
    }
    if let Some(text) = sources.max_time.as_ref().or(context.file.max_time.as_ref()) {
        plan.budget.time = duration(text).map_err(Failure::Usage)?;
    }
    Ok(plan)
}

/// Who is asked where nobody was named and crt.sh does not answer: Cert Spotter, which gives little without a key, but not
/// by those who have a crt.sh of their own and no Cert Spotter.
pub fn stand_in(env: &Env, context: &Context, sources: &Sources) -> Option<Service> {
    let own = |variable, kept: &Option<String>| env.var(variable).is_some() || kept.is_some();
    let file = &context.file;
    let named = !sources.source.is_empty() || file.source.is_some();
    let private = own("CTCLIMB_CRTSH_URL", &file.crtsh_url) && !own("CTCLIMB_CERTSPOTTER_URL", &file.certspotter_url);
    (!named && !private).then_some(Service::Certspotter)
}

/// A transport for those who send nothing.
pub fn no_http() -> Result<Http, Failure> {
    Http::new(HttpSettings::default()).map_err(|error| Failure::Usage(error.into()))
}

/// The transport to the search services.
///
/// # Errors
/// An environment variable that is not right.
pub fn http(env: &Env, context: &Context) -> Result<Http, Failure> {
    judge_environment(env).map_err(Failure::Usage)?;
    let mut settings = HttpSettings::default();
    let set = |variable: &str, kept: &Option<String>| env.var(variable).map(str::to_owned).or_else(|| kept.clone());
    if let Some(url) = set("CTCLIMB_CRTSH_URL", &context.file.crtsh_url) {
        settings.crtsh = url;
    }
    if let Some(url) = set("CTCLIMB_CERTSPOTTER_URL", &context.file.certspotter_url) {
        settings.certspotter = url;
    }
    if let Some(address) = set("CTCLIMB_CRTSH_PG", &context.file.crtsh_pg) {
        settings.crtsh_pg = address;
    }
    let key = set("CTCLIMB_CERTSPOTTER_KEY", &context.file.certspotter_key);
    settings.certspotter_key = key.as_deref().and_then(ApiKey::new);
    Http::new(settings).map_err(|error| Failure::Usage(error.into()))
}

/// A throttle with these limits.
pub fn throttle(rates: Rates) -> Throttle {
    Throttle::new(rates)
}

/// Opens the case file of a domain, or none with `--no-case`.
pub fn open_case(
    env: &Env,
    context: &Context,
    domain: &DomainName,
    sources: &Sources,
) -> Result<Option<Case>, Failure> {
    if sources.no_case && sources.offline {
        let why = "`--offline` uses what a case file holds, and `--no-case` wants none: leave out one of them";
        return Err(Failure::Usage(anyhow!(why)));
    }
    if sources.no_case {
        return Ok(None);
    }
    let path = match &sources.case {
        Some(path) => path.clone(),
        None => default_case(env, context, domain)?,
    };
    if sources.offline && !path.exists() {
        return Err(Failure::Work(anyhow!(
            "there is no case file `{}`; without `--offline` the same command fetches `{domain}` and begins one",
            path.display()
        )));
    }
    let now = timestamp(context.now);
    let case = Case::open(&path, TOOL, now).map_err(|error| {
        let hint = if path.is_file() && is_protected(&error) {
            "; it is not to be written: `report` and `analyze` read it as it is"
        } else {
            ""
        };
        anyhow!("cannot use the case file `{}`: {error}{hint}", path.display())
    })?;
    of_domain(&case, domain, &path)?;
    Ok(Some(case))
}

/// Whether a file is there and we may not write to it.
fn is_protected(error: &CaseError) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error, CaseError::File(error) if matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem))
}

/// Refuses the case file of another domain, whose report would be lost.
fn of_domain(case: &Case, domain: &DomainName, path: &Path) -> Result<(), Failure> {
    let plan = FetchPlan::of_case(case).with_context(|| format!("cannot read the case file `{}`", path.display()))?;
    match plan {
        Some(plan) if plan.domain != *domain => Err(Failure::Usage(anyhow!(
            "`{}` is the case file of `{}`; choose another one for `{domain}` with `--case`",
            path.display(),
            plan.domain
        ))),
        Some(_) | None => Ok(()),
    }
}

/// The case file of a domain for looking into it only; `None` where there is none yet, or with `--no-case`.
pub fn peek_case(
    env: &Env,
    context: &Context,
    domain: &DomainName,
    sources: &Sources,
) -> Result<Option<Case>, Failure> {
    let path = match &sources.case {
        _ if sources.no_case => return Ok(None),
        Some(path) => path.clone(),
        None => default_case(env, context, domain)?,
    };
    if !path.exists() {
        return Ok(None);
    }
    let complain = || format!("cannot use the case file `{}`", path.display());
    let case = Case::open_read_only(&path).with_context(complain)?;
    of_domain(&case, domain, &path)?;
    Ok(Some(case))
}

/// What somebody who interrupts a run should know.
pub fn resume_hint(context: &Context, case: Option<&Case>) -> String {
    match case {
        Some(case) => {
            let command = safe_text(&context.command);
            format!("stopped; what came is kept in {}; to go on from there: {command}", case.path().display())
        }
        None => "stopped; without a case file nothing was kept".to_owned(),
    }
}

fn default_case(env: &Env, context: &Context, domain: &DomainName) -> Result<PathBuf, Failure> {
    let directory = match &context.file.case_directory {
        Some(directory) => directory.clone(),
        None => data_directory(env)
            .ok_or_else(|| {
                anyhow!("there is no data directory for the case file; name one with `--case` or use `--no-case`")
            })?
            .join("ctclimb"),
    };
    // A domain name holds letters, digits, `-`, `_` and dots only, and is no longer than a file name may be.
    Ok(directory.join(format!("{domain}.ctclimb")))
}

/// Whether a file is a case file, by its first octets.
pub fn is_case(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = [0; 16];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && &head == b"SQLite format 3\0"
}

/// Seconds since 1970 as a time; times beyond what can be written are the epoch.
pub fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}
