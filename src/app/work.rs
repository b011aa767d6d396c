//! What runs by the clock beside the requests. The list.
//!
//! Invariant: a round that fails is logged and tried again at its next turn; none ever ends the server. The
//! warming is done once, for a moment before the first requests and then beside them, as the first look at the horizon.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
    time,
};

use super::{parts::Parts, telemetry::Meters};
use crate::{clinic::Clinic, google::Google};

/// Between two writes of "last used".
const USES: Duration = Duration::from_secs(crate::accounts::USES_EVERY_SECONDS as u64);
/// Between two rounds of the calendars' own upkeep (packs for a quick start).
const TEND: Duration = Duration::from_secs(60);
/// Between two looks whether a day has passed and the booking horizon must move.
const HORIZON: Duration = Duration::from_secs(3_600);
/// Between two looks at the indexes of free time: nobody waits for the days that passed while nobody asked.
const INDEXES: Duration = Duration::from_secs(600);
/// Between two looks for holds that ran out.
const HOLDS: Duration = Duration::from_secs(2);
/// Between two looks for keys of calls that are a day old.
const REPEATS: Duration = Duration::from_secs(3_600);
/// Between two looks for links whose time has come.
const LINKS: Duration = Duration::from_secs(1);
/// How long the first requests wait for warm memories: who asks a cold server at eight in the morning waits longer.
const WARMING: Duration = Duration::from_millis(200);
/// Between two readings of the metrics' samples.
const METERS: Duration = Duration::from_secs(5);

/// Starts everything; each ends when `stop` becomes true. Returns when the calendars are warm, or have had their time.
pub async fn start(
    parts: &Parts,
    google: Option<Google>,
    meters: Arc<Meters>,
    stop: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut all = JoinSet::new();
    let accounts = parts.accounts.clone();
    all.spawn(every(USES, stop.clone(), move || {
        let accounts = accounts.clone();
        async move { said("noting what was used", accounts.write_uses().await) }
    }));
    let accounts = parts.accounts.clone();
    all.spawn(every(REPEATS, stop.clone(), move || {
        let accounts = accounts.clone();
        async move { said("forgetting the keys of old calls", accounts.forget_repeats().await) }
    }));
    let calendars = parts.calendars.clone();
    let (done, warm) = oneshot::channel();
    all.spawn(async move {
        said("warming the calendars", calendars.warm().await);
        done.send(()).ok();
    });
    let calendars = parts.calendars.clone();
    all.spawn(every(TEND, stop.clone(), move || {
        let calendars = calendars.clone();
        async move { said("tending the calendars", calendars.tend().await) }
    }));
    let clinic = parts.clinic.clone();
    all.spawn(async move { said("building the indexes of free time", clinic.warm().await) });
    let clinic = parts.clinic.clone();
    all.spawn(every(INDEXES, stop.clone(), move || {
        let clinic = clinic.clone();
        async move { said("keeping the indexes of free time", clinic.warm().await) }
    }));
    let clinic = parts.clinic.clone();
    all.spawn(async move { extend(&clinic).await });
    let clinic = parts.clinic.clone();
    all.spawn(every(HORIZON, stop.clone(), move || {
        let clinic = clinic.clone();
        async move { extend(&clinic).await }
    }));
    let clinic = parts.clinic.clone();
    all.spawn(every(HOLDS, stop.clone(), move || {
        let clinic = clinic.clone();
        async move { said("telling of holds that ran out", clinic.tell_ended_holds().await.map(drop)) }
    }));
    if let Some(google) = google {
        all.spawn(follow(google.clone(), stop.clone()));
        all.spawn(every(LINKS, stop.clone(), move || {
            let google = google.clone();
            async move { said("looking at lists of calendars", google.lists().await.map(drop)) }
        }));
    }
    all.spawn(every(METERS, stop.clone(), move || {
        meters.tidy();
        async {}
    }));
    time::timeout(WARMING, warm).await.ok();
    all
}

async fn extend(clinic: &Clinic) {
    said("extending the booking horizon", clinic.extend_horizons().await.map(drop));
}

/// Links have their turns when something calls for them; else it is looked each second whose time has come.
async fn follow(google: Google, mut stop: watch::Receiver<bool>) {
    let mut turns = google.turns();
    while !*stop.borrow() {
        said("looking for links", turns.begin().await);
        tokio::select! {
            () = turns.called() => {}
            () = time::sleep(LINKS) => {}
            _ = stop.changed() => {}
        }
    }
}

async fn every<F>(
    pause: Duration,
    mut stop: watch::Receiver<bool>,
    round: impl Fn() -> F + Send + Sync + 'static,
) where
    F: Future<Output = ()> + Send,
{
    loop {
        let is_over = tokio::select! {
            _ = time::sleep(pause) => false,
            _ = stop.wait_for(|stop| *stop) => true,
        };
        if is_over {
            return;
        }
        round().await;
    }
}

fn said<E: std::fmt::Display>(what: &str, done: Result<(), E>) {
    if let Err(error) = done {
        tracing::warn!(%error, "{what} failed; it is tried again");
    }
}
