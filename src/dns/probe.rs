//! The probes of one address: signs of life at a zone's apex, and CAA at a level in the forms that tell faults apart.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use futures::future::{Either, select};

use super::probe_ask::{Asker, Form};
use crate::caa::evidence_name::{is_below, mixed_case};
use crate::caa::evidence_reading::Reading;
use crate::caa::{Observation, Probe, ProbeKind, QuestionEcho, Transport, rcode, rtype};

/// Transmissions of a question that everything depends on.
const TRIES: usize = 3;
/// Transmissions of a question asked on suspicion.
const FEWER: usize = 2;
/// How long the first question at an address has before others look for life.
const HEAD_START: Duration = Duration::from_secs(1);
/// Limits are set for a second: after this time the next questions are within them.
const LIMITS_PASS: Duration = Duration::from_millis(1200);
/// An answer that took this much longer than the line's own time is asked for again, in microseconds.
const LATE_US: u64 = 400_000;

/// One address of a zone.
#[derive(Clone, Copy)]
pub(super) struct Prober<'a> {
    pub(super) asker: &'a Asker<'a>,
    pub(super) zone: &'a str,
    pub(super) address: IpAddr,
}

impl Prober<'_> {
    async fn ask(&self, kind: ProbeKind, name: &str, rtype: u16, form: Form, tries: usize) -> Option<Probe> {
        self.asker.probe(kind, self.address, name, rtype, form, tries).await
    }

    /// The questions at the apex. Without any sign of life in them the address is dead.
    pub(super) async fn apex(&self, keys: bool) -> Vec<Probe> {
        let zone = self.zone;
        let ns = self.ask(ProbeKind::ApexNs, zone, rtype::NS, Form::EDNS, TRIES);
        let ns = std::pin::pin!(ns);
        let others = async {
            futures::join!(
                self.ask(ProbeKind::ApexPlain, zone, rtype::A, Form::PLAIN, TRIES),
                self.ask(ProbeKind::ApexTcp, zone, rtype::SOA, Form::TCP, FEWER)
            )
        };
        let head_start = std::pin::pin!(tokio::time::sleep(HEAD_START));
        let (ns, (plain, tcp)) = match select(ns, head_start).await {
            Either::Left((ns, _)) if ns.as_ref().is_some_and(|p| p.reading(zone).is_usable()) => (ns, (None, None)),
            Either::Left((ns, _)) => (ns, others.await),
            Either::Right(((), waiting)) => futures::join!(waiting, others),
        };
        self.with_keys([ns, plain, tcp].into_iter().flatten().collect(), keys).await
    }

    async fn with_keys(&self, mut probes: Vec<Probe>, keys: bool) -> Vec<Probe> {
        if keys && shows_life(&probes) {
            // Where EDNS met silence at this very name, keys would too.
            let silent = probes.iter().any(|p| p.kind == ProbeKind::ApexNs && p.reading(self.zone).is_silence());
            let tries = if silent { 1 } else { TRIES };
            let udp = self.ask(ProbeKind::Dnskey, self.zone, rtype::DNSKEY, Form::EDNS, tries).await;
            let cut_or_lost = |reading: Reading| reading == Reading::Truncated || reading.is_silence();
            if udp.as_ref().is_some_and(|probe| cut_or_lost(probe.reading(self.zone))) {
                // The whole answer stands before the truncated one.
                probes.extend(self.ask(ProbeKind::Dnskey, self.zone, rtype::DNSKEY, Form::TCP, FEWER).await);
            }
            probes.extend(udp);
        }
        probes
    }

    /// The questions at a level: two always, the rest on suspicion.
    pub(super) async fn level(&self, name: &str) -> Vec<Probe> {
        let mixed = mixed_case(name);
        let (caa, control) = futures::join!(
            self.ask(ProbeKind::Caa, &mixed, rtype::CAA, Form::EDNS, TRIES),
            self.ask(ProbeKind::Control, &mixed, rtype::A, Form::EDNS, TRIES)
        );
        let (Some(mut caa), mut control) = (caa, control) else { return Vec::new() };
        self.repeat_late(&mut caa).await;
        self.repeat_refused(&mut caa, control.as_mut()).await;
        let asked = caa.reading(self.zone);
        let other = control.as_ref().map(|probe| probe.reading(self.zone));
        let mut probes: Vec<Probe> = [Some(caa), control].into_iter().flatten().collect();
        let suspicion = Suspicion::of(&asked, other.as_ref(), &probes);
        let one = async |wanted: bool, kind, name: &str, rtype, form| {
            if wanted { self.ask(kind, name, rtype, form, FEWER).await } else { None }
        };
        let unchecked = name == self.zone && asked.is_usable();
        let (without, lower, mut tcp, unknown, unchecked) = futures::join!(
            one(suspicion.edns, ProbeKind::CaaWithoutEdns, &mixed, rtype::CAA, Form::PLAIN),
            one(suspicion.case, ProbeKind::CaaLowerCase, name, rtype::CAA, Form::EDNS),
            one(suspicion.tcp, ProbeKind::CaaTcp, &mixed, rtype::CAA, Form::TCP),
            one(suspicion.unknown, ProbeKind::UnknownType, &mixed, rtype::PRIVATE, Form::EDNS),
            one(unchecked, ProbeKind::ApexCheckingDisabled, &mixed, rtype::CAA, Form::UNCHECKED),
        );
        if let Some(tcp) = &mut tcp {
            self.repeat_late(tcp).await;
        }
        let works = |probe: &Option<Probe>| {
            probe.as_ref().map(|p| p.reading(self.zone)).is_some_and(|r| r.is_usable() || r == Reading::Truncated)
        };
        let plainest = suspicion.edns && suspicion.case && !works(&without) && !works(&lower);
        let sizes = asked.is_silence() && works(&without);
        let room = |octets| Form::of(Some(octets), Transport::Udp);
        let (plainest, small, large) = futures::join!(
            one(plainest, ProbeKind::CaaPlainest, name, rtype::CAA, Form::PLAIN),
            one(sizes, ProbeKind::CaaSmall, &mixed, rtype::CAA, room(512)),
            one(sizes, ProbeKind::CaaLarge, &mixed, rtype::CAA, room(4096)),
        );
        probes.extend([without, lower, tcp, unknown, plainest, small, large, unchecked].into_iter().flatten());
        // Truncation may show only in a form that works otherwise.
        let truncated =
            probes.iter().any(|probe| probe.rtype == rtype::CAA && probe.reading(self.zone) == Reading::Truncated);
        if truncated && !suspicion.tcp {
            probes.extend(self.ask(ProbeKind::CaaTcp, &mixed, rtype::CAA, Form::TCP, FEWER).await);
        }
        probes
    }

    /// Asks again what came late: one such answer may be chance.
    async fn repeat_late(&self, probe: &mut Probe) {
        let line = self.asker.quickest_us().unwrap_or(0);
        let late = probe.messages().map(|(_, _, rtt)| rtt).min().is_some_and(|rtt| rtt.saturating_sub(line) >= LATE_US);
        let more = if late { TRIES.saturating_sub(probe.tries.len()) } else { 0 };
        let again = futures::future::join_all((0..more).map(|_| self.again(probe))).await;
        probe.tries.extend(again.into_iter().flatten());
    }

    /// Asks again, more than a second later, what was refused or failed: a limit or a short failure may be why.
    async fn repeat_refused(&self, caa: &mut Probe, control: Option<&mut Probe>) {
        let passing =
            |probe: &Probe| matches!(probe.reading(self.zone), Reading::Error(rcode::SERVFAIL | rcode::REFUSED));
        if !passing(caa) {
            return;
        }
        tokio::time::sleep(LIMITS_PASS).await;
        let control = control.filter(|control| passing(control));
        let again_of = async |probe: Option<&Probe>| match probe {
            Some(probe) => self.again(probe).await,
            None => Vec::new(),
        };
        let (first, second) = futures::join!(self.again(caa), again_of(control.as_deref()));
        caa.tries.extend(first);
        if let Some(control) = control {
            control.tries.extend(second);
        }
    }

    /// One more transmission of a question.
    async fn again(&self, probe: &Probe) -> Vec<Observation> {
        let again = self.ask(probe.kind, &probe.name, probe.rtype, Form::again(probe), 1).await;
        again.map_or_else(Vec::new, |probe| probe.tries)
    }

    /// CAA in every form and a control, at a server that is known to be sound.
    pub(super) async fn line(&self, name: &str) -> Vec<Probe> {
        let mixed = mixed_case(name);
        let (caa, control, without, lower, tcp) = futures::join!(
            self.ask(ProbeKind::Caa, &mixed, rtype::CAA, Form::EDNS, TRIES),
            self.ask(ProbeKind::Control, &mixed, rtype::A, Form::EDNS, TRIES),
            self.ask(ProbeKind::CaaWithoutEdns, &mixed, rtype::CAA, Form::PLAIN, FEWER),
            self.ask(ProbeKind::CaaLowerCase, name, rtype::CAA, Form::EDNS, FEWER),
            self.ask(ProbeKind::CaaTcp, &mixed, rtype::CAA, Form::TCP, FEWER)
        );
        [caa, control, without, lower, tcp].into_iter().flatten().collect()
    }

    /// CAA at a zone that this server delegates, as a resolver asks that sends the whole question on its way down.
    pub(super) async fn below(&self, zone: &str) -> Option<Probe> {
        self.ask(ProbeKind::CaaBelow, &mixed_case(zone), rtype::CAA, Form::EDNS, TRIES).await
    }

    /// Whether the server denies a name that it gives addresses for. Nothing is shown by names it gives none for.
    pub(super) async fn existing(&self, names: &BTreeSet<String>) -> Vec<Probe> {
        for name in names.iter().filter(|name| is_below(name, self.zone)).take(FEWER) {
            let has = self.ask(ProbeKind::Control, name, rtype::A, Form::EDNS, FEWER).await;
            if has.is_some_and(|probe| probe.reading(self.zone) == Reading::Records) {
                let asked = self.ask(ProbeKind::ExistingName, name, rtype::PRIVATE, Form::EDNS, FEWER).await;
                return asked.into_iter().collect();
            }
        }
        Vec::new()
    }
}

/// Which further questions are worth asking.
struct Suspicion {
    edns: bool,
    case: bool,
    tcp: bool,
    unknown: bool,
}

impl Suspicion {
    fn of(caa: &Reading, control: Option<&Reading>, probes: &[Probe]) -> Self {
        let bad = !caa.is_usable() && *caa != Reading::Truncated;
        let denied = matches!(caa, Reading::NxDomain(_));
        // A name without any data may be one that the server does not find in capitals.
        let empty = caa.negative().is_some() && control.is_some_and(|r| r.negative().is_some());
        let others_work = control.is_some_and(|r| r.is_usable() && !matches!(r, Reading::NxDomain(_)));
        // The denial record of another type shows whether the zone denies the set it has.
        let signed_set = *caa == Reading::Records && is_signed(probes);
        Self {
            edns: bad,
            case: bad || denied || empty || case_changed(probes),
            tcp: *caa == Reading::Truncated || caa.is_silence() || matches!(caa, Reading::Malformed(_)),
            unknown: ((bad || denied) && others_work) || signed_set,
        }
    }
}

fn is_signed(probes: &[Probe]) -> bool {
    let mut messages = probes.iter().flat_map(Probe::messages);
    messages.any(|(message, ..)| message.answers.iter().any(|record| record.rtype == rtype::RRSIG))
}

fn case_changed(probes: &[Probe]) -> bool {
    probes.iter().flat_map(Probe::messages).any(|(message, _, _)| message.question == QuestionEcho::CaseChanged)
}

/// Whether anything at all came back.
pub(super) fn shows_life(probes: &[Probe]) -> bool {
    use crate::caa::Observation::{Message, Network, Silence, Unreadable};
    probes.iter().flat_map(|probe| &probe.tries).any(|observation| match observation {
        Message { .. } | Unreadable { .. } => true,
        Silence { strays, .. } => *strays > 0,
        Network(_) => false,
    })
}
