//! `kalends serve`: builds every part once, in order, and shuts down in the order backwards.
//!
//! Invariant: nothing is listened on before the database is right (schema, lock, derived data), and the process
//! ends within ten seconds of being asked to, after the answers in the making were given (trust.md R18).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::HeaderValue;
use store::{Clock, Database, DatabaseUrl, Hold, Lock, Migrated, Store};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use super::{
    Error,
    config::Config,
    elsewhere::Elsewhere,
    parts::{self, Absent, Parts, Turned},
    router::Router,
    telemetry::Meters,
    work,
};
use crate::app::output::say;
use crate::{
    dav::{self, Dav},
    edge::{Gate, auth::PlainLogin, limits, listen::Entrance, proxy::Trusted, tls::Tls},
    feeds::{Feeds, tzdist},
    google::Google,
    rest::Rest,
};

/// What answers in the making may take after the stop; with closing the database it stays below ten seconds.
const GRACE: Duration = Duration::from_secs(7);

/// A server that runs.
pub struct Running {
    pub parts: Parts,
    pub google: Option<Google>,
    /// The settings in force, with the addresses really bound.
    pub config: Config,
    stop: watch::Sender<bool>,
    entrance: JoinHandle<()>,
    work: JoinSet<()>,
    /// Given back last: another server may start when nothing of this one writes any more.
    _lock: Lock,
}

/// Opens, migrates, locks, builds, listens.
pub async fn start(mut config: Config, turned: Turned) -> Result<Running, Error> {
    let store = migrated(&config, turned.clock.clone()).await?;
    let lock = store.lock(Hold::Serve).await?;
    let parts = Parts::build(&config, store, turned).await?;
    if !parts.calendars.index_is_current().await? {
        let done = parts.calendars.reindex().await?;
        parts.clinic.rebuild_all().await?;
        if done.objects > 0 {
            tracing::info!(objects = done.objects, unreadable = done.unreadable, "the index was made again");
        }
    }
    // Who connects from here on waits for the warming; nobody is refused.
    let listeners = bind(&mut config).await?;
    let (stop, stopped) = watch::channel(false);
    let meters = Meters::new(config.metrics_from.clone())?;
    let google = parts::google(&config, &parts)?;
    let work = work::start(&parts, google.clone(), meters.clone(), &stopped).await;
    let entrance = entrance(&config)?;
    let router = Arc::new(router(&config, &parts, google.clone(), (meters, &stopped))?);
    let entrance = tokio::spawn(entrance.run(listeners, move |ask| router.clone().answer(ask), stopped));
    Ok(Running { parts, google, config, stop, entrance, work, _lock: lock })
}

impl Running {
    /// The first address.
    pub fn address(&self) -> SocketAddr {
        self.config.listen[0]
    }

    /// Ends: no new request, the answers in the making, the timers, the database.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.stop.send_replace(true);
        let _ = (&mut self.entrance).await;
        self.work.shutdown().await;
        if let Some(google) = &self.google
            && let Err(error) = google.retire().await
        {
            tracing::warn!(%error, "links that were being worked on are left alone for a minute");
        }
        if let Err(error) = self.parts.calendars.tend().await {
            tracing::warn!(%error, "the next start will be slower: the calendars' packs were not written");
        }
        self.parts.close().await
    }
}

fn router(
    config: &Config,
    parts: &Parts,
    google: Option<Google>,
    (meters, stopped): (Arc<Meters>, &watch::Receiver<bool>),
) -> Result<Router, Error> {
    let plain = if config.allow_plain_http { PlainLogin::Anywhere } else { PlainLogin::LoopbackOnly };
    let root = config.public_url.as_deref().unwrap_or_default();
    let leads = |path: &str| {
        HeaderValue::try_from(format!("{root}{path}")).map_err(|_| Error::config("public_url: not an URL"))
    };
    let (dav_root, timezones_root) = (leads("/dav/")?, leads(tzdist::ROOT)?);
    let settings = dav::Settings {
        public_url: config.public_url.clone(),
        body_bytes: config.limits.body_bytes,
        xml_bytes: config.limits.xml_bytes,
    };
    Ok(Router {
        gate: Gate::new(parts.accounts.clone(), plain),
        dav: Dav::new(parts.calendars.clone(), settings),
        feeds: Feeds::new(parts.calendars.clone(), parts.accounts.clone()),
        rest: Rest::new(
            parts.accounts.clone(),
            parts.clinic.clone(),
            parts.directory.clone(),
            stopped.clone(),
        )
        .with_google(google.clone().map(|google| Arc::new(Elsewhere(google)) as _)),
        parts: parts.clone(),
        google,
        meters,
        dav_root,
        timezones_root,
    })
}

fn entrance(config: &Config) -> Result<Entrance, Error> {
    let tls = match (&config.tls_cert, &config.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls::load(certificate, key)?),
        _ => None,
    };
    let limits =
        limits::Limits { in_flight: config.limits.in_flight, connections: config.limits.connections };
    Ok(Entrance { tls, trusted: Trusted::new(config.trusted_proxies.clone()), limits, grace: GRACE })
}

/// Port 0 becomes the port that was free.
async fn bind(config: &mut Config) -> Result<Vec<TcpListener>, Error> {
    let mut listeners = Vec::new();
    for address in &mut config.listen {
        let what = format!("cannot listen on {address}");
        let listener = TcpListener::bind(*address).await.map_err(Error::io(what))?;
        *address = listener.local_addr().map_err(Error::io("cannot read the address listened on"))?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// The store at this program's schema. SQLite is migrated here, after a backup; PostgreSQL may be in use by other
/// nodes, so its operator decides when.
async fn migrated(config: &Config, clock: Clock) -> Result<Store, Error> {
    let url = config.database_url()?;
    match (parts::open_store(config, Absent::Make, clock.clone()).await, &url) {
        (Err(Error::Store(store::Error::Schema { have, want })), DatabaseUrl::Sqlite(_)) if have < want => {
            migrate(config).await?;
            parts::open_store(config, Absent::Make, clock).await
        }
        (opened, _) => opened,
    }
}

/// One step after the other, with a copy of the file beside it before the first.
pub async fn migrate(config: &Config) -> Result<Migrated, Error> {
    let options = parts::options(config, Absent::Make, Clock::Real)?;
    let before = async |found: Migrated| {
        let DatabaseUrl::Sqlite(file) = &options.url else { return Ok(()) };
        let copy = parts::beside(file, &format!("schema-{}-{}", found.from, store::clock::now()));
        tracing::info!(copy = %copy.display(), from = found.from, to = found.to, "copying before the migration");
        Store::copy(&options, &copy).await
    };
    Ok(Store::migrate(&options, before).await?)
}

/// The command: runs until SIGTERM or SIGINT.
pub async fn run(config: Config, demo: bool) -> Result<(), Error> {
    let running = start(config, Turned::default()).await?;
    announce(&running);
    if demo {
        super::demo::fill(&running.parts, &running.config.base_url()).await?;
    }
    signal().await?;
    tracing::info!("stopping: answers in the making are finished");
    running.stop().await
}

fn announce(running: &Running) {
    let (config, database) = (&running.config, running.parts.store.database());
    let is_open = config.listen.iter().any(|address| !address.ip().is_loopback());
    if is_open && config.tls_cert.is_none() && config.trusted_proxies.is_empty() && !config.allow_plain_http {
        tracing::warn!(
            "other machines reach this server by plain HTTP only: set tls_cert, or trusted_proxies"
        );
    }
    let place = match config.database_url() {
        Ok(url) if database == Database::Sqlite => format!("SQLite, {url}"),
        Ok(url) => format!("PostgreSQL, {url}"),
        Err(_) => parts::word(database).to_owned(),
    };
    say!("Kalends {} ({place})", env!("CARGO_PKG_VERSION"));
    let scheme = if config.tls_cert.is_some() { "https" } else { "http" };
    for address in &config.listen {
        say!("listening on {scheme}://{address}");
    }
    say!("calendar programs: {}/dav/", config.base_url());
}

async fn signal() -> Result<(), Error> {
    use tokio::signal::unix::{SignalKind, signal};
    let what = "cannot wait for signals";
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::io(what))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::io(what))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
