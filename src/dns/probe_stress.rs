//! One question over and over, where answers came and went: what tells a lossy server from a limiting one.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use futures::future::join_all;

use super::probe_ask::{Asker, Form};
use crate::caa::{Observation, Probe, ProbeKind, Stress, Transport};

/// Questions sent at once.
const TOGETHER: usize = 6;
/// Questions sent apart.
const APART: u32 = 4;
/// Time between those apart, and the rest before: limits are set for a second.
const SPACING: Duration = Duration::from_millis(1200);

/// The question to ask over and over, if answers at this address came and went.
pub(super) fn unsteady<'p>(probes: impl Iterator<Item = &'p Probe> + Clone) -> Option<&'p Probe> {
    let over_udp = probes.filter(|probe| probe.transport == Transport::Udp);
    let mixed = over_udp.clone().find(|probe| silences(probe) > 0 && answers(probe) > 0);
    // CAA may be dropped for good, and a name may be filtered: the same question at the same place decides later.
    let between = [ProbeKind::Caa, ProbeKind::Control].into_iter().find_map(|kind| {
        let mut same = over_udp.clone().filter(|probe| probe.kind == kind);
        let silent = same.clone().any(|probe| answers(probe) == 0 && silences(probe) > 0);
        same.find(|probe| silent && answers(probe) > 0)
    });
    mixed.or(between)
}

fn answers(probe: &Probe) -> usize {
    probe.tries.iter().filter(|observation| answered(observation)).count()
}

fn silences(probe: &Probe) -> usize {
    probe.tries.iter().filter(|observation| matches!(observation, Observation::Silence { strays: 0, .. })).count()
}

fn answered(observation: &Observation) -> bool {
    match observation {
        Observation::Message { .. } | Observation::Unreadable { .. } => true,
        Observation::Silence { strays, .. } => *strays > 0,
        Observation::Network(_) => false,
    }
}

/// Asks the question at once several times, then apart. Nobody else may ask this address meanwhile.
pub(super) async fn stress(asker: &Asker<'_>, address: IpAddr, question: &Probe) -> Stress {
    let form = Form { payload: question.payload, transport: question.transport };
    let one = async |not_before: Instant| {
        asker.turn_after(not_before, address).await;
        asker.transmit(address, &question.name, question.rtype, form).await.as_ref().map(answered)
    };
    let begin = Instant::now() + SPACING;
    let together = join_all((0..TOGETHER).map(|_| one(begin)));
    let apart = join_all((1..=APART).map(|place| one(begin + Duration::from_millis(600) + SPACING * place)));
    let (together, apart) = futures::join!(together, apart);
    Stress { together: together.into_iter().flatten().collect(), apart: apart.into_iter().flatten().collect() }
}
