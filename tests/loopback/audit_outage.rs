//! A service that fails for a while is left in peace, and costs no domain; one that stays away ends the run.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use ctclimb::audit::dns::Dns;
use ctclimb::audit::domain::Treatment;
use ctclimb::audit::fetch::{Fetcher, plan_of_many};
use ctclimb::audit::file::AuditFile;
use ctclimb::audit::ledger::Ledger;
use ctclimb::audit::run::Audit;
use ctclimb::audit::stop::Stop;
use ctclimb::limit::{Rate, Rates, Throttle};
use ctclimb::name::DomainName;
use ctclimb::source::live::{FetchPlan, Http, HttpSettings, Patience, Service};
use jiff::Timestamp;

use super::ct_service::{CtService, html, json, record};

/// Audits three domains at a service; gives how many got a row, and why the run ended early.
async fn audited(service: &CtService) -> (u64, u64, Option<String>) {
    let now = Timestamp::UNIX_EPOCH;
    let file = Mutex::new(AuditFile::open(None, &[], now).unwrap());
    let names: Vec<DomainName> = ["a.example", "b.example", "c.example"].map(|n| DomainName::parse(n).unwrap()).into();
    file.lock().unwrap().plan(names.iter().map(|name| (name.as_str(), "", 0))).unwrap();
    let throttle = Throttle::new(Rates { crtsh: Rate::Unlimited, ..Rates::default() });
    let transport = Http::new(HttpSettings { crtsh: service.url(), ..HttpSettings::default() }).unwrap();
    let mut plan = plan_of_many(FetchPlan::new(names[0].clone(), vec![Service::Crtsh]), None);
    // A rest is sixty times the first wait.
    plan.patience = Patience { first_wait: Duration::from_millis(1), ..Patience::default() };
    let clock = || now;
    let fetcher = Fetcher {
        plan,
        transport: &transport,
        ledger: Ledger { file: &file, throttle: &throttle },
        cases: None,
        requests: None,
        sent: AtomicU32::new(0),
        tool: "ctclimb test",
        clock: &clock,
        on_event: &|_, _| (),
        halted: OnceLock::new(),
        rests: tokio::sync::Mutex::new(0),
    };
    let audit = Audit {
        file: &file,
        treatment: &Arc::new(Treatment::default()),
        dns: &Dns::None,
        threads: 1,
        since: i64::MIN,
        clock: &|| 0,
        stop: &Stop::default(),
        tell: false,
    };
    audit.domains(names.iter().collect(), &fetcher, &mut |_, _| Ok(())).await.unwrap();
    let status = file.lock().unwrap().status().unwrap();
    (status.done, status.failed, fetcher.halted.into_inner())
}

#[tokio::test]
async fn an_outage_costs_time_and_no_domain() {
    let failing = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&failing);
    let service = CtService::start(move |asked| {
        // Three failures in a row make a rest; the service recovers in the second one.
        if asked.nth == 6 {
            state.store(false, Ordering::SeqCst);
        }
        if state.load(Ordering::SeqCst) {
            return html(502, "<h1>Bad Gateway</h1>");
        }
        json(format!("[{}]", record(1, 1, 1, &["www.a.example"], 2)))
    })
    .await;
    assert_eq!(audited(&service).await, (3, 0, None));
}

#[tokio::test]
async fn a_service_that_stays_away_is_not_asked_for_every_domain_that_is_left() {
    let service = CtService::start(|_| html(502, "<h1>Bad Gateway</h1>")).await;
    let (done, failed, why) = audited(&service).await;
    assert_eq!((done, failed), (0, 0), "the next run tries them");
    assert!(why.unwrap().starts_with("crt.sh does not answer, also after 3 rests"));
    // Three failures and those of the two other domains that stood in line, then a rest; four times.
    assert!(service.asked().len() <= 4 * (3 + 2), "{}", service.asked().len());
}
