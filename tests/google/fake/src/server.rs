//! HTTP/1.1 on hyper: reads a request, lets a fault strike, runs the method under the lock, records, answers, posts what
//! is due. Bounds: 1 MiB of body, 16 KiB of head.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full, Limited, combinators::BoxBody};
use hyper::{
    body::{Body, Frame, Incoming},
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    Fake,
    ask::{Answer, Ask, Query, Turn},
    control::Command,
    faults::Trouble,
    oauth,
    problem::{self, Problem},
    push::{Delivery, Notice},
    record::Recorded,
    routes::{self, Route},
    state::State,
};

const BODY: usize = 1024 * 1024;
const HEAD: usize = 16 * 1024;
const SCOPE: &str = "https://www.googleapis.com/auth/";
/// [D] Google waits for an answer to a notification, but not long.
const POST_TIME: Duration = Duration::from_secs(10);

type Reply = Response<BoxBody<Bytes, io::Error>>;

pub async fn serve(fake: Fake, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let fake = fake.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let fake = fake.clone();
                async move { answer(&fake, request).await }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            let _ = http.max_buf_size(HEAD).serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// An error closes the connection without an answer.
async fn answer(fake: &Fake, request: Request<Incoming>) -> io::Result<Reply> {
    let ask = match read(request).await {
        Ok(ask) => ask,
        Err(problem) => return Ok(refusal(&problem)),
    };
    match ask.path.first().map(String::as_str) {
        Some("control") => Ok(control(fake, &ask).await),
        Some("o") => Ok(authorize(fake, &ask)),
        _ => call(fake, &ask).await,
    }
}

async fn read(request: Request<Incoming>) -> Result<Ask, Problem> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY).collect().await;
    let body = body.map_err(|_| Problem::new(413, "uploadTooLarge", "Request Entity Too Large"))?;
    let decoded = |text: &str| {
        // A path is no form: a plus stays a plus.
        let pair = format!("x={}", text.replace('+', "%2B"));
        url::form_urlencoded::parse(pair.as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let query = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    Ok(Ask {
        method: head.method,
        uri: head.uri.to_string(),
        path: head.uri.path().split('/').skip(1).map(decoded).collect(),
        query: Query(query.into_owned().collect()),
        headers: head.headers,
        body: body.to_bytes().to_vec(),
    })
}

/// A method of the list: API or OAuth.
async fn call(fake: &Fake, ask: &Ask) -> io::Result<Reply> {
    let Some((route, args)) = routes::find(&ask.method, &ask.path) else {
        return Ok(refusal(&problem::not_found()));
    };
    let trouble = fake.lock().faults.strike(route.id);
    let answer = match &trouble {
        Some(trouble) if !trouble.is_done() => {
            Err(trouble.problem().unwrap_or_else(|| Problem::new(503, "", "")))
        }
        _ => run(&mut fake.lock(), ask, route, args.clone()),
    };
    note(fake, ask, route, &answer, trouble.as_ref());
    post(fake, route).await;
    let reply = match answer {
        Ok(found) => reply(found.status, found.body.as_ref(), found.etag.as_deref()),
        Err(problem) => refusal(&problem),
    };
    strike(trouble, reply).await
}

/// What the caller gets to see of it.
async fn strike(trouble: Option<Trouble>, reply: Reply) -> io::Result<Reply> {
    match trouble {
        Some(Trouble::Cut | Trouble::LostAnswer) => Err(io::Error::other("cut by a fault")),
        Some(Trouble::Html { status }) => Ok(html(status)),
        Some(Trouble::Slow { millis }) => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Ok(reply)
        }
        Some(Trouble::HalfAnswer) => {
            let (head, body) = reply.into_parts();
            let bytes = body.collect().await?.to_bytes();
            let half = bytes.slice(..bytes.len() / 2);
            Ok(Response::from_parts(head, Half { half: Some(half), whole: bytes.len() as u64 }.boxed()))
        }
        Some(Trouble::Refuse { .. }) | None => Ok(reply),
    }
}

/// Who asks, whether she may, then the method.
fn run(state: &mut State, ask: &Ask, route: &'static Route, args: Vec<String>) -> Answer {
    let (who, scopes) = caller(state, ask, route)?;
    if route.id.starts_with("calendar.") {
        quota(state, &who)?;
        narrow(state, route, &who, &scopes, &args)?;
    }
    (route.run)(&mut Turn { state, ask, who, scopes, args, method_id: route.id })
}

fn bearer(ask: &Ask) -> &str {
    ask.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
}

fn caller(state: &State, ask: &Ask, route: &Route) -> Result<(String, Vec<String>), Problem> {
    if route.scopes.is_empty() {
        return Ok((String::new(), Vec::new()));
    }
    let (who, scopes) = state.oauth.caller(bearer(ask), state.clock.now())?;
    let accepted: Vec<String> = route.scopes.iter().map(|one| oauth::full(one)).collect();
    match scopes.iter().any(|one| accepted.contains(one)) {
        true => Ok((who, scopes)),
        false => Err(problem::scope_too_narrow(&accepted.join(" "))),
    }
}

/// [D] So many calls a user may make in a sliding minute.
fn quota(state: &State, who: &str) -> Result<(), Problem> {
    let most = state.manners.user_per_minute;
    if most == 0 || state.record.in_last_minute(who, state.clock.now()) < most {
        return Ok(());
    }
    Err(Problem::new(403, "userRateLimitExceeded", "User Rate Limit Exceeded").of("usageLimits"))
}

/// [D] Scopes that reach some calendars only: what the app made, what the user owns.
fn narrow(
    state: &State,
    route: &Route,
    who: &str,
    scopes: &[String],
    args: &[String],
) -> Result<(), Problem> {
    let names: Vec<&str> = scopes.iter().filter_map(|one| one.strip_prefix(SCOPE)).collect();
    let mut of_route = names.into_iter().filter(|one| route.scopes.contains(one)).peekable();
    let id = args.first().map(|id| if id == "primary" { who } else { id });
    let Some(calendar) = id.and_then(|id| state.calendars.get(id)) else { return Ok(()) };
    let reaches = |scope: &str| match scope {
        "calendar.app.created" => calendar.is_app_created,
        "calendar.events.owned" | "calendar.events.owned.readonly" => calendar.owner == who,
        _ => true,
    };
    match of_route.any(reaches) {
        true => Ok(()),
        false => Err(problem::scope_too_narrow(SCOPE)),
    }
}

fn note(fake: &Fake, ask: &Ask, route: &Route, answer: &Answer, trouble: Option<&Trouble>) {
    let mut state = fake.lock();
    let (status, body) = match answer {
        Ok(reply) => (reply.status, reply.body.clone().unwrap_or_default()),
        Err(problem) => (problem.status, problem.body()),
    };
    let is_nothing = matches!(trouble, Some(Trouble::Cut | Trouble::Html { .. }));
    let now = state.clock.now();
    let user = state.oauth.caller(bearer(ask), now).map(|(who, _)| who).unwrap_or_default();
    state.record.all.push(Recorded {
        at: now,
        method_id: route.id.to_owned(),
        http_method: ask.method.to_string(),
        uri: ask.uri.clone(),
        user,
        if_match: ask.header("if-match").map(str::to_owned),
        user_agent: ask.header("user-agent").map(str::to_owned),
        body: String::from_utf8_lossy(&ask.body).into_owned(),
        status: if is_nothing { 0 } else { status },
        answer: if is_nothing { Value::Null } else { body },
        fault: trouble.map(Trouble::words),
    });
}

/// Notifications go out beside the answer; by manners, the sync message of a watch before it.
async fn post(fake: &Fake, route: &Route) {
    let is_first = route.id.ends_with(".watch") && fake.lock().push.post.sync_first;
    match is_first {
        true => {
            fake.deliver().await;
        }
        false => fake.send_due(),
    }
}

async fn control(fake: &Fake, ask: &Ask) -> Reply {
    if ask.method != Method::POST {
        return refusal(&problem::not_found());
    }
    let command: Command = match serde_json::from_slice(&ask.body) {
        Ok(command) => command,
        Err(error) => return refusal(&problem::invalid(&error.to_string())),
    };
    match fake.run(command).await {
        Ok(body) => reply(200, Some(&body), None),
        Err(problem) => refusal(&problem),
    }
}

fn authorize(fake: &Fake, ask: &Ask) -> Reply {
    match oauth::authorize(&mut fake.lock(), &ask.query) {
        Ok(location) => {
            let mut found = reply(302, None, None);
            if let Ok(value) = location.parse() {
                found.headers_mut().insert("location", value);
            }
            found
        }
        Err(problem) => refusal(&problem),
    }
}

fn reply(status: u16, body: Option<&Value>, etag: Option<&str>) -> Reply {
    let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    let has_body = body.is_some();
    let mut reply = Response::new(Full::new(bytes).map_err(never).boxed());
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = reply.headers_mut();
    if has_body {
        headers.insert("content-type", http::HeaderValue::from_static("application/json; charset=UTF-8"));
    }
    if let Some(Ok(value)) = etag.map(str::parse) {
        headers.insert("etag", value);
    }
    headers.insert("cache-control", http::HeaderValue::from_static("private, max-age=0, must-revalidate"));
    reply
}

fn refusal(problem: &Problem) -> Reply {
    let mut found = reply(problem.status, Some(&problem.body()), None);
    if let Some((name, Ok(value))) = problem.header.as_deref().map(|(name, value)| (*name, value.parse())) {
        found.headers_mut().insert(name, value);
    }
    found
}

fn html(status: u16) -> Reply {
    let text = "<!DOCTYPE html><title>Error</title><p>That's an error. Please try again in 30 seconds.";
    let mut found = Response::new(Full::new(Bytes::from_static(text.as_bytes())).map_err(never).boxed());
    *found.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    found.headers_mut().insert("content-type", http::HeaderValue::from_static("text/html; charset=UTF-8"));
    found
}

fn never(never: Infallible) -> io::Error {
    match never {}
}

/// A body that breaks off in the middle.
struct Half {
    half: Option<Bytes>,
    whole: u64,
}

impl Body for Half {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(match self.half.take() {
            Some(half) => Ok(Frame::data(half)),
            None => Err(io::Error::other("cut by a fault")),
        }))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.whole)
    }
}

/// Carries notifications to loopback addresses; others are noted as not arrived.
#[derive(Clone)]
pub struct PostOffice(Client<HttpConnector, Empty<Bytes>>);

impl PostOffice {
    pub fn new() -> PostOffice {
        PostOffice(Client::builder(TokioExecutor::new()).build_http())
    }

    /// Whether it was answered by 2xx.
    pub async fn send(&self, fake: &Fake, notice: Notice) -> bool {
        let status = self.status(&notice).await;
        let push = &mut fake.lock().push;
        let (channel, state) = (notice.channel.clone(), notice.state());
        push.deliveries.push(Delivery { channel, state, status, is_forged: notice.is_forged() });
        // [K] Tried again after these answers, no other.
        if matches!(status, 500 | 502 | 503 | 504) && notice.tries < 3 {
            push.again(notice);
        }
        (200..300).contains(&status)
    }

    /// 0: no answer.
    async fn status(&self, notice: &Notice) -> u16 {
        let mut request =
            Request::post(&notice.address).header("accept", "*/*").header("content-length", "0").header(
                "user-agent",
                "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)",
            );
        for (name, value) in &notice.headers {
            request = request.header(*name, value);
        }
        let Ok(request) = request.body(Empty::new()) else { return 0 };
        match tokio::time::timeout(POST_TIME, self.0.request(request)).await {
            Ok(Ok(answer)) => answer.status().as_u16(),
            _ => 0,
        }
    }
}
