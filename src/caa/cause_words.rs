//! What each [`Code`] is called and what it means for a certificate request, in words for people.

use super::Code;

impl Code {
    /// A headline of a few words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Code::ServerUnreachable => "no name server answers",
            Code::ServerPartlyUnreachable => "some name servers do not answer",
            Code::LameDelegation => "the name servers do not serve the zone",
            Code::ServerFailure => "the name server fails for every type",
            Code::CaaDropped => "CAA queries are dropped",
            Code::CaaRejected => "CAA queries are answered with an error",
            Code::CaaNxdomain => "CAA queries are told that the name does not exist",
            Code::EdnsRejected => "queries with EDNS are answered with an error",
            Code::EdnsDropped => "queries with EDNS, or the answers they make room for, are lost",
            Code::EdnsBadvers => "queries with EDNS get BADVERS",
            Code::TcpUnavailable => "the answer needs TCP, and TCP does not work",
            Code::MalformedAnswer => "replies are damaged or belong to another question",
            Code::CaseNotPreserved => "the question does not come back as it was sent",
            Code::CaseSensitive => "capital letters change the answer",
            Code::CaseDropped => "questions with capital letters are dropped",
            Code::NegativeWithoutSoa => "empty answers lack the SOA record",
            Code::NsInsteadOfSoa => "empty answers carry NS records instead of the SOA record",
            Code::ForeignSoa => "empty answers carry the SOA record of another zone",
            Code::NotAuthoritative => "answers are not marked as authoritative",
            Code::EmptyNonTerminalNxdomain => "a name with names below it is said not to exist",
            Code::InconsistentServers => "the name servers of the zone answer differently",
            Code::DnssecExpired => "DNSSEC signatures are out of date",
            Code::DnssecNoDnskey => "DNSSEC is announced at the parent, but the zone has no keys",
            Code::DnssecDsMismatch => "DNSSEC is announced at the parent with another key",
            Code::DnssecBadSignature => "DNSSEC signatures are missing or wrong",
            Code::DnssecBadDenial => "DNSSEC does not prove that the record is absent",
            Code::SlowServer => "the name server answers too late",
            Code::LossyServer => "the name server loses queries",
            Code::RateLimited => "the name server stops answering after a few queries",
            Code::AliasLoop => "the alias leads back to itself",
            Code::AliasTargetBroken => "the name the alias points to cannot be looked up",
            Code::CnameAtApex => "a CNAME stands beside other records",
            Code::PolicyDenies => "the CAA records forbid this CA",
            Code::CriticalUnknownTag => "a CAA record with an unknown property is marked critical",
            Code::MalformedCaa => "a CAA record cannot be understood",
            Code::CaResolverLink => "the CA could not reach its own resolver",
        }
    }

    /// What the code means for a certificate request, in a few sentences.
    #[must_use]
    #[allow(clippy::too_many_lines, reason = "one text a code, in one place")]
    pub fn explanation(self) -> &'static str {
        match self {
            Code::ServerUnreachable => {
                "No address of the zone's name servers gives an answer about the name over UDP, mostly because none answers anything. \
                 A CA's resolver waits in vain and the CA reports a time-out, or SERVFAIL: nothing at or below the name gets a \
                 certificate, unless a CAA record closer to the names ends the climb before."
            }
            Code::ServerPartlyUnreachable => {
                "Some addresses of the zone's name servers answer nothing, or some of the hosts have no address. Resolvers find the \
                 others, but late; a CA with a budget of seconds may fail now and then."
            }
            Code::LameDelegation => {
                "The delegation names servers that refuse the zone or send the asker elsewhere: the zone is not loaded there. \
                 Resolvers answer SERVFAIL, but for some that take a referral to the same zone for an empty answer."
            }
            Code::ServerFailure => {
                "The name server answers every type with an error, mostly SERVFAIL: it knows of the zone but cannot serve it, because a \
                 zone file does not load or a copy has expired; or it fails at this name only."
            }
            Code::CaaDropped => {
                "Other types are answered, CAA (type 257) is met with silence, mostly by a firewall or load balancer that lets only \
                 known types pass. A CA must see an answer, even an empty one (RFC 8659 §3; RFC 8906 §3.1.2)."
            }
            Code::CaaRejected => {
                "Other types are answered, CAA (type 257) gets an error code. Software that does not know a type must answer as if it \
                 knew it and had no data (RFC 8906 §3.1.2); an error makes the CA's lookup fail."
            }
            Code::CaaNxdomain => {
                "CAA (type 257) gets NXDOMAIN although other types exist at the name. The CA takes it for \"no CAA here\": nothing fails, \
                 but a published policy would not be seen."
            }
            Code::EdnsRejected => {
                "Questions with an EDNS record get an error code, without it they are answered. FORMERR is what a server without EDNS \
                 says (RFC 6891 §7): some resolvers then ask again without it, others fail, as all do after other codes; and DNSSEC \
                 cannot work."
            }
            Code::EdnsDropped => {
                "Questions with an EDNS record are met with silence, without it they are answered; or the answers it makes room for, \
                 over 512 octets, are lost on the way. Resolvers stopped working around this in 2019; the CA's lookup times out."
            }
            Code::EdnsBadvers => {
                "EDNS version 0 is answered with BADVERS. Some resolvers read the reply as an empty answer, others fail: a published policy \
                 may not be seen."
            }
            Code::TcpUnavailable => {
                "The answer is marked as truncated, and the same question over TCP fails or gets an error. Resolvers have no other \
                 way to the records; the lookup fails (RFC 7766 §5 requires TCP)."
            }
            Code::MalformedAnswer => {
                "Replies are cut short, carry another id, answer another question or break the form of DNS otherwise. Most resolvers \
                 throw them away as forgeries, so the lookup fails or times out."
            }
            Code::CaseNotPreserved => {
                "The question comes back in another case than it was sent. Resolvers that mix the case against forgeries (0x20) must ask \
                 again several times, and fail if the answers then vary."
            }
            Code::CaseSensitive => {
                "A question with capital letters gets another answer than the same one in lower case. DNS names are compared without case \
                 (RFC 4343); a resolver that mixes the case, as Let's Encrypt's does, may not see a published policy."
            }
            Code::CaseDropped => {
                "Questions with capital letters are met with silence. A resolver that mixes the case, as Let's Encrypt's does, runs into a \
                 time-out."
            }
            Code::NegativeWithoutSoa => {
                "The answer \"no such record\" must carry the zone's SOA record (RFC 2308 §3). Without it some resolvers fail (Unbound 1.18.0 \
                 did, Hickory did), and none should keep the answer (§5). A CAA record at the name helps: a positive answer needs no SOA."
            }
            Code::NsInsteadOfSoa => {
                "The answer \"no such record\" carries the NS records of the zone itself instead of its SOA record. It looks like a referral \
                 to the same place; some resolvers (BIND) fail. A CAA record at the name helps."
            }
            Code::ForeignSoa => {
                "The answer \"no such record\" carries the SOA record of another zone, mostly of the parent: typical of load balancers. Some \
                 resolvers (BIND, Unbound 1.18.0) fail. A CAA record at the name helps."
            }
            Code::NotAuthoritative => {
                "The server named by the delegation answers without the AA flag, as a cache would. Strict resolvers count it as lame."
            }
            Code::EmptyNonTerminalNxdomain => {
                "NXDOMAIN says that nothing exists at or below a name (RFC 8020), yet names below it exist. A resolver that believes it \
                 hides everything below."
            }
            Code::InconsistentServers => {
                "The servers of one zone answer the same question differently, or some do not serve the zone. What a CA sees depends on \
                 which one its resolver happens to ask."
            }
            Code::DnssecExpired => {
                "The signatures' dates do not cover the present. Validating resolvers answer SERVFAIL; since 2026-03-15 a CA may never take \
                 that for permission."
            }
            Code::DnssecNoDnskey => {
                "The parent zone has a DS record, and the zone's servers give no DNSKEY: typical after a move to another DNS provider \
                 with the DS left behind. Validating resolvers answer SERVFAIL."
            }
            Code::DnssecDsMismatch => {
                "No DS record of the parent fits a key of the zone. Validating resolvers answer SERVFAIL."
            }
            Code::DnssecBadSignature => {
                "The zone is announced as signed, but signatures are missing, do not verify, or are by keys that the zone does not \
                 publish or the DS record does not lead to. Validating resolvers answer SERVFAIL."
            }
            Code::DnssecBadDenial => {
                "In a signed zone what does not exist must be proven by signed NSEC or NSEC3 records: the absence of CAA, and that of a \
                 DS record for a zone below. They are missing, do not cover the name, or contradict the zone's data. Validating \
                 resolvers answer SERVFAIL."
            }
            Code::SlowServer => {
                "Answers come so late that a CA's resolver, which may have to ask several servers in turn, runs near or over its \
                 time."
            }
            Code::LossyServer => {
                "The same question is answered sometimes and lost at other times. Lookups succeed by luck; a CA that asks all levels at once \
                 from several places needs all of them to succeed."
            }
            Code::RateLimited => {
                "A few questions are answered, more in the same second are not. A CA asks all levels at once and from several places: it \
                 meets the limit although a single test looks fine."
            }
            Code::AliasLoop => {
                "The CNAME chain at the name comes back to itself or is too long. Resolvers answer SERVFAIL."
            }
            Code::AliasTargetBroken => {
                "The name is an alias, and the CAA lookup follows it (RFC 8659 §3). The lookup of the target fails, or no name of \
                 that length can exist, so the lookup at this name fails."
            }
            Code::CnameAtApex => {
                "A CNAME may not stand beside other data (RFC 1034 §3.6.2), least of all beside the SOA and NS records of a zone. The \
                 CAA lookup follows it: whether the own records or the target's count depends on the resolver. The same holds for two \
                 CNAME records at one name."
            }
            Code::PolicyDenies => "Nothing is broken: the CAA records found do not name this CA, or forbid it.",
            Code::CriticalUnknownTag => {
                "A record with an unknown property has the critical flag: every CA that does not know the property must refuse \
                 (RFC 8659 §4.1)."
            }
            Code::MalformedCaa => {
                "A CAA record was published that cannot be understood. It permits nobody, but it counts as a record of the set, so it denies."
            }
            Code::CaResolverLink => {
                "\"networking error\" and \"server failure at resolver\" speak of the line between the CA and its own resolver, and say \
                 nothing of the domain's servers; before July 2024 the second could hide a time-out at them. Try again later."
            }
        }
    }
}
