//! Findings about lookups that fail or are at risk: one a cause, and one a level whose cause is not known.

use std::collections::{BTreeMap, BTreeSet};

use super::code::{FindingCode, may_break};
use super::diagnose::{Case, finding, listed};
use super::level::{lacks_soa, nobodys};
use super::{Finding, LevelFacts, Severity};
use crate::caa::{Cause, Code, Lookup, LookupOutcome, Observed, Soa, added, ede_title, is_the_resolvers_own};
use crate::name::DomainName;

/// Names shown of a list.
const SHOWN: usize = 4;

/// How a failure at a level counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Names fail because of it, or would if nothing else failed closer to them.
    Blocks,
    /// It fails for a part of the views or of the times.
    Sometimes,
    /// Sets closer to all names checked keep it from counting.
    Shielded,
}

pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let mut levels: Vec<&LevelFacts> = case.evidence.levels.iter().collect();
    levels.sort_by(|a, b| a.name.depth().cmp(&b.name.depth()).then_with(|| a.name.cmp(&b.name)));
    let mut findings = causes(case, &levels);
    findings.extend(unexplained(case, &levels));
    findings.extend(without_soa(case, &levels));
    findings
}

fn weight(case: &Case<'_>, level: &LevelFacts) -> Option<Weight> {
    let Observed::Failed { share, .. } = case.observed(level) else { return None };
    let always = share >= 1.0;
    Some(match case.passing.get(&level.name) {
        Some(passing) if passing.exposed == 0 => Weight::Shielded,
        Some(passing) if passing.failing > 0 || always => Weight::Blocks,
        None if always => Weight::Blocks,
        Some(_) | None => Weight::Sometimes,
    })
}

/// Whether a cause can explain that lookups fail.
fn explains(cause: &Cause) -> bool {
    cause.breaks_lookup || cause.code.breaks_lookup() || may_break(cause.code)
}

fn severity(weight: Option<Weight>, cause: &Cause) -> Severity {
    match weight {
        Some(Weight::Blocks) if explains(cause) => Severity::Error,
        Some(Weight::Shielded) => Severity::Note,
        Some(Weight::Blocks | Weight::Sometimes) | None => Severity::Warning,
    }
}

/// Policy has findings of its own, unless the set cannot be read at all; the CA's own link is only told by errors.
fn is_about_lookups(cause: &Cause) -> bool {
    let of_policy =
        matches!(cause.code, Code::PolicyDenies | Code::CriticalUnknownTag | Code::MalformedCaa | Code::CaResolverLink);
    cause.breaks_lookup || !of_policy
}

/// What makes two causes one finding: how bad, what, who must act, which servers.
type Blame<'a> = (Severity, Code, &'a str, Vec<String>);

/// One finding for each cause, who must act and servers, over all levels it was found at.
fn causes(case: &Case<'_>, levels: &[&LevelFacts]) -> Vec<Finding> {
    let mut groups: BTreeMap<Blame<'_>, Vec<(&DomainName, &Cause)>> = BTreeMap::new();
    for level in levels {
        let weight = weight(case, level);
        for cause in level.causes.iter().filter(|cause| is_about_lookups(cause)) {
            let servers = cause.servers.iter().map(ToString::to_string).collect();
            let key = (severity(weight, cause), cause.code, cause.who.as_str(), servers);
            groups.entry(key).or_default().push((&level.name, cause));
        }
    }
    groups.into_iter().map(|(blame, found)| blamed(case, blame, &found)).collect()
}

/// What to do about one fault at several levels: as it is at the first one, and at the first that somebody owns besides.
fn fix(case: &Case<'_>, found: &[(&DomainName, &Cause)]) -> String {
    let first = &found[0].1.fix;
    let owned = found.iter().find(|(name, _)| !nobodys(name, case.scope()));
    match owned.and_then(|(_, cause)| added(first, &cause.fix)) {
        Some(more) => format!("{first} {more}"),
        None => first.clone(),
    }
}

fn blamed(case: &Case<'_>, (severity, code, who, servers): Blame<'_>, found: &[(&DomainName, &Cause)]) -> Finding {
    let names: &[&DomainName] = &found.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let first = found[0].1;
    let mut parts = vec![format!("{}: {}.", listed(names, SHOWN), code.title()), sentence(&first.evidence)];
    parts.push(consequence(case, severity, names));
    if !servers.is_empty() {
        parts.push(format!("Servers: {}.", servers.join(", ")));
    }
    if code.hides_policy() {
        parts.push("A CA reads it as \"no CAA record\": nothing fails, but a published policy is not seen.".into());
    }
    parts.retain(|part| !part.is_empty());
    Finding {
        code: code.as_str().into(),
        severity,
        level: Some(names[0].to_string()),
        patterns: patterns(case, names),
        text: parts.join(" "),
        who: Some(who.to_owned()),
        fix: Some(fix(case, found)),
    }
}

/// A clause as a sentence of its own.
fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    // A name stays as it is.
    let name = clause.split(' ').next().is_some_and(|word| word.trim_end_matches('.').contains('.'));
    let first = if name { clause.chars().next().map(String::from).unwrap_or_default() } else { first };
    let end = if clause.is_empty() || clause.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

fn patterns(case: &Case<'_>, names: &[&DomainName]) -> Vec<String> {
    let all: BTreeSet<String> = names.iter().flat_map(|name| case.patterns(name)).collect();
    all.into_iter().collect()
}

/// What follows for certificates, in a sentence; empty where nothing is known to follow.
fn consequence(case: &Case<'_>, severity: Severity, names: &[&DomainName]) -> String {
    let failing: u64 = names.iter().filter_map(|name| case.passing.get(name)).map(|passing| passing.failing).sum();
    match severity {
        Severity::Error if failing == 1 => "1 of the checks made fails here.".to_owned(),
        Severity::Error if failing > 0 => format!("{failing} of the checks made fail here."),
        Severity::Error => "A strict CA issues nothing below it.".into(),
        Severity::Warning | Severity::Note => String::new(),
    }
}

/// One finding for each level that fails without a known cause; one-off levels below the same parent are one.
fn unexplained(case: &Case<'_>, levels: &[&LevelFacts]) -> Vec<Finding> {
    let mut groups: BTreeMap<(Weight, String, String), Vec<&LevelFacts>> = BTreeMap::new();
    for level in levels {
        let Some(weight) = weight(case, level) else { continue };
        if level.causes.iter().any(explains) {
            continue;
        }
        let parent = level.name.parent().map(|parent| parent.to_string()).unwrap_or_default();
        let place = if level.stable { level.name.to_string() } else { format!("*.{parent}") };
        groups.entry((weight, place, classes(case, level, false))).or_default().push(level);
    }
    groups.into_iter().map(|((weight, ..), found)| one_unexplained(case, weight, &found)).collect()
}

fn one_unexplained(case: &Case<'_>, weight: Weight, found: &[&LevelFacts]) -> Finding {
    let level = found[0];
    let names: Vec<&DomainName> = found.iter().map(|level| &level.name).collect();
    let (code, follows) = match weight {
        Weight::Blocks => (FindingCode::LookupFails, consequence(case, Severity::Error, &names)),
        Weight::Sometimes => (
            FindingCode::LookupFailsSometimes,
            "A CA asks from several networks and needs nearly all of them to succeed.".into(),
        ),
        Weight::Shielded => (
            FindingCode::FailureShielded,
            "It does not count: every name checked has a CAA set closer to it, where the climb ends.".into(),
        ),
    };
    let dnssec = found.iter().any(|level| level.used(&case.ignored).any(|(_, lookup)| bogus(lookup)));
    let dnssec = if dnssec {
        " With checking disabled the same question is answered: DNSSEC validation is what fails."
    } else {
        ""
    };
    let failed = format!("The lookup of CAA at {} fails: {}.", listed(&names, SHOWN), classes(case, level, true));
    let own = found.iter().find_map(|level| own_words(case, level));
    if let Some(own) = own.filter(|_| weight != Weight::Shielded) {
        return Finding {
            severity: Severity::Warning,
            level: Some(level.name.to_string()),
            patterns: patterns(case, &names),
            who: Some(whose_resolver(case, level)),
            fix: Some("Ask another resolver (`-r`), as a CA does: this one says nothing of the domain.".into()),
            ..finding(code, format!("{failed} {own}"))
        };
    }
    let text = format!("{failed}{dnssec} {follows}");
    let fix = match weight {
        Weight::Shielded => None,
        Weight::Blocks | Weight::Sometimes if level.is_no_tld(&case.ignored) => Some(
            "Check the spelling. No public CA issues below a TLD that is not in the root zone; names of a private network need a CA of its own."
                .into(),
        ),
        Weight::Blocks | Weight::Sometimes if level.direct.is_some() => Some(format!(
            "The name servers answer from here, and show no fault. Ask through other resolvers (`-r`): if those fail too, look for a filter or a limit in front of the name servers that keeps some networks out.{}",
            closer(case, level)
        )),
        Weight::Blocks | Weight::Sometimes if level.nobodys(case.scope()) => Some(format!(
            "Retry, and report it to the registry if it lasts.{}",
            closer(case, level)
        )),
        Weight::Blocks | Weight::Sometimes => Some(format!(
            "Ask the name servers themselves why: `ctclimb caa {} --deep`. Where there is no CAA record they must answer NOERROR with the zone's SOA record.",
            level.name
        )),
    };
    Finding {
        level: Some(level.name.to_string()),
        patterns: patterns(case, &names),
        who: fix.is_some().then(|| who(case, level)),
        fix,
        ..finding(code, text)
    }
}

/// What helps against failures at a level that nobody but its registry can mend.
fn closer(case: &Case<'_>, level: &LevelFacts) -> String {
    if level.nobodys(case.scope()) {
        format!(" A CAA set at a level closer to the names keeps failures at `{}` from counting.", level.name)
    } else {
        String::new()
    }
}

/// What a resolver says of itself, where every failure at the level is one that it owns up to: it filters, or is not ready.
fn own_words(case: &Case<'_>, level: &LevelFacts) -> Option<String> {
    let failed: Vec<&Lookup> =
        level.used(&case.ignored).filter(|(_, lookup)| level.failure(lookup).is_some()).map(|(_, l)| l).collect();
    let own = |lookup: &Lookup| lookup.ede.iter().find(|ede| is_the_resolvers_own(ede)).cloned();
    let first = failed.first().and_then(|lookup| own(lookup))?;
    failed.iter().all(|lookup| own(lookup).is_some()).then(|| {
        let colon = if first.text.is_empty() { "" } else { ": " };
        format!("The resolver says why: extended error {}, {}{colon}{}.", first.code, ede_title(first.code), first.text)
    })
}

/// Whoever runs the resolvers that failed.
fn whose_resolver(case: &Case<'_>, level: &LevelFacts) -> String {
    let failed = level.used(&case.ignored).filter(|(_, lookup)| level.failure(lookup).is_some());
    format!("whoever runs {}", tally(&failed.map(|(view, _)| view).collect::<Vec<_>>()))
}

/// Who can act: where other views answer, the trouble may lie with the resolver that got no answer.
fn who(case: &Case<'_>, level: &LevelFacts) -> String {
    let (failed, fine): (Vec<_>, Vec<_>) =
        level.used(&case.ignored).partition(|(_, lookup)| level.failure(lookup).is_some());
    let failed: Vec<&str> = failed.iter().map(|(view, _)| *view).collect();
    let why = match (level.direct.is_some(), fine.is_empty()) {
        _ if level.is_no_tld(&case.ignored) => return case.operator(level),
        (true, _) => "the name servers answer when asked directly",
        (false, false) => "other resolvers get an answer",
        (false, true) => return case.operator(level),
    };
    format!("whoever runs {}, since {why}; else {}", tally(&failed), case.operator(level))
}

fn bogus(lookup: &Lookup) -> bool {
    matches!(lookup.outcome, LookupOutcome::Failed(_))
        && lookup.checking_disabled.as_deref().is_some_and(|disabled| !matches!(disabled, LookupOutcome::Failed(_)))
}

/// Classes of failure, each with the views that saw it if wanted: `servfail (192.0.2.1), timeout (192.0.2.2)`.
fn classes(case: &Case<'_>, level: &LevelFacts, views: bool) -> String {
    let mut classes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut fine = Vec::new();
    for (view, lookup) in level.used(&case.ignored) {
        match level.failure(lookup) {
            Some(class) => {
                let reason = lookup.ede.first().filter(|_| views);
                let reason = reason.map_or(String::new(), |ede| format!(" with extended error {}", ede.code));
                classes.entry(format!("{class}{reason}")).or_default().push(view);
            }
            None => fine.push(view),
        }
    }
    if !views {
        return classes.into_keys().collect::<Vec<_>>().join(", ");
    }
    let mut parts: Vec<String> =
        classes.into_iter().map(|(class, views)| format!("{class} ({})", tally(&views))).collect();
    if !fine.is_empty() {
        parts.push(format!("answered ({})", tally(&fine)));
    }
    parts.join(", ")
}

/// Views with how often each, in order: `192.0.2.1, 192.0.2.2 twice`.
fn tally(views: &[&str]) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for view in views {
        *counts.entry(view).or_default() += 1;
    }
    let one = |(view, count): (&str, u64)| if count > 1 { format!("{view}, {count} times") } else { view.to_owned() };
    counts.into_iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Negative answers without SOA that no cause speaks of, as far as views can be believed in this.
fn without_soa(case: &Case<'_>, levels: &[&LevelFacts]) -> Vec<Finding> {
    let mut groups: BTreeMap<(Code, String), Vec<&LevelFacts>> = BTreeMap::new();
    for level in levels {
        // A wrong NXDOMAIN is told as such.
        let told = |code| {
            matches!(
                code,
                Code::NegativeWithoutSoa
                    | Code::NsInsteadOfSoa
                    | Code::ForeignSoa
                    | Code::CaaNxdomain
                    | Code::CaseSensitive
            )
        };
        if level.direct.is_some() || level.causes.iter().any(|cause| told(cause.code)) || case.observed(level).fails() {
            continue;
        }
        let lacking: Vec<&Lookup> = level
            .used(&case.ignored)
            .filter(|(view, lookup)| !case.stripping.contains(view) && lacks_soa(lookup))
            .map(|(_, lookup)| lookup)
            .collect();
        let missing = |lookup: &&Lookup| {
            matches!(lookup.outcome, LookupOutcome::NoData(Soa::Missing) | LookupOutcome::NxDomain(Soa::Missing))
        };
        if let Some(first) = lacking.first() {
            let code = if missing(first) { Code::NegativeWithoutSoa } else { Code::ForeignSoa };
            let owner = if level.nobodys(case.scope()) {
                case.operator(level)
            } else {
                let domain = crate::name::registered_domain(level.name.as_str()).unwrap_or(level.name.as_str());
                format!("the operator of the name servers of `{domain}` or of the zone below it that holds the level")
            };
            groups.entry((code, owner)).or_default().push(level);
        }
    }
    let make = |((code, who), found): ((Code, String), Vec<&LevelFacts>)| {
        let names: Vec<&DomainName> = found.iter().map(|level| &level.name).collect();
        Finding {
            code: code.as_str().into(),
            severity: Severity::Warning,
            level: Some(names[0].to_string()),
            patterns: patterns(case, &names),
            text: format!(
                "{}: {}. {}; a CA's choice of resolver decides.",
                listed(&names, SHOWN),
                code.title(),
                if code == Code::ForeignSoa {
                    "Some resolvers accept it, some fail on it (BIND does, Unbound 1.18.0 did)"
                } else {
                    "Most resolvers accept it today, some fail on it (Unbound 1.18.0 did, Hickory did)"
                }
            ),
            who: Some(who),
            fix: Some("Answer \"no such record\" with the SOA record of the zone in the authority section (RFC 2308 section 3). A CAA record at the level helps too: a positive answer needs no SOA record.".into()),
        }
    };
    groups.into_iter().map(make).collect()
}
