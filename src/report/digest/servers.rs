//! The matrix of servers by probe: for each level that a zone's servers were asked about, what each of them answered.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::{Zone, ZoneServer};

/// How a probe's result counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Health {
    Fine,
    Odd,
    Bad,
}

/// What the servers of one zone answered about one name.
pub(in crate::report) struct Matrix<'a> {
    /// The name asked about.
    pub(in crate::report) name: &'a str,
    /// The probes that were sent, in order.
    pub(in crate::report) probes: Vec<&'a str>,
    /// Each server with the result of each probe; empty where it was not sent.
    pub(in crate::report) servers: Vec<(&'a ZoneServer, Vec<&'a str>)>,
}

impl Matrix<'_> {
    /// Whether any server gave an answer that a healthy one would not.
    pub(in crate::report) fn has_trouble(&self) -> bool {
        let cells = self.servers.iter().flat_map(|(_, cells)| cells);
        cells.into_iter().any(|cell| !cell.is_empty() && health(cell) != Health::Fine)
    }
}

/// The matrices of a zone, by name. A probe without a name stands in that of the zone itself.
pub(in crate::report) fn matrices<'a>(zone: &'a Zone) -> Vec<Matrix<'a>> {
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for probe in zone.servers.iter().flat_map(|server| server.probes.keys()) {
        let (kind, name) = probe.split_once(' ').unwrap_or((probe, &zone.name));
        names.entry(name).or_default().insert(kind);
    }
    let result = |server: &'a ZoneServer, name: &str, kind: &str| -> &'a str {
        let named = server.probes.get(&format!("{kind} {name}"));
        let unnamed = || server.probes.get(kind).filter(|_| name == zone.name);
        named.or_else(unnamed).map_or("", String::as_str)
    };
    let mut matrices: Vec<Matrix<'a>> = names
        .into_iter()
        .map(|(name, kinds)| {
            let probes: Vec<&str> = kinds.into_iter().collect();
            let servers = zone
                .servers
                .iter()
                .map(|server| (server, probes.iter().map(|kind| result(server, name, kind)).collect::<Vec<_>>()));
            let servers = servers.filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty())).collect();
            Matrix { name, probes, servers }
        })
        .collect();
    matrices.sort_by(|a, b| a.name.matches('.').count().cmp(&b.name.matches('.').count()).then(a.name.cmp(b.name)));
    matrices
}

/// Whether a result is what a healthy server gives, in the words of [`Reading`](crate::caa::Reading).
pub(in crate::report) fn health(words: &str) -> Health {
    let without_time = match words.rsplit_once(", ") {
        Some((before, time)) if time.ends_with(" ms") => before,
        _ => words,
    };
    match without_time {
        "records" | "nodata" | "nxdomain" => Health::Fine,
        text if text.starts_with("alias to ") => Health::Fine,
        text if ["nodata, ", "nxdomain, ", "referral ", "truncated"].iter().any(|odd| text.starts_with(odd)) => {
            Health::Odd
        }
        _ => Health::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_count_by_their_words() {
        for (words, expected) in [
            ("nodata, 12 ms", Health::Fine),
            ("records", Health::Fine),
            ("alias to a.example, 3 ms", Health::Fine),
            ("nodata, no soa, 4 ms", Health::Odd),
            ("nxdomain, soa of example", Health::Odd),
            ("truncated, 1 ms", Health::Odd),
            ("silence", Health::Bad),
            ("refused, 2 ms", Health::Bad),
            ("malformed: answers another question", Health::Bad),
        ] {
            assert_eq!(health(words), expected, "{words}");
        }
    }

    #[test]
    fn each_level_has_a_matrix_of_its_own() {
        let server = |name: &str, probes: &[(&str, &str)]| ZoneServer {
            name: name.into(),
            address: "192.0.2.1".into(),
            probes: probes.iter().map(|(probe, words)| ((*probe).to_owned(), (*words).to_owned())).collect(),
        };
        let zone = Zone {
            name: "example.net".into(),
            dnssec: "insecure",
            servers: vec![
                server(
                    "ns1",
                    &[("caa www.example.net", "nodata"), ("control www.example.net", "records"), ("dnskey", "nodata")],
                ),
                server("ns2", &[("caa www.example.net", "silence"), ("caa a.b.example.net", "nodata")]),
            ],
        };
        let told: Vec<_> = matrices(&zone)
            .into_iter()
            .map(|m| (m.name, m.probes, m.servers.into_iter().map(|(_, cells)| cells).collect()))
            .collect();
        assert_eq!(
            told,
            [
                ("example.net", vec!["dnskey"], vec![vec!["nodata"]]),
                ("www.example.net", vec!["caa", "control"], vec![vec!["nodata", "records"], vec!["silence", ""]]),
                ("a.b.example.net", vec!["caa"], vec![vec!["nodata"]]),
            ]
        );
    }
}
