//! Records in, issuances out: what is one certificate, and what of it is kept.

use std::borrow::Cow;

use super::*;
use crate::name::DomainName;
use proptest::prelude::*;

fn record<'a>(names: &[&'a str], serial: Option<&'a str>) -> Record<'a> {
    Record {
        names: names.iter().map(|&name| Cow::Borrowed(name)).collect(),
        issuer: Some("C=US, O=Test CA, CN=T1".into()),
        serial: serial.map(Cow::Borrowed),
        not_before: Some(0),
        not_after: Some(7_776_000),
        ..Record::default()
    }
}

fn collect(records: &[Record<'_>]) -> Issuances {
    let mut collection = Collection::new(None);
    let origin = collection.origin("test");
    for record in records {
        collection.add(record, origin);
    }
    collection.finish()
}

fn names(issued: &Issuances, issuance: &Issuance) -> Vec<String> {
    issuance.names.iter().map(|&name| issued.tree.subject_alt_name(name).to_string()).collect()
}

#[test]
fn a_precertificate_and_its_certificate_are_one_issuance() {
    let mut precertificate = record(&["a.example", "*.a.example"], Some("0003FD"));
    precertificate.form = Some(Form::Precertificate);
    let mut certificate = record(&["*.a.example", "A.example."], Some("3fd"));
    certificate.form = Some(Form::Final);
    certificate.issuer = Some("CN=T1,O=Test CA,C=US".into());
    let issued = collect(&[certificate, precertificate]);
    assert_eq!((issued.counts.records, issued.certificates(), issued.distinct_names()), (2, 1, 2));
    let issuance = &issued.issuances[0];
    assert!(issuance.precertificate && issuance.final_form && !issuance.names_differ && !issuance.dates_differ);
    assert_eq!(names(&issued, issuance), ["a.example", "*.a.example"]);
    assert_eq!(*issuance.serial, [3, 0xfd]);
}

#[test]
fn without_serials_equal_content_is_one_issuance() {
    let issued = collect(&[record(&["a.example"], None), record(&["a.example"], None), record(&["b.example"], None)]);
    assert_eq!(issued.certificates(), 2);
}

#[test]
fn sources_with_and_without_serials_agree_on_the_number() {
    let tbs = |digest: &'static str| Record { tbs_sha256: Some(digest.into()), ..record(&["a.example"], None) };
    // Two serials and two digests of the same second and names: two certificates, not four and not one.
    let two = [record(&["a.example"], Some("1")), record(&["a.example"], Some("2")), tbs("aa"), tbs("bb")];
    assert_eq!(collect(&two).certificates(), 2);
    assert_eq!(collect(&[tbs("aa"), tbs("bb"), record(&["a.example"], Some("1"))]).certificates(), 2);
    // crt.sh lists the names that match, Cert Spotter all.
    let all = Record { tbs_sha256: Some("cc".into()), ..record(&["a.example", "b.example"], None) };
    let issued = collect(&[record(&["a.example"], Some("1")), all]);
    assert_eq!((issued.certificates(), issued.issuances[0].names.len()), (1, 2));
    assert!(!issued.issuances[0].names_differ);
}

#[test]
fn contradictions_are_noted_and_nothing_is_lost() {
    let mut late = record(&["b.example"], Some("1"));
    late.not_before = Some(5);
    let issued = collect(&[record(&["a.example"], Some("1")), late]);
    let issuance = &issued.issuances[0];
    assert!(issuance.names_differ && issuance.dates_differ);
    assert_eq!((issuance.names.len(), issuance.not_before), (2, Some(0)));
}

#[test]
fn lines_with_one_label_are_one_certificate_and_lines_without_are_none() {
    let line = |name, label: Option<&'static str>| Record {
        names: vec![Cow::Borrowed(name)],
        label: label.map(Cow::Borrowed),
        ..Record::default()
    };
    let issued = collect(&[line("a.example", Some("c1")), line("b.example", Some("c1")), line("c.example", None)]);
    assert_eq!((issued.certificates(), issued.distinct_names(), issued.counts.records), (1, 3, 3));
}

#[test]
fn names_out_of_scope_are_counted_and_common_names_noticed() {
    let mut collection = Collection::new(Some(DomainName::parse("example.com").unwrap()));
    let origin = collection.origin("test");
    let mut entry = record(&["notexample.com", "example.com.evil.org", "www.example.com", "x@example.com"], Some("1"));
    entry.common_name = Some("example.org".into());
    collection.add(&entry, origin);
    collection.add(&record(&["example.net"], Some("2")), origin);
    let issued = collection.finish();
    assert_eq!(issued.drops.count(DropClass::OutOfScope), 3);
    assert_eq!(issued.drops.count(DropClass::Email), 1);
    assert_eq!(issued.foreign_common_names, Noticed { count: 1, example: "example.org".into() });
    assert_eq!((issued.certificates(), issued.counts.records_without_names), (1, 1));
}

#[test]
fn without_a_scope_a_common_name_of_another_registered_domain_is_noticed() {
    let mut own = record(&["www.example.com"], Some("1"));
    own.common_name = Some("mail.example.com".into());
    let mut foreign = record(&["www.example.com"], Some("2"));
    foreign.common_name = Some("mail.example.org".into());
    let issued = collect(&[own, foreign]);
    assert_eq!(issued.foreign_common_names, Noticed { count: 1, example: "mail.example.org".into() });
}

#[test]
fn each_source_of_a_certificate_is_kept() {
    let mut collection = Collection::new(None);
    let (one, other) = (collection.origin("z.json"), collection.origin("a.pem"));
    collection.add(&record(&["a.example"], Some("1")), one);
    collection.add(&record(&["a.example"], Some("1")), other);
    collection.add(&record(&["b.example"], Some("2")), one);
    let issued = collection.finish();
    let origins: Vec<Vec<_>> = issued.issuances.iter().map(|issuance| issued.origins(issuance).collect()).collect();
    assert_eq!(origins, [vec!["a.pem", "z.json"], vec!["z.json"]]);
    assert_eq!(issued.certificates_by_origin().into_iter().collect::<Vec<_>>(), [("a.pem", 1), ("z.json", 2)]);
}

fn any_record() -> impl Strategy<Value = Record<'static>> {
    let names = proptest::collection::vec("(\\*\\.)?[abc]\\.(example|test)", 0..3);
    let serial = proptest::option::of("[12]");
    let digest = proptest::option::of("[ab]{2}");
    (names, serial, digest, 0..2_i64, 0..3_u8).prop_map(|(names, serial, digest, not_before, issuer)| Record {
        names: names.into_iter().map(Cow::Owned).collect(),
        issuer: (issuer > 0).then(|| format!("CN=T{issuer}").into()),
        serial: serial.map(Cow::Owned),
        tbs_sha256: digest.map(Cow::Owned),
        not_before: Some(not_before),
        not_after: Some(9),
        ..Record::default()
    })
}

proptest! {
    #[test]
    fn the_order_of_records_does_not_matter(
        records in proptest::collection::vec(any_record(), 0..12),
        keys in proptest::collection::vec(any::<u32>(), 12),
    ) {
        let mut shuffled: Vec<_> = records.iter().cloned().zip(keys).collect();
        shuffled.sort_by_key(|(_, key)| *key);
        let shuffled: Vec<_> = shuffled.into_iter().map(|(record, _)| record).collect();
        let (one, other) = (collect(&records), collect(&shuffled));
        let print = |issued: &Issuances| {
            let rows: Vec<_> = issued.issuances.iter().map(|issuance| {
                let origins: Vec<String> = issued.origins(issuance).map(str::to_owned).collect();
                (names(issued, issuance), issuance.clone(), origins)
            }).collect();
            (rows, issued.issuers.clone(), issued.drops.clone(), issued.counts)
        };
        prop_assert_eq!(print(&one), print(&other));
    }
}

/// A certificate, and who reports it: each report is a kind, which of the names it gives, and how it spells the issuer.
#[derive(Debug, Clone)]
struct Truth {
    names: usize,
    second: i64,
    reports: Vec<(u8, u8, u8)>,
}

fn any_truth() -> impl Strategy<Value = Truth> {
    let reports = proptest::collection::vec((0..4_u8, any::<u8>(), 0..4_u8), 1..5);
    (1..4_usize, 0..3_i64, reports).prop_map(|(names, second, reports)| Truth { names, second, reports })
}

impl Truth {
    /// The reports of the certificate with this number.
    fn records(&self, number: usize) -> Vec<(&'static str, Record<'static>)> {
        let all: Vec<Cow<'static, str>> = (0..self.names).map(|n| format!("h{n}.c{number}.example").into()).collect();
        let serial = format!("{:016x}", 0xa000_0000_0000_0000 + number as u64);
        let mut records = Vec::new();
        for &(kind, which, spelling) in &self.reports {
            // Some of the names, but not none: crt.sh gives those that match.
            let some: Vec<_> =
                all.iter().enumerate().filter(|(n, _)| which >> n & 1 == 1).map(|(_, name)| name.clone()).collect();
            let some = if some.is_empty() { all.clone() } else { some };
            let whole = self.reports.iter().any(|(kind, ..)| *kind == 3);
            let issuer = match spelling {
                0 => Some("CN=T1,O=Test\\, Inc.,C=US"),
                // Names that compare to nothing need a report to be matched with by all names.
                1 if kind == 2 && whole => Some("Test"),
                2 if whole && matches!(kind, 0 | 2) => None,
                _ => Some("C=US, O=\"Test, Inc.\", CN=T1"),
            };
            let record = Record {
                issuer: issuer.map(Cow::Borrowed),
                not_before: Some(self.second),
                not_after: Some(7_776_000 + self.second),
                ..Record::default()
            };
            let record = match kind {
                0 => Record { names: some, serial: Some(format!("00{serial}").into()), partial: true, ..record },
                // An old dump without serial numbers; parts of names need a report that holds them.
                1 => Record { names: if whole { some } else { all.clone() }, partial: true, ..record },
                2 => Record { names: all.clone(), tbs_sha256: Some(format!("{number:064x}").into()), ..record },
                _ => Record {
                    names: all.clone(),
                    serial: Some(serial.to_uppercase().into()),
                    form: Some(if which & 1 == 0 { Form::Final } else { Form::Precertificate }),
                    ..record
                },
            };
            records.push((["crt.sh", "old.json", "Cert Spotter", "certs.pem"][usize::from(kind)], record));
        }
        records
    }
}

proptest! {
    #[test]
    fn one_issuance_per_certificate_whoever_reported_it_in_whatever_order(
        truths in proptest::collection::vec(any_truth(), 1..8), keys in proptest::collection::vec(any::<u32>(), 32),
    ) {
        let mut reports: Vec<_> = truths.iter().enumerate().flat_map(|(number, truth)| truth.records(number)).zip(keys).collect();
        reports.sort_by_key(|(_, key)| *key);
        let mut collection = Collection::new(None);
        for ((origin, record), _) in &reports {
            let origin = collection.origin(origin);
            collection.add(record, origin);
        }
        let issued = collection.finish();
        let mut found: Vec<_> = issued.issuances.iter().map(|issuance| {
            let origins: Vec<String> = issued.origins(issuance).map(str::to_owned).collect();
            (names(&issued, issuance), origins, issuance.names_differ, issuance.dates_differ)
        }).collect();
        found.sort();
        let mut expected: Vec<_> = truths.iter().enumerate().map(|(number, truth)| {
            let reports = truth.records(number);
            let names: std::collections::BTreeSet<String> =
                reports.iter().flat_map(|(_, record)| record.names.iter().map(ToString::to_string)).collect();
            let origins: std::collections::BTreeSet<String> = reports.iter().map(|(origin, _)| (*origin).to_owned()).collect();
            (names.into_iter().collect::<Vec<_>>(), origins.into_iter().collect::<Vec<_>>(), false, false)
        }).collect();
        expected.sort();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_name_that_no_whole_report_has_is_a_contradiction_and_a_part_of_the_names_is_none() {
    let some = |names: &[&'static str]| Record { partial: true, ..record(names, Some("1")) };
    let all = |names: &[&'static str]| record(names, Some("1"));
    for (reports, differ) in [
        (vec![some(&["a.example"]), some(&["b.example"])], false),
        (vec![some(&["a.example"]), all(&["a.example", "b.example"]), some(&["b.example"])], false),
        (vec![some(&["c.example"]), all(&["a.example", "b.example"])], true),
        (vec![all(&["a.example"]), all(&["b.example"]), some(&["a.example"])], true),
    ] {
        let issued = collect(&reports);
        assert_eq!((issued.certificates(), issued.issuances[0].names_differ), (1, differ), "{reports:?}");
    }
}

#[test]
fn reports_of_one_second_are_paired_as_well_as_can_be() {
    let tbs = |digest: &'static str, names: &[&'static str]| Record {
        tbs_sha256: Some(digest.into()),
        ..record(names, None)
    };
    let some = |serial: &'static str, names: &[&'static str]| Record { partial: true, ..record(names, Some(serial)) };
    // The first that fits would leave the second pair unmatched.
    let reports = [
        some("1", &["a.example"]),
        some("2", &["c.example"]),
        tbs("aa", &["a.example", "c.example"]),
        tbs("bb", &["a.example", "b.example"]),
    ];
    assert_eq!(collect(&reports).certificates(), 2);
}
