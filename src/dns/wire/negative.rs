//! The plainest of answers, read where it lies: "no CAA here" or "no such name", with the SOA record of the zone.
//!
//! Of very many levels nearly all are answered so, and [`decode`](super::decode) makes a dozen objects of each. Whatever is
//! a little unusual is left to it; where both read an answer they agree, which a property test holds.

use super::{CLASS_IN, HEADER, Header, OPT, Reader, rdata};
use crate::caa::{RecordData, rcode, rtype};

/// A plain negative answer.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::dns) struct Negative<'a> {
    /// NOERROR or NXDOMAIN.
    pub(in crate::dns) rcode: u16,
    /// The AD bit.
    pub(in crate::dns) authenticated: bool,
    /// The zone: the name asked for or one above it, as it was asked.
    pub(in crate::dns) soa_owner: &'a str,
}

/// Reads a response to the CAA question for `asked`: a name without escapes, repeated to the letter by the server.
pub(in crate::dns) fn negative<'a>(bytes: &[u8], asked: &'a str) -> Option<Negative<'a>> {
    let header = Header::read(bytes).ok()?;
    let [questions, answers, authority, additional] = header.counts;
    let plain = !header.flags.tc && questions == 1 && answers == 0 && additional <= 1;
    if !plain || !matches!(header.rcode, rcode::NOERROR | rcode::NXDOMAIN) {
        return None;
    }
    let mut reader = Reader { message: bytes, at: HEADER };
    repeats(&mut reader, asked)?;
    let mut soa_owner = None;
    for _ in 0..authority {
        let owner_at = reader.at;
        let (kind, class, data) = record(&mut reader)?;
        match kind {
            OPT => return None,
            rtype::SOA if soa_owner.is_none() => {
                let is_soa = matches!(rdata::read(kind, &mut Reader { ..data }), RecordData::Soa { .. });
                soa_owner = Some(pointed_at(bytes, owner_at, asked).filter(|_| class == CLASS_IN && is_soa)?);
            }
            _ => {}
        }
    }
    if additional == 1 && !is_bare_opt(&mut reader)? {
        return None;
    }
    Some(Negative { rcode: header.rcode, authenticated: header.flags.ad, soa_owner: soa_owner? })
}

/// Passes the question if it is that for CAA of `asked`, letter by letter.
fn repeats(reader: &mut Reader<'_>, asked: &str) -> Option<()> {
    let octets = reader.take(asked.len() + 2).ok()?;
    let (mut length, mut rest) = (usize::from(octets[0]), &octets[1..]);
    let mut labels = asked.as_bytes();
    loop {
        let (label, after) = labels.split_at_checked(length).filter(|_| length > 0)?;
        let (got, left) = rest.split_at_checked(length)?;
        if label != got || label.contains(&b'.') || label.contains(&b'\\') {
            return None;
        }
        (length, rest) = (usize::from(*left.first()?), &left[1..]);
        match after {
            [] => break,
            [b'.', after @ ..] => labels = after,
            _ => return None,
        }
    }
    let ends = length == 0 && rest.is_empty();
    (ends && reader.u16().ok()? == rtype::CAA && reader.u16().ok()? == CLASS_IN).then_some(())
}

/// Passes a record and gives its type, its class and its data.
fn record<'a>(reader: &mut Reader<'a>) -> Option<(u16, u16, Reader<'a>)> {
    reader.skip_name().ok()?;
    let (kind, class) = (reader.u16().ok()?, reader.u16().ok()?);
    reader.u32().ok()?;
    let length = reader.u16().ok()?;
    let at = reader.at;
    reader.take(usize::from(length)).ok()?;
    Some((kind, class, Reader { message: &reader.message[..reader.at], at }))
}

/// The name that a pointer into the question names: the one asked for, or one above it.
fn pointed_at<'a>(bytes: &[u8], at: usize, asked: &'a str) -> Option<&'a str> {
    let pointer = u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]);
    let offset = usize::from(pointer.checked_sub(0xc000)?).checked_sub(HEADER)?;
    // The length octet of a label stands where the dot before it would.
    let starts_a_label = offset == 0 || asked.as_bytes().get(offset - 1) == Some(&b'.');
    asked.get(offset..).filter(|owner| starts_a_label && !owner.is_empty())
}

/// Whether a record is an OPT that says nothing more: no error, no option.
fn is_bare_opt(reader: &mut Reader<'_>) -> Option<bool> {
    let owner_at = reader.at;
    let bare = reader.message.get(owner_at + 5..owner_at + 6) == Some(&[0]);
    let (kind, _, data) = record(reader)?;
    Some(kind == OPT && bare && data.is_at_end() && reader.message[owner_at] == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{decode, encode};
    use super::*;
    use crate::caa::{LookupOutcome, Soa, classify};
    use crate::dns::Question;

    const NAME: &str = "a.example.net";

    /// A record: a pointer to this octet as owner, type, data.
    fn push(bytes: &mut Vec<u8>, owner: u8, kind: u16, data: &[u8]) {
        bytes.extend([0xc0, owner]);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 1, 44]);
        bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        bytes.extend(data);
    }

    /// "No CAA" (0) or "no such name" (3) of a server: records of the authority section, then a bare OPT.
    fn message(rcode: u8, records: &[(u8, u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(7, &Question { edns: None, ..Question::to_resolver(NAME) }, &mut bytes).unwrap();
        bytes[2] |= 0x80;
        bytes[3] = 0xa0 | rcode;
        (bytes[9], bytes[11]) = (u8::try_from(records.len()).unwrap(), 1);
        for (owner, kind, data) in records {
            push(&mut bytes, *owner, *kind, data);
        }
        bytes.extend([0, 0, 41, 4, 208, 0, 0, 128, 0, 0, 0]);
        bytes
    }

    /// An SOA of two names in the question and five numbers.
    const SOA: &[u8] = &[0xc0, 14, 0xc0, 12, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5];

    #[test]
    fn the_plain_ones_are_read() {
        for (rcode, owner, zone) in [(0, 12, NAME), (0, 14, "example.net"), (3, 14, "example.net"), (3, 22, "net")] {
            let bytes = message(rcode, &[(12, rtype::NSEC, &[0, 0, 1, 2]), (owner, rtype::SOA, SOA)]);
            let expected = Negative { rcode: rcode.into(), authenticated: true, soa_owner: zone };
            assert_eq!(negative(&bytes, NAME), Some(expected), "{zone}");
        }
    }

    #[test]
    fn what_is_unusual_is_left_to_the_full_reader() {
        let plain = message(0, &[(14, rtype::SOA, SOA)]);
        assert!(negative(&plain, NAME).is_some());
        let changed = |at: usize, octet: u8| {
            let mut bytes = plain.clone();
            assert_ne!(bytes[at], octet);
            bytes[at] = octet;
            bytes
        };
        let opt = plain.len() - 11;
        for (bytes, what) in [
            (changed(2, 0x01), "a query"),
            (changed(2, 0x83), "truncated"),
            (changed(3, 0xa2), "SERVFAIL"),
            (changed(5, 2), "two questions"),
            (changed(7, 1), "an answer"),
            (changed(13, b'A'), "another case"),
            (changed(28, 2), "another type asked"),
            (changed(32, 15), "an owner within a label"),
            (changed(36, 3), "another class"),
            (changed(opt + 2, 1), "no OPT"),
            (changed(opt + 5, 1), "an extended error code"),
            (plain[..opt].to_vec(), "cut"),
            (message(0, &[(14, rtype::NS, &[0xc0, 14])]), "no SOA"),
            (message(0, &[(14, rtype::SOA, &SOA[..20])]), "half an SOA"),
        ] {
            assert_eq!(negative(&bytes, NAME), None, "{what}");
        }
        assert_eq!(negative(&plain, "b.example.net"), None);
        assert_eq!(negative(&plain, "a\\.example.net"), None);
    }

    proptest! {
        /// Damage as it may be: where this reader reads, the other one and the judgement say the same.
        #[test]
        fn both_readers_agree(
            rcode in prop_oneof![Just(0_u8), Just(3)],
            records in proptest::collection::vec((0..3_usize, 0..4_usize, 0..3_usize), 0..4),
            damage in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..3),
            cut in 0..40_usize,
        ) {
            let records: Vec<(u8, u16, &[u8])> = records
                .into_iter()
                .map(|(owner, kind, data)| (
                    [12, 14, 22][owner],
                    [rtype::SOA, rtype::SOA, rtype::NS, rtype::RRSIG][kind],
                    [SOA, SOA, &[0xc0, 14]][data],
                ))
                .collect();
            let mut bytes = message(rcode, &records);
            for (at, octet) in damage {
                let at = usize::from(at) % bytes.len();
                bytes[at] = octet;
            }
            // Most are whole.
            bytes.truncate(bytes.len() - cut.saturating_sub(30).min(bytes.len()));
            if let Some(read) = negative(&bytes, NAME) {
                let message = decode(&bytes, &Question::to_resolver(NAME)).unwrap();
                let classified = classify(NAME, &message);
                let outcome = match read.rcode {
                    rcode::NXDOMAIN => LookupOutcome::NxDomain(Soa::Present),
                    _ => LookupOutcome::NoData(Soa::Present),
                };
                prop_assert_eq!(classified.outcome, outcome);
                prop_assert_eq!(classified.soa_owner, Some(read.soa_owner));
                prop_assert!(classified.aliases.is_empty());
                prop_assert_eq!((message.rcode, message.flags.ad), (read.rcode, read.authenticated));
                prop_assert!(message.edns.is_none_or(|edns| edns.ede.is_empty()));
            }
        }
    }
}
