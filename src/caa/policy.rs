//! What a relevant set says to one issuer: permit or deny (RFC 8659 §4, RFC 8657), as Boulder reads it where readings differ.

use std::fmt;

use super::CaaRecord;

/// Who wants to issue what. Issuer names are compared octet for octet, as CAs do: `letsencrypt.org.` is another name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// The CAA domains the CA answers to, one at least.
    pub issuers: &'a [&'a str],
    /// Whether a wildcard name is asked for.
    pub wildcard: bool,
    /// The validation method, as `dns-01`; `None` when not known.
    pub method: Option<&'a str>,
    /// The URIs the CA knows the account by; empty when not known.
    pub accounts: &'a [&'a str],
}

/// Why a set permits or denies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// The set has nothing to say on names of this kind: only `iodef`, `issuemail`, or `issuewild` for a plain name.
    NothingSaid,
    /// A record names the issuer. It may hold only for some methods or accounts, which the request did not name.
    Named {
        /// `validationmethods` as published, if the request left the method open.
        methods: Option<String>,
        /// `accounturi` as published, if the request left the account open.
        account: Option<String>,
    },
    /// An unknown property is marked critical (RFC 8659 §4.1).
    CriticalUnknown {
        /// Its tag, as published; hostile.
        tag: String,
    },
    /// Every relevant record forbids issuance or names nobody: `issue ";"`.
    Nobody,
    /// The relevant records name other issuers only.
    Others {
        /// Those issuers in the order of the set, each once, at most 8; hostile.
        named: Vec<String>,
    },
    /// A record names the issuer but for other validation methods (RFC 8657 §4).
    OtherMethod {
        /// `validationmethods` as published; hostile.
        methods: String,
    },
    /// A record names the issuer but for another account (RFC 8657 §3).
    OtherAccount {
        /// `accounturi` as published; hostile.
        account: String,
    },
    /// Records are relevant, but none can be understood.
    Unreadable(IssueValueError),
}

impl Judgement {
    /// Whether issuance is permitted.
    #[must_use]
    pub fn permits(&self) -> bool {
        match self {
            Self::NothingSaid | Self::Named { .. } => true,
            Self::CriticalUnknown { .. }
            | Self::Nobody
            | Self::Others { .. }
            | Self::OtherMethod { .. }
            | Self::OtherAccount { .. }
            | Self::Unreadable(_) => false,
        }
    }
}

/// One clause for a report.
impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingSaid => f.write_str("the set restricts nothing for this name"),
            Self::Named { methods: None, account: None } => f.write_str("the set names this issuer"),
            Self::Named { methods, account } => {
                f.write_str("the set names this issuer, bound to")?;
                let parts = [("validationmethods", methods), ("accounturi", account)];
                for (name, value) in
                    parts.into_iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value)))
                {
                    write!(f, " {name}={value}")?;
                }
                Ok(())
            }
            Self::CriticalUnknown { tag } => write!(f, "the set has the unknown critical tag `{tag}`"),
            Self::Nobody => f.write_str("the set forbids every issuer"),
            Self::Others { named } => write!(f, "the set names other issuers: {}", named.join(", ")),
            Self::OtherMethod { methods } => write!(f, "the set names this issuer for other methods: {methods}"),
            Self::OtherAccount { account } => write!(f, "the set names this issuer for another account: {account}"),
            Self::Unreadable(error) => write!(f, "no record of the set can be understood: {error}"),
        }
    }
}

/// Properties CAs know; their critical flag is harmless (RFC 8659 §4, RFC 9495, the VMC guidelines).
const KNOWN_TAGS: [&str; 5] = ["issue", "issuewild", "iodef", "issuemail", "issuevmc"];
/// Flags that mark a property as critical: bit 0 (RFC 8659 §4.1), and the lowest, which Boulder takes for it too.
const CRITICAL: u8 = 128 | 1;
/// Other issuers a judgement lists.
const MAX_NAMED: usize = 8;

/// Judges a relevant set: at least one record of any kind.
#[must_use]
pub fn judge(set: &[CaaRecord], request: &Request<'_>) -> Judgement {
    let unknown = |record: &&CaaRecord| !KNOWN_TAGS.iter().any(|tag| record.has_tag(tag));
    if let Some(record) = set.iter().filter(unknown).find(|record| record.flags & CRITICAL != 0) {
        return Judgement::CriticalUnknown { tag: String::from_utf8_lossy(&record.tag).into_owned() };
    }
    let wildcard_set = request.wildcard && set.iter().any(|record| record.has_tag("issuewild"));
    let tag = if wildcard_set { "issuewild" } else { "issue" };
    let mut refusals = Vec::new();
    for record in set.iter().filter(|record| record.has_tag(tag)) {
        match judge_record(&record.value, request) {
            named @ Judgement::Named { .. } => return named,
            refusal => refusals.push(refusal),
        }
    }
    if refusals.is_empty() { Judgement::NothingSaid } else { summarize(refusals) }
}

fn judge_record(value: &[u8], request: &Request<'_>) -> Judgement {
    let value = match IssueValue::parse(value) {
        Ok(value) => value,
        Err(error) => return Judgement::Unreadable(error),
    };
    if value.domain.is_empty() {
        return Judgement::Nobody;
    }
    if !request.issuers.contains(&&*value.domain) {
        return Judgement::Others { named: vec![value.domain] };
    }
    let (accounts, methods) = (value.values("accounturi"), value.values("validationmethods"));
    if !request.accounts.is_empty() && !account_matches(&accounts, request.accounts) {
        return Judgement::OtherAccount { account: accounts.join(", ") };
    }
    if request.method.is_some_and(|method| !method_matches(&methods, method)) {
        return Judgement::OtherMethod { methods: methods.join(", ") };
    }
    // A parameter given twice can be met by nobody, whoever asks.
    if accounts.len() > 1 {
        return Judgement::OtherAccount { account: accounts.join(", ") };
    }
    if methods.len() > 1 {
        return Judgement::OtherMethod { methods: methods.join(", ") };
    }
    let open = |values: &[&str], known: bool| values.first().filter(|_| !known).map(ToString::to_string);
    Judgement::Named {
        methods: open(&methods, request.method.is_some()),
        account: open(&accounts, !request.accounts.is_empty()),
    }
}

/// One judgement out of several refusals: what comes closest to a permission says most.
fn summarize(refusals: Vec<Judgement>) -> Judgement {
    let mut named: Vec<String> = Vec::new();
    let mut rest = Judgement::Nobody;
    for refusal in refusals {
        match refusal {
            Judgement::OtherMethod { .. } | Judgement::OtherAccount { .. } => return refusal,
            Judgement::Others { named: more } => {
                let new = more.into_iter().filter(|issuer| !named.contains(issuer)).collect::<Vec<_>>();
                named.extend(new);
            }
            unreadable @ Judgement::Unreadable(_) => rest = unreadable,
            Judgement::NothingSaid
            | Judgement::Named { .. }
            | Judgement::CriticalUnknown { .. }
            | Judgement::Nobody => {}
        }
    }
    named.truncate(MAX_NAMED);
    if named.is_empty() { rest } else { Judgement::Others { named } }
}

/// Whether `accounturi` allows one of these accounts: none given allows all, two given allow nobody (RFC 8657 §3).
fn account_matches(given: &[&str], accounts: &[&str]) -> bool {
    match given {
        [] => true,
        [account] => accounts.contains(account),
        _ => false,
    }
}

/// Whether `validationmethods` allows a method: none given allows all, two given allow nobody (RFC 8657 §4).
fn method_matches(given: &[&str], method: &str) -> bool {
    match given {
        [] => true,
        [list] => list.split(',').any(|listed| listed == method && !method.is_empty()),
        _ => false,
    }
}

/// The value of `issue` or `issuewild` (RFC 8659 §4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueValue {
    /// The issuer's domain as published; empty forbids. Hostile.
    pub domain: String,
    /// Tags and values in order.
    pub parameters: Vec<(String, String)>,
}

/// Why a value of `issue` or `issuewild` cannot be understood. Such a record permits nobody and still stands in its set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssueValueError {
    /// A parameter without `=`.
    #[error("a parameter without `=`")]
    NoValue,
    /// A parameter tag that is not made of letters and digits. RFC 8659 §4.2 allows hyphens inside, Boulder does not.
    #[error("a parameter tag with a character that CAs do not accept")]
    TagCharacter,
    /// A blank, a control character or one outside ASCII in a parameter value.
    #[error("a parameter value with a character that is not allowed")]
    ValueCharacter,
}

impl IssueValue {
    /// Reads a value as Boulder does.
    ///
    /// # Errors
    /// [`IssueValueError`]
    pub fn parse(value: &[u8]) -> Result<Self, IssueValueError> {
        let mut parts = value.split(|&octet| octet == b';').map(trim);
        let domain = text(parts.next().unwrap_or_default());
        let mut parts = parts.collect::<Vec<_>>();
        if parts == [b""] {
            parts.clear();
        }
        let parameters = parts.into_iter().map(parameter).collect::<Result<_, _>>()?;
        Ok(Self { domain, parameters })
    }

    /// The values of a parameter, in order.
    #[must_use]
    pub fn values(&self, tag: &str) -> Vec<&str> {
        self.parameters.iter().filter(|(name, _)| name == tag).map(|(_, value)| &**value).collect()
    }
}

fn parameter(part: &[u8]) -> Result<(String, String), IssueValueError> {
    let equals = part.iter().position(|&octet| octet == b'=').ok_or(IssueValueError::NoValue)?;
    let (tag, value) = (trim(&part[..equals]), trim(&part[equals + 1..]));
    if !tag.iter().all(u8::is_ascii_alphanumeric) {
        return Err(IssueValueError::TagCharacter);
    }
    if !value.iter().all(u8::is_ascii_graphic) {
        return Err(IssueValueError::ValueCharacter);
    }
    Ok((text(tag), text(value)))
}

/// Without blanks and tabs around (`*WSP` of RFC 8659 §4.2).
fn trim(octets: &[u8]) -> &[u8] {
    let blank = |octet: &u8| matches!(octet, b' ' | b'\t');
    let start = octets.iter().position(|octet| !blank(octet)).unwrap_or(octets.len());
    let end = octets.iter().rposition(|octet| !blank(octet)).map_or(start, |last| last + 1);
    &octets[start..end]
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
