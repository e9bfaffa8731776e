//! What was typed for an audit, checked and made into what the audit room wants.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use sha2::Digest as _;

use super::Failure;
use super::analyze::{SAMPLE, script};
use super::audit::Audit as Args;
use super::context::Context;
use super::deep::DeepPlan;
use super::investigate::judging;
use super::live::{batch, fetch_plan, rates, resolvers};
use super::patterns::settings;
use super::settings::duration;
use crate::audit::dns::{Dns, Live};
use crate::audit::domain::Treatment;
use crate::audit::fetch::plan_of_many;
use crate::audit::name_servers::NameServers;
use crate::case::Case;
use crate::dns::{Resolver, Sockets};
use crate::investigate::{Deep, TOOL};
use crate::limit::Throttle;
use crate::name::DomainName;
use crate::source::live::FetchPlan;

/// Everything that was typed, in the audit's own terms.
pub struct Plan {
    /// How every domain is treated.
    pub treatment: Arc<Treatment>,
    /// What is fetched of a domain; its own domain does not count.
    pub fetch: FetchPlan,
    /// The limits, shared by all domains.
    pub throttle: Arc<Throttle>,
    /// The resolvers; empty without live DNS.
    pub resolvers: Vec<Resolver>,
    /// The directory of the case files.
    pub cases: Option<PathBuf>,
    /// Rows older than this are made again.
    pub max_age: Option<Duration>,
    /// Time from the begin of one round to the next.
    pub watch: Option<Duration>,
    /// How long the run may take.
    pub max_time: Option<Duration>,
    /// Requests that the run may send.
    pub max_requests: Option<u32>,
    /// How long the program of `--on-change` may take.
    pub hook_timeout: Duration,
    /// Threads that group and judge.
    pub threads: usize,
    /// What rows depend on beside the input: shards and later runs must agree on it.
    pub options: String,
}

impl Plan {
    /// Checks what was typed.
    ///
    /// # Errors
    /// What is not right, in words; a file that cannot be read.
    pub fn new(context: &Context, args: &Args) -> Result<Self, Failure> {
        let time = |text: &Option<String>| text.as_deref().map(duration).transpose().map_err(Failure::Usage);
        let (max_age, watch) = (time(&args.max_age)?, time(&args.watch)?);
        let live = args.from.is_empty();
        if !live && let Some(option) = needless(args) {
            return Err(Failure::Usage(anyhow!("`{option}` is for fetching, and `--from` fetches nothing")));
        }
        let asks_dns = !args.no_dns && args.lookups.climb.dns.is_none();
        if !live && !asks_dns && args.sources.case.is_some() {
            let why = "`--case` is for what is fetched and looked up, and here is neither; `--file` keeps the audit";
            return Err(Failure::Usage(anyhow!(why)));
        }
        if args.sources.offline && cases(args).is_none() {
            let why = "`--offline` needs the case files of an earlier run: name them with `--file` or `--case`";
            return Err(Failure::Usage(anyhow!(why)));
        }
        let anybody = DomainName::parse("invalid").expect("a name");
        let fetch = fetch_plan(context, anybody, &args.sources, &args.limits)?;
        let fresh = [max_age, watch.map(|interval| interval / 2)].into_iter().flatten().min();
        let resolvers = if asks_dns { resolvers(context, &args.lookups)? } else { Vec::new() };
        let treatment = treatment(context, args)?;
        let mut plan = Self {
            treatment: Arc::new(treatment),
            fetch: plan_of_many(fetch, fresh),
            throttle: Arc::new(Throttle::new(rates(context, &args.limits)?)),
            resolvers,
            cases: cases(args),
            max_age,
            watch,
            // The bounds of the configuration file are those of one domain.
            max_time: time(&args.sources.max_time)?,
            max_requests: args.sources.max_requests,
            hook_timeout: time(&Some(args.on_change_timeout.clone()))?.unwrap_or(Duration::from_secs(60)),
            threads: args.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
            options: String::new(),
        };
        plan.options = plan.options(context, args)?;
        Ok(plan)
    }

    /// Where lookups come from. Call it where the network runtime is entered.
    ///
    /// # Errors
    /// A scenario, root hints or kept answers that cannot be read.
    pub fn dns(&self, context: &Context, args: &Args) -> Result<Dns, Failure> {
        if let Some(path) = &args.lookups.climb.dns {
            return Ok(Dns::Script(script(path)?));
        }
        if args.no_dns {
            return Ok(Dns::None);
        }
        let DeepPlan { deep, options, .. } = DeepPlan::new(context, &args.lookups, &args.limits)?;
        // A domain has two labels at least, so no case file of a domain has this name.
        let kept = self.cases.as_ref().map(|directory| directory.join("name-servers.ctclimb"));
        let kept = kept.filter(|_| deep != Deep::Never);
        let open = |path: PathBuf| {
            Case::open(&path, TOOL, now(context)).with_context(|| format!("cannot use `{}`", path.display()))
        };
        let kept = kept.map(open).transpose()?;
        let name_servers = NameServers::new(deep, options, kept).map_err(anyhow::Error::from)?;
        Ok(Dns::Live(Box::new(Live {
            exchange: Box::new(Sockets::new()),
            throttle: Arc::clone(&self.throttle),
            resolvers: self.resolvers.clone(),
            plan: batch(context, &args.limits)?,
            repeat: args.lookups.repeat.unwrap_or(1),
            name_servers,
        })))
    }

    fn options(&self, context: &Context, args: &Args) -> Result<String, Failure> {
        let hash = |path: &PathBuf| -> Result<String, Failure> {
            let text = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
            let hash = sha2::Sha256::digest(&text);
            Ok(hash.iter().take(8).map(|octet| format!("{octet:02x}")).collect())
        };
        let lookups = &args.lookups;
        let resolvers: Vec<&str> = self.resolvers.iter().map(|resolver| resolver.name.as_str()).collect();
        let dns = match &lookups.climb.dns {
            Some(path) => format!("script {}", hash(path)?),
            None if args.no_dns => "none".to_owned(),
            None => format!("resolvers {}", resolvers.join(" ")),
        };
        let hints = lookups.root_hints.as_ref().or(context.file.root_hints.as_ref());
        let live = (!resolvers.is_empty()).then(|| -> Result<serde_json::Value, Failure> {
            Ok(serde_json::json!({
                "deep": if lookups.deep { "all" } else if lookups.no_deep { "never" } else { "odd" },
                "repeat": lookups.repeat.unwrap_or(1),
                "port": lookups.port.or(context.file.port).unwrap_or(53),
                "root_hints": hints.map(hash).transpose()?,
            }))
        });
        let (grouping, judging) = (&self.treatment.grouping, &self.treatment.judging);
        let join: Vec<&str> = grouping.join.iter().map(regex::Regex::as_str).collect();
        let services: Vec<&str> = self.fetch.services.iter().map(|service| service.as_str()).collect();
        let options = serde_json::json!({
            "detail": format!("{:?}", grouping.detail).to_lowercase(),
            "max_patterns": grouping.max_patterns,
            "keep": grouping.keep,
            "join": join,
            "sample": self.treatment.sample,
            "issuers": judging.issuers,
            "method": judging.method,
            "account_uri": judging.account_uri,
            "dns": dns,
            "live": live.transpose()?,
            "sources": if args.from.is_empty() { services.join(" ") } else { "dumps".to_owned() },
            "expired": self.fetch.expired,
        });
        Ok(options.to_string())
    }
}

/// The first option typed that has no meaning for dumps.
fn needless(args: &Args) -> Option<&'static str> {
    let sources = &args.sources;
    [
        (!sources.source.is_empty(), "--source"),
        (sources.expired, "--expired"),
        (sources.offline, "--offline"),
        (sources.fresh, "--fresh"),
        (sources.max_requests.is_some(), "--max-requests"),
        (sources.max_time.is_some(), "--max-time"),
    ]
    .into_iter()
    .find_map(|(typed, option)| typed.then_some(option))
}

fn treatment(context: &Context, args: &Args) -> Result<Treatment, Failure> {
    Ok(Treatment {
        grouping: settings(context, &args.grouping)?,
        sample: (!args.lookups.climb.all_names)
            .then(|| args.lookups.climb.sample.or(context.file.sample).unwrap_or(SAMPLE)),
        judging: judging(context, &args.lookups.climb),
    })
}

/// The directory of the case files: the one named, else the one beside the audit file; none without an audit file.
fn cases(args: &Args) -> Option<PathBuf> {
    if args.sources.no_case {
        return None;
    }
    args.sources.case.clone().or_else(|| {
        let mut beside = args.file.clone()?.into_os_string();
        beside.push(".cases");
        Some(beside.into())
    })
}

fn now(context: &Context) -> Timestamp {
    super::live::timestamp(context.now)
}
