//! Files in, reports out: whole journeys without a network.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

mod architecture;
mod audit;
mod boulder_cases;
mod dumps;
mod hostile;
mod kept;
mod mistakes;
mod readme;
mod snapshots;
mod stories;
mod tool;
