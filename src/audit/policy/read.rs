//! [`Policy`]: a TOML file as people write it. An unknown key is an error: a rule that is misspelt would protect nobody.

use std::collections::BTreeSet;

use serde::Deserialize;

/// What is allowed and required. A rule that is not written does not apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Policy {
    /// Issuers that may have issued: a CAA domain (`letsencrypt.org`), a distinguished name, or its O or CN alone.
    #[serde(default)]
    pub allowed_issuers: Option<Vec<String>>,
    /// How many labels `*` may stand below the registered domain: `[1]` allows `*.example.net` alone, `[]` none.
    #[serde(default)]
    pub wildcard_levels: Option<BTreeSet<u64>>,
    /// The registered domain itself must have a CAA set that restricts issuance.
    #[serde(default)]
    pub require_caa: bool,
    /// Wildcards must be decided by `issuewild`.
    #[serde(default)]
    pub require_issuewild: bool,
    /// Days after its newest certificate began that a pattern may still be there.
    #[serde(default)]
    pub max_unseen_days: Option<u32>,
    /// What is tolerated all the same.
    #[serde(default, rename = "exception")]
    pub exceptions: Vec<Exception>,
}

/// One tolerated violation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Exception {
    /// A name to speak of it.
    pub name: String,
    /// The rule that may be violated.
    pub rule: Rule,
    /// The domain, or `*.` and a domain for all below it, or `*` for all.
    pub domain: String,
    /// Only for this issuer; spelled as in `allowed-issuers`.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Only for the pattern with this template or id.
    #[serde(default)]
    pub pattern: Option<String>,
    /// Why.
    pub reason: String,
    /// The last day it holds, `YYYY-MM-DD`, UTC.
    #[serde(deserialize_with = "day")]
    pub expires: jiff::civil::Date,
}

/// The rules of a policy; the code of a violation is `policy-` and the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A certificate of an issuer that is not allowed.
    IssuerNotAllowed,
    /// A wildcard at a level where none may be.
    WildcardLevel,
    /// No CAA set at the registered domain.
    CaaMissing,
    /// A wildcard that no `issuewild` decides.
    IssuewildMissing,
    /// A pattern without a new certificate for too long.
    PatternUnseen,
}

impl Rule {
    /// All rules in the order they are applied.
    pub const ALL: [Self; 5] =
        [Self::IssuerNotAllowed, Self::WildcardLevel, Self::CaaMissing, Self::IssuewildMissing, Self::PatternUnseen];

    /// The code of a finding.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::IssuerNotAllowed => "policy-issuer-not-allowed",
            Self::WildcardLevel => "policy-wildcard-level",
            Self::CaaMissing => "policy-caa-missing",
            Self::IssuewildMissing => "policy-issuewild-missing",
            Self::PatternUnseen => "policy-pattern-unseen",
        }
    }
}

/// A policy that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Not TOML, an unknown key or rule, a day that is none.
    #[error("the policy is not right{}", meant(source.message()))]
    Toml {
        /// What is wrong, with line and column.
        #[from]
        source: toml::de::Error,
    },
    /// An exception for a domain that is none.
    #[error("exception `{}` is for `{}`; write a domain, `*.` and a domain, or `*`", name.escape_debug(), domain.escape_debug())]
    Domain {
        /// Name of the exception.
        name: String,
        /// What it says.
        domain: String,
    },
    /// Two exceptions of one name.
    #[error("two exceptions have the name `{}`", name.escape_debug())]
    Twice {
        /// The name.
        name: String,
    },
    /// An exception without a reason.
    #[error("exception `{}` gives no reason", name.escape_debug())]
    NoReason {
        /// Name of the exception.
        name: String,
    },
}

/// The known word that an unknown one was meant to be, as a question; nothing if none is like it.
///
/// A message names both: the unknown one first, then all that are known, each in backticks.
fn meant(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    let Some(unknown) = words.next().filter(|_| message.starts_with("unknown ")) else { return String::new() };
    let like = |known: &str| strsim::normalized_damerau_levenshtein(unknown, known);
    match words.max_by(|one, other| like(one).total_cmp(&like(other))).filter(|known| like(known) >= 0.5) {
        Some(known) => format!(" (did you mean `{known}`?)"),
        None => String::new(),
    }
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`PolicyError`]; the one of TOML names line and column.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = toml::from_str(text)?;
        let mut names = BTreeSet::new();
        for exception in &policy.exceptions {
            let name = || exception.name.clone();
            if !names.insert(&exception.name) {
                return Err(PolicyError::Twice { name: name() });
            }
            if exception.reason.trim().is_empty() {
                return Err(PolicyError::NoReason { name: name() });
            }
            let domain = exception.domain.strip_prefix("*.").unwrap_or(&exception.domain);
            if domain != "*" && crate::name::DomainName::parse(domain).is_err() {
                return Err(PolicyError::Domain { name: name(), domain: exception.domain.clone() });
            }
        }
        Ok(policy)
    }

    /// Whether a rule asks for DNS: without lookups it could not be decided for any domain.
    #[must_use]
    pub fn needs_dns(&self) -> bool {
        self.require_caa || self.require_issuewild
    }
}

impl Exception {
    /// Whether it is for `domain`, a canonical name.
    pub(super) fn is_for(&self, domain: &str) -> bool {
        let canonical = |text: &str| crate::name::DomainName::parse(text).map(|name| name.to_string());
        match self.domain.strip_prefix("*.") {
            None if self.domain == "*" => true,
            None => canonical(&self.domain).is_ok_and(|named| named == domain),
            Some(parent) => canonical(parent)
                .is_ok_and(|parent| domain.strip_suffix(&parent).is_some_and(|left| left.ends_with('.'))),
        }
    }
}

fn day<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<jiff::civil::Date, D::Error> {
    /// A day as a TOML date or as text.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Day {
        Date(toml::value::Datetime),
        Text(String),
    }
    let text = match Day::deserialize(deserializer)? {
        Day::Date(date) => date.to_string(),
        Day::Text(text) => text,
    };
    text.parse().map_err(|_| serde::de::Error::custom(format!("`{}` is no day; write 2027-01-31", text.escape_debug())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EXCEPTION: &str =
        "[[exception]]\nname = \"x\"\nrule = \"caa-missing\"\ndomain = \"example.net\"\nreason = \"r\"\n";

    #[test]
    fn a_misspelt_key_is_refused() {
        for text in [
            "allowed-issuer = []".to_owned(),
            "require_caa = true".to_owned(),
            format!("{EXCEPTION}expires = 2027-01-01\nuntil = 1"),
            format!("{EXCEPTION}expires = \"soon\""),
            EXCEPTION.to_owned(),
            format!("{EXCEPTION}expires = 2027-01-01\n{EXCEPTION}expires = 2027-01-01"),
            format!("{EXCEPTION}expires = 2027-01-01").replace("example.net", "not a name"),
            format!("{EXCEPTION}expires = 2027-01-01").replace("\"r\"", "\" \""),
            format!("{EXCEPTION}expires = 2027-01-01").replace("caa-missing", "caa"),
        ] {
            assert!(Policy::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_misspelt_word_is_named_with_its_line_and_what_was_meant() {
        for (text, line, meant) in [
            ("require-caa = true\nallowed-issuer = []".to_owned(), "line 2", "did you mean `allowed-issuers`?"),
            ("max_unseen_days = 3".to_owned(), "line 1", "did you mean `max-unseen-days`?"),
            (format!("{EXCEPTION}expire = 2027-01-01"), "line 6", "did you mean `expires`?"),
            (EXCEPTION.replace("caa-missing", "caa-mising"), "line 3", "did you mean `caa-missing`?"),
        ] {
            let error = Policy::parse(&text).unwrap_err();
            let (told, why) = (error.to_string(), std::error::Error::source(&error).unwrap().to_string());
            assert!(why.contains(line) && told.contains(meant), "{told}: {why}");
        }
        let told = Policy::parse("zzz = 1").unwrap_err().to_string();
        assert!(!told.contains("did you mean"), "{told}");
    }

    #[test]
    fn the_last_day_is_a_date_or_a_text() {
        for expires in ["2027-01-31", "\"2027-01-31\""] {
            let policy = Policy::parse(&format!("{EXCEPTION}expires = {expires}")).unwrap();
            assert_eq!(policy.exceptions[0].expires.to_string(), "2027-01-31");
        }
    }

    #[test]
    fn an_exception_is_for_a_domain_or_for_all_below_it() {
        let exception = |domain: &str| {
            let text = format!("{EXCEPTION}expires = 2027-01-01").replace("example.net", domain);
            Policy::parse(&text).unwrap().exceptions.remove(0)
        };
        assert!(exception("Example.NET").is_for("example.net"));
        assert!(!exception("*.example.net").is_for("example.net"));
        assert!(exception("*.example.net").is_for("a.b.example.net"));
        assert!(!exception("*.example.net").is_for("notexample.net"));
        assert!(exception("*").is_for("example.org"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_policy_or_refused(text in any::<String>()) {
            let _ = Policy::parse(&text);
        }
    }
}
