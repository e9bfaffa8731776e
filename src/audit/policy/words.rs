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
                 found. Find out who ordered them; allow the issuer, or forbid it with a CAA record."
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
}

/// Every code that a policy adds to those of [`every_code`](crate::finding::every_code).
pub fn policy_codes() -> impl Iterator<Item = Documented> {
    let rules = Rule::ALL.into_iter().map(|rule| Documented {
        code: rule.code(),
        title: rule.title(),
        severity: Severity::Error,
        explanation: rule.explanation(),
    });
    rules.chain([Documented {
        code: UNDECIDED,
        title: "a rule of the policy cannot be decided",
        severity: Severity::Warning,
        explanation: "A lookup that the rule needs failed or was not made. What failed is in the finding; the rule may be kept \
                      or violated.",
    }])
}
