//! Parquet, for the engines that people already run over columns: [`Table`] writes rows of cells, [`names`] the names of a
//! report. The same rows give the same octets.

pub mod names;

use std::io::{self, Write};
use std::sync::Arc;

use ::parquet::basic::{Compression, Type as Physical, ZstdLevel};
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::parser::parse_message_type;
use ::parquet::schema::types::ColumnDescriptor;

/// Rows that are held before they are written together.
const ROWS: usize = 1 << 16;

/// One cell of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Not known; for optional columns.
    Null,
    /// Text.
    Text(&'a str),
    /// A count.
    Count(u64),
    /// Milliseconds since 1970 UTC.
    Time(i64),
    /// Yes or no.
    Flag(bool),
    /// A list of texts.
    Texts(Vec<&'a str>),
    /// A list of records, each with a cell for every field; how many fields there are.
    Records(usize, Vec<Vec<Cell<'a>>>),
}

impl<'a> Cell<'a> {
    /// A text that may not be known.
    #[must_use]
    pub fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }

    /// A count that may not be known.
    #[must_use]
    pub fn count(count: Option<u64>) -> Self {
        count.map_or(Self::Null, Self::Count)
    }

    /// A time that may not be known, from RFC 3339 text.
    #[must_use]
    pub fn time(text: Option<&str>) -> Self {
        let time = text.and_then(|text| text.parse::<jiff::Timestamp>().ok());
        time.map_or(Self::Null, |time| Self::Time(time.as_millisecond()))
    }
}

/// A table that is being written.
pub struct Table<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    leaves: Vec<Leaf>,
    rows: usize,
}

/// The values of one column that are not written yet, with how deep each is defined and repeated (the levels of Dremel).
struct Leaf {
    most_defined: i16,
    repeated: bool,
    values: Values,
    defined: Vec<i16>,
    repetition: Vec<i16>,
}

enum Values {
    Text(Vec<ByteArray>),
    Number(Vec<i64>),
    Flag(Vec<bool>),
}

impl<W: Write + Send> Table<W> {
    /// Begins a table whose columns are those of `message`, in the notation of Parquet.
    ///
    /// # Errors
    /// The writer's.
    pub fn new(message: &str, out: W) -> io::Result<Self> {
        let schema = Arc::new(parse_message_type(message).map_err(failed)?);
        let level = ZstdLevel::try_new(3).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by(concat!("ctclimb ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = SerializedFileWriter::new(out, schema, Arc::new(properties)).map_err(failed)?;
        let leaves = writer.schema_descr().columns().iter().map(|column| Leaf::new(column)).collect();
        Ok(Self { writer, leaves, rows: 0 })
    }

    /// Writes a row; its cells are the columns in order.
    ///
    /// # Errors
    /// The writer's; cells that are not those of the columns.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        let mut leaves = self.leaves.iter_mut();
        for cell in cells {
            let fields = if let Cell::Records(fields, _) = cell { *fields } else { 1 };
            for field in 0..fields {
                let leaf = leaves.next().ok_or_else(unfit)?;
                leaf.take(cell, field).ok_or_else(unfit)?;
            }
        }
        if leaves.next().is_some() {
            return Err(unfit());
        }
        self.rows += 1;
        if self.rows >= ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for leaf in &mut self.leaves {
            let column = group.next_column().map_err(failed)?.ok_or_else(unfit)?;
            leaf.write(column).map_err(failed)?;
        }
        group.close().map_err(failed)?;
        self.rows = 0;
        Ok(())
    }

    /// Ends the table.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.writer.finish().map_err(failed)?;
        self.writer.inner_mut().flush()
    }
}

impl Leaf {
    fn new(column: &ColumnDescriptor) -> Self {
        Self {
            most_defined: column.max_def_level(),
            repeated: column.max_rep_level() > 0,
            values: match column.physical_type() {
                Physical::BOOLEAN => Values::Flag(Vec::new()),
                Physical::INT64 => Values::Number(Vec::new()),
                _ => Values::Text(Vec::new()),
            },
            defined: Vec::new(),
            repetition: Vec::new(),
        }
    }

    /// Takes the cell of a row, or one field of its records; `None` if it does not fit the column.
    fn take(&mut self, cell: &Cell<'_>, field: usize) -> Option<()> {
        let items: Vec<Cell<'_>> = match cell {
            Cell::Texts(texts) => texts.iter().map(|text| Cell::Text(text)).collect(),
            Cell::Records(_, records) => {
                records.iter().map(|record| record.get(field).cloned()).collect::<Option<_>>()?
            }
            single => return self.put(single, 0),
        };
        if !self.repeated {
            return None;
        }
        if items.is_empty() {
            self.defined.push(0);
            self.repetition.push(0);
        }
        items.iter().enumerate().try_for_each(|(at, item)| self.put(item, i16::from(at > 0)))
    }

    fn put(&mut self, cell: &Cell<'_>, repetition: i16) -> Option<()> {
        let known = match (cell, &mut self.values) {
            (Cell::Null, _) if self.most_defined > i16::from(self.repeated) => false,
            (Cell::Text(text), Values::Text(values)) => {
                values.push(ByteArray::from(*text));
                true
            }
            (Cell::Count(count), Values::Number(values)) => {
                values.push(i64::try_from(*count).unwrap_or(i64::MAX));
                true
            }
            (Cell::Time(time), Values::Number(values)) => {
                values.push(*time);
                true
            }
            (Cell::Flag(flag), Values::Flag(values)) => {
                values.push(*flag);
                true
            }
            _ => return None,
        };
        self.defined.push(self.most_defined - i16::from(!known));
        self.repetition.push(repetition);
        Some(())
    }

    fn write(&mut self, mut column: SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let defined = (self.most_defined > 0).then_some(self.defined.as_slice());
        let repetition = self.repeated.then_some(self.repetition.as_slice());
        match &mut self.values {
            Values::Text(values) => {
                column.typed::<ByteArrayType>().write_batch(values, defined, repetition)?;
                values.clear();
            }
            Values::Number(values) => {
                column.typed::<Int64Type>().write_batch(values, defined, repetition)?;
                values.clear();
            }
            Values::Flag(values) => {
                column.typed::<BoolType>().write_batch(values, defined, repetition)?;
                values.clear();
            }
        }
        self.defined.clear();
        self.repetition.clear();
        column.close()
    }
}

/// An error of the library; one of the writer below it keeps its kind.
fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

fn unfit() -> io::Error {
    io::Error::other("the cells of a row are not those of its table")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::parquet::file::reader::{FileReader, SerializedFileReader};

    const MESSAGE: &str = "message t { REQUIRED BYTE_ARRAY a (STRING); OPTIONAL INT64 b; REQUIRED BOOLEAN c;
        REQUIRED group d (LIST) { REPEATED group list { REQUIRED BYTE_ARRAY element (STRING); } }
        REQUIRED group e (LIST) { REPEATED group list { REQUIRED group element {
            REQUIRED BYTE_ARRAY x (STRING); OPTIONAL INT64 y; } } } }";

    fn rows(count: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut table = Table::new(MESSAGE, &mut out).unwrap();
        for n in 0..count {
            let text = format!("n{n}");
            let b = if n % 2 == 0 { Cell::Count(n as u64) } else { Cell::Null };
            let records = (0..n % 3).map(|_| vec![Cell::Text(&text), Cell::Null]).collect();
            let texts = vec![text.as_str(); n % 4];
            table
                .row(&[Cell::Text(&text), b, Cell::Flag(n == 1), Cell::Texts(texts), Cell::Records(2, records)])
                .unwrap();
        }
        table.finish().unwrap();
        out
    }

    #[test]
    fn rows_come_back_as_they_were_written() {
        let reader = SerializedFileReader::new(file(&rows(7))).unwrap();
        let lines: Vec<String> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert_eq!(lines.len(), 7);
        assert_eq!(
            lines[5],
            "{a: \"n5\", b: null, c: false, d: [\"n5\"], e: [{x: \"n5\", y: null}, {x: \"n5\", y: null}]}"
        );
        assert_eq!(lines[0], "{a: \"n0\", b: 0, c: false, d: [], e: []}");
    }

    #[test]
    fn the_same_rows_give_the_same_octets_in_several_groups() {
        let many = rows(ROWS + 10);
        assert_eq!(many, rows(ROWS + 10));
        let reader = SerializedFileReader::new(file(&many)).unwrap();
        let rows = reader.metadata().file_metadata().num_rows();
        assert_eq!((reader.num_row_groups(), usize::try_from(rows).unwrap()), (2, ROWS + 10));
    }

    #[test]
    fn a_row_of_other_cells_is_refused() {
        let mut table = Table::new("message t { REQUIRED BYTE_ARRAY a (STRING); }", Vec::new()).unwrap();
        for cells in [&[Cell::Null][..], &[Cell::Count(1)], &[], &[Cell::Text("a"), Cell::Text("b")]] {
            assert!(table.row(cells).is_err(), "{cells:?}");
        }
    }

    fn file(octets: &[u8]) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(octets).unwrap();
        file
    }
}
