//! OAuth 2: codes, refresh, revocation, scopes, service accounts.

use bytes::Bytes;
use fake_google::{CLIENT, CLIENT_SECRET, Command, Consent, Manners};
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use url::{Url, form_urlencoded::Serializer};

use crate::asking::{ADA, EVENTS, Google, Reply};

const REDIRECT: &str = "http://127.0.0.1:8080/google/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn form(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// What the browser is sent back with.
async fn authorize(google: &Google, scope: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut pairs = vec![
        ("client_id", CLIENT),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", scope),
        ("state", "s1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    pairs.extend(more);
    let uri = format!("{}/o/oauth2/v2/auth?{}", google.running.url(), form(&pairs));
    let reply = google.send(Request::get(uri).body(Full::default()).unwrap()).await.unwrap();
    assert_eq!(reply.status, 302, "{reply:?}");
    let back = Url::parse(reply.headers["location"].to_str().unwrap()).unwrap();
    back.query_pairs().into_owned().collect()
}

fn of<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(one, _)| one == name).map_or("", |(_, value)| value)
}

async fn post(google: &Google, path: &str, pairs: &[(&str, &str)]) -> Reply {
    let body: Full<Bytes> = Full::from(form(pairs));
    let request = Request::post(format!("{}/{path}", google.running.url())).body(body).unwrap();
    google.send(request).await.unwrap()
}

async fn by_code(google: &Google, code: &str, verifier: &str) -> Reply {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("client_id", CLIENT),
        ("client_secret", CLIENT_SECRET),
        ("code_verifier", verifier),
    ];
    post(google, "token", &pairs).await
}

async fn refresh(google: &Google, token: &str) -> Reply {
    let pairs = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("client_id", CLIENT),
        ("client_secret", CLIENT_SECRET),
    ];
    post(google, "token", &pairs).await
}

/// Connected, with offline access.
async fn connected(google: &Google) -> Reply {
    let back =
        authorize(google, "openid email https://www.googleapis.com/auth/calendar.events", &OFFLINE).await;
    by_code(google, of(&back, "code"), VERIFIER).await
}

const OFFLINE: [(&str, &str); 2] = [("access_type", "offline"), ("prompt", "consent")];

#[tokio::test]
async fn a_code_becomes_tokens_once_with_its_verifier() {
    let google = Google::start().await;
    let back = authorize(&google, "openid email", &OFFLINE).await;
    assert_eq!(of(&back, "state"), "s1");
    let reply = by_code(&google, of(&back, "code"), VERIFIER).await;
    assert_eq!((reply.status, &reply.body["expires_in"]), (200, &json!(3599)));
    assert!(
        reply.text("refresh_token").starts_with("1//") && reply.text("id_token").matches('.').count() == 2
    );
    let again = by_code(&google, of(&back, "code"), VERIFIER).await;
    assert_eq!((again.status, &*again.text("error")), (400, "invalid_grant"));
    let back = authorize(&google, "openid email", &OFFLINE).await;
    assert_eq!(by_code(&google, of(&back, "code"), "wrong").await.text("error"), "invalid_grant");
    let back = authorize(&google, "openid email", &OFFLINE).await;
    google.run(Command::Turn { seconds: 601 }).await;
    assert_eq!(by_code(&google, of(&back, "code"), VERIFIER).await.text("error"), "invalid_grant");
}

#[tokio::test]
async fn a_refresh_token_comes_only_with_offline_access_and_a_consent() {
    let google = Google::start().await;
    let back = authorize(&google, "openid", &[("prompt", "consent")]).await;
    assert_eq!(by_code(&google, of(&back, "code"), VERIFIER).await.text("refresh_token"), "");
    let back = authorize(&google, "openid", &[("access_type", "offline")]).await;
    assert_eq!(
        by_code(&google, of(&back, "code"), VERIFIER).await.text("refresh_token"),
        "",
        "no new consent"
    );
}

#[tokio::test]
async fn a_person_may_deny_or_untick_a_box() {
    let google = Google::start().await;
    let consent = Consent { denies: true, ..Consent::default() };
    google.run(Command::Consent { consent }).await;
    assert_eq!(of(&authorize(&google, "openid", &OFFLINE).await, "error"), "access_denied");
    let consent = Consent { unticks: vec!["calendar.events".into()], ..Consent::default() };
    google.run(Command::Consent { consent }).await;
    let tokens = connected(&google).await;
    assert!(!tokens.text("scope").contains("calendar.events"), "{tokens:?}");
}

#[tokio::test]
async fn scopes_given_before_are_included_on_request() {
    let google = Google::start().await;
    connected(&google).await;
    let back = authorize(
        &google,
        "https://www.googleapis.com/auth/calendar.freebusy",
        &[("include_granted_scopes", "true")],
    )
    .await;
    assert!(of(&back, "scope").contains("calendar.events"));
    let back = authorize(&google, "https://www.googleapis.com/auth/calendar.freebusy", &[]).await;
    assert!(!of(&back, "scope").contains("calendar.events"));
}

#[tokio::test]
async fn revoked_by_either_side_a_refresh_token_is_an_invalid_grant() {
    let google = Google::start().await;
    let tokens = connected(&google).await;
    assert_eq!(refresh(&google, &tokens.text("refresh_token")).await.status, 200);
    assert_eq!(post(&google, "revoke", &[("token", &tokens.text("access_token"))]).await.status, 200);
    let dead = refresh(&google, &tokens.text("refresh_token")).await;
    assert_eq!((dead.status, &*dead.text("error")), (400, "invalid_grant"));
    assert_eq!(post(&google, "revoke", &[("token", "x")]).await.text("error"), "invalid_token");
    let tokens = connected(&google).await;
    google.run(Command::RevokeAccess { email: ADA.into() }).await;
    assert_eq!(refresh(&google, &tokens.text("refresh_token")).await.text("error"), "invalid_grant");
}

#[tokio::test]
async fn refresh_tokens_die_unused_or_in_testing() {
    for (days, testing, status) in [(181, false, 200), (183, false, 400), (6, true, 200), (8, true, 400)] {
        let google = Google::start().await;
        google.run(Command::Manners { manners: Manners { is_testing: testing, ..Manners::default() } }).await;
        let tokens = connected(&google).await;
        google.run(Command::Turn { seconds: days * 86_400 }).await;
        let reply = refresh(&google, &tokens.text("refresh_token")).await;
        assert_eq!(reply.status, status, "after {days} days");
    }
}

#[tokio::test]
async fn an_access_token_expires_and_reaches_only_its_scopes() {
    let google = Google::start().await.as_(ADA, &["calendar.events"]).await;
    assert_eq!(google.get(EVENTS).await.status, 200);
    let narrow = google.get("/users/me/calendarList").await;
    assert_eq!((narrow.status, narrow.reason()), (403, "insufficientPermissions"));
    google.run(Command::Turn { seconds: 3601 }).await;
    let late = google.get(EVENTS).await;
    assert_eq!((late.status, late.reason()), (401, "authError"));
}

#[tokio::test]
async fn the_narrow_scope_reaches_only_calendars_the_app_made() {
    let google = Google::start().await.as_(ADA, &["calendar.app.created"]).await;
    assert_eq!(google.get(EVENTS).await.status, 403);
    let id = google.ask("POST", "/calendars", json!({ "summary": "Clinic" })).await.text("id");
    assert_eq!(google.get(&format!("/calendars/{id}/events")).await.status, 200);
}

#[tokio::test]
async fn a_service_account_acts_for_a_person_of_its_domain() {
    const SERVICE: &str = "sync@fake.iam.gserviceaccount.com";
    let google = Google::start().await;
    let scopes = vec!["calendar.events".to_owned()];
    let file = google.run(Command::Delegate { service: SERVICE.into(), scopes }).await;
    assert_eq!(file["client_email"], SERVICE);
    let sign = |change: Value| {
        let mut claims = json!({
            "iss": SERVICE, "sub": ADA, "scope": "https://www.googleapis.com/auth/calendar.events",
            "aud": format!("{}/token", google.running.url()), "iat": crate::asking::NOW, "exp": crate::asking::NOW + 3600,
        });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        fake_google::sign(&claims)
    };
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    for (change, error) in [
        (json!({}), ""),
        (json!({ "sub": "nobody@x.example" }), "invalid_grant"),
        (json!({ "scope": "https://www.googleapis.com/auth/calendar" }), "unauthorized_client"),
        (json!({ "exp": crate::asking::NOW - 1 }), "invalid_grant"),
    ] {
        let reply =
            post(&google, "token", &[("grant_type", grant), ("assertion", &sign(change.clone()))]).await;
        assert_eq!(reply.text("error"), error, "{change}");
    }
    let broken = format!("{}x", &sign(json!({}))[..40]);
    assert_eq!(post(&google, "token", &[("grant_type", grant), ("assertion", &broken)]).await.status, 400);
}

#[tokio::test]
async fn a_wrong_secret_is_an_invalid_client() {
    let google = Google::start().await;
    let pairs = [("grant_type", "refresh_token"), ("client_id", CLIENT), ("client_secret", "wrong")];
    let reply = post(&google, "token", &pairs).await;
    assert_eq!((reply.status, &*reply.text("error")), (401, "invalid_client"));
}
