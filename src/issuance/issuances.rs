//! [`Issuances`]: what was issued, each certificate once.

use std::collections::BTreeMap;

use super::issuer::Issuer;
use super::x509::hex;
use super::{Counts, Drops, IssuerId, Noticed};
use crate::name::{DomainName, NameTree, SanId};

/// One certificate issued; its precertificate and final form count once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuance {
    /// The DNS names in scope, sorted, without repetition, never empty.
    pub names: Box<[SanId]>,
    /// Who issued it, if known.
    pub issuer: Option<IssuerId>,
    /// Start of validity, seconds since 1970 UTC.
    pub not_before: Option<i64>,
    /// End of validity, seconds since 1970 UTC.
    pub not_after: Option<i64>,
    /// First time a log or service took it, milliseconds since 1970 UTC, if told.
    pub first_logged: Option<i64>,
    /// Serial number without leading zeros, empty if not told.
    pub serial: Box<[u8]>,
    /// Whether its precertificate was among the records, where a source tells.
    pub precertificate: bool,
    /// Whether the final certificate was among the records, where a source tells.
    pub final_form: bool,
    /// There are names that no report of all names has; they are kept.
    pub names_differ: bool,
    /// Two records told different validity; the widest is kept.
    pub dates_differ: bool,
    pub(super) origins: u32,
}

impl Issuance {
    /// The serial number in lower-case hex without leading zero octets, if told.
    #[must_use]
    pub fn serial_text(&self) -> Option<String> {
        (!self.serial.is_empty()).then(|| hex(&self.serial))
    }
}

/// Everything that was issued, in an order that depends on the records alone, not on the order they came in.
#[derive(Debug, Clone, Default)]
pub struct Issuances {
    /// The domain asked for; `None` when all names are in scope.
    pub scope: Option<DomainName>,
    /// All names in scope and their levels, numbered by their texts alone.
    pub tree: NameTree,
    /// The issuers, sorted by name.
    pub issuers: Vec<Issuer>,
    /// The certificates, oldest first.
    pub issuances: Vec<Issuance>,
    /// How much came in.
    pub counts: Counts,
    /// Entries that are no DNS names in scope.
    pub drops: Drops,
    /// Records whose common name is a DNS name out of scope; without a scope, below no registered domain of their names.
    pub foreign_common_names: Noticed,
    pub(super) labels: Vec<String>,
    pub(super) sets: Vec<Box<[u32]>>,
}

impl Issuances {
    /// Certificates: a precertificate and its certificate count once.
    #[must_use]
    pub fn certificates(&self) -> u64 {
        self.issuances.len() as u64
    }

    /// Distinct names, `*.` forms counted apart.
    #[must_use]
    pub fn distinct_names(&self) -> u64 {
        self.tree.sans().count() as u64
    }

    /// The sources that reported an issuance, sorted.
    pub fn origins<'a>(&'a self, issuance: &Issuance) -> impl Iterator<Item = &'a str> + use<'a> {
        self.sets[issuance.origins as usize].iter().map(|&label| self.labels[label as usize].as_str())
    }

    /// How many certificates each source reported, by its label.
    #[must_use]
    pub fn certificates_by_origin(&self) -> BTreeMap<&str, u64> {
        let mut by_set = vec![0; self.sets.len()];
        for issuance in &self.issuances {
            by_set[issuance.origins as usize] += 1;
        }
        let mut by_label: BTreeMap<_, _> = self.labels.iter().map(|label| (label.as_str(), 0)).collect();
        for (set, count) in self.sets.iter().zip(by_set) {
            for &label in set {
                *by_label.entry(&self.labels[label as usize]).or_default() += count;
            }
        }
        by_label
    }

    /// Certificates of which reports tell different names, and of which they tell different validity.
    #[must_use]
    pub fn contradictions(&self) -> (u64, u64) {
        let count =
            |differ: fn(&Issuance) -> bool| self.issuances.iter().filter(|issuance| differ(issuance)).count() as u64;
        (count(|issuance| issuance.names_differ), count(|issuance| issuance.dates_differ))
    }

    /// The issuer of an issuance.
    #[must_use]
    pub fn issuer(&self, issuance: &Issuance) -> Option<&Issuer> {
        issuance.issuer.map(|id| &self.issuers[id.0 as usize])
    }
}
