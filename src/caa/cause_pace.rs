//! When answers of one address come: late, now and then, or only the first few.

use super::cause_server::{At, Flavour, Symptom};
use super::{Code, Probe, ProbeKind, Stress};

/// From here on an answer comes late: a CA's resolver with a second for a level has no room for a second server.
const SLOW_US: u64 = 500_000;
/// From here on it comes too late: the CA's resolver has asked again, and the CA does not wait for all tries.
const TOO_SLOW_US: u64 = 1_000_000;

/// Losses shown by asking over and over, if there are enough to speak of.
pub(super) fn unsteady(at: &At) -> Option<Symptom> {
    at.server.stress.as_ref().and_then(judge_stress)
}

/// Answers apart and losses together are a limit; losses at any pace are a bad line.
pub(super) fn judge_stress(stress: &Stress) -> Option<Symptom> {
    let lost = |tries: &[bool]| tries.iter().filter(|answered| !**answered).count();
    let (together, apart) = (lost(&stress.together), lost(&stress.apart));
    let (sent, lost) = (stress.together.len() + stress.apart.len(), together + apart);
    // Nothing answered is a steady state and no loss; one in five is where loss begins to matter.
    if lost == sent || lost < 2 || lost * 5 < sent {
        return None;
    }
    let otherwise: Vec<&str> = stress.otherwise.iter().map(String::as_str).collect();
    let otherwise = if otherwise.is_empty() { "silence".to_owned() } else { otherwise.join(", ") };
    let seen = format!(
        "of {} questions sent together {together} got no answer ({otherwise}), of {} sent more than a second apart {apart}",
        stress.together.len(),
        stress.apart.len()
    );
    let begins = stress.together.iter().position(|answered| !answered).unwrap_or(0);
    let stays_silent = stress.together[begins..].iter().all(|answered| !answered);
    let limited = apart == 0 || (apart * 3 <= stress.apart.len() && begins > 0 && stays_silent);
    let code = if limited && !stress.apart.is_empty() { Code::RateLimited } else { Code::LossyServer };
    Some(Symptom::new(code, seen))
}

/// Every answer comes late, beyond what the line itself costs.
pub(super) fn slow(at: &At) -> Option<Symptom> {
    let times = |probe: &Probe| probe.messages().map(|(_, _, rtt)| rtt).collect::<Vec<_>>();
    let caa: Vec<u64> = at.probes.iter().filter(|p| p.kind == ProbeKind::Caa).flat_map(times).collect();
    // One late answer is chance: CAA thrice, or everything.
    let enough = |times: &[u64]| times.len() >= 3;
    let all: Vec<u64> = at.probes.iter().chain(&at.server.probes).flat_map(times).collect();
    let quickest = if enough(&caa) { caa.iter().min() } else { all.iter().min().filter(|_| enough(&all)) }?;
    let own = quickest.saturating_sub(at.line_us);
    (own >= SLOW_US).then(|| {
        let line = if at.line_us >= 10_000 {
            format!("; the quickest server met on the way answers within {} ms", at.line_us / 1000)
        } else {
            String::new()
        };
        let flavour = if own >= TOO_SLOW_US { Flavour::TooSlow } else { Flavour::Plain };
        let seen = format!("the quickest answer took {} ms{line}", quickest / 1000);
        Symptom::of(Code::SlowServer, flavour, seen)
    })
}
