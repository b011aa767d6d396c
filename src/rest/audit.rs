//! `/api/v1/audit`: who did what, when, by which door and with which credential; for those who run the clinic.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{Call, Failure, json};
use super::instant;
use super::page::Listed;
use super::route::{Gives, Route, Takes, inline, named};
use crate::calendar::Zone;
use crate::clinic::{AuditAfter, AuditOf, PrincipalId};
use crate::edge::{Answer, Problem};

pub const ROUTES: &[&Route] = &[&LIST];

const LIST: Route = Route {
    method: Method::GET,
    path: "/api/v1/audit",
    id: "listAudit",
    summary: "What was done, oldest first",
    takes: Takes::query(inline::<Which>),
    gives: Gives::ok(named::<Listed<Deed>>),
    refuses: &["INVALID_CURSOR"],
    run: |call| Box::pin(list(call)),
};

/// Which rows.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// What happened to this, such as `patient 12` or `practitioner 3`.
    subject: Option<String>,
    /// What this principal did.
    actor: Option<i64>,
    cursor: Option<String>,
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
}

/// Something that was done.
#[derive(Serialize, JsonSchema)]
struct Deed {
    /// The change it was part of, and its place in it.
    seq: i64,
    n: i64,
    at: String,
    /// Null: the house itself.
    actor: Option<i64>,
    credential: String,
    /// Through which door.
    door: String,
    kind: String,
    subject: String,
    body: serde_json::Value,
}

async fn list(call: Call) -> Result<Answer, Failure> {
    let asked: Which = call.query()?;
    let of = match (&asked.subject, asked.actor) {
        (None, None) => AuditOf::Everything,
        (Some(subject), None) => AuditOf::Subject(subject),
        (None, Some(actor)) => AuditOf::Actor(PrincipalId(actor)),
        (Some(_), Some(_)) => {
            let detail = "Ask by subject or by actor: one of them.";
            return Err(Problem::bad_request(detail).code("INVALID_QUERY").into());
        }
    };
    let wrong =
        || Problem::bad_request("The cursor is what `next` of the page before said.").code("INVALID_CURSOR");
    let limit =
        Some(asked.limit.unwrap_or(20)).filter(|limit| (1..=200).contains(limit)).ok_or_else(wrong)?;
    let after =
        asked.cursor.as_deref().map_or(Some(AuditAfter::START), AuditAfter::read).ok_or_else(wrong)?;
    let rows = call.directory.audited(&call.who, of, after, limit).await?;
    let is_full = rows.len() == limit as usize;
    let next = rows.last().filter(|_| is_full).map(|last| AuditAfter(last.seq, last.n).text());
    let items = rows.into_iter().map(|row| Deed {
        seq: row.seq,
        n: row.n,
        at: instant::print(row.at, &Zone::utc()),
        actor: row.actor.map(|actor| actor.0),
        credential: row.credential,
        door: row.door,
        kind: row.kind,
        subject: row.subject,
        body: serde_json::from_str(&row.body).unwrap_or_default(),
    });
    json(&Listed { items: items.collect(), next })
}
