//! SARIF 2.1.0, so that code hosts show findings beside the line of the list that names the domain. Only findings that a
//! person should act on; notes are `note`.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::json;

use super::jsonl::write_ascii;
use crate::audit::row::{DomainRow, FindingRow};

/// Results a code host takes in one run; what is beyond is counted in a notification.
const MOST: u64 = 25_000;

/// Where the input names a domain.
#[derive(Debug, Clone, Copy)]
pub struct SarifPlace<'a> {
    /// A path that a code host can resolve; empty when the domain came from no file.
    pub file: &'a str,
    /// The line, from 1; 0 when there is none.
    pub line: u64,
}

/// A SARIF log that is being written: results first, the rules they use at the end.
pub struct Sarif<W: Write> {
    out: W,
    rules: BTreeSet<String>,
    results: u64,
    beyond: u64,
    /// Named for domains that came from no file: the policy or the dump.
    instead: String,
}

impl<W: Write> Sarif<W> {
    /// Begins a log; `instead` is the file to point at where the input names no line.
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

    /// Writes the findings of a domain.
    ///
    /// # Errors
    /// The writer's.
    pub fn row(&mut self, row: &DomainRow, place: SarifPlace<'_>) -> io::Result<()> {
        for finding in &row.findings {
            if self.results == MOST {
                self.beyond += 1;
                continue;
            }
            let result = self.result(row, finding, place);
            let separator = if self.results == 0 { "\n" } else { ",\n" };
            self.out.write_all(separator.as_bytes())?;
            write_ascii(&result.to_string(), &mut self.out)?;
            self.results += 1;
            self.rules.insert(finding.code.clone());
        }
        Ok(())
    }

    fn result(&self, row: &DomainRow, finding: &FindingRow, place: SarifPlace<'_>) -> serde_json::Value {
        let file = if place.file.is_empty() { &self.instead } else { place.file };
        let subject = finding.level.as_deref().or(finding.patterns.first().map(String::as_str)).unwrap_or("");
        let text = match &finding.fix {
            Some(fix) => format!("{}: {} {fix}", row.domain, finding.text),
            None => format!("{}: {}", row.domain, finding.text),
        };
        json!({
            "ruleId": finding.code,
            "level": finding.severity,
            "message": {"text": text},
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": {"uri": uri(file)},
                    "region": {"startLine": place.line.max(1)},
                },
                "logicalLocations": [{"name": row.domain, "kind": "resource"}],
            }],
            "partialFingerprints": {"ctclimb/v1": format!("{}/{}/{subject}", row.domain, finding.code)},
        })
    }

    /// Ends the log.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self) -> io::Result<()> {
        let rules: Vec<_> = self.rules.iter().map(|code| json!({"id": code, "name": code})).collect();
        let driver = json!({
            "name": "ctclimb",
            "version": env!("CARGO_PKG_VERSION"),
            "rules": rules,
        });
        let note = format!("{} further results are left out", self.beyond);
        let notes = if self.beyond == 0 { json!([]) } else { json!([{"level": "warning", "message": {"text": note}}]) };
        let invocation = json!([{"executionSuccessful": true, "toolExecutionNotifications": notes}]);
        let tail = format!("\n],\"tool\":{{\"driver\":{driver}}},\"invocations\":{invocation}}}]}}\n");
        write_ascii(&tail, &mut self.out)?;
        self.out.flush()
    }
}

/// A relative URI reference of a path (RFC 3986): what is not unreserved or `/` is percent-encoded.
fn uri(path: &str) -> String {
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

    #[test]
    fn a_log_names_each_rule_once_and_the_line_of_the_list() {
        let finding = |code: &str| FindingRow {
            code: code.into(),
            severity: "error".into(),
            text: "Bad \u{202e}.".into(),
            ..FindingRow::default()
        };
        let row = DomainRow {
            domain: "example.net".into(),
            findings: vec![finding("a"), finding("a"), finding("b")],
            ..DomainRow::default()
        };
        let mut out = Vec::new();
        let mut sarif = Sarif::new(&mut out, "").unwrap();
        sarif.row(&row, SarifPlace { file: "my list.txt", line: 7 }).unwrap();
        sarif.finish().unwrap();
        let log: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let run = &log["runs"][0];
        assert_eq!(run["results"].as_array().unwrap().len(), 3);
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 2);
        let place = &run["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(
            (&place["artifactLocation"]["uri"], &place["region"]["startLine"]),
            (&"my%20list.txt".into(), &7.into())
        );
    }
}
