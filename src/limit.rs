//! [`Throttle`]: one quota per endpoint, and a pause when a reply says Retry-After.
//!
//! Knows nothing of what is asked. Whoever asks takes a turn first; only the fetch loop and the DNS batch do.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter, clock::Clock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Somebody else's machine that we must not burden: the key of a quota.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// crt.sh over HTTPS.
    Crtsh,
    /// crt.sh over PostgreSQL.
    CrtshPg,
    /// Cert Spotter.
    CertSpotter,
    /// A recursive resolver, as it was named.
    Resolver(String),
    /// An address of a name server.
    Server(IpAddr),
}

/// How often an endpoint may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// `count` in each `period`, spaced evenly once `burst` of them were sent at once.
    Per {
        /// How many in each period; 0 counts as 1.
        count: u32,
        /// The period; zero counts as a nanosecond.
        period: Duration,
        /// How many may go at once after a rest; 0 counts as 1.
        burst: u32,
    },
    /// As often as we like.
    Unlimited,
}

/// The rate of each kind of endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// crt.sh, over HTTPS and over PostgreSQL each.
    pub crtsh: Rate,
    /// Cert Spotter.
    pub certspotter: Rate,
    /// Each resolver.
    pub resolver: Rate,
    /// Each address of a name server.
    pub server: Rate,
}

impl Default for Rates {
    /// 12 a minute to crt.sh without bursts (it announces 60), the free allowance of Cert Spotter (10 an hour, at once),
    /// 50 a second to a resolver, 10 a second to an authoritative address.
    fn default() -> Self {
        let per = |count, seconds, burst| Rate::Per { count, period: Duration::from_secs(seconds), burst };
        Self { crtsh: per(12, 60, 1), certspotter: per(10, 3600, 10), resolver: per(50, 1, 5), server: per(10, 1, 2) }
    }
}

impl Rate {
    /// Time between two requests once the burst is used up; zero without a limit.
    #[must_use]
    pub fn spacing(self) -> Duration {
        match self {
            Self::Per { count, period, .. } => (period / count.max(1)).max(Duration::from_nanos(1)),
            Self::Unlimited => Duration::ZERO,
        }
    }

    /// The least time that `requests` take after a rest, the work itself not counted.
    #[must_use]
    pub fn time_for(self, requests: u32) -> Duration {
        let burst = match self {
            Self::Per { burst, .. } => burst.max(1),
            Self::Unlimited => return Duration::ZERO,
        };
        self.spacing().saturating_mul(requests.saturating_sub(burst))
    }

    /// The most requests that fit into a time after a rest.
    #[must_use]
    pub fn requests_in(self, time: Duration) -> u32 {
        match self {
            Self::Per { burst, .. } => {
                let spaced = time.as_nanos() / self.spacing().as_nanos().max(1);
                u32::try_from(spaced).unwrap_or(u32::MAX).saturating_add(burst.max(1))
            }
            Self::Unlimited => u32::MAX,
        }
    }

    fn limiter(self) -> Option<DefaultDirectRateLimiter> {
        match self {
            Self::Per { burst, .. } => {
                let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
                Quota::with_period(self.spacing()).map(|quota| RateLimiter::direct(quota.allow_burst(burst)))
            }
            Self::Unlimited => None,
        }
    }
}

/// One quota per endpoint, shared by all who ask.
#[derive(Debug, Default)]
pub struct Throttle {
    rates: Rates,
    endpoints: Mutex<HashMap<Endpoint, Arc<State>, foldhash::fast::RandomState>>,
}

#[derive(Debug)]
struct State {
    limiter: Option<DefaultDirectRateLimiter>,
    paused_until: Mutex<Option<Instant>>,
    in_flight: Arc<Semaphore>,
    failures: AtomicU32,
}

/// The right to have a request in flight; given back when dropped.
#[derive(Debug)]
pub struct InFlight(#[allow(dead_code, reason = "held for its Drop")] OwnedSemaphorePermit);

impl Throttle {
    /// A throttle with these rates; every endpoint starts rested.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        Self { rates, endpoints: Mutex::default() }
    }

    /// The rate of an endpoint.
    #[must_use]
    pub fn rate(&self, endpoint: &Endpoint) -> Rate {
        match endpoint {
            Endpoint::Crtsh | Endpoint::CrtshPg => self.rates.crtsh,
            Endpoint::CertSpotter => self.rates.certspotter,
            Endpoint::Resolver(_) => self.rates.resolver,
            Endpoint::Server(_) => self.rates.server,
        }
    }

    /// Takes a turn if there is one now; otherwise tells how long to wait before trying again.
    ///
    /// # Errors
    /// The time to wait; nothing was taken.
    pub fn try_turn(&self, endpoint: &Endpoint) -> Result<(), Duration> {
        self.state(endpoint).try_turn()
    }

    /// The turns of one endpoint, for who takes very many of them.
    #[must_use]
    pub fn turns(&self, endpoint: &Endpoint) -> Turns {
        Turns(self.state(endpoint))
    }

    /// Waits for a turn.
    pub async fn turn(&self, endpoint: &Endpoint) {
        while let Err(wait) = self.try_turn(endpoint) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Lets nobody ask this endpoint for `time` from now; an earlier, longer pause stays.
    pub fn pause(&self, endpoint: &Endpoint, time: Duration) {
        let Some(until) = Instant::now().checked_add(time) else { return };
        let state = self.state(endpoint);
        let mut paused = lock(&state.paused_until);
        *paused = Some(paused.map_or(until, |earlier| earlier.max(until)));
    }

    /// Waits until no other request to this endpoint is in flight. For services that want one at a time; a turn is
    /// taken apart from this.
    pub async fn alone(&self, endpoint: &Endpoint) -> InFlight {
        let semaphore = Arc::clone(&self.state(endpoint).in_flight);
        InFlight(semaphore.acquire_owned().await.expect("the semaphore is never closed"))
    }

    /// Failures in a row of this endpoint, by whoever asked it.
    #[must_use]
    pub fn failures(&self, endpoint: &Endpoint) -> u32 {
        self.state(endpoint).failures.load(Ordering::Relaxed)
    }

    /// Counts one more failure and tells how many there were in a row.
    pub fn failed(&self, endpoint: &Endpoint) -> u32 {
        self.state(endpoint).failures.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// The endpoint answered: the row of failures is over.
    pub fn answered(&self, endpoint: &Endpoint) {
        self.state(endpoint).failures.store(0, Ordering::Relaxed);
    }

    fn state(&self, endpoint: &Endpoint) -> Arc<State> {
        let mut endpoints = lock(&self.endpoints);
        if let Some(state) = endpoints.get(endpoint) {
            return Arc::clone(state);
        }
        let state = Arc::new(State {
            limiter: self.rate(endpoint).limiter(),
            paused_until: Mutex::default(),
            in_flight: Arc::new(Semaphore::new(1)),
            failures: AtomicU32::new(0),
        });
        endpoints.insert(endpoint.clone(), Arc::clone(&state));
        state
    }
}

impl State {
    fn try_turn(&self) -> Result<(), Duration> {
        let paused = *lock(&self.paused_until);
        if let Some(left) = paused.and_then(|until| until.checked_duration_since(Instant::now()))
            && !left.is_zero()
        {
            return Err(left);
        }
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check().map_err(|not_yet| not_yet.wait_time_from(limiter.clock().now()))
    }
}

/// The turns of one endpoint.
#[derive(Debug, Clone)]
pub struct Turns(Arc<State>);

impl Turns {
    /// As [`Throttle::try_turn`].
    ///
    /// # Errors
    /// The time to wait; nothing was taken.
    pub fn try_turn(&self) -> Result<(), Duration> {
        self.0.try_turn()
    }
}

/// A panic elsewhere cannot leave these values half-written: a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time to wait, as people say it: seconds up to two minutes, then minutes, hours, days, each rounded up.
#[must_use]
pub fn in_words(time: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds.div_ceil(MINUTE)),
        7200..172_800 => format!("{} h", seconds.div_ceil(HOUR)),
        _ => format!("{} days", seconds.div_ceil(DAY)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(crtsh: Rate) -> Throttle {
        Throttle::new(Rates { crtsh, ..Rates::default() })
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        for (time, expected) in [
            (Duration::ZERO, "0 s"),
            (Duration::from_millis(1), "1 s"),
            (Duration::from_secs(119), "119 s"),
            (Duration::from_secs(120), "2 min"),
            (Duration::from_secs(3601), "61 min"),
            (Duration::from_secs(7201), "3 h"),
            (Duration::from_secs(172_800), "2 days"),
            (Duration::from_secs(u64::from(u32::MAX)), "49711 days"),
        ] {
            assert_eq!(in_words(time), expected);
        }
    }

    #[test]
    fn the_second_turn_has_to_wait_and_other_endpoints_do_not() {
        let throttle = throttle(Rate::Per { count: 1, period: Duration::from_secs(3600), burst: 1 });
        assert_eq!(throttle.try_turn(&Endpoint::Crtsh), Ok(()));
        let wait = throttle.try_turn(&Endpoint::Crtsh).unwrap_err();
        assert!(wait > Duration::from_secs(3000) && wait <= Duration::from_secs(3600), "{wait:?}");
        assert_eq!(throttle.try_turn(&Endpoint::CrtshPg), Ok(()));
        assert_eq!(throttle.try_turn(&Endpoint::CertSpotter), Ok(()));
    }

    #[test]
    fn a_pause_holds_even_an_unlimited_endpoint_and_a_shorter_one_does_not_end_it() {
        let throttle = throttle(Rate::Unlimited);
        throttle.pause(&Endpoint::Crtsh, Duration::from_secs(3600));
        throttle.pause(&Endpoint::Crtsh, Duration::from_secs(1));
        assert!(throttle.try_turn(&Endpoint::Crtsh).unwrap_err() > Duration::from_secs(3000));
        throttle.pause(&Endpoint::CertSpotter, Duration::MAX);
        assert_eq!(throttle.try_turn(&Endpoint::CrtshPg), Ok(()));
    }

    #[test]
    fn the_time_for_many_requests_counts_only_those_after_the_burst() {
        let rates = Rates::default();
        assert_eq!(rates.crtsh.time_for(30), Duration::from_secs(29 * 5));
        assert_eq!(rates.certspotter.time_for(10), Duration::ZERO);
        assert_eq!(rates.certspotter.time_for(11), Duration::from_secs(360));
        assert_eq!(Rate::Unlimited.time_for(1000), Duration::ZERO);
        assert_eq!(rates.certspotter.requests_in(Duration::from_mins(15)), 12);
        assert_eq!(rates.crtsh.requests_in(rates.crtsh.time_for(30)), 30);
        assert_eq!(Rate::Unlimited.requests_in(Duration::ZERO), u32::MAX);
    }

    #[tokio::test]
    async fn one_request_is_in_flight_at_a_time() {
        let throttle = throttle(Rate::Unlimited);
        let first = throttle.alone(&Endpoint::Crtsh).await;
        let second = throttle.alone(&Endpoint::Crtsh);
        tokio::pin!(second);
        assert!(futures::poll!(second.as_mut()).is_pending());
        drop(first);
        assert!(futures::poll!(second.as_mut()).is_ready());
    }
}
