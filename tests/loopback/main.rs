//! Real sockets on 127.0.0.1 against scripted servers. No test needs the network, and none asserts a time.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic anywhere")]

mod audit_deep;
mod audit_live;
mod audit_outage;
mod audit_watch;
mod audit_world;
mod ct_behaviours;
mod ct_damage;
mod ct_http2;
mod ct_limits;
#[cfg(feature = "crtsh-pg")]
mod ct_pg;
mod ct_population;
#[cfg(feature = "crtsh-pg")]
mod ct_postgres;
mod ct_restart;
mod ct_resume;
mod ct_run;
mod ct_sampling;
mod ct_service;
mod dns_batch;
mod dns_caa;
mod dns_case;
mod dns_exchange;
mod dns_program;
mod dns_server;
mod dns_trace;
mod dns_world;

/// A file of other people's data beside the repository; `None`, and a word about it, where there is none.
fn shared_data(name: &str) -> Option<Vec<u8>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["../shared/data", "../../shared/data"].map(|place| root.join(place).join(name));
    let found = places.iter().find_map(|path| std::fs::read(path).ok());
    if found.is_none() {
        println!("skipped: no data `{name}` here");
    }
    found
}

/// A precertificate out of a log, as PEM.
fn any_navigli_leaf() -> Option<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["../shared/data", "../../shared/data"].map(|place| root.join(place).join("ct/pem/navigli"));
    let files = places.iter().filter_map(|place| std::fs::read_dir(place).ok()).flatten();
    let mut paths: Vec<_> = files.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let found = paths.first().and_then(|path| std::fs::read_to_string(path).ok());
    if found.is_none() {
        println!("skipped: no certificates here");
    }
    found
}
