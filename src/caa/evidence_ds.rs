//! The DS records of a reply, in words: what the parent says of a zone's keys.

use super::DsEvidence;
use super::dnssec;
use super::dnssec_wire as wire;

impl DsEvidence {
    /// Key tag, algorithm and digest type of each DS record at `zone`, in the order received; empty where there is none.
    #[must_use]
    pub fn records(&self, zone: &str) -> Vec<String> {
        let Self::Present(bytes) = self else { return Vec::new() };
        let (Ok(records), Some(apex)) = (wire::records(bytes), wire::from_text(zone)) else { return Vec::new() };
        let text = |ds: &dnssec::Ds| format!("{} {} {}", ds.key_tag, ds.algorithm, ds.digest_type);
        dnssec::ds(&records, &apex).iter().map(text).collect()
    }
}
