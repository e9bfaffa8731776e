//! `--deep`, `--no-deep` and what lies between: which levels the zones' own name servers are asked about.

use anyhow::Context as _;

use super::Failure;
use super::args::Lookups as LookupArgs;
use crate::caa::{AuthoritativeView, Lookup, LookupOutcome, Soa};
use crate::dns::{Exchange, RootHints, ViewOptions, authoritative_view};
use crate::investigate::{Lookups, Selection};
use crate::limit::Throttle;
use crate::name::{DomainName, NameTree, NodeId};

/// Levels whose name servers are asked without `--deep`, at most: many failures mostly have one cause.
const SUSPICIOUS: usize = 32;

/// Asks the name servers, of all levels or of those that look odd. `None` if there is nothing to ask.
///
/// # Errors
/// Root hints that cannot be read.
pub async fn view(
    args: &LookupArgs,
    tree: &NameTree,
    selection: &Selection,
    lookups: &Lookups,
    exchange: &dyn Exchange,
    throttle: &Throttle,
    now: i64,
) -> Result<Option<AuthoritativeView>, Failure> {
    let mut options = ViewOptions { port: args.port.unwrap_or(53), ..ViewOptions::default() };
    if let Some(path) = &args.root_hints {
        let label = path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{label}`"))?;
        options.hints = RootHints::parse(&label, &text).map_err(|error| Failure::Usage(error.into()))?;
    }
    let odd = |views: &[(String, Lookup)]| {
        let word = |at: usize| views.get(at).map(|(_, lookup)| lookup.outcome.word());
        views.iter().any(|(_, lookup)| is_odd(&lookup.outcome)) || (1..views.len()).any(|at| word(at) != word(0))
    };
    let odd_level = |level: NodeId| odd(lookups.get(&level).map_or(&[][..], Vec::as_slice));
    // Where no resolver answers anything the line is the trouble, and every name server would seem dead too.
    let answered = lookups.values().flatten().any(|(_, lookup)| lookup.rcode.is_some());
    let wanted = |level: &&NodeId| args.deep || (answered && odd_level(**level));
    let mut levels: Vec<DomainName> =
        selection.levels.iter().filter(wanted).map(|&level| tree.domain_name(level)).collect();
    let left_out = if args.deep { 0 } else { levels.len().saturating_sub(SUSPICIOUS) };
    levels.truncate(levels.len() - left_out);
    if args.no_deep || levels.is_empty() {
        return Ok(None);
    }
    let mut view = authoritative_view(&levels, &options, exchange, throttle, now).await;
    if left_out > 0 {
        view.limits
            .insert(format!("{left_out} more odd levels were not asked at their name servers; `--deep` asks all"));
    }
    Ok(Some(view))
}

fn is_odd(outcome: &LookupOutcome) -> bool {
    match outcome {
        LookupOutcome::Failed(_) => true,
        LookupOutcome::NoData(soa) | LookupOutcome::NxDomain(soa) => *soa != Soa::Present,
        LookupOutcome::Records(_) => false,
    }
}
