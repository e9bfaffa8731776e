//! The overview of an audit as one page: what is wrong how often, and every domain in a table to sort and search, light and
//! dark. It looks and works like the page of a report: the same style, script and policy; no request leaves it.

mod page;

use std::io::{self, Write};

use askama::Template as _;

use super::Totals;
use crate::audit::partition::Facts;
use crate::report::write_page;

/// Domains that the page lists; the worst, if there are more.
pub const LISTED: usize = 10_000;

/// Writes the page.
///
/// # Errors
/// The writer's.
pub fn write(totals: &Totals, domains: u64, input: &Facts, out: &mut dyn Write) -> io::Result<()> {
    let page = page::Overview::of(totals, &totals.summary(domains, input));
    write_page("ctclimb audit", out, |out| page.write_into(out).map_err(io::Error::other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::row::{DomainRow, FindingRow, IssuerRow, LevelRow};

    fn page(rows: impl IntoIterator<Item = DomainRow>) -> String {
        let mut totals = Totals::listing(LISTED);
        let mut domains = 0;
        for row in rows {
            totals.add(&row);
            domains += 1;
        }
        let mut page = Vec::new();
        write(&totals, domains, &Facts::default(), &mut page).unwrap();
        String::from_utf8(page).unwrap()
    }

    #[test]
    fn hostile_texts_stay_texts_and_nothing_is_fetched() {
        let name = "<script>alert(1)</script>\u{202e}\"'".to_owned();
        let finding = FindingRow { code: name.clone(), severity: "error".into(), ..FindingRow::default() };
        let level = LevelRow { name: "example.net".into(), state: name.clone(), ..LevelRow::default() };
        let page = page([DomainRow {
            domain: "example.net".into(),
            issuers: vec![IssuerRow { name, certificates: 1, ..IssuerRow::default() }],
            findings: vec![finding],
            levels: vec![level],
            ..DomainRow::default()
        }]);
        assert!(page.contains("alert(1)") && !page.contains("<script>alert"));
        assert!(page.contains("default-src 'none'") && !page.contains('\u{202e}'));
        assert!(!page.contains("http://") && !page.contains("https://") && !page.contains(" src="));
        assert_eq!(page.matches("<script").count(), 1, "the one whose hash the policy names");
    }

    #[test]
    fn every_domain_is_listed_worst_first_up_to_a_bound() {
        let row = |n: usize| DomainRow {
            domain: format!("d{n}.example"),
            findings: if n == 7 {
                vec![FindingRow { code: "x".into(), severity: "error".into(), ..FindingRow::default() }]
            } else {
                Vec::new()
            },
            ..DomainRow::default()
        };
        let few = page((0..20).map(row));
        assert_eq!(few.matches("<tr data-form").count(), 20);
        assert!(few.find("d7.example") < few.find("d0.example"));
        let many = page((0..LISTED + 5).map(row));
        assert_eq!(many.matches("<tr data-form").count(), LISTED);
        assert!(many.contains("5 more"), "what is left out is said");
    }
}
