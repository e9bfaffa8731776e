//! Patterns of a handful of names, for commands that are not about certificates.

use std::collections::BTreeMap;

use crate::name::DomainName;
use crate::pattern::{Observation, Settings, Summary, learn};

/// The template of the pattern of each name.
pub fn patterns_of_names(names: &[&DomainName]) -> BTreeMap<DomainName, String> {
    let mut summary = Summary::new();
    let indexes: Vec<_> = names.iter().map(|name| summary.add(&Observation::of_name(name.as_str(), false))).collect();
    let patterns = learn(&summary, &Settings::default());
    let template = |index| patterns.of(index).map(|at| patterns.patterns[at].template.clone());
    names.iter().zip(indexes).filter_map(|(name, index)| Some(((*name).clone(), template(index?)?))).collect()
}
