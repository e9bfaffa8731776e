//! [`learn`]: from a summary to patterns. Root by root: sample, grow a tree, let every name walk it, say what each end is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use regex::Regex;

use super::certificates;
use super::describe::{self, Draft};
use super::model::{Model, Walk};
use super::periods;
use super::roots::{Names, Sampled};
use super::said::Patterns;
use super::settings::{Detail, Settings};
use super::summary::Summary;
use super::words;

/// Single names of one root that are told one by one; more are one pattern, with a note.
const SINGLES: usize = 1 << 13;
/// Roots whose patterns are kept aside together: of a million roots they take more room than the names do.
const TOGETHER: usize = 1 << 12;

/// Groups the names of a summary. The same summary and settings give the same patterns, whatever the order of rows was and
/// however many threads work.
#[must_use]
pub fn learn(summary: &Summary, settings: &Settings) -> Patterns {
    let join: Vec<Regex> =
        settings.join.iter().filter_map(|regex| Regex::new(&format!("^(?:{})$", regex.as_str())).ok()).collect();
    let roots = &summary.roots.rows;
    let mut order: Vec<usize> = (0..roots.len()).collect();
    order.sort_unstable_by(|&a, &b| roots[a].text.cmp(&roots[b].text));
    let mut result = Patterns { assignment: vec![u32::MAX; summary.count() as usize], ..Patterns::default() };
    let mut paths = Vec::new();
    for some in order.chunks(TOGETHER) {
        let learned = at_once(some, settings.threads, |&root| {
            learn_root(&Names::of(&roots[root]), &roots[root].text, &join, settings)
        });
        for (known, drafts) in some.iter().map(|&root| &roots[root]).zip(learned) {
            if known.rows > known.kept_rows {
                result.uncovered_rows += known.rows - known.kept_rows;
                result.uncovered_roots.push(known.text.clone());
            }
            for draft in drafts {
                let position = u32::try_from(result.patterns.len()).expect("fewer patterns than names");
                for name in draft.names {
                    result.assignment[name.index()] = position;
                }
                result.patterns.push(draft.pattern);
                paths.push(draft.path);
            }
        }
    }
    certificates::count(summary, &mut result, &paths);
    periods::tell(summary, &mut result);
    for pattern in &mut result.patterns {
        describe::conclude(pattern);
    }
    result
}

/// What `work` makes of each root, in their order, by so many threads.
fn at_once<T: Send>(roots: &[usize], threads: usize, work: impl Fn(&usize) -> T + Sync) -> Vec<T> {
    if threads <= 1 || roots.len() == 1 {
        return roots.iter().map(work).collect();
    }
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads.min(64) {
            scope.spawn(|| {
                while let at = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(root) = roots.get(at)
                {
                    let result = work(root);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The patterns of one root, most names first.
fn learn_root(names: &Names<'_>, root: &str, join: &[Regex], settings: &Settings) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let mut free = Vec::new();
    let mut joined: Vec<Vec<u32>> = vec![Vec::new(); join.len()];
    for at in names.positions() {
        let name = || describe::whole(names.left(at), root);
        match join.iter().position(|regex| regex.is_match(&name())) {
            Some(found) => joined[found].push(at),
            None => free.push(at),
        }
    }
    for ((number, regex), group) in (1..).zip(join).zip(joined).filter(|(_, group)| !group.is_empty()) {
        drafts.push(describe::joined(names, root, &group, number, regex));
    }
    match free[..] {
        [] => return drafts,
        [only] if drafts.is_empty() => return vec![describe::lone(names, root, only)],
        _ => {}
    }
    let mut learned = learn_names(names, root, &free, settings);
    if let Some(most) = settings.max_patterns
        && learned.iter().filter(|draft| !draft.pattern.single).count() > most
    {
        if settings.detail != Detail::Low {
            learned = learn_names(names, root, &free, &Settings { detail: Detail::Low, ..settings.clone() });
        }
        learned = describe::at_most(names, root, learned, most);
    }
    drafts.extend(learned);
    drafts.sort_by(|a, b| {
        b.pattern.distinct.cmp(&a.pattern.distinct).then_with(|| a.pattern.template.cmp(&b.pattern.template))
    });
    drafts
}

fn learn_names(names: &Names<'_>, root: &str, among: &[u32], settings: &Settings) -> Vec<Draft> {
    let mut lefts = names.sample(among, settings);
    let mut model = Model::learn(lefts.clone(), settings);
    let (mut ends, mut strays) = pass(&mut model, names, among, &mut Walk::default());
    // Hosts that everybody has are in no family anyway.
    let unknown = strays.iter().filter(|&&at| !words::is_known_host(names.left(at))).count();
    if unknown > 2 {
        // What the sample did not show: learn again with it.
        strays.sort_unstable_by_key(|&at| names.rows[at as usize].hash);
        let more = strays.iter().take(16 * settings.sample);
        lefts.extend(more.map(|&at| Sampled { left: names.left(at), weight: 1.0 }));
        model = Model::learn(lefts, settings);
        (ends, strays) = pass(&mut model, names, among, &mut Walk::default());
    }
    let mut walk = Walk::default();
    strays.sort_unstable_by(|&a, &b| names.left(a).cmp(names.left(b)));
    let rest = strays.split_off(strays.len().min(SINGLES));
    for at in strays {
        let left = names.left(at);
        let end = model.insert(left, &mut walk);
        model.note(left, end, &mut walk);
        ends.resize(model.nodes.len(), Vec::new());
        ends[end as usize].push(at);
    }
    let mut drafts = describe::unite(names, root, describe::drafts(&model, names, root, ends));
    if !rest.is_empty() {
        drafts.push(describe::rest(names, root, &rest));
    }
    drafts
}

/// Lets every name walk the tree: the names that end at each place, and those that leave it.
fn pass(model: &mut Model, names: &Names<'_>, among: &[u32], walk: &mut Walk) -> (Vec<Vec<u32>>, Vec<u32>) {
    let (mut ends, mut strays) = (vec![Vec::new(); model.nodes.len()], Vec::new());
    for &at in among {
        let left = names.left(at);
        if let Some(end) = model.walk(left, walk) {
            model.note(left, end, walk);
            ends[end as usize].push(at);
        } else {
            strays.push(at);
        }
    }
    (ends, strays)
}
