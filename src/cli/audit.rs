//! `ctclimb audit`: many domains, or everything in dumps, to rows; resumable, in shards, held against a policy.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};

use super::Failure;
use super::args::{Format, Grouping, Limits, Lookups, Sources};
use super::audit_output::{Outputs, Render};
use super::audit_run::audit;
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::live::timestamp;
use super::output::write_result;
use crate::audit::diff::{Change, diff};
use crate::audit::file::AuditFile;
use crate::audit::merge::merge;
use crate::audit::partition::Facts;
use crate::audit::run::AuditError;
use crate::audit::shard::Shard;
use crate::report::safe_text;

/// `ctclimb audit`
#[derive(Debug, Args)]
#[command(subcommand_precedence_over_arg = true)]
pub struct Audit {
    /// What to do with audit files; without it, audit
    #[command(subcommand)]
    pub action: Option<Action>,
    /// The domains; with `--from`, only these of the dumps
    #[arg(value_name = "DOMAIN")]
    pub domains: Vec<String>,
    /// Domains from FILE, one a line, `#` starts a comment; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// Audit the registered domains of dumps, without fetching (repeatable)
    #[arg(long, value_name = "INPUT", num_args = 1..)]
    pub from: Vec<PathBuf>,
    /// Keep the audit in FILE: the same command goes on where it was stopped
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Refuse to start when a line of the list is no domain
    #[arg(long)]
    pub strict: bool,
    /// Ask no DNS
    #[arg(long, conflicts_with_all = ["resolver", "dns"])]
    pub no_dns: bool,
    /// Audit only the domains of shard I of N
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// Audit again what was audited longer ago than this, such as 36h
    #[arg(long, value_name = "AGE")]
    pub max_age: Option<String>,
    /// Threads that group and judge; default: all cores
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// Audit again every INTERVAL, such as 6h, until interrupted
    #[arg(long, value_name = "INTERVAL", requires = "file", conflicts_with = "from")]
    pub watch: Option<String>,
    /// Run this program for every domain that changed: its arguments are the domain and what changed, its standard input
    /// the change as JSON
    #[arg(long, value_name = "PROGRAM", requires = "file")]
    pub on_change: Option<PathBuf>,
    /// What is written.
    #[command(flatten)]
    pub outputs: Outputs,
    /// How names are grouped.
    #[command(flatten)]
    pub grouping: Grouping,
    /// How CAA is looked up.
    #[command(flatten)]
    pub lookups: Lookups,
    /// Where certificates come from.
    #[command(flatten)]
    pub sources: Sources,
    /// Limits.
    #[command(flatten)]
    pub limits: Limits,
}

/// `ctclimb audit ...`
#[derive(Debug, Subcommand)]
pub enum Action {
    /// How far an audit is
    Status {
        /// The audit file.
        file: PathBuf,
    },
    /// The rows of an audit again, in another format or held against another policy
    Report {
        /// The audit file.
        file: PathBuf,
        /// What is written.
        #[command(flatten)]
        outputs: Outputs,
    },
    /// What is different between two audits: patterns, issuers, CAA, causes
    Diff {
        /// The older audit file.
        old: PathBuf,
        /// The newer audit file.
        new: PathBuf,
    },
    /// Join the shards of an audit; refused when anything does not add up
    Merge {
        /// The audit files of all shards.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Keep the joined audit in FILE
        #[arg(long, value_name = "FILE")]
        into: Option<PathBuf>,
        /// What is written.
        #[command(flatten)]
        outputs: Outputs,
    },
}

/// Runs the command.
pub fn run(env: &mut Env, context: &Context, args: &Audit) -> Result<Exit, Failure> {
    match &args.action {
        None => audit(env, context, args),
        Some(Action::Status { file }) => status(env, context, file),
        Some(Action::Report { file, outputs }) => {
            let render = Render::new(context, outputs, None)?;
            let file = AuditFile::open_read_only(file).map_err(anyhow::Error::from)?;
            let facts = facts_of(&file)?;
            render.finish(env, context, &file, &facts)
        }
        Some(Action::Diff { old, new }) => differences(env, context, old, new),
        Some(Action::Merge { files, into, outputs }) => {
            let render = Render::new(context, outputs, None)?;
            if into.as_ref().is_some_and(|into| into.exists()) {
                return Err(Failure::Usage(anyhow!("`--into` names a file that is there; choose another name")));
            }
            let merged = merge(files, into.as_deref(), timestamp(context.now)).map_err(anyhow::Error::from)?;
            let facts = facts_of(&merged)?;
            render.finish(env, context, &merged, &facts)
        }
    }
}

fn facts_of(file: &AuditFile) -> anyhow::Result<Facts> {
    let text = file.setting("facts")?.unwrap_or_default();
    serde_json::from_str(&text).context("the audit file does not say what its input held")
}

/// How far an audit is, as lines of `name: value` or JSON.
fn status(env: &mut Env, context: &Context, file: &Path) -> Result<Exit, Failure> {
    let status = AuditFile::open_read_only(file).and_then(|file| file.status()).map_err(anyhow::Error::from)?;
    let time = |seconds: i64| timestamp(seconds).to_string();
    let json = matches!(context.format, Some(Format::Json | Format::Jsonl));
    write_result(env, context.output.as_deref(), |out| {
        if json {
            serde_json::to_writer(&mut *out, &status).map_err(std::io::Error::from)?;
            writeln!(out)
        } else {
            writeln!(out, "domains: {}", status.domains)?;
            writeln!(out, "done: {}", status.done)?;
            writeln!(out, "failed: {}", status.failed)?;
            writeln!(out, "pending: {}", status.pending)?;
            writeln!(out, "changes: {}", status.changes)?;
            if let Some((oldest, newest)) = status.finished {
                writeln!(out, "rows made: {} to {}", time(oldest), time(newest))?;
            }
            for (name, value) in &status.settings {
                writeln!(out, "{name}: {}", safe_text(value))?;
            }
            Ok(())
        }
    })?;
    let all = status.failed == 0 && status.pending == 0;
    Ok(if all { Exit::Complete } else { Exit::Incomplete })
}

/// What is different between two audits, a line a domain.
fn differences(env: &mut Env, context: &Context, old: &Path, new: &Path) -> Result<Exit, Failure> {
    let open = |path: &Path| AuditFile::open_read_only(path).map_err(anyhow::Error::from);
    let (old, new) = (open(old)?, open(new)?);
    let options = |file: &AuditFile| file.setting("options").map_err(anyhow::Error::from);
    if options(&old)? != options(&new)? {
        env.say("ctclimb: the audits were made with different options; some differences may come from that");
    }
    let json = matches!(context.format, Some(Format::Json | Format::Jsonl));
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
