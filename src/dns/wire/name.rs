//! Names on the wire: labels and compression pointers to presentation form and back (RFC 1035 §3.1, §4.1.4, §5.1).

use super::WireError;

/// Octets a name may have on the wire, length octets and the root included (RFC 1035 §2.3.4).
const MAX_WIRE: usize = 255;

/// Reads the name at `start` of `message` into presentation form without the final dot; the root is `.`.
///
/// Gives the text and the offset behind the name. Every pointer must lead to before the place it stands at and before any
/// earlier pointer's target, so reading ends whatever the octets are.
pub(super) fn read(message: &[u8], start: usize) -> Result<(String, usize), WireError> {
    let mut text = String::with_capacity(40);
    let end = walk(message, start, |label| {
        if !text.is_empty() {
            text.push('.');
        }
        push_label(&mut text, label);
    })?;
    if text.is_empty() {
        text.push('.');
    }
    Ok((text, end))
}

/// Passes the labels of the name at `start`, leftmost first, and gives the offset behind it.
pub(super) fn walk(message: &[u8], start: usize, mut label: impl FnMut(&[u8])) -> Result<usize, WireError> {
    let (mut at, mut limit, mut end, mut octets) = (start, start, None, 1);
    loop {
        match *message.get(at).ok_or(WireError::Short { at })? {
            0 => return Ok(end.unwrap_or(at + 1)),
            length @ 1..=63 => {
                let next = at + 1 + usize::from(length);
                octets += 1 + usize::from(length);
                if octets > MAX_WIRE {
                    return Err(WireError::NameLength { at: start });
                }
                label(message.get(at + 1..next).ok_or(WireError::Short { at })?);
                at = next;
            }
            high @ 0xc0.. => {
                let low = *message.get(at + 1).ok_or(WireError::Short { at })?;
                let target = usize::from(high & 0x3f) << 8 | usize::from(low);
                end.get_or_insert(at + 2);
                if target >= limit {
                    return Err(WireError::Pointer { at });
                }
                (at, limit) = (target, target);
            }
            _ => return Err(WireError::LabelType { at }),
        }
    }
}

fn push_label(text: &mut String, label: &[u8]) {
    // Nearly every label stands as it is.
    let plain = |octet: &u8| matches!(octet, 0x21..=0x7e) && !matches!(octet, b'.' | b'\\');
    if let (true, Ok(label)) = (label.iter().all(plain), std::str::from_utf8(label)) {
        return text.push_str(label);
    }
    for &octet in label {
        match octet {
            b'.' | b'\\' => {
                text.push('\\');
                text.push(char::from(octet));
            }
            0x21..=0x7e => text.push(char::from(octet)),
            _ => {
                text.push('\\');
                for digit in [octet / 100, octet / 10 % 10, octet % 10] {
                    text.push(char::from(b'0' + digit));
                }
            }
        }
    }
}

/// Appends the wire form of a name in presentation form: `\.` and `\DDD` are read, case is kept, a final dot is allowed.
///
/// # Errors
/// A text that is no name: an empty or long label, too many octets, a broken escape, a character outside ASCII.
pub(super) fn write(text: &str, out: &mut Vec<u8>) -> Result<(), WireError> {
    let refused = || WireError::QuestionName { name: text.to_owned() };
    let start = out.len();
    if text.bytes().all(|octet| octet.is_ascii() && octet != b'\\') && text != "." && !text.is_empty() {
        return write_plain(text.strip_suffix('.').unwrap_or(text), out).ok_or_else(refused);
    }
    let mut length_at = start;
    out.push(0);
    let mut octets = text.bytes();
    if text == "." {
        octets.next();
    }
    while let Some(octet) = octets.next() {
        match octet {
            b'.' => {
                close_label(out, length_at).ok_or_else(refused)?;
                length_at = out.len();
                out.push(0);
            }
            b'\\' => out.push(unescape(&mut octets).ok_or_else(refused)?),
            0x80.. => return Err(refused()),
            _ => out.push(octet),
        }
    }
    // The label opened last stays empty behind a final dot: it is the root's.
    if out.len() > length_at + 1 || text.is_empty() {
        close_label(out, length_at).ok_or_else(refused)?;
        out.push(0);
    }
    if out.len() - start > MAX_WIRE { Err(refused()) } else { Ok(()) }
}

/// The same for a name without escapes and without a final dot; `None` for a text that is no name.
fn write_plain(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    // The length octet of each label takes the place of the dot before it.
    out.push(0);
    out.extend_from_slice(text.as_bytes());
    let mut length_at = start;
    for at in start + 1..out.len() {
        if out[at] == b'.' {
            out[length_at] = u8::try_from(at - length_at - 1).ok().filter(|length| (1..=63).contains(length))?;
            length_at = at;
        }
    }
    close_label(out, length_at)?;
    out.push(0);
    (out.len() - start <= MAX_WIRE).then_some(())
}

fn close_label(out: &mut [u8], length_at: usize) -> Option<()> {
    let length = out.len() - length_at - 1;
    out[length_at] = u8::try_from(length).ok().filter(|length| (1..=63).contains(length))?;
    Some(())
}

fn unescape(octets: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let first = octets.next()?;
    if !first.is_ascii_digit() {
        return first.is_ascii().then_some(first);
    }
    let value = [Some(first), octets.next(), octets.next()].into_iter().try_fold(0_u16, |value, digit| {
        let digit = digit.filter(u8::is_ascii_digit)?;
        Some(value * 10 + u16::from(digit - b'0'))
    })?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wire(text: &str) -> Result<Vec<u8>, WireError> {
        let mut out = Vec::new();
        write(text, &mut out).map(|()| out)
    }

    #[test]
    fn case_escapes_and_the_final_dot() {
        assert_eq!(wire("aB.c").unwrap(), b"\x02aB\x01c\0");
        assert_eq!(wire("aB.c.").unwrap(), b"\x02aB\x01c\0");
        assert_eq!(wire(".").unwrap(), b"\0");
        assert_eq!(wire("a\\.b\\032c.d").unwrap(), b"\x05a.b c\x01d\0");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long_label = "x".repeat(64);
        let long_name = "abc.".repeat(64);
        for text in ["", "a..b", ".a", "..", "a\\", "a\\25", "a\\256", "é.example", &long_label, &long_name] {
            assert!(wire(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_of_127_labels_is_read_and_one_octet_more_is_not() {
        let name = vec!["a"; 127].join(".");
        let octets = wire(&name).unwrap();
        assert_eq!(octets.len(), 255);
        assert_eq!(read(&octets, 0).unwrap(), (name, 255));
        let mut longer = b"\x01b".to_vec();
        longer.extend(octets);
        assert_eq!(read(&longer, 0), Err(WireError::NameLength { at: 0 }));
    }

    #[test]
    fn pointers_lead_backwards_only() {
        assert_eq!(read(b"\x01a\0\x01b\xc0\0", 3).unwrap(), ("b.a".into(), 7));
        assert_eq!(read(b"\xc0\0", 0), Err(WireError::Pointer { at: 0 }));
        assert_eq!(read(b"\xc0\x02\xc0\0", 0), Err(WireError::Pointer { at: 0 }));
        assert_eq!(read(b"\x01a\xc0\0", 0), Err(WireError::Pointer { at: 2 }));
    }

    proptest! {
        #[test]
        fn any_octets_end(octets in proptest::collection::vec(any::<u8>(), 0..300), start in 0_usize..300) {
            if let Ok((text, end)) = read(&octets, start) {
                prop_assert!(end <= octets.len());
                prop_assert!(wire(&text).is_ok());
            }
        }

        #[test]
        fn what_is_written_is_read(labels in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..20), 0..12)) {
            let mut octets = Vec::new();
            for label in &labels {
                octets.push(u8::try_from(label.len()).unwrap());
                octets.extend(label);
            }
            octets.push(0);
            let (text, _) = read(&octets, 0).unwrap();
            prop_assert_eq!(wire(&text).unwrap(), octets);
        }
    }
}
