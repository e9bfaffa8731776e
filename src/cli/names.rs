//! `ctclimb names`: the distinct names of dumps, one a line.

use super::args::{Format, Names};
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::inputs::{inputs, read_all, scope};
use super::output::write_result;
use super::{Failure, wrong_format};
use crate::issuance::Collection;
use crate::report::{counted, thousands};

/// Runs the command. Names come in order of first appearance, a bare name before its wildcard.
pub fn run(env: &mut Env, context: &Context, args: &Names) -> Result<Exit, Failure> {
    if let Some(format) = context.format.filter(|format| *format != Format::Text) {
        return Err(wrong_format("names", format, "text"));
    }
    let inputs = inputs(env, &args.inputs, "names")?;
    let mut collection = Collection::names_only(scope(args.domain.as_deref())?);
    let told = read_all(env, context, inputs, &mut collection)?;
    let tree = collection.tree();
    write_result(env, context.output.as_deref(), |out| {
        for name in tree.sans() {
            if name.wildcard() {
                out.write_all(b"*.")?;
            }
            out.write_all(tree.name(name.node()).as_bytes())?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })?;
    let names = counted(tree.sans().count() as u64, "name");
    context.say(env, &format!("ctclimb: {names} in {}", counted(collection.counts().records, "record")));
    for (class, noticed) in collection.drops().iter() {
        context
            .say(env, &format!("ctclimb: dropped {} {class}, such as `{}`", thousands(noticed.count), noticed.example));
    }
    for (class, dropped) in &told.unreadable {
        context.say(env, &format!("ctclimb: {} {class}, the first: {}", thousands(dropped.count), dropped.example));
    }
    Ok(if told.complete() { Exit::Complete } else { Exit::Incomplete })
}
