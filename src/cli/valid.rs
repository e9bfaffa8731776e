//! Which values an option takes: one judge for the command line and the configuration file. Each says what was given and
//! what would do.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PathBufValueParser, TypedValueParser};
use regex::Regex;

use super::settings::{duration, nearest};
use crate::name::DomainName;
use crate::source::live::{Http, Service};

/// Methods that the registry of ACME validation methods holds or that CAs have announced for it.
const METHODS: [&str; 9] = [
    "http-01",
    "dns-01",
    "tls-alpn-01",
    "dns-account-01",
    "dns-persist-01",
    "email-reply-00",
    "onion-csr-01",
    "tkauth-01",
    "bp-nodeid-00",
];
/// The services that can be named.
const SERVICES: [&str; 3] = ["crtsh", "certspotter", "crtsh-pg"];
/// Questions in flight that may be asked for; resolvers lose answers far below that.
pub const MOST_IN_FLIGHT: usize = 10_000;
/// Threads that may be asked for.
const MOST_THREADS: usize = 1024;
/// The longest time for one try.
const LONGEST_TRY: Duration = Duration::from_secs(120);

/// A count of what there is always one of.
///
/// # Errors
/// No number, or 0.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| format!("`{}` is no number from 1", text.escape_debug()))
}

/// A file that may be read more than once, or while standard input gives names: no stream can stand for it.
pub fn named_file() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.to_str() {
        Some("-") => Err("`-` is standard input, and a file is wanted here: name it (`./-` for one called `-`)"),
        _ => Ok(path),
    })
}

/// Threads: more than any machine has is a slip of the finger, and would take long to begin.
///
/// # Errors
/// No number from 1 to [`MOST_THREADS`].
pub fn threads(text: &str) -> Result<usize, String> {
    from_one(MOST_THREADS, text)
}

/// Questions in flight: an id tells them apart, and there are 65,536 of these.
///
/// # Errors
/// No number from 1 to [`MOST_IN_FLIGHT`].
pub fn in_flight(text: &str) -> Result<usize, String> {
    from_one(MOST_IN_FLIGHT, text)
}

fn from_one(most: usize, text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("`{}` is no number from 1 to {most}", text.escape_debug()))
}

/// A label, or a part of one, in the form that names have.
///
/// # Errors
/// What no single label of a DNS name can be.
pub fn label(text: &str) -> Result<String, String> {
    match DomainName::parse(text) {
        Ok(label) if !text.contains('.') && label.depth() == 0 => Ok(label.as_str().to_owned()),
        Ok(_) | Err(_) => Err(format!(
            "`{}` is no label of a DNS name; write one, such as `prod`: 1 to 63 letters, digits, `-` and `_`",
            text.escape_debug()
        )),
    }
}

/// The domain that stands for a CA in CAA records.
///
/// # Errors
/// An issuer that is no domain: every set would deny it, whatever it says.
pub fn issuer(text: &str) -> Result<String, String> {
    match DomainName::parse(text) {
        // The CA knows itself in small letters only, and sets are compared octet for octet.
        Ok(domain) => Ok(domain.as_str().to_owned()),
        Err(_) => Err(format!(
            "`{}` is no domain; write the one that stands for the CA in CAA records, such as `letsencrypt.org`",
            text.escape_debug()
        )),
    }
}

/// A validation method as CAA records name it: one of ACME, or a CA's own behind `ca-` (RFC 8657 §4).
///
/// # Errors
/// Neither: no record could ever allow it.
pub fn method(text: &str) -> Result<String, String> {
    let own = text
        .strip_prefix("ca-")
        .is_some_and(|own| !own.is_empty() && own.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-'));
    if own || METHODS.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{}` is no validation method; known are {}, and a CA's own as `ca-...` (RFC 8657){}",
        text.escape_debug(),
        METHODS.join(", "),
        nearest(text, &METHODS)
    ))
}

/// The URI of an ACME account (RFC 8555 §7.1.2): a scheme, a colon, and something behind it (RFC 3986 §3).
///
/// # Errors
/// Something else, to which no `accounturi` could be equal.
pub fn account_uri(text: &str) -> Result<String, String> {
    let scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.'))
    };
    let rest = |rest: &str| {
        let path = rest.trim_start_matches('/');
        !path.is_empty() && path.bytes().all(|octet| octet.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&octet))
    };
    match text.split_once(':') {
        Some((before, behind)) if scheme(before) && rest(behind) => Ok(text.to_owned()),
        Some(_) | None => Err(format!(
            "`{}` is no URI; write that of the account, such as `https://acme-v02.api.letsencrypt.org/acme/acct/12345`",
            text.escape_debug()
        )),
    }
}

/// A service that certificates come from.
///
/// # Errors
/// None that is known, or none of this build.
pub fn service(text: &str) -> Result<Service, String> {
    let service = Service::parse(text).ok_or_else(|| {
        let hint = nearest(text, &SERVICES);
        format!("`{}` is no source; known are crtsh, certspotter and crtsh-pg{hint}", text.escape_debug())
    })?;
    if service == Service::CrtshPg && !cfg!(feature = "crtsh-pg") {
        return Err("`crtsh-pg` is not in this build; build with `--features crtsh-pg`".to_owned());
    }
    Ok(service)
}

/// A time for one try.
///
/// # Errors
/// No time, or one longer than [`LONGEST_TRY`].
pub fn try_time(text: &str) -> Result<Duration, String> {
    let time = duration(text).map_err(|error| error.to_string())?;
    if time > LONGEST_TRY {
        return Err(format!(
            "`{}`: one try may take {} s at most; write `{0}ms` for milliseconds",
            text.escape_debug(),
            LONGEST_TRY.as_secs()
        ));
    }
    Ok(time)
}

/// An expression that names are matched against.
///
/// # Errors
/// None that can be read.
pub fn regex(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| format!("`{}` is no regular expression: {error}", text.escape_debug()))
}

/// Where a database is.
///
/// # Errors
/// No host, or a port that is none.
pub fn host_and_port(text: &str) -> Result<(), String> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port),
        None => (text, "5432"),
    };
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let host = address || DomainName::parse(host).is_ok();
    if host && port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Ok(());
    }
    Err(format!("`{}` is no place of a database; write HOST or HOST:PORT", text.escape_debug()))
}

/// A key of a service.
///
/// # Errors
/// It holds what no header may hold. The key itself is not told.
pub fn key(text: &str) -> Result<(), String> {
    let fits = text.trim().bytes().all(|octet| octet.is_ascii_graphic());
    if fits { Ok(()) } else { Err("the key has characters that no key has".to_owned()) }
}

/// The address of a search service.
///
/// # Errors
/// No URL, or one that others could listen to.
pub fn address(service: Service, text: &str) -> Result<(), String> {
    Http::check_address(service, text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_label_is_one_of_a_dns_name() {
        for (text, expected) in [("prod", "prod"), ("WWW", "www"), ("_acme", "_acme"), ("b\u{fc}cher", "xn--bcher-kva")]
        {
            assert_eq!(label(text).as_deref(), Ok(expected));
        }
        for text in ["", " ", "a b", "a.b", "a.", ".", "*", "a\u{1b}", &"x".repeat(64)] {
            let why = label(text).unwrap_err();
            assert!(why.contains("is no label") && !why.contains('\u{1b}'), "{why}");
        }
    }

    #[test]
    fn a_method_is_of_acme_or_of_a_ca() {
        for text in ["dns-01", "http-01", "tls-alpn-01", "ca-email", "ca-3-2-2-4-7"] {
            assert_eq!(method(text).as_deref(), Ok(text));
        }
        for (text, hint) in [("foo", "known are http-01"), ("DNS-01", "did you mean `dns-01`?"), ("ca-", "`ca-...`")] {
            let why = method(text).unwrap_err();
            assert!(why.contains(hint), "{why}");
        }
    }

    #[test]
    fn an_account_is_a_uri() {
        for text in
            ["https://acme-v02.api.letsencrypt.org/acme/acct/12345", "urn:example:1", "https://ca.example/?a=1#b"]
        {
            assert_eq!(account_uri(text).as_deref(), Ok(text));
        }
        for text in ["", "nouri", "12345", ":", "https:", "https://", "1x:y", "https://a b/", "https://a/\u{e9}"] {
            assert!(account_uri(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_service_is_known_and_a_try_is_short() {
        assert_eq!(service("crtsh"), Ok(Service::Crtsh));
        assert!(service("crtshh").unwrap_err().contains("did you mean `crtsh`?"));
        assert!(try_time("5").is_ok() && try_time("soon").is_err());
        assert!(try_time("5000").unwrap_err().contains("write `5000ms` for milliseconds"));
    }

    proptest! {
        #[test]
        fn what_is_refused_is_told_without_control_characters(text in any::<String>()) {
            let told = [
                label(&text).err(),
                issuer(&text).err(),
                method(&text).err(),
                account_uri(&text).err(),
                service(&text).err(),
                try_time(&text).err(),
                at_least_one(&text).err(),
                in_flight(&text).err(),
                threads(&text).err(),
            ];
            for why in told.into_iter().flatten() {
                prop_assert!(!why.chars().any(char::is_control), "{why:?}");
            }
        }
    }
}
