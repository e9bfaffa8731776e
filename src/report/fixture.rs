//! Reports made by hand for the tests of this room: a forum's story, the same with hostile texts, a large one.

#![allow(clippy::too_many_lines)] // one value, written out

use std::collections::BTreeMap;

use super::{
    Advice, Checked, Coverage, Dropped, LevelReport, Report, SCHEMA, SourceCoverage, Timeline, TimelineSeries, View,
    Zone, ZoneServer,
};
use crate::caa::{Cause, Code, NamedServer, Transport};
use crate::finding::{Finding, Severity};
use crate::pattern::{Forms, IssuerCount, Pattern};

const TOKEN: &str = "mxkgrdvqzlt2n5wyj3hsbc4faopu67eikmxkgrdvqzlt2n5wyj3h";

/// A level without CAA, as one resolver sees it.
pub(super) fn level(name: &str, names_below: u64, stable: bool) -> LevelReport {
    LevelReport {
        name: name.into(),
        depth: name.matches('.').count(),
        stable,
        names_below,
        public_suffix: !name.contains('.'),
        views: ["192.0.2.53", "198.51.100.53"].map(|server| view(server, "nodata", None)).into(),
        causes: Vec::new(),
    }
}

fn view(server: &str, outcome: &'static str, class: Option<&'static str>) -> View {
    View {
        server: server.into(),
        outcome,
        class,
        rcode: class.is_none().then(|| "NOERROR".into()),
        soa: class.is_none().then(|| "example.net".into()),
        ede: Vec::new(),
        records: Vec::new(),
        aliases: Vec::new(),
        authenticated: false,
        checking_disabled: None,
        rtt_ms: class.is_none().then_some(14),
        tries: if class.is_some() { 3 } else { 1 },
        transport: Transport::Udp,
        set_aside: false,
    }
}

fn cause(code: Code, who: &str, fix: &str, evidence: &str) -> Cause {
    let servers = vec![NamedServer { name: "ns1.example.net".into(), address: Some([192, 0, 2, 1].into()) }];
    Cause {
        code,
        who: who.into(),
        fix: fix.into(),
        servers,
        hides_policy: false,
        evidence: evidence.into(),
        breaks_lookup: code.breaks_lookup(),
        about_absence: code.is_about_absence(),
    }
}

pub(super) fn pattern(id: &str, template: &str, names: u64) -> Pattern {
    Pattern {
        id: id.into(),
        root: "example.net".into(),
        template: template.into(),
        regex: r"^(?:\*\.)?[a-z2-7]{52}\.xnw6x\.example\.net$".into(),
        names,
        distinct: names / 2,
        certificates: names / 2,
        wildcard: Forms { bare: 0, wildcard: 0, both: names / 2 },
        issuers: vec![IssuerCount { name: "Let's Encrypt".into(), certificates: names / 2 }],
        first_seen: "2023-11-20T08:00:00Z".parse().ok(),
        last_seen: "2023-12-21T10:00:00Z".parse().ok(),
        examples: vec![format!("{TOKEN}.xnw6x.example.net")],
        shapes: vec!["each certificate holds {a}.xnw6x.example.net and *.{a}.xnw6x.example.net, same a".into()],
        notes: vec!["Wildcard names mean the DNS-01 challenge.".into()],
        per_week: Some(1069.5),
        ..Pattern::default()
    }
}

/// The story of the forum: a flood of wildcard certificates, and a TLD that does not answer one resolver.
pub(super) fn story() -> Report {
    let mut net = level("net", 4814, true);
    net.views[0] = view("192.0.2.53", "failed", Some("timeout"));
    net.causes = vec![cause(
        Code::ServerPartlyUnreachable,
        "the registry of net",
        "report the silent addresses to the registry",
        "192.0.2.1 did not answer in 3 tries.",
    )];
    let mut middle = level("xnw6x.example.net", 4812, true);
    middle.views[1].soa = None;
    middle.causes = vec![cause(
        Code::NegativeWithoutSoa,
        "the operator of ns1.example.net",
        "answer empty questions with the SOA record",
        "198.51.100.53 sends no SOA.",
    )];
    let mut levels = vec![net, level("example.net", 4814, true), middle, level("www.example.net", 1, true)];
    levels.extend((0..8).map(|n| level(&format!("{n}{}.xnw6x.example.net", &TOKEN[1..]), 2, false)));
    let checked = (0..8)
        .map(|n| Checked {
            name: format!("{n}{}.xnw6x.example.net", &TOKEN[1..]),
            wildcard: n % 2 == 1,
            pattern: Some("p-1f0a".into()),
            issuer: Some("letsencrypt.org".into()),
            verdict: "fail",
            decided_at: Some("net".into()),
            reason: "no level closer to the name has CAA records, and the lookup at net failed: timeout".into(),
            br_failure_allowance: "possible",
        })
        .collect();
    Report {
        schema: SCHEMA,
        tool: "ctclimb 0.1.0".into(),
        time: "2023-12-21T12:00:00Z".into(),
        domain: Some("example.net".into()),
        records: 9628,
        certificates: 2408,
        names: 4814,
        patterns: vec![
            pattern("p-1f0a", "[*.]{base32:52}.xnw6x.example.net", 4812),
            Pattern {
                examples: vec!["www.example.net".into()],
                wildcard: Forms { bare: 2, wildcard: 0, both: 0 },
                ..pattern("p-2b77", "www.example.net", 2)
            },
        ],
        levels,
        checked,
        findings: vec![
            Finding {
                code: "tld-fails".into(),
                severity: Severity::Error,
                level: Some("net".into()),
                patterns: vec!["p-1f0a".into(), "p-2b77".into()],
                text: "The lookup at `net` times out at 192.0.2.53 and no level closer to the names has CAA records, so a CA that meets the same cannot issue.".into(),
                who: Some("the registry of net; the domain's owner can avoid the question".into()),
                fix: Some("Publish CAA at a level closer to the names, or wait for the registry.".into()),
            },
            Finding {
                code: "negative-without-soa".into(),
                severity: Severity::Warning,
                level: Some("xnw6x.example.net".into()),
                patterns: vec!["p-1f0a".into()],
                text: "Empty answers of 198.51.100.53 lack the SOA record; strict resolvers fail on that.".into(),
                who: Some("the operator of ns1.example.net".into()),
                fix: Some("Answer empty questions with the SOA record of the zone.".into()),
            },
        ],
        advice: vec![
            Advice {
                level: "example.net".into(),
                decides_names: 4814,
                decides_certificates: 2408,
                cures: vec!["net".into()],
                leaves: vec![],
                records: vec!["example.net. IN CAA 0 issue \"letsencrypt.org\"".into()],
                warnings: vec!["Every CA that is not listed is refused from then on.".into()],
            },
            Advice {
                level: "xnw6x.example.net".into(),
                decides_names: 4812,
                decides_certificates: 2406,
                cures: vec!["net".into()],
                leaves: vec![],
                records: vec!["xnw6x.example.net. IN CAA 0 issue \"letsencrypt.org\"".into()],
                warnings: vec![],
            },
        ],
        timeline: Some(Timeline {
            start: "2023-11-20".into(),
            patterns: vec![
                TimelineSeries { key: "p-1f0a".into(), weeks: vec![310, 420, 505, 611, 560] },
                TimelineSeries { key: "p-2b77".into(), weeks: vec![1, 0, 0, 0, 1] },
            ],
            issuers: vec![TimelineSeries { key: "Let's Encrypt".into(), weeks: vec![311, 420, 505, 611, 561] }],
        }),
        zones: vec![Zone {
            name: "example.net".into(),
            dnssec: "insecure",
            servers: [("ns1.example.net", "192.0.2.1"), ("ns2.example.net", "2001:db8::2")]
                .map(|(name, address)| ZoneServer {
                    name: name.into(),
                    address: address.into(),
                    probes: BTreeMap::from([
                        ("control example.net".to_owned(), "records, 9 ms".to_owned()),
                        ("caa example.net".to_owned(), "nodata, no soa, 11 ms".to_owned()),
                    ]),
                })
                .into(),
        }],
        coverage: Coverage {
            complete: false,
            sources: vec![SourceCoverage {
                name: "crt.sh".into(),
                kind: "crt.sh json".into(),
                requests: 7,
                records: 9628,
                certificates: 2408,
                truncated: true,
                error: Some("the service did not finish within 60 s; certificates before 2023-11-20 are missing".into()),
                ..SourceCoverage::default()
            }],
            dropped: BTreeMap::from([("email".into(), Dropped { count: 3, example: "admin@example.net".into() })]),
            levels_asked: 12,
            levels_inferred: 0,
            queries: 26,
            sampled: 4804,
            notes: vec!["DNS was asked from one place only.".into()],
        },
    }
}

/// What an attacker would put wherever a text comes from outside.
pub(super) const HOSTILE: &str = "=1+1\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m`|\n| # <script>alert(1)</script> </script>\u{202e}gpj\u{200b} ![x](http://evil.example/x.png) @admin [/details] ``` \u{2028}&lt; '\"";

/// The story with [`HOSTILE`] in every text that comes from names, records, replies or services.
pub(super) fn hostile() -> Report {
    filled(HOSTILE)
}

/// The story with one text in every place where a text comes from names, records, replies or services.
pub(super) fn filled(text: &str) -> Report {
    let mut report = story();
    let bad = || text.to_owned();
    report.domain = Some(bad());
    for pattern in &mut report.patterns {
        pattern.root = bad();
        pattern.template = bad();
        pattern.regex = bad();
        pattern.examples = vec![bad()];
        pattern.issuers[0].name = bad();
        pattern.shapes = vec![bad()];
        pattern.notes = vec![bad()];
    }
    report.levels[0].name = bad();
    for level in &mut report.levels {
        for view in &mut level.views {
            view.server = bad();
            view.rcode = Some(bad());
            view.soa = Some(bad());
            view.records = vec![bad()];
            view.aliases = vec![bad()];
            view.ede = vec![crate::caa::Ede { code: 22, text: bad() }];
        }
        for cause in &mut level.causes {
            cause.who = bad();
            cause.servers = vec![NamedServer { name: bad(), address: None }];
            cause.evidence = bad();
            cause.fix = bad();
        }
    }
    for check in &mut report.checked {
        check.name = bad();
        check.issuer = Some(bad());
        check.decided_at = Some(bad());
        check.reason = bad();
    }
    for finding in &mut report.findings {
        finding.level = Some(bad());
        finding.text = bad();
        finding.who = Some(bad());
        finding.fix = Some(bad());
    }
    for advice in &mut report.advice {
        advice.level = bad();
        advice.cures = vec![bad()];
        advice.leaves = vec![bad()];
        advice.records = vec![bad()];
        advice.warnings = vec![bad()];
    }
    for zone in &mut report.zones {
        zone.name = bad();
        for server in &mut zone.servers {
            server.name = bad();
            server.address = bad();
            server.probes = BTreeMap::from([(bad(), bad())]);
        }
    }
    if let Some(timeline) = &mut report.timeline {
        for series in timeline.issuers.iter_mut().chain(&mut timeline.patterns) {
            series.key = bad();
        }
    }
    let coverage = &mut report.coverage;
    coverage.sources[0].name = bad();
    coverage.sources[0].kind = bad();
    coverage.sources[0].error = Some(bad());
    coverage.dropped = BTreeMap::from([(bad(), Dropped { count: 1, example: bad() })]);
    coverage.notes = vec![bad()];
    report
}

/// Many of everything.
pub(super) fn large(patterns: usize) -> Report {
    let mut report = story();
    report.patterns = (0..patterns)
        .map(|n| {
            pattern(&format!("p-{n:05x}"), &format!("*.{{base32:52}}.cell{n}.example.net"), 1 + (patterns - n) as u64)
        })
        .collect();
    report.levels.extend((0..patterns).map(|n| level(&format!("cell{n}.example.net"), 2, true)));
    let checks: Vec<Checked> = (0..patterns)
        .map(|n| Checked {
            name: format!("x.cell{n}.example.net"),
            pattern: Some(format!("p-{n:05x}")),
            ..report.checked[0].clone()
        })
        .collect();
    report.checked.extend(checks);
    let findings: Vec<Finding> = (0..patterns)
        .map(|n| Finding { level: Some(format!("cell{n}.example.net")), ..report.findings[1].clone() })
        .collect();
    report.findings.extend(findings);
    report
}
