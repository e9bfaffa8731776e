//! Files that people give for a dump and that are none: what they look like, and what to do.

use crate::name::SanRef;

/// How an archive or a document that is no dump starts, where, and what to do about it.
const SIGNATURES: [(usize, &[u8], &str); 12] = [
    (0, b"\xfd7zXZ\0", "packed by xz: unpack it first (`xz -dc`)"),
    (0, b"BZh", "packed by bzip2: unpack it first (`bzip2 -dc`)"),
    (0, b"\x04\x22\x4d\x18", "packed by lz4: unpack it first (`lz4 -dc`)"),
    (0, b"\x1f\x9d", "packed by compress: unpack it first (`gzip -dc`)"),
    (0, b"\x1f\x8b", "packed twice: unpack it once first (`gzip -dc`)"),
    (0, b"\x28\xb5\x2f\xfd", "packed twice: unpack it once first (`zstd -dc`)"),
    (0, b"PK\x03\x04", "a zip archive: unpack it and give its files or their directory"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it and give its files or their directory"),
    (257, b"ustar", "a tar archive: unpack it and give its files or their directory"),
    (0, b"%PDF-", "a PDF document"),
    (0, b"\x30\x80", "BER of indefinite length: `openssl pkcs7 -inform DER -print_certs` makes PEM of such a bundle"),
    (0, b"Certificate:\n    Data:", "what `openssl x509 -text` prints: give the certificate itself, as PEM or DER"),
];

const JSON_TEXTS: &str = "a JSON list of texts: names are read one a line (`jq -r '.[]'`)";
const JSON_OTHERS: &str =
    "JSON with none of the fields of crt.sh, Cert Spotter or a log; if it holds names, give them one a line (`jq -r`)";

/// What a text that is no dump looks like, and what to do; `None` where nothing is known.
pub(super) fn hint(text: &[u8]) -> Option<&'static str> {
    let starts =
        |(at, signature, _): &&(usize, &[u8], _)| text.get(*at..).is_some_and(|rest| rest.starts_with(signature));
    SIGNATURES.iter().find(starts).map(|(.., hint)| *hint).or_else(|| text_hint(text.trim_ascii_start()))
}

fn text_hint(text: &[u8]) -> Option<&'static str> {
    let text = std::str::from_utf8(&text[..text.len().min(4096)]).unwrap_or_else(|error| {
        // A character that is cut at the end is no reason to know less.
        std::str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default()
    });
    if text.starts_with(['{', '[']) {
        let texts = text.trim_start_matches(['[', ' ', '\n', '\r', '\t']).starts_with('"');
        return Some(if texts { JSON_TEXTS } else { JSON_OTHERS });
    }
    let lines = || text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).take(8);
    let all = |is: &dyn Fn(&str) -> bool| lines().next().is_some() && lines().all(is);
    if all(&|line| line.contains("://")) {
        return Some("URLs: names are read one a line, without `https://` and path");
    }
    let is_name = |cell: &str| cell.contains('.') && SanRef::parse(cell).is_ok();
    if text.contains('{') || !lines().any(|line| line.split([',', ';', '\t', ' ', ':', '"']).any(is_name)) {
        return None;
    }
    let is_address = |word: Option<&str>| word.is_some_and(|word| word.parse::<std::net::IpAddr>().is_ok());
    if all(&|line| is_address(line.split_whitespace().next())) {
        return Some("lines that start with an address: names are read from the first column (`awk '{print $2}'`)");
    }
    if all(&|line| line.contains([',', ';', '\t'])) {
        return Some("a table: names are read one a line, or from the first of columns parted by TAB, without quotes");
    }
    Some("more than names: they are read one a line, alone; `#` starts a comment line")
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn what_people_give_for_a_dump_is_told_with_what_to_do() {
        let tar = [&b"a.json"[..], &[0; 251], b"ustar"].concat();
        for (text, expected) in [
            (&b"\xfd7zXZ\0\0\x04"[..], "xz -dc"),
            (b"PK\x03\x04\x14\0", "zip archive"),
            (&tar, "tar archive"),
            (b"\x1f\x8b\x08\0", "packed twice"),
            (b"Certificate:\n    Data:\n        Version: 3 (0x2)\n", "as PEM or DER"),
            (b"[\"a.example\", \"b.example\"]", "a JSON list of texts"),
            (b"{\"host\":\"a.example\"}\n", "JSON with none of the fields"),
            (b"https://a.example/\nhttps://b.example/x\n", "URLs"),
            (b"192.0.2.1 a.example\n2001:db8::1 b.example\n", "start with an address"),
            (b"name,id\na.example,1\n\"b.example\",2\n", "a table"),
            (b"a.example:443\nb.example:443\n", "more than names"),
            (b"a.example b.example\n", "more than names"),
        ] {
            let hint = hint(text).unwrap_or_default();
            assert!(hint.contains(expected), "{hint}: {}", text.escape_ascii());
        }
        for text in [&b""[..], b"\0\0\0[{", b"ERROR", b"callback([{\"a\":\"b.example\"}]);", b"one, two\nthree, four\n"]
        {
            assert_eq!(hint(text), None, "{}", text.escape_ascii());
        }
    }
}
