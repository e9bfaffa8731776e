//! What is said of each place of a learned tree where names end: [`Pattern`]s.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use regex::Regex;

use super::bounds::Depth;
use super::hash::{self, MixBuilder};
use super::language;
use super::model::Model;
use super::observation::NameIndex;
use super::render::{self, Rendered};
use super::rooted::{BARE, WILDCARD};
use super::roots::Names;
use super::said::{Forms, LevelTemplate, Pattern};

/// Certificates a week that Let's Encrypt grants a registered domain by default (its documentation of rate limits).
const WEEKLY_LIMIT: f64 = 50.0;

/// A pattern with the names it has, as indexes of the summary.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) pattern: Pattern,
    pub(super) names: Vec<NameIndex>,
    pub(super) path: Path,
}

/// The labels of a pattern, root side first.
pub(super) type Path = Vec<Label>;

/// One label of a path.
#[derive(Debug, Clone)]
pub(super) enum Label {
    /// Always this text.
    Const(String),
    /// A family.
    Family(Arc<Rendered>),
}

impl Label {
    pub(super) fn template(&self) -> &str {
        match self {
            Self::Const(text) => text,
            Self::Family(family) => &family.template,
        }
    }
}

/// A name from its left part and its root.
pub(super) fn whole(left: &str, root: &str) -> String {
    if left.is_empty() { root.to_owned() } else { format!("{left}.{root}") }
}

/// What is said of a pattern whose expression could not be kept apart from the others.
const OVERLAPS: &str = "too many other names have its form: its expression takes some of theirs too";

/// The patterns of a tree, given the names that end at each place.
pub(super) fn drafts(model: &Model, names: &Names<'_>, root: &str, mut ends: Vec<Vec<u32>>) -> Vec<Draft> {
    let longest = render::longest(ends.iter().filter(|names| !names.is_empty()).count());
    let mut drafts = Vec::new();
    let mut open: Vec<(u32, Path, Option<Label>)> = vec![(0, Vec::new(), None)];
    while let Some((at, path, below)) = open.pop() {
        let node = &model.nodes[at as usize];
        let group = ends.get_mut(at as usize).map(std::mem::take).unwrap_or_default();
        if !group.is_empty() {
            drafts.push(draft(names, root, path.clone(), &group));
        }
        let mut path = path;
        if let (Some(last), Some(label)) = (path.last_mut(), below) {
            *last = label;
        }
        let mut constants: Vec<_> = node.constants.iter().collect();
        constants.sort_unstable();
        for (label, &child) in constants {
            open.push((child, [path.as_slice(), &[Label::Const(label.to_string())]].concat(), None));
        }
        for (edge_at, edge) in node.edges.iter().enumerate() {
            let family = |names: Depth| Label::Family(Arc::new(render::edge(model, (at, edge_at), longest, names)));
            // Other families leave other labels to it where names end and where they go on.
            let (ending, below) = match edge.depth {
                Depth::Both => (family(Depth::Leaf), Some(family(Depth::Inner))),
                depth => (family(depth), None),
            };
            open.push((edge.node, [path.as_slice(), &[ending]].concat(), below));
        }
    }
    drafts
}

/// A name that has no other beside it.
pub(super) fn lone(names: &Names<'_>, root: &str, at: u32) -> Draft {
    let labels = names.left(at).rsplit('.').filter(|label| !label.is_empty());
    draft(names, root, labels.map(|label| Label::Const(label.to_owned())).collect(), &[at])
}

fn draft(names: &Names<'_>, root: &str, path: Path, group: &[u32]) -> Draft {
    let (mut template, mut regex, mut columns, mut size) = (String::new(), String::new(), Vec::new(), 0.0);
    for label in path.iter().rev() {
        template.push_str(label.template());
        match label {
            Label::Const(text) => regex.push_str(&language::escape(text)),
            Label::Family(family) => {
                regex.push_str(&family.regex);
                columns.extend(family.columns.iter().cloned());
                size += family.log10;
            }
        }
        template.push('.');
        regex.push_str("\\.");
    }
    template.push_str(root);
    regex.push_str(&language::escape(root));
    let mut draft = counted(names, root, group, &template, &regex);
    draft.pattern.single = path.iter().all(|label| matches!(label, Label::Const(_)));
    draft.pattern.levels = levels(names, root, &path, group);
    draft.pattern.columns = columns;
    draft.pattern.language_log10 = size;
    if path.iter().any(|label| matches!(label, Label::Family(family) if family.overlaps)) {
        draft.pattern.notes.push(OVERLAPS.to_owned());
    }
    draft.path = path;
    draft
}

/// A pattern with everything that is counted over its names.
fn counted(names: &Names<'_>, root: &str, group: &[u32], template: &str, regex: &str) -> Draft {
    let mut forms = Forms::default();
    let (mut first, mut last) = (i64::MAX, i64::MIN);
    for &at in group {
        match names.rows[at as usize].seen & (BARE | WILDCARD) {
            BARE => forms.bare += 1,
            WILDCARD => forms.wildcard += 1,
            _ => forms.both += 1,
        }
        let times = names.times(at);
        (first, last) = (first.min(times.0), last.max(times.1));
    }
    let star = match forms {
        Forms { wildcard: 0, both: 0, .. } => "",
        Forms { bare: 0, both: 0, .. } => "\\*\\.",
        Forms { .. } => "(?:\\*\\.)?",
    };
    let always = forms.bare == 0 && forms.both == 0;
    let pattern = Pattern {
        id: format!("{:016x}", hash::hash(format!("{root}\n{template}").as_bytes())),
        root: root.to_owned(),
        template: format!("{}{template}", if always { "*." } else { "" }),
        regex: format!("^{star}{regex}$"),
        names: forms.bare + forms.wildcard + 2 * forms.both,
        distinct: group.len() as u64,
        wildcard: forms,
        first_seen: jiff::Timestamp::from_second(first).ok().filter(|_| first != i64::MAX),
        last_seen: jiff::Timestamp::from_second(last).ok().filter(|_| last != i64::MIN),
        examples: examples(names, root, group),
        ..Pattern::default()
    };
    let group = group.iter().map(|&at| names.rows[at as usize].name).collect();
    Draft { pattern, names: group, path: Vec::new() }
}

/// The names with the smallest hashes.
fn examples(names: &Names<'_>, root: &str, group: &[u32]) -> Vec<String> {
    let mut chosen: Vec<(u64, u32)> = group.iter().map(|&at| (names.rows[at as usize].hash, at)).collect();
    if chosen.len() > 3 {
        chosen.select_nth_unstable(3);
        chosen.truncate(3);
    }
    chosen.sort_unstable();
    let star = |at: u32| if names.rows[at as usize].seen & BARE == 0 { "*." } else { "" };
    chosen.into_iter().map(|(_, at)| format!("{}{}", star(at), whole(names.left(at), root))).collect()
}

/// The levels of the climb from a pattern's names, nearest first (RFC 8659 §3).
fn levels(names: &Names<'_>, root: &str, path: &Path, group: &[u32]) -> Vec<LevelTemplate> {
    let all = group.len() as u64;
    let mut levels = Vec::with_capacity(path.len() + root.split('.').count());
    for labels in (1..=path.len()).rev() {
        let below = &path[..labels];
        let varies = below.iter().any(|label| matches!(label, Label::Family(_)));
        let distinct = match (varies, labels == path.len()) {
            (false, _) => 1,
            (true, true) => all,
            (true, false) => {
                let tails = group.iter().map(|&at| hash::hash(tail(names.left(at), labels).as_bytes()));
                tails.collect::<HashSet<u64, MixBuilder>>().len() as u64
            }
        };
        let text = below.iter().rev().map(Label::template).collect::<Vec<_>>().join(".");
        levels.push(LevelTemplate { template: whole(&text, root), distinct, names: all });
    }
    let mut at = Some(root);
    while let Some(level) = at {
        levels.push(LevelTemplate { template: level.to_owned(), distinct: 1, names: all });
        at = level.split_once('.').map(|(_, parent)| parent);
    }
    levels
}

/// The last labels of a text.
fn tail(left: &str, labels: usize) -> &str {
    left.rmatch_indices('.').nth(labels - 1).map_or(left, |(dot, _)| &left[dot + 1..])
}

/// The names that an expression of the user's matches.
pub(super) fn joined(names: &Names<'_>, root: &str, group: &[u32], number: usize, regex: &Regex) -> Draft {
    let inner = regex.as_str().trim_start_matches('^').trim_end_matches('$');
    let mut draft = counted(names, root, group, &format!("{{joined:{number}}}.{root}"), inner);
    draft.pattern.notes.push(format!("joined by the given expression `{}`", regex.as_str()));
    draft
}

/// Names that are too many and too different to be told one by one.
pub(super) fn rest(names: &Names<'_>, root: &str, group: &[u32]) -> Draft {
    let regex = format!("(?:[a-z0-9_\\-]+\\.)*{}", language::escape(root));
    let mut draft = counted(names, root, group, &format!("{{rest}}.{root}"), &regex);
    draft.pattern.notes.push(
        "too many names without a form of their own to be told one by one; the expression takes every name below the root"
            .to_owned(),
    );
    draft
}

/// The largest patterns, and the others as one.
pub(super) fn at_most(names: &Names<'_>, root: &str, mut drafts: Vec<Draft>, most: usize) -> Vec<Draft> {
    drafts.sort_by(|a, b| {
        (a.pattern.single, b.pattern.distinct, &a.pattern.template).cmp(&(
            b.pattern.single,
            a.pattern.distinct,
            &b.pattern.template,
        ))
    });
    let families = drafts.iter().filter(|draft| !draft.pattern.single).count();
    if families <= most {
        return drafts;
    }
    let others: Vec<Draft> = drafts.drain(most.saturating_sub(1)..families).collect();
    let mut group: Vec<u32> = Vec::new();
    let taken: HashSet<NameIndex, MixBuilder> = others.iter().flat_map(|draft| draft.names.iter().copied()).collect();
    group.extend(names.positions().filter(|&at| taken.contains(&names.rows[at as usize].name)));

    let regex = language::alternatives(others.iter().map(|draft| inner(&draft.pattern.regex)).collect());
    let mut draft = counted(names, root, &group, &format!("{{others}}.{root}"), &regex);
    draft.pattern.notes.push(format!("{} smaller patterns as one", others.len()));
    draft.pattern.language_log10 = sum_log10(&others);

    drafts.push(draft);
    drafts
}

/// Patterns that read alike become one: what a reader cannot tell apart is no two things.
pub(super) fn unite(names: &Names<'_>, root: &str, drafts: Vec<Draft>) -> Vec<Draft> {
    let bare = |template: &str| template.strip_prefix("*.").unwrap_or(template).to_owned();
    let mut by_template: BTreeMap<String, Vec<Draft>> = BTreeMap::new();
    for draft in drafts {
        by_template.entry(bare(&draft.pattern.template)).or_default().push(draft);
    }
    let mut united = Vec::new();
    for (template, mut alike) in by_template {
        if alike.len() == 1 {
            united.append(&mut alike);
            continue;
        }
        alike.sort_by(|a, b| a.pattern.regex.cmp(&b.pattern.regex));
        let taken: HashSet<NameIndex, MixBuilder> =
            alike.iter().flat_map(|draft| draft.names.iter().copied()).collect();
        let group: Vec<u32> = names.positions().filter(|&at| taken.contains(&names.rows[at as usize].name)).collect();
        let regex = language::alternatives(alike.iter().map(|draft| inner(&draft.pattern.regex)).collect());
        let mut whole = counted(names, root, &group, &template, &regex);
        whole.pattern.language_log10 = sum_log10(&alike);
        if alike.iter().any(|draft| draft.pattern.notes.iter().any(|note| note == OVERLAPS)) {
            whole.pattern.notes.push(OVERLAPS.to_owned());
        }
        let first = alike.swap_remove(0);
        whole.pattern.levels = levels(names, root, &first.path, &group);
        whole.pattern.columns = first.pattern.columns;
        whole.path = first.path;
        united.push(whole);
    }
    united
}

/// The expression of a name without its `*.` and anchors.
fn inner(regex: &str) -> String {
    let regex = regex.strip_prefix('^').and_then(|regex| regex.strip_suffix('$')).unwrap_or(regex);
    let bare = regex.strip_prefix("(?:\\*\\.)?").or_else(|| regex.strip_prefix("\\*\\."));
    bare.unwrap_or(regex).to_owned()
}

fn sum_log10(drafts: &[Draft]) -> f64 {
    drafts.iter().map(|draft| 10_f64.powf(draft.pattern.language_log10.min(300.0))).sum::<f64>().log10()
}

/// Says what follows from the figures of a pattern.
pub(super) fn conclude(pattern: &mut Pattern) {
    #[expect(clippy::cast_precision_loss, reason = "a rate and a share")]
    let distinct = pattern.distinct as f64;
    pattern.density = distinct.log2() - pattern.language_log10 * std::f64::consts::LOG2_10;
    if let (Some(first), Some(last)) = (pattern.first_seen, pattern.last_seen) {
        let days = (last.as_second() - first.as_second()) / 86_400;
        if let Ok(days) = u32::try_from(days)
            && days >= 7
        {
            pattern.per_week = Some((distinct * 7.0 / f64::from(days) * 100.0).round() / 100.0);
        }
    }
    let Forms { wildcard, both, .. } = pattern.wildcard;
    if wildcard + both > 0 {
        pattern.notes.push("certificates with `*.` need the DNS-01 challenge".to_owned());
    }
    let shared = pattern.levels.iter().find(|level| level.distinct == 1);
    if let Some(shared) = shared.filter(|_| pattern.distinct >= 3 && !pattern.single) {
        pattern.notes.push(format!(
            "{} names of their own: a CAA record at a name decides that name only; the nearest level that all share is `{}`",
            pattern.distinct, shared.template
        ));
    }
    if let Some(periods) = pattern.periods.filter(|periods| periods.renewals >= 3) {
        let valid = periods.valid_days.map_or_else(String::new, |days| format!(", valid for {days} days each"));
        pattern.notes.push(format!(
            "a name gets a new certificate about every {} days (median of {}{valid})",
            periods.renewal_days, periods.renewals
        ));
    }
    let lets_encrypt = pattern.issuers.iter().any(|issuer| issuer.name.contains("Let's Encrypt"));
    if let Some(rate) = pattern.per_week.filter(|&rate| lets_encrypt && rate > WEEKLY_LIMIT) {
        pattern.notes.push(format!(
            "{rate:.0} new names a week: Let's Encrypt grants a registered domain {WEEKLY_LIMIT:.0} new certificates a week \
             unless it raised the limit"
        ));
    }
}
