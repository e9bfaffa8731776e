//! A world for audits: search services, resolvers, and the real program between them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::ct_service::{Act, Asked, Certificate, CtService, FakeCrtsh, issuance, json};
use super::dns_server::{DnsServer, Query};

/// When the tests take place.
pub(crate) const NOW: &str = "2026-11-23T12:00:00Z";

/// Both services, two resolvers, and a list of domains below two TLDs.
pub(crate) struct World {
    pub(crate) crtsh: CtService,
    pub(crate) certspotter: CtService,
    pub(crate) resolvers: [DnsServer; 2],
    /// Sets CAA at every domain.
    pub(crate) protected: Arc<AtomicBool>,
    pub(crate) directory: tempfile::TempDir,
}

fn domain(n: usize) -> String {
    format!("d{n}.{}", ["example", "test"][n % 2])
}

impl World {
    pub(crate) async fn start(domains: usize) -> Self {
        let certificates = (0..domains).flat_map(|n| {
            let of = |names: &[&str]| {
                let names = names.iter().map(|name| format!("{name}{}", domain(n))).collect();
                Certificate { issuer: 1, names, expired: false }
            };
            [of(&["", "www."]), of(&["*."]), of(&[&format!("*.p{n}x.preview.")])]
        });
        let database = FakeCrtsh { certificates: certificates.collect(), rows: 2 };
        let crtsh = CtService::start(move |asked| {
            let mut acts = vec![Act::Wait(Duration::from_millis(2))];
            acts.extend(database.answer(asked));
            acts
        })
        .await;
        let certspotter = CtService::start(spotted).await;
        let protected = Arc::new(AtomicBool::new(false));
        let resolver = async || {
            let protected = Arc::clone(&protected);
            DnsServer::start(move |query| answer(query, protected.load(Ordering::SeqCst))).await
        };
        let resolvers = [resolver().await, resolver().await];
        let directory = tempfile::tempdir().unwrap();
        let list: Vec<String> = (0..domains).map(domain).collect();
        std::fs::write(directory.path().join("list"), list.join("\n")).unwrap();
        Self { crtsh, certspotter, resolvers, protected, directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// `ctclimb audit` of the list through both resolvers, kept in `file`.
    pub(crate) fn audit(&self, file: &str) -> Command {
        let mut command = self.program();
        command.args(["audit", "-q", "-l"]).arg(self.path("list")).arg("--file").arg(self.path(file));
        for resolver in &self.resolvers {
            command.args(["-r", &resolver.address.to_string()]);
        }
        // Nobody asks the name servers of the real world about these domains.
        command.args(["--no-deep"]);
        command
    }

    pub(crate) fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctclimb"));
        command
            .env("CTCLIMB_CRTSH_URL", self.crtsh.url())
            .env("CTCLIMB_CERTSPOTTER_URL", self.certspotter.url())
            .env("CTCLIMB_CERTSPOTTER_KEY", "k_secret")
            .env("XDG_CONFIG_HOME", self.path("no-config"))
            .env_remove("CTCLIMB_CONFIG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Every question that reached a resolver, in order, with how often it came.
    pub(crate) fn questions(&self, resolver: usize) -> std::collections::BTreeMap<String, usize> {
        let mut counts = std::collections::BTreeMap::new();
        for query in self.resolvers[resolver].log() {
            *counts.entry(format!("{} {}", query.name, query.rtype)).or_default() += 1;
        }
        counts
    }
}

/// One page of two certificates, and an empty one.
fn spotted(asked: &Asked) -> Vec<Act> {
    let domain = asked.parameter("domain").unwrap_or_default();
    match asked.parameter("after") {
        None => json(format!("[{}]", issuance(1, &[&format!("spotted.{domain}")]))),
        Some(_) => json("[]"),
    }
}

/// A third of the domains has CAA always, all have it when `protected`.
fn answer(query: &Query, protected: bool) -> Vec<super::dns_server::Act> {
    let reply = query.reply(0);
    let labels: Vec<&str> = query.name.split('.').collect();
    if query.rtype != 257 {
        return reply.soa(labels[labels.len() - 1]).send();
    }
    match labels.as_slice() {
        [domain, tld] => {
            let third = domain.trim_start_matches('d').parse::<usize>().is_ok_and(|n| n.is_multiple_of(3));
            if third || protected {
                return reply.caa(&query.name, 0, "issue", "letsencrypt.org").send();
            }
            reply.soa(tld).send()
        }
        [.., tld] => reply.soa(tld).send(),
        [] => reply.send(),
    }
}

/// Waits for something that a program does.
pub(crate) async fn until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(120), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What a program that ended told.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    /// The lines of JSON of one type.
    pub(crate) fn lines(&self, kind: &str) -> Vec<serde_json::Value> {
        let read = |line: &[u8]| serde_json::from_slice::<serde_json::Value>(line);
        let lines = self.stdout.split(|&octet| octet == b'\n').filter(|line| !line.is_empty());
        let lines: Vec<_> = lines.map(|line| read(line).unwrap_or_else(|e| panic!("{e}: {}", self.stderr))).collect();
        lines.into_iter().filter(|line| line["type"] == kind).collect()
    }
}

/// Waits for the end of a program without holding up the servers.
pub(crate) async fn ended(child: Child) -> Ended {
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Ended { code: output.status.code(), stdout: output.stdout, stderr }
}

pub(crate) async fn run(mut command: Command) -> Ended {
    ended(command.spawn().unwrap()).await
}

/// Sends a signal as a person or a scheduler would.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
