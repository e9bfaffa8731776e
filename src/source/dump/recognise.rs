//! What an input is, by how it starts.

use crate::name::{DropClass, SanRef};
use crate::source::json::{self, Value, Walk};
use crate::source::reply::{find, sentence};

use super::certificates::looks_like_data_tile;
use super::pem;

/// Octets looked at.
pub(super) const HEAD: usize = 64 << 10;

/// What is known, for the message about what is not.
pub(super) const EXPECTED: &str = "expected crt.sh or Cert Spotter JSON, PEM or DER certificates, log tiles or \
                                   get-entries JSON, Parquet, a list of names, or issuances written by ctclimb, each also as .gz or .zst";

/// A kind of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Kind {
    /// Nothing, or a list without elements: a service's way to say that there is nothing.
    #[default]
    Empty,
    /// crt.sh JSON.
    CrtshJson,
    /// Cert Spotter v1 issuances.
    CertSpotterJson,
    /// RFC 6962 `get-entries`.
    GetEntries,
    /// A static-ct names tile.
    NamesTile,
    /// A static-ct data tile.
    DataTile,
    /// This program's own lines.
    Issuances,
    /// PEM.
    Pem,
    /// DER.
    Der,
    /// Names, one a line.
    NameList,
    /// Parquet.
    Parquet,
}

impl Kind {
    /// The kind as reports name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::CrtshJson => "crt.sh json",
            Self::CertSpotterJson => "cert spotter json",
            Self::GetEntries => "get-entries json",
            Self::NamesTile => "names tile",
            Self::DataTile => "static-ct data tile",
            Self::Issuances => "ctclimb issuances",
            Self::Pem => "pem",
            Self::Der => "der",
            Self::NameList => "name list",
            Self::Parquet => "parquet",
        }
    }
}

/// The input is known, but is none of certificates or names to read as a stream.
pub(super) enum NoDump {
    /// A case file.
    CaseFile,
    /// What `patterns --partial` writes.
    Partial,
}

/// The kind of an input that starts with `text`; `ended` if that is all of it. `None` for what is not known.
pub(super) fn kind(text: &[u8], ended: bool) -> Option<Result<Kind, NoDump>> {
    if text.starts_with(b"SQLite format 3\0") {
        return Some(Err(NoDump::CaseFile));
    }
    if text.starts_with(b"ctclimb\x01") {
        return Some(Err(NoDump::Partial));
    }
    if text.starts_with(b"PAR1") {
        return Some(Ok(Kind::Parquet));
    }
    if looks_like_data_tile(text) {
        return Some(Ok(Kind::DataTile));
    }
    if matches!(text, [0x30, 0x81..=0x83, ..]) {
        return Some(Ok(Kind::Der));
    }
    if pem_block_starts(text) {
        return Some(Ok(Kind::Pem));
    }
    let start = json::skip_blank(text, if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 });
    let known = match text.get(start) {
        None => return ended.then_some(Ok(Kind::Empty)),
        Some(b'{' | b'[') => json_kind(text, start, ended),
        Some(_) => is_name_list(&text[start..], ended).then_some(Kind::NameList),
    };
    // Certificates within what is nothing else: a field of JSON, a variable, a mail.
    known.or_else(|| pem::starts_in(text).then_some(Kind::Pem)).map(Ok)
}

/// Octets of the headers of HTTP replies in front of what they brought, as `curl -i` shows them; 0 without any.
pub(super) fn http_headers(text: &[u8]) -> usize {
    let mut at = 0;
    // One block for each redirect, and for `100 Continue`.
    while text[at..].starts_with(b"HTTP/") {
        let rest = &text[at..];
        let end = |blank: &[u8]| memchr::memmem::find(rest, blank).map(|found| found + blank.len());
        let Some(length) = [end(b"\r\n\r\n"), end(b"\n\n")].into_iter().flatten().min() else { break };
        at += length;
    }
    at
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

/// What a web page says that was saved in place of an answer; `None` for anything else.
pub(super) fn page(head: &[u8]) -> Option<String> {
    let text = head.trim_ascii_start();
    // crt.sh may write its own headers in front of what it has to say.
    let text = match text.strip_prefix(b"[BEGIN_HEADERS]") {
        Some(rest) => &rest[find(rest, b"[end_headers]")? + b"[end_headers]".len()..],
        None => text,
    };
    text.trim_ascii_start().starts_with(b"<").then(|| sentence(text))
}

fn pem_block_starts(text: &[u8]) -> bool {
    let found = |at: usize| at == 0 || matches!(text[at - 1], b'\n' | b'\r' | b' ' | b'\t' | 0xbf);
    memchr::memmem::find_iter(text, b"-----BEGIN ").any(found)
}

/// By the fields of the first objects that can be read, whole or not: the first record may be the damaged one.
pub(super) fn json_kind(text: &[u8], start: usize, ended: bool) -> Option<Kind> {
    const TRIED: usize = 64;
    let blank = |octet: &u8| matches!(octet, b' ' | b'\n' | b'\r' | b'\t');
    // Several answers without an element, one behind the other, are none either.
    let empty = text[start..].iter().all(|octet| blank(octet) || matches!(octet, b'[' | b']'));
    if empty && ended && text[start..].contains(&b']') {
        return Some(Kind::Empty);
    }
    let mut at = start;
    for _ in 0..TRIED {
        at += memchr::memchr(b'{', &text[at..])?;
        // An answer to get-entries is one long object: its list may not end in what is looked at.
        let entries = || text[at + 1..].trim_ascii_start().starts_with(b"\"entries\"");
        if let Some(kind) = object_kind(&text[at..]).or_else(|| entries().then_some(Kind::GetEntries)) {
            return Some(kind);
        }
        at += 1;
    }
    None
}

/// The kind of record that an object is, by the first of its fields that tells; it may be cut.
pub(super) fn object_kind(object: &[u8]) -> Option<Kind> {
    let mut kind = None;
    json::object(object, |name, _| {
        kind = kind.or(match name {
            b"name_value" | b"issuer_ca_id" | b"min_cert_id" => Some(Kind::CrtshJson),
            b"dns_names" | b"tbs_sha256" | b"cert_sha256" | b"pubkey_sha256" | b"cert_der" => {
                Some(Kind::CertSpotterJson)
            }
            b"leaf_input" | b"entries" => Some(Kind::GetEntries),
            b"code" => Some(Kind::CertSpotterJson),
            b"DNS" | b"Timestamp" => Some(Kind::NamesTile),
            b"ctclimb_issuance" => Some(Kind::Issuances),
            _ => None,
        });
    });
    kind
}

/// Whether at least half of the first lines hold a name, or what CT services mix in with names.
fn is_name_list(text: &[u8], ended: bool) -> bool {
    const LINES: usize = 64;
    let text = match text.iter().rposition(|octet| matches!(octet, b'\n' | b'\r')) {
        Some(last) if !ended => &text[..last],
        _ => text,
    };
    let (mut good, mut odd) = (0, 0);
    let lines = text.split(|octet| matches!(octet, b'\n' | b'\r')).map(<[u8]>::trim_ascii_end);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with(b"#")).take(LINES) {
        let text = String::from_utf8_lossy(line);
        let name = text.split('\t').next().unwrap_or_default();
        match SanRef::parse(name) {
            // A word on a line of its own is no sign: any text has some.
            Ok(_) if !name.contains('.') => odd += 1,
            Ok(_) | Err(DropClass::Email | DropClass::IpAddress | DropClass::LabelLength | DropClass::NameLength) => {
                good += 1;
            }
            Err(DropClass::OddWildcard | DropClass::EmptyLabel) if name.contains('.') => good += 1,
            Err(_) => odd += 1,
        }
    }
    good > 0 && good >= odd
}
