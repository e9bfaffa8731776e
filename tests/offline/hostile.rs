//! Hostile texts in every place where a text comes from outside, through the whole program and every format: names,
//! issuers, CAA values, views, file names, ACME errors, replies of a service.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The input under a name that is hostile itself, as far as a file system lets it.
fn input(dir: &Path) -> PathBuf {
    let name = "=1+1 \u{1b}[2J\u{202e}`|<script>alert(1)<!--@admin [details] $(reboot).json";
    let path = dir.join(name);
    std::fs::copy("fixtures/ct/crtsh/hostile.json", &path).unwrap();
    path
}

fn error(dir: &Path) -> PathBuf {
    let path = dir.join("error.log");
    let detail = "DNS problem: looking up CAA for net: DNSSEC: \u{1b}[2J<script>alert(1)</script> ![x](http://evil.example) @admin \u{202e}x";
    std::fs::write(&path, format!("urn:ietf:params:acme:error:dns :: {detail}\n")).unwrap();
    path
}

/// What the program prints, and what it says.
fn run(format: &str, more: &[&str]) -> (String, String) {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ctclimb"))
        .arg("--now=2024-01-10T12:00:00Z")
        .arg("analyze")
        .arg(input(dir.path()).file_name().unwrap())
        .args(["--dns", concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/dns/hostile.toml"), "-f", format, "--error"])
        .arg(error(dir.path()).file_name().unwrap())
        .current_dir(dir.path())
        .args(more)
        .env("CTCLIMB_CONFIG", "/dev/null")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// Whether a character shows as itself on every terminal.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~' | '\n') || (!c.is_ascii() && c.escape_debug().len() == 1)
}

#[test]
fn the_terminal_sees_no_command_but_ours() {
    let (plain, said) = run("text", &[]);
    for text in [&plain, &said] {
        assert!(text.chars().all(is_plain), "{text}");
    }
    assert!(plain.contains("\\u{1b}[2J") && plain.contains("\\u{202e}"), "{plain}");
    let (color, _) = run("text", &["--color", "always"]);
    let mut screen = vt100::Parser::new(2_000.try_into().unwrap(), 300.try_into().unwrap(), 0);
    screen.process(color.replace('\n', "\r\n").as_bytes());
    assert_eq!(screen.screen().contents().trim_end(), plain.trim_end(), "the screen shows the plain text");
    assert!(!screen.screen().alternate_screen());
}

#[test]
fn the_forum_sees_data_in_code_only() {
    let (post, _) = run("markdown", &[]);
    assert!(post.chars().count() < 32_000 && post.chars().all(is_plain), "{post}");
    let (mut outside, mut fence) = (String::new(), None::<String>);
    for line in post.lines() {
        let ticks: String = line.trim_start().chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if ticks.len() >= open.len() && line.trim() == ticks => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => outside.extend(line.split('`').step_by(2)),
        }
    }
    assert!(fence.is_none(), "every fence is closed");
    for alive in ["<", "http", "![", "](", "@", "owned", "evil", "example"] {
        assert!(!outside.contains(alive), "{alive}: {outside}");
    }
    assert_eq!(post.matches("[details=\"").count(), post.matches("\n[/details]\n").count());
    for line in post.lines().filter(|line| line.trim_start().starts_with("dig ")) {
        assert!(line.chars().all(|c| c.is_ascii_alphanumeric() || " +'@:._-*".contains(c)), "{line}");
        assert!(!line.contains("CAA '-"), "no name is an option: {line}");
    }
}

#[test]
fn the_browser_sees_text() {
    let (page, _) = run("html", &[]);
    assert_eq!((page.matches("<script").count(), page.matches("</script>").count()), (2, 2), "the data and ours");
    for alive in ["<svg onload", "<!--", "<img", "src=", "javascript:", "href=\"http"] {
        assert!(!page.contains(alive), "{alive}");
    }
    assert!(page.chars().all(is_plain));
}

#[test]
fn programs_read_back_what_was_written() {
    let (document, _) = run("json", &[]);
    assert!(document.is_ascii() && document.bytes().all(|b| b == b'\n' || (b' '..=b'~').contains(&b)));
    let report: serde_json::Value = serde_json::from_str(&document).unwrap();
    let records = report["levels"].as_array().unwrap().iter().find(|level| level["name"] == "example.net").unwrap();
    let records = records["views"][0]["records"].to_string();
    assert!(records.contains("letsencrypt.org"), "{records}");
    let unicode = |name: &str| {
        let level = report["levels"].as_array().unwrap().iter().find(|level| level["name"] == name).unwrap();
        level["name_unicode"].as_str().map(str::to_owned)
    };
    assert_eq!(unicode("xn--bcher-kva.example.net").as_deref(), Some("b\u{fc}cher.example.net"));
    assert_eq!(unicode("xn--80ak6aa92e.example.net"), None, "Cyrillic that reads as `apple`");
    assert_eq!(unicode("xn--pple-43d.example.net"), None, "two scripts in one label");
    let (lines, _) = run("jsonl", &[]);
    let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last["type"], "summary");
    for line in lines.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn no_cell_is_a_formula() {
    for (format, delimiter) in [("csv", b','), ("tsv", b'\t')] {
        let (table, _) = run(format, &[]);
        let mut rows = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(table.as_bytes());
        let mut hostile = 0;
        for cell in rows.records().flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()) {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '|', '%']), "{cell}");
            assert!(cell.chars().all(is_plain), "{cell}");
            hostile += usize::from(cell.starts_with("'="));
        }
        assert!(hostile > 0, "the fixture has formulas");
        let (raw, _) = run(format, &["--csv-raw"]);
        assert!(raw.contains("=1+1") && !raw.contains("'=1+1"), "{raw}");
    }
}

#[test]
fn a_service_cannot_talk_to_the_terminal() {
    let service = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = service.local_addr().unwrap();
    let answer = std::thread::spawn(move || {
        for connection in service.incoming().take(1) {
            let mut connection = connection.unwrap();
            let mut request = [0; 4096];
            let _ = connection.read(&mut request);
            let body = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}go away <script>";
            let head = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\n";
            let _ = write!(connection, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    let output = Command::new(env!("CARGO_BIN_EXE_ctclimb"))
        .args(["investigate", "example.net", "--no-case", "--retries", "0", "--no-deep"])
        .env("CTCLIMB_CONFIG", "/dev/null")
        .env("LC_ALL", "C.UTF-8")
        .env("CTCLIMB_CRTSH_URL", format!("http://{address}"))
        .output()
        .unwrap();
    answer.join().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("go away") && said.chars().all(is_plain), "{said}");
}
