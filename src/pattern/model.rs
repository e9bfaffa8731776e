//! What was learned of one root: a tree over labels, read from the root side, whose edges are constants or [`Form`]s.
//!
//! A name walks the tree label by label; where it ends is its pattern. Every walk is the same for the same name.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::facts::Facts;
use super::form::{Form, Piece, Shape, Style};
use super::hash::MixBuilder;
use super::letters;
use super::population::{self, Member};
use super::settings::Settings;
use super::token::{self, Kind, Token};
use super::words::is_known_host;

/// One place of the tree.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) constants: HashMap<Box<str>, u32, MixBuilder>,
    pub(super) edges: Vec<Edge>,
    /// Whether families with ids and families without stand side by side.
    mixed: bool,
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
    /// Whether ids are in it.
    is_opaque: bool,
    /// The labels of a closed list.
    labels: HashSet<Box<str>, MixBuilder>,
    /// Hosts that everybody has are none of it.
    spares_known: bool,
    /// Whether names end at these labels, go on below them, or both.
    pub(super) depth: Depth,
    /// Per shape and piece, the shortest and longest text it was learned from.
    spans: Vec<Vec<(u8, u8)>>,
    /// Per shape, the distinct places of the sample that this edge was learned from.
    pub(super) rows: Vec<usize>,
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
    fn of<'a>(branches: impl Iterator<Item = &'a Vec<(&'a str, &'a str)>>) -> Self {
        let (mut ends, mut goes_on) = (false, false);
        for (below, _) in branches.flatten() {
            ends |= below.is_empty();
            goes_on |= !below.is_empty();
        }
        match (ends, goes_on) {
            (true, true) => Self::Both,
            (false, true) => Self::Inner,
            (_, false) => Self::Leaf,
        }
    }

    /// Whether a label of one depth can be one of the other.
    pub(super) fn meets(self, other: Self) -> bool {
        self == other || self == Self::Both || other == Self::Both
    }
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
}

impl Model {
    /// Learns from names below a root; each is the part left of the root without the dot, empty for the root itself.
    pub(super) fn learn(mut lefts: Vec<&str>, settings: &Settings) -> Self {
        lefts.sort_unstable();
        lefts.dedup();
        let mut model = Self { nodes: Vec::new(), keep: settings.keep.clone() };
        let rows = lefts.iter().map(|left| (*left, *left)).collect();
        model.grow(rows, (true, false), settings);
        model
    }

    fn push(&mut self) -> u32 {
        self.nodes.push(Node::default());
        u32::try_from(self.nodes.len() - 1).expect("fewer nodes than labels")
    }

    /// Grows the tree below a new node. A row is what is left of the node and the whole left part. `pooled` says that the
    /// node stands for many places at once.
    fn grow(&mut self, rows: Vec<(&str, &str)>, (at_root, pooled): (bool, bool), settings: &Settings) -> u32 {
        let node = self.push();
        let mut branches: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for (left, whole) in rows {
            match left.rsplit_once('.') {
                _ if left.is_empty() => {}
                Some((below, label)) => branches.entry(label).or_default().push((below, whole)),
                None => branches.entry(left).or_default().push(("", whole)),
            }
        }
        let mut zones = zones(&branches, pooled);
        let alike = alike(&branches, &zones, settings);
        zones.retain(|label| !alike.iter().any(|group| group.contains(label)));
        let repeats = repeats(&branches);
        let members: Vec<Member<'_>> = branches
            .iter()
            .map(|(label, rows)| {
                let inner = rows.iter().all(|(below, _)| !below.is_empty());
                let paired = children(rows).iter().any(|child| repeats[child] >= 3);
                Member::new(label, [zones.contains(label), inner, paired])
            })
            .collect();
        let mut families = siblings(&branches, &members, settings);
        for group in alike.iter().filter(|group| group.iter().all(|label| is_word(label))) {
            let found = (0..members.len()).filter(|&at| group.contains(members[at].label)).collect();
            families.push((Form { style: Style::Closed, shapes: vec![Shape { pieces: vec![Piece::Word] }] }, found));
        }
        if pooled && families.is_empty() {
            families = repeated(&branches, &members, settings);
        }
        let taken: BTreeSet<usize> = families.iter().flat_map(|(_, members)| members.iter().copied()).collect();
        let free: Vec<usize> = (0..members.len()).filter(|at| !taken.contains(at)).collect();
        for part in by_depth(&branches, &members, &free) {
            let rest: Vec<Member<'_>> = part.iter().map(|&at| members[at].clone()).collect();
            for (form, found) in population::split(&rest, at_root, settings) {
                families.push((form, found.into_iter().map(|at| part[at]).collect()));
            }
        }
        absorb(&mut families, &branches, &members);
        families.sort_by(|a, b| rank(&a.0).cmp(&rank(&b.0)));

        let mut in_family = vec![false; members.len()];
        for (form, found) in families {
            let spans = spans(&form, &found, &members);
            // What was learned without known hosts takes none.
            let spares_known = form.style == Style::Slug && !found.iter().any(|&at| is_known_host(members[at].label));
            let depth = Depth::of(found.iter().map(|&at| &branches[members[at].label]));
            let mut pooled = Vec::new();
            let mut places = BTreeSet::new();
            let mut rows = vec![0; form.shapes.len()];
            for &at in &found {
                in_family[at] = true;
                let mut mine = BTreeSet::new();
                for &(below, whole) in &branches[members[at].label] {
                    mine.insert(&whole[below.len()..]);
                    pooled.push((below, whole));
                }
                if let Some(shape) = form.shape_of(&members[at]) {
                    rows[shape] += mine.len();
                }
                places.extend(mine);
            }
            let facts = form.shapes.iter().map(|shape| vec![Facts::default(); shape.pieces.len()]).collect();
            let child = self.grow(pooled, (false, places.len() > 1), settings);
            let labels = if form.style == Style::Closed {
                found.iter().map(|&at| members[at].label.into()).collect()
            } else {
                HashSet::default()
            };
            let edge = Edge {
                is_opaque: Edge::has_ids(&form),
                labels,
                spans,
                depth,
                spares_known,
                form,
                node: child,
                facts,
                refused: BTreeSet::new(),
                rows,
            };
            self.nodes[node as usize].edges.push(edge);
        }
        let ids = self.nodes[node as usize].edges.iter().filter(|edge| edge.is_opaque).count();
        self.nodes[node as usize].mixed = ids > 0 && ids < self.nodes[node as usize].edges.len();
        for (member, _) in members.iter().zip(in_family).filter(|(_, taken)| !taken) {
            let child = self.grow(branches[member.label].clone(), (false, pooled), settings);
            self.nodes[node as usize].constants.insert(member.label.into(), child);
        }
        node
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
        let node = &self.nodes[at as usize];
        if let Some(&child) = node.constants.get(label) {
            return Some(child);
        }
        if node.edges.is_empty() || self.keep.iter().any(|keep| keep == label) {
            return None;
        }
        let (edge, shape) = node.choose(label, if below.is_empty() { Depth::Leaf } else { Depth::Inner }, walk)?;
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
            let label = &left[usize::from(step.start)..usize::from(step.start) + usize::from(step.len)];
            let node = &mut self.nodes[step.node as usize];
            if node.mixed {
                node.refuse(label, step.edge as usize, walk);
            }
            let edge = &mut node.edges[step.edge as usize];
            let pieces = &edge.form.shapes[step.shape as usize].pieces;
            let facts = edge.facts[step.shape as usize].iter_mut();
            let mut start = 0;
            for ((facts, piece), &end) in facts.zip(pieces).zip(&walk.all[step.ends..]) {
                let end = usize::from(end);
                if facts.rows > 0 && matches!(piece, Piece::Const(_)) {
                    facts.rows += 1;
                } else {
                    facts.add(&label[start..end]);
                }
                start = end;
            }
        }
    }
}

/// The label nearest the root, and what is left of it.
fn split_label(left: &str) -> (&str, &str) {
    let dot = left.bytes().rposition(|octet| octet == b'.');
    dot.map_or(("", left), |dot| (&left[..dot], &left[dot + 1..]))
}

/// Labels refused by one edge; beyond these the expressions of two families may overlap.
const REFUSED: usize = 2000;

impl Node {
    /// Notes a label with the other edges that would take it: words among ids, and ids among words.
    fn refuse(&mut self, label: &str, chosen: usize, walk: &mut Walk) {
        walk.tokens.clear();
        token::tokenize(label, &mut walk.tokens);
        let (opaque, depth) = (self.edges[chosen].is_opaque, self.edges[chosen].depth);
        let others = self.edges.iter_mut().enumerate();
        for (_, other) in
            others.filter(|(at, other)| *at != chosen && other.is_opaque != opaque && other.depth.meets(depth))
        {
            let takes = other.form.shapes.iter().any(|shape| shape.read(label, &walk.tokens, &mut walk.ends));
            if takes && other.refused.len() < REFUSED {
                other.refused.insert(label.into());
            }
        }
    }

    /// The edge that takes a label, and by which shape.
    fn choose(&self, label: &str, depth: Depth, walk: &mut Walk) -> Option<(u32, u32)> {
        walk.tokens.clear();
        token::tokenize(label, &mut walk.tokens);
        let mut chosen: Option<(u32, u32)> = None;
        for (at, edge) in (0..).zip(&self.edges) {
            if chosen.is_some() && !self.mixed {
                break;
            }
            if !edge.depth.meets(depth)
                || edge.spares_known && is_known_host(label)
                || edge.form.style == Style::Closed && !edge.labels.contains(label)
            {
                continue;
            }
            for (shape_at, shape) in (0..).zip(&edge.form.shapes) {
                if !shape.read(label, &walk.tokens, &mut walk.ends) {
                    continue;
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
                        let is_plain = self.edges[plain.0 as usize].fits(label, plain.1, walk);
                        let better = if is_plain { plain } else { id };
                        chosen = Some(better);
                        let shape = &self.edges[better.0 as usize].form.shapes[better.1 as usize];
                        shape.read(label, &walk.tokens, &mut walk.chosen);
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
    /// Whether a label that could be an id is as short, as long and as wordy as what a shape was learned from.
    fn fits(&self, label: &str, shape: u32, walk: &mut Walk) -> bool {
        let Walk { tokens, ends, .. } = walk;
        let shape_of = &self.form.shapes[shape as usize];
        if !shape_of.read(label, tokens, ends) {
            return false;
        }
        let mut start = 0;
        let mut pieces = shape_of.pieces.iter().zip(&self.spans[shape as usize]).zip(ends);
        pieces.all(|((piece, &(min, max)), end)| {
            let text = &label[start..usize::from(*end)];
            start = usize::from(*end);
            match piece {
                Piece::Digits => (usize::from(min)..=usize::from(max)).contains(&text.len()),
                Piece::Word => !letters::looks_random(text),
                Piece::Const(_) | Piece::Opaque { .. } | Piece::Typed(_) => true,
            }
        })
    }

    fn has_ids(form: &Form) -> bool {
        form.shapes.iter().any(|shape| shape.pieces.iter().any(|piece| matches!(piece, Piece::Opaque { .. })))
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

/// Labels parted into those that names end at and those that names only go on below, unless both hold the same things.
fn by_depth(branches: &Branches<'_>, members: &[Member<'_>], free: &[usize]) -> Vec<Vec<usize>> {
    let ends = |at: &usize| branches[members[*at].label].iter().any(|(below, _)| below.is_empty());
    let (leaves, inner): (Vec<usize>, Vec<usize>) = free.iter().copied().partition(ends);
    let below = |part: &[usize]| -> BTreeSet<&str> {
        part.iter().flat_map(|&at| children(&branches[members[at].label])).collect()
    };
    let shared = below(&leaves).intersection(&below(&inner)).next().is_some();
    if shared || inner.is_empty() { vec![free.to_vec()] } else { vec![leaves, inner] }
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

/// The lengths of the texts that a form was learned from, by shape and piece.
fn spans(form: &Form, found: &[usize], members: &[Member<'_>]) -> Vec<Vec<(u8, u8)>> {
    let mut spans: Vec<Vec<(u8, u8)>> =
        form.shapes.iter().map(|shape| vec![(u8::MAX, 0); shape.pieces.len()]).collect();
    let mut ends = Vec::new();
    for member in found.iter().map(|&at| &members[at]) {
        let Some(at) = form.shape_of(member) else { continue };
        if form.shapes[at].read(member.label, &member.tokens, &mut ends) {
            let mut start = 0;
            for (span, &end) in spans[at].iter_mut().zip(&ends) {
                *span = (span.0.min(end - start), span.1.max(end - start));
                start = end;
            }
        }
    }
    spans
}

/// Labels with much below them that hangs below none of their siblings.
fn zones<'a>(branches: &Branches<'a>, pooled: bool) -> BTreeSet<&'a str> {
    let repeats = repeats(branches);
    let own = |rows: &[(&'a str, &'a str)], enough: usize| {
        let children = children(rows);
        let shared = children.iter().filter(|child| repeats[*child] > 1).count();
        children.len() >= enough && 2 * shared < children.len()
    };
    let word = |label: &str| label.trim_end_matches(|c: char| c.is_ascii_digit()).len();

    let is_word = |label: &str| label.bytes().all(|octet| !octet.is_ascii_digit());
    let numbered: Vec<&str> =
        branches.iter().filter(|(label, rows)| !is_word(label) && own(rows, 8)).map(|(label, _)| *label).collect();
    // `pop1`, `pop2`, `pop3` are a column, however much hangs below each.
    let alone = |label: &&str| numbered.iter().filter(|other| other[..word(other)] == label[..word(label)]).count() < 2;
    let alone: Vec<&str> = numbered.iter().copied().filter(alone).collect();
    let alone = if are_alike(branches, &alone) { Vec::new() } else { alone };
    let words = branches.iter().filter(|(label, rows)| is_word(label) && own(rows, 3)).map(|(label, _)| *label);
    words.chain(alone.iter().copied().filter(|_| alone.len() <= 12 && !pooled)).collect()
}

fn is_word(label: &str) -> bool {
    label.bytes().all(|octet| octet.is_ascii_lowercase())
}

/// Lone labels that a family with numbers or ids would take come to it.
fn absorb(families: &mut population::Families, branches: &Branches<'_>, members: &[Member<'_>]) {
    let taken: BTreeSet<usize> = families.iter().flat_map(|(_, found)| found.iter().copied()).collect();
    let depth = |found: &[usize]| Depth::of(found.iter().map(|&at| &branches[members[at].label]));
    let specific = |form: &Form| {
        let pieces = || form.shapes.iter().flat_map(|shape| &shape.pieces);
        form.style != Style::Slug
            && pieces().any(|piece| matches!(piece, Piece::Digits | Piece::Typed(_) | Piece::Opaque { .. }))
            && pieces().any(|piece| matches!(piece, Piece::Const(_)))
    };
    let mut ends = Vec::new();
    for (form, found) in families.iter_mut().filter(|(form, _)| specific(form)) {
        let mine = depth(found);
        for (at, member) in members.iter().enumerate() {
            if !taken.contains(&at)
                && !member.zone
                && depth(&[at]).meets(mine)
                && form.shapes.iter().any(|shape| shape.read(member.label, &member.tokens, &mut ends))
                && !found.contains(&at)
            {
                found.push(at);
            }
        }
    }
    // Two families may want the same label: the first has it.
    let mut seen = BTreeSet::new();
    for (_, found) in families {
        found.retain(|at| seen.insert(*at));
    }
}

/// Groups of three and more zones that hold ids, numbers or addresses of one form: a column, such as one of sites.
fn alike<'a>(branches: &Branches<'a>, zones: &BTreeSet<&'a str>, settings: &Settings) -> Vec<BTreeSet<&'a str>> {
    let mut groups: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (label, rows) in branches {
        let inner = rows.iter().all(|(below, _)| !below.is_empty());
        let plain = label.len() <= 12 && !settings.keep.iter().any(|keep| keep == label);
        let labels = children(rows);
        if (zones.contains(label) || (inner && is_word(label)))
            && plain
            && let Some(form) = main_form(&labels)
        {
            groups.entry(form).or_default().insert(label);
        }
    }
    groups
        .into_values()
        .filter(|group| group.len() >= 3 && group.iter().any(|label| branches[label].len() >= 2))
        .collect()
}

/// The most frequent form of some labels in words, if numbers, ids or addresses are in it.
fn main_form(labels: &BTreeSet<&str>) -> Option<String> {
    let mut forms: BTreeMap<Vec<Kind>, Vec<Vec<&str>>> = BTreeMap::new();
    let mut tokens = Vec::new();
    for label in labels {
        tokens.clear();
        token::tokenize(label, &mut tokens);
        let kinds = tokens.iter().map(|token| match token.kind {
            Kind::Word | Kind::Digits | Kind::Mixed => Kind::Mixed,
            kind => kind,
        });
        forms.entry(kinds.collect()).or_default().push(tokens.iter().map(|token| token.of(label)).collect());
    }
    let (kinds, rows) = forms.into_iter().max_by(|a, b| a.1.len().cmp(&b.1.len()).then_with(|| b.0.cmp(&a.0)))?;
    let mut specific = kinds.iter().any(|kind| kind.is_typed());
    let columns = kinds.iter().enumerate().map(|(at, kind)| {
        let texts = || rows.iter().map(|row| row[at]);
        if *kind != Kind::Mixed {
            return format!("{kind:?}");
        }
        let numbers = texts().filter(|text| text.bytes().any(|octet| octet.is_ascii_digit())).count();
        if numbers == 0 {
            let first = rows[0][at];
            return if texts().all(|text| text == first) { first.to_owned() } else { "word".to_owned() };
        }
        specific |= 2 * numbers >= rows.len();
        let width = rows[0][at].len();
        let width = if texts().all(|text| text.len() == width) && width > 4 { width } else { 0 };
        let stem = texts().next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit());
        if texts().all(|text| text.trim_end_matches(|c: char| c.is_ascii_digit()) == stem) {
            return format!("{stem}#");
        }
        format!("{}{width}", if texts().all(super::class::is_hex) { "hex" } else { "id" })
    });
    let form = columns.collect::<Vec<_>>().join(" ");
    specific.then_some(form)
}

/// Whether three or more labels have the same form and the same forms below them.
fn are_alike(branches: &Branches<'_>, labels: &[&str]) -> bool {
    let form = |label: &str| {
        let mut tokens = Vec::new();
        token::tokenize(label, &mut tokens);
        tokens.iter().map(|token| token.kind).collect::<Vec<Kind>>()
    };
    let forms = |label: &&str| -> BTreeSet<Vec<Kind>> { children(&branches[label]).into_iter().map(form).collect() };
    let plain =
        |label: &&str| label.trim_end_matches(|c: char| c.is_ascii_digit()).bytes().all(|o| o.is_ascii_lowercase());
    let mut all = labels.iter().map(forms);
    let first = all.next().unwrap_or_default();
    labels.len() >= 3
        && labels.iter().all(plain)
        && all.all(|forms| forms.intersection(&first).count() * 2 >= first.len())
}

/// Below a family: words that stand below many of its members, five or more of them about equally often.
fn repeated(branches: &Branches<'_>, members: &[Member<'_>], settings: &Settings) -> population::Families {
    let is_word = |member: &Member<'_>| {
        matches!(member.tokens[..], [Token { kind: Kind::Word, .. }])
            && !settings.keep.iter().any(|keep| keep == member.label)
    };
    let words: Vec<usize> = (0..members.len()).filter(|&at| is_word(&members[at])).collect();
    let places = |at: usize| {
        let rows = &branches[members[at].label];
        rows.iter().map(|(below, whole)| &whole[below.len()..]).collect::<BTreeSet<&str>>().len()
    };
    let mut often: Vec<usize> = words.iter().map(|&at| places(at)).filter(|&places| places >= 2).collect();
    often.sort_unstable();
    let even = often.last().is_some_and(|most| *most <= 5 * often[often.len() / 2]);
    let known = words.iter().filter(|&&at| is_known_host(members[at].label)).count();
    let services = often.len() >= 2 && words.len() >= 6 && 10 * known >= 7 * words.len();
    if ((5..=40).contains(&often.len()) && 2 * often.len() >= words.len() || services) && words.len() <= 60 && even {
        vec![(Form { style: Style::Closed, shapes: vec![Shape { pieces: vec![Piece::Word] }] }, words)]
    } else {
        Vec::new()
    }
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
        vec![(Form { style: Style::Closed, shapes: vec![Shape { pieces: vec![Piece::Word] }] }, found)]
    } else {
        Vec::new()
    }
}
