//! `ctclimb audit` as it is typed: many domains, or everything in dumps, to rows; resumable, in shards, held against a policy.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Failure;
use super::args::{Grouping, Limits, Lookups, Sources};
use super::audit_files::{changes, differences, merged, report, status};
use super::audit_output::Outputs;
use super::audit_run::audit;
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::valid;
use crate::audit::shard::Shard;

/// `ctclimb audit`
#[derive(Debug, Args)]
#[command(subcommand_precedence_over_arg = true)]
#[command(mut_arg("case", |arg| arg.value_name("DIR").help(
    "The directory of the case files, one a domain; default: FILE.cases beside `--file FILE`, else none"
)))]
#[command(mut_arg("no_case", |arg| arg.help("Keep no case files")))]
#[command(mut_arg("max_requests", |arg| arg.help("At most this many requests to services in this run, over all domains")))]
#[command(mut_arg("max_time", |arg| arg.help("At most this long for this run, such as 8h; the same command goes on")))]
#[command(mut_arg("retries", |arg| arg.help("Tries after the first, of a question or of a request")))]
pub struct Audit {
    /// What to do with audit files; without it, audit
    #[command(subcommand)]
    pub action: Option<Action>,
    /// The domains; with `--from`, only these of the dumps
    #[arg(value_name = "DOMAIN")]
    pub domains: Vec<String>,
    /// A domain, as an option (repeatable)
    #[arg(short, long = "domain", id = "domain_option", value_name = "DOMAIN")]
    pub domain_options: Vec<String>,
    /// Domains from FILE, one a line, `#` starts a comment; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// Audit the registered domains of dumps, lists of names and case files, without fetching (repeatable)
    #[arg(long, value_name = "INPUT", num_args = 1..)]
    pub from: Vec<PathBuf>,
    /// Keep the audit in FILE: the same command goes on where it was stopped
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Refuse to start when a line of the list is no domain
    #[arg(long)]
    pub strict: bool,
    /// Ask no DNS
    #[arg(long, conflicts_with_all = ["resolver", "dns", "deep", "no_deep", "root_hints", "port", "repeat"])]
    pub no_dns: bool,
    /// Audit only the domains of shard I of N
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// Audit again what was audited longer ago than this, such as 36h
    #[arg(long, value_name = "AGE")]
    pub max_age: Option<String>,
    /// Threads that group and judge; default: all cores
    #[arg(long, value_name = "N", value_parser = valid::threads)]
    pub workers: Option<usize>,
    /// Audit again every INTERVAL, such as 6h, until interrupted; rows that are new or changed are appended to the output
    #[arg(long, value_name = "INTERVAL", requires = "file", conflicts_with = "from")]
    pub watch: Option<String>,
    /// Run this program, without a shell, for every domain that changed: its arguments are the domain (a leading `-`
    /// written `\045`) and what changed, its standard input is the change as one line of JSON
    #[arg(long, value_name = "PROGRAM", requires = "file")]
    pub on_change: Option<PathBuf>,
    /// Kill the program of `--on-change` after this long; what it did not take is told again by the next run
    #[arg(long, value_name = "TIME", default_value = "60s", requires = "on_change")]
    pub on_change_timeout: String,
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
    /// What changed in the rounds of a `--watch`, or when rows were made again
    Changes {
        /// The audit file.
        file: PathBuf,
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

impl Audit {
    /// The domains typed, in order.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        self.domains.iter().chain(&self.domain_options).map(String::as_str)
    }
}

/// Runs the command.
pub fn run(env: &mut Env, context: &Context, args: &Audit) -> Result<Exit, Failure> {
    match &args.action {
        None => audit(env, context, args),
        Some(Action::Status { file }) => status(env, context, file),
        Some(Action::Report { file, outputs }) => report(env, context, file, outputs),
        Some(Action::Diff { old, new }) => differences(env, context, old, new),
        Some(Action::Changes { file }) => changes(env, context, file),
        Some(Action::Merge { files, into, outputs }) => merged(env, context, files, into.as_deref(), outputs),
    }
}
