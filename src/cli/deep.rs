//! `--deep`, `--no-deep` and what lies between: the name servers are asked about some levels or all.

use std::path::Path;

use anyhow::{Context as _, anyhow};

use super::Failure;
use super::args::Lookups as LookupArgs;
use super::context::Context;
use crate::caa::AuthoritativeView;
use crate::dns::{Exchange, RootHints, ViewOptions, authoritative_view};
use crate::investigate::{Deep, Lookups, Selection, deep_levels, left_out_note};
use crate::limit::Throttle;
use crate::name::NameTree;

/// How far the name servers are asked, and how.
///
/// # Errors
/// Root hints that cannot be read.
pub fn options(context: &Context, args: &LookupArgs) -> Result<(Deep, ViewOptions), Failure> {
    let options = way(context, args.root_hints.as_deref(), args.port)?;
    let deep = match (args.deep, args.no_deep) {
        (true, _) => Deep::All,
        (false, true) => Deep::Never,
        (false, false) => Deep::Odd,
    };
    Ok((deep, options))
}

/// Asks the name servers, of all levels or of those that look odd. `None` if there is nothing to ask.
///
/// # Errors
/// Root hints that cannot be read.
pub async fn view(
    context: &Context,
    args: &LookupArgs,
    tree: &NameTree,
    selection: &Selection,
    lookups: &Lookups,
    exchange: &dyn Exchange,
    throttle: &Throttle,
) -> Result<Option<AuthoritativeView>, Failure> {
    let (deep, options) = options(context, args)?;
    let (levels, left_out) = deep_levels(deep, tree, selection, lookups);
    if levels.is_empty() {
        return Ok(None);
    }
    let mut view = authoritative_view(&levels, &options, exchange, throttle, context.now).await;
    view.limits.extend(left_out_note(left_out));
    Ok(Some(view))
}

/// How a view is gathered: where the walk starts and at which port.
///
/// # Errors
/// Root hints that cannot be read, a port that is none.
pub fn way(context: &Context, hints: Option<&Path>, port: Option<u16>) -> Result<ViewOptions, Failure> {
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
