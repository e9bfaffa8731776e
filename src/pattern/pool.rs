//! Labels of words alone: which are columns of a table, and which an open list.

use std::collections::{BTreeMap, BTreeSet};

use super::cost::{self, Counts, float};
use super::form::{Form, Piece, Style};
use super::grow::Place;
use super::population::Splitter;
use super::runs::{known_words, loosened, run_bits, run_shapes, word_order_bits};
use super::settings::Detail;
use super::table::{self, Table};
use super::words;

/// Words that are tried as what parts a list of words, the most frequent first.
const MOST_WORDS: usize = 24;

impl<'a> Splitter<'a, '_> {
    /// Tables of words to families: products and closed columns make their own, the rest is an open list.
    pub(super) fn decide_words(&mut self, tables: Vec<Table<'a>>) {
        // Closed columns that meet in many combinations are a table of their own, but for a few of a longer open list.
        let (products, mut rest): (Vec<_>, Vec<_>) = tables.into_iter().partition(Table::is_product);
        let open: usize = rest.iter().filter(|table| table.is_wordy()).map(Table::len).sum();
        for table in products {
            if open >= table.len() {
                rest.push(table);
            } else {
                self.keep_table(&table);
            }
        }
        rest = rest.into_iter().map(|table| self.without_codes(table)).filter(|table| table.len() > 0).collect();
        if let Some(at) = rest.iter().position(Table::is_countries) {
            let table = rest.remove(at);
            self.keep_table(&table);
        }
        let mut pools = if rest.is_empty() { Vec::new() } else { vec![rest] };
        while let Some(pool) = pools.pop() {
            let column = self.with_column(&pool).map_or(0.0, |(saved, _)| saved);
            match self.part(&pool) {
                Some((saved, with, without)) if saved > column => pools.extend([with, without]),
                Some(_) | None => self.keep_pool(pool),
            }
        }
    }

    /// Parts rows of words by one word that other words go with, where that is cheaper to tell, and says by how much.
    fn part(&self, pool: &[Table<'a>]) -> Option<(f64, Vec<Table<'a>>, Vec<Table<'a>>)> {
        let rows: usize = pool.iter().map(Table::len).sum();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for table in pool {
            for row in 0..table.len() {
                for word in table.words(row).chain(table.underscore()).collect::<BTreeSet<_>>() {
                    *counts.entry(word).or_default() += 1;
                }
            }
        }
        let mut heavy: Vec<(&str, usize)> =
            counts.into_iter().filter(|&(_, count)| count >= 5 && count < rows).collect();
        heavy.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        // The words themselves are told once, whatever they part into.
        let known = known_words(pool);
        let told = |part: &[Table<'a>]| {
            let line = self.settings.detail.price() + table::template_bits(&[Piece::Word]);
            word_order_bits(part, known) + line + 8.0 * float(part.len())
        };
        let whole = told(pool);
        let mut best: Option<(f64, Vec<Table<'a>>, Vec<Table<'a>>)> = None;
        for (word, count) in heavy.into_iter().take(MOST_WORDS) {
            let (mut with, mut without) = (Vec::new(), Vec::new());
            for table in pool {
                let (yes, no) =
                    table.partition(|row| table.words(row).chain(table.underscore()).any(|text| text == word));
                with.extend((yes.len() > 0).then_some(yes));
                without.extend((no.len() > 0).then_some(no));
            }
            let parts = told(&with) + told(&without);
            let saved = whole - parts - cost::choice(count, rows) - self.settings.detail.price();
            let better = best.as_ref().is_none_or(|(other, ..)| saved > *other);
            if saved > 0.0 && better && !only_joins(word, &with, &without) {
                best = Some((saved, with, without));
            }
        }
        best
    }

    /// Rows of words as one family, without the tables that are cheaper to tell apart.
    fn keep_pool(&mut self, mut pool: Vec<Table<'a>>) {
        let column = self.with_column(&pool);
        let has_column = column.is_some();
        pool = column.map_or(pool, |(_, tables)| tables);
        pool.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.shape.cmp(&b.shape)));
        let mut at = 0;
        while at < pool.len() && pool.len() > 1 {
            let table = pool.remove(at);
            let rows = table.len() + pool.iter().map(Table::len).sum::<usize>();
            let joined = || {
                let others: Vec<&Table<'a>> = pool.iter().collect();
                let whole: Vec<&Table<'a>> = pool.iter().chain([&table]).collect();
                run_bits(&whole, self.settings) - run_bits(&others, self.settings)
            };
            // A word with its numbers reads better on a line of its own.
            let line = table.line(self.settings) * if table.is_wordy() { 1.0 } else { 0.3 };
            // A few closed words beside a longer list of words tell the reader nothing.
            let lost = table.is_wordy() && rows >= 2 * table.len();
            let closed = table.len() >= 4 && table.width() > 1 && table.has_closed_words() && !lost;
            if closed && table.bits() + line + cost::choice(table.len(), rows) < joined() {
                self.keep_table(&table);
            } else {
                pool.insert(at, table);
                at += 1;
            }
        }
        if pool.is_empty() || !pool.iter().any(Table::is_wordy) {
            return self.join_runs(pool);
        }
        if let [table] = &pool[..]
            && table.shape.variables() > 1
            && (table.has_closed_words() || table.len() >= 6)
        {
            return self.keep_table(table);
        }
        // Hosts that everybody has are no tenants; what stands below a family is no host.
        let is_host = if self.place.at_root { words::is_known_host } else { words::is_known_word };
        if self.place.at_root {
            self.keep_counters(&pool);
        }
        for table in pool.iter_mut().filter(|_| !self.place.pooled) {
            table.retain(|at| self.members[at].inner || !is_host(self.members[at].whole));
        }
        pool.retain(|table| table.len() > 0);
        let plain: usize = pool.iter().map(Table::len).sum();
        // Below a family, what stays alone is a line of a name or two.
        let members = || pool.iter().flat_map(|table| &table.members).map(|&at| self.members[at]);
        let enough = match (self.place, self.settings.detail) {
            (_, Detail::Low) => 3,
            (Place { at_root: true, .. }, _) => 6,
            (Place { pooled: true, .. }, _) if members().all(|member| member.weight < 3.0) => 3,
            _ => 5,
        };
        let paired = pool.iter().flat_map(|table| &table.members).filter(|&&at| self.members[at].paired).count();
        if plain < enough && (plain < 4 || 4 * paired < 3 * plain) {
            return;
        }
        let members: Vec<usize> = pool.iter().flat_map(|table| table.members.iter().copied()).collect();
        let style = if has_column { Style::Run } else { Style::Slug };
        self.families.push((Form { style, shapes: run_shapes(&pool) }, members));
    }

    /// The tables with the first or the last word as a column of its own, where these words are few and it is cheaper to
    /// tell so: `acme-shop-fr`, `initech-de`.
    fn with_column(&self, pool: &[Table<'a>]) -> Option<(f64, Vec<Table<'a>>)> {
        let sides = [true, false].into_iter().filter_map(|right| self.with_end_column(pool, right));
        sides.max_by(|a, b| a.0.total_cmp(&b.0))
    }

    fn with_end_column(&self, pool: &[Table<'a>], right: bool) -> Option<(f64, Vec<Table<'a>>)> {
        let tables: Vec<Table<'a>> = pool.iter().map(|table| table.with_choice(right)).collect::<Option<_>>()?;
        let texts = tables.iter().flat_map(|table| {
            let at = table.shape.pieces.iter().position(|piece| *piece == Piece::Choice);
            at.into_iter().flat_map(|at| table.cells(at))
        });
        let counts: Counts<'_> = texts.collect();
        let key = loosened(tables.first()?).run_key();
        let alike = tables.iter().all(|table| loosened(table).run_key() == key);
        let closed = counts.of.len() <= 60 && 2 * counts.of.len() <= counts.rows && counts.of.len() > 1;
        if !alike || !closed {
            return None;
        }
        let bits = |tables: &[Table<'a>]| run_bits(&tables.iter().collect::<Vec<_>>(), self.settings);
        let saved = bits(pool) - bits(&tables) - 12.0;
        (saved > 0.0).then_some((saved, tables))
    }
}

/// Whether a word only joins words that stand without it too: `ferreira-e-moraes` beside `moraes-imoveis`. What it parts is no
/// other list of names.
fn only_joins(word: &str, with: &[Table<'_>], without: &[Table<'_>]) -> bool {
    let between = |words: &[&str]| words.first() != Some(&word) && words.last() != Some(&word);
    let rows = |tables: &[Table<'_>]| tables.iter().map(Table::len).sum::<usize>();
    let mut others: BTreeSet<&str> = BTreeSet::new();
    for table in with {
        for row in 0..table.len() {
            let words: Vec<&str> = table.words(row).collect();
            if !between(&words) {
                return false;
            }
            others.extend(words);
        }
    }
    others.remove(word);
    let elsewhere: BTreeSet<&str> =
        without.iter().flat_map(|table| (0..table.len()).flat_map(|row| table.words(row))).collect();
    rows(with) < rows(without) && 4 * others.intersection(&elsewhere).count() >= 3 * others.len()
}
