//! One question over each transport, and every odd thing a server does with it.

use std::sync::Arc;
use std::time::Duration;

use ctclimb::caa::{QuestionEcho, Transport, rcode};
use ctclimb::dns::{Exchange, ExchangeError, Question, Reply, Server, Sockets};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::dns_server::{Act, DnsServer, Query};

/// Long enough for any answer on a busy machine.
const PATIENT: Duration = Duration::from_secs(20);
/// Where silence is expected.
const SHORT: Duration = Duration::from_millis(700);

async fn ask_within(
    timeout: Duration,
    transport: Transport,
    answer: impl Fn(&Query) -> Vec<Act> + Send + Sync + 'static,
) -> Result<Reply, ExchangeError> {
    let server = DnsServer::start(answer).await;
    let to = Server::Plain(server.address, transport);
    Sockets::new().ask(&to, &Question::to_resolver("a.Example"), timeout).await
}

fn strays(result: Result<Reply, ExchangeError>) -> u32 {
    match result {
        Err(ExchangeError::Timeout { strays, .. }) => strays,
        other => panic!("no timeout but {other:?}"),
    }
}

#[tokio::test]
async fn a_good_answer_comes_back_with_its_octets() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let reply = ask_within(PATIENT, transport, |query| query.reply(0).soa("example").send()).await.unwrap();
        let message = reply.message.unwrap();
        assert_eq!(message.question, QuestionEcho::Same);
        assert_eq!((message.rcode, message.authority.len()), (rcode::NOERROR, 1));
        assert_eq!(message.octets, reply.bytes.len());
    }
}

#[tokio::test]
async fn forged_datagrams_are_passed_over_until_the_answer_comes() {
    let reply = ask_within(PATIENT, Transport::Udp, |query| {
        let good = query.reply(0).0;
        let wrong_id = query.reply(5).with(|bytes| bytes[0] ^= 1).0;
        let wrong_name = query.reply(5).with(|bytes| bytes[13] = b'x').0;
        let a_query = query.reply(5).with(|bytes| bytes[2] &= 0x7f).0;
        let noise = vec![query.bytes[0], query.bytes[1], 0x80];
        [wrong_id, wrong_name, a_query, noise, Vec::new(), good].map(Act::Send).to_vec()
    })
    .await
    .unwrap();
    assert_eq!((reply.message.unwrap().rcode, reply.strays), (rcode::NOERROR, 5));
}

#[tokio::test]
async fn datagrams_that_do_not_fit_are_counted() {
    let wrong_id = |query: &Query| query.reply(0).with(|bytes| bytes[1] ^= 1).send();
    assert_eq!(strays(ask_within(SHORT, Transport::Udp, wrong_id).await), 1);
    let wrong_type = |query: &Query| query.reply(0).with(|bytes| bytes[24] ^= 1).send();
    assert_eq!(strays(ask_within(SHORT, Transport::Udp, wrong_type).await), 1);
    let no_question = |query: &Query| query.reply(0).with(|bytes| bytes[5] = 0).send();
    assert_eq!(strays(ask_within(SHORT, Transport::Udp, no_question).await), 1);
    assert_eq!(strays(ask_within(SHORT, Transport::Udp, |_| Vec::new()).await), 0);
    assert_eq!(strays(ask_within(SHORT, Transport::Tcp, |_| Vec::new()).await), 0);
    assert_eq!(strays(ask_within(SHORT, Transport::Tcp, wrong_id).await), 1);
}

#[tokio::test]
async fn a_truncated_answer_is_an_answer() {
    let reply = ask_within(PATIENT, Transport::Udp, |query| query.reply(0).flags(2, 0x20).send()).await.unwrap();
    let flags = reply.message.unwrap().flags;
    assert!(flags.tc && flags.ad && flags.ra && !flags.aa);
}

#[tokio::test]
async fn a_header_alone_that_says_formerr_is_an_answer() {
    let reply = ask_within(PATIENT, Transport::Udp, |query| {
        query
            .reply(1)
            .with(|bytes| {
                bytes.truncate(12);
                bytes[5] = 0;
            })
            .send()
    });
    let message = reply.await.unwrap().message.unwrap();
    assert_eq!((message.rcode, message.question), (rcode::FORMERR, QuestionEcho::Missing));
}

#[tokio::test]
async fn another_case_is_seen_and_another_question_over_tcp_too() {
    let lower = |query: &Query| query.reply(0).with(|bytes| bytes[12..].make_ascii_lowercase()).send();
    let reply = ask_within(PATIENT, Transport::Udp, lower).await.unwrap();
    assert_eq!(reply.message.unwrap().question, QuestionEcho::CaseChanged);
    let other = |query: &Query| query.reply(0).with(|bytes| bytes[13] = b'x').send();
    let reply = ask_within(PATIENT, Transport::Tcp, other).await.unwrap();
    assert_eq!(reply.message.unwrap().question, QuestionEcho::Other);
}

#[tokio::test]
async fn octets_that_cannot_be_read_are_kept() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let cut = |query: &Query| query.reply(0).soa("example").with(|bytes| bytes.truncate(bytes.len() - 1)).send();
        let reply = ask_within(PATIENT, transport, cut).await.unwrap();
        assert!(reply.message.is_err() && !reply.bytes.is_empty());
    }
}

#[tokio::test]
async fn a_closed_port_and_a_closed_connection_are_network_errors() {
    let address = DnsServer::start(|_| Vec::new()).await.address;
    for transport in [Transport::Udp, Transport::Tcp] {
        let to = Server::Plain(address, transport);
        let result = Sockets::new().ask(&to, &Question::to_resolver("a.example"), PATIENT).await;
        assert!(matches!(&result, Err(ExchangeError::Network(text)) if text.contains("refused")), "{result:?}");
    }
    let result = ask_within(PATIENT, Transport::Tcp, |_| vec![Act::Close]).await;
    assert!(matches!(&result, Err(ExchangeError::Network(text)) if text.contains("closed")), "{result:?}");
}

#[tokio::test]
async fn a_late_answer_is_no_stray_of_the_next_question() {
    let server = DnsServer::start(|query| {
        if query.nth == 0 { vec![Act::Wait(SHORT * 2), Act::Send(query.reply(0).0)] } else { Vec::new() }
    })
    .await;
    let (sockets, to) = (Sockets::new(), Server::Plain(server.address, Transport::Udp));
    let question = Question::to_resolver("a.example");
    assert_eq!(strays(sockets.ask(&to, &question, SHORT).await), 0);
    assert_eq!(strays(sockets.ask(&to, &question, SHORT * 4).await), 0);
}

#[tokio::test]
async fn many_questions_at_once_each_get_their_own_answer() {
    let server = DnsServer::start(|query| query.reply(0).caa(&query.name, 0, "issue", &query.name).send()).await;
    let (sockets, to) = (Sockets::new(), Server::Plain(server.address, Transport::Udp));
    let asked = (0..200).map(|index| {
        let (sockets, to) = (&sockets, &to);
        async move {
            let name = format!("n{index}.example");
            let reply = sockets.ask(to, &Question::to_resolver(&name), PATIENT).await.unwrap();
            assert_eq!(reply.message.unwrap().answers[0].owner, name);
        }
    });
    futures::future::join_all(asked).await;
    assert_eq!(server.log().len(), 200);
}

#[tokio::test]
async fn questions_share_a_tls_connection() {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let server_config = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private)
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = DnsServer::start(|query| query.reply(3).soa("").send()).await;
    let (plain, acceptor) = (server.address, tokio_rustls::TlsAcceptor::from(Arc::new(server_config)));
    // One connection is accepted: a second one would find nobody.
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut tls = acceptor.accept(stream).await.unwrap();
        let mut tcp = tokio::net::TcpStream::connect(plain).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut tls, &mut tcp).await;
    });
    let mut roots = rustls::RootCertStore::empty();
    roots.add(key.cert.der().clone()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (sockets, to) = (Sockets::with_tls(Arc::new(config)), Server::Tls("localhost".into(), port));
    for name in ["a.example", "b.example"] {
        let reply = sockets.ask(&to, &Question::to_resolver(name), PATIENT).await.unwrap();
        assert_eq!(reply.message.unwrap().rcode, rcode::NXDOMAIN);
    }
    let unknown = Sockets::new().ask(&to, &Question::to_resolver("a.example"), SHORT).await;
    assert!(matches!(unknown, Err(ExchangeError::Network(_) | ExchangeError::Timeout { .. })));
}

/// Answers one HTTP request with `head` and the DNS message that `answer` makes of the body.
async fn http(head: &'static str, answer: fn(&Query) -> Vec<Act>) -> Server {
    let dns = DnsServer::start(answer).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/dns-query", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let body_at = loop {
            request.push(stream.read_u8().await.unwrap());
            if request.ends_with(b"\r\n\r\n") {
                break request.len();
            }
        };
        let text = String::from_utf8_lossy(&request[..body_at]).to_ascii_lowercase();
        assert!(text.starts_with("post /dns-query") && text.contains("application/dns-message"), "{text}");
        let length: usize =
            text.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let udp = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        udp.send_to(&body, dns.address).await.unwrap();
        let mut reply = vec![0; 65_535];
        let octets = udp.recv(&mut reply).await.unwrap();
        let head =
            format!("HTTP/1.1 {head}\r\ncontent-type: application/dns-message\r\ncontent-length: {octets}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&reply[..octets]).await.unwrap();
        tokio::time::sleep(PATIENT).await;
        drop(dns);
    });
    Server::Https(url)
}

#[tokio::test]
async fn https_carries_a_message_and_a_status() {
    let to = http("200 OK", |query| query.reply(0).caa("a.example", 0, "issue", ";").send()).await;
    let reply = Sockets::new().ask(&to, &Question::to_resolver("a.example"), PATIENT).await.unwrap();
    assert_eq!(reply.message.unwrap().answers.len(), 1);
    let to = http("503 Busy", |query| query.reply(0).send()).await;
    let result = Sockets::new().ask(&to, &Question::to_resolver("a.example"), PATIENT).await;
    assert!(matches!(&result, Err(ExchangeError::Network(text)) if text.contains("503")), "{result:?}");
}
