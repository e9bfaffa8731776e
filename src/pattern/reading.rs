//! How the parts of labels are read, as words, numbers or ids, by the column each stands in; and the tables that follow.

use std::collections::{BTreeMap, HashMap};

use super::cost::Spelled;
use super::form::{Piece, Shape};
use super::glued::Glued;
use super::hash::MixBuilder;
use super::ids::Ids;
use super::population::{Member, Splitter};
use super::runs::join_widths;
use super::table::Table;
use super::texts;
use super::token::Kind;
use super::words;

/// Whether a token is letters and digits whose meaning its column tells.
fn is_part(kind: Kind) -> bool {
    matches!(kind, Kind::Word | Kind::Digits | Kind::Mixed)
}

impl<'a> Splitter<'a, '_> {
    /// Reads every label and makes one table a shape.
    pub(super) fn tables(&self, all: &[usize]) -> Vec<Table<'a>> {
        let mut frames: BTreeMap<Vec<Kind>, Vec<usize>> = BTreeMap::new();
        let mut kinds = Vec::new();
        for &at in all {
            let tokens = self.members[at].tokens.iter();
            kinds.clear();
            kinds.extend(tokens.map(|token| if is_part(token.kind) { Kind::Mixed } else { token.kind }));
            match frames.get_mut(kinds.as_slice()) {
                Some(group) => group.push(at),
                None => _ = frames.insert(kinds.clone(), vec![at]),
            }
        }
        let ends = Ends::of(self.members, &frames);
        let (mut tables, mut places) = (Vec::new(), HashMap::<Vec<Part>, usize, MixBuilder>::default());
        let (mut parts, mut row) = (Vec::new(), Vec::new());
        for (kinds, group) in &frames {
            let columns: Vec<(Glued<'a>, Ids<'a>)> =
                (0..kinds.len()).map(|column| self.column(kinds[column], group, column)).collect();
            for &at in group {
                parts.clear();
                row.clear();
                for (column, (glued, own)) in columns.iter().enumerate() {
                    let text = self.members[at].part(column);
                    if let Some((one, other, word_first)) = glued.cut(text) {
                        push_glued(one, other, word_first, &mut parts, &mut row);
                        continue;
                    }
                    let is_id = own.takes(text) || ends.take(text, column, kinds.len());
                    self.read_part(at, column, is_id, &mut parts, &mut row);
                }
                let place = places.get(parts.as_slice()).copied().unwrap_or_else(|| {
                    let pieces = parts.iter().map(|part| part.piece()).collect();
                    tables.push(Table::new(Shape { pieces }));
                    places.insert(parts.clone(), tables.len() - 1);
                    tables.len() - 1
                });
                tables[place].push(at, &row);
            }
        }
        tables.sort_unstable_by(|a, b| a.shape.cmp(&b.shape));
        self.take_dashed(join_widths(tables))
    }

    /// Words with ids glued to them, and ids, in a column of a frame.
    fn column(&self, kind: Kind, group: &[usize], column: usize) -> (Glued<'a>, Ids<'a>) {
        if kind != Kind::Mixed {
            return Default::default();
        }
        let cell = |at: &usize| (self.members[*at].part(column), self.members[*at].weight);
        let cells: Vec<(&'a str, f64)> = group.iter().map(cell).collect();
        (Glued::of(&cells), Ids::of(&cells))
    }

    fn read_part(&self, at: usize, column: usize, is_id: bool, parts: &mut Vec<Part>, row: &mut Vec<Spelled<'a>>) {
        let (member, text) = (self.members[at], self.members[at].part(column));
        let token = member.tokens[column];
        match token.kind {
            Kind::Word | Kind::Digits | Kind::Mixed => {
                let known = token.kind == Kind::Word
                    && member.tokens.len() == 1
                    && !self.place.pooled
                    && !member.inner
                    && words::is_known_host(member.whole);
                if is_id && !known {
                    parts.push(Part::Id(token.len));
                    row.push(Spelled::free(text));
                } else {
                    for run in texts::runs(text) {
                        parts.push(if run.as_bytes()[0].is_ascii_digit() { Part::Digits } else { Part::Word });
                        row.push(Spelled::new(run));
                    }
                }
            }
            kind => {
                parts.push(Part::Fixed(kind));
                row.push(Spelled::free(text));
            }
        }
    }
}

/// How one part of a label is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Word,
    Digits,
    /// An id of so many octets.
    Id(u8),
    /// A separator, or a form everybody knows.
    Fixed(Kind),
}

impl Part {
    fn piece(self) -> Piece {
        match self {
            Self::Word => Piece::Word,
            Self::Digits => Piece::Digits,
            Self::Id(len) => Piece::Opaque { min: len, max: len, dashed: false },
            Self::Fixed(Kind::Dash) => Piece::Const("-".to_owned()),
            Self::Fixed(Kind::Underscore) => Piece::Const("_".to_owned()),
            Self::Fixed(kind) => Piece::Typed(kind),
        }
    }
}

/// A word and an id, or an id and a word.
fn push_glued<'a>(one: &'a str, other: &'a str, word_first: bool, parts: &mut Vec<Part>, row: &mut Vec<Spelled<'a>>) {
    for (text, is_word) in [(one, word_first), (other, !word_first)] {
        let len = u8::try_from(text.len()).expect("a label has at most 63 octets");
        parts.push(if is_word { Part::Word } else { Part::Id(len) });
        row.push(if is_word { Spelled::new(text) } else { Spelled::free(text) });
    }
}

/// Ids at either end of labels, over all numbers of parts: `my-app-x7f9a2` and `app-k3b9d1`.
struct Ends<'a> {
    /// By place from the left, then by place from the right.
    columns: [[Ids<'a>; 2]; 2],
}

impl<'a> Ends<'a> {
    fn of(members: &[&Member<'a>], frames: &BTreeMap<Vec<Kind>, Vec<usize>>) -> Self {
        if frames.keys().filter(|kinds| kinds.len() > 1).count() < 2 {
            return Self { columns: Default::default() };
        }
        let column = |left: bool, place: usize| -> Ids<'a> {
            let mut texts = Vec::new();
            for (kinds, group) in frames.iter().filter(|(kinds, _)| kinds.len() > 2 * place + 1) {
                let at = if left { 2 * place } else { kinds.len() - 1 - 2 * place };
                if kinds[at] == Kind::Mixed {
                    texts.extend(group.iter().map(|&member| (members[member].part(at), members[member].weight)));
                }
            }
            Ids::of(&texts)
        };
        let side = |left: bool| [column(left, 0), column(left, 1)];
        Self { columns: [side(true), side(false)] }
    }

    /// Whether the text of one of `parts` tokens is an id by what stands at that place of other labels.
    fn take(&self, text: &str, at: usize, parts: usize) -> bool {
        let [left, right] = &self.columns;
        let from_right = parts - 1 - at;
        parts > 1
            && (at.is_multiple_of(2) && left.get(at / 2).is_some_and(|ids| ids.takes(text))
                || from_right.is_multiple_of(2) && right.get(from_right / 2).is_some_and(|ids| ids.takes(text)))
    }
}
