//! What a body of crt.sh says: a list, counts by issuer, a refusal in words, an error in mid-answer, a cut.

use super::super::classify::{PageFacts, Reading, by_message};
use super::super::told::Sketch;
use crate::issuance::Record;
use crate::name::DomainName;
use crate::report::counted;
use crate::source::reply::crtsh::{Entry, Fields, IssuerCount};
use crate::source::reply::{ReplyError, each, find, has_records, head, salvage, sentence};

/// The list in a body: crt.sh may write its own headers in front when it fails.
fn list_of(body: &[u8]) -> &[u8] {
    match body.starts_with(b"[BEGIN_HEADERS]").then(|| find(body, b"[end_headers]")).flatten() {
        Some(end) => body[end + b"[END_HEADERS]".len()..].trim_ascii_start(),
        None => body,
    }
}

/// Hands out every whole record of a body, behind a fault too: whether there is one was judged when the page came.
pub(super) fn records(body: &[u8], take: &mut dyn FnMut(&Record<'_>)) {
    salvage(list_of(body), |fields: Fields<'_>| fields.entry().map(|entry| take(&entry.record)).is_some());
}

/// Reads the body of an answer for `name`: a list of certificates, or of `counts` by issuer.
pub(super) fn body(body: &[u8], name: &DomainName, counts: bool) -> Reading {
    let list = list_of(body);
    let mut facts = PageFacts { rows: Some(0), ..PageFacts::default() };
    let read = if counts {
        each(list, Fields::issuer_count, |count| take_count(&mut facts, &count))
    } else {
        each(list, Fields::entry, |entry| take(&mut facts, &entry, name))
    };
    match read {
        Ok(Some(odd)) if facts.records == 0 && facts.told.issuers.is_empty() => {
            return Reading::Transient { why: odd.to_string(), partial: false };
        }
        Ok(odd) => facts.odd = odd,
        Err(error) => return unreadable(list, body, &error),
    }
    if list.trim_ascii_start().starts_with(b"{") {
        facts.note = Some("crt.sh sent objects one after the other, as it did years ago".into());
    }
    Reading::Page(facts)
}

fn take_count(facts: &mut PageFacts, count: &IssuerCount) {
    *facts.told.issuers.entry(count.ca_id).or_default() += count.matched_rows.max(count.certificates);
}

fn take(facts: &mut PageFacts, entry: &Entry<'_>, name: &DomainName) {
    facts.records += 1;
    facts.rows = facts.rows.zip(entry.matched_rows).map(|(sum, rows)| sum.saturating_add(rows));
    if let Some(issuer) = entry.record.issuer_ca_id {
        *facts.told.issuers.entry(issuer).or_default() += entry.matched_rows.unwrap_or(1);
    }
    facts.told.certificates.push(Sketch::new(&entry.record, name));
}

/// Why a body is no list: a refusal in words, an error in mid-answer, or a cut.
fn unreadable(list: &[u8], body: &[u8], error: &ReplyError) -> Reading {
    match error {
        ReplyError::Broken { records, offset, .. } => {
            let rest = list.get(*offset..).unwrap_or_default();
            // Words of the service are worth more room than what should have been JSON.
            let message = if rest.starts_with(b"<") { sentence(rest) } else { head(rest) };
            let partial = has_records(list, Fields::entry);
            let records = counted(*records as u64, "record");
            match by_message(format!("the answer breaks off after {records}: {message}")) {
                Reading::Transient { why, .. } => Reading::Transient { why, partial },
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
            let partial = has_records(list, Fields::entry);
            Reading::Transient { why: format!("no list of records: {}", sentence(body)), partial }
        }
        ReplyError::Empty => Reading::Transient { why: error.to_string(), partial: false },
    }
}
