//! DNSSEC by the records themselves: does a DS fit a key, does a signature verify, and when.
//!
//! No validator and no lookups: messages as received and a time go in, facts come out (RFC 4034, RFC 4035 §5).

use ring::{digest, signature};

use super::dnssec_wire::{self as wire, Section, WireRecord};
use super::rtype;

/// Signatures over one set that are tried: a resolver gives up there lest it be kept busy (CVE-2023-50387; Unbound tries 8,
/// BIND fewer).
pub(super) const MAX_SIGNATURES: usize = 8;

/// The digest type of SHA-1 (RFC 4034 §5.1.3).
const SHA1: u8 = 1;

/// Why a set of records in a signed zone cannot be trusted, or that it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum SignatureState {
    /// A signature verifies now.
    Good,
    /// Signed with an algorithm this program cannot check; nothing is claimed.
    NotCheckable,
    /// A signature verifies, but its time is over.
    Expired {
        /// End of validity, seconds since 1970.
        at: u64,
    },
    /// A signature verifies, but its time has not come.
    NotYetValid {
        /// Start of validity, seconds since 1970.
        from: u64,
    },
    /// More signatures than a resolver tries, and none of the first verifies.
    TooMany,
    /// Signatures are there, and none verifies.
    Wrong,
    /// Signatures are there, but by keys the zone does not publish.
    UnknownKey,
    /// No signature.
    Missing,
}

/// How the DS records at the parent and the keys of the zone go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DsState {
    /// A DS fits a key that is there.
    Fits,
    /// DS records this program can read, and none fits.
    NoneFits,
    /// Every DS has an algorithm or digest type that validators skip: the zone counts as unsigned (RFC 4035 §5.2).
    NotCheckable,
}

/// One DNSKEY (RFC 4034 §2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    rdata: Vec<u8>,
}

/// One DS (RFC 4034 §5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ds {
    pub(super) key_tag: u16,
    pub(super) algorithm: u8,
    pub(super) digest_type: u8,
    digest: Vec<u8>,
}

/// The DNSKEY records a message gives for `zone` (wire form).
pub(super) fn keys(records: &[WireRecord], zone: &[u8]) -> Vec<Key> {
    let fits = |r: &&WireRecord| r.rtype == rtype::DNSKEY && r.owner == zone && r.rdata.len() > 4;
    records.iter().filter(fits).map(|r| Key { rdata: r.rdata.clone() }).collect()
}

/// The DS records a message gives for `zone` (wire form).
pub(super) fn ds(records: &[WireRecord], zone: &[u8]) -> Vec<Ds> {
    let read = |r: &WireRecord| match r.rdata.as_slice() {
        [a, b, algorithm, digest_type, digest @ ..] if r.rtype == rtype::DS && r.owner == zone => Some(Ds {
            key_tag: u16::from_be_bytes([*a, *b]),
            algorithm: *algorithm,
            digest_type: *digest_type,
            digest: digest.to_vec(),
        }),
        _ => None,
    };
    records.iter().filter_map(read).collect()
}

impl Key {
    pub(super) fn algorithm(&self) -> u8 {
        self.rdata.get(3).copied().unwrap_or(0)
    }

    /// Zone key, protocol 3, not revoked (RFC 4034 §2.1, RFC 5011 §2.1).
    fn signs_zone(&self) -> bool {
        matches!(self.rdata.as_slice(), [high, low, 3, ..] if high & 1 == 1 && low & 0x80 == 0)
    }

    /// The key tag (RFC 4034 appendix B).
    pub(super) fn tag(&self) -> u16 {
        let mut sum = 0u32;
        for (index, byte) in self.rdata.iter().enumerate() {
            sum = sum.wrapping_add(if index % 2 == 0 { u32::from(*byte) << 8 } else { u32::from(*byte) });
        }
        sum = sum.wrapping_add(sum >> 16);
        u16::try_from(sum & 0xffff).unwrap_or(0)
    }

    fn public(&self) -> &[u8] {
        self.rdata.get(4..).unwrap_or_default()
    }
}

impl Ds {
    /// A DS from its fields.
    pub(super) fn new(key_tag: u16, algorithm: u8, digest_type: u8, digest: &[u8]) -> Self {
        Self { key_tag, algorithm, digest_type, digest: digest.to_vec() }
    }

    /// Whether the digest is over this key. `None`: a digest type this program cannot compute.
    fn is_of(&self, zone: &[u8], key: &Key) -> Option<bool> {
        let algorithm = match self.digest_type {
            SHA1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            2 => &digest::SHA256,
            4 => &digest::SHA384,
            _ => return None,
        };
        let mut context = digest::Context::new(algorithm);
        context.update(zone);
        context.update(&key.rdata);
        Some(context.finish().as_ref() == self.digest)
    }

    fn checkable(&self) -> bool {
        matches!(self.digest_type, SHA1 | 2 | 4) && is_known(self.algorithm)
    }
}

/// Algorithms that validators in use support (RFC 8624 §3.1). Ed448 (16) is among them although it is not verified here.
fn is_known(algorithm: u8) -> bool {
    matches!(algorithm, 5 | 7 | 8 | 10 | 13 | 14 | 15 | 16)
}

/// Whether any DS fits any key, and which keys those are. SHA-1 counts only where nothing stronger is there (RFC 4509 §3).
pub(super) fn match_ds<'k>(zone: &[u8], ds: &[Ds], keys: &'k [Key]) -> (DsState, Vec<&'k Key>) {
    let mut usable: Vec<&Ds> = ds.iter().filter(|d| d.checkable()).collect();
    if usable.iter().any(|d| d.digest_type != SHA1) {
        usable.retain(|d| d.digest_type != SHA1);
    }
    if usable.is_empty() {
        return (DsState::NotCheckable, Vec::new());
    }
    let fits = |key: &&Key| {
        key.signs_zone()
            && usable
                .iter()
                .any(|d| d.key_tag == key.tag() && d.algorithm == key.algorithm() && d.is_of(zone, key) == Some(true))
    };
    let entry: Vec<&Key> = keys.iter().filter(fits).collect();
    (if entry.is_empty() { DsState::NoneFits } else { DsState::Fits }, entry)
}

/// Whether a DS by SHA-1 fits a key, and none by a stronger digest does.
pub(super) fn only_weak_fits(zone: &[u8], ds: &[Ds], keys: &[Key]) -> bool {
    let weak: Vec<Ds> = ds.iter().filter(|d| d.digest_type == SHA1).cloned().collect();
    match_ds(zone, ds, keys).0 == DsState::NoneFits && match_ds(zone, &weak, keys).0 == DsState::Fits
}

/// The state of the signatures over one RRset of a message.
///
/// `zone` is the signer that counts; `now` in seconds since 1970.
pub(super) fn rrset_state(
    records: &[WireRecord],
    section: Section,
    owner: &[u8],
    rtype: u16,
    zone: &[u8],
    keys: &[&Key],
    now: u64,
) -> SignatureState {
    let here = |r: &&WireRecord| r.section == section && r.owner == owner && r.class == 1;
    let mut data: Vec<&[u8]> =
        records.iter().filter(here).filter(|r| r.rtype == rtype).map(|r| r.rdata.as_slice()).collect();
    data.sort_unstable();
    data.dedup();
    let signatures = records.iter().filter(here).filter(|r| r.rtype == rtype::RRSIG).filter_map(Rrsig::read);
    let (mut best, mut tried) = (SignatureState::Missing, 0);
    for signature in signatures.filter(|s| s.covers == rtype && s.signer == zone) {
        let state = signature.state(owner, &data, keys, now);
        if rank(state) < rank(best) {
            best = state;
        }
        tried += usize::from(state == SignatureState::Wrong);
        if tried > MAX_SIGNATURES && best == SignatureState::Wrong {
            return SignatureState::TooMany;
        }
    }
    best
}

/// One good signature is enough; of bad ones the most telling counts.
fn rank(state: SignatureState) -> u8 {
    match state {
        SignatureState::Good => 0,
        SignatureState::NotCheckable => 1,
        SignatureState::Expired { .. } => 2,
        SignatureState::NotYetValid { .. } => 3,
        SignatureState::TooMany | SignatureState::Wrong => 4,
        SignatureState::UnknownKey => 5,
        SignatureState::Missing => 6,
    }
}

struct Rrsig<'a> {
    covers: u16,
    algorithm: u8,
    labels: u8,
    original_ttl: [u8; 4],
    expiration: u32,
    inception: u32,
    key_tag: u16,
    signer: Vec<u8>,
    /// The RDATA up to and without the signature.
    head: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Rrsig<'a> {
    fn read(record: &'a WireRecord) -> Option<Self> {
        let rdata = record.rdata.as_slice();
        let (signer, end) = wire::name(rdata, 18).ok()?;
        let four = |at: usize| rdata.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok());
        let two = |at: usize| rdata.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]]));
        Some(Self {
            covers: two(0)?,
            algorithm: *rdata.get(2)?,
            labels: *rdata.get(3)?,
            original_ttl: four(4)?,
            expiration: u32::from_be_bytes(four(8)?),
            inception: u32::from_be_bytes(four(12)?),
            key_tag: two(16)?,
            signer,
            head: rdata.get(..end)?,
            signature: rdata.get(end..)?,
        })
    }

    fn state(&self, owner: &[u8], data: &[&[u8]], keys: &[&Key], now: u64) -> SignatureState {
        if !is_known(self.algorithm) || self.algorithm == 16 {
            return SignatureState::NotCheckable;
        }
        let mut candidates = keys
            .iter()
            .filter(|k| k.signs_zone() && k.algorithm() == self.algorithm && k.tag() == self.key_tag)
            .peekable();
        if candidates.peek().is_none() {
            return SignatureState::UnknownKey;
        }
        let Some(message) = self.signed_octets(owner, data) else { return SignatureState::Wrong };
        // Key tags collide; a validator tries each key, and so do we, within a bound (CVE-2023-50387).
        let results: Vec<Option<bool>> =
            candidates.take(4).map(|key| verify(self.algorithm, key.public(), &message, self.signature)).collect();
        if !results.contains(&Some(true)) {
            let unknown = results.contains(&None);
            return if unknown { SignatureState::NotCheckable } else { SignatureState::Wrong };
        }
        // Serial arithmetic (RFC 4034 §3.1.5): the instant nearest to now that has these 32 bits.
        let (expiration, inception) = (near(self.expiration, now), near(self.inception, now));
        if expiration < now {
            SignatureState::Expired { at: expiration }
        } else if inception > now {
            SignatureState::NotYetValid { from: inception }
        } else {
            SignatureState::Good
        }
    }

    /// What the signature is made over (RFC 4034 §3.1.8.1).
    fn signed_octets(&self, owner: &[u8], data: &[&[u8]]) -> Option<Vec<u8>> {
        let mut labels = wire::labels(owner);
        // The `*` of a wildcard is not counted in the labels field.
        if labels.first() == Some(&b"*".as_slice()) {
            labels.remove(0);
        }
        let wanted = usize::from(self.labels);
        let name = match labels.len().cmp(&wanted) {
            std::cmp::Ordering::Less => return None,
            std::cmp::Ordering::Equal => owner.to_vec(),
            std::cmp::Ordering::Greater => [b"\x01*".as_slice(), &wire::suffix(owner, wanted)].concat(),
        };
        let mut out = self.head.to_vec();
        for rdata in data {
            out.extend_from_slice(&name);
            out.extend_from_slice(&self.covers.to_be_bytes());
            out.extend_from_slice(&1u16.to_be_bytes());
            out.extend_from_slice(&self.original_ttl);
            out.extend_from_slice(&u16::try_from(rdata.len()).ok()?.to_be_bytes());
            out.extend_from_slice(rdata);
        }
        Some(out)
    }
}

/// How many labels the signature over an answer says the owner has; fewer than it has means a wildcard made the answer.
pub(super) fn signed_labels(records: &[WireRecord], owner: &[u8], rtype: u16) -> Option<usize> {
    let over = |r: &&WireRecord| r.section == Section::Answer && r.rtype == rtype::RRSIG && r.owner == owner;
    records.iter().filter(over).filter_map(Rrsig::read).find(|s| s.covers == rtype).map(|s| usize::from(s.labels))
}

/// The tags of the keys that `zone` signed any records of a message with.
pub(super) fn signing_tags(records: &[WireRecord], zone: &[u8]) -> std::collections::BTreeSet<u16> {
    let signatures = records.iter().filter(|r| r.rtype == rtype::RRSIG).filter_map(Rrsig::read);
    signatures.filter(|s| s.signer == zone).map(|s| s.key_tag).collect()
}

fn near(seconds: u32, now: u64) -> u64 {
    const ERA: u64 = 1 << 32;
    let base = now / ERA * ERA + u64::from(seconds);
    if base > now + ERA / 2 {
        base.saturating_sub(ERA)
    } else if base + ERA / 2 < now {
        base + ERA
    } else {
        base
    }
}

/// Whether a signature verifies. `None`: a kind or size of key this program cannot use.
fn verify(algorithm: u8, public: &[u8], message: &[u8], given: &[u8]) -> Option<bool> {
    let rsa = |parameters: &signature::RsaParameters| {
        let (e, n) = rsa_parts(public)?;
        // Shorter keys and longer exponents are legal in DNSSEC (RFC 3110 §2), but not in the library.
        let usable = (128..=1024).contains(&n.len()) && e.len() <= 4;
        usable.then(|| signature::RsaPublicKeyComponents { n, e }.verify(parameters, message, given).is_ok())
    };
    let bare = |parameters: &'static dyn signature::VerificationAlgorithm, key: &[u8]| {
        Some(signature::UnparsedPublicKey::new(parameters, key).verify(message, given).is_ok())
    };
    // RFC 6605 §4: the key is the bare point, without the octet that says it is uncompressed.
    let point = [&[4], public].concat();
    match algorithm {
        5 | 7 => rsa(&signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY),
        8 => rsa(&signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY),
        10 => rsa(&signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY),
        13 => bare(&signature::ECDSA_P256_SHA256_FIXED, &point),
        14 => bare(&signature::ECDSA_P384_SHA384_FIXED, &point),
        15 => bare(&signature::ED25519, public),
        _ => None,
    }
}

/// Exponent and modulus (RFC 3110 §2), without leading zeros.
fn rsa_parts(public: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match public {
        [0, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        [length, rest @ ..] => (usize::from(*length), rest),
        [] => return None,
    };
    let bare = |octets: &'_ [u8]| octets.iter().position(|b| *b != 0);
    let (exponent, modulus) = (rest.get(..length)?, rest.get(length..)?);
    Some((&exponent[bare(exponent)?..], &modulus[bare(modulus)?..]))
}
