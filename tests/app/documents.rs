//! What is generated from the settings is what they are: the schema, and the table of the README. `UPDATE=1`
//! refreshes both.

use std::{fs, path::Path};

use kalends::app::{config::Config, settings};

fn same(path: &Path, expected: &str) {
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, expected).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(found == expected, "{} is out of date: run its test with UPDATE=1", path.display());
}

#[test]
fn the_schema_is_that_of_the_settings() {
    let schema = serde_json::to_string_pretty(&Config::schema()).unwrap() + "\n";
    same(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/config.schema.json"), &schema);
}

#[test]
fn the_table_of_the_readme_is_that_of_the_settings() {
    const BEGIN: &str = "| setting | default | meaning |\n|---|---|---|\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has a table of settings");
    let after = &rest[rest.find("\n\n").unwrap()..];
    let mut rows = String::new();
    for setting in settings::all().iter().filter(|setting| !setting.hidden) {
        let default = match &setting.default {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => format!("`{text}`"),
            serde_json::Value::Array(items) if items.is_empty() => String::new(),
            serde_json::Value::Array(items) => {
                format!("`{}`", items.iter().filter_map(|item| item.as_str()).collect::<Vec<_>>().join(","))
            }
            other => format!("`{other}`"),
        };
        rows.push_str(&format!("| `{}` | {default} | {} |\n", setting.path, setting.meaning));
    }
    same(&path, &format!("{before}{BEGIN}{}{after}", rows.trim_end_matches('\n')));
}
