//! [`FindingCode`]: the findings that are no cause at a level; together with [`Code`] every code a report can hold.
//!
//! A page of documentation can be written from [`every_code`].

use super::{Severity, code_facts};
use crate::caa::{self, Code};

/// A kind of finding that no cause at a level stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingCode {
    /// CAA lookups at a level fail, and why is not known.
    LookupFails,
    /// They fail at some resolvers or at some times.
    LookupFailsSometimes,
    /// They fail, but a set closer to the names keeps that from counting.
    FailureShielded,
    /// Resolvers read different things at one level.
    ResolversDisagree,
    /// A resolver failed at every level.
    ResolverUnusable,
    /// A resolver never passes on SOA records.
    ResolverStripsSoa,
    /// An ACME error, and the level it names fails now too.
    ReportedErrorConfirmed,
    /// An ACME error, and the level it names answers now.
    ReportedErrorNotSeen,
    /// The rate of CAA errors in a log changed.
    ErrorRateChanged,
    /// A source gave less than there is.
    SourceIncomplete,
    /// No level has a CAA record.
    CaaMissing,
    /// An issuer's CAA domain is not known.
    IssuerUnknown,
    /// Labels that are used once make a record at the names pointless.
    LeafRecordPointless,
    /// Wildcard certificates show the validation method.
    WildcardMeansDns01,
    /// New names come faster than the CA's published limits.
    NewNamesLimit,
    /// Levels that do not exist.
    NxdomainIsFine,
    /// Nothing is wrong.
    AllLevelsFine,
}

impl FindingCode {
    /// Every one, in the order of a report.
    pub const ALL: [FindingCode; 17] = [
        FindingCode::LookupFails,
        FindingCode::LookupFailsSometimes,
        FindingCode::ReportedErrorConfirmed,
        FindingCode::ReportedErrorNotSeen,
        FindingCode::ErrorRateChanged,
        FindingCode::ResolversDisagree,
        FindingCode::ResolverUnusable,
        FindingCode::SourceIncomplete,
        FindingCode::FailureShielded,
        FindingCode::AllLevelsFine,
        FindingCode::CaaMissing,
        FindingCode::NxdomainIsFine,
        FindingCode::WildcardMeansDns01,
        FindingCode::LeafRecordPointless,
        FindingCode::NewNamesLimit,
        FindingCode::IssuerUnknown,
        FindingCode::ResolverStripsSoa,
    ];

    /// The code as it stands in reports, `kebab-case`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LookupFails => "lookup-fails",
            Self::LookupFailsSometimes => "lookup-fails-sometimes",
            Self::FailureShielded => "failure-shielded",
            Self::ResolversDisagree => "resolvers-disagree",
            Self::ResolverUnusable => "resolver-unusable",
            Self::ResolverStripsSoa => "resolver-strips-soa",
            Self::ReportedErrorConfirmed => "reported-error-confirmed",
            Self::ReportedErrorNotSeen => "reported-error-not-seen",
            Self::ErrorRateChanged => "error-rate-changed",
            Self::SourceIncomplete => "source-incomplete",
            Self::CaaMissing => "caa-missing",
            Self::IssuerUnknown => "issuer-unknown",
            Self::LeafRecordPointless => "leaf-record-pointless",
            Self::WildcardMeansDns01 => "wildcard-means-dns-01",
            Self::NewNamesLimit => "new-names-limit",
            Self::NxdomainIsFine => "nxdomain-is-fine",
            Self::AllLevelsFine => "all-levels-fine",
        }
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::LookupFails => Severity::Error,
            Self::LookupFailsSometimes
            | Self::ResolversDisagree
            | Self::ResolverUnusable
            | Self::ReportedErrorConfirmed
            | Self::ReportedErrorNotSeen
            | Self::ErrorRateChanged
            | Self::SourceIncomplete => Severity::Warning,
            Self::FailureShielded
            | Self::ResolverStripsSoa
            | Self::CaaMissing
            | Self::IssuerUnknown
            | Self::LeafRecordPointless
            | Self::WildcardMeansDns01
            | Self::NewNamesLimit
            | Self::NxdomainIsFine
            | Self::AllLevelsFine => Severity::Note,
        }
    }

    /// A headline of a few words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::LookupFails => "CAA lookups fail",
            Self::LookupFailsSometimes => "CAA lookups fail at some resolvers or at times",
            Self::FailureShielded => "CAA lookups fail where it does not count",
            Self::ResolversDisagree => "resolvers see different CAA records",
            Self::ResolverUnusable => "a resolver could not be used",
            Self::ResolverStripsSoa => "a resolver strips SOA records",
            Self::ReportedErrorConfirmed => "the CA's error is seen here too",
            Self::ReportedErrorNotSeen => "the CA's error is not seen here",
            Self::ErrorRateChanged => "the rate of CAA errors changed",
            Self::SourceIncomplete => "not all certificates were obtained",
            Self::CaaMissing => "no CAA record at any level",
            Self::IssuerUnknown => "an issuer's CAA domain is not known",
            Self::LeafRecordPointless => "a CAA record at the names themselves is pointless",
            Self::WildcardMeansDns01 => "wildcard names: with ACME, the DNS-01 challenge",
            Self::NewNamesLimit => "new names come faster than the CA's published limit",
            Self::NxdomainIsFine => "names that do not exist are no failure",
            Self::AllLevelsFine => "nothing is wrong with the domain's DNS",
        }
    }

    /// What it means, in a few sentences.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::LookupFails => {
                "The lookup of CAA at a level fails at every resolver asked, or at one of them so that a name fails by it, and no CAA set \
                 closer to the names keeps it from counting. A strict CA that meets the same issues nothing below the level. Ask the \
                 name servers themselves to learn why."
            }
            Self::LookupFailsSometimes => {
                "The lookup of CAA at a level fails at some resolvers or at some times. A CA asks from several networks and needs nearly \
                 all of them to succeed, so issuance fails now and then."
            }
            Self::FailureShielded => {
                "The lookup at a level fails, but each name checked has a CAA set closer to it. A CA scans from the name towards the TLD \
                 and stops at that set; the failure does not count."
            }
            Self::ResolversDisagree => {
                "Two resolvers read different CAA records at one level: caches during a change, servers with different data, or an \
                 internal view of the zone. What a CA sees may differ by the minute."
            }
            Self::ResolverUnusable => {
                "A resolver failed at every level it was asked for, TLDs included. The trouble is with the resolver or the way to it, so \
                 its answers are left aside."
            }
            Self::ResolverStripsSoa => {
                "A resolver never passes on the SOA record of an empty answer, or leaves out one that the name servers send when asked \
                 directly. Many forwarders do so; whether the name servers send it can only be learnt from themselves."
            }
            Self::ReportedErrorConfirmed => {
                "The level that the CA's error names fails in this run as well: the fault shows from here too, and was not over when this \
                 was asked."
            }
            Self::ReportedErrorNotSeen => {
                "The level that the CA's error names answers in this run. The fault was on the CA's side, or short, or shows from the CA's \
                 networks or under its load only."
            }
            Self::ErrorRateChanged => {
                "The log of the ACME client shows that CAA errors became more or less frequent at some time. What changed then at the \
                 domain, its DNS provider, the registry or the CA is where to look."
            }
            Self::SourceIncomplete => {
                "A source failed, or cut its answer. Names, patterns and issuers may be missing from this report."
            }
            Self::CaaMissing => {
                "No level from the names to the TLD has a CAA record. Every public CA may issue. Nothing is wrong with that; a CAA set \
                 would limit who may issue, and end the climb before levels that fail."
            }
            Self::IssuerUnknown => {
                "The program does not know which CAA domain stands for an issuer, so it can neither judge a set for it nor propose a record."
            }
            Self::LeafRecordPointless => {
                "The leftmost labels of a pattern are used once and never again. A CAA record for each would have to be published before \
                 each certificate; one record at a level they share does the same for all."
            }
            Self::WildcardMeansDns01 => {
                "With ACME, wildcard names are validated by a change in DNS: the DNS-01 challenge or one of its kin. Methods over HTTP and \
                 TLS do not reach them, methods by e-mail do. A client of DNS-01 can write to the zone, or to one that \
                 `_acme-challenge` points to."
            }
            Self::NewNamesLimit => {
                "Let's Encrypt allows 50 certificates for new sets of names per registered domain in 7 days, unless it granted more. \
                 Who passes that has such a grant, or is on the Public Suffix List."
            }
            Self::NxdomainIsFine => {
                "A name below the TLD that does not exist has no CAA record, and the climb goes on at its parent (RFC 8659 section 3). \
                 Names of old certificates are often gone."
            }
            Self::AllLevelsFine => {
                "CAA can be looked up at every level that was asked, by every resolver asked, and no CAA set stands in the way. If a CA \
                 still reports CAA errors, look at the CA's side, or at limits that show under its load only."
            }
        }
    }
}

/// One entry of the documentation of codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documented {
    /// The code as it stands in reports.
    pub code: &'static str,
    /// A headline.
    pub title: &'static str,
    /// The worst it can be.
    pub severity: Severity,
    /// Whether it is a cause at a level, as opposed to another finding.
    pub cause: bool,
    /// What it means.
    pub explanation: &'static str,
    /// How it shows on the wire, or in the input.
    pub shows: &'static str,
    /// Who must act, as a report words it for `www.example.net`; empty where nobody must.
    pub who: String,
    /// What to do, as a report words it; empty where there is nothing to do.
    pub fix: String,
    /// Where the right behaviour is specified; empty where it is not.
    pub reference: &'static str,
}

/// Every code a finding can have: the causes first, then the rest.
pub fn every_code() -> impl Iterator<Item = Documented> {
    let causes = Code::ALL.into_iter().map(|code| {
        let (who, fix) = example_remedy(code);
        let facts = code_facts::of_cause(code);
        Documented {
            code: code.as_str(),
            title: code.title(),
            severity: worst(code),
            cause: true,
            explanation: code.explanation(),
            shows: facts.shows,
            who,
            fix,
            reference: facts.reference,
        }
    });
    let others = FindingCode::ALL.into_iter().map(|code| {
        let (who, fix) = code_facts::remedy(code);
        let facts = code_facts::of_finding(code);
        Documented {
            code: code.as_str(),
            title: code.title(),
            severity: code.severity(),
            cause: false,
            explanation: code.explanation(),
            shows: facts.shows,
            who: who.to_owned(),
            fix: fix.to_owned(),
            reference: facts.reference,
        }
    });
    causes.chain(others)
}

/// Who and fix of a cause in the words of a report, for a zone whose name is reserved for examples.
fn example_remedy(code: Code) -> (String, String) {
    let owner = "the owner of the zone that holds the set".to_owned();
    match code {
        Code::PolicyDenies => {
            (owner, "If the CA is to issue, add an `issue` (or `issuewild`) record with its CAA domain to the set.".into())
        }
        Code::CriticalUnknownTag => {
            (owner, "Remove the record, correct the spelling of its tag, or clear the flag.".into())
        }
        Code::MalformedCaa => (
            owner,
            "Write the CA's domain alone, in lower case and without a final dot, then parameters after `;`: `0 issue \"letsencrypt.org\"`.".into(),
        ),
        Code::CaResolverLink => ("the CA".into(), "Retry later with a new order; if it lasts, tell the CA.".into()),
        code => caa::example_remedy(code),
    }
}

/// The worst a cause can be: an error only where it makes issuance fail or refuses it.
pub(super) fn worst(code: Code) -> Severity {
    let refuses = matches!(code, Code::PolicyDenies | Code::CriticalUnknownTag | Code::MalformedCaa);
    if code.breaks_lookup() || refuses || may_break(code) { Severity::Error } else { Severity::Warning }
}

/// Causes that make lookups fail at some resolvers only: an error where they are seen to.
pub(super) fn may_break(code: Code) -> bool {
    matches!(
        code,
        Code::NegativeWithoutSoa
            | Code::NsInsteadOfSoa
            | Code::ForeignSoa
            | Code::NotAuthoritative
            | Code::EdnsRejected
            | Code::EdnsBadvers
            | Code::CaaNxdomain
            | Code::CaseSensitive
            | Code::CaseNotPreserved
            | Code::ServerPartlyUnreachable
            | Code::InconsistentServers
            | Code::EmptyNonTerminalNxdomain
            | Code::SlowServer
            | Code::LossyServer
            | Code::RateLimited
            | Code::CnameAtApex
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_documented_once() {
        let codes: Vec<Documented> = every_code().collect();
        let distinct: BTreeSet<&str> = codes.iter().map(|entry| entry.code).collect();
        assert_eq!(distinct.len(), codes.len());
        assert_eq!(codes.len(), Code::ALL.len() + FindingCode::ALL.len());
        for entry in codes {
            assert!(!entry.title.is_empty() && entry.explanation.len() > 40 && !entry.shows.is_empty(), "{entry:?}");
            assert!(entry.severity != Severity::Error || (!entry.who.is_empty() && !entry.fix.is_empty()), "{entry:?}");
            assert!(entry.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{entry:?}");
        }
    }
}
