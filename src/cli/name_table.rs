//! `-f parquet`: the names of a run as a table, in place of its report.

use super::Failure;
use super::args::Format;
use super::context::Context;
use super::env::Env;
use crate::investigate::Grouped;
use crate::issuance::Issuances;
use crate::report::Report;

/// The names of a run, gathered before it is concluded, where a table of them is wanted.
pub struct NameTable {
    #[cfg(feature = "parquet")]
    names: crate::investigate::NameTable,
}

#[cfg_attr(
    not(feature = "parquet"),
    allow(unused_variables, clippy::unused_self, clippy::unnecessary_wraps, reason = "nothing is gathered")
)]
impl NameTable {
    /// Gathers the names if the format asks for them.
    ///
    /// # Errors
    /// Parquet is not in this build.
    pub fn new(context: &Context, issued: &Issuances, grouped: &Grouped) -> Result<Option<Self>, Failure> {
        if context.format != Some(Format::Parquet) {
            return Ok(None);
        }
        super::need_parquet()?;
        Ok(Some(Self {
            #[cfg(feature = "parquet")]
            names: crate::investigate::NameTable::new(issued, grouped),
        }))
    }

    /// Writes the table of what it was gathered from.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, env: &mut Env, context: &Context, issued: &Issuances, report: &Report) -> Result<(), Failure> {
        #[cfg(feature = "parquet")]
        super::output::write_result(env, context.output.as_deref(), |out| self.names.write(issued, report, out))?;
        Ok(())
    }
}
