//! [`Asker`]: questions to authoritative addresses: paced, counted, repeated on silence, within a budget.
//!
//! Knows what is remembered of each address, and nothing of zones or of what an answer means.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::Semaphore;

use super::exchange::{EdnsQuery, Exchange, ExchangeError, Question, Server};
use crate::caa::{Observation, Probe, ProbeKind, Transport};
use crate::limit::{Endpoint, Throttle};

/// Questions in flight over all addresses.
const IN_FLIGHT: usize = 256;
/// How long a try stays alone before the next one is sent.
pub(super) const PATIENCE: Duration = Duration::from_millis(1500);
/// The pause after an error of the operating system.
const AFTER_ERROR: Duration = Duration::from_millis(300);
/// IPv6 addresses that must stay silent before IPv6 itself is doubted.
const SILENT_IPV6: usize = 4;

/// Octets a CA's resolver has room for.
pub(super) const ROOM: u16 = 1232;

/// How a question is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    /// Advertised payload with DO, or no EDNS.
    pub(super) payload: Option<u16>,
    pub(super) transport: Transport,
    /// The CD bit.
    pub(super) checking_disabled: bool,
}

impl Form {
    pub(super) const EDNS: Self = Self::of(Some(ROOM), Transport::Udp);
    pub(super) const PLAIN: Self = Self::of(None, Transport::Udp);
    pub(super) const TCP: Self = Self::of(Some(ROOM), Transport::Tcp);
    pub(super) const UNCHECKED: Self = Self { checking_disabled: true, ..Self::EDNS };

    pub(super) const fn of(payload: Option<u16>, transport: Transport) -> Self {
        Self { payload, transport, checking_disabled: false }
    }

    /// How a probe was put.
    pub(super) fn again(probe: &Probe) -> Self {
        Self { checking_disabled: probe.kind.checking_disabled(), ..Self::of(probe.payload, probe.transport) }
    }
}

/// What all questions of one view share.
pub(super) struct Asker<'a> {
    exchange: &'a dyn Exchange,
    throttle: &'a Throttle,
    port: u16,
    timeout: Duration,
    in_flight: Semaphore,
    sent: AtomicU64,
    budget: u64,
    quickest_us: AtomicU64,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    answered: BTreeSet<IpAddr>,
    silent: BTreeSet<IpAddr>,
    unrouted: BTreeSet<IpAddr>,
    limits: BTreeSet<String>,
}

impl<'a> Asker<'a> {
    pub(super) fn new(
        exchange: &'a dyn Exchange,
        throttle: &'a Throttle,
        port: u16,
        timeout: Duration,
        budget: u64,
    ) -> Self {
        Self {
            exchange,
            throttle,
            port,
            timeout,
            in_flight: Semaphore::new(IN_FLIGHT),
            sent: AtomicU64::new(0),
            budget,
            quickest_us: AtomicU64::new(u64::MAX),
            memory: Mutex::default(),
        }
    }

    /// Messages sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed).min(self.budget)
    }

    /// Whether as many messages were sent as may be.
    pub(super) fn is_spent(&self) -> bool {
        self.sent.load(Ordering::Relaxed) >= self.budget
    }

    /// The shortest round trip so far.
    pub(super) fn quickest_us(&self) -> Option<u64> {
        Some(self.quickest_us.load(Ordering::Relaxed)).filter(|time| *time != u64::MAX)
    }

    /// Notes something that was left out.
    pub(super) fn limit(&self, sentence: String) {
        self.memory().limits.insert(sentence);
    }

    pub(super) fn limits(&self) -> BTreeSet<String> {
        self.memory().limits.clone()
    }

    /// Whether IPv6 works from here, as far as the questions so far tell.
    pub(super) fn ipv6_works(&self) -> Option<bool> {
        let memory = self.memory();
        let six = |set: &BTreeSet<IpAddr>| set.iter().filter(|address| address.is_ipv6()).count();
        if six(&memory.answered) > 0 {
            Some(true)
        } else if six(&memory.unrouted) > 0 || six(&memory.silent) >= SILENT_IPV6 {
            Some(false)
        } else {
            None
        }
    }

    /// Counts an address as silent that was not waited for to the end.
    pub(super) fn gave_up(&self, address: IpAddr) {
        self.memory().silent.insert(address);
    }

    /// Whether anything ever came from one of these addresses.
    pub(super) fn any_answered(&self, addresses: &BTreeSet<IpAddr>) -> bool {
        !self.memory().answered.is_disjoint(addresses)
    }

    /// Addresses in the order to try them: those that answered, then those not met, IPv4 first, then the silent ones.
    /// The best of them take turns by `name`, so that no server carries the load of a large zone alone.
    pub(super) fn best_first(&self, addresses: &BTreeSet<IpAddr>, name: &str) -> Vec<IpAddr> {
        let ipv6 = self.ipv6_works();
        let memory = self.memory();
        // Where there are many, those not met are most likely as good.
        let many = addresses.len() > 4;
        let rank = |address: &IpAddr| {
            if address.is_ipv6() && ipv6 == Some(false) {
                4
            } else if memory.answered.contains(address) {
                0
            } else if memory.silent.contains(address) {
                3
            } else if address.is_ipv6() && ipv6.is_none() {
                2
            } else {
                u8::from(!many)
            }
        };
        let mut sorted: Vec<IpAddr> = addresses.iter().copied().collect();
        sorted.sort_by_key(|address| (rank(address), *address));
        if let Some(first) = sorted.first().map(rank) {
            let best = sorted.iter().take_while(|address| rank(address) == first).count();
            let turn = name.bytes().fold(0_usize, |sum, octet| sum.wrapping_mul(31).wrapping_add(octet.into()));
            sorted[..best].rotate_left(turn % best);
        }
        sorted
    }

    /// Waits until the address may be asked again.
    pub(super) async fn turn(&self, address: IpAddr) {
        self.throttle.turn(&Endpoint::Server(address)).await;
    }

    /// One transmission, for which a turn was taken. `None` if the budget is spent or the question cannot be put.
    pub(super) async fn transmit(&self, address: IpAddr, name: &str, rtype: u16, form: Form) -> Option<Observation> {
        let _place = self.in_flight.acquire().await.expect("the semaphore is never closed");
        if self.sent.fetch_add(1, Ordering::Relaxed) >= self.budget {
            self.limit(format!("{} questions were sent, as many as allowed; the rest was not asked", self.budget));
            return None;
        }
        let server = Server::Plain(SocketAddr::new(address, self.port), form.transport);
        let question = Question {
            name: name.to_owned(),
            rtype,
            recursion_desired: false,
            checking_disabled: form.checking_disabled,
            edns: form.payload.map(|payload| EdnsQuery { payload, dnssec_ok: true }),
        };
        let observation = match self.exchange.ask(&server, &question, self.timeout).await {
            Ok(reply) => {
                let rtt_us = reply.rtt_us;
                match reply.message {
                    Ok(message) => Observation::Message { message: Box::new(message), bytes: reply.bytes, rtt_us },
                    Err(why) => Observation::Unreadable { why: why.to_string(), octets: reply.bytes.len(), rtt_us },
                }
            }
            Err(ExchangeError::Timeout { after_ms, strays }) => Observation::Silence { after_ms, strays },
            Err(ExchangeError::Network(why)) => Observation::Network(why),
            Err(ExchangeError::Question(why)) => {
                self.limit(format!("a question was not asked: {why}"));
                return None;
            }
            Err(ExchangeError::NotRecorded) => {
                self.limit("the recording does not hold every question of this view".to_owned());
                return None;
            }
        };
        self.remember(address, form, &observation);
        Some(observation)
    }

    fn remember(&self, address: IpAddr, form: Form, observation: &Observation) {
        let mut memory = self.memory();
        match observation {
            Observation::Message { rtt_us, .. } => {
                memory.answered.insert(address);
                if form.transport == Transport::Udp {
                    self.quickest_us.fetch_min(*rtt_us, Ordering::Relaxed);
                }
            }
            Observation::Unreadable { .. } => drop(memory.answered.insert(address)),
            Observation::Silence { strays: 0, .. } => drop(memory.silent.insert(address)),
            Observation::Silence { .. } => {}
            Observation::Network(why) if is_unrouted(why) => drop(memory.unrouted.insert(address)),
            Observation::Network(_) => drop(memory.silent.insert(address)),
        }
    }

    /// One question in up to `tries` transmissions: the next goes out when those before were silent for a while, and none
    /// after an answer. Every try that went out is waited for. `None` if none could be sent.
    pub(super) async fn probe(
        &self,
        kind: ProbeKind,
        address: IpAddr,
        name: &str,
        rtype: u16,
        form: Form,
        tries: usize,
    ) -> Option<Probe> {
        let mut open = FuturesUnordered::new();
        let mut seen: BTreeMap<usize, Observation> = BTreeMap::new();
        let (mut started, mut wanted) = (0, tries);
        let mut not_before = Instant::now();
        loop {
            tokio::select! {
                biased;
                Some((place, result)) = open.next(), if !open.is_empty() => {
                    let result: Option<Observation> = result;
                    match &result {
                        None | Some(Observation::Message { .. } | Observation::Unreadable { .. }) => wanted = started,
                        Some(Observation::Network(why)) if is_unrouted(why) => wanted = started,
                        Some(Observation::Network(_)) => not_before = Instant::now() + AFTER_ERROR,
                        Some(Observation::Silence { .. }) => not_before = Instant::now(),
                    }
                    seen.extend(result.map(|observation| (place, observation)));
                }
                () = self.turn_after(not_before, address), if started < wanted => {
                    let place = started;
                    open.push(async move { (place, self.transmit(address, name, rtype, form).await) });
                    started += 1;
                    not_before = Instant::now() + PATIENCE;
                }
                else => break,
            }
        }
        let tries: Vec<Observation> = seen.into_values().collect();
        let probe =
            Probe { kind, name: name.to_owned(), rtype, payload: form.payload, transport: form.transport, tries };
        (!probe.tries.is_empty()).then_some(probe)
    }

    pub(super) async fn turn_after(&self, not_before: Instant, address: IpAddr) {
        tokio::time::sleep_until(not_before.into()).await;
        self.turn(address).await;
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // A panic elsewhere leaves these sets whole: every change is one step.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an error says that there is no way to the address from here.
fn is_unrouted(why: &str) -> bool {
    [ErrorKind::NetworkUnreachable, ErrorKind::HostUnreachable, ErrorKind::AddrNotAvailable, ErrorKind::Unsupported]
        .iter()
        .any(|kind| why.ends_with(&kind.to_string()))
}
