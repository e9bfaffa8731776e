//! crt.sh JSON: every shape it had since 2019, from whole replies and row by row.
//!
//! `name_value` holds the names that matched the search, not all of the certificate, and anything else that matched.

use std::borrow::Cow;

use memchr::{memchr_iter, memchr2};

use super::Row;
use crate::issuance::{Record, time};
use crate::source::json::Value;

/// One record of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// How many rows of the cap it used.
    pub(crate) matched_rows: Option<u64>,
    /// What it says.
    pub(crate) record: Record<'a>,
}

/// One line of the issuer histogram, the answer to `group=icaid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IssuerCount {
    /// crt.sh's number of the issuer; negative when unknown.
    pub(crate) ca_id: i64,
    /// Certificates of it among the rows given.
    pub(crate) certificates: u64,
    /// Rows of the cap they used.
    pub(crate) matched_rows: u64,
}

/// The fields of one record that mean something to us, undecoded.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fields<'a> {
    pub(crate) name_value: Option<Value<'a>>,
    issuer_ca_id: Option<Value<'a>>,
    issuer_name: Option<Value<'a>>,
    common_name: Option<Value<'a>>,
    entry_timestamp: Option<Value<'a>>,
    not_before: Option<Value<'a>>,
    not_after: Option<Value<'a>>,
    serial_number: Option<Value<'a>>,
    result_count: Option<Value<'a>>,
    num_certs: Option<Value<'a>>,
}

impl<'a> Row<'a> for Fields<'a> {
    #[inline]
    fn field(&mut self, name: &'a [u8], value: Value<'a>) {
        let place = match name {
            b"name_value" => &mut self.name_value,
            b"issuer_ca_id" => &mut self.issuer_ca_id,
            b"issuer_name" => &mut self.issuer_name,
            b"common_name" => &mut self.common_name,
            b"entry_timestamp" | b"min_entry_timestamp" => &mut self.entry_timestamp,
            b"not_before" => &mut self.not_before,
            b"not_after" => &mut self.not_after,
            b"serial_number" => &mut self.serial_number,
            b"result_count" => &mut self.result_count,
            b"num_certs" => &mut self.num_certs,
            _ => return,
        };
        *place = Some(value);
    }
}

impl<'a> Fields<'a> {
    /// How many rows of the cap the record used.
    pub(crate) fn matched_rows(&self) -> Option<u64> {
        self.result_count.and_then(Value::integer).and_then(|count| u64::try_from(count).ok())
    }

    /// The line of a histogram, if it is one.
    pub(crate) fn issuer_count(&self) -> Option<IssuerCount> {
        let count =
            |value: Option<Value<'_>>| value.and_then(Value::integer).and_then(|count| u64::try_from(count).ok());
        Some(IssuerCount {
            ca_id: self.issuer_ca_id.and_then(Value::integer)?,
            certificates: count(self.num_certs)?,
            matched_rows: count(self.result_count).unwrap_or(0),
        })
    }

    /// The record, if it has what makes it one: `name_value`, a text or `null`.
    pub(crate) fn entry(&self) -> Option<Entry<'a>> {
        let mut names = Vec::new();
        match self.name_value? {
            Value::Bare(b"null") => {}
            value @ Value::Text(..) => split_names(value, &mut names),
            Value::Bare(_) | Value::Nested(_) => return None,
        }
        let seconds = |value| text(value).and_then(|text| time::seconds(&text));
        Some(Entry {
            matched_rows: self.matched_rows(),
            record: Record {
                names,
                common_name: text(self.common_name),
                issuer: text(self.issuer_name),
                issuer_ca_id: self.issuer_ca_id.and_then(Value::integer),
                serial: self.serial_number.and_then(Value::text_or_number),
                not_before: seconds(self.not_before),
                not_after: seconds(self.not_after),
                logged: text(self.entry_timestamp).and_then(|text| time::milliseconds(&text)),
                partial: true,
                ..Record::default()
            },
        })
    }
}

fn text(value: Option<Value<'_>>) -> Option<Cow<'_, str>> {
    value.and_then(Value::text)
}

/// The names of a `name_value`, borrowed where the only escape is the line break between them.
fn split_names<'a>(value: Value<'a>, names: &mut Vec<Cow<'a, str>>) {
    if let Value::Text(raw, _) = value
        && let Ok(raw) = std::str::from_utf8(raw)
        && only_line_breaks(raw.as_bytes())
    {
        names.extend(pieces(raw).map(Cow::Borrowed));
        return;
    }
    match value.text() {
        Some(Cow::Borrowed(text)) => names.extend(text.split('\n').map(Cow::Borrowed)),
        Some(Cow::Owned(text)) => names.extend(text.split('\n').map(|name| Cow::Owned(name.to_owned()))),
        None => {}
    }
}

/// The pieces of a text in which each backslash starts the escape of a line break.
pub(crate) fn pieces(raw: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(raw);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = memchr2(b'\\', b'\n', text.as_bytes()) else { return rest.take() };
        let mark = if text.as_bytes()[at] == b'\\' { 2 } else { 1 };
        rest = text.get(at + mark..);
        Some(&text[..at])
    })
}

/// Whether each backslash starts the escape of a line break, so that the text can be split without decoding.
pub(crate) fn only_line_breaks(raw: &[u8]) -> bool {
    memchr_iter(b'\\', raw).all(|at| raw.get(at + 1) == Some(&b'n'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::reply::{ReplyError, each, salvage};
    use proptest::prelude::*;

    const RECORD: &str = r#"{"issuer_ca_id":183267,"issuer_name":"C=US, O=Let's Encrypt, CN=R3","common_name":"www.example.net",
        "name_value":"example.net\nwww.example.net","id":28692256353,"entry_timestamp":"2024-01-09T19:11:16.2",
        "not_before":"2024-01-09T18:11:15","not_after":"2024-04-08T18:11:14","serial_number":"03fd","result_count":3}"#;

    /// The records of a body, and how many objects are none.
    fn read(body: &[u8]) -> Result<(Vec<Entry<'_>>, u64), ReplyError> {
        let mut entries = Vec::new();
        let odd = each(body, |fields: &Fields<'_>| fields.entry(), |entry| entries.push(entry))?;
        Ok((entries, odd.map_or(0, |odd| odd.count)))
    }

    #[test]
    fn a_record_of_today_is_read_in_full() {
        let body = format!("[{RECORD}]");
        let (entries, _) = read(body.as_bytes()).unwrap();
        let Entry { matched_rows, record } = &entries[0];
        assert_eq!(*matched_rows, Some(3));
        assert_eq!(record.names, ["example.net", "www.example.net"]);
        assert!(record.names.iter().all(|name| matches!(name, Cow::Borrowed(_))));
        assert_eq!(record.issuer.as_deref(), Some("C=US, O=Let's Encrypt, CN=R3"));
        assert_eq!((record.serial.as_deref(), record.issuer_ca_id), (Some("03fd"), Some(183_267)));
        assert_eq!((record.not_before, record.not_after), (Some(1_704_823_875), Some(1_712_599_874)));
        assert_eq!(record.logged, Some(1_704_827_476_200));
    }

    #[test]
    fn each_shape_and_null_is_read() {
        for (body, count) in [
            ("[]", 0),
            ("\u{feff} [ ] \r\n", 0),
            (
                r#"{"min_cert_id":1,"min_entry_timestamp":"2019-01-01T00:00:00","name_value":"a.example"}{"name_value":"b.example"}"#,
                2,
            ),
            ("{\"name_value\":\"a.example\"}\n{\"name_value\":\"b.example\"}\n", 2),
            (r#"[{"name_value":null,"common_name":null,"entry_timestamp":null,"not_after":null}]"#, 1),
            (r#"[{"id":"9007199254740993123","name_value":"a.example","more":{"x":[1]}}]"#, 1),
        ] {
            let (entries, odd) = read(body.as_bytes()).unwrap();
            assert_eq!((entries.len(), odd), (count, 0), "{body}");
        }
    }

    #[test]
    fn a_body_that_is_no_list_is_an_error() {
        for (body, expected) in [
            ("", ReplyError::Empty),
            (" \n", ReplyError::Empty),
            ("<html>", ReplyError::NotAList { head: "<html>".into() }),
            ("[1]", ReplyError::NotAList { head: "[1]".into() }),
            ("[{\"name_value\":\"a\"}", ReplyError::Cut { records: 1, offset: 19 }),
            ("[{\"name_value\":\"a\"},{\"na", ReplyError::Cut { records: 1, offset: 24 }),
            (
                "[{\"name_value\":\"a\"}<BR><BR>message",
                ReplyError::Broken { records: 1, offset: 19, head: "<BR><BR>message".into() },
            ),
            ("[{\"name_value\":\"a\"}] x", ReplyError::Broken { records: 1, offset: 21, head: "x".into() }),
        ] {
            assert_eq!(read(body.as_bytes()), Err(expected), "{body}");
        }
    }

    #[test]
    fn an_object_that_is_no_record_is_told_with_its_place() {
        let body = br#"[{"name_value":"a"}, {"id":1}, {"name_value":7}]"#;
        let odd = each(body, |fields: &Fields<'_>| fields.entry(), |_| {}).unwrap().unwrap();
        assert_eq!(
            odd.to_string(),
            r#"2 parts of the answer are no records, the first: octet 21: `{"id":1}, {"name_value":7}]`"#
        );
    }

    #[test]
    fn behind_a_fault_the_whole_records_are_found_again() {
        let whole = |body: &[u8]| {
            let mut names = Vec::new();
            salvage(body, |fields: Fields<'_>| {
                fields.entry().map(|entry| names.push(entry.record.names[0].to_string())).is_some()
            });
            names.join(" ")
        };
        for (body, expected) in [
            (r#"[{"name_value":"a"},5,{"name_value":"b"}]"#, "a b"),
            (r#"[{"name_value":"a"},{"x":oops,"name_value":"b"},{"name_value":"c"}]"#, "a c"),
            (
                r#"[{"name_value":"a"},{"x":{"y":{"name_value":"no record, but inside of one"}}},{"name_value":"c"}]"#,
                "a c",
            ),
            (r#"[null, "{", {"name_value":"a"}, 5 ,{"name_value":"b"}]"#, "a b"),
            (r#"[null, {"x":{"name_value":"inside of none"}}, {"name_value":"b"}]"#, "b"),
            (r#"[{"name_value":"a"},"no end {"name_value":"b"}]"#, "a b"),
            (r#"[{"name_value":"a"}][{"name_value":"b"}]"#, "a b"),
            (r#"[{"name_value":"a"},{"name_value":"b","#, "a"),
            (r#"<html>{"name_value":"a"}"#, "a"),
            ("{{{{{{", ""),
            ("", ""),
        ] {
            assert_eq!(whole(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn the_issuer_histogram_is_read() {
        let body = r#"[{"issuer_ca_id":5,"issuer_name":"C=US","name_value":"","id":1,"num_certs":7,"result_count":9}]"#;
        let expected = IssuerCount { ca_id: 5, certificates: 7, matched_rows: 9 };
        let mut counts = Vec::new();
        each(body.as_bytes(), |fields: &Fields<'_>| fields.issuer_count(), |count| counts.push(count)).unwrap();
        assert_eq!(counts, [expected]);
    }

    #[test]
    fn names_split_before_anything_else_is_decoded() {
        let body = r#"[{"name_value":"a\u002eexample\nb.example\\303\\251"}]"#;
        assert_eq!(read(body.as_bytes()).unwrap().0[0].record.names, ["a.example", "b.example\\303\\251"]);
    }

    #[test]
    fn a_plain_value_among_records_is_no_record_and_no_fault() {
        let body = br#"[null, {"name_value":"a"}, "{", 5, {"name_value":"b"}, true]"#;
        let (entries, odd) = read(body).unwrap();
        assert_eq!((entries.len(), odd), (2, 4));
        for body in ["[null]", "[null,5,\"x\"]", "[null,<html>]", "null", "5"] {
            assert!(matches!(read(body.as_bytes()), Err(ReplyError::NotAList { .. })), "{body}");
        }
    }

    /// Lists of what crt.sh answers and of what it does not.
    fn lists() -> impl Strategy<Value = String> {
        let element = prop::sample::select(vec![
            "null",
            "5",
            "true",
            "\"{\"",
            "\"\\\"\"",
            "{}",
            "{\"name_value\":\"a\"}",
            "{\"x\":{\"name_value\":\"a\"}}",
            "[]",
            "[{\"name_value\":\"a\"}]",
            "oops",
            "\"",
            "",
        ]);
        (any::<bool>(), prop::collection::vec(element, 0..6))
            .prop_map(|(mark, elements)| format!("{}[{}]", if mark { "\u{feff}" } else { "" }, elements.join(", ")))
    }

    proptest! {
        #[test]
        fn what_a_whole_list_counts_is_what_is_found_in_it(list in lists()) {
            if let Ok((entries, _)) = read(list.as_bytes()) {
                let mut found = 0;
                salvage(list.as_bytes(), |fields: Fields<'_>| {
                    let record = fields.entry().is_some();
                    found += usize::from(record);
                    record
                });
                prop_assert_eq!(found, entries.len());
            }
        }

        #[test]
        fn any_octets_are_a_reply_or_not(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&octets);
            salvage(&octets, |fields: Fields<'_>| fields.issuer_count().is_some());
        }

        #[test]
        fn a_damaged_reply_is_read_or_refused(at in 0..RECORD.len(), octet in any::<u8>(), cut in 0..RECORD.len()) {
            let mut body = format!("[{RECORD}]").into_bytes();
            body[at] = octet;
            let _ = read(&body);
            prop_assert!(read(&body[..=cut]).is_err() || body[cut] == b']' || octet == b']');
        }
    }
}
