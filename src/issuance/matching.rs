//! Which reports of different identity are of one certificate.
//!
//! Reports with a serial number are told apart by it. A report without one (older crt.sh dumps, Cert Spotter) is matched
//! to one with the same TBSCertificate, else to one with the same issuer, validity and names, else to one of which one set
//! of names holds the other; a report of a TBSCertificate is a certificate of its own, so each serial takes at most one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::IssuerId;
use super::event::{Event, Identity};
use super::issuer::Issuer;
use super::origins::OriginSets;
use crate::name::SanId;

/// Octets of a serial number that no two issuers give by chance.
const RANDOM: usize = 8;
/// Reports of one issuer and validity that are paired as well as possible; in larger groups the first that fits will do.
const PAIRED: usize = 128;
/// How many of them are compared name by name: bounds the work on hostile input.
const COMPARED: usize = 1024;

/// Matches sorted events of different identity.
pub(super) fn unite(events: Vec<Event>, issuers: &[Issuer], origins: &mut OriginSets) -> Vec<Event> {
    // Serial numbers below one spelling of their issuers need no matching.
    if events.iter().all(|event| matches!(event.identity, Identity::Serial(_)) && event.issuer == events[0].issuer) {
        return events;
    }
    let mut slots = Slots { events: events.into_iter().map(Some).collect(), taken: BTreeSet::new(), origins };
    let distinguished = |event: &Event| event.issuer.is_some_and(|id| issuers[id.0 as usize].name.contains('='));
    slots.by_serial(&distinguished);
    slots.by_tbs();
    slots.by_content(&distinguished);
    slots.events.into_iter().flatten().collect()
}

/// Sorted events; one that another has taken over is an empty slot.
struct Slots<'a> {
    events: Vec<Option<Event>>,
    /// Keepers that have their report of a TBSCertificate.
    taken: BTreeSet<usize>,
    origins: &'a mut OriginSets,
}

/// A report without a serial number: of a TBSCertificate, or of its content only.
fn is_weak(event: &Event, tbs: bool) -> bool {
    match event.identity {
        Identity::Tbs(_) => tbs,
        Identity::Content => !tbs,
        Identity::Serial(_) | Identity::Label(_) | Identity::Logged(_) => false,
    }
}

/// What a weak report may be matched to. A serial that knows its TBSCertificate is no match for another TBSCertificate.
fn is_keeper(event: &Event, weak_is_tbs: bool) -> bool {
    match event.identity {
        Identity::Serial(_) => !weak_is_tbs || event.tbs.is_none(),
        Identity::Tbs(_) => !weak_is_tbs,
        Identity::Content | Identity::Label(_) | Identity::Logged(_) => false,
    }
}

impl Slots<'_> {
    /// One event takes over another.
    fn absorb(&mut self, keeper: usize, other: usize) {
        if let Some(other) = self.events[other].take()
            && let Some(event) = &mut self.events[keeper]
        {
            event.origins = self.origins.union(event.origins, other.origins);
            event.issuer = event.issuer.or(other.issuer);
            event.join(other);
        }
    }

    /// A serial number whose issuer is not told as a distinguished name is that of the one issuer that has it.
    fn by_serial(&mut self, distinguished: &dyn Fn(&Event) -> bool) {
        let mut keepers: HashMap<Box<[u8]>, Vec<usize>> = HashMap::new();
        let mut vague = Vec::new();
        for (at, event) in self.events.iter().enumerate() {
            match event {
                Some(event @ Event { identity: Identity::Serial(serial), .. }) if distinguished(event) => {
                    keepers.entry(serial.clone()).or_default().push(at);
                }
                Some(Event { identity: Identity::Serial(serial), .. }) => vague.push((at, serial.clone())),
                Some(_) | None => {}
            }
        }
        for (at, serial) in vague {
            // CAs give at least 64 random bits (CA/Browser Forum Baseline Requirements §7.1); a counter says nothing.
            if let Some([keeper]) = keepers.get(&serial).filter(|_| serial.len() >= RANDOM).map(Vec::as_slice) {
                self.absorb(*keeper, at);
            }
        }
    }

    /// Reports of one TBSCertificate are one certificate, even where the issuer is spelled in words that do not compare.
    fn by_tbs(&mut self) {
        let mut keepers: HashMap<Box<[u8]>, usize> = HashMap::new();
        for wanted_serial in [true, false] {
            for at in 0..self.events.len() {
                let Some(Event { identity, tbs: Some(tbs), .. }) = &self.events[at] else { continue };
                match (identity, keepers.get(tbs)) {
                    (Identity::Tbs(_), Some(&keeper)) if !wanted_serial => self.absorb(keeper, at),
                    (Identity::Serial(_), None) if wanted_serial => drop(keepers.insert(tbs.clone(), at)),
                    (Identity::Tbs(_), None) if !wanted_serial => drop(keepers.insert(tbs.clone(), at)),
                    _ => {}
                }
            }
        }
    }

    fn by_content(&mut self, distinguished: &dyn Fn(&Event) -> bool) {
        let of_issuer = self.groups(|event| event.issuer);
        for tbs in [true, false] {
            for group in &of_issuer {
                self.same_names(group, tbs, &|_, _| true);
                self.nested_names(group, tbs);
            }
        }
        // A friendly name, or none, compares to no distinguished name: validity and equal names have to do.
        let comparable = |one: &Event, other: &Event| distinguished(one) && distinguished(other);
        if self.events.iter().flatten().all(distinguished) {
            return;
        }
        let of_time = self.groups(|_| Some(IssuerId(0)));
        for tbs in [true, false] {
            for group in &of_time {
                self.same_names(group, tbs, &|one, other| !comparable(one, other));
            }
        }
    }

    /// Positions of events of one issuer and validity, where there are several.
    fn groups(&self, issuer: impl Fn(&Event) -> Option<IssuerId>) -> Vec<Vec<usize>> {
        let mut groups: BTreeMap<(IssuerId, i64, i64), Vec<usize>> = BTreeMap::new();
        for (at, event) in self.events.iter().enumerate() {
            if let Some(event) = event
                && let (Some(issuer), Some(from), Some(to)) = (issuer(event), event.not_before, event.not_after)
            {
                groups.entry((issuer, from, to)).or_default().push(at);
            }
        }
        groups.into_values().filter(|group| group.len() > 1).collect()
    }

    fn keepers(&self, group: &[usize], tbs: bool) -> Vec<usize> {
        let free = |at: &usize| !(tbs && self.taken.contains(at));
        let keeps = |at: &usize| self.events[*at].as_ref().is_some_and(|event| is_keeper(event, tbs));
        group.iter().copied().filter(|at| keeps(at) && free(at)).collect()
    }

    fn weak(&self, group: &[usize], tbs: bool) -> Vec<usize> {
        let weak = |at: &usize| self.events[*at].as_ref().is_some_and(|event| is_weak(event, tbs));
        group.iter().copied().filter(weak).collect()
    }

    fn take(&mut self, keeper: usize, other: usize, tbs: bool) {
        if tbs {
            self.taken.insert(keeper);
        }
        self.absorb(keeper, other);
    }

    /// Matches reports of equal names. Those with the same names are in one run of a map, so a large group stays cheap.
    fn same_names(&mut self, group: &[usize], tbs: bool, fits: &dyn Fn(&Event, &Event) -> bool) {
        let mut runs: BTreeMap<Vec<SanId>, Vec<usize>> = BTreeMap::new();
        for at in self.keepers(group, tbs) {
            if let Some(event) = &self.events[at] {
                runs.entry(event.names.to_vec()).or_default().push(at);
            }
        }
        for at in self.weak(group, tbs) {
            let Some(event) = &self.events[at] else { continue };
            let Some(run) = runs.get_mut(event.names.as_ref()) else { continue };
            let fitting = |keeper: &usize| self.events[*keeper].as_ref().is_some_and(|keeper| fits(keeper, event));
            let Some(place) = run.iter().take(COMPARED).position(fitting) else { continue };
            let keeper = if tbs { run.remove(place) } else { run[place] };
            self.take(keeper, at, tbs);
        }
    }

    /// Matches reports of which one set of names holds the other: crt.sh lists the names that match, Cert Spotter all.
    fn nested_names(&mut self, group: &[usize], tbs: bool) {
        let (keepers, weak) = (self.keepers(group, tbs), self.weak(group, tbs));
        if weak.is_empty() || keepers.is_empty() {
            return;
        }
        let names = |at: usize| self.events[at].as_ref().map_or(&[][..], |event| &event.names);
        let fits = |weak: usize, keeper: usize| nested(names(weak), names(keeper));
        let mut pairs = Vec::new();
        if tbs && weak.len() + keepers.len() <= PAIRED {
            pairs = best_pairs(&weak, &keepers, fits);
        } else {
            let mut free: Vec<usize> = keepers;
            for &at in &weak {
                let Some(place) = free.iter().take(COMPARED).position(|&keeper| fits(at, keeper)) else { continue };
                pairs.push((at, if tbs { free.remove(place) } else { free[place] }));
            }
        }
        for (at, keeper) in pairs {
            self.take(keeper, at, tbs);
        }
    }
}

/// As many pairs as there can be (augmenting paths, after Kuhn), the same for the same sorted input.
fn best_pairs(weak: &[usize], keepers: &[usize], fits: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
    fn seek(
        one: usize,
        fitting: &[Vec<usize>],
        partner: &mut BTreeMap<usize, usize>,
        tried: &mut BTreeSet<usize>,
    ) -> bool {
        for &keeper in &fitting[one] {
            if !tried.insert(keeper) {
                continue;
            }
            let free = partner.get(&keeper).copied().is_none_or(|other| seek(other, fitting, partner, tried));
            if free {
                partner.insert(keeper, one);
                return true;
            }
        }
        false
    }
    let fitting: Vec<Vec<usize>> =
        weak.iter().map(|&one| keepers.iter().copied().filter(|&keeper| fits(one, keeper)).collect()).collect();
    let mut partner = BTreeMap::new();
    for one in 0..weak.len() {
        seek(one, &fitting, &mut partner, &mut BTreeSet::new());
    }
    partner.into_iter().map(|(keeper, one)| (weak[one], keeper)).collect()
}

/// Whether one of two sorted sets holds the other.
fn nested(one: &[SanId], other: &[SanId]) -> bool {
    let (small, large) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    small.iter().all(|name| large.binary_search(name).is_ok())
}
