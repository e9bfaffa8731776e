//! What a configuration file may say: every key with the values it takes, judged before any of them is used.

use anyhow::bail;
use clap::ValueEnum;
use toml::Value;

use super::args::{ColorChoice, DetailArg, FailOn};
use super::env::Env;
use super::settings::{duration, nearest};
use super::{rate, valid};
use crate::dns::Resolver;
use crate::report::safe_text;
use crate::source::live::Service;

/// Says what is wrong with a text and what would do.
type Judge = fn(&str) -> Result<(), String>;

/// The values a key takes.
#[derive(Debug, Clone, Copy)]
enum Takes {
    /// A list of texts that pass.
    Texts(Judge),
    /// A text that passes.
    Text(Judge),
    /// A text that passes and is not to be shown.
    Secret(Judge),
    /// A whole number from one to the other.
    Number(u64, u64),
    /// One of these words.
    Word(fn() -> Vec<String>),
    /// A path.
    Path,
}

/// Every key with what it takes.
const KEYS: [(&str, Takes); 23] = [
    ("resolver", Takes::Texts(resolver)),
    ("rate", Takes::Texts(|text| told(rate::parse(&[text.to_owned()])))),
    ("concurrency", Takes::Number(1, valid::MOST_IN_FLIGHT as u64)),
    ("timeout", Takes::Text(|text| valid::try_time(text).map(drop))),
    ("retries", Takes::Number(0, u8::MAX as u64)),
    ("source", Takes::Texts(|text| valid::service(text).map(drop))),
    ("sample", Takes::Number(1, u32::MAX as u64)),
    ("issuer", Takes::Texts(|text| valid::issuer(text).map(drop))),
    ("detail", Takes::Word(words::<DetailArg>)),
    ("max-patterns", Takes::Number(1, u32::MAX as u64)),
    ("keep", Takes::Texts(|text| valid::label(text).map(drop))),
    ("join", Takes::Texts(|text| valid::regex(text).map(drop))),
    ("root-hints", Takes::Path),
    ("port", Takes::Number(1, u16::MAX as u64)),
    ("max-requests", Takes::Number(1, u32::MAX as u64)),
    ("max-time", Takes::Text(|text| told(duration(text)))),
    ("case-directory", Takes::Path),
    ("crtsh-pg", Takes::Text(valid::host_and_port)),
    ("crtsh-url", Takes::Text(|text| valid::address(Service::Crtsh, text))),
    ("certspotter-url", Takes::Text(|text| valid::address(Service::Certspotter, text))),
    ("certspotter-key", Takes::Secret(valid::key)),
    ("color", Takes::Word(words::<ColorChoice>)),
    ("fail-on", Takes::Word(words::<FailOn>)),
];

/// Judges the text of a configuration file.
///
/// # Errors
/// It is not TOML, or has a key that is not known or a value that the key does not take; with the line.
pub fn judge(text: &str) -> anyhow::Result<()> {
    let table = match text.parse::<toml::Table>() {
        Ok(table) => table,
        // The excerpt that the error shows may be of the key.
        Err(error) if error.to_string().contains("certspotter-key") => bail!("the line of certspotter-key is not TOML"),
        Err(error) => return Err(error.into()),
    };
    let takes = |key: &String| KEYS.iter().find(|(known, _)| known == key);
    if let Some(key) = table.keys().find(|key| takes(key).is_none()) {
        let (line, hint) = (line_of(text, key).0, nearest(key, &KEYS.map(|(known, _)| known)));
        bail!("line {line}: there is no setting `{}`{hint}; `ctclimb config show` lists all", key.escape_debug());
    }
    for (key, value) in &table {
        let (line, shown) = line_of(text, key);
        let Some((_, takes)) = takes(key) else { continue };
        if let Err(why) = takes.judge(value) {
            match takes {
                Takes::Secret(_) => bail!("line {line}: `{key}`: {why}"),
                _ => bail!("line {line}: `{shown}`: {why}"),
            }
        }
    }
    Ok(())
}

/// Environment variables that hold what the file may hold too, each with the key.
const VARIABLES: [(&str, &str); 4] = [
    ("CTCLIMB_CRTSH_URL", "crtsh-url"),
    ("CTCLIMB_CERTSPOTTER_URL", "certspotter-url"),
    ("CTCLIMB_CRTSH_PG", "crtsh-pg"),
    ("CTCLIMB_CERTSPOTTER_KEY", "certspotter-key"),
];

/// Judges what the environment sets, as the same in the file is judged.
///
/// # Errors
/// The first variable that is not right, by its name; its value may be a secret.
pub fn judge_environment(env: &Env) -> anyhow::Result<()> {
    for (variable, key) in VARIABLES {
        let takes = KEYS.iter().find(|(known, _)| *known == key).map(|(_, takes)| takes);
        let Some((text, takes)) = env.var(variable).zip(takes) else { continue };
        if let Err(why) = takes.judge(&Value::String(text.to_owned())) {
            bail!("the environment variable `{variable}` is not right: {why}");
        }
    }
    Ok(())
}

impl Takes {
    fn judge(self, value: &Value) -> Result<(), String> {
        let text = |judge: Judge, value: &Value, wanted: &str| match value {
            Value::String(text) => judge(text),
            _ => Err(format!("{wanted} is wanted")),
        };
        match (self, value) {
            (Self::Texts(judge), Value::Array(values)) => {
                values.iter().try_for_each(|value| text(judge, value, "a list of texts in quotes"))
            }
            (Self::Texts(_), _) => Err("a list is wanted, as `[\"...\", \"...\"]`".to_owned()),
            (Self::Text(judge) | Self::Secret(judge), value) => text(judge, value, "a text in quotes"),
            (Self::Number(least, most), value) => match value {
                Value::Integer(number) if u64::try_from(*number).is_ok_and(|n| (least..=most).contains(&n)) => Ok(()),
                _ if most == u64::from(u32::MAX) => Err(format!("a whole number from {least} is wanted")),
                _ => Err(format!("a whole number from {least} to {most} is wanted")),
            },
            (Self::Word(words), Value::String(word)) if words().contains(word) => Ok(()),
            (Self::Word(words), value) => {
                let words = words();
                let known: Vec<&str> = words.iter().map(String::as_str).collect();
                let hint = value.as_str().map_or_else(String::new, |word| nearest(word, &known));
                Err(format!("known are `\"{}\"`{hint}", known.join("\"`, `\"")))
            }
            (Self::Path, value) => text(|path| told_if(path.is_empty(), "it names no file"), value, "a path in quotes"),
        }
    }
}

/// A resolver by its form; whether the system names one is for those who ask it.
fn resolver(text: &str) -> Result<(), String> {
    if text == "system" { Ok(()) } else { told(Resolver::parse(text)) }
}

fn told<T>(result: Result<T, impl ToString>) -> Result<(), String> {
    result.map(drop).map_err(|error| error.to_string())
}

fn told_if(wrong: bool, why: &str) -> Result<(), String> {
    if wrong { Err(why.to_owned()) } else { Ok(()) }
}

fn words<T: ValueEnum>() -> Vec<String> {
    let name = |value: &T| value.to_possible_value().map(|value| value.get_name().to_owned());
    T::value_variants().iter().filter_map(name).collect()
}

/// The line that sets a key, from 1, and how it starts.
fn line_of(text: &str, key: &str) -> (usize, String) {
    let sets = |line: &str| {
        let name = line.split_once('=').map_or(line, |(name, _)| name).trim().trim_start_matches('[');
        name.trim_end_matches(']').trim_matches(['"', '\'']).split('.').next() == Some(key)
    };
    let (at, line) = text.lines().enumerate().find(|(_, line)| sets(line)).unwrap_or((0, key));
    let start: String = line.trim().chars().take(100).collect();
    (at + 1, safe_text(&start).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::settings::FileSettings;
    use proptest::prelude::*;

    fn refusal(text: &str) -> String {
        FileSettings::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = refusal("port = 53\nresolvr = [\"127.0.0.1\"]");
        assert!(error.starts_with("line 2: there is no setting `resolvr`; did you mean `resolver`?"), "{error}");
        assert!(refusal("[retry]\ncount = 1").starts_with("line 1: there is no setting `retry`"));
    }

    #[test]
    fn a_value_is_told_with_its_line_and_what_would_do() {
        for (text, expected) in [
            ("port = \"x\"", "line 1: `port = \"x\"`: a whole number from 1 to 65535 is wanted"),
            ("# mine\n\nsample = 0", "line 3: `sample = 0`: a whole number from 1 is wanted"),
            ("retries = 300", "a whole number from 0 to 255 is wanted"),
            ("retries = 1.5", "a whole number from 0 to 255 is wanted"),
            ("concurrency = -1", "a whole number from 1 to 10000 is wanted"),
            ("resolver = \"127.0.0.1\"", "a list is wanted, as `[\"...\", \"...\"]`"),
            ("resolver = [\"system\", \"dns.example\"]", "`dns.example` is no resolver; expected `system`"),
            ("resolver = [1]", "a list of texts in quotes is wanted"),
            ("rate = [\"crtsh=unlimited\"]", "other people's machines"),
            ("rate = [\"resolvr=5/s\"]", "did you mean `resolver`?"),
            ("timeout = \"5d\"", "`5d` is no time; write 800ms, 5s, 10m or 2h"),
            ("timeout = \"5000\"", "one try may take 120 s at most"),
            ("timeout = 5", "a text in quotes is wanted"),
            ("max-time = \"0s\"", "more than 0 is needed"),
            ("source = [\"crtshh\"]", "did you mean `crtsh`?"),
            ("issuer = [\"Let's Encrypt\"]", "such as `letsencrypt.org`"),
            ("detail = \"hihg\"", "known are `\"low\"`, `\"normal\"`, `\"high\"`; did you mean `high`?"),
            ("color = true", "known are `\"auto\"`, `\"always\"`, `\"never\"`"),
            ("fail-on = \"fatal\"", "known are `\"error\"`"),
            ("keep = [\"a b\"]", "is no label of a DNS name"),
            ("join = [\"(\"]", "is no regular expression"),
            ("crtsh-url = \"crt.sh\"", "the address of crt.sh is no URL"),
            ("certspotter-url = \"http://ct.example/\"", "must start with https://"),
            ("crtsh-pg = \"crt.sh:x\"", "write HOST or HOST:PORT"),
            ("case-directory = \"\"", "it names no file"),
            ("root-hints = 5", "a path in quotes is wanted"),
        ] {
            let error = refusal(text);
            let line = text.lines().count();
            assert!(error.starts_with(&format!("line {line}: `")) && error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        for text in
            ["certspotter-key = \"secret\\u0007\"", "certspotter-key = secret", "certspotter-key = [\"secret\"]"]
        {
            let error = refusal(text);
            assert!(error.contains("certspotter-key") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_is_good_passes() {
        let text = "resolver = [\"system\", \"127.0.0.1:53\"]\nrate = [\"5/s\"]\nconcurrency = 10\ntimeout = \"5s\"\nretries = 0\n\
                    source = [\"crtsh\"]\nsample = 1\nissuer = [\"letsencrypt.org\"]\ndetail = \"low\"\nmax-patterns = 5\n\
                    keep = [\"prod\"]\njoin = [\"^a\"]\nroot-hints = \"x\"\nport = 53\nmax-requests = 3\nmax-time = \"2h\"\n\
                    case-directory = \"y\"\ncrtsh-pg = \"[::1]:5432\"\ncrtsh-url = \"https://ct.example/\"\n\
                    certspotter-url = \"http://127.0.0.1:1\"\ncertspotter-key = \"k\"\ncolor = \"never\"\nfail-on = \"note\"";
        assert_eq!(text.lines().count(), KEYS.len());
        FileSettings::parse(text).unwrap();
    }

    #[test]
    fn the_list_of_keys_is_that_of_the_settings() {
        let told = toml::from_str::<FileSettings>("no-such-key = 1").unwrap_err().to_string();
        let (_, expected) = told.split_once("expected one of").unwrap();
        let mut keys: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let mut known = KEYS.map(|(key, _)| key).to_vec();
        keys.sort_unstable();
        known.sort_unstable();
        assert_eq!(keys, known);
    }

    proptest! {
        #[test]
        fn what_passes_is_read(key in prop::sample::select(&KEYS[..]), value in "\"[ -~]{0,8}\"|[0-9.-]{1,9}|\\[\"[ -~]{0,8}\"\\]|true") {
            let text = format!("{} = {value}", key.0);
            if judge(&text).is_ok() {
                prop_assert!(toml::from_str::<FileSettings>(&text).is_ok(), "{text}");
            }
        }
    }
}
