//! `ctclimb report`, and `analyze` of a case file: the same report again, from what was kept, without one request.

use std::path::Path;

use anyhow::{Context as _, anyhow};

use super::Failure;
use super::analyze::levels;
use super::args::ReportArgs;
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::investigate::fetch_into;
use super::live::{RESOLVERS, block_on, http, throttle};
use super::name_table::NameTable;
use super::present::present;
use super::progress::Progress;
use crate::acme::HistoryReport;
use crate::case::{Case, salvage};
use crate::dns::Resolver;
use crate::investigate::{Gathered, Grouped, Judging, assemble, replay};
use crate::issuance::{Collection, Issuances};
use crate::limit::Rates;
use crate::pattern::Settings;
use crate::report::Report;
use crate::source::live::{FetchPlan, ServiceOutcome};

/// What may differ from the run that filled the case file.
#[derive(Debug, Default)]
pub struct Again<'a> {
    /// How names are grouped.
    pub grouping: Settings,
    /// Names of each pattern to climb; `None` for all.
    pub sample: Option<usize>,
    /// For whom names are judged.
    pub judging: Judging,
    /// ACME errors to tie to what is found.
    pub errors: Option<&'a HistoryReport>,
}

/// Runs `ctclimb report`.
pub fn run(env: &mut Env, context: &Context, args: &ReportArgs) -> Result<Exit, Failure> {
    let again = Again { sample: Some(super::analyze::SAMPLE), ..Again::default() };
    let case = args.salvage.as_ref().unwrap_or(&args.case);
    if args.salvage.is_some() {
        let saved = salvage(&args.case, case).with_context(|| format!("cannot salvage `{}`", args.case.display()))?;
        let rows: u64 = saved.rows.iter().map(|(_, rows)| rows).sum();
        env.say(&format!("ctclimb: {rows} rows copied into `{}`", case.display()));
        for table in saved.cut {
            env.say(&format!("ctclimb: the table `{table}` could not be read to its end"));
        }
    }
    let (report, names) = report(env, context, case, again)?;
    present(env, context, &report, names.as_ref().map(|(table, issued)| (table, issued)), args.redact)
}

/// A report, and the names it is on where a table of them is wanted.
type Stored = (Report, Option<(NameTable, Issuances)>);

/// The report of a case file. Its time is that of the run that filled it.
pub fn report(env: &Env, context: &Context, path: &Path, again: Again<'_>) -> Result<Stored, Failure> {
    let mut case =
        Case::open_read_only(path).with_context(|| format!("cannot use the case file `{}`", path.display()))?;
    let reading = || format!("cannot read the case file `{}`", path.display());
    let plan = FetchPlan::of_case(&case).with_context(reading)?;
    let plan = plan.ok_or_else(|| anyhow!("`{}` holds no investigation", path.display()))?;
    let resolvers = kept_resolvers(&case).with_context(reading)?;
    let messages = case.dns_messages().with_context(reading)?;
    let time = case.setting("report_time").with_context(reading)?;
    let now =
        time.and_then(|time| time.parse::<jiff::Timestamp>().ok()).map_or(context.now, jiff::Timestamp::as_second);

    let mut collection = Collection::new(Some(plan.domain.clone()));
    let progress = Progress::new(env, context);
    let offline = throttle(Rates::default());
    let http = http(env, context)?;
    let outcome = fetch_into(context, &plan, &http, &offline, Some(&mut case), &progress, &mut collection)?;
    let outcome = outcome.ok_or_else(|| anyhow!("interrupted"))?;
    let mut issued = collection.finish();
    let grouped = Grouped::new(&issued, &again.grouping);
    let (counts, selection) = levels(&mut issued, &grouped, again.sample);
    let queries = messages.len() as u64;
    // Their questions went out in random case and cannot be asked of a recording again.
    let servers = messages.iter().any(|message| !message.recursion_desired);
    let servers =
        servers.then(|| "what the name servers themselves answered is kept, but not part of this report".to_owned());
    let replayed = block_on(replay(messages, &resolvers, &issued.tree, &selection.levels))?;
    let (lookups, tally) = replayed.ok_or_else(|| anyhow!("interrupted"))?;
    drop(progress);
    let table = NameTable::new(context, &issued, &grouped)?;
    let report = assemble(Gathered {
        domain: Some(plan.domain.clone()),
        issued: &issued,
        grouped,
        counts: &counts,
        selection: &selection,
        lookups,
        authoritative: None,
        judging: again.judging,
        errors: again.errors,
        sources: outcome.services.iter().map(ServiceOutcome::coverage).collect(),
        unreadable: std::collections::BTreeMap::new(),
        queries,
        notes: outcome
            .services
            .iter()
            .flat_map(|service| service.notes.clone())
            .chain(tally.notes)
            .chain(servers)
            .collect(),
        written: None,
        now,
    });
    Ok((report, table.map(|table| (table, issued))))
}

fn kept_resolvers(case: &Case) -> anyhow::Result<Vec<Resolver>> {
    let Some(text) = case.setting(RESOLVERS)? else { return Ok(Vec::new()) };
    let kept: Vec<(String, Vec<String>)> = serde_json::from_str(&text)?;
    kept.into_iter()
        .map(|(name, servers)| {
            let servers = servers
                .iter()
                .map(|server| Ok(Resolver::parse(server)?.servers))
                .collect::<anyhow::Result<Vec<_>>>()?;
            Ok(Resolver { name, servers: servers.concat() })
        })
        .collect()
}
