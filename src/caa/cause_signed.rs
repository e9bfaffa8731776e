//! DNSSEC faults of the answer about CAA that one address gives, in a zone that the chain of trust reaches.

use std::collections::BTreeSet;

use super::cause_dnssec::{NO_SIGNATURE, signature_words};
use super::cause_server::{Answer, At, Flavour, Symptom};
use super::dnssec::{self, Key};
use super::dnssec_chain::{self as trust, Chain, chain};
use super::dnssec_denial::{Denial, denial, is_under, nothing_closer};
use super::dnssec_wire::{self as wire, Section, WireRecord};
use super::evidence_reading::Reading;
use super::{AuthoritativeView, Code, ProbeKind, rtype};

/// An answer as its records, with the keys to check them by.
struct Signed<'a> {
    records: Vec<WireRecord>,
    apex: Vec<u8>,
    name: Vec<u8>,
    keys: Vec<Key>,
    at: &'a At<'a>,
    answer: &'a Answer<'a>,
    now: u64,
}

/// What is wrong with the answer of one address. `None` if it cannot be checked: no keys, no DNSSEC records asked for, no
/// chain of trust.
pub(super) fn answer_faults(view: &AuthoritativeView, at: &At, answer: &Answer) -> Option<Vec<Symptom>> {
    use ProbeKind::{Caa, CaaLarge, CaaLowerCase, CaaSmall, CaaTcp};
    if !matches!(answer.kind, Caa | CaaTcp | CaaLowerCase | CaaSmall | CaaLarge)
        || chain(view, at.zone) != Chain::Signed
    {
        return None;
    }
    let signed = Signed {
        records: wire::records(answer.bytes).ok()?,
        apex: wire::from_text(at.zone)?,
        name: wire::from_text(&at.level.name)?,
        keys: trust::keys_at(&at.server.probes, at.zone)?.0,
        at,
        answer,
        now: view.now,
    };
    // The SOA of a zone further down means another chain.
    let deeper =
        |r: &WireRecord| r.section == Section::Authority && r.rtype == rtype::SOA && is_under(&r.owner, &signed.apex);
    if signed.records.iter().any(deeper) || matches!(answer.reading, Reading::ReferralDown(_)) {
        return None;
    }
    Some(signed.faults())
}

/// Tags of the keys that signed an answer, and of those that an address publishes.
pub(super) fn tags(at: &At, answer: &Answer) -> Option<(BTreeSet<u16>, BTreeSet<u16>)> {
    let apex = wire::from_text(at.zone)?;
    let used = dnssec::signing_tags(&wire::records(answer.bytes).ok()?, &apex);
    let (keys, _) = trust::keys_at(&at.server.probes, at.zone)?;
    Some((used, keys.iter().map(Key::tag).collect()))
}

impl Signed<'_> {
    fn faults(&self) -> Vec<Symptom> {
        let proof = denial(&self.records, &self.name, rtype::CAA, &self.apex);
        if proof == Denial::TooManyIterations {
            return Vec::new();
        }
        let mut faults = self.signatures();
        if let Some(fault) = self.denial_fault(&proof).or_else(|| self.expansion()).or_else(|| self.bitmap()) {
            if proof == Denial::Missing {
                // What was stripped of its proof lost the signatures with it.
                faults.retain(|fault| !fault.seen.ends_with(NO_SIGNATURE));
            }
            faults.push(fault);
        }
        faults
    }

    /// The signatures over every record of the answer that counts.
    fn signatures(&self) -> Vec<Symptom> {
        let keys: Vec<&Key> = self.keys.iter().collect();
        let dname = self.records.iter().any(|r| r.section == Section::Answer && r.rtype == rtype::DNAME);
        let counts = |record: &WireRecord| match record.section {
            // A CNAME that a DNAME makes is not signed (RFC 6672 §5.3.1).
            Section::Answer => match record.rtype {
                rtype::CNAME => record.owner == self.name && !dname,
                rtype::CAA => record.owner == self.name,
                other => other == rtype::DNAME,
            },
            Section::Authority => {
                matches!(record.rtype, rtype::SOA | rtype::NSEC | rtype::NSEC3)
                    && self.answer.reading.negative().is_some()
            }
            Section::Additional => false,
        };
        let mut seen = BTreeSet::new();
        let mut faults = Vec::new();
        for record in self.records.iter().filter(|record| counts(record)) {
            if seen.insert((record.section, &record.owner, record.rtype)) {
                let (section, owner, kind) = (record.section, &record.owner, record.rtype);
                let state = dnssec::rrset_state(&self.records, section, owner, kind, &self.apex, &keys, self.now);
                let what = super::evidence_name::mnemonic(kind).unwrap_or("record");
                let foreign = kind == rtype::SOA && *owner != self.apex;
                faults.extend(signature_words(state, what).map(|(code, flavour, seen)| {
                    Symptom::of(code, if foreign { Flavour::OtherZone } else { flavour }, seen)
                }));
            }
        }
        faults
    }

    fn denial_fault(&self, proof: &Denial) -> Option<Symptom> {
        let bad = |seen: &str| Some(Symptom::new(Code::DnssecBadDenial, seen));
        match (&self.answer.reading, proof) {
            (Reading::NoData(_) | Reading::NxDomain(_), Denial::Missing) => {
                bad("no NSEC or NSEC3 record beside the negative answer")
            }
            (Reading::NoData(_) | Reading::NxDomain(_), Denial::Contradiction(why)) => bad(why),
            (Reading::NoData(_), Denial::NxDomain) => {
                bad("the denial records say that the name does not exist, the answer says that it does")
            }
            (Reading::NxDomain(_), Denial::NoData(Some(types))) if types.is_empty() => Some(Symptom::new(
                Code::EmptyNonTerminalNxdomain,
                "nxdomain, although the zone's own denial records show that names exist below it",
            )),
            (Reading::NxDomain(_), Denial::NoData(_)) => {
                bad("the denial records say that the name exists, the answer says that it does not")
            }
            (Reading::NoData(_), Denial::NoData(Some(types))) => {
                let has_a = self.at.reading(ProbeKind::Control) == Some(Reading::Records);
                let seen = "the denial record at the name lists no A record, and there is one";
                (has_a && !types.contains(&rtype::A)).then(|| Symptom::of(Code::DnssecBadDenial, Flavour::Bitmap, seen))
            }
            _ => None,
        }
    }

    /// A wildcard made the answer, and nothing proves that the name itself is absent (RFC 4035 §5.3.4).
    fn expansion(&self) -> Option<Symptom> {
        let kind = match self.answer.reading {
            Reading::Records => rtype::CAA,
            Reading::Alias(_) => rtype::CNAME,
            _ => return None,
        };
        let labels = wire::labels(&self.name);
        let signed = dnssec::signed_labels(&self.records, &self.name, kind)?;
        let expanded = signed < labels.len() && labels.first() != Some(&b"*".as_slice());
        let bare = expanded && !nothing_closer(&self.records, &self.name, signed, &self.apex);
        bare.then(|| {
            let seen = "a wildcard made the answer, and nothing proves that the name itself is absent";
            Symptom::new(Code::DnssecBadDenial, seen)
        })
    }

    /// The denial record for another type leaves CAA out, although the name has it: resolvers that use such records to answer
    /// by themselves (RFC 8198) would deny the set.
    fn bitmap(&self) -> Option<Symptom> {
        if self.answer.reading != Reading::Records {
            return None;
        }
        let probe = self.at.probe(ProbeKind::UnknownType)?;
        let (message, reading) = probe.best(self.at.zone);
        let records = wire::records(message.filter(|_| reading.negative().is_some())?.1).ok()?;
        let seen = match denial(&records, &self.name, rtype::PRIVATE, &self.apex) {
            Denial::NoData(Some(types)) if !types.contains(&rtype::CAA) => {
                "the denial record at the name lists no CAA record, and there is one"
            }
            Denial::NxDomain | Denial::NxName => {
                "the denial records say that the name does not exist, and it has a CAA record"
            }
            _ => return None,
        };
        Some(Symptom::of(Code::DnssecBadDenial, Flavour::Bitmap, seen))
    }
}
