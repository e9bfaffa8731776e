//! [`Form`]: the shape of one label, as one or more sequences of pieces, and how a label is read by it.

use super::octets::Label;
use super::population::Member;
use super::texts;
use super::token::Kind;

/// One piece of a label's shape.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Piece {
    /// Exactly this text.
    Const(String),
    /// One or more letters.
    Word,
    /// One or more letters, a column of its own beside a run of words.
    Choice,
    /// One or more digits.
    Digits,
    /// Digits that are part of a run of words: `shop-12` beside `shop-north`.
    Number,
    /// Letters and digits that only an alphabet and a length describe.
    Opaque {
        /// Shortest and longest seen.
        min: u8,
        /// See `min`.
        max: u8,
        /// Whether `-` and `_` are letters of it.
        dashed: bool,
    },
    /// A form everybody knows.
    Typed(Kind),
}

impl Piece {
    /// Whether it continues letters and digits before it.
    fn is_glued(&self) -> bool {
        match self {
            Self::Word => true,
            Self::Const(text) => text.starts_with(|c: char| c.is_ascii_alphanumeric()),
            Self::Choice | Self::Digits | Self::Number | Self::Opaque { .. } | Self::Typed(_) => false,
        }
    }

    /// The width of an id of letters and digits that all have the same.
    pub(super) fn width(&self) -> Option<usize> {
        match self {
            Self::Opaque { min, max, dashed: false } if min == max => Some(usize::from(*min)),
            _ => None,
        }
    }

    /// A run of letters or of digits.
    pub(super) fn of_run(run: &str) -> Self {
        if run.as_bytes()[0].is_ascii_digit() { Self::Digits } else { Self::Word }
    }
}

/// A sequence of pieces that takes a whole label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Shape {
    pub(super) pieces: Vec<Piece>,
}

impl Shape {
    /// Whether a label has this shape; then `ends` gets the end of each piece.
    pub(super) fn read(&self, label: Label<'_>, ends: &mut Vec<u8>) -> bool {
        ends.clear();
        let Label { text, octets, tokens } = label;
        let mut at = 0;
        for (number, piece) in self.pieces.iter().enumerate() {
            let next = || self.pieces.get(number + 1);
            let len = match piece {
                Piece::Const(constant) => {
                    if !text.as_bytes()[at..].starts_with(constant.as_bytes()) {
                        return false;
                    }
                    constant.len()
                }
                Piece::Word | Piece::Choice => {
                    let letters = octets.letters_from(at);
                    // Before an id of one width a word ends where the id begins.
                    match next().and_then(Piece::width) {
                        Some(ahead) => {
                            let word = octets.alphanumerics_from(at).saturating_sub(ahead);
                            if word > letters { 0 } else { word }
                        }
                        None => letters,
                    }
                }
                Piece::Digits | Piece::Number => octets.digits_from(at),
                Piece::Opaque { min, max, dashed } => {
                    let (min, max) = (usize::from(*min), usize::from(*max));
                    let run = if *dashed { text.len() - at } else { octets.alphanumerics_from(at) };
                    let glued = piece.width().is_some() && next().is_some_and(Piece::is_glued);
                    let len = if glued { run.min(max) } else { run };
                    if len < min || len > max {
                        return false;
                    }
                    len
                }
                Piece::Typed(kind) => {
                    let found = tokens.iter().find(|token| usize::from(token.start) == at && token.kind == *kind);
                    found.map_or(0, |token| usize::from(token.len))
                }
            };
            if len == 0 {
                return false;
            }
            at += len;
            ends.push(u8::try_from(at).expect("a label has at most 63 octets"));
        }
        at == text.len()
    }

    /// The shape of one label, its letters and digits read as words and numbers.
    pub(super) fn of(member: &Member<'_>) -> Self {
        let mut pieces = Vec::new();
        for token in &member.tokens {
            let text = token.of(member.label);
            match token.kind {
                Kind::Word | Kind::Digits | Kind::Mixed => {
                    pieces.extend(texts::runs(text).map(Piece::of_run));
                }
                Kind::Dash | Kind::Underscore => pieces.push(Piece::Const(text.to_owned())),
                kind => pieces.push(Piece::Typed(kind)),
            }
        }
        Self { pieces }
    }

    /// How many pieces vary.
    pub(super) fn variables(&self) -> usize {
        self.pieces.iter().filter(|piece| !matches!(piece, Piece::Const(_))).count()
    }
}

/// How a form came about; it decides how it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Style {
    /// One shape, column by column.
    Table,
    /// One of a closed list of words.
    Closed,
    /// Shapes that are equal when words joined by separators count as one.
    Run,
    /// An open vocabulary in several shapes.
    Slug,
}

/// One item of a shape whose runs of words count as one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    /// A word, or words joined by single separators: the pieces it takes.
    Words(usize),
    /// Any other piece.
    Piece(Piece),
}

impl Shape {
    /// The shape with runs of words joined.
    pub(super) fn collapse(&self) -> Vec<Item> {
        let word = |at: usize| {
            let pieces = self.pieces.get(at..).unwrap_or_default();
            pieces.iter().take_while(|piece| matches!(piece, Piece::Word | Piece::Number)).count()
        };
        let mut items = Vec::new();
        let mut at = 0;
        while at < self.pieces.len() {
            let mut len = word(at);
            if len > 0 {
                while let Some(Piece::Const(text)) = self.pieces.get(at + len)
                    && matches!(text.as_str(), "-" | "_")
                    && word(at + len + 1) > 0
                {
                    len += 1 + word(at + len + 1);
                }
                items.push(Item::Words(len));
                at += len;
            } else {
                items.push(Item::Piece(self.pieces[at].clone()));
                at += 1;
            }
        }
        items
    }

    /// What must be equal for two shapes to differ only in how many words a run has, and how wide ids are.
    pub(super) fn run_key(&self) -> Vec<Item> {
        let key = |item| match item {
            Item::Words(_) => Item::Words(1),
            Item::Piece(Piece::Opaque { dashed, .. }) => Item::Piece(Piece::Opaque { min: 0, max: 0, dashed }),
            item @ Item::Piece(_) => item,
        };
        self.collapse().into_iter().map(key).collect()
    }
}

/// The shape of one label: what a family of labels has in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) style: Style,
    /// Sorted; never empty.
    pub(super) shapes: Vec<Shape>,
}

impl Form {
    /// The first shape that a label has.
    pub(super) fn shape_of(&self, member: &Member<'_>) -> Option<usize> {
        let mut ends = Vec::new();
        self.shapes.iter().position(|shape| shape.read(member.read_label(), &mut ends))
    }
}
