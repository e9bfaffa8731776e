//! What an audit is going to ask of other people's machines, told before it does.

use std::collections::BTreeSet;
use std::time::Duration;

use super::audit_plan::Plan;
use super::context::Context;
use crate::audit::file::{AuditFile, AuditFileError};
use crate::audit::input::Domains;
use crate::dns::Resolver;
use crate::limit::Endpoint;
use crate::name::{DomainName, is_public_suffix};
use crate::report::counted;

/// A run shorter than this needs no announcement.
const LONG: Duration = Duration::from_secs(60);

/// The least that will be asked, and the time it takes; nothing for a short run, unless `always`.
///
/// # Errors
/// The audit file's.
pub fn forecast(
    plan: &Plan,
    context: &Context,
    file: &AuditFile,
    domains: Option<&Domains>,
    since: i64,
    always: bool,
) -> Result<Vec<String>, AuditFileError> {
    let (mut open, mut levels, mut shared) = (0_u32, 0_u32, BTreeSet::new());
    for (domain, _) in domains.iter().flat_map(|domains| domains.iter()) {
        if !file.is_settled(domain.as_str(), since)? {
            open = open.saturating_add(1);
            levels = levels.saturating_add(above(domain, &mut shared));
        }
    }
    let all = domains.map_or(0, Domains::len);
    let levels = levels.saturating_add(u32::try_from(shared.len()).unwrap_or(u32::MAX));
    let mut lines = vec![format!("ctclimb: {open} of {all} domains are to be audited")];
    let mut longest = Duration::ZERO;
    let requests = if plan.fetch.offline { 0 } else { open };
    let services = plan.fetch.services.iter().map(|service| (service.title().to_owned(), service.endpoint(), requests));
    let name = |resolver: &Resolver| resolver.name.clone();
    let resolvers = plan.resolvers.iter().map(|resolver| (name(resolver), Endpoint::Resolver(name(resolver)), levels));
    for (name, endpoint, count) in services.chain(resolvers).filter(|(_, _, count)| *count > 0) {
        let time = plan.throttle.rate(&endpoint).time_for(count);
        longest = longest.max(time);
        let take = if count == 1 { "takes" } else { "take" };
        let questions = counted(u64::from(count), "question");
        lines.push(format!("ctclimb: {name}: at least {questions}, which {take} {}", words(time)));
    }
    if let Some(most) = plan.max_requests {
        lines.push(format!("ctclimb: no more than {most} requests to services in all"));
    }
    let silent = context.quiet && !always;
    Ok(if silent || (!always && longest < LONG) { Vec::new() } else { lines })
}

/// How many levels of a domain are its own; those that others may share go to `shared`.
fn above(domain: &DomainName, shared: &mut BTreeSet<DomainName>) -> u32 {
    let mut own = 0;
    for level in domain.ancestors() {
        if is_public_suffix(&level) {
            shared.insert(level);
        } else {
            own += 1;
        }
    }
    own
}

/// A time as people say it, rounded up.
fn words(time: Duration) -> String {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        7200..172_800 => format!("{} h", seconds.div_ceil(3600)),
        _ => format!("{} days", seconds.div_ceil(86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up_to_what_people_say() {
        for (seconds, said) in [(0, "0 s"), (119, "119 s"), (121, "3 min"), (7201, "3 h"), (172_801, "3 days")] {
            assert_eq!(words(Duration::from_secs(seconds)), said);
        }
        assert_eq!(words(Duration::from_millis(20)), "1 s");
    }

    #[test]
    fn a_tld_is_counted_once_over_all_domains() {
        let mut shared = BTreeSet::new();
        let own: u32 = ["a.com", "b.com", "c.co.uk", "x.b.com"]
            .map(|name| above(&DomainName::parse(name).unwrap(), &mut shared))
            .into_iter()
            .sum();
        assert_eq!((own, shared.len()), (5, 3));
    }
}
