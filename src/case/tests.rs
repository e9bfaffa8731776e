use super::*;
use crate::caa::AuthoritativeView;

const TOOL: &str = "ctclimb 0.1.0";

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/er/example.net.ctclimb");
    (directory, path)
}

fn reply<'a>(request: &'a str, state: ReplyState, body: &'a [u8]) -> NewReply<'a> {
    NewReply {
        service: "crtsh",
        request,
        asked_at: now(),
        status: Some(200),
        content_type: Some("application/json"),
        state,
        why: None,
        lasting: false,
        records: u64::from(!body.is_empty()),
        tries: 1,
        body,
    }
}

fn row(identity: &str) -> IssuanceRow {
    IssuanceRow {
        identity: identity.into(),
        issuer: Some("C=US, O=Example".into()),
        serial: Some("01".into()),
        not_before: Some(1),
        not_after: None,
        names: "a.example.net\n*.a.example.net".into(),
    }
}

#[test]
fn what_is_stored_is_there_after_closing() {
    let (_directory, path) = place();
    let mut case = Case::open(&path, TOOL, now()).unwrap();
    let run = case.begin_run("plan", now()).unwrap();
    let cursor = CursorState { cursor: Some("17".into()), complete: false, error: None };
    let body = b"[{}]".repeat(1000);
    case.store_reply(run, &reply("/?a", ReplyState::Page, &body), &[row("1"), row("1")], Some(&cursor)).unwrap();
    drop(case);
    let case = Case::open_read_only(&path).unwrap();
    let found = case.newest_reply(case.reading_run(), "crtsh", "/?a").unwrap().unwrap();
    assert_eq!((found.state, found.asked_at, found.of_this_run), (ReplyState::Page, now(), false));
    assert_eq!(case.body(found.id).unwrap(), body);
    assert_eq!(case.cursor("crtsh").unwrap(), Some(cursor));
    assert_eq!(case.setting("tool").unwrap().as_deref(), Some(TOOL));
    let rows: i64 = case.connection.query_row("SELECT count(*) FROM issuances", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
    let beside: Vec<_> =
        std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(beside, [path], "one file is all there is to share");
}

#[test]
fn an_unfinished_run_goes_on_and_a_finished_one_does_not() {
    let (_directory, path) = place();
    let mut case = Case::open(&path, TOOL, now()).unwrap();
    let first = case.begin_run("plan", now()).unwrap();
    case.store_reply(first, &reply("/?a", ReplyState::Failed, b""), &[], None).unwrap();
    drop(case);
    let mut case = Case::open(&path, TOOL, now()).unwrap();
    let again = case.begin_run("plan", now()).unwrap();
    assert!(again.resumed);
    assert_eq!(case.requests(again, "crtsh").unwrap(), 1);
    assert_eq!(case.failed_tries(again, "crtsh", "/?a").unwrap(), 1);
    assert_eq!(case.newest_reply(again, "crtsh", "/?a").unwrap(), None, "a failure settles nothing");
    let other = case.begin_run("another plan", now()).unwrap();
    assert!(!other.resumed);
    case.finish_run(other, now()).unwrap();
    assert!(!case.begin_run("another plan", now()).unwrap().resumed);
}

#[test]
fn an_empty_reply_does_not_hide_an_earlier_full_one() {
    let (_directory, path) = place();
    let mut case = Case::open(&path, TOOL, now()).unwrap();
    let run = case.begin_run("plan", now()).unwrap();
    let full = case.store_reply(run, &reply("/?a", ReplyState::Page, b"[{}]"), &[], None).unwrap();
    case.store_reply(run, &reply("/?a", ReplyState::Doubtful, b""), &[], None).unwrap();
    assert_eq!(case.newest_reply(run, "crtsh", "/?a").unwrap().unwrap().state, ReplyState::Doubtful);
    assert_eq!(case.newest_full_page(run, "crtsh", "/?a").unwrap().unwrap().id, full);
    assert_eq!(case.newest_full_page(run, "certspotter", "/?a").unwrap(), None);
}

#[test]
fn the_second_writer_is_told_who_holds_the_file() {
    let (_directory, path) = place();
    let first = Case::open(&path, TOOL, now()).unwrap();
    let error = Case::open(&path, TOOL, now()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, CaseError::Held(_)), "{text}");
    assert!(
        text.contains(&format!("process {}", std::process::id())) && text.contains("2026-01-02T03:04:05Z"),
        "{text}"
    );
    assert!(Case::open_read_only(&path).is_ok(), "readers are welcome");
    drop(first);
    assert!(Case::open(&path, TOOL, now()).is_ok());
}

#[test]
fn a_newer_schema_is_refused_with_both_versions() {
    let (_directory, path) = place();
    drop(Case::open(&path, TOOL, now()).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for error in [Case::open(&path, TOOL, now()).unwrap_err(), Case::open_read_only(&path).unwrap_err()] {
        let text = error.to_string();
        assert!(text.contains("99") && text.contains(&schema::VERSION.to_string()), "{text}");
    }
}

#[test]
fn another_file_is_no_case_file_and_stays_as_it_is() {
    let (directory, path) = place();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "a.example.net\n".repeat(100)).unwrap();
    let refused = |path: &Path| matches!(Case::open(path, TOOL, now()), Err(CaseError::Damaged(Damage::NotACase)));
    assert!(refused(&path));
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("a.example.net"));
    let foreign = directory.path().join("foreign");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE other (x)").unwrap();
    assert!(refused(&foreign));
    assert!(matches!(Case::open_read_only(&foreign), Err(CaseError::Damaged(Damage::NotACase))));
    assert!(matches!(Case::open_read_only(&directory.path().join("none")), Err(CaseError::File(_))));
}

#[test]
fn a_case_file_with_a_trigger_or_a_view_is_refused() {
    for sql in [
        "CREATE TRIGGER t AFTER INSERT ON settings BEGIN DELETE FROM replies; END",
        "CREATE VIEW v AS SELECT 1",
        "ALTER TABLE settings ADD COLUMN x TEXT",
    ] {
        let (_directory, path) = place();
        drop(Case::open(&path, TOOL, now()).unwrap());
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        assert!(matches!(Case::open(&path, TOOL, now()), Err(CaseError::Damaged(Damage::Schema))), "{sql}");
    }
}

#[test]
fn a_damaged_file_is_refused_and_what_is_readable_can_be_had() {
    let (directory, path) = place();
    let mut case = Case::open(&path, TOOL, now()).unwrap();
    let run = case.begin_run("plan", now()).unwrap();
    for number in 0..50 {
        let request = format!("/?{number}");
        // Bodies that do not compress, so that they spread over pages.
        let body: Vec<u8> = Sha256Stream::new(number).take(4000).collect();
        case.store_reply(run, &reply(&request, ReplyState::Page, &body), &[row(&request)], None).unwrap();
    }
    drop(case);
    let mut octets = std::fs::read(&path).unwrap();
    let middle = octets.len() / 2 / 4096 * 4096;
    octets[middle..middle + 4096].fill(0xff);
    std::fs::write(&path, &octets).unwrap();
    // The damage may lie in a body, where only its hash tells, or in the tree of pages.
    let outcome = Case::open_read_only(&path).and_then(|case| (1..=50).try_for_each(|id| case.body(id).map(drop)));
    let error = outcome.unwrap_err();
    assert!(error.may_be_salvaged(), "{error}");
    let new = directory.path().join("new.ctclimb");
    let replies = |salvaged: &Salvaged| salvaged.rows.iter().find(|(table, _)| *table == "replies").unwrap().1;
    let salvaged = salvage(&path, &new).unwrap();
    assert!(replies(&salvaged) >= 45, "what is behind the damage too: {salvaged:?}");
    Case::open(&new, TOOL, now()).unwrap();
    assert!(matches!(salvage(&path, &new), Err(CaseError::File(_))), "nothing is overwritten");
    std::fs::write(&path, &octets[..middle]).unwrap();
    let salvaged = salvage(&path, &directory.path().join("other.ctclimb")).unwrap();
    assert!(replies(&salvaged) > 10, "a file that lacks its end: {salvaged:?}");
}

#[test]
fn a_body_that_is_not_what_its_hash_says_is_damage() {
    let (_directory, path) = place();
    let mut case = Case::open(&path, TOOL, now()).unwrap();
    let run = case.begin_run("plan", now()).unwrap();
    let id = case.store_reply(run, &reply("/?a", ReplyState::Page, b"[{}]"), &[], None).unwrap();
    for sql in
        ["UPDATE replies SET sha256 = x'00'", "UPDATE replies SET octets = 1 << 62", "UPDATE replies SET body = x'00'"]
    {
        case.connection.execute_batch(sql).unwrap();
        assert!(matches!(case.body(id), Err(CaseError::Damaged(Damage::Reply(_)))), "{sql}");
    }
}

#[test]
fn dns_messages_come_back_as_they_were() {
    let (_directory, path) = place();
    let mut case = Case::open(&path, TOOL, now()).unwrap();
    let exchange = |reply: Result<Vec<u8>, String>| DnsExchange {
        server: "192.0.2.1:53".into(),
        name: "a.ExAmple.net".into(),
        rtype: 257,
        recursion_desired: true,
        checking_disabled: false,
        edns: Some((1232, true)),
        asked_at: now(),
        rtt_us: 1234,
        reply,
    };
    let exchanges = [exchange(Ok(vec![0, 1, 255])), exchange(Err("no answer within 5000 ms".into()))];
    let run = case.begin_dns("plan", now()).unwrap();
    case.record_dns(run, &exchanges[..1]).unwrap();
    case.record_dns(run, &exchanges[1..]).unwrap();
    assert_eq!(case.dns_messages(run).unwrap(), exchanges);
    assert_eq!(case.dns_octets(run).unwrap(), 3);
}

fn any_exchange(name: &str) -> DnsExchange {
    DnsExchange {
        server: "udp 192.0.2.1:53".into(),
        name: name.into(),
        rtype: 257,
        recursion_desired: true,
        checking_disabled: false,
        edns: None,
        asked_at: now(),
        rtt_us: 1,
        reply: Ok(vec![1]),
    }
}

#[test]
fn a_run_of_lookups_that_did_not_end_goes_on_with_the_same_plan_only() {
    let (_directory, path) = place();
    let mut case = Case::open(&path, TOOL, now()).unwrap();
    assert_eq!(case.dns_run().unwrap(), None);
    let first = case.begin_dns("plan", now()).unwrap();
    case.record_dns(first, &[any_exchange("a.example")]).unwrap();
    drop(case);
    let mut case = Case::open(&path, TOOL, now()).unwrap();
    let again = case.begin_dns("plan", now()).unwrap();
    assert!(again.resumed && case.dns_messages(again).unwrap().len() == 1);
    let other = case.begin_dns("another plan", now()).unwrap();
    assert!(!other.resumed);
    assert_eq!((case.dns_messages(first).unwrap().len(), case.dns_messages(other).unwrap().len()), (0, 0));
}

#[test]
fn answers_of_another_hour_are_forgotten() {
    let (_directory, path) = place();
    let mut case = Case::open(&path, TOOL, now()).unwrap();
    let run = case.begin_dns("plan", now()).unwrap();
    let hour = std::time::Duration::from_secs(3600);
    let second = std::time::Duration::from_secs(1);
    let at = |asked_at, name| DnsExchange { asked_at, ..any_exchange(name) };
    let half = std::time::Duration::from_millis(500);
    let exchanges = [
        at(now() - hour - second, "older"),
        at(now() - hour + half, "old"),
        any_exchange("now"),
        at(now() + hour + second, "of a clock that was ahead"),
    ];
    case.record_dns(run, &exchanges).unwrap();
    case.forget_stale_dns(run, now(), hour).unwrap();
    let names: Vec<_> = case.dns_messages(run).unwrap().into_iter().map(|exchange| exchange.name).collect();
    assert_eq!(names, ["old", "now"]);
}

#[test]
fn the_last_run_of_lookups_that_ended_stays_until_the_next_one_ends() {
    let (_directory, path) = place();
    let mut case = Case::open(&path, TOOL, now()).unwrap();
    let first = case.begin_dns("plan", now()).unwrap();
    case.record_dns(first, &[any_exchange("a.example")]).unwrap();
    let view = AuthoritativeView { queries: 7, now: 3, ..AuthoritativeView::default() };
    case.end_dns(first, "{\"queries\":1}", Some(&view), now()).unwrap();
    let second = case.begin_dns("plan", now()).unwrap();
    assert!(!second.resumed, "an ended run is not gone on with");
    case.record_dns(second, &[any_exchange("b.example"), any_exchange("c.example")]).unwrap();
    let stored = case.dns_run().unwrap().unwrap();
    assert_eq!(
        (stored.told.as_deref(), stored.view, stored.unfinished_since),
        (Some("{\"queries\":1}"), Some(view), true)
    );
    assert_eq!(case.dns_messages(stored.run).unwrap()[0].name, "a.example");
    case.end_dns(second, "{}", None, now()).unwrap();
    let stored = case.dns_run().unwrap().unwrap();
    assert_eq!((stored.view, stored.unfinished_since), (None, false));
    assert_eq!(case.dns_messages(stored.run).unwrap().len(), 2);
    assert!(case.dns_messages(first).unwrap().is_empty());
}

#[test]
fn a_view_that_is_none_is_damage_and_a_large_one_is_not_unpacked() {
    let (_directory, path) = place();
    let mut case = Case::open(&path, TOOL, now()).unwrap();
    let run = case.begin_dns("plan", now()).unwrap();
    case.end_dns(run, "{}", Some(&AuthoritativeView::default()), now()).unwrap();
    for sql in [
        "UPDATE dns_runs SET view_octets = 1 << 40",
        "UPDATE dns_runs SET view_octets = 5",
        "UPDATE dns_runs SET view = x'00', view_octets = 1",
    ] {
        case.connection.execute_batch(sql).unwrap();
        assert!(matches!(case.dns_run(), Err(CaseError::Damaged(Damage::View))), "{sql}");
    }
}

#[test]
fn a_file_of_version_1_is_brought_to_date() {
    let (_directory, path) = place();
    let mut case = Case::open(&path, TOOL, now()).unwrap();
    let run = case.begin_run("plan", now()).unwrap();
    case.store_reply(run, &reply("/?a", ReplyState::Page, b"[{}]"), &[], None).unwrap();
    drop(case);
    let old = Connection::open(&path).unwrap();
    old.execute_batch(
        "DROP INDEX dns_messages_by_run; ALTER TABLE dns_messages DROP COLUMN run; DROP TABLE dns_runs; PRAGMA user_version = 1",
    )
    .unwrap();
    drop(old);
    assert!(matches!(Case::open_read_only(&path), Err(CaseError::Older { file: 1, .. })));
    let mut case = Case::open(&path, TOOL, now()).unwrap();
    assert!(case.newest_reply(run, "crtsh", "/?a").unwrap().is_some());
    let run = case.begin_dns("plan", now()).unwrap();
    case.record_dns(run, &[any_exchange("a.example")]).unwrap();
}

#[test]
fn a_full_disk_is_told_as_such_and_loses_nothing_stored_before() {
    let (_directory, path) = place();
    let mut case = Case::open(&path, TOOL, now()).unwrap();
    let run = case.begin_run("plan", now()).unwrap();
    case.store_reply(run, &reply("/?a", ReplyState::Page, b"[{}]"), &[], None).unwrap();
    case.connection.pragma_update(None, "max_page_count", 30).unwrap();
    let body: Vec<u8> = Sha256Stream::new(7).take(1 << 20).collect();
    let error = case.store_reply(run, &reply("/?b", ReplyState::Page, &body), &[], None).unwrap_err();
    assert!(matches!(error, CaseError::Full), "{error}");
    drop(case);
    let case = Case::open_read_only(&path).unwrap();
    assert!(case.newest_reply(run, "crtsh", "/?a").unwrap().is_some());
    assert_eq!(case.newest_reply(run, "crtsh", "/?b").unwrap(), None);
}

/// Octets that do not compress, always the same for the same seed.
struct Sha256Stream {
    seed: u64,
    buffer: std::vec::IntoIter<u8>,
}

impl Sha256Stream {
    fn new(seed: u64) -> Self {
        Self { seed: seed << 32, buffer: Vec::new().into_iter() }
    }
}

impl Iterator for Sha256Stream {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        use sha2::Digest;
        if self.buffer.len() == 0 {
            self.seed += 1;
            self.buffer = sha2::Sha256::digest(self.seed.to_le_bytes()).to_vec().into_iter();
        }
        self.buffer.next()
    }
}
