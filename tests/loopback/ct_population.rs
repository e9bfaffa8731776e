//! A domain with 200,000 certificates of eleven naming schemes, and a crt.sh that gives 10,000 rows of them at most.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::ct_service::{Act, Asked, json, record};

/// The domain that all this is about.
pub(crate) const DOMAIN: &str = "example.net";
/// Rows of one answer.
const CAP: usize = 10_000;
/// Rows that a name uses of them.
const ROWS: usize = 3;

/// In which order the database meets its rows: nobody knows that of crt.sh, so a good client does well with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// As logged, the oldest first.
    Oldest,
    /// As logged, the newest first.
    Newest,
    /// Without any order.
    Scattered,
    /// Week by week of expiry, scattered within each.
    Clustered,
}

/// One certificate.
struct Issued {
    issuer: i64,
    scheme: usize,
    names: Vec<String>,
    /// When, of 1000.
    time: u64,
}

/// How many certificates a scheme has, who issues them, when of 1000 they begin and end, and their names.
struct Scheme {
    certificates: usize,
    issuers: &'static [i64],
    from: u64,
    to: u64,
    names: fn(u64) -> Vec<String>,
}

const COMMON: &[i64] = &[295_810, 295_811, 295_812, 295_813, 295_814, 295_815, 295_816, 295_817];

/// From the one that hides all others to the handful of hosts that everybody has.
const SCHEMES: &[Scheme] = &[
    Scheme {
        certificates: 150_000,
        issuers: COMMON,
        from: 0,
        to: 1000,
        names: |n| {
            let label = base32(n);
            vec![format!("{label}.xnw6x"), format!("*.{label}.xnw6x")]
        },
    },
    Scheme {
        certificates: 24_000,
        issuers: COMMON,
        from: 300,
        to: 1000,
        names: |n| {
            vec![format!(
                "{:08x}-{:04x}-4{:03x}-9{:03x}-{:012x}.apps",
                mix(n) >> 32,
                n & 0xffff,
                n & 0xfff,
                n & 0x7ff,
                mix(n + 7) >> 16
            )]
        },
    },
    Scheme {
        certificates: 12_000,
        issuers: COMMON,
        from: 0,
        to: 600,
        names: |n| {
            vec![format!("node-{}.eu-{}.k8s", n % 4000, ["west-1", "west-2", "east-1", "north-1"][pick(mix(n), 4)])]
        },
    },
    Scheme {
        certificates: 8_000,
        issuers: &[180_753, 180_754],
        from: 0,
        to: 1000,
        names: |n| vec![format!("{}-{}.shop", word(mix(n)), word(mix(n) >> 20))],
    },
    Scheme { certificates: 4_000, issuers: COMMON, from: 700, to: 1000, names: |n| vec![format!("pr-{n}.preview")] },
    Scheme { certificates: 1_500, issuers: &[177_601], from: 500, to: 900, names: |n| vec![format!("*.t{n}.tenants")] },
    Scheme {
        certificates: 300,
        issuers: COMMON,
        from: 200,
        to: 800,
        names: |n| vec![format!("{:08x}.edge.cdn", mix(n) >> 32)],
    },
    Scheme {
        certificates: 60,
        issuers: &[9_324],
        from: 0,
        to: 1000,
        names: |n| vec![format!("vpn-{}.corp", word(n % 30)), format!("gw.vpn-{}.corp", word(n % 30))],
    },
    Scheme { certificates: 40, issuers: COMMON, from: 0, to: 300, names: |n| vec![format!("db{n}.int.lab")] },
    Scheme {
        certificates: 80,
        issuers: COMMON,
        from: 0,
        to: 1000,
        names: |n| {
            let hosts = ["www", "mail", "api", "status", "login", "blog", "docs", "imap", "smtp", "autodiscover"];
            vec![hosts[pick(n, hosts.len())].to_owned()]
        },
    },
    Scheme { certificates: 20, issuers: COMMON, from: 0, to: 1000, names: |n| vec![format!("{}.m", word(n))] },
];

fn mix(n: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    n.hash(&mut hasher);
    hasher.finish()
}

fn pick(n: u64, of: usize) -> usize {
    usize::try_from(n % of as u64).unwrap()
}

fn base32(n: u64) -> String {
    (0..52).map(|at| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[pick(mix(n * 64 + at), 32)])).collect()
}

fn word(n: u64) -> String {
    let syllables = ["ba", "re", "mi", "lo", "su", "ka", "ne", "to", "vi", "da", "po", "ge", "ru", "li", "fa", "zo"];
    (0..3).map(|at| syllables[pick(n >> (4 * at), 16)]).collect()
}

/// The database.
pub(crate) struct Population {
    issued: Vec<Issued>,
}

/// What of the truth a client knows.
#[derive(Debug)]
pub(crate) struct Found {
    /// Schemes of which at least one name is known.
    pub(crate) schemes: usize,
    /// Schemes of which eight distinct names are known, or all.
    pub(crate) well_known: usize,
    /// Distinct names.
    pub(crate) names: usize,
}

impl Population {
    /// All certificates, in the order in which the database meets them.
    pub(crate) fn new(order: Order) -> Self {
        let mut issued = Vec::new();
        for (scheme, Scheme { certificates, issuers, from, to, names }) in SCHEMES.iter().enumerate() {
            for n in 0..*certificates as u64 {
                let chance = mix(n * 16 + scheme as u64);
                let time = from + chance % (to - from);
                let issuer = issuers[pick(chance >> 32, issuers.len())];
                let names = names(n).into_iter().map(|name| format!("{name}.{DOMAIN}")).collect();
                issued.push(Issued { issuer, scheme, names, time });
            }
        }
        issued.sort_by_cached_key(|certificate| {
            let scatter = mix(&certificate.names);
            match order {
                Order::Oldest => (certificate.time, scatter),
                Order::Newest => (1000 - certificate.time, scatter),
                Order::Scattered => (0, scatter),
                Order::Clustered => (mix(certificate.time / 80), scatter),
            }
        });
        Self { issued }
    }

    /// Certificates in all.
    pub(crate) fn len(&self) -> usize {
        self.issued.len()
    }

    /// What crt.sh would say.
    pub(crate) fn answer(&self, asked: &Asked) -> Vec<Act> {
        let name = asked.parameter("dNSName").unwrap_or_default();
        let excluded: BTreeSet<i64> = asked
            .parameter("excludeCAs")
            .into_iter()
            .flat_map(|list| list.split(','))
            .filter_map(|id| id.parse().ok())
            .collect();
        let copies = if asked.parameter("deduplicate") == Some("Y") { 1 } else { 2 };
        let (mut records, mut used, mut counts) = (Vec::new(), 0, BTreeMap::<i64, usize>::new());
        for (serial, certificate) in self.issued.iter().enumerate() {
            if used >= CAP {
                break;
            }
            if excluded.contains(&certificate.issuer) {
                continue;
            }
            let names: Vec<&str> =
                certificate.names.iter().filter(|found| found.ends_with(name)).map(String::as_str).collect();
            if names.is_empty() {
                continue;
            }
            for copy in 0..copies {
                // As in real answers, a record uses more rows than it tells names.
                let rows = (ROWS * names.len()).min(CAP - used);
                if rows > 0 {
                    used += rows;
                    *counts.entry(certificate.issuer).or_default() += 1;
                    records.push(record(certificate.issuer, serial * 2 + copy, serial, &names, rows));
                }
            }
        }
        if asked.parameter("group") == Some("icaid") {
            let count = |(issuer, count)| {
                format!(
                    r#"{{"issuer_ca_id":{issuer},"issuer_name":"CN={issuer}","name_value":"","id":1,"num_certs":{count},"result_count":{count}}}"#
                )
            };
            records = counts.into_iter().map(count).collect();
        }
        json(format!("[{}]", records.join(",")))
    }

    /// How much of it these names are.
    pub(crate) fn found(&self, names: &BTreeSet<String>) -> Found {
        let (mut all, mut known) = (vec![BTreeSet::new(); SCHEMES.len()], vec![BTreeSet::new(); SCHEMES.len()]);
        for certificate in &self.issued {
            for name in &certificate.names {
                all[certificate.scheme].insert(name);
                if names.contains(name) {
                    known[certificate.scheme].insert(name);
                }
            }
        }
        let well = |(known, all): (&BTreeSet<&String>, &BTreeSet<&String>)| known.len() >= all.len().min(8);
        Found {
            schemes: known.iter().filter(|known| !known.is_empty()).count(),
            well_known: known.iter().zip(&all).filter(|pair| well(*pair)).count(),
            names: known.iter().map(BTreeSet::len).sum(),
        }
    }
}
