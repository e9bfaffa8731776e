//! What was learned of one root: a tree over labels, read from the root side, whose edges are constants or [`Form`]s.
//!
//! A name walks the tree label by label; where it ends is its pattern. Every walk is the same for the same name.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::bounds::{Bounds, Depth};
use super::columns::is_word;
use super::facts::{Facts, Values};
use super::form::{Form, Piece, Shape, Style};
use super::hash::MixBuilder;
use super::letters;
use super::octets::{Label, Octets};
use super::token::{self, Token};

/// One place of the tree.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) constants: HashMap<Box<str>, u32, MixBuilder>,
    pub(super) edges: Vec<Edge>,
    /// Whether families with ids stand beside others.
    mixed: bool,
    /// Whether a name that ends here is of this place, whatever families stand beside it.
    pub(super) own: bool,
    /// Names that end here.
    pub(super) names: u64,
}

/// A family of labels below a place.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) form: Form,
    pub(super) node: u32,
    /// Per shape and piece, over all names that went this way.
    pub(super) facts: Vec<Vec<Facts>>,
    /// The labels of an open list of words, over all names.
    pub(super) labels_seen: Values,
    /// Labels that this edge would take too, but that belong to another one.
    pub(super) refused: BTreeSet<Box<str>>,
    /// Whether ids are in it.
    pub(super) is_opaque: bool,
    /// Those of a closed list that names brought.
    pub(super) brought: BTreeSet<Box<str>>,
    /// The labels of a closed list.
    pub(super) labels: HashSet<Box<str>, MixBuilder>,
    /// Labels that are none of it: hosts that everybody has.
    pub(super) spares: Option<fn(&str) -> bool>,
    /// Whether names end at these labels, go on below them, or both.
    pub(super) depth: Depth,
    /// Per shape, what a label must have to be looked at by it.
    pub(super) bounds: Vec<Bounds>,
    /// Per shape and piece, the shortest and longest text it was learned from.
    pub(super) spans: Vec<Vec<(u8, u8)>>,
    /// Per shape, the distinct places of the sample that this edge was learned from.
    pub(super) rows: Vec<usize>,
    /// Names that labels of it stand for, of those that do not look drawn at random.
    pub(super) speaking: f64,
    /// Names that labels of it stand for, of those that are letters only.
    pub(super) plain: f64,
}

/// The tree of one root.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) nodes: Vec<Node>,
    /// Labels that are always constants.
    keep: Vec<String>,
}

/// One step of a walk over an edge of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    node: u32,
    edge: u32,
    shape: u32,
    /// Where the label begins in the left part, and its length.
    start: u8,
    len: u8,
    /// Where the ends of the label's pieces are in the walk.
    ends: usize,
}

/// Room for a walk, used again for each name.
#[derive(Debug, Default)]
pub(super) struct Walk {
    tokens: Vec<Token>,
    ends: Vec<u8>,
    chosen: Vec<u8>,
    /// The steps over edges, root side first.
    steps: Vec<Step>,
    /// The ends of the pieces of all labels of the steps.
    all: Vec<u8>,
    /// Per place, how labels that names go on below were read before: they repeat.
    known: HashMap<u32, HashMap<Box<str>, Reading, MixBuilder>, MixBuilder>,
}

impl Walk {
    /// Reads a label by a shape; the label is cut into tokens when the first shape needs them.
    fn read(&mut self, label: &str, octets: Octets, shape: &Shape, bounds: &Bounds) -> bool {
        if bounds.typed && self.tokens.is_empty() {
            token::tokenize(label, octets, &mut self.tokens);
        }
        shape.read(Label { text: label, octets, tokens: &self.tokens }, &mut self.ends)
    }
}

/// How a label was read: the edge, the shape, and the ends of its pieces.
#[derive(Debug, Clone)]
struct Reading {
    edge: u32,
    shape: u32,
    ends: Box<[u8]>,
}

/// Readings kept of one place.
const READINGS: usize = 512;

impl Model {
    /// A tree without a place; these labels are always constants.
    pub(super) fn new(keep: Vec<String>) -> Self {
        Self { nodes: Vec::new(), keep }
    }

    /// Adds an empty place.
    pub(super) fn push(&mut self) -> u32 {
        self.nodes.push(Node::default());
        u32::try_from(self.nodes.len() - 1).expect("fewer nodes than labels")
    }

    /// Where the name with this left part ends; `None` when it leaves the tree. The edges it took stay in `walk`.
    pub(super) fn walk(&self, left: &str, walk: &mut Walk) -> Option<u32> {
        walk.steps.clear();
        walk.all.clear();
        let (mut at, mut left) = (0, left);
        while !left.is_empty() {
            let (below, label) = split_label(left);
            at = self.step(at, below, label, walk)?;
            left = below;
        }
        Some(at)
    }

    /// The place one label further.
    fn step(&self, at: u32, below: &str, label: &str, walk: &mut Walk) -> Option<u32> {
        match self.nodes[at as usize].constants.get(label).copied() {
            Some(child) if below.is_empty() && !self.nodes[child as usize].own => {
                self.step_into_family(at, below, label, walk).or(Some(child))
            }
            Some(child) => Some(child),
            None => self.step_into_family(at, below, label, walk),
        }
    }

    fn step_into_family(&self, at: u32, below: &str, label: &str, walk: &mut Walk) -> Option<u32> {
        let node = &self.nodes[at as usize];
        if node.edges.is_empty() || self.keep.iter().any(|keep| keep == label) {
            return None;
        }
        let (edge, shape) = if below.is_empty() {
            node.choose(label, Depth::Leaf, walk)?
        } else if let Some(reading) = walk.known.get(&at).and_then(|readings| readings.get(label)) {
            walk.chosen.clear();
            walk.chosen.extend_from_slice(&reading.ends);
            (reading.edge, reading.shape)
        } else {
            let (edge, shape) = node.choose(label, Depth::Inner, walk)?;
            let readings = walk.known.entry(at).or_default();
            if readings.len() < READINGS {
                readings.insert(label.into(), Reading { edge, shape, ends: walk.chosen.as_slice().into() });
            }
            (edge, shape)
        };
        let octet = |len: usize| u8::try_from(len).expect("a name has at most 253 octets");
        let start = if below.is_empty() { 0 } else { below.len() + 1 };
        walk.steps.push(Step {
            node: at,
            edge,
            shape,
            start: octet(start),
            len: octet(label.len()),
            ends: walk.all.len(),
        });
        walk.all.extend_from_slice(&walk.chosen);
        Some(node.edges[edge as usize].node)
    }

    /// Makes what is left of a name that leaves the tree a constant path of its own, and says where it ends.
    pub(super) fn insert(&mut self, left: &str, walk: &mut Walk) -> u32 {
        walk.steps.clear();
        walk.all.clear();
        let (mut at, mut left) = (0, left);
        while !left.is_empty() {
            let (below, label) = split_label(left);
            at = if let Some(child) = self.step(at, below, label, walk) {
                child
            } else {
                let child = self.push();
                self.nodes[at as usize].constants.insert(label.into(), child);
                child
            };
            left = below;
        }
        at
    }

    /// Adds the name that was walked last to the facts along its way.
    pub(super) fn note(&mut self, left: &str, end: u32, walk: &mut Walk) {
        self.nodes[end as usize].names += 1;
        for at in 0..walk.steps.len() {
            let step = walk.steps[at];
            let free = self.is_free(&walk.steps[at..]);
            let label = &left[usize::from(step.start)..usize::from(step.start) + usize::from(step.len)];
            let node = &mut self.nodes[step.node as usize];
            if node.mixed {
                node.refuse(label, step.edge as usize, walk);
            }
            let edge = &mut node.edges[step.edge as usize];
            match edge.form.style {
                Style::Slug => edge.labels_seen.add(label, free),
                Style::Closed if !edge.brought.contains(label) => _ = edge.brought.insert(label.into()),
                Style::Closed | Style::Table | Style::Run => {}
            }
            let pieces = &edge.form.shapes[step.shape as usize].pieces;
            let facts = edge.facts[step.shape as usize].iter_mut();
            let mut start = 0;
            for ((facts, piece), &end) in facts.zip(pieces).zip(&walk.all[step.ends..]) {
                let end = usize::from(end);
                if facts.rows > 0 && matches!(piece, Piece::Const(_)) {
                    facts.rows += 1;
                } else {
                    facts.add(&label[start..end], free);
                }
                start = end;
            }
        }
    }
}

impl Model {
    /// Whether a name is one of any number that can stand below its label: it ends there, or an open list is further down.
    /// A tenant with the same ten hosts as every other one is no ten tenants.
    fn is_free(&self, steps: &[Step]) -> bool {
        let is_open = |step: &Step| {
            let edge = &self.nodes[step.node as usize].edges[step.edge as usize];
            edge.form.style != Style::Closed
        };
        steps[0].start == 0 || steps[1..].iter().any(is_open)
    }
}

/// The label nearest the root, and what is left of it.
fn split_label(left: &str) -> (&str, &str) {
    let dot = left.bytes().rposition(|octet| octet == b'.');
    dot.map_or(("", left), |dot| (&left[..dot], &left[dot + 1..]))
}

/// The share of words, abbreviations among them, that look drawn at random.
const ODD_WORDS: f64 = 0.05;
/// Labels refused by one edge; beyond these the expressions of two families may overlap.
const REFUSED: usize = 2000;

impl Node {
    /// Whether names end here, go on below, or both; `None` where no name came.
    pub(super) fn depth(&self) -> Option<Depth> {
        match (self.names > 0, !self.constants.is_empty() || !self.edges.is_empty()) {
            (true, true) => Some(Depth::Both),
            (true, false) => Some(Depth::Leaf),
            (false, true) => Some(Depth::Inner),
            (false, false) => None,
        }
    }

    /// Notes whether families with ids stand beside others.
    pub(super) fn see_mixture(&mut self) {
        let ids = self.edges.iter().filter(|edge| edge.is_opaque).count();
        self.mixed = ids > 0 && self.edges.len() > 1;
    }

    /// Notes a label with the other edges that would take it: words among ids, and ids among words.
    fn refuse(&mut self, label: &str, chosen: usize, walk: &mut Walk) {
        walk.tokens.clear();
        let octets = Octets::of(label);
        let separators = octets.count_separators();
        let Edge { is_opaque: opaque, depth, .. } = self.edges[chosen];
        let closed = self.edges[chosen].form.style == Style::Closed;
        let others = self.edges.iter_mut().enumerate();
        for (_, other) in others
            .filter(|(at, other)| *at != chosen && (other.is_opaque || opaque || closed) && other.depth.meets(depth))
        {
            let takes = other
                .form
                .shapes
                .iter()
                .zip(&other.bounds)
                .any(|(shape, bounds)| bounds.allow(label, separators) && walk.read(label, octets, shape, bounds));
            if takes && other.refused.len() < REFUSED {
                other.refused.insert(label.into());
            }
        }
    }

    /// The edge that takes a label, and by which shape.
    fn choose(&self, label: &str, depth: Depth, walk: &mut Walk) -> Option<(u32, u32)> {
        walk.tokens.clear();
        let octets = Octets::of(label);
        let separators = octets.count_separators();
        let mut chosen: Option<(u32, u32)> = None;
        for (at, edge) in (0..).zip(&self.edges) {
            if chosen.is_some() && !self.mixed {
                break;
            }
            if !edge.depth.meets(depth) || edge.form.style == Style::Closed && !edge.labels.contains(label) {
                continue;
            }
            for (shape_at, (shape, bounds)) in (0..).zip(edge.form.shapes.iter().zip(&edge.bounds)) {
                if !bounds.allow(label, separators) || !walk.read(label, octets, shape, bounds) {
                    continue;
                }
                if edge.spares.is_some_and(|spares| spares(label)) {
                    break;
                }
                match chosen {
                    None => {
                        chosen = Some((at, shape_at));
                        std::mem::swap(&mut walk.ends, &mut walk.chosen);
                    }
                    // An id without the look of one, where words or numbers stand too.
                    Some(first) if self.edges[first.0 as usize].is_opaque != edge.is_opaque => {
                        let (plain, id) =
                            if edge.is_opaque { (first, (at, shape_at)) } else { ((at, shape_at), first) };
                        // A family of a few names beside thousands of ids took its names from them; a closed list
                        // has nothing but what was seen to be its own.
                        let (few, many) = (self.edges[plain.0 as usize].places(), self.edges[id.0 as usize].places());
                        let (words, ids) = (&self.edges[plain.0 as usize], &self.edges[id.0 as usize]);
                        let odd = is_word(label) && ODD_WORDS * words.speaking > ids.plain + 0.5;
                        let is_plain = words.form.style == Style::Closed
                            || 20 * few > many && words.fits(label, octets, (plain.1, false), walk)
                            || odd && words.fits(label, octets, (plain.1, true), walk);
                        let better = if is_plain { plain } else { id };
                        chosen = Some(better);
                        let shape = &self.edges[better.0 as usize].form.shapes[better.1 as usize];
                        shape.read(Label { text: label, octets, tokens: &walk.tokens }, &mut walk.chosen);
                    }
                    Some(_) => {}
                }
                break;
            }
        }
        chosen
    }
}

impl Edge {
    /// Whether a label that could be an id is as short, as long and as wordy as what a shape was learned from; of an `odd`
    /// one the words are as long as those, whatever they look like.
    fn fits(&self, label: &str, octets: Octets, (shape, odd): (u32, bool), walk: &mut Walk) -> bool {
        let Walk { tokens, ends, .. } = walk;
        let shape_of = &self.form.shapes[shape as usize];
        if !shape_of.read(Label { text: label, octets, tokens }, ends) {
            return false;
        }
        let mut start = 0;
        let mut pieces = shape_of.pieces.iter().zip(&self.spans[shape as usize]).zip(ends);
        pieces.all(|((piece, &(min, max)), end)| {
            let text = &label[start..usize::from(*end)];
            start = usize::from(*end);
            let as_long = (usize::from(min)..=usize::from(max)).contains(&text.len());
            match piece {
                Piece::Digits | Piece::Number => as_long,
                Piece::Word | Piece::Choice if odd => as_long,
                Piece::Word | Piece::Choice => !letters::looks_random(text),
                Piece::Const(_) | Piece::Opaque { .. } | Piece::Typed(_) => true,
            }
        })
    }

    /// Places of the sample that it was learned from.
    fn places(&self) -> usize {
        self.rows.iter().sum()
    }

    pub(super) fn has_ids(form: &Form) -> bool {
        form.shapes.iter().any(|shape| shape.pieces.iter().any(|piece| matches!(piece, Piece::Opaque { .. })))
    }
}
