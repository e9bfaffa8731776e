//! [`Table`]: labels of one shape, row by row; and where a table falls apart into several.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::cost::{self, Counts, Spelled, float};
use super::form::{Piece, Shape};
use super::hash;
use super::settings::Settings;
use super::words;

/// One shape and the members that have it, before it is decided what it means.
#[derive(Debug, Clone)]
pub(super) struct Table<'a> {
    pub(super) shape: Shape,
    pub(super) members: Vec<usize>,
    /// The texts of each piece, row after row.
    cells: Vec<Spelled<'a>>,
    /// Columns of numbers that follow a constant word: they count something, and are no part of a run of words.
    pub(super) counters: Vec<usize>,
}

/// Bits that a piece of a template costs a reader.
pub(super) fn template_bits(pieces: &[Piece]) -> f64 {
    let bits = |piece: &Piece| match piece {
        Piece::Const(text) => 5.0 * float(text.len()),
        Piece::Word | Piece::Choice | Piece::Digits | Piece::Number | Piece::Opaque { .. } | Piece::Typed(_) => 12.0,
    };
    pieces.iter().map(bits).sum()
}

impl<'a> Table<'a> {
    pub(super) fn new(shape: Shape) -> Self {
        Self { shape, members: Vec::new(), cells: Vec::new(), counters: Vec::new() }
    }

    pub(super) fn push(&mut self, member: usize, row: &[Spelled<'a>]) {
        debug_assert_eq!(row.len(), self.width(), "one text a piece");
        self.members.push(member);
        self.cells.extend_from_slice(row);
    }

    pub(super) fn width(&self) -> usize {
        self.shape.pieces.len()
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn cell(&self, row: usize, column: usize) -> &'a str {
        self.cells[row * self.width() + column].text
    }

    /// The texts of a column, row after row.
    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = &'a str> + Clone + '_ {
        self.cells(column).map(|cell| cell.text)
    }

    /// The texts of a column with what each costs to spell.
    pub(super) fn cells(&self, column: usize) -> impl Iterator<Item = Spelled<'a>> + Clone + '_ {
        self.cells.iter().copied().skip(column).step_by(self.width())
    }

    /// The words of a row, leftmost first.
    pub(super) fn words(&self, row: usize) -> impl Iterator<Item = &'a str> + '_ {
        let pieces = self.shape.pieces.iter().enumerate();
        pieces.filter(|(_, piece)| **piece == Piece::Word).map(move |(at, _)| self.cell(row, at))
    }

    /// `_`, if it joins the words.
    pub(super) fn underscore(&self) -> Option<&'static str> {
        self.shape.pieces.iter().any(|piece| matches!(piece, Piece::Const(text) if text == "_")).then_some("_")
    }

    /// The table with its first or last part, a word or a word with a number, as a column of its own beside other words.
    pub(super) fn with_choice(&self, right: bool) -> Option<Self> {
        let pieces = &self.shape.pieces;
        let joint = |piece: &Piece| matches!(piece, Piece::Const(text) if matches!(text.as_str(), "-" | "_"));
        let part =
            if right { pieces.iter().rposition(joint)? + 1..pieces.len() } else { 0..pieces.iter().position(joint)? };
        let rest = if right { 0..part.start } else { part.end..pieces.len() };
        let fits = matches!(pieces[part.clone()], [Piece::Word] | [Piece::Word, Piece::Digits]);
        if !fits || !pieces[rest].contains(&Piece::Word) {
            return None;
        }
        let mut table = self.clone();
        table.shape.pieces[part.start] = Piece::Choice;
        Some(table)
    }

    pub(super) fn counts(&self, column: usize) -> Counts<'a> {
        self.cells(column).collect()
    }

    /// Adds the texts of some columns, row by row as one text, to what is counted.
    pub(super) fn count_runs(&self, columns: Range<usize>, counts: &mut Counts<'a>) {
        for row in self.cells.chunks_exact(self.width()) {
            let cells = &row[columns.clone()];
            let key = cells.iter().fold(0, |key, cell| hash::mix(key, cell.key));
            counts.add_run(key, || ("", cells.iter().map(|cell| cell.bits).sum()));
        }
    }

    pub(super) fn distinct(&self, column: usize) -> usize {
        self.counts(column).of.len()
    }

    /// Takes in the rows of a table with as many pieces.
    pub(super) fn append(&mut self, other: Self) {
        self.members.extend(other.members);
        self.cells.extend(other.cells);
    }

    /// The rows of which `keep` says so, and the others.
    pub(super) fn partition(&self, keep: impl Fn(usize) -> bool) -> (Self, Self) {
        let (mut with, mut without) = (Self::new(self.shape.clone()), Self::new(self.shape.clone()));
        for (row, cells) in self.cells.chunks_exact(self.width()).enumerate() {
            let part = if keep(row) { &mut with } else { &mut without };
            part.push(self.members[row], cells);
        }
        (with.counters, without.counters) = (self.counters.clone(), self.counters.clone());
        (with, without)
    }

    /// Keeps the rows of some members only.
    pub(super) fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        *self = self.partition(|row| keep(self.members[row])).0;
    }

    /// Bits to tell all rows, given the shape: column by column, or a run of words as one text where that is cheaper.
    pub(super) fn bits(&self) -> f64 {
        self.word_runs().into_iter().map(|run| self.run_bits(run)).sum()
    }

    /// The columns, those of words and numbers joined by single separators together.
    fn word_runs(&self) -> Vec<Range<usize>> {
        let pieces = &self.shape.pieces;
        let word = |at: usize| matches!(pieces.get(at), Some(Piece::Word | Piece::Digits | Piece::Number));
        let joint =
            |at: usize| matches!(pieces.get(at), Some(Piece::Const(text)) if matches!(text.as_str(), "-" | "_"));
        let mut runs = Vec::new();
        let mut from = 0;
        while from < pieces.len() {
            let mut to = from + 1;
            while word(from) && (word(to) || joint(to) && word(to + 1)) {
                to += 1;
            }
            runs.push(from..to);
            from = to;
        }
        runs
    }

    fn run_bits(&self, run: Range<usize>) -> f64 {
        let apart: f64 = run.clone().map(|at| self.column_bits(at)).sum();
        if run.len() == 1 {
            return apart;
        }
        let mut whole = Counts::default();
        self.count_runs(run, &mut whole);
        if 2 * whole.of.len() > self.len() { apart } else { apart.min(whole.listed()) }
    }

    fn column_bits(&self, at: usize) -> f64 {
        match self.shape.pieces[at] {
            Piece::Const(_) | Piece::Typed(_) => 0.0,
            Piece::Word | Piece::Choice | Piece::Digits | Piece::Number => self.counts(at).bits(),
            Piece::Opaque { .. } => cost::id_bits(self.column(at)),
        }
    }

    /// Bits that one more line of this shape costs.
    pub(super) fn line(&self, settings: &Settings) -> f64 {
        settings.detail.price() + template_bits(&self.shape.pieces)
    }

    /// Splits where a word goes with other texts than its like do, until nothing is saved by it.
    pub(super) fn divide(self, settings: &Settings) -> Vec<Self> {
        let Some((column, value)) = self.best_split(settings) else { return vec![self] };
        let (mut with, without) = self.partition(|row| self.cell(row, column) == value);
        with.shape.pieces[column] = Piece::Const(value.to_owned());
        [with.divide(settings), without.divide(settings)].concat()
    }

    fn best_split(&self, settings: &Settings) -> Option<(usize, &'a str)> {
        let words: Vec<usize> = (0..self.width()).filter(|&at| self.shape.pieces[at] == Piece::Word).collect();
        let counted: Vec<Counts<'a>> = words.iter().map(|&at| self.counts(at)).collect();
        for (&at, counts) in words.iter().zip(&counted) {
            if let Some(kept) = counts.of.iter().find(|one| settings.keep.iter().any(|keep| keep == one.text)) {
                return Some((at, kept.text));
            }
        }
        if self.len() < 6 || self.width() < 2 {
            return None;
        }
        let whole = self.bits();
        let mut best: Option<(f64, usize, &str)> = None;
        for (&at, counts) in words.iter().zip(&counted).filter(|(_, counts)| counts.of.len() >= 2) {
            let mut heavy: Vec<(&str, usize)> = counts.of.iter().map(|one| (one.text, one.count)).collect();
            heavy.retain(|(_, count)| *count >= 3 && 50 * count >= self.len());
            heavy.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
            for &(text, count) in heavy.iter().take(MOST_VALUES) {
                let (with, without) = self.partition(|row| self.cell(row, at) == text);
                let parts = with.bits() + without.bits() + cost::choice(count, self.len());
                let saved = whole - parts - self.line(settings);
                if saved > 0.0 && best.is_none_or(|(other, ..)| saved > other) {
                    best = Some((saved, at, text));
                }
            }
        }
        best.map(|(_, at, text)| (at, text)).or_else(|| self.two_words(&words, &counted))
    }

    /// Two words that each stand before or after numbers or ids of their own are two constants.
    fn two_words(&self, words: &[usize], counted: &[Counts<'a>]) -> Option<(usize, &'a str)> {
        let varying = |at: usize| {
            matches!(self.shape.pieces[at], Piece::Digits | Piece::Opaque { .. } | Piece::Typed(_))
                && self.distinct(at) > 2
        };
        if !(0..self.width()).any(varying) {
            return None;
        }
        for (&at, counts) in words.iter().zip(counted) {
            let [one, other] = counts.of[..] else { continue };
            if one.count < 3 || other.count < 3 {
                continue;
            }
            let first = one.text.min(other.text);
            if words::are_of_one_kind(first, one.text.max(other.text)) {
                continue;
            }
            let rest = |row: usize| -> Vec<&str> {
                (0..self.width()).filter(|other| *other != at).map(|other| self.cell(row, other)).collect()
            };
            let (mine, theirs): (Vec<usize>, Vec<usize>) =
                (0..self.len()).partition(|&row| self.cell(row, at) == first);
            let mine: BTreeSet<Vec<&str>> = mine.into_iter().map(rest).collect();
            let theirs: BTreeSet<Vec<&str>> = theirs.into_iter().map(rest).collect();
            let crossed = mine.intersection(&theirs).count();
            let other_words = words.iter().zip(counted).any(|(&other, counts)| other != at && counts.of.len() > 1);
            if 2 * crossed < mine.len().min(theirs.len()) && !other_words {
                return Some((at, first));
            }
        }
        None
    }

    /// The words before a number, glued to it or joined by one separator, and in how many rows each stands.
    pub(super) fn words_before_number(&self, at: usize) -> Option<BTreeMap<&'a str, usize>> {
        let pieces = &self.shape.pieces;
        let joint = |piece: &Piece| matches!(piece, Piece::Const(text) if matches!(text.as_str(), "-" | "_"));
        let before = at.checked_sub(1)?;
        let before = if joint(&pieces[before]) { before.checked_sub(1)? } else { before };
        (pieces[before] == Piece::Word)
            .then(|| self.counts(before).of.iter().map(|one| (one.text, one.count)).collect())
    }

    /// Columns of words before a column.
    pub(super) fn words_before(&self, at: usize) -> usize {
        self.shape.pieces[..at].iter().filter(|piece| **piece == Piece::Word).count()
    }

    /// Whether the words of the columns repeat: each stands in two rows and more, on average.
    pub(super) fn has_closed_words(&self) -> bool {
        let mut distinct =
            (0..self.width()).filter(|&at| self.shape.pieces[at] == Piece::Word).map(|at| self.distinct(at));
        let repeats = |distinct: usize| 2 * distinct <= self.len();
        // Beside numbers one such column is enough.
        if self.is_wordy() { distinct.all(repeats) } else { distinct.any(repeats) }
    }

    pub(super) fn has_numbers(&self) -> bool {
        self.shape.pieces.contains(&Piece::Digits)
    }

    /// Whether all numbers of a column are short and without padding.
    pub(super) fn is_short(&self, at: usize) -> bool {
        self.column(at).all(|text| text.len() <= 4 && !(text.len() > 1 && text.starts_with('0')))
    }

    /// Only words, and short numbers glued to them.
    pub(super) fn is_wordy(&self) -> bool {
        let (pieces, rows) = (&self.shape.pieces, self.len());
        let padded = |at: &usize| self.column(*at).any(|text| text.len() > 1 && text.starts_with('0'));
        let columns = || 0..pieces.len();
        let numbers: Vec<usize> =
            columns().filter(|&at| pieces[at] == Piece::Digits && self.distinct(at) > 1).collect();
        if rows >= 3 && (numbers.len() >= 2 || numbers.iter().any(padded)) {
            return false;
        }
        // Words that each stand before several numbers are roles, not names.
        let varying = columns().filter(|&at| pieces[at] == Piece::Word).map(|at| self.distinct(at)).max();
        if !numbers.is_empty() && varying.is_some_and(|distinct| rows >= 3 * distinct) {
            return false;
        }
        let mut words = 0;
        for at in columns() {
            match pieces[at] {
                Piece::Word | Piece::Choice => words += 1,
                Piece::Const(_) | Piece::Number => {}
                Piece::Digits => {
                    let glued = at > 0
                        && match &pieces[at - 1] {
                            Piece::Word | Piece::Choice => true,
                            Piece::Const(text) => text.ends_with(|c: char| c.is_ascii_lowercase()),
                            Piece::Digits | Piece::Number | Piece::Opaque { .. } | Piece::Typed(_) => false,
                        };
                    let short = self.column(at).all(|text| text.len() <= 4);
                    if !short || !glued && rows >= 4 {
                        return false;
                    }
                }
                Piece::Opaque { .. } | Piece::Typed(_) => return false,
            }
        }
        words > 0
    }

    /// Two or more word columns whose few values, different ones in each, meet in many combinations.
    pub(super) fn is_product(&self) -> bool {
        let columns: Vec<BTreeSet<&str>> = (0..self.width())
            .filter(|&at| self.shape.pieces[at] == Piece::Word)
            .map(|at| self.column(at).collect::<BTreeSet<_>>())
            .filter(|values| values.len() > 1)
            .collect();
        let rows = self.len();
        let cells = columns.iter().map(BTreeSet::len).product::<usize>();
        let repeat = columns.iter().all(|values| values.len() <= 40 && 2 * rows >= 3 * values.len());
        let apart = columns.windows(2).all(|pair| {
            let both = pair[0].intersection(&pair[1]).count();
            3 * both <= pair[0].len().min(pair[1].len())
        });
        columns.len() >= 2 && rows >= 6 && 5 * rows >= cells && repeat && apart
    }

    /// One column of country codes.
    pub(super) fn is_countries(&self) -> bool {
        let varying: Vec<usize> =
            (0..self.width()).filter(|&at| !matches!(self.shape.pieces[at], Piece::Const(_))).collect();
        let [column] = varying[..] else { return false };
        let codes = self.column(column).filter(|text| words::is_country(text)).count();
        // Languages have two letters too, and half of them are those of a country.
        let all_two = || self.len() >= 6 && 2 * codes >= self.len() && self.column(column).all(|text| text.len() == 2);
        self.shape.pieces[column] == Piece::Word
            && codes >= 4
            && (10 * codes >= 9 * self.len() && self.column(column).all(|text| text.len() <= 3) || all_two())
    }

    /// The shape with every column of one value made constant, a constant start of an id told apart from it.
    pub(super) fn settled(&self) -> Shape {
        let mut pieces: Vec<Piece> = Vec::new();
        for (at, piece) in self.shape.pieces.iter().enumerate() {
            let first = self.cell(0, at);
            let constant = self.len() >= 3 && self.column(at).all(|text| text == first);
            match piece {
                Piece::Word if constant => push_const(&mut pieces, first),
                Piece::Digits if constant && self.shape.variables() > 1 => push_const(&mut pieces, first),
                Piece::Const(text) => push_const(&mut pieces, text),
                Piece::Opaque { min, max, dashed } => {
                    let shared = if *dashed { 0 } else { shared_start(&self.column(at).collect::<Vec<_>>()) };
                    let cut = u8::try_from(shared).unwrap_or(0);
                    if cut > 0 {
                        push_const(&mut pieces, &first[..shared]);
                    }
                    pieces.push(Piece::Opaque { min: min - cut, max: max - cut, dashed: *dashed });
                }
                piece => pieces.push(piece.clone()),
            }
        }
        Shape { pieces }
    }
}

/// Values of a column that are tried as constants, the most frequent first.
const MOST_VALUES: usize = 16;

/// Octets that all ids of a column begin with, where chance does not explain it.
pub(super) fn shared_start(texts: &[&str]) -> usize {
    let first = texts[0];
    let mut shared = first.len();
    for text in texts {
        shared = shared.min(first.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count());
    }
    // Each row beyond the first agrees by chance once in sixteen at best.
    let chance_bits = 4 * shared * (texts.len() - 1);
    let shortest = texts.iter().map(|text| text.len()).min().unwrap_or(0);
    if chance_bits >= 16 && texts.len() >= 4 && shared + 3 <= shortest { shared } else { 0 }
}

pub(super) fn push_const(pieces: &mut Vec<Piece>, text: &str) {
    if let Some(Piece::Const(before)) = pieces.last_mut() {
        before.push_str(text);
    } else {
        pieces.push(Piece::Const(text.to_owned()));
    }
}
