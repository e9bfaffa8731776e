//! `ctclimb analyze`: dumps in, a report out, and no network in between.

use std::path::Path;

use anyhow::{Context as _, anyhow};

use super::Failure;
use super::args::Analyze;
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::explain::read_history;
use super::inputs::{inputs, read_all, scope};
use super::investigate::judging;
use super::live::is_case;
use super::name_table::NameTable;
use super::patterns::settings;
use super::present::present;
use super::progress::Progress;
use super::stored::{self, Again, Sample};
use crate::dns::Script;
use crate::investigate::{Gathered, Grouped, LevelCounts, Lookups, Selection, assemble, select, stable_labels};
use crate::issuance::{Collection, Issuances};
use crate::name::{DomainName, registered_domain};
use crate::source::dump::Input;

/// Names of each pattern that are climbed.
pub const SAMPLE: usize = 8;

/// Runs the command.
pub fn run(env: &mut Env, context: &Context, args: &Analyze) -> Result<Exit, Failure> {
    let grouping = &args.grouping;
    let settings = settings(context, grouping)?;
    let script = args.climb.dns.as_deref().map(script).transpose()?;
    let inputs = inputs(env, &args.inputs, "analyze")?;
    if args.error.as_deref() == Some(Path::new("-")) && inputs.iter().any(|input| matches!(input, Input::Stdin)) {
        return Err(Failure::Usage(anyhow!("standard input cannot be both the input and `--error`")));
    }
    let errors = args.error.as_deref().map(|path| read_history(env, context, path)).transpose()?;
    let sample = (!args.climb.all_names).then(|| args.climb.sample.or(context.file.sample).unwrap_or(SAMPLE));
    let judging = judging(context, &args.climb);
    let scope = scope(args.domain.as_deref())?;
    // A scenario answers in place of the lookups that a case file holds; its certificates are read like any others.
    if let [Input::File(path)] = inputs.as_slice()
        && is_case(path)
        && script.is_none()
    {
        let resampled = args.climb.all_names || args.climb.sample.is_some();
        let again = Again {
            grouping: grouping.is_typed().then_some(settings),
            sample: if resampled { Sample::Now(sample) } else { Sample::AsThen },
            judging,
            errors: errors.as_ref(),
        };
        let (report, names) = stored::report(env, context, path, again)?;
        if let (Some(asked), Some(about)) = (&scope, &report.domain)
            && asked.as_str() != about
        {
            let path = path.display();
            return Err(Failure::Usage(anyhow!(
                "`--domain {asked}`: `{path}` is the case of `{about}`, which is reported as a whole"
            )));
        }
        return present(env, context, &report, names.as_ref().map(|(table, issued)| (table, issued)), args.redact);
    }
    let mut collection = Collection::new(scope);
    let mut told = read_all(env, context, inputs, &mut collection)?;
    let mut issued = collection.finish();
    told.count_certificates(&issued);
    let progress = Progress::new(env, context);
    progress.stage(&format!("grouping {} names", issued.distinct_names()));
    let grouped = Grouped::new(&issued, &settings);
    let (counts, selection) = levels(&mut issued, &grouped, sample);
    drop(progress);
    let lookups = script.map_or_else(Lookups::new, |script| scripted(&issued, &selection, &script));
    let table = NameTable::new(context, &issued, &grouped)?;
    let report = assemble(Gathered {
        domain: issued.scope.clone().or_else(|| only_domain(&issued)),
        issued: &issued,
        grouped,
        counts: &counts,
        selection: &selection,
        lookups,
        authoritative: None,
        judging,
        errors: errors.as_ref(),
        sources: told.sources,
        unreadable: told.unreadable,
        queries: 0,
        notes: Vec::new(),
        unfinished: false,
        written: None,
        now: context.now,
    });
    present(env, context, &report, table.as_ref().map(|table| (table, &issued)), args.redact)
}

/// The levels of a set of names, and those of them to climb.
pub fn levels(issued: &mut Issuances, grouped: &Grouped, sample: Option<usize>) -> (LevelCounts, Selection) {
    // The domain asked for is a level even when no certificate names it.
    let domain = issued.scope.clone();
    let asked = domain.map(|domain| issued.tree.insert_level(&domain));
    let stable: Vec<usize> = grouped.patterns.patterns.iter().map(|pattern| stable_labels(&pattern.template)).collect();
    let pattern_of = |name| grouped.of(name);
    let counts = LevelCounts::new(&issued.tree, &pattern_of, &stable, asked);
    let selection = select(&issued.tree, &counts, &pattern_of, sample);
    (counts, selection)
}

/// Reads a scenario file.
pub fn script(path: &Path) -> Result<Script, Failure> {
    script_and_text(path).map(|(_, script)| script)
}

/// Reads a scenario file and keeps its text.
pub fn script_and_text(path: &Path) -> Result<(String, Script), Failure> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let script = Script::parse(&path.to_string_lossy(), &text).map_err(|error| Failure::Usage(error.into()))?;
    Ok((text, script))
}

/// What a scenario says of the chosen levels.
pub fn scripted(issued: &Issuances, selection: &Selection, script: &Script) -> Lookups {
    let answers = |level| script.lookups(&issued.tree.domain_name(level));
    selection.levels.iter().map(|&level| (level, answers(level))).collect()
}

/// The registered domain that all names share, if there is one.
fn only_domain(issued: &Issuances) -> Option<DomainName> {
    let mut domains = issued.tree.sans().map(|name| registered_domain(issued.tree.name(name.node())));
    let first = domains.next()??;
    domains.all(|domain| domain == Some(first)).then(|| DomainName::parse(first).ok())?
}
