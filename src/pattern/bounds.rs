//! What a label must have to be looked at by a shape: cheap tests before it is read.

use super::class::{self, Charset};
use super::form::{Piece, Shape};
use super::grow::Branch;
use super::octets::{Label, Octets};
use super::token::{self, Kind};

/// How long a label can be and how many separators it has, to be read by a shape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    min: usize,
    max: usize,
    /// `None` where separators are in what varies.
    separators: Option<usize>,
    /// Whether it is read by the tokens of a label.
    pub(super) typed: bool,
    /// What it begins and ends with.
    first: Charset,
    last: Charset,
}

impl Bounds {
    pub(super) fn of(shape: &Shape) -> Self {
        let (mut min, mut max, mut separators) = (0, 0, Some(0));
        for piece in &shape.pieces {
            let (least, most, inside) = match piece {
                Piece::Const(text) => (text.len(), text.len(), Some(Octets::of(text).count_separators())),
                Piece::Word | Piece::Choice | Piece::Digits | Piece::Number => (1, 63, Some(0)),
                Piece::Opaque { min, max, dashed } => (usize::from(*min), usize::from(*max), (!dashed).then_some(0)),
                Piece::Typed(kind) => size_of(*kind),
            };
            (min, max) = (min + least, max + most);
            separators = separators.zip(inside).map(|(a, b)| a + b);
        }
        let typed = shape.pieces.iter().any(|piece| matches!(piece, Piece::Typed(_)));
        let edge = |piece: Option<&Piece>, text_end: fn(&str) -> Option<u8>| match piece {
            Some(Piece::Const(text)) => text_end(text).map_or(0, class::bit),
            Some(Piece::Word | Piece::Choice) => class::LETTERS,
            Some(Piece::Digits | Piece::Number) => class::DIGITS,
            Some(Piece::Opaque { .. } | Piece::Typed(_)) | None => Charset::MAX,
        };
        let first = edge(shape.pieces.first(), |text| text.bytes().next());
        let last = edge(shape.pieces.last(), |text| text.bytes().next_back());
        Self { min, max, separators, typed, first, last }
    }

    /// Whether a label with so many separators can be read by the shape.
    pub(super) fn allow(&self, label: &str, separators: usize) -> bool {
        let text = label.as_bytes();
        let meets = |octet: Option<&u8>, set: Charset| octet.is_some_and(|&octet| class::bit(octet) & set != 0);
        (self.min..=self.max).contains(&text.len())
            && self.separators.is_none_or(|count| count == separators)
            && meets(text.first(), self.first)
            && meets(text.last(), self.last)
    }
}

impl Bounds {
    /// The parts of a label by the pieces of the shape; `None` when it has another shape.
    pub(super) fn parts<'l>(&self, shape: &Shape, label: &'l str) -> Option<impl Iterator<Item = &'l str>> {
        let octets = Octets::of(label);
        if !self.allow(label, octets.count_separators()) {
            return None;
        }
        let tokens = if self.typed { token::tokens(label) } else { Vec::new() };
        let (mut start, mut ends) = (0, Vec::new());
        shape.read(Label { text: label, octets, tokens: &tokens }, &mut ends).then(|| {
            ends.into_iter().map(move |end| {
                let part = &label[start..usize::from(end)];
                start = usize::from(end);
                part
            })
        })
    }
}

/// Shortest and longest text of a known form, and its separators if their number is fixed.
fn size_of(kind: Kind) -> (usize, usize, Option<usize>) {
    match kind {
        Kind::Uuid => (36, 36, Some(4)),
        Kind::Mac => (17, 17, Some(5)),
        Kind::Ipv4 => (7, 15, Some(3)),
        Kind::Date => (10, 10, Some(2)),
        _ => (1, 63, None),
    }
}

/// Whether names end at a label or go on below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Depth {
    /// Every name ends here.
    Leaf,
    /// Every name goes on.
    Inner,
    /// Some do, some do not.
    Both,
}

impl Depth {
    pub(super) fn of<'b, 'a: 'b>(branches: impl Iterator<Item = &'b Branch<'a>>) -> Self {
        let (mut ends, mut goes_on) = (false, false);
        for row in branches.flat_map(|branch| branch.rows) {
            ends |= row.ends();
            goes_on |= !row.ends();
        }
        match (ends, goes_on) {
            (true, true) => Self::Both,
            (false, true) => Self::Inner,
            (_, false) => Self::Leaf,
        }
    }

    /// Whether every label of the other depth can be one of this.
    pub(super) fn covers(self, other: Self) -> bool {
        self == other || self == Self::Both
    }

    /// Whether a label of one depth can be one of the other.
    pub(super) fn meets(self, other: Self) -> bool {
        self == other || self == Self::Both || other == Self::Both
    }
}
