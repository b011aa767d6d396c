//! `/api/v1/settings`: what the clinic decides for all of it.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{BODY, Call, Failure, tagged};
use super::route::{Gives, Route, Takes, named};
use crate::clinic;
use crate::edge::Answer;

pub const ROUTES: &[&Route] = &[&GET, &PUT];

const GET: Route = Route {
    method: Method::GET,
    path: "/api/v1/settings",
    id: "getSettings",
    summary: "What the clinic decided where no service says otherwise",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Settings>).versioned(),
    refuses: &[],
    run: |call| Box::pin(get(call)),
};

const PUT: Route = Route {
    method: Method::PUT,
    path: "/api/v1/settings",
    id: "putSettings",
    summary: "Decide all of it anew; what is left out has its default",
    takes: Takes::body(named::<Settings>).versioned(),
    gives: Gives::ok(named::<Settings>).versioned(),
    refuses: &[],
    run: |call| Box::pin(put(call)),
};

/// What a clinic decides for all of it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// Seconds a hold of a patient or a bot lasts.
    #[schemars(range(min = 60, max = 7200))]
    hold_patient: i64,
    /// Seconds a hold of staff lasts.
    #[schemars(range(min = 60, max = 7200))]
    hold_staff: i64,
    /// Live holds of one patient, told by phone or mail address.
    #[schemars(range(min = 1, max = 100))]
    holds_patient: i64,
    /// Live holds of one member of staff.
    #[schemars(range(min = 1, max = 1000))]
    holds_staff: i64,
    /// Appointments to come of one patient; 0: no limit.
    #[schemars(range(min = 0, max = 1000))]
    visits_patient: i64,
    /// Titles in calendars: `{service}`, `{practitioner}` and `{patient}` are replaced. The last puts names on phones.
    #[schemars(length(min = 1, max = 200))]
    title: String,
    /// What phone numbers without a country begin with.
    #[schemars(regex(pattern = r"^\+[0-9]{1,4}$"))]
    country_code: Option<String>,
    /// Whether one patient may have two appointments at one time.
    patient_overlap: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        clinic::Settings::default().into()
    }
}

impl From<clinic::Settings> for Settings {
    fn from(from: clinic::Settings) -> Settings {
        Settings {
            hold_patient: from.hold_patient,
            hold_staff: from.hold_staff,
            holds_patient: from.holds_patient,
            holds_staff: from.holds_staff,
            visits_patient: from.visits_patient,
            title: from.title,
            country_code: from.country_code,
            patient_overlap: from.patient_overlap,
        }
    }
}

impl From<Settings> for clinic::Settings {
    fn from(from: Settings) -> clinic::Settings {
        clinic::Settings {
            hold_patient: from.hold_patient,
            hold_staff: from.hold_staff,
            holds_patient: from.holds_patient,
            holds_staff: from.holds_staff,
            visits_patient: from.visits_patient,
            title: from.title,
            country_code: from.country_code,
            patient_overlap: from.patient_overlap,
        }
    }
}

async fn get(call: Call) -> Result<Answer, Failure> {
    let (settings, version) = call.directory.settings(&call.who).await?;
    tagged(&Settings::from(settings), version)
}

async fn put(mut call: Call) -> Result<Answer, Failure> {
    let settings: clinic::Settings = call.body::<Settings>(BODY).await?.into();
    let version = call.directory.change_settings(call.author(), call.version()?, settings.clone()).await?;
    tagged(&Settings::from(settings), version)
}
