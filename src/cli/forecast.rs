//! `--dry-run`: what a run would ask, and how long that takes at least, without asking.

use super::Failure;
use super::analyze::levels;
use super::args::Investigate;
use super::context::Context;
use super::fetched::{fetch_into, forecast_text};
use super::investigate::sample;
use super::live::rates;
use super::patterns::settings;
use super::progress::Progress;
use crate::case::Case;
use crate::dns::Resolver;
use crate::investigate::Grouped;
use crate::issuance::Collection;
use crate::limit::{Throttle, in_words};
use crate::report::counted;
use crate::source::live::{FetchPlan, Http};

/// An investigation that is only told.
pub struct Foretold<'a> {
    /// The shared options.
    pub context: &'a Context,
    /// What was asked for.
    pub args: &'a Investigate,
    /// What would be fetched.
    pub plan: &'a FetchPlan,
    /// The services.
    pub http: &'a Http,
    /// The limits.
    pub throttle: &'a Throttle,
    /// Who would be asked.
    pub resolvers: &'a [Resolver],
}

impl Foretold<'_> {
    /// Requests, queries, and the time they take at least.
    pub fn text(&self, mut case: Option<&mut Case>) -> Result<String, Failure> {
        let services = forecast_text(self.context, self.plan, self.http, self.throttle, case.as_deref())?;
        Ok(services + &self.lookups(case.take())?)
    }

    /// What would be looked up, as far as kept replies tell the names.
    fn lookups(&self, case: Option<&mut Case>) -> Result<String, Failure> {
        let Self { context, args, plan, http, throttle, resolvers } = *self;
        if args.lookups.climb.dns.is_some() {
            return Ok("DNS: answers come from the scenario file\n".to_owned());
        }
        let names: Vec<&str> = resolvers.iter().map(|resolver| resolver.name.as_str()).collect();
        let names = names.join(", ");
        let repeat = u64::from(args.lookups.repeat.unwrap_or(1));
        let rate = rates(context, &args.limits)?.resolver;
        let mut issued = Collection::new(Some(plan.domain.clone())).finish();
        if case.is_some() {
            let offline = FetchPlan { offline: true, ..plan.clone() };
            let mut collection = Collection::new(Some(plan.domain.clone()));
            let silent = Progress::silent();
            fetch_into(context, &offline, http, throttle, case, &silent, &mut collection)?;
            issued = collection.finish();
        }
        if issued.tree.is_empty() {
            return Ok(format!(
                "DNS: which levels there are is known once the names are; then one CAA query a level at {names}, and A where it fails\n"
            ));
        }
        let grouped = Grouped::new(&issued, &settings(context, &args.grouping)?);
        let (_, selection) = levels(&mut issued, &grouped, sample(context, args));
        let queries = selection.levels.len() as u64 * resolvers.len() as u64 * repeat;
        let time = rate.time_for(u32::try_from(queries / resolvers.len().max(1) as u64).unwrap_or(u32::MAX));
        let mut text = format!(
            "DNS: {} of the names kept so far at {names}: {} and retries, at least {}\n",
            counted(selection.levels.len() as u64, "level"),
            counted(queries, "query"),
            in_words(time)
        );
        for &level in &selection.levels {
            text.push_str(&format!("  CAA {}\n", issued.tree.name(level)));
        }
        Ok(text)
    }
}
