//! Findings that are worth knowing, and gaps of the run itself.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::code::FindingCode;
use super::diagnose::{Case, finding, fixed_tail, listed};
use super::issuer::{CaaDomains, caa_domains, known_ca};
use crate::caa::{CaaRecord, Code, LookupOutcome, Observed};
use crate::name::registered_domain;
use crate::pattern::Pattern;

/// Distinct labels from which on a position counts as one-off.
const ONE_OFF: u64 = 20;
/// Let's Encrypt: certificates for new sets of names a week and registered domain.
const LETS_ENCRYPT_WEEKLY: f64 = 50.0;

pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(views(case));
    findings.extend(sources(case));
    findings.extend(caa_missing(case));
    findings.extend(nxdomain(case));
    findings.extend(dns_01(case));
    findings.extend(one_off(case));
    findings.extend(new_names(case));
    findings.extend(unknown_issuers(case));
    findings
}

fn views(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(case.ignored.iter().map(|view| unusable(case, view)));
    if !case.stripping.is_empty() {
        let text = format!(
            "{} passes on no SOA records, or not all that name servers send, so whether they send them is not known from it.",
            listed(&case.stripping, 4)
        );
        findings.push(finding(FindingCode::ResolverStripsSoa, text));
    }
    for level in case.evidence.levels {
        let mut sets = Seen::new();
        for (view, lookup) in level.used(&case.ignored) {
            let set = match &lookup.outcome {
                LookupOutcome::Records(records) => {
                    let mut set: Vec<&CaaRecord> = records.iter().collect();
                    set.sort();
                    set
                }
                LookupOutcome::NoData(_) | LookupOutcome::NxDomain(_) => Vec::new(),
                LookupOutcome::Failed(_) => continue,
            };
            sets.entry(set).or_default().insert(view);
        }
        if sets.len() > 1 {
            let one = |(set, views): (&Vec<&CaaRecord>, &BTreeSet<&str>)| {
                let views: Vec<&&str> = views.iter().collect();
                let set = if set.is_empty() { "no record".to_owned() } else { listed(set, 3) };
                format!("{set} (through {})", listed(&views, 3))
            };
            let told: Vec<String> = sets.iter().map(one).collect();
            let (servers, who, fix) = whose_word(case, level, &sets);
            findings.push(Finding {
                level: Some(level.name.to_string()),
                patterns: case.patterns(&level.name),
                who: Some(who),
                fix: Some(fix),
                ..finding(
                    FindingCode::ResolversDisagree,
                    format!("CAA at `{}` differs between resolvers: {}.{servers}", level.name, told.join("; ")),
                )
            });
        }
    }
    findings
}

/// A resolver that is left aside, with how it failed.
fn unusable(case: &Case<'_>, view: &str) -> Finding {
    let levels = case.evidence.levels.iter();
    let failures: BTreeSet<&str> = levels
        .clone()
        .flat_map(|level| level.lookups.iter().filter(|(of, _)| of == view).filter_map(|(_, l)| level.failure(l)))
        .collect();
    let failures: Vec<&str> = failures.into_iter().collect();
    let direct = levels.filter(|level| level.direct.is_some()).count();
    let servers = match direct {
        0 => String::new(),
        1 => " The name servers themselves, asked directly, answer properly at 1 level.".to_owned(),
        more => format!(" The name servers themselves, asked directly, answer properly at {more} levels."),
    };
    Finding {
        who: Some("whoever runs this program".into()),
        fix: Some("Choose another resolver (`-r`), or look at the network between.".into()),
        ..finding(
            FindingCode::ResolverUnusable,
            format!(
                "The resolver `{view}` gave no usable answer at any level ({}); it is left aside and says nothing about the domain.{servers}",
                failures.join(", ")
            ),
        )
    }
}

/// Sets and the resolvers that saw them.
type Seen<'a> = BTreeMap<Vec<&'a CaaRecord>, BTreeSet<&'a str>>;

/// Where resolvers differ: what the name servers say themselves, who must act, and what to do.
fn whose_word(case: &Case<'_>, level: &super::LevelFacts, sets: &Seen<'_>) -> (String, String, String) {
    let name = &level.name;
    let told = match level.direct.as_ref().and_then(|direct| direct.outcome.as_ref()) {
        Some(LookupOutcome::Records(set)) => Some(set.iter().collect::<Vec<_>>()),
        Some(LookupOutcome::NoData(_) | LookupOutcome::NxDomain(_)) => Some(Vec::new()),
        Some(LookupOutcome::Failed(_)) | None => None,
    };
    let Some(told) = told else {
        let fix = match level.direct {
            Some(_) => "Compare what the resolvers hold in their caches. During a change wait out the TTL.".to_owned(),
            None => format!(
                "Compare the servers of the zone: `ctclimb caa {name} --deep`. During a change wait out the TTL."
            ),
        };
        return (String::new(), case.operator(level), fix);
    };
    let others: BTreeSet<&str> =
        sets.iter().filter(|(set, _)| **set != told).flat_map(|(_, views)| views).copied().collect();
    let others: Vec<&str> = others.into_iter().collect();
    let set = if told.is_empty() { "no record".to_owned() } else { listed(&told, 3) };
    (
        format!(" The name servers themselves say: {set}."),
        format!("whoever runs {}", listed(&others, 3)),
        "Wait out the TTL, if the records were changed a short while ago. Else the resolver has another view of the zone, or changes what it is told: ask others (`-r`).".to_owned(),
    )
}

fn sources(case: &Case<'_>) -> Vec<Finding> {
    let one = |(source, why): &(String, String)| Finding {
        fix: Some("Run again later into the same case file, or add another source; what was obtained is kept.".into()),
        ..finding(
            FindingCode::SourceIncomplete,
            format!(
                "{source} gave less than there is: {}. Names, patterns and issuers may be missing.",
                why.trim_end_matches('.')
            ),
        )
    };
    case.evidence.sources_incomplete.iter().map(one).collect()
}

fn caa_missing(case: &Case<'_>) -> Option<Finding> {
    let levels = case.evidence.levels;
    let asked = levels.iter().any(|level| case.observed(level) == Observed::Empty && !level.nobodys(case.scope()));
    let any = levels.iter().any(|level| !level.set().is_empty());
    (asked && !any).then(|| {
        let fails = levels.iter().any(|level| case.observed(level).fails());
        let which = if fails { "No level that answered" } else { "No level from the names to the TLD" };
        finding(
            FindingCode::CaaMissing,
            format!("{which} has a CAA record: every public CA may issue. That is no fault; the climb then goes through all levels to the TLD."),
        )
    })
}

fn nxdomain(case: &Case<'_>) -> Option<Finding> {
    let gone = |level: &&super::LevelFacts| {
        let lie = |code| matches!(code, Code::CaaNxdomain | Code::CaseSensitive | Code::EmptyNonTerminalNxdomain);
        level.name.depth() > 0
            && !level.causes.iter().any(|cause| lie(cause.code))
            && level.used(&case.ignored).any(|(_, lookup)| matches!(lookup.outcome, LookupOutcome::NxDomain(_)))
    };
    let gone: Vec<&super::LevelFacts> = case.evidence.levels.iter().filter(gone).collect();
    // A level that many names share says more than one that came and went.
    let shown = gone.iter().find(|level| level.stable).or(gone.first())?;
    let names = match gone.len() {
        1 => format!("`{}` does not exist (NXDOMAIN)", shown.name),
        more => format!("{more} of the levels asked do not exist (NXDOMAIN), such as `{}`", shown.name),
    };
    Some(finding(
        FindingCode::NxdomainIsFine,
        format!(
            "{names}. Below the TLD that is no failure: it counts as \"no CAA record here\", and the climb goes on."
        ),
    ))
}

fn ids(patterns: &[&Pattern]) -> Vec<String> {
    let ids: BTreeSet<String> = patterns.iter().map(|pattern| pattern.id.clone()).collect();
    ids.into_iter().collect()
}

fn templates(patterns: &[&Pattern]) -> String {
    let templates: Vec<&str> = patterns.iter().map(|pattern| pattern.template.as_str()).collect();
    listed(&templates, 3)
}

fn dns_01(case: &Case<'_>) -> Option<Finding> {
    let wild = |pattern: &&Pattern| pattern.wildcard.wildcard + pattern.wildcard.both > 0;
    let patterns: Vec<&Pattern> = case.evidence.patterns.iter().filter(wild).collect();
    (!patterns.is_empty()).then(|| Finding {
        patterns: ids(&patterns),
        ..finding(
            FindingCode::WildcardMeansDns01,
            format!(
                "With ACME, wildcard names ({}) are validated by a change in DNS: the DNS-01 challenge.",
                templates(&patterns)
            ),
        )
    })
}

fn one_off(case: &Case<'_>) -> Option<Finding> {
    let patterns: Vec<&Pattern> =
        case.evidence.patterns.iter().filter(|pattern| shared_level(pattern).is_some()).collect();
    let shared: BTreeSet<&str> = patterns.iter().filter_map(|pattern| shared_level(pattern)).collect();
    (!patterns.is_empty()).then(|| {
        let shared: Vec<&str> = shared.into_iter().collect();
        Finding {
            patterns: ids(&patterns),
            ..finding(
                FindingCode::LeafRecordPointless,
                format!(
                    "The leftmost labels of {} come and go: a CAA record at each name would have to be there before each certificate. One at the level they share ({}) serves all.",
                    templates(&patterns),
                    listed(&shared, 3)
                ),
            )
        }
    })
}

/// The level closest to the names that all names of a pattern of one-off names share, below the public suffix.
fn shared_level(pattern: &Pattern) -> Option<&str> {
    let shared = fixed_tail(&pattern.template);
    let varies = shared.len() < pattern.template.trim_start_matches("*.").len();
    (varies && !pattern.single && pattern.distinct >= ONE_OFF && registered_domain(shared).is_some()).then_some(shared)
}

fn new_names(case: &Case<'_>) -> Option<Finding> {
    let mut by_root: BTreeMap<&str, (f64, Vec<&Pattern>)> = BTreeMap::new();
    for pattern in case.evidence.patterns {
        let ours = pattern
            .issuers
            .iter()
            .any(|issuer| known_ca(&issuer.name).is_some_and(|ca| ca.domains[0] == "letsencrypt.org"));
        if let (Some(names), true, true) = (pattern.per_week, ours, pattern.distinct > 0) {
            // Several names on one certificate count once against the limit. The rate counts `x` and `*.x` as one name.
            #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            let certificates = names * (pattern.certificates as f64 / pattern.distinct as f64).min(1.0);
            let (sum, patterns) = by_root.entry(&pattern.root).or_default();
            *sum += certificates;
            patterns.push(pattern);
        }
    }
    let (root, (rate, patterns)) = by_root.into_iter().max_by(|a, b| a.1.0.total_cmp(&b.1.0))?;
    (rate > LETS_ENCRYPT_WEEKLY).then(|| Finding {
        level: Some(root.to_owned()),
        patterns: ids(&patterns),
        ..finding(
            FindingCode::NewNamesLimit,
            format!(
                "About {rate:.0} certificates with new names a week under `{root}`: more than the {LETS_ENCRYPT_WEEKLY} that Let's Encrypt allows without an exemption, so there is one, or the domain is on the Public Suffix List."
            ),
        )
    })
}

fn unknown_issuers(case: &Case<'_>) -> Option<Finding> {
    let issuances = case.evidence.issuances?;
    let unknown = |issuer: &&crate::issuance::Issuer| caa_domains(issuer) == CaaDomains::Unknown;
    let names: Vec<&str> = issuances.issuers.iter().filter(unknown).map(|issuer| issuer.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        finding(
            FindingCode::IssuerUnknown,
            format!(
                "The CAA domain of {} is not known here: no record is proposed for it, and a set that names other CAs is taken to deny it.",
                listed(&names, 5)
            ),
        )
    })
}

#[cfg(test)]
#[path = "notes_tests.rs"]
mod tests;
