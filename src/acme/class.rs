//! [`ErrorClass`] and [`Perspective`]: what kind of CAA trouble a CA's error text names, and from where it was seen.

use serde::Serialize;

/// One kind of CAA trouble as a CA words it. A new wording that means something new is a new variant here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorClass {
    /// `networking error`: a socket error between the CA's checker and the CA's own resolver.
    NetworkingError,
    /// `server failure at resolver`: another transport failure between the same two.
    ResolverFailure,
    /// `query timed out`: the CA's resolver stayed silent.
    TimedOut,
    /// `query timed out (and was canceled)`: the whole check ended before the answer came.
    Canceled,
    /// `SERVFAIL`, without a reason.
    ServFail,
    /// SERVFAIL with an extended error that names DNSSEC.
    Dnssec,
    /// SERVFAIL with another extended error (RFC 8914).
    ExtendedError,
    /// `NXDOMAIN`.
    NxDomain,
    /// `response was truncated`.
    Truncated,
    /// `REFUSED`.
    Refused,
    /// `FORMERR`.
    FormErr,
    /// `NOTIMP`.
    NotImp,
    /// Another response code.
    OtherRcode,
    /// A CAA set was found and does not allow the certificate.
    PolicyDenies,
    /// `Rechecking CAA for ... failed` without the problems it refers to.
    RecheckFailed,
    /// The CA's own remote perspectives could not be asked.
    CaInternal,
    /// A CAA error whose text does not say what went wrong.
    Unspecified,
}

impl ErrorClass {
    /// The class as it stands in reports, `kebab-case`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NetworkingError => "networking-error",
            Self::ResolverFailure => "resolver-failure",
            Self::TimedOut => "timed-out",
            Self::Canceled => "canceled",
            Self::ServFail => "serv-fail",
            Self::Dnssec => "dnssec",
            Self::ExtendedError => "extended-error",
            Self::NxDomain => "nx-domain",
            Self::Truncated => "truncated",
            Self::Refused => "refused",
            Self::FormErr => "form-err",
            Self::NotImp => "not-imp",
            Self::OtherRcode => "other-rcode",
            Self::PolicyDenies => "policy-denies",
            Self::RecheckFailed => "recheck-failed",
            Self::CaInternal => "ca-internal",
            Self::Unspecified => "unspecified",
        }
    }

    /// The class in words for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::NetworkingError => "networking error between the CA and its own resolver",
            Self::ResolverFailure => "the CA's own resolver could not be used",
            Self::TimedOut => "query timed out",
            Self::Canceled => "query timed out, the whole check was cancelled",
            Self::ServFail => "SERVFAIL without a reason",
            Self::Dnssec => "DNSSEC validation failed",
            Self::ExtendedError => "SERVFAIL with a reason",
            Self::NxDomain => "NXDOMAIN",
            Self::Truncated => "the answer was truncated",
            Self::Refused => "REFUSED",
            Self::FormErr => "FORMERR",
            Self::NotImp => "NOTIMP",
            Self::OtherRcode => "an unusual response code",
            Self::PolicyDenies => "a CAA record forbids it",
            Self::RecheckFailed => "CAA was checked again and failed",
            Self::CaInternal => "trouble inside the CA",
            Self::Unspecified => "a CAA error without a reason",
        }
    }

    /// Whether a lookup failed, as opposed to a set that was read and forbids, or a text that does not tell.
    #[must_use]
    pub fn is_lookup_failure(self) -> bool {
        match self {
            Self::NetworkingError
            | Self::ResolverFailure
            | Self::TimedOut
            | Self::Canceled
            | Self::ServFail
            | Self::Dnssec
            | Self::ExtendedError
            | Self::NxDomain
            | Self::Truncated
            | Self::Refused
            | Self::FormErr
            | Self::NotImp
            | Self::OtherRcode => true,
            Self::PolicyDenies | Self::RecheckFailed | Self::CaInternal | Self::Unspecified => false,
        }
    }

    /// Whether the failure lies between the CA and its own resolver, so that it says nothing about the domain.
    #[must_use]
    pub fn is_ca_side(self) -> bool {
        matches!(self, Self::NetworkingError | Self::ResolverFailure | Self::CaInternal)
    }

    /// The class for the words before `looking up CAA`, lower-case.
    pub(super) fn of_words(words: &str) -> Option<Self> {
        Some(match words {
            "networking error" | "dns networking error" => Self::NetworkingError,
            "server failure at resolver" => Self::ResolverFailure,
            "query timed out" | "dns query timed out" => Self::TimedOut,
            "response was truncated" => Self::Truncated,
            "servfail" => Self::ServFail,
            "nxdomain" => Self::NxDomain,
            "refused" => Self::Refused,
            "formerr" => Self::FormErr,
            "notimp" | "notimpl" => Self::NotImp,
            "yxdomain" | "yxrrset" | "nxrrset" | "notauth" | "notzone" | "dsotypeni" | "badvers" | "badsig"
            | "badkey" | "badtime" | "badmode" | "badname" | "badalg" | "badtrunc" | "badcookie" => Self::OtherRcode,
            words if words.starts_with("query timed out (and was cancel") => Self::Canceled,
            _ => return None,
        })
    }
}

/// From where the CA saw the failure (Baseline Requirements 3.2.2.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Perspective {
    /// The CA's primary network perspective.
    Primary,
    /// One or more of the remote perspectives; the primary had passed.
    Secondary,
    /// The text does not tell.
    Unknown,
}

impl Perspective {
    /// The perspective as it stands in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Unknown => "unknown",
        }
    }
}
