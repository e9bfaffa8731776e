//! How far the chain of trust reaches: from the root's keys over DS records to a zone.

use super::cause_server::Flavour;
use super::dnssec::{self, DsState, Key, SignatureState};
use super::dnssec_denial::{Denial, denial};
use super::dnssec_wire::{self as wire, WireRecord};
use super::evidence_reading::Reading;
use super::root_anchor::{Anchoring, anchored, anchoring};
use super::{AuthoritativeView, Code, DsEvidence, Probe, ProbeKind, ZoneEvidence, rtype};

/// How far the chain of trust reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chain {
    /// DS records lead from the root to this zone.
    Signed,
    /// A zone on the way has no DS, or none that validators use; whether its parent proves it.
    Unsigned { proven: bool },
    /// Something on the way could not be asked, or the root is not the one the world trusts.
    Unknown,
}

/// How far the chain of trust reaches towards `zone`.
pub(super) fn chain(view: &AuthoritativeView, zone: &str) -> Chain {
    let Some(evidence) = view.zones.get(zone) else { return Chain::Unknown };
    let Some(parent) = &evidence.parent else { return root(view) };
    match chain(view, parent) {
        Chain::Signed => {}
        other => return other,
    }
    match &evidence.ds {
        DsEvidence::Unknown | DsEvidence::Failed(_) => Chain::Unknown,
        DsEvidence::Absent(_) => Chain::Unsigned { proven: ds_absence(view, evidence) == Absence::Proven },
        DsEvidence::Present(bytes) => {
            let (Ok(records), Some(apex)) = (wire::records(bytes), wire::from_text(zone)) else {
                return Chain::Unknown;
            };
            match dnssec::match_ds(&apex, &dnssec::ds(&records, &apex), &[]).0 {
                DsState::NotCheckable => {
                    let proven = ds_signature(view, parent, &apex, &records) == Some(SignatureState::Good);
                    Chain::Unsigned { proven }
                }
                DsState::Fits | DsState::NoneFits => Chain::Signed,
            }
        }
    }
}

fn root(view: &AuthoritativeView) -> Chain {
    match anchoring(view) {
        Anchoring::NoKeys | Anchoring::OtherKeys(_) => Chain::Unknown,
        // Nothing is known of a private root but what its servers say.
        Anchoring::Private if zone_keys(view, ".").is_empty() => Chain::Unsigned { proven: true },
        Anchoring::Private | Anchoring::Anchored => Chain::Signed,
    }
}

/// What the parent's records say of the absence of a DS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Absence {
    /// Signed NSEC or NSEC3 records deny it, or leave it open on purpose (opt-out).
    Proven,
    /// They do not; the fault and why, in words.
    NotProven(Code, String),
    /// It cannot be told: the parent's keys are not known, or this program cannot check its signatures.
    Unknown,
}

/// Whether signed NSEC or NSEC3 records of the parent say that there is no DS.
pub(super) fn ds_absence(view: &AuthoritativeView, zone: &ZoneEvidence) -> Absence {
    let (DsEvidence::Absent(bytes), Some(parent)) = (&zone.ds, &zone.parent) else { return Absence::Unknown };
    let (Ok(records), Some(apex), Some(above)) =
        (wire::records(bytes), wire::from_text(&zone.name), wire::from_text(parent))
    else {
        return Absence::Unknown;
    };
    let keys = zone_keys(view, parent);
    if keys.is_empty() {
        return Absence::Unknown;
    }
    match denial(&records, &apex, rtype::DS, &above) {
        // Too many iterations: validators take the answer for unsigned, and the delegation with it (RFC 9276 §3.2).
        Denial::NoData(_) | Denial::OptOut | Denial::TooManyIterations => {}
        // The parent denies the very name it delegates: no DS, but no proof of a delegation without one either.
        Denial::NxDomain | Denial::NxName => return Absence::Unknown,
        Denial::Missing => {
            let why = "no NSEC or NSEC3 record beside the answer that there is no DS";
            return Absence::NotProven(Code::DnssecBadDenial, why.into());
        }
        Denial::Contradiction(why) => return Absence::NotProven(Code::DnssecBadDenial, why.to_owned()),
    }
    let keys: Vec<&Key> = keys.iter().collect();
    let denials = records.iter().filter(|r| matches!(r.rtype, rtype::NSEC | rtype::NSEC3));
    let states = denials.map(|r| dnssec::rrset_state(&records, r.section, &r.owner, r.rtype, &above, &keys, view.now));
    let mut result = Absence::Proven;
    for state in states {
        match state {
            SignatureState::Good => {}
            SignatureState::NotCheckable => result = Absence::Unknown,
            bad => {
                let why = super::cause_dnssec::signature_words(bad, "the denial of DS");
                let (code, _, words) = why.unwrap_or((Code::DnssecBadDenial, Flavour::Plain, String::new()));
                return Absence::NotProven(code, words);
            }
        }
    }
    result
}

/// The state of the signature over a DS set; `None` where it cannot be told.
pub(super) fn ds_signature(
    view: &AuthoritativeView,
    parent: &str,
    apex: &[u8],
    records: &[WireRecord],
) -> Option<SignatureState> {
    let keys = zone_keys(view, parent);
    let above = wire::from_text(parent)?;
    let section = records.iter().find(|r| r.rtype == rtype::DS && r.owner == apex)?.section;
    let keys: Vec<&Key> = keys.iter().collect();
    (!keys.is_empty()).then(|| dnssec::rrset_state(records, section, apex, rtype::DS, &above, &keys, view.now))
}

/// The keys that enter a zone: for the root those that are published anchors.
pub(super) fn root_entry<'k>(view: &AuthoritativeView, keys: &'k [Key]) -> Vec<&'k Key> {
    if view.public_root { anchored(keys) } else { keys.iter().collect() }
}

/// The keys of a zone, of all its servers that gave some.
pub(super) fn zone_keys(view: &AuthoritativeView, zone: &str) -> Vec<Key> {
    let servers = view.zones.get(zone).into_iter().flat_map(|z| z.servers.values());
    let probes = servers.flat_map(|s| &s.probes).filter(|p| p.kind == ProbeKind::Dnskey);
    let mut all: Vec<Key> = Vec::new();
    for key in probes.filter_map(|p| keys_of(p, zone)).flat_map(|(keys, _)| keys) {
        if !all.contains(&key) {
            all.push(key);
        }
    }
    all
}

/// The keys a DNSKEY probe brought and the records they came with.
pub(super) fn keys_of(probe: &Probe, zone: &str) -> Option<(Vec<Key>, Vec<WireRecord>)> {
    let (message, reading) = probe.best(zone);
    let (_, bytes) = message.filter(|_| reading == Reading::Records)?;
    let records = wire::records(bytes).ok()?;
    let keys = dnssec::keys(&records, &wire::from_text(zone)?);
    (!keys.is_empty()).then_some((keys, records))
}

/// The keys of a zone as one of its addresses gives them, by the probe that brought some.
pub(super) fn keys_at(probes: &[Probe], zone: &str) -> Option<(Vec<Key>, Vec<WireRecord>)> {
    probes.iter().filter(|p| p.kind == ProbeKind::Dnskey).find_map(|p| keys_of(p, zone))
}
