//! `/api/v1/practitioners/{practitioner}/hours` and `/overrides`: when somebody works, week after week, and on some days
//! otherwise. The same text that calendar programs read and write (RFC 7953).

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{BODY, Call, Failure, json, tagged};
use super::fields::{Weekday, bits, days};
use super::instant::Between;
use super::outcome::{AFFECTED, Done, Left, Sureness, answer};
use super::route::{Gives, Route, Takes, inline, named};
use crate::calendar::Zone;
use crate::clinic::{
    self, EVERY_DAY, Error, NewOverride, PrincipalId, Site, TermKey, Week, day_name, day_named,
};
use crate::edge::Answer;

pub const ROUTES: &[&Route] = &[&GET, &PUT, &COPY, &LIST, &ADD, &CHANGE, &REMOVE, &OUTSIDE];

const GET: Route = Route {
    method: Method::GET,
    path: "/api/v1/practitioners/{practitioner}/hours",
    id: "getHours",
    summary: "When a practitioner works, by weekday",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Hours>).versioned(),
    refuses: &[],
    run: |call| Box::pin(get(call)),
};

const PUT: Route = Route {
    method: Method::PUT,
    path: "/api/v1/practitioners/{practitioner}/hours",
    id: "putHours",
    summary: "Replace the week; appointments that would be left outside are told first",
    takes: Takes::body(named::<NewHours>).and_query(inline::<Sureness>).versioned(),
    gives: Gives::ok(named::<Done>).versioned(),
    refuses: &["OVERLAPPING_INTERVALS", AFFECTED],
    run: |call| Box::pin(put(call)),
};

const COPY: Route = Route {
    method: Method::POST,
    path: "/api/v1/practitioners/{practitioner}/hours/copy",
    id: "copyHours",
    summary: "Give other practitioners this week",
    takes: Takes::body(named::<Copies>).and_query(inline::<Sureness>),
    gives: Gives::ok(named::<Done>),
    refuses: &[AFFECTED],
    run: |call| Box::pin(copy(call)),
};

const LIST: Route = Route {
    method: Method::GET,
    path: "/api/v1/practitioners/{practitioner}/overrides",
    id: "listOverrides",
    summary: "Days with other hours, between two instants",
    takes: Takes::query(inline::<Between>),
    gives: Gives::ok(named::<Overrides>),
    refuses: &["INVALID_TIME"],
    run: |call| Box::pin(list(call)),
};

const ADD: Route = Route {
    method: Method::POST,
    path: "/api/v1/practitioners/{practitioner}/overrides",
    id: "addOverride",
    summary: "Other hours on some days, which replace the week there; without intervals the days are closed",
    takes: Takes::body(named::<NewDays>).and_query(inline::<Sureness>),
    gives: Gives::ok(named::<Done>).versioned(),
    refuses: &["OVERLAPPING_INTERVALS", AFFECTED],
    run: |call| Box::pin(add(call)),
};

const CHANGE: Route = Route {
    method: Method::PUT,
    path: "/api/v1/practitioners/{practitioner}/overrides/{override}",
    id: "putOverride",
    summary: "Replace an override",
    takes: Takes::body(named::<NewDays>).and_query(inline::<Sureness>).versioned(),
    gives: Gives::ok(named::<Done>).versioned(),
    refuses: &["OVERLAPPING_INTERVALS", AFFECTED],
    run: |call| Box::pin(change(call)),
};

const REMOVE: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/practitioners/{practitioner}/overrides/{override}",
    id: "removeOverride",
    summary: "Take an override away: its days are again as the week says",
    takes: Takes::query(inline::<Sureness>).versioned(),
    gives: Gives::ok(named::<Done>),
    refuses: &[AFFECTED],
    run: |call| Box::pin(remove(call)),
};

const OUTSIDE: Route = Route {
    method: Method::GET,
    path: "/api/v1/resources/{resource}/outside",
    id: "listOutside",
    summary: "Appointments that stand outside of hours or in a closed time",
    takes: Takes::query(inline::<Between>),
    gives: Gives::ok(named::<Outsides>),
    refuses: &["INVALID_TIME"],
    run: |call| Box::pin(outside(call)),
};

/// Some hours on some weekdays, by the clock on the wall.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Interval {
    /// All of them, when left out.
    #[serde(default = "every")]
    weekdays: Vec<Weekday>,
    #[schemars(regex(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    start: String,
    /// At most 24:00: hours over midnight are two intervals.
    #[schemars(regex(pattern = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"))]
    end: String,
    /// The first day on which it may hold; null: it always did.
    from: Option<String>,
    /// The last day; null: it always will.
    until: Option<String>,
    /// A term of the dimension `location`.
    place: Option<i64>,
    /// A term of the dimension `mode`.
    mode: Option<i64>,
}

/// When somebody works.
#[derive(Serialize, JsonSchema)]
struct Hours {
    /// IANA name: on whose clock.
    zone: String,
    intervals: Vec<Interval>,
    /// What opens time besides, was written by a calendar program, and cannot be said as a week; it stays.
    others: usize,
}

/// A week to be set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewHours {
    /// The practitioner's own, when left out.
    zone: Option<String>,
    #[schemars(length(max = 150))]
    intervals: Vec<Interval>,
}

/// Who is given a week.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HoursCopied")]
struct Copies {
    /// Practitioners.
    #[schemars(length(min = 1, max = 50))]
    to: Vec<i64>,
}

/// Other hours on some days.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Override")]
struct Days {
    id: String,
    first: String,
    last: String,
    urgent: bool,
    /// If-Match of a change: the ETag without its quotes.
    version: i64,
    zone: String,
    intervals: Vec<Interval>,
    others: usize,
}

#[derive(Serialize, JsonSchema)]
struct Overrides {
    items: Vec<Days>,
}

#[derive(Serialize, JsonSchema)]
struct Outsides {
    items: Vec<Left>,
}

/// Other hours to be set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewOverride")]
struct NewDays {
    /// The first day, as 2026-03-01.
    first: String,
    /// The last one.
    last: String,
    /// It goes before other overrides of these days.
    #[serde(default)]
    urgent: bool,
    zone: Option<String>,
    /// Their own dates are not asked for.
    #[schemars(length(max = 150))]
    intervals: Vec<Interval>,
}

fn every() -> Vec<Weekday> {
    days(EVERY_DAY)
}

fn invalid(field: &'static str, why: &'static str) -> Failure {
    Error::Invalid { field, why }.into()
}

/// A day, as days since 1970.
pub fn day(field: &'static str, text: &str) -> Result<i64, Failure> {
    day_named(text).ok_or_else(|| invalid(field, "a day looks like 2026-03-01"))
}

/// Minutes since midnight; midnight of the day after is 24:00.
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |text: &str| text.parse::<u16>().ok().filter(|_| text.len() == 2 && !text.starts_with('+'));
    let (hour, minute) = (two(hour)?, two(minute)?);
    let at = hour * 60 + minute;
    (minute < 60 && at <= clinic::MINUTES).then_some(at)
}

impl Interval {
    fn read(self) -> Result<clinic::Interval, Failure> {
        let clock = "a time of day looks like 09:30";
        let day = |field, text: Option<String>| text.map(|text| day(field, &text)).transpose();
        Ok(clinic::Interval {
            weekdays: bits(&self.weekdays),
            start: minutes(&self.start).ok_or_else(|| invalid("start", clock))?,
            end: minutes(&self.end).ok_or_else(|| invalid("end", clock))?,
            from: day("from", self.from)?,
            until: day("until", self.until)?,
            site: Site { place: self.place.map(TermKey), mode: self.mode.map(TermKey) },
        })
    }

    fn shown(from: clinic::Interval) -> Interval {
        let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        Interval {
            weekdays: days(from.weekdays),
            start: clock(from.start),
            end: clock(from.end),
            from: from.from.map(day_name),
            until: from.until.map(day_name),
            place: from.site.place.map(|term| term.0),
            mode: from.site.mode.map(|term| term.0),
        }
    }
}

fn practitioner(call: &Call) -> Result<PrincipalId, Failure> {
    Ok(PrincipalId(call.name(0)?))
}

/// A week on the clock that was named, or on the practitioner's.
async fn week(call: &Call, zone: Option<String>, intervals: Vec<Interval>) -> Result<Week, Failure> {
    let zone = match zone {
        Some(zone) => Some(zone),
        None => call.directory.practitioner(&call.who, practitioner(call)?).await?.zone,
    };
    let unknown = || invalid("zone", "there is no time zone of this name");
    let zone = zone.map(|name| Zone::named(&name).ok_or_else(unknown)).transpose()?;
    let intervals = intervals.into_iter().map(Interval::read).collect::<Result<_, _>>()?;
    Ok(Week { zone: zone.unwrap_or_else(Zone::utc), intervals })
}

async fn get(call: Call) -> Result<Answer, Failure> {
    let base = call.clinic.hours(&call.who, practitioner(&call)?).await?;
    let hours = Hours {
        zone: base.hours.week.zone.name().to_owned(),
        intervals: base.hours.week.by_day().into_iter().map(Interval::shown).collect(),
        others: base.hours.others,
    };
    tagged(&hours, base.version)
}

async fn put(mut call: Call) -> Result<Answer, Failure> {
    let (new, step) = (call.body::<NewHours>(BODY).await?, call.query::<Sureness>()?.step());
    let week = week(&call, new.zone, new.intervals).await?;
    let under = (call.version()?, step);
    let done = call.clinic.set_hours(call.author(), practitioner(&call)?, week, under).await?;
    answer(done, |version| (None, Some(*version)))
}

async fn copy(mut call: Call) -> Result<Answer, Failure> {
    let (copies, step) = (call.body::<Copies>(BODY).await?, call.query::<Sureness>()?.step());
    let to: Vec<_> = copies.to.into_iter().map(PrincipalId).collect();
    let done = call.clinic.copy_hours(call.author(), (practitioner(&call)?, &to), step).await?;
    answer(done, |()| (None, None))
}

async fn list(call: Call) -> Result<Answer, Failure> {
    let span = call.query::<Between>()?.read()?;
    let found = call.clinic.overrides(&call.who, practitioner(&call)?, span).await?;
    let shown = |one: clinic::Override| Days {
        id: one.id,
        first: day_name(one.first),
        last: day_name(one.last),
        urgent: one.is_urgent,
        version: one.version,
        zone: one.hours.week.zone.name().to_owned(),
        intervals: one.hours.week.intervals.into_iter().map(Interval::shown).collect(),
        others: one.hours.others,
    };
    json(&Overrides { items: found.into_iter().map(shown).collect() })
}

async fn days_of(call: &mut Call) -> Result<NewOverride, Failure> {
    let new: NewDays = call.body(BODY).await?;
    Ok(NewOverride {
        first: day("first", &new.first)?,
        last: day("last", &new.last)?,
        is_urgent: new.urgent,
        week: week(call, new.zone, new.intervals).await?,
    })
}

async fn add(mut call: Call) -> Result<Answer, Failure> {
    let (new, step) = (days_of(&mut call).await?, call.query::<Sureness>()?.step());
    let at = (practitioner(&call)?, None);
    let done = call.clinic.put_override(call.author(), at, new, (None, step)).await?;
    answer(done, |(id, version)| (Some(id.clone()), Some(*version)))
}

async fn change(mut call: Call) -> Result<Answer, Failure> {
    let (new, step) = (days_of(&mut call).await?, call.query::<Sureness>()?.step());
    let at = (practitioner(&call)?, Some(call.name(1)?));
    let done = call.clinic.put_override(call.author(), at, new, (call.version()?, step)).await?;
    answer(done, |(id, version)| (Some(id.clone()), Some(*version)))
}

async fn remove(call: Call) -> Result<Answer, Failure> {
    let (id, step) = (call.name::<String>(1)?, call.query::<Sureness>()?.step());
    let at = (practitioner(&call)?, id.as_str());
    let done = call.clinic.remove_override(call.author(), at, (call.version()?, step)).await?;
    answer(done, |()| (Some(id.clone()), None))
}

async fn outside(call: Call) -> Result<Answer, Failure> {
    let span = call.query::<Between>()?.read()?;
    let found = call.clinic.outside(&call.who, PrincipalId(call.name(0)?), span).await?;
    json(&Outsides { items: found.iter().map(Left::from).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_read_to_the_minute() {
        assert_eq!((minutes("00:00"), minutes("09:30"), minutes("24:00")), (Some(0), Some(570), Some(1440)));
        for bad in ["9:30", "24:01", "09:60", "+9:00", "0930", "09:30:00", ""] {
            assert_eq!(minutes(bad), None, "{bad}");
        }
    }
}
