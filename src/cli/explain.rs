//! `ctclimb explain`: ACME errors from the command line, files or standard input.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Context as _;

use super::args::{Explain, Format};
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::inputs::only_once;
use super::output::write_result;
use super::settings::nearest;
use super::{Failure, wrong_format};
use crate::acme::{History, HistoryReport, write_explained, write_history};
use crate::audit::policy::policy_codes;
use crate::finding::{error_patterns, every_code};
use crate::report::{code_chapter, codes_page, write_explained_json, write_explained_lines, write_explained_markdown};
use crate::source::dump::unpacked;

/// Octets of a line that are read; the rest of it is passed over.
const LINE: u64 = 1 << 20;
/// Up to so many errors are explained one by one; more are counted over time.
const FEW: u64 = 3;

/// Runs the command.
pub fn run(env: &mut Env, context: &Context, args: &Explain) -> Result<Exit, Failure> {
    let format = context.format.unwrap_or(Format::Text);
    if args.codes {
        let page = codes_page();
        write_result(env, context.output.as_deref(), |out| out.write_all(page.as_bytes()))?;
        return Ok(Exit::Complete);
    }
    if let [input] = args.inputs.as_slice()
        && let Some(code) = every_code().chain(policy_codes()).find(|code| code.code == input)
        && !Path::new(input).exists()
    {
        let chapter = code_chapter(&code);
        write_result(env, context.output.as_deref(), |out| out.write_all(chapter.as_bytes()))?;
        return Ok(Exit::Complete);
    }
    if !matches!(format, Format::Text | Format::Markdown | Format::Json | Format::Jsonl) {
        return Err(wrong_format("explain", format, "text, markdown, json and jsonl"));
    }
    if args.inputs.is_empty() && env.stdin_is_terminal {
        let hint = "nothing to explain: give an error text, a file, or pipe a log in; see `ctclimb explain --help`";
        return Err(Failure::Usage(anyhow::anyhow!(hint)));
    }
    if args.inputs.is_empty() && env.stdin_is_empty().context("cannot read standard input")? {
        let hint = "standard input is empty: give an error text, a file, or `-` if that is meant";
        return Err(Failure::Usage(anyhow::anyhow!(hint)));
    }
    let mut lines = Lines { history: History::new(Some(context.now)), text: None };
    if args.inputs.is_empty() {
        read_lines(env.take_stdin(), &mut lines).context("cannot read standard input")?;
    }
    only_once(args.inputs.iter().map(OsStr::new))?;
    for input in &args.inputs {
        read_input(env, input, &mut lines)?;
    }
    let report = finish(lines.history);
    let width = usize::from(context.columns).min(100);
    write_result(env, context.output.as_deref(), |out| match format {
        Format::Text if report.errors <= FEW && !report.explained.is_empty() && report.other_errors.is_empty() => {
            write_explained(out, &report.explained, width)
        }
        Format::Text => write_history(out, &report, width),
        Format::Markdown => write_explained_markdown(&report, out),
        Format::Jsonl => write_explained_lines(&report, out),
        _ => write_explained_json(&report, out),
    })?;
    if report.errors == 0 && context.output.is_none() && format == Format::Text {
        let hint = match args.inputs.as_slice() {
            [word] if word.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-') => {
                let codes: Vec<&str> = every_code().chain(policy_codes()).map(|code| code.code).collect();
                nearest(word, &codes)
            }
            _ => String::new(),
        };
        context.say(env, &format!("ctclimb: no CAA error in this input{hint}"));
    }
    Ok(Exit::Complete)
}

/// Reads an ACME error or log from a file for other commands; `-` is standard input.
pub fn read_history(env: &mut Env, context: &Context, path: &Path) -> Result<HistoryReport, Failure> {
    Ok(read_history_and_text(env, context, path)?.0)
}

/// The same, and the text itself where it is not too long to be kept.
pub fn read_history_and_text(
    env: &mut Env,
    context: &Context,
    path: &Path,
) -> Result<(HistoryReport, Option<String>), Failure> {
    let mut lines = Lines { history: History::new(Some(context.now)), text: Some(String::new()) };
    let input = path.to_string_lossy();
    // No error is one word: it was meant as a file.
    if input != "-" && !input.contains(char::is_whitespace) && !path.exists() {
        return Err(Failure::Work(anyhow::anyhow!("`--error`: there is no file `{}`", input.escape_debug())));
    }
    read_input(env, &input, &mut lines)?;
    let history = finish(lines.history);
    if history.errors == 0 {
        let found = if history.other_errors.is_empty() { "no ACME error" } else { "ACME errors, but none about CAA," };
        context.say(env, &format!("ctclimb: `--error {}`: there is {found} in it", input.escape_debug()));
    }
    Ok((history, lines.text))
}

/// The errors of a text that was kept, read at the time of the run that kept it.
pub fn history_of(text: &str, now: i64) -> HistoryReport {
    let mut history = History::new(Some(now));
    text.lines().for_each(|line| history.add_line(line));
    finish(history)
}

/// Octets of errors that a case file keeps.
const KEPT: usize = 4 << 20;

/// Where lines go: what they say, and the lines themselves unless they are not wanted or too many.
struct Lines {
    history: History,
    text: Option<String>,
}

impl Lines {
    fn add(&mut self, line: &str) {
        self.history.add_line(line);
        if let Some(text) = &mut self.text {
            text.push_str(line.trim_end_matches('\n'));
            text.push('\n');
            if text.len() > KEPT {
                self.text = None;
            }
        }
    }
}

fn finish(mut history: History) -> HistoryReport {
    history.end_of_input();
    let template_of = error_patterns(&history.names());
    history.finish(&|name| template_of.get(name).cloned())
}

fn read_input(env: &mut Env, input: &str, lines: &mut Lines) -> anyhow::Result<()> {
    if input == "-" {
        read_lines(env.take_stdin(), lines).context("cannot read standard input")
    } else if Path::new(input).is_dir() {
        Err(anyhow::anyhow!("`{}` is a directory: give its files", input.escape_debug()))
    } else if Path::new(input).exists() {
        let file = File::open(input).with_context(|| format!("cannot read `{input}`"))?;
        read_lines(file, lines).with_context(|| format!("cannot read `{input}`"))
    } else if looks_like_a_path(input) {
        Err(anyhow::anyhow!("there is no file `{}`", input.escape_debug()))
    } else {
        input.lines().for_each(|line| lines.add(line));
        lines.history.end_of_input();
        Ok(())
    }
}

/// A text with a blank is an error text; one word with a slash or an extension was meant as a file.
fn looks_like_a_path(text: &str) -> bool {
    !text.contains(char::is_whitespace) && (text.contains('/') || Path::new(text).extension().is_some())
}

fn read_lines(input: impl Read + Send + 'static, lines: &mut Lines) -> std::io::Result<()> {
    let mut input = BufReader::with_capacity(1 << 16, unpacked(Box::new(input))?);
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut input).take(LINE).read_until(b'\n', &mut line)? == 0 {
            lines.history.end_of_input();
            return Ok(());
        }
        if !line.ends_with(b"\n") && line.len() as u64 == LINE {
            pass_over_line(&mut input)?;
        }
        lines.add(&String::from_utf8_lossy(&line));
    }
}

fn pass_over_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let (passed, end) = match memchr::memchr(b'\n', buffer) {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(passed);
        if end {
            return Ok(());
        }
    }
}
