//! Files in, reports out: whole journeys without a network.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod architecture;
mod stories;
