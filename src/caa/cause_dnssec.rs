//! DNSSEC faults of a zone as a whole: its DS at the parent, its keys, and the signatures over them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::cause_server::{Flavour, Symptom};
use super::dnssec::{self, DsState, Key, MAX_SIGNATURES, SignatureState};
use super::dnssec_chain::{self as trust, Absence, Chain, chain};
use super::dnssec_wire::{self as wire, Section, WireRecord};
use super::evidence_reading::Reading;
use super::{AuthoritativeView, Code, DsEvidence, ProbeKind, ServerEvidence, ZoneEvidence, rtype};

/// A fault of a zone: whose zone, which address shows it, and what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The zone whose operator must act: the parent for what the parent signs.
    pub(super) zone: String,
    pub(super) address: Option<IpAddr>,
    pub(super) symptom: Symptom,
}

/// What is wrong with the DS of a zone at its parent, and with its keys, if the chain of trust reaches it.
pub(super) fn zone_faults(view: &AuthoritativeView, zone: &ZoneEvidence) -> Vec<Fault> {
    let Some(apex) = wire::from_text(&zone.name) else { return Vec::new() };
    let (mut faults, ds) = match &zone.parent {
        Some(parent) if chain(view, parent) == Chain::Signed => delegation(view, zone, parent, &apex),
        Some(_) => return Vec::new(),
        None => (Vec::new(), Vec::new()),
    };
    if chain(view, &zone.name) != Chain::Signed {
        return faults;
    }
    for (address, server) in &zone.servers {
        let symptom = match trust::keys_at(&server.probes, &zone.name) {
            Some((keys, records)) => {
                key_fault(view, zone, &apex, &ds, &keys, &records).or_else(|| tcp_only(server, &zone.name))
            }
            None => no_keys(server, &zone.name),
        };
        faults.extend(symptom.map(|symptom| Fault { zone: zone.name.clone(), address: Some(*address), symptom }));
    }
    faults
}

/// What the parent says of DS: the faults of its answer, and the DS records.
fn delegation(
    view: &AuthoritativeView,
    zone: &ZoneEvidence,
    parent: &str,
    apex: &[u8],
) -> (Vec<Fault>, Vec<dnssec::Ds>) {
    let fault = |address, code, seen: String| Fault {
        zone: parent.to_owned(),
        address,
        symptom: Symptom::of(code, Flavour::ParentDs, seen),
    };
    let by_servers = |code, seen: &str| -> Vec<Fault> {
        zone.ds_servers.iter().map(|address| fault(Some(*address), code, seen.to_owned())).collect()
    };
    match &zone.ds {
        DsEvidence::Unknown => (Vec::new(), Vec::new()),
        DsEvidence::Failed(addresses) => {
            let one = |(address, words): (&IpAddr, &String)| {
                fault(Some(*address), Code::DnssecBadDenial, format!("asked for DS of {}: {words}", zone.name))
            };
            let loses = |address: &IpAddr| {
                let server = view.zones.get(parent).and_then(|zone| zone.servers.get(address));
                server.and_then(|server| server.stress.as_ref()).and_then(super::cause_pace::judge_stress).is_some()
            };
            (addresses.iter().filter(|(address, _)| !loses(address)).map(one).collect(), Vec::new())
        }
        DsEvidence::Absent(_) => match trust::ds_absence(view, zone) {
            Absence::NotProven(code, why) => {
                let seen = format!("{parent} says that {} has no DS: {why}", zone.name);
                (by_servers(code, &seen), Vec::new())
            }
            Absence::Proven | Absence::Unknown => (Vec::new(), Vec::new()),
        },
        DsEvidence::Present(bytes) => {
            let Ok(records) = wire::records(bytes) else { return (Vec::new(), Vec::new()) };
            let state = trust::ds_signature(view, parent, apex, &records);
            let what = format!("the DS set of {} in {parent}", zone.name);
            let signature = state.and_then(|state| signature_words(state, &what));
            let faults = signature.map(|(code, _, seen)| by_servers(code, &seen));
            (faults.unwrap_or_default(), dnssec::ds(&records, apex))
        }
    }
}

/// Why an address of a signed zone shows no keys, if that is a fault of its own.
fn no_keys(server: &ServerEvidence, zone: &str) -> Option<Symptom> {
    let probes = || server.probes.iter().filter(|p| p.kind == ProbeKind::Dnskey);
    let probe = probes().next()?;
    if let Some(cut) = probes().find(|p| p.reading(zone) == Reading::Truncated) {
        let tcp = probes().find(|p| p.transport != cut.transport);
        let tcp = tcp.map_or_else(|| "not asked".to_owned(), |p| p.told(zone));
        let seen = super::cause_way::truncated_and("DNSKEY", &tcp);
        return Some(Symptom::of(Code::TcpUnavailable, Flavour::Keys, seen));
    }
    let lost = probe.reading(zone).negative().is_none();
    if lost && server.stress.as_ref().and_then(super::cause_pace::judge_stress).is_some() {
        // Lost like other questions.
        return None;
    }
    // The apex answers with EDNS and DO, so it is not EDNS that keeps the keys back.
    let alive = server.probes.iter().any(|p| p.kind == ProbeKind::ApexNs && p.reading(zone).is_usable());
    let flavour = if probe.reading(zone).negative().is_some() { Flavour::Plain } else { Flavour::Keys };
    let seen = format!("DS at the parent; DNSKEY: {}", probe.told(zone));
    alive.then(|| Symptom::of(Code::DnssecNoDnskey, flavour, seen))
}

/// Keys that arrive over TCP while UDP is silent: the answer is too large for the way.
fn tcp_only(server: &ServerEvidence, zone: &str) -> Option<Symptom> {
    let udp =
        server.probes.iter().filter(|p| p.kind == ProbeKind::Dnskey).find(|p| p.transport == super::Transport::Udp)?;
    udp.reading(zone).is_silence().then(|| {
        let seen = "DNSKEY over UDP with room for 1232 octets: silence; over TCP: answered";
        Symptom::of(Code::EdnsDropped, Flavour::Keys, seen)
    })
}

fn key_fault(
    view: &AuthoritativeView,
    zone: &ZoneEvidence,
    apex: &[u8],
    ds: &[dnssec::Ds],
    keys: &[Key],
    records: &[WireRecord],
) -> Option<Symptom> {
    let entry = if zone.parent.is_some() {
        let (state, entry) = dnssec::match_ds(apex, ds, keys);
        match state {
            DsState::NoneFits => {
                return Some(Symptom::new(Code::DnssecDsMismatch, mismatch(apex, ds, keys)));
            }
            DsState::NotCheckable => return None,
            DsState::Fits => entry,
        }
    } else {
        trust::root_entry(view, keys)
    };
    let state = dnssec::rrset_state(records, Section::Answer, apex, rtype::DNSKEY, apex, &entry, view.now);
    signature_words(state, "DNSKEY").map(|(code, flavour, seen)| {
        let below_ds = flavour == Flavour::UnknownKey && zone.parent.is_some();
        let flavour = if below_ds { Flavour::KeysUnsigned } else { flavour };
        Symptom::of(code, flavour, seen)
    })
}

/// DS records and keys that do not go together, by their tags.
fn mismatch(apex: &[u8], ds: &[dnssec::Ds], keys: &[Key]) -> String {
    let of_ds: BTreeSet<String> =
        ds.iter().map(|ds| format!("{} (digest type {})", ds.key_tag, ds.digest_type)).collect();
    let of_keys: BTreeSet<String> = keys.iter().map(|key| key.tag().to_string()).collect();
    let list = |tags: BTreeSet<String>| tags.into_iter().collect::<Vec<_>>().join(", ");
    let weak = if dnssec::only_weak_fits(apex, ds, keys) {
        "; the SHA-1 record fits, and does not count beside a stronger one (RFC 4509 section 3)"
    } else {
        ""
    };
    format!("DS for key {}, the zone has key {}{weak}", list(of_ds), list(of_keys))
}

/// The end of the words for a set without a signature that counts: there may be others, by another zone or of another type.
pub(super) const NO_SIGNATURE: &str = "no signature over it by the zone";

/// A bad signature as a fault: what it is over goes into the words.
pub(super) fn signature_words(state: SignatureState, what: &str) -> Option<(Code, Flavour, String)> {
    let plain = |code, seen| Some((code, Flavour::Plain, seen));
    match state {
        SignatureState::Good | SignatureState::NotCheckable => None,
        SignatureState::Expired { at } => {
            plain(Code::DnssecExpired, format!("the signature over {what} ended on {}", date(at)))
        }
        SignatureState::NotYetValid { from } => {
            let seen = format!("the signature over {what} begins on {}, in the future", date(from));
            Some((Code::DnssecExpired, Flavour::TooEarly, seen))
        }
        SignatureState::Wrong => plain(Code::DnssecBadSignature, format!("the signature over {what} does not verify")),
        SignatureState::TooMany => Some((
            Code::DnssecBadSignature,
            Flavour::TooManySignatures,
            format!("of the signatures over {what} the first {MAX_SIGNATURES} do not verify, and more follow"),
        )),
        SignatureState::UnknownKey => Some((
            Code::DnssecBadSignature,
            Flavour::UnknownKey,
            format!("the signature over {what} is by a key that the chain of trust does not lead to"),
        )),
        SignatureState::Missing => {
            Some((Code::DnssecBadSignature, Flavour::Unsigned, format!("{what}: {NO_SIGNATURE}")))
        }
    }
}

fn date(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
    time.map_or_else(|| format!("second {seconds} since 1970"), |time| time.to_string())
}
