//! Labelled names of many schemes, made here, and how well the groups come out.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::{Detail, Limits, Observation, Patterns, Settings, Summary, learn};

/// A small generator of numbers (xorshift), the same on every machine.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    pub(super) fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    pub(super) fn text(&mut self, alphabet: &str, len: usize) -> String {
        (0..len).map(|_| char::from(alphabet.as_bytes()[self.below(alphabet.len())])).collect()
    }

    fn brand(&mut self) -> String {
        let parts = [
            "al", "ber", "cor", "dan", "el", "fin", "gar", "hol", "in", "kes", "lan", "mor", "nav", "ost", "pel", "ran",
        ];
        (0..2 + self.below(2)).map(|_| self.pick(&parts)).collect()
    }

    pub(super) fn slug(&mut self) -> String {
        match self.below(4) {
            0 => format!("{}-{}", self.brand(), self.pick(&["clinic", "motors", "foods", "garden", "works"])),
            1 => format!("{}{}", self.brand(), 1 + self.below(300)),
            _ => self.brand() + self.pick(&["", "", "bakery", "energy", "tools"]),
        }
    }
}

const HEX: &str = "0123456789abcdef";
const BASE32: &str = "abcdefghijklmnopqrstuvwxyz234567";
const BASE36: &str = "abcdefghijklmnopqrstuvwxyz0123456789";

/// Schemes that [`name_of`] knows.
const SCHEMES: usize = 26;

/// One name of a scheme, without its domain.
fn name_of(scheme: usize, dice: &mut Dice) -> String {
    let region =
        |dice: &mut Dice| dice.pick(&["eu-west-1", "us-east-2", "ap-south-1", "eu-north-1", "sa-east-1"]).to_owned();
    let ip = |dice: &mut Dice| (0..4).map(|_| (1 + dice.below(254)).to_string()).collect::<Vec<_>>().join("-");
    match scheme {
        0 => format!("{}.xnw6x", dice.text(BASE32, 52)),
        1 => format!("{}.direct", dice.text(HEX, 32)),
        2 => format!("{}.{}.relay", ip(dice), dice.text(HEX, 32)),
        3 => format!("web{:02}.rack", 1 + dice.below(60)),
        4 => format!("{}-{}.run", dice.brand(), dice.text(BASE36, 10)),
        5 => format!("{}.shop", dice.slug()),
        6 => format!("vm-{}.{}", 1 + dice.below(900), region(dice)),
        7 => format!("pr-{}.preview", 1 + dice.below(5000)),
        8 => format!("d{}.edge", dice.text(BASE36, 13)),
        9 => {
            let service = dice.pick(&["api", "auth", "billing", "search", "queue", "media", "mail"]);
            format!("{service}-{}.int", dice.pick(&["dev", "qa", "stage", "prod"]))
        }
        10 => format!("snap-20{:02}{:02}{:02}", 15 + dice.below(10), 1 + dice.below(12), 1 + dice.below(28)),
        11 => format!("{}.cust", ip(dice)),
        12 => {
            let (app, width) = (["cart", "front", "search"][dice.below(3)], 9 + dice.below(2));
            format!("{app}-{}-{}.pods", dice.text(HEX, width), dice.text("bcdfghjklmnpqrstvwxz2456789", 5))
        }
        13 => {
            let site = dice.pick(&["nwk", "bos", "tam", "phl", "dal"]);
            format!("{site}{:02}sw{:03}.core", 1 + dice.below(20), 1 + dice.below(200))
        }
        14 => format!("nas{}.home", dice.text(HEX, 6)),
        15 => {
            let (app, zone) = (dice.slug(), dice.pick(&["uc", "ew", "as", "de"]));
            format!("{app}-{}-{zone}.a", dice.text(BASE36, 10))
        }
        16 => format!("r{}i{}n{}.hpc", 1 + dice.below(20), dice.below(4), dice.below(18)),
        17 => format!("{}.letters", dice.text("abcdefghijklmnopqrstuvwxyz", 9)),
        18 => format!("{}.share", dice.text("abcdefghijklmnopqrstuvwxyz0123456789-_", 21)),
        19 => format!(
            "2001-db8-{:x}--{:x}-{:x}.v6",
            4096 + dice.below(61440),
            4096 + dice.below(61440),
            1 + dice.below(65535)
        ),
        20 => {
            let environment = dice.pick(&["dev", "test", "stage", "prod"]);
            format!("{}.{environment}.clients", dice.slug())
        }
        21 => format!("{}-{}.sites", dice.slug(), dice.pick(&["at", "ch", "de", "fr", "it", "pl", "es", "nl"])),
        22 => format!("{}.blobs", dice.text(HEX, 3)),
        23 => format!("pos{:02}.{:04}.retail", 1 + dice.below(20), 1 + dice.below(3000)),
        24 => (0..16).map(|_| dice.text(HEX, 1)).collect::<Vec<_>>().join(".") + ".ip6",
        _ => {
            let (first, second) = (
                dice.pick(&["amber", "quiet", "bold", "late", "green", "shy"]),
                dice.pick(&["river", "lake", "fox", "hill", "moon"]),
            );
            format!("{first}-{second}-{}.apps", 1000 + dice.below(9000))
        }
    }
}

/// Names with the scheme each belongs to; `None` for one-off hosts.
fn labelled(names: usize, seed: u64) -> BTreeMap<String, Option<(usize, usize)>> {
    let (mut dice, mut truth) = (Dice(seed), BTreeMap::new());
    for domain in 0.. {
        let root = format!("{}{domain}.example", dice.brand());
        for _ in 0..=dice.below(4) {
            let scheme = dice.below(SCHEMES);
            for _ in 0..12 + dice.below(names / 20) {
                let name = name_of(scheme, &mut dice);
                // A label neither begins nor ends with a dash.
                if !name.split('.').any(|label| label.starts_with('-') || label.ends_with('-')) {
                    truth.insert(format!("{name}.{root}"), Some((domain, scheme)));
                }
            }
        }
        for host in ["www", "mail", "vpn", "autodiscover", "git"] {
            if dice.below(2) == 0 {
                truth.insert(format!("{host}.{root}"), None);
            }
        }
        if truth.len() >= names {
            return truth;
        }
    }
    truth
}

fn summary_of<'a>(names: impl Iterator<Item = &'a String>) -> Summary {
    let mut summary = Summary::new();
    for name in names {
        let mut row = Observation::of_name(name, false);
        row.certificate = Some(super::hash::hash(name.as_bytes()));
        summary.add(&row);
    }
    summary
}

fn groups(summary: &Summary, patterns: &Patterns) -> BTreeMap<usize, BTreeSet<String>> {
    let mut groups: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for name in summary.names() {
        groups.entry(patterns.of(name).unwrap()).or_default().insert(summary.name(name).to_owned());
    }
    groups
}

fn json(patterns: &Patterns) -> String {
    serde_json::to_string(&patterns.patterns).unwrap()
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "shares")]
fn schemes_come_out_as_groups_and_no_two_expressions_overlap() {
    for seed in [3, 14, 159] {
        let truth = labelled(4000, seed);
        let summary = summary_of(truth.keys());
        let patterns = learn(&summary, &Settings::default());
        let groups = groups(&summary, &patterns);
        let mut schemes: BTreeMap<(usize, usize), BTreeSet<String>> = BTreeMap::new();
        for (name, scheme) in &truth {
            if let Some(scheme) = scheme {
                schemes.entry(*scheme).or_default().insert(name.clone());
            }
        }
        let exact: Vec<_> = schemes.values().filter(|names| groups.values().any(|group| group == *names)).collect();
        let right = exact.iter().map(|names| names.len()).sum::<usize>() as f64;
        let all = schemes.values().map(BTreeSet::len).sum::<usize>() as f64;
        let with_schemes =
            groups.values().filter(|group| group.iter().any(|name| truth[name].is_some())).count() as f64;
        let grouping_accuracy = right / all;
        let f1 = 2.0 * exact.len() as f64 / (with_schemes + schemes.len() as f64);
        assert!(grouping_accuracy >= 0.9, "seed {seed}: grouping accuracy {grouping_accuracy}");
        assert!(f1 >= 0.85, "seed {seed}: F1 over groups {f1}");

        let regexes: Vec<Regex> = patterns.patterns.iter().map(|p| Regex::new(&p.regex).unwrap()).collect();
        for name in summary.names() {
            let text = summary.name(name);
            let hits: Vec<usize> = (0..regexes.len())
                .filter(|&at| text.ends_with(&patterns.patterns[at].root) && regexes[at].is_match(text))
                .collect();
            assert_eq!(hits, [patterns.of(name).unwrap()], "{text}");
        }
    }
}

#[test]
fn order_shards_and_threads_do_not_change_an_octet() {
    let truth = labelled(3000, 77);
    let names: Vec<&String> = truth.keys().collect();
    let expected = json(&learn(&summary_of(names.iter().copied()), &Settings::default()));
    let mut dice = Dice(5);
    for _ in 0..3 {
        let mut shuffled = names.clone();
        for at in (1..shuffled.len()).rev() {
            shuffled.swap(at, dice.below(at + 1));
        }
        let mut shards: Vec<Summary> = (0..7).map(|_| Summary::new()).collect();
        for (at, name) in shuffled.iter().enumerate() {
            let mut row = Observation::of_name(name, false);
            row.certificate = Some(super::hash::hash(name.as_bytes()));
            shards[at % 7].add(&row);
        }
        let mut merged = Summary::new();
        for shard in &shards {
            merged.merge(&Summary::from_bytes(&shard.to_bytes()).unwrap());
        }
        let threads = Settings { threads: 3, ..Settings::default() };
        assert_eq!(json(&learn(&merged, &threads)), expected);
        assert_eq!(json(&learn(&summary_of(shuffled.into_iter()), &Settings::default())), expected);
    }
}

/// Patterns of a list of names, `*.` allowed.
pub(super) fn patterns_of(names: &[String], settings: &Settings) -> Patterns {
    let mut summary = Summary::new();
    for (at, name) in (0..).zip(names) {
        let (name, wildcard) = name.strip_prefix("*.").map_or((name.as_str(), false), |name| (name, true));
        let mut row = Observation::of_name(name, wildcard);
        row.certificate = Some(super::hash::hash(name.as_bytes()));
        row.not_before = Some(1_700_000_000 + at / 2 * 7200);
        summary.add(&row);
    }
    learn(&summary, settings)
}

fn templates(patterns: &Patterns) -> Vec<&str> {
    patterns.patterns.iter().map(|pattern| pattern.template.as_str()).collect()
}

#[test]
fn one_off_ids_under_one_label_are_one_pattern_with_its_wildcards() {
    let mut dice = Dice(9);
    let ids: Vec<String> = (0..400).map(|_| format!("{}.xnw6x.example.net", dice.text(BASE32, 52))).collect();
    let names: Vec<String> = ids.iter().flat_map(|id| [id.clone(), format!("*.{id}")]).collect();
    let patterns = patterns_of(&names, &Settings::default());
    assert_eq!(templates(&patterns), ["{base32:52}.xnw6x.example.net"]);
    let pattern = &patterns.patterns[0];
    assert_eq!(pattern.regex, "^(?:\\*\\.)?[a-z2-7]{52}\\.xnw6x\\.example\\.net$");
    assert_eq!((pattern.names, pattern.distinct, pattern.certificates, pattern.wildcard.both), (800, 400, 400, 400));
    assert!(pattern.shapes[0].contains("the same name"), "{:?}", pattern.shapes);
    let levels: Vec<_> = pattern.levels.iter().map(|level| (level.template.as_str(), level.distinct)).collect();
    let expected = [("{base32:52}.xnw6x.example.net", 400), ("xnw6x.example.net", 1), ("example.net", 1), ("net", 1)];
    assert_eq!(levels, expected);
    assert!(pattern.per_week.is_some() && pattern.notes.iter().any(|note| note.contains("DNS-01")));
}

#[test]
fn the_user_keeps_joins_and_caps() {
    let mut names: Vec<String> = Vec::new();
    for number in 1..40 {
        names.extend(["web", "db", "cache"].map(|role| format!("{role}{number}.example.net")));
        names.extend(["red", "blue"].map(|color| format!("{color}-{number}-x.example.org")));
    }
    let normal = patterns_of(&names, &Settings::default());
    assert!(templates(&normal).contains(&"{enum:cache|db|web}{num}.example.net"), "{:?}", templates(&normal));
    let keep = Settings { keep: vec!["db".to_owned()], ..Settings::default() };
    assert!(templates(&patterns_of(&names, &keep)).contains(&"db{num}.example.net"));
    let join = Settings { join: vec![Regex::new("(web|red).*").unwrap()], ..Settings::default() };
    let joined = patterns_of(&names, &join);
    assert!(joined.patterns.iter().any(|p| p.template == "{joined:1}.example.org" && p.distinct == 39));
    let capped = patterns_of(&names, &Settings { max_patterns: Some(1), ..Settings::default() });
    assert_eq!(capped.patterns.len(), 2);
    assert!(
        normal.patterns.len()
            <= patterns_of(&names, &Settings { detail: Detail::High, ..Settings::default() }).patterns.len()
    );
}

#[test]
fn names_beyond_the_limit_are_counted_and_hostile_names_do_no_harm() {
    let mut dice = Dice(21);
    let mut summary = Summary::with_limits(Limits { names_per_root: 500 });
    for _ in 0..2000 {
        let labels: Vec<String> = (0..=dice.below(6))
            .map(|_| {
                let len = 1 + dice.below(12);
                dice.text("ab-_01", len)
            })
            .collect();
        summary.add(&Observation::of_name(&format!("{}.example", labels.join(".")), false));
    }
    let deep = vec!["a"; 120].join(".") + ".example";
    summary.add(&Observation::of_name(&deep, true));
    summary.add(&Observation::of_name("example", false));
    summary.add(&Observation::of_name("co.uk", false));
    let patterns = learn(&summary, &Settings::default());
    assert!(summary.names().all(|name| patterns.of(name).is_some()));
    let mut crowded = Summary::with_limits(Limits { names_per_root: 100 });
    for number in 0..1000 {
        crowded.add(&Observation::of_name(&format!("n{number}.example.net"), false));
    }
    assert_eq!(learn(&crowded, &Settings::default()).uncovered_rows, 900);
}

#[test]
fn a_list_is_closed_where_no_name_brings_a_new_value() {
    let mut dice = Dice(31);
    let coins = ["btc", "dash", "doge", "ltc", "rvn", "vtc", "zec"];
    let names: Vec<String> =
        (0..600).map(|_| format!("x{}.seed.{}.example.net", dice.below(90_000), dice.pick(&coins))).collect();
    let patterns = patterns_of(&names, &Settings::default());
    assert_eq!(templates(&patterns), ["x{num}.seed.{enum:btc|dash|doge|ltc|rvn|vtc|zec}.example.net"]);
    let reasons: Vec<&str> = patterns.patterns[0].columns.iter().map(|column| column.reason.as_str()).collect();
    assert!(reasons.iter().any(|reason| reason.contains("hardly one of them seen once")), "{reasons:?}");
    // Ten hosts below each tenant, the same for all, say nothing of how many tenants there are.
    let hosts =
        ["www", "mail", "ftp", "cpanel", "webdisk", "webmail", "autodiscover", "cpcontacts", "cpcalendars", "imap"];
    let mut tenants: Vec<String> = (0..30).map(|_| dice.slug()).collect();
    tenants.sort_unstable();
    tenants.dedup();
    let names: Vec<String> =
        tenants.iter().flat_map(|tenant| hosts.map(|host| format!("{host}.{tenant}.example.org"))).collect();
    let patterns = patterns_of(&names, &Settings::default());
    assert!(patterns.patterns[0].template.ends_with(".{slug}.example.org"), "{:?}", templates(&patterns));
}

#[test]
fn names_of_random_everything_stay_within_bounds_and_it_is_said() {
    let mut dice = Dice(1913);
    let mut summary = Summary::new();
    for _ in 0..20_000 {
        let labels: Vec<String> = (0..=dice.below(4))
            .map(|_| {
                let len = 1 + dice.below(18);
                format!("a{}", dice.text("abcdefghijklmnopqrstuvwxyz0123456789-_", len))
            })
            .collect();
        summary.add(&Observation::of_name(&format!("{}.example.net", labels.join(".")), false));
    }
    let patterns = learn(&summary, &Settings::default());
    let octets: usize = patterns.patterns.iter().map(|pattern| pattern.regex.len()).sum();
    assert!(octets < 128 << 20, "{octets} octets of expressions");
    let told = |what: &str| patterns.patterns.iter().any(|p| p.notes.iter().any(|note| note.contains(what)));
    assert!(told("its expression takes some of theirs too"));
    assert!(patterns.patterns.len() < 10_000 && octets > 0, "{} patterns", patterns.patterns.len());
    // Every name is in one, and its expression takes it.
    let mut regexes: BTreeMap<usize, Regex> = BTreeMap::new();
    for name in summary.names().step_by(40) {
        let at = patterns.of(name).unwrap();
        let regex = regexes.entry(at).or_insert_with(|| Regex::new(&patterns.patterns[at].regex).unwrap());
        assert!(
            regex.is_match(summary.name(name)),
            "{} {} {}",
            summary.name(name),
            patterns.patterns[at].template,
            &patterns.patterns[at].regex[patterns.patterns[at].regex.len().saturating_sub(900)..]
        );
    }
}

/// The template of the pattern that a name is in.
fn template_of<'p>(names: &[String], patterns: &'p Patterns, name: &str) -> &'p str {
    let summary = summary_of(names.iter());
    let index = summary.names().find(|&index| summary.name(index) == name).unwrap();
    &patterns.patterns[patterns.of(index).unwrap()].template
}

#[test]
fn a_name_below_a_member_of_a_family_does_not_take_it_out() {
    let mut dice = Dice(47);
    let mut names: Vec<String> =
        (0..900).map(|_| format!("one-{}.shop.example.net", dice.text("abcdefghijklmnopqrstuvwxyz", 4))).collect();
    let tenants: Vec<String> = names.iter().step_by(300).cloned().collect();
    // More of them than the sample holds: these are seen only by what hangs below.
    names.extend(tenants.iter().enumerate().map(|(at, tenant)| format!("{}.{tenant}", ["old", "neu", "dbg"][at])));
    names.sort_unstable();
    names.dedup();
    let patterns = patterns_of(&names, &Settings::default());
    for tenant in tenants {
        assert_eq!(template_of(&names, &patterns, &tenant), "one-{slug}.shop.example.net", "{tenant}");
    }
}

#[test]
fn tenants_and_sites_of_one_place_do_not_take_each_others_names() {
    let lefts = "et-0-0-6.br2.prg1 te-1-1-19.br2.cdg2 et-3-7-39.pe1.lhr2 ge-1-4-18.pe1.lhr2 ge-2-5-7.cr4.cdg2 \
        ge-0-6-35.br1.eze3 et-3-1-21.br3.bom1 et-2-5-22.pe3.dub3 auth.boat.svc.cluster www.dencor-works dencor-works \
        delzenza darksea torra poel plaglodor rahelra delsa-design globraba salzburg-foods weber-novak denvimiclinic \
        dorba-corp yellowhaze potsdam-legal raelacademy talupocal forplayodental kentelfelvi ocornorbo veldelka203 \
        mainz-group tayo-partners solfelmiglo-soft eltor gensazatamedia kenra mondenpomotors delka marcalcaldel-dental";
    let names: Vec<String> = lefts.split_whitespace().map(|left| format!("{left}.example.net")).collect();
    let patterns = patterns_of(&names, &Settings::default());
    let routers = templates(&patterns).into_iter().filter(|template| template.contains("{num}-{num}-{num}")).count();
    assert_eq!(routers, 1, "{:?}", templates(&patterns));
}

#[test]
fn short_ids_without_a_digit_are_no_column_of_words() {
    let mut dice = Dice(59);
    let mut names: Vec<String> =
        (0..150).map(|_| format!("{}.{}.flow.example.net", dice.text(HEX, 30), dice.text(HEX, 2))).collect();
    names.extend((0..120).map(|_| format!("{}.{}.up.example.net", dice.text(BASE36, 3), dice.text(BASE36, 3))));
    let patterns = patterns_of(&names, &Settings::default());
    assert_eq!(templates(&patterns), ["{hex:30}.{hex:2}.flow.example.net", "{base36:3}.{base36:3}.up.example.net"]);
}

#[test]
fn words_with_ids_glued_to_them_are_one_pattern_and_match_once() {
    let mut dice = Dice(61);
    let words = ["angular", "node", "nuxtstarter", "reactts", "vitejsvite", "solid", "remix", "astro"];
    let names: Vec<String> = (0..600)
        .flat_map(|_| {
            let (word, id) = (dice.pick(&words), dice.text(BASE36, 6));
            let (hash, port) = (dice.text(HEX, 8), dice.pick(&["3000", "5173", "8080"]));
            [format!("{word}{id}-{hash}.box.example.net"), format!("{hash}{word}-{port}.run.example.org")]
        })
        .collect();
    let patterns = patterns_of(&names, &Settings::default());
    assert_eq!(patterns.patterns.len(), 2, "{:?}", templates(&patterns));
    let regexes: Vec<Regex> = patterns.patterns.iter().map(|p| Regex::new(&p.regex).unwrap()).collect();
    for name in &names {
        assert_eq!(regexes.iter().filter(|regex| regex.is_match(name)).count(), 1, "{name}");
    }
}

#[test]
fn a_known_host_with_many_numbers_is_a_counter_and_its_neighbours_are_none_of_it() {
    let mut dice = Dice(67);
    let hosts = ["www", "mail", "intranet", "crm", "wiki", "git", "sso", "cloud", "news", "jobs"];
    let mut names: Vec<String> = hosts.iter().map(|host| format!("{host}.example.net")).collect();
    names.extend([1, 4, 6, 8, 16, 21].map(|number| format!("console{number}.example.net")));
    names.extend((0..30).map(|_| format!("web{}.example.org", 1 + dice.below(4000))));
    names.extend(["api1", "mx2"].map(|host| format!("{host}.example.org")));
    let patterns = patterns_of(&names, &Settings::default());
    let families: Vec<&str> = templates(&patterns).into_iter().filter(|template| template.contains('{')).collect();
    assert_eq!(families, ["console{num}.example.net", "web{num}.example.org"], "{:?}", templates(&patterns));
}

#[test]
fn a_word_that_joins_two_names_parts_no_list() {
    let mut dice = Dice(71);
    let people = ["moraes", "ferreira", "queiroz", "azevedo", "teixeira", "brandao", "ribeiro", "goncalves", "peixoto"];
    let trades = ["imoveis", "farmacia", "padaria", "autopecas", "odonto", "moveis", "escola", "mercado"];
    let towns = ["blumenau", "chapeco", "caruaru", "maraba", "olinda", "betim", "sorocaba", "itabira"];
    let names: Vec<String> = (0..900)
        .map(|_| {
            let (one, other) = (dice.pick(&people), dice.pick(&people));
            let (trade, town) = (dice.pick(&trades), dice.pick(&towns));
            let left = match dice.below(6) {
                0 => format!("{one}-e-{other}"),
                1 => format!("{trade}-{one}"),
                2 => format!("{trade}da{town}"),
                3 => format!("{town}{trade}"),
                4 => format!("{trade}{one}"),
                _ => format!("{trade}-{town}"),
            };
            format!("{left}.loja.example.net")
        })
        .collect();
    let patterns = patterns_of(&names, &Settings::default());
    assert_eq!(templates(&patterns), ["{slug}.loja.example.net"]);
}

#[test]
fn an_odd_word_among_many_words_is_no_id() {
    let syllables = ["ga", "ri", "mo", "ta", "lin", "sen", "po", "ver", "nal", "dor", "ke", "su"];
    let mut names: Vec<String> = Vec::new();
    for one in syllables {
        names.extend(syllables.map(|two| format!("{one}{two}ral.example.net")));
    }
    names.extend(["gsxappd", "xskeydb"].map(|odd| format!("{odd}.example.net")));
    let ids =
        ["cp7vi3k", "dd4ln9x", "df6ed2m", "gz8rm4q", "sc5mv7t", "z2r0y8w", "k9x3b7p", "q4t6n1d", "h7w2c5s", "r3v8j0f"];
    names.extend(ids.map(|id| format!("{id}.example.net")));
    let found = patterns_of(&names, &Settings::default());
    let distinct = |template: &str| found.patterns.iter().find(|one| one.template == template).map(|one| one.distinct);
    assert_eq!(distinct("{base36:7}.example.net"), Some(10), "{:?}", templates(&found));
}

#[test]
fn an_open_list_takes_no_host_that_everybody_has() {
    let syllables = ["ga", "ri", "mo", "ta", "lin", "sen", "po", "ver", "nal", "dor", "ke", "su"];
    let words = syllables.iter().flat_map(|one| syllables.map(|two| format!("{one}{two}ral")));
    let mut names: Vec<String> = words.map(|word| format!("{word}.example.net")).collect();
    names.push("www.example.net".to_owned());
    let patterns = patterns_of(&names, &Settings::default());
    assert_eq!(templates(&patterns), ["{slug}.example.net", "www.example.net"]);
    let expression = regex::Regex::new(&patterns.patterns[0].regex).expect("an expression");
    for (name, expected) in [
        ("meet.example.net", false),
        ("webmail.example.net", false),
        ("www.example.net", false),
        ("meeting-rigaral.example.net", false),
        ("webmaster.example.net", true),
        ("garigaral.example.net", true),
    ] {
        assert_eq!(expression.is_match(name), expected, "{name}");
    }
}

#[test]
fn thousands_of_roots_of_one_name_each_are_told_as_they_are() {
    let names: Vec<String> = (0..10_000).map(|at| format!("a.b{at}.example{at}.net")).collect();
    let patterns = patterns_of(&names, &Settings { threads: 2, ..Settings::default() });
    assert_eq!(patterns.patterns.len(), names.len());
    let one = patterns.patterns.iter().find(|pattern| pattern.root == "example77.net").expect("a root");
    let levels: Vec<&str> = one.levels.iter().map(|level| level.template.as_str()).collect();
    assert_eq!(levels, ["a.b77.example77.net", "b77.example77.net", "example77.net", "net"]);
    assert!(one.single && one.template == "a.b77.example77.net" && one.examples == ["a.b77.example77.net"]);
    assert!(patterns.patterns.windows(2).all(|pair| pair[0].root < pair[1].root));
}
