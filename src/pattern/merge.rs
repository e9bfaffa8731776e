//! Families of one place joined where they differ in one word only.

use std::collections::BTreeMap;

use super::form::{Form, Piece, Shape, Style};
use super::population::{Families, Member};
use super::settings::{Detail, Settings};
use super::table::template_bits;

/// Constants cut into words, numbers and separators, so that one word can be compared.
fn fine(shape: &Shape) -> Vec<Piece> {
    let class = |octet: u8| (octet.is_ascii_lowercase(), octet.is_ascii_digit());
    let mut pieces = Vec::new();
    for piece in &shape.pieces {
        if let Piece::Const(text) = piece {
            for run in text.as_bytes().chunk_by(|a, b| class(*a) == class(*b)) {
                pieces.push(Piece::Const(run.iter().copied().map(char::from).collect()));
            }
        } else {
            pieces.push(piece.clone());
        }
    }
    pieces
}

fn coarse(pieces: Vec<Piece>) -> Shape {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (joined.last_mut(), &piece) {
            (Some(Piece::Const(before)), Piece::Const(text)) => before.push_str(text),
            _ => joined.push(piece),
        }
    }
    Shape { pieces: joined }
}

/// Pieces of a family without the word it may share with others.
type Key = Vec<Piece>;

/// A family with what decides whether it is of one kind with another.
struct Part {
    pieces: Vec<Piece>,
    /// Per piece: shortest and longest text, and whether a number begins with a zero.
    spans: Vec<(usize, usize, bool)>,
    members: Vec<usize>,
}

impl Part {
    fn new(form: &Form, members: Vec<usize>, all: &[&Member<'_>]) -> Self {
        let pieces = fine(&form.shapes[0]);
        let shape = Shape { pieces: pieces.clone() };
        let mut spans: Vec<(usize, usize, bool)> = vec![(64, 0, false); pieces.len()];
        let mut ends = Vec::new();
        for &at in &members {
            if shape.read(all[at].read_label(), &mut ends) {
                let mut start = 0;
                for (span, &end) in spans.iter_mut().zip(&ends) {
                    let text = &all[at].label[start..usize::from(end)];
                    *span = (
                        span.0.min(text.len()),
                        span.1.max(text.len()),
                        span.2 || (text.len() > 1 && text.starts_with('0')),
                    );
                    start = usize::from(end);
                }
            }
        }
        Self { pieces, spans, members }
    }

    /// The width of padded numbers at a piece: all of one width, and one with a leading zero.
    fn padded(&self, at: usize) -> Option<usize> {
        let (min, max, zero) = self.spans[at];
        (self.pieces[at] == Piece::Digits && min == max && (zero || min >= 6)).then_some(min)
    }

    /// What must be equal for a join that leaves the word at `open` aside.
    fn key(&self, open: usize) -> Key {
        let keyed = self.pieces.iter().enumerate();
        keyed
            .map(|(at, piece)| match piece {
                _ if at == open => Piece::Word,
                Piece::Opaque { min, max, dashed } if min != max => Piece::Opaque { min: 0, max: 0, dashed: *dashed },
                piece => piece.clone(),
            })
            .collect()
    }

    fn is_word(&self, at: usize) -> bool {
        matches!(&self.pieces[at], Piece::Const(text) if text.bytes().all(|octet| octet.is_ascii_lowercase()))
    }
}

/// Joins families that differ in one word only: three or more of them. Two are two lines, unless few lines are asked for.
pub(super) fn families(families: Families, members: &[&Member<'_>], settings: &Settings) -> Families {
    let (tables, mut rest): (Vec<_>, Vec<_>) =
        families.into_iter().partition(|(form, _)| form.style == Style::Table && form.shapes.len() == 1);
    let mut parts: Vec<Part> = tables.into_iter().map(|(form, at)| Part::new(&form, at, members)).collect();
    while let Some((open, group)) = best_join(&parts, settings) {
        let mut joined: Option<Part> = None;
        for &at in group.iter().rev() {
            let part = parts.swap_remove(at);
            match &mut joined {
                None => joined = Some(part),
                Some(whole) => absorb(whole, part),
            }
        }
        if let Some(mut whole) = joined {
            whole.pieces[open] = Piece::Word;
            whole.members.sort_unstable();
            parts.push(whole);
        }
        parts.sort_by(|a, b| a.pieces.cmp(&b.pieces));
    }
    rest.extend(
        parts.into_iter().map(|part| (Form { style: Style::Table, shapes: vec![coarse(part.pieces)] }, part.members)),
    );
    rest
}

fn absorb(whole: &mut Part, part: Part) {
    whole.members.extend(part.members);
    for (mine, theirs) in whole.spans.iter_mut().zip(&part.spans) {
        *mine = (mine.0.min(theirs.0), mine.1.max(theirs.1), mine.2 || theirs.2);
    }
    for (mine, theirs) in whole.pieces.iter_mut().zip(part.pieces) {
        if let (Piece::Opaque { min, max, .. }, Piece::Opaque { min: low, max: high, .. }) = (mine, theirs) {
            (*min, *max) = ((*min).min(low), (*max).max(high));
        }
    }
}

/// The largest group of families that differ in one word, and where the word is.
fn best_join(parts: &[Part], settings: &Settings) -> Option<(usize, Vec<usize>)> {
    let mut groups: BTreeMap<(usize, Key), Vec<usize>> = BTreeMap::new();
    for (at, part) in parts.iter().enumerate() {
        for open in 0..part.pieces.len() {
            if part.is_word(open) && !is_kept(part, open, settings) {
                groups.entry((open, part.key(open))).or_default().push(at);
            }
        }
    }
    // A family that is open at the word already comes along with two or more that are not.
    for (at, part) in parts.iter().enumerate() {
        for open in 0..part.pieces.len() {
            if part.pieces[open] == Piece::Word
                && let Some(group) = groups.get_mut(&(open, part.key(open)))
                && (group.len() >= 2 || group.iter().all(|&other| parts[other].members.len() <= 2 * part.members.len()))
            {
                group.push(at);
            }
        }
    }
    let mut best: Option<(usize, Vec<usize>)> = None;
    for ((open, _), mut group) in groups {
        group.sort_unstable();
        keep_alike(&mut group, parts);
        if worth(&group, parts, settings) && best.as_ref().is_none_or(|(_, other)| group.len() > other.len()) {
            best = Some((open, group));
        }
    }
    best
}

/// Drops families whose numbers are padded in another way than most of the others'.
fn keep_alike(group: &mut Vec<usize>, parts: &[Part]) {
    for at in 0..parts[group[0]].pieces.len() {
        let mut widths: BTreeMap<usize, usize> = BTreeMap::new();
        for width in group.iter().filter_map(|&part| parts[part].padded(at)) {
            *widths.entry(width).or_default() += 1;
        }
        if let Some((&width, _)) = widths.iter().max_by_key(|(_, parts)| **parts) {
            group.retain(|&part| parts[part].spans[at].0 == width && parts[part].spans[at].1 == width);
        }
        if group.is_empty() {
            return;
        }
    }
}

fn is_kept(part: &Part, at: usize, settings: &Settings) -> bool {
    matches!(&part.pieces[at], Piece::Const(text) if settings.keep.iter().any(|keep| keep == text))
}

fn worth(group: &[usize], parts: &[Part], settings: &Settings) -> bool {
    if group.len() < 2 {
        return false;
    }
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let counts: Vec<f64> = group.iter().map(|&at| parts[at].members.len() as f64).collect();
    let rows: f64 = counts.iter().sum();
    // What the other lines cost against telling, for each row, which of the words it has.
    let line = settings.detail.price() + template_bits(&parts[group[0]].pieces);
    let saved = line * f64::from(u32::try_from(group.len() - 1).unwrap_or(u32::MAX));
    let told: f64 = counts.iter().map(|count| count * (rows / count).log2()).sum();
    match settings.detail {
        Detail::High => saved > told,
        Detail::Normal => group.len() >= 3,
        Detail::Low => group.len() >= 3 || saved > told,
    }
}
