//! The audit of many domains: lists and dumps in, one row a domain out; resumable, in shards, held against a policy.
//!
//! Knows nothing of the command line. One domain is the business of the `investigate` room.

pub mod diff;
pub mod dns;
pub mod domain;
pub mod fetch;
pub mod file;
pub mod input;
pub mod ledger;
mod look_up;
pub mod merge;
pub mod name_servers;
pub mod output;
pub mod partition;
pub mod policy;
mod record;
pub mod row;
pub mod run;
pub mod shard;
pub mod stop;
