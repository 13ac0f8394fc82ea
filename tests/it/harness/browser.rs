//! A real browser without a window: Chromium, driven through its DevTools protocol over two named pipes.
//!
//! Skipped, loudly, where no Chromium is on the PATH; `COUNTERSIGN_TEST_REQUIRE_ALL=1` makes that a failure.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::world::PATIENCE;

/// Names the program goes by.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    to: File,
    from: Receiver<Value>,
    next: u64,
    session: Option<String>,
    _folder: TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The program, or nothing and a loud word.
fn program() -> Option<&'static str> {
    let there = |name: &&&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    let found = NAMES.iter().find(there).copied();
    if found.is_none() {
        let required = std::env::var("COUNTERSIGN_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!required, "no Chromium is on the PATH, and COUNTERSIGN_TEST_REQUIRE_ALL=1");
        println!("SKIPPED: no Chromium is on the PATH, so no page was looked at in a browser");
    }
    found
}

impl Browser {
    /// Starts one; `None` where there is none.
    pub(crate) fn start() -> Option<Self> {
        let program = program()?;
        let folder = TempDir::new().expect("a folder");
        let [to, from] = ["to", "from"].map(|name| folder.path().join(name));
        let made = Command::new("mkfifo").args([&to, &from]).status().expect("mkfifo runs");
        assert!(made.success(), "no pipes");
        let child = Command::new("sh")
            .arg("-c")
            .arg("to=$1; from=$2; shift 2; exec \"$@\" 3<\"$to\" 4>\"$from\"")
            .args(["sh".as_ref(), to.as_os_str(), from.as_os_str(), program.as_ref()])
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--no-proxy-server"])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .args(["--window-size=900,1200", "--remote-debugging-pipe", "about:blank"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("log")).expect("a log"))
            .spawn()
            .expect("the browser starts");
        let to = OpenOptions::new().write(true).open(to).expect("a pipe to it");
        let from = File::open(from).expect("a pipe from it");
        let (said, heard) = channel();
        std::thread::spawn(move || {
            let mut messages = BufReader::new(from).split(0);
            while let Some(Ok(message)) = messages.next() {
                let message = serde_json::from_slice(&message).unwrap_or_default();
                if said.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self { child, to, from: heard, next: 0, session: None, _folder: folder };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        Some(browser)
    }

    /// Asks the browser for something; what it answered, null for a refusal.
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = session.clone().into();
        }
        let sent = self.to.write_all(format!("{message}\0").as_bytes());
        sent.unwrap_or_else(|fault| panic!("the browser is gone: {fault}\n{}", self.log()));
        loop {
            let answer = self.from.recv_timeout(PATIENCE);
            let answer = answer.unwrap_or_else(|_| panic!("the browser does not answer {method}\n{}", self.log()));
            if answer["id"] == self.next {
                return answer["result"].clone();
            }
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self._folder.path().join("log")).unwrap_or_default()
    }

    /// What an expression comes to on the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        self.call("Runtime.evaluate", json!({"expression": expression, "returnByValue": true}))["result"]["value"]
            .clone()
    }

    /// Opens an address.
    pub(crate) fn open(&mut self, address: &str) {
        self.call("Page.navigate", json!({"url": address}));
    }

    /// Waits until the page that is loaded has this heading; a page that was left does not count.
    #[track_caller]
    pub(crate) fn until_heading(&mut self, heading: &str) {
        let begun = Instant::now();
        let shown = format!(
            "document.readyState === 'complete' && !document.left && document.querySelector('h1')?.textContent === {}",
            json!(heading)
        );
        while self.value(&shown) != true {
            if begun.elapsed() > PATIENCE {
                panic!("waited in vain for `{heading}`; the page at {}:\n{}", self.value("location.href"), self.text());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What a person reads.
    pub(crate) fn text(&mut self) -> String {
        self.value("document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// Types into a field.
    pub(crate) fn fill(&mut self, selector: &str, text: &str) {
        let done =
            self.value(&format!("(document.querySelector({}).value = {}) !== null", json!(selector), json!(text)));
        assert_eq!(done, true, "no field {selector}");
    }

    /// Clicks.
    pub(crate) fn click(&mut self, selector: &str) {
        let done = self.value(&format!("(document.querySelector({}).click(), true)", json!(selector)));
        assert_eq!(done, true, "nothing to click on: {selector}");
    }

    /// Clicks on what leads to another page: [`until_heading`](Self::until_heading) waits for that one.
    pub(crate) fn leave_by(&mut self, selector: &str) {
        self.value("document.left = true");
        self.click(selector);
    }

    /// Keeps a picture of the page in the folder of `COUNTERSIGN_TEST_PICTURES`, for people.
    pub(crate) fn picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("COUNTERSIGN_TEST_PICTURES") else { return };
        let taken = self.call("Page.captureScreenshot", json!({"format": "png", "captureBeyondViewport": true}));
        let bytes = STANDARD.decode(taken["data"].as_str().unwrap_or_default()).expect("a picture");
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), bytes).expect("kept");
    }
}
