//! The published behaviour of Boulder, case by case, where the collection of cases is at hand.

use std::collections::BTreeMap;
use std::path::Path;

use ctclimb::acme::{ErrorClass, explain};
use ctclimb::caa::{
    CaaRecord, DnsMessage, Ede, EdnsFact, Flags, IssueValue, IssueValueError, Lookup, LookupFailure, LookupOutcome,
    Problem, QuestionEcho, Request, Ruling, Security, Soa, Transport, Try, classify, corroborate, judge, problem,
    rcode, verdict,
};
use serde_json::Value;

fn lookup(outcome: LookupOutcome) -> Lookup {
    Lookup::bare(outcome, Transport::Udp)
}

fn record(flags: u8, tag: &str, value: &str) -> CaaRecord {
    CaaRecord { flags, tag: tag.into(), value: value.into() }
}

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
    for case in cases("accounturi").into_iter().chain(cases("validationmethods")) {
        let parameters = case["params"].as_array().unwrap().iter().map(strings);
        let value = parameters.fold("ca.example".to_owned(), |value, pair| format!("{value}; {}={}", pair[0], pair[1]));
        let set = [record(0, "issue", &value)];
        let prefixes = case["prefixes"].as_array().into_iter().flatten().map(|prefix| prefix.as_str().unwrap());
        let accounts: Vec<_> = prefixes.map(|prefix| format!("{prefix}{}", case["account_id"])).collect();
        let accounts: Vec<_> = accounts.iter().map(String::as_str).collect();
        let request =
            Request { issuers: &["ca.example"], wildcard: false, method: case["method"].as_str(), accounts: &accounts };
        assert_eq!(judge(&set, &request).permits(), case["expect"].as_bool().unwrap(), "{}", case["id"]);
    }
}

#[test]
fn boulder_cases_of_lookups() {
    for case in cases("lookup") {
        let (name, response) = (text(&case, "name"), &case["response"]);
        let mut seen = lookup(LookupOutcome::NoData(Soa::Missing));
        let problem = match response["transport"].as_str() {
            Some("canceled") => Some(Problem::Canceled),
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

/// What this program says a CA would tell is what it reads from a CA's error.
#[test]
fn the_words_of_the_ca_are_read_back() {
    let extended = |code| Problem::Extended(Ede { code, text: "why".to_owned() });
    for (problem, class) in [
        (Problem::TimedOut, ErrorClass::TimedOut),
        (Problem::Canceled, ErrorClass::Canceled),
        (Problem::Networking, ErrorClass::NetworkingError),
        (Problem::Resolver, ErrorClass::ResolverFailure),
        (Problem::Truncated, ErrorClass::Truncated),
        (Problem::Code(rcode::SERVFAIL), ErrorClass::ServFail),
        (Problem::Code(rcode::NXDOMAIN), ErrorClass::NxDomain),
        (Problem::Code(rcode::REFUSED), ErrorClass::Refused),
        (extended(6), ErrorClass::Dnssec),
        (extended(22), ErrorClass::ExtendedError),
    ] {
        let text = format!("While processing CAA for www.shop.test1: {}", problem.detail("test1"));
        let read = explain(&text);
        assert_eq!(read.len(), 1, "{text}");
        assert_eq!(read[0].error.class, class, "{text}");
        assert_eq!(read[0].error.level.as_ref().map(ToString::to_string).as_deref(), Some("test1"), "{text}");
    }
}
