//! Who sees what: nothing without a grant, times only with `busy`, and nothing any more once it was taken away.

use kalends::calendar::{
    Access, Author, Collation, CompFilter, CompTest, Error, Origin, Precondition, Privilege, PropFilter,
    PropTest, Query, ShareAs, TextMatch,
};

use super::world::{World, collection, event, everywhere};

async fn share(world: &World, with: &str, access: Option<ShareAs>) {
    let caller = world.who("ada").await;
    let by = Author { who: &caller, from: Origin::Cli };
    world.calendars.share(by, &collection("ada/default"), with, access).await.unwrap();
}

#[tokio::test]
async fn without_a_grant_there_is_nothing() {
    everywhere(async |world| {
        world.put("ada", "ada/default/a.ics", &event("a", 5, "x")).await.unwrap();
        for at in ["ada/default", "eve/default~ada", "bob/default", "ada/nowhere"] {
            assert!(matches!(world.shown("eve", &collection(at)).await, Err(Error::NotFound)), "{at}");
        }
        assert!(matches!(world.calendars.home(&world.who("eve").await, "ada").await, Err(Error::NotFound)));
        assert!(matches!(
            world.put("eve", "ada/default/b.ics", &event("b", 5, "x")).await,
            Err(Error::NoParent)
        ));
    })
    .await;
}

#[tokio::test]
async fn a_shared_calendar_stands_in_the_sharees_own_home() {
    everywhere(async |world| {
        world.put("ada", "ada/default/a.ics", &event("a", 5, "x")).await.unwrap();
        share(&world, "bob", Some(ShareAs::Read)).await;
        let home = world.calendars.home(&world.who("bob").await, "bob").await.unwrap();
        let shared = home.collections.iter().find(|shown| shown.path.slug == "default~ada").unwrap();
        assert_eq!((shared.access, &*shared.owner().name), (Access::Read, "ada"));
        assert_eq!(world.text("bob", "bob/default~ada/a.ics").await.unwrap(), event("a", 5, "x"));
        assert_eq!(world.text("bob", "ada/default/a.ics").await.unwrap(), event("a", 5, "x"));
        let refused = world.put("bob", "bob/default~ada/a.ics", &event("a", 6, "x")).await;
        assert!(matches!(refused, Err(Error::Denied(Privilege::WriteContent))), "{refused:?}");
        share(&world, "bob", Some(ShareAs::Write)).await;
        world.put("bob", "bob/default~ada/a.ics", &event("a", 6, "y")).await.unwrap();
        assert!(world.text("ada", "ada/default/a.ics").await.unwrap().contains("SUMMARY:y"));
    })
    .await;
}

#[tokio::test]
async fn busy_shows_times_under_names_that_say_nothing() {
    everywhere(async |world| {
        world
            .put("ada", "ada/default/secret-name.ics", &event("secret-uid", 5, "secret summary"))
            .await
            .unwrap();
        share(&world, "bob", Some(ShareAs::Busy)).await;
        let shown = world.shown("bob", &collection("bob/default~ada")).await.unwrap();
        assert!(shown.is_view());
        let listed = world.calendars.list(&shown).await.unwrap();
        assert_eq!(listed.len(), 1);
        let text = world.text("bob", &format!("bob/default~ada/{}", listed[0].name)).await.unwrap();
        assert!(text.contains("DTSTART:20260105T100000Z"), "{text}");
        for leak in ["secret-name", "secret-uid", "secret summary"] {
            assert!(!text.contains(leak) && !listed[0].name.contains(leak), "{leak}: {text}");
        }
        assert!(world.text("bob", "bob/default~ada/secret-name.ics").await.is_none());
        let refused = world.put("bob", "bob/default~ada/x.ics", &event("x", 6, "x")).await;
        assert!(matches!(refused, Err(Error::Denied(_))), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn a_search_in_the_busy_view_cannot_guess_the_text() {
    everywhere(async |world| {
        world.put("ada", "ada/default/a.ics", &event("a", 5, "secret")).await.unwrap();
        share(&world, "bob", Some(ShareAs::Busy)).await;
        for (text, found_by_owner, found_in_view) in [("secret", 1, 0), ("Busy", 0, 1)] {
            for (who, at, expected) in
                [("ada", "ada/default", found_by_owner), ("bob", "bob/default~ada", found_in_view)]
            {
                let shown = world.shown(who, &collection(at)).await.unwrap();
                let found = world.calendars.query(&shown, &summary(text)).await.unwrap();
                assert_eq!(found.len(), expected, "{who} {text}");
            }
        }
    })
    .await;
}

fn summary(text: &str) -> Query {
    let text = TextMatch { text: text.into(), collation: Collation::AsciiCasemap, negate: false };
    let prop = PropFilter {
        name: "SUMMARY".into(),
        test: PropTest::Defined { range: None, text: Some(text), params: vec![] },
    };
    let defined = |props, comps| CompTest::Defined { range: None, props, comps };
    let event = CompFilter { name: "VEVENT".into(), test: defined(vec![prop], vec![]) };
    Query { filter: CompFilter { name: "VCALENDAR".into(), test: defined(vec![], vec![event]) }, zone: None }
}

#[tokio::test]
async fn granting_and_revoking_move_the_home_and_end_tokens() {
    everywhere(async |world| {
        let caller = world.who("bob").await;
        let before = world.calendars.home(&caller, "bob").await.unwrap().token();
        share(&world, "bob", Some(ShareAs::Read)).await;
        let caller = world.who("bob").await;
        let during = world.calendars.home(&caller, "bob").await.unwrap().token();
        assert_ne!(before, during);
        let shown = world.shown("bob", &collection("bob/default~ada")).await.unwrap();
        let token = shown.token();
        share(&world, "bob", None).await;
        assert!(world.shown("bob", &collection("bob/default~ada")).await.is_err());
        assert!(world.text("bob", "ada/default/a.ics").await.is_none());
        let caller = world.who("bob").await;
        assert_ne!(world.calendars.home(&caller, "bob").await.unwrap().token(), during);
        share(&world, "bob", Some(ShareAs::Read)).await;
        let shown = world.shown("bob", &collection("bob/default~ada")).await.unwrap();
        let over = world.calendars.changes(&shown, Some(&token), None).await;
        assert!(matches!(over, Err(Error::Precondition(Precondition::ValidSyncToken))));
    })
    .await;
}
