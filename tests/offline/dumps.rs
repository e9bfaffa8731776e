//! Dumps of the services and logs in, certificates and names out: figures that were counted by other means.

use std::path::{Path, PathBuf};

use ctclimb::issuance::{Collection, Issuances};
use ctclimb::name::{DomainName, DropClass};
use ctclimb::source::dump::{Input, Kind, Summary, expand, read};

use super::tool::{run, text};

/// Other people's files, read where they lie; `None`, and said so, where they are not.
fn shared(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = ["../shared/data", "../../shared/data"].map(|data| root.join(data).join(path));
    let found = found.into_iter().find(|path| path.exists());
    if found.is_none() {
        println!("skipped: no {path}");
    }
    found
}

fn analyze(path: &Path, scope: Option<&str>) -> (Vec<Summary>, Issuances) {
    let mut collection = Collection::new(scope.map(|scope| DomainName::parse(scope).unwrap()));
    let read_one = |input: Input| {
        let Input::File(path) = &input else { panic!("{input:?}") };
        read(std::fs::File::open(path).unwrap(), &input.label(), &mut collection).unwrap()
    };
    let summaries = expand(&[path.to_owned()]).unwrap().into_iter().map(read_one).collect();
    (summaries, collection.finish())
}

#[test]
fn a_crtsh_answer_of_today_counts_each_certificate_once() {
    let Some(path) = shared("ct/crtsh/gctu.edu.gh.2024-01.json") else { return };
    let (summaries, issued) = analyze(&path, Some("gctu.edu.gh"));
    assert_eq!(
        (summaries[0].kind, summaries[0].unreadable, summaries[0].matched_rows),
        (Kind::CrtshJson, 0, Some(5445))
    );
    assert_eq!((issued.counts.records, issued.certificates()), (907, 454));
    let wildcards = issued.tree.sans().filter(|san| san.wildcard()).count();
    assert_eq!((wildcards, issued.counts.wildcard_entries), (2, 177));
    assert_eq!(issued.foreign_common_names.count, 18);
    let (_, issued) = analyze(&path, None);
    assert_eq!(issued.foreign_common_names.count, 18);
}

#[test]
fn an_older_crtsh_answer_has_its_addresses_counted() {
    let Some(path) = shared("ct/crtsh/python.org.2020-05.json") else { return };
    let (summaries, issued) = analyze(&path, Some("python.org"));
    assert_eq!((summaries[0].records, summaries[0].unreadable), (1597, 0));
    assert_eq!(issued.drops.count(DropClass::Email), 2);
    assert!(issued.certificates() < 1597 && issued.issuances.iter().all(|issuance| !issuance.names.is_empty()));
}

#[test]
fn tiles_and_their_names_tiles_hold_the_same_names() {
    let Some(data) = shared("ct/static-ct/navigli2025h2/tile/data") else { return };
    let Some(names) = shared("ct/static-ct/navigli2025h2/tile/names") else { return };
    let print = |path: &Path, kind| {
        let (summaries, issued) = analyze(path, None);
        assert!(summaries.iter().all(|summary| summary.kind == kind && summary.unreadable == 0), "{summaries:?}");
        assert_eq!(issued.counts.records, 768);
        issued.tree.sans().map(|san| issued.tree.subject_alt_name(san).to_string()).collect::<Vec<_>>()
    };
    assert_eq!(print(&data, Kind::DataTile), print(&names, Kind::NamesTile));
}

#[test]
fn certificates_with_deliberate_oddities_are_all_read() {
    let Some(path) = shared("ct/pem") else { return };
    let (summaries, issued) = analyze(&path, None);
    assert_eq!(summaries.len(), 197);
    let unread: Vec<_> =
        summaries.iter().filter(|summary| summary.unreadable > 0 || summary.stopped.is_some()).collect();
    assert!(unread.is_empty(), "{unread:#?}");
    assert!(issued.drops.count(DropClass::Email) > 0 && issued.drops.count(DropClass::Uri) > 0);
}

#[test]
fn a_get_entries_answer_and_a_cert_spotter_page_are_read() {
    let Some(entries) = shared("ct/rfc6962/get-entries-10000.json") else { return };
    let Some(page) = shared("ct/certspotter") else { return };
    let (summaries, issued) = analyze(&entries, None);
    assert_eq!((summaries[0].kind, issued.certificates()), (Kind::GetEntries, 1));
    assert!(issued.tree.get(&DomainName::parse("landlords.com.au").unwrap()).is_some());
    let (summaries, issued) = analyze(&page, Some("github.com"));
    assert_eq!((summaries[0].kind, issued.certificates()), (Kind::CertSpotterJson, 9));
}

#[test]
fn a_directory_stands_for_its_files_in_order_without_hidden_ones() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("b")).unwrap();
    for name in ["c.txt", "a.txt", ".hidden", "b/d.txt"] {
        std::fs::write(directory.path().join(name), "www.example.net\n").unwrap();
    }
    let inputs = expand(&[directory.path().to_owned()]).unwrap();
    let expected = ["a.txt", "b/d.txt", "c.txt"].map(|name| Input::File(directory.path().join(name)));
    assert_eq!(inputs, expected);
    assert!(expand(&[directory.path().join("none")]).is_err());
}

#[test]
fn shards_of_a_list_are_grouped_as_the_whole_list_is_with_every_name_assigned() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let names: Vec<String> = (0..300)
        .flat_map(|n: u32| {
            [
                format!("web{n}.shop.example.net"),
                format!("*.{:08x}.preview.example.org", n.wrapping_mul(2_654_435_761)),
                format!("{}-{n}.eu-west-1.example.co.uk", ["api", "cron", "queue"][n as usize % 3]),
            ]
        })
        .collect();
    std::fs::write(path("all"), names.join("\n")).unwrap();
    let mut parts = Vec::new();
    for shard in 0..3 {
        let lines: Vec<&str> = names.iter().skip(shard).step_by(3).map(String::as_str).rev().collect();
        std::fs::write(path("part"), lines.join("\r\n")).unwrap();
        let part = path(&format!("{shard}.sum"));
        assert_eq!(run(&["patterns", &path("part"), "--partial", "-q", "-o", &part]).status.code(), Some(0));
        parts.push(part);
    }
    let (whole_assign, merged_assign) = (path("whole.tsv"), path("merged.tsv"));
    let whole = run(&["patterns", &path("all"), "-q", "-f", "json", "--assign", &whole_assign]);
    let inputs: Vec<&str> = parts.iter().map(String::as_str).collect();
    let merge = ["patterns", "--merge", "-q", "-f", "json", "--assign", &merged_assign];
    let merged = run(&[&merge[..], &inputs].concat());
    assert_eq!(merged.status.code(), Some(0), "{}", text(&merged.stderr));
    assert_eq!(text(&whole.stdout), text(&merged.stdout));
    let assigned = std::fs::read_to_string(&merged_assign).unwrap();
    assert_eq!(assigned.lines().count(), names.len());
    assert_eq!(std::fs::read_to_string(&whole_assign).unwrap(), assigned);
}
