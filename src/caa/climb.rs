//! The climb from a name to its TLD (RFC 8659 §3), and the verdict for one issuer at its end.
//!
//! All levels are known before: a CA that asks them at once and one that asks them in turn come to the same end.

use std::fmt;

use super::policy::{self, Judgement, Request};
use super::{CaaRecord, Lookup, LookupFailure, LookupOutcome};

/// How the climb from one name ended. `L` names a level: a node of a tree, a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Climb<'a, L> {
    /// A level holds the relevant set; nothing above it matters.
    Stopped {
        /// That level.
        at: L,
        /// The relevant set, never empty.
        set: &'a [CaaRecord],
    },
    /// A lookup failed before any set was found.
    Blocked {
        /// That level.
        at: L,
        /// Why.
        by: Obstacle<'a>,
    },
    /// No level up to the TLD has a CAA record.
    Unrestricted,
}

/// What ends a climb without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle<'a> {
    /// The lookup failed.
    Failure(&'a LookupFailure),
    /// The TLD does not exist. Below the TLD a name that does not exist is an empty set; a TLD always exists, so an
    /// NXDOMAIN for it is a fault.
    NoSuchTld,
}

/// Climbs over all levels, ordered from the name itself to its TLD.
pub fn climb<'a, L>(levels: impl IntoIterator<Item = (L, &'a Lookup)>) -> Climb<'a, L> {
    let mut levels = levels.into_iter().peekable();
    while let Some((at, lookup)) = levels.next() {
        match &lookup.outcome {
            LookupOutcome::Records(set) => return Climb::Stopped { at, set },
            LookupOutcome::Failed(failure) => return Climb::Blocked { at, by: Obstacle::Failure(failure) },
            LookupOutcome::NxDomain(_) if levels.peek().is_none() => {
                return Climb::Blocked { at, by: Obstacle::NoSuchTld };
            }
            LookupOutcome::NoData(_) | LookupOutcome::NxDomain(_) => {}
        }
    }
    Climb::Unrestricted
}

/// What a strict CA does: one that never takes a failed lookup for permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ruling {
    /// CAA does not stand in the way.
    Permit,
    /// A CAA set forbids it.
    Deny,
    /// The CA cannot know.
    Fail,
}

impl Ruling {
    /// The word in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
            Self::Fail => "fail",
        }
    }
}

/// Whether a CA may take a failed lookup for permission (Baseline Requirements 4.2.2.1, until version 2.2.7 3.2.2.8), which strict CAs never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BrFailureAllowance {
    /// No lookup failed before the relevant set.
    NotApplicable,
    /// Every failed lookup was retried, and its level is proven to have no DNSSEC chain.
    Possible,
    /// A chain exists, or is broken, or nobody looked; or the failure may be on the asking side.
    Forbidden,
}

impl BrFailureAllowance {
    /// The word in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotApplicable => "not-applicable",
            Self::Possible => "possible",
            Self::Forbidden => "forbidden",
        }
    }
}

/// What is known of the DNSSEC chain to a level (RFC 4035 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Security {
    /// A validated chain.
    Secure,
    /// Proven: a signed parent denies the DS record, or no ancestor is signed.
    Insecure,
    /// A chain that does not validate.
    Bogus,
    /// Nobody looked, or it could not be told.
    Unknown,
}

/// What CAA says of one name and one issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict<L> {
    /// What a strict CA does.
    pub ruling: Ruling,
    /// The level whose set or failure decided; `None` where no level had a set.
    pub decided_at: Option<L>,
    /// Why.
    pub reason: Reason,
    /// Whether the rules for CAs would let the failures pass.
    pub br_failure_allowance: BrFailureAllowance,
}

/// Why a verdict is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The relevant set decided.
    Set(Judgement),
    /// A lookup failed.
    Failure(LookupFailure),
    /// The TLD does not exist.
    NoSuchTld,
    /// No level has CAA records.
    NoRecords,
}

/// One clause for a report.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(judgement) => judgement.fmt(f),
            Self::Failure(failure) => write!(f, "the lookup failed: {failure}"),
            Self::NoSuchTld => f.write_str("the TLD does not exist, says the resolver"),
            Self::NoRecords => f.write_str("no level has CAA records"),
        }
    }
}

/// The verdict for one name, given all its levels from the name itself to its TLD.
///
/// `security` tells what is known of a failing level; it is asked for those below the relevant set only.
pub fn verdict<L: Clone>(
    levels: &[(L, &Lookup)],
    request: &Request<'_>,
    security: impl Fn(&L) -> Security,
) -> Verdict<L> {
    let (ruling, decided_at, reason) = match climb(levels.iter().map(|(at, lookup)| (at, *lookup))) {
        Climb::Stopped { at, set } => {
            let judgement = policy::judge(set, request);
            let ruling = if judgement.permits() { Ruling::Permit } else { Ruling::Deny };
            (ruling, Some(at), Reason::Set(judgement))
        }
        Climb::Blocked { at, by: Obstacle::Failure(failure) } => {
            (Ruling::Fail, Some(at), Reason::Failure(failure.clone()))
        }
        Climb::Blocked { at, by: Obstacle::NoSuchTld } => (Ruling::Fail, Some(at), Reason::NoSuchTld),
        Climb::Unrestricted => (Ruling::Permit, None, Reason::NoRecords),
    };
    let br_failure_allowance = match ruling {
        Ruling::Permit | Ruling::Deny => BrFailureAllowance::NotApplicable,
        Ruling::Fail => allowance(levels, security),
    };
    Verdict { ruling, decided_at: decided_at.cloned(), reason, br_failure_allowance }
}

/// Looks at every failing level a CA would meet before a set.
fn allowance<L>(levels: &[(L, &Lookup)], security: impl Fn(&L) -> Security) -> BrFailureAllowance {
    let before_set = levels.iter().take_while(|(_, lookup)| !matches!(lookup.outcome, LookupOutcome::Records(_)));
    for (at, lookup) in before_set {
        let pardonable = match &lookup.outcome {
            LookupOutcome::Records(_) | LookupOutcome::NoData(_) | LookupOutcome::NxDomain(_) => continue,
            // Not a failure of the domain's servers, or no lookup at all: nothing a CA could rely on.
            LookupOutcome::Failed(LookupFailure::Network(_) | LookupFailure::NotAsked) => false,
            LookupOutcome::Failed(_) => lookup.was_retried() && security(at) == Security::Insecure,
        };
        if !pardonable {
            return BrFailureAllowance::Forbidden;
        }
    }
    let gone_tld = levels.last().is_some_and(|(_, lookup)| matches!(lookup.outcome, LookupOutcome::NxDomain(_)));
    if gone_tld { BrFailureAllowance::Forbidden } else { BrFailureAllowance::Possible }
}

/// One ruling out of several perspectives on the same name: the primary one, which must permit, and the others, of which
/// some may disagree (Baseline Requirements 3.2.2.9).
///
/// Gives the ruling, and whether another perspective than the primary one brought it about.
#[must_use]
pub fn corroborate(primary: Ruling, others: &[Ruling]) -> (Ruling, bool) {
    if primary != Ruling::Permit {
        return (primary, false);
    }
    let allowed = if others.len() >= 6 { 2 } else { 1 };
    let mut against = others.iter().filter(|ruling| **ruling != Ruling::Permit);
    let first = against.next();
    match first {
        Some(ruling) if 1 + against.count() > allowed => (*ruling, true),
        _ => (Ruling::Permit, false),
    }
}

#[cfg(test)]
#[path = "climb_tests.rs"]
mod tests;
