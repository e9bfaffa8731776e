//! `--deep`, `--no-deep` and what lies between: the name servers are asked about some levels or all.

use std::path::Path;

use anyhow::{Context as _, anyhow};

use super::Failure;
use super::args::{Limits, Lookups as LookupArgs};
use super::context::Context;
use super::live::timeout;
use crate::caa::AuthoritativeView;
use crate::dns::{Exchange, RootHints, ViewOptions, authoritative_view};
use crate::investigate::{Deep, Lookups, SUSPICIOUS, Selection, deep_levels, left_out_note};
use crate::limit::Throttle;
use crate::name::NameTree;

/// Which levels are asked at their name servers, and how.
#[derive(Debug, Clone)]
pub struct DeepPlan {
    /// Which levels.
    pub deep: Deep,
    /// How they are asked.
    pub options: ViewOptions,
    now: i64,
}

impl DeepPlan {
    /// What was asked for, checked before anything is sent.
    ///
    /// # Errors
    /// Root hints that cannot be read, a port or a time that is none.
    pub fn new(context: &Context, lookups: &LookupArgs, limits: &Limits) -> Result<Self, Failure> {
        let mut options = options(context, lookups.root_hints.as_deref(), lookups.port)?;
        if let Some(time) = timeout(context, limits.timeout.as_deref())? {
            options.timeout = time;
        }
        let deep = match (lookups.deep, lookups.no_deep) {
            (true, _) => Deep::All,
            (false, true) => Deep::Never,
            (false, false) => Deep::Odd,
        };
        Ok(Self { deep, options, now: context.now })
    }

    /// What is asked and how, as a text that is the same whenever the same is asked.
    pub fn plan(&self) -> String {
        format!("{:?} {:?}", self.deep, self.options)
    }

    /// How many odd levels are asked at most, when not all are.
    pub fn most_odd(&self) -> usize {
        match self.deep {
            Deep::Never => 0,
            Deep::Odd | Deep::All => SUSPICIOUS,
        }
    }

    /// Asks the name servers, of all levels or of those that look odd. `None` if there is nothing to ask.
    pub async fn view(
        &self,
        tree: &NameTree,
        selection: &Selection,
        lookups: &Lookups,
        exchange: &dyn Exchange,
        throttle: &Throttle,
    ) -> Option<AuthoritativeView> {
        let (levels, left_out) = deep_levels(self.deep, tree, selection, lookups);
        if levels.is_empty() {
            return None;
        }
        let mut view = authoritative_view(&levels, &self.options, exchange, throttle, self.now).await;
        view.limits.extend(left_out_note(left_out));
        Some(view)
    }
}

/// How a view is gathered: where the walk starts and at which port.
///
/// # Errors
/// Root hints that cannot be read, a port that is none.
pub fn options(context: &Context, hints: Option<&Path>, port: Option<u16>) -> Result<ViewOptions, Failure> {
    let port = port.or(context.file.port).unwrap_or(53);
    if port == 0 {
        return Err(Failure::Usage(anyhow!("`--port 0`: name servers listen at a port from 1 to 65535")));
    }
    let mut options = ViewOptions { port, ..ViewOptions::default() };
    if let Some(path) = hints.or(context.file.root_hints.as_deref()) {
        let label = path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the root hints `{label}`"))?;
        options.hints = RootHints::parse(&label, &text).map_err(|error| Failure::Usage(error.into()))?;
    }
    Ok(options)
}
