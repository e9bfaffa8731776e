use super::*;
use crate::audit::row::{CoverageRow, DomainRow};

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn settings(options: &str) -> [(&'static str, String); 2] {
    [("tool", "ctclimb 0.1.0".to_owned()), ("options", options.to_owned())]
}

fn row(domain: &str, complete: bool) -> DomainRow {
    let coverage = CoverageRow { complete, ..CoverageRow::default() };
    DomainRow { domain: domain.to_owned(), certificates: 3, coverage, ..DomainRow::default() }
}

fn finish(file: &AuditFile, row: &DomainRow, at: i64) {
    file.finish(Finish { row, at, change: None, tell: false }).unwrap();
}

#[test]
fn an_audit_goes_on_where_it_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.audit");
    let file = AuditFile::open(Some(&path), &settings("x"), now()).unwrap();
    assert!(!file.goes_on());
    file.plan([("b.example", "list", 1), ("a.example", "list", 2), ("c.example", "list", 3)]).unwrap();
    finish(&file, &row("a.example", true), 100);
    file.fail("c.example", "no answer").unwrap();
    assert!(file.is_settled("c.example", 0).unwrap(), "tried once in this run");
    drop(file);
    let file = AuditFile::open(Some(&path), &settings("x"), now()).unwrap();
    assert!(file.goes_on());
    let status = file.status().unwrap();
    assert_eq!((status.domains, status.done, status.failed, status.pending), (3, 1, 1, 1));
    let settled = |domain, since| file.is_settled(domain, since).unwrap();
    assert!(settled("a.example", 100) && !settled("a.example", 101), "an old row is made again");
    assert!(!settled("b.example", 0) && !settled("c.example", 0));
    assert_eq!(file.settled(100, |domain| domain.len() as u64).unwrap(), std::collections::HashSet::from([9]));
    let mut seen = Vec::new();
    let each = |domain: &str, _: &str, line, _, _| {
        seen.push((domain.to_owned(), line));
        Ok::<_, AuditFileError>(())
    };
    file.each(each).unwrap();
    assert_eq!(seen, [("a.example".into(), 2), ("b.example".into(), 1), ("c.example".into(), 3)]);
}

#[test]
fn an_incomplete_row_is_open_in_the_next_run_and_not_in_this_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.audit");
    let file = AuditFile::open(Some(&path), &settings("x"), now()).unwrap();
    file.plan([("a.example", "list", 1)]).unwrap();
    finish(&file, &row("a.example", false), 100);
    assert!(file.is_settled("a.example", 0).unwrap());
    drop(file);
    let file = AuditFile::open(Some(&path), &settings("x"), now()).unwrap();
    assert!(!file.is_settled("a.example", 0).unwrap());
    assert_eq!(file.status().unwrap().incomplete, 1);
}

#[test]
fn a_later_try_in_vain_shows_in_the_coverage_of_the_row() {
    let file = AuditFile::open(None, &settings("x"), now()).unwrap();
    finish(&file, &row("a.example", true), 100);
    file.fail("a.example", "no answer").unwrap();
    let mut seen = None;
    let each = |_: &str, _: &str, _, state, at| {
        seen = Some((state, at));
        Ok::<_, AuditFileError>(())
    };
    file.each(each).unwrap();
    let Some((State::Done(row), 100)) = seen else { panic!("{seen:?}") };
    assert!(!row.coverage.complete && row.coverage.notes[0].contains("1970-01-01T00:01:40Z"), "{row:?}");
    assert_eq!(file.status().unwrap().stale, 1);
}

#[test]
fn other_options_and_a_second_writer_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.audit");
    let file = AuditFile::open(Some(&path), &settings(r#"{"a":1,"sample":8}"#), now()).unwrap();
    let asked = settings(r#"{"a":1,"sample":4}"#);
    let held = AuditFile::open(Some(&path), &asked, now()).unwrap_err();
    assert!(matches!(held, AuditFileError::Held { .. }));
    assert!(held.to_string().ends_with("wait for it, or choose another file with `--file`"), "{held}");
    AuditFile::open_read_only(&path).unwrap().status().unwrap();
    drop(file);
    let error = AuditFile::open(Some(&path), &asked, now()).unwrap_err().to_string();
    assert!(error.contains("begun with options `sample=8`, not `sample=4`"), "{error}");
}

#[test]
fn a_stranger_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.audit");
    std::fs::write(&path, "not a database at all, but long enough to be looked at as one").unwrap();
    assert!(matches!(AuditFile::open_read_only(&path), Err(AuditFileError::NotOurs { .. })));
    assert!(matches!(AuditFile::open(Some(&path), &settings("x"), now()), Err(AuditFileError::NotOurs { .. })));
    let path = directory.path().join("b.audit");
    drop(AuditFile::open(Some(&path), &settings("x"), now()).unwrap());
    let alter = |sql: &str| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    alter("PRAGMA user_version = 2");
    let newer = AuditFile::open_read_only(&path).unwrap_err().to_string();
    assert!(newer.contains("has schema version 2, this program reads 1; a newer ctclimb is needed"), "{newer}");
    alter("PRAGMA user_version = 1; CREATE VIEW v AS SELECT 1");
    assert!(matches!(AuditFile::open_read_only(&path), Err(AuditFileError::NotOurs { .. })));
}

#[test]
fn a_damaged_file_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.audit");
    let file = AuditFile::open(Some(&path), &settings("x"), now()).unwrap();
    for n in 0..500 {
        finish(&file, &row(&format!("d{n}.example"), true), 100);
    }
    drop(file);
    let mut octets = std::fs::read(&path).unwrap();
    let (middle, end) = (octets.len() / 3, octets.len() - 4096);
    octets[middle..end].fill(0x5a);
    std::fs::write(&path, octets).unwrap();
    let error = AuditFile::open_read_only(&path).and_then(|file| file.each(|_, _, _, _, _| Ok(()))).unwrap_err();
    assert!(matches!(error, AuditFileError::Damaged { .. }), "{error}");
}

#[test]
fn changes_wait_until_somebody_was_told() {
    let file = AuditFile::open(None, &settings("x"), now()).unwrap();
    for tell in [true, false] {
        file.finish(Finish { row: &row("a.example", true), at: 7, change: Some("{}"), tell }).unwrap();
    }
    let ids = |which| file.changes(which, 0, 10).unwrap().into_iter().map(|noted| noted.id).collect::<Vec<_>>();
    assert_eq!((ids(Kept::All), ids(Kept::Untold)), (vec![1, 2], vec![1]));
    file.told(1, 8).unwrap();
    assert_eq!(ids(Kept::Untold), [0_i64; 0]);
}

#[test]
fn quotas_are_kept() {
    let file = AuditFile::open(None, &settings("x"), now()).unwrap();
    let quota = |rested_at| Quota { endpoint: "crtsh".into(), rested_at, paused_until: 0 };
    file.keep_quota(&quota(1)).unwrap();
    file.keep_quota(&quota(5)).unwrap();
    assert_eq!(file.quotas().unwrap(), [quota(5)]);
}
