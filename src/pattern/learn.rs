//! [`learn`]: from a summary to patterns. Per root: sample, grow a tree, let every name walk it, say what each end is.

use std::collections::{BTreeMap, HashMap};

use super::hash::{self, MixBuilder};
use super::language;
use super::model::{Model, Walk};
use super::render::{self, Rendered};
use super::said::{Forms, IssuerCount, Pattern, Patterns};
use super::settings::Settings;
use super::summary::{BARE, NONE, NameIndex, Summary, WILDCARD};
use super::token;

/// Groups the names of a summary. The same summary and settings give the same patterns, whatever the order of rows was.
#[must_use]
pub fn learn(summary: &Summary, settings: &Settings) -> Patterns {
    let mut by_root: Vec<Vec<u32>> = vec![Vec::new(); summary.roots.len()];
    for name in summary.names() {
        by_root[summary.names[name.index()].root as usize].push(name.0);
    }
    let mut roots: Vec<usize> = (0..by_root.len()).collect();
    roots.sort_unstable_by(|&a, &b| summary.roots[a].text.cmp(&summary.roots[b].text));
    let mut result = Patterns { assignment: vec![u32::MAX; summary.names.len()], ..Patterns::default() };
    for root in roots {
        let overflow = summary.roots[root].rows - summary.roots[root].kept_rows;
        if overflow > 0 {
            result.uncovered_rows += overflow;
            result.uncovered_roots.push(summary.roots[root].text.clone());
        }
        let (groups, mut drafts) = learn_root(summary, &summary.roots[root].text, &by_root[root], settings);
        let mut order: Vec<usize> = (0..drafts.len()).collect();
        order.sort_by(|&a, &b| {
            drafts[b].distinct.cmp(&drafts[a].distinct).then_with(|| drafts[a].template.cmp(&drafts[b].template))
        });
        for at in order {
            let position = u32::try_from(result.patterns.len()).expect("fewer patterns than names");
            for &name in &groups[at] {
                result.assignment[name as usize] = position;
            }
            result.patterns.push(std::mem::take(&mut drafts[at]));
        }
    }
    count_certificates(summary, &mut result);
    result
}

fn left_of(summary: &Summary, name: u32) -> &str {
    let text = summary.name(NameIndex(name));
    let root = usize::from(summary.names[name as usize].root_octets);
    text[..text.len() - root].trim_end_matches('.')
}

/// The names to learn from: of each skeleton those with the smallest hashes.
fn sample<'s>(summary: &'s Summary, names: &[u32], settings: &Settings) -> Vec<&'s str> {
    let mut keys: HashMap<u64, Vec<(u64, u32)>, MixBuilder> = HashMap::default();
    let mut tokens = Vec::new();
    for &name in names {
        let key = skeleton(left_of(summary, name), &mut tokens);
        let kept = keys.entry(key).or_default();
        kept.push((summary.names[name as usize].hash, name));
        if kept.len() >= 2 * settings.sample {
            kept.select_nth_unstable(settings.sample);
            kept.truncate(settings.sample);
        }
    }
    let mut chosen = Vec::new();
    for mut kept in keys.into_values() {
        kept.sort_unstable();
        kept.truncate(settings.sample);
        chosen.extend(kept.into_iter().map(|(_, name)| left_of(summary, name)));
    }
    chosen
}

/// The context-free key of a name: what its tokens are, the width of the long ones.
fn skeleton(left: &str, tokens: &mut Vec<token::Token>) -> u64 {
    let mut key = 0;
    for label in left.split('.').filter(|label| !label.is_empty()) {
        tokens.clear();
        token::tokenize(label, tokens);
        key = hash::mix(key, 0);
        for token in tokens.iter() {
            let width = if token.len > 12 { token.len } else { 0 };
            key = hash::mix(key, (token.kind as u64 + 1) << 8 | u64::from(width));
        }
    }
    key
}

fn learn_root(summary: &Summary, root: &str, names: &[u32], settings: &Settings) -> (Vec<Vec<u32>>, Vec<Pattern>) {
    let mut lefts = sample(summary, names, settings);
    let mut model = Model::learn(lefts.clone(), settings);
    let (mut walk, mut steps) = (Walk::default(), Vec::new());
    let mut strays: Vec<u32> = names
        .iter()
        .copied()
        .filter(|&name| model.walk(left_of(summary, name), &mut walk, &mut steps).is_none())
        .collect();
    if !strays.is_empty() {
        strays.sort_unstable_by_key(|&name| summary.names[name as usize].hash);
        lefts.extend(strays.iter().take(16 * settings.sample).map(|&name| left_of(summary, name)));
        model = Model::learn(lefts, settings);
    }
    let mut ends: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut rest = Vec::new();
    for &name in names {
        let left = left_of(summary, name);
        match model.walk(left, &mut walk, &mut steps) {
            Some(end) => {
                model.note(left, end, &steps, &mut walk);
                ends.entry(end).or_default().push(name);
            }
            None => rest.push(name),
        }
    }
    rest.sort_unstable_by(|&a, &b| left_of(summary, a).cmp(left_of(summary, b)));
    for name in rest {
        let end = model.insert(left_of(summary, name), &mut walk);
        model.nodes[end as usize].names += 1;
        ends.entry(end).or_default().push(name);
    }
    let mut paths = Vec::new();
    collect(&model, 0, &mut Vec::new(), &mut paths);
    let (mut groups, mut drafts) = (Vec::new(), Vec::new());
    for (end, path) in paths {
        let group = ends.remove(&end).unwrap_or_default();
        if group.is_empty() {
            continue;
        }
        drafts.push(draft(summary, root, &path, &group));
        groups.push(group);
    }
    (groups, drafts)
}

/// One label of a path: a constant, or a rendered edge.
#[derive(Debug, Clone)]
enum Label {
    Const(String),
    Family(std::rc::Rc<Rendered>),
}

fn collect(model: &Model, at: u32, path: &mut Vec<Label>, paths: &mut Vec<(u32, Vec<Label>)>) {
    let node = &model.nodes[at as usize];
    if node.names > 0 {
        paths.push((at, path.clone()));
    }
    let mut constants: Vec<_> = node.constants.iter().collect();
    constants.sort_unstable();
    for (label, &child) in constants {
        path.push(Label::Const(label.to_string()));
        collect(model, child, path, paths);
        path.pop();
    }
    for (edge_at, edge) in node.edges.iter().enumerate() {
        path.push(Label::Family(std::rc::Rc::new(render::edge(node, edge_at))));
        collect(model, edge.node, path, paths);
        path.pop();
    }
}

fn draft(summary: &Summary, root: &str, path: &[Label], group: &[u32]) -> Pattern {
    let (mut template, mut regex, mut columns, mut size) = (String::new(), String::new(), Vec::new(), 0.0);
    for label in path.iter().rev() {
        match label {
            Label::Const(text) => {
                template.push_str(text);
                regex.push_str(&language::escape(text));
            }
            Label::Family(family) => {
                template.push_str(&family.template);
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
    let mut forms = Forms::default();
    let (mut first, mut last) = (i64::MAX, i64::MIN);
    for &name in group {
        let row = &summary.names[name as usize];
        match row.seen & (BARE | WILDCARD) {
            BARE => forms.bare += 1,
            WILDCARD => forms.wildcard += 1,
            _ => forms.both += 1,
        }
        first = first.min(row.first);
        last = last.max(row.last);
    }
    let id = format!("{:016x}", hash::hash(format!("{root}\n{template}").as_bytes()));
    let star = match forms {
        Forms { wildcard: 0, both: 0, .. } => "",
        Forms { bare: 0, both: 0, .. } => "\\*\\.",
        _ => "(?:\\*\\.)?",
    };
    if forms.bare == 0 && forms.both == 0 {
        template.insert_str(0, "*.");
    }
    let distinct = group.len() as u64;
    Pattern {
        id,
        root: root.to_owned(),
        template,
        regex: format!("^{star}{regex}$"),
        names: forms.bare + forms.wildcard + 2 * forms.both,
        distinct,
        wildcard: forms,
        first_seen: jiff::Timestamp::from_second(first).ok(),
        last_seen: jiff::Timestamp::from_second(last).ok(),
        examples: examples(summary, group),
        columns,
        single: path.iter().all(|label| matches!(label, Label::Const(_))),
        language_log10: size,
        ..Pattern::default()
    }
}

/// The names with the smallest hashes.
fn examples(summary: &Summary, group: &[u32]) -> Vec<String> {
    let mut chosen: Vec<(u64, u32)> = group.iter().map(|&name| (summary.names[name as usize].hash, name)).collect();
    if chosen.len() > 3 {
        chosen.select_nth_unstable(3);
        chosen.truncate(3);
    }
    chosen.sort_unstable();
    chosen
        .into_iter()
        .map(|(_, name)| {
            let star = if summary.names[name as usize].seen & BARE == 0 { "*." } else { "" };
            format!("{star}{}", summary.name(NameIndex(name)))
        })
        .collect()
}

/// Counts, per pattern, the distinct certificates and their issuers.
fn count_certificates(summary: &Summary, result: &mut Patterns) {
    let mut pairs: Vec<(u32, u32)> = summary
        .edges
        .iter()
        .map(|&(certificate, name)| (result.assignment[(name >> 1) as usize], certificate))
        .filter(|&(pattern, _)| pattern != u32::MAX)
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    for of_pattern in pairs.chunk_by(|a, b| a.0 == b.0) {
        let mut issuers: BTreeMap<&str, u64> = BTreeMap::new();
        for &(_, certificate) in of_pattern {
            let issuer = summary.certificates[certificate as usize].issuer;
            if issuer != NONE {
                *issuers.entry(&summary.issuers[issuer as usize]).or_default() += 1;
            }
        }
        let pattern = &mut result.patterns[of_pattern[0].0 as usize];
        pattern.certificates = of_pattern.len() as u64;
        pattern.issuers = issuers
            .into_iter()
            .map(|(name, certificates)| IssuerCount { name: name.to_owned(), certificates })
            .collect();
        pattern.issuers.sort_by(|a, b| b.certificates.cmp(&a.certificates).then_with(|| a.name.cmp(&b.name)));
    }
}
