//! What is known of one column over all names of its family.

use std::collections::{BTreeSet, HashMap};

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
    /// A text without any dash.
    pub(super) dashless: bool,
    pub(super) smallest: u64,
    pub(super) largest: u64,
    pub(super) dates: u64,
    pub(super) countries: u64,
    pub(super) values: Values,
}

/// The distinct texts of a column and how often each was seen, until there are more than [`VALUES`].
#[derive(Debug, Clone)]
pub(super) struct Values(Option<HashMap<Box<str>, u32, MixBuilder>>);

impl Default for Values {
    fn default() -> Self {
        Self(Some(HashMap::default()))
    }
}

impl Values {
    /// Adds the text of one name; `free` says whether the name says how often the text comes.
    pub(super) fn add(&mut self, text: &str, free: bool) {
        let Some(values) = &mut self.0 else { return };
        if let Some(times) = values.get_mut(text) {
            *times = times.saturating_add(u32::from(free));
        } else if values.len() < VALUES {
            values.insert(text.into(), u32::from(free));
        } else {
            self.0 = None;
        }
    }

    fn merge(&mut self, other: &Self) {
        let (Some(mut values), Some(theirs)) = (self.0.take(), &other.0) else { return };
        for (text, times) in theirs {
            let known = values.entry(text.clone()).or_default();
            *known = known.saturating_add(*times);
        }
        self.0 = Some(values).filter(|values| values.len() <= VALUES);
    }

    /// How many there are, if they are few.
    pub(super) fn count(&self) -> Option<usize> {
        self.0.as_ref().map(HashMap::len)
    }

    /// The values in order, if they are few.
    pub(super) fn sorted(&self) -> Option<BTreeSet<&str>> {
        self.0.as_ref().map(|values| values.keys().map(|value| &**value).collect())
    }

    /// Whether the next name would hardly bring a new value: the share of values seen once estimates that chance (Good
    /// and Turing), and each was seen several times on average.
    pub(super) fn are_all(&self) -> bool {
        let Some(values) = &self.0 else { return false };
        let rows: u64 = values.values().map(|&times| u64::from(times)).sum();
        let once = values.values().filter(|&&times| times <= 1).count() as u64;
        (2..=40).contains(&values.len()) && rows >= 6 * values.len() as u64 && 50 * once <= rows
    }
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
            dashless: false,
            smallest: u64::MAX,
            largest: 0,
            dates: 0,
            countries: 0,
            values: Values::default(),
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
        self.dashless |= other.dashless;
        self.smallest = self.smallest.min(other.smallest);
        self.largest = self.largest.max(other.largest);
        self.dates += other.dates;
        self.countries += other.countries;
        self.values.merge(&other.values);
    }

    /// Adds the text of one name; `free` says whether the name says how often the text comes.
    pub(super) fn add(&mut self, text: &str, free: bool) {
        let len = u8::try_from(text.len()).expect("a label has at most 63 octets");
        self.rows += 1;
        self.min = self.min.min(len);
        self.max = self.max.max(len);
        self.symbols += u64::from(len);
        let charset = class::charset(text);
        self.charset |= charset;
        let dashed = charset & class::bit(b'-') != 0;
        self.dashless |= !dashed;
        self.shortened |= dashed && text.contains("--");
        self.countries += u64::from(len == 2 && words::is_country(text));
        if charset & !class::DIGITS == 0 {
            self.leading_zero |= len > 1 && text.starts_with('0');
            self.dates += u64::from(class::is_compact_date(text));
            if let Ok(number) = text.parse::<u64>() {
                self.smallest = self.smallest.min(number);
                self.largest = self.largest.max(number);
            }
        }
        self.values.add(text, free);
    }
}
