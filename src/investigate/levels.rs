//! Which names of each pattern are climbed, and which levels that makes: pure, and the same for every order of input.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::{NameTree, NodeId, SanId};

/// The names to climb and the levels to ask.
#[derive(Debug, Default)]
pub struct Selection {
    /// Names to climb with the index of their pattern, in order of their text; a wildcard after its bare name.
    pub names: Vec<(SanId, Option<usize>)>,
    /// Distinct levels to ask, towards the TLD first, then by name.
    pub levels: Vec<NodeId>,
    /// Names that a sample stands for.
    pub sampled: u64,
}

/// What is known of each node of the tree.
#[derive(Debug)]
pub struct LevelCounts {
    stable: Vec<bool>,
    names_below: Vec<u64>,
    asked: Option<NodeId>,
}

impl LevelCounts {
    /// Counts names below every node and marks the stable levels.
    ///
    /// `pattern_of` gives the index of a name's pattern, `stable_labels` how many rightmost labels of each pattern stay
    /// when one-off labels come and go.
    ///
    /// `asked` is a level that stays whether or not a name is known below it, with all its ancestors: the domain asked for.
    pub fn new(
        tree: &NameTree,
        pattern_of: &dyn Fn(SanId) -> Option<usize>,
        stable_labels: &[usize],
        asked: Option<NodeId>,
    ) -> Self {
        let mut facts = Self { stable: vec![false; tree.len()], names_below: vec![0; tree.len()], asked };
        for level in asked.into_iter().flat_map(|asked| tree.levels(asked)) {
            facts.stable[level.index()] = true;
        }
        for san in tree.sans() {
            let stable_labels = pattern_of(san).map_or(usize::MAX, |pattern| stable_labels[pattern]);
            let labels = tree.levels(san.node()).count();
            for (at, node) in tree.levels(san.node()).enumerate() {
                facts.names_below[node.index()] += 1;
                facts.stable[node.index()] |= labels - at <= stable_labels;
            }
        }
        facts
    }

    /// Whether a level stays when one-off labels come and go.
    pub fn stable(&self, node: NodeId) -> bool {
        self.stable[node.index()]
    }

    /// Distinct names at or below a level, `*.` forms counted apart.
    pub fn names_below(&self, node: NodeId) -> u64 {
        self.names_below[node.index()]
    }
}

/// How many rightmost labels of a template are constants, or an enumeration that is written out.
///
/// `*.{base32:52}.xnw6x.example.net` gives 3: `xnw6x.example.net` stays.
#[must_use]
pub fn stable_labels(template: &str) -> usize {
    let mut labels = 0;
    let mut depth = 0_usize;
    let mut variable = false;
    for octet in template.strip_prefix("*.").unwrap_or(template).bytes().rev() {
        match octet {
            b'}' => {
                depth += 1;
                variable = true;
            }
            b'{' => depth = depth.saturating_sub(1),
            // A list of values is as good as constants: `{eu|us}` names levels that stay.
            b'|' if depth > 0 => variable = false,
            b'.' if depth == 0 => {
                if variable {
                    return labels;
                }
                labels += 1;
            }
            _ => {}
        }
    }
    if variable { labels } else { labels + 1 }
}

/// Chooses the names to climb: of each pattern the `sample` names with the smallest hashes, and every name that is itself
/// a stable level; `None` takes all. The levels are those of the chosen names and all stable ones. Where no name is known,
/// the first certificate is wanted: for the domain asked for itself.
pub fn select(
    tree: &NameTree,
    facts: &LevelCounts,
    pattern_of: &dyn Fn(SanId) -> Option<usize>,
    sample: Option<usize>,
) -> Selection {
    let mut selection = Selection::default();
    // Of each pattern the names by hash: the bare and the wildcard form of one name stay or go together.
    let mut chosen: BTreeMap<usize, BTreeMap<u64, Vec<SanId>>> = BTreeMap::new();
    for san in tree.sans() {
        match (sample, pattern_of(san)) {
            (Some(sample), Some(pattern)) if !facts.stable(san.node()) => {
                let names = chosen.entry(pattern).or_default();
                names.entry(stable_hash(tree.name(san.node()).as_bytes())).or_default().push(san);
                if names.len() > sample {
                    names.pop_last();
                }
            }
            (_, pattern) => selection.names.push((san, pattern)),
        }
    }
    for (pattern, names) in chosen {
        selection.names.extend(names.into_values().flatten().map(|san| (san, Some(pattern))));
    }
    selection.sampled = tree.sans().count().saturating_sub(selection.names.len()) as u64;
    if selection.names.is_empty() {
        selection.names.extend(facts.asked.map(|asked| (SanId::new(asked, false), None)));
    }
    selection.names.sort_by_key(|(san, _)| (tree.name(san.node()), san.wildcard()));
    let mut levels: BTreeSet<NodeId> = tree.nodes().filter(|&node| facts.stable(node)).collect();
    levels.extend(selection.names.iter().flat_map(|(san, _)| tree.levels(san.node())));
    selection.levels = levels.into_iter().collect();
    selection.levels.sort_by_key(|&node| (tree.levels(node).count(), tree.name(node)));
    selection
}

/// A hash that is the same in every run and on every machine (FNV-1a, 64 bits): it ranks, it defends nothing.
pub(super) fn stable_hash(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |hash, octet| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::SubjectAltName;

    #[test]
    fn one_off_labels_end_the_stable_part() {
        for (template, expected) in [
            ("*.{base32:52}.xnw6x.example.net", 3),
            ("www.example.net", 3),
            ("{word}-api.example.net", 2),
            ("api.{eu|us}.example.net", 4),
            ("{num}.{eu|us}.example.net", 3),
            ("v{num}.example.co.uk", 3),
            ("example.net", 2),
        ] {
            assert_eq!(stable_labels(template), expected, "{template}");
        }
    }

    fn tree(names: &[String]) -> NameTree {
        let mut tree = NameTree::new();
        for name in names {
            tree.insert(&SubjectAltName::parse(name).unwrap());
        }
        tree
    }

    #[test]
    fn a_sample_of_a_pattern_and_every_stable_level_is_asked() {
        let mut names: Vec<String> = (0..100).map(|n| format!("*.id{n}.xnw6x.example.net")).collect();
        names.extend((0..100).map(|n| format!("id{n}.xnw6x.example.net")));
        names.push("www.example.net".into());
        let selected = |names: &[String]| {
            let tree = tree(names);
            let pattern_of = |san: SanId| Some(usize::from(tree.name(san.node()) == "www.example.net"));
            let facts = LevelCounts::new(&tree, &pattern_of, &[3, 3], None);
            let selection = select(&tree, &facts, &pattern_of, Some(8));
            let texts = |nodes: &[NodeId]| nodes.iter().map(|&n| tree.name(n).to_owned()).collect::<Vec<_>>();
            (texts(&selection.levels), selection.names.len(), selection.sampled)
        };
        let (levels, climbed, sampled) = selected(&names);
        assert_eq!(levels[..4], ["net", "example.net", "www.example.net", "xnw6x.example.net"]);
        assert_eq!((levels.len(), climbed, sampled), (4 + 8, 17, 184));
        names.reverse();
        assert_eq!(selected(&names).0, levels, "the order of input does not matter");
    }

    #[test]
    fn the_domain_asked_for_is_climbed_where_no_name_is_known() {
        let climbed = |names: &[&str]| {
            let mut tree = tree(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
            let asked = tree.insert_level(&crate::name::DomainName::parse("example.net").unwrap());
            let facts = LevelCounts::new(&tree, &|_| None, &[], Some(asked));
            let selection = select(&tree, &facts, &|_| None, Some(8));
            let name = |(san, _): &(SanId, _)| (tree.name(san.node()).to_owned(), san.wildcard());
            (selection.names.iter().map(name).collect::<Vec<_>>(), selection.sampled)
        };
        assert_eq!(climbed(&[]), (vec![("example.net".to_owned(), false)], 0));
        assert_eq!(climbed(&["*.a.example.net"]), (vec![("a.example.net".to_owned(), true)], 0));
    }

    #[test]
    fn names_below_count_both_forms() {
        let tree = tree(&["a.example.net".into(), "*.a.example.net".into(), "b.example.net".into()]);
        let facts = LevelCounts::new(&tree, &|_| None, &[], None);
        let below: Vec<_> = tree.nodes().map(|node| (tree.name(node), facts.names_below(node))).collect();
        assert_eq!(below, [("a.example.net", 2), ("example.net", 3), ("net", 3), ("b.example.net", 1)]);
    }
}
