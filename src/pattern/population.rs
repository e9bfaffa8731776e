//! The labels that stand at one place of the name tree, split into constants and [`Form`]s.
//!
//! Decided from the labels themselves and a few facts of what hangs below each; order of input does not matter.

use std::collections::{BTreeMap, BTreeSet};

use super::form::{Form, Item, Piece, Shape, Style};
use super::opaque::Opaque;
use super::settings::{Detail, Settings};
use super::token::{self, Kind, Token};
use super::{merge, words};

/// One distinct label at a place.
#[derive(Debug, Clone)]
pub(super) struct Member<'a> {
    pub(super) label: &'a str,
    pub(super) tokens: Vec<Token>,
    /// Much hangs below it that hangs below none of its siblings: a zone of its own.
    pub(super) zone: bool,
    /// Names only go on below it.
    pub(super) inner: bool,
    /// The same label hangs below it as below at least two of its siblings.
    pub(super) paired: bool,
}

impl<'a> Member<'a> {
    pub(super) fn new(label: &'a str, [zone, inner, paired]: [bool; 3]) -> Self {
        let mut tokens = Vec::new();
        token::tokenize(label, &mut tokens);
        Self { label, tokens, zone, inner, paired }
    }
}

/// What a population splits into: forms with their members; the other members are constants.
pub(super) type Families = Vec<(Form, Vec<usize>)>;

/// A stretch of tokens of one member, what stands before and after it being constant.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    member: usize,
    from: usize,
    to: usize,
}

/// One shape and the members that have it, before it is decided what it means.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) shape: Shape,
    pub(super) members: Vec<usize>,
    /// The texts of each piece, by row.
    pub(super) rows: Vec<Vec<String>>,
    /// Pieces before and after the part that varies.
    affixes: (usize, usize),
}

/// Words split off at one place at most; what is left is learned as it is.
const MOST_AFFIXES: usize = 200;

/// How sure it is that a word is a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Firmness {
    /// More frequent than its like.
    Likely,
    /// Numbers, ids or another constant go with it.
    Firm,
}

struct Splitter<'a, 's> {
    members: &'s [Member<'a>],
    settings: &'s Settings,
    at_root: bool,
    tables: Vec<Table>,
    families: Families,
}

/// Splits a population. `at_root` says that the labels stand directly below a registered domain, where hosts mix with everything.
pub(super) fn split(members: &[Member<'_>], at_root: bool, settings: &Settings) -> Families {
    let mut splitter = Splitter { members, settings, at_root, tables: Vec::new(), families: Vec::new() };
    let all = members.iter().enumerate().filter(|(_, member)| !splitter.is_constant(member));
    let all: Vec<Stretch> = all.map(|(at, member)| Stretch { member: at, from: 0, to: member.tokens.len() }).collect();
    splitter.peel(all, &[], &[]);
    let families = splitter.families;
    merge::families(families, members, settings)
}

impl<'a> Splitter<'a, '_> {
    fn is_constant(&self, member: &Member<'_>) -> bool {
        member.zone && member.tokens.iter().all(|token| !token.kind.is_typed())
            || self.settings.keep.iter().any(|keep| keep == member.label)
    }

    fn text(&self, stretch: Stretch, at: usize) -> &'a str {
        let member = &self.members[stretch.member];
        member.tokens[at].of(member.label)
    }

    fn tokens(&self, stretch: Stretch) -> &[Token] {
        &self.members[stretch.member].tokens[stretch.from..stretch.to]
    }

    /// Splits constant words off at either end, the most frequent first, and learns what is left.
    fn peel(&mut self, mut stretches: Vec<Stretch>, before: &[Piece], after: &[Piece]) {
        let mut peeled = 0;
        while let Some((left, value)) = self.best_affix(&stretches).filter(|_| peeled < MOST_AFFIXES) {
            peeled += 1;
            let has = |stretch: &Stretch| self.affix(*stretch, left) == Some(value);
            let (with, without): (Vec<_>, Vec<_>) = stretches.iter().partition(|stretch| has(stretch));
            // The separators next to the word belong to it; those that differ part the rows again.
            let mut by_text: BTreeMap<&str, Vec<Stretch>> = BTreeMap::new();
            for stretch in with {
                let (text, rest) = self.cut(stretch, left);
                by_text.entry(text).or_default().push(rest);
            }
            for (text, rests) in by_text {
                let piece = Piece::Const(text.to_owned());
                if left {
                    self.peel(rests, &[before, &[piece]].concat(), after);
                } else {
                    self.peel(rests, before, &[&[piece], after].concat());
                }
            }
            stretches = without;
        }
        self.learn(stretches, before, after);
    }

    /// The word at one end of a stretch that has more than it.
    fn affix(&self, stretch: Stretch, left: bool) -> Option<&'a str> {
        let tokens = self.tokens(stretch);
        let (end, next) = match tokens {
            [end, next, .., _] if left => (end, next),
            [_, .., next, end] if !left => (end, next),
            _ => return None,
        };
        let wordy = match end.kind {
            Kind::Word => true,
            Kind::Mixed => !super::opaque::is_surely_opaque(end.of(self.members[stretch.member].label)),
            _ => false,
        };
        let joined = next.kind.is_separator() || (left && next.kind == Kind::Ipv4);
        (wordy && joined).then(|| end.of(self.members[stretch.member].label))
    }

    /// The affix with its separators, and the rest.
    fn cut(&self, stretch: Stretch, left: bool) -> (&'a str, Stretch) {
        let member = &self.members[stretch.member];
        let tokens = &member.tokens;
        let octet = |at: usize| tokens.get(at).map_or(member.label.len(), |token| usize::from(token.start));
        if left {
            let mut from = stretch.from + 1;
            while from + 1 < stretch.to && tokens[from].kind.is_separator() {
                from += 1;
            }
            (&member.label[octet(stretch.from)..octet(from)], Stretch { from, ..stretch })
        } else {
            let mut to = stretch.to - 1;
            while to - 1 > stretch.from && tokens[to - 1].kind.is_separator() {
                to -= 1;
            }
            (&member.label[octet(to)..octet(stretch.to)], Stretch { to, ..stretch })
        }
    }

    /// The most frequent word at one end that is a constant rather than one of many; words before numbers and ids first.
    fn best_affix(&self, stretches: &[Stretch]) -> Option<(bool, &'a str)> {
        let mut best: Option<(Firmness, usize, bool, &str)> = None;
        let everywhere = self.word_counts(stretches);
        for left in [true, false] {
            let mut groups: BTreeMap<&str, Vec<Stretch>> = BTreeMap::new();
            for &stretch in stretches {
                if let Some(value) = self.affix(stretch, left) {
                    groups.entry(value).or_default().push(stretch);
                }
            }
            let mut counts: Vec<usize> = groups.values().map(Vec::len).collect();
            counts.sort_unstable();
            let median = counts.get(counts.len() / 2).copied().unwrap_or(0);
            let usual = (median, counts.iter().sum());
            let mut stems: BTreeMap<&str, usize> = BTreeMap::new();
            for value in groups.keys() {
                *stems.entry(stem(value)).or_default() += 1;
            }
            for (value, group) in &groups {
                // `a12-33`, `a7-2`: the number varies.
                if stem(value) != *value && stems[stem(value)] >= 3 {
                    continue;
                }
                let kept = self.settings.keep.iter().any(|keep| keep == value);
                let firmness = if kept { Some(Firmness::Firm) } else { self.is_affix(group, left, usual, &everywhere) };
                let Some(firmness) = firmness else { continue };
                let better = best.is_none_or(|(other, count, ..)| (firmness, group.len()) > (other, count));
                if better && (firmness == Firmness::Firm || !self.is_crossed(value, &groups, left)) {
                    best = Some((firmness, group.len(), left, value));
                }
            }
        }
        best.map(|(.., left, value)| (left, value))
    }

    /// Whether what goes with one word goes with other words of the same end too: a column of a product, no constant.
    fn is_crossed(&self, value: &str, groups: &BTreeMap<&str, Vec<Stretch>>, left: bool) -> bool {
        let rests = |group: &[Stretch]| -> BTreeSet<String> {
            let rests = group.iter().map(|&stretch| self.cut(stretch, left).1);
            rests.map(|rest| (rest.from..rest.to).map(|at| self.text(rest, at)).collect()).collect()
        };
        let mine = rests(&groups[value]);
        let others: BTreeSet<String> =
            groups.iter().filter(|(other, _)| **other != value).flat_map(|(_, group)| rests(group)).collect();
        2 * mine.intersection(&others).count() >= mine.len()
    }

    /// How many stretches hold each word.
    fn word_counts(&self, stretches: &[Stretch]) -> BTreeMap<&'a str, usize> {
        let mut counts = BTreeMap::new();
        for &stretch in stretches {
            let words = (stretch.from..stretch.to)
                .filter(|&at| matches!(self.members[stretch.member].tokens[at].kind, Kind::Word | Kind::Mixed));
            for word in words.map(|at| self.text(stretch, at)).collect::<BTreeSet<_>>() {
                *counts.entry(word).or_default() += 1;
            }
        }
        counts
    }

    /// Whether a word that a group begins or ends with is a constant. `usual` is the median of such groups and their sum.
    fn is_affix(
        &self,
        group: &[Stretch],
        left: bool,
        usual: (usize, usize),
        everywhere: &BTreeMap<&str, usize>,
    ) -> Option<Firmness> {
        let (count, (median, all)) = (group.len(), usual);
        if count < 3 {
            return None;
        }
        let rests: Vec<Stretch> = group.iter().map(|&stretch| self.cut(stretch, left).1).collect();
        let shared = self.word_counts(&rests);
        // Whether the rests hold words that change.
        let wordy = rests.iter().filter(|rest| {
            (rest.from..rest.to).any(|at| {
                let token = self.members[rest.member].tokens[at];
                token.kind == Kind::Word && 4 * shared[self.text(**rest, at)] < 3 * count
            })
        });
        let wordy = wordy.count();
        // Numbers and ids hang on a word: the word is constant, or one of few.
        if 2 * wordy < count {
            return Some(Firmness::Firm);
        }
        // Another word that comes with this one only.
        if count >= 4 && shared.iter().any(|(word, &rows)| rows == count && everywhere[word] < 2 * count) {
            return Some(Firmness::Firm);
        }
        let heavy = count >= 8 && count >= 8 * median && 50 * count >= all;
        let dominant = count >= 5 && 4 * count >= 3 * all;
        (heavy || dominant).then_some(Firmness::Likely)
    }

    /// Finds opaque columns, cuts the rest into letters and digits, and makes tables.
    fn learn(&mut self, stretches: Vec<Stretch>, before: &[Piece], after: &[Piece]) {
        let mut groups: BTreeMap<Vec<Kind>, Vec<Stretch>> = BTreeMap::new();
        for stretch in stretches {
            let kinds = self.tokens(stretch).iter().map(|token| match token.kind {
                Kind::Word | Kind::Digits | Kind::Mixed => Kind::Mixed,
                kind => kind,
            });
            groups.entry(kinds.collect()).or_default().push(stretch);
        }
        // The parts at either end are looked at over all lengths as well: `my-app-x7f9a2` and `app-k3b9d1`.
        let parts = |at: fn(&Stretch) -> usize| -> BTreeSet<&str> {
            let all = groups.values().flatten().filter(|stretch| stretch.to - stretch.from > 1);
            let parts = all.filter(|stretch| {
                let kind = self.members[stretch.member].tokens[at(stretch)].kind;
                matches!(kind, Kind::Word | Kind::Digits | Kind::Mixed)
            });
            parts.map(|stretch| self.text(*stretch, at(stretch))).collect()
        };
        let (first, last) = (Opaque::of(&parts(|stretch| stretch.from)), Opaque::of(&parts(|stretch| stretch.to - 1)));
        let mut tables: BTreeMap<Vec<Piece>, Table> = BTreeMap::new();
        for (kinds, group) in groups {
            let opaque: Vec<Opaque> = kinds
                .iter()
                .enumerate()
                .map(|(column, kind)| {
                    if *kind == Kind::Mixed {
                        Opaque::of(&group.iter().map(|&stretch| self.text(stretch, stretch.from + column)).collect())
                    } else {
                        Opaque::default()
                    }
                })
                .collect();
            for stretch in group {
                let (mut pieces, mut row) = (before.to_vec(), texts_of(before));
                for (column, opaque) in opaque.iter().enumerate() {
                    let end = match column {
                        0 => &first,
                        _ if column + 1 == kinds.len() => &last,
                        _ => opaque,
                    };
                    let text = self.text(stretch, stretch.from + column);
                    let is_id = opaque.takes(text) || (kinds.len() > 1 && end.takes_scrambled(text));
                    self.cut_part(stretch, stretch.from + column, is_id, &mut pieces, &mut row);
                }
                pieces.extend_from_slice(after);
                row.extend(texts_of(after));
                let table = tables.entry(pieces).or_insert_with_key(|pieces| Table {
                    shape: Shape { pieces: pieces.clone() },
                    members: Vec::new(),
                    rows: Vec::new(),
                    affixes: (before.len(), after.len()),
                });
                table.members.push(stretch.member);
                table.rows.push(row);
            }
        }
        self.tables = join_widths(tables.into_values().collect());
        self.decide(!before.is_empty() || !after.is_empty());
    }

    fn cut_part(&self, stretch: Stretch, at: usize, is_id: bool, pieces: &mut Vec<Piece>, row: &mut Vec<String>) {
        let token = self.members[stretch.member].tokens[at];
        let text = self.text(stretch, at);
        match token.kind {
            Kind::Word | Kind::Digits | Kind::Mixed => {
                let known = token.kind == Kind::Word && words::is_known_host(text) && stretch.to - stretch.from == 1;
                if is_id && !known {
                    let width = token.len;
                    pieces.push(Piece::Opaque { min: width, max: width });
                    row.push(text.to_owned());
                } else {
                    for run in text.as_bytes().chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
                        pieces.push(if run[0].is_ascii_digit() { Piece::Digits } else { Piece::Word });
                        row.push(run.iter().copied().map(char::from).collect());
                    }
                }
            }
            Kind::Dash | Kind::Underscore => {
                pieces.push(Piece::Const(text.to_owned()));
                row.push(text.to_owned());
            }
            kind => {
                pieces.push(Piece::Typed(kind));
                row.push(text.to_owned());
            }
        }
    }

    /// Tables to families: numbers and ids make their own, words make slugs.
    fn decide(&mut self, inside: bool) {
        let tables = std::mem::take(&mut self.tables);
        let (mut wordy, mut numbered) = (Vec::new(), Vec::new());
        for table in tables {
            for table in split_on_words(table, &self.settings.keep) {
                let zones = table.members.iter().all(|&at| self.members[at].inner) && table.members.len() >= 3;
                if table.is_wordy() && !(zones && table.has_numbers()) {
                    wordy.push(table);
                } else {
                    numbered.push(table);
                }
            }
        }
        self.join_runs(numbered);
        self.decide_words(wordy, inside);
    }

    /// Tables that differ only in how many words stand in a row are one family.
    fn join_runs(&mut self, tables: Vec<Table>) {
        let mut groups: BTreeMap<Vec<Item>, Vec<Table>> = BTreeMap::new();
        for table in tables {
            groups.entry(table.settled().run_key(true)).or_default().push(table);
        }
        for (_, group) in groups {
            let keys: BTreeSet<Vec<Item>> = group.iter().map(|table| table.settled().run_key(false)).collect();
            let rows = group.iter().map(|table| table.members.len()).sum::<usize>();
            let most = group.iter().map(|table| table.members.len()).max().unwrap_or(0);
            if group.len() < 2 || rows < 4 || (rows - most < 3 && 10 * most >= 9 * rows) {
                for table in group {
                    self.keep_table(table);
                }
                continue;
            }
            let mut shapes: Vec<Shape> = group.iter().map(Table::settled).collect();
            shapes.sort();
            shapes.dedup();
            let members = group.iter().flat_map(|table| table.members.iter().copied()).collect();
            self.families.push((Form { style: Style::Run { glued: keys.len() > 1 }, shapes }, members));
        }
    }

    fn keep_table(&mut self, table: Table) {
        let strong = table.shape.pieces.iter().any(|piece| matches!(piece, Piece::Typed(_)))
            || table.shape.pieces.iter().any(|piece| matches!(piece, Piece::Opaque { max, .. } if *max >= 16));
        let enough = if strong { 2 } else { 3 };
        if table.members.len() >= enough {
            let form = Form { style: Style::Table, shapes: vec![table.settled()] };
            self.families.push((form, table.members));
        }
    }

    fn decide_words(&mut self, mut tables: Vec<Table>, inside: bool) {
        // Closed columns that meet in many combinations are a table of their own.
        let (products, mut rest): (Vec<_>, Vec<_>) = tables.drain(..).partition(Table::is_product);
        for table in products {
            self.keep_table(table);
        }
        let countries = rest.iter().position(Table::is_countries);
        if let Some(at) = countries {
            let table = rest.remove(at);
            self.keep_table(table);
        }
        let mut pool: Vec<Table> = Vec::new();
        for mut table in rest {
            // Hosts that everybody has are no tenants.
            let keep: Vec<bool> =
                table.members.iter().map(|&at| inside || !words::is_known_host(self.members[at].label)).collect();
            let mut flags = keep.iter();
            table.members.retain(|_| *flags.next().expect("one flag a member"));
            let mut flags = keep.iter();
            table.rows.retain(|_| *flags.next().expect("one flag a row"));
            if !table.members.is_empty() {
                pool.push(table);
            }
        }
        let plain: usize = pool.iter().map(|table| table.members.len()).sum();
        let enough = match (inside, self.at_root, self.settings.detail) {
            (true, _, _) | (false, _, Detail::Low) => 3,
            (false, true, _) => 6,
            (false, false, _) => 5,
        };
        let paired = pool.iter().flat_map(|table| &table.members).filter(|&&at| self.members[at].paired).count();
        if plain < enough && (plain < 4 || 4 * paired < 3 * plain) {
            return;
        }
        let mut shapes: Vec<Shape> = pool.iter().map(|table| table.shape.clone()).collect();
        shapes.sort();
        shapes.dedup();
        let one_column = shapes.iter().all(|shape| shape.variables() <= 1);
        let style = if shapes.len() == 1 && !one_column { Style::Table } else { Style::Slug };
        let members: Vec<usize> = pool.iter().flat_map(|table| table.members.iter().copied()).collect();
        if style == Style::Table {
            let table = pool.remove(0);
            let form = Form { style, shapes: vec![table.settled()] };
            self.families.push((form, table.members));
        } else {
            self.families.push((Form { style, shapes }, members));
        }
    }
}

/// A word without its trailing number.
fn stem(text: &str) -> &str {
    text.trim_end_matches(|c: char| c.is_ascii_digit())
}

fn texts_of(pieces: &[Piece]) -> Vec<String> {
    pieces.iter().map(|piece| if let Piece::Const(text) = piece { text.clone() } else { String::new() }).collect()
}

/// Joins tables that differ in the width of their opaque columns, where the widths are neighbours or many.
fn join_widths(tables: Vec<Table>) -> Vec<Table> {
    let mut groups: BTreeMap<Vec<Piece>, Vec<Table>> = BTreeMap::new();
    for table in tables {
        let key = table.shape.pieces.iter().map(|piece| match piece {
            Piece::Opaque { .. } => Piece::Opaque { min: 0, max: 0 },
            piece => piece.clone(),
        });
        groups.entry(key.collect()).or_default().push(table);
    }
    let mut joined = Vec::new();
    for (key, mut group) in groups {
        let columns: Vec<usize> = (0..key.len()).filter(|&at| matches!(key[at], Piece::Opaque { .. })).collect();
        let varying: Vec<usize> = columns
            .iter()
            .copied()
            .filter(|&at| group.iter().any(|table| table.shape.pieces[at] != group[0].shape.pieces[at]))
            .collect();
        if let [column] = varying[..] {
            group.sort_by_key(|table| width(table, column));
            for cluster in group.chunk_by(|a, b| width(b, column) - width(a, column) <= 2 + width(a, column) / 8) {
                let (low, high) = (width(&cluster[0], column), width(&cluster[cluster.len() - 1], column));
                let neighbours = usize::from(high - low) < 2 * cluster.len() && low < 24;
                if cluster.len() >= 2 && (neighbours || cluster.len() >= 4) {
                    let mut whole = cluster[0].clone();
                    for table in &cluster[1..] {
                        whole.members.extend(&table.members);
                        whole.rows.extend(table.rows.iter().cloned());
                    }
                    whole.shape.pieces[column] = Piece::Opaque { min: low, max: high };
                    joined.push(whole);
                } else {
                    joined.extend(cluster.iter().cloned());
                }
            }
            continue;
        }
        joined.extend(group);
    }
    joined
}

fn width(table: &Table, column: usize) -> u8 {
    match table.shape.pieces[column] {
        Piece::Opaque { max, .. } => max,
        Piece::Const(_) | Piece::Word | Piece::Digits | Piece::Typed(_) => 0,
    }
}

/// Parts a table whose one word column has values that each stand before enough numbers or ids.
fn split_on_words(table: Table, keep: &[String]) -> Vec<Table> {
    let mut table = table;
    let varying: Vec<usize> = (0..table.shape.pieces.len())
        .filter(|&at| table.shape.pieces[at] == Piece::Word && table.distinct(at) > 1)
        .collect();
    let others = table
        .shape
        .pieces
        .iter()
        .enumerate()
        .any(|(at, piece)| !varying.contains(&at) && !matches!(piece, Piece::Const(_) | Piece::Word));
    if !others {
        return vec![table];
    }
    if table.rows.len() >= 3 {
        for at in 0..table.shape.pieces.len() {
            if table.shape.pieces[at] == Piece::Word && !varying.contains(&at) {
                table.shape.pieces[at] = Piece::Const(table.rows[0][at].clone());
            }
        }
    }
    let [column] = varying[..] else { return vec![table] };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &table.rows {
        *counts.entry(&row[column]).or_default() += 1;
    }
    let mut sizes: Vec<usize> = counts.values().copied().collect();
    sizes.sort_unstable();
    let median = sizes[sizes.len() / 2];
    let heavy: BTreeSet<String> = counts
        .iter()
        .filter(|(text, rows)| {
            keep.iter().any(|keep| keep == *text)
                || **rows >= 3
                    && (sizes.len() <= 3 || **rows >= 4 * median || words::is_known_host(text) || median >= 3)
        })
        .map(|(text, _)| (*text).to_owned())
        .collect();

    let rare = counts.iter().filter(|(text, _)| !heavy.contains(**text)).map(|(_, rows)| rows).sum::<usize>();
    // Three and more words before the same kind of numbers are one column.
    let kept = heavy.iter().any(|text| keep.contains(text));
    if !kept && heavy.len() >= 3 && 2 * rare <= table.rows.len() && table.is_even(column, &heavy) {
        return vec![table];
    }

    let empty = Table { shape: table.shape.clone(), members: Vec::new(), rows: Vec::new(), affixes: table.affixes };
    let mut parts: BTreeMap<Option<String>, Table> = BTreeMap::new();
    for (member, row) in table.members.iter().zip(table.rows) {
        let value = heavy.get(&row[column]).cloned();
        let part = parts.entry(value).or_insert_with_key(|value| {
            let mut part = empty.clone();
            if let Some(value) = value {
                part.shape.pieces[column] = Piece::Const(value.clone());
            }
            part
        });
        part.members.push(*member);
        part.rows.push(row);
    }
    parts.into_values().collect()
}

impl Table {
    pub(super) fn distinct(&self, column: usize) -> usize {
        self.rows.iter().map(|row| &row[column]).collect::<BTreeSet<_>>().len()
    }

    /// Whether the numbers next to each of these words are padded alike.
    fn is_even(&self, column: usize, values: &BTreeSet<String>) -> bool {
        let mut digits = (0..self.shape.pieces.len()).filter(|&at| self.shape.pieces[at] == Piece::Digits);
        digits.all(|at| {
            let widths = |value: &String| {
                let texts = self.rows.iter().filter(|row| row[column] == *value).map(|row| row[at].len());
                texts.fold((64, 0), |(min, max), len| (len.min(min), len.max(max)))
            };
            let zero = self.rows.iter().any(|row| row[at].len() > 1 && row[at].starts_with('0'));
            let mut spans = values.iter().map(widths);
            let first = spans.next().unwrap_or((0, 0));
            !zero || spans.all(|span| span == first)
        })
    }

    /// The pieces between the affixes.
    fn inner(&self) -> std::ops::Range<usize> {
        self.affixes.0..self.shape.pieces.len() - self.affixes.1
    }

    fn has_numbers(&self) -> bool {
        self.inner().any(|at| self.shape.pieces[at] == Piece::Digits)
    }

    /// Only words, and short numbers glued to them.
    fn is_wordy(&self) -> bool {
        let pieces = &self.shape.pieces;
        let rows = self.rows.len();
        let mut words = 0;
        let padded = |at: &usize| self.rows.iter().any(|row| row[*at].len() > 1 && row[*at].starts_with('0'));
        let numbers: Vec<usize> =
            self.inner().filter(|&at| pieces[at] == Piece::Digits && self.distinct(at) > 1).collect();
        if rows >= 3 && (numbers.len() >= 2 || numbers.iter().any(padded)) {
            return false;
        }
        // Words that each stand before several numbers are roles, not names.
        let varying = self.inner().filter(|&at| pieces[at] == Piece::Word).map(|at| self.distinct(at)).max();
        if !numbers.is_empty() && varying.is_some_and(|distinct| rows >= 3 * distinct) {
            return false;
        }

        for at in self.inner() {
            match pieces[at] {
                Piece::Word => words += 1,
                Piece::Const(_) => {}
                Piece::Digits => {
                    let glued = at > 0
                        && match &pieces[at - 1] {
                            Piece::Word => true,
                            Piece::Const(text) => text.ends_with(|c: char| c.is_ascii_lowercase()),
                            Piece::Digits | Piece::Opaque { .. } | Piece::Typed(_) => false,
                        };
                    let short = self.rows.iter().all(|row| row[at].len() <= 4);
                    let dashed = rows < 4 && short;
                    if !(glued && short || dashed) {
                        return false;
                    }
                }
                Piece::Opaque { .. } | Piece::Typed(_) => return false,
            }
        }
        words > 0
    }

    /// Two or more word columns whose few values, different ones in each, meet in many combinations.
    fn is_product(&self) -> bool {
        let words = |at: usize| self.rows.iter().map(|row| row[at].as_str()).collect::<BTreeSet<_>>();
        let columns: Vec<BTreeSet<&str>> = self
            .inner()
            .filter(|&at| self.shape.pieces[at] == Piece::Word)
            .map(words)
            .filter(|values| values.len() > 1)
            .collect();
        let rows = self.rows.len();
        let cells = columns.iter().map(BTreeSet::len).product::<usize>();
        let repeat = columns.iter().all(|values| values.len() <= 40 && 2 * rows >= 3 * values.len());
        let apart = columns.windows(2).all(|pair| {
            let both = pair[0].intersection(&pair[1]).count();
            3 * both <= pair[0].len().min(pair[1].len())
        });
        columns.len() >= 2 && rows >= 6 && 5 * rows >= cells && repeat && apart
    }

    /// One column of country codes.
    fn is_countries(&self) -> bool {
        let [column] =
            self.inner().filter(|&at| !matches!(self.shape.pieces[at], Piece::Const(_))).collect::<Vec<_>>()[..]
        else {
            return false;
        };
        let codes = self.rows.iter().filter(|row| words::is_country(&row[column])).count();
        self.shape.pieces[column] == Piece::Word
            && codes >= 4
            && 10 * codes >= 9 * self.rows.len()
            && self.rows.iter().all(|row| row[column].len() <= 3)
    }

    /// The shape with every column of one value made constant, a constant start of an id told apart from it.
    fn settled(&self) -> Shape {
        let mut pieces: Vec<Piece> = Vec::new();
        for (at, piece) in self.shape.pieces.iter().enumerate() {
            let first = &self.rows[0][at];
            let constant = self.rows.iter().all(|row| row[at] == *first) && self.rows.len() >= 3;
            match piece {
                Piece::Word if constant => push_const(&mut pieces, first),
                Piece::Digits if constant && self.shape.variables() > 1 => push_const(&mut pieces, first),
                Piece::Const(text) => push_const(&mut pieces, text),
                Piece::Opaque { min, max } => {
                    let shared = self.shared_start(at);
                    let cut = u8::try_from(shared).unwrap_or(0);
                    if cut > 0 {
                        push_const(&mut pieces, &first[..shared]);
                    }
                    pieces.push(Piece::Opaque { min: min - cut, max: max - cut });
                }
                piece => pieces.push(piece.clone()),
            }
        }
        Shape { pieces }
    }

    /// Octets that all ids of a column begin with, where chance does not explain it.
    fn shared_start(&self, column: usize) -> usize {
        let texts: Vec<&str> = self.rows.iter().map(|row| row[column].as_str()).collect();
        let first = texts[0];
        let mut shared = first.len();
        for text in &texts {
            shared = shared.min(first.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count());
        }
        // Each row beyond the first agrees by chance once in sixteen at best.
        let chance_bits = 4 * shared * (texts.len() - 1);
        let shortest = texts.iter().map(|text| text.len()).min().unwrap_or(0);
        if chance_bits >= 16 && texts.len() >= 4 && shared + 4 <= shortest { shared } else { 0 }
    }
}

fn push_const(pieces: &mut Vec<Piece>, text: &str) {
    if let Some(Piece::Const(before)) = pieces.last_mut() {
        before.push_str(text);
    } else {
        pieces.push(Piece::Const(text.to_owned()));
    }
}
