//! Who must act and what to do, in words a customer can send to a DNS provider.

use super::Code;
use crate::name::{DomainName, is_public_suffix};

/// Who can remove a cause found in `zone`.
pub(super) fn who(code: Code, zone: &str, parent: &str) -> String {
    let operator = if zone == "." {
        "the operators of the root servers".to_owned()
    } else if DomainName::parse(zone).is_ok_and(|name| is_public_suffix(&name)) {
        format!("the registry of {zone}")
    } else {
        format!("the operator of the name servers of {zone}")
    };
    match code {
        Code::DnssecNoDnskey | Code::DnssecDsMismatch => {
            format!("the owner of {zone}, at the registrar that keeps the DS record in {parent}; {operator}")
        }
        Code::LameDelegation => {
            format!("{operator}; the owner of {zone}, if the delegation in {parent} is out of date")
        }
        Code::CnameAtApex | Code::AliasLoop => format!("the owner of {zone}; {operator}"),
        _ => operator,
    }
}

/// Who must act on a cause and what to do, as a report words it for `www.example.net` and one server of its zone.
#[must_use]
pub fn example(code: Code) -> (String, String) {
    let servers = ["ns1.example.net (192.0.2.1)".to_owned()];
    (who(code, "example.net", "net"), fix(code, "example.net", "www.example.net", &servers))
}

/// What to do about a cause at `level`, shown by `servers`.
#[allow(clippy::too_many_lines, reason = "one text a code, in one place")]
pub(super) fn fix(code: Code, zone: &str, level: &str, servers: &[String]) -> String {
    let servers = match servers {
        [] => format!("The name servers of {zone}"),
        [one] => format!("The name server {one} of {zone}"),
        [some @ .., last] => format!("The name servers {} and {last} of {zone}", some.join(", ")),
    };
    let many = servers.starts_with("The name servers");
    let (do_not, must) = if many { ("do not", "they must") } else { ("does not", "it must") };
    let said = match code {
        Code::ServerUnreachable => format!(
            "{servers} {do_not} answer for {level}. Make at least two servers reachable on port 53 over UDP and TCP from everywhere, or change the delegation."
        ),
        Code::ServerPartlyUnreachable => format!(
            "{servers} {do_not} answer, others of the zone do. Repair them, or take them out of the delegation and the zone."
        ),
        Code::LameDelegation => format!(
            "{servers} {do_not} serve the zone although the delegation names them. Load the zone there, or correct the NS records at the parent."
        ),
        Code::ServerFailure => format!(
            "{servers} answer every question for {level} with an error. Look into the log there: mostly the zone does not load or a transfer has expired."
        ),
        Code::CaaDropped => format!(
            "{servers} leave CAA (type 257) questions for {level} without any answer while other types are answered. Let unknown types pass the firewall or load balancer in front; {must} answer NOERROR with the SOA record where there is no CAA record."
        ),
        Code::CaaRejected => format!(
            "{servers} answer CAA (type 257) questions for {level} with an error while other types are answered. Upgrade the software; {must} answer NOERROR with the SOA record where there is no CAA record (RFC 3597, RFC 8659)."
        ),
        Code::CaaNxdomain => format!(
            "{servers} deny that {level} exists when asked for CAA (type 257), although other types exist. {must} answer NOERROR with the SOA record, or the CAA record. Until then a CA sees no CAA policy here."
        ),
        Code::EdnsRejected => format!(
            "{servers} answer questions with an EDNS record with an error. Upgrade the software or the firewall in front: EDNS has been expected of every server since 2019 (RFC 6891)."
        ),
        Code::EdnsDropped => format!(
            "{servers} leave questions with an EDNS record unanswered. Let them pass the firewall in front; answers up to 1232 octets must get through (RFC 6891)."
        ),
        Code::EdnsBadvers => format!(
            "{servers} answer EDNS version 0 with BADVERS, as if it were unknown. Upgrade the software. Until then a CA may see no CAA policy here."
        ),
        Code::TcpUnavailable => format!(
            "{servers} send a truncated answer for {level} and {do_not} deliver it over TCP. Open TCP port 53 (RFC 7766), or publish fewer records."
        ),
        Code::MalformedAnswer => format!(
            "{servers} send replies that are damaged or belong to another question. Look at the software and at devices on the way that rewrite DNS."
        ),
        Code::CaseNotPreserved => {
            format!("{servers} change the case of the question in the reply. {must} copy the question octet for octet.")
        }
        Code::CaseSensitive => format!(
            "{servers} answer a question with capital letters differently from the same one in lower case. Names must be compared without case (RFC 4343). Until then a CA may see no CAA policy here."
        ),
        Code::CaseDropped => format!(
            "{servers} leave questions with capital letters unanswered. Let them pass: resolvers mix the case on purpose."
        ),
        Code::NegativeWithoutSoa => format!(
            "{servers} answer without the SOA record when there is no CAA record at {level}. {must} put the SOA record of {zone} into the authority section (RFC 2308). A CAA record at {level} works around it: a positive answer needs no SOA."
        ),
        Code::NsInsteadOfSoa => format!(
            "{servers} put NS records where the SOA record of {zone} belongs when there is no CAA record at {level} (RFC 2308). A CAA record at {level} works around it."
        ),
        Code::ForeignSoa => format!(
            "{servers} give the SOA record of another zone when there is no CAA record at {level}. {must} give the SOA record of {zone}, the zone that was delegated (RFC 2308). A CAA record at {level} works around it."
        ),
        Code::NotAuthoritative => format!(
            "{servers} answer for {level} without the AA flag. Only servers that hold the zone belong in the NS records, no resolver and no cache."
        ),
        Code::EmptyNonTerminalNxdomain => format!(
            "{servers} deny that {level} exists although names do. The answer must be NOERROR with the SOA record (RFC 8020)."
        ),
        Code::InconsistentServers => format!(
            "{servers} disagree about {level}. Bring all servers of the zone to the same content; look at zone transfers and serial numbers."
        ),
        Code::DnssecExpired => {
            "Sign the zone again now, set the clock right, and let signing run by itself.".to_owned()
        }
        Code::DnssecNoDnskey => format!(
            "The parent has a DS record for {zone}, and the zone has no DNSKEY. Remove the DS record at the registrar, or sign the zone with the key the DS record is for."
        ),
        Code::DnssecDsMismatch => format!(
            "The DS record of {zone} at the parent is for another key. Replace it at the registrar by one for the zone's present key, or remove it."
        ),
        Code::DnssecBadSignature => format!(
            "{servers} give signatures that are missing or do not verify for {zone}. Sign the zone again, and look at devices on the way that change records."
        ),
        Code::DnssecBadDenial => format!(
            "{servers} {do_not} prove the absence of CAA with correct NSEC or NSEC3 records. Upgrade the software that signs or serves {zone}, and sign again."
        ),
        Code::SlowServer => format!(
            "{servers} answer late for {level}. Use servers nearer to the world (anycast), and look at the load."
        ),
        Code::LossyServer => format!("{servers} lose questions. Look at the load, the line and the firewall."),
        Code::RateLimited => format!(
            "{servers} answer a few questions and then no more in the same second. Raise the limit: a CA asks all levels at once and from several places."
        ),
        Code::AliasLoop => format!(
            "The CNAME records at {level} lead back to themselves or are too many. Point {level} to a name that has data."
        ),
        Code::AliasTargetBroken => format!(
            "{level} is an alias for a name that cannot be looked up. Repair the target, or point the alias elsewhere."
        ),
        Code::CnameAtApex => format!(
            "A CNAME at {level} stands beside other data, which is not allowed (RFC 1034). Replace it by A and AAAA records, or by the provider's ALIAS feature."
        ),
        Code::PolicyDenies | Code::CriticalUnknownTag | Code::MalformedCaa => {
            format!("Edit the CAA records at {level}.")
        }
        Code::CaResolverLink => "Try again later.".to_owned(),
    };
    let said = if many { said } else { singular(&said, &servers) };
    // Sentences begin with a capital after the fixed words above.
    said.replace(". they must", ". They must").replace(". it must", ". It must")
}

/// The sentence with the verb that follows one server in the singular.
fn singular(said: &str, server: &str) -> String {
    let Some(rest) = said.strip_prefix(server).and_then(|rest| rest.strip_prefix(' ')) else { return said.to_owned() };
    let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let verb = match verb {
        "deny" => "denies".to_owned(),
        "answer" | "leave" | "send" | "change" | "put" | "give" | "disagree" | "lose" => format!("{verb}s"),
        other => other.to_owned(),
    };
    format!("{server} {verb} {}", rest.replacen("names them.", "names it.", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_loses_and_two_lose() {
        let text = |servers: &[&str]| {
            let servers: Vec<String> = servers.iter().map(|server| (*server).to_owned()).collect();
            fix(Code::LossyServer, "example.net", "www.example.net", &servers)
        };
        assert!(text(&["a"]).starts_with("The name server a of example.net loses questions."));
        assert!(text(&["a", "b"]).starts_with("The name servers a and b of example.net lose questions."));
        let lame = fix(Code::LameDelegation, "example.net", "www.example.net", &["a".to_owned()]);
        assert!(lame.contains("does not serve the zone although the delegation names it."), "{lame}");
    }
}
