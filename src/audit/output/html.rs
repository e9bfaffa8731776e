//! The overview as one page: no request to anywhere, no script, light and dark. Every text from data is escaped.

use std::io::{self, Write};

use super::Totals;
use crate::audit::partition::Facts;
use crate::report::safe_text;

/// Rows of a table before it says how many more there are.
const ROWS: usize = 200;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1a1a1a;\
background:#fff}table{border-collapse:collapse;margin:1rem 0;width:100%}th,td{text-align:left;padding:.25rem .75rem;\
border-bottom:1px solid #ccc;vertical-align:top;overflow-wrap:anywhere}td.n{text-align:right;font-variant-numeric:tabular-nums;\
white-space:nowrap}caption{text-align:left;font-weight:600;padding:.5rem 0}.error{color:#a40000;font-weight:600}\
.warning{color:#7a5200;font-weight:600}code{font-family:ui-monospace,monospace}\
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}th,td{border-color:#444}.error{color:#ff8a80}\
.warning{color:#ffcf70}}@media print{body{margin:0;max-width:none}}";

/// Writes the page.
///
/// # Errors
/// The writer's.
pub fn write(totals: &mut Totals, domains: u64, input: &Facts, out: &mut dyn Write) -> io::Result<()> {
    totals.worst();
    let summary = totals.summary(domains, input);
    let count = |severity: &str| totals.severities.get(severity).copied().unwrap_or(0);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Audit of {domains} domains</title>\
         <style>{STYLE}</style></head><body>\n<h1>Audit of {domains} domains</h1>\n\
         <p>{} audited: <span class=\"error\">{} errors</span>, <span class=\"warning\">{} warnings</span>, {} notes. \
         {} certificates, {} names in {} patterns, {} of them with wildcards.</p>\n",
        summary.done,
        count("error"),
        count("warning"),
        count("note"),
        summary.certificates,
        summary.names,
        summary.patterns,
        summary.wildcard_patterns,
    )?;
    let complete = if summary.complete { "Complete." } else { "Not complete." };
    writeln!(
        out,
        "<p>{complete} {} domains failed, {} are incomplete, {} entries of the list were refused.</p>",
        summary.failed, summary.incomplete, input.refused
    )?;
    for gap in &input.gaps {
        writeln!(out, "<p class=\"warning\">{}</p>", escape(gap))?;
    }
    let rows = totals.worst.iter().map(|(rank, count, domain, codes)| {
        let severity = ["", "note", "warning", "error"][usize::from(*rank)];
        (*count, [severity.to_owned(), domain.clone(), codes.clone()])
    });
    table("Worst domains", ["Findings", "Severity", "Domain", "Codes"], rows.collect(), out)?;
    let codes = totals.codes.iter().map(|(code, (severity, count))| (*count, [severity.clone(), code.clone()]));
    table("Findings", ["Domains", "Severity", "Code"], sorted(codes), out)?;
    let covers = totals.covers.iter().map(|(cover, count)| (*count, [(*cover).to_owned()]));
    table("Wildcard patterns by what CAA says about them", ["Patterns", "Decided by"], sorted(covers), out)?;
    let states = totals.registered.iter().map(|(state, count)| (*count, [state.clone()]));
    table("CAA at the registered domain", ["Domains", "State"], sorted(states), out)?;
    let issuers = totals.issuers.iter().map(|(issuer, count)| (*count, [issuer.clone()]));
    table("Issuers", ["Certificates", "Issuer"], sorted(issuers), out)?;
    writeln!(out, "<footer><p>{}</p></footer></body></html>", escape(summary.tool))
}

fn sorted<const N: usize>(rows: impl Iterator<Item = (u64, [String; N])>) -> Vec<(u64, [String; N])> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    rows
}

fn table<const H: usize, const N: usize>(
    caption: &str,
    head: [&str; H],
    rows: Vec<(u64, [String; N])>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    write!(out, "<table><caption>{}</caption><thead><tr>", escape(caption))?;
    for title in head {
        write!(out, "<th scope=\"col\">{}</th>", escape(title))?;
    }
    writeln!(out, "</tr></thead><tbody>")?;
    let more = rows.len().saturating_sub(ROWS);
    for (count, cells) in rows.into_iter().take(ROWS) {
        write!(out, "<tr><td class=\"n\">{count}</td>")?;
        for cell in cells {
            match cell.as_str() {
                "error" | "warning" => write!(out, "<td class=\"{cell}\">{cell}</td>")?,
                text => write!(out, "<td>{}</td>", escape(text))?,
            }
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table>")?;
    if more > 0 {
        writeln!(out, "<p>and {more} more; the lines of <code>-f jsonl</code> have them all</p>")?;
    }
    Ok(())
}

/// Text as HTML, in content and in quoted attributes.
fn escape(raw: &str) -> String {
    let mut escaped = String::with_capacity(raw.len());
    for c in safe_text(raw).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::row::{DomainRow, IssuerRow};

    #[test]
    fn hostile_texts_stay_texts() {
        let mut totals = Totals::default();
        let name = "<script>alert(1)</script>\u{202e}\"'".to_owned();
        totals.add(&DomainRow {
            domain: "example.net".into(),
            issuers: vec![IssuerRow { name, certificates: 1, ..IssuerRow::default() }],
            ..DomainRow::default()
        });
        let mut page = Vec::new();
        write(&mut totals, 1, &Facts::default(), &mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.contains("<script"));
        assert!(!page.contains('\u{202e}') && !page.contains("http://") && !page.contains("https://"));
    }
}
