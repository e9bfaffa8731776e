//! The `ctclimb` program.

fn main() {}
