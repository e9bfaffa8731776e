//! Growing the tree of a [`Model`] from a sample of names: at each place labels become constants and families, and what
//! hangs below a family is looked at together.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::columns::{self, children};
use super::facts::Facts;
use super::form::{Form, Piece, Shape, Style};
use super::hash::MixBuilder;
use super::model::{Bounds, Depth, Edge, Model};
use super::population::{self, Member};
use super::roots::Sampled;
use super::settings::Settings;
use super::words::is_known_host;

/// What hangs below each label of a place. A row is what is left of the name below the label, and its whole left part.
pub(super) type Branches<'a> = BTreeMap<&'a str, Vec<Row<'a>>>;

/// What is left of a name below a place, and its whole left part.
pub(super) type Row<'a> = (&'a str, &'a str);

/// Where in the tree a node is grown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Directly below a registered domain, where hosts mix with everything.
    pub(super) at_root: bool,
    /// The node stands for many places at once.
    pub(super) pooled: bool,
    /// Names end at a good part of these places.
    pub(super) ends: bool,
    /// The labels towards the root are single hexadecimal digits.
    pub(super) nibbles: bool,
}

/// What a tree is grown from.
pub(super) struct Grounds<'a> {
    pub(super) settings: &'a Settings,
    /// How many names each name of the sample stands for, by its left part.
    weights: HashMap<&'a str, f64, MixBuilder>,
}

impl Grounds<'_> {
    /// How many names the rows of a branch stand for.
    pub(super) fn weight(&self, rows: &[Row<'_>]) -> f64 {
        rows.iter().map(|(_, whole)| self.weights.get(whole).copied().unwrap_or(1.0)).sum()
    }
}

impl Place {
    /// One place below others.
    pub(super) const INSIDE: Self = Self { at_root: false, pooled: false, ends: false, nibbles: false };
}

impl Model {
    /// Learns from names below a root; each is the part left of the root without the dot, empty for the root itself.
    pub(super) fn learn(mut sample: Vec<Sampled<'_>>, settings: &Settings) -> Self {
        sample.sort_unstable_by_key(|name| name.left);
        sample.dedup_by_key(|name| name.left);
        let mut model = Self::new(settings.keep.clone());
        let rows = sample.iter().map(|name| (name.left, name.left)).collect();
        let weights = sample.iter().map(|name| (name.left, name.weight)).collect();
        model.grow(rows, Place { at_root: true, ..Place::INSIDE }, &Grounds { settings, weights });
        model
    }

    /// Grows the tree below a new node.
    fn grow(&mut self, rows: Vec<Row<'_>>, place: Place, grounds: &Grounds<'_>) -> u32 {
        let node = self.push();
        let mut branches: Branches<'_> = BTreeMap::new();
        for (left, whole) in rows {
            match left.rsplit_once('.') {
                _ if left.is_empty() => {}
                Some((below, label)) => branches.entry(label).or_default().push((below, whole)),
                None => branches.entry(left).or_default().push(("", whole)),
            }
        }
        let columns::Found { members, mut families, constants } = columns::find(&branches, place, grounds);
        let taken: BTreeSet<usize> =
            families.iter().flat_map(|(_, found)| found.iter().copied()).chain(constants).collect();
        let free: Vec<usize> = (0..members.len()).filter(|at| !taken.contains(at)).collect();
        for part in by_depth(&branches, &members, &free) {
            let rest: Vec<Member<'_>> = part.iter().map(|&at| members[at].clone()).collect();
            for (form, found) in population::split(&rest, place, grounds.settings) {
                families.push((form, found.into_iter().map(|at| part[at]).collect()));
            }
        }
        join_overlapping(&mut families, &branches, &members);
        absorb(&mut families, &branches, &members);
        families.sort_by(|a, b| rank(&a.0).cmp(&rank(&b.0)));

        let mut in_family = vec![false; members.len()];
        for (form, found) in families {
            for &at in &found {
                in_family[at] = true;
            }
            let edge = self.edge(form, &found, &branches, &members, grounds);
            self.nodes[node as usize].edges.push(edge);
        }
        self.nodes[node as usize].see_mixture();
        for (member, _) in members.iter().zip(in_family).filter(|(_, taken)| !taken) {
            let below = Place { at_root: false, ends: false, ..place };
            let child = self.grow(branches[member.label].clone(), below, grounds);
            self.nodes[node as usize].constants.insert(member.label.into(), child);
        }
        node
    }

    /// A family with everything below it.
    fn edge(
        &mut self,
        form: Form,
        found: &[usize],
        branches: &Branches<'_>,
        members: &[Member<'_>],
        grounds: &Grounds<'_>,
    ) -> Edge {
        let spans = spans(&form, found, members);
        // What was learned without known hosts takes none.
        let spares_known = form.style == Style::Slug && !found.iter().any(|&at| is_known_host(members[at].label));
        let depth = Depth::of(found.iter().map(|&at| &branches[members[at].label]));
        let (mut pooled, mut places, mut ends) = (Vec::new(), BTreeSet::new(), 0);
        let mut rows = vec![0; form.shapes.len()];
        for &at in found {
            let mut mine = BTreeSet::new();
            for &(below, whole) in &branches[members[at].label] {
                mine.insert(&whole[below.len()..]);
                ends += usize::from(below.is_empty());
                pooled.push((below, whole));
            }
            if let Some(shape) = form.shape_of(&members[at]) {
                rows[shape] += mine.len();
            }
            places.extend(mine);
        }
        let facts = form.shapes.iter().map(|shape| vec![Facts::default(); shape.pieces.len()]).collect();
        let nibbles = matches!(form.shapes[0].pieces[..], [Piece::Opaque { max: 1, .. }]);
        let below = Place { at_root: false, pooled: places.len() > 1, ends: 3 * ends >= places.len(), nibbles };
        let node = self.grow(pooled, below, grounds);
        let labels = if form.style == Style::Closed {
            found.iter().map(|&at| members[at].label.into()).collect()
        } else {
            HashSet::default()
        };
        Edge {
            is_opaque: Edge::has_ids(&form),
            bounds: form.shapes.iter().map(Bounds::of).collect(),
            labels,
            spans,
            depth,
            spares_known,
            form,
            node,
            facts,
            refused: BTreeSet::new(),
            rows,
        }
    }
}

/// Specific forms before general ones.
fn rank(form: &Form) -> (bool, bool, std::cmp::Reverse<usize>, &[Shape]) {
    let literal: usize = form.shapes[0]
        .pieces
        .iter()
        .map(|piece| match piece {
            Piece::Const(text) => text.len(),
            Piece::Word | Piece::Choice | Piece::Digits | Piece::Number | Piece::Opaque { .. } | Piece::Typed(_) => 0,
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

/// Families with ids of which one would take a third of the other's labels are one: no expression could tell them apart.
fn join_overlapping(families: &mut population::Families, branches: &Branches<'_>, members: &[Member<'_>]) {
    let depth = |found: &[usize]| Depth::of(found.iter().map(|&at| &branches[members[at].label]));
    let mut ends = Vec::new();
    families.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.shapes.cmp(&b.0.shapes)));
    let mut at = 0;
    while at < families.len() {
        let (form, mine) = (families[at].0.clone(), depth(&families[at].1));
        let mut next = at + 1;
        while Edge::has_ids(&form) && next < families.len() {
            let (other, found) = &families[next];
            let mut takes = |&member: &usize| {
                let member = &members[member];
                form.shapes.iter().any(|shape| shape.read(member.label, &member.tokens, &mut ends))
            };
            let alike = Edge::has_ids(other) && depth(found).meets(mine);
            if alike && 3 * found.iter().filter(|member| takes(member)).count() > found.len() {
                let (other, found) = families.remove(next);
                families[at].0.shapes.extend(other.shapes);
                families[at].0.shapes.sort();
                families[at].0.shapes.dedup();
                families[at].1.extend(found);
            } else {
                next += 1;
            }
        }
        at += 1;
    }
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
