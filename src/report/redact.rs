//! The same report without the domain's name: the registered domain and opaque labels are replaced, alike everywhere.
//!
//! A transform from [`Report`] to [`Report`], so it serves every format. What stays: public suffixes, common host
//! words, names and addresses of others, counts and times. The real names are not kept anywhere in the result.

#![allow(clippy::format_push_string, clippy::format_collect)] // a few hundred short texts; the plain form reads best

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Report;
use crate::name::registered_domain;

/// Host words that tell nothing about whose they are.
const COMMON: [&str; 48] = [
    "www",
    "www1",
    "www2",
    "mail",
    "smtp",
    "imap",
    "pop",
    "mx",
    "webmail",
    "autodiscover",
    "autoconfig",
    "ftp",
    "ns",
    "ns1",
    "ns2",
    "ns3",
    "ns4",
    "dns",
    "api",
    "app",
    "apps",
    "cdn",
    "static",
    "assets",
    "img",
    "images",
    "blog",
    "shop",
    "dev",
    "test",
    "stage",
    "staging",
    "prod",
    "demo",
    "beta",
    "admin",
    "portal",
    "vpn",
    "remote",
    "login",
    "auth",
    "sso",
    "git",
    "status",
    "docs",
    "help",
    "support",
    "cloud",
];

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
}

impl Redactor {
    /// Learns what there is to hide, in the order in which the report has it.
    fn of(report: &Report) -> Self {
        let mut names: Vec<&str> = report.domain.as_deref().into_iter().collect();
        names.extend(report.patterns.iter().map(|pattern| pattern.root.as_str()));
        names.extend(report.levels.iter().map(|level| level.name.as_str()));
        names.extend(report.checked.iter().map(|check| check.name.as_str()));
        let mut domains = BTreeMap::new();
        for domain in names.iter().filter_map(|name| registered_domain(name)) {
            let suffix = domain.split_once('.').map_or("", |(_, suffix)| suffix);
            let number = domains.len() + 1;
            let stand_in = if number == 1 { "example".to_owned() } else { format!("example-{number}") };
            domains.entry(domain.to_owned()).or_insert_with(|| format!("{stand_in}.{suffix}"));
        }
        let ids =
            report.patterns.iter().enumerate().map(|(at, p)| (p.id.clone(), format!("pattern-{}", at + 1))).collect();
        let mut redactor = Self { domains, labels: BTreeMap::new(), ids, addresses: BTreeMap::new() };
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

    /// The registered domain a name lies in, if it is one to hide.
    fn hidden_domain(&self, name: &str) -> Option<&str> {
        let lower = name.trim_end_matches('.').to_ascii_lowercase();
        let mut rest = lower.as_str();
        loop {
            if let Some((domain, _)) = self.domains.get_key_value(rest) {
                return Some(domain);
            }
            rest = rest.split_once('.')?.1;
        }
    }

    /// A name at or below a hidden domain with its labels replaced; others as they are.
    fn name(&mut self, name: &str) -> String {
        let Some(domain) = self.hidden_domain(name).map(str::to_owned) else { return name.to_owned() };
        let body = name.trim_end_matches('.');
        let dot = &name[body.len()..];
        let stand_in = self.domains.get(&domain).cloned().unwrap_or_default();
        let labels = body[..body.len() - domain.len()].trim_end_matches('.');
        let labels: Vec<String> =
            labels.split('.').filter(|label| !label.is_empty()).map(|label| self.label(label)).collect();
        let dotted: String = labels.iter().map(|label| format!("{label}.")).collect();
        format!("{dotted}{stand_in}{dot}")
    }

    fn label(&mut self, label: &str) -> String {
        // Braces hold a description of labels, not a label; around them there may be one.
        if label.contains(['{', '}', '*', '[', ']', '(', ')', '\\']) {
            return self.template_label(label);
        }
        if is_opaque(label) { self.stand_in(label) } else { label.to_owned() }
    }

    fn stand_in(&mut self, label: &str) -> String {
        let number = self.labels.len() + 1;
        self.labels.entry(label.to_ascii_lowercase()).or_insert_with(|| format!("label-{number}")).clone()
    }

    /// A label of a template: the parts outside braces are labels or their ends; listed values are hidden too.
    fn template_label(&mut self, label: &str) -> String {
        let mut redacted = String::new();
        let mut rest = label;
        while let Some(open) = rest.find('{') {
            let close = rest[open..].find('}').map_or(rest.len(), |close| open + close + 1);
            redacted += &self.fixed_part(&rest[..open]);
            let inside = rest[open..close].trim_start_matches('{').trim_end_matches('}');
            if inside.contains('|') {
                let values: Vec<String> = inside.split('|').map(|value| self.fixed_part(value)).collect();
                redacted += &format!("{{{}}}", values.join("|"));
            } else {
                redacted += &rest[open..close];
            }
            rest = &rest[close..];
        }
        redacted + &self.fixed_part(rest)
    }

    fn fixed_part(&mut self, part: &str) -> String {
        let core = part.trim_matches(['*', '[', ']', '-', '(', ')', '.', '?', '\\']);
        if core.is_empty() || !is_opaque(core) {
            return part.to_owned();
        }
        let stand_in = self.stand_in(core);
        part.replacen(core, &stand_in, 1)
    }

    /// A text with every hidden name in it replaced, whatever stands around.
    fn text(&mut self, text: &str) -> String {
        if let Some(id) = self.ids.get(text) {
            return id.clone();
        }
        let mut redacted = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let run = rest.find(|c| !is_name_char(c)).unwrap_or(rest.len());
            if run == 0 {
                let next = rest.chars().next().map_or(1, char::len_utf8);
                redacted.push_str(&rest[..next]);
                rest = &rest[next..];
                continue;
            }
            redacted.push_str(&self.run(&rest[..run]));
            rest = &rest[run..];
        }
        self.accounts(&redacted)
    }

    /// A run of letters that may be in names: a name, an address, an id, a known label, or none of them.
    fn run(&mut self, run: &str) -> String {
        if let Some(id) = self.ids.get(run) {
            return id.clone();
        }
        let bare = run.trim_end_matches(['.', ':']);
        if let Some(address) = bare.parse().ok().and_then(|address: IpAddr| self.addresses.get(&address)) {
            return format!("{address}{}", &run[bare.len()..]);
        }
        // A colon joins names to ports and schemes.
        if run.contains(':') && !run.contains('{') {
            return run.split(':').map(|part| self.run(part)).collect::<Vec<_>>().join(":");
        }
        if self.hidden_domain(run).is_some() {
            return self.name(run);
        }
        let labels: Vec<String> = run
            .split('.')
            .map(|label| self.labels.get(&label.to_ascii_lowercase()).map_or(label, String::as_str).to_owned())
            .collect();
        labels.join(".")
    }

    /// Numbers of ACME accounts, and the local part of mail addresses at hidden domains.
    fn accounts(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if let Some(at) = text.find("accounturi=") {
            let from = at + "accounturi=".len();
            let end = text[from..].find([';', '"', ' ']).map_or(text.len(), |end| from + end);
            let keep = text[from..end].rfind('/').map_or(from, |slash| from + slash + 1);
            text.replace_range(keep..end, "0");
        }
        let stand_ins: Vec<String> = self.domains.values().map(|domain| format!("@{domain}")).collect();
        for stand_in in &stand_ins {
            let mut from = 0;
            while let Some(at) = text[from..].find(stand_in.as_str()).map(|at| from + at) {
                let local = text[..at].rfind(|c: char| !(c.is_ascii_alphanumeric() || "._+-".contains(c)));
                let start = local.map_or(0, |before| before + text[before..].chars().next().map_or(1, char::len_utf8));
                text.replace_range(start..at, "mail");
                from = start + "mail".len() + stand_in.len();
            }
        }
        text
    }

    /// A regular expression of a pattern: the same walk with `\.` for the dot.
    fn regex(&mut self, regex: &str) -> String {
        let domains: Vec<(String, String)> = self
            .domains
            .iter()
            .map(|(domain, stand_in)| (domain.replace('.', "\\."), stand_in.replace('.', "\\.")))
            .collect();
        let mut regex = regex.to_owned();
        for (domain, stand_in) in domains {
            regex = regex.replace(&domain, &stand_in);
        }
        let labels: Vec<(String, String)> = self.labels.iter().map(|(l, s)| (l.clone(), s.clone())).collect();
        let mut redacted = String::with_capacity(regex.len());
        let mut rest = regex.as_str();
        while !rest.is_empty() {
            let run = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))).unwrap_or(rest.len());
            let word = &rest[..run];
            redacted.push_str(labels.iter().find(|(label, _)| label == word).map_or(word, |(_, stand_in)| stand_in));
            let next = rest[run..].chars().next().map_or(0, char::len_utf8);
            redacted.push_str(&rest[run..run + next]);
            rest = &rest[run + next..];
        }
        redacted
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
        }
        self.walk_lookups(report);
        self.walk_actions(report);
        self.walk_coverage(report);
    }

    fn walk_lookups(&mut self, report: &mut Report) {
        for level in &mut report.levels {
            for view in &mut level.views {
                view.server = self.text(&view.server);
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
                for result in server.probes.values_mut() {
                    *result = self.text(result);
                }
            }
        }
    }

    fn walk_actions(&mut self, report: &mut Report) {
        for check in &mut report.checked {
            self.option(&mut check.pattern);
            self.option(&mut check.decided_at);
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
        for series in report.timeline.iter_mut().flat_map(|timeline| &mut timeline.patterns) {
            series.key = self.text(&series.key);
        }
    }

    fn walk_coverage(&mut self, report: &mut Report) {
        let coverage = &mut report.coverage;
        let mut inputs = 0;
        for source in &mut coverage.sources {
            // A file's name is whatever somebody called it.
            if source.requests == 0 {
                inputs += 1;
                let stand_in = format!("input {inputs}");
                source.error = source.error.as_deref().map(|error| error.replace(&source.name, &stand_in));
                source.name = stand_in;
            } else {
                source.name = self.text(&source.name);
            }
            self.option(&mut source.error);
            self.option(&mut source.query);
        }
        for (class, dropped) in &mut coverage.dropped {
            dropped.example = format!("({class})");
        }
        self.list(&mut coverage.notes);
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._*-{}:[]|".contains(c)
}

/// Whether a label could tell whose it is: all but common host words, service labels, short words with a number.
fn is_opaque(label: &str) -> bool {
    let lower = label.to_ascii_lowercase();
    if lower.starts_with('_') || COMMON.contains(&lower.as_str()) {
        return false;
    }
    let stem = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
    // `web12`, `node-3`, `eu-west-1`: words with a number behind, short ones; a word alone only when it is short.
    let words =
        !stem.is_empty() && stem.split('-').all(|word| word.len() <= 6 && word.bytes().all(|b| b.is_ascii_lowercase()));
    let number = lower.len() <= 3 && lower.bytes().all(|b| b.is_ascii_digit());
    !(number || words && lower.len() <= 12)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::story;
    use crate::report::{Format, Style, write};

    /// The story, told of a domain with a name that occurs nowhere else.
    fn secret() -> Report {
        let mut report = story();
        let mut move_to = Redactor {
            domains: BTreeMap::from([("example.net".to_owned(), "zanzibarfruit.co.uk".to_owned())]),
            labels: BTreeMap::new(),
            ids: BTreeMap::new(),
            addresses: BTreeMap::new(),
        };
        move_to.labels.insert("xnw6x".into(), "qv7zk".into());
        move_to.walk(&mut report);
        report.patterns[0].regex = r"^(?:\*\.)?[a-z2-7]{52}\.qv7zk\.zanzibarfruit\.co\.uk$".into();
        report.levels[0].views[0].records =
            vec!["0 issue \"letsencrypt.org; accounturi=https://acme.example/acct/987654\"".into()];
        report
            .coverage
            .notes
            .push("ns1.zanzibarfruit.co.uk (192.0.2.1) and qv7zk; mail to joe.doe@zanzibarfruit.co.uk".into());
        report
    }

    #[test]
    fn nothing_of_the_domain_is_left_in_any_format() {
        let report = secret();
        for format in Format::ALL {
            let render = |report: &Report| {
                let mut bytes = Vec::new();
                write(report, format, &Style::default(), &mut bytes).unwrap();
                String::from_utf8(bytes).unwrap()
            };
            assert!(render(&report).contains("zanzibarfruit"));
            let redacted = render(&redact(&report));
            for secret in ["zanzibarfruit", "qv7zk", "987654", "192.0.2.1\"", "joe.doe"] {
                assert!(!redacted.contains(secret), "{format:?} {secret}");
            }
            assert!(redacted.contains("example.co.uk"), "{format:?}");
        }
    }

    #[test]
    fn the_same_label_becomes_the_same_everywhere() {
        let redacted = redact(&secret());
        let middle = redacted.levels.iter().find(|level| level.depth == 2 && level.names_below == 4812).unwrap();
        let label = middle.name.split('.').next().unwrap();
        assert_eq!(redacted.patterns[0].template, format!("[*.]{{base32:52}}.{label}.example.co.uk"));
        assert_eq!(redacted.patterns[0].regex, format!(r"^(?:\*\.)?[a-z2-7]{{52}}\.{label}\.example\.co\.uk$"));
        assert_eq!(redacted.advice[1].records, [format!("{label}.example.co.uk. IN CAA 0 issue \"letsencrypt.org\"")]);
        assert!(redacted.coverage.notes[1].contains("203.0.113.1"), "{:?}", redacted.coverage.notes);
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
