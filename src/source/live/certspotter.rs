//! What to ask Cert Spotter: one page after the other by cursor, until the empty one.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeSet;

use super::classify::{PageFacts, Reading, by_status, retry_after};
use super::request::{PageRequest, Reply, Service};
use super::{Completeness, Settled, Source};
use crate::issuance::Record;
use crate::name::DomainName;
use crate::source::reply::certspotter::{Fields, refusal};
use crate::source::reply::{each, has_records, salvage};

/// The pages for one domain.
#[derive(Debug)]
pub struct CertSpotter {
    domain: DomainName,
    expired: bool,
    after: Option<String>,
    seen: BTreeSet<String>,
    end: End,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    NotYet,
    Reached,
    Failed(String),
}

impl CertSpotter {
    /// The pages for `domain` and all below it.
    #[must_use]
    pub fn new(domain: DomainName, expired: bool) -> Self {
        Self { domain, expired, after: None, seen: BTreeSet::new(), end: End::NotYet }
    }
}

impl Source for CertSpotter {
    fn service(&self) -> Service {
        Service::Certspotter
    }

    fn next(&self) -> Option<PageRequest> {
        if self.end != End::NotYet {
            return None;
        }
        let mut target = format!(
            "/v1/issuances?domain={}&include_subdomains=true&expand=dns_names&expand=issuer&expand=issuer.caa_domains",
            self.domain
        );
        if let Some(after) = &self.after {
            target.push_str("&after=");
            target.push_str(&percent_encode(after));
        }
        Some(PageRequest { service: Service::Certspotter, target })
    }

    fn read(&self, reply: &Reply) -> Reading {
        // An error object says more than its status does.
        if let Some((code, message)) = refusal(&reply.body) {
            let why = format!("{code}: {message}").escape_debug().to_string();
            let why: String = why.chars().take(300).collect();
            return match (code.as_str(), reply.status) {
                ("rate_limited", _) | (_, 429) => Reading::RateLimited { why, wait: retry_after(reply) },
                ("internal_error", _) | (_, 500..) => Reading::Transient { why, partial: false },
                _ => Reading::Refused { why },
            };
        }
        by_status(reply).unwrap_or_else(|| read_body(&reply.body))
    }

    fn settle(&mut self, settled: &Settled) {
        match settled {
            Settled::Page(facts) if facts.records == 0 && facts.odd.is_none() => self.end = End::Reached,
            Settled::Page(facts) => match &facts.cursor {
                None => self.end = End::Failed("the last issuance of a page has no id to go on from".into()),
                Some(cursor) if !self.seen.insert(cursor.clone()) => {
                    self.end = End::Failed("the same cursor came twice".into());
                }
                Some(cursor) => self.after = Some(cursor.clone()),
            },
            Settled::TooBig(why) | Settled::GivenUp(why) => self.end = End::Failed(why.clone()),
        }
    }

    fn records(&self, _request: &PageRequest, body: &[u8], take: &mut dyn FnMut(&Record<'_>)) {
        salvage(body, |fields: Fields<'_>| {
            let Some(entry) = fields.entry() else { return false };
            let der = entry.certificate();
            let record = entry.into_record(der.as_deref());
            record.map(|record| take(&record)).is_ok()
        });
    }

    fn completeness(&self) -> Completeness {
        let incomplete = match &self.end {
            // Who stopped before the end knows why.
            End::Reached | End::NotYet => None,
            End::Failed(why) => Some(why.clone()),
        };
        let notes = if self.expired { vec!["Cert Spotter has unexpired certificates only".into()] } else { Vec::new() };
        Completeness { truncated: false, incomplete, rows_used: None, expired_included: false, notes }
    }

    fn cursor(&self) -> Option<String> {
        self.after.clone()
    }
}

fn read_body(body: &[u8]) -> Reading {
    let mut facts = PageFacts::default();
    // The next page starts behind whatever came last, be it an issuance or not.
    let last = Cell::new(None);
    let read = |fields: &Fields<'_>| {
        last.set(fields.id().map(Cow::into_owned));
        let entry = fields.entry()?;
        let der = entry.certificate();
        entry.into_record(der.as_deref()).is_ok().then_some(())
    };
    match each(body, read, |()| facts.records += 1) {
        Ok(odd) => {
            facts.cursor = last.take();
            // What was discovered before does not change; only the end moves.
            facts.lasting = facts.records > 0;
            match odd {
                Some(odd) if facts.cursor.is_none() => {
                    Reading::Transient { why: odd.to_string(), partial: facts.lasting }
                }
                odd => Reading::Page(PageFacts { odd, ..facts }),
            }
        }
        Err(error) => Reading::Transient { why: error.to_string(), partial: has_records(body, read) },
    }
}

/// A query value with everything encoded but what never needs it (RFC 3986 §2.3).
fn percent_encode(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut encoded, octet| {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(octet)),
            _ => write!(encoded, "%{octet:02X}").expect("writing to a text cannot fail"),
        }
        encoded
    })
}
