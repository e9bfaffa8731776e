//! [`Shard`]: which registered domains one of several machines audits. Pure, and the same everywhere and for ever.

use std::fmt;
use std::str::FromStr;

use crate::name::{DomainName, registered_domain};

/// Shard `index` of `of`, counted from 1: `3/7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    index: u32,
    of: u32,
}

/// A text that is no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no shard; write i/n with i from 1 to n, such as 3/7", text.escape_debug())]
pub struct ShardError {
    text: String,
}

impl Shard {
    /// Everything: shard 1 of 1.
    pub const WHOLE: Self = Self { index: 1, of: 1 };

    /// The number of this shard, from 1.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many shards there are.
    #[must_use]
    pub fn of(self) -> u32 {
        self.of
    }

    /// Whether this shard audits `domain`: decided by its registered domain, so that all names below it stay together.
    #[must_use]
    pub fn holds(self, domain: &DomainName) -> bool {
        self.holds_registered(registered_domain(domain.as_str()).unwrap_or(domain.as_str()))
    }

    /// Whether this shard audits the names of a registered domain, given in canonical form.
    #[must_use]
    pub fn holds_registered(self, registered: &str) -> bool {
        stable_hash(registered) % u64::from(self.of) == u64::from(self.index - 1)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let number = |part: &str| part.parse::<u32>().ok().filter(|_| part.bytes().all(|octet| octet.is_ascii_digit()));
        text.split_once('/')
            .and_then(|(index, of)| Some(Self { index: number(index)?, of: number(of)? }))
            .filter(|shard| (1..=shard.of).contains(&shard.index))
            .ok_or_else(|| ShardError { text: text.chars().take(40).collect() })
    }
}

/// FNV-1a of 64 bits with a final mix (the one of MurmurHash3, so that the low bits depend on every octet).
///
/// Part of the contract: another hash would spread domains differently on machines with different versions.
#[must_use]
pub fn stable_hash(text: &str) -> u64 {
    let mut hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3));
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_one_registered_domain_stay_together() {
        let name = |text: &str| DomainName::parse(text).unwrap();
        for n in 1..=9 {
            let shard: Shard = format!("{n}/9").parse().unwrap();
            assert_eq!(shard.holds(&name("example.co.uk")), shard.holds(&name("a.b.example.co.uk")));
        }
    }

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(stable_hash(""), 0xefd0_1f60_ba99_2926);
        assert_eq!(stable_hash("example.net") % 7, 4);
    }

    #[test]
    fn what_is_no_shard_is_refused() {
        for text in ["", "1", "0/3", "4/3", "1/0", "-1/3", "+1/3", "a/b", "1/2/3", "1/ 3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert_eq!("3/7".parse::<Shard>().unwrap().to_string(), "3/7");
    }

    proptest! {
        #[test]
        fn each_domain_is_in_exactly_one_shard(label in "[a-z]{1,12}", of in 1_u32..40) {
            let name = DomainName::parse(&format!("{label}.example")).unwrap();
            let holders = (1..=of).filter(|index| Shard { index: *index, of }.holds(&name)).count();
            prop_assert_eq!(holders, 1);
        }
    }
}
