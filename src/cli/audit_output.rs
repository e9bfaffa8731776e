//! What an audit writes, and the exit code that follows from it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::args::{FailOn, Format};
use super::audit_gather::COMMAND_LINE;
use super::audit_side::artifact;
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::output::{Pending, check_places, write_result};
use super::{Failure, need_parquet, wrong_format};
use crate::audit::diff::Change;
use crate::audit::file::{AuditFile, AuditFileError, State};
use crate::audit::output::{
    LISTED, Lines, RowSink, Sarif, SarifPlace, Table, Totals, write_change, write_html, write_row, write_summary,
    write_text,
};
use crate::audit::partition::Facts;
use crate::audit::policy::{self, Policy};
use crate::audit::row::{DomainRow, rank};
use crate::audit::run::AuditError;

/// What is written, beside the result on standard output.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Output")]
pub struct Outputs {
    /// Hold every domain against this policy; each violated rule is a finding
    #[arg(long, value_name = "FILE", value_parser = super::valid::named_file())]
    pub policy: Option<PathBuf>,
    /// Rows in order of the domains, at the end; without it, as they are finished
    #[arg(long)]
    pub sorted: bool,
    /// Write the rows as a table too
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write the rows as a Parquet table too; needs a build with `--features parquet`
    #[arg(long, value_name = "FILE")]
    pub parquet: Option<PathBuf>,
    /// Write an overview page too
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write findings as SARIF 2.1.0 too, for code hosts
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
}

/// Domains that a summary without a page lists.
const WORST: usize = 50;

/// Everything needed to write rows.
pub struct Render<'a> {
    outputs: &'a Outputs,
    policy: Option<Policy>,
    today: jiff::civil::Date,
    format: Format,
    /// Where SARIF points for domains that no line of a file names.
    instead: String,
}

impl<'a> Render<'a> {
    /// Reads the policy and checks the format and the places of all results; `kept` is the option with the audit file
    /// itself, `input` a file to point at for domains that no list names.
    pub fn new(
        context: &Context,
        outputs: &'a Outputs,
        kept: Option<(&str, &Path)>,
        input: Option<String>,
    ) -> Result<Self, Failure> {
        let read = |path: &PathBuf| -> anyhow::Result<Policy> {
            let complain = || format!("cannot use the policy `{}`", path.display());
            let text = std::fs::read_to_string(path).with_context(complain)?;
            Policy::parse(&text).with_context(complain)
        };
        let format = context.format.unwrap_or(Format::Jsonl);
        if matches!(format, Format::Json | Format::Markdown) {
            return Err(wrong_format("audit", format, "jsonl, text, csv, tsv, html and parquet"));
        }
        if outputs.parquet.is_some() || format == Format::Parquet {
            need_parquet()?;
        }
        check_places(
            context.output.as_deref(),
            &[
                ("--csv", outputs.csv.as_deref()),
                ("--parquet", outputs.parquet.as_deref()),
                ("--html", outputs.html.as_deref()),
                ("--sarif", outputs.sarif.as_deref()),
            ],
            kept,
        )?;
        let policy_path = outputs.policy.as_ref().map(|path| path.display().to_string());
        Ok(Self {
            policy: outputs.policy.as_ref().map(read).transpose().map_err(Failure::Usage)?,
            outputs,
            today: jiff::tz::Offset::UTC.to_datetime(super::live::timestamp(context.now)).date(),
            format,
            instead: input.or(policy_path).map(|path| artifact(&path)).unwrap_or_default(),
        })
    }

    /// The policy, if there is one.
    pub fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    /// Whether lines go out as domains are finished; a file that is written atomically gets them at the end.
    pub fn streams(&self, context: &Context, watches: bool) -> bool {
        self.format == Format::Jsonl && !self.outputs.sorted && (context.output.is_none() || watches)
    }

    /// Whether more is written than the result.
    pub fn has_others(&self) -> bool {
        let Outputs { csv, parquet, html, sarif, .. } = self.outputs;
        [csv, parquet, html, sarif].iter().any(|path| path.is_some())
    }

    /// Whether the lines of each round come after those of the rounds before.
    pub fn appends(&self, watches: bool) -> bool {
        self.format == Format::Jsonl && watches
    }

    /// The row with what the policy says, worst findings first.
    pub fn held(&self, mut row: DomainRow) -> DomainRow {
        if let Some(policy) = &self.policy {
            row.findings.extend(policy::apply(policy, &row, self.today));
            row.findings.sort_by_key(|finding| std::cmp::Reverse(rank(&finding.severity)));
        }
        row
    }

    /// Writes one row as it is finished, and how it differs from the one before.
    pub fn stream(&self, row: &DomainRow, change: Option<&Change>, out: &mut dyn Write) -> std::io::Result<()> {
        write_row(&self.held(row.clone()), out)?;
        change.map_or(Ok(()), |change| write_change(change, out))?;
        out.flush()
    }

    /// Writes everything that is written at the end.
    pub fn finish(&self, env: &mut Env, context: &Context, file: &AuditFile, facts: &Facts) -> Result<Exit, Failure> {
        self.end(env, context, file, facts, false, None)
    }

    /// As [`Render::finish`]; `streamed` says that the rows are out already, `append` is where lines go instead.
    pub fn end(
        &self,
        env: &mut Env,
        context: &Context,
        file: &AuditFile,
        facts: &Facts,
        streamed: bool,
        append: Option<BufWriter<File>>,
    ) -> Result<Exit, Failure> {
        let html = self.outputs.html.is_some() || self.format == Format::Html;
        let mut totals = Totals::listing(if html { LISTED } else { WORST });
        let domains = file.status().map_err(anyhow::Error::from)?.domains;
        let mut sides = self.sides()?;
        let mut write = |out: &mut (dyn Write + Send)| match self.format {
            Format::Html | Format::Text => {
                self.rows(file, None, &mut sides, &mut totals)?;
                match self.format {
                    Format::Html => write_html(&totals, domains, facts, out),
                    _ => write_text(&totals, domains, facts, context.color, out),
                }
            }
            format => {
                let main = sink(format, &mut *out, streamed)?;
                self.rows(file, Some(main), &mut sides, &mut totals)?;
                if format == Format::Jsonl { write_summary(&totals.summary(domains, facts), out) } else { Ok(()) }
            }
        };
        let written = match append {
            Some(mut out) => write(&mut out).and_then(|()| out.flush()).context("cannot write the lines"),
            None => write_result(env, context.output.as_deref(), write),
        };
        sides.iter_mut().try_for_each(|(_, file)| file.is_fine())?;
        written?;
        sides.into_iter().try_for_each(|(_, file)| file.keep(env))?;
        if let Some(path) = &self.outputs.sarif {
            let mut pending = Pending::begin(path)?;
            let written = self.sarif(&mut pending, file, &totals);
            pending.is_fine()?;
            written?;
            pending.keep(env)?;
        }
        if let Some(path) = &self.outputs.html {
            write_result(env, Some(path), |out| write_html(&totals, domains, facts, out))?;
        }
        if !context.quiet && self.format != Format::Text {
            let mut told = Vec::new();
            write_text(&totals, domains, facts, false, &mut told).context("cannot hold the summary")?;
            env.say(String::from_utf8_lossy(&told).trim_end());
        }
        let complete = totals.summary(domains, facts).complete;
        Ok(Self::exit(context, &totals, complete))
    }

    /// The files beside the result that hold rows.
    fn sides(&self) -> anyhow::Result<Vec<(Format, Pending)>> {
        let named = [(Format::Csv, &self.outputs.csv), (Format::Parquet, &self.outputs.parquet)];
        let named = named.into_iter().filter_map(|(format, path)| Some((format, path.as_deref()?)));
        named.map(|(format, path)| Ok((format, Pending::begin(path)?))).collect()
    }

    /// Goes once over all rows: into the result, into the files beside it, and into the sums.
    fn rows(
        &self,
        file: &AuditFile,
        mut main: Option<Box<dyn RowSink + '_>>,
        sides: &mut [(Format, Pending)],
        totals: &mut Totals,
    ) -> std::io::Result<()> {
        let sinks = sides.iter_mut().map(|(format, file)| sink(*format, file, false));
        let mut sinks = sinks.collect::<std::io::Result<Vec<_>>>()?;
        let mut gone = None;
        let each = self.each(file, |_, _, state| {
            let mut put = |sink: &mut Box<dyn RowSink + '_>| match &state {
                Ok(row) => sink.row(row),
                Err((domain, error)) => sink.failed(domain, error),
            };
            sinks.iter_mut().try_for_each(&mut put)?;
            match main.as_mut().map_or(Ok(()), put) {
                // Whoever read the result has enough; the files are still wanted.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                    main = None;
                    gone = Some(error);
                }
                put => put?,
            }
            match &state {
                Ok(row) => totals.add(row),
                Err((domain, why)) => totals.fail(domain, why),
            }
            Ok(())
        });
        each.map_err(unwrapped)?;
        sinks.into_iter().try_for_each(RowSink::finish)?;
        main.map_or(Ok(()), RowSink::finish)?;
        gone.map_or(Ok(()), Err)
    }

    /// The findings for code hosts: where there are more than these take, the worst.
    fn sarif(&self, out: &mut dyn Write, file: &AuditFile, totals: &Totals) -> Result<(), AuditError> {
        let fits = totals.severities.values().sum::<u64>() <= Sarif::<Vec<u8>>::MOST;
        let passes: &[&[&str]] =
            if fits { &[&["error", "warning", "note"]] } else { &[&["error"], &["warning"], &["note"]] };
        let mut log = Sarif::new(out, &self.instead)?;
        for severities in passes {
            self.each(file, |source, line, state| match state {
                Ok(row) => {
                    let uri = if is_file(source) { artifact(source) } else { String::new() };
                    Ok(log.row(&row, SarifPlace { uri: &uri, line }, severities)?)
                }
                Err(_) => Ok(()),
            })?;
        }
        Ok(log.finish()?)
    }

    /// Every domain that was tried, with where the input names it: its row held against the policy, or why it has none.
    fn each(
        &self,
        file: &AuditFile,
        mut each: impl FnMut(&str, u64, Result<DomainRow, (&str, String)>) -> Result<(), AuditError>,
    ) -> Result<(), AuditError> {
        file.each(|domain, source, line, state, _| match state {
            State::Done(row) => each(source, line, Ok(self.held(*row))),
            State::Failed(error) => each(source, line, Err((domain, error))),
            State::Pending => Ok(()),
        })
    }

    fn exit(context: &Context, totals: &Totals, complete: bool) -> Exit {
        let least = match context.fail_on.value {
            FailOn::Error => 3,
            FailOn::Warning => 2,
            FailOn::Note => 1,
            FailOn::Never => u8::MAX,
        };
        let worst = totals.severities.keys().map(|severity| rank(severity)).max().unwrap_or(0);
        if worst >= least {
            Exit::Findings
        } else if totals.done == 0 && totals.failed > 0 {
            Exit::Failed
        } else if complete {
            Exit::Complete
        } else {
            Exit::Incomplete
        }
    }
}

/// Where the rows of a format go; `streamed` says that lines are out already.
fn sink<'a>(format: Format, out: impl Write + Send + 'a, streamed: bool) -> std::io::Result<Box<dyn RowSink + 'a>> {
    match format {
        #[cfg(feature = "parquet")]
        Format::Parquet => Ok(Box::new(crate::audit::output::ParquetTable::new(out)?)),
        Format::Csv => Ok(Box::new(Table::new(b',', out)?)),
        Format::Tsv => Ok(Box::new(Table::new(b'\t', out)?)),
        _ => Ok(Box::new(Lines { out, streamed })),
    }
}

/// An error of the writer keeps its kind: a closed pipe is none to complain about.
fn unwrapped(error: AuditError) -> std::io::Error {
    match error {
        AuditError::Io(error) => error,
        other => std::io::Error::other(other),
    }
}

/// Whether a place of the input is a file that a reader can open.
fn is_file(source: &str) -> bool {
    !matches!(source, "" | COMMAND_LINE | "standard input")
}

impl From<AuditError> for Failure {
    fn from(error: AuditError) -> Self {
        Self::Work(error.into())
    }
}

impl From<AuditFileError> for Failure {
    fn from(error: AuditFileError) -> Self {
        Self::Work(error.into())
    }
}
