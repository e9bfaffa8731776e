//! DNS over UDP: many questions in flight over few connected sockets, told apart by id and question.
//!
//! Sockets are connected, so the kernel drops what other addresses send and a closed port is reported at once. Ids are
//! random, ports are the operating system's choice and change after a while.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::exchange::{ExchangeError, Question, Reply};
use super::flow::Flow;
use super::udp_table::{Fit, Place, Table};
use super::wire;

/// Receive buffer asked of the kernel, in octets; it gives what its limit allows.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Questions in flight on one socket before another is opened.
pub(super) const BUSY: usize = 64;
/// Sockets to one server.
pub(super) const LANES: usize = 4;
/// Questions after which a socket makes way for one on another port.
pub(super) const LANE_QUESTIONS: usize = 20_000;
/// Servers with open sockets; idle ones are closed beyond this.
const PEERS: usize = 128;
/// Octets that nearly every question fits in.
const ROOM: usize = 128;

/// The sockets to all servers.
#[derive(Default)]
pub(super) struct UdpSockets {
    peers: Mutex<HashMap<SocketAddr, Vec<Arc<Lane>>, foldhash::fast::RandomState>>,
    /// Datagrams that fitted no question, over all sockets.
    passed_over: Arc<AtomicU64>,
}

/// One connected socket with its table of open questions.
struct Lane {
    shared: Arc<Shared>,
    reader: AbortHandle,
    questions: AtomicUsize,
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

struct Shared {
    socket: UdpSocket,
    table: Mutex<Table<Waiter>>,
    /// Datagrams of no known id.
    strays: AtomicU32,
    passed_over: Arc<AtomicU64>,
}

type Waiter = oneshot::Sender<Result<Datagram, String>>;

struct Datagram {
    bytes: Vec<u8>,
    received: Instant,
    strays: u32,
}

impl UdpSockets {
    /// One transmission, at most one answer.
    pub(super) async fn ask(
        &self,
        address: SocketAddr,
        question: &Question,
        timeout: Duration,
    ) -> Result<Reply, ExchangeError> {
        let mut query = Vec::with_capacity(ROOM);
        wire::encode(0, question, &mut query).map_err(ExchangeError::Question)?;
        let lane = self.lane(address).map_err(|error| network(&error))?;
        let strays_before = lane.shared.strays.load(Ordering::Relaxed);
        let (open, answer) = OpenQuestion::register(Arc::clone(&lane.shared), &mut query, question);
        let sent = Instant::now();
        lane.send(&query).await.map_err(|error| network(&error))?;
        match tokio::time::timeout(timeout, answer).await {
            Ok(Ok(Ok(datagram))) => {
                let rtt_us = micros(datagram.received.saturating_duration_since(sent));
                let message = wire::decode(&datagram.bytes, question);
                let strays = datagram.strays.saturating_add(lane.shared.strays_since(strays_before));
                Ok(Reply { bytes: datagram.bytes, message, rtt_us, strays })
            }
            Ok(Ok(Err(text))) => Err(ExchangeError::Network(text)),
            Ok(Err(_)) => Err(ExchangeError::Network("the socket was closed".to_owned())),
            Err(_) => {
                let strays = open.strays().saturating_add(lane.shared.strays_since(strays_before));
                Err(ExchangeError::Timeout { after_ms: millis(timeout), strays })
            }
        }
    }

    /// Sockets of their own for many questions to one server.
    pub(super) fn flow(&self, address: SocketAddr, timeout: Duration) -> Flow {
        Flow::new(address, timeout, Arc::clone(&self.passed_over))
    }

    /// Datagrams so far that fitted no question.
    pub(super) fn passed_over(&self) -> u64 {
        self.passed_over.load(Ordering::Relaxed)
    }

    /// The least busy socket to a server; a new one where all are busy or worn.
    fn lane(&self, address: SocketAddr) -> std::io::Result<Arc<Lane>> {
        let mut peers = lock(&self.peers);
        if peers.len() >= PEERS && !peers.contains_key(&address) {
            peers.retain(|_, lanes| lanes.iter().any(|lane| lane.waiting() > 0));
        }
        let lanes = peers.entry(address).or_default();
        lanes.retain(|lane| !lane.is_worn() || lane.waiting() > 0);
        let fresh = lanes.iter().filter(|lane| !lane.is_worn());
        let best = fresh.min_by_key(|lane| lane.waiting()).cloned();
        match best {
            Some(lane) if lane.waiting() < BUSY || lanes.len() >= LANES => Ok(lane),
            found => match (Lane::open(address, &self.passed_over), found) {
                (Ok(lane), _) => {
                    let lane = Arc::new(lane);
                    lanes.push(Arc::clone(&lane));
                    Ok(lane)
                }
                // No more sockets to be had: the ones there are carry the load.
                (Err(_), Some(lane)) => Ok(lane),
                (Err(error), None) => Err(error),
            },
        }
    }
}

/// A socket that sends to one address and receives from it alone.
pub(super) fn connected(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, Some(socket2::Protocol::UDP))?;
    // A smaller buffer loses datagrams under load and breaks nothing.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.set_nonblocking(true)?;
    socket.connect(&address.into())?;
    UdpSocket::from_std(socket.into())
}

impl Lane {
    fn open(address: SocketAddr, passed_over: &Arc<AtomicU64>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            socket: connected(address)?,
            table: Mutex::default(),
            strays: AtomicU32::new(0),
            passed_over: Arc::clone(passed_over),
        });
        let reader = tokio::spawn(read(Arc::clone(&shared))).abort_handle();
        Ok(Self { shared, reader, questions: AtomicUsize::new(0) })
    }

    async fn send(&self, query: &[u8]) -> std::io::Result<()> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        match self.shared.socket.send(query).await {
            // The error may belong to a datagram sent before: the socket reports it once.
            Err(_) => self.shared.socket.send(query).await.map(|_| ()),
            Ok(_) => Ok(()),
        }
    }

    fn waiting(&self) -> usize {
        lock(&self.shared.table).waiting()
    }

    fn is_worn(&self) -> bool {
        self.questions.load(Ordering::Relaxed) >= LANE_QUESTIONS || self.reader.is_finished()
    }
}

/// A question's place in the table; nobody waits for the answer once this is dropped.
struct OpenQuestion {
    shared: Arc<Shared>,
    place: Place,
}

impl OpenQuestion {
    fn register(
        shared: Arc<Shared>,
        query: &mut [u8],
        question: &Question,
    ) -> (Self, oneshot::Receiver<Result<Datagram, String>>) {
        let (answer, receiver) = oneshot::channel();
        let place = lock(&shared.table).open(query, question.edns.is_some(), answer);
        (Self { shared, place }, receiver)
    }

    fn strays(&self) -> u32 {
        lock(&self.shared.table).strays(self.place)
    }
}

impl Drop for OpenQuestion {
    fn drop(&mut self) {
        lock(&self.shared.table).leave(self.place);
    }
}

/// Reads datagrams until the lane is dropped, or the socket is of no more use.
async fn read(shared: Arc<Shared>) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match shared.socket.recv(&mut buffer).await {
            Ok(octets) => shared.dispatch(&buffer[..octets]),
            Err(error) => {
                shared.fail(&error);
                if !is_from_the_network(&error) {
                    return;
                }
            }
        }
    }
}

/// Whether an error is the network's answer to one datagram (ICMP), after which the socket works on.
pub(super) fn is_from_the_network(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable};
    matches!(error.kind(), ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable)
}

impl Shared {
    /// Datagrams of no known id since an earlier count. They are told to every question that was open meanwhile.
    fn strays_since(&self, before: u32) -> u32 {
        self.strays.load(Ordering::Relaxed).wrapping_sub(before)
    }

    /// Gives a datagram to the question it answers, or counts it.
    fn dispatch(&self, datagram: &[u8]) {
        let received = Instant::now();
        let fit = lock(&self.table).receive(datagram);
        match fit {
            Fit::Answer(asker, strays) => {
                // The asker may have gone in this moment; then nobody misses the answer.
                let _ = asker.send(Ok(Datagram { bytes: datagram.to_vec(), received, strays }));
            }
            Fit::Known => {}
            Fit::Unfit => {
                self.passed_over.fetch_add(1, Ordering::Relaxed);
            }
            Fit::Stray => {
                self.strays.fetch_add(1, Ordering::Relaxed);
                self.passed_over.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Tells everyone who waits on this socket that the operating system reported an error.
    fn fail(&self, error: &std::io::Error) {
        let text = describe(error);
        for asker in lock(&self.table).give_up() {
            let _ = asker.send(Err(text.clone()));
        }
    }
}

pub(super) fn network(error: &std::io::Error) -> ExchangeError {
    ExchangeError::Network(describe(error))
}

/// The operating system's word without its number, as in "connection refused".
pub(super) fn describe(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused: nothing listens at that port".to_owned(),
        std::io::ErrorKind::Other => error.to_string(),
        kind => kind.to_string(),
    }
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A panic elsewhere leaves these tables whole: every change is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
