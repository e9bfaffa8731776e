//! Audits from dumps and scripted DNS: through the real program, as separate processes where that is the point.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn audit(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ctclimb"))
        .args(["audit", "--now", "2026-11-24T00:00:00Z", "-q"])
        .args(arguments)
        .env_remove("CTCLIMB_CONFIG")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .output()
        .unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn lines(output: &Output) -> Vec<serde_json::Value> {
    let told = String::from_utf8_lossy(&output.stderr);
    let read = |line: &[u8]| serde_json::from_slice(line).unwrap_or_else(|error| panic!("{error}: {told}"));
    output.stdout.split(|&octet| octet == b'\n').filter(|line| !line.is_empty()).map(read).collect()
}

/// A dump of `domains` domains with two to four certificates each, some with names of two domains.
fn dump(domains: usize) -> String {
    let mut dump = String::new();
    let mut serial = 0;
    for n in 0..domains {
        for certificate in 0..2 + n % 3 {
            serial += 1;
            let domain = format!("d{n}.example");
            let names = match (n + certificate) % 4 {
                0 => format!("{domain}\\nwww.{domain}"),
                1 => format!("*.{domain}\\n{domain}"),
                2 => format!("*.p{serial}x.preview.{domain}"),
                _ => format!("api.{domain}\\nshared.d{}.example", (n + 1) % domains),
            };
            for form in 0..2 {
                writeln!(
                    dump,
                    "{{\"issuer_ca_id\":1,\"issuer_name\":\"C=US, O=Let's Encrypt, CN=R3\",\"common_name\":\"{domain}\",\
                     \"name_value\":\"{names}\",\"id\":{},\"entry_timestamp\":\"2026-01-02T00:00:00\",\
                     \"not_before\":\"2026-01-0{}T00:00:00\",\"not_after\":\"2026-04-01T00:00:00\",\
                     \"serial_number\":\"03{serial:030x}\",\"result_count\":2}}",
                    2 * serial + form,
                    1 + certificate,
                )
                .unwrap();
            }
        }
    }
    dump
}

#[test]
fn every_rule_of_the_policy_example_is_violated_by_its_domain() {
    let (dump, dns, policy) =
        (fixture("policy/dump.ndjson"), fixture("policy/dns.toml"), fixture("policy/policy.toml"));
    let output = audit(&["--from", text(&dump), "--dns", text(&dns), "--policy", text(&policy), "--sorted"]);
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines(&output).iter().filter(|line| line["type"] == "domain") {
        let findings = line["findings"].as_array().unwrap().iter();
        let policy = findings.filter(|finding| {
            finding["code"].as_str().unwrap().starts_with("policy-") && finding["code"] != "policy-denies"
        });
        let words = policy.map(|f| format!("{} {}", f["severity"].as_str().unwrap(), f["code"].as_str().unwrap()));
        found.insert(line["domain"].as_str().unwrap().to_owned(), words.collect());
    }
    let expected = [
        ("deep.example", vec!["error policy-wildcard-level"]),
        ("expired.example", vec!["error policy-wildcard-level"]),
        ("good.example", vec![]),
        ("nocaa.example", vec!["error policy-caa-missing"]),
        ("onlyissue.example", vec!["error policy-issuewild-missing"]),
        ("stranger.example", vec!["error policy-issuer-not-allowed"]),
        ("tolerated.example", vec!["note policy-wildcard-level"]),
        ("undecided.example", vec!["warning policy-undecided"]),
        ("unseen.example", vec!["error policy-pattern-unseen"]),
    ];
    let expected: BTreeMap<String, Vec<String>> = expected
        .into_iter()
        .map(|(domain, codes)| (domain.to_owned(), codes.into_iter().map(str::to_owned).collect()))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(output.status.code(), Some(1), "a violated rule makes a gate");
}

#[test]
fn shards_run_as_processes_and_merged_are_the_unsharded_run_byte_for_byte() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dump.ndjson");
    std::fs::write(&path, dump(60)).unwrap();
    let dns = fixture("policy/dns.toml");
    let input = ["--from", text(&path), "--dns", text(&dns), "--sorted"];
    let whole = audit(&[&input[..], &["--workers", "1"]].concat());
    assert!(!whole.stdout.is_empty(), "{}", String::from_utf8_lossy(&whole.stderr));
    assert_eq!(lines(&whole).last().unwrap()["done"], 60);
    assert!(audit(&[&input[..], &["--workers", "2"]].concat()).stdout == whole.stdout, "threads do not matter");
    let files: Vec<PathBuf> = (1..=7).map(|n| directory.path().join(format!("{n}.audit"))).collect();
    // As GNU parallel would: `parallel ctclimb audit ... --shard {}/7 --file {}.audit ::: 1 2 3 4 5 6 7`.
    let mut children: Vec<_> = (1..)
        .zip(&files)
        .map(|(n, file)| {
            Command::new(env!("CARGO_BIN_EXE_ctclimb"))
                .args(["audit", "--now", "2026-11-24T00:00:00Z", "-q"])
                .args(input)
                .args(["--shard", &format!("{n}/7"), "--file", text(file)])
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in &mut children {
        child.wait().unwrap();
    }
    let names: Vec<&str> = files.iter().map(|file| text(file)).collect();
    let merged = audit(&[&["merge", "--sorted"], &names[..]].concat());
    assert!(merged.stdout == whole.stdout, "{}", String::from_utf8_lossy(&merged.stderr));
    for (files, why) in
        [(&names[1..], "shards are missing: 1/7"), (&[&names[..], &names[..1]].concat()[..], "it is there twice")]
    {
        let refused = audit(&[&["merge"], files].concat());
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(4) && told.contains(why), "{told}");
    }
}

#[test]
fn shards_with_other_options_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dump.ndjson");
    std::fs::write(&path, dump(6)).unwrap();
    let files: Vec<PathBuf> = (1..=2).map(|n| directory.path().join(format!("{n}.audit"))).collect();
    for (n, (file, sample)) in (1..).zip(files.iter().zip(["8", "4"])) {
        let shard = format!("{n}/2");
        audit(&["--from", text(&path), "--no-dns", "--sample", sample, "--shard", &shard, "--file", text(file)]);
    }
    let refused = audit(&["merge", text(&files[0]), text(&files[1])]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(4) && told.contains("shards must be made alike"), "{told}");
}

#[test]
fn junk_lines_are_named_and_cost_exit_3_or_2_with_strict() {
    let directory = tempfile::tempdir().unwrap();
    let (path, list) = (directory.path().join("dump.ndjson"), directory.path().join("list"));
    std::fs::write(&path, dump(3)).unwrap();
    std::fs::write(&list, "d1.example\nnot a name\nco.uk\nabsent.example\n").unwrap();
    let input = ["--from", text(&path), "-l", text(&list), "--no-dns", "--fail-on", "never", "--sorted"];
    let output = audit(&input);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("line 2:") && told.contains("line 3: `co.uk` is a public suffix"), "{told}");
    assert_eq!(output.status.code(), Some(3));
    let domains: Vec<_> =
        lines(&output).iter().filter(|l| l["type"] == "domain").map(|l| l["domain"].clone()).collect();
    assert_eq!(domains, ["absent.example", "d1.example"]);
    assert_eq!(audit(&[&input[..], &["--strict"]].concat()).status.code(), Some(2));
}

#[test]
fn an_audit_goes_on_and_tells_what_changed() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (directory.path().join("old.audit"), directory.path().join("new.audit"));
    for (file, domains) in [(&old, 4), (&new, 5)] {
        let path = directory.path().join(format!("{domains}.ndjson"));
        std::fs::write(&path, dump(domains)).unwrap();
        let input = ["--from", text(&path), "--no-dns", "--file", text(file), "--sorted"];
        let first = audit(&input);
        assert!(audit(&input).stdout == first.stdout, "a finished audit gives its rows again");
    }
    let status = audit(&["status", text(&old), "-f", "json"]);
    assert_eq!(lines(&status)[0]["done"], 4);
    let changes = lines(&audit(&["diff", text(&old), text(&new), "-f", "json"]));
    assert!(changes.iter().any(|change| change["kind"] == "new" && change["domain"] == "d4.example"), "{changes:?}");
}

#[test]
fn tables_pages_and_sarif_are_written_beside_the_rows() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let (csv, html, sarif) = (at("a.csv"), at("a.html"), at("a.sarif"));
    let (dump, dns, policy) =
        (fixture("policy/dump.ndjson"), fixture("policy/dns.toml"), fixture("policy/policy.toml"));
    let input = ["--from", text(&dump), "--dns", text(&dns), "--policy", text(&policy)];
    audit(&[&input[..], &["--csv", text(&csv), "--html", text(&html), "--sarif", text(&sarif)]].concat());
    assert!(std::fs::read_to_string(csv).unwrap().starts_with("type,domain,pattern,template"));
    assert!(std::fs::read_to_string(html).unwrap().contains("policy-caa-missing"));
    let log: serde_json::Value = serde_json::from_slice(&std::fs::read(sarif).unwrap()).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let rules: Vec<_> = log["runs"][0]["results"].as_array().unwrap().iter().map(|r| r["ruleId"].clone()).collect();
    assert!(rules.contains(&"policy-issuer-not-allowed".into()), "{rules:?}");
}

/// A schema that knows every field: what is not listed is refused, so that the published one cannot fall behind.
fn strict(name: &str) -> jsonschema::Validator {
    fn close(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(fields) => {
                fields.values_mut().for_each(close);
                // Not where other schemas add to it.
                if fields.get("properties").is_some_and(serde_json::Value::is_object)
                    && fields.contains_key("required")
                    && !fields.contains_key("allOf")
                {
                    fields.insert("additionalProperties".to_owned(), false.into());
                }
            }
            serde_json::Value::Array(values) => values.iter_mut().for_each(close),
            _ => {}
        }
    }
    let text = std::fs::read_to_string(fixture("schema").join(name)).unwrap();
    let mut schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    close(&mut schema);
    jsonschema::validator_for(&schema).unwrap()
}

fn faults(schema: &jsonschema::Validator, value: &serde_json::Value) -> Vec<String> {
    schema.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_lines_are_those_of_the_published_schema() {
    let schema = strict("audit.json");
    let (dump, dns, policy) =
        (fixture("policy/dump.ndjson"), fixture("policy/dns.toml"), fixture("policy/policy.toml"));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.audit");
    let input = ["--from", text(&dump), "--dns", text(&dns), "--policy", text(&policy), "--file", text(&file)];
    let mut all = lines(&audit(&input));
    // The same domains later, with other certificates: rows that changed.
    let other = directory.path().join("other.ndjson");
    let changed = std::fs::read_to_string(&dump).unwrap().replace("www.nocaa", "*.new.nocaa").replace("CN=R3", "CN=E7");
    std::fs::write(&other, changed).unwrap();
    let later = ["--from", text(&other), "--dns", text(&dns), "--file", text(&file), "--max-age", "1h"];
    let output = Command::new(env!("CARGO_BIN_EXE_ctclimb"))
        .args(["audit", "--now", "2026-11-25T00:00:00Z", "-q"])
        .args(later)
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .output()
        .unwrap();
    all.extend(lines(&output));
    all.extend(lines(&audit(&["--from", text(&dump), "--no-dns", "bücher.example"])));
    let mut kinds = BTreeMap::new();
    for line in &all {
        let found = faults(&schema, line);
        assert!(found.is_empty(), "{found:#?}: {line:#}");
        *kinds.entry(line["type"].as_str().unwrap()).or_insert(0) += 1;
    }
    assert!(["change", "domain", "pattern", "summary"].iter().all(|kind| kinds.contains_key(kind)), "{kinds:?}");
    assert!(
        all.iter().any(|line| line["domain_unicode"] == "bücher.example" && line["domain"] == "xn--bcher-kva.example")
    );
    let broken = serde_json::json!({"schema": "ctclimb.audit/1", "type": "failed", "domain": "a.example"});
    assert!(!faults(&schema, &broken).is_empty(), "a line without its fields is refused");
}

#[test]
fn sarif_has_what_the_standard_and_code_hosts_require() {
    let schema = strict("sarif.json");
    let directory = tempfile::tempdir().unwrap();
    let (sarif, list) = (directory.path().join("a.sarif"), directory.path().join("my domains.txt"));
    std::fs::write(&list, "# mine\ngood.example\n\nexpired.example\nstranger.example\ntolerated.example\n").unwrap();
    let (dump, dns, policy) =
        (fixture("policy/dump.ndjson"), fixture("policy/dns.toml"), fixture("policy/policy.toml"));
    let input = ["--from", text(&dump), "--dns", text(&dns), "--policy", text(&policy), "-l", text(&list)];
    audit(&[&input[..], &["--sarif", text(&sarif)]].concat());
    let log: serde_json::Value = serde_json::from_slice(&std::fs::read(&sarif).unwrap()).unwrap();
    let found = faults(&schema, &log);
    assert!(found.is_empty(), "{found:#?}");
    let run = &log["runs"][0];
    let rules: Vec<&str> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    let mut prints = std::collections::BTreeSet::new();
    for result in run["results"].as_array().unwrap() {
        assert!(rules.contains(&result["ruleId"].as_str().unwrap()), "{result:#}");
        assert!(prints.insert(result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap().to_owned()));
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["artifactLocation"]["uri"].as_str().unwrap().ends_with("/my%20domains.txt"), "{place}");
        let line = match result["locations"][0]["logicalLocations"][0]["name"].as_str().unwrap() {
            "good.example" => 2,
            "expired.example" => 4,
            "stranger.example" => 5,
            "tolerated.example" => 6,
            other => panic!("{other}"),
        };
        assert_eq!(place["region"]["startLine"], line);
    }
    let suppressed = |result: &&serde_json::Value| result.get("suppressions").is_some();
    let tolerated: Vec<_> = run["results"].as_array().unwrap().iter().filter(suppressed).collect();
    assert_eq!(tolerated.len(), 1);
    assert!(tolerated[0]["message"]["text"].as_str().unwrap().starts_with("tolerated.example:"), "{:#}", tolerated[0]);
    assert!(!faults(&schema, &serde_json::json!({"version": "2.1.0"})).is_empty());
}

#[test]
fn parquet_goes_out_and_comes_in_or_is_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let (dump, dns) = (fixture("policy/dump.ndjson"), fixture("policy/dns.toml"));
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctclimb"));
        command.args(["--now", "2026-11-24T00:00:00Z", "-q", "--fail-on", "never"]).args(arguments);
        command.env("XDG_CONFIG_HOME", "/nonexistent").output().unwrap()
    };
    let rows = at("rows.parquet");
    let written = run(&["audit", "--from", text(&dump), "--dns", text(&dns), "--parquet", text(&rows)]);
    let told = String::from_utf8_lossy(&written.stderr).into_owned();
    std::fs::write(at("other.parquet"), b"PAR1 and so on").unwrap();
    let read = run(&["names", text(&at("other.parquet"))]);
    let refused = String::from_utf8_lossy(&read.stderr).into_owned();
    if !cfg!(feature = "parquet") {
        assert!(written.status.code() == Some(2) && told.contains("build with `--features parquet`"), "{told}");
        assert!(read.status.code() == Some(4) && refused.contains("build with `--features parquet`"), "{refused}");
        return;
    }
    assert_eq!(written.status.code(), Some(0), "{told}");
    assert!(std::fs::read(&rows).unwrap().starts_with(b"PAR1"));
    assert_eq!(read.status.code(), Some(3), "what cannot be read on is not complete");
    // Names of a dump, out and in again: the same names.
    let plain = run(&["names", text(&dump)]);
    let mut expected: Vec<&[u8]> = plain.stdout.split(|&octet| octet == b'\n').collect();
    expected.sort_unstable();
    for (command, more) in [("names", &[][..]), ("patterns", &[]), ("analyze", &["--dns", text(&dns)])] {
        let table = at(&format!("{command}.parquet"));
        let out = run(&[&[command, text(&dump), "-f", "parquet", "-o", text(&table)], more].concat());
        assert_eq!(out.status.code(), Some(0), "{command}: {}", String::from_utf8_lossy(&out.stderr));
        let piped = run(&[&[command, text(&dump), "-f", "parquet"], more].concat());
        assert!(piped.stdout == std::fs::read(&table).unwrap(), "{command}: standard output has other octets");
        let back = run(&["names", text(&table)]);
        let mut found: Vec<&[u8]> = back.stdout.split(|&octet| octet == b'\n').collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{command}");
    }
    let audited = run(&["audit", "--from", text(&at("names.parquet")), "--no-dns", "--sorted"]);
    let domains = lines(&audited).iter().filter(|line| line["type"] == "domain").count();
    assert_eq!(domains, 9, "{}", String::from_utf8_lossy(&audited.stderr));
}

/// The lines of the first `sh` block of the README that has `word`.
#[cfg(unix)]
fn recipe(word: &str) -> String {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.contains(word)).map(str::to_owned).next().unwrap()
}

#[cfg(unix)]
#[test]
fn the_recipe_for_gnu_parallel_is_the_unsharded_run_byte_for_byte() {
    let found = Command::new("parallel").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "GNU parallel is needed");
        println!("skipped: GNU parallel is not installed");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::create_dir(at("dumps")).unwrap();
    std::fs::write(at("dumps/dump.ndjson"), dump(40)).unwrap();
    std::fs::copy(fixture("policy/dns.toml"), at("answers.toml")).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ctclimb")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let run = |script: &str| {
        let mut command = Command::new("bash");
        command.args(["-euc", script]).current_dir(directory.path()).env("PATH", &path).env("HOME", directory.path());
        command.env("XDG_CONFIG_HOME", "/nonexistent").env("SOURCE_DATE_EPOCH", "1795478400");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run(&recipe("parallel ctclimb"));
    run("ctclimb audit --from dumps/ --dns answers.toml --fail-on never -q --sorted > whole.jsonl");
    let (merged, whole) = (std::fs::read(at("rows.jsonl")).unwrap(), std::fs::read(at("whole.jsonl")).unwrap());
    assert!(merged == whole && merged.len() > 1000);
}

#[test]
fn a_merge_names_both_shards_that_differ_and_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("a.ndjson"), dump(6)).unwrap();
    std::fs::write(at("b.ndjson"), dump(7)).unwrap();
    let shard = |n: u32, file: &str, input: &str, more: &[&str]| {
        let (path, shard, file) = (at(input), format!("{n}/2"), at(file));
        let given = ["--from", text(&path), "--no-dns", "--shard", &shard, "--file", text(&file)];
        audit(&[&given[..], more].concat());
    };
    shard(1, "1.audit", "a.ndjson", &[]);
    shard(2, "2.audit", "a.ndjson", &[]);
    shard(2, "sample.audit", "a.ndjson", &["--sample", "4", "--detail", "high"]);
    shard(2, "input.audit", "b.ndjson", &[]);
    shard(2, "version.audit", "a.ndjson", &[]);
    let version = rusqlite::Connection::open(at("version.audit")).unwrap();
    version.execute("UPDATE settings SET value = 'ctclimb 9.9.9' WHERE name = 'tool'", []).unwrap();
    drop(version);
    let into = at("all.audit");
    let merge = |second: &str| {
        let output = audit(&["merge", text(&at("1.audit")), text(&at(second)), "--into", text(&into), "--sorted"]);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (second, words) in [
        ("sample.audit", &["1.audit", "sample.audit", "detail=high sample=4", "detail=normal sample=8"][..]),
        ("input.audit", &["1.audit", "input.audit", "has input `domains=7 records="]),
        ("version.audit", &["1.audit", "version.audit", "tool `ctclimb 9.9.9`", "ctclimb 0.1.0"]),
    ] {
        let (code, told) = merge(second);
        assert!(code == Some(4) && words.iter().all(|word| told.contains(word)), "{second}: {told}");
        assert!(!into.exists(), "{second}");
    }
    assert_eq!(merge("2.audit").0, Some(0));
    let whole = audit(&["--from", text(&at("a.ndjson")), "--no-dns", "--sorted"]);
    assert!(audit(&["report", text(&into), "--sorted"]).stdout == whole.stdout);
    let status = lines(&audit(&["status", text(&into), "-f", "json"]));
    assert_eq!((&status[0]["done"], &status[0]["settings"]["shard"]), (&6.into(), &"1/1".into()));
    assert_eq!(merge("2.audit").0, Some(2), "what is there is not written over");
    let left: Vec<_> = directory.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".ctclimb")), "{left:?}");
}

#[test]
fn an_audit_file_that_cannot_be_used_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("dump.ndjson"), dump(200)).unwrap();
    let input = [("--from", at("dump.ndjson")), ("--file", at("a.audit"))];
    let input: Vec<&str> = input.iter().flat_map(|(option, path)| [*option, text(path)]).collect();
    audit(&[&input[..], &["--no-dns"]].concat());
    let octets = std::fs::read(at("a.audit")).unwrap();
    let told = |name: &str, arguments: &[&str]| {
        let output = audit(arguments);
        (output.status.code(), format!("{name}: {}", String::from_utf8_lossy(&output.stderr)))
    };
    // Damaged in the middle; cut; another kind of file; of a newer program; begun with other options.
    let mut damaged = octets.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 30_000].fill(0xa5);
    std::fs::write(at("damaged.audit"), damaged).unwrap();
    std::fs::write(at("cut.audit"), &octets[..octets.len() / 2]).unwrap();
    std::fs::write(at("text.audit"), "a text that is long enough to be taken for something else").unwrap();
    std::fs::write(at("newer.audit"), &octets).unwrap();
    rusqlite::Connection::open(at("newer.audit")).unwrap().execute_batch("PRAGMA user_version = 7").unwrap();
    for (name, why) in [
        ("damaged", "is damaged"),
        ("cut", "is damaged"),
        ("text", "is not an audit file of this program"),
        ("newer", "a newer ctclimb is needed"),
        ("absent", "cannot use"),
    ] {
        let path = at(&format!("{name}.audit"));
        let (code, told) = told(name, &["report", text(&path)]);
        assert!(code == Some(4) && told.contains(why) && told.contains(&format!("{name}.audit")), "{told}");
    }
    let (code, told) = told("options", &[&input[..], &["--no-dns", "--sample", "3"]].concat());
    assert!(code == Some(4) && told.contains("begun with options `sample=8`, not `sample=3`"), "{told}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_known_before_or_told() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("dump.ndjson"), dump(300)).unwrap();
    let (path, file) = (at("dump.ndjson"), at("a.audit"));
    let input = ["--from", text(&path), "--no-dns", "--file", text(&file)];
    for option in ["-o", "--csv", "--html", "--sarif"] {
        for place in [at("absent/file"), directory.path().to_owned()] {
            let output = audit(&[&input[..], &[option, text(&place)]].concat());
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.code() == Some(4) && told.contains("cannot write"), "{option}: {told}");
            assert!(!file.exists(), "nothing was done");
        }
    }
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ctclimb"))
        .args(["audit", "-q"])
        .args(input)
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .stdout(full)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(4) && told.contains("No space left on device"), "{told}");
    let again = audit(&input);
    assert_eq!(lines(&again).last().unwrap()["done"], 300, "what was kept is whole");
}

#[test]
fn lists_are_read_as_people_write_them() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("list");
    std::fs::write(&list, "bücher.example\nXN--BCHER-KVA.example.\n\nd1.example # twice\nd1.example\n*.d2.example\n")
        .unwrap();
    let output = audit(&["-l", text(&list), "--no-dns", "--from", text(&fixture("policy/dump.ndjson")), "--sorted"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let all = lines(&output);
    let domains: Vec<_> = all.iter().filter(|l| l["type"] == "domain").map(|l| l["domain"].clone()).collect();
    assert_eq!(domains, ["d1.example", "xn--bcher-kva.example"], "{told}");
    let input = &all.last().unwrap()["input"];
    assert_eq!((&input["repeated"], &input["refused"]), (&2.into(), &1.into()));
    assert!(told.contains("line 6: `*.d2.example` is a name of certificates, not a domain"), "{told}");
    for wrong in [&["co.uk", "--no-dns"][..], &["--from", "/nonexistent", "--no-dns"], &["--shard", "3/2", "a.example"]]
    {
        let output = audit(wrong);
        assert!(matches!(output.status.code(), Some(2 | 4)), "{wrong:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
