//! What people type that is not right: told with what was given and what would do, and never passed over in silence.

use std::io::Write as _;
use std::process::Stdio;

use super::tool::{ctclimb, run, text};

const DUMP: &str = "fixtures/policy/dump.ndjson";

/// Runs a mistake and gives what was said; it is a usage error without a result.
fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    said
}

#[test]
fn a_value_that_can_mean_nothing_is_refused_with_what_would_do() {
    for (option, value, hint) in [
        ("--keep", "a b", "is no label of a DNS name"),
        ("--keep", "www.example.net", "is no label of a DNS name"),
        ("--sample", "0", "is no number from 1"),
        ("--method", "foo", "known are http-01, dns-01"),
        ("--method", "dns01", "did you mean `dns-01`?"),
        ("--account-uri", "nouri", "is no URI; write that of the account, such as `https://"),
        ("--issuer", "Let's Encrypt", "such as `letsencrypt.org`"),
    ] {
        for command in [&["analyze", DUMP][..], &["audit", "--from", DUMP], &["investigate", "example.net"]] {
            let said = refused(&[command, &[option, value]].concat());
            assert!(said.contains(hint) && said.contains(option), "{option}: {said}");
        }
    }
    let own = ["analyze", DUMP, "--method", "ca-phone", "--account-uri", "https://ca.example/acct/1", "--sample", "1"];
    assert_ne!(run(&own).status.code(), Some(2));
}

#[test]
fn the_configuration_file_is_judged_like_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    let path = file.to_str().unwrap();
    for (line, hint) in [
        ("sample = 0", "a whole number from 1 is wanted"),
        ("keep = [\"a b\"]", "is no label of a DNS name"),
        ("timeout = \"soon\"", "`soon` is no time; write 800ms, 5s, 10m or 2h"),
        ("resolver = [\"dns.example\"]", "is no resolver; expected `system`"),
        ("detail = \"hihg\"", "did you mean `high`?"),
    ] {
        std::fs::write(&file, format!("# mine\n{line}\n")).unwrap();
        for command in [&["config", "show"][..], &["names", DUMP], &["analyze", DUMP], &["caa", "example.net"]] {
            let said = refused(&[command, &["--config", path]].concat());
            let place = format!("the configuration file `{path}` is not right: line 2: `{line}`: ");
            assert!(said.contains(&place) && said.contains(hint), "{said}");
        }
    }
}

#[test]
fn an_option_that_would_do_nothing_is_refused_or_told() {
    for (arguments, hint) in [
        (&["patterns", DUMP, "--partial", "-f", "json"][..], "leave out `--format`"),
        (&["patterns", DUMP, "--merge", "-d", "example.net"], "give `--domain` where they are made"),
        (&["audit", "--from", DUMP, "--no-dns", "--case", "x"], "`--case` is for what is fetched and looked up"),
        (&["audit", "--from", DUMP, "--dns", "fixtures/policy/dns.toml", "--case", "x"], "`--case` is for"),
        (&["audit", "--from", DUMP, "--no-dns", "--deep"], "cannot be used with"),
        (&["config", "show", "-f", "json"], "has no format `json`"),
        (&["audit", "status", "x", "-f", "csv"], "it has text, json and jsonl"),
    ] {
        let said = refused(arguments);
        assert!(said.contains(hint), "{arguments:?}: {said}");
    }
    for (arguments, hint) in [
        (
            &["audit", "--from", DUMP, "--dns", "fixtures/policy/dns.toml", "-r", "192.0.2.1"][..],
            "`--resolver` does nothing beside it",
        ),
        (&["patterns", DUMP, "--partial", "--detail", "high"], "is for `--merge` to be told"),
    ] {
        let said = text(&run(arguments).stderr);
        assert!(said.contains(hint), "{arguments:?}: {said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_no_success() {
    for arguments in [&["--help"][..], &["--version"], &["audit", "--help"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = ctclimb(arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{arguments:?}");
        assert!(text(&output.stderr).contains("cannot write to standard output"), "{arguments:?}");
    }
}

#[test]
fn a_domain_that_could_not_be_audited_is_named_wherever_it_is_told() {
    for format in ["text", "html", "csv", "jsonl"] {
        let output = ctclimb(&["audit", "a.example.com", "b.example.com", "--no-dns", "--retries", "0", "-f", format])
            .args(["--source", "crtsh", "--rate", "crtsh=1000/s"])
            .env("CTCLIMB_CRTSH_URL", "http://127.0.0.1:1")
            .output()
            .unwrap();
        let (said, result) = (text(&output.stderr), text(&output.stdout));
        assert_eq!(output.status.code(), Some(4), "{said}");
        for domain in ["a.example.com", "b.example.com"] {
            assert!(said.contains(&format!("ctclimb: {domain}: crt.sh: no connection")), "{said}");
            assert!(result.contains(domain) && result.contains("no connection"), "{format}: {result}");
        }
    }
}

#[test]
fn the_state_of_an_audit_is_told_in_words_and_as_json() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.audit");
    let file = file.to_str().unwrap();
    let audit = ["audit", "--from", DUMP, "--no-dns", "--file", file, "--all-names", "--keep", "prod", "--keep", "x"];
    assert_eq!(run(&audit).status.code(), Some(0));
    let told = text(&run(&["audit", "status", file]).stdout);
    for line in
        ["domains: 9", "input:", "  records: 9", "made with:", "  sample: all names", "  keep: prod, x", "shard: 1/1"]
    {
        assert!(told.lines().any(|told| told == line), "{line}\n{told}");
    }
    assert!(!told.contains(['{', '"']), "{told}");
    let json = text(&run(&["audit", "status", file, "-f", "json"]).stdout);
    let status: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(status["done"], 9);
}

/// Runs with a text on standard input.
fn run_with(arguments: &[&str], input: &str) -> std::process::Output {
    let mut child =
        ctclimb(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Who refuses its arguments reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn what_is_pasted_for_a_domain_is_told_for_what_it_is() {
    for (text, hint) in [
        ("", "is no domain; write one such as `example.net`"),
        (".", "is no domain"),
        ("-", "`-` is one label"),
        ("localhost", "`localhost` is one label"),
        ("com.", "`com` is one label, which is a TLD if anything"),
        ("co.uk", "`co.uk` is a public suffix"),
        ("example.net:443", "write the domain alone"),
        ("example.net/path", "write the domain alone"),
        ("//example.net", "write the domain alone"),
        ("[2001:db8::1]", "write the domain alone"),
        ("https://example.net", "is no domain name (uri); write the domain alone"),
        ("me@example.net", "is no domain name (email); write the domain alone"),
        ("2001:db8::1", "is no domain name (ip-address)"),
        ("a\u{1b}[31m.net", "`a\\u{1b}[31m.net` has the character `\\u{1b}`"),
    ] {
        let said = refused(&["investigate", text]);
        assert!(said.contains(hint), "{text:?}: {said}");
        assert!(!said.trim_end().contains(char::is_control), "{said:?}");
    }
}

#[test]
fn a_dash_is_standard_input_wherever_several_are_taken() {
    let list = "www.example.com\n";
    let scripted = ["caa", "-", "--dns", "fixtures/dns/caa.toml", "-f", "csv"];
    assert!(text(&run_with(&scripted, list).stdout).contains("www.example.com"));
    let closed = ["--retries", "0", "--source", "crtsh", "--rate", "crtsh=1000/s", "-q"];
    for command in [&["audit", "-", "--no-dns"][..], &["fetch", "-", "--no-case"], &["fetch", "--no-case"]] {
        let output = run_with(&[command, &closed].concat(), "a.example.com\n");
        let all = text(&output.stdout) + &text(&output.stderr);
        assert!(output.status.code() == Some(4) && !all.contains("`-`"), "{command:?}: {all}");
    }
    for arguments in [
        &["names", "-", "-"][..],
        &["analyze", "-", "-"],
        &["explain", "-", "-"],
        &["caa", "-", "-l", "-"],
        &["fetch", "-", "-"],
        &["audit", "-", "-l", "-"],
        &["audit", "-l", "-", "--from", "-"],
    ] {
        let said = refused(arguments);
        assert!(said.contains("standard input (`-`) can be given once only"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_list_of_names_is_audited_too() {
    let output =
        run_with(&["audit", "--from", "-", "--no-dns"], "www.example.net\n*.example.net\nexample.org\nbad name\n");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("2 of 2 domains audited") && said.contains("0 certificates, 3 names"), "{said}");
    let lines = text(&output.stdout);
    let summary: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&summary["input"]["records"], summary["input"]["dropped"].to_string()),
        (&4.into(), "{\"blank\":1}".into())
    );
}

#[test]
fn a_directory_or_a_pipe_is_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(&["explain", dir.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("is a directory: give its files"), "{}", text(&output.stderr));
    let absent = text(&run(&["audit", "status", "/nowhere/x.audit"]).stderr);
    assert_eq!(absent.matches("No such file").count(), 1, "{absent}");
}

#[cfg(unix)]
#[test]
fn what_is_no_text_is_told_and_never_reaches_the_terminal_raw() {
    use std::os::unix::ffi::OsStrExt as _;
    let odd = std::ffi::OsStr::from_bytes(b"a\xff\x1b[31m");
    for command in ["investigate", "names", "explain", "caa", "report"] {
        let output = ctclimb(&[command]).arg(odd).output().unwrap();
        let code = output.status.code().unwrap();
        assert!(matches!(code, 2 | 4), "{command}: {code}");
        assert!(!output.stderr.contains(&0x1b), "{command}: {:?}", String::from_utf8_lossy(&output.stderr));
    }
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("a\u{1b}[31m");
    std::fs::write(&list, "bad name\n").unwrap();
    let said = refused(&["audit", "--no-dns", "-l", list.to_str().unwrap()]);
    assert!(said.contains("line 1: `bad name`") && !said.contains('\u{1b}'), "{said:?}");
    for arguments in [
        &["\u{1b}]0;x\u{7}"][..],
        &["names", "--\u{1b}[31m"],
        &["names", "--max-age\u{202e}"],
        &["audit", "--shard", "\u{1b}c"],
    ] {
        let said = refused(arguments);
        assert!(!said.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{said:?}");
    }
    for arguments in [&["patterns", DUMP, "--threads", "0"][..], &["audit", "--from", DUMP, "--workers", "0"]] {
        assert!(refused(arguments).contains("is no number from 1"));
    }
}

#[test]
fn a_dash_as_output_is_standard_output() {
    let dir = tempfile::tempdir().unwrap();
    let output = ctclimb(&["names", "-", "-o", "-"]).current_dir(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_resolver_that_is_not_there_says_nothing_of_a_tld_either() {
    let arguments = ["-r", "127.0.0.1:1", "--retries", "0", "--no-deep", "-f", "json"];
    for name in ["net", "example.net"] {
        let output = run(&[&["caa", name][..], &arguments].concat());
        assert_eq!(output.status.code(), Some(3), "{name}: nothing was obtained, and nothing found");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["findings"][0]["code"], "resolver-unusable", "{name}");
    }
}

#[test]
fn a_file_that_is_there_or_is_not_is_told_before_anything_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let offline = ["investigate", "example.net", "--offline"];
    assert!(refused(&[&offline[..], &["--no-case"]].concat()).contains("leave out one of them"));
    let output = run(&[&offline[..], &["--case", &at("none.ctclimb")]].concat());
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("without `--offline` the same command"), "{}", text(&output.stderr));
    assert_eq!(dir.path().read_dir().unwrap().count(), 0, "no empty case file is left");

    std::fs::write(at("kept"), "kept").unwrap();
    assert!(refused(&["report", "x", "--salvage", &at("kept")]).contains("the file is there already"));
    let output = run(&["audit", "merge", "x", "--into", &at("none/y")]);
    let said = text(&output.stderr);
    assert!(
        output.status.code() == Some(4) && said.contains("there is no directory") && !said.contains(".ctclimb-"),
        "{said}"
    );

    std::fs::write(at("list"), "\u{feff}# mine\nhttps://example.net/ # pasted\n").unwrap();
    let said = refused(&["fetch", "-l", &at("list"), "--no-case"]);
    assert!(said.contains("list, line 2: `https://example.net/` is no domain name (uri)"), "{said}");
}

#[test]
fn standard_output_takes_one_result() {
    let dir = tempfile::tempdir().unwrap();
    let in_dir = |arguments: &[&str]| {
        let dump = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(DUMP);
        let place =
            |argument: &&str| if *argument == DUMP { dump.clone().into() } else { std::ffi::OsString::from(argument) };
        let output = ctclimb(&[]).args(arguments.iter().map(place)).current_dir(dir.path()).output().unwrap();
        assert!(!dir.path().join("-").exists(), "{arguments:?}");
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let audit = ["audit", "--from", DUMP, "--no-dns", "-q"];
    for (arguments, hint) in [
        (
            &["patterns", DUMP, "--assign", "-"][..],
            "standard output has the result already; send that to a file with `--output FILE`",
        ),
        (&["patterns", DUMP, "--assign", "-", "-o", "-"], "standard output has the result already"),
        (&["patterns", DUMP, "--assign", "x", "-o", "./x"], "`--assign` and `--output` both write `x`"),
        (&[&audit[..], &["--csv", "-"]].concat(), "standard output has the result already"),
        (
            &[&audit[..], &["--csv", "-", "--html", "-", "-o", "x"]].concat(),
            "standard output has what `--csv -` writes",
        ),
        (&[&audit[..], &["--sarif", "x", "--html", "x"]].concat(), "both write `x`"),
        (&[&audit[..], &["--file", "x", "-o", "x"]].concat(), "both write `x`"),
        (&[&audit[..], &["--file", "-"]].concat(), "a stream cannot be read again"),
        (&["audit", "merge", "x", "--into", "-"], "a stream cannot be read again"),
        (&["report", "x", "--salvage", "-"], "a stream cannot be read again"),
        (&["fetch", "example.net", "--case", "-"], "a stream cannot be read again"),
        (&["investigate", "example.net", "--case", "-"], "a stream cannot be read again"),
    ] {
        let (code, result, said) = in_dir(arguments);
        assert!(code == 2 && result.is_empty() && said.contains(hint), "{arguments:?}: {said}");
    }
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    let (code, pairs, said) = in_dir(&["patterns", DUMP, "--assign", "-", "-o", "patterns.txt"]);
    assert!(code == 0 && pairs.lines().count() > 5 && pairs.lines().all(|line| line.contains('\t')), "{said}{pairs}");
    for (option, start) in [("--csv", "type,domain,"), ("--html", "<!"), ("--sarif", "{\"$schema\"")] {
        let (code, side, said) = in_dir(&[&audit[..], &[option, "-", "-o", "rows.jsonl"]].concat());
        assert!(code == 0 && side.starts_with(start), "{option}: {said}{side}");
        let (_, file, _) = in_dir(&[&audit[..], &[option, "side", "-o", "rows.jsonl"]].concat());
        assert!(file.is_empty() && side == std::fs::read_to_string(dir.path().join("side")).unwrap(), "{option}");
    }
}

#[test]
fn a_result_never_takes_the_place_of_what_is_worked_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.audit");
    let file = file.to_str().unwrap();
    assert_eq!(run(&["audit", "--from", DUMP, "--no-dns", "--file", file]).status.code(), Some(0));
    let kept = std::fs::read(file).unwrap();
    for arguments in [
        &["audit", "report", file, "-o", file][..],
        &["audit", "report", file, "--csv", file],
        &["audit", "--from", DUMP, "--no-dns", "--html", file],
        &["names", DUMP, "-o", file],
        &["patterns", DUMP, "--assign", file],
    ] {
        let output = run(arguments);
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(4) && said.contains("which would be lost"), "{arguments:?}: {said}");
    }
    assert!(kept == std::fs::read(file).unwrap());
    let output = run(&["names", DUMP, "-o", dir.path().to_str().unwrap()]);
    assert!(output.status.code() == Some(4) && text(&output.stderr).contains("it is a directory; name a file"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_or_a_pipe_is_written_as_it_is_whatever_the_option() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    let pipe = pipe.to_str().unwrap();
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    for arguments in [
        &["audit", "--from", DUMP, "--no-dns", "-q", "--csv", pipe][..],
        &["audit", "--from", DUMP, "--no-dns", "-q", "--sarif", pipe],
        &["audit", "--from", DUMP, "--no-dns", "-q", "--html", pipe],
        &["patterns", DUMP, "--assign", pipe],
        &["names", DUMP, "-o", pipe],
    ] {
        let reader = std::thread::spawn({
            let pipe = pipe.to_owned();
            move || std::fs::read(pipe).unwrap()
        });
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(!reader.join().unwrap().is_empty(), "{arguments:?}");
    }
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = ctclimb(&["audit", "--from", DUMP, "--no-dns"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    let said = text(&output.stderr);
    assert!(
        output.status.code() == Some(4) && said.contains("cannot write to standard output: No space left"),
        "{said}"
    );
    for option in ["--csv", "--sarif", "--html", "-o"] {
        let output = run(&["audit", "--from", DUMP, "--no-dns", option, "/dev/full"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{option}: {said}");
        assert!(said.contains("cannot write `/dev/full`: No space left"), "{option}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_keeps_its_permissions_and_the_links_to_it() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("mine"), "old").unwrap();
    std::fs::set_permissions(at("mine"), std::fs::Permissions::from_mode(0o600)).unwrap();
    symlink("mine", at("link")).unwrap();
    assert_eq!(run(&["names", DUMP, "-o", &at("link")]).status.code(), Some(0));
    let (link, mine) = (std::fs::symlink_metadata(at("link")).unwrap(), std::fs::metadata(at("mine")).unwrap());
    assert!(link.is_symlink() && mine.len() > 3);
    assert_eq!(mine.permissions().mode() & 0o777, 0o600);
}

#[cfg(unix)]
#[test]
fn a_reader_who_leaves_takes_no_other_result_with_him() {
    use std::io::Read as _;
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    // More than pipes and buffers hold.
    let list: String = (0..1500).map(|number| format!("www.example{number}.com\n")).collect();
    std::fs::write(at("list"), list).unwrap();
    let kept = at("list.audit");
    assert_eq!(run(&["audit", "--from", &at("list"), "--no-dns", "--file", &kept]).status.code(), Some(0));
    let audit = ["audit", "report", &kept, "-q"];
    for format in ["jsonl", "csv", "tsv"] {
        let side = at(&format!("{format}.side"));
        let mut child = ctclimb(&[&audit[..], &["-f", format, "--csv", &side]].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdout.take().unwrap().read_exact(&mut [0; 10]).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{format}");
        assert_eq!(std::fs::read_to_string(&side).unwrap().lines().count(), 3001, "{format}");
    }
    let (side, list) = (at("streamed.side"), at("list"));
    let streaming = ["audit", "--from", &list, "--no-dns", "-q", "--csv", &side];
    let mut child = ctclimb(&streaming).stdout(Stdio::piped()).spawn().unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0; 10]).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(std::fs::read_to_string(&side).unwrap().lines().count(), 3001);
    let read_a_little = |arguments: &[&str]| {
        let mut child = ctclimb(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdout.take().unwrap().read_exact(&mut [0; 10]).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{arguments:?}");
    };
    read_a_little(&[&audit[..], &["-f", "html"]].concat());
    for format in ["html", "csv", "json", "jsonl", "markdown", "text"] {
        read_a_little(&["analyze", &at("list"), "-q", "--all-names", "--max-patterns", "9999", "-f", format]);
    }
    assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = at("pipe");
        move || std::fs::File::open(pipe).unwrap().read_exact(&mut [0; 10]).unwrap()
    });
    let output = run(&[&audit[..], &["--csv", &at("pipe"), "-o", &at("rows")]].concat());
    reader.join().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(4) && said.contains("pipe`: Broken pipe"), "{said}");
    assert!(!std::path::Path::new(&at("rows")).exists(), "half a result is none");
}

#[test]
fn what_is_no_partial_is_told_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(at("directory")).unwrap();
    let good = run(&["patterns", DUMP, "--partial"]).stdout;
    let merge = |octets: &[u8]| {
        std::fs::write(at("part"), octets).unwrap();
        let output = run(&["patterns", "--merge", &at("part")]);
        assert!(output.stdout.is_empty() || output.status.success());
        (output.status.code().unwrap(), text(&output.stderr))
    };
    for (octets, hint) in [
        (&b""[..], "an empty file is no partial of ctclimb, not even one of no names: make it again with `--partial`"),
        (b"\x01", "it starts with `\\x01`"),
        (&good[..1], "a damaged partial: cut off at octet 1; make it again with `--partial`"),
        (&good[..3], "cut off at octet 3"),
        (&good[..9], "cut off at octet 8"),
        (&good[..41], "cut off at octet 41"),
        (&good[..good.len() - 1], "a damaged partial: it was cut off, altered, or joined with another"),
        (&[&good[..], &good].concat(), "joined with another"),
        (b"www.example.net\n", "it starts with `www.example.net\\n`; names and dumps are read without `--merge`"),
        (&zstd::encode_all(&b"www.example.net\n"[..], 1).unwrap(), "it starts with `www.example.net\\n`"),
        (&zstd::encode_all(&good[..], 1).unwrap()[..30], "cannot read a partial"),
    ] {
        let (code, said) = merge(octets);
        assert!(code == 4 && said.contains(hint) && said.contains("part`: "), "{hint}: {said}");
    }
    let patterns = run(&["patterns", DUMP]).stdout;
    for packed in [good.clone(), zstd::encode_all(&good[..], 1).unwrap()] {
        assert_eq!(merge(&packed).0, 0);
        assert!(run(&["patterns", "--merge", &at("part")]).stdout == patterns);
    }
    let directory = run(&["patterns", "--merge", &at("directory")]);
    assert!(directory.status.code() == Some(4) && text(&directory.stderr).contains("there is no file to read in"));
    std::fs::write(at("part"), &good).unwrap();
    for command in ["patterns", "names", "analyze"] {
        let output = run(&[command, &at("part")]);
        let said = text(&output.stderr);
        assert!(
            output.status.code() == Some(4) && said.contains("which `patterns --merge` reads"),
            "{command}: {said}"
        );
    }
}

#[test]
fn the_environment_is_judged_by_those_who_use_it() {
    let dir = tempfile::tempdir().unwrap();
    let audit = dir.path().join("a.audit");
    let audit = audit.to_str().unwrap();
    assert_eq!(run(&["audit", "--from", DUMP, "--no-dns", "--file", audit]).status.code(), Some(0));
    for (variable, value, hint) in [
        ("CTCLIMB_CRTSH_URL", "crt.sh", "is no URL: it does not begin with `https://`"),
        ("CTCLIMB_CRTSH_URL", "http://ct.example/", "must start with https://"),
        ("CTCLIMB_CERTSPOTTER_URL", "https://me:secret@ct.example/", "may have no user, password"),
        ("CTCLIMB_CRTSH_PG", "crt.sh:x", "write HOST or HOST:PORT"),
        ("CTCLIMB_CERTSPOTTER_KEY", "secret key", "has characters that no key has"),
    ] {
        let with = |arguments: &[&str]| {
            let output = ctclimb(arguments).env(variable, value).output().unwrap();
            (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
        };
        for arguments in [
            &["config", "show"][..],
            &["fetch", "example.net", "--no-case", "--dry-run"],
            &["investigate", "example.net", "--no-case", "--dry-run"],
            &["audit", "example.net", "--no-dns", "--dry-run"],
        ] {
            let (code, result, said) = with(arguments);
            let told = format!("ctclimb: the environment variable `{variable}` is not right: ");
            assert!(code == 2 && result.is_empty() && said.starts_with(&told), "{arguments:?}: {said}");
            assert!(said.contains(hint) && !said.contains("secret"), "{arguments:?}: {said}");
        }
        for arguments in [&["names", DUMP][..], &["audit", "--from", DUMP, "--no-dns"], &["audit", "report", audit]] {
            assert_eq!(with(arguments).0, 0, "{arguments:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_not_passed_over() {
    use std::os::unix::ffi::OsStrExt as _;
    let odd = std::ffi::OsStr::from_bytes(b"https://\xff.example/");
    let output =
        ctclimb(&["fetch", "example.net", "--no-case", "--dry-run"]).env("CTCLIMB_CRTSH_URL", odd).output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("`CTCLIMB_CRTSH_URL`"), "{said}{}", text(&output.stdout));
}

#[test]
fn what_goes_far_beyond_is_refused_before_it_takes_time() {
    let (long, threads) = ("x".repeat(100_000), "99999999");
    for (arguments, hint) in [
        (&["audit", "--from", DUMP, "--no-dns", "--workers", threads][..], "is no number from 1 to 1024"),
        (&["patterns", DUMP, "--threads", threads], "is no number from 1 to 1024"),
        (&["names", DUMP, "--now", "9999999999999999"], "beyond the years that can be told"),
        (&["names", DUMP, "--now=-9999999999999999"], "beyond the years that can be told"),
        (&["patterns", DUMP, "--keep", &long], "is no label of a DNS name"),
        (&["fetch", &long], "253 are allowed"),
        (&["caa", &long], "is no DNS name"),
        (&["names", &format!("--{long}")], "unexpected argument"),
    ] {
        let said = refused(arguments);
        assert!(said.contains(hint), "{said:.300}");
        assert!(said.len() < 12_000, "{} octets", said.len());
    }
}

#[test]
fn only_what_was_a_case_file_is_salvaged() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("text"), "www.example.net\n".repeat(1000)).unwrap();
    std::fs::write(at("empty"), "").unwrap();
    std::fs::write(at("head"), b"SQLite format 3\0").unwrap();
    for (case, new, hint) in [
        ("text", "new", "cannot salvage `"),
        ("empty", "new", "not a case file of ctclimb"),
        ("head", "new", "cannot salvage `"),
        ("absent", "new", "No such file"),
        ("head", "none/new", "there is no directory"),
    ] {
        let output = run(&["report", &at(case), "--salvage", &at(new)]);
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(4) && said.contains(hint) && said.lines().count() == 1, "{case}: {said}");
        assert!(!std::path::Path::new(&at("new")).exists(), "{case}: nothing is left");
    }
}

#[test]
fn a_plan_goes_where_results_go() {
    let dir = tempfile::tempdir().unwrap();
    let plan = dir.path().join("plan");
    let output = run(&["caa", "www.example.net", "-r", "192.0.2.1", "--dry-run", "-o", plan.to_str().unwrap()]);
    assert!(output.status.success() && output.stdout.is_empty(), "{}", text(&output.stderr));
    assert!(std::fs::read_to_string(plan).unwrap().starts_with("3 levels of 1 name"));
}

#[test]
fn the_directory_for_temporary_files_is_missed_where_it_is_needed_only() {
    let dir = tempfile::tempdir().unwrap();
    let (absent, file) = (dir.path().join("absent"), dir.path().join("patterns"));
    let told = |arguments: &[&str]| {
        let output = ctclimb(arguments).env("TMPDIR", &absent).output().unwrap();
        (output.status.code().unwrap(), text(&output.stderr))
    };
    let file = file.to_str().unwrap();
    for arguments in [&["patterns", DUMP, "--assign", "-", "-o", file][..], &["names", DUMP], &["analyze", DUMP]] {
        assert_eq!(told(arguments).0, 0, "{arguments:?}");
    }
    let (code, said) = told(&["audit", "--from", DUMP, "--no-dns"]);
    assert!(code == 4 && said.contains("cannot use the directory for temporary files"), "{said}");
}

#[test]
fn a_file_in_place_of_a_domain_is_told_from_one() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("domains.txt"), "example.net\n").unwrap();
    for (command, instead) in [
        ("audit", "`--list FILE` reads the domains"),
        ("fetch", "`--list FILE` reads the domains"),
        ("caa", "`--list FILE` reads the names"),
        ("investigate", "`ctclimb analyze FILE` reads"),
    ] {
        let output = ctclimb(&[command, "domains.txt", "--dry-run"]).current_dir(dir.path()).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert!(
            said.contains("`domains.txt` is a file here, and no TLD is called `txt`") && said.contains(instead),
            "{said}"
        );
        // Without the file it is a name like any other.
        assert_ne!(run(&[command, "domains.txt", "--dry-run"]).status.code(), Some(2), "{command}");
    }
}

#[test]
fn a_stream_is_no_file_of_settings() {
    for arguments in [
        &["caa", "www.example.net", "--dns", "-"][..],
        &["analyze", DUMP, "--dns", "-"],
        &["audit", "--from", DUMP, "--policy", "-"],
        &["names", DUMP, "--config", "-"],
        &["caa", "www.example.net", "--root-hints", "-", "--dry-run"],
        &["trace", "www.example.net", "--root-hints", "-"],
        &["report", "-"],
    ] {
        let said = refused(arguments);
        assert!(said.contains("`-` is standard input, and a file is wanted here"), "{arguments:?}: {said}");
    }
}
