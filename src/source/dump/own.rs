//! This program's own lines: one issuance a line, written by `fetch`, read by everything.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use super::objects::Format;
use super::{Sink, Summary};
use crate::issuance::{Issuances, Record, time};
use crate::report::compact_json;
use crate::source::json::Value;
use crate::source::reply::Row;

#[derive(Serialize)]
struct Line<'a> {
    /// Version of the format.
    ctclimb_issuance: u8,
    names: Vec<String>,
    issuer: Option<&'a str>,
    caa_domains: Vec<&'a str>,
    serial: Option<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    logged: Option<String>,
    sources: Vec<&'a str>,
}

/// Writes one JSON line an issuance, oldest first.
///
/// # Errors
/// What `out` says.
pub fn write_issuances(issuances: &Issuances, mut out: impl Write) -> io::Result<()> {
    for issuance in &issuances.issuances {
        let issuer = issuances.issuer(issuance);
        let seconds = |time: Option<i64>| time.and_then(|time| jiff::Timestamp::from_second(time).ok());
        let logged = issuance.first_logged.and_then(|time| jiff::Timestamp::from_millisecond(time).ok());
        let line = Line {
            ctclimb_issuance: 1,
            names: issuance.names.iter().map(|&name| issuances.tree.subject_alt_name(name).to_string()).collect(),
            issuer: issuer.map(|issuer| issuer.name.as_str()),
            caa_domains: issuer.into_iter().flat_map(|issuer| &issuer.caa_domains).map(String::as_str).collect(),
            serial: issuance.serial_text(),
            not_before: seconds(issuance.not_before).map(|time| time.to_string()),
            not_after: seconds(issuance.not_after).map(|time| time.to_string()),
            logged: logged.map(|time| time.to_string()),
            sources: issuances.origins(issuance).collect(),
        };
        compact_json(&line, &mut out)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// The format of these lines.
pub(super) struct Own;

/// The fields of one line, undecoded.
#[derive(Default)]
pub(super) struct Fields<'a> {
    names: Option<Value<'a>>,
    issuer: Option<Value<'a>>,
    caa_domains: Option<Value<'a>>,
    serial: Option<Value<'a>>,
    not_before: Option<Value<'a>>,
    not_after: Option<Value<'a>>,
    logged: Option<Value<'a>>,
}

impl<'a> Row<'a> for Fields<'a> {
    fn field(&mut self, name: &'a [u8], value: Value<'a>) {
        let place = match name {
            b"names" => &mut self.names,
            b"issuer" => &mut self.issuer,
            b"caa_domains" => &mut self.caa_domains,
            b"serial" => &mut self.serial,
            b"not_before" => &mut self.not_before,
            b"not_after" => &mut self.not_after,
            b"logged" => &mut self.logged,
            _ => return,
        };
        *place = Some(value);
    }
}

impl Format for Own {
    type Row<'a> = Fields<'a>;

    fn give(row: Self::Row<'_>, _: &mut Summary, sink: &mut Sink<'_>) -> Result<(), String> {
        let text = |value: Option<Value<'_>>| value.and_then(Value::text).map(Cow::into_owned);
        let seconds = |value| text(value).and_then(|text| time::seconds(&text));
        sink.record(&Record {
            names: row.names.and_then(Value::texts).ok_or("no `names`")?,
            issuer: row.issuer.and_then(Value::text),
            caa_domains: row.caa_domains.and_then(Value::texts).unwrap_or_default(),
            serial: row.serial.and_then(Value::text),
            not_before: seconds(row.not_before),
            not_after: seconds(row.not_after),
            logged: text(row.logged).and_then(|text| time::milliseconds(&text)),
            ..Record::default()
        });
        Ok(())
    }
}
