//! The same report without the domain's name: the registered domain and opaque labels are replaced, alike everywhere.
//!
//! A transform from [`Report`] to [`Report`], so it serves every format. What stays: public suffixes, common host
//! words, names and addresses of others, counts and times. The real names are not kept anywhere in the result.

mod names;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Report;
use crate::name::{SuffixKind, public_suffix, registered_domain};

/// The report with names, ids and accounts that lead to the domain replaced.
#[must_use]
pub fn redact(report: &Report) -> Report {
    let mut redactor = Redactor::of(report);
    let mut report = report.clone();
    redactor.walk(&mut report);
    report
}

struct Redactor {
    /// Registered domain to what stands for it.
    domains: BTreeMap<String, String>,
    /// Opaque label to what stands for it.
    labels: BTreeMap<String, String>,
    /// Pattern id to what stands for it.
    ids: BTreeMap<String, String>,
    /// Addresses of the domain's own servers to documentation addresses.
    addresses: BTreeMap<IpAddr, IpAddr>,
    /// The label under the public suffix of each domain, in lower case, as A-label and as letters.
    brands: Vec<String>,
    /// Names of input files, longest first, to what stands for them: a file's name is whatever somebody called it.
    files: Vec<(String, String)>,
}

/// Domains whose labels are looked for inside other words too.
const BRANDS: usize = 64;

/// The domain that tells whose a name is: below a platform's suffix the customer's, else the registered one.
fn own_domain(name: &str) -> Option<&str> {
    let (suffix, kind) = public_suffix(name);
    let left = name.strip_suffix(suffix).and_then(|left| left.strip_suffix('.'));
    match left {
        Some(left) if kind == SuffixKind::Private => Some(&name[left.rfind('.').map_or(0, |dot| dot + 1)..]),
        _ => registered_domain(name),
    }
}

/// What of the domains tells whose they are, in whatever company it stands.
fn brands(domains: &BTreeMap<String, String>) -> Vec<String> {
    let mut brands = Vec::new();
    for domain in domains.keys().take(BRANDS) {
        let label = domain.split_once('.').map_or(domain.as_str(), |(label, _)| label);
        let unicode = super::idn::unicode_form(domain);
        let unicode = unicode.as_deref().and_then(|form| form.split_once('.')).map(|(label, _)| label.to_owned());
        brands.extend([label.to_owned()].into_iter().chain(unicode).filter(|label| !names::is_common(label)));
    }
    brands
}

impl Redactor {
    /// Learns what there is to hide, in the order in which the report has it.
    fn of(report: &Report) -> Self {
        let mut names: Vec<&str> = report.domain.as_deref().into_iter().collect();
        names.extend(report.patterns.iter().map(|pattern| pattern.root.as_str()));
        names.extend(report.levels.iter().map(|level| level.name.as_str()));
        names.extend(report.checked.iter().map(|check| check.name.as_str()));
        let mut domains = BTreeMap::new();
        for domain in names.iter().filter_map(|name| own_domain(name)) {
            let suffix = domain.split_once('.').map_or("", |(_, suffix)| suffix);
            let number = domains.len() + 1;
            let stand_in = if number == 1 { "example".to_owned() } else { format!("example-{number}") };
            domains.entry(domain.to_owned()).or_insert_with(|| format!("{stand_in}.{suffix}"));
        }
        let ids =
            report.patterns.iter().enumerate().map(|(at, p)| (p.id.clone(), format!("pattern-{}", at + 1))).collect();
        let inputs = report.coverage.sources.iter().filter(|source| source.requests == 0).enumerate();
        let mut files: Vec<(String, String)> =
            inputs.map(|(at, source)| (source.name.clone(), format!("input {}", at + 1))).collect();
        files.retain(|(name, _)| !name.is_empty());
        files.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let mut redactor =
            Self { brands: brands(&domains), domains, labels: BTreeMap::new(), ids, addresses: BTreeMap::new(), files };
        redactor.learn_addresses(report);
        redactor
    }

    fn learn_addresses(&mut self, report: &Report) {
        let zones = report.zones.iter().flat_map(|zone| &zone.servers);
        let causes = report.levels.iter().flat_map(|level| &level.causes).flat_map(|cause| &cause.servers);
        let servers = zones
            .filter_map(|server| Some((server.name.as_str(), server.address.parse().ok()?)))
            .chain(causes.filter_map(|server| Some((server.name.as_str(), server.address?))));
        let own: BTreeSet<IpAddr> =
            servers.filter(|(name, _)| self.hidden_domain(name).is_some()).map(|(_, address)| address).collect();
        for (at, address) in own.into_iter().enumerate() {
            let at = u16::try_from(at).unwrap_or(u16::MAX);
            let stand_in = match address {
                IpAddr::V4(_) => IpAddr::from([203, 0, 113, u8::try_from(at % 254 + 1).unwrap_or(1)]),
                IpAddr::V6(_) => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, at.saturating_add(1)]),
            };
            self.addresses.insert(address, stand_in);
        }
    }

    fn list(&mut self, texts: &mut [String]) {
        for text in texts {
            *text = self.text(text);
        }
    }

    fn option(&mut self, text: &mut Option<String>) {
        if let Some(text) = text {
            *text = self.text(text);
        }
    }

    fn walk(&mut self, report: &mut Report) {
        self.option(&mut report.domain);
        // Names before the texts that speak of them, so that every opaque label is known.
        for level in &mut report.levels {
            level.name = self.text(&level.name);
        }
        for check in &mut report.checked {
            check.name = self.text(&check.name);
        }
        for pattern in &mut report.patterns {
            pattern.root = self.text(&pattern.root);
            pattern.template = self.text(&pattern.template);
            self.list(&mut pattern.examples);
            for column in &mut pattern.columns {
                let values: Vec<String> = column.values.iter().map(|value| self.fixed_part(value)).collect();
                for (value, stand_in) in column.values.iter().zip(&values) {
                    column.shown = column.shown.replace(value.as_str(), stand_in);
                }
                column.values = values;
                column.shown = self.text(&column.shown);
                column.reason = self.text(&column.reason);
            }
            for level in &mut pattern.levels {
                level.template = self.text(&level.template);
            }
        }
        for pattern in &mut report.patterns {
            pattern.regex = self.regex(&pattern.regex);
            self.list(&mut pattern.shapes);
            self.list(&mut pattern.notes);
            pattern.id = self.text(&pattern.id);
            for issuer in &mut pattern.issuers {
                issuer.name = self.text(&issuer.name);
            }
        }
        self.walk_lookups(report);
        self.walk_actions(report);
        self.walk_coverage(report);
    }

    fn walk_lookups(&mut self, report: &mut Report) {
        for level in &mut report.levels {
            for view in &mut level.views {
                view.server = self.text(&view.server);
                self.option(&mut view.rcode);
                self.option(&mut view.soa);
                self.list(&mut view.records);
                self.list(&mut view.aliases);
                for ede in &mut view.ede {
                    ede.text = self.text(&ede.text);
                }
            }
            for cause in &mut level.causes {
                for server in &mut cause.servers {
                    server.name = self.text(&server.name);
                    server.address = server.address.map(|address| *self.addresses.get(&address).unwrap_or(&address));
                }
                cause.who = self.text(&cause.who);
                cause.fix = self.text(&cause.fix);
                cause.evidence = self.text(&cause.evidence);
            }
        }
        for zone in &mut report.zones {
            zone.name = self.text(&zone.name);
            for server in &mut zone.servers {
                server.name = self.text(&server.name);
                server.address = self.text(&server.address);
                let probes = std::mem::take(&mut server.probes);
                server.probes = probes.iter().map(|(probe, result)| (self.text(probe), self.text(result))).collect();
            }
        }
    }

    fn walk_actions(&mut self, report: &mut Report) {
        for check in &mut report.checked {
            self.option(&mut check.pattern);
            self.option(&mut check.decided_at);
            self.option(&mut check.issuer);
            check.reason = self.text(&check.reason);
        }
        for finding in &mut report.findings {
            self.option(&mut finding.level);
            self.list(&mut finding.patterns);
            finding.text = self.text(&finding.text);
            self.option(&mut finding.who);
            self.option(&mut finding.fix);
        }
        for advice in &mut report.advice {
            advice.level = self.text(&advice.level);
            self.list(&mut advice.cures);
            self.list(&mut advice.leaves);
            self.list(&mut advice.records);
            self.list(&mut advice.warnings);
        }
        if let Some(timeline) = &mut report.timeline {
            for series in timeline.patterns.iter_mut().chain(&mut timeline.issuers) {
                series.key = self.text(&series.key);
            }
        }
    }

    fn walk_coverage(&mut self, report: &mut Report) {
        let coverage = &mut report.coverage;
        for source in &mut coverage.sources {
            source.name = self.text(&source.name);
            source.kind = self.text(&source.kind);
            self.option(&mut source.error);
            self.option(&mut source.query);
        }
        let dropped = std::mem::take(&mut coverage.dropped);
        coverage.dropped = dropped
            .into_iter()
            .map(|(class, dropped)| {
                let class = self.text(&class);
                (class.clone(), super::Dropped { example: format!("({class})"), ..dropped })
            })
            .collect();
        self.list(&mut coverage.notes);
    }
}

#[cfg(test)]
mod tests {
    use super::names::is_opaque;
    use super::*;
    use crate::report::fixture::{filled, story};
    use crate::report::{Format, SourceCoverage, Style, write};

    const TELLING: &str = "ns1.qv7zk.zanzibarfruit.co.uk ZANZIBARFRUIT.CO.UK (192.0.2.1) and qv7zk; \
        joe.doe@zanzibarfruit.co.uk; O=ZanzibarFruit Ltd, CN=Zanzibarfruits CA; zanzibarfruit.dns.example; \
        accounturi=https://acme.example/acct/987654; /home/zanzibarfruit/dump.json";
    const SECRETS: [&str; 5] = ["zanzibarfruit", "qv7zk", "987654", "192.0.2.1", "joe.doe"];

    /// The story, told of a domain with a name that occurs nowhere else, which every text gives away.
    fn secret() -> Report {
        let mut report = filled(TELLING);
        let here = |name: &str| name.replace("xnw6x", "qv7zk").replace("example.net", "zanzibarfruit.co.uk");
        let plain = story();
        report.domain = Some("zanzibarfruit.co.uk".into());
        for (level, told) in report.levels.iter_mut().zip(&plain.levels) {
            level.name = here(&told.name);
        }
        for (check, told) in report.checked.iter_mut().zip(&plain.checked) {
            check.name = here(&told.name);
        }
        for (pattern, told) in report.patterns.iter_mut().zip(&plain.patterns) {
            pattern.root = "zanzibarfruit.co.uk".into();
            pattern.template = here(&told.template);
            pattern.regex = told.regex.replace("xnw6x", "qv7zk").replace(r"example\.net", r"zanzibarfruit\.co\.uk");
        }
        for (advice, told) in report.advice.iter_mut().zip(&plain.advice) {
            advice.records = told.records.iter().map(|record| here(record)).collect();
        }
        report.coverage.sources.push(SourceCoverage {
            name: "zanzibarfruit-dump.json".into(),
            kind: TELLING.into(),
            error: Some("zanzibarfruit-dump.json ends early".into()),
            ..SourceCoverage::default()
        });
        report.zones[0].servers[0].name = "ns1.zanzibarfruit.co.uk".into();
        report.zones[0].servers[0].address = "192.0.2.1".into();
        report
    }

    fn render(report: &Report, format: Format) -> String {
        let mut bytes = Vec::new();
        write(report, format, &Style { rows: 1000, max_chars: 1_000_000, ..Style::default() }, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap().to_lowercase()
    }

    #[test]
    fn nothing_of_the_domain_is_left_in_any_format() {
        let report = secret();
        for format in Format::ALL {
            assert!(render(&report, format).contains("zanzibarfruit"));
            let redacted = render(&redact(&report), format);
            for secret in SECRETS {
                // An address that is the beginning of another one tells nothing.
                let found = redacted
                    .match_indices(secret)
                    .find(|(at, _)| !redacted[at + secret.len()..].starts_with(|c: char| c.is_ascii_digit()));
                let around = found.map(|(at, _)| &redacted[at.saturating_sub(80)..(at + 60).min(redacted.len())]);
                assert_eq!(around, None, "{format:?} {secret}");
            }
            assert!(redacted.contains("example.co.uk"), "{format:?}");
        }
    }

    /// Every text of the report is either one of ours or gave the domain away before: no field is forgotten.
    #[test]
    fn the_test_gives_the_domain_away_in_every_field() {
        const OURS: [&str; 20] = [
            "schema",
            "tool",
            "time",
            "first_seen",
            "last_seen",
            "outcome",
            "class",
            "transport",
            "code",
            "verdict",
            "br_failure_allowance",
            "severity",
            "start",
            "dnssec",
            "id",
            "checking_disabled",
            "address",
            "alphabet",
            "pattern",
            "patterns",
        ];
        fn silent(value: &serde_json::Value, key: &str, found: &mut Vec<String>) {
            match value {
                serde_json::Value::String(text) => {
                    let lower = text.to_lowercase();
                    if !OURS.contains(&key) && !SECRETS.iter().any(|secret| lower.contains(secret)) {
                        found.push(format!("{key}: {text}"));
                    }
                }
                serde_json::Value::Array(list) => list.iter().for_each(|value| silent(value, key, found)),
                serde_json::Value::Object(map) => map.iter().for_each(|(key, value)| silent(value, key, found)),
                _ => {}
            }
        }
        let mut bytes = Vec::new();
        write(&secret(), Format::Json, &Style::default(), &mut bytes).unwrap();
        let mut found = Vec::new();
        silent(&serde_json::from_slice(&bytes).unwrap(), "", &mut found);
        // Public suffixes stay.
        found.retain(|text| text != "name: net");
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn a_customer_of_a_platform_is_hidden_too() {
        let mut report = story();
        report.domain = Some("melon.github.io".into());
        report.levels[1].name = "www.melon.github.io".into();
        report.coverage.notes = vec!["melon.github.io, seen at github.io".into()];
        let redacted = redact(&report);
        assert_eq!(redacted.levels[1].name, "www.example.github.io");
        assert_eq!(redacted.coverage.notes, ["example.github.io, seen at github.io"]);
    }

    #[test]
    fn short_labels_are_replaced_as_words_only() {
        let mut report = story();
        report.domain = Some("ab.com".into());
        report.levels[1].name = "ab.com".into();
        report.coverage.notes = vec!["About Ab and ab.com: absolutely AB-2.".into()];
        assert_eq!(redact(&report).coverage.notes, ["About example and example.com: absolutely example-2."]);
    }

    #[test]
    fn the_same_label_becomes_the_same_everywhere() {
        let redacted = redact(&secret());
        let middle = redacted.levels.iter().find(|level| level.depth == 2 && level.names_below == 4812).unwrap();
        let label = middle.name.split('.').next().unwrap();
        assert_eq!(redacted.patterns[0].template, format!("[*.]{{base32:52}}.{label}.example.co.uk"));
        assert_eq!(redacted.patterns[0].regex, format!(r"^(?:\*\.)?[a-z2-7]{{52}}\.{label}\.example\.co\.uk$"));
        assert_eq!(redacted.advice[1].records, [format!("{label}.example.co.uk. IN CAA 0 issue \"letsencrypt.org\"")]);
        assert!(redacted.coverage.notes[0].contains("203.0.113.1"), "{:?}", redacted.coverage.notes);
    }

    #[test]
    fn words_stay_and_tokens_go() {
        for (label, opaque) in [
            ("www", false),
            ("_acme-challenge", false),
            ("eu-west-1", false),
            ("node12", false),
            ("7", false),
            ("xnw6x", true),
            ("customername", true),
            ("mxkgrdvqzlt2n5wyj3h", true),
            ("1234567", true),
        ] {
            assert_eq!(is_opaque(label), opaque, "{label}");
        }
    }
}
