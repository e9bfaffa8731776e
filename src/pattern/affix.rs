//! Letters that most labels of a place begin or end with: constants around what varies.

use std::collections::{BTreeSet, HashMap};

use super::form::{Form, Piece};
use super::hash::MixBuilder;
use super::octets::Octets;
use super::population::Member;
use super::table::push_const;
use super::texts;
use super::token::{self, Kind, Token};

/// A constant end of labels, with the separators next to it.
pub(super) struct Affix {
    text: String,
    left: bool,
}

/// Labels that must have an end in common, and their share: three in five.
pub(super) const ENOUGH: usize = 6;

/// The end that most labels have in common; `None` when there is none.
pub(super) fn most_frequent(members: &[&Member<'_>], all: &[usize]) -> Option<Affix> {
    let mut best: Option<(usize, Affix)> = None;
    for left in [true, false] {
        let mut counts: HashMap<&str, usize, MixBuilder> = HashMap::default();
        for text in all.iter().filter_map(|&at| end(members[at], left)) {
            *counts.entry(text).or_default() += 1;
        }
        let most = counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(a.0)));
        if let Some((text, count)) = most
            && count >= ENOUGH
            && 5 * count >= 3 * all.len()
            && best.as_ref().is_none_or(|(other, _)| count > *other)
            && !is_one_of_many(members, all, text, left)
        {
            best = Some((count, Affix { text: text.to_owned(), left }));
        }
    }
    best.map(|(_, affix)| affix)
}

/// Whether most labels without an end are built like those with it: then it is a value of a column.
fn is_one_of_many(members: &[&Member<'_>], all: &[usize], text: &str, left: bool) -> bool {
    let (with, without): (Vec<usize>, Vec<usize>) = all.iter().partition(|&&at| end(members[at], left) == Some(text));
    let frame = |at: &usize| -> Vec<Kind> { members[*at].tokens.iter().map(|token| token.kind).collect() };
    let frames: BTreeSet<Vec<Kind>> = with.iter().map(frame).filter(|frame| frame.len() > 1).collect();
    let alike = without.iter().filter(|at| frames.contains(&frame(at))).count();
    without.len() >= 3 && 2 * alike >= without.len()
}

/// The letters at one end of a label with the separators next to them; `None` when nothing else is in it.
fn end<'a>(member: &Member<'a>, left: bool) -> Option<&'a str> {
    let tokens = &member.tokens;
    let token = if left { tokens.first()? } else { tokens.last()? };
    if token.kind.is_typed() || token.kind.is_separator() {
        return None;
    }
    let label = member.label;
    let run = if left { texts::runs(token.of(label)).next()? } else { texts::runs(token.of(label)).last()? };
    if run.len() < 2 || !run.as_bytes()[0].is_ascii_lowercase() {
        return None;
    }
    let is_separator = |octet: &u8| matches!(octet, b'-' | b'_');
    let len = if left {
        run.len() + label.as_bytes()[run.len()..].iter().take_while(|octet| is_separator(octet)).count()
    } else {
        let before = &label.as_bytes()[..label.len() - run.len()];
        run.len() + before.iter().rev().take_while(|octet| is_separator(octet)).count()
    };
    (len < label.len()).then(|| if left { &label[..len] } else { &label[label.len() - len..] })
}

impl Affix {
    /// The label without this end, if it has it and reads the same without it.
    pub(super) fn cut<'a>(&self, member: &Member<'a>) -> Option<Member<'a>> {
        if end(member, self.left) != Some(self.text.as_str()) {
            return None;
        }
        let label = if self.left {
            &member.label[self.text.len()..]
        } else {
            &member.label[..member.label.len() - self.text.len()]
        };
        let tokens = token::tokens(label);
        let offset = if self.left { self.text.len() } else { 0 };
        // What has a form of its own must have it in the whole label too, and the other way round: `ec2-10-0-0-7` without its
        // letters is no address behind a number.
        let typed = |tokens: &[Token], offset: usize| -> Vec<(Kind, usize, u8)> {
            let typed = tokens.iter().filter(|token| token.kind.is_typed());
            typed.map(|token| (token.kind, usize::from(token.start) + offset, token.len)).collect()
        };
        let same = typed(&tokens, offset) == typed(&member.tokens, 0);
        let Member { whole, zone, inner, paired, weight, .. } = *member;
        same.then_some(Member { label, whole, octets: Octets::of(label), tokens, zone, inner, paired, weight })
    }

    /// The form of whole labels from the form of what is left of them.
    pub(super) fn put_back(&self, mut form: Form) -> Form {
        for shape in &mut form.shapes {
            if self.left {
                let mut pieces = vec![Piece::Const(self.text.clone())];
                for piece in shape.pieces.drain(..) {
                    match piece {
                        Piece::Const(text) => push_const(&mut pieces, &text),
                        piece => pieces.push(piece),
                    }
                }
                shape.pieces = pieces;
            } else {
                push_const(&mut shape.pieces, &self.text);
            }
        }
        form
    }
}
