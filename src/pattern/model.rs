//! What was learned of one root: a tree over labels, read from the root side, whose edges are constants or [`Form`]s.
//!
//! A name walks the tree label by label; where it ends is its pattern. Every walk is the same for the same name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::facts::Facts;
use super::form::{Form, Piece, Shape, Style};
use super::hash::MixBuilder;
use super::population::{self, Member};
use super::settings::Settings;
use super::token::{self, Kind, Token};

/// One place of the tree.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) constants: HashMap<Box<str>, u32, MixBuilder>,
    pub(super) edges: Vec<Edge>,
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
    /// Labels that this edge would take too, but that belong to another one.
    pub(super) refused: BTreeSet<Box<str>>,
    /// Distinct places of the sample that this edge was learned from.
    pub(super) rows: usize,
}

/// The tree of one root.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) nodes: Vec<Node>,
}

/// One step of a walk: a constant, or an edge of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) node: u32,
    pub(super) edge: u32,
    pub(super) shape: u32,
}

/// Room for a walk, used again for each name.
#[derive(Debug, Default)]
pub(super) struct Walk {
    tokens: Vec<Token>,
    ends: Vec<u8>,
}

impl Model {
    /// Learns from names below a root; each is the part left of the root without the dot, empty for the root itself.
    pub(super) fn learn(mut lefts: Vec<&str>, settings: &Settings) -> Self {
        lefts.sort_unstable();
        lefts.dedup();
        let mut model = Self { nodes: Vec::new() };
        let rows = lefts.iter().map(|left| (*left, *left)).collect();
        model.grow(rows, true, settings);
        model
    }

    fn push(&mut self) -> u32 {
        self.nodes.push(Node::default());
        u32::try_from(self.nodes.len() - 1).expect("fewer nodes than labels")
    }

    /// Grows the tree below a new node. A row is what is left of the node and the whole left part.
    fn grow(&mut self, rows: Vec<(&str, &str)>, at_root: bool, settings: &Settings) -> u32 {
        let node = self.push();
        let mut branches: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for (left, whole) in rows {
            match left.rsplit_once('.') {
                _ if left.is_empty() => {}
                Some((below, label)) => branches.entry(label).or_default().push((below, whole)),
                None => branches.entry(left).or_default().push(("", whole)),
            }
        }
        let zones = zones(&branches);
        let members: Vec<Member<'_>> = branches.keys().map(|label| Member::new(label, zones.contains(label))).collect();
        let mut families = siblings(&branches, &members, settings);
        let taken: BTreeSet<usize> = families.iter().flat_map(|(_, members)| members.iter().copied()).collect();
        let free: Vec<usize> = (0..members.len()).filter(|at| !taken.contains(at)).collect();
        let rest: Vec<Member<'_>> = free.iter().map(|&at| Member::new(members[at].label, members[at].zone)).collect();
        for (form, found) in population::split(&rest, at_root, settings) {
            families.push((form, found.into_iter().map(|at| free[at]).collect()));
        }
        families.sort_by(|a, b| rank(&a.0).cmp(&rank(&b.0)));
        let mut in_family = vec![false; members.len()];
        for (form, found) in families {
            let mut pooled = Vec::new();
            let mut places = BTreeSet::new();
            for at in found {
                in_family[at] = true;
                for &(below, whole) in &branches[members[at].label] {
                    places.insert(&whole[below.len()..]);
                    pooled.push((below, whole));
                }
            }
            let facts = form.shapes.iter().map(|shape| vec![Facts::default(); shape.pieces.len()]).collect();
            let child = self.grow(pooled, false, settings);
            let edge = Edge { form, node: child, facts, refused: BTreeSet::new(), rows: places.len() };
            self.nodes[node as usize].edges.push(edge);
        }
        for (member, _) in members.iter().zip(in_family).filter(|(_, taken)| !taken) {
            let child = self.grow(branches[member.label].clone(), false, settings);
            self.nodes[node as usize].constants.insert(member.label.into(), child);
        }
        node
    }

    /// Where the name with this left part ends, and the edges it took; `None` when it leaves the tree.
    pub(super) fn walk(&self, left: &str, walk: &mut Walk, steps: &mut Vec<Step>) -> Option<u32> {
        steps.clear();
        self.walk_from(0, left, walk, steps)
    }

    fn walk_from(&self, at: u32, left: &str, walk: &mut Walk, steps: &mut Vec<Step>) -> Option<u32> {
        if left.is_empty() {
            return Some(at);
        }
        let (below, label) = left.rsplit_once('.').unwrap_or(("", left));
        let node = &self.nodes[at as usize];
        if let Some(&child) = node.constants.get(label) {
            return self.walk_from(child, below, walk, steps);
        }
        if node.edges.is_empty() {
            return None;
        }
        let (edge, shape) = node.choose(label, walk)?;
        steps.push(Step { node: at, edge, shape });
        self.walk_from(node.edges[edge as usize].node, below, walk, steps)
    }

    /// Makes a name that leaves the tree a constant path of its own.
    pub(super) fn insert(&mut self, left: &str, walk: &mut Walk) -> u32 {
        let (mut at, mut left) = (0, left);
        while !left.is_empty() {
            let (below, label) = left.rsplit_once('.').unwrap_or(("", left));
            let node = &self.nodes[at as usize];
            at = if let Some(&child) = node.constants.get(label) {
                child
            } else if let Some((edge, _)) = node.choose(label, walk) {
                node.edges[edge as usize].node
            } else {
                let child = self.push();
                self.nodes[at as usize].constants.insert(label.into(), child);
                child
            };
            left = below;
        }
        at
    }

    /// Adds a name that ends at `end` to the facts along its way.
    pub(super) fn note(&mut self, left: &str, end: u32, steps: &[Step], walk: &mut Walk) {
        self.nodes[end as usize].names += 1;
        let (mut at, mut left, mut steps) = (0, left, steps.iter());
        let mut step = steps.next();
        while let Some(next) = step {
            let (below, label) = left.rsplit_once('.').unwrap_or(("", left));
            left = below;
            let node = &mut self.nodes[at as usize];
            if next.node != at || node.constants.contains_key(label) {
                at = node.constants[label];
                continue;
            }
            let edge = &mut node.edges[next.edge as usize];
            walk.tokens.clear();
            token::tokenize(label, &mut walk.tokens);
            let shape = &edge.form.shapes[next.shape as usize];
            if shape.read(label, &walk.tokens, &mut walk.ends) {
                let mut start = 0;
                for (facts, &end) in edge.facts[next.shape as usize].iter_mut().zip(&walk.ends) {
                    facts.add(&label[start..usize::from(end)]);
                    start = usize::from(end);
                }
            }
            at = edge.node;
            step = steps.next();
        }
    }
}

impl Node {
    /// The edge that takes a label, and by which shape.
    fn choose(&self, label: &str, walk: &mut Walk) -> Option<(u32, u32)> {
        walk.tokens.clear();
        token::tokenize(label, &mut walk.tokens);
        let mut chosen: Option<(u32, u32)> = None;
        for (at, edge) in (0..).zip(&self.edges) {
            for (shape_at, shape) in (0..).zip(&edge.form.shapes) {
                if !shape.read(label, &walk.tokens, &mut walk.ends) {
                    continue;
                }
                match chosen {
                    None => chosen = Some((at, shape_at)),
                    // An id in letters only, where words stand too: the letters decide.
                    Some((first, _)) if first != at && self.edges[first as usize].is_opaque() && !edge.is_opaque() => {
                        if !population::is_id(label) && !scrambled(&walk.tokens, label) {
                            chosen = Some((at, shape_at));
                        }
                    }
                    Some(_) => {}
                }
                break;
            }
        }
        chosen
    }
}

fn scrambled(tokens: &[Token], label: &str) -> bool {
    tokens.iter().any(|token| {
        token.kind == Kind::Mixed && {
            let text = token.of(label);
            text.as_bytes().windows(2).any(|pair| pair[0].is_ascii_digit() && pair[1].is_ascii_lowercase())
        }
    })
}

impl Edge {
    pub(super) fn is_opaque(&self) -> bool {
        self.form.shapes.iter().any(|shape| shape.pieces.iter().any(|piece| matches!(piece, Piece::Opaque { .. })))
    }
}

/// Specific forms before general ones.
fn rank(form: &Form) -> (bool, bool, std::cmp::Reverse<usize>, &[Shape]) {
    let literal: usize = form.shapes[0]
        .pieces
        .iter()
        .map(|piece| match piece {
            Piece::Const(text) => text.len(),
            Piece::Word | Piece::Digits | Piece::Opaque { .. } | Piece::Typed(_) => 0,
        })
        .sum();
    let typed = form.shapes[0].pieces.iter().any(|piece| matches!(piece, Piece::Typed(_)));
    (form.style == Style::Slug, !typed, std::cmp::Reverse(literal), &form.shapes)
}

type Branches<'a> = BTreeMap<&'a str, Vec<(&'a str, &'a str)>>;

/// The labels next below a branch.
fn children<'a>(rows: &[(&'a str, &'a str)]) -> BTreeSet<&'a str> {
    let labels = rows.iter().filter(|(below, _)| !below.is_empty());
    labels.map(|(below, _)| below.rsplit_once('.').map_or(*below, |(_, label)| label)).collect()
}

/// How many branches each child label hangs below.
fn repeats<'a>(branches: &Branches<'a>) -> HashMap<&'a str, usize, MixBuilder> {
    let mut counts = HashMap::default();
    for rows in branches.values() {
        for child in children(rows) {
            *counts.entry(child).or_default() += 1;
        }
    }
    counts
}

/// Labels with much below them that hangs below none of their siblings.
fn zones<'a>(branches: &Branches<'a>) -> BTreeSet<&'a str> {
    let repeats = repeats(branches);
    let own = |rows: &[(&'a str, &'a str)], enough: usize| {
        let children = children(rows);
        let shared = children.iter().filter(|child| repeats[*child] > 1).count();
        children.len() >= enough && 2 * shared < children.len()
    };
    let is_word = |label: &str| label.bytes().all(|octet| !octet.is_ascii_digit());
    let numbered: Vec<&str> =
        branches.iter().filter(|(label, rows)| !is_word(label) && own(rows, 8)).map(|(label, _)| *label).collect();
    let words = branches.iter().filter(|(label, rows)| is_word(label) && own(rows, 3)).map(|(label, _)| *label);
    words.chain(numbered.iter().copied().filter(|_| numbered.len() <= 12)).collect()
}

/// Words that have the same labels below them: the columns of a product, such as services in each environment.
fn siblings(branches: &Branches<'_>, members: &[Member<'_>], settings: &Settings) -> population::Families {
    let repeats = repeats(branches);
    let mut found = Vec::new();
    let (mut edges, mut labels) = (0, BTreeSet::new());
    for (at, member) in members.iter().enumerate() {
        let children = children(&branches[member.label]);
        let shared = children.iter().filter(|child| repeats[*child] > 1).count();
        let word = matches!(member.tokens[..], [Token { kind: Kind::Word, .. }]);
        if word
            && !children.is_empty()
            && 2 * shared >= children.len()
            && !settings.keep.iter().any(|k| k == member.label)
        {
            found.push(at);
            edges += children.len();
            labels.extend(children);
        }
    }
    let enough = (3..=40).contains(&found.len()) && labels.len() >= 3 && edges >= 8 && 4 * edges >= 5 * labels.len();
    if enough {
        vec![(Form { style: Style::Table, shapes: vec![Shape { pieces: vec![Piece::Word] }] }, found)]
    } else {
        Vec::new()
    }
}
