//! [`Context`]: what every command needs of the command line, the configuration and the surroundings.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context as _;

use super::analyze::SAMPLE;
use super::args::{ColorChoice, Common, FailOn, Format};
use super::env::Env;
use super::rate;
use super::settings::{FileSettings, Origin, Setting, pick};
use crate::dns::BatchPlan;
use crate::limit::Rates;
use crate::source::live::Budget;

/// Settings that every command shares, resolved.
pub struct Context {
    /// The configuration file's values.
    pub file: FileSettings,
    /// The configuration file that was read.
    pub file_path: Option<PathBuf>,
    /// Where the result goes; `None` is standard output.
    pub output: Option<PathBuf>,
    /// The format asked for.
    pub format: Option<Format>,
    /// Whether the result is coloured.
    pub color: bool,
    /// The `--color` in force, for `config show`.
    pub color_choice: Setting<ColorChoice>,
    /// Results only.
    pub quiet: bool,
    /// Every request and lookup.
    pub verbose: bool,
    /// Cells as they are.
    pub csv_raw: bool,
    /// The present time, seconds since 1970 UTC.
    pub now: i64,
    /// Whether that is the clock's time, and not one that was asked for.
    pub now_is_real: bool,
    /// What makes the exit code 1.
    pub fail_on: Setting<FailOn>,
    /// Columns for text.
    pub columns: u16,
    /// The command line that goes on where this run ends, as a shell takes it.
    pub command: String,
}

impl Context {
    /// Resolves the shared options.
    ///
    /// # Errors
    /// A configuration file or a `--now` that is not right.
    pub fn resolve(env: &Env, common: Common, arguments: &[OsString]) -> anyhow::Result<Self> {
        let (file, file_path) = FileSettings::load(env, common.config.as_deref())?;
        let color_choice = pick(common.color, None, file.color, || ColorChoice::Auto);
        // As everywhere, `-` is the stream.
        let output = common.output.filter(|path| path.as_os_str() != "-");
        let color = match color_choice.value {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            // Any non-empty NO_COLOR counts (no-color.org); a file is no terminal.
            ColorChoice::Auto => {
                let dumb = env.var("TERM") == Some("dumb");
                env.columns.is_some() && output.is_none() && env.var("NO_COLOR").is_none() && !dumb
            }
        };
        let now = match &common.now {
            Some(text) => parse_time(text)?,
            None => (env.now)(),
        };
        Ok(Self {
            color,
            color_choice,
            now_is_real: common.now.is_none(),
            quiet: common.quiet,
            verbose: common.verbose,
            csv_raw: common.csv_raw,
            now,
            fail_on: pick(common.fail_on, None, file.fail_on, || FailOn::Error),
            // A reader without a terminal gets a width that fits a mail, unless the shell says another.
            columns: if output.is_some() { 80 } else { env.columns.or_else(|| wanted_columns(env)).unwrap_or(80) },
            output,
            command: command_line(arguments),
            format: common.format,
            file,
            file_path,
        })
    }

    /// Tells the person at the terminal something, unless they asked for results only.
    pub fn say(&self, env: &mut Env, line: &str) {
        if !self.quiet {
            env.say(line);
        }
    }
}

/// Arguments as a shell takes them, to go on later: the program by its name, and without what would begin anew.
fn command_line(arguments: &[OsString]) -> String {
    let texts = arguments
        .iter()
        .skip(1)
        .filter(|argument| *argument != "--fresh")
        .map(|argument| argument.to_string_lossy().into_owned());
    let words: Vec<String> = std::iter::once("ctclimb".to_owned()).chain(texts).collect();
    // Only an argument with a zero octet, which no system passes on, cannot be quoted.
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| "ctclimb".to_owned())
}

/// `COLUMNS`, where somebody exported it.
fn wanted_columns(env: &Env) -> Option<u16> {
    env.var("COLUMNS").and_then(|text| text.parse().ok()).filter(|columns| *columns > 0)
}

/// Seconds since 1970 from RFC 3339, or from the bare number of `SOURCE_DATE_EPOCH`.
fn parse_time(text: &str) -> anyhow::Result<i64> {
    if let Ok(seconds) = text.parse::<i64>() {
        let why = "is beyond the years that can be told, -9999 to 9999, in seconds since 1970";
        jiff::Timestamp::from_second(seconds)
            .ok()
            .with_context(|| format!("`{seconds}` for `--now` or SOURCE_DATE_EPOCH {why}"))?;
        return Ok(seconds);
    }
    let time: jiff::Timestamp = text.parse().with_context(|| {
        format!("`{}` is no time for `--now` or SOURCE_DATE_EPOCH; write 2024-01-31T12:00:00Z", text.escape_debug())
    })?;
    Ok(time.as_second())
}

/// Prints the settings in force, one a line, each with its origin; a key stays secret.
///
/// # Errors
/// The writer's.
pub fn show(context: &Context, env: &Env, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let file = &context.file;
    let (batch, budget) = (BatchPlan::default(), Budget::default());
    match &context.file_path {
        Some(path) => writeln!(out, "# configuration file: {}", path.display())?,
        None => writeln!(out, "# configuration file: none")?,
    }
    let mut line = |key: &str, value: String, origin: Origin| writeln!(out, "{key} = {value}  # {origin}");
    let texts = |values: &Option<Vec<String>>, default: &str| match values {
        Some(values) => (format!("{values:?}"), Origin::File),
        None => (default.to_owned(), Origin::Default),
    };
    let word = |value: Option<String>, default: &str| match value {
        Some(value) => (value, Origin::File),
        None => (default.to_owned(), Origin::Default),
    };
    let environment = |name: &'static str, from_file: &Option<String>, default: &str| match (env.var(name), from_file) {
        (Some(value), _) => (format!("{value:?}"), Origin::Environment(name)),
        (None, Some(value)) => (format!("{value:?}"), Origin::File),
        (None, None) => (default.to_owned(), Origin::Default),
    };
    let quoted = |text: &Option<String>| text.as_ref().map(|text| format!("{text:?}"));
    let number = |value: Option<usize>| value.map(|value| value.to_string());
    for (key, (value, origin)) in [
        ("resolver", texts(&file.resolver, "[\"system\"]")),
        ("rate", texts(&file.rate, &format!("{:?}", rate::texts(&Rates::default())))),
        ("concurrency", word(number(file.concurrency), &batch.in_flight.to_string())),
        ("timeout", word(quoted(&file.timeout), &format!("\"{}s\"", batch.timeout.as_secs()))),
        ("retries", word(file.retries.map(|n| n.to_string()), &batch.retries.to_string())),
        ("source", texts(&file.source, "[\"crtsh\"]")),
        ("sample", word(number(file.sample), &SAMPLE.to_string())),
        ("issuer", texts(&file.issuer, "[]")),
        ("detail", word(file.detail.map(|detail| format!("{detail:?}").to_lowercase()), "normal")),
        ("max-patterns", word(number(file.max_patterns), "unlimited")),
        ("keep", texts(&file.keep, "[]")),
        ("join", texts(&file.join, "[]")),
        ("root-hints", word(file.root_hints.as_ref().map(|path| format!("{path:?}")), "built in")),
        ("port", word(file.port.map(|port| port.to_string()), "53")),
        ("max-requests", word(file.max_requests.map(|n| n.to_string()), &budget.requests.to_string())),
        ("max-time", word(quoted(&file.max_time), &format!("\"{}m\"", budget.time.as_secs() / 60))),
        ("case-directory", word(file.case_directory.as_ref().map(|path| format!("{path:?}")), "the data directory")),
        ("crtsh-url", environment("CTCLIMB_CRTSH_URL", &file.crtsh_url, "\"https://crt.sh\"")),
        (
            "certspotter-url",
            environment("CTCLIMB_CERTSPOTTER_URL", &file.certspotter_url, "\"https://api.certspotter.com\""),
        ),
        ("crtsh-pg", environment("CTCLIMB_CRTSH_PG", &file.crtsh_pg, "\"crt.sh:5432\"")),
    ] {
        line(key, value, origin)?;
    }
    let (key, origin) = environment("CTCLIMB_CERTSPOTTER_KEY", &file.certspotter_key, "none");
    line("certspotter-key", if origin == Origin::Default { key } else { "(set)".to_owned() }, origin)?;
    line("color", format!("{:?}", context.color_choice.value).to_lowercase(), context.color_choice.origin)?;
    line("fail-on", format!("{:?}", context.fail_on.value).to_lowercase(), context.fail_on.origin)
}
