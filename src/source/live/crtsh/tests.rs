//! The search against answers made up on the spot: which questions follow from which answers.

use super::*;
use crate::source::live::classify::PageFacts;
use crate::source::live::told::{Sketch, Told};

/// A search whose answers a test makes up.
struct Play {
    source: Crtsh,
    /// Certificates told so far, so that each is another one.
    told: u64,
}

impl Play {
    fn new(expired: bool) -> Self {
        Self { source: Crtsh::new(DomainName::parse("example.com").unwrap(), expired), told: 0 }
    }

    /// What is asked next, without what all questions have in common.
    fn asked(&self) -> String {
        let target = self.source.next().map(|request| request.target).unwrap_or_default();
        target
            .replace("/?dNSName=", "")
            .replace("&match=ILIKE", "")
            .replace("&output=json", "")
            .replace("&exclude=expired", "")
    }

    /// Answers with `count` certificates of names that `name` gives, by issuers with their rows; cut or whole.
    fn answer(&mut self, cut: bool, issuers: &[(i64, u64)], count: u64, name: impl Fn(u64) -> String) {
        let certificates = (0..count)
            .map(|n| Sketch {
                identity: self.told + n,
                names: vec![(format!("{}.example.com", name(n)).into(), false)],
            })
            .collect();
        self.told += count;
        let rows = if cut { ROW_CAP } else { count };
        let told = Told { issuers: issuers.iter().copied().collect(), certificates };
        self.source.settle(&Settled::Page(Box::new(PageFacts {
            records: count,
            rows: Some(rows),
            told,
            ..PageFacts::default()
        })));
    }

    fn cut(&mut self, issuers: &[(i64, u64)]) {
        self.answer(true, issuers, 1000, |n| format!("n{n:04}"));
    }

    fn whole(&mut self) {
        self.answer(false, &[], 10, |n| format!("n{n:04}"));
    }

    fn too_big(&mut self) {
        self.source.settle(&Settled::TooBig("timeout".into()));
    }
}

const THREE: &[(i64, u64)] = &[(1, 50), (2, 300), (3, 100), (-1, 900)];

#[test]
fn a_cut_answer_is_asked_for_without_duplicates_then_without_the_largest_issuers_then_by_each_of_them() {
    let mut play = Play::new(false);
    assert_eq!(play.asked(), "example.com");
    play.cut(THREE);
    assert_eq!(play.asked(), "example.com&deduplicate=Y");
    play.cut(THREE);
    assert_eq!(play.asked(), "example.com&deduplicate=Y&excludeCAs=2");
    play.cut(THREE);
    assert_eq!(play.asked(), "example.com&deduplicate=Y&excludeCAs=2,3,1");
    play.whole();
    for others in ["2,3", "1,2", "1,3"] {
        assert_eq!(play.asked(), format!("example.com&deduplicate=Y&excludeCAs={others}"), "the smallest issuer first");
        play.whole();
    }
    assert_eq!(play.asked(), "");
    let Completeness { truncated, incomplete, notes, .. } = play.source.completeness();
    assert!(!truncated && incomplete.is_none() && notes[0].contains("gave the rest"), "{notes:?}");
}

#[test]
fn what_fits_without_duplicates_needs_nothing_else() {
    let mut play = Play::new(false);
    play.cut(THREE);
    play.whole();
    assert_eq!(play.asked(), "");
    assert!(!play.source.completeness().truncated);
}

#[test]
fn labels_of_what_does_not_fit_are_asked_for_unless_they_are_one_of_many_alike() {
    let mut play = Play::new(false);
    let issuers = &[(1, 900)];
    let name = |n: u64| match n {
        0..4 => format!("db{n}.lab"),
        4..300 => format!("h{n}.shop"),
        n => format!("www.c{n:07}"),
    };
    play.answer(true, issuers, 1000, name);
    play.answer(true, issuers, 1000, name);
    assert_eq!(play.asked(), "example.com&deduplicate=Y&excludeCAs=1");
    play.whole();
    assert_eq!(play.asked(), "shop.example.com&deduplicate=Y");
    play.whole();
    assert_eq!(play.asked(), "lab.example.com&deduplicate=Y");
    play.whole();
    assert_eq!(play.asked(), "");
    let Completeness { truncated, incomplete, .. } = play.source.completeness();
    assert!(truncated && incomplete.unwrap().starts_with("sampled: an answer has at most 10,000 rows"));
}

#[test]
fn issuers_that_bring_more_of_the_same_end_the_search_and_something_new_does_not() {
    let issuers: Vec<(i64, u64)> = (1..=8_i64).map(|issuer| (issuer, 100 * issuer.unsigned_abs())).collect();
    for fresh in [false, true] {
        let mut play = Play::new(false);
        while !play.asked().contains("excludeCAs=8,7,6,5,4,3,2,1") {
            play.cut(&issuers);
        }
        play.whole();
        let mut asked = 0;
        while play.asked().contains("excludeCAs") {
            asked += 1;
            let new = fresh && asked % 3 == 0;
            let name =
                |n: u64| if new && n < 2 { format!("w{n}.{}", "x".repeat(5 * asked)) } else { format!("n{n:04}") };
            play.answer(true, &issuers, 1000, name);
            while play.asked().contains(".example.com") {
                play.whole();
            }
        }
        assert_eq!(asked, if fresh { 8 } else { 3 });
        let why = play.source.completeness().incomplete.unwrap();
        assert_eq!(why.contains("brought nothing new"), !fresh, "{why}");
    }
}

#[test]
fn what_is_left_of_a_label_is_asked_for_while_there_is_something_new_to_expect() {
    for (name, expected) in [("h", "shop.example.com&excludeCAs=1"), ("x.y", "")] {
        let mut play = Play::new(false);
        let issuers = &[(1, 900)];
        play.too_big();
        play.answer(false, issuers, 0, |_| String::new());
        play.answer(false, issuers, 1000, |n| format!("{n}.x.y.shop"));
        assert_eq!(play.asked(), "shop.example.com");
        play.answer(true, issuers, 1000, |n| format!("{n}.{name}.shop"));
        play.whole();
        assert_eq!(play.asked(), expected);
    }
}

#[test]
fn what_cannot_be_answered_is_asked_for_without_expired_ones_then_by_issuer() {
    let mut play = Play::new(true);
    play.too_big();
    assert!(play.source.next().unwrap().target.contains("exclude=expired"));
    play.too_big();
    assert_eq!(play.asked(), "example.com&group=icaid");
    play.answer(false, &[(7, 5), (8, 3)], 0, |_| String::new());
    assert_eq!(play.asked(), "example.com&excludeCAs=7", "the costlier search is not tried");
    play.whole();
    assert_eq!(play.asked(), "example.com&excludeCAs=8");
    play.whole();
    assert_eq!(play.asked(), "");
    let told = play.source.completeness();
    assert!(!told.truncated && !told.expired_included, "{told:?}");
    assert!(told.incomplete.unwrap().contains("expired"));
}

#[test]
fn a_search_without_duplicates_that_is_too_much_is_not_tried_again() {
    let mut play = Play::new(false);
    play.cut(THREE);
    play.too_big();
    assert_eq!(play.asked(), "example.com&excludeCAs=2");
    play.too_big();
    assert_eq!(play.asked(), "example.com&excludeCAs=2,3,1");
}

#[test]
fn a_search_that_never_answers_waits_for_names_from_elsewhere() {
    let mut play = Play::new(false);
    play.too_big();
    play.too_big();
    assert!(play.asked().is_empty() && play.source.wants_names());
    let why = play.source.completeness().incomplete.unwrap();
    assert!(why.contains("cannot answer") && why.contains("timeout"), "{why}");
    let names = ["x.shop.example.com", "*.mail.example.com", "www.example.com", "a.other.test"];
    play.source.take_names(&names.iter().map(|&name| name.to_owned()).collect());
    assert_eq!(play.asked(), "mail.example.com");
    play.whole();
    assert_eq!(play.asked(), "shop.example.com");
}
