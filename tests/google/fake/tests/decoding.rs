//! The crate `google-calendar3`, whose strict types were made from Google's own description, drives the fake and decodes
//! its answers.

use chrono::{TimeZone, Utc};
use fake_google::Command;
use google_calendar3::{
    CalendarHub, Error,
    api::{CalendarListEntry, Channel, Event, EventDateTime, FreeBusyRequest, FreeBusyRequestItem},
    hyper_util::{
        client::legacy::{Client, connect::HttpConnector},
        rt::TokioExecutor,
    },
};
use serde_json::json;

use crate::asking::{ADA, Google, series, visit};

type Hub = CalendarHub<HttpConnector>;

async fn hub(google: &Google) -> Hub {
    let token = google.token_of(ADA, &["calendar"]).await;
    let mut hub = CalendarHub::new(Client::builder(TokioExecutor::new()).build_http(), token);
    hub.base_url(format!("{}/calendar/v3/", google.running.url()));
    hub
}

fn event(id: &str) -> Event {
    let at = |hour| EventDateTime {
        date_time: Utc.with_ymd_and_hms(2026, 3, 3, hour, 0, 0).single(),
        time_zone: Some("Europe/Berlin".into()),
        date: None,
    };
    Event {
        id: Some(id.into()),
        summary: Some("Visit".into()),
        start: Some(at(8)),
        end: Some(at(9)),
        ..Event::default()
    }
}

#[tokio::test]
async fn the_crate_reads_what_it_wrote() {
    let google = Google::start().await;
    let hub = hub(&google).await;
    let (_, made) = hub.events().insert(event("aaaaa"), "primary").doit().await.unwrap();
    assert_eq!(made.i_cal_uid.as_deref(), Some("aaaaa@google.com"));
    let change = Event { summary: Some("Moved".into()), ..Event::default() };
    let (_, patched) = hub.events().patch(change, "primary", "aaaaa").doit().await.unwrap();
    assert_eq!(patched.summary.as_deref(), Some("Moved"));
    assert_eq!(patched.start.unwrap().date_time, made.start.unwrap().date_time);
    let (_, put) = hub.events().update(event("aaaaa"), "primary", "aaaaa").doit().await.unwrap();
    assert_eq!(put.summary.as_deref(), Some("Visit"));
    let foreign = Event { id: None, i_cal_uid: Some("foreign@x".into()), ..event("") };
    hub.events().import(foreign, "primary").doit().await.unwrap();
    hub.events().delete("primary", "aaaaa").doit().await.unwrap();
    let (_, gone) = hub.events().get("primary", "aaaaa").doit().await.unwrap();
    assert_eq!(gone.status.as_deref(), Some("cancelled"));
}

#[tokio::test]
async fn the_crate_decodes_lists_instances_and_tombstones() {
    let google = Google::start().await;
    google.insert(series("aaaaa", "RRULE:FREQ=WEEKLY;COUNT=5")).await;
    google.insert(visit("bbbbb", 3)).await;
    google.raw(json!({ "id": "ooooo", "eventType": "focusTime", "focusTimeProperties": { "chatStatus": "doNotDisturb" },
        "start": { "dateTime": "2026-03-05T08:00:00Z" }, "end": { "dateTime": "2026-03-05T09:00:00Z" } })).await;
    let hub = hub(&google).await;
    hub.events().delete("primary", "aaaaa_20260309T080000Z").doit().await.unwrap();
    let (_, list) = hub.events().list("primary").show_deleted(true).max_results(2).doit().await.unwrap();
    assert!(list.next_page_token.is_some() && list.next_sync_token.is_none());
    let page = list.next_page_token.unwrap();
    let call = hub.events().list("primary").show_deleted(true).max_results(9).page_token(&page);
    let (_, rest) = call.doit().await.unwrap();
    assert_eq!(list.items.unwrap().len() + rest.items.unwrap().len(), 4);
    let token = rest.next_sync_token.unwrap();
    let (_, delta) = hub.events().list("primary").sync_token(&token).doit().await.unwrap();
    assert_eq!(delta.items.unwrap().len(), 0);
    let (_, all) = hub.events().instances("primary", "aaaaa").show_deleted(true).doit().await.unwrap();
    assert_eq!(all.items.unwrap().len(), 5);
}

#[tokio::test]
async fn the_crate_reads_googles_errors() {
    let google = Google::start().await;
    let hub = hub(&google).await;
    google.run(Command::InvalidateTokens { calendar: ADA.into() }).await;
    let Err(Error::BadRequest(body)) = hub.events().list("primary").sync_token("x").doit().await else {
        panic!("a broken token");
    };
    assert_eq!(body["error"]["code"], 400);
    let Err(Error::BadRequest(body)) = hub.events().get("primary", "nnnnn").doit().await else {
        panic!("an unknown event");
    };
    assert_eq!(body["error"]["errors"][0]["reason"], "notFound");
}

#[tokio::test]
async fn the_crate_decodes_calendars_channels_and_free_busy() {
    let google = Google::start().await;
    google.insert(visit("aaaaa", 3)).await;
    let hub = hub(&google).await;
    let (_, list) = hub.calendar_list().list().doit().await.unwrap();
    assert_eq!(list.items.unwrap()[0].primary, Some(true));
    let entry = CalendarListEntry { summary_override: Some("Mine".into()), ..CalendarListEntry::default() };
    hub.calendar_list().patch(entry, ADA).doit().await.unwrap();
    let calendar = google_calendar3::api::Calendar { summary: Some("Clinic".into()), ..Default::default() };
    let (_, made) = hub.calendars().insert(calendar).doit().await.unwrap();
    let (_, found) = hub.calendars().get(&made.id.unwrap()).doit().await.unwrap();
    assert_eq!(found.summary.as_deref(), Some("Clinic"));
    let channel = Channel {
        id: Some("c1".into()),
        type_: Some("web_hook".into()),
        address: Some("https://clinic.example/hook".into()),
        ..Channel::default()
    };
    let (_, channel) = hub.events().watch(channel, "primary").doit().await.unwrap();
    assert!(channel.expiration.unwrap() > 0 && channel.resource_id.is_some());
    hub.channels().stop(channel).doit().await.unwrap();
    let ask = FreeBusyRequest {
        time_min: Utc.with_ymd_and_hms(2026, 3, 1, 0, 0, 0).single(),
        time_max: Utc.with_ymd_and_hms(2026, 4, 1, 0, 0, 0).single(),
        items: Some(vec![FreeBusyRequestItem { id: Some(ADA.into()) }]),
        ..FreeBusyRequest::default()
    };
    let (_, busy) = hub.freebusy().query(ask).doit().await.unwrap();
    assert_eq!(busy.calendars.unwrap()[ADA].busy.as_ref().unwrap().len(), 1);
    assert_eq!(hub.colors().get().doit().await.unwrap().1.event.unwrap().len(), 11);
    assert!(!hub.settings().list().doit().await.unwrap().1.items.unwrap().is_empty());
}
