//! How a calendar here and one at Google are kept equal, as it is told and asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a link is kept.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GoogleTerms")]
pub(super) struct Terms {
    direction: Direction,
    privacy: Privacy,
    policy: Policy,
    mode: Mode,
    guests: Guests,
}

/// How a series stands at Google: as one with its exceptions, or as single events for some days ahead.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "GoogleMode")]
pub enum Mode {
    #[default]
    Series,
    Materialized,
}

/// Whether guests of events that the calendar's owner organizes are carried, with their answers, and to whom of them Google
/// writes when somebody here changes such an event. `none`: guests stay where they are. The others need privacy `full` and
/// mode `series`. Nobody is written to for a first comparison, a resync, or what is put back.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "GoogleGuests")]
pub enum Guests {
    #[default]
    None,
    ExternalOnly,
    All,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "GoogleDirection")]
pub enum Direction {
    #[default]
    Both,
    Push,
    Pull,
}

/// What Google may see: that somebody is busy, what for, or all of it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "GooglePrivacy")]
pub enum Privacy {
    #[default]
    Busy,
    Title,
    Full,
}

/// Who decides when an appointment is.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "GooglePolicy")]
pub enum Policy {
    #[default]
    Clinic,
    Google,
}

/// How much a person is asked for: the list of her calendars; a calendar made for the clinic as well (`own`), and none that
/// was there before; or the events of all of them as well.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "GoogleAccess")]
pub enum Access {
    #[default]
    Calendars,
    Own,
    Events,
}

/// A link to be made.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewGoogleLink")]
pub struct NewLink {
    pub account: i64,
    /// The calendar's id at Google, as the list of the account's calendars shows it; or the name of one that is to be made.
    #[schemars(length(min = 1, max = 1000))]
    pub google_calendar: String,
    /// Make the calendar at Google, for this link: the account needs no more than the access `own`.
    #[serde(default)]
    pub make: bool,
    /// The last segment of the address of one of the caller's calendars.
    #[schemars(length(min = 1, max = 200))]
    pub calendar: String,
    #[serde(default)]
    pub privacy: Privacy,
    #[serde(default)]
    pub policy: Policy,
    #[serde(default)]
    pub direction: Direction,
    #[serde(default)]
    pub mode: Mode,
    #[serde(default)]
    pub guests: Guests,
    /// Days ahead that single events stand there: 90 unless said otherwise.
    #[serde(default)]
    #[schemars(range(min = 1, max = 366))]
    pub days: Option<u32>,
}

/// What of a link may change; what is left out stays.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GoogleLinkChange")]
pub struct LinkChange {
    #[serde(default)]
    pub mode: Option<Mode>,
    /// Days ahead that single events stand there, of a mode that is told: 90 unless said otherwise.
    #[serde(default)]
    #[schemars(range(min = 1, max = 366))]
    pub days: Option<u32>,
    #[serde(default)]
    pub guests: Option<Guests>,
}
