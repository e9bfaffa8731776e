//! Errors and histories as text for a terminal or a mail. Every text from outside is printable before it comes here.

use std::io::{self, Write};

use super::{Count, Explained, HistoryReport, Rate, other};

/// Rows of a table of counts.
const ROWS: usize = 12;
/// Columns of labels.
const LABEL: usize = 13;

/// Writes explanations, one block an error, in lines of about `width` columns.
///
/// # Errors
/// Those of the writer.
pub fn write_explained(out: &mut dyn Write, explained: &[Explained], width: usize) -> io::Result<()> {
    for (index, entry) in explained.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        block(out, entry, width)?;
    }
    Ok(())
}

fn block(out: &mut dyn Write, entry: &Explained, width: usize) -> io::Result<()> {
    let error = &entry.error;
    let times = if entry.count > 1 { format!(" ({} times)", entry.count) } else { String::new() };
    writeln!(out, "{}{times}", error.class.title())?;
    let level = error.level.as_ref().map_or("not told", crate::name::DomainName::as_str);
    let recheck = if error.recheck { ", rechecked at finalize" } else { "" };
    fact(out, "class", error.class.as_str(), width)?;
    fact(out, "level", level, width)?;
    if let Some(name) = &error.name {
        fact(out, "name", &format!("{}{name}", if error.wildcard { "*." } else { "" }), width)?;
    }
    fact(out, "perspective", &format!("{}{recheck}", error.perspective.as_str()), width)?;
    if let Some(reason) = &error.reason {
        fact(out, "reason", reason, width)?;
    }
    part(out, "what happened", std::slice::from_ref(&entry.meaning), width)?;
    part(out, "proves", &entry.proves, width)?;
    part(out, "does not prove", &entry.does_not_prove, width)?;
    part(out, "who can act", std::slice::from_ref(&entry.who), width)?;
    part(out, "what to try", &entry.try_next, width)
}

/// A label and what follows it, the lines of it below each other.
fn fact(out: &mut dyn Write, label: &str, text: &str, width: usize) -> io::Result<()> {
    wrapped(out, &format!("  {label:<LABEL$}"), 2 + LABEL, text, width)
}

fn part(out: &mut dyn Write, title: &str, lines: &[String], width: usize) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "  {title}:")?;
    lines.iter().try_for_each(|line| wrapped(out, "    - ", 6, line, width))
}

fn wrapped(out: &mut dyn Write, lead: &str, hang: usize, text: &str, width: usize) -> io::Result<()> {
    let hang = if hang * 2 > width { 2 } else { hang };
    let (mut line, mut filled) = (lead.to_owned(), false);
    for word in text.split_whitespace() {
        if filled && line.chars().count() + 1 + word.chars().count() > width {
            writeln!(out, "{}", line.trim_end())?;
            line = " ".repeat(hang);
        } else if filled {
            line.push(' ');
        }
        line.push_str(word);
        filled = true;
    }
    writeln!(out, "{}", line.trim_end())
}

/// Writes the history of a log in lines of about `width` columns.
///
/// # Errors
/// Those of the writer.
pub fn write_history(out: &mut dyn Write, history: &HistoryReport, width: usize) -> io::Result<()> {
    let span = match (&history.log_from, &history.log_to) {
        (Some(from), Some(to)) => format!(", {} to {}", from.replace('T', " "), to.replace('T', " ")),
        _ => String::new(),
    };
    let plural = |count: u64, noun: &str| if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") };
    let counted = format!("{} in {}{span}", plural(history.errors, "CAA error"), plural(history.lines, "line"));
    wrapped(out, "", 2, &counted, width)?;
    write_rates(out, history, width)?;
    let tables = [
        ("class", &history.classes),
        ("level", &history.levels),
        ("zone", &history.zones),
        ("pattern", &history.patterns),
        ("perspective", &history.perspectives),
    ];
    // What is the same for all needs no table.
    for (title, counts) in tables {
        if let [only] = counts.as_slice()
            && only.count == history.errors
        {
            fact(out, title, &only.key, width)?;
        }
    }
    for (title, counts) in
        tables.iter().filter(|(_, counts)| counts.len() > 1 || counts.iter().any(|c| c.count < history.errors))
    {
        write_counts(out, title, counts)?;
    }
    if !history.other_errors.is_empty() {
        writeln!(out, "\nACME errors that are not about CAA, not counted above:")?;
        for (kind, count) in &history.other_errors {
            let meaning = other::meaning(kind).map(|meaning| format!(": {meaning}")).unwrap_or_default();
            wrapped(out, &format!("  {count:>7}  "), 11, &format!("{kind}{meaning}"), width)?;
        }
    }
    for entry in &history.explained {
        writeln!(out)?;
        block(out, entry, width)?;
    }
    if !history.notes.is_empty() {
        writeln!(out)?;
        part(out, "to mind", &history.notes, width)?;
    }
    Ok(())
}

fn write_rates(out: &mut dyn Write, history: &HistoryReport, width: usize) -> io::Result<()> {
    let Some(rate) = &history.rate else {
        return match history.errors {
            0 | 1 => Ok(()),
            _ => fact(out, "rate", "too few errors with a time to tell whether it changed", width),
        };
    };
    fact(out, "rate", &rate.told(), width)?;
    let several = history.classes.len() > 1;
    // A class that changed as the whole did says nothing more.
    let alike = |class: &Rate| {
        let close = |one: f64, two: f64| (one - two).abs() <= 0.25 * one.abs().max(two.abs());
        class.since == rate.since && class.factor.zip(rate.factor).is_none_or(|(one, two)| close(one, two))
    };
    let other = history.rate_by_class.iter().filter(|(_, class)| several && !alike(class));
    other.into_iter().try_for_each(|(class, rate)| fact(out, "", &format!("{class}: {}", rate.told()), width))
}

fn write_counts(out: &mut dyn Write, title: &str, counts: &[Count]) -> io::Result<()> {
    if counts.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nby {title}:")?;
    let day = |time: &str| time.split('T').next().unwrap_or(time).to_owned();
    for count in counts.iter().take(ROWS) {
        let span = match (&count.first, &count.last) {
            (Some(first), Some(last)) if day(first) == day(last) => format!("  {}", day(first)),
            (Some(first), Some(last)) => format!("  {} to {}", day(first), day(last)),
            _ => String::new(),
        };
        writeln!(out, "  {:>7}  {}{span}", count.count, count.key)?;
    }
    if counts.len() > ROWS {
        writeln!(out, "  and {} more; `-f json` has them all", counts.len() - ROWS)?;
    }
    Ok(())
}
