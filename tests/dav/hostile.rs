//! Input that nobody means well by: a clear 4xx at once, never 500, and the neighbour's request works on (trust.md S1).

use std::time::{Duration, Instant};

use super::door::{Door, NS, event};

const DEFAULT: &str = "/dav/calendars/ada/default/";

/// Longest that a refusal may take, unoptimised.
const AT_ONCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn hostile_xml_is_refused_at_once() {
    let door = Door::open().await;
    let started = Instant::now();
    let deep = "<a>".repeat(300_000);
    let wide = format!("<d:propfind {NS}><d:prop>{}</d:prop></d:propfind>", "<x:a/>".repeat(100_000));
    let attributes: String = (0..100_000).map(|i| format!(" a{i}=''")).collect();
    let bodies = [
        "<!DOCTYPE a [<!ENTITY x 'y'>]><d:propfind xmlns:d='DAV:'><d:prop><d:owner/>&x;</d:prop></d:propfind>".to_owned(),
        deep,
        wide,
        format!("<d:propfind xmlns:d='DAV:'{attributes}/>"),
        format!("<d:propfind {NS}><d:prop>{}</d:prop></d:propfind>", "<x:a/>".repeat(600)),
        "<d:propfind xmlns:d='DAV:'>".to_owned(),
        "<d:propfind xmlns:d='DAV:'><d:prop><d:a\u{0}/></d:prop></d:propfind>".to_owned(),
        "<d:propfind/>".to_owned(),
        "<other xmlns='DAV:'/>".to_owned(),
        format!("<d:propfind {NS}/>"),
        format!("<d:propfind {NS}><d:prop/><d:allprop/></d:propfind>"),
        "not xml".to_owned(),
        "x".repeat((1 << 20) + 1),
        "\u{feff}".to_owned(),
        "<d:propfind xmlns:d='DAV:'><foo:bar xmlns:foo=''/></d:propfind>".to_owned(),
    ];
    for body in bodies {
        for method in ["PROPFIND", "PROPPATCH", "REPORT", "MKCALENDAR"] {
            let path = if method == "MKCALENDAR" { "/dav/calendars/ada/new/" } else { DEFAULT };
            let start: String = body.chars().take(60).collect();
            let reply = door.ask("ada", method, path, &["Depth: 0"], body.clone()).await;
            let odd_but_known = method == "PROPPATCH" && start.contains("owner");
            assert!((400..500).contains(&reply.status) || odd_but_known, "{method} {} {start}", reply.status);
        }
    }
    assert!(started.elapsed() < AT_ONCE * 4, "{:?}", started.elapsed());
    door.ask("ada", "PROPFIND", DEFAULT, &["Depth: 0"], "").await.is(207);
}

#[tokio::test]
async fn odd_paths_and_methods_have_clean_answers() {
    let door = Door::open().await;
    let methods = [
        "GET",
        "HEAD",
        "PUT",
        "DELETE",
        "COPY",
        "MOVE",
        "PROPFIND",
        "PROPPATCH",
        "MKCOL",
        "MKCALENDAR",
        "REPORT",
        "LOCK",
        "UNLOCK",
        "ACL",
        "POST",
        "PATCH",
        "BREW",
    ];
    let paths = [
        "/dav/calendars/ada/default/%2e%2e/x",
        "/dav/calendars/ada/default/..%2f..%2fetc",
        "/dav/calendars/ada/%00",
        "/dav//",
        "/dav/calendars/ada/default/%ff%fe",
        "/dav/calendars/ada/default/a%",
        "/dav/%2e/",
        "/nowhere",
        "/dav/x/y/z",
        "/dav/calendars/ada/default/a/b/c/d",
        "/dav/principals/%2e%2e/",
    ];
    for path in paths {
        for method in methods {
            let reply = door.ask("ada", method, path, &[], "").await;
            assert!(
                (400..502).contains(&reply.status) && reply.status != 500,
                "{method} {path} {}",
                reply.status
            );
        }
    }
    for path in ["/dav/", DEFAULT, "/dav/principals/ada/"] {
        for (method, status) in [("LOCK", 405), ("UNLOCK", 405), ("ACL", 405), ("POST", 405), ("BREW", 501)] {
            let reply = door.ask("ada", method, path, &[], "").await;
            assert_eq!(reply.status, status, "{method} {path}");
            assert_eq!(reply.header("allow").is_some(), status == 405);
        }
    }
}

#[tokio::test]
async fn odd_headers_have_clean_answers() {
    let door = Door::open().await;
    let at = format!("{DEFAULT}a.ics");
    door.put("ada", &at, &event("1", 5, "A")).await;
    for (method, header, statuses) in [
        ("PROPFIND", "Depth: ,", &[400][..]),
        ("PROPFIND", "Depth: 1, 0", &[400]),
        ("PROPFIND", "Prefer: ;;;=,\"", &[207]),
        ("PUT", "If-Match: \"open", &[400]),
        ("PUT", "If: (((", &[400]),
        ("PUT", "Content-Type: ;", &[204]),
        ("PUT", "Content-Encoding: gzip", &[415]),
        ("GET", "Range: bytes=-", &[200, 416]),
        ("GET", "If-Modified-Since: yesterday", &[200]),
        ("PUT", "If-Schedule-Tag-Match: ", &[204]),
    ] {
        let headers: &[&str] = if header.starts_with("Depth") || method != "PROPFIND" {
            &[header]
        } else {
            &["Depth: 0", header]
        };
        let body = if method == "PUT" { event("1", 5, "B") } else { String::new() };
        let reply = door.ask("ada", method, &at, headers, body).await;
        assert!(statuses.contains(&reply.status), "{method} {header}: {}", reply.status);
    }
}

#[tokio::test]
async fn twenty_thousand_hrefs_of_one_object_are_answered() {
    let door = Door::open().await;
    door.put("ada", &format!("{DEFAULT}a.ics"), &event("1", 5, "A")).await;
    let hrefs = format!("<d:href>{DEFAULT}a.ics</d:href>").repeat(19_900);
    let body = format!("<c:calendar-multiget><d:prop><d:getetag/></d:prop>{hrefs}</c:calendar-multiget>");
    let found = door.report("ada", DEFAULT, 1, &body).await.multistatus();
    assert_eq!(found.responses().len(), 19_900);
}
