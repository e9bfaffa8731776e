//! The tables of a case file, how an older one becomes a newer one, and what makes a file a case file at all.
//!
//! A case file may come from a stranger. Its schema must be exactly ours: no trigger, no view, no other table.

use rusqlite::Connection;

use super::{CaseError, Damage};

/// `CTCL`: the application id of a case file (SQLite file format §1.3.18).
pub(super) const APPLICATION_ID: i32 = 0x4354_434c;

/// One step per schema version; a file of version `n` has seen the first `n`.
const MIGRATIONS: [&str; VERSION as usize] = ["
-- What was asked for, by what version of the program, one row a setting. Key `tool`: program and version that made the file.
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

-- One row a run of the program that asks. Unfinished while `finished_at` is NULL; times are RFC 3339 UTC.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT
) STRICT;

-- Every reply of a search service as it came. `state`: `page` (used), `too-big` (asked differently from then on),
-- `doubtful` (empty where there was something before), `partial` (whole
-- records before a fault) or `failed`. `body` is compressed with zstd; `octets` and `sha256`
-- are those of the body itself. `lasting`: a page that will not change, however old.
CREATE TABLE replies (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id),
    service TEXT NOT NULL,
    request TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    status INTEGER,
    content_type TEXT,
    state TEXT NOT NULL,
    why TEXT,
    lasting INTEGER NOT NULL,
    records INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX replies_by_request ON replies (service, request, id);

-- The records of the used replies, once each, for people who look into the file. `names`: one a line, as spelled.
-- Times are seconds since 1970 UTC.
CREATE TABLE issuances (
    service TEXT NOT NULL,
    identity TEXT NOT NULL,
    reply INTEGER NOT NULL REFERENCES replies (id),
    issuer TEXT,
    serial TEXT,
    not_before INTEGER,
    not_after INTEGER,
    names TEXT NOT NULL,
    PRIMARY KEY (service, identity)
) STRICT, WITHOUT ROWID;

-- How far each service was read: `cursor` is where the next page starts, `error` why reading stopped before the end.
CREATE TABLE cursors (
    service TEXT PRIMARY KEY,
    cursor TEXT,
    complete INTEGER NOT NULL,
    error TEXT,
    changed_at TEXT NOT NULL
) STRICT;

-- DNS questions with the message that came, as received, or the `error` instead. `rtt_us`: microseconds.
CREATE TABLE dns_messages (
    id INTEGER PRIMARY KEY,
    server TEXT NOT NULL,
    name TEXT NOT NULL,
    rtype INTEGER NOT NULL,
    recursion_desired INTEGER NOT NULL,
    checking_disabled INTEGER NOT NULL,
    edns_payload INTEGER,
    dnssec_ok INTEGER NOT NULL,
    asked_at TEXT NOT NULL,
    rtt_us INTEGER NOT NULL,
    error TEXT,
    message BLOB
) STRICT;
CREATE INDEX dns_messages_by_question ON dns_messages (name, rtype, server, id);
", "
-- One row a run of lookups. `plan`: who is asked, and how, as JSON. Unfinished while `ended_at` is NULL. `told`: what the run
-- said of itself, as JSON. `view`: what the name servers showed, as JSON compressed with zstd, `view_octets` without. Kept are
-- the newest run that ended and the one after it.
CREATE TABLE dns_runs (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    told TEXT,
    view_octets INTEGER,
    view BLOB
) STRICT;

-- Messages of version 1 do not say what they were part of.
DELETE FROM dns_messages;
ALTER TABLE dns_messages ADD COLUMN run INTEGER NOT NULL DEFAULT 0;
CREATE INDEX dns_messages_by_run ON dns_messages (run, id);
"];

/// The version this program writes.
pub(super) const VERSION: u32 = 2;

/// Brings an empty or older file to [`VERSION`], in one transaction.
pub(super) fn migrate(connection: &mut Connection, from: u32) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for step in MIGRATIONS.iter().skip(from as usize) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// The schema version of a file; `None` for one that holds nothing yet.
pub(super) fn version(connection: &Connection) -> Result<Option<u32>, CaseError> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if objects == 0 && application == 0 && version == 0 {
        return Ok(None);
    }
    if application != i64::from(APPLICATION_ID) {
        return Err(CaseError::Damaged(Damage::NotACase));
    }
    let version = u32::try_from(version).map_err(|_| CaseError::Damaged(Damage::NotACase))?;
    if version > VERSION {
        return Err(CaseError::Newer { file: version, tool: VERSION });
    }
    Ok(Some(version))
}

/// Checks that the pages hold together and that the schema is ours and nothing else.
pub(super) fn check(connection: &Connection) -> Result<(), CaseError> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(CaseError::Damaged(Damage::Pages(verdict.escape_debug().to_string())));
    }
    if objects(connection)? != expected()? {
        return Err(CaseError::Damaged(Damage::Schema));
    }
    Ok(())
}

fn objects(connection: &Connection) -> rusqlite::Result<Vec<(String, String, Option<String>)>> {
    let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
}

fn expected() -> rusqlite::Result<Vec<(String, String, Option<String>)>> {
    let mut fresh = Connection::open_in_memory()?;
    migrate(&mut fresh, 0)?;
    objects(&fresh)
}
