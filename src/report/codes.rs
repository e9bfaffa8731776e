//! The documentation of all codes, written from the code, so that it cannot fall behind.

use std::fmt::Write as _;

use crate::finding::{Documented, Severity, every_code};

/// The page `CODES.md`: every code with what it means, how it shows, who acts, the fix, and the reference.
#[must_use]
pub fn codes_page() -> String {
    let mut page = String::from(
        "# Codes\n\nWhat a report of `ctclimb` may find: the causes at a level first, then the other findings, with the worst \
         severity each can\nhave. Where a fix names names, they are examples. `ctclimb explain CODE` prints one of them; this page is \
         `ctclimb explain --codes`.\n",
    );
    let mut chapters = String::new();
    for cause in [true, false] {
        let title = if cause { "Causes" } else { "Other findings" };
        write!(page, "\n| {} | worst | in short |\n| --- | --- | --- |\n", title.to_lowercase()).expect(INFALLIBLE);
        write!(chapters, "\n# {title}\n").expect(INFALLIBLE);
        for entry in every_code().filter(|entry| entry.cause == cause) {
            // A text of ours, yet a bar would end the cell.
            let title = entry.title.replace('|', "\\|");
            writeln!(page, "| [`{code}`](#{code}) | {} | {title} |", severity(&entry), code = entry.code)
                .expect(INFALLIBLE);
            write!(chapters, "\n{}", chapter(&entry)).expect(INFALLIBLE);
        }
    }
    page + &chapters
}

/// What there is to say of one code.
#[must_use]
pub fn chapter(entry: &Documented) -> String {
    let mut text = format!("## {}\n\n*{}: {}*\n\n{}\n", entry.code, severity(entry), entry.title, entry.explanation);
    let facts = [
        ("Shows", entry.shows),
        ("Who", entry.who.as_str()),
        ("Do", entry.fix.as_str()),
        ("Reference", entry.reference),
    ];
    let facts: Vec<_> = facts.into_iter().filter(|(_, fact)| !fact.is_empty()).collect();
    if !facts.is_empty() {
        text.push('\n');
    }
    for (label, fact) in facts {
        // A sentence, unless it begins with a name.
        let word = fact.split(' ').next().unwrap_or_default();
        let (first, rest) = fact.split_at(fact.chars().next().map_or(0, char::len_utf8));
        let first = if word.contains('.') { first.to_owned() } else { first.to_uppercase() };
        let end = if fact.ends_with('.') { "" } else { "." };
        writeln!(text, "- **{label}:** {first}{rest}{end}").expect(INFALLIBLE);
    }
    text
}

fn severity(entry: &Documented) -> &'static str {
    match entry.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

const INFALLIBLE: &str = "writing to a String cannot fail";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_row_and_a_chapter() {
        let page = codes_page();
        for entry in every_code() {
            assert!(page.contains(&format!("| [`{0}`](#{0}) |", entry.code)), "{}", entry.code);
            assert!(page.contains(&format!("\n## {}\n", entry.code)), "{}", entry.code);
        }
        assert!(!page.contains("  \n") && !page.contains(".."), "no sentence ends twice");
    }
}
