//! The report as one table for spreadsheets: a row a pattern, level and view, verdict, finding, advice, source, drop class.
//!
//! The first column says what a row is; cells that do not apply are empty. The last row is the summary: without it a
//! file was cut. Cells that a spreadsheet would run are defused by an apostrophe.

use std::io::{self, Write};

use super::{Report, Style, safe};

/// What stands between two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    /// `,`
    Comma,
    /// TAB
    Tab,
}

/// The columns in order.
const COLUMNS: [&str; 21] = [
    "kind",
    "name",
    "pattern",
    "issuer",
    "state",
    "class",
    "decided_at",
    "code",
    "severity",
    "server",
    "names",
    "certificates",
    "requests",
    "first_seen",
    "last_seen",
    "records",
    "regex",
    "example",
    "text",
    "who",
    "fix",
];

/// What separates several values in one cell; no record holds it unescaped in this form.
const BETWEEN: &str = " | ";

/// Writes the table.
pub(super) fn write(report: &Report, delimiter: Delimiter, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let byte = match delimiter {
        Delimiter::Comma => b',',
        Delimiter::Tab => b'\t',
    };
    let mut table = Table { csv: ::csv::WriterBuilder::new().delimiter(byte).from_writer(out), raw: style.csv_raw };
    table.csv.write_record(COLUMNS).map_err(io::Error::other)?;
    patterns(report, &mut table)?;
    levels(report, &mut table)?;
    actions(report, &mut table)?;
    coverage(report, &mut table)?;
    table.csv.flush()
}

struct Table<W: Write> {
    csv: ::csv::Writer<W>,
    raw: bool,
}

impl<W: Write> Table<W> {
    /// Writes one row: its kind, and the cells that apply.
    fn row(&mut self, kind: &str, cells: &[(&str, &str)]) -> io::Result<()> {
        let row = COLUMNS.map(|column| {
            let cell = cells.iter().find(|(name, _)| *name == column).map_or("", |(_, cell)| *cell);
            let cell = if column == "kind" { kind } else { cell };
            if self.raw { safe::text(cell) } else { safe::csv_cell(cell) }
        });
        self.csv.write_record(row.iter().map(|cell| cell.as_bytes())).map_err(io::Error::other)
    }
}

fn patterns<W: Write>(report: &Report, table: &mut Table<W>) -> io::Result<()> {
    for pattern in &report.patterns {
        let issuers: Vec<String> =
            pattern.issuers.iter().map(|issuer| format!("{} ({})", issuer.name, issuer.certificates)).collect();
        table.row(
            "pattern",
            &[
                ("name", &pattern.template),
                ("pattern", &pattern.id),
                ("issuer", &issuers.join(BETWEEN)),
                ("names", &pattern.names.to_string()),
                ("certificates", &pattern.certificates.to_string()),
                ("first_seen", &time(pattern.first_seen)),
                ("last_seen", &time(pattern.last_seen)),
                ("regex", &pattern.regex),
                ("example", pattern.examples.first().map_or("", String::as_str)),
            ],
        )?;
    }
    Ok(())
}

/// RFC 3339, empty where unknown.
fn time(time: Option<jiff::Timestamp>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

fn levels<W: Write>(report: &Report, table: &mut Table<W>) -> io::Result<()> {
    for level in &report.levels {
        let causes: Vec<&str> = level.causes.iter().map(|cause| cause.code.as_str()).collect();
        let (causes, names) = (causes.join(BETWEEN), level.names_below.to_string());
        let fixed = [("name", level.name.as_str()), ("code", &causes), ("names", &names)];
        if level.views.is_empty() {
            table.row("level", &[&fixed[..], &[("state", "not-asked")]].concat())?;
        }
        for view in &level.views {
            let records = view.records.join(BETWEEN);
            let cells = [
                ("state", view.outcome),
                ("class", view.class.unwrap_or_default()),
                ("server", &view.server),
                ("records", &records),
                ("text", view.rcode.as_deref().unwrap_or_default()),
            ];
            table.row("level", &[&fixed[..], &cells].concat())?;
        }
    }
    for check in &report.checked {
        let name = if check.wildcard { format!("*.{}", check.name) } else { check.name.clone() };
        table.row(
            "checked",
            &[
                ("name", &name),
                ("pattern", check.pattern.as_deref().unwrap_or_default()),
                ("issuer", check.issuer.as_deref().unwrap_or_default()),
                ("state", check.verdict),
                ("class", check.br_failure_allowance),
                ("decided_at", check.decided_at.as_deref().unwrap_or_default()),
                ("text", &check.reason),
            ],
        )?;
    }
    Ok(())
}

fn actions<W: Write>(report: &Report, table: &mut Table<W>) -> io::Result<()> {
    for finding in &report.findings {
        let severity = match finding.severity {
            crate::finding::Severity::Error => "error",
            crate::finding::Severity::Warning => "warning",
            crate::finding::Severity::Note => "note",
        };
        table.row(
            "finding",
            &[
                ("name", finding.level.as_deref().unwrap_or_default()),
                ("pattern", &finding.patterns.join(BETWEEN)),
                ("code", &finding.code),
                ("severity", severity),
                ("text", &finding.text),
                ("who", finding.who.as_deref().unwrap_or_default()),
                ("fix", finding.fix.as_deref().unwrap_or_default()),
            ],
        )?;
    }
    for advice in &report.advice {
        let effect =
            format!("cures: {}; leaves: {}", advice.cures.join(" "), advice.leaves.join(" ")).trim_end().to_owned();
        table.row(
            "advice",
            &[
                ("name", &advice.level),
                ("names", &advice.decides_names.to_string()),
                ("certificates", &advice.decides_certificates.to_string()),
                ("records", &advice.records.join(BETWEEN)),
                ("text", &effect),
                ("fix", &advice.warnings.join(BETWEEN)),
            ],
        )?;
    }
    for server in report.zones.iter().flat_map(|zone| zone.servers.iter().map(move |server| (zone, server))) {
        let (zone, server) = server;
        let probes: Vec<String> = server.probes.iter().map(|(probe, result)| format!("{probe}: {result}")).collect();
        let address = format!("{} {}", server.name, server.address);
        table.row(
            "server",
            &[("name", &zone.name), ("state", zone.dnssec), ("server", &address), ("text", &probes.join(BETWEEN))],
        )?;
    }
    Ok(())
}

fn coverage<W: Write>(report: &Report, table: &mut Table<W>) -> io::Result<()> {
    let coverage = &report.coverage;
    for source in &coverage.sources {
        let error = source.error.as_deref().unwrap_or_default();
        table.row(
            "source",
            &[
                ("name", &source.name),
                ("class", &source.kind),
                ("state", if source.truncated { "truncated" } else { "" }),
                ("names", &source.records.to_string()),
                ("certificates", &source.certificates.to_string()),
                ("requests", &source.requests.to_string()),
                ("text", error),
            ],
        )?;
    }
    for (class, dropped) in &coverage.dropped {
        let count = dropped.count.to_string();
        table.row("dropped", &[("class", class), ("names", &count), ("example", &dropped.example)])?;
    }
    for note in &coverage.notes {
        table.row("coverage", &[("text", note)])?;
    }
    let asked = format!(
        "{} levels asked, {} inferred, {} queries, {} names stand behind a sample",
        coverage.levels_asked, coverage.levels_inferred, coverage.queries, coverage.sampled
    );
    table.row(
        "summary",
        &[
            ("name", report.domain.as_deref().unwrap_or_default()),
            ("state", if coverage.complete { "complete" } else { "incomplete" }),
            ("names", &report.names.to_string()),
            ("certificates", &report.certificates.to_string()),
            ("last_seen", &report.time),
            ("text", &asked),
        ],
    )
}
