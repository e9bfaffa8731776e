//! [`Region`]: what is known of the certificates at and below one name, and which of its labels are worth a question.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::super::kinds::{Key, looks};
use super::super::told::hash;
use crate::name::DomainName;

/// Labels asked for below one name at most.
const MAX_CHILDREN: usize = 40;
/// Labels of one look below a name that are a family: there is no use in asking for each.
const FAMILY: usize = 40;
/// Names below a label that are counted.
const COUNTED: usize = 64;

/// What is known of the certificates at and below one name.
#[derive(Debug, Default)]
pub(super) struct Region {
    /// Rows seen by issuer.
    pub(super) issuers: BTreeMap<i64, u64>,
    /// What was seen below each label.
    labels: BTreeMap<Box<str>, Label>,
    /// Issuers left out of the rest.
    pub(super) peeled: Vec<i64>,
    /// Part of it does not fit into an answer, whichever way it is asked for.
    pub(super) open: bool,
}

/// What was seen of one label.
#[derive(Debug, Default)]
struct Label {
    records: u64,
    /// Names below it, as hashes, up to a bound.
    names: BTreeSet<u64>,
}

impl Region {
    /// Issuers that can be left out.
    pub(super) fn known(&self) -> impl Iterator<Item = i64> {
        // A negative number is crt.sh's word for an issuer it does not know; it cannot be left out.
        self.issuers.keys().copied().filter(|&issuer| issuer > 0)
    }

    /// Takes note of a name at or below `own`, the name of this region.
    pub(super) fn meet(&mut self, name: &str, wildcard: bool, own: &DomainName) {
        let Some(before) = name.strip_suffix(own.as_str()).and_then(|rest| rest.strip_suffix('.')) else { return };
        let (deeper, label) = before.rsplit_once('.').unwrap_or(("", before));
        let label = match self.labels.get_mut(label) {
            Some(known) => known,
            None => self.labels.entry(label.into()).or_default(),
        };
        label.records += 1;
        if (wildcard || !deeper.is_empty()) && label.names.len() < COUNTED {
            label.names.insert(hash(&(deeper, wildcard)));
        }
    }

    /// Labels that have names below them and are not one of many alike; those with most names first.
    pub(super) fn worth_asking(&self) -> Vec<Box<str>> {
        let mut families: BTreeMap<Key, (u64, u64)> = BTreeMap::new();
        let parents = || self.labels.iter().filter(|(_, known)| !known.names.is_empty());
        for (label, known) in parents() {
            let (labels, records) = families.entry(looks(label)).or_default();
            (*labels, *records) = (*labels + 1, *records + known.records);
        }
        let stands_out = |label: &str, known: &Label| {
            let (labels, records) = families[&looks(label)];
            labels <= FAMILY as u64 || known.records.saturating_mul(labels) > records.saturating_mul(8)
        };
        let mut worth: Vec<(&Box<str>, &Label)> = parents().filter(|(label, known)| stands_out(label, known)).collect();
        worth.sort_by_key(|(label, known)| (Reverse(known.names.len()), Reverse(known.records), (*label).clone()));
        worth.into_iter().take(MAX_CHILDREN).map(|(label, _)| label.clone()).collect()
    }
}
