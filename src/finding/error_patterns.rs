//! The naming patterns of the names that errors speak of, for a history that nobody knows patterns for.

use std::collections::BTreeMap;

use crate::name::DomainName;
use crate::pattern::{Observation, Settings, Summary, learn};

/// Learns the patterns of these names; gives the template of each name that belongs to a family.
///
/// Meant for [`History::names`](crate::acme::History::names) before [`History::finish`](crate::acme::History::finish).
#[must_use]
pub fn error_patterns(names: &[&DomainName]) -> BTreeMap<DomainName, String> {
    let mut summary = Summary::new();
    let places: Vec<_> =
        names.iter().map(|name| (*name, summary.add(&Observation::of_name(name.as_str(), false)))).collect();
    let patterns = learn(&summary, &Settings::default());
    let template = |place| {
        let pattern = patterns.patterns.get(patterns.of(place)?)?;
        (!pattern.single).then(|| pattern.template.clone())
    };
    places.into_iter().filter_map(|(name, place)| Some((name.clone(), template(place?)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acme::History;

    #[test]
    fn a_log_with_one_off_labels_shows_its_pattern() {
        let mut history = History::new(None);
        for number in 0..60u64 {
            let seed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let alphabet = b"abcdefghijklmnopqrstuvwxyz234567";
            let label: String =
                (0..52u32).map(|at| char::from(alphabet[(seed.rotate_left(at * 7) % 32) as usize])).collect();
            history.add_line(&format!("While processing CAA for {label}.xnw6x.example.net: DNS problem: networking error looking up CAA for net"));
        }
        history
            .add_line("While processing CAA for www.example.net: DNS problem: networking error looking up CAA for net");
        let patterns = error_patterns(&history.names());
        let report = history.finish(&|name| patterns.get(name).cloned());
        assert_eq!((report.patterns.len(), report.patterns[0].count), (1, 60), "{:?}", report.patterns);
        assert!(report.patterns[0].key.ends_with(".xnw6x.example.net"), "{:?}", report.patterns);
    }
}
