//! `ctclimb`: which names does a domain get certificates for, and can a CA look up CAA at every level above them?

pub mod acme;
pub mod audit;
pub mod caa;
pub mod case;
pub mod cli;
pub mod dns;
pub mod finding;
pub mod investigate;
pub mod issuance;
pub mod limit;
pub mod name;
pub mod pattern;
pub mod report;
pub mod source;
