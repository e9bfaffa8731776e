//! Where issuances come from: what CT search services answer, and dumps of it.

pub mod dump;
mod json;
pub mod live;
pub mod reply;
