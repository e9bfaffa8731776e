//! `ctclimb names`: the distinct names of dumps, one a line.

use super::args::{Format, Names};
use super::context::Context;
use super::env::Env;
use super::exit::Exit;
use super::inputs::{inputs, read_all, scope};
use super::output::write_result;
use super::{Failure, need_parquet, wrong_format};
use crate::issuance::Collection;
use crate::report::counted;

/// Runs the command. Names come in order of first appearance, a bare name before its wildcard.
pub fn run(env: &mut Env, context: &Context, args: &Names) -> Result<Exit, Failure> {
    match context.format {
        Some(Format::Parquet) => need_parquet()?,
        Some(Format::Text) | None => {}
        Some(other) => return Err(wrong_format("names", other, "text and parquet")),
    }
    let inputs = inputs(env, &args.inputs, "names")?;
    let mut collection = Collection::names_only(scope(args.domain.as_deref())?);
    let told = read_all(env, context, inputs, &mut collection)?;
    let tree = collection.tree();
    write_result(env, context.output.as_deref(), |out| {
        #[cfg(feature = "parquet")]
        if context.format == Some(Format::Parquet) {
            return table(tree, out);
        }
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
    told.say(env, context, collection.drops());
    Ok(if told.complete() { Exit::Complete } else { Exit::Incomplete })
}

/// The names as a table, in the same order.
#[cfg(feature = "parquet")]
fn table(tree: &crate::name::NameTree, out: impl std::io::Write + Send) -> std::io::Result<()> {
    use crate::report::parquet::names::{NameRow, Names};
    let mut table = Names::new(out)?;
    for san in tree.sans() {
        let name = tree.name(san.node());
        let root = crate::name::registered_domain(name);
        table.row(&NameRow { name, wildcard: san.wildcard(), root, ..NameRow::default() })?;
    }
    table.finish()
}
