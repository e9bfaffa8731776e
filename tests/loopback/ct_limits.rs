//! The limits hold: what the servers saw, over a run with five domains and every source.

use std::time::{Duration, Instant};

use ctclimb::limit::{Rate, Rates, Throttle};
use ctclimb::source::live::Service;

use super::ct_run::Setup;
use super::ct_service::{Asked, Certificate, CtService, FakeCrtsh, issuance, json};

/// Time between two requests to one service.
const SPACING: Duration = Duration::from_millis(150);
/// What a busy machine may take from the time between the first arrival and the last.
const SLACK: Duration = Duration::from_secs(1);
const DOMAINS: [&str; 5] = ["a.example", "b.example", "c.example", "d.example", "e.example"];

/// crt.sh that has to be narrowed, Cert Spotter with pages, for whatever domain.
fn service(asked: &Asked) -> Vec<super::ct_service::Act> {
    if asked.is_certspotter() {
        let domain = asked.parameter("domain").unwrap_or_default();
        let after: usize = asked.parameter("after").map_or(0, |after| after.parse().unwrap());
        let page = format!("[{}]", issuance(after + 1, &[&format!("c{after}.{domain}")]));
        return if after == 4 { json("[]") } else { json(page) };
    }
    let domain = asked.parameter("dNSName").unwrap_or_default();
    let certificates = (1..=3_i64).flat_map(|issuer| {
        let names = move |n: usize| vec![format!("n{n}.i{issuer}.{domain}")];
        (0..60).map(move |n| Certificate { issuer, names: names(n), expired: false })
    });
    FakeCrtsh { certificates: certificates.collect(), rows: 100 }.answer(asked)
}

/// No more than one request in each [`SPACING`], over any stretch of them.
fn assert_spaced(who: &str, arrivals: &[Instant]) {
    for (first, &begin) in arrivals.iter().enumerate() {
        for (count, &end) in (1_u32..).zip(&arrivals[first + 1..]) {
            let time = end - begin;
            assert!(time + SLACK >= SPACING * count, "{who}: {} requests within {time:?}", count + 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_limit_is_broken_and_nothing_asked_twice_over_five_domains_and_every_source() {
    let service = CtService::start(service).await;
    let services = [Service::Crtsh, Service::Certspotter, Service::CrtshPg];
    let services = if cfg!(feature = "crtsh-pg") { &services[..] } else { &services[..2] };
    #[cfg(feature = "crtsh-pg")]
    let database = super::ct_pg::Stub::empty().await;
    let every = Rate::Per { count: 1, period: SPACING, burst: 1 };
    // One limiter for all domains, as one program has.
    let throttle = Throttle::new(Rates { crtsh: every, certspotter: every, ..Rates::default() });
    let setups = DOMAINS.map(|domain| {
        #[allow(unused_mut, reason = "without PostgreSQL there is nothing to change")]
        let mut setup = Setup::new(&service, domain, services);
        #[cfg(feature = "crtsh-pg")]
        setup.http.crtsh_pg.clone_from(&database.address);
        setup
    });
    let fetched = futures::future::join_all(setups.iter().map(|setup| setup.fetch_with(&throttle))).await;
    for fetched in &fetched {
        assert!(fetched.outcome.is_complete(), "{:?}", fetched.outcome);
    }
    let asked = service.asked();
    let mut targets = service.targets();
    targets.sort();
    targets.dedup();
    assert_eq!(targets.len(), asked.len(), "nothing is asked twice");
    for certspotter in [false, true] {
        let arrivals: Vec<_> =
            asked.iter().filter(|a| a.is_certspotter() == certspotter).map(|asked| asked.at).collect();
        assert!(arrivals.len() >= 25, "{}", arrivals.len());
        assert_spaced(if certspotter { "Cert Spotter" } else { "crt.sh" }, &arrivals);
    }
    #[cfg(feature = "crtsh-pg")]
    {
        let arrivals = database.arrivals();
        assert_eq!(arrivals.len(), 5 * 7, "six quarters and the rest, for each domain");
        assert_spaced("PostgreSQL", &arrivals);
    }
}
