//! [`Code`]: every cause this program can name, with its title and an explanation for people.
//!
//! Documentation and findings are written from this list. Knows nothing of how a cause is found.

use std::fmt;

/// Why a CAA lookup at a level fails, is at risk, or says something else than the domain's owner published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// Every address of the zone is dead.
    ServerUnreachable,
    /// Some addresses of the zone are dead.
    ServerPartlyUnreachable,
    /// The servers do not know the zone they are listed for.
    LameDelegation,
    /// SERVFAIL for every type.
    ServerFailure,
    /// CAA queries are dropped.
    CaaDropped,
    /// CAA queries get an error code.
    CaaRejected,
    /// CAA queries get NXDOMAIN for names that exist.
    CaaNxdomain,
    /// Queries with EDNS get an error code.
    EdnsRejected,
    /// Queries with EDNS are dropped.
    EdnsDropped,
    /// Queries with EDNS version 0 get BADVERS.
    EdnsBadvers,
    /// Truncated over UDP, and TCP does not work.
    TcpUnavailable,
    /// Replies that cannot be read or belong to another question.
    MalformedAnswer,
    /// The case of the question is not echoed.
    CaseNotPreserved,
    /// Names are compared with case.
    CaseSensitive,
    /// Questions with capitals are dropped.
    CaseDropped,
    /// Negative answers without SOA.
    NegativeWithoutSoa,
    /// Negative answers with NS records where the SOA should be.
    NsInsteadOfSoa,
    /// Negative answers with the SOA of another zone.
    ForeignSoa,
    /// Answers without AA.
    NotAuthoritative,
    /// NXDOMAIN for a name below which names exist.
    EmptyNonTerminalNxdomain,
    /// The servers of the zone answer differently.
    InconsistentServers,
    /// Signatures are outside their validity.
    DnssecExpired,
    /// DS at the parent, no DNSKEY in the zone.
    DnssecNoDnskey,
    /// No DS at the parent fits a DNSKEY of the zone.
    DnssecDsMismatch,
    /// Signatures are missing or wrong.
    DnssecBadSignature,
    /// Negative answers are not proven.
    DnssecBadDenial,
    /// Answers come late.
    SlowServer,
    /// Queries are lost.
    LossyServer,
    /// Queries are lost when they come close together.
    RateLimited,
    /// A chain of aliases comes back to itself or never ends.
    AliasLoop,
    /// The target of an alias cannot be looked up.
    AliasTargetBroken,
    /// An alias stands beside other data.
    CnameAtApex,
    /// The CAA set forbids the issuer.
    PolicyDenies,
    /// The CAA set has an unknown property marked critical.
    CriticalUnknownTag,
    /// The CAA set has a property that cannot be read.
    MalformedCaa,
    /// The CA could not reach its own resolver.
    CaResolverLink,
}

impl Code {
    /// Every code, in the order reports list causes: what makes the lookup fail first.
    pub const ALL: [Code; 36] = [
        Code::ServerUnreachable,
        Code::ServerPartlyUnreachable,
        Code::LameDelegation,
        Code::ServerFailure,
        Code::CaaDropped,
        Code::CaaRejected,
        Code::CaaNxdomain,
        Code::EdnsRejected,
        Code::EdnsDropped,
        Code::EdnsBadvers,
        Code::TcpUnavailable,
        Code::MalformedAnswer,
        Code::CaseNotPreserved,
        Code::CaseSensitive,
        Code::CaseDropped,
        Code::NegativeWithoutSoa,
        Code::NsInsteadOfSoa,
        Code::ForeignSoa,
        Code::NotAuthoritative,
        Code::EmptyNonTerminalNxdomain,
        Code::InconsistentServers,
        Code::DnssecExpired,
        Code::DnssecNoDnskey,
        Code::DnssecDsMismatch,
        Code::DnssecBadSignature,
        Code::DnssecBadDenial,
        Code::SlowServer,
        Code::LossyServer,
        Code::RateLimited,
        Code::AliasLoop,
        Code::AliasTargetBroken,
        Code::CnameAtApex,
        Code::PolicyDenies,
        Code::CriticalUnknownTag,
        Code::MalformedCaa,
        Code::CaResolverLink,
    ];

    /// The code as it stands in reports: `negative-without-soa`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Code::ServerUnreachable => "server-unreachable",
            Code::ServerPartlyUnreachable => "server-partly-unreachable",
            Code::LameDelegation => "lame-delegation",
            Code::ServerFailure => "server-failure",
            Code::CaaDropped => "caa-dropped",
            Code::CaaRejected => "caa-rejected",
            Code::CaaNxdomain => "caa-nxdomain",
            Code::EdnsRejected => "edns-rejected",
            Code::EdnsDropped => "edns-dropped",
            Code::EdnsBadvers => "edns-badvers",
            Code::TcpUnavailable => "tcp-unavailable",
            Code::MalformedAnswer => "malformed-answer",
            Code::CaseNotPreserved => "case-not-preserved",
            Code::CaseSensitive => "case-sensitive",
            Code::CaseDropped => "case-dropped",
            Code::NegativeWithoutSoa => "negative-without-soa",
            Code::NsInsteadOfSoa => "ns-instead-of-soa",
            Code::ForeignSoa => "foreign-soa",
            Code::NotAuthoritative => "not-authoritative",
            Code::EmptyNonTerminalNxdomain => "empty-non-terminal-nxdomain",
            Code::InconsistentServers => "inconsistent-servers",
            Code::DnssecExpired => "dnssec-expired",
            Code::DnssecNoDnskey => "dnssec-no-dnskey",
            Code::DnssecDsMismatch => "dnssec-ds-mismatch",
            Code::DnssecBadSignature => "dnssec-bad-signature",
            Code::DnssecBadDenial => "dnssec-bad-denial",
            Code::SlowServer => "slow-server",
            Code::LossyServer => "lossy-server",
            Code::RateLimited => "rate-limited",
            Code::AliasLoop => "alias-loop",
            Code::AliasTargetBroken => "alias-target-broken",
            Code::CnameAtApex => "cname-at-apex",
            Code::PolicyDenies => "policy-denies",
            Code::CriticalUnknownTag => "critical-unknown-tag",
            Code::MalformedCaa => "malformed-caa",
            Code::CaResolverLink => "ca-resolver-link",
        }
    }

    /// The code with this text, if there is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }

    /// Whether the fault makes a CA see "no CAA" where a policy may be published, instead of failing.
    #[must_use]
    pub fn hides_policy(self) -> bool {
        matches!(self, Code::CaaNxdomain | Code::CaseSensitive | Code::EdnsBadvers)
    }

    /// Whether the fault concerns DNSSEC: then a failed lookup is never permission.
    #[must_use]
    pub fn is_dnssec(self) -> bool {
        matches!(
            self,
            Code::DnssecExpired
                | Code::DnssecNoDnskey
                | Code::DnssecDsMismatch
                | Code::DnssecBadSignature
                | Code::DnssecBadDenial
        )
    }

    /// Causes of which some concern only the answer where there is no record: one published there would be read.
    #[must_use]
    pub fn is_about_absence(self) -> bool {
        matches!(self, Self::NegativeWithoutSoa | Self::NsInsteadOfSoa | Self::ForeignSoa | Self::DnssecBadDenial)
    }

    /// Whether a CA's lookup at the level fails because of this, every time and not only now and then, if every server shows it.
    #[must_use]
    pub fn breaks_lookup(self) -> bool {
        matches!(
            self,
            Code::ServerUnreachable
                | Code::LameDelegation
                | Code::ServerFailure
                | Code::CaaDropped
                | Code::CaaRejected
                | Code::EdnsDropped
                | Code::TcpUnavailable
                | Code::MalformedAnswer
                | Code::CaseDropped
                | Code::DnssecExpired
                | Code::DnssecNoDnskey
                | Code::DnssecDsMismatch
                | Code::DnssecBadSignature
                | Code::DnssecBadDenial
                | Code::AliasLoop
                | Code::AliasTargetBroken
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_kebab_case_unique_and_read_back() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            let text = code.as_str();
            assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{text}");
            assert!(seen.insert(text), "{text} twice");
            assert_eq!(Code::parse(text), Some(code));
            assert!(!code.title().is_empty() && code.explanation().len() > 40);
        }
        assert_eq!(Code::parse("no-such-code"), None);
    }
}
