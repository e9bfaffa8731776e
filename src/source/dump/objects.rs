//! JSON of every kind as a stream of objects: a list, one a line, or one after the other without anything between.

use std::borrow::Cow;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;

use super::binary::{LogEntry, read_merkle_leaf};
use super::window::Window;
use super::{Kind, Summary};
use crate::issuance::{Collection, Origin, Record, time, x509};
use crate::source::json::{self, Value, Walk};
use crate::source::reply::{Row, certspotter, crtsh};

/// What reading one object came to: a fault in the object's content.
type Taken = Result<(), Cow<'static, str>>;

/// Reads objects to the end of the stream.
pub(super) fn read(
    kind: Kind,
    window: &mut Window,
    collection: &mut Collection,
    origin: Origin,
    summary: &mut Summary,
) -> io::Result<()> {
    let mut rows = 0_u64;
    let result = walk(window, summary, |object, summary| match kind {
        Kind::CertSpotterJson => {
            one::<certspotter::Fields<'_>>(object, |fields| cert_spotter(&fields, collection, origin, summary))
        }
        Kind::GetEntries => one::<Entries<'_>>(object, |entries| get_entries(&entries, collection, origin, summary)),
        Kind::NamesTile | Kind::Issuances => one::<Told<'_>>(object, |told| {
            let record = told.record().ok_or("an object without names")?;
            add(&record, collection, origin, summary);
            Ok(())
        }),
        _ => one::<crtsh::Fields<'_>>(object, |fields| {
            rows += fields.matched_rows().unwrap_or(0);
            crt_sh(&fields, collection, origin, summary)
        }),
    });
    summary.truncated |= kind == Kind::CrtshJson && rows >= super::CRTSH_ROW_CAP;
    result
}

/// Walks one object into a row and hands it on, if it is whole.
fn one<'a, R: Row<'a>>(object: &'a [u8], take: impl FnOnce(R) -> Taken) -> (Walk, Taken) {
    let mut row = R::default();
    let walk = json::object(object, |name, value| row.field(name, value));
    let taken = if matches!(walk, Walk::Whole(_)) { take(row) } else { Ok(()) };
    (walk, taken)
}

/// Finds each object of the stream; what is between them is passed over, and noise is counted.
fn walk(
    window: &mut Window,
    summary: &mut Summary,
    mut take: impl FnMut(&[u8], &mut Summary) -> (Walk, Taken),
) -> io::Result<()> {
    loop {
        let rest = window.rest();
        let blank =
            |octet: &u8| matches!(octet, b' ' | b'\n' | b'\r' | b'\t' | b',' | b'[' | b']' | 0xef | 0xbb | 0xbf);
        let skipped = rest.iter().take_while(|octet| blank(octet)).count();
        window.consume(skipped);
        let rest = window.rest();
        match rest.first() {
            None => {
                if !window.more()? {
                    return Ok(());
                }
            }
            Some(b'{') => {
                let (walk, taken) = take(rest, summary);
                match walk {
                    Walk::Whole(octets) => {
                        if let Err(why) = taken {
                            summary.unreadable(window.offset(), &why);
                        }
                        window.consume(octets);
                    }
                    Walk::Cut if !window.is_full() => {
                        if !window.more()? {
                            summary.unreadable(window.offset(), "the input ends inside a record");
                            return Ok(());
                        }
                    }
                    Walk::Cut => {
                        summary.unreadable(window.offset(), "a record that does not end within 16 MiB");
                        resume(window, 1)?;
                    }
                    Walk::Broken(at, why) => {
                        summary.unreadable(window.offset() + at as u64, why);
                        resume(window, at.max(1))?;
                    }
                }
            }
            Some(_) => {
                let head = super::kind::head(&rest[..rest.len().min(64)]);
                summary.unreadable(window.offset(), &format!("no JSON: `{head}`"));
                resume(window, 1)?;
            }
        }
    }
}

/// Goes on at the next thing that looks like the start of an object, from `at` on.
fn resume(window: &mut Window, at: usize) -> io::Result<()> {
    window.consume(at.min(window.rest().len()));
    loop {
        if let Some(found) = memmem::find(window.rest(), b"{\"") {
            window.consume(found);
            return Ok(());
        }
        // The brace may be the last octet of what is in memory.
        let keep = usize::from(window.rest().last() == Some(&b'{'));
        window.consume(window.rest().len() - keep);
        if !window.more()? {
            window.consume(window.rest().len());
            return Ok(());
        }
    }
}

fn add(record: &Record<'_>, collection: &mut Collection, origin: Origin, summary: &mut Summary) {
    summary.records += 1;
    collection.add(record, origin);
}

fn crt_sh(fields: &crtsh::Fields<'_>, collection: &mut Collection, origin: Origin, summary: &mut Summary) -> Taken {
    // The names alone, without a record around them: half the time of a big dump.
    if collection.keeps_names_only()
        && let Some(Value::Text(raw, _)) = fields.name_value
        && crtsh::only_line_breaks(raw)
        && let Ok(raw) = std::str::from_utf8(raw)
    {
        summary.records += 1;
        collection.begin();
        let mut rest = raw;
        while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
            collection.name(&rest[..at]);
            rest = &rest[at + 2..];
        }
        collection.name(rest);
        collection.end();
        return Ok(());
    }
    let entry = fields.entry().ok_or("a record without `name_value`")?;
    add(&entry.record, collection, origin, summary);
    Ok(())
}

fn cert_spotter(
    fields: &certspotter::Fields<'_>,
    collection: &mut Collection,
    origin: Origin,
    summary: &mut Summary,
) -> Taken {
    let entry = fields.entry().ok_or("an issuance without names")?;
    let mut record = entry.record;
    // The certificate itself is read where the service was not asked for the names.
    let der = entry.der.filter(|_| record.names.is_empty());
    let der = der.map(|der| STANDARD.decode(der.as_bytes())).transpose().map_err(|_| "`cert_der` is no base64")?;
    if let Some(der) = &der {
        let read = x509::read(der).map_err(|error| error.to_string())?;
        record.names = read.names.into_iter().map(|name| Cow::Owned(name.into_owned())).collect();
        record.serial = read.serial.map(|serial| Cow::Owned(serial.into_owned()));
    }
    add(&record, collection, origin, summary);
    Ok(())
}

/// A `get-entries` answer (RFC 6962 §4.6).
#[derive(Default)]
struct Entries<'a> {
    entries: Option<Value<'a>>,
    single: Entry<'a>,
}

impl<'a> Row<'a> for Entries<'a> {
    fn field(&mut self, name: &'a [u8], value: Value<'a>) {
        match name {
            b"entries" => self.entries = Some(value),
            _ => self.single.field(name, value),
        }
    }
}

/// One of its entries.
#[derive(Default)]
struct Entry<'a> {
    leaf_input: Option<Value<'a>>,
    extra_data: Option<Value<'a>>,
}

impl<'a> Row<'a> for Entry<'a> {
    fn field(&mut self, name: &'a [u8], value: Value<'a>) {
        match name {
            b"leaf_input" => self.leaf_input = Some(value),
            b"extra_data" => self.extra_data = Some(value),
            _ => {}
        }
    }
}

fn get_entries(entries: &Entries<'_>, collection: &mut Collection, origin: Origin, summary: &mut Summary) -> Taken {
    let Some(Value::Nested(list)) = entries.entries else {
        return log_entry(&entries.single, collection, origin, summary);
    };
    let mut at = 1;
    while let Some(found) = list.get(at..).and_then(|rest| memchr::memchr(b'{', rest)) {
        at += found;
        let (walk, taken) = one::<Entry<'_>>(&list[at..], |entry| log_entry(&entry, collection, origin, summary));
        if let Err(why) = taken {
            summary.unreadable += 1;
            summary.first_unreadable.get_or_insert_with(|| (0, why.into_owned()));
        }
        match walk {
            Walk::Whole(octets) => at += octets,
            Walk::Cut | Walk::Broken(..) => return Err("an entry that is no JSON".into()),
        }
    }
    Ok(())
}

fn log_entry(entry: &Entry<'_>, collection: &mut Collection, origin: Origin, summary: &mut Summary) -> Taken {
    let decode = |value: Option<Value<'_>>| STANDARD.decode(value?.text()?.as_bytes()).ok();
    let leaf = decode(entry.leaf_input).ok_or("an entry without `leaf_input` in base64")?;
    let extra = decode(entry.extra_data).unwrap_or_default();
    let LogEntry { logged, der } = read_merkle_leaf(&leaf, &extra)?;
    let mut record = x509::read(der).map_err(|error| error.to_string())?;
    record.logged = Some(logged);
    add(&record, collection, origin, summary);
    Ok(())
}

/// A line of a names tile, or an issuance that this program wrote.
#[derive(Default)]
struct Told<'a> {
    names: Option<Value<'a>>,
    issuer: Option<Value<'a>>,
    caa_domains: Option<Value<'a>>,
    serial: Option<Value<'a>>,
    not_before: Option<Value<'a>>,
    not_after: Option<Value<'a>>,
    logged: Option<Value<'a>>,
}

impl<'a> Row<'a> for Told<'a> {
    fn field(&mut self, name: &'a [u8], value: Value<'a>) {
        let place = match name {
            b"DNS" | b"names" => &mut self.names,
            b"Timestamp" | b"logged" => &mut self.logged,
            b"issuer" => &mut self.issuer,
            b"caa_domains" => &mut self.caa_domains,
            b"serial" => &mut self.serial,
            b"not_before" => &mut self.not_before,
            b"not_after" => &mut self.not_after,
            _ => return,
        };
        *place = Some(value);
    }
}

impl<'a> Told<'a> {
    fn record(&self) -> Option<Record<'a>> {
        let text = |value: Option<Value<'a>>| value.and_then(Value::text);
        let seconds = |value| text(value).and_then(|text| time::seconds(&text));
        let logged = |value: Value<'a>| value.integer().or_else(|| time::milliseconds(&value.text()?));
        Some(Record {
            // A certificate without DNS names has `null` or nothing here: a record all the same.
            names: match self.names {
                Some(Value::Bare(_)) | None if self.logged.is_some() => Vec::new(),
                names => names?.texts()?,
            },
            issuer: text(self.issuer),
            caa_domains: self.caa_domains.and_then(Value::texts).unwrap_or_default(),
            serial: text(self.serial),
            not_before: seconds(self.not_before),
            not_after: seconds(self.not_after),
            logged: self.logged.and_then(logged),
            ..Record::default()
        })
    }
}
