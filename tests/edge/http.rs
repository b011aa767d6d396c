//! HTTP itself: what is doubtful is refused (RFC 9112, trust.md S16), what is too large at once, and no request
//! harms another.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{client, database::each, server::Server, text::event};

async fn status(server: &Server, head: &str) -> Option<u16> {
    let bytes = head.replace('\n', "\r\n");
    server.stranger().bytes(bytes.as_bytes(), false).await.map(|reply| reply.status)
}

#[tokio::test]
async fn a_request_that_could_be_read_in_two_ways_is_refused() {
    let server = Server::start().await;
    for head in [
        "GET /health/live HTTP/1.1\nHost: a\nHost: b\n\n",
        "GET /health/live HTTP/1.1\n\n",
        "PUT /dav/x HTTP/1.1\nHost: a\nContent-Length: +5\n\nhello",
        "PUT /dav/x HTTP/1.1\nHost: a\nContent-Length: 5\nContent-Length: 6\n\nhello!",
        "PUT /dav/x HTTP/1.1\nHost: a\nTransfer-Encoding: xchunked\n\nhello",
        "GET /health/live HTTP/1.1\nHost: a\nX: a\0b\n\n",
        "GET /health/live HTTP/1.1\nHost: a\nAuthorization: Basic YTpi\nAuthorization: Basic YTpj\n\n",
        "GET /health/live\n\n",
        "\0\0\0\0\n\n",
    ] {
        let status = status(&server, head).await;
        assert!(status.is_none_or(|status| (400..500).contains(&status)), "{head:?}: {status:?}");
    }
    assert_eq!(server.stranger().get("/health/live").await.status, 200);
}

#[tokio::test]
async fn a_body_is_refused_by_its_announced_length() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    // Nothing of the ten gigabytes is ever sent: an answer shows that none was waited for.
    let headers = [("Content-Length", "10000000000"), ("Content-Type", "text/calendar")];
    let reply = ada.ask("PUT", "/dav/calendars/ada/default/big.ics", &headers, "").await;
    assert!(matches!(reply.status, 403 | 413 | 507), "{reply:?}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Server::start().await;
    let head = format!("GET /health/live HTTP/1.1\nHost: a\nX: {}\n\n", "x".repeat(100_000));
    let status = status(&server, &head).await;
    assert!(status.is_none_or(|status| status == 431), "{status:?}");
}

#[tokio::test]
async fn options_needs_no_login_on_any_url() {
    let server = Server::start().await;
    for path in
        ["/", "/dav/", "/dav/calendars/ada/default/", "/.well-known/caldav", "/principals/", "/x", "*"]
    {
        let reply = server.stranger().ask("OPTIONS", path, &[], "").await;
        assert!(matches!(reply.status, 200 | 204), "{path} {reply:?}");
        let dav = reply.header("dav").unwrap_or_default();
        assert!(dav.contains("calendar-access") && reply.header("allow").is_some(), "{path} {reply:?}");
    }
}

#[tokio::test]
async fn well_known_leads_to_the_root_without_login() {
    let server = Server::start().await;
    for method in ["GET", "PROPFIND"] {
        let reply = server.stranger().ask(method, "/.well-known/caldav", &[], "").await;
        assert_eq!((reply.status, reply.header("location")), (301, Some("/dav/")));
    }
    let public = Server::with(|config| config.public_url = Some("https://cal.example.org".into())).await;
    let reply = public.stranger().get("/.well-known/caldav").await;
    assert_eq!(reply.header("location"), Some("https://cal.example.org/dav/"));
}

#[tokio::test]
async fn addresses_that_apple_probes_ask_for_login_and_then_answer() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    for path in ["/", "/dav/", "/dav/principals/"] {
        let headers = [("Depth", "0")];
        assert_eq!(server.stranger().ask("PROPFIND", path, &headers, "").await.status, 401, "{path}");
        assert_eq!(ada.ask("PROPFIND", path, &headers, "").await.status, 207, "{path}");
    }
    assert_eq!(server.stranger().ask("PROPFIND", "/principals/", &[], "").await.status, 401);
    let browser = server.stranger().get("/").await;
    assert!(browser.status == 200 && browser.text().contains("Kalends"));
}

#[tokio::test]
async fn http_2_is_spoken_by_prior_knowledge() {
    let server = Server::start().await;
    let mut stream = server.stranger().connect().await;
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // An empty SETTINGS frame (RFC 9113 6.5).
    sent.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    stream.write_all(&sent).await.unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4, "the first frame of a server is SETTINGS: {frame:?}");
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let server = Server::start().await;
    let mut stream = server.stranger().connect().await;
    for _ in 0..3 {
        stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        assert_eq!(client::read(&mut stream, false).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn metrics_count_and_name_no_secret() {
    let server = Server::start().await;
    let ada = server.user("ada").await;
    ada.ask("PROPFIND", "/dav/", &[("Depth", "0")], "").await;
    server.stranger().get("/feeds/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.ics").await;
    let text = server.stranger().get("/metrics").await.text();
    assert!(text.contains(r#"kalends_requests_total{door="dav",status="2xx"} 1"#), "{text}");
    assert!(text.contains(r#"kalends_requests_total{door="feeds",status="4xx"} 1"#), "{text}");
    assert!(!text.contains("aaaaaaaa") && !text.contains("ada"), "{text}");
}

#[tokio::test]
async fn f30_metrics_tell_what_is_stored_and_what_came_from_memory_and_reading_stores_nothing() {
    each(async |fresh| {
        let server = Server::over(fresh, |_| ()).await;
        let ada = server.user("ada").await;
        let figure = async |name: &str| {
            let text = server.stranger().get("/metrics").await.text();
            let line = text.lines().find_map(|line| line.strip_prefix(name)).expect(name);
            line.trim().parse::<f64>().unwrap()
        };
        let changes = figure("kalends_changes_total").await;
        let at = "/dav/calendars/ada/default/a.ics";
        let made = ada.ask("PUT", at, &[], &event("a", "Visit", "20260301T090000Z")).await;
        assert_eq!(made.status, 201);
        assert_eq!(figure("kalends_changes_total").await, changes + 1.0);
        let (bytes, hits) =
            (figure("kalends_database_bytes").await, figure(r#"kalends_texts_total{memory="hit"}"#).await);
        assert!(bytes > 100_000.0, "{bytes}");
        for _ in 0..3 {
            assert_eq!(ada.get(at).await.status, 200);
        }
        assert!(figure(r#"kalends_texts_total{memory="hit"}"#).await >= hits + 2.0);
        assert_eq!(figure("kalends_changes_total").await, changes + 1.0);
        assert_eq!(figure("kalends_database_bytes").await, bytes);
    })
    .await;
}

#[tokio::test]
async fn more_requests_at_once_than_allowed_are_told_to_wait() {
    let server = Server::with(|config| config.limits.in_flight = 1).await;
    let ada = server.user("ada").await;
    // One request whose body never comes holds the only place.
    let mut slow = server.stranger().connect().await;
    let head = "PUT /dav/calendars/ada/default/a.ics HTTP/1.1\r\nHost: a\r\nAuthorization: Basic \
                YWRhOmFkYS1wYXNzd29yZA==\r\nContent-Type: text/calendar\r\nContent-Length: 100\r\n\r\nBEGIN";
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut refused = None;
    for _ in 0..200 {
        let reply = ada.get("/health/live").await;
        if reply.status == 503 {
            refused = Some(reply);
            break;
        }
        tokio::task::yield_now().await;
    }
    let refused = refused.expect("the place is taken");
    assert!(refused.header("retry-after").is_some());
    drop(slow);
    let mut last = 503;
    for _ in 0..2000 {
        last = ada.get("/health/live").await.status;
        if last == 200 {
            break;
        }
    }
    assert_eq!(last, 200, "the place was not given back");
}
