//! A 64-bit hash that is the same on every machine and in every release: samples, ids and partial files rest on it.
//!
//! Keyed by content, never by arrival. Not meant to resist somebody who looks for collisions.

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const FACTOR: u64 = 0xd6e8_feb8_6659_fd93;

/// Mixes one word into a state.
pub(super) fn mix(state: u64, word: u64) -> u64 {
    let product = u128::from(state ^ word.wrapping_mul(SEED)) * u128::from(FACTOR | 1);
    #[expect(clippy::cast_possible_truncation, reason = "folding both halves is the point")]
    let folded = (product as u64) ^ ((product >> 64) as u64);
    folded
}

/// The hash of some octets.
pub(super) fn hash(octets: &[u8]) -> u64 {
    let mut state = SEED ^ (octets.len() as u64);
    let (chunks, rest) = octets.as_chunks::<8>();
    for chunk in chunks {
        state = mix(state, u64::from_le_bytes(*chunk));
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        state = mix(state, u64::from_le_bytes(last));
    }
    mix(state, SEED)
}

/// A std hasher over [`mix`], for tables whose order never reaches the output.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mixer(u64);

impl std::hash::Hasher for Mixer {
    fn finish(&self) -> u64 {
        mix(self.0, SEED)
    }

    fn write(&mut self, octets: &[u8]) {
        self.0 = mix(self.0, hash(octets));
    }

    fn write_u8(&mut self, octet: u8) {
        self.0 = mix(self.0, u64::from(octet));
    }

    fn write_u32(&mut self, word: u32) {
        self.0 = mix(self.0, u64::from(word));
    }

    fn write_i64(&mut self, word: i64) {
        self.0 = mix(self.0, word.cast_unsigned());
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = mix(self.0, word);
    }
}

/// Builds [`Mixer`]s.
pub(super) type MixBuilder = std::hash::BuildHasherDefault<Mixer>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_same_in_every_release() {
        assert_eq!(
            [hash(b""), hash(b"a"), hash(b"example.net")],
            [0x7fbb_69e9_0250_e95e, 0xd0f9_ac73_6cad_de60, 0xb224_32e2_29e4_233c]
        );
        assert_ne!(hash(b"a.example.net"), hash(b"b.example.net"));
        assert_ne!(hash(b"a\0"), hash(b"a"));
    }
}
