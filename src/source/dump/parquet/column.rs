//! One column of a row group, record by record.

use ::parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use ::parquet::column::page::{Page, PageMetadata, PageReader};
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use ::parquet::data_type::{ByteArray, DataType};
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::RowGroupReader;
use ::parquet::schema::types::{ColumnDescPtr, ColumnDescriptor, SchemaDescriptor};

use crate::issuance::time;

/// Values of one column in one row group; a few octets can claim billions.
const MAX_VALUES: u64 = 1 << 24;
/// Octets of a page after decompression.
const MAX_PAGE: usize = 256 << 20;

/// What a column tells of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Its names, one or a list.
    Name,
    /// That the name stands for `*.` and the name.
    Wildcard,
    /// Its issuer.
    Issuer,
    /// Its serial number in hex.
    Serial,
    /// Begin of its validity.
    NotBefore,
    /// End of its validity.
    NotAfter,
    /// What tells it from other certificates.
    Certificate,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Text.
    Text(String),
    /// A number; of a time, seconds since 1970 UTC.
    Number(i64),
    /// Yes or no.
    Flag(bool),
}

impl Value {
    /// As text.
    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(number) => Some(number.to_string()),
            Self::Flag(_) => None,
        }
    }

    /// As a time, seconds since 1970 UTC.
    pub(super) fn into_seconds(self) -> Option<i64> {
        match self {
            Self::Text(text) => time::seconds(&text),
            Self::Number(number) => Some(number),
            Self::Flag(_) => None,
        }
    }
}

/// The columns that tell something, each by its place; the names come first.
///
/// # Errors
/// None of them holds names.
pub(super) fn roles(schema: &SchemaDescriptor) -> Result<Vec<(usize, Role)>, ParquetError> {
    let find = |names: &[&str], kinds: &[Physical]| {
        names.iter().find_map(|name| {
            schema.columns().iter().position(|column| {
                let first = column.path().parts().first().map_or("", String::as_str);
                first.eq_ignore_ascii_case(name) && kinds.contains(&column.physical_type())
            })
        })
    };
    let (text, number) = (Physical::BYTE_ARRAY, Physical::INT64);
    let names = ["name", "dns_names", "names", "name_value", "dns_name", "san", "sans", "domain", "host", "hostname"];
    let name = find(&names, &[text]).ok_or_else(|| {
        let known = names.join(", ");
        ParquetError::General(format!("it has no column of names; a column of text called one of {known} is needed"))
    })?;
    let mut roles = vec![(name, Role::Name)];
    for (role, names, kinds) in [
        (Role::Wildcard, &["wildcard"][..], &[Physical::BOOLEAN][..]),
        (Role::Issuer, &["issuer_name", "issuer"], &[text]),
        (Role::Serial, &["serial_number", "serial"], &[text]),
        (Role::NotBefore, &["not_before"], &[number, text]),
        (Role::NotAfter, &["not_after"], &[number, text]),
        (Role::Certificate, &["certificate"], &[text, number]),
    ] {
        let single = |at: &usize| schema.column(*at).max_rep_level() == 0;
        roles.extend(find(names, kinds).filter(single).map(|at| (at, role)));
    }
    Ok(roles)
}

/// A column that is being read.
pub(super) struct Column {
    reader: ColumnReader,
    most_defined: i16,
    repeated: bool,
    /// Ticks of a time in a second; 0 for what is no time.
    ticks: i64,
}

impl Column {
    /// Opens a column of a row group.
    pub(super) fn open(group: &dyn RowGroupReader, at: usize, role: Role) -> Result<Self, ParquetError> {
        let column: ColumnDescPtr = group.metadata().schema_descr().column(at);
        let inner = group.get_column_page_reader(at)?;
        let (most_defined, repeated) = (column.max_def_level(), column.max_rep_level() > 0);
        let ticks = if matches!(role, Role::NotBefore | Role::NotAfter) { ticks(&column) } else { 0 };
        let reader = get_column_reader(column, Box::new(Bounded { inner, values: 0 }));
        Ok(Self { reader, most_defined, repeated, ticks })
    }

    /// The values of the next records, of at most `most` of them.
    pub(super) fn read(&mut self, most: usize) -> Result<Vec<Vec<Value>>, ParquetError> {
        let (defined, repeated) = (self.most_defined, self.repeated);
        match &mut self.reader {
            ColumnReader::ByteArrayColumnReader(reader) => read(reader, most, defined, repeated, |text: &ByteArray| {
                Value::Text(String::from_utf8_lossy(text.data()).into_owned())
            }),
            ColumnReader::Int64ColumnReader(reader) => {
                let ticks = self.ticks.max(1);
                read(reader, most, defined, repeated, |number: &i64| Value::Number(number.div_euclid(ticks)))
            }
            ColumnReader::BoolColumnReader(reader) => {
                read(reader, most, defined, repeated, |flag: &bool| Value::Flag(*flag))
            }
            _ => Err(ParquetError::General("a column is of a type that was not asked for".to_owned())),
        }
    }
}

/// How many ticks of a time a second has, by the type of its column; seconds where nothing is said.
fn ticks(column: &ColumnDescriptor) -> i64 {
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Timestamp(time)), _) => match time.unit {
            TimeUnit::MILLIS => 1000,
            TimeUnit::MICROS => 1_000_000,
            TimeUnit::NANOS => 1_000_000_000,
        },
        (_, ConvertedType::TIMESTAMP_MILLIS) => 1000,
        (_, ConvertedType::TIMESTAMP_MICROS) => 1_000_000,
        _ => 1,
    }
}

fn read<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    most: usize,
    most_defined: i16,
    is_repeated: bool,
    value: impl Fn(&T::T) -> Value,
) -> Result<Vec<Vec<Value>>, ParquetError> {
    let (mut defined, mut repetition, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let (records, ..) = reader.read_records(most, Some(&mut defined), Some(&mut repetition), &mut values)?;
    let mut found: Vec<Vec<Value>> = Vec::with_capacity(records);
    let mut values = values.iter();
    let levels = if most_defined > 0 { defined.len() } else { values.len() };
    for at in 0..levels {
        let begins = !is_repeated || repetition.get(at).is_none_or(|level| *level == 0);
        if begins {
            found.push(Vec::new());
        }
        let is_there = most_defined == 0 || defined.get(at) == Some(&most_defined);
        if is_there && let (Some(record), Some(next)) = (found.last_mut(), values.next()) {
            record.push(value(next));
        }
    }
    Ok(found)
}

/// Pages, as long as they keep within bounds.
struct Bounded {
    inner: Box<dyn PageReader>,
    values: u64,
}

impl Bounded {
    fn check(&mut self, page: Page) -> Result<Page, ParquetError> {
        self.values += u64::from(page.num_values());
        let octets = page.buffer().len();
        if self.values > MAX_VALUES || octets > MAX_PAGE {
            let why = format!("a row group has more than {MAX_VALUES} values, or a page more than {MAX_PAGE} octets");
            return Err(ParquetError::General(why));
        }
        Ok(page)
    }
}

impl PageReader for Bounded {
    fn get_next_page(&mut self) -> Result<Option<Page>, ParquetError> {
        let page = self.inner.get_next_page()?;
        page.map(|page| self.check(page)).transpose()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>, ParquetError> {
        self.inner.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<(), ParquetError> {
        self.inner.skip_next_page()
    }
}

impl Iterator for Bounded {
    type Item = Result<Page, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
