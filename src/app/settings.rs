//! From flags, environment and file to a [`Config`]: knows no setting by name, everything follows from its schema.
//!
//! Invariant: a wrong value names the place it stands in (flag, variable, or file with line and column), and an
//! unknown key of the file is an error: a misspelt limit must not silently be none.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use serde::Deserialize;
use serde_json::Value;
use toml::{Table, Value as Toml};

use super::{Error, config::Config};

/// The file in the data folder that is read when no other is named.
pub const FILE: &str = "kalends.toml";
/// Flags that every `-h` shows; the others only `--help`.
const FIRST: &[&str] = &["data", "database"];

/// One setting as the schema of [`Config`] knows it.
#[derive(Debug, Clone)]
pub struct Setting {
    /// `limits.body_bytes`
    pub path: String,
    pub default: Value,
    pub meaning: String,
    pub hidden: bool,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Switch,
    List,
}

impl Setting {
    /// `limits-body-bytes`
    pub fn flag(&self) -> String {
        self.path.replace(['.', '_'], "-")
    }

    /// `KALENDS_LIMITS_BODY_BYTES`
    pub fn variable(&self) -> String {
        format!("KALENDS_{}", self.path.replace('.', "_").to_uppercase())
    }

    fn value(&self, text: &str) -> Result<Toml, String> {
        match self.kind {
            Kind::Text => Ok(Toml::String(text.to_owned())),
            Kind::Number => text.parse().map(Toml::Integer).map_err(|_| "expected a whole number".to_owned()),
            Kind::List => Ok(Toml::Array(items(text).map(|item| Toml::String(item.to_owned())).collect())),
            Kind::Switch => match text.to_ascii_lowercase().as_str() {
                "true" | "on" | "yes" | "1" => Ok(Toml::Boolean(true)),
                "false" | "off" | "no" | "0" => Ok(Toml::Boolean(false)),
                _ => Err("expected true or false".to_owned()),
            },
        }
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// All settings, ordered by name.
pub fn all() -> Vec<Setting> {
    let schema = Config::schema().to_value();
    let mut found = Vec::new();
    // Groups are one level deep: no recursion needed.
    for (name, property) in properties(&schema) {
        match property.get("properties") {
            Some(_) => {
                let group = properties(property)
                    .map(|(inner, property)| setting(format!("{name}.{inner}"), property));
                found.extend(group);
            }
            None => found.push(setting(name.clone(), property)),
        }
    }
    found
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn setting(path: String, property: &Value) -> Setting {
    let types = property.get("type").map(Value::to_string).unwrap_or_default();
    let kind = match &types {
        types if types.contains("array") => Kind::List,
        types if types.contains("boolean") => Kind::Switch,
        types if types.contains("integer") => Kind::Number,
        _ => Kind::Text,
    };
    let text = |key: &str| property.get(key).and_then(Value::as_str).unwrap_or_default().replace('\n', " ");
    Setting {
        path,
        default: property.get("default").cloned().unwrap_or(Value::Null),
        meaning: text("description"),
        hidden: property.get("x-hidden").is_some(),
        kind,
    }
}

/// What the command line says about settings.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    file: Option<PathBuf>,
    given: Vec<(String, String)>,
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .global(true)
            .help("Settings file [environment: KALENDS_CONFIG; else kalends.toml in the data folder]");
        let settings = all().into_iter().map(|setting| {
            Arg::new(format!("setting:{}", setting.path))
                .long(setting.flag())
                .value_name(value_name(&setting))
                .action(if setting.kind == Kind::List { ArgAction::Append } else { ArgAction::Set })
                .global(true)
                .hide(setting.hidden)
                .hide_short_help(!FIRST.contains(&setting.path.as_str()))
                .help_heading("Settings")
                .help(format!("{} [environment: {}]", setting.meaning, setting.variable()))
        });
        command.arg(file.help_heading("Settings")).args(settings)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn value_name(setting: &Setting) -> &'static str {
    match (setting.kind, setting.path.as_str()) {
        (Kind::Number, _) => "NUMBER",
        (Kind::Switch, _) => "true|false",
        (_, "data") => "DIR",
        (_, "listen") => "ADDR",
        (_, "database" | "public_url") => "URL",
        (_, "tls_cert" | "tls_key") => "FILE",
        _ => "VALUE",
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Flags, clap::Error> {
        let mut flags =
            Flags { file: matches.get_one::<String>("config").map(PathBuf::from), given: Vec::new() };
        for setting in all() {
            let id = format!("setting:{}", setting.path);
            if let Ok(Some(values)) = matches.try_get_many::<String>(&id) {
                let text = values.map(String::as_str).collect::<Vec<_>>().join(",");
                flags.given.push((setting.path, text));
            }
        }
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Flags::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Where values come from, the weakest first.
struct Layer {
    source: String,
    path: String,
    text: String,
}

impl Flags {
    /// The settings of this process. `environment` is asked for `KALENDS_...`.
    pub fn config(&self, environment: impl Fn(&str) -> Option<String>) -> Result<Config, Error> {
        let settings = all();
        let variables = settings.iter().filter_map(|setting| {
            let source = setting.variable();
            let text = environment(&source)?;
            Some(Layer { source, path: setting.path.clone(), text })
        });
        let mut layers: Vec<Layer> = variables.collect();
        layers.extend(self.given.iter().map(|(path, text)| {
            let source = format!("--{}", path.replace(['.', '_'], "-"));
            Layer { source, path: path.clone(), text: text.clone() }
        }));
        let mut table = self.file(&layers, &environment)?;
        for layer in layers {
            let setting = settings.iter().find(|setting| setting.path == layer.path);
            let wrong = |why: String| Error::Config(format!("{}: {why}", layer.source));
            let Some(setting) = setting else { continue };
            put(&mut table, &layer.path, setting.value(&layer.text).map_err(wrong)?);
            read(table.clone()).map_err(wrong)?;
        }
        read(table).map_err(Error::Config)?.sound()
    }

    /// The file named by flag or variable, which must be there, or the one in the data folder, which may be.
    fn file(&self, layers: &[Layer], environment: impl Fn(&str) -> Option<String>) -> Result<Table, Error> {
        let named = self.file.clone().or_else(|| environment("KALENDS_CONFIG").map(PathBuf::from));
        if let Some(path) = named {
            let why = |error| Error::Config(format!("cannot read {}: {error}", path.display()));
            return parse(&path, &std::fs::read_to_string(&path).map_err(why)?);
        }
        let data =
            layers.iter().rev().find(|layer| layer.path == "data").map(|layer| PathBuf::from(&layer.text));
        let path = data.unwrap_or_else(|| Config::default().data).join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => parse(&path, &text),
            Err(_) => Ok(Table::new()),
        }
    }
}

/// An error shows the place, never the line: it may hold the database's password.
fn parse(path: &Path, text: &str) -> Result<Table, Error> {
    let check = toml::from_str::<Config>(text).and_then(|_| toml::from_str::<Table>(text));
    check.map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Error::Config(format!("{}:{line}:{column}: {}", path.display(), error.message()))
    })
}

fn read(table: Table) -> Result<Config, String> {
    Config::deserialize(Toml::Table(table)).map_err(|error| error.message().to_owned())
}

fn put(table: &mut Table, path: &str, value: Toml) {
    match path.split_once('.') {
        None => drop(table.insert(path.to_owned(), value)),
        Some((group, name)) => {
            let inner = table.entry(group).or_insert_with(|| Toml::Table(Table::new()));
            if let Toml::Table(inner) = inner {
                inner.insert(name.to_owned(), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(arguments: &[&str]) -> Flags {
        let command = Flags::augment_args(Command::new("kalends"));
        let matches = command.try_get_matches_from(["kalends"].iter().chain(arguments)).unwrap();
        Flags::from_arg_matches(&matches).unwrap()
    }

    fn file(text: &str) -> Result<Table, Error> {
        parse(Path::new("kalends.toml"), text)
    }

    #[test]
    fn a_flag_outweighs_the_environment() {
        let environment = |name: &str| match name {
            "KALENDS_LISTEN" => Some("127.0.0.1:1, [::1]:2".to_owned()),
            "KALENDS_LIMITS_LOGIN_FAILURES" => Some("3".to_owned()),
            "KALENDS_MEMORY" => Some("off".to_owned()),
            _ => None,
        };
        let config = flags(&["--limits-login-failures", "0"]).config(environment).unwrap();
        assert_eq!(config.listen.len(), 2);
        assert_eq!((config.limits.login_failures, config.memory), (0, false));
    }

    #[test]
    fn the_environment_outweighs_the_file() {
        let folder = std::env::temp_dir().join(format!("kalends-settings-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(FILE), "log = \"debug\"\nlimits.attendees = 7\n").unwrap();
        let data = folder.to_string_lossy().into_owned();
        let environment = |name: &str| (name == "KALENDS_LOG").then(|| "warn".to_owned());
        let config = flags(&["--data", &data]).config(environment).unwrap();
        assert_eq!((config.log.as_str(), config.limits.attendees), ("warn", 7));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_wrong_value_names_its_place() {
        let error = flags(&["--listen", "nonsense"]).config(|_| None).unwrap_err().to_string();
        assert!(error.starts_with("--listen: "), "{error}");
        let number = |name: &str| (name == "KALENDS_LIMITS_IN_FLIGHT").then(|| "many".to_owned());
        let error = flags(&[]).config(number).unwrap_err().to_string();
        assert_eq!(error, "KALENDS_LIMITS_IN_FLIGHT: expected a whole number");
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_place() {
        let error = file("log = \"info\"\n[limits]\n  bodybytes = 3\n").unwrap_err().to_string();
        assert!(error.starts_with("kalends.toml:3:3: unknown field `bodybytes`"), "{error}");
    }

    #[test]
    fn an_error_in_the_file_does_not_repeat_the_password() {
        let error = file("database = \"postgres://u:hush@h/d\nlog = 1").unwrap_err().to_string();
        assert!(!error.contains("hush"), "{error}");
        let error = file("database = [\"postgres://u:hush@h/d\"]").unwrap_err().to_string();
        assert!(!error.contains("hush"), "{error}");
    }

    #[test]
    fn every_setting_has_a_meaning() {
        for setting in all() {
            assert!(!setting.meaning.is_empty(), "{} has no comment", setting.path);
        }
    }
}
