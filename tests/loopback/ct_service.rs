//! A CT search service that does what a test tells it, octet by octet: HTTP/1.1 on an ephemeral port of 127.0.0.1.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// One step of an answer. After the last one the connection is closed.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Send these octets.
    Send(Vec<u8>),
    /// Wait before the next step.
    Wait(Duration),
    /// Wait for ever: the client has to give up.
    Hang,
}

/// A request as received.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Path and query as received.
    pub(crate) target: String,
    /// Header lines by name in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    /// How many requests came before, in all.
    pub(crate) nth: usize,
    /// When it came.
    pub(crate) at: Instant,
    /// Requests under way when it came, itself included.
    pub(crate) at_once: usize,
}

impl Asked {
    /// A parameter of the query, the first of that name.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }

    /// Whether it is meant for Cert Spotter.
    pub(crate) fn is_certspotter(&self) -> bool {
        self.target.starts_with("/v1/issuances")
    }
}

/// A whole answer with its length.
pub(crate) fn answer(status: u16, content_type: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<Act> {
    let body = body.as_ref();
    let mut octets =
        head(status, &format!("Content-Type: {content_type}\r\nContent-Length: {}\r\n{headers}", body.len()));
    octets.extend_from_slice(body);
    vec![Act::Send(octets)]
}

/// A good answer of JSON.
pub(crate) fn json(body: impl AsRef<[u8]>) -> Vec<Act> {
    answer(200, "application/json", "", body)
}

/// An HTML page.
pub(crate) fn html(status: u16, body: &str) -> Vec<Act> {
    answer(status, "text/html", "", body)
}

/// Status line and headers; `headers` are whole lines.
pub(crate) fn head(status: u16, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Whatever\r\n{headers}Connection: close\r\n\r\n").into_bytes()
}

type Script = dyn Fn(&Asked) -> Vec<Act> + Send + Sync;

/// The running service; it ends when dropped.
pub(crate) struct CtService {
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Vec<Asked>>>,
    _tasks: JoinSet<()>,
}

impl CtService {
    /// Starts a service that answers as `script` says.
    pub(crate) async fn start(script: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, Arc::clone(&log), Arc::new(script)));
        Self { address, log, _tasks: tasks }
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }

    /// Their targets.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.target).collect()
    }
}

async fn serve(listener: TcpListener, log: Arc<Mutex<Vec<Asked>>>, script: Arc<Script>) {
    let at_once = Arc::new(AtomicUsize::new(0));
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let (log, script, at_once) = (Arc::clone(&log), Arc::clone(&script), Arc::clone(&at_once));
        connections.spawn(async move {
            let _ = speak(stream, &log, script.as_ref(), &at_once).await;
        });
    }
}

async fn speak(
    mut stream: TcpStream,
    log: &Mutex<Vec<Asked>>,
    script: &Script,
    at_once: &AtomicUsize,
) -> std::io::Result<()> {
    let mut octets = Vec::new();
    while !octets.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut octets).await? == 0 {
            return Ok(());
        }
    }
    let text = String::from_utf8_lossy(&octets).into_owned();
    let mut lines = text.lines();
    let target = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let now = at_once.fetch_add(1, Ordering::SeqCst) + 1;
    let asked = {
        let mut log = log.lock().unwrap();
        let asked = Asked { target, headers, nth: log.len(), at: Instant::now(), at_once: now };
        log.push(asked.clone());
        asked
    };
    let sent = act(&mut stream, script(&asked)).await;
    at_once.fetch_sub(1, Ordering::SeqCst);
    sent
}

async fn act(stream: &mut TcpStream, acts: Vec<Act>) -> std::io::Result<()> {
    for act in acts {
        match act {
            Act::Send(octets) => stream.write_all(&octets).await?,
            Act::Wait(time) => tokio::time::sleep(time).await,
            Act::Hang => std::future::pending().await,
        }
    }
    stream.shutdown().await
}

/// A certificate in the database of a fake crt.sh.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) issuer: i64,
    pub(crate) names: Vec<String>,
    pub(crate) expired: bool,
}

/// crt.sh over a list of certificates, with its cap: each record uses `rows` of the 10,000 rows of an answer.
pub(crate) struct FakeCrtsh {
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) rows: usize,
}

impl FakeCrtsh {
    /// Answers as the service would, newest first.
    pub(crate) fn answer(&self, asked: &Asked) -> Vec<Act> {
        let name = asked.parameter("dNSName").unwrap_or_default();
        let excluded: Vec<i64> = asked
            .parameter("excludeCAs")
            .into_iter()
            .flat_map(|list| list.split(','))
            .filter_map(|id| id.parse().ok())
            .collect();
        let whole_words = name.contains('-') && asked.parameter("match") != Some("ILIKE");
        let copies = if asked.parameter("deduplicate") == Some("Y") { 1 } else { 2 };
        let mut records = Vec::new();
        let mut used = 0;
        let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
        for (serial, certificate) in self.certificates.iter().enumerate() {
            if excluded.contains(&certificate.issuer) || certificate.expired && asked.parameter("exclude").is_some() {
                continue;
            }
            let matches = |found: &&String| {
                if whole_words {
                    found.as_str() == name || found.strip_prefix("*.") == Some(name)
                } else {
                    found.contains(name)
                }
            };
            let names: Vec<&str> = certificate.names.iter().filter(matches).map(String::as_str).collect();
            if names.is_empty() {
                continue;
            }
            for copy in 0..copies {
                if used + self.rows > 10_000 {
                    break;
                }
                used += self.rows;
                *counts.entry(certificate.issuer).or_default() += 1;
                records.push(record(certificate.issuer, serial * 2 + copy, serial, &names, self.rows));
            }
        }
        if asked.parameter("group") == Some("icaid") {
            records = counts
                .iter()
                .map(|(issuer, count)| {
                    format!(
                        r#"{{"issuer_ca_id":{issuer},"issuer_name":"CN={issuer}","name_value":"","id":1,"num_certs":{count},"result_count":{count}}}"#
                    )
                })
                .collect();
        }
        json(format!("[{}]", records.join(",")))
    }
}

/// One record of a crt.sh answer in its present shape.
pub(crate) fn record(issuer: i64, id: usize, serial: usize, names: &[&str], rows: usize) -> String {
    format!(
        r#"{{"issuer_ca_id":{issuer},"issuer_name":"C=US, O=Issuer {issuer}","common_name":"{}","name_value":"{}","id":{id},"entry_timestamp":"2026-10-02T16:04:41.99","not_before":"2026-10-02T15:04:41","not_after":"2026-12-31T15:04:40","serial_number":"{serial:08x}","result_count":{rows}}}"#,
        names[0],
        names.join("\\n"),
    )
}

/// One issuance of a Cert Spotter page.
pub(crate) fn issuance(id: usize, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    format!(
        r#"{{"id":"{id}","tbs_sha256":"{id:064x}","cert_sha256":"{id:064x}","dns_names":[{}],"pubkey_sha256":"00","issuer":{{"friendly_name":"Issuer","name":"C=US, O=Issuer 1","caa_domains":["issuer.example"]}},"not_before":"2026-10-02T15:04:41Z","not_after":"2026-12-31T15:04:40Z","revoked":false}}"#,
        names.join(",")
    )
}
