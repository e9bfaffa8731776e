//! When answers of one address come: late, now and then, or only the first few.

use super::cause_server::{At, Flavour, Symptom};
use super::evidence_reading::Reading;
use super::{Code, Probe, ProbeKind, Stress};

/// From here on an answer comes late: a CA's resolver with a second for a level has no room for a second server.
const SLOW_US: u64 = 500_000;
/// From here on it comes too late: the CA's resolver has asked again, and the CA does not wait for all tries.
const TOO_SLOW_US: u64 = 1_000_000;
/// The same over TCP, where resolvers wait longer before they give up: Unbound three seconds.
const TOO_SLOW_TCP_US: u64 = 3_000_000;

/// Questions apart, all answered, that make chance unlikely.
const SURE: usize = 8;

/// Losses shown by asking over and over, if there are enough to speak of.
pub(super) fn unsteady(at: &At) -> Option<Symptom> {
    at.server.stress.as_ref().and_then(judge_stress)
}

/// Answers apart and losses together are a limit; losses at any pace are a bad line.
pub(super) fn judge_stress(stress: &Stress) -> Option<Symptom> {
    let lost = |tries: &[bool]| tries.iter().filter(|answered| !**answered).count();
    let (together, apart) = (lost(&stress.together), lost(&stress.apart));
    let (sent, lost) = (stress.together.len() + stress.apart.len(), together + apart);
    // Nothing answered is a steady state and no loss; one in five, or one in three together, is where loss begins to matter.
    let matters = lost * 5 >= sent || together * 3 >= stress.together.len();
    if lost == sent || lost < 2 || !matters {
        return None;
    }
    let otherwise: Vec<&str> = stress.otherwise.iter().map(String::as_str).collect();
    let otherwise = if otherwise.is_empty() { "silence".to_owned() } else { otherwise.join(", ") };
    let seen = format!(
        "of {} questions sent together {together} got no answer ({otherwise}), of {} sent more than a second apart {apart}",
        stress.together.len(),
        stress.apart.len()
    );
    let code = if is_limit(stress, apart) { Code::RateLimited } else { Code::LossyServer };
    Some(Symptom::new(code, seen))
}

/// Whether losses look like a limit: none at a slow pace, or none before the first and all after it.
fn is_limit(stress: &Stress, lost_apart: usize) -> bool {
    let (begins, stays_silent) = (first_loss(stress), stays_silent(stress));
    match stress.apart.len() {
        0 => false,
        // Of two in five lost, four in a row arrive by chance once in eight times; eight in a row do not.
        asked if lost_apart == 0 => stays_silent || asked >= SURE,
        // A limit over more than a second: what comes after the first loss is lost too.
        asked if lost_apart == asked => begins > 0 && stays_silent,
        asked => lost_apart * 3 <= asked && begins > 0 && stays_silent,
    }
}

/// Whether more questions apart are needed to tell a limit from chance.
#[must_use]
pub fn needs_more(stress: &Stress) -> bool {
    let (together, apart) = (stress.together.contains(&false), stress.apart.contains(&false));
    together && !apart && !stays_silent(stress) && stress.apart.len() < SURE
}

fn first_loss(stress: &Stress) -> usize {
    stress.together.iter().position(|answered| !answered).unwrap_or(0)
}

/// Whether nothing is answered after the first loss among the questions sent together.
fn stays_silent(stress: &Stress) -> bool {
    stress.together[first_loss(stress)..].iter().all(|answered| !answered)
}

impl At<'_> {
    /// Whether a probe was answered, and only too late.
    pub(super) fn is_late(&self, kind: ProbeKind) -> bool {
        let quickest = self.probe(kind).and_then(|probe| probe.messages().map(|(_, _, rtt)| rtt).min());
        quickest.is_some_and(|time| time.saturating_sub(self.line_us) >= TOO_SLOW_US)
    }
}

/// Every answer comes late, beyond what the line itself costs.
pub(super) fn slow(at: &At) -> Option<Symptom> {
    let times = |probe: &Probe| probe.messages().map(|(_, _, rtt)| rtt).collect::<Vec<_>>();
    // A truncated answer is as late as the whole one over TCP, which takes the line twice.
    let (kind, ways, too_slow) = match at.caa() {
        Reading::Truncated => (ProbeKind::CaaTcp, 2, TOO_SLOW_TCP_US),
        _ => (ProbeKind::Caa, 1, TOO_SLOW_US),
    };
    let caa: Vec<u64> = at.probes.iter().filter(|p| p.kind == kind).flat_map(times).collect();
    // One late answer is chance: CAA thrice, or everything.
    let enough = |times: &[u64]| times.len() >= 3;
    let all: Vec<u64> = at.probes.iter().chain(&at.server.probes).flat_map(times).collect();
    let quickest = if enough(&caa) { caa.iter().min() } else { all.iter().min().filter(|_| enough(&all)) }?;
    let own = quickest.saturating_sub(at.line_us * ways);
    (own >= SLOW_US).then(|| {
        let line = if at.line_us >= 10_000 {
            format!("; the quickest server met on the way answers within {} ms", at.line_us / 1000)
        } else {
            String::new()
        };
        let flavour = if own >= too_slow { Flavour::TooSlow } else { Flavour::Plain };
        let over = if ways > 1 { " over TCP, after a truncated one over UDP," } else { "" };
        let seen = format!("the quickest answer{over} took {} ms{line}", quickest / 1000);
        Symptom::of(Code::SlowServer, flavour, seen)
    })
}
