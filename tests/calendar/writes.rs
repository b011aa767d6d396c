//! The one write: bytes kept, conditions and UIDs compared inside the transaction, moves that are never half done.

use kalends::calendar::{Author, Condition, Error, Etag, Origin, Overwrite, Precondition, Tags, Transfer};

use super::world::{collection, event, everywhere};

fn if_match(etag: &Etag) -> Condition {
    Condition { if_match: Some(Tags::Of(vec![etag.opaque()])), ..Condition::NONE }
}

#[tokio::test]
async fn the_bytes_come_back_under_their_hash() {
    everywhere(async |world| {
        let text =
            event("a", 5, "x").replace("SUMMARY:x", "summary;X-ODD=\"a;b\":Grüße\r\n  weiter\r\nX-UNKNOWN:1");
        let written = world.put("ada", "ada/default/a.ics", &text).await.unwrap();
        assert!(written.created);
        assert_eq!(written.etag, Etag::of(text.as_bytes()));
        assert_eq!(world.text("ada", "ada/default/a.ics").await.as_deref(), Some(&*text));
    })
    .await;
}

#[tokio::test]
async fn a_stale_etag_is_refused_and_changes_nothing() {
    everywhere(async |world| {
        let first = world.put("ada", "ada/default/a.ics", &event("a", 5, "one")).await.unwrap();
        let second = world
            .put_if("ada", "ada/default/a.ics", &event("a", 5, "two"), if_match(&first.etag))
            .await
            .unwrap();
        assert!(!second.created);
        let stale =
            world.put_if("ada", "ada/default/a.ics", &event("a", 5, "three"), if_match(&first.etag)).await;
        assert!(matches!(stale, Err(Error::ConditionFailed)));
        let stale = world.delete("ada", "ada/default/a.ics", if_match(&first.etag)).await;
        assert!(matches!(stale, Err(Error::ConditionFailed)));
        assert!(world.text("ada", "ada/default/a.ics").await.unwrap().contains("two"));
        let new_only = Condition { if_none_match: Some(Tags::Any), ..Condition::NONE };
        let taken = world.put_if("ada", "ada/default/a.ics", &event("a", 5, "four"), new_only).await;
        assert!(matches!(taken, Err(Error::ConditionFailed)));
    })
    .await;
}

#[tokio::test]
async fn equal_bytes_change_nothing() {
    everywhere(async |world| {
        let text = event("a", 5, "one");
        world.put("ada", "ada/default/a.ics", &text).await.unwrap();
        let shown = world.shown("ada", &collection("ada/default")).await.unwrap();
        let again = world.put("ada", "ada/default/a.ics", &text).await.unwrap();
        assert!(!again.created);
        let after = world.shown("ada", &collection("ada/default")).await.unwrap();
        assert_eq!(shown.ctag(), after.ctag());
    })
    .await;
}

#[tokio::test]
async fn a_uid_stands_once_in_a_calendar_and_the_refusal_says_where() {
    everywhere(async |world| {
        world.put("ada", "ada/default/a.ics", &event("same", 5, "x")).await.unwrap();
        let refused = world.put("ada", "ada/default/b.ics", &event("same", 6, "x")).await;
        let Err(Error::Precondition(Precondition::NoUidConflict(at))) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(at.name, "a.ics");
        let refused = world.put("ada", "ada/default/a.ics", &event("other", 6, "x")).await;
        assert!(matches!(refused, Err(Error::Precondition(Precondition::NoUidConflict(_)))), "{refused:?}");
        assert_eq!(world.names("ada", "ada/default").await, ["a.ics"]);
    })
    .await;
}

#[tokio::test]
async fn what_a_calendar_does_not_take_is_refused() {
    everywhere(async |world| {
        let todo = event("t", 5, "x").replace("VEVENT", "VTODO").replace("DTEND", "DUE");
        let refused = world.put("ada", "ada/default/t.ics", &todo).await;
        assert!(
            matches!(refused, Err(Error::Precondition(Precondition::SupportedCalendarComponent(_)))),
            "{refused:?}"
        );
        world.put("ada", "ada/tasks/t.ics", &todo).await.unwrap();
        let refused = world.put("ada", "ada/nowhere/t.ics", &todo).await;
        assert!(matches!(refused, Err(Error::NoParent)), "{refused:?}");
        let refused = world.put("ada", "ada/default/x.ics", "BEGIN:VCALENDAR\r\nEND:").await;
        assert!(
            matches!(refused, Err(Error::Precondition(Precondition::ValidCalendarData(_)))),
            "{refused:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_move_takes_the_object_from_one_calendar_to_the_other_at_once() {
    everywhere(async |world| {
        let caller = world.who("ada").await;
        let by = Author { who: &caller, from: Origin::Dav };
        let new = kalends::calendar::NewCollection { components: "VEVENT".into(), ..Default::default() };
        world.calendars.make(by, &collection("ada/second"), new, Default::default()).await.unwrap();
        world.put("ada", "ada/default/a.ics", &event("a", 5, "x")).await.unwrap();
        let caller = world.who("ada").await;
        let by = Author { who: &caller, from: Origin::Dav };
        let (from, to) =
            (collection("ada/default").object("a.ics"), collection("ada/second").object("b.ics"));
        let moved = world
            .calendars
            .transfer(by, (&from, &to), Transfer::Move, Overwrite::No, Condition::NONE)
            .await
            .unwrap();
        assert!(moved.created);
        assert_eq!(world.names("ada", "ada/default").await, [""; 0]);
        assert_eq!(world.names("ada", "ada/second").await, ["b.ics"]);
        let gone =
            world.calendars.transfer(by, (&from, &to), Transfer::Copy, Overwrite::Yes, Condition::NONE).await;
        assert!(matches!(gone, Err(Error::NotFound)), "{gone:?}");
    })
    .await;
}

#[tokio::test]
async fn a_calendar_is_made_removed_made_and_removed_again_at_once() {
    everywhere(async |world| {
        let mut tokens = Vec::<String>::new();
        for _ in 0..2 {
            let caller = world.who("ada").await;
            let by = Author { who: &caller, from: Origin::Dav };
            let new = kalends::calendar::NewCollection { components: "VEVENT".into(), ..Default::default() };
            world.calendars.make(by, &collection("ada/brief"), new, Default::default()).await.unwrap();
            world.put("ada", "ada/brief/a.ics", &event("a", 5, "x")).await.unwrap();
            let caller = world.who("ada").await;
            let shown = world.calendars.collection(&caller, &collection("ada/brief")).await.unwrap();
            for token in &tokens {
                let foreign = world.calendars.changes(&shown, Some(token), None).await;
                assert!(matches!(foreign, Err(Error::Precondition(Precondition::ValidSyncToken))));
            }
            tokens.push(shown.token());
            let by = Author { who: &caller, from: Origin::Dav };
            world.calendars.remove(by, &collection("ada/brief")).await.unwrap();
            assert!(world.shown("ada", &collection("ada/brief")).await.is_err());
        }
    })
    .await;
}
