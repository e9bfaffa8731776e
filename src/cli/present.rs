//! A report to where it goes, and the exit code that follows from it.

use super::Failure;
use super::args::{FailOn, Format as Asked};
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::name_table::NameTable;
use super::output::write_result;
use crate::finding::Severity;
use crate::issuance::Issuances;
use crate::report::{self, Format, Report, Style};

/// Writes the report in the format asked for and says how the run ended.
pub fn present(
    env: &mut Env,
    context: &Context,
    report: &Report,
    names: Option<(&NameTable, &Issuances)>,
    redact: bool,
) -> Result<Exit, Failure> {
    if let Some((names, issued)) = names {
        if redact {
            return Err(Failure::Usage(anyhow::anyhow!("`-f parquet` is the names themselves; it has no `--redact`")));
        }
        names.write(env, context, issued, report)?;
        return Ok(exit(context, report));
    }
    let format = format(context.format.unwrap_or(Asked::Text));
    let redacted = redact.then(|| report::redact(report));
    let report = redacted.as_ref().unwrap_or(report);
    let style = style(env, context);
    write_result(env, context.output.as_deref(), |out| report::write(report, format, &style, out))?;
    Ok(exit(context, report))
}

/// What the place of output can show.
pub fn style(env: &Env, context: &Context) -> Style {
    // The C locale, set or not, shows no box characters on a terminal; a file or a pipe can hold anything, unless
    // the locale set says otherwise.
    let ascii = !env.locale_has_unicode().unwrap_or(env.columns.is_none());
    Style {
        width: usize::from(context.columns),
        color: context.color,
        ascii,
        csv_raw: context.csv_raw,
        ..Style::default()
    }
}

fn format(asked: Asked) -> Format {
    match asked {
        // A table of names was written before.
        Asked::Text | Asked::Parquet => Format::Text,
        Asked::Markdown => Format::Markdown,
        Asked::Html => Format::Html,
        Asked::Json => Format::Json,
        Asked::Jsonl => Format::Jsonl,
        Asked::Csv => Format::Csv,
        Asked::Tsv => Format::Tsv,
    }
}

/// Findings first, then gaps.
pub fn exit(context: &Context, report: &Report) -> Exit {
    if report.findings.iter().any(|finding| is_at_or_above(context, finding.severity)) {
        Exit::Findings
    } else if report.coverage.complete {
        Exit::Complete
    } else {
        Exit::Incomplete
    }
}

/// Whether something is bad enough for `--fail-on`.
pub fn is_at_or_above(context: &Context, severity: Severity) -> bool {
    let limit = match context.fail_on.value {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Note => Severity::Note,
        FailOn::Never => return false,
    };
    severity <= limit
}
