//! Sentences, addresses, accounts: every hidden name in a text replaced, whatever stands around it.

use std::net::IpAddr;

use super::Redactor;

/// Octets from which on the label of a domain is replaced inside words too; shorter ones as words only.
const TELLING: usize = 5;

impl Redactor {
    /// A text with every hidden name in it replaced, whatever stands around.
    pub(super) fn text(&mut self, text: &str) -> String {
        if let Some(id) = self.ids.get(text) {
            return id.clone();
        }
        let mut without_files = text.to_owned();
        for (name, stand_in) in &self.files {
            without_files = without_files.replace(name.as_str(), stand_in);
        }
        let mut redacted = String::with_capacity(text.len());
        let mut rest = without_files.as_str();
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
        let redacted = self.accounts(&redacted);
        self.sweep(&redacted)
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

    /// What is left of the domains' own labels: in the names of companies, of other people's hosts, in replies.
    pub(super) fn sweep(&self, text: &str) -> String {
        let mut swept = text.to_owned();
        for brand in &self.brands {
            swept = replaced(&swept, brand);
        }
        swept
    }
}

/// The text with every occurrence of `brand` replaced, whatever its case.
fn replaced(text: &str, brand: &str) -> String {
    let lower: Vec<char> = text.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect();
    let original: Vec<char> = text.chars().collect();
    let wanted: Vec<char> = brand.chars().collect();
    let word = |at: Option<usize>| at.and_then(|at| lower.get(at)).is_some_and(|c| c.is_alphanumeric());
    let mut swept = String::with_capacity(text.len());
    let mut at = 0;
    while at < lower.len() {
        let here = lower[at..].starts_with(&wanted);
        let inside = word(at.checked_sub(1)) || word(Some(at + wanted.len()));
        if here && (!inside || brand.len() >= TELLING) {
            swept.push_str("example");
            at += wanted.len();
        } else {
            swept.push(original[at]);
            at += 1;
        }
    }
    swept
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._*-{}:[]|".contains(c)
}
