//! Causes that one view's answer shows by itself, without asking the name servers: what a resolver or a scenario passed on.
//!
//! The sets themselves are judged elsewhere; here is what an empty answer, an alias and an extended error tell.

use super::cause_server::Flavour;
use super::cause_text::{self, Blame};
use super::ede_cause::{self, Blamed};
use super::{Cause, Code, Lookup, LookupFailure, LookupOutcome, Soa};
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
            ede_cause::blamed(lookup).map(|blamed| by_resolver(level, &blamed)).into_iter().collect()
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
        about_absence: code.is_about_absence(),
    }
}

fn operator(level: &DomainName) -> String {
    if is_public_suffix(level) {
        format!("the registry of {level}")
    } else {
        format!("the operator of the name servers that answer for {level}")
    }
}

/// What a resolver blames by an extended error. It does not say which server, and not always which zone.
fn by_resolver(level: &DomainName, blamed: &Blamed) -> Cause {
    let code = blamed.code;
    let named =
        blamed.zone.as_ref().and_then(|zone| DomainName::parse(zone).ok()).filter(|zone| level.is_at_or_below(zone));
    let (who, fix) = match named {
        Some(zone) => {
            let (zone, level) = (zone.as_str(), level.as_str());
            let blame = Blame { code, flavour: Flavour::Plain, zone, level, servers: &[], partial: false };
            (cause_text::who(&blame), cause_text::fix(&blame))
        }
        None => unnamed(level, code),
    };
    let more = format!(" `ctclimb caa {level} --deep` asks the name servers themselves.");
    let cause = cause(level, code, fix + &more, format!("the resolver says: {}", blamed.words));
    // What is not proven may be that the zone has no DS: then no record of it can be trusted either.
    let about_absence = cause.about_absence && !blamed.words.contains(" for DS ");
    Cause { who, about_absence, ..cause }
}

/// Who must act and what to do where the zone is not known.
fn unnamed(level: &DomainName, code: Code) -> (String, String) {
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
    (who, fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caa::{Ede, Transport};

    fn told(level: &str, code: u16, text: &str) -> Vec<Cause> {
        let lookup = Lookup {
            ede: vec![Ede { code, text: text.to_owned() }],
            ..Lookup::bare(LookupOutcome::Failed(LookupFailure::ServFail), Transport::Udp)
        };
        causes_of_lookup(&DomainName::parse(level).unwrap(), &lookup)
    }

    #[test]
    fn what_a_resolver_blames_is_laid_to_the_zone_it_names() {
        let text = "validation failure <www.x.bed. CAA IN>: no keys have a DS with algorithm ECDSAP256SHA256 from \
                    192.0.2.1 for key x.bed. while building chain of trust";
        let found = told("www.x.bed", 9, text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].code, Code::DnssecDsMismatch);
        assert!(found[0].who.starts_with("the owner of x.bed, at the registrar that keeps the DS record in bed"));
        assert!(found[0].fix.starts_with("The DS record of x.bed in bed fits no key"), "{}", found[0].fix);
        assert!(found[0].evidence.contains("no keys have a DS") && found[0].servers.is_empty());
    }

    #[test]
    fn a_zone_elsewhere_or_none_is_not_named() {
        for text in ["signature expired for key evil.example. while", "signature expired"] {
            let found = told("www.x.bed", 7, text);
            assert_eq!(found[0].code, Code::DnssecExpired);
            assert_eq!(found[0].who, "the operator of the name servers that answer for www.x.bed");
            assert!(!found[0].fix.contains("evil"), "{}", found[0].fix);
        }
        assert_eq!(told("net", 7, "")[0].who, "the registry of net");
        assert!(told("www.x.bed", 17, "").is_empty());
    }

    #[test]
    fn an_empty_answer_without_soa_is_told_with_a_way_round_it_where_there_is_one() {
        for (level, helps) in [("www.x.bed", true), ("net", false), ("co.uk", false)] {
            let lookup = Lookup::bare(LookupOutcome::NoData(Soa::Missing), Transport::Udp);
            let found = causes_of_lookup(&DomainName::parse(level).unwrap(), &lookup);
            assert_eq!(
                (found[0].code, found[0].fix.contains("a CAA set")),
                (Code::NegativeWithoutSoa, helps),
                "{level}"
            );
        }
        let sound = Lookup::bare(LookupOutcome::NoData(Soa::Present), Transport::Udp);
        assert!(causes_of_lookup(&DomainName::parse("x.bed").unwrap(), &sound).is_empty());
    }
}
