//! DNS over a stream: a message behind its length (RFC 7766 §8), one connection for one question, or many over one (TLS).

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::exchange::{ExchangeError, Question, Reply};
use super::udp::{describe, micros, millis};
use super::wire;

/// One question over a TCP connection of its own, so that every fault belongs to it.
pub(super) async fn ask_tcp(
    address: SocketAddr,
    question: &Question,
    timeout: Duration,
) -> Result<Reply, ExchangeError> {
    let mut strays = 0;
    match tokio::time::timeout(timeout, one_question(address, question, &mut strays)).await {
        Ok(result) => result,
        Err(_) => Err(ExchangeError::Timeout { after_ms: millis(timeout), strays }),
    }
}

async fn one_question(address: SocketAddr, question: &Question, strays: &mut u32) -> Result<Reply, ExchangeError> {
    let id: u16 = rand::random();
    let framed = frame(id, question)?;
    let sent = Instant::now();
    let mut stream = TcpStream::connect(address).await.map_err(|error| network(&error))?;
    stream.write_all(&framed).await.map_err(|error| network(&error))?;
    loop {
        let bytes = read_message(&mut stream).await.map_err(|error| network(&error))?;
        if bytes.starts_with(&id.to_be_bytes()) {
            let rtt_us = micros(sent.elapsed());
            return Ok(Reply { message: wire::decode(&bytes, question), bytes, rtt_us, strays: *strays });
        }
        *strays = strays.saturating_add(1);
    }
}

fn frame(id: u16, question: &Question) -> Result<Vec<u8>, ExchangeError> {
    let mut query = Vec::new();
    wire::encode(id, question, &mut query).map_err(ExchangeError::Question)?;
    let length = u16::try_from(query.len()).expect("a question has at most 300 octets");
    Ok([&length.to_be_bytes()[..], &query].concat())
}

async fn read_message(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn network(error: &io::Error) -> ExchangeError {
    ExchangeError::Network(match error.kind() {
        io::ErrorKind::UnexpectedEof => "the server closed the connection without an answer".to_owned(),
        _ => format!("over TCP: {}", describe(error)),
    })
}

/// Many questions over one connection, answers in any order (RFC 7766 §6.2.1.1).
pub(super) struct Pipeline<S> {
    writer: tokio::sync::Mutex<WriteHalf<S>>,
    waiting: Arc<Mutex<Waiting>>,
    reader: AbortHandle,
}

#[derive(Default)]
struct Waiting {
    by_id: HashMap<u16, oneshot::Sender<(Vec<u8>, Instant)>>,
    closed: bool,
}

impl<S> Drop for Pipeline<S> {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl<S: AsyncRead + AsyncWrite + Send + 'static> Pipeline<S> {
    /// Takes a connected stream.
    pub(super) fn new(stream: S) -> Self {
        let (mut input, output) = tokio::io::split(stream);
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let shared = Arc::clone(&waiting);
        let reader = tokio::spawn(async move {
            while let Ok(bytes) = read_message(&mut input).await {
                let id = bytes.first_chunk().map(|id| u16::from_be_bytes(*id));
                let mut waiting = lock(&shared);
                if let Some(sender) = id.and_then(|id| waiting.by_id.remove(&id)) {
                    let _ = sender.send((bytes, Instant::now()));
                }
            }
            // Dropping the senders tells everyone who waits.
            *lock(&shared) = Waiting { by_id: HashMap::new(), closed: true };
        });
        Self { writer: tokio::sync::Mutex::new(output), waiting, reader: reader.abort_handle() }
    }

    /// Whether the other side has closed the connection.
    pub(super) fn is_closed(&self) -> bool {
        lock(&self.waiting).closed
    }

    /// Asks one question; `None` when the connection ended before an answer came.
    ///
    /// # Errors
    /// A question that cannot be put on the wire.
    pub(super) async fn ask(&self, question: &Question) -> Result<Option<Reply>, ExchangeError> {
        let (sender, receiver) = oneshot::channel();
        let place = {
            let mut waiting = lock(&self.waiting);
            if waiting.closed {
                return Ok(None);
            }
            let mut id = rand::random();
            while waiting.by_id.contains_key(&id) {
                id = rand::random();
            }
            waiting.by_id.insert(id, sender);
            Place { waiting: &self.waiting, id }
        };
        let framed = frame(place.id, question)?;
        let sent = Instant::now();
        if self.writer.lock().await.write_all(&framed).await.is_err() {
            return Ok(None);
        }
        Ok(receiver.await.ok().map(|(bytes, received)| {
            let rtt_us = micros(received.saturating_duration_since(sent));
            Reply { message: wire::decode(&bytes, question), bytes, rtt_us, strays: 0 }
        }))
    }
}

/// A question's id; leaving frees it.
struct Place<'a> {
    waiting: &'a Mutex<Waiting>,
    id: u16,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        lock(self.waiting).by_id.remove(&self.id);
    }
}

fn lock(waiting: &Mutex<Waiting>) -> std::sync::MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
