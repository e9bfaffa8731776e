//! Saved data: what a file is, found from its content, and its records, one after the other.
//!
//! Streamed: memory follows the names, never the size of the file. A record that cannot be read costs that record; a file
//! that cannot be recognised is an error that says what it starts with. Compressed input is opened on its own thread.

mod binary;
mod certificates;
mod compressed;
mod files;
mod kind;
mod lists;
mod objects;
mod window;

use std::io::{self, Read};

pub use files::{Input, expand};
pub use kind::Kind;
use window::Window;

use crate::issuance::{Collection, Origin};

/// Rows that crt.sh matches at most: an answer that reaches them is cut, silently.
const CRTSH_ROW_CAP: u64 = 10_000;

/// What one input gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// What the input is.
    pub kind: Kind,
    /// Records read.
    pub records: u64,
    /// Records that could not be read.
    pub unreadable: u64,
    /// The first of them: its offset in the (decompressed) input, and what is wrong.
    pub first_unreadable: Option<(u64, String)>,
    /// The service that gave the answer had more: the row cap was reached.
    pub truncated: bool,
    /// Why reading stopped before the end, if it did.
    pub stopped: Option<String>,
}

impl Summary {
    fn unreadable(&mut self, offset: u64, why: &str) {
        self.unreadable += 1;
        self.first_unreadable.get_or_insert_with(|| (offset, why.escape_debug().take(160).collect()));
    }
}

/// An input that gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// None of the kinds we know.
    #[error("`{label}` starts with `{head}`: {expected}", expected = kind::EXPECTED)]
    Unrecognised {
        /// The file, or `standard input`.
        label: String,
        /// The first characters, control characters escaped.
        head: String,
    },
    /// The error of a service that was saved in place of its answer.
    #[error("`{label}` is an error of Cert Spotter, not an answer: {message}")]
    Refusal {
        /// The file, or `standard input`.
        label: String,
        /// What the service said.
        message: String,
    },
    /// It cannot be read at all.
    #[error("cannot read `{label}`")]
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
/// [`DumpError`] when nothing of it can be used. What breaks later is in the summary.
pub fn read(input: impl Read + Send + 'static, label: &str, collection: &mut Collection) -> Result<Summary, DumpError> {
    let origin = collection.origin(label);
    let fail = |source| DumpError::Read { label: label.to_owned(), source };
    let mut window = Window::new(compressed::open(input).map_err(fail)?);
    window.fill_to(kind::HEAD).map_err(fail)?;
    let Some(kind) = kind::recognise(window.rest(), window.at_end()) else {
        return Err(DumpError::Unrecognised { label: label.to_owned(), head: kind::head(window.rest()) });
    };
    if let Some(message) = kind::refusal(window.rest()) {
        return Err(DumpError::Refusal { label: label.to_owned(), message });
    }
    let mut summary = Summary { kind, ..Summary::default() };
    if let Err(error) = read_as(kind, &mut window, collection, origin, &mut summary) {
        summary.stopped = Some(format!("reading stopped at octet {}: {error}", window.offset()));
    }
    Ok(summary)
}

fn read_as(
    kind: Kind,
    window: &mut Window,
    collection: &mut Collection,
    origin: Origin,
    summary: &mut Summary,
) -> io::Result<()> {
    match kind {
        Kind::Empty => Ok(()),
        Kind::CrtshJson | Kind::CertSpotterJson | Kind::GetEntries | Kind::NamesTile | Kind::Issuances => {
            objects::read(kind, window, collection, origin, summary)
        }
        Kind::Pem => certificates::read_pem(window, collection, origin, summary),
        Kind::Der => certificates::read_der(window, collection, origin, summary),
        Kind::DataTile => binary::read_data_tile(window, collection, origin, summary),
        Kind::NameList => lists::read(window, collection, origin, summary),
    }
}
