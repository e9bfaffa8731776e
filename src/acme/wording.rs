//! The sentences of an explanation, by class of error and by place of the level.
//!
//! Conclusions rest on how Boulder checks (`va/caa.go`): CAA is asked at all levels at once, the answers are awaited
//! together, and the scan from the name towards the TLD stops at the first failure or the first non-empty set.

use super::detail::AcmeError;
use super::{ErrorClass, Perspective};
use crate::name::{DomainName, is_known_tld, is_public_suffix};

/// One error with its level as it stands in sentences.
pub(super) struct View<'a> {
    error: &'a AcmeError,
    at: &'a str,
}

/// Where the level stands, as far as the text tells.
#[derive(PartialEq)]
enum Place {
    /// A TLD of the public DNS.
    Tld,
    /// One label that is no public TLD: a private name, or a redacted one.
    UnknownLabel,
    /// A public suffix of several labels, `co.uk`.
    Suffix,
    /// The very name the certificate was for.
    Name,
    /// Between the two.
    Between,
    /// A name, but how it relates to the certificate's name is not told.
    Somewhere,
    /// Not told.
    Unknown,
}

/// What stands for a level that is not told.
pub(super) const NO_LEVEL: &str = "the level";

impl<'a> View<'a> {
    pub(super) fn new(error: &'a AcmeError) -> Self {
        Self { error, at: error.level.as_ref().map_or(NO_LEVEL, DomainName::as_str) }
    }

    fn place(&self) -> Place {
        let Some(level) = &self.error.level else { return Place::Unknown };
        match &self.error.name {
            _ if level.depth() == 0 && is_known_tld(level.as_str()) => Place::Tld,
            _ if level.depth() == 0 => Place::UnknownLabel,
            _ if is_public_suffix(level) => Place::Suffix,
            Some(name) if name == level => Place::Name,
            Some(name) if name.is_at_or_below(level) => Place::Between,
            _ => Place::Somewhere,
        }
    }

    pub(super) fn meaning(&self) -> String {
        let at = self.at;
        match self.error.class {
            ErrorClass::NetworkingError => format!(
                "A socket error (refused, reset, unreachable) between the CA's checker and the CA's own resolver while CAA at `{at}` was asked. No name server of the domain is involved in this step, so it says nothing bad about the domain."
            ),
            ErrorClass::ResolverFailure => format!(
                "The CA's checker could not use the answer of the CA's own resolver when it asked for CAA at `{at}`: an HTTP status or a body it could not read. In texts from before July 2024 it also stands for time-outs on that link, which slow name servers can cause."
            ),
            ErrorClass::TimedOut => format!(
                "The CA's resolver gave no answer for CAA at `{at}` within the CA's time, in any of its tries. Dead, silent or slow name servers mostly show as this text and not as SERVFAIL."
            ),
            ErrorClass::Canceled => format!(
                "The CA ended the whole check before an answer for CAA at `{at}` came: the time for all levels together was used up, or the request was withdrawn."
            ),
            ErrorClass::ServFail => format!(
                "The CA's resolver gave up on CAA at `{at}` and did not say why. A DNSSEC failure usually comes with its reason, so faulty servers are likelier: lame, refusing, or answering type 257 wrongly."
            ),
            ErrorClass::Dnssec => format!(
                "The CA's resolver got answers for CAA at `{at}` but DNSSEC validation failed: {}.",
                self.error.reason.as_deref().unwrap_or("no reason given")
            ),
            ErrorClass::ExtendedError => format!(
                "The CA's resolver gave up on CAA at `{at}` and said why: {}.",
                self.error.reason.as_deref().unwrap_or("no reason given")
            ),
            ErrorClass::NxDomain if matches!(self.place(), Place::Tld | Place::UnknownLabel) => {
                format!("The DNS says that the top-level domain `{at}` does not exist.")
            }
            ErrorClass::NxDomain => format!(
                "The CA took NXDOMAIN for CAA at `{at}` as a failure. By RFC 8659 it is none: a name that does not exist has no CAA record, and the climb goes on. Let's Encrypt's staging service did so by mistake for some days in May 2023 (boulder #6915)."
            ),
            ErrorClass::Truncated => format!(
                "The answer for CAA at `{at}` reached the CA cut off: it did not fit a datagram and TCP did not help."
            ),
            ErrorClass::Refused => format!("The CA's resolver passed on REFUSED for CAA at `{at}`."),
            ErrorClass::FormErr => format!("The CA's resolver passed on FORMERR for CAA at `{at}`."),
            ErrorClass::NotImp => format!("The CA's resolver passed on NOTIMP for CAA at `{at}`."),
            ErrorClass::OtherRcode => format!(
                "The CA's resolver passed on the response code {} for CAA at `{at}`.",
                self.error.reason.as_deref().unwrap_or("that the text names")
            ),
            ErrorClass::PolicyDenies if self.error.level.is_some() => format!(
                "A CAA set was found at `{at}`, and it does not allow this certificate: not this CA, or not this validation method or account, or not a wildcard. Nothing is broken; the set says no."
            ),
            ErrorClass::PolicyDenies => {
                "The CA found a CAA set that does not allow it to issue; the text does not say at which level.".into()
            }
            ErrorClass::RecheckFailed => {
                "CAA was checked again when the order was finalised, and failed for the names in the sub-problems, which this text does not hold.".into()
            }
            ErrorClass::CaInternal => {
                "One part of the CA could not reach another while CAA was checked. The domain's DNS has no part in it.".into()
            }
            ErrorClass::Unspecified => {
                "The CA reports trouble with CAA but not what: a lookup that failed, or a set that forbids.".into()
            }
        }
    }

    pub(super) fn proves(&self) -> Vec<String> {
        let at = self.at;
        let mut proves = Vec::new();
        let told = self.error.boulder
            && (self.error.class.is_lookup_failure() || self.error.class == ErrorClass::PolicyDenies);
        match self.place() {
            Place::Tld | Place::UnknownLabel | Place::Suffix if told => {
                let closer = self.closer();
                proves.push(format!(
                    "An error that names `{at}` proves that all levels closer to the name{closer} answered, with no CAA record: Boulder scans from the name towards the TLD and stops at the first failure or set."
                ));
                if self.error.class.is_lookup_failure() {
                    proves.push(format!(
                        "A CAA set at any of those levels would have decided the check, and this failure at `{at}` would not have counted."
                    ));
                }
            }
            Place::Between if told => {
                let closer = self.closer();
                proves.push(format!("All levels closer to the name than `{at}`{closer} answered, with no CAA record."));
                if self.error.class.is_lookup_failure() {
                    proves.push("A CAA set at any of those levels would have decided the check, and this failure would not have counted.".into());
                }
            }
            Place::Name if told && self.error.class.is_lookup_failure() => proves.push("The failure is at the name itself, the first level of the climb: no CAA record towards the TLD can hide it, and nothing is said of the levels there.".into()),
            Place::Somewhere if told => proves.push(format!(
                "If the certificate was for a name below `{at}`, all levels between that name and `{at}` answered, with no CAA record."
            )),
            Place::Tld | Place::UnknownLabel | Place::Suffix | Place::Between | Place::Name | Place::Somewhere | Place::Unknown => {}
        }
        match self.error.class {
            ErrorClass::Dnssec => proves.push("No CA may take a DNSSEC failure at its primary perspective as permission (Baseline Requirements 4.2.2.1, formerly 3.2.2.8.1, since 2026-03-15).".into()),
            ErrorClass::PolicyDenies if self.error.level.is_some() => {
                proves.push(format!("CAA lookups work at every level from the name to `{at}`; what is beyond `{at}` towards the TLD does not matter."));
            }
            _ => {}
        }
        if self.error.perspective == Perspective::Secondary {
            proves.push("The CA's primary perspective had passed the same check; more of its remote perspectives failed than the CA allows, and the text is that of the first of them.".into());
        }
        if self.error.recheck && self.error.boulder {
            proves.push("The validation itself had succeeded earlier; only CAA was looked up again, because the validation was some hours old.".into());
        }
        proves
    }

    /// The levels closer to the name, in words, where the name is known.
    fn closer(&self) -> String {
        let (Some(name), Some(level)) = (&self.error.name, &self.error.level) else { return String::new() };
        if !name.is_at_or_below(level) {
            return String::new();
        }
        let levels: Vec<String> =
            name.ancestors().take_while(|between| between != level).map(|level| format!("`{level}`")).collect();
        match levels.len() {
            0 => String::new(),
            1..=5 => format!(" ({})", levels.join(", ")),
            more => format!(" ({} to {}, {more} levels)", levels[0], levels[more - 1]),
        }
    }

    pub(super) fn does_not_prove(&self) -> Vec<String> {
        let at = self.at;
        let mut not = Vec::new();
        match self.error.class {
            ErrorClass::NetworkingError | ErrorClass::CaInternal => {
                not.push(format!("That anything is wrong with the domain, its DNS provider, or `{at}`: the CA did not get as far as their servers' answers."));
                not.push("That time ran out on the way through the levels: all levels are asked at once, there are no stages.".into());
            }
            ErrorClass::ResolverFailure => {
                not.push(format!("That a name server of `{at}` is at fault: the trouble may lie wholly between the CA and its own resolver."));
            }
            ErrorClass::TimedOut | ErrorClass::Canceled => {
                not.push("That the servers are dead: they may be slow, drop only type 257 or mixed-case or large answers, limit the rate, or be unreachable from the CA's network only.".into());
                not.push("That other levels took too much time: all levels are asked at once.".into());
            }
            ErrorClass::ServFail => {
                not.push("Which server fails, or why: resolvers answer SERVFAIL for lame, refusing and malformed answers alike. The name servers themselves must be asked.".into());
                not.push("That a CAA record is needed: an empty answer would have been fine.".into());
            }
            ErrorClass::Dnssec => {
                not.push("That the name servers are down: resolvers that do not validate see nothing wrong.".into());
                not.push("Which fault it is: the reason names a symptom, and older resolvers call a broken signature or a wrong DS \"DNSKEY Missing\".".into());
            }
            ErrorClass::ExtendedError
            | ErrorClass::Refused
            | ErrorClass::FormErr
            | ErrorClass::NotImp
            | ErrorClass::OtherRcode => {
                not.push(
                    "That every server of the zone answers so; one bad server in the set is enough now and then."
                        .into(),
                );
            }
            ErrorClass::NxDomain if matches!(self.place(), Place::Tld | Place::UnknownLabel) => {}
            ErrorClass::NxDomain => not.push(format!(
                "That `{at}` must exist: names are created and deleted all the time, and CAA does not need them."
            )),
            ErrorClass::Truncated => not.push("That the set forbids anything: it was never read in full.".into()),
            ErrorClass::PolicyDenies => {
                not.push("That DNS is broken, or that the name was misspelt or unvalidated.".into());
                not.push("That the CA's name is missing from the set: `accounturi`, `validationmethods`, `issuewild`, an unknown critical tag or a stray dot or capital in the value deny as well.".into());
            }
            ErrorClass::RecheckFailed | ErrorClass::Unspecified => {
                not.push("That a record forbids, or that a lookup failed: the text does not tell which.".into());
            }
        }
        if self.error.perspective == Perspective::Secondary && !self.error.class.is_ca_side() {
            not.push(match self.error.class {
                ErrorClass::PolicyDenies => {
                    "That every name server gives this set: the primary perspective saw one that permits, or none."
                        .into()
                }
                _ => "That the servers fail everywhere: answers may differ by region, network, anycast site or load."
                    .into(),
            });
        }
        not
    }

    pub(super) fn who(&self) -> String {
        let at = self.at;
        let registry = matches!(self.place(), Place::Tld | Place::Suffix);
        match self.error.class {
            ErrorClass::NetworkingError | ErrorClass::CaInternal => "The CA.".into(),
            ErrorClass::ResolverFailure => {
                "The CA first; for texts from before July 2024 the operator of the name servers as well.".into()
            }
            ErrorClass::PolicyDenies if self.error.level.is_some() => {
                format!("The owner of the zone that holds `{at}`, or of the target if `{at}` is an alias.")
            }
            ErrorClass::PolicyDenies => "The owner of the domain's DNS zone.".into(),
            ErrorClass::NxDomain if self.place() == Place::UnknownLabel => {
                "Whoever chose the name: public CAs issue under public top-level domains only.".into()
            }
            ErrorClass::NxDomain if !registry => "The CA.".into(),
            ErrorClass::RecheckFailed | ErrorClass::Unspecified => {
                "Whoever runs the ACME client: get the full problem document first.".into()
            }
            ErrorClass::Dnssec if !registry => {
                format!("Whoever signs the zone of `{at}`; the registrar or parent zone if its DS record is wrong.")
            }
            _ if registry => format!("The registry of `{at}`, or the CA for its resolver. Not the domain's owner."),
            _ => {
                format!("The operator of the name servers of the zone that holds `{at}`, and of firewalls before them.")
            }
        }
    }

    pub(super) fn try_next(&self) -> Vec<String> {
        let at = self.at;
        let mut next = Vec::new();
        let look = |next: &mut Vec<String>| {
            if self.error.level.is_some() {
                next.push(format!("Ask the servers themselves: `ctclimb caa {at} --deep`."));
            } else {
                next.push(
                    "Ask the servers themselves: `ctclimb caa NAME --deep` for the name of the certificate.".into(),
                );
            }
        };
        let registry = matches!(self.place(), Place::Tld | Place::Suffix);
        match self.error.class {
            ErrorClass::NetworkingError | ErrorClass::ResolverFailure | ErrorClass::CaInternal => {
                next.push("Retry later with a new order; spread retries out.".into());
                next.push(
                    "If it lasts, tell the CA: times, number of errors, this text. Look at its status page first."
                        .into(),
                );
            }
            ErrorClass::TimedOut | ErrorClass::Canceled | ErrorClass::ServFail | ErrorClass::ExtendedError
                if registry =>
            {
                next.push("Retry later: failures at a registry's servers are mostly short.".into());
                look(&mut next);
            }
            ErrorClass::TimedOut | ErrorClass::Canceled => {
                look(&mut next);
                next.push("Let type 257 and unknown types, UDP and TCP port 53, and mixed-case names pass every firewall, at every server, from everywhere.".into());
            }
            ErrorClass::ServFail
            | ErrorClass::ExtendedError
            | ErrorClass::Refused
            | ErrorClass::FormErr
            | ErrorClass::NotImp
            | ErrorClass::OtherRcode => {
                look(&mut next);
                next.push(
                    "The right answer where there is no CAA record is NOERROR, no records, the zone's SOA.".into(),
                );
            }
            ErrorClass::Dnssec => {
                look(&mut next);
                next.push("Sign the zone again, or repair or remove the DS record at the parent.".into());
            }
            ErrorClass::NxDomain if matches!(self.place(), Place::Tld | Place::UnknownLabel) => {
                next.push(format!(
                    "Check the spelling of `{at}`; names under a private top-level domain need a private CA."
                ));
            }
            ErrorClass::NxDomain => {
                next.push("Retry; if it lasts, tell the CA, with RFC 8659 section 3 and RFC 2308 section 2.1.".into());
            }
            ErrorClass::Truncated => {
                look(&mut next);
                next.push("Open TCP port 53 at every server; publish fewer CAA records.".into());
            }
            ErrorClass::PolicyDenies => {
                if self.error.level.is_some() {
                    next.push(format!(
                        "Read the set: `dig {at} CAA`. Add an `issue` record for this CA{}, or remove what denies.",
                        if self.error.wildcard { " (and `issuewild` if the set has any)" } else { "" }
                    ));
                } else {
                    next.push("Read the sets at every level: `ctclimb caa NAME`. Add an `issue` record for this CA, or remove what denies.".into());
                }
                next.push("Then wait out the record's TTL and order again.".into());
            }
            ErrorClass::RecheckFailed | ErrorClass::Unspecified => {
                next.push("Read the whole problem document with its `subproblems`; explain that.".into());
                next.push("Check all levels: `ctclimb caa NAME`.".into());
            }
        }
        let hidden =
            self.error.class.is_lookup_failure() && matches!(self.place(), Place::Tld | Place::Suffix | Place::Between);
        if hidden && self.error.boulder {
            next.push(format!(
                "A CAA set at a level closer to the name than `{at}` keeps such failures from counting. It does not make the check faster, and it denies every CA it does not list."
            ));
        }
        if self.error.perspective == Perspective::Secondary && !self.error.class.is_ca_side() {
            next.push("Look for rate limits, blocked regions and differing anycast sites at the name servers.".into());
        }
        next
    }
}
