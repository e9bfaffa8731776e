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

#[test]
fn countries_before_numbers_are_codes_and_no_names() {
    let countries = [
        "de", "fr", "us", "uk", "nl", "se", "no", "fi", "it", "es", "pt", "pl", "jp", "mx", "hr", "br", "ca", "au",
        "at", "ch", "be", "ie", "cz", "ro",
    ];
    let names = many(70, |dice| format!("{}{}", dice.pick(&countries), 100 + dice.below(9000)));
    assert_eq!(lines(names), ["{cc}{num}"]);
}

#[test]
fn a_constant_above_ids_is_no_value_of_the_list_beside_it() {
    let mut names = many(40, |dice| format!("{}._domainkey.ses", dice.text(HEX, 32)));
    names.extend(["a.sonar", "b.jira", "c.wiki", "d.shopfront", "e.intra", "f.garden"].map(str::to_owned));
    assert!(lines(names).contains(&"{hex:32}._domainkey.ses".to_owned()));
}

#[test]
fn a_word_below_all_tenants_is_no_value_of_a_list_with_the_odd_hosts_below_others() {
    let mut names = many(60, |dice| format!("telemetry.{}", dice.slug()));
    names.extend(["ns2.accounts", "tickets2.exchange", "dialin.sbc"].map(str::to_owned));
    assert!(lines(names).contains(&"telemetry.{slug}".to_owned()));
}

#[test]
fn a_ticket_number_is_no_part_of_the_words_behind_it() {
    let words = ["fix", "add", "login", "header", "cart", "price", "menu", "export", "cache", "form", "modal", "image"];
    let ticket = |dice: &mut Dice| {
        let words: Vec<&str> = (0..=dice.below(4)).map(|_| dice.pick(&words)).collect();
        format!("{}-{}-{}.review", dice.pick(&["abc", "inf", "mob", "pay"]), 10 + dice.below(9000), words.join("-"))
    };
    assert_eq!(lines(many(300, ticket)), ["{enum:abc|inf|mob|pay}-{num}-{slug}.review"]);
}

#[test]
fn words_that_stand_one_below_a_member_are_its_values_and_those_that_stand_together_its_roles() {
    let apps = ["cart", "billing", "media", "sync"];
    let names = many(120, |dice| format!("{}.pr{}.preview", dice.pick(&apps), 100 + dice.below(9000)));
    assert_eq!(lines(names), ["{enum:billing|cart|media|sync}.pr{num}.preview"]);
    let few = ["rest.ap-south-1", "jenkins.eu-west-2", "offers.us-east-1"].map(str::to_owned);
    assert_eq!(lines(few.to_vec()), ["{enum:jenkins|offers|rest}.{region}"]);
    let roles = (0..20).flat_map(|at| ["api", "apps", "oauth"].map(|role| format!("{role}.c{at:03}x{at}.mesh")));
    assert_eq!(lines(roles.collect()).len(), 3);
    let tiles = ["a", "b", "c", "d"]
        .map(|letter| ["sat", "hybrid", "terrain", "tile"].map(|map| format!("{letter}.{map}.maps")));
    assert_eq!(lines(tiles.concat()), ["{enum:a|b|c|d}.{enum:hybrid|sat|terrain|tile}.maps"]);
}

#[test]
fn languages_below_services_make_the_services_a_column() {
    let languages = ["en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "fi", "cs", "hu", "ro", "tr", "ja"];
    let names = many(18, |dice| format!("{}.{}", dice.pick(&languages), dice.pick(&["metrics", "ledger", "content"])));
    assert_eq!(lines(names), ["{enum:de|en|es|fi|hu|it|ja|nl|pt}.{enum:content|ledger|metrics}"]);
}
