//! What to ask crt.sh, and what next when an answer is cut or too big.
//!
//! crt.sh gives at most 10,000 matched rows, any of them, without saying so. When a search reaches that, it is narrowed
//! in this order: without duplicates; without the largest issuers, then each of them alone; by the labels below the name.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::classify::{PageFacts, Reading, by_message, by_status, find, sentence};
use super::request::{PageRequest, Reply, Service};
use super::{Completeness, Settled, Source};
use crate::issuance::Record;
use crate::name::{DomainName, SanRef};
use crate::source::reply::crtsh::{Entry, Fields, read_issuer_counts};
use crate::source::reply::{ReplyError, rows};

/// Matched rows that crt.sh gives at most (certwatch_db, `web_apis`).
pub const ROW_CAP: u64 = 10_000;
/// Issuers left out of one search at most.
const MAX_PEELED: usize = 12;
/// Labels asked for below one name at most.
const MAX_CHILDREN: usize = 40;
/// Records a label must have in the sample to be worth a request.
const MIN_CHILD_RECORDS: u64 = 10;

/// The search for one domain.
#[derive(Debug)]
pub struct Crtsh {
    expired: bool,
    expired_given_up: bool,
    queue: VecDeque<Query>,
    regions: BTreeMap<DomainName, Region>,
    rows_used: Option<u64>,
    cut_once: bool,
    /// Issuers or names whose certificates are known in part only.
    open: bool,
    failure: Option<String>,
    starved: Option<DomainName>,
    splits: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Query {
    name: DomainName,
    narrowing: Narrowing,
}

/// How a search is narrowed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Narrowing {
    /// Not at all.
    Plain,
    /// Precertificate and certificate as one row: half the rows, for a costlier search.
    Deduplicated,
    /// Counts by issuer only, where no sample tells the issuers.
    IssuerCounts,
    /// Without the issuers peeled off so far.
    Peeled,
    /// Without every known issuer but this one.
    Only(i64),
}

/// What is known of the certificates at and below one name.
#[derive(Debug, Default)]
struct Region {
    /// Rows seen by issuer.
    issuers: BTreeMap<i64, u64>,
    /// Records seen by the next label.
    children: BTreeMap<String, u64>,
    /// Issuers left out of the search, largest first.
    peeled: Vec<i64>,
    /// An issuer alone is still too much.
    open: bool,
}

impl Crtsh {
    /// The search for `domain` and all below it.
    #[must_use]
    pub fn new(domain: DomainName, expired: bool) -> Self {
        Self {
            expired,
            expired_given_up: false,
            queue: VecDeque::from([Query { name: domain, narrowing: Narrowing::Plain }]),
            regions: BTreeMap::new(),
            rows_used: None,
            cut_once: false,
            open: false,
            failure: None,
            starved: None,
            splits: 0,
        }
    }

    fn target(&self, query: &Query) -> String {
        // `match` is always given: without it a name with a hyphen is searched by whole words and loses most names.
        let mut target = format!("/?dNSName={}&match=ILIKE", query.name);
        if !self.expired || self.expired_given_up {
            target.push_str("&exclude=expired");
        }
        if query.narrowing != Narrowing::Plain {
            target.push_str("&deduplicate=Y");
        }
        let excluded = self.excluded(query);
        if !excluded.is_empty() {
            let list: Vec<String> = excluded.iter().map(i64::to_string).collect();
            target.push_str("&excludeCAs=");
            target.push_str(&list.join(","));
        }
        if query.narrowing == Narrowing::IssuerCounts {
            target.push_str("&group=icaid");
        }
        target.push_str("&output=json");
        target
    }

    fn excluded(&self, query: &Query) -> Vec<i64> {
        let Some(region) = self.regions.get(&query.name) else { return Vec::new() };
        match query.narrowing {
            Narrowing::Plain | Narrowing::Deduplicated | Narrowing::IssuerCounts => Vec::new(),
            Narrowing::Peeled => region.peeled.clone(),
            Narrowing::Only(issuer) => region.known().filter(|&other| other != issuer).collect(),
        }
    }

    fn learn(&mut self, name: &DomainName, facts: &PageFacts) {
        self.rows_used = self.rows_used.max(facts.rows);
        let region = self.regions.entry(name.clone()).or_default();
        for (&issuer, &rows) in &facts.issuers {
            let seen = region.issuers.entry(issuer).or_default();
            *seen = (*seen).max(rows);
        }
        for (label, &records) in &facts.children {
            let seen = region.children.entry(label.clone()).or_default();
            *seen = (*seen).max(records);
        }
    }

    /// A search was cut or could not be answered: asks the same differently.
    fn narrow(&mut self, query: Query, answered: bool) {
        let Query { name, narrowing } = query;
        self.cut_once = true;
        match narrowing {
            // What timed out would time out again with the costlier search: fewer certificates, else other questions.
            Narrowing::Plain if !answered && self.expired && !self.expired_given_up => {
                self.expired_given_up = true;
                self.ask(name, Narrowing::Plain);
            }
            Narrowing::Plain if !answered => self.ask(name, Narrowing::IssuerCounts),
            Narrowing::Plain => self.ask(name, Narrowing::Deduplicated),
            Narrowing::Deduplicated | Narrowing::Peeled => self.peel(name),
            Narrowing::IssuerCounts => {
                self.open = true;
                self.starved = Some(name);
            }
            Narrowing::Only(_) => {
                self.regions.entry(name.clone()).or_default().open = true;
                self.split_after_last(&name);
            }
        }
    }

    fn ask(&mut self, name: DomainName, narrowing: Narrowing) {
        self.queue.push_front(Query { name, narrowing });
    }

    /// Leaves out the largest issuer that is still in.
    fn peel(&mut self, name: DomainName) {
        let region = self.regions.entry(name.clone()).or_default();
        let next = region.known().filter(|issuer| !region.peeled.contains(issuer));
        // Most rows first; among equals the smallest number, so that the same answers give the same requests.
        let next = next.max_by_key(|issuer| (region.issuers[issuer], std::cmp::Reverse(*issuer)));
        match next.filter(|_| region.peeled.len() < MAX_PEELED) {
            Some(issuer) => {
                region.peeled.push(issuer);
                self.ask(name, Narrowing::Peeled);
            }
            None => self.split(&name),
        }
    }

    /// All but the peeled issuers are known: now each of those alone.
    fn take_peeled(&mut self, name: &DomainName) {
        let region = self.regions.entry(name.clone()).or_default();
        if region.known().count() < 2 {
            // Nothing but this issuer: alone it is what was cut before.
            region.open = true;
        } else {
            for &issuer in region.peeled.iter().rev() {
                self.queue.push_front(Query { name: name.clone(), narrowing: Narrowing::Only(issuer) });
            }
        }
        self.split_after_last(name);
    }

    fn split_after_last(&mut self, name: &DomainName) {
        let alone = |query: &Query| query.name == *name && matches!(query.narrowing, Narrowing::Only(_));
        if self.regions.get(name).is_some_and(|region| region.open) && !self.queue.iter().any(alone) {
            self.split(name);
        }
    }

    /// Asks for each label below that the sample shows often. Labels it does not show stay unknown: a sample.
    fn split(&mut self, name: &DomainName) {
        self.open = true;
        let Some(region) = self.regions.get(name) else { return };
        let total: u64 = region.children.values().sum();
        let worth = |records: u64| records >= MIN_CHILD_RECORDS.max(total / 200);
        let mut children: Vec<(&String, u64)> =
            region.children.iter().map(|(label, &records)| (label, records)).collect();
        children.retain(|&(_, records)| worth(records));
        children.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        children.truncate(MAX_CHILDREN);
        let children = children.into_iter().filter_map(|(label, _)| DomainName::parse(&format!("{label}.{name}")).ok());
        for child in children.collect::<Vec<_>>() {
            if !self.regions.contains_key(&child) {
                self.splits += 1;
                self.queue.push_back(Query { name: child, narrowing: Narrowing::Deduplicated });
            }
        }
    }
}

impl Region {
    fn known(&self) -> impl Iterator<Item = i64> {
        // A negative number is crt.sh's word for an issuer it does not know; it cannot be left out.
        self.issuers.keys().copied().filter(|&issuer| issuer > 0)
    }
}

impl Source for Crtsh {
    fn service(&self) -> Service {
        Service::Crtsh
    }

    fn next(&self) -> Option<PageRequest> {
        let query = self.queue.front()?;
        Some(PageRequest { service: Service::Crtsh, target: self.target(query) })
    }

    fn read(&self, reply: &Reply) -> Reading {
        let Some(query) = self.queue.front() else {
            return Reading::Refused { why: "nothing was asked".into() };
        };
        by_status(reply).unwrap_or_else(|| read_body(&reply.body, query))
    }

    fn settle(&mut self, settled: &Settled) {
        let Some(query) = self.queue.pop_front() else { return };
        match settled {
            Settled::Page(facts) => {
                self.learn(&query.name, facts);
                let cut = facts.rows.unwrap_or(facts.records) >= ROW_CAP;
                let name = query.name.clone();
                match query.narrowing {
                    Narrowing::IssuerCounts if facts.issuers.is_empty() => self.narrow(query, true),
                    Narrowing::IssuerCounts => self.peel(name),
                    _ if cut => self.narrow(query, true),
                    Narrowing::Plain | Narrowing::Deduplicated => {}
                    Narrowing::Peeled => self.take_peeled(&name),
                    Narrowing::Only(_) => self.split_after_last(&name),
                }
            }
            Settled::TooBig => self.narrow(query, false),
            Settled::GivenUp(why) => {
                self.failure.get_or_insert_with(|| why.clone());
                self.open = true;
                if let Narrowing::Only(_) = query.narrowing {
                    self.split_after_last(&query.name);
                }
            }
        }
    }

    fn records(&self, request: &PageRequest, body: &[u8], take: &mut dyn FnMut(&Record<'_>)) {
        if request.target.contains("&group=icaid") {
            return;
        }
        // A fault after whole records was judged when the page came; here only the records count.
        let _ = each_entry(list_of(body), |entry| take(&entry.record));
    }

    fn completeness(&self) -> Completeness {
        let mut notes = Vec::new();
        if self.cut_once && !self.open && self.queue.is_empty() {
            notes.push(format!("an answer of crt.sh was cut at {ROW_CAP} rows; narrower searches gave the rest"));
        }
        if self.open && self.splits > 0 {
            notes.push(format!("crt.sh was also asked for {} labels that the sample shows often", self.splits));
        }
        if self.expired_given_up {
            notes.push("crt.sh could not answer for expired certificates; unexpired ones only".into());
        }
        let why = if let Some(why) = &self.failure {
            Some(why.clone())
        } else if self.cut_once && (self.open || !self.queue.is_empty()) {
            Some(format!(
                "sampled: crt.sh gives at most {ROW_CAP} rows an answer, and narrower searches did not get the rest"
            ))
        } else if self.expired_given_up {
            Some("crt.sh could not answer for expired certificates".into())
        } else {
            None
        };
        Completeness {
            truncated: self.cut_once && (self.open || !self.queue.is_empty()),
            incomplete: why,
            rows_used: self.rows_used,
            expired_included: self.expired && !self.expired_given_up,
            notes,
        }
    }

    fn wants_names(&self) -> bool {
        self.starved.is_some()
    }

    fn take_names(&mut self, names: &BTreeSet<String>) {
        let Some(name) = self.starved.take() else { return };
        let mut children = BTreeMap::new();
        for text in names {
            if let Some(label) = child_label(text, &name) {
                *children.entry(label.to_owned()).or_default() += MIN_CHILD_RECORDS;
            }
        }
        self.regions.entry(name.clone()).or_default().children = children;
        self.split(&name);
    }
}

/// The label directly below `name` in a canonical text below it.
fn child_label<'a>(text: &'a str, name: &DomainName) -> Option<&'a str> {
    let above = text.strip_suffix(name.as_str())?.strip_suffix('.')?;
    above.rsplit('.').next().filter(|label| !label.is_empty())
}

/// The list in a body: crt.sh may write its own headers in front when it fails.
fn list_of(body: &[u8]) -> &[u8] {
    match body.starts_with(b"[BEGIN_HEADERS]").then(|| find(body, b"[end_headers]")).flatten() {
        Some(end) => body[end + b"[END_HEADERS]".len()..].trim_ascii_start(),
        None => body,
    }
}

/// Hands out the records of a list, and tells how many objects were none.
fn each_entry<'a>(list: &'a [u8], mut take: impl FnMut(&Entry<'a>)) -> Result<u64, ReplyError> {
    let mut unreadable = 0;
    rows(list, |_, fields: Fields<'_>| {
        match fields.entry() {
            Some(entry) => take(&entry),
            None => unreadable += 1,
        }
        Ok(())
    })?;
    Ok(unreadable)
}

fn read_body(body: &[u8], query: &Query) -> Reading {
    let list = list_of(body);
    if query.narrowing == Narrowing::IssuerCounts {
        return match read_issuer_counts(list) {
            Ok(counts) => Reading::Page(PageFacts {
                rows: Some(0),
                issuers: counts.iter().map(|count| (count.ca_id, count.matched_rows.max(count.certificates))).collect(),
                ..PageFacts::default()
            }),
            Err(error) => unreadable(list, body, &error),
        };
    }
    let mut facts = PageFacts { rows: Some(0), ..PageFacts::default() };
    let read = each_entry(list, |entry| facts.take(entry, &query.name));
    match read {
        Ok(0) => {}
        Ok(unreadable) if facts.records == 0 => {
            let why = format!("{unreadable} objects, none of them a record");
            return Reading::Transient { why, partial: false };
        }
        Ok(unreadable) => facts.unreadable = unreadable,
        Err(error) => return unreadable(list, body, &error),
    }
    if list.trim_ascii_start().starts_with(b"{") {
        facts.note = Some("crt.sh sent objects one after the other, as it did years ago".into());
    }
    Reading::Page(facts)
}

impl PageFacts {
    fn take(&mut self, entry: &Entry<'_>, name: &DomainName) {
        self.records += 1;
        self.rows = self.rows.zip(entry.matched_rows).map(|(sum, rows)| sum.saturating_add(rows));
        if let Some(issuer) = entry.record.issuer_ca_id {
            *self.issuers.entry(issuer).or_default() += entry.matched_rows.unwrap_or(1);
        }
        let sans: Vec<SanRef<'_>> = entry.record.names.iter().filter_map(|text| SanRef::parse(text).ok()).collect();
        let labels: BTreeSet<&str> = sans.iter().filter_map(|san| child_label(san.name(), name)).collect();
        for label in labels {
            *self.children.entry(label.to_owned()).or_default() += 1;
        }
    }
}

/// Why a body is no list: a refusal in words, an error in mid-answer, or a cut.
fn unreadable(list: &[u8], body: &[u8], error: &ReplyError) -> Reading {
    match error {
        ReplyError::Broken { records, offset, .. } => {
            let message = sentence(list.get(*offset..).unwrap_or_default());
            match by_message(format!("the answer breaks off after {records} records: {message}")) {
                Reading::Transient { why, .. } => Reading::Transient { why, partial: *records > 0 },
                other => other,
            }
        }
        ReplyError::Cut { records, .. } => {
            Reading::Transient { why: format!("the answer is {error}"), partial: *records > 0 }
        }
        // Only crt.sh itself writes its headers into the body: then the words are its own.
        ReplyError::NotAList { .. } if list.len() < body.len() => match by_message(sentence(list)) {
            Reading::Transient { why, .. } => Reading::Refused { why },
            other => other,
        },
        ReplyError::NotAList { .. } => {
            Reading::Transient { why: format!("no JSON: {}", sentence(body)), partial: false }
        }
        ReplyError::Empty | ReplyError::Incomplete { .. } | ReplyError::Refused { .. } => {
            Reading::Transient { why: error.to_string().escape_debug().to_string(), partial: false }
        }
    }
}
