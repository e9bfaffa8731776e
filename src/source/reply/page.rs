//! What a web page, or whatever came in place of JSON, says in one line.

/// Most characters of a quoted sentence.
const QUOTED: usize = 200;

/// The text of an HTML page, or of a plain answer, as one short line: no markup, no control characters.
///
/// Where the page has a TEXTAREA, its content is the message and the rest is decoration.
#[must_use]
pub fn sentence(body: &[u8]) -> String {
    let body = text_area(body).unwrap_or(body);
    let start = &body[..body.len().min(16 << 10)];
    if !is_text(start) {
        return octets(start);
    }
    let text = String::from_utf8_lossy(start);
    let plain = decode_entities(&without_tags(&text));
    let words: Vec<&str> =
        plain.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let line = words.join(" ");
    let mut short: String = line.chars().take(QUOTED).collect();
    if short.len() < line.len() {
        short.push_str("...");
    }
    short.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\"")
}

/// How something starts that is no text.
pub(super) fn octets(body: &[u8]) -> String {
    let octets: Vec<String> = body.iter().take(8).map(|octet| format!("{octet:02x}")).collect();
    format!("no text, octets {} ...", octets.join(" "))
}

/// Whether a text is one: hardly any control characters, and no more than a few octets that are no UTF-8.
pub(crate) fn is_text(body: &[u8]) -> bool {
    let odd = |c: char| c == char::REPLACEMENT_CHARACTER || (c.is_control() && !c.is_ascii_whitespace());
    let text = String::from_utf8_lossy(body);
    let (all, odd) = text.chars().fold((0, 0), |(all, count), c| (all + 1, count + usize::from(odd(c))));
    odd * 8 <= all
}

/// The content of the first TEXTAREA.
pub(crate) fn text_area(body: &[u8]) -> Option<&[u8]> {
    let start = find(body, b"<textarea")?;
    let open = start + body[start..].iter().position(|&octet| octet == b'>')? + 1;
    let end = find(&body[open..], b"</textarea").map_or(body.len(), |end| open + end);
    Some(&body[open..end])
}

/// Drops tags, and the content of elements that hold no text for readers.
fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        plain.push_str(&rest[..open]);
        plain.push(' ');
        let tag = &rest[open..];
        let hidden = ["script", "style", "title"].into_iter().find(|name| {
            tag.as_bytes().get(1..=name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
        });
        let end = match hidden.filter(|&name| name != "title") {
            Some(name) => find(tag.as_bytes(), format!("</{name}").as_bytes()).unwrap_or(tag.len()),
            None => 0,
        };
        let Some(close) = tag[end..].find('>') else { return plain };
        rest = &tag[end + close + 1..];
    }
    plain.push_str(rest);
    plain
}

fn decode_entities(text: &str) -> String {
    // `&amp;` last: what it gives must not be decoded again.
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain))
}

/// Where `needle`, in lower case, starts in `text` of any case.
pub(crate) fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len()).position(|window| window.eq_ignore_ascii_case(needle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_page_becomes_its_sentence() {
        for (page, expected) in [
            ("<html><style>p{}</style><body><p>Too&nbsp;many &lt;requests&gt;</p>\r\n</body>", "Too many <requests>"),
            ("<TEXTAREA rows=2>ERROR:  canceling\nstatement</TEXTAREA>other", "ERROR: canceling statement"),
            ("plain \u{1b}[31m text\u{202e}", "plain [31m text\\u{202e}"),
            ("<unclosed", ""),
            ("\u{1f}\u{8b}\u{8}\0\u{3}", "no text, octets 1f c2 8b 08 00 03 ..."),
            ("&amp;lt;", "&lt;"),
        ] {
            assert_eq!(sentence(page.as_bytes()), expected, "{page}");
        }
        assert!(sentence("x ".repeat(1000).as_bytes()).len() <= QUOTED + 3);
    }

    proptest! {
        #[test]
        fn any_body_has_a_short_sentence_without_control_characters(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let text = sentence(&body);
            prop_assert!(!text.chars().any(char::is_control));
        }
    }
}
