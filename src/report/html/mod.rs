//! The report as one web page: pictures, sortable patterns, light and dark; no request leaves it.
//!
//! The template escapes all data; the policy in the page lets nothing run but the one style and script whose hashes it
//! names. The whole report stands in the page as JSON too.

mod cards;
mod chart;
mod levels;
mod page;
mod patterns;

use std::io::{self, Write};

use askama::Template as _;
use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use super::{Report, json, safe};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Writes the page.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let page = page::Page::of(report);
    let title = match &report.domain {
        Some(domain) => format!("CAA report for {domain}"),
        None => "CAA report".to_owned(),
    };
    write_page(&title, out, |out| {
        page.write_into(out).map_err(io::Error::other)?;
        write!(out, "\n<script type=\"application/json\" id=\"report\">")?;
        json::write_island(report, out)?;
        write!(out, "</script>")
    })
}

/// Writes a page of this program around what `body` writes: one style, one script, and a policy that lets nothing else run.
///
/// # Errors
/// What `out` or `body` answers.
pub(crate) fn write_page(
    title: &str,
    out: &mut dyn Write,
    body: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let title = escaped(title);
    let policy = format!(
        "default-src 'none'; img-src data:; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    )?;
    body(out)?;
    write!(out, "\n<script>{SCRIPT}</script>\n</body>\n</html>\n")
}

/// A short text for the one place that no template fills.
fn escaped(raw: &str) -> String {
    let text = safe::bounded(&safe::text(raw), 300).into_owned();
    text.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;")
}

/// A source expression of a content security policy: the text between the tags, hashed.
fn hash(text: &str) -> String {
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text.as_bytes())))
}
