//! From lookups and verdicts to the words of the report.

use crate::caa::{Lookup, LookupFailure, LookupOutcome, Soa, Transport, rcode};
use crate::report::View;

/// What one view says of a level, for the report.
#[must_use]
pub fn view(server: &str, lookup: &Lookup) -> View {
    let (class, records) = match &lookup.outcome {
        LookupOutcome::Records(set) => (None, set.iter().map(ToString::to_string).collect()),
        LookupOutcome::NoData(_) | LookupOutcome::NxDomain(_) => (None, Vec::new()),
        LookupOutcome::Failed(failure) => (Some(failure.class()), Vec::new()),
    };
    View {
        server: server.to_owned(),
        outcome: lookup.outcome.word(),
        class,
        rcode: lookup.rcode.map(rcode::name),
        soa: lookup.soa_owner.as_deref().map(str::to_owned),
        ede: lookup.ede.clone(),
        records,
        aliases: lookup.aliases.clone(),
        authenticated: lookup.authenticated,
        checking_disabled: lookup.checking_disabled.as_ref().map(|outcome| outcome.word()),
        rtt_ms: lookup.rtt_ms,
        tries: lookup.tries,
        transport: lookup.transport,
        set_aside: false,
    }
}

/// Whether a lookup was really made: a breaker may have spared it.
#[must_use]
pub fn was_asked(lookup: &Lookup) -> bool {
    lookup.outcome != LookupOutcome::Failed(LookupFailure::NotAsked)
}

/// Whether a reply came. A scenario says what it says: its silences are answers to who asks what if.
#[must_use]
pub fn was_answered(lookup: &Lookup) -> bool {
    lookup.rcode.is_some() || lookup.transport == Transport::Script
}

/// Whether the views of one level are worth asking its name servers about: a failure, a negative answer without its SOA
/// record, or views that contradict each other.
#[must_use]
pub fn is_odd<'a>(mut lookups: impl Iterator<Item = &'a Lookup> + Clone) -> bool {
    let odd = |outcome: &LookupOutcome| match outcome {
        LookupOutcome::Failed(_) => true,
        LookupOutcome::NoData(soa) | LookupOutcome::NxDomain(soa) => *soa != Soa::Present,
        LookupOutcome::Records(_) => false,
    };
    let mut words = lookups.clone().map(|lookup| lookup.outcome.word());
    let first = words.next();
    words.any(|word| Some(word) != first) || lookups.any(|lookup| odd(&lookup.outcome))
}

/// Of several views of one level the worst for a CA that would see it: a failure, then a set, then nothing.
///
/// CAs look from several places, and the primary one must succeed (Baseline Requirements 3.2.2.9): what one view cannot
/// see, a CA may not see either. Of equals the first stays.
#[must_use]
pub fn worst<'a>(lookups: impl IntoIterator<Item = &'a Lookup>) -> Option<&'a Lookup> {
    let rank = |lookup: &Lookup| match lookup.outcome {
        LookupOutcome::Failed(LookupFailure::NotAsked) => 1,
        LookupOutcome::Failed(_) => 0,
        LookupOutcome::Records(_) => 2,
        LookupOutcome::NxDomain(_) | LookupOutcome::NoData(_) => 3,
    };
    lookups.into_iter().min_by_key(|lookup| rank(lookup))
}
