//! What was typed, by `clap`. Meaning and defaults live in [`super::plan`].

mod dumps;
mod shared;
mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
pub use dumps::{Names, Patterns};
pub use shared::{Climb, Grouping, Limits, Lookups, Sources};
pub use values::{ColorChoice, DetailArg, FailOn, Format};

use crate::name::suffix_list_version;

/// What every manual page and the long help say of the surroundings.
pub const ENVIRONMENT: &str = "\
Environment:
  CTCLIMB_CONFIG           the configuration file
  CTCLIMB_CRTSH_URL        another address for crt.sh
  CTCLIMB_CERTSPOTTER_URL  another address for Cert Spotter
  CTCLIMB_CERTSPOTTER_KEY  the key for Cert Spotter; keys are never options
  SOURCE_DATE_EPOCH        the present time, as --now
  NO_COLOR                 any value: no colour, as --color never
  COLUMNS                  width of text that does not go to a terminal [default: 80]
  XDG_CONFIG_HOME          holds ctclimb/config.toml [default: ~/.config]
  XDG_DATA_HOME            holds the case files, in ctclimb/ [default: ~/.local/share]";

/// Which names does a domain get certificates for, and can a CA look up CAA at every level above them?
#[derive(Debug, Parser)]
#[command(name = "ctclimb", version, long_version = version(), arg_required_else_help = true, propagate_version = true)]
#[command(after_help = "Exit codes: 0 complete, 1 findings, 2 usage, 3 incomplete, 4 failed, 130 interrupted.\n\
                        Results go to standard output, the conversation to standard error.\n\n\
                        Examples:\n  ctclimb investigate example.net -f markdown -o post.md\n  \
                        ctclimb explain \"DNS problem: networking error looking up CAA for net\"\n  \
                        ctclimb caa www.example.net --deep\n  ctclimb analyze crtsh.json --dns answers.toml")]
#[command(after_long_help = long_after())]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options that every command understands.
    #[command(flatten)]
    pub common: Common,
}

fn version() -> &'static str {
    static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        format!("{}\nPublic Suffix List as of {}", env!("CARGO_PKG_VERSION"), suffix_list_version())
    });
    &TEXT
}

fn long_after() -> String {
    format!(
        "Exit codes:\n  0    complete, and nothing at or above --fail-on\n  1    findings at or above it\n  \
         2    the command line or the configuration is wrong\n  3    something asked for was not obtained; the coverage \
         says what\n  4    the work could not be done at all\n  130  interrupted, after a clean stop\n\n\
         Results go to standard output, the conversation to standard error.\n\n{ENVIRONMENT}\n\n\
         Examples:\n  ctclimb investigate example.net -f markdown -o post.md\n  \
         ctclimb explain \"DNS problem: networking error looking up CAA for net\"\n  \
         ctclimb caa www.example.net --deep\n  ctclimb analyze crtsh.json --dns answers.toml"
    )
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
        ctclimb caa -l names.txt -r 127.0.0.1 -f jsonl\n  ctclimb caa www.example.net --deep --issuer letsencrypt.org\n\n\
        `-f jsonl` writes each line as soon as it is known, in no certain order, the `summary` last; memory follows the \
        names, not the answers (a million names fit in 300 MB). `--sorted` gives the order of levels and names, the same \
        in every run. `--deep` waits for the name servers of all levels, so its lines come at the end.")]
    Caa(Caa),
    /// Ask the name servers of every zone above one name, and show each answer with its dig line
    #[command(
        after_help = "Examples:\n  ctclimb trace www.example.net\n  ctclimb trace '*.pay.example.net' --each\n  \
        ctclimb trace www.example.net -f json | jq '.zones[].causes[].code'\n  \
        ctclimb trace www.bed --root-hints root.hints --port 5300 --rate unlimited\n\n\
        A question to an address waits until the address may be asked again (10 a second, `--rate`), and a silent server is \
        asked up to three times, so a trace of a broken domain takes a minute or two; progress is shown meanwhile. \
        P1 to P8: P1 CAA as a CA asks (mixed case, EDNS, DO), P2 an address, P3 CAA without EDNS, P4 in lower case, P5 over \
        TCP, P6 a type nobody knows, P7 DNSKEY, P8 other sizes; P3 and on are asked on suspicion only.\n\n\
        Exit codes: 0 nothing found, 1 causes at or above --fail-on, 3 not all could be asked, 4 no server answered."
    )]
    Trace(Trace),
    /// What an ACME error says, and what it does not say
    #[command(after_help = "Examples:\n  ctclimb explain \"DNS problem: networking error looking up CAA for net\"\n  \
        ctclimb explain /var/log/letsencrypt/letsencrypt.log\n  \
        journalctl -u caddy | ctclimb explain -f json\n  ctclimb explain negative-without-soa")]
    Explain(Explain),
    /// Render the report of a case file again
    #[command(after_help = "Examples:\n  ctclimb report example.net.ctclimb -f html -o report.html\n  \
        ctclimb report example.net.ctclimb -f markdown --redact\n  \
        ctclimb report damaged.ctclimb --salvage saved.ctclimb")]
    Report(ReportArgs),
    /// Show the settings in force and where each comes from
    #[command(after_help = "Examples:\n  ctclimb config show\n  ctclimb config show --config other.toml")]
    Config {
        /// What to do with the configuration.
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Print a completion script
    #[command(
        after_help = "Examples:\n  ctclimb completions bash > ~/.local/share/bash-completion/completions/ctclimb\n  \
        ctclimb completions fish > ~/.config/fish/completions/ctclimb.fish"
    )]
    Completions {
        /// The shell to complete for.
        shell: clap_complete::Shell,
    },
    /// Print the manual page of the program or of one command
    #[command(after_help = "Examples:\n  ctclimb man | man -l -\n  ctclimb man audit merge | man -l -")]
    Man {
        /// The command, and its own command; the whole program without.
        command: Vec<String>,
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
    #[arg(short, long, global = true, alias = "silent", conflicts_with = "verbose")]
    pub quiet: bool,
    /// Tell every request, and every lookup with its outcome
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Leave cells that a spreadsheet may take for formulas as they are (csv, tsv)
    #[arg(long, global = true)]
    pub csv_raw: bool,
    /// Configuration file
    #[arg(long, global = true, value_name = "FILE", env = "CTCLIMB_CONFIG", value_parser = super::valid::named_file())]
    pub config: Option<PathBuf>,
    /// Take this as the present time (RFC 3339), for reports that repeat byte for byte
    #[arg(long, global = true, value_name = "TIME", env = "SOURCE_DATE_EPOCH")]
    pub now: Option<String>,
    /// Exit with 1 when a finding is at least this bad
    #[arg(long, global = true, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
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
    /// Which names are climbed, and for whom.
    #[command(flatten)]
    pub climb: Climb,
}

/// `ctclimb fetch`
#[derive(Debug, Args)]
pub struct Fetch {
    /// The domains
    #[arg(value_name = "DOMAIN")]
    pub domains: Vec<String>,
    /// A domain, as an option (repeatable)
    #[arg(short, long = "domain", id = "domain_option", value_name = "DOMAIN")]
    pub domain_options: Vec<String>,
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

/// `ctclimb caa`
#[derive(Debug, Args)]
pub struct Caa {
    /// The names; `*.` in front is a wildcard
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Names from FILE, one a line; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// With `-f jsonl`: lines in the order of levels and names, not as they become known; keeps all in memory
    #[arg(long)]
    pub sorted: bool,
    /// How CAA is looked up.
    #[command(flatten)]
    pub lookups: Lookups,
    /// Limits.
    #[command(flatten)]
    pub limits: Limits,
    /// Replace the registered domains and one-off labels, consistently
    #[arg(long)]
    pub redact: bool,
    /// Print the queries this would make, and the time they take, and make none
    #[arg(long)]
    pub dry_run: bool,
}

/// `ctclimb trace`
#[derive(Debug, Args)]
pub struct Trace {
    /// The name; `*.` in front is a wildcard, whose climb is that of the name behind it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// One block for each address, even where several of a zone answer alike
    #[arg(long)]
    pub each: bool,
    /// Root servers to start at: lines of `NAME ADDRESS` or a root hints file; default: the public root
    #[arg(long, value_name = "FILE", value_parser = super::valid::named_file())]
    pub root_hints: Option<PathBuf>,
    /// Port of all name servers; default: 53
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Rate limit for each address (default 10/s); `unlimited` for servers of your own
    #[arg(long, value_name = "[server=]N[/s|/m|/h]", alias = "rl")]
    pub rate: Vec<String>,
    /// Time for one try, such as 5s or 800ms; default: 5s
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<String>,
}

/// `ctclimb explain`
#[derive(Debug, Args)]
pub struct Explain {
    /// An error text, files with errors, problem documents or client logs (also .gz and .zst), or the code of a finding;
    /// nothing or `-` is standard input
    #[arg(value_name = "TEXT|FILE|CODE")]
    pub inputs: Vec<String>,
    /// Print the page of all codes that findings and causes have
    #[arg(long, conflicts_with = "inputs")]
    pub codes: bool,
}

/// `ctclimb report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The case file
    #[arg(value_name = "CASE", value_parser = super::valid::named_file())]
    pub case: PathBuf,
    /// Copy what is readable of a damaged case file into NEW, and report from that
    #[arg(long, value_name = "NEW")]
    pub salvage: Option<PathBuf>,
    /// Replace the registered domain and one-off labels, consistently
    #[arg(long)]
    pub redact: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_shows_examples_that_parse() {
        let mut program = Cli::command();
        program.build();
        for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> = help.lines().filter(|line| line.starts_with("  ")).collect();
            assert!(!examples.is_empty(), "{}", command.get_name());
            for example in examples {
                let from = example.find("ctclimb").unwrap();
                let to = example[from..].find([';', '|', '>']).map_or(example.len(), |end| from + end);
                let words = words(&example[from..to]);
                Cli::try_parse_from(&words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
            }
        }
    }

    /// The words of a shell line: blanks outside double quotes divide.
    fn words(line: &str) -> Vec<String> {
        line.split('"')
            .enumerate()
            .flat_map(|(at, part)| match at % 2 {
                0 => part.split_whitespace().map(str::to_owned).collect(),
                _ => vec![part.to_owned()],
            })
            .collect()
    }
}
