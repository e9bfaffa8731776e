//! crt.sh over PostgreSQL: which statements to send, and what their rows say.
//!
//! A pooler stands before the database and hands each statement to any server: one statement a connection, nothing
//! prepared, no transaction, no start-up options. Pages go by id within a span of expiry dates, as the table is
//! partitioned; what is too much for one statement is asked by issuer, then by shorter spans.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::classify::{PageFacts, Reading};
use super::request::{PageRequest, Reply, Service};
use super::{Completeness, Settled, Source};
use crate::issuance::{Record, x509};
use crate::name::DomainName;
use crate::source::reply::Odd;

/// Rows of one statement.
const PAGE: u64 = 500;
/// Spans of fewer days are not halved again.
const SHORTEST: i32 = 14;
/// Quarters ahead that are asked one by one: longer than any public certificate lasts.
const QUARTERS: i32 = 6;
/// The first year asked by itself; public logs are hardly older.
const FIRST_YEAR: i16 = 2015;

/// The statements for one domain.
#[derive(Debug)]
pub struct CrtshPg {
    domain: DomainName,
    expired: bool,
    queue: VecDeque<Part>,
    issuers: BTreeSet<i64>,
    issuers_asked: bool,
    failure: Option<String>,
}

/// A part of the domain's certificates, read in order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// First day of expiry; `None` for the beginning.
    from: Option<Date>,
    /// The day after the last day of expiry; `None` for the end.
    to: Option<Date>,
    issuers: Issuers,
    /// The last id read.
    after: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Issuers {
    /// Only which there are, of all days.
    Which,
    All,
    Only(i64),
    AllBut(Vec<i64>),
}

/// A row as the transport hands it on.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PgRow {
    pub(super) id: String,
    pub(super) issuer_ca_id: String,
    /// The certificate in base64, possibly in lines.
    pub(super) certificate: String,
}

impl CrtshPg {
    /// The statements for `domain` and all below it, as of `now`.
    #[must_use]
    pub fn new(domain: DomainName, expired: bool, now: Timestamp) -> Self {
        let today = TimeZone::UTC.to_datetime(now).date();
        let spans = spans(today, expired);
        let part = |(from, to)| Part { from, to, issuers: Issuers::All, after: 0 };
        Self {
            domain,
            expired,
            queue: spans.into_iter().map(part).collect(),
            issuers: BTreeSet::new(),
            issuers_asked: false,
            failure: None,
        }
    }

    fn statement(&self, part: &Part) -> String {
        // A canonical name holds no quote and no backslash, dates and numbers are our own: nothing needs escaping.
        let found = format!(
            "FROM certificate c WHERE plainto_tsquery('certwatch', '{}') @@ identities(c.certificate)",
            self.domain
        );
        if part.issuers == Issuers::Which {
            return format!("SELECT min(c.id), c.issuer_ca_id, '' {found} GROUP BY c.issuer_ca_id ORDER BY 1");
        }
        let mut sql = format!("SELECT c.id, c.issuer_ca_id, encode(c.certificate, 'base64') {found}");
        let expiry = "coalesce(x509_notAfter(c.certificate), 'infinity'::timestamp)";
        let mut and = |condition: String| write!(sql, " AND {condition}").expect("writing to a text cannot fail");
        if let Some(from) = part.from {
            and(format!("{expiry} >= '{from}'"));
        }
        if let Some(to) = part.to {
            and(format!("{expiry} < '{to}'"));
        }
        if !self.expired {
            and(format!("{expiry} >= now() AT TIME ZONE 'UTC'"));
        }
        match &part.issuers {
            Issuers::Which | Issuers::All => {}
            Issuers::Only(issuer) => and(format!("c.issuer_ca_id = {issuer}")),
            Issuers::AllBut(issuers) => {
                let list: Vec<String> = issuers.iter().map(i64::to_string).collect();
                and(format!("c.issuer_ca_id NOT IN ({})", list.join(", ")));
            }
        }
        write!(sql, " AND c.id > {} ORDER BY c.id LIMIT {PAGE}", part.after).expect("writing to a text cannot fail");
        sql
    }

    /// Asks for a part in smaller ones.
    fn divide(&mut self, part: Part) {
        if part.issuers == Issuers::All && !self.issuers.is_empty() {
            let known: Vec<i64> = self.issuers.iter().copied().collect();
            self.queue.push_front(Part { issuers: Issuers::AllBut(known.clone()), ..part.clone() });
            for issuer in known.into_iter().rev() {
                self.queue.push_front(Part { issuers: Issuers::Only(issuer), ..part.clone() });
            }
            return;
        }
        // Which issuers there are can be told without looking into one certificate.
        if part.issuers == Issuers::All && !self.issuers_asked {
            self.issuers_asked = true;
            self.queue.push_front(Part { issuers: Issuers::Which, ..part });
            return;
        }
        let days = part.from.zip(part.to).and_then(|(from, to)| Some((from, to.since(from).ok()?.get_days())));
        match days.filter(|&(_, days)| days >= 2 * SHORTEST) {
            Some((from, days)) => {
                let middle = from.saturating_add((days / 2).days());
                self.queue.push_front(Part { from: Some(middle), ..part.clone() });
                self.queue.push_front(Part { to: Some(middle), ..part });
            }
            None => self.fail("too many certificates for one statement of crt.sh"),
        }
    }

    fn fail(&mut self, why: &str) {
        self.failure.get_or_insert_with(|| why.to_owned());
    }
}

/// Spans of expiry dates, soonest first: certificates that matter today come before those of the past.
fn spans(today: Date, expired: bool) -> Vec<(Option<Date>, Option<Date>)> {
    let month = (today.month() - 1) / 3 * 3 + 1;
    let quarter = jiff::civil::date(today.year(), month, 1);
    let start = |n: i32| quarter.saturating_add((3 * n).months());
    let mut spans: Vec<_> = (0..QUARTERS).map(|n| (Some(start(n)), Some(start(n + 1)))).collect();
    spans.push((Some(start(QUARTERS)), None));
    if expired {
        let year = |year| jiff::civil::date(year, 1, 1);
        if year(today.year()) < quarter {
            spans.push((Some(year(today.year())), Some(quarter)));
        }
        for past in (FIRST_YEAR..today.year()).rev() {
            spans.push((Some(year(past)), Some(year(past + 1))));
        }
        spans.push((None, Some(year(FIRST_YEAR.min(today.year())))));
    }
    spans
}

impl Source for CrtshPg {
    fn service(&self) -> Service {
        Service::CrtshPg
    }

    fn next(&self) -> Option<PageRequest> {
        let part = self.queue.front()?;
        Some(PageRequest { service: Service::CrtshPg, target: self.statement(part) })
    }

    fn read(&self, reply: &Reply) -> Reading {
        let Ok(rows) = serde_json::from_slice::<Vec<PgRow>>(&reply.body) else {
            return Reading::Transient { why: "no rows".into(), partial: false };
        };
        let front = self.queue.front();
        let (mut last, which) = front.map_or((0, false), |part| (part.after, part.issuers == Issuers::Which));
        let mut facts = PageFacts { rows: Some(rows.len() as u64), ..PageFacts::default() };
        for row in &rows {
            let Some(id) = row.id.parse::<i64>().ok().filter(|&id| id > last) else {
                return Reading::Refused { why: "the rows of crt.sh are not in the order asked for".into() };
            };
            last = id;
            match row.der().filter(|_| !which).as_deref().map(x509::read) {
                None if which => {}
                Some(Ok(_)) => facts.records += 1,
                Some(Err(error)) => Odd::count(&mut facts.odd, || format!("row {id}: {error}")),
                None => Odd::count(&mut facts.odd, || format!("row {id}: no base64")),
            }
            if let Some(issuer) = row.issuer() {
                *facts.told.issuers.entry(issuer).or_default() += 1;
            }
        }
        facts.cursor = (!rows.is_empty()).then(|| last.to_string());
        Reading::Page(facts)
    }

    fn settle(&mut self, settled: &Settled) {
        let Some(part) = self.queue.pop_front() else { return };
        match settled {
            Settled::Page(facts) => {
                self.issuers.extend(facts.told.issuers.keys().copied().filter(|&issuer| issuer > 0));
                if part.issuers == Issuers::Which {
                    return self.divide(Part { issuers: Issuers::All, ..part });
                }
                let last = facts.cursor.as_deref().and_then(|cursor| cursor.parse().ok());
                if let Some(after) = last.filter(|_| facts.rows >= Some(PAGE)) {
                    self.queue.push_front(Part { after, ..part });
                }
            }
            Settled::TooBig(_) if part.issuers == Issuers::Which => {
                self.divide(Part { issuers: Issuers::All, ..part });
            }
            Settled::TooBig(_) => self.divide(part),
            Settled::GivenUp(why) => self.fail(why),
        }
    }

    fn records(&self, _request: &PageRequest, body: &[u8], take: &mut dyn FnMut(&Record<'_>)) {
        for row in serde_json::from_slice::<Vec<PgRow>>(body).unwrap_or_default() {
            let der = row.der();
            if let Some(Ok(record)) = der.as_deref().map(x509::read) {
                take(&Record { issuer_ca_id: row.issuer(), ..record });
            }
        }
    }

    fn completeness(&self) -> Completeness {
        Completeness {
            truncated: false,
            incomplete: self.failure.clone(),
            rows_used: None,
            expired_included: self.expired,
            notes: vec!["crt.sh was asked over PostgreSQL, which is not encrypted".into()],
        }
    }
}

impl PgRow {
    fn der(&self) -> Option<Vec<u8>> {
        let text: String = self.certificate.split_ascii_whitespace().collect();
        STANDARD.decode(text).ok()
    }

    fn issuer(&self) -> Option<i64> {
        self.issuer_ca_id.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::told::Told;
    use super::*;
    use proptest::prelude::*;

    fn source(expired: bool) -> CrtshPg {
        CrtshPg::new(DomainName::parse("example.com").unwrap(), expired, "2026-11-23T00:00:00Z".parse().unwrap())
    }

    fn reply(body: impl Into<Vec<u8>>) -> Reply {
        let asked_at = "2026-11-23T00:00:00Z".parse().unwrap();
        Reply { status: 200, content_type: None, retry_after: None, body: body.into(), asked_at }
    }

    #[test]
    fn spans_follow_each_other_without_a_gap() {
        for (today, expired) in
            [("2026-11-23", true), ("2026-01-01", true), ("2030-12-31", false), ("2010-05-05", true)]
        {
            let mut spans = spans(today.parse().unwrap(), expired);
            spans.sort();
            for pair in spans.windows(2) {
                assert_eq!(pair[0].1, pair[1].0, "{today}: {spans:?}");
            }
            assert_eq!(spans.last().unwrap().1, None);
            assert_eq!(spans[0].0.is_none(), expired);
        }
    }

    #[test]
    fn pages_go_on_by_id_and_parts_by_date() {
        let mut source = source(false);
        let first = source.next().unwrap().target;
        assert!(first.contains(">= '2026-10-01'") && first.contains("< '2027-01-01'") && first.contains("c.id > 0 "));
        let full = PageFacts { rows: Some(PAGE), cursor: Some("77".into()), ..PageFacts::default() };
        source.settle(&Settled::Page(Box::new(full)));
        assert!(source.next().unwrap().target.contains("c.id > 77 "));
        source.settle(&Settled::Page(Box::default()));
        assert!(source.next().unwrap().target.contains(">= '2027-01-01'"));
    }

    #[test]
    fn what_is_too_much_is_asked_by_issuer_then_by_shorter_spans() {
        let mut source = source(false);
        let issuers = [(5, 1), (9, 1), (-1, 1)].into();
        source.settle(&Settled::Page(Box::new(PageFacts {
            told: Told { issuers, ..Told::default() },
            ..PageFacts::default()
        })));
        source.settle(&Settled::TooBig(String::new()));
        let targets: Vec<String> = source.queue.iter().take(3).map(|part| source.statement(part)).collect();
        assert!(targets[0].contains("issuer_ca_id = 5 ") && targets[1].contains("issuer_ca_id = 9 "));
        assert!(targets[2].contains("NOT IN (5, 9)"));
        let before = source.queue.len();
        source.settle(&Settled::TooBig(String::new()));
        assert_eq!(source.queue.len(), before + 1);
        assert!(source.next().unwrap().target.contains("< '2027-02-"), "{}", source.next().unwrap().target);
        for _ in 0..200 {
            source.settle(&Settled::TooBig(String::new()));
        }
        assert_eq!(source.next(), None, "dividing ends");
        assert!(source.completeness().incomplete.unwrap().contains("too many certificates"));
    }

    #[test]
    fn where_no_issuer_is_known_the_database_is_asked_which_there_are() {
        let mut source = source(false);
        let first = source.next().unwrap().target;
        source.settle(&Settled::TooBig(String::new()));
        let which = source.next().unwrap().target;
        assert!(which.contains("GROUP BY c.issuer_ca_id") && !which.contains("notAfter"), "{which}");
        let body = r#"[{"id":"3","issuer_ca_id":"5","certificate":""},{"id":"4","issuer_ca_id":"9","certificate":""}]"#;
        let Reading::Page(facts) = source.read(&reply(body)) else { panic!("issuers") };
        assert_eq!((facts.records, facts.odd.as_ref()), (0, None));
        source.settle(&Settled::Page(Box::new(facts)));
        let next = source.next().unwrap().target;
        assert!(
            next.contains("issuer_ca_id = 5 ") && next.starts_with(first.split(" AND c.id").next().unwrap()),
            "{next}"
        );
    }

    #[test]
    fn rows_out_of_order_are_refused_and_broken_ones_counted() {
        let row = |id: &str| format!(r#"{{"id":"{id}","issuer_ca_id":"x","certificate":"AA\nAA"}}"#);
        let read = |ids: &[&str]| {
            let rows: Vec<String> = ids.iter().map(|id| row(id)).collect();
            source(false).read(&reply(format!("[{}]", rows.join(","))))
        };
        assert!(matches!(
            read(&["3", "4"]),
            Reading::Page(PageFacts { records: 0, odd: Some(Odd { count: 2, .. }), .. })
        ));
        for ids in [["4", "3"], ["3", "3"], ["-1", "1"], ["x", "1"]] {
            assert!(matches!(read(&ids), Reading::Refused { .. }), "{ids:?}");
        }
    }

    proptest! {
        #[test]
        fn any_rows_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let source = source(true);
            let _ = source.read(&reply(body.clone()));
            source.records(&source.next().unwrap(), &body, &mut |_| {});
        }
    }
}
