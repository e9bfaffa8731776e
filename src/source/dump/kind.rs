//! What an input is, found from its first octets.

use crate::name::SanRef;
use crate::source::json::{self, Value, Walk};

/// Octets that recognition may look at.
pub(super) const HEAD: usize = 64 << 10;
/// What is known, for the message about what is not.
pub(super) const EXPECTED: &str = "expected crt.sh or Cert Spotter JSON, PEM or DER certificates, log tiles or \
                                   get-entries JSON, a list of names, or issuances written by ctclimb, each also as .gz or .zst";

/// A kind of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Kind {
    /// Nothing, or an empty list.
    #[default]
    Empty,
    /// crt.sh JSON in any of its shapes.
    CrtshJson,
    /// Cert Spotter v1 issuances, as a list or one a line.
    CertSpotterJson,
    /// Certificates in PEM.
    Pem,
    /// One certificate in DER, or several one after the other.
    Der,
    /// RFC 6962 `get-entries` JSON.
    GetEntries,
    /// A static-ct data tile.
    DataTile,
    /// A names tile: JSON lines with `Timestamp`, `Subject`, `DNS`.
    NamesTile,
    /// Issuances that this program wrote.
    Issuances,
    /// One name a line.
    NameList,
}

impl Kind {
    /// The kind as coverage names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::CrtshJson => "crt.sh json",
            Self::CertSpotterJson => "cert spotter json",
            Self::Pem => "pem",
            Self::Der => "der",
            Self::GetEntries => "get-entries json",
            Self::DataTile => "static-ct data tile",
            Self::NamesTile => "names tile",
            Self::Issuances => "ctclimb issuances",
            Self::NameList => "name list",
        }
    }
}

/// The first characters of an input, control characters escaped.
pub(super) fn head(octets: &[u8]) -> String {
    crate::source::reply::head(octets)
}

/// Recognises an input by its head; `whole` tells that the head is all of it.
pub(super) fn recognise(head: &[u8], whole: bool) -> Option<Kind> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = &text[json::skip_blank(text, 0)..];
    match text {
        [] if whole => Some(Kind::Empty),
        [b'[' | b'{', ..] => recognise_json(text),
        [0x30, 0x82 | 0x83, ..] => Some(Kind::Der),
        _ if is_data_tile(head) => Some(Kind::DataTile),
        _ if has_pem(text) => Some(Kind::Pem),
        _ if is_name_list(text, whole) => Some(Kind::NameList),
        _ => None,
    }
}

fn recognise_json(text: &[u8]) -> Option<Kind> {
    let mut at = 0;
    if text[0] == b'[' {
        at = json::skip_blank(text, 1);
        if text.get(at) == Some(&b']') {
            return Some(Kind::Empty);
        }
    }
    let object = text.get(at..).filter(|rest| rest.starts_with(b"{"))?;
    let mut kind = None;
    let mut code = false;
    let mut note = |name: &[u8]| {
        let found = match name {
            b"name_value" | b"min_cert_id" | b"issuer_ca_id" => Kind::CrtshJson,
            b"dns_names" | b"tbs_sha256" | b"cert_sha256" => Kind::CertSpotterJson,
            b"entries" | b"leaf_input" => Kind::GetEntries,
            b"DNS" | b"Timestamp" => Kind::NamesTile,
            b"ctclimb_issuance" => Kind::Issuances,
            b"code" => {
                code = true;
                return;
            }
            _ => return,
        };
        kind.get_or_insert(found);
    };
    // An object that goes on beyond the head shows the names of its first fields; a value that is cut shows none.
    if json::object(object, |name, _| note(name)) == Walk::Cut
        && let Some(first) = object[1..].split(|&octet| octet == b'"').nth(1)
    {
        note(first);
    }
    kind.or(code.then_some(Kind::CertSpotterJson))
}

/// The message of a service's error object that was saved in place of an answer.
pub(super) fn refusal(head: &[u8]) -> Option<String> {
    let at = json::skip_blank(head, 0);
    let object = head.get(at..).filter(|rest| rest.starts_with(b"{"))?;
    let (mut code, mut message, mut fields) = (None, None, 0);
    let walk = json::object(object, |name, value: Value<'_>| {
        fields += 1;
        match name {
            b"code" => code = value.text_or_number(),
            b"message" => message = value.text(),
            _ => {}
        }
    });
    let error = matches!(walk, Walk::Whole(_)) && fields <= 4;
    let text = format!("{}: {}", code.filter(|_| error)?, message?);
    Some(text.escape_debug().take(300).collect())
}

/// A tile entry: timestamp in milliseconds (its upper two octets are 0 until the year 10889), then the entry type 0 or 1.
fn is_data_tile(head: &[u8]) -> bool {
    matches!(head, [0, 0, 0 | 1, _, _, _, _, _, 0, 0 | 1, rest @ ..] if rest.len() > 32)
}

fn has_pem(text: &[u8]) -> bool {
    // Text dumps (`openssl x509 -text`) may stand before the first block.
    memchr::memmem::find(text, b"-----BEGIN ").is_some()
}

/// A list of names: text, and most of its first lines start with a name that has a dot, before a TAB or the line's end.
fn is_name_list(text: &[u8], whole: bool) -> bool {
    let complete = if whole { text.len() } else { memchr::memrchr(b'\n', text).unwrap_or(0) };
    let Ok(text) = std::str::from_utf8(&text[..complete]) else { return false };
    let lines = text.lines().map(|line| line.split('\t').next().unwrap_or(line).trim());
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).take(200).collect();
    let names = lines.iter().filter(|line| line.contains('.') && SanRef::parse(line).is_ok()).count();
    names > 0 && 2 * names >= lines.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_kind_is_known_by_its_content() {
        for (head, kind) in [
            ("", Some(Kind::Empty)),
            (" \r\n", Some(Kind::Empty)),
            ("[]", Some(Kind::Empty)),
            ("\u{feff}[{\"issuer_ca_id\":1", Some(Kind::CrtshJson)),
            ("{\"min_cert_id\":1,\"name_value\":\"a.example\"}{", Some(Kind::CrtshJson)),
            ("[\n {\n  \"id\": \"1\",\n  \"tbs_sha256\": \"aa\",", Some(Kind::CertSpotterJson)),
            ("{\"entries\":[{\"leaf_input\":\"AAAA", Some(Kind::GetEntries)),
            ("{\"Timestamp\":1,\"Subject\":{},\"DNS\":[\"a.example\"]}\n", Some(Kind::NamesTile)),
            ("subject=CN\n-----BEGIN CERTIFICATE-----\n", Some(Kind::Pem)),
            ("0\u{82}", None),
            ("a.example\n*.b.example\tc1\n", Some(Kind::NameList)),
            ("www.example.net", Some(Kind::NameList)),
            ("<html><body>502 Bad Gateway. Try later.</body></html>", None),
            ("Sorry, something went wrong. Please try again.", None),
            ("localhost\n", None),
        ] {
            assert_eq!(recognise(head.as_bytes(), true), kind, "{head}");
        }
        assert_eq!(recognise(&[0x30, 0x82, 1, 2], false), Some(Kind::Der));
    }

    #[test]
    fn a_saved_refusal_is_told_from_an_answer() {
        let refused = br#"{"code":"rate_limited","message":"You have exceeded the rate limit"}"#;
        assert_eq!(refusal(refused).as_deref(), Some("rate_limited: You have exceeded the rate limit"));
        assert_eq!(refusal(b"{\"name_value\":\"a.example\"}"), None);
    }

    proptest! {
        #[test]
        fn any_octets_have_a_kind_or_none(head in proptest::collection::vec(any::<u8>(), 0..300), whole in any::<bool>()) {
            let _ = (recognise(&head, whole), refusal(&head));
        }
    }
}
