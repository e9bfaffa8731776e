//! crt.sh over HTTPS as a [`Source`]: the question becomes a URL, the answer what is told.

mod read;
mod region;
mod search;

use std::collections::BTreeSet;

use search::{Narrowing, Query, Search};

use super::classify::{Reading, by_status};
use super::request::{PageRequest, Reply, Service};
use super::{Completeness, Settled, Source};
use crate::issuance::Record;
use crate::name::DomainName;
use crate::report::{counted, thousands};

/// Matched rows that crt.sh gives at most (certwatch_db, `web_apis`).
pub const ROW_CAP: u64 = 10_000;

/// The search for one domain.
#[derive(Debug)]
pub struct Crtsh {
    expired: bool,
    expired_given_up: bool,
    search: Search,
    rows_used: Option<u64>,
    failure: Option<String>,
    too_big: Option<String>,
}

impl Crtsh {
    /// The search for `domain` and all below it.
    #[must_use]
    pub fn new(domain: DomainName, expired: bool) -> Self {
        Self {
            expired,
            expired_given_up: false,
            search: Search::new(domain),
            rows_used: None,
            failure: None,
            too_big: None,
        }
    }

    fn target(&self, query: &Query) -> String {
        // `match` is always given: without it a name with a hyphen is searched by whole words and loses most names.
        let mut target = format!("/?dNSName={}&match=ILIKE", query.name);
        if !self.expired || self.expired_given_up {
            target.push_str("&exclude=expired");
        }
        if query.deduplicate {
            target.push_str("&deduplicate=Y");
        }
        let excluded = self.search.excluded(query);
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

    /// Why not all of it is known, if so.
    fn sampled(&self) -> Option<String> {
        if !self.search.was_cut() || !self.search.is_open() {
            return None;
        }
        let (certificates, kinds, since_new) = self.search.sample();
        if certificates == 0 {
            let why = self.too_big.as_deref().unwrap_or("no answer came");
            return Some(format!("it cannot answer for so many certificates: {why}"));
        }
        let mut text = format!(
            "sampled: an answer has at most {} rows, so {} could be had of more",
            thousands(ROW_CAP),
            counted(certificates, "certificate")
        );
        if self.search.ended_early() {
            let (since_new, kinds) = (thousands(since_new), counted(kinds, "kind"));
            text.push_str(&format!("; the last {since_new} of them brought nothing new to {kinds} of names"));
        }
        Some(text)
    }
}

impl Source for Crtsh {
    fn service(&self) -> Service {
        Service::Crtsh
    }

    fn next(&self) -> Option<PageRequest> {
        let query = self.search.next()?;
        Some(PageRequest { service: Service::Crtsh, target: self.target(query) })
    }

    fn read(&self, reply: &Reply) -> Reading {
        let Some(query) = self.search.next() else {
            return Reading::Refused { why: "nothing was asked".into() };
        };
        let counts = query.narrowing == Narrowing::IssuerCounts;
        by_status(reply).unwrap_or_else(|| read::body(&reply.body, &query.name, counts))
    }

    fn settle(&mut self, settled: &Settled) {
        let Some(query) = self.search.take() else { return };
        match settled {
            Settled::Page(facts) => {
                self.rows_used = self.rows_used.max(facts.rows);
                let cut = facts.rows.unwrap_or(facts.records) >= ROW_CAP;
                self.search.answered(query, &facts.told, cut);
            }
            // Fewer certificates first, else other questions.
            Settled::TooBig(_) if query.narrowing == Narrowing::None && self.expired && !self.expired_given_up => {
                self.expired_given_up = true;
                self.search.again(query);
            }
            Settled::TooBig(why) => {
                self.too_big.get_or_insert_with(|| why.clone());
                self.search.too_big(query);
            }
            Settled::GivenUp(why) => {
                self.failure.get_or_insert_with(|| why.clone());
                self.search.given_up(&query);
            }
        }
    }

    fn records(&self, request: &PageRequest, body: &[u8], take: &mut dyn FnMut(&Record<'_>)) {
        if !request.target.contains("&group=icaid") {
            read::records(body, take);
        }
    }

    fn completeness(&self) -> Completeness {
        let mut notes = Vec::new();
        let sampled = self.sampled();
        if self.search.was_cut() && sampled.is_none() {
            notes.push(format!(
                "an answer of crt.sh was cut at {} rows; narrower searches gave the rest",
                thousands(ROW_CAP)
            ));
        }
        if sampled.is_some() && self.search.labels_asked() > 0 {
            let labels = counted(u64::from(self.search.labels_asked()), "label");
            notes.push(format!("crt.sh was also asked for {labels} below the domain"));
        }
        let no_expired = "crt.sh could not answer for expired certificates; unexpired ones only".to_owned();
        let truncated = sampled.is_some();
        let incomplete = self.failure.clone().or(sampled);
        Completeness {
            truncated,
            incomplete: incomplete.or_else(|| self.expired_given_up.then_some(no_expired)),
            rows_used: self.rows_used,
            expired_included: self.expired && !self.expired_given_up,
            notes,
        }
    }

    fn wants_names(&self) -> bool {
        self.search.wants_names()
    }

    fn take_names(&mut self, names: &BTreeSet<String>) {
        self.search.take_names(names);
    }
}

#[cfg(test)]
mod tests;
