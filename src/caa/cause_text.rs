//! Who must act and what to do, in words a customer can send to a DNS provider.

mod signed;
mod way;

use super::Code;
use super::cause_server::Flavour;
use super::evidence_name::parent;
use crate::name::{DomainName, is_public_suffix};

/// A fault that is to be put into words.
#[derive(Clone, Copy)]
pub(super) struct Blame<'a> {
    pub(super) code: Code,
    pub(super) flavour: Flavour,
    /// The zone whose servers show it.
    pub(super) zone: &'a str,
    /// The name that was asked for.
    pub(super) level: &'a str,
    /// The servers that show it, as people read them.
    pub(super) servers: &'a [String],
    /// Other servers of the zone answer, and do not show it.
    pub(super) partial: bool,
}

/// Who can remove a cause.
pub(super) fn who(blame: &Blame) -> String {
    let (zone, operator) = (blame.zone, operator(blame.zone));
    let above = parent(zone).unwrap_or(".");
    match (blame.code, blame.flavour) {
        (_, Flavour::ParentDs) => operator,
        (Code::DnssecNoDnskey | Code::DnssecDsMismatch, Flavour::Plain) if !blame.partial => {
            format!("{}; {operator}", keeper(zone, above, "the DS record"))
        }
        (_, Flavour::StaleGlue | Flavour::NoGlue) => keeper(zone, above, "the delegation"),
        (Code::LameDelegation, _) if above == "." => {
            format!("{operator}, with IANA where the delegation in the root zone is out of date")
        }
        (_, Flavour::KeysUnsigned) => format!("{operator}; {}", keeper(zone, above, "the DS record")),
        (_, Flavour::TooLong) => format!("the owner of {zone}"),
        (Code::LameDelegation, _) => {
            format!("{operator}; {}, if the delegation is out of date", keeper(zone, above, "the delegation"))
        }
        (_, Flavour::NoAddress | Flavour::AliasHost)
        | (Code::CnameAtApex | Code::AliasLoop | Code::MalformedCaa, _) => {
            format!("the owner of {zone}; {operator}")
        }
        _ => operator,
    }
}

fn is_suffix(name: &str) -> bool {
    DomainName::parse(name).is_ok_and(|name| is_public_suffix(&name))
}

fn operator(zone: &str) -> String {
    if zone == "." {
        "the operators of the root servers".to_owned()
    } else if is_suffix(zone) {
        format!("the registry of {zone}")
    } else {
        format!("the operator of the name servers of {zone}")
    }
}

/// Who can change what the parent says of a zone.
fn keeper(zone: &str, parent: &str, what: &str) -> String {
    if parent == "." {
        format!("the registry of {zone}, at IANA, which keeps {what} in the root zone")
    } else if is_suffix(parent) {
        format!("the owner of {zone}, at the registrar that keeps {what} in {parent}")
    } else {
        format!("whoever keeps the zone {parent} and {what} of {zone} in it")
    }
}

/// Who must act on a cause and what to do, as a report words it for `www.example.net` and one server of its zone.
#[must_use]
pub fn example(code: Code) -> (String, String) {
    let blame = Blame {
        code,
        flavour: Flavour::Plain,
        zone: "example.net",
        level: "www.example.net",
        servers: &["ns1.example.net (192.0.2.1)".to_owned()],
        partial: false,
    };
    (who(&blame), fix(&blame))
}

/// What to do about a cause.
pub(super) fn fix(blame: &Blame) -> String {
    let Blame { zone, servers, .. } = *blame;
    let (subject, many) = match servers {
        [] => (format!("The name servers of {zone}"), true),
        [one] => (format!("The name server {one} of {zone}"), false),
        [some @ .., last] => (format!("The name servers {} and {last} of {zone}", some.join(", ")), true),
    };
    let words = Words { subject, many, blame: *blame };
    words.special().unwrap_or_else(|| words.of_code())
}

/// The parts that sentences are made of.
struct Words<'a> {
    subject: String,
    many: bool,
    blame: Blame<'a>,
}

impl Words<'_> {
    /// `The name servers a (192.0.2.1) and b (192.0.2.2) of example.net` with a verb that agrees: `do("answer", "answers")`.
    fn they(&self, many: &str, one: &str) -> String {
        format!("{} {}", self.subject, if self.many { many } else { one })
    }

    fn they_do_not(&self, verb: &str) -> String {
        self.they(&format!("do not {verb}"), &format!("does not {verb}"))
    }

    fn must(&self) -> &'static str {
        if self.many { "They must" } else { "It must" }
    }

    /// A set at the level needs no negative answer there; where nobody can publish one, nothing is said.
    fn workaround(&self) -> String {
        let level = self.blame.level;
        if is_suffix(level) {
            return String::new();
        }
        format!(" A CAA record at {level} works around it: an answer with records needs no SOA.")
    }

    fn parent(&self) -> &str {
        parent(self.blame.zone).filter(|parent| *parent != ".").unwrap_or("the root zone")
    }

    /// Where the variety of the fault asks for other words than its code.
    fn special(&self) -> Option<String> {
        let Blame { zone, level, code, .. } = self.blame;
        let parent = self.parent();
        Some(match (code, self.blame.flavour) {
            (Code::ServerUnreachable | Code::ServerPartlyUnreachable, flavour) => return self.silence(flavour),
            (_, Flavour::Below) => self.no_referral(),
            (_, Flavour::Size) => format!(
                "Answers over 512 octets of {} do not arrive, smaller ones do. Let UDP answers of up to 1232 octets pass, and IP fragments if larger ones are sent; or set the largest UDP answer of the server to 512 octets, so that larger ones are truncated and fetched over TCP.",
                lower_first(&self.subject)
            ),
            (Code::EdnsDropped, Flavour::Keys) => format!(
                "{} the DNSKEY records of {zone} over TCP, and the same answer does not arrive over UDP. Let UDP answers of up to 1232 octets pass the firewall in front; fewer or shorter keys help too.",
                self.they("give", "gives")
            ),
            (Code::TcpUnavailable, Flavour::Keys) => format!(
                "{} a truncated answer for the DNSKEY records of {zone} and {} deliver it over TCP, so validating resolvers get no keys. Open TCP port 53 (RFC 7766), or publish fewer or shorter keys.",
                self.they("send", "sends"),
                if self.many { "do not" } else { "does not" }
            ),
            (Code::TcpUnavailable, Flavour::TcpError) => format!(
                "{} a truncated answer about CAA at {level}, and over TCP {} with an error. {} answer over TCP as over UDP (RFC 7766): look at access lists and at what stands in front.",
                self.they("send", "sends"),
                if self.many { "answer" } else { "answers" },
                self.must()
            ),
            (Code::MalformedAnswer, Flavour::SoaData) => format!(
                "{} negative answers about CAA at {level} with an SOA record that cannot be read: some resolvers, as BIND, fail, others pass the damage on to the CA. Look at the software and at devices on the way that rewrite DNS.",
                self.they("give", "gives")
            ),
            (Code::CnameAtApex, Flavour::TwoAliases) => format!(
                "{} two aliases for one name, and a name may have one (RFC 2181 section 10.1): some resolvers follow the first, others, as BIND, fail. Leave one CNAME record.",
                self.they("give", "gives")
            ),
            (Code::AliasTargetBroken, Flavour::TooLong) => format!(
                "A DNAME record above {level} makes a name of over 255 octets of it, which cannot exist (RFC 6672 section 2.2), so there is no answer about CAA. Point the DNAME record to a shorter name, or ask for certificates for shorter names."
            ),
            (_, Flavour::Unproven) => {
                let said = self.of_code();
                let until = said.find(" Until then").unwrap_or(said.len());
                format!(
                    "{} {zone} is signed, and the wrong answer has no proof: validating resolvers refuse it, and the lookup fails.",
                    &said[..until]
                )
            }
            (_, Flavour::Checking) => self.without_cd(),
            (_, Flavour::TwoOpt) => format!(
                "{} replies with more than one OPT record, and a message may have one (RFC 6891 section 6.1.1). Upgrade the software or the device that adds the second: some resolvers take the first, others refuse the reply.",
                self.they("send", "sends")
            ),
            (_, Flavour::NoTag) => format!(
                "A CAA record at {level} has a tag of no characters, and a tag has one at least (RFC 8659 section 4.1): some resolvers refuse the whole answer, others pass it on. Publish it again in the form `0 issue \"ca.example\"`."
            ),
            (Code::ForeignSoa, Flavour::OtherZone) => format!(
                "{} for a zone above and {} know {zone}, although the delegation names {}. Load {zone} there, or correct the delegation in {parent}. Until then a CA sees no CAA policy here.",
                self.they("answer", "answers"),
                if self.many { "do not" } else { "does not" },
                if self.many { "them" } else { "it" }
            ),
            (Code::ServerFailure, Flavour::ThisName) => format!(
                "{} {zone}, and {} every question about {level} with an error. Look into the log there: each name must be answered, with NXDOMAIN if it does not exist.",
                self.they("serve", "serves"),
                if self.many { "answer" } else { "answers" }
            ),
            (Code::InconsistentServers, Flavour::NotServed) => format!(
                "{} {zone}, other name servers of the zone do. Load the zone there, or take these servers out of the NS records of {zone} and of its delegation in {parent}.",
                self.they_do_not("serve")
            ),
            (Code::InconsistentServers, Flavour::OtherKeys) => format!(
                "{} with keys that other servers of {zone} do not publish. Every server must publish every key (RFC 8901); else resolvers that take the keys from one and the answer from another fail.",
                self.they("sign", "signs")
            ),
            (Code::NegativeWithoutSoa, Flavour::AfterAlias) => format!(
                "{} the alias at {level} to a name without CAA and {} out the SOA record of that name's zone. {} put it into the authority section (RFC 2308 section 2).",
                self.they("follow", "follows"),
                if self.many { "leave" } else { "leaves" },
                self.must()
            ),
            _ => return self.of_dnssec(),
        })
    }

    #[allow(clippy::too_many_lines, reason = "one text a code, in one place")]
    fn of_code(&self) -> String {
        let Blame { zone, level, .. } = self.blame;
        let (must, parent) = (self.must(), self.parent());
        match self.blame.code {
            Code::ServerUnreachable => format!(
                "{}. Make at least two servers of {zone} reachable on port 53 over UDP and TCP from everywhere, or change the delegation.",
                self.they_do_not("answer")
            ),
            Code::ServerPartlyUnreachable => format!(
                "{}, other servers of the zone do. Repair what does not answer, or take it out of the NS records of {zone} and of its delegation.",
                self.they_do_not("answer")
            ),
            Code::LameDelegation => format!(
                "{} {zone} although the delegation names {}. Load the zone there, or correct the NS records in {parent}.",
                self.they_do_not("serve"),
                if self.many { "them" } else { "it" }
            ),
            Code::ServerFailure => format!(
                "{} every question about {level} with an error. Look into the log there: mostly the zone does not load, or it has expired because it cannot be transferred.",
                self.they("answer", "answers")
            ),
            Code::CaaDropped => format!(
                "{} CAA (type 257) questions for {level} without any answer while other types are answered. Let every type pass the firewall or load balancer in front. {must} answer NOERROR with the SOA record where there is no CAA record (RFC 8906 section 3.1.2).",
                self.they("leave", "leaves")
            ),
            Code::CaaRejected => format!(
                "{} CAA (type 257) questions for {level} with an error while other types are answered. Upgrade the software or the device in front. {must} answer NOERROR with the SOA record where there is no CAA record (RFC 8906 section 3.1.2).",
                self.they("answer", "answers")
            ),
            Code::CaaNxdomain => format!(
                "{} that {level} exists when asked for CAA (type 257), although other types exist there. {must} answer NOERROR with the SOA record, or the CAA record. Until then a CA sees no CAA policy here.",
                self.they("deny", "denies")
            ),
            Code::EdnsRejected => format!(
                "{} questions with an EDNS record and the DO bit, as validating resolvers ask them, with an error, and the same without them properly. Upgrade the software or the firewall in front. Some resolvers ask again without EDNS, others give up; DNSSEC does not work without it.",
                self.they("answer", "answers")
            ),
            Code::EdnsDropped => format!(
                "{} questions with an EDNS record and the DO bit, as validating resolvers ask them, without any answer. Let them pass the firewall in front: resolvers no longer try without EDNS when nothing comes back.",
                self.they("leave", "leaves")
            ),
            Code::EdnsBadvers => format!(
                "{} EDNS version 0, the only one there is, with BADVERS. Upgrade the software. Until then some resolvers fail, and others take the reply for an empty answer and see no CAA policy here.",
                self.they("answer", "answers")
            ),
            Code::TcpUnavailable => format!(
                "{} a truncated answer about CAA at {level} and {} deliver it over TCP. Open TCP port 53 (RFC 7766), or publish fewer records.",
                self.they("send", "sends"),
                if self.many { "do not" } else { "does not" }
            ),
            Code::MalformedAnswer => format!(
                "{} replies about CAA at {level} that are damaged or belong to another question. Look at the software and at devices on the way that rewrite DNS.",
                self.they("send", "sends")
            ),
            Code::CaseNotPreserved => format!(
                "{} the case of the question in the reply. {must} copy the question octet for octet: resolvers that mix the case against forgeries take another spelling for one.",
                self.they("change", "changes")
            ),
            Code::CaseSensitive => format!(
                "{} a question with capital letters differently from the same one in lower case. Names must be compared without case (RFC 4343). Until then a CA may see no CAA policy here.",
                self.they("answer", "answers")
            ),
            Code::CaseDropped => format!(
                "{} questions with capital letters without any answer. Let them pass: resolvers mix the case on purpose.",
                self.they("leave", "leaves")
            ),
            Code::NegativeWithoutSoa => format!(
                "{} without the SOA record when there is no CAA record at {level}. {must} put the SOA record of {zone} into the authority section of negative answers (RFC 2308 section 3).{}",
                self.they("answer", "answers"),
                self.workaround()
            ),
            Code::NsInsteadOfSoa => format!(
                "{} NS records where the SOA record of {zone} belongs when there is no CAA record at {level} (RFC 2308 section 2.2).{}",
                self.they("put", "puts"),
                self.workaround()
            ),
            Code::ForeignSoa => format!(
                "{} the SOA record of another zone when there is no CAA record at {level}. {must} give the SOA record of {zone}, the zone that was delegated (RFC 2308 section 3).{}",
                self.they("give", "gives"),
                self.workaround()
            ),
            Code::NotAuthoritative => format!(
                "{} about {level} without the AA flag. A server in the NS records must hold the zone and mark every answer from it, the negative ones too; a resolver or cache has no place there.",
                self.they("answer", "answers")
            ),
            Code::EmptyNonTerminalNxdomain => format!(
                "{} that {level} exists. If names exist below it, the answer must be NOERROR with the SOA record (RFC 8020).",
                self.they("deny", "denies")
            ),
            Code::InconsistentServers => format!(
                "{} about CAA at {level}. Bring all servers of {zone} to the same content; look at zone transfers and serial numbers.",
                self.they("disagree", "disagrees with others")
            ),
            Code::DnssecExpired => format!(
                "{} signatures of {zone} that have expired. Sign the zone again, and let that happen by itself; at a secondary server look at the zone transfer.",
                self.they("give", "gives")
            ),
            Code::DnssecNoDnskey => format!(
                "The parent has a DS record for {zone}, and the zone has no DNSKEY. Remove the DS record from {parent}, or sign the zone with the key that the DS record is for."
            ),
            Code::DnssecDsMismatch => format!(
                "The DS record of {zone} in {parent} fits no key of the zone. Replace it by one for the zone's present key, or remove it."
            ),
            Code::DnssecBadSignature => format!(
                "{} signatures of {zone} that are missing or do not verify. Sign the zone again, and look at devices on the way that change records.",
                self.they("give", "gives")
            ),
            Code::DnssecBadDenial => format!(
                "{} by NSEC or NSEC3 records what the answer about {level} says: they are missing or do not fit it. Upgrade the software that signs or serves {zone}, and sign again.",
                self.they_do_not("prove")
            ),
            Code::SlowServer => format!(
                "{} late about {level}. Look at the load and at what stands in front; against distance, servers nearer to the world help (anycast).",
                self.they("answer", "answers")
            ),
            Code::LossyServer => format!(
                "{} a part of the questions unanswered. Look at the load, the line and the firewall.",
                self.they("leave", "leaves")
            ),
            Code::RateLimited => format!(
                "{} a few questions and then no more in the same second. Raise the limit: a CA asks all levels at once and from several places.",
                self.they("answer", "answers")
            ),
            Code::AliasLoop => format!(
                "The aliases that begin at {level} lead back to themselves or are too many for resolvers. Point {level} to a name that has data, by few links."
            ),
            Code::AliasTargetBroken => format!(
                "{level} is an alias for a name that cannot be looked up. Repair the target, or point the alias elsewhere."
            ),
            Code::CnameAtApex => format!(
                "A CNAME at {level} stands beside other data, which is not allowed (RFC 1034 section 3.6.2). Replace it by A and AAAA records, or by the provider's ALIAS feature."
            ),
            Code::MalformedCaa => format!(
                "CAA records at {level} have data that no CA can read, so that its lookup fails. Publish them again in the form `0 issue \"ca.example\"`."
            ),
            Code::PolicyDenies | Code::CriticalUnknownTag => {
                format!("Edit the CAA records at {level}.")
            }
            Code::CaResolverLink => "Try again later.".to_owned(),
        }
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().to_string() + letters.as_str())
}
