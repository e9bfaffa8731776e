//! How questions reach a server: [`Exchange`], one question, one reply or one transport failure.

use std::net::SocketAddr;

use crate::caa::{DnsMessage, Transport};

/// One question to one server, with everything under control that a probe varies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The name as it goes on the wire: labels in presentation form, case kept, no trailing dot; `.` is the root.
    pub name: String,
    /// Record type.
    pub rtype: u16,
    /// Recursion desired.
    pub recursion_desired: bool,
    /// Checking disabled (RFC 4035 §3.2.2).
    pub checking_disabled: bool,
    /// The EDNS part, or none.
    pub edns: Option<EdnsQuery>,
}

/// The OPT record of a question (RFC 6891).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdnsQuery {
    /// Advertised UDP payload in octets.
    pub payload: u16,
    /// DO bit (RFC 3225).
    pub dnssec_ok: bool,
}

/// Where a question goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Server {
    /// Plain DNS at an address; the transport is UDP or TCP.
    Plain(SocketAddr, Transport),
    /// DNS over TLS at a host name or address, with its port.
    Tls(String, u16),
    /// DNS over HTTPS at an URL.
    Https(String),
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The message as received.
    pub bytes: Vec<u8>,
    /// What we read of it; the error text when it cannot be decoded.
    pub message: Result<DnsMessage, String>,
    /// Time from sending to receiving, in microseconds.
    pub rtt_us: u64,
}

/// No reply that fits the question came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// Nothing within the time.
    #[error("no answer within {after_ms} ms")]
    Timeout {
        /// How long we waited, in milliseconds.
        after_ms: u64,
        /// Datagrams that came but did not fit: wrong id, address or question.
        strays: u32,
    },
    /// The operating system said no: port closed, network unreachable, TLS or HTTP failure.
    #[error("{0}")]
    Network(String),
}
