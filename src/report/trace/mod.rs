//! [`Trace`]: the authoritative view of one name as one plain value: levels, zones, every server's answer to every probe.
//!
//! Pure, like the report. Built from the evidence by [`Trace::new`], written by [`Trace::write_text`] and
//! [`Trace::write_json`].

mod build;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;

use super::{Style, json, text};
use crate::caa::Ede;
use crate::finding::Severity;

pub use build::Asked;

/// Name and major version of the JSON form.
pub const TRACE_SCHEMA: &str = "ctclimb-trace/1";

/// What the name servers of every zone above one name answer.
#[derive(Debug, Clone, Serialize)]
pub struct Trace {
    /// [`TRACE_SCHEMA`].
    pub schema: &'static str,
    /// Program and version.
    pub tool: String,
    /// When the trace was made, RFC 3339 UTC.
    pub time: String,
    /// The name, without `*.`.
    pub name: String,
    /// Whether `*.` stood before it: its climb is the same.
    pub wildcard: bool,
    /// The levels of the climb, TLD first, then the targets of aliases met there.
    pub levels: Vec<TraceLevel>,
    /// The zones on the way, the root first.
    pub zones: Vec<TraceZone>,
    /// What was asked, and what was left out.
    pub coverage: TraceCoverage,
}

/// One level, as all servers of its zone together answer it.
#[derive(Debug, Clone, Serialize)]
pub struct TraceLevel {
    /// The level.
    pub name: String,
    /// Whether it is a level of the climb; else the target of an alias.
    pub climbed: bool,
    /// The zone that holds it, as far down as the walk came.
    pub zone: String,
    /// What a CA's resolver gets.
    pub state: LevelState,
    /// The different answers in a few words, most servers first.
    pub answers: Vec<String>,
    /// CAA records any server gave, in presentation form, sorted.
    pub records: Vec<String>,
    /// Names its aliases lead through, the first target first.
    pub aliases: Vec<String>,
    /// A level closer to the name has a CAA set, so what happens here does not count.
    pub shielded: bool,
    /// Codes of the causes found here.
    pub causes: Vec<&'static str>,
}

/// What a CA's resolver gets at a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LevelState {
    /// CAA records.
    Records,
    /// No CAA record.
    #[serde(rename = "nodata")]
    NoData,
    /// No such name.
    #[serde(rename = "nxdomain")]
    NxDomain,
    /// An alias to another name, whose records count.
    Alias,
    /// It depends on the server.
    Differs,
    /// No server gives a usable answer.
    Failed,
    /// Nobody was asked.
    NotAsked,
}

/// One zone: how it is delegated, and what each of its addresses answers.
#[derive(Debug, Clone, Serialize)]
pub struct TraceZone {
    /// The apex; `.` is the root.
    pub name: String,
    /// The zone that delegates it; `null` for the root.
    pub parent: Option<String>,
    /// Whether the cut shows as a referral; else the same servers hold both zones.
    pub referred: bool,
    /// `secure`, `insecure`, `bogus` or `unknown`; `null` where no level lies in the zone.
    pub dnssec: Option<&'static str>,
    /// What the parent's servers say of DS.
    pub ds: TraceDs,
    /// Name server hosts by the parent.
    pub parent_ns: BTreeSet<String>,
    /// Name server hosts by the zone's own servers.
    pub child_ns: BTreeSet<String>,
    /// What these hosts resolve to.
    pub hosts: Vec<TraceHost>,
    /// The `dig` command that shows the delegation; `null` where the parent has no address.
    pub dig_ns: Option<String>,
    /// The `dig` command that shows DS at the parent.
    pub dig_ds: Option<String>,
    /// Causes that arise here.
    pub causes: Vec<TraceCause>,
    /// Every address that was asked, in order.
    pub servers: Vec<TraceServer>,
}

/// DS at the parent.
#[derive(Debug, Clone, Serialize)]
pub struct TraceDs {
    /// `present`, `absent`, `failed` where no server of the parent gave a usable answer, or `unknown` where none was asked.
    pub state: &'static str,
    /// Key tag, algorithm and digest type of each record.
    pub records: Vec<String>,
    /// Where it failed: what came of it at each address.
    pub failures: Vec<String>,
}

/// One name server host.
#[derive(Debug, Clone, Serialize)]
pub struct TraceHost {
    /// The host.
    pub name: String,
    /// Addresses that came with the referral.
    pub glue: Vec<String>,
    /// Addresses its own zone gives.
    pub addresses: Vec<String>,
    /// Where it is an alias, which a name server may not be (RFC 2181 section 10.3): the target.
    pub alias: Option<String>,
    /// Why it has no address, or one that was not asked.
    pub trouble: Option<String>,
}

/// A cause, with the levels it was found at.
#[derive(Debug, Clone, Serialize)]
pub struct TraceCause {
    /// How bad it is for this name.
    pub severity: Severity,
    /// Levels where it shows, towards the TLD first.
    pub levels: Vec<String>,
    /// What is wrong, who must act, what to do.
    #[serde(flatten)]
    pub cause: crate::caa::Cause,
}

/// One address of a zone.
#[derive(Debug, Clone, Serialize)]
pub struct TraceServer {
    /// The address.
    pub address: String,
    /// The hosts that have it.
    pub hosts: Vec<String>,
    /// Whether anything at all came back from it.
    pub alive: bool,
    /// The questions, those at the apex first, then level by level.
    pub probes: Vec<TraceProbe>,
    /// One question over and over, where answers came and went.
    pub stress: Option<TraceStress>,
}

/// One question over and over: `true` where an answer came, in the order of sending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TraceStress {
    /// All at once.
    pub together: Vec<bool>,
    /// More than a second apart.
    pub apart: Vec<bool>,
    /// What came in place of an answer: `silence`, `refused`.
    pub otherwise: BTreeSet<String>,
}

/// One question to one address.
#[derive(Debug, Clone, Serialize)]
pub struct TraceProbe {
    /// `P1` to `P8` as the documentation numbers them; `null` for questions at the apex.
    pub number: Option<&'static str>,
    /// What it is for: `caa`, `control`, `apex-ns`, ...
    pub kind: &'static str,
    /// The level, or the apex.
    pub level: String,
    /// The name as it was sent, case kept.
    pub name: String,
    /// The record type: `CAA`, `TYPE65280`.
    pub rtype: String,
    /// `udp` or `tcp`.
    pub transport: crate::caa::Transport,
    /// Octets of answer there was room for; `null` without EDNS.
    pub payload: Option<u16>,
    /// The command that asks the same, for a shell.
    pub dig: String,
    /// What came of it, in a few words.
    pub outcome: String,
    /// Whether a resolver can work with that.
    pub usable: bool,
    /// Response code mnemonic; `null` where no readable message came.
    pub rcode: Option<String>,
    /// Header flags of the message: `aa`, `tc`, `ra`, ...
    pub flags: Vec<&'static str>,
    /// Owner of the SOA record in the authority section.
    pub soa: Option<String>,
    /// CAA records of the answer, in presentation form.
    pub records: Vec<String>,
    /// Extended DNS errors.
    pub ede: Vec<Ede>,
    /// Octets of the message.
    pub octets: Option<usize>,
    /// The shortest round trip in milliseconds; `null` where nothing came.
    pub rtt_ms: Option<u64>,
    /// What came of each transmission, in order.
    pub tries: Vec<String>,
}

/// What was asked, and what was left out.
#[derive(Debug, Clone, Serialize)]
pub struct TraceCoverage {
    /// Nothing was left out, and somebody answered.
    pub complete: bool,
    /// Messages sent, repeats included.
    pub questions: u64,
    /// Addresses they went to.
    pub addresses: usize,
    /// Addresses something came back from.
    pub answering: usize,
    /// Whether IPv6 works from here; `null` where there was no occasion to find out.
    pub ipv6: Option<bool>,
    /// The shortest round trip to any server, in milliseconds: what the line itself costs.
    pub line_ms: Option<u64>,
    /// What was left out, one sentence each.
    pub limits: BTreeSet<String>,
    /// What a private root cannot show.
    pub cautions: BTreeSet<String>,
}

impl Trace {
    /// Causes with their zones, worst first, then towards the root first.
    pub fn causes(&self) -> impl Iterator<Item = (&TraceZone, &TraceCause)> {
        let mut all: Vec<_> =
            self.zones.iter().flat_map(|zone| zone.causes.iter().map(move |cause| (zone, cause))).collect();
        all.sort_by_key(|(_, cause)| cause.severity);
        all.into_iter()
    }

    /// Writes the trace for people. `each`: every address by itself, even where several answer alike.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_text(&self, style: &Style, each: bool, out: &mut dyn Write) -> io::Result<()> {
        text::trace::write(self, style, each, out)
    }

    /// Writes the trace as one JSON document.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        json::write_value(self, out)
    }
}

impl LevelState {
    /// Every state, in the order of a legend.
    pub const ALL: [LevelState; 7] =
        [Self::Records, Self::NoData, Self::NxDomain, Self::Alias, Self::Differs, Self::Failed, Self::NotAsked];

    /// One letter, so that colour is never needed.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Records => 'R',
            Self::NoData => 'N',
            Self::NxDomain => 'X',
            Self::Alias => 'A',
            Self::Differs => '~',
            Self::Failed => 'F',
            Self::NotAsked => '-',
        }
    }

    /// What the letter stands for.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Records => "CAA records",
            Self::NoData => "no CAA",
            Self::NxDomain => "no such name",
            Self::Alias => "an alias",
            Self::Differs => "servers differ",
            Self::Failed => "failed",
            Self::NotAsked => "not asked",
        }
    }
}
