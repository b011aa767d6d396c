//! A clinic to begin with: ada, bob, and ada's calendar. Dropped with its database.

use ::store::{
    BoxFuture, ClinicId, Clock, Collection, CollectionId, Etag, NewCollection, NewObject, NewPrincipal,
    PrincipalId, PrincipalKind, Result, Store, Tx,
};
use bytes::Bytes;

use crate::support::database::{Fresh, each};

/// The moment at which the clock of these tests stands: 2026-03-29T00:59:00Z.
pub const NOW: i64 = 1_774_745_940;

pub struct World {
    pub store: Store,
    pub clock: Clock,
    pub clinic: ClinicId,
    pub ada: PrincipalId,
    pub bob: PrincipalId,
    pub visits: CollectionId,
    pub fresh: Fresh,
}

/// Runs the test in a world on either database.
pub async fn everywhere(test: impl AsyncFn(World)) {
    each(async |fresh| test(World::over(fresh).await).await).await;
}

impl World {
    pub async fn over(mut fresh: Fresh) -> World {
        let clock = Clock::at(NOW);
        fresh.options.clock = clock.clone();
        // These tests hold connections side by side, on purpose.
        fresh.options.pool = 4;
        let store = fresh.store().await;
        let clinic = store.across().await.unwrap().clinics().await.unwrap()[0].id;
        let (ada, bob, visits) = change(&store, clinic, |tx| {
            Box::pin(async move {
                let ada = tx.insert_principal(person("ada")).await?.id;
                let bob = tx.insert_principal(person("bob")).await?.id;
                Ok((ada, bob, tx.insert_collection(ada, calendar("visits")).await?.id))
            })
        })
        .await
        .unwrap();
        World { store, clock, clinic, ada, bob, visits, fresh }
    }

    /// One change of the clinic.
    pub async fn change<T: Send + 'static>(
        &self,
        job: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    ) -> Result<T> {
        change(&self.store, self.clinic, job).await
    }

    /// Writes an object of this text under `name`, with the name as its UID.
    pub async fn put(&self, name: &str, text: &str) -> Result<()> {
        let new = object(self.visits, name, text);
        self.change(|tx| Box::pin(async move { tx.save_object(new).await })).await
    }

    pub async fn remove(&self, name: &str) -> Result<bool> {
        let (visits, name) = (self.visits, name.to_string());
        self.change(move |tx| Box::pin(async move { tx.remove_object(visits, &name).await })).await
    }

    pub async fn conn(&self) -> ::store::Conn {
        self.store.read(self.clinic).await.unwrap()
    }

    pub async fn seq(&self) -> i64 {
        self.store.version(self.clinic).await.unwrap().seq
    }

    pub async fn visits(&self) -> Collection {
        self.conn().await.collections_by_id(self.clinic, &[self.visits]).await.unwrap().remove(0)
    }
}

pub async fn change<T: Send + 'static>(
    store: &Store,
    clinic: ClinicId,
    job: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
) -> Result<T> {
    store.write(clinic, job).await
}

pub fn person(name: &str) -> NewPrincipal {
    NewPrincipal {
        name: name.into(),
        kind: PrincipalKind::Individual,
        display_name: format!("Dr. {name}"),
        email: None,
        zone: Some("Europe/Berlin".into()),
        password_hash: None,
        role: None,
    }
}

pub fn calendar(slug: &str) -> NewCollection {
    NewCollection { slug: slug.into(), components: "VEVENT,VTODO".into(), ..NewCollection::default() }
}

pub fn object(collection: CollectionId, name: &str, text: &str) -> NewObject {
    let text = Bytes::from(text.to_string());
    NewObject {
        collection,
        name: name.into(),
        uid: format!("uid-{name}"),
        etag: Etag::of(&text),
        kind: 1,
        first: 10,
        last: 20,
        digest: Bytes::from_static(b"digest"),
        text,
    }
}
