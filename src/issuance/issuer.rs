//! Who issued: one spelling for each distinguished name, and the table of issuers.
//!
//! crt.sh, Cert Spotter and certificates spell the name of one CA differently (order, quotes, escapes); merging needs one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{IssuerId, Record};

/// A distinguished name in this program's spelling: attributes in the order of the certificate, `, ` between them, values
/// with special characters in double quotes, as crt.sh writes them.
///
/// `CN=R3,O=Let's Encrypt,C=US` (the order of RFC 4514) gives `C=US, O=Let's Encrypt, CN=R3`. A text that is no
/// distinguished name stays as it is, trimmed.
#[must_use]
pub fn canonical_name(text: &str) -> String {
    let Some(mut attributes) = parse(text) else { return text.trim().to_owned() };
    let key_at = |at: Option<&(String, String)>, wanted| at.is_some_and(|(key, _)| key == wanted);
    if key_at(attributes.last(), "C") && !key_at(attributes.first(), "C") {
        attributes.reverse();
    }
    let mut out = String::with_capacity(text.len());
    for (key, value) in &attributes {
        push_attribute(&mut out, key, value);
    }
    out
}

/// Appends `KEY=value` in the canonical spelling.
pub(super) fn push_attribute(out: &mut String, key: &str, value: &str) {
    if !out.is_empty() {
        out.push_str(", ");
    }
    out.push_str(key);
    out.push('=');
    let special = |c| matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';');
    if value.contains(special) || value.starts_with([' ', '#']) || value.ends_with(' ') {
        out.push('"');
        for c in value.chars() {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('"');
    } else {
        out.push_str(value);
    }
}

/// The attributes as (canonical key, value); `None` if the text has another form.
fn parse(text: &str) -> Option<Vec<(String, String)>> {
    let mut attributes = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let key = key.trim();
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ' ')) {
            return None;
        }
        let (value, after) = take_value(after.trim_start());
        attributes.push((canonical_key(key), value));
        rest = after.trim_start();
    }
    (!attributes.is_empty()).then_some(attributes)
}

/// One value with quotes and escapes resolved, and what follows its separator.
fn take_value(text: &str) -> (String, &str) {
    let quoted = text.starts_with('"');
    let mut octets = Vec::new();
    let mut inside = quoted;
    let mut keep = 0;
    let mut chars = text.char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match escaped_octet(&text[at + 1..]) {
                Some(octet) => {
                    octets.push(octet);
                    chars.nth(1);
                    keep = octets.len();
                }
                None => {
                    if let Some((_, c)) = chars.next() {
                        octets.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                        keep = octets.len();
                    }
                }
            },
            '"' if inside => inside = false,
            ',' | '+' | ';' if !inside => return (finish(octets, keep, quoted), &text[at + 1..]),
            c => octets.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    (finish(octets, keep, quoted), "")
}

/// A value without the blanks that stood before its separator; an escaped or quoted blank stays.
fn finish(octets: Vec<u8>, keep: usize, quoted: bool) -> String {
    let text = String::from_utf8(octets).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    if quoted {
        return text;
    }
    let mut end = text.trim_end_matches(' ').len().max(keep.min(text.len()));
    while !text.is_char_boundary(end) {
        end += 1;
    }
    text[..end].to_owned()
}

/// `\C3` stands for one octet (RFC 4514 §2.4).
fn escaped_octet(text: &str) -> Option<u8> {
    let pair = text.get(..2)?;
    pair.bytes().all(|octet| octet.is_ascii_hexdigit()).then(|| u8::from_str_radix(pair, 16).ok())?
}

/// One key for each attribute type: OpenSSL's short name, as crt.sh uses them.
pub(super) fn canonical_key(key: &str) -> String {
    let lower = key.trim_start_matches("OID.").trim_start_matches("oid.").to_ascii_lowercase();
    match lower.as_str() {
        "c" | "countryname" | "2.5.4.6" => "C",
        "st" | "s" | "stateorprovincename" | "2.5.4.8" => "ST",
        "l" | "localityname" | "2.5.4.7" => "L",
        "o" | "organizationname" | "2.5.4.10" => "O",
        "ou" | "organizationalunitname" | "2.5.4.11" => "OU",
        "cn" | "commonname" | "2.5.4.3" => "CN",
        "dc" | "domaincomponent" | "0.9.2342.19200300.100.1.25" => "DC",
        "serialnumber" | "2.5.4.5" => "serialNumber",
        "street" | "streetaddress" | "2.5.4.9" => "street",
        "postalcode" | "2.5.4.17" => "postalCode",
        "e" | "email" | "emailaddress" | "1.2.840.113549.1.9.1" => "emailAddress",
        "organizationidentifier" | "2.5.4.97" => "organizationIdentifier",
        _ => return lower,
    }
    .to_owned()
}

/// One issuer with all that its records told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Issuer {
    /// The distinguished name in [`canonical_name`] spelling; `crt.sh CA 123` where only that number is known.
    pub name: String,
    /// crt.sh's numbers of it.
    pub ca_ids: BTreeSet<i64>,
    /// CAA domains as Cert Spotter tells them.
    pub caa_domains: BTreeSet<String>,
}

/// All issuers met; each distinct canonical name is one.
#[derive(Debug, Clone, Default)]
pub(super) struct IssuerTable {
    issuers: Vec<Issuer>,
    by_name: BTreeMap<String, IssuerId>,
    /// The spellings met, so that each is parsed once.
    by_spelling: HashMap<String, IssuerId, foldhash::fast::RandomState>,
}

impl IssuerTable {
    /// The issuer of a record, with what the record adds to it.
    pub(super) fn of(&mut self, record: &Record<'_>) -> Option<IssuerId> {
        let ca_id = record.issuer_ca_id.filter(|&id| id >= 0);
        let id = match record.issuer.as_deref().filter(|name| !name.trim().is_empty()) {
            Some(spelling) => self.intern(spelling),
            None => self.intern(&format!("crt.sh CA {}", ca_id?)),
        };
        let issuer = &mut self.issuers[id.0 as usize];
        if let Some(ca_id) = ca_id.filter(|ca_id| !issuer.ca_ids.contains(ca_id)) {
            issuer.ca_ids.insert(ca_id);
        }
        for domain in &record.caa_domains {
            if !issuer.caa_domains.contains(domain.as_ref()) {
                issuer.caa_domains.insert(domain.to_string());
            }
        }
        Some(id)
    }

    fn intern(&mut self, spelling: &str) -> IssuerId {
        if let Some(&id) = self.by_spelling.get(spelling) {
            return id;
        }
        let name = canonical_name(spelling);
        let next = IssuerId(u32::try_from(self.issuers.len()).expect("fewer than 2^32 issuers fit in memory"));
        let id = *self.by_name.entry(name.clone()).or_insert(next);
        if id == next {
            self.issuers.push(Issuer { name, ..Issuer::default() });
        }
        self.by_spelling.insert(spelling.to_owned(), id);
        id
    }

    /// The issuers sorted by name, and the new id of each old one.
    pub(super) fn into_sorted(self) -> (Vec<Issuer>, Vec<IssuerId>) {
        let mut ids = vec![IssuerId(0); self.issuers.len()];
        let mut issuers: Vec<_> = self.issuers.into_iter().map(Some).collect();
        let mut sorted = Vec::with_capacity(issuers.len());
        for (new, old) in (0..).zip(self.by_name.into_values()) {
            ids[old.0 as usize] = IssuerId(new);
            sorted.extend(issuers[old.0 as usize].take());
        }
        (sorted, ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_spellings_of_one_ca_agree() {
        for (text, expected) in [
            ("C=US, O=Let's Encrypt, CN=R3", "C=US, O=Let's Encrypt, CN=R3"),
            ("CN=R3,O=Let's Encrypt,C=US", "C=US, O=Let's Encrypt, CN=R3"),
            ("C = US, O = Let's Encrypt, CN = R3", "C=US, O=Let's Encrypt, CN=R3"),
            ("C=US, O=\"Cloudflare, Inc.\", CN=X", "C=US, O=\"Cloudflare, Inc.\", CN=X"),
            ("CN=X,O=Cloudflare\\, Inc.,C=US", "C=US, O=\"Cloudflare, Inc.\", CN=X"),
            ("c=HU, 2.5.4.97=VATHU-1, CN=T\\C3\\BAsz", "C=HU, organizationIdentifier=VATHU-1, CN=Túsz"),
            ("C=GB, S=Greater Manchester, O=X", "C=GB, ST=Greater Manchester, O=X"),
            (" Let's Encrypt ", "Let's Encrypt"),
            ("O=a\\ ", "O=\"a \""),
        ] {
            assert_eq!(canonical_name(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_canonical_spelling_is_stable(text in "(C|O|CN)=[a-z,+;\"\\\\ é]{0,8}(, ?(C|O|CN)=[a-z,\"\\\\ é]{0,8}){0,3}|.*") {
            let once = canonical_name(&text);
            if parse(&once).is_some() {
                prop_assert_eq!(canonical_name(&once), once);
            }
        }
    }
}
