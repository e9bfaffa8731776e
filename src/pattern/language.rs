//! Regular expressions of columns and of labels, without the texts that belong to somebody else.
//!
//! Only literals, classes, repetition, groups and alternation: Rust `regex` and Python `re` read them alike. What a
//! look-ahead would forbid is spelled out: a text differs from a forbidden one at its first differing character.

use std::collections::{BTreeMap, BTreeSet};

use super::class::{self, Charset};

/// The texts that one column may hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Language {
    /// One of these; sorted.
    Values(Vec<String>),
    /// Characters of a set, the first one of `first`; `max` of 0 is no limit.
    Class { first: Charset, set: Charset, class: String, min: usize, max: usize },
    /// A form with a regular expression and a size of its own.
    Fixed { regex: &'static str, log10: f64 },
}

/// A forbidden label, by column: a text, or whatever the column holds.
pub(super) type Forbidden = Vec<Option<String>>;

impl Language {
    pub(super) fn literal(text: &str) -> Self {
        Self::Values(vec![text.to_owned()])
    }

    /// Texts over a set, with a shortest and a longest length, 0 for no limit.
    pub(super) fn class(set: Charset, class: &str, (min, max): (usize, usize)) -> Self {
        Self::Class { first: set, set, class: class.to_owned(), min, max }
    }

    /// The decimal logarithm of the number of texts; `longest` stands for no limit.
    pub(super) fn log10(&self, longest: usize) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "a size")]
            Self::Values(values) => (values.len() as f64).log10(),
            Self::Class { set, min, max, .. } => {
                let longest = if *max == 0 { longest.max(*min) } else { *max };
                let base = f64::from(set.count_ones());
                let sum: f64 = (*min..=longest).map(|len| base.powi(i32::try_from(len).unwrap_or(63))).sum();
                sum.log10()
            }
            Self::Fixed { log10, .. } => *log10,
        }
    }

    fn regex(&self) -> String {
        match self {
            Self::Values(values) => alternatives(values.iter().map(|value| escape(value)).collect()),
            Self::Class { first, set, class, min, max } => {
                let max = (*max != 0).then_some(*max);
                differing(*first, *set, class, *min, max, &BTreeSet::new()).unwrap_or_default()
            }
            Self::Fixed { regex, .. } => (*regex).to_owned(),
        }
    }

    fn takes(&self, text: &str) -> bool {
        match self {
            Self::Values(values) => values.iter().any(|value| value == text),
            Self::Class { first, set, min, max, .. } => {
                let begins = text.bytes().next().is_none_or(|octet| class::bit(octet) & first != 0);
                begins && class::charset(text) & !set == 0 && text.len() >= *min && (*max == 0 || text.len() <= *max)
            }
            Self::Fixed { .. } => true,
        }
    }
}

/// The dots of a literal escaped; nothing else in a name means anything to a regular expression.
pub(super) fn escape(text: &str) -> String {
    text.replace('.', "\\.")
}

fn times(min: usize, max: usize) -> String {
    match (min, max) {
        (0, 0) => "*".to_owned(),
        (1, 0) => "+".to_owned(),
        (1, 1) => String::new(),
        (0, 1) => "?".to_owned(),
        (min, 0) => format!("{{{min},}}"),
        (min, max) if min == max => format!("{{{min}}}"),
        (min, max) => format!("{{{min},{max}}}"),
    }
}

/// Joins alternatives; an empty one makes the rest optional. No alternative at all matches nothing and is `None` before.
pub(super) fn alternatives(mut parts: Vec<String>) -> String {
    parts.dedup();
    let empty = parts.iter().any(String::is_empty);
    parts.retain(|part| !part.is_empty());
    match (parts.len(), empty) {
        (0, _) => String::new(),
        (1, false) => parts.remove(0),
        (_, false) => format!("(?:{})", parts.join("|")),
        (_, true) => format!("(?:{})?", parts.join("|")),
    }
}

/// The expression of a sequence of columns without the forbidden labels; `None` when nothing is left.
pub(super) fn sequence(columns: &[Language], forbidden: &[Forbidden]) -> Option<String> {
    let Some((first, rest)) = columns.split_first() else {
        return forbidden.is_empty().then(String::new);
    };
    if forbidden.is_empty() {
        return Some(columns.iter().map(Language::regex).collect());
    }
    let always: Vec<Forbidden> = forbidden.iter().filter(|row| row[0].is_none()).map(|row| row[1..].to_vec()).collect();
    let mut special: BTreeMap<&str, Vec<Forbidden>> = BTreeMap::new();
    for row in forbidden {
        if let Some(text) = row[0].as_deref().filter(|text| first.takes(text)) {
            special.entry(text).or_insert_with(|| always.clone()).push(row[1..].to_vec());
        }
    }
    let mut parts = Vec::new();
    // Texts with an equal remainder share one alternative.
    let mut by_tail: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (text, rows) in &special {
        if let Some(tail) = sequence(rest, rows) {
            by_tail.entry(tail).or_default().push(escape(text));
        }
    }
    if let (Some(head), Some(tail)) = (without(first, &special.keys().copied().collect()), sequence(rest, &always)) {
        parts.push(format!("{head}{tail}"));
    }
    parts.extend(by_tail.into_iter().map(|(tail, heads)| format!("{}{tail}", alternatives(heads))));
    if parts.is_empty() { None } else { Some(alternatives(parts)) }
}

/// The texts of a column that are none of these; `None` when none is left.
fn without(language: &Language, texts: &BTreeSet<&str>) -> Option<String> {
    match language {
        Language::Values(values) => {
            let left: Vec<String> =
                values.iter().filter(|value| !texts.contains(value.as_str())).map(|value| escape(value)).collect();
            (!left.is_empty()).then(|| alternatives(left))
        }
        Language::Class { first, set, class, min, max } => {
            differing(*first, *set, class, *min, (*max != 0).then_some(*max), texts)
        }
        Language::Fixed { regex, .. } => Some((*regex).to_owned()),
    }
}

/// Texts over a set, the first character one of `first`, with a length in bounds, that are none of `texts`.
fn differing(
    first: Charset,
    set: Charset,
    class: &str,
    min: usize,
    max: Option<usize>,
    texts: &BTreeSet<&str>,
) -> Option<String> {
    if texts.is_empty() && first == set {
        return Some(match max {
            Some(0) => String::new(),
            Some(max) => format!("{class}{}", times(min, max)),
            None => format!("{class}{}", times(min, 0)),
        });
    }
    let mut parts = Vec::new();
    if max != Some(0) {
        let mut heads: BTreeMap<u8, BTreeSet<&str>> = BTreeMap::new();
        for text in texts.iter().filter(|text| !text.is_empty()) {
            heads.entry(text.as_bytes()[0]).or_default().insert(&text[1..]);
        }
        let used = heads.keys().fold(0, |used, octet| used | class::bit(*octet));
        let (less, most) = (min.saturating_sub(1), max.map(|max| max - 1));
        if first & !used != 0 {
            let tail = differing(set, set, class, less, most, &BTreeSet::new()).unwrap_or_default();
            parts.push(format!("{}{tail}", class::class_of(first & !used)));
        }
        for (octet, tails) in heads {
            if let Some(tail) = differing(set, set, class, less, most, &tails) {
                parts.push(format!("{}{tail}", char::from(octet)));
            }
        }
    }
    if min == 0 && !texts.contains("") {
        parts.push(String::new());
    }
    match parts.len() {
        0 => None,
        1 if parts[0].is_empty() => Some(String::new()),
        _ => Some(alternatives(parts)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    fn letters(min: usize) -> Language {
        Language::class(class::LETTERS, "[a-z]", (min, 0))
    }

    fn digits() -> Language {
        Language::class(class::DIGITS, "[0-9]", (1, 0))
    }

    fn matches(columns: &[Language], forbidden: &[Forbidden], text: &str) -> bool {
        sequence(columns, forbidden).is_some_and(|regex| Regex::new(&format!("^(?:{regex})$")).unwrap().is_match(text))
    }

    #[test]
    fn a_forbidden_prefix_forbids_every_number_after_it() {
        let forbidden = vec![vec![Some("chat".to_owned()), None], vec![Some("a".to_owned()), Some("1".to_owned())]];
        let columns = [letters(1), digits()];
        for (text, expected) in
            [("chat12", false), ("chats12", true), ("cha12", true), ("a1", false), ("a2", true), ("a12", true)]
        {
            assert_eq!(matches(&columns, &forbidden, text), expected, "{text}");
        }
    }

    #[test]
    fn nothing_left_is_told() {
        let values = Language::Values(vec!["a".to_owned()]);
        assert_eq!(sequence(&[values], &[vec![Some("a".to_owned())]]), None);
        assert_eq!(sequence(&[letters(1), digits()], &[vec![None, None]]), None);
    }

    #[test]
    fn what_follows_letters_begins_with_a_digit() {
        let set = class::LETTERS | class::DIGITS;
        let id = |max| Language::Class { first: class::DIGITS, set, class: "[a-z0-9]".to_owned(), min: 1, max };
        let forbidden = vec![vec![None, Some("1b".to_owned())]];
        for (text, expected) in
            [("node1", true), ("node1a", true), ("node1b", false), ("nodes", false), ("node1ab", false)]
        {
            assert_eq!(matches(&[letters(1), id(2)], &forbidden, text), expected, "{text}");
        }
        assert_eq!(sequence(&[letters(1), id(1)], &[]).as_deref(), Some("[a-z]+[0-9]"));
        assert_eq!(sequence(&[letters(1), id(6)], &[]).as_deref(), Some("[a-z]+[0-9][a-z0-9]{0,5}"));
    }

    proptest! {
        #[test]
        fn exactly_the_forbidden_texts_are_left_out(
            words in proptest::collection::btree_set("[ab]{1,4}", 0..6),
            text in "[ab]{0,5}",
            min in 0usize..3,
        ) {
            let forbidden: Vec<Forbidden> = words.iter().map(|word| vec![Some(word.clone())]).collect();
            let expected = text.len() >= min && !words.contains(&text);
            prop_assert_eq!(matches(&[letters(min)], &forbidden, &text), expected);
        }
    }
}
