//! Cert Spotter v1 issuances: whole pages and row by row.
//!
//! One object is one certificate event already; `dns_names` are all its names, other people's domains included.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Row;
use crate::issuance::{Form, Record, time, x509};
use crate::source::json::{self, Value};

/// One issuance of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// The certificate or precertificate in base64, where it was asked for; not yet in `record`.
    pub(crate) der: Option<Cow<'a, str>>,
    /// What it says.
    pub(crate) record: Record<'a>,
}

impl<'a> Entry<'a> {
    /// The certificate in it, empty where its text is no base64.
    pub(crate) fn certificate(&self) -> Option<Vec<u8>> {
        let text = self.der.as_deref()?;
        Some(STANDARD.decode(&text.as_bytes()[..text.len().min(2 * x509::MAX_DER)]).unwrap_or_default())
    }

    /// The issuance with what its `certificate` says, if that can be read.
    ///
    /// The certificate says more than the fields about it. Who is behind the issuer, and the names where they were asked
    /// for, the fields say.
    ///
    /// # Errors
    /// Why nothing tells the names: no fields, and the certificate is damaged or not there.
    pub(crate) fn into_record<'d>(self, certificate: Option<&'d [u8]>) -> Result<Record<'d>, String>
    where
        'a: 'd,
    {
        let fields = self.record;
        let named = !fields.names.is_empty();
        let certificate = match certificate.map(x509::read) {
            Some(Ok(certificate)) => certificate,
            Some(Err(_)) | None if named => return Ok(fields),
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("names were not asked for: no `dns_names`".to_owned()),
        };
        let told = if named { fields } else { Record { names: certificate.names, ..fields } };
        Ok(Record {
            other_names: if named { told.other_names } else { certificate.other_names },
            omitted_names: if named { 0 } else { certificate.omitted_names },
            issuer: certificate.issuer.or(told.issuer),
            serial: certificate.serial,
            not_before: certificate.not_before.or(told.not_before),
            not_after: certificate.not_after.or(told.not_after),
            form: certificate.form.or(told.form),
            common_name: certificate.common_name,
            ..told
        })
    }
}

/// The code and the sentence of an error object, which the service sends in place of a page.
pub(crate) fn refusal(body: &[u8]) -> Option<(String, String)> {
    let start = json::skip_blank(body, if body.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 });
    let start = if body.get(start) == Some(&b'[') { json::skip_blank(body, start + 1) } else { start };
    let mut fields = Fields::default();
    let object = body.get(start..).filter(|rest| rest.starts_with(b"{"))?;
    json::object(object, |name, value| fields.field(name, value));
    let code = fields.code?.text_or_number()?.into_owned();
    Some((code, fields.message.and_then(Value::text).unwrap_or_default().into_owned()))
}

/// The fields of one issuance that mean something to us, undecoded.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fields<'a> {
    id: Option<Value<'a>>,
    tbs_sha256: Option<Value<'a>>,
    pub(crate) dns_names: Option<Value<'a>>,
    issuer: Option<Value<'a>>,
    not_before: Option<Value<'a>>,
    not_after: Option<Value<'a>>,
    cert: Option<Value<'a>>,
    cert_der: Option<Value<'a>>,
    code: Option<Value<'a>>,
    message: Option<Value<'a>>,
}

impl<'a> Row<'a> for Fields<'a> {
    fn field(&mut self, name: &'a [u8], value: Value<'a>) {
        let place = match name {
            b"id" => &mut self.id,
            b"tbs_sha256" => &mut self.tbs_sha256,
            b"dns_names" => &mut self.dns_names,
            b"issuer" => &mut self.issuer,
            b"not_before" => &mut self.not_before,
            b"not_after" => &mut self.not_after,
            b"cert" => &mut self.cert,
            b"cert_der" => &mut self.cert_der,
            b"code" => &mut self.code,
            b"message" => &mut self.message,
            _ => return,
        };
        *place = Some(value);
    }
}

/// `cert`: the certificate with its kind.
#[derive(Clone, Copy, Default)]
struct Cert<'a> {
    kind: Option<Value<'a>>,
    data: Option<Value<'a>>,
}

impl<'a> Row<'a> for Cert<'a> {
    fn field(&mut self, name: &'a [u8], value: Value<'a>) {
        match name {
            b"type" => self.kind = Some(value),
            b"data" => self.data = Some(value),
            _ => {}
        }
    }
}

/// `issuer`, as an object.
#[derive(Clone, Copy, Default)]
struct IssuerFields<'a> {
    name: Option<Value<'a>>,
    friendly_name: Option<Value<'a>>,
    caa_domains: Option<Value<'a>>,
}

impl<'a> Row<'a> for IssuerFields<'a> {
    fn field(&mut self, name: &'a [u8], value: Value<'a>) {
        match name {
            b"name" => self.name = Some(value),
            b"friendly_name" => self.friendly_name = Some(value),
            b"caa_domains" => self.caa_domains = Some(value),
            _ => {}
        }
    }
}

fn nested<'a, R: Row<'a>>(value: Option<Value<'a>>) -> R {
    let mut row = R::default();
    if let Some(Value::Nested(raw)) = value
        && raw.starts_with(b"{")
    {
        json::object(raw, |name, value| row.field(name, value));
    }
    row
}

impl<'a> Fields<'a> {
    /// The id, a text of digits; older answers give a number.
    pub(crate) fn id(&self) -> Option<Cow<'a, str>> {
        self.id.and_then(Value::text_or_number)
    }

    /// The issuance, if it has what makes it one: its names or itself, or an id and dates when neither was asked for.
    pub(crate) fn entry(&self) -> Option<Entry<'a>> {
        let cert: Cert<'_> = nested(self.cert);
        let der = self.cert_der.or(cert.data).and_then(Value::text);
        let names = self.dns_names.and_then(Value::texts);
        if names.is_none() && der.is_none() && (self.id.is_none() || self.not_before.is_none()) {
            return None;
        }
        let issuer: IssuerFields<'_> = nested(self.issuer);
        let text = |value: Option<Value<'a>>| value.and_then(Value::text);
        let seconds = |value| text(value).and_then(|text| time::seconds(&text));
        let form = match text(cert.kind).as_deref() {
            Some("cert") => Some(Form::Final),
            Some("precert") => Some(Form::Precertificate),
            Some(_) | None => None,
        };
        Some(Entry {
            der,
            record: Record {
                names: names.unwrap_or_default(),
                issuer: text(issuer.name).or(text(issuer.friendly_name)).or(text(self.issuer)),
                caa_domains: issuer.caa_domains.and_then(Value::texts).unwrap_or_default(),
                tbs_sha256: text(self.tbs_sha256),
                not_before: seconds(self.not_before),
                not_after: seconds(self.not_after),
                form,
                ..Record::default()
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::reply::{ReplyError, each};
    use proptest::prelude::*;

    fn entry_and_id<'a>(fields: &Fields<'a>) -> Option<(Entry<'a>, Option<Cow<'a, str>>)> {
        Some((fields.entry()?, fields.id()))
    }

    /// The issuances of a page and the id of the last one.
    fn read(body: &[u8]) -> Result<(Vec<Entry<'_>>, Option<Cow<'_, str>>), ReplyError> {
        let (mut entries, mut last) = (Vec::new(), None);
        each(body, entry_and_id, |(entry, id)| {
            entries.push(entry);
            last = id;
        })?;
        Ok((entries, last))
    }

    const ISSUANCE: &str = r#"{"id":"16246130557","tbs_sha256":"a445","cert_sha256":"71f1","dns_names":["*.example.net","example.org"],
        "pubkey_sha256":"a783","issuer":{"friendly_name":"Let's Encrypt","pubkey_sha256":"2e83","name":"C=US, O=Let's Encrypt, CN=YR1",
        "caa_domains":["letsencrypt.org"]},"not_before":"2026-08-02T23:38:02Z","not_after":"2026-10-31T23:38:01Z","revoked":false}"#;

    #[test]
    fn an_issuance_is_read_in_full() {
        let body = format!("[{ISSUANCE}]");
        let (page, id) = read(body.as_bytes()).unwrap();
        assert_eq!(id.as_deref(), Some("16246130557"));
        let record = &page[0].record;
        assert_eq!(record.names, ["*.example.net", "example.org"]);
        assert_eq!(record.issuer.as_deref(), Some("C=US, O=Let's Encrypt, CN=YR1"));
        assert_eq!(record.caa_domains, ["letsencrypt.org"]);
        assert_eq!((record.not_before, record.tbs_sha256.as_deref()), (Some(1_785_713_882), Some("a445")));
    }

    #[test]
    fn each_spelling_of_the_service_is_read() {
        for (body, cursor) in [
            ("[]", None),
            (r#"[{"id":12,"dns_names":[],"issuer":null}]"#, Some("12")),
            (
                r#"[{"id":"13","dns_names":["a.example"],"issuer":"C=US","not_before":"2016-11-01T13:44:39-00:00"}]"#,
                Some("13"),
            ),
            (r#"[{"id":"14","not_before":"2016-11-01T13:44:39-00:00","revoked":null}]"#, Some("14")),
            (r#"[{"id":"15","cert":{"type":"precert","sha256":"00","data":"MII="}}]"#, Some("15")),
        ] {
            assert_eq!(read(body.as_bytes()).unwrap().1.as_deref(), cursor, "{body}");
        }
    }

    #[test]
    fn the_error_object_is_a_refusal_with_its_sentence() {
        let body = r#"{"code":"rate_limited","message":"You have exceeded the rate limit."}"#;
        let expected = ("rate_limited".to_owned(), "You have exceeded the rate limit.".to_owned());
        assert_eq!(refusal(body.as_bytes()), Some(expected.clone()));
        assert_eq!(refusal(format!(" [{body}]").as_bytes()), Some(expected));
        for body in ["", "[]", "<html>", "[{\"x\":1}]", ISSUANCE] {
            assert_eq!(refusal(body.as_bytes()), None, "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_a_page_or_not(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (read(&octets), refusal(&octets));
        }

        #[test]
        fn any_certificate_in_an_issuance_is_read_or_stood_in_for(octets in proptest::collection::vec(any::<u8>(), 0..200), named: bool) {
            let text = STANDARD.encode(&octets);
            let names = if named { r#""dns_names":["a.example"],"# } else { "" };
            let body = format!(r#"[{{"id":"1",{names}"cert_der":"{text}"}}]"#);
            let (mut page, _) = read(body.as_bytes()).unwrap();
            let entry = page.remove(0);
            let der = entry.certificate();
            prop_assert_eq!(entry.into_record(der.as_deref()).is_ok(), named || x509::read(&octets).is_ok());
        }

        #[test]
        fn a_damaged_page_is_read_or_refused(at in 0..ISSUANCE.len(), octet in any::<u8>()) {
            let mut body = format!("[{ISSUANCE}]").into_bytes();
            body[at] = octet;
            let _ = read(&body);
        }
    }
}
