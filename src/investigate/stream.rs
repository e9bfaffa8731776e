//! [`Stream`]: each level and each verdict written as soon as it is known, in memory that follows the names alone.
//!
//! Of a level a number stays: that of its outcome among all different ones. Of a name nothing stays. What findings need is
//! chosen by [`Keep`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::rc::Rc;

use super::assemble::{causes_of_lookups, security_at};
use super::judge::{Applicant, Judging, Lookups, applicants_asked, judge_one, row};
use super::levels::{LevelCounts, Selection};
use super::stream_keep::{Keep, Kind};
use super::stream_outcomes::Outcomes;
use super::views::{is_odd, was_answered, was_asked};
use crate::caa::{AuthoritativeView, Lookup, LookupOutcome, Soa};
use crate::finding::Checked;
use crate::name::{NameTree, NodeId, SanId, registered_domain};
use crate::report::{
    CheckedTail, LevelHead, LevelReport, Report, checked_line, json_text, level_line, write_closing, write_level,
};

/// Tails of verdict lines that are remembered.
const TAILS: usize = 1 << 12;

/// What a stream is about.
#[derive(Clone, Copy)]
pub struct StreamPlan<'a> {
    /// The names and their levels, all of which are asked.
    pub tree: &'a NameTree,
    /// Names below each level.
    pub counts: &'a LevelCounts,
    /// For whom names are judged.
    pub judging: &'a Judging,
    /// The views of each level in order, round by round: as many lookups each level gets.
    pub views: &'a [String],
    /// Odd levels that are held back until their name servers were asked, with the verdicts that depend on failures.
    pub hold: usize,
}

/// What was written, and what the coverage says of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamTotals {
    /// Level lines.
    pub levels: u64,
    /// Verdict lines.
    pub checked: u64,
    /// Lookups that were not made.
    pub inferred: u64,
    /// Whether any lookup got a reply.
    pub answered: bool,
}

/// What a stream leaves for the end: name servers to ask, findings to draw.
pub struct Left {
    /// Names and levels remembered.
    pub selection: Selection,
    /// Their lookups.
    pub lookups: Lookups,
    /// What the findings do not see, one sentence each.
    pub notes: Vec<String>,
}

/// Lines in the making.
pub struct Stream<'a> {
    plan: StreamPlan<'a>,
    out: &'a mut dyn Write,
    fault: Option<io::Error>,
    applicants: Vec<Option<Applicant>>,
    /// Lookups of levels that some view has not told yet.
    open: HashMap<NodeId, Vec<(usize, Lookup)>>,
    outcomes: Outcomes,
    /// By node: what [`Decider`] says.
    deciders: Vec<Decider>,
    /// By node: the number of its outcome.
    of_level: Vec<u32>,
    /// Levels whose parent is not known yet, by the parent.
    waiting: HashMap<NodeId, Vec<NodeId>>,
    tails: HashMap<(Decider, bool, usize), Rc<Tail>, foldhash::fast::RandomState>,
    keep: Keep<'a>,
    kept: Lookups,
    held: BTreeMap<(usize, &'a str), NodeId>,
    /// Names whose verdict is a failure, while odd levels are held back.
    deferred: Vec<SanId>,
    totals: StreamTotals,
    /// The views' names as JSON writes them.
    servers: Vec<String>,
    /// The line at hand.
    line: Vec<u8>,
}

/// The level that decides the names at a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Decider {
    /// Not all levels to the TLD are known.
    Open,
    /// All are, and none decides.
    None,
    /// The nearest one with a set.
    Set(NodeId),
    /// The nearest one that fails.
    Failure(NodeId),
}

/// A verdict line without its name.
struct Tail {
    line: CheckedTail,
    refused: bool,
}

impl<'a> Stream<'a> {
    /// A stream into `out`.
    pub fn new(plan: StreamPlan<'a>, out: &'a mut dyn Write) -> Self {
        let nodes = plan.tree.len();
        Self {
            plan,
            out,
            fault: None,
            applicants: applicants_asked(plan.judging),
            open: HashMap::new(),
            outcomes: Outcomes::new(),
            deciders: vec![Decider::Open; nodes],
            of_level: vec![0; nodes],
            waiting: HashMap::new(),
            tails: HashMap::default(),
            keep: Keep::new(plan.tree),
            kept: Lookups::new(),
            held: BTreeMap::new(),
            deferred: Vec::new(),
            totals: StreamTotals::default(),
            servers: plan.views.iter().map(|view| json_text(view)).collect(),
            line: Vec::new(),
        }
    }

    /// Takes the lookup of a level by the view at `place` of the plan.
    pub fn take(&mut self, place: usize, level: NodeId, lookup: Lookup) {
        if self.plan.views.len() == 1 {
            return self.level_ended(level, &[(place, lookup)]);
        }
        let open = self.open.entry(level).or_default();
        open.push((place, lookup));
        if open.len() == self.plan.views.len() {
            let mut lookups = self.open.remove(&level).unwrap_or_default();
            lookups.sort_by_key(|(place, _)| *place);
            self.level_ended(level, &lookups);
        }
    }

    /// Passes on what was written so far.
    pub fn flush(&mut self) {
        let flushed = self.out.flush();
        self.note(flushed);
    }

    /// Whether nobody takes the lines any more.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.fault.is_some()
    }

    /// What the writer answered when it took no more.
    #[must_use]
    pub fn into_fault(self) -> io::Error {
        self.fault.unwrap_or_else(|| io::ErrorKind::Other.into())
    }

    fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.fault.get_or_insert(error);
        }
    }

    fn level_ended(&mut self, level: NodeId, lookups: &[(usize, Lookup)]) {
        let each = || lookups.iter().map(|(_, lookup)| lookup);
        self.totals.levels += 1;
        self.totals.answered |= each().any(was_answered);
        self.totals.inferred += each().filter(|lookup| !was_asked(lookup)).count() as u64;
        let odd = is_odd(each());
        let records = || each().any(|lookup| matches!(lookup.outcome, LookupOutcome::Records(_)));
        let kind = if odd { Some(Kind::Odd) } else { records().then_some(Kind::Records) };
        let (keep, forget) = self.keep.level(level, kind);
        if let Some(forgotten) = forget {
            self.kept.remove(&forgotten);
        }
        let named =
            || lookups.iter().map(|(place, lookup)| (self.plan.views[*place].clone(), lookup.clone())).collect();
        if odd && self.plan.hold > 0 && keep {
            let named: Vec<(String, Lookup)> = named();
            self.kept.insert(level, named);
            self.hold(level);
        } else {
            if keep {
                self.kept.insert(level, named());
            }
            self.write_level(level, lookups.iter().map(|(place, lookup)| (*place, lookup)));
        }
        self.of_level[level.index()] = self.outcomes.number(each());
        self.settle(level);
    }

    /// Holds an odd level back; of too many the one farthest from the TLD is written after all.
    fn hold(&mut self, level: NodeId) {
        let tree = self.plan.tree;
        self.held.insert((tree.levels(level).count(), tree.name(level)), level);
        if self.held.len() > self.plan.hold
            && let Some((_, farthest)) = self.held.pop_last()
            && let Some(lookups) = self.kept.get(&farthest).cloned()
        {
            self.write_level(farthest, lookups.iter().enumerate().map(|(place, (_, lookup))| (place, lookup)));
        }
    }

    fn write_level<'l>(&mut self, level: NodeId, lookups: impl Iterator<Item = (usize, &'l Lookup)> + Clone) {
        let name = self.plan.tree.name(level);
        let head = LevelHead {
            name,
            depth: name.bytes().filter(|octet| *octet == b'.').count(),
            stable: self.plan.counts.stable(level),
            names_below: self.plan.counts.names_below(level),
            public_suffix: registered_domain(name).is_none(),
        };
        // Most answers are plain, and a name of its own for each costs time.
        let causes = if lookups.clone().all(|(_, lookup)| is_plain(lookup)) {
            Vec::new()
        } else {
            let name = self.plan.tree.domain_name(level);
            causes_of_lookups(&name, lookups.clone().map(|(_, lookup)| lookup))
        };
        let views = lookups.map(|(place, lookup)| (&*self.servers[place], lookup));
        level_line(&head, views, &causes, &mut self.line);
        let written = self.out.write_all(&self.line);
        self.note(written);
    }

    /// Decides a level whose parent is decided, and all that waited for it.
    fn settle(&mut self, level: NodeId) {
        let mut ready = Vec::new();
        let mut next = Some(level);
        while let Some(level) = next.take().or_else(|| ready.pop()) {
            let above = match self.plan.tree.parent(level) {
                None => Decider::None,
                Some(parent) if self.deciders[parent.index()] == Decider::Open => {
                    self.waiting.entry(parent).or_default().push(level);
                    continue;
                }
                Some(parent) => self.deciders[parent.index()],
            };
            let is_tld = self.plan.tree.parent(level).is_none();
            let decider = match &self.outcomes.get(self.of_level[level.index()]).outcome {
                LookupOutcome::Records(_) => Decider::Set(level),
                LookupOutcome::Failed(_) => Decider::Failure(level),
                LookupOutcome::NxDomain(_) if is_tld => Decider::Failure(level),
                LookupOutcome::NoData(_) | LookupOutcome::NxDomain(_) => above,
            };
            self.deciders[level.index()] = decider;
            self.names_at(level, decider);
            if !self.waiting.is_empty() {
                ready.extend(self.waiting.remove(&level).unwrap_or_default());
            }
        }
    }

    fn names_at(&mut self, level: NodeId, decider: Decider) {
        let tree = self.plan.tree;
        for wildcard in [false, true] {
            let seen = if wildcard { tree.wildcard_seen(level) } else { tree.bare_seen(level) };
            let name = SanId::new(level, wildcard);
            match decider {
                _ if !seen => {}
                Decider::Failure(_) if self.plan.hold > 0 => {
                    self.keep.refused(name);
                    self.deferred.push(name);
                }
                decider => self.verdicts(name, decider, None),
            }
        }
    }

    /// Writes the verdicts of a name for every issuer.
    fn verdicts(&mut self, name: SanId, decider: Decider, authoritative: Option<&AuthoritativeView>) {
        let text = self.plan.tree.name(name.node());
        let mut refused = false;
        for at in 0..self.applicants.len() {
            let tail = self.tail(name, decider, at, authoritative);
            refused |= tail.refused;
            self.write_checked(text, &tail.line);
        }
        if refused {
            self.keep.refused(name);
        }
    }

    fn tail(&mut self, name: SanId, decider: Decider, at: usize, view: Option<&AuthoritativeView>) -> Rc<Tail> {
        let key = (decider, name.wildcard(), at);
        if let Some(known) = self.tails.get(&key) {
            return Rc::clone(known);
        }
        let tree = self.plan.tree;
        let outcome = |level: NodeId| self.outcomes.get(self.of_level[level.index()]);
        let levels: Vec<(NodeId, &Lookup)> = match decider {
            Decider::Open | Decider::None => Vec::new(),
            Decider::Set(level) => vec![(level, outcome(level))],
            // What fails closer to the TLD bears on whether a CA may pass over it; what lies between is empty.
            Decider::Failure(level) => tree.levels(level).map(|level| (level, outcome(level))).collect(),
        };
        let security = |level| security_at(&tree.domain_name(level), std::iter::once(outcome(level)), view);
        let applicant = self.applicants[at].as_ref();
        let verdict = judge_one(name, &levels, applicant, self.plan.judging, &security);
        let checked = row(tree, name, None, applicant, &verdict);
        let tail = Rc::new(Tail { line: CheckedTail::of(&checked), refused: checked.verdict != "permit" });
        if self.tails.len() >= TAILS {
            self.tails.clear();
        }
        self.tails.insert(key, Rc::clone(&tail));
        tail
    }

    /// What the lookups leave, when all have ended.
    pub fn left(&mut self) -> Left {
        let tree = self.plan.tree;
        let names = self.keep.names();
        let mut lookups = std::mem::take(&mut self.kept);
        for level in names.iter().flat_map(|name| tree.levels(name.node())) {
            let bare = || vec![(self.plan.views[0].clone(), self.outcomes.get(self.of_level[level.index()]).clone())];
            lookups.entry(level).or_insert_with(bare);
        }
        let mut levels: Vec<NodeId> = lookups.keys().copied().collect();
        levels.sort_by_key(|&level| (tree.levels(level).count(), tree.name(level)));
        let names = names.into_iter().map(|name| (name, None)).collect();
        let notes = self.keep.notes(tree.sans().count() as u64);
        Left { selection: Selection { names, levels, sampled: 0 }, lookups, notes }
    }

    /// Writes the verdicts that waited for the name servers' word: as the report has them in `checked` where it leaves aside
    /// what a resolver said of the `levels`.
    pub fn settle_failures(
        &mut self,
        authoritative: Option<&AuthoritativeView>,
        levels: &[LevelReport],
        checked: &[Checked],
    ) {
        let aside = levels.iter().flat_map(|level| &level.views).any(|view| view.set_aside);
        let mut told: BTreeMap<(&str, bool), Vec<&Checked>> = BTreeMap::new();
        for check in checked.iter().filter(|_| aside) {
            told.entry((&check.name, check.wildcard)).or_default().push(check);
        }
        for name in std::mem::take(&mut self.deferred) {
            let text = self.plan.tree.name(name.node());
            match told.get(&(text, name.wildcard())) {
                Some(checks) => checks.iter().for_each(|check| self.write_checked(text, &CheckedTail::of(check))),
                None if aside && checked.is_empty() => {} // No resolver could be used.
                None => self.verdicts(name, self.deciders[name.node().index()], authoritative),
            }
        }
    }

    fn write_checked(&mut self, name: &str, tail: &CheckedTail) {
        self.totals.checked += 1;
        checked_line(name, tail, &mut self.line);
        let written = self.out.write_all(&self.line);
        self.note(written);
    }

    /// What was written so far.
    #[must_use]
    pub fn totals(&self) -> StreamTotals {
        self.totals
    }

    /// Writes the levels held back, as the report has them, and what follows the lines.
    ///
    /// # Errors
    /// The first that the writer answered.
    pub fn close(mut self, report: &Report) -> io::Result<()> {
        let held: BTreeSet<&str> = self.held.values().map(|&level| self.plan.tree.name(level)).collect();
        for level in report.levels.iter().filter(|level| held.contains(level.name.as_str())) {
            let written = write_level(level, self.out);
            self.note(written);
        }
        let written = write_closing(report, self.totals.levels, self.totals.checked, self.out);
        self.note(written);
        self.fault.map_or(Ok(()), Err)
    }
}

/// Whether an answer shows no cause by itself.
fn is_plain(lookup: &Lookup) -> bool {
    match &lookup.outcome {
        LookupOutcome::NoData(soa) | LookupOutcome::NxDomain(soa) => *soa == Soa::Present,
        LookupOutcome::Records(_) => true,
        LookupOutcome::Failed(_) => false,
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
