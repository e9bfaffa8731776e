//! DNS messages: [`encode`] a question, [`decode`] whatever came back into a [`DnsMessage`].
//!
//! One reader for every message, good or odd. The message type of `hickory-proto` refuses a whole message for one CAA record
//! with a tag over 15 octets, a hyphen in the tag or no data, and for a second OPT; those are the messages this program
//! exists to explain. Where both read a message they must agree: a property test holds them against each other.

mod name;
mod negative;
mod rdata;

pub(super) use negative::negative;

use super::Question;
use crate::caa::{DnsMessage, Ede, EdnsFact, Flags, QuestionEcho, RecordData, RecordFact};

/// Octets of a message header (RFC 1035 §4.1.1).
const HEADER: usize = 12;
/// Class IN.
const CLASS_IN: u16 = 1;
/// The OPT pseudo-record (RFC 6891 §6.1).
const OPT: u16 = 41;
/// The extended DNS error option (RFC 8914 §2).
const OPTION_EDE: u16 = 15;

/// Why octets are no DNS message, or a question no message can carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The octets end where more must follow.
    #[error("ends early, at octet {at}")]
    Short {
        /// Offset in the message.
        at: usize,
    },
    /// A compression pointer that does not lead backwards.
    #[error("a compression pointer at octet {at} leads nowhere")]
    Pointer {
        /// Offset in the message.
        at: usize,
    },
    /// A label type that is neither a label nor a pointer.
    #[error("an unknown label type at octet {at}")]
    LabelType {
        /// Offset in the message.
        at: usize,
    },
    /// A name over 255 octets.
    #[error("a name over 255 octets at octet {at}")]
    NameLength {
        /// Offset in the message.
        at: usize,
    },
    /// The QR bit is not set.
    #[error("a query, not a response")]
    NotAResponse,
    /// Another kind of message.
    #[error("opcode {0}, not a response to a query")]
    Opcode(u8),
    /// The question's name cannot be put on the wire.
    #[error("`{}` is no name a question can carry", name.escape_debug())]
    QuestionName {
        /// The name as given.
        name: String,
    },
}

/// Replaces `out` by the message that asks `question` under `id`.
///
/// # Errors
/// [`WireError::QuestionName`].
pub fn encode(id: u16, question: &Question, out: &mut Vec<u8>) -> Result<(), WireError> {
    // AD in a query says that the AD bit of the answer will be understood (RFC 6840 §5.7).
    let ad = question.recursion_desired;
    let flags = [u8::from(question.recursion_desired), u8::from(ad) << 5 | u8::from(question.checking_disabled) << 4];
    let [high, low] = id.to_be_bytes();
    out.clear();
    out.extend_from_slice(&[high, low, flags[0], flags[1], 0, 1, 0, 0, 0, 0, 0, u8::from(question.edns.is_some())]);
    name::write(&question.name, out)?;
    let ([type_high, type_low], [class_high, class_low]) = (question.rtype.to_be_bytes(), CLASS_IN.to_be_bytes());
    out.extend_from_slice(&[type_high, type_low, class_high, class_low]);
    if let Some(edns) = question.edns {
        let ([opt_high, opt_low], [high, low]) = (OPT.to_be_bytes(), edns.payload.to_be_bytes());
        out.extend_from_slice(&[0, opt_high, opt_low, high, low, 0, 0, u8::from(edns.dnssec_ok) << 7, 0, 0, 0]);
    }
    Ok(())
}

/// Reads a response to `question`.
///
/// What follows the last record is ignored. A message with TC set may end anywhere behind its header: what can be read is
/// given. Records of another class than IN are kept as octets.
///
/// # Errors
/// Octets that are no response, or that end early.
pub fn decode(bytes: &[u8], question: &Question) -> Result<DnsMessage, WireError> {
    let header = Header::read(bytes)?;
    let mut message = DnsMessage {
        rcode: header.rcode,
        flags: header.flags,
        question: QuestionEcho::Missing,
        answers: Vec::new(),
        authority: Vec::new(),
        additional: Vec::new(),
        edns: None,
        octets: bytes.len(),
    };
    match sections(bytes, &header, question, &mut message) {
        Err(_) if header.flags.tc => {}
        other => other?,
    }
    Ok(message)
}

fn sections(bytes: &[u8], header: &Header, question: &Question, message: &mut DnsMessage) -> Result<(), WireError> {
    let mut reader = Reader { message: bytes, at: HEADER };
    message.question = echo(&mut reader, header.counts[0], question)?;
    let [_, answers, authority, additional] = header.counts;
    read_records(&mut reader, answers, &mut message.answers)?;
    read_records(&mut reader, authority, &mut message.authority)?;
    for _ in 0..additional {
        match read_record(&mut reader)? {
            Item::Record(record) => message.additional.push(record),
            Item::Opt { payload, extension, options, .. } => {
                // The first OPT counts; a second one breaks RFC 6891 §6.1.1 but hides nothing.
                if let Some(first) = &mut message.edns {
                    first.repeated = true;
                } else {
                    message.rcode |= u16::from(extension.to_be_bytes()[0]) << 4;
                    message.edns = Some(edns(payload, extension, options));
                }
            }
        }
    }
    Ok(())
}

struct Header {
    rcode: u16,
    flags: Flags,
    counts: [u16; 4],
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, WireError> {
        let header = bytes.get(..HEADER).ok_or(WireError::Short { at: bytes.len() })?;
        let (high, low) = (header[2], header[3]);
        if high & 0x80 == 0 {
            return Err(WireError::NotAResponse);
        }
        let opcode = high >> 3 & 0x0f;
        if opcode != 0 {
            return Err(WireError::Opcode(opcode));
        }
        let count = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        Ok(Self {
            rcode: u16::from(low & 0x0f),
            flags: Flags {
                aa: high & 4 != 0,
                tc: high & 2 != 0,
                rd: high & 1 != 0,
                ra: low & 0x80 != 0,
                ad: low & 0x20 != 0,
                cd: low & 0x10 != 0,
            },
            counts: [count(4), count(6), count(8), count(10)],
        })
    }
}

/// Reads the question section.
fn echo(reader: &mut Reader<'_>, count: u16, question: &Question) -> Result<QuestionEcho, WireError> {
    let mut result = QuestionEcho::Missing;
    for _ in 0..count {
        let start = reader.at;
        let name = same_name(reader, &question.name)?;
        let (rtype, class) = (reader.u16()?, reader.u16()?);
        result = match name {
            Some(echo) if count == 1 && start == HEADER && rtype == question.rtype && class == CLASS_IN => echo,
            _ => QuestionEcho::Other,
        };
    }
    Ok(result)
}

/// Compares the name under the reader with a name in presentation form.
fn same_name(reader: &mut Reader<'_>, asked: &str) -> Result<Option<QuestionEcho>, WireError> {
    // The common case: no escapes, compared in place.
    let (mut rest, mut same, mut folded) = (Some(asked.as_bytes()), true, true);
    if asked.bytes().all(|octet| octet != b'\\') && asked != "." && !asked.ends_with('.') {
        reader.at = name::walk(reader.message, reader.at, |label| {
            let here = rest.unwrap_or_default();
            let (first, left) = here.split_at(label.len().min(here.len()));
            rest = match left {
                [] => None,
                [b'.', left @ ..] => Some(left),
                _ => {
                    folded = false;
                    None
                }
            };
            same &= first == label;
            // A dot within a label would pass for the one between two.
            folded &= first.eq_ignore_ascii_case(label) && !label.contains(&b'.');
        })?;
        folded &= rest.is_none();
    } else {
        let got = reader.name()?;
        let mut wire = Vec::new();
        name::write(asked, &mut wire)?;
        let (asked, _) = name::read(&wire, 0)?;
        same = got == asked;
        folded = got.eq_ignore_ascii_case(&asked);
    }
    Ok(match (folded, same) {
        (true, true) => Some(QuestionEcho::Same),
        (true, false) => Some(QuestionEcho::CaseChanged),
        (false, _) => None,
    })
}

fn read_records(reader: &mut Reader<'_>, count: u16, records: &mut Vec<RecordFact>) -> Result<(), WireError> {
    for _ in 0..count {
        match read_record(reader)? {
            Item::Record(record) => records.push(record),
            // Here an OPT has no place (RFC 6891 §6.1.1): a record that says nothing, but not nothing.
            Item::Opt { owner_at, extension, options, .. } => {
                let (owner, _) = name::read(reader.message, owner_at)?;
                let data = RecordData::Opaque(options.to_vec());
                records.push(RecordFact { owner, rtype: OPT, ttl: extension, data });
            }
        }
    }
    Ok(())
}

enum Item<'a> {
    Record(RecordFact),
    Opt { owner_at: usize, payload: u16, extension: u32, options: &'a [u8] },
}

fn read_record<'a>(reader: &mut Reader<'a>) -> Result<Item<'a>, WireError> {
    let owner_at = reader.at;
    reader.skip_name()?;
    let (rtype, class, ttl, length) = (reader.u16()?, reader.u16()?, reader.u32()?, reader.u16()?);
    let start = reader.at;
    let octets = reader.take(usize::from(length))?;
    if rtype == OPT {
        return Ok(Item::Opt { owner_at, payload: class, extension: ttl, options: octets });
    }
    let (owner, _) = name::read(reader.message, owner_at)?;
    let data = if class == CLASS_IN {
        // Compressed names in the data point into the message before it; nothing after the data is in reach.
        rdata::read(rtype, &mut Reader { message: &reader.message[..reader.at], at: start })
    } else {
        RecordData::Opaque(octets.to_vec())
    };
    Ok(Item::Record(RecordFact { owner, rtype, ttl, data }))
}

fn edns(payload: u16, extension: u32, options: &[u8]) -> EdnsFact {
    let [_, version, flags, _] = extension.to_be_bytes();
    let mut fact = EdnsFact { version, payload, dnssec_ok: flags & 0x80 != 0, ede: Vec::new(), repeated: false };
    let mut reader = Reader { message: options, at: 0 };
    while let (Ok(code), Ok(length)) = (reader.u16(), reader.u16()) {
        let Ok(data) = reader.take(usize::from(length)) else { break };
        if let (OPTION_EDE, [high, low, text @ ..]) = (code, data) {
            // Some servers end the text with a NUL; RFC 8914 §2 has none.
            let text = String::from_utf8_lossy(text).trim_end_matches('\0').to_owned();
            fact.ede.push(Ede { code: u16::from_be_bytes([*high, *low]), text });
        }
    }
    fact
}

/// A place in a message.
struct Reader<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, octets: usize) -> Result<&'a [u8], WireError> {
        let taken = self.message.get(self.at..self.at + octets).ok_or(WireError::Short { at: self.message.len() })?;
        self.at += octets;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, WireError> {
        self.take(1).map(|octets| octets[0])
    }

    fn u16(&mut self) -> Result<u16, WireError> {
        self.take(2).map(|octets| u16::from_be_bytes([octets[0], octets[1]]))
    }

    fn u32(&mut self) -> Result<u32, WireError> {
        self.take(4).map(|octets| u32::from_be_bytes([octets[0], octets[1], octets[2], octets[3]]))
    }

    /// Octets behind a length octet.
    fn counted(&mut self) -> Result<&'a [u8], WireError> {
        let length = self.u8()?;
        self.take(usize::from(length))
    }

    fn name(&mut self) -> Result<String, WireError> {
        let (name, end) = name::read(self.message, self.at)?;
        self.at = end;
        Ok(name)
    }

    fn skip_name(&mut self) -> Result<(), WireError> {
        self.at = name::walk(self.message, self.at, |_| {})?;
        Ok(())
    }

    fn rest(&self) -> &'a [u8] {
        self.message.get(self.at..).unwrap_or_default()
    }

    fn take_rest(&mut self) -> &'a [u8] {
        let rest = self.rest();
        self.at = self.message.len();
        rest
    }

    fn is_at_end(&self) -> bool {
        self.at >= self.message.len()
    }
}

#[cfg(test)]
mod tests;
