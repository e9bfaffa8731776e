//! CAA by RFC 8659: records, outcomes of lookups, the climb, policy, evidence and causes.
//!
//! Pure: plain data in, decisions out. Knows nothing of sockets, files or the DNS library.

mod message;
mod outcome;
mod record;

pub use message::{DnsMessage, Ede, EdnsFact, Flags, QuestionEcho, RecordData, RecordFact, rcode, rtype};
pub use outcome::{Lookup, LookupFailure, LookupOutcome, Soa, Transport};
pub use record::CaaRecord;
