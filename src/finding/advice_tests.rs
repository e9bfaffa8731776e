use super::super::story::{issued, levels, name};
use super::*;

const LE: &str = "C=US, O=Let's Encrypt, CN=R3";

fn advice(certificates: &[&str], facts: &[(&str, &str)]) -> Vec<Advice> {
    let issuances = issued("example.net", certificates);
    let levels = levels(facts);
    advise(&Grounds { issuances: &issuances, levels: &levels, reported: &[], issuers: &[], incomplete: false })
}

fn places(advice: &[Advice]) -> Vec<&str> {
    advice.iter().map(|advice| advice.level.as_str()).collect()
}

fn flood() -> Vec<String> {
    let mut lines: Vec<String> = (0..20).map(|n| format!("{LE} | n{n}.x.example.net *.n{n}.x.example.net")).collect();
    lines.push(format!("{LE} | www.example.net example.net"));
    lines
}

const CALM_LEVELS: [(&str, &str); 4] =
    [("net", "nodata"), ("example.net", "nodata"), ("x.example.net", "nodata"), ("~n1.x.example.net", "nodata")];

#[test]
fn a_failing_tld_is_hidden_best_where_most_names_are_decided() {
    let flood = flood();
    let lines: Vec<&str> = flood.iter().map(String::as_str).collect();
    let mut facts = CALM_LEVELS;
    facts[0].1 = "timeout,nodata";
    let advice = advice(&lines, &facts);
    assert_eq!(places(&advice), ["example.net", "x.example.net"]);
    assert_eq!((advice[0].decides_names, advice[0].decides_certificates), (42, 21));
    assert_eq!((advice[1].decides_names, advice[1].decides_certificates), (40, 20));
    assert_eq!(advice[0].cures, ["net"]);
    assert!(
        advice[0].warnings[0].contains("50 % of the checks") && advice[0].warnings[0].contains("100 % with it"),
        "{:?}",
        advice[0].warnings
    );
    assert_eq!(advice[0].records, ["example.net. IN CAA 0 issue \"letsencrypt.org\""]);
    assert!(advice[0].warnings.iter().any(|line| line.contains("not the speed")), "{:?}", advice[0].warnings);
    assert!(
        advice[1].warnings.iter().any(|line| line.contains("A DNS wildcard record below it (`*.`) is no help")),
        "{:?}",
        advice[1].warnings
    );
    assert!(advice[0].warnings.iter().any(|line| line.contains("covers wildcard names")), "{:?}", advice[0].warnings);
}

#[test]
fn a_failure_at_the_registered_domain_leaves_the_level_closer_to_the_names() {
    let flood = flood();
    let lines: Vec<&str> = flood.iter().map(String::as_str).collect();
    let mut facts = CALM_LEVELS;
    facts[0].1 = "servfail,servfail";
    facts[1].1 = "servfail,servfail";
    let advice = advice(&lines, &facts);
    assert_eq!(places(&advice), ["x.example.net", "example.net"]);
    assert_eq!(advice[0].cures, ["example.net", "net"]);
    assert_eq!(
        (&advice[1].cures[..], &advice[1].leaves[..]),
        (&["net".to_owned()][..], &["example.net".to_owned()][..])
    );
}

#[test]
fn missing_soa_at_the_level_itself_is_cured_by_a_record_there() {
    let advice = advice(
        &[&format!("{LE} | a.example.net")],
        &[("net", "nodata"), ("example.net", "servfail+negative-without-soa"), ("~a.example.net", "nodata")],
    );
    assert_eq!((places(&advice), &advice[0].cures[..]), (vec!["example.net"], &["example.net".to_owned()][..]));
}

#[test]
fn every_issuer_seen_is_listed_and_an_unknown_one_is_named_not_guessed() {
    let advice = advice(
        &[
            &format!("{LE} | a.example.net"),
            "C=US, O=DigiCert Inc, CN=GeoTrust TLS RSA CA G1 | b.example.net",
            "C=XX, O=Unheard Of Ltd, CN=Unheard CA 1 | c.example.net",
        ],
        &[("net", "servfail"), ("example.net", "nodata")],
    );
    assert_eq!(
        advice[0].records,
        ["example.net. IN CAA 0 issue \"digicert.com\"", "example.net. IN CAA 0 issue \"letsencrypt.org\""]
    );
    assert!(
        advice[0].warnings.iter().any(|line| line.contains("Not listed, so denied: `C=XX, O=Unheard Of Ltd")),
        "{:?}",
        advice[0].warnings
    );
}

#[test]
fn nobody_is_told_to_publish_where_they_cannot() {
    let facts = [("net", "servfail"), ("example.net", "alias"), ("x.example.net", "nodata")];
    assert_eq!(places(&advice(&[&format!("{LE} | a.x.example.net")], &facts)), ["x.example.net"]);
    let issuances = issued("me.github.io", &[&format!("{LE} | me.github.io a.me.github.io")]);
    let levels = levels(&[("io", "servfail"), ("github.io", "nodata"), ("me.github.io", "nodata")]);
    let grounds = Grounds { issuances: &issuances, levels: &levels, reported: &[], issuers: &[], incomplete: false };
    assert_eq!(places(&advise(&grounds)), ["me.github.io"]);
}

#[test]
fn existing_sets_are_respected() {
    let certificates = [format!("{LE} | a.x.example.net"), format!("{LE} | b.example.net")];
    let certificates = certificates.each_ref().map(String::as_str);
    // A set closer to the name decides for it already.
    let advised = advice(
        &certificates,
        &[("net", "servfail"), ("example.net", "nodata"), ("x.example.net", "0 issue ca.example")],
    );
    assert_eq!((places(&advised), advised[0].decides_names), (vec!["example.net"], 1));
    assert!(advised[0].warnings.iter().any(|line| line.contains("`x.example.net` have CAA sets of their own")));
    // A set towards the TLD is repeated, not widened, and only where something fails before it.
    let mut facts = [
        ("net", "nodata"),
        ("example.net", "0 issue ca.example"),
        ("x.example.net", "nodata"),
        ("a.x.example.net", "nodata"),
    ];
    assert_eq!(advice(&certificates, &facts), []);
    facts[2].1 = "servfail";
    let advised = advice(&certificates, &facts);
    assert_eq!(places(&advised), ["a.x.example.net"]);
    assert_eq!(advised[0].records, ["a.x.example.net. IN CAA 0 issue \"ca.example\""]);
}

#[test]
fn a_level_that_an_error_named_counts_although_it_answers_now() {
    let issuances = issued("example.net", &[&format!("{LE} | a.example.net")]);
    let levels = levels(&[("net", "nodata"), ("example.net", "nodata")]);
    let reported = [name("net")];
    let grounds =
        Grounds { issuances: &issuances, levels: &levels, reported: &reported, issuers: &[], incomplete: false };
    assert_eq!(advise(&grounds)[0].cures, ["net"]);
}

#[test]
fn when_nothing_fails_advice_says_so() {
    let flood = flood();
    let lines: Vec<&str> = flood.iter().map(String::as_str).collect();
    let advice = advice(&lines, &CALM_LEVELS);
    assert_eq!(places(&advice), ["example.net", "x.example.net"]);
    assert!(
        advice
            .iter()
            .all(|advice| advice.cures.is_empty() && advice.warnings[0].starts_with("No failure lies between"))
    );
}

#[test]
fn names_without_issuers_get_the_levels_but_no_guessed_record() {
    let advised = advice(&[" | a.example.net"], &[("net", "servfail"), ("example.net", "nodata")]);
    assert_eq!(advised[0].records, Vec::<String>::new());
    assert!(
        advised[0].warnings.iter().any(|line| line.contains("No CAA domain is known")),
        "{:?}",
        advised[0].warnings
    );
}

#[test]
fn where_no_set_can_help_none_is_proposed() {
    let facts = [("net", "nodata"), ("example.net", "timeout"), ("~a.example.net", "timeout")];
    assert_eq!(advice(&[&format!("{LE} | a.example.net")], &facts), []);
}
