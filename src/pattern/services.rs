//! Names as services issue them, beside the single hosts of their domains, and the lines a reader would sign for them.

use regex::Regex;

use super::quality::{Dice, patterns_of};
use super::{Patterns, Settings};

const HOSTS: [&str; 6] = ["www", "mail", "autodiscover", "vpn", "kafka-test.status", "store.promo"];

/// The lines of some names of `example.net` that are no single names, without the domain and sorted. Every name must match
/// the expression of its own line and no other.
fn lines(mut names: Vec<String>) -> Vec<String> {
    names.extend(HOSTS.map(str::to_owned));
    let names: Vec<String> = names.into_iter().map(|name| format!("{name}.example.net")).collect();
    let patterns = patterns_of(&names, &Settings::default());
    check(&names, &patterns);
    let lines = patterns.patterns.iter().filter(|pattern| !pattern.single);
    let mut lines: Vec<String> =
        lines.map(|pattern| pattern.template.trim_end_matches(".example.net").to_owned()).collect();
    lines.sort();
    lines
}

fn check(names: &[String], patterns: &Patterns) {
    let regexes: Vec<Regex> = patterns.patterns.iter().map(|pattern| Regex::new(&pattern.regex).unwrap()).collect();
    for name in names {
        let matching = regexes.iter().filter(|regex| regex.is_match(name)).count();
        assert_eq!(matching, 1, "{name}");
    }
}

/// So many names, made one by one.
fn many(count: usize, mut name: impl FnMut(&mut Dice) -> String) -> Vec<String> {
    let mut dice = Dice(0x5eed_0001);
    (0..count).map(|_| name(&mut dice)).collect()
}

const HEX: &str = "0123456789abcdef";

#[test]
fn letters_glued_to_an_address_neither_hang_the_learner_nor_take_it_apart() {
    let ip = |dice: &mut Dice| {
        let octets: Vec<String> = (0..4).map(|_| (1 + dice.below(254)).to_string()).collect();
        octets.join("-")
    };
    assert_eq!(lines(many(7, |dice| format!("ec2-{}.compute", ip(dice)))), ["ec2-{ipv4}.compute"]);
    assert_eq!(lines(many(12, |dice| format!("{}abc.compute", ip(dice)))), ["{num}-{num}-{num}-{num}abc.compute"]);
}

#[test]
fn regions_of_several_clouds_in_one_column_all_match() {
    let regions = ["eu-west-1", "us-east-2", "southafricanorth", "westeurope", "uaenorth", "japanwest"];
    let names = many(60, |dice| format!("db-{}.{}.cloud", dice.text(HEX, 8), dice.pick(&regions)));
    assert_eq!(lines(names), ["db-{hex:8}.{region}.cloud"]);
    let zones = ["eu-west-1a", "eu-west-1b", "us-east-2c"];
    let names = many(60, |dice| format!("node-{}.{}.cloud", dice.below(900), dice.pick(&zones)));
    assert_eq!(lines(names), ["node-{num}.{region}{enum:a|b|c}.cloud"]);
}

#[test]
fn days_with_a_time_are_dates() {
    let stamp = |dice: &mut Dice| {
        let day = format!("20{:02}{:02}{:02}", 18 + dice.below(8), 1 + dice.below(12), 1 + dice.below(28));
        format!("run-{day}{:02}{:02}{:02}.ci", dice.below(24), dice.below(60), dice.below(60))
    };
    assert_eq!(lines(many(20, stamp)), ["run-{date}.ci"]);
}

#[test]
fn shards_of_two_digits_are_one_column_at_every_level() {
    let shard = |dice: &mut Dice| format!("{}.{}.{}.blob", dice.text(HEX, 4), dice.text(HEX, 2), dice.text(HEX, 2));
    assert_eq!(lines(many(30, shard)), ["{hex:4}.{hex:2}.{hex:2}.blob"]);
}
