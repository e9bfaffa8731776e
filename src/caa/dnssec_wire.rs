//! The octets of a DNS message as canonical records: what signatures are made over (RFC 4034 §6).
//!
//! Independent of the DNS library, because a signature is over octets and the library gives values. Any bytes give `Ok` or
//! `Err`, never a panic.

use super::rtype;

/// Names in wire form have at most this many octets (RFC 1035 §2.3.4).
const MAX_NAME: usize = 255;
/// Compression pointers followed in one name; a name of 127 labels needs no more.
const MAX_POINTERS: usize = 128;

/// Where in a message a record stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    Answer,
    Authority,
    Additional,
}

/// One record with its names uncompressed and in lower case, where RFC 4034 §6.2 (as amended by RFC 6840 §5.1) asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WireRecord {
    pub(super) section: Section,
    pub(super) owner: Vec<u8>,
    pub(super) rtype: u16,
    pub(super) class: u16,
    pub(super) rdata: Vec<u8>,
}

/// The message does not follow RFC 1035 §4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged;

/// Every record of a message but OPT, in order.
pub(super) fn records(message: &[u8]) -> Result<Vec<WireRecord>, Damaged> {
    let count = |at| u16_at(message, at);
    let (questions, answers, authority, additional) = (count(4)?, count(6)?, count(8)?, count(10)?);
    let mut at = 12;
    for _ in 0..questions {
        at = name(message, at)?.1 + 4;
    }
    let mut records = Vec::new();
    for (section, many) in
        [(Section::Answer, answers), (Section::Authority, authority), (Section::Additional, additional)]
    {
        for _ in 0..many {
            let (owner, after) = name(message, at)?;
            let (rtype, class) = (u16_at(message, after)?, u16_at(message, after + 2)?);
            let length = usize::from(u16_at(message, after + 8)?);
            let start = after + 10;
            let end = start + length;
            if end > message.len() {
                return Err(Damaged);
            }
            if rtype != 41 {
                let rdata = canonical(message, start, end, rtype)?;
                records.push(WireRecord { section, owner, rtype, class, rdata });
            }
            at = end;
        }
    }
    Ok(records)
}

/// RDATA with the names in it uncompressed and lowered.
fn canonical(message: &[u8], start: usize, end: usize, rtype: u16) -> Result<Vec<u8>, Damaged> {
    let inner = |at: usize| {
        let (name, after) = name(message, at)?;
        if after > end { Err(Damaged) } else { Ok((name, after)) }
    };
    let raw = |from: usize| message.get(from..end).ok_or(Damaged);
    let mut out = Vec::with_capacity(end - start);
    match rtype {
        rtype::NS | rtype::CNAME | rtype::DNAME | 12 => out.extend(inner(start)?.0),
        rtype::SOA => {
            let (primary, after) = inner(start)?;
            let (mailbox, after) = inner(after)?;
            out.extend(primary);
            out.extend(mailbox);
            out.extend_from_slice(raw(after)?);
        }
        15 => {
            out.extend_from_slice(message.get(start..start + 2).ok_or(Damaged)?);
            out.extend(inner(start + 2)?.0);
        }
        rtype::RRSIG => {
            out.extend_from_slice(message.get(start..start + 18).ok_or(Damaged)?);
            let (signer, after) = inner(start + 18)?;
            out.extend(signer);
            out.extend_from_slice(raw(after)?);
        }
        _ => out.extend_from_slice(raw(start)?),
    }
    Ok(out)
}

/// The name at an offset, uncompressed and in lower case, and the offset after it.
pub(super) fn name(message: &[u8], mut at: usize) -> Result<(Vec<u8>, usize), Damaged> {
    let (mut out, mut after, mut pointers) = (Vec::new(), None, 0);
    loop {
        let length = *message.get(at).ok_or(Damaged)?;
        match length {
            0 => {
                out.push(0);
                return if out.len() > MAX_NAME { Err(Damaged) } else { Ok((out, after.unwrap_or(at + 1))) };
            }
            1..=63 => {
                let end = at + 1 + usize::from(length);
                out.push(length);
                out.extend(message.get(at + 1..end).ok_or(Damaged)?.iter().map(u8::to_ascii_lowercase));
                at = end;
            }
            0xc0.. => {
                after.get_or_insert(at + 2);
                at = usize::from(u16_at(message, at)? & 0x3fff);
                pointers += 1;
            }
            _ => return Err(Damaged),
        }
        if pointers > MAX_POINTERS || out.len() > MAX_NAME {
            return Err(Damaged);
        }
    }
}

/// A name in presentation form as wire octets in lower case; `None` if it is none.
pub(super) fn from_text(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for label in super::evidence_name::labels(text) {
        let mut octets = Vec::new();
        let mut rest = label.bytes();
        while let Some(byte) = rest.next() {
            octets.push(if byte == b'\\' { escaped(&mut rest)? } else { byte }.to_ascii_lowercase());
        }
        out.push(u8::try_from(octets.len()).ok().filter(|n| (1..=63).contains(n))?);
        out.extend(octets);
    }
    out.push(0);
    (out.len() <= MAX_NAME).then_some(out)
}

fn escaped(rest: &mut std::str::Bytes<'_>) -> Option<u8> {
    let first = rest.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let digits = [first, rest.next()?, rest.next()?];
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

/// The labels of a wire name, leftmost first, without the root label.
pub(super) fn labels(name: &[u8]) -> Vec<&[u8]> {
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(&length) = name.get(at).filter(|&&n| n != 0) {
        let end = at + 1 + usize::from(length);
        let Some(label) = name.get(at + 1..end) else { break };
        out.push(label);
        at = end;
    }
    out
}

/// The wire name made of the last `count` labels of `name`.
pub(super) fn suffix(name: &[u8], count: usize) -> Vec<u8> {
    let all = labels(name);
    let mut out = Vec::new();
    for label in all.iter().skip(all.len().saturating_sub(count)) {
        out.push(u8::try_from(label.len()).unwrap_or(63));
        out.extend_from_slice(label);
    }
    out.push(0);
    out
}

/// The types of an NSEC or NSEC3 bitmap (RFC 4034 §4.1.2).
pub(super) fn bitmap(mut octets: &[u8]) -> Vec<u16> {
    let mut types = Vec::new();
    while let [window, length, rest @ ..] = octets {
        let Some(block) = rest.get(..usize::from(*length).min(32)) else { break };
        for (index, byte) in block.iter().enumerate() {
            for bit in 0..8u16 {
                if byte & (0x80 >> bit) != 0 {
                    types.push(u16::from(*window) * 256 + u16::try_from(index).unwrap_or(0) * 8 + bit);
                }
            }
        }
        octets = &rest[block.len()..];
    }
    types
}

fn u16_at(message: &[u8], at: usize) -> Result<u16, Damaged> {
    match message.get(at..at + 2) {
        Some(&[high, low]) => Ok(u16::from_be_bytes([high, low])),
        _ => Err(Damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_in_rdata_are_uncompressed_and_lowered() {
        // Question `A.b NS`, answer with both names as pointers into it.
        let mut message = vec![0, 1, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0];
        message.extend([1, b'A', 1, b'b', 0, 0, 2, 0, 1]);
        message.extend([0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 60, 0, 4, 1, b'N', 0xc0, 14]);
        let records = records(&message).unwrap();
        assert_eq!(records[0].owner, [1, b'a', 1, b'b', 0]);
        assert_eq!(records[0].rdata, [1, b'n', 1, b'b', 0]);
    }

    #[test]
    fn a_pointer_to_itself_is_damage_and_no_endless_loop() {
        let mut message = vec![0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend([0xc0, 12, 0, 2, 0, 1]);
        assert_eq!(records(&message), Err(Damaged));
    }

    #[test]
    fn presentation_escapes_become_octets() {
        assert_eq!(from_text(r"A\.b\032c.D").unwrap(), [5, b'a', b'.', b'b', b' ', b'c', 1, b'd', 0]);
        assert_eq!(from_text(".").unwrap(), [0]);
        assert_eq!(from_text("a..b"), None);
        assert_eq!(suffix(&from_text("a.b.c").unwrap(), 2), from_text("b.c").unwrap());
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(records) = records(&bytes) {
                for record in records {
                    let _ = (labels(&record.owner), bitmap(&record.rdata));
                }
            }
        }

        #[test]
        fn any_text_is_a_name_or_none(text in "\\PC{0,80}") {
            if let Some(name) = from_text(&text) {
                prop_assert_eq!(suffix(&name, labels(&name).len()), name);
            }
        }
    }
}
