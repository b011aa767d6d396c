//! Who is let in (trust.md S7, S8): one realm, 401 for wrong or missing credentials only, limits per account and
//! address, and every change counts at the next request.

use kalends::accounts::Secret;

use crate::support::{
    client::{Client, Reply},
    server::{Server, password},
};

async fn knock(client: &Client) -> Reply {
    client.ask("PROPFIND", "/dav/", &[("Depth", "0")], "").await
}

#[tokio::test]
async fn a_stranger_is_challenged_with_the_one_realm() {
    let server = Server::start().await;
    server.user("ada").await;
    let wrong = server.stranger().login("ada", "wrong");
    for client in [server.stranger(), wrong] {
        let reply = knock(&client).await;
        let realm = Some("Basic realm=\"Kalends\", charset=\"UTF-8\"");
        assert_eq!((reply.status, reply.header("www-authenticate")), (401, realm));
    }
}

#[tokio::test]
async fn a_name_is_known_in_any_case() {
    let server = Server::start().await;
    server.user("ada").await;
    assert_eq!(knock(&server.stranger().login("ADA", &password("ada"))).await.status, 207);
}

#[tokio::test]
async fn s7_malformed_credentials_are_the_clients_fault() {
    let server = Server::start().await;
    for value in [
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic YWRh",
        "Basic YWRhOg",
        "Basic Og==",
        "Basic OnB3",
        "Basic AAAA",
        "Basic ////",
        "basic\tYTpi",
        "Bearer abc",
        "Digest username=\"ada\"",
        "Negotiate",
        "YWRhOnB3",
        "Basic YWRhOnB3 YWRhOnB3",
        "Basic =",
    ] {
        let headers = [("Authorization", value)];
        let reply = server.stranger().ask("PROPFIND", "/dav/", &headers, "").await;
        assert!(matches!(reply.status, 400 | 401), "{value}: {reply:?}");
    }
}

#[tokio::test]
async fn s7_ten_failures_close_the_account_to_this_address_only() {
    let server = Server::with(|config| config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let right = server.user("ada").await;
    let bob = server.user("bob").await;
    let from = |address| [("Depth", "0"), ("X-Forwarded-For", address), ("X-Forwarded-Proto", "https")];
    for number in 0..10 {
        let wrong = server.stranger().login("ada", &format!("wrong {number}"));
        let reply = wrong.ask("PROPFIND", "/dav/", &from("192.0.2.1"), "").await;
        assert_eq!(reply.status, 401);
    }
    let closed = right.ask("PROPFIND", "/dav/", &from("192.0.2.1"), "").await;
    assert_eq!((closed.status, closed.header("retry-after")), (429, Some("900")));
    assert_eq!(bob.ask("PROPFIND", "/dav/", &from("192.0.2.1"), "").await.status, 207);
    assert_eq!(right.ask("PROPFIND", "/dav/", &from("192.0.2.2"), "").await.status, 207);
    server.clock.turn(900);
    assert_eq!(right.ask("PROPFIND", "/dav/", &from("192.0.2.1"), "").await.status, 207);
}

#[tokio::test]
async fn the_same_wrong_password_again_and_again_is_limited_by_itself() {
    let server = Server::start().await;
    let right = server.user("ada").await;
    let stale = server.stranger().login("ada", "last year's");
    let statuses: Vec<u16> = {
        let mut all = Vec::new();
        for _ in 0..12 {
            all.push(knock(&stale).await.status);
        }
        all
    };
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[10..], [429; 2]);
    // The desktop beside the phone with the old password still works.
    assert_eq!(knock(&right).await.status, 207);
}

#[tokio::test]
async fn limits_can_be_switched_off() {
    let server = Server::with(|config| config.limits.login_failures = 0).await;
    server.user("ada").await;
    for number in 0..30 {
        let wrong = server.stranger().login("ada", &format!("wrong {}", number / 2));
        assert_eq!(knock(&wrong).await.status, 401);
    }
}

#[tokio::test]
async fn a_request_without_credentials_is_no_failure() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    for _ in 0..30 {
        assert_eq!(knock(&server.stranger()).await.status, 401);
    }
    assert_eq!(knock(&ada).await.status, 207);
}

#[tokio::test]
async fn many_connections_with_one_new_password_are_one_attempt() {
    let server = Server::with(|config| config.limits.login_failures = 3).await;
    let ada = server.user("ada").await;
    let all: Vec<_> = (0..20)
        .map(|_| {
            let ada = ada.clone();
            tokio::spawn(async move { knock(&ada).await.status })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), 207);
    }
}

#[tokio::test]
async fn a_changed_password_counts_at_once() {
    let server = Server::start().await;
    let old = server.user("ada").await;
    assert_eq!(knock(&old).await.status, 207);
    let new = server.stranger().login("ada", "another");
    assert_eq!(knock(&new).await.status, 401);
    let accounts = &server.parts().accounts;
    let who = accounts.operator("ada").await.unwrap();
    accounts.set_password(&who, &Secret::new("another")).await.unwrap();
    assert_eq!(knock(&new).await.status, 207);
    assert_eq!(knock(&old).await.status, 401);
}

#[tokio::test]
async fn a_removed_user_is_out_at_once_and_may_come_back() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    assert_eq!(knock(&ada).await.status, 207);
    let accounts = &server.parts().accounts;
    let who = accounts.operator("ada").await.unwrap();
    accounts.disable_person(&who).await.unwrap();
    assert_eq!(knock(&ada).await.status, 401);
    accounts.enable_person(&who).await.unwrap();
    assert_eq!(knock(&ada).await.status, 207);
    accounts.erase_person(&who).await.unwrap();
    assert_eq!(knock(&ada).await.status, 401);
}

#[tokio::test]
async fn an_app_password_logs_in_until_it_is_revoked() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let accounts = &server.parts().accounts;
    let who = accounts.operator("ada").await.unwrap();
    let (phone, secret) = accounts.add_app_password(&who, "phone").await.unwrap();
    let (_, other) = accounts.add_app_password(&who, "tablet").await.unwrap();
    let by_phone = server.stranger().login("ada", secret.expose());
    let by_tablet = server.stranger().login("ada", other.expose());
    assert_eq!(knock(&by_phone).await.status, 207);
    assert_eq!(knock(&by_tablet).await.status, 207);
    assert_eq!(knock(&server.stranger().login("bob", secret.expose())).await.status, 401);
    accounts.write_uses().await.unwrap();
    let listed = accounts.app_passwords(&who).await.unwrap();
    assert_eq!(listed[0].used_at, Some(server.clock.now()));
    accounts.revoke_app_password(&who, phone).await.unwrap();
    assert_eq!(knock(&by_phone).await.status, 401);
    assert_eq!(knock(&by_tablet).await.status, 207);
    assert_eq!(knock(&ada).await.status, 207);
}

#[tokio::test]
async fn a_change_elsewhere_costs_no_new_login() {
    let server = Server::with(|config| config.limits.login_failures = 1).await;
    let ada = server.user("ada").await;
    assert_eq!(knock(&ada).await.status, 207);
    let body = "<mkcalendar xmlns='urn:ietf:params:xml:ns:caldav'/>";
    for number in 0..5 {
        let path = format!("/dav/calendars/ada/c{number}/");
        assert_eq!(ada.ask("MKCALENDAR", &path, &[("Content-Type", "text/xml")], body).await.status, 201);
        assert_eq!(knock(&ada).await.status, 207);
    }
}

#[tokio::test]
async fn passwords_are_refused_over_plain_http_from_elsewhere() {
    let server = Server::with(|config| config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let ada = server.user("ada").await;
    let far = [("Depth", "0"), ("X-Forwarded-For", "192.0.2.1")];
    assert_eq!(ada.ask("PROPFIND", "/dav/", &far, "").await.status, 403);
    assert_eq!(server.stranger().ask("OPTIONS", "/dav/", &far, "").await.status / 100, 2);
    let encrypted = [("Depth", "0"), ("Forwarded", "for=192.0.2.1;proto=https")];
    assert_eq!(ada.ask("PROPFIND", "/dav/", &encrypted, "").await.status, 207);
    let lenient = Server::with(|config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        config.allow_plain_http = true;
    })
    .await;
    let ada = lenient.user("ada").await;
    assert_eq!(ada.ask("PROPFIND", "/dav/", &far, "").await.status, 207);
}

#[tokio::test]
async fn a_forged_address_is_not_believed() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let forged = [("Depth", "0"), ("X-Forwarded-For", "192.0.2.1")];
    assert_eq!(ada.ask("PROPFIND", "/dav/", &forged, "").await.status, 207);
}
