//! DNSSEC faults of a zone and of the answers in it, from the records as received.

use std::net::IpAddr;

use super::cause_server::{Answer, At};
use super::dnssec::{self, DsState, Key, SignatureState};
use super::dnssec_denial::{Denial, denial};
use super::dnssec_wire::{self as wire, Section, WireRecord};
use super::evidence_reading::Reading;
use super::{AuthoritativeView, Code, DsEvidence, Probe, ProbeKind, ZoneEvidence, rtype};

/// How far the chain of trust reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chain {
    /// DS records lead from the root to this zone.
    Signed,
    /// A zone on the way has no DS, or none that validators use; whether its parent proves it.
    Unsigned { proven: bool },
    /// Something on the way could not be asked.
    Unknown,
}

/// A fault, and the address that shows it (`None`: the parent's records show it).
pub(super) type Fault = (Code, Option<IpAddr>, String);

/// How far the chain of trust reaches towards `zone`.
pub(super) fn chain(view: &AuthoritativeView, zone: &str) -> Chain {
    let Some(evidence) = view.zones.get(zone) else { return Chain::Unknown };
    let Some(parent) = &evidence.parent else {
        let signed = evidence
            .servers
            .values()
            .flat_map(|s| &s.probes)
            .any(|p| p.kind == ProbeKind::Dnskey && keys_of(p, zone).is_some());
        return if signed { Chain::Signed } else { Chain::Unsigned { proven: true } };
    };
    match chain(view, parent) {
        Chain::Signed => {}
        other => return other,
    }
    match &evidence.ds {
        DsEvidence::Unknown => Chain::Unknown,
        DsEvidence::Absent(bytes) => Chain::Unsigned { proven: ds_absence(view, parent, zone, bytes) },
        DsEvidence::Present(bytes) => {
            let (Ok(records), Some(apex)) = (wire::records(bytes), wire::from_text(zone)) else {
                return Chain::Unknown;
            };
            match dnssec::match_ds(&apex, &dnssec::ds(&records, &apex), &[]).0 {
                DsState::NotCheckable => Chain::Unsigned { proven: true },
                DsState::Fits | DsState::NoneFits => Chain::Signed,
            }
        }
    }
}

/// Whether signed NSEC or NSEC3 records of the parent say that there is no DS.
fn ds_absence(view: &AuthoritativeView, parent: &str, zone: &str, bytes: &[u8]) -> bool {
    let (Ok(records), Some(apex), Some(above)) = (wire::records(bytes), wire::from_text(zone), wire::from_text(parent))
    else {
        return false;
    };
    if !matches!(denial(&records, &apex, rtype::DS, &above), Denial::NoData(_) | Denial::Insecure) {
        return false;
    }
    let keys = zone_keys(view, parent);
    let keys: Vec<&Key> = keys.iter().collect();
    let denials = records.iter().filter(|r| matches!(r.rtype, rtype::NSEC | rtype::NSEC3));
    denials.into_iter().all(|r| {
        let state = dnssec::rrset_state(&records, r.section, &r.owner, r.rtype, &above, &keys, view.now);
        matches!(state, SignatureState::Good | SignatureState::NotCheckable)
    })
}

fn zone_keys(view: &AuthoritativeView, zone: &str) -> Vec<Key> {
    let servers = view.zones.get(zone).into_iter().flat_map(|z| z.servers.values());
    servers
        .flat_map(|s| &s.probes)
        .find_map(|p| (p.kind == ProbeKind::Dnskey).then(|| keys_of(p, zone)).flatten())
        .map(|(k, _)| k)
        .unwrap_or_default()
}

/// The keys a DNSKEY probe brought and the records they came with.
fn keys_of(probe: &Probe, zone: &str) -> Option<(Vec<Key>, Vec<WireRecord>)> {
    let (message, reading) = probe.best(zone);
    let (_, bytes) = message.filter(|_| reading == Reading::Records)?;
    let records = wire::records(bytes).ok()?;
    let keys = dnssec::keys(&records, &wire::from_text(zone)?);
    (!keys.is_empty()).then_some((keys, records))
}

/// What is wrong with the keys of a zone in the chain, and with its DS at the parent.
pub(super) fn zone_faults(view: &AuthoritativeView, zone: &ZoneEvidence) -> Vec<Fault> {
    let mut faults = Vec::new();
    let Some(apex) = wire::from_text(&zone.name) else { return faults };
    if chain(view, &zone.name) != Chain::Signed {
        return faults;
    }
    let ds = match (&zone.ds, &zone.parent) {
        (DsEvidence::Present(bytes), Some(parent)) => {
            let Ok(records) = wire::records(bytes) else { return faults };
            faults.extend(ds_signature(view, parent, &apex, &records));
            dnssec::ds(&records, &apex)
        }
        _ => Vec::new(),
    };
    for (address, server) in &zone.servers {
        let Some(probe) = server.probes.iter().find(|p| p.kind == ProbeKind::Dnskey) else { continue };
        let here = Some(*address);
        let reading = probe.reading(&zone.name);
        let alive = server.probes.iter().any(|p| p.kind == ProbeKind::ApexNs && p.reading(&zone.name).is_usable());
        match keys_of(probe, &zone.name) {
            Some((keys, records)) => {
                faults.extend(key_fault(view, zone, &apex, &ds, &keys, &records).map(|(c, s)| (c, here, s)));
            }
            None if reading == Reading::Truncated => {}
            None if alive => {
                faults.push((Code::DnssecNoDnskey, here, format!("DS at the parent; DNSKEY: {}", reading.words())));
            }
            None => {}
        }
    }
    faults
}

fn key_fault(
    view: &AuthoritativeView,
    zone: &ZoneEvidence,
    apex: &[u8],
    ds: &[dnssec::Ds],
    keys: &[Key],
    records: &[WireRecord],
) -> Option<(Code, String)> {
    let entry = if zone.parent.is_some() {
        let (state, entry) = dnssec::match_ds(apex, ds, keys);
        match state {
            DsState::NoneFits => {
                let tags = |of: Vec<u16>| of.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
                return Some((
                    Code::DnssecDsMismatch,
                    format!(
                        "DS for key {}, the zone has key {}",
                        tags(ds.iter().map(|d| d.key_tag).collect()),
                        tags(keys.iter().map(Key::tag).collect())
                    ),
                ));
            }
            DsState::NotCheckable => return None,
            DsState::Fits => entry,
        }
    } else {
        keys.iter().collect()
    };
    let state = dnssec::rrset_state(records, Section::Answer, apex, rtype::DNSKEY, apex, &entry, view.now);
    signature_fault(state, "DNSKEY")
}

fn ds_signature(view: &AuthoritativeView, parent: &str, apex: &[u8], records: &[WireRecord]) -> Option<Fault> {
    let keys = zone_keys(view, parent);
    let above = wire::from_text(parent)?;
    let section = records.iter().find(|r| r.rtype == rtype::DS && r.owner == apex)?.section;
    if keys.is_empty() {
        return None;
    }
    let state =
        dnssec::rrset_state(records, section, apex, rtype::DS, &above, &keys.iter().collect::<Vec<_>>(), view.now);
    signature_fault(state, "DS").map(|(code, seen)| (code, None, format!("{seen} (in the zone {parent})")))
}

/// What is wrong with the answer of one address, in a zone of the chain.
pub(super) fn answer_faults(view: &AuthoritativeView, at: &At, answer: &Answer) -> Vec<(Code, String)> {
    use ProbeKind::{Caa, CaaLarge, CaaLowerCase, CaaSmall, CaaTcp};
    let with_do = matches!(answer.kind, Caa | CaaTcp | CaaLowerCase | CaaSmall | CaaLarge);
    let mut faults = Vec::new();
    let (Ok(records), Some(apex), Some(name)) =
        (wire::records(answer.bytes), wire::from_text(at.zone), wire::from_text(&at.level.name))
    else {
        return faults;
    };
    let Some((keys, _)) =
        at.server.probes.iter().find(|p| p.kind == ProbeKind::Dnskey).and_then(|p| keys_of(p, at.zone))
    else {
        return faults;
    };
    // The SOA of a zone further down means another chain.
    let deeper = records.iter().any(|r| r.rtype == rtype::SOA && r.owner != apex);
    if !with_do || chain(view, at.zone) != Chain::Signed || deeper {
        return faults;
    }
    let proof = denial(&records, &name, rtype::CAA, &apex);
    if proof == Denial::Insecure {
        return faults;
    }
    let keys: Vec<&Key> = keys.iter().collect();
    let dname = records.iter().any(|r| r.section == Section::Answer && r.rtype == rtype::DNAME);
    let mut seen = std::collections::BTreeSet::new();
    for record in &records {
        let counts = match record.section {
            Section::Answer => {
                (record.rtype == rtype::CNAME && record.owner == name && !dname)
                    || (record.rtype == rtype::DNAME)
                    || (record.rtype == rtype::CAA && record.owner == name)
            }
            Section::Authority => {
                matches!(record.rtype, rtype::SOA | rtype::NSEC | rtype::NSEC3) && answer.reading.negative().is_some()
            }
            Section::Additional => false,
        };
        if counts && seen.insert((record.section, record.owner.clone(), record.rtype)) {
            let state =
                dnssec::rrset_state(&records, record.section, &record.owner, record.rtype, &apex, &keys, view.now);
            let what = super::evidence_name::mnemonic(record.rtype).unwrap_or("record");
            faults.extend(signature_fault(state, what));
        }
    }
    let missing = faults.iter().any(|(code, _)| *code == Code::DnssecBadSignature);
    if let Some(fault) = denial_fault(at, answer, &records, &name, &proof) {
        if proof == Denial::Missing && missing {
            faults.retain(|(_, seen)| !seen.ends_with("no signature"));
        }
        faults.push((Code::DnssecBadDenial, fault));
    }
    faults
}

fn denial_fault(at: &At, answer: &Answer, records: &[WireRecord], name: &[u8], proof: &Denial) -> Option<String> {
    match (&answer.reading, proof) {
        (Reading::Records, _) => {
            let signed = dnssec::signed_labels(records, name, rtype::CAA)?;
            let expanded = signed < wire::labels(name).len() && wire::labels(name).first() != Some(&b"*".as_slice());
            (expanded && *proof == Denial::Missing)
                .then(|| "a wildcard made the answer, and nothing proves that the name itself is absent".to_owned())
        }
        (Reading::NoData(_) | Reading::NxDomain(_), Denial::Missing) => {
            Some("no NSEC or NSEC3 record beside the negative answer".to_owned())
        }
        (Reading::NoData(_) | Reading::NxDomain(_), Denial::Contradiction(why)) => Some((*why).to_owned()),
        (Reading::NoData(_), Denial::NxDomain) => {
            Some("the denial records say that the name does not exist, the answer says that it does".to_owned())
        }
        (Reading::NxDomain(_), Denial::NoData(_)) => {
            Some("the denial records say that the name exists, the answer says that it does not".to_owned())
        }
        (Reading::NoData(_), Denial::NoData(Some(types))) => {
            let control = at.probes.iter().find(|p| p.kind == ProbeKind::Control)?;
            let has_a = control.reading(at.zone) == Reading::Records;
            (has_a && !types.contains(&rtype::A))
                .then(|| "the denial record at the name lists no A record, and there is one".to_owned())
        }
        _ => None,
    }
}

fn signature_fault(state: SignatureState, what: &str) -> Option<(Code, String)> {
    match state {
        SignatureState::Good | SignatureState::NotCheckable => None,
        SignatureState::Expired { at } => {
            Some((Code::DnssecExpired, format!("the signature over {what} ended at {}", utc(at))))
        }
        SignatureState::NotYetValid { from } => {
            Some((Code::DnssecExpired, format!("the signature over {what} begins at {}, in the future", utc(from))))
        }
        SignatureState::Wrong => Some((Code::DnssecBadSignature, format!("the signature over {what} does not verify"))),
        SignatureState::UnknownKey => {
            Some((Code::DnssecBadSignature, format!("the signature over {what} is by a key the zone does not publish")))
        }
        SignatureState::Missing => Some((Code::DnssecBadSignature, format!("{what}: no signature"))),
    }
}

/// A point in time for people: RFC 3339 UTC.
fn utc(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| format!("{seconds} seconds since 1970"), |time| time.to_string())
}
