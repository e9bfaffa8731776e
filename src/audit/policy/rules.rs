//! The rules of a [`Policy`], each a function of one row; pure.

use super::{Exception, Policy, Rule, UNDECIDED};
use crate::audit::row::{Cover, DomainRow, ExceptionRow, FindingRow, IssuerRow, PatternRow};
use crate::name::registered_domain;

/// One violation before exceptions.
struct Violation {
    rule: Rule,
    level: Option<String>,
    pattern: Option<(String, String)>,
    issuer: Option<IssuerRow>,
    text: String,
    fix: String,
}

/// The findings of a policy on one domain at a day (UTC), rule by rule in the order of [`Rule::ALL`].
///
/// A violation that an exception tolerates is a note; one whose exception has expired says so. A rule that cannot be
/// decided because a lookup failed or was not made is the warning `policy-undecided`, never silence.
#[must_use]
pub fn apply(policy: &Policy, row: &DomainRow, today: jiff::civil::Date) -> Vec<FindingRow> {
    let mut findings = Vec::new();
    for rule in Rule::ALL {
        let (violations, undecided) = match rule {
            Rule::IssuerNotAllowed => (issuers(policy, row), None),
            Rule::WildcardLevel => (wildcard_levels(policy, row), None),
            Rule::CaaMissing => caa_missing(policy, row),
            Rule::IssuewildMissing => issuewild_missing(policy, row),
            Rule::PatternUnseen => (unseen(policy, row, today), None),
        };
        findings.extend(violations.into_iter().map(|violation| judge(policy, row, today, violation)));
        findings.extend(undecided.map(|text| FindingRow {
            code: UNDECIDED.to_owned(),
            severity: "warning".to_owned(),
            text: format!("Whether {} cannot be told: {text}.", rule.title()),
            ..FindingRow::default()
        }));
    }
    findings
}

fn judge(policy: &Policy, row: &DomainRow, today: jiff::civil::Date, violation: Violation) -> FindingRow {
    let matching = policy.exceptions.iter().filter(|exception| covers(exception, row, &violation));
    // The exception that holds longest speaks for all.
    let exception = matching.max_by_key(|exception| (exception.expires, &exception.name));
    let mut finding = FindingRow {
        code: violation.rule.code().to_owned(),
        severity: "error".to_owned(),
        level: violation.level,
        patterns: violation.pattern.map(|(id, _)| id).into_iter().collect(),
        issuer: violation.issuer.map(|issuer| issuer.name),
        exception: None,
        text: violation.text,
        who: Some("owner of the domain".to_owned()),
        fix: Some(violation.fix),
    };
    if let Some(Exception { name, reason, expires, .. }) = exception {
        let tolerated = expires >= &today;
        finding.exception = Some(ExceptionRow {
            name: name.clone(),
            reason: reason.clone(),
            expires: expires.to_string(),
            in_force: tolerated,
        });
        let says = if tolerated {
            format!("tolerated until {expires} by exception `{name}`: {reason}")
        } else {
            format!("exception `{name}` expired on {expires}")
        };
        finding.text = format!("{} ({says})", finding.text);
        if tolerated {
            "note".clone_into(&mut finding.severity);
        }
    }
    finding
}

fn covers(exception: &Exception, row: &DomainRow, violation: &Violation) -> bool {
    let issuer = |wanted: &String| violation.issuer.as_ref().is_some_and(|issuer| is_issuer(wanted, issuer));
    let pattern =
        |wanted: &String| violation.pattern.as_ref().is_some_and(|(id, template)| wanted == id || wanted == template);
    exception.rule == violation.rule
        && exception.is_for(&row.domain)
        && exception.issuer.as_ref().is_none_or(issuer)
        && exception.pattern.as_ref().is_none_or(pattern)
}

/// Whether a policy's word means this issuer: a CAA domain, the whole name, or its O or CN.
fn is_issuer(word: &str, issuer: &IssuerRow) -> bool {
    let same = |text: &str| text.eq_ignore_ascii_case(word.trim());
    same(&issuer.name)
        || issuer.caa_domains.iter().any(|domain| same(domain))
        || attributes(&issuer.name).any(|(key, value)| matches!(key, "O" | "CN") && same(&value))
}

/// The attributes of a distinguished name in canonical spelling: `C=US, O="A, Inc.", CN=X`.
fn attributes(name: &str) -> impl Iterator<Item = (&str, String)> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let (key, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            None => {
                let (value, after) = after.split_once(", ").unwrap_or((after, ""));
                (value.to_owned(), after)
            }
            Some(quoted) => {
                let mut value = String::new();
                let mut chars = quoted.char_indices();
                let end = loop {
                    match chars.next() {
                        Some((_, '\\')) => value.extend(chars.next().map(|(_, c)| c)),
                        Some((at, '"')) => break at + 1,
                        Some((_, c)) => value.push(c),
                        None => break quoted.len(),
                    }
                };
                (value, quoted[end..].trim_start_matches(", "))
            }
        };
        rest = after;
        Some((key, value))
    })
}

fn issuers(policy: &Policy, row: &DomainRow) -> Vec<Violation> {
    let Some(allowed) = &policy.allowed_issuers else { return Vec::new() };
    let strangers = row.issuers.iter().filter(|issuer| !allowed.iter().any(|word| is_issuer(word, issuer)));
    strangers
        .map(|issuer| Violation {
            rule: Rule::IssuerNotAllowed,
            level: None,
            pattern: None,
            issuer: Some(issuer.clone()),
            text: format!(
                "{} of the issuer `{}`, which is not allowed.",
                certificates(issuer.certificates),
                issuer.name
            ),
            fix: "Find out who ordered them; allow the issuer, or forbid it with a CAA record.".to_owned(),
        })
        .collect()
}

fn certificates(count: u64) -> String {
    if count == 1 { "1 certificate".to_owned() } else { format!("{count} certificates") }
}

fn wildcard_levels(policy: &Policy, row: &DomainRow) -> Vec<Violation> {
    let Some(allowed) = &policy.wildcard_levels else { return Vec::new() };
    let deep = row.wildcards().filter_map(|pattern| Some((pattern, pattern.deepest_wildcard?)));
    deep.filter(|(_, depth)| !allowed.contains(depth))
        .map(|(pattern, depth)| Violation {
            rule: Rule::WildcardLevel,
            text: format!(
                "`{}` has `*` {depth} labels below the registered domain; {}.",
                pattern.template,
                levels(allowed)
            ),
            fix: "Replace the wildcards by names, or move them to an allowed level.".to_owned(),
            ..of_pattern(Rule::WildcardLevel, pattern)
        })
        .collect()
}

fn levels(allowed: &std::collections::BTreeSet<u64>) -> String {
    if allowed.is_empty() {
        return "no wildcard is allowed".to_owned();
    }
    let levels: Vec<_> = allowed.iter().map(u64::to_string).collect();
    format!("allowed: {}", levels.join(", "))
}

fn of_pattern(rule: Rule, pattern: &PatternRow) -> Violation {
    Violation {
        rule,
        level: None,
        pattern: Some((pattern.id.clone(), pattern.template.clone())),
        issuer: None,
        text: String::new(),
        fix: String::new(),
    }
}

type Decided = (Vec<Violation>, Option<String>);

fn caa_missing(policy: &Policy, row: &DomainRow) -> Decided {
    if !policy.require_caa {
        return Decided::default();
    }
    let registered = registered_domain(&row.domain).unwrap_or(&row.domain);
    let Some(level) = row.level(registered) else {
        return (Vec::new(), Some(format!("CAA at `{registered}` was not looked up")));
    };
    let missing = match level.state.as_str() {
        "records" => !level.records.iter().any(|record| has_tag(record, "issue")),
        "nodata" | "nxdomain" => true,
        _ => {
            let class = level.class.as_deref().unwrap_or(&level.state);
            return (Vec::new(), Some(format!("the lookup of CAA at `{registered}` ended with {class}")));
        }
    };
    let text = match level.state.as_str() {
        "records" => format!("The CAA set at `{registered}` has no issue record: every CA may issue."),
        _ => format!("`{registered}` has no CAA record."),
    };
    let violation = Violation {
        rule: Rule::CaaMissing,
        level: Some(registered.to_owned()),
        pattern: None,
        issuer: None,
        text,
        fix: format!("Publish CAA records at `{registered}` that name every CA in use."),
    };
    (missing.then_some(violation).into_iter().collect(), None)
}

/// Whether a record in presentation form has this tag; tags are compared without case (RFC 8659 §4.1).
pub(in crate::audit) fn has_tag(record: &str, tag: &str) -> bool {
    record.split_ascii_whitespace().nth(1).is_some_and(|found| found.eq_ignore_ascii_case(tag))
}

fn issuewild_missing(policy: &Policy, row: &DomainRow) -> Decided {
    if !policy.require_issuewild {
        return Decided::default();
    }
    let mut violations = Vec::new();
    let mut undecided = Vec::new();
    for pattern in row.wildcards() {
        let why = match pattern.covered_by {
            Some(Cover::Issuewild) => continue,
            Some(Cover::Unknown) | None => {
                undecided.push(format!("`{}`", pattern.template));
                continue;
            }
            Some(Cover::Issue) => "only an issue record decides",
            Some(Cover::Nothing) => "no CAA record decides",
        };
        violations.push(Violation {
            text: format!("About the wildcards of `{}` {why}.", pattern.template),
            fix: "Publish an issuewild record beside the issue records that apply to them.".to_owned(),
            level: pattern.covered_at.clone(),
            ..of_pattern(Rule::IssuewildMissing, pattern)
        });
    }
    let undecided = (!undecided.is_empty()).then(|| format!("the lookups for {} gave no answer", undecided.join(", ")));
    (violations, undecided)
}

fn unseen(policy: &Policy, row: &DomainRow, today: jiff::civil::Date) -> Vec<Violation> {
    let Some(days) = policy.max_unseen_days else { return Vec::new() };
    let Ok(limit) = today.checked_sub(jiff::Span::new().days(i64::from(days))) else { return Vec::new() };
    let day = |text: &str| text.get(..10)?.parse::<jiff::civil::Date>().ok();
    let old = row.patterns.iter().filter_map(|pattern| Some((pattern, day(pattern.last_seen.as_deref()?)?)));
    old.filter(|(_, seen)| *seen < limit)
        .map(|(pattern, seen)| Violation {
            text: format!(
                "The newest certificate of `{}` began on {seen}, more than {days} days ago.",
                pattern.template
            ),
            fix: "Find out whether the names are still in use; remove their DNS records if not.".to_owned(),
            ..of_pattern(Rule::PatternUnseen, pattern)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::row::LevelRow;

    fn row() -> DomainRow {
        let pattern = |id: &str, template: &str, wildcards, depth, cover, seen: &str| PatternRow {
            id: id.into(),
            template: template.into(),
            wildcard_names: wildcards,
            deepest_wildcard: depth,
            covered_by: cover,
            last_seen: Some(seen.into()),
            ..PatternRow::default()
        };
        DomainRow {
            domain: "example.net".into(),
            issuers: vec![
                IssuerRow {
                    name: "C=US, O=Let's Encrypt, CN=R3".into(),
                    caa_domains: vec!["letsencrypt.org".into()],
                    certificates: 4,
                },
                IssuerRow { name: "C=XX, O=\"Odd, Inc.\", CN=Odd CA".into(), certificates: 1, ..IssuerRow::default() },
            ],
            patterns: vec![
                pattern("p1", "*.example.net", 1, Some(1), Some(Cover::Issue), "2026-11-01T00:00:00Z"),
                pattern("p2", "*.{hex:8}.dev.example.net", 9, Some(3), Some(Cover::Nothing), "2024-01-01T00:00:00Z"),
                pattern("p3", "www.example.net", 0, None, None, "2026-11-01T00:00:00Z"),
            ],
            levels: vec![LevelRow { name: "example.net".into(), state: "nodata".into(), ..LevelRow::default() }],
            ..DomainRow::default()
        }
    }

    fn codes(policy: &str, row: &DomainRow) -> Vec<String> {
        let policy = Policy::parse(policy).unwrap();
        let findings = apply(&policy, row, "2026-11-24".parse().unwrap());
        findings.iter().map(|f| format!("{} {} {}", f.severity, f.code, f.patterns.join(","))).collect()
    }

    #[test]
    fn a_rule_that_is_not_written_does_not_apply() {
        assert!(codes("", &row()).is_empty());
    }

    #[test]
    fn issuers_are_named_as_people_name_them() {
        for (allowed, found) in [
            ("[\"letsencrypt.org\", \"Odd, Inc.\"]", 0),
            ("[\"let's encrypt\", \"Odd CA\"]", 0),
            ("[\"C=US, O=Let's Encrypt, CN=R3\"]", 1),
            ("[\"US\", \"XX\"]", 2),
            ("[]", 2),
        ] {
            assert_eq!(codes(&format!("allowed-issuers = {allowed}"), &row()).len(), found, "{allowed}");
        }
    }

    #[test]
    fn each_rule_has_its_code() {
        for (policy, expected) in [
            ("wildcard-levels = [1]", &["error policy-wildcard-level p2"][..]),
            ("wildcard-levels = []", &["error policy-wildcard-level p1", "error policy-wildcard-level p2"]),
            ("require-caa = true", &["error policy-caa-missing "]),
            ("require-issuewild = true", &["error policy-issuewild-missing p1", "error policy-issuewild-missing p2"]),
            ("max-unseen-days = 400", &["error policy-pattern-unseen p2"]),
        ] {
            assert_eq!(codes(policy, &row()), expected, "{policy}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_said() {
        let mut row = row();
        row.levels[0].state = "failed".into();
        row.levels[0].class = Some("servfail".into());
        assert_eq!(codes("require-caa = true", &row), ["warning policy-undecided "]);
        row.levels.clear();
        assert_eq!(codes("require-caa = true", &row), ["warning policy-undecided "]);
        row.patterns.iter_mut().for_each(|pattern| pattern.covered_by = Some(Cover::Unknown));
        assert_eq!(codes("require-issuewild = true", &row), ["warning policy-undecided "]);
    }

    #[test]
    fn a_set_without_issue_restricts_nobody() {
        let mut row = row();
        row.levels[0].state = "records".into();
        row.levels[0].records = vec!["0 iodef \"mailto:a@example.net\"".into()];
        assert_eq!(codes("require-caa = true", &row), ["error policy-caa-missing "]);
        row.levels[0].records.push("0 ISSUE \";\"".into());
        assert!(codes("require-caa = true", &row).is_empty());
    }

    #[test]
    fn an_exception_holds_until_its_last_day() {
        let exception = "wildcard-levels = [1]\n[[exception]]\nname = \"dev\"\nrule = \"wildcard-level\"\n\
                         domain = \"example.net\"\nreason = \"moves in spring\"\n";
        for (more, expected) in [
            ("expires = 2026-11-24", "note"),
            ("expires = 2026-11-23", "error"),
            ("expires = 2027-01-01\npattern = \"p1\"", "error"),
            ("expires = 2027-01-01\npattern = \"*.{hex:8}.dev.example.net\"", "note"),
            ("expires = 2027-01-01\nissuer = \"letsencrypt.org\"", "error"),
        ] {
            let found = codes(&format!("{exception}{more}"), &row());
            assert_eq!(found, [format!("{expected} policy-wildcard-level p2")], "{more}");
        }
    }
}
