//! The audit of many domains: lists and dumps in, one row a domain out; resumable, in shards, held against a policy.
//!
//! Knows nothing of the command line. One domain is the business of the `investigate` room.

pub mod input;
pub mod policy;
pub mod row;
pub mod shard;
