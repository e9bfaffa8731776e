//! [`direct`]: what the name servers of a level say of CAA there, asked directly, where they show no fault.
//!
//! Against it the word of a resolver can be held: where the two differ, the resolver or the way from it is at fault.

use super::cause_line::Line;
use super::cause_zone::{at, causes};
use super::{AuthoritativeView, LookupOutcome, classify};

/// The word of name servers that show no fault at a level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Direct {
    /// What they all say; `None` where no single answer holds it all, as with an alias into another zone.
    pub outcome: Option<LookupOutcome>,
}

/// What the name servers of a level say of CAA there. `None` unless some of them answered and nothing is wrong with any, nor
/// with the zones above, as far as it shows from here.
#[must_use]
pub fn direct(view: &AuthoritativeView, level: &str) -> Option<Direct> {
    let evidence = view.levels.get(level)?;
    let zone = view.zones.get(&evidence.zone)?;
    if Line::of(view) != Line::Sound || !causes(view, level).is_empty() {
        return None;
    }
    let answers = || {
        evidence.servers.keys().filter_map(|address| at(view, zone, evidence, *address)?.answer()).map(|answer| {
            let mut outcome = classify(level, answer.message).outcome;
            if let LookupOutcome::Records(set) = &mut outcome {
                set.sort_unstable();
            }
            outcome
        })
    };
    let first = answers().next()?;
    let unanimous = !matches!(first, LookupOutcome::Failed(_)) && answers().all(|other| other == first);
    Some(Direct { outcome: unanimous.then_some(first) })
}
