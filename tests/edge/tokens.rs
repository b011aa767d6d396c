//! API tokens (RFC 6750) at the gate: who is let in, for how long, and where tokens mean nothing.

use http::{HeaderMap, HeaderValue, Method};
use kalends::accounts::{Caller, Scopes, Secret};
use kalends::edge::{
    Answer, Ask, Gate,
    auth::{PlainLogin, Takes},
};

use crate::support::server::{NOW, Server};

fn ask(authorization: &str) -> Ask {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_str(authorization).unwrap());
    Ask::new(Method::GET, "/api/v1/x", headers, "")
}

async fn knock(gate: &Gate, authorization: &str) -> Result<Caller, Answer> {
    gate.caller_by(&ask(authorization), Takes::TokensToo).await
}

fn challenge(answer: Result<Caller, Answer>) -> (u16, String) {
    let answer = answer.err().unwrap();
    let value = answer.headers().get("www-authenticate").unwrap().to_str().unwrap();
    (answer.status().as_u16(), value.to_owned())
}

async fn token(server: &Server, expires_at: Option<i64>) -> (store::TokenId, Secret) {
    let accounts = &server.parts().accounts;
    let ada = accounts.operator("ada").await.unwrap();
    let scopes = Scopes::new(["slots:read"]).unwrap();
    accounts.add_token(&ada, "bot", &scopes, expires_at).await.unwrap()
}

#[tokio::test]
async fn rfc6750_s3_a_token_is_who_it_speaks_for() {
    let server = Server::start().await;
    server.user("ada").await;
    let gate = Gate::new(server.parts().accounts.clone(), PlainLogin::LoopbackOnly);
    let (id, secret) = token(&server, None).await;
    assert_eq!(secret.expose().len(), "kalends_".len() + 40, "200 bits");
    let who = knock(&gate, &format!("Bearer {}", secret.expose())).await.ok().unwrap();
    assert_eq!((who.name(), who.credential()), ("ada", format!("token {id}")));
    assert!(who.is_for("slots", false) && !who.is_for("slots", true) && !who.is_for("patients", false));
    let basic = knock(&gate, "Basic YWRhOmFkYS1wYXNzd29yZA==").await.ok().unwrap();
    assert!(basic.is_for("patients", true), "a password still does, for everything");
    let (most, last) = secret.expose().split_at(47);
    let wrong = format!("{most}{}", if last == "x" { "y" } else { "x" });
    for wrong in [wrong.as_str(), "kalends_", "abc"] {
        let (status, challenge) = challenge(knock(&gate, &format!("Bearer {wrong}")).await);
        assert_eq!((status, challenge.as_str()), (401, "Bearer realm=\"Kalends\", error=\"invalid_token\""));
    }
    let stored = server.parts().accounts.tokens(&who).await.unwrap();
    assert!(!format!("{stored:?}").contains(secret.expose()));
}

#[tokio::test]
async fn calendar_programs_are_let_in_by_passwords_only() {
    let server = Server::start().await;
    server.user("ada").await;
    let (_, secret) = token(&server, None).await;
    let bearer = format!("Bearer {}", secret.expose());
    let headers = [("Depth", "0"), ("Authorization", bearer.as_str())];
    let reply = server.stranger().ask("PROPFIND", "/dav/", &headers, "").await;
    let realm = Some("Basic realm=\"Kalends\", charset=\"UTF-8\"");
    assert_eq!((reply.status, reply.header("www-authenticate")), (401, realm));
}

#[tokio::test]
async fn a_token_ends_at_its_second() {
    let server = Server::start().await;
    server.user("ada").await;
    let gate = Gate::new(server.parts().accounts.clone(), PlainLogin::LoopbackOnly);
    let (_, secret) = token(&server, Some(NOW + 10)).await;
    let bearer = format!("Bearer {}", secret.expose());
    server.clock.turn(9);
    assert!(knock(&gate, &bearer).await.is_ok());
    server.clock.turn(1);
    assert_eq!(challenge(knock(&gate, &bearer).await).0, 401);
    let ada = server.parts().accounts.operator("ada").await.unwrap();
    let scopes = Scopes::new(["slots"]).unwrap();
    assert!(server.parts().accounts.add_token(&ada, "old", &scopes, Some(NOW)).await.is_err());
}

#[tokio::test]
async fn s8_a_revoked_token_and_a_removed_person_are_refused_at_the_next_request() {
    let server = Server::start().await;
    server.user("ada").await;
    let accounts = &server.parts().accounts;
    let gate = Gate::new(accounts.clone(), PlainLogin::LoopbackOnly);
    let ada = accounts.operator("ada").await.unwrap();
    let (one, first) = token(&server, None).await;
    let (_, second) = token(&server, None).await;
    let bearer = |secret: &Secret| format!("Bearer {}", secret.expose());
    for secret in [&first, &second] {
        assert!(knock(&gate, &bearer(secret)).await.is_ok());
    }
    accounts.write_uses().await.unwrap();
    assert!(accounts.tokens(&ada).await.unwrap().iter().all(|one| one.used_at == Some(NOW)));
    accounts.revoke_token(&ada, one).await.unwrap();
    assert!(accounts.revoke_token(&ada, one).await.is_err());
    assert!(knock(&gate, &bearer(&first)).await.is_err());
    assert!(knock(&gate, &bearer(&second)).await.is_ok(), "each ends alone");
    accounts.disable_person(&ada).await.unwrap();
    assert!(knock(&gate, &bearer(&second)).await.is_err());
}
