//! Objects of a JSON stream, one at a time: the reader below all JSON formats.
//!
//! A certificate record is an object of few fields, most of which nobody asks for. [`object`] walks one object and hands
//! out each field as it stands, without decoding; what is asked for is decoded by [`Value`]. Knows no format.

use std::borrow::Cow;

use memchr::memchr2;

/// A field's value as it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// What stands between the quotes, and whether a backslash is in it.
    Text(&'a [u8], bool),
    /// A number, `true`, `false` or `null`.
    Bare(&'a [u8]),
    /// An array or object.
    Nested(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The decoded text; `None` for any other type. Octets that are no UTF-8 become U+FFFD, a broken escape stays as it is.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(raw, false) => Some(String::from_utf8_lossy(raw)),
            Self::Text(raw, true) => Some(unescape(raw)),
            Self::Bare(_) | Self::Nested(_) => None,
        }
    }

    /// A text, or a number as its digits.
    pub(crate) fn text_or_number(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Bare(raw) if raw != b"null" => Some(String::from_utf8_lossy(raw)),
            Self::Text(..) | Self::Bare(_) | Self::Nested(_) => self.text(),
        }
    }

    /// An integer, as a number or in quotes.
    pub(crate) fn integer(self) -> Option<i64> {
        match self {
            Self::Text(raw, _) | Self::Bare(raw) => {
                let text = std::str::from_utf8(raw).ok()?;
                // Some writers know no integers: `3.0` is one all the same.
                let whole = || text.split_once('.').filter(|(_, rest)| rest.bytes().all(|digit| digit == b'0'));
                text.parse().ok().or_else(|| whole()?.0.parse().ok())
            }
            Self::Nested(_) => None,
        }
    }

    /// The texts of a flat list; other elements are left out. `None` for any other type.
    pub(crate) fn texts(self) -> Option<Vec<Cow<'a, str>>> {
        let Self::Nested(raw @ [b'[', ..]) = self else { return None };
        let mut texts = Vec::new();
        let mut at = 1;
        // The list has been walked before, so it is whole; a nested list is passed by its own end.
        while at < raw.len() {
            match value(raw, at) {
                Ok((element, end)) => {
                    texts.extend(element.text());
                    at = end;
                }
                Err(_) => at += 1,
            }
        }
        Some(texts)
    }
}

fn unescape(raw: &[u8]) -> Cow<'_, str> {
    let mut quoted = String::with_capacity(raw.len() + 2);
    quoted.push('"');
    quoted.push_str(&String::from_utf8_lossy(raw));
    quoted.push('"');
    match serde_json::from_str::<String>(&quoted) {
        Ok(text) => text.into(),
        // A raw line break or a lone surrogate: what can be read of the text is more use than nothing.
        Err(_) => unescape_odd(&String::from_utf8_lossy(raw)).into(),
    }
}

/// Decodes each escape that is one; half a surrogate pair becomes U+FFFD, another escape stays as it is.
fn unescape_odd(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, escape)) = rest.split_once('\\') {
        text.push_str(before);
        let unit = |text: &str| text.strip_prefix('u')?.get(..4).and_then(|hex| u16::from_str_radix(hex, 16).ok());
        let (c, octets) = match escape.as_bytes().first() {
            Some(b'n') => ('\n', 1),
            Some(b't') => ('\t', 1),
            Some(b'r') => ('\r', 1),
            Some(c @ (b'"' | b'\\' | b'/')) => (char::from(*c), 1),
            _ => match (unit(escape), escape.get(5..).and_then(|next| unit(next.strip_prefix('\\')?))) {
                (Some(high @ 0xd800..0xdc00), Some(low @ 0xdc00..0xe000)) => {
                    (char::decode_utf16([high, low]).next().and_then(Result::ok).unwrap_or('\u{fffd}'), 11)
                }
                (Some(unit), _) => (char::from_u32(unit.into()).unwrap_or('\u{fffd}'), 5),
                (None, _) => ('\\', 0),
            },
        };
        text.push(c);
        rest = &escape[octets..];
    }
    text.push_str(rest);
    text
}

/// How a walk over one object ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Walk {
    /// The object is whole and this many octets long.
    Whole(usize),
    /// The text ends inside the object.
    Cut,
    /// No JSON from this octet on.
    Broken(usize, &'static str),
}

/// Walks the object that starts at the first octet and hands out each field: its name as it stands, and its value.
///
/// Lenient where that loses nothing: control characters inside texts pass. An object that turns out cut or broken has
/// handed out its first fields, so the caller must drop them.
pub(crate) fn object<'a>(input: &'a [u8], mut field: impl FnMut(&'a [u8], Value<'a>)) -> Walk {
    debug_assert_eq!(input.first(), Some(&b'{'));
    let mut at = skip_blank(input, 1);
    if input.get(at) == Some(&b'}') {
        return Walk::Whole(at + 1);
    }
    loop {
        match input.get(at) {
            Some(b'"') => {}
            Some(_) => return Walk::Broken(at, "a field name in quotes was expected"),
            None => return Walk::Cut,
        }
        let Some((name_end, _)) = text_end(input, at + 1) else { return Walk::Cut };
        let name = &input[at + 1..name_end];
        at = skip_blank(input, name_end + 1);
        match input.get(at) {
            Some(b':') => at = skip_blank(input, at + 1),
            Some(_) => return Walk::Broken(at, "`:` was expected"),
            None => return Walk::Cut,
        }
        let (value, end) = match value(input, at) {
            Ok(found) => found,
            Err(walk) => return walk,
        };
        field(name, value);
        at = skip_blank(input, end);
        match input.get(at) {
            Some(b',') => at = skip_blank(input, at + 1),
            Some(b'}') => return Walk::Whole(at + 1),
            Some(_) => return Walk::Broken(at, "`,` or `}` was expected"),
            None => return Walk::Cut,
        }
    }
}

/// The end of an element of a list that is itself no list and no object; `None` where none starts at `at`.
pub(crate) fn plain_element(input: &[u8], at: usize) -> Option<usize> {
    match value(input, at) {
        // What a quote that was never closed runs into is no end of an element.
        Ok((Value::Text(..) | Value::Bare(_), end)) => {
            matches!(input.get(skip_blank(input, end)), Some(b',' | b']')).then_some(end)
        }
        Ok((Value::Nested(_), _)) | Err(_) => None,
    }
}

fn value(input: &[u8], at: usize) -> Result<(Value<'_>, usize), Walk> {
    match input.get(at) {
        None => Err(Walk::Cut),
        Some(b'"') => {
            let (end, escaped) = text_end(input, at + 1).ok_or(Walk::Cut)?;
            Ok((Value::Text(&input[at + 1..end], escaped), end + 1))
        }
        Some(b'[' | b'{') => {
            let end = nested_end(input, at)?;
            Ok((Value::Nested(&input[at..end]), end))
        }
        Some(_) => {
            let bare = |octet: &u8| matches!(octet, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'+' | b'.');
            let end = at + input[at..].iter().take_while(|octet| bare(octet)).count();
            match &input[at..end] {
                _ if end == input.len() => Err(Walk::Cut),
                raw @ (b"null" | b"true" | b"false" | [b'0'..=b'9' | b'-', ..]) => Ok((Value::Bare(raw), end)),
                _ => Err(Walk::Broken(at, "a value was expected")),
            }
        }
    }
}

/// Where the closing quote of a text is, and whether a backslash came before it.
fn text_end(input: &[u8], start: usize) -> Option<(usize, bool)> {
    let first = start + memchr2(b'"', b'\\', &input[start..])?;
    if input[first] == b'"' {
        return Some((first, false));
    }
    let mut at = first + 2;
    loop {
        at += memchr2(b'"', b'\\', input.get(at..)?)?;
        if input[at] == b'"' {
            return Some((at, true));
        }
        at += 2;
    }
}

/// Lists and objects within each other that are followed. The bound keeps a search for the next record linear.
const MAX_DEPTH: u32 = 64;

/// The end of an array or object: brackets matched and texts passed over, what is between them unseen.
fn nested_end(input: &[u8], start: usize) -> Result<usize, Walk> {
    // One bit a level: whether it is an object.
    let (mut depth, mut objects) = (0, 0_u64);
    let mut at = start;
    loop {
        let octet = *input.get(at).ok_or(Walk::Cut)?;
        match octet {
            b'"' => at = text_end(input, at + 1).ok_or(Walk::Cut)?.0,
            b'[' | b'{' => {
                if depth == MAX_DEPTH {
                    return Err(Walk::Broken(start, "more than 64 lists or objects within each other"));
                }
                depth += 1;
                objects = objects << 1 | u64::from(octet == b'{');
            }
            b']' | b'}' => {
                if (objects & 1 == 1) != (octet == b'}') {
                    return Err(Walk::Broken(at, "brackets that do not match"));
                }
                depth -= 1;
                objects >>= 1;
                if depth == 0 {
                    return Ok(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// The position of the first octet from `at` on that is no white space.
pub(crate) fn skip_blank(input: &[u8], at: usize) -> usize {
    match input.get(at..) {
        Some(rest) => at + rest.iter().take_while(|octet| matches!(octet, b' ' | b'\n' | b'\r' | b'\t')).count(),
        None => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(input: &str) -> (Walk, Vec<(String, String)>) {
        let mut fields = Vec::new();
        let walk = object(input.as_bytes(), |name, value| {
            let text = match value {
                Value::Nested(raw) => String::from_utf8_lossy(raw).into_owned(),
                Value::Text(..) | Value::Bare(_) => value.text_or_number().unwrap_or_default().into_owned(),
            };
            fields.push((String::from_utf8_lossy(name).into_owned(), text));
        });
        (walk, fields)
    }

    #[test]
    fn each_field_of_an_object_comes_out_as_it_stands() {
        let input = r#"{"a":"x\ny", "b" : 12,"c":null,"d":{"e":["}"]},"f":"\\"}tail"#;
        let (walk, fields) = fields(input);
        assert_eq!(walk, Walk::Whole(input.len() - 4));
        let expected = [("a", "x\ny"), ("b", "12"), ("c", ""), ("d", r#"{"e":["}"]}"#), ("f", "\\")];
        assert_eq!(fields, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn an_object_without_its_end_is_cut_and_another_text_is_broken() {
        for input in ["{", "{\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":\"x\\", "{\"a\":[1,", "{\"a\":1,"] {
            assert_eq!(fields(input).0, Walk::Cut, "{input}");
        }
        for input in ["{a", "{{", "{[", "{\"a\"1}", "{\"a\":x}", "{\"a\":1 2}", "{\"a\":[}]}", "{,}", "{\"a\":1,}"] {
            assert!(matches!(fields(input).0, Walk::Broken(..)), "{input}");
        }
    }

    #[test]
    fn a_text_that_is_no_utf8_is_read_as_far_as_it_goes() {
        assert_eq!(Value::Text(b"b\xfcro.example", false).text().unwrap(), "b\u{fffd}ro.example");
        assert_eq!(Value::Text(b"\xc3\\n", true).text().unwrap(), "\u{fffd}\n");
        assert_eq!(Value::Text(b"\\ud800\\n\\u0061\\ud83d\\ude00", true).text().unwrap(), "\u{fffd}\na\u{1f600}");
        assert_eq!(Value::Text(b"\\x\n\\\"\\u12", true).text().unwrap(), "\\x\n\"\\u12");
    }

    #[test]
    fn a_whole_number_is_one_with_a_point_too() {
        for (text, expected) in
            [("3", Some(3)), ("-1.0", Some(-1)), ("2.", Some(2)), ("2.5", None), ("1e3", None), (".", None)]
        {
            assert_eq!(Value::Bare(text.as_bytes()).integer(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_end_the_walk(mut octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            octets.insert(0, b'{');
            let _ = object(&octets, |_, value| { let _ = (value.text(), value.integer()); });
        }

        #[test]
        fn any_near_json_ends_the_walk_as_serde_json_would(text in "\\{(\"[a-c\\\\\"]{0,2}\"|[:,{}\\[\\]1 ]|null){0,12}") {
            let parsed: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(&text);
            if let Ok(parsed) = parsed {
                let (walk, fields) = fields(&text);
                prop_assert_eq!(walk, Walk::Whole(text.trim_end().len()));
                prop_assert!(parsed.len() <= fields.len());
            }
        }

        #[test]
        fn what_serde_json_writes_is_read_back(map in proptest::collection::btree_map(".{0,6}", ".{0,20}", 0..6)) {
            let text = serde_json::to_string(&map).unwrap();
            let mut found = std::collections::BTreeMap::new();
            let walk = object(text.as_bytes(), |name, value| {
                let name = Value::Text(name, name.contains(&b'\\')).text().unwrap().into_owned();
                found.insert(name, value.text().unwrap().into_owned());
            });
            prop_assert_eq!(walk, Walk::Whole(text.len()));
            prop_assert_eq!(found, map);
        }
    }
}
