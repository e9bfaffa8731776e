//! Causes that one view's answer shows by itself, without asking the name servers: what a resolver or a scenario passed on.
//!
//! The sets themselves are judged elsewhere; here is what an empty answer, an alias and an extended error tell.

use super::{Cause, Code, Lookup, LookupFailure, LookupOutcome, Soa, ede_cause};
use crate::name::{DomainName, is_public_suffix, registered_domain};

/// What `lookup` at `level` shows.
#[must_use]
pub fn causes_of_lookup(level: &DomainName, lookup: &Lookup) -> Vec<Cause> {
    let word = lookup.outcome.word();
    match &lookup.outcome {
        LookupOutcome::NoData(Soa::Missing) | LookupOutcome::NxDomain(Soa::Missing) => {
            let helps = if is_public_suffix(level) {
                String::new()
            } else {
                format!(" Until then a CAA set at {level} helps too: an answer with records needs no SOA.")
            };
            vec![cause(
                level,
                Code::NegativeWithoutSoa,
                format!(
                    "Send the zone's SOA record in the authority section of every negative answer (RFC 2308 section 3).{helps}"
                ),
                format!("the {word} answer for CAA at {level} has no SOA record"),
            )]
        }
        LookupOutcome::NoData(Soa::Foreign) | LookupOutcome::NxDomain(Soa::Foreign) => vec![cause(
            level,
            Code::ForeignSoa,
            "Send the SOA record of the zone that holds the name, not of another zone (RFC 2308 section 3).".to_owned(),
            format!(
                "the {word} answer for CAA at {level} has the SOA record of {}",
                lookup.soa_owner.as_deref().unwrap_or("another zone")
            ),
        )],
        LookupOutcome::Failed(LookupFailure::AliasLoop) => vec![cause(
            level,
            Code::AliasLoop,
            format!("Break the loop of CNAME or DNAME records that starts at {level}."),
            format!("the aliases from {level} lead back to themselves or never end"),
        )],
        LookupOutcome::Failed(LookupFailure::ServFail) => {
            ede_cause::blamed(lookup).map(|(code, words)| by_resolver(level, code, &words)).into_iter().collect()
        }
        LookupOutcome::Records(_)
        | LookupOutcome::NoData(Soa::Present)
        | LookupOutcome::NxDomain(Soa::Present)
        | LookupOutcome::Failed(_) => Vec::new(),
    }
}

fn cause(level: &DomainName, code: Code, fix: String, evidence: String) -> Cause {
    Cause {
        code,
        who: operator(level),
        fix,
        servers: Vec::new(),
        hides_policy: false,
        evidence,
        breaks_lookup: code.breaks_lookup(),
    }
}

fn operator(level: &DomainName) -> String {
    if is_public_suffix(level) {
        format!("the registry of {level}")
    } else {
        format!("the operator of the name servers that answer for {level}")
    }
}

/// What a resolver blames by an extended error. It does not say which server, nor at which zone above the level.
fn by_resolver(level: &DomainName, code: Code, words: &str) -> Cause {
    let zone = format!("the zone that holds {level}");
    let fix = match code {
        Code::DnssecNoDnskey | Code::DnssecDsMismatch => format!(
            "The DS record at the parent and the keys of {zone} do not go together. Replace the DS record by one for the zone's present key, or remove it."
        ),
        Code::DnssecExpired => {
            format!("Sign {zone} again with signatures that are valid now, and let that happen by itself.")
        }
        Code::DnssecBadSignature => format!("Sign {zone} again, and look at devices on the way that change records."),
        Code::DnssecBadDenial => {
            format!("Let the servers of {zone} prove with NSEC or NSEC3 records what does not exist.")
        }
        Code::LameDelegation => {
            format!("Load {zone} at every server that the delegation names, or correct the delegation.")
        }
        Code::CaaDropped => {
            "Let CAA (type 257) questions pass the firewall or load balancer in front of the name servers.".to_owned()
        }
        Code::CaaRejected => {
            "Answer CAA (type 257) questions with NOERROR and the SOA record where there is no CAA record.".to_owned()
        }
        Code::ServerFailure => {
            format!("Look into the log of the name servers: mostly {zone} does not load or has expired.")
        }
        _ => format!("Make the name servers of {zone} reachable on port 53 over UDP and TCP from everywhere."),
    };
    let who = match code {
        Code::DnssecNoDnskey | Code::DnssecDsMismatch => match registered_domain(level.as_str()) {
            Some(domain) => format!(
                "the owner of {domain}, at the registrar that keeps its DS record, or whoever keeps that of a zone below it; {}",
                operator(level)
            ),
            None => operator(level),
        },
        _ => operator(level),
    };
    let more = format!(" `ctclimb caa {level} --deep` asks the name servers themselves.");
    Cause { who, ..cause(level, code, fix + &more, format!("the resolver says: {words}")) }
}
