//! crt.sh over PostgreSQL against the real thing: PostgreSQL behind PgBouncer in statement mode, where both are installed.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use ctclimb::source::live::Service;

use super::ct_run::{Fetched, Setup};
use super::ct_service::{CtService, json};

/// The servers; they end when dropped.
struct Database {
    address: String,
    child: Child,
    stdin: Option<ChildStdin>,
    _directory: tempfile::TempDir,
}

/// A certificate in the database.
struct Row {
    names: Vec<String>,
    expires: String,
    issuer: i64,
    trouble: &'static str,
    /// Instead of a certificate.
    octets: Option<&'static str>,
}

fn row(name: &str, expires: &str, issuer: i64) -> Row {
    Row { names: vec![name.to_owned()], expires: expires.to_owned(), issuer, trouble: "none", octets: None }
}

impl Database {
    /// Starts the servers with these certificates; `None`, and a word about it, where they are not installed.
    fn start(rows: &[Row]) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("incoming.tsv"), incoming(rows)).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/loopback/certwatch/start.sh");
        let mut command = Command::new(script);
        command.arg(directory.path()).arg(port.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line != "ready\n" {
            assert_eq!(child.wait().unwrap().code(), Some(77), "the database does not start: {:?}", directory.keep());
            println!("skipped: no PostgreSQL with PgBouncer here");
            return None;
        }
        let stdin = child.stdin.take();
        Some(Self { address: format!("127.0.0.1:{port}"), child, stdin, _directory: directory })
    }

    async fn fetch(&self, domain: &str, expired: bool) -> Fetched {
        let service = CtService::start(|_| json("[]")).await;
        let mut setup = Setup::new(&service, domain, &[Service::CrtshPg]);
        setup.http.crtsh_pg.clone_from(&self.address);
        setup.plan.expired = expired;
        // The database goes by the clock of this machine.
        setup.now = jiff::Timestamp::now();
        setup.fetch().await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// The rows as `schema.sql` wants them: the certificate in hex, what it is found by, and what else is told of it.
fn incoming(rows: &[Row]) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut text = String::new();
    for (id, Row { names, expires, issuer, trouble, octets }) in (28_000_000_000_u64..).zip(rows) {
        let mut params = rcgen::CertificateParams::new(names.clone()).unwrap();
        params.serial_number = Some(id.into());
        let der = params.self_signed(&key).unwrap().der().to_vec();
        let der = octets.map_or(der, |octets| octets.as_bytes().to_vec());
        let hex = der.iter().fold(String::new(), |mut hex, octet| {
            write!(hex, "{octet:02x}").unwrap();
            hex
        });
        // As in crt.sh, a certificate is found by each of its names and by all domains above.
        let plain = names.iter().map(|name| name.trim_start_matches("*."));
        let found_by = plain.flat_map(|name| name.match_indices('.').map(move |(at, _)| &name[at + 1..]).chain([name]));
        let found_by: Vec<&str> = found_by.collect();
        writeln!(text, "{hex}\t{}\t{expires}\t{issuer}\t{id}\t{trouble}", found_by.join(" ")).unwrap();
    }
    text
}

/// The day so many days from now.
fn in_days(days: i64) -> String {
    let time = jiff::Timestamp::now() + Duration::from_secs(u64::try_from(days).unwrap() * 86_400);
    time.to_string()[..10].to_owned()
}

#[tokio::test]
async fn pg_a_real_database_behind_a_real_pooler_is_read_to_its_end_whatever_it_does() {
    let mut rows: Vec<Row> =
        (0..1203).map(|n| row(&format!("n{n}.example.com"), &in_days(20 + n % 5), 100 + n % 4)).collect();
    rows.push(row("*.later.example.com", "2050-01-01", 100));
    rows.push(row("old.example.com", "2020-05-05", 100));
    rows.push(row("oldest.example.com", "2011-05-05", 100));
    for octets in ["", "0\u{3}", "no certificate"] {
        rows.push(Row { octets: Some(octets), ..row("hostile.example.com", &in_days(21), -1) });
    }
    rows.extend(
        (0..64).map(|n| Row { trouble: "slow", ..row(&format!("n{n}.slow.test"), &in_days(n + 1), 200 + n % 8) }),
    );
    rows.push(Row { trouble: "conflict", ..row("a.conflict.test", &in_days(9), 300) });
    rows.push(Row { trouble: "crash", ..row("a.crash.test", &in_days(9), 300) });
    let Some(database) = Database::start(&rows) else { return };

    let fetched = database.fetch("example.com", false).await;
    assert_eq!(fetched.names().len(), 1204, "{:?}", fetched.only());
    let odd = fetched.only().odd.as_ref().unwrap();
    assert!(odd.count == 3 && odd.first.starts_with("row 2800000"), "{odd}");
    assert_eq!(fetched.error(), odd.to_string(), "nothing else is missing");
    assert_eq!(database.fetch("example.com", true).await.names().len(), 1206);
    assert_eq!(database.fetch("n7.example.com", false).await.names(), ["n7.example.com"]);
    assert!(database.fetch("nothing.test", true).await.outcome.is_complete());

    // Too much for one statement: issuer by issuer.
    let slow = database.fetch("slow.test", false).await;
    assert!(slow.names().len() == 64 && slow.outcome.is_complete(), "{:?}", slow.only());
    // A replica that is behind, a server that goes: once more.
    for domain in ["conflict.test", "crash.test"] {
        let fetched = database.fetch(domain, false).await;
        assert!(fetched.names().len() == 1 && fetched.outcome.is_complete(), "{domain}: {:?}", fetched.only());
        let failed =
            |event: &ctclimb::source::live::Event| matches!(event, ctclimb::source::live::Event::Failed { .. });
        assert!(fetched.events.iter().any(failed), "{domain}: {:?}", fetched.events);
    }

    // The program itself.
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctclimb"));
    command.args(["fetch", "example.com", "--source", "crtsh-pg", "--no-case", "--rate", "crtsh=100/s"]);
    command.env("CTCLIMB_CRTSH_PG", &database.address).stdin(Stdio::null());
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1204);
    assert!(told.contains("3 parts of the answer are no records") && told.contains("not encrypted"), "{told}");
}
