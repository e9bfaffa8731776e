//! The forum case: far more certificates than crt.sh gives, and a handful of requests to learn what they have in common.

use std::sync::Arc;

use ctclimb::source::live::{Budget, Service};

use super::ct_population::{DOMAIN, Order, Population};
use super::ct_run::Setup;
use super::ct_service::CtService;

/// Fetches within the default budget from a crt.sh that meets its rows in this order.
async fn schemes_found(order: Order, most_requests: usize, least_schemes: usize) {
    let population = Arc::new(Population::new(order));
    let database = Arc::clone(&population);
    let service = CtService::start(move |asked| database.answer(asked)).await;
    let mut setup = Setup::new(&service, DOMAIN, &[Service::Crtsh]);
    setup.plan.budget.requests = Budget::default().requests;
    let fetched = setup.fetch().await;
    let (found, requests) = (population.found(&fetched.names().into_iter().collect()), service.asked().len());
    println!(
        "{order:?}: {requests} requests for {} certificates: {} of 11 schemes, {} of them well, {} names",
        population.len(),
        found.schemes,
        found.well_known,
        found.names
    );
    assert!(
        requests <= most_requests && found.schemes >= least_schemes,
        "{requests} requests: {:#?}",
        service.targets()
    );
    assert!(fetched.only().truncated && fetched.error().contains("brought nothing new"), "{}", fetched.error());
    let mut targets = service.targets();
    targets.sort();
    targets.dedup();
    assert_eq!(targets.len(), requests, "nothing is asked twice");
}

// Where rows come by time, what an issuer did in another half of the year lies behind ten thousand others of its rows, and
// no question leads there: four schemes that began late or ended early stay unseen.

#[tokio::test]
async fn most_schemes_of_200_000_certificates_are_found_when_the_oldest_come_first() {
    schemes_found(Order::Oldest, 30, 7).await;
}

#[tokio::test]
async fn all_schemes_of_200_000_certificates_are_found_when_they_come_in_any_order() {
    schemes_found(Order::Scattered, 35, 11).await;
}

#[tokio::test]
#[ignore = "as the others, for two more orders; slow in a debug build"]
async fn most_schemes_are_found_in_other_orders_too() {
    schemes_found(Order::Newest, 40, 7).await;
    schemes_found(Order::Clustered, 40, 7).await;
}
