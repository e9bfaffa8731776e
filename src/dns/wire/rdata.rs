//! The data of one resource record to [`RecordData`]. Data that does not follow its type's form stays octets.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Reader, WireError};
use crate::caa::{CaaRecord, RecordData, rtype};

/// Reads the data between the reader's place and the end of its message.
pub(super) fn read(kind: u16, data: &mut Reader<'_>) -> RecordData {
    let octets = data.rest();
    typed(kind, data).ok().flatten().filter(|_| data.is_at_end()).unwrap_or_else(|| RecordData::Opaque(octets.to_vec()))
}

fn typed(kind: u16, data: &mut Reader<'_>) -> Result<Option<RecordData>, WireError> {
    Ok(Some(match kind {
        rtype::CAA => return Ok(CaaRecord::from_rdata(data.take_rest()).map(RecordData::Caa)),
        rtype::CNAME => RecordData::Cname(data.name()?),
        rtype::DNAME => RecordData::Dname(data.name()?),
        rtype::NS => RecordData::Ns(data.name()?),
        rtype::SOA => {
            data.skip_name()?;
            data.skip_name()?;
            let serial = data.u32()?;
            data.take(12)?;
            RecordData::Soa { serial, minimum: data.u32()? }
        }
        rtype::A => RecordData::Address(Ipv4Addr::from(data.u32()?).into()),
        rtype::AAAA => {
            let octets: [u8; 16] = data.take(16)?.try_into().expect("16 octets were taken");
            RecordData::Address(Ipv6Addr::from(octets).into())
        }
        rtype::DS => RecordData::Ds {
            key_tag: data.u16()?,
            algorithm: data.u8()?,
            digest_type: data.u8()?,
            digest: data.take_rest().to_vec(),
        },
        rtype::DNSKEY => {
            let rdata = data.rest().to_vec();
            let (flags, _protocol, algorithm) = (data.u16()?, data.u8()?, data.u8()?);
            data.take_rest();
            RecordData::Dnskey { flags, algorithm, key_tag: key_tag(&rdata, algorithm), rdata }
        }
        rtype::RRSIG => RecordData::Rrsig {
            covers: data.u16()?,
            algorithm: data.u8()?,
            labels: data.u8()?,
            original_ttl: data.u32()?,
            expiration: data.u32()?,
            inception: data.u32()?,
            key_tag: data.u16()?,
            signer: data.name()?,
            signature: data.take_rest().to_vec(),
        },
        rtype::NSEC => RecordData::Nsec { next: data.name()?, types: type_bitmaps(data)? },
        rtype::NSEC3 => {
            let (_algorithm, flags, iterations) = (data.u8()?, data.u8()?, data.u16()?);
            let salt = data.counted()?.to_vec();
            let next_hash = data.counted()?.to_vec();
            RecordData::Nsec3 { flags, iterations, salt, next_hash, types: type_bitmaps(data)? }
        }
        _ => return Ok(None),
    }))
}

/// The types of NSEC and NSEC3 (RFC 4034 §4.1.2), ascending as sent.
fn type_bitmaps(data: &mut Reader<'_>) -> Result<Vec<u16>, WireError> {
    let mut types = Vec::new();
    while !data.is_at_end() {
        let window = u16::from(data.u8()?) << 8;
        for (position, octet) in (0_u16..).zip(data.counted()?) {
            if position >= 32 {
                return Err(WireError::Short { at: 0 });
            }
            types.extend((0..8).filter(|bit| octet & (0x80 >> bit) != 0).map(|bit| window | position << 3 | bit));
        }
    }
    Ok(types)
}

/// The key tag of a DNSKEY (RFC 4034 appendix B).
fn key_tag(rdata: &[u8], algorithm: u8) -> u16 {
    if algorithm == 1 {
        // RSA/MD5 takes two octets of the modulus (appendix B.1).
        return match rdata {
            [.., high, low, _] => u16::from_be_bytes([*high, *low]),
            _ => 0,
        };
    }
    let sum: u32 =
        rdata.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0))).sum();
    // The sum of 16-bit halves, end-around carry added once: what is above 16 bits is cut on purpose.
    u16::try_from((sum + (sum >> 16)) & 0xffff).expect("16 bits were kept")
}
