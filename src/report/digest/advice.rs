//! Advice for people: the best levels in full, the others in a line, and what holds for several said once.

use super::words::{counted, list, quote, ranges};
use crate::report::{Advice, Report};

/// Levels told in full; more are named only.
const IN_FULL: usize = 3;

/// The advice of a report, arranged for reading.
pub(in crate::report) struct Advised<'a> {
    /// The best levels, each with the remarks that hold for it alone.
    pub(in crate::report) best: Vec<(&'a Advice, Vec<&'a str>)>,
    /// The levels after them, each with the names it decides: `shop.example.org` (2 names).
    pub(in crate::report) others: Vec<String>,
    /// What to mind at several of them; with their numbers where not at all.
    pub(in crate::report) shared: Vec<String>,
}

/// Arranges the advice: remarks that several levels have are told once, after them.
pub(in crate::report) fn advised(report: &Report) -> Advised<'_> {
    let most = report.advice.first().map_or(0, |first| first.decides_names);
    let worth = report.advice.iter().take(IN_FULL).take_while(|advice| advice.decides_names * 10 >= most).count();
    let (best, others) = report.advice.split_at(worth);
    let holders = |remark: &str| -> Vec<usize> {
        let has = |advice: &Advice| advice.warnings.iter().any(|warning| warning == remark);
        best.iter().enumerate().filter(|(_, advice)| has(advice)).map(|(at, _)| at + 1).collect()
    };
    let mut shared: Vec<(&str, Vec<usize>)> = Vec::new();
    let mut told = Vec::new();
    for advice in best {
        let mut own = Vec::new();
        for remark in advice.warnings.iter().map(String::as_str) {
            match holders(remark) {
                several if several.len() < 2 => own.push(remark),
                _ if shared.iter().any(|(known, _)| *known == remark) => {}
                several => shared.push((remark, several)),
            }
        }
        told.push((advice, own));
    }
    let numbered = |(remark, at): (&str, Vec<usize>)| {
        if at.len() == best.len() { remark.to_owned() } else { format!("{remark} ({})", ranges(&at)) }
    };
    Advised {
        best: told,
        others: others
            .iter()
            .map(|advice| format!("{} ({})", quote(&advice.level), counted(advice.decides_names, "name")))
            .collect(),
        shared: shared.into_iter().map(numbered).collect(),
    }
}

/// What a set at the level would decide, and what it would end or leave, one clause each; data in backticks.
pub(in crate::report) fn effects(report: &Report, advice: &Advice) -> Vec<String> {
    let names = match advice.decides_names {
        all if all == report.names && all > 1 => format!("all {}", counted(all, "name")),
        _ if report.names == 0 => "the domain itself".to_owned(),
        some => counted(some, "name"),
    };
    let seen = match advice.decides_certificates {
        0 => String::new(),
        some => format!(" ({} seen)", counted(some, "certificate")),
    };
    let mut effects = vec![format!("it decides {names}{seen}")];
    let failures = |levels: &[String]| {
        let noun = if levels.len() == 1 { "failure" } else { "failures" };
        format!("the {noun} at {}", list(&levels.iter().map(|level| quote(level)).collect::<Vec<_>>(), 5))
    };
    if !advice.cures.is_empty() {
        effects.push(format!("ends the climb before {}", failures(&advice.cures)));
    }
    let (here, closer): (Vec<&String>, Vec<&String>) = advice.leaves.iter().partition(|level| **level == advice.level);
    if !here.is_empty() {
        effects.push("does not help against the failure at the level itself".into());
    }
    if !closer.is_empty() {
        let closer: Vec<String> = closer.into_iter().cloned().collect();
        effects.push(format!("does not help against {}, closer to the names", failures(&closer)));
    }
    effects
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::story;

    #[test]
    fn what_several_levels_have_in_common_is_said_once() {
        let mut report = story();
        let remarks = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        report.advice[0].warnings = remarks(&["own", "both", "first and last"]);
        report.advice[1].warnings = remarks(&["both"]);
        for (level, names) in [("a.example.net", 4_000), ("b.example.net", 1)] {
            let advice = Advice { level: level.into(), decides_names: names, ..report.advice[1].clone() };
            report.advice.push(Advice { warnings: remarks(&["first and last", "both"]), ..advice });
        }
        let advised = advised(&report);
        let own: Vec<&[&str]> = advised.best.iter().map(|(_, own)| own.as_slice()).collect();
        assert_eq!(own, [&["own"][..], &[], &[]]);
        assert_eq!(advised.shared, ["both", "first and last (1 and 3)"]);
        assert_eq!(advised.others, ["`b.example.net` (1 name)"]);
    }
}
