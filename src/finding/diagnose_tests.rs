use super::super::story::{issued, levels};
use super::*;
use crate::acme::explain;
use crate::caa::NamedServer;
use proptest::prelude::*;

fn checked(name: &str, verdict: &'static str, at: Option<&str>) -> Checked {
    Checked {
        name: name.trim_start_matches("*.").into(),
        wildcard: name.starts_with("*."),
        pattern: Some("p1".into()),
        issuer: Some("letsencrypt.org".into()),
        verdict,
        decided_at: at.map(str::to_owned),
        reason: "because".into(),
        br_failure_allowance: "not-applicable",
    }
}

fn found(findings: &[Finding]) -> Vec<(&str, Severity, Option<&str>)> {
    findings.iter().map(|finding| (finding.code.as_str(), finding.severity, finding.level.as_deref())).collect()
}

fn codes(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn a_healthy_domain_gets_notes_only() {
    let levels =
        levels(&[("net", "nodata,nodata"), ("example.net", "nodata,nodata"), ("~a.example.net", "nxdomain,nxdomain")]);
    let checks = [checked("a.example.net", "permit", None)];
    let findings = diagnose(&Evidence { levels: &levels, checked: &checks, ..Evidence::default() });
    assert_eq!(codes(&findings), ["all-levels-fine", "caa-missing", "nxdomain-is-fine"]);
    assert!(findings.iter().all(|finding| finding.severity == Severity::Note));
}

#[test]
fn a_policy_in_force_on_a_healthy_domain_is_no_error() {
    let levels = levels(&[("net", "nodata"), ("example.net", "0 issue letsencrypt.org"), ("a.example.net", "nodata")]);
    let mut other = checked("a.example.net", "deny", Some("example.net"));
    other.issuer = Some("digicert.com".into());
    let checks = [checked("a.example.net", "permit", Some("example.net")), other];
    let findings = diagnose(&Evidence { levels: &levels, checked: &checks, ..Evidence::default() });
    assert!(findings.iter().all(|finding| finding.severity == Severity::Note), "{findings:?}");
    let findings =
        diagnose(&Evidence { levels: &levels, checked: &checks, issuers_requested: true, ..Evidence::default() });
    assert_eq!(found(&findings)[0], ("policy-denies", Severity::Error, Some("example.net")));
}

#[test]
fn the_only_issuer_in_use_being_denied_is_an_error() {
    let levels = levels(&[("net", "nodata"), ("example.net", "0 issue digicert.com")]);
    let issuances = issued("example.net", &["C=US, O=Let's Encrypt, CN=R3 | example.net"]);
    let checks = [checked("example.net", "deny", Some("example.net"))];
    let evidence = Evidence { levels: &levels, checked: &checks, issuances: Some(&issuances), ..Evidence::default() };
    let findings = diagnose(&evidence);
    assert_eq!(found(&findings)[0], ("policy-denies", Severity::Error, Some("example.net")));
    assert!(findings[0].fix.as_ref().unwrap().contains("example.net. IN CAA 0 issue \"letsencrypt.org\""));
    assert!(!codes(&findings).contains(&"all-levels-fine"));
}

#[test]
fn a_failing_tld_names_the_registry_and_not_the_owner() {
    let levels = levels(&[("net", "timeout,timeout"), ("example.net", "nodata,nodata")]);
    let checks = [checked("example.net", "fail", Some("net"))];
    let findings = diagnose(&Evidence { levels: &levels, checked: &checks, ..Evidence::default() });
    assert_eq!(found(&findings)[0], ("lookup-fails", Severity::Error, Some("net")));
    assert!(findings[0].who.as_ref().unwrap().contains("registry"));
    assert_eq!(findings[0].patterns, ["p1"]);
    assert!(!codes(&findings).contains(&"all-levels-fine"));
}

#[test]
fn a_fault_of_a_registry_tells_the_owner_below_what_helps_there() {
    let broken = "servfail+negative-without-soa";
    let mut levels = levels(&[("net", broken), ("example.net", broken), ("~a.example.net", broken)]);
    let said = "Give the SOA record.";
    for (level, fix) in levels.iter_mut().zip([
        said.to_owned(),
        format!("{said} A CAA record at example.net works around it."),
        format!("{said} A CAA record at a.example.net works around it."),
    ]) {
        level.causes[0].fix = fix;
        level.causes[0].who = "the registry of net".into();
    }
    let checks = [checked("a.example.net", "fail", Some("net"))];
    let findings = diagnose(&Evidence { levels: &levels, checked: &checks, ..Evidence::default() });
    let told = findings.iter().find(|finding| finding.code == "negative-without-soa").unwrap();
    let both = "Give the SOA record. A CAA record at example.net works around it.";
    assert_eq!((told.level.as_deref(), told.fix.as_deref()), (Some("net"), Some(both)));
}

#[test]
fn a_failure_behind_a_set_does_not_count() {
    let levels =
        levels(&[("net", "servfail"), ("example.net", "0 issue letsencrypt.org"), ("a.example.net", "nodata")]);
    let checks = [checked("a.example.net", "permit", Some("example.net"))];
    let findings = diagnose(&Evidence { levels: &levels, checked: &checks, ..Evidence::default() });
    assert_eq!(found(&findings)[0], ("failure-shielded", Severity::Note, Some("net")));
    assert!(codes(&findings).contains(&"all-levels-fine"));
}

#[test]
fn a_cause_is_told_once_for_all_levels_it_breaks() {
    let broken = "servfail,servfail+caa-dropped";
    let levels = levels(&[
        ("net", "nodata,nodata"),
        ("example.net", broken),
        ("~a.example.net", broken),
        ("~b.example.net", broken),
    ]);
    let checks = [
        checked("a.example.net", "fail", Some("a.example.net")),
        checked("b.example.net", "fail", Some("b.example.net")),
    ];
    let findings = diagnose(&Evidence { levels: &levels, checked: &checks, ..Evidence::default() });
    assert_eq!(found(&findings)[0], ("caa-dropped", Severity::Error, Some("example.net")));
    assert_eq!(codes(&findings).iter().filter(|code| **code == "caa-dropped").count(), 1);
    assert!(!codes(&findings).contains(&"lookup-fails"), "the cause tells why");
    assert!(findings[0].text.contains("`a.example.net`") && findings[0].text.contains("2 of the checks"));
}

#[test]
fn failures_at_some_resolvers_are_a_warning() {
    let levels = levels(&[("net", "nodata,nodata"), ("example.net", "servfail,nodata")]);
    let checks = [checked("example.net", "permit", None)];
    let findings = diagnose(&Evidence { levels: &levels, checked: &checks, ..Evidence::default() });
    assert_eq!(found(&findings)[0], ("lookup-fails-sometimes", Severity::Warning, Some("example.net")));
    assert!(findings[0].text.contains("servfail (192.0.2.0), answered (192.0.2.1)"), "{}", findings[0].text);
}

#[test]
fn one_off_levels_that_fail_alike_are_one_finding() {
    let mut facts: Vec<(String, &str)> = vec![("net".into(), "nodata"), ("example.net".into(), "nodata")];
    facts.extend((0..8).map(|n| (format!("~n{n}.example.net"), "servfail")));
    let facts: Vec<(&str, &str)> = facts.iter().map(|(level, outcome)| (level.as_str(), *outcome)).collect();
    let findings = diagnose(&Evidence { levels: &levels(&facts), ..Evidence::default() });
    assert_eq!(codes(&findings).iter().filter(|code| **code == "lookup-fails").count(), 1);
    assert!(findings[0].text.contains("and 4 more"), "{}", findings[0].text);
}

#[test]
fn a_dead_resolver_is_not_the_domains_fault() {
    let levels = levels(&[("net", "nodata,timeout"), ("example.net", "nodata,timeout")]);
    let findings = diagnose(&Evidence { levels: &levels, ..Evidence::default() });
    assert_eq!(found(&findings)[0], ("resolver-unusable", Severity::Warning, None));
    assert!(codes(&findings).contains(&"all-levels-fine"));
}

#[test]
fn silence_that_the_name_servers_account_for_is_the_domains_fault() {
    let mut levels = levels(&[("net", "timeout+caa-dropped"), ("example.net", "timeout+caa-dropped")]);
    let first = |levels: &[LevelFacts]| {
        let findings = diagnose(&Evidence { levels, ..Evidence::default() });
        codes(&findings).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    // What a resolver or a scenario says by itself is no witness.
    assert!(first(&levels).contains(&"resolver-unusable".to_owned()));
    for cause in levels.iter_mut().flat_map(|level| &mut level.causes) {
        cause.servers.push(NamedServer { name: "ns.example".into(), address: Some([192, 0, 2, 1].into()) });
    }
    assert_eq!(first(&levels), ["caa-dropped"]);
    levels[1].causes.clear();
    assert!(first(&levels).contains(&"resolver-unusable".to_owned()));
}

#[test]
fn a_resolver_that_fails_where_another_answers_for_the_tld_is_left_aside() {
    let broken = levels(&[("net", "nodata,servfail"), ("example.net", "nodata,servfail")]);
    let findings = diagnose(&Evidence { levels: &broken, ..Evidence::default() });
    assert_eq!(found(&findings)[0], ("resolver-unusable", Severity::Warning, None));
    let domain = levels(&[("net", "nodata,nodata"), ("example.net", "servfail,servfail")]);
    let findings = diagnose(&Evidence { levels: &domain, ..Evidence::default() });
    assert_eq!(found(&findings)[0], ("lookup-fails", Severity::Error, Some("example.net")));
}

#[test]
fn missing_soa_is_believed_only_from_views_that_pass_it_on() {
    let stripping = levels(&[("net", "nosoa"), ("example.net", "nosoa")]);
    let findings = diagnose(&Evidence { levels: &stripping, ..Evidence::default() });
    assert_eq!(codes(&findings), ["all-levels-fine", "caa-missing", "resolver-strips-soa"]);
    let broken = levels(&[("net", "nodata"), ("example.net", "nosoa")]);
    let findings = diagnose(&Evidence { levels: &broken, ..Evidence::default() });
    assert_eq!(found(&findings)[0], ("negative-without-soa", Severity::Warning, Some("example.net")));
}

#[test]
fn odd_sets_are_named() {
    for (set, code, severity) in [
        ("128 tbs x", "critical-unknown-tag", Severity::Error),
        ("1 tbs x", "critical-unknown-tag", Severity::Error),
        ("0 issue letsencrypt.org.", "malformed-caa", Severity::Error),
        ("0 issue LetsEncrypt.org", "malformed-caa", Severity::Error),
    ] {
        let levels = levels(&[("net", "nodata"), ("example.net", set)]);
        let checks = [checked("example.net", "deny", Some("example.net"))];
        let findings = diagnose(&Evidence { levels: &levels, checked: &checks, ..Evidence::default() });
        assert!(found(&findings).contains(&(code, severity, Some("example.net"))), "{set}: {findings:?}");
    }
    for set in [
        "0 issue letsencrypt.org",
        "0 issue ;",
        "0 issue",
        "128 iodef mailto:a@b.example",
        "0 tbs x",
        "0 issue letsencrypt.org; validationmethods=dns-01",
    ] {
        let levels = levels(&[("net", "nodata"), ("example.net", set)]);
        let findings = diagnose(&Evidence { levels: &levels, ..Evidence::default() });
        assert_eq!(codes(&findings), ["all-levels-fine"], "{set}");
    }
}

#[test]
fn resolvers_that_read_different_sets_are_named() {
    let levels = levels(&[("net", "nodata,nodata"), ("example.net", "0 issue letsencrypt.org,nodata")]);
    let findings = diagnose(&Evidence { levels: &levels, ..Evidence::default() });
    assert_eq!(found(&findings)[0], ("resolvers-disagree", Severity::Warning, Some("example.net")));
}

#[test]
fn a_networking_error_points_at_the_ca_while_all_levels_are_fine() {
    let levels = levels(&[("net", "nodata"), ("example.net", "nodata"), ("x.example.net", "nodata")]);
    let errors =
        explain("While processing CAA for a.x.example.net: DNS problem: networking error looking up CAA for net");
    let findings = diagnose(&Evidence { levels: &levels, errors: &errors, ..Evidence::default() });
    assert_eq!(found(&findings)[0], ("ca-resolver-link", Severity::Warning, Some("net")));
    assert_eq!(findings[0].who.as_deref(), Some("The CA"));
    assert!(
        findings[0].text.contains("nothing bad about the domain")
            && findings[0].text.contains("can be looked up in this run")
    );
    assert!(codes(&findings).contains(&"all-levels-fine"));
}

#[test]
fn a_reported_failure_is_held_against_the_live_one() {
    let errors = explain(
        "DNS problem: SERVFAIL looking up CAA for example.net - the domain's nameservers may be malfunctioning",
    );
    for (outcome, code) in [("servfail", "reported-error-confirmed"), ("nodata", "reported-error-not-seen")] {
        let levels = levels(&[("net", "nodata"), ("example.net", outcome)]);
        let findings = diagnose(&Evidence { levels: &levels, errors: &errors, ..Evidence::default() });
        assert!(found(&findings).contains(&(code, Severity::Warning, Some("example.net"))), "{findings:?}");
    }
}

#[test]
fn incomplete_sources_and_unknown_issuers_are_said() {
    let issuances = issued("example.net", &["C=XX, O=Unheard Of Ltd, CN=x | example.net"]);
    let sources = [("crt.sh".to_owned(), "the service cut its answer".to_owned())];
    let findings =
        diagnose(&Evidence { issuances: Some(&issuances), sources_incomplete: &sources, ..Evidence::default() });
    assert_eq!(codes(&findings), ["source-incomplete", "issuer-unknown"]);
}

#[test]
fn no_finding_speaks_of_up_and_down() {
    let levels = levels(&[
        ("net", "servfail,nodata"),
        ("example.net", "nosoa,0 issue x.example"),
        ("~a.example.net", "nxdomain,timeout"),
    ]);
    let errors = explain("DNS problem: query timed out looking up CAA for net");
    let findings = diagnose(&Evidence { levels: &levels, errors: &errors, ..Evidence::default() });
    for finding in &findings {
        let text = format!("{} {:?}", finding.text, finding.fix);
        for word in [" higher", " lower ", " above", " upwards", " downwards"] {
            assert!(!text.contains(word), "{text}");
        }
    }
    assert!(findings.len() > 4);
}

#[test]
fn the_fixed_tail_of_a_template_is_what_all_its_names_share() {
    for (template, tail) in [
        ("*.{base32:52}.xnw6x.example.net", "xnw6x.example.net"),
        ("web{num}.example.net", "example.net"),
        ("{num}-web.a.example.net", "a.example.net"),
        ("www.{slug}.example.net", "example.net"),
        ("*.example.net", "example.net"),
        ("www.example.net", "www.example.net"),
        ("{slug}", ""),
    ] {
        assert_eq!(fixed_tail(template), tail, "{template}");
    }
}

proptest! {
    #[test]
    fn any_world_is_diagnosed_alike_twice(
        outcomes in proptest::collection::vec(0usize..7, 4), verdicts in proptest::collection::vec(0usize..12, 0..6)
    ) {
        let words = ["nodata", "nosoa", "nxdomain", "servfail,nodata", "timeout", "0 issue letsencrypt.org", "servfail+caa-dropped"];
        let places = ["net", "example.net", "x.example.net", "~a.x.example.net"];
        let facts: Vec<(&str, &str)> = places.iter().zip(&outcomes).map(|(place, word)| (*place, words[*word])).collect();
        let levels = levels(&facts);
        let checks: Vec<Checked> = verdicts.iter().map(|verdict| {
            checked("a.x.example.net", ["permit", "deny", "fail"][verdict % 3], [None, Some("net"), Some("example.net"), Some("x.example.net")][verdict / 3])
        }).collect();
        let evidence = Evidence { levels: &levels, checked: &checks, ..Evidence::default() };
        let findings = diagnose(&evidence);
        prop_assert_eq!(&findings, &diagnose(&evidence));
        prop_assert!(findings.windows(2).all(|pair| pair[0].severity <= pair[1].severity));
        let known: BTreeSet<&str> = super::super::every_code().map(|entry| entry.code).collect();
        prop_assert!(findings.iter().all(|finding| known.contains(finding.code.as_str())));
    }
}

#[test]
fn a_resolver_that_filters_is_not_taken_for_a_broken_domain() {
    let told = |code: u16, text: &str| crate::caa::Ede { code, text: text.into() };
    for (errors, expected) in [
        (vec![told(17, "on request of the parents")], Some("extended error 17, Filtered: on request of the parents")),
        (vec![told(14, "")], Some("extended error 14, Not Ready")),
        (vec![told(22, "")], None),
        (vec![], None),
    ] {
        let mut levels = levels(&[("net", "nodata"), ("example.net", "servfail")]);
        levels[1].lookups[0].1.ede = errors;
        let checks = [checked("example.net", "fail", Some("example.net"))];
        let findings = diagnose(&Evidence { levels: &levels, checked: &checks, ..Evidence::default() });
        let finding = findings.iter().find(|finding| finding.code == "lookup-fails").unwrap();
        let who = finding.who.as_deref().unwrap();
        match expected {
            Some(words) => {
                assert!(finding.text.contains(words), "{}", finding.text);
                assert_eq!((finding.severity, who), (Severity::Warning, "whoever runs 192.0.2.0"));
            }
            None => assert_eq!((finding.severity, who.starts_with("the operator")), (Severity::Error, true)),
        }
    }
}

#[test]
fn a_tld_that_does_not_exist_has_no_registry() {
    let ours = |tld: &str| {
        let name = format!("www.{tld}");
        let levels = levels(&[(tld, "nxdomain,nxdomain"), (&name, "nxdomain,nxdomain")]);
        let checks = [checked(&name, "fail", Some(tld))];
        diagnose(&Evidence { levels: &levels, checked: &checks, ..Evidence::default() }).swap_remove(0)
    };
    let misspelt = ours("nosuchtld");
    assert_eq!((misspelt.code.as_str(), misspelt.level.as_deref()), ("lookup-fails", Some("nosuchtld")));
    assert!(misspelt.who.unwrap().contains("there is no TLD `nosuchtld`"));
    assert!(misspelt.fix.unwrap().starts_with("Check the spelling."));
    // A TLD that the list knows is there, whatever the resolvers say.
    assert!(ours("net").who.unwrap().contains("the registry of `net`"));
}

#[test]
fn nothing_that_is_added_makes_up_for_an_unknown_critical_property() {
    let levels = levels(&[("net", "nodata"), ("example.net", "128 tbs x")]);
    let checks = [checked("example.net", "deny", Some("example.net"))];
    let evidence = Evidence { levels: &levels, checked: &checks, issuers_requested: true, ..Evidence::default() };
    let findings = diagnose(&evidence);
    let denied = findings.iter().find(|finding| finding.code == "policy-denies").unwrap();
    assert!(denied.fix.as_ref().unwrap().starts_with("Remove the record that is marked critical"), "{denied:?}");
}

#[test]
fn an_error_about_another_domain_is_told_as_that() {
    let levels = levels(&[("net", "nodata"), ("example.net", "nodata")]);
    let issuances = issued("example.net", &["C=US, O=Let's Encrypt, CN=R3 | example.net"]);
    let told = |level: &str| {
        let errors = explain(&format!("DNS problem: SERVFAIL looking up CAA for {level} - oops"));
        let evidence =
            Evidence { levels: &levels, issuances: Some(&issuances), errors: &errors, ..Evidence::default() };
        let findings = diagnose(&evidence);
        findings.into_iter().find(|finding| finding.code == "reported-error-not-seen").unwrap().text
    };
    assert!(told("example.org").contains("this error is about another domain"));
    assert!(!told("net").contains("another domain") && !told("www.example.net").contains("another domain"));
}

#[test]
fn a_resolver_that_fails_where_the_name_servers_answer_is_left_aside() {
    for word in ["servfail/nodata", "nxdomain/nodata"] {
        let levels = levels(&[("net", word), ("example.net", word), ("www.example.net", word)]);
        let findings = diagnose(&Evidence { levels: &levels, ..Evidence::default() });
        assert_eq!(found(&findings), [("resolver-unusable", Severity::Warning, None)], "{word}");
        assert!(findings[0].text.ends_with("asked directly, answer properly at 3 levels."), "{}", findings[0].text);
    }
    // A TLD that its own servers deny as well does not exist.
    let levels = levels(&[("nosuch", "nxdomain/nxdomain"), ("x.nosuch", "nxdomain/nxdomain")]);
    let findings = diagnose(&Evidence { levels: &levels, ..Evidence::default() });
    assert_eq!(found(&findings)[0], ("lookup-fails", Severity::Error, Some("nosuch")));
    assert!(findings[0].who.as_deref().unwrap().contains("there is no TLD"), "{findings:?}");
}

#[test]
fn a_failure_that_the_name_servers_do_not_show_is_the_resolvers_or_lies_between() {
    let levels = levels(&[("net", "nodata"), ("example.net", "timeout/nodata")]);
    let findings = diagnose(&Evidence { levels: &levels, ..Evidence::default() });
    let told = findings.iter().find(|finding| finding.code == "lookup-fails").unwrap();
    let who = told.who.as_deref().unwrap();
    assert!(
        who.starts_with("whoever runs 192.0.2.0, since the name servers answer when asked directly; else"),
        "{who}"
    );
    let fix = told.fix.as_deref().unwrap();
    assert!(fix.contains("a filter or a limit in front of the name servers") && !fix.contains("--deep"), "{fix}");
}

#[test]
fn of_resolvers_that_differ_the_one_is_named_that_the_name_servers_contradict() {
    let set = "0 issue ca.example";
    let levels = levels(&[("net", "nodata,nodata"), ("example.net", &format!("{set},nodata/{set}"))]);
    let findings = diagnose(&Evidence { levels: &levels, ..Evidence::default() });
    let told = findings.iter().find(|finding| finding.code == "resolvers-disagree").unwrap();
    assert_eq!(told.who.as_deref(), Some("whoever runs `192.0.2.1`"));
    assert!(told.text.ends_with("The name servers themselves say: `0 issue \"ca.example\"`."), "{}", told.text);
}

#[test]
fn an_soa_record_that_only_a_resolver_drops_is_not_missed_at_the_name_servers() {
    let levels = levels(&[("net", "nodata"), ("example.net", "nosoa/nodata")]);
    let findings = diagnose(&Evidence { levels: &levels, ..Evidence::default() });
    assert_eq!(codes(&findings), ["all-levels-fine", "caa-missing", "resolver-strips-soa"]);
}
