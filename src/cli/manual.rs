//! `ctclimb man`: the manual page of the program, of a command, or of a command's command, written from the same
//! descriptions as the help.

use std::io::Write;

use clap::{Command, CommandFactory as _};

use super::args::{Cli, ENVIRONMENT};
use super::settings::nearest;

/// The command a page is about, by the words that name it: `[]`, `["audit"]`, `["audit", "merge"]`.
///
/// # Errors
/// There is no such command.
pub fn page(words: &[String]) -> anyhow::Result<Command> {
    let mut program = Cli::command();
    program.build();
    let mut found = program;
    for word in words {
        let known: Vec<String> = found.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        let next = found.find_subcommand(word).cloned();
        let hint = nearest(word, &known.iter().map(String::as_str).collect::<Vec<_>>());
        found = next.ok_or_else(|| anyhow::anyhow!("there is no command `{}`{hint}", word.escape_debug()))?;
    }
    Ok(found)
}

/// Writes the page, and after it what all pages say of the surroundings.
///
/// # Errors
/// The writer's.
pub fn write(command: &Command, out: &mut dyn Write) -> std::io::Result<()> {
    let name = command.get_bin_name().unwrap_or("ctclimb").replace(' ', "-");
    let mut command = command.clone();
    // The sections below say the rest of the long help.
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let examples = help.find("Example").map_or("", |at| &help[at..]).to_owned();
    let version = env!("CARGO_PKG_VERSION");
    command = command.after_long_help(examples).long_version(version);
    let page = clap_mangen::Man::new(command).title(name.to_uppercase()).section("1");
    page.source(format!("ctclimb {version}")).manual("ctclimb").render(out)?;
    write!(
        out,
        ".SH EXIT STATUS\n.TP\n0\ncomplete, and nothing at or above \\-\\-fail\\-on\n.TP\n1\nfindings at or above it\n.TP\n2\n\
         the command line or the configuration is wrong\n.TP\n3\nsomething asked for was not obtained; the coverage \
         says what\n.TP\n4\nthe work could not be done at all\n.TP\n130\ninterrupted, after a clean stop\n\
         .SH ENVIRONMENT\n"
    )?;
    for line in ENVIRONMENT.lines().skip(1) {
        let (variable, meaning) = line.trim().split_once(' ').unwrap_or((line, ""));
        writeln!(out, ".TP\n{variable}\n{}", meaning.trim().replace('-', "\\-"))?;
    }
    write!(
        out,
        ".SH FILES\n.TP\n$XDG_CONFIG_HOME/ctclimb/config.toml\nsettings, under the names of the options; flags win over the \
         environment over this file\n.TP\n$XDG_DATA_HOME/ctclimb/DOMAIN.ctclimb\nthe case file of a domain: SQLite, safe to \
         copy and to send\n.SH SEE ALSO\nRFC 8659 (CAA), RFC 8657, RFC 2308, dig(1), certbot(1)\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let mut bytes = Vec::new();
        write(&page(&words).unwrap(), &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn every_command_has_a_page_with_examples() {
        let program = page(&[]).unwrap();
        for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
            let text = rendered(&[command.get_name()]);
            assert!(text.contains("Example") && text.contains(".SH ENVIRONMENT"), "{}", command.get_name());
            assert!(text.contains(&format!("ctclimb\\-{}", command.get_name())), "{text}");
        }
        assert!(rendered(&["audit", "merge"]).contains("Join the shards"));
    }

    #[test]
    fn a_misspelt_command_is_told_the_right_one() {
        let error = page(&["investgate".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("investgate") && error.ends_with("; did you mean `investigate`?"), "{error}");
    }
}
