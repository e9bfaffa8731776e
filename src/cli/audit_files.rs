//! What is done with audit files that are there: told, compared, joined.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde_json::{Map, Value};

use super::args::Format;
use super::audit_output::{Outputs, Render};
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::live::timestamp;
use super::output::{check, directory_of, refuse_stream, write_result};
use super::{Failure, wrong_format};
use crate::audit::diff::{Change, diff};
use crate::audit::file::{AuditFile, Kept};
use crate::audit::merge::merge;
use crate::audit::partition::Facts;
use crate::audit::run::AuditError;
use crate::report::safe_text;

/// The rows of an audit again.
pub fn report(env: &mut Env, context: &Context, file: &Path, outputs: &Outputs) -> Result<Exit, Failure> {
    let render = Render::new(context, outputs, None, None)?;
    let file = AuditFile::open_read_only(file)?;
    let facts = facts_of(&file)?;
    render.finish(env, context, &file, &facts)
}

/// Joins shards; what `--into` names is there whole, or not at all.
pub fn merged(
    env: &mut Env,
    context: &Context,
    files: &[PathBuf],
    into: Option<&Path>,
    outputs: &Outputs,
) -> Result<Exit, Failure> {
    refuse_stream("--into", into)?;
    let render = Render::new(context, outputs, into.map(|into| ("--into", into)), None)?;
    let now = timestamp(context.now);
    let merged = match into {
        None => merge(files, None, now).map_err(anyhow::Error::from)?,
        Some(into) => {
            if into.exists() {
                return Err(Failure::Usage(anyhow!("`--into` names a file that is there; choose another name")));
            }
            let complain = || format!("cannot write `{}`", into.display());
            check(into)?;
            let beside = tempfile::Builder::new().prefix(".ctclimb-").tempdir_in(directory_of(into));
            let beside = beside.with_context(complain)?;
            let path = beside.path().join("merged");
            drop(merge(files, Some(&path), now).map_err(anyhow::Error::from)?);
            std::fs::rename(&path, into).with_context(complain)?;
            AuditFile::open_read_only(into)?
        }
    };
    let facts = facts_of(&merged)?;
    render.finish(env, context, &merged, &facts)
}

fn facts_of(file: &AuditFile) -> anyhow::Result<Facts> {
    let text = file.setting("facts")?.unwrap_or_default();
    serde_json::from_str(&text).context("the audit file does not say what its input held")
}

/// Whether JSON is wanted of what has no other form beside words.
fn wants_json(context: &Context, command: &str) -> Result<bool, Failure> {
    match context.format {
        None | Some(Format::Text) => Ok(false),
        Some(Format::Json | Format::Jsonl) => Ok(true),
        Some(format) => Err(wrong_format(command, format, "text, json and jsonl")),
    }
}

/// How far an audit is, as lines of `name: value` or JSON.
pub fn status(env: &mut Env, context: &Context, file: &Path) -> Result<Exit, Failure> {
    let json = wants_json(context, "audit status")?;
    let status = AuditFile::open_read_only(file).and_then(|file| file.status())?;
    let time = |seconds: i64| timestamp(seconds).to_string();
    write_result(env, context.output.as_deref(), |out| {
        if json {
            serde_json::to_writer(&mut *out, &status).map_err(std::io::Error::from)?;
            writeln!(out)
        } else {
            writeln!(out, "domains: {}", status.domains)?;
            writeln!(out, "done: {}", status.done)?;
            for (count, what) in [(status.incomplete, "incomplete"), (status.stale, "tried again in vain")] {
                if count > 0 {
                    writeln!(out, "  of these {what}: {count}")?;
                }
            }
            writeln!(out, "failed: {}", status.failed)?;
            writeln!(out, "pending: {}", status.pending)?;
            writeln!(out, "changes: {}", status.changes)?;
            if let Some((oldest, newest)) = status.finished {
                writeln!(out, "rows made: {} to {}", time(oldest), time(newest))?;
            }
            status.settings.iter().try_for_each(|(name, value)| write_setting(name, value, out))
        }
    })?;
    let all = status.failed == 0 && status.pending == 0 && status.incomplete == 0 && status.stale == 0;
    Ok(if all { Exit::Complete } else { Exit::Incomplete })
}

/// A setting in words: of several values each that is set has a line.
fn write_setting(name: &str, value: &str, out: &mut dyn Write) -> std::io::Result<()> {
    let title = match name {
        "facts" => "input",
        "options" => "made with",
        name => name,
    };
    let Ok(values) = serde_json::from_str::<Map<String, Value>>(value) else {
        return writeln!(out, "{}: {}", safe_text(title), safe_text(value));
    };
    writeln!(out, "{title}:")?;
    for (name, value) in &values {
        let words = match (name.as_str(), value) {
            ("sample", Value::Null) => Some("all names".to_owned()),
            (_, value) => in_words(value),
        };
        if let Some(words) = words {
            writeln!(out, "  {}: {}", safe_text(&name.replace('_', " ")), safe_text(&words))?;
        }
    }
    Ok(())
}

/// A value of a setting; `None` where nothing is set.
fn in_words(value: &Value) -> Option<String> {
    let all: Vec<String> = match value {
        Value::Null | Value::Bool(false) => Vec::new(),
        Value::Bool(true) => vec!["yes".to_owned()],
        Value::Number(number) => vec![number.to_string()],
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().filter_map(in_words).collect(),
        Value::Object(values) => {
            let one =
                |(name, value): (&String, &Value)| Some(format!("{} {}", name.replace('_', " "), in_words(value)?));
            values.iter().filter_map(one).collect()
        }
    };
    Some(all.join(", ")).filter(|words| !words.is_empty())
}

/// What is different between two audits, a line a domain.
pub fn differences(env: &mut Env, context: &Context, old: &Path, new: &Path) -> Result<Exit, Failure> {
    let json = wants_json(context, "audit diff")?;
    let open = |path: &Path| AuditFile::open_read_only(path).map_err(anyhow::Error::from);
    let (old, new) = (open(old)?, open(new)?);
    let options = |file: &AuditFile| file.setting("options").map_err(anyhow::Error::from);
    if options(&old)? != options(&new)? {
        env.say("ctclimb: the audits were made with different options; some differences may come from that");
    }
    write_result(env, context.output.as_deref(), |out| {
        diff(&old, &new, |change| -> Result<(), AuditError> {
            if json {
                writeln!(out, "{}", serde_json::to_string(change).map_err(std::io::Error::from)?)?;
            } else {
                write_change(change, out)?;
            }
            Ok(())
        })
        .map_err(std::io::Error::other)
    })?;
    Ok(Exit::Complete)
}

/// What changed when rows were made again, oldest first.
pub fn changes(env: &mut Env, context: &Context, file: &Path) -> Result<Exit, Failure> {
    let json = wants_json(context, "audit changes")?;
    let file = AuditFile::open_read_only(file)?;
    write_result(env, context.output.as_deref(), |out| {
        let mut after = 0;
        loop {
            let changes = file.changes(Kept::All, after, 1000).map_err(std::io::Error::other)?;
            let Some(last) = changes.last() else { return Ok(()) };
            after = last.id;
            for noted in changes {
                let time = timestamp(noted.found_at);
                let change: Change = serde_json::from_str(&noted.change)?;
                if json {
                    let mut line = serde_json::to_value(&change)?;
                    line["found_at"] = time.to_string().into();
                    writeln!(out, "{line}")?;
                } else {
                    write!(out, "{time} ")?;
                    write_change(&change, out)?;
                }
            }
        }
    })?;
    Ok(Exit::Complete)
}

fn write_change(change: &Change, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{} {}: {}", change.kind, change.domain, change.words().join(", "))?;
    for (what, items) in [
        ("+ pattern", &change.new_patterns),
        ("- pattern", &change.gone_patterns),
        ("+ issuer", &change.new_issuers),
        ("- issuer", &change.gone_issuers),
        ("+ cause", &change.new_causes),
        ("- cause", &change.gone_causes),
    ] {
        for item in items {
            writeln!(out, "  {what} {}", safe_text(item))?;
        }
    }
    for caa in &change.caa {
        let state = |state: &Option<String>| state.clone().unwrap_or_else(|| "not asked".to_owned());
        let (before, after) = (state(&caa.before), state(&caa.after));
        writeln!(out, "  caa {}: {} -> {}", safe_text(&caa.level), safe_text(&before), safe_text(&after))?;
    }
    Ok(())
}
