//! Findings about errors that the user brought: what a CA said, held against what is seen now.

use super::code::FindingCode;
use super::diagnose::{Case, finding};
use super::{Finding, Severity};
use crate::acme::{ErrorClass, Explained};
use crate::caa::{Code, Observed};
use crate::name::DomainName;

/// Errors spoken of one by one.
const MOST: usize = 8;

pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let mut seen = Vec::new();
    let mut findings = Vec::new();
    for entry in case.evidence.errors.iter().chain(case.evidence.history.iter().flat_map(|log| &log.explained)) {
        let key = (entry.error.class, &entry.error.level, entry.error.perspective);
        if seen.contains(&key) || findings.len() >= MOST {
            continue;
        }
        seen.push(key);
        findings.push(one(case, entry));
    }
    findings.extend(rate(case));
    findings
}

/// How the level that an error names behaves now.
enum Now {
    Fails,
    Answers,
    HasSet,
    NotAsked,
}

fn one(case: &Case<'_>, entry: &Explained) -> Finding {
    let error = &entry.error;
    let level = error.level.as_ref();
    let facts = level.and_then(|level| case.evidence.levels.iter().find(|facts| facts.name == *level));
    let now = match facts.map(|facts| case.observed(facts)) {
        Some(Observed::Failed { .. }) => Now::Fails,
        Some(Observed::Set) => Now::HasSet,
        Some(Observed::Empty) => Now::Answers,
        Some(Observed::Unknown) | None => Now::NotAsked,
    };
    let at = level.map_or("the level, which it does not name,".to_owned(), |level| format!("`{level}`"));
    let live = match (&now, error.class) {
        (Now::Fails, _) => format!(" The lookup at {at} fails in this run too."),
        (Now::HasSet, ErrorClass::PolicyDenies) => format!(" A CAA set stands at {at} now."),
        (Now::Answers, ErrorClass::PolicyDenies) => format!(" No CAA set stands at {at} now."),
        (Now::HasSet | Now::Answers, _) => format!(" CAA at {at} can be looked up in this run."),
        (Now::NotAsked, _) => elsewhere(case, level),
    };
    let confirmed = match (&now, error.class) {
        (Now::Fails, class) => class.is_lookup_failure(),
        (Now::HasSet, ErrorClass::PolicyDenies) => true,
        (Now::HasSet | Now::Answers | Now::NotAsked, _) => false,
    };
    let times = if entry.count > 1 { format!(", {} times", entry.count) } else { String::new() };
    let proof = entry.proves.first().map_or(String::new(), |proof| format!(" {proof}"));
    let not = entry.does_not_prove.first().filter(|_| error.class.is_ca_side());
    let not = not.map_or(String::new(), |not| {
        format!(" It does not prove {}.", not.trim_end_matches('.').replacen("That", "that", 1))
    });
    let text = format!("The CA reported{times}: {}. {}{proof}{not}{live}", error.class.title(), entry.meaning);
    let ca_side = error.class.is_ca_side();
    let code = if confirmed { FindingCode::ReportedErrorConfirmed } else { FindingCode::ReportedErrorNotSeen };
    let mut found = Finding {
        level: level.map(ToString::to_string),
        patterns: level.map(|level| case.patterns(level)).unwrap_or_default(),
        who: Some(entry.who.trim_end_matches('.').to_owned()),
        fix: Some(entry.try_next.join(" ")),
        ..finding(code, text)
    };
    if ca_side {
        Code::CaResolverLink.as_str().clone_into(&mut found.code);
        found.severity = Severity::Warning;
    }
    found
}

/// A word of warning where an error is about another domain: people paste whole logs.
fn elsewhere(case: &Case<'_>, level: Option<&DomainName>) -> String {
    match (level, case.scope()) {
        (Some(level), Some(scope)) if !level.is_at_or_below(scope) && !scope.is_at_or_below(level) => {
            format!(" `{level}` is no level of `{scope}`: this error is about another domain.")
        }
        _ => String::new(),
    }
}

fn rate(case: &Case<'_>) -> Option<Finding> {
    let history = case.evidence.history?;
    let rate = history.rate.as_ref()?;
    rate.since.as_ref()?;
    let (code, severity) = match rate.factor {
        Some(factor) if factor < 1.0 => (FindingCode::ErrorRateChanged, Severity::Note),
        Some(_) | None => (FindingCode::ErrorRateChanged, Severity::Warning),
    };
    let classes: Vec<String> = history
        .rate_by_class
        .iter()
        .filter(|(_, rate)| rate.since.is_some())
        .map(|(class, rate)| match rate.factor {
            Some(factor) => format!("{class} {factor} times"),
            None => format!("{class} new"),
        })
        .collect();
    // One class says what the whole says.
    let classes = match (history.classes.len(), classes.len()) {
        (1, _) | (_, 0) => String::new(),
        _ => format!(" By class: {}.", classes.join(", ")),
    };
    let text = format!("CAA errors in the log: {}.{classes}", rate.told());
    Some(Finding {
        severity,
        fix: Some("Ask what changed then: at the client, at the DNS provider, at the registry, at the CA.".into()),
        ..finding(code, text)
    })
}
