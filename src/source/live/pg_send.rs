//! Sends one statement to PostgreSQL: a fresh connection, plain text, no start-up options, nothing prepared.

use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls, SimpleQueryMessage};

use super::http::HttpSettings;
use super::pg::PgRow;
use super::request::{Reply, TransportError};

/// Longest time for a connection and its statement: the server gives up sooner.
const STATEMENT: Duration = Duration::from_secs(30);

/// Sends a statement and collects its rows as JSON.
///
/// # Errors
/// [`TransportError`]; `Database` with the SQLSTATE when the server refused.
pub(super) async fn send(settings: &HttpSettings, statement: &str) -> Result<Reply, TransportError> {
    let asked_at = Timestamp::now();
    let after = STATEMENT.min(settings.request);
    let body = timeout(after, rows(settings, statement)).await.map_err(|_| TransportError::Timeout { after })??;
    Ok(Reply { status: 200, content_type: Some("application/json".into()), retry_after: None, body, asked_at })
}

async fn rows(settings: &HttpSettings, statement: &str) -> Result<Vec<u8>, TransportError> {
    let (host, port) = settings.crtsh_pg.rsplit_once(':').unwrap_or((&settings.crtsh_pg, "5432"));
    let port =
        port.parse().map_err(|_| TransportError::Unsupported("the address of the database has no port".into()))?;
    let mut config = Config::new();
    config.host(host).port(port).user("guest").dbname("certwatch");
    config.ssl_mode(SslMode::Disable).connect_timeout(settings.connect);
    let (client, connection) = config.connect(NoTls).await.map_err(|error| failure(&error, true))?;
    // The connection ends with the client, or with its own error, which the client then meets too.
    let driver = tokio::spawn(connection);
    let rows = collect(&client, statement, settings.octets).await;
    drop(client);
    driver.abort();
    serde_json::to_vec(&rows?).map_err(|error| TransportError::Broken(error.to_string()))
}

async fn collect(client: &tokio_postgres::Client, statement: &str, limit: u64) -> Result<Vec<PgRow>, TransportError> {
    let stream = client.simple_query_raw(statement).await.map_err(|error| failure(&error, false))?;
    let mut stream = std::pin::pin!(stream);
    let (mut rows, mut octets) = (Vec::new(), 0);
    while let Some(message) = stream.next().await {
        let SimpleQueryMessage::Row(row) = message.map_err(|error| failure(&error, false))? else { continue };
        if row.len() != 3 {
            return Err(TransportError::Broken(format!("a row of {} columns", row.len())));
        }
        let text = |column| row.try_get(column).ok().flatten().unwrap_or_default().to_owned();
        let row = PgRow { id: text(0), issuer_ca_id: text(1), certificate: text(2) };
        octets += (row.id.len() + row.issuer_ca_id.len() + row.certificate.len()) as u64;
        if octets > limit {
            return Err(TransportError::TooLarge { limit });
        }
        rows.push(row);
    }
    Ok(rows)
}

fn failure(error: &tokio_postgres::Error, connecting: bool) -> TransportError {
    let short = |text: &str| text.escape_debug().take(300).collect::<String>();
    if let Some(database) = error.as_db_error() {
        return TransportError::Database { state: short(database.code().code()), message: short(database.message()) };
    }
    let cause = std::error::Error::source(error).map(ToString::to_string);
    let text = short(&cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")));
    if connecting { TransportError::Connect(text) } else { TransportError::Broken(text) }
}
