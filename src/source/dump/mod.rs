//! Dumps: files and streams of certificates and names, recognised by content, read record by record.
//!
//! Memory follows what the sink keeps, never the size of the input. A record that cannot be read costs that record: it is
//! counted with its offset and an example, and the rest goes on. Knows no network.

mod certificates;
mod compressed;
mod encoding;
mod files;
mod foreign;
mod formats;
mod lines;
mod objects;
mod own;
#[cfg(feature = "parquet")]
mod parquet;
mod pem;
mod recognise;
mod window;

use std::io::{self, Read};

pub use compressed::open as unpacked;
pub use files::{Input, expand};
pub use own::write_issuances;
pub use recognise::Kind;

use crate::issuance::{Collection, Origin, Record, Told};
use crate::name::DropClass;
use window::Window;

/// Rows that crt.sh matches at most: an answer that reaches them is cut, silently.
const CRTSH_ROW_CAP: u64 = 10_000;
/// Octets one record may have; what is longer counts as one bad record.
pub const MAX_RECORD: usize = 16 << 20;

/// Where the records of one input go: a collection, and who told them.
struct Sink<'a> {
    collection: &'a mut Collection,
    origin: Origin,
    /// The last text of [`Sink::text`], and what it told: a precertificate and its certificate often stand side by side.
    last: (String, Option<Told>),
}

/// Octets of a text that are kept to be compared with the next.
const COMPARED: usize = 4096;

/// One entry of a record told name by name.
#[derive(Debug, Clone, Copy)]
enum Entry<'a> {
    /// What may be a DNS name.
    Name(&'a str),
    /// What is known to be none.
    Other(DropClass, &'a str),
}

impl Sink<'_> {
    /// Whether nothing but names is wanted, so that readers may leave out the rest.
    fn names_only(&self) -> bool {
        self.collection.keeps_names_only()
    }

    fn record(&mut self, record: &Record<'_>) {
        self.collection.add(record, self.origin);
    }

    /// Takes a record that is told as one text, of which `names` are the parts.
    fn text<'t>(&mut self, text: &str, names: impl Iterator<Item = &'t str>) {
        if let (last, Some(told)) = &self.last
            && last == text
        {
            self.collection.again(*told);
            return;
        }
        let dropped = self.collection.drops().total();
        self.collection.begin();
        self.collection.names(names);
        self.collection.end();
        self.last.1 = self.collection.told(dropped).filter(|_| text.len() <= COMPARED);
        if self.last.1.is_some() {
            self.last.0.clear();
            self.last.0.push_str(text);
        }
    }

    /// Takes a name that is of no certificate.
    fn listed(&mut self, name: &str) {
        self.collection.listed(name);
    }

    /// Takes a record that is told as its entries alone.
    fn entries<'a>(&mut self, entries: impl Iterator<Item = Entry<'a>>) {
        self.collection.begin();
        for entry in entries {
            match entry {
                Entry::Name(name) => self.collection.name(name),
                Entry::Other(class, text) => self.collection.other_name(class, text),
            }
        }
        self.collection.end();
    }
}

/// What one input gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// What the input is.
    pub kind: Kind,
    /// Records read.
    pub records: u64,
    /// Records that could not be read.
    pub unreadable: u64,
    /// The first of them: its offset in the (decompressed) input, and what is wrong, with how it starts.
    pub first_unreadable: Option<(u64, String)>,
    /// Parts that are no certificates by their own account: keys, requests, comments.
    pub skipped: u64,
    /// crt.sh only: matched rows as told by `result_count`.
    pub matched_rows: Option<u64>,
    /// The service that gave the answer had more: the row cap was reached.
    pub truncated: bool,
    /// Why the input is not whole, if it is not: it ends in a record, its compression is damaged, a bound was reached.
    pub stopped: Option<String>,
}

impl Summary {
    fn bad(&mut self, offset: u64, reason: &str, text: &[u8]) {
        self.unreadable += 1;
        self.first_unreadable.get_or_insert_with(|| (offset, format!("{reason}: `{}`", super::reply::head(text))));
    }

    fn stop(&mut self, reason: &str) {
        self.stopped.get_or_insert_with(|| reason.to_owned());
    }
}

/// An input that gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// None of the kinds we know.
    #[error("`{label}` starts with `{head}`: {}", hint.unwrap_or(recognise::EXPECTED), label = label.escape_debug())]
    Unrecognised {
        /// The file, or `standard input`.
        label: String,
        /// The first characters, control characters escaped.
        head: String,
        /// What it looks like, and what to do.
        hint: Option<&'static str>,
    },
    /// The error of a service that was saved in place of its answer.
    #[error("`{label}` is an error of Cert Spotter, not an answer: {message}", label = label.escape_debug())]
    Refusal {
        /// The file, or `standard input`.
        label: String,
        /// What the service said.
        message: String,
    },
    /// A web page that was saved in place of the answer.
    #[error("`{label}` starts with `{head}`, a web page in place of an answer: {sentence}", label = label.escape_debug())]
    Page {
        /// The file, or `standard input`.
        label: String,
        /// The first characters, control characters escaped.
        head: String,
        /// What the page says.
        sentence: String,
    },
    /// A case file, which is read from its path and not as a stream.
    #[error("`{label}` is a case file (SQLite), which is read from its path only: give the file itself, unpacked", label = label.escape_debug())]
    CaseFile {
        /// The file, or `standard input`.
        label: String,
    },
    /// What one machine of several made of its names.
    #[error("`{label}` is a partial, which `patterns --merge` reads", label = label.escape_debug())]
    Partial {
        /// The file, or `standard input`.
        label: String,
    },
    /// A Parquet file, and a build that reads none.
    #[error("`{label}` is a Parquet file, which this build cannot read; build with `--features parquet`", label = label.escape_debug())]
    NoParquet {
        /// The file, or `standard input`.
        label: String,
    },
    /// It cannot be read at all.
    #[error("cannot read `{label}`", label = label.escape_debug())]
    Read {
        /// The file, or `standard input`.
        label: String,
        /// Why.
        source: io::Error,
    },
}

/// Reads one input to its end, or as far as it can be read.
///
/// # Errors
/// [`DumpError`] when nothing of it can be used. What breaks later is in the summary, since records before it count.
pub fn read(input: impl Read + Send + 'static, label: &str, collection: &mut Collection) -> Result<Summary, DumpError> {
    let label = || label.to_owned();
    let fail = |source| DumpError::Read { label: label(), source };
    let mut window = Window::new(encoding::open(compressed::open(input).map_err(fail)?).map_err(fail)?);
    window.at_least(recognise::HEAD);
    window.pass(recognise::http_headers(window.text()));
    let kind = match recognise::kind(window.text(), window.ended()) {
        Some(Ok(Kind::Parquet)) if !cfg!(feature = "parquet") => return Err(DumpError::NoParquet { label: label() }),
        Some(Ok(kind)) => kind,
        Some(Err(recognise::NoDump::CaseFile)) => return Err(DumpError::CaseFile { label: label() }),
        Some(Err(recognise::NoDump::Partial)) => return Err(DumpError::Partial { label: label() }),
        None => {
            let (fault, head) = (window.fault(), super::reply::head(window.text()));
            return Err(match (fault, recognise::page(window.text())) {
                (Some(fault), _) => fail(fault),
                (None, Some(sentence)) => DumpError::Page { label: label(), head, sentence },
                (None, None) => DumpError::Unrecognised { label: label(), head, hint: foreign::hint(window.text()) },
            });
        }
    };
    if let Some(message) = recognise::refusal(window.text()) {
        return Err(DumpError::Refusal { label: label(), message });
    }
    let origin = collection.origin(&label());
    let mut summary = Summary { kind, ..Summary::default() };
    read_as(kind, &mut window, &mut summary, &mut Sink { collection, origin, last: (String::new(), None) });
    if let Some(fault) = window.fault() {
        // That the last record is cut is a consequence.
        summary.stopped = Some(format!("reading stopped at octet {}: {fault}", window.offset()));
    }
    // More records than the cap has rows: answers put together, of which nobody can tell whether one was cut.
    summary.truncated =
        summary.records <= CRTSH_ROW_CAP && summary.matched_rows.is_some_and(|rows| rows >= CRTSH_ROW_CAP);
    Ok(summary)
}

fn read_as(kind: Kind, window: &mut Window<impl Read>, summary: &mut Summary, sink: &mut Sink<'_>) {
    match kind {
        Kind::Empty => {}
        Kind::CrtshJson => objects::read::<formats::CrtSh>(window, summary, sink),
        Kind::CertSpotterJson => objects::read::<formats::CertSpotter>(window, summary, sink),
        Kind::NamesTile => objects::read::<formats::NamesTile>(window, summary, sink),
        Kind::Issuances => objects::read::<own::Own>(window, summary, sink),
        Kind::GetEntries => {
            formats::skip_to_entries(window);
            objects::read::<formats::GetEntries>(window, summary, sink);
        }
        Kind::Pem => pem::read(window, summary, sink),
        Kind::NameList => lines::names(window, summary, sink),
        Kind::Der => certificates::der(window, summary, sink),
        Kind::DataTile => certificates::data_tile(window, summary, sink),
        #[cfg(feature = "parquet")]
        Kind::Parquet => parquet::read(window, summary, sink),
        #[cfg(not(feature = "parquet"))]
        Kind::Parquet => {}
    }
}

#[cfg(test)]
mod tests;
