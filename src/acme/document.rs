//! ACME documents and JSON logs: problems, authorizations, orders, log records, nested in each other to any depth.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::detail::{AcmeError, Context, may_matter, read_name, scan, worded_otherwise};
use super::plain::plain;
use super::time;
use super::{ErrorClass, Perspective};
use crate::name::DomainName;

/// Documents inside texts inside documents: followed so far.
const DEPTH: usize = 4;
/// Places in one text where a document may begin.
const ATTEMPTS: usize = 64;

/// What a document holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// CAA errors, each with the time of the document part it stood in.
    pub(super) errors: Vec<(AcmeError, Option<i64>)>,
    /// ACME errors that are not about CAA, by type.
    pub(super) others: Vec<String>,
    /// A summary whose sub-problems the document does not hold.
    headers: Vec<(AcmeError, Option<i64>)>,
    /// Where each error stands, by what makes it the same error.
    places: BTreeMap<Same, usize>,
}

/// Class, level, perspective; then the name and whether it was a wildcard.
type Same = (ErrorClass, Option<DomainName>, Perspective, Option<(DomainName, bool)>);

impl Found {
    /// Adds an error; one told twice within a document counts once, also if the name stands beside only one of the two.
    fn add(&mut self, error: AcmeError, at: Option<i64>) {
        let kind = (error.class, error.level.clone(), error.perspective);
        let named = error.name.clone().map(|name| (name, error.wildcard));
        let same: Same = (kind.0, kind.1.clone(), kind.2, named.clone());
        let nameless: Same = (kind.0, kind.1, kind.2, None);
        let place = if named.is_some() {
            self.places.get(&same).or_else(|| self.places.get(&nameless)).copied()
        } else {
            // Nothing sorts before "no name", so the first of its kind is the next in order.
            let next = self.places.range(nameless.clone()..).next();
            next.filter(|(known, _)| (&known.0, &known.1, &known.2) == (&same.0, &same.1, &same.2)).map(|(_, at)| *at)
        };
        let Some((place, (known, when))) = place.and_then(|at| self.errors.get_mut(at).map(|known| (at, known))) else {
            self.places.insert(same, self.errors.len());
            return self.errors.push((error, at));
        };
        if known.name.is_none() && error.name.is_some() {
            (known.name, known.wildcard) = (error.name, error.wildcard);
            self.places.remove(&nameless);
            self.places.insert(same, place);
        }
        known.problem = known.problem.take().or(error.problem);
        known.recheck |= error.recheck;
        *when = when.or(at);
    }
}

#[derive(Clone)]
struct Place {
    context: Context,
    time: Option<i64>,
    depth: usize,
}

/// Finds every ACME error of a document; the elements of an array at the top are documents of their own.
pub(super) fn read(value: &Value) -> Found {
    let parts = match value {
        Value::Array(parts) => parts.as_slice(),
        single => std::slice::from_ref(single),
    };
    let mut all = Found::default();
    for part in parts {
        let mut found = Found::default();
        walk(part, &Place { context: Context::default(), time: None, depth: 0 }, &mut found);
        if found.errors.is_empty() {
            found.errors.append(&mut found.headers);
        }
        // Beside an error that says more, a bare "CAA_ERROR" is the same one.
        let bare = |error: &AcmeError| error.class == ErrorClass::Unspecified && error.level.is_none();
        if found.errors.iter().any(|(error, _)| !bare(error)) {
            found.errors.retain(|(error, _)| !bare(error));
        }
        all.errors.append(&mut found.errors);
        all.others.append(&mut found.others);
    }
    all
}

/// The time a JSON log record states of itself.
pub(super) fn log_time(value: &Value) -> Option<time::Stamp> {
    const KEYS: [&str; 11] = [
        "ts",
        "time",
        "timestamp",
        "@timestamp",
        "datetime",
        "asctime",
        "date",
        "eventTime",
        "@t",
        "__REALTIME_TIMESTAMP",
        "created_at",
    ];
    let object = value.as_object()?;
    KEYS.iter().find_map(|key| object.get(*key).and_then(time::of_json))
}

fn walk(value: &Value, place: &Place, found: &mut Found) {
    match value {
        Value::Object(object) => walk_object(object, place, found),
        Value::Array(items) => items.iter().for_each(|item| walk(item, place, found)),
        Value::String(text) => read_text(text, place, found),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn walk_object(object: &Map<String, Value>, place: &Place, found: &mut Found) {
    let mut place = place.clone();
    if let Some((name, wildcard)) = identifier(object) {
        (place.context.name, place.context.wildcard) = (Some(name), wildcard);
    }
    place.context.wildcard |= object.get("wildcard").and_then(Value::as_bool).unwrap_or(false);
    place.time = object.get("validated").and_then(time::of_json).map(|stamp| stamp.second).or(place.time);
    let kind = object.get("type").and_then(Value::as_str).and_then(|kind| kind.split_once("acme:error:"));
    if let Some((_, kind)) = kind {
        place.context.problem = Some(kind.chars().filter(char::is_ascii_alphanumeric).take(40).collect());
        problem(object, &place, found);
    }
    for (key, value) in object {
        let read = kind.is_some() && matches!(key.as_str(), "type" | "detail");
        if !read {
            walk(value, &place, found);
        }
    }
}

/// The identifier of an authorization, of an order with one name, or of a JSON log record.
fn identifier(object: &Map<String, Value>) -> Option<(DomainName, bool)> {
    let value = match object.get("identifier") {
        Some(Value::String(name)) => Some(name.as_str()),
        Some(Value::Object(identifier)) => identifier.get("value").and_then(Value::as_str),
        _ => match object.get("identifiers").and_then(Value::as_array).map(Vec::as_slice) {
            Some([Value::String(name)]) => Some(name.as_str()),
            Some([single]) => single.get("value").and_then(Value::as_str),
            _ => None,
        },
    };
    value.and_then(read_name)
}

/// One problem document (RFC 8555 §6.7), without its sub-problems.
fn problem(object: &Map<String, Value>, place: &Place, found: &mut Found) {
    let detail = object.get("detail").and_then(Value::as_str).unwrap_or_default();
    let detail = plain(detail);
    let scan = scan(&detail, &place.context, true);
    let silent = scan.errors.is_empty() && scan.others.is_empty() && scan.header.is_none();
    let kind = place.context.problem.as_deref().unwrap_or_default();
    let nested = object.get("subproblems").and_then(Value::as_array).is_some_and(|nested| !nested.is_empty());
    if let Some(header) = scan.header {
        found.headers.push((header, place.time));
    }
    for error in scan.errors {
        found.add(error, place.time);
    }
    found.others.extend(scan.others);
    if silent && !nested {
        if kind.eq_ignore_ascii_case("caa") {
            found.add(worded_otherwise(&detail, &place.context, None), place.time);
        } else {
            found.others.push(kind.to_owned());
        }
    }
}

/// A text inside a document: a document again, or words.
fn read_text(text: &str, place: &Place, found: &mut Found) {
    if !may_matter(text) {
        return;
    }
    let (parts, words) = if place.depth < DEPTH { embedded(text) } else { (Vec::new(), text.to_owned()) };
    let inside = Place { depth: place.depth + 1, ..place.clone() };
    for part in &parts {
        walk(part, &inside, found);
    }
    if may_matter(&words) {
        let scan = scan(&plain(&words), &place.context, true);
        found.headers.extend(scan.header.map(|header| (header, place.time)));
        for error in scan.errors {
            found.add(error, place.time);
        }
        if parts.is_empty() {
            found.others.extend(scan.others);
        }
    }
}

/// The JSON objects that stand in a text, and the text without them.
pub(super) fn embedded(text: &str) -> (Vec<Value>, String) {
    let (mut parts, mut words, mut from, mut at) = (Vec::new(), String::new(), 0, 0);
    for _ in 0..ATTEMPTS {
        let Some(open) = text[at..].find('{').map(|open| at + open) else { break };
        let begins = text[open + 1..].trim_start().starts_with('"');
        let read = begins.then(|| serde_json::Deserializer::from_str(&text[open..]).into_iter::<Value>());
        at = open + 1;
        if let Some(mut stream) = read
            && let Some(Ok(value)) = stream.next()
        {
            at = open + stream.byte_offset();
            words.push_str(&text[from..open]);
            words.push(' ');
            from = at;
            parts.push(value);
        }
    }
    words.push_str(&text[from..]);
    (parts, words)
}
