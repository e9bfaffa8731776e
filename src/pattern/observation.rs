//! What is added to a [`Summary`](super::Summary), and what it keeps at most.

/// One row of input: a name of a certificate, or of a plain list.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// Canonical name, lower case, without `*.`.
    pub name: &'a str,
    /// Whether `*.` stood before the name.
    pub wildcard: bool,
    /// An id of the certificate that is the same for all rows of it and on all machines, such as part of its hash.
    pub certificate: Option<u64>,
    /// An index that [`Summary::issuer`](super::Summary::issuer) gave.
    pub issuer: Option<u32>,
    /// Start of validity, Unix seconds.
    pub not_before: Option<i64>,
    /// End of validity, Unix seconds.
    pub not_after: Option<i64>,
}

impl<'a> Observation<'a> {
    /// A name from a plain list: nothing is known of a certificate.
    #[must_use]
    pub fn of_name(name: &'a str, wildcard: bool) -> Self {
        Self { name, wildcard, certificate: None, issuer: None, not_before: None, not_after: None }
    }
}

/// What a [`Summary`](super::Summary) keeps at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Distinct names kept under one root; more are counted as overflow.
    pub names_per_root: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { names_per_root: 4 << 20 }
    }
}

/// A distinct name of a [`Summary`](super::Summary): in order of its first row, those of a [`Listed`](super::Listed) root by
/// root. Dense, so it can index a `Vec`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameIndex(pub(super) u32);

impl NameIndex {
    /// The position of the name: 0 for the first one.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
