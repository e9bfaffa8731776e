//! [`Line`]: faults that lie between this host and the world, and not at the servers asked.
//!
//! The servers of the public root are known to be sound. What they seem to do wrong as well, something on the way does.

use std::collections::BTreeSet;

use super::cause_dnssec::zone_faults;
use super::cause_server::At;
use super::{AuthoritativeView, Code, Probe, ProbeKind};

/// What is known of the line from this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Nothing speaks against it.
    Sound,
    /// No server of the public root answers: questions to name servers do not leave this network.
    Closed,
    /// Servers of the public root seem to answer as resolvers do: something answers in their place.
    Intercepted,
    /// Faults that the servers of the public root seem to have too.
    Faulty(BTreeSet<Code>),
}

impl Line {
    /// What the answers of the public root show; [`Sound`](Self::Sound) for a private one, of which nothing is known.
    #[must_use]
    pub fn of(view: &AuthoritativeView) -> Self {
        let Some(root) = view.zones.get(".").filter(|_| view.public_root) else { return Self::Sound };
        let probes = || root.servers.values().flat_map(|server| &server.probes);
        if probes().next().is_none() {
            return Self::Sound;
        }
        let messages = || probes().flat_map(Probe::messages).map(|(message, ..)| message);
        if messages().next().is_none() {
            return Self::Closed;
        }
        if !messages().any(|message| message.flags.aa) {
            return Self::Intercepted;
        }
        let mut faults: BTreeSet<Code> = shown_by_all(view);
        // The root's signatures are renewed twice a day: if they seem out of date, the clock here is wrong.
        faults.extend(zone_faults(view, root).iter().map(|f| f.symptom.code).filter(|c| *c == Code::DnssecExpired));
        if faults.is_empty() { Self::Sound } else { Self::Faulty(faults) }
    }

    /// Whether nothing can be said of any server.
    pub(super) fn is_blind(&self) -> bool {
        matches!(self, Self::Closed | Self::Intercepted)
    }

    /// Whether a fault found at a server lies in front of this host.
    pub(super) fn explains(&self, code: Code) -> bool {
        matches!(self, Self::Faulty(codes) if codes.contains(&code))
    }

    /// What a report says of it; `None` where there is nothing to say.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        match self {
            Self::Sound => None,
            Self::Closed => Some(
                "no server of the DNS root answers from here: this network lets no DNS questions out, and what the name servers would say is not known"
                    .to_owned(),
            ),
            Self::Intercepted => Some(
                "what answers from here in place of the DNS root's servers is a resolver: this network redirects DNS questions, and what the name servers would say is not known"
                    .to_owned(),
            ),
            Self::Faulty(codes) => {
                let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
                Some(format!(
                    "the servers of the DNS root seem to have the same fault ({}): it lies in this network or at this host, and was left out for every server",
                    words.join(", ")
                ))
            }
        }
    }
}

/// Faults of the way that every address of the root shows that was asked in the forms that looked faulty elsewhere.
fn shown_by_all(view: &AuthoritativeView) -> BTreeSet<Code> {
    let Some(root) = view.zones.get(".") else { return BTreeSet::new() };
    let mut common: Option<BTreeSet<Code>> = None;
    for (address, probes) in &view.line.servers {
        let Some(server) = root.servers.get(address) else { continue };
        let at = At {
            address: *address,
            zone: ".",
            server,
            level: &view.line,
            probes,
            apex: &[],
            line_us: view.line_us.unwrap_or(0),
            below: None,
        };
        let mut codes: BTreeSet<Code> = super::cause_way::symptoms(&at).into_iter().map(|s| s.code).collect();
        let changed = super::cause_content::symptoms(&at).into_iter().map(|s| s.code);
        codes.extend(changed.filter(|code| *code == Code::CaseNotPreserved));
        if at.reading(ProbeKind::CaaTcp).is_some_and(|reading| !reading.is_usable()) {
            codes.insert(Code::TcpUnavailable);
        }
        common = Some(match common {
            None => codes,
            Some(before) => before.intersection(&codes).copied().collect(),
        });
    }
    common.unwrap_or_default()
}
