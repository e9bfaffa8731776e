//! Findings about the CAA sets themselves: who is denied, and what in a set cannot be read or must not be ignored.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnose::{Case, Checked, listed};
use super::issuer::caa_domains;
use super::{Finding, LevelFacts, Severity};
use crate::caa::{CaaRecord, Code, IssueValue};
use crate::name::DomainName;

/// Seconds without a new certificate after which a CA no longer counts as one in use: twice a usual renewal period.
const IN_USE: i64 = 180 * 86_400;
/// Tags that CAs know (RFC 8659, RFC 9495, and the CA/Browser Forum's own).
const KNOWN_TAGS: [&str; 7] = ["issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"];
/// "Issuer critical", and the bit that many publish instead and that Let's Encrypt honours as well.
const CRITICAL: u8 = 128 | 1;

pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = denials(case);
    for level in case.evidence.levels {
        let set = level.set();
        findings.extend(unknown_critical(case, level, &set));
        findings.extend(unreadable(case, level, &set));
    }
    findings
}

/// One finding for each level, issuer and reason of denial.
fn denials(case: &Case<'_>) -> Vec<Finding> {
    let checked = case.evidence.checked;
    let permitted: BTreeSet<(&str, bool)> = checked
        .iter()
        .filter(|check| check.verdict == "permit")
        .map(|check| (check.name.as_str(), check.wildcard))
        .collect();
    let in_use = in_use(case);
    let mut groups: BTreeMap<(Severity, &str, &str, &str), Vec<&Checked>> = BTreeMap::new();
    for check in checked.iter().filter(|check| check.verdict == "deny") {
        let issuer = check.issuer.as_deref().unwrap_or_default();
        let known = DomainName::parse(issuer).is_ok();
        // A set exists to choose among CAs: that it denies one of them is trouble only if it leaves none in use.
        let refused = case.evidence.issuers_requested
            || (known && in_use.contains(issuer) && !permitted.contains(&(check.name.as_str(), check.wildcard)));
        let severity = if refused { Severity::Error } else { Severity::Note };
        let key = (severity, check.decided_at.as_deref().unwrap_or_default(), issuer, check.reason.as_str());
        groups.entry(key).or_default().push(check);
    }
    groups
        .into_iter()
        .map(|((severity, at, issuer, reason), found)| denial(case, severity, at, issuer, reason, &found))
        .collect()
}

/// CAA domains of issuers whose last certificate is not long ago, measured at the newest one seen.
fn in_use(case: &Case<'_>) -> BTreeSet<String> {
    let checked = || case.evidence.checked.iter().filter_map(|check| check.issuer.clone());
    let Some(issuances) = case.evidence.issuances else { return checked().collect() };
    let mut last: BTreeMap<usize, i64> = BTreeMap::new();
    for issuance in &issuances.issuances {
        if let (Some(issuer), Some(start)) = (issuance.issuer, issuance.not_before) {
            let latest = last.entry(issuer.0 as usize).or_insert(start);
            *latest = start.max(*latest);
        }
    }
    let Some(newest) = last.values().max().copied() else { return checked().collect() };
    last.iter()
        .filter(|(_, start)| newest - **start <= IN_USE)
        .filter_map(|(issuer, _)| issuances.issuers.get(*issuer))
        .flat_map(|issuer| caa_domains(issuer).all().to_vec())
        .collect()
}

fn denial(case: &Case<'_>, severity: Severity, at: &str, issuer: &str, reason: &str, found: &[&Checked]) -> Finding {
    let level = case.evidence.levels.iter().find(|level| level.name.as_str() == at);
    let names: Vec<String> =
        found.iter().map(|check| format!("{}{}", if check.wildcard { "*." } else { "" }, check.name)).collect();
    let mut sorted: Vec<&String> = names.iter().collect::<BTreeSet<_>>().into_iter().collect();
    sorted.sort();
    let issuer_text = if issuer.is_empty() { "the issuer".to_owned() } else { format!("`{issuer}`") };
    let aside = match severity {
        Severity::Error | Severity::Warning => "",
        Severity::Note => " It issued here in the past, or issues other names; that it is denied now may be intended.",
    };
    let text = format!(
        "The CAA set at `{at}` denies {issuer_text} for {} name{} ({}): {reason}.{aside}",
        sorted.len(),
        if sorted.len() == 1 { "" } else { "s" },
        listed(&sorted, 3)
    );
    let told = level.and_then(|level| level.causes.iter().find(|cause| cause.code == Code::PolicyDenies));
    let wild = level.is_some_and(|level| level.set().iter().any(|record| record.has_tag("issuewild")));
    let tag = if wild && found.iter().all(|check| check.wildcard) { "issuewild" } else { "issue" };
    let critical = level.is_some_and(|level| level.set().iter().any(is_unknown_critical));
    let fix = if critical {
        "Remove the record that is marked critical, correct its tag, or clear its flag: no record that is added makes up for it."
            .into()
    } else if DomainName::parse(issuer).is_ok() {
        format!(
            "If this CA is to issue, add `{at}. IN CAA 0 {tag} \"{issuer}\"` to the set, or change the record that the reason speaks of."
        )
    } else {
        "If this CA is to issue, add a record with its CAA domain, found in section 4.2 of its practice statement."
            .into()
    };
    let alias = level.and_then(LevelFacts::alias);
    let who = match alias {
        Some(target) => format!("the owner of the zone that holds `{target}`, to which `{at}` is an alias"),
        None => format!("the owner of the zone that holds `{at}`"),
    };
    let patterns: BTreeSet<String> = found.iter().filter_map(|check| check.pattern.clone()).collect();
    Finding {
        code: Code::PolicyDenies.as_str().into(),
        severity,
        level: Some(at.to_owned()).filter(|at| !at.is_empty()),
        patterns: patterns.into_iter().collect(),
        text,
        who: Some(told.map_or(who, |told| told.who.clone())),
        fix: Some(fix),
    }
}

fn denies_here(case: &Case<'_>, level: &LevelFacts) -> bool {
    let here = |check: &&Checked| check.verdict == "deny" && check.decided_at.as_deref() == Some(level.name.as_str());
    case.evidence.checked.iter().any(|check| here(&check))
}

fn about_set(case: &Case<'_>, level: &LevelFacts, code: Code, severity: Severity, text: String, fix: &str) -> Finding {
    Finding {
        code: code.as_str().into(),
        severity,
        level: Some(level.name.to_string()),
        patterns: case.patterns(&level.name),
        text,
        who: Some(format!("the owner of the zone that holds `{}`", level.name)),
        fix: Some(fix.to_owned()),
    }
}

/// Whether a CA must refuse because of the record, whatever else the set holds (RFC 8659 section 4.1).
fn is_unknown_critical(record: &CaaRecord) -> bool {
    record.flags & CRITICAL != 0 && !KNOWN_TAGS.iter().any(|tag| record.has_tag(tag))
}

fn unknown_critical(case: &Case<'_>, level: &LevelFacts, set: &[CaaRecord]) -> Option<Finding> {
    let records: Vec<&CaaRecord> = set.iter().filter(|record| is_unknown_critical(record)).collect();
    (!records.is_empty()).then(|| {
        let severity = if denies_here(case, level) { Severity::Error } else { Severity::Warning };
        let text = format!(
            "The CAA set at `{}` has a property marked critical that CAs do not know, so they must refuse: {}.",
            level.name,
            listed(&records, 3)
        );
        let fix = "Remove the record, correct the spelling of its tag, or clear the flag.";
        about_set(case, level, Code::CriticalUnknownTag, severity, text, fix)
    })
}

fn unreadable(case: &Case<'_>, level: &LevelFacts, set: &[CaaRecord]) -> Option<Finding> {
    let issue = |record: &&CaaRecord| record.has_tag("issue") || record.has_tag("issuewild");
    let odd = |record: &&CaaRecord| IssueValue::parse(&record.value).is_err() || odd_domain(&record.value);
    let records: Vec<&CaaRecord> = set.iter().filter(issue).filter(odd).collect();
    (!records.is_empty()).then(|| {
        let severity = if denies_here(case, level) { Severity::Error } else { Severity::Warning };
        let text = format!(
            "The CAA set at `{}` has values that name no CA as CAs read them: {}. Such a record permits nobody, but it counts as part of the set, so it denies.",
            level.name,
            listed(&records, 3)
        );
        let fix = "Write the CA's domain alone, in lower case and without a final dot, then parameters after `;`: `0 issue \"letsencrypt.org\"`.";
        about_set(case, level, Code::MalformedCaa, severity, text, fix)
    })
}

/// A CA's domain is compared octet for octet: a final dot, a capital or a blank makes it another one.
fn odd_domain(value: &[u8]) -> bool {
    let domain = value.split(|octet| *octet == b';').next().unwrap_or_default().trim_ascii();
    let text = String::from_utf8_lossy(domain);
    !domain.is_empty() && !DomainName::parse(&text).is_ok_and(|name| name.as_str() == text && name.depth() > 0)
}
