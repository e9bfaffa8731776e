//! Every format over every story, byte for byte, in `fixtures/report`: a change of words is a change to read.
//!
//! `CTCLIMB_WRITE_FIXTURES=1 cargo test --test offline snapshots` writes them again; review the difference like prose.

use std::path::Path;
use std::process::{Command, Stdio};

/// A story: its name, its certificates, its DNS, and more options.
const STORIES: [(&str, &str, &str, &[&str]); 6] = [
    ("forum", "forum-24.json", "forum.toml", &["--error", "fixtures/acme/forum.log"]),
    ("redacted", "forum-24.json", "forum.toml", &["--redact"]),
    ("healthy", "healthy.json", "healthy.toml", &[]),
    ("caa", "caa.json", "caa.toml", &[]),
    ("odd-names", "odd-names.json", "caa.toml", &["-d", "example.com"]),
    ("hostile", "hostile.json", "hostile.toml", &[]),
];
const FORMATS: [(&str, &str); 7] = [
    ("text", "txt"),
    ("markdown", "md"),
    ("json", "json"),
    ("jsonl", "jsonl"),
    ("csv", "csv"),
    ("tsv", "tsv"),
    ("html", "html"),
];

fn rendered((_, dump, dns, more): (&str, &str, &str, &[&str]), format: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ctclimb"))
        .args(["--now", "2024-01-10T12:00:00Z", "analyze", &format!("fixtures/ct/crtsh/{dump}")])
        .args(["--dns", &format!("fixtures/dns/{dns}"), "-f", format])
        .args(more)
        .env("CTCLIMB_CONFIG", "/dev/null")
        .env("LC_ALL", "C.UTF-8")
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    if format != "html" {
        return text;
    }
    // The style, the script and the data of the page are files of their own.
    let (_, body) = text.split_once("<body>\n").unwrap();
    let (body, _) = body.split_once("\n<script type=\"application/json\"").unwrap();
    body.to_owned() + "\n"
}

#[test]
fn every_format_of_every_story_is_as_reviewed() {
    let mut changed = Vec::new();
    for story in STORIES {
        for (format, extension) in FORMATS {
            let made = rendered(story, format);
            let path = format!("fixtures/report/{}.{extension}", story.0);
            if std::env::var_os("CTCLIMB_WRITE_FIXTURES").is_some() {
                std::fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
                std::fs::write(&path, &made).unwrap();
            }
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            if kept != made {
                let at = kept.lines().zip(made.lines()).position(|(one, two)| one != two);
                let at = at.unwrap_or(kept.lines().count().min(made.lines().count()));
                let line = |text: &str| text.lines().nth(at).unwrap_or("(ends)").to_owned();
                changed.push(format!("{path}:{}\n  - {}\n  + {}", at + 1, line(&kept), line(&made)));
            }
        }
    }
    assert!(changed.is_empty(), "{}\nCTCLIMB_WRITE_FIXTURES=1 writes them again.", changed.join("\n"));
}
