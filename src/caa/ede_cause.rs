//! [`blamed`]: the cause that a resolver's extended error names (RFC 8914), where its word is all there is.
//!
//! The number is a hint and the text decides: resolvers use one number for several things. `DNSKEY Missing` (9) stood for
//! keys that do not fit the DS and for broken signatures as well before Unbound 1.18, and still does elsewhere.

use super::{Code, Ede, Lookup, LookupFailure, LookupOutcome, ede_title};

/// Octets of a resolver's own words that are repeated.
const OWN_WORDS: usize = 300;

/// Texts of resolvers, in lower case, and the cause they speak of; the first that fits counts.
///
/// Unbound (`validator/`), Cloudflare's and Google's public resolvers, BIND and Knot Resolver word them so.
const TEXTS: [(&str, Code); 26] = [
    ("signature expired", Code::DnssecExpired),
    ("signature has expired", Code::DnssecExpired),
    ("rrsig expired", Code::DnssecExpired),
    ("expired rrsig", Code::DnssecExpired),
    ("before inception", Code::DnssecExpired),
    ("not yet valid", Code::DnssecExpired),
    ("not yet incepted", Code::DnssecExpired),
    ("no keys have a ds", Code::DnssecDsMismatch),
    ("no sep matching the ds", Code::DnssecDsMismatch),
    ("no dnskey matches ds", Code::DnssecDsMismatch),
    ("no dnskey matching ds", Code::DnssecDsMismatch),
    ("ds hash mismatches", Code::DnssecDsMismatch),
    ("does not match the ds", Code::DnssecDsMismatch),
    ("no dnskey record", Code::DnssecNoDnskey),
    ("crypto failed", Code::DnssecBadSignature),
    ("signature mismatch", Code::DnssecBadSignature),
    ("bad signature", Code::DnssecBadSignature),
    ("verify failed", Code::DnssecBadSignature),
    ("no signatures", Code::DnssecBadSignature),
    ("no valid signature", Code::DnssecBadSignature),
    ("missing rrsig", Code::DnssecBadSignature),
    ("proof failed", Code::DnssecBadDenial),
    ("no dnssec records", Code::DnssecBadDenial),
    ("missing nsec", Code::DnssecBadDenial),
    ("no nsec", Code::DnssecBadDenial),
    ("denial of existence", Code::DnssecBadDenial),
];

/// What a resolver blames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blamed {
    pub(super) code: Code,
    /// The error in words, with the resolver's own.
    pub(super) words: String,
    /// The zone, where the text names one; hostile.
    pub(super) zone: Option<String>,
}

/// The cause that an extended error of a failed lookup names; `None` where it names none that lies with the domain's servers.
pub(super) fn blamed(lookup: &Lookup) -> Option<Blamed> {
    let LookupOutcome::Failed(LookupFailure::ServFail) = lookup.outcome else { return None };
    lookup.ede.iter().find_map(|ede| {
        let code = cause(ede, lookup.address_answers == Some(true))?;
        Some(Blamed { code, words: words(ede), zone: zone(&ede.text) })
    })
}

/// The zone that a text names: the one whose key or DS was looked for.
fn zone(text: &str) -> Option<String> {
    let (_, rest) = ["for key ", "DS found for "].iter().find_map(|before| text.rsplit_once(before))?;
    let name = rest.split([' ', ',', ')', '>']).next()?.trim_end_matches('.');
    (!name.is_empty()).then(|| name.to_ascii_lowercase())
}

/// What an extended error says of a lookup that fails, while A records at the same name can be had or not.
fn cause(ede: &Ede, address_answers: bool) -> Option<Code> {
    let text = ede.text.to_ascii_lowercase();
    let by_text = || TEXTS.iter().find(|(words, _)| text.contains(words)).map(|(_, code)| *code);
    match ede.code {
        // "Other", "indeterminate" and "bogus" say nothing by themselves.
        0 | 5 | 6 => by_text(),
        7 | 8 | 25 => Some(Code::DnssecExpired),
        9 => Some(by_text().unwrap_or(Code::DnssecNoDnskey)),
        10 => Some(by_text().unwrap_or(Code::DnssecBadSignature)),
        11 => Some(Code::DnssecNoDnskey),
        12 => Some(by_text().unwrap_or(Code::DnssecBadDenial)),
        // The resolver met more NSEC3 iterations than it takes.
        27 => Some(Code::DnssecBadDenial),
        20 => Some(if address_answers { Code::CaaRejected } else { Code::LameDelegation }),
        22 | 23 => network(&text, address_answers),
        24 => Some(Code::ServerFailure),
        _ => None,
    }
}

/// "No reachable authority" and "network error": what the servers did stands in the text, if anywhere.
fn network(text: &str, address_answers: bool) -> Option<Code> {
    let says = |words: &str| text.contains(words);
    let error = ["refused", "notauth", "servfail", "notimp", "formerr"].into_iter().find(|code| says(code));
    Some(match error {
        // The DS at the parent cannot be had: whose fault that is, the text does not say.
        _ if says("no ds") => return None,
        // A socket that is refused is not a server that refuses.
        Some("refused") if says("connection refused") => Code::ServerUnreachable,
        Some(_) if address_answers => Code::CaaRejected,
        Some("refused" | "notauth") => Code::LameDelegation,
        Some(_) => Code::ServerFailure,
        None if address_answers => Code::CaaDropped,
        None => Code::ServerUnreachable,
    })
}

fn words(ede: &Ede) -> String {
    let text: String = ede.text.chars().take(OWN_WORDS).collect();
    let colon = if text.is_empty() { "" } else { ": " };
    format!("extended error {}, {}{colon}{text}", ede.code, ede_title(ede.code))
}

/// Whether an extended error says that the resolver itself does not want to answer, or cannot: nothing of the domain.
#[must_use]
pub fn is_the_resolvers_own(ede: &Ede) -> bool {
    // Not ready, blocked, censored, filtered, prohibited, not supported, policy, too early.
    matches!(ede.code, 14..=18 | 21 | 26 | 28)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caa::Transport;

    fn lookup(code: u16, text: &str, address_answers: bool) -> Lookup {
        Lookup {
            ede: vec![Ede { code, text: text.to_owned() }],
            address_answers: Some(address_answers),
            ..Lookup::bare(LookupOutcome::Failed(LookupFailure::ServFail), Transport::Udp)
        }
    }

    #[test]
    fn the_text_decides_where_the_number_says_too_little() {
        let building = "for key x.bed. while building chain of trust)";
        for (code, text, expected) in [
            // As Unbound 1.17.1 answered on the test bed.
            (7, "signature expired from 192.0.2.1 ", Some(Code::DnssecExpired)),
            (8, "signature before inception date from 192.0.2.1 ", Some(Code::DnssecExpired)),
            (9, "No DNSKEY record from 192.0.2.1 ", Some(Code::DnssecNoDnskey)),
            (9, "no keys have a DS with algorithm ECDSAP256SHA256 from 192.0.2.1 ", Some(Code::DnssecDsMismatch)),
            (9, "signature crypto failed from 192.0.2.1 ", Some(Code::DnssecBadSignature)),
            (10, "no signatures from 192.0.2.1 ", Some(Code::DnssecBadSignature)),
            (12, "no DNSSEC records from 192.0.2.1 for DS www.x.bed. ", Some(Code::DnssecBadDenial)),
            (6, "nodata proof failed from 192.0.2.1 ", Some(Code::DnssecBadDenial)),
            (6, "wildcard proof failed from 192.0.2.1 ", Some(Code::DnssecBadDenial)),
            // Public resolvers.
            (9, "no SEP matching the DS found for dnssec-failed.org.", Some(Code::DnssecDsMismatch)),
            (23, "192.0.2.1:53 rcode=REFUSED for x.bed caa", Some(Code::LameDelegation)),
            (23, "192.0.2.1:53 rcode=SERVFAIL for x.bed caa", Some(Code::ServerFailure)),
            (23, "192.0.2.1:53 timed out for x.bed caa", Some(Code::ServerUnreachable)),
            (22, "At delegation x.bed for x.bed/caa", Some(Code::ServerUnreachable)),
            // The number alone.
            (9, "", Some(Code::DnssecNoDnskey)),
            (12, "", Some(Code::DnssecBadDenial)),
            (20, "", Some(Code::LameDelegation)),
            (24, "zone expired", Some(Code::ServerFailure)),
            // Nothing that lies with the servers, or nothing that is said.
            (6, "", None),
            (3, "", None),
            (15, "blocked by policy", None),
            (17, "", None),
            (13, "", None),
            (23, "no DS", None),
        ] {
            let text = if text.ends_with(' ') { format!("{text}{building}") } else { text.to_owned() };
            let found = blamed(&lookup(code, &text, false)).map(|blamed| blamed.code);
            assert_eq!(found, expected, "{code} {text}");
        }
    }

    #[test]
    fn the_zone_is_read_where_the_text_names_one() {
        for (text, expected) in [
            ("signature expired from 192.0.2.1 for key X.bed. while building chain of trust", Some("x.bed")),
            ("no SEP matching the DS found for dnssec-failed.org.", Some("dnssec-failed.org")),
            ("no signatures from 192.0.2.1", None),
            ("for key ", None),
        ] {
            assert_eq!(zone(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn where_addresses_are_answered_the_type_is_at_fault() {
        for (code, text, expected) in [
            (23, "192.0.2.1:53 rcode=REFUSED for x.bed caa", Code::CaaRejected),
            (23, "192.0.2.1:53 rcode=NOTIMP for x.bed caa", Code::CaaRejected),
            (22, "At delegation x.bed for x.bed/caa", Code::CaaDropped),
            (7, "", Code::DnssecExpired),
        ] {
            assert_eq!(blamed(&lookup(code, text, true)).map(|blamed| blamed.code), Some(expected), "{code} {text}");
        }
    }

    #[test]
    fn an_answer_with_an_extended_error_blames_nobody() {
        let stale = Lookup { outcome: LookupOutcome::NoData(crate::caa::Soa::Present), ..lookup(22, "", false) };
        assert_eq!(blamed(&stale), None);
        let refused = Lookup { outcome: LookupOutcome::Failed(LookupFailure::Refused), ..lookup(20, "", false) };
        assert_eq!(blamed(&refused), None, "the resolver refuses us");
    }
}
