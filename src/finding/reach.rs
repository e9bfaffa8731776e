//! What a CAA set at each level would decide: which names, of how many certificates, by whom. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::advice::Grounds;
use super::level::LevelFacts;
use crate::issuance::IssuerId;
use crate::name::{DomainName, NodeId, SanId};

/// What a set at one level would decide.
#[derive(Debug, Clone, Default)]
pub(super) struct Decided {
    /// Distinct names, `*.` forms counted apart.
    pub(super) names: u64,
    /// How many of them are wildcards.
    pub(super) wildcards: u64,
    /// Certificates seen with such a name.
    pub(super) certificates: u64,
    /// Certificates and the last start of validity, by issuer.
    pub(super) issuers: BTreeMap<IssuerId, (u64, Option<i64>)>,
    /// Certificates that do not tell their issuer.
    pub(super) unnamed: u64,
    /// Levels below with sets of their own.
    pub(super) shadowed: BTreeSet<DomainName>,
    /// Labels right below that come and go.
    pub(super) one_off: bool,
}

/// The names each candidate would decide: those whose climb meets it before another set.
pub(super) struct Reach {
    /// One a candidate, in their order.
    pub(super) of: Vec<Decided>,
}

impl Reach {
    /// Walks from every name towards the TLD.
    pub(super) fn new(grounds: &Grounds<'_>, candidates: &[&LevelFacts]) -> Self {
        let tree = &grounds.issuances.tree;
        let places: BTreeMap<&DomainName, usize> =
            candidates.iter().enumerate().map(|(place, candidate)| (&candidate.name, place)).collect();
        let mut marks: BTreeMap<NodeId, Mark> = BTreeMap::new();
        let mut of = vec![Decided::default(); candidates.len()];
        for level in grounds.levels {
            let set = !level.set().is_empty();
            if let Some(node) = tree.get(&level.name) {
                marks.insert(node, Mark { candidate: places.get(&level.name).copied(), set });
            }
            if !set && level.stable {
                continue;
            }
            for place in level.name.ancestors().skip(1).filter_map(|ancestor| places.get(&ancestor)) {
                of[*place].one_off |= !level.stable;
                if set {
                    of[*place].shadowed.insert(level.name.clone());
                }
            }
        }
        let met = |node: NodeId, hits: &mut Vec<usize>| {
            for level in tree.levels(node) {
                if let Some(mark) = marks.get(&level) {
                    hits.extend(mark.candidate);
                    if mark.set {
                        break;
                    }
                }
            }
        };
        let mut hits = Vec::new();
        for san in wanted(grounds) {
            hits.clear();
            met(san.node(), &mut hits);
            for hit in &hits {
                of[*hit].names += 1;
                of[*hit].wildcards += u64::from(san.wildcard());
            }
        }
        for issuance in &grounds.issuances.issuances {
            hits.clear();
            issuance.names.iter().for_each(|san| met(san.node(), &mut hits));
            hits.sort_unstable();
            hits.dedup();
            for hit in &hits {
                let decided = &mut of[*hit];
                decided.certificates += 1;
                match issuance.issuer {
                    Some(issuer) => {
                        let (count, last) = decided.issuers.entry(issuer).or_default();
                        *count += 1;
                        *last = (*last).max(issuance.not_before);
                    }
                    None => decided.unnamed += 1,
                }
            }
        }
        Self { of }
    }
}

/// The names that want certificates: those seen, else the domain itself, for which the first one is wanted.
fn wanted<'a>(grounds: &Grounds<'a>) -> impl Iterator<Item = SanId> + use<'a> {
    let tree = &grounds.issuances.tree;
    let domain = grounds.issuances.scope.as_ref().and_then(|scope| tree.get(scope));
    let none_seen = tree.sans().next().is_none();
    tree.sans().chain(domain.filter(|_| none_seen).map(|domain| SanId::new(domain, false)))
}

struct Mark {
    candidate: Option<usize>,
    set: bool,
}
