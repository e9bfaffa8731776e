//! What the commands take that read dumps and nothing else.

use std::path::PathBuf;

use clap::Args;

use super::Grouping;

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
    /// Write every distinct name and its pattern id to FILE; `-` is standard output where `--output` names a file
    #[arg(long, value_name = "FILE")]
    pub assign: Option<PathBuf>,
    /// Write mergeable summaries instead of patterns
    #[arg(long, conflicts_with_all = ["merge", "assign"])]
    pub partial: bool,
    /// Inputs are summaries written by `--partial`: join them and finish
    #[arg(long)]
    pub merge: bool,
    /// How names are grouped.
    #[command(flatten)]
    pub grouping: Grouping,
    /// Threads; default: all cores
    #[arg(long, value_name = "N", value_parser = crate::cli::valid::threads)]
    pub threads: Option<usize>,
}
