//! SARIF 2.1.0, so that code hosts show findings beside the line of the list that names the domain.
//!
//! Fields are those that the standard and GitHub's code scanning ask for. What the policy tolerates is there as suppressed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::jsonl::write_ascii;
use crate::audit::policy::policy_codes;
use crate::audit::row::{DomainRow, FindingRow};
use crate::finding::{Documented, Severity, every_code};

/// Where the input names a domain.
#[derive(Debug, Clone, Copy)]
pub struct SarifPlace<'a> {
    /// A URI reference that a code host can resolve; empty when the domain came from no file.
    pub uri: &'a str,
    /// The line, from 1; 0 when there is none.
    pub line: u64,
}

/// A SARIF log that is being written: results first, the rules they use at the end.
pub struct Sarif<W: Write> {
    out: W,
    rules: BTreeSet<String>,
    results: u64,
    beyond: u64,
    /// The URI for domains that came from no list: of the dump or of the policy.
    instead: String,
}

impl<W: Write> Sarif<W> {
    /// Results a code host takes in one run; a log with more is refused as a whole.
    pub const MOST: u64 = 25_000;

    /// Begins a log; `instead` is the URI to point at where the input names no line.
    ///
    /// # Errors
    /// The writer's.
    pub fn new(mut out: W, instead: &str) -> io::Result<Self> {
        out.write_all(
            b"{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{\"results\":[",
        )?;
        let instead = if instead.is_empty() { "domains" } else { instead }.to_owned();
        Ok(Self { out, rules: BTreeSet::new(), results: 0, beyond: 0, instead })
    }

    /// Writes the findings of a domain that have one of `severities`.
    ///
    /// # Errors
    /// The writer's.
    pub fn row(&mut self, row: &DomainRow, place: SarifPlace<'_>, severities: &[&str]) -> io::Result<()> {
        let mut alike: BTreeMap<String, u64> = BTreeMap::new();
        for finding in row.findings.iter().filter(|finding| severities.contains(&finding.severity.as_str())) {
            if self.results == Self::MOST {
                self.beyond += 1;
                continue;
            }
            let nth = alike.entry(identity(row, finding)).and_modify(|nth| *nth += 1).or_insert(1);
            let result = self.result(row, finding, place, *nth);
            let separator = if self.results == 0 { "\n" } else { ",\n" };
            self.out.write_all(separator.as_bytes())?;
            write_ascii(&result.to_string(), &mut self.out)?;
            self.results += 1;
            self.rules.insert(finding.code.clone());
        }
        Ok(())
    }

    fn result(&self, row: &DomainRow, finding: &FindingRow, place: SarifPlace<'_>, nth: u64) -> Value {
        let uri = if place.uri.is_empty() { &self.instead } else { place.uri };
        let text = match &finding.fix {
            Some(fix) => format!("{}: {} {fix}", row.domain, finding.text),
            None => format!("{}: {}", row.domain, finding.text),
        };
        let line = place.line.max(1);
        let mut result = json!({
            "ruleId": finding.code,
            "level": finding.severity,
            "message": {"text": text},
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": {"uri": uri},
                    "region": {"startLine": line, "startColumn": 1, "endLine": line, "endColumn": row.domain.len() + 1},
                },
                "logicalLocations": [{"name": row.domain, "kind": "resource"}],
            }],
            // The only one that GitHub looks at; it depends on what is found and not on the line.
            "partialFingerprints": {"primaryLocationLineHash": format!("{}:{nth}", identity(row, finding))},
        });
        if let Some(exception) = finding.exception.as_ref().filter(|exception| exception.in_force) {
            let says = format!("{}, until {}: {}", exception.name, exception.expires, exception.reason);
            result["suppressions"] = json!([{"kind": "external", "status": "accepted", "justification": says}]);
        }
        result
    }

    /// Ends the log.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self) -> io::Result<()> {
        let known: BTreeMap<&str, Documented> =
            every_code().chain(policy_codes()).map(|documented| (documented.code, documented)).collect();
        let rules: Vec<Value> = self.rules.iter().map(|code| rule(code, known.get(code.as_str()))).collect();
        let driver = json!({
            "name": "ctclimb",
            "version": env!("CARGO_PKG_VERSION"),
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules,
        });
        let (beyond, most) = (self.beyond, Self::MOST);
        let note = format!("{beyond} further results are left out: code hosts take {most} in one run");
        let notes = if beyond == 0 { json!([]) } else { json!([{"level": "warning", "message": {"text": note}}]) };
        let invocation = json!([{"executionSuccessful": true, "toolExecutionNotifications": notes}]);
        let tail = format!("\n],\"tool\":{{\"driver\":{driver}}},\"invocations\":{invocation}}}]}}\n");
        write_ascii(&tail, &mut self.out)?;
        self.out.flush()
    }
}

/// What makes two results the same over all runs: the domain, the code, and what exactly it is about.
fn identity(row: &DomainRow, finding: &FindingRow) -> String {
    let about = [&finding.level, &finding.issuer].map(|text| text.as_deref().unwrap_or_default());
    let text = [&row.domain, finding.code.as_str(), about[0], about[1], &finding.patterns.join(" ")].join("\0");
    Sha256::digest(text).iter().take(8).map(|octet| format!("{octet:02x}")).collect()
}

fn rule(code: &str, documented: Option<&Documented>) -> Value {
    let (title, explanation) = documented.map_or((code, code), |documented| (documented.title, documented.explanation));
    let level = match documented.map(|documented| documented.severity) {
        Some(Severity::Error) => "error",
        Some(Severity::Warning) | None => "warning",
        Some(Severity::Note) => "note",
    };
    let is_policy = policy_codes().any(|documented| documented.code == code);
    json!({
        "id": code,
        "name": code,
        "shortDescription": {"text": title},
        "fullDescription": {"text": explanation},
        "help": {"text": explanation},
        "defaultConfiguration": {"level": level},
        "properties": {"tags": [if is_policy { "policy" } else { "caa" }]},
    })
}

/// A URI reference of a path (RFC 3986): what is not unreserved or `/` is percent-encoded.
#[must_use]
pub fn uri_of(path: &str) -> String {
    let mut uri = String::new();
    for octet in path.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(octet)),
            other => uri.extend(format!("%{other:02X}").chars()),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::row::ExceptionRow;

    const ALL: &[&str] = &["error", "warning", "note"];

    fn finding(code: &str, severity: &str) -> FindingRow {
        FindingRow {
            code: code.into(),
            severity: severity.into(),
            text: "Bad \u{202e}.".into(),
            ..FindingRow::default()
        }
    }

    fn row(findings: Vec<FindingRow>) -> DomainRow {
        DomainRow { domain: "example.net".into(), findings, ..DomainRow::default() }
    }

    fn log(rows: &[DomainRow], passes: &[&[&str]]) -> Value {
        let mut out = Vec::new();
        let mut sarif = Sarif::new(&mut out, "").unwrap();
        for severities in passes {
            for row in rows {
                sarif.row(row, SarifPlace { uri: "my%20list.txt", line: 7 }, severities).unwrap();
            }
        }
        sarif.finish().unwrap();
        assert!(out.is_ascii());
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_log_names_each_rule_once_and_the_line_of_the_list() {
        let row = row(vec![finding("a", "error"), finding("a", "error"), finding("caa-missing", "note")]);
        let log = log(&[row], &[ALL]);
        let run = &log["runs"][0];
        assert_eq!(run["results"].as_array().unwrap().len(), 3);
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        assert_eq!(rules.len(), 2);
        assert_ne!(rules[1]["fullDescription"]["text"], "caa-missing", "a known code is explained");
        let place = &run["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(
            (&place["artifactLocation"]["uri"], &place["region"]["startLine"]),
            (&"my%20list.txt".into(), &7.into())
        );
        assert_eq!(uri_of("my list.txt"), "my%20list.txt");
    }

    #[test]
    fn results_have_a_fingerprint_each_that_stays() {
        let of =
            |issuer: &str| FindingRow { issuer: Some(issuer.into()), ..finding("policy-issuer-not-allowed", "error") };
        let prints = |findings| {
            let log = log(&[row(findings)], &[ALL]);
            let results = log["runs"][0]["results"].as_array().unwrap().clone();
            results.iter().map(|r| r["partialFingerprints"]["primaryLocationLineHash"].to_string()).collect::<Vec<_>>()
        };
        let before = prints(vec![of("B"), of("B"), finding("a", "error")]);
        let after = prints(vec![of("A"), of("B"), of("B"), finding("a", "error")]);
        assert_eq!(before, after[1..]);
        assert_eq!(after.iter().collect::<BTreeSet<_>>().len(), 4);
    }

    #[test]
    fn what_is_tolerated_is_suppressed_and_what_has_expired_is_not() {
        let with = |in_force| {
            let (name, reason, expires) = ("x".into(), "soon".into(), "2027-01-01".into());
            let exception = Some(ExceptionRow { name, reason, expires, in_force });
            FindingRow { exception, ..finding("policy-wildcard-level", "note") }
        };
        let log = log(&[row(vec![with(true), with(false)])], &[ALL]);
        let results = &log["runs"][0]["results"];
        assert_eq!(results[0]["suppressions"][0]["justification"], "x, until 2027-01-01: soon");
        assert!(results[1].get("suppressions").is_none());
    }

    #[test]
    fn of_too_many_results_the_worst_are_kept_and_the_rest_is_counted() {
        let many = row((0..200).map(|n| finding("a", if n % 2 == 0 { "note" } else { "error" })).collect());
        let rows: Vec<_> = (0..200).map(|_| many.clone()).collect();
        let log = log(&rows, &[&["error"], &["warning"], &["note"]]);
        let results = log["runs"][0]["results"].as_array().unwrap();
        let errors = results.iter().filter(|result| result["level"] == "error").count();
        assert_eq!((results.len(), errors), (25_000, 20_000));
        let note = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
        assert!(note.as_str().unwrap().starts_with("15000 further results"), "{note}");
    }
}
