//! CAA by RFC 8659: records, outcomes of lookups, the climb, policy, evidence and causes.
//!
//! Pure: plain data in, decisions out. Knows nothing of sockets, files or the DNS library.

mod cause;
mod cause_alias;
mod cause_code;
mod cause_compare;
mod cause_content;
mod cause_dnssec;
mod cause_line;
mod cause_pace;
mod cause_server;
mod cause_signed;
mod cause_text;
mod cause_way;
mod cause_words;
mod cause_zone;
mod classify;
mod climb;
mod direct;
mod dnssec;
mod dnssec_chain;
mod dnssec_denial;
mod dnssec_wire;
mod ede_cause;
mod effect;
mod evidence;
mod evidence_ds;
pub mod evidence_name;
pub mod evidence_reading;
mod lookup_cause;
mod message;
mod outcome;
mod policy;
mod problem;
mod record;
mod root_anchor;
mod security;

pub use cause::{Cause, NamedServer, added};
pub use cause_code::Code;
pub use cause_line::Line;
pub use cause_pace::needs_more;
pub use cause_text::example as example_remedy;
pub use cause_zone::causes;
pub use classify::{Classified, MAX_ALIASES, classify};
pub use climb::{BrFailureAllowance, Climb, Obstacle, Reason, Ruling, Security, Verdict, climb, corroborate, verdict};
pub use direct::{Direct, direct};
pub use ede_cause::is_the_resolvers_own;
pub use effect::{Effect, Observed, effect};
pub use evidence::{
    AliasEnd, AliasEvidence, AuthoritativeView, DsEvidence, HostEvidence, LevelEvidence, Observation, Probe, ProbeKind,
    ServerEvidence, Stress, ZoneEvidence,
};
pub use lookup_cause::causes_of_lookup;
pub use message::{DnsMessage, Ede, EdnsFact, Flags, QuestionEcho, RecordData, RecordFact, rcode, rtype};
pub use outcome::{Lookup, LookupFailure, LookupOutcome, Soa, Transport};
pub use policy::{IssueValue, IssueValueError, Judgement, Request, judge};
pub use problem::{Problem, Try, ede_title, problem};
pub use record::{CaaRecord, RecordError};
pub use root_anchor::{Anchoring, anchoring};
pub use security::{security, zone_security};
