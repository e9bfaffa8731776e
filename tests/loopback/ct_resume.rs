//! What a case file is for: nothing asked twice, nothing lost, the same outcome however often a run was interrupted.

use std::time::Duration;

use ctclimb::case::Case;
use ctclimb::source::live::{FetchPlan, Service, forecast};

use super::ct_run::Setup;
use super::ct_service::{Act, Asked, Certificate, CtService, FakeCrtsh, html, issuance, json};

const BOTH: &[Service] = &[Service::Crtsh, Service::Certspotter];

/// crt.sh that must be narrowed, Cert Spotter with pages; each request takes a moment.
pub(crate) fn world() -> impl Fn(&Asked) -> Vec<Act> + Send + Sync {
    let issuers = (1..=5_i64).flat_map(|issuer| (0..70).map(move |n| (issuer, n)));
    let certificates = issuers.map(|(issuer, n)| Certificate {
        issuer,
        names: vec![format!("n{n}.i{issuer}.example.com")],
        expired: false,
    });
    let database = FakeCrtsh { certificates: certificates.collect(), rows: 100 };
    move |asked| {
        let mut acts = vec![Act::Wait(Duration::from_millis(3))];
        if asked.is_certspotter() {
            let after: usize = asked.parameter("after").map_or(0, |after| after.parse().unwrap());
            let page = format!("[{}]", issuance(after + 1, &[&format!("c{after}.example.com")]));
            acts.extend(if after == 8 { json("[]") } else { json(page) });
        } else {
            acts.extend(database.answer(asked));
        }
        acts
    }
}

#[tokio::test]
async fn a_run_stopped_anywhere_and_repeated_gives_what_one_run_gives() {
    let directory = tempfile::tempdir().unwrap();
    let whole_service = CtService::start(world()).await;
    let whole = Setup::new(&whole_service, "example.com", BOTH).fetch_case(&directory.path().join("whole")).await;
    let mut expected = whole_service.targets();
    expected.sort();
    assert!(expected.len() > 12, "{expected:#?}");
    for stop in 1..=12 {
        let path = directory.path().join(format!("case{stop}"));
        let service = CtService::start(world()).await;
        let setup = Setup::new(&service, "example.com", BOTH);
        // Dropping the run at any await is what an interrupt does; each time a little further.
        let mut rounds = 0;
        let last = loop {
            let time = Duration::from_millis(7 * stop + 11 * rounds);
            match tokio::time::timeout(time, setup.fetch_case(&path)).await {
                Ok(fetched) => break fetched,
                Err(_) => rounds += 1,
            }
        };
        assert_eq!(last.records, whole.records, "the same records in the same order");
        let same = |one: &ctclimb::source::live::ServiceOutcome| ctclimb::source::live::ServiceOutcome {
            sent: 0,
            ..one.clone()
        };
        let (ours, theirs): (Vec<_>, Vec<_>) =
            (last.outcome.services.iter().map(same).collect(), whole.outcome.services.iter().map(same).collect());
        assert_eq!(ours, theirs);
        // A request in flight when the run was dropped may come again; nothing else.
        let mut asked = service.targets();
        asked.sort();
        asked.dedup();
        assert_eq!(asked, expected);
        assert!(service.asked().len() <= expected.len() + 2 * usize::try_from(rounds).unwrap());
    }
}

#[tokio::test]
async fn a_second_run_asks_only_for_what_is_new() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("case");
    let service = CtService::start(|asked| {
        let after: usize = asked.parameter("after").map_or(0, |after| after.parse().unwrap());
        // One more issuance is discovered after the first run.
        let end = if asked.nth < 4 { 3 } else { 4 };
        if after == end {
            json("[]")
        } else {
            json(format!("[{}]", issuance(after + 1, &[&format!("n{after}.example.com")])))
        }
    })
    .await;
    let mut setup = Setup::new(&service, "example.com", &[Service::Certspotter]);
    assert_eq!(setup.fetch_case(&path).await.names().len(), 3);
    assert_eq!(setup.fetch_case(&path).await.only().sent, 0, "all is fresh");
    assert_eq!(service.asked().len(), 4);
    setup.now += Duration::from_secs(25 * 3600);
    let later = setup.fetch_case(&path).await;
    assert_eq!((later.names().len(), later.only().sent), (4, 2));
    let asked = service.asked();
    assert_eq!(asked[4].parameter("after"), Some("3"));
}

#[tokio::test]
async fn a_case_file_is_read_again_without_one_request() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("case");
    let service = CtService::start(world()).await;
    let first = Setup::new(&service, "example.com", BOTH).fetch_case(&path).await;
    let asked = service.asked().len();
    let mut case = Case::open_read_only(&path).unwrap();
    let plan = FetchPlan::of_case(&case).unwrap().unwrap();
    assert!(plan.offline && plan.domain.as_str() == "example.com" && plan.services == BOTH);
    let mut setup = Setup::new(&service, "example.com", BOTH);
    setup.plan = plan;
    setup.now += Duration::from_secs(365 * 24 * 3600);
    let again = setup.fetch_into(Some(&mut case)).await.unwrap();
    assert_eq!(again.records, first.records);
    assert_eq!(service.asked().len(), asked);
    for (one, other) in first.outcome.services.iter().zip(&again.outcome.services) {
        assert_eq!(
            (one.requests, one.records, &one.error, &one.notes),
            (other.requests, other.records, &other.error, &other.notes)
        );
        assert_eq!(other.sent, 0);
    }
}

#[tokio::test]
async fn what_a_service_failed_with_is_told_again_from_the_case_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("case");
    let service =
        CtService::start(|asked| if asked.is_certspotter() { json("[]") } else { html(403, "blocked") }).await;
    let first = Setup::new(&service, "example.com", BOTH).fetch_case(&path).await;
    let mut case = Case::open_read_only(&path).unwrap();
    let mut setup = Setup::new(&service, "example.com", BOTH);
    setup.plan.offline = true;
    let again = setup.fetch_into(Some(&mut case)).await.unwrap();
    assert_eq!(first.outcome.services[0].error, again.outcome.services[0].error);
    assert_eq!(service.asked().len(), 2);
}

#[tokio::test]
async fn pages_behind_a_lost_one_are_used_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("case");
    let service = CtService::start(world()).await;
    let mut setup = Setup::new(&service, "example.com", &[Service::Certspotter]);
    assert_eq!(setup.fetch_case(&path).await.names().len(), 8);
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM replies WHERE id = 3")
        .unwrap();
    setup.plan.offline = true;
    let fetched = setup.fetch_case(&path).await;
    assert_eq!(fetched.names().len(), 7);
    assert!(
        !fetched.only().complete && fetched.only().notes[0].contains("what leads to them is not"),
        "{:?}",
        fetched.only()
    );
}

#[tokio::test]
async fn a_forecast_sends_nothing_and_knows_what_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("case");
    let service = CtService::start(world()).await;
    let mut setup = Setup::new(&service, "example.com", BOTH);
    setup.throttle = ctclimb::limit::Throttle::default();
    let fresh = forecast(&setup.plan, &setup.throttle, None, setup.now).unwrap();
    assert_eq!(fresh[0].next.as_ref().unwrap().target, "/?dNSName=example.com&match=ILIKE&exclude=expired&output=json");
    assert_eq!((fresh[0].kept, fresh[0].requests), (0, 13), "one at once, then twelve in the minute of the budget");
    assert_eq!((fresh[1].requests, fresh[0].time), (10, setup.plan.budget.time));
    assert!(service.asked().is_empty());
    let quick = Setup::new(&service, "example.com", BOTH);
    quick.fetch_case(&path).await;
    let asked = service.asked().len();
    let case = Case::open_read_only(&path).unwrap();
    let kept = forecast(&quick.plan, &setup.throttle, Some(&case), quick.now).unwrap();
    assert!(kept.iter().all(|service| service.next.is_none() && service.requests == 0 && service.kept > 5), "{kept:?}");
    assert_eq!(service.asked().len(), asked);
}
