//! `ctclimb`: which names does a domain get certificates for, and can a CA look up CAA at every level above them?
//!
//! This page is the map of the crate. The program is a thin shell over it: everything it concludes is made of the plain
//! values below, and can be had without a terminal, a file or a socket.
//!
//! # The data flows one way
//!
//! ```text
//! source ─▶ Issuance ─▶ SubjectAltName ─┬─▶ Pattern ────────────────────────────────┐
//!                                       └─▶ levels ─▶ dns ─▶ LookupOutcome ─▶ Climb ─▶ Finding ─▶ Report
//!                                       (each once)  (paced, retried)      (pure)     (pure)        │
//!                                                            text, markdown, json, csv, html ◀──────┘
//! ```
//!
//! 1. **Certificates.** [`source`] turns replies of search services and dumps of every kind into records; [`issuance`]
//!    merges a precertificate and its certificate, whoever reported them, into one [`issuance::Issuance`].
//! 2. **Names.** [`name`] holds them in one tree ([`name::NameTree`]): a level of the climb is a node of it.
//! 3. **Patterns.** [`pattern`] finds what thousands of names have in common ([`pattern::Pattern`]), and which names
//!    of each are climbed in place of all ([`investigate::select`]).
//! 4. **Lookups.** [`dns`] asks every level once a resolver, and where something is odd the zones' own name servers. What
//!    comes back is a [`caa::LookupOutcome`]: a failure is data, not an error.
//! 5. **Verdicts and causes.** [`caa`] is RFC 8659 as pure functions: the climb ([`caa::climb()`]), the set
//!    ([`caa::judge`]), why a level fails ([`caa::causes`]), what a record would change ([`caa::effect()`]).
//! 6. **Findings.** [`finding`] says what is wrong and who must act ([`finding::diagnose`]), and where a record
//!    would help ([`finding::advise`]).
//! 7. **Report.** [`report::Report`] is one plain value; every format is a function of it ([`report::write()`]).
//!
//! [`acme`] stands beside: what a CA's error text says, proves and does not prove.
//!
//! # Who may know whom
//!
//! `name` < `issuance`, `pattern`, `caa`, `acme` < `finding` < `report` < [`limit`], [`mod@case`] < `source`, `dns` <
//! [`investigate`], [`audit`] < [`cli`]. The rooms up to `report` know no socket, file, clock or environment variable;
//! `tests/offline/architecture.rs` holds both rules. Only [`limit::Throttle`] makes anybody wait.
//!
//! # Where to begin
//!
//! [`caa::climb()`] is the idea in a few lines: levels with their outcomes in, how the climb ends out. Then
//! [`investigate::assemble`], where all rooms meet. An error text needs neither:
//!
//! ```
//! let explained = ctclimb::acme::explain("DNS problem: networking error looking up CAA for net");
//! assert_eq!(explained[0].error.level.as_ref().map(|level| level.as_str()), Some("net"));
//! assert_eq!(explained[0].cause, Some("ca-resolver-link"));
//! ```
//!
//! And the climb from one name, with answers written down:
//!
//! ```
//! use ctclimb::caa::{Climb, Lookup, LookupFailure, LookupOutcome, Soa, Transport, climb};
//!
//! let lookup = |outcome| Lookup::bare(outcome, Transport::Udp);
//! let empty = lookup(LookupOutcome::NoData(Soa::Present));
//! let failed = lookup(LookupOutcome::Failed(LookupFailure::ServFail));
//! // A failure at the TLD counts, because no level closer to the name has a CAA record.
//! let levels = [("www.example.net", &empty), ("example.net", &empty), ("net", &failed)];
//! assert!(matches!(climb(levels), Climb::Blocked { at: "net", .. }));
//! ```
//!
//! # Where to add what
//!
//! | a new | goes into | and needs |
//! | --- | --- | --- |
//! | kind of dump | `source/dump` | a fixture of it: whole, empty, cut |
//! | search service | `source/live`, `source/reply` | saved replies, and a scripted server in `tests/loopback` |
//! | cause | [`caa::Code`] and its row | a broken zone in `tests/testbed`, a reference in `finding/code_facts.rs` |
//! | finding | [`finding::FindingCode`] | a world that shows it, one that does not |
//! | label class | `pattern/class.rs` | a scheme of names |
//! | format | `report` | a snapshot a story in `fixtures/report` |

pub mod acme;
pub mod audit;
pub mod caa;
pub mod case;
pub mod cli;
pub mod dns;
pub mod finding;
pub mod investigate;
pub mod issuance;
pub mod limit;
pub mod name;
pub mod pattern;
pub mod report;
pub mod source;
