//! What a CA's errors say, for programs: one document, or a line for each explanation and a summary last.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::PrettyFormatter;

use super::layout::{Ascii, serialize};
use super::lines;
use crate::acme::HistoryReport;
use crate::report::SCHEMA;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(flatten)]
    history: &'a HistoryReport,
}

/// Writes the errors of a text or log as one JSON document, described by `fixtures/schema/explain.json`.
///
/// # Errors
/// What `out` answers.
pub fn write_explained_json(history: &HistoryReport, out: &mut dyn Write) -> io::Result<()> {
    serialize(&Document { schema: SCHEMA, history }, Ascii(PrettyFormatter::new()), out)?;
    out.write_all(b"\n")
}

/// Writes the same as lines: one of type `explained` for each explanation, one of type `summary` with the rest.
///
/// # Errors
/// What `out` answers.
pub fn write_explained_lines(history: &HistoryReport, out: &mut dyn Write) -> io::Result<()> {
    lines("explained", history.explained.iter(), out)?;
    let rest = HistoryReport { explained: Vec::new(), ..history.clone() };
    lines("summary", std::iter::once(Document { schema: SCHEMA, history: &rest }), out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acme::History;
    use serde_json::Value;

    const SCHEMA_FILE: &str = include_str!("../../../fixtures/schema/explain.json");

    fn of(text: &str) -> HistoryReport {
        let mut history = History::new(Some(1_706_745_600));
        text.lines().for_each(|line| history.add_line(line));
        history.finish(&|name| Some(name.to_string()))
    }

    fn written(write: fn(&HistoryReport, &mut dyn Write) -> io::Result<()>, history: &HistoryReport) -> String {
        let mut out = Vec::new();
        write(history, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The schema with every field allowed that it names, and no other.
    fn closed(schema: &mut Value) {
        match schema {
            Value::Object(map) => {
                if map.contains_key("properties") {
                    map.insert("additionalProperties".into(), false.into());
                }
                map.values_mut().for_each(closed);
            }
            Value::Array(list) => list.iter_mut().for_each(closed),
            _ => {}
        }
    }

    #[test]
    fn the_schema_holds_and_names_every_field() {
        let mut schema: Value = serde_json::from_str(SCHEMA_FILE).unwrap();
        closed(&mut schema);
        let strict = jsonschema::validator_for(&schema).unwrap();
        let log = include_str!("../../../fixtures/acme/forum.log");
        let one = "While processing CAA for *.a.example.net: DNS problem: looking up CAA for net: DNSSEC: Bogus";
        let other = r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many","status":429}"#;
        for text in [log, one, other, ""] {
            let history = of(text);
            let value: Value = serde_json::from_str(&written(write_explained_json, &history)).unwrap();
            strict.validate(&value).unwrap_or_else(|error| panic!("{error} at {}", error.instance_path()));
            assert_eq!(history.errors == 0, history.explained.is_empty());
        }
        assert!(of(log).rate.is_some() && !of(other).other_errors.is_empty(), "all parts were tried");
    }

    #[test]
    fn lines_hold_the_same_and_end_with_a_summary() {
        let history =
            of("DNS problem: SERVFAIL looking up CAA for \u{202e}net\nDNS problem: REFUSED looking up CAA for net");
        let text = written(write_explained_lines, &history);
        assert!(text.is_ascii());
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let kinds: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["explained", "explained", "summary"]);
        assert!(text.lines().all(|line| line.starts_with("{\"type\":")));
        assert_eq!((&lines[2]["schema"], &lines[2]["errors"]), (&"ctclimb/1".into(), &2.into()));
    }
}
