//! DNS over UDP: many questions in flight over few connected sockets, told apart by id and question.
//!
//! Sockets are connected, so the kernel drops what other addresses send and a closed port is reported at once. Ids are
//! random, ports are the operating system's choice and change after a while.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::exchange::{ExchangeError, Question, Reply};
use super::wire;

/// Receive buffer asked of the kernel, in octets; it gives what its limit allows.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Questions in flight on one socket before another is opened.
const BUSY: usize = 64;
/// Sockets to one server.
const LANES: usize = 4;
/// Questions after which a socket makes way for one on another port.
const LANE_QUESTIONS: usize = 20_000;
/// Servers with open sockets; idle ones are closed beyond this.
const PEERS: usize = 128;
/// Ids remembered after their time is over, so that a late answer is not taken for a stray.
const EXPIRED: usize = 4096;
/// Octets that nearly every question fits in.
const ROOM: usize = 128;
/// Octets of a message header.
const HEADER: usize = 12;

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
    table: Mutex<Table>,
    waiting: AtomicUsize,
    /// Datagrams of no known id.
    strays: AtomicU32,
    passed_over: Arc<AtomicU64>,
}

#[derive(Default)]
struct Table {
    slots: HashMap<u16, Slot, foldhash::fast::RandomState>,
    expired: VecDeque<u16>,
    /// Questions so far: tells a place from a later one of the same id.
    opened: u64,
}

enum Slot {
    Waiting(Waiter),
    Expired,
}

impl Slot {
    fn number(&self) -> Option<u64> {
        match self {
            Self::Waiting(waiter) => Some(waiter.number),
            Self::Expired => None,
        }
    }
}

struct Waiter {
    /// The question's number on this socket.
    number: u64,
    /// Name, type and class as they went out.
    question: Box<[u8]>,
    answer: oneshot::Sender<Result<Datagram, String>>,
    strays: u32,
}

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

impl Lane {
    fn open(address: SocketAddr, passed_over: &Arc<AtomicU64>) -> std::io::Result<Self> {
        let domain = socket2::Domain::for_address(address);
        let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, Some(socket2::Protocol::UDP))?;
        // A smaller buffer loses datagrams under load and breaks nothing.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        socket.set_nonblocking(true)?;
        socket.connect(&address.into())?;
        let shared = Arc::new(Shared {
            socket: UdpSocket::from_std(socket.into())?,
            table: Mutex::default(),
            waiting: AtomicUsize::new(0),
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
        self.shared.waiting.load(Ordering::Relaxed)
    }

    fn is_worn(&self) -> bool {
        self.questions.load(Ordering::Relaxed) >= LANE_QUESTIONS || self.reader.is_finished()
    }
}

/// A question's place in the table; leaving it turns the place into an expired one.
struct OpenQuestion {
    shared: Arc<Shared>,
    id: u16,
    number: u64,
}

impl OpenQuestion {
    /// Chooses a free random id, writes it into the query and opens a place for the answer.
    fn register(
        shared: Arc<Shared>,
        query: &mut [u8],
        question: &Question,
    ) -> (Self, oneshot::Receiver<Result<Datagram, String>>) {
        let (answer, receiver) = oneshot::channel();
        let options = if question.edns.is_some() { 11 } else { 0 };
        let question = query[HEADER..query.len() - options].into();
        let mut table = lock(&shared.table);
        table.opened += 1;
        let number = table.opened;
        let mut id = rand::random();
        while table.slots.contains_key(&id) {
            id = rand::random();
        }
        table.slots.insert(id, Slot::Waiting(Waiter { number, question, answer, strays: 0 }));
        drop(table);
        shared.waiting.fetch_add(1, Ordering::Relaxed);
        query[..2].copy_from_slice(&id.to_be_bytes());
        (Self { shared, id, number }, receiver)
    }

    fn strays(&self) -> u32 {
        match lock(&self.shared.table).slots.get(&self.id) {
            Some(Slot::Waiting(waiter)) if waiter.number == self.number => waiter.strays,
            Some(_) | None => 0,
        }
    }
}

impl Drop for OpenQuestion {
    fn drop(&mut self) {
        self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        let mut table = lock(&self.shared.table);
        // The place of an answered question has expired before, and another may have taken its id.
        match table.slots.get_mut(&self.id) {
            Some(slot) if slot.number() == Some(self.number) => *slot = Slot::Expired,
            Some(_) | None => return,
        }
        table.expire(self.id);
    }
}

impl Table {
    /// Remembers an expired id for a while, and forgets the oldest.
    fn expire(&mut self, id: u16) {
        self.expired.push_back(id);
        if self.expired.len() > EXPIRED
            && let Some(oldest) = self.expired.pop_front()
        {
            self.slots.remove(&oldest);
        }
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
fn is_from_the_network(error: &std::io::Error) -> bool {
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
        let mut table = lock(&self.table);
        let id = datagram.first_chunk().map(|id| u16::from_be_bytes(*id));
        match id.and_then(|id| table.slots.get_mut(&id).map(|slot| (id, slot))) {
            Some((id, Slot::Waiting(waiter))) => {
                if answers(datagram, &waiter.question) {
                    // The id stays known for a while: an answer that comes twice is no stray.
                    if let Some(Slot::Waiting(waiter)) = table.slots.insert(id, Slot::Expired) {
                        // The asker may have gone in this moment; then nobody misses the answer.
                        let answer = Datagram { bytes: datagram.to_vec(), received, strays: waiter.strays };
                        let _ = waiter.answer.send(Ok(answer));
                        table.expire(id);
                    }
                } else {
                    waiter.strays = waiter.strays.saturating_add(1);
                    self.passed_over.fetch_add(1, Ordering::Relaxed);
                }
            }
            Some((_, Slot::Expired)) => {}
            None => {
                self.strays.fetch_add(1, Ordering::Relaxed);
                self.passed_over.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Tells everyone who waits on this socket that the operating system reported an error.
    fn fail(&self, error: &std::io::Error) {
        let text = describe(error);
        lock(&self.table).slots.retain(|_, slot| match slot {
            Slot::Waiting(_) => {
                if let Slot::Waiting(waiter) = std::mem::replace(slot, Slot::Expired) {
                    let _ = waiter.answer.send(Err(text.clone()));
                }
                false
            }
            Slot::Expired => true,
        });
    }
}

/// Whether a datagram of the right id is an answer to the question, by its header and question section.
///
/// A question in another case is the same question (RFC 4343). No question at all is accepted beside an error code, since
/// some servers answer so to what they cannot read.
fn answers(datagram: &[u8], question: &[u8]) -> bool {
    let Some((header, rest)) = datagram.split_first_chunk::<HEADER>() else { return false };
    let (is_response, rcode, questions) = (header[2] & 0x80 != 0, header[3] & 0x0f, [header[4], header[5]]);
    let name = question.len() - 4;
    let same = rest.len() >= question.len()
        && rest[..name].eq_ignore_ascii_case(&question[..name])
        && rest[name..question.len()] == question[name..];
    is_response && (same && questions == [0, 1] || questions == [0, 0] && rcode != 0)
}

fn network(error: &std::io::Error) -> ExchangeError {
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
