use super::super::story::levels;
use super::super::{Evidence, Severity, diagnose};
use crate::pattern::{Observation, Pattern, Settings, Summary, learn};

/// Wildcard names with one-off labels below one constant label, `count` a week over ten weeks.
fn flood(weekly: i32) -> Vec<Pattern> {
    let mut summary = Summary::new();
    let issuer = summary.issuer("C=US, O=Let's Encrypt, CN=R3");
    for number in 0..i64::from(weekly) * 10 {
        let seed = u64::try_from(number).unwrap().wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let label: String = (0..20u32)
            .map(|at| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(seed.rotate_left(at * 7) % 32) as usize]))
            .collect();
        let name = format!("{label}.xnw6x.example.net");
        for wildcard in [false, true] {
            let start = 1_700_000_000 + number * 604_800 / i64::from(weekly);
            summary.add(&Observation {
                certificate: Some(seed),
                issuer: Some(issuer),
                not_before: Some(start),
                not_after: Some(start + 90 * 86_400),
                ..Observation::of_name(&name, wildcard)
            });
        }
    }
    let mut patterns = learn(&summary, &Settings::default()).patterns;
    for pattern in &mut patterns {
        pattern.per_week = Some(f64::from(weekly));
    }
    patterns
}

fn texts(patterns: &[Pattern]) -> Vec<(String, String)> {
    let levels = levels(&[("net", "nodata"), ("example.net", "nodata")]);
    let findings = diagnose(&Evidence { levels: &levels, patterns, ..Evidence::default() });
    assert!(findings.iter().all(|finding| finding.severity == Severity::Note), "{findings:?}");
    findings.into_iter().map(|finding| (finding.code, finding.text)).collect()
}

#[test]
fn a_flood_of_wildcards_tells_the_method_the_shared_level_and_the_limit() {
    let told = texts(&flood(200));
    let of = |code: &str| told.iter().find(|(known, _)| known == code).map(|(_, text)| text.as_str());
    assert!(of("wildcard-means-dns-01").unwrap().contains("DNS-01"), "{told:?}");
    assert!(of("leaf-record-pointless").unwrap().contains("`xnw6x.example.net`"), "{told:?}");
    assert!(of("new-names-limit").unwrap().starts_with("About 200 certificates with new names a week"), "{told:?}");
    assert!(of("new-names-limit").unwrap().contains("more than the 50"), "{told:?}");
}

#[test]
fn few_new_names_are_within_the_limit() {
    let told = texts(&flood(10));
    assert!(told.iter().all(|(code, _)| code != "new-names-limit"), "{told:?}");
}
