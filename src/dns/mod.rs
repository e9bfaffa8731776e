//! How questions reach a server, and what came back as plain data.
//!
//! Sockets, retries and pacing live here; what an answer means is decided in [`caa`](crate::caa).

mod batch;
mod breaker;
#[cfg(test)]
mod diagnosis_kit;
#[cfg(test)]
mod diagnosis_more_tests;
#[cfg(test)]
mod diagnosis_tests;
#[cfg(test)]
mod dnssec_tests;
mod exchange;
mod flow;
mod hints;
#[cfg(test)]
mod hostile_tests;
mod lookup;
mod probe;
mod probe_ask;
mod probe_stress;
mod recording;
mod resolver;
mod script;
mod socket;
mod stream;
mod system;
mod udp;
mod udp_table;
mod walk;
mod walk_hosts;
mod walk_more;
mod walk_step;
#[cfg(test)]
mod walk_tests;
mod walk_view;
mod walk_zone;
pub mod wire;

pub use batch::{Batch, BatchPlan, BatchTally};
pub use exchange::{EdnsQuery, Exchange, ExchangeError, Question, Reply, Server};
pub use flow::Flow;
pub use hints::{HintsError, RootHints};
pub use lookup::Cost;
pub use recording::{Recorder, Replay, Resumed};
pub use resolver::{Resolver, ResolverError};
pub use script::{Script, ScriptError};
pub use socket::Sockets;
pub use walk::{ViewOptions, authoritative_view};
