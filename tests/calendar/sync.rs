//! What changed since a token (RFC 6578): exactly that, until the token is too old or of another life.

use kalends::calendar::{Condition, Error, Precondition};

use super::world::{collection, event, everywhere, sorted};

#[tokio::test]
async fn s3_2_changes_and_deletions_since_a_token() {
    everywhere(async |world| {
        for (name, day) in [("a", 5), ("b", 6), ("c", 7)] {
            world.put("ada", &format!("ada/default/{name}.ics"), &event(name, day, "x")).await.unwrap();
        }
        let shown = world.shown("ada", &collection("ada/default")).await.unwrap();
        let first = world.calendars.changes(&shown, None, None).await.unwrap();
        assert_eq!((first.changed.len(), first.gone.len(), first.more), (3, 0, false));

        world.put("ada", "ada/default/b.ics", &event("b", 8, "y")).await.unwrap();
        world.delete("ada", "ada/default/c.ics", Condition::NONE).await.unwrap();
        world.put("ada", "ada/default/d.ics", &event("d", 9, "x")).await.unwrap();
        let shown = world.shown("ada", &collection("ada/default")).await.unwrap();
        let then = world.calendars.changes(&shown, Some(&first.token), None).await.unwrap();
        assert_eq!(sorted(then.changed), ["b.ics", "d.ics"]);
        assert_eq!(then.gone.iter().map(|name| &**name).collect::<Vec<_>>(), ["c.ics"]);
        let last = world.calendars.changes(&shown, Some(&then.token), None).await.unwrap();
        assert_eq!((last.changed.len(), last.gone.len()), (0, 0));
        assert_eq!(last.token, then.token);
    })
    .await;
}

#[tokio::test]
async fn s3_6_a_limit_is_gone_through_piece_by_piece() {
    everywhere(async |world| {
        for n in 0..10 {
            world.put("ada", &format!("ada/default/{n}.ics"), &event(&n.to_string(), 5, "x")).await.unwrap();
        }
        let shown = world.shown("ada", &collection("ada/default")).await.unwrap();
        let (mut token, mut seen, mut rounds) = (None, Vec::new(), 0);
        loop {
            let part = world.calendars.changes(&shown, token.as_deref(), Some(3)).await.unwrap();
            assert!(part.changed.len() <= 3);
            seen.extend(sorted(part.changed));
            token = Some(part.token);
            rounds += 1;
            if !part.more {
                break;
            }
        }
        seen.sort();
        assert_eq!((seen.len(), rounds), (10, 4));
    })
    .await;
}

#[tokio::test]
async fn a_token_from_before_a_restore_is_over() {
    everywhere(async |world| {
        world.put("ada", "ada/default/a.ics", &event("a", 5, "x")).await.unwrap();
        let before = world.shown("ada", &collection("ada/default")).await.unwrap();
        let token = before.token();
        world.store.new_epoch().await.unwrap();
        let shown = world.shown("ada", &collection("ada/default")).await.unwrap();
        let over = world.calendars.changes(&shown, Some(&token), None).await;
        assert!(matches!(over, Err(Error::Precondition(Precondition::ValidSyncToken))));
        assert_ne!(shown.ctag(), before.ctag());
        assert_eq!(world.calendars.changes(&shown, None, None).await.unwrap().changed.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_home_tells_which_calendar_changed_and_which_went() {
    everywhere(async |world| {
        let caller = world.who("ada").await;
        let all = world.calendars.home_changes(&caller, "ada", None, None).await.unwrap();
        assert_eq!(all.changed.len(), 2);
        world.put("ada", "ada/default/a.ics", &event("a", 5, "x")).await.unwrap();
        let caller = world.who("ada").await;
        let then = world.calendars.home_changes(&caller, "ada", Some(&all.token), None).await.unwrap();
        assert_eq!(then.changed.iter().map(|shown| &*shown.path.slug).collect::<Vec<_>>(), ["default"]);
        let by = kalends::calendar::Author { who: &caller, from: kalends::calendar::Origin::Dav };
        world.calendars.remove(by, &collection("ada/tasks")).await.unwrap();
        let caller = world.who("ada").await;
        let last = world.calendars.home_changes(&caller, "ada", Some(&then.token), None).await.unwrap();
        assert_eq!((last.changed.len(), last.gone), (0, vec!["tasks".to_string()]));
    })
    .await;
}
