//! The program as people meet it: help, mistakes, the page of codes, streams, output files, signals.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ctclimb");

pub(crate) fn ctclimb(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env("CTCLIMB_CONFIG", "/dev/null").env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    ctclimb(arguments).output().unwrap()
}

pub(crate) fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

#[test]
fn the_page_of_codes_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/report/CODES.md");
    let page = ctclimb::report::codes_page();
    if std::env::var_os("CTCLIMB_WRITE_FIXTURES").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == page, "write it again: CTCLIMB_WRITE_FIXTURES=1 cargo test");
    assert_eq!(text(&run(&["explain", "--codes"]).stdout), page);
    let one = text(&run(&["explain", "negative-without-soa"]).stdout);
    assert!(one.starts_with("## negative-without-soa\n") && page.contains(&one), "{one}");
}

#[test]
fn mistakes_are_told_with_what_was_meant() {
    for (arguments, hint) in [
        (&["investgate", "example.net"][..], "similar subcommand exists: 'investigate'"),
        (&["analyze", "--fromat", "json"], "similar argument exists: '--format'"),
        (&["analyze", "x", "-f", "jsno"], "similar value exists: 'json'"),
        (&["man", "aduit"], "did you mean `audit`?"),
        (&["fetch", "example.net", "--source", "crtshh"], "did you mean `crtsh`?"),
        (&["caa", "example.net", "--rate", "resolvr=5/s"], "did you mean `resolver`?"),
        (&["caa", "exa mple.net"], "is no DNS name"),
        (&["investigate", "co.uk"], "public suffix"),
        (&["investigate", "192.0.2.1"], "is no domain name (ip-address)"),
        (&["fetch", "https://example.net/x"], "is no domain name (uri)"),
        (&["analyze", "fixtures/ct/crtsh/odd-names.json", "-d", "192.0.2.1"], "is no domain name (ip-address)"),
        (&["analyze", "fixtures/ct/crtsh/odd-names.json", "--issuer", "Let's Encrypt"], "such as `letsencrypt.org`"),
        (&["analyze", "fixtures/ct/crtsh/odd-names.json", "--max-patterns", "0"], "is no number from 1"),
        (&["analyze", "-", "--error", "-"], "cannot be both"),
        (&["caa", "example.net", "--timeout", "soon"], "`--timeout`: `soon` is no time"),
        (&["analyze", "--now", "yesterday", "x"], "is no time"),
        (&["explain", "--codes", "x"], "cannot be used with"),
    ] {
        let output = run(arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(hint) && output.stdout.is_empty(), "{arguments:?}: {said}");
    }
}

#[test]
fn an_unknown_setting_is_told_with_its_line_and_the_right_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    std::fs::write(&file, "# mine\nretires = 3\n").unwrap();
    let output = run(&["config", "show", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("line 2: there is no setting `retires`; did you mean `retries`?"), "{said}");
}

#[test]
fn each_setting_is_shown_with_its_origin() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    std::fs::write(&file, "retries = 5\ncertspotter-key = \"secret\"\n").unwrap();
    let output = ctclimb(&["config", "show", "--color", "never"])
        .env("CTCLIMB_CONFIG", &file)
        .env("CTCLIMB_CRTSH_URL", "http://127.0.0.1:1")
        .output()
        .unwrap();
    let shown = text(&output.stdout);
    for line in [
        "retries = 5  # configuration file",
        "timeout = \"4s\"  # default",
        "crtsh-url = \"http://127.0.0.1:1\"  # environment, CTCLIMB_CRTSH_URL",
        "color = never  # command line",
        "certspotter-key = (set)  # configuration file",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    assert!(!shown.contains("secret"));
}

#[test]
fn nothing_on_standard_input_is_a_mistake_unless_it_is_meant() {
    for command in ["analyze", "names", "patterns", "explain", "caa"] {
        let output = run(&[command]);
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert!(output.stdout.is_empty());
    }
    for arguments in [&["names", "-"][..], &["patterns", "-"], &["patterns", "--partial"], &["explain", "-"]] {
        assert_eq!(run(arguments).status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn the_version_tells_the_public_suffix_list_too() {
    let version = text(&run(&["--version"]).stdout);
    assert!(version.starts_with("ctclimb 0.") && version.contains("Public Suffix List as of psl 2."), "{version}");
}

#[test]
fn an_output_file_is_whole_or_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("report.json");
    let input = "fixtures/ct/crtsh/healthy.json";
    let output = run(&["analyze", input, "-f", "json", "-o", target.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&target).unwrap()).unwrap();
    assert_eq!(report["names"], 5);
    let nowhere = dir.path().join("no/such/dir/report.json");
    let output = run(&["analyze", input, "-o", nowhere.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("cannot write"), "{}", text(&output.stderr));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn a_reader_who_leaves_is_no_reason_to_complain() {
    // More than a pipe holds.
    let mut child = ctclimb(&["names", "fixtures/ct/crtsh/forum.json.zst", "-q"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_c_locale_gets_ascii() {
    for case in ["forum.json.zst", "hostile.json"] {
        let input = format!("fixtures/ct/crtsh/{case}");
        let arguments = ["analyze", &input, "--dns", "fixtures/dns/forum.toml"];
        let unicode = run(&arguments).stdout;
        let ascii = ctclimb(&arguments).env("LC_ALL", "C").output().unwrap().stdout;
        assert!(ascii.is_ascii() && !unicode.is_ascii(), "{case}");
        assert_eq!(text(&ascii).lines().next(), text(&unicode).lines().next(), "the same report");
    }
}

#[test]
fn colour_is_for_terminals_and_for_who_asks() {
    let arguments = ["analyze", "fixtures/ct/crtsh/healthy.json", "--dns", "fixtures/dns/healthy.toml"];
    let plain = run(&arguments).stdout;
    assert!(!plain.contains(&0x1b));
    let color = run(&[&arguments[..], &["--color", "always"]].concat()).stdout;
    assert!(color.contains(&0x1b));
    let wide = ctclimb(&arguments).env("COLUMNS", "200").output().unwrap().stdout;
    assert!(text(&wide).lines().any(|line| line.chars().count() > 80));
    assert!(text(&plain).lines().all(|line| line.chars().count() <= 80), "{}", text(&plain));
}

/// What a person at the keyboard sends, and what a scheduler does before it kills.
#[cfg(unix)]
const INTERRUPTS: [&str; 2] = ["-INT", "-TERM"];

#[cfg(unix)]
fn send(signal: &str, child: &std::process::Child) {
    Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
}

#[cfg(unix)]
#[test]
fn an_interrupt_stops_cleanly_and_tells_how_to_go_on() {
    for signal in INTERRUPTS {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let case = dir.path().join("case.ctclimb");
        let mut child = ctclimb(&["investigate", "example.net", "--case", case.to_str().unwrap()])
            .env("CTCLIMB_CRTSH_URL", format!("http://{}", silent.local_addr().unwrap()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It is waiting for an answer when the connection has come.
        let connection = silent.accept().unwrap();
        send(signal, &child);
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}: {said}");
        assert!(said.contains("; to go on from there: ctclimb investigate example.net --case "), "{signal}: {said}");
        assert!(case.exists());
        drop(connection);
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_no_half_written_file_and_waits_for_no_input() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("result");
    let target = target.to_str().unwrap();
    for signal in INTERRUPTS {
        for arguments in [
            &["names", "-", "-o", target][..],
            &["patterns", "-", "-o", target],
            &["audit", "-l", "-", "--no-dns", "-o", target],
            &["audit", "--from", "-", "--no-dns", "-o", target],
        ] {
            let mut child =
                ctclimb(arguments).stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
            // Somebody has written a line, and may write another one some day.
            let mut input = child.stdin.take().unwrap();
            input.write_all(b"www.example.net\n").unwrap();
            std::thread::sleep(std::time::Duration::from_millis(300));
            send(signal, &child);
            let status = child.wait().unwrap();
            drop(input);
            assert_eq!(status.code(), Some(130), "{signal} {arguments:?}");
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{signal} {arguments:?}");
        }
    }
}

#[test]
fn a_dry_run_tells_requests_and_queries_and_sends_none() {
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("case.ctclimb");
    let arguments = ["investigate", "example.net", "--dry-run", "-r", "192.0.2.1", "--case", case.to_str().unwrap()];
    let output = ctclimb(&arguments).env("CTCLIMB_CRTSH_URL", "http://127.0.0.1:1").output().unwrap();
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for said in [
        "example.net: crt.sh: at most 40 requests, which take at least",
        "; first http://127.0.0.1:1/",
        "DNS: which levels there are",
    ] {
        assert!(told.contains(said), "{said}\n{told}");
    }
    let told = text(&run(&["caa", "www.example.net", "-r", "192.0.2.1", "-r", "192.0.2.2", "--dry-run"]).stdout);
    assert!(told.starts_with("3 levels of 1 name at 2 resolvers: 6 queries"), "{told}");
}

#[test]
fn a_file_that_cannot_be_used_is_told_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(at("empty")).unwrap();
    let odd = "fixtures/ct/crtsh/odd-names.json";
    for (arguments, hint) in [
        (&["report", &at("empty")][..], "directory"),
        (&["audit", "status", &at("empty")], "directory"),
        (&["audit", "status", &at("none.audit")], "No such file"),
        (&["analyze", &at("empty")], "there is no file to read in"),
        (&["analyze", odd, "--error", "nofile"], "there is no file `nofile`"),
        (&["analyze", odd, "-o", &at("none/x")], "there is no directory"),
        (&["audit", "--from", odd, "--no-dns", "--csv", &at("none/x")], "there is no directory"),
    ] {
        let output = run(arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {said}");
        assert!(said.contains(hint) && said.lines().count() == 1, "{arguments:?}: {said}");
        assert!(!said.contains(".ctclimb-") && said.matches("empty").count() <= 1, "{arguments:?}: {said}");
    }
}

#[test]
fn what_has_no_effect_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    std::fs::write(&log, "all is well\n").unwrap();
    let odd = "fixtures/ct/crtsh/odd-names.json";
    let said = text(&run(&["analyze", odd, "--error", log.to_str().unwrap()]).stderr);
    assert!(said.contains("there is no ACME error in it"), "{said}");
    let scripted = ["caa", "example.com", "--dns", "fixtures/dns/caa.toml", "--deep", "-r", "192.0.2.1"];
    let said = text(&run(&scripted).stderr);
    assert_eq!(said, "ctclimb: `--dns` answers in place of the network: `--resolver`, `--deep` do nothing beside it\n");
}

#[test]
fn a_text_without_a_level_has_no_level_to_quote() {
    let output = run(&["explain", "DNS problem: SERVFAIL looking up CAA for <redacted> - broken"]);
    let said = text(&output.stdout);
    assert!(said.contains("not told") && said.contains("the level") && !said.contains("`the level`"), "{said}");
}

#[test]
fn a_case_file_is_judged_by_the_scenario_that_is_given_and_audited() {
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("case.ctclimb");
    let service = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = service.local_addr().unwrap();
    let answer = std::thread::spawn(move || {
        let (mut connection, _) = service.accept().unwrap();
        let _ = connection.read(&mut [0; 4096]);
        let body = r#"[{"id":1,"issuer_name":"C=US, O=Let's Encrypt, CN=R3","name_value":"www.example.com","not_before":"2024-01-09T18:11:15","not_after":"2024-04-08T18:11:14","serial_number":"03"}]"#;
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
        let _ = write!(connection, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
    });
    let path = case.to_str().unwrap();
    let fetched = ctclimb(&["fetch", "example.com", "--source", "crtsh", "--case", path])
        .env("CTCLIMB_CRTSH_URL", format!("http://{address}"))
        .output()
        .unwrap();
    answer.join().unwrap();
    assert_eq!(fetched.status.code(), Some(0), "{}", text(&fetched.stderr));
    let plain = text(&run(&["analyze", path]).stdout);
    assert!(plain.contains("CAA was not looked up"), "{plain}");
    let scripted = text(&run(&["analyze", path, "--dns", "fixtures/dns/caa.toml"]).stdout);
    assert!(scripted.starts_with("OK `example.com`: CAA lookups work"), "{scripted}");
    let audited = text(&run(&["audit", "--from", path, "--no-dns", "-f", "csv"]).stdout);
    assert!(audited.lines().any(|line| line.contains("example.com") && line.contains("www.example.com")), "{audited}");
    let kept = std::fs::read(&case).unwrap();
    for arguments in [
        &["fetch", "example.net", "--offline", "--case", path][..],
        &["investigate", "example.net", "--case", path, "--no-deep"],
        &["investigate", "example.net", "--case", path, "--dry-run"],
    ] {
        let other = run(arguments);
        assert_eq!(other.status.code(), Some(2), "{arguments:?}");
        let said = text(&other.stderr);
        assert!(said.contains("is the case file of `example.com`; choose another one for `example.net`"), "{said}");
    }
    assert!(std::fs::read(&case).unwrap() == kept, "nothing of it is lost");
    let other = run(&["analyze", path, "-d", "example.net"]);
    assert_eq!(other.status.code(), Some(2));
    assert!(text(&other.stderr).contains("is the case of `example.com`"), "{}", text(&other.stderr));
}

#[test]
fn a_mistyped_code_is_told_what_was_meant_and_policy_codes_are_explained() {
    let mistyped = run(&["explain", "lookup-fail"]);
    assert!(text(&mistyped.stderr).contains("did you mean `lookup-fails`?"), "{}", text(&mistyped.stderr));
    let policy = run(&["explain", "policy-issuewild-missing"]);
    assert!(text(&policy.stdout).contains("RFC 8659 section 4.3"), "{}", text(&policy.stdout));
    assert_eq!(policy.status.code(), Some(0));
}
