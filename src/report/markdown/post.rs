//! A post of bounded length: sections with items, of which as many are shown as fit, and a count of the rest.

use crate::report::digest::thousands;

/// Room kept in every section for the line that counts what was left out.
const MORE: usize = 120;

/// A part of the post: what opens and closes it, and items of which as many are shown as fit.
pub(super) struct Section {
    before: String,
    items: Vec<String>,
    after: String,
}

impl Section {
    /// A table, whose header is given.
    pub(super) fn table(header: &str, items: Vec<String>) -> Self {
        Self { before: format!("\n{header}"), items, after: String::new() }
    }

    /// Items folded away until the reader opens them. Discourse wants empty lines around what is inside.
    pub(super) fn folded(title: &str, items: Vec<String>) -> Self {
        Self { before: format!("\n[details=\"{title}\"]\n\n"), items, after: "\n[/details]\n".into() }
    }

    fn frame(&self) -> usize {
        chars(&self.before) + chars(&self.after) + MORE
    }
}

pub(super) fn chars(text: &str) -> usize {
    text.chars().count()
}

/// The opening and the sections in order, in at most `limit` characters.
///
/// Every section keeps room for its frame. What remains goes to the last one first, which says what is missing, then to
/// the others in order. An item is shown whole or not at all, so nothing that opens stays open.
pub(super) fn post(opening: String, sections: Vec<Section>, limit: usize) -> String {
    let sections: Vec<Section> = sections.into_iter().filter(|section| !section.items.is_empty()).collect();
    if chars(&opening) > limit {
        return "The report does not fit into so few characters.\n".chars().take(limit).collect();
    }
    let mut room = limit - chars(&opening);
    let mut fits = vec![false; sections.len()];
    for (at, section) in sections.iter().enumerate().rev() {
        let frame = section.frame();
        fits[at] = frame <= room;
        room -= if fits[at] { frame } else { 0 };
    }
    let mut shown = vec![0; sections.len()];
    let last = sections.len().saturating_sub(1);
    for at in std::iter::once(last).chain(0..last).filter(|at| fits.get(*at) == Some(&true)) {
        for item in &sections[at].items {
            let needs = chars(item);
            if needs > room {
                break;
            }
            room -= needs;
            shown[at] += 1;
        }
    }
    let mut post = opening;
    for (at, section) in sections.iter().enumerate().filter(|(at, _)| fits[*at]) {
        post += &section.before;
        post.extend(section.items[..shown[at]].iter().map(String::as_str));
        let rest = section.items.len() - shown[at];
        if rest > 0 {
            let rest = thousands(rest as u64);
            post += &format!("\n*{rest} more; the `json` and `html` forms of this report have them.*\n");
        }
        post += &section.after;
    }
    post
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted_and_nothing_stays_open() {
        let items = |text: &str| (0..100).map(|_| format!("- {text}\n")).collect::<Vec<_>>();
        let sections =
            || vec![Section::folded("Long", items(&"x".repeat(50))), Section::folded("Last", items("short"))];
        for limit in [0, 10, 200, 400, 1_000, 3_000, 100_000] {
            let post = post("Opening\n".into(), sections(), limit);
            assert!(chars(&post) <= limit, "{limit}: {}", chars(&post));
            assert_eq!(post.matches("[details").count(), post.matches("[/details]").count());
        }
        let cut = post("Opening\n".into(), sections(), 2_000);
        assert!(cut.contains(" more; the `json`") && cut.ends_with("[/details]\n"), "{cut}");
    }
}
