//! Hosts that everybody has, with numbers: which are a counter of machines, and which are single hosts beside one.

use std::collections::{BTreeMap, BTreeSet};

use super::form::{Piece, Shape};
use super::language::Forbidden;
use super::model::Edge;
use super::population::Splitter;
use super::table::Table;
use super::words;

/// Numbers of one host word that make a counter: `ns1`, `ns2` and a third one everybody has.
const MACHINES: usize = 4;
/// Codes with numbers that make a family of their own.
const CODES: usize = 8;

impl<'a> Splitter<'a, '_> {
    /// Keeps the counters among words that are about to be dropped for hosts that everybody has: `console1` to `console25`.
    pub(super) fn keep_counters(&mut self, pool: &[Table<'a>]) {
        for table in pool.iter().filter(|table| is_counted(table)) {
            for (word, rows) in by_word(table) {
                if rows.len() >= MACHINES && words::is_known_word(word) {
                    let counter = table.partition(|row| table.cell(row, 0) == word).0;
                    if counter.members.iter().all(|&at| !self.members[at].inner) {
                        self.keep_table(&counter);
                    }
                }
            }
        }
    }

    /// The table without single hosts beside a counter of another word: `mx1` and `api2` beside `web1` to `web90`.
    pub(super) fn without_single_hosts(&self, table: Table<'a>) -> Table<'a> {
        if !self.place.at_root || !is_counted(&table) {
            return table;
        }
        let words = by_word(&table);
        let most = words.values().map(Vec::len).max().unwrap_or(0);
        if most < 2 * MACHINES || 4 * most < 3 * table.len() {
            return table;
        }
        let is_single = |row: usize| {
            let word = table.cell(row, 0);
            words[word].len() == 1 && words::is_known_word(word)
        };
        table.partition(|row| !is_single(row)).0
    }
}

impl<'a> Splitter<'a, '_> {
    /// Keeps the rows whose words are codes of one short width, each before numbers of its own, and gives back the others:
    /// `de1042`, `fr7`, `uk2210` beside `web2`.
    pub(super) fn without_codes(&mut self, table: Table<'a>) -> Table<'a> {
        if table.len() < CODES || !is_counted(&table) {
            return table;
        }
        let of_width = |width: usize| table.column(0).filter(|word| word.len() == width).count();
        let Some(width) = (2..=3).find(|&width| 10 * of_width(width) >= 9 * table.len()) else { return table };
        let (codes, others) = table.partition(|row| table.cell(row, 0).len() == width);
        let is_host = |word: &&str| words::is_known_word(word) && !words::is_country(word);
        if codes.len() < CODES || 2 * codes.column(0).filter(is_host).count() > codes.len() {
            return table;
        }
        self.keep_table(&codes);
        others
    }
}

/// The labels of a shape that a family leaves to hosts everybody has, for its expression: the commonest of them. All of them
/// would be an expression of a hundred kilobytes.
pub(super) fn spared(edge: &Edge, shape: &Shape) -> Vec<Forbidden> {
    let (Some(spares), [Piece::Word, rest @ ..]) = (edge.spares, &shape.pieces[..]) else { return Vec::new() };
    let number = match rest {
        [] => "",
        [Piece::Digits | Piece::Number] => "1",
        [Piece::Const(joint), Piece::Digits | Piece::Number] if joint == "-" => "-1",
        [Piece::Const(joint), Piece::Digits | Piece::Number] if joint == "_" => "_1",
        _ => return Vec::new(),
    };
    let words = words::common_hosts().filter(|word| spares(&format!("{word}{number}")));
    words.map(|word| [vec![Some(word.to_owned())], vec![None; rest.len()]].concat()).collect()
}

/// Whether a table is a word and a number.
fn is_counted(table: &Table<'_>) -> bool {
    match &table.shape.pieces[..] {
        [Piece::Word, Piece::Digits] => true,
        [Piece::Word, Piece::Const(joint), Piece::Digits] => matches!(joint.as_str(), "-" | "_"),
        _ => false,
    }
}

/// The rows of each word.
fn by_word<'a>(table: &Table<'a>) -> BTreeMap<&'a str, Vec<usize>> {
    let mut words: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for row in 0..table.len() {
        words.entry(table.cell(row, 0)).or_default().push(row);
    }
    words
}

/// Marks the numbers that follow a word which other rows of their shape have before their numbers too.
pub(super) fn see_counters(tables: &mut [Table<'_>]) {
    let numbers = |table: &Table<'_>| -> Vec<usize> {
        (0..table.width()).filter(|&at| table.shape.pieces[at] == Piece::Digits).collect()
    };
    let counting: BTreeSet<String> = tables
        .iter()
        .filter(|table| table.len() >= 3)
        .flat_map(|table| {
            let first = |at: usize| table.words_before(at) <= 1;
            let counts = |at: &usize| first(*at) && 2 * table.distinct(*at) > table.len();
            let words = |at: usize| table.words_before_number(at).filter(|words| words.values().all(|&rows| rows >= 3));
            let counting = numbers(table).into_iter().filter(counts).filter_map(words).flatten();
            counting.map(|(word, _)| word.to_owned()).collect::<Vec<String>>()
        })
        .collect();
    let rows: usize = tables.iter().map(Table::len).sum();
    let begin = tables.iter().filter(|table| table.shape.pieces[0] == Piece::Digits).map(Table::len).sum::<usize>();
    for table in tables {
        let counts = |at: &usize| {
            let counted = |words: BTreeMap<&str, usize>| words.keys().all(|word| counting.contains(*word));
            table.words_before(*at) <= 1 && table.words_before_number(*at).is_some_and(counted)
                || *at == 0 && 5 * begin >= 3 * rows
        };
        table.counters = numbers(table).into_iter().filter(counts).collect();
    }
}
