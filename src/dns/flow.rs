//! [`Flow`]: hundred thousands of questions to one resolver over UDP, each sent once, without a future for each.
//!
//! What [`Exchange::ask`](super::Exchange::ask) does for one question: connected sockets on ports of the operating system's
//! choice that change after a while, random ids, answers held against the question. A caller polls for all that ended.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::time::Sleep;

use super::exchange::{ExchangeError, Question, Reply};
use super::udp::{BUSY, LANE_QUESTIONS, LANES, connected, describe, is_from_the_network, micros, millis, network};
use super::udp_table::{Fit, Table};
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
    buffer: Box<[u8]>,
    /// Fires when the oldest question may have waited too long.
    alarm: Option<Pin<Box<Sleep>>>,
}

struct Lane {
    socket: UdpSocket,
    table: Table<Asked>,
    questions: usize,
    /// Datagrams of no known id.
    strays: u32,
    broken: bool,
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
            buffer: vec![0; 1 << 16].into(),
            alarm: None,
        }
    }

    /// Questions without an answer.
    pub(super) fn waiting(&self) -> usize {
        self.lanes.iter().map(|lane| lane.table.waiting()).sum()
    }

    /// Sends the question of a level; gives whether it went out. Where the socket is full just now it did not.
    ///
    /// # Errors
    /// The name is none, or the operating system refuses.
    pub(super) fn ask(&mut self, level: NodeId, name: &str) -> Result<bool, ExchangeError> {
        self.question.name.clear();
        self.question.name.push_str(name);
        wire::encode(0, &self.question, &mut self.query).map_err(ExchangeError::Question)?;
        let at = self.lane().map_err(|error| network(&error))?;
        let lane = &mut self.lanes[at];
        let asked = Asked { level, sent: Instant::now(), strays: lane.strays };
        let place = lane.table.open(&mut self.query, true, asked);
        // An error may belong to a datagram sent before: the socket reports it once.
        let sent = lane.socket.try_send(&self.query).or_else(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => Err(error),
            _ => lane.socket.try_send(&self.query),
        });
        if let Err(error) = sent {
            lane.table.leave(place);
            return if error.kind() == std::io::ErrorKind::WouldBlock { Ok(false) } else { Err(network(&error)) };
        }
        lane.questions += 1;
        if self.alarm.is_none() {
            self.alarm = Some(Box::pin(tokio::time::sleep(self.timeout)));
        }
        Ok(true)
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
                    self.lanes.push(Lane { socket, table: Table::default(), questions: 0, strays: 0, broken: false });
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
    fn is_worn(&self) -> bool {
        self.questions >= LANE_QUESTIONS || self.broken
    }

    /// Takes what the socket has, up to a burst; gives whether a question ended.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        passed_over: &AtomicU64,
        ended: &mut dyn FnMut(NodeId, Ended<'_>),
    ) -> bool {
        let mut any = false;
        // Ready, then empty: only asking once more leaves word to be woken.
        while !self.broken && self.socket.poll_recv_ready(cx).is_ready() {
            for _ in 0..BURST {
                match self.socket.try_recv(buffer) {
                    Ok(octets) => any |= self.take(&buffer[..octets], passed_over, ended),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                    Err(error) => {
                        self.broken = !is_from_the_network(&error);
                        let text = describe(&error);
                        for asked in self.table.give_up() {
                            any = true;
                            ended(asked.level, Err(ExchangeError::Network(text.clone())));
                        }
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

    /// Gives a datagram to the question it answers, or counts it.
    fn take(&mut self, bytes: &[u8], passed_over: &AtomicU64, ended: &mut dyn FnMut(NodeId, Ended<'_>)) -> bool {
        match self.table.receive(bytes) {
            Fit::Answer(asked, strays) => {
                let strays = strays.saturating_add(self.strays.wrapping_sub(asked.strays));
                ended(asked.level, Ok(Datagram { bytes, rtt_us: micros(asked.sent.elapsed()), strays }));
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
