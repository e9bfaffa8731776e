//! crt.sh over PostgreSQL against a stub that speaks the protocol as far as a test needs it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use ctclimb::source::live::Service;

use super::ct_run::{Fetched, Setup};
use super::ct_service::{CtService, json};

/// What the stub does with a connection.
#[derive(Debug, Clone)]
enum Act {
    /// Refuses at the start, with SQLSTATE and message.
    RefuseStart(&'static str, &'static str),
    /// Refuses the statement.
    Refuse(&'static str, &'static str),
    /// Refuses the statement with FATAL and closes.
    Fatal(&'static str, &'static str),
    /// Closes in the middle of the rows.
    CloseInRows(Vec<[String; 3]>),
    /// Answers with these rows.
    Rows(Vec<[String; 3]>),
    /// Says nothing at all.
    Hang,
}

/// The running stub; it ends when dropped.
pub(crate) struct Stub {
    /// Where it listens.
    pub(crate) address: String,
    /// Start-up parameters and statement of each connection.
    log: Arc<Mutex<Vec<(String, String)>>>,
    arrivals: Arc<Mutex<Vec<Instant>>>,
    _tasks: JoinSet<()>,
}

impl Stub {
    async fn start(script: impl Fn(usize, &str) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let log = Arc::new(Mutex::new(Vec::new()));
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let (kept, times, script) = (Arc::clone(&log), Arc::clone(&arrivals), Arc::new(script));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            for nth in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                times.lock().unwrap().push(Instant::now());
                let (log, script) = (Arc::clone(&kept), Arc::clone(&script));
                connections.spawn(async move {
                    let _ = speak(stream, nth, &log, script.as_ref()).await;
                });
            }
        });
        Self { address, log, arrivals, _tasks: tasks }
    }

    /// A database without certificates.
    pub(crate) async fn empty() -> Self {
        Self::start(|_, _| Act::Rows(Vec::new())).await
    }

    /// When each connection came.
    pub(crate) fn arrivals(&self) -> Vec<Instant> {
        self.arrivals.lock().unwrap().clone()
    }
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut octets = vec![kind];
    octets.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    octets.extend_from_slice(body);
    octets
}

fn error(severity: &str, state: &str, text: &str) -> Vec<u8> {
    message(b'E', format!("S{severity}\0V{severity}\0C{state}\0M{text}\0\0").as_bytes())
}

fn row(columns: &[String; 3]) -> Vec<u8> {
    let mut body = 3_u16.to_be_bytes().to_vec();
    for column in columns {
        body.extend_from_slice(&u32::try_from(column.len()).unwrap().to_be_bytes());
        body.extend_from_slice(column.as_bytes());
    }
    message(b'D', &body)
}

fn description() -> Vec<u8> {
    let mut body = 3_u16.to_be_bytes().to_vec();
    for name in ["id", "issuer_ca_id", "encode"] {
        body.extend_from_slice(name.as_bytes());
        body.push(0);
        body.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);
    }
    message(b'T', &body)
}

async fn speak(
    mut stream: TcpStream,
    nth: usize,
    log: &Mutex<Vec<(String, String)>>,
    script: &(dyn Fn(usize, &str) -> Act + Send + Sync),
) -> std::io::Result<()> {
    let length = stream.read_u32().await? as usize;
    let mut start = vec![0; length - 4];
    stream.read_exact(&mut start).await?;
    let parameters = String::from_utf8_lossy(&start[4..]).replace('\0', " ");
    if let Act::RefuseStart(state, text) = script(nth, "") {
        log.lock().unwrap().push((parameters, String::new()));
        stream.write_all(&error("FATAL", state, text)).await?;
        return stream.shutdown().await;
    }
    stream.write_all(&[message(b'R', &[0, 0, 0, 0]), message(b'Z', b"I")].concat()).await?;
    let kind = stream.read_u8().await?;
    let length = stream.read_u32().await? as usize;
    let mut body = vec![0; length - 4];
    stream.read_exact(&mut body).await?;
    let statement = String::from_utf8_lossy(&body).trim_end_matches('\0').to_owned();
    assert_eq!(kind, b'Q', "a simple query, nothing prepared");
    log.lock().unwrap().push((parameters, statement.clone()));
    let octets = match script(nth, &statement) {
        Act::RefuseStart(..) => Vec::new(),
        Act::Hang => std::future::pending().await,
        Act::Refuse(state, text) => [error("ERROR", state, text), message(b'Z', b"I")].concat(),
        Act::Fatal(state, text) => error("FATAL", state, text),
        Act::CloseInRows(rows) => [description(), rows.iter().flat_map(row).collect(), vec![b'D', 0]].concat(),
        Act::Rows(rows) => {
            let rows: Vec<u8> = rows.iter().flat_map(row).collect();
            [description(), rows, message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat()
        }
    };
    stream.write_all(&octets).await?;
    // The client leaves; until then the connection stays, as after a whole answer.
    let mut rest = Vec::new();
    if !octets.starts_with(b"E") && !octets.ends_with(&[b'D', 0]) {
        stream.read_to_end(&mut rest).await?;
    }
    stream.shutdown().await
}

/// A certificate of our own making in base64, in lines as PostgreSQL writes it.
fn certificate(name: &str) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    let text = STANDARD.encode(certificate.der());
    text.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>().join("\n")
}

fn one(id: usize, name: &str) -> [String; 3] {
    [id.to_string(), "7".into(), certificate(name)]
}

async fn fetch(stub: &Stub) -> Fetched {
    let service = CtService::start(|_| json("[]")).await;
    let mut setup = Setup::new(&service, "example.com", &[Service::CrtshPg]);
    setup.http.crtsh_pg.clone_from(&stub.address);
    setup.http.connect = Duration::from_millis(500);
    setup.http.request = Duration::from_secs(2);
    setup.fetch().await
}

#[tokio::test]
async fn b30_rows_are_read_part_by_part_over_a_connection_each() {
    let rows = vec![one(3, "a.example.com"), one(9, "*.b.example.com")];
    let stub = Stub::start(move |nth, _| Act::Rows(if nth == 0 { rows.clone() } else { Vec::new() })).await;
    let fetched = fetch(&stub).await;
    assert!(fetched.only().complete, "{:?}", fetched.only());
    assert_eq!(fetched.names(), ["*.b.example.com", "a.example.com"]);
    let log = stub.log.lock().unwrap();
    assert_eq!(log.len(), 7, "six quarters and the rest");
    for (parameters, statement) in log.iter() {
        assert!(parameters.contains("user guest") && parameters.contains("database certwatch"), "{parameters}");
        assert!(!parameters.contains("options") && !parameters.contains("statement_timeout"), "{parameters}");
        assert!(statement.starts_with("SELECT") && !statement.contains(';'), "{statement}");
    }
}

#[tokio::test]
async fn b30_each_refusal_is_tried_again_or_asked_differently_or_final() {
    for (first, connections, complete) in [
        (Act::RefuseStart("08P01", "unsupported startup parameter: statement_timeout"), 1, false),
        (Act::Refuse("26000", "prepared statement \"s1\" does not exist"), 8, true),
        (Act::Refuse("40001", "canceling statement due to conflict with recovery"), 8, true),
        (Act::Fatal("57P01", "terminating connection due to administrator command"), 8, true),
        (Act::CloseInRows(vec![]), 8, true),
        (Act::Refuse("42501", "permission denied for table certificate"), 1, false),
        // Too much for one statement: which issuers are there? None is told: two halves of the quarter instead of it.
        (Act::Refuse("57014", "canceling statement due to statement timeout"), 10, true),
        (Act::Refuse("08P01", "server conn crashed?"), 8, true),
    ] {
        let bad = first.clone();
        let stub = Stub::start(move |nth, _| if nth == 0 { bad.clone() } else { Act::Rows(Vec::new()) }).await;
        let fetched = fetch(&stub).await;
        assert_eq!(fetched.only().complete, complete, "{first:?}: {:?}", fetched.only());
        assert_eq!(stub.log.lock().unwrap().len(), connections, "{first:?}");
    }
}

#[tokio::test]
async fn b30_a_silent_server_or_a_closed_port_is_given_up() {
    let stub = Stub::start(|_, _| Act::Hang).await;
    let fetched = fetch(&stub).await;
    assert!(fetched.error().contains("no complete answer within 2 s"), "{}", fetched.error());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let fetched = fetch(&Stub { address: closed, ..stub }).await;
    assert!(fetched.error().contains("no connection"), "{}", fetched.error());
}

#[tokio::test]
async fn b30_hostile_rows_are_refused_or_counted() {
    let stub = Stub::start(|nth, _| match nth {
        0 => Act::Rows(vec![["1".into(), "x".into(), "!!".into()], ["2".into(), "7".into(), "AAAA".into()]]),
        1 => Act::Rows(vec![one(5, "a.example.com"), one(5, "b.example.com")]),
        _ => Act::Rows(Vec::new()),
    })
    .await;
    let fetched = fetch(&stub).await;
    assert_eq!(fetched.only().odd.as_ref().unwrap().count, 2);
    assert!(fetched.error().contains("not in the order"), "{}", fetched.error());
}
