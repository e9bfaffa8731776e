//! One question over and over, where answers came and went: what tells a lossy server from a limiting one.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use futures::future::join_all;

use super::probe_ask::{Asker, Form};
use crate::caa::evidence_reading::{Reading, read};
use crate::caa::{Observation, Probe, ProbeKind, Stress, Transport, needs_more, rcode};

/// Questions sent at once.
const TOGETHER: usize = 6;
/// Questions sent apart.
const APART: u32 = 4;
/// Time between those apart, and the rest before: limits are set for a second.
const SPACING: Duration = Duration::from_millis(1200);

/// The question to ask over and over, if answers about `zone` came and went at this address.
pub(super) fn unsteady<'p>(probes: impl Iterator<Item = &'p Probe> + Clone, zone: &str) -> Option<&'p Probe> {
    let over_udp = probes.filter(|probe| probe.transport == Transport::Udp);
    let (good, bad) = (|probe: &Probe| any(probe, zone, true), |probe: &Probe| any(probe, zone, false));
    let mixed = over_udp.clone().find(|probe| good(probe) && bad(probe));
    // CAA may be dropped for good, and a name may be filtered: the same question at the same place decides later.
    let between = [ProbeKind::Caa, ProbeKind::Control].into_iter().find_map(|kind| {
        let mut same = over_udp.clone().filter(|probe| probe.kind == kind);
        let lost = same.clone().any(|probe| !good(probe) && bad(probe));
        same.find(|probe| lost && good(probe))
    });
    mixed.or(between)
}

/// Whether some try of a probe got an answer to work with, or some did not. Replies to other questions are neither.
fn any(probe: &Probe, zone: &str, wanted: bool) -> bool {
    probe.tries.iter().any(|observation| answered(observation, probe, zone) == Some(wanted))
}

fn answered(observation: &Observation, probe: &Probe, zone: &str) -> Option<bool> {
    match read(observation, &probe.name, probe.rtype, zone) {
        // A limit may answer with an empty truncated message: over TCP the rest is to be had.
        Reading::Truncated => Some(true),
        Reading::Silent | Reading::Unreachable(_) | Reading::Error(rcode::REFUSED | rcode::SERVFAIL) => Some(false),
        Reading::Malformed(_) | Reading::Error(_) | Reading::ReferralUp(_) | Reading::ReferralSelf => None,
        reading => Some(reading.is_usable()),
    }
}

/// Asks the question at once several times, then apart. Nobody else may ask this address meanwhile.
pub(super) async fn stress(asker: &Asker<'_>, address: IpAddr, question: &Probe, zone: &str) -> Stress {
    let form = Form::again(question);
    let one = async |not_before: Instant| {
        asker.turn_after(not_before, address).await;
        let observation = asker.transmit(address, &question.name, question.rtype, form).await?;
        let fine = answered(&observation, question, zone) != Some(false);
        Some((fine, read(&observation, &question.name, question.rtype, zone).words()))
    };
    let begin = Instant::now() + SPACING;
    let together = join_all((0..TOGETHER).map(|_| one(begin)));
    let spaced = |from: Instant| join_all((1..=APART).map(move |place| from + SPACING * place).map(&one));
    let (together, apart) = futures::join!(together, spaced(begin + SPACING / 2));
    let mut seen = Stress::default();
    let mut note = |tries: Vec<Option<(bool, String)>>| -> Vec<bool> {
        let tries = tries.into_iter().flatten();
        tries
            .inspect(|(fine, words)| {
                if !fine {
                    seen.otherwise.insert(words.clone());
                }
            })
            .map(|(fine, _)| fine)
            .collect()
    };
    let (together, mut apart) = (note(together), note(apart));
    seen = Stress { together, apart: apart.clone(), ..seen };
    if needs_more(&seen) {
        let more = spaced(Instant::now()).await;
        apart.extend(more.iter().flatten().map(|(fine, _)| *fine));
        seen.apart = apart;
    }
    seen
}
