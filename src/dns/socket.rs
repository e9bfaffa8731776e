//! [`Sockets`]: the [`Exchange`] that really asks, over UDP, TCP, TLS and HTTPS.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, OnceCell};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::exchange::{Exchange, ExchangeError, Question, Reply, Server};
use super::flow::Flow;
use super::stream::{self, Pipeline};
use super::udp::{UdpSockets, describe, micros, millis};
use super::wire;
use crate::caa::Transport;

/// The media type of a DNS message (RFC 8484 §6).
const DNS_MESSAGE: &str = "application/dns-message";
/// Octets a reply body may have: what a message can have.
const MAX_BODY: usize = 65_535;

type TlsPipeline = Pipeline<TlsStream<TcpStream>>;
type TlsSlot = Arc<Mutex<Option<Arc<TlsPipeline>>>>;

/// Every way to reach a server. Sockets and connections are opened when first needed.
///
/// A current-thread runtime carries 250,000 lookups a second; on a multi-thread one, waking threads costs as much again.
#[derive(Default)]
pub struct Sockets {
    udp: UdpSockets,
    tls: Mutex<HashMap<(String, u16), TlsSlot>>,
    tls_config: OnceCell<Arc<rustls::ClientConfig>>,
    https: OnceCell<reqwest::Client>,
}

impl Sockets {
    /// Sockets that trust what the operating system trusts. Must be used within a tokio runtime.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sockets with an own TLS configuration for DNS over TLS, as private resolvers need.
    #[must_use]
    pub fn with_tls(config: Arc<rustls::ClientConfig>) -> Self {
        Self { tls_config: OnceCell::new_with(Some(config)), ..Self::default() }
    }

    async fn ask_tls(&self, host: &str, port: u16, question: &Question) -> Result<Reply, ExchangeError> {
        let slot = Arc::clone(self.tls.lock().await.entry((host.to_owned(), port)).or_default());
        // A server may close an idle connection in the moment we write: one fresh connection is tried then.
        for _ in 0..2 {
            let pipeline = {
                let mut slot = slot.lock().await;
                match slot.as_ref().filter(|pipeline| !pipeline.is_closed()) {
                    Some(pipeline) => Arc::clone(pipeline),
                    None => Arc::clone(slot.insert(Arc::new(self.connect_tls(host, port).await?))),
                }
            };
            if let Some(reply) = pipeline.ask(question).await? {
                return Ok(reply);
            }
        }
        Err(ExchangeError::Network(format!("`{host}` closed the TLS connection without an answer")))
    }

    async fn connect_tls(&self, host: &str, port: u16) -> Result<TlsPipeline, ExchangeError> {
        let failed = |what: &str| ExchangeError::Network(format!("TLS to `{host}`: {what}"));
        let config = self
            .tls_config
            .get_or_try_init(|| async { hickory_net::tls::client_config().map(Arc::new) })
            .await
            .map_err(|error| failed(&error.to_string()))?;
        let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error.to_string()))?;
        let stream = TcpStream::connect((host, port)).await.map_err(|error| failed(&describe(&error)))?;
        // Small messages must not wait for company.
        let _ = stream.set_nodelay(true);
        let connector = TlsConnector::from(Arc::clone(config));
        connector.connect(name, stream).await.map(Pipeline::new).map_err(|error| failed(&error.to_string()))
    }

    async fn ask_https(&self, url: &str, question: &Question) -> Result<Reply, ExchangeError> {
        let failed = |error: &dyn std::error::Error| {
            let cause = std::iter::successors(error.source(), |error| error.source()).last();
            ExchangeError::Network(format!("`{url}`: {}", cause.map_or_else(|| error.to_string(), ToString::to_string)))
        };
        let client = self
            .https
            .get_or_try_init(|| async {
                // A second call finds the provider installed, which is what is wanted.
                let _ = rustls::crypto::ring::default_provider().install_default();
                reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()
            })
            .await
            .map_err(|error| failed(&error))?;
        let mut query = Vec::new();
        // Id 0 lets caches on the way help (RFC 8484 §4.1).
        wire::encode(0, question, &mut query).map_err(ExchangeError::Question)?;
        let sent = Instant::now();
        let request = client.post(url).header("accept", DNS_MESSAGE).header("content-type", DNS_MESSAGE).body(query);
        let mut response = request.send().await.map_err(|error| failed(&error))?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(ExchangeError::Network(format!("`{url}` answered HTTP {}", response.status().as_u16())));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
            if bytes.len() + chunk.len() > MAX_BODY {
                return Err(ExchangeError::Network(format!("`{url}` sent more than a DNS message can hold")));
            }
            bytes.extend_from_slice(&chunk);
        }
        let rtt_us = micros(sent.elapsed());
        Ok(Reply { message: wire::decode(&bytes, question), bytes, rtt_us, strays: 0 })
    }
}

impl Exchange for Sockets {
    fn ask<'a>(
        &'a self,
        server: &'a Server,
        question: &'a Question,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Reply, ExchangeError>> {
        match server {
            Server::Plain(address, Transport::Tcp) => stream::ask_tcp(*address, question, timeout).boxed(),
            Server::Plain(address, _) => self.udp.ask(*address, question, timeout).boxed(),
            Server::Tls(host, port) => within(timeout, self.ask_tls(host, *port, question)).boxed(),
            Server::Https(url) => within(timeout, self.ask_https(url, question)).boxed(),
        }
    }

    fn flow(&self, server: &Server, timeout: Duration) -> Option<Flow> {
        match server {
            Server::Plain(address, Transport::Udp) => Some(self.udp.flow(*address, timeout)),
            Server::Plain(..) | Server::Tls(..) | Server::Https(_) => None,
        }
    }

    fn passed_over(&self) -> u64 {
        self.udp.passed_over()
    }
}

async fn within(
    timeout: Duration,
    asking: impl Future<Output = Result<Reply, ExchangeError>>,
) -> Result<Reply, ExchangeError> {
    let silence = ExchangeError::Timeout { after_ms: millis(timeout), strays: 0 };
    tokio::time::timeout(timeout, asking).await.unwrap_or(Err(silence))
}
