//! `/api/v1/resources/{resource}/blocks` and `/holidays`: closed time of a practitioner, a room or a device, and of the
//! whole clinic.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{BODY, Call, Failure, json, nothing};
use super::hours::day;
use super::instant::{self, Between};
use super::outcome::{AFFECTED, Done, Sureness, answer};
use super::route::{Gives, Route, Takes, inline, named};
use crate::calendar::Zone;
use crate::clinic::{self, BlockKind, Closing, Error, NewHoliday, PrincipalId, Stretch};
use crate::edge::Answer;

pub const ROUTES: &[&Route] = &[&LIST, &ADD, &CHANGE, &REMOVE, &CLEAR, &HOLIDAYS, &HOLIDAY, &REOPEN];

const LIST: Route = Route {
    method: Method::GET,
    path: "/api/v1/resources/{resource}/blocks",
    id: "listBlocks",
    summary: "What closes the time of a practitioner, a room or a device, between two instants",
    takes: Takes::query(inline::<Between>),
    gives: Gives::ok(named::<Blocks>),
    refuses: &["INVALID_TIME", "RESOURCE_NOT_FOUND"],
    run: |call| Box::pin(list(call)),
};

const ADD: Route = Route {
    method: Method::POST,
    path: "/api/v1/resources/{resource}/blocks",
    id: "addBlock",
    summary: "Close some time; appointments in it are told first, and stay",
    takes: Takes::body(named::<NewBlock>).and_query(inline::<Sureness>),
    gives: Gives::ok(named::<Done>).versioned(),
    refuses: &["INVALID_TIME", "RESOURCE_NOT_FOUND", AFFECTED],
    run: |call| Box::pin(add(call)),
};

const CHANGE: Route = Route {
    method: Method::PUT,
    path: "/api/v1/resources/{resource}/blocks/{block}",
    id: "putBlock",
    summary: "Replace a block",
    takes: Takes::body(named::<NewBlock>).and_query(inline::<Sureness>).versioned(),
    gives: Gives::ok(named::<Done>).versioned(),
    refuses: &["INVALID_TIME", "RESOURCE_NOT_FOUND", AFFECTED],
    run: |call| Box::pin(change(call)),
};

const REMOVE: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/resources/{resource}/blocks/{block}",
    id: "removeBlock",
    summary: "Open the time again",
    takes: Takes::NOTHING.versioned(),
    gives: Gives::NOTHING,
    refuses: &["RESOURCE_NOT_FOUND"],
    run: |call| Box::pin(remove(call)),
};

const CLEAR: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/resources/{resource}/blocks",
    id: "clearBlocks",
    summary: "Open what was closed between two instants; what recurs, is forced, or is leave stays",
    takes: Takes::query(inline::<Between>),
    gives: Gives::ok(named::<Cleared>),
    refuses: &["INVALID_TIME", "RESOURCE_NOT_FOUND"],
    run: |call| Box::pin(clear(call)),
};

const HOLIDAYS: Route = Route {
    method: Method::GET,
    path: "/api/v1/holidays",
    id: "listHolidays",
    summary: "Days on which the clinic is closed, between two instants",
    takes: Takes::query(inline::<Between>),
    gives: Gives::ok(named::<Blocks>),
    refuses: &["INVALID_TIME"],
    run: |call| Box::pin(holidays(call)),
};

const HOLIDAY: Route = Route {
    method: Method::POST,
    path: "/api/v1/holidays",
    id: "addHoliday",
    summary: "Close the clinic for some days, everybody's time with it",
    takes: Takes::body(named::<NewDays>).and_query(inline::<Sureness>),
    gives: Gives::ok(named::<Done>).versioned(),
    refuses: &[AFFECTED],
    run: |call| Box::pin(holiday(call)),
};

const REOPEN: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/holidays/{holiday}",
    id: "removeHoliday",
    summary: "Open the clinic on these days again",
    takes: Takes::NOTHING,
    gives: Gives::NOTHING,
    refuses: &[],
    run: |call| Box::pin(reopen(call)),
};

/// What closes time. Leave and holidays are made elsewhere.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "BlockKind")]
enum Kind {
    Exception,
    Emergency,
    /// By those who run the clinic: nobody else takes it away.
    Forced,
    Maintenance,
    Leave,
    Holiday,
}

impl From<BlockKind> for Kind {
    fn from(from: BlockKind) -> Kind {
        match from {
            BlockKind::Exception => Kind::Exception,
            BlockKind::Emergency => Kind::Emergency,
            BlockKind::Forced => Kind::Forced,
            BlockKind::Maintenance => Kind::Maintenance,
            BlockKind::Leave => Kind::Leave,
            BlockKind::Holiday => Kind::Holiday,
        }
    }
}

impl From<Kind> for BlockKind {
    fn from(from: Kind) -> BlockKind {
        match from {
            Kind::Exception => BlockKind::Exception,
            Kind::Emergency => BlockKind::Emergency,
            Kind::Forced => BlockKind::Forced,
            Kind::Maintenance => BlockKind::Maintenance,
            Kind::Leave => BlockKind::Leave,
            Kind::Holiday => BlockKind::Holiday,
        }
    }
}

/// A closed time.
#[derive(Serialize, JsonSchema)]
struct Block {
    id: String,
    kind: Kind,
    /// Of a series, of its first occurrence that was asked for.
    start: String,
    /// Exclusive.
    end: String,
    all_day: bool,
    /// RRULE of RFC 5545 3.3.10.
    rule: Option<String>,
    /// Null where it was written on somebody else's phone.
    title: Option<String>,
    /// If-Match of a change: the ETag without its quotes.
    version: i64,
}

#[derive(Serialize, JsonSchema)]
struct Blocks {
    items: Vec<Block>,
}

/// What was taken away.
#[derive(Serialize, JsonSchema)]
struct Cleared {
    removed: Vec<String>,
}

/// A time to be closed: whole days (`first` to `last`), or from `start` to `end`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewBlock {
    kind: Kind,
    /// The first day, as 2026-03-01.
    first: Option<String>,
    /// The last day.
    last: Option<String>,
    /// RFC 3339.
    start: Option<String>,
    /// Exclusive.
    end: Option<String>,
    /// RRULE of RFC 5545 3.3.10.
    #[schemars(length(max = 500))]
    rule: Option<String>,
    #[schemars(length(max = 200))]
    title: Option<String>,
}

/// A holiday to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewHoliday")]
struct NewDays {
    #[schemars(length(min = 1, max = 200))]
    title: String,
    /// The first day, as 2026-12-24.
    first: String,
    /// The last one; the first, when left out.
    last: Option<String>,
    /// Every year on this date.
    #[serde(default)]
    yearly: bool,
}

fn shown(of: clinic::Block) -> Block {
    Block {
        id: of.id,
        kind: of.kind.into(),
        start: instant::print(of.start, &Zone::utc()),
        end: instant::print(of.end, &Zone::utc()),
        all_day: of.is_all_day,
        rule: of.rule,
        title: of.title,
        version: of.version,
    }
}

async fn closing(call: &mut Call) -> Result<Closing, Failure> {
    let new: NewBlock = call.body(BODY).await?;
    let stretch = match (new.first, new.last, new.start, new.end) {
        (Some(first), last, None, None) => {
            let first = day("first", &first)?;
            Stretch::Days(first, last.map_or(Ok(first), |last| day("last", &last))?)
        }
        (None, None, Some(start), Some(end)) => {
            Stretch::Time(instant::wanted(&start)?, instant::wanted(&end)?)
        }
        _ => {
            let why = "either whole days (first, last) or times (start and end)";
            return Err(Error::Invalid { field: "start", why }.into());
        }
    };
    Ok(Closing { kind: new.kind.into(), stretch, title: new.title, rule: new.rule, leave: None })
}

async fn list(call: Call) -> Result<Answer, Failure> {
    let span = call.query::<Between>()?.read()?;
    let found = call.clinic.blocks(&call.who, PrincipalId(call.name(0)?), span).await?;
    json(&Blocks { items: found.into_iter().map(shown).collect() })
}

async fn add(mut call: Call) -> Result<Answer, Failure> {
    let (new, step) = (closing(&mut call).await?, call.query::<Sureness>()?.step());
    let at = (PrincipalId(call.name(0)?), None);
    let done = call.clinic.put_block(call.author(), at, new, (None, step)).await?;
    answer(done, |(id, version)| (Some(id.clone()), Some(*version)))
}

async fn change(mut call: Call) -> Result<Answer, Failure> {
    let (new, step) = (closing(&mut call).await?, call.query::<Sureness>()?.step());
    let at = (PrincipalId(call.name(0)?), Some(call.name(1)?));
    let done = call.clinic.put_block(call.author(), at, new, (call.version()?, step)).await?;
    answer(done, |(id, version)| (Some(id.clone()), Some(*version)))
}

async fn remove(call: Call) -> Result<Answer, Failure> {
    let (of, id) = (PrincipalId(call.name(0)?), call.name::<String>(1)?);
    call.clinic.remove_block(call.author(), (of, &id), call.version()?).await?;
    nothing()
}

async fn clear(call: Call) -> Result<Answer, Failure> {
    let span = call.query::<Between>()?.read()?;
    let removed = call.clinic.clear_blocks(call.author(), PrincipalId(call.name(0)?), span).await?;
    json(&Cleared { removed })
}

async fn holidays(call: Call) -> Result<Answer, Failure> {
    let span = call.query::<Between>()?.read()?;
    let found = call.clinic.holidays(&call.who, span).await?;
    json(&Blocks { items: found.into_iter().map(shown).collect() })
}

async fn holiday(mut call: Call) -> Result<Answer, Failure> {
    let (new, step) = (call.body::<NewDays>(BODY).await?, call.query::<Sureness>()?.step());
    let first = day("first", &new.first)?;
    let last = new.last.map_or(Ok(first), |last| day("last", &last))?;
    let new = NewHoliday { title: new.title, first, last, is_yearly: new.yearly };
    let done = call.clinic.add_holiday(call.author(), new, step).await?;
    answer(done, |(id, version)| (Some(id.clone()), Some(*version)))
}

async fn reopen(call: Call) -> Result<Answer, Failure> {
    call.clinic.remove_holiday(call.author(), &call.name::<String>(0)?).await?;
    nothing()
}
