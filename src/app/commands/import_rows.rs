//! `kalends import-rows`: what an older system stored as one row for each date becomes series and single appointments.
//!
//! Rows stand in a .csv file with a head line, or one JSON object a line. The dates that are seen afterwards are those of
//! the rows; a second run finds what the first one made and leaves it. What cannot be read is named on standard error.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;
use store::{ClinicId, Origin, PrincipalId};

use super::Context;
use super::import::FILE_BYTES;
use crate::app::output::say;
use crate::app::{Error, parts::Parts};
use crate::calendar::Zone;
use crate::clinic::{By, Eager, Run, Visit};

/// Import rows, one for each date, as series and single appointments.
///
/// Columns: practitioner, start, end, zone; optional: series, rooms (names with a blank between), patient (its number or
/// its external id), service, title, place. Times are RFC 3339, or without an offset by the clock of the zone.
#[derive(Debug, Args)]
pub struct ImportRows {
    #[arg(value_name = "FILE.csv|FILE.jsonl")]
    file: PathBuf,
    #[arg(long)]
    clinic: Option<String>,
    /// Say what would be made, and make nothing.
    #[arg(long)]
    dry_run: bool,
}

/// A row as it stands in the file.
#[derive(Deserialize)]
struct Row {
    practitioner: String,
    start: String,
    end: String,
    zone: String,
    #[serde(default)]
    series: Option<String>,
    #[serde(default)]
    rooms: Option<String>,
    #[serde(default)]
    patient: Option<String>,
    #[serde(default)]
    service: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    place: Option<String>,
}

impl ImportRows {
    pub async fn run(self, context: Context) -> Result<(), Error> {
        let parts = context.parts_made().await?;
        let clinic = match &self.clinic {
            Some(name) => parts.accounts.clinic_named(name).await?,
            None => parts.accounts.clinic(),
        };
        let by = By { clinic, who: None, door: Origin::Cli };
        let mut desk = Desk { parts: &parts, by, names: HashMap::new() };
        let (mut rows, mut refused) = (Vec::new(), 0);
        for (line, row) in read(&self.file)? {
            let read = match row {
                Ok(row) => desk.eager(row).await,
                Err(why) => Err(why),
            };
            match read {
                Ok(row) => rows.push(row),
                Err(why) => {
                    eprintln!("{}:{line}: {why}", self.file.display());
                    refused += 1;
                }
            }
        }
        let run = if self.dry_run { Run::Rehearsal } else { Run::Real };
        let sum = parts.clinic.import_rows(by, rows, run).await?;
        let word = if self.dry_run { "would be made of" } else { "made of" };
        say!(
            "{} series and {} single appointments {word} {} rows: {} dates moved, {} left out; {} there already, {} rows \
             twice, {refused} refused",
            sum.series,
            sum.single,
            sum.rows,
            sum.moved,
            sum.left_out,
            sum.there,
            sum.twice
        );
        parts.close().await
    }
}

type Read = Vec<(usize, Result<Row, String>)>;

/// The rows with their lines.
fn read(file: &Path) -> Result<Read, Error> {
    let named = |error: std::io::Error| Error::failed(format!("{}: {error}", file.display()));
    if std::fs::metadata(file).map_err(named)?.len() > FILE_BYTES {
        return Err(Error::failed("the file is larger than 512 MiB: split it first"));
    }
    let text = std::fs::read_to_string(file).map_err(named)?;
    let is_csv = file.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"));
    Ok(if is_csv { of_csv(&text) } else { of_lines(&text) })
}

fn of_csv(text: &str) -> Read {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.deserialize::<Row>().enumerate();
    rows.map(|(at, row)| (at + 2, row.map_err(|_| "it lacks a column, or has too many".to_owned()))).collect()
}

fn of_lines(text: &str) -> Read {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let row = |(at, line): (usize, &str)| {
        let read = serde_json::from_str(line);
        (at + 1, read.map_err(|_| "it is no JSON object with these fields".to_owned()))
    };
    lines.map(row).collect()
}

/// Who is called what.
struct Desk<'a> {
    parts: &'a Parts,
    by: By,
    names: HashMap<String, PrincipalId>,
}

impl Desk<'_> {
    async fn eager(&mut self, row: Row) -> Result<Eager, String> {
        let zone = Zone::named(row.zone.trim()).ok_or("there is no time zone of this name")?;
        let (start, end) = (time(&row.start, &zone)?, time(&row.end, &zone)?);
        let practitioner = self.id(row.practitioner.trim()).await?;
        let mut with = Vec::new();
        for room in row.rooms.as_deref().unwrap_or_default().split_whitespace() {
            with.push(self.id(room).await?);
        }
        let patient = match row.patient.as_deref().map(str::trim).filter(|patient| !patient.is_empty()) {
            Some(patient) => Some(self.patient(patient).await?),
            None => None,
        };
        let said = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let visit = Visit {
            practitioner,
            with,
            start,
            end,
            zone: zone.name().to_owned(),
            rule: None,
            buffers: (0, 0),
            title: said(row.title).unwrap_or_else(|| "Appointment".to_owned()),
            place: said(row.place),
            location: None,
            mode: None,
            patient,
            service: said(row.service),
            is_pending: false,
            details: None,
        };
        Ok(Eager { key: said(row.series), visit })
    }

    async fn id(&mut self, name: &str) -> Result<PrincipalId, String> {
        if let Some(id) = self.names.get(name) {
            return Ok(*id);
        }
        let found = self.parts.clinic.bookable_named(self.by, name).await;
        let id = found.map_err(|_| format!("nobody and nothing is called {name}"))?;
        self.names.insert(name.to_owned(), id);
        Ok(id)
    }

    async fn patient(&self, named: &str) -> Result<i64, String> {
        let clinic: ClinicId = self.by.clinic;
        let unknown = || "there is no such patient".to_owned();
        let mut conn = self.parts.store.read(clinic).await.map_err(|error| error.to_string())?;
        if let Ok(id) = named.parse::<i64>() {
            let found =
                conn.patient(clinic, store::PatientId(id)).await.map_err(|error| error.to_string())?;
            return found.map(|found| found.id.0).ok_or_else(unknown);
        }
        let by = store::PatientBy::External(named);
        let found = conn.patients_by(clinic, by, 1).await.map_err(|error| error.to_string())?;
        found.first().map(|found| found.id.0).ok_or_else(unknown)
    }
}

/// An instant, or what the clock of the zone says.
fn time(text: &str, zone: &Zone) -> Result<i64, String> {
    let text = text.trim();
    if let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) {
        return Ok(time.timestamp());
    }
    let civil = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let read = civil.iter().find_map(|form| chrono::NaiveDateTime::parse_from_str(text, form).ok());
    let read = read.ok_or("a time looks like 2026-03-01T09:00:00+01:00")?;
    Ok(zone.to_instant(read.and_utc().timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_from_either_kind_of_file() {
        let csv = "practitioner,start,end,zone,rooms\nada,2026-03-02T09:00,2026-03-02T09:30,Europe/Berlin,\"r1 r2\"\nbob,x\n";
        let rows = of_csv(csv);
        assert_eq!(rows[0].1.as_ref().unwrap().rooms.as_deref(), Some("r1 r2"));
        assert!(rows[1].0 == 3 && rows[1].1.is_err());
        let lines = "{\"practitioner\":\"ada\",\"start\":\"a\",\"end\":\"b\",\"zone\":\"UTC\"}\n\n{}\n";
        let rows = of_lines(lines);
        assert_eq!((rows.len(), rows[0].1.is_ok(), rows[1].0, rows[1].1.is_err()), (2, true, 3, true));
    }

    #[test]
    fn times_are_instants_or_the_zones_own() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let instant = time("2026-03-02T09:00:00+01:00", &Zone::utc());
        assert_eq!(time("2026-03-02T09:00", &berlin), instant);
        assert_eq!(time("2026-03-02 09:00:00", &berlin), instant);
        assert!(time("monday", &berlin).is_err());
    }
}
