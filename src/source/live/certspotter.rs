//! What to ask Cert Spotter: one page after the other by cursor, until the empty one.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::classify::{PageFacts, Reading, by_status, retry_after};
use super::request::{PageRequest, Reply, Service};
use super::{Completeness, Settled, Source};
use crate::issuance::{Record, x509};
use crate::name::DomainName;
use crate::source::reply::certspotter::{Entry, Fields, read};
use crate::source::reply::{ReplyError, rows};

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
        if let Err(ReplyError::Refused { code, message }) = read(&reply.body) {
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
            Settled::Page(facts) if facts.records == 0 && facts.unreadable == 0 => self.end = End::Reached,
            Settled::Page(facts) => match &facts.cursor {
                None => self.end = End::Failed("the last issuance of a page has no id to go on from".into()),
                Some(cursor) if !self.seen.insert(cursor.clone()) => {
                    self.end = End::Failed("the same cursor came twice".into());
                }
                Some(cursor) => self.after = Some(cursor.clone()),
            },
            Settled::TooBig => self.end = End::Failed("Cert Spotter could not answer".into()),
            Settled::GivenUp(why) => self.end = End::Failed(why.clone()),
        }
    }

    fn records(&self, _request: &PageRequest, body: &[u8], take: &mut dyn FnMut(&Record<'_>)) {
        let _ = each_entry(body, |entry| {
            let der = entry.der.as_deref().and_then(|text| STANDARD.decode(text).ok());
            match der.as_deref().map(x509::read) {
                // The certificate itself says more than the fields about it; who is behind the issuer only they say.
                Some(Ok(read)) => take(&Record { caa_domains: entry.record.caa_domains.clone(), ..read }),
                Some(Err(_)) | None => take(&entry.record),
            }
        });
    }

    fn completeness(&self) -> Completeness {
        let incomplete = match &self.end {
            End::Reached => None,
            End::NotYet => Some("not read to the end".into()),
            End::Failed(why) => Some(why.clone()),
        };
        let notes = if self.expired { vec!["Cert Spotter has unexpired certificates only".into()] } else { Vec::new() };
        Completeness { truncated: false, incomplete, rows_used: None, expired_included: false, notes }
    }

    fn cursor(&self) -> Option<String> {
        self.after.clone()
    }
}

fn each_entry<'a>(body: &'a [u8], mut take: impl FnMut(&Entry<'a>)) -> Result<u64, ReplyError> {
    let mut unreadable = 0;
    rows(body, |_, fields: Fields<'_>| {
        match fields.entry() {
            Some(entry) => take(&entry),
            None => unreadable += 1,
        }
        Ok(())
    })?;
    Ok(unreadable)
}

fn read_body(body: &[u8]) -> Reading {
    let mut facts = PageFacts::default();
    let read = each_entry(body, |entry| {
        facts.records += 1;
        facts.cursor = entry.id.as_deref().map(str::to_owned);
    });
    match read {
        Ok(unreadable) if unreadable > 0 && facts.records == 0 => {
            Reading::Transient { why: format!("{unreadable} objects, none of them an issuance"), partial: false }
        }
        Ok(unreadable) => {
            facts.unreadable = unreadable;
            // What was discovered before does not change; only the end moves.
            facts.lasting = facts.records > 0;
            Reading::Page(facts)
        }
        Err(error) => {
            let partial =
                matches!(error, ReplyError::Cut { records: 1.., .. } | ReplyError::Broken { records: 1.., .. });
            Reading::Transient { why: error.to_string(), partial }
        }
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
