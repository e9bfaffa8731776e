//! Whether NSEC and NSEC3 records prove that a type, or a name, is absent (RFC 4035 §5.4, RFC 5155 §8).
//!
//! Only what the records say; whether their signatures hold is asked elsewhere.

use std::cmp::Ordering;

use ring::digest;

use super::dnssec_wire::{self as wire, Section, WireRecord};
use super::rtype;

/// Iterations above which validators stop hashing and take the zone for unsigned (RFC 9276 §3.2; 150 in BIND, Unbound,
/// PowerDNS and Knot when the RFC was written, 50 in newer releases).
const MAX_ITERATIONS: u16 = 150;

/// What the denial records of a negative answer prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Denial {
    /// The name exists without the type; the types it has, if the record names them.
    NoData(Option<Vec<u16>>),
    /// The name does not exist.
    NxDomain,
    /// The name does not exist, by a record of its own that says so (RFC 9824); answered as NOERROR or NXDOMAIN.
    NxName,
    /// The span is opted out (RFC 5155 §6): the name may be a delegation without DS.
    OptOut,
    /// Hashed so often that validators take the zone for unsigned.
    TooManyIterations,
    /// No NSEC or NSEC3 at all.
    Missing,
    /// Records are there and do not prove what the answer says; what is wrong, in words.
    Contradiction(&'static str),
}

/// What the authority section proves about `qtype` at `name` (wire form, lower case).
pub(super) fn denial(records: &[WireRecord], name: &[u8], qtype: u16, zone: &[u8]) -> Denial {
    let authority = || records.iter().filter(|r| r.section == Section::Authority);
    let nsec: Vec<Nsec> = authority().filter_map(Nsec::read).collect();
    let nsec3: Vec<Nsec3> = authority().filter_map(|r| Nsec3::read(r, zone)).collect();
    if !nsec.is_empty() {
        by_nsec(&nsec, name, qtype, zone)
    } else if !nsec3.is_empty() {
        by_nsec3(&nsec3, name, qtype, zone)
    } else {
        Denial::Missing
    }
}

/// Whether the authority section proves that no name closer than the wildcard matched: `labels` is what the signature over
/// the answer counts (RFC 4035 §5.3.4, RFC 5155 §8.8).
pub(super) fn nothing_closer(records: &[WireRecord], name: &[u8], labels: usize, zone: &[u8]) -> bool {
    let authority = || records.iter().filter(|r| r.section == Section::Authority);
    let by_name = authority().filter_map(Nsec::read).any(|nsec| nsec.covers(name, zone));
    let closer = wire::suffix(name, labels + 1);
    by_name
        || authority().filter_map(|r| Nsec3::read(r, zone)).any(|nsec3| {
            nsec3.iterations > MAX_ITERATIONS || nsec3.covers(&nsec3_hash(&closer, nsec3.iterations, &nsec3.salt))
        })
}

struct Nsec {
    owner: Vec<u8>,
    next: Vec<u8>,
    types: Vec<u16>,
}

impl Nsec {
    fn read(record: &WireRecord) -> Option<Self> {
        if record.rtype != rtype::NSEC {
            return None;
        }
        let (next, end) = wire::name(&record.rdata, 0).ok()?;
        Some(Self { owner: record.owner.clone(), next, types: wire::bitmap(record.rdata.get(end..)?) })
    }

    /// Whether `name` sorts strictly between owner and next (RFC 4034 §6.1); the last record wraps around to the apex.
    fn covers(&self, name: &[u8], zone: &[u8]) -> bool {
        let after_owner = order(&self.owner, name) == Ordering::Less;
        let wraps = self.next == zone || order(&self.next, &self.owner) != Ordering::Greater;
        after_owner && (wraps || order(name, &self.next) == Ordering::Less)
    }
}

fn by_nsec(records: &[Nsec], name: &[u8], qtype: u16, zone: &[u8]) -> Denial {
    if let Some(here) = records.iter().find(|n| n.owner == name) {
        return absent(&here.types, qtype);
    }
    let Some(cover) = records.iter().find(|n| n.covers(name, zone)) else {
        return Denial::Contradiction("no NSEC record matches or covers the name");
    };
    if is_under(&cover.next, name) {
        // An empty non-terminal: names exist below it, so it exists, without any type.
        return Denial::NoData(Some(Vec::new()));
    }
    // The closest encloser is the longest name that the covering record shows to exist.
    let shared = |other: &[u8]| {
        wire::labels(other).iter().rev().zip(wire::labels(name).iter().rev()).take_while(|(a, b)| a == b).count()
    };
    let encloser = wire::suffix(name, shared(&cover.owner).max(shared(&cover.next)));
    let wildcard = [b"\x01*".as_slice(), &encloser].concat();
    if let Some(star) = records.iter().find(|n| n.owner == wildcard) {
        return match absent(&star.types, qtype) {
            Denial::NoData(_) => Denial::NoData(None),
            other => other,
        };
    }
    if records.iter().any(|n| n.covers(&wildcard, zone)) {
        Denial::NxDomain
    } else {
        Denial::Contradiction("no NSEC record denies a wildcard above the name")
    }
}

/// What a bitmap at the name itself says about a type.
fn absent(types: &[u16], qtype: u16) -> Denial {
    /// "This name does not exist" in compact answers (RFC 9824).
    const NXNAME: u16 = 128;
    if types.contains(&qtype) {
        Denial::Contradiction("the denial record at the name lists the very type that the answer says is absent")
    } else if types.contains(&rtype::CNAME) {
        Denial::Contradiction("the denial record at the name lists a CNAME, which the answer leaves out")
    } else if types.contains(&rtype::NS) && !types.contains(&rtype::SOA) && qtype != rtype::DS {
        Denial::Contradiction("the denial record is the parent's, from above the zone cut")
    } else if types.contains(&NXNAME) {
        Denial::NxName
    } else {
        Denial::NoData(Some(types.to_vec()))
    }
}

struct Nsec3 {
    hash: Vec<u8>,
    next: Vec<u8>,
    opt_out: bool,
    iterations: u16,
    salt: Vec<u8>,
    types: Vec<u16>,
}

impl Nsec3 {
    fn read(record: &WireRecord, zone: &[u8]) -> Option<Self> {
        if record.rtype != rtype::NSEC3 {
            return None;
        }
        let labels = wire::labels(&record.owner);
        let under_apex = labels.len() == wire::labels(zone).len() + 1 && is_under(&record.owner, zone);
        let hash = base32hex(labels.first().filter(|_| under_apex)?)?;
        // Only SHA-1 is defined (RFC 5155 §11).
        let [1, flags, high, low, rest @ ..] = record.rdata.as_slice() else { return None };
        let (salt, rest) = counted(rest)?;
        let (next, bitmap) = counted(rest)?;
        Some(Self {
            hash,
            next: next.to_vec(),
            opt_out: flags & 1 == 1,
            iterations: u16::from_be_bytes([*high, *low]),
            salt: salt.to_vec(),
            types: wire::bitmap(bitmap),
        })
    }

    fn covers(&self, hash: &[u8]) -> bool {
        let (owner, next) = (self.hash.as_slice(), self.next.as_slice());
        if owner < next { owner < hash && hash < next } else { hash > owner || hash < next }
    }
}

fn by_nsec3(records: &[Nsec3], name: &[u8], qtype: u16, zone: &[u8]) -> Denial {
    if records.iter().any(|r| r.iterations > MAX_ITERATIONS) {
        return Denial::TooManyIterations;
    }
    let Some(first) = records.first() else { return Denial::Missing };
    // Records with other parameters belong to another chain (RFC 5155 §8.2).
    let chain = || records.iter().filter(|r| (r.iterations, &r.salt) == (first.iterations, &first.salt));
    let hash = |name: &[u8]| nsec3_hash(name, first.iterations, &first.salt);
    let matching = |name: &[u8]| {
        let hash = hash(name);
        chain().find(|r| r.hash == hash)
    };
    let covering = |name: &[u8]| {
        let hash = hash(name);
        chain().find(|r| r.covers(&hash))
    };
    if let Some(here) = matching(name) {
        return absent(&here.types, qtype);
    }
    // Closest encloser: the longest ancestor that has a record of its own (RFC 5155 §8.3).
    let (all, apex) = (wire::labels(name).len(), wire::labels(zone).len());
    let encloser = (apex..all).rev().find(|&count| matching(&wire::suffix(name, count)).is_some());
    let Some(encloser) = encloser else {
        return Denial::Contradiction("no NSEC3 record matches the name or any name above it");
    };
    let Some(cover) = covering(&wire::suffix(name, encloser + 1)) else {
        return Denial::Contradiction("no NSEC3 record matches or covers the name");
    };
    if cover.opt_out {
        return Denial::OptOut;
    }
    let wildcard = [b"\x01*".as_slice(), &wire::suffix(name, encloser)].concat();
    if let Some(star) = matching(&wildcard) {
        return match absent(&star.types, qtype) {
            Denial::NoData(_) => Denial::NoData(None),
            other => other,
        };
    }
    if covering(&wildcard).is_some() {
        Denial::NxDomain
    } else {
        Denial::Contradiction("no NSEC3 record denies a wildcard above the name")
    }
}

/// The hashed owner name (RFC 5155 §5).
fn nsec3_hash(name: &[u8], iterations: u16, salt: &[u8]) -> Vec<u8> {
    let once = |octets: &[u8]| {
        let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        context.update(octets);
        context.update(salt);
        context.finish()
    };
    let mut hash = once(name);
    for _ in 0..iterations {
        hash = once(hash.as_ref());
    }
    hash.as_ref().to_vec()
}

/// Canonical order: by labels from the right, each compared as octets (RFC 4034 §6.1). Names are in lower case already.
fn order(a: &[u8], b: &[u8]) -> Ordering {
    wire::labels(a).iter().rev().cmp(wire::labels(b).iter().rev())
}

pub(super) fn is_under(name: &[u8], ancestor: &[u8]) -> bool {
    let (n, a) = (wire::labels(name), wire::labels(ancestor));
    n.len() > a.len() && n.ends_with(&a)
}

fn counted(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = octets.split_first()?;
    let length = usize::from(*length);
    Some((rest.get(..length)?, rest.get(length..)?))
}

fn base32hex(label: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0u32, 0u32);
    for byte in label {
        let value = match byte.to_ascii_lowercase() {
            digit @ b'0'..=b'9' => digit - b'0',
            letter @ b'a'..=b'v' => letter - b'a' + 10,
            _ => return None,
        };
        held = held << 5 | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(held >> bits & 0xff).ok()?);
            held &= (1 << bits) - 1;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn n(text: &str) -> Vec<u8> {
        wire::from_text(text).unwrap()
    }

    fn nsec(owner: &str, next: &str, types: &[u16]) -> Nsec {
        Nsec { owner: n(owner), next: n(next), types: types.to_vec() }
    }

    #[test]
    fn the_hash_of_rfc_5155_appendix_a_is_reproduced() {
        let hash = nsec3_hash(&n("example"), 12, &[0xaa, 0xbb, 0xcc, 0xdd]);
        assert_eq!(base32hex(b"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom").unwrap(), hash);
    }

    #[test]
    fn nsec_records_prove_what_they_say_and_no_more() {
        let zone = n("bed");
        let at_www = [nsec("www.bed", "bed", &[rtype::A, rtype::RRSIG, rtype::NSEC])];
        assert!(matches!(by_nsec(&at_www, &n("www.bed"), rtype::CAA, &zone), Denial::NoData(Some(_))));
        assert!(matches!(by_nsec(&at_www, &n("www.bed"), rtype::A, &zone), Denial::Contradiction(_)));
        let below = [nsec("bed", "a.b.c.bed", &[rtype::SOA, rtype::NS])];
        assert_eq!(by_nsec(&below, &n("c.bed"), rtype::CAA, &zone), Denial::NoData(Some(vec![])));
        let whole = [nsec("bed", "www.bed", &[rtype::SOA, rtype::NS])];
        assert_eq!(by_nsec(&whole, &n("nothere.bed"), rtype::CAA, &zone), Denial::NxDomain);
        assert!(matches!(by_nsec(&at_www, &n("a.bed"), rtype::CAA, &zone), Denial::Contradiction(_)));
        let upper = [nsec("bed", "cat", &[rtype::NS, rtype::RRSIG])];
        assert!(matches!(by_nsec(&upper, &n("bed"), rtype::CAA, &n(".")), Denial::Contradiction(_)));
    }

    #[test]
    fn a_wildcard_without_the_type_proves_nodata() {
        let records = [nsec("*.bed", "bed", &[rtype::A]), nsec("bed", "*.bed", &[rtype::SOA, rtype::NS])];
        // `x.bed` sorts after `*.bed` and is covered by the last record, whose next is the apex.
        assert_eq!(by_nsec(&records, &n("x.bed"), rtype::CAA, &n("bed")), Denial::NoData(None));
    }

    proptest! {
        #[test]
        fn any_records_give_a_denial(owner in proptest::collection::vec(any::<u8>(), 0..40), rdata in proptest::collection::vec(any::<u8>(), 0..80), three in any::<bool>()) {
            let rtype = if three { rtype::NSEC3 } else { rtype::NSEC };
            let record = WireRecord { section: Section::Authority, owner, rtype, class: 1, rdata };
            let _ = denial(&[record], &n("a.b.bed"), rtype::CAA, &n("bed"));
        }
    }
}
