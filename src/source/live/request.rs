//! One request, one reply, and the two traits between which the fetch loop stands.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;

use crate::limit::Endpoint;

/// A search service for certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// crt.sh over HTTPS.
    Crtsh,
    /// Cert Spotter, API v1.
    Certspotter,
    /// crt.sh over PostgreSQL.
    CrtshPg,
}

impl Service {
    /// The name by which it is chosen and kept: `crtsh`, `certspotter`, `crtsh-pg`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crtsh => "crtsh",
            Self::Certspotter => "certspotter",
            Self::CrtshPg => "crtsh-pg",
        }
    }

    /// The service of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Crtsh, Self::Certspotter, Self::CrtshPg].into_iter().find(|service| service.as_str() == name)
    }

    /// The name readers know.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Crtsh => "crt.sh",
            Self::Certspotter => "Cert Spotter",
            Self::CrtshPg => "crt.sh (PostgreSQL)",
        }
    }

    /// Whose limits hold.
    #[must_use]
    pub fn endpoint(self) -> Endpoint {
        match self {
            Self::Crtsh => Endpoint::Crtsh,
            Self::Certspotter => Endpoint::CertSpotter,
            Self::CrtshPg => Endpoint::CrtshPg,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One request, without the address of the service and without secrets: the same question has the same text for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageRequest {
    /// Who is asked.
    pub service: Service,
    /// Path and query of a GET request, percent-encoded, starting with `/`; a statement for PostgreSQL.
    pub target: String,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status; 200 for rows of a database.
    pub status: u16,
    /// The content type as sent.
    pub content_type: Option<String>,
    /// Retry-After as sent.
    pub retry_after: Option<String>,
    /// The body, decoded.
    pub body: Vec<u8>,
    /// When it was asked.
    pub asked_at: Timestamp,
}

/// No whole reply came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Nothing, or not all, within the time.
    #[error("no complete answer within {} s", after.as_secs_f32())]
    Timeout {
        /// The limit that was reached.
        after: Duration,
    },
    /// No connection: name not found, port closed or blocked, TLS refused.
    #[error("no connection: {0}")]
    Connect(String),
    /// The connection ended before the answer did, or was no HTTP.
    #[error("the answer broke off: {0}")]
    Broken(String),
    /// More octets than we take, after decompression.
    #[error("an answer of more than {limit} octets")]
    TooLarge {
        /// The most we take.
        limit: u64,
    },
    /// A redirect to another host, to plain text, or too many of them.
    #[error("{0}")]
    Redirect(String),
    /// A statement that a database refused, by SQLSTATE.
    #[error("the database says {message} ({state})")]
    Database {
        /// SQLSTATE (PostgreSQL appendix A).
        state: String,
        /// The message, escaped.
        message: String,
    },
    /// This transport cannot carry that request: the program was built or set up without it.
    #[error("{0}")]
    Unsupported(String),
}

/// Carries one request. Real over HTTP, scripted in tests.
pub trait Transport: Send + Sync {
    /// Sends one request and waits for the whole reply, within the transport's own time and size limits.
    ///
    /// # Errors
    /// [`TransportError`]; its texts hold no URL, no key and no control character.
    fn send(&self, request: &PageRequest) -> impl Future<Output = Result<Reply, TransportError>> + Send;
}
