//! Hosts that everybody has, with numbers: which are a counter of machines, and which are single hosts beside one.

use std::collections::BTreeMap;

use super::form::Piece;
use super::population::Splitter;
use super::table::Table;
use super::words;

/// Numbers of one host word that make a counter: `ns1`, `ns2` and a third one everybody has.
const MACHINES: usize = 4;

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
