//! A DNS message to a [`LookupOutcome`]. What an answer does not clearly say is a failure, never "no CAA".
//!
//! The order matters: response code, then the question, then the answer with its aliases, then the authority section. A
//! refused query has empty sections too, and an NXDOMAIN may carry NS records.

use std::borrow::Cow;

use super::{
    CaaRecord, DnsMessage, LookupFailure, LookupOutcome, QuestionEcho, RecordData, RecordFact, Soa, rcode, rtype,
};

/// Links a chain of aliases may have. Resolvers give up at 8 to 17.
pub const MAX_ALIASES: usize = 16;

/// What one message says of CAA at a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified<'a> {
    /// The outcome.
    pub outcome: LookupOutcome,
    /// Owner of the SOA record that goes with a negative answer, as received.
    pub soa_owner: Option<&'a str>,
    /// Names the query was led to by CNAME or DNAME, in order, at most [`MAX_ALIASES`].
    pub aliases: Vec<String>,
}

/// Reads the answer to a CAA query at `name`.
///
/// `message` is the last word on it: a truncated message counts as truncated, so ask over TCP before.
#[must_use]
pub fn classify<'a>(name: &str, message: &'a DnsMessage) -> Classified<'a> {
    let mut aliases = Vec::new();
    let result = decide(name, message, &mut aliases);
    let (outcome, soa_owner) = result.unwrap_or_else(|failure| (LookupOutcome::Failed(failure), None));
    Classified { outcome, soa_owner, aliases }
}

type Decided<'a> = Result<(LookupOutcome, Option<&'a str>), LookupFailure>;

fn decide<'a>(name: &str, message: &'a DnsMessage, aliases: &mut Vec<String>) -> Decided<'a> {
    let nxdomain = readable(message)?;
    let end = follow(name, &message.answers, aliases)?;
    let at_end = || message.answers.iter().filter(|record| same(&record.owner, &end));
    let records = at_end().filter(|record| record.rtype == rtype::CAA).map(caa).collect::<Result<Vec<_>, _>>()?;
    // NXDOMAIN counts even beside records: a CA that reads it looks no further (RFC 8659 §3 asks on at the parent).
    if nxdomain && !records.is_empty() {
        let (soa, owner) = soa(&message.authority, &end);
        return Ok((LookupOutcome::NxDomain(soa), owner));
    }
    if !records.is_empty() {
        return Ok((LookupOutcome::Records(records), None));
    }
    // Signatures and the links just followed are all that an empty answer may hold.
    let stranger = message.answers.iter().find(|record| match record.rtype {
        rtype::CNAME | rtype::DNAME => aliases.is_empty(),
        rtype::RRSIG => message.answers.len() == 1,
        _ => true,
    });
    if let Some(record) = stranger {
        let text = format!("the answer holds no CAA of the name but TYPE{} of `{}`", record.rtype, record.owner);
        return Err(LookupFailure::Malformed(text));
    }
    let (soa, owner) = soa(&message.authority, &end);
    if nxdomain {
        return Ok((LookupOutcome::NxDomain(soa), owner));
    }
    if soa == Soa::Missing && leads_elsewhere(message, &end, !aliases.is_empty()) {
        return Err(LookupFailure::Referral);
    }
    Ok((LookupOutcome::NoData(soa), owner))
}

/// Response code, truncation and question: whether the sections may be read, and whether the name does not exist.
fn readable(message: &DnsMessage) -> Result<bool, LookupFailure> {
    let nxdomain = match message.rcode {
        rcode::NOERROR => false,
        rcode::NXDOMAIN => true,
        rcode::SERVFAIL => return Err(LookupFailure::ServFail),
        rcode::REFUSED => return Err(LookupFailure::Refused),
        rcode::FORMERR => return Err(LookupFailure::FormErr),
        rcode::NOTIMP => return Err(LookupFailure::NotImp),
        other => return Err(LookupFailure::OtherRcode(other)),
    };
    match message.question {
        // A truncated message may have lost even its question.
        _ if message.flags.tc => Err(LookupFailure::Truncated),
        QuestionEcho::Same | QuestionEcho::CaseChanged => Ok(nxdomain),
        QuestionEcho::Missing => Err(LookupFailure::Malformed("the answer does not repeat the question".to_owned())),
        QuestionEcho::Other => Err(LookupFailure::Malformed("the answer is to another question".to_owned())),
    }
}

/// Follows CNAME and DNAME records from `name` (RFC 1034 §3.6.2, RFC 6672 §3.2) and gives the name at the end.
fn follow<'a>(name: &'a str, answers: &[RecordFact], aliases: &mut Vec<String>) -> Result<Cow<'a, str>, LookupFailure> {
    let mut current = Cow::Borrowed(name);
    loop {
        let here = |record: &&RecordFact| same(&record.owner, &current);
        if answers.iter().filter(here).any(|record| record.rtype == rtype::CAA) {
            return Ok(current);
        }
        let Some(next) = link(&current, answers)? else { return Ok(current) };
        let known = same(&next, name) || aliases.iter().any(|alias| same(alias, &next));
        if known || aliases.len() == MAX_ALIASES {
            return Err(LookupFailure::AliasLoop);
        }
        aliases.push(next.clone());
        current = Cow::Owned(next);
    }
}

/// Where an alias at `name`, or above it, leads.
fn link(name: &str, answers: &[RecordFact]) -> Result<Option<String>, LookupFailure> {
    if let Some(record) = answers.iter().find(|record| record.rtype == rtype::CNAME && same(&record.owner, name)) {
        return match &record.data {
            RecordData::Cname(target) => Ok(Some(target.clone())),
            _ => Err(LookupFailure::Malformed("a CNAME record that cannot be read".to_owned())),
        };
    }
    for record in answers {
        if let (RecordData::Dname(target), Some(prefix)) = (&record.data, prefix_below(name, &record.owner)) {
            return Ok(Some(if target == "." { prefix.to_owned() } else { format!("{prefix}.{target}") }));
        }
    }
    Ok(None)
}

fn caa(record: &RecordFact) -> Result<CaaRecord, LookupFailure> {
    match &record.data {
        RecordData::Caa(record) => Ok(record.clone()),
        _ => Err(LookupFailure::Malformed("a CAA record that cannot be read".to_owned())),
    }
}

/// The SOA record of a negative answer: one whose zone holds the name, else any.
fn soa<'a>(authority: &'a [RecordFact], name: &str) -> (Soa, Option<&'a str>) {
    let owners =
        || authority.iter().filter(|record| matches!(record.data, RecordData::Soa { .. })).map(|record| &*record.owner);
    match owners().find(|owner| is_at_or_below(name, owner)) {
        Some(owner) => (Soa::Present, Some(owner)),
        None => owners().next().map_or((Soa::Missing, None), |owner| (Soa::Foreign, Some(owner))),
    }
}

/// Whether an empty answer without SOA sends the asker elsewhere instead of saying "no data" (RFC 2308 §2.2).
///
/// A resolver that was asked to recurse gives its last word, NS records beside it or not; only the root's servers there say
/// that it did not recurse. A server that does not recurse refers by NS without AA, or by an alias it does not follow.
fn leads_elsewhere(message: &DnsMessage, name: &str, by_alias: bool) -> bool {
    let mut servers = message.authority.iter().filter(|record| record.rtype == rtype::NS);
    if message.flags.rd && message.flags.ra {
        return servers.any(|record| record.owner == "." && name != ".");
    }
    by_alias || !message.flags.aa && servers.next().is_some()
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

fn is_at_or_below(name: &str, ancestor: &str) -> bool {
    same(name, ancestor) || prefix_below(name, ancestor).is_some()
}

/// The labels of `name` before `ancestor`, if it lies below it. Names are in presentation form: an escaped dot ends no label.
fn prefix_below<'a>(name: &'a str, ancestor: &str) -> Option<&'a str> {
    if ancestor == "." {
        return (name != ".").then_some(name);
    }
    let cut = name.len().checked_sub(ancestor.len() + 1)?;
    let (prefix, rest) = name.split_at_checked(cut)?;
    let escaped = prefix.bytes().rev().take_while(|&octet| octet == b'\\').count() % 2 == 1;
    (!prefix.is_empty() && !escaped && same(rest.strip_prefix('.')?, ancestor)).then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caa::Flags;
    use proptest::prelude::*;

    const NAME: &str = "a.example.net";

    fn record(owner: &str, rtype: u16, data: RecordData) -> RecordFact {
        RecordFact { owner: owner.into(), rtype, ttl: 60, data }
    }

    fn caa(owner: &str) -> RecordFact {
        let data = CaaRecord { flags: 0, tag: b"issue".to_vec(), value: owner.into() };
        record(owner, rtype::CAA, RecordData::Caa(data))
    }

    fn cname(owner: &str, target: &str) -> RecordFact {
        record(owner, rtype::CNAME, RecordData::Cname(target.into()))
    }

    fn dname(owner: &str, target: &str) -> RecordFact {
        record(owner, rtype::DNAME, RecordData::Dname(target.into()))
    }

    fn soa(owner: &str) -> RecordFact {
        record(owner, rtype::SOA, RecordData::Soa { serial: 1, minimum: 60 })
    }

    fn ns(owner: &str) -> RecordFact {
        record(owner, rtype::NS, RecordData::Ns("ns.example".into()))
    }

    /// What a resolver says.
    fn message(rcode: u16, answers: Vec<RecordFact>, authority: Vec<RecordFact>) -> DnsMessage {
        DnsMessage {
            rcode,
            flags: Flags { rd: true, ra: true, ..Flags::default() },
            question: QuestionEcho::Same,
            answers,
            authority,
            additional: Vec::new(),
            edns: None,
            octets: 0,
        }
    }

    fn class(message: &DnsMessage) -> String {
        let classified = classify(NAME, message);
        let word = match &classified.outcome {
            LookupOutcome::Records(records) => format!("records {}", records.len()),
            LookupOutcome::NoData(soa) => format!("nodata {soa:?}"),
            LookupOutcome::NxDomain(soa) => format!("nxdomain {soa:?}"),
            LookupOutcome::Failed(failure) => failure.class().to_owned(),
        };
        classified.aliases.iter().fold(word, |word, alias| format!("{word} > {alias}"))
    }

    #[test]
    fn a_resolvers_answer_is_told_by_code_then_question_then_answer_then_authority() {
        let chain = |length: usize| -> Vec<_> {
            (0..length)
                .map(|index| {
                    let owner = if index == 0 { NAME.to_owned() } else { format!("c{index}.example") };
                    cname(&owner, &format!("c{}.example", index + 1))
                })
                .collect()
        };
        let a = record(NAME, rtype::A, RecordData::Opaque(vec![1, 2, 3, 4]));
        let rrsig = record(NAME, rtype::RRSIG, RecordData::Opaque(Vec::new()));
        let odd_caa = record(NAME, rtype::CAA, RecordData::Opaque(vec![0, 9, 1]));
        let cases: Vec<(&str, u16, Vec<RecordFact>, Vec<RecordFact>)> = vec![
            ("records 1", 0, vec![caa(NAME)], vec![]),
            ("records 1", 0, vec![caa("A.Example.NET"), rrsig.clone()], vec![ns("net")]),
            ("records 1 > b.example", 0, vec![cname(NAME, "b.example"), caa("b.example")], vec![]),
            ("records 1 > b.example", 0, vec![caa("b.example"), cname(NAME, "b.example")], vec![]),
            ("records 1 > a.other", 0, vec![dname("example.net", "other"), caa("a.other")], vec![]),
            ("records 1 > a", 0, vec![dname("example.net", "."), caa("a")], vec![]),
            ("nodata Present", 0, vec![], vec![soa("example.net")]),
            ("nodata Present", 0, vec![], vec![ns("example.net"), soa("Example.Net")]),
            ("nodata Present", 0, vec![], vec![soa(".")]),
            ("nodata Foreign", 0, vec![], vec![soa("xample.net")]),
            ("nodata Foreign", 0, vec![], vec![soa("b.a.example.net")]),
            ("nodata Missing", 0, vec![], vec![]),
            ("nodata Missing", 0, vec![], vec![ns("example.net")]),
            ("referral", 0, vec![], vec![ns(".")]),
            ("nxdomain Present", 3, vec![], vec![soa("net")]),
            ("nxdomain Missing", 3, vec![], vec![]),
            ("nxdomain Missing", 3, vec![caa(NAME)], vec![]),
            ("nxdomain Missing > b.example", 3, vec![cname(NAME, "b.example"), caa("b.example")], vec![]),
            ("nxdomain Missing", 3, vec![], vec![ns("example.net")]),
            ("nxdomain Present > b.example", 3, vec![cname(NAME, "b.example")], vec![soa("example")]),
            ("nodata Foreign > b.example", 0, vec![cname(NAME, "b.example")], vec![soa("example.net")]),
            ("nodata Missing > b.example", 0, vec![cname(NAME, "b.example")], vec![]),
            ("servfail", 2, vec![caa(NAME)], vec![]),
            ("servfail", 2, vec![], vec![soa("example.net")]),
            ("refused", 5, vec![], vec![]),
            ("formerr", 1, vec![], vec![]),
            ("notimp", 4, vec![], vec![]),
            ("rcode", rcode::BADVERS, vec![], vec![]),
            ("rcode", 12, vec![], vec![soa("example.net")]),
            ("malformed", 0, vec![caa("b.example")], vec![soa("example.net")]),
            ("malformed", 0, vec![a], vec![soa("example.net")]),
            ("malformed", 0, vec![soa("example.net")], vec![]),
            ("malformed", 0, vec![cname("b.example", "c.example")], vec![soa("example.net")]),
            ("malformed", 0, vec![rrsig], vec![]),
            ("malformed", 0, vec![odd_caa.clone()], vec![]),
            ("malformed", 0, vec![caa(NAME), odd_caa], vec![]),
            ("malformed", 0, vec![record(NAME, rtype::CNAME, RecordData::Opaque(vec![]))], vec![]),
            ("alias-loop", 0, vec![cname(NAME, NAME)], vec![]),
            ("alias-loop > b.example", 0, vec![cname(NAME, "b.example"), cname("b.example", "A.example.net")], vec![]),
        ];
        for (expected, rcode, answers, authority) in cases {
            let message = message(rcode, answers, authority);
            assert_eq!(class(&message), expected, "{message:?}");
        }
        assert!(class(&message(0, chain(16), vec![soa("example")])).starts_with("nodata Present"));
        for length in [17, 50] {
            let long = message(0, chain(length), vec![soa("example")]);
            assert_eq!(classify(NAME, &long).aliases.len(), MAX_ALIASES);
            assert!(class(&long).starts_with("alias-loop"));
        }
    }

    #[test]
    fn truncated_and_unasked_answers_are_failures() {
        let negative = || message(0, vec![], vec![soa("example.net")]);
        for (question, expected) in [
            (QuestionEcho::CaseChanged, "nodata Present"),
            (QuestionEcho::Missing, "malformed"),
            (QuestionEcho::Other, "malformed"),
        ] {
            assert_eq!(class(&DnsMessage { question, ..negative() }), expected);
        }
        for rcode in [rcode::NOERROR, rcode::NXDOMAIN] {
            let mut cut = message(rcode, vec![caa(NAME)], vec![]);
            cut.flags.tc = true;
            assert_eq!(class(&cut), "truncated");
        }
    }

    #[test]
    fn a_name_servers_referral_is_no_nodata() {
        let from_server = |aa, answers, authority| {
            let flags = Flags { aa, ..Flags::default() };
            class(&DnsMessage { flags, ..message(0, answers, authority) })
        };
        assert_eq!(from_server(false, vec![], vec![ns("a.example.net")]), "referral");
        assert_eq!(from_server(false, vec![], vec![ns(".")]), "referral");
        assert_eq!(from_server(true, vec![], vec![ns("example.net")]), "nodata Missing");
        assert_eq!(from_server(false, vec![], vec![]), "nodata Missing");
        assert_eq!(from_server(true, vec![cname(NAME, "b.example")], vec![]), "referral > b.example");
        assert_eq!(
            from_server(true, vec![cname(NAME, "b.example")], vec![soa("example")]),
            "nodata Present > b.example"
        );
    }

    #[test]
    fn an_escaped_dot_ends_no_label() {
        assert_eq!(prefix_below("a.b.c", "b.c"), Some("a"));
        assert_eq!(prefix_below("a\\.b.c", "b.c"), None);
        assert_eq!(prefix_below("a\\\\.b.c", "b.c"), Some("a\\\\"));
        assert_eq!(prefix_below("b.c", "b.c"), None);
        assert_eq!(prefix_below("é.b.c", "x.b.c"), None);
    }

    proptest! {
        /// Whatever the octets: a class, and "no CAA" only for a message that holds no record in its answer but aliases.
        #[test]
        fn any_message_has_a_class_and_no_caa_is_never_guessed(
            rcode in 0_u16..6,
            owners in proptest::collection::vec((0..4_usize, 0..5_usize, 0..4_usize), 0..6),
            authority in proptest::collection::vec((0..4_usize, any::<bool>()), 0..3),
            flags in any::<[bool; 4]>(),
        ) {
            let names = [NAME, "example.net", "b.example", "."];
            let answers = owners.into_iter().map(|(owner, kind, target)| match kind {
                0 => caa(names[owner]),
                1 => cname(names[owner], names[target]),
                2 => dname(names[owner], names[target]),
                3 => record(names[owner], rtype::CAA, RecordData::Opaque(vec![])),
                _ => record(names[owner], rtype::A, RecordData::Opaque(vec![])),
            });
            let authority = authority.into_iter().map(|(owner, is_soa)| if is_soa { soa(names[owner]) } else { ns(names[owner]) });
            let mut message = message(rcode, answers.collect(), authority.collect());
            message.flags = Flags { aa: flags[0], tc: flags[1], rd: flags[2], ra: flags[3], ..Flags::default() };
            let classified = classify(NAME, &message);
            prop_assert!(classified.aliases.len() <= MAX_ALIASES);
            if let LookupOutcome::NoData(_) | LookupOutcome::NxDomain(_) = classified.outcome {
                prop_assert!(rcode == 0 || rcode == 3);
                let only_aliases = message.answers.iter().all(|record| [rtype::CNAME, rtype::DNAME].contains(&record.rtype));
                prop_assert!(!message.flags.tc);
                // Records under a code that denies their name are not read.
                let denied = rcode == 3 && message.answers.iter().any(|record| record.rtype == rtype::CAA);
                prop_assert!(only_aliases || denied);
                prop_assert!(message.answers.is_empty() || !classified.aliases.is_empty() || denied);
            }
        }
    }
}
