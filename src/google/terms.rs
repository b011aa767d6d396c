//! How a link is kept, and the marks our events carry there: keyed hashes, so that nobody there reads a UID from them.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::Fields;
use super::error::{Error, Result};
use super::map::{Privacy, Stance};
use crate::accounts::{ClinicId, RemoteId, Stamp};
use crate::calendar::{Link, Mirrors};

/// In which direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    #[default]
    Both,
    Push,
    Pull,
}

/// Who moves an appointment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// A move in Google is put back and noted.
    #[default]
    Clinic,
    /// A move in Google is one here, where the time is free.
    Google,
}

/// How a series stands there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// As one, with its exceptions.
    #[default]
    Series,
    /// As single events, so many days ahead.
    Materialized,
}

/// Whom an event's guests hear from (R19): Google, which writes to them, or nobody, because they are not carried over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Guests {
    /// Guests stay where they are.
    #[default]
    None,
    /// Only those with no calendar at Google.
    ExternalOnly,
    All,
}

impl Guests {
    /// Google's word, `sendUpdates`.
    pub fn updates(self) -> &'static str {
        match self {
            Guests::None => "none",
            Guests::ExternalOnly => "externalOnly",
            Guests::All => "all",
        }
    }
}

/// Days ahead that occurrences stand there by themselves, unless it is said.
const DAYS: u32 = 90;
/// At most: Google would have as many events.
const MOST_DAYS: u32 = 366;

/// What a person chose for a link, and what it remembers between two runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    pub direction: Direction,
    pub privacy: Privacy,
    pub policy: Policy,
    pub mode: Mode,
    pub guests: Guests,
    /// The calendar there is made for this link.
    pub made: bool,
    /// For single events; 0: as usual.
    pub days: u32,
    /// When it was last looked which occurrences have come near, seconds UTC.
    pub looked_ahead_at: i64,
    /// Of the calendar there.
    pub zone: Option<String>,
    /// Somebody looked at what the guard stopped: the next run may delete it.
    pub approved: bool,
    /// More is carried than before: the next pull takes what is as it was as well.
    pub anew: bool,
    /// When something was last pushed, seconds UTC.
    pub pushed_at: i64,
    /// No writes before, seconds UTC.
    pub write_at: i64,
    /// How often the breaker opened in a row.
    pub breaks: u32,
    /// No channel before, seconds UTC: Google refused one, or failed.
    pub watch_at: i64,
}

impl Terms {
    pub fn of(link: &Link) -> Terms {
        serde_json::from_str(&link.terms).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Guests are persons, and each of an event's copies would invite them.
    pub fn check(&self) -> Result<()> {
        let fits =
            self.privacy == Privacy::Full && self.mode == Mode::Series && self.direction != Direction::Pull;
        match self.guests {
            Guests::None => Ok(()),
            _ if fits => Ok(()),
            _ => Err(Error::Refused(
                "guests are carried with privacy full, mode series, and not with direction pull".into(),
            )),
        }
    }

    /// How far ahead single events stand there, seconds.
    pub fn ahead(&self) -> i64 {
        i64::from(if self.days == 0 { DAYS } else { self.days.min(MOST_DAYS) }) * 86_400
    }

    pub fn stance(&self, is_appointment: bool) -> Stance {
        match (is_appointment, self.policy) {
            (false, _) => Stance::Personal,
            (true, Policy::Clinic) => Stance::Clinic,
            (true, Policy::Google) => Stance::Appointment,
        }
    }
}

/// The states of a link.
pub mod state {
    pub const NEW: &str = "new";
    pub const LIVE: &str = "live";
    pub const PAUSED: &str = "paused";
    pub const READ_ONLY: &str = "read_only";
    pub const THROTTLED: &str = "throttled";
    pub const GONE: &str = "gone";
    pub const NEEDS_REAUTH: &str = "needs_reauth";
}

/// Names of private properties there.
const UID: &str = "cuid";
const INSTALLATION: &str = "cinst";
const LINK: &str = "clink";
/// Of a single event that is an occurrence of a series here: which.
const SERIES: &str = "cseries";

/// What marks our events.
pub struct Marks(Stamp);

impl Marks {
    pub fn new(mirrors: &Mirrors) -> Marks {
        Marks(mirrors.stamp("google"))
    }

    fn mark(&self, what: &str, text: &str) -> String {
        let stamp = self.0.of(format!("{what}\n{text}").as_bytes());
        stamp.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The private properties of an object's event, or of the one that is this occurrence of it.
    pub fn of(&self, link: &Link, uid: &str, occurrence: &str) -> serde_json::Value {
        let (mark, installation) = (self.mark("uid", uid), self.mark("installation", ""));
        let link = self.mark("link", &link.id.to_string());
        let mut own = json!({ UID: mark, INSTALLATION: installation, LINK: link });
        if !occurrence.is_empty() {
            own[SERIES] = self.mark("series", &format!("{occurrence}\n{uid}")).into();
        }
        json!({ "private": own })
    }

    /// Whether it is the event of this very object and link.
    pub fn is_of(&self, marks: &Fields, link: &Link, uid: &str) -> bool {
        self.is_ours(marks, link) && marks.get(UID).is_some_and(|mark| *mark == self.mark("uid", uid))
    }

    fn is_ours(&self, marks: &Fields, link: &Link) -> bool {
        marks.get(LINK).is_some_and(|mark| *mark == self.mark("link", &link.id.to_string()))
            && marks.get(INSTALLATION).is_some_and(|mark| *mark == self.mark("installation", ""))
    }

    /// Whether another link or another installation carries it from elsewhere.
    pub fn is_carried(&self, marks: &Fields, link: &Link) -> bool {
        marks.contains_key(INSTALLATION) && !self.is_ours(marks, link)
    }

    /// The id of an object's event, or of the one that is this occurrence of it: 26 letters of base32hex (RFC 4648 section
    /// 7), the same at every try.
    pub fn event_id(&self, link: &Link, (uid, occurrence): (&str, &str), generation: i64) -> String {
        const LETTERS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
        let mut name = format!("event\n{}\n{generation}\n{uid}", link.id);
        if !occurrence.is_empty() {
            name.extend(["\n", occurrence]);
        }
        let stamp = self.0.of(name.as_bytes());
        let bits = stamp.iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
        (0..26).map(|at| char::from(LETTERS[(bits >> (125 - 5 * at).max(0) & 31) as usize])).collect()
    }

    /// The secret of a channel, of random text: marked, so that a database that has forgotten the channel knows it again,
    /// and whose calls can stop it.
    pub fn secret(&self, channel: &str, random: &str, (clinic, remote): (ClinicId, RemoteId)) -> String {
        let place = format!("{random}.{clinic}.{remote}");
        let mark = self.mark("channel", &format!("{channel} {place}"));
        format!("{place}.{mark}")
    }

    /// Whose channel it is, if the secret was made here for it.
    pub fn owner(&self, channel: &str, secret: &str) -> Option<(ClinicId, RemoteId)> {
        let (place, mark) = secret.rsplit_once('.')?;
        let mut numbers = place.rsplit('.').map(|text| text.parse().ok());
        let (remote, clinic) = (numbers.next()??, numbers.next()??);
        let mark: Option<Vec<u8>> =
            (0..mark.len()).step_by(2).map(|at| u8::from_str_radix(mark.get(at..at + 2)?, 16).ok()).collect();
        let is_ours = self.0.fits(format!("channel\n{channel} {place}").as_bytes(), &mark?);
        is_ours.then_some((ClinicId(clinic), RemoteId(remote)))
    }

    /// The name of an object that was born there: the same at every try.
    pub fn object_name(&self, link: &Link, event: &str) -> String {
        format!("google-{}.ics", self.mark("object", &format!("{} {event}", link.id)))
    }
}

/// Reads and writes the terms of a link.
pub fn set(link: &mut Link, change: impl FnOnce(&mut Terms)) -> Result<()> {
    let mut terms = Terms::of(link);
    change(&mut terms);
    link.terms = terms.text();
    Ok(())
}
