//! The zones' own name servers in an audit of many domains: what is above all domains is asked once, however many there are,
//! and what the name servers say shows in the causes of the rows.

use std::process::Command;

use super::audit_world::{World, run, text};
use super::dns_server::{Act, DnsServer, Query};

const NS: u16 = 2;
const SOA: u16 = 6;
const A: u16 = 1;

/// One server that holds the root, a TLD and all domains below it. The domains answer CAA without their SOA record.
fn hierarchy(query: &Query) -> Vec<Act> {
    let name = query.name.to_ascii_lowercase();
    let labels: Vec<&str> = name.split('.').filter(|label| !label.is_empty()).collect();
    let zone = match labels.as_slice() {
        ["example"] | ["ns", "example"] => "example".to_owned(),
        [.., domain, "example"] => format!("{domain}.example"),
        _ => String::new(),
    };
    let reply = query.reply(0).flags(0x04, 0);
    match query.rtype {
        NS if name == zone => reply.record(0, &name, NS, &super::dns_server::name("ns.example")).record(
            2,
            "ns.example",
            A,
            &[127, 0, 0, 1],
        ),
        A if name == "ns.example" => reply.record(0, &name, A, &[127, 0, 0, 1]),
        SOA if name == zone => reply.record(0, &name, SOA, &[0; 22]),
        257 if labels.len() > 1 => reply,
        _ => reply.soa(&zone),
    }
    .send()
}

struct Deep {
    world: World,
    servers: DnsServer,
}

impl Deep {
    async fn start(domains: usize) -> Self {
        let world = World::start(domains).await;
        let servers = DnsServer::start(hierarchy).await;
        std::fs::write(world.path("hints"), "ns.example 127.0.0.1\n").unwrap();
        let list: String = (0..domains).map(|n| format!("d{}.example\n", 2 * n)).collect();
        std::fs::write(world.path("list"), list).unwrap();
        Self { world, servers }
    }

    fn audit(&self, file: &str) -> Command {
        let mut command = self.world.program();
        command.args(["audit", "-q", "--deep", "--fail-on", "never", "-l"]).arg(self.world.path("list"));
        command.arg("--file").arg(self.world.path(file)).args(["-r", &self.world.resolvers[0].address.to_string()]);
        command.args(["--root-hints", text(&self.world.path("hints"))]);
        command.args(["--port", &self.servers.address.port().to_string()]);
        command.args(["--rate", "unlimited", "--rate", "crtsh=1000/s"]);
        command
    }

    /// Questions about names that no single domain owns.
    fn shared(&self) -> usize {
        let log = self.servers.log();
        log.iter().filter(|query| matches!(query.name.to_ascii_lowercase().as_str(), "" | "example")).count()
    }

    fn about(&self, domain: &str) -> usize {
        let log = self.servers.log();
        log.iter().filter(|query| query.name.to_ascii_lowercase().ends_with(domain)).count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_above_all_domains_are_asked_once() {
    let one = Deep::start(1).await;
    let alone = run(one.audit("one")).await;
    let rows = alone.lines("domain");
    assert_eq!(rows[0]["causes"], serde_json::json!(["negative-without-soa"]), "{} {rows:#?}", alone.stderr);
    assert!(one.shared() > 0 && one.about("d0.example") > 0);

    let many = Deep::start(6).await;
    let all = run(many.audit("many")).await;
    assert_eq!(all.lines("domain").len(), 6, "{}", all.stderr);
    assert_eq!(many.shared(), one.shared(), "six domains ask the TLD's servers no more than one does");

    // A run that goes on remembers what the one before it was told.
    let parted = Deep::start(6).await;
    for most in ["2", "100"] {
        let mut command = parted.audit("parted");
        command.args(["--max-requests", most]);
        run(command).await;
    }
    assert_eq!(parted.shared(), one.shared());
    let domain = parted.about("d0.example");
    run(parted.audit("parted")).await;
    assert_eq!(parted.about("d0.example"), domain, "what is finished is not asked again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn name_servers_are_asked_about_odd_levels_and_with_no_deep_never() {
    let deep = Deep::start(2).await;
    let silent = DnsServer::start(|query| query.reply(0).send()).await;
    let with = |file: &str, resolver: &DnsServer, option: &str| {
        let mut command = deep.audit(file);
        let given: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let resolvers = [&deep.world.resolvers[0], resolver].map(|resolver| resolver.address.to_string());
        let given = given.into_iter().filter(|argument| argument != "--deep");
        let given =
            given.map(|argument| if argument == *resolvers[0] { resolvers[1].clone().into() } else { argument });
        command = deep.world.program();
        command.args(given).args(Some(option).filter(|option| !option.is_empty()));
        command
    };
    // Whole answers, then answers without an SOA record, which are odd.
    for (file, resolver, option, asked) in [
        ("whole", &deep.world.resolvers[0], "", false),
        ("never", &silent, "--no-deep", false),
        ("odd", &silent, "", true),
    ] {
        let done = run(with(file, resolver, option)).await;
        assert_eq!(done.lines("domain").len(), 2, "{}", done.stderr);
        assert_eq!(!deep.servers.log().is_empty(), asked, "{file}");
    }
}
