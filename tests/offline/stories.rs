//! The stories of `fixtures/ct/crtsh`, made here and nowhere else: answers in the shape of crt.sh about reserved example
//! domains. `CTCLIMB_WRITE_FIXTURES=1 cargo test --test offline stories` writes them again.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Random numbers that are the same everywhere (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A label of `length` characters of the base32 alphabet (RFC 4648 §6), lower case.
    pub(crate) fn base32(&mut self, length: usize) -> String {
        const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
        (0..length).map(|_| char::from(ALPHABET[usize::try_from(self.below(32)).unwrap()])).collect()
    }
}

const LETS_ENCRYPT: (u32, &str) = (183_267, "C=US, O=Let's Encrypt, CN=R3");
const EXAMPLE_CA: (u32, &str) = (4_711, "C=XX, O=Example Trust, CN=Example Trust TLS CA 1");
const DAY: i64 = 86_400;
/// 2023-10-02, a Monday.
const FIRST_DAY: i64 = 1_696_204_800;

/// An answer of crt.sh under construction.
#[derive(Default)]
pub(crate) struct Answer {
    rows: Vec<String>,
    next_id: u64,
}

impl Answer {
    /// One certificate as crt.sh shows it: its precertificate and itself, a row each.
    fn certificate(&mut self, random: &mut Random, issuer: (u32, &str), not_before: i64, names: &[&str]) {
        let serial = format!("03{:016x}{:016x}", random.next(), random.next());
        let time =
            |seconds: i64| jiff::Timestamp::from_second(seconds).unwrap().strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let value = names.join("\\n");
        let common_name = names.iter().find(|name| !name.starts_with("*.")).unwrap_or(&names[0]);
        for form in 0..2 {
            self.next_id += 1;
            let mut row = String::new();
            write!(
                row,
                "{{\"issuer_ca_id\":{},\"issuer_name\":\"{}\",\"common_name\":\"{common_name}\",\"name_value\":\"{value}\",\
                 \"id\":{},\"entry_timestamp\":\"{}.{}\",\"not_before\":\"{}\",\"not_after\":\"{}\",\
                 \"serial_number\":\"{serial}\",\"result_count\":{}}}",
                issuer.0,
                issuer.1,
                11_000_000_000 + self.next_id,
                time(not_before + 3_600 + form),
                random.below(1000),
                time(not_before),
                time(not_before + 90 * DAY - 1),
                names.len(),
            )
            .unwrap();
            self.rows.push(row);
        }
    }

    fn text(&self) -> String {
        format!("[{}]\n", self.rows.join(",\n"))
    }
}

/// The forum story: certificates for `{id}.xnw6x.example.net` and `*.{id}.xnw6x.example.net`, ten weeks long, and the
/// few ordinary hosts beside them.
pub(crate) fn forum(certificates: usize) -> String {
    let mut random = Random(7);
    let mut answer = Answer::default();
    for n in 0..certificates {
        let id = random.base32(52);
        let bare = format!("{id}.xnw6x.example.net");
        let wildcard = format!("*.{bare}");
        let day = i64::try_from(n * 70 / certificates).unwrap();
        let second = i64::try_from(random.below(86_400)).unwrap();
        answer.certificate(&mut random, LETS_ENCRYPT, FIRST_DAY + day * DAY + second, &[&wildcard, &bare]);
    }
    for (week, names) in
        [(1, &["example.net", "www.example.net"][..]), (2, &["status.example.net"]), (3, &["api.example.net"])]
    {
        answer.certificate(&mut random, LETS_ENCRYPT, FIRST_DAY + week * 7 * DAY, names);
    }
    answer.text()
}

/// A domain where nothing is wrong: a handful of hosts, renewed every 60 days.
fn healthy() -> String {
    let mut random = Random(11);
    let mut answer = Answer::default();
    for renewal in 0..3 {
        for (n, names) in [
            &["example.org", "www.example.org"][..],
            &["mail.example.org"],
            &["shop.example.org", "www.shop.example.org"],
        ]
        .iter()
        .enumerate()
        {
            let day = renewal * 60 + i64::try_from(n).unwrap();
            answer.certificate(&mut random, LETS_ENCRYPT, FIRST_DAY + day * DAY, names);
        }
    }
    answer.text()
}

/// A domain that publishes CAA and has certificates of a CA it does not list.
fn with_caa() -> String {
    let mut random = Random(13);
    let mut answer = Answer::default();
    for n in 1..=24 {
        let host = format!("node-{n:02}.eu.example.com");
        answer.certificate(&mut random, LETS_ENCRYPT, FIRST_DAY + n * DAY, &[&host]);
    }
    answer.certificate(&mut random, LETS_ENCRYPT, FIRST_DAY, &["example.com", "*.example.com"]);
    answer.certificate(&mut random, EXAMPLE_CA, FIRST_DAY + 3 * DAY, &["pay.example.com"]);
    answer.text()
}

/// Entries that are no DNS names, or no names of the domain, between a few that are.
fn odd_names() -> String {
    let mut random = Random(17);
    let mut answer = Answer::default();
    let long_label = format!("{}.example.com", "l".repeat(64));
    let long_name = format!("{}example.com", "deep.".repeat(60));
    for (n, name) in [
        "www.example.com",
        "WWW.Example.COM.",
        "*.example.com",
        "_acme.example.com",
        "xn--bcher-kva.example.com",
        "a--b.example.com",
        "*",
        "*.*.example.com",
        "f*o.example.com",
        "webmaster@example.com",
        "Example Shop, Inc.",
        "https://www.example.com/",
        "192.0.2.1",
        "a..example.com",
        ".example.com",
        long_label.as_str(),
        long_name.as_str(),
        "\\u001b[31mred.example.com",
        "a\\u202eb.example.com",
        "<script>alert(1)</script>.example.com",
        "`|@everyone.example.com",
        "=1+1.example.com",
        "\\\\303\\\\251.example.com",
        "notexample.com",
        "example.com.evil.example",
    ]
    .into_iter()
    .enumerate()
    {
        let day = i64::try_from(n).unwrap();
        answer.certificate(&mut random, EXAMPLE_CA, FIRST_DAY + day * DAY, &[name]);
    }
    answer.text()
}

/// What an attacker would put wherever a text comes from outside; as JSON writes it.
pub(crate) const HOSTILE: &str = "=1+1\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m`|\\n# <script>alert(1)</script>\\u202egpj\\u200b ![x](http://evil.example/x.png) @admin [/details] ``` $(reboot) '";

/// Names, issuers and entries that mean something to terminals, browsers, forums, spreadsheets and shells.
fn hostile() -> String {
    let mut random = Random(19);
    let mut answer = Answer::default();
    let longest = format!("{}.example.net", "x".repeat(63));
    let bad_issuer = format!("C=XX, O={HOSTILE}, CN={HOSTILE}");
    for (n, name) in [
        // Proper names, however they look.
        "www.example.net",
        "-rf.example.net",
        "--help.example.net",
        "_dmarc.example.net",
        longest.as_str(),
        "xn--80ak6aa92e.example.net",
        "xn--pple-43d.example.net",
        "xn--bcher-kva.example.net",
        "*.xn--wgv71a119e.example.net",
        // Entries that are none.
        HOSTILE,
        "$(reboot).example.net",
        "`id`.example.net",
        "a;rm -rf /.example.net",
        "%0d%0aSet-Cookie.example.net",
        "\\u001b[31mred.example.net",
        "a\\u202eb.example.net",
        "=HYPERLINK(1).example.net",
        "@everyone.example.net",
        "[details=x].example.net",
        "</script><svg onload=alert(1)>.example.net",
        "../../etc/passwd.example.net",
    ]
    .into_iter()
    .enumerate()
    {
        let day = i64::try_from(n).unwrap();
        let issuer = if n % 2 == 0 { LETS_ENCRYPT } else { (4_712, bad_issuer.as_str()) };
        answer.certificate(&mut random, issuer, FIRST_DAY + day * DAY, &[name]);
    }
    answer.text()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ct/crtsh").join(name)
}

fn holds(name: &str, made: &[u8]) {
    let path = fixture(name);
    if std::env::var_os("CTCLIMB_WRITE_FIXTURES").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, made).unwrap();
    }
    let found = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(found == made, "{} is not what its story makes", path.display());
}

#[test]
fn the_readable_fixtures_are_what_their_stories_make() {
    holds("forum-24.json", forum(24).as_bytes());
    holds("healthy.json", healthy().as_bytes());
    holds("caa.json", with_caa().as_bytes());
    holds("odd-names.json", odd_names().as_bytes());
    holds("hostile.json", hostile().as_bytes());
}

#[test]
fn the_big_fixture_is_the_forum_story_with_2400_certificates() {
    let made = forum(2_400);
    let path = fixture("forum.json.zst");
    if std::env::var_os("CTCLIMB_WRITE_FIXTURES").is_some() {
        std::fs::write(&path, zstd::encode_all(made.as_bytes(), 19).unwrap()).unwrap();
    }
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(zstd::decode_all(file).unwrap() == made.as_bytes(), "{} is not what its story makes", path.display());
}
