//! What was issued: one [`Issuance`] per certificate event, whoever reported it.
//!
//! Pure: no I/O. Readers hand in a [`Record`], which borrows its texts; a [`Collection`] keeps what counts, merges, and
//! gives [`Issuances`], the same for the same records in whatever order they came.

mod collection;
mod drops;
mod event;
mod handing;
mod issuances;
mod issuer;
mod matching;
mod merge;
mod origins;
#[cfg(test)]
mod tests;
pub mod time;
pub mod x509;

use std::borrow::Cow;

use crate::name::DropClass;

pub(crate) use collection::Told;
pub use collection::{Collection, Counts, Origin};
pub use drops::{Drops, Noticed};
pub use issuances::{Issuance, Issuances};
pub use issuer::{Issuer, canonical_name};

/// One entry of a CT answer, a dump or a log, before merging: what its source said, borrowed where possible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record<'a> {
    /// The entries of the certificate that may be names, as spelled by the source: DNS names, and whatever else it mixes in.
    pub names: Vec<Cow<'a, str>>,
    /// Entries that are known to be no DNS names, with their kind: a certificate tells the kinds of its names apart.
    pub other_names: Vec<(DropClass, Cow<'a, str>)>,
    /// The subject's common name, if told. Not a name of the certificate; noticed when out of scope.
    pub common_name: Option<Cow<'a, str>>,
    /// Issuer as a distinguished name or as the source's friendly name.
    pub issuer: Option<Cow<'a, str>>,
    /// crt.sh's number of the issuer, if told; negative when crt.sh does not know it.
    pub issuer_ca_id: Option<i64>,
    /// CAA domains of the issuer, where the source tells them (Cert Spotter's `issuer.caa_domains`).
    pub caa_domains: Vec<Cow<'a, str>>,
    /// Serial number in hex, any case, leading zeros or not.
    pub serial: Option<Cow<'a, str>>,
    /// SHA-256 of the TBSCertificate as Cert Spotter reports it (without CT extensions), in hex.
    pub tbs_sha256: Option<Cow<'a, str>>,
    /// Start of validity, seconds since 1970 UTC.
    pub not_before: Option<i64>,
    /// End of validity, seconds since 1970 UTC.
    pub not_after: Option<i64>,
    /// When a log or service took the entry, milliseconds since 1970 UTC.
    pub logged: Option<i64>,
    /// Whether this is the precertificate or the final certificate, where the source tells.
    pub form: Option<Form>,
    /// The certificate's own label in a name list: lines with the same label are one certificate.
    pub label: Option<Cow<'a, str>>,
    /// The source gives only those names of the certificate that match a search.
    pub partial: bool,
    /// Names that stand in the certificate but that the source did not give (a bound was reached).
    pub omitted_names: u64,
}

/// Which of the two forms of one certificate event an entry is (RFC 6962 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// With the poison extension.
    Precertificate,
    /// The certificate itself.
    Final,
}

/// Index of an issuer in [`Issuances::issuers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuerId(pub u32);
