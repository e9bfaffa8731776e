//! [`Script`]: answers from a scenario file in place of the network.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use toml::{Spanned, Value};

use crate::caa::{CaaRecord, Lookup, LookupFailure, LookupOutcome, Soa, Transport, rcode};
use crate::name::DomainName;

/// What a scenario that does not say `after` takes a silent server to last, in milliseconds.
const SILENCE_MS: u64 = 5000;

/// What each level answers, in one view or in several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    default: Answer,
    answers: BTreeMap<DomainName, Answer>,
    /// Views by name, each with what differs from the common answers.
    views: BTreeMap<String, BTreeMap<DomainName, Answer>>,
}

/// The name of the view of a scenario that names none.
const ONLY_VIEW: &str = "script";
/// Views of one scenario.
const MOST_VIEWS: usize = 16;

/// Why a text is no scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{file}`, line {line}: {problem}")]
pub struct ScriptError {
    /// The file as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there, and what was expected.
    pub problem: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    kind: Kind,
    after_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    NoData {
        soa: bool,
    },
    NxDomain {
        soa: bool,
    },
    Records(Vec<CaaRecord>),
    /// A reply with this response code.
    Code(u16),
    Truncated,
    /// A reply that cannot be read.
    Unreadable,
    Timeout,
    Network,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    default: Option<Spanned<Value>>,
    #[serde(default)]
    answers: Answers,
    #[serde(default)]
    views: BTreeMap<Spanned<String>, ViewTable>,
}

type Answers = BTreeMap<Spanned<String>, Spanned<Value>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ViewTable {
    answers: Answers,
}

impl Script {
    /// Reads a scenario. `file` is its name in messages. Without `default`, names not listed do not exist.
    ///
    /// # Errors
    /// [`ScriptError`] with the line and what was expected there.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScriptError> {
        let fault = |offset: usize, problem: String| {
            let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
            let line = 1 + memchr::memchr_iter(b'\n', before).count();
            ScriptError { file: file.to_owned(), line, problem }
        };
        let document: Document = toml::from_str(text)
            .map_err(|error| fault(error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
        let read =
            |value: &Spanned<Value>| Answer::read(value.get_ref()).map_err(|text| fault(value.span().start, text));
        let default = match &document.default {
            Some(value) => read(value)?,
            None => Answer { kind: Kind::NxDomain { soa: true }, after_ms: None },
        };
        let answers_of = |table: &Answers| {
            let mut answers = BTreeMap::new();
            let mut listed: Vec<_> = table.iter().collect();
            listed.sort_by_key(|(key, _)| key.span().start);
            for (key, value) in listed {
                let name =
                    DomainName::parse(key.get_ref()).map_err(|error| fault(key.span().start, error.to_string()))?;
                if answers.insert(name, read(value)?).is_some() {
                    let text = format!("`{}` is listed twice, in different spelling", key.get_ref().escape_debug());
                    return Err(fault(key.span().start, text));
                }
            }
            Ok(answers)
        };
        let mut views = BTreeMap::new();
        for (name, table) in &document.views {
            if views.len() == MOST_VIEWS {
                return Err(fault(name.span().start, format!("at most {MOST_VIEWS} views are read")));
            }
            views.insert(name.get_ref().clone(), answers_of(&table.answers)?);
        }
        Ok(Self { default, answers: answers_of(&document.answers)?, views })
    }

    /// What the scenario says of a level, by view; one view, `script`, where it names none.
    #[must_use]
    pub fn lookups(&self, level: &DomainName) -> Vec<(String, Lookup)> {
        let common = self.answers.get(level).unwrap_or(&self.default);
        if self.views.is_empty() {
            return vec![(ONLY_VIEW.to_owned(), common.lookup(level))];
        }
        let view = |(name, answers): (&String, &BTreeMap<DomainName, Answer>)| {
            (name.clone(), answers.get(level).unwrap_or(common).lookup(level))
        };
        self.views.iter().map(view).collect()
    }
}

/// What a value is, with its article.
fn kind(value: &Value) -> String {
    let word = value.type_str();
    let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {word}")
}

impl Answer {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(words) => Self::words(words),
            Value::Array(records) => records_of(records).map(|kind| Self { kind, after_ms: None }),
            other => Err(format!("expected a word or a list of CAA records, found {}", kind(other))),
        }
    }

    fn words(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (words, after_ms) = match &*words {
            [words @ .., "after", time] => (words, Some(milliseconds(time)?)),
            words => (words, None),
        };
        let kind = match words {
            ["nodata"] => Kind::NoData { soa: true },
            ["nodata", "without", "soa"] => Kind::NoData { soa: false },
            ["nxdomain"] => Kind::NxDomain { soa: true },
            ["nxdomain", "without", "soa"] => Kind::NxDomain { soa: false },
            ["servfail"] => Kind::Code(rcode::SERVFAIL),
            ["refused"] => Kind::Code(rcode::REFUSED),
            ["formerr"] => Kind::Code(rcode::FORMERR),
            ["notimp"] => Kind::Code(rcode::NOTIMP),
            ["truncated"] => Kind::Truncated,
            ["timeout"] => Kind::Timeout,
            ["network", "error"] => Kind::Network,
            _ => {
                return Err(format!(
                    "`{}` is no answer; expected `nodata`, `nxdomain` (each also `... without soa`), `servfail`, `refused`, \
                     `formerr`, `notimp`, `truncated`, `timeout` or `network error`, with `after 1200ms` if it takes time, \
                     or a list of CAA records",
                    text.escape_debug()
                ));
            }
        };
        Ok(Self { kind, after_ms })
    }

    fn lookup(&self, level: &DomainName) -> Lookup {
        let soa = |present: bool| if present { Soa::Present } else { Soa::Missing };
        let (outcome, rcode) = match &self.kind {
            Kind::NoData { soa: present } => (LookupOutcome::NoData(soa(*present)), Some(rcode::NOERROR)),
            Kind::NxDomain { soa: present } => (LookupOutcome::NxDomain(soa(*present)), Some(rcode::NXDOMAIN)),
            Kind::Records(records) => (LookupOutcome::Records(records.clone()), Some(rcode::NOERROR)),
            Kind::Code(code) => {
                let failure = match *code {
                    rcode::SERVFAIL => LookupFailure::ServFail,
                    rcode::REFUSED => LookupFailure::Refused,
                    rcode::FORMERR => LookupFailure::FormErr,
                    rcode::NOTIMP => LookupFailure::NotImp,
                    other => LookupFailure::OtherRcode(other),
                };
                (LookupOutcome::Failed(failure), Some(*code))
            }
            Kind::Truncated => (LookupOutcome::Failed(LookupFailure::Truncated), Some(rcode::NOERROR)),
            Kind::Unreadable => {
                let failure = LookupFailure::Malformed("a CAA record that cannot be read".to_owned());
                (LookupOutcome::Failed(failure), Some(rcode::NOERROR))
            }
            Kind::Timeout => {
                let after_ms = self.after_ms.unwrap_or(SILENCE_MS);
                (LookupOutcome::Failed(LookupFailure::Timeout(after_ms)), None)
            }
            Kind::Network => {
                (LookupOutcome::Failed(LookupFailure::Network("the network fails, by the scenario".to_owned())), None)
            }
        };
        // A zone that says "no data" is taken to begin at the level, one that denies a name at its parent.
        let soa_owner = match outcome {
            LookupOutcome::NoData(Soa::Present) => Some(Arc::from(level.as_str())),
            LookupOutcome::NxDomain(Soa::Present) => {
                Some(level.parent().map_or_else(|| Arc::from("."), |parent| Arc::from(parent.as_str())))
            }
            LookupOutcome::NoData(_)
            | LookupOutcome::NxDomain(_)
            | LookupOutcome::Records(_)
            | LookupOutcome::Failed(_) => None,
        };
        let rtt_ms = rcode.map(|_| self.after_ms.unwrap_or(0));
        Lookup { rcode, soa_owner, rtt_ms, ..Lookup::bare(outcome, Transport::Script) }
    }
}

fn milliseconds(text: &str) -> Result<u64, String> {
    let number = |digits: &str, factor: u64| digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    let time = match text.strip_suffix("ms") {
        Some(digits) => number(digits, 1),
        None => text.strip_suffix('s').and_then(|digits| number(digits, 1000)),
    };
    time.ok_or_else(|| format!("`{}` is no time; expected one as `1200ms` or `2s`", text.escape_debug()))
}

fn records_of(values: &[Value]) -> Result<Kind, String> {
    if values.is_empty() {
        return Err("an empty list; expected CAA records, or \"nodata\" for a level without".to_owned());
    }
    let mut records = Vec::new();
    for value in values {
        let text = value.as_str().ok_or_else(|| {
            format!("expected a CAA record in quotes, as '0 issue \"ca.example\"', found {}", kind(value))
        })?;
        match CaaRecord::parse(text) {
            Ok(Some(record)) => records.push(record),
            Ok(None) => return Ok(Kind::Unreadable),
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(Kind::Records(records))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn outcome(script: &Script, level: &str) -> LookupOutcome {
        let [(_, lookup)] = &script.lookups(&DomainName::parse(level).unwrap())[..] else { panic!("one view") };
        lookup.outcome.clone()
    }

    #[test]
    fn a_scenario_answers_as_written() {
        let text = r#"
default = "nxdomain"                      # for names not listed
[answers]
"a.xnw6x.example.net" = "nodata"
"xnw6x.example.net"   = "nodata without soa after 1200ms"
"example.net"         = ['0 issue "letsencrypt.org"', '0 issuewild ";"', '\# 9 80 03 61 2d 62 76 61 6c 75']
"Net"                 = "timeout"
"de" = "network error"
"org" = "servfail after 2s"
"fr" = ['\# 3 000961']
"io" = "timeout after 30s"
"#;
        let script = Script::parse("x.toml", text).unwrap();
        let failed = |failure| LookupOutcome::Failed(failure);
        assert_eq!(outcome(&script, "other"), LookupOutcome::NxDomain(Soa::Present));
        assert_eq!(outcome(&script, "a.xnw6x.example.net"), LookupOutcome::NoData(Soa::Present));
        assert_eq!(outcome(&script, "xnw6x.example.net"), LookupOutcome::NoData(Soa::Missing));
        assert_eq!(outcome(&script, "net"), failed(LookupFailure::Timeout(SILENCE_MS)));
        assert_eq!(outcome(&script, "io"), failed(LookupFailure::Timeout(30_000)));
        assert_eq!(outcome(&script, "org"), failed(LookupFailure::ServFail));
        assert!(matches!(outcome(&script, "de"), LookupOutcome::Failed(LookupFailure::Network(_))));
        assert!(matches!(outcome(&script, "fr"), LookupOutcome::Failed(LookupFailure::Malformed(_))));
        let LookupOutcome::Records(records) = outcome(&script, "example.net") else { panic!("records") };
        let records: Vec<_> = records.iter().map(ToString::to_string).collect();
        assert_eq!(records, ["0 issue \"letsencrypt.org\"", "0 issuewild \";\"", "128 a-b \"valu\""]);
        let slow = script.lookups(&DomainName::parse("xnw6x.example.net").unwrap()).remove(0).1;
        assert_eq!((slow.rtt_ms, slow.soa_owner, slow.rcode), (Some(1200), None, Some(0)));
    }

    #[test]
    fn views_differ_where_they_say_so() {
        let text = "default = \"nodata\"\n[answers]\nnet = \"servfail\"\n[views.a.answers]\nnet = \"timeout\"\n[views.b.answers]\n";
        let script = Script::parse("x.toml", text).unwrap();
        let words = |level: &str| -> Vec<(String, String)> {
            let lookups = script.lookups(&DomainName::parse(level).unwrap());
            let class = |lookup: &Lookup| match &lookup.outcome {
                LookupOutcome::Failed(failure) => failure.class().to_owned(),
                other => other.word().to_owned(),
            };
            lookups.iter().map(|(view, lookup)| (view.clone(), class(lookup))).collect()
        };
        let pair = |a: &str, b: &str| vec![("a".to_owned(), a.to_owned()), ("b".to_owned(), b.to_owned())];
        assert_eq!(words("net"), pair("timeout", "servfail"));
        assert_eq!(words("example.net"), pair("nodata", "nodata"));
        assert!(Script::parse("x.toml", "[views.a]\nanswer = {}").is_err());
    }

    #[test]
    fn a_fault_is_told_with_its_line_and_what_was_expected() {
        for (text, line, part) in [
            ("default = \"nxdomian\"", 1, "expected `nodata`"),
            ("\n[answers]\n\"a..b\" = \"nodata\"", 3, "label"),
            ("[answers]\n\"a\" = \"nodata\"\n\"A\" = \"nodata\"", 3, "twice"),
            ("[answers]\n\"a\" = []", 2, "empty list"),
            ("[answers]\n\"a\" = 7", 2, "expected a word or a list"),
            ("[answers]\n\"a\" = ['issue x']", 2, "flags"),
            ("[answers]\n\"a\" = [1]", 2, "in quotes"),
            ("[answers]\n\"a\" = \"timeout after long\"", 2, "is no time"),
            ("[answers]\n\"a\" = \"records without soa\"", 2, "is no answer"),
            ("[answer]\n\"a\" = \"nodata\"", 1, "unknown field"),
            ("[answers]\n\"a\" = ", 2, ""),
        ] {
            let error = Script::parse("x.toml", text).unwrap_err();
            assert_eq!(error.line, line, "{error}");
            assert!(error.to_string().contains(part), "{error}");
            assert!(error.to_string().starts_with("`x.toml`, line "), "{error}");
        }
    }

    #[test]
    fn the_fixtures_are_scenarios() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dns");
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            Script::parse(&path.display().to_string(), &std::fs::read_to_string(&path).unwrap()).unwrap();
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_scenario_or_refused(text in any::<String>()) {
            let _ = Script::parse("x", &text);
        }

        #[test]
        fn any_answer_is_read_or_refused(words in "[a-z0-9 ]{0,30}", record in "[ -~]{0,30}") {
            let text = format!("default = \"{words}\"\n[answers]\n\"a\" = ['''{record}''']");
            let _ = Script::parse("x", &text);
        }
    }
}
