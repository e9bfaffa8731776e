//! What people have at hand, through the whole program: dumps with gaps, a domain without certificates, pipes that break.

use std::io::{Read as _, Write as _};
use std::process::{Output, Stdio};

use super::tool::{ctclimb, run, text};

/// Runs the program on an input; the second value tells whether all of the input could be written.
fn run_on(arguments: &[&str], input: &[u8]) -> (Output, bool) {
    let mut child =
        ctclimb(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let written = stdin.write_all(input).is_ok();
    drop(stdin);
    (child.wait_with_output().unwrap(), written)
}

#[test]
fn what_a_dump_lacks_is_told_by_names_and_patterns_alike() {
    let dump =
        br#"[{"name_value":"a.example.net\nOrg, Inc","result_count":9000},{"id":1},{"name_value":"b.example.net",
        "result_count":"1000"}]"#;
    for arguments in [&["names", "-"][..], &["patterns", "-"], &["patterns", "-", "-f", "json"]] {
        let (output, _) = run_on(arguments, dump);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {said}");
        for part in [
            "dropped 1 entry with blanks (blank), such as `Org, Inc`",
            "1 record that cannot be read (unreadable-record), the first: standard input, octet",
            "where crt.sh cuts an answer",
        ] {
            assert!(said.contains(part), "{arguments:?}: {said}");
        }
        let (quiet, _) = run_on(&[arguments, &["-q"]].concat(), dump);
        assert_eq!((quiet.status.code(), text(&quiet.stderr).as_str()), (Some(3), ""), "{arguments:?}");
        assert_eq!(quiet.stdout, output.stdout, "{arguments:?}");
    }
}

#[test]
fn what_is_no_dump_is_told_with_what_to_do() {
    for (input, expected) in [
        (
            &b"\xfd7zXZ\0\0\0"[..],
            "`standard input` starts with `no text, octets fd 37 7a 58 5a 00 00 00 ...`: packed by xz: unpack it first",
        ),
        (b"https://a.example.net/\n", "URLs: names are read one a line"),
        (b"hello\n", "expected crt.sh or Cert Spotter JSON"),
        (
            b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
            "no certificate in it, only other PEM blocks",
        ),
    ] {
        let (output, _) = run_on(&["names", "-"], input);
        let said = text(&output.stderr);
        assert!(matches!(output.status.code(), Some(3 | 4)) && said.contains(expected), "{said}");
    }
}

#[test]
fn a_domain_without_certificates_is_judged_itself() {
    let analyze = |more: &[&str]| {
        let arguments = ["analyze", "-", "-d", "example.net", "--dns", "fixtures/dns/forum.toml"];
        run_on(&[&arguments, more].concat(), b"[]").0
    };
    let output = analyze(&["--issuer", "letsencrypt.org"]);
    let report = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert!(report.starts_with("FAIL `example.net`: the CAA lookup fails at `net`"), "{report}");
    assert!(
        report.replace("\n  ", " ").contains("No names of certificates were found, so the domain itself was checked."),
        "{report}"
    );
    assert!(report.contains("example.net. IN CAA 0 issue \"letsencrypt.org\""), "{report}");
    let document: serde_json::Value = serde_json::from_slice(&analyze(&["-f", "json"]).stdout).unwrap();
    assert_eq!((&document["names"], &document["checked"][0]["name"]), (&0.into(), &"example.net".into()));
    assert_eq!(document["checked"][0]["verdict"], "fail");
    assert_eq!(document["advice"][0]["level"], "example.net");
    // With names the domain is a level like any other.
    let (output, _) = run_on(
        &["analyze", "-", "-d", "example.net", "--dns", "fixtures/dns/forum.toml", "-f", "json"],
        b"www.example.net\n",
    );
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let checked: Vec<&str> =
        document["checked"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(checked, ["www.example.net"]);
}

#[test]
fn whoever_feeds_one_machine_of_many_is_not_cut_off() {
    let partial = run(&["patterns", "--partial", "fixtures/ct/crtsh/odd-names.json"]).stdout;
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(&partial[..], flate2::Compression::fast()).read_to_end(&mut packed).unwrap();
    packed.truncate(packed.len() / 2);
    // A block type that there is none of, and far more than a pipe holds.
    packed.extend(vec![0xff; 4 << 20]);
    for arguments in [&["patterns", "--merge"][..], &["patterns", "--merge", "-"], &["patterns", "--partial", "-"]] {
        let (output, written) = run_on(arguments, &packed);
        assert!(written, "{arguments:?}: the pipe broke");
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn a_page_of_the_manual_has_no_other_format() {
    for arguments in [&["man", "-f", "html"][..], &["completions", "bash", "-f", "json"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains("it has text"), "{arguments:?}");
    }
}

#[test]
fn a_list_is_read_whole_or_refused() {
    let list = "www.example.net\n".repeat((64 << 20) / 16 + 1);
    let (output, _) = run_on(&["fetch", "-l", "-", "--dry-run", "--no-case"], list.as_bytes());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("is over 64 MiB"), "{}", text(&output.stderr));
    let named =
        run(&["fetch", "-d", "example.net", "--domain", "example.org", "example.com", "--dry-run", "--no-case"]);
    let told = text(&named.stdout);
    for domain in ["example.com", "example.net", "example.org"] {
        assert!(told.contains(&format!("{domain}: crt.sh: at most")), "{told}");
    }
}
