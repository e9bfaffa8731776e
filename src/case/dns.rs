//! DNS questions and the messages that came, as received.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::{Case, CaseError};

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

impl Case {
    /// Stores DNS exchanges in one transaction, in the order given.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be written; then none of them is stored.
    pub fn record_dns(&mut self, exchanges: &[DnsExchange]) -> Result<(), CaseError> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO dns_messages (server, name, rtype, recursion_desired, checking_disabled, edns_payload, \
                 dnssec_ok, asked_at, rtt_us, error, message) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?;
            for exchange in exchanges {
                insert.execute(params![
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
                ])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// All DNS exchanges in the order they were stored.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be read.
    pub fn dns_messages(&self) -> Result<Vec<DnsExchange>, CaseError> {
        let mut statement = self.connection.prepare(
            "SELECT server, name, rtype, recursion_desired, checking_disabled, edns_payload, dnssec_ok, asked_at, \
             rtt_us, error, message FROM dns_messages ORDER BY id",
        )?;
        let rows = statement.query_map([], exchange)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets all DNS exchanges, before the same questions are asked anew.
    ///
    /// # Errors
    /// [`CaseError`] when the file cannot be written.
    pub fn forget_dns(&mut self) -> Result<(), CaseError> {
        self.connection.execute("DELETE FROM dns_messages", [])?;
        Ok(())
    }
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
