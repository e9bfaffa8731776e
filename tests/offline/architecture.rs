//! The rules of the house, checked on the sources: rooms depend in one direction, and the core knows no I/O.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Rooms and the rooms each may use. `caa` and `acme` speak of names, `finding` of patterns, and so on to `cli`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("name", &[]),
    ("issuance", &["name"]),
    ("pattern", &["name", "issuance"]),
    ("caa", &["name"]),
    ("acme", &["name", "caa"]),
    ("finding", &["name", "issuance", "pattern", "caa", "acme"]),
    ("report", &["name", "issuance", "pattern", "caa", "acme", "finding"]),
    ("limit", &[]),
    ("case", &["name", "issuance", "caa", "report", "limit"]),
    ("source", &["name", "issuance", "report", "limit", "case"]),
    ("dns", &["name", "caa", "limit", "case"]),
    (
        "investigate",
        &["name", "issuance", "pattern", "caa", "acme", "finding", "report", "limit", "case", "source", "dns"],
    ),
    (
        "audit",
        &[
            "name",
            "issuance",
            "pattern",
            "caa",
            "acme",
            "finding",
            "report",
            "limit",
            "case",
            "source",
            "dns",
            "investigate",
        ],
    ),
];

/// Rooms that decide and never wait.
const CORE: &[&str] = &["name", "issuance", "pattern", "caa", "acme", "finding", "report"];

/// What the core must not touch, as it would be written.
const OUTSIDE: &[&str] = &[
    "async fn",
    ".await",
    "std::fs",
    "std::env",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "tokio::",
    "println!",
    "eprintln!",
    "print!(",
    "rand::",
];

/// Libraries that stay in one room each, so that an upgrade touches one room.
const KEPT: &[(&str, &[&str])] = &[
    ("reqwest::", &["source", "dns"]),
    ("hickory_", &["dns"]),
    ("clap::", &["cli"]),
    ("governor::", &["limit"]),
    ("rusqlite::", &["case", "audit"]),
    ("x509_parser::", &["issuance"]),
    ("tokio_postgres::", &["source"]),
];

/// Every source file of a room without its tests: path and text up to `#[cfg(test)]`.
fn sources() -> BTreeMap<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    let mut open = vec![root.clone()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code: Vec<&str> = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).collect();
                let code = code.into_iter().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>();
                found.insert(path.strip_prefix(&root).unwrap().to_owned(), code.join("\n"));
            }
        }
    }
    found
}

fn room(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.strip_suffix(".rs").unwrap_or(&first).to_owned()
}

#[test]
fn rooms_depend_in_one_direction() {
    let known: Vec<&str> = MAY_USE.iter().map(|(room, _)| *room).chain(["cli"]).collect();
    let mut faults = Vec::new();
    for (path, code) in sources() {
        let own = room(&path);
        let Some((_, allowed)) = MAY_USE.iter().find(|(room, _)| *room == own) else { continue };
        for other in &known {
            let used = code.contains(&format!("crate::{other}::")) || code.contains(&format!("crate::{other}}}"));
            if used && *other != own && !allowed.contains(other) {
                faults.push(format!("{}: uses `{other}`", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_room_has_its_rule() {
    let mut rooms: Vec<String> = sources().keys().map(|path| room(path)).collect();
    rooms.dedup();
    for room in rooms {
        let ruled = MAY_USE.iter().any(|(known, _)| *known == room);
        assert!(ruled || ["cli", "main", "lib"].contains(&room.as_str()), "`src/{room}` has no rule in this test");
    }
}

#[test]
fn the_core_knows_no_outside() {
    let mut faults = Vec::new();
    for (path, code) in sources() {
        if CORE.contains(&room(&path).as_str()) {
            faults.extend(
                OUTSIDE.iter().filter(|what| code.contains(*what)).map(|what| format!("{}: `{what}`", path.display())),
            );
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_library_stays_in_its_room() {
    let mut faults = Vec::new();
    for (path, code) in sources() {
        for (library, rooms) in KEPT {
            if code.contains(library) && !rooms.contains(&room(&path).as_str()) {
                faults.push(format!("{}: `{library}`", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
