//! [`Problem`]: a failed lookup in the words of the CA whose checks people meet most (Boulder), and when it asks again.
//!
//! A reader who has such a text finds the level in the report by it.

use super::{Ede, Lookup, LookupFailure, LookupOutcome, rcode};

/// What a CA tells its user of a lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The resolver was silent in every try.
    TimedOut,
    /// The whole check was given up while the question was open.
    Canceled,
    /// The network between the CA and its own resolver.
    Networking,
    /// Anything else between the CA and its own resolver.
    Resolver,
    /// The answer was truncated.
    Truncated,
    /// An error code without a reason.
    Code(u16),
    /// An error code with an extended error, which is told in its place.
    Extended(Ede),
}

impl Problem {
    /// The text an ACME client shows, from "DNS problem:" on.
    #[must_use]
    pub fn detail(&self, level: &str) -> String {
        let looking_up = format!("looking up CAA for {level}");
        match self {
            Self::TimedOut => format!("DNS problem: query timed out {looking_up}"),
            Self::Canceled => format!("DNS problem: query timed out (and was canceled) {looking_up}"),
            Self::Networking => format!("DNS problem: networking error {looking_up}"),
            Self::Resolver => format!("DNS problem: server failure at resolver {looking_up}"),
            Self::Truncated => format!("DNS problem: response was truncated {looking_up}"),
            Self::Code(code) => {
                let hint = match *code {
                    rcode::SERVFAIL => " - the domain's nameservers may be malfunctioning",
                    rcode::NXDOMAIN => " - check that a DNS record exists for this domain",
                    _ => "",
                };
                format!("DNS problem: {} {looking_up}{hint}", rcode::name(*code))
            }
            Self::Extended(ede) => {
                let colon = if ede.text.is_empty() { "" } else { ": " };
                format!("DNS problem: {looking_up}: {}{colon}{}", ede_title(ede.code), ede.text)
            }
        }
    }
}

/// What the CA would tell of a lookup at `level`; `None` where it sees no problem.
#[must_use]
pub fn problem(level: &str, lookup: &Lookup) -> Option<Problem> {
    let failure = match &lookup.outcome {
        LookupOutcome::Failed(failure) => failure,
        LookupOutcome::NxDomain(_) if !level.contains('.') => return Some(coded(rcode::NXDOMAIN, &lookup.ede)),
        LookupOutcome::Records(_) | LookupOutcome::NoData(_) | LookupOutcome::NxDomain(_) => return None,
    };
    Some(match failure {
        // A CA's resolver turns the last two into SERVFAIL.
        LookupFailure::ServFail | LookupFailure::Referral | LookupFailure::AliasLoop => {
            coded(rcode::SERVFAIL, &lookup.ede)
        }
        LookupFailure::Refused => coded(rcode::REFUSED, &lookup.ede),
        LookupFailure::FormErr => coded(rcode::FORMERR, &lookup.ede),
        LookupFailure::NotImp => coded(rcode::NOTIMP, &lookup.ede),
        LookupFailure::OtherRcode(code) => coded(*code, &lookup.ede),
        LookupFailure::Truncated => Problem::Truncated,
        LookupFailure::Timeout(_) => Problem::TimedOut,
        LookupFailure::Network(_) => Problem::Networking,
        LookupFailure::Malformed(_) => Problem::Resolver,
        LookupFailure::NotAsked => return None,
    })
}

fn coded(code: u16, ede: &[Ede]) -> Problem {
    ede.first().map_or(Problem::Code(code), |ede| Problem::Extended(ede.clone()))
}

/// The name of an extended error (RFC 8914 §4 and its registry), DNSSEC errors marked as such.
#[must_use]
pub fn ede_title(code: u16) -> String {
    let title = match code {
        0 => "Other",
        1 => "DNSSEC: Unsupported DNSKEY Algorithm",
        2 => "DNSSEC: Unsupported DS Digest Type",
        3 => "Stale Answer",
        4 => "Forged Answer",
        5 => "DNSSEC: Indeterminate",
        6 => "DNSSEC: Bogus",
        7 => "DNSSEC: Signature Expired",
        8 => "DNSSEC: Signature Not Yet Valid",
        9 => "DNSSEC: DNSKEY Missing",
        10 => "DNSSEC: RRSIGs Missing",
        11 => "DNSSEC: No Zone Key Bit Set",
        12 => "DNSSEC: NSEC Missing",
        13 => "Cached Error",
        14 => "Not Ready",
        15 => "Blocked",
        16 => "Censored",
        17 => "Filtered",
        18 => "Prohibited",
        19 => "Stale NXDOMAIN Answer",
        20 => "Not Authoritative",
        21 => "Not Supported",
        22 => "No Reachable Authority",
        23 => "Network Error",
        24 => "Invalid Data",
        other => return format!("Unknown error code {other}"),
    };
    title.to_owned()
}

/// How one transmission ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Try {
    /// An answer, of whatever code.
    Answer,
    /// Silence.
    TimedOut,
    /// The check as a whole was given up.
    Canceled,
    /// Any other failure of the transport.
    Broken,
}

impl Try {
    /// Whether to ask again after this end of try number `done` (from 1): only silence is worth another try, since a
    /// resolver's SERVFAIL is the end of its own tries.
    #[must_use]
    pub fn again(self, done: u8, tries: u8) -> bool {
        match self {
            Self::TimedOut => done < tries,
            Self::Answer | Self::Canceled | Self::Broken => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caa::{Soa, Transport};

    fn lookup(outcome: LookupOutcome, ede: &[(u16, &str)]) -> Lookup {
        let ede = ede.iter().map(|(code, text)| Ede { code: *code, text: (*text).to_owned() }).collect();
        Lookup { ede, ..Lookup::bare(outcome, Transport::Udp) }
    }

    #[test]
    fn each_failure_has_the_text_of_the_ca() {
        let failed = |failure| lookup(LookupOutcome::Failed(failure), &[]);
        for (lookup, expected) in [
            (
                failed(LookupFailure::ServFail),
                "DNS problem: SERVFAIL looking up CAA for net - the domain's nameservers may be malfunctioning",
            ),
            (failed(LookupFailure::Refused), "DNS problem: REFUSED looking up CAA for net"),
            (failed(LookupFailure::Timeout(9)), "DNS problem: query timed out looking up CAA for net"),
            (failed(LookupFailure::Network("x".into())), "DNS problem: networking error looking up CAA for net"),
            (
                failed(LookupFailure::Malformed("x".into())),
                "DNS problem: server failure at resolver looking up CAA for net",
            ),
            (failed(LookupFailure::Truncated), "DNS problem: response was truncated looking up CAA for net"),
            (
                lookup(LookupOutcome::NxDomain(Soa::Present), &[]),
                "DNS problem: NXDOMAIN looking up CAA for net - check that a DNS record exists for this domain",
            ),
            (
                lookup(LookupOutcome::Failed(LookupFailure::ServFail), &[(7, "expired yesterday"), (22, "")]),
                "DNS problem: looking up CAA for net: DNSSEC: Signature Expired: expired yesterday",
            ),
        ] {
            assert_eq!(problem("net", &lookup).map(|problem| problem.detail("net")).as_deref(), Some(expected));
        }
        assert_eq!(problem("a.net", &lookup(LookupOutcome::NxDomain(Soa::Missing), &[])), None);
        assert_eq!(problem("net", &lookup(LookupOutcome::NoData(Soa::Missing), &[(3, "")])), None);
        assert_eq!(problem("net", &failed(LookupFailure::NotAsked)), None);
    }

    #[test]
    fn only_silence_is_asked_again() {
        assert!(Try::TimedOut.again(1, 3) && Try::TimedOut.again(2, 3) && !Try::TimedOut.again(3, 3));
        assert!(![Try::Answer, Try::Canceled, Try::Broken].into_iter().any(|end| end.again(1, 3)));
    }
}
