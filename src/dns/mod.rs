//! How questions reach a server, and what came back as plain data.
//!
//! Sockets, retries and pacing live here; what an answer means is decided in [`caa`](crate::caa).

mod exchange;
mod socket;
mod stream;
mod udp;
pub mod wire;

pub use exchange::{EdnsQuery, Exchange, ExchangeError, Question, Reply, Server};
pub use socket::Sockets;
