//! The search services speak HTTP/2 over TLS: the real program, against a service that speaks nothing else.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::ct_service::record;

/// Path and protocol of each request.
type Log = Arc<Mutex<Vec<(String, String)>>>;

/// A service at an ephemeral port that offers `h2` alone; gives the certificate to trust, in PEM.
async fn start(body: String) -> (u16, String, Log) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let trusted = ca.self_signed(&ca_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(leaf.der().to_vec())],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let log = Log::default();
    let seen = Arc::clone(&log);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(speak(acceptor.clone(), stream, body.clone(), Arc::clone(&seen)));
        }
    });
    (port, trusted, log)
}

/// One connection: the first stream of all breaks off in its body, every later one has a whole answer, in small frames.
async fn speak(acceptor: TlsAcceptor, stream: TcpStream, body: String, log: Log) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let nth = {
            let mut log = log.lock().unwrap();
            log.push((request.uri().path().to_owned(), format!("{:?}", request.version())));
            log.len()
        };
        let response = http::Response::builder().header("content-type", "application/json").body(()).unwrap();
        let mut answer = respond.send_response(response, false).unwrap();
        let frames: Vec<Vec<u8>> = body.as_bytes().chunks(100).map(<[u8]>::to_vec).collect();
        if nth == 1 {
            let _ = answer.send_data(frames[0].clone().into(), false);
            answer.send_reset(h2::Reason::INTERNAL_ERROR);
            continue;
        }
        for (at, frame) in (1..).zip(&frames) {
            let _ = answer.send_data(frame.clone().into(), at == frames.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_speaks_http_2_is_read_also_after_a_stream_that_broke() {
    let body = format!("[{},{}]", record(1, 1, 1, &["a.example.com"], 1), record(1, 2, 2, &["b.example.com"], 1));
    let (port, trusted, log) = start(body).await;
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, trusted).unwrap();
    let fetch = move || {
        Command::new(env!("CARGO_BIN_EXE_ctclimb"))
            .args(["fetch", "example.com", "--source", "crtsh", "--no-case", "--rate", "crtsh=1000/s"])
            .env("CTCLIMB_CONFIG", "/dev/null")
            .env("CTCLIMB_CRTSH_URL", format!("https://localhost:{port}"))
            .env("SSL_CERT_FILE", ca)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(fetch).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let result = String::from_utf8_lossy(&output.stdout);
    assert!(result.contains("a.example.com") && result.contains("b.example.com"), "{result}");
    let log = log.lock().unwrap();
    assert_eq!(*log, [("/".to_owned(), "HTTP/2.0".to_owned()), ("/".to_owned(), "HTTP/2.0".to_owned())], "{said}");
}
