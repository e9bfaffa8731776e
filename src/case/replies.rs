//! Replies of search services as they came, the runs that paid for them, and how far each service was read.

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use sha2::{Digest, Sha256};

use super::{Case, CaseError, Damage};

/// Most octets a stored body may have once decompressed: a case file may come from a stranger.
const MAX_BODY: usize = 512 << 20;

/// What a stored reply is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReplyState {
    /// A page, used.
    Page,
    /// The service cannot answer this request; it is asked differently.
    TooBig,
    /// Empty, where an earlier reply to the same request held something: not believed.
    Doubtful,
    /// No page, but whole records before a fault.
    Partial,
    /// No page.
    Failed,
}

impl ReplyState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::TooBig => "too-big",
            Self::Doubtful => "doubtful",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Page, Self::TooBig, Self::Doubtful, Self::Partial, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// A run of the program that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    id: i64,
    /// Whether it goes on where a killed one stopped.
    pub resumed: bool,
}

/// A reply to be stored.
#[derive(Debug, Clone)]
pub struct NewReply<'a> {
    /// The service.
    pub service: &'a str,
    /// The request, the same text whenever the same is asked.
    pub request: &'a str,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// HTTP status, if a reply came.
    pub status: Option<u16>,
    /// Content type as sent.
    pub content_type: Option<&'a str>,
    /// What it is good for.
    pub state: ReplyState,
    /// Why it is no page, or what is odd about it.
    pub why: Option<&'a str>,
    /// Whether the page will not change, however old.
    pub lasting: bool,
    /// Records in it.
    pub records: u64,
    /// Requests it took in this run, failed ones included.
    pub tries: u32,
    /// The body; empty if none came.
    pub body: &'a [u8],
}

/// A reply as it was stored, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReply {
    /// Its number in the file.
    pub id: i64,
    /// Whether this run paid for it.
    pub of_this_run: bool,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// HTTP status.
    pub status: u16,
    /// Content type as sent.
    pub content_type: Option<String>,
    /// What it is good for.
    pub state: ReplyState,
    /// Why it is no page, or what is odd about it.
    pub why: Option<String>,
    /// Whether it will not change, however old.
    pub lasting: bool,
    /// Records in it.
    pub records: u64,
    /// Requests it took, failed ones included.
    pub tries: u32,
}

/// A record for the `issuances` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuanceRow {
    /// What tells it from others of the same service.
    pub identity: String,
    /// Issuer as told.
    pub issuer: Option<String>,
    /// Serial number as told.
    pub serial: Option<String>,
    /// Start of validity, seconds since 1970 UTC.
    pub not_before: Option<i64>,
    /// End of validity, seconds since 1970 UTC.
    pub not_after: Option<i64>,
    /// Names as spelled, one a line.
    pub names: String,
}

/// How far a service was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CursorState {
    /// Where the next page starts, if the service has cursors.
    pub cursor: Option<String>,
    /// Whether the end was reached.
    pub complete: bool,
    /// Why not.
    pub error: Option<String>,
}

impl Case {
    /// Goes on with the unfinished run of the same plan, or begins a new one.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be written.
    pub fn begin_run(&mut self, plan: &str, now: Timestamp) -> Result<Run, CaseError> {
        let sql = "SELECT id FROM runs WHERE id = (SELECT max(id) FROM runs) AND finished_at IS NULL AND plan = ?1";
        if let Some(id) = self.connection.query_row(sql, [plan], |row| row.get(0)).optional()? {
            return Ok(Run { id, resumed: true });
        }
        let sql = "INSERT INTO runs (plan, started_at) VALUES (?1, ?2)";
        self.connection.execute(sql, params![plan, now.to_string()])?;
        Ok(Run { id: self.connection.last_insert_rowid(), resumed: false })
    }

    /// The run that reads what others stored and pays for nothing.
    #[must_use]
    pub fn reading_run(&self) -> Run {
        Run { id: 0, resumed: false }
    }

    /// Marks a run as ended in order: the next one has a budget of its own.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be written.
    pub fn finish_run(&mut self, run: Run, now: Timestamp) -> Result<(), CaseError> {
        self.connection.execute("UPDATE runs SET finished_at = ?2 WHERE id = ?1", params![run.id, now.to_string()])?;
        Ok(())
    }

    /// The newest reply to a request that settles it: anything but a failure.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be read.
    pub fn newest_reply(&self, run: Run, service: &str, request: &str) -> Result<Option<StoredReply>, CaseError> {
        self.find(run, service, request, "state NOT IN ('failed', 'partial')")
    }

    /// The newest reply to a request that has whole records before a fault.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be read.
    pub fn newest_partial(&self, run: Run, service: &str, request: &str) -> Result<Option<StoredReply>, CaseError> {
        self.find(run, service, request, "state = 'partial'")
    }

    /// The newest page with records that answers a request.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be read.
    pub fn newest_full_page(&self, run: Run, service: &str, request: &str) -> Result<Option<StoredReply>, CaseError> {
        self.find(run, service, request, "state = 'page' AND records > 0")
    }

    /// The newest page of each request to a service, in the order they came.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be read.
    pub fn pages(&self, service: &str) -> Result<Vec<(String, StoredReply)>, CaseError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, run, asked_at, status, content_type, state, why, lasting, records, tries, request FROM replies \
             WHERE id IN (SELECT max(id) FROM replies WHERE service = ?1 AND state = 'page' GROUP BY request) ORDER BY id",
        )?;
        let rows = statement.query_map([service], |row| Ok((row.get(10)?, stored(row, self.reading_run())?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn find(&self, run: Run, service: &str, request: &str, which: &str) -> Result<Option<StoredReply>, CaseError> {
        let sql = format!(
            "SELECT id, run, asked_at, status, content_type, state, why, lasting, records, tries FROM replies \
             WHERE service = ?1 AND request = ?2 AND {which} ORDER BY id DESC LIMIT 1"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row([service, request], |row| stored(row, run)).optional()?)
    }

    /// The body of a stored reply.
    ///
    /// # Errors
    /// [`CaseError::Damaged`] when it is not what its hash says.
    pub fn body(&self, id: i64) -> Result<Vec<u8>, CaseError> {
        let mut statement = self.connection.prepare_cached("SELECT body, octets, sha256 FROM replies WHERE id = ?1")?;
        let (packed, octets, hash): (Vec<u8>, i64, Vec<u8>) =
            statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let damaged = || CaseError::Damaged(Damage::Reply(id));
        let octets = usize::try_from(octets).ok().filter(|&octets| octets <= MAX_BODY).ok_or_else(damaged)?;
        let body = zstd::bulk::decompress(&packed, octets).map_err(|_| damaged())?;
        if body.len() != octets || Sha256::digest(&body).as_slice() != hash {
            return Err(damaged());
        }
        Ok(body)
    }

    /// Stores a reply, its records and the cursor it paid for, in one transaction. Gives its number.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be written; then nothing of it is stored.
    pub fn store_reply(
        &mut self,
        run: Run,
        reply: &NewReply<'_>,
        issuances: &[IssuanceRow],
        cursor: Option<&CursorState>,
    ) -> Result<i64, CaseError> {
        let packed = zstd::bulk::compress(reply.body, 3).map_err(CaseError::File)?;
        let transaction = self.connection.transaction()?;
        let id = insert_reply(&transaction, run, reply, &packed)?;
        insert_issuances(&transaction, id, reply.service, issuances)?;
        if let Some(cursor) = cursor {
            put_cursor(&transaction, reply.service, cursor, reply.asked_at)?;
        }
        transaction.commit()?;
        Ok(id)
    }

    /// Requests of a run to a service so far, failed ones included.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be read.
    pub fn requests(&self, run: Run, service: &str) -> Result<u32, CaseError> {
        let sql = "SELECT count(*) FROM replies WHERE run = ?1 AND service = ?2";
        Ok(self.connection.prepare_cached(sql)?.query_row(params![run.id, service], |row| row.get(0))?)
    }

    /// Failed tries of a request in a run.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be read.
    pub fn failed_tries(&self, run: Run, service: &str, request: &str) -> Result<u32, CaseError> {
        let sql = "SELECT count(*) FROM replies WHERE run = ?1 AND service = ?2 AND request = ?3 AND state IN ('failed', 'partial')";
        Ok(self.connection.prepare_cached(sql)?.query_row(params![run.id, service, request], |row| row.get(0))?)
    }

    /// How far a service was read.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be read.
    pub fn cursor(&self, service: &str) -> Result<Option<CursorState>, CaseError> {
        let mut statement =
            self.connection.prepare_cached("SELECT cursor, complete, error FROM cursors WHERE service = ?1")?;
        let state = |row: &Row<'_>| Ok(CursorState { cursor: row.get(0)?, complete: row.get(1)?, error: row.get(2)? });
        Ok(statement.query_row([service], state).optional()?)
    }

    /// Stores how far a service was read.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be written.
    pub fn set_cursor(&mut self, service: &str, cursor: &CursorState, now: Timestamp) -> Result<(), CaseError> {
        let transaction = self.connection.transaction()?;
        put_cursor(&transaction, service, cursor, now)?;
        Ok(transaction.commit()?)
    }
}

fn insert_reply(transaction: &Transaction<'_>, run: Run, reply: &NewReply<'_>, packed: &[u8]) -> rusqlite::Result<i64> {
    transaction
        .prepare_cached(
            "INSERT INTO replies (run, service, request, asked_at, status, content_type, state, why, lasting, records, \
             tries, octets, sha256, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            run.id,
            reply.service,
            reply.request,
            reply.asked_at.to_string(),
            reply.status,
            reply.content_type,
            reply.state.as_str(),
            reply.why,
            reply.lasting,
            i64::try_from(reply.records).unwrap_or(i64::MAX),
            reply.tries,
            i64::try_from(reply.body.len()).unwrap_or(i64::MAX),
            Sha256::digest(reply.body).as_slice(),
            packed,
        ])?;
    Ok(transaction.last_insert_rowid())
}

fn insert_issuances(
    transaction: &Transaction<'_>,
    reply: i64,
    service: &str,
    issuances: &[IssuanceRow],
) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR IGNORE INTO issuances (service, identity, reply, issuer, serial, not_before, not_after, names) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for row in issuances {
        insert.execute(params![
            service,
            row.identity,
            reply,
            row.issuer,
            row.serial,
            row.not_before,
            row.not_after,
            row.names
        ])?;
    }
    Ok(())
}

fn put_cursor(
    transaction: &Transaction<'_>,
    service: &str,
    state: &CursorState,
    now: Timestamp,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO cursors (service, cursor, complete, error, changed_at) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (service) DO UPDATE SET cursor = ?2, complete = ?3, error = ?4, changed_at = ?5",
        )?
        .execute(params![service, state.cursor, state.complete, state.error, now.to_string()])?;
    Ok(())
}

fn stored(row: &Row<'_>, run: Run) -> rusqlite::Result<StoredReply> {
    let state: String = row.get(5)?;
    let state = ReplyState::parse(&state).ok_or_else(|| invalid(5, "no state of a reply"))?;
    Ok(StoredReply {
        id: row.get(0)?,
        of_this_run: row.get::<_, i64>(1)? == run.id,
        asked_at: time(row, 2)?,
        status: row.get::<_, Option<u16>>(3)?.unwrap_or(0),
        content_type: row.get(4)?,
        state,
        why: row.get(6)?,
        lasting: row.get(7)?,
        records: u64::try_from(row.get::<_, i64>(8)?).unwrap_or(0),
        tries: row.get(9)?,
    })
}

/// An RFC 3339 time in column `index`.
pub(super) fn time(row: &Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    row.get::<_, String>(index)?.parse().map_err(|_| invalid(index, "no RFC 3339 time"))
}

fn invalid(index: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, what.into())
}
