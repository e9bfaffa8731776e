//! Where issuances come from: what CT search services answer, and dumps of it.

mod json;
pub mod reply;
