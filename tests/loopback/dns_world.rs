//! A small hierarchy of zones on 127.0.0.1 and the addresses after it: the root, `test`, and `x.test` on two addresses.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use crate::dns_server::{Act, DnsServer, Message, Query, name};

/// A zone: its apex, its name server host, and the last octets of its addresses.
type Zone = (&'static str, &'static str, &'static [u8]);

const ZONES: [Zone; 3] = [("", "a.root", &[1]), ("test", "ns.test", &[2]), ("x.test", "ns.x.test", &[3, 4])];

const A: u16 = 1;
const NS: u16 = 2;
const SOA: u16 = 6;
const DS: u16 = 43;

/// A running hierarchy, and the file that says where its root is.
pub(crate) struct World {
    pub(crate) server: DnsServer,
    pub(crate) directory: tempfile::TempDir,
}

impl World {
    /// Starts the hierarchy. `fault` may answer in place of the zones.
    pub(crate) async fn start(fault: impl Fn(&Query) -> Option<Vec<Act>> + Send + Sync + 'static) -> Self {
        let server = DnsServer::start_at(4, move |query| fault(query).unwrap_or_else(|| healthy(query).send())).await;
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("root.hints"), "a.root 127.0.0.1\n").unwrap();
        Self { server, directory }
    }

    pub(crate) fn hints(&self) -> PathBuf {
        self.directory.path().join("root.hints")
    }

    /// The options that lead a walk here, as fast as this machine allows.
    pub(crate) fn options(&self) -> Vec<String> {
        let hints = self.hints().display().to_string();
        let port = self.server.address.port().to_string();
        ["--root-hints", &hints, "--port", &port, "--rate", "unlimited"].map(str::to_owned).to_vec()
    }
}

/// What the zones at an address answer: a referral, a record, or no data with the SOA record.
pub(crate) fn healthy(query: &Query) -> Message {
    let reply = answer(query);
    if query.has_edns() { reply.edns() } else { reply }
}

fn answer(query: &Query) -> Message {
    let IpAddr::V4(at) = query.to else { unreachable!("only IPv4 addresses are served") };
    let asked = query.name.to_ascii_lowercase();
    let here = ZONES.iter().filter(|zone| zone.2.contains(&at.octets()[3]));
    // What belongs to no zone here is refused.
    let Some(zone) = here.filter(|zone| holds(zone.0, &asked)).max_by_key(|zone| zone.0.len()) else {
        return query.reply(5);
    };
    let below = |other: &&Zone| other.0 != zone.0 && holds(zone.0, other.0) && holds(other.0, &asked);
    if let Some(child) = ZONES.iter().filter(below).min_by_key(|child| child.0.len())
        && !(query.rtype == DS && asked == child.0)
    {
        let referral = query.reply(0).record(1, child.0, NS, &name(child.1));
        return child.2.iter().fold(referral, |reply, last| reply.record(2, child.1, A, &address(*last).octets()));
    }
    let reply = query.reply(0).flags(4, 0);
    match query.rtype {
        NS if asked == zone.0 => reply.record(0, zone.0, NS, &name(zone.1)),
        SOA if asked == zone.0 => reply.record(0, zone.0, SOA, &[0; 22]),
        A if asked == zone.1 => {
            zone.2.iter().fold(reply, |reply, last| reply.record(0, zone.1, A, &address(*last).octets()))
        }
        _ => reply.soa(zone.0),
    }
}

fn holds(zone: &str, name: &str) -> bool {
    zone.is_empty() || name.strip_suffix(zone).is_some_and(|left| left.is_empty() || left.ends_with('.'))
}

fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, last)
}
