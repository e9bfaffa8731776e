//! The verdict of every chosen name for every issuer: pure.

use std::collections::BTreeMap;

use super::group::Grouped;
use super::levels::Selection;
use super::views::worst;
use crate::caa::{Judgement, Lookup, Reason, Request, Ruling, Security, Verdict, verdict};
use crate::finding::issuer::{CaaDomains, caa_domains};
use crate::issuance::Issuances;
use crate::name::{NameTree, NodeId, SanId};
use crate::report::Checked;

/// What each view said of each level.
pub type Lookups = BTreeMap<NodeId, Vec<(String, Lookup)>>;

/// For whom and how names are judged.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct Judging {
    /// CAA domains to judge for; empty for the issuers seen on certificates.
    pub issuers: Vec<String>,
    /// The validation method (RFC 8657), if known.
    pub method: Option<String>,
    /// The ACME account (RFC 8657), if known.
    pub account_uri: Option<String>,
}

/// One CA to judge for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Applicant {
    /// How the report names it: the CAA domain to publish, or the issuer's name where none is known.
    label: String,
    /// All CAA domains it answers to; empty where unknown.
    domains: Vec<String>,
}

/// Judges every chosen name, in the order of the selection; per name the issuers in order of their labels.
pub fn judge(
    issued: &Issuances,
    grouped: &Grouped,
    selection: &Selection,
    lookups: &Lookups,
    judging: &Judging,
    security: &dyn Fn(NodeId) -> Security,
) -> Vec<Checked> {
    let by_pattern = applicants(issued, grouped, judging);
    let mut checked = Vec::new();
    for &(name, pattern) in &selection.names {
        let levels: Option<Vec<(NodeId, &Lookup)>> = issued
            .tree
            .levels(name.node())
            .map(|level| Some((level, worst(lookups.get(&level)?.iter().map(|(_, lookup)| lookup))?)))
            .collect();
        // A level without any answer of any view: nothing was asked, nothing is judged.
        let Some(levels) = levels else { continue };
        let applicants = by_pattern.get(&pattern).map_or(&[][..], Vec::as_slice);
        let mut add = |applicant: Option<&Applicant>| {
            let verdict = judge_one(name, &levels, applicant, judging, security);
            let pattern = pattern.map(|at| grouped.patterns.patterns[at].id.clone());
            checked.push(row(&issued.tree, name, pattern, applicant, &verdict));
        };
        if applicants.is_empty() {
            add(None);
        }
        for applicant in applicants {
            add(Some(applicant));
        }
    }
    checked
}

/// The CAs of each pattern: those asked for, else those seen on certificates with its names.
fn applicants(issued: &Issuances, grouped: &Grouped, judging: &Judging) -> BTreeMap<Option<usize>, Vec<Applicant>> {
    let patterns = (0..grouped.patterns.patterns.len()).map(Some).chain([None]);
    let asked: Vec<Applicant> = applicants_asked(judging).into_iter().flatten().collect();
    if !asked.is_empty() {
        return patterns.map(|pattern| (pattern, asked.clone())).collect();
    }
    let mut seen: BTreeMap<Option<usize>, std::collections::BTreeSet<Applicant>> = BTreeMap::new();
    let known: Vec<Applicant> = issued
        .issuers
        .iter()
        .map(|issuer| match caa_domains(issuer) {
            CaaDomains::Known { publish, all } => Applicant { label: publish, domains: all },
            CaaDomains::Unknown => Applicant { label: issuer.name.clone(), domains: Vec::new() },
        })
        .collect();
    for issuance in &issued.issuances {
        let Some(issuer) = issuance.issuer else { continue };
        for &name in &issuance.names {
            let of_pattern = seen.entry(grouped.of(name)).or_default();
            if !of_pattern.contains(&known[issuer.0 as usize]) {
                of_pattern.insert(known[issuer.0 as usize].clone());
            }
        }
    }
    seen.into_iter().map(|(pattern, applicants)| (pattern, applicants.into_iter().collect())).collect()
}

/// The CAs asked for; `None`, whoever may ask, where none is.
pub(super) fn applicants_asked(judging: &Judging) -> Vec<Option<Applicant>> {
    if judging.issuers.is_empty() {
        return vec![None];
    }
    let asked = |domain: &String| Some(Applicant { label: domain.clone(), domains: vec![domain.clone()] });
    judging.issuers.iter().map(asked).collect()
}

pub(super) fn judge_one(
    name: SanId,
    levels: &[(NodeId, &Lookup)],
    applicant: Option<&Applicant>,
    judging: &Judging,
    security: &dyn Fn(NodeId) -> Security,
) -> Verdict<NodeId> {
    let domains: Vec<&str> = applicant.map_or(&[][..], |a| &a.domains).iter().map(String::as_str).collect();
    let accounts: Vec<&str> = judging.account_uri.as_deref().into_iter().collect();
    let request = Request {
        issuers: &domains,
        wildcard: name.wildcard(),
        method: judging.method.as_deref(),
        accounts: &accounts,
    };
    let mut verdict = verdict(levels, &request, |level| security(*level));
    // Nobody said who asks: a set that names some CA lets that CA issue.
    let anyone = domains.is_empty() && matches!(&verdict.reason, Reason::Set(Judgement::Others { .. }));
    if anyone && applicant.is_none() {
        verdict.ruling = Ruling::Permit;
    }
    verdict
}

pub(super) fn row(
    tree: &NameTree,
    name: SanId,
    pattern: Option<String>,
    applicant: Option<&Applicant>,
    verdict: &Verdict<NodeId>,
) -> Checked {
    let unknown_domains = applicant.is_some_and(|applicant| applicant.domains.is_empty());
    let reason = match &verdict.reason {
        Reason::Set(Judgement::Others { named }) if applicant.is_none() => {
            format!("the set names {}", named.join(", "))
        }
        Reason::Set(Judgement::Others { .. }) if unknown_domains => {
            format!("{}; which CAA domain this issuer answers to is not known", verdict.reason)
        }
        reason => reason.to_string(),
    };
    Checked {
        name: tree.name(name.node()).to_owned(),
        wildcard: name.wildcard(),
        pattern,
        issuer: applicant.map(|applicant| applicant.label.clone()),
        verdict: verdict.ruling.word(),
        decided_at: verdict.decided_at.map(|level| tree.name(level).to_owned()),
        reason,
        br_failure_allowance: verdict.br_failure_allowance.word(),
    }
}
