//! Runs of lookups: the messages of each as they came, and what it came to when it ended.

use std::io::Read;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{Case, CaseError, Damage};
use crate::caa::AuthoritativeView;

/// Most octets a stored view may have once decompressed: a case file may come from a stranger.
const MAX_VIEW: usize = 256 << 20;

/// One DNS question with its reply, in plain terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsExchange {
    /// Who was asked, in the words of whoever asked.
    pub server: String,
    /// The name as it went on the wire.
    pub name: String,
    /// Record type.
    pub rtype: u16,
    /// Recursion desired.
    pub recursion_desired: bool,
    /// Checking disabled.
    pub checking_disabled: bool,
    /// Advertised UDP payload in octets and the DO bit; `None` without EDNS.
    pub edns: Option<(u16, bool)>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Time to the reply, or until we gave up, in microseconds.
    pub rtt_us: u64,
    /// The message as received, or why there is none.
    pub reply: Result<Vec<u8>, String>,
}

/// A run of lookups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DnsRun {
    id: i64,
    /// Whether it goes on where a killed one stopped.
    pub resumed: bool,
}

/// What is kept of a run of lookups, its messages apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDnsRun {
    /// The run.
    pub run: DnsRun,
    /// Who was asked, and how, in the words of whoever asked.
    pub plan: String,
    /// What it said of itself; `None` if it did not end.
    pub told: Option<String>,
    /// What the name servers showed, if they were asked.
    pub view: Option<AuthoritativeView>,
    /// Whether a later run began and did not end.
    pub unfinished_since: bool,
}

impl Case {
    /// Goes on with the unfinished run of the same plan, or begins a new one. The messages of the last run that ended stay
    /// until another one ends; those of a run that did not end and is not gone on with are forgotten.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be written.
    pub fn begin_dns(&mut self, plan: &str, now: Timestamp) -> Result<DnsRun, CaseError> {
        let transaction = self.connection.transaction()?;
        let sql =
            "SELECT id FROM dns_runs WHERE id = (SELECT max(id) FROM dns_runs) AND ended_at IS NULL AND plan = ?1";
        if let Some(id) = transaction.query_row(sql, [plan], |row| row.get(0)).optional()? {
            return Ok(DnsRun { id, resumed: true });
        }
        transaction
            .execute("DELETE FROM dns_messages WHERE run IN (SELECT id FROM dns_runs WHERE ended_at IS NULL)", [])?;
        transaction.execute("DELETE FROM dns_runs WHERE ended_at IS NULL", [])?;
        let sql = "INSERT INTO dns_runs (plan, started_at) VALUES (?1, ?2)";
        transaction.execute(sql, params![plan, now.to_string()])?;
        let run = DnsRun { id: transaction.last_insert_rowid(), resumed: false };
        transaction.commit()?;
        Ok(run)
    }

    /// Forgets messages of a run that are older than `fresh`, or that much newer than `now`.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be written.
    pub fn forget_stale_dns(&mut self, run: DnsRun, now: Timestamp, fresh: Duration) -> Result<(), CaseError> {
        let sql = "DELETE FROM dns_messages \
                   WHERE run = ?1 AND abs(julianday(asked_at) - julianday(?2)) * 86400 > ?3";
        self.connection.execute(sql, params![run.id, now.to_string(), fresh.as_secs_f64()])?;
        Ok(())
    }

    /// Ends a run: with what it says of itself and what the name servers showed. Earlier runs are forgotten.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be written.
    pub fn end_dns(
        &mut self,
        run: DnsRun,
        told: &str,
        view: Option<&AuthoritativeView>,
        now: Timestamp,
    ) -> Result<(), CaseError> {
        let json = view.map(|view| serde_json::to_vec(view).expect("names, numbers and texts are JSON"));
        let octets = json.as_ref().map(|json| i64::try_from(json.len()).unwrap_or(i64::MAX));
        let packed = json.map(|json| zstd::encode_all(json.as_slice(), 3)).transpose().map_err(CaseError::File)?;
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "UPDATE dns_runs SET ended_at = ?2, told = ?3, view_octets = ?4, view = ?5 WHERE id = ?1",
            params![run.id, now.to_string(), told, octets, packed],
        )?;
        transaction.execute("DELETE FROM dns_messages WHERE run <> ?1", [run.id])?;
        transaction.execute("DELETE FROM dns_runs WHERE id <> ?1", [run.id])?;
        Ok(transaction.commit()?)
    }

    /// The last run of lookups that ended; where none did, the one that began.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be read, or holds a view that no version of this program wrote.
    pub fn dns_run(&self) -> Result<Option<StoredDnsRun>, CaseError> {
        let sql = "SELECT id, plan, told, view_octets, view, (SELECT max(id) FROM dns_runs) > id FROM dns_runs \
                   ORDER BY ended_at IS NULL, id DESC LIMIT 1";
        let row = |row: &Row<'_>| {
            let view: (Option<i64>, Option<Vec<u8>>) = (row.get(3)?, row.get(4)?);
            let run = DnsRun { id: row.get(0)?, resumed: false };
            let (plan, told, unfinished_since) = (row.get(1)?, row.get(2)?, row.get(5)?);
            Ok((StoredDnsRun { run, plan, told, view: None, unfinished_since }, view))
        };
        let Some((stored, view)) = self.connection.query_row(sql, [], row).optional()? else { return Ok(None) };
        let view = match view {
            (Some(octets), Some(packed)) => Some(unpack(octets, &packed).ok_or(CaseError::Damaged(Damage::View))?),
            _ => None,
        };
        Ok(Some(StoredDnsRun { view, ..stored }))
    }

    /// Stores DNS exchanges of a run in one transaction, in the order given.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be written; then none of them is stored.
    pub fn record_dns(&mut self, run: DnsRun, exchanges: &[DnsExchange]) -> Result<(), CaseError> {
        let transaction = self.connection.transaction()?;
        insert(&transaction, run, exchanges)?;
        Ok(transaction.commit()?)
    }

    /// Puts other DNS exchanges in the place of those of a run.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be written.
    pub fn replace_dns(&mut self, run: DnsRun, exchanges: &[DnsExchange]) -> Result<(), CaseError> {
        let transaction = self.connection.transaction()?;
        transaction.execute("DELETE FROM dns_messages WHERE run = ?1", [run.id])?;
        insert(&transaction, run, exchanges)?;
        Ok(transaction.commit()?)
    }

    /// All DNS exchanges of a run in the order they were stored.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be read.
    pub fn dns_messages(&self, run: DnsRun) -> Result<Vec<DnsExchange>, CaseError> {
        let mut statement = self.connection.prepare(
            "SELECT server, name, rtype, recursion_desired, checking_disabled, edns_payload, dnssec_ok, asked_at, \
             rtt_us, error, message FROM dns_messages WHERE run = ?1 ORDER BY id",
        )?;
        let rows = statement.query_map([run.id], exchange)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many octets the messages of a run have.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be read.
    pub fn dns_octets(&self, run: DnsRun) -> Result<u64, CaseError> {
        let sql = "SELECT coalesce(sum(length(message)), 0) FROM dns_messages WHERE run = ?1";
        let octets: i64 = self.connection.query_row(sql, [run.id], |row| row.get(0))?;
        Ok(u64::try_from(octets).unwrap_or(0))
    }
}

fn insert(transaction: &Transaction<'_>, run: DnsRun, exchanges: &[DnsExchange]) -> Result<(), CaseError> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO dns_messages (server, name, rtype, recursion_desired, checking_disabled, edns_payload, \
         dnssec_ok, asked_at, rtt_us, error, message, run) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    for exchange in exchanges {
        statement.execute(params![
            exchange.server,
            exchange.name,
            exchange.rtype,
            exchange.recursion_desired,
            exchange.checking_disabled,
            exchange.edns.map(|(payload, _)| payload),
            exchange.edns.is_some_and(|(_, dnssec_ok)| dnssec_ok),
            exchange.asked_at.to_string(),
            i64::try_from(exchange.rtt_us).unwrap_or(i64::MAX),
            exchange.reply.as_ref().err(),
            exchange.reply.as_ref().ok(),
            run.id,
        ])?;
    }
    Ok(())
}

/// A view as it was stored; `None` if these are not the octets of one.
fn unpack(octets: i64, packed: &[u8]) -> Option<AuthoritativeView> {
    let octets = usize::try_from(octets).ok().filter(|octets| *octets <= MAX_VIEW)?;
    let mut json = Vec::new();
    let decoder = zstd::Decoder::new(packed).ok()?;
    // One octet more than there should be shows that there is more.
    decoder.take(octets as u64 + 1).read_to_end(&mut json).ok()?;
    if json.len() != octets {
        return None;
    }
    serde_json::from_slice(&json).ok()
}

fn exchange(row: &Row<'_>) -> rusqlite::Result<DnsExchange> {
    let (payload, dnssec_ok): (Option<u16>, bool) = (row.get(5)?, row.get(6)?);
    let error: Option<String> = row.get(9)?;
    Ok(DnsExchange {
        server: row.get(0)?,
        name: row.get(1)?,
        rtype: row.get(2)?,
        recursion_desired: row.get(3)?,
        checking_disabled: row.get(4)?,
        edns: payload.map(|payload| (payload, dnssec_ok)),
        asked_at: super::replies::time(row, 7)?,
        rtt_us: u64::try_from(row.get::<_, i64>(8)?).unwrap_or(0),
        reply: match error {
            Some(error) => Err(error),
            None => Ok(row.get(10)?),
        },
    })
}
