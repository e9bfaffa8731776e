//! How issuances are fetched from the search services: plan, ask under limits, read, keep.
//!
//! A [`Source`] plans requests and reads replies; it never sends, waits or retries. [`fetch`] does, over a
//! [`Transport`]. What one service answers never decides how another is treated.

mod ask;
mod certspotter;
mod classify;
mod crtsh;
mod fetch;
mod http;
mod keep;
mod kinds;
mod pg;
#[cfg(feature = "crtsh-pg")]
mod pg_send;
mod plan;
mod progress;
mod request;
mod source;
mod told;

pub use certspotter::CertSpotter;
pub use classify::{PageFacts, Reading};
pub use crtsh::{Crtsh, ROW_CAP};
pub use fetch::{Clock, FetchError, OnEvent, OnRecord, fetch};
pub use http::{ApiKey, BaseUrlError, Http, HttpSettings, USER_AGENT, install_tls};
pub use pg::CrtshPg;
pub use plan::{Budget, FetchOutcome, FetchPlan, Forecast, Patience, ServiceOutcome, forecast};
pub use progress::{Event, SoFar, Wait};
pub use request::{PageRequest, Reply, Service, Transport, TransportError};
use source::sources;
pub use source::{Completeness, Settled, Source};
pub use told::Told;
