//! The labels that stand at one place of the name tree, split into constants and [`Form`]s.
//!
//! First each part of each label is read as a word, a number or an id, by what is cheaper to tell over its column; then
//! labels of one shape make tables, tables fall apart where words depend on each other, and tables that differ only in how
//! many words stand in a row come together. Decided from the labels and a few facts of what hangs below each; order of
//! input does not matter.

use std::collections::{BTreeMap, BTreeSet};

use super::affix;
use super::cost::{self, Spelled};
use super::form::{Form, Item, Piece, Shape, Style};
use super::grow::Place;
use super::hosts;
use super::merge;
use super::octets::{Label, Octets};
use super::runs::{loosened, part_by_ids, run_bits, run_shapes};
use super::settings::Settings;
use super::table::Table;
use super::token::{self, Token};

/// One distinct label at a place.
#[derive(Debug, Clone)]
pub(super) struct Member<'a> {
    /// The label, or what is left of it when constant ends are taken off.
    pub(super) label: &'a str,
    /// The whole label.
    pub(super) whole: &'a str,
    pub(super) octets: Octets,
    pub(super) tokens: Vec<Token>,
    /// Much hangs below it that hangs below none of its siblings: a zone of its own.
    pub(super) zone: bool,
    /// Names only go on below it.
    pub(super) inner: bool,
    /// The same label hangs below it as below at least two of its siblings.
    pub(super) paired: bool,
    /// How many names it stands for.
    pub(super) weight: f64,
}

impl<'a> Member<'a> {
    pub(super) fn new(label: &'a str, [zone, inner, paired]: [bool; 3], weight: f64) -> Self {
        let (octets, tokens) = (Octets::of(label), token::tokens(label));
        Self { label, whole: label, octets, tokens, zone, inner, paired, weight }
    }

    /// The label as shapes read it.
    pub(super) fn read_label(&self) -> Label<'_> {
        Label { text: self.label, octets: self.octets, tokens: &self.tokens }
    }

    pub(super) fn part(&self, at: usize) -> &'a str {
        self.tokens[at].of(self.label)
    }
}

/// What a population splits into: forms with their members; the other members are constants.
pub(super) type Families = Vec<(Form, Vec<usize>)>;

pub(super) struct Splitter<'a, 's> {
    pub(super) members: &'s [&'s Member<'a>],
    pub(super) settings: &'s Settings,
    pub(super) place: Place,
    pub(super) families: Families,
}

/// Splits a population.
pub(super) fn split(members: &[&Member<'_>], place: Place, settings: &Settings) -> Families {
    let is_constant = |member: &Member<'_>| {
        member.zone && member.tokens.iter().all(|token| !token.kind.is_typed())
            || settings.keep.iter().any(|keep| keep == member.label)
    };
    let all: Vec<usize> = (0..members.len()).filter(|&at| !is_constant(members[at])).collect();
    let mut families = Vec::new();
    split_ends(members, all, place, settings, &mut families);
    merge::families(families, members, settings)
}

/// Splits labels with the constant letters that most of them begin or end with taken off.
fn split_ends(
    members: &[&Member<'_>],
    mut all: Vec<usize>,
    place: Place,
    settings: &Settings,
    families: &mut Families,
) {
    while let Some(end) = affix::most_frequent(members, &all) {
        let (with, without): (Vec<usize>, Vec<usize>) = all.iter().partition(|&&at| end.cut(members[at]).is_some());
        // Labels that a known form stands across the end of keep it.
        if with.len() < affix::ENOUGH {
            break;
        }
        let inner: Vec<Member<'_>> = with.iter().filter_map(|&at| end.cut(members[at])).collect();
        let inner: Vec<&Member<'_>> = inner.iter().collect();
        let mut found = Vec::new();
        split_ends(&inner, (0..inner.len()).collect(), place, settings, &mut found);
        families.extend(
            found
                .into_iter()
                .map(|(form, members)| (end.put_back(form), members.into_iter().map(|at| with[at]).collect())),
        );
        all = without;
    }
    let mut splitter = Splitter { members, settings, place, families: Vec::new() };
    let tables = splitter.tables(&all);
    let tables = tables.into_iter().flat_map(|table| table.divide(settings)).collect();
    splitter.decide(tables);
    families.append(&mut splitter.families);
}

impl<'a> Splitter<'a, '_> {
    /// Ids in whose alphabet `-` and `_` are letters fall into ever other shapes, all of one width.
    pub(super) fn take_dashed(&self, tables: Vec<Table<'a>>) -> Vec<Table<'a>> {
        let is_whole = |table: &Table<'_>| matches!(table.shape.pieces[..], [Piece::Opaque { .. }]);
        let mut by_width: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for (at, table) in tables.iter().enumerate() {
            for &member in &table.members {
                by_width.entry(self.members[member].label.len()).or_default().push((at, member));
            }
        }
        let mut taken: BTreeSet<usize> = BTreeSet::new();
        for (width, rows) in by_width.iter().filter(|(width, _)| **width >= DASHED) {
            let whole = rows.iter().filter(|(table, _)| is_whole(&tables[*table])).count();
            let dash = |member: usize| self.members[member].label.find(['-', '_']);
            let places: Vec<usize> = rows.iter().filter_map(|&(_, member)| dash(member)).collect();
            let distinct = places.iter().collect::<BTreeSet<_>>().len();
            // Where the first dash stands tells nothing, as it would in words.
            let scattered = places.len() >= 3 && 2 * distinct >= places.len().min(*width);
            let shapes: BTreeSet<usize> = rows.iter().map(|(table, _)| *table).collect();
            let lone = shapes
                .iter()
                .filter(|&&at| !is_whole(&tables[at]))
                .all(|&at| tables[at].len() <= 3 || is_noisy(&tables[at]));
            if scattered && (3 * whole >= places.len() || places.len() >= 8 && lone) {
                taken.insert(*width);
            }
        }
        if taken.is_empty() {
            return tables;
        }
        let mut dashed: BTreeMap<usize, Table<'a>> = BTreeMap::new();
        let mut left = Vec::new();
        for mut table in tables {
            let is_taken = |at: usize| taken.contains(&self.members[at].label.len());
            let moved: Vec<usize> = table.members.iter().copied().filter(|&at| is_taken(at)).collect();
            for at in moved {
                let width = self.members[at].label.len();
                let octets = u8::try_from(width).expect("a label has at most 63 octets");
                let piece = Piece::Opaque { min: octets, max: octets, dashed: true };
                let whole = dashed.entry(width).or_insert_with(|| Table::new(Shape { pieces: vec![piece] }));
                whole.push(at, &[Spelled::free(self.members[at].label)]);
            }
            table.retain(|at| !is_taken(at));
            if table.len() > 0 {
                left.push(table);
            }
        }
        left.extend(dashed.into_values());
        left
    }

    /// Tables to families: numbers and ids make their own, words make slugs.
    fn decide(&mut self, mut tables: Vec<Table<'a>>) {
        hosts::see_counters(&mut tables);
        let (mut words, mut numbered) = (Vec::new(), Vec::new());
        for table in tables.into_iter().map(|table| self.without_single_hosts(table)).collect::<Vec<_>>() {
            let zones =
                table.len() >= 3 && table.has_numbers() && table.members.iter().all(|&at| self.members[at].inner);
            let run = matches!(loosened(&table).run_key()[..], [Item::Words(_)]);
            if run && !(zones && table.has_closed_words()) { words.push(table) } else { numbered.push(table) }
        }
        self.join_runs(numbered);
        self.decide_words(words);
    }

    /// Tables that differ only in how many words stand in a row are one family, where that is cheaper to tell.
    pub(super) fn join_runs(&mut self, tables: Vec<Table<'a>>) {
        let mut groups: BTreeMap<Vec<Item>, Vec<Table<'a>>> = BTreeMap::new();
        for table in tables {
            let loose = loosened(&table);
            groups.entry(loose.run_key()).or_default().push(table);
        }
        let groups = groups.into_values().flat_map(part_by_ids);
        for mut group in groups {
            group.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.shape.cmp(&b.shape)));
            let rows: usize = group.iter().map(Table::len).sum();
            // Two lines that read nearly alike are worth less than two that do not.
            let apart =
                |table: &Table<'_>| table.bits() + 2.0 * table.line(self.settings) + cost::choice(table.len(), rows);
            while group.len() >= 2 {
                let whole = run_bits(&group.iter().collect::<Vec<_>>(), self.settings);
                let saved = |at: usize| {
                    let others = group.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, table)| table);
                    let others: Vec<&Table<'_>> = others.collect();
                    whole - run_bits(&others, self.settings) - apart(&group[at])
                };
                let worst = (0..group.len())
                    .filter(|&at| group[at].len() >= 3)
                    .map(|at| (saved(at), at))
                    .max_by(|a, b| a.0.total_cmp(&b.0));
                match worst.filter(|(saved, _)| *saved > 0.0 && group.len() > 1) {
                    Some((_, at)) => {
                        let table = group.remove(at);
                        self.keep_table(&table);
                    }
                    None => break,
                }
            }
            if let [table] = &group[..] {
                self.keep_table(table);
            } else if group.iter().map(Table::len).sum::<usize>() >= if self.place.pooled { 3 } else { 4 } {
                let members = group.iter().flat_map(|table| table.members.iter().copied()).collect();
                let shapes = run_shapes(&group);
                self.families.push((Form { style: Style::Run, shapes }, members));
            }
        }
    }

    pub(super) fn keep_table(&mut self, table: &Table<'a>) {
        let strong = table.shape.pieces.iter().any(|piece| matches!(piece, Piece::Typed(_)))
            || table.shape.pieces.iter().any(|piece| matches!(piece, Piece::Opaque { max, .. } if *max >= 16));
        let enough = if strong { 2 } else { 3 };
        if table.len() >= enough {
            let form = Form { style: Style::Table, shapes: vec![table.settled()] };
            self.families.push((form, table.members.clone()));
        }
    }
}

/// Labels of this many octets and more can be ids with dashes in them.
const DASHED: usize = 12;

/// Whether ids are in a table, or what looks like parts of some: a digit before a letter.
fn is_noisy(table: &Table<'_>) -> bool {
    let pieces = &table.shape.pieces;
    pieces.iter().any(|piece| matches!(piece, Piece::Opaque { .. }))
        || pieces.windows(2).any(|pair| matches!(pair, [Piece::Digits, Piece::Word]))
}
