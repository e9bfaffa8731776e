//! [`Event`]: one certificate event while records come in, and what makes two records the same one.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hash, Hasher};

use super::origins::NO_ORIGINS;
use super::{Form, IssuerId, Record};
use crate::name::SanId;

/// What makes two records the same certificate; the strongest one that the record allows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Identity {
    /// The serial number, unique below an issuer (RFC 5280 §4.1.2.2).
    Serial(Box<[u8]>),
    /// SHA-256 of the TBSCertificate without CT extensions.
    Tbs(Box<[u8]>),
    /// The label of a name list.
    Label(Box<str>),
    /// Issuer, validity and names, where nothing better is told.
    Content,
    /// When it was logged, and names, where not even the validity is told.
    Logged(i64),
}

/// One certificate event while records come in.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) identity: Identity,
    pub(super) issuer: Option<IssuerId>,
    /// Sorted, without repetition.
    pub(super) names: Box<[SanId]>,
    pub(super) tbs: Option<Box<[u8]>>,
    pub(super) not_before: Option<i64>,
    pub(super) not_after: Option<i64>,
    pub(super) first_logged: Option<i64>,
    pub(super) precertificate: bool,
    pub(super) final_form: bool,
    /// Most names that one report told that tells all of them; 0 if none does.
    pub(super) whole: usize,
    pub(super) dates_differ: bool,
    pub(super) origins: u32,
}

impl Event {
    /// The event that a record tells of, with its names in scope, sorted and without repetition.
    pub(super) fn new(identity: Identity, record: &Record<'_>, issuer: Option<IssuerId>, names: &[SanId]) -> Self {
        Self {
            identity,
            issuer,
            names: names.into(),
            tbs: record.tbs_sha256.as_deref().map(octets_of_hex),
            not_before: record.not_before,
            not_after: record.not_after,
            first_logged: record.logged,
            precertificate: record.form == Some(Form::Precertificate),
            final_form: record.form == Some(Form::Final),
            whole: if record.partial { 0 } else { names.len() },
            dates_differ: false,
            origins: NO_ORIGINS,
        }
    }

    /// Takes over what another report of the same certificate says.
    ///
    /// The outcome does not depend on the order: names are joined, and the validity is the widest told.
    pub(super) fn join(&mut self, other: Event) {
        self.whole = self.whole.max(other.whole);
        if self.names != other.names {
            let mut names = std::mem::take(&mut self.names).into_vec();
            names.extend_from_slice(&other.names);
            names.sort_unstable();
            names.dedup();
            self.names = names.into();
        }
        self.dates_differ |=
            other.dates_differ || differ(self.not_before, other.not_before) || differ(self.not_after, other.not_after);
        self.not_before = self.not_before.into_iter().chain(other.not_before).min();
        self.not_after = self.not_after.max(other.not_after);
        self.first_logged = self.first_logged.into_iter().chain(other.first_logged).min();
        self.precertificate |= other.precertificate;
        self.final_form |= other.final_form;
        if self.tbs.is_none() || (other.tbs.is_some() && other.tbs < self.tbs) {
            self.tbs = other.tbs.or(self.tbs.take());
        }
    }
}

impl Event {
    /// Whether reports contradict each other: there are names that no report of all names has.
    pub(super) fn names_differ(&self) -> bool {
        // Lines of a list bring one name each: that they differ is their nature.
        !matches!(self.identity, Identity::Label(_)) && self.whole > 0 && self.names.len() > self.whole
    }
}

fn differ(one: Option<i64>, other: Option<i64>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one != other)
}

/// `None` for a record of a plain name list: a name without any certificate.
pub(super) fn identity(record: &Record<'_>) -> Option<Identity> {
    let told = |text: &Option<Cow<'_, str>>| text.as_deref().filter(|text| !text.is_empty()).map(octets_of_hex);
    if let Some(serial) = told(&record.serial) {
        let zeros = serial.iter().take_while(|&&octet| octet == 0).count().min(serial.len().saturating_sub(1));
        return Some(Identity::Serial(serial[zeros..].into()));
    }
    if let Some(tbs) = told(&record.tbs_sha256) {
        return Some(Identity::Tbs(tbs));
    }
    if let Some(label) = &record.label {
        return Some(Identity::Label(label.as_ref().into()));
    }
    if record.not_before.is_some() || record.not_after.is_some() || record.issuer.is_some() {
        return Some(Identity::Content);
    }
    record.logged.map(Identity::Logged)
}

/// The octets of a hex text of even or odd length; another text stands for itself, so that nothing merges by accident.
fn octets_of_hex(text: &str) -> Box<[u8]> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let Some(digits) = digits else { return text.as_bytes().into() };
    let (first, rest) = digits.split_at(digits.len() % 2);
    first.iter().copied().chain(rest.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1])).collect()
}

/// A hash of the key of an event.
pub(super) fn key_hash(hasher: &foldhash::fast::RandomState, event: &Event) -> u64 {
    let mut state = hasher.build_hasher();
    (&event.identity, event.issuer).hash(&mut state);
    match event.identity {
        Identity::Serial(_) | Identity::Tbs(_) | Identity::Label(_) => {}
        Identity::Content => (event.not_before, event.not_after, &event.names).hash(&mut state),
        Identity::Logged(_) => event.names.hash(&mut state),
    }
    state.finish()
}

/// Whether two events have the same key.
pub(super) fn same_key(one: &Event, other: &Event) -> bool {
    (&one.identity, one.issuer) == (&other.identity, other.issuer)
        && match one.identity {
            Identity::Serial(_) | Identity::Tbs(_) | Identity::Label(_) => true,
            Identity::Content => {
                (one.not_before, one.not_after, &one.names) == (other.not_before, other.not_after, &other.names)
            }
            Identity::Logged(_) => one.names == other.names,
        }
}
