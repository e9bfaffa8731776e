//! [`Ledger`]: what was asked of the services, kept in the audit file, so that the limits hold over a kill and a new start.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::file::{AuditFile, AuditFileError, Quota};
use crate::dns::Resolver;
use crate::limit::{Endpoint, Rate, Throttle};
use crate::source::live::{Event, Service, Wait};

/// The limits in force, beside the file that remembers them.
#[derive(Debug, Clone, Copy)]
pub struct Ledger<'a> {
    /// Where it is kept.
    pub file: &'a Mutex<AuditFile>,
    /// What paces this run.
    pub throttle: &'a Throttle,
}

impl Ledger<'_> {
    /// Takes the turns that an earlier run has taken and that time has not given back; `now` in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// The audit file's.
    pub fn restore(&self, services: &[Service], resolvers: &[Resolver], now: i64) -> Result<(), AuditFileError> {
        let (quotas, goes_on) = {
            let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            (file.quotas()?, file.goes_on())
        };
        for service in services {
            let Some(quota) = quotas.iter().find(|quota| quota.endpoint == service.as_str()) else { continue };
            let endpoint = service.endpoint();
            let left = milliseconds(quota.rested_at.saturating_sub(now));
            let Rate::Per { burst, .. } = self.throttle.rate(&endpoint) else { continue };
            let spacing = self.throttle.rate(&endpoint).spacing();
            let taken = left.as_nanos().div_ceil(spacing.as_nanos().max(1));
            for _ in 0..taken.min(u128::from(burst)) {
                let _ = self.throttle.try_turn(&endpoint);
            }
            // What is more than a burst ago cannot be taken; a clock that went back shall not stop us for ever.
            let paused = milliseconds(quota.paused_until.saturating_sub(now)).min(Duration::from_secs(24 * 3600));
            self.throttle.pause(&endpoint, paused);
        }
        // A resolver gives its turns back within a second: after a kill it counts as not rested.
        for resolver in resolvers.iter().filter(|_| goes_on) {
            let endpoint = Endpoint::Resolver(resolver.name.clone());
            while self.throttle.rate(&endpoint) != Rate::Unlimited && self.throttle.try_turn(&endpoint).is_ok() {}
        }
        Ok(())
    }

    /// Keeps what an event of a fetch costs; `now` in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// The audit file's.
    pub fn note(&self, event: &Event, now: i64) -> Result<(), AuditFileError> {
        let (service, asked, pause) = match event {
            Event::Asking { service, .. } => (*service, true, Duration::ZERO),
            Event::Waiting { service, wait: Wait::Asked, time } => (*service, false, *time),
            Event::Waiting { .. } | Event::Page { .. } | Event::Failed { .. } | Event::Ended { .. } => return Ok(()),
        };
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = file.quotas()?.into_iter().find(|quota| quota.endpoint == service.as_str());
        let mut quota = kept.unwrap_or_else(|| Quota { endpoint: service.to_string(), ..Quota::default() });
        if asked {
            // The generic cell rate algorithm, as the limiter itself counts.
            let spacing = self.throttle.rate(&service.endpoint()).spacing();
            quota.rested_at = quota.rested_at.max(now).saturating_add(ceil(spacing));
        }
        quota.paused_until = quota.paused_until.max(now.saturating_add(ceil(pause)));
        file.keep_quota(&quota)
    }
}

fn milliseconds(count: i64) -> Duration {
    Duration::from_millis(u64::try_from(count).unwrap_or(0))
}

fn ceil(time: Duration) -> i64 {
    i64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::Rates;

    fn throttle() -> Throttle {
        let certspotter = Rate::Per { count: 10, period: Duration::from_secs(3600), burst: 10 };
        Throttle::new(Rates { certspotter, ..Rates::default() })
    }

    #[test]
    fn a_burst_that_was_used_up_is_used_up_after_a_kill() {
        let file = Mutex::new(AuditFile::open(None, &[], jiff::Timestamp::UNIX_EPOCH).unwrap());
        let first = throttle();
        let ledger = Ledger { file: &file, throttle: &first };
        for _ in 0..8 {
            first.try_turn(&Endpoint::CertSpotter).unwrap();
            let asking = Event::Asking { service: Service::Certspotter, request: 1, budget: 40 };
            ledger.note(&asking, 1000).unwrap();
        }
        // Six minutes give one turn back.
        for (later, left) in [(0, 2), (6 * 60_000, 3), (7 * 60_000, 3), (3 * 3_600_000, 10)] {
            let second = throttle();
            Ledger { file: &file, throttle: &second }.restore(&[Service::Certspotter], &[], 1000 + later).unwrap();
            let turns = (0..20).filter(|_| second.try_turn(&Endpoint::CertSpotter).is_ok()).count();
            assert_eq!(turns, left, "after {later} ms");
        }
    }

    #[test]
    fn what_a_service_asked_for_holds_after_a_kill() {
        let file = Mutex::new(AuditFile::open(None, &[], jiff::Timestamp::UNIX_EPOCH).unwrap());
        let first = throttle();
        let waiting = Event::Waiting { service: Service::Crtsh, wait: Wait::Asked, time: Duration::from_secs(600) };
        Ledger { file: &file, throttle: &first }.note(&waiting, 1000).unwrap();
        let second = throttle();
        Ledger { file: &file, throttle: &second }.restore(&[Service::Crtsh], &[], 2000).unwrap();
        assert!(second.try_turn(&Endpoint::Crtsh).unwrap_err() > Duration::from_secs(500));
        assert_eq!(second.try_turn(&Endpoint::CertSpotter), Ok(()));
    }
}
