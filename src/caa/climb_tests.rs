use proptest::prelude::*;

use super::super::{Soa, Transport};
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
