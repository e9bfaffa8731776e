//! [`diagnose`]: levels, verdicts, patterns and errors to findings, worst first.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::code::FindingCode;
use super::level::{dead_views, stripping_views};
use super::{Finding, LevelFacts, Severity, failing, notes, policy, reported};
use crate::acme::{Explained, HistoryReport};
use crate::caa::{Code, Observed};
use crate::issuance::Issuances;
use crate::name::DomainName;
use crate::pattern::Pattern;

/// The verdict for one name and one issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The name without `*.`.
    pub name: String,
    /// Whether the certificate name is `*.` and the name.
    pub wildcard: bool,
    /// Id of the name's pattern.
    pub pattern: Option<String>,
    /// CAA domain of the issuer (`letsencrypt.org`), or its name where the domain is not known; `null` when no issuer is known.
    pub issuer: Option<String>,
    /// `permit`, `deny` or `fail`.
    pub verdict: &'static str,
    /// The level whose set or failure decided; `null` where no level had a set.
    pub decided_at: Option<String>,
    /// Why, in one clause.
    pub reason: String,
    /// `not-applicable`, `possible` or `forbidden` (Baseline Requirements 4.2.2.1, until version 2.2.7 3.2.2.8).
    pub br_failure_allowance: &'static str,
}

/// Everything findings are decided from; what a run has no data for stays empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// Every level that was asked.
    pub levels: &'a [LevelFacts],
    /// Verdicts per name and issuer.
    pub checked: &'a [Checked],
    /// Naming patterns.
    pub patterns: &'a [Pattern],
    /// What was issued.
    pub issuances: Option<&'a Issuances>,
    /// Whether the user named the issuers that were checked: then each denial matters.
    pub issuers_requested: bool,
    /// Errors of an ACME client that the user gave.
    pub errors: &'a [Explained],
    /// The history of a client's log that the user gave.
    pub history: Option<&'a HistoryReport>,
    /// What each source of certificates failed to give: its name and why, one sentence.
    pub sources_incomplete: &'a [(String, String)],
}

/// What the parts of the diagnosis share.
pub(super) struct Case<'a> {
    pub(super) evidence: &'a Evidence<'a>,
    /// Views that are left aside.
    pub(super) ignored: Vec<&'a str>,
    /// Views whose empty answers tell nothing of SOA records.
    pub(super) stripping: Vec<&'a str>,
    /// The names that pass each level.
    pub(super) passing: BTreeMap<DomainName, Passing>,
}

/// The names whose climb passes one level.
#[derive(Debug, Clone, Default)]
pub(super) struct Passing {
    /// Verdicts of names at or below the level.
    pub(super) names: u64,
    /// Those that no set closer to the name decides.
    pub(super) exposed: u64,
    /// Those that fail here.
    pub(super) failing: u64,
    /// Patterns of the names.
    pub(super) patterns: BTreeSet<String>,
}

/// Every finding, worst first; the same evidence gives the same findings in the same order.
#[must_use]
pub fn diagnose(evidence: &Evidence<'_>) -> Vec<Finding> {
    let ignored = dead_views(evidence.levels);
    let mut stripping = stripping_views(evidence.levels);
    stripping.retain(|view| !ignored.contains(view));
    let case = Case { evidence, ignored, stripping, passing: passing(evidence.checked) };
    let mut findings = failing::findings(&case);
    findings.extend(policy::findings(&case));
    findings.extend(reported::findings(&case));
    findings.extend(notes::findings(&case));
    if let Some(fine) = all_fine(&case, &findings) {
        findings.push(fine);
    }
    let order = |finding: &Finding| {
        let known = Code::ALL.iter().position(|code| code.as_str() == finding.code);
        let other = FindingCode::ALL.iter().position(|code| code.as_str() == finding.code);
        let depth = finding.level.as_ref().map(|level| level.matches('.').count());
        (finding.severity, other.map_or(known, |other| Some(other + Code::ALL.len())), depth, finding.level.clone())
    };
    findings.sort_by_cached_key(|finding| (order(finding), finding.text.clone()));
    findings
}

fn passing(checked: &[Checked]) -> BTreeMap<DomainName, Passing> {
    let mut all: BTreeMap<DomainName, Passing> = BTreeMap::new();
    for check in checked {
        let Ok(name) = DomainName::parse(&check.name) else { continue };
        let mut exposed = true;
        for level in name.ancestors() {
            let here = check.decided_at.as_deref() == Some(level.as_str());
            let passing = all.entry(level).or_default();
            passing.names += 1;
            passing.exposed += u64::from(exposed);
            passing.failing += u64::from(here && check.verdict == "fail");
            passing.patterns.extend(check.pattern.clone());
            exposed &= !(here && check.verdict != "fail");
        }
    }
    all
}

impl Case<'_> {
    pub(super) fn observed(&self, level: &LevelFacts) -> Observed {
        level.observed(&self.ignored)
    }

    pub(super) fn scope(&self) -> Option<&DomainName> {
        self.evidence.issuances.and_then(|issuances| issuances.scope.as_ref())
    }

    /// Ids of the patterns with names at or below a level.
    pub(super) fn patterns(&self, level: &DomainName) -> Vec<String> {
        let mut patterns = self.passing.get(level).map(|passing| passing.patterns.clone()).unwrap_or_default();
        let holds = |pattern: &&Pattern| {
            let tail = fixed_tail(&pattern.template);
            tail.strip_suffix(level.as_str()).is_some_and(|left| left.is_empty() || left.ends_with('.'))
        };
        patterns.extend(self.evidence.patterns.iter().filter(holds).map(|pattern| pattern.id.clone()));
        patterns.into_iter().collect()
    }

    /// Who runs the servers of a level.
    pub(super) fn operator(&self, level: &LevelFacts) -> String {
        if level.is_no_tld(&self.ignored) {
            return format!("whoever chose the name: there is no TLD `{}`", level.name);
        }
        if level.nobodys(self.scope()) {
            return format!("the registry of `{}`, not the owner of the domain", level.name);
        }
        match &level.zone {
            Some(zone) => format!("the operator of the name servers of `{zone}`"),
            None => format!("the operator of the name servers of the zone that holds `{}`", level.name),
        }
    }
}

/// The labels of a template after the last one that varies: a level that all its names share.
pub(super) fn fixed_tail(template: &str) -> &str {
    let varying = template.rfind(['{', '}', '[', ']']).map_or(0, |at| at + 1);
    let tail = &template[varying..];
    match (varying, tail.find('.')) {
        (0, _) => tail.trim_start_matches("*."),
        (_, Some(dot)) => &tail[dot + 1..],
        (_, None) => "",
    }
}

/// A finding of this room's own codes.
pub(super) fn finding(code: FindingCode, text: String) -> Finding {
    Finding {
        code: code.as_str().into(),
        severity: code.severity(),
        level: None,
        patterns: Vec::new(),
        text,
        who: None,
        fix: None,
    }
}

/// Up to `most` names in backticks, and how many more.
pub(super) fn listed<T: std::fmt::Display>(names: &[T], most: usize) -> String {
    // What is quoted cannot end its quotation.
    let quoted = |name: &T| format!("`{}`", name.to_string().replace('`', "\\u{60}"));
    let shown: Vec<String> = names.iter().take(most).map(quoted).collect();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn all_fine(case: &Case<'_>, findings: &[Finding]) -> Option<Finding> {
    let answered = case.evidence.levels.iter().filter(|level| case.observed(level) != Observed::Unknown).count();
    let troubled = findings.iter().any(|finding| {
        let live = finding.severity == Severity::Error
            || finding.code == FindingCode::LookupFailsSometimes.as_str()
            || finding.code == FindingCode::ResolversDisagree.as_str();
        live || Code::parse(&finding.code)
            .is_some_and(|code| code != Code::CaResolverLink && finding.severity == Severity::Warning)
    });
    if answered == 0 || troubled {
        return None;
    }
    let views: BTreeSet<&str> =
        case.evidence.levels.iter().flat_map(|level| level.used(&case.ignored).map(|(view, _)| view)).collect();
    let shielded = findings.iter().any(|finding| finding.code == FindingCode::FailureShielded.as_str());
    let levels = if shielded { "every level that counts" } else { "every level" };
    let text = format!(
        "Nothing is wrong with the domain's DNS as far as CAA goes: it can be looked up at {levels} of the {answered} asked, through {} resolver{}. If CAA errors continue, look at the CA's side first, then at limits that show under its load or from its networks only.",
        views.len(),
        if views.len() == 1 { "" } else { "s" }
    );
    Some(finding(FindingCode::AllLevelsFine, text))
}

#[cfg(test)]
#[path = "diagnose_tests.rs"]
mod tests;
