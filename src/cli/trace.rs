//! `ctclimb trace`: the authoritative view of one name, from the root down, server by server.

use std::net::SocketAddr;

use anyhow::anyhow;

use super::Failure;
use super::args::{Format, Trace as Args};
use super::context::Context;
use super::deep;
use super::env::Env;
use super::exit::Exit;
use super::interrupt::block_on;
use super::live::{throttle, timeout, timestamp};
use super::output::write_result;
use super::present::{is_at_or_above, style};
use super::progress::Progress;
use super::{rate, wrong_format};
use crate::caa::evidence_name::mnemonic;
use crate::case::DnsExchange;
use crate::dns::{Recorder, Sockets, authoritative_view};
use crate::investigate::TOOL;
use crate::name::{DomainName, SubjectAltName};
use crate::report::{Asked, Trace};

/// Runs the command.
pub fn run(env: &mut Env, context: &Context, args: &Args) -> Result<Exit, Failure> {
    let format = context.format.unwrap_or(Format::Text);
    if !matches!(format, Format::Text | Format::Json) {
        return Err(wrong_format("trace", format, "text and json"));
    }
    let name = name(&args.name)?;
    let mut options = deep::options(context, args.root_hints.as_deref(), args.port)?;
    if let Some(time) = timeout(context, args.timeout.as_deref())? {
        options.timeout = time;
    }
    let rates = if args.rate.is_empty() { context.file.rate.clone().unwrap_or_default() } else { args.rate.clone() };
    let throttle = throttle(rate::parse(&rates).map_err(Failure::Usage)?);
    let levels: Vec<DomainName> = name.name.ancestors().collect();

    let progress = Progress::new(env, context);
    let gathered = block_on(async {
        let sockets = Sockets::new();
        let clock = jiff::Timestamp::now;
        let told = |exchange: DnsExchange| progress.question(&asked(&exchange));
        let exchange = Recorder::new(&sockets, &clock, &told);
        authoritative_view(&levels, &options, &exchange, &throttle, context.now).await
    })?;
    drop(progress);
    let Some(view) = gathered else {
        env.say("ctclimb: stopped; nothing was kept");
        return Ok(Exit::Interrupted);
    };

    let time = timestamp(context.now).to_string();
    let trace = Trace::new(&view, &Asked { name: &name, port: options.port, tool: TOOL, time });
    let style = style(env, context);
    write_result(env, context.output.as_deref(), |out| match format {
        Format::Json => trace.write_json(out),
        _ => trace.write_text(&style, args.each, out),
    })?;
    if trace.coverage.answering == 0 {
        return Err(Failure::Work(anyhow!(
            "no name server answered, not even those the walk starts at. Where the network lets no DNS out but to its own \
             resolver, `ctclimb caa {}` with that resolver still works; for a hierarchy of your own give `--root-hints` and \
             `--port`",
            name.name
        )));
    }
    let found = trace.causes().any(|(_, cause)| is_at_or_above(context, cause.severity));
    Ok(match (found, trace.coverage.complete) {
        (true, _) => Exit::Findings,
        (false, true) => Exit::Complete,
        (false, false) => Exit::Incomplete,
    })
}

/// The name to trace.
fn name(text: &str) -> Result<SubjectAltName, Failure> {
    if text.trim() == "." {
        return Err(Failure::Usage(anyhow!(
            "`.` is the root, which is never asked for CAA; name a TLD or a name below"
        )));
    }
    SubjectAltName::parse(text).map_err(|class| {
        Failure::Usage(anyhow!("`{}` is no DNS name ({class}); expected one as `www.example.net`", text.escape_debug()))
    })
}

/// A question in a few words. Names on the wire come from people and from servers: nothing of them may reach a terminal raw.
fn asked(exchange: &DnsExchange) -> String {
    let kind = mnemonic(exchange.rtype).map_or_else(|| format!("TYPE{}", exchange.rtype), str::to_owned);
    let place = exchange.server.rsplit(' ').next().unwrap_or_default();
    let place = place.parse::<SocketAddr>().map_or_else(|_| place.to_owned(), |at| at.ip().to_string());
    format!("{kind} {} at {place}", crate::report::safe_ascii(&exchange.name))
}
