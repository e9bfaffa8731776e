//! [`Reader`]: a log, line by line, to the ACME errors in it; folded lines and documents over many lines are joined.
//!
//! Memory is bounded: what is held back is one open document or one open mention, each with a limit; at the limit it is
//! read as it stands.

use serde_json::Value;

use super::detail::{AcmeError, Context, may_matter, scan};
use super::document::{embedded, log_time, read};
use super::plain::plain;
use super::time::{self, Lent, Stamp};

/// Octets of one line that are read.
pub(super) const LINE: usize = 1 << 20;
/// Octets of one document over several lines.
const DOCUMENT: usize = 1 << 18;
/// Lines of one document.
const DOCUMENT_LINES: usize = 4000;
/// Lines and octets a folded mention may go on for.
const FOLD: (usize, usize) = (4, 4096);
/// Lines within which an error type and its detail, or a summary and its problems, belong together.
const TOGETHER: usize = 4;

/// What a log tells.
#[derive(Debug)]
pub(super) enum Event {
    /// A CAA error and when it happened, if known.
    Error(Box<AcmeError>, Option<i64>),
    /// An ACME error that is not about CAA, by type.
    Other(String),
}

/// Reads a log line by line.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The time of the last line that had one.
    pub(super) time: Option<i64>,
    /// Some time had no zone.
    pub(super) zone_assumed: bool,
    /// Lines longer than is read.
    pub(super) cut_lines: u64,
    /// Where times without a year take it from.
    lent: Option<Lent>,
    document: Option<Document>,
    fold: Option<Fold>,
    /// An error type, the words after it, and for how many lines it waits.
    pending: Option<(String, String, usize)>,
    header: Option<(AcmeError, Option<i64>, usize)>,
    about: Option<(Context, usize)>,
}

#[derive(Debug)]
struct Document {
    lines: Vec<String>,
    octets: usize,
    balance: Balance,
    time: Option<i64>,
}

#[derive(Debug)]
struct Fold {
    text: String,
    lines: usize,
}

impl Reader {
    /// Times without a year lie before `now`, or close to those the log told before.
    pub(super) fn new(now: Option<i64>) -> Self {
        Self { lent: now.map(Lent::Until), ..Self::default() }
    }

    /// Reads one line, with or without its line end.
    pub(super) fn line(&mut self, line: &str, out: &mut Vec<Event>) {
        let line = line.trim_end_matches(['\n', '\r']);
        let line = if line.len() > LINE {
            self.cut_lines += 1;
            &line[..super::detail::floor(line, LINE)]
        } else {
            line
        };
        // A record in JSON states its time under a key of its own; other times in it are those of the matter.
        let start = line.trim_start();
        let stamp = if start.starts_with('{') { None } else { time::find(start, self.lent) };
        if self.document.is_some() {
            if stamp.is_none() {
                return self.go_on(line, out);
            }
            // A new record of the log begins: the document before it never ended.
            self.give_up(out);
        }
        if let Some(stamp) = stamp {
            self.note(stamp);
        }
        self.fresh(line, out);
    }

    /// Reads what is still held back.
    pub(super) fn finish(&mut self, out: &mut Vec<Event>) {
        self.give_up(out);
        self.unfold(out);
        self.drop_pending(out);
        self.drop_header(out);
    }

    fn note(&mut self, stamp: Stamp) {
        self.time = Some(stamp.second);
        self.lent = Some(Lent::Near(stamp.second));
        self.zone_assumed |= stamp.zone_assumed;
    }

    /// A line outside a document.
    fn fresh(&mut self, line: &str, out: &mut Vec<Event>) {
        let opens = memchr::memchr(b'{', line.as_bytes());
        let Some(open) = opens.filter(|open| matches!(line[open + 1..].trim_start().chars().next(), Some('"') | None))
        else {
            return self.words(line, out);
        };
        let mut balance = Balance::default();
        balance.feed(&line[open..]);
        if balance.depth > 0 {
            self.words(&line[..open], out);
            let rest = line[open..].to_owned();
            let octets = rest.len();
            self.document = Some(Document { lines: vec![rest], octets, balance, time: self.time });
            return;
        }
        if !may_matter(line) {
            if line.trim_start().starts_with('{')
                && let Some(stamp) = serde_json::from_str(line).ok().as_ref().and_then(log_time)
            {
                self.note(stamp);
            }
            return self.words("", out);
        }
        let (parts, words) = embedded(line);
        self.words(&words, out);
        for part in &parts {
            self.value(part, out);
        }
    }

    fn go_on(&mut self, line: &str, out: &mut Vec<Event>) {
        let Some(document) = &mut self.document else { return };
        document.balance.feed(line);
        document.octets += line.len() + 1;
        document.lines.push(line.to_owned());
        if document.balance.depth <= 0 {
            let text = document.lines.join("\n");
            let (parts, words) = embedded(&text);
            if parts.is_empty() {
                return self.give_up(out);
            }
            let time = document.time;
            self.document = None;
            self.words(&words, out);
            self.time = self.time.or(time);
            for part in &parts {
                self.value(part, out);
            }
        } else if document.octets > DOCUMENT || document.lines.len() > DOCUMENT_LINES {
            self.give_up(out);
        }
    }

    /// Reads the lines of a document that is none, as words.
    fn give_up(&mut self, out: &mut Vec<Event>) {
        for line in self.document.take().map(|document| document.lines).unwrap_or_default() {
            self.words(&line, out);
        }
    }

    fn value(&mut self, value: &Value, out: &mut Vec<Event>) {
        if let Some(stamp) = log_time(value) {
            self.note(stamp);
        }
        let found = read(value);
        if !found.errors.is_empty() {
            self.header = None;
        }
        for (error, time) in found.errors {
            out.push(Event::Error(Box::new(error), time.or(self.time)));
        }
        out.extend(found.others.into_iter().map(Event::Other));
    }

    /// Words: possibly folded, possibly with the error type in another line.
    fn words(&mut self, line: &str, out: &mut Vec<Event>) {
        let folded = self.fold.take();
        if folded.is_none() && !may_matter(line) {
            self.remember(line);
            self.age(out);
            return;
        }
        let (text, lines) = match folded {
            Some(fold) => {
                let joint = if fold.text.ends_with('-') { "" } else { " " };
                (format!("{}{joint}{}", fold.text, continuation(&plain(line))), fold.lines + 1)
            }
            None => (plain(line).into_owned(), 1),
        };
        let last = lines >= FOLD.0 || text.len() > FOLD.1;
        self.text(&text, lines, last, out);
        self.age(out);
    }

    fn unfold(&mut self, out: &mut Vec<Event>) {
        if let Some(fold) = self.fold.take() {
            self.text(&fold.text, fold.lines, true, out);
        }
    }

    fn text(&mut self, text: &str, lines: usize, last: bool, out: &mut Vec<Event>) {
        self.remember(text);
        let context = self.about.as_ref().map(|(context, _)| context.clone()).unwrap_or_default();
        let scan = scan(text, &context, last);
        // A type in a line before belongs to the first mention without one; if all have theirs, it stood alone.
        let untyped = |error: &AcmeError| error.problem.is_none();
        let mentions = !scan.errors.is_empty() || scan.header.is_some();
        let taken = scan.errors.iter().any(untyped) || scan.header.as_ref().is_some_and(untyped);
        if scan.pending.is_some() || (mentions && !taken) {
            self.drop_pending(out);
        }
        for mut error in scan.errors {
            if error.problem.is_none() {
                error.problem = self.pending.take().map(|(kind, ..)| kind);
            }
            if error.recheck {
                self.header = None;
            }
            out.push(Event::Error(Box::new(error), self.time));
        }
        if let Some(header) = scan.header {
            self.drop_header(out);
            self.header = Some((header, self.time, TOGETHER));
        }
        if mentions {
            self.pending = None;
        }
        if !scan.others.is_empty() && !text.contains("acme:error:") {
            // The detail of the type in a line before: that error is counted here.
            self.pending = None;
        }
        out.extend(scan.others.into_iter().map(Event::Other));
        if let Some((kind, words)) = scan.pending {
            self.pending = Some((kind, words, TOGETHER));
        }
        if let Some(open) = scan.open {
            self.fold = Some(Fold { text: text[open..].to_owned(), lines });
        }
    }

    /// certbot writes the name in a line of its own: `Domain: example.net`.
    fn remember(&mut self, line: &str) {
        let line = line.trim_start_matches([' ', '-', '*', '\t']);
        let name = ["Domain: ", "domain: ", "Identifier: "].iter().find_map(|key| line.strip_prefix(key));
        if let Some((name, wildcard)) = name.and_then(|name| super::detail::read_name(name.trim())) {
            self.about = Some((Context { name: Some(name), wildcard, problem: None }, TOGETHER));
        }
    }

    /// One line on: what waited too long for its other half stands alone.
    fn age(&mut self, out: &mut Vec<Event>) {
        if let Some((_, _, left)) = &mut self.pending {
            *left -= 1;
            if *left == 0 {
                self.drop_pending(out);
            }
        }
        if let Some((_, _, left)) = &mut self.header {
            *left -= 1;
            if *left == 0 {
                self.drop_header(out);
            }
        }
        if let Some((_, left)) = &mut self.about {
            *left -= 1;
            if *left == 0 {
                self.about = None;
            }
        }
    }

    fn drop_pending(&mut self, out: &mut Vec<Event>) {
        if let Some((kind, words, _)) = self.pending.take() {
            if kind.eq_ignore_ascii_case("caa") {
                let error = super::detail::worded_otherwise(&words, &Context::default(), Some(kind));
                out.push(Event::Error(Box::new(error), self.time));
            } else {
                out.push(Event::Other(kind));
            }
        }
    }

    fn drop_header(&mut self, out: &mut Vec<Event>) {
        if let Some((header, time, _)) = self.header.take() {
            out.push(Event::Error(Box::new(header), time));
        }
    }
}

/// A folded line without the marks of quoting and of tables before it.
fn continuation(line: &str) -> &str {
    line.trim_start_matches([' ', '\t', '>', '|', '#'])
}

/// Counts braces outside of strings, over any number of lines.
#[derive(Debug, Default)]
struct Balance {
    depth: i64,
    quoted: bool,
    escaped: bool,
}

impl Balance {
    fn feed(&mut self, text: &str) {
        for octet in text.bytes() {
            match octet {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.quoted => self.escaped = true,
                b'"' => self.quoted = !self.quoted,
                b'{' if !self.quoted => self.depth += 1,
                b'}' if !self.quoted => self.depth -= 1,
                _ => {}
            }
        }
        // JSON has no line breaks inside strings: a quote still open at the end of a line is none of JSON's.
        (self.quoted, self.escaped) = (false, false);
    }
}
