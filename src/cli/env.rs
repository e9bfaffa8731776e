//! [`Env`]: everything a run takes from the outside and is not typed: streams, variables, the clock, the terminal.
//!
//! `main` builds the real one; a test builds one of buffers, and a whole run becomes a unit test.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{IsTerminal, Read, Write};

use crate::report::safe_text;

/// Characters of a line that is said; of a longer one its head and its end, which says what is wrong.
const LINE: usize = 2000;

/// The surroundings of a run.
pub struct Env {
    /// Environment variables.
    pub vars: BTreeMap<String, String>,
    /// Standard input.
    pub stdin: Box<dyn Read + Send>,
    /// Whether standard input is a terminal, so that waiting for it would wait for a person.
    pub stdin_is_terminal: bool,
    /// Standard output: the result.
    pub stdout: Box<dyn Write + Send>,
    /// Standard error: the conversation.
    pub stderr: Box<dyn Write + Send>,
    /// Columns of the terminal behind standard output; `None` when it is no terminal.
    pub columns: Option<u16>,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// The present time, seconds since 1970 UTC.
    pub now: fn() -> i64,
}

impl Env {
    /// The real surroundings of the process.
    #[must_use]
    pub fn real() -> Self {
        let stdout = std::io::stdout();
        let columns = stdout.is_terminal().then(|| {
            let from_shell = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
            from_shell.or_else(terminal_columns).unwrap_or(80)
        });
        Self {
            vars: std::env::vars_os().filter_map(|(key, value)| variable(key, value)).collect(),
            stdin: Box::new(std::io::stdin()),
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            stdout: Box::new(stdout),
            stderr: Box::new(std::io::stderr()),
            columns,
            now: || jiff::Timestamp::now().as_second(),
        }
    }

    /// The value of a variable; an empty one counts as unset.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// What the locale says of characters beyond ASCII; `None` where no locale is set.
    #[must_use]
    pub fn locale_has_unicode(&self) -> Option<bool> {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| self.var(name))?;
        Some(locale.to_ascii_lowercase().contains("utf"))
    }

    /// Takes standard input; afterwards it is empty.
    pub fn take_stdin(&mut self) -> Box<dyn Read + Send> {
        std::mem::replace(&mut self.stdin, Box::new(std::io::empty()))
    }

    /// Does some work, and reads standard input to its end whatever becomes of the work: whoever writes into it is not
    /// cut off.
    pub fn draining_stdin<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let (drained, at_the_end) = std::sync::mpsc::channel();
        self.stdin = Box::new(Drained { input: self.take_stdin(), _drained: drained });
        let done = work(self);
        // Whoever took it may have left it to a thread.
        drop(self.take_stdin());
        let _ = at_the_end.recv();
        done
    }

    /// Whether standard input has ended before its first octet. Waits for that octet, and puts it back.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn stdin_is_empty(&mut self) -> std::io::Result<bool> {
        let mut first = [0];
        let mut stdin = self.take_stdin();
        loop {
            match stdin.read(&mut first) {
                Ok(0) => return Ok(true),
                Ok(_) => {
                    self.stdin = Box::new(std::io::Cursor::new(first).chain(stdin));
                    return Ok(false);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Says something to the person at the terminal, a line or several: what they quote, a path or what was typed, cannot
    /// steer the terminal, nor fill it. A closed standard error is no reason to stop.
    pub fn say(&mut self, text: &str) {
        for line in text.lines() {
            let _ = match line.char_indices().nth(LINE) {
                None => writeln!(self.stderr, "{}", safe_text(line)),
                Some((at, _)) => {
                    let (more, end) = (line[at..].chars().count(), line.chars().rev().take(LINE / 4).count());
                    let tail = line.char_indices().rev().nth(end - 1).map_or("", |(at, _)| &line[at..]);
                    let (head, tail) = (safe_text(&line[..at]), safe_text(tail));
                    writeln!(self.stderr, "{head} ... ({} more characters) ... {tail}", more.saturating_sub(end))
                }
            };
        }
    }
}

/// An input that is read to its end when it is done with; then its sender goes.
struct Drained {
    input: Box<dyn Read + Send>,
    _drained: std::sync::mpsc::Sender<()>,
}

impl Read for Drained {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.input.read(buffer)
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        // Where it cannot be read on, there is no more to read.
        let _ = std::io::copy(&mut self.input, &mut std::io::sink());
    }
}

/// A variable as text. What is not UTF-8 is passed over, but not in one of ours, where it is judged as what it is not.
fn variable(key: OsString, value: OsString) -> Option<(String, String)> {
    let key = key.into_string().ok()?;
    let value = match value.into_string() {
        Ok(value) => value,
        Err(value) if key.starts_with("CTCLIMB_") => value.to_string_lossy().into_owned(),
        Err(_) => return None,
    };
    Some((key, value))
}

fn terminal_columns() -> Option<u16> {
    terminal_size::terminal_size().map(|(width, _)| width.0)
}
