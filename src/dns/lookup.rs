//! One level through one resolver: the question with its retries, the fallback to TCP, and what is asked after a failure.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::exchange::{Exchange, ExchangeError, Question, Reply, Server};
use super::resolver::Resolver;
use super::wire;
use crate::caa::{DnsMessage, Lookup, LookupFailure, LookupOutcome, Soa, Transport, Try, classify, rcode, rtype};
use crate::limit::{Endpoint, Throttle};

/// What the lookups of one level or of many cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Transmissions of every kind: what a counter at the resolver shows.
    pub queries: u64,
    /// Of these: again after a silence.
    pub retries: u64,
    /// Of these: over TCP, after a truncated answer or where UDP was silent at every question.
    pub over_tcp: u64,
    /// Of these: with checking disabled, or for an address, after a failure.
    pub follow_ups: u64,
}

impl Cost {
    pub(super) fn add(&mut self, other: &Self) {
        self.queries += other.queries;
        self.retries += other.retries;
        self.over_tcp += other.over_tcp;
        self.follow_ups += other.follow_ups;
    }

    /// Counts a transmission, if there was one.
    fn count(&mut self, result: Result<Reply, ExchangeError>) -> Result<Reply, ExchangeError> {
        self.queries += u64::from(!matches!(result, Err(ExchangeError::NotRecorded | ExchangeError::Question(_))));
        result
    }
}

/// How patiently a level is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) timeout: Duration,
    pub(super) tries: u8,
    pub(super) follow_up: bool,
}

/// Which ways to a resolver were seen to work, over all lookups through it.
#[derive(Debug, Default)]
pub(super) struct Ways {
    udp: AtomicBool,
    tcp: AtomicBool,
}

impl Ways {
    /// A datagram came back.
    pub(super) fn udp_answers(&self) {
        self.udp.store(true, Ordering::Relaxed);
    }

    /// Whether no datagram came back so far: a network may let none pass.
    fn udp_is_silent(&self) -> bool {
        !self.udp.load(Ordering::Relaxed)
    }

    /// Whether TCP is the way that works.
    pub(super) fn only_tcp(&self) -> bool {
        self.udp_is_silent() && self.tcp.load(Ordering::Relaxed)
    }
}

/// Everything a lookup needs.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) exchange: &'a dyn Exchange,
    pub(super) throttle: &'a Throttle,
    pub(super) resolver: &'a Resolver,
    pub(super) endpoint: &'a Endpoint,
    pub(super) patience: Patience,
    pub(super) ways: &'a Ways,
}

impl Asker<'_> {
    /// Looks a level up. The turn for the first transmission is taken by the caller, who may have made it, too: `first` is
    /// what came of it at the resolver's first server.
    ///
    /// What few lookups need is boxed: hundreds of these futures are made anew all the time, and a small one costs less.
    pub(super) async fn lookup(&self, name: &str, first: Option<Result<Reply, ExchangeError>>) -> (Lookup, Cost) {
        let mut cost = Cost::default();
        let question = Question::to_resolver(name);
        let mut lookup = self.first_answer(&question, first, &mut cost).await;
        if let (LookupOutcome::Failed(failure), true) = (&lookup.outcome, self.patience.follow_up) {
            match failure {
                // Nothing reaches the resolver, or nothing may be asked.
                LookupFailure::Network(_) | LookupFailure::NotAsked => {}
                LookupFailure::ServFail => Box::pin(self.after_failure(&question, true, &mut lookup, &mut cost)).await,
                LookupFailure::Refused
                | LookupFailure::FormErr
                | LookupFailure::NotImp
                | LookupFailure::OtherRcode(_)
                | LookupFailure::Truncated
                | LookupFailure::Timeout(_)
                | LookupFailure::Malformed(_)
                | LookupFailure::Referral
                | LookupFailure::AliasLoop => {
                    Box::pin(self.after_failure(&question, false, &mut lookup, &mut cost)).await;
                }
            }
        }
        (lookup, cost)
    }

    /// Asks what tells more of a failure: with checking disabled where that may help, and for an address.
    async fn after_failure(&self, question: &Question, unchecked: bool, lookup: &mut Lookup, cost: &mut Cost) {
        if unchecked {
            let unchecked = Question { checking_disabled: true, ..question.clone() };
            let outcome = match self.follow_up(&unchecked, cost).await {
                Ok(message) => classify(&question.name, &message).outcome,
                Err(failure) => LookupOutcome::Failed(failure),
            };
            lookup.checking_disabled = Some(Box::new(outcome));
        }
        let address = Question { rtype: rtype::A, ..question.clone() };
        let answer = self.follow_up(&address, cost).await;
        let usable = |message: &DnsMessage| message.rcode == rcode::NOERROR || message.rcode == rcode::NXDOMAIN;
        lookup.address_answers = Some(answer.as_ref().is_ok_and(usable));
    }

    /// The CAA question until an answer comes or the tries are used up.
    async fn first_answer(
        &self,
        question: &Question,
        mut first: Option<Result<Reply, ExchangeError>>,
        cost: &mut Cost,
    ) -> Lookup {
        let (mut tries, mut waited, mut strays) = (0_u8, 0_u64, 0_u64);
        loop {
            let server = self.way_to(&self.resolver.servers[usize::from(tries) % self.resolver.servers.len()]);
            let result = match first.take() {
                Some(result) => cost.count(result),
                None => self.transmit(&server, question, cost).await,
            };
            tries += 1;
            let failure = match result {
                Ok(reply) => {
                    if server.transport() == Transport::Udp {
                        self.ways.udp_answers();
                    }
                    let over_tcp = server.over_tcp().filter(|_| is_truncated(&reply));
                    let Some(tcp) = over_tcp else { return read(&question.name, reply, tries, server.transport()) };
                    return Box::pin(self.over_tcp(&tcp, question, reply, tries, cost)).await;
                }
                Err(ExchangeError::Timeout { after_ms, strays: more }) => {
                    waited += after_ms;
                    strays += u64::from(more);
                    // Who wants no tries after the first gets none.
                    let may = self.patience.tries > 1 && self.ways.udp_is_silent() && strays == 0;
                    let tcp = server.over_tcp().filter(|_| may);
                    if Try::TimedOut.again(tries, self.patience.tries) && !(tcp.is_some() && self.ways.only_tcp()) {
                        Box::pin(self.throttle.turn(self.endpoint)).await;
                        cost.retries += 1;
                        continue;
                    }
                    if let Some(tcp) = tcp
                        && let Some(lookup) = Box::pin(self.instead_of_udp(&tcp, question, tries, cost)).await
                    {
                        return lookup;
                    }
                    if strays == 0 {
                        LookupFailure::Timeout(waited)
                    } else {
                        LookupFailure::Malformed(format!("no answer, but {strays} datagrams that fit no question"))
                    }
                }
                Err(ExchangeError::Network(text)) => LookupFailure::Network(text),
                Err(ExchangeError::Question(error)) => LookupFailure::Malformed(error.to_string()),
                Err(ExchangeError::NotRecorded) => {
                    tries -= 1;
                    LookupFailure::NotAsked
                }
            };
            return Lookup { tries, ..Lookup::bare(LookupOutcome::Failed(failure), server.transport()) };
        }
    }

    /// Asks again over TCP after a truncated answer, which stays the answer if TCP gives none.
    async fn over_tcp(&self, tcp: &Server, question: &Question, cut: Reply, tries: u8, cost: &mut Cost) -> Lookup {
        self.throttle.turn(self.endpoint).await;
        cost.over_tcp += 1;
        match self.transmit(tcp, question, cost).await {
            Ok(reply) => read(&question.name, reply, tries, Transport::Tcp),
            Err(_) => read(&question.name, cut, tries, Transport::Udp),
        }
    }

    /// The server by the way that works.
    fn way_to<'s>(&self, server: &'s Server) -> Cow<'s, Server> {
        let tcp = if self.ways.only_tcp() { server.over_tcp() } else { None };
        tcp.map_or(Cow::Borrowed(server), Cow::Owned)
    }

    /// Asks over TCP where UDP was silent so far: some networks let no datagrams pass. `None` if TCP gives nothing either.
    async fn instead_of_udp(&self, tcp: &Server, question: &Question, tries: u8, cost: &mut Cost) -> Option<Lookup> {
        self.throttle.turn(self.endpoint).await;
        cost.over_tcp += 1;
        let reply = self.transmit(tcp, question, cost).await.ok()?;
        self.ways.tcp.store(true, Ordering::Relaxed);
        Some(read(&question.name, reply, tries + 1, Transport::Tcp))
    }

    /// One more question, asked once, after a failure.
    async fn follow_up(&self, question: &Question, cost: &mut Cost) -> Result<DnsMessage, LookupFailure> {
        self.throttle.turn(self.endpoint).await;
        cost.follow_ups += 1;
        match self.transmit(&self.way_to(&self.resolver.servers[0]), question, cost).await {
            Ok(reply) => reply.message.map_err(|error| LookupFailure::Malformed(error.to_string())),
            Err(ExchangeError::Timeout { after_ms, .. }) => Err(LookupFailure::Timeout(after_ms)),
            Err(ExchangeError::Network(text)) => Err(LookupFailure::Network(text)),
            Err(ExchangeError::Question(error)) => Err(LookupFailure::Malformed(error.to_string())),
            Err(ExchangeError::NotRecorded) => Err(LookupFailure::NotAsked),
        }
    }

    async fn transmit(&self, server: &Server, question: &Question, cost: &mut Cost) -> Result<Reply, ExchangeError> {
        cost.count(self.exchange.ask(server, question, self.patience.timeout).await)
    }
}

/// Whether the rest of an answer is to be had over TCP.
fn is_truncated(reply: &Reply) -> bool {
    let usable = |rcode| rcode == rcode::NOERROR || rcode == rcode::NXDOMAIN;
    reply.message.as_ref().is_ok_and(|message| message.flags.tc && usable(message.rcode))
}

/// The lookup that a first datagram amounts to where that is plain: nearly all of very many levels have no records.
pub(super) fn negative(name: &str, bytes: &[u8], rtt_us: u64, owners: &mut Owners) -> Option<Lookup> {
    let negative = wire::negative(bytes, name)?;
    let outcome = match negative.rcode {
        rcode::NXDOMAIN => LookupOutcome::NxDomain(Soa::Present),
        _ => LookupOutcome::NoData(Soa::Present),
    };
    Some(Lookup {
        rcode: Some(negative.rcode),
        soa_owner: Some(owners.shared(negative.soa_owner)),
        authenticated: negative.authenticated,
        rtt_ms: Some(rtt_us / 1000),
        ..Lookup::bare(outcome, Transport::Udp)
    })
}

/// The SOA owner of the last answer: its neighbours have the same and share it.
#[derive(Default)]
pub(super) struct Owners(Option<Arc<str>>);

impl Owners {
    pub(super) fn shared(&mut self, owner: &str) -> Arc<str> {
        match &self.0 {
            Some(known) if **known == *owner => Arc::clone(known),
            Some(_) | None => Arc::clone(self.0.insert(Arc::from(owner))),
        }
    }
}

/// A reply as a lookup.
fn read(name: &str, reply: Reply, tries: u8, transport: Transport) -> Lookup {
    let rtt_ms = Some(reply.rtt_us / 1000);
    let message = match reply.message {
        Ok(message) => message,
        Err(error) => {
            let failure = LookupFailure::Malformed(format!("the answer cannot be read: {error}"));
            return Lookup { rtt_ms, tries, ..Lookup::bare(LookupOutcome::Failed(failure), transport) };
        }
    };
    let classified = classify(name, &message);
    Lookup {
        outcome: classified.outcome,
        rcode: Some(message.rcode),
        soa_owner: classified.soa_owner.map(Arc::from),
        aliases: classified.aliases,
        ede: message.edns.map(|edns| edns.ede).unwrap_or_default(),
        authenticated: message.flags.ad,
        checking_disabled: None,
        address_answers: None,
        rtt_ms,
        tries,
        transport,
    }
}
