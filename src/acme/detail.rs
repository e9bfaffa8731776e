//! The grammar of ACME `detail` strings: finds every CAA error in a text and reads its class, level, name and perspective.
//!
//! The wording is that of Let's Encrypt's Boulder from 2015 on (`bdns/problem.go`, `va/caa.go`, `ra/ra.go`), and the few
//! texts known of other CAs. Everything else that carries an ACME error type is counted as "not about CAA".

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::Serialize;

use super::plain::quotable;
use super::{ErrorClass, Perspective};
use crate::name::DomainName;

/// Octets before a mention that are searched for its prefixes and its name.
const REACH: usize = 600;

/// One CAA error as a CA's text tells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AcmeError {
    /// What went wrong.
    pub class: ErrorClass,
    /// The level whose lookup failed, or where the forbidding set stands; `None` where the text does not name it or
    /// names something that is no DNS name (people redact).
    pub level: Option<DomainName>,
    /// The name the certificate was for, without `*.`, where the text or the document around it tells.
    pub name: Option<DomainName>,
    /// Whether that name was a wildcard name.
    pub wildcard: bool,
    /// From where the CA saw it.
    pub perspective: Perspective,
    /// Whether CAA was checked again at finalize, with a validation done earlier.
    pub recheck: bool,
    /// The reason a resolver gave (RFC 8914), or the response code where the class does not say it; printable.
    pub reason: Option<String>,
    /// The ACME error type, without its URN prefix: `dns`, `caa`, ...
    pub problem: Option<String>,
    /// Whether the wording is Boulder's, so that what is known of Boulder's check may be concluded from it.
    pub boulder: bool,
    /// The text it was read from, printable and cut to 400 characters.
    pub text: String,
}

/// What stands around a text: an ACME document's identifier and error type.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    pub(super) name: Option<DomainName>,
    pub(super) wildcard: bool,
    pub(super) problem: Option<String>,
}

/// What one text holds.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) errors: Vec<AcmeError>,
    /// ACME errors that are not about CAA, by type.
    pub(super) others: Vec<String>,
    /// `Rechecking CAA for ... failed`: counts only if the problems it refers to do not follow.
    pub(super) header: Option<AcmeError>,
    /// An ACME error type at the end of the text whose detail may stand in the next line, and the words after it.
    pub(super) pending: Option<(String, String)>,
    /// Where a mention begins that the text cuts off.
    pub(super) open: Option<usize>,
}

/// Whether a line can matter at all; cheap, for lines by the million.
pub(super) fn may_matter(line: &str) -> bool {
    let octets = line.as_bytes();
    memchr::memchr2_iter(b'C', b'c', octets).any(|at| {
        let here = &octets[at..];
        starts(here, b"caa") || starts(here, b"cme:error")
    }) || memchr::memmem::find(octets, b"DNS problem").is_some()
}

fn starts(text: &[u8], with: &[u8]) -> bool {
    text.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with))
}

/// A name as error texts carry it, redacted forms included; written for lower-case text.
const NAME: &str = r#"(?:<[^>"]{0,100}>|\([^)"]{0,100}\)|\[[^\]" ]{0,100}\]|[^ "'<>,;|]+)"#;

fn compile(pattern: &str) -> Regex {
    Regex::new(&pattern.replace("NAME", NAME)).expect("a constant pattern that the tests run")
}

static MENTION: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r"(?:(?P<what>(?:dns )?networking error|(?:dns )?query timed out(?: \(and was cancell?ed\))?",
        r"|server failure at resolver|response was truncated|[a-z0-9]{3,16}) +)?",
        r"looking +up +(?P<type>[a-z0-9]{1,16}) +(?:records? +)?for +(?P<at>NAME)",
        // acme.sh of 2018 lost the blank.
        r#"|caa +records? +for +(?:(?P<set>NAME) +|(?P<glued>[^ "'<>,;|]+?))prevents? +issuance"#,
        r#"|rechecking +caa +for +"?(?P<first>[^ "]+)"? +and +(?P<more>[0-9]+) +more +identifiers? +failed"#,
        r#"|(?P<rpc>(?:iscaavalid|docaa|caa)[^"]{0,60} rpc +(?:failed|cancell?ed))"#,
        // The second is Boulder's up to 2016.
        r"|(?P<denied>caa +records? +do(?:es)? +not +include +[^ ]+|caa +check +for +[^ ]+ +failed|failed_caa_forbidden",
        r"|unauthorized +to +issue +the +[a-z ]*certificate +due +to +certification +authority +authorization)",
        r"|(?P<vague>failed_caa_checking|(?-u:\b)caa_error(?-u:\b))",
    ))
});
static CHAIN: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r"(?:error +[a-z ]{3,40} +:: +|rechecking +caa: +\[?|during +secondary +[a-z ]{3,30}: +",
        r"|while +processing +caa +for +NAME:? +|dns +problem: +)+$",
    ))
});
static PROCESSED: LazyLock<Regex> = LazyLock::new(|| compile(r"while +processing +caa +for +(NAME) *$"));
static ABOUT: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r#"\[dns: *([^\]" ]+)\]|\[([^\]" ]+)\] +acme: error|([^ "'\]]+): *verify error|authorization error for ([^ "]+):"#,
        r#"|([^ "'\]]+): *invalid status|domain: +([^ "']+)|"identifier": *"([^"]+)"|identifier=([^ "]+)"#,
        r#"|\(id +identifier\("dns", *"([^"]+)"\)"#,
    ))
});
static URN: LazyLock<Regex> = LazyLock::new(|| compile(r"urn:(?:ietf:params:)?acme:error:([a-z0-9_-]{1,40})"));
static DENIAL: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"prevent|forbid|prohibit|not (?:allow|author|permit|includ|match|list)|den(?:y|ied|ies)|disallow|mismatch")
});
static TRIGGER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"dns +problem:|while +processing +caa|looking +up|caa +records? +for|caa +records?$|rechecking +caa|during +secondary",
    )
});

/// Finds every ACME error in a text whose escapes are off; see [`super::plain::plain`].
///
/// Unless this is the `last` of the text, a mention that it cuts off is left open instead of read.
pub(super) fn scan(text: &str, context: &Context, last: bool) -> Scan {
    let lower = text.to_ascii_lowercase();
    let mut found = Scan::default();
    let mut urns: Vec<Urn> = URN
        .captures_iter(&lower)
        .filter_map(|urn| Some((urn.get(0)?, urn.get(1)?)))
        .map(|(all, kind)| Urn { start: all.start(), end: all.end(), kind: text[kind.range()].to_owned(), used: false })
        .collect();
    let (mut from, mut recheck) = (0, false);
    for captures in MENTION.captures_iter(&lower) {
        let Some(whole) = captures.get(0) else { continue };
        let gap = Gap::new(&lower, from, whole.start());
        recheck |= gap.recheck;
        let problem = use_urn(&mut urns, from, whole.start()).or_else(|| context.problem.clone());
        let mention = Mention { text, lower: &lower, captures: &captures, gap: &gap, problem, recheck, context };
        // No name ends with a hyphen: the line was folded there.
        if !last && text.len() == whole.end() && text.ends_with('-') {
            found.open = Some(gap.start);
            break;
        }
        mention.read(&mut found);
        recheck |= captures.name("first").is_some();
        from = whole.end();
    }
    if found.open.is_none() && !last {
        found.open = TRIGGER.find_at(&lower, from).map(|open| open.start());
    }
    leftover(text, &lower, context, &mut found, &urns, last);
    if !found.errors.is_empty() {
        found.header = None;
    }
    found
}

struct Urn {
    start: usize,
    end: usize,
    kind: String,
    used: bool,
}

/// Marks the last error type between two places as spoken for by the mention that follows it.
fn use_urn(urns: &mut [Urn], from: usize, to: usize) -> Option<String> {
    let urn = urns.iter_mut().rfind(|urn| !urn.used && urn.start >= from && urn.end <= to)?;
    urn.used = true;
    Some(urn.kind.clone())
}

/// Error types without a CAA mention: other errors, or CAA errors in words this grammar does not know.
fn leftover(text: &str, lower: &str, context: &Context, found: &mut Scan, urns: &[Urn], last: bool) {
    for (index, urn) in urns.iter().enumerate().filter(|(_, urn)| !urn.used) {
        let next = urns.get(index + 1).map_or(text.len(), |next| next.start);
        let segment = &lower[urn.end..floor(lower, next.min(urn.end + REACH))];
        let blank = !segment.bytes().any(|octet| octet.is_ascii_alphabetic());
        let caa = urn.kind.eq_ignore_ascii_case("caa");
        if !last && index + 1 == urns.len() && (blank || caa || found.open.is_some()) {
            found.pending = Some((urn.kind.clone(), text[urn.start..urn.end + segment.len()].to_owned()));
        } else if caa {
            found.errors.push(worded_otherwise(
                &text[urn.start..urn.end + segment.len()],
                context,
                Some(urn.kind.clone()),
            ));
        } else {
            found.others.push(urn.kind.clone());
        }
    }
}

/// A CAA error in words this grammar does not know.
pub(super) fn worded_otherwise(text: &str, context: &Context, problem: Option<String>) -> AcmeError {
    let denied = DENIAL.is_match(&text.to_ascii_lowercase());
    AcmeError {
        class: if denied { ErrorClass::PolicyDenies } else { ErrorClass::Unspecified },
        level: None,
        name: context.name.clone(),
        wildcard: context.wildcard,
        perspective: Perspective::Unknown,
        recheck: false,
        reason: None,
        problem: problem.or_else(|| context.problem.clone()),
        boulder: false,
        text: quotable(text),
    }
}

/// What stands between the mention before and this one.
struct Gap {
    /// Where the chain of prefixes begins.
    start: usize,
    secondary: bool,
    recheck: bool,
    boulder: bool,
    name: Option<(DomainName, bool)>,
}

impl Gap {
    fn new(lower: &str, from: usize, to: usize) -> Self {
        let near = floor(lower, from.max(to.saturating_sub(REACH)));
        let gap = &lower[near..to];
        let chain = CHAIN.find(gap).map_or("", |chain| chain.as_str());
        let before = &gap[..gap.len() - chain.len()];
        let processed = chain
            .split(": ")
            .find_map(|part| PROCESSED.captures(part))
            .and_then(|captures| captures.get(1).and_then(|name| read_name(name.as_str())));
        let about = || {
            let last = ABOUT.captures_iter(before).last()?;
            last.iter().skip(1).flatten().next().and_then(|name| read_name(name.as_str()))
        };
        Self {
            start: near + before.len(),
            secondary: chain.contains("during secondary"),
            recheck: chain.contains("rechecking caa") || chain.contains("error finalizing order"),
            boulder: chain.contains("dns problem") || chain.contains("while processing"),
            name: processed.or_else(about),
        }
    }
}

struct Mention<'a, 't> {
    text: &'t str,
    lower: &'t str,
    captures: &'a Captures<'t>,
    gap: &'a Gap,
    problem: Option<String>,
    recheck: bool,
    context: &'a Context,
}

impl Mention<'_, '_> {
    fn read(&self, found: &mut Scan) {
        if let Some(kind) = self.group("type") {
            return self.read_lookup(&kind, found);
        }
        if let Some(set) = self.captures.name("set").or_else(|| self.captures.name("glued")) {
            let level = read_name(set.as_str()).map(|(name, _)| name);
            found.errors.push(self.error(ErrorClass::PolicyDenies, level, None, true));
        } else if let Some(first) = self.captures.name("first") {
            let mut error = self.error(ErrorClass::RecheckFailed, None, None, true);
            error.recheck = true;
            error.name = read_name(first.as_str()).map(|(name, _)| name).or(error.name);
            found.header = Some(error);
        } else if self.captures.name("rpc").is_some() {
            found.errors.push(self.error(ErrorClass::CaInternal, None, None, true));
        } else if self.captures.name("denied").is_some() {
            found.errors.push(self.error(ErrorClass::PolicyDenies, None, None, false));
        } else {
            found.errors.push(self.error(ErrorClass::Unspecified, None, None, false));
        }
    }

    fn read_lookup(&self, kind: &str, found: &mut Scan) {
        let at = self.group("at").unwrap_or_default();
        if kind != "caa" {
            // Prose such as "looking up names for ..." is no error; a CA's own wording or an error type makes it one.
            if self.gap.boulder || self.problem.is_some() {
                found.others.push(format!(
                    "{} ({} lookup)",
                    self.problem.as_deref().unwrap_or("dns"),
                    kind.to_uppercase()
                ));
            }
            return;
        }
        let level = read_name(&at).map(|(name, _)| name);
        let words = self.group("what");
        let known = words.as_deref().and_then(ErrorClass::of_words);
        let reason = at.ends_with(':').then(|| self.rest()).filter(|rest| !rest.is_empty());
        if let Some(class) = known {
            let rcode = (class == ErrorClass::OtherRcode).then(|| words.unwrap_or_default().to_uppercase());
            found.errors.push(self.error(class, level, rcode, true));
        } else if self.gap.boulder || self.problem.is_some() {
            let class = match &reason {
                Some(reason) if reason.to_ascii_lowercase().starts_with("dnssec") => ErrorClass::Dnssec,
                Some(_) => ErrorClass::ExtendedError,
                None if words.as_deref().is_some_and(|words| words.starts_with("rcode")) => ErrorClass::OtherRcode,
                None => ErrorClass::Unspecified,
            };
            found.errors.push(self.error(class, level, reason, self.gap.boulder));
        }
    }

    /// The text after the level, up to where a client's own words go on.
    fn rest(&self) -> String {
        let end = self.captures.get(0).map_or(0, |whole| whole.end());
        let lower = &self.lower[end..floor(self.lower, (end + REACH).min(self.lower.len()))];
        let stop = ["\"", ", url:", ", problem:", ", while processing", " :: ", "; subproblems", "}"]
            .iter()
            .filter_map(|stop| lower.find(stop))
            .min()
            .unwrap_or(lower.len());
        quotable(&self.text[end..end + stop])
    }

    fn error(&self, class: ErrorClass, level: Option<DomainName>, reason: Option<String>, boulder: bool) -> AcmeError {
        let (name, wildcard) = match &self.gap.name {
            // The document around the text knows whether the order was for the wildcard form of the same name.
            Some((name, wildcard)) => {
                (Some(name.clone()), *wildcard || (self.context.wildcard && self.context.name.as_ref() == Some(name)))
            }
            None => (self.context.name.clone(), self.context.wildcard),
        };
        let perspective = match (self.gap.secondary, boulder) {
            (true, _) => Perspective::Secondary,
            (false, true) => Perspective::Primary,
            (false, false) => Perspective::Unknown,
        };
        let end = self.captures.get(0).map_or(0, |whole| whole.end());
        let words = &self.text[self.gap.start..end];
        let text = match &reason {
            Some(reason) if words.ends_with(':') => quotable(&format!("{words} {reason}")),
            Some(_) | None => quotable(words),
        };
        AcmeError {
            class,
            level,
            name,
            wildcard,
            perspective,
            recheck: self.recheck,
            text,
            reason,
            problem: self.problem.clone(),
            boulder,
        }
    }

    fn group(&self, name: &str) -> Option<String> {
        self.captures.name(name).map(|group| group.as_str().to_owned())
    }
}

/// A name as texts carry it: quotes and final punctuation around it, `[.]` for a dot, `*.` before it.
pub(super) fn read_name(token: &str) -> Option<(DomainName, bool)> {
    // A word in brackets stands for a name that was taken out: `<my domain>`, `{domain.tld}`, `$domain`.
    if token.starts_with(['<', '(', '{', '[', '$', '%']) {
        return None;
    }
    let edges: &[char] = &['"', '\'', '`', ')', ']', '}', '>', ',', ';', ':'];
    let token = token.trim_matches(edges).trim_end_matches('.').trim_end_matches(edges).replace("[.]", ".");
    let (name, wildcard) = token.strip_prefix("*.").map_or((token.as_str(), false), |name| (name, true));
    DomainName::parse(name).ok().map(|name| (name, wildcard))
}

/// The last character boundary at or before `at`.
pub(super) fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
