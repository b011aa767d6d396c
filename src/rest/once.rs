//! Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a POST that carries one is done once, and whoever repeats
//! it, because an answer was lost on the way, gets the answer of the first.

use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::BodyExt;

use super::call::{Call, Failure};
use super::route::Route;
use crate::accounts::{Accounts, Answered, Error, Repeat};
use crate::edge::{Answer, Body, Problem};

pub const KEY: &str = "idempotency-key";
/// Says that this answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Bytes of a body that is sent with a key.
const BODY: usize = 1 << 20;

/// What every POST may refuse a key with.
pub const CODES: &[&str] = &[
    "INVALID_IDEMPOTENCY_KEY",
    "IDEMPOTENCY_KEY_REUSED",
    "IDEMPOTENCY_IN_FLIGHT",
    "IDEMPOTENCY_ANSWER_LOST",
];

pub async fn answer(accounts: &Accounts, route: &Route, mut call: Call) -> Result<Answer, Failure> {
    let key = call.ask.header(KEY).unwrap_or_default().to_owned();
    let body = call.ask.body(BODY).await.map_err(Problem::from)?;
    call.ask.give_back(body.clone());
    let query = call.ask.query.clone().unwrap_or_default();
    let asked: [&[u8]; 3] = [call.ask.path.as_bytes(), query.as_bytes(), &body];
    let key = match accounts.begin_once(&call.who, &key, &asked).await.map_err(below)? {
        Repeat::Begin(key) => key,
        Repeat::Again(answered) => return Ok(again(answered)),
        Repeat::InFlight => {
            let detail = "A call with this key is under way: ask again in a moment.";
            return refuse(StatusCode::CONFLICT, "IDEMPOTENCY_IN_FLIGHT", detail);
        }
        Repeat::Other => {
            let detail = "This key was used for another call: give each call a key of its own.";
            return refuse(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED", detail);
        }
        Repeat::Unanswered => {
            let detail = "This call was carried out and its answer is lost: look at what it made, do not send it again.";
            return refuse(StatusCode::CONFLICT, "IDEMPOTENCY_ANSWER_LOST", detail);
        }
    };
    match accounts.once(&key, (route.run)(call)).await {
        Ok(answer) => {
            let (head, body) = answer.into_parts();
            let body = body.collect().await.map(|whole| whole.to_bytes()).unwrap_or_default();
            let text = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
            let answered = Answered {
                status: head.status.as_u16(),
                location: text(header::LOCATION).map(str::to_owned),
                etag: text(header::ETAG).map(str::to_owned),
                body: body.to_vec(),
            };
            accounts.keep_answer(key, &answered).await.map_err(below)?;
            Ok(Answer::from_parts(head, Body::from(body)))
        }
        Err(failure) => {
            accounts.drop_once(key).await.map_err(below)?;
            Err(failure)
        }
    }
}

fn again(answered: Answered) -> Answer {
    let mut answer = Answer::new(Body::from(answered.body));
    *answer.status_mut() = StatusCode::from_u16(answered.status).unwrap_or(StatusCode::OK);
    let headers = answer.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in [(header::LOCATION, answered.location), (header::ETAG, answered.etag)] {
        let value = value.and_then(|value| HeaderValue::try_from(value).ok());
        headers.extend(value.map(|value| (name, value)));
    }
    answer
}

fn refuse(status: StatusCode, code: &'static str, detail: &str) -> Result<Answer, Failure> {
    Err(Problem::new(status, "Repeated call", detail).code(code).retry_after(1).into())
}

fn below(error: Error) -> Failure {
    match error {
        Error::Invalid(why) => Problem::bad_request(why).code("INVALID_IDEMPOTENCY_KEY").into(),
        other => crate::clinic::Error::from(other).into(),
    }
}
