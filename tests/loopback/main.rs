//! Real sockets on 127.0.0.1 against scripted servers. No test needs the network, and none asserts a time.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod dns_batch;
mod dns_exchange;
mod dns_server;
