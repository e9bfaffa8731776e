//! Which labels of a place are one column although they are words: because of what hangs below them.
//!
//! `{slug}.dev`, `{slug}.prod` and `{slug}.test` are one family with a column of environments; `corp` with a zoo of hosts
//! below it is a zone of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::below::{Below, Kinds, kinds};
use super::cost::float;
use super::form::{Form, Piece, Shape, Style};
use super::grow::{Branch, Place};
use super::hash::MixBuilder;
use super::population::{Families, Member};
use super::region::is_region_word;
use super::roles;
use super::settings::Settings;
use super::short;
use super::texts;
use super::token::{self, Kind, Token};
use super::unlucky::unlucky;
use super::words::{self, is_known_host};

/// Words of one column at most; more are an open vocabulary.
pub(super) const WORDS: usize = 40;

/// What the structure below the labels of a place says.
pub(super) struct Found<'a> {
    pub(super) members: Vec<Member<'a>>,
    /// Closed lists of words.
    pub(super) families: Families,
    /// Labels that are constants in any case.
    pub(super) constants: Vec<usize>,
}

/// Looks at what hangs below each label of a place.
pub(super) fn find<'a>(branches: &[Branch<'a>], place: Place, settings: &Settings) -> Found<'a> {
    let repeats = repeats(branches);
    let kinds = kinds(branches, settings);
    let unlucky = unlucky(branches, &kinds);
    let alike = alike(branches, &kinds, &unlucky);
    let mut zone = vec![false; branches.len()];
    for at in zones(branches, &repeats, place.pooled) {
        zone[at] = !alike.iter().any(|group| group.contains(&at)) && !has_like(at, branches, &kinds) && !unlucky[at];
    }
    let member = |(branch, zone): (&Branch<'a>, bool)| {
        let paired = branch.children.iter().any(|child| repeats[child] >= 3);
        Member::new(branch.label, [zone, branch.is_inner(), paired], branch.weight())
    };
    let members: Vec<Member<'a>> = branches.iter().zip(zone).map(member).collect();
    let closed = |found: Vec<usize>| {
        let shapes: BTreeSet<Shape> = found.iter().map(|&at| Shape::of(&members[at])).collect();
        (Form { style: Style::Closed, shapes: shapes.into_iter().collect() }, found)
    };
    if let Some(found) = short::ids(&members, place) {
        return Found { members, families: vec![found], constants: Vec::new() };
    }
    let mut lists: Vec<BTreeSet<usize>> = Vec::new();
    let product = siblings(branches, &members, &repeats, settings).into_iter();
    let columns = alike.into_iter().filter(|group| group.len() <= WORDS);
    for list in product.chain(columns) {
        match lists.iter_mut().find(|known| !known.is_disjoint(&list)) {
            Some(known) => known.extend(list),
            None => lists.push(list),
        }
    }
    let mut families: Families = lists.into_iter().map(|list| closed(list.into_iter().collect())).collect();
    families.extend(numbered(&members, &kinds));
    let mut constants = Vec::new();
    if place.pooled && families.is_empty() {
        constants = roles::heavy(branches, &members);
        if constants.is_empty() && place.ends {
            constants = roles::roles(branches, &members);
        } else if constants.is_empty() {
            families.extend(roles::values(branches, &members, settings).map(closed));
        }
    }
    Found { members, families, constants }
}

type Repeats<'a> = HashMap<&'a str, usize, MixBuilder>;

/// How many branches each child label hangs below.
fn repeats<'a>(branches: &[Branch<'a>]) -> Repeats<'a> {
    let mut counts = HashMap::default();
    for child in branches.iter().flat_map(|branch| &branch.children) {
        *counts.entry(*child).or_default() += 1;
    }
    counts
}

/// Labels with much below them that hangs below none of their siblings.
fn zones(branches: &[Branch<'_>], repeats: &Repeats<'_>, pooled: bool) -> Vec<usize> {
    let own = |branch: &Branch<'_>, enough: usize| {
        let children = &branch.children;
        let shared = children.iter().filter(|child| repeats[*child] > 1).count();
        // One label below it that much hangs below in turn is as good as many.
        let deep = shared == 0 && !children.is_empty() && branch.rows.len() >= 2 * enough;
        children.len() >= enough && 2 * shared < children.len() || deep
    };
    let has_digits = |label: &str| label.bytes().any(|octet| octet.is_ascii_digit());
    let own_of = |digits: bool, enough: usize| -> Vec<usize> {
        let has = |at: &usize| has_digits(branches[*at].label) == digits && own(&branches[*at], enough);
        (0..branches.len()).filter(has).collect()
    };
    let stem = |at: usize| stem(branches[at].label);
    let mut numbered = own_of(true, 8);
    numbered.retain(|&at| !stem(at).is_empty());
    // `pop1`, `pop2`, `pop3` are a column, however much hangs below each.
    let alone = |&at: &usize| numbered.iter().filter(|&&other| stem(other) == stem(at)).count() < 2;
    let alone: Vec<usize> = numbered.iter().copied().filter(alone).collect();
    let taken = alone.len() <= 12 && !pooled && !are_alike(branches, &alone);
    own_of(false, 3).into_iter().chain(alone.into_iter().filter(|_| taken)).collect()
}

/// A label without the number at its end.
fn stem(label: &str) -> &str {
    label.trim_end_matches(|c: char| c.is_ascii_digit())
}

pub(super) fn is_word(label: &str) -> bool {
    label.bytes().all(|octet| octet.is_ascii_lowercase())
}

/// Whether two and more siblings of a numbered label's form hold names of one form with it.
fn has_like(at: usize, branches: &[Branch<'_>], kinds: &Kinds) -> bool {
    let has_number = |label: &str| label.bytes().any(|octet| octet.is_ascii_digit());
    let form =
        |label: &str| -> Vec<bool> { texts::runs(label).map(|run| run.as_bytes()[0].is_ascii_digit()).collect() };
    let label = branches[at].label;
    if !has_number(label) || kinds[at].is_none() {
        return false;
    }
    let mine = form(label);
    let like = || branches.iter().zip(kinds).filter(|(other, kind)| **kind == kinds[at] && form(other.label) == mine);
    like().count() >= 3 || like().filter(|(other, _)| stem(other.label) == stem(label)).count() >= 2
}

/// Two labels that differ in their number only and hold names of one form, as no other label does: `use1`, `use2`.
fn numbered(members: &[Member<'_>], kinds: &Kinds) -> Families {
    let mut groups: BTreeMap<Below, Vec<(&str, usize)>> = BTreeMap::new();
    for (at, (member, kind)) in members.iter().zip(kinds).enumerate() {
        let stem = stem(member.label);
        if let Some(kind) = kind
            && stem.len() < member.label.len()
            && !stem.is_empty()
        {
            groups.entry(*kind).or_default().push((stem, at));
        }
    }
    let pair = |group: Vec<(&str, usize)>| match group[..] {
        [(stem, first), (other, second)] if stem == other => {
            let shape = Shape { pieces: vec![Piece::Const(stem.to_owned()), Piece::Digits] };
            Some((Form { style: Style::Table, shapes: vec![shape] }, vec![first, second]))
        }
        _ => None,
    };
    groups.into_values().filter_map(pair).collect()
}

/// Groups of three and more words that names only go on below, and that hold names of one form.
fn alike(branches: &[Branch<'_>], kinds: &Kinds, unlucky: &[bool]) -> Vec<BTreeSet<usize>> {
    let mut groups: BTreeMap<Below, BTreeSet<usize>> = BTreeMap::new();
    let is_plain = |label: &str| {
        let wordy =
            label.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-') && !label.starts_with("xn--");
        wordy && label.len() <= 24 && !is_region_word(label)
    };
    let alone = branches.len() == 2;
    for (at, kind) in kinds.iter().enumerate() {
        if let Some(kind) = kind
            && !unlucky[at]
            && (alone && kind.specific || is_plain(branches[at].label))
        {
            groups.entry(*kind).or_default().insert(at);
        }
    }
    let column = |specific: bool, group: &BTreeSet<usize>| {
        let counts = |enough: usize| group.iter().filter(|&&at| branches[at].children.len() >= enough).count();
        let below: Vec<&[&str]> = group.iter().map(|&at| branches[at].children.as_slice()).collect();
        // Two are a column where nothing else stands, and what hangs below is the same or of one form.
        let few = group.len() >= 3 || alone && group.len() == 2 && (specific || shares(below[0], below[1]));
        let same = if specific {
            counts(2) >= 1 && !have_own_words(&below)
        } else {
            let environments = group.iter().filter(|&&at| words::is_environment(branches[at].label)).count();
            group.len() == 2
                || counts(4) >= 3 && are_one_list(&below) && !have_same_hosts(&below)
                || environments >= 3 && 5 * environments >= 4 * group.len()
        };
        few && same
    };
    groups.into_iter().filter(|(kind, group)| column(kind.specific, group)).map(|(_, group)| group).collect()
}

/// Whether half of what hangs below the smaller of two labels hangs below the other too.
fn shares(one: &[&str], other: &[&str]) -> bool {
    let shared = one.iter().filter(|child| other.binary_search(child).is_ok()).count();
    shared >= 2 && 2 * shared >= one.len().min(other.len())
}

/// Whether several labels each have one word below them that none of the others has: families of their own.
fn have_own_words(below: &[&[&str]]) -> bool {
    let mut constants: BTreeSet<&str> = BTreeSet::new();
    let mut open = 0;
    for children in below {
        let first: BTreeSet<&str> = children.iter().filter_map(|child| texts::runs(child).next()).collect();
        match (children.len() >= 3, first.len()) {
            (true, 1) => constants.extend(first),
            (true, _) => open += 1,
            (false, _) => {}
        }
    }
    let is_number = |text: &&str| text.as_bytes().first().is_some_and(u8::is_ascii_digit);
    constants.iter().filter(|text| !is_number(text)).count() >= 2 && open == 0
}

/// Whether words below several words are one list: the same ones again, or an open list below each, about equally long.
fn are_one_list(below: &[&[&str]]) -> bool {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for child in below.iter().copied().flatten() {
        *places.entry(child).or_default() += 1;
    }
    let mut sizes: Vec<usize> = below.iter().map(|children| children.len()).collect();
    sizes.sort_unstable();
    let all: usize = sizes.iter().sum();
    let shared: usize = places.values().filter(|&&places| places > 1).sum();
    let known = places.keys().filter(|child| is_known_host(child)).count();
    let even = sizes[sizes.len() - 1] <= 8 * sizes[sizes.len() / 2];
    even && have_one_build(below) && (2 * shared >= all || (places.len() >= 12 && 4 * known <= places.len()))
}

/// Whether ten labels and more have fewer hosts below them, all together, than they are: tenants that all get the same.
fn have_same_hosts(below: &[&[&str]]) -> bool {
    let edges = below.iter().copied().flatten();
    let hosts = edges.clone().filter(|child| is_known_host(child) && !words::is_environment(child)).count();
    let distinct = || edges.clone().collect::<BTreeSet<_>>().len();
    below.len() >= 10 && 2 * hosts >= edges.clone().count() && distinct() < below.len()
}

/// Whether what hangs below each of several labels has about as many parts as below the others.
fn have_one_build(below: &[&[&str]]) -> bool {
    let parts = |label: &str| label.split(['-', '_']).count().min(7);
    let shares = |labels: &[&str]| -> [f64; 8] {
        let mut shares = [0.0; 8];
        for label in labels {
            shares[parts(label)] += 1.0 / float(labels.len());
        }
        shares
    };
    let all: BTreeSet<&str> = below.iter().copied().flatten().copied().collect();
    let all = shares(&all.into_iter().collect::<Vec<_>>());
    below.iter().filter(|labels| labels.len() >= 4).all(|labels| {
        let mine = shares(labels);
        mine.iter().zip(all).map(|(mine, all)| mine.min(all)).sum::<f64>() >= 0.5
    })
}

/// Whether three or more labels have the same form and the same forms below them.
fn are_alike(branches: &[Branch<'_>], labels: &[usize]) -> bool {
    let form = |label: &&str| -> Vec<Kind> { token::tokens(label).iter().map(|token| token.kind).collect() };
    let forms = |at: &usize| -> BTreeSet<Vec<Kind>> { branches[*at].children.iter().map(form).collect() };
    let plain = |at: &usize| stem(branches[*at].label).bytes().all(|octet| octet.is_ascii_lowercase());
    let mut all = labels.iter().map(forms);
    let first = all.next().unwrap_or_default();
    labels.len() >= 3
        && labels.iter().all(plain)
        && all.all(|forms| forms.intersection(&first).count() * 2 >= first.len())
}

/// Words that have the same labels below them: the columns of a product, such as services in each environment.
fn siblings(
    branches: &[Branch<'_>],
    members: &[Member<'_>],
    repeats: &Repeats<'_>,
    settings: &Settings,
) -> Option<BTreeSet<usize>> {
    let (mut words, mut others) = (BTreeSet::new(), 0);
    let (mut edges, mut labels, mut known, mut ends) = (0, BTreeSet::<&str>::new(), 0, 0);
    for (at, member) in members.iter().enumerate() {
        let children = &branches[at].children;
        let shared = children.iter().filter(|child| repeats[*child] > 1).count();
        if children.is_empty() || 2 * shared < children.len() || settings.keep.iter().any(|keep| keep == member.label) {
            continue;
        }
        if !matches!(member.tokens[..], [Token { kind: Kind::Word, .. }]) {
            others += 1;
            continue;
        }
        words.insert(at);
        edges += children.len();
        known += children.iter().filter(|child| is_known_host(child)).count();
        ends += usize::from(!member.inner);
        labels.extend(children);
    }
    // Every word here has words below it, and these stand below several of them.
    let inner: Vec<usize> = (0..members.len()).filter(|&at| members[at].inner).collect();
    let below = || inner.iter().flat_map(|&at| &branches[at].children);
    let is_word = |at: &usize| matches!(members[*at].tokens[..], [Token { kind: Kind::Word, .. }]);
    if (4..=WORDS).contains(&inner.len())
        && !have_same_hosts(&inner.iter().map(|&at| branches[at].children.as_slice()).collect::<Vec<_>>())
        && inner.len() == members.len()
        && inner.iter().all(is_word)
        && below().count() >= 10
        && 4 * below().count() >= 5 * below().collect::<BTreeSet<_>>().len()
    {
        return Some(inner.into_iter().collect());
    }
    // Tenants that have the same hosts are an open list, whatever they are called.
    let below: Vec<&[&str]> = words.iter().map(|&at| branches[at].children.as_slice()).collect();
    let open = others >= 2 && 6 * others >= words.len()
        || 2 * ends >= words.len() && 2 * known >= edges
        || have_same_hosts(&below);
    let enough = (3..=WORDS).contains(&words.len()) && labels.len() >= 3 && edges >= 8 && 4 * edges >= 5 * labels.len();
    (enough && !open).then_some(words)
}
