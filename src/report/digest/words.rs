//! Small texts that every format puts together alike: numbers, lists, quotes, the short form of an issuer's name.

use std::borrow::Cow;

use crate::pattern::Pattern;

/// Data inside a sentence: in backticks, of which it holds none itself.
pub(in crate::report) fn quote(data: &str) -> String {
    format!("`{}`", data.replace('`', "\\u{60}"))
}

/// `1 name`, `4,812 names`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{} {}", thousands(count), numbered(count, noun))
}

/// The noun alone: `name` for one, `names` for all other counts.
fn numbered(count: u64, noun: &str) -> String {
    match noun.strip_suffix('y') {
        _ if count == 1 => noun.to_owned(),
        Some(stem) => format!("{stem}ies"),
        None if noun.ends_with('s') => format!("{noun}es"),
        None => format!("{noun}s"),
    }
}

/// `the name checked`, `all 20 names checked`, `3 of 20 names checked`.
pub(in crate::report) fn share(count: u64, total: u64, noun: &str) -> String {
    match (count, total) {
        (1, 1) => format!("the {noun}"),
        (count, total) if count == total => format!("all {}", counted(total, noun)),
        (count, total) => format!("{} of {}", thousands(count), counted(total, noun)),
    }
}

/// `4,812`.
pub(crate) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `a`, `a and b`, `a, b and 3 more`.
pub(in crate::report) fn list(items: &[String], most: usize) -> String {
    let shown = &items[..items.len().min(most)];
    let rest = items.len() - shown.len();
    match (shown, rest) {
        ([], 0) => String::new(),
        ([one], 0) => one.clone(),
        ([first @ .., last], 0) => format!("{} and {last}", first.join(", ")),
        ([], rest) => thousands(rest as u64),
        (shown, rest) => format!("{} and {} more", shown.join(", "), thousands(rest as u64)),
    }
}

/// A name shortened inside its first label where it is wider than `room`; what goes is random anyway.
pub(in crate::report) fn elided<'a>(name: &'a str, room: usize, mark: &str) -> Cow<'a, str> {
    let (label, rest) = name.split_once('.').unwrap_or((name, ""));
    if name.len() <= room || label.len() < 24 || !label.is_ascii() {
        return Cow::Borrowed(name);
    }
    Cow::Owned(format!("{}{mark}{}.{rest}", &label[..8], &label[label.len() - 6..]))
}

/// What so many dropped entries of a class are, in words, and the class itself.
pub(in crate::report) fn dropped(class: &str, count: u64) -> String {
    let (noun, rest) = match class {
        "empty" => ("empty entry", ""),
        "email" => ("e-mail address", ""),
        "uri" => ("URI", ""),
        "ip-address" => ("IP address", ""),
        "blank" => ("entry", " with blanks"),
        "control" => ("entry", " with control characters"),
        "empty-label" => ("entry", " with an empty label"),
        "label-length" => ("entry", " with a label over 63 octets"),
        "name-length" => ("entry", " over 253 octets"),
        "odd-wildcard" => ("entry", " with `*` elsewhere than in front"),
        "character" => ("entry", " with characters that no host name has"),
        "other-kind" => ("entry", " of another kind"),
        "common-name" => ("common name", " of certificates without alternative names"),
        "out-of-scope" => ("name", " outside the domain"),
        "common-name-out-of-scope" => ("common name", " outside the domain"),
        "unreadable-record" => ("record", " that cannot be read"),
        _ => return class.to_owned(),
    };
    format!("{}{rest} ({class})", numbered(count, noun))
}

/// An example of what was dropped, to stand behind what it is an example of; nothing where there is nothing to see.
pub(in crate::report) fn such_as(example: &str) -> String {
    if example.is_empty() { String::new() } else { format!(", such as {example}") }
}

/// How many entries of a class were dropped, and an example.
pub(crate) fn dropped_words(class: &str, count: u64, example: &str) -> String {
    let example = if example.is_empty() { String::new() } else { format!("`{example}`") };
    format!("{} {}{}", thousands(count), dropped(class, count), such_as(&example))
}

/// Numbers in order, neighbours as a range: `1 to 5 and 9`.
pub(in crate::report) fn ranges(numbers: &[usize]) -> String {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for number in sorted {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let text = |(first, last): &(usize, usize)| match last - first {
        0 => vec![first.to_string()],
        1 => vec![first.to_string(), last.to_string()],
        _ => vec![format!("{first} to {last}")],
    };
    list(&runs.iter().flat_map(text).collect::<Vec<_>>(), 8)
}

/// The issuers of a pattern, each with its certificates where there are several: `Let's Encrypt R3 (12)`.
pub(in crate::report) fn issuers(pattern: &Pattern) -> Vec<String> {
    let one = |issuer: &crate::pattern::IssuerCount| match pattern.issuers.len() {
        1 => self::issuer(&issuer.name),
        _ => format!("{} ({})", self::issuer(&issuer.name), thousands(issuer.certificates)),
    };
    pattern.issuers.iter().map(one).collect()
}

/// The organisation and the common name of a distinguished name: `Let's Encrypt R3`; other texts as they are.
///
/// The whole name stays in the formats for programs; people know CAs by these two.
pub(in crate::report) fn issuer(name: &str) -> String {
    let (mut organisation, mut common_name) = (None, None);
    for attribute in attributes(name) {
        match attribute.split_once('=') {
            Some((key, value)) if key.trim().eq_ignore_ascii_case("O") => organisation = Some(unquoted(value)),
            Some((key, value)) if key.trim().eq_ignore_ascii_case("CN") => common_name = Some(unquoted(value)),
            Some(_) => {}
            None => return name.to_owned(),
        }
    }
    match (organisation, common_name) {
        (Some(organisation), Some(common_name)) if common_name.starts_with(&organisation) => common_name,
        (Some(organisation), Some(common_name)) => format!("{organisation} {common_name}"),
        (None, Some(one)) | (Some(one), None) => one,
        (None, None) => name.to_owned(),
    }
}

/// The attributes of a distinguished name as texts, cut at commas outside quotes (RFC 4514, loosely).
fn attributes(name: &str) -> Vec<&str> {
    let (mut attributes, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in name.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                attributes.push(&name[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    attributes.push(&name[from..]);
    attributes
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    inner.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lists_read_well() {
        assert_eq!(counted(1, "query"), "1 query");
        assert_eq!(counted(1_234_567, "query"), "1,234,567 queries");
        assert_eq!(counted(0, "name"), "0 names");
        assert_eq!(counted(2, "address"), "2 addresses");
        let items: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        assert_eq!(list(&items, 3), "a, b and c");
        assert_eq!(list(&items, 2), "a, b and 1 more");
        assert_eq!(ranges(&[2, 1, 3, 4, 5, 9]), "1 to 5 and 9");
        assert_eq!(ranges(&[7, 8]), "7 and 8");
        assert_eq!(share(1, 1, "name"), "the name");
        assert_eq!(share(2, 2, "name"), "all 2 names");
        assert_eq!(share(2, 3, "name"), "2 of 3 names");
    }

    #[test]
    fn issuers_are_called_by_organisation_and_common_name() {
        for (name, short) in [
            ("C=US, O=Let's Encrypt, CN=R3", "Let's Encrypt R3"),
            ("C=US, O=\"DigiCert, Inc.\", CN=DigiCert TLS RSA", "DigiCert, Inc. DigiCert TLS RSA"),
            ("C=AT, O=ZeroSSL, CN=ZeroSSL ECC Domain Secure Site CA", "ZeroSSL ECC Domain Secure Site CA"),
            ("C=US, O=Google Trust Services", "Google Trust Services"),
            ("CN=Only A Name", "Only A Name"),
            ("Let's Encrypt", "Let's Encrypt"),
            ("", ""),
            ("C=US", "C=US"),
        ] {
            assert_eq!(issuer(name), short);
        }
    }
}
