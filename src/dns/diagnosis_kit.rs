//! Views of broken zones out of a few words, with real octets and real signatures, for tests of the diagnosis.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ring::signature::{Ed25519KeyPair, KeyPair};

use super::exchange::{EdnsQuery, Question};
use super::wire;
use crate::caa::evidence_name::{key, labels, mixed_case, parent};
use crate::caa::{
    AuthoritativeView, DsEvidence, HostEvidence, LevelEvidence, Observation, Probe, ProbeKind, ServerEvidence,
    Transport, ZoneEvidence, rtype,
};

/// The time of every view: inside the validity of [`Signer::sign`].
pub(super) const NOW: u32 = 1_800_000_000;

/// A record with its data in wire form.
#[derive(Debug, Clone)]
pub(super) struct Rr {
    pub(super) owner: String,
    pub(super) kind: u16,
    pub(super) data: Vec<u8>,
}

pub(super) fn name(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in labels(text) {
        out.push(u8::try_from(label.len()).unwrap());
        out.extend(label.bytes());
    }
    out.push(0);
    out
}

pub(super) fn rr(owner: &str, kind: u16, data: impl Into<Vec<u8>>) -> Rr {
    Rr { owner: owner.to_owned(), kind, data: data.into() }
}

pub(super) fn soa(owner: &str) -> Rr {
    let numbers = [1_u32, 7200, 3600, 1_209_600, 60].iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<_>>();
    rr(owner, rtype::SOA, [name("ns.test"), name("hostmaster.test"), numbers].concat())
}

pub(super) fn ns(owner: &str) -> Rr {
    rr(owner, rtype::NS, name("ns.test"))
}

pub(super) fn a(owner: &str) -> Rr {
    rr(owner, rtype::A, [192, 0, 2, 1])
}

pub(super) fn caa(owner: &str, value: &str) -> Rr {
    rr(owner, rtype::CAA, [&[0, 5], b"issue".as_slice(), value.as_bytes()].concat())
}

pub(super) fn cname(owner: &str, target: &str) -> Rr {
    rr(owner, rtype::CNAME, name(target))
}

/// NSEC with a bitmap of types below 512.
pub(super) fn nsec(owner: &str, next: &str, types: &[u16]) -> Rr {
    let mut data = name(next);
    for window in 0..2_u16 {
        let mut block = [0_u8; 32];
        for kind in types.iter().filter(|kind| **kind / 256 == window) {
            block[usize::from(kind % 256 / 8)] |= 0x80 >> (kind % 8);
        }
        let length = block.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
        if length > 0 {
            data.extend([u8::try_from(window).unwrap(), u8::try_from(length).unwrap()]);
            data.extend(&block[..length]);
        }
    }
    rr(owner, rtype::NSEC, data)
}

/// A message on its way.
#[derive(Debug, Clone, Default)]
pub(super) struct Packet {
    pub(super) rcode: u16,
    pub(super) no_aa: bool,
    pub(super) ra: bool,
    pub(super) tc: bool,
    pub(super) answers: Vec<Rr>,
    pub(super) authority: Vec<Rr>,
}

impl Packet {
    /// The octets, as the answer to a question.
    pub(super) fn octets(&self, asked: &str, kind: u16) -> Vec<u8> {
        let flags = 0x80 | u8::from(!self.no_aa) << 2 | u8::from(self.tc) << 1;
        let counts = [1, self.answers.len(), self.authority.len(), usize::from(self.rcode > 15)];
        let mut out = vec![0, 1, flags, u8::from(self.ra) << 7 | u8::try_from(self.rcode & 15).unwrap()];
        out.extend(counts.iter().flat_map(|count| u16::try_from(*count).unwrap().to_be_bytes()));
        out.extend(name(asked));
        out.extend(kind.to_be_bytes());
        out.extend([0, 1]);
        for record in self.answers.iter().chain(&self.authority) {
            out.extend(record.octets());
        }
        if self.rcode > 15 {
            out.extend([0, 0, 41, 4, 208, u8::try_from(self.rcode >> 4).unwrap(), 0, 0, 0, 0, 0]);
        }
        out
    }
}

impl Rr {
    fn octets(&self) -> Vec<u8> {
        let mut out = name(&self.owner);
        out.extend(self.kind.to_be_bytes());
        out.extend([0, 1, 0, 0, 0, 60]);
        out.extend(u16::try_from(self.data.len()).unwrap().to_be_bytes());
        out.extend(&self.data);
        out
    }
}

/// A key that signs a zone.
pub(super) struct Signer {
    pub(super) zone: String,
    pub(super) pair: Ed25519KeyPair,
}

impl Signer {
    pub(super) fn new(zone: &str, seed: u8) -> Self {
        Self { zone: zone.to_owned(), pair: Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap() }
    }

    pub(super) fn key(&self) -> Rr {
        rr(&self.zone, rtype::DNSKEY, [&[1, 1, 3, 15], self.pair.public_key().as_ref()].concat())
    }

    fn tag(&self) -> u16 {
        let sum: u32 =
            self.key().data.iter().enumerate().map(|(i, b)| u32::from(*b) << if i % 2 == 0 { 8 } else { 0 }).sum();
        u16::try_from((sum + (sum >> 16)) & 0xffff).unwrap()
    }

    /// The DS record for the parent, by SHA-256.
    pub(super) fn ds(&self) -> Rr {
        let digest = ring::digest::digest(&ring::digest::SHA256, &[name(&self.zone), self.key().data].concat());
        rr(&self.zone, rtype::DS, [&self.tag().to_be_bytes()[..], &[15, 2], digest.as_ref()].concat())
    }

    /// The signature over records of one owner and type, valid at [`NOW`].
    pub(super) fn sign(&self, set: &[Rr]) -> Rr {
        self.sign_for(set, NOW - 1000, NOW + 1000, labels(&set[0].owner).count())
    }

    /// The same with a time and a count of labels of one's choice.
    pub(super) fn sign_for(&self, set: &[Rr], from: u32, until: u32, count: usize) -> Rr {
        let (owner, kind) = (&set[0].owner, set[0].kind);
        let mut head = kind.to_be_bytes().to_vec();
        head.extend([15, u8::try_from(count).unwrap(), 0, 0, 0, 60]);
        head.extend(until.to_be_bytes());
        head.extend(from.to_be_bytes());
        head.extend(self.tag().to_be_bytes());
        head.extend(name(&self.zone));
        let all: Vec<&str> = labels(owner).collect();
        let wildcard = format!("*.{}", all[all.len() - count..].join("."));
        let signed_owner = if count < all.len() { wildcard } else { owner.clone() };
        let mut octets = head.clone();
        let mut sorted: Vec<&Rr> = set.iter().collect();
        sorted.sort_by(|a, b| a.data.cmp(&b.data));
        for record in sorted {
            octets.extend(Rr { owner: signed_owner.clone(), ..record.clone() }.octets());
        }
        head.extend(self.pair.sign(&octets).as_ref());
        rr(owner, rtype::RRSIG, head)
    }
}

/// One answer in a word: what a server says to a question, or that it says nothing.
///
/// `nodata nosoa nsinstead soa=OWNER soainanswer nxdomain nxnosoa records=VALUE a alias=TARGET refused servfail formerr notimp
/// badvers notauth tc up self down=ZONE a-for-caa rrsig silence closed stray garbage`, with the endings `-noaa -ra -case
/// -late=MS`.
pub(super) fn observe(word: &str, zone: &str, asked: &str, kind: u16) -> Observation {
    let mut endings = word.split('-');
    let (word, argument) = endings
        .next()
        .unwrap()
        .split_once('=')
        .map_or_else(|| (word.split('-').next().unwrap(), ""), |(word, argument)| (word, argument));
    let endings: Vec<&str> = endings.collect();
    let lower = key(asked);
    let records = || match kind {
        rtype::NS => vec![ns(&lower)],
        rtype::SOA => vec![soa(&lower)],
        _ => vec![a(&lower)],
    };
    let packet = match word {
        "silence" => return Observation::Silence { after_ms: 5000, strays: 0 },
        "stray" => return Observation::Silence { after_ms: 5000, strays: 1 },
        "closed" => return Observation::Network("connection refused: nothing listens at that port".into()),
        "garbage" => return Observation::Unreadable { why: "ends early".into(), octets: 20, rtt_us: 1000 },
        "nodata" => Packet { authority: vec![soa(zone)], ..Packet::default() },
        "nosoa" => Packet::default(),
        "nsinstead" => Packet { authority: vec![ns(zone)], ..Packet::default() },
        "soa" => Packet { authority: vec![soa(argument)], ..Packet::default() },
        "soainanswer" => Packet { answers: vec![soa(zone)], ..Packet::default() },
        "nxdomain" => Packet { rcode: 3, authority: vec![soa(zone)], ..Packet::default() },
        "nxsoa" => Packet { rcode: 3, authority: vec![soa(argument)], ..Packet::default() },
        "nxnosoa" => Packet { rcode: 3, ..Packet::default() },
        "records" if kind == rtype::CAA => Packet { answers: vec![caa(&lower, argument)], ..Packet::default() },
        "records" => Packet { answers: records(), ..Packet::default() },
        "notag" => Packet { answers: vec![rr(&lower, rtype::CAA, *b"\0\0ca.example")], ..Packet::default() },
        "odd" => Packet { answers: vec![rr(&lower, rtype::CAA, [0, 9, b'i'])], ..Packet::default() },
        "alias" => Packet { answers: vec![cname(&lower, argument)], ..Packet::default() },
        "aliasa" => Packet { answers: vec![cname(&lower, argument), a(argument)], ..Packet::default() },
        "aliascaa" => Packet { answers: vec![cname(&lower, argument), caa(&lower, "x")], ..Packet::default() },
        "aliassoa" => {
            Packet { answers: vec![cname(&lower, argument)], authority: vec![soa(zone)], ..Packet::default() }
        }
        "aliasnx" => Packet { rcode: 3, answers: vec![cname(&lower, argument)], ..Packet::default() },
        "refused" => Packet { rcode: 5, no_aa: true, ..Packet::default() },
        "servfail" => Packet { rcode: 2, no_aa: true, ..Packet::default() },
        "formerr" => Packet { rcode: 1, no_aa: true, ..Packet::default() },
        "notimp" => Packet { rcode: 4, no_aa: true, ..Packet::default() },
        "notauth" => Packet { rcode: 9, no_aa: true, ..Packet::default() },
        "badvers" => Packet { rcode: 16, no_aa: true, ..Packet::default() },
        "badcookie" => Packet { rcode: 23, no_aa: true, ..Packet::default() },
        "tc" => Packet { tc: true, ..Packet::default() },
        "up" => Packet { no_aa: true, authority: vec![ns(".")], ..Packet::default() },
        "self" => Packet { no_aa: true, authority: vec![ns(zone)], ..Packet::default() },
        "down" => Packet { no_aa: true, authority: vec![ns(argument)], ..Packet::default() },
        "wrongtype" => Packet { answers: vec![a(&lower)], ..Packet::default() },
        "rrsig" => Packet { answers: vec![rr(&lower, rtype::RRSIG, [0; 20])], ..Packet::default() },
        other => panic!("{other}"),
    };
    let packet = Packet { no_aa: packet.no_aa || endings.contains(&"noaa"), ra: endings.contains(&"ra"), ..packet };
    let echoed = if endings.contains(&"case") { lower.clone() } else { asked.to_owned() };
    let late = endings.iter().find_map(|e| e.strip_prefix("late=")).map_or(1, |ms| ms.parse().unwrap());
    message(&packet.octets(&echoed, kind), asked, kind, late * 1000)
}

/// Octets as they are observed.
pub(super) fn message(octets: &[u8], asked: &str, kind: u16, rtt_us: u64) -> Observation {
    let question = Question {
        name: asked.to_owned(),
        rtype: kind,
        recursion_desired: false,
        checking_disabled: false,
        edns: Some(EdnsQuery { payload: 1232, dnssec_ok: true }),
    };
    match wire::decode(octets, &question) {
        Ok(message) => Observation::Message { message: Box::new(message), bytes: octets.to_vec(), rtt_us },
        Err(why) => Observation::Unreadable { why: why.to_string(), octets: octets.len(), rtt_us },
    }
}

fn probe_of(word: &str) -> (ProbeKind, u16, Transport) {
    use ProbeKind::{
        ApexCheckingDisabled, ApexNs, ApexPlain, ApexTcp, Caa, CaaBelow, CaaLarge, CaaLowerCase, CaaPlainest, CaaSmall,
        CaaTcp, CaaWithoutEdns, Control, Dnskey, ExistingName, UnknownType,
    };
    let (kind, rtype) = match word {
        "caa" => (Caa, rtype::CAA),
        "a" => (Control, rtype::A),
        "plain" => (CaaWithoutEdns, rtype::CAA),
        "lower" => (CaaLowerCase, rtype::CAA),
        "tcp" => (CaaTcp, rtype::CAA),
        "plainest" => (CaaPlainest, rtype::CAA),
        "unknown" => (UnknownType, rtype::PRIVATE),
        "512" => (CaaSmall, rtype::CAA),
        "4096" => (CaaLarge, rtype::CAA),
        "ns" => (ApexNs, rtype::NS),
        "apexplain" => (ApexPlain, rtype::A),
        "apextcp" => (ApexTcp, rtype::SOA),
        "dnskey" | "dnskeytcp" => (Dnskey, rtype::DNSKEY),
        "existing" => (ExistingName, rtype::PRIVATE),
        "cd" => (ApexCheckingDisabled, rtype::CAA),
        "below" => (CaaBelow, rtype::CAA),
        other => panic!("{other}"),
    };
    let tcp = matches!(word, "tcp" | "apextcp" | "dnskeytcp");
    (kind, rtype, if tcp { Transport::Tcp } else { Transport::Udp })
}

fn is_of_apex(kind: ProbeKind) -> bool {
    use ProbeKind::{ApexNs, ApexPlain, ApexTcp, Dnskey, ExistingName};
    matches!(kind, ApexNs | ApexPlain | ApexTcp | Dnskey | ExistingName)
}

pub(super) fn address(place: usize) -> IpAddr {
    format!("192.0.2.{}", place + 1).parse().unwrap()
}

/// A probe with ready observations.
pub(super) fn probe(word: &str, zone: &str, level: &str, tries: Vec<Observation>) -> Probe {
    let (kind, rtype, transport) = probe_of(word);
    let name = match kind {
        ProbeKind::CaaLowerCase | ProbeKind::CaaPlainest => level.to_owned(),
        ProbeKind::ExistingName => format!("ns.{zone}"),
        ProbeKind::ApexCheckingDisabled => zone.to_owned(),
        ProbeKind::CaaBelow => mixed_case(&format!("z.{zone}")),
        kind if is_of_apex(kind) => zone.to_owned(),
        _ => mixed_case(level),
    };
    Probe { kind, name, rtype, payload: Some(1232), transport, tries }
}

/// The view of one level in one zone below an unsigned private root; one text a server: `caa=nodata a=records ns=records`,
/// several tries joined by `+`.
pub(super) fn view_of(zone: &str, level: &str, servers: &[&str]) -> AuthoritativeView {
    let mut view = AuthoritativeView { now: NOW.into(), line_us: Some(500), ..AuthoritativeView::default() };
    view.zones.insert(".".into(), ZoneEvidence { name: ".".into(), ..ZoneEvidence::default() });
    add(&mut view, zone, level, servers);
    view
}

/// Adds a zone and a level in it to a view.
pub(super) fn add(view: &mut AuthoritativeView, zone: &str, level: &str, servers: &[&str]) {
    let entry = view.zones.entry(zone.to_owned()).or_insert_with(|| ZoneEvidence {
        name: zone.to_owned(),
        parent: parent(zone).map(|_| ".".to_owned()),
        referred: true,
        ds: DsEvidence::Absent(Vec::new()),
        ..ZoneEvidence::default()
    });
    let mut evidence = LevelEvidence { name: level.to_owned(), zone: zone.to_owned(), ..LevelEvidence::default() };
    for (place, text) in servers.iter().enumerate() {
        let host = format!("ns{}.{zone}", place + 1);
        let mut server = ServerEvidence { hosts: BTreeSet::from([host.clone()]), ..ServerEvidence::default() };
        let mut probes = Vec::new();
        for (kind, words) in text.split_whitespace().filter_map(|part| part.split_once('=')) {
            let empty = probe(kind, zone, level, Vec::new());
            let tries = words.split('+').map(|word| observe(word, zone, &empty.name, empty.rtype)).collect();
            let probe = Probe { tries, ..empty };
            if is_of_apex(probe.kind) { server.probes.push(probe) } else { probes.push(probe) }
        }
        let own = HostEvidence { addresses: BTreeSet::from([address(place)]), ..HostEvidence::default() };
        entry.hosts.insert(host, own);
        entry.servers.entry(address(place)).or_insert(server);
        evidence.servers.insert(address(place), probes);
    }
    view.levels.insert(level.to_owned(), evidence);
}

/// A signed root and a signed zone `z.test` directly below it, with one server that answers as given.
pub(super) struct SignedWorld {
    pub(super) root: Signer,
    pub(super) zone: Signer,
    pub(super) view: AuthoritativeView,
}

impl SignedWorld {
    /// The level is `www.z.test`; servers and answers are added by [`serve`](Self::serve).
    pub(super) fn new() -> Self {
        let (root, zone) = (Signer::new(".", 1), Signer::new("z.test", 2));
        let mut view = view_of("z.test", "www.z.test", &[]);
        let keys = vec![root.key()];
        let packet = Packet { answers: vec![root.key(), root.sign(&keys)], ..Packet::default() };
        let octets = packet.octets(".", rtype::DNSKEY);
        let dnskey = probe("dnskey", ".", ".", vec![message(&octets, ".", rtype::DNSKEY, 1000)]);
        let server = ServerEvidence { probes: vec![dnskey], ..ServerEvidence::default() };
        view.zones.get_mut(".").unwrap().servers.insert("192.0.2.100".parse().unwrap(), server);
        let mut world = Self { root, zone, view };
        let ds = vec![world.zone.ds()];
        world.delegate(&ds);
        world
    }

    /// What the root says of DS at `z.test`: these records, signed.
    pub(super) fn delegate(&mut self, ds: &[Rr]) {
        let answers = [ds.to_vec(), vec![self.root.sign(ds)]].concat();
        let octets = Packet { answers, ..Packet::default() }.octets("z.test", rtype::DS);
        self.set_ds(DsEvidence::Present(octets));
    }

    /// That there is no DS, with these records beside the answer.
    pub(super) fn deny_ds(&mut self, authority: Vec<Rr>) {
        let octets = Packet { authority, ..Packet::default() }.octets("z.test", rtype::DS);
        self.set_ds(DsEvidence::Absent(octets));
    }

    pub(super) fn set_ds(&mut self, ds: DsEvidence) {
        let zone = self.view.zones.get_mut("z.test").unwrap();
        zone.ds = ds;
        zone.ds_servers = BTreeSet::from(["192.0.2.100".parse().unwrap()]);
    }

    /// Adds a server with its DNSKEY answer and its answers at `www.z.test`, by the words of [`probe`].
    pub(super) fn serve(&mut self, keys: &Packet, answers: &[(&str, Packet)]) {
        let place = self.view.zones["z.test"].servers.len();
        let observed = |word: &str, packet: &Packet| {
            let empty = probe(word, "z.test", "www.z.test", Vec::new());
            let octets = packet.octets(&empty.name, empty.rtype);
            Probe { tries: vec![message(&octets, &empty.name, empty.rtype, 1000)], ..empty }
        };
        let apex = Packet { answers: vec![ns("z.test")], ..Packet::default() };
        let server = ServerEvidence {
            hosts: BTreeSet::from([format!("ns{}.z.test", place + 1)]),
            probes: vec![observed("ns", &apex), observed("dnskey", keys)],
            ..ServerEvidence::default()
        };
        self.view.zones.get_mut("z.test").unwrap().servers.insert(address(place), server);
        let probes = answers.iter().map(|(word, packet)| observed(word, packet)).collect();
        self.view.levels.get_mut("www.z.test").unwrap().servers.insert(address(place), probes);
    }

    /// The DNSKEY answer of the zone as it should be.
    pub(super) fn good_keys(&self) -> Packet {
        let keys = vec![self.zone.key()];
        Packet { answers: vec![self.zone.key(), self.zone.sign(&keys)], ..Packet::default() }
    }

    /// Records with the zone's signatures over each set.
    pub(super) fn signed(&self, records: &[Rr]) -> Vec<Rr> {
        let mut sets: BTreeMap<(String, u16), Vec<Rr>> = BTreeMap::new();
        for record in records {
            sets.entry((record.owner.clone(), record.kind)).or_default().push(record.clone());
        }
        let signatures = sets.values().map(|set| self.zone.sign(set));
        records.iter().cloned().chain(signatures).collect()
    }

    /// NODATA at `www.z.test`, where A is, as it should be.
    pub(super) fn good_nodata(&self) -> Packet {
        let nsec = nsec("www.z.test", "z.test", &[rtype::A, rtype::RRSIG, rtype::NSEC]);
        Packet { authority: self.signed(&[soa("z.test"), nsec]), ..Packet::default() }
    }

    pub(super) fn good_a(&self) -> Packet {
        Packet { answers: self.signed(&[a("www.z.test")]), ..Packet::default() }
    }
}
