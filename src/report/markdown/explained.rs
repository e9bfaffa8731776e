//! What a CA's errors say, as a post for a Discourse forum: data in code spans only, never too long.

use std::io::{self, Write};

use super::post::{Section, post};
use super::{code, prose};
use crate::acme::{Explained, HistoryReport, other_meaning};
use crate::report::Style;
use crate::report::digest::{counted, thousands};

/// Writes the errors of a text or log for a forum.
///
/// # Errors
/// What `out` answers.
pub fn write_explained_markdown(history: &HistoryReport, out: &mut dyn Write) -> io::Result<()> {
    let mut opening = match history.explained.as_slice() {
        [] => format!("**No CAA error** in {}.\n", counted(history.lines, "line")),
        [one] => format!("**{}** {}\n", prose(&sentence(one.error.class.title())), prose(&one.meaning)),
        several => format!(
            "**{}** of {}, explained below.\n",
            counted(history.errors, "CAA error"),
            counted(several.len() as u64, "kind")
        ),
    };
    opening.push('\n');
    opening.extend(facts(history).iter().map(|(label, text)| format!("- **{label}:** {text}\n")));
    let mut sections: Vec<Section> = history.explained.iter().map(|entry| section(history, entry)).collect();
    let others = history.other_errors.iter().map(|(kind, count)| {
        let meaning = other_meaning(kind).map(|meaning| format!(": {}", prose(meaning))).unwrap_or_default();
        format!("- {} {}{meaning}\n", thousands(*count), code(kind))
    });
    sections.push(Section::folded("ACME errors that are not about CAA", others.collect()));
    let notes = history.notes.iter().map(|note| format!("- {}\n", prose(note)));
    sections.push(Section::folded("To mind", notes.collect()));
    out.write_all(post(opening, sections, Style::default().max_chars).as_bytes())
}

fn sentence(title: &str) -> String {
    let mut letters = title.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

fn facts(history: &HistoryReport) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if history.errors > 1 {
        let span = match (&history.log_from, &history.log_to) {
            (Some(from), Some(to)) => format!(", {} to {}", code(from), code(to)),
            _ => String::new(),
        };
        facts.push(("Errors", format!("{} in {}{span}", thousands(history.errors), counted(history.lines, "line"))));
        facts.extend(history.rate.as_ref().map(|rate| ("Rate", prose(&rate.told()))));
    }
    if let [Explained { error, .. }] = history.explained.as_slice() {
        let name = error.name.as_ref().map(|name| format!("{}{name}", if error.wildcard { "*." } else { "" }));
        facts.extend(name.map(|name| ("Name", code(&name))));
        facts.extend(error.reason.as_ref().map(|reason| ("Reason given", code(reason))));
    }
    for (label, counts) in [
        ("Level", &history.levels),
        ("Zone", &history.zones),
        ("Pattern", &history.patterns),
        ("Seen by", &history.perspectives),
    ] {
        let told: Vec<String> = counts
            .iter()
            .take(4)
            .map(|count| match counts.len() {
                1 => code(&count.key),
                _ => format!("{} ({})", code(&count.key), thousands(count.count)),
            })
            .collect();
        let more = counts.len().saturating_sub(4);
        let more = if more > 0 { format!(" and {} more", thousands(more as u64)) } else { String::new() };
        if !told.is_empty() {
            facts.push((label, format!("{}{more}", told.join(", "))));
        }
    }
    facts
}

fn section(history: &HistoryReport, entry: &Explained) -> Section {
    let mut items = Vec::new();
    if history.explained.len() > 1 {
        items.push(format!("{}\n\n", prose(&entry.meaning)));
    }
    for (title, lines) in [
        ("Proves", &entry.proves),
        ("Does not prove", &entry.does_not_prove),
        ("Who can act", &vec![entry.who.clone()]),
        ("What to try", &entry.try_next),
    ] {
        if !lines.is_empty() {
            let lines: String = lines.iter().map(|line| format!("- {}\n", prose(line))).collect();
            items.push(format!("**{title}**\n\n{lines}\n"));
        }
    }
    let times = if entry.count > 1 { format!(", {} times", thousands(entry.count)) } else { String::new() };
    Section::folded(&format!("{}{times}", entry.error.class.title()), items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acme::History;

    fn told(text: &str) -> String {
        let mut history = History::new(None);
        text.lines().for_each(|line| history.add_line(line));
        let mut out = Vec::new();
        write_explained_markdown(&history.finish(&|_| None), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_error_can_be_pasted_with_what_it_says() {
        let post = told("DNS problem: networking error looking up CAA for net");
        assert!(post.starts_with("**Networking error between the CA and its own resolver.** A socket error"), "{post}");
        for said in ["- **Level:** `net`", "**Does not prove**", "[details=\"networking error", "[/details]"] {
            assert!(post.contains(said), "{said}\n{post}");
        }
        assert!(told("nothing here").starts_with("**No CAA error** in 1 line."));
    }

    #[test]
    fn hostile_texts_stay_in_code_and_the_post_stays_short() {
        let bad = "urn:ietf:params:acme:error:caa :: <img src=x> @admin ![x](http://evil.example/p) [/details]";
        let text = format!("{bad}\nDNS problem: SERVFAIL looking up CAA for e`vil|\u{202e}.example\n").repeat(2_000);
        let post = told(&text);
        assert!(post.chars().count() <= 30_000);
        for alive in ["<img", "@admin", "![x]", "\u{202e}"] {
            let outside: String = post.split('`').step_by(2).collect();
            assert!(!outside.contains(alive), "{alive}\n{post}");
        }
        assert_eq!(post.matches("[details").count(), post.matches("\n[/details]\n").count());
    }
}
