//! [`Octets`]: which octets of a label are letters and which are digits, a bit for each, so that runs of them are found
//! without a look at each octet.

use super::hash;
use super::token::Token;

/// The classes of up to 64 octets; what is neither a letter nor a digit separates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Octets {
    letters: u64,
    digits: u64,
    len: usize,
}

/// A label with what is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label<'l> {
    pub(super) text: &'l str,
    pub(super) octets: Octets,
    /// Its tokens, where they are needed.
    pub(super) tokens: &'l [Token],
}

impl Octets {
    /// The classes of a label's octets, or of the first 64 of them: of a canonical name no label is longer.
    pub(super) fn of(label: &str) -> Self {
        Self::of_octets(label.as_bytes())
    }

    /// The same of any octets of a canonical name.
    pub(super) fn of_octets(octets: &[u8]) -> Self {
        const EACH: u64 = 0x0101_0101_0101_0101;
        // The lowest bits of eight octets side by side.
        let gather = |word: u64| (word & EACH).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        let octets = &octets[..octets.len().min(64)];
        let (chunks, rest) = octets.as_chunks::<8>();
        let last = (!rest.is_empty()).then(|| hash::word(octets, rest));
        let (mut letters, mut digits) = (0, 0);
        for (at, word) in (0_u32..).zip(chunks.iter().map(|chunk| u64::from_le_bytes(*chunk)).chain(last)) {
            // Of what a canonical name is made of, letters have 0x60 set, digits 0x30 but not 0x40; `-`, `.` and `_`
            // have neither. What is not ASCII is as good as letters: no character of it is cut.
            letters |= gather((word >> 6) & (word >> 5) | (word >> 7)) << (8 * at);
            digits |= gather(!(word >> 6) & (word >> 5) & (word >> 4)) << (8 * at);
        }
        Self { letters, digits, len: octets.len() }
    }

    pub(super) fn len(self) -> usize {
        self.len
    }

    /// How many letters stand from a place on.
    pub(super) fn letters_from(self, at: usize) -> usize {
        run(self.letters, at)
    }

    /// How many digits stand from a place on.
    pub(super) fn digits_from(self, at: usize) -> usize {
        run(self.digits, at)
    }

    /// How many letters and digits stand from a place on.
    pub(super) fn alphanumerics_from(self, at: usize) -> usize {
        run(self.letters | self.digits, at)
    }

    /// Whether letters, and whether digits, are among the octets of a range.
    pub(super) fn among(self, start: usize, end: usize) -> (bool, bool) {
        let range = below(end) & !below(start);
        (self.letters & range != 0, self.digits & range != 0)
    }

    /// The classes of the octets of a range.
    pub(super) fn part(self, start: usize, end: usize) -> Self {
        let mask = below(end);
        let part = |octets: u64| (octets & mask).checked_shr(shift(start)).unwrap_or(0);
        Self { letters: part(self.letters), digits: part(self.digits), len: end - start }
    }

    /// How often letters and digits take turns, where nothing else is.
    pub(super) fn turns(self) -> u32 {
        ((self.digits ^ (self.digits >> 1)) & below(self.len.saturating_sub(1))).count_ones()
    }

    /// Whether the octet at a place is a digit.
    pub(super) fn is_digit(self, at: usize) -> bool {
        self.digits.checked_shr(shift(at)).unwrap_or(0) & 1 == 1
    }

    fn neither(self) -> u64 {
        !(self.letters | self.digits) & below(self.len)
    }

    /// How many octets separate.
    pub(super) fn count_separators(self) -> usize {
        self.neither().count_ones() as usize
    }

    /// Where the octets are that separate.
    pub(super) fn separators(self) -> impl Iterator<Item = usize> {
        let mut left = self.neither();
        std::iter::from_fn(move || {
            let at = (left != 0).then_some(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(at)
        })
    }
}

/// Bits for the octets before a place.
fn below(at: usize) -> u64 {
    1_u64.checked_shl(shift(at)).map_or(u64::MAX, |bit| bit - 1)
}

fn run(octets: u64, at: usize) -> usize {
    octets.checked_shr(shift(at)).unwrap_or(0).trailing_ones() as usize
}

fn shift(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_are_those_that_a_look_at_each_octet_finds(label in "[a-z0-9_-]{0,63}", at in 0_usize..64) {
            let octets = Octets::of(&label);
            let rest = label.get(at..).unwrap_or("");
            let run = |is: fn(&u8) -> bool| rest.as_bytes().iter().take_while(|octet| is(octet)).count();
            prop_assert_eq!(octets.letters_from(at), run(u8::is_ascii_lowercase));
            prop_assert_eq!(octets.digits_from(at), run(u8::is_ascii_digit));
            prop_assert_eq!(octets.alphanumerics_from(at), run(u8::is_ascii_alphanumeric));
            let is_separator = |(_, octet): &(usize, u8)| matches!(octet, b'-' | b'_');
            let separators: Vec<usize> = label.bytes().enumerate().filter(is_separator).map(|(at, _)| at).collect();
            prop_assert_eq!(octets.count_separators(), separators.len());
            prop_assert_eq!(octets.separators().collect::<Vec<_>>(), separators);
            let start = at.min(label.len());
            prop_assert_eq!(octets.part(start, label.len()), Octets::of(&label[start..]));
            let digits: Vec<bool> = label.bytes().map(|octet| octet.is_ascii_digit()).collect();
            if octets.count_separators() == 0 {
                let turns = digits.windows(2).filter(|pair| pair[0] != pair[1]).count();
                prop_assert_eq!(octets.turns() as usize, turns);
            }
            prop_assert_eq!(octets.is_digit(at), digits.get(at).copied().unwrap_or(false));
        }
    }

    #[test]
    fn what_is_longer_than_any_label_does_no_harm() {
        let octets = Octets::of(&"a".repeat(300));
        assert_eq!((octets.letters_from(0), octets.letters_from(64), octets.letters_from(299)), (64, 0, 0));
        assert_eq!(Octets::of("bücher-ß").separators().collect::<Vec<_>>(), [7]);
    }
}
