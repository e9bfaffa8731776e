//! `ctclimb report`, and `analyze` of a case file: the same report again, from what was kept, without one request.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde::{Deserialize, Serialize};

use super::Failure;
use super::analyze::levels;
use super::args::ReportArgs;
use super::asked::{self, Found};
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::explain::history_of;
use super::fetched::{fetch_into, notes, unreadable};
use super::live::{no_http, throttle};
use super::name_table::NameTable;
use super::output::{check, refuse_stream};
use super::patterns::Chosen;
use super::present::present;
use super::progress::Progress;
use crate::acme::HistoryReport;
use crate::case::{Case, salvage};
use crate::investigate::{Gathered, Grouped, Judging, assemble};
use crate::issuance::{Collection, Issuances};
use crate::limit::Rates;
use crate::pattern::Settings;
use crate::report::Report;
use crate::source::live::{FetchOutcome, FetchPlan};

/// What was chosen for an investigation beside what is asked, as the case file keeps it for its reports.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Choices {
    /// Names of each pattern to climb; `None` for all.
    pub sample: Option<usize>,
    /// How names are grouped.
    pub grouping: Chosen,
    /// For whom names are judged.
    pub judging: Judging,
    /// The text of the ACME errors.
    pub errors: Option<String>,
    /// Whether there were errors that were too long to be kept.
    pub errors_left_out: bool,
}

/// The setting that holds them.
const CHOICES: &str = "choices";

impl Choices {
    /// Keeps them.
    pub fn keep(&self, case: &mut Case) -> anyhow::Result<()> {
        Ok(case.set_setting(CHOICES, &serde_json::to_string(self)?)?)
    }

    fn of(case: &Case) -> anyhow::Result<Self> {
        match case.setting(CHOICES)? {
            Some(text) => Ok(serde_json::from_str(&text)?),
            None => Ok(Self { sample: Some(super::analyze::SAMPLE), ..Self::default() }),
        }
    }
}

/// How many names of each pattern are climbed.
#[derive(Debug, Clone, Copy, Default)]
pub enum Sample {
    /// As many as then.
    #[default]
    AsThen,
    /// So many; `None` for all.
    Now(Option<usize>),
}

/// What differs from the run that filled the case file; `None` and empty: as it was then.
#[derive(Debug, Default)]
pub struct Again<'a> {
    /// How names are grouped.
    pub grouping: Option<Settings>,
    /// Names of each pattern to climb.
    pub sample: Sample,
    /// For whom names are judged.
    pub judging: Judging,
    /// ACME errors to tie to what is found.
    pub errors: Option<&'a HistoryReport>,
}

/// Runs `ctclimb report`.
pub fn run(env: &mut Env, context: &Context, args: &ReportArgs) -> Result<Exit, Failure> {
    let case = args.salvage.as_ref().unwrap_or(&args.case);
    refuse_stream("--salvage", args.salvage.as_deref())?;
    if args.salvage.is_some() && case.exists() {
        let case = case.display();
        return Err(Failure::Usage(anyhow!("`--salvage {case}`: the file is there already; choose a new one")));
    }
    if args.salvage.is_some() {
        check(case)?;
        let saved = salvage(&args.case, case);
        let rows: u64 = saved.iter().flat_map(|saved| &saved.rows).map(|(_, rows)| rows).sum();
        if rows == 0 {
            // It was not there before.
            let _ = std::fs::remove_file(case);
        }
        let saved = saved.with_context(|| format!("cannot salvage `{}`", args.case.display()))?;
        if rows == 0 {
            let case = args.case.display();
            return Err(Failure::Work(anyhow!("cannot salvage `{case}`: no row of it could be read")));
        }
        env.say(&format!("ctclimb: {rows} rows copied into `{}`", case.display()));
        for table in saved.cut {
            env.say(&format!("ctclimb: the table `{table}` could not be read to its end"));
        }
    }
    let (report, names) = report(env, context, case, Again::default())?;
    present(env, context, &report, names.as_ref().map(|(table, issued)| (table, issued)), args.redact)
}

/// A report, and the names it is on where a table of them is wanted.
type Stored = (Report, Option<(NameTable, Issuances)>);

/// Opens a case file, and gives what was fetched into it, if anything was.
fn open(path: &Path) -> anyhow::Result<(Case, Option<FetchPlan>)> {
    let case = Case::open_read_only(path).with_context(|| format!("cannot use the case file `{}`", path.display()))?;
    let plan = FetchPlan::of_case(&case).with_context(|| format!("cannot read the case file `{}`", path.display()))?;
    Ok((case, plan))
}

/// Fetches once more what a case file holds, without one request.
fn refetch(
    env: &Env,
    context: &Context,
    plan: &FetchPlan,
    case: &mut Case,
    collection: &mut Collection,
) -> Result<FetchOutcome, Failure> {
    let progress = Progress::new(env, context);
    let (http, offline) = (no_http()?, throttle(Rates::default()));
    let outcome = fetch_into(context, plan, &http, &offline, Some(case), &progress, collection)?;
    Ok(outcome.ok_or_else(|| anyhow!("interrupted"))?)
}

/// Reads the certificates of a case file into a collection.
///
/// # Errors
/// The file cannot be used.
pub fn read(
    env: &mut Env,
    context: &Context,
    path: &Path,
    collection: &mut Collection,
) -> Result<FetchOutcome, Failure> {
    let (mut case, plan) = open(path)?;
    let Some(plan) = plan else {
        // An audit keeps what name servers said in such a file, beside those of its domains.
        context.say(env, &format!("ctclimb: `{}` holds no certificates", path.display()));
        return Ok(FetchOutcome { services: Vec::new() });
    };
    refetch(env, context, &plan, &mut case, collection)
}

/// The report of a case file. Its time is that of the run that filled it.
pub fn report(env: &Env, context: &Context, path: &Path, again: Again<'_>) -> Result<Stored, Failure> {
    let (mut case, plan) = open(path)?;
    let plan = plan.ok_or_else(|| anyhow!("`{}` holds no investigation", path.display()))?;
    let reading = || format!("cannot read the case file `{}`", path.display());
    let choices = Choices::of(&case).with_context(reading)?;
    let time = case.setting("report_time").with_context(reading)?;
    let now =
        time.and_then(|time| time.parse::<jiff::Timestamp>().ok()).map_or(context.now, jiff::Timestamp::as_second);

    let mut collection = Collection::new(Some(plan.domain.clone()));
    let outcome = refetch(env, context, &plan, &mut case, &mut collection)?;
    let mut issued = collection.finish();
    let grouping = again.grouping.map_or_else(|| choices.grouping.settings(), Ok).with_context(reading)?;
    let grouped = Grouped::new(&issued, &grouping);
    let sample = match again.sample {
        Sample::AsThen => choices.sample,
        Sample::Now(sample) => sample,
    };
    let (counts, selection) = levels(&mut issued, &grouped, sample);
    let Found { lookups, mut tally, authoritative, unfinished } =
        asked::again(&case, &issued, &selection).with_context(reading)?;
    let kept_errors = choices.errors.as_deref().filter(|_| again.errors.is_none());
    let kept_errors = kept_errors.map(|text| history_of(text, now));
    if choices.errors_left_out && again.errors.is_none() {
        tally.notes.push("the ACME errors given to the run were too long to be kept in the case file".to_owned());
    }
    let table = NameTable::new(context, &issued, &grouped)?;
    let report = assemble(Gathered {
        domain: Some(plan.domain.clone()),
        issued: &issued,
        grouped,
        counts: &counts,
        selection: &selection,
        lookups,
        authoritative: authoritative.as_ref(),
        judging: judging(again.judging, choices.judging),
        errors: again.errors.or(kept_errors.as_ref()),
        sources: outcome.coverage(&issued),
        unreadable: unreadable(&outcome),
        queries: tally.queries,
        notes: notes(&outcome).into_iter().chain(tally.notes).collect(),
        unfinished,
        written: None,
        now,
    });
    Ok((report, table.map(|table| (table, issued))))
}

/// What is asked for now, else what was asked for then.
fn judging(now: Judging, then: Judging) -> Judging {
    Judging {
        issuers: if now.issuers.is_empty() { then.issuers } else { now.issuers },
        method: now.method.or(then.method),
        account_uri: now.account_uri.or(then.account_uri),
    }
}
