//! Single questions of the walk: where a zone is cut, what the parent says of DS, which addresses a host has.
//!
//! Each is asked of several addresses of a zone, in forms that get past common faults, until one answer can be used.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::probe_ask::{Asker, Form};
use crate::caa::evidence_name::{is_at_or_below, is_below, key, parent};
use crate::caa::evidence_reading::{Negative, Reading, alias_at, read_message};
use crate::caa::{DnsMessage, DsEvidence, Observation, Probe, ProbeKind, RecordData, rcode, rtype};

/// Addresses of a zone asked for one fact.
const ADDRESSES: usize = 4;
/// Transmissions of a question that a fault is laid to.
const PATIENT: usize = 3;
/// How long a transmission of the walk stays alone before the next one.
const STAGGER: Duration = Duration::from_millis(800);

/// What is found at a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The name lies in the zone that was asked.
    Inside,
    /// A zone begins at or above the name.
    Cut(Cut),
    /// No address of the zone gave an answer that can be used.
    Unanswered,
}

/// A delegation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) apex: String,
    /// Seen as a referral; else the same servers hold both zones.
    pub(super) referred: bool,
    pub(super) hosts: BTreeSet<String>,
    /// Addresses that came along, of hosts the zone asked may speak for.
    pub(super) glue: BTreeMap<String, BTreeSet<IpAddr>>,
}

/// What was found of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) addresses: BTreeSet<IpAddr>,
    pub(super) alias: Option<String>,
    pub(super) trouble: Option<String>,
}

/// Asks addresses in turn and form after form until `judge` accepts an answer.
async fn first<T>(
    asker: &Asker<'_>,
    addresses: &[IpAddr],
    name: &str,
    kind: u16,
    judge: impl Fn(&DnsMessage, &[u8], IpAddr) -> Option<T>,
) -> Option<T> {
    let few = &addresses[..addresses.len().min(ADDRESSES)];
    let mut plan = VecDeque::new();
    // One address alone has to make up for what is lost on the way.
    let rounds = if few.len() == 1 { 5 } else { 3 };
    for form in [Form::EDNS, Form::PLAIN, Form::EDNS, Form::PLAIN, Form::EDNS].into_iter().take(rounds) {
        plan.extend(few.iter().map(|address| (*address, form)));
    }
    let mut open = FuturesUnordered::new();
    let mut not_before = Instant::now();
    loop {
        let next = plan.front().copied();
        tokio::select! {
            biased;
            Some((address, observation)) = open.next(), if !open.is_empty() => {
                let observation: Option<Observation> = observation;
                if let Some(Observation::Message { message, bytes, .. }) = &observation
                    && let Some(found) = judge(message, bytes, address)
                {
                    return Some(found);
                }
                not_before = Instant::now();
            }
            () = ready(asker, not_before, next), if next.is_some() => {
                if let Some((address, form)) = plan.pop_front() {
                    open.push(async move {
                        let mut observation = asker.transmit(address, name, kind, form).await;
                        if matches!(&observation, Some(Observation::Message { message, .. }) if message.flags.tc) {
                            asker.turn(address).await;
                            observation = asker.transmit(address, name, kind, Form::TCP).await;
                        }
                        (address, observation)
                    });
                }
                not_before = Instant::now() + STAGGER;
            }
            else => return None,
        }
    }
}

async fn ready(asker: &Asker<'_>, not_before: Instant, next: Option<(IpAddr, Form)>) {
    if let Some((address, _)) = next {
        asker.turn_after(not_before, address).await;
    }
}

/// Looks for a zone cut at `name`, or between it and `zone`, at the servers of `zone`.
pub(super) async fn step(asker: &Asker<'_>, zone: &str, addresses: &[IpAddr], name: &str) -> Step {
    let seen = first(asker, addresses, name, rtype::SOA, |message, _, address| {
        let reading = read_message(message, name, rtype::SOA, zone);
        let apex = match &reading {
            Reading::ReferralDown(apex) => Some(apex.clone()),
            Reading::Records => Some(name.to_owned()),
            Reading::NoData(Negative::Sound) | Reading::NxDomain(Negative::Sound) => soa_below(message, name, zone),
            Reading::NoData(_) | Reading::NxDomain(_) | Reading::Alias(_) => None,
            Reading::ReferralUp(_)
            | Reading::ReferralSelf
            | Reading::Error(_)
            | Reading::Truncated
            | Reading::Malformed(_)
            | Reading::Silent
            | Reading::Unreachable(_) => return None,
        };
        let referral = matches!(reading, Reading::ReferralDown(_));
        Some(apex.map(|apex| (address, if referral { cut(message, &apex, zone, true) } else { empty_cut(apex) })))
    })
    .await;
    match seen {
        None => Step::Unanswered,
        Some(None) => Step::Inside,
        Some(Some((_, cut))) if cut.referred => Step::Cut(cut),
        // The servers hold the zone below as well. Software that gives a SOA record for any name has no NS records to show.
        Some(Some((address, below))) => {
            let apex = &below.apex;
            let own = first(asker, &[address], apex, rtype::NS, |message, _, _| {
                (read_message(message, apex, rtype::NS, zone) == Reading::Records).then(|| {
                    let answers = DnsMessage { authority: message.answers.clone(), ..message.clone() };
                    cut(&answers, apex, zone, false)
                })
            })
            .await;
            own.map_or(Step::Inside, Step::Cut)
        }
    }
}

/// The owner of the SOA record of a negative answer, if it is below `zone`.
fn soa_below(message: &DnsMessage, name: &str, zone: &str) -> Option<String> {
    let owners = message.authority.iter().filter(|record| record.rtype == rtype::SOA).map(|record| key(&record.owner));
    owners.into_iter().find(|owner| is_below(owner, zone) && is_at_or_below(name, owner))
}

fn empty_cut(apex: String) -> Cut {
    Cut { apex, ..Cut::default() }
}

/// The delegation to `apex` in the authority section; addresses only of hosts at or below `zone`, whose servers speak.
fn cut(message: &DnsMessage, apex: &str, zone: &str, referred: bool) -> Cut {
    let named = message.authority.iter().filter(|record| record.owner.eq_ignore_ascii_case(apex));
    let hosts: BTreeSet<String> = named
        .filter_map(|record| match &record.data {
            RecordData::Ns(host) => Some(key(host)),
            _ => None,
        })
        .collect();
    let mut glue: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
    for record in &message.additional {
        let owner = key(&record.owner);
        if let RecordData::Address(address) = record.data
            && hosts.contains(&owner)
            && is_at_or_below(&owner, zone)
        {
            glue.entry(owner).or_default().insert(address);
        }
    }
    Cut { apex: apex.to_owned(), referred, hosts, glue }
}

/// What the servers of the parent say of DS at `apex`, and which of them said it.
///
/// Below a signed parent the absence must be proven: an answer without denial records counts if no server has a better one.
pub(super) async fn ds(
    asker: &Asker<'_>,
    addresses: &[IpAddr],
    apex: &str,
    signed: bool,
) -> (DsEvidence, BTreeSet<IpAddr>) {
    let bare: Mutex<BTreeMap<IpAddr, Vec<u8>>> = Mutex::default();
    let judge = |message: &DnsMessage, bytes: &[u8], address| match ds_said(message, apex, signed)? {
        DsSaid::Present => Some((DsEvidence::Present(bytes.to_vec()), BTreeSet::from([address]))),
        DsSaid::Absent => Some((DsEvidence::Absent(bytes.to_vec()), BTreeSet::from([address]))),
        DsSaid::Bare => {
            bare.lock().unwrap_or_else(PoisonError::into_inner).insert(address, bytes.to_vec());
            None
        }
    };
    if let Some(found) = first(asker, addresses, apex, rtype::DS, &judge).await {
        return found;
    }
    if asker.is_spent() || !asker.any_answered(&addresses.iter().copied().collect()) {
        return (DsEvidence::Unknown, BTreeSet::new());
    }
    // Once more, patiently, before anything is said against the parent.
    let asked = addresses.iter().take(ADDRESSES).map(async |&address| {
        let probe = asker.probe(ProbeKind::Control, address, apex, rtype::DS, Form::EDNS, PATIENT).await?;
        Some((address, probe))
    });
    let probes: Vec<(IpAddr, Probe)> = futures::future::join_all(asked).await.into_iter().flatten().collect();
    let answers = probes.iter().flat_map(|(address, probe)| probe.messages().map(|(m, bytes, _)| (*address, m, bytes)));
    if let Some(found) = answers.into_iter().find_map(|(address, message, bytes)| judge(message, bytes, address)) {
        return found;
    }
    let bare = bare.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bytes) = bare.values().next() {
        return (DsEvidence::Absent(bytes.clone()), bare.keys().copied().collect());
    }
    let parent = parent(apex).unwrap_or(".");
    let fared = probes.iter().map(|(address, probe)| (*address, probe.told(parent))).collect();
    (DsEvidence::Failed(fared), BTreeSet::new())
}

/// What one answer says of DS.
enum DsSaid {
    Present,
    /// Not there, with denial records where they are due.
    Absent,
    /// Not there, without them.
    Bare,
}

/// Reads an answer about DS; `None` for one that says nothing of it.
fn ds_said(message: &DnsMessage, apex: &str, signed: bool) -> Option<DsSaid> {
    let present = message.answers.iter().any(|r| r.rtype == rtype::DS && r.owner.eq_ignore_ascii_case(apex));
    // A server that sends the asker on to the child does not know DS.
    let referral = !message.flags.aa && message.authority.iter().any(|r| r.rtype == rtype::NS);
    // Without EDNS there are no denial records to be had.
    let plain = signed && message.edns.is_none();
    let whole = !message.flags.tc && matches!(message.rcode, rcode::NOERROR | rcode::NXDOMAIN);
    if !whole || plain || (referral && !present) {
        return None;
    }
    let denied = message.authority.iter().any(|r| matches!(r.rtype, rtype::NSEC | rtype::NSEC3));
    Some(match (present, denied || !signed) {
        (true, _) => DsSaid::Present,
        (false, true) => DsSaid::Absent,
        (false, false) => DsSaid::Bare,
    })
}

/// The addresses of a host, from the servers of the zone that holds it.
pub(super) async fn host(asker: &Asker<'_>, zone: &str, addresses: &[IpAddr], host: &str) -> Found {
    let one = async |kind: u16| {
        first(asker, addresses, host, kind, |message, _, _| {
            let reading = read_message(message, host, kind, zone);
            let end = match &reading {
                Reading::Alias(end) => end.clone(),
                _ => host.to_owned(),
            };
            let found = message.answers.iter().filter(|r| r.owner.eq_ignore_ascii_case(&end));
            let found: BTreeSet<IpAddr> = found
                .filter_map(|r| match r.data {
                    RecordData::Address(address) => Some(address),
                    _ => None,
                })
                .collect();
            match reading {
                Reading::Alias(_) => Some((found, alias_at(message, host), None)),
                Reading::Records | Reading::NoData(_) => Some((found, None, None)),
                Reading::NxDomain(_) => Some((found, None, Some("the name does not exist"))),
                _ => None,
            }
        })
        .await
    };
    let (four, six) = futures::join!(one(rtype::A), one(rtype::AAAA));
    let mut result = Found::default();
    if asker.is_spent() {
        // Nothing is known of a host that could not be asked for.
        return result;
    }
    if four.is_none() && six.is_none() {
        result.trouble = Some(format!("the servers of {zone}, which hold its address, do not tell it"));
    }
    for (addresses, alias, trouble) in [four, six].into_iter().flatten() {
        result.addresses.extend(addresses);
        result.alias = result.alias.or(alias);
        result.trouble = result.trouble.or(trouble.map(str::to_owned));
    }
    if result.addresses.is_empty() && result.trouble.is_none() && result.alias.is_none() {
        result.trouble = Some("the name has no address".to_owned());
    }
    result
}
