//! Accounts with Google, links, twins, channels; `errands` stand beside it.

use ::store::{
    Aside, Born, BoxFuture, Channel, ClinicId, CollectionId, Consent, Error, Link, LinkCounts, LinkId, NEVER,
    NewLink, PrincipalId, Remote, RemoteId, Result, Twin, Unique, Watched,
};

use super::world::{NOW, World, everywhere};

impl World {
    pub async fn aside<T: Send + 'static>(
        &self,
        job: impl for<'t> FnOnce(&'t mut Aside) -> BoxFuture<'t, Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.store.aside(job).await
    }

    pub async fn linked(&self) -> Link {
        let (clinic, ada, visits) = (self.clinic, self.ada, self.visits);
        let id =
            self.aside(move |aside| Box::pin(async move { link(aside, (clinic, ada, visits)).await })).await;
        self.conn().await.link(clinic, id.unwrap()).await.unwrap().unwrap()
    }
}

fn remote(clinic: ClinicId, principal: PrincipalId) -> Remote {
    Remote {
        clinic,
        id: RemoteId(0),
        principal,
        subject: "1".into(),
        email: "ada@x.example".into(),
        scopes: "a b".into(),
        refresh: Some(vec![1]),
        access: None,
        access_until: 5,
        state: "active".into(),
        reason: String::new(),
        connected_at: NOW,
        list_at: 0,
        unlinked: 0,
    }
}

#[tokio::test]
async fn a_remote_that_was_removed_is_not_brought_back_by_whoever_still_works_with_it() {
    everywhere(async |world: World| {
        let (clinic, ada) = (world.clinic, world.ada);
        let told = world.aside(move |aside| {
            Box::pin(async move {
                let mut known = remote(clinic, ada);
                known.id = aside.save_remote(&known).await?;
                known.state = "needs_reauth".into();
                let changed = aside.change_remote(&known).await?;
                aside.remove_remote(clinic, known.id).await?;
                Ok((changed, aside.change_remote(&known).await?))
            })
        });
        assert_eq!(told.await.unwrap(), (true, false));
        assert!(world.conn().await.remotes(clinic, ada).await.unwrap().is_empty());
    })
    .await;
}

async fn link(
    aside: &mut Aside,
    (clinic, ada, visits): (ClinicId, PrincipalId, CollectionId),
) -> Result<LinkId> {
    let remote = aside.save_remote(&remote(clinic, ada)).await?;
    let new = NewLink {
        reason: String::new(),
        due_at: NOW,
        clinic,
        remote,
        calendar: "primary".into(),
        collection: visits,
        terms: "{}".into(),
        state: "new".into(),
    };
    aside.insert_link(&new).await
}

fn twin(uid: &str, recurrence: &str, event: &str) -> Twin {
    Twin {
        uid: uid.into(),
        recurrence: recurrence.into(),
        name: format!("{uid}.ics"),
        event: event.into(),
        born: Born::Here,
        generation: 0,
        etag: "1".into(),
        base: "{}".into(),
        gone_at: None,
    }
}

fn channel(link: &Link) -> Channel {
    Channel {
        clinic: link.clinic,
        id: "c".into(),
        of: Watched::Calendar(link.id),
        resource: String::new(),
        hash: [1; 32],
        state: "asked".into(),
        made_at: NOW,
        expires_at: NOW + 9,
        life: "l".into(),
    }
}

/// One row in each of the tables.
pub async fn furnish(world: &World) {
    let link = world.linked().await;
    let consent = consent(world);
    let done = world.aside(move |aside| {
        Box::pin(async move {
            let of = (link.clinic, link.id);
            aside.begin_consent(&consent).await?;
            aside.save_twins(of, &[twin("a", "", "e")]).await?;
            aside.add_errands(of, (&[("a.ics".into(), false)], false), "c").await?;
            aside.save_channel(&channel(&link)).await?;
            aside.save_channel(&Channel { of: Watched::List(link.remote), ..channel(&link) }).await?;
            aside.note_link(&link, "guard", "a", "{}").await
        })
    });
    done.await.unwrap();
}

fn consent(world: &World) -> Consent {
    Consent {
        clinic: world.clinic,
        hash: [7; 32],
        principal: world.ada,
        verifier: vec![9],
        scopes: "a".into(),
        expires_at: NOW + 600,
    }
}

#[tokio::test]
async fn a_consent_is_taken_once_and_ends() {
    everywhere(async |world: World| {
        let (clinic, hash, first, second) = (world.clinic, [7; 32], consent(&world), consent(&world));
        let take = async || {
            world.aside(move |aside| Box::pin(async move { aside.take_consent(&hash).await })).await.unwrap()
        };
        assert!(take().await.is_none());
        world.aside(move |aside| Box::pin(async move { aside.begin_consent(&first).await })).await.unwrap();
        assert_eq!(take().await.unwrap().verifier, [9]);
        assert!(take().await.is_none(), "once");
        assert_eq!(world.conn().await.consented(clinic, &hash).await.unwrap(), None);
        let end = |id| {
            world.aside(move |aside| Box::pin(async move { aside.end_consent(clinic, &hash, id).await }))
        };
        end(RemoteId(3)).await.unwrap();
        assert_eq!(world.conn().await.consented(clinic, &hash).await.unwrap(), Some(RemoteId(3)));
        world.clock.turn(600);
        let late = Consent { expires_at: NOW + 1_200, hash: [8; 32], ..second };
        world.aside(move |aside| Box::pin(async move { aside.begin_consent(&late).await })).await.unwrap();
        assert_eq!(world.conn().await.consented(clinic, &hash).await.unwrap(), None, "forgotten");
    })
    .await;
}

#[tokio::test]
async fn an_account_connected_again_is_the_same_row() {
    everywhere(async |world: World| {
        let (clinic, ada) = (world.clinic, world.ada);
        let save = async |remote: Remote| {
            world.aside(move |aside| Box::pin(async move { aside.save_remote(&remote).await })).await.unwrap()
        };
        let id = save(remote(clinic, ada)).await;
        assert_eq!(save(Remote { refresh: Some(vec![2]), ..remote(clinic, ada) }).await, id);
        let other = save(Remote { subject: "2".into(), ..remote(clinic, ada) }).await;
        let all = world.conn().await.remotes(clinic, ada).await.unwrap();
        assert_eq!(all.iter().map(|one| one.id).collect::<Vec<_>>(), [id, other]);
        assert_eq!(world.conn().await.remote(clinic, id).await.unwrap().unwrap().refresh, Some(vec![2]));
        world
            .aside(move |aside| Box::pin(async move { aside.remove_remote(clinic, id).await }))
            .await
            .unwrap();
        assert!(world.conn().await.remote(clinic, id).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn one_node_has_the_lease_and_what_happens_meanwhile_is_not_lost() {
    everywhere(async |world: World| {
        let mut link = world.linked().await;
        let due = async |now| world.store.across().await.unwrap().links_due(now, 9, 9).await.unwrap();
        assert_eq!(due(NOW).await, [link.clone()]);
        let (clinic, id, visits) = (link.clinic, link.id, link.collection);
        let lease = async |owner: &'static str, until| {
            let leased = world.aside(move |aside| leasing(aside, (clinic, id), owner, until)).await;
            leased.unwrap()
        };
        let prolong = async |link: &Link| {
            let link = link.clone();
            world
                .aside(move |aside| Box::pin(async move { aside.prolong_link(&link, NOW + 60).await }))
                .await
                .unwrap()
        };
        let stir = async || {
            world
                .aside(move |aside| Box::pin(async move { aside.stir_links(clinic, &[visits]).await }))
                .await
                .unwrap();
        };
        let notify = async |at| {
            world
                .aside(move |aside| Box::pin(async move { aside.notify_link(clinic, id, at).await }))
                .await
                .unwrap();
        };
        let save = async |link: Link| {
            world.aside(move |aside| Box::pin(async move { aside.save_link(&link).await })).await.unwrap()
        };
        let read = async || world.conn().await.link(clinic, id).await.unwrap().unwrap();
        notify(NOW).await;
        let taken = lease("one", NOW + 60).await.unwrap();
        assert_eq!(
            (link.dirty, taken.dirty, taken.due_at),
            (0, 1, NOW + 60),
            "called for after it was found"
        );
        assert!(lease("two", NOW + 60).await.is_none() && lease("one", NOW + 60).await.is_none());
        assert!(due(NOW).await.is_empty(), "it is being worked on");
        assert_eq!(due(NOW + 60).await.len(), 1, "its node may have died");
        stir().await;
        assert!(prolong(&taken).await, "what called for it is not forgotten");
        assert!(!prolong(&Link { lease_owner: "two".into(), ..taken.clone() }).await);
        link = Link { due_at: NOW + 1_000, token: Some("t".into()), lease_until: 0, ..taken.clone() };
        assert!(!save(Link { lease_owner: "two".into(), ..link.clone() }).await);
        assert!(save(link.clone()).await);
        assert_eq!(
            (read().await.due_at, read().await.token.as_deref()),
            (NOW, Some("t")),
            "stirred meanwhile"
        );
        assert!(lease("one", NOW + 60).await.is_some() && save(link.clone()).await);
        assert!(lease("two", NOW + 60).await.is_none(), "one had a turn since: it is not due");
        notify(NOW).await;
        assert!(lease("one", NOW + 60).await.is_some());
        notify(NOW + 5).await;
        assert!(save(Link { due_at: NOW + 1, ..link.clone() }).await);
        assert_eq!(read().await.due_at, NOW + 1, "what is told of soon does not hold up what is due now");
        world.clock.turn(1);
        assert!(lease("one", NOW + 60).await.is_some() && save(link.clone()).await);
        // The clock may jump over a lease whose turn goes on: what calls for the link then is as little lost.
        for call in [true, false] {
            notify(NOW).await;
            assert!(lease("one", NOW - 10).await.is_some());
            if call {
                notify(NOW).await
            } else {
                stir().await
            }
            assert!(save(link.clone()).await);
            assert_eq!(read().await.due_at, NOW - 11);
            assert!(lease("one", NOW + 60).await.is_some() && save(link.clone()).await);
            assert_eq!(read().await.due_at, NOW + 1_000, "nothing called for it");
        }
        let dirty = read().await.dirty;
        notify(NOW + 5).await;
        assert_eq!((read().await.due_at, read().await.dirty), (NOW + 5, dirty + 1));
        let rests = Link { due_at: NEVER, ..link.clone() };
        world.aside(move |aside| Box::pin(async move { aside.set_link(&rests).await })).await.unwrap();
        notify(NOW + 5).await;
        stir().await;
        assert!(due(NOW + 1_000_000).await.is_empty(), "it rests");
        let (ada, again) = (world.ada, (clinic, world.ada, visits));
        let twice = world.aside(move |aside| Box::pin(async move { self::link(aside, again).await })).await;
        assert!(matches!(twice, Err(Error::Unique(Unique::Other))));
        let of = world.conn().await.remotes(clinic, ada).await.unwrap()[0].id;
        assert_eq!(world.conn().await.links_of(clinic, &[of]).await.unwrap().len(), 1);
        assert!(
            world
                .aside(move |aside| Box::pin(async move { aside.remove_link(clinic, id).await }))
                .await
                .unwrap()
        );
    })
    .await;
}

fn leasing<'t>(
    aside: &'t mut Aside,
    (clinic, id): (ClinicId, LinkId),
    owner: &'static str,
    until: i64,
) -> BoxFuture<'t, Result<Option<Link>>> {
    Box::pin(async move { aside.lease_link(clinic, id, owner, until).await })
}

#[tokio::test]
async fn twins_are_found_by_event_name_and_uid() {
    everywhere(async |world: World| {
        let link = world.linked().await;
        let of = (link.clinic, link.id);
        let all = [
            twin("a", "", "e1"),
            twin("a", "20260101", "e2"),
            Twin { gone_at: Some(1), ..twin("b", "", "e3") },
        ];
        let kept = all.clone();
        world.aside(move |aside| Box::pin(async move { aside.save_twins(of, &kept).await })).await.unwrap();
        let mut conn = world.conn().await;
        assert!(conn.twins_by_event(of, &["e2".into(), "e9".into()]).await.unwrap() == [all[1].clone()]);
        assert!(conn.twins_by_name(of, &["a.ics".into()]).await.unwrap() == all[..2]);
        assert!(conn.twins_by_uid(of, &["a".into(), "b".into()]).await.unwrap() == all);
        assert!(conn.twins_after(of, ("", ""), 9).await.unwrap() == all[..1]);
        assert!(conn.twins_after(of, ("a", ""), 9).await.unwrap().is_empty());
        assert_eq!(conn.twins_total(of).await.unwrap(), 1);
        // Of an object that does not stand there as a whole, each occurrence does.
        let alone = [twin("c", "20260101", "e4"), twin("c", "20260108", "e5")];
        let others = [
            Twin { base: "null".into(), ..twin("c", "20260115", "e6") },
            Twin { born: Born::There, ..twin("d", "20260101", "e7") },
        ];
        let kept: Vec<Twin> = alone.iter().chain(&others).cloned().collect();
        world.aside(move |aside| Box::pin(async move { aside.save_twins(of, &kept).await })).await.unwrap();
        assert!(conn.twins_after(of, ("a", ""), 9).await.unwrap() == alone);
        assert!(conn.twins_after(of, ("c", "20260101"), 9).await.unwrap() == alone[1..]);
        assert_eq!(conn.twins_total(of).await.unwrap(), 3);
        world
            .aside(move |aside| Box::pin(async move { aside.remove_twin(of, "a", "20260101").await }))
            .await
            .unwrap();
        assert!(conn.twins_by_uid(of, &["a".into()]).await.unwrap() == all[..1]);
    })
    .await;
}

#[tokio::test]
async fn channels_and_notes_go_with_their_link() {
    everywhere(async |world: World| {
        let link = world.linked().await;
        let (clinic, id, made, noted) = (link.clinic, link.id, channel(&link), link.clone());
        let gone = made.clone();
        world
            .aside(move |aside| {
                Box::pin(async move {
                    aside.save_channel(&made).await?;
                    aside
                        .save_channel(&Channel { resource: "r".into(), state: "live".into(), ..made })
                        .await?;
                    aside.note_link(&noted, "one", "a", "{}").await?;
                    aside.note_link(&noted, "two", "a", "{}").await
                })
            })
            .await
            .unwrap();
        let mut across = world.store.across().await.unwrap();
        assert_eq!(across.channel("c").await.unwrap().unwrap().resource, "r");
        assert_eq!(world.conn().await.channels_of(clinic, Watched::Calendar(id)).await.unwrap().len(), 1);
        let notes = world.conn().await.link_notes(clinic, id, 9).await.unwrap();
        assert_eq!(
            notes.iter().map(|one| (one.n, one.kind.as_str())).collect::<Vec<_>>(),
            [(2, "two"), (1, "one")]
        );
        world.aside(move |aside| Box::pin(async move { aside.remove_channel(&gone).await })).await.unwrap();
        assert!(across.channel("c").await.unwrap().is_none());
        let listed = Channel { of: Watched::List(link.remote), ..channel(&link) };
        let (kept, found) = (listed.clone(), listed.clone());
        world.aside(move |aside| Box::pin(async move { aside.save_channel(&kept).await })).await.unwrap();
        assert_eq!(across.channel("c").await.unwrap(), Some(found));
        assert_eq!(world.conn().await.channels_of(clinic, listed.of).await.unwrap().len(), 1);
        world.aside(move |aside| Box::pin(async move { aside.remove_channel(&listed).await })).await.unwrap();
        assert!(across.channel("c").await.unwrap().is_none());
        // A calendar that is removed takes its links along.
        let visits = world.visits;
        world.change(move |tx| Box::pin(async move { tx.remove_collection(visits).await })).await.unwrap();
        assert!(world.conn().await.link(clinic, id).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_list_is_looked_at_by_one_when_it_is_due_and_names_its_links() {
    everywhere(async |world: World| {
        let link = world.linked().await;
        let (clinic, id) = (link.clinic, link.remote);
        let due =
            async |now| world.store.across().await.unwrap().remotes_due("active", now, 9).await.unwrap();
        let first = due(NOW).await.remove(0);
        let take = async |remote: &Remote| {
            let remote = remote.clone();
            world
                .aside(move |aside| Box::pin(async move { aside.take_list(&remote, NOW + 100).await }))
                .await
                .unwrap()
        };
        assert!(take(&first).await && !take(&first).await, "one of two");
        assert_eq!((due(NOW + 99).await.len(), due(NOW + 100).await.len()), (0, 1));
        assert!(world.store.across().await.unwrap().remotes_due("x", NOW + 100, 9).await.unwrap().is_empty());
        world
            .aside(move |aside| {
                Box::pin(async move {
                    aside.call_list(clinic, id, NOW + 200).await?;
                    aside.call_list(clinic, id, NOW + 7).await?;
                    aside.saw_list(clinic, id, 3, &[("primary".into(), "hers".into())]).await
                })
            })
            .await
            .unwrap();
        let seen = due(NOW + 7).await.remove(0);
        assert_eq!((seen.list_at, seen.unlinked), (NOW + 7, 3));
        let name = async || world.conn().await.link(clinic, link.id).await.unwrap().unwrap().name;
        assert_eq!(name().await, "hers");
        let ada = Some(world.ada);
        let page =
            async |of, after| world.conn().await.remotes_page(clinic, of, after, 9).await.unwrap().len();
        assert_eq!((page(ada, 0).await, page(None, 0).await, page(None, id.0).await), (1, 1, 0));
        assert_eq!(page(Some(PrincipalId(world.ada.0 + 1_000)), 0).await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_stands_to_links_is_counted_and_a_warning_is_written_once() {
    everywhere(async |world: World| {
        let link = world.linked().await;
        let (of, remote, one) = ((link.clinic, link.id), link.remote, channel(&link));
        assert!(world.conn().await.link_counts(of.0, &[remote]).await.unwrap().is_empty());
        world
            .aside(move |aside| {
                Box::pin(async move {
                    aside.add_errands(of, (&[("a".into(), false), ("b".into(), false)], false), "c").await?;
                    aside.save_channel(&Channel { state: "live".into(), ..one }).await?;
                    aside.warn_link(&link, "guest", "a").await?;
                    aside.warn_link(&link, "guest", "a").await?;
                    aside.warn_link(&link, "guest", "b").await
                })
            })
            .await
            .unwrap();
        let counts = world.conn().await.link_counts(of.0, &[remote]).await.unwrap();
        let expected = LinkCounts { errands: [2, 0, 0], notes: 2, watched_until: Some(NOW + 9) };
        assert_eq!(counts.get(&of.1), Some(&expected));
    })
    .await;
}
