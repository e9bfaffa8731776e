//! Growing the tree of a [`Model`] from a sample of names: at each place labels become constants and families, and what
//! hangs below a family is looked at together.

use std::collections::{BTreeSet, HashSet};

use super::bounds::{Bounds, Depth};
use super::columns::{self, is_word};
use super::facts::{Facts, Values};
use super::form::{Form, Piece, Shape, Style};
use super::letters;
use super::model::{Edge, Model};
use super::population::{self, Member};
use super::roots::Sampled;
use super::settings::Settings;
use super::words;

/// What is left of a name below a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    /// The labels below, empty where the name ends.
    pub(super) below: &'a str,
    /// The whole part left of the root.
    whole: &'a str,
    /// How many names it stands for.
    weight: f64,
}

impl<'a> Row<'a> {
    pub(super) fn ends(&self) -> bool {
        self.below.is_empty()
    }

    /// The labels from the place on: where it stands in the tree of names.
    pub(super) fn place(&self) -> &'a str {
        &self.whole[self.below.len()..]
    }
}

/// One label of a place and what hangs below it.
#[derive(Debug)]
pub(super) struct Branch<'a> {
    pub(super) label: &'a str,
    pub(super) rows: &'a [Row<'a>],
    /// The distinct labels next below, sorted.
    pub(super) children: Vec<&'a str>,
}

impl Branch<'_> {
    /// Whether names only go on below the label.
    pub(super) fn is_inner(&self) -> bool {
        self.rows.iter().all(|row| !row.ends())
    }

    /// How many names its rows stand for.
    pub(super) fn weight(&self) -> f64 {
        self.rows.iter().map(|row| row.weight).sum()
    }
}

/// The labels of a place and the rows below each, in order of the labels.
fn by_label<'a>(rows: &[Row<'a>]) -> (Vec<&'a str>, Vec<Row<'a>>) {
    let cut = |row: &Row<'a>| {
        let dot = row.below.bytes().rposition(|octet| octet == b'.');
        let (below, label) = dot.map_or(("", row.below), |dot| (&row.below[..dot], &row.below[dot + 1..]));
        (label, Row { below, ..*row })
    };
    let mut cut: Vec<(&'a str, Row<'a>)> = rows.iter().filter(|row| !row.ends()).map(cut).collect();
    cut.sort_by(|a, b| a.0.cmp(b.0));
    cut.into_iter().unzip()
}

/// The branches of a place from its labels, sorted, and the rows below each.
fn branches<'a>(labels: &[&'a str], rows: &'a [Row<'a>]) -> Vec<Branch<'a>> {
    let mut start = 0;
    let branch = |same: &[&'a str]| {
        let rows = &rows[start..start + same.len()];
        start += same.len();
        let below = rows.iter().map(|row| row.below).filter(|below| !below.is_empty());
        let mut children: Vec<&str> =
            below.map(|below| below.rsplit_once('.').map_or(below, |(_, label)| label)).collect();
        children.sort_unstable();
        children.dedup();
        Branch { label: same[0], rows, children }
    };
    labels.chunk_by(|a, b| a == b).map(branch).collect()
}

/// Names below a label that do not make it a zone of its own.
const FEW: usize = 2;

/// Where in the tree a node is grown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Directly below a registered domain, where hosts mix with everything.
    pub(super) at_root: bool,
    /// The node stands for many places at once.
    pub(super) pooled: bool,
    /// Names end at a good part of these places.
    pub(super) ends: bool,
    /// The labels next towards the root are short ids.
    pub(super) short: bool,
}

impl Place {
    /// One place below others.
    pub(super) const INSIDE: Self = Self { at_root: false, pooled: false, ends: false, short: false };
}

impl Model {
    /// Learns from names below a root; each is the part left of the root without the dot, empty for the root itself.
    pub(super) fn learn<'a>(mut sample: Vec<Sampled<'a>>, settings: &Settings) -> Self {
        sample.sort_unstable_by_key(|name| name.left);
        sample.dedup_by_key(|name| name.left);
        let mut model = Self::new(settings.keep.clone());
        let row = |name: &Sampled<'a>| Row { below: name.left, whole: name.left, weight: name.weight };
        let rows: Vec<Row<'a>> = sample.iter().map(row).collect();
        model.grow(&rows, Place { at_root: true, ..Place::INSIDE }, settings);
        model
    }

    /// Grows the tree below a new node.
    fn grow(&mut self, rows: &[Row<'_>], place: Place, settings: &Settings) -> u32 {
        let node = self.push();
        // A name or two below a label of a family say nothing of the label itself.
        self.nodes[node as usize].own = rows.len() > FEW || rows.iter().any(Row::ends);
        let (labels, rows) = by_label(rows);
        let branches = branches(&labels, &rows);
        let columns::Found { members, mut families, constants } = columns::find(&branches, place, settings);
        let mut taken = vec![false; members.len()];
        for at in families.iter().flat_map(|(_, found)| found.iter().copied()).chain(constants) {
            taken[at] = true;
        }
        let free: Vec<usize> = (0..members.len()).filter(|&at| !taken[at]).collect();
        for part in by_depth(&branches, &free) {
            let rest: Vec<&Member<'_>> = part.iter().map(|&at| &members[at]).collect();
            for (form, found) in population::split(&rest, place, settings) {
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
            let edge = self.edge(form, &found, &branches, &members, (place, settings));
            self.nodes[node as usize].edges.push(edge);
        }
        self.nodes[node as usize].see_mixture();
        for (branch, _) in branches.iter().zip(in_family).filter(|(_, taken)| !taken) {
            let below = Place { at_root: false, ends: false, ..place };
            let child = self.grow(branch.rows, below, settings);
            self.nodes[node as usize].constants.insert(branch.label.into(), child);
        }
        node
    }

    /// A family with everything below it.
    fn edge(
        &mut self,
        form: Form,
        found: &[usize],
        branches: &[Branch<'_>],
        members: &[Member<'_>],
        (place, settings): (Place, &Settings),
    ) -> Edge {
        let spans = spans(&form, found, members);
        // What was learned without known hosts takes none.
        let is_host = if place.at_root { words::is_known_host } else { words::is_known_word };
        let spared = form.style == Style::Slug && !found.iter().any(|&at| is_host(members[at].label));
        let spares = spared.then_some(is_host as fn(&str) -> bool);
        let depth = Depth::of(found.iter().map(|&at| &branches[at]));
        let (mut pooled, mut places, mut ends) = (Vec::new(), Vec::new(), 0);
        let mut rows = vec![0; form.shapes.len()];
        for &at in found {
            let first = places.len();
            for row in branches[at].rows {
                places.push(row.place());
                ends += usize::from(row.ends());
                pooled.push(*row);
            }
            places[first..].sort_unstable();
            dedup_from(&mut places, first);
            if let Some(shape) = form.shape_of(&members[at]) {
                rows[shape] += places.len() - first;
            }
        }
        places.sort_unstable();
        places.dedup();
        let facts = form.shapes.iter().map(|shape| vec![Facts::default(); shape.pieces.len()]).collect();
        let short = matches!(form.shapes[0].pieces[..], [Piece::Opaque { max: 1..=3, .. }]);
        let below = Place { at_root: false, pooled: places.len() > 1, ends: 3 * ends >= places.len(), short };
        let node = self.grow(&pooled, below, settings);
        let labels = if form.style == Style::Closed {
            found.iter().map(|&at| members[at].label.into()).collect()
        } else {
            HashSet::default()
        };
        let weigh = |counts: fn(&str) -> bool| -> f64 {
            found.iter().map(|&at| &members[at]).filter(|member| counts(member.label)).map(|member| member.weight).sum()
        };
        Edge {
            speaking: weigh(|label| !letters::looks_random(label)),
            plain: weigh(is_word),
            is_opaque: Edge::has_ids(&form),
            bounds: form.shapes.iter().map(Bounds::of).collect(),
            brought: BTreeSet::new(),
            labels,
            spans,
            depth,
            spares,
            form,
            node,
            facts,
            labels_seen: Values::default(),
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

/// Drops repeats that stand side by side from a position on.
pub(super) fn dedup_from(texts: &mut Vec<&str>, first: usize) {
    let mut kept = first;
    for at in first..texts.len() {
        if kept == first || texts[at] != texts[kept - 1] {
            texts[kept] = texts[at];
            kept += 1;
        }
    }
    texts.truncate(kept);
}

/// Labels parted into those that names end at and those that names only go on below, unless both hold the same things.
fn by_depth(branches: &[Branch<'_>], free: &[usize]) -> Vec<Vec<usize>> {
    let (inner, leaves): (Vec<usize>, Vec<usize>) = free.iter().copied().partition(|&at| branches[at].is_inner());
    let below = |part: &[usize]| -> BTreeSet<&str> {
        part.iter().flat_map(|&at| branches[at].children.iter().copied()).collect()
    };
    if inner.is_empty() || below(&leaves).intersection(&below(&inner)).next().is_some() {
        vec![free.to_vec()]
    } else {
        vec![leaves, inner]
    }
}

/// The lengths of the texts that a form was learned from, by shape and piece.
fn spans(form: &Form, found: &[usize], members: &[Member<'_>]) -> Vec<Vec<(u8, u8)>> {
    let mut spans: Vec<Vec<(u8, u8)>> =
        form.shapes.iter().map(|shape| vec![(u8::MAX, 0); shape.pieces.len()]).collect();
    let mut ends = Vec::new();
    for member in found.iter().map(|&at| &members[at]) {
        let Some(at) = form.shape_of(member) else { continue };
        if form.shapes[at].read(member.read_label(), &mut ends) {
            let mut start = 0;
            for (span, &end) in spans[at].iter_mut().zip(&ends) {
                *span = (span.0.min(end - start), span.1.max(end - start));
                start = end;
            }
        }
    }
    spans
}

/// Families with ids, or open lists of words, of which one would take a third of the other's labels are one: no expression
/// could tell them apart.
fn join_overlapping(families: &mut population::Families, branches: &[Branch<'_>], members: &[Member<'_>]) {
    let depth = |found: &[usize]| Depth::of(found.iter().map(|&at| &branches[at]));
    let mut ends = Vec::new();
    families.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.shapes.cmp(&b.0.shapes)));
    let mut at = 0;
    while at < families.len() {
        let (form, mine) = (families[at].0.clone(), depth(&families[at].1));
        let mut next = at + 1;
        let slug = form.style == Style::Slug;
        while (slug || Edge::has_ids(&form)) && next < families.len() {
            let (other, found) = &families[next];
            let mut takes = |&member: &usize| {
                let member = &members[member];
                form.shapes.iter().any(|shape| shape.read(member.read_label(), &mut ends))
            };
            let one_kind = if slug { other.style == Style::Slug } else { Edge::has_ids(other) };
            let alike = one_kind && depth(found).meets(mine);
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
fn absorb(families: &mut population::Families, branches: &[Branch<'_>], members: &[Member<'_>]) {
    let taken: BTreeSet<usize> = families.iter().flat_map(|(_, found)| found.iter().copied()).collect();
    let depth = |found: &[usize]| Depth::of(found.iter().map(|&at| &branches[at]));
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
                && form.shapes.iter().any(|shape| shape.read(member.read_label(), &mut ends))
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
