//! [`Change`]: what is different about a domain between two audits. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::file::{AuditFile, AuditFileError};
use super::row::{DomainRow, LevelRow};

/// Domains of each audit that are looked at together.
const PAGE: u32 = 1000;

/// What is different about one domain; empty lists where nothing is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The domain.
    pub domain: String,
    /// `new`, `gone` or `changed`.
    pub kind: String,
    /// Templates of patterns that were not there before.
    pub new_patterns: Vec<String>,
    /// Templates of patterns that are no longer there.
    pub gone_patterns: Vec<String>,
    /// Issuers that had not issued before.
    pub new_issuers: Vec<String>,
    /// Issuers whose certificates are no longer there.
    pub gone_issuers: Vec<String>,
    /// Levels whose CAA is another one.
    pub caa: Vec<CaaChange>,
    /// Causes that were not there before, as `code at level`.
    pub new_causes: Vec<String>,
    /// Causes that are no longer there.
    pub gone_causes: Vec<String>,
}

/// CAA at one level, before and after; `null` where it was not looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaaChange {
    /// The level.
    pub level: String,
    /// State and records before.
    pub before: Option<String>,
    /// State and records after.
    pub after: Option<String>,
}

impl Change {
    /// What is different from `old` to `new`; one of them may not be there.
    #[must_use]
    pub fn between(old: Option<&DomainRow>, new: Option<&DomainRow>) -> Self {
        let kind = match (old, new) {
            (None, _) => "new",
            (_, None) => "gone",
            (Some(_), Some(_)) => "changed",
        };
        let domain = new.or(old).map_or_else(String::new, |row| row.domain.clone());
        let patterns = |row: Option<&DomainRow>| {
            set(row.iter().flat_map(|row| &row.patterns).map(|p| (p.id.clone(), p.template.clone())))
        };
        let issuers = |row: Option<&DomainRow>| set(row.iter().flat_map(|row| &row.issuers).map(|i| i.name.clone()));
        let causes = |row: Option<&DomainRow>| {
            let at = |level: &LevelRow| {
                level.causes.iter().map(|code| format!("{code} at {}", level.name)).collect::<Vec<_>>()
            };
            set(row.iter().flat_map(|row| &row.levels).flat_map(at))
        };
        let (new_patterns, gone_patterns) = parted(&patterns(old), &patterns(new));
        let (new_issuers, gone_issuers) = parted(&issuers(old), &issuers(new));
        let (new_causes, gone_causes) = parted(&causes(old), &causes(new));
        let templates = |patterns: Vec<(String, String)>| patterns.into_iter().map(|(_, template)| template).collect();
        Self {
            domain,
            kind: kind.to_owned(),
            new_patterns: templates(new_patterns),
            gone_patterns: templates(gone_patterns),
            new_issuers,
            gone_issuers,
            caa: caa(old, new),
            new_causes,
            gone_causes,
        }
    }

    /// Whether nothing is different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kind == "changed" && self.words().is_empty()
    }

    /// What is different, in words that a command can be given: `new-issuer`, `changed-caa`, ...
    #[must_use]
    pub fn words(&self) -> Vec<&'static str> {
        [
            (self.kind == "new", "new-domain"),
            (self.kind == "gone", "gone-domain"),
            (!self.new_patterns.is_empty(), "new-pattern"),
            (!self.gone_patterns.is_empty(), "gone-pattern"),
            (!self.new_issuers.is_empty(), "new-issuer"),
            (!self.gone_issuers.is_empty(), "gone-issuer"),
            (!self.caa.is_empty(), "changed-caa"),
            (!self.new_causes.is_empty(), "new-cause"),
            (!self.gone_causes.is_empty(), "gone-cause"),
        ]
        .into_iter()
        .filter_map(|(is, word)| is.then_some(word))
        .collect()
    }
}

fn set<T: Ord>(items: impl Iterator<Item = T>) -> BTreeSet<T> {
    items.collect()
}

fn parted<T: Ord + Clone>(old: &BTreeSet<T>, new: &BTreeSet<T>) -> (Vec<T>, Vec<T>) {
    (new.difference(old).cloned().collect(), old.difference(new).cloned().collect())
}

fn caa(old: Option<&DomainRow>, new: Option<&DomainRow>) -> Vec<CaaChange> {
    let (Some(old), Some(new)) = (old, new) else { return Vec::new() };
    // An audit without DNS is no change of CAA.
    if old.levels.is_empty() || new.levels.is_empty() {
        return Vec::new();
    }
    let states = |row: &DomainRow| -> BTreeMap<String, String> {
        row.levels.iter().map(|level| (level.name.clone(), state(level))).collect()
    };
    let (old, new) = (states(old), states(new));
    let levels: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed = levels.into_iter().filter(|level| old.get(*level) != new.get(*level));
    let change = |level: &String| CaaChange {
        level: level.clone(),
        before: old.get(level).cloned(),
        after: new.get(level).cloned(),
    };
    changed.map(change).collect()
}

fn state(level: &LevelRow) -> String {
    let mut words = vec![level.state.as_str()];
    words.extend(level.class.as_deref());
    words.extend(level.records.iter().map(String::as_str));
    words.join(" | ")
}

/// Tells what is different between two audits, domain after domain in order of the names; domains without any difference
/// are left out.
///
/// # Errors
/// A file that cannot be read; what `each` answers.
pub fn diff<E: From<AuditFileError>>(
    old: &AuditFile,
    new: &AuditFile,
    mut each: impl FnMut(&Change) -> Result<(), E>,
) -> Result<(), E> {
    let mut last = String::new();
    loop {
        let domains = page(old, new, &last)?;
        let Some(end) = domains.last() else { return Ok(()) };
        for domain in &domains {
            let (before, after) = (old.row(domain)?, new.row(domain)?);
            if before.is_none() && after.is_none() {
                continue;
            }
            let change = Change::between(before.as_ref(), after.as_ref());
            if !change.is_empty() {
                each(&change)?;
            }
        }
        last.clone_from(end);
    }
}

/// The next domains of either audit behind `after`, as far as both are known.
fn page(old: &AuditFile, new: &AuditFile, after: &str) -> Result<BTreeSet<String>, AuditFileError> {
    let (old, new) = (old.domains_after(after, PAGE)?, new.domains_after(after, PAGE)?);
    let full = [&old, &new].into_iter().filter(|page| page.len() >= PAGE as usize);
    // What lies behind the end of a full page may be in the other audit only by chance.
    let known = full.filter_map(|page| page.last().cloned()).min();
    let mut domains: BTreeSet<String> = old.into_iter().chain(new).collect();
    if let Some(known) = known {
        domains.retain(|domain| *domain <= known);
    }
    Ok(domains)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::row::{IssuerRow, PatternRow};

    fn row(template: &str, issuer: &str, state: &str, cause: &str) -> DomainRow {
        DomainRow {
            domain: "example.net".into(),
            patterns: vec![PatternRow { id: template.into(), template: template.into(), ..PatternRow::default() }],
            issuers: vec![IssuerRow { name: issuer.into(), ..IssuerRow::default() }],
            levels: vec![LevelRow {
                name: "example.net".into(),
                state: state.into(),
                causes: vec![cause.into()],
                ..LevelRow::default()
            }],
            ..DomainRow::default()
        }
    }

    #[test]
    fn audits_of_more_domains_than_a_page_are_compared_domain_by_domain() {
        use crate::audit::file::Finish;
        let audit = |numbers: &mut dyn Iterator<Item = u32>| {
            let file = AuditFile::open(None, &[], jiff::Timestamp::UNIX_EPOCH).unwrap();
            for n in numbers {
                let row = &DomainRow { domain: format!("d{n:05}.example"), ..DomainRow::default() };
                file.finish(Finish { row, at: 0, change: None, tell: false }).unwrap();
            }
            file
        };
        // The first thousands are in the old audit only, the last in the new one only.
        let (old, new) = (audit(&mut (0..3500)), audit(&mut (1200..4800)));
        let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
        diff(&old, &new, |change| -> Result<(), AuditFileError> {
            kinds.entry(change.kind.clone()).or_default().push(change.domain.clone());
            Ok(())
        })
        .unwrap();
        assert_eq!((kinds["gone"].len(), kinds["new"].len(), kinds.len()), (1200, 1300, 2));
        assert!(kinds.values().all(|domains| domains.is_sorted()));
    }

    #[test]
    fn each_kind_of_change_has_its_word() {
        let old = row("a", "x", "nodata", "c");
        assert!(Change::between(Some(&old), Some(&old)).is_empty());
        for (new, words) in [
            (row("b", "x", "nodata", "c"), &["new-pattern", "gone-pattern"][..]),
            (row("a", "y", "nodata", "c"), &["new-issuer", "gone-issuer"]),
            (row("a", "x", "records", "c"), &["changed-caa"]),
            (row("a", "x", "nodata", "d"), &["new-cause", "gone-cause"]),
        ] {
            assert_eq!(Change::between(Some(&old), Some(&new)).words(), words);
        }
        assert_eq!(Change::between(Some(&old), None).words()[0], "gone-domain");
        assert_eq!(Change::between(None, Some(&old)).words()[0], "new-domain");
    }
}
