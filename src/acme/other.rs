//! ACME errors that are not about CAA, in a sentence each: people paste what they have.

/// What an error type (RFC 8555 section 6.7) means beside CAA, as [`super::HistoryReport::other_errors`] names it.
#[must_use]
pub fn meaning(kind: &str) -> Option<&'static str> {
    let kind = kind.to_ascii_lowercase();
    Some(match kind.as_str() {
        "ratelimited" => {
            "a limit of the CA was reached; CAA is not asked then. Wait as the text says, and order less often."
        }
        "unauthorized" => {
            "the CA saw a wrong answer to its challenge. It validates first and looks up CAA after that, so CAA may never have been asked."
        }
        "connection" => "the CA could not connect to the web server for its challenge; CAA comes after that.",
        "tls" => "the CA's connection for its challenge failed in TLS; CAA comes after that.",
        "incorrectresponse" => "the answer to the challenge was not the expected one; CAA comes after that.",
        "rejectedidentifier" => "the CA does not issue for this name, whatever CAA says.",
        "ordernotready" => "the order was finalised too early; look for the error of its authorization.",
        "malformed"
        | "badnonce"
        | "badcsr"
        | "badpublickey"
        | "badsignaturealgorithm"
        | "invalidcontact"
        | "unsupportedcontact"
        | "accountdoesnotexist"
        | "externalaccountrequired"
        | "useractionrequired"
        | "alreadyrevoked"
        | "badrevocationreason"
        | "unsupportedidentifier" => "about the request or the account, not about the domain's DNS.",
        "serverinternal" => "the CA failed inside; retry later.",
        "compound" => "several errors; each stands in a sub-problem.",
        "dns" => "a DNS lookup of the CA failed, and the text does not say of which type.",
        kind if kind.ends_with("lookup)") => {
            "the lookup of another type than CAA failed, mostly for the challenge itself. Servers that fail it may fail CAA too."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_errors_are_told_apart_from_caa() {
        for kind in ["rateLimited", "unauthorized", "dns (TXT lookup)", "connection", "serverInternal", "badNonce"] {
            assert!(meaning(kind).is_some(), "{kind}");
        }
        assert_eq!(meaning("caa"), None);
    }
}
