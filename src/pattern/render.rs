//! What an edge of a model looks like to a reader: template, regular expression, columns with reasons.

use std::collections::BTreeSet;

use super::bounds::Depth;
use super::class::{self, Alphabet};
use super::facts::Facts;
use super::form::{Item, Piece, Shape, Style};
use super::hosts;
use super::language::{self, Forbidden, Language};
use super::model::{Edge, Model, Node};
use super::shown::{Column, columns, template};
use super::token::Kind;
use super::words;

/// An edge as a reader sees it.
#[derive(Debug, Clone)]
pub(super) struct Rendered {
    pub(super) template: String,
    pub(super) regex: String,
    pub(super) columns: Vec<Column>,
    pub(super) log10: f64,
    /// Whether the expression takes labels of others at its place too.
    pub(super) overlaps: bool,
}

/// Renders one edge of a node, apart from everything else below that node, for the names that end at it, that go on below
/// it, or both.
pub(super) fn edge(model: &Model, (node, at): (u32, usize), longest: usize, names: Depth) -> Rendered {
    let place = Place { model, node: &model.nodes[node as usize], at, longest, names };
    let edge = place.edge();
    let (mut parts, mut size, mut overlaps) = (Vec::new(), 0.0, false);
    for (at_shape, (shape, facts)) in edge.form.shapes.iter().zip(&edge.facts).enumerate() {
        if facts.iter().all(|facts| facts.rows == 0) {
            continue;
        }
        let views = views(edge, at_shape);
        let pieces = shape.pieces.iter().zip(facts).zip(&views);
        let mut languages: Vec<Language> =
            pieces.map(|((piece, facts), view)| language_of(piece, facts, *view)).collect();
        begin_apart(&shape.pieces, &mut languages);
        let (regex, told_apart) = place.regex_of(at_shape, &languages);
        overlaps |= !told_apart;
        if let Some(regex) = regex {
            parts.push(regex);
            let log10: f64 =
                languages.iter().zip(facts).map(|(language, facts)| language.log10(usize::from(facts.max))).sum();
            size += 10_f64.powf(log10.min(300.0));
        }
    }
    let mut columns = columns(edge);
    if let Some(labels) = place.listed() {
        let language = Language::Values(labels.into_iter().map(str::to_owned).collect());
        parts = language::sequence(std::slice::from_ref(&language), &[]).into_iter().collect();
        size = 10_f64.powf(language.log10(0));
    }
    let (template, regex) = (template(edge, &columns), language::alternatives(parts));
    columns.retain(Column::varies);
    Rendered { template, regex, columns, log10: size.log10(), overlaps }
}

/// A word takes every letter, a number every digit: an id right behind one begins with something else, unless its width says
/// where. Its expression says so, or a label that is read in one way would match in another one too.
fn begin_apart(pieces: &[Piece], languages: &mut [Language]) {
    for ((before, piece), language) in pieces.iter().zip(&pieces[1..]).zip(languages.iter_mut().skip(1)) {
        if matches!(before, Piece::Word | Piece::Choice) && piece.width().is_some() {
            continue;
        }
        let Language::Class { first, .. } = language else { continue };
        match before {
            Piece::Word | Piece::Choice => *first &= !class::LETTERS,
            Piece::Digits | Piece::Number => *first &= !class::DIGITS,
            Piece::Const(_) | Piece::Opaque { .. } | Piece::Typed(_) => {}
        }
    }
}

/// Labels that one shape is told to leave out at most. With more, or with too long an expression, it leaves out none: what
/// tells a few hundred hosts apart would be an expression of megabytes for each of thousands of patterns.
const FORBIDDEN: usize = 4096;
/// Octets of the expressions of all patterns of a domain, about.
const EXPRESSIONS: usize = 64 << 20;

/// How long the expression of one shape may be where there are so many patterns.
pub(super) fn longest(patterns: usize) -> usize {
    (EXPRESSIONS / patterns.max(1)).clamp(2 << 10, 64 << 10)
}

/// An edge and what stands beside it.
#[derive(Clone, Copy)]
struct Place<'m> {
    model: &'m Model,
    node: &'m Node,
    at: usize,
    longest: usize,
    names: Depth,
}

impl<'m> Place<'m> {
    fn edge(self) -> &'m Edge {
        &self.node.edges[self.at]
    }

    /// The families that come first. One at the ends of names only leaves the labels that names go on below to this one.
    fn before(self) -> impl Iterator<Item = &'m Edge> {
        let mine = self.names;
        self.node.edges[..self.at].iter().filter(move |other| other.depth.covers(mine))
    }

    /// The constants that stand where labels of this edge could stand, too.
    fn constants(self) -> impl Iterator<Item = &'m str> {
        let mine = self.names;
        let meets = move |child: u32| self.model.nodes[child as usize].depth().is_none_or(|depth| depth.meets(mine));
        self.node.constants.iter().filter(move |(_, child)| meets(**child)).map(|(label, _)| &**label)
    }

    /// The labels of a closed list, in order: what its columns could be combined to is none of it.
    fn listed(self) -> Option<BTreeSet<&'m str>> {
        let edge = self.edge();
        if edge.form.style == Style::Slug {
            return edge.labels_seen.sorted().filter(|_| edge.labels_seen.are_all());
        }
        (edge.form.style == Style::Closed).then(|| edge.brought.iter().map(|label| &**label).collect())
    }

    /// The expression of a shape without what belongs to others, and whether that could be told; no expression when nothing
    /// is left.
    fn regex_of(self, at_shape: usize, languages: &[Language]) -> (Option<String>, bool) {
        let fits = |regex: &Option<String>| regex.as_ref().is_none_or(|regex| regex.len() <= self.longest);
        let told = |forbidden: &[Forbidden]| Some(language::sequence(languages, forbidden)).filter(fits);
        let Some(forbidden) = self.forbidden(at_shape) else { return (language::sequence(languages, &[]), false) };
        let edge = self.edge();
        // Where there is room, also without the hosts that the family spares.
        let spared = [forbidden.clone(), hosts::spared(edge, &edge.form.shapes[at_shape])].concat();
        match told(&spared).or_else(|| told(&forbidden)) {
            Some(regex) => (regex, true),
            None => (language::sequence(languages, &[]), false),
        }
    }

    /// Labels and families of the same node that the shape would take as well; `None` if they are too many.
    fn forbidden(self, at_shape: usize) -> Option<Vec<Forbidden>> {
        let edge = self.edge();
        let (shape, bounds) = (&edge.form.shapes[at_shape], &edge.bounds[at_shape]);
        let mut forbidden = Vec::new();
        let closed = self.before().filter(|other| other.form.style == Style::Closed).flat_map(|other| &other.brought);
        for label in self.constants().chain(edge.refused.iter().chain(closed).map(|label| &**label)) {
            forbidden.extend(bounds.parts(shape, label).map(|parts| parts.map(|part| Some(part.to_owned())).collect()));
            if forbidden.len() > FORBIDDEN {
                return None;
            }
        }
        for other in self.before().filter(|other| other.form.style != Style::Closed) {
            for their_shape in 0..other.form.shapes.len() {
                overlap(other, their_shape, shape, &mut forbidden);
                if forbidden.len() > FORBIDDEN {
                    return None;
                }
            }
        }
        forbidden.sort();
        forbidden.dedup();
        Some(forbidden)
    }
}

/// The labels that two shapes share, as forbidden labels of `mine`.
fn overlap(other: &Edge, at_shape: usize, mine: &Shape, forbidden: &mut Vec<Forbidden>) {
    let (theirs, facts, views) = (&other.form.shapes[at_shape], &other.facts[at_shape], views(other, at_shape));
    // Their pieces, constants cut where mine may change class, each with its possible texts.
    let mut runs: Vec<(Piece, Option<Vec<String>>)> = Vec::new();
    for ((piece, facts), view) in theirs.pieces.iter().zip(facts).zip(views) {
        match piece {
            Piece::Const(text) => runs.extend(cut(text).map(|run| (Piece::Const(run.clone()), Some(vec![run])))),
            Piece::Word | Piece::Choice => {
                let values = match language_of(piece, facts, view) {
                    Language::Values(values) => Some(values),
                    Language::Class { .. } | Language::Fixed { .. } => None,
                };
                runs.push((Piece::Word, values));
            }
            piece => runs.push((piece.clone(), None)),
        }
    }
    let mut at = 0;
    let mut tuples: Vec<Forbidden> = vec![Vec::new()];
    for piece in &mine.pieces {
        let taken = match piece {
            Piece::Const(text) => {
                for run in cut(text) {
                    let Some((their, values)) = runs.get(at) else { return };
                    let fits = match (their, values) {
                        (_, Some(values)) => values.contains(&run),
                        (Piece::Word, None) => run.bytes().all(|octet| octet.is_ascii_lowercase()),
                        (Piece::Digits, None) => run.bytes().all(|octet| octet.is_ascii_digit()),
                        _ => false,
                    };
                    if !fits {
                        return;
                    }
                    at += 1;
                }
                None
            }
            Piece::Word | Piece::Choice | Piece::Digits | Piece::Number => {
                let Some((their, values)) = runs.get(at) else { return };
                let digits = matches!(piece, Piece::Digits | Piece::Number);
                let fits = match their {
                    Piece::Word | Piece::Choice => !digits,
                    Piece::Digits | Piece::Number => digits,
                    Piece::Const(text) => {
                        text.bytes().all(|o| if digits { o.is_ascii_digit() } else { o.is_ascii_lowercase() })
                    }
                    Piece::Opaque { .. } | Piece::Typed(_) => false,
                };
                if !fits {
                    return;
                }
                at += 1;
                values.clone()
            }
            Piece::Opaque { .. } | Piece::Typed(_) => {
                if runs.get(at).is_none_or(|(their, _)| their != piece) {
                    return;
                }
                at += 1;
                None
            }
        };
        tuples = match taken {
            None => tuples.into_iter().map(|tuple| [tuple, vec![None]].concat()).collect(),
            Some(values) => tuples
                .into_iter()
                .flat_map(|tuple| values.iter().map(move |value| [tuple.clone(), vec![Some(value.clone())]].concat()))
                .collect(),
        };
        if tuples.len() > 4096 {
            return;
        }
    }
    if at == runs.len() {
        forbidden.extend(tuples);
    }
}

/// A constant cut into runs of letters, digits and separators.
pub(super) fn cut(text: &str) -> impl Iterator<Item = String> + '_ {
    let class = |octet: &u8| (octet.is_ascii_lowercase(), octet.is_ascii_digit());
    text.as_bytes().chunk_by(move |a, b| class(a) == class(b)).map(|run| run.iter().copied().map(char::from).collect())
}

/// The width of a padded number, or of one that never changes its width.
pub(super) fn padded(facts: &Facts) -> Option<usize> {
    let fixed = facts.min == facts.max && (facts.leading_zero || facts.min >= 6);
    fixed.then_some(usize::from(facts.max))
}

/// How a column of an edge is to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub(super) style: Style,
    /// Places the shape was learned from.
    pub(super) rows: usize,
    /// A word among others in a row: its values are no closed list.
    pub(super) open: bool,
    /// The only column that varies.
    pub(super) only: bool,
}

/// How the columns of one shape are to be read.
pub(super) fn views(edge: &Edge, at_shape: usize) -> Vec<View> {
    let shape = &edge.form.shapes[at_shape];
    let view = View {
        style: edge.form.style,
        rows: edge.rows[at_shape],
        open: edge.form.style == Style::Slug,
        only: edge.form.style == Style::Table && shape.variables() == 1,
    };
    let mut views = vec![view; shape.pieces.len()];
    if edge.form.style == Style::Run {
        let runs = runs(edge);
        let mut at = 0;
        for (place, item) in shape.collapse().into_iter().enumerate() {
            let len = if let Item::Words(len) = item { len } else { 1 };
            for view in &mut views[at..at + len] {
                view.open = runs[place];
            }
            at += len;
        }
    }
    views
}

/// Per item of the collapsed shapes: whether it is a run of words of changing number.
fn runs(edge: &Edge) -> Vec<bool> {
    let mut runs = Vec::new();
    for shape in &edge.form.shapes {
        for (place, item) in shape.collapse().into_iter().enumerate() {
            if runs.len() <= place {
                runs.push(false);
            }
            runs[place] |= matches!(item, Item::Words(len) if len > 1);
        }
    }
    runs
}

/// Whether the few values of a word column are all there are.
pub(super) fn closed(facts: &Facts, view: View) -> Option<BTreeSet<&str>> {
    let values = facts.values.sorted()?;
    let known = values.iter().filter(|value| words::is_known_host(value)).count();
    let repeated = view.rows >= 2 * values.len()
        || (10 * known >= 7 * values.len() && values.len() >= 3)
        || facts.values.are_all();
    let few = if view.style == Style::Closed { !values.is_empty() } else { values.len() <= 40 && repeated };
    (!view.open && few).then_some(values)
}

pub(super) fn are_countries(facts: &Facts) -> bool {
    let values = facts.values.count().unwrap_or(usize::MAX);
    facts.max == 2 && 10 * facts.countries >= 9 * facts.rows && values >= 6
}

fn language_of(piece: &Piece, facts: &Facts, view: View) -> Language {
    let shortest = |min: u8| usize::from(if facts.rows >= 20 { min } else { min.saturating_sub(1).max(1) });
    match piece {
        Piece::Const(text) => Language::literal(text),
        Piece::Word | Piece::Choice if are_countries(facts) => Language::class(class::LETTERS, "[a-z]", (2, 2)),
        Piece::Word | Piece::Choice => match closed(facts, view) {
            Some(values) => Language::Values(values.into_iter().map(str::to_owned).collect()),
            None => Language::class(class::LETTERS, "[a-z]", (shortest(facts.min), 0)),
        },
        Piece::Digits | Piece::Number => {
            let (min, max) = padded(facts).map_or((1, 0), |width| (width, width));
            Language::class(class::DIGITS, "[0-9]", (min, max))
        }
        Piece::Opaque { min, max, dashed } => {
            let alphabet = Alphabet::of(facts.charset & (class::LETTERS | class::DIGITS), facts.symbols);
            let (min, max) = ((*min).min(facts.min), (*max).max(facts.max));
            let set = alphabet.set() | if *dashed { facts.charset } else { 0 };
            let class = if *dashed { class::class_of(set) } else { alphabet.regex() };
            Language::class(set, &class, (usize::from(min), usize::from(max)))
        }
        Piece::Typed(kind) => typed(*kind, facts),
    }
}

fn typed(kind: Kind, facts: &Facts) -> Language {
    let (regex, log10) = match kind {
        Kind::Uuid => ("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", 36.7),
        Kind::Ipv6 if facts.shortened => ("[0-9a-f]{1,4}(?:-[0-9a-f]{0,4}){1,7}", 38.5),
        Kind::Ipv6 => ("[0-9a-f]{1,4}(?:-[0-9a-f]{1,4}){7}", 38.5),
        Kind::Mac => ("[0-9a-f]{2}(?:-[0-9a-f]{2}){5}", 14.4),
        Kind::Ipv4 => ("[0-9]{1,3}-[0-9]{1,3}-[0-9]{1,3}-[0-9]{1,3}", 9.6),
        Kind::Date => ("[0-9]{4}-[0-9]{2}-[0-9]{2}", 4.0),
        Kind::Version => ("v[0-9]{1,4}(?:-[0-9]{1,4}){1,3}", 6.0),
        Kind::Region if facts.charset & class::bit(b'-') == 0 => ("[a-z]{6,}[0-9]?", 2.0),
        Kind::Region if facts.dashless => ("(?:[a-z]{6,}[0-9]?|[a-z]+(?:-[a-z]+)*-[a-z]*[0-9]{1,2})", 2.0),
        Kind::Region => ("[a-z]+(?:-[a-z]+)*-(?:[a-z]*[0-9]{1,2})", 2.0),
        Kind::Puny => ("xn--[a-z0-9\\-]+", 12.0),
        Kind::Dash => ("-", 0.0),
        Kind::Underscore => ("_", 0.0),
        Kind::Word => ("[a-z]+", 6.0),
        Kind::Digits => ("[0-9]+", 6.0),
        Kind::Mixed => ("[a-z0-9]+", 6.0),
    };
    Language::Fixed { regex, log10 }
}

#[cfg(test)]
mod tests {
    use super::super::bounds::Bounds;
    use super::super::facts::Values;
    use super::super::form::Form;
    use super::*;
    use regex::Regex;

    /// An edge of two words joined by a dash that these labels went.
    fn two_words(style: Style, labels: &[&str]) -> Edge {
        let shape = Shape { pieces: vec![Piece::Word, Piece::Const("-".to_owned()), Piece::Word] };
        let mut facts = vec![Facts::default(); 3];
        for label in labels {
            let (one, other) = label.split_once('-').unwrap();
            for (facts, text) in facts.iter_mut().zip([one, "-", other]) {
                facts.add(text, true);
            }
        }
        Edge {
            bounds: vec![Bounds::of(&shape)],
            form: Form { style, shapes: vec![shape] },
            node: 0,
            facts: vec![facts],
            labels_seen: Values::default(),
            refused: BTreeSet::new(),
            is_opaque: false,
            speaking: 1.0,
            plain: 0.0,
            brought: labels.iter().filter(|_| style == Style::Closed).map(|label| (*label).into()).collect(),
            labels: <_>::default(),
            spares: None,
            depth: Depth::Leaf,
            spans: vec![vec![(1, 9); 3]],
            rows: vec![labels.len()],
        }
    }

    #[test]
    fn a_closed_list_is_its_labels_and_no_other_combination_of_their_parts() {
        let mut model = Model::new(Vec::new());
        model.push();
        model.nodes[0].edges = vec![
            two_words(Style::Closed, &["kfz-ziegler", "baeckerei-gottschalk"]),
            two_words(Style::Slug, &["kfz-gottschalk", "metzgerei-huber"]),
        ];
        let regexes = [0, 1]
            .map(|at| Regex::new(&format!("^(?:{})$", edge(&model, (0, at), longest(2), Depth::Leaf).regex)).unwrap());
        for (label, expected) in [
            ("kfz-ziegler", [true, false]),
            ("baeckerei-gottschalk", [true, false]),
            ("kfz-gottschalk", [false, true]),
            ("baeckerei-ziegler", [false, true]),
            ("metzgerei-huber", [false, true]),
        ] {
            assert_eq!(regexes.each_ref().map(|regex| regex.is_match(label)), expected, "{label}");
        }
    }

    #[test]
    fn a_family_leaves_to_the_one_before_it_what_ends_there_and_not_what_goes_on() {
        let mut tenants = two_words(Style::Slug, &[]);
        tenants.form.shapes = vec![Shape { pieces: vec![Piece::Word, Piece::Const("-my".to_owned())] }];
        tenants.bounds = vec![Bounds::of(&tenants.form.shapes[0])];
        tenants.facts = vec![vec![Facts::default(); 2]];
        for (facts, text) in tenants.facts[0].iter_mut().zip(["acme", "-my"]) {
            facts.add(text, true);
        }
        let mut zones = two_words(Style::Slug, &["api-test", "web-old"]);
        zones.depth = Depth::Both;
        let mut model = Model::new(Vec::new());
        model.push();
        model.nodes[0].edges = vec![tenants, zones];
        let takes = |names: Depth| {
            let regex = Regex::new(&format!("^(?:{})$", edge(&model, (0, 1), longest(2), names).regex)).unwrap();
            ["acme-my", "acme-test"].map(|label| regex.is_match(label))
        };
        assert_eq!(takes(Depth::Leaf), [false, true]);
        assert_eq!(takes(Depth::Inner), [true, true]);
        assert_eq!(takes(Depth::Both), [true, true]);
    }
}
