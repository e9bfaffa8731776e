//! From issuances to patterns: every name of the tree knows the pattern it is in.

use crate::issuance::{Issuance, Issuances};
use crate::name::{NodeId, SanId};
use crate::pattern::{NameIndex, Observation, Patterns, Settings, Summary, learn};

/// The patterns of a set of names, and the place of each name in them.
#[derive(Debug, Default)]
pub struct Grouped {
    /// The patterns, and what they do not cover.
    pub patterns: Patterns,
    of_node: Vec<Option<NameIndex>>,
}

impl Grouped {
    /// Groups all names of `issued`.
    #[must_use]
    pub fn new(issued: &Issuances, settings: &Settings) -> Self {
        let (summary, of_node) = summarise(issued);
        Self { patterns: learn(&summary, settings), of_node }
    }

    /// No patterns at all: each name stands for itself.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The position of the pattern of a name in [`Patterns::patterns`].
    #[must_use]
    pub fn of(&self, name: SanId) -> Option<usize> {
        self.of_node(name.node())
    }

    /// The position of the pattern of a name, without regard to `*.`.
    #[must_use]
    pub fn of_node(&self, node: NodeId) -> Option<usize> {
        self.patterns.of(self.of_node.get(node.index()).copied().flatten()?)
    }
}

/// The summary of all names and certificates of `issued`, and where each node of its tree is in it.
#[must_use]
pub fn summarise(issued: &Issuances) -> (Summary, Vec<Option<NameIndex>>) {
    let mut summary = Summary::new();
    let mut of_node = vec![None; issued.tree.len()];
    let issuers: Vec<u32> = issued.issuers.iter().map(|issuer| summary.issuer(&issuer.name)).collect();
    let mut certified = vec![false; 2 * issued.tree.len()];
    for issuance in &issued.issuances {
        let certificate = Some(certificate_id(issued, issuance));
        for &name in &issuance.names {
            let row = Observation {
                name: issued.tree.name(name.node()),
                wildcard: name.wildcard(),
                certificate,
                issuer: issuance.issuer.map(|issuer| issuers[issuer.0 as usize]),
                not_before: issuance.not_before,
                not_after: issuance.not_after,
            };
            of_node[name.node().index()] = summary.add(&row);
            certified[2 * name.node().index() + usize::from(name.wildcard())] = true;
        }
    }
    // Names of plain lists are on no certificate that we know of.
    for name in issued.tree.sans() {
        if !certified[2 * name.node().index() + usize::from(name.wildcard())] {
            let text = issued.tree.name(name.node());
            of_node[name.node().index()] = summary.add(&Observation::of_name(text, name.wildcard()));
        }
    }
    (summary, of_node)
}

/// An id that depends on the certificate alone: the same on every machine that reads it.
fn certificate_id(issued: &Issuances, issuance: &Issuance) -> u64 {
    let mut text = Vec::new();
    if let Some(issuer) = issued.issuer(issuance) {
        text.extend_from_slice(issuer.name.as_bytes());
    }
    text.push(0);
    text.extend_from_slice(&issuance.serial);
    if issuance.serial.is_empty() {
        for time in [issuance.not_before, issuance.not_after, issuance.first_logged] {
            text.extend_from_slice(&time.unwrap_or(i64::MIN).to_be_bytes());
        }
        for &name in &issuance.names {
            text.push(u8::from(name.wildcard()));
            text.extend_from_slice(issued.tree.name(name.node()).as_bytes());
        }
    }
    super::levels::stable_hash(&text)
}
