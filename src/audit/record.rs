//! Records in the temporary files of an audit: octets that this process writes and reads back, never an interchange format.

use std::borrow::Cow;

use crate::issuance::{Form, Record};

/// Appends a record with the names it has of `domain`.
pub(super) fn write_record(domain: &str, record: &Record<'_>, names: &[Cow<'_, str>], out: &mut Vec<u8>) {
    text(domain, out);
    count(names.len(), out);
    for name in names {
        text(name, out);
    }
    for field in [&record.issuer, &record.serial, &record.tbs_sha256, &record.label] {
        match field {
            None => out.push(0),
            Some(field) => {
                out.push(1);
                text(field, out);
            }
        }
    }
    count(record.caa_domains.len(), out);
    for domain in &record.caa_domains {
        text(domain, out);
    }
    for number in [record.issuer_ca_id, record.not_before, record.not_after, record.logged] {
        match number {
            None => out.push(0),
            Some(number) => {
                out.push(1);
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
    }
    let form = match record.form {
        None => 0,
        Some(Form::Precertificate) => 1,
        Some(Form::Final) => 2,
    };
    out.push(form | u8::from(record.partial) << 2);
    out.extend_from_slice(&record.omitted_names.to_le_bytes());
}

/// The domain and the record at an offset, and where the next one starts; `None` if there is none.
pub(super) fn read_record(octets: &[u8], at: usize) -> Option<(&str, Record<'_>, usize)> {
    let mut reader = Reader { octets, at };
    let domain = reader.text()?;
    let names = reader.count()?;
    let names = (0..names).map(|_| reader.text().map(Cow::Borrowed)).collect::<Option<_>>()?;
    let [issuer, serial, tbs_sha256, label] = [reader.field()?, reader.field()?, reader.field()?, reader.field()?];
    let domains = reader.count()?;
    let caa_domains = (0..domains).map(|_| reader.text().map(Cow::Borrowed)).collect::<Option<_>>()?;
    let [issuer_ca_id, not_before, not_after, logged] =
        [reader.number()?, reader.number()?, reader.number()?, reader.number()?];
    let flags = *reader.take(1)?.first()?;
    let form = match flags & 3 {
        1 => Some(Form::Precertificate),
        2 => Some(Form::Final),
        _ => None,
    };
    let omitted_names = u64::from_le_bytes(reader.take(8)?.try_into().ok()?);
    let record = Record {
        names,
        other_names: Vec::new(),
        common_name: None,
        issuer,
        issuer_ca_id,
        caa_domains,
        serial,
        tbs_sha256,
        not_before,
        not_after,
        logged,
        form,
        label,
        partial: flags & 4 != 0,
        omitted_names,
    };
    Some((domain, record, reader.at))
}

fn count(count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(count).expect("a record of less than 4 GiB").to_le_bytes());
}

fn text(text: &str, out: &mut Vec<u8>) {
    count(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.octets.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.take(4)?.try_into().ok()?)).ok()
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.count()?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    /// `None` when the octets end; `Some(None)` for a field that is not there.
    #[allow(clippy::option_option, reason = "the end of the octets is not an absent field")]
    fn field(&mut self) -> Option<Option<Cow<'a, str>>> {
        if self.take(1)? == [0] { Some(None) } else { self.text().map(|text| Some(Cow::Borrowed(text))) }
    }

    #[allow(clippy::option_option, reason = "the end of the octets is not an absent number")]
    fn number(&mut self) -> Option<Option<i64>> {
        if self.take(1)? == [0] {
            return Some(None);
        }
        Some(Some(i64::from_le_bytes(self.take(8)?.try_into().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_record_comes_back_as_it_went(
            names in proptest::collection::vec(any::<String>(), 0..4),
            issuer in any::<Option<String>>(),
            serial in any::<Option<String>>(),
            not_before in any::<Option<i64>>(),
            omitted_names in any::<u64>(),
        ) {
            let names: Vec<Cow<'_, str>> = names.into_iter().map(Cow::Owned).collect();
            let record = Record {
                names: names.clone(),
                issuer: issuer.map(Cow::Owned),
                serial: serial.map(Cow::Owned),
                not_before,
                caa_domains: vec!["ca.example".into()],
                form: Some(Form::Final),
                partial: omitted_names % 2 == 0,
                omitted_names,
                ..Record::default()
            };
            let mut octets = vec![0xff];
            write_record("example.net", &record, &names, &mut octets);
            prop_assert_eq!(read_record(&octets, 1), Some(("example.net", record, octets.len())));
        }

        #[test]
        fn any_octets_are_a_record_or_none(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_record(&octets, 0);
        }
    }
}
