//! The web page in a real browser: it loads quietly, asks nobody for anything, sorts, filters, and shows data as text.
//!
//! Needs `chromium` and `chromedriver`; without them the test says so and passes, except where `CI` is set.

#![allow(clippy::print_stderr, clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ctclimb::report::*;
use ctclimb::{caa, finding, pattern};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

#[allow(dead_code)]
#[path = "../../src/report/fixture.rs"]
mod fixture;

/// A driver that ends with the test.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|dir| names.iter().map(move |name| dir.join(name)))
        .find(|file| file.is_file())
}

fn page(dir: &Path, name: &str, report: &Report) -> String {
    let file = dir.join(name);
    let mut bytes = Vec::new();
    write(report, Format::Html, &Style::default(), &mut bytes).unwrap();
    std::fs::write(&file, bytes).unwrap();
    format!("file://{}", file.display())
}

struct Browser {
    client: Client,
    port: u16,
    session: String,
}

impl Browser {
    async fn script(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap()
    }

    /// Loads a page and shows that it was quiet: no message on the console, no request but the page itself.
    async fn load(&self, url: &str) {
        self.client.goto(url).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.quiet().await;
    }

    async fn quiet(&self) {
        let requests = self.script("return performance.getEntriesByType('resource').map(e => e.name)").await;
        assert_eq!(requests, json!([]));
        let log: Value = serde_json::from_str(&self.console()).unwrap();
        assert_eq!(log["value"], json!([]));
    }

    /// The console messages since the last call. No command of the standard, so asked by hand.
    fn console(&self) -> String {
        let body = r#"{"type":"browser"}"#;
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "POST /session/{}/se/log HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.session,
            self.port,
            body.len()
        )
        .unwrap();
        // The driver keeps the connection, so the end is known by the length only.
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            let lower = line.to_lowercase();
            length = lower.strip_prefix("content-length:").map_or(length, |number| number.trim().parse().unwrap());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    }

    async fn picture(&self, dir: &Path, name: &str) {
        // As tall as the page, so that all of it is seen.
        let height =
            self.script("return Math.min(document.documentElement.scrollHeight, 6000)").await.as_u64().unwrap();
        let width = self.script("return window.innerWidth").await.as_u64().unwrap();
        self.client.set_window_size(u32::try_from(width).unwrap(), u32::try_from(height + 150).unwrap()).await.unwrap();
        std::fs::write(dir.join(name), self.client.screenshot().await.unwrap()).unwrap();
    }
}

async fn connect(chromium: &Path, chromedriver: &Path, profile: &Path) -> (Driver, Browser) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let driver = Command::new(chromedriver)
        .arg(format!("--port={port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Driver)
        .unwrap();
    let url = format!("http://127.0.0.1:{port}");
    let capabilities = json!({
        "goog:chromeOptions": {
            "binary": chromium,
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                format!("--user-data-dir={}", profile.display()),
            ],
        },
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    let Value::Object(capabilities) = capabilities else { unreachable!() };
    let mut client = None;
    for _ in 0..100 {
        match ClientBuilder::new(HttpConnector::new()).capabilities(capabilities.clone()).connect(&url).await {
            Ok(connected) => {
                client = Some(connected);
                break;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
    let client = client.expect("chromedriver did not start a session");
    let session = client.session_id().await.unwrap().expect("a session has an id");
    (driver, Browser { client, port, session })
}

async fn rows(browser: &Browser) -> Vec<String> {
    let script = "return [...document.querySelectorAll('#pattern-table tbody tr:not([hidden]) td:nth-child(2)')].map(c => c.querySelector('code').textContent)";
    serde_json::from_value(browser.script(script).await).unwrap()
}

#[test]
fn the_page_works_in_a_browser() {
    let found = (program(&["chromium", "chromium-browser", "google-chrome"]), program(&["chromedriver"]));
    let (Some(chromium), Some(chromedriver)) = found else {
        assert!(std::env::var_os("CI").is_none(), "chromium and chromedriver are needed in CI");
        eprintln!("skipped: no chromium or chromedriver");
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (_driver, browser) = connect(&chromium, &chromedriver, &scratch.path().join("profile")).await;
        let result = std::panic::AssertUnwindSafe(walk(&browser, scratch.path(), pictures));
        let result = futures::FutureExt::catch_unwind(result).await;
        let _ = tokio::time::timeout(Duration::from_secs(5), browser.client.clone().close()).await;
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    });
}

async fn walk(browser: &Browser, scratch: &Path, pictures: &Path) {
    looks(browser, scratch, pictures).await;
    everything_has_a_name_for_who_cannot_see(browser, scratch).await;
    colours_can_be_read_in_both_themes(browser, scratch).await;
    keys_reach_and_work_everything(browser, scratch).await;
    paper_shows_what_is_folded(browser, scratch).await;
    without_script_all_is_there(browser, scratch).await;
    hostile_texts_stay_texts(browser, scratch).await;
    ten_thousand_patterns_stay_usable(browser, scratch).await;
}

async fn looks(browser: &Browser, scratch: &Path, pictures: &Path) {
    let story = page(scratch, "story.html", &fixture::story());
    for width in [1280, 500] {
        browser.client.set_window_size(width, 900).await.unwrap();
        browser.load(&story).await;
        let overflow = browser.script("return document.documentElement.scrollWidth - window.innerWidth").await;
        assert!(overflow.as_i64().unwrap() <= 0, "{overflow} pixels too wide at {width}");
        // The record to publish is what people came for: no button may lie on it, and none of it be cut off.
        let covered = browser
            .script(
                "return [...document.querySelectorAll('pre')].filter(block => { \
                   const text = document.createRange(); text.selectNodeContents(block.firstChild); \
                   const [t, b] = [text, block.querySelector('button')].map(part => part.getBoundingClientRect()); \
                   return block.scrollWidth > block.clientWidth || \
                     (t.right > b.left && t.left < b.right && t.bottom > b.top && t.top < b.bottom); \
                 }).map(block => block.textContent)",
            )
            .await;
        assert_eq!(covered, json!([]), "at {width}");
        browser.picture(pictures, &format!("report-{width}-light.png")).await;
        browser.client.find(Locator::Id("theme")).await.unwrap().click().await.unwrap();
        let background = browser.script("return getComputedStyle(document.body).backgroundColor").await;
        assert_eq!(background, json!("rgb(17, 22, 27)"));
        browser.picture(pictures, &format!("report-{width}-dark.png")).await;
    }
    let island = browser.script("return JSON.parse(document.getElementById('report').textContent).names").await;
    assert_eq!(island, json!(4814));
    let bars = browser.script("return document.querySelectorAll('svg rect').length").await;
    assert!(bars.as_u64().unwrap() > 8);
    browser.client.set_window_size(1280, 900).await.unwrap();
    let mut million = fixture::large(10_000);
    million.names = 1_000_000;
    browser.load(&page(scratch, "million.html", &million)).await;
    browser.picture(pictures, "report-large.png").await;
}

/// Every table has a heading a column, every picture and scrolling part a name, every input a label, headings in order.
async fn everything_has_a_name_for_who_cannot_see(browser: &Browser, scratch: &Path) {
    browser.load(&page(scratch, "story.html", &fixture::story())).await;
    let nameless = browser
        .script(
            "const all = q => [...document.querySelectorAll(q)]; \
             const named = e => e.getAttribute('aria-label') || document.getElementById(e.getAttribute('aria-labelledby')); \
             return [].concat( \
               all('table').filter(t => !t.tHead || [...t.tHead.rows[0].cells].some(c => c.scope !== 'col' || !c.textContent.trim())), \
               all('svg').filter(s => s.getAttribute('role') !== 'img' || !named(s)), \
               all('section, nav, .scroll, form, pre[tabindex]').filter(e => !named(e)), \
               all('input, select').filter(i => !i.labels.length || !i.labels[0].textContent.trim()), \
               all('button').filter(b => !b.textContent.trim()), \
               all('.state .unseen').filter(s => !s.textContent.trim() && s.parentNode.textContent.trim() !== '\\u00b7'), \
               all('[id]').filter((e, at, list) => list.findIndex(o => o.id === e.id) !== at) \
             ).map(e => e.outerHTML.slice(0, 120))",
        )
        .await;
    assert_eq!(nameless, json!([]));
    let jumps = browser
        .script(
            "let last = 0; return [...document.querySelectorAll('h1, h2, h3, h4')].filter(h => { \
             const depth = +h.tagName[1], jump = depth > last + 1; last = depth; return jump; }).map(h => h.textContent)",
        )
        .await;
    assert_eq!(jumps, json!([]), "no heading skips a step");
    let state = browser.client.find(Locator::Css(".tree td.view .unseen")).await.unwrap();
    assert_eq!(state.prop("textContent").await.unwrap().unwrap(), "192.0.2.53: failed (timeout)");
}

/// The contrast of every text with what is behind it (WCAG 2.2, 1.4.3: 4.5 to 1).
async fn colours_can_be_read_in_both_themes(browser: &Browser, scratch: &Path) {
    browser.load(&page(scratch, "story.html", &fixture::story())).await;
    for theme in ["light", "dark"] {
        browser.script(&format!("document.documentElement.dataset.theme = '{theme}'")).await;
        let faint = browser
            .script(
                "const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true}); \
                 const rgb = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; }; \
                 const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; }; \
                 const behind = e => { for (let at = e; at; at = at.parentElement) { const c = rgb(getComputedStyle(at).backgroundColor); if (c[3] > 250) return c; } return [255, 255, 255, 255]; }; \
                 const bad = []; \
                 for (const e of document.querySelectorAll('body *')) { \
                   if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || e.closest('script, svg, .unseen') || !e.getClientRects().length) continue; \
                   const a = light(rgb(getComputedStyle(e).color)), b = light(behind(e)); \
                   const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); \
                   if (ratio < 4.5) bad.push(e.tagName + '.' + e.className + ' ' + ratio.toFixed(2) + ' ' + e.textContent.slice(0, 30)); \
                 } return bad",
            )
            .await;
        assert_eq!(faint, json!([]), "{theme}");
    }
}

/// Tab reaches links, scrolling parts, inputs and headings of columns; Enter sorts; the count is told as a status.
async fn keys_reach_and_work_everything(browser: &Browser, scratch: &Path) {
    browser.client.set_window_size(1280, 900).await.unwrap();
    browser.load(&page(scratch, "story.html", &fixture::story())).await;
    let mut reached = Vec::new();
    let body = browser.client.find(Locator::Css("body")).await.unwrap();
    body.send_keys("\u{e004}").await.unwrap();
    for _ in 0..60 {
        let focus =
            browser.script("const f = document.activeElement; return f.id || f.className || f.textContent").await;
        reached.push(focus.as_str().unwrap_or_default().to_owned());
        browser.client.active_element().await.unwrap().send_keys("\u{e004}").await.unwrap();
    }
    for stop in ["skip", "copy", "Levels", "theme", "search", "form", "issuer", "scroll"] {
        assert!(reached.iter().any(|focus| focus == stop), "{stop}: {reached:?}");
    }
    let sort = browser.client.find(Locator::Css("#pattern-table th:nth-child(2) button")).await.unwrap();
    sort.send_keys("\u{e007}").await.unwrap();
    assert_eq!(rows(browser).await, ["[*.]{base32:52}.xnw6x.example.net", "www.example.net"]);
    let search = browser.client.find(Locator::Id("search")).await.unwrap();
    search.send_keys("www\u{e007}").await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    let status = browser.script("return document.querySelector('[role=status]').textContent").await;
    assert_eq!(status, json!("1 of 1 shown, 2 in all"));
    search.clear().await.unwrap();
    browser.script("document.getElementById('search').dispatchEvent(new Event('input'))").await;
    let form = browser.client.find(Locator::Id("form")).await.unwrap();
    form.send_keys("w").await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(rows(browser).await, ["[*.]{base32:52}.xnw6x.example.net"]);
    browser.quiet().await;
}

async fn paper_shows_what_is_folded(browser: &Browser, scratch: &Path) {
    browser.load(&page(scratch, "story.html", &fixture::story())).await;
    let open = "return document.querySelectorAll('details:not([open])').length";
    assert!(browser.script(open).await.as_u64().unwrap() > 1);
    browser.script("dispatchEvent(new Event('beforeprint'))").await;
    assert_eq!(browser.script(open).await, json!(0));
    browser.script("dispatchEvent(new Event('afterprint'))").await;
    assert!(browser.script(open).await.as_u64().unwrap() > 1);
}

/// The same page with every script forbidden: the driver's own still run.
async fn without_script_all_is_there(browser: &Browser, scratch: &Path) {
    let mut bytes = Vec::new();
    write(&fixture::large(300), Format::Html, &Style::default(), &mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (before, rest) = text.split_once("script-src '").unwrap();
    let (_, after) = rest.split_once('\'').unwrap();
    let file = scratch.join("plain.html");
    std::fs::write(&file, format!("{before}script-src 'none'{after}")).unwrap();
    browser.client.goto(&format!("file://{}", file.display())).await.unwrap();
    assert_eq!(browser.script("return document.documentElement.className").await, json!(""));
    assert_eq!(rows(browser).await.len(), 300);
    let tools = browser.script("return getComputedStyle(document.querySelector('.tools')).display").await;
    assert_eq!(tools, json!("none"), "what needs the script is not shown");
    // The console says that the script was refused, as it should.
    assert!(browser.console().contains("script-src"));
}

async fn hostile_texts_stay_texts(browser: &Browser, scratch: &Path) {
    browser.load(&page(scratch, "hostile.html", &fixture::hostile())).await;
    let scripts = browser.script("return document.querySelectorAll('script').length").await;
    assert_eq!(scripts, json!(2), "the data island and ours");
    assert_eq!(browser.script("return document.images.length").await, json!(0));
    let text = browser.script("return document.body.innerText").await;
    assert!(text.as_str().unwrap().contains("<script>alert(1)</script>"));
    let names = browser.script("return JSON.parse(document.getElementById('report').textContent).domain").await;
    assert_eq!(names, json!(fixture::HOSTILE));
}

async fn ten_thousand_patterns_stay_usable(browser: &Browser, scratch: &Path) {
    browser.load(&page(scratch, "large.html", &fixture::large(10_000))).await;
    assert_eq!(rows(browser).await.len(), 200);
    let find = async |id: &str| browser.client.find(Locator::Id(id)).await.unwrap();
    find("search").await.send_keys("cell77.").await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(rows(browser).await, ["*.{base32:52}.cell77.example.net"]);
    find("search").await.clear().await.unwrap();
    browser.script("document.getElementById('search').dispatchEvent(new Event('input'))").await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    let names = browser.client.find(Locator::Css("#pattern-table th:nth-child(3) button")).await.unwrap();
    names.click().await.unwrap();
    assert_eq!(rows(browser).await[0], "*.{base32:52}.cell0.example.net");
    names.click().await.unwrap();
    assert_eq!(rows(browser).await[0], "*.{base32:52}.cell9999.example.net");
    let sorted = browser
        .script("return document.querySelector('#pattern-table th:nth-child(3)').getAttribute('aria-sort')")
        .await;
    assert_eq!(sorted, json!("ascending"));
    let took = browser.script("const t = performance.now(); document.querySelector('#pattern-table th:nth-child(2) button').click(); return performance.now() - t").await;
    eprintln!("sorting 10,000 patterns took {took} ms");
    browser.quiet().await;
}
