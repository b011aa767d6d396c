//! What a clinic decides for all of it, where no service says otherwise. A clinic that decided nothing has the defaults;
//! a field that a newer program knows has its default until somebody sets it.

use serde::{Deserialize, Serialize};
use store::Conn;

use super::access::{self, Subject, Verb};
use super::directory::{Directory, deed, line, still};
use super::error::{Error, Result, invalid};
use crate::accounts::Caller;
use crate::calendar::{self, Author};

/// Characters of a template.
const TITLE: usize = 200;
/// What a template may name, in braces.
const NAMES: [&str; 3] = ["service", "patient", "practitioner"];

/// The decisions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Seconds a hold lasts where the service says nothing.
    pub hold_patient: i64,
    pub hold_staff: i64,
    /// Live holds a patient (by phone or mail), and a member of staff, may have.
    pub holds_patient: i64,
    pub holds_staff: i64,
    /// Appointments to come that one patient may have; 0: no limit.
    pub visits_patient: i64,
    /// The title of a visit in calendars: text with `{service}`, `{practitioner}`, `{patient}`. The last one puts a name
    /// on every phone that sees the calendar.
    pub title: String,
    /// What a number without a country begins with, such as +49.
    pub country_code: Option<String>,
    /// Whether one patient may have two appointments at one time.
    pub patient_overlap: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            hold_patient: 600,
            hold_staff: 1800,
            holds_patient: 3,
            holds_staff: 20,
            visits_patient: 0,
            title: "{service}".into(),
            country_code: None,
            patient_overlap: false,
        }
    }
}

impl Settings {
    /// Those of a clinic, and their version: 0 before it decided anything.
    pub async fn read(conn: &mut Conn, clinic: store::ClinicId) -> Result<(Settings, i64)> {
        let Some((body, version)) = conn.settings(clinic).await? else { return Ok((Settings::default(), 0)) };
        let read = serde_json::from_str(&body);
        Ok((read.map_err(|error| calendar::Error::Broken(error.into()))?, version))
    }

    /// The title of a visit.
    pub fn title(&self, service: &str, practitioner: &str, patient: &str) -> String {
        let title = self.title.replace("{service}", service);
        let title = title.replace("{practitioner}", practitioner).replace("{patient}", patient);
        if title.trim().is_empty() { service.to_owned() } else { title.trim().to_owned() }
    }

    /// Whether titles need the patient's name at all.
    pub fn names_patient(&self) -> bool {
        self.title.contains("{patient}")
    }

    fn check(&self) -> Result<()> {
        let seconds = 60..=7200;
        match self {
            _ if !seconds.contains(&self.hold_patient) => invalid("hold_patient", "from 60 to 7200 seconds"),
            _ if !seconds.contains(&self.hold_staff) => invalid("hold_staff", "from 60 to 7200 seconds"),
            _ if !(1..=100).contains(&self.holds_patient) => invalid("holds_patient", "from 1 to 100"),
            _ if !(1..=1000).contains(&self.holds_staff) => invalid("holds_staff", "from 1 to 1000"),
            _ if !(0..=1000).contains(&self.visits_patient) => invalid("visits_patient", "from 0 to 1000"),
            _ => Ok(()),
        }?;
        line("title", &self.title, TITLE)?;
        let unknown = |part: &str| part.split_once('}').is_none_or(|(name, _)| !NAMES.contains(&name));
        if self.title.split('{').skip(1).any(unknown) {
            return invalid("title", "in braces stands service, practitioner or patient");
        }
        let is_code = |code: &String| {
            code.strip_prefix('+').is_some_and(|digits| {
                (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
            })
        };
        if self.country_code.as_ref().is_some_and(|code| !is_code(code)) {
            return invalid("country_code", "a country code looks like +49");
        }
        Ok(())
    }
}

impl Directory {
    /// The clinic's decisions and their version.
    pub async fn settings(&self, who: &Caller) -> Result<(Settings, i64)> {
        access::need(who, Subject::Settings, Verb::Read, None)?;
        Settings::read(&mut self.store.read(who.clinic()).await?, who.clinic()).await
    }

    /// Replaces them; the answer is their new version.
    pub async fn change_settings(
        &self,
        by: Author<'_>,
        version: Option<i64>,
        settings: Settings,
    ) -> Result<i64> {
        access::need(by.who, Subject::Settings, Verb::Write, None)?;
        settings.check()?;
        let body = serde_json::to_string(&settings)
            .map_err(|error| Error::from(calendar::Error::Broken(error.into())))?;
        let who = by.who.clone();
        self.change(by, move |tx| {
            Box::pin(async move {
                let (_, is) = Settings::read(tx, who.clinic()).await?;
                still(version, is)?;
                tx.save_settings(&body).await?;
                let what = serde_json::json!({});
                tx.audit(vec![deed(&who, "settings-changed", "settings".to_owned(), what)]).await?;
                Ok(tx.seq())
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_made_of_what_the_clinic_chose() {
        let mut settings = Settings::default();
        assert_eq!(settings.title("First visit", "Dr. Berg", "M. Keller"), "First visit");
        assert!(!settings.names_patient());
        settings.title = "{patient}: {service}".into();
        assert_eq!(settings.title("First visit", "Dr. Berg", "M. Keller"), "M. Keller: First visit");
        assert!(settings.names_patient() && settings.check().is_ok());
        for bad in ["", "{phone}", "{service", "a\nb"] {
            settings.title = bad.into();
            assert!(settings.check().is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_have_bounds() {
        assert!(Settings::default().check().is_ok());
        for bad in [
            Settings { hold_patient: 59, ..Settings::default() },
            Settings { hold_staff: 7201, ..Settings::default() },
            Settings { holds_patient: 0, ..Settings::default() },
            Settings { country_code: Some("49".into()), ..Settings::default() },
        ] {
            assert!(matches!(bad.check(), Err(Error::Invalid { .. })), "{bad:?}");
        }
    }
}
