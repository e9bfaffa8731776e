//! `ctclimb patterns`: grouping alone, and the halves of it that many machines share.

use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::anyhow;

use super::args::{DetailArg, Format, Grouping, Patterns as Args};
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::inputs::{Told, inputs, read_all, scope};
use super::output::{check_places, write_result};
use super::valid;
use super::{Failure, need_parquet, wrong_format};
use crate::investigate::summarise;
use crate::issuance::Collection;
use crate::name::DomainName;
use crate::pattern::{
    BY_FORM, Detail, Listed, Pattern, Patterns, Settings, Summary, learn, merge_partials, write_partial,
};
use crate::source::dump::{Input, unpacked};

/// Runs the command.
pub fn run(env: &mut Env, context: &Context, args: &Args) -> Result<Exit, Failure> {
    let format = context.format.unwrap_or(Format::Text);
    if !matches!(format, Format::Text | Format::Json | Format::Jsonl | Format::Tsv | Format::Parquet) {
        return Err(wrong_format("patterns", format, "text, json, jsonl, tsv and parquet"));
    }
    if format == Format::Parquet {
        need_parquet()?;
    }
    refuse_unused(args, context.format)?;
    check_places(context.output.as_deref(), &[("--assign", args.assign.as_deref())], None)?;
    if args.partial && args.grouping.is_typed() {
        context.say(env, "ctclimb: `--partial` groups nothing yet: how names are grouped is for `--merge` to be told");
    }
    let mut settings = settings(context, &args.grouping)?;
    settings.threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
    // One of many machines may have got nothing to do.
    let share = args.partial || args.merge;
    let piped = share && args.inputs.is_empty() && !env.stdin_is_terminal;
    let inputs = if piped { vec![Input::Stdin] } else { inputs(env, &args.inputs, "patterns")? };
    let drained = share && inputs.iter().any(|input| matches!(input, Input::Stdin));
    let scope = scope(args.domain.as_deref())?;
    let gather = |env: &mut Env| {
        if args.merge {
            return Ok((merge(env, inputs)?, Told::default()));
        }
        read(env, context, inputs, scope)
    };
    let (summary, told) = if drained { env.draining_stdin(gather)? } else { gather(env)? };
    if args.partial {
        write_result(env, context.output.as_deref(), |out| write_partial(&summary, out))?;
        return Ok(if told.complete() { Exit::Complete } else { Exit::Incomplete });
    }
    let patterns = learn(&summary, &settings);
    if let Some(path) = &args.assign {
        write_result(env, Some(path), |out| assign(&summary, &patterns, out))?;
    }
    write_result(env, context.output.as_deref(), |out| match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &patterns.patterns)?;
            out.write_all(b"\n")
        }
        Format::Jsonl => patterns.patterns.iter().try_for_each(|pattern| {
            serde_json::to_writer(&mut *out, pattern)?;
            out.write_all(b"\n")
        }),
        Format::Tsv => patterns
            .patterns
            .iter()
            .try_for_each(|pattern| writeln!(out, "{}\t{}\t{}", pattern.id, pattern.template, pattern.regex)),
        #[cfg(feature = "parquet")]
        Format::Parquet => table(&summary, &patterns, out),
        _ => text(&patterns.patterns, out),
    })?;
    if patterns.uncovered_rows > 0 {
        let roots = patterns.uncovered_roots.join(", ");
        env.say(&format!(
            "ctclimb: {} entries with names beyond the limit of {roots} are in no pattern",
            patterns.uncovered_rows
        ));
        return Ok(Exit::Incomplete);
    }
    Ok(if told.complete() { Exit::Complete } else { Exit::Incomplete })
}

/// The summary of all inputs, and what each of them gave.
///
/// The names of plain lists go to a summary of their own on the way: nothing of them but themselves is to be kept.
fn read(
    env: &mut Env,
    context: &Context,
    inputs: Vec<Input>,
    scope: Option<DomainName>,
) -> Result<(Summary, Told), Failure> {
    let listed = Arc::new(Mutex::new(Listed::new()));
    let taking = Arc::clone(&listed);
    let mut collection = Collection::new(scope)
        .handing_lists(move |names| taking.lock().unwrap_or_else(PoisonError::into_inner).add(names));
    let told = read_all(env, context, inputs, &mut collection)?;
    told.say(env, context, collection.drops());
    // A summary does not hang on the order of names.
    let (certified, _) = summarise(&collection.finish_as_read());
    let mut summary = std::mem::take(&mut *listed.lock().unwrap_or_else(PoisonError::into_inner)).finish();
    if certified.names().next().is_some() {
        summary.merge(&certified);
    }
    Ok((summary, told))
}

/// Options that were typed and could change nothing are a mistake.
fn refuse_unused(args: &Args, format: Option<Format>) -> Result<(), Failure> {
    let refuse = |why: &str| Err(Failure::Usage(anyhow!("{why}")));
    match (args.partial, args.merge) {
        (true, _) if format.is_some() => refuse(
            "`--partial` writes summaries in a form of their own, for `--merge`: leave out `--format`, and give it to `--merge`",
        ),
        (_, true) if args.domain.is_some() => {
            refuse("`--merge` joins summaries whole: give `--domain` where they are made, to `--partial`")
        }
        _ => Ok(()),
    }
}

/// How names are grouped, on the command line or in the configuration file.
///
/// # Errors
/// A `--join` that is no regular expression.
pub fn settings(context: &Context, grouping: &Grouping) -> Result<Settings, Failure> {
    Chosen::new(context, grouping).settings().map_err(Failure::Usage)
}

/// What was chosen of the grouping, as it is kept.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct Chosen {
    detail: Option<DetailArg>,
    max_patterns: Option<usize>,
    keep: Vec<String>,
    join: Vec<String>,
}

impl Chosen {
    /// The command line's choice, else that of the configuration file.
    pub fn new(context: &Context, grouping: &Grouping) -> Self {
        let file = &context.file;
        let first = |flags: &Vec<String>, kept: &Option<Vec<String>>| match (flags.as_slice(), kept) {
            ([], Some(kept)) => kept.clone(),
            (flags, _) => flags.to_vec(),
        };
        Self {
            detail: grouping.detail.or(file.detail),
            max_patterns: grouping.max_patterns.or(file.max_patterns),
            // Judged when they were read; here they only get the form that names have.
            keep: first(&grouping.keep, &file.keep)
                .into_iter()
                .map(|label| valid::label(&label).unwrap_or(label))
                .collect(),
            join: first(&grouping.join, &file.join),
        }
    }

    /// The settings that follow.
    ///
    /// # Errors
    /// A `--join` that is no regular expression.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let detail = match self.detail.unwrap_or(DetailArg::Normal) {
            DetailArg::Low => Detail::Low,
            DetailArg::Normal => Detail::Normal,
            DetailArg::High => Detail::High,
        };
        let regex = |text: &String| valid::regex(text).map_err(|why| anyhow!("`--join`: {why}"));
        Ok(Settings {
            detail,
            max_patterns: self.max_patterns,
            keep: self.keep.iter().map(|label| label.to_ascii_lowercase()).collect(),
            join: self.join.iter().map(regex).collect::<anyhow::Result<_>>()?,
            ..Settings::default()
        })
    }
}

/// Joins the summaries of all inputs, compressed or not. Every input is read to its end, also after one that is refused.
fn merge(env: &mut Env, inputs: Vec<Input>) -> Result<Summary, Failure> {
    let labels: Vec<String> = inputs.iter().map(Input::label).collect();
    let mut stdin = Some(env.take_stdin());
    let readers = inputs.into_iter().map(|input| match input {
        Input::Stdin => unpacked(stdin.take().unwrap_or_else(|| Box::new(std::io::empty()))),
        Input::File(path) => File::open(path).and_then(unpacked),
    });
    merge_partials(readers).map_err(|(at, error)| Failure::Work(anyhow!(error).context(format!("`{}`", labels[at]))))
}

fn assign(summary: &Summary, patterns: &Patterns, out: &mut dyn Write) -> std::io::Result<()> {
    let mut lines: Vec<(&str, bool, &str)> = Vec::new();
    for index in summary.names() {
        let Some(at) = patterns.of(index) else { continue };
        let (name, id) = (summary.name(index), patterns.patterns[at].id.as_str());
        let (bare, wildcard) = summary.forms(index);
        lines.extend(bare.then_some((name, false, id)));
        lines.extend(wildcard.then_some((name, true, id)));
    }
    lines.sort_unstable();
    lines
        .into_iter()
        .try_for_each(|(name, wildcard, id)| writeln!(out, "{}{name}\t{id}", if wildcard { "*." } else { "" }))
}

/// Every name with its pattern, in order of the names.
#[cfg(feature = "parquet")]
fn table(summary: &Summary, patterns: &Patterns, out: impl Write + Send) -> std::io::Result<()> {
    use crate::report::parquet::names::{NameRow, Names};
    let mut rows = Vec::new();
    for index in summary.names() {
        let (name, (bare, wildcard)) = (summary.name(index), summary.forms(index));
        let pattern = patterns.of(index).map(|at| &patterns.patterns[at]);
        rows.extend([(bare, false), (wildcard, true)].into_iter().filter(|(there, _)| *there).map(|(_, wildcard)| {
            NameRow {
                name,
                wildcard,
                root: crate::name::registered_domain(name),
                pattern: pattern.map(|pattern| pattern.id.as_str()),
                template: pattern.map(|pattern| pattern.template.as_str()),
                ..NameRow::default()
            }
        }));
    }
    rows.sort_by_key(|row| (row.name, row.wildcard));
    let mut table = Names::new(out)?;
    rows.iter().try_for_each(|row| table.row(row))?;
    table.finish()
}

/// A pattern, names that show it, and why its columns are what they are, where the form alone does not say it; single
/// names at the end.
fn text(patterns: &[Pattern], out: &mut dyn Write) -> std::io::Result<()> {
    let (single, families): (Vec<&Pattern>, Vec<&Pattern>) = patterns.iter().partition(|pattern| pattern.single);
    for pattern in families {
        writeln!(out, "{:>9}  {}", pattern.names, pattern.template)?;
        if let [first, rest @ ..] = pattern.examples.as_slice() {
            let second = rest.first().filter(|second| first.len() + second.len() < 50);
            let second = second.map(|second| format!(", {second}")).unwrap_or_default();
            writeln!(out, "           such as {first}{second}")?;
        }
        for column in pattern.columns.iter().filter(|column| column.reason != BY_FORM) {
            writeln!(out, "           {{{}}}: {}", column.shown, column.reason)?;
        }
    }
    single.into_iter().try_for_each(|pattern| writeln!(out, "{:>9}  {}", pattern.names, pattern.template))
}
