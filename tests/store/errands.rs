//! Errands of a link: what is still to be carried over it, or could not be.

use ::store::{Errand, ErrandState, Way};

use super::world::{NOW, World, everywhere};

#[tokio::test]
async fn a_new_change_takes_the_place_of_an_errand_and_begins_anew() {
    everywhere(async |world: World| {
        let link = world.linked().await;
        let of = (link.clinic, link.id);
        let add = async |key: &'static str| {
            world
                .aside(move |aside| {
                    Box::pin(async move { aside.add_errands(of, (&[(key.into(), false)], false), key).await })
                })
                .await
        };
        add("a").await.unwrap();
        add("b").await.unwrap();
        let one = world.conn().await.errands_due(of, NOW, 9).await.unwrap().remove(0);
        assert_eq!(
            (one.way, one.key.as_str(), one.attempt, one.state),
            (Way::Push, "a", 0, ErrandState::Pending)
        );
        let dead = Errand { state: ErrandState::Dead, attempt: 3, reason: "x".into(), ..one.clone() };
        let later = Errand { key: "b".into(), next_at: NOW + 8, ..one };
        world
            .aside(move |aside| {
                Box::pin(async move {
                    aside.save_errand(of, &dead).await?;
                    aside.save_errand(of, &later).await
                })
            })
            .await
            .unwrap();
        let mut conn = world.conn().await;
        assert!(conn.errands_due(of, NOW, 9).await.unwrap().is_empty());
        assert_eq!(conn.errands(of, ErrandState::Dead, 9).await.unwrap()[0].reason, "x");
        assert_eq!(
            (conn.errands_total(of).await.unwrap(), conn.errand_next(of).await.unwrap()),
            ([1, 0, 1], Some((NOW + 8, false)))
        );
        add("a").await.unwrap();
        assert_eq!(conn.errands_total(of).await.unwrap(), [2, 0, 0]);
        assert_eq!(conn.link(of.0, of.1).await.unwrap().unwrap().cursor.as_deref(), Some("a"));
        for key in ["a", "b"] {
            world
                .aside(move |aside| {
                    Box::pin(async move { aside.remove_errand(of, (Way::Push, key), "").await })
                })
                .await
                .unwrap();
        }
        assert_eq!(
            (conn.errands_total(of).await.unwrap(), conn.errand_next(of).await.unwrap()),
            ([0; 3], None)
        );
        let failed = Errand {
            way: Way::Pull,
            key: "e".into(),
            attempt: 5,
            next_at: 0,
            state: ErrandState::Failed,
            reason: String::new(),
            since: 0,
            backfill: false,
            quiet: true,
        };
        world
            .aside(move |aside| Box::pin(async move { aside.save_errand(of, &failed).await }))
            .await
            .unwrap();
        let revived = world
            .aside(move |aside| Box::pin(async move { aside.revive_errands(of, ErrandState::Failed).await }));
        assert_eq!((revived.await.unwrap(), conn.errands_total(of).await.unwrap()), (1, [1, 0, 0]));
    })
    .await;
}

#[tokio::test]
async fn an_errand_that_another_node_found_anew_stays() {
    everywhere(async |world: World| {
        let link = world.linked().await;
        let of = (link.clinic, link.id);
        let lease = async |owner: &'static str, until: i64| {
            world
                .aside(move |aside| Box::pin(async move { aside.lease_link(of.0, of.1, owner, until).await }))
                .await
                .unwrap()
                .is_some()
        };
        let ends = async |owner: &'static str| {
            world
                .aside(move |aside| {
                    Box::pin(async move { aside.remove_errand(of, (Way::Push, "a"), owner).await })
                })
                .await
                .unwrap();
            world.conn().await.errands_total(of).await.unwrap()[0] == 0
        };
        assert!(lease("one", NOW + 60).await);
        world.clock.turn(61);
        assert!(lease("other", NOW + 121).await);
        let keys = [("a".to_owned(), false)];
        world
            .aside(move |aside| Box::pin(async move { aside.add_errands(of, (&keys, false), "c").await }))
            .await
            .unwrap();
        assert!(!ends("one").await, "it comes too late");
        assert!(ends("other").await);
    })
    .await;
}

/// Guests hear of what somebody did here, and of nothing that a comparison found: the one never hides behind the other.
#[tokio::test]
async fn what_was_done_here_is_not_quiet_because_a_comparison_comes_by_it() {
    everywhere(async |world: World| {
        let link = world.linked().await;
        let of = (link.clinic, link.id);
        let add = async |quiet| {
            let keys = [("a".to_owned(), quiet)];
            let job = world.aside(move |aside| {
                Box::pin(async move { aside.add_errands(of, (&keys, false), "c").await })
            });
            job.await.unwrap();
        };
        let quiet = async || world.conn().await.errands_due(of, NOW, 9).await.unwrap()[0].quiet;
        add(true).await;
        assert!(quiet().await);
        add(false).await;
        add(true).await;
        assert!(!quiet().await, "pending");
        let mut one = world.conn().await.errands_due(of, NOW, 9).await.unwrap().remove(0);
        one.quiet = true;
        let save = async |one: Errand| {
            let job = world.aside(move |aside| Box::pin(async move { aside.save_errand(of, &one).await }));
            job.await.unwrap();
        };
        save(one.clone()).await;
        assert!(!quiet().await, "pending still");
        save(Errand { state: ErrandState::Dead, ..one }).await;
        add(true).await;
        assert!(quiet().await, "what was given up is not told of when all is compared anew");
    })
    .await;
}

#[tokio::test]
async fn what_is_fresh_goes_before_a_backfill_and_stays_so() {
    everywhere(async |world: World| {
        let mut link = world.linked().await;
        let of = (link.clinic, link.id);
        let add = async |key: &'static str, backfill| {
            world
                .aside(move |aside| {
                    Box::pin(async move {
                        aside.add_errands(of, (&[(key.into(), backfill)], backfill), "c").await
                    })
                })
                .await
                .unwrap()
        };
        add("a", true).await;
        add("b", true).await;
        assert_eq!(world.conn().await.errand_next(of).await.unwrap(), Some((NOW, true)));
        world.clock.turn(5);
        add("b", false).await;
        add("b", true).await;
        let due = world.conn().await.errands_due(of, NOW + 5, 9).await.unwrap();
        let due: Vec<_> = due.iter().map(|one| (one.key.as_str(), one.backfill, one.quiet)).collect();
        assert_eq!(due, [("b", false, false), ("a", true, true)]);
        assert_eq!(world.conn().await.errand_next(of).await.unwrap(), Some((NOW, false)));
        // A new link has a first look before it; one that is called for has not.
        assert!(link.backfill);
        let due = async |most, rest| world.store.across().await.unwrap().links_due(NOW + 5, most, rest).await;
        assert_eq!((due(9, 0).await.unwrap().len(), due(0, 9).await.unwrap().len()), (0, 1));
        let at = NOW + 9;
        world
            .aside(move |aside| Box::pin(async move { aside.notify_link(of.0, of.1, at).await }))
            .await
            .unwrap();
        assert_eq!((due(9, 0).await.unwrap().len(), due(0, 9).await.unwrap().len()), (1, 0));
        link = world.conn().await.link(of.0, of.1).await.unwrap().unwrap();
        (link.lease_owner, link.backfill) = (String::new(), true);
        let (saved, visits) = (link.clone(), link.collection);
        assert!(
            world.aside(move |aside| Box::pin(async move { aside.save_link(&saved).await })).await.unwrap()
        );
        assert!(world.conn().await.link(of.0, of.1).await.unwrap().unwrap().backfill);
        world
            .aside(move |aside| Box::pin(async move { aside.stir_links(of.0, &[visits]).await }))
            .await
            .unwrap();
        assert!(!world.conn().await.link(of.0, of.1).await.unwrap().unwrap().backfill, "called for");
    })
    .await;
}
