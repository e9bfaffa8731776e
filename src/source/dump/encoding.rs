//! UTF-16, as some shells write what they redirect into a file, recognised by its byte order mark, or by two characters of
//! ASCII without one, and turned into UTF-8.

use std::io::{self, Cursor, Read};

/// Octets taken at a time.
const BLOCK: usize = 64 << 10;

/// The input as it is, or as UTF-8 if it starts like UTF-16.
///
/// # Errors
/// Nothing could be read.
pub(super) fn open(mut input: Box<dyn Read>) -> io::Result<Box<dyn Read>> {
    let mut first = Vec::new();
    input.by_ref().take(4).read_to_end(&mut first)?;
    let ascii = |octet: u8| matches!(octet, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    let (unit, mark): (fn([u8; 2]) -> u16, usize) = match *first.as_slice() {
        [0xff, 0xfe, ..] => (u16::from_le_bytes, 2),
        [0xfe, 0xff, ..] => (u16::from_be_bytes, 2),
        [first, 0, second, 0] if ascii(first) && ascii(second) => (u16::from_le_bytes, 0),
        [0, first, 0, second] if ascii(first) && ascii(second) => (u16::from_be_bytes, 0),
        _ => return Ok(Box::new(Cursor::new(first).chain(input))),
    };
    let input = Box::new(Cursor::new(first.split_off(mark)).chain(input));
    Ok(Box::new(Utf16 { input, unit, pending: Vec::new(), high: None, text: Cursor::default() }))
}

struct Utf16 {
    input: Box<dyn Read>,
    unit: fn([u8; 2]) -> u16,
    /// The first octet of a unit whose second has not come yet.
    pending: Vec<u8>,
    /// The first unit of a pair whose second has not come yet.
    high: Option<u16>,
    text: Cursor<Vec<u8>>,
}

impl Utf16 {
    /// Reads on; `false` at the end. What is no character becomes U+FFFD.
    fn more(&mut self) -> io::Result<bool> {
        let mut block = vec![0; BLOCK];
        let octets = self.input.read(&mut block)?;
        let mut units: Vec<u16> = self.high.take().into_iter().collect();
        if octets == 0 {
            units.extend((!self.pending.is_empty()).then_some(0xdfff));
            self.pending.clear();
        } else {
            self.pending.extend_from_slice(&block[..octets]);
            let whole = self.pending.len() / 2 * 2;
            units.extend(self.pending[..whole].chunks_exact(2).map(|pair| (self.unit)([pair[0], pair[1]])));
            self.pending.drain(..whole);
            self.high = units.pop_if(|last| (0xd800..0xdc00).contains(last));
        }
        let text: String = char::decode_utf16(units).map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        self.text = Cursor::new(text.into_bytes());
        Ok(octets > 0 || !self.text.get_ref().is_empty())
    }
}

impl Read for Utf16 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let octets = self.text.read(buffer)?;
            if octets > 0 || buffer.is_empty() || !self.more()? {
                return Ok(octets);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives a few octets at a time.
    struct Drip(Cursor<Vec<u8>>, usize);

    impl Read for Drip {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = self.1.min(buffer.len());
            self.0.read(&mut buffer[..most])
        }
    }

    fn read(octets: Vec<u8>, at_a_time: usize) -> String {
        let mut text = Vec::new();
        open(Box::new(Drip(Cursor::new(octets), at_a_time))).unwrap().read_to_end(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    proptest! {
        #[test]
        fn any_text_is_read_in_either_order_however_it_comes(text in ".{0,40}", at_a_time in 1..9_usize) {
            let units = || std::iter::once(0xfeff).chain(text.encode_utf16());
            prop_assert_eq!(read(units().flat_map(u16::to_le_bytes).collect(), at_a_time), text.clone());
            prop_assert_eq!(read(units().flat_map(u16::to_be_bytes).collect(), at_a_time), text.clone());
            let plain = || "[{".encode_utf16().chain(text.encode_utf16());
            let expected = format!("[{{{text}");
            prop_assert_eq!(read(plain().flat_map(u16::to_le_bytes).collect(), at_a_time), expected.clone());
            prop_assert_eq!(read(plain().flat_map(u16::to_be_bytes).collect(), at_a_time), expected);
        }

        #[test]
        fn any_octets_are_some_text(octets in proptest::collection::vec(any::<u8>(), 0..80), at_a_time in 1..9_usize) {
            let marked = [&[0xff, 0xfe], &octets[..]].concat();
            let _ = read(marked, at_a_time);
        }
    }
}
