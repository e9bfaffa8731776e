//! The policy of an audit: what the owner of many domains allows. Read from TOML, applied to one row at a time; pure.

mod read;
mod rules;
mod words;

pub use read::{Exception, Policy, PolicyError, Rule};
pub use rules::apply;
pub(super) use rules::has_tag;
pub use words::{UNDECIDED, policy_codes};
