//! The `ctclimb` program: the real surroundings, and nothing else.

use std::process::ExitCode;

use ctclimb::cli::{Env, run};

fn main() -> ExitCode {
    ctclimb::cli::listen_for_interrupts();
    let exit = run(&mut Env::real(), std::env::args_os());
    ExitCode::from(exit.code())
}
