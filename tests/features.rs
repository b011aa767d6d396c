//! `features.md` is true: every row of the catalogue's clinic sections is proven by a test that exists, or is one of the
//! few that are left for later.

use std::{collections::BTreeMap, fs, path::Path};

/// The rows of sections A, B, C, F, G, H, I and J.
const ROWS: [std::ops::RangeInclusive<u32>; 2] = [1..=85, 111..=182];
/// What may be left for later.
const LATER: [u32; 13] = [31, 32, 36, 58, 59, 69, 80, 81, 134, 135, 170, 172, 173];

/// A row: its number, what it is, and the tests that prove it, or `later: why`.
fn rows(text: &str) -> BTreeMap<u32, (String, String)> {
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [number, what, proof] = cells[..] else { panic!("three cells: {line}") };
        let Ok(number) = number.parse() else { continue };
        let again = rows.insert(number, (what.to_owned(), proof.to_owned()));
        assert!(again.is_none(), "row {number} stands twice");
    }
    rows
}

fn sources(folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_string_lossy().into_owned();
        if entry.is_dir() && name != "target" && name != ".work" {
            sources(&entry, into);
        } else if name.ends_with(".rs") {
            into.push((entry.to_string_lossy().into_owned(), fs::read_to_string(&entry).unwrap()));
        }
    }
}

/// Whether `a::b::name` is a test: a function `name` below `#[test]` or `#[tokio::test]` in a file of that path.
fn is_test(path: &str, sources: &[(String, String)]) -> bool {
    let (module, name) = path.rsplit_once("::").unwrap_or(("", path));
    let place = module.trim_end_matches("::tests").replace("::", "/");
    sources.iter().any(|(file, text)| {
        let is_there = file.ends_with(&format!("/{place}.rs")) || file.ends_with(&format!("/{place}/mod.rs"));
        let at = text.find(&format!("fn {name}("));
        is_there
            && at.is_some_and(|at| text[..at].rsplit("#[").next().is_some_and(|last| last.contains("test")))
    })
}

#[test]
fn every_row_is_proven_by_a_test_or_left_for_later() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rows = rows(&fs::read_to_string(root.join("tests/features.md")).unwrap());
    let mut all = Vec::new();
    sources(&root.join("tests"), &mut all);
    sources(&root.join("src"), &mut all);
    let mut wrong = Vec::new();
    for number in ROWS.into_iter().flatten() {
        let Some((_, proof)) = rows.get(&number) else {
            wrong.push(format!("row {number} is missing"));
            continue;
        };
        if proof.starts_with("later: ") {
            if !LATER.contains(&number) {
                wrong.push(format!("row {number} may not be left for later"));
            }
            continue;
        }
        for path in proof.split(", ") {
            let path = path.trim_matches('`');
            // A command of interop/ is a proof too: a figure, or what a foreign program says.
            let is_command = path.starts_with("interop/") && {
                let command = path.split(' ').next().unwrap_or_default();
                root.join(command).is_file()
            };
            if !is_command && !is_test(path, &all) {
                wrong.push(format!("row {number}: there is no test {path}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
