//! A 64-bit hash that is the same on every machine and in every release: samples, ids and partial files rest on it.
//!
//! Keyed by content, never by arrival. Not meant to resist somebody who looks for collisions.

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const FACTOR: u64 = 0xd6e8_feb8_6659_fd93;

/// Mixes one word into a state.
#[inline]
pub(super) fn mix(state: u64, word: u64) -> u64 {
    let product = u128::from(state ^ word.wrapping_mul(SEED)) * u128::from(FACTOR | 1);
    #[expect(clippy::cast_possible_truncation, reason = "folding both halves is the point")]
    let folded = (product as u64) ^ ((product >> 64) as u64);
    folded
}

/// The hash of some octets.
#[inline]
pub(super) fn hash(octets: &[u8]) -> u64 {
    let mut state = SEED ^ (octets.len() as u64);
    let (chunks, rest) = octets.as_chunks::<8>();
    for chunk in chunks {
        state = mix(state, u64::from_le_bytes(*chunk));
    }
    if !rest.is_empty() {
        state = mix(state, word(octets, rest));
    }
    mix(state, SEED)
}

/// The last one to seven octets as a little-endian word. By whole loads that overlap: to copy so few octets one by one
/// takes longer than all the rest of the hash.
pub(super) fn word(octets: &[u8], rest: &[u8]) -> u64 {
    if let Some(last) = octets.last_chunk::<8>() {
        return u64::from_le_bytes(*last) >> (64 - 8 * rest.len());
    }
    if let (Some(first), Some(last)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << (8 * (rest.len() - 4));
    }
    let (middle, end) = (rest.len() / 2, rest.len() - 1);
    u64::from(rest[0]) | u64::from(rest[middle]) << (8 * middle) | u64::from(rest[end]) << (8 * end)
}

/// A std hasher over [`mix`], for tables whose order never reaches the output.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mixer(u64);

impl std::hash::Hasher for Mixer {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write(&mut self, octets: &[u8]) {
        self.0 = if self.0 == 0 { hash(octets) } else { mix(self.0, hash(octets)) };
    }

    /// What ends a text: the hash knows its length already.
    #[inline]
    fn write_u8(&mut self, octet: u8) {
        self.0 ^= u64::from(octet);
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.0 = mix(self.0, u64::from(word));
    }

    #[inline]
    fn write_i64(&mut self, word: i64) {
        self.0 = mix(self.0, word.cast_unsigned());
    }

    #[inline]
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
        let every_length: Vec<u64> = (0..=17).map(|len| hash(&b"abcdefghijklmnopq"[..len])).collect();
        assert_eq!(every_length.iter().fold(0, |all, &hash| mix(all, hash)), 0x66d9_9fc5_e3f8_7653);
        assert_ne!(hash(b"a.example.net"), hash(b"b.example.net"));
        assert_ne!(hash(b"a\0"), hash(b"a"));
    }
}
