//! [`DnsMessage`]: a DNS message reduced to the facts that outcomes and causes are decided from.
//!
//! Plain data without any type of a DNS library: the `dns` room fills it, this room reads it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::CaaRecord;

/// Record types this program speaks of (IANA "Resource Record (RR) TYPEs").
pub mod rtype {
    /// Host address (RFC 1035).
    pub const A: u16 = 1;
    /// Name server (RFC 1035).
    pub const NS: u16 = 2;
    /// Alias (RFC 1035).
    pub const CNAME: u16 = 5;
    /// Start of authority (RFC 1035).
    pub const SOA: u16 = 6;
    /// Text (RFC 1035).
    pub const TXT: u16 = 16;
    /// IPv6 address (RFC 3596).
    pub const AAAA: u16 = 28;
    /// Alias of a subtree (RFC 6672).
    pub const DNAME: u16 = 39;
    /// Delegation signer (RFC 4034).
    pub const DS: u16 = 43;
    /// Signature (RFC 4034).
    pub const RRSIG: u16 = 46;
    /// Denial of existence (RFC 4034).
    pub const NSEC: u16 = 47;
    /// Public key (RFC 4034).
    pub const DNSKEY: u16 = 48;
    /// Hashed denial of existence (RFC 5155).
    pub const NSEC3: u16 = 50;
    /// Certification authority authorization (RFC 8659).
    pub const CAA: u16 = 257;
    /// A private-use type no server knows: tells "CAA is unknown" from "every unknown type is dropped" (RFC 6895 §3.1).
    pub const PRIVATE: u16 = 65280;
}

/// Response codes this program speaks of (IANA "DNS RCODEs"); extended ones included (RFC 6891 §6.1.3).
pub mod rcode {
    /// No error.
    pub const NOERROR: u16 = 0;
    /// The server could not read the query.
    pub const FORMERR: u16 = 1;
    /// The server failed.
    pub const SERVFAIL: u16 = 2;
    /// The name does not exist.
    pub const NXDOMAIN: u16 = 3;
    /// The server does not do this kind of query.
    pub const NOTIMP: u16 = 4;
    /// The server refuses.
    pub const REFUSED: u16 = 5;
    /// A name that a DNAME makes is too long (RFC 6672 §2.2).
    pub const YXDOMAIN: u16 = 6;
    /// The server is not authoritative for the zone (RFC 2136 §2.2).
    pub const NOTAUTH: u16 = 9;
    /// EDNS version not supported (RFC 6891 §9).
    pub const BADVERS: u16 = 16;
    /// A cookie is missing or wrong (RFC 7873 §8).
    pub const BADCOOKIE: u16 = 23;

    /// The mnemonic of a code, `RCODE17` for one without.
    #[must_use]
    pub fn name(code: u16) -> String {
        match code {
            NOERROR => "NOERROR".into(),
            FORMERR => "FORMERR".into(),
            SERVFAIL => "SERVFAIL".into(),
            NXDOMAIN => "NXDOMAIN".into(),
            NOTIMP => "NOTIMP".into(),
            REFUSED => "REFUSED".into(),
            YXDOMAIN => "YXDOMAIN".into(),
            NOTAUTH => "NOTAUTH".into(),
            BADCOOKIE => "BADCOOKIE".into(),
            BADVERS => "BADVERS".into(),
            other => format!("RCODE{other}"),
        }
    }
}

/// One DNS message as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsMessage {
    /// Response code, extended by EDNS where present.
    pub rcode: u16,
    /// Header flags.
    pub flags: Flags,
    /// What became of the question we sent.
    pub question: QuestionEcho,
    /// Answer section in order.
    pub answers: Vec<RecordFact>,
    /// Authority section in order.
    pub authority: Vec<RecordFact>,
    /// Additional section in order, without OPT.
    pub additional: Vec<RecordFact>,
    /// The OPT record, if any (RFC 6891).
    pub edns: Option<EdnsFact>,
    /// Size of the message in octets.
    pub octets: usize,
}

/// Header flags of a response (RFC 1035 §4.1.1, RFC 4035 §3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flags {
    /// Authoritative answer.
    pub aa: bool,
    /// Truncated.
    pub tc: bool,
    /// Recursion desired.
    pub rd: bool,
    /// Recursion available.
    pub ra: bool,
    /// Authentic data.
    pub ad: bool,
    /// Checking disabled.
    pub cd: bool,
}

/// How the question section of a response compares to the question that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum QuestionEcho {
    /// Octet for octet the same.
    Same,
    /// The same name in another case.
    CaseChanged,
    /// No question at all, as some servers do with FORMERR.
    Missing,
    /// Another question.
    Other,
}

/// One resource record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordFact {
    /// Owner in presentation form, case as received, no trailing dot; the root is `.`.
    pub owner: String,
    /// Record type.
    pub rtype: u16,
    /// Time to live in seconds.
    pub ttl: u32,
    /// What we read of its data.
    pub data: RecordData,
}

/// The data of a resource record, as far as this program reads it. Names are as in [`RecordFact::owner`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordData {
    /// CAA.
    Caa(CaaRecord),
    /// CNAME target.
    Cname(String),
    /// DNAME target.
    Dname(String),
    /// NS target.
    Ns(String),
    /// SOA: serial and the TTL of negative answers in seconds (RFC 2308 §4).
    Soa {
        /// Serial number.
        serial: u32,
        /// The MINIMUM field.
        minimum: u32,
    },
    /// A or AAAA.
    Address(IpAddr),
    /// DS (RFC 4034 §5).
    Ds {
        /// Key tag of the DNSKEY it refers to.
        key_tag: u16,
        /// Algorithm of that key.
        algorithm: u8,
        /// Digest type.
        digest_type: u8,
        /// Digest.
        #[serde(with = "octets")]
        digest: Vec<u8>,
    },
    /// DNSKEY (RFC 4034 §2); `rdata` is kept for digests and signatures.
    Dnskey {
        /// Flags: 256 zone key, 257 with SEP.
        flags: u16,
        /// Algorithm.
        algorithm: u8,
        /// Key tag, computed (RFC 4034 appendix B).
        key_tag: u16,
        /// The whole RDATA.
        #[serde(with = "octets")]
        rdata: Vec<u8>,
    },
    /// RRSIG (RFC 4034 §3).
    Rrsig {
        /// Type covered.
        covers: u16,
        /// Algorithm.
        algorithm: u8,
        /// Labels field.
        labels: u8,
        /// Original TTL.
        original_ttl: u32,
        /// End of validity, seconds since 1970.
        expiration: u32,
        /// Start of validity, seconds since 1970.
        inception: u32,
        /// Key tag.
        key_tag: u16,
        /// Signer's name.
        signer: String,
        /// The signature.
        #[serde(with = "octets")]
        signature: Vec<u8>,
    },
    /// NSEC: next name and the types present at the owner (RFC 4034 §4).
    Nsec {
        /// Next owner name.
        next: String,
        /// Types present.
        types: Vec<u16>,
    },
    /// NSEC3 (RFC 5155 §3).
    Nsec3 {
        /// Flags; bit 0 is opt-out.
        flags: u8,
        /// Additional iterations.
        iterations: u16,
        /// Salt.
        #[serde(with = "octets")]
        salt: Vec<u8>,
        /// Hash of the next owner.
        #[serde(with = "octets")]
        next_hash: Vec<u8>,
        /// Types present.
        types: Vec<u16>,
    },
    /// Any other type, or data that does not follow its type's form: the octets.
    Opaque(#[serde(with = "octets")] Vec<u8>),
}

/// What the OPT record said (RFC 6891).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdnsFact {
    /// EDNS version.
    pub version: u8,
    /// Advertised UDP payload in octets.
    pub payload: u16,
    /// DO bit.
    pub dnssec_ok: bool,
    /// Extended DNS errors in order (RFC 8914).
    pub ede: Vec<Ede>,
    /// More OPT records followed; a message may have one (RFC 6891 §6.1.1).
    pub repeated: bool,
}

/// One extended DNS error (RFC 8914).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ede {
    /// Info code.
    pub code: u16,
    /// Extra text, as sent; hostile.
    pub text: String,
}

/// Octets as text: two hexadecimal digits each.
pub(super) mod octets {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in crate::caa) fn serialize<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
        let text: String = octets.iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 0x0f)]).collect();
        serializer.serialize_str(&text)
    }

    pub(in crate::caa) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pair = |pair: &[u8]| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        };
        let octets: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
        octets.ok_or_else(|| D::Error::custom("octets are written as pairs of hexadecimal digits"))
    }
}
