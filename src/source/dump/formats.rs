//! The JSON formats of others, record by record: crt.sh, Cert Spotter, names tiles and `get-entries`.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::objects::Format;
use super::own::Own;
use super::window::Window;
use super::{Kind, Sink, Summary, certificates, recognise};
use crate::issuance::{Record, x509};
use crate::source::json::{self, Value};
use crate::source::reply::{Row, certspotter, crtsh};

/// Hands an object to the sink as a record of the kind that its fields tell; `false` if it is none.
pub(super) fn give_any(object: &[u8], summary: &mut Summary, sink: &mut Sink<'_>) -> bool {
    fn as_one<F: Format>(object: &[u8], summary: &mut Summary, sink: &mut Sink<'_>) -> bool {
        let mut row = F::Row::default();
        json::object(object, |name, value| row.field(name, value));
        F::give(row, summary, sink).is_ok()
    }
    match recognise::object_kind(object) {
        Some(Kind::CrtshJson) => as_one::<CrtSh>(object, summary, sink),
        Some(Kind::CertSpotterJson) => as_one::<CertSpotter>(object, summary, sink),
        Some(Kind::GetEntries) => as_one::<GetEntries>(object, summary, sink),
        Some(Kind::NamesTile) => as_one::<NamesTile>(object, summary, sink),
        Some(Kind::Issuances) => as_one::<Own>(object, summary, sink),
        _ => false,
    }
}

/// crt.sh JSON of any year.
pub(super) struct CrtSh;

impl Format for CrtSh {
    type Row<'a> = crtsh::Fields<'a>;

    fn give(row: Self::Row<'_>, summary: &mut Summary, sink: &mut Sink<'_>) -> Result<(), String> {
        if sink.names_only()
            && let Some(Value::Text(raw, _)) = row.name_value
            && let Ok(text) = std::str::from_utf8(raw)
            && crtsh::only_line_breaks(raw)
        {
            sink.text(text, crtsh::pieces(text));
        } else {
            let entry = row.entry().ok_or("no `name_value`")?;
            sink.record(&entry.record);
        }
        if let Some(rows) = row.matched_rows() {
            summary.matched_rows = Some(summary.matched_rows.unwrap_or(0).saturating_add(rows));
        }
        Ok(())
    }
}

/// Cert Spotter v1 issuances, listed or one a line.
pub(super) struct CertSpotter;

impl Format for CertSpotter {
    type Row<'a> = certspotter::Fields<'a>;

    fn give(row: Self::Row<'_>, _: &mut Summary, sink: &mut Sink<'_>) -> Result<(), String> {
        let entry = row.entry().ok_or("neither `dns_names` nor a certificate in it")?;
        // Names are told, and nothing else is wanted.
        let enough = sink.names_only() && !entry.record.names.is_empty();
        let der = if enough { None } else { entry.certificate() };
        sink.record(&entry.into_record(der.as_deref())?);
        Ok(())
    }
}

/// One line of a names tile of a static-ct log.
pub(super) struct NamesTile;

/// Its fields.
#[derive(Default)]
pub(super) struct NamesTileFields<'a> {
    timestamp: Option<i64>,
    dns: Option<Value<'a>>,
    ip: Option<Value<'a>>,
    subject: Option<Value<'a>>,
}

impl<'a> Row<'a> for NamesTileFields<'a> {
    fn field(&mut self, name: &'a [u8], value: Value<'a>) {
        match name {
            b"Timestamp" => self.timestamp = value.integer(),
            b"DNS" => self.dns = Some(value),
            b"IP" => self.ip = Some(value),
            b"Subject" => self.subject = Some(value),
            _ => {}
        }
    }
}

impl Format for NamesTile {
    type Row<'a> = NamesTileFields<'a>;

    fn give(row: Self::Row<'_>, _: &mut Summary, sink: &mut Sink<'_>) -> Result<(), String> {
        if row.timestamp.is_none() && row.dns.is_none() {
            return Err("neither `Timestamp` nor `DNS`".to_owned());
        }
        let mut common_name = None;
        if let Some(Value::Nested(subject @ [b'{', ..])) = row.subject {
            json::object(subject, |name, value| {
                if name == b"CommonName" {
                    common_name = value.text();
                }
            });
        }
        let addresses = row.ip.and_then(Value::texts).unwrap_or_default();
        sink.record(&Record {
            names: row.dns.and_then(Value::texts).unwrap_or_default(),
            other_names: addresses.into_iter().map(|ip| (crate::name::DropClass::IpAddress, ip)).collect(),
            common_name,
            logged: row.timestamp,
            ..Record::default()
        });
        Ok(())
    }
}

/// One entry of a `get-entries` answer (RFC 6962 §4.6).
pub(super) struct GetEntries;

/// Its fields; or those of a whole further answer.
#[derive(Default)]
pub(super) struct LogEntryFields<'a> {
    leaf_input: Option<Value<'a>>,
    extra_data: Option<Value<'a>>,
    entries: Option<Value<'a>>,
}

impl<'a> Row<'a> for LogEntryFields<'a> {
    fn field(&mut self, name: &'a [u8], value: Value<'a>) {
        match name {
            b"leaf_input" => self.leaf_input = Some(value),
            b"extra_data" => self.extra_data = Some(value),
            b"entries" => self.entries = Some(value),
            _ => {}
        }
    }
}

impl Format for GetEntries {
    type Row<'a> = LogEntryFields<'a>;

    fn give(row: Self::Row<'_>, summary: &mut Summary, sink: &mut Sink<'_>) -> Result<(), String> {
        if let (None, Some(Value::Nested(entries))) = (row.leaf_input, row.entries) {
            // A further answer behind the first: its last entry counts for itself, the others here.
            let (mut at, mut given) = (0, 0_u64);
            while let Some(found) = memchr::memchr(b'{', &entries[at..]) {
                at += found;
                let mut inner = LogEntryFields::default();
                let Walked::Whole(length) = walk(&entries[at..], &mut inner) else { break };
                inner.entries = None;
                Self::give(inner, summary, sink)?;
                given += 1;
                at += length;
            }
            summary.records += given.saturating_sub(1);
            return if given == 0 { Err("an answer without entries".to_owned()) } else { Ok(()) };
        }
        let decoded = |value: Option<Value<'_>>| value.and_then(Value::text).and_then(|text| decode(&text).ok());
        let leaf = decoded(row.leaf_input).ok_or("no `leaf_input` in base64")?;
        let (logged, certificate) = certificates::leaf(&leaf).ok_or("a leaf that is no MerkleTreeLeaf of version 1")?;
        let extra = decoded(row.extra_data).unwrap_or_default();
        let certificate = match certificate {
            Some(certificate) => certificate,
            None => certificates::sized(&extra).ok_or("no precertificate in `extra_data`")?.0,
        };
        certificates::give(certificate, Some(logged), sink)
    }
}

use crate::source::json::Walk as Walked;

fn walk<'a>(text: &'a [u8], row: &mut LogEntryFields<'a>) -> Walked {
    json::object(text, |name, value| row.field(name, value))
}

/// Leaves the frame of a `get-entries` answer behind, so that its entries can be read one by one.
pub(super) fn skip_to_entries(window: &mut Window<impl Read>) {
    let text = window.text();
    if let Some(brace) = memchr::memchr(b'{', text)
        && let Some(list) = memchr::memchr(b'[', text)
        && brace < list
    {
        window.pass(list);
    }
}

fn decode(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    let bounded = &text.as_bytes()[..text.len().min(2 * x509::MAX_DER)];
    STANDARD.decode(bounded)
}
