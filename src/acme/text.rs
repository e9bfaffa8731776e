//! Errors and histories as text for a terminal or a mail. Every text from outside is printable before it comes here.

use std::io::{self, Write};

use super::{Count, Explained, HistoryReport, Rate};

/// Rows of a table of counts.
const ROWS: usize = 12;
/// Columns of a text line.
const WIDTH: usize = 96;

/// Writes explanations, one block an error.
///
/// # Errors
/// Those of the writer.
pub fn write_explained(out: &mut dyn Write, explained: &[Explained]) -> io::Result<()> {
    if explained.is_empty() {
        return writeln!(out, "No CAA error was found in this text.");
    }
    for (index, entry) in explained.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        block(out, entry)?;
    }
    Ok(())
}

fn block(out: &mut dyn Write, entry: &Explained) -> io::Result<()> {
    let error = &entry.error;
    let times = if entry.count > 1 { format!(" ({} times)", entry.count) } else { String::new() };
    writeln!(out, "{}{times}", error.class.title())?;
    let level = error.level.as_ref().map_or("not told", crate::name::DomainName::as_str);
    let recheck = if error.recheck { ", rechecked at finalize" } else { "" };
    writeln!(out, "  class        {}", error.class.as_str())?;
    writeln!(out, "  level        {level}")?;
    if let Some(name) = &error.name {
        writeln!(out, "  name         {}{name}", if error.wildcard { "*." } else { "" })?;
    }
    writeln!(out, "  perspective  {}{recheck}", error.perspective.as_str())?;
    if let Some(reason) = &error.reason {
        writeln!(out, "  reason       {reason}")?;
    }
    part(out, "what happened", std::slice::from_ref(&entry.meaning))?;
    part(out, "proves", &entry.proves)?;
    part(out, "does not prove", &entry.does_not_prove)?;
    part(out, "who can act", std::slice::from_ref(&entry.who))?;
    part(out, "what to try", &entry.try_next)
}

fn part(out: &mut dyn Write, title: &str, lines: &[String]) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "  {title}:")?;
    for line in lines {
        let mut column = 0;
        write!(out, "    -")?;
        for word in line.split_whitespace() {
            if column > 0 && column + word.len() > WIDTH - 6 {
                write!(out, "\n     ")?;
                column = 0;
            }
            write!(out, " {word}")?;
            column += word.len() + 1;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Writes the history of a log.
///
/// # Errors
/// Those of the writer.
pub fn write_history(out: &mut dyn Write, history: &HistoryReport) -> io::Result<()> {
    writeln!(out, "{} CAA errors in {} lines", history.errors, history.lines)?;
    if let (Some(from), Some(to)) = (&history.log_from, &history.log_to) {
        writeln!(out, "log from {from} to {to}")?;
    }
    if let Some(rate) = &history.rate {
        write_rate(out, "all errors", rate)?;
        let several = history.classes.len() > 1;
        for (class, rate) in history.rate_by_class.iter().filter(|(_, rate)| several && rate.since.is_some()) {
            write_rate(out, class, rate)?;
        }
    } else if history.errors > 0 {
        writeln!(out, "rate: too few errors with a time to tell whether it changed")?;
    }
    for (title, counts) in [
        ("class", &history.classes),
        ("level", &history.levels),
        ("zone", &history.zones),
        ("pattern", &history.patterns),
        ("perspective", &history.perspectives),
    ] {
        write_counts(out, title, counts)?;
    }
    if !history.other_errors.is_empty() {
        let others: Vec<String> = history.other_errors.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        writeln!(out, "\nACME errors that are not about CAA, not counted above: {}", others.join(", "))?;
    }
    for entry in &history.explained {
        writeln!(out)?;
        block(out, entry)?;
    }
    if !history.notes.is_empty() {
        writeln!(out)?;
        part(out, "to mind", &history.notes)?;
    }
    Ok(())
}

fn write_rate(out: &mut dyn Write, what: &str, rate: &Rate) -> io::Result<()> {
    let Some(since) = &rate.since else {
        return writeln!(out, "rate of {what}: even, {} a day", rate.baseline_per_day);
    };
    match rate.factor {
        Some(factor) => writeln!(
            out,
            "rate of {what}: {factor} times the baseline of {} a day since {since}",
            rate.baseline_per_day
        )?,
        None => writeln!(out, "rate of {what}: none before {since}")?,
    }
    for segment in &rate.segments {
        let factor = segment.factor.map_or(String::new(), |factor| format!(", {factor} times the baseline"));
        writeln!(
            out,
            "  {} to {}: {} errors, {} a day{factor}",
            segment.from, segment.to, segment.errors, segment.per_day
        )?;
    }
    Ok(())
}

fn write_counts(out: &mut dyn Write, title: &str, counts: &[Count]) -> io::Result<()> {
    if counts.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nby {title}:")?;
    for count in counts.iter().take(ROWS) {
        let span = match (&count.first, &count.last) {
            (Some(first), Some(last)) => format!("  {first} to {last}"),
            _ => String::new(),
        };
        writeln!(out, "  {:>9}  {}{span}", count.count, count.key)?;
    }
    if counts.len() > ROWS {
        writeln!(out, "  and {} more", counts.len() - ROWS)?;
    }
    Ok(())
}
