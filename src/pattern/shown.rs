//! How the columns of a family are shown to a reader, and why they are what they are said to be.

use std::collections::BTreeSet;

use super::class::{self, Alphabet};
use super::facts::Facts;
use super::form::{Item, Piece, Shape, Style};
use super::model::Edge;
use super::render::{View, are_countries, closed, cut, padded, views};
use super::token::Kind;

/// The reason of a column whose values are of a form that nothing else has: a UUID, an address, a date.
pub const BY_FORM: &str = "the form says it";

/// One variable column of a pattern, and why it is what it is said to be.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Column {
    /// The class: `num`, `hex`, `letters`, `base32`, `base36`, `k8s`, `uuid`, `ipv4`, `ipv6`, `mac`, `date`, `version`, `region`, `cc`, `enum`,
    /// `word`, `slug`, `puny`.
    pub class: String,
    /// The class as it stands in the template, with its width or values.
    pub shown: String,
    /// Which characters were seen, as a class of a regular expression.
    pub alphabet: String,
    /// Shortest and longest text.
    pub length: (usize, usize),
    /// Distinct values, when there are at most 64.
    pub distinct: Option<usize>,
    /// Names looked at.
    pub rows: u64,
    /// The values of an `enum`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Why this class.
    pub reason: String,
}

impl Column {
    /// How the column stands in a template: a closed list of one value is that value.
    fn placed(&self) -> String {
        if self.varies() { format!("{{{}}}", self.shown) } else { self.values.concat() }
    }

    /// Whether there is anything to tell of it.
    pub(super) fn varies(&self) -> bool {
        self.values.len() != 1
    }
}

/// Class, how it is shown, values and reason of one column.
fn describe(piece: &Piece, facts: &Facts, view: View) -> Option<Column> {
    let widths = if facts.min == facts.max { facts.max.to_string() } else { format!("{}-{}", facts.min, facts.max) };
    let mut values = Vec::new();
    let distinct = facts.values.count();
    let counted = distinct.map_or_else(|| "more than 64".to_owned(), |distinct| distinct.to_string());
    let (class, shown, reason) = match piece {
        Piece::Const(_) => return None,
        Piece::Word if view.open => {
            ("slug", "slug".to_owned(), format!("{counted} different words in {} names", facts.rows))
        }
        Piece::Word | Piece::Choice if are_countries(facts) => {
            ("cc", "cc".to_owned(), "two letters, nine in ten or more are country codes".to_owned())
        }
        Piece::Word | Piece::Choice => match closed(facts, view) {
            Some(found) => {
                values = found.into_iter().map(str::to_owned).collect();
                let reason = if view.style == Style::Closed || view.rows >= 2 * values.len() {
                    format!("{} words that repeat over {} places", values.len(), view.rows)
                } else if facts.values.are_all() {
                    repeated(values.len(), facts.rows, "words")
                } else {
                    format!("{} words, most of them known for hosts", values.len())
                };
                ("enum", listed(&values), reason)
            }
            None if view.only => {
                ("slug", "slug".to_owned(), format!("{counted} different words in {} names", facts.rows))
            }
            None => ("word", "word".to_owned(), format!("letters only, {counted} different in {} names", facts.rows)),
        },
        Piece::Digits | Piece::Number => numbers(facts),
        Piece::Opaque { .. } => {
            let alphabet = Alphabet::of(facts.charset & (class::LETTERS | class::DIGITS), facts.symbols);
            let digest = match (alphabet, facts.min, facts.max) {
                (Alphabet::Hex, 32, 32) => ", as long as MD5 or a UUID without dashes",
                (Alphabet::Hex, 40, 40) => ", as long as SHA-1",
                (Alphabet::Hex, 64, 64) => ", as long as SHA-256",
                (Alphabet::Hex, 12, 12) => ", as long as a MAC address",
                _ => "",
            };
            let reason = format!(
                "{} over {} characters in {} names, width {widths}{digest}",
                alphabet.variant(),
                facts.symbols,
                facts.rows
            );
            (alphabet.name(), format!("{}:{widths}", alphabet.name()), reason)
        }
        Piece::Typed(kind) => {
            let name = match kind {
                Kind::Uuid => "uuid",
                Kind::Ipv6 => "ipv6",
                Kind::Mac => "mac",
                Kind::Ipv4 => "ipv4",
                Kind::Date => "date",
                Kind::Version => "version",
                Kind::Region => "region",
                Kind::Puny => "puny",
                Kind::Dash | Kind::Underscore | Kind::Word | Kind::Digits | Kind::Mixed => "word",
            };
            (name, name.to_owned(), BY_FORM.to_owned())
        }
    };
    Some(Column {
        class: class.to_owned(),
        shown,
        alphabet: class::class_of(facts.charset),
        length: (usize::from(facts.min), usize::from(facts.max)),
        distinct,
        rows: facts.rows,
        values,
        reason,
    })
}

/// Why a list is closed that no new name adds to.
fn repeated(values: usize, rows: u64, what: &str) -> String {
    format!("{values} {what} in {rows} names, hardly one of them seen once")
}

/// How a closed list stands in a template.
fn listed(values: &[String]) -> String {
    let listed = values.join("|");
    if listed.len() <= 48 { format!("enum:{listed}") } else { format!("enum:{}", values.len()) }
}

fn numbers(facts: &Facts) -> (&'static str, String, String) {
    let range = format!("{}..{} in {} names", facts.smallest, facts.largest, facts.rows);
    if facts.min == facts.max && 20 * facts.dates >= 19 * facts.rows && facts.rows >= 3 {
        let what = if facts.min == 8 { "days" } else { "days with a time" };
        return (
            "date",
            "date".to_owned(),
            format!("{} digits, {} of {} are {what}", facts.min, facts.dates, facts.rows),
        );
    }
    let seconds =
        facts.min == 10 && facts.max == 10 && facts.smallest >= 1_000_000_000 && facts.largest < 2_100_000_000;
    let millis =
        facts.min == 13 && facts.max == 13 && facts.smallest >= 1_000_000_000_000 && facts.largest < 2_100_000_000_000;
    let note = match (seconds, millis) {
        (true, _) => ", seconds since 1970",
        (_, true) => ", milliseconds since 1970",
        _ => "",
    };
    match padded(facts) {
        Some(width) => ("num", format!("num:{width}"), format!("always {width} digits, {range}{note}")),
        None => ("num", "num".to_owned(), range),
    }
}

pub(super) fn columns(edge: &Edge) -> Vec<Column> {
    if edge.form.style == Style::Slug {
        return match edge.labels_seen.sorted().filter(|_| edge.labels_seen.are_all()) {
            Some(labels) => vec![label_column(edge, &labels)],
            None => slug_column(edge).into_iter().collect(),
        };
    }
    // Columns of all shapes over each other; a run of words is one column.
    let run = edge.form.style == Style::Run;
    let mut merged: Vec<(Piece, Facts, View)> = Vec::new();
    for (at_shape, (shape, facts)) in edge.form.shapes.iter().zip(&edge.facts).enumerate() {
        let (views, mut at) = (views(edge, at_shape), 0);
        for (place, item) in items(shape, run).into_iter().enumerate() {
            let (piece, len) = match item {
                Item::Words(len) => (Piece::Word, len),
                Item::Piece(piece) => (piece, 1),
            };
            if merged.len() <= place {
                merged.push((piece, Facts::default(), View { rows: 0, ..views[at] }));
            }
            let words = at..at + len;
            for at in words.filter(|&at| len == 1 || matches!(shape.pieces[at], Piece::Word | Piece::Number)) {
                merged[place].1.merge(&facts[at]);
            }
            merged[place].2.rows += views[at].rows;
            at += len;
        }
    }
    let shown = merged.iter().filter_map(|(piece, facts, view)| match (piece, view.open) {
        (Piece::Word, true) => run_column(facts),
        _ => describe(piece, facts, *view),
    });
    shown.collect()
}

/// The items of a shape: with runs of words joined, or piece by piece.
fn items(shape: &Shape, run: bool) -> Vec<Item> {
    if run { shape.collapse() } else { shape.pieces.iter().cloned().map(Item::Piece).collect() }
}

/// A run of words as one column.
fn run_column(facts: &Facts) -> Option<Column> {
    let counted = facts.values.count().map_or_else(|| "more than 64".to_owned(), |count| count.to_string());
    (facts.rows > 0).then(|| Column {
        class: "slug".to_owned(),
        shown: "slug".to_owned(),
        alphabet: class::class_of(facts.charset | class::bit(b'-')),
        length: (usize::from(facts.min), usize::from(facts.max)),
        distinct: None,
        rows: facts.rows,
        values: Vec::new(),
        reason: format!("one or more words in a row, {counted} different ones"),
    })
}

/// Labels of an open list that is none: every name brings one of these.
fn label_column(edge: &Edge, labels: &BTreeSet<&str>) -> Column {
    let (before, after) = affixes(&edge.form.shapes);
    let values: Vec<String> = labels
        .iter()
        .map(|label| label.strip_prefix(&*before).unwrap_or(label))
        .map(|label| label.strip_suffix(&*after).unwrap_or(label).to_owned())
        .collect();
    let lengths = || values.iter().map(String::len);
    let rows = edge.facts.iter().filter_map(|facts| facts.first()).map(|facts| facts.rows).sum();
    Column {
        class: "enum".to_owned(),
        shown: listed(&values),
        alphabet: class::class_of(values.iter().fold(0, |set, value| set | class::charset(value))),
        length: (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0)),
        distinct: Some(values.len()),
        rows,
        reason: repeated(values.len(), rows, "labels"),
        values,
    }
}

/// All shapes of a slug as one column.
fn slug_column(edge: &Edge) -> Option<Column> {
    let (mut set, mut rows, mut length) = (0, 0, (usize::MAX, 0));
    for (shape, facts) in edge.form.shapes.iter().zip(&edge.facts) {
        rows += facts.first()?.rows;
        let (mut shortest, mut longest) = (0, 0);
        for (piece, facts) in shape.pieces.iter().zip(facts).filter(|(_, facts)| facts.rows > 0) {
            set |= facts.charset;
            if !matches!(piece, Piece::Const(text) if text.bytes().any(|octet| octet.is_ascii_alphanumeric())) {
                shortest += usize::from(facts.min);
                longest += usize::from(facts.max);
            }
        }
        if longest > 0 {
            length = (length.0.min(shortest), length.1.max(longest));
        }
    }
    let spared = if edge.spares.is_some() { ", without the hosts that everybody has, such as `www`" } else { "" };
    Some(Column {
        class: "slug".to_owned(),
        shown: "slug".to_owned(),
        alphabet: class::class_of(set),
        length,
        distinct: None,
        rows,
        values: Vec::new(),
        reason: format!("an open list of words in {} shapes{spared}", edge.form.shapes.len()),
    })
}

pub(super) fn template(edge: &Edge, columns: &[Column]) -> String {
    if edge.form.style == Style::Slug {
        let (before, after) = affixes(&edge.form.shapes);
        let shown = columns.first().map_or_else(|| "{slug}".to_owned(), Column::placed);
        return format!("{before}{shown}{after}");
    }
    let mut columns = columns.iter();
    let mut template = String::new();
    let items = items(&edge.form.shapes[0], edge.form.style == Style::Run);
    for item in items {
        let piece = if let Item::Piece(piece) = item { piece } else { Piece::Word };
        match &piece {
            Piece::Const(text) => template.push_str(text),
            Piece::Typed(Kind::Version) => {
                columns.next();
                template.push_str("v{version}");
            }
            _ => {
                if let Some(column) = columns.next() {
                    template.push_str(&column.placed());
                }
            }
        }
    }
    template
}

/// The constant words that all shapes begin and end with.
fn affixes(shapes: &[Shape]) -> (String, String) {
    let texts = |reverse: bool| -> Vec<Vec<String>> {
        shapes
            .iter()
            .map(|shape| {
                let mut runs: Vec<String> = Vec::new();
                let mut pieces: Vec<&Piece> = shape.pieces.iter().collect();
                if reverse {
                    pieces.reverse();
                }
                for piece in pieces {
                    let Piece::Const(text) = piece else { break };
                    let mut cuts: Vec<String> = cut(text).collect();
                    if reverse {
                        cuts.reverse();
                    }
                    runs.extend(cuts);
                }
                runs
            })
            .collect()
    };
    let shared = |all: Vec<Vec<String>>| -> Vec<String> {
        let first = all.first().cloned().unwrap_or_default();
        let len = all.iter().map(|runs| runs.iter().zip(&first).take_while(|(a, b)| a == b).count()).min().unwrap_or(0);
        first[..len].to_vec()
    };
    let before = shared(texts(false)).concat();
    let mut after = shared(texts(true));
    after.reverse();
    (before, after.concat())
}
