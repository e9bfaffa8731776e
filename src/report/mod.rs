//! How we tell it: [`Report`], one plain value, and one function of it per format.
//!
//! Pure: a renderer writes into what it is given; no clock, no files, no network types. Start at [`fn@write`].

mod codes;
mod csv;
mod digest;
#[cfg(test)]
mod fixture;
mod html;
mod idn;
mod json;
mod lines;
mod markdown;
mod model;
#[cfg(feature = "parquet")]
pub mod parquet;
mod redact;
mod safe;
#[cfg(test)]
mod tests;
mod text;
mod trace;
mod tree;

use std::io::{self, Write};

pub use codes::{chapter as code_chapter, codes_page};
pub use csv::Delimiter;
pub(crate) use digest::{counted, dropped_words, thousands};
pub(crate) use html::write_page;
pub use idn::unicode_form;
pub(crate) use json::compact as compact_json;
pub use json::{write_explained_json, write_explained_lines};
pub use lines::{CheckedTail, LevelHead, checked_line, json_text, level_line, write_closing, write_level};
pub use markdown::write_explained_markdown;
pub use model::{
    Advice, Checked, Coverage, Dropped, LevelReport, Report, SCHEMA, SourceCoverage, Timeline, TimelineSeries, View,
    Zone, ZoneServer,
};
pub use redact::redact;
pub use safe::{ascii as safe_ascii, csv_cell as safe_csv_cell, text as safe_text};
pub use trace::{
    Asked, LevelState, TRACE_SCHEMA, Trace, TraceCause, TraceCoverage, TraceDs, TraceHost, TraceLevel, TraceProbe,
    TraceServer, TraceStress, TraceZone,
};

/// The forms a report can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// For a terminal.
    Text,
    /// A post for a Discourse forum.
    Markdown,
    /// One JSON document.
    Json,
    /// One JSON object a line, each with its `type`.
    Jsonl,
    /// One table, comma separated.
    Csv,
    /// The same table, TAB separated.
    Tsv,
    /// One web page without any request.
    Html,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 7] =
        [Self::Text, Self::Markdown, Self::Json, Self::Jsonl, Self::Csv, Self::Tsv, Self::Html];

    /// The format as it is asked for: `markdown`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Html => "html",
        }
    }
}

/// What the place of output can show, and how much is welcome there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal; text only.
    pub width: usize,
    /// Colours, as ANSI sequences; text only.
    pub color: bool,
    /// Nothing outside ASCII; text only.
    pub ascii: bool,
    /// Rows that a section of a text or Markdown report shows before it says how many more there are.
    pub rows: usize,
    /// Characters a Markdown report may have; forums have limits.
    pub max_chars: usize,
    /// Leave cells that look like formulas as they are; CSV and TSV only.
    pub csv_raw: bool,
}

impl Default for Style {
    /// 80 columns, UTF-8 without colour, 20 rows, 30,000 characters, cells defused.
    fn default() -> Self {
        Self { width: 80, color: false, ascii: false, rows: 20, max_chars: 30_000, csv_raw: false }
    }
}

/// Writes a report. The same report and style give the same bytes.
///
/// # Errors
/// What `out` answers.
pub fn write(report: &Report, format: Format, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::write(report, style, out),
        Format::Markdown => markdown::write(report, style, out),
        Format::Json => json::write_document(report, out),
        Format::Jsonl => json::write_lines(report, out),
        Format::Csv => csv::write(report, Delimiter::Comma, style, out),
        Format::Tsv => csv::write(report, Delimiter::Tab, style, out),
        Format::Html => html::write(report, out),
    }
}
