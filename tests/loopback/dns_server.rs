//! A DNS server that does what a test tells it, octet by octet: UDP and TCP on one ephemeral port of 127.0.0.1.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// One step of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Send these octets: a datagram, or a message behind its length.
    Send(Vec<u8>),
    /// Wait before the next step.
    Wait(Duration),
    /// Close the TCP connection; nothing over UDP.
    Close,
}

/// A query as received.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) bytes: Vec<u8>,
    /// Labels joined by dots, case as received.
    pub(crate) name: String,
    pub(crate) rtype: u16,
    pub(crate) tcp: bool,
    /// The address it came to.
    pub(crate) to: IpAddr,
    /// How often this name and type was asked before over this transport.
    pub(crate) nth: usize,
    /// When it came.
    pub(crate) at: Instant,
}

impl Query {
    fn read(bytes: &[u8], tcp: bool, to: IpAddr) -> Option<Self> {
        let (mut labels, mut at) = (Vec::new(), 12);
        loop {
            let length = usize::from(*bytes.get(at)?);
            at += 1;
            if length == 0 {
                break;
            }
            labels.push(String::from_utf8_lossy(bytes.get(at..at + length)?).into_owned());
            at += length;
        }
        let rtype = u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]);
        let name = labels.join(".");
        Some(Self { bytes: bytes.to_vec(), name, rtype, tcp, to, nth: 0, at: Instant::now() })
    }

    /// The checking-disabled bit.
    pub(crate) fn checking_disabled(&self) -> bool {
        self.bytes[3] & 0x10 != 0
    }

    /// Whether there is an additional record: the OPT record, as no other one is ever sent.
    pub(crate) fn has_edns(&self) -> bool {
        self.bytes[10..12] != [0, 0]
    }

    /// A reply: same id, same question, recursion available, no records.
    pub(crate) fn reply(&self, rcode: u8) -> Message {
        let end = 12 + self.name.len() + if self.name.is_empty() { 1 } else { 2 } + 4;
        let mut bytes = self.bytes[..end].to_vec();
        bytes[2] = 0x80 | bytes[2] & 1;
        bytes[3] = 0x80 | bytes[3] & 0x10 | rcode;
        bytes[4..12].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
        Message(bytes)
    }
}

/// A message under construction. Sections must be filled in order.
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    /// Adds a record to section 0 (answer), 1 (authority) or 2 (additional).
    pub(crate) fn record(mut self, section: usize, owner: &str, rtype: u16, data: &[u8]) -> Self {
        let at = 6 + 2 * section;
        let count = u16::from_be_bytes([self.0[at], self.0[at + 1]]) + 1;
        self.0[at..at + 2].copy_from_slice(&count.to_be_bytes());
        self.0.extend(name(owner));
        self.0.extend(rtype.to_be_bytes());
        self.0.extend([0, 1, 0, 0, 0, 60]);
        self.0.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        self.0.extend(data);
        self
    }

    /// A CAA record in the answer.
    pub(crate) fn caa(self, owner: &str, flags: u8, tag: &str, value: &str) -> Self {
        let mut data = vec![flags, u8::try_from(tag.len()).unwrap()];
        data.extend(tag.bytes().chain(value.bytes()));
        self.record(0, owner, 257, &data)
    }

    /// An SOA record in the authority section.
    pub(crate) fn soa(self, owner: &str) -> Self {
        self.record(1, owner, 6, &[0; 22])
    }

    /// An OPT record for 1232 octets with DO (RFC 6891 §6.1), the last one of the additional section.
    pub(crate) fn edns(self) -> Self {
        self.with(|bytes| {
            let count = u16::from_be_bytes([bytes[10], bytes[11]]) + 1;
            bytes[10..12].copy_from_slice(&count.to_be_bytes());
            bytes.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0]);
        })
    }

    /// Sets bits of the two flag octets.
    pub(crate) fn flags(mut self, high: u8, low: u8) -> Self {
        self.0[2] |= high;
        self.0[3] |= low;
        self
    }

    /// Changes the octets.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        change(&mut self.0);
        self
    }

    pub(crate) fn send(self) -> Vec<Act> {
        vec![Act::Send(self.0)]
    }
}

/// The wire form of a name without escapes.
pub(crate) fn name(text: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend(label.bytes());
    }
    wire.push(0);
    wire
}

type Answer = dyn Fn(&Query) -> Vec<Act> + Send + Sync;

struct Shared {
    answer: Box<Answer>,
    log: Mutex<Vec<Query>>,
}

impl Shared {
    fn acts(&self, bytes: &[u8], tcp: bool, at: IpAddr) -> Vec<Act> {
        let Some(mut query) = Query::read(bytes, tcp, at) else { return Vec::new() };
        {
            let mut log = self.log.lock().unwrap();
            let key = |query: &Query| (query.name.clone(), query.rtype, query.tcp, query.to);
            let same = |old: &&Query| key(old) == key(&query);
            query.nth = log.iter().filter(same).count();
            log.push(query.clone());
        }
        (self.answer)(&query)
    }
}

/// A running server; it stops when dropped.
pub(crate) struct DnsServer {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl DnsServer {
    /// Starts a server on 127.0.0.1 that answers each query with the steps `answer` gives.
    pub(crate) async fn start(answer: impl Fn(&Query) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::start_at(1, answer).await
    }

    /// The same on 127.0.0.1 and the addresses after it, `count` in all, on one port.
    pub(crate) async fn start_at(count: u8, answer: impl Fn(&Query) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared { answer: Box::new(answer), log: Mutex::default() });
        let sockets = loop {
            if let Some(sockets) = bind(count).await {
                break sockets;
            }
        };
        let address = sockets[0].0.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        for (udp, tcp) in sockets {
            tasks.spawn(serve_udp(Arc::new(udp), Arc::clone(&shared)));
            let for_tcp = Arc::clone(&shared);
            tasks.spawn(async move {
                while let Ok((stream, _)) = tcp.accept().await {
                    tokio::spawn(serve(stream, Arc::clone(&for_tcp)));
                }
            });
        }
        Self { address, shared, _tasks: tasks }
    }

    /// All queries so far in order of arrival.
    pub(crate) fn log(&self) -> Vec<Query> {
        self.shared.log.lock().unwrap().clone()
    }
}

/// UDP and TCP sockets on as many addresses, all on a port that is free everywhere; `None` if the first one tried is not.
async fn bind(count: u8) -> Option<Vec<(UdpSocket, TcpListener)>> {
    let mut sockets = Vec::new();
    let mut port = 0;
    for last in 1..=count {
        let udp = UdpSocket::bind(SocketAddr::from(([127, 0, 0, last], port))).await.ok()?;
        let address = udp.local_addr().unwrap();
        port = address.port();
        sockets.push((udp, TcpListener::bind(address).await.ok()?));
    }
    Some(sockets)
}

async fn serve_udp(udp: Arc<UdpSocket>, shared: Arc<Shared>) {
    let at = udp.local_addr().unwrap().ip();
    let mut buffer = vec![0; 65_535];
    // A peer that is gone makes the next read fail once.
    loop {
        let Ok((octets, peer)) = udp.recv_from(&mut buffer).await else { continue };
        let acts = shared.acts(&buffer[..octets], false, at);
        let udp = Arc::clone(&udp);
        tokio::spawn(async move {
            for act in acts {
                match act {
                    Act::Send(bytes) => drop(udp.send_to(&bytes, peer).await),
                    Act::Wait(time) => tokio::time::sleep(time).await,
                    Act::Close => {}
                }
            }
        });
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let at = stream.local_addr().unwrap().ip();
    while let Ok(length) = stream.read_u16().await {
        let mut bytes = vec![0; usize::from(length)];
        if stream.read_exact(&mut bytes).await.is_err() {
            return;
        }
        for act in shared.acts(&bytes, true, at) {
            match act {
                Act::Send(bytes) => {
                    let framed = [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat();
                    drop(stream.write_all(&framed).await);
                }
                Act::Wait(time) => tokio::time::sleep(time).await,
                Act::Close => return,
            }
        }
    }
}
