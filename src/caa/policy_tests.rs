use proptest::prelude::*;

use super::*;

const ACCOUNT: &str = "https://ca.example/acct/123";

/// A set as `flags tag value` lines, judged for `ca.example` with http-01.
fn judged(set: &str, wildcard: bool) -> Judgement {
    let set: Vec<_> = set
        .split('|')
        .map(|record| {
            let mut words = record.trim().splitn(3, ' ');
            CaaRecord {
                flags: words.next().unwrap().parse().unwrap(),
                tag: words.next().unwrap().into(),
                value: words.next().unwrap_or_default().into(),
            }
        })
        .collect();
    let request = Request { issuers: &["ca.example"], wildcard, method: Some("http-01"), accounts: &[ACCOUNT] };
    judge(&set, &request)
}

#[test]
fn a_plain_name_looks_at_issue_alone() {
    for (set, permits) in [
        ("0 issue ca.example", true),
        ("0 ISSUE ca.example", true),
        ("0 issue other.example", false),
        ("0 issue other.example | 0 issue ca.example", true),
        ("0 issue ;", false),
        ("0 issue", false),
        ("0 issue ; | 0 issue ca.example", true),
        ("0 issue ca.example.", false),
        ("0 issue CA.example", false),
        ("0 issue ca.example;", true),
        ("0 issue %%%%%", false),
        ("0 issuewild ;", true),
        ("0 issuewild other.example | 0 issue ca.example", true),
        ("0 iodef mailto:x@example.com", true),
        ("0 tbs Unknown", true),
        ("0 issuemail ;", true),
    ] {
        assert_eq!(judged(set, false).permits(), permits, "{set}");
    }
}

#[test]
fn a_wildcard_name_looks_at_issuewild_if_there_is_one() {
    for (set, permits) in [
        ("0 issuewild ca.example", true),
        ("0 issuewild ;", false),
        ("0 issue ca.example | 0 issuewild other.example", false),
        ("0 issue other.example | 0 issuewild ca.example", true),
        ("0 issue ca.example", true),
        ("0 issue ;", false),
        ("0 iodef mailto:x@example.com", true),
        ("0 issue ca.example | 0 issuewild %%;a", false),
    ] {
        assert_eq!(judged(set, true).permits(), permits, "{set}");
    }
}

#[test]
fn an_unknown_critical_property_forbids_whatever_else_the_set_says() {
    for (flags, permits) in [(128, false), (130, false), (129, false), (1, false), (126, true), (0, true)] {
        let set = format!("0 issue ca.example | {flags} foo bar");
        assert_eq!(judged(&set, false).permits(), permits, "{flags}");
    }
    for known in ["issuemail other.example", "issuevmc ;", "iodef x", "IssueWild ;"] {
        assert!(judged(&format!("128 {known}"), false).permits(), "{known}");
    }
}

#[test]
fn parameters_bind_to_an_account_and_to_methods() {
    for (parameters, expected) in [
        ("validationmethods=http-01", true),
        ("validationmethods=dns-01", false),
        ("validationmethods=dns-01,http-01", true),
        ("validationmethods=", false),
        ("validationmethods=http-01; validationmethods=http-01", false),
        ("accounturi=https://ca.example/acct/123", true),
        ("accounturi=https://ca.example/acct/321", false),
        ("accounturi=https://ca.example/acct/123; accounturi=https://ca.example/acct/123", false),
        ("accounturi=https://ca.example/acct/123; validationmethods=dns-01", false),
        ("accounturi=https://ca.example/acct/321; validationmethods=http-01", false),
        ("ValidationMethods=dns-01", true),
        ("other=x", true),
        ("a_b=123", false),
        ("ab=1 2 3", false),
        ("novalue", false),
    ] {
        assert_eq!(judged(&format!("0 issue ca.example; {parameters}"), false).permits(), expected, "{parameters}");
    }
}

#[test]
fn what_the_request_leaves_open_is_told_as_a_condition() {
    let set = [CaaRecord {
        flags: 0,
        tag: b"issue".to_vec(),
        value: b"ca.example; validationmethods=dns-01; accounturi=x".to_vec(),
    }];
    let open = judge(&set, &Request { issuers: &["ca.example"], ..Request::default() });
    assert_eq!(open, Judgement::Named { methods: Some("dns-01".into()), account: Some("x".into()) });
    assert_eq!(open.to_string(), "the set names this issuer, bound to validationmethods=dns-01 accounturi=x");
}

#[test]
fn a_refusal_says_what_came_closest() {
    for (set, expected) in [
        (
            "0 issue ; | 0 issue a.example | 0 issue b.example | 0 issue a.example",
            "names other issuers: a.example, b.example",
        ),
        ("0 issue a.example | 0 issue ca.example;validationmethods=dns-01", "for other methods: dns-01"),
        ("0 issue ca.example;accounturi=y", "for another account: y"),
        ("0 issue ; | 0 issue x;y", "a parameter without `=`"),
        ("0 issue ;", "forbids every issuer"),
        ("128 foo", "unknown critical tag `foo`"),
    ] {
        let text = judged(set, false).to_string();
        assert!(text.ends_with(expected), "{text}");
    }
}

/// The published tests of caatestsuite.com, as the sets they serve: no CA may issue.
#[test]
fn the_sets_of_the_caa_test_suite_deny() {
    let big: Vec<_> = (0..1001).map(|index| format!("0 issue ca{index}.example")).collect();
    let big = big.join(" | ");
    for (set, wildcard) in [
        ("0 issue ;", false),
        ("0 issue caatestsuite.com", false),
        ("0 ISSUE caatestsuite.com", false),
        ("0 IsSuE caatestsuite.com", false),
        (&*big, false),
        ("128 caatestsuitedummyproperty test", false),
        ("130 caatestsuitedummyproperty test", false),
        ("0 issue caatestsuite.com", true),
        ("0 issue ca.example | 0 issuewild caatestsuite.com", true),
        ("0 issue <script>alert(1)</script>", false),
    ] {
        assert!(!judged(set, wildcard).permits(), "{}", &set[..set.len().min(80)]);
    }
}

proptest! {
    #[test]
    fn any_set_gets_a_judgement(
        set in proptest::collection::vec((any::<u8>(), any::<Vec<u8>>(), any::<Vec<u8>>()), 1..6), wildcard in any::<bool>()
    ) {
        let set: Vec<_> = set.into_iter().map(|(flags, tag, value)| CaaRecord { flags, tag, value }).collect();
        let _ = judge(&set, &Request { issuers: &["ca.example"], wildcard, ..Request::default() }).to_string();
    }

    #[test]
    fn any_value_is_read_or_refused(value in any::<Vec<u8>>()) {
        let _ = IssueValue::parse(&value);
    }
}
