//! What certificates say of patterns: how many, from whom, and what the names on one certificate have in common.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::describe::{Label, Path};
use super::hash::MixBuilder;
use super::observation::NameIndex;
use super::said::{IssuerCount, Patterns};
use super::summary::{NONE, Summary};

/// Names of one certificate that are compared; with more, only how many there are is told.
const MOST_NAMES: usize = 100;
/// Shapes told a pattern, and shapes counted before the rest is one line.
const TOLD: usize = 5;
const COUNTED: usize = 256;

/// Counts, per pattern, the distinct certificates, their issuers and the shapes of their names.
pub(super) fn count(summary: &Summary, result: &mut Patterns, paths: &[Path]) {
    if summary.certificates.is_empty() {
        return;
    }
    let by_certificate = sorted_names(summary);
    let mut order: Vec<u32> = (0..u32::try_from(summary.certificates.len()).expect("fewer than 2^32")).collect();
    order.sort_unstable_by_key(|&at| summary.certificates[at as usize].id);
    let mut issuers: HashMap<(u32, u32), u64, MixBuilder> = HashMap::default();
    // A certificate with one name, in one form or both, is the usual case: counted without a text.
    let mut plain: HashMap<(u32, u8), u64, MixBuilder> = HashMap::default();
    let mut shapes: BTreeMap<u32, BTreeMap<String, u64>> = BTreeMap::new();
    for at in order {
        let names = by_certificate.of(at);
        let issuer = summary.certificates[at as usize].issuer;
        let pattern_of = |name: u32| result.assignment[(name >> 1) as usize];
        let Some(&first) = names.first() else { continue };
        if names.iter().all(|name| name >> 1 == first >> 1) {
            let forms = names.iter().fold(0, |forms, name| forms | 1 << (name & 1));
            *plain.entry((pattern_of(first), forms)).or_default() += 1;
            count_one(&mut result.patterns, &mut issuers, pattern_of(first), issuer);
            continue;
        }
        let patterns: BTreeSet<u32> = names.iter().map(|&name| pattern_of(name)).collect();
        let text = if names.len() > MOST_NAMES {
            format!("{} and more names", names.len() / 100 * 100)
        } else {
            shape(summary, result, paths, names)
        };
        for pattern in patterns {
            count_one(&mut result.patterns, &mut issuers, pattern, issuer);
            let counted = shapes.entry(pattern).or_default();
            if counted.len() < COUNTED || counted.contains_key(&text) {
                *counted.entry(text.clone()).or_default() += 1;
            }
        }
    }
    for ((pattern, issuer), certificates) in issuers {
        let name = summary.issuers[issuer as usize].clone();
        result.patterns[pattern as usize].issuers.push(IssuerCount { name, certificates });
    }
    for ((pattern, forms), certificates) in plain {
        let text = one_name(&result.patterns[pattern as usize].template, forms);
        *shapes.entry(pattern).or_default().entry(text).or_default() += certificates;
    }
    for pattern in &mut result.patterns {
        pattern.issuers.sort_by(|a, b| b.certificates.cmp(&a.certificates).then_with(|| a.name.cmp(&b.name)));
    }
    for (pattern, counted) in shapes {
        let mut counted: Vec<(String, u64)> = counted.into_iter().collect();
        counted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counted.truncate(TOLD);
        let lines = counted.into_iter().map(|(text, certificates)| format!("{certificates}: {text}"));
        result.patterns[pattern as usize].shapes = lines.collect();
    }
}

fn count_one(
    patterns: &mut [super::said::Pattern],
    issuers: &mut HashMap<(u32, u32), u64, MixBuilder>,
    pattern: u32,
    issuer: u32,
) {
    patterns[pattern as usize].certificates += 1;
    if issuer != NONE {
        *issuers.entry((pattern, issuer)).or_default() += 1;
    }
}

/// The names of each certificate, sorted and without repeats.
struct ByCertificate {
    starts: Vec<u32>,
    names: Vec<u32>,
    counts: Vec<u32>,
}

impl ByCertificate {
    fn of(&self, certificate: u32) -> &[u32] {
        let start = self.starts[certificate as usize] as usize;
        &self.names[start..start + self.counts[certificate as usize] as usize]
    }
}

fn sorted_names(summary: &Summary) -> ByCertificate {
    let mut starts = vec![0_u32; summary.certificates.len() + 1];
    let kept = || summary.edges.iter().filter(|(_, name)| summary.kept(NameIndex(name >> 1)));
    for &(certificate, _) in kept() {
        starts[certificate as usize + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut names = vec![0; starts[starts.len() - 1] as usize];
    let mut counts = vec![0_u32; summary.certificates.len()];
    for &(certificate, name) in kept() {
        let at = certificate as usize;
        names[(starts[at] + counts[at]) as usize] = name;
        counts[at] += 1;
    }
    for at in 0..counts.len() {
        let all = &mut names[starts[at] as usize..(starts[at] + counts[at]) as usize];
        all.sort_unstable();
        let mut unique = 0;
        for next in 0..all.len() {
            if next == 0 || all[next] != all[unique - 1] {
                all[unique] = all[next];
                unique += 1;
            }
        }
        counts[at] = u32::try_from(unique).expect("no more than before");
    }
    ByCertificate { starts, names, counts }
}

fn one_name(template: &str, forms: u8) -> String {
    let bare = template.strip_prefix("*.").unwrap_or(template);
    match forms {
        1 => bare.to_owned(),
        2 => format!("*.{bare}"),
        _ => format!("{bare} and *.{bare}, the same name"),
    }
}

/// The names of one certificate with equal labels as equal letters: `{a}.x.example and *.{a}.x.example, same a`.
fn shape(summary: &Summary, result: &Patterns, paths: &[Path], names: &[u32]) -> String {
    let root_of = |name: u32| summary.root_of(NameIndex(name >> 1)).text.len();
    let mut rows: Vec<(u32, u32, &str, &str)> = names
        .iter()
        .map(|&name| {
            let text = summary.name(NameIndex(name >> 1));
            let (left, root) = text.split_at(text.len() - root_of(name));
            (result.assignment[(name >> 1) as usize], name & 1, left.trim_end_matches('.'), root)
        })
        .collect();
    rows.sort_unstable();
    let mut letters: Vec<(&str, usize)> = Vec::new();
    let mut shown: Vec<String> = Vec::new();
    for (pattern, wildcard, left, root) in rows {
        let labels = left.rsplit('.');
        let mut parts: Vec<String> = Vec::new();
        for (label, text) in paths[pattern as usize].iter().zip(labels) {
            match label {
                Label::Const(text) => parts.push(text.clone()),
                Label::Family(family) => {
                    let at = letters.iter().position(|(known, _)| *known == text).unwrap_or_else(|| {
                        letters.push((text, 0));
                        letters.len() - 1
                    });
                    letters[at].1 += 1;
                    parts.push(bound(&family.template, &letter(at)));
                }
            }
        }
        parts.reverse();
        parts.push(root.to_owned());
        shown.push(format!("{}{}", if wildcard == 1 { "*." } else { "" }, parts.join(".")));
    }
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    let same: Vec<String> =
        letters.iter().enumerate().filter(|(_, (_, uses))| *uses > 1).map(|(at, _)| letter(at)).collect();
    for line in shown {
        // A letter that stands once binds nothing.
        let mut line = line;
        for (at, (_, uses)) in letters.iter().enumerate() {
            if *uses == 1 {
                line = line.replace(&format!("{{{}}}", letter(at)), "{}");
            }
        }
        *lines.entry(line).or_default() += 1;
    }
    let lines = lines.into_iter().map(|(line, count)| if count > 1 { format!("{count} of {line}") } else { line });
    let text = lines.collect::<Vec<_>>().join(" and ");
    if same.is_empty() { text } else { format!("{text}, same {}", same.join(", ")) }
}

/// The label's template with its one variable named; the whole label where it has more than one.
fn bound(template: &str, letter: &str) -> String {
    match (template.split_once('{'), template.split_once('}')) {
        (Some((before, _)), Some((_, after))) if !after.contains('{') => format!("{before}{{{letter}}}{after}"),
        _ => format!("{{{letter}}}"),
    }
}

fn letter(at: usize) -> String {
    match u8::try_from(at) {
        Ok(at) if at < 26 => char::from(b'a' + at).to_string(),
        _ => format!("v{at}"),
    }
}
