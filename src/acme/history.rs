//! [`History`]: many errors over time, from a log of any length with bounded memory.

use std::collections::{BTreeMap, BinaryHeap};
use std::hash::BuildHasher;

use serde::Serialize;

use super::detail::AcmeError;
use super::explain::Explained;
use super::rate::{Buckets, Grid, Rate, rate};
use super::stream::{Event, LINE, Reader};
use super::time::rfc3339;
use super::{ErrorClass, Perspective};
use crate::name::{DomainName, registered_domain};

/// Keys counted exactly of each kind; the rest is counted together.
const KEYS: usize = 10_000;
/// Distinct kinds of error explained.
const KINDS: usize = 1000;
/// Explanations in the report.
const EXPLAINED: usize = 12;
/// Errors kept one by one, to learn patterns from and to draw series of levels, zones and patterns.
const SAMPLE: usize = 65_536;
/// Series of each kind in the report.
const SERIES: usize = 10;

/// Reads a log line by line and counts the CAA errors in it.
///
/// Memory does not follow the length of the log: keys, explanations and the sample are bounded, and what a bound leaves
/// out is counted and said in [`HistoryReport::notes`].
#[derive(Debug)]
pub struct History {
    reader: Reader,
    events: Vec<Event>,
    lines: u64,
    errors: u64,
    without_time: u64,
    span: Span,
    all: Buckets,
    classes: BTreeMap<ErrorClass, (Tally, Buckets)>,
    perspectives: BTreeMap<Perspective, Tally>,
    levels: Keyed,
    zones: Keyed,
    kinds: BTreeMap<Kind, u64>,
    kinds_left_out: u64,
    others: BTreeMap<String, u64>,
    sample: BinaryHeap<Kept>,
}

/// Class, level, perspective and recheck: what one explanation covers.
type Kind = (ErrorClass, Option<DomainName>, Perspective, bool, bool);

/// What a series is drawn by.
type KeyOf<'a> = &'a dyn Fn(&Kept) -> Option<String>;

/// One error of the sample, ordered by the hash of its place in the log: the smallest hashes stay.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kept {
    hash: u64,
    place: u64,
    time: Option<i64>,
    level: Option<DomainName>,
    name: Option<DomainName>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Span {
    first: Option<i64>,
    last: Option<i64>,
}

impl Span {
    fn add(&mut self, time: i64) {
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }
}

#[derive(Debug, Clone, Default)]
struct Tally {
    count: u64,
    span: Span,
}

impl Tally {
    fn add(&mut self, time: Option<i64>) {
        self.count += 1;
        if let Some(time) = time {
            self.span.add(time);
        }
    }

    fn count(&self, key: &str) -> Count {
        Count {
            key: key.to_owned(),
            count: self.count,
            first: self.span.first.map(rfc3339),
            last: self.span.last.map(rfc3339),
        }
    }
}

#[derive(Debug, Default)]
struct Keyed {
    tallies: BTreeMap<String, Tally>,
    left_out: u64,
}

impl Keyed {
    fn add(&mut self, key: &str, time: Option<i64>) {
        if let Some(tally) = self.tallies.get_mut(key) {
            tally.add(time);
        } else if self.tallies.len() < KEYS {
            self.tallies.entry(key.to_owned()).or_default().add(time);
        } else {
            self.left_out += 1;
        }
    }

    fn counts(&self) -> Vec<Count> {
        ranked(self.tallies.iter().map(|(key, tally)| tally.count(key)).collect())
    }
}

/// Most first, then by key.
fn ranked(mut counts: Vec<Count>) -> Vec<Count> {
    counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
    counts
}

/// How often one class, level, zone or pattern stands in the errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The class, level, zone, pattern, ...
    pub key: String,
    /// Errors.
    pub count: u64,
    /// First time, RFC 3339 UTC.
    pub first: Option<String>,
    /// Last time, RFC 3339 UTC.
    pub last: Option<String>,
}

/// Counts per bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Series {
    /// `all`, `class`, `level`, `zone` or `pattern`.
    pub by: &'static str,
    /// Which one; `all` for all.
    pub key: String,
    /// Errors per bucket from [`HistoryReport::series_start`] on; estimated from the sample where one had to be taken.
    pub counts: Vec<u64>,
}

/// What a log says of CAA errors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryReport {
    /// Lines read.
    pub lines: u64,
    /// CAA errors.
    pub errors: u64,
    /// First and last time in the log, errors or not, RFC 3339 UTC.
    pub log_from: Option<String>,
    /// See [`HistoryReport::log_from`].
    pub log_to: Option<String>,
    /// CAA errors by class, most first.
    pub classes: Vec<Count>,
    /// By the level they name.
    pub levels: Vec<Count>,
    /// By registered domain of the certificate's name, or of the level where the text does not name it.
    pub zones: Vec<Count>,
    /// By naming pattern of the certificate's name.
    pub patterns: Vec<Count>,
    /// By perspective of the CA.
    pub perspectives: Vec<Count>,
    /// ACME errors that are not about CAA, by type; not part of the counts above.
    pub other_errors: BTreeMap<String, u64>,
    /// Whether the rate of all CAA errors changed; `null` without times or with too few errors.
    pub rate: Option<Rate>,
    /// The same per class.
    pub rate_by_class: BTreeMap<&'static str, Rate>,
    /// Seconds of a bucket of the series.
    pub series_seconds: Option<i64>,
    /// Start of the first bucket, RFC 3339 UTC.
    pub series_start: Option<String>,
    /// Counts over time.
    pub series: Vec<Series>,
    /// The most frequent kinds of error, explained.
    pub explained: Vec<Explained>,
    /// What is missing, estimated or assumed, one sentence each.
    pub notes: Vec<String>,
}

impl Default for History {
    fn default() -> Self {
        Self::new(None)
    }
}

impl History {
    /// An empty history. `year` is lent to times of day that come without a year (syslog, klog) until the log shows one;
    /// without it such times are not used.
    #[must_use]
    pub fn new(year: Option<i16>) -> Self {
        Self {
            reader: Reader::new(year),
            events: Vec::new(),
            lines: 0,
            errors: 0,
            without_time: 0,
            span: Span::default(),
            all: Buckets::default(),
            classes: BTreeMap::new(),
            perspectives: BTreeMap::new(),
            levels: Keyed::default(),
            zones: Keyed::default(),
            kinds: BTreeMap::new(),
            kinds_left_out: 0,
            others: BTreeMap::new(),
            sample: BinaryHeap::new(),
        }
    }

    /// Reads one line, with or without its line end; at most 1 MiB of it.
    pub fn add_line(&mut self, line: &str) {
        self.lines += 1;
        let mut events = std::mem::take(&mut self.events);
        self.reader.line(line, &mut events);
        if let Some(time) = self.reader.time {
            self.span.add(time);
        }
        self.take(&mut events);
        self.events = events;
    }

    /// Errors counted so far.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// The names of the errors kept in the sample, in order of the names, without repetition: what patterns are learnt from.
    #[must_use]
    pub fn names(&self) -> Vec<&DomainName> {
        let mut names: Vec<&DomainName> = self.sample.iter().filter_map(|kept| kept.name.as_ref()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Ends an open mention or document at the end of a file; [`History::finish`] does so too.
    pub fn end_of_input(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        self.reader.finish(&mut events);
        self.take(&mut events);
        self.events = events;
    }

    fn take(&mut self, events: &mut Vec<Event>) {
        for event in events.drain(..) {
            match event {
                Event::Error(error, time) => self.count(*error, time),
                Event::Other(kind) => {
                    let known = self.others.contains_key(&kind) || self.others.len() < KINDS;
                    *self.others.entry(if known { kind } else { "more".into() }).or_default() += 1;
                }
            }
        }
    }

    fn count(&mut self, error: AcmeError, time: Option<i64>) {
        self.errors += 1;
        match time {
            Some(time) => {
                self.span.add(time);
                self.all.add(time);
            }
            None => self.without_time += 1,
        }
        let class = self.classes.entry(error.class).or_default();
        class.0.add(time);
        if let Some(time) = time {
            class.1.add(time);
        }
        self.perspectives.entry(error.perspective).or_default().add(time);
        if let Some(level) = &error.level {
            self.levels.add(level.as_str(), time);
        }
        let name = error.name.clone().or_else(|| error.level.clone().filter(|level| level.depth() > 0));
        if let Some(zone) = name.as_ref().and_then(|name| registered_domain(name.as_str())) {
            self.zones.add(zone, time);
        }
        let kind = (error.class, error.level.clone(), error.perspective, error.recheck, error.boulder);
        if let Some(count) = self.kinds.get_mut(&kind) {
            *count += 1;
        } else if self.kinds.len() < KINDS {
            self.kinds.insert(kind, 1);
        } else {
            self.kinds_left_out += 1;
        }
        let hash = foldhash::quality::FixedState::default().hash_one(self.errors);
        let kept = Kept { hash, place: self.errors, time, level: error.level, name };
        self.sample.push(kept);
        if self.sample.len() > SAMPLE {
            self.sample.pop();
        }
    }

    /// The report. `pattern_of` gives the naming pattern of a name, if one is known; see [`History::names`].
    #[must_use]
    pub fn finish(mut self, pattern_of: &dyn Fn(&DomainName) -> Option<String>) -> HistoryReport {
        self.end_of_input();
        let grid = match (self.span.first, self.span.last) {
            (Some(first), Some(last)) if !self.classes.is_empty() => Some(Grid::new(first, last, &self.all)),
            _ => None,
        };
        let mut kept = std::mem::take(&mut self.sample).into_vec();
        kept.sort_unstable_by_key(|kept| kept.place);
        let patterns = self.patterns(&kept, pattern_of);
        let mut classes: Vec<Count> =
            self.classes.iter().map(|(class, (tally, _))| tally.count(class.as_str())).collect();
        classes = ranked(classes);
        HistoryReport {
            lines: self.lines,
            errors: self.errors,
            log_from: self.span.first.map(rfc3339),
            log_to: self.span.last.map(rfc3339),
            levels: self.levels.counts(),
            zones: self.zones.counts(),
            perspectives: ranked(self.perspectives.iter().map(|(seen, tally)| tally.count(seen.as_str())).collect()),
            other_errors: self.others.clone(),
            rate: grid.and_then(|grid| rate(&self.all.counts(grid), grid)),
            rate_by_class: grid.map(|grid| self.rate_by_class(grid)).unwrap_or_default(),
            series_seconds: grid.map(|grid| grid.width),
            series_start: grid.map(|grid| rfc3339(grid.start(0))),
            series: grid.map(|grid| self.series(grid, &kept, pattern_of)).unwrap_or_default(),
            explained: self.explained(),
            notes: self.notes(),
            classes,
            patterns,
        }
    }

    fn patterns(&self, kept: &[Kept], pattern_of: &dyn Fn(&DomainName) -> Option<String>) -> Vec<Count> {
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        for kept in kept {
            if let Some(pattern) = kept.name.as_ref().and_then(pattern_of) {
                tallies.entry(pattern).or_default().add(kept.time);
            }
        }
        let count = |(key, tally): (&String, &Tally)| {
            let mut count = tally.count(key);
            count.count = self.scaled(count.count);
            count
        };
        ranked(tallies.iter().map(count).collect())
    }

    /// A count of the sample as an estimate of the count in the log.
    fn scaled(&self, count: u64) -> u64 {
        let sampled = self.errors.min(SAMPLE as u64).max(1);
        u64::try_from(u128::from(count) * u128::from(self.errors) / u128::from(sampled)).unwrap_or(u64::MAX)
    }

    fn rate_by_class(&self, grid: Grid) -> BTreeMap<&'static str, Rate> {
        self.classes
            .iter()
            .filter_map(|(class, (_, buckets))| Some((class.as_str(), rate(&buckets.counts(grid), grid)?)))
            .collect()
    }

    fn series(&self, grid: Grid, kept: &[Kept], pattern_of: &dyn Fn(&DomainName) -> Option<String>) -> Vec<Series> {
        let mut series = vec![Series { by: "all", key: "all".into(), counts: self.all.counts(grid) }];
        for (class, (_, buckets)) in &self.classes {
            series.push(Series { by: "class", key: class.as_str().into(), counts: buckets.counts(grid) });
        }
        let level: KeyOf<'_> = &|kept| kept.level.as_ref().map(DomainName::to_string);
        let zone: KeyOf<'_> =
            &|kept| kept.name.as_ref().and_then(|name| registered_domain(name.as_str())).map(str::to_owned);
        let pattern: KeyOf<'_> = &|kept| kept.name.as_ref().and_then(pattern_of);
        for (by, key_of) in [("level", level), ("zone", zone), ("pattern", pattern)] {
            let mut keyed: BTreeMap<String, (u64, Buckets)> = BTreeMap::new();
            for kept in kept {
                if let (Some(key), Some(time)) = (key_of(kept), kept.time) {
                    let (count, buckets) = keyed.entry(key).or_default();
                    *count += 1;
                    buckets.add(time);
                }
            }
            let mut most: Vec<_> = keyed.into_iter().collect();
            most.sort_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
            series.extend(most.into_iter().take(SERIES).map(|(key, (_, buckets))| Series {
                by,
                key,
                counts: buckets.counts(grid).into_iter().map(|count| self.scaled(count)).collect(),
            }));
        }
        series
    }

    fn explained(&self) -> Vec<Explained> {
        let mut kinds: Vec<(&Kind, &u64)> = self.kinds.iter().collect();
        kinds.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        // One explanation a class suffices for a log; the levels are counted beside it.
        let mut seen = Vec::new();
        let mut explained = Vec::new();
        for ((class, level, perspective, recheck, boulder), _) in kinds {
            let at_tld = level.as_ref().is_some_and(|level| level.depth() == 0);
            if seen.contains(&(*class, at_tld, *perspective)) || explained.len() == EXPLAINED {
                continue;
            }
            seen.push((*class, at_tld, *perspective));
            let total: u64 = self
                .kinds
                .iter()
                .filter(|((other, at, from, ..), _)| {
                    (other, at.as_ref().is_some_and(|level| level.depth() == 0), from) == (class, at_tld, perspective)
                })
                .map(|(_, count)| count)
                .sum();
            let error = AcmeError {
                class: *class,
                level: level.clone(),
                name: None,
                wildcard: false,
                perspective: *perspective,
                recheck: *recheck,
                reason: None,
                problem: None,
                boulder: *boulder,
                text: String::new(),
            };
            explained.push(Explained::new(error, total));
        }
        explained
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.errors > 0 {
            notes.push("Every mention of an error is counted; a client may log one error more than once. Counts are errors, not errors per attempt.".into());
        }
        let mut say = |count: u64, what: &str| {
            if count > 0 {
                notes.push(format!("{count} {what}"));
            }
        };
        say(self.without_time, "errors have no time and are left out of everything over time.");
        say(
            self.errors.saturating_sub(SAMPLE as u64),
            "errors are beyond the sample of 65536: patterns and series of levels, zones and patterns are estimates.",
        );
        say(
            self.levels.left_out,
            "errors name a level beyond the first 10000 distinct ones and are not counted by level.",
        );
        say(
            self.zones.left_out,
            "errors are of a zone beyond the first 10000 distinct ones and are not counted by zone.",
        );
        say(
            self.kinds_left_out,
            "errors are of a kind beyond the first 1000 distinct ones and are not counted in the explanations.",
        );
        say(self.reader.cut_lines, &format!("lines are longer than {LINE} octets and were read up to there."));
        if self.reader.zone_assumed && self.errors > 0 {
            notes.push("Some times state no zone; they are taken as UTC.".into());
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    fn none(_: &DomainName) -> Option<String> {
        None
    }

    fn of_text(text: &str) -> HistoryReport {
        let mut history = History::new(Some(2023));
        text.lines().for_each(|line| history.add_line(line));
        history.finish(&none)
    }

    /// What each client writes of one failed authorization, name `a.example.net`, level `net`, 2023-12-20T10:00:00Z.
    const CLIENTS: &[(&str, &str)] = &[
        (
            "certbot",
            "2023-12-20 10:00:00,123:DEBUG:acme.client:Received response:\nHTTP 200\nContent-Type: application/json\n\n{\n  \"identifier\": {\n    \"type\": \"dns\",\n    \"value\": \"a.example.net\"\n  },\n  \"status\": \"invalid\",\n  \"expires\": \"2023-12-27T10:00:00Z\",\n  \"challenges\": [\n    {\n      \"type\": \"dns-01\",\n      \"status\": \"invalid\",\n      \"error\": {\n        \"type\": \"urn:ietf:params:acme:error:dns\",\n        \"detail\": \"DNS problem: networking error looking up CAA for net\",\n        \"status\": 400\n      },\n      \"validated\": \"2023-12-20T10:00:00Z\"\n    }\n  ]\n}\n",
        ),
        (
            "certbot, summary",
            "2023-12-20 10:00:00,500:DEBUG:certbot._internal.display.obj:Notifying user:\nCertbot failed to authenticate some domains (authenticator: dns-x). The Certificate Authority reported these problems:\n  Domain: a.example.net\n  Type:   dns\n  Detail: DNS problem: networking error looking up CAA for net\n",
        ),
        (
            "lego",
            "2023/12/20 10:00:00 Could not obtain certificates:\n\terror: one or more domains had a problem:\n[a.example.net] acme: error: 400 :: urn:ietf:params:acme:error:dns :: DNS problem: networking error looking up CAA for net, problem: \"\"\n",
        ),
        (
            "acme.sh",
            "[Wed Dec 20 10:00:00 UTC 2023] a.example.net:Verify error:DNS problem: networking error looking up CAA for net\n",
        ),
        (
            "acme.sh, debug",
            "[Wed Dec 20 10:00:00 UTC 2023] response='{\"identifier\":{\"type\":\"dns\",\"value\":\"a.example.net\"},\"status\":\"invalid\",\"expires\":\"2024-01-01T00:00:00Z\",\"challenges\":[{\"type\":\"dns-01\",\"error\":{\"type\":\"urn:ietf:params:acme:error:dns\",\"detail\":\"DNS problem: networking error looking up CAA for net\",\"status\":400}}]}'\n",
        ),
        (
            "cert-manager",
            "E1220 10:00:00.123456       1 controller.go:208] \"cert-manager/challenges: error\" err=\"acme: authorization error for a.example.net: 400 urn:ietf:params:acme:error:dns: DNS problem: networking error looking up CAA for net\"\n",
        ),
        (
            "cert-manager, json",
            "{\"ts\":1703066400123.4,\"logger\":\"cert-manager\",\"msg\":\"failed\",\"error\":\"acme: authorization error for a.example.net: 400 urn:ietf:params:acme:error:dns: DNS problem: networking error looking up CAA for net\"}\n",
        ),
        (
            "Caddy",
            "{\"level\":\"error\",\"ts\":1703066400.123,\"logger\":\"tls.issuance.acme.acme_client\",\"msg\":\"challenge failed\",\"identifier\":\"a.example.net\",\"challenge_type\":\"dns-01\",\"problem\":{\"type\":\"urn:ietf:params:acme:error:dns\",\"title\":\"\",\"detail\":\"DNS problem: networking error looking up CAA for net\",\"instance\":\"\",\"subproblems\":[]}}\n",
        ),
        (
            "Java",
            "2023-12-20 10:00:00,123 ERROR [pool-1-thread-2] c.e.Certificates - order failed for a.example.net\norg.example.AcmeServerException: While processing CAA for a.example.net: DNS problem: networking error looking up CAA for net\n\tat c.e.Certificates.order(Certificates.java:12)\n",
        ),
        (
            "Docker around Traefik",
            "{\"log\":\"time=\\\"2023-12-20T10:00:00Z\\\" level=error msg=\\\"Unable to obtain ACME certificate for domains \\\\\\\"a.example.net\\\\\\\": acme: error: 400 :: urn:ietf:params:acme:error:dns :: While processing CAA for a.example.net: DNS problem: networking error looking up CAA for net, url: \\\"\\n\",\"stream\":\"stderr\",\"time\":\"2023-12-20T10:00:00.5Z\"}\n",
        ),
        (
            "syslog",
            "Dec 20 10:00:00 host prog[1]: [a.example.net] acme: error: 400 :: urn:ietf:params:acme:error:dns :: DNS problem: networking error looking up CAA for net\n",
        ),
        (
            "win-acme",
            " 2023-12-20 10:00:00.000 +00:00 [EROR] {\"type\":\"urn:ietf:params:acme:error:dns\",\"detail\":\"While processing CAA for a.example.net: DNS problem: networking error looking up CAA for net\",\"status\":400}\n",
        ),
    ];

    #[test]
    fn each_clients_log_gives_one_error_with_its_name_and_time() {
        for (client, log) in CLIENTS {
            let report = of_text(log);
            assert_eq!(report.errors, 1, "{client}: {report:?}");
            assert_eq!(report.levels[0].key, "net", "{client}");
            assert_eq!(report.zones.first().map(|zone| zone.key.as_str()), Some("example.net"), "{client}");
            assert_eq!(report.classes[0].first.as_deref(), Some("2023-12-20T10:00:00Z"), "{client}");
            assert_eq!(report.other_errors, BTreeMap::new(), "{client}");
        }
    }

    #[test]
    fn logs_of_all_clients_in_one_stream_are_told_apart() {
        let all: String = CLIENTS.iter().map(|(_, log)| *log).collect();
        let report = of_text(&all);
        assert_eq!(report.errors, CLIENTS.len() as u64);
        assert_eq!(report.zones[0].count, CLIENTS.len() as u64);
    }

    #[test]
    fn a_summary_counts_only_without_its_problems() {
        let summary = "403 urn:ietf:params:acme:error:caa: Error finalizing order :: Rechecking CAA for \"a.example.net\" and 1 more identifiers failed. Refer to sub-problems for more information";
        let problems = "\\n\\turn:ietf:params:acme:error:caa: [dns: a.example.net] Error finalizing order :: While processing CAA for a.example.net: CAA record for example.net prevents issuance\\n\\turn:ietf:params:acme:error:caa: [dns: b.example.net] Error finalizing order :: While processing CAA for b.example.net: CAA record for example.net prevents issuance";
        assert_eq!(of_text(summary).classes[0].key, "recheck-failed");
        let whole = of_text(&format!("reason: \"{summary}; subproblems:{problems}\""));
        assert_eq!((whole.errors, whole.classes[0].key.as_str()), (2, "policy-denies"));
        let lines = format!("{summary}\n{}", problems.replace("\\n", "\n").replace("\\t", "\t"));
        assert_eq!(of_text(&lines).errors, 2);
    }

    #[test]
    fn other_acme_errors_are_counted_apart() {
        let log = "2023-12-20 10:00:00 acme: error: 429 :: urn:ietf:params:acme:error:rateLimited :: too many certificates\n\
                   2023-12-20 10:00:01 acme: error: 400 :: urn:ietf:params:acme:error:dns :: DNS problem: NXDOMAIN looking up TXT for _acme-challenge.a.example\n\
                   2023-12-20 10:00:02 acme: error: 400 :: urn:ietf:params:acme:error:dns :: DNS problem: SERVFAIL looking up CAA for a.example - x\n";
        let report = of_text(log);
        assert_eq!(report.errors, 1);
        let others: Vec<_> = report.other_errors.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
        assert_eq!(others, [("dns (TXT lookup)", 1), ("rateLimited", 1)]);
    }

    #[test]
    fn a_fivefold_rise_in_a_log_is_found_with_its_class() {
        let mut log = String::new();
        for day in 1..=30 {
            let (good, bad) = (20, if day < 21 { 4 } else { 40 });
            for count in 0..good + bad {
                let minute = count * 1440 / (good + bad);
                let class = if count % (good + bad) < good { "SERVFAIL" } else { "networking error" };
                let _ = writeln!(
                    log,
                    "2023-11-{day:02} {:02}:{:02}:00 While processing CAA for {count}.x.example.net: DNS problem: {class} looking up CAA for net",
                    minute / 60,
                    minute % 60
                );
            }
        }
        let report = of_text(&log);
        assert_eq!(report.rate.as_ref().unwrap().since.as_deref(), Some("2023-11-21T00:00:00Z"));
        let class = &report.rate_by_class["networking-error"];
        assert!((9.0..11.0).contains(&class.factor.unwrap()), "{class:?}");
        assert_eq!(report.rate_by_class["serv-fail"].since, None);
        assert_eq!(report.series_seconds, Some(86_400));
        assert!(report.series.iter().all(|series| series.counts.len() == 30));
    }

    #[test]
    fn patterns_come_from_whoever_knows_them() {
        let mut history = History::new(None);
        for count in 0..50 {
            history.add_line(&format!(
                "While processing CAA for {count}.x.example.net: DNS problem: SERVFAIL looking up CAA for net - x"
            ));
        }
        assert_eq!(history.names().len(), 50);
        let report =
            history.finish(&|name| name.as_str().ends_with(".x.example.net").then(|| "{num}.x.example.net".into()));
        assert_eq!((report.patterns.len(), report.patterns[0].count), (1, 50));
        assert_eq!(report.rate, None, "no times, no rate");
    }

    #[test]
    fn a_long_log_is_counted_exactly_and_sampled_for_the_rest() {
        let mut history = History::new(None);
        for count in 0..70_000u32 {
            history.add_line(&format!("DNS problem: networking error looking up CAA for n{count}.example.net"));
        }
        let report = history.finish(&|_| Some("{num}".into()));
        assert_eq!((report.errors, report.levels.len()), (70_000, KEYS));
        assert_eq!(report.patterns[0].count, 70_000);
        assert!(
            report.notes.iter().any(|note| note.starts_with("60000 errors name a level beyond")),
            "{:?}",
            report.notes
        );
    }

    proptest! {
        #[test]
        fn any_lines_are_read(lines in proptest::collection::vec(any::<String>(), 0..20)) {
            let mut history = History::new(None);
            for line in &lines {
                history.add_line(line);
            }
            prop_assert_eq!(history.finish(&none).lines, lines.len() as u64);
        }

        #[test]
        fn cut_and_doubled_client_logs_are_read(cuts in proptest::collection::vec((0usize..12, 0usize..400), 1..8)) {
            let log: String = cuts.iter().map(|(client, at)| {
                let log = CLIENTS[client % CLIENTS.len()].1;
                &log[..super::super::detail::floor(log, *at)]
            }).collect();
            let mut out = Vec::new();
            super::super::write_history(&mut out, &of_text(&log)).unwrap();
            prop_assert!(out.iter().all(|octet| *octet == b'\n' || (b' '..=b'~').contains(octet)));
        }
    }
}
