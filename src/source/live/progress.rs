//! What happens during a fetch, for whoever shows it.

use std::time::Duration;

use super::request::Service;

/// Why nothing is sent for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Our own limit for this service.
    Rate,
    /// The service asked us to.
    Asked,
    /// A failure that may pass.
    Failure,
}

/// What the pages so far hold, roughly: services tell certificates apart differently.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SoFar {
    /// Distinct certificates.
    pub certificates: u64,
    /// Distinct names at or below the domain.
    pub names: u64,
    /// Kinds of names: how many patterns to expect, give or take.
    pub kinds: u64,
}

/// One thing that happened during a fetch. Texts are escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A request goes out.
    Asking {
        /// The service.
        service: Service,
        /// Its place among the requests of this run, from 1.
        request: u32,
        /// The most there will be.
        budget: u32,
    },
    /// Nothing is sent for a while.
    Waiting {
        /// The service.
        service: Service,
        /// Why.
        wait: Wait,
        /// How long.
        time: Duration,
    },
    /// A page was read.
    Page {
        /// The service.
        service: Service,
        /// It was kept from before and not asked for.
        kept: bool,
        /// Records in it.
        records: u64,
        /// Pages of this service so far.
        pages: u32,
        /// What all pages of all services so far hold.
        so_far: SoFar,
    },
    /// A request failed.
    Failed {
        /// The service.
        service: Service,
        /// Why, in one line.
        why: String,
    },
    /// A service was read as far as it will be.
    Ended {
        /// The service.
        service: Service,
        /// Whether that is all it has.
        complete: bool,
        /// Why not.
        why: Option<String>,
    },
}
