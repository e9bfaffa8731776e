//! [`Outcomes`]: what lookups of a stream came to, each different outcome once.

use std::collections::HashMap;

use super::views::worst;
use crate::caa::{Lookup, LookupFailure, LookupOutcome, Soa, Transport};

/// Different outcomes that are told apart in verdicts. Hostile servers may invent more: those are then "malformed".
const OUTCOMES: usize = 1 << 20;

/// All different outcomes, as far as verdicts tell them apart.
pub(super) struct Outcomes {
    all: Vec<Lookup>,
    numbers: HashMap<String, u32>,
}

impl Outcomes {
    pub(super) const NO_DATA: u32 = 1;
    pub(super) const NX_DOMAIN: u32 = 2;
    const ONE_TOO_MANY: u32 = 3;

    pub(super) fn new() -> Self {
        let bare = |outcome| Lookup::bare(outcome, Transport::Udp);
        let failed = |failure| bare(LookupOutcome::Failed(failure));
        let all = vec![
            failed(LookupFailure::NotAsked),
            bare(LookupOutcome::NoData(Soa::Present)),
            bare(LookupOutcome::NxDomain(Soa::Present)),
            failed(LookupFailure::Malformed("one of over a million different answers".to_owned())),
        ];
        Self { all, numbers: HashMap::new() }
    }

    pub(super) fn get(&self, number: u32) -> &Lookup {
        &self.all[number as usize]
    }

    /// The number of what the views of a level amount to: the worst of them, with what bears on a failure.
    pub(super) fn number<'l>(&mut self, mut lookups: impl Iterator<Item = &'l Lookup> + Clone) -> u32 {
        let Some(worst) = worst(lookups.clone()) else { return 0 };
        let essence = match &worst.outcome {
            LookupOutcome::NoData(Soa::Present) => return Self::NO_DATA,
            LookupOutcome::NxDomain(Soa::Present) => return Self::NX_DOMAIN,
            LookupOutcome::Failed(_) => {
                let bogus = lookups.clone().find_map(|lookup| lookup.checking_disabled.clone());
                Lookup {
                    tries: worst.tries.min(2),
                    checking_disabled: worst.checking_disabled.clone().or(bogus),
                    authenticated: lookups.any(|lookup| lookup.authenticated),
                    ..Lookup::bare(worst.outcome.clone(), worst.transport)
                }
            }
            LookupOutcome::Records(_) | LookupOutcome::NoData(_) | LookupOutcome::NxDomain(_) => {
                Lookup::bare(worst.outcome.clone(), worst.transport)
            }
        };
        let key = format!("{essence:?}");
        if let Some(&number) = self.numbers.get(&key) {
            return number;
        }
        if self.all.len() >= OUTCOMES {
            return Self::ONE_TOO_MANY;
        }
        let number = u32::try_from(self.all.len()).expect("fewer than the bound");
        self.all.push(essence);
        self.numbers.insert(key, number);
        number
    }
}
