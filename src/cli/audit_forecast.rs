//! What an audit is going to ask of other people's machines, told before it does.

use std::collections::BTreeSet;
use std::time::Duration;

use super::audit_plan::Plan;
use super::context::Context;
use crate::audit::file::{AuditFile, AuditFileError};
use crate::audit::input::Domains;
use crate::dns::Resolver;
use crate::limit::{Endpoint, in_words};
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
        lines.push(format!("ctclimb: {name}: at least {questions}, which {take} {}", in_words(time)));
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

#[cfg(test)]
mod tests {
    use super::*;

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
