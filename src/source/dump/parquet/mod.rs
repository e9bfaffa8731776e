//! Parquet files: the column that holds names, and what else a record may tell, found by their names and types.
//!
//! The format is read from its end, so a stream is put on disk first. Pages are bounded; a file may come from a stranger.

mod column;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Write};

use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};

use super::window::Window;
use super::{Entry, Sink, Summary};
use crate::issuance::Record;
use column::{Column, Role, Value};

/// Records read at a time.
const BATCH: usize = 1024;

/// Reads the records of a file.
pub(super) fn read(window: &mut Window<impl Read>, summary: &mut Summary, sink: &mut Sink<'_>) {
    summary.stopped = read_spooled(window, summary, sink).err().map(|error| error.to_string());
}

fn read_spooled(window: &mut Window<impl Read>, summary: &mut Summary, sink: &mut Sink<'_>) -> io::Result<()> {
    let file = spool(window)?;
    // What is malformed is an error of the library; what it did not think of is its panic, and shall cost this file only.
    let work = std::panic::AssertUnwindSafe(|| read_file(file, summary, sink));
    let read = std::panic::catch_unwind(work);
    match read {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(io::Error::other(format!("not a Parquet file that can be read on: {error}"))),
        Err(_) => Err(io::Error::other("not a Parquet file that can be read on: its pages contradict each other")),
    }
}

/// The whole stream in a temporary file.
fn spool(window: &mut Window<impl Read>) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    loop {
        file.write_all(window.text())?;
        window.pass(window.text().len());
        if window.ended() {
            return Ok(file);
        }
        window.more();
    }
}

fn read_file(file: File, summary: &mut Summary, sink: &mut Sink<'_>) -> Result<(), ParquetError> {
    let reader = SerializedFileReader::new(file)?;
    let roles = column::roles(reader.metadata().file_metadata().schema_descr())?;
    for at in 0..reader.num_row_groups() {
        let group = reader.get_row_group(at)?;
        read_group(group.as_ref(), &roles, summary, sink)?;
    }
    Ok(())
}

fn read_group(
    group: &dyn RowGroupReader,
    roles: &[(usize, Role)],
    summary: &mut Summary,
    sink: &mut Sink<'_>,
) -> Result<(), ParquetError> {
    let mut columns = roles.iter().map(|&(at, role)| Column::open(group, at, role)).collect::<Result<Vec<_>, _>>()?;
    loop {
        let batch = columns.iter_mut().map(|column| column.read(BATCH)).collect::<Result<Vec<_>, _>>()?;
        let count = batch[0].len();
        if batch.iter().any(|values| values.len() != count) {
            return Err(ParquetError::General("its columns are not of the same length".to_owned()));
        }
        if count == 0 {
            return Ok(());
        }
        let mut values: Vec<_> = batch.into_iter().map(Vec::into_iter).collect();
        for _ in 0..count {
            let record =
                roles.iter().zip(&mut values).map(|((_, role), values)| (*role, values.next().unwrap_or_default()));
            give(&Row::new(record), sink);
            summary.records += 1;
        }
    }
}

/// The values of one record by their role.
#[derive(Default)]
struct Row {
    names: Vec<String>,
    issuer: Option<String>,
    serial: Option<String>,
    not_before: Option<i64>,
    not_after: Option<i64>,
    label: Option<String>,
}

impl Row {
    fn new(record: impl Iterator<Item = (Role, Vec<Value>)>) -> Self {
        let mut row = Self::default();
        let mut wildcard = false;
        for (role, values) in record {
            let mut values = values.into_iter();
            match role {
                // crt.sh tells all names of a record in one text, a line each.
                Role::Name => {
                    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
                    row.names = values.filter_map(Value::into_text).flat_map(lines).collect();
                }
                Role::Wildcard => wildcard = values.next() == Some(Value::Flag(true)),
                Role::Issuer => row.issuer = values.find_map(Value::into_text),
                Role::Serial => row.serial = values.find_map(Value::into_text),
                Role::Certificate => row.label = values.find_map(Value::into_text),
                Role::NotBefore => row.not_before = values.find_map(Value::into_seconds),
                Role::NotAfter => row.not_after = values.find_map(Value::into_seconds),
            }
        }
        if wildcard {
            row.names.iter_mut().filter(|name| !name.starts_with("*.")).for_each(|name| name.insert_str(0, "*."));
        }
        row
    }
}

fn give(row: &Row, sink: &mut Sink<'_>) {
    if sink.names_only() {
        return sink.entries(row.names.iter().map(|name| Entry::Name(name)));
    }
    let text = |text: &Option<String>| text.clone().map(Cow::Owned);
    sink.record(&Record {
        names: row.names.iter().map(|name| Cow::Borrowed(name.as_str())).collect(),
        issuer: text(&row.issuer),
        serial: text(&row.serial),
        label: text(&row.label),
        not_before: row.not_before,
        not_after: row.not_after,
        ..Record::default()
    });
}

#[cfg(test)]
mod tests {
    use super::super::read as read_dump;
    use crate::issuance::Collection;
    use crate::report::parquet::names::{NameRow, Names};
    use crate::report::parquet::{Cell, Table};
    use proptest::prelude::*;

    fn read(octets: Vec<u8>) -> (Vec<String>, crate::source::dump::Summary, crate::issuance::Issuances) {
        let mut collection = Collection::new(None);
        let summary = read_dump(io_cursor(octets), "x.parquet", &mut collection).unwrap();
        let issued = collection.finish();
        let tree = &issued.tree;
        let mut names: Vec<String> = tree.sans().map(|san| tree.subject_alt_name(san).to_string()).collect();
        names.sort();
        (names, summary, issued)
    }

    fn io_cursor(octets: Vec<u8>) -> std::io::Cursor<Vec<u8>> {
        std::io::Cursor::new(octets)
    }

    fn own_table() -> Vec<u8> {
        let mut out = Vec::new();
        let mut table = Names::new(&mut out).unwrap();
        for n in 0..3000 {
            let name = format!("n{n}.example.net");
            table.row(&NameRow { name: &name, wildcard: n % 2 == 1, ..NameRow::default() }).unwrap();
        }
        table.finish().unwrap();
        out
    }

    fn others_table() -> Vec<u8> {
        let message =
            "message x { OPTIONAL BYTE_ARRAY issuer_name (STRING); OPTIONAL BYTE_ARRAY serial_number (STRING);
            OPTIONAL group dns_names (LIST) { REPEATED group list { OPTIONAL BYTE_ARRAY element (STRING); } }
            OPTIONAL INT64 not_before (TIMESTAMP(MICROS, true)); OPTIONAL BYTE_ARRAY not_after (STRING);
            OPTIONAL INT64 unrelated; }";
        let mut out = Vec::new();
        let mut table = Table::new(message, &mut out).unwrap();
        let names = Cell::Texts(vec!["a.example.net", "*.a.example.net", "somebody@example.net"]);
        let texts = |serial| [Cell::Text("CN=Some CA"), Cell::Text(serial)];
        let rest = || [Cell::Time(1_700_000_000_000_000), Cell::Text("2027-01-31T00:00:00Z"), Cell::Count(1)];
        for serial in ["01", "01", "02"] {
            table.row(&[&texts(serial)[..], std::slice::from_ref(&names), &rest()].concat()).unwrap();
        }
        table.row(&[Cell::Null, Cell::Null, Cell::Texts(vec![]), Cell::Null, Cell::Null, Cell::Null]).unwrap();
        table.finish().unwrap();
        out
    }

    #[test]
    fn our_own_table_of_names_is_an_input() {
        let (names, summary, _) = read(own_table());
        assert_eq!((names.len(), summary.records, summary.kind.as_str()), (3000, 3000, "parquet"));
        assert!(names.contains(&"*.n1.example.net".to_owned()) && names.contains(&"n2.example.net".to_owned()));
    }

    #[test]
    fn records_of_others_are_certificates_with_lists_of_names() {
        let (names, summary, issued) = read(others_table());
        assert_eq!(names, ["*.a.example.net", "a.example.net"]);
        assert_eq!((summary.records, issued.certificates()), (4, 2), "the same serial is the same certificate");
        let first = &issued.issuances[0];
        assert_eq!((first.not_before, first.not_after), (Some(1_700_000_000), Some(1_801_353_600)));
        assert_eq!(issued.issuer(first).unwrap().name, "CN=Some CA");
        assert_eq!(issued.drops.total(), 3, "an address is dropped by class, once a record");
    }

    #[test]
    fn a_table_without_names_is_told_what_is_missing() {
        let mut out = Vec::new();
        Table::new("message x { REQUIRED INT64 number; }", &mut out).unwrap().finish().unwrap();
        let (names, summary, _) = read(out);
        assert!(names.is_empty());
        assert!(summary.stopped.as_ref().unwrap().contains("no column of names"), "{summary:?}");
    }

    #[test]
    fn a_cut_table_says_so() {
        let whole = own_table();
        let (_, summary, _) = read(whole[..whole.len() - 9].to_vec());
        assert!(summary.stopped.is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn damaged_tables_are_read_or_refused(
            at in any::<prop::sample::Index>(),
            octets in proptest::collection::vec(any::<u8>(), 1..12),
            own in any::<bool>(),
        ) {
            let mut table = if own { own_table() } else { others_table() };
            let start = 4 + at.index(table.len() - 4);
            for (octet, new) in table[start..].iter_mut().zip(octets) {
                *octet = new;
            }
            let _ = read(table);
        }
    }
}
