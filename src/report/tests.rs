//! Every format over the same hand-made reports: what it says, what hostile texts become, how much of it there is.

use unicode_width::UnicodeWidthStr as _;

use super::fixture::{hostile, large, story};
use super::*;

fn render(report: &Report, format: Format, style: &Style) -> String {
    let mut bytes = Vec::new();
    write(report, format, style, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn text(report: &Report, style: &Style) -> String {
    render(report, Format::Text, style)
}

#[test]
fn the_first_screen_says_what_where_who_and_which_record() {
    let text = text(&story(), &Style::default());
    let first: Vec<&str> = text.split("\n\n").take(2).collect();
    assert_eq!(
        first.join("\n\n"),
        "\
FAIL `example.net`: the CAA lookup fails at `net` (timeout in 1 of 2 lookups);
  that blocks all 8 names checked, which stand for 4,814. Not all that was asked
  for was obtained: see coverage.
  4,814 names in 2,408 certificates and 2 patterns. ctclimb 0.1.0,
  2023-12-21T12:00:00Z.

  Names       `[*.]{base32:52}.xnw6x.example.net` (both with and without `*.`):
              4,812 of 4,814 names, 2,406 of 2,408 certificates
  Fails       at `net` (the TLD): some name servers do not answer
              (`server-partly-unreachable`); timeout at 192.0.2.53;
              198.51.100.53 gets an answer
  Who         the registry of net; the domain's owner can avoid the question
  What helps  one CAA record at `example.net`: it decides all 4,814 names (2,408
              certificates seen) and ends the climb before the failure at `net`.
              It denies every CA that it does not list.
              example.net. IN CAA 0 issue \"letsencrypt.org\""
    );
    for said in [
        "FN  net  failed (timeout) at 1 of 2; no CAA at 1 of 2",
        "Who: the registry of net",
        "  1  At example.net: it decides all 4,814 names",
        "       xnw6x.example.net. IN CAA 0 issue \"letsencrypt.org\"",
        "INCOMPLETE",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

#[test]
fn no_format_says_up_or_down() {
    for format in Format::ALL {
        let text = render(&story(), format, &Style::default()).to_lowercase();
        assert!(!text.split(|c: char| !c.is_alphanumeric()).any(|word| word == "up" || word == "down"), "{format:?}");
    }
}

#[test]
fn every_width_holds_all_lines_but_the_records_to_copy() {
    for report in [story(), hostile(), large(300)] {
        for width in [20, 40, 80, 200] {
            for ascii in [false, true] {
                let style = Style { width, ascii, ..Style::default() };
                let text = text(&report, &style);
                let records: Vec<String> = report
                    .advice
                    .iter()
                    .flat_map(|a| &a.records)
                    .map(|record| safe::ascii(record).into_owned())
                    .collect();
                for line in text.lines().filter(|line| !records.iter().any(|record| record == line.trim())) {
                    assert!(line.width() <= width, "{} of {width}: {line}", line.width());
                }
                assert!(!ascii || text.is_ascii());
            }
        }
    }
}

#[test]
fn colour_adds_sequences_of_ours_only() {
    for report in [story(), hostile()] {
        let plain = text(&report, &Style::default());
        let color = text(&report, &Style { color: true, ..Style::default() });
        assert_ne!(plain, color);
        assert_eq!(anstream::adapter::strip_str(&color).to_string(), plain);
        assert!(plain.chars().all(|c| c == '\n' || safe::is_plain(c)));
    }
}

#[test]
fn a_terminal_shows_the_text_and_obeys_no_data() {
    let report = hostile();
    let style = Style { color: true, ..Style::default() };
    let written = text(&report, &style);
    let rows = std::num::NonZero::new(u16::try_from(written.lines().count() + 2).unwrap()).unwrap();
    let mut terminal = vt100::Parser::new(rows, 400.try_into().unwrap(), 0);
    terminal.process(b"\x1b]0;before\x07");
    terminal.process(written.replace('\n', "\r\n").as_bytes());
    let plain = text(&report, &Style::default());
    assert_eq!(terminal.screen().contents().trim_end(), plain.trim_end());
    assert!(!terminal.screen().alternate_screen());
    assert_eq!(usize::from(terminal.screen().cursor_position().0), plain.lines().count());
}

#[test]
fn a_large_report_stays_short_and_says_where_the_rest_is() {
    let report = large(10_000);
    let text = text(&report, &Style::default());
    assert!(text.lines().count() < 600, "{}", text.lines().count());
    assert!(text.contains("9,980 more; `-f json`"), "{text}");
}

#[test]
fn a_post_stays_within_its_size_and_says_what_is_missing() {
    for report in [story(), hostile(), large(10_000)] {
        for max_chars in [10, 500, 2_000, 30_000] {
            let post = render(&report, Format::Markdown, &Style { max_chars, ..Style::default() });
            assert!(post.chars().count() <= max_chars, "{} of {max_chars}", post.chars().count());
            assert_eq!(post.matches("[details=").count(), post.matches("\n[/details]\n").count());
        }
    }
    let post = render(&large(10_000), Format::Markdown, &Style::default());
    assert!(post.contains(" more; the `json` and `html` forms"), "{post}");
    assert!(post.contains("Coverage"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(16))]

    /// Whatever the data, a post fits a forum, and nothing that opens in it stays open.
    #[test]
    fn any_report_makes_a_post_that_fits(
        text in proptest::prelude::any::<String>(),
        times in 1usize..1_500,
        findings in 0usize..300,
        patterns in 0usize..300,
    ) {
        let mut report = fixture::filled(&text.repeat(times));
        report.findings = vec![report.findings[0].clone(); findings];
        report.patterns = vec![report.patterns[0].clone(); patterns];
        report.advice = vec![report.advice[0].clone(); 8];
        let post = render(&report, Format::Markdown, &Style::default());
        proptest::prop_assert!(post.chars().count() < 32_000, "{}", post.chars().count());
        proptest::prop_assert_eq!(post.matches("[details=\"").count(), post.matches("\n[/details]\n").count());
        let _ = outside_code(&post);
    }
}

/// What is left of a Markdown text without fences and code spans.
fn outside_code(post: &str) -> String {
    let mut outside = String::new();
    let mut fence: Option<String> = None;
    for line in post.lines() {
        let ticks: String = line.trim_start().chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if ticks.len() >= open.len() && line.trim() == ticks => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => {
                assert_eq!(line.matches('`').count() % 2, 0, "{line}");
                outside.extend(line.split('`').step_by(2));
                outside.push('\n');
            }
        }
    }
    assert!(fence.is_none());
    outside
}

#[test]
fn in_a_post_data_stays_in_code() {
    let commands = render(&story(), Format::Markdown, &Style::default());
    assert!(commands.contains("\ndig +dnssec CAA 'net' @192.0.2.53\n"), "{commands}");
    assert!(commands.contains("\ndig +dnssec +norecurse CAA 'net' @192.0.2.1\n"), "{commands}");
    assert!(!render(&hostile(), Format::Markdown, &Style::default()).contains("dig +dnssec CAA '="));
    let outside = outside_code(&render(&hostile(), Format::Markdown, &Style::default()));
    for alive in ["<", "http", "![", "](", "@admin", "owned", "\u{1b}", "\u{202e}"] {
        assert!(!outside.contains(alive), "{alive}\n{outside}");
    }
    let outside = outside_code(&render(&story(), Format::Markdown, &Style::default()));
    assert!(!outside.contains("example.net") && !outside.contains("192.0.2"), "{outside}");
}

#[test]
fn json_is_ascii_and_reads_back_the_hostile_texts() {
    for format in [Format::Json, Format::Jsonl] {
        let text = render(&hostile(), format, &Style::default());
        assert!(text.bytes().all(|b| b == b'\n' || (b' '..=b'~').contains(&b)));
    }
    let document: serde_json::Value =
        serde_json::from_str(&render(&hostile(), Format::Json, &Style::default())).unwrap();
    assert_eq!(document["domain"], fixture::HOSTILE);
}

#[test]
fn lines_are_typed_and_the_last_one_is_the_summary() {
    let text = render(&story(), Format::Jsonl, &Style::default());
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    for kind in ["pattern", "level", "checked", "finding", "advice", "coverage"] {
        assert!(kinds.contains(&kind), "{kind}");
    }
    let summary = lines.last().unwrap();
    assert_eq!((&summary["type"], &summary["complete"]), (&"summary".into(), &false.into()));
    assert_eq!(kinds.iter().filter(|kind| **kind == "summary").count(), 1);
}

const SCHEMA_FILE: &str = include_str!("../../fixtures/schema/report.json");
const LINE_SCHEMA_FILE: &str = include_str!("../../fixtures/schema/line.json");

fn schema(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// Calls `visit` with every object schema that names its properties.
fn objects(schema: &mut serde_json::Value, visit: &mut dyn FnMut(&mut serde_json::Map<String, serde_json::Value>)) {
    match schema {
        serde_json::Value::Object(map) => {
            if map.contains_key("properties") {
                visit(map);
            }
            map.values_mut().for_each(|value| objects(value, visit));
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(|value| objects(value, visit)),
        _ => {}
    }
}

#[test]
fn the_schemas_hold_for_real_output_and_name_every_field() {
    // Readers pass over fields they do not know; what we write ourselves must all be described.
    let mut closed = schema(SCHEMA_FILE);
    objects(&mut closed, &mut |object| {
        object.insert("additionalProperties".into(), false.into());
    });
    let strict = jsonschema::validator_for(&closed).unwrap();
    let line = jsonschema::validator_for(&schema(LINE_SCHEMA_FILE)).unwrap();
    for report in [story(), hostile(), large(50)] {
        let value = serde_json::from_str(&render(&report, Format::Json, &Style::default())).unwrap();
        strict.validate(&value).unwrap_or_else(|error| panic!("{error} at {}", error.instance_path()));
        for text in render(&report, Format::Jsonl, &Style::default()).lines() {
            line.validate(&serde_json::from_str(text).unwrap()).unwrap();
        }
    }
    let document = jsonschema::validator_for(&schema(SCHEMA_FILE)).unwrap();
    assert!(!document.is_valid(&serde_json::json!({"schema": "ctclimb/1"})));
    assert!(!line.is_valid(&serde_json::json!({"type": "level", "name": 1})));
    assert!(!line.is_valid(&serde_json::json!({"type": "nothing"})));
}

#[test]
fn every_field_of_the_schemas_is_explained() {
    for text in [SCHEMA_FILE, LINE_SCHEMA_FILE] {
        let mut count = 0;
        objects(&mut schema(text), &mut |object| {
            for (name, field) in object["properties"].as_object().unwrap() {
                let explained = field["description"].as_str().is_some_and(|text| text.ends_with('.'));
                assert!(explained || field.get("const").is_some(), "{name}: {field}");
                count += 1;
            }
        });
        assert!(count > 80, "{count}");
    }
}

#[test]
fn the_schema_of_lines_has_the_elements_of_the_document() {
    let (document, line) = (schema(SCHEMA_FILE), schema(LINE_SCHEMA_FILE));
    for (name, definition) in document["$defs"].as_object().unwrap() {
        assert_eq!(line["$defs"][name], *definition, "{name}");
    }
}

#[test]
fn honest_international_names_have_their_unicode_form_beside_them() {
    let mut report = story();
    report.domain = Some("xn--bcher-kva.example".into());
    report.levels[1].name = "xn--bcher-kva.example".into();
    report.levels[2].name = "xn--80ak6aa92e.com".into();
    report.checked[0].name = "www.xn--bcher-kva.example".into();
    report.patterns[0].examples = vec!["a.xn--bcher-kva.example".into(), "plain.example".into()];
    let value: serde_json::Value = serde_json::from_str(&render(&report, Format::Json, &Style::default())).unwrap();
    assert_eq!(value["domain_unicode"], "b\u{fc}cher.example");
    assert_eq!(value["levels"][1]["name_unicode"], "b\u{fc}cher.example");
    assert!(value["levels"][2]["name_unicode"].is_null(), "Cyrillic that reads as Latin");
    assert_eq!(value["checked"][0]["name_unicode"], "www.b\u{fc}cher.example");
    assert_eq!(value["patterns"][0]["examples_unicode"], serde_json::json!(["a.b\u{fc}cher.example", null]));
    let lines = render(&report, Format::Jsonl, &Style::default());
    assert!(lines.lines().any(|line| line.contains("\"level\"") && line.contains("b\\u00fccher.example")), "{lines}");
}

#[test]
fn in_a_page_data_is_text() {
    let page = render(&hostile(), Format::Html, &Style::default());
    assert_eq!(page.matches("<script").count(), 2, "the data and ours");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("alert(1)</script>") && page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"));
    assert!(page.contains("<title>CAA report for =1+1\\u{1b}]0;owned"));
    assert!(page.chars().all(|c| c == '\n' || safe::is_plain(c)));
    for outside in ["href=\"http", "src=", "url(", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn no_cell_of_a_table_is_a_formula() {
    for (format, delimiter) in [(Format::Csv, b','), (Format::Tsv, b'\t')] {
        for report in [story(), hostile()] {
            let text = render(&report, format, &Style::default());
            let mut rows =
                ::csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(text.as_bytes());
            let mut last = String::new();
            for row in rows.records() {
                let row = row.unwrap();
                assert_eq!(row.len(), 21);
                for cell in &row {
                    assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
                    assert!(cell.chars().all(safe::is_plain), "{cell}");
                }
                last = row[0].to_owned();
            }
            assert_eq!(last, "summary");
        }
    }
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    for format in Format::ALL {
        assert_eq!(render(&hostile(), format, &Style::default()), render(&hostile(), format, &Style::default()));
    }
}
