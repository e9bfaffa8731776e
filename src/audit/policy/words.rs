//! What the codes of a policy mean, in words for people who see a finding for the first time.

use super::Rule;
use crate::finding::{Documented, Severity};

/// The code of a rule that cannot be decided.
pub const UNDECIDED: &str = "policy-undecided";

impl Rule {
    /// What the rule asks for, in one clause.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::IssuerNotAllowed => "certificates come from allowed issuers only",
            Self::WildcardLevel => "wildcards stand at allowed levels only",
            Self::CaaMissing => "the registered domain has a CAA set",
            Self::IssuewildMissing => "an issuewild record decides about wildcards",
            Self::PatternUnseen => "no pattern goes without a new certificate for too long",
        }
    }

    fn explanation(self) -> &'static str {
        match self {
            Self::IssuerNotAllowed => {
                "The policy names the issuers that may have issued (`allowed-issuers`), and certificates of another one were \
                 found."
            }
            Self::WildcardLevel => {
                "The policy says how many labels `*` may stand below the registered domain (`wildcard-levels`), and names \
                 with `*` elsewhere were found."
            }
            Self::CaaMissing => {
                "The policy wants a CAA set with an issue record at the registered domain itself (`require-caa`). Without \
                 one every CA may issue, and lookups go on to levels that the owner does not control."
            }
            Self::IssuewildMissing => {
                "The policy wants an issuewild record to decide about wildcards (`require-issuewild`). Where there is none, \
                 issue records stand for wildcards too (RFC 8659 section 4.3)."
            }
            Self::PatternUnseen => {
                "The policy says how old the newest certificate of a pattern may be (`max-unseen-days`). Names that are no \
                 longer renewed may still have DNS records that somebody else could take over."
            }
        }
    }

    fn shows(self) -> &'static str {
        match self {
            Self::IssuerNotAllowed => "A certificate by an issuer whose CAA domain is not in `allowed-issuers`.",
            Self::WildcardLevel => {
                "A name with `*` at another depth below the registered domain than `wildcard-levels` says."
            }
            Self::CaaMissing => "No CAA set with an issue record at the registered domain.",
            Self::IssuewildMissing => "No issuewild record in the set that decides about the wildcards of a pattern.",
            Self::PatternUnseen => "The newest certificate of a pattern is older than `max-unseen-days`.",
        }
    }

    fn fix(self) -> &'static str {
        match self {
            Self::IssuerNotAllowed => {
                "Find out who ordered the certificates; allow the issuer, or forbid it with a CAA record."
            }
            Self::WildcardLevel => "Order certificates for the names themselves, or allow the depth.",
            Self::CaaMissing => {
                "Publish a CAA set with an issue record for each issuer in use at the registered domain."
            }
            Self::IssuewildMissing => {
                "Add issuewild records for who may issue wildcards, or `0 issuewild \";\"` for nobody."
            }
            Self::PatternUnseen => "Remove the DNS records of names that are no longer in use.",
        }
    }

    fn reference(self) -> &'static str {
        match self {
            Self::CaaMissing => "RFC 8659 section 4.2",
            Self::IssuewildMissing => "RFC 8659 section 4.3",
            Self::IssuerNotAllowed | Self::WildcardLevel | Self::PatternUnseen => "",
        }
    }
}

/// Every code that a policy adds to those of [`every_code`](crate::finding::every_code).
pub fn policy_codes() -> impl Iterator<Item = Documented> {
    let rules = Rule::ALL.into_iter().map(|rule| Documented {
        code: rule.code(),
        title: rule.title(),
        severity: Severity::Error,
        cause: false,
        explanation: rule.explanation(),
        shows: rule.shows(),
        who: "the owner of the domain".to_owned(),
        fix: rule.fix().to_owned(),
        reference: rule.reference(),
    });
    rules.chain([Documented {
        code: UNDECIDED,
        title: "a rule of the policy cannot be decided",
        severity: Severity::Warning,
        cause: false,
        shows: "A lookup failed at a level that the rule speaks of, or none was made.",
        who: String::new(),
        fix: String::new(),
        reference: "",
        explanation: "A lookup that the rule needs failed or was not made. What failed is in the finding; the rule may be kept \
                      or violated.",
    }])
}
