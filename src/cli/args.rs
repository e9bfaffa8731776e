//! What was typed, by `clap`. Meaning and defaults live in [`super::plan`].

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Which names does a domain get certificates for, and can a CA look up CAA at every level above them?
#[derive(Debug, Parser)]
#[command(name = "ctclimb", version, arg_required_else_help = true, propagate_version = true)]
#[command(after_help = "Exit codes: 0 complete, 1 findings, 2 usage, 3 incomplete, 4 failed, 130 interrupted.\n\
                        Results go to standard output, the conversation to standard error.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options that every command understands.
    #[command(flatten)]
    pub common: Common,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fetch, group, look up, diagnose, report: everything for one domain, live
    #[command(after_help = "Examples:\n  ctclimb investigate example.net\n  \
        ctclimb investigate example.net -f markdown -o post.md\n  \
        ctclimb investigate example.net -r 9.9.9.9 -r 1.1.1.1 --error acme.json")]
    Investigate(Investigate),
    /// The same report from dumps, without touching the network
    #[command(after_help = "Examples:\n  ctclimb analyze crtsh.json --dns answers.toml\n  \
        curl ... | ctclimb analyze - -f json\n  ctclimb analyze example.net.ctclimb")]
    Analyze(Analyze),
    /// Many domains, or everything in dumps: one row a domain and pattern, resumable
    #[command(after_help = "Examples:\n  ctclimb audit -l domains.txt --file mine.audit > rows.jsonl\n  \
        ctclimb audit --from dumps/ --dns answers.toml --policy policy.toml --sarif findings.sarif\n  \
        ctclimb audit merge shard-*.audit --sorted > rows.jsonl")]
    Audit(Box<super::audit::Audit>),
    /// Fetch certificates only, into the case file and as NDJSON
    #[command(after_help = "Examples:\n  ctclimb fetch example.net > issuances.ndjson\n  \
        ctclimb fetch example.net --source certspotter --dry-run")]
    Fetch(Fetch),
    /// Unique names of dumps, one a line
    #[command(after_help = "Examples:\n  ctclimb names crtsh.json.gz\n  ctclimb names tiles/ | ctclimb patterns")]
    Names(Names),
    /// Group names into patterns
    #[command(after_help = "Examples:\n  ctclimb names dump.json | ctclimb patterns\n  \
        ctclimb patterns names.txt --assign groups.tsv -f tsv\n  \
        ctclimb patterns part1.txt --partial > 1.sum; ctclimb patterns --merge 1.sum 2.sum")]
    Patterns(Patterns),
    /// Look up CAA at all levels of all names
    #[command(after_help = "Examples:\n  ctclimb caa www.example.net\n  \
        ctclimb caa -l names.txt -r 127.0.0.1 -f jsonl\n  ctclimb caa www.example.net --deep --issuer letsencrypt.org")]
    Caa(Caa),
    /// What an ACME error says, and what it does not say
    #[command(after_help = "Examples:\n  ctclimb explain \"DNS problem: networking error looking up CAA for net\"\n  \
        ctclimb explain /var/log/letsencrypt/letsencrypt.log")]
    Explain(Explain),
    /// Render the report of a case file again
    #[command(after_help = "Example:\n  ctclimb report example.net.ctclimb -f html -o report.html")]
    Report(ReportArgs),
    /// Show the settings in force and where each comes from
    Config {
        /// What to do with the configuration.
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Print a completion script
    Completions {
        /// The shell to complete for.
        shell: clap_complete::Shell,
    },
    /// Print the manual page of the program or of one command
    Man {
        /// The command; the whole program without.
        command: Option<String>,
    },
}

/// `ctclimb config ...`
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Print each setting, its value and its origin
    Show,
}

/// Options that every command understands.
#[derive(Debug, Args)]
#[command(next_help_heading = "General options")]
pub struct Common {
    /// Write the result to FILE (atomically) instead of standard output
    #[arg(short, long, global = true, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Output format; each command names those it has
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Colour on the terminal
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    pub color: Option<ColorChoice>,
    /// Results only: no progress, no summary
    #[arg(short, long, global = true, alias = "silent")]
    pub quiet: bool,
    /// Configuration file
    #[arg(long, global = true, value_name = "FILE", env = "CTCLIMB_CONFIG")]
    pub config: Option<PathBuf>,
    /// Take this as the present time (RFC 3339), for reports that repeat byte for byte
    #[arg(long, global = true, value_name = "TIME", env = "SOURCE_DATE_EPOCH")]
    pub now: Option<String>,
    /// Exit with 1 when a finding is at least this bad
    #[arg(long, global = true, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
}

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For the terminal.
    Text,
    /// For a Discourse forum.
    Markdown,
    /// One JSON document.
    Json,
    /// One JSON value a line.
    Jsonl,
    /// Comma-separated values.
    Csv,
    /// Tab-separated values.
    Tsv,
    /// One self-contained page.
    Html,
}

/// `--color`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// `--fail-on`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FailOn {
    /// Errors only.
    Error,
    /// Warnings and errors.
    Warning,
    /// Any finding.
    Note,
    /// Nothing.
    Never,
}

/// How names are grouped.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Grouping")]
pub struct Grouping {
    /// How finely to split
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub detail: Option<DetailArg>,
    /// At most this many patterns
    #[arg(long, value_name = "N")]
    pub max_patterns: Option<usize>,
    /// This label is always a constant (repeatable)
    #[arg(long, value_name = "LABEL")]
    pub keep: Vec<String>,
    /// What matches is one pattern (repeatable)
    #[arg(long, value_name = "REGEX")]
    pub join: Vec<String>,
}

/// `--detail`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DetailArg {
    /// Few, broad patterns.
    Low,
    /// What most readers want.
    Normal,
    /// Many, narrow patterns.
    High,
}

/// How CAA is looked up and judged.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Lookups")]
pub struct Lookups {
    /// Resolver (repeatable): `system`, `IP[:PORT]`, `tls://HOST`, `https://HOST/dns-query`
    #[arg(short, long, value_name = "RESOLVER")]
    pub resolver: Vec<String>,
    /// Answers from a scenario file instead of the network
    #[arg(long, value_name = "FILE")]
    pub dns: Option<PathBuf>,
    /// Ask the zones' own name servers for every level
    #[arg(long, conflicts_with = "no_deep")]
    pub deep: bool,
    /// Never ask the zones' own name servers
    #[arg(long)]
    pub no_deep: bool,
    /// Root servers for the authoritative view: lines of `NAME ADDRESS` or a root hints file
    #[arg(long, value_name = "FILE")]
    pub root_hints: Option<PathBuf>,
    /// Port of the name servers in the authoritative view
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Climb every name, not a sample of each pattern
    #[arg(long)]
    pub all_names: bool,
    /// Names of each pattern to climb
    #[arg(long, value_name = "K")]
    pub sample: Option<usize>,
    /// Judge for this CA's CAA domain (repeatable); default: the issuers seen
    #[arg(long, value_name = "DOMAIN")]
    pub issuer: Vec<String>,
    /// Judge for this validation method (RFC 8657)
    #[arg(long, value_name = "METHOD")]
    pub method: Option<String>,
    /// Judge for this ACME account (RFC 8657)
    #[arg(long, value_name = "URI")]
    pub account_uri: Option<String>,
    /// Ask everything this many times; a level that fails once has failed
    #[arg(long, value_name = "N")]
    pub repeat: Option<u32>,
}

/// Limits towards other people's machines.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Rate limit (repeatable): WHAT is crtsh, certspotter, resolver or server; `unlimited` for the last two
    #[arg(long, value_name = "[WHAT=]N[/s|/m|/h]", alias = "rl")]
    pub rate: Vec<String>,
    /// Questions in flight
    #[arg(long, value_name = "N", alias = "threads")]
    pub concurrency: Option<usize>,
    /// Time for one try, such as 5s or 800ms
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<String>,
    /// Tries after the first
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
    #[arg(long, value_name = "N")]
    pub max_requests: Option<u32>,
    /// At most this long for fetching, such as 10m
    #[arg(long, value_name = "TIME")]
    pub max_time: Option<String>,
    /// Print the requests and queries this would make, and the time they take, and make none
    #[arg(long)]
    pub dry_run: bool,
}

/// `ctclimb investigate`
#[derive(Debug, Args)]
pub struct Investigate {
    /// The domain
    #[arg(value_name = "DOMAIN", required_unless_present = "domain_option")]
    pub domain: Option<String>,
    /// The domain, as an option
    #[arg(short, long = "domain", id = "domain_option", value_name = "DOMAIN", conflicts_with = "domain")]
    pub domain_option: Option<String>,
    /// ACME error text or client log to tie to what is found (`-` is standard input)
    #[arg(long, value_name = "FILE")]
    pub error: Option<PathBuf>,
    /// Replace the registered domain and one-off labels, consistently
    #[arg(long)]
    pub redact: bool,
    /// Where certificates come from.
    #[command(flatten)]
    pub sources: Sources,
    /// How names are grouped.
    #[command(flatten)]
    pub grouping: Grouping,
    /// How CAA is looked up.
    #[command(flatten)]
    pub lookups: Lookups,
    /// Limits.
    #[command(flatten)]
    pub limits: Limits,
}

/// `ctclimb analyze`
#[derive(Debug, Args)]
pub struct Analyze {
    /// Dumps, case files or directories; `-` or nothing is standard input
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// Only names at or below DOMAIN; default: the one registered domain of the input, if it is one
    #[arg(short, long, value_name = "DOMAIN")]
    pub domain: Option<String>,
    /// ACME error text or client log to tie to what is found
    #[arg(long, value_name = "FILE")]
    pub error: Option<PathBuf>,
    /// Replace the registered domain and one-off labels, consistently
    #[arg(long)]
    pub redact: bool,
    /// How names are grouped.
    #[command(flatten)]
    pub grouping: Grouping,
    /// Answers from a scenario file
    #[arg(long, value_name = "FILE")]
    pub dns: Option<PathBuf>,
    /// Climb every name, not a sample of each pattern
    #[arg(long)]
    pub all_names: bool,
    /// Names of each pattern to climb
    #[arg(long, value_name = "K")]
    pub sample: Option<usize>,
    /// Judge for this CA's CAA domain (repeatable); default: the issuers seen
    #[arg(long, value_name = "DOMAIN")]
    pub issuer: Vec<String>,
    /// Judge for this validation method (RFC 8657)
    #[arg(long, value_name = "METHOD")]
    pub method: Option<String>,
    /// Judge for this ACME account (RFC 8657)
    #[arg(long, value_name = "URI")]
    pub account_uri: Option<String>,
}

/// `ctclimb fetch`
#[derive(Debug, Args)]
pub struct Fetch {
    /// The domains
    #[arg(value_name = "DOMAIN")]
    pub domains: Vec<String>,
    /// Domains from FILE, one a line; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// Where certificates come from.
    #[command(flatten)]
    pub sources: Sources,
    /// Limits.
    #[command(flatten)]
    pub limits: Limits,
}

/// `ctclimb names`
#[derive(Debug, Args)]
pub struct Names {
    /// Dumps or directories; `-` or nothing is standard input
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// Only names at or below DOMAIN
    #[arg(short, long, value_name = "DOMAIN")]
    pub domain: Option<String>,
}

/// `ctclimb patterns`
#[derive(Debug, Args)]
pub struct Patterns {
    /// Name lists, dumps or directories; `-` or nothing is standard input
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// Only names at or below DOMAIN
    #[arg(short, long, value_name = "DOMAIN")]
    pub domain: Option<String>,
    /// Write every distinct name and its pattern id to FILE
    #[arg(long, value_name = "FILE")]
    pub assign: Option<PathBuf>,
    /// Write mergeable summaries instead of patterns
    #[arg(long, conflicts_with_all = ["merge", "assign"])]
    pub partial: bool,
    /// Inputs are summaries written by `--partial`: join them and finish
    #[arg(long, conflicts_with = "assign")]
    pub merge: bool,
    /// How names are grouped.
    #[command(flatten)]
    pub grouping: Grouping,
    /// Threads; default: all cores
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// `ctclimb caa`
#[derive(Debug, Args)]
pub struct Caa {
    /// The names; `*.` in front is a wildcard
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Names from FILE, one a line; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// How CAA is looked up.
    #[command(flatten)]
    pub lookups: Lookups,
    /// Limits.
    #[command(flatten)]
    pub limits: Limits,
    /// Print the queries this would make, and the time they take, and make none
    #[arg(long)]
    pub dry_run: bool,
}

/// `ctclimb explain`
#[derive(Debug, Args)]
pub struct Explain {
    /// An error text, or files with errors, problem documents or client logs; nothing or `-` is standard input
    #[arg(value_name = "TEXT|FILE")]
    pub inputs: Vec<String>,
}

/// `ctclimb report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The case file
    #[arg(value_name = "CASE")]
    pub case: PathBuf,
    /// Copy what is readable of a damaged case file into NEW, and report from that
    #[arg(long, value_name = "NEW")]
    pub salvage: Option<PathBuf>,
    /// Replace the registered domain and one-off labels, consistently
    #[arg(long)]
    pub redact: bool,
}
