//! [`Exchange`]: one question to one server, one reply or one transport failure. Retries, pacing and judgement are elsewhere.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use futures::future::BoxFuture;

use super::flow::Flow;
use super::wire::WireError;
use crate::caa::{DnsMessage, Transport, rtype};

/// One question to one server, with everything under control that a probe varies.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EdnsQuery {
    /// Advertised UDP payload in octets.
    pub payload: u16,
    /// DO bit (RFC 3225).
    pub dnssec_ok: bool,
}

impl Question {
    /// What a CA's resolver is asked: CAA of `name`, recursion desired, EDNS of 1232 octets with DO.
    #[must_use]
    pub fn to_resolver(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            rtype: rtype::CAA,
            recursion_desired: true,
            checking_disabled: false,
            edns: Some(EdnsQuery { payload: 1232, dnssec_ok: true }),
        }
    }
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

impl Server {
    /// How questions travel to it.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self {
            Self::Plain(_, transport) => *transport,
            Self::Tls(..) => Transport::Tls,
            Self::Https(_) => Transport::Https,
        }
    }

    /// The same server over TCP, where a truncated answer is asked for again (RFC 7766 §5); `None` where there is no other way.
    #[must_use]
    pub fn over_tcp(&self) -> Option<Self> {
        match self {
            Self::Plain(address, Transport::Udp) => Some(Self::Plain(*address, Transport::Tcp)),
            Self::Plain(..) | Self::Tls(..) | Self::Https(_) => None,
        }
    }
}

/// As people name a server: `192.0.2.1`, `192.0.2.1:5300`, `[2001:db8::1]:5300`, `tls://dns.example`, the URL.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(SocketAddr::V6(address), _) if address.port() == 53 && address.scope_id() != 0 => {
                write!(f, "{}%{}", address.ip(), address.scope_id())
            }
            Self::Plain(address, _) if address.port() == 53 => write!(f, "{}", address.ip()),
            Self::Plain(address, _) => write!(f, "{address}"),
            Self::Tls(host, 853) => write!(f, "tls://{host}"),
            Self::Tls(host, port) => write!(f, "tls://{host}:{port}"),
            Self::Https(url) => f.write_str(url),
        }
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The message as received.
    pub bytes: Vec<u8>,
    /// What we read of it.
    pub message: Result<DnsMessage, WireError>,
    /// Time from sending to receiving, in microseconds.
    pub rtt_us: u64,
    /// Datagrams that came before it and did not fit, as in [`ExchangeError::Timeout`]; not kept in a recording.
    pub strays: u32,
}

/// No reply that fits the question came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// Nothing within the time.
    #[error("no answer within {after_ms} ms")]
    Timeout {
        /// How long we waited, in milliseconds.
        after_ms: u64,
        /// Datagrams that came but did not fit: wrong id or question, or nothing that can be read.
        strays: u32,
    },
    /// The operating system said no: port closed, network unreachable, TLS or HTTP failure.
    #[error("{0}")]
    Network(String),
    /// The question cannot be put on the wire.
    #[error("the question cannot be asked: {0}")]
    Question(WireError),
    /// A recording was asked what it does not hold.
    #[error("the recording does not hold this question")]
    NotRecorded,
}

/// A way to ask: sockets, a recording.
///
/// One call is one transmission. A truncated answer is an answer; asking again over TCP, after a timeout or without EDNS is
/// the caller's decision.
pub trait Exchange: Send + Sync {
    /// Asks `question` at `server` and waits at most `timeout`.
    fn ask<'a>(
        &'a self,
        server: &'a Server,
        question: &'a Question,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Reply, ExchangeError>>;

    /// A way to ask a server for CAA of very many names, each as [`ask`](Self::ask) does with [`Question::to_resolver`], at
    /// less cost. `None` where there is none, or where each exchange must be seen.
    fn flow(&self, _server: &Server, _timeout: Duration) -> Option<Flow> {
        None
    }

    /// Datagrams so far that fitted no question, each counted once; a [`Reply`] tells those that came while it was open.
    fn passed_over(&self) -> u64 {
        0
    }

    /// Whether answers of an earlier run are at hand.
    fn keeps(&self) -> bool {
        false
    }

    /// Whether the answer to this question is at hand, so that asking burdens nobody.
    fn is_kept(&self, _server: &Server, _question: &Question) -> bool {
        false
    }
}
