//! From what was gathered to an [`AuthoritativeView`], with what it cannot vouch for.

use std::collections::{BTreeMap, BTreeSet};

use super::probe_ask::Asker;
use super::walk::{ALIASES, Gathering};
use super::walk_more::next_alias;
use crate::caa::evidence_name::is_below;
use crate::caa::evidence_reading::Reading;
use crate::caa::{AliasEnd, AliasEvidence, Anchoring, AuthoritativeView, LevelEvidence, Line, Probe, anchoring};

impl Gathering<'_> {
    pub(super) fn into_view(
        mut self,
        asker: &Asker<'_>,
        line: LevelEvidence,
        now: u64,
        public_root: bool,
    ) -> AuthoritativeView {
        self.tell_aliases();
        self.tell_known_below();
        let on_the_way: BTreeSet<String> =
            self.levels.values().flat_map(|level| self.walk.chain(&level.zone)).collect();
        let hosts: BTreeMap<String, _> = on_the_way.iter().map(|z| (z.clone(), self.walk.servers(z))).collect();
        let mut zones = std::mem::take(&mut self.walk.zones);
        zones.retain(|name, _| on_the_way.contains(name));
        for ((zone, address), mut evidence) in self.servers {
            if let Some(zone) = zones.get_mut(&zone) {
                let of = hosts.get(&zone.name).and_then(|servers| servers.get(&address));
                evidence.hosts = of.cloned().unwrap_or_default();
                zone.servers.insert(address, evidence);
            }
        }
        let mut view = AuthoritativeView {
            zones,
            levels: self.levels,
            limits: asker.limits(),
            cautions: BTreeSet::new(),
            queries: asker.sent(),
            now,
            line_us: asker.quickest_us(),
            ipv6_works: asker.ipv6_works(),
            public_root,
            line,
        };
        view.limits.extend(Line::of(&view).sentence());
        let unanchored = unanchored(&view);
        if public_root { &mut view.limits } else { &mut view.cautions }.extend(unanchored);
        view
    }

    fn tell_aliases(&mut self) {
        let links: BTreeMap<String, String> =
            self.levels.values().filter_map(|level| Some((level.name.clone(), next_alias(level)?))).collect();
        for level in self.levels.values_mut() {
            level.alias = chain(&links, &level.name);
            if level.alias.as_ref().is_some_and(|alias| alias.end == AliasEnd::TooLong) {
                self.asker.limit(format!(
                    "the aliases from {} were followed for {ALIASES} links, and no further",
                    level.name
                ));
            }
        }
    }

    fn tell_known_below(&mut self) {
        let mut exist: BTreeSet<String> = BTreeSet::new();
        for level in self.levels.values() {
            let positive = |probe: &Probe| {
                let usable = matches!(
                    probe.reading(&level.zone),
                    Reading::Records | Reading::Alias(_) | Reading::NoData(_) | Reading::ReferralDown(_)
                );
                usable && probe.messages().any(|(message, ..)| message.rcode == 0)
            };
            if level.servers.values().flatten().any(positive) {
                exist.insert(level.name.clone());
            }
        }
        exist.extend(self.walk.zones.keys().cloned());
        let hosts = self.walk.zones.values().flat_map(|zone| &zone.hosts);
        exist.extend(hosts.filter(|(_, host)| !host.addresses.is_empty()).map(|(name, _)| name.clone()));
        for level in self.levels.values_mut() {
            level.known_below = exist.iter().filter(|name| is_below(name, &level.name)).take(8).cloned().collect();
        }
    }
}

/// What DNSSEC statements hang on, where that is not the published anchors.
fn unanchored(view: &AuthoritativeView) -> Option<String> {
    match anchoring(view) {
        Anchoring::Anchored => None,
        Anchoring::Private => Some(
            "DNSSEC was checked against the keys that the servers of the given root hints publish: no trust anchor vouches for them"
                .to_owned(),
        ),
        // A root that was not reached is told elsewhere.
        Anchoring::NoKeys if Line::of(view) != Line::Sound || view.zones.is_empty() => None,
        Anchoring::NoKeys => Some("the root's servers gave no DNSKEY records: nothing is said of DNSSEC".to_owned()),
        Anchoring::OtherKeys(tags) => {
            let tags: Vec<String> = tags.iter().map(u16::to_string).collect();
            Some(format!(
                "the root's keys as seen from here (tags {}) are not the published trust anchors (20326, 38696): nothing is said of DNSSEC",
                tags.join(", ")
            ))
        }
    }
}

/// The chain that begins at `name`.
fn chain(links: &BTreeMap<String, String>, name: &str) -> Option<AliasEvidence> {
    let mut way = vec![links.get(name)?.clone()];
    loop {
        let last = way.last()?;
        if last == name || way[..way.len() - 1].contains(last) {
            return Some(AliasEvidence { chain: way, end: AliasEnd::Loop });
        }
        match links.get(last) {
            None => return Some(AliasEvidence { chain: way, end: AliasEnd::Target }),
            Some(_) if way.len() >= ALIASES => return Some(AliasEvidence { chain: way, end: AliasEnd::TooLong }),
            Some(next) => way.push(next.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_aliases_ends_at_a_name_in_a_loop_or_at_the_bound() {
        let links = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
        let two = links(&[("a", "b"), ("b", "c")]);
        assert_eq!(
            chain(&two, "a").unwrap(),
            AliasEvidence { chain: vec!["b".into(), "c".into()], end: AliasEnd::Target }
        );
        assert_eq!(chain(&two, "c"), None);
        let round = links(&[("a", "b"), ("b", "c"), ("c", "b")]);
        assert_eq!(chain(&round, "a").unwrap().end, AliasEnd::Loop);
        assert_eq!(chain(&links(&[("a", "a")]), "a").unwrap().end, AliasEnd::Loop);
        let long = (0..40).map(|i| (i.to_string(), (i + 1).to_string())).collect();
        assert_eq!(chain(&long, "0").unwrap().end, AliasEnd::TooLong);
    }
}
