use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use super::super::policy::{IssueValue, IssueValueError, account_matches, method_matches};
use super::super::problem::{Try, problem};
use super::super::{DnsMessage, Ede, EdnsFact, Flags, QuestionEcho, Soa, Transport, classify, rcode};
use super::*;

fn lookup(outcome: LookupOutcome) -> Lookup {
    Lookup::bare(outcome, Transport::Udp)
}

fn record(flags: u8, tag: &str, value: &str) -> CaaRecord {
    CaaRecord { flags, tag: tag.into(), value: value.into() }
}

/// Levels in short: `a.example.net nodata | example.net caa ca.example | net servfail`.
fn levels(text: &str) -> Vec<(String, Lookup)> {
    text.split('|')
        .map(|level| {
            let words: Vec<_> = level.split_whitespace().collect();
            let outcome = match words[1] {
                "nodata" => LookupOutcome::NoData(Soa::Present),
                "nxdomain" => LookupOutcome::NxDomain(Soa::Present),
                "servfail" => LookupOutcome::Failed(LookupFailure::ServFail),
                "timeout" => LookupOutcome::Failed(LookupFailure::Timeout(1)),
                "network" => LookupOutcome::Failed(LookupFailure::Network("refused".into())),
                "unasked" => LookupOutcome::Failed(LookupFailure::NotAsked),
                "caa" => LookupOutcome::Records(vec![record(0, "issue", words[2])]),
                other => panic!("{other}"),
            };
            (words[0].to_owned(), Lookup { tries: 2, ..lookup(outcome) })
        })
        .collect()
}

fn ruled(text: &str, security: Security) -> (Ruling, Option<String>, BrFailureAllowance) {
    let levels = levels(text);
    let levels: Vec<_> = levels.iter().map(|(name, lookup)| (name.clone(), lookup)).collect();
    let request = Request { issuers: &["ca.example"], ..Request::default() };
    let verdict = verdict(&levels, &request, |_| security);
    assert!(!verdict.reason.to_string().is_empty());
    (verdict.ruling, verdict.decided_at, verdict.br_failure_allowance)
}

#[test]
fn the_nearest_set_or_failure_decides() {
    for (text, ruling, at) in [
        ("a.b.net nodata | b.net nodata | net nodata", Ruling::Permit, None),
        ("a.b.net nxdomain | b.net nxdomain | net nodata", Ruling::Permit, None),
        ("a.b.net nodata | b.net caa ca.example | net servfail", Ruling::Permit, Some("b.net")),
        ("a.b.net nodata | b.net caa x.example | net servfail", Ruling::Deny, Some("b.net")),
        ("a.b.net caa ca.example | b.net caa ; | net nodata", Ruling::Permit, Some("a.b.net")),
        ("a.b.net timeout | b.net caa ca.example | net nodata", Ruling::Fail, Some("a.b.net")),
        ("a.b.net nodata | b.net nodata | net timeout", Ruling::Fail, Some("net")),
        ("a.b.net nodata | b.net nodata | net nxdomain", Ruling::Fail, Some("net")),
        ("a.b.net nodata | b.net caa ; | net nxdomain", Ruling::Deny, Some("b.net")),
        ("a.b.net nodata | b.net unasked | net nodata", Ruling::Fail, Some("b.net")),
        ("net nodata", Ruling::Permit, None),
        ("net caa ;", Ruling::Deny, Some("net")),
    ] {
        let (ruled, decided_at, _) = ruled(text, Security::Unknown);
        assert_eq!((ruled, decided_at.as_deref()), (ruling, at), "{text}");
    }
}

#[test]
fn failures_may_pass_only_where_no_chain_is_proven_and_only_after_a_retry() {
    let failing = "a.b.net nodata | b.net servfail | net nodata";
    for (security, expected) in [
        (Security::Insecure, BrFailureAllowance::Possible),
        (Security::Secure, BrFailureAllowance::Forbidden),
        (Security::Bogus, BrFailureAllowance::Forbidden),
        (Security::Unknown, BrFailureAllowance::Forbidden),
    ] {
        assert_eq!(ruled(failing, security).2, expected);
    }
    for (text, expected) in [
        ("b.net nodata | net nodata", BrFailureAllowance::NotApplicable),
        ("b.net caa ; | net servfail", BrFailureAllowance::NotApplicable),
        ("b.net servfail | net timeout", BrFailureAllowance::Possible),
        ("b.net network | net nodata", BrFailureAllowance::Forbidden),
        ("b.net servfail | net network", BrFailureAllowance::Forbidden),
        ("b.net servfail | b.net caa ca.example | net network", BrFailureAllowance::Possible),
        ("b.net unasked | net nodata", BrFailureAllowance::Forbidden),
        ("b.net nodata | net nxdomain", BrFailureAllowance::Forbidden),
    ] {
        assert_eq!(ruled(text, Security::Insecure).2, expected, "{text}");
    }
    let once = Lookup { tries: 1, ..lookup(LookupOutcome::Failed(LookupFailure::ServFail)) };
    let tld = lookup(LookupOutcome::NoData(Soa::Present));
    let verdict = verdict(&[("b.net", &once), ("net", &tld)], &Request::default(), |_| Security::Insecure);
    assert_eq!(verdict.br_failure_allowance, BrFailureAllowance::Forbidden);
}

#[test]
fn perspectives_may_disagree_a_little() {
    use Ruling::{Deny, Fail, Permit};
    for (primary, others, expected) in [
        (Permit, vec![], (Permit, false)),
        (Deny, vec![Permit; 3], (Deny, false)),
        (Fail, vec![Permit; 3], (Fail, false)),
        (Permit, vec![Deny, Permit, Permit], (Permit, false)),
        (Permit, vec![Deny, Fail, Permit], (Deny, true)),
        (Permit, vec![Fail, Deny, Permit, Permit, Permit, Permit], (Permit, false)),
        (Permit, vec![Fail, Deny, Deny, Permit, Permit, Permit], (Fail, true)),
    ] {
        assert_eq!(corroborate(primary, &others), expected, "{primary:?} {others:?}");
    }
}

/// What every CA must refuse at caatestsuite.com: the levels as they are published there.
#[test]
fn the_climbs_of_the_caa_test_suite_do_not_permit() {
    for text in [
        "empty.basic.caatestsuite.com caa ; | basic.caatestsuite.com nodata | caatestsuite.com nodata | com nodata",
        "sub1.deny.basic.caatestsuite.com nodata | deny.basic.caatestsuite.com caa caatestsuite.com | caatestsuite.com nodata | com nodata",
        "sub2.sub1.deny.x nodata | sub1.deny.x nodata | deny.x caa caatestsuite.com | x nodata",
        "sub1.cname-deny.x nodata | cname-deny.x caa caatestsuite.com | x nodata",
        "dname-permit.deny.x nodata | deny.x caa caatestsuite.com | x nodata",
        "permit.deny.x nxdomain | deny.x caa caatestsuite.com | x caa ca.example",
        "expired.caatestsuite-dnssec.com servfail | caatestsuite-dnssec.com caa ca.example | com nodata",
        "blackhole.caatestsuite-dnssec.com timeout | caatestsuite-dnssec.com nodata | com nodata",
    ] {
        let (ruling, _, allowance) = ruled(text, Security::Secure);
        assert!(ruling != Ruling::Permit && allowance != BrFailureAllowance::Possible, "{text}");
    }
}

proptest! {
    /// The rule itself, told another way: the first level that is not empty decides, and nothing above it.
    #[test]
    fn nothing_above_the_deciding_level_matters(kinds in proptest::collection::vec(0..4_u8, 1..8), above in 0..4_u8) {
        let word = |kind| ["nodata", "nxdomain", "servfail", "caa ;"][usize::from(kind)];
        let text = |kinds: &[u8]| {
            let levels: Vec<_> = kinds.iter().enumerate().map(|(at, kind)| format!("n{at} {}", word(*kind))).collect();
            levels.join(" | ")
        };
        let decided = kinds.iter().position(|kind| *kind >= 2);
        let (ruling, at, _) = ruled(&text(&kinds), Security::Unknown);
        if let Some(decided) = decided {
            prop_assert_eq!(at, Some(format!("n{decided}")));
            let mut other = kinds[..=decided].to_vec();
            other.push(above);
            prop_assert_eq!(ruled(&text(&other), Security::Unknown).0, ruling);
        }
    }
}

// The published behaviour of Boulder, case by case, where the collection of cases is at hand.

fn cases(kind: &str) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = ["../shared", "../../shared"]
        .map(|shared| root.join(shared).join("data/caa/boulder-cases.json"))
        .into_iter()
        .find_map(|path| std::fs::read(path).ok());
    let Some(bytes) = found else {
        println!("skipped: no collection of cases");
        return Vec::new();
    };
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    let all = document["cases"].as_array().unwrap();
    all.iter().filter(|case| case["kind"] == kind).cloned().collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

fn failure(word: &str) -> LookupOutcome {
    match word {
        "NXDOMAIN" => LookupOutcome::NxDomain(Soa::Present),
        "SERVFAIL" => LookupOutcome::Failed(LookupFailure::ServFail),
        "TIMEOUT" => LookupOutcome::Failed(LookupFailure::Timeout(1)),
        other => panic!("{other}"),
    }
}

#[test]
fn boulder_cases_of_policy() {
    for case in cases("policy") {
        let query = text(&case, "query");
        let (name, wildcard) = query.strip_prefix("*.").map_or((query, false), |name| (name, true));
        let known: BTreeMap<&str, Lookup> =
            std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, up)| up))
                .map(|level| {
                    let records = case["zone"][level].as_array().map(|records| {
                        let flags = |record: &Value| u8::try_from(record["flags"].as_u64().unwrap()).unwrap();
                        records.iter().map(|one| record(flags(one), text(one, "tag"), text(one, "value"))).collect()
                    });
                    let outcome = match (records, case["failures"][level].as_str()) {
                        (Some(records), _) => LookupOutcome::Records(records),
                        (None, Some(word)) => failure(word),
                        (None, None) => LookupOutcome::NoData(Soa::Present),
                    };
                    (level, lookup(outcome))
                })
                .collect();
        let mut levels: Vec<_> = known.iter().map(|(name, lookup)| (*name, lookup)).collect();
        levels.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let request = Request {
            issuers: &[text(&case, "issuer")],
            wildcard,
            method: Some(text(&case, "method")),
            accounts: &[text(&case, "account_uri")],
        };
        let verdict = verdict(&levels, &request, |_| Security::Unknown);
        let outcome = match verdict.ruling {
            Ruling::Permit => "permit",
            Ruling::Deny => "deny",
            Ruling::Fail => "error",
        };
        assert_eq!(outcome, text(&case["expect"], "outcome"), "{}", case["id"]);
        assert_eq!(verdict.decided_at, case["expect"]["found_at"].as_str(), "{}", case["id"]);
    }
}

#[test]
fn boulder_cases_of_values() {
    for case in cases("issue-value") {
        let expect = &case["expect"];
        match IssueValue::parse(text(&case, "value").as_bytes()) {
            Ok(value) => {
                assert_eq!(value.domain, text(expect, "domain"), "{}", case["id"]);
                let parameters: Vec<_> = value.parameters.iter().map(|(tag, value)| vec![&**tag, &**value]).collect();
                let expected: Vec<_> = expect["params"].as_array().unwrap().iter().map(strings).collect();
                assert_eq!(parameters, expected, "{}", case["id"]);
            }
            Err(error) => {
                let word = match error {
                    IssueValueError::NoValue => "no-value",
                    IssueValueError::TagCharacter => "tag-character",
                    IssueValueError::ValueCharacter => "value-character",
                };
                assert_eq!(word, text(expect, "error"), "{}", case["id"]);
            }
        }
    }
}

#[test]
fn boulder_cases_of_parameters() {
    let given = |case: &Value, tag: &str| -> Vec<String> {
        let parameters = case["params"].as_array().unwrap().iter().map(strings);
        parameters.filter(|pair| pair[0] == tag).map(|pair| pair[1].to_owned()).collect()
    };
    for case in cases("accounturi") {
        let accounts: Vec<_> =
            strings(&case["prefixes"]).into_iter().map(|prefix| format!("{prefix}{}", case["account_id"])).collect();
        let accounts: Vec<_> = accounts.iter().map(String::as_str).collect();
        let given = given(&case, "accounturi");
        let given: Vec<_> = given.iter().map(String::as_str).collect();
        assert_eq!(account_matches(&given, &accounts), case["expect"].as_bool().unwrap(), "{}", case["id"]);
    }
    for case in cases("validationmethods") {
        let given = given(&case, "validationmethods");
        let given: Vec<_> = given.iter().map(String::as_str).collect();
        assert_eq!(method_matches(&given, text(&case, "method")), case["expect"].as_bool().unwrap(), "{}", case["id"]);
    }
}

#[test]
fn boulder_cases_of_lookups() {
    for case in cases("lookup") {
        let (name, response) = (text(&case, "name"), &case["response"]);
        let mut seen = lookup(LookupOutcome::NoData(Soa::Missing));
        let problem = match response["transport"].as_str() {
            Some("canceled") => Some(super::super::problem::Problem::Canceled),
            Some(transport) => {
                let failure = match transport {
                    "timeout" => LookupFailure::Timeout(1),
                    other => LookupFailure::Malformed(other.to_owned()),
                };
                seen.outcome = LookupOutcome::Failed(failure);
                problem(name, &seen)
            }
            None => {
                let codes = [rcode::NOERROR, rcode::FORMERR, rcode::SERVFAIL, rcode::NXDOMAIN, rcode::REFUSED];
                let rcode = codes.into_iter().find(|code| rcode::name(*code) == text(response, "rcode")).unwrap();
                let ede = response["ede"]
                    .as_u64()
                    .map(|code| Ede { code: u16::try_from(code).unwrap(), text: text(response, "text").to_owned() });
                let message = DnsMessage {
                    rcode,
                    flags: Flags { tc: response["tc"] == true, rd: true, ra: true, ..Flags::default() },
                    question: QuestionEcho::Same,
                    answers: Vec::new(),
                    authority: Vec::new(),
                    additional: Vec::new(),
                    edns: Some(EdnsFact::default()),
                    octets: 0,
                };
                seen.outcome = classify(name, &message).outcome;
                seen.ede = ede.into_iter().collect();
                problem(name, &seen)
            }
        };
        assert_eq!(problem.is_some(), case["expect"]["error"] == true, "{}", case["id"]);
        let detail = problem.map(|problem| problem.detail(name));
        assert_eq!(detail.as_deref(), case["expect"]["detail"].as_str(), "{}", case["id"]);
    }
}

#[test]
fn boulder_cases_of_retries() {
    for case in cases("retry") {
        let tries = u8::try_from(case["max_tries"].as_u64().unwrap()).unwrap();
        let (mut queries, mut last) = (0, Try::Answer);
        for event in strings(&case["events"]) {
            queries += 1;
            last = match event {
                "ok" => Try::Answer,
                "timeout" => Try::TimedOut,
                "canceled" => Try::Canceled,
                _ => Try::Broken,
            };
            if !last.again(queries, tries) {
                break;
            }
        }
        let error = match last {
            Try::Answer => None,
            Try::TimedOut => Some("query timed out"),
            Try::Canceled => Some("query timed out (and was canceled)"),
            Try::Broken => Some("server failure at resolver"),
        };
        assert_eq!(u64::from(queries), case["expect"]["queries"].as_u64().unwrap(), "{}", case["id"]);
        assert_eq!(error, case["expect"]["error"].as_str(), "{}", case["id"]);
    }
}

#[test]
fn boulder_cases_of_perspectives() {
    let ruling = |word: &str| match word {
        "permit" => Ruling::Permit,
        "deny" => Ruling::Deny,
        _ => Ruling::Fail,
    };
    for case in cases("mpic") {
        let others: Vec<_> = strings(&case["remote"]).into_iter().map(ruling).collect();
        let (ruled, secondary) = corroborate(ruling(text(&case, "local")), &others);
        let expect = &case["expect"];
        assert_eq!(ruled, ruling(text(expect, "outcome")), "{}", case["id"]);
        let prefix = match (ruled, secondary) {
            (Ruling::Permit, _) => None,
            (_, false) => Some("While processing CAA for "),
            (_, true) => Some("During secondary validation: While processing CAA for "),
        };
        assert_eq!(prefix, expect["detail_prefix"].as_str(), "{}", case["id"]);
    }
}

#[test]
fn every_kind_of_the_collection_has_its_test() {
    let kinds = ["policy", "issue-value", "accounturi", "validationmethods", "lookup", "retry", "mpic"];
    let total: usize = kinds.iter().map(|kind| cases(kind).len()).sum();
    assert!(total == 0 || total == 97, "{total}");
}
