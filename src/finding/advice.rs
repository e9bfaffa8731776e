//! Where one CAA set would help: effects computed per level, ranked, with the records to publish and what to mind.

use std::collections::BTreeMap;

use serde::Serialize;

use super::issuer::{CaaDomains, caa_domains};
use super::level::LevelFacts;
use super::reach::{Decided, Reach};
use crate::caa::{Effect, Observed, effect};
use crate::issuance::Issuances;
use crate::name::DomainName;

/// Levels advised at most.
const MOST: usize = 8;
/// Levels whose effect is computed: those that decide the most names.
const CONSIDERED: usize = 256;
/// Levels shown when nothing fails.
const CALM: usize = 3;
/// Seconds after which an issuer that issued nothing counts as one of the past: no certificate lives longer.
const LIFETIME: i64 = 398 * 86_400;

/// What a CAA set at one level would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// Where the records would stand.
    pub level: String,
    /// Distinct names it would decide, `*.` forms counted apart.
    pub decides_names: u64,
    /// Certificates seen that hold such a name.
    pub decides_certificates: u64,
    /// Failing levels it would make irrelevant: those towards the TLD.
    pub cures: Vec<String>,
    /// Failing levels it would not help: those closer to the names.
    pub leaves: Vec<String>,
    /// Zone-file lines to publish.
    pub records: Vec<String>,
    /// What to mind before publishing.
    pub warnings: Vec<String>,
}

/// What advice is computed from.
#[derive(Debug, Clone, Copy)]
pub struct Grounds<'a> {
    /// What was issued.
    pub issuances: &'a Issuances,
    /// Every level that was asked.
    pub levels: &'a [LevelFacts],
    /// Levels that ACME errors named as failing, whether or not they fail now.
    pub reported: &'a [DomainName],
    /// CAA domains asked for by the user, for inputs that do not tell who issues.
    pub issuers: &'a [String],
    /// Whether the certificates seen are known not to be all.
    pub incomplete: bool,
}

/// Computes the advice, best first: at most 8 levels; at most 3 when nothing fails; none when no set can cure what fails.
#[must_use]
pub fn advise(grounds: &Grounds<'_>) -> Vec<Advice> {
    let ignored = super::level::dead_views(grounds.levels);
    let observed: Vec<(&DomainName, Observed)> = grounds
        .levels
        .iter()
        .map(|level| (&level.name, level.observed(&ignored)))
        .chain(reported_only(grounds))
        .map(|(name, seen)| (name, reported(grounds, name, seen)))
        // Only failures and sets have an effect.
        .filter(|(_, seen)| seen.fails() || *seen == Observed::Set)
        .collect();
    let scope = grounds.issuances.scope.as_ref();
    // Below a TLD that is not there nobody can publish.
    let gone: Vec<&DomainName> =
        grounds.levels.iter().filter(|level| level.is_no_tld(&ignored)).map(|level| &level.name).collect();
    let candidates: Vec<&LevelFacts> = grounds
        .levels
        .iter()
        .filter(|level| level.stable && level.alias().is_none() && !level.nobodys(scope) && level.set().is_empty())
        .filter(|level| !gone.iter().any(|tld| level.name.is_at_or_below(tld)))
        .collect();
    let reach = Reach::new(grounds, &candidates);
    let mut deciding: Vec<(&&LevelFacts, &Decided)> =
        candidates.iter().zip(&reach.of).filter(|(_, decided)| decided.names > 0).collect();
    deciding.sort_by(|a, b| b.1.names.cmp(&a.1.names).then_with(|| a.0.name.cmp(&b.0.name)));
    deciding.truncate(CONSIDERED);
    let sets: Vec<&LevelFacts> = grounds.levels.iter().filter(|level| !level.set().is_empty()).collect();
    let mut ranked: Vec<(Rank, Advice)> = deciding
        .into_iter()
        .map(|(level, decided)| {
            let effect = effect(observed.iter().copied(), &level.name);
            let advice = Draft { grounds, sets: &sets, level, decided, effect: &effect }.advice();
            (Rank::new(&effect, &advice, level.name.depth()), advice)
        })
        .collect();
    ranked.sort_by(|a, b| a.0.cmp(&b.0));
    let cures = ranked.iter().any(|(rank, _)| rank.class < Class::Nothing);
    // A failure that no set can hide is for its servers to mend; a record proposed then would pass for a cure.
    if !cures && observed.iter().any(|(_, seen)| seen.fails()) {
        return Vec::new();
    }
    ranked.retain(|(rank, _)| !cures || rank.class < Class::Nothing);
    // Where nothing fails, a copy of the set that decides already changes nothing.
    let decided = |advice: &Advice| grounds.levels.iter().any(|level| is_below(&advice.level, level));
    ranked.retain(|(_, advice)| cures || !decided(advice));
    ranked.truncate(if cures { MOST } else { CALM });
    ranked.into_iter().map(|(_, advice)| advice).collect()
}

/// Whether a level lies below one with a set.
fn is_below(name: &str, level: &LevelFacts) -> bool {
    let above = name.strip_suffix(level.name.as_str()).is_some_and(|left| left.ends_with('.'));
    above && !level.set().is_empty()
}

/// Levels of errors that were not asked in this run.
fn reported_only<'a>(grounds: &Grounds<'a>) -> impl Iterator<Item = (&'a DomainName, Observed)> {
    let levels = grounds.levels;
    let unasked = move |name: &&DomainName| !levels.iter().any(|level| level.name == **name);
    grounds.reported.iter().filter(unasked).map(|name| (name, Observed::Unknown))
}

/// A level that an error named as failing counts as failing sometimes, if it answers now.
fn reported(grounds: &Grounds<'_>, name: &DomainName, seen: Observed) -> Observed {
    match seen {
        Observed::Empty | Observed::Unknown if grounds.reported.contains(name) => {
            Observed::Failed { empty_answers_only: false, share: 0.0 }
        }
        Observed::Empty | Observed::Set | Observed::Failed { .. } | Observed::Unknown => seen,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Closer to the names than every failure.
    All,
    /// Some failure is at or below it.
    Part,
    /// No failure lies beyond it.
    Nothing,
}

/// Best first: the class, the most names, the fewest records, then the place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    class: Class,
    names: std::cmp::Reverse<u64>,
    records: usize,
    depth: usize,
    name: String,
}

impl Rank {
    fn new(effect: &Effect, advice: &Advice, depth: usize) -> Self {
        let class = match (effect.cures.is_empty(), effect.leaves.is_empty()) {
            (false, true) => Class::All,
            (false, false) => Class::Part,
            (true, _) => Class::Nothing,
        };
        let names = std::cmp::Reverse(advice.decides_names);
        Self { class, names, records: advice.records.len(), depth, name: advice.level.clone() }
    }
}

struct Draft<'a> {
    grounds: &'a Grounds<'a>,
    /// The levels that hold a set.
    sets: &'a [&'a LevelFacts],
    level: &'a LevelFacts,
    decided: &'a Decided,
    effect: &'a Effect,
}

/// The CAs of a draft: what to list, and what is known of each.
#[derive(Default)]
struct Listed {
    /// CAA domain to publish, with the certificates seen and the last start of validity.
    known: BTreeMap<String, (u64, Option<i64>)>,
    unknown: Vec<(String, u64)>,
}

impl Draft<'_> {
    fn advice(&self) -> Advice {
        let listed = self.listed();
        let texts = |levels: &[DomainName]| levels.iter().map(DomainName::to_string).collect();
        let records = match self.overridden() {
            Some(set) => set.set().iter().map(|record| format!("{}. IN CAA {record}", self.level.name)).collect(),
            None => {
                listed.known.keys().map(|domain| format!("{}. IN CAA 0 issue \"{domain}\"", self.level.name)).collect()
            }
        };
        Advice {
            level: self.level.name.to_string(),
            decides_names: self.decided.names,
            decides_certificates: self.decided.certificates,
            cures: texts(&self.effect.cures),
            leaves: texts(&self.effect.leaves),
            warnings: self.warnings(&listed),
            records,
        }
    }

    /// The set towards the TLD that decides these names now, which a set here would replace.
    fn overridden(&self) -> Option<&LevelFacts> {
        let ancestor =
            |level: &&LevelFacts| level.name != self.level.name && self.level.name.is_at_or_below(&level.name);
        self.sets.iter().copied().filter(ancestor).max_by_key(|level| level.name.depth())
    }

    fn listed(&self) -> Listed {
        let mut listed = Listed::default();
        for (id, (count, last)) in &self.decided.issuers {
            let Some(issuer) = self.grounds.issuances.issuers.get(id.0 as usize) else { continue };
            match caa_domains(issuer) {
                CaaDomains::Known { publish, .. } => {
                    let (sum, latest) = listed.known.entry(publish).or_default();
                    *sum += count;
                    *latest = (*latest).max(*last);
                }
                CaaDomains::Unknown => listed.unknown.push((issuer.name.clone(), *count)),
            }
        }
        for issuer in self.grounds.issuers {
            listed.known.entry(issuer.clone()).or_default();
        }
        listed
    }

    /// What is special to this level first; what holds at every level last, in the same words, so that reports say it once.
    fn warnings(&self, listed: &Listed) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(set) = self.overridden() {
            warnings.push(format!(
                "A set here replaces the one at `{}` for these names, so its records are repeated here; keep both alike.",
                set.name
            ));
        } else {
            self.who_may_issue(listed, &mut warnings);
        }
        if !self.decided.shadowed.is_empty() {
            let own: Vec<String> = self.decided.shadowed.iter().take(5).map(|level| format!("`{level}`")).collect();
            warnings.push(format!(
                "Names at or below {} have CAA sets of their own, which go on deciding for them.",
                own.join(", ")
            ));
        }
        if self.effect.cures.is_empty() {
            warnings.push(
                "No failure lies between this level and the TLD: a CAA set here is a matter of policy, not a cure."
                    .into(),
            );
        }
        let Effect { chance_before, chance_after, .. } = self.effect;
        if *chance_before > 0.0 && chance_before < chance_after {
            warnings.push(format!(
                "If every lookup failed as often as it did here, {:.0} % of the checks from this level to the TLD would pass without the set, {:.0} % with it.",
                chance_before * 100.0,
                chance_after * 100.0
            ));
        }
        warnings.push("A set denies every CA that it does not list.".into());
        if self.decided.wildcards > 0 && self.overridden().is_none() {
            warnings.push("`issue` covers wildcard names too, as long as the set has no `issuewild`.".into());
        }
        if self.decided.one_off {
            warnings.push("Publish it at the level itself. A DNS wildcard record below it (`*.`) is no help for names validated by DNS-01: the TXT record at `_acme-challenge` makes the label exist, and then the wildcard no longer matches (RFC 4592).".into());
        }
        if !self.effect.cures.is_empty() {
            warnings.push("It changes the verdict, not the speed: a CA such as Let's Encrypt asks all levels at once and waits for all answers.".into());
        }
        warnings.push("It takes effect late: a CA may reuse a CAA result for 8 hours or the record's TTL, whichever is longer, and resolvers keep the empty answer for its negative TTL.".into());
        warnings
    }

    fn who_may_issue(&self, listed: &Listed, warnings: &mut Vec<String>) {
        let seen = |(domain, (count, _)): (&String, &(u64, Option<i64>))| match count {
            0 => format!("`{domain}` (asked for)"),
            1 => format!("`{domain}` (1 certificate)"),
            count => format!("`{domain}` ({count} certificates)"),
        };
        let names: Vec<String> = listed.known.iter().map(seen).collect();
        if names.is_empty() {
            warnings.push("No CAA domain is known for the issuers of these names, so no record is proposed.".into());
        } else if names.len() > 1 {
            warnings.push(format!("Listed: {}.", names.join(", ")));
        }
        for (issuer, count) in &listed.unknown {
            warnings.push(format!(
                "Not listed, so denied: `{issuer}` ({count} certificate{}). Its CAA domain is not known here; section 4.2 of the CA's practice statement names it.",
                if *count == 1 { "" } else { "s" }
            ));
        }
        if self.decided.unnamed > 0 {
            warnings.push(format!(
                "{} certificates do not tell their issuer; it may be missing from the list.",
                self.decided.unnamed
            ));
        }
        let newest = listed.known.values().filter_map(|(_, last)| *last).max();
        let past =
            |last: &Option<i64>| matches!((last, newest), (Some(last), Some(newest)) if newest - last > LIFETIME);
        let old: Vec<String> =
            listed.known.iter().filter(|(_, (_, last))| past(last)).map(|(domain, _)| format!("`{domain}`")).collect();
        if !old.is_empty() {
            warnings.push(format!(
                "Not seen for more than 398 days: {}. Leave out what is no longer in use.",
                old.join(", ")
            ));
        }
        if self.grounds.incomplete {
            warnings.push("Not all certificates were seen: a CA in use may be missing from the list.".into());
        }
    }
}

#[cfg(test)]
#[path = "advice_tests.rs"]
mod tests;
