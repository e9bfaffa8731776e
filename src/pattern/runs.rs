//! Tables that differ only in how many words stand in a row: what they cost together, and the shapes of their family.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::class;
use super::cost::{self, Counts, float};
use super::form::{Item, Piece, Shape};
use super::settings::Settings;
use super::table::{self, Table};

/// The shape with short numbers next to words taken as parts of their run.
pub(super) fn loosened(table: &Table<'_>) -> Shape {
    let pieces = &table.shape.pieces;
    let is_joint = |piece: &Piece| matches!(piece, Piece::Const(text) if matches!(text.as_str(), "-" | "_"));
    let is_word = |at: Option<usize>| at.and_then(|at| pieces.get(at)) == Some(&Piece::Word);
    let is_number = |at: Option<usize>| at.and_then(|at| pieces.get(at)) == Some(&Piece::Digits);
    // `shop-12`, `shop12`, `4you`, `4-rooms`, and what stands beside such a number.
    let beside = |at: usize| -> bool {
        let jumps = |to: Option<usize>, joint: Option<usize>| {
            joint.and_then(|joint| pieces.get(joint)).is_some_and(is_joint) && (is_word(to) || is_number(to))
        };
        is_word(at.checked_sub(1))
            || is_word(Some(at + 1))
            || jumps(at.checked_sub(2), at.checked_sub(1))
            || jumps(Some(at + 2), Some(at + 1)) && is_word(Some(at + 2))
    };
    let wordy = pieces.contains(&Piece::Word);
    let loosen = |(at, piece): (usize, &Piece)| match piece {
        Piece::Digits if wordy && !table.counters.contains(&at) && table.is_short(at) && beside(at) => Piece::Number,
        piece => piece.clone(),
    };
    Shape { pieces: pieces.iter().enumerate().map(loosen).collect() }
}

/// Bits to tell the rows of several tables as one family of runs of words.
pub(super) fn run_bits(group: &[&Table<'_>], settings: &Settings) -> f64 {
    let items: Vec<Vec<Item>> = group.iter().map(|table| loosened(table).collapse()).collect();
    let mut bits = 0.0;
    for place in 0..items[0].len() {
        let columns = |table: usize| columns_of(&items[table], place);
        bits += match &items[0][place] {
            Item::Words(_) => words_bits(group, columns),
            Item::Piece(Piece::Opaque { .. }) => {
                let texts = group.iter().enumerate().flat_map(|(at, table)| table.column(columns(at).start));
                cost::id_bits(texts)
            }
            Item::Piece(Piece::Word | Piece::Choice | Piece::Digits | Piece::Number) => {
                let cells = group.iter().enumerate().flat_map(|(at, table)| table.cells(columns(at).start));
                cells.collect::<Counts<'_>>().bits()
            }
            Item::Piece(Piece::Const(_) | Piece::Typed(_)) => 0.0,
        };
    }
    let pieces = |item: &Item| match item {
        Item::Words(_) => Piece::Word,
        Item::Piece(piece) => piece.clone(),
    };
    let line = settings.detail.price() + table::template_bits(&items[0].iter().map(pieces).collect::<Vec<_>>());
    bits + line + 8.0 * float(group.len())
}

/// How many different words and numbers some rows hold.
pub(super) fn known_words(group: &[Table<'_>]) -> usize {
    group.iter().flat_map(|table| (0..table.len()).flat_map(|row| table.words(row))).collect::<BTreeSet<&str>>().len()
}

/// Bits to tell which of `known` words stand in which row.
pub(super) fn word_order_bits(group: &[Table<'_>], known: usize) -> f64 {
    let (mut words, mut numbers) = (Counts::default(), Counts::default());
    for table in group {
        for column in 0..table.width() {
            match table.shape.pieces[column] {
                Piece::Word | Piece::Choice => table.cells(column).for_each(|cell| words.add(cell)),
                Piece::Digits | Piece::Number => {
                    table.cells(column).for_each(|cell| numbers.add(cell));
                }
                Piece::Const(_) | Piece::Opaque { .. } | Piece::Typed(_) => {}
            }
        }
    }
    let numbers = if numbers.rows > 0 { numbers.bits() } else { 0.0 };
    words.pointed(known) + numbers + cost::entropy(group.iter().map(Table::len).collect::<Vec<_>>())
}

/// Bits to tell runs of words: how many words there are and each of them, or each run as one text of a list.
fn words_bits(group: &[&Table<'_>], columns: impl Fn(usize) -> Range<usize>) -> f64 {
    let (mut words, mut whole, mut novel) = (Counts::default(), Counts::default(), 0.0);
    let edges = shared_edges(group, &columns);
    for (at, table) in group.iter().enumerate() {
        let columns = edges.inside(columns(at));
        let (known, rows) = (words.of.len(), words.rows);
        for column in columns.clone().filter(|&column| !matches!(table.shape.pieces[column], Piece::Const(_))) {
            table.cells(column).for_each(|cell| words.add(cell));
        }
        // A table of new words only, or of known ones, tells that once.
        novel += cost::choice(words.of.len() - known, words.rows - rows);
        table.count_runs(columns, &mut whole);
    }
    let apart = words.bits_given(novel) + cost::entropy(group.iter().map(|table| table.len()).collect::<Vec<_>>());
    if 2 * whole.of.len() > whole.rows { apart } else { apart.min(whole.listed()) }
}

/// Pieces at the ends of a run of words that hold the same text in all rows of all tables.
#[derive(Debug, Clone, Copy, Default)]
struct Edges {
    before: usize,
    after: usize,
}

impl Edges {
    /// The columns of a run that vary.
    fn inside(self, columns: Range<usize>) -> Range<usize> {
        columns.start + self.before..columns.end - self.after
    }
}

/// The constant ends of a run; at least one piece of each table's run is left to vary.
fn shared_edges(group: &[&Table<'_>], columns: impl Fn(usize) -> Range<usize>) -> Edges {
    let rows: usize = group.iter().map(|table| table.len()).sum();
    let shortest = (0..group.len()).map(|at| columns(at).len()).min().unwrap_or(0);
    let shared = |left: bool, most: usize| {
        let same = |place: &usize| {
            let column = |at: usize| if left { columns(at).start + place } else { columns(at).end - 1 - place };
            let first = group[0].cell(0, column(0));
            group.iter().enumerate().all(|(at, table)| {
                matches!(table.shape.pieces[column(at)], Piece::Word | Piece::Const(_))
                    && table.column(column(at)).all(|text| text == first)
            })
        };
        (0..most).take_while(same).count()
    };
    if rows < 4 || shortest < 2 {
        return Edges::default();
    }
    let after = shared(false, shortest - 1);
    Edges { before: shared(true, shortest - 1 - after), after }
}

/// The shapes of a family of runs: what all rows begin or end with is constant, and ids have one range of widths.
pub(super) fn run_shapes(group: &[Table<'_>]) -> Vec<Shape> {
    let (before, after) = (shared_ends(group, true), shared_ends(group, false));
    let fixed = fixed_words(group);
    let mut widths: BTreeMap<usize, (u8, u8)> = BTreeMap::new();
    let ids = |shape: &Shape| -> Vec<usize> {
        let pieces = shape.pieces.iter().enumerate();
        pieces.filter(|(_, piece)| matches!(piece, Piece::Opaque { .. })).map(|(at, _)| at).collect()
    };
    let mut starts: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for table in group {
        for (number, at) in ids(&table.shape).into_iter().enumerate() {
            if let Piece::Opaque { min, max, .. } = table.shape.pieces[at] {
                let known = widths.entry(number).or_insert((min, max));
                *known = (known.0.min(min), known.1.max(max));
            }
            starts.entry(number).or_default().extend(table.column(at));
        }
    }
    let mut shapes: Vec<Shape> = group
        .iter()
        .zip(&fixed)
        .map(|(table, fixed)| {
            let loose = loosened(table);
            let places = ids(&loose);
            let last = loose.pieces.len() - after;
            let mut pieces = Vec::new();
            for (at, piece) in loose.pieces.iter().enumerate() {
                match piece {
                    Piece::Const(text) => table::push_const(&mut pieces, text),
                    _ if at < before || at >= last || fixed[at] => table::push_const(&mut pieces, table.cell(0, at)),
                    Piece::Opaque { dashed, .. } => {
                        let number = places.iter().position(|place| *place == at).unwrap_or(0);
                        let (min, max) = widths[&number];
                        let shared = table::shared_start(&starts[&number]);
                        let cut = u8::try_from(shared).unwrap_or(0);
                        if cut > 0 {
                            table::push_const(&mut pieces, &table.cell(0, at)[..shared]);
                        }
                        pieces.push(Piece::Opaque { min: min - cut, max: max - cut, dashed: *dashed });
                    }
                    piece => pieces.push(piece.clone()),
                }
            }
            Shape { pieces }
        })
        .collect();
    shapes.sort();
    shapes.dedup();
    shapes
}

/// By table and column: whether it is at a constant end of a run of words.
fn fixed_words(group: &[Table<'_>]) -> Vec<Vec<bool>> {
    let tables: Vec<&Table<'_>> = group.iter().collect();
    let items: Vec<Vec<Item>> = group.iter().map(|table| loosened(table).collapse()).collect();
    let mut fixed: Vec<Vec<bool>> = group.iter().map(|table| vec![false; table.width()]).collect();
    for place in (0..items[0].len()).filter(|&place| matches!(items[0][place], Item::Words(_))) {
        let columns = |table: usize| columns_of(&items[table], place);
        let edges = shared_edges(&tables, columns);
        for (at, fixed) in fixed.iter_mut().enumerate() {
            let inside = edges.inside(columns(at));
            fixed[columns(at).start..inside.start].fill(true);
            fixed[inside.end..columns(at).end].fill(true);
        }
    }
    fixed
}

/// The columns of one item of a collapsed shape.
fn columns_of(items: &[Item], place: usize) -> Range<usize> {
    let len = |item: &Item| if let Item::Words(len) = item { *len } else { 1 };
    let from = items[..place].iter().map(len).sum::<usize>();
    from..from + len(&items[place])
}

/// How many pieces all rows of all tables have in common at one end, at least one piece of each left to vary.
fn shared_ends(group: &[Table<'_>], left: bool) -> usize {
    let rows: usize = group.iter().map(Table::len).sum();
    let shortest = group.iter().map(Table::width).min().unwrap_or(0);
    let at = |table: &Table<'_>, place: usize| if left { place } else { table.width() - 1 - place };
    let same = |place: &usize| {
        let first = group[0].cell(0, at(&group[0], *place));
        let fixed = |table: &Table<'_>| {
            let column = at(table, *place);
            matches!(table.shape.pieces[column], Piece::Word | Piece::Const(_))
                && table.column(column).all(|text| text == first)
        };
        group.iter().all(fixed)
    };
    if rows < 4 { 0 } else { (0..shortest.saturating_sub(1)).take_while(same).count() }
}

/// Joins tables that differ in the width of their ids, where the widths are neighbours or many.
pub(super) fn join_widths(tables: Vec<Table<'_>>) -> Vec<Table<'_>> {
    let mut groups: BTreeMap<Vec<Piece>, Vec<Table<'_>>> = BTreeMap::new();
    for table in tables {
        let key = table.shape.pieces.iter().map(|piece| match piece {
            Piece::Opaque { dashed, .. } => Piece::Opaque { min: 0, max: 0, dashed: *dashed },
            piece => piece.clone(),
        });
        groups.entry(key.collect()).or_default().push(table);
    }
    let mut joined = Vec::new();
    for (key, mut group) in groups {
        let columns = (0..key.len()).filter(|&at| matches!(key[at], Piece::Opaque { .. }));
        let varying: Vec<usize> = columns
            .filter(|&at| group.iter().any(|table| table.shape.pieces[at] != group[0].shape.pieces[at]))
            .collect();
        let [column] = varying[..] else {
            joined.extend(group);
            continue;
        };
        group.sort_by_key(|table| width(table, column));
        let mut group = group.into_iter().peekable();
        while let Some(mut whole) = group.next() {
            let low = width(&whole, column);
            let (mut high, mut widths) = (low, 1);
            let follows = |next: &Table<'_>, whole: &Table<'_>, high: u8, widths: usize| {
                // Few ids of ever other widths leave wider gaps.
                let few = widths >= 3 && whole.len() + next.len() <= 3 * widths;
                width(next, column) - high <= 2 + if few { high / 2 } else { high / 8 }
                    && texts_are_alike(&texts(whole, column), &texts(next, column))
                    && !have_other_words(whole, next)
            };
            while let Some(next) = group.next_if(|next| follows(next, &whole, high, widths)) {
                (high, widths) = (width(&next, column), widths + 1);
                whole.append(next);
            }
            whole.shape.pieces[column] = Piece::Opaque { min: low, max: high, dashed: false };
            joined.push(whole);
        }
    }
    joined
}

/// Whether each of two tables has words of its own, always the same ones.
fn have_other_words(a: &Table<'_>, b: &Table<'_>) -> bool {
    let words = |table: &Table<'_>| -> Option<Vec<String>> {
        let columns = (0..table.width()).filter(|&at| table.shape.pieces[at] == Piece::Word);
        columns.map(|at| table.counts(at).constant().map(str::to_owned)).collect()
    };
    a.len() >= 3 && b.len() >= 3 && matches!((words(a), words(b)), (Some(a), Some(b)) if a != b)
}

/// Tables whose ids are of one kind, column by column.
pub(super) fn part_by_ids(tables: Vec<Table<'_>>) -> Vec<Vec<Table<'_>>> {
    let ids = |table: &Table<'_>| -> Vec<usize> {
        (0..table.width()).filter(|&at| matches!(table.shape.pieces[at], Piece::Opaque { .. })).collect()
    };
    let mut tables = tables;
    tables.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.shape.cmp(&b.shape)));
    let mut parts: Vec<Vec<Table<'_>>> = Vec::new();
    for table in tables {
        let fits = |part: &Vec<Table<'_>>| {
            !have_other_words(&part[0], &table)
                && ids(&part[0]).into_iter().zip(ids(&table)).all(|(mine, theirs)| {
                    let (a, b) = (span(&part[0], mine), span(&table, theirs));
                    let apart = a.0.saturating_sub(b.1).max(b.0.saturating_sub(a.1));
                    apart <= 2 + a.1.min(b.1) / 8 && texts_are_alike(&texts(&part[0], mine), &texts(&table, theirs))
                })
        };
        match parts.iter_mut().find(|part| fits(part)) {
            Some(part) => part.push(table),
            None => parts.push(vec![table]),
        }
    }
    parts
}

fn texts<'a>(table: &Table<'a>, column: usize) -> Vec<&'a str> {
    table.column(column).collect()
}

fn span(table: &Table<'_>, column: usize) -> (u8, u8) {
    if let Piece::Opaque { min, max, .. } = table.shape.pieces[column] { (min, max) } else { (0, 0) }
}

/// Whether ids of two widths can be of one kind: the same letters before them, and one alphabet.
fn texts_are_alike(a: &[&str], b: &[&str]) -> bool {
    let symbols = |texts: &[&str]| texts.iter().map(|text| text.len()).sum::<usize>();
    let hex = |texts: &[&str]| texts.iter().all(|text| class::is_hex(text));
    let (first, second) = (&a[0][..table::shared_start(a)], &b[0][..table::shared_start(b)]);
    let few = |texts: &[&str], start: &str| texts.len() < 4 && texts.iter().all(|text| text.starts_with(start));
    let same_start = first == second || few(a, second) || few(b, first);
    let same_alphabet = hex(a) == hex(b) || symbols(a).min(symbols(b)) < 24;
    same_start && same_alphabet
}

fn width(table: &Table<'_>, column: usize) -> u8 {
    span(table, column).1
}
