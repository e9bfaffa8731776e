//! [`Recorder`]: every exchange told to a sink, and [`Replay`]: a recording in place of the network.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;

use super::exchange::{EdnsQuery, Exchange, ExchangeError, Question, Reply, Server};
use super::udp::micros;
use super::wire;
use crate::caa::Transport;
use crate::case::DnsExchange;

/// Asks through another exchange and tells a sink what was asked and what came.
pub struct Recorder<'a> {
    inner: &'a dyn Exchange,
    clock: &'a (dyn Fn() -> Timestamp + Send + Sync),
    sink: &'a (dyn Fn(DnsExchange) + Send + Sync),
}

impl<'a> Recorder<'a> {
    /// A recorder. `clock` tells when a question is asked; `sink` must not wait.
    #[must_use]
    pub fn new(
        inner: &'a dyn Exchange,
        clock: &'a (dyn Fn() -> Timestamp + Send + Sync),
        sink: &'a (dyn Fn(DnsExchange) + Send + Sync),
    ) -> Self {
        Self { inner, clock, sink }
    }
}

impl Exchange for Recorder<'_> {
    fn ask<'a>(
        &'a self,
        server: &'a Server,
        question: &'a Question,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Reply, ExchangeError>> {
        async move {
            let (asked_at, started) = ((self.clock)(), Instant::now());
            let result = self.inner.ask(server, question, timeout).await;
            let (rtt_us, reply) = match &result {
                Ok(reply) => (reply.rtt_us, Ok(reply.bytes.clone())),
                Err(error) => (micros(started.elapsed()), Err(error_text(error))),
            };
            (self.sink)(DnsExchange {
                server: server_text(server),
                name: question.name.clone(),
                rtype: question.rtype,
                recursion_desired: question.recursion_desired,
                checking_disabled: question.checking_disabled,
                edns: question.edns.map(|edns| (edns.payload, edns.dnssec_ok)),
                asked_at,
                rtt_us,
                reply,
            });
            result
        }
        .boxed()
    }

    fn passed_over(&self) -> u64 {
        self.inner.passed_over()
    }
}

/// Answers from a recording: those to each question of each server in the order of the recording, each once. What was not
/// asked then, or not so often, is [`ExchangeError::NotRecorded`].
///
/// Nobody is burdened by it, so give it a throttle without limits.
pub struct Replay {
    recorded: HashMap<(String, Question), Tape>,
}

struct Tape {
    answers: Vec<(u64, Result<Vec<u8>, String>)>,
    next: Mutex<usize>,
}

impl Replay {
    /// Takes exchanges in the order they happened.
    #[must_use]
    pub fn new(exchanges: impl IntoIterator<Item = DnsExchange>) -> Self {
        let mut recorded: HashMap<_, Tape> = HashMap::new();
        for exchange in exchanges {
            let question = Question {
                name: exchange.name,
                rtype: exchange.rtype,
                recursion_desired: exchange.recursion_desired,
                checking_disabled: exchange.checking_disabled,
                edns: exchange.edns.map(|(payload, dnssec_ok)| EdnsQuery { payload, dnssec_ok }),
            };
            let tape = recorded
                .entry((exchange.server, question))
                .or_insert_with(|| Tape { answers: Vec::new(), next: Mutex::new(0) });
            tape.answers.push((exchange.rtt_us, exchange.reply));
        }
        Self { recorded }
    }

    /// The servers of the recording, sorted, each once.
    #[must_use]
    pub fn servers(&self) -> Vec<Server> {
        let mut servers: Vec<_> = self.recorded.keys().filter_map(|(server, _)| server_of(server)).collect();
        servers.sort();
        servers.dedup();
        servers
    }

    /// The next answer that was not given yet.
    fn once(&self, server: &Server, question: &Question) -> Option<Result<Reply, ExchangeError>> {
        let tape = self.recorded.get(&(server_text(server), question.clone()))?;
        let mut next = tape.lock();
        let place = *next;
        (place < tape.answers.len()).then(|| {
            *next += 1;
            tape.reply(place, question)
        })
    }
}

impl Tape {
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply(&self, place: usize, question: &Question) -> Result<Reply, ExchangeError> {
        let (rtt_us, recorded) = &self.answers[place];
        match recorded {
            Ok(bytes) => {
                Ok(Reply { bytes: bytes.clone(), message: wire::decode(bytes, question), rtt_us: *rtt_us, strays: 0 })
            }
            Err(text) => Err(error_of(text)),
        }
    }
}

/// The answers that a run was given before it was killed, each once; what it was not told is asked.
pub struct Resumed<'a> {
    kept: Replay,
    then: &'a dyn Exchange,
}

impl<'a> Resumed<'a> {
    /// Goes on with what was kept, in the order it happened.
    #[must_use]
    pub fn new(kept: impl IntoIterator<Item = DnsExchange>, then: &'a dyn Exchange) -> Self {
        Self { kept: Replay::new(kept), then }
    }
}

impl Exchange for Resumed<'_> {
    fn ask<'a>(
        &'a self,
        server: &'a Server,
        question: &'a Question,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Reply, ExchangeError>> {
        match self.kept.once(server, question) {
            Some(kept) => std::future::ready(kept).boxed(),
            None => self.then.ask(server, question, timeout),
        }
    }

    fn passed_over(&self) -> u64 {
        self.then.passed_over()
    }

    fn is_kept(&self, server: &Server, question: &Question) -> bool {
        let tape = self.kept.recorded.get(&(server_text(server), question.clone()));
        tape.is_some_and(|tape| *tape.lock() < tape.answers.len())
    }

    fn keeps(&self) -> bool {
        !self.kept.recorded.is_empty()
    }
}

impl Exchange for Replay {
    fn ask<'a>(
        &'a self,
        server: &'a Server,
        question: &'a Question,
        _: Duration,
    ) -> BoxFuture<'a, Result<Reply, ExchangeError>> {
        std::future::ready(self.once(server, question).unwrap_or(Err(ExchangeError::NotRecorded))).boxed()
    }
}

/// A server in a recording: `udp 192.0.2.1:53`, `tcp [2001:db8::1]:53`, `tls dns.example 853`, `https https://...`.
fn server_text(server: &Server) -> String {
    match server {
        Server::Plain(address, Transport::Tcp) => format!("tcp {address}"),
        Server::Plain(address, _) => format!("udp {address}"),
        Server::Tls(host, port) => format!("tls {host} {port}"),
        Server::Https(url) => format!("https {url}"),
    }
}

fn server_of(text: &str) -> Option<Server> {
    let plain = |address: &str, transport| Some(Server::Plain(address.parse::<SocketAddr>().ok()?, transport));
    match text.split_once(' ')? {
        ("udp", address) => plain(address, Transport::Udp),
        ("tcp", address) => plain(address, Transport::Tcp),
        ("tls", rest) => {
            let (host, port) = rest.rsplit_once(' ')?;
            Some(Server::Tls(host.to_owned(), port.parse().ok()?))
        }
        ("https", url) => Some(Server::Https(url.to_owned())),
        _ => None,
    }
}

fn error_text(error: &ExchangeError) -> String {
    match error {
        ExchangeError::Timeout { after_ms, strays } => format!("timeout {after_ms} {strays}"),
        ExchangeError::Network(text) => format!("network {text}"),
        ExchangeError::Question(_) | ExchangeError::NotRecorded => error.to_string(),
    }
}

fn error_of(text: &str) -> ExchangeError {
    let timeout = || {
        let (after_ms, strays) = text.strip_prefix("timeout ")?.split_once(' ')?;
        Some(ExchangeError::Timeout { after_ms: after_ms.parse().ok()?, strays: strays.parse().ok()? })
    };
    timeout().unwrap_or_else(|| ExchangeError::Network(text.strip_prefix("network ").unwrap_or(text).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers() -> Vec<Server> {
        vec![
            Server::Plain("192.0.2.1:53".parse().unwrap(), Transport::Udp),
            Server::Plain("[2001:db8::1]:5300".parse().unwrap(), Transport::Tcp),
            Server::Tls("dns.example".into(), 853),
            Server::Https("https://dns.example/dns-query".into()),
        ]
    }

    #[test]
    fn servers_and_errors_come_back_from_a_recording() {
        for server in servers() {
            assert_eq!(server_of(&server_text(&server)), Some(server));
        }
        for error in [
            ExchangeError::Timeout { after_ms: 4000, strays: 2 },
            ExchangeError::Network("connection refused".into()),
            ExchangeError::Network("timeout of TLS".into()),
        ] {
            assert_eq!(error_of(&error_text(&error)), error);
        }
        assert_eq!(server_of("quic x"), None);
    }

    #[tokio::test]
    async fn what_was_recorded_is_replayed_in_order_and_once() {
        let question = Question::to_resolver("a.example");
        let mut bytes = Vec::new();
        wire::encode(7, &question, &mut bytes).unwrap();
        bytes[2] |= 0x80;
        let taken = |rtt_us, reply| DnsExchange {
            server: "udp 192.0.2.1:53".into(),
            name: "a.example".into(),
            rtype: question.rtype,
            recursion_desired: true,
            checking_disabled: false,
            edns: Some((1232, true)),
            asked_at: Timestamp::UNIX_EPOCH,
            rtt_us,
            reply,
        };
        let replay = Replay::new([taken(9, Err("timeout 4000 0".into())), taken(5, Ok(bytes.clone()))]);
        let told = Mutex::new(Vec::new());
        let (clock, sink) = (|| Timestamp::UNIX_EPOCH, |exchange| told.lock().unwrap().push(exchange));
        let taped = Recorder::new(&replay, &clock, &sink);
        let server = &servers()[0];
        assert_eq!(replay.servers(), std::slice::from_ref(server));
        let first = taped.ask(server, &question, Duration::ZERO).await;
        assert_eq!(first, Err(ExchangeError::Timeout { after_ms: 4000, strays: 0 }));
        let answer = taped.ask(server, &question, Duration::ZERO).await.unwrap();
        assert_eq!((answer.rtt_us, answer.bytes), (5, bytes.clone()));
        let more = taped.ask(server, &question, Duration::ZERO).await;
        assert_eq!(more, Err(ExchangeError::NotRecorded));
        let other = taped.ask(&servers()[1], &question, Duration::ZERO).await;
        assert_eq!(other, Err(ExchangeError::NotRecorded));
        let told = told.into_inner().unwrap();
        assert_eq!(told[1], taken(5, Ok(bytes)));
        assert_eq!(told.len(), 4);
    }
}
