//! [`Told`]: what an answer tells of the certificates themselves, as far as the next question depends on it.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::issuance::Record;
use crate::name::{DomainName, SanRef};

/// Issuers and certificates of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Rows by crt.sh's number of the issuer.
    pub(super) issuers: BTreeMap<i64, u64>,
    /// The certificates, each as often as it was told.
    pub(super) certificates: Vec<Sketch>,
}

/// One certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sketch {
    /// The same for the precertificate and its certificate.
    pub(super) identity: u64,
    /// Its names at or below the one that was asked for, canonical, and whether `*.` stood before.
    pub(super) names: Vec<(Box<str>, bool)>,
}

impl Sketch {
    /// The sketch of a record for a question about `name`.
    pub(super) fn new(record: &Record<'_>, name: &DomainName) -> Self {
        let sans = record.names.iter().filter_map(|text| SanRef::parse(text).ok());
        let inside = sans.filter(|san| san.is_at_or_below(name));
        let names = inside.map(|san| (san.name().into(), san.wildcard())).collect();
        Self { identity: identity(record), names }
    }
}

/// A number for the certificate of a record: equal for its precertificate, and in every run.
pub(super) fn identity(record: &Record<'_>) -> u64 {
    match &record.serial {
        Some(serial) => hash(&(&record.issuer, serial)),
        None => hash(&(&record.issuer, record.not_before, record.not_after, &record.names)),
    }
}

/// The same for the same value in every run: what is asked next may depend on it.
pub(super) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
