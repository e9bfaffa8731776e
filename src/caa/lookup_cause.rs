//! Causes that one view's answer shows by itself, without asking the name servers: what a resolver or a scenario passed on.
//!
//! The sets themselves are judged elsewhere; here is what an empty answer and an alias tell.

use super::{Cause, Code, Lookup, LookupFailure, LookupOutcome, Soa};
use crate::name::DomainName;

/// What `lookup` at `level` shows.
#[must_use]
pub fn causes_of_lookup(level: &DomainName, lookup: &Lookup) -> Vec<Cause> {
    let operator = if level.depth() == 0 {
        format!("the registry of {level}")
    } else {
        format!("the operator of the name servers that answer for {level}")
    };
    let cause = |code: Code, fix: String, evidence: String| Cause {
        code,
        who: operator.clone(),
        fix,
        servers: Vec::new(),
        hides_policy: false,
        evidence,
    };
    let word = lookup.outcome.word();
    match &lookup.outcome {
        LookupOutcome::NoData(Soa::Missing) | LookupOutcome::NxDomain(Soa::Missing) => vec![cause(
            Code::NegativeWithoutSoa,
            format!(
                "Send the zone's SOA record in the authority section of every negative answer (RFC 2308 section 3). Until \
                 then a CAA set at {level} helps too: an answer with records needs no SOA."
            ),
            format!("the {word} answer for CAA at {level} has no SOA record"),
        )],
        LookupOutcome::NoData(Soa::Foreign) | LookupOutcome::NxDomain(Soa::Foreign) => vec![cause(
            Code::ForeignSoa,
            "Send the SOA record of the zone that holds the name, not of another zone (RFC 2308 section 3).".to_owned(),
            format!(
                "the {word} answer for CAA at {level} has the SOA record of {}",
                lookup.soa_owner.as_deref().unwrap_or("another zone")
            ),
        )],
        LookupOutcome::Failed(LookupFailure::AliasLoop) => vec![cause(
            Code::AliasLoop,
            format!("Break the loop of CNAME or DNAME records that starts at {level}."),
            format!("the aliases from {level} lead back to themselves or never end"),
        )],
        LookupOutcome::Records(_)
        | LookupOutcome::NoData(Soa::Present)
        | LookupOutcome::NxDomain(Soa::Present)
        | LookupOutcome::Failed(_) => Vec::new(),
    }
}
