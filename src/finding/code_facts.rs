//! For every code: how it shows, and where it is written what would be right. For the documentation page.

use super::FindingCode;
use crate::caa::Code;

/// What the code rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    /// What is seen on the wire, or in the input.
    pub(super) shows: &'static str,
    /// Where the right behaviour is specified; empty where none is.
    pub(super) reference: &'static str,
}

const fn facts(shows: &'static str, reference: &'static str) -> Facts {
    Facts { shows, reference }
}

/// How a cause shows.
#[allow(clippy::too_many_lines, reason = "one row a code, in one place")]
pub(super) fn of_cause(code: Code) -> Facts {
    match code {
        Code::ServerUnreachable => facts(
            "Every address of the zone is silent to every type over UDP and TCP, or the port or the network is unreachable.",
            "RFC 1035 section 4.2, RFC 2182 section 3",
        ),
        Code::ServerPartlyUnreachable => {
            facts("Some addresses answer every probe, others none of them.", "RFC 2182 section 3")
        }
        Code::LameDelegation => facts(
            "REFUSED for every type (NSD adds extended error 20, Not Authoritative), or a referral to the root or to a zone above, without AA.",
            "RFC 1034 section 4.2.2, RFC 9499 section 7, RFC 8914 section 4.21",
        ),
        Code::ServerFailure => facts("SERVFAIL from the server itself, for every type.", "RFC 1035 section 4.1.1"),
        Code::CaaDropped => facts(
            "A gets a reply, CAA (type 257) gets none, over UDP; often TYPE65280 gets none either.",
            "RFC 8906 section 3.1.2, RFC 3597 section 3",
        ),
        Code::CaaRejected => facts(
            "A gets NOERROR; CAA (type 257) gets NOTIMP, FORMERR, REFUSED or SERVFAIL, with EDNS and without.",
            "RFC 8906 section 3.1.2, RFC 3597 section 3",
        ),
        Code::CaaNxdomain => facts(
            "A gets NOERROR; CAA (type 257) at the same name gets NXDOMAIN.",
            "RFC 8020 section 2, RFC 2308 section 2.1",
        ),
        Code::EdnsRejected => facts(
            "FORMERR, NOTIMP or another error, without an OPT record, to a question with one; NOERROR to the same question without.",
            "RFC 6891 section 7, RFC 8906 section 3.2.1",
        ),
        Code::EdnsDropped => facts(
            "No reply to a question with an OPT record; a reply to the same question without.",
            "RFC 6891 section 7, RFC 8906 section 3.2.1",
        ),
        Code::EdnsBadvers => {
            facts("Extended response code 16 (BADVERS) to EDNS version 0.", "RFC 6891 sections 6.1.3 and 9")
        }
        Code::TcpUnavailable => facts(
            "TC is set over UDP; over TCP the connection is refused, or no reply comes.",
            "RFC 7766 section 5, RFC 8906 section 3.1.5",
        ),
        Code::MalformedAnswer => facts(
            "A reply that cannot be decoded, or with another id or another question than was sent.",
            "RFC 1035 section 4.1, RFC 5452 section 9.1",
        ),
        Code::CaseNotPreserved => facts(
            "The question was sent in mixed case and comes back in another one.",
            "RFC 4343 section 3, draft-vixie-dnsext-dns0x20",
        ),
        Code::CaseSensitive => facts(
            "The question in mixed case gets another answer (mostly NXDOMAIN) than the same one in lower case.",
            "RFC 4343 section 3",
        ),
        Code::CaseDropped => facts(
            "The question in mixed case gets no reply, the same one in lower case does.",
            "RFC 4343 section 3, draft-vixie-dnsext-dns0x20",
        ),
        Code::NegativeWithoutSoa => facts(
            "NOERROR or NXDOMAIN, no record in the answer section, no SOA in the authority section, and no referral.",
            "RFC 2308 section 3",
        ),
        Code::NsInsteadOfSoa => facts(
            "NOERROR with AA, an empty answer section, and the zone's own NS records in the authority section.",
            "RFC 2308 sections 2.2 and 3",
        ),
        Code::ForeignSoa => facts(
            "A negative answer whose SOA record is owned by a zone above the delegation, or beside it.",
            "RFC 2308 section 3",
        ),
        Code::NotAuthoritative => facts(
            "A usable answer without the AA flag from a server that the delegation names.",
            "RFC 1034 section 4.3.1, RFC 1035 section 4.1.1",
        ),
        Code::EmptyNonTerminalNxdomain => {
            facts("NXDOMAIN for a name, NOERROR for a name below it.", "RFC 8020 section 2, RFC 4592 section 2.2.2")
        }
        Code::InconsistentServers => facts(
            "Two addresses of one zone answer the same question with different records, or one with records and one without.",
            "RFC 1034 section 4.3.5",
        ),
        Code::DnssecExpired => facts(
            "The expiration of an RRSIG record lies in the past, or its inception in the future; resolvers give extended error 7 or 8.",
            "RFC 4035 section 5.3.1, RFC 8914 sections 4.8 and 4.9",
        ),
        Code::DnssecNoDnskey => facts(
            "A DS record at the parent; no DNSKEY record in the zone. Resolvers give extended error 9.",
            "RFC 4035 section 5.2, RFC 8914 section 4.10",
        ),
        Code::DnssecDsMismatch => facts(
            "No DS record at the parent fits a DNSKEY record of the zone. Resolvers give extended error 6 or 9.",
            "RFC 4035 section 5.2, RFC 8914 section 4.10",
        ),
        Code::DnssecBadSignature => facts(
            "RRSIG records are missing, or do not verify with the zone's keys. Resolvers give extended error 6 or 10.",
            "RFC 4035 section 5.3, RFC 8914 sections 4.7 and 4.11",
        ),
        Code::DnssecBadDenial => facts(
            "In a signed zone a negative answer comes without NSEC or NSEC3 records that prove it. Resolvers give extended error 12.",
            "RFC 4035 section 5.4, RFC 5155 section 8, RFC 8914 section 4.13",
        ),
        Code::SlowServer => facts("Replies that come near the end of a CA's patience, or after it.", ""),
        Code::LossyServer => facts("The same probe is answered at times and not at others.", ""),
        Code::RateLimited => facts("The first questions of a burst are answered, the later ones are not.", ""),
        Code::AliasLoop => facts(
            "CNAME or DNAME records that come back to a name of the chain, or more than 16 of them.",
            "RFC 1034 sections 3.6.2 and 5.2.2",
        ),
        Code::AliasTargetBroken => {
            facts("A CNAME or DNAME at the level, and a failing lookup at the name it leads to.", "RFC 8659 section 3")
        }
        Code::CnameAtApex => facts(
            "A CNAME record beside SOA, NS or other records of the same name, or beside another CNAME record.",
            "RFC 1034 section 3.6.2, RFC 2181 section 10.1",
        ),
        Code::PolicyDenies => facts(
            "A CAA set whose `issue` or `issuewild` records name other CAs, or none.",
            "RFC 8659 sections 4.2 and 4.3, RFC 8657",
        ),
        Code::CriticalUnknownTag => {
            facts("A CAA record with the flag 128 and a tag that CAs do not know.", "RFC 8659 sections 4.1 and 4.5")
        }
        Code::MalformedCaa => facts(
            "A CAA record whose value breaks the grammar, such as a CA's name with a final dot or a blank in it.",
            "RFC 8659 sections 4.1 and 4.2",
        ),
        Code::CaResolverLink => facts(
            "In the ACME error: \"networking error\" or \"server failure at resolver\". The domain's servers see no question.",
            "Let's Encrypt's Boulder, bdns/problem.go",
        ),
    }
}

/// How a finding that is no cause shows.
pub(super) fn of_finding(code: FindingCode) -> Facts {
    match code {
        FindingCode::LookupFails => facts(
            "SERVFAIL, REFUSED, silence or another failure through every resolver, or through one so that a name fails; no cause was found.",
            "RFC 8659 section 3, Baseline Requirements 4.2.2.1 (formerly 3.2.2.8)",
        ),
        FindingCode::LookupFailsSometimes => facts(
            "A failure through some of the resolvers, or in some of the repetitions.",
            "Baseline Requirements 3.2.2.9",
        ),
        FindingCode::FailureShielded => {
            facts("A failure at a level, and a CAA set at one closer to every name checked.", "RFC 8659 section 3")
        }
        FindingCode::ResolversDisagree => facts("Different CAA records, or none, through different resolvers.", ""),
        FindingCode::ResolverUnusable => facts("A resolver that failed at every level, TLDs included.", ""),
        FindingCode::ResolverStripsSoa => {
            facts("Negative answers without SOA through one resolver, whatever the zone.", "RFC 2308 section 5")
        }
        FindingCode::ReportedErrorConfirmed => facts("The level named in the ACME error fails in this run.", ""),
        FindingCode::ReportedErrorNotSeen => facts("The level named in the ACME error answers in this run.", ""),
        FindingCode::ErrorRateChanged => facts("The errors of the log by day, against the days before the change.", ""),
        FindingCode::SourceIncomplete => facts("The coverage says what the source did not give.", ""),
        FindingCode::CaaMissing => facts("No CAA record at any level that answered.", "RFC 8659 section 3"),
        FindingCode::IssuerUnknown => facts(
            "An issuer on certificates that the list of CAs and CAA domains does not hold.",
            "CCADB, \"Recognized CAA Domains\"",
        ),
        FindingCode::LeafRecordPointless => {
            facts("20 or more labels at the left of a pattern, each seen on its own.", "RFC 4592 section 2.2.1")
        }
        FindingCode::WildcardMeansDns01 => facts(
            "Certificate names with `*.`.",
            "RFC 8555 section 7.1.3, Baseline Requirements 3.2.2.4.18 to 3.2.2.4.20",
        ),
        FindingCode::NewNamesLimit => {
            facts("New names a week, from the dates of the certificates.", "Let's Encrypt, \"Rate Limits\"")
        }
        FindingCode::NxdomainIsFine => {
            facts("NXDOMAIN for a name below a TLD.", "RFC 8659 section 3, RFC 2308 section 2.1")
        }
        FindingCode::AllLevelsFine => facts("An answer at every level, through every resolver.", "RFC 8659 section 3"),
    }
}

/// Who can act on a finding that is no cause, and how; empty where nobody must.
pub(super) fn remedy(code: FindingCode) -> (&'static str, &'static str) {
    match code {
        FindingCode::LookupFails | FindingCode::LookupFailsSometimes => (
            "The operator of the level's name servers; of a TLD, the registry.",
            "Ask the servers themselves (`ctclimb caa NAME --deep`): the cause found has its own code. Where only one resolver fails, look at that one.",
        ),
        FindingCode::ResolversDisagree => (
            "The operator of the zone's name servers.",
            "Compare the servers (`ctclimb caa NAME --deep`); during a change wait out the TTL.",
        ),
        FindingCode::ResolverUnusable => {
            ("Whoever runs this program.", "Choose another resolver (`-r`), or look at the network between.")
        }
        FindingCode::ReportedErrorConfirmed => ("As the other findings at the level say.", "As they say."),
        FindingCode::ReportedErrorNotSeen => (
            "The CA, if its text speaks of its own resolver; else the operator of the level's name servers.",
            "Retry; if it lasts, look for limits that show under load or from the CA's networks only.",
        ),
        FindingCode::ErrorRateChanged => (
            "Whoever knows what changed then.",
            "Ask the client's owner, the DNS provider, the registry and the CA about that day.",
        ),
        FindingCode::SourceIncomplete => (
            "Whoever runs this program.",
            "Run again later into the same case file, or add another source; what was obtained is kept.",
        ),
        FindingCode::IssuerUnknown => (
            "Whoever publishes CAA for the domain.",
            "Find the CA's domain in section 4.2 of its practice statement, and list it before publishing a set.",
        ),
        FindingCode::FailureShielded
        | FindingCode::ResolverStripsSoa
        | FindingCode::CaaMissing
        | FindingCode::LeafRecordPointless
        | FindingCode::WildcardMeansDns01
        | FindingCode::NewNamesLimit
        | FindingCode::NxdomainIsFine
        | FindingCode::AllLevelsFine => ("", ""),
    }
}
