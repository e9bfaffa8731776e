//! What is known of one column over all names of its family.

use std::collections::{BTreeSet, HashSet};

use super::class::{self, Charset};
use super::hash::MixBuilder;
use super::words;

/// Values that are kept of a column; with more, only that there are more.
pub(super) const VALUES: usize = 64;

/// Sums, extremes and the first few values of a column; none depends on the order of the texts.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) rows: u64,
    pub(super) min: u8,
    pub(super) max: u8,
    pub(super) charset: Charset,
    /// Characters in all.
    pub(super) symbols: u64,
    pub(super) leading_zero: bool,
    /// Two dashes in a row: an address with zeros left out.
    pub(super) shortened: bool,
    pub(super) smallest: u64,
    pub(super) largest: u64,
    pub(super) dates: u64,
    pub(super) countries: u64,
    /// The distinct values, until there are more than [`VALUES`].
    pub(super) values: Option<HashSet<Box<str>, MixBuilder>>,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            rows: 0,
            min: u8::MAX,
            max: 0,
            charset: 0,
            symbols: 0,
            leading_zero: false,
            shortened: false,
            smallest: u64::MAX,
            largest: 0,
            dates: 0,
            countries: 0,
            values: Some(HashSet::default()),
        }
    }
}

impl Facts {
    /// Adds the facts of another column.
    pub(super) fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.charset |= other.charset;
        self.symbols += other.symbols;
        self.leading_zero |= other.leading_zero;
        self.shortened |= other.shortened;
        self.smallest = self.smallest.min(other.smallest);
        self.largest = self.largest.max(other.largest);
        self.dates += other.dates;
        self.countries += other.countries;
        let Some(mut values) = self.values.take() else { return };
        let Some(theirs) = &other.values else { return };
        values.extend(theirs.iter().cloned());
        self.values = (values.len() <= VALUES).then_some(values);
    }

    /// Adds the text of one name.
    pub(super) fn add(&mut self, text: &str) {
        let len = u8::try_from(text.len()).expect("a label has at most 63 octets");
        self.rows += 1;
        self.min = self.min.min(len);
        self.max = self.max.max(len);
        self.symbols += u64::from(len);
        let charset = class::charset(text);
        self.charset |= charset;
        self.shortened |= charset & class::bit(b'-') != 0 && text.contains("--");
        self.countries += u64::from(len == 2 && words::is_country(text));
        if charset & !class::DIGITS == 0 {
            self.leading_zero |= len > 1 && text.starts_with('0');
            self.dates += u64::from(class::is_compact_date(text));
            if let Ok(number) = text.parse::<u64>() {
                self.smallest = self.smallest.min(number);
                self.largest = self.largest.max(number);
            }
        }
        if let Some(values) = &mut self.values
            && !values.contains(text)
        {
            if values.len() < VALUES {
                values.insert(text.into());
            } else {
                self.values = None;
            }
        }
    }

    /// The distinct values in order, if there are few.
    pub(super) fn sorted(&self) -> Option<BTreeSet<&str>> {
        self.values.as_ref().map(|values| values.iter().map(|value| &**value).collect())
    }
}
