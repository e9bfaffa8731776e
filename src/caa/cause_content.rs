//! What stands in the answer about CAA that one address gives. All rows are tried.

use super::cause_server::{Answer, At, Flavour, Symptom, denies_name};
use super::evidence_name::{is_below, key};
use super::evidence_reading::{Negative, Reading, follow};
use super::{Code, DnsMessage, Probe, ProbeKind, QuestionEcho, RecordData, RecordFact, rcode, rtype};

/// What is wrong with the answer.
pub(super) fn symptoms(at: &At) -> Vec<Symptom> {
    const ROWS: [fn(&At) -> Option<Symptom>; 11] = [
        case_not_preserved,
        hidden_by_case,
        caa_nxdomain,
        negative_answer,
        negative_after_alias,
        not_authoritative,
        empty_non_terminal,
        cname_beside_data,
        unreadable_set,
        empty_tag,
        repeated_opt,
    ];
    ROWS.iter().filter_map(|row| row(at)).collect()
}

fn case_not_preserved(at: &At) -> Option<Symptom> {
    let probe = at.probes.iter().find(|p| p.kind == ProbeKind::Caa)?;
    let changed = probe.messages().any(|(m, _, _)| m.question == QuestionEcho::CaseChanged);
    changed.then(|| {
        Symptom::new(
            Code::CaseNotPreserved,
            format!("asked for {}, the question came back in another case", probe.name),
        )
    })
}

/// Nothing for capitals only: NXDOMAIN, or "no such record".
fn hidden_by_case(at: &At) -> Option<Symptom> {
    let (asked, lower) = (at.caa(), at.reading(ProbeKind::CaaLowerCase)?);
    let exists = lower.is_usable() && !denies_name(&lower);
    let has_set = matches!(lower, Reading::Records | Reading::Alias(_));
    let hidden = (denies_name(&asked) && exists) || (matches!(asked, Reading::NoData(_)) && has_set);
    hidden.then(|| {
        let seen = format!("with capitals: {}; in lower case: {}", asked.words(), lower.words());
        Symptom::new(Code::CaseSensitive, seen)
    })
}

/// NXDOMAIN for CAA only.
fn caa_nxdomain(at: &At) -> Option<Symptom> {
    let control = at.reading(ProbeKind::Control)?;
    let exists = control.is_usable() && !denies_name(&control);
    let also_lower = at.reading(ProbeKind::CaaLowerCase).is_none_or(|r| denies_name(&r));
    let unknown = match at.probe(ProbeKind::UnknownType) {
        Some(_) => format!("; TYPE65280: {}", at.told(ProbeKind::UnknownType)),
        None => String::new(),
    };
    let answer = at.answer()?;
    if answer.reading == Reading::NxDomain(Negative::WithRecords) {
        let seen = "CAA: nxdomain, and beside it the CAA records of the name";
        return Some(Symptom::new(Code::CaaNxdomain, seen));
    }
    (exists && also_lower && denies_name(&answer.reading))
        .then(|| Symptom::new(Code::CaaNxdomain, format!("A: {}; CAA: nxdomain{unknown}", control.words())))
}

/// A wrong NXDOMAIN comes from a device in front of the server; that is the fault to name, not what else the reply lacks.
fn is_made_up(at: &At) -> bool {
    hidden_by_case(at).is_some() || caa_nxdomain(at).is_some()
}

fn negative_answer(at: &At) -> Option<Symptom> {
    if is_made_up(at) {
        return None;
    }
    let answer = at.answer()?;
    let word = answer.reading.words().split(',').next().unwrap_or_default().to_owned();
    let found = |code, seen: &str| Some(Symptom::new(code, format!("{word}: {seen}")));
    match answer.reading.negative()? {
        // What is denied and given at once is told by `caa_nxdomain`.
        Negative::Sound | Negative::WithRecords => None,
        Negative::WithoutSoa => found(Code::NegativeWithoutSoa, "the authority section has no SOA"),
        Negative::SoaInAnswer => found(Code::NegativeWithoutSoa, "the SOA stands in the answer section"),
        Negative::SoaUnreadable => Some(Symptom::of(
            Code::MalformedAnswer,
            Flavour::SoaData,
            format!("{word}: the SOA record has data that is none (RFC 1035 section 3.3.13)"),
        )),
        Negative::NsInstead => found(Code::NsInsteadOfSoa, "the authority section holds the zone's NS records"),
        Negative::Foreign(owner) => Some(foreign(at, owner, &word)),
    }
}

/// The SOA of another zone; from above, and at the apex as well, it says that the zone is not known there.
fn foreign(at: &At, owner: &str, word: &str) -> Symptom {
    let apex = at.reading(ProbeKind::ApexNs);
    let above = matches!(
        apex.as_ref().and_then(Reading::negative),
        Some(Negative::Foreign(owner)) if is_below(at.zone, owner)
    );
    let (flavour, also) = match apex.filter(|_| above) {
        Some(apex) => (Flavour::OtherZone, format!("; NS of {}: {}", at.zone, apex.words())),
        None => (Flavour::Plain, String::new()),
    };
    Symptom::of(Code::ForeignSoa, flavour, format!("{word}: the SOA is that of {owner}, the zone is {}{also}", at.zone))
}

/// A chain of aliases to a name without CAA must end with the SOA of that name's zone, if the server speaks for it
/// (RFC 2308 §2.1, §2.2): it gives A records at the end of the same chain, or says that the end does not exist.
fn negative_after_alias(at: &At) -> Option<Symptom> {
    let Answer { message, reading: Reading::Alias(end), .. } = at.answer()? else { return None };
    let has = |records: &[RecordFact], wanted: u16| records.iter().any(|r| r.rtype == wanted);
    let ends_empty = !message.answers.iter().any(|r| r.rtype == rtype::CAA)
        && !has(&message.authority, rtype::SOA)
        && !has(&message.authority, rtype::NS);
    let goes_on = || {
        let control = at.probe(ProbeKind::Control)?.best(at.zone).0?.0;
        let same_end = follow(control, &at.level.name).0 == end;
        let data = control.answers.iter().any(|r| r.rtype == rtype::A && r.owner.eq_ignore_ascii_case(&end));
        (same_end && data).then_some(())
    };
    if !ends_empty || (message.rcode != rcode::NXDOMAIN && goes_on().is_none()) {
        return None;
    }
    let word = if message.rcode == rcode::NXDOMAIN { "nxdomain" } else { "nodata" };
    let seen = format!("alias to {end}, {word} there: the authority section is empty");
    Some(Symptom::of(Code::NegativeWithoutSoa, Flavour::AfterAlias, seen))
}

fn not_authoritative(at: &At) -> Option<Symptom> {
    let answer = at.answer()?;
    let counts = !is_made_up(at) && !matches!(answer.reading, Reading::ReferralDown(_));
    (counts && !answer.message.flags.aa).then(|| {
        let ra = if answer.message.flags.ra { ", with RA, as a resolver answers" } else { "" };
        Symptom::new(Code::NotAuthoritative, format!("{}, without AA{ra}", answer.reading.words()))
    })
}

/// NXDOMAIN for every type although the name exists.
fn empty_non_terminal(at: &At) -> Option<Symptom> {
    let answer = at.answer()?;
    let control = at.reading(ProbeKind::Control)?;
    if !denies_name(&answer.reading) || !denies_name(&control) || hidden_by_case(at).is_some() {
        return None;
    }
    let seen = if let Some(below) = at.below {
        format!("nxdomain, although {below} exists")
    } else {
        let lie = at.server.probes.iter().find(|p| p.kind == ProbeKind::ExistingName)?;
        if !denies_name(&lie.reading(at.zone)) {
            return None;
        }
        format!(
            "nxdomain; the server says the same of {} when asked for a type it lacks, and gives addresses for it",
            lie.name
        )
    };
    Some(Symptom::new(Code::EmptyNonTerminalNxdomain, seen))
}

/// A CNAME for CAA where other types have data of their own, or at the apex.
fn cname_beside_data(at: &At) -> Option<Symptom> {
    let answer = at.answer()?;
    let Reading::Alias(target) = &answer.reading else { return None };
    if let Some(seen) = two_aliases(answer.message) {
        return Some(Symptom::of(Code::CnameAtApex, Flavour::TwoAliases, seen));
    }
    let name = at.level.name.as_str();
    let own = |m: &DnsMessage, rtype| m.answers.iter().any(|r| r.rtype == rtype && r.owner.eq_ignore_ascii_case(name));
    if !own(answer.message, rtype::CNAME) {
        return None;
    }
    let control = at.probes.iter().find(|p| p.kind == ProbeKind::Control).and_then(Probe::first);
    let beside = control.is_some_and(|m| own(m, rtype::A) && !own(m, rtype::CNAME));
    let why = if name == at.zone {
        "at the apex of the zone"
    } else if own(answer.message, rtype::CAA) {
        "and CAA records stand beside it"
    } else if beside {
        "A has data of its own"
    } else {
        return None;
    };
    Some(Symptom::new(Code::CnameAtApex, format!("CAA leads to {target}, {why}")))
}

/// A name with more than one alias (RFC 2181 §10.1).
fn two_aliases(message: &DnsMessage) -> Option<String> {
    let links = || message.answers.iter().filter(|r| r.rtype == rtype::CNAME);
    links().find_map(|one| {
        let target = |r: &RecordFact| match &r.data {
            RecordData::Cname(target) => Some(key(target)),
            _ => None,
        };
        let first = target(one)?;
        let same_owner = links().filter(|r| r.owner.eq_ignore_ascii_case(&one.owner));
        let other = same_owner.filter_map(target).find(|other| *other != first)?;
        Some(format!("{} is an alias for {first} and for {other}", key(&one.owner)))
    })
}

/// CAA records whose data does not have the form of RFC 8659 §4.1: a CA that meets one cannot read the answer.
fn unreadable_set(at: &At) -> Option<Symptom> {
    let answer = at.answer()?;
    let odd = |r: &&RecordFact| r.rtype == rtype::CAA && !matches!(r.data, RecordData::Caa(_));
    let count = answer.message.answers.iter().filter(odd).count();
    (count > 0).then(|| {
        let all = answer.message.answers.iter().filter(|r| r.rtype == rtype::CAA).count();
        let seen = format!("{count} of {all} CAA records have data that is none (RFC 8659 section 4.1)");
        Symptom::of(Code::MalformedCaa, Flavour::Unreadable, seen)
    })
}

/// A CAA record with a tag of no characters (RFC 8659 §4.1 wants one at least): readers differ.
fn empty_tag(at: &At) -> Option<Symptom> {
    let no_tag = |r: &RecordFact| matches!(&r.data, RecordData::Caa(record) if record.tag.is_empty());
    at.answer()?.message.answers.iter().any(no_tag).then(|| {
        let seen = "a CAA record has a tag of no characters (RFC 8659 section 4.1)";
        Symptom::of(Code::MalformedCaa, Flavour::NoTag, seen)
    })
}

/// Two OPT records in one message (RFC 6891 §6.1.1): strict readers refuse it whole.
fn repeated_opt(at: &At) -> Option<Symptom> {
    let repeated = at.answer()?.message.edns.as_ref().is_some_and(|edns| edns.repeated);
    repeated.then(|| Symptom::of(Code::MalformedAnswer, Flavour::TwoOpt, "the reply has more than one OPT record"))
}
