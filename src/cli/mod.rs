//! The command line: what was typed becomes a plan, a plan becomes a run, a run becomes an exit code.

mod analyze;
mod args;
mod asked;
mod audit;
mod audit_files;
mod audit_forecast;
mod audit_gather;
mod audit_hook;
mod audit_output;
mod audit_plan;
mod audit_run;
mod audit_side;
mod audit_stop;
mod caa;
mod caa_stream;
mod config_file;
mod context;
mod deep;
mod env;
mod exit;
mod explain;
mod fetch;
mod fetched;
mod forecast;
mod inputs;
mod interrupt;
mod investigate;
mod live;
mod manual;
mod name_table;
mod names;
mod output;
mod patterns;
mod present;
mod progress;
mod rate;
mod settings;
mod stored;
mod trace;
mod valid;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};

use crate::report::safe_text;
use args::{Cli, Command, ConfigAction};
use context::Context;
pub use env::Env;
pub use exit::Exit;
pub use interrupt::listen as listen_for_interrupts;

/// Why a command stopped before it had a result.
#[derive(Debug)]
enum Failure {
    /// What was typed or configured is not right.
    Usage(anyhow::Error),
    /// The work could not be done.
    Work(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Work(error)
    }
}

/// Runs the program: arguments and surroundings in, an exit code out. Everything said goes through `env`.
pub fn run(env: &mut Env, arguments: impl IntoIterator<Item = OsString>) -> Exit {
    interrupt::survive_file_size_limit();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let matches = match Cli::command().try_get_matches_from(&arguments) {
        Ok(matches) => matches,
        Err(error) => return answer_clap(env, &error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return answer_clap(env, &error),
    };
    match dispatch(env, cli, &arguments) {
        Ok(exit) => exit,
        Err(Failure::Usage(error)) => {
            env.say(&format!("ctclimb: {error:#}"));
            Exit::Usage
        }
        Err(Failure::Work(error)) => {
            env.say(&format!("ctclimb: {error:#}"));
            Exit::Failed
        }
    }
}

/// Octets of a mistake that are told as they are: more come of what was typed.
const LONGEST_ADVICE: usize = 4000;

/// Help and version are results; everything else is a mistake that clap explains.
fn answer_clap(env: &mut Env, error: &clap::Error) -> Exit {
    let colored = env.columns.is_some() && env.var("NO_COLOR").is_none();
    let plain = error.render().to_string();
    // What was typed is quoted as it is, and a script may have it from anywhere.
    let hostile = plain.len() > LONGEST_ADVICE || plain.lines().any(|line| safe_text(line) != line);
    let text = if colored && !hostile { error.render().ansi().to_string() } else { plain };
    if error.use_stderr() {
        if hostile {
            env.say(&text);
        } else {
            // A closed standard error is no reason to end in another way.
            let _ = env.stderr.write_all(text.as_bytes());
        }
        return Exit::Usage;
    }
    match output::write_result(env, None, |out| out.write_all(text.as_bytes())) {
        Ok(()) => Exit::Complete,
        Err(error) => {
            env.say(&format!("ctclimb: {error:#}"));
            Exit::Failed
        }
    }
}

fn dispatch(env: &mut Env, cli: Cli, arguments: &[OsString]) -> Result<Exit, Failure> {
    let context = Context::resolve(env, cli.common, arguments).map_err(Failure::Usage)?;
    if let Some(path) = &context.output {
        output::check(path)?;
    }
    match cli.command {
        Command::Config { action: ConfigAction::Show } => {
            text_only(&context, "config show")?;
            config_file::judge_environment(env).map_err(Failure::Usage)?;
            let mut text = Vec::new();
            context::show(&context, env, &mut text).map_err(anyhow::Error::from)?;
            output::write_result(env, context.output.as_deref(), |out| out.write_all(&text))?;
            Ok(Exit::Complete)
        }
        Command::Completions { shell } => {
            text_only(&context, "completions")?;
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "ctclimb", &mut script);
            output::write_result(env, context.output.as_deref(), |out| out.write_all(&script))?;
            Ok(Exit::Complete)
        }
        Command::Man { command } => {
            text_only(&context, "man")?;
            let page = manual::page(&command).map_err(Failure::Usage)?;
            output::write_result(env, context.output.as_deref(), |out| manual::write(&page, out))?;
            Ok(Exit::Complete)
        }
        Command::Investigate(args) => investigate::run(env, &context, &args),
        Command::Fetch(args) => fetch::run(env, &context, &args),
        Command::Caa(args) => caa::run(env, &context, &args),
        Command::Trace(args) => trace::run(env, &context, &args),
        Command::Report(args) => stored::run(env, &context, &args),
        Command::Analyze(args) => analyze::run(env, &context, &args),
        Command::Audit(args) => audit::run(env, &context, &args),
        Command::Names(args) => names::run(env, &context, &args),
        Command::Patterns(args) => patterns::run(env, &context, &args),
        Command::Explain(args) => explain::run(env, &context, &args),
    }
}

/// A format that a command does not have.
fn wrong_format(command: &str, format: args::Format, known: &str) -> Failure {
    let name =
        clap::ValueEnum::to_possible_value(&format).map_or_else(String::new, |value| value.get_name().to_owned());
    Failure::Usage(anyhow::anyhow!("`{command}` has no format `{name}`; it has {known}"))
}

/// For a command that has one format.
fn text_only(context: &Context, command: &str) -> Result<(), Failure> {
    match context.format {
        None | Some(args::Format::Text) => Ok(()),
        Some(other) => Err(wrong_format(command, other, "text")),
    }
}

/// Whether this build has Parquet.
fn need_parquet() -> Result<(), Failure> {
    if cfg!(feature = "parquet") {
        return Ok(());
    }
    Err(Failure::Usage(anyhow::anyhow!("Parquet is not in this build; build with `--features parquet`")))
}
