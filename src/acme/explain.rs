//! [`Explained`]: what one CAA error says, what it does not say, who can act and what to try.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ErrorClass;
use super::detail::AcmeError;
use super::document;
use super::stream::{Event, Reader};
use super::wording::{NO_LEVEL, View};

/// Distinct errors one text may give; more are counted by [`super::History`].
const DISTINCT: usize = 1000;

/// One error in plain words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// What the text says.
    #[serde(flatten)]
    pub error: AcmeError,
    /// How often the same error stands in the text.
    pub count: u64,
    /// What happened, in one or two sentences.
    pub meaning: String,
    /// What the error proves.
    pub proves: Vec<String>,
    /// What it does not prove, though it looks so.
    pub does_not_prove: Vec<String>,
    /// Who can act.
    pub who: String,
    /// What to try, in this order.
    pub try_next: Vec<String>,
    /// The cause code, where the text alone settles it: `ca-resolver-link`, `policy-denies`.
    pub cause: Option<&'static str>,
}

/// Explains every CAA error in a text: a `detail` string, a problem, authorization or order document, lines of a log.
///
/// One entry for each distinct error, in order of first appearance, at most 1,000. Empty when there is none.
#[must_use]
pub fn explain(text: &str) -> Vec<Explained> {
    let mut found: Vec<(AcmeError, u64)> = Vec::new();
    let mut places: BTreeMap<AcmeError, usize> = BTreeMap::new();
    for error in errors(text) {
        let same = AcmeError { problem: None, text: String::new(), ..error.clone() };
        match places.get(&same) {
            Some(place) => found[*place].1 += 1,
            None if found.len() < DISTINCT => {
                places.insert(same, found.len());
                found.push((error, 1));
            }
            None => {}
        }
    }
    found.into_iter().map(|(error, count)| Explained::new(error, count)).collect()
}

fn errors(text: &str) -> Vec<AcmeError> {
    if let Ok(value) = serde_json::from_str(text.trim()) {
        return document::read(&value).errors.into_iter().map(|(error, _)| error).collect();
    }
    let (mut reader, mut events) = (Reader::new(None), Vec::new());
    text.lines().for_each(|line| reader.line(line, &mut events));
    reader.finish(&mut events);
    let error = |event| match event {
        Event::Error(error, _) => Some(*error),
        Event::Other(_) => None,
    };
    events.into_iter().filter_map(error).collect()
}

impl Explained {
    pub(super) fn new(error: AcmeError, count: u64) -> Self {
        let view = View::new(&error);
        let cause = match error.class {
            ErrorClass::NetworkingError | ErrorClass::ResolverFailure => Some("ca-resolver-link"),
            ErrorClass::PolicyDenies => Some("policy-denies"),
            ErrorClass::TimedOut
            | ErrorClass::Canceled
            | ErrorClass::ServFail
            | ErrorClass::Dnssec
            | ErrorClass::ExtendedError
            | ErrorClass::NxDomain
            | ErrorClass::Truncated
            | ErrorClass::Refused
            | ErrorClass::FormErr
            | ErrorClass::NotImp
            | ErrorClass::OtherRcode
            | ErrorClass::RecheckFailed
            | ErrorClass::CaInternal
            | ErrorClass::Unspecified => None,
        };
        // Where no level is told, "the level" stands for one, and words are no data.
        let plain = |text: String| text.replace(&format!("`{NO_LEVEL}`"), NO_LEVEL);
        let all = |texts: Vec<String>| texts.into_iter().map(plain).collect();
        let (meaning, proves, does_not_prove) = (plain(view.meaning()), all(view.proves()), all(view.does_not_prove()));
        let (who, try_next) = (plain(view.who()), all(view.try_next()));
        Self { error, count, meaning, proves, does_not_prove, who, try_next, cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acme::Perspective;
    use proptest::prelude::*;

    /// Class, level, name with `*.`, perspective letter and recheck of every error, one text an error.
    fn read(text: &str) -> Vec<String> {
        let one = |entry: &Explained| {
            let error = &entry.error;
            let level = error.level.as_ref().map_or("-", |level| level.as_str());
            let name = error.name.as_ref().map_or("-", |name| name.as_str());
            format!(
                "{} {level} {}{name} {}{}",
                error.class.as_str(),
                if error.wildcard { "*." } else { "" },
                error.perspective.as_str(),
                if error.recheck { " recheck" } else { "" }
            )
        };
        explain(text).iter().map(one).collect()
    }

    #[test]
    fn every_wording_of_boulder_is_read() {
        for (text, expected) in [
            ("DNS problem: networking error looking up CAA for net", "networking-error net - primary"),
            (
                "While processing CAA for *.a.example.net: DNS problem: networking error looking up CAA for net",
                "networking-error net *.a.example.net primary",
            ),
            (
                "DNS problem: SERVFAIL looking up CAA for example.net - the domain's nameservers may be malfunctioning",
                "serv-fail example.net - primary",
            ),
            ("DNS problem: query timed out looking up CAA for example.net", "timed-out example.net - primary"),
            (
                "DNS problem: query timed out (and was canceled) looking up CAA for example.net",
                "canceled example.net - primary",
            ),
            (
                "DNS problem: server failure at resolver looking up CAA for example.net",
                "resolver-failure example.net - primary",
            ),
            (
                "DNS problem: NXDOMAIN looking up CAA for zz - check that a DNS record exists for this domain",
                "nx-domain zz - primary",
            ),
            (
                "DNS problem: response was truncated looking up CAA for a.example.net",
                "truncated a.example.net - primary",
            ),
            ("DNS problem: REFUSED looking up CAA for example.net", "refused example.net - primary"),
            ("DNS problem: FORMERR looking up CAA for example.net", "form-err example.net - primary"),
            ("DNS problem: NOTIMP looking up CAA for example.net", "not-imp example.net - primary"),
            ("DNS problem: NOTAUTH looking up CAA for example.net", "other-rcode example.net - primary"),
            ("DNS problem: looking up CAA for example.net: DNSSEC: Bogus", "dnssec example.net - primary"),
            (
                "DNS problem: looking up CAA for example.net: DNSSEC: DNSKEY Missing: validation failure <example.net. CAA IN>",
                "dnssec example.net - primary",
            ),
            (
                "DNS problem: looking up CAA for example.net: No Reachable Authority",
                "extended-error example.net - primary",
            ),
            (
                "During secondary validation: DNS problem: SERVFAIL looking up CAA for net - the domain's nameservers may be malfunctioning",
                "serv-fail net - secondary",
            ),
            (
                "During secondary validation: While processing CAA for a.example.net: CAA record for example.net prevents issuance",
                "policy-denies example.net a.example.net secondary",
            ),
            (
                "During secondary CAA checking: While processing CAA for a.example.net: DNS problem: query timed out looking up CAA for net",
                "timed-out net a.example.net secondary",
            ),
            ("CAA record for example.net prevents issuance", "policy-denies example.net - primary"),
            (
                "Error finalizing order :: While processing CAA for a.example.net: CAA record for example.net prevents issuance",
                "policy-denies example.net a.example.net primary recheck",
            ),
            (
                "Error finalizing order :: Rechecking CAA for \"a.example.net\" and 3 more identifiers failed. Refer to sub-problems for more information",
                "recheck-failed - a.example.net primary recheck",
            ),
            ("Remote VA \"10.0.0.1:9097\".IsCAAValid RPC failed", "ca-internal - - primary"),
            (
                "CAA record does not include ssl.com which is required to issue the certificate",
                "policy-denies - - unknown",
            ),
            ("managed certificate status: FAILED_CAA_FORBIDDEN", "policy-denies - - unknown"),
        ] {
            assert_eq!(read(text), [expected], "{text}");
        }
    }

    #[test]
    fn quoting_case_and_redaction_do_not_hide_an_error() {
        for (text, expected) in [
            (
                r#"\"detail\": \"DNS problem: networking error looking up CAA for net\","#,
                "networking-error net - primary",
            ),
            (
                r#"{\"log\":\"detail: DNS problem: SERVFAIL looking up CAA for Example.NET - the domain\\u0027s\"}"#,
                "serv-fail example.net - primary",
            ),
            ("dns problem: servfail looking up caa for example.net.", "serv-fail example.net - primary"),
            ("> DNS problem: networking error looking up CAA for ...", "networking-error - - primary"),
            ("DNS problem: SERVFAIL looking up CAA for <my domain> - x", "serv-fail - - primary"),
            ("DNS problem: SERVFAIL looking up CAA for (my domain name)", "serv-fail - - primary"),
            ("DNS problem: SERVFAIL looking up CAA for example[.]net", "serv-fail example.net - primary"),
            ("the error is \u{201c}networking error looking up CAA for net\u{201d}.", "networking-error net - primary"),
            (
                "   Domain: a.example.net\n   Type:   dns\n   Detail: DNS problem: SERVFAIL looking up\n   CAA for example.net - the domain's\n   nameservers may be malfunctioning",
                "serv-fail example.net a.example.net primary",
            ),
            ("Detail: CAA record\nfor example.net prevents issuance", "policy-denies example.net - primary"),
            ("> DNS problem: networking error looking up\n> CAA for\n> net", "networking-error net - primary"),
        ] {
            assert_eq!(read(text), [expected], "{text}");
        }
    }

    #[test]
    fn documents_tell_the_name_and_the_wildcard() {
        let authorization = r#"{
          "identifier": {"type": "dns", "value": "a.xnw6x.example.net"},
          "status": "invalid", "expires": "2023-12-27T10:00:00Z",
          "challenges": [{
            "type": "dns-01", "status": "invalid",
            "error": {"type": "urn:ietf:params:acme:error:dns", "status": 400,
                      "detail": "DNS problem: networking error looking up CAA for net"},
            "url": "https://ca.example/chall/1", "token": "x", "validated": "2023-12-20T10:00:00Z"}],
          "wildcard": true}"#;
        assert_eq!(read(authorization), ["networking-error net *.a.xnw6x.example.net primary"]);
        let order = r#"{"status":"invalid","error":{"type":"urn:ietf:params:acme:error:caa",
          "detail":"Error finalizing order :: Rechecking CAA for \"a.example.net\" and 1 more identifiers failed. Refer to sub-problems for more information","status":403,
          "subproblems":[
            {"type":"urn:ietf:params:acme:error:caa","detail":"Error finalizing order :: While processing CAA for a.example.net: CAA record for example.net prevents issuance","status":403,"identifier":{"type":"dns","value":"a.example.net"}},
            {"type":"urn:ietf:params:acme:error:dns","detail":"Error finalizing order :: While processing CAA for *.b.example.net: DNS problem: SERVFAIL looking up CAA for example.net - x","status":400,"identifier":{"type":"dns","value":"*.b.example.net"}}]}}"#;
        assert_eq!(
            read(order),
            [
                "policy-denies example.net a.example.net primary recheck",
                "serv-fail example.net *.b.example.net primary recheck"
            ]
        );
        assert_eq!(read(&serde_json::to_string(order).unwrap()).len(), 2, "a document inside a JSON text");
    }

    #[test]
    fn other_cas_and_empty_details_give_what_they_hold() {
        for (text, expected) in [
            (r#"{"type":"urn:ietf:params:acme:error:caa","status":403}"#, "unspecified - - unknown"),
            (
                r#"{"type":"urn:ietf:params:acme:error:caa","detail":"CAA does not permit issuance","identifier":{"type":"dns","value":"*.a.example"}}"#,
                "policy-denies - *.a.example unknown",
            ),
            (r#"{"Status":"FAILED","FailureReason":"CAA_ERROR"}"#, "unspecified - - unknown"),
            (
                "[EROR] [type] urn:acme:error:caa\n[EROR] [detail] CAA record for example.com prevents issuance\n[EROR] [status] 403",
                "policy-denies example.com - primary",
            ),
        ] {
            assert_eq!(read(text), [expected], "{text}");
        }
    }

    #[test]
    fn one_error_told_twice_in_a_document_is_one() {
        let twice = r#"{"msg":"failed: DNS problem: SERVFAIL looking up CAA for example.net - x",
            "error":{"identifier":"a.example.net","problem":{"type":"urn:ietf:params:acme:error:dns","detail":"DNS problem: SERVFAIL looking up CAA for example.net - x"}}}"#;
        assert_eq!(read(twice), ["serv-fail example.net a.example.net primary"]);
        let names = r#"[{"identifier":"a.example.net","detail":"DNS problem: SERVFAIL looking up CAA for net - x"},
            {"identifier":"b.example.net","detail":"DNS problem: SERVFAIL looking up CAA for net - x"}]"#;
        assert_eq!(read(names).len(), 2);
    }

    #[test]
    fn errors_that_are_not_about_caa_are_not_misread() {
        for text in [
            "",
            "DNS problem: NXDOMAIN looking up TXT for _acme-challenge.example.net - check that a DNS record exists",
            "DNS problem: networking error looking up A for example.net",
            r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many certificates (5) already issued","status":429}"#,
            "[example.net] acme: error: 403 :: urn:ietf:params:acme:error:unauthorized :: Incorrect TXT record",
            "checking CAA records of example.net: none",
            "looking up CAA for example.net",
            "INFO looking up CAA for example.net took 12 ms",
            "the CAA record for example.net was published",
        ] {
            assert_eq!(read(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn an_old_list_of_problems_gives_one_error_each() {
        let text = "Error creating new cert :: Rechecking CAA: While processing CAA for a.example: DNS problem: SERVFAIL looking up CAA for a.example, While processing CAA for www.a.example: DNS problem: query timed out looking up CAA for www.a.example";
        assert_eq!(
            read(text),
            ["serv-fail a.example a.example primary recheck", "timed-out www.a.example www.a.example primary recheck"]
        );
    }

    #[test]
    fn an_error_at_the_tld_proves_the_levels_closer_to_the_name() {
        let text = "While processing CAA for a.xnw6x.example.net: DNS problem: networking error looking up CAA for net";
        let entry = &explain(text)[0];
        assert_eq!(entry.cause, Some("ca-resolver-link"));
        assert!(entry.proves[0].contains("`a.xnw6x.example.net`, `xnw6x.example.net`, `example.net`"), "{entry:?}");
        assert!(entry.proves[1].contains("A CAA set at any of those levels"), "{entry:?}");
        assert!(entry.does_not_prove[0].starts_with("That anything is wrong with the domain"), "{entry:?}");
        assert_eq!(entry.who, "The CA.");
        let all = serde_json::to_string(entry).unwrap();
        assert!(
            !all.contains("higher") && !all.contains("lower level") && all.contains("does not make the check faster")
        );
    }

    #[test]
    fn a_failure_at_the_name_itself_is_hidden_by_nothing() {
        let text = "While processing CAA for a.example.net: DNS problem: SERVFAIL looking up CAA for a.example.net - x";
        let entry = &explain(text)[0];
        assert!(entry.proves[0].contains("no CAA record towards the TLD can hide it"), "{entry:?}");
        assert!(entry.try_next.iter().all(|step| !step.contains("keeps such failures")), "{entry:?}");
    }

    #[test]
    fn a_registry_is_not_the_domains_owner() {
        for level in ["net", "co.uk"] {
            let entry = &explain(&format!("DNS problem: SERVFAIL looking up CAA for {level} - x"))[0];
            assert!(entry.who.contains("registry"), "{entry:?}");
        }
        let other = "DNS problem: SERVFAIL looking up CAA for example.net - x";
        assert!(explain(other)[0].who.contains("name servers"), "{other}");
    }

    #[test]
    fn secondary_errors_say_that_the_primary_passed() {
        let text = "During secondary validation: DNS problem: query timed out looking up CAA for example.net";
        let entry = &explain(text)[0];
        assert_eq!(entry.error.perspective, Perspective::Secondary);
        assert!(entry.proves.iter().any(|line| line.contains("primary perspective had passed")), "{entry:?}");
    }

    #[test]
    fn the_same_error_is_counted_once_an_appearance() {
        let text = "DNS problem: networking error looking up CAA for net\n".repeat(7);
        let found = explain(&text);
        assert_eq!((found.len(), found[0].count), (1, 7));
    }

    #[test]
    fn every_problem_of_the_recorded_cases_is_read() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = ["../shared/data", "../../shared/data"].map(|data| root.join(data).join("caa/boulder-cases.json"));
        let Some(text) = file.iter().find_map(|file| std::fs::read_to_string(file).ok()) else {
            println!("skipped: the recorded cases are not here");
            return;
        };
        let mut read = 0;
        for part in text.split('"').filter(|part| part.starts_with("DNS problem: ") && part.contains(" CAA for ")) {
            let found = explain(part);
            assert_eq!(found.len(), 1, "{part}");
            assert!(found[0].error.level.is_some() && found[0].error.class != ErrorClass::Unspecified, "{part}");
            read += 1;
        }
        assert!(read > 5, "{read}");
    }

    proptest! {
        #[test]
        fn any_text_is_explained_or_not(text in any::<String>()) {
            let _ = explain(&text);
        }

        #[test]
        fn any_pieces_of_errors_are_explained_or_not(
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just("DNS problem: ".to_owned()), Just("looking up CAA for ".to_owned()), Just("net".to_owned()),
                    Just("\n".to_owned()), Just("{\"".to_owned()), Just("\\\"".to_owned()), Just("}".to_owned()),
                    Just("urn:ietf:params:acme:error:caa".to_owned()), Just("Rechecking CAA for \"a.b\" and 2 more identifiers failed".to_owned()),
                    Just("CAA record for ".to_owned()), Just(" prevents issuance".to_owned()), Just("a.b-".to_owned()),
                    Just("{\"type\":\"urn:ietf:params:acme:error:caa\",\"detail\":\"x\"}".to_owned()), "\\PC{0,6}",
                ],
                0..24,
            )
        ) {
            for entry in explain(&pieces.concat()) {
                prop_assert!(entry.error.text.bytes().all(|octet| (b' '..=b'~').contains(&octet)));
            }
        }
    }
}
