//! `/api/v1/tokens`: what programs log in with in the caller's name, each for a few things and until some day.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{BODY, Call, Failure, json, made, nothing};
use super::instant;
use super::page::Listed;
use super::route::{Gives, Route, Takes, named};
use crate::calendar::Zone;
use crate::edge::Answer;

pub const ROUTES: &[&Route] = &[&LIST, &ADD, &REVOKE];

const LIST: Route = Route {
    method: Method::GET,
    path: "/api/v1/tokens",
    id: "listTokens",
    summary: "Tokens of the caller, revoked ones too",
    takes: Takes::NOTHING,
    gives: Gives::ok(named::<Listed<Token>>),
    refuses: &[],
    run: |call| Box::pin(list(call)),
};

const ADD: Route = Route {
    method: Method::POST,
    path: "/api/v1/tokens",
    id: "addToken",
    summary: "Make a token; its secret is told this once. It never allows more than what it was made with",
    takes: Takes::body(named::<New>),
    gives: Gives::made(named::<Secret>),
    refuses: &[],
    run: |call| Box::pin(add(call)),
};

const REVOKE: Route = Route {
    method: Method::DELETE,
    path: "/api/v1/tokens/{token}",
    id: "revokeToken",
    summary: "End a token; it is refused within a second",
    takes: Takes::NOTHING,
    gives: Gives::NOTHING,
    refuses: &[],
    run: |call| Box::pin(revoke(call)),
};

/// A token, without its secret.
#[derive(Serialize, JsonSchema)]
struct Token {
    id: i64,
    label: String,
    scopes: Vec<String>,
    created_at: String,
    expires_at: Option<String>,
    used_at: Option<String>,
    revoked_at: Option<String>,
}

/// A token to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewToken")]
struct New {
    #[schemars(length(min = 1, max = 100))]
    label: String,
    /// What it is for: words such as `slots`, and `patients:read` for reading only.
    #[schemars(length(min = 1, max = 64))]
    scopes: Vec<String>,
    /// RFC 3339; null: it does not end by itself.
    expires_at: Option<String>,
}

/// A token that was made.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewTokenSecret")]
struct Secret {
    id: i64,
    /// To be kept: it is not told again.
    secret: String,
}

async fn list(call: Call) -> Result<Answer, Failure> {
    let found = call.directory.tokens(&call.who).await?;
    let time = |at: i64| instant::print(at, &Zone::utc());
    let items = found.into_iter().map(|one| Token {
        id: one.id.0,
        label: one.label,
        scopes: one.scopes.split_ascii_whitespace().map(str::to_owned).collect(),
        created_at: time(one.created_at),
        expires_at: one.expires_at.map(time),
        used_at: one.used_at.map(time),
        revoked_at: one.revoked_at.map(time),
    });
    json(&Listed { items: items.collect(), next: None })
}

async fn add(mut call: Call) -> Result<Answer, Failure> {
    let new: New = call.body(BODY).await?;
    let end = new.expires_at.as_deref().map(instant::wanted).transpose()?;
    let (id, secret) = call.directory.add_token(call.author(), &new.label, &new.scopes, end).await?;
    made(&Secret { id: id.0, secret: secret.expose().to_owned() }, 0, &format!("/api/v1/tokens/{id}"))
}

async fn revoke(call: Call) -> Result<Answer, Failure> {
    call.directory.revoke_token(call.author(), crate::clinic::TokenId(call.name(0)?)).await?;
    nothing()
}
