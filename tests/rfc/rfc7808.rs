//! RFC 7808 (time zone data distribution): sections 4.2.1.3 to 6.4, each test named by its section.

use std::collections::HashSet;

use ical::{Limits, Zone};
use serde_json::Value;

use crate::support::client::Reply;
use crate::support::server::Server;

const JSON: Option<&str> = Some("application/json; charset=\"utf-8\"");

struct Service(Server);

impl Service {
    async fn start() -> Service {
        Service(Server::start().await)
    }

    async fn get(&self, path: &str) -> Reply {
        self.0.stranger().get(&format!("/tzdist/{path}")).await
    }

    async fn asked(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.0.stranger().ask("GET", &format!("/tzdist/{path}"), headers, "").await
    }

    async fn json(&self, path: &str) -> Value {
        let reply = self.get(path).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, JSON), "{path}: {}", reply.text());
        serde_json::from_slice(&reply.body).unwrap()
    }

    /// Asserts an error by its status and the last word of its URN (4.1.7).
    async fn refused(&self, path: &str, status: u16, kind: &str) {
        let reply = self.get(path).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
        problem(&reply, kind);
    }

    async fn found(&self, pattern: &str) -> Vec<String> {
        let found = self.json(&format!("zones?pattern={pattern}")).await;
        tzids(&found).map(str::to_owned).collect()
    }
}

fn problem(reply: &Reply, kind: &str) {
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    let problem: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(problem["type"], format!("urn:ietf:params:tzdist:error:{kind}"), "{problem}");
    assert_eq!(problem["status"], reply.status);
}

fn tzids(list: &Value) -> impl Iterator<Item = &str> {
    list["timezones"].as_array().unwrap().iter().map(|zone| zone["tzid"].as_str().unwrap())
}

#[tokio::test]
async fn s4_2_1_3_the_well_known_uri_leads_to_the_service_without_login() {
    let service = Service::start().await;
    for path in ["/.well-known/timezone", "/.well-known/timezone/"] {
        let reply = service.0.stranger().get(path).await;
        assert_eq!((reply.status, reply.header("location")), (301, Some("/tzdist")));
        assert!(reply.header("cache-control").unwrap().contains("max-age="));
    }
    let elsewhere = Server::with(|config| config.public_url = Some("https://cal.example".into())).await;
    let reply = elsewhere.stranger().get("/.well-known/timezone").await;
    assert_eq!(reply.header("location"), Some("https://cal.example/tzdist"));
}

#[tokio::test]
async fn s5_1_capabilities_name_what_is_done_and_nothing_else() {
    let service = Service::start().await;
    let told = service.json("capabilities").await;
    assert_eq!(told["version"], 1);
    assert_eq!(told["info"]["formats"], serde_json::json!(["text/calendar"]));
    assert_eq!(told["info"]["truncated"], serde_json::json!({ "any": true, "untruncated": true }));
    assert!(told["info"]["primary-source"].as_str().unwrap().ends_with(ical::tzdata_version()));
    let actions: Vec<&str> =
        told["actions"].as_array().unwrap().iter().map(|action| action["name"].as_str().unwrap()).collect();
    assert_eq!(actions, ["capabilities", "list", "get", "expand", "find", "leapseconds"]);
    for action in told["actions"].as_array().unwrap() {
        let template = action["uri-template"].as_str().unwrap();
        let path = template.strip_prefix("/tzdist/").unwrap().replace("{/tzid}", "/Europe%2FBerlin");
        let path = path.split('{').next().unwrap();
        let needs = action["parameters"].as_array().unwrap().iter().filter(|one| one["required"] == true);
        let query = needs.map(|one| match one["name"].as_str().unwrap() {
            "start" => "start=2026-01-01T00:00:00Z",
            "end" => "end=2027-01-01T00:00:00Z",
            _ => "pattern=UTC",
        });
        let query: Vec<&str> = query.collect();
        assert_eq!(service.get(&format!("{path}?{}", query.join("&"))).await.status, 200, "{template}");
    }
}

#[tokio::test]
async fn s5_2_the_list_holds_every_zone_once_with_its_aliases() {
    let service = Service::start().await;
    let list = service.json("zones").await;
    let zones = list["timezones"].as_array().unwrap();
    let mut names: Vec<&str> = tzids(&list).collect();
    names.extend(
        zones
            .iter()
            .flat_map(|zone| zone["aliases"].as_array().into_iter().flatten())
            .filter_map(Value::as_str),
    );
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    assert!(names.len() > 590 && names.iter().all(|name| Zone::named(name).is_some()));
    let zone = |tzid: &str| zones.iter().find(|zone| zone["tzid"] == tzid).unwrap();
    let new_york = zone("America/New_York");
    assert!(new_york["aliases"].as_array().unwrap().contains(&"US/Eastern".into()));
    assert_eq!(
        (&new_york["publisher"], &new_york["version"]),
        (&"IANA".into(), &ical::tzdata_version().into())
    );
    assert!(chrono::DateTime::parse_from_rfc3339(new_york["last-modified"].as_str().unwrap()).is_ok());
    assert!(zone("Europe/Dublin").get("local-names").is_none());
    // 4.1.4: what changed since the token of now is nothing; a token that is not known gets everything.
    let token = list["synctoken"].as_str().unwrap();
    let since = service.json(&format!("zones?changedsince={token}")).await;
    assert_eq!((&since["synctoken"], tzids(&since).count()), (&list["synctoken"], 0));
    assert_eq!(tzids(&service.json("zones?changedsince=1999a").await).count(), zones.len());
    service.refused("zones?changedsince=a&changedsince=a", 400, "invalid-changedsince").await;
}

#[tokio::test]
async fn s5_3_1_a_zone_is_a_calendar_under_the_tag_of_the_list() {
    let service = Service::start().await;
    let reply = service.get("zones/America%2FNew_York").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/calendar; charset=\"utf-8\"")));
    assert!(reply.header("cache-control").unwrap().starts_with("public, max-age="));
    let zone = Zone::from_vtimezone(&reply.body).unwrap();
    assert_eq!(zone.name(), "America/New_York");
    assert!(ical::check(&reply.body, &Limits::default()).is_err(), "it is no object");
    let list = service.json("zones?pattern=America/New_York").await;
    let etag = format!("\"{}\"", list["timezones"][0]["etag"].as_str().unwrap());
    assert_eq!(reply.header("etag"), Some(etag.as_str()));
    // 5.3.2
    let again = service.asked("zones/America%2FNew_York", &[("If-None-Match", &etag)]).await;
    assert_eq!((again.status, again.header("etag"), again.body.len()), (304, Some(etag.as_str()), 0));
    let head = service.0.stranger().ask("HEAD", "/tzdist/zones/America%2FNew_York", &[], "").await;
    assert_eq!((head.status, head.header("etag"), head.body.len()), (200, Some(etag.as_str()), 0));
    assert_eq!(service.get("zones/America/New_York").await.body, reply.body, "a plain slash is understood");
}

#[tokio::test]
async fn s5_3_3_an_alias_is_given_under_its_own_name() {
    let service = Service::start().await;
    let text = service.get("zones/US%2FEastern").await.text();
    assert!(text.contains("TZID:US/Eastern\r\nTZID-ALIAS-OF:America/New_York\r\n"), "{text}");
    assert!(!service.get("zones/America%2FNew_York").await.text().contains("TZID-ALIAS-OF"));
    for name in ["UTC", "Etc%2FUTC", "GMT", "Etc%2FGMT-14"] {
        let text = service.get(&format!("zones/{name}")).await.text();
        assert!(text.contains("BEGIN:STANDARD"), "{text}");
    }
}

#[tokio::test]
async fn s5_3_4_data_are_cut_where_the_request_says() {
    let service = Service::start().await;
    let path = "zones/America%2FNew_York?start=2010-01-01T00:00:00Z&end=2020-01-01T00:00:00Z";
    let text = service.get(path).await.text();
    assert!(text.contains("TZID:America/New_York\r\nTZUNTIL:20200101T000000Z\r\n"), "{text}");
    let first = "BEGIN:STANDARD\r\nDTSTART:20091231T190000\r\nTZOFFSETFROM:-0500\r\nTZOFFSETTO:-0500\r\nEND:STANDARD\r\n";
    assert_eq!(text.find("BEGIN:STANDARD"), text.find(first), "{text}");
    assert!(text.contains("BEGIN:DAYLIGHT\r\nDTSTART:20100314T020000\r\n"), "{text}");
    let whole = service.get("zones/America%2FNew_York").await.text();
    assert!(whole.contains("DTSTART:18831118T") && !whole.contains("TZUNTIL"), "{whole}");
    for (query, kind) in [
        ("start=2010", "invalid-start"),
        ("start=2010-01-01T00:00:00Z&start=2011-01-01T00:00:00Z", "invalid-start"),
        ("end=soon", "invalid-end"),
        ("start=2010-01-01T00:00:00Z&end=2010-01-01T00:00:00Z", "invalid-end"),
    ] {
        service.refused(&format!("zones/Europe%2FParis?{query}"), 400, kind).await;
    }
}

#[tokio::test]
async fn s5_3_5_what_is_not_there_and_what_is_not_spoken() {
    let service = Service::start().await;
    for name in ["America%2FPittsburgh", "Factory", "%FF", "W.%20Europe%20Standard%20Time"] {
        service.refused(&format!("zones/{name}?"), 404, "tzid-not-found").await;
    }
    let accepting = async |accept| service.asked("zones/Europe%2FParis", &[("Accept", accept)]).await;
    for accept in ["text/calendar", "application/calendar+json, text/*;q=0.1", "*/*"] {
        assert_eq!(accepting(accept).await.status, 200, "{accept}");
    }
    for accept in ["application/calendar+json", "text/calendar;q=0, text/html"] {
        let reply = accepting(accept).await;
        assert_eq!(reply.status, 406, "{accept}");
        problem(&reply, "invalid-format");
    }
    // Section 5: whatever has no code of its own.
    for path in ["", "zone", "zones/Europe%2FParis/observances/x?", "../dav/"] {
        let reply = service.get(path).await;
        assert_eq!(reply.status, 404, "{path}: {}", reply.text());
    }
    service.refused("calendars", 404, "invalid-action").await;
    let put = service.0.stranger().ask("PUT", "/tzdist/zones", &[], "x").await;
    assert_eq!((put.status, put.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    problem(&put, "invalid-action");
}

#[tokio::test]
async fn s5_4_1_an_expansion_tells_the_offset_at_its_start_and_each_change() {
    let service = Service::start().await;
    let expand = "zones/America%2FNew_York/observances";
    let year = service.json(&format!("{expand}?start=2008-01-01T00:00:00Z&end=2009-01-01T00:00:00Z")).await;
    let expected = serde_json::json!({
        "tzid": "America/New_York",
        "observances": [
            { "name": "Standard", "onset": "2008-01-01T00:00:00Z", "utc-offset-from": -18000, "utc-offset-to": -18000 },
            { "name": "Daylight", "onset": "2008-03-09T07:00:00Z", "utc-offset-from": -18000, "utc-offset-to": -14400 },
            { "name": "Standard", "onset": "2008-11-02T06:00:00Z", "utc-offset-from": -14400, "utc-offset-to": -18000 },
        ],
    });
    assert_eq!(year, expected, "the example of the RFC");
    let summer = service.json(&format!("{expand}?start=2199-07-01T00:00:00Z&end=2199-07-02T00:00:00Z")).await;
    assert_eq!(summer["observances"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&summer["observances"][0]["name"], &summer["observances"][0]["utc-offset-to"]),
        (&"Daylight".into(), &(-14400).into())
    );
    let at_change =
        service.json(&format!("{expand}?start=2008-03-09T07:00:00Z&end=2008-04-01T00:00:00Z")).await;
    assert_eq!(
        at_change["observances"].as_array().unwrap(),
        &expected["observances"].as_array().unwrap()[1..2]
    );
    let fixed =
        service.json("zones/UTC/observances?start=2026-01-01T00:00:00Z&end=2027-01-01T00:00:00Z").await;
    assert_eq!(fixed["observances"].as_array().unwrap().len(), 1);
    // 5.4: what is told of too long a span says where it ends.
    let ages = service.json(&format!("{expand}?start=0001-01-01T00:00:00Z&end=9999-01-01T00:00:00Z")).await;
    assert!(ages["end"].as_str().unwrap().starts_with("0201-") && ages.get("start").is_none(), "{ages}");
    for (query, kind) in [
        ("end=2009-01-01T00:00:00Z", "invalid-start"),
        ("start=2009-01-01T00:00:00Z", "invalid-end"),
        ("start=2009-01-01T00:00:00Z&end=2008-01-01T00:00:00Z", "invalid-end"),
    ] {
        service.refused(&format!("{expand}?{query}"), 400, kind).await;
    }
    service
        .refused(
            "zones/Mars%2FOlympus/observances?start=2008-01-01T00:00:00Z&end=2009-01-01T00:00:00Z",
            404,
            "tzid-not-found",
        )
        .await;
}

#[tokio::test]
async fn s5_4_the_tag_of_an_expansion_is_its_zones() {
    let service = Service::start().await;
    let zone = service.get("zones/Europe%2FParis").await;
    let year = "zones/Europe%2FParis/observances?start=2008-01-01T00:00:00Z&end=2009-01-01T00:00:00Z";
    let expanded = service.get(year).await;
    assert!(zone.header("etag").is_some());
    assert_eq!(zone.header("etag"), expanded.header("etag"));
}

#[tokio::test]
async fn s5_5_zones_are_found_by_names_and_aliases() {
    let service = Service::start().await;
    assert_eq!(service.found("US/Eastern").await, ["America/New_York"]);
    assert_eq!(service.found("*new%20york*").await, ["America/New_York"]);
    assert_eq!(service.found("*calcutta").await, ["Asia/Kolkata"]);
    assert!(service.found("europe/*").await.len() > 30);
    assert!(service.found("Atlantis").await.is_empty());
    for pattern in ["a*b", "a%5Cb", "a&pattern=b"] {
        service.refused(&format!("zones?pattern={pattern}"), 400, "invalid-pattern").await;
    }
}

#[tokio::test]
async fn s5_6_leap_seconds_are_those_of_the_iers() {
    let told = Service::start().await.json("leapseconds").await;
    let all = told["leapseconds"].as_array().unwrap();
    assert_eq!(all[0], serde_json::json!({ "utc-offset": 10, "onset": "1972-01-01" }));
    assert_eq!(all.last().unwrap(), &serde_json::json!({ "utc-offset": 37, "onset": "2017-01-01" }));
    let days: Vec<&str> = all.iter().map(|one| one["onset"].as_str().unwrap()).collect();
    assert!(days.is_sorted() && days.iter().all(|day| day.ends_with("-01-01") || day.ends_with("-07-01")));
    assert!(told["expires"].as_str().unwrap() > "2026-12-31" && told["publisher"] == "IERS", "{told}");
}
