//! Groups of options that several commands share.

use std::path::PathBuf;

use clap::Args;

use super::DetailArg;
use crate::cli::valid;

/// How names are grouped.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Grouping")]
pub struct Grouping {
    /// How finely to split
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub detail: Option<DetailArg>,
    /// At most this many patterns
    #[arg(long, value_name = "N", value_parser = valid::at_least_one)]
    pub max_patterns: Option<usize>,
    /// This label is always a constant (repeatable)
    #[arg(long, value_name = "LABEL", value_parser = valid::label)]
    pub keep: Vec<String>,
    /// What matches is one pattern (repeatable)
    #[arg(long, value_name = "REGEX")]
    pub join: Vec<String>,
}

impl Grouping {
    /// Whether any of it was typed.
    pub fn is_typed(&self) -> bool {
        self.detail.is_some() || self.max_patterns.is_some() || !self.keep.is_empty() || !self.join.is_empty()
    }
}

/// Which names are climbed, and for whom they are judged.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Climb")]
pub struct Climb {
    /// Answers from a scenario file instead of the network
    #[arg(long, value_name = "FILE", value_parser = valid::named_file())]
    pub dns: Option<PathBuf>,
    /// Climb every name, not a sample of each pattern
    #[arg(long)]
    pub all_names: bool,
    /// Names of each pattern to climb [default: 8]
    #[arg(long, value_name = "K", value_parser = valid::at_least_one)]
    pub sample: Option<usize>,
    /// Judge for this CA's CAA domain (repeatable); default: the issuers seen
    #[arg(long, value_name = "DOMAIN", value_parser = valid::issuer)]
    pub issuer: Vec<String>,
    /// Judge for this validation method (RFC 8657)
    #[arg(long, value_name = "METHOD", value_parser = valid::method)]
    pub method: Option<String>,
    /// Judge for this ACME account (RFC 8657)
    #[arg(long, value_name = "URI", value_parser = valid::account_uri)]
    pub account_uri: Option<String>,
}

/// How CAA is looked up.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Lookups")]
pub struct Lookups {
    /// Resolver (repeatable): `system`, `IP[:PORT]`, `tls://HOST`, `https://HOST/dns-query`
    #[arg(short, long, value_name = "RESOLVER")]
    pub resolver: Vec<String>,
    /// Ask the zones' own name servers for every level
    #[arg(long, conflicts_with = "no_deep")]
    pub deep: bool,
    /// Never ask the zones' own name servers
    #[arg(long)]
    pub no_deep: bool,
    /// Root servers for the authoritative view: lines of `NAME ADDRESS` or a root hints file
    #[arg(long, value_name = "FILE", value_parser = valid::named_file())]
    pub root_hints: Option<PathBuf>,
    /// Port of the name servers in the authoritative view
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Ask everything this many times; a level that fails once has failed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeat: Option<u32>,
    /// Where answers come from instead, which names are climbed, and for whom.
    #[command(flatten)]
    pub climb: Climb,
}

/// Limits towards other people's machines.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Rate limit (repeatable): WHAT is crtsh, certspotter, resolver or server; `unlimited` for the last two
    #[arg(long, value_name = "[WHAT=]N[/s|/m|/h]", alias = "rl")]
    pub rate: Vec<String>,
    /// Questions in flight at each resolver, 1 to 10000 [default: 192]
    #[arg(long, value_name = "N", alias = "threads", value_parser = valid::in_flight)]
    pub concurrency: Option<usize>,
    /// Time for one try, such as 5s or 800ms; a bare number is seconds [default: 4s at resolvers, 5s at name servers]
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<String>,
    /// Tries after the first, after silence only, 0 to 255 [default: 2]; one more goes over TCP while no datagram came back at all
    #[arg(long, value_name = "N")]
    pub retries: Option<u8>,
}

/// Where certificates come from and where they are kept.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Certificates")]
pub struct Sources {
    /// Source (repeatable): crtsh, certspotter, crtsh-pg; default: crtsh, and certspotter where that does not answer
    #[arg(long, value_name = "SOURCE")]
    pub source: Vec<String>,
    /// Expired certificates too
    #[arg(long)]
    pub expired: bool,
    /// Use only what the case file holds
    #[arg(long)]
    pub offline: bool,
    /// The case file; default: DOMAIN.ctclimb in the data directory
    #[arg(long, value_name = "PATH")]
    pub case: Option<PathBuf>,
    /// Keep no case file
    #[arg(long, conflicts_with = "case")]
    pub no_case: bool,
    /// Ask again even where the case file is fresh
    #[arg(long)]
    pub fresh: bool,
    /// At most this many requests in all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_requests: Option<u32>,
    /// At most this long for fetching, such as 10m
    #[arg(long, value_name = "TIME")]
    pub max_time: Option<String>,
    /// Print the requests and queries this would make, and the time they take, and make none
    #[arg(long)]
    pub dry_run: bool,
}
