//! What is derived or beside the sequence: packs, digests, meta. None of it moves a number that clients see.

use ::store::{CollectionId, Error, Etag, NewDigest, Pack, Result};
use bytes::Bytes;

use super::world::{World, everywhere};

async fn aside<T: Send + 'static>(
    world: &World,
    job: impl for<'t> FnOnce(&'t mut ::store::Aside) -> ::store::BoxFuture<'t, Result<T>> + Send + 'static,
) -> Result<T> {
    world.store.aside(job).await
}

#[tokio::test]
async fn the_newest_pack_is_kept() {
    everywhere(async |world: World| {
        let (clinic, visits) = (world.clinic, world.visits);
        let before = world.seq().await;
        let pack =
            |seq, version: &str| Pack { seq, version: version.into(), body: Bytes::from(vec![1; 100_000]) };
        let put = |pack: Pack| {
            aside(&world, move |aside| Box::pin(async move { aside.put_pack(clinic, visits, pack).await }))
        };
        put(pack(5, "1")).await.unwrap();
        put(pack(4, "1")).await.unwrap();
        assert_eq!(world.conn().await.pack(clinic, visits).await.unwrap(), Some(pack(5, "1")));
        put(pack(4, "2")).await.unwrap();
        assert_eq!(world.conn().await.pack(clinic, visits).await.unwrap(), Some(pack(4, "2")));
        assert_eq!(world.seq().await, before);
        let (nowhere, late) = (CollectionId(999), pack(1, "1"));
        let gone =
            aside(&world, move |aside| Box::pin(async move { aside.put_pack(clinic, nowhere, late).await }));
        assert!(matches!(gone.await, Err(Error::Gone)));
        aside(&world, move |aside| Box::pin(async move { aside.drop_packs(clinic).await })).await.unwrap();
        assert_eq!(world.conn().await.pack(clinic, visits).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn digests_are_rewritten_only_under_the_same_text() {
    everywhere(async |world: World| {
        let (clinic, visits) = (world.clinic, world.visits);
        for n in 0..450 {
            world.put(&format!("{n}.ics"), "text").await.unwrap();
        }
        let seq = world.seq().await;
        let mut batch: Vec<NewDigest> = (0..450)
            .map(|n| NewDigest {
                name: format!("{n}.ics"),
                etag: Etag::of(b"text"),
                kind: 2,
                first: -n,
                last: n,
                digest: Bytes::from_static(b"new"),
            })
            .collect();
        batch[7].etag = Etag::of(b"another text");
        let write = aside(&world, move |aside| {
            Box::pin(async move { aside.update_digests(clinic, visits, &batch).await })
        });
        assert_eq!(write.await.unwrap(), 449);
        let mut conn = world.conn().await;
        let new = conn.object_meta(clinic, visits, "9.ics").await.unwrap().unwrap();
        assert_eq!((new.kind, new.first, new.last, &new.digest[..]), (2, -9, 9, &b"new"[..]));
        let old = conn.object_meta(clinic, visits, "7.ics").await.unwrap().unwrap();
        assert_eq!((old.kind, &old.digest[..]), (1, &b"digest"[..]));
        assert_eq!(world.seq().await, seq);
    })
    .await;
}

#[tokio::test]
async fn meta_keeps_values_and_guards_its_own() {
    everywhere(async |world: World| {
        let set = |key: &'static str, value: &'static str| {
            aside(&world, move |aside| Box::pin(async move { aside.set_meta(key, value).await }))
        };
        assert_eq!(world.conn().await.meta("derived").await.unwrap(), None);
        set("derived", "2026a").await.unwrap();
        set("derived", "2026b").await.unwrap();
        assert_eq!(world.conn().await.meta("derived").await.unwrap().as_deref(), Some("2026b"));
        for key in ["schema", "installation", "secret"] {
            assert!(matches!(set(key, "x").await, Err(Error::Invalid(_))), "{key}");
        }
        let mut conn = world.conn().await;
        assert_eq!(conn.installation().await.unwrap().len(), 32);
        assert_ne!(conn.installation_secret().await.unwrap(), [0; 32]);
        assert_eq!(conn.meta("schema").await.unwrap(), Some(::store::SCHEMA.to_string()));
    })
    .await;
}

#[tokio::test]
async fn a_refused_aside_leaves_nothing() {
    everywhere(async |world: World| {
        let refused = aside(&world, |aside| {
            Box::pin(async move {
                aside.set_meta("derived", "x").await?;
                Result::<()>::Err(Error::Invalid("no"))
            })
        });
        assert!(refused.await.is_err());
        assert_eq!(world.conn().await.meta("derived").await.unwrap(), None);
    })
    .await;
}
