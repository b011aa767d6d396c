//! A program with other time zone data starts on what an earlier one derived: what depends on them is made again.

use store::{NewDigest, Pack};

use crate::support::{
    database::{Fresh, each},
    server::Server,
    text,
};

/// The version under which an earlier program would have derived everything.
const EARLIER: &str = "1.1.2019a";
const QUERY: &str = "<c:calendar-query xmlns:d='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><d:prop><d:getetag/></d:prop>\
    <c:filter><c:comp-filter name='VCALENDAR'><c:comp-filter name='VEVENT'>\
    <c:time-range start='20260706T080000Z' end='20260706T080100Z'/></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>";

/// The digest, bounds and pack of the only object as if its zone had been five hours elsewhere.
async fn derived_earlier(fresh: &Fresh) {
    let store = fresh.again().await;
    let mut conn = store.across().await.unwrap();
    let clinic = conn.clinics().await.unwrap()[0].id;
    let object = conn.texts_of_clinic(clinic, (store::CollectionId(0), ""), 10).await.unwrap().remove(0);
    drop(conn);
    let elsewhere = text::event("x", "x", "20260706T030000Z");
    let digest = ical::check(elsewhere.as_bytes(), &ical::Limits::default()).unwrap().digest;
    let stale = NewDigest {
        name: object.meta.name,
        etag: object.meta.etag,
        kind: object.meta.kind,
        first: digest.first,
        last: digest.last,
        digest: digest.encode().into(),
    };
    let of = object.collection;
    let pack = Pack { seq: object.meta.seq, version: EARLIER.into(), body: vec![1, 2, 3].into() };
    store
        .aside(move |aside| {
            Box::pin(async move {
                assert_eq!(aside.update_digests(clinic, of, &[stale]).await?, 1);
                aside.put_pack(clinic, of, pack).await?;
                aside.set_meta("derived_version", EARLIER).await
            })
        })
        .await
        .unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_start_with_other_zone_data_derives_everything_again() {
    each(async |fresh| {
        let server = Server::over(fresh, |_| ()).await;
        let ada = server.user("ada").await;
        let lines = "DTSTART;TZID=Europe/Berlin:20260706T100000\r\nDURATION:PT1H\r\n";
        let object = text::object("VEVENT", "x", "x", lines);
        let at = "/dav/calendars/ada/default/x.ics";
        assert_eq!(ada.ask("PUT", at, &[], &object).await.status, 201);
        let fresh = server.stop().await;

        derived_earlier(&fresh).await;
        let server = Server::over(fresh, |_| ()).await;
        let found =
            server.client("ada").ask("REPORT", "/dav/calendars/ada/default/", &[("Depth", "1")], QUERY).await;
        assert!(found.text().contains(at), "{}", found.text());
        let version = server.parts().calendars.index_version().await.unwrap().unwrap();
        assert!(version.ends_with(ical::tzdata_version()) && version != EARLIER, "{version}");
        let fresh = server.stop().await;
        drop(fresh);
    })
    .await;
}

#[tokio::test]
async fn without_a_start_the_stale_index_would_answer() {
    // The other half of the proof: what `derived_earlier` wrote is really read, and really wrong.
    let server = Server::start().await;
    let ada = server.user("ada").await;
    let lines = "DTSTART;TZID=Europe/Berlin:20260706T100000\r\nDURATION:PT1H\r\n";
    let at = "/dav/calendars/ada/default/x.ics";
    assert_eq!(ada.ask("PUT", at, &[], &text::object("VEVENT", "x", "x", lines)).await.status, 201);
    let fresh = server.stop().await;
    derived_earlier(&fresh).await;
    let store = fresh.again().await;
    let current = ical::tzdata_version();
    store
        .aside(move |aside| {
            Box::pin(async move {
                aside.set_meta("derived_version", &format!("1.{}.{current}", ical::DIGEST_VERSION)).await
            })
        })
        .await
        .unwrap();
    store.close().await;
    let server = Server::over(fresh, |_| ()).await;
    let found =
        server.client("ada").ask("REPORT", "/dav/calendars/ada/default/", &[("Depth", "1")], QUERY).await;
    assert!(!found.text().contains(at), "{}", found.text());
}
