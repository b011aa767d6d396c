//! OAuth 2 as Google does it: code with PKCE, refresh, revocation, incremental scopes, service accounts. [D] throughout,
//! but where marked. Nobody clicks here: a test sets beforehand what the person will answer.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    ask::{Answer, Query, Reply, Turn},
    jwt, opaque,
    problem::{self, Problem},
    state::State,
};

pub const CLIENT: &str = "kalends.apps.googleusercontent.com";
pub const CLIENT_SECRET: &str = "fake-client-secret";
const SCOPE: &str = "https://www.googleapis.com/auth/";
/// [K] A code lives ten minutes.
const CODE_LIFE: i64 = 600;
/// A refresh token nobody used for six months dies.
const UNUSED_LIFE: i64 = 182 * 86_400;
/// [I] With a consent screen in Testing.
const TESTING_LIFE: i64 = 7 * 86_400;
/// Refresh tokens a person may have with one client: the oldest dies.
const MOST_GRANTS: usize = 100;

type Scopes = BTreeSet<String>;

/// What the person does on the consent page.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Consent {
    /// Who is logged in; none: `login_hint`, or the first account.
    pub email: Option<String>,
    pub denies: bool,
    /// Boxes she unticks: names of scopes as after `.../auth/`.
    pub unticks: Vec<String>,
}

struct Code {
    email: String,
    scopes: Scopes,
    redirect: String,
    challenge: Option<String>,
    client: String,
    expires: i64,
    has_refresh: bool,
}

struct Grant {
    email: String,
    client: String,
    scopes: Scopes,
    made: i64,
    used: i64,
}

struct Access {
    email: String,
    client: String,
    scopes: Scopes,
    expires: i64,
}

#[derive(Default)]
pub struct OAuth {
    pub consent: Consent,
    /// What a person once gave to a client: incremental grants add to it.
    given: BTreeMap<(String, String), Scopes>,
    codes: BTreeMap<String, Code>,
    grants: BTreeMap<String, Grant>,
    access: BTreeMap<String, Access>,
    /// Service account to the scopes a domain delegates to it.
    delegated: BTreeMap<String, Scopes>,
    made: u64,
}

impl OAuth {
    fn secret(&mut self, kind: &str) -> String {
        self.made += 1;
        let name = format!("{kind} {}", self.made);
        format!("{kind}{}{}", opaque::id(&name), opaque::id(&opaque::id(&name)))
    }

    pub fn delegate(&mut self, service: &str, scopes: &[String]) {
        self.delegated.insert(service.to_owned(), scopes.iter().map(|one| full(one)).collect());
    }

    /// An access token without any page, for tests.
    pub fn access(&mut self, email: &str, client: &str, scopes: Scopes, expires: i64) -> String {
        let token = self.secret("ya29.");
        let access = Access { email: email.to_owned(), client: client.to_owned(), scopes, expires };
        self.access.insert(token.clone(), access);
        token
    }

    /// The person takes back all she gave, in her account's settings.
    pub fn revoke(&mut self, email: &str) {
        self.grants.retain(|_, one| one.email != email);
        self.access.retain(|_, one| one.email != email);
        self.given.retain(|(one, _), _| one != email);
    }

    pub fn expire_access(&mut self) {
        self.access.clear();
    }

    /// Who asks with this token, and what for.
    pub fn caller(&self, token: &str, now: i64) -> Result<(String, Vec<String>), Problem> {
        let access = self.access.get(token).filter(|one| one.expires > now);
        let access = access.ok_or_else(problem::bad_credentials)?;
        Ok((access.email.clone(), access.scopes.iter().cloned().collect()))
    }
}

/// The scope in full.
pub fn full(name: &str) -> String {
    match name {
        "openid" => "openid".to_owned(),
        "email" | "profile" => format!("{SCOPE}userinfo.{name}"),
        other if other.contains("://") => other.to_owned(),
        other => format!("{SCOPE}{other}"),
    }
}

fn scopes(text: &str) -> Scopes {
    text.split(' ').filter(|one| !one.is_empty()).map(full).collect()
}

fn joined(scopes: &Scopes) -> String {
    scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Where the authorization page would send the browser.
pub fn authorize(state: &mut State, query: &Query) -> Result<String, Problem> {
    let need = |name: &str| query.get(name).ok_or_else(|| Problem::oauth(400, "invalid_request", name));
    let (client, redirect, scope) = (need("client_id")?, need("redirect_uri")?, need("scope")?);
    if client != CLIENT {
        return Err(Problem::oauth(401, "invalid_client", "The OAuth client was not found."));
    }
    if need("response_type")? != "code" {
        return Err(Problem::oauth(400, "unsupported_response_type", "Only code."));
    }
    if query.has("code_challenge") && query.get("code_challenge_method") != Some("S256") {
        return Err(Problem::oauth(400, "invalid_request", "code_challenge_method must be S256."));
    }
    let mut back =
        url::Url::parse(redirect).map_err(|_| Problem::oauth(400, "redirect_uri_mismatch", redirect))?;
    let consent = state.oauth.consent.clone();
    let given = consent.email.as_deref().or(query.get("login_hint")).map(str::to_owned);
    let email = given.or_else(|| state.accounts.keys().next().cloned()).unwrap_or_default();
    if let Some(text) = query.get("state") {
        back.query_pairs_mut().append_pair("state", text);
    }
    if consent.denies || !state.accounts.contains_key(&email) {
        back.query_pairs_mut().append_pair("error", "access_denied");
        return Ok(back.into());
    }
    let unticked: Scopes = consent.unticks.iter().map(|one| full(one)).collect();
    let mut granted: Scopes = scopes(scope).difference(&unticked).cloned().collect();
    let key = (email.clone(), client.to_owned());
    let is_first = !state.oauth.given.contains_key(&key);
    let earlier = state.oauth.given.entry(key).or_default();
    if query.flag("include_granted_scopes") {
        granted.extend(earlier.iter().cloned());
    }
    earlier.extend(granted.iter().cloned());
    let code = state.oauth.secret("4/");
    let list = joined(&granted);
    // A refresh token comes only with offline access and a consent that was really given.
    let is_asked = is_first || query.get("prompt").is_some_and(|one| one.contains("consent"));
    let kept = Code {
        email,
        scopes: granted,
        redirect: redirect.to_owned(),
        challenge: query.get("code_challenge").map(str::to_owned),
        client: client.to_owned(),
        expires: state.clock.now() + CODE_LIFE,
        has_refresh: is_asked && query.get("access_type") == Some("offline"),
    };
    state.oauth.codes.insert(code.clone(), kept);
    back.query_pairs_mut().append_pair("code", &code).append_pair("scope", &list);
    Ok(back.into())
}

pub fn token(turn: &mut Turn) -> Answer {
    let form = turn.ask.form();
    let body = match form.get("grant_type") {
        Some("authorization_code") => {
            client(turn, &form)?;
            by_code(turn.state, &form)?
        }
        Some("refresh_token") => {
            client(turn, &form)?;
            by_refresh(turn.state, &form)?
        }
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer") => by_assertion(turn.state, &form)?,
        _ => return Err(Problem::oauth(400, "unsupported_grant_type", "Invalid grant_type")),
    };
    Ok(Reply { status: 200, body: Some(body), etag: None })
}

/// The client's id and secret, in the form or by Basic.
fn client(turn: &Turn, form: &Query) -> Result<(), Problem> {
    let basic = turn.ask.header("authorization").and_then(|value| value.strip_prefix("Basic "));
    let basic =
        basic.and_then(|text| BASE64_STANDARD.decode(text).ok()).and_then(|one| String::from_utf8(one).ok());
    let (id, secret) = match basic.as_deref().and_then(|pair| pair.split_once(':')) {
        Some(pair) => pair,
        None => (form.get("client_id").unwrap_or_default(), form.get("client_secret").unwrap_or_default()),
    };
    match (id == CLIENT, secret == CLIENT_SECRET) {
        (true, true) => Ok(()),
        (false, _) => Err(Problem::oauth(401, "invalid_client", "The OAuth client was not found.")),
        _ => Err(Problem::oauth(401, "invalid_client", "Unauthorized")),
    }
}

fn by_code(state: &mut State, form: &Query) -> Result<Value, Problem> {
    let bad = |text: &str| Problem::oauth(400, "invalid_grant", text);
    // Once only: taken whatever comes of it (RFC 6749 section 4.1.2).
    let code = state
        .oauth
        .codes
        .remove(form.get("code").unwrap_or_default())
        .ok_or_else(|| bad("Malformed auth code."))?;
    let now = state.clock.now();
    if code.expires < now {
        return Err(bad("Bad Request"));
    }
    if form.get("redirect_uri") != Some(&code.redirect) {
        return Err(Problem::oauth(400, "redirect_uri_mismatch", "Bad Request"));
    }
    let verifier = form.get("code_verifier").map(opaque::challenge);
    match (&code.challenge, verifier) {
        (None, None) => {}
        (Some(wanted), Some(found)) if *wanted == found => {}
        (Some(_), None) => return Err(bad("Missing code verifier.")),
        _ => return Err(bad("Invalid code verifier.")),
    }
    let mut body = answer(state, &code.email, &code.client, code.scopes.clone());
    if code.has_refresh {
        let refresh = state.oauth.secret("1//");
        make_room(&mut state.oauth, &code.email, &code.client);
        let grant =
            Grant { email: code.email, client: code.client, scopes: code.scopes, made: now, used: now };
        state.oauth.grants.insert(refresh.clone(), grant);
        body["refresh_token"] = refresh.into();
    }
    Ok(body)
}

fn make_room(oauth: &mut OAuth, email: &str, client: &str) {
    let of_both = oauth.grants.iter().filter(|(_, one)| one.email == email && one.client == client);
    let mut all: Vec<_> = of_both.map(|(token, one)| (one.made, token.clone())).collect();
    all.sort();
    while all.len() >= MOST_GRANTS {
        oauth.grants.remove(&all.remove(0).1);
    }
}

fn by_refresh(state: &mut State, form: &Query) -> Result<Value, Problem> {
    let now = state.clock.now();
    let life = if state.manners.is_testing { TESTING_LIFE } else { i64::MAX / 2 };
    let grant = state.oauth.grants.get_mut(form.get("refresh_token").unwrap_or_default());
    let living = grant.filter(|one| one.used + UNUSED_LIFE > now && one.made + life > now);
    let dead = || Problem::oauth(400, "invalid_grant", "Token has been expired or revoked.");
    let grant = living.ok_or_else(dead)?;
    grant.used = now;
    let (email, client, mut granted) = (grant.email.clone(), grant.client.clone(), grant.scopes.clone());
    if let Some(text) = form.get("scope") {
        let fewer = scopes(text);
        if !fewer.is_subset(&granted) {
            return Err(Problem::oauth(400, "invalid_scope", "Bad Request"));
        }
        granted = fewer;
    }
    Ok(answer(state, &email, &client, granted))
}

/// A service account, by a signed assertion (RFC 7523), for a person of a domain that delegates to it.
fn by_assertion(state: &mut State, form: &Query) -> Result<Value, Problem> {
    let bad = |text: &str| Problem::oauth(400, "invalid_grant", text);
    let claims = jwt::verified(form.get("assertion").unwrap_or_default())
        .ok_or_else(|| bad("Invalid JWT Signature."))?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or_default();
    let now = state.clock.now();
    if number("exp") <= now || number("exp") - number("iat") > 3600 || number("iat") > now + 300 {
        let message =
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
        return Err(bad(message));
    }
    if !text("aud").ends_with("/token") {
        return Err(bad("Invalid JWT: Failed audience check."));
    }
    let asked = scopes(text("scope"));
    let delegated =
        state.oauth.delegated.get(text("iss")).ok_or_else(|| bad("Invalid grant: account not found"))?;
    if asked.is_empty() || !asked.is_subset(delegated) {
        let message = "Client is unauthorized to retrieve access tokens using this method, or client not authorized \
                       for any of the scopes requested.";
        return Err(Problem::oauth(401, "unauthorized_client", message));
    }
    if !state.accounts.contains_key(text("sub")) {
        return Err(bad("Invalid email or User ID"));
    }
    let (sub, iss) = (text("sub").to_owned(), text("iss").to_owned());
    Ok(answer(state, &sub, &iss, asked))
}

fn answer(state: &mut State, email: &str, client: &str, scopes: Scopes) -> Value {
    let life = state.manners.access_token_life;
    let now = state.clock.now();
    let list = joined(&scopes);
    let has_identity = scopes.contains("openid");
    let token = state.oauth.access(email, client, scopes, now + life);
    let mut body =
        json!({ "access_token": token, "expires_in": life, "scope": list, "token_type": "Bearer" });
    if let (true, Some(account)) = (has_identity, state.accounts.get(email)) {
        let claims = json!({
            "iss": "https://accounts.google.com", "aud": client, "azp": client, "sub": account.sub,
            "email": email, "email_verified": true, "iat": now, "exp": now + life,
        });
        body["id_token"] = jwt::signed(&claims).into();
    }
    body
}

/// Either kind of token; all that the person gave to this client goes with it.
pub fn revoke(turn: &mut Turn) -> Answer {
    let form = turn.ask.form();
    let token = form.get("token").or(turn.ask.query.get("token")).unwrap_or_default();
    let oauth = &mut turn.state.oauth;
    let of_grant = oauth.grants.get(token).map(|one| (one.email.clone(), one.client.clone()));
    let of_access = oauth.access.get(token).map(|one| (one.email.clone(), one.client.clone()));
    let Some((email, client)) = of_grant.or(of_access) else {
        return Err(Problem::oauth(400, "invalid_token", "Token expired or revoked"));
    };
    oauth.grants.retain(|_, one| one.email != email || one.client != client);
    oauth.access.retain(|_, one| one.email != email || one.client != client);
    oauth.given.remove(&(email, client));
    Ok(Reply { status: 200, body: Some(json!({})), etag: None })
}

pub fn userinfo(turn: &mut Turn) -> Answer {
    let account = turn.state.accounts.get(&turn.who).ok_or_else(problem::bad_credentials)?;
    let mut body = json!({ "sub": account.sub });
    if turn.scopes.contains(&full("email")) {
        body["email"] = account.email.clone().into();
        body["email_verified"] = true.into();
    }
    Ok(Reply { status: 200, body: Some(body), etag: None })
}

pub fn keys(_turn: &mut Turn) -> Answer {
    Ok(Reply { status: 200, body: Some(json!({ "keys": [jwt::public()] })), etag: None })
}
