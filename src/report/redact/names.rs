//! Names and what describes them: labels, templates, regular expressions. A label becomes the same everywhere.

#![allow(clippy::format_push_string, clippy::format_collect)] // a few hundred short texts; the plain form reads best

use super::Redactor;

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

impl Redactor {
    /// The registered domain a name lies in, if it is one to hide.
    pub(super) fn hidden_domain(&self, name: &str) -> Option<&str> {
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
    pub(super) fn name(&mut self, name: &str) -> String {
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

    pub(super) fn fixed_part(&mut self, part: &str) -> String {
        let core = part.trim_matches(['*', '[', ']', '-', '(', ')', '.', '?', '\\']);
        if core.is_empty() || !is_opaque(core) {
            return self.sweep(part);
        }
        let stand_in = self.stand_in(core);
        part.replacen(core, &stand_in, 1)
    }

    /// A regular expression of a pattern: the same walk with `\.` for the dot.
    pub(super) fn regex(&mut self, regex: &str) -> String {
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
        self.sweep(&redacted)
    }
}

/// Whether a label tells nothing of whose it is.
pub(super) fn is_common(label: &str) -> bool {
    COMMON.contains(&label)
}

/// Whether a label could tell whose it is: all but common host words, service labels, short words with a number.
pub(super) fn is_opaque(label: &str) -> bool {
    let lower = label.to_ascii_lowercase();
    if lower.starts_with('_') || is_common(&lower) {
        return false;
    }
    let stem = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
    // `web12`, `node-3`, `eu-west-1`: words with a number behind, short ones; a word alone only when it is short.
    let words =
        !stem.is_empty() && stem.split('-').all(|word| word.len() <= 6 && word.bytes().all(|b| b.is_ascii_lowercase()));
    let number = lower.len() <= 3 && lower.bytes().all(|b| b.is_ascii_digit());
    !(number || words && lower.len() <= 12)
}
