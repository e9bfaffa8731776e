//! The bed of servers: started for the test, in a network of its own where the system allows that, and ended with it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The port where no network of one's own is to be had.
const PORT: u16 = 5957;
/// Names the directory of a bed that is up, in the process that runs inside its network.
const INSIDE: &str = "CTCLIMB_TEST_BED";

/// A bed that is up.
pub struct Bed {
    /// Where its description lies.
    pub home: PathBuf,
    /// Where its zones and logs are.
    pub directory: PathBuf,
    /// The port of every server.
    pub port: u16,
    started_here: Option<tempfile::TempDir>,
}

/// How the test can go on.
pub enum Place {
    /// The bed is up.
    Up(Bed),
    /// The test ran in a process of its own; whether it passed.
    Elsewhere(bool),
    /// The servers are not installed.
    Missing,
}

impl Bed {
    /// Starts the bed, or finds the one this process was started in.
    pub fn start(test: &str) -> Place {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testbed");
        if let Some(directory) = std::env::var_os(INSIDE) {
            return Place::Up(Self { home, directory: directory.into(), port: 53, started_here: None });
        }
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
        let there = |tool: &str| std::env::split_paths(&path).any(|p| p.join(tool).exists());
        let needed = ["nsd", "knotd", "dnsdist", "unbound", "named", "dig", "ldns-signzone", "python3", "ip"];
        let missing: Vec<&str> = needed.into_iter().filter(|tool| !there(tool)).collect();
        if !missing.is_empty() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "the test bed needs {missing:?}");
            println!("skipped: {missing:?} not installed");
            return Place::Missing;
        }
        let directory = tempfile::tempdir().unwrap();
        let own_network = ["--user", "--map-root-user", "--net", "--pid", "--fork", "true"];
        let allowed = Command::new("unshare").args(own_network).status().is_ok_and(|status| status.success());
        if allowed {
            let status = Command::new(home.join("netns-start.sh"))
                .arg(directory.path())
                .arg(std::env::current_exe().unwrap())
                .args(["--exact", test, "--nocapture"])
                .env(INSIDE, directory.path())
                .env("PATH", path)
                .status();
            return Place::Elsewhere(status.unwrap().success());
        }
        let started = Command::new("sh")
            .arg(home.join("start.sh"))
            .arg(directory.path())
            .arg(PORT.to_string())
            .env("PATH", path)
            .status();
        assert!(started.unwrap().success(), "the bed does not start");
        Place::Up(Self { home, directory: directory.path().into(), port: PORT, started_here: Some(directory) })
    }

    /// The rows of a table of the bed, without comments.
    pub fn table(&self, file: &str) -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(self.home.join(file)).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if self.started_here.is_some() {
            let _ = Command::new("sh").arg(self.home.join("stop.sh")).arg(&self.directory).status();
        }
    }
}
