//! [`Flow`]: hundred thousands of questions to one resolver over UDP, each sent once, without a future for each.
//!
//! What [`Exchange::ask`](super::Exchange::ask) does for one question: connected sockets on ports of the operating system's
//! choice that change after a while, random ids, answers held against the question. A caller polls for all that ended.

#[cfg(target_os = "linux")]
use std::io::IoSlice;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::Sleep;

use super::exchange::{ExchangeError, Question, Reply};
use super::udp::{BUSY, LANE_QUESTIONS, LANES, connected, describe, is_from_the_network, micros, millis, network};
use super::udp_table::{Fit, Place, Table};
use super::wire;
use crate::name::NodeId;

/// Datagrams taken from one socket before the others have their turn and new questions go out.
const BURST: usize = 64;

/// A way to one resolver that is wide open. Made by [`Exchange::flow`](super::Exchange::flow).
pub struct Flow {
    address: SocketAddr,
    timeout: Duration,
    lanes: Vec<Lane>,
    /// Datagrams that fitted no question, over all sockets of the exchange.
    passed_over: Arc<AtomicU64>,
    /// The last question, kept for its room.
    question: Question,
    query: Vec<u8>,
    /// The time of the questions that are to go out together.
    now: Instant,
    buffer: Box<[u8]>,
    /// Fires when the oldest question may have waited too long.
    alarm: Option<Pin<Box<Sleep>>>,
}

struct Lane {
    socket: Arc<UdpSocket>,
    /// Ready when the operating system has an error to report, which alone makes no socket readable.
    trouble: BoxFuture<'static, ()>,
    table: Table<Asked>,
    outgoing: Outgoing,
    questions: usize,
    /// Datagrams of no known id.
    strays: u32,
    broken: bool,
}

/// Questions that are to go out, in order.
#[derive(Default)]
struct Outgoing {
    octets: Vec<u8>,
    /// Of each question its place in the table, and where its octets end.
    ends: Vec<(Place, usize)>,
    /// How many went out.
    sent: usize,
}

struct Asked {
    level: NodeId,
    sent: Instant,
    /// The lane's strays at that time.
    strays: u32,
}

/// What came for a question.
pub(super) struct Datagram<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) rtt_us: u64,
    /// As in [`Reply`](super::Reply).
    pub(super) strays: u32,
}

impl Datagram<'_> {
    /// The same as an answer of its own.
    pub(super) fn reply(&self, question: &Question) -> Reply {
        let message = wire::decode(self.bytes, question);
        Reply { bytes: self.bytes.to_vec(), message, rtt_us: self.rtt_us, strays: self.strays }
    }
}

/// What became of a question, or what the operating system said.
pub(super) type Ended<'a> = Result<Datagram<'a>, ExchangeError>;

impl Flow {
    pub(super) fn new(address: SocketAddr, timeout: Duration, passed_over: Arc<AtomicU64>) -> Self {
        Self {
            address,
            timeout,
            lanes: Vec::new(),
            passed_over,
            question: Question::to_resolver(""),
            query: Vec::new(),
            now: Instant::now(),
            buffer: vec![0; 1 << 16].into(),
            alarm: None,
        }
    }

    /// Questions without an answer.
    pub(super) fn waiting(&self) -> usize {
        self.lanes.iter().map(|lane| lane.table.waiting()).sum()
    }

    /// Takes the question of a level, which goes out with the next [`flush`](Self::flush).
    ///
    /// # Errors
    /// The name is none, or the operating system gives no socket.
    pub(super) fn ask(&mut self, level: NodeId, name: &str) -> Result<(), ExchangeError> {
        self.question.name.clear();
        self.question.name.push_str(name);
        wire::encode(0, &self.question, &mut self.query).map_err(ExchangeError::Question)?;
        let at = self.lane().map_err(|error| network(&error))?;
        let lane = &mut self.lanes[at];
        if lane.outgoing.ends.is_empty() {
            self.now = Instant::now();
        }
        let asked = Asked { level, sent: self.now, strays: lane.strays };
        let place = lane.table.open(&mut self.query, true, asked);
        lane.outgoing.octets.extend_from_slice(&self.query);
        lane.outgoing.ends.push((place, lane.outgoing.octets.len()));
        lane.questions += 1;
        if self.alarm.is_none() {
            self.alarm = Some(Box::pin(tokio::time::sleep(self.timeout)));
        }
        Ok(())
    }

    /// Sends what was asked, as far as the sockets take it now; tells of those that the operating system refuses.
    pub(super) fn flush(&mut self, ended: &mut dyn FnMut(NodeId, Ended<'_>)) {
        for lane in &mut self.lanes {
            lane.flush(ended);
        }
    }

    /// The least busy socket; a new one where all are busy or worn.
    fn lane(&mut self) -> std::io::Result<usize> {
        self.lanes.retain(|lane| !lane.is_worn() || lane.table.waiting() > 0);
        let fresh = self.lanes.iter().enumerate().filter(|(_, lane)| !lane.is_worn());
        let best = fresh.map(|(at, lane)| (lane.table.waiting(), at)).min();
        match best {
            Some((waiting, at)) if waiting < BUSY || self.lanes.len() >= LANES => Ok(at),
            found => match (connected(self.address), found) {
                (Ok(socket), _) => {
                    self.lanes.push(Lane::new(socket));
                    Ok(self.lanes.len() - 1)
                }
                // No more sockets to be had: the ones there are carry the load.
                (Err(_), Some((_, at))) => Ok(at),
                (Err(error), None) => Err(error),
            },
        }
    }

    /// Tells of questions that ended, some of them at a time. Ready after it told of any.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, ended: &mut dyn FnMut(NodeId, Ended<'_>)) -> Poll<()> {
        let mut any = false;
        for lane in &mut self.lanes {
            any |= lane.poll(cx, &mut self.buffer, &self.passed_over, ended);
        }
        any |= self.poll_alarm(cx, ended);
        if any { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Tells of those that waited too long.
    fn poll_alarm(&mut self, cx: &mut Context<'_>, ended: &mut dyn FnMut(NodeId, Ended<'_>)) -> bool {
        let mut any = false;
        while let Some(alarm) = &mut self.alarm
            && alarm.as_mut().poll(cx).is_ready()
        {
            let now = Instant::now();
            for lane in &mut self.lanes {
                let late = lane.table.overdue(|asked| now.saturating_duration_since(asked.sent) >= self.timeout);
                for (asked, strays) in late {
                    any = true;
                    let strays = strays.saturating_add(lane.strays.wrapping_sub(asked.strays));
                    ended(asked.level, Err(ExchangeError::Timeout { after_ms: millis(self.timeout), strays }));
                }
            }
            let oldest = self.lanes.iter().flat_map(|lane| lane.table.askers()).map(|asked| asked.sent).min();
            self.alarm = oldest.map(|sent| Box::pin(tokio::time::sleep_until((sent + self.timeout).into())));
        }
        any
    }
}

impl Lane {
    fn new(socket: UdpSocket) -> Self {
        let socket = Arc::new(socket);
        let trouble = trouble(Arc::clone(&socket));
        let (table, outgoing) = (Table::default(), Outgoing::default());
        Self { socket, trouble, table, outgoing, questions: 0, strays: 0, broken: false }
    }

    fn is_worn(&self) -> bool {
        self.questions >= LANE_QUESTIONS || self.broken
    }

    /// Sends what waits, as far as the socket takes it now.
    fn flush(&mut self, ended: &mut dyn FnMut(NodeId, Ended<'_>)) {
        let mut failed = false;
        while self.outgoing.sent < self.outgoing.ends.len() {
            match self.outgoing.send(&self.socket) {
                Ok(count) => {
                    self.outgoing.sent += count;
                    failed = false;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                // The error may belong to a datagram sent before: the socket reports it once.
                Err(_) if !failed => failed = true,
                Err(error) => {
                    let (place, _) = self.outgoing.ends[self.outgoing.sent];
                    self.outgoing.sent += 1;
                    failed = false;
                    if let Some(asked) = self.table.leave(place) {
                        ended(asked.level, Err(network(&error)));
                    }
                }
            }
        }
        self.outgoing.octets.clear();
        self.outgoing.ends.clear();
        self.outgoing.sent = 0;
    }

    /// Takes what the socket has, up to a burst; gives whether a question ended.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        passed_over: &AtomicU64,
        ended: &mut dyn FnMut(NodeId, Ended<'_>),
    ) -> bool {
        let mut any = self.poll_trouble(cx, ended);
        while !self.outgoing.ends.is_empty() && self.socket.poll_send_ready(cx).is_ready() {
            self.flush(&mut |level, end| {
                any = true;
                ended(level, end);
            });
        }
        let now = Instant::now();
        // Ready, then empty: only asking once more leaves word to be woken.
        while !self.broken && self.socket.poll_recv_ready(cx).is_ready() {
            for _ in 0..BURST {
                match receive(&self.socket, buffer) {
                    Ok(octets) => any |= self.take(&buffer[..octets], now, passed_over, ended),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                    Err(error) => {
                        any |= self.fail(&error, ended);
                        break;
                    }
                }
            }
            if any {
                break;
            }
        }
        any
    }

    /// Whether the operating system reported an error that ended questions.
    fn poll_trouble(&mut self, cx: &mut Context<'_>, ended: &mut dyn FnMut(NodeId, Ended<'_>)) -> bool {
        let mut any = false;
        while self.trouble.poll_unpin(cx).is_ready() {
            // Without an error the readiness is over.
            let told = self.socket.try_io(Interest::ERROR, || match self.socket.take_error()? {
                Some(error) => Err(error),
                None => Err::<(), _>(std::io::ErrorKind::WouldBlock.into()),
            });
            match told {
                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => any |= self.fail(&error, ended),
                Ok(()) | Err(_) => {}
            }
            self.trouble = trouble(Arc::clone(&self.socket));
        }
        any
    }

    /// Tells everyone who waits on this socket of an error; whether there was anyone.
    fn fail(&mut self, error: &std::io::Error, ended: &mut dyn FnMut(NodeId, Ended<'_>)) -> bool {
        self.broken |= !is_from_the_network(error);
        self.outgoing = Outgoing::default();
        let text = describe(error);
        let mut any = false;
        for asked in self.table.give_up() {
            any = true;
            ended(asked.level, Err(ExchangeError::Network(text.clone())));
        }
        any
    }

    /// Gives a datagram to the question it answers, or counts it.
    fn take(
        &mut self,
        bytes: &[u8],
        now: Instant,
        passed_over: &AtomicU64,
        ended: &mut dyn FnMut(NodeId, Ended<'_>),
    ) -> bool {
        match self.table.receive(bytes) {
            Fit::Answer(asked, strays) => {
                let strays = strays.saturating_add(self.strays.wrapping_sub(asked.strays));
                ended(
                    asked.level,
                    Ok(Datagram { bytes, rtt_us: micros(now.saturating_duration_since(asked.sent)), strays }),
                );
                return true;
            }
            Fit::Known => {}
            Fit::Unfit => {
                passed_over.fetch_add(1, Ordering::Relaxed);
            }
            Fit::Stray => {
                self.strays = self.strays.wrapping_add(1);
                passed_over.fetch_add(1, Ordering::Relaxed);
            }
        }
        false
    }
}

/// Waits until a socket has an error to report.
fn trouble(socket: Arc<UdpSocket>) -> BoxFuture<'static, ()> {
    async move { drop(socket.ready(Interest::ERROR).await) }.boxed()
}

impl Outgoing {
    /// Sends some of those that did not go out yet; how many.
    fn send(&self, socket: &UdpSocket) -> std::io::Result<usize> {
        let start = self.sent.checked_sub(1).map_or(0, |before| self.ends[before].1);
        let questions = self.ends[self.sent..].iter().take(BURST).scan(start, |start, (_, end)| {
            let octets = &self.octets[*start..*end];
            *start = *end;
            Some(octets)
        });
        send(socket, questions)
    }
}

/// Many datagrams with one system call.
#[cfg(target_os = "linux")]
fn send<'a>(socket: &UdpSocket, datagrams: impl Iterator<Item = &'a [u8]>) -> std::io::Result<usize> {
    use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sendmmsg};

    let mut parts: Vec<_> = datagrams.map(|octets| ([IoSlice::new(octets)], SendAncillaryBuffer::default())).collect();
    let mut messages: Vec<MMsgHdr<'_>> = parts.iter_mut().map(|(part, none)| MMsgHdr::new(part, none)).collect();
    socket.try_io(Interest::WRITABLE, || Ok(sendmmsg(socket, &mut messages, SendFlags::empty())?))
}

/// The first of some datagrams.
#[cfg(not(target_os = "linux"))]
fn send<'a>(socket: &UdpSocket, mut datagrams: impl Iterator<Item = &'a [u8]>) -> std::io::Result<usize> {
    datagrams.next().map_or(Ok(0), |octets| socket.try_send(octets).map(|_| 1))
}

/// One datagram. The C library's own call makes room for a thread to be cancelled in it, which costs as much again.
#[cfg(target_os = "linux")]
fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> std::io::Result<usize> {
    use rustix::net::{RecvFlags, recv};

    socket.try_io(Interest::READABLE, || Ok(recv(socket, &mut *buffer, RecvFlags::empty())?.0))
}

/// One datagram.
#[cfg(not(target_os = "linux"))]
fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> std::io::Result<usize> {
    socket.try_recv(buffer)
}
