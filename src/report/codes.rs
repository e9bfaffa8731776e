//! The documentation page of all codes, written from the code, so that it cannot fall behind.

use std::fmt::Write as _;

use crate::finding::{Severity, every_code};

/// The page `codes.md`: every code with its severity and meaning, in the order in which reports rank them.
#[must_use]
pub fn codes_page() -> String {
    let mut page = String::from(
        "# Codes\n\nWhat `ctclimb` may find, with the worst severity each can have. Written from the source code.\n\n\
         | code | severity | in short |\n| --- | --- | --- |\n",
    );
    let mut meanings = String::new();
    for entry in every_code() {
        let severity = match entry.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        // Texts of ours, yet a bar would end the cell.
        let title = entry.title.replace('|', "\\|");
        writeln!(page, "| [`{code}`](#{code}) | {severity} | {title} |", code = entry.code)
            .expect("writing to a String cannot fail");
        write!(meanings, "\n## {}\n\n*{severity}: {}*\n\n{}\n", entry.code, entry.title, entry.explanation)
            .expect("writing to a String cannot fail");
    }
    page + &meanings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_row_and_a_chapter() {
        let page = codes_page();
        for entry in every_code() {
            assert!(
                page.contains(&format!("| [`{0}`](#{0}) |", entry.code))
                    && page.contains(&format!("\n## {}\n", entry.code))
            );
        }
    }
}
