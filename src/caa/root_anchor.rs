//! [`anchoring`]: whether the keys of the root are those that the world trusts.

use super::AuthoritativeView;
use super::dnssec::{self, Ds, DsState, Key};

/// The DS records of the root's keys that IANA publishes (<https://data.iana.org/root-anchors/root-anchors.xml>, RFC 9718):
/// KSK-2017 and KSK-2024, both RSA/SHA-256 with SHA-256 digests.
const ANCHORS: [(u16, [u8; 32]); 2] = [
    (
        20326,
        [
            0xe0, 0x6d, 0x44, 0xb8, 0x0b, 0x8f, 0x1d, 0x39, 0xa9, 0x5c, 0x0b, 0x0d, 0x7c, 0x65, 0xd0, 0x84, 0x58, 0xe8,
            0x80, 0x40, 0x9b, 0xbc, 0x68, 0x34, 0x57, 0x10, 0x42, 0x37, 0xc7, 0xf8, 0xec, 0x8d,
        ],
    ),
    (
        38696,
        [
            0x68, 0x3d, 0x2d, 0x0a, 0xcb, 0x8c, 0x9b, 0x71, 0x2a, 0x19, 0x48, 0xb2, 0x7f, 0x74, 0x12, 0x19, 0x29, 0x8d,
            0x0a, 0x45, 0x0d, 0x61, 0x2c, 0x48, 0x3a, 0xf4, 0x44, 0xa4, 0xc0, 0xfb, 0x2b, 0x16,
        ],
    ),
];

/// What the chain of trust hangs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anchoring {
    /// The root's keys are among the published anchors.
    Anchored,
    /// The servers came from a file: the root is believed for the keys its servers give.
    Private,
    /// The root's servers gave no keys.
    NoKeys,
    /// They gave keys with these tags, and none is a published anchor.
    OtherKeys(Vec<u16>),
}

/// What the chain of trust of a view hangs on.
#[must_use]
pub fn anchoring(view: &AuthoritativeView) -> Anchoring {
    if !view.public_root {
        return Anchoring::Private;
    }
    let keys = super::dnssec_chain::zone_keys(view, ".");
    if keys.is_empty() {
        Anchoring::NoKeys
    } else if anchored(&keys).is_empty() {
        Anchoring::OtherKeys(keys.iter().map(Key::tag).collect())
    } else {
        Anchoring::Anchored
    }
}

/// Those of the root's keys that are published anchors.
pub(super) fn anchored(keys: &[Key]) -> Vec<&Key> {
    let anchors: Vec<Ds> = ANCHORS.iter().map(|(tag, digest)| Ds::new(*tag, 8, 2, digest)).collect();
    match dnssec::match_ds(&[0], &anchors, keys) {
        (DsState::Fits, entry) => entry,
        (DsState::NoneFits | DsState::NotCheckable, _) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::super::dnssec_wire::{Section, WireRecord};
    use super::super::rtype;
    use super::*;

    /// The public keys of the anchors, as the root zone has them.
    const KEYS: [(u16, &str); 2] = [
        (
            20326,
            "AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5\
                 xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUD\
                 K/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM\
                 8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU=",
        ),
        (
            38696,
            "AwEAAa96jeuknZlaeSrvyAJj6ZHv28hhOKkx3rLGXVaC6rXTsDc449/cidltpkyGwCJNnOAlFNKF2jBosZBU5eeHspaQWOmOElZs\
                 jICMQMC3aeHbGiShvZsx4wMYSjH8e7Vrhbu6irwCzVBApESjbUdpWWmEnhathWu1jo+siFUiRAAxm9qyJNg/wOZqqzL/dL/q8Pkc\
                 RU5oUKEpUge71M3ej2/7CPqpdVwuMoTvoB+ZOT4YeGyxMvHmbrxlFzGOHOijtzN+u1TQNatX2XBuzZNQ1K+s2CXkPIZo7s6JgZyv\
                 aBevYtxPvYLw4z9mR7K2vaF18UYH9Z9GNUUeayffKC73PYc=",
        ),
    ];

    fn key(public: &str, flags: u8) -> Key {
        let public = base64::engine::general_purpose::STANDARD.decode(public).unwrap();
        let rdata = [&[1, flags, 3, 8], public.as_slice()].concat();
        let record = WireRecord { section: Section::Answer, owner: vec![0], rtype: rtype::DNSKEY, class: 1, rdata };
        dnssec::keys(&[record], &[0]).remove(0)
    }

    #[test]
    fn the_keys_of_the_root_are_anchored_and_others_are_not() {
        let keys: Vec<Key> = KEYS.iter().map(|(_, public)| key(public, 1)).collect();
        let tags: Vec<u16> = anchored(&keys).into_iter().map(Key::tag).collect();
        assert_eq!(tags, KEYS.map(|(tag, _)| tag));
        assert_eq!(anchored(&keys[1..]).len(), 1);
        // Revoked (RFC 5011 §2.1), or another key of the same algorithm.
        assert!(anchored(&[key(KEYS[0].1, 0x81)]).is_empty());
        let mut other = KEYS[0].1.to_owned();
        other.replace_range(40..41, if &other[40..41] == "A" { "B" } else { "A" });
        assert!(anchored(&[key(&other, 1)]).is_empty());
    }
}
